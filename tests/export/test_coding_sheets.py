"""Coding sheets as files: what they offer, that they come back as they went out, and that nothing in them runs."""

import io
import json

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from surveyapp.analysis.themes.codeframes import NOTHING, UNCODABLE, Codes, stored_codeframe
from surveyapp.analysis.themes.coding import Quotation
from surveyapp.export.coding import Line, Purpose, coding_sheet, quotation_table, read_codes, read_sheet
from surveyapp.problems import Refused
from tests.makers import make_codeframe

FRAME = stored_codeframe(json.dumps(make_codeframe()))
PURPOSE = Purpose("coding", "tiny-1", "issues", "1", "a")


def sheet(*words: str, codes: Codes | None = None) -> bytes:
    lines = [Line(f"v{i}", "issues", text, codes) for i, text in enumerate(words)]
    return coding_sheet(FRAME, PURPOSE, lines)


def book(content: bytes) -> openpyxl.Workbook:
    return openpyxl.load_workbook(io.BytesIO(content))


def test_themes_are_explained_on_a_sheet_of_their_own():
    found = book(sheet("Words."))
    assert found.sheetnames == ["Coding", "Themes", "surveyapp key"]
    assert found["surveyapp key"].sheet_state == "veryHidden"
    header, *rows = [[cell.value for cell in row] for row in found["Themes"].iter_rows(min_row=3)]
    assert header[:3] == ["Code", "Theme", "Definition"]
    assert [row[:3] for row in rows] == [["money", "Money", "About money."], ["staff", "Staff", "About staff."]]


def test_a_theme_cell_offers_1_and_0():
    (offered,) = book(sheet("One.", "Two."))["Coding"].data_validations.dataValidation
    assert (offered.formula1, str(offered.sqref), offered.allow_blank) == ('"1,0"', "D5:G6", True)


def test_a_theme_stands_over_its_column_with_code_and_label():
    header = [cell.value for cell in book(sheet("Words."))["Coding"][4]]
    assert header[:5] == ["Answer", "Question", "Words", "money: Money", "staff: Staff"]
    assert header[5:] == ["nothing_to_code: Says nothing to code", "uncodable: Cannot be coded", "Look at"]


def test_the_same_answers_give_the_same_bytes():
    assert sheet("One.", "Two.") == sheet("One.", "Two.")


@pytest.mark.parametrize(
    "text", ['=HYPERLINK("http://x")', "+1", "-1", "@SUM(A1)", "1-5", "TRUE", "\t=1", "http://x.y"]
)
def test_words_stay_words(text: str):
    cell = book(sheet(text))["Coding"]["C5"]
    assert (cell.value, cell.data_type, cell.hyperlink) == (text, "s", None)


TEXTS = st.lists(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60), min_size=1, max_size=5
)
GIVEN = st.sampled_from([None, *map(frozenset, (["money"], ["money", "staff"], [NOTHING], [UNCODABLE]))])


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(TEXTS, GIVEN)
def test_whatever_was_said_comes_back_to_the_answer_that_said_it(texts: list[str], codes: Codes | None):
    words = {f"v{i}": text for i, text in enumerate(texts)}
    read = read_sheet("s.xlsx", sheet(*texts, codes=codes))
    assert read.purpose == PURPOSE
    assert read_codes(read, FRAME, words) == dict.fromkeys(words, codes)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("1", 1), ("x", 1), ("Yes", 1), (True, 1), (1.0, 1), (0, 0), ("no", 0), (False, 0), (" ", 0)],
)
def test_what_people_type_for_one_and_nought(typed: object, meant: int):
    found = book(sheet("Words.", codes=frozenset(["staff"])))
    found["Coding"]["D5"].value = typed
    saved = io.BytesIO()
    found.save(saved)
    given = read_codes(read_sheet("s.xlsx", saved.getvalue()), FRAME, {"v0": "Words."})
    assert given == {"v0": {"money", "staff"} if meant else {"staff"}}


def test_a_formula_in_a_theme_cell_is_refused_with_its_place():
    found = book(sheet("Words."))
    found["Coding"]["D5"].value = "=1"
    saved = io.BytesIO()
    found.save(saved)
    with pytest.raises(Refused, match="Coding!D5: it holds a formula; copy the cell and paste it as a value"):
        read_sheet("s.xlsx", saved.getvalue())


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"A1": "surveyapp coding", "B1": "2"}, "it was made by another edition of this programme"),
        ({"A1": "something"}, "it is no sheet that was written here for coding"),
        ({"B2": "settling"}, "the sheet “Settling” is missing"),
        ({"B2": "baking"}, "the sheet “” is missing"),
        ({"B7": "many"}, "it was made by another edition of this programme"),
    ],
)
def test_a_key_that_was_tampered_with_is_refused(change: dict[str, str], what: str):
    found = book(sheet("Words."))
    for cell, value in change.items():
        found["surveyapp key"][cell].value = value
    saved = io.BytesIO()
    found.save(saved)
    with pytest.raises(Refused, match=what):
        read_sheet("s.xlsx", saved.getvalue())


def test_rows_may_be_sorted_otherwise():
    found = book(sheet("One.", "Two."))
    tab = found["Coding"]
    for column in "ABC":
        tab[f"{column}5"].value, tab[f"{column}6"].value = tab[f"{column}6"].value, tab[f"{column}5"].value
    tab["D5"].value = 1
    saved = io.BytesIO()
    found.save(saved)
    given = read_codes(read_sheet("s.xlsx", saved.getvalue()), FRAME, {"v0": "One.", "v1": "Two."})
    assert given == {"v0": None, "v1": {"money"}}


def test_the_table_of_quotations_bears_the_note_of_the_wave():
    content = quotation_table(
        "Support wanted", "RECONSTRUCTION, NOT DATA.", [Quotation("Money", "=Words", "Somebody")]
    )
    rows = [[cell.value for cell in row] for row in book(content)["Quotations"]]
    assert rows[1][0] == "RECONSTRUCTION, NOT DATA."
    assert rows[-1] == ["Money", "=Words", "Somebody"]
    assert book(content)["Quotations"].cell(len(rows), 2).data_type == "s"
