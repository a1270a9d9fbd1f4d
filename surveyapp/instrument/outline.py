"""A questionnaire as it stands on paper: numbered questions, answer spaces, and routing in words.

A writer of any kind of file follows an `Outline` from top to bottom and decides on looks alone. Questions are
numbered 1, 2, 3 … through the whole questionnaire, rows a, b, c …; conditions and `{answers.x}` name them by
these numbers. Our own words are English; the author's come in the language asked for.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import reduce
from types import MappingProxyType

from surveyapp.instrument.answers import MAX_NOTES, MAX_SPECIFY
from surveyapp.instrument.conditions import Answers
from surveyapp.instrument.model import (
    CURRENCIES,
    Allocation,
    Condition,
    DateQuestion,
    Grid,
    Instrument,
    Item,
    Multiple,
    Note,
    NumberQuestion,
    OpenText,
    Option,
    Page,
    Question,
    Rank,
    Row,
    Section,
    Single,
    Text,
    answer_keys,
    choices,
    specify_key,
)
from surveyapp.instrument.piping import UNIT_FACTS, fill
from surveyapp.instrument.routing import count_key

NOTE_LINES = 5
_MAX_LINES, _LETTERS_A_LINE, _LETTERS_A_WORD = 12, 200, 6

Prose = tuple[str | tuple[str, ...], ...]
"""Paragraphs; a list is a tuple of its items."""


# ── what a writer follows ────────────────────────────────────────────────────


@dataclass(frozen=True)
class Choice:
    """One option: `route` says for whom it is ("" for all), `alone` that it goes with no other."""

    label: str
    route: str = ""
    specify: bool = False
    alone: bool = False


@dataclass(frozen=True)
class Line:
    """One lettered row."""

    letter: str
    label: str
    route: str = ""


@dataclass(frozen=True)
class Choices:
    """Options with circles, or with squares where there may be `many`."""

    options: tuple[Choice, ...]
    many: bool


@dataclass(frozen=True)
class Scale:
    """A table of rows by points of a scale, a circle in each cell."""

    rows: tuple[Line, ...]
    points: tuple[str, ...]


@dataclass(frozen=True)
class Amount:
    """A box for a number, with what stands before and after it."""

    before: str
    after: str


@dataclass(frozen=True)
class Shares:
    """A box a row; together they come to `total`."""

    rows: tuple[Line, ...]
    total: str
    unit: Amount


@dataclass(frozen=True)
class Places:
    """A box an option, for its place from 1 to `last`."""

    options: tuple[Choice, ...]
    last: int


@dataclass(frozen=True)
class Day:
    """Boxes for day, month and year."""


@dataclass(frozen=True)
class Ruled:
    """Lines to write on."""

    lines: int


Space = Choices | Scale | Amount | Shares | Places | Day | Ruled


@dataclass(frozen=True)
class Ask:
    """One question: its number, who it is for, its words, how to answer and where."""

    number: int
    text: str
    hint: str
    route: str
    how: str
    space: Space
    probes: tuple[str, ...] = ()
    note_lines: int = 0


@dataclass(frozen=True)
class Aside:
    """Words between questions."""

    words: Prose
    route: str


@dataclass(frozen=True)
class Leaf:
    """A page: its title ("" for none), directions above it, its items."""

    title: str
    directions: tuple[str, ...]
    items: tuple[Ask | Aside, ...]


@dataclass(frozen=True)
class Part:
    """A section."""

    number: int
    title: str
    directions: tuple[str, ...]
    leaves: tuple[Leaf, ...]


@dataclass(frozen=True)
class Variable:
    """A line of the annex: the place of the question, the variable, its type, its codes or its limits."""

    place: str
    name: str
    type: str
    codes: tuple[tuple[str, str], ...] = ()
    remark: str = ""


@dataclass(frozen=True)
class Outline:
    """A whole questionnaire on paper."""

    name: str
    title: str
    language: str
    facts: tuple[tuple[str, str], ...]
    front: tuple[tuple[str, Prose], ...]
    parts: tuple[Part, ...]
    end: tuple[tuple[str, Prose], ...]
    annex: tuple[Variable, ...]


def outline(
    instrument: Instrument,
    language: str = "",
    answers: Answers = MappingProxyType({}),
    unit: Mapping[str, str] = MappingProxyType({}),
) -> Outline:
    """The questionnaire on paper, in `language` or else in its first one.

    What is known of the answers and of the organisation is filled in; the rest is said in square brackets.
    """
    wording = _Wording(instrument, language or instrument.languages[0])
    wording.answers |= {key: answer for key, answer in answers.items() if answer}
    wording.facts |= {fact: value for fact, value in unit.items() if value}
    return Outline(
        name=instrument.name,
        title=wording(instrument.title),
        language=wording.language,
        facts=tuple(_facts(wording)),
        front=tuple(_front(wording)),
        parts=tuple(_part(section, i, wording) for i, section in enumerate(instrument.sections, 1)),
        end=_end(wording),
        annex=tuple(v for page in instrument.pages for v in _variables(page, wording)),
    )


def letters(index: int) -> str:
    """The letters of a row: a, b, … z, aa, ab, … for 0, 1, and so on."""
    before, last = divmod(index, 26)
    return (letters(before - 1) if before else "") + chr(ord("a") + last)


def conditions_in_words(instrument: Instrument, language: str) -> Callable[[Condition | None], str]:
    """What says a condition of this instrument as `only if you chose “Yes” at question 3`; "" for none."""
    return _Wording(instrument, language).only_if


class _Wording:
    """How things are said in one questionnaire: the author's texts, where questions stand, conditions."""

    def __init__(self, instrument: Instrument, language: str) -> None:
        self.instrument, self.language = instrument, language
        self.spoken = instrument.mode == "interviewer"
        self.who, self.whose = ("the participant", "their") if self.spoken else ("you", "your")
        self.verb = "Ask" if self.spoken else "Answer"
        self.numbers = {id_: i for i, id_ in enumerate(instrument.questions, 1)}
        self.places = dict(self._places())
        self.answers: dict[str, str | Sequence[str]] = {
            key: self._piped(question, key)
            for question in instrument.questions.values()
            for key in answer_keys(question)
        }
        self.facts = {fact: f"[{self.whose} {fact.replace('_', ' ')}]" for fact in instrument.disclosure.carry}
        facts = {"name": "name", "unit": "reference"}
        self.facts |= {fact: f"[the {facts[fact]} of {self.whose} organisation]" for fact in UNIT_FACTS}

    def __call__(self, text: Text | None) -> str:
        """An author's text, with what would be filled in online said in square brackets."""
        if text is None:
            return ""
        return fill(text.in_language(self.language), self.instrument, self.answers, self.facts, self.language)

    def only_if(self, condition: Condition | None) -> str:
        """`only if you chose “Yes” at question 3`; "" for no condition."""
        return f"only if {self.who} {in_words(condition, self.leaf)}" if condition else ""

    def route(self, what: str, condition: Condition | None) -> str:
        """A sentence such as `Answer questions 4 and 5 only if …`."""
        return f"{what} {self.only_if(condition)}." if condition else ""

    def leaf(self, test: Condition, negated: bool) -> "_Test":
        """A single test of one answer."""
        key = test.question or ""
        name = key.partition(".")[0]
        question = self.instrument.questions[name]
        place = (self.places[key],)
        if test.answered is not None:
            return _Test("answer", (), place, negated != (test.answered is False))
        labels = {option.code: self(option.label) for option in choices(question)}
        codes = [code for code in (test.is_, test.includes, *(test.in_ or ())) if code is not None]
        if codes:
            verb = "rank" if isinstance(question, Rank) else "choose"
            return _Test(
                verb, tuple(f"“{labels[code]}”" for code in codes), place, negated, "or"[: 2 * (len(codes) > 1)]
            )
        return _Test("give", (_bounds(test, _unit(question, self)),), place, negated)

    def _places(self) -> Iterator[tuple[str, str]]:
        for question in self.instrument.questions.values():
            number = str(self.numbers[question.id])
            yield question.id, number
            if isinstance(question, Grid | Allocation):
                for i, row in enumerate(question.rows):
                    yield f"{question.id}.{row.code}", f"{number}{letters(i)}"

    def _piped(self, question: Question, key: str) -> str:
        answer = "the answer" if self.spoken else "your answer"
        return f"[{answer} to question {self.places.get(key, self.places[question.id])}]"


