"""Earlier answers and facts of the organisation inside a text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surveyapp.instrument import Text, route
from surveyapp.instrument.piping import UNKNOWN, fill, placeholders, reworded
from tests.makers import make_instrument, make_question

OTHER = {"code": "other", "label": "Something else", "specify": True}
UNIT = {"name": "Team 1", "unit": "U001", "region": "North", "level": ""}


def make_piped(**more):
    """One question of each kind that a text may name."""
    rank = [{"code": c, "label": f"Choice {c}"} for c in "abc"]
    share = [{"code": "staff", "label": "Staff"}, {"code": "rent", "label": "Rent"}]
    options = [*make_question()["options"], OTHER]
    return make_instrument(
        [
            make_question("single", "kind", options=options, notes=True),
            make_question("multiple", "sources"),
            make_question("grid", "partners"),
            {"id": "spend", "type": "number", "text": "How much?"},
            {"id": "share", "type": "allocation", "text": "How divided?", "rows": share},
            {"id": "order", "type": "rank", "text": "In what order?", "options": rank},
            {"id": "day", "type": "date", "text": "When?"},
            make_question("text", "issues"),
        ],
        **more,
    )


def said(text, **answers):
    return fill(text, make_piped(), {key.replace("__", "."): value for key, value in answers.items()}, UNIT, "en")


@pytest.mark.parametrize(
    ("text", "answers", "expected"),
    [
        ("You said {answers.kind}.", {"kind": "yes"}, "You said Yes."),
        ("{answers.kind}: {answers.kind.other.text}", {"kind": "other", "kind__other__text": "A hostel"},
         "Something else: A hostel"),
        ("{answers.sources}", {"sources": ["c", "a"]}, "Option c, Option a"),
        ("{answers.partners.police}", {"partners__police": "more"}, "More"),
        ("{answers.spend}", {"spend": "1200.5"}, "1200.5"),
        ("{answers.share.staff}", {"share__staff": "33.3"}, "33.3"),
        ("{answers.order}", {"order": ["b", "a"]}, "Choice b, Choice a"),
        ("{answers.day}", {"day": "2012-03-27"}, "2012-03-27"),
        ("{answers.issues}", {"issues": "Too few staff"}, "Too few staff"),
        ("{unit.name} ({unit.unit}) in {unit.region}", {}, "Team 1 (U001) in North"),
        ("{answers.kind}{answers.kind}", {"kind": "no"}, "NoNo"),
    ],
)  # fmt: skip
def test_an_answer_is_said_in_the_words_of_the_questionnaire(text, answers, expected):
    assert said(text, **answers) == expected


@pytest.mark.parametrize(
    "text", ["{answers.kind}", "{answers.partners.health}", "{answers.nowhere}", "{unit.town}", "{unit.level}"]
)
def test_what_is_not_known_is_three_dots(text):
    assert said(text) == UNKNOWN


def test_words_that_happen_to_be_a_code_stay_words():
    assert said("{answers.kind.other.text}", kind="other", kind__other__text="yes") == "yes"
    assert said("{answers.kind.notes}", kind="other", kind__notes="no") == "no"


def test_a_code_that_no_longer_is_one_is_shown_as_it_is():
    assert said("{answers.kind}", kind="gone") == "gone"


def test_an_answer_that_looks_like_a_placeholder_is_not_filled_in_again():
    assert (
        said("{answers.issues}", issues="{unit.name} {answers.kind}", kind="yes") == "{unit.name} {answers.kind}"
    )


def test_markup_in_an_answer_comes_out_as_it_went_in():
    assert said("{answers.issues}", issues="<script>alert(1)</script>") == "<script>alert(1)</script>"


def test_labels_are_said_in_the_language_of_the_page():
    yes, no = (
        {"code": c, "label": {"en": en, "cy": cy}} for c, en, cy in [("yes", "Yes", "Ie"), ("no", "No", "Na")]
    )
    both = {"en": "What?", "cy": "Beth?"}
    more = dict.fromkeys(("title", "respondent", "intro", "thanks"), both)
    page = {"id": "p1", "questions": [make_question(text=both, options=[yes, no])]}
    more |= {"languages": ["en", "cy"], "sections": [{"id": "s1", "title": both, "pages": [page]}]}
    i = make_instrument(**more)
    assert [fill("{answers.q1}", i, {"q1": "yes"}, {}, language) for language in ("en", "cy", "fr")] == [
        "Yes",
        "Ie",
        "Yes",
    ]


@pytest.mark.parametrize(
    "text", ["", "No braces", "{}", "{{ 7*7 }}", "{ 1, 2 }", "{answers", "answers.kind}", "{\n}"]
)
def test_a_text_without_placeholders_stays_as_it_is(text):
    assert said(text, kind="yes") == text
    assert list(placeholders(text)) == []


@given(st.text().filter(lambda text: not list(placeholders(text))))
def test_any_text_without_placeholders_stays_as_it_is(text):
    assert fill(text, make_piped(), {"kind": "yes"}, UNIT, "en") == text


@given(st.lists(st.sampled_from(["{answers.kind}", "{unit.name}", "{unit.town}", "{", "}", "{{", " and "])))
def test_nothing_is_left_to_fill_in(parts):
    shown = fill("".join(parts), make_piped(), {"kind": "yes"}, UNIT, "en")
    assert "{answers.kind}" not in shown
    assert "{unit." not in shown


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("{answers.q1.police}", [("answers", "q1.police")]),
        ("{unit.region}{unit.name}", [("unit", "region"), ("unit", "name")]),
        ("{answers}", [("", "answers")]),
        ("{q1}", [("", "q1")]),
        ("{ answers.q1}", [("", " answers.q1")]),
        ("{Answers.q1}", [("", "Answers.q1")]),
        ("{answers.q1 }", [("answers", "q1 ")]),
    ],
)
def test_placeholders_are_found_and_so_is_what_was_meant_for_one(text, found):
    assert list(placeholders(text)) == found


# ── on a repeated page ───────────────────────────────────────────────────────


def make_repeated():
    why = make_question("text", "why", text="You said {answers.q1} at {unit.name}. Why?", hint="Not {answers.q0}.")
    page = {"id": "p1", "repeat": {"max": 3, "item": "contract"}, "questions": [make_question(), why]}
    first = {"id": "p0", "questions": [make_question(id="q0")]}
    return make_instrument(sections=[{"id": "s1", "title": "Contracts", "pages": [first, page]}])


def test_a_text_on_a_repeated_page_names_the_answer_to_the_same_item():
    i = make_repeated()
    answers = {"q0": "no", "p1.count": "2", "q1@1": "yes", "q1@2": "no"}
    shown = [step.questions[1] for step in route(i, answers).steps[1:]]
    assert [fill(q.text, i, answers, UNIT, "en") for q in shown] == [
        "You said Yes at Team 1. Why?",
        "You said No at Team 1. Why?",
    ]
    assert [fill(q.hint, i, answers, UNIT, "en") for q in shown] == ["Not No.", "Not No."]


def test_a_text_is_reworded_in_every_language_and_only_where_it_names_the_question():
    text = reworded(
        Text({"en": "{answers.q1}, {answers.q10}, {answers.q1.a}", "cy": "Pam {answers.q1}?"}), {"q1": "q1@2"}
    )
    assert text == "{answers.q1@2}, {answers.q10}, {answers.q1@2.a}"
    assert text.in_language("cy") == "Pam {answers.q1@2}?"
