"""Answers as coded rows: one column a variable, one row a questionnaire, as paper returns and old data come.

A column bears the name of an answer key (`engagement_now.police`, `kind.other.text`, `contract@2`). Each option of
a `multiple` has a column of its own with 1 or 0, each option of a `rank` one with its place; a date is one cell. A
row becomes the form that a browser would have posted, and is read by the same rules.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from surveyapp.instrument.answers import Form, failed_checks, missing, read_answers
from surveyapp.instrument.model import (
    DateQuestion,
    Grid,
    Instrument,
    Multiple,
    Page,
    Question,
    Rank,
    Single,
    answer_keys,
    choices,
)
from surveyapp.instrument.routing import Kept, Route, count_key, route
from surveyapp.problems import Problem

_YES, _NO = {"1", "1.0", "true"}, {"0", "0.0", "false"}
_ISO = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})", re.ASCII)
_BRITISH = re.compile(r"(\d{1,2})[/. ](\d{1,2})[/. ](\d{4})", re.ASCII)


@dataclass(frozen=True)
class Column:
    """One variable of a table: `question` is its question's id on the route, `asked` the key that must be asked.

    `kind` says how its cells are read: "tick", "day", "count" (of a repeated page's items) or "plain". `codes` are
    the codes that a cell may hold, where there are some; `page` is the repeated page that it belongs to.
    """

    name: str
    question: str
    asked: str
    kind: str = "plain"
    codes: tuple[str, ...] = ()
    page: Page | None = field(default=None, repr=False)


@dataclass(frozen=True)
class CodedRow:
    """A row as read: the route of its answers, what is wrong, and which required answers are blank.

    The place of a problem is the name of a column. `astray` are those problems that are answers off the route.
    """

    route: Route = field(repr=False)
    problems: tuple[Problem, ...]
    missing: tuple[Problem, ...]
    astray: tuple[Problem, ...] = ()


def columns(instrument: Instrument) -> dict[str, Column]:
    """Every column that a table of answers may have, by name, in questionnaire order."""
    found = (column for page in instrument.pages for column in _of_page(page))
    return {column.name: column for column in found}


def read_row(instrument: Instrument, known: Mapping[str, Column], cells: Mapping[str, str]) -> CodedRow:
    """One row, its cells by the columns of `known`; "" is no reply. Answers that were not asked are problems."""
    form, wrong = _form(known, cells)
    answers, unread = read_whole(instrument, form)
    way = route(instrument, answers)
    gaps = [problem for _, problem in missing(way)]
    failed = [problem for step in way.steps for problem in failed_checks(step, way.answers)]
    astray = list(_not_asked(way, known, cells))
    told = {known[problem.at].question for problem in astray}
    faults = [p for p in unread if p not in gaps and p.at.partition(".")[0] not in told]
    placed = [_placed(problem, known, cells) for problem in [*faults, *failed]]
    spoilt = {problem.at for problem in [*faults, *failed]}
    required = [_placed(gap, known, cells) for gap in gaps if gap.at not in spoilt]
    return CodedRow(way, (*wrong, *placed, *astray), tuple(required), tuple(astray))


def read_whole(instrument: Instrument, form: Form) -> tuple[Kept, list[Problem]]:
    """Every page of the route that the answers themselves make, read from one form."""
    counts = {count_key(page): form[count_key(page)][0] for page in instrument.pages if count_key(page) in form}
    answers: Kept = {**counts}
    problems: list[Problem] = []
    done: set[str] = set()
    while step := next((s for s in route(instrument, answers).steps if s.name not in done), None):
        read, wrong = read_answers(step.items, form)
        answers, problems = {**answers, **read}, problems + wrong
        done.add(step.name)
    return route(instrument, answers).answers, problems


# ── the columns ──────────────────────────────────────────────────────────────


def _of_page(page: Page) -> Iterator[Column]:
    if page.repeat is None:
        for question in page.asked:
            yield from _of_question(question, question.id, None)
        return
    yield Column(count_key(page), count_key(page), count_key(page), "count", page=page)
    for number in range(1, page.repeat.max + 1):
        for question in page.asked:
            yield from _of_question(question, f"{question.id}@{number}", page)


def _of_question(question: Question, name: str, page: Page | None) -> Iterator[Column]:
    """The columns of a question that is called `name` on the route."""
    if isinstance(question, Multiple | Rank):
        kind = "tick" if isinstance(question, Multiple) else "plain"
        for option in question.options:
            yield Column(f"{name}.{option.code}", name, f"{name}.{option.code}", kind, page=page)
    for key in answer_keys(question):
        rest = key.removeprefix(question.id)
        if not rest and isinstance(question, Multiple | Rank):
            continue
        beside = rest.endswith((".text", ".notes")) and rest[1:] not in _rows(question)
        kind = "day" if isinstance(question, DateQuestion) and not rest else "plain"
        codes = () if beside or not isinstance(question, Single | Grid) else _codes(question)
        yield Column(name + rest, name, name if beside else name + rest, kind, codes, page)


def _rows(question: Question) -> set[str]:
    return {row.code for row in getattr(question, "rows", ())}


def _codes(question: Question) -> tuple[str, ...]:
    return tuple(option.code for option in choices(question))


# ── a row ────────────────────────────────────────────────────────────────────


def _form(known: Mapping[str, Column], cells: Mapping[str, str]) -> tuple[dict[str, list[str]], list[Problem]]:
    """What a browser would have posted, and the cells that cannot be put so."""
    form: dict[str, list[str]] = {}
    problems: list[Problem] = []
    for name, cell in cells.items():
        column = known[name]
        if column.kind == "tick" and cell.casefold() in _YES:
            form.setdefault(column.question, []).append(name.removeprefix(f"{column.question}."))
        elif column.kind == "tick" and cell and cell.casefold() not in _NO:
            do = "write 1 where it was chosen, else 0"
            problems.append(Problem(name, f"{_shown(cell)} is neither 1 nor 0", do))
        elif column.kind == "count" and cell and not _is_count(column, cell):
            what = f"{_shown(cell)} is not a number of items"
            problems.append(Problem(name, what, f"write 1 to {_most(column)}"))
        elif column.kind == "day":
            form |= _day(name, cell)
        elif column.kind != "tick" and cell:
            form[name] = [cell]
    return form | _counts(known, cells, form), problems


def _is_count(column: Column, cell: str) -> bool:
    return cell.isascii() and cell.isdigit() and len(cell) < 4 and 1 <= int(cell) <= _most(column)


def _most(column: Column) -> int:
    return column.page.repeat.max if column.page and column.page.repeat else 1


def _counts(known: Mapping[str, Column], cells: Mapping[str, str], form: Form) -> dict[str, list[str]]:
    """How many items each repeated page has, where no column says so: up to the last with an answer."""
    counts: dict[str, int] = {}
    for name, cell in cells.items():
        column = known[name]
        if column.page and column.kind != "count" and _is_given(column, cell):
            key, number = count_key(column.page), int(column.question.partition("@")[2])
            counts[key] = max(number, counts.get(key, 1))
    return {key: [str(number)] for key, number in counts.items() if not cells.get(key) and key not in form}


def _day(name: str, cell: str) -> dict[str, list[str]]:
    """A day as 2012-03-27 or 27/3/2012; anything else goes on as it is, to be refused where days are read."""
    if iso := _ISO.fullmatch(cell):
        year, month, day = iso.groups()
    elif british := _BRITISH.fullmatch(cell):
        day, month, year = british.groups()
    else:
        day, month, year = cell, "", ""
    parts = {"day": day, "month": month, "year": year}
    return {f"{name}.{part}": [value] for part, value in parts.items() if value}


def _is_given(column: Column, cell: str) -> bool:
    """Whether a cell says something: a 0 does not, where 1 means chosen."""
    return bool(cell) and not (column.kind == "tick" and cell.casefold() in _NO)


def _not_asked(way: Route, known: Mapping[str, Column], cells: Mapping[str, str]) -> Iterator[Problem]:
    """Answers off the route. On a page they are passed over; on paper somebody has erred."""
    for name, cell in cells.items():
        column = known[name]
        if _is_given(column, cell) and column.asked not in way.asked and column.asked not in way.answers:
            what = "there is an answer, but the other answers lead past this question"
            yield Problem(name, what, "empty the cell, or correct the answer that leads past it")


def _placed(problem: Problem, known: Mapping[str, Column], cells: Mapping[str, str]) -> Problem:
    """The problem at the column that it is about, in the words of somebody who enters codes."""
    at = problem.at if problem.at in known else _first(problem.at, known, cells)
    column = known.get(at)
    cell = cells.get(at, "")
    if column and column.codes and cell and cell not in column.codes:
        codes = ", ".join(column.codes[:12]) + (", …" if len(column.codes) > 12 else "")
        return Problem(at, f"{_shown(cell)} is not one of its codes", f"use one of: {codes}")
    if column and column.kind == "day" and cell:
        return Problem(at, problem.what, "write a day that can be, such as 2012-03-27")
    do = problem.do or "fill it in, or correct the answers that it goes with"
    return Problem(at, _small(problem.what), _small(do))


def _first(question: str, known: Mapping[str, Column], cells: Mapping[str, str]) -> str:
    """The first column with something in it of a question that has several, else its first in the table."""
    own = [name for name in cells if known[name].question == question]
    return next((name for name in own if _is_given(known[name], cells[name])), own[0] if own else question)


def _small(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:] if sentence[1:2].islower() else str(sentence)


def _shown(cell: str) -> str:
    kept = "".join(c if c.isprintable() else "\ufffd" for c in cell[:40])
    return f'"{kept}{"…" if len(cell) > 40 else ""}"'
