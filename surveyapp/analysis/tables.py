"""Tables: counts, bases and percentages of one question.

Percentages are rounded once, half up, from integer counts (Excel's way, not Python's); a net is computed from
its own count unless the plan asks for the sum of rounded percentages, the convention of the 2012 report. Every
row carries its own base, since item non-response differs from row to row.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from surveyapp.analysis.dataset import NO_REPLY, NOT_ASKED, NOT_IN_VERSION, Codes, Dataset
from surveyapp.instrument import Grid, Multiple, OpenText, Question, choices

LOW, CONFIDENTIAL, NOT_APPLICABLE, UNAVAILABLE = "[low]", "[c]", "[z]", "[x]"

MARKS = {
    LOW: "more than zero, but rounds to zero",
    CONFIDENTIAL: "confidential: too few answers to print",
    NOT_APPLICABLE: "not applicable: nobody was asked",
    UNAVAILABLE: "not available: nobody answered, or not in that wave",
}


def rounded(count: int, base: int) -> int:
    """`count` of `base` as a whole percentage, half up, in integers: 1 of 8 is 13. `base` is at least 1."""
    return (200 * count + base) // (2 * base)


@dataclass(frozen=True)
class Cell:
    """One figure. `percent` is 0 to 100 at full precision; `shown` is the whole percentage as printed.

    `mark` stands in place of the figure (or "" where the figure is printed); with a mark that hides, count,
    percent and shown are None. `se`, `low` and `high` are None until margins are asked for.
    """

    count: int | None
    percent: float | None
    shown: int | None
    mark: str = ""
    se: float | None = None
    low: float | None = None
    high: float | None = None

    @property
    def printed(self) -> str:
        """What stands in the table."""
        return self.mark or str(self.shown)


@dataclass(frozen=True)
class Column:
    """One column of figures; `net` if it counts several codes as one."""

    code: str
    label: str
    net: bool = False


@dataclass(frozen=True)
class TableRow:
    """One line: the base of its percentages, who left it blank, who was not asked, and a cell a column."""

    code: str
    label: str
    base: int
    no_reply: int
    not_asked: int
    cells: tuple[Cell, ...]
    net: bool = False


@dataclass(frozen=True)
class Base:
    """Who the percentages are of: `name` is one of frame, issued, responded, asked, answered.

    `n` is the base of a table with one base, and the largest row base of a grid.
    """

    name: str
    n: int
    no_reply: int
    not_asked: int
    weighted_n: float | None = None
    population: int | None = None


@dataclass(frozen=True)
class Net:
    """Several codes counted as one: labels of the net and of its codes, and whether rounded shares are added."""

    label: str
    parts: tuple[str, ...]
    sum_of_rounded: bool


@dataclass(frozen=True)
class Table:
    """One table, not yet protected: see `disclosure.protect`.

    `kind` is single, multiple or grid. A single or multiple has one column and a row an option; a grid a row an
    item and a column a scale point. `variable` is the question, or the grid row that was asked for.
    """

    id: str
    title: str
    variable: str
    kind: str
    wording: str
    base: Base
    columns: tuple[Column, ...]
    rows: tuple[TableRow, ...]
    nets: tuple[Net, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Layout:
    """How a table is asked for. Nets map a label to the codes counted as one.

    `show` is all, codes or nets; `sort` questionnaire or descending (by the first column, ties by count, then
    questionnaire order); `at_least` drops rows whose first printed percentage is under it; `rows` picks and
    orders rows by code; `sum_of_rounded` adds up rounded percentages for a net.
    """

    nets: Mapping[str, Sequence[str]] = field(default_factory=dict)
    show: str = "all"
    sort: str = "questionnaire"
    at_least: int | None = None
    rows: Sequence[str] | None = None
    sum_of_rounded: bool = False


def tabulate(data: Dataset, variable: str, id: str, title: str, layout: Layout | None = None) -> Table:  # noqa: A002
    """The table of one question, or of one row of a grid given as `question.row`.

    Raises `KeyError` for an unknown one and `TypeError` for an open question; plans are checked beforehand.
    """
    layout = layout or Layout()
    name, _, row = variable.partition(".")
    question = data.instrument.questions[name]
    if isinstance(question, OpenText):
        raise TypeError(f"{name} is an open question; it has no table of its own")
    if isinstance(question, Grid) and not row:
        columns, rows = _grid(data, question, layout)
    else:
        columns, rows = _one_way(data, question, variable, layout)
    kind = "single" if row else question.type
    return Table(
        id=id,
        title=title,
        variable=variable,
        kind=kind,
        wording=_wording(question, row),
        base=_base(rows),
        columns=columns,
        rows=_arranged(rows, layout),
        nets=tuple(_net(question, label, codes, layout) for label, codes in layout.nets.items()),
    )


def _wording(question: Question, row: str) -> str:
    if not (row and isinstance(question, Grid)):
        return str(question.text)
    label = next(str(r.label) for r in question.rows if r.code == row)
    return f"{question.text} {label}"


def _net(question: Question, label: str, codes: Sequence[str], layout: Layout) -> Net:
    parts = tuple(str(option.label) for option in choices(question) if option.code in codes)
    return Net(label, parts, layout.sum_of_rounded)


# ── counting ─────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class _Counts:
    """Counts of the codes of one variable, its base and its kinds of missing."""

    by_code: dict[str, int]
    base: int
    no_reply: int
    not_asked: int


def _count(values: Codes, codes: Sequence[str]) -> _Counts:
    """One pass over a variable: values are shifted so that the three kinds of missing are bins too."""
    bins = np.bincount(values - NOT_IN_VERSION, minlength=len(codes) - NOT_IN_VERSION)
    counts = bins[-NOT_IN_VERSION:]
    not_asked = int(bins[NOT_ASKED - NOT_IN_VERSION] + bins[0])
    by_code = dict(zip(codes, counts.tolist(), strict=True))
    return _Counts(by_code, int(counts.sum()), int(bins[NO_REPLY - NOT_IN_VERSION]), not_asked)


def _count_multiple(data: Dataset, question: Multiple) -> _Counts:
    variables = data.of_question(question.id)
    ticks = [_count(data.values[v.name], v.codes) for v in variables]
    by_code = {option.code: t.by_code["1"] for option, t in zip(question.options, ticks, strict=True)}
    return _Counts(by_code, ticks[0].base, ticks[0].no_reply, ticks[0].not_asked)


def _union(data: Dataset, question: Multiple, codes: Sequence[str]) -> int:
    """Respondents who chose at least one of `codes`: a net of a multiple is not a sum."""
    columns = [data.values[f"{question.id}.{code}"] == 1 for code in codes]
    return int(np.logical_or.reduce(columns).sum())


# ── cells ────────────────────────────────────────────────────────────────────


def _cell(count: int, counts: _Counts) -> Cell:
    if counts.base == 0:
        nobody_asked = counts.no_reply == 0
        return Cell(None, None, None, NOT_APPLICABLE if nobody_asked else UNAVAILABLE)
    shown = rounded(count, counts.base)
    return Cell(count, 100 * count / counts.base, shown, LOW if count and not shown else "")


def _net_cell(count: int, codes: Sequence[str], counts: _Counts, layout: Layout) -> Cell:
    cell = _cell(count, counts)
    if not layout.sum_of_rounded or counts.base == 0:
        return cell
    return replace(cell, shown=sum(rounded(counts.by_code[code], counts.base) for code in codes), mark="")


def _one_way(
    data: Dataset, question: Question, variable: str, layout: Layout
) -> tuple[tuple[Column, ...], list[TableRow]]:
    if isinstance(question, Multiple):
        counts = _count_multiple(data, question)
    else:
        counts = _count(data.values[variable], data.variables[variable].codes)
    rows = [_row(o.code, str(o.label), counts, _cell(counts.by_code[o.code], counts)) for o in choices(question)]
    nets = []
    for label, codes in layout.nets.items():
        joint = isinstance(question, Multiple)
        count = _union(data, question, codes) if isinstance(question, Multiple) else _sum(counts, codes)
        cell = _cell(count, counts) if joint else _net_cell(count, codes, counts, layout)
        nets.append(replace(_row(label, label, counts, cell), net=True))
    shown = {"all": rows + nets, "codes": rows, "nets": nets}[layout.show]
    return (Column("percent", "Per cent"),), shown


def _sum(counts: _Counts, codes: Sequence[str]) -> int:
    return sum(counts.by_code[code] for code in codes)


def _row(code: str, label: str, counts: _Counts, *cells: Cell) -> TableRow:
    return TableRow(code, label, counts.base, counts.no_reply, counts.not_asked, cells)


def _grid(data: Dataset, question: Grid, layout: Layout) -> tuple[tuple[Column, ...], list[TableRow]]:
    points = [Column(option.code, str(option.label)) for option in question.scale]
    nets = [Column(label, label, net=True) for label in layout.nets]
    columns = {"all": points + nets, "codes": points, "nets": nets}[layout.show]
    rows = []
    for line in question.rows:
        name = f"{question.id}.{line.code}"
        counts = _count(data.values[name], data.variables[name].codes)
        cells = (_grid_cell(column, counts, layout) for column in columns)
        rows.append(_row(line.code, str(line.label), counts, *cells))
    return tuple(columns), rows


def _grid_cell(column: Column, counts: _Counts, layout: Layout) -> Cell:
    if not column.net:
        return _cell(counts.by_code[column.code], counts)
    codes = layout.nets[column.code]
    return _net_cell(_sum(counts, codes), codes, counts, layout)


# ── arranging ────────────────────────────────────────────────────────────────


def _base(rows: Sequence[TableRow]) -> Base:
    widest = max(rows, key=lambda row: row.base)
    return Base("answered", widest.base, widest.no_reply, widest.not_asked)


def _arranged(rows: Sequence[TableRow], layout: Layout) -> tuple[TableRow, ...]:
    if layout.rows is not None:
        by_code = {row.code: row for row in rows}
        rows = [by_code[code] for code in layout.rows]
    if layout.at_least is not None:
        rows = [row for row in rows if (row.cells[0].shown or 0) >= layout.at_least]
    if layout.sort == "descending":
        rows = sorted(rows, key=lambda row: (-(row.cells[0].shown or 0), -(row.cells[0].count or 0)))
    return tuple(rows)