# ── conditions in words ──────────────────────────────────────────────────────


_PAST = {"choose": "chose", "rank": "ranked", "give": "gave", "answer": "answered"}


@dataclass(frozen=True)
class _Test:
    """`chose “A” or “B” at question 2a`, or that they did not."""

    verb: str
    labels: tuple[str, ...]
    places: tuple[str, ...]
    negated: bool = False
    labels_link: str = ""
    places_link: str = ""

    def merged(self, other: "_Test", link: str) -> "_Test | None":
        """Both tests, joined by `link`, said as one; None if that would change what they mean."""
        said = "or" if self.negated else link
        links = {self.labels_link, self.places_link, other.labels_link, other.places_link}
        if (self.verb, self.negated) != (other.verb, other.negated) or not links <= {"", said}:
            return None
        if self.negated and link == "or":
            return None
        if self.labels == other.labels:
            return replace(self, places=_union(self.places, other.places), places_link=said)
        if self.places == other.places and self.labels and other.labels:
            return replace(self, labels=_union(self.labels, other.labels), labels_link=said)
        return None

    def words(self) -> str:
        verb = f"did not {self.verb}" if self.negated else _PAST[self.verb]
        plural = "s" if self.places_link == "and" else ""
        place = f"question{plural} {listed(self.places, self.places_link)}"
        return f"{verb} {listed(self.labels, self.labels_link)} at {place}" if self.labels else f"{verb} {place}"


