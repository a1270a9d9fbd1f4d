"""Eighteen strings that other programmes act upon, as answers, as labels and as names of units, in every format.

Each comes back equal, as text, by a reader that is not the library that wrote it where there is one.
"""

import csv as csv_reader
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pyreadstat
import pytest
from docx import Document
from python_calamine import CalamineWorkbook

from surveyapp.analysis.columns import read_part
from surveyapp.analysis.dataset import Dataset, assemble
from surveyapp.analysis.microdata import Recipe, microdata
from surveyapp.analysis.plans import Plan
from surveyapp.analysis.report import Report, compile_report
from surveyapp.analysis.themes.codeframes import Codeframe
from surveyapp.analysis.themes.coding import Quotation, ThemeColumns
from surveyapp.export.appendix import appendix
from surveyapp.export.coding import Line, Purpose, coding_sheet, quotation_table, read_codes, read_sheet
from surveyapp.export.microdata import csv, sav, xlsx
from surveyapp.export.rates import rates_workbook
from surveyapp.rates import Standing
from tests.export.guidance import faults_for_work, published
from tests.export.makers import make_facts, make_response
from tests.export.test_workbook import HOSTILE
from tests.makers import make_codeframe, make_instrument, make_question

hostile = pytest.mark.parametrize("text", HOSTILE)


def make_frame_of(text: str) -> Codeframe:
    theme = {"code": "money", "label": text, "definition": text, "example": text}
    return Codeframe.model_validate(make_codeframe(themes=[theme]))


def make_data(text: str) -> Dataset:
    """30 answers from a region of that name, 30 from the South; the first option has that label too."""
    options = [{"code": "yes", "label": text, "specify": True}, {"code": "no", "label": "No"}]
    instrument = make_instrument(
        [
            make_question("single", "kind", options=options, text=text),
            make_question("text", "issues", text="What else?", max_length=200),
        ],
        disclosure={"carry": ["region"]},
    )
    answers = [{"kind": "yes" if i % 2 else "no", "kind.yes.specify": text, "issues": text} for i in range(60)]
    part = read_part(instrument, [text] * 30 + ["South"] * 30, [json.dumps(said) for said in answers])
    return assemble(instrument, [part], ["region"])


def make_hostile_report(text: str) -> Report:
    """The string as title, question, option, region, theme and quotation."""
    tables = [
        {"id": "1", "question": "kind", "title": text, "notes": [text]},
        {"id": "2", "question": "kind", "by": ["region"]},
        {"id": "3", "coded": "issues"},
    ]
    plan = Plan.model_validate({"survey": "tiny", "title": text, "unit": "teams", "tables": tables})
    standings = [
        *[Standing({"region": text}, invited=True, done=i < 30) for i in range(50)],
        *[Standing({"region": "South"}, invited=True, done=i < 30) for i in range(50)],
    ]
    said = np.ones((60, 1), dtype=np.uint8)
    themes = ThemeColumns(make_frame_of(text), "issues", ("",) * 60, ("",) * 60, said, 60, 0)
    facts = make_facts(cells={text: 50, "South": 50}, issued=100, note=text)
    response = make_response(standings=standings, sent={"complete": 60, "partial": 0, "breakoff": 0})
    return compile_report(plan, make_data(text), facts, response, {"issues": themes})


def sheets(content: bytes) -> dict[str, list[list[Any]]]:
    """Every sheet as another library reads it."""
    book = CalamineWorkbook.from_filelike(io.BytesIO(content))
    return {name: book.get_sheet_by_name(name).to_python() for name in book.sheet_names}


def in_one_line(text: str) -> str:
    return " ".join(text.split())


def has_formula(content: bytes) -> bool:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        parts = [archive.read(name) for name in archive.namelist() if name.startswith("xl/worksheets/sheet")]
    return any(b"<f>" in part or b"<f " in part for part in parts)


# ── workbooks ────────────────────────────────────────────────────────────────


