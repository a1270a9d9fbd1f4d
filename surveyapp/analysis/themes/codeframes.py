"""Codeframes: the themes that open answers are sorted into. Checked like instruments: every problem at once.

A theme with parts is a net: it is never given to an answer itself, it holds wherever one of its parts does. When a
new version merges, splits or renames themes it says so under `was`, and what was coded before is carried over.
"""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Annotated, Any

from pydantic import Field

from surveyapp.documents import Document, nearest, pointer, read_document, read_model
from surveyapp.instrument import Instrument, OpenText, Single, answer_keys, has_words
from surveyapp.instrument.model import Code, Id, Language, Part, Text, VersionName
from surveyapp.problems import Refused

NOTHING, UNCODABLE = "nothing_to_code", "uncodable"
MARKS = {NOTHING: "Says nothing to code", UNCODABLE: "Cannot be coded"}
"""What an answer can be given in place of themes: no theme may have these codes."""

Codes = frozenset[str]
"""What one open answer was given: codes of themes, or one of the marks."""


class Theme(Part):
    """One theme: a lasting code, a label that may be reworded, and what a coder must know of it."""

    code: Code
    label: Text
    definition: Text
    example: Text | None = None
    include: Text | None = Field(None, description="What belongs here although it may not seem to.")
    exclude: Text | None = Field(None, description="What does not belong here, and where it goes instead.")
    parent: Code | None = Field(None, description="The net that it is a part of.")


class Attribution(Part):
    """How a quotation says where it comes from: who, and as much of `by` as leaves a group large enough."""

    who: Text = Text("Survey respondent")
    by: Annotated[list[Id], Field(max_length=5)] = Field(
        default_factory=list,
        description="Carried strata, or single questions where words are linked; the widest first.",
    )


class Consent(Part):
    """The answer without which words are not quoted; the words must be linked."""

    question: Id
    is_: Code = Field(alias="is")


class Change(Part):
    """What became of the themes of the version before: one code is a new name, several a split, none the end."""

    version: VersionName
    themes: dict[str, list[Code]] = Field(default_factory=dict)


class Codeframe(Part):
    """The themes for one open question, or for several that are read together."""

    schema_: str | None = Field(None, alias="$schema")
    survey: Id
    id: Id
    version: VersionName
    title: Text
    languages: Annotated[list[Language], Field(min_length=1, max_length=10)] = Field(["en"])
    questions: Annotated[list[str], Field(min_length=1, max_length=50)] = Field(
        description="Open questions, or other answer keys that hold words, such as team_type.other.text."
    )
    themes: Annotated[list[Theme], Field(min_length=1, max_length=200)]
    attribution: Attribution = Attribution()
    quote_if: Consent | None = None
    was: Change | None = None

    @property
    def name(self) -> str:
        """`codeframe@version`, as people are told."""
        return f"{self.id}@{self.version}"

    @cached_property
    def nets(self) -> dict[str, tuple[str, ...]]:
        """The codes of the parts of each net."""
        parents = dict.fromkeys(theme.parent for theme in self.themes if theme.parent)
        return {net: tuple(theme.code for theme in self.themes if theme.parent == net) for net in parents}

    @cached_property
    def coded(self) -> tuple[str, ...]:
        """The codes that an answer may be given: all but the nets, without the marks."""
        return tuple(theme.code for theme in self.themes if theme.code not in self.nets)

    @cached_property
    def labels(self) -> dict[str, str]:
        """Label of every theme and mark, by code."""
        return {theme.code: str(theme.label) for theme in self.themes} | MARKS

    def with_nets(self, codes: Collection[str]) -> Codes:
        """`codes` and every net that one of them is a part of."""
        return frozenset(codes) | {net for net, parts in self.nets.items() if not set(parts).isdisjoint(codes)}


def read_codeframe(content: bytes | str, instrument: Instrument, carry: Collection[str]) -> Codeframe:
    """The codeframe in a JSON document, fit for `instrument` and the carried strata of a wave.

    Raises `Refused` with every problem.
    """
    document = read_document(content)
    frame, problems = read_model(Codeframe, document)
    if frame is not None:
        faults = [*_own_faults(frame, document), *_misfits(frame, instrument, carry)]
        problems = [document.problem(*fault) for fault in faults]
    if frame is None or problems:
        raise Refused(sorted(problems, key=lambda p: p.line or 0))
    return frame


