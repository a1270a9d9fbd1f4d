"""From the JSON of a questionnaire to an `Instrument`, or to every problem at once.

The document's shape is the model's business; here is what the shape cannot say: references, order, names used
twice, languages.
"""

import hashlib
import json
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice, pairwise
from typing import Any

from surveyapp.documents import MAX_PROBLEMS, Document, nearest, read_document, read_model
from surveyapp.instrument.conditions import conflict, single_tests
from surveyapp.instrument.model import (
    Allocation,
    Check,
    Condition,
    DateQuestion,
    Grid,
    Instrument,
    Item,
    Multiple,
    Note,
    NumberQuestion,
    Option,
    Page,
    Part,
    Question,
    Rank,
    Row,
    Single,
    Text,
    answer_keys,
    choices,
)
from surveyapp.instrument.piping import UNIT_FACTS, placeholders
from surveyapp.problems import Problem, Refused

_COMBINERS = {"all", "any", "not"}

MAX_LABEL = 200
RESERVED = {"csrf_token", "then", "anyway"}
MAX_QUESTIONS = 1_000
"""Far beyond what anybody answers; every draft is padded to what all questions can take."""


@dataclass(frozen=True)
class Examined:
    """A document as far as it can be read: None where it is no JSON, or where it is no questionnaire in shape.

    `problems` are in the order of the lines; an `instrument` that has some must not be fielded.
    """

    document: Document | None
    instrument: Instrument | None
    problems: tuple[Problem, ...]


def read_instrument(content: bytes | str) -> Instrument:
    """The instrument in a JSON document. Raises `Refused` with every problem, in the order of the lines."""
    examined = examine(content)
    if examined.instrument is None or examined.problems:
        raise Refused(examined.problems)
    return examined.instrument


def examine(content: bytes | str) -> Examined:
    """As much of an instrument as there is in a document, and every problem: for somebody who is writing it."""
    try:
        document = read_document(content)
    except Refused as refused:
        return Examined(None, None, tuple(sorted(refused.problems, key=lambda p: p.line or 0)))
    instrument, problems = read_model(Instrument, document)
    if instrument is not None:
        problems = [document.problem(*fault) for fault in islice(_faults(instrument), MAX_PROBLEMS)]
    return Examined(document, instrument, tuple(sorted(problems, key=lambda p: p.line or 0)))


def content_hash(content: bytes | str) -> str:
    """SHA-256 over the document's values: layout and key order do not count, every wording does."""
    return _hash(read_document(content))


def _hash(document: Document) -> str:
    canonical = json.dumps(document.value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def json_schema() -> dict[str, Any]:
    """The JSON Schema of an instrument, for editors: the contents of `instruments/schema.json`."""
    schema = Instrument.model_json_schema(by_alias=True)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "title": "surveyapp instrument",
    }


# ── what the shape cannot say: each fault is (pointer, what, remedy) ──────────────────────────────

Fault = tuple[str, str, str]


def _faults(instrument: Instrument) -> Iterator[Fault]:
    yield from _repeated_ids(instrument)
    if len(instrument.questions) > MAX_QUESTIONS:
        what = f"it asks {len(instrument.questions):,} questions"
        yield "/sections", what, f"ask at most {MAX_QUESTIONS:,}; make two questionnaires of it"
    for place, item in _placed(instrument):
        yield from _item_faults(place, item)
    yield from _order_faults(instrument)
    yield from _language_faults(instrument)
    yield from _repeated("/disclosure/carry", instrument.disclosure.carry, "stratum")


def _pages(instrument: Instrument) -> Iterator[tuple[str, Page]]:
    """Every page with its JSON pointer."""
    for s, section in enumerate(instrument.sections):
        for p, page in enumerate(section.pages):
            yield f"/sections/{s}/pages/{p}", page


def _placed(instrument: Instrument) -> Iterator[tuple[str, Item]]:
    """Every question and note with its JSON pointer."""
    for at, page in _pages(instrument):
        for q, item in enumerate(page.questions):
            yield f"{at}/questions/{q}", item


# ── names ────────────────────────────────────────────────────────────────────


def _repeated(at: str, codes: Iterable[str], kind: str) -> Iterator[Fault]:
    seen: set[str] = set()
    for i, code in enumerate(codes):
        if code in seen:
            yield f"{at}/{i}", f'the {kind} "{code}" is used twice', f"give each {kind} its own"
        seen.add(code)


