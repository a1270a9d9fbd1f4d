"""What a table is: figures in rows and columns, each with its base.

Percentages are rounded once, half up, from integer counts (Excel's way, not Python's); a net is computed from
its own count unless the plan asks for the sum of rounded percentages, the convention of the 2012 report. Every
row carries its own base, since item non-response differs from row to row.
"""

import math
from dataclasses import dataclass

LOW, CONFIDENTIAL, NOT_APPLICABLE, UNAVAILABLE = "[low]", "[c]", "[z]", "[x]"
UNRELIABLE, BREAK = "[u]", "[b]"

MARKS = {
    LOW: "more than zero, but rounds to zero",
    CONFIDENTIAL: "confidential: too few answers to print",
    NOT_APPLICABLE: "not applicable: nobody was asked",
    UNAVAILABLE: "not available: nobody answered, or not in that wave",
    UNRELIABLE: "unreliable: the base is under 30",
    BREAK: "break: not comparable with what stands before it",
}


def rounded(count: int, base: int) -> int:
    """`count` of `base` as a whole percentage, half up, in integers: 1 of 8 is 13. `base` is at least 1."""
    return (200 * count + base) // (2 * base)


def half_up(value: float, decimals: int = 0) -> float:
    """`value` rounded as Excel does, away from zero at the half; almost a half counts as one."""
    scaled = abs(value) * 10**decimals
    whole = math.floor(scaled + 0.5 + 1e-9 * max(1.0, scaled))
    return math.copysign(whole / 10**decimals, value) if whole else 0.0


Slice = frozenset[tuple[str, frozenset[str]]]
"""Who is counted, as conditions that all hold: a variable with the codes it may have.

A stratum is the variable `unit.region`; a multiple has one 0/1 variable an option (`sources.ptb`). A variable
of a question has its codes, `NO_ANSWER` and `UNASKED`, so that all of them together are everybody. Everybody is
the empty slice. Figures with equal slices count the same respondents.
"""

NO_ANSWER, UNASKED = "no reply", "not asked"
"""The codes by which a slice names those who left a question blank, and those who were not asked it."""


@dataclass(frozen=True)
class Amounts:
    """What a total or mean is made of, for the dominance rule: contributors, their sum, the two largest."""

    contributors: int
    total: float
    first: float
    second: float


@dataclass(frozen=True)
class Cell:
    """One figure: a percentage, or another `value` such as a mean.

    `count` is of respondents, unweighted. `percent` is 0 to 100 at full precision, weighted where the table is;
    `shown` is the whole percentage as printed. `mark` stands in place of the figure (or "" where the figure is
    printed); with a mark that hides, count, percent, shown and value are None. `se`, `low` and `high` are in
    points like `percent` (or like `value`), None unless margins were asked for. `letters` names the columns that
    this one is significantly above. `who` says who is counted, None for what is no count.
    """

    count: int | None
    percent: float | None
    shown: int | None
    mark: str = ""
    se: float | None = None
    low: float | None = None
    high: float | None = None
    value: float | None = None
    decimals: int = 1
    letters: str = ""
    who: Slice | None = None
    amounts: Amounts | None = None

    @property
    def printed(self) -> str:
        """What stands in the table."""
        if self.mark:
            return self.mark
        if self.value is not None:
            return f"{half_up(self.value, self.decimals):,.{self.decimals}f}"
        return str(self.shown)


@dataclass(frozen=True)
class Base:
    """Who the percentages are of: `name` is one of frame, issued, responded, asked, answered.

    `n` is the number of respondents (of units for frame and issued). Of a table it is the base of its first
    column, or the largest row base of a grid. `weighted_n` is the sum of weights and `effective_n` Kish's, None
    without weights. `population` is the number of units that these respondents stand for, None where unknown.
    `mark` stands in place of the numbers where they are hidden, which then are 0 and None; `missing_mark` in
    place of `no_reply` and `not_asked`, which may be hidden alone.
    """

    name: str
    n: int
    no_reply: int
    not_asked: int
    weighted_n: float | None = None
    population: float | None = None
    effective_n: float | None = None
    who: Slice = frozenset()
    mark: str = ""
    missing_mark: str = ""


@dataclass(frozen=True)
class Column:
    """One column of figures; `net` if it counts several codes as one.

    In a cross-tabulation `headings` stand above the label, outermost first (the banner variable, then the codes
    it is nested in), `base` is the column's own, `letter` names it in tests, and `flag` is "[u]" where the base
    is too small to rely on.
    """

    code: str
    label: str
    net: bool = False
    headings: tuple[str, ...] = ()
    base: Base | None = None
    letter: str = ""
    flag: str = ""
    who: Slice = frozenset()


@dataclass(frozen=True)
class TableRow:
    """One line: the base of its percentages, who left it blank, who was not asked, and a cell a column.

    `measure` is percent, or what the values of the line are: n, mean, sd, median, lower quartile and so on.
    `mark` stands in place of the base where it is hidden, which then is 0; `missing_mark` in place of `no_reply`
    and `not_asked`, which may be hidden alone.
    """

    code: str
    label: str
    base: int
    no_reply: int
    not_asked: int
    cells: tuple[Cell, ...]
    net: bool = False
    measure: str = "percent"
    weighted_base: float | None = None
    who: Slice = frozenset()
    mark: str = ""
    missing_mark: str = ""


@dataclass(frozen=True)
class Net:
    """Several codes counted as one: labels of the net and of its codes, and whether rounded shares are added."""

    label: str
    parts: tuple[str, ...]
    sum_of_rounded: bool


@dataclass(frozen=True)
class Table:
    """One table, not yet protected: see `disclosure`.

    `kind` is single, multiple, grid, number, rank, allocation, coded or trend. A single or multiple has a row an
    option, and one column or those of its banner; a grid a row an item and a column a scale point. `variable` is
    the question, or the grid row that was asked for. `where` says in words who is left out, "" if nobody is;
    `percent_of` is column, row or total; `weighting` names the weights, "" without. `interval` says what `low` and
    `high` of the cells are: confidence (at `level`), bounds, or nothing. `tests` are sentences on the whole table.
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
    where: str = ""
    percent_of: str = "column"
    weighting: str = ""
    level: float | None = None
    interval: str = ""
    tests: tuple[str, ...] = ()
