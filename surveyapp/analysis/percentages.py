"""Are printed percentages possible? Whole percentages leave few bases that they can have come from.

12% of 63 people is nobody: 7 of them are 11% and 8 are 13%. `audit` finds, for each question and grid row of
a published table, every base that gives all its printed percentages, and where there is none the fewest
cells that must be wrong. It looks at nothing but the printed numbers: bases and counts that somebody else
worked out are ignored. Rounding is half up from whole counts, `(200*k + n) // (2*n)`.

Which cells are wrong cannot always be known. Of all repairs that change the fewest cells, and those by the
fewest percentage points in all, the first named is the one

1. on the base nearest to the typical base, the one that most of the other questions and rows can have (of
   equals the largest): the same people answered them, so a base that few others can have explains little;
2. then in the cell printed later: first cells are checked and quoted, a remainder is worked out last;
3. then with the exact percentage nearest to print: 8 of 63 is 12.7%, nearer to 12 than 7 of 63, 11.1%.

Rules 2 and 3 are conventions, not evidence, so every other repair as small stands beside it, as an "or":
other cells, or the same cells in another direction. How several cells share the points is only an example.
"""

import csv
import difflib
import io
import json
import re
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from itertools import combinations, groupby, product
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from surveyapp.documents import MAX_BYTES, MAX_PROBLEMS, Document, nearest, pointer, read_document, read_model
from surveyapp.problems import Problem, Refused

MAX_BASE = 100_000
MOST_CELLS = 3
COLUMNS = ("question", "row", "option", "percent")

Kind = Literal["single", "multiple", "grid"]
KINDS: Mapping[str, Kind] = {"single": "single", "multiple": "multiple", "grid": "grid"}


@dataclass(frozen=True, slots=True)
class Cell:
    """One printed percentage, a whole number from 0 to 100, and the code or name of its answer."""

    option: str
    percent: int


@dataclass(frozen=True, slots=True)
class Printed:
    """One question, or one row of a grid, as printed; `row` is empty for a question without rows.

    `assumed`: the file does not give the kind, it was taken from the shape of the numbers.
    """

    question: str
    row: str
    kind: Kind
    cells: tuple[Cell, ...]
    assumed: bool = False

    @property
    def total(self) -> int | None:
        """The sum of the printed percentages; None for a multiple question, which need not add to 100."""
        return None if self.kind == "multiple" else sum(cell.percent for cell in self.cells)


@dataclass(frozen=True, slots=True)
class Published:
    """The printed tables of a report, and the largest base that a question can have, if the file states it."""

    name: str
    rows: tuple[Printed, ...]
    largest: int | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """A cell that must be wrong: its printed percentage and the one that it would have to be."""

    option: str
    printed: int
    possible: int


