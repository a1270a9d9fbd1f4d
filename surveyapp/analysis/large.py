"""The responses of a wave that stays where it is, too large to be held: an engine counts them.

Tables need no rows, only how often each combination of a few columns occurs. So whoever counts (a banner, a
filter, disclosure control) says what it wants to know, the engine is asked, and the combinations come back as a
`Dataset` of a few hundred rows that each stand for many responses. From there on everything is done by the same
lines of code as in memory, derived variables and filters included; so the tables are the same, to the last digit.
"""

from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from surveyapp.analysis.columns import CELL, Mask, Part
from surveyapp.analysis.dataset import (
    Codes,
    Dataset,
    Variable,
    assemble,
    completeness_of,
    counted_pairs,
    strata_of,
    wanted_by_slice,
)
from surveyapp.analysis.grouping import Amount, Aspect, AtLeast, Coded, Column, Engine, Groups, Tally, Wanted
from surveyapp.analysis.tables import Slice
from surveyapp.instrument import Instrument

MOST_KEPT = 256 * 1024 * 1024
"""Bytes of counts that are kept for the tables to come; those asked for longest ago go first."""

Make = Callable[[Dataset], Dataset]


@dataclass(frozen=True)
class Large:
    """The responses of one wave, with `engine`: what a `Dataset` is to those who count, and nothing else.

    `form` is that dataset without any row. `made` says of each variable that no engine knows (a stratum, a derived
    one) what must be known to make it, and how. `places` gives the code, or the cell, of each number under which
    the engine knows one, where the two differ.
    """

    form: Dataset
    n: int
    engine: Engine = field(repr=False)
    places: Mapping[str, Codes] = field(default_factory=dict, repr=False)
    made: Mapping[str, tuple[Wanted, Make]] = field(default_factory=dict, repr=False)
    answers: "_Answers" = field(default_factory=lambda: _Answers(), repr=False)

    @property
    def instrument(self) -> Instrument:
        """The version whose questions are reported."""
        return self.form.instrument

    @property
    def variables(self) -> Mapping[str, Variable]:
        """The variables by name."""
        return self.form.variables

    @property
    def cells(self) -> tuple[str, ...]:
        """The crossed strata carried."""
        return self.form.cells

    def of_question(self, question: str) -> list[Variable]:
        """The variables of a question, in order."""
        return self.form.of_question(question)

    @cached_property
    def completeness(self) -> Counter[tuple[int, int]]:
        """As `Dataset` has it."""
        items = completeness_of(self)
        if not items[0].of:
            return Counter({(0, 0): self.n})
        (found,) = self.engine.grouped([items])
        return counted_pairs(found)

    @cached_property
    def cell_sizes(self) -> dict[str, int]:
        """Responses in each cell; those whose cell was withheld under ""."""
        rows = self.rows(frozenset({Coded(CELL)}))
        sizes = {("", *self.cells)[c + 1]: rows.count(rows.cell == c) for c in rows.cell.tolist()}
        return {name: sizes[name] for name in ("", *self.cells) if name in sizes}

    def rows(self, wanted: Wanted) -> Dataset:
        """The responses put together: for each combination of what is wanted that occurs, a row."""
        stored, names = self._stored(wanted)
        rows = self.answers.known(stored)
        if rows is None:
            (rows,) = self._ask([stored])
        for name in names:
            rows = self.made[name][1](rows)
        return rows

    def foresee(self, several: Iterable[Wanted]) -> None:
        """What `rows` will be asked for soon: the engine may count it all in one go.

        Whole amounts are left for when they are wanted: there may be many.
        """
        stored = {self._stored(wanted)[0] for wanted in several}
        few = [wanted for wanted in stored if not any(isinstance(each, Amount) for each in wanted)]
        largest_first = sorted(few, key=lambda wanted: (-len(wanted), sorted(map(repr, wanted))))
        asked: list[Wanted] = []
        for wanted in largest_first:
            if wanted and not any(wanted <= other for other in asked) and self.answers.known(wanted) is None:
                asked.append(wanted)
        self._ask(asked)

    def adding(self, name: str, wanted: Wanted, make: Make) -> "Large":
        """The same with one more variable, as `make` adds it to whatever knows `wanted`."""
        return replace(self, form=make(self.form), made={**self.made, name: (wanted, make)})

    def size(self, who: Slice) -> int:
        """How many a slice names."""
        if not who:
            return self.n
        rows = self.rows(wanted_by_slice(who, self))
        return rows.count(rows.members(who))

    def both(self, one: Slice, other: Slice) -> tuple[Mask, Mask]:
        """Whom each of two slices names, among the same rows."""
        rows = self.rows(wanted_by_slice(one, self) | wanted_by_slice(other, self))
        return rows.members(one), rows.members(other)

    def _ask(self, several: Sequence[Wanted]) -> list[Dataset]:
        questions = [sorted(wanted, key=repr) for wanted in several]
        numbered = [[self._numbered(aspect) for aspect in question] for question in questions]
        found = self.engine.grouped(numbered) if numbered else []
        rows = [self._dataset(question, groups) for question, groups in zip(questions, found, strict=True)]
        for wanted, some, groups in zip(several, rows, found, strict=True):
            self.answers.keep(wanted, some, groups.nbytes)
        return rows

    def _stored(self, wanted: Wanted) -> tuple[Wanted, list[str]]:
        """What the engine must be asked to know all this, and the variables to be made of it, in their order."""
        open_, stored, names = set(wanted), set[Aspect](), set[str]()
        while open_:
            each = open_.pop()
            made = _names(each) & self.made.keys()
            if not made:
                stored.add(each)
                continue
            names |= made
            open_ |= {Coded(name) for name in _names(each) - made}.union(*(self.made[name][0] for name in made))
        return frozenset(stored), [name for name in self.made if name in names]

    def _dataset(self, question: Sequence[Aspect], groups: Groups) -> Dataset:
        """Combinations as rows, each with its number."""
        found = dict(zip(question, groups.columns, strict=True))
        values = {
            each.name: self._code(each.name, column) for each, column in found.items() if type(each) is Coded
        }
        amounts = {each.name: column for each, column in found.items() if type(each) is Amount}
        for name in {each.name for each in found if type(each) is AtLeast} - amounts.keys():
            amounts[name] = _largest_reached(found, name, values[name])
        return replace(
            self.form,
            n=len(groups.times),
            cell=values.pop(CELL, _NO_CELL).astype(np.int32),
            values=values,
            amounts=amounts,
            times=groups.times,
            tallies={each: column for each, column in found.items() if type(each) is Tally},
        )

    def _numbered(self, aspect: Aspect) -> Aspect:
        """The same aspect, with codes under the numbers by which the engine knows them."""
        if not isinstance(aspect, Tally) or not _names(aspect) & self.places.keys():
            return aspect
        return Tally(tuple((name, self._numbers(name, codes)) for name, codes in aspect.of))

    def _numbers(self, name: str, codes: tuple[int, ...]) -> tuple[int, ...]:
        if name not in self.places:
            return codes
        known = enumerate(self.places[name].tolist())
        return (*(number for number, code in known if code in codes), *(code for code in codes if code < 0))

    def _code(self, name: str, column: Column) -> Codes:
        if name not in self.places:
            return column
        return np.where(column >= 0, np.append(self.places[name], -1)[np.maximum(column, -1)], column)