@dataclass(frozen=True)
class _Group:
    """Several tests or groups joined by "and" or "or"."""

    link: str
    parts: tuple["_Test | _Group", ...]


def in_words(condition: Condition, leaf: Callable[[Condition, bool], _Test]) -> str:
    """A condition as what follows "only if you": `chose “A” at question 1 and gave 5 or more at question 2`."""
    return _said(_tree(condition, leaf, negated=False), 0)


def _tree(condition: Condition, leaf: Callable[[Condition, bool], _Test], negated: bool) -> _Test | _Group:
    """The condition with every "not" pushed down to the single tests, and what can be said at once joined."""
    if condition.question is not None:
        return leaf(condition, negated)
    if condition.not_ is not None:
        return _tree(condition.not_, leaf, not negated)
    link = "and" if (condition.all_ is not None) != negated else "or"
    parts: list[_Test | _Group] = []
    for inner in condition.all_ or condition.any_ or []:
        node = _tree(inner, leaf, negated)
        parts += node.parts if isinstance(node, _Group) and node.link == link else [node]
    merged = reduce(lambda done, part: _added(done, part, link), parts, list[_Test | _Group]())
    return merged[0] if len(merged) == 1 else _Group(link, tuple(merged))


def _added(done: list[_Test | _Group], part: _Test | _Group, link: str) -> list[_Test | _Group]:
    """`done` with `part`, said together with an earlier one where that can be."""
    if part in done:
        return done
    for i, other in enumerate(done):
        if isinstance(part, _Test) and isinstance(other, _Test) and (both := other.merged(part, link)):
            return [*done[:i], both, *done[i + 1 :]]
    return [*done, part]


def _said(node: _Test | _Group, depth: int) -> str:
    """Groups within groups are marked by "either … or", "both … and", or brackets."""
    if isinstance(node, _Test):
        return node.words()
    parts = [_said(part, depth + 1) for part in node.parts]
    mixed = any(isinstance(part, _Group) for part in node.parts)
    words = listed(parts, node.link, mixed)
    if depth == 0:
        return words
    if depth == 1 and not mixed and node.link == "or":
        return f"either {words}"
    if depth == 1 and not mixed and len(parts) == 2:
        return f"both {words}"
    return f"({words})"


