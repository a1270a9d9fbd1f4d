"""The language as a whole: what holds for any questionnaire and any answers."""

import json
from collections.abc import Iterator
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from surveyapp.instrument import (
    Instrument,
    answer_keys,
    holds,
    maximum_size,
    missing,
    prune,
    read_answers,
    read_instrument,
    route,
)
from surveyapp.instrument.answers import Form, failed_checks, form_of
from surveyapp.instrument.conditions import Condition, conflict
from surveyapp.instrument.model import Allocation, DateQuestion, Multiple, NumberQuestion, Rank, Single, choices
from surveyapp.instrument.piping import fill, placeholders
from surveyapp.instrument.routing import Step, count_key
from surveyapp.problems import Problem, Refused
from tests.instruments.drawn import documents, drafts, readable, visits, visits_of
from tests.makers import make_document, make_instrument, make_question

UNIT = {"name": "Team 1", "unit": "U001", "region": "North"}
slow = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
some = settings(slow, max_examples=100)


# ── the route ────────────────────────────────────────────────────────────────


@given(drafts())
@some
def test_a_route_goes_forward_once_through_the_pages_and_is_finite(case):
    i, answers = case
    way = route(i, answers)
    places = [(i.pages.index(step.page), step.number) for step in way.steps]
    assert places == sorted(set(places))
    walked = [way.pages[0]] if way.pages else []
    while walked and (following := way.after(walked[-1])):
        walked.append(following)
    assert walked == way.pages
    assert [way.before(page) for page in walked] == [None, *walked][:-1]


@given(drafts())
@some
def test_nothing_off_the_route_survives_pruning(case):
    i, answers = case
    kept = dict(prune(i, answers))
    for step in route(i, answers).steps:
        if step.number:
            kept.pop(count_key(step.page), None)
            assert step.number <= step.page.repeat.max
        for question in step.questions:
            for key in answer_keys(question):
                answer = kept.pop(key, None)
                if key == question.id and isinstance(question, Single | Multiple | Rank):
                    offered = {option.code for option in question.options}
                    assert offered.issuperset([answer] if isinstance(answer, str) else answer or [])
    assert kept == {}


@given(drafts())
@some
def test_pruning_twice_is_pruning_once_and_keeps_the_route(case):
    i, answers = case
    pruned = prune(i, answers)
    assert prune(i, pruned) == pruned
    assert route(i, pruned) == route(i, answers)


@given(drafts(), st.data())
@some
def test_an_answer_changes_nothing_that_stands_before_it(case, data):
    i, answers = case
    order = list(i.questions)
    if not order:
        return
    changed = data.draw(st.sampled_from(order))
    other = {key: value for key, value in answers.items() if name_of(key) != changed}
    earlier = set(order[: order.index(changed)])

    def before(given: dict[str, Any]) -> list[str]:
        return sorted(key for key in route(i, given).asked if name_of(key) in earlier)

    assert before(answers) == before(other)


def name_of(key: str) -> str:
    return key.partition(".")[0].partition("@")[0]


@given(visits())
@some
def test_nothing_of_a_visit_without_mistakes_is_lost(case):
    i, answers = case
    kept = prune(i, answers)
    counts = {
        count_key(step.page): answers[count_key(step.page)] for step in route(i, answers).steps if step.number
    }
    assert kept == {key: value for key, value in answers.items() if not key.endswith(".count")} | counts
    assert [problem for _, problem in missing(route(i, answers)) if problem.what != "It must add up."] == []


# ── forms ────────────────────────────────────────────────────────────────────


@given(visits())
@some
def test_answers_written_into_the_form_are_read_as_the_same_answers(case):
    i, answers = case
    for step in route(i, answers).steps:
        keys = {key for question in step.questions for key in answer_keys(question)}
        read, problems = read_answers(step.items, form_of(step.items, answers))
        assert (read, problems) == ({key: value for key, value in answers.items() if key in keys}, [])


@given(visits())
@some
def test_a_check_that_fails_leads_to_a_question_of_its_step(case):
    i, answers = case
    for step in route(i, answers).steps:
        here = {question.id for question in step.questions}
        assert {problem.at.partition(".")[0] for problem in failed_checks(step, answers)} <= here


@given(visits())
@some
def test_a_hidden_option_that_is_posted_is_refused(case):
    i, answers = case
    for step in route(i, answers).steps:
        for question in step.questions:
            whole = i.questions[name_of(question.id)]
            for option in choices(whole) if isinstance(question, Single | Multiple | Rank) else ():
                if option not in choices(question) and option.code not in {o.code for o in choices(question)}:
                    refuses(step, question, option.code)


