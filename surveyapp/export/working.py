"""What an analyst's workbook has more: weights, checks, unrounded figures, where each comes from, charts.

It is made of protected tables like everything else: what is hidden in print is hidden here.
"""

from collections.abc import Iterator, Sequence

from openpyxl import Workbook
from openpyxl.chart import BarChart, Reference
from openpyxl.chart.axis import ChartLines
from openpyxl.chart.shapes import GraphicalProperties
from openpyxl.drawing.line import LineProperties
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from surveyapp.analysis.disclosure.decisions import names
from surveyapp.analysis.disclosure.protection import ProtectedTable
from surveyapp.analysis.report import Report
from surveyapp.analysis.tables import CONFIDENTIAL, Cell, Column, Table, TableRow
from surveyapp.export.checks import checks
from surveyapp.export.layouts import Body, Value, base_of, shape
from surveyapp.export.sentences import about_weights
from surveyapp.export.sheets import new_sheet, put_table
from surveyapp.ranges import Line, Range, protected

Placed = tuple[str, Body, int]
"""A table's sheet, what stands on it, and the row of its header."""

_COLOUR, _PALE = "0B5563", "D9D9D9"

_FIGURES = {
    "Table": 14,
    "Variable": 26,
    "Row code": 20,
    "Row": 40,
    "Column code": 20,
    "Column": 40,
    "Measure": 14,
    "Count": 12,
    "Per cent": 22,
    "Value": 22,
    "Standard error": 22,
    "Lower": 22,
    "Upper": 22,
    "Base": 12,
    "Weighted base": 22,
    "Letters": 12,
    "Mark": 12,
}

_PATHS = {
    "Sheet": 18,
    "Cell": 10,
    "Row code": 20,
    "Column code": 20,
    "Plan entry": 14,
    "Question": 30,
    "Questionnaire": 18,
    "Content": 40,
    "Base": 14,
    "Filter": 40,
    "Hidden because": 60,
}


def sheets(report: Report) -> dict[str, str]:
    """The names of the sheets that come after the codebook, with what they hold. One more is hidden: Paths."""
    more = {"Weights": "The weight of each group"} if _has_weights(report) else {}
    return more | {"Checks": "What was checked in each table, and how it came out", "Figures": "Unrounded figures"}


def marks(report: Report) -> set[str]:
    """The marks that these sheets have in place of figures that stand on no other."""
    return {CONFIDENTIAL} if any(row[-1] == CONFIDENTIAL for row in _weight_rows(report)) else set()


def write(book: Workbook, report: Report, placed: Sequence[Placed]) -> None:
    """The sheets after the codebook."""
    if _has_weights(report):
        _weights(book, report)
    _checks(book, report)
    _figures(book, report)
    _paths(book, report, placed)


# ── weights ──────────────────────────────────────────────────────────────────


def _has_weights(report: Report) -> bool:
    design = report.design
    return design is not None and design.weighted and bool(design.names)


def _weights(book: Workbook, report: Report) -> None:
    lines = ["This sheet holds one table: the groups of equal weight.", *about_weights(report)]
    sheet = new_sheet(book, "Weights", "Weights", lines, [60, 16, 16, 24])
    header = ["Group", "In the frame", "Answers", "Weight"]
    put_table(sheet, "weights", header, list(_weight_rows(report)), working=True)


def _weight_rows(report: Report) -> Iterator[list[Value]]:
    """Numbers of answers as the response has them: ranges below the smallest base, and then no weight."""
    design = report.design
    if design is None or design.units is None:
        return
    pairs = [(round(n), round(units)) for n, units in zip(design.sizes, design.units, strict=True)]
    lines = [Line(n, 0, 0, max(n, units), max(n, units)) for n, units in pairs]
    whole = Line(
        sum(n for n, _ in pairs), 0, 0, sum(line.room for line in lines), sum(line.room for line in lines)
    )
    shown = protected(lines, whole, report.instrument.disclosure.minimum_base)
    for name, (_, units), row, weight in zip(design.names, pairs, shown, design.relative.tolist(), strict=False):
        answers = row["completed"]
        if isinstance(answers, Range):
            yield [name, units, str(answers), CONFIDENTIAL]
        else:
            yield [name, units, answers, weight]


# ── checks ───────────────────────────────────────────────────────────────────


def _checks(book: Workbook, report: Report) -> None:
    found = checks(report)
    failed = sum(bool(check.where) for check in found)
    lines = [
        "This sheet holds one table: what was checked in each table, from what it prints.",
        f"{len(found)} checks, {failed} of which do not hold." if failed else f"{len(found)} checks; none fails.",
    ]
    sheet = new_sheet(book, "Checks", "Checks", lines, [14, 60, 30, 60])
    rows = [[check.table, check.what, check.result, check.where or "nowhere"] for check in found]
    header = ["Table", "Check", "Result", "Where it does not hold"]
    put_table(sheet, "checks", header, rows or [["none", "none", "none", "none"]], texts=4, working=True)


