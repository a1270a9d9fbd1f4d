"""The workbook, read back by openpyxl and by pandas, and as raw XML."""

import io
import json
import re
import zipfile
from typing import Any

import openpyxl
import pandas as pd
import pytest

from surveyapp.export import workbook
from surveyapp.export.sheets import clean, sheet_name
from surveyapp.instrument import read_instrument
from tests.export.makers import make_report
from tests.makers import make_document, make_question

HOSTILE = [
    "=1+1",
    '=HYPERLINK("http://evil.example","x")',
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "＝1+1",
    "'quoted",
    "#REF!",
    "http://evil.example",
    "mailto:a@b.example",
    "<b>bold</b>",
    "<script>alert(1)</script>",
    "_x0041_",
    "[sic](2012)",
    "DDE|'cmd'!A0",
    "a\nb",
    "{=1}",
]


def read(content: bytes) -> openpyxl.Workbook:
    return openpyxl.load_workbook(io.BytesIO(content))


def lines(content: bytes, sheet: str) -> list[tuple[Any, ...]]:
    """The rows of a sheet without its empty cells at the end."""
    found = []
    for row in read(content)[sheet].iter_rows(values_only=True):
        cells = list(row)
        while cells and cells[-1] is None:
            cells.pop()
        found.append(tuple(cells))
    return found


