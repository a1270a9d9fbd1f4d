"""When a question is asked: conditions are data, and one rule covers what was not answered.

Every test of an unanswered operand is false. `not` turns that into true, which is what a reader of
"not if they told us X" expects.
"""

from collections.abc import Iterator, Mapping, Sequence

from surveyapp.instrument.model import Condition

Answer = str | Sequence[str]
Answers = Mapping[str, Answer]
"""Answers by key (see `model.answer_keys`): a code, a list of codes for `multiple`, or words."""


def holds(condition: Condition | None, answers: Answers) -> bool:
    """Whether `condition` is met by `answers`; no condition always is."""
    if condition is None:
        return True
    if condition.all_ is not None:
        return all(holds(part, answers) for part in condition.all_)
    if condition.any_ is not None:
        return any(holds(part, answers) for part in condition.any_)
    if condition.not_ is not None:
        return not holds(condition.not_, answers)
    return _test(condition, answers.get(condition.question or ""))


def _test(condition: Condition, answer: Answer | None) -> bool:
    if condition.answered is not None:
        return bool(answer) is condition.answered
    if not answer:
        return False
    if condition.is_ is not None:
        return answer == condition.is_
    if condition.in_ is not None:
        return answer in condition.in_
    return condition.includes in answer if not isinstance(answer, str) else False


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
