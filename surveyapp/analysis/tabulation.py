"""Making tables: what is asked for, and the table that answers it.

Whatever the question, a table is a rectangle of figures. Each figure counts some codes of one variable in one
column of the banner, of a domain that is its base. `_Figures` lays that rectangle out; counts, percentages and
margins are then worked out for all of it at once.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from surveyapp.analysis.banner import Population, View, one_line
from surveyapp.analysis.counting import Counts
from surveyapp.analysis.dataset import Codes, Dataset, Variable, cut, ticks_wanted, whole
from surveyapp.analysis.derived import band_names
from surveyapp.analysis.estimation import margins as errors
from surveyapp.analysis.estimation.significance import column_tests, rao_scott
from surveyapp.analysis.estimation.weights import Design
from surveyapp.analysis.grouping import Wanted
from surveyapp.analysis.large import Responses
from surveyapp.analysis.summaries import Spread, Summary, summarise
from surveyapp.analysis.tables import (
    LOW,
    NO_ANSWER,
    NOT_APPLICABLE,
    UNAVAILABLE,
    Base,
    Cell,
    Column,
    Net,
    Slice,
    Table,
    TableRow,
    half_up,
    rounded,
)
from surveyapp.instrument import OpenText, Question
from surveyapp.instrument.model import Condition


@dataclass(frozen=True)
class Layout:
    """How a table is asked for.

    `nets` map a label to the codes counted as one; `show` is all, codes or nets; `sort` questionnaire or
    descending (by the first column, ties by count, then questionnaire order); `at_least` drops rows whose first
    printed percentage is under it; `rows` picks and orders rows by code; `sum_of_rounded` adds up rounded
    percentages for a net; `top` keeps the first rows and puts the rest together under `other`.

    `by` is the banner: each entry a variable or stratum, or several nested in each other; without `total` it has
    no column of everybody. `where` leaves respondents out, `exclude` codes (they count as no reply). `base` is
    frame, issued, responded, asked or answered; `per` is respondents or answers (of a multiple). `percent_of` is
    column, row or total. `score` gives codes a number and adds their mean. `bands` cut a number. `margins` asks
    for errors and intervals at `level`, `tests` for letters between columns of a banner, `bounds` for what could
    be, had all who are silent said the one or the other. `transpose` turns a grid on its side.
    """

    nets: Mapping[str, Sequence[str]] = field(default_factory=dict)
    show: str = "all"
    sort: str = "questionnaire"
    at_least: int | None = None
    rows: Sequence[str] | None = None
    sum_of_rounded: bool = False
    top: int | None = None
    other: str = "Other"
    by: Sequence[Sequence[str]] = ()
    total: bool = True
    where: Condition | None = None
    exclude: Sequence[str] = ()
    base: str = "answered"
    per: str = "respondents"
    percent_of: str = "column"
    score: Mapping[str, float] | None = None
    margins: bool = False
    level: float = 0.95
    tests: bool = False
    bounds: bool = False
    transpose: bool = False
    bands: Sequence[float] = ()


def tabulate(
    data: Responses,
    variable: str,
    id: str,  # noqa: A002
    title: str,
    layout: Layout | None = None,
    design: Design | None = None,
    population: Population | None = None,
) -> Table:
    """The table of one question, or of one row of a grid given as `question.row`, or of one variable.

    Raises `KeyError` for an unknown one and `TypeError` for an open question; plans are checked beforehand.
    """
    return Tabulator(data, design, population).table(variable, id, title, layout or Layout())


class Tabulator:
    """Makes the tables of one wave. Banners and filters that several tables share are worked out once."""

    def __init__(
        self, data: Responses, design: Design | None = None, population: Population | None = None
    ) -> None:
        self.data = data
        self.design = design
        self.population = population or Population()
        self._views: dict[object, View] = {}

    def table(self, variable: str, id: str, title: str, layout: Layout) -> Table:  # noqa: A002
        """One table. Raises what `tabulate` does."""
        question = self.data.instrument.questions.get(variable.partition(".")[0])
        figures = self._figures(question, variable, layout)
        asked, view = figures.asked, figures.view
        table = Table(
            id=id,
            title=title,
            variable=variable,
            kind=_kind(asked),
            wording=_wording(self.data, question, variable),
            base=_base_of(figures),
            columns=figures.columns,
            rows=figures.rows(),
            nets=tuple(_net(asked, label, codes, layout) for label, codes in layout.nets.items()),
            where=in_words(self.data, layout.where),
            percent_of=layout.percent_of,
            weighting=view.weighting,
            level=layout.level if layout.margins and view.design is not None else None,
            interval=figures.interval,
            tests=tuple(figures.whole_tests()) if layout.tests else (),
        )
        return _transposed(table) if layout.transpose and asked.kind == "grid" else table

    def foresee(self, tables: Iterable[tuple[str, Layout]]) -> None:
        """Have counted in one go what these tables, each a variable and its layout, will ask for one by one."""
        questions = self.data.instrument.questions
        found = (self._figures(questions.get(name.partition(".")[0]), name, layout) for name, layout in tables)
        self.data.foresee(wanted for figures in found for wanted in figures.questions())

    def _figures(self, question: Question | None, variable: str, layout: Layout) -> "_Figures":
        if isinstance(question, OpenText):
            raise TypeError(f"{variable} is an open question; it has no table of its own")
        return _figures(_Asked(self.data, question, variable, layout), layout, self._view(layout))

    def _view(self, layout: Layout) -> "View":
        by = tuple(map(tuple, layout.by))
        key = (by, repr(layout.where))
        if key not in self._views:
            self._views[key] = View(self.data, self.design, self.population, by, layout.where)
        return self._views[key]


# ── what is asked of the data ────────────────────────────────────────────────


@dataclass(frozen=True)
class _Line:
    """What is counted as one variable: a variable as it is, an amount cut into bands, or a union of options."""

    name: str
    code: str
    label: str
    bands: tuple[float, ...] = ()
    options: tuple[str, ...] = ()

    @property
    def wanted(self) -> Wanted:
        """What must be known of the responses to count it."""
        if self.options:
            return ticks_wanted(self.options)
        return cut(self.name, self.bands)

    def of(self, rows: Dataset) -> Codes:
        """The code of each row."""
        if self.options:
            return rows.ticked(self.options)
        values = rows.values[self.name]
        if not self.bands:
            return values
        banded = np.digitize(np.nan_to_num(rows.amounts[self.name]), self.bands)
        return np.where(values >= 0, banded, values).astype(np.int16)


class _Asked:
    """The variables behind a table, all with the same codes, and which of these count."""

    def __init__(self, data: Responses, question: Question | None, variable: str, layout: Layout) -> None:
        self.question = question
        whole = question is not None and variable == question.id and variable not in data.variables
        self.variables = data.of_question(variable) if whole else [data.variables[variable]]
        self.kind = self.variables[0].kind if whole else _one(self.variables[0])
        first = self.variables[0]
        self.banded = bool(layout.bands) and first.is_amount
        bands = tuple(layout.bands) if self.banded else ()
        self.codes, self.labels = band_names(bands) if bands else (first.codes, first.labels)
        row_of = f"{first.question}."
        self.lines = [_Line(v.name, v.name.removeprefix(row_of), v.label, bands) for v in self.variables]
        self.kept = [i for i, code in enumerate(self.codes) if code not in layout.exclude]

    def places(self, codes: Sequence[str]) -> list[int]:
        """Where these codes stand among all."""
        return [self.codes.index(code) for code in codes]

    def union(self, codes: Sequence[str], label: str) -> _Line:
        """Several options of a multiple as one 0/1 variable: a net of a multiple is not a sum."""
        names = tuple(f"{self.variables[0].question}.{code}" for code in codes)
        return _Line("+".join(names), label, label, options=names)


def _one(variable: Variable) -> str:
    """One row of a grid, or one option of a multiple, is tabulated like a single."""
    return (
        "allocation"
        if variable.is_amount and variable.kind == "allocation"
        else ("number" if variable.is_amount else "single")
    )


@dataclass(frozen=True)
class _Row:
    """A row to be filled: its line, and the codes that it counts unless the columns say which."""

    code: str
    label: str
    line: int
    codes: tuple[int, ...] = ()
    net: bool = False
    score: bool = False


@dataclass(frozen=True)
class _Col:
    """A column to be filled: the column of the banner, and the codes that it counts unless the rows say which."""

    column: Column
    place: int = 0
    codes: tuple[int, ...] | None = None
    score: bool = False


class _Figures:
    """The rectangle of a table: which line, codes and column of the banner each figure counts."""

    def __init__(self, asked: _Asked, layout: Layout, view: View) -> None:
        self.asked = asked
        self.layout = layout
        self.view = view
        self.lines = list(asked.lines)
        self.specs: list[_Row] = []
        self.cols: list[_Col] = []
        self._counted: list[Counts] = []
        self._summaries: dict[tuple[int, int], Summary] = {}
        self._spreads: dict[tuple[int, int], Spread] = {}

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        """The columns with their bases."""
        return tuple(
            replace(col.column, base=self.base(self._first_line, col.place)) if self.view.banner else col.column
            for col in self.cols
        )

    @property
    def _first_line(self) -> int:
        return self.specs[0].line if self.specs else 0

    def count(self, line: int) -> Counts:
        """The counts of one line: columns × codes and missing × groups."""
        while len(self._counted) <= line:
            self._counted.append(self.view.count(self.lines[len(self._counted)], len(self.asked.codes)))
        return self._counted[line]

    def questions(self) -> list[Wanted]:
        """What the responses will be asked for."""
        amounts = self.asked.variables[0].is_amount and not self.asked.banded
        wanted = [whole(line.name) if amounts else line.wanted for line in self.lines]
        return [question for each in wanted for question in self.view.questions(each, self.layout.tests)]

    def rows(self) -> tuple[TableRow, ...]:
        """The rows filled, sorted, cut."""
        if self.asked.variables[0].is_amount and not self.asked.banded:
            return _amount_rows(self)
        layout = self.layout
        kept = _arranged(self._filled(self.specs), layout)
        if layout.top is None or len(kept) <= layout.top:
            return kept
        first, rest = kept[: layout.top], kept[layout.top :]
        codes = [row.code for row in rest if not row.net]
        return (*first, *self._filled([self._together(codes, layout.other)])) if codes else first

    def _together(self, codes: Sequence[str], label: str) -> _Row:
        if self.asked.kind == "multiple":
            self.lines.append(self.asked.union(codes, label))
            return _Row(label, label, len(self.lines) - 1, (1,), net=True)
        return _Row(label, label, 0, tuple(self.asked.places(codes)), net=True)

    # ── counts and bases ──

    def base(self, line: int, place: int) -> Base:
        """Who the percentages of one line in one column are of."""
        counts = self.count(line)[place]
        n = int(self._domain(counts).sum())
        blank = int(counts[len(self.asked.codes)].sum()) + self._left_out(counts)
        unasked = int(counts[len(self.asked.codes) + 1 :].sum())
        base = Base(self.layout.base, n, blank, unasked, who=self._domain_of(line, place))
        weights = self.view.weights
        if self.layout.base in {"frame", "issued"}:
            return replace(base, n=self._outside(place) or 0)
        if self.layout.per == "answers":
            return replace(base, name="answers", n=self._ticks(place))
        population = self.view.populations[place] if unasked == 0 else None
        base = replace(base, population=population)
        if weights is None:
            return base
        groups = self._domain(counts)
        weighted, squared = float(groups @ weights), float(groups @ weights**2)
        return replace(base, weighted_n=weighted, effective_n=weighted**2 / squared if squared else 0.0)

    def _domain(self, counts: Counts) -> Counts:
        """Of the counts of one column, those who are in the base, by group."""
        k = len(self.asked.codes)
        within = {"asked": [*range(k + 1)], "responded": [*range(len(counts))]}.get(
            self.layout.base, self.asked.kept
        )
        domain: Counts = counts[within].sum(axis=0)
        return domain

    def _excluded(self, counts: Counts) -> Counts:
        rest = [i for i in range(len(self.asked.codes)) if i not in self.asked.kept]
        excluded: Counts = counts[rest].sum(axis=0)
        return excluded

    def _left_out(self, counts: Counts) -> int:
        return int(self._excluded(counts).sum())

    def _domain_of(self, line: int, place: int) -> Slice:
        who = self.view.columns[place].who
        if self.layout.base not in {"answered", "asked"}:
            return who
        codes = {self.asked.codes[i] for i in self.asked.kept}
        if self.layout.base == "asked":
            codes = {*self.asked.codes, NO_ANSWER}
        return who | {(self.lines[line].name, frozenset(codes))}

    def _outside(self, place: int) -> int | None:
        """The number of units in the frame, or of those written to, that a column stands for."""
        if self.layout.base == "issued":
            return self.view.population.issued if place == 0 and not self.view.who else None
        known = self.view.populations[place]
        return None if known is None else int(known)

    def _ticks(self, place: int) -> int:
        """How many answers a multiple was given in one column."""
        return sum(int(self.count(line)[place][1].sum()) for line in range(len(self.asked.lines)))

    def margin_of_amounts(self, line: int, place: int) -> tuple[float | None, float | None, float | None]:
        """Standard error and limits of the mean of one line in one column."""
        design = self.view.design
        if design is None:
            return None, None, None
        return self._margin_of_mean(*self._spread(line, place).sums(self.view.groups))

    def summary(self, line: int, place: int) -> Summary:
        """What is said of the amounts of one line in one column."""
        key = (line, place)
        if key not in self._summaries:
            self._summaries[key] = summarise(self._spread(line, place), self.view.weights)
        return self._summaries[key]

    def _spread(self, line: int, place: int) -> Spread:
        key = (line, place)
        if key not in self._spreads:
            self._spreads[key] = self.view.spread(self.lines[line].name, place)
        return self._spreads[key]

    # ── cells ──

    def _filled(self, specs: Sequence[_Row]) -> list[TableRow]:
        if not specs:
            return []
        yes, domain = self._sums(specs)
        found = self._margins(yes, domain, specs)
        letters = self._letters(yes, domain, specs)
        rows = [self._row(r, spec, yes, domain, found) for r, spec in enumerate(specs)]
        return rows if letters is None else [_lettered(row, of) for row, of in zip(rows, letters, strict=True)]

    def _sums(self, specs: Sequence[_Row]) -> tuple[Counts, Counts]:
        """Respondents counted and in the base: rows × columns × groups."""
        shape = (len(specs), len(self.cols), self.view.groups)
        yes, domain = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
        for r, spec in enumerate(specs):
            counts = self.count(spec.line)
            for c, col in enumerate(self.cols):
                codes = list(self._codes(spec, col))
                yes[r, c] = counts[col.place][codes].sum(axis=0)
                domain[r, c] = self._of(col, counts, codes)
        return yes, domain

    def _codes(self, spec: _Row, col: _Col) -> tuple[int, ...]:
        if spec.score or col.score:
            return tuple(i for i, code in enumerate(self.asked.codes) if code in (self.layout.score or {}))
        return spec.codes if col.codes is None else col.codes

    def _of(self, col: _Col, counts: Counts, codes: list[int]) -> Counts:
        """What a percentage is of: the column's base, or the same answers in all columns, or everybody's base."""
        if self.layout.percent_of == "row":
            everybody: Counts = counts[0][codes].sum(axis=0)
            return everybody
        return self._domain(counts[0 if self.layout.percent_of == "total" else col.place])

    def _margins(self, yes: Counts, domain: Counts, specs: Sequence[_Row]) -> errors.Estimates | None:
        view, layout = self.view, self.layout
        if (
            not layout.margins
            or view.design is None
            or layout.per == "answers"
            or layout.base in {"frame", "issued"}
        ):
            return None
        units = [
            [self._units(spec, col, domain[r, c]) for c, col in enumerate(self.cols)]
            for r, spec in enumerate(specs)
        ]
        return errors.proportions(view.design, yes, domain, population=np.array(units), level=layout.level)

    def _units(self, spec: _Row, col: _Col, domain: Counts) -> float:
        """How many units of the population a base stands for: all that were asked, answered or not."""
        if self.view.design is None:
            return np.nan
        if self.layout.percent_of != "column":
            return float(errors.domain_population(self.view.design, domain))
        known = self.base(spec.line, col.place).population
        if known is not None:
            return known
        return float(errors.domain_population(self.view.design, self._asked_in(spec, col)))

    def _asked_in(self, spec: _Row, col: _Col) -> Counts:
        counts = self.count(spec.line)[col.place]
        asked: Counts = counts[: len(self.asked.codes) + 1].sum(axis=0)
        return asked

    @property
    def interval(self) -> str:
        """What stands in `low` and `high` of the cells: "confidence", "bounds", or ""."""
        if self.layout.bounds:
            return "bounds"
        return "confidence" if self.layout.margins and self.view.design is not None else ""

    def _letters(self, yes: Counts, domain: Counts, specs: Sequence[_Row]) -> tuple[tuple[str, ...], ...] | None:
        """The columns that each cell is significantly above, by letters; None where nothing is tested."""
        view = self.view
        if not self.layout.tests or view.design is None or self.layout.percent_of != "column":
            return None
        first = 1 - self.cols[0].place
        both, yes_both = self._overlaps(specs)
        found = column_tests(
            view.design,
            yes[:, first:],
            domain[:, first:],
            both=both,
            yes_both=yes_both,
            skip=~view.comparable,
            level=self.layout.level,
        )
        return tuple((*[""] * first, *row) for row in found.letters)

    def _overlaps(self, specs: Sequence[_Row]) -> tuple[Counts | None, Counts | None]:
        """Those in two columns at once, and those of them counted: rows × columns × columns × groups."""
        pairs = self.view.overlapping
        if not pairs:
            return None, None
        columns = len(self.view.columns) - 1
        both = np.zeros((len(specs), columns, columns, self.view.groups), np.int64)
        yes_both = both.copy()
        for r, spec in enumerate(specs):
            counts = self.view.count_pairs(self.lines[spec.line], len(self.asked.codes))
            for (c, d), counted in zip(pairs, counts, strict=True):
                codes = list(self._codes(spec, self.cols[-1]))
                both[r, c - 1, d - 1] = both[r, d - 1, c - 1] = self._domain(counted)
                yes_both[r, c - 1, d - 1] = yes_both[r, d - 1, c - 1] = counted[codes].sum(axis=0)
        return both, yes_both

    def whole_tests(self) -> Iterator[str]:
        """For each banner variable whose columns exclude each other, a test of any association."""
        if self.view.design is None or self.asked.kind in _ROWS_HAVE_BASES or self.asked.variables[0].is_amount:
            return
        counts = self.count(0)
        for heading, places in self.view.exclusive:
            found = rao_scott(self.view.design, counts[places][:, self.asked.kept].transpose(1, 0, 2))
            if found is not None:
                yield (
                    f"{heading}: F({found.ndf:.2f}, {found.ddf:.1f}) = {found.f:.2f}, "
                    f"p {_p(found.p_value)} (Rao-Scott test of no association)"
                )

    def _row(self, r: int, spec: _Row, yes: Counts, domain: Counts, found: errors.Estimates | None) -> TableRow:
        cells = tuple(
            self._score_cell(spec, col)
            if spec.score or col.score
            else self._cell(spec, col, yes[r, c], domain[r, c], _at(found, r, c))
            for c, col in enumerate(self.cols)
        )
        base = self.base(spec.line, self.cols[0].place)
        return TableRow(
            spec.code,
            spec.label,
            base.n,
            base.no_reply,
            base.not_asked,
            cells,
            spec.net,
            measure="mean" if spec.score else "percent",
            weighted_base=base.weighted_n,
            who=base.who,
        )

    def _cell(
        self, spec: _Row, col: _Col, yes: Counts, domain: Counts, margin: tuple[float, float, float] | None
    ) -> Cell:
        who = self._who(spec, col)
        base = self._denominator(col, domain)
        if not base:
            return Cell(None, None, None, self._why_empty(spec, col), who=who)
        count = int(yes.sum())
        weights = self.view.weights
        if weights is None or self.layout.per == "answers" or self.layout.base in {"frame", "issued"}:
            percent, shown = 100 * count / base, rounded(count, base)
        else:
            whole = float(domain @ weights)
            percent = 100 * float(yes @ weights) / whole if whole else 0.0
            shown = int(half_up(percent))
        mark = LOW if count and not shown else ""
        if self.layout.sum_of_rounded and len(self._codes(spec, col)) > 1 and self.asked.kind != "multiple":
            shown, mark = self._added(spec, col, base), ""
        se, low, high = margin or (None, None, None)
        if self.layout.bounds:
            se, low, high = self._possible(spec, col, count, base)
        return Cell(count, percent, shown, mark, se, low, high, who=who)

    def _possible(self, spec: _Row, col: _Col, count: int, base: int) -> tuple[None, float | None, float | None]:
        """The share among all units of the population, had all the silent ones said no, or yes."""
        units = self.base(spec.line, col.place).population
        if units is None:
            return None, None, None
        low, high = errors.bounds(count, base, units)
        return None, 100 * float(low), 100 * float(high)

    def _denominator(self, col: _Col, domain: Counts) -> int:
        if self.layout.base in {"frame", "issued"}:
            return self._outside(col.place) or 0
        if self.layout.per == "answers":
            return self._ticks(0 if self.layout.percent_of == "total" else col.place)
        return int(domain.sum())

    def _why_empty(self, spec: _Row, col: _Col) -> str:
        counts = self.count(spec.line)[col.place].sum(axis=1)
        k = len(self.asked.codes)
        nobody_asked = (
            not counts[: k + 1].any() and counts[k + 2] == 0 and self.layout.base not in {"frame", "issued"}
        )
        return NOT_APPLICABLE if nobody_asked and self.layout.percent_of == "column" else UNAVAILABLE

    def _added(self, spec: _Row, col: _Col, base: int) -> int:
        """The convention of 2012: rounded percentages of a net's codes, added up."""
        counts = self.count(spec.line)[col.place]
        weights = self.view.weights
        if weights is None:
            return sum(rounded(int(counts[code].sum()), base) for code in self._codes(spec, col))
        whole = float(self._domain(counts) @ weights)
        return sum(int(half_up(100 * float(counts[code] @ weights) / whole)) for code in self._codes(spec, col))

    def _who(self, spec: _Row, col: _Col) -> Slice:
        codes = frozenset(self.asked.codes[i] for i in self._codes(spec, col))
        return self.view.columns[col.place].who | {(self.lines[spec.line].name, codes)}

    def _score_cell(self, spec: _Row, col: _Col) -> Cell:
        """The mean of the scores of those whose answer has one."""
        codes = list(self._codes(spec, col))
        counts = self.count(spec.line)[col.place][codes]
        n = int(counts.sum())
        if not n:
            return Cell(None, None, None, self._why_empty(spec, col), who=self._who(spec, col), decimals=2)
        scores = np.array([(self.layout.score or {})[self.asked.codes[i]] for i in codes], dtype=np.float64)
        weights = self.view.weights if self.view.weights is not None else np.ones(counts.shape[1])
        mean = float(scores @ counts @ weights / (counts @ weights).sum())
        margin = self._margin_of_mean(counts.sum(axis=0), scores @ counts, scores**2 @ counts)
        return Cell(n, None, None, "", *margin, value=mean, decimals=2, who=self._who(spec, col))

    def _margin_of_mean(
        self, n: npt.ArrayLike, y: npt.ArrayLike, yy: npt.ArrayLike
    ) -> tuple[float | None, float | None, float | None]:
        """Standard error and limits of a mean, from sums by group; None where there is nothing to judge by."""
        if not self.layout.margins or self.view.design is None:
            return None, None, None
        found = errors.means(self.view.design, n, y, yy, level=self.layout.level)
        low, high = float(found.low), float(found.high)
        return (float(found.se), low, high) if np.isfinite(low) and np.isfinite(high) else (None, None, None)