@dataclass(frozen=True, slots=True)
class Repair:
    """Cells that, changed together and all others left as printed, make a question possible on `base`."""

    base: int
    changes: tuple[Change, ...]

    @property
    def points(self) -> int:
        """The percentage points by which the cells change, added up without sign."""
        return sum(abs(change.possible - change.printed) for change in self.changes)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the printed percentages of one question or grid row can have come from.

    `bases`: every base from 1 to `largest` that gives all of them, smallest first. `repairs`: if there is none,
    the repairs with the fewest cells and points, best first (see the module); none if over three cells are wrong.
    """

    printed: Printed
    largest: int
    bases: tuple[int, ...]
    repairs: tuple[Repair, ...] = ()

    @property
    def question(self) -> str:
        """The id of the question."""
        return self.printed.question

    @property
    def row(self) -> str:
        """The code of the grid row, or nothing."""
        return self.printed.row

    @property
    def possible(self) -> bool:
        """Whether any base gives every printed percentage."""
        return bool(self.bases)

    @property
    def impossible(self) -> tuple[Change, ...]:
        """The cells of the best repair; empty if the row is possible or over three cells are wrong."""
        return self.repairs[0].changes if self.repairs else ()

    @property
    def alternatives(self) -> tuple[Repair, ...]:
        """Other repairs with as few cells and points: other cells, or the same cells the other way."""
        return self.repairs[1:]

    @property
    def explained(self) -> bool | None:
        """Whether rounding explains that it does not add to 100; None if it does add or need not."""
        return None if self.printed.total in (None, 100) else self.possible


def read_published(content: bytes, name: str) -> Published:
    """The printed tables in a JSON document or CSV sheet; `name` is the file's, for its kind and for messages.

    JSON: `tables` of kind single, multiple or grid with `published` percentages and `fieldwork.largest_base`;
    every other key is ignored. CSV: the columns question, row, option, percent and perhaps kind; without a kind
    a question with rows is a grid, one that adds to 95 to 105 single, any other multiple. Raises `Refused` with
    every problem.
    """
    try:
        if content.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"{" or name.lower().endswith(".json"):
            return _read_json(content, name)
        return Published(name, _read_csv(content))
    except Refused as refused:
        raise Refused(refused.problems[:MAX_PROBLEMS], name) from None


def audit(published: Published, largest: int | None = None) -> list[Verdict]:
    """A verdict on each question and grid row, in printed order, over the bases from 1 to `largest`.

    Single questions and grid rows: whole counts that add up to the base. Multiple: each option by itself, from
    none to all of the base. Raises `Refused` if neither the call nor the file states the largest base.
    """
    limit = _stated_base(published.largest if largest is None else largest, published.name)
    percents = {cell.percent for printed in published.rows for cell in printed.cells}
    spans = {percent: _spans(percent, limit) for percent in percents}
    possible = [_possible_bases(printed, spans) for printed in published.rows]
    nearby = _by_nearness(limit, _typical(possible, limit))
    return [
        Verdict(printed, limit, bases, () if bases else _repairs(printed, nearby))
        for printed, bases in zip(published.rows, possible, strict=True)
    ]


def describe(verdict: Verdict) -> str:
    """One line for a terminal: the bases, or the cells that must be wrong and the other repairs as small."""
    printed = verdict.printed
    name = _clean(printed.question) + (f".{_clean(printed.row)}" if printed.row else "")
    assumed = f" (no kind given: taken as {printed.kind})" if printed.assumed else ""
    finding = f"possible on {_runs(verdict.bases)}" if verdict.possible else _impossible(verdict)
    return f"{name}{assumed}: {finding}{_adding_up(verdict)}"


def summarise(verdicts: Sequence[Verdict]) -> str:
    """One sentence on all of them: how many printed percentages are possible, and how many are not."""
    count = _tally(verdicts)
    largest = max((verdict.largest for verdict in verdicts), default=0)
    text = (
        f"{count['possible']:,} of {count['cells']:,} printed percentages are possible on bases up to {largest:,}"
    )
    text += f"; {count['impossible']:,} cannot be as printed"
    if count["unresolved"]:
        text += f"; {count['unresolved']:,} stand in questions or rows with more than {MOST_CELLS} wrong cells"
    return text


def as_json(verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """The verdicts as plain JSON: the counts of cells, then a record a question or grid row with all its bases.

    `adds_up_by_rounding` is null where the percentages add to 100 or need not.
    """
    return {**_tally(verdicts), "verdicts": [_record(verdict) for verdict in verdicts]}


# ── bases ────────────────────────────────────────────────────────────────────

_Spans = tuple["array[int]", "array[int]"]


def _stated_base(largest: int | None, name: str) -> int:
    if largest is None:
        do = "say how many people can have answered at most (--largest N)"
        raise Refused([Problem("largest", "the file does not state the largest base", do)], name)
    try:
        return _check_base(largest)
    except ValueError as error:
        what, _, do = str(error).partition("; ")
        raise Refused([Problem("largest", what, do)], name) from None


def _counts(percent: int, base: int) -> tuple[int, int]:
    """The least and the greatest count of `base` that round half up to `percent`; least > greatest if none does.

    Then they are neighbours: the first count that rounds to more, the last that rounds to less.
    """
    return max(0, -((1 - 2 * percent) * base // 200)), min(base, ((2 * percent + 1) * base - 1) // 200)


def _spans(percent: int, largest: int) -> _Spans:
    """Least and greatest counts for each base from 1; where none rounds to it, the least is over the base."""
    pairs = [_counts(percent, base) for base in range(1, largest + 1)]
    low = array("q", [low if low <= high else base for base, (low, high) in enumerate(pairs, 2)])
    return low, array("q", [high for _, high in pairs])


def _possible_bases(printed: Printed, spans: Mapping[int, _Spans]) -> tuple[int, ...]:
    """Sums of intervals instead of all counts: any total between the sums of the least and greatest can be had."""
    chosen = [spans[cell.percent] for cell in printed.cells]
    lows = zip(*(low for low, _ in chosen), strict=True)
    if printed.kind == "multiple":
        return tuple(base for base, low in enumerate(map(max, lows), 1) if low <= base)
    highs = zip(*(high for _, high in chosen), strict=True)
    totals = zip(map(sum, lows), map(sum, highs), strict=True)
    return tuple(base for base, (low, high) in enumerate(totals, 1) if low <= base <= high)


def _typical(possible: Iterable[tuple[int, ...]], largest: int) -> int:
    """The base that most questions and rows can have, of equals the largest; `largest` if none has any."""
    votes = Counter(base for bases in possible for base in bases)
    return max(votes, key=lambda base: (votes[base], base), default=largest)


def _by_nearness(largest: int, typical: int) -> dict[int, int]:
    """Every base and its distance from the typical one, nearest first, the larger of two before the smaller."""
    bases = sorted(range(1, largest + 1), key=lambda base: (abs(base - typical), -base))
    return {base: abs(base - typical) for base in bases}


# ── repairs ──────────────────────────────────────────────────────────────────

_Moves = tuple[tuple[int, int], ...]
"""The places of the cells to change, each with -1 for down or 1 for up."""


def _repairs(printed: Printed, nearby: Mapping[int, int]) -> tuple[Repair, ...]:
    for size in range(1, min(MOST_CELLS, len(printed.cells)) + 1):
        search = _Search(printed, size)
        for base in nearby:
            search.on(base)
        if search.found:
            return search.ranked(nearby)
    return ()


class _Trial:
    """The printed percentages of one question on one base, and the room that they leave."""

    def __init__(self, printed: Printed, base: int) -> None:
        self.base = base
        self.percents = [cell.percent for cell in printed.cells]
        self.adds = printed.kind != "multiple"
        self.spans = [_counts(percent, base) for percent in self.percents]
        self.low = sum(low for low, _ in self.spans)
        self.high = sum(high for _, high in self.spans)
        self.gaps = tuple(i for i, (low, high) in enumerate(self.spans) if low > high)

    def choices(self, size: int) -> Iterator[tuple[int, ...]]:
        """The sets of `size` cells that could be wrong: every cell that the base cannot give, and others."""
        spare = size - len(self.gaps)
        if spare < 0 or (spare and not self.adds):
            return
        others = [i for i in range(len(self.spans)) if i not in self.gaps]
        for chosen in combinations(others, spare):
            yield tuple(sorted(self.gaps + chosen))

    def reachable(self, size: int) -> bool:
        """Whether changing `size` cells can be enough: the least counts of the rest must not exceed the base."""
        if len(self.gaps) > size or not self.adds:
            return len(self.gaps) == size
        largest = sorted((low for low, _ in self.spans), reverse=True)[:size]
        return self.low - sum(largest) <= self.base

    def fewest_points(self, signs: Sequence[int]) -> int:
        """No repair with these directions changes fewer points: a point moves under base/100 + 1 counts a cell."""
        size = len(signs)
        if not self.adds:
            return size
        down = 100 * (self.low - self.base - size) // self.base + 1 + 2 * signs.count(1)
        up = 100 * (self.base - self.high - size) // self.base + 1 + 2 * signs.count(-1)
        return max(size, down, up)

    def values(self, moves: _Moves, limit: int) -> tuple[int, ...] | None:
        """The new percentages that change the fewest points, `limit` at most, or None."""
        room = (0, len(moves) * self.base)
        if self.adds:
            low = sum(self.spans[i][0] for i, _ in moves)
            high = sum(self.spans[i][1] for i, _ in moves)
            room = (self.base - self.high + high, self.base - self.low + low)
        return self._values(room, moves, limit) if room[1] >= 0 else None

    def _values(self, room: tuple[int, int], moves: _Moves, limit: int) -> tuple[int, ...] | None:
        """The counts of the moved cells must add up to something in `room`; later cells take the larger change."""
        (i, sign), rest = moves[0], moves[1:]
        if not rest:
            return self._value(room, i, sign, limit)
        printed, best = self.percents[i], None
        for value in range(printed + sign, 101 if sign > 0 else -1, sign):
            change = abs(value - printed)
            if change + len(rest) > limit:
                break
            low, high = _counts(value, self.base)
            if low <= high and (last := self._values((room[0] - high, room[1] - low), rest, limit - change)):
                best = (value, *last)
                limit = change - 1 + sum(abs(v - self.percents[j]) for v, (j, _) in zip(last, rest, strict=True))
        return best

    def _value(self, room: tuple[int, int], i: int, sign: int, limit: int) -> tuple[int] | None:
        """The value nearest to the printed one on its `sign` side with a count in `room`."""
        least, most = max(room[0], 0), min(room[1], self.base)
        low, high = self.spans[i]
        count = max(least, high + 1) if sign > 0 else min(most, low - 1)
        if not least <= count <= most:
            return None
        value = (200 * count + self.base) // (2 * self.base)
        return (value,) if abs(value - self.percents[i]) <= limit else None


class _Search:
    """The smallest repairs of one question that change `size` cells, over bases given nearest first."""

    def __init__(self, printed: Printed, size: int) -> None:
        self.printed, self.size = printed, size
        self.least = 100 * size
        self.found: dict[_Moves, Repair] = {}

    def on(self, base: int) -> None:
        """Try one base: keep what is as small as the smallest so far and is not known from a nearer base."""
        trial = _Trial(self.printed, base)
        if not trial.reachable(self.size):
            return
        for signs in product((-1, 1), repeat=self.size):
            fewest = trial.fewest_points(signs)
            if fewest <= self.least:
                self._try(trial, signs, fewest)

    def _try(self, trial: _Trial, signs: Sequence[int], fewest: int) -> None:
        for cells in trial.choices(self.size):
            moves = tuple(zip(cells, signs, strict=True))
            limit = self.least - (moves in self.found)
            values = trial.values(moves, limit) if fewest <= limit else None
            if values:
                self._keep(moves, Repair(trial.base, self._changes(cells, values)))

    def _changes(self, cells: Sequence[int], values: Sequence[int]) -> tuple[Change, ...]:
        chosen = [self.printed.cells[i] for i in cells]
        return tuple(Change(c.option, c.percent, value) for c, value in zip(chosen, values, strict=True))

    def _keep(self, moves: _Moves, repair: Repair) -> None:
        if repair.points < self.least:
            self.found.clear()
            self.least = repair.points
        self.found[moves] = repair

    def ranked(self, nearby: Mapping[int, int]) -> tuple[Repair, ...]:
        """Best first: base nearest to the typical one, later cells, exact percentages nearest to print."""

        def rank(moves: _Moves) -> tuple[int, list[int], Fraction]:
            repair = self.found[moves]
            return nearby[repair.base], [-i for i, _ in reversed(moves)], _distance(repair)

        return tuple(self.found[moves] for moves in sorted(self.found, key=rank))


def _distance(repair: Repair) -> Fraction:
    """Percentage points between what was printed and the nearest exact percentages that the repair allows."""
    return sum((_miss(change, repair.base) for change in repair.changes), Fraction(0))


def _miss(change: Change, base: int) -> Fraction:
    counts = _counts(change.possible, base)
    return min(abs(Fraction(100 * count, base) - change.printed) for count in counts)


# ── words ────────────────────────────────────────────────────────────────────

_SHOWN_RUNS = 12
_SHOWN_REPAIRS = 4


def _clean(text: str) -> str:
    """A name from outside, safe on a terminal: no control characters, 60 characters at most."""
    shown = "".join(c if c.isprintable() else "�" for c in text[:60])
    return shown + ("…" if len(text) > 60 else "")


def _runs(bases: Sequence[int]) -> str:
    """Bases in increasing order with runs of three or more as `45–65`; the middle of a long list is left out."""
    numbered = groupby(enumerate(bases), key=lambda place: place[1] - place[0])
    parts = [part for _, run in numbered for part in _run([base for _, base in run])]
    if len(parts) > _SHOWN_RUNS:
        parts = [*parts[: _SHOWN_RUNS - 1], "…", parts[-1]]
    return ", ".join(parts)


def _run(run: Sequence[int]) -> list[str]:
    return [f"{run[0]:,}–{run[-1]:,}"] if len(run) > 2 else [f"{base:,}" for base in run]


def _impossible(verdict: Verdict) -> str:
    start = f"impossible on every base up to {verdict.largest:,}"
    if not verdict.repairs:
        return f"{start}; more than {MOST_CELLS} cells must be wrong"
    best, *others = verdict.repairs
    shown = [_alternative(repair, best) for repair in others[:_SHOWN_REPAIRS]]
    more = len(others) - len(shown)
    return f"{start}; {_sentence(best)}" + "".join(shown) + (f", or {more:,} other ways" if more else "")


def _sentence(repair: Repair) -> str:
    cells = [
        f"{_clean(c.option)} is printed {c.printed} and would have to be {c.possible}" for c in repair.changes
    ]
    return f"{' and '.join(cells)} (base {repair.base:,})"


def _alternative(repair: Repair, best: Repair) -> str:
    """Of the same cells only the values are said again."""
    if [c.option for c in repair.changes] == [c.option for c in best.changes]:
        return f", or {' and '.join(str(c.possible) for c in repair.changes)} (base {repair.base:,})"
    return f", or else {_sentence(repair)}"


def _adding_up(verdict: Verdict) -> str:
    if verdict.explained is None:
        return ""
    reason = "by rounding" if verdict.explained else "which rounding does not explain"
    return f"; adds to {verdict.printed.total}{'' if verdict.explained else ','} {reason}"


def _tally(verdicts: Sequence[Verdict]) -> dict[str, int]:
    """Cells in all, possible, impossible, and those of rows with too many wrong cells to say which."""
    cells = sum(len(verdict.printed.cells) for verdict in verdicts)
    impossible = sum(len(verdict.impossible) for verdict in verdicts)
    unresolved = sum(len(v.printed.cells) for v in verdicts if not v.possible and not v.repairs)
    possible = cells - impossible - unresolved
    return {"cells": cells, "possible": possible, "impossible": impossible, "unresolved": unresolved}


def _record(verdict: Verdict) -> dict[str, Any]:
    return {
        "question": verdict.question,
        "row": verdict.row,
        "kind": verdict.printed.kind,
        "kind_assumed": verdict.printed.assumed,
        "largest_base": verdict.largest,
        "possible": verdict.possible,
        "bases": list(verdict.bases),
        "total": verdict.printed.total,
        "adds_up_by_rounding": verdict.explained,
        "repairs": [
            {"base": repair.base, "points": repair.points, "changes": [asdict(c) for c in repair.changes]}
            for repair in verdict.repairs
        ],
    }


# ── JSON ─────────────────────────────────────────────────────────────────────


def _check_base(value: Any) -> int:
    if type(value) is not int or value < 1:
        raise ValueError(f"{_quoted(value)} is not a base; give a whole number of 1 or more")
    if value > MAX_BASE:
        raise ValueError(
            f"{value:,} is too large a base; give {MAX_BASE:,} at most: no percentage is impossible there"
        )
    return value


def _check_percent(value: Any) -> int:
    """A whole percentage from JSON: no `bool`, no decimals. Raises ValueError, fault and remedy in one text."""
    if type(value) is not int:
        raise ValueError(f"{_quoted(value)} is not a whole percentage; give a whole number from 0 to 100")
    if value < 0:
        raise ValueError(f"{_quoted(value)} is negative; give a whole number from 0 to 100")
    if value > 100:
        raise ValueError(f"{_quoted(value)} is over 100; give a whole number from 0 to 100")
    return value


def _quoted(value: Any) -> str:
    """An outside value as it stands in JSON, short; a list or an object only as what it is."""
    if isinstance(value, list | dict):
        return "a list" if isinstance(value, list) else "an object"
    return _clean(json.dumps(value, ensure_ascii=False))


_Name = Annotated[str, StringConstraints(min_length=1)]
_Percent = Annotated[int, BeforeValidator(_check_percent)]
_Base = Annotated[int, BeforeValidator(_check_base)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class _Point(_Part):
    code: _Name


class _Option(_Part):
    code: _Name
    published: _Percent


class _Choice(_Part):
    id: _Name
    kind: Literal["single", "multiple"]
    options: list[_Option] = Field(min_length=1)

    def rows(self) -> Iterator[Printed]:
        cells = tuple(Cell(option.code, option.published) for option in self.options)
        yield Printed(self.id, "", self.kind, cells)


class _GridRow(_Part):
    code: _Name
    published: list[_Percent] = Field(min_length=1)


class _Grid(_Part):
    id: _Name
    kind: Literal["grid"]
    scale: list[_Point] = Field(min_length=1)
    grid_rows: list[_GridRow] = Field(min_length=1, alias="rows")

    def rows(self) -> Iterator[Printed]:
        for row in self.grid_rows:
            points = zip(self.scale, row.published, strict=True)
            yield Printed(self.id, row.code, "grid", tuple(Cell(point.code, value) for point, value in points))


class _Fieldwork(_Part):
    largest_base: _Base | None = None


class _Figures(_Part):
    fieldwork: _Fieldwork = _Fieldwork()
    tables: list[Annotated[_Choice | _Grid, Field(discriminator="kind")]] = Field(min_length=1)


def _read_json(content: bytes, name: str) -> Published:
    document = read_document(content)
    if not isinstance(document.value, dict):
        raise Refused([document.problem("", "it is not an object", 'write { "tables": [ … ] }')])
    figures, problems = read_model(_Figures, document)
    problems += _misfits(document)
    if figures is None or problems:
        raise Refused(problems)
    rows = tuple(printed for table in figures.tables for printed in table.rows())
    return Published(name, rows, figures.fieldwork.largest_base)


def _misfits(document: Document) -> Iterator[Problem]:
    """What the model cannot see: names used twice, and grid rows that are longer or shorter than their scale."""
    tables = _members(document.value, "tables")
    yield from _repeated(document, tables, "id", "tables")
    for i, table in enumerate(tables):
        for part in ("options", "scale", "rows"):
            yield from _repeated(document, _members(table, part), "code", "tables", i, part)
        points = len(_members(table, "scale"))
        for j, row in enumerate(_members(table, "rows")):
            given = len(_members(row, "published"))
            if given and points and given != points:
                at = pointer("tables", i, "rows", j, "published")
                what = f"the row has {given} percentages, its scale {points} points"
                yield document.problem(at, what, "give one percentage for each point of the scale")


def _members(value: Any, key: str) -> list[Any]:
    """The list under `key`, or an empty one where the document is not as it should be: the model says so."""
    found = value.get(key) if isinstance(value, dict) else None
    return found if isinstance(found, list) else []


def _repeated(document: Document, items: list[Any], key: str, *place: str | int) -> Iterator[Problem]:
    seen: set[str] = set()
    for i, item in enumerate(items):
        name = item.get(key) if isinstance(item, dict) else None
        if not isinstance(name, str):
            continue
        if name in seen:
            what = f'{key} "{_clean(name)}" is used twice'
            yield document.problem(pointer(*place, i, key), what, f"give each its own {key}")
        seen.add(name)


# ── CSV ──────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class _Entry:
    """One line of the sheet under its header: known columns only, without the spaces around them."""

    line: int
    question: str
    row: str
    option: str
    percent: str
    kind: str = ""

    def problem(self, column: str, what: str, do: str) -> Problem:
        return Problem(f"column {column}", what, do, self.line)


def _read_csv(content: bytes) -> tuple[Printed, ...]:
    entries, problems = _entries(_decode(content))
    problems += [problem for entry in entries for problem in _faults(entry)]
    problems += _duplicates(entries)
    questions = _grouped(entries, lambda entry: entry.question)
    for question in questions.values():
        problems += _mixtures(question)
    if problems:
        raise Refused(sorted(problems, key=lambda problem: problem.line or 0))
    return tuple(printed for question in questions.values() for printed in _printed(question))


def _decode(content: bytes) -> str:
    if len(content) > MAX_BYTES:
        raise _stop(f"it has {len(content):,} bytes", f"keep a sheet under {MAX_BYTES:,} bytes")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise _stop(f"byte {error.start} is not UTF-8", "save it as CSV UTF-8", line) from None
    if "\0" in text:
        raise _stop("it is not a text", "save it as CSV UTF-8")
    if not text.strip():
        raise _stop("it is empty", f"give a header line: {','.join(COLUMNS)}")
    return text


def _stop(what: str, do: str, line: int = 1) -> Refused:
    return Refused([Problem("the sheet", what, do, line)])


def _entries(text: str) -> tuple[list[_Entry], list[Problem]]:
    """The lines under the header. Raises `Refused` if the header lacks a column or the quoting is broken."""
    lines = _lines(text)
    first, header = next(lines, (1, []))
    header = [column.strip().lower() for column in header]
    _check_header(header, first)
    entries, problems = [], []
    for line, fields in lines:
        fields = [field.strip() for field in fields]
        if len(fields) < len(header) or any(fields[len(header) :]):
            what = f"the line has {len(fields)} columns, the header {len(header)}"
            problems.append(Problem("the sheet", what, "quote a text that holds the separator", line))
            continue
        named = dict(zip(header, fields, strict=False))
        question, row, option, percent = (named[column] for column in COLUMNS)
        entries.append(_Entry(line, question, row, option, percent, named.get("kind", "").lower()))
    if not entries and not problems:
        raise _stop("it has a header and nothing under it", "give a line for each printed percentage", first)
    return entries, problems


def _lines(text: str) -> Iterator[tuple[int, list[str]]]:
    """Each line that is not blank with the number on which it begins."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
    begins = 1
    try:
        for fields in reader:
            if any(field.strip() for field in fields):
                yield begins, fields
            begins = reader.line_num + 1
    except csv.Error as error:
        raise _stop(
            f"it cannot be read as CSV: {error}", "close every quote, and write a quote as two", begins
        ) from None


