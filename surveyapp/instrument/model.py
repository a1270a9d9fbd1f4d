"""What a questionnaire is: the document that a researcher writes, as frozen values.

The classes mirror the JSON of an instrument one to one, so the JSON Schema that editors use
(`instruments/schema.json`) is made from them. What a schema cannot say (unknown references, backward
conditions, codes used twice) is checked in `checking`.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    PlainValidator,
    StringConstraints,
    WithJsonSchema,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from surveyapp.documents import CODE, ID, LANGUAGE, VERSION

Id = Annotated[str, StringConstraints(pattern=ID)]
Code = Annotated[str, StringConstraints(pattern=CODE)]
VersionName = Annotated[str, StringConstraints(pattern=VERSION)]
Language = Annotated[str, StringConstraints(pattern=LANGUAGE)]

MAX_TEXT = 10_000

CURRENCIES = {"GBP": "£", "EUR": "€", "USD": "$"}
"""Units of a number that are shown by a sign before it; any other unit stands behind."""
MAX_DIGITS = 15


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
    odd = () if wording.isprintable() else wording
    bad = next((c for c in odd if unicodedata.category(c) in {"Cc", "Cs"} and c not in "\n\t"), None)
    if bad is not None:
        raise ValueError(f"the text holds the control character U+{ord(bad):04X}; remove it")


def _read_number(given: object) -> Decimal:
    if isinstance(given, bool) or not isinstance(given, int | float | Decimal):
        raise ValueError("a number is expected here; write it in digits, without quotes")
    number = Decimal(str(given))
    if not -MAX_DIGITS < number.adjusted() < MAX_DIGITS:
        raise ValueError(f"the number has too many digits; write at most {MAX_DIGITS}")
    return plain(number)


def plain(number: Decimal) -> Decimal:
    """The same number written shortest: no zeros at either end, no minus zero, no power of ten."""
    if number == number.to_integral_value():
        return number.quantize(Decimal(1)) + 0
    return number.normalize()


def _read_day(given: object) -> date:
    if isinstance(given, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", given, re.ASCII):
        with suppress(ValueError):
            return date.fromisoformat(given)
    raise ValueError("a day is expected here; write it as 2012-01-31, in double quotes")


def _read_required(given: object) -> object:
    if given is True or given is False or given == "soft":
        return given
    raise ValueError('true, false or "soft" is expected here; write one of them')


Number = Annotated[Decimal, PlainValidator(_read_number), WithJsonSchema({"type": "number"})]
Required = Annotated[
    bool | Literal["soft"],
    PlainValidator(_read_required),
    WithJsonSchema({"enum": [True, False, "soft"]}),
]
Day = Annotated[date, PlainValidator(_read_day), WithJsonSchema({"type": "string", "format": "date"})]


class Part(BaseModel):
    """A frozen piece of a document; a key that it does not know is a fault."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """A copy, with changes; what was worked out of the original (`cached_property`) is worked out anew."""
        copy = super().model_copy(update=update, deep=deep)
        for name in copy.__dict__.keys() - type(self).model_fields.keys():
            del copy.__dict__[name]
        return copy


class Condition(Part):
    """When something is asked: a test of one earlier answer, or a combination of conditions.

    A question that was not answered makes every test of it false, `not` then true.
    """

    question: str | None = Field(None, description="A question, or question.row of a grid or allocation.")
    is_: str | None = Field(None, alias="is")
    in_: Annotated[list[str], Field(min_length=1)] | None = Field(None, alias="in")
    includes: str | None = None
    at_least: Number | None = None
    at_most: Number | None = None
    answered: bool | None = None
    all_: Annotated[list["Condition"], Field(min_length=1)] | None = Field(None, alias="all")
    any_: Annotated[list["Condition"], Field(min_length=1)] | None = Field(None, alias="any")
    not_: "Condition | None" = Field(None, alias="not")

    @property
    def operators(self) -> list[str]:
        """The keys that this condition uses, as written in the document."""
        fields = Condition.model_fields.items()
        return [field.alias or name for name, field in fields if getattr(self, name) is not None]


class Option(Part):
    """One possible answer: a lasting code, and a label that may be reworded."""

    code: Code
    label: Text
    specify: bool = Field(False, description="Ask for a few words when this option is chosen.")
    exclusive: bool = Field(False, description="Cannot be chosen with any other (multiple only).")
    show_if: Condition | None = None


class Row(Part):
    """One line of a grid or of an allocation."""

    code: Code
    label: Text
    show_if: Condition | None = None


class Asked(Part):
    """What all questions have."""

    id: Id
    text: Text
    hint: Text | None = None
    required: Required = Field(False, description='"soft" asks once whether it was left out on purpose.')
    show_if: Condition | None = None
    concept: Id | None = Field(None, description="A lasting key that joins it to the same question elsewhere.")
    was: Id | None = Field(None, description="The id that this question had in the version before.")
    probes: list[Text] = Field(default_factory=list, description="What an interviewer may ask further.")
    notes: bool = Field(False, description="Room for the interviewer's own notes.")

    # A route asks these of every question at every request, so each question works them out once.

    @cached_property
    def keys(self) -> tuple[str, ...]:
        """What `answer_keys` gives."""
        return tuple(_answer_keys(self))

    @cached_property
    def specified(self) -> dict[str, str]:
        """The answer key of the words that go with each option that asks for some, by the option's code."""
        options: list[Option] = getattr(self, "options", [])
        return {option.code: specify_key(self.id, option.code) for option in options if option.specify}

    @cached_property
    def offered(self) -> frozenset[str]:
        """The codes of its options; none for a question without."""
        options: list[Option] = getattr(self, "options", [])
        return frozenset(option.code for option in options)

    @cached_property
    def conditional(self) -> tuple[str, ...]:
        """Which of its parts, "options" or "rows", hold something that is shown on a condition."""
        parts = ("options", "rows")
        return tuple(part for part in parts if any(entry.show_if for entry in getattr(self, part, ())))