def _lettered(row: TableRow, letters: Sequence[str]) -> TableRow:
    cells = (replace(cell, letters=of) for cell, of in zip(row.cells, letters, strict=True))
    return replace(row, cells=tuple(cells))


def _p(value: float) -> str:
    return "under 0.001" if value < 0.001 else f"= {value:.3f}"


def _at(found: errors.Estimates | None, r: int, c: int) -> tuple[float, float, float] | None:
    if found is None or np.isnan(found.low[r, c]):
        return None
    return 100 * float(found.se[r, c]), 100 * float(found.low[r, c]), 100 * float(found.high[r, c])


# ── layouts of the rectangle by kind of question ─────────────────────────────


def _figures(asked: _Asked, layout: Layout, view: View) -> _Figures:
    """What stands in the rows and columns of a table."""
    figures = _Figures(asked, layout, view)
    arrange = {"multiple": _ticks, "grid": _grid, "rank": _ranks, "allocation": _items}.get(asked.kind, _options)
    arrange(figures)
    return figures


def _options(figures: _Figures) -> None:
    """A row an option, a net, a mean of scores."""
    asked, layout = figures.asked, figures.layout
    codes = [_Row(asked.codes[i], asked.labels[i], 0, (i,)) for i in asked.kept]
    nets = [_Row(label, label, 0, tuple(asked.places(codes)), net=True) for label, codes in layout.nets.items()]
    scores = [_Row("mean", "Mean score", 0, score=True)] if layout.score else []
    figures.specs = _shown(codes, nets, layout) + scores
    figures.cols = _banner(figures)


