"""Invented answers fit the questionnaire that they are for, and say nothing of anybody."""

from collections.abc import Mapping

import pytest

from surveyapp.demonstration.invented import BESIDE, SENTENCES, as_posted, invented
from surveyapp.instrument import Instrument, OpenText, failed_checks, is_open, missing, route
from surveyapp.instrument.coded import read_whole
from tests.invented_waves import QUESTIONNAIRES, instrument
from tests.makers import make_instrument, make_question

GROUPS = ["North", "South"] * 30


@pytest.mark.parametrize("name", QUESTIONNAIRES)
def test_what_is_posted_is_read_back_without_a_fault(name: str):
    asked = instrument(name)
    for given in invented(asked, GROUPS, 1):
        assert read_whole(asked, as_posted(asked, given)) == (given, [])
        assert missing(route(asked, given)) == []


def test_five_to_ten_in_a_hundred_closed_answers_are_left_blank():
    blank = applicable = 0
    for asked in map(instrument, QUESTIONNAIRES):
        for given in invented(asked, GROUPS, 2):
            keys = [q.id for step in route(asked, given).steps for q in step.questions if may_be_blank(q)]
            applicable += len(keys)
            blank += sum(
                not any(answer == key or answer.startswith(f"{key}.") for answer in given) for key in keys
            )
    assert 0.05 < blank / applicable < 0.1


def may_be_blank(question: object) -> bool:
    return not isinstance(question, OpenText) and getattr(question, "required", True) is not True


def test_the_same_seed_gives_the_same_answers_and_another_seed_others():
    asked = instrument("housing/2011.1")
    assert invented(asked, GROUPS, 3) == invented(asked, GROUPS, 3) != invented(asked, GROUPS, 4)


def test_an_open_answer_is_one_of_the_sentences_given():
    asked = instrument("police/2011.1")
    words = {"priorities": ["Only this."]}
    said = [(key, text) for given in invented(asked, GROUPS, 5, words) for key, text in own_words(asked, given)]
    assert {text for key, text in said if key == "priorities"} == {"Only this."}
    assert {text for key, text in said if key != "priorities"} <= {*SENTENCES, *BESIDE}


def own_words(asked: Instrument, given: Mapping[str, object]) -> list[tuple[str, object]]:
    return [(key, answer) for key, answer in given.items() if is_open(asked, key)]


def test_shares_add_up_and_every_check_comes_out():
    asked = instrument("provider/2013.1")
    for given in invented(asked, GROUPS, 6):
        shares = [int(str(share)) for key, share in given.items() if key.startswith("income_sources.")]
        assert sum(shares) in {0, 100}
        assert not [problem for step in route(asked, given).steps for problem in failed_checks(step, given)]


def test_options_that_contradict_each_other_are_not_ticked_together():
    for given in invented(instrument("dat/2013.1"), GROUPS, 7):
        assert not {"drugs_up", "drugs_down"} <= set(given.get("changes_observed", []))


def test_groups_lean_a_little_their_own_way():
    scale = [{"code": code, "label": code} for code in ("more", "same", "less")]
    asked = make_instrument([make_question("single", "q", options=scale)])
    answers = invented(asked, ["A"] * 400 + ["B"] * 400, 8)
    of_a, of_b = (sum(given.get("q") == "more" for given in half) for half in (answers[:400], answers[400:]))
    assert of_a != of_b


def test_days_numbers_and_ranks_are_within_their_limits():
    day = {"min": "2013-01-01", "max": "2013-12-31"}
    ranked = [{"code": c, "label": c.upper()} for c in "abcd"]
    questions = [
        make_question("date", "d", **day),
        make_question("number", "n", min=5, max=9),
        make_question("rank", "r", options=ranked, top=2),
    ]
    answers = invented(make_instrument(questions), GROUPS, 9)
    assert {str(given["d"])[:4] for given in answers if "d" in given} == {"2013"}
    assert {int(str(given["n"])) for given in answers if "n" in given} <= {5, 6, 7, 8, 9}
    assert {len(given["r"]) for given in answers if "r" in given} == {2}
