"""Coming in: the first page, the access code, the start page with its promise, and how to come back."""

from collections.abc import Iterable
from dataclasses import dataclass

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from surveyapp import collecting
from surveyapp.collecting import Desk, Visit
from surveyapp.fieldwork import days_left
from surveyapp.instrument import Instrument
from surveyapp.problems import AlreadyReceived, Problem, SurveyError, UnknownCode, say
from surveyapp.storage.database import has_our_schema
from surveyapp.storage.waves import Wave
from surveyapp.web import brand, kept, languages, visits
from surveyapp.web.languages import printed_day, translated
from surveyapp.web.lean import Answer
from surveyapp.web.safety import log
from surveyapp.web.visits import pages, site


@dataclass(frozen=True)
class OpenWave:
    """A line on the first page; `address` is None where an invitation is needed."""

    title: str
    note: str
    address: str | None


@pages.get("/")
def home() -> ResponseReturnValue:
    """Say what is in the field and take an access code."""
    return _home([], "")


@pages.post("/answer")
def enter() -> ResponseReturnValue:
    """Open the door with an access code; what it could not open is said on the same page."""
    typed = request.form.get("code", "")
    try:
        visit = collecting.enter(site().db, site().pepper, typed, site().today())
    except UnknownCode:
        log.info("code not known")
        return _home([code_problem(typed)], typed[:60]), 403
    visits.remember(visit)
    log.info("entered")
    return redirect(url_for(".start"), 303)


def code_problem(typed: str) -> Problem:
    """What is wrong with an access code that opened nothing."""
    what = say("That access code is not one of ours") if typed.strip() else say("Enter your access code")
    return Problem("code", what, "")


@pages.get("/open/<slug:wave>")
def start_open(wave: str) -> ResponseReturnValue:
    """Show the start page of a wave open to anyone; whoever has begun in this browser can go on."""
    held = _begun(wave)
    visit = held or collecting.enter_open(site().db, site().pepper, wave, site().today())
    return _start(visit, url_for(".begin_open", wave=wave), anew=held is not None)


@pages.post("/open/<slug:wave>")
def begin_open(wave: str) -> ResponseReturnValue:
    """Begin in a wave open to anyone, or go on with what was begun in this browser."""
    held = None if request.form.get("then") == "anew" else _begun(wave)
    visit = held or collecting.enter_open(site().db, site().pepper, wave, site().today())
    if held is None:
        visits.remember(visit)
    return visits.to_work(visits.desk(visit))


def _begun(wave: str) -> Visit | None:
    """The visit of this browser, if it is to this wave and something of it has been saved."""
    held = visits.remembered()
    if held is None or held.wave != wave:
        return None
    try:
        return held if visits.desk(held).begun else None
    except AlreadyReceived:
        return None


@pages.get("/answer/start")
def start() -> ResponseReturnValue:
    """Show purpose and promise."""
    return _start(visits.visit(), url_for(".begin"))


@pages.post("/answer/start")
def begin() -> ResponseReturnValue:
    """Go to the first page; whoever comes back sees the sections first."""
    found = visits.desk()
    return redirect(url_for(".sections"), 303) if found.begun else visits.to_work(found)


@pages.get("/answer/code")
def code() -> ResponseReturnValue:
    """Show, once something is saved in a wave open to anyone, the code that opens it again."""
    found = visits.desk()
    following = found.route.step(request.args.get("page", ""))
    address = url_for(".page", page=following.name) if following else url_for(".check")
    return render_template("code.html", code=visits.visit().new_code, following=address)


@pages.get("/answer/saved")
def saved() -> ResponseReturnValue:
    """Say how to come back."""
    found = visits.desk()
    return render_template(
        "saved.html",
        code=visits.visit().new_code,
        invited=found.wave.kind == "listed",
        unfinished=len(found.unfinished),
        **closing(found),
    )


@pages.get("/health")
def health() -> ResponseReturnValue:
    """Answer "ok" if the store can be read."""
    collecting.in_the_field(site().db, site().today())
    return "ok\n", 200, {"Content-Type": "text/plain"}


@pages.get("/ready")
def ready() -> ResponseReturnValue:
    """Answer "ready" if answers can be saved here, else 503 and one word: what to look at, and nothing more.

    The keys of the staff's site count too where it is served beside this one: a node has all keys or is not whole.
    """
    lacking = _lacking()
    if lacking:
        log.error("not ready: %s", lacking)
    return f"{lacking or 'ready'}\n", 503 if lacking else 200, {"Content-Type": "text/plain"}


def _lacking() -> str:
    """What cannot be used, "keys", "store" or "schema"; "" if all can."""
    if not all(keys.readable for keys in site().rings):
        return "keys"
    try:
        if not has_our_schema(site().db):
            return "schema"
        with site().db.transaction(b"is it ready?"):  # nothing is written: could something be?
            return ""
    except SurveyError:
        return "store"


def closing(found: Desk) -> dict[str, object]:
    """What pages say of the closing day, and how many days there are until it."""
    day = found.wave.closes_on
    return {"closes": printed_day(day) if day else None, "days": days_left(day, site().today())}


def _home(problems: list[Problem], code: str) -> str | Answer:
    fielded = collecting.in_the_field(site().db, site().today())
    brand.wear(*(wave for wave, _ in fielded))
    language = languages.greet(instrument.languages for _, instrument in fielded)
    if problems or code:
        return render_template("home.html", waves=_lines(fielded, language), problems=problems, code=code)
    depends_on = tuple(
        (wave.name, wave.kind, wave.closes_on, kept.Same(instrument)) for wave, instrument in fielded
    )
    return kept.page(
        "home.html", depends_on, lambda: {"waves": _lines(fielded, language), "problems": [], "code": ""}
    )


def _lines(fielded: Iterable[tuple[Wave, Instrument]], language: str) -> list[OpenWave]:
    lines = []
    for wave, instrument in fielded:
        address = url_for(".start_open", wave=wave.name) if wave.kind == "open" else None
        note = translated(say("Open until {day}", day=printed_day(wave.closes_on))) if wave.closes_on else ""
        lines.append(OpenWave(instrument.title.in_language(language), note, address))
    return lines


def _start(visit: Visit, action: str, anew: bool = False) -> str | Answer:
    found = visits.desk(visit)
    wave, day = found.wave, site().today()

    def context() -> dict[str, object]:
        now = {"action": action, "resumed": found.begun, "anew": anew, **closing(found)}
        return {"instrument": found.instrument, "promise": collecting.promise(wave), **now}

    promised = (wave.kind, wave.carry, wave.key_place)
    depends_on = (kept.Same(found.instrument), action, found.begun, anew, wave.closes_on, day, promised)
    return kept.page("start.html", depends_on, context)
