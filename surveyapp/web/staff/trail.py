"""The trail: what staff did, by whom and when; of everything for administrators, of a survey for its staff."""

from datetime import date

from flask import Blueprint, Response, render_template, request
from flask.typing import ResponseReturnValue

from surveyapp import staffing
from surveyapp.roles import ADMIN
from surveyapp.staffing import WHAT
from surveyapp.storage.trail import Sought
from surveyapp.web.staff.doors import ANY_ROLE, Desk, Door

pages = Blueprint("trail", __name__)
door = Door(pages)

PAGE = 100
"""Lines on a page."""


@door.get("/trail", ADMIN)
def index(desk: Desk) -> ResponseReturnValue:
    """The trail of the installation."""
    return _page(desk, None)


@door.get("/trail/csv", ADMIN)
def csv(desk: Desk) -> ResponseReturnValue:
    """What the page shows, all of it, for a spreadsheet."""
    return _file(desk, None, "csv")


@door.get("/trail/json-lines", ADMIN)
def json_lines(desk: Desk) -> ResponseReturnValue:
    """What the page shows, all of it, with the hash of each line."""
    return _file(desk, None, "jsonl")


@door.get("/surveys/<slug:survey>/trail", *ANY_ROLE)
def of_survey(desk: Desk) -> ResponseReturnValue:
    """The trail of a survey."""
    return _page(desk, desk.survey)


@door.get("/surveys/<slug:survey>/trail/csv", *ANY_ROLE)
def survey_csv(desk: Desk) -> ResponseReturnValue:
    """The trail of a survey for a spreadsheet."""
    return _file(desk, desk.survey, "csv")


@door.get("/surveys/<slug:survey>/trail/json-lines", *ANY_ROLE)
def survey_json_lines(desk: Desk) -> ResponseReturnValue:
    """The trail of a survey with the hash of each line."""
    return _file(desk, desk.survey, "jsonl")


def _page(desk: Desk, survey: str | None) -> ResponseReturnValue:
    sought, wrong = _sought(survey)
    found = staffing.acts(desk.db, sought, PAGE + 1)
    more = found[PAGE - 1][0] if len(found) > PAGE else 0
    asked = {name: value for name in ("who", "what", "since", "until") if (value := request.args.get(name, ""))}
    response = render_template(
        "staff/trail.html",
        lines=found[:PAGE],
        more=more,
        asked=asked,
        query=asked | ({"survey": survey} if survey else {}),
        wrong=wrong,
        words=WHAT,
        people=staffing.who_acted(desk.db, survey),
        sound=staffing.soundness(desk.db, bool(request.args.get("check"))),
    )
    return (response, 400) if wrong else response


def _sought(survey: str | None) -> tuple[Sought, list[str]]:
    """What is looked for, and the names of days that are none."""
    days = {name: request.args.get(name, "").strip() for name in ("since", "until")}
    wrong = [name for name, day in days.items() if day and not _is_day(day)]
    since, until = ("" if name in wrong else day for name, day in days.items())
    before = request.args.get("before", 0, type=int)
    who, what = request.args.get("who", ""), request.args.get("what", "")
    return Sought(survey, who, what, since, until, max(0, min(before, 2**31))), wrong


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _file(desk: Desk, survey: str | None, ending: str) -> ResponseReturnValue:
    from surveyapp.export import trails  # here: a worker starts without what that package needs

    sought, _ = _sought(survey)
    write, mimetype = _FILES[ending]
    response = Response(getattr(trails, write)(staffing.sealed_acts(desk.db, sought)), mimetype=mimetype)
    name = f"trail-{survey}" if survey else "trail"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}-{desk.today.isoformat()}.{ending}"'
    return response


_FILES = {"csv": ("trail_csv", "text/csv"), "jsonl": ("trail_json", "application/jsonl")}
"""By the ending of the file: what writes it, and what it is."""