Order = Literal["fixed", "random", "reversed-half"]


class Single(Asked):
    """One choice among options."""

    type: Literal["single"]
    options: Annotated[list[Option], Field(min_length=2, max_length=200)]
    order: Order = "fixed"
    ordinal: bool = Field(False, description="The options are points of a scale, from one end to the other.")


class Multiple(Asked):
    """Any number of choices among options."""

    type: Literal["multiple"]
    options: Annotated[list[Option], Field(min_length=2, max_length=200)]
    order: Order = "fixed"
    at_most: Annotated[int, Field(ge=1)] | None = Field(None, description="The most options that may be chosen.")


class Grid(Asked):
    """One choice on a shared scale for each row."""

    type: Literal["grid"]
    rows: Annotated[list[Row], Field(min_length=1, max_length=100)]
    scale: Annotated[list[Option], Field(min_length=2, max_length=20)]
    order: Order = Field("fixed", description="Of the rows.")
    scale_order: Literal["fixed", "reversed-half"] = "fixed"


class NumberQuestion(Asked):
    """An amount, kept as an exact decimal."""

    type: Literal["number"]
    unit: Text | None = Field(None, description='Shown beside the field: "GBP" as £, anything else as it is.')
    min: Number | None = None
    max: Number | None = None
    decimals: Annotated[int, Field(ge=0, le=4)] = 0
    bands: Annotated[list[Number], Field(min_length=1, max_length=30)] | None = Field(
        None, description="Lower bounds of the bands in which it is released and tabulated."
    )


class Allocation(Asked):
    """A total divided over rows, such as 100 per cent."""

    type: Literal["allocation"]
    rows: Annotated[list[Row], Field(min_length=2, max_length=30)]
    total: Annotated[int, Field(ge=1, le=1_000_000)] = 100
    unit: Text | None = None


class Rank(Asked):
    """Options put in order, the first most important."""

    type: Literal["rank"]
    options: Annotated[list[Option], Field(min_length=2, max_length=20)]
    top: Annotated[int, Field(ge=1)] | None = Field(None, description="How many to rank; else all.")
    order: Order = "fixed"


class DateQuestion(Asked):
    """A day."""

    type: Literal["date"]
    min: Day | None = None
    max: Day | None = None


class OpenText(Asked):
    """An answer in the respondent's own words."""

    type: Literal["text"]
    max_length: Annotated[int, Field(ge=1, le=10_000)] = 2000
    linked: bool = Field(False, description="Kept with the other answers, not apart; the respondent is told.")


