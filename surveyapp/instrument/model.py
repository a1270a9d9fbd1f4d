"""What a questionnaire is: the document that a researcher writes, as frozen values.

The classes mirror the JSON of an instrument one to one, so the JSON Schema that editors use
(`instruments/schema.json`) is made from them. What a schema cannot say (unknown references, backward
conditions, codes used twice) is checked in `checking`.
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    StringConstraints,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from surveyapp.documents import CODE, ID, LANGUAGE, VERSION

Id = Annotated[str, StringConstraints(pattern=ID)]
Code = Annotated[str, StringConstraints(pattern=CODE)]
VersionName = Annotated[str, StringConstraints(pattern=VERSION)]
Language = Annotated[str, StringConstraints(pattern=LANGUAGE)]

MAX_TEXT = 10_000


class Text(str):
    """Wording that a person reads: a string in the first language, with its translations.

    Plain text. Blank lines separate paragraphs, a line that begins with "- " is an item of a list; nothing
    else is markup, so a tag in it shows as a tag.
    """

    __slots__ = ("translations",)
    translations: dict[str, str]

    def __new__(cls, wording: "str | dict[str, str]") -> "Text":
        """From a string, or from one string per language (the first is the default)."""
        translations = dict(wording) if isinstance(wording, dict) else {}
        text = super().__new__(cls, next(iter(translations.values()), "") if translations else wording)
        text.translations = translations
        return text

    def in_language(self, language: str) -> str:
        """The wording in `language`, or in the first language where there is no translation."""
        return self.translations.get(language, str(self))

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Read a string or an object of strings; refuse what cannot be printed."""
        return core_schema.no_info_plain_validator_function(_read_text)

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """A string, or an object with a string per language."""
        plain = {"type": "string", "minLength": 1, "maxLength": MAX_TEXT}
        by_language = {
            "type": "object",
            "minProperties": 1,
            "patternProperties": {"^[a-z]{2}$": plain},
            "additionalProperties": False,
        }
        return {"anyOf": [plain, by_language]}


def _read_text(given: object) -> Text:
    if isinstance(given, dict):
        if not given:
            raise ValueError("the text has no language; give at least one")
        for language, wording in given.items():
            if not re.fullmatch("[a-z]{2}", str(language)):
                raise ValueError(f"{str(language)[:20]!r} is not a language; use two small letters such as en")
            _check_wording(wording)
        return Text(given)
    _check_wording(given)
    return Text(str(given))


def _check_wording(wording: object) -> None:
    if not isinstance(wording, str):
        raise ValueError("a text is expected here; put it in double quotes")
    if not any(c.isprintable() and not c.isspace() for c in wording):
        raise ValueError("the text is empty; write it or leave the key out")
    if len(wording) > MAX_TEXT:
        raise ValueError(f"the text has {len(wording)} characters; the limit is {MAX_TEXT}")
    bad = next((c for c in wording if unicodedata.category(c) in {"Cc", "Cs"} and c not in "\n\t"), None)
    if bad is not None:
        raise ValueError(f"the text holds the control character U+{ord(bad):04X}; remove it")


class Part(BaseModel):
    """A frozen piece of a document; a key that it does not know is a fault."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Option(Part):
    """One possible answer: a lasting code, and a label that may be reworded."""

    code: Code
    label: Text
    specify: bool = Field(False, description="Ask for a few words when this option is chosen.")
    exclusive: bool = Field(False, description="Cannot be chosen with any other (multiple only).")


class Row(Part):
    """One line of a grid."""

    code: Code
    label: Text


class Condition(Part):
    """When something is asked: a test of one earlier answer, or a combination of conditions.

    A question that was not answered makes every test of it false, `not` then true.
    """

    question: str | None = Field(None, description="A question, or question.row of a grid.")
    is_: str | None = Field(None, alias="is")
    in_: Annotated[list[str], Field(min_length=1)] | None = Field(None, alias="in")
    includes: str | None = None
    answered: bool | None = None
    all_: Annotated[list["Condition"], Field(min_length=1)] | None = Field(None, alias="all")
    any_: Annotated[list["Condition"], Field(min_length=1)] | None = Field(None, alias="any")
    not_: "Condition | None" = Field(None, alias="not")

    @property
    def operators(self) -> list[str]:
        """The keys that this condition uses, as written in the document."""
        return [
            field.alias or name
            for name, field in Condition.model_fields.items()
            if getattr(self, name) is not None
        ]


class Asked(Part):
    """What all questions have."""

    id: Id
    text: Text
    hint: Text | None = None
    required: bool = False
    show_if: Condition | None = None
    concept: Id | None = Field(None, description="A lasting key that joins it to the same question elsewhere.")


class Single(Asked):
    """One choice among options."""

    type: Literal["single"]
    options: Annotated[list[Option], Field(min_length=2, max_length=200)]


class Multiple(Asked):
    """Any number of choices among options."""

    type: Literal["multiple"]
    options: Annotated[list[Option], Field(min_length=2, max_length=200)]


class Grid(Asked):
    """One choice on a shared scale for each row."""

    type: Literal["grid"]
    rows: Annotated[list[Row], Field(min_length=1, max_length=100)]
    scale: Annotated[list[Option], Field(min_length=2, max_length=20)]


class OpenText(Asked):
    """An answer in the respondent's own words."""

    type: Literal["text"]
    max_length: Annotated[int, Field(ge=1, le=10_000)] = 2000