@lru_cache(maxsize=32)
def stored_codeframe(document: str) -> Codeframe:
    """A codeframe that was checked when it was put on its wave; it holds nothing that anybody answered."""
    return Codeframe.model_validate(read_document(document).value)


def json_schema() -> dict[str, Any]:
    """The JSON Schema of a codeframe, for editors: the contents of `instruments/codeframe-schema.json`."""
    schema = Codeframe.model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "surveyapp codeframe"}


def asked_key(key: str) -> str:
    """An answer key without the number of a repeated page: `issues@2` is `issues`."""
    return re.sub(r"@\d+", "", key)


def is_linked(instrument: Instrument, key: str) -> bool:
    """Whether the words under an answer key stay with the other answers."""
    question = instrument.questions.get(key)
    return isinstance(question, OpenText) and question.linked


# ── a newer version ──────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Carried:
    """What an earlier coding is in a newer version; `again` are the old themes of which somebody must decide."""

    codes: Codes
    again: Codes


def carry_over(codes: Codes, frame: Codeframe) -> Carried:
    """An earlier coding under a newer `frame`: merged and renamed themes follow, split and ended ones wait."""
    kept, again = set(), set()
    for code in codes:
        became = frame.was.themes.get(code, [code]) if frame.was and code not in MARKS else [code]
        if len(became) == 1 and (became[0] in frame.coded or became[0] in MARKS):
            kept.add(became[0])
        else:
            again.add(code)
    if again:
        kept -= MARKS.keys()
    return Carried(frozenset(kept), frozenset(again))


def fresh(old: Codeframe, new: Codeframe) -> tuple[str, ...]:
    """Themes of `new` that come from nothing in `old`: every answer may carry them, and nobody has looked."""
    descended = {code for codes in (new.was.themes if new.was else {}).values() for code in codes}
    return tuple(code for code in new.coded if code not in old.coded and code not in descended)


def check_follows(old: Codeframe, new: Codeframe, document: Document) -> None:
    """Raise `Refused` unless `new` says what became of every theme of `old`, the version in use."""
    problems = [document.problem(*fault) for fault in _unexplained(old, new)]
    if problems:
        raise Refused(problems)


Fault = tuple[str, str, str]


def _unexplained(old: Codeframe, new: Codeframe) -> Iterator[Fault]:
    if new.was is None:
        if gone := [code for code in old.coded if code not in new.coded]:
            yield "", f'"{gone[0]}" of {old.name} is gone', f'say what became of it: "was": {_was(old, gone)}'
        return
    if new.was.version != old.version:
        yield "/was/version", f"the version in use is {old.version}", f'write "{old.version}"'
    for code in new.was.themes:
        if code not in old.coded:
            yield "/was/themes" + pointer(code), f'{old.name} has no theme "{code}"', nearest(code, [*old.coded])
    for code in old.coded:
        if code not in new.coded and code not in new.was.themes:
            yield "/was/themes", f'"{code}" of {old.name} is gone', f'say what became of it: "{code}": ["…"]'


def _was(old: Codeframe, gone: list[str]) -> str:
    themes = ", ".join(f'"{code}": ["…"]' for code in gone[:3])
    return f'{{"version": "{old.version}", "themes": {{{themes}}}}}'


# ── what can be wrong ────────────────────────────────────────────────────────


def _own_faults(frame: Codeframe, document: Document) -> Iterator[Fault]:
    yield from _repeated(frame)
    for i, theme in enumerate(frame.themes):
        yield from _theme_faults(f"/themes/{i}", theme, frame)
    yield from _change_faults(frame)
    yield from _untranslated(document.value, "", frame.languages)