def _repeated_ids(instrument: Instrument) -> Iterator[Fault]:
    yield from _repeated("/sections", [section.id for section in instrument.sections], "section id")
    places = [(f"{at}/id", page.id) for at, page in _pages(instrument)]
    yield from _twice(places, "page id", "rename one page")
    items = [(f"{at}/id", item.id) for at, item in _placed(instrument)]
    yield from _twice(items, "question id", "give each question its own id")
    yield from _look_alikes(items)
    for at, name in items:
        if name in RESERVED:
            yield at, f'"{name}" is the name of a field of every page', "choose another id"
    taken = {id_ for _, id_ in items}
    for at, page in _pages(instrument):
        if page.repeat and page.id in taken:
            yield f"{at}/id", f'a repeated page and a question are both called "{page.id}"', "rename one of them"
    yield from _rename_faults(instrument)


def _twice(places: Iterable[tuple[str, str]], kind: str, do: str) -> Iterator[Fault]:
    seen: set[str] = set()
    for at, name in places:
        if name in seen:
            yield at, f'the {kind} "{name}" is used twice', do
        seen.add(name)


def _look_alikes(places: Iterable[tuple[str, str]]) -> Iterator[Fault]:
    """Ids that differ only in characters that look the same, such as l and 1."""
    seen: dict[str, str] = {}
    for at, name in places:
        first = seen.setdefault(look(name), name)
        if first != name:
            yield at, f'"{name}" looks like "{first}"', "choose a name that nobody mistakes for the other"


def look(name: str) -> str:
    """What a reader sees of a name: two with the same look are taken for each other."""
    return name.translate(_ALIKE).replace("_", "")


_ALIKE = str.maketrans("l1o0", "iioo")


def _rename_faults(instrument: Instrument) -> Iterator[Fault]:
    was = [(f"{at}/was", item.was) for at, item in _placed(instrument) if not isinstance(item, Note) and item.was]
    yield from _twice(was, "former id", "one question can follow one former question")
    for at, name in was:
        if name in instrument.questions:
            yield at, f'"{name}" is still a question here', "a former id must be gone; remove one of the two"


# ── one question by itself ───────────────────────────────────────────────────


def _item_faults(place: str, item: Item) -> Iterator[Fault]:
    for name, kind in (("options", "option"), ("rows", "row"), ("scale", "scale point")):
        if entries := getattr(item, name, None):
            yield from _list_faults(f"{place}/{name}", entries, kind)
    match item:
        case NumberQuestion():
            yield from _number_faults(place, item)
        case DateQuestion() if item.min and item.max and item.min > item.max:
            yield f"{place}/max", "the latest day is before the earliest", "exchange min and max"
        case Rank() if item.top and item.top > len(item.options):
            yield f"{place}/top", f"there are {len(item.options)} options to rank", "lower top, or leave it out"
        case Multiple() if item.at_most and item.at_most >= len(item.options):
            yield f"{place}/at_most", f"there are {len(item.options)} options", "lower at_most, or leave it out"
        case Single() if item.ordinal and item.order == "random":
            yield f"{place}/order", "a scale in random order cannot be read", "use fixed or reversed-half"
    if not isinstance(item, Note):
        yield from _flag_faults(place, item)


def _number_faults(place: str, question: NumberQuestion) -> Iterator[Fault]:
    if question.min is not None and question.max is not None and question.min > question.max:
        yield f"{place}/max", f"{question.max} is below the least value, {question.min}", "exchange min and max"
    bands = question.bands or []
    for i, (low, high) in enumerate(pairwise(bands), 1):
        if high <= low:
            yield f"{place}/bands/{i}", f"{high} is not above {low}", "write the lower bounds in rising order"


def _list_faults(at: str, entries: Sequence[Option | Row], kind: str) -> Iterator[Fault]:
    yield from _repeated(at, [entry.code for entry in entries], f"{kind} code")
    yield from _look_alikes([(f"{at}/{i}/code", entry.code) for i, entry in enumerate(entries)])
    labels: set[tuple[str, str]] = set()
    for i, entry in enumerate(entries):
        for language, label in (entry.label.translations or {"": str(entry.label)}).items():
            folded = " ".join(label.casefold().split())
            if (language, folded) in labels:
                yield f"{at}/{i}/label", f'two {kind}s read "{label[:40]}"', "word them so that they differ"
            labels.add((language, folded))
            if len(label) > MAX_LABEL:
                what = f"the label has {len(label)} characters"
                yield f"{at}/{i}/label", what, f"use at most {MAX_LABEL}; put the rest into the hint"