def listed(words: Sequence[str], link: str, comma: bool = False) -> str:
    """`a, b or c`; with a comma before the last link where the parts are long."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])}{',' if comma else ''} {link} {words[-1]}"


def _union(first: tuple[str, ...], second: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(first + second))


def _bounds(test: Condition, unit: Amount) -> str:
    low, high = (None if n is None else _amount(n, unit) for n in (test.at_least, test.at_most))
    if low and high:
        return f"exactly {low}" if low == high else f"{low} to {high}"
    return f"{low} or more" if low else f"{high} or less"


# ── before and after the questions ───────────────────────────────────────────


def _facts(wording: _Wording) -> Iterator[tuple[str, str]]:
    instrument = wording.instrument
    yield "Who should answer", wording(instrument.respondent)
    yield "Time it takes", f"About {instrument.minutes} minute{'' if instrument.minutes == 1 else 's'}"
    yield "Questions", f"{len(instrument.questions)} in {_count(len(instrument.sections), 'section')}"
    yield "Version", instrument.name


def _front(wording: _Wording) -> Iterator[tuple[str, Prose]]:
    instrument = wording.instrument
    yield "Introduction" if wording.spoken else "About this survey", prose(wording(instrument.intro))
    if instrument.privacy:
        yield "What happens to the answers", prose(wording(instrument.privacy))
    yield "How to use this paper copy", (tuple(_directions(wording)),)


def _directions(wording: _Wording) -> Iterator[str]:
    """How to use the paper; only what this questionnaire needs."""
    instrument = wording.instrument
    if wording.spoken:
        yield "Use this copy to prepare the interview and to take notes. Type the record in afterwards."
        yield "The questions are in bold. The probes below a question are there to ask further; use what you need."
    else:
        yield (
            "Use this copy to read the questions and to gather the answers with colleagues. "
            "One person then types them in online."
        )
    yield "Tick one circle. Where there are squares, tick all that apply."
    if any(question.required is True for question in instrument.questions.values()):
        yield "Leave blank what cannot be answered, unless it says “Must be answered”."
    else:
        yield "Leave blank what cannot be answered."
    pieces = list(_pieces(instrument))
    if any(piece.show_if for piece in pieces):
        yield f"“{wording.verb} only if …” says who a question is for. Pass over what does not apply."
    texts = [getattr(piece, name, None) for piece in pieces for name in ("title", "text", "hint", "label")]
    if any(wording(text) != text.in_language(wording.language) for text in texts if text):
        yield "Words in [square brackets] stand for what is filled in online."


def _end(wording: _Wording) -> tuple[tuple[str, Prose], ...]:
    thanks = prose(wording(wording.instrument.thanks))
    if wording.spoken:
        return (("At the end", thanks),)
    last = "That was the last question. One person now types the answers in online."
    return (("At the end", (last,)), ("What is shown when the answers have been sent", thanks))


def _pieces(instrument: Instrument) -> Iterator[Section | Page | Item | Option | Row]:
    """Everything that may be for some only."""
    for section in instrument.sections:
        yield section
        for page in section.pages:
            yield page
            for item in page.questions:
                yield item
                yield from getattr(item, "options", ())
                yield from getattr(item, "rows", ())


def prose(text: str) -> Prose:
    """Plain text as paragraphs and lists: a blank line ends a paragraph, "- " begins an item."""
    blocks: list[str | tuple[str, ...]] = []
    fresh = True
    for line in (line.strip() for line in text.strip().splitlines()):
        last = blocks[-1] if blocks and not fresh else None
        if line.startswith("- "):
            blocks[-1:] = [(*last, line[2:])] if isinstance(last, tuple) else [*blocks[-1:], (line[2:],)]
        elif line:
            blocks[-1:] = [f"{last} {line}"] if isinstance(last, str) else [*blocks[-1:], line]
        fresh = not line
    return tuple(blocks)


# ── sections, pages, questions ───────────────────────────────────────────────


def _part(section: Section, number: int, wording: _Wording) -> Part:
    asked = [question for page in section.pages for question in page.asked]
    directions = _for_whom(section.show_if, asked, wording)
    leaves = tuple(_leaf(page, wording) for page in section.pages)
    return Part(number, wording(section.title), directions, leaves)


def _leaf(page: Page, wording: _Wording) -> Leaf:
    directions = _for_whom(page.show_if, page.asked, wording)
    if page.repeat:
        item = wording(page.repeat.item)
        times = f"{_range(page.asked, wording)} once for each {item}, up to {page.repeat.max}"
        directions += (f"{wording.verb} {times}. Use a copy of these questions for each further {item}.",)
    directions += tuple(_checks(page, wording))
    return Leaf(wording(page.title), directions, tuple(_item(item, wording) for item in page.questions))


def _for_whom(condition: Condition | None, asked: Sequence[Question], wording: _Wording) -> tuple[str, ...]:
    """Who a section or page is for, and where the others go on."""
    if condition is None:
        return ()
    if not asked:
        return (wording.route("Read this", condition),)
    after = wording.numbers[asked[-1].id] + 1
    others = (
        f"Otherwise go on to question {after}." if after <= len(wording.numbers) else "Otherwise go on to the end."
    )
    return (f"{wording.route(f'{wording.verb} {_range(asked, wording)}', condition)} {others}",)


def _range(asked: Sequence[Question], wording: _Wording) -> str:
    """`question 4`, `questions 4 and 5`, `questions 4 to 7`; `this` where nothing is asked."""
    if not asked:
        return "this"
    first, last = wording.numbers[asked[0].id], wording.numbers[asked[-1].id]
    if first == last:
        return f"question {first}"
    return f"questions {first} {'and' if last == first + 1 else 'to'} {last}"


def _checks(page: Page, wording: _Wording) -> Iterator[str]:
    def said(operand: str | Decimal | None) -> str:
        return f"the answer to question {wording.places[operand]}" if isinstance(operand, str) else f"{operand:,f}"

    for check in page.checks:
        places = listed([wording.places[name] for name in check.sum], "and")
        answers = (
            f"answers to questions {places} add" if len(check.sum) > 1 else f"answer to question {places} comes"
        )
        bound = said(check.equals) if check.equals is not None else f"no more than {said(check.at_most)}"
        yield (
            f"Check that the {answers} up to {bound}."
            if len(check.sum) > 1
            else f"Check that the {answers} to {bound}."
        )


def _item(item: Item, wording: _Wording) -> Ask | Aside:
    if isinstance(item, Note):
        return Aside(prose(wording(item.text)), wording.route("Read this", item.show_if))
    how, space = _space(item, wording)
    return Ask(
        number=wording.numbers[item.id],
        text=wording(item.text),
        hint=_hint(item, wording),
        route=wording.route(wording.verb, item.show_if),
        how=" ".join(filter(None, (how, "Must be answered." if item.required is True else ""))),
        space=space,
        probes=tuple(wording(probe) for probe in item.probes),
        note_lines=NOTE_LINES if item.notes else 0,
    )


def _hint(question: Question, wording: _Wording) -> str:
    """The author's hint; a multiple says "tick all that apply" in our words, and need not say it twice."""
    hint = wording(question.hint)
    return hint.replace("Select all that apply.", "").strip() if isinstance(question, Multiple) else hint


