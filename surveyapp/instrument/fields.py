"""What an author may say of each part of a questionnaire by a form: its fields, and the lists that it holds.

`editing` reads and writes them; pages print them. A field is a key of the part's JSON, with "." for what stands in
an object of its own: `repeat.max`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

FRONT = "front"

Kind = Literal["words", "id", "whole", "number", "numbers", "names", "day", "flag", "choice"]
Json = Any


@dataclass(frozen=True)
class Field:
    """One thing that may be said: `name` is its key, `long` asks for room, `must` cannot be empty.

    `usual` is the choice that goes without saying: the key is left out. A `bare` field has no key: it is the whole
    entry of a list of words.
    """

    name: str
    kind: Kind
    label: str
    hint: str = ""
    long: bool = False
    must: bool = False
    choices: tuple[tuple[str, str], ...] = ()
    usual: str = ""
    bare: bool = False


# ── questions ────────────────────────────────────────────────────────────────

_REQUIRED = Field(
    "required", "choice", "Must it be answered?", "",
    choices=(("", "No"), ("soft", "Ask once whether it was left out on purpose"), ("true", "Yes")),
)  # fmt: skip
_ORDERS = (
    ("fixed", "As written"),
    ("random", "Random"),
    ("reversed-half", "Reversed for half of the respondents"),
)
_ID = Field("id", "id", "Id", "Its lasting name in the data: small letters, digits and _", must=True)
_TEXT = Field("text", "words", "Question", long=True, must=True)
_HINT = Field("hint", "words", "Hint", "Shown in grey below the question; may be left empty", long=True)
_ORDER = Field("order", "choice", "Order in which the answers are shown", choices=_ORDERS, usual="fixed")
_ASKED = (_ID, _TEXT, _HINT, _REQUIRED)

_LASTING = (
    Field(
        "concept", "id", "Concept", "A lasting key that joins it to the same question of other surveys and waves"
    ),
    Field("was", "id", "Its id before", "What this question was called in the version before, if it was renamed"),
)
_NOTES = Field("notes", "flag", "Room for the interviewer’s own notes")

_OF_TYPE: Mapping[str, tuple[Field, ...]] = {
    "single": (_ORDER, Field("ordinal", "flag", "The answers are points of a scale, from one end to the other")),
    "multiple": (_ORDER, Field("at_most", "whole", "The most answers that may be chosen", "Empty: any number")),
    "grid": (
        Field("order", "choice", "Order in which the rows are shown", choices=_ORDERS, usual="fixed"),
        Field(
            "scale_order", "choice", "Order in which the scale is shown", choices=_ORDERS[::2], usual="fixed",
        ),
    ),
    "number": (
        Field("unit", "words", "Unit", "GBP is shown as £; anything else stands behind the field"),
        Field("min", "number", "Least number", "Empty: no limit"),
        Field("max", "number", "Greatest number", "Empty: no limit"),
        Field("decimals", "whole", "Decimal places", "Empty: none"),
        Field("bands", "numbers", "Bands", "Lower bounds, with commas between: 0, 100000, 500000"),
    ),
    "allocation": (
        Field("total", "whole", "What the rows must add up to", "Empty: 100"),
        Field("unit", "words", "Unit", "Such as %"),
    ),
    "rank": (_ORDER, Field("top", "whole", "How many to rank", "Empty: all")),
    "date": (
        Field("min", "day", "Earliest day", "Such as 2012-01-31; empty: no limit"),
        Field("max", "day", "Latest day", "Empty: no limit"),
    ),
    "text": (
        Field("max_length", "whole", "Most characters", "Empty: 2,000"),
        Field("linked", "flag", "Keep the words together with the other answers; the respondent is told"),
    ),
    "note": (),
}  # fmt: skip

TYPES: Mapping[str, str] = {
    "single": "One choice among answers",
    "multiple": "Any number of answers",
    "grid": "A grid: one choice on a scale for each row",
    "number": "A number or an amount",
    "allocation": "A total divided over rows, such as 100 per cent",
    "rank": "Answers put in order",
    "date": "A day",
    "text": "An answer in the respondent’s own words",
    "note": "A note: words between questions, nothing is asked",
}
"""The types of questions, as an author chooses among them."""


# ── pages, sections, and the words around them ───────────────────────────────

_NAMED = "Small letters, digits and _; no answer is kept under it"
_PAGE = (
    Field("id", "id", "Id of the page", _NAMED, must=True),
    Field("title", "words", "Title of the page", "Empty: the question is the heading"),
    Field(
        "repeat.max", "whole", "Answered up to so many times",
        "For a page that is answered once for each of several things, such as each contract: 2 to 20. "
        "Empty: answered once",
    ),
    Field("repeat.item", "words", "What one of these things is called", "Such as contract; empty: answered once"),
)  # fmt: skip
_SECTION = (
    Field("id", "id", "Id of the section", _NAMED, must=True),
    Field("title", "words", "Title of the section", must=True),
)
_FRONT = (
    Field("title", "words", "Title", must=True),
    Field("respondent", "words", "Who answers", "Such as: one answer for each team", must=True),
    Field("minutes", "whole", "Minutes it takes", must=True),
    Field(
        "mode", "choice", "Who types the answers", usual="self",
        choices=(("self", "The respondent"), ("interviewer", "An interviewer, who reads the questions out")),
    ),
    Field("intro", "words", "Words on the first page", long=True, must=True),
    Field("privacy", "words", "What becomes of the answers", long=True),
    Field("thanks", "words", "Words at the end", long=True, must=True),
    Field(
        "disclosure.policy", "choice", "Whom results must not single out", usual="organisations",
        choices=(
            ("organisations", "Organisations: small groups are hidden by the minimum base and cell"),
            ("persons", "Persons: stricter, small cells are hidden and totals rounded"),
        ),
    ),
    Field("disclosure.minimum_base", "whole", "Minimum base", "Of fewer answers nothing is shown; empty: 10"),
    Field(
        "disclosure.carry", "names", "Groups that go with the answers",
        "Columns of the list of organisations, with commas between: region, kind. Answers carry no other "
        "mark; opening a wave is refused where a group is too small",
    ),
)  # fmt: skip


def fields(place: str, part: Mapping[str, Json]) -> tuple[Field, ...]:
    """What may be said about a part, without its lists."""
    depth = depth_of(place)
    if depth < 2:
        return (_SECTION, _PAGE, _FRONT)[depth]
    if part.get("type") == "note":
        return (_ID, Field("text", "words", "Words", long=True, must=True))
    return (*_ASKED, *_OF_TYPE.get(str(part.get("type")), ()), *_LASTING, _NOTES)


def depth_of(place: str) -> int:
    """-1 for the front, 0 for a section, 1 for a page, 2 for a question or note."""
    return -1 if place == FRONT else place.count("-")


# ── lists ────────────────────────────────────────────────────────────────────

_LISTS: Mapping[str, tuple[str, ...]] = {
    "single": ("options",),
    "multiple": ("options",),
    "rank": ("options",),
    "grid": ("rows", "scale"),
    "allocation": ("rows",),
}
_FLAGS: Mapping[str, tuple[Field, ...]] = {
    "single": (Field("specify", "flag", "asks for words"),),
    "multiple": (Field("specify", "flag", "asks for words"), Field("exclusive", "flag", "excludes all others")),
}
_ENTRY = (Field("code", "id", "Code", must=True), Field("label", "words", "Label", must=True))
_PROBE = (Field("words", "words", "Words", bare=True, must=True),)
_CHECK = (
    Field("sum", "names", "The sum of", "Ids with commas between, such as spend, share.staff", must=True),
    Field("equals", "number", "must be", "A number, or the id of a number question; empty where a most is given"),
    Field("at_most", "number", "may be at most", "A number, or the id of a number question"),
    Field("message", "words", "What the respondent is told", long=True, must=True),
)

LISTED: Mapping[str, str] = {
    "options": "answer",
    "rows": "row",
    "scale": "point of the scale",
    "probes": "probe",
    "checks": "check",
}
"""What an entry of a list is called."""


def lists(place: str, part: Mapping[str, Json]) -> dict[str, tuple[Field, ...]]:
    """The lists of a part, each with the fields of an entry: options; rows and scale; probes; checks of a page."""
    depth, kind = depth_of(place), str(part.get("type"))
    if depth == 1:
        return {"checks": _CHECK}
    if depth != 2 or kind == "note":
        return {}
    flags = _FLAGS.get(kind, ())
    answers = {name: (*_ENTRY, *(flags if name == "options" else ())) for name in _LISTS.get(kind, ())}
    return answers | {"probes": _PROBE}
