"""Microdata written, read back by other libraries and compared cell by cell."""

import csv as csv_reader
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pandas as pd
import pyarrow.parquet as pq
import pyreadstat
import pytest
from hypothesis import given
from hypothesis import strategies as st

from surveyapp.analysis.columns import read_part
from surveyapp.analysis.dataset import assemble
from surveyapp.analysis.microdata import Microdata, Recipe, microdata
from surveyapp.export.codebook import codebook_rows
from surveyapp.export.microdata import VALUES, cell, csv, fitting, label_of, number_text, parquet, sav, xlsx
from surveyapp.instrument import read_instrument
from surveyapp.problems import SurveyError
from tests.export.test_workbook import HOSTILE
from tests.makers import make_document, make_question

MISSING = {-9: "[no reply]", -8: "[not asked]", -7: "[not in this version]"}
YES = {"kind": "yes", "m": ["a", "c"], "g.police": "more", "spend": "1.25"}
NO = {"kind": "no", "m": ["b"], "spend": "-3"}


def make_microdata(*answers: dict[str, Any], label: str = "Yes", cells: list[str] | None = None) -> Microdata:
    """Twelve like YES, twelve like NO and twelve blank; `label` is that of yes and of option a."""
    kind, several = make_question("single", "kind"), make_question("multiple", "m")
    kind["options"][0]["label"] = several["options"][0]["label"] = label
    grid = make_question("grid", "g", show_if={"question": "kind", "is": "yes"})
    spend = {"id": "spend", "type": "number", "text": "Spent?", "decimals": 2}
    document = make_document([make_question("multiple", "opening")], [kind, several, grid, spend])
    instrument = read_instrument(json.dumps(document))
    rows = answers or ([YES] * 12 + [NO] * 12 + [{}] * 12)
    part = read_part(instrument, cells or [""] * len(rows), [json.dumps(row) for row in rows])
    return microdata(assemble(instrument, [part], ["region"] if cells else []), Recipe(leave_out=["opening"]))


def table(content: bytes) -> list[list[str]]:
    return list(csv_reader.reader(io.StringIO(content.decode(), newline="")))


def read_sav(content: bytes, tmp_path: Path) -> tuple[pd.DataFrame, Any]:
    path = tmp_path / "x.sav"
    path.write_bytes(content)
    return pyreadstat.read_sav(path, user_missing=True)


def expected(data: Microdata, values: str) -> list[list[Any]]:
    """The cells of every row, worked out one by one; amounts are looked at elsewhere."""
    rows: list[list[Any]] = [[] for _ in range(data.n)]
    for field in data.fields:
        variable = field.variable
        for row, place in zip(rows, data.places[variable.name].tolist(), strict=True):
            if place < 0:
                number = -10 - place
                row.append(MISSING[number] if values == "labels" else number)
            elif variable.is_amount:
                row.append(None)
            else:
                row.append(
                    {"codes": variable.codes, "labels": variable.labels, "numbers": field.numbers}[values][place]
                )
    return rows


# ── CSV ──────────────────────────────────────────────────────────────────────


def test_a_csv_has_a_header_and_a_line_a_response():
    lines = csv(make_microdata()).decode().split("\r\n")
    assert lines[0] == "kind,m.a,m.b,m.c,g.police,g.health,spend"
    assert lines[1] == "-9,-9,-9,-9,-8,-8,-9"
    assert lines[13] == "yes,1,0,1,more,-9,1.25"
    assert lines[25] == "no,0,1,0,-8,-8,-3"
    assert lines[37:] == [""]


def test_labels_and_numbers_are_offered_too():
    data = make_microdata()
    assert table(csv(data, "labels"))[13] == [
        "Yes",
        "Selected",
        "Not selected",
        "Selected",
        "More",
        "[no reply]",
        "1.25",
    ]
    assert table(csv(data, "numbers"))[13] == ["1", "1", "0", "1", "1", "-9", "1.25"]


@pytest.mark.parametrize(
    ("values", "cells"),
    [
        ("codes", ["a;c", "b", "-9"]),
        ("numbers", ["1;3", "2", "-9"]),
        ("labels", ["Yes | Option c", "Option b", "[no reply]"]),
    ],
)
def test_a_multiple_may_stand_in_one_cell(values: Any, cells: list[str]):
    rows = table(csv(make_microdata(), values, together=True))
    assert rows[0] == ["kind", "m", "g.police", "g.health", "spend"]
    assert [rows[13][1], rows[25][1], rows[1][1]] == cells