def _delimiter(text: str) -> str:
    """The separator that finds the most known columns in the header; a comma if none finds any."""
    header = text.lstrip().partition("\n")[0].lower()

    def known(delimiter: str) -> int:
        return sum(field.strip(' \r"') in (*COLUMNS, "kind") for field in header.split(delimiter))

    return max((",", ";", "\t"), key=known)


def _check_header(header: list[str], line: int) -> None:
    others = [column for column in header if column and column not in COLUMNS]
    problems = [
        Problem("the header", f'the column "{column}" is missing', _header_remedy(column, others), line)
        for column in COLUMNS
        if column not in header
    ]
    problems += [
        Problem("the header", f'the column "{column}" stands twice', "keep one of the two", line)
        for column in (*COLUMNS, "kind")
        if header.count(column) > 1
    ]
    if problems:
        raise Refused(problems)


def _header_remedy(column: str, others: list[str]) -> str:
    close = difflib.get_close_matches(column, others, n=1, cutoff=0.6)
    return f'rename "{_clean(close[0])}"' if close else "add it, with commas, semicolons or tabs between columns"


def _faults(entry: _Entry) -> Iterator[Problem]:
    """What is wrong with one line by itself."""
    if not entry.question:
        yield entry.problem("question", "the question is missing", "repeat its id on every line")
    if not entry.option:
        yield entry.problem("option", "the option is missing", "say which answer the percentage is of")
    if entry.kind and entry.kind not in KINDS:
        yield entry.problem("kind", f'"{_clean(entry.kind)}" is not a kind', nearest(entry.kind, set(KINDS)))
    try:
        _percent(entry.percent)
    except ValueError as error:
        what, _, do = str(error).partition("; ")
        yield entry.problem("percent", what, do)


