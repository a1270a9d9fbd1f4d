"""Banners: the columns of a cross-tabulation, over those whom a filter leaves, and who is in which."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import product

import numpy as np
import numpy.typing as npt

from surveyapp.analysis.counting import Block, Counter, Counts
from surveyapp.analysis.dataset import STRATUM, Codes, Dataset, Variable, slice_of
from surveyapp.analysis.estimation.weights import Design
from surveyapp.analysis.tables import Column, Slice
from surveyapp.frames import taken_apart
from surveyapp.instrument.model import Condition


@dataclass(frozen=True)
class Population:
    """Whom the respondents stand for: units of the frame, those written to, units of each carried cell.

    Nothing is known of a wave that is open to anyone.
    """

    frame: int | None = None
    issued: int | None = None
    cells: Mapping[str, int] = field(default_factory=dict)


class View:
    """The columns of a banner over those whom a filter leaves, the first of them everybody; and their counter."""

    def __init__(
        self,
        data: Dataset,
        design: Design | None,
        population: Population,
        by: Sequence[Sequence[str]],
        where: Condition | None,
    ) -> None:
        self.data = data
        self.design = design
        self.population = population
        self.banner = bool(by)
        self._pairs: Counter | None = None
        self.inside = None if where is None else data.meeting(where)
        self.who = slice_of(where)
        first = Column("percent", "All" if by else "Per cent", who=self.who)
        columns, blocks = [first], [Block(1)]
        for names in by:
            more, of_them = _columns(data, names, self.who)
            columns += more
            blocks += of_them
        self.columns = tuple(replace(c, letter=letter(i)) if i else c for i, c in enumerate(columns))
        self.blocks = blocks
        size = design.groups if design is not None else 1
        groups = design.group if design is not None and size > 1 else None
        self.counter = Counter(blocks, groups, size, self.inside)
        self.weights = design.relative if design is not None and design.weighted else None
        self.weighting = design.method if design is not None and design.weighted else ""

    def members(self, column: int) -> npt.NDArray[np.bool_]:
        """Who is in a column."""
        inside = np.ones(self.data.n, dtype=np.bool_) if self.inside is None else self.inside
        for block in self.blocks:
            if column < block.size:
                return inside if block.place is None else inside & (block.place == column)
            column -= block.size
        raise IndexError(column)

    @cached_property
    def _sets(self) -> list[range]:
        """The columns of each entry of the banner; each option of a multiple is a set of its own."""
        found, at = [], 0
        for block in self.blocks:
            found.append(range(at, at + block.size))
            at += block.size
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

    def count_pairs(self, values: Codes, codes: int) -> Counts:
        """As `counter` does, those in both columns of each overlapping pair."""
        if self._pairs is None:
            both = [np.where(self.members(c) & self.members(d), 0, -1) for c, d in self.overlapping]
            size = self.counter.size
            groups = self.design.group if self.design is not None and size > 1 else None
            self._pairs = Counter([Block(1, place.astype(np.int32)) for place in both], groups, size, None)
        return self._pairs.count(values, codes)

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


def _columns(data: Dataset, names: Sequence[str], who: Slice) -> tuple[list[Column], list[Block]]:
    """The columns of one entry of a banner."""
    if len(names) == 1 and names[0] not in data.variables:
        variables = data.of_question(names[0])
        return (
            [_ticked(variable, data, who) for variable in variables],
            [Block(1, np.where(data.values[v.name] == 1, np.int32(0), np.int32(-1))) for v in variables],
        )
    variables = [data.variables[name] for name in names]
    place = np.zeros(data.n, dtype=np.int32)
    missing = np.zeros(data.n, dtype=np.bool_)
    for variable in variables:
        place = place * np.int32(len(variable.codes)) + data.values[variable.name]
        missing |= data.values[variable.name] < 0
    crossed = list(product(*(range(len(v.codes)) for v in variables)))
    block = Block(len(crossed), np.where(missing, np.int32(-1), place))
    return [_crossed(variables, places, who) for places in crossed], [block]


def _ticked(variable: Variable, data: Dataset, who: Slice) -> Column:
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
