"""Checks on the tables of a report, as an analyst would do them by hand, from what is printed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from surveyapp.analysis.report import Report
from surveyapp.analysis.tables import Cell, Column, Table, TableRow, half_up, rounded
from surveyapp.export.layouts import base_of, is_amounts, is_banner, is_weighted, shape
from surveyapp.instrument import Question, choices

HOLDS, FAILS, UNKNOWN = "holds", "does not hold", "cannot be checked: figures are hidden"

_UNITS = {"frame", "issued"}


@dataclass(frozen=True)
class Check:
    """One check on one table: what must be, whether it is, and where not."""

    table: str
    what: str
    result: str
    where: str = ""


def checks(report: Report) -> list[Check]:
    """Every check that applies to every table of a report."""
    return [check for p in report.tables for check in of_table(p.table, report)]


def of_table(table: Table, report: Report) -> Iterator[Check]:
    """The checks on one table. Numbers that are rounded for publication are not expected to add up."""
    question = report.instrument.questions.get(table.variable.partition(".")[0])
    found = [_hidden(table), _limits(table), _columns(table)]
    if not is_amounts(table):
        found += [_within(table), _rounding(table)]
    if report.instrument.disclosure.policy != "persons":
        found += [_everybody(table, report.responses)]
        found += (
            [] if is_amounts(table) else [_adding(table, question), _percentages(table, question), _nets(table)]
        )
    for each in found:
        yield from _summed(table.id, list(each))


@dataclass(frozen=True)
class _Found:
    """What one row or column says: whether the check holds there, None if that is hidden."""

    what: str
    holds: bool | None
    where: str


def _summed(table: str, found: Sequence[_Found]) -> Iterator[Check]:
    """One line for all places of a check."""
    for what in dict.fromkeys(each.what for each in found):
        places = [each for each in found if each.what == what]
        wrong = [each.where for each in places if each.holds is False]
        known = any(each.holds is not None for each in places)
        result = FAILS if wrong else HOLDS if known else UNKNOWN
        yield Check(table, what, result, "; ".join(wrong))


# ── cells ────────────────────────────────────────────────────────────────────


def _cells(table: Table) -> Iterator[tuple[TableRow, Column, Cell]]:
    for row in table.rows:
        for column, cell in zip(table.columns, row.cells, strict=True):
            yield row, column, cell


def _hidden(table: Table) -> Iterator[_Found]:
    for row, column, cell in _cells(table):
        if cell.mark == "[c]":
            empty = (cell.count, cell.percent, cell.shown, cell.value, cell.se, cell.low, cell.high)
            holds = all(figure is None for figure in empty)
            yield _Found("Hidden figures hold nothing", holds, f"{row.label}, {column.label}")


def _limits(table: Table) -> Iterator[_Found]:
    for row, column, cell in _cells(table):
        figure = cell.value if cell.value is not None else cell.percent
        if figure is not None and cell.low is not None and cell.high is not None:
            holds = cell.low - 1e-6 <= figure <= cell.high + 1e-6
            yield _Found("Limits enclose the figure", holds, f"{row.label}, {column.label}")


def _within(table: Table) -> Iterator[_Found]:
    if table.kind == "trend" or table.percent_of == "row":
        return
    for row, column, cell in _cells(table):
        base = base_of(table, row, column)
        if base is not None and cell.percent is not None and table.base.name not in _UNITS:
            known = cell.count is not None and base
            holds = (cell.count or 0) <= base if known else None
            yield _Found("No count is larger than its base", holds, f"{row.label}, {column.label}")


def _rounding(table: Table) -> Iterator[_Found]:
    """Unweighted percentages again from counts; weighted ones from the unrounded percentage."""
    added = any(net.sum_of_rounded for net in table.nets)
    for row, column, cell in _cells(table):
        if cell.shown is None or cell.percent is None or (added and (row.net or column.net)):
            continue
        base = base_of(table, row, column) if table.percent_of == "column" and not is_weighted(table) else None
        again = rounded(cell.count, base) if base and cell.count is not None else int(half_up(cell.percent))
        what = "Percentages are those of the counts" if base else "Percentages are rounded half up"
        yield _Found(what, again == cell.shown, f"{row.label}, {column.label}")


# ── rows and columns ─────────────────────────────────────────────────────────


def _whole(table: Table, question: Question | None) -> bool:
    """Whether every answer of a question that has one answer only stands in the table."""
    if (
        table.kind != "single"
        or question is None
        or table.variable != question.id
        or table.base.name != "answered"
    ):
        return False
    codes = {option.code for option in choices(question)}
    return bool(codes) and codes <= {row.code for row in table.rows if not row.net}


def _adding(table: Table, question: Question | None) -> Iterator[_Found]:
    if not _whole(table, question) or table.percent_of != "column":
        return
    for c, column in enumerate(table.columns):
        counts = [row.cells[c].count for row in table.rows if not row.net and row.measure == "percent"]
        base = base_of(table, table.rows[0], column)
        known = base is not None and all(count is not None for count in counts)
        holds = sum(count or 0 for count in counts) == base if known and base else None
        yield _Found("Counts add up to the base", holds, column.label)


def _percentages(table: Table, question: Question | None) -> Iterator[_Found]:
    if not _whole(table, question) or table.percent_of != "column":
        return
    for c, column in enumerate(table.columns):
        parts = [row.cells[c].percent for row in table.rows if not row.net and row.measure == "percent"]
        known = [part for part in parts if part is not None]
        holds = abs(sum(known) - 100) < 1e-6 if len(known) == len(parts) else None
        yield _Found("Unrounded percentages add up to 100", holds, column.label)


def _nets(table: Table) -> Iterator[_Found]:
    """A net is no larger than its parts together, and no smaller than the largest of them."""
    rows = {row.label: row for row in table.rows if not row.net}
    for net in table.nets:
        of_net = next((row for row in table.rows if row.net and row.label == net.label), None)
        parts = [rows[label] for label in net.parts if label in rows]
        if of_net is None or len(parts) != len(net.parts):
            continue
        for c, column in enumerate(table.columns):
            holds = _net_holds(of_net.cells[c].count, [part.cells[c].count for part in parts])
            what = "Nets are at most the sum of their parts, and at least the largest"
            yield _Found(what, holds, f"{net.label}, {column.label}")
    if shape(table) == "items":
        yield from _column_nets(table)


def _column_nets(table: Table) -> Iterator[_Found]:
    at = {column.label: c for c, column in enumerate(table.columns) if not column.net}
    for net in table.nets:
        c = next((c for c, column in enumerate(table.columns) if column.net and column.label == net.label), None)
        if c is None or any(label not in at for label in net.parts):
            continue
        for row in table.rows:
            holds = _net_holds(row.cells[c].count, [row.cells[at[label]].count for label in net.parts])
            what = "Nets are at most the sum of their parts, and at least the largest"
            yield _Found(what, holds, f"{row.label}, {net.label}")


def _net_holds(net: int | None, parts: Sequence[int | None]) -> bool | None:
    known = [part for part in parts if part is not None]
    if net is None or len(known) < len(parts):
        return None
    return max(known, default=0) <= net <= sum(known)


def _everybody(table: Table, responses: int) -> Iterator[_Found]:
    """Answered, no reply and not asked are together all who sent answers, unless a filter leaves some out."""
    if table.where or table.base.name != "answered" or table.kind in {"coded", "trend"}:
        return
    what = "Answered, no reply and not asked are all responses"
    if shape(table) == "items":
        for row in table.rows:
            holds = None if row.missing_mark else row.base + row.no_reply + row.not_asked == responses
            yield _Found(what, holds, row.label)
    else:
        base = table.base
        holds = None if base.missing_mark else base.n + base.no_reply + base.not_asked == responses
        yield _Found(what, holds, "base")


def _columns(table: Table) -> Iterator[_Found]:
    """No column of a banner has more respondents than the first, which has all."""
    whole = table.columns[0].base if table.columns else None
    if not is_banner(table) or whole is None or whole.name in _UNITS:
        return
    for column in table.columns[1:]:
        base = column.base
        holds = None if base is None or base.mark or whole.mark else base.n <= whole.n
        yield _Found("No column has a larger base than all together", holds, column.label)