def parts(content: bytes) -> dict[str, str]:
    """The XML files of a workbook."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}


def test_the_sheets_come_in_the_order_of_the_guidance():
    content = workbook(make_report({"id": "1", "question": "kind"}, {"id": "Extra_2", "question": "m"}))
    assert read(content).sheetnames == ["Cover", "Contents", "Notes", "Response", "Table_1", "Extra_2", "Codebook"]


def test_a_single_question_has_number_and_per_cent_and_its_missing():
    assert lines(workbook(make_report()), "Table_1") == [
        ("Table 1: What about kind?",),
        ("This sheet holds one table.",),
        ("Base: 12 teams that answered the question.",),
        ("Question: What about kind?",),
        ("Percentages are rounded and may not add to 100.",),
        ("Source: wave tiny-1, variable kind, questionnaire tiny@1.",),
        ("Answer option", "Number", "Per cent"),
        ("Yes", 8, 67),
        ("No", 4, 33),
        ("Answered", 12, "[z]"),
        ("No reply", 0, "[z]"),
        ("Not asked", 0, "[z]"),
    ]


def test_the_style_of_2012_prints_two_columns():
    report = make_report(style="as-printed-2012")
    assert lines(workbook(report), "Table_1")[6:] == [("Answer options", "Response (%)"), ("Yes", 67), ("No", 33)]


def test_a_grid_prints_base_and_no_reply_of_every_row():
    report = make_report({"id": "1", "question": "partners", "nets": {"Change": ["more", "less"]}})
    rows = lines(workbook(report), "Table_1")
    assert rows[2] == ("Base: teams that answered the row, 0 to 11; it stands in the column Base.",)
    assert rows[5] == ("Counted as one: Change = More + Less.",)
    assert rows[7:] == [
        ("Item", "More (%)", "Same (%)", "Less (%)", "Change (%)", "Base", "No reply"),
        ("Police", 55, 45, 0, 55, 11, 1),
        ("Health", "[x]", "[x]", "[x]", "[x]", 0, 12),
    ]


def test_pandas_reads_the_same_figures():
    content = workbook(make_report())
    frame = pd.read_excel(io.BytesIO(content), sheet_name="Table_1", header=6)
    assert frame["Per cent"].tolist()[:2] == [67, 33]
    assert frame["Number"].tolist() == [8, 4, 12, 0, 0]


def test_the_cover_gives_the_response_rate_by_name():
    cover = [row[0] for row in lines(workbook(make_report()), "Cover") if row]
    assert "Fieldwork: 9 January 2012 to 17 February 2012. Wave: tiny-1." in cover
    assert any(line.startswith("12 of 38 invited teams sent answers: 0 complete") for line in cover)
    assert "The frame has 40 teams; 38 could be written to." in cover


def test_a_note_of_the_wave_stands_on_the_cover():
    cover = [row[0] for row in lines(workbook(make_report(note="INVENTED ANSWERS.")), "Cover") if row]
    assert "INVENTED ANSWERS." in cover


def test_response_is_shown_by_stratum():
    assert lines(workbook(make_report()), "Response")[-4:] == [
        ("Region", "In the frame", "Answered", "Per cent"),
        ("North", 20, 7, 35),
        ("South", 20, 5, 25),
        ("All", 40, 12, 30),
    ]


def test_an_open_wave_has_no_response_rate():
    report = make_report(listed=False, carry=(), cells={}, issued=0)
    assert lines(workbook(report), "Response")[-1] == ("All", "[z]", 12, "[z]")
    cover = [row[0] for row in lines(workbook(report), "Cover") if row]
    assert "12 responses from a wave open to anyone: there is no response rate." in cover


def test_notes_and_marks_are_listed_once_where_they_are_used():
    report = make_report(
        {"id": "1", "question": "kind", "notes": ["First."]},
        {"id": "2", "question": "partners", "notes": ["First.", "Second."]},
    )
    content = workbook(report)
    assert lines(content, "Table_2")[1] == ("This sheet holds one table. Notes: [note 1] [note 2]",)
    assert [row[:2] for row in lines(content, "Notes")[3:]] == [
        ("[x]", "not available: nobody answered, or not in that wave"),
        ("[note 1]", "First."),
        ("[note 2]", "Second."),
    ]


def test_the_codebook_names_every_variable_and_code():
    book = lines(workbook(make_report()), "Codebook")
    assert ("partners.police", "grid", "Police", "more", "More") in book
    assert ("m.a", "multiple", "What about m?", "1", "Option a") in book


def test_every_table_is_marked_up_and_follows_the_guidance():
    """Unique table names, one header row, no merged cells, frozen panes or filters, no empty cells."""
    book = read(workbook(make_report({"id": "1", "question": "kind"}, {"id": "2", "question": "partners"})))
    names = [name for sheet in book for name in sheet.tables]
    assert len(names) == len(set(names)) == 6
    for sheet in book:
        assert not sheet.merged_cells.ranges
        assert sheet.freeze_panes is None
        assert not sheet._images
        assert sheet["A1"].value
        for table in sheet.tables.values():
            assert table.autoFilter is None
            assert all(cell.value is not None for row in sheet[table.ref] for cell in row)
        fonts = {cell.font.name for row in sheet.iter_rows() for cell in row if cell.value is not None}
        assert fonts == {"Arial"}
        sizes = {cell.font.size for row in sheet.iter_rows() for cell in row if cell.value is not None}
        assert min(sizes) >= 12


def test_contents_links_lead_to_the_sheets():
    sheet = read(workbook(make_report()))["Contents"]
    links = {row[0].value: row[0].hyperlink.location for row in sheet.iter_rows(min_row=4) if row[0].hyperlink}
    assert links["Table_1"] == "'Table_1'!A1"
    assert set(links) == {"Cover", "Notes", "Response", "Table_1", "Codebook"}


def test_nothing_finer_than_the_printed_percentage_is_in_the_file():
    report = make_report({"id": "1", "question": "partners"}, style="as-printed-2012")
    numbers = re.findall(r"<v>([\d.]+)</v>", " ".join(parts(workbook(report)).values()))
    assert numbers
    assert all("." not in number for number in numbers)


@pytest.mark.parametrize("text", HOSTILE)
def test_text_never_becomes_a_formula_a_link_or_markup(text: str):
    question = make_question("single", "kind", text=text)
    question["options"][0]["label"] = text
    document = make_document([question, make_question("multiple", "m")])
    instrument = read_instrument(json.dumps(document))
    content = workbook(make_report(instrument=instrument, title=text, note=text))
    sheet = read(content)["Table_1"]
    answer = sheet.cell(8, 1)
    assert answer.value == text
    assert answer.data_type == "s"
    assert answer.hyperlink is None
    assert not any("<f>" in xml or "<f " in xml for name, xml in parts(content).items() if "worksheets" in name)


def test_equal_reports_give_equal_bytes():
    assert workbook(make_report()) == workbook(make_report())


def test_no_person_and_no_moment_is_in_the_properties():
    content = workbook(make_report())
    core = parts(content)["docProps/core.xml"]
    assert re.findall(r"<dc:creator>([^<]*)<", core) == ["surveyapp"]
    assert set(re.findall(r"W3CDTF\">([^<]*)<", core)) == {"2000-01-01T00:00:00Z"}
    assert "lastModifiedBy" not in core
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(2000, 1, 1, 0, 0, 0)}


def test_text_that_no_spreadsheet_holds_is_mended_visibly():
    assert clean("a\x00b\x1fc\ud800") == "a\ufffdb\ufffdc\ufffd"
    long = clean("x" * 40_000)
    assert len(long) == 32_767
    assert long.endswith(" … [cut]")


def test_sheet_names_are_safe_and_unlike_each_other():
    assert sheet_name("Table/1:*?", []) == "Table_1"
    assert sheet_name("table_1", ["Table_1"]) == "table_1_2"
    assert sheet_name("=", []) == "Sheet"
    assert len(sheet_name("x" * 80, [])) <= 31


def test_columns_with_the_same_heading_are_numbered():
    question = make_question("grid", "partners")
    instrument = read_instrument(json.dumps(make_document([question, make_question(id="kind")])))
    report = make_report({"id": "1", "question": "partners", "nets": {"More": ["more"]}}, instrument=instrument)
    assert lines(workbook(report), "Table_1")[7][:5] == (
        "Item",
        "More (%)",
        "Same (%)",
        "Less (%)",
        "More (%) (2)",
    )
