"""Languages of a questionnaire: one more is a text more at every wording, and one fewer takes it away again."""

import json
from pathlib import Path

import pytest

from surveyapp.config import project_file
from surveyapp.instrument import splicing, translating
from surveyapp.instrument.checking import examine
from surveyapp.problems import Refused
from tests.makers import make_document, make_question

SURVEYS = ("dat/2012.1", "housing/2011.1", "interview/2011.1", "provider/2013.1")


def real(name: str) -> str:
    return Path(project_file(f"instruments/{name}.json")).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", SURVEYS)
def test_a_language_begun_with_the_first_one_leaves_no_problem_and_goes_without_a_trace(name: str):
    text = real(name)
    new = translating.added(text, json.loads(text), "cy", copied=True)
    assert not examine(new).problems
    assert translating.removed(new, json.loads(new), "cy") == text


def test_every_wording_that_is_missing_is_known_to_the_check_and_here():
    question = make_question("grid", "g", probes=["What else?"], hint="Mind")
    document = make_document([question], languages=["en", "cy"])
    document["sections"][0]["pages"][0]["repeat"] = {"max": 3, "item": "contract"}
    checked = {problem.at for problem in examine(json.dumps(document)).problems if "no wording" in problem.what}
    assert {wording.at for wording in translating.missing(document, "cy")} == checked
    assert "/sections/0/pages/0/questions/0/probes/0" in checked


def test_a_wording_belongs_to_the_part_whose_form_has_it():
    found = {wording.at: wording.place for wording in translating.wordings(make_document())}
    assert found["/title"] == "front"
    assert found["/sections/0/pages/0/questions/0/options/1/label"] == "0-0-0"


def test_the_first_language_stays():
    document = make_document(languages=["en", "cy"])
    with pytest.raises(Refused, match="the first language stays"):
        translating.removed(json.dumps(document), document, "en")


def test_many_places_are_changed_at_once_and_one_that_is_not_there_is_said():
    text = '{"a": {"b": 1, "c": [2, 3]}, "d": 4}'
    assert splicing.put_all(text, {"/a/c/1": 33, "/a/b": "x"}) == '{"a": {"b": "x", "c": [2, 33]}, "d": 4}'
    with pytest.raises(KeyError):
        splicing.put_all(text, {"/a/z": 1})
