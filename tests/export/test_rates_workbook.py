"""The workbook of rates, read back by openpyxl and as raw XML."""

import io
import zipfile
from dataclasses import replace
from typing import Any

import openpyxl

from surveyapp.export.rates import rates_workbook
from surveyapp.rates import Fieldwork, Standing, compile_rates
from tests.export.guidance import faults, faults_for_work

NORTH = Standing({"region": "North", "police_force": "=A"}, invited=True)
SOUTH = Standing({"region": "South", "police_force": "=A"}, invited=True)
DAYS = ["2012-01-10"] * 6 + ["2012-01-12"] * 8


def make_rates(by: tuple[str, ...] = ("region",), **more: Any) -> Fieldwork:
    """12 of 20 in the North, 2 of 20 in the South."""
    done = [replace(unit, done=True, done_on=d) for unit, d in zip([NORTH] * 12 + [SOUTH] * 2, DAYS, strict=True)]
    frame = [*done, *([NORTH] * 8), *([SOUTH] * 18)]
    given = {"wave": "tiny-1", "state": "open", "opened_on": "2012-01-09", "today": "2012-01-20", "minimum": 5}
    return compile_rates(frame, by, **{**given, "sent": None, **more})  # type: ignore[arg-type]


def written(found: Fieldwork) -> bytes:
    """The workbook, after it has passed what the checklist asks of one to work with: its chart is allowed."""
    content = rates_workbook(found)
    assert faults_for_work(content) == []
    return content


def sheet(content: bytes, name: str) -> list[tuple[Any, ...]]:
    """The rows of a sheet without its empty cells at the end."""
    rows = openpyxl.load_workbook(io.BytesIO(content))[name].iter_rows(values_only=True)
    return [row[: max((i for i, cell in enumerate(row, 1) if cell is not None), default=0)] for row in rows]


def parts(content: bytes) -> dict[str, str]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}


def test_the_sheets_and_what_the_contents_say_of_them():
    content = written(make_rates(("region", "police_force")))
    strata = ["By_region", "By_police_force"]
    names = ["Cover", "Contents", "Notes", *strata, "By_day", "Representativity", "Definitions"]
    assert openpyxl.load_workbook(io.BytesIO(content)).sheetnames == names
    assert [row[0] for row in sheet(content, "Contents")[3:]] == [name for name in names if name != "Contents"]


def test_strata_are_printed_with_ranges_that_the_total_does_not_undo():
    rows = sheet(written(make_rates()), "By_region")[3:]
    assert rows == [
        (
            "Region", "In the frame", "Sampled", "Issued", "Invited", "Part done", "Completed", "Refused",
            "Undeliverable", "Out of scope", "Eligible", "Completed of issued (%)",
        ),
        ("North", 20, 20, 20, 20, 0, "5 to 20", 0, 0, 0, 20, "[c]"),
        ("South", 20, 20, 20, 20, 0, "1 to 4", 0, 0, 0, 20, "[c]"),
        ("All", 40, 40, 40, 40, 0, 14, 0, 0, 0, 40, 35),
    ]  # fmt: skip


def test_the_numbers_of_the_chart_stand_beside_it():
    content = written(make_rates())
    assert sheet(content, "By_day")[3:] == [
        ("From", "To", "Completed", "Cumulative", "Cumulative of issued (%)"),
        ("9 January 2012", "10 January 2012", 6, 6, 15),
        ("11 January 2012", "12 January 2012", 8, 14, 35),
    ]
    chart = parts(content)["xl/charts/chart1.xml"]
    assert "<lineChart>" in chart
    assert "'By_day'!$D$5:$D$6" in chart
    assert "'By_day'!$B$5:$B$6" in chart


def test_the_chart_has_words_for_those_who_cannot_see_it():
    assert 'name="Chart 1" descr="Completed answers, cumulative' in "".join(
        text for name, text in parts(written(make_rates())).items() if name.startswith("xl/drawings/drawing")
    )


def test_a_closed_wave_has_no_days_no_drafts_and_no_chart():
    content = written(make_rates(state="closed"))
    erased = "The days of answering were erased when the wave closed; only totals are kept."
    assert (erased,) in sheet(content, "Cover")
    assert "By_day" not in openpyxl.load_workbook(io.BytesIO(content)).sheetnames
    assert sheet(content, "By_region")[-1][5] == "[x]"
    assert faults(content) == []
    assert not [name for name in parts(content) if "chart" in name]


def test_a_few_completions_are_a_range_and_draw_no_chart():
    content = written(make_rates(minimum=15))
    assert sheet(content, "By_day")[-1][2:] == ("1 to 14", "1 to 14", "[c]")
    assert not [name for name in parts(content) if "chart" in name]


def test_the_marks_that_are_used_are_explained_on_the_sheet_of_notes():
    assert sheet(written(make_rates()), "Notes")[2:] == [
        ("Mark", "Meaning"),
        ("[c]", "confidential: the figure would give a small number back"),
    ]
    assert [row[0] for row in sheet(written(make_rates(state="closed")), "Notes")[3:]] == ["[c]", "[x]"]


def test_a_wave_that_nobody_has_answered_says_so():
    frame = [NORTH] * 20
    found = compile_rates(
        frame,
        ("region",),
        wave="tiny-1",
        state="open",
        opened_on="2012-01-09",
        today="2012-01-20",
        minimum=5,
        sent=None,
    )
    content = written(found)
    assert ("Nobody has sent answers yet.",) in sheet(content, "Cover")
    assert "By_day" not in [row[0] for row in sheet(content, "Contents")]


def test_each_rate_is_explained_with_its_source():
    meaning = {row[0]: row[1] for row in sheet(written(make_rates()), "Definitions")[3:]}
    assert "I / (I + P + R + NC + O + U)" in meaning["RR1"]
    assert "Standard Definitions" in meaning["Source"]
    assert meaning["Opened"] == "Deliberately not recorded: entering with a code writes nothing."


def test_the_cover_says_whether_rates_are_known():
    waiting = sheet(written(make_rates()), "Cover")
    released = sheet(written(make_rates(sent={"complete": 12, "partial": 1, "breakoff": 1})), "Cover")
    needed = "they need all answers released, and 5 of them"
    assert (f"Response rates RR1 and RR2: not available yet; {needed}.",) in waiting
    assert ("Response rates of AAPOR: RR1 30%, RR2 33%. Definitions says how they are made.",) in released


def test_an_indicator_that_gives_a_small_number_back_is_confidential():
    assert sheet(written(make_rates()), "Representativity")[-2:] == [
        ("R-indicator", "[c]"),
        ("Partial indicator of region", "[c]"),
    ]


def test_a_stratum_named_like_a_formula_is_text():
    content = written(make_rates(("police_force",)))
    assert sheet(content, "By_police_force")[4][0] == "=A"
    assert not [name for name, text in parts(content).items() if "worksheets" in name and "<f>" in text]


def test_equal_rates_give_equal_bytes():
    assert written(make_rates()) == written(make_rates())
