"""The screen at which paper returns are keyed, one after another: choose, key, check, seal.

Whoever mounts `VIEWS` gives them a `Keyroom`, and sees to it that only those come in who may. Its words are
English, for the staff's own pages are.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any

from flask import g, redirect, render_template, request
from flask.typing import ResponseReturnValue

from surveyapp import returning
from surveyapp.instrument import Form, Instrument
from surveyapp.instrument.keying import Keyed, boxes, compared, read_keyed
from surveyapp.instrument.keysheet import Entry, Place, Sheet, keysheet
from surveyapp.problems import AlreadyReceived, Problem
from surveyapp.returning import Unit
from surveyapp.storage.database import Connection, Database
from surveyapp.storage.waves import Wave
from surveyapp.web import brand, languages
from surveyapp.web.safety import log
from surveyapp.web.sittings import FIRST, SECOND, SETTLING, Return, Sitting

TAKE, OTHER = "take.", "other."
"""A form that settles differences says for each box "first", "second" or "other", and what else there is."""

_BARS = {
    "answered": "Its answers have been received: it answered online, or its return was keyed or loaded before. "
    "One answer counts, and it is not this one. Nobody can find the first to compare them.",
    "not drawn": "It is not in the sample of this wave, so its answers cannot be counted.",
    "refused": "It is noted as one that will not take part. If it has changed its mind, take the note back:",
    "out-of-scope": "It is noted as out of scope of this survey. If that is wrong, take the note back:",
}


@dataclass(frozen=True)
class Keyroom:
    """What the views work with: the store, the day, which wave is keyed and whose sitting it is.

    `keep` is called after every change of the sitting, with the transaction that seals a return if there is one;
    what is in memory needs none. `to` gives the address of a view by its name, `base` is the template that the
    pages extend.
    """

    db: Database
    today: Callable[[], date]
    wave: Callable[[], str]
    sitting: Callable[[], Sitting]
    to: Callable[[str], str]
    base: str = "keying/layout.html"
    keep: Callable[[Sitting, Connection | None], None] = lambda _sitting, _connection: None


def room() -> Keyroom:
    """The room of this request."""
    found: Keyroom = g.keyroom
    return found


@contextmanager
def at_work() -> Iterator[Sitting]:
    """The sitting, to be changed by nobody else meanwhile; it is kept in the end."""
    sitting = room().sitting()
    with sitting.lock:
        yield sitting
        room().keep(sitting, None)


def _questionnaire() -> tuple[Wave, Instrument]:
    """The wave that is keyed and its questionnaire; the page wears its looks."""
    wave, instrument = returning.keyed_wave(room().db, room().wave())
    brand.wear(wave)
    languages.speak(instrument.languages[:1])
    return wave, instrument


# ── choosing ─────────────────────────────────────────────────────────────────


def home() -> ResponseReturnValue:
    """Say how far the sitting has come, and ask whose return is next."""
    return _home()


def find() -> ResponseReturnValue:
    """Look for an organisation; the one that was named in full is taken in hand at once."""
    typed = request.form.get("sought", "")[:200]
    if not typed.strip():
        return _home(problems=[Problem("sought", "type a unit, part of a name, or an access code", "")]), 422
    found = returning.search(room().db, room().wave(), typed)
    if len(found) == 1 and not found[0].bar and found[0].unit.casefold() == typed.strip().casefold():
        return _take(found[0])
    if len(found) == 1 and found[0].bar:
        return _home(sought=typed, found=found), 409
    return _home(sought=typed, found=found)


def begin() -> ResponseReturnValue:
    """Take a return in hand: of a unit, of nobody in an open wave, or one that waits to be keyed again."""
    again = request.form.get("again", "")
    with at_work() as sitting:
        if sitting.hand is None and again in sitting.waiting:
            sitting.take_again(again)
            return _to("sheet")
    if _questionnaire()[0].kind == "open":
        return _take(Unit("", ""))
    unit = request.form.get("unit", "")
    found = [unit_ for unit_ in returning.search(room().db, room().wave(), unit) if unit_.unit == unit]
    if not found:
        return _home(sought=unit, found=[]), 404
    if found[0].bar:
        return _home(sought=unit, found=found), 409
    return _take(found[0])


def twice() -> ResponseReturnValue:
    """Have every return of the sitting keyed twice, or no longer."""
    with at_work() as sitting:
        sitting.twice = request.form.get("twice") == "yes"
    return _to("home")


def aside() -> ResponseReturnValue:
    """Forget the return in hand."""
    with at_work() as sitting:
        if sitting.hand and sitting.hand.id == request.form.get("return"):
            sitting.put_aside()
    return _to("home")


def _take(found: Unit) -> ResponseReturnValue:
    with at_work() as sitting:
        if sitting.hand is None:
            sitting.take(found.unit, found.name)
    return _to("sheet")


def _home(sought: str = "", found: list[Unit] | None = None, problems: Sequence[Problem] = ()) -> str:
    wave, instrument = _questionnaire()
    return _page(
        "keying/home.html",
        wave=wave,
        instrument=instrument,
        sitting=room().sitting(),
        sought=sought,
        found=found,
        most=returning.MOST_FOUND,
        bars=_BARS,
        problems=problems,
    )


def _to(endpoint: str) -> ResponseReturnValue:
    return redirect(room().to(endpoint), 303)


def _page(template: str, **values: Any) -> str:
    return render_template(template, base=room().base, to=room().to, **values)


# ── keying ───────────────────────────────────────────────────────────────────


def sheet() -> ResponseReturnValue:
    """Show the questionnaire with what is typed so far."""
    hand = room().sitting().hand
    if hand is None:
        return _to("home")
    return _to("differences") if hand.differences else _sheet(hand)


def key() -> ResponseReturnValue:
    """Keep what is typed; then check and seal it, or do what else the button says."""
    then = request.form.get("then", "")
    with at_work() as sitting:
        hand = sitting.hand
        if hand is None or hand.id != request.form.get("return"):
            return ("", 204) if then == "quiet" else _gone()
        _, instrument = _questionnaire()
        hand.typed = _boxes_of(instrument, request.form.to_dict(flat=False))
        if then == "quiet":
            return "", 204
        if then == "keep" or then.startswith("more."):
            _show_more(hand, then.removeprefix("more."), instrument)
            return _sheet(hand, kept=then == "keep")
        hand.agreed |= {name for answer in request.form.getlist("agreed") for name in answer.split()}
        return _checked(sitting, hand, instrument, again=then == "twice")


def _checked(sitting: Sitting, hand: Return, instrument: Instrument, again: bool) -> ResponseReturnValue:
    """Ask what is open; else hold the return for its second keying, compare the two, or seal it."""
    read = read_keyed(instrument, _with_words(hand, instrument))
    if hand.stage == SECOND:
        if faults := _of_figures(read.faults, instrument):
            return _sheet(hand, faults=faults), 422
        sitting.compare(*compared(instrument, hand.first, hand.typed))
        if hand.differences:
            return _to("differences")
        read = read_keyed(instrument, hand.typed)
    asks = [problem for problem in (*read.blank, *read.astray) if problem.at not in hand.agreed]
    if read.faults or asks or read.empty:
        return _sheet(hand, faults=read.faults, asked=True), 422
    if hand.stage == FIRST and (sitting.twice or again):
        sitting.hold(hand)
        return _to("home")
    return _sealed(sitting, hand, read)


def _sealed(sitting: Sitting, hand: Return, read: Keyed) -> ResponseReturnValue:
    """Into the tray, and out of the sitting by the same transaction: no crash leaves it in both."""
    on_route = [name for name in read.unclear if name in read.route.asked]

    def settle(connection: Connection) -> None:
        sitting.done(len(on_route))
        room().keep(sitting, connection)

    try:
        returning.enter(room().db, room().wave(), hand.unit, read.route, room().today(), settle)
    except AlreadyReceived:
        sitting.put_aside()
        found = [Unit(hand.unit, hand.name, "answered")]
        return _home(sought=hand.unit, found=found), 409
    log.info("return sealed")
    return _to("home")


def _with_words(hand: Return, instrument: Instrument) -> Form:
    """What is typed; a second keying takes the words of the first."""
    if hand.stage != SECOND:
        return hand.typed
    words = {name for name, box in boxes(instrument).items() if not box.twice}
    return {**hand.typed, **{name: values for name, values in hand.first.items() if name in words}}


def _of_figures(faults: Iterable[Problem], instrument: Instrument) -> list[Problem]:
    known = boxes(instrument)
    return [fault for fault in faults if fault.at not in known or known[fault.at].twice]


def _boxes_of(instrument: Instrument, posted: dict[str, list[str]]) -> Form:
    """The boxes that hold something, of all that was posted."""
    return {
        name: posted[name][:1]
        for name in boxes(instrument)
        if any(value.strip() for value in posted.get(name, []))
    }


def _show_more(hand: Return, page_id: str, instrument: Instrument) -> None:
    """One item more of a repeated page."""
    for page in instrument.pages:
        if page.id == page_id and page.repeat:
            shown = _shown_items(hand, instrument).get(page_id, 1)
            hand.items[page_id] = min(shown + 1, page.repeat.max)


def _shown_items(hand: Return, instrument: Instrument) -> dict[str, int]:
    """How many items of each repeated page are shown: as many as were asked for, and all that hold something."""
    shown = dict(hand.items)
    for page in instrument.pages:
        names = {question.id for question in page.asked} if page.repeat else set()
        for form in (hand.typed, hand.first):
            given = [
                int(name.partition("@")[2].partition(".")[0]) for name in form if name.partition("@")[0] in names
            ]
            count = form.get(f"{page.id}.count", ["1"])[0].strip() if page.repeat else "1"
            given.append(int(count) if count.isascii() and count.isdigit() and len(count) < 3 else 1)
            shown[page.id] = max(shown.get(page.id, 1), *given)
    return shown


def _sheet(hand: Return, faults: Sequence[Problem] = (), asked: bool = False, kept: bool = False) -> str:
    """The questionnaire; `asked` says that what is open is asked about, `kept` that it was saved just now."""
    wave, instrument = _questionnaire()
    read = read_keyed(instrument, _with_words(hand, instrument))
    blank = [problem for problem in read.blank if asked and problem.at not in hand.agreed]
    astray = [problem for problem in read.astray if asked and problem.at not in hand.agreed]
    sheets = keysheet(instrument, _shown_items(hand, instrument))
    return _page(
        "keying/sheet.html",
        wave=wave,
        instrument=instrument,
        sitting=room().sitting(),
        hand=hand,
        sheets=sheets,
        again=hand.stage == SECOND,
        settled=hand.stage == SETTLING,
        typed={name: values[0] for name, values in hand.typed.items()},
        faults=faults,
        blank=blank,
        astray=astray,
        empty=asked and read.empty and not read.faults,
        problems=_summary(faults, blank, astray, asked and read.empty, _numbers(sheets)),
        passed=_passed(sheets, read) if hand.typed else frozenset(),
        numbers=_numbers(sheets),
        kept=kept,
    )


def _summary(
    faults: Sequence[Problem],
    blank: Sequence[Problem],
    astray: Sequence[Problem],
    empty: bool,
    numbers: Mapping[str, str],
) -> list[Problem]:
    """What stands at the top of the page: each fault at its question, and what the keyer is asked."""
    lines = [
        Problem(fault.at, f"question {numbers.get(fault.at, fault.at)}: {fault.what}", fault.do)
        for fault in faults
    ]
    if blank:
        lines.append(
            Problem("ask-blank", f"{_answers(blank)} asked for and blank", "look at the paper, and say so below")
        )
    if astray:
        what = f"{_answers(astray)} given where the routing leads past the question"
        lines.append(Problem("ask-astray", what, "look at the paper, and say so below"))
    if empty and not faults:
        lines.append(Problem("ask-empty", "no answer is left in this return", "put it aside; it is no response"))
    return lines


def _answers(problems: Sequence[Problem]) -> str:
    return "1 answer is" if len(problems) == 1 else f"{len(problems)} answers are"


def _passed(sheets: Iterable[Sheet], read: Keyed) -> frozenset[str]:
    """The questions that the answers so far lead past."""
    every = {entry.id for sheet in sheets for group in sheet.groups for entry in group.entries}
    return frozenset(every - read.route.asked)


def _numbers(sheets: Iterable[Sheet]) -> dict[str, str]:
    """What the paper calls each box: its question's number, and its row."""
    found = _entries(sheets).items()
    return {name: f"{entry.number}{f' {place.label}' if place.label else ''}" for name, (entry, place) in found}