def _space(question: Question, wording: _Wording) -> tuple[str, Space]:
    """How to answer, and where."""
    match question:
        case Single():
            return "Tick one.", Choices(_choices(question.options, wording), many=False)
        case Multiple():
            how = f"Tick up to {question.at_most}." if question.at_most else "Tick all that apply."
            return how, Choices(_choices(question.options, wording), many=True)
        case Grid():
            points = tuple(wording(point.label) for point in question.scale)
            return "Tick one in each row.", Scale(_lines(question.rows, wording), points)
        case NumberQuestion():
            digits = f"Up to {question.decimals} digits after the point." if question.decimals else ""
            return digits, _unit(question, wording)
        case Allocation():
            unit = _unit(question, wording)
            total = _amount(Decimal(question.total), unit)
            return f"The answers must add up to {total}.", Shares(_lines(question.rows, wording), total, unit)
        case Rank():
            last = min(question.top or len(question.options), len(question.options))
            rest = " Leave the others blank." if last < len(question.options) else ""
            how = (
                f"Put 1 to {last} in the boxes, 1 for the first.{rest}" if last > 1 else f"Put 1 in one box.{rest}"
            )
            return how, Places(_choices(question.options, wording), last)
        case DateQuestion():
            return "", Day()
        case OpenText():
            together = " The words stay together with the other answers." if question.linked else ""
            return _limit(question.max_length) + together, Ruled(_ruled(question.max_length))


def _choices(options: Sequence[Option], wording: _Wording) -> tuple[Choice, ...]:
    return tuple(
        Choice(wording(option.label), wording.only_if(option.show_if), option.specify, option.exclusive)
        for option in options
    )


def _lines(rows: Sequence[Row], wording: _Wording) -> tuple[Line, ...]:
    return tuple(Line(letters(i), wording(row.label), wording.only_if(row.show_if)) for i, row in enumerate(rows))


def _limit(length: int) -> str:
    words = length // _LETTERS_A_WORD // 50 * 50
    return f"Up to {length:,} characters{f', about {words:,} words' if words else ''}."


