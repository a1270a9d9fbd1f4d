"""The respondent's pages, in the order in which they are walked through."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

from flask import Blueprint, current_app, make_response, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue

from surveyapp import collecting
from surveyapp.collecting import Visit
from surveyapp.fieldwork import printed_day
from surveyapp.instrument import (
    Answers,
    Grid,
    Multiple,
    Note,
    Question,
    answer_keys,
    choices,
    missing,
    specify_key,
)
from surveyapp.problems import Problem, Unfinished, UnknownCode
from surveyapp.storage.database import Database
from surveyapp.web.safety import log

pages = Blueprint("respondent", __name__)


@dataclass(frozen=True)
class Desk:
    """What the views work with: the store, the server's half of the draft keys, the day."""

    db: Database
    pepper: bytes
    today: Callable[[], date]


@dataclass(frozen=True)
class OpenWave:
    """A line on the first page; `address` is None where an invitation is needed."""

    title: str
    note: str
    address: str | None


@dataclass(frozen=True)
class Line:
    """One answer on the check page; no values means not answered."""

    label: str
    values: list[str]
    change: str
    visually_hidden: str


@dataclass(frozen=True)
class Block:
    """Lines on the check page that stand together: a grid's under its question, or those of other questions."""

    title: str | None
    rows: list[Line]


@dataclass(frozen=True)
class Part:
    """A section on the check page."""

    title: str
    blocks: list[Block]


# ── coming in ────────────────────────────────────────────────────────────────


@pages.get("/")
def home() -> ResponseReturnValue:
    """Say what is in the field and take an access code."""
    return _home([], "")


@pages.post("/answer")
def enter() -> ResponseReturnValue:
    """Open the door with an access code; what it could not open is said on the same page."""
    typed = request.form.get("code", "")
    try:
        visit = collecting.enter(_desk().db, _desk().pepper, typed)
    except UnknownCode:
        log.info("code not known")
        what = "That access code is not one of ours" if typed.strip() else "Enter your access code"
        return _home([Problem("code", what, "")], typed[:60]), 403
    _remember(visit)
    log.info("entered")
    return redirect(url_for(".start"), 303)


@pages.get("/open/<slug:wave>")
def start_open(wave: str) -> ResponseReturnValue:
    """Show the start page of a wave open to anyone."""
    visit = collecting.enter_open(_desk().db, _desk().pepper, wave)
    return _start(visit, url_for(".begin_open", wave=wave))


@pages.post("/open/<slug:wave>")
def begin_open(wave: str) -> ResponseReturnValue:
    """Begin in a wave open to anyone."""
    visit = collecting.enter_open(_desk().db, _desk().pepper, wave)
    _remember(visit)
    return _to_work(visit)


@pages.get("/answer/start")
def start() -> ResponseReturnValue:
    """Show purpose and promise."""
    return _start(_visit(), url_for(".begin"))


@pages.post("/answer/start")
def begin() -> ResponseReturnValue:
    """Go to the first page that waits for answers."""
    return _to_work(_visit())


# ── answering ────────────────────────────────────────────────────────────────


@pages.get("/answer/page/<slug:page>")
def page(page: str) -> ResponseReturnValue:
    """Show a page with the answers saved so far."""
    desk = collecting.desk(_desk().db, _visit())
    if not desk.route.shown.get(page):
        return redirect(_first_open(desk))
    return _page(desk, page, desk.answers, _still_missing(desk, page) if "open" in request.args else [])


@pages.post("/answer/page/<slug:page>")
def save(page: str) -> ResponseReturnValue:
    """Save a page. With problems it is shown again as typed; what could be read is saved.

    It is shown again too if an answer has brought up a further question on it.
    """
    form = request.form.to_dict(flat=False)
    before = collecting.desk(_desk().db, _visit()).route
    desk, _, problems = collecting.save_page(_desk().db, _visit(), page, form, _desk().today())
    if problems:
        return _page(desk, page, _as_typed(desk, page, form), problems), 422
    if request.form.get("then") == "later":
        return redirect(url_for(".saved"), 303)
    if opened := [item for item in desk.route.shown[page] if item not in before.shown[page]]:
        return redirect(url_for(".page", page=page, to=_return_to(), _anchor=opened[0].id), 303)
    following = desk.route.after(page) if _return_to() is None else None
    return redirect(url_for(".page", page=following) if following else url_for(".check"), 303)


@pages.get("/answer/saved")
def saved() -> ResponseReturnValue:
    """Say how to come back."""
    visit = _visit()
    desk = collecting.desk(_desk().db, visit)
    return render_template(
        "saved.html",
        code=visit.new_code,
        invited=desk.wave.kind == "listed",
        closes=_day(desk.wave.closes_on),
    )


# ── sending ──────────────────────────────────────────────────────────────────


@pages.get("/answer/check")
def check() -> ResponseReturnValue:
    """Show all answers before they are sent."""
    desk = collecting.desk(_desk().db, _visit())
    parts = [_part(desk, section.title, {p.id for p in section.pages}) for section in desk.instrument.sections]
    return render_template(
        "check.html",
        sections=[part for part in parts if part.blocks],
        action=url_for(".send"),
        back_url=url_for(".page", page=desk.route.pages[-1]),
    )


@pages.post("/answer/send")
def send() -> ResponseReturnValue:
    """Send the answers, once."""
    visit = _visit()
    try:
        collecting.submit(_desk().db, visit, _desk().today())
    except Unfinished as unfinished:
        return redirect(url_for(".page", page=unfinished.page, to="check", open=1), 303)
    session.clear()
    session["sent"] = visit.wave
    log.info("received")
    return redirect(url_for(".done"), 303)