def _ticks(figures: _Figures) -> None:
    """A row an option of a multiple, and one for each net, which is a union."""
    asked, layout = figures.asked, figures.layout
    codes = [_Row(line.code, line.label, i, (1,)) for i, line in enumerate(asked.lines)]
    nets = []
    for label, of_net in layout.nets.items():
        figures.lines.append(asked.union(of_net, label))
        nets.append(_Row(label, label, len(figures.lines) - 1, (1,), net=True))
    figures.specs = _shown(codes, nets, layout)
    figures.cols = _banner(figures)


def _grid(figures: _Figures) -> None:
    """A row an item. Its columns are the points of the scale; with a banner, one net or mean in each column."""
    asked, layout = figures.asked, figures.layout
    figures.specs = [_Row(line.code, line.label, i) for i, line in enumerate(asked.lines)]
    points = [_Col(Column(asked.codes[i], asked.labels[i]), 0, (i,)) for i in asked.kept]
    nets = [
        _Col(Column(label, label, net=True), 0, tuple(asked.places(codes))) for label, codes in layout.nets.items()
    ]
    means = [_Col(Column("mean", "Mean score"), 0, score=True)] if layout.score else []
    if figures.view.banner:
        figures.cols = [
            replace(col, codes=figure.codes, score=figure.score)
            for figure in (nets or means)[:1]
            for col in _banner(figures)
        ]
    else:
        figures.cols = [*_shown(points, nets, layout), *means]