@hostile
def test_labels_names_of_units_and_quoted_answers_are_text_in_the_published_workbook(text: str):
    content = published(make_hostile_report(text))
    found = sheets(content)
    assert not has_formula(content)
    assert found["Table_1"][0][0] == f"Table 1: {text}"
    assert text in [row[0] for row in found["Table_1"]]
    assert text in [row[0] for row in found["Response"]]
    assert any(text in str(cell) for row in found["By_region_2"] for cell in row[1:])
    (theme,) = [row for row in found["Table_3"] if row[0] == text]
    assert theme[-2:] == [in_one_line(text)] * 2  # its definition and its example
    assert text in [row[0] for row in found["Cover"]]
    assert text in [row[1] for row in found["Notes"]]


@hostile
def test_names_of_units_are_text_in_the_workbook_of_rates(text: str):
    report = make_hostile_report(text)
    assert report.response is not None
    content = rates_workbook(report.response)
    assert not has_formula(content)
    assert faults_for_work(content) == []
    assert text in [row[0] for row in sheets(content)["By_region"]]


@hostile
def test_answers_are_text_in_the_workbooks_of_coders_and_of_quotations(text: str):
    frame = make_frame_of("Money")
    quoted = quotation_table("Quotations", text, [Quotation("Money", text, text)])
    assert not has_formula(quoted)
    assert sheets(quoted)["Quotations"][-1] == ["Money", text, text]
    coded = coding_sheet(
        frame, Purpose("coding", "tiny-1", "issues", "1", "a"), [Line("v0", "issues", text, None)]
    )
    assert text in sheets(coded)["Coding"][-1]
    assert read_codes(read_sheet("s.xlsx", coded), frame, {"v0": text}) == {"v0": None}


@hostile
def test_labels_and_names_of_units_are_text_in_a_workbook_of_microdata(text: str):
    content = xlsx(microdata(make_data(text), Recipe()), values="labels")
    rows = sheets(content)["Data"]
    assert not has_formula(content)
    assert rows[0] == ["kind", "unit.region"]
    assert {cell for row in rows[1:] for cell in row} == {text, "No", "South"}


# ── Word ─────────────────────────────────────────────────────────────────────


@hostile
def test_labels_names_of_units_and_quoted_answers_are_text_in_the_word_file(text: str):
    content = appendix(make_hostile_report(text), with_questionnaire=True)
    paper = Document(io.BytesIO(content))
    cells = [cell.text for table in paper.tables for row in table.rows for cell in row.cells]
    lines = [paragraph.text for paragraph in paper.paragraphs]
    assert cells.count(text) >= 5  # the region and the option in two tables each, and the theme
    assert cells.count(in_one_line(text)) >= 2  # its definition and its example
    assert f"Table 1: {text}" in lines
    assert any(text in line for line in lines if line.startswith("Note"))
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert b"instrText" not in archive.read("word/document.xml")
        assert b"evil" not in archive.read("word/_rels/document.xml.rels")


# ── CSV and SPSS ─────────────────────────────────────────────────────────────


@hostile
def test_labels_and_names_of_units_are_text_in_csv_and_words_of_answers_are_not_there(text: str):
    content = csv(microdata(make_data(text), Recipe()), "labels")
    rows = list(csv_reader.reader(io.StringIO(content.decode(), newline="")))
    assert rows[0] == ["kind", "unit.region"]
    got = {cell for row in rows[1:] for cell in row} - {"No", "South"}
    assert {cell.removeprefix("'") if cell != text else cell for cell in got} == {text}
    assert not any(cell.startswith(("=", "+", "-", "@", "\t", "＝")) for cell in got)


@hostile
def test_labels_and_names_of_units_are_text_in_spss_and_words_of_answers_are_not_there(text: str, tmp_path: Path):
    path = tmp_path / "x.sav"
    path.write_bytes(sav(microdata(make_data(text), Recipe())))
    frame, about = pyreadstat.read_sav(path, user_missing=True)
    assert list(frame.columns) == ["kind", "unit.region"]
    assert about.column_names_to_labels["kind"] == text
    assert text in about.variable_value_labels["kind"].values()
    assert text in about.variable_value_labels["unit.region"].values()
