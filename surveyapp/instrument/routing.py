"""Who is asked what: a pure, forward-only function of the answers.

A route is a row of steps. A step is a page, or one item of a repeated page, with what is shown on it: questions
and notes whose conditions hold, with those of their options and rows whose conditions hold. What is off the
route is not asked: an answer to it, if there once was one, opens no later question and is never submitted.

Item n of a repeated page holds the same questions under the ids `question@n`; how many items there are is the
answer `page.count`, at least one.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from surveyapp.instrument.conditions import Answers, holds, renamed
from surveyapp.instrument.model import (
    Allocation,
    Grid,
    Instrument,
    Item,
    Multiple,
    Option,
    Page,
    Question,
    Rank,
    Row,
    Section,
    answer_keys,
)
from surveyapp.instrument.piping import reworded

Kept = dict[str, str | list[str]]


@dataclass(frozen=True)
class Step:
    """A page, or item `number` (from 1) of a repeated page, with what is shown on it."""

    page: Page
    section: Section
    number: int
    items: tuple[Item, ...]

    @cached_property
    def name(self) -> str:
        """The page's id; with `-2` for the second item of a repeated page."""
        return f"{self.page.id}-{self.number}" if self.number else self.page.id

    @cached_property
    def questions(self) -> tuple[Question, ...]:
        """What is asked here."""
        return tuple(item for item in self.items if item.type != "note")


@dataclass(frozen=True)
class Route:
    """What these answers lead through. `answers` are those on the route, in questionnaire order."""

    steps: tuple[Step, ...]
    answers: Kept = field(repr=False)

    @cached_property
    def shown(self) -> dict[str, tuple[Item, ...]]:
        """What is shown on each step, by its name."""
        return {step.name: step.items for step in self.steps}

    @cached_property
    def pages(self) -> list[str]:
        """The names of the steps, in order."""
        return list(self.shown)

    @cached_property
    def sections(self) -> tuple[Section, ...]:
        """The sections in which something is asked, in order."""
        return tuple({step.section.id: step.section for step in self.steps if step.questions}.values())

    @cached_property
    def asked(self) -> frozenset[str]:
        """The keys asked: each question's id, each shown row, each shown option of a multiple or rank."""
        return frozenset(
            key for step in self.steps for question in step.questions for key in _asked_keys(question)
        )

    def step(self, name: str) -> Step | None:
        """The step of this name, if it is on the route."""
        return next((step for step in self.steps if step.name == name), None)

    def before(self, name: str) -> str | None:
        """The step before this one."""
        i = self.pages.index(name)
        return self.pages[i - 1] if i else None

    def after(self, name: str) -> str | None:
        """The step after this one."""
        i = self.pages.index(name) + 1
        return self.pages[i] if i < len(self.pages) else None


def route(instrument: Instrument, answers: Answers) -> Route:
    """The route that `answers` take through `instrument`."""
    seen: Kept = {}
    steps = []
    for section in instrument.sections:
        if not holds(section.show_if, seen):
            continue
        for page in section.pages:
            if holds(page.show_if, seen):
                steps += _steps(section, page, answers, seen)
    return Route(tuple(steps), seen)


def _steps(section: Section, page: Page, answers: Answers, seen: Kept) -> list[Step]:
    """A page, or its items one by one; without anything to show it is passed over, and its number is dropped."""
    if page.plain:
        for item in page.plain:
            if item.type != "note":
                _collect(item, answers, seen)
        return [_plain_step(section, page)]
    shown = [(number, _shown(page, number, answers, seen)) for number in _numbers(page, answers, seen)]
    steps = [Step(page, section, number, items) for number, items in shown if items]
    if not steps:
        seen.pop(count_key(page), None)
    return steps


_plain: dict[int, Step] = {}
"""Steps that are the same on every route, by the identity of their page, which they hold."""

MOST_PLAIN = 4096


def _plain_step(section: Section, page: Page) -> Step:
    step = _plain.get(id(page))
    if step is None or step.section is not section:
        if len(_plain) >= MOST_PLAIN:
            _plain.clear()
        step = _plain[id(page)] = Step(page, section, 0, page.plain)
    return step


def prune(instrument: Instrument, answers: Answers) -> Kept:
    """The answers on the route, in questionnaire order: what is submitted."""
    return route(instrument, answers).answers


