"""The analyst's workbook: the published sheets, and what is there to work with."""

import io
import json
import re
import zipfile
from dataclasses import replace

import pandas as pd

from surveyapp.analysis.report import Report
from surveyapp.export.checks import checks, of_table
from surveyapp.export.workbook import workbook
from surveyapp.instrument import read_instrument
from tests.export.guidance import faults, faults_for_work
from tests.export.makers import RICH_TABLES, make_report, make_rich_report
from tests.export.test_workbook import CROSSED, GIVEN, HOSTILE, RICH, WEIGHTS, lines, parts, read, rows_of
from tests.makers import make_document, make_question


def analyst(report: Report) -> bytes:
    """The workbook, after it has passed what the checklist asks of one to work with."""
    content = workbook(report, edition="analyst")
    assert faults_for_work(content) == []
    return content


def tidy(content: bytes, sheet: str = "Figures") -> pd.DataFrame:
    """The table of a sheet as pandas reads it."""
    top = next(iter(read(content)[sheet].tables.values())).ref
    header = int(re.sub(r"\D", "", top.split(":")[0])) - 1
    return pd.read_excel(
        io.BytesIO(content), engine="calamine", sheet_name=sheet, header=header, dtype={"Table": str}
    )


def test_it_has_the_published_sheets_and_more_after_them():
    assert read(analyst(make_rich_report(RICH["1"], weights=WEIGHTS))).sheetnames == [
        *("Cover", "Contents", "Notes", "Response", "Table_1", "Codebook"),
        *("Weights", "Checks", "Figures", "Paths"),
    ]


def test_the_cover_says_that_it_is_not_for_publication():
    cover = [row[0] for row in lines(analyst(make_report()), "Cover")]
    assert "Edition for analysts, not for publication. What is hidden is hidden here too." in cover


def test_tables_can_be_filtered_and_keep_their_header_in_sight():
    sheet = read(analyst(make_report()))["Table_1"]
    assert sheet.freeze_panes == "B8"
    assert sheet.tables["t_table_1"].autoFilter.ref == "A7:D12"


def test_codes_stand_beside_labels():
    assert rows_of(analyst(make_report()), "Table_1")[:3] == [
        ("Answer option", "Code", "Number", "Per cent"),
        ("Yes", "yes", 8, 67),
        ("No", "no", 4, 33),
    ]


def test_a_one_way_table_has_a_chart_with_words_for_those_who_cannot_see_it():
    content = analyst(make_rich_report(RICH["1"], RICH["4"]))
    book = read(content)
    assert [len(book[name]._charts) for name in ("Table_1", "Table_4")] == [1, 0]
    drawing = parts(content)["xl/drawings/drawing1.xml"]
    assert 'descr="Bars: the percentages of Table 1: What happened to the budget?.' in drawing
    xml = parts(content)["xl/charts/chart1.xml"]
    assert "'Table_1'!$D$10:$D$13" in xml
    assert "'Table_1'!$A$10:$A$13" in xml


def test_the_published_workbook_has_none():
    assert not [
        name for name in zipfile.ZipFile(io.BytesIO(workbook(make_report()))).namelist() if "chart" in name
    ]


def test_figures_are_unrounded_and_tidy():
    found = tidy(analyst(make_rich_report(RICH["1"])))
    first = found.iloc[0]
    assert (first["Table"], first["Variable"], first["Row code"], first["Column code"]) == (
        "1",
        "budget",
        "up",
        "percent",
    )
    assert (first["Count"], first["Base"]) == (12, 62)
    assert first["Per cent"] == 100 * 12 / 62
    assert first["Lower"] < first["Per cent"] < first["Upper"]
    assert len(found) == 4


def test_columns_of_a_banner_are_told_apart():
    found = tidy(analyst(make_rich_report(CROSSED, given=GIVEN)))
    up = found[found["Row code"] == "up"].set_index("Column code")
    assert up["Base"].to_dict() == {"percent": 75, "North": 40, "South": 35}
    assert up["Letters"].dropna().to_dict() == {"North": "B"}
    assert up.loc["North", "Column"] == "Region / North"


def test_what_is_hidden_is_hidden_here_too():
    report = make_rich_report(RICH["7"], RICH["20"])
    content = analyst(report)
    hidden = tidy(content)[lambda found: found["Mark"].fillna("").str.contains(r"\[c\]", regex=True)]
    assert len(hidden) > 10
    figures = ["Count", "Per cent", "Value", "Standard error", "Lower", "Upper"]
    assert hidden[figures].isna().all().all()


def test_each_figure_says_where_it_comes_from_and_what_hid_it():
    content = analyst(make_rich_report(RICH["1"], RICH["2"] | {"by": ["region"]}))
    paths = rows_of(content, "Paths")
    assert read(content)["Paths"].sheet_state == "hidden"
    assert paths[0][:4] == ("Sheet", "Cell", "Row code", "Column code")
    by_cell = {(row[0], row[1]): row for row in paths[1:]}
    assert by_cell["Table_1", "D10"][2:8] == ("up", "percent", "/tables/0", "budget", "tiny@1", "a" * 64)
    assert read(content)["Table_1"]["D10"].value == 19
    why = {row[-1] for row in paths[1:] if read(content)[row[0]][row[1]].value == "[c]"}
    assert why == {
        "This figure stands for fewer than 3 answers.",
        "With this figure, another one that is hidden could be worked out.",
    }


