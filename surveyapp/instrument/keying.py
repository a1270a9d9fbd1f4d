"""Keying a paper return: what to type for each answer, how it is read, and how two keyings are compared.

Each option has a number: its code, where all codes of the question are digits, else its place on the paper from 1.
A form of typed boxes becomes the row of a file of returns and is read as one (`coded`), so a return cannot be read
in two ways. An empty box is no reply. `*` stands for a mark that is there and cannot be used.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from surveyapp.instrument.answers import Form, clean, left_out, read_number
from surveyapp.instrument.coded import Column, columns, read_row
from surveyapp.instrument.model import (
    Allocation,
    DateQuestion,
    Grid,
    Instrument,
    Multiple,
    NumberQuestion,
    OpenText,
    Option,
    Page,
    Question,
    Rank,
    Single,
    answer_keys,
    choices,
)
from surveyapp.instrument.routing import Route, count_key
from surveyapp.problems import Problem

UNCLEAR = "*"
"""What is typed for an answer that is marked twice or cannot be read; where no words are wanted, `x` will do."""

_TOGETHER = {"figure", "place"}
"""Of an allocation or a rank one box alone cannot be left out."""

_DIGITS = re.compile(r"\d{8}", re.ASCII)


@dataclass(frozen=True)
class Key:
    """What is typed for an option. `number` stands beside it, its code may be typed too."""

    number: str
    code: str


@dataclass(frozen=True)
class Box:
    """One place to type, named like the answer that it holds; `question` is its question's id on the route.

    `kind` is "key" (one number), "keys" (several), "day", "figure", "place", "words" or "count" (how many items a
    repeated page has).
    """

    name: str
    question: str
    kind: str
    keys: tuple[Key, ...] = ()

    @property
    def twice(self) -> bool:
        """Whether it is keyed again in double entry: words are not, for no two people write them alike."""
        return self.kind != "words"


@dataclass(frozen=True)
class Keyed:
    """A return as it was typed and read.

    `faults` must be put right. `blank` are answers that the questionnaire asks for and the paper may lack,
    `astray` answers to what its routing leads past: both are to be confirmed. `unclear` are the boxes with `*`, by
    name. `empty` says that no answer is left. The place of a problem is the name of a box.
    """

    route: Route = field(repr=False)
    faults: tuple[Problem, ...] = ()
    blank: tuple[Problem, ...] = ()
    astray: tuple[Problem, ...] = ()
    unclear: tuple[str, ...] = ()
    empty: bool = False


@dataclass(frozen=True)
class Difference:
    """A box that two keyings of one paper have filled in differently, each as it was typed."""

    box: Box
    first: str
    second: str


def keys_of(options: Sequence[Option]) -> tuple[Key, ...]:
    """The numbers of options, in the order of the paper."""
    own = all(option.code.isascii() and option.code.isdigit() for option in options)
    return tuple(Key(option.code if own else str(i), option.code) for i, option in enumerate(options, 1))


def boxes(instrument: Instrument) -> dict[str, Box]:
    """Every box that a return of this questionnaire can have, by name, in the order of the paper."""
    found = (box for page in instrument.pages for box in _of_page(page))
    return {box.name: box for box in found}


def read_keyed(instrument: Instrument, form: Form) -> Keyed:
    """A return from its boxes. What is no box of this questionnaire is passed over."""
    sheet, known = boxes(instrument), columns(instrument)
    cells, faults, unclear = _cells(sheet, known, form)
    row = read_row(instrument, known, cells)
    blank = [_at_box(gap, sheet, known) for gap in row.missing]
    blank += [Problem(name, "this is blank", "") for name in _soft(row.route, sheet)]
    told = [_at_box(problem, sheet, known) for problem in row.problems if problem not in row.astray]
    spared = _spared(sheet, unclear)
    return Keyed(
        route=row.route,
        faults=tuple(_once([*faults, *(_remedied(problem, sheet) for problem in told)])),
        blank=tuple(_once(gap for gap in blank if gap.at not in spared)),
        astray=tuple(_once(_at_box(problem, sheet, known) for problem in row.astray)),
        unclear=tuple(unclear),
        empty=not any(key in sheet and sheet[key].kind != "count" for key in _answered(row.route, sheet)),
    )


def compared(instrument: Instrument, first: Form, second: Form) -> tuple[int, list[Difference]]:
    """How many boxes were filled in at least once, and those in which two keyings differ. Words are left out."""
    filled, found = 0, []
    for box in boxes(instrument).values():
        both = [" ".join(_typed(form, box.name).split()) for form in (first, second)]
        if box.twice and any(both):
            filled += 1
            if _meant(box, both[0]) != _meant(box, both[1]):
                found.append(Difference(box, *both))
    return filled, found


# ── the boxes ────────────────────────────────────────────────────────────────


def _of_page(page: Page) -> Iterator[Box]:
    if page.repeat:
        yield Box(count_key(page), count_key(page), "count")
    for number in range(1, page.repeat.max + 1) if page.repeat else (0,):
        for question in page.asked:
            yield from _of_question(question, f"{question.id}@{number}" if number else question.id)


def _of_question(question: Question, name: str) -> Iterator[Box]:
    keys = keys_of(choices(question))
    match question:
        case Grid():
            yield from (Box(f"{name}.{row.code}", name, "key", keys) for row in question.rows)
        case Allocation():
            yield from (Box(f"{name}.{row.code}", name, "figure") for row in question.rows)
        case Rank():
            yield from (Box(f"{name}.{option.code}", name, "place") for option in question.options)
        case Single():
            yield Box(name, name, "key", keys)
        case Multiple():
            yield Box(name, name, "keys", keys)
        case NumberQuestion():
            yield Box(name, name, "figure")
        case DateQuestion():
            yield Box(name, name, "day")
        case OpenText():
            yield Box(name, name, "words")
    for key in answer_keys(question):
        if key.endswith(".notes") or (isinstance(question, Single | Multiple) and key != question.id):
            yield Box(name + key.removeprefix(question.id), name, "words")


# ── reading ──────────────────────────────────────────────────────────────────


def _cells(
    sheet: Mapping[str, Box], known: Mapping[str, Column], form: Form
) -> tuple[dict[str, str], list[Problem], list[str]]:
    """The row of a file that says the same, what cannot be put into one, and the boxes with `*`."""
    cells = dict.fromkeys(known, "")
    faults: list[Problem] = []
    unclear = [name for name, box in sheet.items() if _is_unclear(box, _typed(form, name))]
    whole = {sheet[name].question for name in unclear if sheet[name].kind in _TOGETHER}
    for name, box in sheet.items():
        typed = _typed(form, name)
        if typed and name not in unclear and not (box.question in whole and box.kind in _TOGETHER):
            found = _read(box, typed)
            faults += [found] if isinstance(found, Problem) else []
            cells |= {} if isinstance(found, Problem) else found
    return cells, faults, unclear


def _is_unclear(box: Box, typed: str) -> bool:
    spelt = typed.casefold() == "x" and box.kind != "words" and "x" not in {key.code for key in box.keys}
    return typed == UNCLEAR or spelt


def _spared(sheet: Mapping[str, Box], unclear: Iterable[str]) -> set[str]:
    """The boxes that `*` speaks for: shares and places stand or fall together."""
    whole = {sheet[name].question for name in unclear if sheet[name].kind in _TOGETHER}
    return {*unclear, *(name for name, box in sheet.items() if box.question in whole and box.kind in _TOGETHER)}


def _read(box: Box, typed: str) -> dict[str, str] | Problem:
    """The cells that a box fills in."""
    if box.kind == "keys":
        return _several(box, typed)
    if box.kind != "key":
        return {box.name: _day(typed) if box.kind == "day" else typed}
    code = _code(box, typed)
    return {box.name: code} if code else _no_number(box, typed)


def _several(box: Box, typed: str) -> dict[str, str] | Problem:
    codes = []
    for part in _parts(box, typed):
        code = _code(box, part)
        if code is None:
            return _no_number(box, part)
        if code in codes:
            return Problem(box.name, f"“{_shown(part)}” is typed twice", "type each number once")
        codes.append(code)
    return {f"{box.name}.{code}": "1" for code in codes}


def _parts(box: Box, typed: str) -> list[str]:
    """Numbers with anything between them; where none has two digits, they may stand together: `135`."""
    parts = [part for part in re.split(r"[\s,;.+/-]+", typed) if part]
    if any(len(key.number) > 1 for key in box.keys):
        return parts
    return [digit for part in parts for digit in (part if part.isdigit() else [part])]


def _code(box: Box, typed: str) -> str | None:
    """The code that a number means; a code of letters may be typed in full."""
    for key in box.keys:
        if typed == key.number or (typed.casefold() == key.code.casefold() and not typed.isdigit()):
            return key.code
    return None


def _no_number(box: Box, typed: str) -> Problem:
    first, last = box.keys[0].number, box.keys[-1].number
    what = f"“{_shown(typed)}” is not one of the numbers {first} to {last}"
    return Problem(box.name, what, "look at the paper again; type * if it is marked twice or cannot be read")


def _day(typed: str) -> str:
    """`27032012` as it stands in the boxes of the paper; any other way to write a day is left as it is."""
    return f"{typed[:2]}/{typed[2:4]}/{typed[4:]}" if _DIGITS.fullmatch(typed) else typed


def _typed(form: Form, name: str) -> str:
    values = form.get(name, ())
    return clean(values[0]) if values else ""


def _shown(typed: str) -> str:
    return f"{typed[:20]}…" if len(typed) > 20 else typed


# ── what is said of it ───────────────────────────────────────────────────────


def _at_box(problem: Problem, sheet: Mapping[str, Box], known: Mapping[str, Column]) -> Problem:
    """The problem at the box of its column: the options of a multiple share one."""
    at = problem.at
    if at not in sheet:
        question = known[at].question if at in known else at
        at = next((name for name, box in sheet.items() if box.question == question), at)
    return Problem(at, problem.what, problem.do)


def _remedied(problem: Problem, sheet: Mapping[str, Box]) -> Problem:
    """Paper cannot be put right: where it says what cannot be, that is typed as `*`."""
    if problem.at not in sheet or sheet[problem.at].kind == "words":
        return problem
    return Problem(problem.at, problem.what, f"{problem.do}, or type {UNCLEAR} if the paper says so")


def _soft(way: Route, sheet: Mapping[str, Box]) -> Iterator[str]:
    """The boxes of questions that the pages ask about once if they are left out: of a grid its blank rows."""
    for step in way.steps:
        for question in left_out(step.items, way.answers):
            own = [box for box in sheet.values() if box.question == question]
            rows = [box.name for box in own if box.kind == "key" and box.name not in way.answers]
            yield from rows or [own[0].name]


def _answered(way: Route, sheet: Mapping[str, Box]) -> Iterator[str]:
    """The boxes of the answers on a route; of a rank the first."""
    for key in way.answers:
        yield key if key in sheet else next((name for name, box in sheet.items() if box.question == key), key)


def _once(problems: Iterable[Problem]) -> Iterator[Problem]:
    """The first problem of each box."""
    told: set[str] = set()
    for problem in problems:
        if problem.at not in told:
            told.add(problem.at)
            yield problem


# ── two keyings ──────────────────────────────────────────────────────────────


def _meant(box: Box, typed: str) -> object:
    """What was typed, so that two ways to write the same are equal."""
    if _is_unclear(box, typed):
        return UNCLEAR
    if not typed or box.kind in {"words", "count", "place"}:
        return typed
    if box.kind == "figure":
        number = read_number(typed, decimals=4)
        return number if isinstance(number, Decimal) else typed
    if box.kind == "day":
        return tuple(int(part) if part.isdigit() else part for part in re.split(r"\D+", _day(typed)))
    found = _read(box, typed)
    return typed if isinstance(found, Problem) else frozenset(found.items())