def _ranks(figures: _Figures) -> None:
    """A row an option. Its columns: put first, given any place, and the nets; with a banner, put first."""
    asked, layout = figures.asked, figures.layout
    figures.specs = [_Row(line.code, line.label, i) for i, line in enumerate(asked.lines)]
    figures.layout = replace(layout, score={code: float(code) for code in asked.codes[:-1]})
    placed = tuple(range(len(asked.codes) - 1))
    if figures.view.banner:
        figures.cols = [replace(col, codes=(0,)) for col in _banner(figures)]
        return
    nets = [
        _Col(Column(label, label, net=True), 0, tuple(asked.places(codes))) for label, codes in layout.nets.items()
    ]
    figures.cols = [
        _Col(Column("first", "Ranked first"), 0, (0,)),
        *nets,
        _Col(Column("placed", "Given a place", net=True), 0, placed),
        _Col(Column("mean", "Mean place of those given one"), 0, score=True),
    ]


def _items(figures: _Figures) -> None:
    """A row an item of an allocation, with its mean share."""
    figures.specs = [_Row(line.code, line.label, i) for i, line in enumerate(figures.asked.lines)]
    figures.cols = _banner(figures)


T = TypeVar("T")


def _shown(codes: list[T], nets: list[T], layout: Layout) -> list[T]:
    return {"all": codes + nets, "codes": codes, "nets": nets}[layout.show]