# ── figures ──────────────────────────────────────────────────────────────────


def _figures(book: Workbook, report: Report) -> None:
    lines = [
        "This sheet holds one table: a line for each figure of each table, unrounded.",
        "A cell is empty where there is no such figure, or it is hidden.",
        "Percentages, standard errors and limits are from 0 to 100. Weighted bases have the average weight 1.",
    ]
    sheet = new_sheet(book, "Figures", "Unrounded figures", lines, list(_FIGURES.values()))
    rows = [line for protected in report.tables for line in _figure_lines(protected.table)]
    put_table(sheet, "figures", list(_FIGURES), rows, words=range(7), working=True)


def _figure_lines(table: Table) -> Iterator[list[Value]]:
    called = names(table.columns)
    for row in table.rows:
        for name, column, cell in zip(called, table.columns, row.cells, strict=True):
            base = base_of(table, row, column)
            yield [
                *(table.id, table.variable, row.code, row.label, name, _in_full(column), row.measure),
                *(cell.count, cell.percent, cell.value, cell.se, cell.low, cell.high),
                *(base, _weighted_base(row, column) if base is not None else None),
                *(cell.letters or None, " ".join(part for part in (cell.mark, column.flag) if part) or None),
            ]


def _in_full(column: Column) -> str:
    return " / ".join((*column.headings, column.label))


def _weighted_base(row: TableRow, column: Column) -> float | None:
    return row.weighted_base if column.base is None else column.base.weighted_n


# ── where each figure comes from ─────────────────────────────────────────────


def _paths(book: Workbook, report: Report, placed: Sequence[Placed]) -> None:
    lines = ["This sheet holds one table: where each printed figure comes from, and what hid it."]
    sheet = new_sheet(book, "Paths", "Where each figure comes from", lines, list(_PATHS.values()))
    rows = [
        line
        for i, (protected, place) in enumerate(zip(report.tables, placed, strict=True))
        for line in _path_lines(protected, place, f"/tables/{i}", report)
    ]
    put_table(sheet, "paths", list(_PATHS), rows, words=range(len(_PATHS)), working=True)
    sheet.sheet_state = "hidden"


def _path_lines(table: ProtectedTable, place: Placed, entry: str, report: Report) -> Iterator[list[Value]]:
    name, body, top = place
    called = names(table.table.columns)
    facts = report.facts
    for (i, j), (r, c) in body.figures.items():
        row, column = table.table.rows[r], called[c]
        yield [
            *(name, f"{get_column_letter(j + 2)}{top + 1 + i}", row.code, column, entry, table.table.variable),
            *(report.instrument.name, facts.version_hash, table.table.base.name, table.table.where or "none"),
            _why(table, row, column, row.cells[c]),
        ]


def _why(table: ProtectedTable, row: TableRow, column: str, cell: Cell) -> str:
    if cell.mark != CONFIDENTIAL:
        return "not hidden"
    return str(table.why(row.code, column)) or "hidden in the release that it is taken from"


# ── charts ───────────────────────────────────────────────────────────────────


def chart(sheet: Worksheet, table: Table, body: Body, top: int) -> bool:
    """Bars of the percentages of a one-way table, beside it. Says whether there is one."""
    at = next((j for (i, j) in body.figures if i == 0), None)
    if shape(table) != "listed" or at is None or not body.charted:
        return False
    bars = BarChart()
    bars.type, bars.style, bars.gapWidth = "bar", 10, 60
    bars.legend, bars.title = None, None
    bars.x_axis.delete = bars.y_axis.delete = False
    bars.x_axis.scaling.orientation = "maxMin"
    bars.y_axis.scaling.min, bars.y_axis.number_format, bars.y_axis.title = 0, "0", "Per cent"
    bars.y_axis.crosses = "max"
    bars.y_axis.majorGridlines = ChartLines(spPr=GraphicalProperties(ln=LineProperties(solidFill=_PALE)))
    bars.width, bars.height = 20, 3 + 0.9 * body.charted
    last = top + body.charted
    bars.add_data(Reference(sheet, min_col=at + 2, min_row=top, max_row=last), titles_from_data=True)
    bars.set_categories(Reference(sheet, min_col=1, min_row=top + 1, max_row=last))
    (series,) = bars.series
    series.graphicalProperties.solidFill = _COLOUR
    sheet.add_chart(bars, f"{get_column_letter(len(body.header) + 3)}{top}")
    return True
