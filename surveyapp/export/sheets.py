"""Writing into a workbook safely: text stays text, tables are marked up, equal content gives equal bytes.

Layout follows the guidance of the UK Government Analysis Function on statistics in spreadsheets: one marked-up
table a sheet, title in A1, no merged or blank cells inside, wrapped text, links in words.
"""

import io
import re
import zipfile
from collections.abc import Collection, Sequence
from xml.sax.saxutils import quoteattr  # nosec B406: it writes, and reads nothing

from openpyxl import Workbook
from openpyxl.cell import Cell
from openpyxl.styles import Alignment, Border, Font, Side
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.hyperlink import Hyperlink
from openpyxl.worksheet.table import Table as MarkedTable
from openpyxl.worksheet.worksheet import Worksheet

from surveyapp.analysis.tables import half_up
from surveyapp.export.archive import EPOCH, legible, undated
from surveyapp.export.layouts import Number, Value

_LINE, _LETTERS = 15.75, 1.2
"""Height of a line of Arial 12 in points, and how many of its letters fit where one of its digits is a unit."""

_CODED = re.compile("_(?=x[0-9A-Fa-f]{4}_)")

MAX_CELL = 32_767
CUT = " … [cut]"

_FONT, _BOLD = Font(name="Arial", size=12), Font(name="Arial", size=12, bold=True)
_TITLE = Font(name="Arial", size=16, bold=True)
_LINK = Font(name="Arial", size=12, underline="single", color="0B5563")
_WRAP = Alignment(wrap_text=True, vertical="top")
_RIGHT = Alignment(horizontal="right", vertical="top")
_HEAD = Alignment(wrap_text=True, vertical="bottom")
_WRAP_AFTER = Alignment(wrap_text=True, vertical="top", horizontal="left", indent=1)
_HEAD_AFTER = Alignment(wrap_text=True, vertical="bottom", horizontal="left", indent=1)
_HEAD_RIGHT = Alignment(wrap_text=True, vertical="bottom", horizontal="right")
_RULE = Border(bottom=Side(style="thin"))


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
    _fit_line(sheet, 1, title, sum(widths), 1.4)
    for row, line in enumerate(lines, 2):
        put(sheet, row, 1, line)
        _fit_line(sheet, row, line, sum(widths))
    return sheet


def _fit_line(sheet: Worksheet, row: int, line: str, width: int, size: float = 1.0) -> None:
    """A line runs over the empty cells beside it; one that is too long for these is wrapped."""
    if len(line) * size > width or "\n" in line:
        sheet.cell(row, 1).alignment = _WRAP
        fit_height(sheet, row, [line], size)


def put(sheet: Worksheet, row: int, column: int, value: Value) -> Cell:
    """Write a value. Text is never a formula, never a link, and never longer than Excel holds."""
    cell = sheet.cell(row, column)
    cell.font = _FONT
    if isinstance(value, str):
        cell.value = stored(value)
        cell.data_type = "s"
    elif isinstance(value, Number):
        rounded = half_up(value.value, value.decimals)
        cell.value = rounded if value.decimals else int(rounded)
        cell.number_format = _formats(value.decimals)
    else:
        cell.value = value
    return cell


def _formats(decimals: int) -> str:
    return "#,##0" + ("." + "0" * decimals if decimals else "")


def put_table(
    sheet: Worksheet,
    name: str,
    header: Sequence[str],
    rows: Sequence[Sequence[Value]],
    texts: int = 1,
    words: Collection[int] = (),
    working: bool = False,
) -> int:
    """A marked-up table below what is there; the first `texts` columns, and those in `words`, are words.

    Columns in `words` are counted from 0. A `working` table can be filtered, and its header and first column stay
    in sight. Returns the row number of its header.
    """
    top: int = sheet.max_row + 1
    heads = [_HEAD if c < texts else _HEAD_AFTER if c in words else _HEAD_RIGHT for c in range(len(header))]
    cells = [_WRAP if c < texts else _WRAP_AFTER if c in words else _RIGHT for c in range(len(header))]
    labels = _distinct(header)
    for column, label in enumerate(labels):
        cell = put(sheet, top, column + 1, label)
        cell.font, cell.border = _BOLD, _RULE
        cell.alignment = heads[column]
    fit_height(sheet, top, labels, 1.08)
    for i, row in enumerate(rows, top + 1):
        for column, value in enumerate(row):
            put(sheet, i, column + 1, value).alignment = cells[column]
        fit_height(sheet, i, row)
    _mark_up(sheet, name, labels, f"A{top}:{get_column_letter(len(header))}{top + max(len(rows), 1)}", working)
    if working:
        sheet.freeze_panes = sheet.cell(top + 1, 2)
    sheet.print_title_rows = f"{top}:{top}"
    return top