def _banner(figures: _Figures) -> list[_Col]:
    first = 0 if figures.layout.total or not figures.view.banner else 1
    return [_Col(column, place) for place, column in enumerate(figures.view.columns) if place >= first]


# ── amounts ──────────────────────────────────────────────────────────────────

MEASURES = {
    "n": ("Answers", 0),
    "mean": ("Mean", 1),
    "sd": ("Standard deviation", 1),
    "lower": ("Lower quartile", 1),
    "median": ("Median", 1),
    "upper": ("Upper quartile", 1),
    "total": ("Total", 0),
}
"""What is said of an amount, by code: label and decimals."""


def _amount_rows(figures: _Figures) -> tuple[TableRow, ...]:
    """A row a measure of one amount, or a row an item of an allocation with its mean share."""
    asked, layout = figures.asked, figures.layout
    if asked.kind == "allocation":
        rows = [_measured(figures, i, line.label, line.code, "mean") for i, line in enumerate(asked.lines)]
        return _arranged_by_value(rows, layout)
    wanted = layout.rows or [name for name in MEASURES if name != "sd" or layout.score]
    return tuple(_measured(figures, 0, MEASURES[name][0], name, name) for name in wanted)


def _measured(figures: _Figures, line: int, label: str, code: str, measure: str) -> TableRow:
    base = figures.base(line, figures.cols[0].place)
    cells = tuple(_amount_cell(figures, line, col.place, measure) for col in figures.cols)
    return TableRow(code, label, base.n, base.no_reply, base.not_asked, cells, measure=measure, who=base.who)