def test_labels_that_would_not_come_apart_again_are_refused():
    with pytest.raises(SurveyError, match="write codes, or a column an option"):
        csv(make_microdata(label="A | B"), "labels", together=True)


@pytest.mark.parametrize("values", VALUES)
def test_every_cell_of_a_csv_is_the_answer(values: Any):
    data = make_microdata()
    amount = next(i for i, field in enumerate(data.fields) if field.variable.is_amount)
    for row, wanted in zip(table(csv(data, values))[1:], expected(data, values), strict=True):
        assert row[:amount] == [str(cell) for cell in wanted[:amount]]


@pytest.mark.parametrize("text", [*HOSTILE, "\ttab", "'", "''=1", "+", "-9", ' " , ', "＋1"])
def test_no_cell_of_a_csv_is_a_formula_and_each_reads_back(text: str):
    cells = [row[0] for row in table(csv(make_microdata(label=text), "labels"))[1:]]
    got = next(cell for cell in cells if cell not in {"No", "[no reply]"})
    assert not got.startswith(("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋"))
    assert (got[1:] if got.startswith("'") else got) == text


@given(st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc"], include_characters="\n\t")))
def test_any_text_in_a_csv_cell_reads_back_once_one_mark_is_taken_away(text: str):
    got = next(csv_reader.reader(io.StringIO(f"x,{cell(text)}\r\n", newline="")))[1]
    assert not got.startswith(("=", "+", "-", "@", "\t", "\n", "＝", "＋", "－", "＠"))
    assert (got[1:] if got.startswith("'") else got) == text


def test_pandas_reads_the_csv():
    frame = pd.read_csv(io.BytesIO(csv(make_microdata(), "numbers")))
    assert frame.shape == (36, 7)
    assert frame["spend"].value_counts().to_dict() == {-9.0: 12, 1.25: 12, -3.0: 12}


def test_numbers_are_written_without_powers_of_ten():
    assert [number_text(n) for n in (1e-7, 1e20, 0.1, 12, 2.5)] == [
        "0.0000001",
        "100000000000000000000",
        "0.1",
        "12",
        "2.5",
    ]


# ── SPSS ─────────────────────────────────────────────────────────────────────


def test_spss_gets_numbers_labels_and_missing_ranges(tmp_path: Path):
    frame, about = read_sav(sav(make_microdata()), tmp_path)
    assert frame["kind"].value_counts().to_dict() == {-9.0: 12, 1.0: 12, 2.0: 12}
    missing = {-9: "No reply", -8: "Not asked", -7: "Not in this version"}
    assert about.variable_value_labels["kind"] == {1: "Yes", 2: "No"} | missing
    assert about.variable_value_labels["m.a"] == {0: "Not selected", 1: "Selected"} | missing
    assert about.missing_ranges["g.police"] == [{"lo": -9, "hi": -7}]
    assert about.column_names_to_labels["g.police"] == "Police: What about g?"
    assert about.variable_measure["spend"] == "scale"
    assert about.original_variable_types["spend"] == "F17.2"
    assert about.file_label == "A tiny survey"


def test_missing_is_missing_when_spss_works_with_it(tmp_path: Path):
    path = tmp_path / "x.sav"
    path.write_bytes(sav(make_microdata()))
    frame, _ = pyreadstat.read_sav(path)
    assert frame["g.health"].isna().all()


def test_every_cell_of_an_spss_file_is_the_number(tmp_path: Path):
    data = make_microdata()
    frame, _ = read_sav(sav(data), tmp_path)
    for field in data.fields:
        assert frame[field.name].tolist() == data.numbered(field).tolist()


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_labels_come_back_equal_from_spss(text: str, tmp_path: Path):
    _, about = read_sav(sav(make_microdata(label=text)), tmp_path)
    assert about.variable_value_labels["kind"][1] == text
    assert about.column_names_to_labels["m.a"] == f"{text}: What about m?"


def test_labels_too_long_for_spss_are_cut_visibly_at_a_whole_character(tmp_path: Path):
    _, about = read_sav(sav(make_microdata(label="é" * 200)), tmp_path)
    assert about.variable_value_labels["kind"][1] == "é" * 58 + "…"
    assert fitting("é" * 200, 120) == "é" * 58 + "…"
    assert [row[7] for row in codebook_rows(make_microdata(label="é" * 200))][1] == "é" * 200


# ── Parquet ──────────────────────────────────────────────────────────────────


def test_every_cell_of_a_parquet_file_is_the_answer():
    data = make_microdata()
    for values in VALUES:
        frame = pd.read_parquet(io.BytesIO(parquet(data, values)))
        assert list(frame.columns) == [field.name for field in data.fields]
        for field, wanted in zip(data.fields, zip(*expected(data, values), strict=True), strict=True):
            if not field.variable.is_amount:
                assert frame[field.name].astype(str).tolist() == [str(cell) for cell in wanted]
    assert pd.read_parquet(io.BytesIO(parquet(data)))["spend"].tolist() == data.numbered(data.fields[-1]).tolist()


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_labels_come_back_equal_from_parquet(text: str):
    frame = pd.read_parquet(io.BytesIO(parquet(make_microdata(label=text), "labels")))
    assert text in frame["kind"].cat.categories


def test_a_parquet_file_says_what_its_columns_mean():
    schema = pq.read_schema(io.BytesIO(parquet(make_microdata())))
    assert json.loads(schema.field("kind").metadata[b"surveyapp"]) == {
        "label": "What about kind?",
        "codes": {"yes": "Yes", "no": "No"},
        "missing": {"-9": "No reply", "-8": "Not asked", "-7": "Not in this version"},
    }


# ── Excel ────────────────────────────────────────────────────────────────────


def test_a_workbook_holds_the_answers_and_further_sheets():
    data = make_microdata()
    book = openpyxl.load_workbook(io.BytesIO(xlsx(data, [("Codebook", codebook_rows(data))])))
    assert book.sheetnames == ["Data", "Codebook"]
    rows = list(book["Data"].iter_rows(values_only=True))
    assert rows[0] == ("kind", "m.a", "m.b", "m.c", "g.police", "g.health", "spend")
    assert rows[13] == ("yes", "1", "0", "1", "more", -9, 1.25)
    assert len(rows) == 37
    assert book["Codebook"]["A1"].value == "column"


@pytest.mark.parametrize("text", HOSTILE)
def test_text_in_a_workbook_is_never_a_formula(text: str):
    content = xlsx(make_microdata(label=text), values="labels")
    sheet = openpyxl.load_workbook(io.BytesIO(content))["Data"]
    found = {cell.value: cell.data_type for (cell,) in sheet.iter_rows(min_row=2, max_col=1)}
    assert found[text] == "s"
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert b"<f" not in archive.read("xl/worksheets/sheet1.xml")


def test_writing_a_workbook_tells_how_far_it_is():
    told: list[tuple[int, int]] = []
    xlsx(make_microdata(*[YES] * 6_000 + [NO] * 6_000), progress=lambda done, of: told.append((done, of)))
    assert told == [(5_000, 12_000), (10_000, 12_000), (12_000, 12_000)]


# ── all ──────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("write", [csv, sav, parquet, xlsx])
def test_equal_answers_in_any_order_give_equal_bytes(write: Any):
    answers = [YES] * 12 + [NO] * 12 + [{}] * 12
    assert write(make_microdata(*answers)) == write(make_microdata(*reversed(answers)))


@pytest.mark.parametrize("text", ["a\x00b", "a\x1bb", "a\r\nb"])
def test_text_of_a_frame_that_no_file_holds_is_mended_visibly(text: str, tmp_path: Path):
    data = make_microdata(cells=["North"] * 18 + [text] * 18)
    mended = text.replace("\r\n", "\n").replace("\x00", "\ufffd").replace("\x1b", "\ufffd")
    assert {row[-1] for row in table(csv(data))[1:]} == {"North", mended}
    _, about = read_sav(sav(data), tmp_path)
    assert mended in about.variable_value_labels["unit.region"].values()
    assert mended in set(pd.read_parquet(io.BytesIO(parquet(data)))["unit.region"])
    book = openpyxl.load_workbook(io.BytesIO(xlsx(data)))
    assert mended in {row[-1] for row in book["Data"].iter_rows(values_only=True)}


def test_a_stratum_is_withheld_never_without_reply(tmp_path: Path):
    data = make_microdata(cells=["North"] * 18 + [""] * 18)
    _, about = read_sav(sav(data), tmp_path)
    assert about.variable_value_labels["unit.region"][-9] == "Withheld, so that nobody is singled out"


def test_no_moment_is_in_any_file():
    data = make_microdata()
    assert b"01 Jan 0000:00:00" in sav(data)[:200]
    with zipfile.ZipFile(io.BytesIO(xlsx(data))) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(2000, 1, 1, 0, 0, 0)}
        assert "docProps/core.xml" not in archive.namelist()


def test_a_label_says_what_is_asked_once():
    data = make_microdata()
    assert [label_of(data, field) for field in data.fields[:2]] == ["What about kind?", "Yes: What about m?"]
    assert np.array_equal(data.numbered(data.fields[0])[:1], [-9])