def refuses(step: Step, question: Any, code: str) -> None:
    place = isinstance(question, Rank)
    form = {f"{question.id}.{code}": ["1"]} if place else {question.id: [code]}
    read, problems = read_answers([question], form)
    assert read == {}
    assert place or [problem.at for problem in problems] == [question.id]


LONG = "字" * 10_000
WORST = ("字", '"', "😀", "\n")


def fullest(i: Instrument, answers: dict[str, Any], character: str) -> Form:
    """Every field of the route as full as it is taken, and fields that no page has."""
    form: dict[str, list[str]] = {"admin": ["1"] * 50}
    for step in route(i, answers).steps:
        for question in step.questions:
            match question:
                case Multiple():
                    form[question.id] = [o.code for o in question.options if not o.exclusive][: question.at_most]
                case NumberQuestion() if question.max is None:
                    form[question.id] = ["-9999999999999.99" if question.min is None else "9999999999999.99"]
                    if not question.decimals:
                        form[question.id] = ["-999999999999999"]
                case Allocation():
                    thirds = f"{Decimal(question.total) / len(question.rows):.1f}"
                    form |= {f"{question.id}.{row.code}": [thirds] for row in question.rows}
                case Rank():
                    top = question.options[: question.top]
                    form |= {f"{question.id}.{o.code}": [str(n)] for n, o in enumerate(top, 1)}
                case DateQuestion():
                    form |= {f"{question.id}.{part}": [n] for part, n in [("day", "31"), ("month", "12")]}
                    form[f"{question.id}.year"] = ["2011"]
                case _:
                    form |= form_of([question], answers)
            for key in answer_keys(question):
                limit = 2000 if key.endswith(".notes") else 200 if key.endswith(".text") else 100
                if key.endswith((".notes", ".text")) or question.type == "text":
                    form[key] = ["x" + character * ((limit - 2) // (2 if character == "😀" else 1)) + "x"]
    return form


@given(visits(), st.sampled_from(WORST))
@some
def test_answers_that_are_read_fit_into_the_maximum_size(case, character):
    i, answers = case
    form = fullest(i, answers, character)
    stored: dict[str, Any] = {count_key(page): str(page.repeat.max) for page in i.pages if page.repeat}
    for step in route(i, answers).steps:
        stored |= read_answers(step.items, form)[0]
    content = json.dumps(stored, separators=(",", ":"), ensure_ascii=False).encode()
    assert len(content) <= maximum_size(i)


# ── what is filled in ────────────────────────────────────────────────────────


@given(visits())
@some
def test_no_placeholder_is_left_in_what_is_shown(case):
    i, answers = case
    innocent = {key: value for key, value in answers.items() if "{" not in value}
    for step in route(i, answers).steps:
        for item in step.items:
            shown = fill(item.text, i, innocent, UNIT, "en")
            assert list(placeholders(shown)) == []
            assert "{" in item.text or shown == item.text


# ── what can never hold ──────────────────────────────────────────────────────


@st.composite
def conditions_on_few_questions(draw: st.DrawFn) -> tuple[Instrument, list[Condition]]:
    """Three conditions on four questions that have few answers enough to try them all."""
    number = {"id": "n", "type": "number", "text": "How many?", "min": 0, "max": 9}
    i = make_instrument(
        [
            make_question("single", "s"),
            make_question("multiple", "m", at_most=2, options=[*make_question("multiple")["options"], NONE]),
            number,
        ]
    )
    tests = st.sampled_from(TESTS)
    nested = st.recursive(
        tests,
        lambda inner: (
            st.builds(lambda part: {"not": part}, inner)
            | st.builds(lambda parts: {"all": parts}, st.lists(inner, min_size=1, max_size=2))
            | st.builds(lambda parts: {"any": parts}, st.lists(inner, min_size=1, max_size=2))
        ),
        max_leaves=3,
    )
    return i, [Condition.model_validate(c) for c in draw(st.lists(nested, min_size=1, max_size=4))]


NONE = {"code": "none", "label": "None", "exclusive": True}
TESTS = [
    {"question": "s", "is": "yes"},
    {"question": "s", "in": ["yes", "no"]},
    {"question": "s", "answered": False},
    {"question": "m", "includes": "a"},
    {"question": "m", "includes": "b"},
    {"question": "m", "includes": "c"},
    {"question": "m", "includes": "none"},
    {"question": "m", "answered": True},
    {"question": "n", "at_least": 3},
    {"question": "n", "at_most": 6},
    {"question": "n", "at_least": 4, "at_most": 4.5},
    {"question": "n", "answered": False},
]
EVERY = [
    {"s": s, "m": m, "n": n}
    for s in ("", "yes", "no")
    for m in ([], ["a"], ["b"], ["c"], ["a", "b"], ["a", "c"], ["b", "c"], ["none"])
    for n in ("", *(str(n) for n in range(10)))
]


@given(conditions_on_few_questions())
@settings(slow, max_examples=300)
def test_what_is_called_impossible_is(case):
    i, together = case
    possible = any(all(holds(condition, answers) for condition in together) for answers in EVERY)
    assert not (possible and conflict(together, i.questions, {}))


@given(st.lists(st.tuples(st.sampled_from(TESTS[:8]), st.booleans()), min_size=1, max_size=5))
@settings(slow, max_examples=300)
def test_every_contradiction_of_single_tests_on_codes_is_found(drawn):
    i = make_instrument([make_question("single", "s"), make_question("multiple", "m", at_most=2, options=FOUR)])
    together = [Condition.model_validate(test if wanted else {"not": test}) for test, wanted in drawn]
    possible = any(all(holds(condition, answers) for condition in together) for answers in EVERY)
    assert (conflict(together, i.questions, {}) is None) is possible


FOUR = [*make_question("multiple")["options"], NONE]


@given(documents(), st.data())
@settings(slow, max_examples=150)
def test_what_is_called_never_shown_is_not_shown_to_anybody(document, data):
    i = Instrument.model_validate(document)
    hidden = [problem.at for problem in problems_of(document)]
    answers = data.draw(visits_of(i)) if hidden else {}
    for at in hidden:
        assert at.partition("/show_if")[0] not in set(places_shown(i, answers))


def problems_of(document: dict[str, Any]) -> tuple[Problem, ...]:
    try:
        read_instrument(json.dumps(document))
    except Refused as refused:
        return refused.problems
    return ()


def places_shown(i: Instrument, answers: dict[str, Any]) -> Iterator[str]:
    """The JSON pointers of everything that these answers lead to."""
    for step in route(i, answers).steps:
        s = i.sections.index(step.section)
        p = step.section.pages.index(step.page)
        yield from (f"/sections/{s}", f"/sections/{s}/pages/{p}")
        ids = [item.id for item in step.page.questions]
        for item in step.items:
            q = ids.index(name_of(item.id))
            yield (at := f"/sections/{s}/pages/{p}/questions/{q}")
            for part in ("options", "rows"):
                codes = [entry.code for entry in getattr(step.page.questions[q], part, None) or []]
                yield from (f"{at}/{part}/{codes.index(e.code)}" for e in getattr(item, part, None) or [])


# ── large ────────────────────────────────────────────────────────────────────


def test_a_large_instrument_is_read_and_routed():
    """500 questions in a chain: each is asked if the one before it was answered with yes."""
    names = [f"q{n:03}x" for n in range(500)]
    pages = [
        [make_question(id=name, show_if={"question": before, "is": "yes"}) if before else make_question(id=name)]
        for before, name in zip(["", *names], names, strict=False)
    ]
    document = make_document(*pages[:100])
    document["sections"] = [
        {
            "id": f"s{n}",
            "title": f"Section {n}",
            "pages": [{"id": f"p{n}x{p}", "questions": pages[n * 100 + p]} for p in range(100)],
        }
        for n in range(5)
    ]
    i = read_instrument(json.dumps(document))
    yes = dict.fromkeys(names, "yes")
    assert len(route(i, yes).steps) == 500
    assert route(i, yes | {names[250]: "no"}).asked == set(names[:251])
    assert prune(i, yes | {names[0]: "no"}) == {names[0]: "no"}


@pytest.mark.parametrize("wanted", ["yes", "no"])
def test_a_contradiction_far_back_in_a_chain_is_found_or_left_but_never_invented(wanted):
    names = [f"q{n:03}x" for n in range(90)]
    pages = [[make_question(id=names[0])]]
    pages += [
        [make_question(id=name, show_if={"question": before, "is": "yes"})] for before, name in pairwise(names)
    ]
    both = {"all": [{"question": names[-1], "is": "yes"}, {"question": names[0], "is": wanted}]}
    i = readable(make_document(*pages, [make_question(id="last", show_if=both)]))
    answers = dict.fromkeys(names, "yes") | {"last": "yes"}
    assert ("last" in prune(i, answers)) is (wanted == "yes" or i.questions["last"].show_if is None)
