"""Ranges in place of small numbers: what of a table of response must be hidden, so that nobody works it out.

Values in, values out. Who reads a table knows its other columns, its other rows and its totals. A number that is
hidden is safe if, with all of that, every value of the range that it would have by itself is still possible.
"""

from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

COLUMNS = ("completed", "refused", "part_done")
"""What an organisation did. The first excludes the others; who refused may have begun."""


@dataclass(frozen=True)
class Range:
    """A number that is printed as a range only."""

    low: int
    high: int

    def __str__(self) -> str:
        """`1 to 9`."""
        return f"{self.low} to {self.high}"


Number = int | Range | None
"""As printed: exact, a range, or not known any more."""


@dataclass(frozen=True)
class Line:
    """The numbers of one row, and how many can have done anything: all, and those who were given a code.

    Completed and refused together are at most `room`, completed and part done at most `invited`. `part_done` is
    None where nobody knows.
    """

    completed: int
    refused: int
    part_done: int | None
    room: int
    invited: int


def small(number: int, room: int, minimum: int) -> Range | None:
    """The range of a number that must not be printed; None if it may be. `room` is the largest it can be."""
    if room < minimum:
        return Range(0, room) if room else None
    return Range(1, minimum - 1) if 0 < number < minimum else None


def protected(
    lines: Sequence[Line], whole: Line, minimum: int, bare: Collection[str] = ()
) -> list[dict[str, Number]]:
    """The rows as they may be printed; the last is that of all. Columns in `bare` say nothing but their totals.

    - A number from 1 to `minimum` less one becomes that range. 0 is printed, except where fewer than `minimum` can
      have done it, for the list and the completed ones leave no more: then every number is from 0 to these.
    - The total of all is a range only if it is small itself, so it is the same in every table. Then every row is
      from 0: rows that are known not to be 0 would count the total.
    - If totals, other rows and other columns leave less than its own range to a hidden number, the smallest number
      still printed in the column becomes a range too, and so on; where another column of its row is the reason,
      that one. If that does not do, every row of the column is from 0 to all. What the totals alone say, as when
      all have answered, nothing can hide.
    """
    table = _Table(lines, whole, minimum, bare=set(bare))
    waiting = deque(table.cells(range(len(lines))))
    while waiting:
        if table.is_narrowed(*waiting[0]):
            waiting.extend(table.cells(table.hide_beside(*waiting[0])))
        else:
            waiting.popleft()
    return [*table.rows, table.total]