def _flag_faults(place: str, question: Question) -> Iterator[Fault]:
    name = "scale" if isinstance(question, Grid) else "options"
    for i, option in enumerate(choices(question)):
        at = f"{place}/{name}/{i}"
        if option.exclusive and not isinstance(question, Multiple):
            yield f"{at}/exclusive", "only an option of a multiple can be exclusive", "remove it"
        if option.specify and not isinstance(question, Single | Multiple):
            yield f"{at}/specify", f"a {question.type} cannot ask for words", "ask in a question of its own"
        if option.show_if and isinstance(question, Grid):
            yield f"{at}/show_if", "all rows of a grid share one scale", "remove it, or ask in two grids"
    for part in ("options", "rows") if question.notes else ():
        for i, entry in enumerate(getattr(question, part, None) or []):
            if entry.code == "notes":
                what = f'"{question.id}.notes" is where the notes are kept'
                yield f"{place}/{part}/{i}/code", what, "choose another code"


# ── order: conditions, checks and pipes read what was asked before ───────────


def _order_faults(instrument: Instrument) -> Iterator[Fault]:
    """One walk through the questionnaire: at each place only what was asked before can be read."""
    walk = _Walk(instrument)
    for s, section in enumerate(instrument.sections):
        around = yield from walk.conditions(f"/sections/{s}/show_if", section.show_if, [])
        yield from walk.plain(f"/sections/{s}/title", section.title)
        for p, page in enumerate(section.pages):
            yield from walk.page(f"/sections/{s}/pages/{p}", page, around)
    for name in ("title", "respondent", "intro", "privacy", "thanks"):
        yield from walk.plain(f"/{name}", getattr(instrument, name))


