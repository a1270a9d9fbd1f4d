"""Reading tables as figures: which numbers of a release count the same people, and whom each percentage is of.

A *domain* is a group of respondents that percentages are of: those of a column who answered the row's question.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np
import numpy.typing as npt

from surveyapp.analysis.disclosure.linking import TICKED, Codes, normal, text, topic, topics
from surveyapp.analysis.tables import NO_ANSWER, UNASKED, Base, Cell, Column, Slice, Table, TableRow

Mask = npt.NDArray[np.bool_]


class Members(Protocol):
    """Whoever can say who is in a slice: the responses themselves."""

    def size(self, who: Slice) -> int:
        """How many a slice names."""
        ...

    def both(self, one: Slice, other: Slice) -> tuple[Mask, Mask]:
        """Whom each of two slices names, among the same rows."""
        ...


UNITS = frozenset({"frame", "issued"})
"""Bases that count units of the frame, not respondents."""

CODED = "coded "
"""What the variable of a codeframe begins with."""

TOGETHER = frozenset({"multiple", "rank"})
"""Kinds of question whose options are answered together."""


@dataclass(frozen=True, order=True)
class Place:
    """Where a figure stands: the table, row and column, counted from 0."""

    table: int
    row: int
    column: int


@dataclass
class Domain:
    """A group that percentages are of: how many they are, and where that is printed.

    `national` says that nobody is left out but those who did not answer. `missing` are those of the column who
    gave no reply and who were not asked; `whole` is all in the column. A size that is not `exact` is too small.
    """

    who: Slice
    n: int
    national: bool
    exact: bool = True
    places: list[Place] = field(default_factory=list)
    missing: dict[Slice, int] = field(default_factory=dict)
    whole: dict[Slice, int] = field(default_factory=dict)


@dataclass
class Figures:
    """Every number of a release by who is counted: `counts` of cells, `domains`, and where each stands."""

    counts: dict[Slice, int] = field(default_factory=dict)
    at: dict[Slice, list[Place]] = field(default_factory=lambda: defaultdict(list))
    domains: dict[Slice, Domain] = field(default_factory=dict)
    of: dict[Place, Slice] = field(default_factory=dict)
    taken: set[Slice] = field(default_factory=set)
    families: dict[str, Codes] = field(default_factory=dict)
    codes: dict[str, set[str]] = field(default_factory=dict)

    def normal(self, who: Slice) -> Slice:
        """The one form of a slice."""
        return normal(who, self.families)


def read_figures(tables: Sequence[Table], members: Members | None = None) -> Figures:
    """The figures of all tables of a release. `members` tells groups whose size no table prints."""
    found = Figures(families=_families(tables), codes=_codes(tables))
    for t, table in enumerate(tables):
        for r, row in enumerate(table.rows):
            for c, cell in enumerate(row.cells):
                _read_cell(found, Place(t, r, c), table, cell, members)
    _forget_contradictions(found)
    return found


def is_national(who: Slice) -> bool:
    """Whether a slice, in its one form, has no more than one condition: an answer of everybody to one question."""
    return len(who) <= 1


def _families(tables: Sequence[Table]) -> dict[str, Codes]:
    """The questions whose options are answered together, with the codes that an answer has."""
    found: dict[str, Codes] = {}
    for table in tables:
        if table.kind in TOGETHER and table.base.name == "answered":
            for row in table.rows:
                for _, codes in _own(table, row):
                    found[table.variable] = found.get(table.variable, frozenset()) | codes
                    if table.kind == "multiple":
                        found[table.variable] = TICKED | {"0"}
    return found


def _codes(tables: Sequence[Table]) -> dict[str, set[str]]:
    """The answers that any figure names, by variable. That an amount was given says no more than its bands."""
    found: dict[str, set[str]] = defaultdict(set)
    for table in tables:
        for row in table.rows:
            for who in (
                row.who,
                *(column.who for column in table.columns),
                *(c.who or frozenset() for c in row.cells),
            ):
                for name, codes in who:
                    found[name] |= codes - {NO_ANSWER, UNASKED, "given"}
    return found


def _own(table: Table, row: TableRow) -> Slice:
    """The conditions of a row's base on the table's own question."""
    mine = topic(table.variable)
    return frozenset((name, codes) for name, codes in row.who if topic(name) == mine)


def _read_cell(found: Figures, place: Place, table: Table, cell: Cell, members: Members | None) -> None:
    domain = _domain(found, table, place, members)
    domain.places.append(place)
    found.of[place] = domain.who
    if cell.who is None or cell.value is not None:
        return
    who = found.normal(cell.who)
    if cell.count is None:
        if cell.mark == "[c]":
            found.taken.add(who)
        return
    if found.counts.setdefault(who, cell.count) != cell.count:
        who = who | {("table", frozenset({table.id}))}
        found.counts[who] = cell.count
    found.at[who].append(place)


def _domain(found: Figures, table: Table, place: Place, members: Members | None) -> Domain:
    row, column = table.rows[place.row], table.columns[place.column]
    raw = _people(table, row, column)
    who = found.normal(raw)
    if who in found.domains:
        return found.domains[who]
    mine = topic(table.variable)
    domain = Domain(who, 0, is_national(who) and all(of == mine or of.startswith(CODED) for of in topics(who)))
    base = _base(found, table, row, column, who)
    if base is None:
        domain.n, domain.exact = _inferred(raw, table, place, members)
    else:
        domain.n = base.n
        if not base.mark and not base.missing_mark:
            _add_missing(found, domain, base, raw, _own(table, row))
    found.domains[who] = domain
    return domain


def _people(table: Table, row: TableRow, column: Column) -> Slice:
    """Whom the percentages of a row in a column are of."""
    if column.base is None:
        return row.who
    if not row.who and not column.who:
        return column.base.who
    return column.who | _own(table, row)


def _base(found: Figures, table: Table, row: TableRow, column: Column, who: Slice) -> Base | None:
    """The base that is printed for these people, if there is one."""
    if table.base.name in UNITS or table.base.name == "answers":
        return None
    if column.base is not None and found.normal(column.base.who) == who:
        return column.base
    if found.normal(row.who) == who:
        return replace(
            table.base,
            n=row.base,
            no_reply=row.no_reply,
            not_asked=row.not_asked,
            mark=row.mark,
            missing_mark=row.missing_mark,
        )
    return None


def _inferred(raw: Slice, table: Table, place: Place, members: Members | None) -> tuple[int, bool]:
    """How many people they are where no base says so, and whether exactly: from the data, or from a percentage."""
    if members is not None:
        return members.size(raw), True
    cell = table.rows[place.row].cells[place.column]
    of_people = table.percent_of == "column" and not table.weighting and table.base.name not in {*UNITS, "answers"}
    if cell.count and cell.percent and of_people:
        return round(100 * cell.count / cell.percent), True
    return max(row.cells[place.column].count or 0 for row in table.rows), False


def _add_missing(found: Figures, domain: Domain, base: Base, raw: Slice, own: Slice) -> None:
    """Those of the column who are not in the base. Answers that a table leaves out count as no reply in it."""
    if base.name not in {"answered", "asked"} or len(own) != 1:
        return
    rest = raw - own
    (name, counted), *_ = own
    left_out = set() if "given" in counted else found.codes.get(name, set()) - counted
    blank = found.normal(rest | {(name, frozenset({NO_ANSWER, *left_out}))})
    unasked = found.normal(rest | {(name, frozenset({UNASKED}))})
    domain.missing = {unasked: base.not_asked} | ({blank: base.no_reply} if base.name == "answered" else {})
    domain.whole = {found.normal(rest): domain.n + sum(domain.missing.values())}


def _forget_contradictions(found: Figures) -> None:
    """Leave out what two tables count differently, as when one of them leaves codes out of its base."""
    seen: dict[Slice, set[int]] = defaultdict(set)
    for who, count in found.counts.items():
        seen[who].add(count)
    for domain in found.domains.values():
        for who, count in (domain.missing | domain.whole).items():
            seen[who].add(count)
    for domain in found.domains.values():
        domain.missing = {who: n for who, n in domain.missing.items() if len(seen[who]) == 1}
        domain.whole = {who: n for who, n in domain.whole.items() if len(seen[who]) == 1}


def in_order(slices: Iterable[Slice]) -> list[Slice]:
    """Slices in an order that does not depend on that of tables, rows and columns."""
    return sorted(slices, key=text)
