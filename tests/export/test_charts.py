"""Charts: what is drawn for which table, their words, and their bytes."""

import io
import json
import warnings
import zipfile
from collections.abc import Callable
from xml.etree import ElementTree

import pytest
from docx import Document
from docx.enum.section import WD_ORIENT

from surveyapp.analysis.report import Report
from surveyapp.export.appendix import appendix
from surveyapp.export.charts import Chart, chart, charts, described, left_out, pictures
from surveyapp.instrument import read_instrument
from surveyapp.reporting import without_chart
from tests.export.makers import RICH_TABLES, make_report, make_rich_report
from tests.export.test_appendix_word import _hostile
from tests.export.test_workbook import HOSTILE, RICH
from tests.makers import make_document, make_question

SVG = "{http://www.w3.org/2000/svg}"


def drawn(*tables: dict[str, object], ending: str = "svg", **more: object) -> Chart | None:
    report = make_rich_report(*tables, **more)
    return chart(report.tables[0].table, report, ending)


def parsed(found: Chart | None) -> ElementTree.Element:
    assert found is not None
    return ElementTree.fromstring(found.content)


def words(*tables: dict[str, object], **more: object) -> str:
    report = make_rich_report(*tables, **more)
    return described(report.tables[0].table, report)


def test_a_chart_says_its_title_and_its_figures_to_those_who_do_not_see_it():
    report = make_report({"id": "1", "question": "kind", "title": "Kinds"})
    root = parsed(chart(report.tables[0].table, report, "svg"))
    assert root.get("role") == "img"
    assert (root[0].tag, root[0].text) == (f"{SVG}title", "Table 1: Kinds")
    assert root.find(f"{SVG}desc").text == (
        "Table 1: Kinds. Base: 12 teams that answered the question. Yes: 67%. No: 33%."
    )


def test_limits_are_in_the_words():
    said = words({"id": "1", "question": "budget", "margins": True})
    assert "Up: " in said
    assert "% (" in said
    assert " to " in said


@pytest.mark.parametrize("table", RICH_TABLES, ids=lambda table: table["id"])
def test_every_kind_of_table_is_drawn_or_left_to_its_figures(table: dict[str, object]):
    left = {"6", "7"}  # amounts
    found = drawn(table)
    assert (found is None) == (table["id"] in left)
    if found is not None:
        assert parsed(found).tag == f"{SVG}svg"


def test_a_trend_is_drawn_and_says_both_waves():
    found = drawn({"id": "1", "question": "budget", "waves": ["tiny-0"]})
    assert parsed(found)
    assert found is not None
    assert "tiny-0 " in found.words


SCORED = {"id": "1", "question": "work", "by": ["region"], "score": {"up": 1, "same": 0, "down": -1}}
BELOW = [("North", {"work.police": "down"})] * 12 + [("South", {"work.police": "down"})] * 12


def test_a_score_below_nought_has_no_chart():
    assert drawn(SCORED, given=BELOW) is None


def many_rows(rows: int) -> Report:
    """A grid of so many rows, answered by 30."""
    question = make_question("grid", "q", rows=[{"code": f"r{i}", "label": f"Item {i}"} for i in range(rows)])
    instrument = read_instrument(json.dumps(make_document([question, make_question(id="kind")])))
    answers = [{f"q.r{i}": "more" for i in range(rows)} | {"kind": "yes"}] * 30
    return make_report({"id": "1", "question": "q"}, instrument=instrument, given=answers)


@pytest.mark.parametrize(
    ("report", "reason"),
    [
        (lambda: make_rich_report(RICH["6"]), "means, quartiles and totals have no scale in common"),
        (lambda: make_rich_report(SCORED, given=BELOW), "a figure is below nought, and bars begin at nought"),
        (lambda: many_rows(61), "it has 61 rows, and more than 60 could not be read"),
    ],
)
def test_a_table_without_a_chart_says_why_wherever_charts_are_asked_for(report: Callable[[], Report], reason: str):
    compiled = report()
    (said,) = left_out(compiled)
    assert said.endswith(f"has no chart: {reason}")
    assert without_chart(compiled) == [f"{said}."]  # what the command prints
    paper = Document(io.BytesIO(appendix(compiled, with_charts=True)))
    assert f"This table has no chart: {reason}." in [p.text for p in paper.paragraphs]
    with zipfile.ZipFile(io.BytesIO(charts(compiled))) as archive:
        assert f"no chart: {reason}." in archive.read("charts.txt").decode()