def _ruled(length: int) -> int:
    return min(max(-(-length // _LETTERS_A_LINE), 2), _MAX_LINES)


def _unit(question: Question, wording: _Wording) -> Amount:
    unit = wording(question.unit) if isinstance(question, NumberQuestion | Allocation) else ""
    return Amount(CURRENCIES[unit], "") if unit in CURRENCIES else Amount("", unit)


def _amount(number: Decimal, unit: Amount) -> str:
    """`£1,200`, `100%`, `12`: units of other kinds stand beside the box only."""
    return f"{unit.before}{number:,f}{'%' if unit.after == '%' else ''}"


# ── annex ────────────────────────────────────────────────────────────────────


def _variables(page: Page, wording: _Wording) -> Iterator[Variable]:
    if page.repeat:
        item = wording(page.repeat.item)
        yield Variable("", count_key(page), "number", remark=f"how many of these: {item}; 1 to {page.repeat.max}")
    for question in page.asked:
        for variable in _variables_of(question, wording):
            yield (
                replace(variable, name=_repeated(variable.name), remark=_each(variable, page))
                if page.repeat
                else variable
            )


def _repeated(name: str) -> str:
    """Item n of a repeated page keeps its answers under `question@n`."""
    id_, dot, rest = name.partition(".")
    return f"{id_}@n{dot}{rest}"


def _each(variable: Variable, page: Page) -> str:
    times = f"n is 1 to {page.repeat.max}" if page.repeat else ""
    return "; ".join(filter(None, (variable.remark, times)))


def _variables_of(question: Question, wording: _Wording) -> Iterator[Variable]:
    place = wording.places[question.id]
    codes = tuple((option.code, wording(option.label)) for option in choices(question))
    if isinstance(question, Grid | Allocation):
        yield from _row_variables(question, codes, wording)
    else:
        yield Variable(place, question.id, question.type, codes, _limits(question, wording))
    if isinstance(question, Single | Multiple):
        for option in question.options:
            if option.specify:
                key = specify_key(question.id, option.code)
                yield Variable(place, key, "text", remark=f"up to {MAX_SPECIFY:,} characters")
    if question.notes:
        remark = f"the interviewer’s notes, up to {MAX_NOTES:,} characters"
        yield Variable(place, f"{question.id}.notes", "text", remark=remark)


def _row_variables(
    question: Grid | Allocation, codes: tuple[tuple[str, str], ...], wording: _Wording
) -> Iterator[Variable]:
    """One a row; the codes of a grid stand at its first row."""
    places = [(key, wording.places[key]) for key in (f"{question.id}.{row.code}" for row in question.rows)]
    for key, place in places:
        if isinstance(question, Allocation):
            yield Variable(place, key, question.type, remark=f"0 to {question.total:,}")
        elif place == places[0][1]:
            yield Variable(place, key, question.type, codes)
        else:
            yield Variable(place, key, question.type, remark=f"codes as for {places[0][1]}")


def _limits(question: Question, wording: _Wording) -> str:
    match question:
        case NumberQuestion():
            return "; ".join(filter(None, (_between(question.min, question.max), *_fineness(question, wording))))
        case DateQuestion():
            return _between(question.min, question.max, "later", "earlier")
        case OpenText():
            return f"up to {question.max_length:,} characters"
        case Rank():
            return "codes in order, the first first"
    return ""


def _between(low: object, high: object, up: str = "more", down: str = "less") -> str:
    """`1 to 240`, `0 or more`, `2012-01-31 or later`; "" without limits."""
    first, last = (f"{n:,f}" if isinstance(n, Decimal) else str(n or "") for n in (low, high))
    if first and last:
        return f"{first} to {last}"
    return f"{first} or {up}" if first else f"{last} or {down}" if last else ""


def _fineness(question: NumberQuestion, wording: _Wording) -> Iterator[str]:
    if question.unit:
        yield f"in {wording(question.unit)}"
    if question.decimals:
        yield f"up to {question.decimals} digits after the point"
    if question.bands:
        yield "in bands from " + listed([f"{bound:,f}" for bound in question.bands], "and")


def _count(n: int, thing: str) -> str:
    return f"{n:,} {thing}{'' if n == 1 else 's'}"