def count_key(page: Page) -> str:
    """The key under which the number of items of a repeated page is kept."""
    return f"{page.id}.count"


def without_item(step: Step, answers: Answers) -> Kept:
    """The answers without those to one item of a repeated page; the items after it move up."""
    ids = {item.id for item in step.page.questions}
    kept: Kept = {}
    for key, answer in answers.items():
        name, _, rest = key.partition("@")
        number = int(rest.partition(".")[0]) if rest and name in ids else 0
        if number != step.number or not number:
            moved = f"{name}@{number - 1}{rest.removeprefix(str(number))}" if number > step.number else key
            kept[moved] = answer if isinstance(answer, str) else list(answer)
    return kept


def _numbers(page: Page, answers: Answers, seen: Kept) -> range:
    """The items of a page: 0 alone if it is not repeated."""
    if page.repeat is None:
        return range(1)
    given = answers.get(count_key(page))
    count = int(given) if isinstance(given, str) and given.isascii() and given.isdigit() and len(given) < 4 else 1
    count = max(1, min(count, page.repeat.max))
    seen[count_key(page)] = str(count)
    return range(1, count + 1)


def _shown(page: Page, number: int, answers: Answers, seen: Kept) -> tuple[Item, ...]:
    """What is shown of a page; the answers to it join `seen`, which later conditions read."""
    items = []
    for item in _items_of(page, number):
        if holds(item.show_if, seen) and (shown := _with_shown_parts(item, seen)):
            items.append(shown)
            if shown.type != "note":
                _collect(shown, answers, seen)
    return tuple(items)


def _items_of(page: Page, number: int) -> tuple[Item, ...]:
    return _repeated(page, number) if number else tuple(page.questions)


def _repeated(page: Page, number: int) -> tuple[Item, ...]:
    """The page's items for its nth thing: own ids, and conditions that read the answers of the same thing."""
    names = {item.id: f"{item.id}@{number}" for item in page.questions}
    return tuple(_renamed_item(item, names) for item in page.questions)


def _renamed_item(item: Item, names: Mapping[str, str]) -> Item:
    changes = _renamed_texts(item, names) | {"id": names[item.id], "show_if": renamed(item.show_if, names)}
    for part in ("options", "rows"):
        if entries := getattr(item, part, None):
            show_ifs = [{"show_if": renamed(entry.show_if, names)} for entry in entries]
            texts = [_renamed_texts(entry, names) for entry in entries]
            changes[part] = [e.model_copy(update=t | s) for e, t, s in zip(entries, texts, show_ifs, strict=True)]
    copy: Item = item.model_copy(update=changes)
    return copy


def _renamed_texts(part: Item | Option | Row, names: Mapping[str, str]) -> dict[str, object]:
    texts = {name: getattr(part, name, None) for name in ("text", "hint", "label")}
    return {name: reworded(text, names) for name, text in texts.items() if text}


def _with_shown_parts(item: Item, seen: Answers) -> Item | None:
    """The item with the options and rows that are shown; None if none of them is."""
    if item.type == "note":
        return item
    for part in item.conditional:
        shown = [entry for entry in getattr(item, part) if holds(entry.show_if, seen)]
        if not shown:
            return None
        item = item.model_copy(update={part: shown})
    return item


def _collect(question: Question, answers: Answers, seen: Kept) -> None:
    """Keep the answers to a question as shown: a code whose option is hidden is no answer."""
    for key in answer_keys(question):
        answer = answers.get(key)
        if not answer:
            continue
        if isinstance(answer, str):
            if key != question.id or question.type != "single" or answer in question.offered:
                seen[key] = answer
        elif kept := [
            code for code in answer if question.type not in {"multiple", "rank"} or code in question.offered
        ]:
            seen[key] = kept
    if question.specified:
        _drop_words_of_options_not_chosen(question, seen)


def _drop_words_of_options_not_chosen(question: Question, seen: Kept) -> None:
    answer = seen.get(question.id, "")
    chosen = [answer] if isinstance(answer, str) else answer
    for code, key in question.specified.items():
        if code not in chosen:
            seen.pop(key, None)


def _asked_keys(question: Question) -> Iterator[str]:
    yield question.id
    if isinstance(question, Grid | Allocation):
        yield from (f"{question.id}.{row.code}" for row in question.rows)
    elif isinstance(question, Multiple | Rank):
        yield from (f"{question.id}.{option.code}" for option in question.options)
