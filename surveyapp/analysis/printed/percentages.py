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

from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from itertools import combinations, groupby, product
from typing import Any

from surveyapp.analysis.printed.published import Printed, Published, check_base, shown_name
from surveyapp.problems import Problem, Refused

MOST_CELLS = 3


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
    name = shown_name(printed.question) + (f".{shown_name(printed.row)}" if printed.row else "")
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
        return check_base(largest)
    except ValueError as error:
        what, _, do = str(error).partition("; ")
        raise Refused([Problem("largest", what, do)], name) from None


def counts_of(percent: int, base: int) -> tuple[int, int]:
    """The least and the greatest count of `base` that round half up to `percent`; least > greatest if none does.

    Then they are neighbours: the first count that rounds to more, the last that rounds to less.
    """
    return max(0, -((1 - 2 * percent) * base // 200)), min(base, ((2 * percent + 1) * base - 1) // 200)


def _spans(percent: int, largest: int) -> _Spans:
    """Least and greatest counts for each base from 1; where none rounds to it, the least is over the base."""
    pairs = [counts_of(percent, base) for base in range(1, largest + 1)]
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
        self.spans = [counts_of(percent, base) for percent in self.percents]
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
            low, high = counts_of(value, self.base)
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
    counts = counts_of(change.possible, base)
    return min(abs(Fraction(100 * count, base) - change.printed) for count in counts)


# ── words ────────────────────────────────────────────────────────────────────

_SHOWN_RUNS = 12
_SHOWN_REPAIRS = 4


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
        f"{shown_name(c.option)} is printed {c.printed} and would have to be {c.possible}" for c in repair.changes
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
