"""How far a respondent has come."""

from surveyapp.instrument import Instrument, next_step, progress, route, touched
from tests.makers import make_document, make_instrument, make_question

GATE = {"question": "q1", "is": "yes"}


def survey() -> Instrument:
    """Three sections: one page, one page that only a yes leads to, one required page."""
    return make_instrument(
        [make_question()],
        [make_question(id="q2", show_if=GATE)],
        [make_question(id="q3", required=True)],
    )


def states(answers, visited=(), unfinished=()):
    way = route(survey(), answers)
    return {entry.section.id: (entry.state, entry.open) for entry in progress(way, visited, unfinished)}


def test_at_the_beginning_no_section_of_the_route_is_started():
    assert states({}) == {"s1": ("not started", "p1"), "s3": ("not started", "p3")}


def test_a_page_left_blank_on_purpose_is_done():
    assert states({}, ["p1"])["s1"] == ("done", "p1")


def test_a_page_with_something_on_it_that_was_never_saved_whole_is_in_progress():
    assert states({"q1": "yes"})["s1"] == ("in progress", "p1")


def test_a_section_that_an_answer_brings_up_waits():
    assert states({"q1": "yes"}, ["p1"])["s2"] == ("not started", "p2")


def test_a_page_to_be_looked_at_again_is_not_done():
    assert states({"q1": "no"}, ["p1"], ["p1"])["s1"] == ("in progress", "p1")


def test_a_required_answer_that_is_missing_keeps_a_section_open():
    assert states({}, ["p1", "p3"])["s3"] == ("in progress", "p3")


def test_a_section_in_progress_opens_at_its_first_page_that_waits():
    document = make_document([make_question()], [make_question(id="q2")])
    document["sections"][0]["pages"] += document["sections"].pop()["pages"]
    way = route(make_instrument(sections=document["sections"]), {"q1": "yes"})
    assert [(entry.state, entry.open) for entry in progress(way, ["p1"], [])] == [("in progress", "p2")]


def test_notes_are_no_work():
    note = {"id": "hello", "type": "note", "text": "Welcome."}
    way = route(make_instrument([note], [make_question()]), {})
    assert [entry.section.id for entry in progress(way, [], [])] == ["s2"]


def test_who_has_not_begun_is_shown_the_very_first_page_even_if_it_only_says_something():
    note = {"id": "hello", "type": "note", "text": "Welcome."}
    way = route(make_instrument([note], [make_question()]), {})
    assert next_step(way, [], []) == "p1"
    assert next_step(way, ["p1"], []) == "p2"


def test_what_comes_next_is_the_first_page_that_waits_and_in_the_end_nothing():
    way = route(survey(), {"q1": "no"})
    assert next_step(way, ["p1"], []) == "p3"
    assert next_step(route(survey(), {"q1": "no", "q3": "yes"}), ["p1", "p3"], []) is None


def test_the_pages_of_a_draft_that_did_not_keep_them_are_those_with_an_answer():
    answers = {"q1": "no", "q3": "yes"}
    assert touched(route(survey(), answers), answers) == ["p1", "p3"]
