"""The checklist finds what it is there to find: each fault put into a good workbook is named."""

import io
from collections.abc import Callable

import openpyxl
import pytest
from openpyxl.styles import Font, PatternFill
from openpyxl.worksheet.worksheet import Worksheet

from surveyapp.export.workbook import workbook
from tests.export.guidance import faults
from tests.export.makers import make_report


def spoil(change: Callable[[Worksheet], object]) -> list[str]:
    """The faults after a change to the sheet of the table."""
    book = openpyxl.load_workbook(io.BytesIO(workbook(make_report())))
    change(book["Table_1"])
    written = io.BytesIO()
    book.save(written)
    return faults(written.getvalue())


def put(cell: str, value: object) -> Callable[[Worksheet], object]:
    def change(sheet: Worksheet) -> None:
        sheet[cell].value = value
        sheet[cell].font = Font(name="Arial", size=12)

    return change


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda sheet: sheet.merge_cells("A1:B1"), "Table_1: merged cells"),
        (lambda sheet: setattr(sheet, "freeze_panes", "A8"), "Table_1: frozen panes"),
        (lambda sheet: setattr(sheet, "sheet_state", "hidden"), "Table_1: the sheet is hidden"),
        (lambda sheet: setattr(sheet.row_dimensions[9], "hidden", True), "Table_1: a hidden row or column"),
        (put("B8", None), "Table_1: B8 is empty"),
        (put("A14", "Below."), "Table_1: something stands below the table or beside it"),
        (put("B7", "Number (2)"), "Table_1: the names of the table's columns are not its headings"),
        (put("C8", 66.7), "Table_1: C8 holds 66.7, finer than it is shown"),
        (put("C8", "=1+1"), "Table_1: C8 is a formula"),
        (put("C8", "[u]"), "Table_1: [u] is not explained"),
        (put("A2", "See [note 3]."), "Table_1: [note 3] is not on the sheet of notes"),
        (put("A2", "x" * 200), f"Table_1: A2 is cut off: '{'x' * 40}'"),
        (
            lambda sheet: setattr(sheet["A8"], "font", Font(name="Calibri")),
            "Table_1: A8 is not in Arial of 12 or more",
        ),
        (lambda sheet: setattr(sheet["A8"], "fill", PatternFill("solid", "FFFF00")), "Table_1: A8 is filled"),
        (
            lambda sheet: setattr(sheet, "title", "Table 1"),
            "the name 'Table 1' has other signs than letters, digits and underscores",
        ),
        (lambda sheet: setattr(sheet.parent.properties, "title", None), "the document has no title"),
        (lambda sheet: setattr(sheet.parent.properties, "language", None), "the document has no language"),
        (lambda sheet: setattr(sheet.parent, "active", 2), "it does not open at A1 of the first sheet"),
        (lambda sheet: setattr(sheet.oddFooter.center, "text", "Page"), "Table_1: a header or footer of the page"),
    ],
)
def test_a_fault_is_named(change: Callable[[Worksheet], object], fault: str):
    assert fault in spoil(change)


def test_a_workbook_as_it_is_written_has_none():
    assert spoil(lambda sheet: None) == []


def test_the_edition_for_analysts_is_not_for_publication():
    found = faults(workbook(make_report(), edition="analyst"))
    assert "Table_1: frozen panes" in found
    assert "Table_1: a filter" in found
