"""Invented answers to any questionnaire: for demonstrations and tests, never data.

Each respondent walks the route that their own answers make, so only what is asked is answered. What a question
leans to is drawn once for all respondents; each of them has a mood of their own, and each group (such as a region)
leans a little its own way, so that tables have something to show. About one answer in fourteen is left blank.
Open questions get one of a few sentences which say nothing of anybody. Same questionnaire, groups and seed: same
answers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cache
from random import Random
from zlib import crc32

from surveyapp.demonstration.reconstruction import CONTRADICTIONS
from surveyapp.demonstration.teams import seeded
from surveyapp.instrument import (
    Allocation,
    DateQuestion,
    Grid,
    Instrument,
    Multiple,
    NumberQuestion,
    OpenText,
    Option,
    Question,
    Rank,
    Single,
    Step,
    count_key,
    failed_checks,
    form_of,
    route,
    specify_key,
)
from surveyapp.instrument.model import Check
from surveyapp.instrument.routing import Kept

BLANK = 0.07
"""How likely an answer is left out that may be."""

WRITES = 0.45
"""How likely something is written where one's own words are asked for."""

SENTENCES = (
    "It is too early to say.",
    "Much depends on decisions that have not been taken yet.",
    "We do what we can with the people we have.",
    "More notice of changes would help us to plan.",
    "Working together has become more important and takes more time.",
    "Nothing that goes beyond what we have ticked.",
)
BESIDE = ("Something of another kind", "A mixture of these", "Not easy to put into one of these")

CENTRES: Mapping[str, float] = {
    "funding_change": 0.66,
    "staff_time_change": 0.62,
    "engagement_now": 0.35,
    "engagement_expected": 0.36,
    "say_in_decisions": 0.55,
    "housing_access_now": 0.75,
    "housing_access_expected": 0.7,
    "benefit_changes_effect": 0.75,
}
"""Where on its scale a question leans, 0 the first point and 1 the last, by what it asks; others by chance."""

ASIDE = frozenset(
    {"dont_know", "does_not_apply", "not_done", "not_here", "no_premises", "none_offered", "no_cuts", "other"}
)
"""Codes that are no point of a scale, and rarely chosen."""

_NUMBER_SPAN = 100
_FIRST_DAY, _DAYS = date(2011, 1, 1), 1500


@dataclass
class _Respondent:
    """Somebody who never was: their group, their mood, their own chance, what they have said."""

    group: str
    mood: float
    rng: Random
    answers: Kept = field(default_factory=dict)


def invented(
    instrument: Instrument, groups: Sequence[str], seed: int, words: Mapping[str, Sequence[str]] | None = None
) -> list[Kept]:
    """A set of answers for each respondent, whose groups are `groups`; as on the pages, numbers in full.

    `words` gives sentences for open questions by id; the others get sentences that fit anywhere.
    """
    leaning = _Leaning(seed, words or {})
    rng = seeded(seed)
    people = [_Respondent(group, rng.gauss(0, 1), seeded(rng.getrandbits(32))) for group in groups]
    return [_walked(instrument, person, leaning) for person in people]


def as_posted(instrument: Instrument, answers: Kept) -> dict[str, list[str]]:
    """The fields that a browser posts for a whole set of answers."""
    steps = route(instrument, answers).steps
    counts = {count_key(step.page): [str(answers[count_key(step.page)])] for step in steps if step.number}
    fields = {key: value for step in steps for key, value in form_of(step.items, answers).items()}
    return counts | fields


# ── along the route ──────────────────────────────────────────────────────────


def _walked(instrument: Instrument, person: _Respondent, leaning: "_Leaning") -> Kept:
    """Answer what the route shows next, until it shows nothing new."""
    for page in instrument.pages:
        if page.repeat is not None:
            person.answers[count_key(page)] = str(person.rng.randint(1, min(3, page.repeat.max)))
    done: set[str] = set()
    while step := _next(instrument, person.answers, done):
        for question in step.questions:
            if question.id not in done:
                done.add(question.id)
                _answer(question, person, leaning)
        _come_out(step, person)
    return route(instrument, person.answers).answers


def _next(instrument: Instrument, answers: Kept, done: set[str]) -> Step | None:
    steps = route(instrument, answers).steps
    return next((step for step in steps if any(question.id not in done for question in step.questions)), None)


def _answer(question: Question, person: _Respondent, leaning: "_Leaning") -> None:
    silent = WRITES if isinstance(question, OpenText) else 1 - BLANK
    if question.required is not True and person.rng.random() > silent:
        return
    person.answers |= _given(question, person, leaning)
    chosen = person.answers.get(question.id, [])
    for option in getattr(question, "options", []):
        if option.specify and option.code in chosen:
            person.answers[specify_key(question.id, option.code)] = person.rng.choice(BESIDE)


def _given(question: Question, person: _Respondent, leaning: "_Leaning") -> Kept:
    match question:
        case Single():
            return {question.id: leaning.one(question, question.options, "", person)}
        case Multiple():
            return {question.id: _ticked(question, person, leaning)}
        case Grid():
            return _rows(question, person, leaning)
        case NumberQuestion():
            return {question.id: _number(question, person)}
        case Allocation():
            shares = _split(question.total, leaning.weights(question, [row.code for row in question.rows]), person)
            return {f"{question.id}.{row.code}": str(n) for row, n in zip(question.rows, shares, strict=True)}
        case Rank():
            return {question.id: _ranked(question, person, leaning)}
        case DateQuestion():
            return {question.id: _day(question, person)}
    return {question.id: person.rng.choice(leaning.sentences(question))}


