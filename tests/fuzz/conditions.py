"""Conditions, judged a second time by a naive reading of their JSON."""

from decimal import Decimal
from typing import Any

from surveyapp.instrument import Instrument, holds, route
from surveyapp.instrument.checking import examine
from surveyapp.instrument.formatting import json_text
from tests.fuzz.choosing import Choices
from tests.makers import make_document, make_question

TYPES: list[dict[str, Any]] = [
    make_question(
        "single", "kind", options=[{"code": code, "label": code.title()} for code in ("yes", "no", "other")]
    ),
    make_question(
        "multiple",
        "sources",
        options=[
            {"code": "a", "label": "A", "specify": True},
            {"code": "b", "label": "B"},
            {"code": "c", "label": "C", "exclusive": True},
        ],
    ),
    make_question("grid", "partners"),
    {"id": "issues", "type": "text", "text": "What else?", "max_length": 100},
    {"id": "spend", "type": "number", "text": "How much?", "min": 0, "max": 1000, "decimals": 2},
    {
        "id": "share",
        "type": "allocation",
        "text": "Shares?",
        "total": 100,
        "rows": [{"code": "own", "label": "Own"}, {"code": "rest", "label": "Rest"}],
    },
    {
        "id": "order",
        "type": "rank",
        "text": "First?",
        "options": [{"code": code, "label": code} for code in ("x", "y", "z")],
    },
    {"id": "day", "type": "date", "text": "When?"},
]
"""A question of each type that asks something."""

OPERANDS = (
    "kind",
    "sources",
    "partners.police",
    "issues",
    "spend",
    "share.own",
    "order",
    "day",
    "nobody",
    "partners",
)
CODES = ("yes", "no", "other", "a", "b", "c", "more", "same", "x", "y", "nothing")
NUMBERS = (0, 10, 10.5, 100, 1000, -1, 5000)

POSSIBLE: dict[str, list[Any]] = {
    "kind": ["", "yes", "no", "other"],
    "sources": [[], ["a"], ["b"], ["a", "b"], ["c"]],
    "partners.police": ["", "more", "same", "less"],
    "issues": ["", "yes", "10"],
    "spend": ["", "0", "10", "10.5", "99.99", "100", "1000"],
    "share.own": ["", "0", "10", "50", "100"],
    "order": [[], ["x"], ["y", "x"], ["z", "x", "y"]],
    "day": ["", "2012-02-29"],
}
"""What a respondent can have answered."""


def agree(data: bytes) -> None:
    """What the checker takes means what a naive reading says; what it calls impossible, no answers meet."""
    choices = Choices(data)
    condition = drawn(choices, 3)
    asked = {"id": "asked", "type": "text", "text": "And?", "max_length": 10, "show_if": condition}
    examined = examine(json_text(make_document(TYPES, [asked])))
    for _ in range(8):
        answers = {key: choices.pick(values) for key, values in POSSIBLE.items()}
        answers = {key: value for key, value in answers.items() if value}
        if not examined.problems and examined.instrument is not None:
            assert _shown(examined.instrument, answers) is naive(condition, answers), (condition, answers)
        elif all("never shown" in problem.what for problem in examined.problems):
            assert naive(condition, answers) is False, (condition, answers)


def drawn(choices: Choices, deep: int) -> dict[str, Any]:
    """A condition, mostly of the right form."""
    shape = choices.number(7) if deep else 7
    if shape in {0, 1}:
        return {("all", "any")[shape]: [drawn(choices, deep - 1) for _ in range(choices.number(3))]}
    if shape == 2:
        return {"not": drawn(choices, deep - 1)}
    name = choices.pick(OPERANDS)
    kind = choices.number(6)
    test: dict[str, Any] = {
        0: {"is": choices.pick(CODES)},
        1: {"in": [choices.pick(CODES) for _ in range(choices.number(2))]},
        2: {"includes": choices.pick(CODES)},
        3: {"at_least": choices.pick(NUMBERS)},
        4: {"at_most": choices.pick(NUMBERS)},
        5: {"answered": choices.pick((True, False))},
        6: {"at_least": choices.pick(NUMBERS), "at_most": choices.pick(NUMBERS)},
    }[kind]
    return {"question": name, **test}


def naive(condition: Any, answers: dict[str, Any]) -> bool:
    """Whether it holds, word by word as the manual says it."""
    if "all" in condition:
        return all(naive(part, answers) for part in condition["all"])
    if "any" in condition:
        return any(naive(part, answers) for part in condition["any"])
    if "not" in condition:
        return not naive(condition["not"], answers)
    answer = answers.get(condition["question"])
    if "answered" in condition:
        return (answer is not None) == condition["answered"]
    if answer is None:
        return False
    if "is" in condition:
        return bool(answer == condition["is"])
    if "in" in condition:
        return answer in condition["in"]
    if "includes" in condition:
        return condition["includes"] in answer
    bounds = Decimal(str(condition.get("at_least", "-1e9"))), Decimal(str(condition.get("at_most", "1e9")))
    return bounds[0] <= Decimal(answer) <= bounds[1]


def _shown(instrument: Instrument, answers: dict[str, Any]) -> bool:
    shown = any(question.id == "asked" for step in route(instrument, answers).steps for question in step.questions)
    asked = next(question for page in instrument.pages for question in page.asked if question.id == "asked")
    assert holds(asked.show_if, answers) is shown
    return shown
