"""Two people at one page: what was saved meanwhile against what is posted now, question by question.

A page is sent out with a mark of the state it shows, and comes back with it. If the saved state still has that
mark, what is posted replaces it. If not, somebody else has saved the page (a colleague with the same code, or the
same person in another window), and each question on which the two differ must be chosen: nothing is overwritten in
silence, and no answer is pieced together from two people's.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from surveyapp.instrument.answers import Form, clean, read_answers
from surveyapp.instrument.model import DateQuestion, Multiple, Question, Rank, Single, answer_keys, choices

SEEN, FOUND, TAKE = "as-seen", "as-found", "take-"
"""Form fields: the mark that a page was sent out with, the mark that a choice was offered on, the choice for a
question. No question can have such an id: ids hold no hyphen."""

Side = Literal["mine", "saved"]


@dataclass(frozen=True)
class Clash:
    """A question to which two people gave different answers.

    `mine` and `saved` are its fields as posted now and as saved meanwhile. `likely` is the one to keep if only one
    of the two was changed since the page was opened; None if both were.
    """

    question: Question
    mine: Form = field(repr=False)
    saved: Form = field(repr=False)
    likely: Side | None


def field_names(question: Question) -> Iterator[str]:
    """The form fields of a question."""
    for key in answer_keys(question):
        if key == question.id and isinstance(question, DateQuestion):
            yield from (f"{key}.{part}" for part in ("day", "month", "year"))
        elif key == question.id and isinstance(question, Rank):
            yield from (f"{key}.{option.code}" for option in question.options)
        else:
            yield key


def fields_of(question: Question, form: Form) -> dict[str, list[str]]:
    """What a form holds for a question, blank fields left out."""
    given = ((name, [value for value in form.get(name, ()) if value.strip()]) for name in field_names(question))
    return {name: values for name, values in given if values}


def as_typed(questions: Iterable[Question], form: Form) -> dict[str, list[str]]:
    """What can be kept of a posted page that has problems: words and figures as typed, choices that exist."""
    kept: dict[str, list[str]] = {}
    for question in questions:
        for name, values in fields_of(question, form).items():
            if possible := _possible(question, name, values):
                kept[name] = possible
    return kept


def marks(questions: Iterable[Question], form: Form) -> dict[str, str]:
    """The state of each question in a few letters, which tell nothing to who does not know the answers."""
    return {question.id: _digest(question, form) for question in questions}


def mark(questions: Iterable[Question], form: Form) -> str:
    """The state of some questions as one form field."""
    return ".".join(f"{name}={digest}" for name, digest in marks(questions, form).items())


def clashes(questions: Iterable[Question], posted: Form, saved: Form) -> list[Clash]:
    """The questions on which `posted` differs from what was saved since it was opened. Usually none."""
    asked = list(questions)
    seen = _marks(posted.get(SEEN, ()))
    if all(_before(question, seen) == _digest(question, saved) for question in asked):
        return []
    return [_clash(question, posted, saved, seen) for question in asked if not _same(question, posted, saved)]


def brought_back(
    questions: Iterable[Question], sent: Form, seen: Mapping[str, str], saved: Form
) -> tuple[Form, list[Clash]]:
    """A page filled in elsewhere: what to save of it, and the clashes, in which the saved answer stays.

    `sent` holds the fields that were filled in and `seen` the marks that they were handed out with. A question
    left blank there takes nothing away.
    """
    page: dict[str, list[str]] = {}
    found = []
    for question in questions:
        own, kept = fields_of(question, sent), fields_of(question, saved)
        if (
            own
            and kept
            and not _same(question, sent, saved)
            and _before(question, seen) != _digest(question, saved)
        ):
            found.append(Clash(question, own, kept, None))
            own = kept
        page |= own or kept
    return page, found


def chosen(found: list[Clash], questions: Iterable[Question], posted: Form, saved: Form) -> Form | None:
    """The page with the respondent's choice for each clash; None as long as one is open.

    Choices that were made on an older state than `saved` do not count.
    """
    if list(posted.get(FOUND, ())) != [mark(questions, saved)]:
        return None
    sides = {clash.question.id: _side(posted, clash.question) for clash in found}
    if not all(sides.values()):
        return None
    page = dict(posted)
    for clash in found:
        if sides[clash.question.id] == "saved":
            page = {name: values for name, values in page.items() if name not in set(field_names(clash.question))}
            page |= clash.saved
    return page


def _clash(question: Question, posted: Form, saved: Form, seen: Mapping[str, str]) -> Clash:
    before = _before(question, seen)
    likely: Side | None = None
    if before == _digest(question, posted):
        likely = "saved"
    elif before == _digest(question, saved):
        likely = "mine"
    return Clash(question, fields_of(question, posted), fields_of(question, saved), likely)


def _before(question: Question, seen: Mapping[str, str]) -> str:
    """The state in which a question was seen; one that is not mentioned was not there, or blank."""
    return seen.get(question.id) or _digest(question, {})


def _side(posted: Form, question: Question) -> Side | None:
    match list(posted.get(TAKE + question.id, ())):
        case ["mine"]:
            return "mine"
        case ["saved"]:
            return "saved"
    return None


def _same(question: Question, one: Form, other: Form) -> bool:
    """Whether two forms give a question the same answer, "1,200" and "1200" too."""
    if _plainly(question, one) == _plainly(question, other):
        return True
    (first, wrong), (second, wrong_too) = read_answers([question], one), read_answers([question], other)
    return first == second and not wrong and not wrong_too


def _plainly(question: Question, form: Form) -> list[tuple[str, list[str]]]:
    return [(name, sorted(map(clean, values))) for name, values in fields_of(question, form).items()]


def _digest(question: Question, form: Form) -> str:
    return hashlib.sha256(repr(_plainly(question, form)).encode()).hexdigest()[:10]


def _marks(sent: Iterable[str]) -> dict[str, str]:
    pairs = (entry.rpartition("=") for text in sent for entry in text.split("."))
    return {name: digest for name, _, digest in pairs if name}


def _possible(question: Question, name: str, values: list[str]) -> list[str]:
    if (name == question.id and isinstance(question, Single | Multiple)) or _is_row(question, name):
        codes = {option.code for option in choices(question)}
        return [value for value in values if value in codes]
    return [clean(value) for value in values]


def _is_row(question: Question, name: str) -> bool:
    return question.type == "grid" and not name.endswith(".notes")
