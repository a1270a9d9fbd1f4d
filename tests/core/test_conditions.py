"""When a question is asked: one operator at a time, and one rule for what was not answered."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surveyapp.instrument import holds
from surveyapp.instrument.conditions import single_tests
from surveyapp.instrument.model import Condition

KIND_IS_YES = {"question": "kind", "is": "yes"}
TESTS = [
    KIND_IS_YES,
    {"question": "kind", "in": ["yes", "no"]},
    {"question": "sources", "includes": "a"},
    {"question": "kind", "answered": True},
    {"question": "partners.police", "is": "more"},
]
CONDITIONS = st.recursive(
    st.sampled_from(TESTS),
    lambda inner: (
        st.builds(lambda parts: {"all": parts}, st.lists(inner, min_size=1, max_size=3))
        | st.builds(lambda parts: {"any": parts}, st.lists(inner, min_size=1, max_size=3))
        | st.builds(lambda part: {"not": part}, inner)
    ),
    max_leaves=6,
)
ANSWERS = st.fixed_dictionaries(
    {},
    optional={
        "kind": st.sampled_from(["yes", "no", "", "other"]),
        "sources": st.lists(st.sampled_from("abc"), max_size=3, unique=True),
        "partners.police": st.sampled_from(["more", "less"]),
    },
)


def met(condition: dict, **answers: object) -> bool:
    return holds(Condition.model_validate(condition), answers)


def test_no_condition_is_always_met():
    assert holds(None, {})


@pytest.mark.parametrize("test", TESTS)
def test_every_test_of_what_was_not_answered_is_false_and_its_not_is_true(test):
    for nothing in ({}, {test["question"]: ""}, {test["question"]: []}):
        assert not holds(Condition.model_validate(test), nothing)
        assert holds(Condition.model_validate({"not": test}), nothing)


@pytest.mark.parametrize(
    ("condition", "answers", "expected"),
    [
        (KIND_IS_YES, {"kind": "yes"}, True),
        (KIND_IS_YES, {"kind": "no"}, False),
        (KIND_IS_YES, {"kind": ["yes"]}, False),
        ({"question": "kind", "in": ["yes", "other"]}, {"kind": "other"}, True),
        ({"question": "kind", "in": ["yes", "other"]}, {"kind": "no"}, False),
        ({"question": "kind", "in": ["yes"]}, {"kind": ["yes"]}, False),
        ({"question": "sources", "includes": "a"}, {"sources": ["a", "b"]}, True),
        ({"question": "sources", "includes": "a"}, {"sources": ["b"]}, False),
        ({"question": "sources", "includes": "a"}, {"sources": "abc"}, False),
        ({"question": "sources", "answered": True}, {"sources": ["b"]}, True),
        ({"question": "sources", "answered": False}, {"sources": ["b"]}, False),
        ({"question": "sources", "answered": False}, {}, True),
        ({"all": [KIND_IS_YES, {"question": "sources", "includes": "a"}]}, {"kind": "yes"}, False),
        ({"any": [KIND_IS_YES, {"question": "sources", "includes": "a"}]}, {"kind": "yes"}, True),
        ({"not": KIND_IS_YES}, {"kind": "no"}, True),
        ({"not": {"not": KIND_IS_YES}}, {"kind": "yes"}, True),
    ],
)
def test_an_operator_means_what_it_says(condition, answers, expected):
    assert met(condition, **answers) is expected


@given(CONDITIONS, ANSWERS)
def test_not_turns_any_condition_round(condition, answers):
    assert met({"not": condition}, **answers) is not met(condition, **answers)


@given(st.lists(CONDITIONS, min_size=1, max_size=3), ANSWERS)
def test_all_of_the_opposites_is_the_opposite_of_any(conditions, answers):
    opposites = {"all": [{"not": condition} for condition in conditions]}
    assert met(opposites, **answers) is not met({"any": conditions}, **answers)


def test_the_tests_inside_a_condition_are_found_with_their_places():
    condition = {"any": [KIND_IS_YES, {"all": [TESTS[2], {"not": TESTS[3]}]}]}
    found = [(at, test.question) for at, test in single_tests(Condition.model_validate(condition), "/show_if")]
    assert found == [
        ("/show_if/any/0", "kind"),
        ("/show_if/any/1/all/0", "sources"),
        ("/show_if/any/1/all/1/not", "kind"),
    ]
    assert list(single_tests(None, "/show_if")) == []


def test_a_combination_mixed_with_a_test_is_shown_to_the_checker():
    mixed = Condition.model_validate({"all": [KIND_IS_YES], "question": "kind", "is": "no"})
    assert [at for at, _ in single_tests(mixed, "")] == ["", "/all/0"]