@dataclass
class _Table:
    """A table while it is decided what to hide: columns and rows of numbers hidden beside the small ones.

    What is hidden leaves more possible for all the others, so a number has to be looked at again only if its own
    row has changed.
    """

    lines: Sequence[Line]
    whole: Line
    minimum: int
    bare: set[str]
    """Columns of which every row is from 0 to all."""
    beside: set[tuple[str, int]] = field(default_factory=set)
    given_up: set[tuple[str, int]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.total = {column: self._of_all(column) for column in COLUMNS}
        kept, self.bare = self.bare, set(COLUMNS)
        self._show()
        self.plain_rows, self.plain, self.bare = self.rows, self.judge, kept
        self._show()

    def cells(self, rows: Iterable[int]) -> Iterator[tuple[str, int]]:
        """The numbers of some rows."""
        return ((column, i) for i in rows for column in COLUMNS)

    def _of_all(self, column: str) -> Number:
        number = getattr(self.whole, column)
        if number is None:
            return None
        low = 0 if column == COLUMNS[0] else _low(self._of_all(COLUMNS[0]))
        return small(number, _limit(self.whole, column) - low, self.minimum) or number

    def _show(self) -> None:
        self.rows = [self._row(i) for i in range(len(self.lines))]
        self.judge = _Judge(self.lines, self.rows, self.total)

    def _row(self, i: int) -> dict[str, Number]:
        row: dict[str, Number] = {}
        for column in COLUMNS:
            room = _limit(self.lines[i], column) - (_low(row[COLUMNS[0]]) if row else 0)
            row[column] = self._cell(column, i, getattr(self.lines[i], column), room)
        return row

    def _cell(self, column: str, i: int, number: int | None, room: int) -> Number:
        """A number as printed, as far as is decided by now; `room` is what completed leaves."""
        if number is None or not self.total[column]:
            return number
        if isinstance(self.total[column], Range):
            return Range(0, min(self.minimum - 1, room)) if room else 0
        if column in self.bare:
            return Range(0, room) if room else 0
        if (column, i) not in self.beside:
            return small(number, room, self.minimum) or number
        return Range(self.minimum, room) if number >= self.minimum else Range(0, min(self.minimum - 1, room))

    # ── whether anybody can work it out ──

    def is_narrowed(self, column: str, i: int) -> bool:
        """Whether less is possible of a hidden number's own range than the totals alone would leave of it."""
        own = self._own_range(column, i)
        if own is None or (column, i) in self.given_up:
            return False
        wanted = self._left_by_totals(column, i, own)
        return not all(self.judge.possible(i, {**self.rows[i], column: end}) for end in wanted)

    def _left_by_totals(self, column: str, i: int, own: Range) -> set[int]:
        """The ends of a range, as far as they are possible if every row of every column is hidden."""
        row = self.plain_rows[i]
        fitting = [n for n in range(own.low, own.high + 1) if self.plain.possible(i, {**row, column: n})]
        return {fitting[0], fitting[-1]} if fitting else set()

    def _own_range(self, column: str, i: int) -> Range | None:
        """The range that a number has by itself; None if it is printed, or hidden for the sake of others."""
        line, shown = self.lines[i], self.rows[i][column]
        if not isinstance(shown, Range):
            return None
        low = 0 if column == COLUMNS[0] else _low(self.rows[i][COLUMNS[0]])
        return small(getattr(line, column), _limit(line, column) - low, self.minimum)

    def hide_beside(self, column: str, i: int) -> Iterable[int]:
        """Hide one more number for the sake of one, and say which rows have changed.

        If there is none, every row of its column is hidden, or of others if that helps; else it is given up.
        """
        if more := self._in_its_row(column, i) or self._best(column, i):
            self.beside |= self._with_its_row(*more)
            self.rows[more[1]] = self._row(more[1])
            self.judge.change(more[1], self.rows[more[1]])
            return [more[1]]
        if bare := self._columns_to_bare(column, i):
            self.beside |= self._hidden()
            self.bare |= bare
            self._show()
            return range(len(self.lines))
        self.given_up.add((column, i))
        return []

    def _columns_to_bare(self, column: str, i: int) -> set[str]:
        left = [c for c in COLUMNS if c not in self.bare and isinstance(self.total[c], int) and self.total[c]]
        if column in left:
            return {column}
        for some in [{c} for c in left] + [set(left)]:
            trial = replace(self, bare=self.bare | some, beside=self.beside | self._hidden())
            if not trial.is_narrowed(column, i):
                return some
        return set()

    def _best(self, column: str, i: int) -> tuple[str, int] | None:
        """The smallest number of a column that helps by itself; else that of the number's own."""
        own = self._in_its_column(column, i)
        others = (self._in_its_column(c, i) for c in COLUMNS if c != column)
        return next((more for more in (own, *others) if more and self._helps(more, column, i)), own)

    def _helps(self, more: tuple[str, int], column: str, i: int) -> bool:
        before, j = self.beside, more[1]
        self.beside = before | self._with_its_row(*more)
        self.judge.change(j, self._row(j))
        helps = not self.is_narrowed(column, i)
        self.beside = before
        self.judge.change(j, self.rows[j])
        return helps

    def _with_its_row(self, column: str, j: int) -> set[tuple[str, int]]:
        """A number to hide, with those of its row that are hidden already: they must not come forth again."""
        return {(column, j), *self._hidden([j])}

    def _hidden(self, rows: Iterable[int] | None = None) -> set[tuple[str, int]]:
        """What was hidden for little room beside the completed ones, who may now be fewer."""
        some = range(len(self.lines)) if rows is None else rows
        return {(c, j) for j in some for c in COLUMNS[1:] if isinstance(self.rows[j][c], Range)}

    def _in_its_row(self, column: str, i: int) -> tuple[str, int] | None:
        """A number of its row that leaves less for those who completed. What these leave to others is public."""
        own = self._own_range(column, i)
        for other in COLUMNS[1:] if own and column == COLUMNS[0] else ():
            number = self.rows[i][other]
            if isinstance(number, int) and number and own and _limit(self.lines[i], other) - number < own.high:
                return None if (other, i) in self.beside else (other, i)
        return None

    def _in_its_column(self, column: str, i: int) -> tuple[str, int] | None:
        printed = [
            (number == 0, number, j)
            for j, line in enumerate(self.lines)
            if j != i and isinstance(number := self.rows[j][column], int) and self._can_move(column, j, line)
        ]
        return (column, min(printed)[2]) if printed else None

    def _can_move(self, column: str, j: int, line: Line) -> bool:
        low = 0 if column == COLUMNS[0] else _low(self.rows[j][COLUMNS[0]])
        free = bool(self.total[column]) and (column, j) not in self.beside
        return free and _limit(line, column) > low


def _limit(line: Line, column: str) -> int:
    return line.invited if column == "part_done" else line.room


def _low(number: Number) -> int:
    return number.low if isinstance(number, Range) else number or 0


def _high(number: Number) -> int:
    return number.high if isinstance(number, Range) else number or 0


# ── what is possible ─────────────────────────────────────────────────────────


class _Sum(NamedTuple):
    """What rows add up to when as few as possible have completed, and what it costs if more have.

    `free` more may have without taking anything from the others, `of_refused` and `of_part_done` more each take
    one from the most that can have refused or begun, `of_both` one from each. `wrong` counts rows that cannot be.
    """

    completed: int
    free: int
    of_refused: int
    of_part_done: int
    of_both: int
    refused_low: int
    refused_high: int
    part_done_low: int
    part_done_high: int
    wrong: int


class _Judge:
    """Decides exactly whether a row can be so, by all that is printed: rows, columns and totals at once.

    The rows meet only in three totals, and in a row only completed takes from the others. So it is enough to let
    as few complete as possible, and then as many more as the total wants, first those who take nothing.
    """

    def __init__(self, lines: Sequence[Line], rows: Sequence[Mapping[str, Number]], total: Mapping[str, Number]):
        self.lines = lines
        self.low = {column: _low(number) for column, number in total.items()}
        self.high = {column: _high(number) for column, number in total.items()}
        self.sums = [_row_sum(line, row) for line, row in zip(lines, rows, strict=True)]
        self.all = _Sum(*map(sum, zip(*self.sums, strict=True))) if rows else _Sum(*[0] * len(_Sum._fields))

    def change(self, i: int, row: Mapping[str, Number]) -> None:
        """Row `i` is printed so from now on."""
        own = _row_sum(self.lines[i], row)
        self.all = self._with(i, own)
        self.sums[i] = own

    def possible(self, i: int, row: Mapping[str, Number]) -> bool:
        """Whether row `i` can be so, all else being as printed."""
        found = self._with(i, _row_sum(self.lines[i], row))
        return not found.wrong and self._lows_fit(found) and self._enough_can(found)

    def _with(self, i: int, own: _Sum) -> _Sum:
        return _Sum(*(a - b + c for a, b, c in zip(self.all, self.sums[i], own, strict=True)))

    def _lows_fit(self, found: _Sum) -> bool:
        lows = (found.completed, found.refused_low, found.part_done_low)
        return all(low <= self.high[column] for column, low in zip(COLUMNS, lows, strict=True))

    def _enough_can(self, found: _Sum) -> bool:
        spare_refused = found.refused_high - self.low["refused"]
        spare_part_done = found.part_done_high - self.low["part_done"]
        one, other = min(found.of_refused, spare_refused), min(found.of_part_done, spare_part_done)
        both = min(found.of_both, spare_refused - one, spare_part_done - other)
        most = found.completed + found.free + one + other + both
        return spare_refused >= 0 and spare_part_done >= 0 and self.low["completed"] <= most


def _row_sum(line: Line, row: Mapping[str, Number]) -> _Sum:
    low, high = _low(row["completed"]), _high(row["completed"])
    high = min(high, line.room - _low(row["refused"]), line.invited - _low(row["part_done"]))
    to_refused, to_part_done = line.room - _high(row["refused"]), line.invited - _high(row["part_done"])
    first, second = sorted((to_refused, to_part_done))
    one = max(0, min(second, high) - max(first, low))
    return _Sum(
        completed=low,
        free=max(0, min(first, high) - low),
        of_refused=one if to_refused < to_part_done else 0,
        of_part_done=one if to_part_done < to_refused else 0,
        of_both=max(0, high - max(second, low)),
        refused_low=_low(row["refused"]),
        refused_high=_high(row["refused"]) - max(0, low - to_refused),
        part_done_low=_low(row["part_done"]),
        part_done_high=_high(row["part_done"]) - max(0, low - to_part_done),
        wrong=int(high < low),
    )
