"""The questionnaire as a workbook: written and read back as a form, by our reader and by openpyxl."""

import io
import json
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl.workbook import Workbook
from openpyxl.worksheet.worksheet import Worksheet

from surveyapp.export.offline import Returned, at_cells, read, write
from surveyapp.instrument import Instrument, count_key, form_of, read_answers, read_instrument
from surveyapp.problems import Problem, Refused
from tests.export.test_blank import FILES, make_everything
from tests.export.test_workbook import HOSTILE
from tests.instruments.drawn import visits, visits_of
from tests.makers import make_document, make_instrument, make_question

NAME = "form.xlsx"
UNIT = {"name": "Team 1", "unit": "U001", "region": "North"}


def returned(instrument: Instrument, answers: Mapping[str, Any], language: str = "en", **more: Any) -> Returned:
    """Written and read back."""
    return read(NAME, write(instrument, answers, language, **more), instrument)


def questions(instrument: Instrument) -> list[Any]:
    """All questions, those of repeated pages for each item."""
    return [
        question.model_copy(update={"id": f"{question.id}@{n}"}) if n else question
        for page in instrument.pages
        for n in (range(1, page.repeat.max + 1) if page.repeat else [0])
        for question in page.asked
    ]


def without_counts(instrument: Instrument, form: Mapping[str, list[str]]) -> dict[str, list[str]]:
    counts = {count_key(page) for page in instrument.pages if page.repeat}
    return {name: values for name, values in form.items() if name not in counts}


def opened(content: bytes) -> Workbook:
    return openpyxl.load_workbook(io.BytesIO(content))


def edited(instrument: Instrument, cells: Mapping[str, Any], **more: Any) -> Returned:
    """An empty form in which somebody filled these cells of the sheet `1 Section 1`, and uploaded it."""
    return changed(instrument, lambda book: fill(book["1 Section 1"], cells), **more)


def fill(sheet: Worksheet, cells: Mapping[str, Any]) -> None:
    for place, value in cells.items():
        sheet[place].value = value
        if isinstance(value, str):
            sheet[place].data_type = "s"


def changed(instrument: Instrument, change: Callable[[Workbook], Any], **more: Any) -> Returned:
    book = opened(write(instrument, {}, "en", **more))
    change(book)
    return read(NAME, saved(book), instrument)


def saved(book: Workbook) -> bytes:
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def texts(sheet: Worksheet) -> list[str]:
    return [str(cell.value) for (cell,) in sheet.iter_rows(max_col=1) if cell.value]


def single(**more: Any) -> Instrument:
    return make_instrument([make_question(**more)])


# ── there and back ───────────────────────────────────────────────────────────


