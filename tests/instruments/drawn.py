"""Questionnaires and answers drawn at random, of all that the language has."""

import json
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from hypothesis import strategies as st

from surveyapp.instrument import Instrument, Question, read_instrument, route
from surveyapp.instrument.answers import count_key
from surveyapp.problems import Refused
from tests.makers import make_document

Json = dict[str, Any]

KINDS = ("single", "multiple", "grid", "number", "allocation", "rank", "date", "text", "note")
WORDS = ("Too few staff", "a", "字😀\n\u2028é", '"quoted" \\ and {answers.q0}', "yes", "- item\n\n- item")
MOST_ITEMS = 3


# ── questionnaires ───────────────────────────────────────────────────────────


@st.composite
def documents(draw: st.DrawFn) -> Json:
    """Up to three sections of up to two pages of up to three items, with all that may stand in them."""
    return _Drawing(draw).document(3)


def instruments() -> st.SearchStrategy[Instrument]:
    """The same, read; conditions that can never hold are taken out."""
    return documents().map(readable)


def readable(document: Json) -> Instrument:
    """The document without the conditions that can never hold; anything else wrong with it is a fault of ours."""
    while True:
        try:
            return read_instrument(json.dumps(document))
        except Refused as refused:
            for problem in refused.problems:
                assert "never shown" in problem.what or "both answers" in problem.what, problem
                _take_condition_out(document, problem.at)


def _take_condition_out(document: Json, at: str) -> None:
    part: Any = document
    for step in at.partition("/show_if")[0].split("/")[1:]:
        part = part[int(step) if isinstance(part, list) else step]
    part.pop("show_if", None)


