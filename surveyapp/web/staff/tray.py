"""The tray of a wave: its key holder opens it, with a key that is used in memory and never kept."""

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue
from flask_wtf.file import FileField

from surveyapp import campaigning
from surveyapp.problems import SurveyError
from surveyapp.ranges import Range, small
from surveyapp.roles import KEY_HOLDER
from surveyapp.storage.jobs import AT_WORK, DONE, FAILED
from surveyapp.web.staff.doors import Desk, Door
from surveyapp.web.staff.pages import Form, go
from surveyapp.working import tray as opening

pages = Blueprint("tray", __name__, url_prefix="/surveys/<slug:survey>")
door = Door(pages)


class Key(Form):
    """The key holder's file."""

    key = FileField("Key file")


@door.get("/waves/<slug:wave>/tray", KEY_HOLDER)
def index(desk: Desk) -> ResponseReturnValue:
    """How many answers are sealed, when they may be opened, and how the last opening went."""
    return _page(desk, Key())


@door.post("/waves/<slug:wave>/tray", KEY_HOLDER, act="tray-open", fresh="tray.index")
def open_tray(desk: Desk) -> ResponseReturnValue:
    """Begin to open the tray."""
    form, wave = Key(), desk.wave
    if wave.key_place == "holder" and not form.key.data:
        form.key.errors = ["Choose the key file"]
        return _page(desk, form), 400
    try:
        key = opening.key_of(desk.home, wave, form.key.data.read(10_000) if form.key.data else None)
        opening.open_tray(desk.db, desk.home, wave, key, desk.member.email, desk.today, desk.office.now)
    except SurveyError as error:
        words = str(error)
        form.key.errors = [words[:1].upper() + words[1:]]
        return _page(desk, form), 400
    return go("tray.index", survey=desk.survey, wave=wave.name)


def _page(desk: Desk, form: Key) -> str:
    # The job before the tray: of an opening that ends in between, the page says that it goes on, and looks again.
    job = opening.last_opening(desk.db, desk.wave)
    found = campaigning.status(desk.db, desk.wave.name)
    minimum = campaigning.minimum_base(desk.db, desk.wave)
    stopped = job is not None and opening.is_stopped(job, desk.office.now())
    return render_template(
        "staff/tray.html",
        form=form,
        found=found,
        sealed=_sealed(found.tray, max(found.tray, desk.wave.population), minimum),
        minimum=minimum,
        job=job,
        running=job is not None and job.state in AT_WORK and not stopped,
        failed=(opening.STOPPED if stopped else job.said if job and job.state == FAILED else ""),
        done=job.said if job and job.state == DONE else "",
    )


def _sealed(number: int, room: int, minimum: int) -> int | Range:
    """A small number is a range before the close: two looks at it would tell when somebody answered."""
    return small(number, room, minimum) or number
