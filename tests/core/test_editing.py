"""Editing by forms: what a form says stands in the text, and the rest of the text as before."""

import difflib
import json
from pathlib import Path

import pytest

from surveyapp.config import project_file
from surveyapp.instrument import editing
from surveyapp.instrument.checking import examine
from surveyapp.instrument.conditioning import SingleTest, condition_of, operands, said_by_form
from surveyapp.problems import NotFound, Refused
from tests.makers import make_document, make_question

SURVEYS = ("dat/2012.1", "dat/2013.1", "housing/2011.1", "interview/2011.1", "police/2011.1", "provider/2013.1")


def real(name: str = "dat/2012.1") -> str:
    return Path(project_file(f"instruments/{name}.json")).read_text(encoding="utf-8")


def changed_lines(before: str, after: str) -> list[str]:
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), n=0, lineterm="")
    return [line for line in lines if line[:3] not in {"---", "+++"} and line[:2] != "@@"]


@pytest.mark.parametrize("name", SURVEYS)
def test_a_form_that_is_sent_back_untouched_changes_nothing(name: str):
    text = real(name)
    value = json.loads(text)
    for place, part in editing.parts(value):
        form = editing.filled(place, part, editing.languages(value))
        assert editing.rewritten(text, value, place, form) == text


@pytest.mark.parametrize("name", SURVEYS)
def test_a_changed_text_is_one_changed_line(name: str):
    text = real(name)
    value = json.loads(text)
    for place, part in editing.parts(value):
        form = editing.filled(place, part, editing.languages(value))
        words = next((key for key in form if key.partition(".")[0] in {"text", "title"} and form[key]), None)
        if words:
            new = editing.rewritten(text, value, place, {**form, words: "Other words"})
            assert [line[0] for line in changed_lines(text, new)] == ["-", "+"]


def test_every_field_of_a_question_finds_its_key():
    text = json.dumps(make_document([make_question()]), indent=2)
    form = {"text": "New?", "hint": "Mind", "required": "soft", "order": "random", "options.1.specify": "y"}
    new = json.loads(editing.rewritten(text, json.loads(text), "0-0-0", form))
    question = new["sections"][0]["pages"][0]["questions"][0]
    assert list(question) == ["id", "type", "text", "hint", "required", "order", "options"]
    assert (question["required"], question["order"]) == ("soft", "random")
    assert question["options"][1] == {"code": "no", "label": "No", "specify": True}


@pytest.mark.parametrize(
    ("typed", "kept"),
    [("12", 12), ("1,200", 1200), ("-0.5", -0.5), ("½", "½"), ("1e9", "1e9"), ("  7 ", 7), ("9" * 40, "9" * 40)],
)
def test_a_number_is_read_as_people_write_it_and_anything_else_is_left_to_the_check(typed: str, kept: object):
    text = json.dumps(make_document([make_question("number")]), indent=2)
    new = editing.rewritten(text, json.loads(text), "0-0-0", {"min": typed})
    assert json.loads(new)["sections"][0]["pages"][0]["questions"][0]["min"] == kept


def test_a_fault_of_a_form_names_its_field():
    text = json.dumps(make_document([make_question("number")]), indent=2)
    with pytest.raises(Refused) as refused:
        editing.edited(text, json.loads(text), "0-0-0", {"min": "9", "max": "many", "bands": "5, x"}, {})
    assert {problem.at for problem in refused.value.problems} == {"max", "bands"}
    with pytest.raises(Refused) as refused:
        editing.edited(text, json.loads(text), "0-0-0", {"min": "9", "max": "3"}, {})
    assert [problem.at for problem in refused.value.problems] == ["max"]


def test_faults_elsewhere_do_not_keep_a_form_from_being_saved():
    wrong = make_question(id="b", show_if={"question": "gone", "is": "x"})
    text = json.dumps(make_document([make_question(id="a")], [wrong]), indent=2)
    assert editing.edited(text, json.loads(text), "0-0-0", {"text": "New?"}, {}) != text


def test_the_place_of_a_line_is_the_part_around_it():
    text = real()
    document = examine(text).document
    assert document
    here = text[: text.index('"funding_level"')].count("\n") + 1
    assert editing.place_at(document, here) == "1-0-0"
    assert editing.place_at(document, 3) == "front"


@pytest.mark.parametrize("place", ["", "x", "0-", "-1", "0-0-0-0", "0-9", "99999", "٣", "front-0"])
def test_a_place_that_is_not_there_is_said(place: str):
    with pytest.raises(NotFound):
        editing.part_at(make_document(), place)


# ── conditions ───────────────────────────────────────────────────────────────


def conditions(value: object) -> list[object]:
    if isinstance(value, list):
        return [found for entry in value for found in conditions(entry)]
    if isinstance(value, dict):
        own = [value["show_if"]] if "show_if" in value else []
        return own + [found for entry in value.values() for found in conditions(entry)]
    return []


def test_what_a_form_can_say_of_the_real_questionnaires_it_says_again():
    count = 0
    for name in SURVEYS:
        value = json.loads(real(name))
        known = operands(value, str(len(value["sections"])), "en")
        for condition in conditions(value["sections"]):
            if said := said_by_form(condition):
                count += 1
                assert condition_of(*said, known) == condition
    assert count > 20


def test_what_is_nested_deeper_is_no_form_s_business():
    deep = {"any": [{"all": [{"question": "a", "is": "x"}]}]}
    for condition in (deep, {"not": deep}, {}, [], "x", {"question": "a"}, {"question": "a", "is": 5}):
        assert said_by_form(condition) is None


def test_a_condition_reads_what_comes_before_it_only():
    repeated = make_question(id="inner")
    document = make_document(
        [make_question(id="a")], [repeated], [make_question("grid", id="g"), make_question(id="z")]
    )
    document["sections"][1]["pages"][0]["repeat"] = {"max": 3, "item": "contract"}

    def keys(place: str) -> list[str]:
        return [operand.key for operand in operands(document, place, "en")]

    assert keys("0-0-0") == []
    assert keys("1-0") == ["a"]
    assert keys("2-0-1") == ["a", "g.police", "g.health"]


def test_bounds_are_numbers_and_one_of_them_is_enough():
    said = condition_of(
        "all", [SingleTest("n", "between", (), "5", ""), SingleTest("m", "between", (), "0.5", "9")], []
    )
    assert said == {"all": [{"question": "n", "at_least": 5}, {"question": "m", "at_least": 0.5, "at_most": 9}]}