def _amount_cell(figures: _Figures, line: int, place: int, measure: str) -> Cell:
    base = figures.base(line, place)
    if not base.n:
        return Cell(None, None, None, UNAVAILABLE if base.no_reply else NOT_APPLICABLE, who=base.who)
    found = figures.summary(line, place)
    value = getattr(found, measure)
    if value is None:
        return Cell(None, None, None, UNAVAILABLE, who=base.who)
    margin = figures.margin_of_amounts(line, place) if measure == "mean" else (None, None, None)
    return Cell(
        found.n,
        None,
        None,
        "",
        *margin,
        value=float(value),
        decimals=MEASURES[measure][1],
        who=base.who,
        amounts=found.amounts,
    )


def _arranged_by_value(rows: Sequence[TableRow], layout: Layout) -> tuple[TableRow, ...]:
    if layout.rows is not None:
        by_code = {row.code: row for row in rows}
        rows = [by_code[code] for code in layout.rows]
    if layout.sort == "descending":
        rows = sorted(rows, key=lambda row: -(row.cells[0].value or 0))
    return tuple(rows)


# ── arranging ────────────────────────────────────────────────────────────────


def _arranged(rows: Sequence[TableRow], layout: Layout) -> tuple[TableRow, ...]:
    if layout.rows is not None:
        by_code = {row.code: row for row in rows}
        rows = [by_code[code] for code in layout.rows]
    if layout.at_least is not None:
        rows = [row for row in rows if (row.cells[0].shown or 0) >= layout.at_least]
    if layout.sort == "descending":
        rows = sorted(rows, key=lambda row: (-(row.cells[0].shown or 0), -(row.cells[0].count or 0)))
    return tuple(rows)


