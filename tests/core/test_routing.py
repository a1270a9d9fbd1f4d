"""Who is asked what: forward only, and what is off the route is never submitted."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from surveyapp.instrument import Instrument, Note, answer_keys, prune, read_instrument, route
from tests.makers import make_document, make_instrument, make_question

IF_YES = {"question": "q1", "is": "yes"}
KINDS = ("single", "multiple", "grid", "text")


def make_chain() -> Instrument:
    """q1 = yes opens q2, q2 = yes opens q3; a page each."""
    second = make_question(id="q2", show_if=IF_YES)
    third = make_question(id="q3", show_if={"question": "q2", "is": "yes"})
    return make_instrument([make_question()], [second], [third])


@st.composite
def instruments(draw: st.DrawFn) -> Instrument:
    """Up to eight questions of any type on up to four pages, with conditions on earlier ones."""
    earlier: list[dict[str, Any]] = []
    pages: list[list[dict[str, Any]]] = []
    for i in range(draw(st.integers(1, 8))):
        question = make_question(draw(st.sampled_from(KINDS)), f"q{i}")
        if question["type"] == "single" and draw(st.booleans()):
            question["options"].append({"code": "other", "label": "Other", "specify": True})
        if earlier and draw(st.booleans()):
            question["show_if"] = draw(conditions(earlier))
        earlier.append(question)
        if not pages or (draw(st.booleans()) and len(pages) < 4):
            pages.append([])
        pages[-1].append(question)
    return read_instrument(json.dumps(make_document(*pages)))


def conditions(earlier: list[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    singles = st.sampled_from(earlier).flatmap(a_test)
    return st.recursive(
        singles,
        lambda inner: (
            st.builds(lambda part: {"not": part}, inner)
            | st.builds(lambda parts: {"all": parts}, st.lists(inner, min_size=1, max_size=2))
            | st.builds(lambda parts: {"any": parts}, st.lists(inner, min_size=1, max_size=2))
        ),
        max_leaves=3,
    )


def a_test(question: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    name = question["id"]
    match question["type"]:
        case "single":
            return st.sampled_from([{"question": name, "is": "yes"}, {"question": name, "in": ["no"]}])
        case "multiple":
            return st.sampled_from([{"question": name, "includes": code} for code in "abc"])
        case "grid":
            return st.sampled_from([{"question": f"{name}.police", "is": "more"}])
    return st.sampled_from([{"question": name, "answered": truth} for truth in (True, False)])


def answers_to(i: Instrument) -> st.SearchStrategy[dict[str, Any]]:
    """Any answers under the keys of the instrument and some under none."""
    keys = [key for question in i.questions.values() for key in answer_keys(question)]
    given = st.sampled_from(["yes", "no", "other", "more", "same", "", "Too few staff"])
    lists = st.lists(st.sampled_from("abc"), unique=True)
    known = {key: lists if getattr(i.questions.get(key), "type", "") == "multiple" else given for key in keys}
    return st.fixed_dictionaries({}, optional={**known, "admin": given, "q0.nowhere": given})


CASES = instruments().flatmap(lambda i: st.tuples(st.just(i), answers_to(i)))


@given(CASES)
@settings(max_examples=120, deadline=None)
def test_a_route_goes_forward_once_through_the_pages_and_is_finite(case):
    i, answers = case
    way = route(i, answers)
    order = [page.id for page in i.pages]
    assert way.pages == sorted(way.pages, key=order.index)
    walked, page = [], way.pages[0]
    while page is not None:
        walked.append(page)
        page = way.after(page)
    assert walked == way.pages
    assert [way.before(page) for page in walked] == [None, *walked[:-1]]


@given(CASES)
@settings(max_examples=120, deadline=None)
def test_nothing_off_the_route_survives_pruning_and_nothing_on_it_is_lost(case):
    i, answers = case
    asked = route(i, answers).asked
    on_the_route = {key for name in asked for key in answer_keys(i.questions[name])}
    assert prune(i, answers) == {key: answers[key] for key in answers if key in on_the_route and answers[key]}


@given(CASES)
@settings(max_examples=120, deadline=None)
def test_pruning_twice_is_pruning_once_and_keeps_the_route(case):
    i, answers = case
    pruned = prune(i, answers)
    assert prune(i, pruned) == pruned
    assert route(i, pruned) == route(i, answers)


@given(CASES, st.data())
@settings(max_examples=80, deadline=None)
def test_an_answer_changes_nothing_that_stands_before_it(case, data):
    i, answers = case
    ids = list(i.questions)
    changed = data.draw(st.sampled_from(ids))
    other = {key: value for key, value in answers.items() if key.split(".")[0] != changed}
    before = set(ids[: ids.index(changed) + 1])
    assert route(i, answers).asked & before == route(i, other).asked & before


# ── by hand ──────────────────────────────────────────────────────────────────


def test_a_question_hidden_by_a_changed_answer_is_not_counted():
    assert prune(make_chain(), {"q1": "no", "q2": "yes", "q3": "no"}) == {"q1": "no"}


def test_an_answer_off_the_route_opens_no_later_question():
    assert route(make_chain(), {"q1": "no", "q2": "yes"}).asked == {"q1"}
    assert route(make_chain(), {"q1": "yes", "q2": "yes"}).asked == {"q1", "q2", "q3"}


def test_a_page_without_anything_to_show_is_passed_over():
    way = route(make_chain(), {"q1": "no"})
    assert way.pages == ["p1"]
    assert (way.before("p1"), way.after("p1")) == (None, None)
    with pytest.raises(ValueError, match="p2"):
        way.after("p2")


def test_a_condition_may_read_an_earlier_question_of_the_same_page():
    i = make_instrument([make_question(), make_question(id="q2", show_if=IF_YES)])
    assert [item.id for item in route(i, {"q1": "yes"}).shown["p1"]] == ["q1", "q2"]
    assert [item.id for item in route(i, {}).shown["p1"]] == ["q1"]


def test_a_note_is_shown_by_its_condition_and_never_asked():
    note = {"id": "hello", "type": "note", "text": "Hello.", "show_if": IF_YES}
    i = make_instrument([make_question(), note])
    way = route(i, {"q1": "yes"})
    assert isinstance(way.shown["p1"][1], Note)
    assert way.asked == {"q1"}


def test_the_words_beside_an_option_go_with_their_question():
    options = [{"code": "yes", "label": "Yes"}, {"code": "other", "label": "Other", "specify": True}]
    i = make_instrument([make_question()], [make_question(id="q2", options=options, show_if=IF_YES)])
    answers = {"q1": "yes", "q2": "other", "q2.other.text": "A hostel"}
    assert prune(i, answers) == answers
    assert prune(i, answers | {"q1": "no"}) == {"q1": "no"}


def test_what_is_submitted_comes_in_the_order_of_the_questionnaire():
    i = make_instrument([make_question("grid", "g"), make_question()])
    assert list(prune(i, {"q1": "no", "admin": "1", "g.health": "more", "g.police": "same"})) == [
        "g.police",
        "g.health",
        "q1",
    ]


def test_pruning_does_not_hand_out_the_lists_it_was_given():
    i = make_instrument([make_question("multiple")])
    answers = {"q1": ["a"]}
    prune(i, answers)["q1"].append("b")
    assert answers == {"q1": ["a"]}