_NO_CELL = np.empty(0, np.int32)

Responses = Dataset | Large
"""What tables are made of."""


class _Answers:
    """What an engine has said, while there is room for it."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Wanted, tuple[Dataset, int]] = OrderedDict()
        self._bytes = 0

    def known(self, wanted: Wanted) -> Dataset | None:
        """The rows that tell what is wanted, and maybe more; the fewest that do."""
        if wanted not in self._kept:
            more = [(rows.n, other) for other, (rows, _) in self._kept.items() if wanted <= other]
            if not more:
                return None
            wanted = min(more, key=lambda each: each[0])[1]
        self._kept.move_to_end(wanted)
        return self._kept[wanted][0]

    def keep(self, wanted: Wanted, rows: Dataset, size: int) -> None:
        """Keep what was said, and forget what was last asked for long ago."""
        self._kept[wanted] = rows, size
        self._bytes += size
        while self._bytes > MOST_KEPT and len(self._kept) > 1:
            self._bytes -= self._kept.popitem(last=False)[1][1]


def _names(aspect: Aspect) -> set[str]:
    """The variables that an aspect is of."""
    return {name for name, _ in aspect.of} if isinstance(aspect, Tally) else {aspect.name}


def _largest_reached(found: Mapping[Aspect, Column], name: str, values: Codes) -> Column:
    """An amount of which no more is known than the bounds that it reaches: the largest of these; NaN for none.

    Whatever compares it with one of these bounds finds the same as of the amount itself.
    """
    amounts = np.where(values >= 0, -np.inf, np.nan)
    for bound in sorted(each.bound for each in found if isinstance(each, AtLeast) and each.name == name):
        amounts[found[AtLeast(name, bound)] > 0] = bound
    return amounts


# ── what is kept of a large wave ─────────────────────────────────────────────


@dataclass
class Legend:
    """How the codes in the parts of a wave are to be read, and how many responses these are.

    Years and cells get their numbers as they come up; in a dataset they are in order.
    """

    n: int = 0
    cells: list[str] = field(default_factory=list)
    years: dict[str, list[str]] = field(default_factory=dict)

    def columns(self, instrument: Instrument, parts: Sequence[Part]) -> dict[str, Column]:
        """Some more responses, as the columns of a part: a variable or the cell, and amounts under `amount_of`."""
        data = assemble(instrument, parts)
        self.n += data.n
        columns: dict[str, Column] = {}
        for name, variable in data.variables.items():
            values = data.values[name]
            if variable.kind == "date":
                values = _as_known(values, variable.codes, self.years.setdefault(name, []))
            few = variable.kind != "date" and len(variable.codes) < _BYTE
            columns[name] = values.astype(np.int8 if few else np.int16)
        cells = _as_known(data.cell, data.cells, self.cells)
        amounts = {amount_of(name): column for name, column in data.amounts.items()}
        return {**columns, **amounts, CELL: cells.astype(np.int32)}

    def responses(self, instrument: Instrument, carry: Sequence[str], engine: Engine) -> Large:
        """The wave whose parts an engine has."""
        form = replace(assemble(instrument, []), cells=tuple(sorted(self.cells)))
        dates = {name: tuple(sorted(years)) for name, years in self.years.items()}
        known = {name: replace(form.variables[name], codes=of, labels=of) for name, of in dates.items()}
        form = replace(form, variables={**form.variables, **known})
        places = {name: _order(self.years[name]) for name in dates} | {CELL: _order(self.cells)}
        wave = Large(form, self.n, engine, places)
        for variable, of_cell in strata_of(form.cells, carry):
            wave = wave.adding(variable.name, frozenset({Coded(CELL)}), _stratum(variable, of_cell))
        return wave


def joined(columns: Sequence[Mapping[str, Column]]) -> dict[str, Column]:
    """The columns of some responses after those of others."""
    return {name: np.concatenate([each[name] for each in columns]) for name in columns[0]}


_BYTE = 127


def amount_of(name: str) -> str:
    """What the column of the amounts of a variable is called in a part; no answer key has a colon."""
    return f"{name}:amount"


def _as_known(values: Codes, codes: Sequence[str], known: list[str]) -> Codes:
    """The same codes under the numbers that they have, or get now."""
    known += [code for code in codes if code not in known]
    numbers = np.array([*(known.index(code) for code in codes), -1], dtype=np.int32)
    return np.where(values >= 0, numbers[np.maximum(values, -1)], values)


def _order(names: Sequence[str]) -> npt.NDArray[np.int32]:
    """Where each stands when they are sorted."""
    return np.argsort(np.argsort(np.array(names, dtype=np.str_), kind="stable")).astype(np.int32)


def _stratum(variable: Variable, of_cell: Codes) -> Make:
    return lambda data: data.joined(variable, of_cell[data.cell])
