"""Who is asked what: forward only, and what is off the route is never submitted.

What holds for every questionnaire is in `test_language`.
"""

import pytest

from surveyapp.instrument import Instrument, Note, Option, answer_keys, prune, route
from tests.makers import make_instrument, make_question

IF_YES = {"question": "q1", "is": "yes"}


def make_chain() -> Instrument:
    """q1 = yes opens q2, q2 = yes opens q3; a page each."""
    second = make_question(id="q2", show_if=IF_YES)
    third = make_question(id="q3", show_if={"question": "q2", "is": "yes"})
    return make_instrument([make_question()], [second], [third])


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


# ── options and rows ─────────────────────────────────────────────────────────


def entries(letters: str, **show_if: dict) -> list[dict]:
    return [
        {"code": c, "label": f"Entry {c}"} | ({"show_if": show_if[c]} if c in show_if else {}) for c in letters
    ]


def make_parts(kind: str, **more: object) -> Instrument:
    """q1, then q2 whose last option or row is there only after a yes."""
    part = "rows" if kind in {"grid", "allocation"} else "options"
    question = {"id": "q2", "type": kind, "text": "Which?", part: entries("abc", c=IF_YES)}
    if kind == "grid":
        question["scale"] = entries("xy")
    return make_instrument([make_question()], [question | more])


def codes(i: Instrument, answers: dict) -> list[str]:
    question = route(i, answers).steps[1].questions[0]
    return [entry.code for entry in getattr(question, "rows", None) or question.options]


@pytest.mark.parametrize("kind", ["single", "multiple", "rank", "grid", "allocation"])
def test_an_option_or_row_is_there_only_if_its_condition_holds(kind):
    assert codes(make_parts(kind), {"q1": "yes"}) == ["a", "b", "c"]
    assert codes(make_parts(kind), {"q1": "no"}) == ["a", "b"]
    assert codes(make_parts(kind), {}) == ["a", "b"]


@pytest.mark.parametrize(
    ("kind", "answers", "kept"),
    [
        ("single", {"q2": "c"}, {}),
        ("multiple", {"q2": ["a", "c"]}, {"q2": ["a"]}),
        ("multiple", {"q2": ["c"]}, {}),
        ("rank", {"q2": ["c", "b", "a"]}, {"q2": ["b", "a"]}),
        ("grid", {"q2.b": "x", "q2.c": "y"}, {"q2.b": "x"}),
        ("allocation", {"q2.a": "60", "q2.c": "40"}, {"q2.a": "60"}),
    ],
)
def test_an_answer_goes_with_the_option_or_row_that_is_hidden(kind, answers, kept):
    assert prune(make_parts(kind), {"q1": "yes", **answers}) == {"q1": "yes", **answers}
    assert prune(make_parts(kind), {"q1": "no", **answers}) == {"q1": "no", **kept}


def test_the_words_beside_a_hidden_option_go_with_it():
    other = {"code": "other", "label": "Other", "specify": True, "show_if": IF_YES}
    i = make_instrument([make_question()], [make_question("multiple", "q2", options=[*entries("ab"), other])])
    answers = {"q2": ["a", "other"], "q2.other.text": "A hostel"}
    assert prune(i, {"q1": "no", **answers}) == {"q1": "no", "q2": ["a"]}


def test_a_question_of_which_no_option_is_left_is_not_asked():
    i = make_instrument(
        [make_question()], [make_question("multiple", "q2", options=entries("ab", a=IF_YES, b=IF_YES))]
    )
    assert route(i, {"q1": "no"}).pages == ["p1"]
    assert prune(i, {"q1": "no", "q2": ["a"]}) == {"q1": "no"}


def test_an_answer_to_a_hidden_option_opens_no_later_question():
    third = make_question(id="q3", show_if={"question": "q2", "is": "c"})
    question = {"id": "q2", "type": "single", "text": "Which?", "options": entries("abc", c=IF_YES)}
    i = make_instrument([make_question()], [question], [third])
    assert route(i, {"q1": "yes", "q2": "c"}).pages == ["p1", "p2", "p3"]
    assert route(i, {"q1": "no", "q2": "c"}).pages == ["p1", "p2"]


# ── sections, pages, repeated pages ──────────────────────────────────────────