def _mark_up(sheet: Worksheet, name: str, labels: Sequence[str], reference: str, working: bool) -> None:
    marked = MarkedTable(displayName=name, ref=reference)
    marked._initialise_columns()
    for column, label in zip(marked.tableColumns, labels, strict=True):
        column.name = stored(label)
    if not working:
        marked.autoFilter = None
    sheet.add_table(marked)


def wrap_column(sheet: Worksheet) -> None:
    """Wrap the text of the first column of a sheet that holds sentences only."""
    for (cell,) in sheet.iter_rows(min_row=2, max_col=1):
        cell.alignment = _WRAP
        fit_height(sheet, cell.row, [cell.value])


def fit_height(sheet: Worksheet, row: int, values: Sequence[Value], size: float = 1.0) -> None:
    """Give a row the height of its longest wrapped text: not every programme works that out on opening.

    `size` is that of its letters: 1 for Arial 12.
    """
    lines = 1
    for column, value in enumerate(values, 1):
        if isinstance(value, str):
            width = sheet.column_dimensions[get_column_letter(column)].width * _LETTERS * 0.92 / size
            lines = max(lines, sum(_lines(part, int(width)) for part in value.split("\n")))
    sheet.row_dimensions[row].height = min(lines * _LINE * max(1.0, size if size > 1.2 else 1.0), 400)


def _lines(text: str, width: int) -> int:
    """How many lines a text takes when it is broken between words."""
    if len(text) <= width:
        return 1
    lines, room = 1, width
    for word in text.split(" "):
        if len(word) > room and room < width:
            lines, room = lines + 1, width
        lines += max(len(word) - 1, 0) // width
        room -= len(word) % width + 1
    return lines


def link(sheet: Worksheet, row: int, column: int, target: str) -> None:
    """Make a cell lead to another sheet."""
    cell = sheet.cell(row, column)
    cell.hyperlink = Hyperlink(ref=cell.coordinate, location=f"'{target}'!A1")
    cell.font = _LINK


def clean(text: str) -> str:
    """Text that every spreadsheet programme can hold: no control characters, cut with a visible mark."""
    text = legible(text)
    return text if len(text) <= MAX_CELL else text[: MAX_CELL - len(CUT)] + CUT


def stored(text: str) -> str:
    """Text as a cell holds it: `_x0041_` would be shown as A, so its first sign is written in that way itself."""
    return _CODED.sub("_x005F_", clean(text))


def sheet_name(wanted: str, taken: Sequence[str]) -> str:
    """Letters, digits and underscores, at most 31, unlike any other whatever the case."""
    name = re.sub(r"\W+", "_", wanted, flags=re.ASCII).strip("_")[:28] or "Sheet"
    used = {other.lower() for other in taken}
    unique, i = name, 2
    while unique.lower() in used:
        unique, i = f"{name}_{i}", i + 1
    return unique


def to_bytes(book: Workbook, charts: Sequence[str] = ()) -> bytes:
    """The file: the same content always gives the same bytes.

    `charts` says in words what each chart shows, in the order of the sheets: openpyxl has no place for that.
    """
    written = io.BytesIO()
    book.save(written)
    return undated(_described(written.getvalue(), charts) if charts else written.getvalue())


def _described(written: bytes, charts: Sequence[str]) -> bytes:
    told = io.BytesIO()
    words = {f"xl/drawings/drawing{i}.xml": clean(text) for i, text in enumerate(charts, 1)}
    with zipfile.ZipFile(io.BytesIO(written)) as source, zipfile.ZipFile(told, "w") as target:
        for entry in source.infolist():
            content = source.read(entry)
            if entry.filename in words:
                said = f'name="Chart 1" descr={quoteattr(words[entry.filename])}'
                content = content.replace(b'name="Chart 1"', said.encode(), 1)
            target.writestr(entry, content)
    return told.getvalue()


def _distinct(header: Sequence[str]) -> list[str]:
    """Excel repairs a table whose column names repeat; we number them instead."""
    names: list[str] = []
    for label in (clean(h)[:250] for h in header):
        name, i = label, 2
        while name.lower() in {n.lower() for n in names}:
            name, i = f"{label} ({i})", i + 1
        names.append(name)
    return names
