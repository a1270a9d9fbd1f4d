"""The languages of a questionnaire: what is written in each, one more, one fewer. Takes the text of the JSON."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from surveyapp.documents import LANGUAGE
from surveyapp.instrument import splicing
from surveyapp.instrument.editing import at_place, languages, part_at, parts
from surveyapp.instrument.fields import FRONT, fields, lists
from surveyapp.problems import Problem, Refused

Json = Any

MOST_LANGUAGES = 10


@dataclass(frozen=True)
class Wording:
    """Words of a questionnaire: the place of the part they belong to, their JSON pointer, and what is said."""

    place: str
    at: str
    said: Json

    def missing(self, language: str, first: str) -> bool:
        """Whether they are not written in a language; a plain text is written in the first."""
        if isinstance(self.said, dict):
            return not str(self.said.get(language) or "").strip()
        return language != first


def wordings(value: Json) -> Iterator[Wording]:
    """Every wording of a document, in order."""
    for place in (FRONT, *(place for place, _ in parts(value))):
        part = value if place == FRONT else part_at(value, place)
        for below in _worded(place, part):
            said = _at(part, below)
            if isinstance(said, str | dict):
                yield Wording(place, f"{at_place(place)}/{'/'.join(below)}", said)


def _worded(place: str, part: Json) -> Iterator[list[str]]:
    """Where the words of a part are, below it."""
    for field in fields(place, part):
        if field.kind == "words":
            yield field.name.split(".")
    for name, its in lists(place, part).items():
        listed = part.get(name)
        for i in range(len(listed) if isinstance(listed, list) else 0):
            for field in its:
                if field.kind == "words":
                    yield [name, str(i), *([] if field.bare else [field.name])]


def _at(part: Json, below: list[str]) -> Json:
    found = part
    for key in below:
        if isinstance(found, list):
            found = found[int(key)]
        else:
            found = found.get(key) if isinstance(found, dict) else None
    return found


def missing(value: Json, language: str) -> list[Wording]:
    """The wordings that are not written in a language of the document."""
    first = languages(value)[0]
    return [wording for wording in wordings(value) if wording.missing(language, first)]


def added(text: str, value: Json, language: str, copied: bool) -> str:
    """The text with one more language; `copied` begins it with the words of the first one.

    Without that each wording is a problem until it is written. Raises `Refused`.
    """
    spoken = languages(value)
    if faults := _faults(language, spoken):
        raise Refused(faults)
    changes: dict[str, Json] = {"/languages": [*spoken, language]}
    if copied:
        for each in wordings(value):
            by_language = each.said if isinstance(each.said, dict) else {spoken[0]: each.said}
            first = by_language.get(spoken[0])
            if first and language not in by_language:
                changes[each.at] = {**by_language, language: first}
    return splicing.put_all(_with_languages(text, value), changes)


def removed(text: str, value: Json, language: str) -> str:
    """The text without a language and all that is written in it. Raises `Refused` for the first one."""
    spoken = languages(value)
    if language not in spoken[1:]:
        what = "the first language stays: what is written without a language is in it"
        raise Refused([Problem("named", what, "remove another one")])
    kept = [each for each in spoken if each != language]
    changes: dict[str, Json] = {"/languages": kept}
    for each in wordings(value):
        if isinstance(each.said, dict) and language in each.said:
            rest = {name: words for name, words in each.said.items() if name != language}
            changes[each.at] = rest[kept[0]] if list(rest) == kept[:1] else rest
    return splicing.put_all(text, changes)


def _with_languages(text: str, value: Json) -> str:
    """The text with the key, which may be left out where there is one language."""
    return text if isinstance(value.get("languages"), list) else splicing.put(text, "/languages", languages(value))


def _faults(language: str, spoken: list[str]) -> list[Problem]:
    if not re.fullmatch(LANGUAGE, language, re.ASCII):
        return [Problem("language", "this is no language", "use two small letters, such as cy for Welsh")]
    if language in spoken:
        return [Problem("language", f"the questionnaire speaks {language} already", "choose another language")]
    if len(spoken) >= MOST_LANGUAGES:
        return [Problem("language", f"there are {MOST_LANGUAGES} languages already", "remove one first")]
    return []
