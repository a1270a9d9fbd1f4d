"""The appendix as a Word document, read back by python-docx and as raw XML."""

import io
import json
import re
import time
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from docx import Document
from docx.enum.section import WD_ORIENT

from surveyapp.export.appendix import appendix
from surveyapp.export.word import to_bytes
from surveyapp.instrument import Instrument, read_instrument
from surveyapp.storage import forensics
from tests.export.makers import RICH_TABLES, make_report, make_rich_instrument, make_rich_report
from tests.export.test_workbook import HOSTILE
from tests.makers import make_document, make_question


def read(content: bytes) -> Any:
    return Document(io.BytesIO(content))


def texts(paper: Any, style: str = "") -> list[str]:
    return [p.text for p in paper.paragraphs if not style or p.style.name.lower() == style.lower()]


def grids(paper: Any) -> list[list[list[str]]]:
    """Every table as rows of texts; a merged cell once for each column that it is over."""
    return [[[cell.text for cell in row.cells] for row in table.rows] for table in paper.tables]


def table_of(paper: Any, header: str) -> list[list[str]]:
    """The first table whose header row begins so."""
    return next(grid for grid in grids(paper) if grid[0][0] == header)


def xml(content: bytes, name: str = "word/document.xml") -> str:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return archive.read(name).decode()


# ── tables ───────────────────────────────────────────────────────────────────


def test_a_table_has_its_caption_base_question_figures_and_what_they_mean():
    paper = read(appendix(make_report({"id": "1", "question": "kind", "title": "Kinds", "notes": ["As asked."]})))
    assert texts(paper, "caption") == ["Table 1: Kinds"]
    assert texts(paper, "Above table") == [
        "Base: 12 teams that answered the question.\nQuestion: What about kind?"
    ]
    assert table_of(paper, "Answer option") == [
        ["Answer option", "Number", "Per cent"],
        ["Yes", "8", "67"],
        ["No", "4", "33"],
        ["Answered", "12", ""],
        ["No reply", "0", ""],
        ["Not asked", "0", ""],
    ]
    rounding = "Percentages are rounded and may not add to 100."
    assert texts(paper, "Below table") == [
        "Note: As asked.",
        f"{rounding} Source: wave tiny-1, variable kind, questionnaire tiny@1.",
    ]


def test_the_number_in_a_caption_is_that_of_the_plan():
    tables = [{"id": "7", "question": "kind"}, {"id": "Report_2", "question": "kind", "title": "Again"}]
    captions = texts(read(appendix(make_report(*tables))), "caption")
    assert [caption.partition(":")[0] for caption in captions] == ["Table 7", "Report 2"]


def test_every_kind_of_table_is_written_with_a_caption():
    paper = read(appendix(make_rich_report()))
    assert len(texts(paper, "caption")) == len(RICH_TABLES)


def test_the_header_of_every_table_is_repeated_and_no_row_is_divided():
    for table in re.findall(
        r"<w:tbl>.*?</w:tbl>", re.sub(r"<w:tbl [^>]*>", "<w:tbl>", xml(appendix(make_rich_report())))
    ):
        rows = re.findall(r"<w:tr>.*?</w:tr>", table)
        assert "<w:tblHeader/>" in rows[0]
        assert all("<w:cantSplit/>" in row for row in rows)


def test_the_headings_of_a_banner_stand_over_their_columns_and_bases_first():
    paper = read(appendix(make_rich_report({"id": "1", "question": "budget", "by": ["region"]})))
    groups, header, bases = table_of(paper, "")[:3]
    assert groups == ["", "", "Region", "Region", "Region"]
    assert header == ["Answer option", "All (%)", "North (%) [u]", "South (%) [u]", "West (%) [u]"]
    assert bases[0] == "Base (number)"


def test_a_wide_table_turns_the_page_and_the_next_one_turns_it_back():
    wide = {"id": "1", "question": "budget", "by": ["region", "sources"], "margins": True, "tests": True}
    paper = read(appendix(make_rich_report(wide, {"id": "2", "question": "budget"})))
    found = [section.orientation for section in paper.sections]
    assert found == [WD_ORIENT.PORTRAIT, WD_ORIENT.LANDSCAPE, WD_ORIENT.PORTRAIT]


def test_the_number_of_the_page_stands_at_the_right_margin_however_the_page_lies():
    wide = {"id": "1", "question": "budget", "by": ["region", "sources"], "margins": True, "tests": True}
    paper = read(appendix(make_rich_report(wide, {"id": "2", "question": "budget"})))
    feet = [section.footer.paragraphs[0] for section in paper.sections]
    assert [round(foot.paragraph_format.tab_stops[0].position.cm, 1) for foot in feet] == [17.0, 25.7, 17.0]
    for section, foot in zip(paper.sections, feet, strict=True):
        margins = section.left_margin + section.right_margin
        assert foot.paragraph_format.tab_stops[0].position == section.page_width - margins
    assert {foot.text for foot in feet} == {"Tables of a survey with everything\tPage  of "}  # fields are no text