def test_a_chart_higher_than_a_page_is_divided_evenly_with_its_figures():
    report = many_rows(60)
    (whole,) = pictures(report.tables[0].table, report, "svg")
    parts = pictures(report.tables[0].table, report, "svg", 9.3)
    titles = [title.text for title in (parsed(part).find(f"{SVG}title") for part in parts) if title is not None]
    assert titles == [
        "Table 1: What about q? (1 of 3)",
        "Table 1: What about q? (2 of 3)",
        "Table 1: What about q? (3 of 3)",
    ]
    assert all(inches(part) <= 9.3 for part in parts)
    assert inches(whole) > 18
    assert [part.words.count("Item ") for part in parts] == [20, 20, 20]


def test_a_chart_that_is_too_high_for_the_landscape_page_of_its_table_stands_on_an_upright_one():
    points = [{"code": f"p{i}", "label": f"A long name of point {i} of the scale"} for i in range(9)]
    rows = [{"code": f"r{i}", "label": f"Item {i}"} for i in range(18)]
    question = make_question("grid", "q", rows=rows, scale=points)
    instrument = read_instrument(json.dumps(make_document([question, make_question(id="kind")])))
    given = [{f"q.r{i}": f"p{i % 9}" for i in range(18)}] * 30
    report = make_report({"id": "1", "question": "q", "margins": True}, instrument=instrument, given=given)
    paper = Document(io.BytesIO(appendix(report, with_charts=True)))
    sides = [section.orientation for section in paper.sections]
    assert sides == [WD_ORIENT.PORTRAIT, WD_ORIENT.LANDSCAPE, WD_ORIENT.PORTRAIT]
    assert paper.inline_shapes[0].height.cm > 16


def inches(found: Chart) -> float:
    return float(str(parsed(found).get("height")).removesuffix("pt")) / 72


def test_every_picture_of_the_word_file_fits_its_page():
    paper = Document(io.BytesIO(appendix(many_rows(60), with_charts=True)))
    assert len(paper.inline_shapes) == 3
    assert all(shape.height.cm < 25.7 and shape.width.cm <= 17.02 for shape in paper.inline_shapes)


def bars(up: int, same: int) -> list[str | None]:
    """The outlines of the bars where so many say each."""
    given = [("North", {"budget": "up"})] * up + [("North", {"budget": "same"})] * same
    root = parsed(drawn({"id": "1", "question": "budget"}, given=given))
    groups = [group for group in root.iter(f"{SVG}g") if group.get("id", "").startswith("patch_")]
    return [path.get("d") for group in groups for path in group.iter(f"{SVG}path")]


def test_bars_are_as_long_as_what_is_printed_and_tell_nothing_finer():
    assert bars(134, 66) == bars(667, 333)
    assert bars(134, 66) != bars(134, 60)


def test_hidden_figures_are_marks_in_the_words_and_no_number():
    given = [("North", {"budget": "up" if i % 2 else "same"}) for i in range(30)] + [
        ("West", {"budget": "up"})
    ] * 4
    said = words({"id": "1", "question": "budget", "by": ["region"]}, given=given)
    assert "West [c]" in said
    assert "West 100%" not in said


def test_a_wholly_hidden_table_is_drawn_as_marks():
    found = drawn({"id": "1", "question": "work"}, given=[("North", {"work.police": "up"})] * 4)
    assert found is None or "[c]" in found.words


def test_the_same_table_gives_the_same_bytes_and_no_date():
    table = {"id": "1", "question": "work"}
    for ending in ("svg", "png"):
        first, second = drawn(table, ending=ending), drawn(table, ending=ending)
        assert first is not None
        assert second is not None
        assert first.content == second.content
        assert b"date" not in first.content[:2000]


@pytest.mark.parametrize("text", [*HOSTILE, "$x^2$ $\\frac", "中文 שלום"])
def test_a_hostile_label_is_drawn_as_text(text: str):
    report = make_report({"id": "1", "question": "kind", "title": text}, instrument=_hostile(text))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        root = parsed(chart(report.tables[0].table, report, "svg"))
    assert not list(root.iter(f"{SVG}script"))
    assert not list(root.iter(f"{SVG}a"))


def test_the_zip_has_both_forms_of_each_chart_and_the_words():
    report = make_rich_report({"id": "1", "question": "budget"}, {"id": "6", "question": "spend"})
    told: list[str] = []
    with zipfile.ZipFile(io.BytesIO(charts(report, told.append))) as archive:
        assert archive.namelist() == ["Table_1.svg", "Table_1.png", "charts.txt"]
        assert (
            "Table_6: no chart: means, quartiles and totals have no scale in common."
            in archive.read("charts.txt").decode()
        )
        assert archive.read("Table_1.png").startswith(b"\x89PNG")
    assert told == ["Table_1", "Table_6"]


def test_the_library_is_not_loaded_before_a_chart_is_drawn():
    import subprocess
    import sys

    code = "import sys, surveyapp.reporting; print('matplotlib' in sys.modules)"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        == "False\n"
    )
