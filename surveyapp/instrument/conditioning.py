"""Conditions built by a form: tests of earlier questions, all of which must hold, or any. Nothing deeper."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from surveyapp.instrument.editing import part_at, part_of, parts
from surveyapp.instrument.fields import FRONT

Json = Any

IS, IS_NOT, BETWEEN, ANSWERED, UNANSWERED = "is", "is not", "between", "answered", "unanswered"


@dataclass(frozen=True)
class Operand:
    """What a condition can read: a question, or a row of one, with the codes and labels of its answers."""

    key: str
    words: str
    type: str
    answers: tuple[tuple[str, str], ...] = ()

    @property
    def ways(self) -> tuple[tuple[str, str], ...]:
        """The tests that fit it, as (name, words)."""
        given = (ANSWERED, "has been answered"), (UNANSWERED, "has not been answered")
        if self.type in {"number", "allocation"}:
            return (BETWEEN, "is a number between"), *given
        if self.type in {"multiple", "rank"}:
            return (IS, "includes"), (IS_NOT, "does not include"), *given
        return ((IS, "is one of"), (IS_NOT, "is none of"), *given) if self.answers else given


@dataclass(frozen=True)
class SingleTest:
    """One test of a form: of which operand, how, and with which codes or bounds (as typed)."""

    key: str
    way: str = IS
    codes: tuple[str, ...] = ()
    low: str = ""
    high: str = ""


def operands(value: Json, place: str, language: str) -> list[Operand]:
    """What a condition at a place can read: what was asked before it, and not once for each of several things."""
    place = part_of(place)
    page = place.rpartition("-")[0] if place.count("-") == 2 else ""
    found: list[Operand] = []
    for number, part in parts(value):
        if place != FRONT and _index(number) >= _index(place):
            break
        here = number.rpartition("-")[0]
        if number.count("-") == 2 and (here == page or not part_at(value, here).get("repeat")):
            found += _operands(part, language)
    return found


def _index(place: str) -> tuple[int, ...]:
    return tuple(map(int, place.split("-")))


def _operands(part: Mapping[str, Json], language: str) -> Iterator[Operand]:
    kind, name, words = str(part.get("type")), str(part.get("id")), _words(part.get("text"), language)
    if kind == "note":
        return
    answers = tuple(_labelled(part.get("scale" if kind == "grid" else "options"), language))
    if kind not in {"grid", "allocation"}:
        yield Operand(name, words, kind, answers)
        return
    for code, label in _labelled(part.get("rows"), language):
        yield Operand(f"{name}.{code}", f"{words} {label}", kind, answers)


def _labelled(entries: Json, language: str) -> Iterator[tuple[str, str]]:
    for entry in entries if isinstance(entries, list) else ():
        if isinstance(entry, dict):
            yield str(entry.get("code")), _words(entry.get("label"), language)


def _words(text: Json, language: str) -> str:
    if isinstance(text, dict):
        return str(text.get(language) or next(iter(text.values()), ""))
    return str(text or "")


def said_by_form(condition: Json) -> tuple[str, list[SingleTest]] | None:
    """The tests of a condition, and whether "all" of them must hold or "any"; None for what a form cannot say."""
    if condition is None:
        return "all", []
    if not isinstance(condition, dict):
        return None
    for link in ("all", "any"):
        if set(condition) == {link} and isinstance(condition[link], list):
            tests = [_test(each) for each in condition[link]]
            return (link, [test for test in tests if test]) if all(tests) else None
    test = _test(condition)
    return ("all", [test]) if test else None


def _test(condition: Json) -> SingleTest | None:
    if not isinstance(condition, dict):
        return None
    if set(condition) == {"not"}:
        inner = _test(condition["not"])
        return SingleTest(inner.key, IS_NOT, inner.codes) if inner and inner.way == IS else None
    key, said = condition.get("question"), {name: v for name, v in condition.items() if name != "question"}
    if not isinstance(key, str):
        return None
    if set(said) <= {"at_least", "at_most"} and said:
        return SingleTest(key, BETWEEN, low=_number(said.get("at_least")), high=_number(said.get("at_most")))
    if set(said) == {"answered"}:
        return SingleTest(key, ANSWERED if said["answered"] else UNANSWERED)
    for operator in ("is", "includes"):
        if set(said) == {operator} and isinstance(said[operator], str):
            return SingleTest(key, IS, (said[operator],))
    if set(said) == {"in"} and isinstance(said["in"], list):
        return SingleTest(key, IS, tuple(map(str, said["in"])))
    return None


def _number(value: Json) -> str:
    return "" if value is None else str(value)


def condition_of(link: str, tests: Sequence[SingleTest], known: Sequence[Operand]) -> Json:
    """The condition that a form says, None for one without tests."""
    by_key = {operand.key: operand for operand in known}
    said = [_said(test, by_key.get(test.key)) for test in tests]
    if len(said) < 2:
        return said[0] if said else None
    return {link if link == "any" else "all": said}


def _said(test: SingleTest, operand: Operand | None) -> Json:
    if test.way in {ANSWERED, UNANSWERED}:
        return {"question": test.key, "answered": test.way == ANSWERED}
    if test.way == BETWEEN:
        bounds = {"at_least": _bound(test.low), "at_most": _bound(test.high)}
        return {"question": test.key} | {name: bound for name, bound in bounds.items() if bound is not None}
    single = "includes" if operand and operand.type in {"multiple", "rank"} else "is"
    one = len(test.codes) == 1 or single == "includes"
    said = {"question": test.key, single: test.codes[0]} if one else {"question": test.key, "in": [*test.codes]}
    return {"not": said} if test.way == IS_NOT else said


def _bound(typed: str) -> int | float | str | None:
    for kind in (int, float):
        try:
            return kind(typed) if typed.isascii() else typed
        except ValueError:
            continue
    return typed or None


def unsaid(tests: Sequence[SingleTest], known: Sequence[Operand]) -> list[tuple[int, str]]:
    """What is missing from the tests of a form: the number of the test, and what to do."""
    by_key = {operand.key: operand for operand in known}
    found = []
    for i, test in enumerate(tests):
        operand = by_key.get(test.key)
        ways = {way for way, _ in operand.ways} if operand else set()
        if operand is None:
            found.append((i, f"“{test.key[:60]}” is not asked before; choose another question"))
        elif test.way not in ways:
            found.append((i, "Choose how the answer is tested"))
        elif test.way == BETWEEN and not (test.low or test.high):
            found.append((i, "Give the least number, the greatest or both"))
        elif test.way in {IS, IS_NOT} and not test.codes:
            found.append((i, "Choose an answer"))
        elif test.way in {IS, IS_NOT} and len(test.codes) > 1 and operand.type in {"multiple", "rank"}:
            found.append((i, "Choose one answer here, and add a test for each other one"))
    return found