def test_the_last_row_stays_on_the_page_of_the_words_below_it():
    paper = read(appendix(make_rich_report(RICH_TABLES[0]), with_questionnaire=True))
    ends = [table.rows[-1].cells[0].paragraphs[0] for table in paper.tables]
    kept = {end.text: end.paragraph_format.keep_with_next for end in ends}
    assert kept["Not asked"] is True


def test_a_long_table_is_divided_where_four_rows_or_more_stand_on_each_side():
    rows = [{"code": f"r{i}", "label": f"Item {i}"} for i in range(30)]
    document = make_document([make_question("grid", "q", rows=rows), make_question(id="kind")])
    given = [{f"q.r{i}": "more" for i in range(30)}] * 30
    instrument = read_instrument(json.dumps(document))
    paper = read(appendix(make_report({"id": "1", "question": "q"}, instrument=instrument, given=given)))
    table = next(t for t in paper.tables if t.rows[0].cells[0].text == "Item")
    held = [row.cells[0].paragraphs[0].paragraph_format.keep_with_next for row in table.rows[1:]]
    assert held == [True] * 4 + [None] * 22 + [True] * 4


def test_headings_are_not_broken_in_the_questionnaire_with_results_however_many_limits_there_are():
    report = make_rich_report({"id": "1", "question": "work", "margins": True})
    paper = read(appendix(report, with_questionnaire=True))
    table = paper.tables[-1]
    assert [cell.text for cell in table.rows[0].cells] == [
        *("Item", "Up (%)", "About the same (%)", "Down (%)", "Base", "No reply"),
    ]
    widths = [column.width.cm for column in table.columns]
    assert min(widths) > 1
    assert sum(widths) < 17.02


def test_a_table_wider_than_a_page_is_continued_with_its_labels():
    wide = {
        "id": "1",
        "question": "budget",
        "by": ["region", "sources", "work.police", "work.health"],
        "margins": True,
    }
    paper = read(appendix(make_rich_report(wide)))
    assert "Table 1, continued" in texts(paper, "Above table")
    parts = [grid for grid in grids(paper) if "Answer option" in {grid[0][0], grid[1][0]}]
    labels = [[row[0] for row in grid if row[0] not in {"", "Answer option"}] for grid in parts]
    assert len(parts) > 1
    assert all(each == labels[0] for each in labels)


def test_limits_stand_in_one_column_beside_the_figure_of_a_group():
    paper = read(appendix(make_rich_report({"id": "1", "question": "budget", "by": ["region"], "margins": True})))
    header = table_of(paper, "")[1]
    assert header[1:3] == ["All (%)", "All, lower to upper"]
    assert re.fullmatch(r"\d+\u00a0to\u00a0\d+", table_of(paper, "")[3][2])


def test_a_mark_is_explained_under_its_table_and_in_the_method_note():
    given = [("North", {"budget": "up" if i % 2 else "same"}) for i in range(30)] + [
        ("West", {"budget": "up"})
    ] * 4
    paper = read(appendix(make_rich_report({"id": "1", "question": "budget", "by": ["region"]}, given=given)))
    assert ["[c]", "confidential: too few answers to print"] in table_of(paper, "Mark")
    assert any(text.startswith("[c] confidential") for text in texts(paper, "Below table"))


def test_hidden_figures_stay_hidden_in_every_part():
    given = [("North", {"budget": "up"})] * 7
    content = appendix(make_rich_report({"id": "1", "question": "budget"}, given=given), with_questionnaire=True)
    rows = [row for grid in grids(read(content)) for row in grid if row[0] == "Up"]
    assert rows == [["Up", "[c]", "[c]"]] * 2


# ── the method note ──────────────────────────────────────────────────────────


def test_the_method_note_is_made_of_the_facts_of_the_wave():
    paper = read(appendix(make_report(note="Figures are reconstructed.")))
    said = texts(paper, "Bullets")
    assert "Figures are reconstructed." in said
    assert "Fieldwork ran from 9 January 2012 to 17 February 2012." in said
    assert "The list had 40 teams; 38 could be written to." in said
    assert "No table is printed on fewer than 10 answers." in said
    assert f"The hash of its content is {'a' * 64}." in said
    assert any(line.startswith("RR1 is complete answers, divided by eligible organisations") for line in said)


def test_a_wave_open_to_anyone_has_no_response_rate():
    said = texts(read(appendix(make_report(listed=False, response=None))), "Bullets")
    assert "12 responses from a wave open to anyone: there is no response rate." in said
    assert not any("RR1" in line for line in said)


def test_the_contents_lead_to_every_caption():
    written = xml(appendix(make_rich_report()))
    wanted = set(re.findall(r'w:anchor="(\w+)"', written))
    assert wanted <= set(re.findall(r'<w:bookmarkStart [^>]*w:name="(\w+)"', written))
    assert len(wanted) == len(RICH_TABLES) + 1


# ── the annotated questionnaire ──────────────────────────────────────────────


