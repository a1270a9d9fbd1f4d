"""Writing into a workbook safely: text stays text, tables are marked up, equal content gives equal bytes.

Layout follows the guidance of the UK Government Analysis Function on statistics in spreadsheets: one marked-up
table a sheet, title in A1, no merged or blank cells inside, wrapped text, links in words.
"""

import io
import re
from collections.abc import Sequence

from openpyxl import Workbook
from openpyxl.cell import Cell
from openpyxl.styles import Alignment, Border, Font, Side
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.hyperlink import Hyperlink
from openpyxl.worksheet.table import Table as MarkedTable
from openpyxl.worksheet.worksheet import Worksheet

from surveyapp.export.archive import EPOCH, legible, undated

_LINE, _LETTERS = 15.75, 1.2
"""Height of a line of Arial 12 in points, and how many of its letters fit where one of its digits is a unit."""

MAX_CELL = 32_767
CUT = " … [cut]"

_FONT, _BOLD = Font(name="Arial", size=12), Font(name="Arial", size=12, bold=True)
_TITLE = Font(name="Arial", size=16, bold=True)
_LINK = Font(name="Arial", size=12, underline="single", color="0B5563")
_WRAP = Alignment(wrap_text=True, vertical="top")
_RIGHT = Alignment(horizontal="right", vertical="top")
_HEAD = Alignment(wrap_text=True, vertical="bottom")
_HEAD_RIGHT = Alignment(wrap_text=True, vertical="bottom", horizontal="right")
_RULE = Border(bottom=Side(style="thin"))

Value = str | int | float


def new_workbook(title: str) -> Workbook:
    """An empty workbook with fixed properties: no user, no clock."""
    book = Workbook()
    book.remove(book.worksheets[0])
    book._named_styles["Normal"].font = _FONT  # the unit of column widths is a digit of this font
    book.properties.creator = "surveyapp"
    book.properties.lastModifiedBy = None
    book.properties.title = clean(title)
    book.properties.language = "en-GB"
    book.properties.created = book.properties.modified = EPOCH
    return book


def new_sheet(book: Workbook, name: str, title: str, lines: Sequence[str], widths: Sequence[int]) -> Worksheet:
    """A sheet with its title in A1 and a line of text in each row below it."""
    sheet = book.create_sheet(sheet_name(name, book.sheetnames))
    sheet.sheet_view.showGridLines = False
    sheet.page_setup.orientation = "landscape" if len(widths) > 4 else "portrait"
    sheet.page_setup.paperSize = sheet.PAPERSIZE_A4
    sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight = 1, 0
    sheet.sheet_properties.pageSetUpPr.fitToPage = True
    for i, width in enumerate(widths, 1):
        sheet.column_dimensions[get_column_letter(i)].width = width / _LETTERS
    put(sheet, 1, 1, title).font = _TITLE
    for row, line in enumerate(lines, 2):
        put(sheet, row, 1, line)
    return sheet


def put(sheet: Worksheet, row: int, column: int, value: Value) -> Cell:
    """Write a value. Text is never a formula, never a link, and never longer than Excel holds."""
    cell = sheet.cell(row, column)
    cell.font = _FONT
    if isinstance(value, str):
        cell.value = clean(value)
        cell.data_type = "s"
    else:
        cell.value = value
    return cell


def put_table(
    sheet: Worksheet, name: str, header: Sequence[str], rows: Sequence[Sequence[Value]], texts: int = 1
) -> int:
    """A marked-up table below what is there; the first `texts` columns are words, the rest figures.

    Returns the row number of its header.
    """
    top: int = sheet.max_row + 1
    for column, label in enumerate(_distinct(header), 1):
        cell = put(sheet, top, column, label)
        cell.font, cell.border = _BOLD, _RULE
        cell.alignment = _HEAD if column <= texts else _HEAD_RIGHT
    fit_height(sheet, top, _distinct(header))
    for i, row in enumerate(rows, top + 1):
        for column, value in enumerate(row, 1):
            put(sheet, i, column, value).alignment = _WRAP if column <= texts else _RIGHT
        fit_height(sheet, i, row)
    reference = f"A{top}:{get_column_letter(len(header))}{top + max(len(rows), 1)}"
    marked = MarkedTable(displayName=name, ref=reference)
    marked._initialise_columns()
    for column, label in zip(marked.tableColumns, _distinct(header), strict=True):
        column.name = label
    marked.autoFilter = None
    sheet.add_table(marked)
    sheet.print_title_rows = f"{top}:{top}"
    return top


def wrap_column(sheet: Worksheet) -> None:
    """Wrap the text of the first column of a sheet that holds sentences only."""
    for (cell,) in sheet.iter_rows(min_row=2, max_col=1):
        cell.alignment = _WRAP
        fit_height(sheet, cell.row, [cell.value])


def fit_height(sheet: Worksheet, row: int, values: Sequence[Value | None]) -> None:
    """Give a row the height of its longest wrapped text: not every programme works that out on opening."""
    lines = 1
    for column, value in enumerate(values, 1):
        if isinstance(value, str):
            width = sheet.column_dimensions[get_column_letter(column)].width * _LETTERS * 0.92
            lines = max(lines, sum(-(-max(len(part), 1) // int(width)) for part in value.split("\n")))
    sheet.row_dimensions[row].height = min(lines * _LINE, 400)


def link(sheet: Worksheet, row: int, column: int, target: str) -> None:
    """Make a cell lead to another sheet."""
    cell = sheet.cell(row, column)
    cell.hyperlink = Hyperlink(ref=cell.coordinate, location=f"'{target}'!A1")
    cell.font = _LINK


def clean(text: str) -> str:
    """Text that every spreadsheet programme can hold: no control characters, cut with a visible mark."""
    text = legible(text)
    return text if len(text) <= MAX_CELL else text[: MAX_CELL - len(CUT)] + CUT


def sheet_name(wanted: str, taken: Sequence[str]) -> str:
    """Letters, digits and underscores, at most 31, unlike any other whatever the case."""
    name = re.sub(r"\W+", "_", wanted, flags=re.ASCII).strip("_")[:28] or "Sheet"
    used = {other.lower() for other in taken}
    unique, i = name, 2
    while unique.lower() in used:
        unique, i = f"{name}_{i}", i + 1
    return unique


def to_bytes(book: Workbook) -> bytes:
    """The file: the same content always gives the same bytes."""
    written = io.BytesIO()
    book.save(written)
    return undated(written.getvalue())


def _distinct(header: Sequence[str]) -> list[str]:
    """Excel repairs a table whose column names repeat; we number them instead."""
    names: list[str] = []
    for label in (clean(h)[:250] for h in header):
        name, i = label, 2
        while name.lower() in {n.lower() for n in names}:
            name, i = f"{label} ({i})", i + 1
        names.append(name)
    return names