def _base_of(figures: _Figures) -> Base:
    """The base of a table is that of its first column, of a grid the largest of its rows."""
    lines = range(len(figures.asked.lines)) if figures.asked.kind in _ROWS_HAVE_BASES else [0]
    return max((figures.base(line, figures.cols[0].place) for line in lines), key=lambda base: base.n)


_ROWS_HAVE_BASES = {"grid", "multiple", "rank", "allocation"}


def _transposed(table: Table) -> Table:
    """A grid on its side: a column an item with its own base, a row a point of the scale."""
    columns = tuple(
        Column(row.code, row.label, base=Base(table.base.name, row.base, row.no_reply, row.not_asked, who=row.who))
        for row in table.rows
    )
    rows = tuple(
        TableRow(
            column.code,
            column.label,
            table.base.n,
            table.base.no_reply,
            table.base.not_asked,
            tuple(row.cells[c] for row in table.rows),
            column.net,
        )
        for c, column in enumerate(table.columns)
    )
    return replace(table, columns=columns, rows=rows)


# ── in words ─────────────────────────────────────────────────────────────────


def in_words(data: Responses, condition: Condition | None) -> str:
    """A condition as readers of a table read it: `Region is South East`; "" for none."""
    if condition is None:
        return ""
    if condition.all_ is not None:
        return " and ".join(in_words(data, part) for part in condition.all_)
    if condition.any_ is not None:
        return "(" + " or ".join(in_words(data, part) for part in condition.any_) + ")"
    if condition.not_ is not None:
        return f"not ({in_words(data, condition.not_)})"
    return _test_in_words(data, condition)


