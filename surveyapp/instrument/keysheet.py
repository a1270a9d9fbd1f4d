"""The questionnaire for whoever keys in paper returns: the numbers of the paper, and boxes to type in."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from surveyapp.instrument.keying import Box, Key, boxes, keys_of
from surveyapp.instrument.model import Instrument, Note, Page, Question, Section, choices
from surveyapp.instrument.outline import (
    Amount,
    Ask,
    Choice,
    Choices,
    Leaf,
    Part,
    Places,
    Scale,
    Shares,
    outline,
)
from surveyapp.instrument.outline import Line as Row
from surveyapp.instrument.routing import count_key


@dataclass(frozen=True)
class Labelled:
    """An option: what is typed for it and what the paper says; `route` is for whom it is."""

    number: str
    label: str
    route: str = ""


@dataclass(frozen=True)
class Place:
    """A box with what stands beside it; "" where that is the question itself.

    `option` is the number of the option whose words it takes, "" for every other box.
    """

    box: Box
    label: str
    before: str = ""
    after: str = ""
    option: str = ""


@dataclass(frozen=True)
class Entry:
    """One question: its number on the paper, its words, whom it is for, its options, its boxes.

    `beside` are the boxes for words that go with an option, and for an interviewer's notes.
    """

    id: str
    number: int
    text: str
    route: str
    options: tuple[Labelled, ...]
    places: tuple[Place, ...]
    beside: tuple[Place, ...] = ()


@dataclass(frozen=True)
class Group:
    """A page of the questionnaire, or item `number` of a repeated one.

    `more` is the page whose button adds an item after this one, `item` what one is called, `count` the box that
    says how many the paper has.
    """

    title: str
    directions: tuple[str, ...]
    entries: tuple[Entry, ...]
    number: int = 0
    item: str = ""
    more: str = ""
    count: Box | None = None


@dataclass(frozen=True)
class Sheet:
    """A section of the questionnaire."""

    number: int
    title: str
    directions: tuple[str, ...]
    groups: tuple[Group, ...]


def keysheet(instrument: Instrument, items: Mapping[str, int], language: str = "") -> list[Sheet]:
    """The sections in the order of the paper; `items` says how many there are of each repeated page, by its id."""
    paper, known = outline(instrument, language), boxes(instrument)
    return [
        _sheet(section, part, items, known) for section, part in zip(instrument.sections, paper.parts, strict=True)
    ]


def _sheet(section: Section, part: Part, items: Mapping[str, int], known: Mapping[str, Box]) -> Sheet:
    groups = (
        group
        for page, leaf in zip(section.pages, part.leaves, strict=True)
        for group in _groups(page, leaf, items, known)
    )
    return Sheet(part.number, part.title, part.directions, tuple(groups))


def _groups(page: Page, leaf: Leaf, items: Mapping[str, int], known: Mapping[str, Box]) -> Iterator[Group]:
    if page.repeat is None:
        yield Group(leaf.title, leaf.directions, _entries(page, leaf, 0, known))
        return
    shown = max(1, min(items.get(page.id, 1), page.repeat.max))
    for number in range(1, shown + 1):
        yield Group(
            title=leaf.title,
            directions=leaf.directions if number == 1 else (),
            entries=_entries(page, leaf, number, known),
            number=number,
            item=str(page.repeat.item),
            more=page.id if number == shown < page.repeat.max else "",
            count=known[count_key(page)] if number == 1 else None,
        )


def _entries(page: Page, leaf: Leaf, number: int, known: Mapping[str, Box]) -> tuple[Entry, ...]:
    both = zip(page.questions, leaf.items, strict=True)
    return tuple(
        _entry(item, ask, number, known)
        for item, ask in both
        if not isinstance(item, Note) and isinstance(ask, Ask)
    )


def _entry(question: Question, ask: Ask, number: int, known: Mapping[str, Box]) -> Entry:
    name = f"{question.id}@{number}" if number else question.id
    own = [box for box in known.values() if box.question == name]
    main = [box for box in own if box.kind != "words" or box.name == name]
    return Entry(
        id=name,
        number=ask.number,
        text=ask.text,
        route=ask.route,
        options=tuple(_options(keys_of(choices(question)), ask)),
        places=tuple(_places(main, ask)),
        beside=tuple(_beside(question, box) for box in own if box not in main),
    )


def _options(keys: Sequence[Key], ask: Ask) -> Iterator[Labelled]:
    match ask.space:
        case Choices(options, _):
            for key, option in zip(keys, options, strict=True):
                yield Labelled(key.number, option.label, _for_whom(option))
        case Scale(_, points):
            for key, point in zip(keys, points, strict=True):
                yield Labelled(key.number, point)


def _places(own: Sequence[Box], ask: Ask) -> Iterator[Place]:
    lines: Sequence[Row | Choice] = ()
    unit = Amount("", "")
    match ask.space:
        case Scale(rows, _):
            lines = rows
        case Shares(rows, _, unit):
            lines = rows
        case Places(options, _):
            lines = options
        case Amount():
            unit = ask.space
    for box, line in zip_longest(own, lines):
        label = f"{line.letter}. {line.label}" if isinstance(line, Row) else line.label if line else ""
        yield Place(box, " ".join(filter(None, (label, _for_whom(line)))), unit.before, unit.after)


def _for_whom(line: Row | Choice | None) -> str:
    return f"({line.route})" if line and line.route else ""


def _beside(question: Question, box: Box) -> Place:
    rest = box.name.partition(".")[2]
    options = choices(question)
    for key, option in zip(keys_of(options), options, strict=True):
        if rest == f"{option.code}.text":
            return Place(box, f"Words beside “{option.label}”", option=key.number)
    return Place(box, "Interviewer’s notes")