def _repeated(frame: Codeframe) -> Iterator[Fault]:
    lists = {
        "/themes/{}/code": [theme.code for theme in frame.themes],
        "/themes/{}/label": [str(theme.label) for theme in frame.themes],
        "/questions/{}": frame.questions,
    }
    for place, values in lists.items():
        for i, value in enumerate(values):
            if value in values[:i]:
                yield place.format(i), f'"{value[:60]}" is used twice', "give each its own"


def _theme_faults(at: str, theme: Theme, frame: Codeframe) -> Iterator[Fault]:
    known = {other.code: other for other in frame.themes}
    if theme.code in MARKS:
        yield f"{at}/code", f'"{theme.code}" means that an answer has no theme', "choose another code"
    if theme.parent is None:
        return
    if theme.parent == theme.code:
        yield f"{at}/parent", "a theme cannot be a part of itself", "name its net, or leave the key out"
    elif theme.parent not in known:
        yield f"{at}/parent", f'there is no theme "{theme.parent}"', nearest(theme.parent, set(known))
    elif known[theme.parent].parent:
        yield f"{at}/parent", f'"{theme.parent}" is itself a part of a net', "use one level of nets"


def _change_faults(frame: Codeframe) -> Iterator[Fault]:
    if frame.was is None:
        return
    if frame.was.version == frame.version:
        yield "/was/version", "it is this version's own name", "name the version before"
    for old, codes in frame.was.themes.items():
        for i, code in enumerate(codes):
            if code not in frame.coded:
                place = f"/was/themes{pointer(old)}/{i}"
                yield place, f'there is no theme "{code}" to code with', nearest(code, set(frame.coded))


def _untranslated(value: Any, at: str, languages: list[str]) -> Iterator[Fault]:
    """Texts given by language must have each language of the codeframe."""
    if isinstance(value, list):
        for i, entry in enumerate(value):
            yield from _untranslated(entry, f"{at}/{i}", languages)
    elif isinstance(value, dict):
        if value and all(re.fullmatch("[a-z]{2}", key) and isinstance(text, str) for key, text in value.items()):
            for language in languages:
                if language not in value and "is" not in value:
                    yield at, f'the text is missing in "{language}"', "add it"
            return
        for key, entry in value.items():
            yield from _untranslated(entry, at + pointer(key), languages)


def _misfits(frame: Codeframe, instrument: Instrument, carry: Collection[str]) -> Iterator[Fault]:
    if frame.survey != instrument.survey:
        what = f'the codeframe is for "{frame.survey}", the wave fields "{instrument.survey}"'
        yield "/survey", what, "use a codeframe of the same survey"
        return
    words = [key for q in instrument.questions.values() for key in answer_keys(q) if has_words(instrument, key)]
    for i, key in enumerate(frame.questions):
        if key not in words:
            yield f"/questions/{i}", f'"{key[:60]}" holds no words in {instrument.name}', nearest(key, words)
    linked = all(is_linked(instrument, key) for key in frame.questions)
    singles = {q.id for q in instrument.questions.values() if isinstance(q, Single)} if linked else set()
    for i, name in enumerate(frame.attribution.by):
        if name not in {*carry, *singles}:
            yield f"/attribution/by/{i}", _unknown_group(name, instrument), nearest(name, {*carry, *singles})
    if frame.quote_if:
        yield from _consent_faults(frame.quote_if, instrument, linked)


def _unknown_group(name: str, instrument: Instrument) -> str:
    if name in instrument.questions:
        return f'words that are kept apart cannot be put to the answers of "{name}"'
    return f'"{name}" is neither a carried stratum nor a single question'


def _consent_faults(consent: Consent, instrument: Instrument, linked: bool) -> Iterator[Fault]:
    question = instrument.questions.get(consent.question)
    if not linked:
        yield "/quote_if", "the words are kept apart from the other answers", "remove it, or link the questions"
    elif not isinstance(question, Single):
        singles = {q.id for q in instrument.questions.values() if isinstance(q, Single)}
        what = f'"{consent.question}" is not a single question'
        yield "/quote_if/question", what, nearest(consent.question, singles)
    elif consent.is_ not in question.offered:
        yield (
            "/quote_if/is",
            f'"{consent.question}" has no option "{consent.is_}"',
            nearest(consent.is_, set(question.offered)),
        )