@pages.get("/answer/done")
def done() -> ResponseReturnValue:
    """Say thank you, and leave nothing on the machine."""
    wave = session.get("sent")
    if wave is None:
        raise UnknownCode("nothing was sent in this visit")
    instrument = collecting.questionnaire(_desk().db, wave)
    response = make_response(render_template("done.html", instrument=instrument))
    response.headers["Clear-Site-Data"] = '"cache", "storage"'
    return response


@pages.get("/health")
def health() -> ResponseReturnValue:
    """Answer "ok" if the store can be read."""
    collecting.in_the_field(_desk().db)
    return "ok\n", 200, {"Content-Type": "text/plain"}


# ── the visit ────────────────────────────────────────────────────────────────


def _desk() -> Desk:
    desk: Desk = current_app.extensions["surveyapp"]
    return desk


def _remember(visit: Visit) -> None:
    session.clear()
    session["visit"] = [visit.wave, visit.code_hash.hex(), visit.salt.hex(), visit.key.hex(), visit.new_code]


def _visit() -> Visit:
    held = session.get("visit")
    if held is None:
        raise UnknownCode("no visit is open in this browser")
    wave, code_hash, salt, key, new_code = held
    return Visit(wave, bytes.fromhex(code_hash), bytes.fromhex(salt), bytes.fromhex(key), new_code)


def _to_work(visit: Visit) -> ResponseReturnValue:
    return redirect(_first_open(collecting.desk(_desk().db, visit)), 303)


def _first_open(desk: collecting.Desk) -> str:
    """The first page without any answer, or the check page."""
    for page_id, items in desk.route.shown.items():
        keys = [key for item in items if not isinstance(item, Note) for key in answer_keys(item)]
        if keys and not any(key in desk.answers for key in keys):
            return url_for(".page", page=page_id)
    return url_for(".check")


# ── rendering ────────────────────────────────────────────────────────────────


def _home(problems: list[Problem], code: str) -> str:
    lines = []
    for wave, instrument in collecting.in_the_field(_desk().db):
        address = url_for(".start_open", wave=wave.name) if wave.kind == "open" else None
        note = f"Open until {_day(wave.closes_on)}" if wave.closes_on else ""
        lines.append(OpenWave(str(instrument.title), note, address))
    return render_template("home.html", waves=lines, problems=problems, code=code)


def _start(visit: Visit, action: str) -> str:
    desk = collecting.desk(_desk().db, visit)
    return render_template(
        "start.html",
        instrument=desk.instrument,
        promise=collecting.promise(desk.wave),
        action=action,
        resumed=bool(desk.answers),
        closes=_day(desk.wave.closes_on),
    )


def _page(desk: collecting.Desk, page_id: str, answers: Mapping[str, object], problems: list[Problem]) -> str:
    section = desk.instrument.section_of(page_id)
    before = desk.route.before(page_id)
    back = url_for(".page", page=before) if before else url_for(".start")
    return render_template(
        "page.html",
        instrument=desk.instrument,
        section=section,
        page=next(p for p in section.pages if p.id == page_id),
        items=desk.route.shown[page_id],
        answers=answers,
        problems=problems,
        number=desk.instrument.sections.index(section) + 1,
        count=len(desk.instrument.sections),
        back_url=back if _return_to() is None else url_for(".check"),
        action=url_for(".save", page=page_id, to=_return_to()),
    )


def _still_missing(desk: collecting.Desk, page_id: str) -> list[Problem]:
    return [problem for page, problem in missing(desk.instrument, desk.answers) if page == page_id]


def _return_to() -> str | None:
    return "check" if request.args.get("to") == "check" else None


def _as_typed(desk: collecting.Desk, page_id: str, form: Mapping[str, list[str]]) -> dict[str, object]:
    """What was posted, for showing it again beside its problems."""
    typed: dict[str, object] = {}
    for item in desk.route.shown[page_id]:
        if not isinstance(item, Note):
            for key in answer_keys(item):
                values = form.get(key, [])
                whole = isinstance(item, Multiple) and key == item.id
                typed[key] = values if whole else "".join(values[:1])
    return typed


def _part(desk: collecting.Desk, title: str, page_ids: set[str]) -> Part:
    blocks: list[Block] = []
    for page_id in desk.route.pages:
        for item in desk.route.shown[page_id] if page_id in page_ids else ():
            if isinstance(item, Note):
                continue
            heading = str(item.text) if isinstance(item, Grid) else None
            if heading or not blocks or blocks[-1].title:
                blocks.append(Block(heading, []))
            blocks[-1].rows.extend(_lines(item, page_id, desk.answers))
    return Part(title, blocks)


def _lines(question: Question, page_id: str, answers: Answers) -> list[Line]:
    if isinstance(question, Grid):
        labels = {f"{question.id}.{row.code}": str(row.label) for row in question.rows}
    else:
        labels = {question.id: str(question.text)}
    lines = []
    for key, label in labels.items():
        anchor = key.replace(".", "-")
        change = url_for(".page", page=page_id, to="check", _anchor=anchor)
        hidden = f"{question.text}: {label}" if isinstance(question, Grid) else label
        lines.append(Line(label, _values(question, key, answers), change, hidden))
    return lines


def _values(question: Question, key: str, answers: Answers) -> list[str]:
    answer = answers.get(key)
    if not answer:
        return []
    options = choices(question)
    if not options:
        return [str(answer)]
    given = [answer] if isinstance(answer, str) else answer
    chosen = (option for option in options if option.code in given)
    return [_with_words(question, option.code, str(option.label), answers) for option in chosen]


def _with_words(question: Question, code: str, label: str, answers: Answers) -> str:
    words = answers.get(specify_key(question.id, code))
    return f"{label}: {words}" if words else label


def _day(day: str | None) -> str | None:
    return printed_day(day) if day else None