def test_the_questionnaire_has_the_results_beside_the_answers():
    paper = read(
        appendix(make_report({"id": "1", "question": "kind", "sort": "descending"}), with_questionnaire=True)
    )
    assert "Questionnaire with results" in texts(paper, "Heading 1")
    found = [grid for grid in grids(paper) if grid[0][0] == "Answer option"][1]
    assert [row[:3] for row in found[:3]] == [
        ["Answer option", "Number", "Per cent"],
        ["Yes", "8", "67"],
        ["No", "4", "33"],
    ]
    assert "From Table 1." in texts(paper, "Below table")


def test_answers_stand_in_the_order_of_the_questionnaire_without_nets():
    tables = {"id": "1", "question": "budget", "sort": "descending", "nets": {"Change": ["up", "down"]}}
    paper = read(appendix(make_rich_report(tables), with_questionnaire=True))
    found = [grid for grid in grids(paper) if grid[0][0] == "Answer option"][1]
    assert [row[0] for row in found[1:4]] == ["Up", "About the same", "Down"]
    assert "Change" not in [row[0] for row in found]


def test_a_question_without_a_whole_table_stands_without_figures():
    paper = read(appendix(make_report({"id": "1", "question": "kind"}), with_questionnaire=True))
    assert texts(paper, "Hint").count("No table of this appendix has all the answers to this question.") == 2


def test_a_table_of_some_respondents_only_is_not_printed_beside_the_answers():
    some = {"id": "1", "question": "budget", "where": {"question": "sources", "includes": "a"}}
    paper = read(appendix(make_rich_report(some), with_questionnaire=True))
    assert len([grid for grid in grids(paper) if grid[0][0] == "Answer option"]) == 1
    assert "See Table 1." in texts(paper, "Below table")


# ── the file ─────────────────────────────────────────────────────────────────


def test_the_same_report_gives_the_same_bytes():
    first, second = make_rich_report(), make_rich_report()
    assert appendix(first, with_questionnaire=True) == appendix(second, with_questionnaire=True)


def test_the_properties_name_no_user_and_no_moment():
    properties = read(appendix(make_report(title="Tables of teams"))).core_properties
    assert (properties.title, properties.language, properties.author) == ("Tables of teams", "en-GB", "surveyapp")
    assert properties.last_modified_by == "surveyapp"
    assert properties.created.year == properties.modified.year == 2000


def test_the_audit_finds_neither_user_nor_moment(tmp_path: Path):
    written = tmp_path / "appendix.docx"
    written.write_bytes(appendix(make_report()))
    assert not forensics.stamped(written)
    paper = Document(written)
    paper.core_properties.last_modified_by = "Ann"
    written.write_bytes(to_bytes(paper))
    assert forensics.stamped(written)


def _hostile(text: str) -> Instrument:
    options = [{"code": "yes", "label": text}, {"code": "no", "label": "No"}]
    questions = [make_question("single", "kind", options=options)]
    questions += [make_question("grid", "partners"), make_question("multiple", "m")]
    return read_instrument(json.dumps(make_document(questions)))


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_label_comes_back_as_the_same_text(text: str):
    content = appendix(make_report({"id": "1", "question": "kind", "title": text}, instrument=_hostile(text)))
    paper = read(content)
    assert texts(paper, "caption") == [f"Table 1: {text}"]
    assert [row[0] for row in table_of(paper, "Answer option")][1] == text
    assert "<w:instrText" not in xml(content)
    assert "http" not in xml(content, "word/_rels/document.xml.rels").replace("http://schemas.", "")


def test_control_characters_are_replaced_by_a_visible_mark():
    report = make_report({"id": "1", "question": "kind"})
    content = appendix(replace(report, title="a\x00b\ud800c"))
    assert texts(read(content), "Title") == ["a\ufffdb\ufffdc"]


def test_text_longer_than_a_page_is_cut_with_a_visible_mark():
    note = "x" * 9_000
    paper = read(appendix(make_report({"id": "1", "question": "kind", "notes": [note]})))
    long = texts(paper, "Below table")[0]
    assert len(long) == 4_000
    assert long.endswith(" … [cut]")


def test_charts_are_put_in_on_request_with_their_figures_in_words():
    report = make_report({"id": "1", "question": "kind"})
    assert not read(appendix(report)).inline_shapes
    content = appendix(report, with_charts=True)
    assert len(read(content).inline_shapes) == 1
    assert 'descr="Table 1: ' in xml(content)
    assert "Yes: 67%. No: 33%." in xml(content)


def test_progress_is_told_table_by_table():
    told: list[str] = []
    appendix(make_report({"id": "1", "question": "kind"}, {"id": "2", "question": "m"}), told.append)
    assert told == ["Table 1", "Table 2"]


def test_twenty_tables_take_less_than_two_seconds():
    report = make_rich_report()
    started = time.process_time()
    appendix(report)
    assert time.process_time() - started < 2


def test_the_maker_asks_every_kind_of_question():
    assert len(make_rich_instrument().questions) == 7