def _percent(text: str) -> int:
    """A whole percentage from a sheet, `12` or `12 %`. Raises ValueError, fault and remedy in one text."""
    match = re.fullmatch(r"([-−]?)([0-9]{1,9})\s*%?", text)
    if match is None:
        return _check_percent(text)
    return _check_percent(-int(match[2]) if match[1] else int(match[2]))


def _duplicates(entries: Sequence[_Entry]) -> Iterator[Problem]:
    first: dict[tuple[str, str, str], int] = {}
    for entry in entries:
        line = first.setdefault((entry.question, entry.row, entry.option), entry.line)
        if line != entry.line:
            what = f"the cell of line {line} is given again"
            yield entry.problem("option", what, "keep one, or give each its own row or option")


def _mixtures(question: Sequence[_Entry]) -> Iterator[Problem]:
    """Where the lines of one question do not agree with each other on its kind or on having rows."""
    head = question[0]
    kind = next((entry.kind for entry in question if entry.kind), "")
    for entry in question:
        if bool(entry.row) != bool(head.row):
            what = f"the question has rows on some lines only: line {head.line} differs"
            yield entry.problem("row", what, "give every line of the question a row, or none")
        elif kind in KINDS and bool(entry.row) != (kind == "grid"):
            what = f"a {kind} question has {'no rows' if entry.row else 'a row on every line'}"
            yield entry.problem("row", what, "give the row, or correct the kind")
        if entry.kind and entry.kind != kind:
            yield entry.problem("kind", f'the question is "{_clean(kind)}" above', "give it one kind")


def _printed(question: Sequence[_Entry]) -> Iterator[Printed]:
    """The question, or its rows, once nothing is wrong with it."""
    given = next((entry.kind for entry in question if entry.kind), "")
    kind = KINDS[given] if given else _likely_kind(question)
    for row, entries in _grouped(question, lambda entry: entry.row).items():
        cells = tuple(Cell(entry.option, _percent(entry.percent)) for entry in entries)
        yield Printed(question[0].question, row, kind, cells, assumed=not given)


def _likely_kind(question: Sequence[_Entry]) -> Kind:
    if question[0].row:
        return "grid"
    return "single" if 95 <= sum(_percent(entry.percent) for entry in question) <= 105 else "multiple"


def _grouped(entries: Iterable[_Entry], key: Callable[[_Entry], str]) -> dict[str, list[_Entry]]:
    """Entries by `key`, both in the order of the sheet."""
    groups: dict[str, list[_Entry]] = {}
    for entry in entries:
        groups.setdefault(key(entry), []).append(entry)
    return groups
