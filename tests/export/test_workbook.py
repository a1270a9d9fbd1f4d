"""The published workbook, read back by openpyxl and by pandas, and as raw XML. Each one passes the guidance."""

import io
import json
import re
import zipfile
from copy import copy
from dataclasses import replace
from typing import Any

import openpyxl
import pandas as pd
import pytest
from openpyxl.utils.escape import unescape

from surveyapp.export.rates import rates_workbook
from surveyapp.export.sheets import clean, sheet_name
from surveyapp.instrument import read_instrument
from surveyapp.rates import Standing
from tests.export.guidance import published
from tests.export.makers import RICH_TABLES, make_report, make_response, make_rich_report
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
    """The rows of a sheet without its empty cells at the end, as a spreadsheet programme shows them."""
    found = []
    for row in read(content)[sheet].iter_rows(values_only=True):
        cells = [unescape(cell) if isinstance(cell, str) else cell for cell in row]
        while cells and cells[-1] is None:
            cells.pop()
        found.append(tuple(cells))
    return found


def parts(content: bytes) -> dict[str, str]:
    """The XML files of a workbook."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}


def test_the_sheets_come_in_the_order_of_the_guidance():
    content = published(make_report({"id": "1", "question": "kind"}, {"id": "Extra_2", "question": "m"}))
    assert read(content).sheetnames == ["Cover", "Contents", "Notes", "Response", "Table_1", "Extra_2", "Codebook"]


def test_a_single_question_has_number_and_per_cent_and_its_missing():
    assert lines(published(make_report()), "Table_1") == [
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
    assert lines(published(report), "Table_1")[6:] == [("Answer options", "Response (%)"), ("Yes", 67), ("No", 33)]


def test_a_grid_prints_base_and_no_reply_of_every_row():
    report = make_report({"id": "1", "question": "partners", "nets": {"Change": ["more", "less"]}})
    rows = lines(published(report), "Table_1")
    assert rows[2] == ("Base: teams that answered the row, 0 to 11; it stands in the column Base.",)
    assert rows[5] == ("Counted as one: Change = More + Less.",)
    assert rows[7:] == [
        ("Item", "More (%)", "Same (%)", "Less (%)", "Change (%)", "Base", "No reply"),
        ("Police", 55, 45, 0, 55, 11, 1),
        ("Health", "[x]", "[x]", "[x]", "[x]", 0, 12),
    ]


def test_pandas_reads_the_same_figures():
    content = published(make_report())
    frame = pd.read_excel(io.BytesIO(content), engine="calamine", sheet_name="Table_1", header=6)
    assert frame["Per cent"].tolist()[:2] == [67, 33]
    assert frame["Number"].tolist() == [8, 4, 12, 0, 0]


def test_the_cover_gives_the_response_rate_by_name():
    cover = [row[0] for row in lines(published(make_report()), "Cover") if row]
    assert "Fieldwork: 9 January 2012 to 17 February 2012. Wave: tiny-1." in cover
    assert any(line.startswith("12 of 38 invited teams sent answers: 0 complete") for line in cover)
    assert "The frame has 40 teams; 38 could be written to." in cover


def test_a_note_of_the_wave_stands_on_the_cover():
    cover = [row[0] for row in lines(published(make_report(note="INVENTED ANSWERS.")), "Cover") if row]
    assert "INVENTED ANSWERS." in cover


def test_response_is_shown_by_stratum():
    assert lines(published(make_report()), "Response")[-4:] == [
        ("Region", "In the frame", "Issued", "Eligible", "Completed", "Completed of issued (%)"),
        ("North", 20, 20, 20, 7, 35),
        ("South", 20, 18, 18, 5, 28),
        ("All", 40, 38, 38, 12, 32),
    ]


def test_response_has_the_ranges_of_the_rates_workbook():
    found = make_response(minimum=10)
    ranges = ["0 to 20", "0 to 18", 12]
    assert [row[4] for row in lines(published(make_report(response=found)), "Response")[-3:]] == ranges
    assert [row[6] for row in lines(rates_workbook(found), "By_region")[-3:]] == ranges


def test_those_out_of_scope_leave_the_denominator_of_the_appendix_too():
    units = [Standing({"region": "North"}, invited=True, done=i < 12) for i in range(18)]
    outside = [Standing({"region": "North"}, invited=True, disposition="out-of-scope")] * 2
    found = make_response(standings=units + outside, sent={"complete": 9, "partial": 3, "breakoff": 0})
    cover = [row[0] for row in lines(published(make_report(response=found)), "Cover") if row]
    assert "Response rate: 50% with complete answers (AAPOR RR1), 67% with partial ones too (RR2)." in cover
    assert any("12 of 20 invited" in line and "2 of them were found out of scope." in line for line in cover)


def test_a_report_of_too_few_answers_has_no_rate():
    found = make_response(sent={"complete": 2, "partial": 2, "breakoff": 0})
    cover = [row[0] for row in lines(published(make_report(response=found)), "Cover") if row]
    assert "12 teams answered; too few, or too few released, for a response rate." in cover


def test_a_report_that_knows_nothing_of_the_frame_says_how_many_answered():
    assert lines(published(make_report(response=None)), "Response")[-2:] == [("All", "Answered"), ("All", 12)]


def test_an_open_wave_has_no_response_rate():
    report = make_report(listed=False, carry=(), cells={}, issued=0, response=None)
    assert lines(published(report), "Response")[-1] == ("All", 12)
    cover = [row[0] for row in lines(published(report), "Cover") if row]
    assert "12 responses from a wave open to anyone: there is no response rate." in cover


def test_notes_and_marks_are_listed_once_where_they_are_used():
    report = make_report(
        {"id": "1", "question": "kind", "notes": ["First."]},
        {"id": "2", "question": "partners", "notes": ["First.", "Second."]},
    )
    content = published(report)
    assert lines(content, "Table_2")[1] == ("This sheet holds one table. Notes: [note 1] [note 2]",)
    assert [row[:2] for row in lines(content, "Notes")[3:]] == [
        ("[z]", "not applicable: nobody was asked, or there is no such figure"),
        ("[x]", "not available: nobody answered, or not in that wave"),
        ("[note 1]", "First."),
        ("[note 2]", "Second."),
    ]


def test_the_codebook_names_every_variable_and_code():
    book = lines(published(make_report()), "Codebook")
    assert ("partners.police", "grid", "Police", "more", "More") in book
    assert ("m.a", "multiple", "What about m?", "1", "Option a") in book


def test_contents_links_lead_to_the_sheets():
    sheet = read(published(make_report()))["Contents"]
    links = {row[0].value: row[0].hyperlink.location for row in sheet.iter_rows(min_row=4) if row[0].hyperlink}
    assert links["Table_1"] == "'Table_1'!A1"
    assert set(links) == {"Cover", "Notes", "Response", "Table_1", "Codebook"}


def test_nothing_finer_than_the_printed_percentage_is_in_the_file():
    report = make_report({"id": "1", "question": "partners"}, style="as-printed-2012")
    numbers = re.findall(r"<v>([\d.]+)</v>", " ".join(parts(published(report)).values()))
    assert numbers
    assert all("." not in number for number in numbers)


@pytest.mark.parametrize("text", HOSTILE)
def test_text_never_becomes_a_formula_a_link_or_markup(text: str):
    question = make_question("single", "kind", text=text)
    question["options"][0]["label"] = text
    document = make_document([question, make_question("multiple", "m")])
    instrument = read_instrument(json.dumps(document))
    content = published(make_report(instrument=instrument, title=text, note=text))
    sheet = read(content)["Table_1"]
    answer = sheet.cell(8, 1)
    assert unescape(answer.value) == text
    assert answer.data_type == "s"
    assert answer.hyperlink is None
    assert not any("<f>" in xml or "<f " in xml for name, xml in parts(content).items() if "worksheets" in name)


def test_equal_reports_give_equal_bytes():
    assert published(make_report()) == published(make_report())


def test_no_person_and_no_moment_is_in_the_properties():
    content = published(make_report())
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
    assert lines(published(report), "Table_1")[7][:5] == (
        "Item",
        "More (%)",
        "Same (%)",
        "Less (%)",
        "More (%) (2)",
    )


# ── what a table can hold ────────────────────────────────────────────────────

RICH = {entry["id"]: entry for entry in RICH_TABLES}
WEIGHTS = {"poststratify": ["region"]}


def one(id: str, banner: list[str] | None = None, **more: Any) -> bytes:
    """The workbook of one of the rich tables, with another banner if given."""
    return published(make_rich_report(RICH[id] | ({"by": banner} if banner else {}), **more))


def table(sheet: str, id: str, **more: Any) -> list[tuple[Any, ...]]:
    """The header and the rows of that table, or of another sheet."""
    return rows_of(one(id, **more), sheet)


def said(sheet: str, id: str, **more: Any) -> list[str]:
    """The sentences above it."""
    content = one(id, **more)
    (marked,) = read(content)[sheet].tables.values()
    top = read(content)[sheet][marked.ref][0][0].row
    return [row[0] for row in lines(content, sheet)[: top - 1]]


def test_limits_stand_in_columns_of_their_own_and_are_explained():
    assert table("Table_1", "1") == [
        ("Answer option", "Number", "Per cent", "Lower", "Upper"),
        ("Up", 12, 19, 13, 28),
        ("About the same", 24, 39, 30, 49),
        ("Down", 26, 42, 32, 51),
        ("Change", 38, 61, 51, 70),
        ("Answered", 62, "[z]", "[z]", "[z]"),
        ("No reply", 3, "[z]", "[z]", "[z]"),
        ("Not asked", 0, "[z]", "[z]", "[z]"),
    ]
    sentence = "Lower and Upper are a 95% confidence interval with finite population correction (of 142)."
    assert sentence in said("Table_1", "1")


def test_the_style_of_2012_has_its_percentages_unchanged_and_limits_beside():
    plain = table("Table_1", "1", style="as-printed-2012")
    assert plain[0] == ("Answer options", "Response (%)", "Lower", "Upper")
    assert [row[1] for row in plain[1:]] == [19, 39, 42, 61]


def test_bounds_are_no_confidence_interval():
    content = published(make_rich_report({"id": "1", "question": "budget", "bounds": True}))
    assert rows_of(content, "Table_1")[1] == ("Up", 12, 19, 8, 65)
    sentences = [row[0] for row in lines(content, "Table_1")]
    assert "Lower and Upper are bounds that assume nothing; they are no confidence interval." in sentences


def test_a_filter_stands_above_the_table():
    sentences = said("Table_12", "12")
    assert "Filter: only answers where “Where does money come from?” includes A fund." in sentences


GIVEN = [
    *[("North", {"budget": "up" if i < 32 else "down"}) for i in range(40)],
    *[("South", {"budget": "up" if i < 10 else "down"}) for i in range(35)],
]
"""Two large groups that differ."""

CROSSED = {"id": "1", "question": "budget", "by": ["region"], "tests": True, "margins": True}


def crossed(**more: Any) -> bytes:
    return published(make_rich_report(CROSSED | more, given=GIVEN))


def rows_of(content: bytes, sheet: str) -> list[tuple[Any, ...]]:
    """The header and the rows of the table on a sheet."""
    found = read(content)[sheet]
    (marked,) = found.tables.values()
    cells = ([cell.value for cell in row] for row in found[marked.ref])
    return [tuple(unescape(value) if isinstance(value, str) else value for value in row) for row in cells]


def test_a_banner_has_bases_first_and_limits_and_letters_beside_each_column():
    header, bases, *rows = rows_of(crossed(), "By_region_1")
    assert header == (
        "Answer option",
        *("All (%)", "All, lower", "All, upper"),
        *("Region: North (A, %)", "North (A), lower", "North (A), upper", "North (A), higher than"),
        *("Region: South (B, %)", "South (B), lower", "South (B), upper", "South (B), higher than"),
    )
    assert bases == ("Base (number)", 75, "[z]", "[z]", 40, "[z]", "[z]", "[z]", 35, "[z]", "[z]", "[z]")
    assert rows[0] == ("Up", 56, 48, 64, 80, 74, 84, "B", 29, 21, 38, "none")
    assert [row[0] for row in rows[3:]] == ["No reply (number)", "Not asked (number)"]


def test_tests_of_the_whole_table_stand_above_it():
    sentences = [row[0] for row in lines(crossed(), "By_region_1")]
    assert "Region: F(1.00, 74.0) = 19.77, p under 0.001 (Rao-Scott test of no association)" in sentences
    assert "Compared at the 95% level, bases of 30 or more, with Holm's correction within each row." in sentences


def test_nested_headings_are_joined_in_one_header_row():
    content = published(make_rich_report(RICH["3"]))
    header = rows_of(content, "By_region_budget_3")[0]
    assert header[:3] == ("Answer option", "All (%)", "Region: North: Up (%)")
    assert len(header) == 2 + 9


def test_a_small_base_is_marked_in_its_heading_and_a_hidden_figure_has_its_mark():
    header, _, up, *_ = table("By_region_2", "2", banner=["region"])
    assert [name for name in header if name.endswith("[u]")] == [
        f"Region: {name} (%) [u]" for name in ("North", "South", "West")
    ]
    assert up == ("Up", 19, 13, 28, 21, 12, 32, *["[c]"] * 6)


def test_hidden_bases_have_the_mark_too():
    header, bases, *_ = table("By_region_7", "7")
    assert header == (
        "Measure",
        "All (GBP)",
        "Region: North (GBP) [u]",
        "Region: South (GBP)",
        "Region: West (GBP)",
    )
    assert bases == ("Base (number)", 52, 25, "[c]", "[c]")


def test_no_test_is_printed_of_a_table_with_hidden_figures():
    assert not [line for line in said("By_region_2", "2", banner=["region"]) if "Rao-Scott" in line]


def test_percentages_of_rows_and_of_the_total_say_so():
    header, _, up, *_ = table("By_region_10", "10")
    assert header[:3] == ("Answer option", "Number", "All (%)")
    assert up[:4] == ("Up", 12, 100, 50)
    assert "Percentages are of each row: of all with that answer (Number), how many are in each column." in said(
        "By_region_10", "10"
    )
    assert "Percentages are of the total: of all in the base of the first column." in said("By_region_11", "11")


def test_a_grid_in_a_banner_says_what_is_counted_and_whose_base_stands_first():
    header, bases, police, _ = table("By_region_5", "5")
    assert header[-2:] == ("Base of all", "No reply of all")
    assert bases[:3] == ("Base of “Police” (number)", 62, 29)
    assert police[-2:] == (62, 3)
    assert "Counted as one: More or same = Up + About the same." in said("By_region_5", "5")


def test_a_grid_on_its_side_has_a_base_for_each_item():
    found = table("Table_14", "14")
    assert found[:3] == [
        ("Answer option", "Police (%)", "Health services (%)"),
        ("Base (number)", 62, 52),
        ("Up", 26, 79),
    ]
    assert found[5][0] == "Mean score (not a percentage)"


def test_amounts_have_their_unit_and_decimals():
    content = published(make_rich_report(RICH["6"]))
    found = rows_of(content, "Table_6")
    assert found[0] == ("Measure", "Value (GBP)", "Lower", "Upper")
    assert found[2] == ("Mean", 3492.8, 3116.1, 3869.4)
    assert found[6] == ("Total", 181625, "[z]", "[z]")
    cells = {row[0].value: row[1].number_format for row in read(content)["Table_6"].iter_rows(min_row=9)}
    assert (cells["Mean"], cells["Total"]) == ("#,##0.0", "#,##0")


def test_shares_and_ranks_have_a_base_for_each_row():
    assert table("Table_8", "8")[0] == ("Item", "Mean", "Lower", "Upper", "Base", "No reply")
    assert table("Table_9", "9")[1] == ("A fund", 62, 100, 1.38, 55, 10)


def test_themes_have_definitions_and_examples():
    found = table("Table_16", "16")
    assert found[0] == ("Theme", "Number", "Per cent", "Definition", "Example")
    assert found[1:3] == [
        ("Resources", 29, 73, "Money or people.", "[z]"),
        ("Money", 21, 53, "What there is to spend.", "[z]"),
    ]
    assert found[5] == ("Wrote something", 40, "[z]", "[z]", "[z]")
    sentences = said("Table_16", "16")
    assert "Base: 40 teams that wrote something; 25 wrote nothing." in sentences
    assert "Question: What else weighs on you?" in sentences
    assert sentences[-1].endswith("questionnaire tiny@1, codeframe issues@1.")
    assert "Respondents could give more than one theme, so percentages can add to more than 100." in sentences


def test_other_bases_are_named():
    assert "Base: all 142 teams of the frame, whether they answered or not." in said("Table_18", "18")
    assert "Base: 93 answers given; each of the teams could give several; 3 gave no reply." in said(
        "Table_17", "17"
    )
    assert "Base: 65 teams that were asked the question; 13 gave no reply." in said("Table_15", "15")


def test_a_trend_has_a_base_a_wave_and_the_change_in_points():
    found = rows_of(published(make_rich_report({"id": "2", "question": "budget", "waves": ["tiny-0"]})), "Trend_2")
    assert [name for name in found[0] if not name.endswith(("lower", "upper"))] == [
        "Answer option",
        "Wave: tiny-0 (%)",
        "Wave: tiny-1 (%)",
        "Change: tiny-0 to tiny-1, points",
    ]
    assert found[1] == ("Base (number)", 32, "[z]", "[z]", 62, *["[z]"] * 5)
    assert found[3] == ("About the same", 41, 26, 57, 39, 30, 49, -2, -21, 16)


def test_a_break_in_a_trend_has_its_mark_and_a_reason_among_the_notes():
    report = make_rich_report({"id": "2", "question": "budget", "waves": ["tiny-0"]})
    (protected,) = report.tables
    rows = tuple(
        replace(row, cells=(*row.cells[:2], replace(row.cells[2], value=None, low=None, high=None, mark="[b]")))
        for row in protected.table.rows
    )
    broken = copy(protected)
    object.__setattr__(broken, "table", replace(protected.table, rows=rows, notes=("The series breaks.",)))
    content = published(replace(report, tables=(broken,)))
    assert rows_of(content, "Trend_2")[2][-1] == "[b]"
    assert ("[note 1]", "The series breaks.") in rows_of(content, "Notes")
    assert ("[b]", "break: not comparable with what stands before it") in rows_of(content, "Notes")


def test_a_table_of_which_no_row_is_left_says_so():
    entry = {"id": "1", "question": "kind", "at_least": 90}
    for style in ("default", "as-printed-2012"):
        first = rows_of(published(make_report(entry, style=style)), "Table_1")[1]
        assert first[0] == "No row of this table is large enough"
        assert set(first[1:]) == {"[z]"}


def test_a_survey_of_persons_says_how_its_numbers_are_rounded():
    document = make_document([make_question("single", "kind")], disclosure={"policy": "persons"})
    instrument = read_instrument(json.dumps(document))
    cover = [row[0] for row in lines(published(make_report(instrument=instrument)), "Cover")]
    assert "Numbers from 1 to 7 are not printed." in cover
    assert "Other numbers are rounded to the nearest 5; percentages are of these." in cover


def test_weighted_tables_have_both_bases():
    found = table("By_region_10", "10", weights=WEIGHTS)
    assert [row[:3] for row in found[1:3]] == [
        ("Unweighted base (number)", "[z]", 62),
        ("Weighted base (number)", "[z]", 62),
    ]
    assert table("Table_1", "1", weights=WEIGHTS)[0][1] == "Number (unweighted)"
    assert "Weighted: post-stratified to the frame by region. The base is given unweighted too." in said(
        "Table_1", "1", weights=WEIGHTS
    )


@pytest.mark.parametrize("entry", RICH_TABLES, ids=lambda entry: entry["id"])
def test_whatever_a_table_holds_it_follows_the_guidance(entry: dict[str, Any]):
    assert published(make_rich_report(entry, weights=WEIGHTS))


@pytest.mark.parametrize("weights", [None, {"stratify": ["region"]}, {"rake": ["region"]}])
def test_all_tables_together_follow_it_too(weights: dict[str, Any] | None):
    assert published(make_rich_report(weights=weights))


CENSUS = (
    "All 142 teams of the frame were to be invited: this is a census, not a sample. "
    "What may be wrong with the figures comes from silence."
)


def test_the_cover_says_that_this_is_a_census_and_how_figures_are_made():
    cover = [row[0] for row in lines(published(make_rich_report(RICH["1"])), "Cover")]
    assert cover[-6:] == [
        "Percentages are rounded once, half up, from the counts. They may not add to 100; none is adjusted.",
        "Nothing is printed on fewer than 10 answers.",
        CENSUS,
        "Lower and upper limits are 95% confidence intervals with finite population correction (of 142).",
        "Limits treat those who answered as a random part of all: they allow for no silence with a reason.",
        "The figures are not weighted.",
    ]


def test_weights_that_would_tell_how_few_answered_are_not_printed():
    given = [(place, {"budget": "up"}) for place in ["North"] * 40 + ["South"] * 30 + ["West"] * 6]
    content = published(make_rich_report(RICH["1"], given=given, weights=WEIGHTS))
    text = "\n".join(str(row[0]) for row in lines(content, "Response"))
    assert "The smallest and the largest weight are not printed" in text
    assert "design effect" not in text


def test_weights_are_named_with_what_they_cost():
    sentences = said("Response", "1", weights=WEIGHTS)
    assert sentences[-3:-1] == [
        "Weighted: post-stratified to the frame by region.",
        "Weights run from 0.76 to 1.66, where 1 is the average.",
    ]
    cost = "The design effect of weighting is 1.10: 65 answers tell as much as 59 of equal weight"
    assert sentences[-1] == f"{cost} (the effective number)."
    assert [row[-1] for row in table("Response", "1", weights=WEIGHTS)] == ["Weight", 0.76, 0.99, 1.66, "[z]"]
