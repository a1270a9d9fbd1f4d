"""When a question is asked: one operator at a time, and one rule for what was not answered."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surveyapp.instrument import holds
from surveyapp.instrument.conditions import conflict, renamed, single_tests
from surveyapp.instrument.model import Condition
from tests.makers import make_instrument, make_question

KIND_IS_YES = {"question": "kind", "is": "yes"}
TESTS = [
    KIND_IS_YES,
    {"question": "kind", "in": ["yes", "no"]},
    {"question": "sources", "includes": "a"},
    {"question": "kind", "answered": True},
    {"question": "partners.police", "is": "more"},
    {"question": "spend", "at_least": 10},
    {"question": "spend", "at_least": 10, "at_most": 20},
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
        "spend": st.sampled_from(["9.99", "10", "20.0", "20.01"]),
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
        ({"question": "order", "includes": "a"}, {"order": ["b", "a"]}, True),
        ({"question": "spend", "at_least": 10}, {"spend": "10"}, True),
        ({"question": "spend", "at_least": 10}, {"spend": "9.9999"}, False),
        ({"question": "spend", "at_least": 10}, {"spend": "1000"}, True),
        ({"question": "spend", "at_most": 0.1}, {"spend": "0.1"}, True),
        ({"question": "spend", "at_most": 0.3}, {"spend": "0.30000000000000001"}, False),
        ({"question": "spend", "at_least": -5}, {"spend": "-5.0"}, True),
        ({"question": "spend", "at_least": 10, "at_most": 20}, {"spend": "20"}, True),
        ({"question": "spend", "at_least": 10, "at_most": 20}, {"spend": "21"}, False),
        ({"question": "spend", "at_least": 0}, {"spend": "0"}, True),
        ({"question": "spend", "at_least": 0}, {"spend": "many"}, False),
        ({"question": "spend", "at_least": 0}, {"spend": "NaN"}, False),
        ({"question": "spend", "at_least": 0}, {"spend": "sNaN"}, False),
        ({"question": "spend", "at_least": 0}, {"spend": "Infinity"}, False),
        ({"question": "spend", "at_least": 0}, {"spend": ["5"]}, False),
        ({"question": "spend", "answered": True}, {"spend": "0"}, True),
        ({"question": "share.staff", "at_most": 50}, {"share.staff": "33.3"}, True),
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


def test_a_condition_can_be_read_of_other_questions():
    condition = {
        "all": [
            {"question": "g.police", "is": "a"},
            {"any": [KIND_IS_YES, {"not": {"question": "g", "answered": True}}]},
        ]
    }
    other = renamed(Condition.model_validate(condition), {"g": "g@2"})
    assert [test.question for _, test in single_tests(other, "")] == ["g@2.police", "kind", "g@2"]
    assert other.all_[0].is_ == "a"
    assert renamed(None, {}) is None


# ── what can never hold ──────────────────────────────────────────────────────


def together(*conditions: dict, **needs: list[dict]) -> str | None:
    """What is in conflict, with a question of each kind; `needs` by question, `__` for the dot."""
    share = [{"code": "staff", "label": "Staff"}, {"code": "rent", "label": "Rent"}]
    rank = make_question("multiple")["options"]
    i = make_instrument(
        [
            make_question("single", "kind"),
            make_question("multiple", "sources"),
            make_question("grid", "partners"),
            {"id": "spend", "type": "number", "text": "How much?", "min": 0},
            {"id": "share", "type": "allocation", "text": "How divided?", "rows": share},
            {"id": "order", "type": "rank", "text": "In what order?", "options": rank, "top": 1},
            {"id": "day", "type": "date", "text": "When?"},
        ]
    )
    read = Condition.model_validate
    known = {key.replace("__", "."): [read(c) for c in conditions] for key, conditions in needs.items()}
    return conflict([read(condition) for condition in conditions], i.questions, known)


NO = {"question": "kind", "is": "no"}
CONFLICTS = [
    ([KIND_IS_YES, NO], "kind"),
    ([KIND_IS_YES, {"question": "kind", "answered": False}], "kind"),
    ([{"question": "kind", "answered": True}, {"not": {"question": "kind", "in": ["yes", "no"]}}], "kind"),
    ([KIND_IS_YES, {"not": {"any": [KIND_IS_YES, NO]}}], "kind"),
    ([KIND_IS_YES, {"any": [NO, {"all": [NO, {"question": "day", "answered": True}]}]}], "kind"),
    ([{"not": {"any": [{"not": KIND_IS_YES}, {"not": NO}]}}], "kind"),
    ([{"question": "sources", "includes": "a"}, {"not": {"question": "sources", "includes": "a"}}], "sources"),
    ([{"question": "sources", "includes": "a"}, {"question": "sources", "answered": False}], "sources"),
    ([{"question": "order", "includes": c} for c in "ab"], "order"),
    (
        [{"question": "partners.police", "is": "more"}, {"question": "partners.police", "is": "less"}],
        "partners.police",
    ),
    ([{"question": "spend", "at_least": 5}, {"question": "spend", "at_most": 4.99}], "spend"),
    ([{"question": "spend", "at_least": 5}, {"not": {"question": "spend", "at_least": 5}}], "spend"),
    ([{"question": "spend", "answered": True}, {"not": {"question": "spend", "at_least": 0}}], "spend"),
    ([{"question": "share.rent", "at_least": 60}, {"question": "share.rent", "at_most": 40}], "share.rent"),
    ([{"question": "day", "answered": True}, {"not": {"question": "day", "answered": True}}], "day"),
]


@pytest.mark.parametrize(("conditions", "question"), CONFLICTS)
def test_conditions_that_no_answer_meets_are_found(conditions, question):
    assert together(*conditions) == question
    assert together({"all": conditions}) == question


@pytest.mark.parametrize(
    "conditions",
    [
        [],
        [KIND_IS_YES],
        [KIND_IS_YES, KIND_IS_YES],
        [KIND_IS_YES, {"question": "kind", "in": ["yes", "no"]}],
        [{"any": [KIND_IS_YES, NO]}, NO],
        [{"not": {"question": "kind", "in": ["yes", "no"]}}],
        [{"not": KIND_IS_YES}, {"not": NO}],
        [{"question": "sources", "includes": c} for c in "abc"],
        [{"question": "spend", "at_least": 5}, {"question": "spend", "at_most": 5}],
        [{"question": "partners.police", "is": "more"}, {"question": "partners.health", "is": "less"}],
        [{"question": "share.rent", "at_least": 100}, {"question": "share.staff", "at_most": 0}],
    ],
)
def test_conditions_that_some_answers_meet_are_not_called_impossible(conditions):
    assert together(*conditions) is None


def test_an_answer_needs_its_question_asked_and_its_option_offered():
    asked, offered = {"question": "day", "answered": True}, {"question": "sources", "includes": "a"}
    assert together(asked, KIND_IS_YES, day=[NO]) == "kind"
    assert together({"question": "day", "answered": False}, KIND_IS_YES, day=[NO]) is None
    assert together({"not": {"question": "day", "answered": False}}, KIND_IS_YES, day=[NO]) == "kind"
    assert together(offered, KIND_IS_YES, sources__a=[NO]) == "kind"
    assert together({"not": offered}, KIND_IS_YES, sources__a=[NO]) is None
    assert together(asked, KIND_IS_YES, day=[offered], sources__a=[NO]) == "kind"


def test_more_than_can_be_looked_at_is_not_called_impossible():
    tests = [{"question": "spend", "at_least": n} for n in range(60)]
    assert together(*tests, KIND_IS_YES, NO) is None
    assert together(KIND_IS_YES, NO, *tests) == "kind"
