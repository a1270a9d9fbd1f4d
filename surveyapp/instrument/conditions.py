"""When something is asked: conditions are data, and one rule covers what was not answered.

Every test of an unanswered operand is false. `not` turns that into true, which is what a reader of
"not if they told us X" expects.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from itertools import pairwise

from surveyapp.instrument.model import (
    Allocation,
    Condition,
    Grid,
    Multiple,
    NumberQuestion,
    Question,
    Rank,
    Single,
    choices,
)

Answer = str | Sequence[str]
Answers = Mapping[str, Answer]
"""Answers by key (see `model.answer_keys`): a code, a list of codes, or words; numbers and days as texts."""


def holds(condition: Condition | None, answers: Answers) -> bool:
    """Whether `condition` is met by `answers`; no condition always is."""
    if condition is None:
        return True
    if condition.question is not None:
        return _test(condition, answers.get(condition.question))
    if condition.all_ is not None:
        return all(holds(part, answers) for part in condition.all_)
    if condition.any_ is not None:
        return any(holds(part, answers) for part in condition.any_)
    return not holds(condition.not_, answers)


def _test(condition: Condition, answer: Answer | None) -> bool:
    if condition.answered is not None:
        return bool(answer) is condition.answered
    if not answer:
        return False
    if condition.is_ is not None:
        return answer == condition.is_
    if condition.in_ is not None:
        return answer in condition.in_
    if condition.includes is not None:
        return not isinstance(answer, str) and condition.includes in answer
    return _compares(condition, answer)


def _compares(condition: Condition, answer: Answer) -> bool:
    """`at_least` and `at_most`, bounds included; what is no number compares with nothing."""
    try:
        number = Decimal(answer if isinstance(answer, str) else "")
    except InvalidOperation:
        return False
    low, high = condition.at_least, condition.at_most
    return number.is_finite() and (low is None or number >= low) and (high is None or number <= high)


def single_tests(condition: Condition | None, at: str) -> Iterator[tuple[str, Condition]]:
    """Every single test in a condition with its JSON pointer below `at`, outermost first.

    A combination that is mixed with anything else comes too: it is no condition, and `checking` says so.
    """
    if condition is None:
        return
    parts = [(f"{at}/all/{i}", c) for i, c in enumerate(condition.all_ or [])]
    parts += [(f"{at}/any/{i}", c) for i, c in enumerate(condition.any_ or [])]
    parts += [(f"{at}/not", condition.not_)] if condition.not_ else []
    if not parts or len(condition.operators) > 1:
        yield at, condition
    for place, part in parts:
        yield from single_tests(part, place)


def renamed(condition: Condition | None, names: Mapping[str, str]) -> Condition | None:
    """The same condition reading other questions: `names` maps question ids (without rows) to new ones."""
    if condition is None:
        return None
    changes: dict[str, object] = {}
    if condition.question is not None:
        name, dot, row = condition.question.partition(".")
        changes["question"] = names.get(name, name) + dot + row
    for field in ("all_", "any_"):
        if (parts := getattr(condition, field)) is not None:
            changes[field] = [renamed(part, names) for part in parts]
    if condition.not_ is not None:
        changes["not_"] = renamed(condition.not_, names)
    return condition.model_copy(update=changes)


# ── what can never hold ──────────────────────────────────────────────────────

Needs = Mapping[str, Sequence[Condition]]
"""By `question`, `question.row` and `question.code`: the conditions under which it is asked or offered."""

Stated = tuple[Condition, bool]
"""A condition that must hold, or must not."""

MAX_STATED = 50


def conflict(together: Iterable[Condition], questions: Mapping[str, Question], needs: Needs) -> str | None:
    """A question of which no answer lets all of these conditions hold; None if it is not certain.

    Each question is looked at alone, an `any` one branch after the other, and no more than `MAX_STATED` tests:
    what is found is so, but not everything is found. Every condition must be a valid one.
    """
    tests, branchings = _stated(((condition, True) for condition in together), needs)
    if found := _unanswerable(tests, questions):
        return found
    for branches in branchings:
        found_each = [_unanswerable([*tests, *_stated([branch], needs)[0]], questions) for branch in branches]
        if all(found_each):
            return found_each[0]
    return None


def _stated(stated: Iterable[Stated], needs: Needs) -> tuple[list[Stated], list[list[Stated]]]:
    """The single tests of all of them, with those that their answers need; and what is left to choose."""
    tests: list[Stated] = []
    branchings: list[list[Stated]] = []
    waiting = deque(stated)
    seen: set[tuple[int, bool]] = set()
    while waiting and len(tests) < MAX_STATED:
        condition, wanted = waiting.popleft()
        parts = [(part, wanted) for part in condition.all_ or condition.any_ or []]
        if condition.not_ is not None:
            waiting.append((condition.not_, not wanted))
        elif not parts:
            if (id(condition), wanted) not in seen:
                seen.add((id(condition), wanted))
                tests.append((condition, wanted))
                waiting += [(need, True) for key in _reads(condition, wanted) for need in needs.get(key, ())]
        elif wanted is (condition.all_ is not None):
            waiting += parts
        else:
            branchings.append(parts)
    return tests, branchings


def _reads(test: Condition, wanted: bool) -> Iterator[str]:
    """What must have been asked and offered for a test to come out like this."""
    if wanted is (test.answered is not False):
        yield f"{test.question}"
        codes = test.in_ if test.in_ and len(test.in_) == 1 else [test.is_, test.includes]
        yield from (f"{test.question}.{code}" for code in codes if code is not None)


def _unanswerable(tests: Iterable[Stated], questions: Mapping[str, Question]) -> str | None:
    """The first question of which no answer makes its tests come out."""
    by_question: dict[str, list[Stated]] = {}
    for test, wanted in tests:
        by_question.setdefault(test.question or "", []).append((test, wanted))
    for name, of_it in by_question.items():
        answers = ({name: answer} for answer in _answers_to_try(questions[name.partition(".")[0]], of_it))
        if not any(all(holds(test, answer) is wanted for test, wanted in of_it) for answer in answers):
            return name
    return None


def _answers_to_try(question: Question, tests: Sequence[Stated]) -> Iterator[Answer]:
    """If any answer makes the tests come out, one of these does; the first is no answer."""
    yield ""
    match question:
        case Single() | Grid():
            yield from (option.code for option in choices(question))
        case Multiple() | Rank():
            yield from _ticks_to_try(question, tests)
        case NumberQuestion():
            yield from _numbers_to_try(question.min, question.max, tests)
        case Allocation():
            yield from _numbers_to_try(Decimal(0), Decimal(question.total), tests)
        case _:
            yield "words"


def _ticks_to_try(question: Multiple | Rank, tests: Sequence[Stated]) -> Iterator[Answer]:
    """Nothing more than what must be chosen, if that can be chosen together."""
    must = {test.includes for test, wanted in tests if wanted and test.includes is not None}
    alone = {option.code for option in question.options if option.exclusive}
    most = question.at_most if isinstance(question, Multiple) else question.top
    if not must:
        yield from ([option.code] for option in question.options)
    elif len(must) == 1 or not (must & alone or (most and len(must) > most)):
        yield [code for code in must if code is not None]


def _numbers_to_try(low: Decimal | None, high: Decimal | None, tests: Sequence[Stated]) -> Iterator[Answer]:
    """Every bound, one number between each two, and one beyond either end."""
    named = [bound for test, _ in tests for bound in (test.at_least, test.at_most)]
    bounds = sorted({bound for bound in (*named, low, high) if bound is not None} or {Decimal(0)})
    between = [(one + other) / 2 for one, other in pairwise(bounds)]
    for number in (*bounds, *between, bounds[0] - 1, bounds[-1] + 1):
        if (low is None or number >= low) and (high is None or number <= high):
            yield f"{number:f}"
