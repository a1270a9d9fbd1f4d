"""Reading what a respondent posted: codes that exist, numbers and days that are some, words that fit.

The form field of an answer is its answer key (`model.answer_keys`), repeated for each tick of a `multiple`; a
date has the fields `.day`, `.month` and `.year`, a rank one field an option with its place. `form_of` is the way
back. Fields of other pages or of none are not read at all. What is refused here never reaches the store.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal

from surveyapp.instrument.conditions import Answers
from surveyapp.instrument.model import (
    CURRENCIES,
    MAX_DIGITS,
    Allocation,
    Check,
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
    Single,
    Text,
    answer_keys,
    choices,
    plain,
    specify_key,
)
from surveyapp.instrument.routing import Kept, Route, Step, count_key
from surveyapp.problems import Problem, Refused, Words, say, say_n

Form = Mapping[str, Sequence[str]]
"""What was posted: every field with all its values, as typed."""

MAX_SPECIFY = 200
MAX_NOTES = 2000
FIRST_DAY, LAST_DAY = date(1800, 1, 1), date(2199, 12, 31)
"""What a day is between unless its question says otherwise: the year 0212 or 9999 is a slip."""

_PLAIN = re.compile(r"-?(?:\d{1,3}(?:[, ]\d{3})+|\d+)(?:\.\d+)?", re.ASCII)
_LOOSE_SPACE = re.compile(r"(?<!\d) | (?!\d)", re.ASCII)
_SHORTHAND = re.compile(r"(-?[\d., ]+)(k|m|bn|thousand|million|billion)", re.ASCII | re.IGNORECASE)
_TIMES = {"k": 3, "thousand": 3, "m": 6, "million": 6, "bn": 9, "billion": 9}


def read_answers(items: Iterable[Item], form: Form) -> tuple[Kept, list[Problem]]:
    """The answers to `items` (a step's, notes are passed over) in `form`, and what is wrong with the rest.

    An answer with a problem is left out of the answers. A question left blank is no problem unless it is
    required. Raises `Refused` for what no browser sends from our pages: one choice sent twice.
    """
    reading = _Reading(form)
    for item in items:
        if not isinstance(item, Note):
            reading.read(item)
    return reading.answers, reading.problems


def form_of(items: Iterable[Item], answers: Answers) -> dict[str, list[str]]:
    """The form that a browser posts for these answers: what `read_answers` reads back."""
    form: dict[str, list[str]] = {}
    for item in items:
        if not isinstance(item, Note):
            for key in answer_keys(item):
                form |= _fields(item, key, answers.get(key))
    return form


def left_out(items: Iterable[Item], answers: Answers) -> list[str]:
    """The ids of soft-required questions without an answer: ask once whether that is meant."""
    asked = (item for item in items if not isinstance(item, Note) and item.required == "soft")
    return [question.id for question in asked if _blank_keys(question, answers)]


def missing(route: Route) -> list[tuple[str, Problem]]:
    """What keeps answers from being sent, each with its step: required ones that are blank, checks that fail."""
    found = []
    for step in route.steps:
        for question in step.questions:
            found += [(step.name, problem) for problem in _required(question, route.answers)]
        found += [(step.name, problem) for problem in failed_checks(step, route.answers)]
    return found


def failed_checks(step: Step, answers: Answers) -> list[Problem]:
    """The checks across answers of a step that do not come out; one whose answers are not all given passes."""
    if not step.page.checks:
        return []
    here = {question.id for question in step.questions}
    return [
        Problem(_first_here(check, here, step.number), check.message, "")
        for check in step.page.checks
        if not _passes(check, answers, step.number)
    ]


def band(question: NumberQuestion, value: str) -> str:
    """What is kept of a number: the lower bound of its band, "under" below the first; without bands the number."""
    if not question.bands:
        return value
    below = [bound for bound in question.bands if Decimal(value) >= bound]
    return str(below[-1]) if below else "under"


def submitted(instrument: Instrument, way: Route) -> Kept:
    """What is sent of the answers on a route: all of them, numbers that have bands by their band only."""
    banded = {q.id: q for q in instrument.questions.values() if isinstance(q, NumberQuestion) and q.bands}

    def sent(key: str, answer: str | list[str]) -> str | list[str]:
        question = banded.get(key.partition("@")[0])
        return band(question, answer) if question and isinstance(answer, str) else answer

    return {key: sent(key, answer) for key, answer in way.answers.items()}


def maximum_size(instrument: Instrument) -> int:
    """The most bytes that the answers of one respondent can take as UTF-8 JSON.

    A UTF-16 unit of an open answer, which is what limits are counted in, takes three bytes at the most.
    """
    return 2 + sum(_page_size(page) for page in instrument.pages)


def length(words: str) -> int:
    """The length of `words` in UTF-16 units, as browsers count."""
    return len(words) + sum(c > "\uffff" for c in words)


def clean(words: str) -> str:
    """Typed words as they are kept: one kind of line end, no control or half characters, trimmed."""
    words = words.replace("\r\n", "\n").replace("\r", "\n")
    kept = (c for c in words if c in "\n\t" or unicodedata.category(c) not in {"Cc", "Cs"})
    return unicodedata.normalize("NFC", "".join(kept)).strip()


# ── sizes ────────────────────────────────────────────────────────────────────


def _page_size(page: Page) -> int:
    times = page.repeat.max if page.repeat else 1
    marks = len("@20") if page.repeat else 0
    size = sum(_key_size(question, key) + marks for question in page.asked for key in answer_keys(question))
    return times * size + (len(count_key(page)) + 10 if page.repeat else 0)


def _key_size(question: Question, key: str) -> int:
    return len(key) + 6 + 3 * _content_size(question, key)


def _content_size(question: Question, key: str) -> int:
    if key == f"{question.id}.notes":
        return MAX_NOTES
    if key.endswith(".text"):
        return MAX_SPECIFY
    match question:
        case OpenText():
            return question.max_length
        case Multiple() | Rank():
            return sum(len(option.code) + 3 for option in question.options)
        case NumberQuestion() | Allocation() | DateQuestion():
            return MAX_DIGITS + 6
    return max(len(option.code) for option in choices(question))


# ── reading ──────────────────────────────────────────────────────────────────


class _Reading:
    """One posted step: what could be read, and what is wrong."""

    def __init__(self, form: Form) -> None:
        self.form = form
        self.answers: Kept = {}
        self.problems: list[Problem] = []

    def read(self, question: Question) -> None:
        before = len(self.problems)
        match question:
            case Single():
                self._choice(question.id, question.options)
            case Multiple():
                self._choices(question)
            case Grid():
                for row in question.rows:
                    self._choice(f"{question.id}.{row.code}", question.scale, row.label)
            case NumberQuestion():
                self._number(question)
            case Allocation():
                self._allocation(question)
            case Rank():
                self._rank(question)
            case DateQuestion():
                self._date(question)
            case OpenText():
                self._words(question.id, question.max_length)
        self._beside(question)
        if len(self.problems) == before:
            self.problems += _required(question, self.answers)

    def _beside(self, question: Question) -> None:
        """Words that go with a chosen option, and notes. Words beside another option are not lost in silence."""
        if isinstance(question, Single | Multiple):
            sent = self.form.get(question.id, ())
            for option in question.options:
                key = specify_key(question.id, option.code)
                if option.specify and option.code in sent:
                    self._words(key, MAX_SPECIFY)
                elif option.specify and clean(self._one(key)):
                    what = say("You wrote something beside “{option}”", option=option.label)
                    do = say("Select “{option}” too, or clear what you wrote", option=option.label)
                    self._wrong(key, what, do)
        if question.notes:
            self._words(f"{question.id}.notes", MAX_NOTES)

    def _wrong(self, key: str, what: str, do: str = "") -> None:
        self.problems.append(Problem(key, what, do))

    def _one(self, key: str) -> str:
        values = self.form.get(key, ())
        if len(values) > 1:
            raise Refused([Problem(key, "one answer was sent twice", "go back and choose again")])
        return values[0] if values else ""

    def _choice(self, key: str, options: Sequence[Option], row: Text | None = None) -> None:
        code = self._one(key)
        if any(option.code == code for option in options):
            self.answers[key] = code
        elif code:
            what = _of(row, say("That answer is not on the list"))
            self._wrong(key, what, say("Select one of the answers shown"))

    def _choices(self, question: Multiple) -> None:
        sent = self.form.get(question.id, ())
        if len(set(sent)) < len(sent):
            raise Refused([Problem(question.id, "one answer was sent twice", "go back and choose again")])
        chosen = [option for option in question.options if option.code in sent]
        alone = next((option for option in chosen if option.exclusive), None)
        if len(chosen) < len(sent):
            self._wrong(question.id, say("That answer is not on the list"), say("Select from the answers shown"))
        elif alone and len(chosen) > 1:
            what = say("“{option}” cannot go with other answers", option=alone.label)
            do = say("Select “{option}” alone, or the others without it", option=alone.label)
            self._wrong(question.id, what, do)
        elif question.at_most and len(chosen) > question.at_most:
            what = say("You chose {n} answers", n=len(chosen))
            self._wrong(question.id, what, say("Select {n} at most", n=question.at_most))
        elif chosen:
            self.answers[question.id] = [option.code for option in chosen]

    def _words(self, key: str, limit: int) -> None:
        words = clean(self._one(key))
        over = length(words) - limit
        if over > 0:
            what = say_n(
                "Your answer is {n:,} character too long", "Your answer is {n:,} characters too long", over
            )
            self._wrong(key, what, say("Shorten it to {n:,} characters", n=limit))
        elif words:
            self.answers[key] = words

    def _number(self, question: NumberQuestion) -> None:
        typed = self._one(question.id)
        if not typed.strip():
            return
        number = read_number(typed, question.unit or "", question.decimals)
        if isinstance(number, Problem):
            self._wrong(question.id, number.what, number.do)
        elif question.min is not None and number < question.min:
            what = say("{number:,f} is too small", number=number)
            self._wrong(question.id, what, say("Enter {least:,f} or more", least=question.min))
        elif question.max is not None and number > question.max:
            what = say("{number:,f} is too large", number=number)
            self._wrong(question.id, what, say("Enter {most:,f} or less", most=question.max))
        else:
            self.answers[question.id] = f"{number:f}"

    def _allocation(self, question: Allocation) -> None:
        typed = {
            f"{question.id}.{row.code}": (row.label, self._one(f"{question.id}.{row.code}"))
            for row in question.rows
        }
        if not any(value.strip() for _, value in typed.values()):
            return
        given: dict[str, Decimal] = {}
        for key, (label, value) in typed.items():
            number = read_number(value, question.unit or "", 1) if value.strip() else Decimal(0)
            if isinstance(number, Problem):
                self._wrong(key, _of(label, number.what), number.do)
            elif number < 0 or number > question.total:
                what = _of(label, say("{number:,} is not possible", number=number))
                self._wrong(key, what, say("Enter 0 to {total:,}", total=question.total))
            else:
                given[key] = number
        if len(given) == len(typed):
            self._keep_if_it_adds_up(question, given)

    def _keep_if_it_adds_up(self, question: Allocation, given: Mapping[str, Decimal]) -> None:
        """A row left blank beside others counts as 0; thirds as 33.3 add up well enough."""
        total = sum(given.values(), Decimal(0))
        if abs(total - question.total) >= Decimal("0.5"):
            what = say("Your answers add up to {total:,}", total=total)
            self._wrong(next(iter(given)), what, say("Change them to add up to {total:,}", total=question.total))
        else:
            self.answers |= {key: f"{number:f}" for key, number in given.items()}

    def _rank(self, question: Rank) -> None:
        last = min(question.top or len(question.options), len(question.options))
        places = {option.code: self._one(f"{question.id}.{option.code}").strip() for option in question.options}
        given = {code: place for code, place in places.items() if place}
        wanted = [str(place) for place in range(1, last + 1)]
        if not given:
            return
        if sorted(given.values(), key=lambda place: (len(place), place)) != wanted[: len(given)]:
            do = say("Give each place from 1 to {last} to one of them only, beginning with 1", last=last)
            self._wrong(question.id, say("The places do not make an order"), do)
        else:
            self.answers[question.id] = sorted(given, key=lambda code: int(given[code]))

    def _date(self, question: DateQuestion) -> None:
        parts = [self._one(f"{question.id}.{part}").strip() for part in ("day", "month", "year")]
        if not any(parts):
            return
        day, first, last = _day(parts), question.min or FIRST_DAY, question.max or LAST_DAY
        if isinstance(day, str):
            do = say("Enter a day, a month and a year with four digits, such as 27 3 2012")
            self._wrong(question.id, day, do)
        elif day < first:
            do = say("Enter {first:%-d %B %Y} or later", first=first)
            self._wrong(question.id, say("The date is too early"), do)
        elif day > last:
            do = say("Enter {last:%-d %B %Y} or earlier", last=last)
            self._wrong(question.id, say("The date is too late"), do)
        else:
            self.answers[question.id] = day.isoformat()


def read_number(typed: str, unit: str = "", decimals: int = 0) -> Decimal | Problem:
    """A number as people type it, "£1,200" or "1 200", exactly; or what is wrong (without a place).

    Its unit is passed over, in any of the languages in which it is given.
    Commas and spaces group thousands only: "12,5" and "5 10" are refused and not guessed at. Never a float.
    """
    text = " ".join(typed.split()).replace("\u2212", "-")
    text = _without_unit(_LOOSE_SPACE.sub("", text), unit)
    if shorthand := _SHORTHAND.fullmatch(text):
        return _written_out(shorthand)
    if not _PLAIN.fullmatch(text):
        return Problem("", say("That is not a number"), say("Write it in digits, such as 1200 or 1,200"))
    text = _ungrouped(text)
    whole, _, fraction = text.lstrip("-").partition(".")
    if len(whole.lstrip("0")) + len(fraction) > MAX_DIGITS:
        return Problem("", say("The number has too many digits"), say("Write at most {n}", n=MAX_DIGITS))
    if len(fraction.rstrip("0")) > decimals:
        return Problem("", say("The number is too fine"), _fine(decimals))
    return plain(Decimal(text))


def _fine(decimals: int) -> Words:
    if not decimals:
        return say("Use a whole number")
    return say_n("Use {n} digit after the point at most", "Use {n} digits after the point at most", decimals)


def _without_unit(text: str, unit: str) -> str:
    sign = "-" if text.startswith("-") else ""
    bare = text.removeprefix(sign)
    named = unit.translations.values() if isinstance(unit, Text) else ()
    for mark in (CURRENCIES.get(unit, ""), *("".join(name.split()) for name in (unit, *named))):
        bare = bare.removeprefix(mark).removesuffix(mark)
    return sign + bare


def _written_out(shorthand: re.Match[str]) -> Problem:
    digits = _ungrouped(shorthand[1]) if _PLAIN.fullmatch(shorthand[1]) else ""
    do = say("Write it out in full")
    if 0 < len(digits) <= MAX_DIGITS:
        number = plain(Decimal(digits).scaleb(_TIMES[shorthand[2].lower()]))
        do = say("Write out {number:,f} in full", number=number)
    return Problem("", say("The number is shortened"), do)


def _ungrouped(number: str) -> str:
    return number.replace(",", "").replace(" ", "")


def _day(parts: Sequence[str]) -> date | Words:
    day, month, year = parts
    if (
        not all(part.isascii() and part.isdigit() for part in parts)
        or len(year) != 4
        or max(len(day), len(month)) > 2
    ):
        return say("That is not a date")
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        return say("There is no such day")


# ── writing back ─────────────────────────────────────────────────────────────


def _fields(question: Question, key: str, answer: str | Sequence[str] | None) -> dict[str, list[str]]:
    if not answer:
        return {}
    if isinstance(question, DateQuestion) and key == question.id and isinstance(answer, str):
        year, month, day = answer.split("-")
        parts = {"day": str(int(day)), "month": str(int(month)), "year": year}
        return {f"{key}.{part}": [value] for part, value in parts.items()}
    if isinstance(question, Rank) and key == question.id:
        return {f"{key}.{code}": [str(place)] for place, code in enumerate(answer, 1)}
    return {key: [answer] if isinstance(answer, str) else list(answer)}


# ── what must be there ───────────────────────────────────────────────────────


def _blank_keys(question: Question, answers: Answers) -> list[tuple[str, Text | None]]:
    """The keys of a question that must not be blank and are, each with the row that it belongs to."""
    keys: dict[str, Text | None] = {question.id: None}
    if isinstance(question, Grid):
        keys = {f"{question.id}.{row.code}": row.label for row in question.rows}
    elif isinstance(question, Allocation):
        keys = {f"{question.id}.{question.rows[0].code}": None}
    return [(key, row) for key, row in keys.items() if not answers.get(key)]


_ASK = {
    "single": say("Select one answer"),
    "grid": say("choose one answer"),
    "multiple": say("Select at least one answer"),
    "number": say("Enter a number"),
    "allocation": say("Enter a number in at least one row"),
    "rank": say("Put them in order"),
    "date": say("Enter a date"),
    "text": say("Write your answer"),
}


def _required(question: Question, answers: Answers) -> list[Problem]:
    if question.required is not True:
        return []
    ask = _ASK[question.type]
    return [Problem(key, _of(row, ask), "") for key, row in _blank_keys(question, answers)]


def _of(row: Text | None, what: str) -> str:
    """What is wrong, with the row that it is about."""
    return say("{row}: {what}", row=row, what=what) if row else what


def _first_here(check: Check, here: set[str], number: int) -> str:
    """The first question of a check that stands on the step, for the error to lead to."""
    operands = [*check.sum, *(o for o in (check.equals, check.at_most) if isinstance(o, str))]
    keys = (_numbered(operand, number) for operand in operands)
    return next((key for key in keys if key.partition(".")[0] in here), "")


def _numbered(operand: str, number: int) -> str:
    """The key of an operand on item `number` of a repeated page."""
    name, dot, row = operand.partition(".")
    return f"{name}@{number}{dot}{row}" if number else operand


def _passes(check: Check, answers: Answers, number: int) -> bool:
    def value(operand: str | Decimal | None) -> Decimal | None:
        if not isinstance(operand, str):
            return operand
        answer = answers.get(_numbered(operand, number), answers.get(operand))
        return Decimal(answer) if isinstance(answer, str) else None

    parts = [value(operand) for operand in check.sum]
    equals, at_most = value(check.equals), value(check.at_most)
    if any(part is None for part in parts):
        return True
    total = sum((part for part in parts if part is not None), Decimal(0))
    return (equals is None or total == equals) and (at_most is None or total <= at_most)