def _come_out(step: Step, person: _Respondent) -> None:
    """Numbers that must add up are dealt out anew."""
    if failed_checks(step, person.answers):
        for check in step.page.checks:
            _dealt(check, person)


def _dealt(check: Check, person: _Respondent) -> None:
    bound = check.equals if check.equals is not None else check.at_most
    total = int(float(str(person.answers.get(bound, 0) if isinstance(bound, str) else bound)))
    if all(key in person.answers for key in check.sum):
        for key, n in zip(check.sum, _split(total, [1.0] * len(check.sum), person), strict=True):
            person.answers[key] = str(n)


# ── one question ─────────────────────────────────────────────────────────────


class _Leaning:
    """What questions lean to, drawn once for all respondents."""

    def __init__(self, seed: int, words: Mapping[str, Sequence[str]]) -> None:
        self.words = words
        self._chance = cache(lambda *names: seeded(crc32("/".join((str(seed), *names)).encode())).random())

    def one(self, question: Question, options: Sequence[Option], row: str, person: _Respondent) -> str:
        """One of some options: a point of a scale, or one of several things."""
        points = [option.code for option in options if option.code not in ASIDE]
        asides = [option.code for option in options if option.code in ASIDE]
        if asides and (person.rng.random() < BLANK or not points):
            return person.rng.choice(asides)
        if isinstance(question, Grid) or getattr(question, "ordinal", False) or "same" in points:
            return points[self._point(question, row, len(points), person)]
        return person.rng.choices(points, self.weights(question, points))[0]

    def _point(self, question: Question, row: str, points: int, person: _Respondent) -> int:
        name = question.id.partition("@")[0]
        centre = CENTRES.get(question.concept or "", 0.3 + 0.4 * self._chance(name))
        centre += 0.3 * (self._chance(name, row) - 0.5) + 0.24 * (self._chance(name, "of", person.group) - 0.5)
        place = round(person.rng.gauss(centre + 0.1 * person.mood, 0.2) * (points - 1))
        return min(max(place, 0), points - 1)

    def weights(self, question: Question, codes: Sequence[str]) -> list[float]:
        """How often each of some codes is chosen, beside each other."""
        name = question.id.partition("@")[0]
        return [0.1 + self._chance(name, code) ** 2 for code in codes]

    def share(self, question: Question, code: str, person: _Respondent) -> float:
        """How many of a hundredth tick an option, from 0.1 to 0.6 and a little more or less by group."""
        shift = 0.2 * (self._chance(question.id, code, "of", person.group) - 0.5)
        return 0.1 + 0.5 * self._chance(question.id, code) + shift

    def sentences(self, question: Question) -> Sequence[str]:
        """What may be written."""
        return self.words.get(question.id, SENTENCES)


def _ticked(question: Multiple, person: _Respondent, leaning: _Leaning) -> list[str]:
    alone = [option.code for option in question.options if option.exclusive]
    beside = [option.code for option in question.options if not option.exclusive]
    if alone and person.rng.random() < BLANK:
        return [person.rng.choice(alone)]
    chosen = [code for code in beside if person.rng.random() < leaning.share(question, code, person)]
    chosen = chosen or person.rng.choices(beside, leaning.weights(question, beside))
    chosen = [code for i, code in enumerate(chosen) if not _contradicts(code, chosen[:i])]
    return sorted(person.rng.sample(chosen, min(len(chosen), question.at_most or len(chosen))), key=beside.index)


def _contradicts(code: str, before: Sequence[str]) -> bool:
    return any(code in options and not set(options).isdisjoint(before) for options in CONTRADICTIONS)


def _rows(question: Grid, person: _Respondent, leaning: _Leaning) -> Kept:
    required = question.required is True
    return {
        f"{question.id}.{row.code}": leaning.one(question, question.scale, row.code, person)
        for row in question.rows
        if required or person.rng.random() > BLANK / 2
    }


def _number(question: NumberQuestion, person: _Respondent) -> str:
    """One within a band that is drawn, the middle ones likelier; without bands one near the smallest."""
    least = int(question.min if question.min is not None else 0)
    most = int(question.max if question.max is not None else least + _NUMBER_SPAN)
    bounds = [int(bound) for bound in question.bands] if question.bands else [least]
    bounds.append(max(2 * bounds[-1], bounds[-1] + _NUMBER_SPAN // 5))
    i = round(person.rng.triangular(0, len(bounds) - 2))
    low, high = max(bounds[i], least), min(bounds[i + 1] - 1, most)
    return str(person.rng.randint(low, max(low, high)))


def _split(total: int, weights: Sequence[float], person: _Respondent) -> list[int]:
    """A total divided over so many parts, in twentieths, some of them nothing."""
    unit = max(total // 20, 1)
    parts = [0] * len(weights)
    for place in person.rng.choices(range(len(weights)), weights, k=total // unit):
        parts[place] += unit
    parts[parts.index(max(parts))] += total - sum(parts)
    return parts


def _ranked(question: Rank, person: _Respondent, leaning: _Leaning) -> list[str]:
    codes = [option.code for option in question.options]
    weights = leaning.weights(question, codes)
    keys = {code: person.rng.random() ** (1 / weight) for code, weight in zip(codes, weights, strict=True)}
    return sorted(codes, key=lambda code: -keys[code])[: question.top or len(codes)]


def _day(question: DateQuestion, person: _Respondent) -> str:
    first = question.min or _FIRST_DAY
    last = question.max or first + timedelta(_DAYS)
    return (first + timedelta(person.rng.randint(0, min((last - first).days, _DAYS)))).isoformat()