def _test_in_words(data: Responses, test: Condition) -> str:
    name = test.question or ""
    variable = data.variables.get(name) or data.of_question(name)[0]
    label = one_line(variable.label if name in data.variables else str(data.instrument.questions[name].text))
    said = dict(zip(variable.codes, variable.labels, strict=True))
    if test.includes is not None:
        said = {v.name.removeprefix(f"{name}."): v.label for v in data.of_question(name)}
    if test.answered is not None:
        return f"“{label}” was {'answered' if test.answered else 'left blank'}"
    if test.at_least is not None or test.at_most is not None:
        bounds = [f"at least {test.at_least:,f}"] if test.at_least is not None else []
        bounds += [f"at most {test.at_most:,f}"] if test.at_most is not None else []
        return f"“{label}” is {' and '.join(bounds)}"
    codes = test.in_ or [code for code in (test.is_, test.includes) if code is not None]
    return f"“{label}” {'includes' if test.includes else 'is'} {' or '.join(said.get(c, c) for c in codes)}"


def _kind(asked: _Asked) -> str:
    return {"stratum": "single", "date": "single", "derived": "single"}.get(asked.kind, asked.kind)


def _wording(data: Responses, question: Question | None, variable: str) -> str:
    if question is None:
        return data.variables[variable].label
    if variable in data.variables and variable != question.id:
        return f"{question.text} {data.variables[variable].label}"
    return str(question.text)


def _net(asked: _Asked, label: str, codes: Sequence[str], layout: Layout) -> Net:
    if asked.kind == "multiple":
        parts = tuple(line.label for line in asked.lines if line.code in codes)
    else:
        parts = tuple(text for code, text in zip(asked.codes, asked.labels, strict=True) if code in codes)
    return Net(label, parts, layout.sum_of_rounded)
