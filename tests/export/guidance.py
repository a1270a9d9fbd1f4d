"""The checklist of "Releasing statistics in spreadsheets", run over a workbook as a reader gets it.

The same list stands in `docs/spreadsheets.md`. Each check yields what is wrong, with its sheet.
"""

import io
import re
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import openpyxl
from openpyxl.utils.escape import unescape
from openpyxl.worksheet.worksheet import Worksheet

from surveyapp.analysis.report import Report
from surveyapp.export.workbook import workbook

SENTENCES_ONLY = {"Cover"}
"""Sheets that hold no table."""

MARKS = re.compile(r"\[(?:low|[a-z])\]")


def published(report: Report) -> bytes:
    """The published workbook of a report, after it has passed every check."""
    content = workbook(report)
    assert faults(content) == []
    return content


def faults(content: bytes) -> list[str]:
    """Everything that is wrong with a workbook by the checklist."""
    book = openpyxl.load_workbook(io.BytesIO(content))
    found = [fault for check in OF_BOOK for fault in check(book)]
    found += [f"{sheet.title}: {fault}" for check in OF_SHEET for sheet in book for fault in check(sheet)]
    return found + list(_parts(content))


FOR_WORK = re.compile(
    r"\w+: (frozen panes|a filter|an image or a chart)"
    r"|the file holds xl/(drawings|charts)/.*"
    r"|(Figures|Paths|Weights): [A-Z]+\d+ (is empty|holds .* finer than it is shown)"
    r"|Paths: the sheet is hidden|the contents link to \['Paths'\] otherwise than to the sheets"
)
"""What a workbook to work with has beyond a published one, on purpose; the rest of the list holds there too."""


def faults_for_work(content: bytes) -> list[str]:
    """What is wrong with a workbook that nobody publishes: the analyst's, and that of the response."""
    return [fault for fault in faults(content) if not FOR_WORK.fullmatch(fault)]


# ── the workbook ─────────────────────────────────────────────────────────────


def _properties(book: openpyxl.Workbook) -> Iterator[str]:
    if not book.properties.title:
        yield "the document has no title"
    if not book.properties.language:
        yield "the document has no language"
    if book.active is not book.worksheets[0] or book.active.sheet_view.selection[0].activeCell != "A1":
        yield "it does not open at A1 of the first sheet"


def _names(book: openpyxl.Workbook) -> Iterator[str]:
    if book.sheetnames[:3] != ["Cover", "Contents", "Notes"]:
        yield f"it begins with {book.sheetnames[:3]}"
    if len({name.lower() for name in book.sheetnames}) < len(book.sheetnames):
        yield "names of sheets repeat"
    for name in book.sheetnames:
        if not re.fullmatch(r"[A-Za-z0-9_]{1,31}", name):
            yield f"the name {name!r} has other signs than letters, digits and underscores"
    tables = [name for sheet in book for name in sheet.tables]
    if len({name.lower() for name in tables}) < len(tables):
        yield "names of tables repeat"


def _links(book: openpyxl.Workbook) -> Iterator[str]:
    linked = {}
    for cell, *_ in book["Contents"].iter_rows(min_row=2):
        if cell.hyperlink is not None:
            linked[cell.value] = cell.hyperlink.location
    wanted = {name: f"'{name}'!A1" for name in book.sheetnames if name != "Contents"}
    if linked != wanted:
        yield f"the contents link to {sorted(set(linked) ^ set(wanted))} otherwise than to the sheets"


def _notes(book: openpyxl.Workbook) -> Iterator[str]:
    """Every mark and note that is used stands on the sheet of notes; notes are named [note 1]."""
    explained = {row[0] for row in book["Notes"].iter_rows(values_only=True)}
    for sheet in book:
        if sheet.title in {"Notes", "Codebook"}:
            continue
        text = "\n".join(str(v) for row in sheet.iter_rows(values_only=True) for v in row if isinstance(v, str))
        for note in set(re.findall(r"\[note \d+\]", text)) - explained:
            yield f"{sheet.title}: {note} is not on the sheet of notes"
        for mark in {cell.value for cell in _figures(sheet) if isinstance(cell.value, str)}:
            if MARKS.fullmatch(mark) and mark not in explained:
                yield f"{sheet.title}: {mark} is not explained"
            if re.fullmatch(r"\[note \d+\]", mark):
                yield f"{sheet.title}: {mark!r} stands in place of a figure"


# ── a sheet ──────────────────────────────────────────────────────────────────


def _title(sheet: Worksheet) -> Iterator[str]:
    if not isinstance(sheet["A1"].value, str) or sheet["A1"].font.size <= 12 or not sheet["A1"].font.bold:
        yield "A1 is no title"
    if not isinstance(sheet["A2"].value, str):
        yield "A2 does not say what the sheet holds"