def make_section(name: str, *pages: dict, **more: object) -> dict:
    return {"id": name, "title": f"Section {name}", "pages": list(pages)} | more


def make_page(name: str, *questions: dict, **more: object) -> dict:
    return {"id": name, "questions": list(questions)} | more


def test_a_hidden_section_hides_its_pages_and_a_hidden_page_its_questions():
    second = make_section("s2", make_page("p2", make_question(id="q2")), show_if=IF_YES)
    third = make_section("s3", make_page("p3", make_question(id="q3"), show_if={"question": "q2", "is": "yes"}))
    i = make_instrument(sections=[make_section("s1", make_page("p1", make_question())), second, third])
    everything = {"q1": "yes", "q2": "yes", "q3": "no"}
    assert prune(i, everything) == everything
    assert prune(i, everything | {"q2": "no"}) == {"q1": "yes", "q2": "no"}
    assert prune(i, everything | {"q1": "no"}) == {"q1": "no"}


def make_repeated(**more: object) -> Instrument:
    """A page p2 for each of up to three contracts: is it new (q2), and if so since when (since)."""
    since = make_question("text", "since", show_if={"question": "q2", "is": "yes"})
    page = make_page("p2", make_question(id="q2"), since, repeat={"max": 3, "item": "contract"}, **more)
    return make_instrument(sections=[make_section("s1", make_page("p1", make_question()), page)])


def test_a_repeated_page_is_a_step_an_item_each_with_its_own_conditions():
    way = route(
        make_repeated(), {"p2.count": "2", "q2@1": "no", "q2@2": "yes", "since@1": "May", "since@2": "June"}
    )
    assert way.pages == ["p1", "p2-1", "p2-2"]
    assert way.answers == {"p2.count": "2", "q2@1": "no", "q2@2": "yes", "since@2": "June"}


def test_what_was_said_of_more_items_than_there_are_is_not_submitted():
    answers = {"q2@1": "no", "q2@2": "no", "q2@3": "no", "q2@4": "no", "q2": "no"}
    assert prune(make_repeated(), {"p2.count": "2", **answers}) == {"p2.count": "2", "q2@1": "no", "q2@2": "no"}


COUNTS = {"1": 1, "3": 3, "4": 3, "999": 3, "1000": 1, "0": 1, "00": 1, "-1": 1, "": 1, "two": 1, "２": 1, "²": 1}


@pytest.mark.parametrize(("given", "count"), [*COUNTS.items(), ("2.0", 1), (["2"], 1)])
def test_a_repeated_page_has_one_item_at_least_and_its_maximum_at_most(given, count):
    way = route(make_repeated(), {"p2.count": given})
    assert len(way.steps) == 1 + count
    assert way.answers == {"p2.count": str(count)}


def test_a_repeated_page_that_is_not_shown_leaves_no_count():
    assert prune(make_repeated(show_if=IF_YES), {"q1": "no", "p2.count": "2", "q2@1": "no"}) == {"q1": "no"}
    page = make_page("p2", make_question(id="q2", show_if=IF_YES), repeat={"max": 3, "item": "contract"})
    i = make_instrument(sections=[make_section("s1", make_page("p1", make_question()), page)])
    assert prune(i, {"q1": "no", "p2.count": "2", "q2@1": "no"}) == {"q1": "no"}


def test_the_rows_of_a_repeated_grid_have_keys_of_their_item():
    page = make_page("p1", make_question("grid", "g"), repeat={"max": 2, "item": "contract"})
    i = make_instrument(sections=[make_section("s1", page)])
    way = route(i, {"p1.count": "2", "g@2.police": "more"})
    assert list(answer_keys(way.steps[1].questions[0])) == ["g@2.police", "g@2.health"]
    assert way.answers == {"p1.count": "2", "g@2.police": "more"}


def test_a_question_that_is_changed_works_out_its_keys_anew():
    question = make_instrument([make_question("grid", "g")]).questions["g"]
    assert answer_keys(question) == ("g.police", "g.health")
    assert answer_keys(question.model_copy(update={"id": "g@2"})) == ("g@2.police", "g@2.health")
    assert question.model_copy() == question


def test_options_are_those_of_the_questionnaire_in_its_order():
    question = route(make_parts("single"), {"q1": "yes"}).steps[1].questions[0]
    assert question.options == [Option.model_validate(e) for e in entries("abc", c=IF_YES)]
