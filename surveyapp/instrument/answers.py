"""Reading what a respondent posted: codes that exist, words that fit, nothing else.

The form field of an answer is its answer key (`model.answer_keys`), repeated for each tick of a `multiple`.
Fields of other pages or of none are not read at all. What is refused here never reaches the store.
"""

import unicodedata
from collections.abc import Mapping, Sequence

from surveyapp.instrument.model import (
    Grid,
    Instrument,
    Multiple,
    Note,
    OpenText,
    Option,
    Question,
    Single,
    answer_keys,
    choices,
    specify_key,
)
from surveyapp.instrument.routing import route
from surveyapp.problems import Problem, Refused

Form = Mapping[str, Sequence[str]]
"""What was posted: every field with all its values, as typed."""

MAX_SPECIFY = 200


def read_answers(items: Sequence[object], form: Form) -> tuple[dict[str, str | list[str]], list[Problem]]:
    """The answers to `items` (a page's, notes are passed over) in `form`, and what is wrong with the rest.

    An answer with a problem is left out of the answers. A question left blank is no problem unless it is
    required. Raises `Refused` for what no browser sends from our pages: one choice sent twice.
    """
    answers: dict[str, str | list[str]] = {}
    problems: list[Problem] = []
    for question in items:
        if isinstance(question, Note):
            continue
        _read_question(question, form, answers, problems)  # type: ignore[arg-type]
    return answers, problems


def missing(instrument: Instrument, answers: Mapping[str, str | Sequence[str]]) -> list[tuple[str, Problem]]:
    """Required questions on the route that have no answer yet, each with the id of its page."""
    found = []
    for page, items in route(instrument, answers).shown.items():
        for item in items:
            if not isinstance(item, Note):
                found += [(page, problem) for problem in _required(item, answers)]
    return found


def maximum_size(instrument: Instrument) -> int:
    """The most bytes that the answers of one respondent can take as UTF-8 JSON.

    A UTF-16 unit of an open answer, which is what limits are counted in, takes three bytes at the most.
    """
    return 2 + sum(
        _key_size(question, key) for question in instrument.questions.values() for key in answer_keys(question)
    )


def length(words: str) -> int:
    """The length of `words` in UTF-16 units, as browsers count."""
    return len(words) + sum(c > "\uffff" for c in words)


def clean(words: str) -> str:
    """Typed words as they are kept: one kind of line end, no control characters or half characters, trimmed."""
    words = words.replace("\r\n", "\n").replace("\r", "\n")
    kept = (c for c in words if c in "\n\t" or unicodedata.category(c) not in {"Cc", "Cs"})
    return unicodedata.normalize("NFC", "".join(kept)).strip()


def _key_size(question: Question, key: str) -> int:
    return len(key) + 6 + 3 * _content_size(question, key)


def _content_size(question: Question, key: str) -> int:
    if isinstance(question, OpenText):
        return question.max_length
    if key.endswith(".text"):
        return MAX_SPECIFY
    if isinstance(question, Multiple):
        return sum(len(option.code) + 3 for option in question.options)
    return max(len(option.code) for option in choices(question))


def _read_question(
    question: Question, form: Form, answers: dict[str, str | list[str]], problems: list[Problem]
) -> None:
    match question:
        case Single():
            _read_choice(question.id, question.options, form, answers, problems)
            _read_specify(question, form, answers, problems)
        case Multiple():
            _read_choices(question, form, answers, problems)
            _read_specify(question, form, answers, problems)
        case Grid():
            for row in question.rows:
                _read_choice(f"{question.id}.{row.code}", question.scale, form, answers, problems)
        case OpenText():
            _read_words(question.id, question.max_length, form, answers, problems)
    if not any(problem.at.split(".")[0] == question.id for problem in problems):
        problems += _required(question, answers)


def _one(key: str, form: Form) -> str:
    values = form.get(key, ())
    if len(values) > 1:
        raise Refused([Problem(key, "one answer was sent twice", "go back and choose again")])
    return values[0] if values else ""


def _read_choice(
    key: str, options: list[Option], form: Form, answers: dict[str, str | list[str]], problems: list[Problem]
) -> None:
    code = _one(key, form)
    if any(option.code == code for option in options):
        answers[key] = code
    elif code:
        problems.append(Problem(key, "That answer is not on the list", "Select one of the answers shown"))


def _read_choices(
    question: Multiple, form: Form, answers: dict[str, str | list[str]], problems: list[Problem]
) -> None:
    sent = form.get(question.id, ())
    if len(set(sent)) < len(sent):
        raise Refused([Problem(question.id, "one answer was sent twice", "go back and choose again")])
    chosen = [option for option in question.options if option.code in sent]
    if len(chosen) < len(sent):
        problems.append(Problem(question.id, "That answer is not on the list", "Select from the answers shown"))
    elif len(chosen) > 1 and (alone := next((o for o in chosen if o.exclusive), None)):
        do = f"Select “{alone.label}” alone, or the others without it"
        problems.append(Problem(question.id, f"“{alone.label}” cannot go with other answers", do))
    elif chosen:
        answers[question.id] = [option.code for option in chosen]


def _read_specify(
    question: Single | Multiple, form: Form, answers: dict[str, str | list[str]], problems: list[Problem]
) -> None:
    """Words beside an option count only if that option is chosen."""
    for option in question.options:
        if option.specify and option.code in _chosen(answers.get(question.id)):
            _read_words(specify_key(question.id, option.code), MAX_SPECIFY, form, answers, problems)


def _chosen(answer: str | list[str] | None) -> list[str]:
    return [answer] if isinstance(answer, str) else answer or []


def _read_words(
    key: str, limit: int, form: Form, answers: dict[str, str | list[str]], problems: list[Problem]
) -> None:
    words = clean(_one(key, form))
    over = length(words) - limit
    if over > 0:
        what = f"Your answer is {over:,} character{'s' if over > 1 else ''} too long"
        problems.append(Problem(key, what, f"Shorten it to {limit:,} characters"))
    elif words:
        answers[key] = words


def _required(question: Question, answers: Mapping[str, str | Sequence[str]]) -> list[Problem]:
    if not question.required:
        return []
    if isinstance(question, Grid):
        keys = {f"{question.id}.{row.code}": f"{row.label}: " for row in question.rows}
    else:
        keys = {question.id: ""}
    verb = {Single: "Select one answer", Grid: "select one answer", Multiple: "Select at least one answer"}
    what = verb.get(type(question), "Write your answer")
    return [Problem(key, f"{label}{what}", "") for key, label in keys.items() if not answers.get(key)]