def test_every_path_leads_to_the_figure_of_its_cell():
    content = analyst(make_rich_report(*RICH_TABLES))
    book = read(content)
    figures = tidy(content)
    shown = {(row["Table"], row["Row code"], row["Column code"]): row for _, row in figures.iterrows()}
    ids = {f"/tables/{i}": entry["id"] for i, entry in enumerate(RICH_TABLES)}
    for sheet, cell, row, column, entry, *_ in rows_of(content, "Paths")[1:]:
        printed, figure = book[sheet][cell].value, shown[ids[entry], row, column]
        if isinstance(printed, int | float):
            full = figure["Per cent"] if pd.isna(figure["Value"]) else figure["Value"]
            assert abs(printed - full) <= 0.5 + 1e-9


def test_groups_have_their_weights_but_for_small_ones():
    assert rows_of(analyst(make_rich_report(RICH["1"], weights=WEIGHTS)), "Weights") == [
        ("Group", "In the frame", "Answers", "Weight"),
        ("North", 50, 30, 0.7629107981220657),
        ("South", 52, 24, 0.9917840375586853),
        ("West", 40, 11, 1.664532650448143),
    ]
    given = [(place, {"budget": "up"}) for place in ["North"] * 40 + ["South"] * 30 + ["West"] * 6]
    small = rows_of(analyst(make_rich_report(RICH["1"], given=given, weights=WEIGHTS)), "Weights")
    assert small[3] == ("West", 40, "1 to 9", "[c]")
    assert "[c]" in {row[3] for row in small[1:3]}


# ── checks ───────────────────────────────────────────────────────────────────


def test_every_check_on_every_kind_of_table_holds():
    for weights in (None, WEIGHTS):
        found = checks(make_rich_report(*RICH_TABLES, weights=weights))
        assert [check for check in found if check.where] == []
        assert len(found) > 60


def test_checks_say_what_was_checked():
    found = rows_of(analyst(make_rich_report(RICH["1"])), "Checks")
    assert {row[1] for row in found[1:]} == {
        "Limits enclose the figure",
        "No count is larger than its base",
        "Percentages are those of the counts",
        "Counts add up to the base",
        "Nets are at most the sum of their parts, and at least the largest",
        "Unrounded percentages add up to 100",
        "Answered, no reply and not asked are all responses",
    }
    assert {row[2] for row in found[1:]} == {"holds"}


def test_a_wrong_figure_is_found():
    report = make_rich_report(RICH["1"])
    good = report.tables[0].table
    cell = replace(good.rows[0].cells[0], count=30, shown=18)
    bad = replace(good, rows=(replace(good.rows[0], cells=(cell,)), *good.rows[1:]))
    wrong = {check.what for check in of_table(bad, report) if check.where}
    assert wrong == {
        "Percentages are those of the counts",
        "Counts add up to the base",
    }


# ── the file ─────────────────────────────────────────────────────────────────


def test_equal_reports_give_equal_bytes():
    reports = [make_rich_report(RICH["1"], RICH["2"], weights=WEIGHTS) for _ in range(2)]
    assert analyst(reports[0]) == analyst(reports[1])


def test_hostile_labels_are_text_on_every_sheet():
    content = analyst(_hostile())
    assert not any("<f>" in xml or "<f " in xml for name, xml in parts(content).items() if "worksheets" in name)
    for sheet, column in (("Table_1", 0), ("Figures", 3), ("Codebook", 4)):
        labels = {row[column] for row in rows_of(content, sheet)}
        wanted = {" ".join(text.split()) for text in HOSTILE} if sheet == "Codebook" else set(HOSTILE)
        assert wanted <= labels
    assert faults(workbook(_hostile())) == []
    shown = {"sheet_name": "Table_1", "header": 6, "keep_default_na": False, "engine": "calamine"}
    frame = pd.read_excel(io.BytesIO(content), **shown)
    assert frame["Answer option"].tolist()[2:20] == HOSTILE
    header = rows_of(content, "Table_3")[0]
    assert [name.removesuffix(" (%)") for name in header[5:12]] == HOSTILE[:7]


def _hostile() -> Report:
    """The strings as options, as columns of a banner and as points of a scale."""
    hostile = [{"code": f"c{i}", "label": text} for i, text in enumerate(HOSTILE)]
    kind = make_question("single", "kind")
    kind["options"] += hostile
    grid = make_question("grid", "partners")
    grid["scale"] += hostile[:7]
    document = make_document([kind, make_question("multiple", "m"), grid])
    tables = [
        {"id": "1", "question": "kind"},
        {"id": "2", "question": "m", "by": ["kind"]},
        {"id": "3", "question": "partners"},
    ]
    return make_report(*tables, instrument=read_instrument(json.dumps(document)))