def _one_table(sheet: Worksheet) -> Iterator[str]:
    wanted = 0 if sheet.title in SENTENCES_ONLY else 1
    if len(sheet.tables) != wanted:
        yield f"{len(sheet.tables)} marked-up tables"
    for table in sheet.tables.values():
        first, last = table.ref.split(":")
        if not re.fullmatch(r"A\d+", first):
            yield "the table does not begin in column A"
        if int(re.sub(r"\D", "", last)) != sheet.max_row or sheet[last].column != sheet.max_column:
            yield "something stands below the table or beside it"


def _header(sheet: Worksheet) -> Iterator[str]:
    for table in sheet.tables.values():
        if table.headerRowCount != 1:
            yield "the table has not one header row"
        header = [cell.value for cell in sheet[table.ref][0]]
        if any(not isinstance(name, str) or not name.strip() for name in header):
            yield "a column has no heading"
        if len({str(name).lower() for name in header}) < len(header):
            yield "headings repeat"
        if [column.name for column in table.tableColumns] != [unescape(str(name)) for name in header]:
            yield "the names of the table's columns are not its headings"


def _whole(sheet: Worksheet) -> Iterator[str]:
    if sheet.merged_cells.ranges:
        yield "merged cells"
    for table in sheet.tables.values():
        for row in sheet[table.ref]:
            yield from (f"{cell.coordinate} is empty" for cell in row if cell.value in (None, ""))


def _still(sheet: Worksheet) -> Iterator[str]:
    if sheet.freeze_panes is not None:
        yield "frozen panes"
    if sheet.auto_filter.ref or any(table.autoFilter is not None for table in sheet.tables.values()):
        yield "a filter"
    if sheet.sheet_state != "visible":
        yield "the sheet is hidden"
    dimensions = [*sheet.row_dimensions.values(), *sheet.column_dimensions.values()]
    if any(dimension.hidden for dimension in dimensions):
        yield "a hidden row or column"


def _plain(sheet: Worksheet) -> Iterator[str]:
    if sheet._images or sheet._charts:
        yield "an image or a chart"
    if sheet.conditional_formatting or sheet.data_validations.dataValidation:
        yield "formats or lists that depend on values"
    parts = (sheet.oddHeader, sheet.oddFooter, sheet.evenHeader, sheet.evenFooter)
    if any(part.left.text or part.center.text or part.right.text for part in parts):
        yield "a header or footer of the page"
    for cell in _filled(sheet):
        if cell.fill.fill_type is not None:
            yield f"{cell.coordinate} is filled"
        if cell.comment is not None:
            yield f"{cell.coordinate} has a comment"
        if cell.data_type == "f":
            yield f"{cell.coordinate} is a formula"


def _letters(sheet: Worksheet) -> Iterator[str]:
    for cell in _filled(sheet):
        if cell.font.name != "Arial" or cell.font.size < 12:
            yield f"{cell.coordinate} is not in Arial of 12 or more"
        if cell.font.vertAlign or cell.font.italic:
            yield f"{cell.coordinate} is raised or slanted"


def _wrapped(sheet: Worksheet) -> Iterator[str]:
    """No text is cut off: it is wrapped, or the cells beside it are empty and wide enough."""
    table = next(iter(sheet.tables.values()), None)
    inside = {cell.coordinate for row in sheet[table.ref] for cell in row} if table else set()
    widths = {letter: d.width * 1.2 for letter, d in sheet.column_dimensions.items()}
    for cell in _filled(sheet):
        if not isinstance(cell.value, str) or cell.alignment.wrap_text:
            continue
        room = widths[cell.column_letter] if cell.coordinate in inside else sum(widths.values())
        if len(cell.value) > room + 1:
            yield f"{cell.coordinate} is cut off: {cell.value[:40]!r}"


def _rounded(sheet: Worksheet) -> Iterator[str]:
    """What is stored is what is shown."""
    for cell in _filled(sheet):
        if isinstance(cell.value, float):
            shown = re.search(r"\.(0+)$", cell.number_format)
            if round(cell.value, len(shown[1]) if shown else 0) != cell.value:
                yield f"{cell.coordinate} holds {cell.value}, finer than it is shown"


def _filled(sheet: Worksheet) -> Iterator[Any]:
    for row in sheet.iter_rows():
        yield from (cell for cell in row if cell.value is not None)


def _figures(sheet: Worksheet) -> Iterator[Any]:
    """The cells of the table but for its header and its first column."""
    for table in sheet.tables.values():
        for row in sheet[table.ref][1:]:
            yield from row[1:]


# ── the file ─────────────────────────────────────────────────────────────────


def _parts(content: bytes) -> Iterator[str]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for name in archive.namelist():
            if re.search(r"vba|externalLink|media/|drawings/|comments", name):
                yield f"the file holds {name}"


OF_BOOK: list[Callable[[openpyxl.Workbook], Iterator[str]]] = [_properties, _names, _links, _notes]
OF_SHEET: list[Callable[[Worksheet], Iterator[str]]] = [
    *(_title, _one_table, _header, _whole, _still, _plain, _letters, _wrapped, _rounded)
]