class _Drawing:
    """What has been drawn so far, and can be read by what follows."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw
        self.asked = 0
        self.tests: list[Json] = []
        self.numbers: list[str] = []
        self.keys: list[str] = []

    def often(self) -> bool:
        return self.draw(st.booleans())

    def seldom(self) -> bool:
        return self.draw(st.integers(0, 3)) == 3

    def document(self, most: int) -> Json:
        document = make_document(disclosure={"carry": ["region"]})
        document["sections"] = [self.section(f"s{n}") for n in range(self.draw(st.integers(1, most)))]
        return document

    def section(self, name: str) -> Json:
        shown = self.shown()
        pages = [self.page(f"{name}p{n}") for n in range(self.draw(st.integers(1, 2)))]
        return {"id": name, "title": f"Section {name}", "pages": pages} | shown

    def page(self, name: str) -> Json:
        page = {"id": name, "title": f"Page {name}"} | self.shown()
        before = list(self.tests), list(self.numbers), list(self.keys)
        page["questions"] = [self.item() for _ in range(self.draw(st.integers(1, 3)))]
        here = self.numbers[len(before[1]) :]
        if here and self.often():
            page["checks"] = [self.check(here, before[1])]
        if self.seldom():
            page["repeat"] = {"max": MOST_ITEMS, "item": "thing"}
            self.tests, self.numbers, self.keys = before
        return page

    def check(self, here: list[str], before: list[str]) -> Json:
        bound = self.draw(st.sampled_from(["100", *before]))
        rule = self.draw(st.sampled_from(["equals", "at_most"]))
        return {"sum": here[:2], rule: 100 if bound == "100" else bound, "message": "It must add up."}

    def item(self) -> Json:
        name, kind = f"q{self.asked}", self.draw(st.sampled_from(KINDS))
        self.asked += 1
        item: Json = {"id": name, "type": kind, "text": self.wording(name)} | self.shown()
        if kind != "note":
            item["required"] = self.draw(st.sampled_from([False, True, "soft"]))
            item |= {"notes": True} if self.seldom() else {}
            item |= getattr(self, kind)()
            self.tests += single_tests_of(item)
            self.numbers += {"number": [name], "allocation": [f"{name}.r0", f"{name}.r1"]}.get(kind, [])
            self.keys += [f"{name}.r0"] if kind in {"grid", "allocation"} else [name]
        return item

    def wording(self, name: str) -> str:
        if self.keys and self.often():
            return f"What about {name}, {{unit.name}}, after {{answers.{self.draw(st.sampled_from(self.keys))}}}?"
        return f"What about {name}?"

    def shown(self) -> Json:
        """Perhaps a condition on what was asked before."""
        return {"show_if": self.condition()} if self.tests and self.often() else {}

    def condition(self) -> Json:
        tests = st.sampled_from(self.tests)
        shape = self.draw(st.sampled_from(["one", "one", "not", "all", "any"]))
        if shape == "one":
            return self.draw(tests)
        return {"not": self.draw(tests)} if shape == "not" else {shape: [self.draw(tests), self.draw(tests)]}

    def entries(self, letter: str, count: int) -> list[Json]:
        """Options or rows, one of them perhaps under a condition."""
        entries: list[Json] = [{"code": f"{letter}{n}", "label": f"Entry {n}"} for n in range(count)]
        entries[-1] |= self.shown()
        return entries

    def single(self) -> Json:
        options = self.entries("c", 3)
        options[0]["specify"] = self.often()
        return {"options": options}

    def multiple(self) -> Json:
        options = self.entries("c", 4)
        options[0]["specify"], options[1]["exclusive"] = self.often(), self.often()
        return {"options": options} | self.draw(st.sampled_from([{}, {"at_most": 1}, {"at_most": 2}]))

    def grid(self) -> Json:
        return {
            "rows": self.entries("r", 2),
            "scale": [{"code": f"c{n}", "label": f"Point {n}"} for n in range(2)],
        }

    def number(self) -> Json:
        return self.draw(st.sampled_from([{}, {"min": 0, "max": 50, "unit": "GBP"}, {"decimals": 2, "min": -5.5}]))

    def allocation(self) -> Json:
        return {
            "rows": self.entries("r", 3),
            "total": self.draw(st.sampled_from([1, 100, 1_000_000])),
            "unit": "%",
        }

    def rank(self) -> Json:
        return {"options": self.entries("c", 3)} | self.draw(st.sampled_from([{}, {"top": 1}, {"top": 3}]))

    def date(self) -> Json:
        return self.draw(st.sampled_from([{}, {"min": "2011-04-01", "max": "2012-03-31"}]))

    def text(self) -> Json:
        return {"max_length": 100}


def single_tests_of(question: Json) -> list[Json]:
    """Single tests of a question."""
    name = question["id"]
    row = f"{name}.r0"
    match question["type"]:
        case "single":
            codes = [option["code"] for option in question["options"]]
            return [{"question": name, "is": code} for code in codes] + [{"question": name, "in": codes[1:]}]
        case "multiple" | "rank":
            return [{"question": name, "includes": option["code"]} for option in question["options"]]
        case "grid":
            return [{"question": row, "is": "c0"}, {"question": row, "answered": False}]
        case "number":
            return [{"question": name, "at_least": 10}, {"question": name, "at_least": 0, "at_most": 7.5}]
        case "allocation":
            return [{"question": row, "at_most": 1}, {"question": row, "answered": True}]
    return [{"question": name, "answered": truth} for truth in (True, False)]


# ── answers ──────────────────────────────────────────────────────────────────


@st.composite
def visits(draw: st.DrawFn) -> tuple[Instrument, dict[str, Any]]:
    """A questionnaire and answers to it as somebody gives them who walks through and makes no mistake."""
    i = draw(instruments())
    return i, draw(visits_of(i))


@st.composite
def visits_of(draw: st.DrawFn, i: Instrument) -> dict[str, Any]:
    """Answers to this questionnaire."""
    answers: dict[str, Any] = {}
    for page in i.pages:
        if page.repeat:
            answers[count_key(page)] = str(draw(st.integers(1, MOST_ITEMS)))
    done: set[str] = set()
    while question := _next(i, answers, done):
        done.add(question.id)
        answers |= draw(answers_to(question))
    return answers


def _next(i: Instrument, answers: dict[str, Any], done: set[str]) -> Question | None:
    shown = (question for step in route(i, answers).steps for question in step.questions)
    return next((question for question in shown if question.id not in done), None)


@st.composite
def answers_to(draw: st.DrawFn, question: Question) -> dict[str, Any]:
    """Answers to a question as shown, each of them allowed; none at all if that is."""
    given: dict[str, Any] = {}
    if question.required is True or draw(st.booleans()):
        given = _ANSWERS[question.type](draw, question)
    if question.notes and draw(st.booleans()):
        given[f"{question.id}.notes"] = draw(st.sampled_from(WORDS))
    return given


def _words_beside(draw: st.DrawFn, question: Any, chosen: list[str]) -> dict[str, Any]:
    asks = [option.code for option in question.options if option.specify and option.code in chosen]
    return {f"{question.id}.{code}.text": draw(st.sampled_from(WORDS)) for code in asks}


def _single(draw: st.DrawFn, question: Any) -> dict[str, Any]:
    code = draw(st.sampled_from([option.code for option in question.options]))
    return {question.id: code} | _words_beside(draw, question, [code])


def _multiple(draw: st.DrawFn, question: Any) -> dict[str, Any]:
    alone = [option.code for option in question.options if option.exclusive]
    others = [option.code for option in question.options if not option.exclusive]
    if alone and (not others or draw(st.booleans())):
        return {question.id: alone[:1]} | _words_beside(draw, question, alone[:1])
    most = min(question.at_most or len(others), len(others))
    chosen = draw(st.sets(st.sampled_from(others), min_size=1, max_size=most))
    codes = [code for code in others if code in chosen]
    return {question.id: codes} | _words_beside(draw, question, codes)


def _grid(draw: st.DrawFn, question: Any) -> dict[str, Any]:
    points = st.sampled_from([point.code for point in question.scale])
    rows = [row.code for row in question.rows if question.required is True or draw(st.booleans())]
    return {f"{question.id}.{row}": draw(points) for row in rows}


def _number(draw: st.DrawFn, question: Any) -> dict[str, Any]:
    numbers = ["0", "7", "50"] + (["-5.5", "0.01", "9999999999999.99"] if question.decimals else [])
    return {question.id: draw(st.sampled_from(numbers))}


def _allocation(draw: st.DrawFn, question: Any) -> dict[str, Any]:
    rows = [f"{question.id}.{row.code}" for row in question.rows]
    first = draw(st.integers(0, question.total)) if len(rows) > 1 else question.total
    parts = [first, question.total - first, 0]
    return {row: str(part) for row, part in zip(rows, parts, strict=False)}


def _rank(draw: st.DrawFn, question: Any) -> dict[str, Any]:
    order = draw(st.permutations([option.code for option in question.options]))
    last = min(question.top or len(order), len(order))
    return {question.id: order[: draw(st.integers(1, last))]}


def _date(draw: st.DrawFn, question: Any) -> dict[str, Any]:
    first, last = question.min or date(1800, 1, 1), question.max or date(2199, 12, 31)
    return {question.id: draw(st.dates(first, last)).isoformat()}


def _text(draw: st.DrawFn, question: Any) -> dict[str, Any]:
    return {question.id: draw(st.sampled_from(WORDS))}


_ANSWERS: Mapping[str, Callable[[st.DrawFn, Any], dict[str, Any]]] = {
    "single": _single,
    "multiple": _multiple,
    "grid": _grid,
    "number": _number,
    "allocation": _allocation,
    "rank": _rank,
    "date": _date,
    "text": _text,
}


@st.composite
def drafts(draw: st.DrawFn) -> tuple[Instrument, dict[str, Any]]:
    """A questionnaire and a draft as it may lie about: of any keys, on the route or off it, and of none."""
    i = draw(instruments())
    given: dict[str, Any] = {"admin": "1", "q0.nowhere": "c0"} if draw(st.booleans()) else {}
    for page in i.pages:
        if page.repeat:
            given[count_key(page)] = draw(st.sampled_from(["0", "1", "2", "99", "-1", "two", "²"]))
        for question in page.asked:
            for number in range(1, MOST_ITEMS + 1) if page.repeat else [0]:
                copy = question.model_copy(update={"id": f"{question.id}@{number}"}) if number else question
                given |= draw(answers_to(copy))
    return i, given
