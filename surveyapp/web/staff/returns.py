"""Returns that came on paper or by telephone: keyed one after another, or loaded from a file.

The screen is `web.keying`; here it gets its doors, and a sitting that is kept in the store. What a sitting holds
opens with a secret in a cookie of its own, which goes to these pages of one wave and nowhere else. The trail has a
line for each sitting, when it begins, and none for a return: no line says when somebody's answers were keyed.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import Blueprint, Response, after_this_request, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf.file import FileField, FileRequired
from wtforms import BooleanField, StringField

from surveyapp import privacy, returning
from surveyapp.instrument.keying import boxes
from surveyapp.retaining import SITTING_DAYS as KEPT_DAYS
from surveyapp.retaining import UPLOAD_DAYS
from surveyapp.returning import Kept, Place
from surveyapp.roles import MANAGER
from surveyapp.storage.database import Connection
from surveyapp.web import keying
from surveyapp.web.keying import Keyroom
from surveyapp.web.sittings import Sitting, as_text, from_text
from surveyapp.web.staff.doors import Desk, Door, View
from surveyapp.web.staff.jobs import HandedIn
from surveyapp.web.staff.pages import Form, go
from surveyapp.working import imports

pages = Blueprint("keying", __name__, url_prefix="/surveys/<slug:survey>/waves/<slug:wave>/returns")
door = Door(pages)
pages.context_processor(lambda: {"sitting_days": KEPT_DAYS})

SHOWN = 200
"""Problems of a file that the page lists."""


# ── a sitting ────────────────────────────────────────────────────────────────


@door.post("/sitting", MANAGER, act="sitting-begin")
def begin_sitting(desk: Desk) -> ResponseReturnValue:
    """Begin a sitting. One that is going on in this browser goes on."""
    if _kept(desk) is None:
        token = privacy.new_token()
        returning.begin_sitting(desk.db, _place(desk, token), as_text(Sitting()), desk.today)
        _give(desk, token)
    return redirect(_to(desk)("home"), 303)


@door.ask("/end", MANAGER)
def end_sitting(desk: Desk) -> ResponseReturnValue:
    """End the sitting, and forget what is not in the tray. The trail does not say when."""
    if token := request.cookies.get(_cookie(desk)):
        returning.end_sitting(desk.db, _place(desk, token))
        _give(desk, "")
    return go("keying.home", "The sitting is over. What was sealed is in the tray.", **_here(desk))


def _seated(view: Callable[[], ResponseReturnValue]) -> View:
    """A view of the screen, for whoever has begun a sitting; others are shown how to begin one."""

    @wraps(view)
    def seated(desk: Desk) -> ResponseReturnValue:
        _, instrument = returning.keyed_wave(desk.db, desk.wave.name)
        found = _kept(desk)
        if found is None and request.form.get("then") == "quiet":
            return "", 204
        if found is None:
            return _entrance(desk) if view is keying.home else redirect(_to(desk)("home"), 303)
        place, kept = found
        g.keyroom = _room(desk, place, kept, from_text(kept.content, boxes(instrument)))
        return view()

    return seated


for method, rule, view in keying.VIEWS:  # what they change is the sitting, whose beginning stands in the trail
    (door.get if method == "GET" else door.ask)(rule, MANAGER)(_seated(view))


def _room(desk: Desk, place: Place, kept: Kept, sitting: Sitting) -> Keyroom:
    """The screen with a sitting that is kept in the store whenever it has changed."""
    known = [kept]

    def keep(changed: Sitting, connection: Connection | None) -> None:
        content = as_text(changed)
        if content == known[0].content:
            return
        if connection is not None:
            known[0] = returning.keep_sitting(connection, place, known[0], content, desk.today)
            return
        with desk.db.transaction() as own:
            known[0] = returning.keep_sitting(own, place, known[0], content, desk.today)

    name = desk.wave.name
    return Keyroom(
        desk.db, lambda: desk.today, lambda: name, lambda: sitting, _to(desk), "staff/returns_sitting.html", keep
    )


def _kept(desk: Desk) -> tuple[Place, Kept] | None:
    """The sitting of this browser, if it has one that opens."""
    token = request.cookies.get(_cookie(desk), "")
    if not token:
        return None
    place = _place(desk, token)
    kept = returning.read_sitting(desk.db, place)
    return (place, kept) if kept else None


def _place(desk: Desk, token: str) -> Place:
    return returning.place(token, desk.wave.name, desk.office.key)


def _cookie(desk: Desk) -> str:
    return "__Secure-sitting" if desk.office.secure else "sitting"


def _give(desk: Desk, token: str) -> None:
    """Put the secret of the sitting into a cookie for these pages alone, or take it away."""
    path = url_for("keying.home", **_here(desk))
    name, secure = _cookie(desk), desk.office.secure
    life = KEPT_DAYS * 24 * 60 * 60

    @after_this_request
    def _set(response: Response) -> Response:
        if token:
            response.set_cookie(
                name, token, max_age=life, path=path, secure=secure, httponly=True, samesite="Strict"
            )
        else:
            response.delete_cookie(name, path, secure=secure, httponly=True, samesite="Strict")
        return response


def _here(desk: Desk) -> dict[str, Any]:
    return {"survey": desk.survey, "wave": desk.wave.name}


def _to(desk: Desk) -> Callable[[str], str]:
    here = _here(desk)
    return lambda name: url_for(f"keying.{name}", **here)


# ── a file ───────────────────────────────────────────────────────────────────

FILES = HandedIn(imports.LOOK_AT_RETURNS, imports.LOAD_RETURNS, "keying.found", "keying.home")


class HandIn(Form):
    """A file of coded returns."""

    file = FileField("File of returns, CSV or Excel (.xlsx)", [FileRequired("Choose the file")])
    unit_column = StringField("Column that names the organisation")
    partial = BooleanField("Take returns that lack a required answer")
    again = BooleanField("Take the file although one with the same returns was loaded before")


@door.post("/file", MANAGER, act="returns-hand-in")
def hand_in(desk: Desk) -> ResponseReturnValue:
    """Take a file to be checked; nothing is loaded by that."""
    form = HandIn()
    if not form.validate_on_submit():
        return _entrance(desk, form), 400
    column = (form.unit_column.data or "").strip()
    how = {"unit_column": column, "partial": form.partial.data, "again": form.again.data}
    return FILES.take(desk, imports.File(form.file.data.filename or "returns", form.file.data.read(), how))


@door.get("/file/<hex:upload>", MANAGER)
def found(desk: Desk, upload: str) -> ResponseReturnValue:
    """What a file of returns holds, or every problem of it."""
    known = FILES.find(desk, upload)
    job = imports.job_about(desk.db, desk.survey, known.id)
    form = HandIn(None, **known.how) if known.how else _form(desk)
    return render_template(
        "staff/returns_found.html", known=known, job=job, form=form, wave=desk.wave, most=SHOWN, once=_ONCE
    )


@door.post("/file/<hex:upload>/load", MANAGER, act="returns-load")
def load(desk: Desk, upload: str) -> ResponseReturnValue:
    """Put every return of a file into the tray, or none."""
    return FILES.confirm(desk, upload)


@door.post("/file/<hex:upload>/throw-away", MANAGER, act="upload-erase")
def throw_away(desk: Desk, upload: str) -> ResponseReturnValue:
    """Erase a file of returns that was handed in."""
    return FILES.throw_away(desk, upload, "The file is erased. Nothing was loaded.")


_ONCE = "Do not load this file twice: it is too short to be known again."


def _entrance(desk: Desk, form: HandIn | None = None) -> str:
    return render_template(
        "staff/returns.html",
        form=form or _form(desk),
        wave=desk.wave,
        waiting=FILES.waiting(desk),
        days=UPLOAD_DAYS,
    )


def _form(desk: Desk) -> HandIn:
    return HandIn(None, unit_column="unit" if desk.wave.kind == "listed" else "")