class _Walk:
    """What has been asked so far, and the faults of what reads it."""

    def __init__(self, instrument: Instrument) -> None:
        self.instrument = instrument
        self.everything = instrument.questions
        self.earlier: dict[str, Question] = {}
        self.closed: set[str] = set()
        self.needs: dict[str, list[Condition]] = {}

    def page(self, at: str, page: Page, around: list[Condition]) -> Iterator[Fault]:
        """A page: its condition, its items in order, its checks. Repeated questions cannot be read afterwards."""
        inside = yield from self.conditions(f"{at}/show_if", page.show_if, around)
        yield from self.text(f"{at}/title", page.title)
        yield from self.plain(f"{at}/repeat/item", page.repeat.item if page.repeat else None)
        for q, item in enumerate(page.questions):
            yield from self.item(f"{at}/questions/{q}", item, inside)
        for c, check in enumerate(page.checks):
            yield from self.check(f"{at}/checks/{c}", check, page)
        if page.repeat:
            self.closed |= {question.id for question in page.asked}

    def item(self, at: str, item: Item, around: list[Condition]) -> Iterator[Fault]:
        """A question or note: its condition, its texts, the conditions of its parts."""
        inside = yield from self.conditions(f"{at}/show_if", item.show_if, around)
        self.needs[item.id] = inside
        for place, text in _texts(item, at):
            filled = place in {f"{at}/text", f"{at}/hint"}
            yield from self.text(place, text) if filled else self.plain(place, text)
        for name in ("options", "rows"):
            for i, entry in enumerate(getattr(item, name, None) or []):
                needed = yield from self.conditions(f"{at}/{name}/{i}/show_if", entry.show_if, inside)
                self.needs[f"{item.id}.{entry.code}"] = needed
        if not isinstance(item, Note):
            self.earlier[item.id] = item

    def conditions(
        self, at: str, condition: Condition | None, around: list[Condition]
    ) -> Generator[Fault, None, list[Condition]]:
        """A condition: every single test in it, tests that contradict each other or the conditions `around` it.

        Returns the conditions around what it guards; a faulty one is left out, so that its fault is told once.
        """
        if condition is None:
            return around
        faults = [fault for place, test in single_tests(condition, at) for fault in self._test(place, test)]
        faults = faults or list(_contradictions(at, condition)) or list(self._never(at, [*around, condition]))
        yield from faults
        return around if faults else [*around, condition]

    def _never(self, at: str, together: list[Condition]) -> Iterator[Fault]:
        if name := conflict(together, self.earlier, self.needs):
            what = f'this is never shown: no answer to "{name}" fits all conditions'
            yield at, what, "compare it with the conditions around it and of the questions that it reads"

    def _test(self, at: str, test: Condition) -> Iterator[Fault]:
        operators = {name for name in test.operators if name != "question"}
        pair = {"at_least", "at_most"}
        if test.question is None or operators & _COMBINERS or not (len(operators) == 1 or operators == pair):
            yield at, "a condition needs one question and one test of it", 'write {"question": "q", "is": "code"}'
            return
        name, _, row = test.question.partition(".")
        fault = self._unreadable(name, "a condition may read")
        if fault:
            yield f"{at}/question", *fault
        else:
            yield from operand_faults(at, test, self.earlier[name], row)

    def _unreadable(self, name: str, who: str) -> tuple[str, str] | None:
        """Why a question cannot be read here, and what to do."""
        if name not in self.everything:
            return f'there is no question "{name[:60]}"', nearest(name, set(self.everything))
        if name not in self.earlier:
            return f'"{name}" comes later', f"{who} earlier questions only"
        if name in self.closed:
            return f'"{name}" is asked several times', f"{who} it on its own page only"
        return None

    def check(self, at: str, check: Check, page: Page) -> Iterator[Fault]:
        """A check: its operands are numbers that have been asked, one of them on this page."""
        bounds = [(name, value) for name in ("equals", "at_most") if (value := getattr(check, name)) is not None]
        if len(bounds) != 1:
            yield at, "a check needs a sum and one bound", 'write "equals" or "at_most"'
        places = [(f"{at}/sum/{i}", name) for i, name in enumerate(check.sum)]
        places += [(f"{at}/{name}", value) for name, value in bounds if isinstance(value, str)]
        for place, operand in places:
            yield from self._number(place, operand)
        yield from self.plain(f"{at}/message", check.message)
        here = {question.id for question in page.asked}
        if not here & {operand.partition(".")[0] for _, operand in places}:
            yield at, "the check reads nothing of its own page", "move it to the page of its last question"

    def _number(self, at: str, operand: str) -> Iterator[Fault]:
        name, _, row = operand.partition(".")
        fault = self._unreadable(name, "a check may read")
        if fault:
            yield at, *fault
            return
        question = self.earlier[name]
        if isinstance(question, Allocation):
            yield from _row_faults(at, question, row)
        elif row or not isinstance(question, NumberQuestion):
            yield at, f'"{operand}" is not a number', "a sum reads number questions and rows of an allocation"

    def text(self, at: str, text: Text | None) -> Iterator[Fault]:
        """A text: every placeholder names an earlier answer or a fact of the organisation."""
        for wording in _wordings(text):
            for kind, name in placeholders(wording):
                yield from self._placeholder(at, kind, name)

    def _placeholder(self, at: str, kind: str, name: str) -> Iterator[Fault]:
        known = [*UNIT_FACTS, *self.instrument.disclosure.carry]
        if kind == "unit" and name not in known:
            yield at, f'"{{unit.{name[:40]}}}" is not known', nearest(name, known)
        elif kind == "answers":
            question = name.partition(".")[0]
            fault = self._unreadable(question, "a text may read")
            if fault:
                yield at, *fault
            elif name not in answer_keys(self.earlier[question]):
                keys = list(answer_keys(self.earlier[question]))
                yield at, f'"{{answers.{name[:40]}}}" is no answer', f"use one of: {', '.join(keys[:8])}"
        elif not kind:
            do = "write {answers.question} or {unit.stratum}; leave other braces out"
            yield at, f'"{{{name[:40]}}}" is no placeholder', do

    def plain(self, at: str, text: Text | None) -> Iterator[Fault]:
        """A text that is the same for everybody: labels that are tabulated, what stands outside the pages."""
        for wording in _wordings(text):
            if any(placeholders(wording)):
                yield at, "nothing can be filled in here", "leave the braces out"


def _wordings(text: Text | None) -> list[str]:
    """The wording in every language."""
    return [] if text is None else list(text.translations.values()) or [str(text)]