def _entries(sheets: Iterable[Sheet]) -> dict[str, tuple[Entry, Place]]:
    """The question and the place of each box."""
    return {
        place.box.name: (entry, place)
        for sheet in sheets
        for group in sheet.groups
        for entry in group.entries
        for place in (*entry.places, *entry.beside)
    }


def _gone() -> ResponseReturnValue:
    body = _page(
        "keying/message.html",
        title="That return is no longer in hand",
        words="It was sealed or put aside, perhaps in another window. Nothing was changed now.",
    )
    return body, 409


# ── two keyings ──────────────────────────────────────────────────────────────


def differences() -> ResponseReturnValue:
    """Show where two keyings differ."""
    hand = room().sitting().hand
    return _differences(hand) if hand and hand.differences else _to("sheet")


def settle() -> ResponseReturnValue:
    """Take what the paper says for each difference, then check the return and seal it."""
    with at_work() as sitting:
        hand = sitting.hand
        if hand is None or not hand.differences or hand.id != request.form.get("return"):
            return _gone()
        chosen = {d.box.name: _choice(d.box.name, d.first, d.second) for d in hand.differences}
        if open_ := [name for name, typed in chosen.items() if typed is None]:
            problems = [Problem(f"{TAKE}{name}", "say what the paper says", "") for name in open_]
            return _differences(hand, problems), 422
        sitting.settle({name: typed for name, typed in chosen.items() if typed is not None})
        return _checked(sitting, hand, _questionnaire()[1], again=False)


def _choice(name: str, first: str, second: str) -> str | None:
    """What was chosen for a box; typing something else chooses it."""
    other = request.form.get(f"{OTHER}{name}", "").strip()
    taken = request.form.get(f"{TAKE}{name}")
    if taken == "other" or (taken is None and other):
        return other
    return {"first": first, "second": second}.get(taken or "")


def _differences(hand: Return, problems: Sequence[Problem] = ()) -> str:
    wave, instrument = _questionnaire()
    return _page(
        "keying/differences.html",
        wave=wave,
        sitting=room().sitting(),
        hand=hand,
        problems=problems,
        posted=request.form,
        entries=_entries(keysheet(instrument, _shown_items(hand, instrument))),
    )


VIEWS: tuple[tuple[str, str, Callable[[], ResponseReturnValue]], ...] = (
    ("GET", "", home),
    ("POST", "/find", find),
    ("POST", "/begin", begin),
    ("POST", "/twice", twice),
    ("POST", "/aside", aside),
    ("GET", "/sheet", sheet),
    ("POST", "/sheet", key),
    ("GET", "/differences", differences),
    ("POST", "/differences", settle),
)
"""Method, address and view of each page."""
