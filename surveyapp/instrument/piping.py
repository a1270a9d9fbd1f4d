"""Earlier answers and facts of the organisation inside a text: `{answers.team_type}`, `{unit.region}`."""

import re
from collections.abc import Iterator, Mapping

from surveyapp.instrument.conditions import Answers
from surveyapp.instrument.model import Grid, Instrument, Multiple, Question, Rank, Single, Text, choices

UNIT_FACTS = ("name", "unit")
"""What every organisation of a frame has; its strata come beside them."""

UNKNOWN = "…"
"""What stands where there is no answer."""

_PLACE = re.compile(r"\{( *[a-z_][a-z0-9_.@-]* *)\}", re.ASCII | re.IGNORECASE)


def placeholders(text: str) -> Iterator[tuple[str, str]]:
    """Each `{…}` of a text as kind and name: ("answers", "team_type"), ("unit", "region"), or ("", what it is)."""
    for match in _PLACE.finditer(text):
        kind, dot, name = match[1].partition(".")
        yield (kind, name) if dot and kind in {"answers", "unit"} else ("", match[1])


def fill(text: str, instrument: Instrument, answers: Answers, unit: Mapping[str, str], language: str) -> str:
    """`text` with every placeholder filled in; never markup, whatever the answer holds."""
    if "{" not in text:
        return text

    def value(match: re.Match[str]) -> str:
        kind, _, name = match[1].partition(".")
        if kind == "unit":
            return unit.get(name) or UNKNOWN
        return _said(instrument, name, answers, language) if kind == "answers" else match[0]

    return _PLACE.sub(value, text)


def reworded(text: Text, names: Mapping[str, str]) -> Text:
    """The same text reading other questions: `names` maps question ids (without rows) to new ones."""

    def new(match: re.Match[str]) -> str:
        kind, _, key = match[1].partition(".")
        name, dot, rest = key.partition(".")
        return f"{{answers.{names[name]}{dot}{rest}}}" if kind == "answers" and name in names else match[0]

    if "{" not in text:
        return text
    by_language = {language: _PLACE.sub(new, wording) for language, wording in text.translations.items()}
    return Text(by_language or _PLACE.sub(new, text))


def _said(instrument: Instrument, key: str, answers: Answers, language: str) -> str:
    """An answer in words: labels of codes, numbers and words as they are."""
    name, _, part = key.partition(".")
    answer = answers.get(key)
    question = instrument.questions.get(name.partition("@")[0])
    if not answer or question is None:
        return UNKNOWN
    if _coded(question, part):
        labels = {option.code: option.label.in_language(language) for option in choices(question)}
        codes = [answer] if isinstance(answer, str) else answer
        return ", ".join(labels.get(code, code) for code in codes)
    return answer if isinstance(answer, str) else ", ".join(answer)


def _coded(question: Question, part: str) -> bool:
    """Whether the answer under `question.part` is codes; the words beside an option and the notes are words."""
    if isinstance(question, Grid):
        return any(row.code == part for row in question.rows)
    return isinstance(question, Single | Multiple | Rank) and not part
