"""Banners: the columns of a cross-tabulation, over those whom a filter leaves, and who is in which."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import product
from typing import Any, Protocol, TypeVar, cast

import numpy as np
import numpy.typing as npt

from surveyapp.analysis.columns import CELL, Mask
from surveyapp.analysis.counting import Block, Counter, Counts, Slots
from surveyapp.analysis.dataset import STRATUM, Codes, Dataset, Variable, slice_of, wanted_by, whole
from surveyapp.analysis.estimation.weights import Design
from surveyapp.analysis.grouping import NOTHING, Coded, Wanted
from surveyapp.analysis.large import Responses
from surveyapp.analysis.summaries import Spread, spread
from surveyapp.analysis.tables import Column, Slice
from surveyapp.frames import taken_apart
from surveyapp.instrument.model import Condition

T = TypeVar("T")


@dataclass(frozen=True)
class Population:
    """Whom the respondents stand for: units of the frame, those written to, units of each carried cell.

    Nothing is known of a wave that is open to anyone.
    """

    frame: int | None = None
    issued: int | None = None
    cells: Mapping[str, int] = field(default_factory=dict)


class Counted(Protocol):
    """What is counted: codes, found in whatever knows what it wants."""

    @property
    def wanted(self) -> Wanted:
        """What must be known of the responses."""
        ...

    def of(self, rows: Dataset) -> Codes:
        """The code of each row."""
        ...


@dataclass(frozen=True)
class Heads:
    """Some columns of a banner that share nobody: of `variables` crossed, or one for who ticked all `options`.

    With neither it is one column of everybody.
    """

    size: int = 1
    variables: tuple[Variable, ...] = ()
    options: tuple[str, ...] = ()

    @property
    def wanted(self) -> Wanted:
        """What must be known to tell who is in which."""
        return frozenset(map(Coded, (*self.options, *(variable.name for variable in self.variables))))

    def block(self, rows: Dataset) -> Block:
        """Who is in which."""
        return Block(self.size, self._places(rows))

    def _places(self, rows: Dataset) -> Slots | None:
        if self.options:
            ticked = np.logical_and.reduce([rows.values[name] == 1 for name in self.options])
            return np.where(ticked, np.int32(0), np.int32(-1))
        if not self.variables:
            return None
        place = np.zeros(rows.n, dtype=np.int32)
        missing = np.zeros(rows.n, dtype=np.bool_)
        for variable in self.variables:
            place = place * np.int32(len(variable.codes)) + rows.values[variable.name]
            missing |= rows.values[variable.name] < 0
        return np.where(missing, np.int32(-1), place)


class View:
    """The columns of a banner over those whom a filter leaves, the first of them everybody; and their counts."""

    def __init__(
        self,
        data: Responses,
        design: Design | None,
        population: Population,
        by: Sequence[Sequence[str]],
        where: Condition | None,
    ) -> None:
        self.data = data
        self.design = design
        self.population = population
        self.banner = bool(by)
        self.where = where
        self.who = slice_of(where)
        self.groups = design.groups if design is not None else 1
        self.wanted = wanted_by(where, data) | ({Coded(CELL)} if self.groups > 1 else NOTHING)
        self._kept: dict[object, Any] = {}
        first = Column("percent", "All" if by else "Per cent", who=self.who)
        columns, heads = [first], [Heads()]
        for names in by:
            more, of_them = _columns(data, names, self.who)
            columns += more
            heads += of_them
        self.columns = tuple(replace(c, letter=letter(i)) if i else c for i, c in enumerate(columns))
        self.heads = tuple(heads)
        self.weights = design.relative if design is not None and design.weighted else None
        self.weighting = design.method if design is not None and design.weighted else ""

    # ── counting ──

    def count(self, counted: Counted, codes: int) -> Counts:
        """Columns × (codes and kinds of missing) × groups, as `Counter` counts them."""
        return self._count(self.heads, counted, codes)

    def count_pairs(self, counted: Counted, codes: int) -> Counts:
        """The same of those in both columns of each overlapping pair."""
        return self._count(self._pairs, counted, codes)

    def spread(self, name: str, column: int) -> Spread:
        """The amounts of a variable in a column."""
        heads, place = self._at(column)
        rows = self.data.rows(self.wanted | heads.wanted | whole(name))
        who, in_column = rows.values[name] >= 0, self._block(rows, heads).place
        if in_column is not None:
            who &= in_column == place
        inside, groups = self._inside(rows), self._groups(rows)
        who = who if inside is None else who & inside
        some = None if groups is None else groups[who], None if rows.times is None else rows.times[who]
        return spread(rows.amounts[name][who], *some)

    def questions(self, counted: Wanted, pairs: bool) -> list[Wanted]:
        """What the responses will be asked for when this is counted in all columns, and in `pairs` of them."""
        return [self.wanted | each.wanted | counted for each in (*self.heads, *(self._pairs if pairs else ()))]

    def _count(self, heads: Sequence[Heads], counted: Counted, codes: int) -> Counts:
        """Columns that are told from the same rows are counted together: in memory these are all."""
        found: list[tuple[Dataset, list[Heads]]] = []
        for each in heads:
            rows = self.data.rows(self.wanted | each.wanted | counted.wanted)
            if found and found[-1][0] is rows:
                found[-1][1].append(each)
            else:
                found.append((rows, [each]))
        return np.concatenate(
            [self._counter(rows, tuple(some)).count(counted.of(rows), codes) for rows, some in found]
        )

    def _counter(self, rows: Dataset, heads: tuple[Heads, ...]) -> Counter:
        def make() -> Counter:
            blocks = [self._block(rows, each) for each in heads]
            return Counter(blocks, self._groups(rows), self.groups, self._inside(rows), rows.times)

        return self._once(rows, heads, make)

    def _block(self, rows: Dataset, heads: Heads) -> Block:
        return self._once(rows, heads, lambda: heads.block(rows))

    def _inside(self, rows: Dataset) -> Mask | None:
        return None if self.where is None else self._once(rows, "inside", lambda: rows.meeting(self.where))

    def _groups(self, rows: Dataset) -> Slots | None:
        design = self.design
        if design is None or self.groups == 1:
            return None
        return self._once(rows, "groups", lambda: design.groups_of((*rows.cells, ""))[rows.cell])

    def _once(self, rows: Dataset, what: object, make: Callable[[], T]) -> T:
        """What is worked out of all responses in memory is kept: they are counted again and again."""
        if rows is not self.data:
            return make()
        if what not in self._kept:
            self._kept[what] = make()
        return cast(T, self._kept[what])

    def _at(self, column: int) -> tuple[Heads, int]:
        """The columns that one is among, and its place there."""
        for heads in self.heads:
            if column < heads.size:
                return heads, column
            column -= heads.size
        raise IndexError(column)

    @cached_property
    def _pairs(self) -> tuple[Heads, ...]:
        at = [self._at(c)[0].options for c in range(len(self.columns))]
        return tuple(Heads(options=(*at[c], *at[d])) for c, d in self.overlapping)

    # ── how the columns stand to each other ──

    @cached_property
    def _sets(self) -> list[range]:
        """The columns of each entry of the banner; each option of a multiple is a set of its own."""
        found, at = [], 0
        for heads in self.heads:
            found.append(range(at, at + heads.size))
            at += heads.size
        return found[1:]

    @cached_property
    def exclusive(self) -> list[tuple[str, list[int]]]:
        """The banner variables whose columns share nobody, by heading, with their columns."""
        return [(self.columns[at[0]].headings[0], list(at)) for at in self._sets if len(at) > 1]

    @cached_property
    def overlapping(self) -> list[tuple[int, int]]:
        """Pairs of columns that respondents can be in at once and that are compared: options of one multiple."""
        single = [at[0] for at in self._sets if len(at) == 1]
        alike = [(c, d) for c in single for d in single if c < d]
        return [(c, d) for c, d in alike if self.columns[c].headings == self.columns[d].headings]

    @cached_property
    def comparable(self) -> npt.NDArray[np.bool_]:
        """Which columns are tested against each other, the first column left out: those of one variable."""
        headings = [column.headings[:1] for column in self.columns[1:]]
        return np.array([[mine == yours for yours in headings] for mine in headings], dtype=np.bool_)

    @cached_property
    def populations(self) -> tuple[float | None, ...]:
        """How many units of the frame each column stands for, where it is made of strata alone."""
        return tuple(self._population(column.who) for column in self.columns)

    def _population(self, who: Slice) -> float | None:
        if self.population.frame is None:
            return None
        if not who:
            return float(self.population.frame)
        if not all(name.startswith(STRATUM) for name, _ in who) or not self.population.cells:
            return None
        return float(sum(size for cell, size in self.population.cells.items() if self._in_cell(cell, who)))

    def _in_cell(self, cell: str, who: Slice) -> bool:
        strata = [name for name, v in self.data.variables.items() if v.kind == "stratum"]
        of_cell = dict(zip(strata, taken_apart(cell, len(strata)) or (), strict=False))
        return all(of_cell.get(name) in codes for name, codes in who)


def _columns(data: Responses, names: Sequence[str], who: Slice) -> tuple[list[Column], list[Heads]]:
    """The columns of one entry of a banner."""
    if len(names) == 1 and names[0] not in data.variables:
        variables = data.of_question(names[0])
        return (
            [_ticked(variable, data, who) for variable in variables],
            [Heads(options=(variable.name,)) for variable in variables],
        )
    variables = [data.variables[name] for name in names]
    crossed = list(product(*(range(len(v.codes)) for v in variables)))
    return [_crossed(variables, places, who) for places in crossed], [Heads(len(crossed), tuple(variables))]


def _ticked(variable: Variable, data: Responses, who: Slice) -> Column:
    heading = one_line(str(data.instrument.questions[variable.question].text))
    more = frozenset({(variable.name, frozenset({"1"}))})
    return Column(variable.name, variable.label, headings=(heading,), who=who | more)


def _crossed(variables: Sequence[Variable], places: Sequence[int], who: Slice) -> Column:
    codes = [v.codes[place] for v, place in zip(variables, places, strict=True)]
    labels = [v.labels[place] for v, place in zip(variables, places, strict=True)]
    more = frozenset((v.name, frozenset({code})) for v, code in zip(variables, codes, strict=True))
    headings = (one_line(variables[0].label), *labels[:-1])
    return Column("/".join(codes), labels[-1], headings=headings, who=who | more)


def one_line(text: str) -> str:
    """A text without line breaks and double spaces."""
    return " ".join(text.split())


def letter(place: int) -> str:
    """`A` for the first column of a banner, `AA` after `Z`."""
    letters = ""
    while place:
        place, rest = divmod(place - 1, 26)
        letters = chr(65 + rest) + letters
    return letters