def operand_faults(at: str, test: Condition, question: Question, row: str) -> Iterator[Fault]:
    """What is wrong with a single test of a question, or of one row of it: place, what, what to do."""
    if isinstance(question, Grid | Allocation):
        yield from _row_faults(f"{at}/question", question, row)
    elif row:
        yield f"{at}/question", f'"{question.id}" has no rows', f'write "{question.id}"'
    fit = _FITTING[question.type]
    operator = next(name for name in test.operators if name != "question")
    if operator != "answered" and operator not in fit:
        others = f"{', '.join(fit)} or answered" if fit else "answered"
        yield at, f'"{operator}" does not fit the type {question.type}', f"use {others}"
        return
    codes = {option.code for option in choices(question)}
    values = [("is", test.is_), ("includes", test.includes)]
    values += [(f"in/{i}", value) for i, value in enumerate(test.in_ or [])]
    for key, value in values:
        if value is not None and value not in codes:
            yield f"{at}/{key}", f'"{question.id}" has no code "{value[:60]}"', nearest(value, codes)
    yield from _bound_faults(at, test, question)


def _row_faults(at: str, question: Grid | Allocation, row: str) -> Iterator[Fault]:
    codes = [r.code for r in question.rows]
    if not row:
        yield at, f'"{question.id}" has rows', f'name one of them, as in "{question.id}.{codes[0]}"'
    elif row not in codes:
        yield at, f'"{question.id}" has no row "{row[:60]}"', nearest(row, codes)


_FITTING: dict[str, tuple[str, ...]] = {
    "single": ("is", "in"),
    "grid": ("is", "in"),
    "multiple": ("includes",),
    "rank": ("includes",),
    "number": ("at_least", "at_most"),
    "allocation": ("at_least", "at_most"),
    "date": (),
    "text": (),
}


def _bound_faults(at: str, test: Condition, question: Question) -> Iterator[Fault]:
    """Bounds that no answer can meet."""
    low, high = test.at_least, test.at_most
    if low is not None and high is not None and low > high:
        yield at, f"no number is at least {low} and at most {high}", "exchange the bounds"
    least, most = _ends(question)
    if low is not None and most is not None and low > most:
        yield f"{at}/at_least", f'"{question.id}" is never over {most}', "lower the bound, or remove the condition"
    if high is not None and least is not None and high < least:
        yield (
            f"{at}/at_most",
            f'"{question.id}" is never under {least}',
            "raise the bound, or remove the condition",
        )


def _ends(question: Question) -> tuple[Decimal | None, Decimal | None]:
    """The least and the greatest number that can be answered."""
    if isinstance(question, Allocation):
        return Decimal(0), Decimal(question.total)
    return (question.min, question.max) if isinstance(question, NumberQuestion) else (None, None)


def _contradictions(at: str, condition: Condition) -> Iterator[Fault]:
    """An `all` that asks one question to have two answers at once: what it guards can never be shown."""
    allowed: dict[str, set[str]] = {}
    for i, part in enumerate(condition.all_ or []):
        codes = {part.is_} if part.is_ is not None else set(part.in_ or [])
        if part.question is None or not codes:
            continue
        before = allowed.get(part.question)
        allowed[part.question] = codes if before is None else before & codes
        if not allowed[part.question]:
            what = f'"{part.question}" cannot have both answers at once'
            yield f"{at}/all/{i}", what, 'use "any", or remove one of the two'
    for key in ("all_", "any_"):
        for i, part in enumerate(getattr(condition, key) or []):
            yield from _contradictions(f"{at}/{key.rstrip('_')}/{i}", part)


# ── languages ────────────────────────────────────────────────────────────────


def _language_faults(instrument: Instrument) -> Iterator[Fault]:
    yield from _repeated("/languages", instrument.languages, "language")
    wanted, first = set(instrument.languages), instrument.languages[0]
    for at, text in _texts(instrument, ""):
        given = set(text.translations) or {first}
        if first in given and next(iter(text.translations), first) != first:
            yield at, f"the wording in {first} does not come first", f'write it first, as in "languages": {first}'
        if absent := sorted(wanted - given):
            yield at, f"there is no wording in {', '.join(absent)}", "add it"
        if extra := sorted(given - wanted):
            yield at, f"{', '.join(extra)} is not a language of this questionnaire", 'name it in "languages"'


def _texts(part: object, at: str) -> Iterator[tuple[str, Text]]:
    """Every wording with its JSON pointer."""
    if isinstance(part, Text):
        yield at, part
    elif isinstance(part, list):
        for i, entry in enumerate(part):
            yield from _texts(entry, f"{at}/{i}")
    elif isinstance(part, Part):
        for name, field in type(part).model_fields.items():
            value = getattr(part, name)
            if isinstance(value, Text | list | Part):  # most are neither: an editor asks at each pause of the keys
                yield from _texts(value, f"{at}/{field.alias or name}")