class Note(Part):
    """Words between questions; nothing is asked."""

    type: Literal["note"]
    id: Id
    text: Text
    show_if: Condition | None = None


Question = Single | Multiple | Grid | NumberQuestion | Allocation | Rank | DateQuestion | OpenText
Item = Annotated[Question | Note, Field(discriminator="type")]


class Check(Part):
    """A sum over answers of this and earlier pages that must come out; tested when all of them are given."""

    sum: Annotated[list[str], Field(min_length=1, max_length=50)]
    equals: str | Number | None = Field(None, description="A number question, or a number.")
    at_most: str | Number | None = Field(None, description="A number question, or a number.")
    message: Text


class Repeat(Part):
    """A page that is answered once for each thing in a small list, such as each contract."""

    max: Annotated[int, Field(ge=2, le=20)]
    item: Text = Field(description='What one of them is called, such as "contract".')


class Page(Part):
    """What is shown at once."""

    id: Id
    title: Text | None = None
    show_if: Condition | None = None
    repeat: Repeat | None = None
    questions: Annotated[list[Item], Field(min_length=1, max_length=100)]
    checks: Annotated[list[Check], Field(max_length=20)] = Field(default_factory=list)

    @cached_property
    def plain(self) -> tuple[Item, ...]:
        """What it shows, if that is the same whatever the answers are; else nothing."""
        fixed = all(item.show_if is None and not getattr(item, "conditional", ()) for item in self.questions)
        return tuple(self.questions) if fixed and self.repeat is None else ()

    @property
    def asked(self) -> list[Question]:
        """Its questions without the notes."""
        return [item for item in self.questions if not isinstance(item, Note)]


class Section(Part):
    """A part of the questionnaire with a heading."""

    id: Id
    title: Text
    show_if: Condition | None = None
    pages: Annotated[list[Page], Field(min_length=1, max_length=200)]


class Disclosure(Part):
    """How far results may single anybody out."""

    policy: Literal["organisations", "persons"] = "organisations"
    minimum_base: Annotated[int, Field(ge=5)] = 10
    carry: list[Id] = Field(default_factory=list, description="Strata that go with the answers.")


class Instrument(Part):
    """A whole questionnaire in one version."""

    schema_: str | None = Field(None, alias="$schema")
    survey: Id
    version: VersionName
    title: Text
    languages: Annotated[list[Language], Field(min_length=1, max_length=10)] = ["en"]
    mode: Literal["self", "interviewer"] = Field(
        "self", description="Who types: the respondent or an interviewer."
    )
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
        case Single() | Multiple() | Rank():
            return question.options
        case Grid():
            return question.scale
    return []


def specify_key(question_id: str, code: str) -> str:
    """The answer key of the words that go with an option: `team_type.other.text`."""
    return f"{question_id}.{code}.text"


def answer_keys(question: Question) -> tuple[str, ...]:
    """The keys under which a question's answers are kept, the closed ones first.

    A `grid` and an `allocation` use one key a row (`engagement_now.police`), all others their id; the words that
    go with an option stand under `question.code.text`, an interviewer's notes under `question.notes`.
    """
    return question.keys


def _answer_keys(question: Asked) -> Iterator[str]:
    if isinstance(question, Grid | Allocation):
        yield from (f"{question.id}.{row.code}" for row in question.rows)
    else:
        yield question.id
    if isinstance(question, Single | Multiple):
        yield from question.specified.values()
    if question.notes:
        yield f"{question.id}.notes"


def is_open(instrument: Instrument, key: str) -> bool:
    """Whether an answer key holds words that are kept apart from the other answers.

    Those of open questions are, unless the question is declared `linked`; so are words beside an option and
    notes.
    """
    name, _, rest = key.partition(".")
    question = instrument.questions.get(name.partition("@")[0])
    linked = isinstance(question, OpenText) and not rest and question.linked
    return has_words(instrument, key) and not linked


def has_words(instrument: Instrument, key: str) -> bool:
    """Whether an answer key holds words of the respondent's own."""
    name, _, rest = key.partition(".")
    question = instrument.questions.get(name.partition("@")[0])
    return rest == "notes" or rest.endswith(".text") or (isinstance(question, OpenText) and not rest)