class Note(Part):
    """Words between questions; nothing is asked."""

    type: Literal["note"]
    id: Id
    text: Text
    show_if: Condition | None = None


Question = Single | Multiple | Grid | OpenText
Item = Annotated[Single | Multiple | Grid | OpenText | Note, Field(discriminator="type")]


class Page(Part):
    """What is shown at once."""

    id: Id
    title: Text | None = None
    questions: Annotated[list[Item], Field(min_length=1, max_length=100)]

    @property
    def asked(self) -> list[Question]:
        """Its questions without the notes."""
        return [item for item in self.questions if not isinstance(item, Note)]


class Section(Part):
    """A part of the questionnaire with a heading."""

    id: Id
    title: Text
    pages: Annotated[list[Page], Field(min_length=1, max_length=200)]


class Disclosure(Part):
    """How far results may single anybody out."""

    policy: Literal["organisations"] = "organisations"
    minimum_base: Annotated[int, Field(ge=5)] = 10
    carry: list[Id] = Field(default_factory=list, description="Strata that go with the answers.")


class Instrument(Part):
    """A whole questionnaire in one version."""

    schema_: str | None = Field(None, alias="$schema")
    survey: Id
    version: VersionName
    title: Text
    languages: Annotated[list[Language], Field(min_length=1, max_length=10)] = ["en"]
    respondent: Text
    minutes: Annotated[int, Field(ge=1, le=240)]
    intro: Text
    privacy: Text | None = None
    thanks: Text
    sections: Annotated[list[Section], Field(min_length=1, max_length=100)]
    disclosure: Disclosure = Disclosure()

    @property
    def name(self) -> str:
        """`survey@version`, as the command line names it."""
        return f"{self.survey}@{self.version}"

    @cached_property
    def pages(self) -> tuple[Page, ...]:
        """All pages in order."""
        return tuple(page for section in self.sections for page in section.pages)

    @cached_property
    def items(self) -> tuple[Any, ...]:
        """All questions and notes in order."""
        return tuple(item for page in self.pages for item in page.questions)

    @cached_property
    def questions(self) -> dict[str, Question]:
        """All questions by id, in order, without the notes."""
        return {question.id: question for page in self.pages for question in page.asked}

    def section_of(self, page_id: str) -> Section:
        """The section that a page stands in. Raises `KeyError` for an unknown page."""
        for section in self.sections:
            if any(page.id == page_id for page in section.pages):
                return section
        raise KeyError(page_id)


def choices(question: Question) -> list[Option]:
    """The options or the scale of a question; none for an open one."""
    match question:
        case Single() | Multiple():
            return question.options
        case Grid():
            return question.scale
    return []


def specify_key(question_id: str, code: str) -> str:
    """The answer key of the words that go with an option: `team_type.other.text`."""
    return f"{question_id}.{code}.text"


def answer_keys(question: Question) -> Iterator[str]:
    """The keys under which a question's answers are kept, the closed ones first.

    `single`, `multiple` and `text` use their id, a `grid` one key a row (`engagement_now.police`), the words
    that go with an option `question.code.text`.
    """
    if isinstance(question, Grid):
        yield from (f"{question.id}.{row.code}" for row in question.rows)
    else:
        yield question.id
    if isinstance(question, Single | Multiple):
        yield from (specify_key(question.id, option.code) for option in question.options if option.specify)
