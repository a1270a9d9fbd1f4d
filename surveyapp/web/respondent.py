"""The respondent's pages, in the order in which they are walked through."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from flask import Blueprint, current_app, make_response, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue

from surveyapp import collecting
from surveyapp.collecting import Visit
from surveyapp.fieldwork import printed_day
from surveyapp.instrument import Step, answer_keys, missing
from surveyapp.problems import Problem, Unfinished, UnknownCode
from surveyapp.storage.database import Database
from surveyapp.web.safety import log
from surveyapp.web.showing import as_fields, as_typed, changed_questions, check_parts, filled, shown_items

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
    step = desk.route.step(page)
    if step is None:
        return redirect(_first_open(desk))
    problems = _still_missing(desk, page) if "open" in request.args else []
    return _page(desk, step, as_fields(step, desk.answers), problems)


@pages.post("/answer/page/<slug:page>")
def save(page: str) -> ResponseReturnValue:
    """Save a page. With problems it is shown again as typed; what could be read is saved.

    It is shown again too if an answer has brought up a further question on it.
    """
    form = request.form.to_dict(flat=False)
    saved = collecting.save_page(_desk().db, _visit(), page, form, _desk().today())
    step = saved.desk.route.step(page)
    if step and (saved.problems or saved.left_out):
        return _page(saved.desk, step, as_typed(step, form), saved.problems, saved.left_out), 422
    then = request.form.get("then")
    if then == "later":
        return redirect(url_for(".saved"), 303)
    if then in {"add", "remove"} and step and step.page.repeat:
        return _repeat(page, then)
    if saved.opened:
        return redirect(
            url_for(".page", page=page, to=_return_to(), _anchor=saved.opened[0].replace(".", "-")), 303
        )
    following = saved.desk.route.after(page) if step and _return_to() is None else None
    return redirect(url_for(".page", page=following) if following else url_for(".check"), 303)


def _repeat(page: str, then: str) -> ResponseReturnValue:
    """Add an item after the last one of a repeated page, or take this one away."""
    change = collecting.add_item if then == "add" else collecting.remove_item
    return redirect(url_for(".page", page=change(_desk().db, _visit(), page, _desk().today())), 303)


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

    def address(step: str, field: str) -> str:
        return url_for(".page", page=step, to="check", _anchor=field)

    return render_template(
        "check.html",
        sections=check_parts(desk, address, "en"),
        changed=changed_questions(desk, address, "en"),
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
    hidden = [part.hex() for part in (visit.code_hash, visit.salt, visit.key)]
    session["visit"] = [visit.wave, *hidden, visit.seed, visit.new_code]


def _visit() -> Visit:
    held = session.get("visit")
    if held is None:
        raise UnknownCode("no visit is open in this browser")
    wave, code_hash, salt, key, seed, new_code = held
    return Visit(wave, bytes.fromhex(code_hash), bytes.fromhex(salt), bytes.fromhex(key), seed, new_code)


def _to_work(visit: Visit) -> ResponseReturnValue:
    return redirect(_first_open(collecting.desk(_desk().db, visit)), 303)


def _first_open(desk: collecting.Desk) -> str:
    """The first page without any answer, or the check page."""
    for step in desk.route.steps:
        keys = [key for question in step.questions for key in answer_keys(question)]
        if keys and not any(key in desk.answers for key in keys):
            return url_for(".page", page=step.name)
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


def _page(
    desk: collecting.Desk,
    step: Step,
    fields: Mapping[str, object],
    problems: Sequence[Problem],
    left_out: Sequence[str] = (),
) -> str:
    sections = [section.id for section in desk.instrument.sections]
    before = desk.route.before(step.name)
    back = url_for(".page", page=before) if before else url_for(".start")
    return render_template(
        "page.html",
        instrument=desk.instrument,
        section=step.section,
        page=step.page,
        title=filled(desk, step.page.title, "en"),
        items=shown_items(desk, step, "en"),
        answers=fields,
        problems=problems,
        left_out=left_out,
        number=sections.index(step.section.id) + 1,
        count=len(sections),
        repeat=_repeated(desk, step),
        back_url=back if _return_to() is None else url_for(".check"),
        action=url_for(".save", page=step.name, to=_return_to()),
    )


def _repeated(desk: collecting.Desk, step: Step) -> dict[str, object] | None:
    """What a repeated page says of itself: which one this is, and whether one can be added or taken away."""
    if step.page.repeat is None:
        return None
    count = sum(other.page is step.page for other in desk.route.steps)
    last = step.number == count
    return {
        "item": step.page.repeat.item.in_language("en"),
        "number": step.number,
        "add": last and count < step.page.repeat.max,
        "remove": count > 1,
    }


def _still_missing(desk: collecting.Desk, name: str) -> list[Problem]:
    return [problem for page, problem in missing(desk.route) if page == name]


def _return_to() -> str | None:
    return "check" if request.args.get("to") == "check" else None


def _day(day: str | None) -> str | None:
    return printed_day(day) if day else None
