"""Disclosure control: what must not be printed. Only a `ProtectedTable` can be exported.

Rule of this edition, policy "organisations": a row of figures on a base under the instrument's minimum is
hidden whole. At such bases a whole percentage gives the count back, so percentages go with the counts.
"""

from dataclasses import dataclass, replace

from surveyapp.analysis.tables import CONFIDENTIAL, Cell, Table, TableRow


@dataclass(frozen=True)
class Decision:
    """Why a row is hidden: the rule in words, and the row's code. Never the figure."""

    row: str
    rule: str


@dataclass(frozen=True)
class ProtectedTable:
    """A table that may leave the house, with the record of what was hidden and why."""

    table: Table
    decisions: tuple[Decision, ...]


_HIDDEN = Cell(None, None, None, CONFIDENTIAL)


def protect(table: Table, minimum_base: int) -> ProtectedTable:
    """`table` with every row on a base from 1 to `minimum_base` - 1 hidden, its base included."""
    small = {row.code for row in table.rows if 0 < row.base < minimum_base}
    rows = tuple(_hide(row) if row.code in small else row for row in table.rows)
    rule = f"base under {minimum_base}"
    decisions = tuple(Decision(row.code, rule) for row in table.rows if row.code in small)
    return ProtectedTable(replace(table, rows=rows), decisions)


def _hide(row: TableRow) -> TableRow:
    return replace(row, cells=tuple(_HIDDEN for _ in row.cells))
