"""Fieldwork: the waves of a survey, what is to be done in each, and how one responds."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, render_template, request, url_for
from flask.typing import ResponseReturnValue

from surveyapp import campaigning, collecting, publishing, watching
from surveyapp.fieldwork import printed_day, takes_answers
from surveyapp.ranges import Range
from surveyapp.rates import COLUMNS, FORMULAS, Fieldwork, percent
from surveyapp.roles import ANALYST, KEY_HOLDER, MANAGER
from surveyapp.watching import Glance
from surveyapp.web.staff import charting
from surveyapp.web.staff.doors import ANY_ROLE, Desk, Door
from surveyapp.web.staff.pages import file_answer

pages = Blueprint("waves", __name__, url_prefix="/surveys/<slug:survey>/waves")
door = Door(pages)
pages.add_app_template_filter(printed_day)
pages.add_app_template_filter(percent)

AT_ONCE = 5_000
"""So many released answers are counted while a page is made; for more, the workbook does it, and it is kept."""


@dataclass(frozen=True)
class Todo:
    """Something that waits to be done in a wave, and where."""

    words: str
    address: str


# ── the list ─────────────────────────────────────────────────────────────────


@door.get("", *ANY_ROLE)
def index(desk: Desk) -> ResponseReturnValue:
    """The waves of a survey."""
    found = watching.glances(desk.db, desk.survey, desk.today)
    todo = {glance.wave.name: list(_todo(desk, glance)) for glance in found}
    published = bool(found) or any(v.survey == desk.survey for v in publishing.versions(desk.db))
    return render_template(
        "staff/waves.html",
        found=found,
        todo=todo,
        published=published,
        state_of=state_of,
        manager=desk.may(MANAGER),
    )


def _todo(desk: Desk, glance: Glance) -> Iterator[Todo]:
    """What waits in a wave for those who have a role for it."""
    here: dict[str, Any] = {"survey": desk.survey, "wave": glance.wave.name}
    if desk.may(MANAGER):
        yield from _to_manage(desk, glance, here)
    sealed = glance.sealed.high if isinstance(glance.sealed, Range) else glance.sealed
    if sealed and glance.wave.state == "closed" and desk.may(KEY_HOLDER):
        yield Todo("Open the tray: sealed answers wait in it", url_for("tray.index", **here))
    if not sealed and glance.released and desk.may(ANALYST):
        yield Todo("Make tables of the released answers", url_for("tables.index", survey=desk.survey))


def _to_manage(desk: Desk, glance: Glance, here: dict[str, Any]) -> Iterator[Todo]:
    wave, over = glance.wave, glance.days is not None and glance.days < 0
    taking = takes_answers(wave.state, wave.closes_on, desk.today, wave.paused_on)
    if wave.state == "open" and wave.paused_on:
        yield Todo("Let it take answers again: it is paused", url_for("settings.index", **here))
    if wave.state == "open" and over:
        yield Todo("Close it or extend it: its last day is over", url_for("settings.index", **here))
    if taking and wave.kind == "listed":
        if glance.due:
            yield Todo(f"Send {_letters(glance.due)} that wait", url_for("letters.index", **here))
        elif not glance.invited:
            yield Todo("Invite the organisations", url_for("letters.invitations", **here))
        if glance.days is not None and glance.days <= 7 and glance.invited:
            yield Todo("Remind those who are not yet in", url_for("letters.reminders", **here))
    if glance.undecided and wave.state == "open":
        yield Todo(f"Look at {_letters(glance.undecided)} that did not arrive", url_for("letters.index", **here))


def _letters(number: int) -> str:
    return f"{number:,} letter{'' if number == 1 else 's'}"


def state_of(glance: Glance) -> str:
    """How a wave stands, in words."""
    if glance.wave.state == "closed":
        return "closed"
    if glance.wave.paused_on:
        return "paused"
    return "over, not closed" if glance.days is not None and glance.days < 0 else "in the field"


# ── one wave ─────────────────────────────────────────────────────────────────


@door.get("/<slug:wave>", *ANY_ROLE)
def show(desk: Desk) -> ResponseReturnValue:
    """How a wave stands; for managers also how it responds, by the strata of `by`."""
    more: dict[str, object] = {}
    if desk.may(MANAGER) and desk.wave.kind == "listed":
        glance, more = _response(desk, request.args.getlist("by"))
    else:
        glance = watching.glance(desk.db, desk.wave.name, desk.today)
    return render_template(
        "staff/waves_one.html",
        glance=glance,
        state=state_of(glance),
        todo=list(_todo(desk, glance)),
        promise=collecting.promise(desk.wave),
        manager=desk.may(MANAGER),
        **more,
    )


def _response(desk: Desk, by: Sequence[str]) -> tuple[Glance, dict[str, object]]:
    seen = watching.dashboard(desk.db, desk.wave.name, desk.today, by, lambda glance: _sent(desk, glance))
    glance, found = seen.glance, seen.response
    closes = desk.wave.last_day or found.today
    return glance, {
        "found": found,
        "columns": COLUMNS,
        "formulas": FORMULAS,
        "strata": seen.strata,
        "chart": charting.cumulative(found, desk.wave.opened_on, closes),
        "uncounted": found.rate is None and not glance.sealed and _many(glance),
    }


def _sent(desk: Desk, glance: Glance) -> dict[str, int] | None:
    """How complete the released answers are, as far as that can be said while a page is made."""
    if glance.sealed or not glance.released:
        return None
    known = campaigning.sent_known(desk.db, desk.wave.name, desk.home.released)
    if known is not None or _many(glance):
        return known
    from surveyapp import reporting  # here, for it brings pandas

    return reporting.sent(desk.db, desk.wave.name, desk.home.released)


def _many(glance: Glance) -> bool:
    return isinstance(glance.released, int) and glance.released > AT_ONCE


@door.get("/<slug:wave>/response.xlsx", MANAGER)
def workbook(desk: Desk) -> ResponseReturnValue:
    """The response of a wave as a workbook, by the strata of `by`."""
    from surveyapp import reporting  # here, for they bring pandas and openpyxl
    from surveyapp.export.rates import rates_workbook

    name = desk.wave.name
    counted = reporting.sent(desk.db, name, desk.home.released)
    found: Fieldwork = watching.response(desk.db, name, desk.today, request.args.getlist("by"), counted)
    return file_answer(rates_workbook(found), f"{name}-response.xlsx")
