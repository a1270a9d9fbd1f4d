"""The printed appendix of 2012, cell by cell, from the workbook that the demonstration writes."""

import json
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from surveyapp.config import Home, read_file
from surveyapp.storage.database import connect

PRINTED = json.loads(
    (Path(__file__).parents[2] / "surveyapp/demonstration/figures/dat-2012.json").read_text(encoding="utf-8")
)
IMPOSSIBLE = {("changes_observed", "", "drugs_down"): 13, ("decision_making", "involvement", "little"): 30}
"""The two cells that no count can give, and what stands there instead, as their notes say."""


def printed_cells() -> list[tuple[int, str, int, int, Any]]:
    """Table, name, row and column in the table, and the figure that the report printed."""
    cells = []
    for number, table in enumerate(PRINTED["tables"], 1):
        if table["kind"] == "grid":
            for i, row in enumerate(table["rows"]):
                for j, percent in enumerate(row["published"]):
                    key = (table["id"], row["code"], table["scale"][j]["code"])
                    cells.append((number, "/".join(key), i, j + 1, IMPOSSIBLE.get(key, percent)))
        else:
            for i, option in enumerate(table["options"]):
                key = (table["id"], "", option["code"])
                cells.append((number, "/".join(key), i, 1, IMPOSSIBLE.get(key, option["published"])))
    return cells


@pytest.fixture(scope="session")
def sheets(built: Path) -> dict[str, list[tuple[Any, ...]]]:
    """The rows of each marked-up table of the workbook, without its header."""
    book = openpyxl.load_workbook(built / "dat-2012-appendix.xlsx")
    tables = {sheet.title: (sheet, next(iter(sheet.tables.values()))) for sheet in book if sheet.tables}
    return {
        name: [tuple(cell.value for cell in row) for row in sheet[table.ref]][1:]
        for name, (sheet, table) in tables.items()
    }


def test_the_report_printed_197_cells():
    assert len(printed_cells()) == 197


@pytest.mark.parametrize(("number", "name", "row", "column", "percent"), printed_cells())
def test_every_printed_cell_is_reproduced(
    sheets: dict, number: int, name: str, row: int, column: int, percent: int
):
    assert sheets[f"Table_{number}"][row][column] == percent


def test_no_row_is_added_to_a_printed_table(sheets: dict):
    sizes = [len(table.get("options") or table["rows"]) for table in PRINTED["tables"]]
    assert (
        [len(sheets[f"Table_{number}"]) for number in range(1, 13)]
        == sizes
        == [4, 2, 11, 7, 7, 16, 16, 13, 3, 3, 2, 3]
    )


def test_every_grid_row_has_its_own_base(sheets: dict):
    for number, table in enumerate(PRINTED["tables"], 1):
        if table["kind"] == "grid":
            assert [row[-2] for row in sheets[f"Table_{number}"]] == [row["base"] for row in table["rows"]]
            assert [row[-1] for row in sheets[f"Table_{number}"]] == [65 - row["base"] for row in table["rows"]]


def test_table_3_is_sorted_by_percentage(sheets: dict):
    assert [percent for _, percent, *_ in sheets["Report_3"]] == [48, 20, 19, 19, 14, 9, 5]


def test_table_5_is_the_net_sorted_and_cut_at_30(sheets: dict):
    assert [(label[:14], percent) for label, percent, *_ in sheets["Report_5"]] == [
        ("Clinical commi", 80),
        ("Local communit", 57),
        ("Families of se", 53),
        ("Councillors", 52),
        ("Service users,", 52),
        ("Housing servic", 50),
        ("Primary care t", 49),
        ("Work Programme", 48),
        ("National Commi", 45),
        ("Mental health ", 45),
        ("Prisons and pr", 31),
        ("Supporting Peo", 30),
    ]


def test_table_7_is_the_local_part_of_table_5(sheets: dict):
    assert [(label[:14], percent) for label, percent, *_ in sheets["Report_7"]] == [
        ("Local communit", 57),
        ("Families of se", 53),
        ("Councillors", 52),
        ("Service users,", 52),
    ]


@pytest.mark.parametrize(
    ("sheet", "percent"), [("Text_1", 45), ("Text_2", 65), ("Text_3", 63), ("Text_4", 69), ("Text_5", 47)]
)
def test_the_figures_quoted_in_the_text_are_reproduced(sheets: dict, sheet: str, percent: int):
    """The last was printed in words, around half; the others are 45, 65, 63 and 69."""
    assert [row[1] for row in sheets[sheet]] == [percent]


def test_the_cover_says_that_this_is_a_reconstruction_and_how_it_came_out(built: Path):
    cover = openpyxl.load_workbook(built / "dat-2012-appendix.xlsx")["Cover"]
    text = "\n".join(str(row[0]) for row in cover.iter_rows(values_only=True))
    assert "RECONSTRUCTION, NOT DATA." in text
    assert "65 of 142 invited teams sent answers: 61 complete" in text
    assert ", 4 partial (50% to under 80%)." in text
    assert "Response rate: 43% with complete answers (AAPOR RR1), 46% with partial ones too (RR2)." in text


def test_every_output_of_the_wave_carries_the_note(built: Path):
    from surveyapp import reporting

    db = connect(Home(built).database)
    content = json.loads(reporting.file_of(reporting.report(db, "dat-2012", None), ".json"))
    db.close()
    assert content["note"].startswith("RECONSTRUCTION, NOT DATA.")
    assert [table["question"] for table in content["tables"]] == [table["id"] for table in PRINTED["tables"]]


def test_the_figures_file_holds_the_printed_counts_at_full_precision(built: Path):
    from surveyapp import reporting

    db = connect(Home(built).database)
    tables = json.loads(reporting.file_of(reporting.report(db, "dat-2012", None), ".json"))["tables"]
    db.close()
    for table, printed in zip(tables, PRINTED["tables"], strict=True):
        if printed["kind"] == "grid":
            wanted = [(row["base"], row["counts"]) for row in printed["rows"]]
        else:
            wanted = [(printed["base"], [option["count"]]) for option in printed["options"]]
        assert [(row["base"], [cell["count"] for cell in row["cells"]]) for row in table["rows"]] == wanted
    assert tables[0]["rows"][0]["cells"][0]["percent"] == 100 * 6 / 65


def test_the_private_copy_of_the_figures_is_whole():
    """The project needs no other file: counts, bases and printed percentages are all its own."""
    assert (
        sum(
            len(t.get("options") or []) + sum(len(r["counts"]) for r in t.get("rows") or [])
            for t in PRINTED["tables"]
        )
        == 197
    )
    assert PRINTED["fieldwork"] == {
        "issued": 142,
        "completed": 61,
        "response_rate_percent": 43,
        "largest_base": 65,
    }


def test_the_plan_in_the_repository_is_the_one_that_was_used():
    plan = json.loads(read_file(Path(__file__).parents[2] / "exports/dat-2012-appendix.json"))
    assert [entry["question"] for entry in plan["tables"][:12]] == [table["id"] for table in PRINTED["tables"]]