@pytest.mark.parametrize("file", FILES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_every_questionnaire_comes_back_with_its_answers(file: Path):
    instrument = read_instrument(file.read_bytes())

    @settings(max_examples=3)
    @given(visits_of(instrument))
    def check(answers: dict[str, Any]) -> None:
        found = returned(instrument, answers, instrument.languages[0])
        assert without_counts(instrument, found.form) == form_of(questions(instrument), answers)
        assert found.problems == ()

    check()


@settings(max_examples=30)
@given(visits(), st.sampled_from(["", "a seed"]))
def test_any_questionnaire_comes_back_with_its_answers(visit: tuple[Instrument, dict[str, Any]], seed: str):
    instrument, answers = visit
    found = returned(instrument, answers, unit=UNIT, seed=seed)
    expected = form_of(questions(instrument), answers)
    assert without_counts(instrument, found.form) == expected
    assert (found.problems, found.blank & expected.keys()) == ((), set())
    assert found.blank | expected.keys() == found.places.keys()


def test_every_type_has_its_cells():
    options = [{"code": c, "label": c.upper()} for c in "abc"]
    instrument = make_instrument(
        [
            make_question("single", "s", options=[options[0] | {"specify": True}, *options[1:]]),
            make_question("multiple", "m"),
            make_question("grid", "g"),
            make_question("number", "n", unit="GBP"),
            make_question("allocation", "x", rows=options, unit="%"),
            make_question("rank", "r", options=options),
            make_question("date", "d"),
            make_question("text", "t", notes=True),
        ]
    )
    answers = {
        "s": "a", "s.a.text": "words", "m": ["a", "c"], "g.police": "more", "n": "1200", "x.a": "40", "x.b": "60",
        "r": ["c", "a"], "d": "2012-03-27", "t": "long words", "t.notes": "a note",
    }  # fmt: skip
    content = write(instrument, answers, "en")
    sheet = opened(content)["1 Section 1"]
    cells = {
        place: sheet[cell.partition("!")[2]].value
        for place, cell in read(NAME, content, instrument).places.items()
    }
    assert cells == {
        "s": "A", "s.a.text": "words", "m": "Yes", "g.police": "More", "g.health": None, "n": "1200",
        "x.a": "40", "x.b": "60", "x.c": None, "r.a": "2", "r.b": None, "r.c": "1",
        "d.day": "27/3/2012", "d.month": "27/3/2012", "d.year": "27/3/2012",
        "t": "long words", "t.notes": "a note",
    }  # fmt: skip


def test_the_things_of_a_repeated_page_stand_one_below_the_other():
    instrument = make_repeated()
    content = write(instrument, {"p1.count": "2", "name@2": "Second", "kind@2": "yes"}, "en")
    found = texts(opened(content)["1 Section 1"])
    assert [text for text in found if text.endswith("contract")] == [
        "1st contract",
        "2nd contract",
        "3rd contract",
    ]
    assert "2. What about Second?" in found
    assert any(text.endswith("Leave blank those that you do not need.") for text in found)
    assert not any("Use a copy" in text for text in found)
    back = read(NAME, content, instrument)
    assert back.form == {"p1.count": ["2"], "name@2": ["Second"], "kind@2": ["yes"]}
    assert {"name@1", "name@3"} <= back.blank


def make_repeated() -> Instrument:
    name = make_question("text", "name")
    document = make_document([name, make_question("single", "kind", text="What about {answers.name}?")])
    document["sections"][0]["pages"][0]["repeat"] = {"max": 3, "item": "contract"}
    return read_instrument(json.dumps(document))


def test_a_day_alone_counts_as_a_thing():
    document = make_document([make_question("date", "d")])
    document["sections"][0]["pages"][0]["repeat"] = {"max": 3, "item": "contract"}
    instrument = read_instrument(json.dumps(document))
    assert returned(instrument, {"d@2": "2012-03-27"}).form["p1.count"] == ["2"]


def test_labels_come_in_the_language_asked_for_and_back_from_any():
    instrument = make_bilingual()
    content = write(instrument, {"q1": "yes"}, "cy")
    book = opened(content)
    place = read(NAME, content, instrument).places["q1"].partition("!")[2]
    assert book["1 Section 1 cy"][place].value == "Oes"
    assert read(NAME, content, instrument).language == "cy"
    for typed in ("Yes", " oes ", "YES", "yes"):
        book["1 Section 1 cy"][place].value = typed
        assert read(NAME, saved(book), instrument).form == {"q1": ["yes"]}


def make_bilingual() -> Instrument:
    """yes and no in English and Welsh."""
    labels = {"yes": {"en": "Yes", "cy": "Oes"}, "no": {"en": "No", "cy": "Nac oes"}}
    document = make_document([make_question(options=[{"code": c, "label": label} for c, label in labels.items()])])
    section = document["sections"][0]
    for part in (document, section, section["pages"][0], section["pages"][0]["questions"][0]):
        for name in {"title", "respondent", "intro", "thanks", "text"} & set(part):
            part[name] = {"en": part[name], "cy": f"{part[name]} (cy)"}
    return read_instrument(json.dumps(document | {"languages": ["en", "cy"]}))


def test_marks_come_back_as_they_were_given():
    assert returned(single(), {}, marks={"q1": "=2b|x", "q2": ""}).marks == {"q1": "=2b|x", "q2": ""}


def test_the_same_inputs_give_the_same_bytes():
    instrument = make_everything()
    assert write(instrument, {"n": "12"}, "en", seed="s") == write(instrument, {"n": "12"}, "en", seed="s")


# ── hostile texts ────────────────────────────────────────────────────────────


@pytest.mark.parametrize("text", [*HOSTILE, "=1+1", "+1", "-1", "@SUM(A1)", "<b>x</b>", "字😀", "a" * 32_767])
def test_answers_are_texts_whatever_they_hold(text: str):
    instrument = make_instrument([make_question("text")])
    content = write(instrument, {"q1": text}, "en")
    cells = [cell for sheet in opened(content) for row in sheet.iter_rows() for cell in row]
    assert {cell.data_type for cell in cells if cell.value is not None} == {"s"}
    found = read(NAME, content, instrument)
    legible = text.replace("\r\n", "\n").replace("\r", "\n")
    if legible.replace("\n", "").isprintable():
        assert found.form == ({"q1": [legible]} if text.strip() else {})


@pytest.mark.parametrize("text", ["=1+1", "<b>", "{answers.nobody", "'", "a, b; c", "*/\\[]:?", "x" * 150, "字😀"])
def test_authors_texts_are_texts_whatever_they_hold(text: str):
    instrument = make_everything(text)
    answers = {"kind": "b", "m": ["a", "c"], "g.a": "c", "order": ["c", "a", "b"], "long.b": "s7", "n": "3"}
    found = returned(instrument, answers)
    assert found.form == form_of(questions(instrument), answers)
    assert found.problems == ()


def test_labels_that_differ_in_their_quotation_marks_are_told_apart():
    options = [{"code": c, "label": label} for c, label in (("a", "‘This’"), ("b", "'This'"), ("c", "That"))]
    assert [returned(single(options=options), {"q1": code}).form["q1"] for code in "abc"] == [["a"], ["b"], ["c"]]


# ── the workbook ─────────────────────────────────────────────────────────────


def test_there_is_a_sheet_a_section_and_two_hidden_ones():
    book = opened(write(make_instrument([make_question()], [make_question(id="q2")]), {}, "en"))
    assert [(sheet.title, sheet.sheet_state) for sheet in book] == [
        ("Read me", "visible"),
        ("1 Section 1", "visible"),
        ("2 Section 2", "visible"),
        ("surveyapp lists", "hidden"),
        ("surveyapp key", "veryHidden"),
    ]


def test_sheets_of_sections_with_one_title_are_told_apart():
    document = make_document(*([make_question(id=f"q{i}")] for i in range(12)))
    for section in document["sections"]:
        section["title"] = "What?: [a] / b * " * 5
    names = opened(write(read_instrument(json.dumps(document)), {}, "en")).sheetnames
    assert len({name.lower() for name in names}) == 15
    assert names[1] == "1 What a b What a b What a b Wh"


def test_only_the_answer_cells_are_open_and_all_sheets_are_protected():
    instrument = make_everything()
    content = write(instrument, {}, "en")
    book = opened(content)
    assert all(sheet.protection.sheet and not sheet.protection.password for sheet in book)
    assert book.security is not None
    assert book.security.lockStructure
    cells = [(sheet.title, cell) for sheet in book for row in sheet.iter_rows() for cell in row]
    unlocked = {f"{title}!{cell.coordinate}" for title, cell in cells if not cell.protection.locked}
    assert unlocked >= set(read(NAME, content, instrument).places.values())
    assert {cell.fill.fgColor.rgb for _, cell in cells if not cell.protection.locked} == {"00FFF7CC"}
    assert {cell.number_format for _, cell in cells if not cell.protection.locked} == {"@"}
    assert not any(sheet.merged_cells.ranges for sheet in book)


def test_a_drop_down_refers_to_the_list_sheet():
    options = [{"code": "a", "label": "One, or more"}, {"code": "b", "label": "None"}]
    book = opened(write(single(options=options), {}, "en"))
    (found,) = book["1 Section 1"].data_validations.dataValidation
    assert (found.type, str(found.sqref), found.formula1) == ("list", "B5", "'surveyapp lists'!$A$1:$A$2")
    assert [cell.value for (cell,) in book["surveyapp lists"]["A1:A2"]] == ["One, or more", "None"]


def test_ticks_offer_yes_and_refuse_no_cross():
    (found,) = opened(write(single(kind="multiple"), {}, "en"))["1 Section 1"].data_validations.dataValidation
    assert (found.type, str(found.sqref), found.showErrorMessage) == ("list", "B6 B7 B8", False)


def test_words_are_limited_with_a_warning():
    instrument = make_instrument([make_question("text", max_length=300)])
    (found,) = opened(write(instrument, {}, "en"))["1 Section 1"].data_validations.dataValidation
    assert (found.type, found.formula1, found.errorStyle) == ("textLength", "300", "warning")


def test_the_cursor_stands_in_the_first_answer_cell_under_frozen_headings():
    sheet = opened(write(single(), {}, "en"))["1 Section 1"]
    assert (sheet["A1"].value, sheet.freeze_panes) == ("Section 1", "A3")
    assert {selection.activeCell for selection in sheet.sheet_view.selection} == {"B5"}
    assert (sheet.page_setup.orientation, sheet.page_setup.fitToWidth) == ("portrait", 1)


def test_the_first_sheet_says_whether_the_file_holds_answers():
    empty, filled = (texts(opened(write(single(), answers, "en"))["Read me"]) for answers in ({}, {"q1": "yes"}))
    assert empty[0] == "A tiny survey"
    assert any(text.startswith("It holds no answers yet.") for text in empty)
    assert any(
        text.startswith("It holds the answers saved so far. Whoever has this file can read") for text in filled
    )


def test_conditions_stand_in_words_and_known_answers_in_texts():
    later = make_question("text", "q2", text="Why {answers.q1}?", show_if={"question": "q1", "is": "yes"})
    instrument = make_instrument([make_question(), later])
    found = texts(opened(write(instrument, {"q1": "yes"}, "en"))["1 Section 1"])
    assert "2. Why Yes?" in found
    assert "Answer only if you chose “Yes” at question 1." in found
    empty = texts(opened(write(instrument, {}, "en"))["1 Section 1"])
    assert "2. Why [your answer to question 1]?" in empty


def test_a_long_answer_has_a_row_that_shows_it():
    instrument = make_instrument([make_question("text")])
    content = write(instrument, {"q1": "word " * 200}, "en")
    row = int(read(NAME, content, instrument).places["q1"].partition("!B")[2])
    assert opened(content)["1 Section 1"].row_dimensions[row].height > 300


# ── what people type ─────────────────────────────────────────────────────────


DAYS = ["27/3/2012", "27 3 2012", "27.03.2012", "27-3-2012", "27 March 2012", "27th mar 2012", date(2012, 3, 27)]


@pytest.mark.parametrize("typed", DAYS)
def test_a_day_is_read_however_it_is_written(typed: object):
    found = edited(make_instrument([make_question("date")]), {"B5": typed})
    assert found.form == {"q1.day": ["27"], "q1.month": ["3"], "q1.year": ["2012"]}


def test_what_is_no_day_goes_on_as_typed_and_is_judged_as_online():
    instrument = make_instrument([make_question("date")])
    found = edited(instrument, {"B5": "soon"})
    problems = at_cells(read_answers(questions(instrument), found.form)[1], found)
    assert [(p.at, p.what) for p in problems] == [("1 Section 1!B5", "That is not a date")]


@pytest.mark.parametrize("typed", ["Yes", "y", "X", "1", 1, "TRUE", True, "Ie"])
def test_a_tick(typed: object):
    assert edited(single(kind="multiple"), {"B7": typed}).form == {"q1": ["b"]}


@pytest.mark.parametrize("typed", ["No", "n", 0, False])
def test_no_tick(typed: object):
    found = edited(single(kind="multiple"), {"B7": typed})
    assert (found.form, found.problems, found.blank) == ({}, (), frozenset())


def test_a_number_in_a_cell_is_read_as_its_digits():
    assert edited(make_instrument([make_question("number")]), {"B5": 1200.0}).form == {"q1": ["1200"]}


def test_what_is_on_no_list_is_a_problem_at_its_cell():
    asked = [make_question(), make_question("multiple", "m"), make_question("rank", "r", options=OPTIONS)]
    found = edited(make_instrument(asked), {"B5": "Maybe", "B8": "perhaps", "B9": "Yes", "B13": "4"})
    assert [str(problem) for problem in found.problems] == [
        "1 Section 1!B5: “Maybe” is not one of the answers; choose from the list: Yes, No",
        "1 Section 1!B8: “perhaps” is neither yes nor no; choose Yes, or leave the cell blank",
        "1 Section 1!B13: “4” is not one of the answers; choose from the list: 1, 2",
    ]
    assert found.form == {}
    assert found.blank == {"r.b"}


OPTIONS = [{"code": "a", "label": "A"}, {"code": "b", "label": "B"}]


def test_problems_of_answers_stand_at_their_cells():
    found = returned(
        make_instrument([make_question("rank", "r", options=OPTIONS), make_question("number", "n")]), {}
    )
    problems = [Problem("r", "what", "do"), Problem("n", "what", "do"), Problem("elsewhere", "what", "do")]
    assert [problem.at for problem in at_cells(problems, found)] == [
        "1 Section 1!B6",
        "1 Section 1!B9",
        "elsewhere",
    ]


# ── other files ──────────────────────────────────────────────────────────────


def refused(instrument: Instrument, content: bytes) -> str:
    with pytest.raises(Refused) as caught:
        read(NAME, content, instrument)
    return str(caught.value)


AGAIN = "download the Excel form of this survey again, and fill in that"


def test_a_workbook_that_is_no_form_is_refused():
    assert refused(single(), saved(Workbook())) == (
        f"the file: it is not an Excel form that was downloaded here; {AGAIN}"
    )


def test_a_form_of_another_survey_is_refused():
    content = write(make_instrument(survey="other"), {}, "en")
    assert refused(single(), content) == f"the file: it is a form of another survey, “other”; {AGAIN}"


def test_a_form_of_another_edition_is_refused():
    book = opened(write(single(), {}, "en"))
    book["surveyapp key"]["B1"].value = "2"
    assert refused(single(), saved(book)) == f"the file: it was made by another edition of this website; {AGAIN}"


@pytest.mark.parametrize("cell", ["A1", "B0", "B9999999", "=B1", ""])
def test_a_key_that_was_meddled_with_is_refused(cell: str):
    book = opened(write(single(), {}, "en"))
    fill(book["surveyapp key"], {"C6": cell})
    assert refused(single(), saved(book)) == f"the file: its hidden sheets have been changed; {AGAIN}"


def test_a_key_that_names_one_field_twice_is_refused():
    book = opened(write(make_instrument([make_question(), make_question(id="q2")]), {}, "en"))
    fill(book["surveyapp key"], {"D7": "q1"})
    assert refused(single(), saved(book)) == f"the file: its hidden sheets have been changed; {AGAIN}"


def test_a_key_names_no_field_that_the_questionnaire_does_not_have():
    found = changed(single(), lambda book: fill_key(book, {"D6": "admin"}))
    assert (found.form, found.places) == ({}, {})


def fill_key(book: Workbook, cells: Mapping[str, Any]) -> None:
    fill(book["surveyapp key"], cells)
    fill(book["1 Section 1"], {"B5": "Yes"})


def test_moved_rows_are_not_read_as_other_questions():
    found = changed(single(), lambda book: book["1 Section 1"].insert_rows(4))
    (problem,) = found.problems
    assert problem.at == "1 Section 1"
    assert problem.what == "its rows have been moved or its questions changed, so its answers were not read"
    assert problem.do == "download the Excel form again, and copy the answers of this sheet into it"
    assert (found.form, found.blank) == ({}, frozenset())


def test_a_missing_sheet_is_not_read_as_blank():
    found = changed(single(), lambda book: book.remove(book["1 Section 1"]))
    assert [problem.what for problem in found.problems] == ["the sheet is missing"]
    assert found.blank == frozenset()


def test_a_formula_is_refused_with_its_cell():
    instrument = make_instrument([make_question("text")])
    book = opened(write(instrument, {}, "en"))
    book["1 Section 1"]["B5"].value = "=1+1"
    assert refused(instrument, saved(book)).startswith("1 Section 1!B5: it holds a formula")


def test_a_form_of_another_version_is_read_as_far_as_its_questions_exist():
    three = [{"code": c, "label": f"Option {c}"} for c in "abc"]
    old = make_instrument(
        [make_question(id="gone"), make_question("multiple", "m", options=three), make_question()]
    )
    new = make_instrument([make_question("multiple", "m", options=three[:2]), make_question()], version="2")
    found = read(NAME, write(old, {"gone": "yes", "m": ["a", "c"], "q1": "no"}, "en"), new)
    assert (found.version, found.form) == ("1", {"m": ["a"], "q1": ["no"]})
    assert [problem.at for problem in found.problems] == ["1 Section 1!B5", "1 Section 1!B10"]
    assert {problem.what for problem in found.problems} == {"the questionnaire does not ask this any more"}
    assert {problem.do for problem in found.problems} == {"nothing to do; the answer “Yes” is not carried over"}


def test_many_questions_that_are_gone_are_counted():
    old = make_instrument([make_question("text", f"old{i}") for i in range(32)])
    found = read(NAME, write(old, {f"old{i}": "words" for i in range(32)}, "en"), make_instrument(version="2"))
    assert len(found.problems) == 21
    assert str(found.problems[-1]) == "the file: and 12 more; nothing to do; they are not carried over"


def test_answers_do_not_show_in_a_log():
    assert "secret" not in repr(returned(make_instrument([make_question("text")]), {"q1": "secret"}))
