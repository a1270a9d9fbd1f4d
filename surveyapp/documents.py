"""JSON documents that people write by hand: read strictly, every fault with its place and line.

Instruments, plans and published tables all enter here. A document is refused before it is parsed if it is
too large or too deep, or holds too many values; then duplicate keys, `NaN` and numbers that no reader can
hold are faults like any other. What a document must look like is a pydantic model of the caller's; its errors
become `Problem`s in the same words for every kind of document.
"""

import difflib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from json.decoder import scanstring  # type: ignore[attr-defined]  # missing from the stubs only
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from surveyapp.problems import Problem, Refused

MAX_BYTES = 5_000_000
MAX_DEPTH = 64
MAX_VALUES = 100_000
MAX_POINTER = 1_000
MAX_PROBLEMS = 200
MAX_WORDS = 300

Json = Any
Model = TypeVar("Model", bound=BaseModel)

_TOKEN = re.compile(r'[ \t\n\r]*(?:(["{}\[\],:])|(-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?|[A-Za-z]+))')
_WORDS = {"true": True, "false": False, "null": None}


@dataclass(frozen=True)
class Document:
    """A parsed document: its value, and the line on which each JSON pointer begins."""

    value: Json
    lines: Mapping[str, int] = field(repr=False)

    def problem(self, at: str, what: str, do: str) -> Problem:
        """A `Problem` at a JSON pointer, with the line of the nearest place that the text has."""
        place = at
        while place and place not in self.lines:
            place = place.rpartition("/")[0]
        return Problem(at or "/", _printable(what)[:MAX_WORDS], do, self.lines.get(place, 1))


def read_document(content: bytes | str) -> Document:
    """The document in `content`.

    Raises `Refused` with every duplicate key, or with the one fault that stops the reading.
    """
    return _Reader(_decode(content)).document()


def read_model(model: type[Model], document: Document) -> tuple[Model | None, list[Problem]]:
    """`document` as a `model`, or None and every way in which it is not one."""
    try:
        return model.model_validate(document.value), []
    except ValidationError as error:
        names = _property_names(model)
        faults = error.errors(include_url=False)[:MAX_PROBLEMS]
        return None, list(dict.fromkeys(_explain(document, fault, names) for fault in faults))


def nearest(word: str, known: Iterable[str]) -> str:
    """A remedy that names the known word most like `word`, or else all of them."""
    choices = sorted(known)
    close = difflib.get_close_matches(word, choices, n=1, cutoff=0.6)
    if close:
        return f'did you mean "{close[0]}"?'
    shown = ", ".join(choices[:12]) + (", …" if len(choices) > 12 else "")
    return f"use one of: {shown}" if choices else "remove it"


def pointer(*parts: str | int) -> str:
    """A JSON pointer (RFC 6901) from its parts."""
    return "".join("/" + str(p).replace("~", "~0").replace("/", "~1") for p in parts)


# ── reading ──────────────────────────────────────────────────────────────────


def _decode(content: bytes | str) -> str:
    size = len(content)
    if size > MAX_BYTES:
        raise _stop(f"it has {size:,} bytes", f"keep a document under {MAX_BYTES:,} bytes")
    if isinstance(content, str):
        text = content
    else:
        text = _decode_bytes(content)
    if not text.strip():
        raise _stop("it is empty", "write a JSON object: { … }")
    return text


def _decode_bytes(content: bytes) -> str:
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise _stop("it is UTF-16", "save it as UTF-8")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise _stop(f"byte {error.start} is not UTF-8", "save it as UTF-8", line) from None


def _stop(what: str, do: str, line: int | None = 1) -> Refused:
    return Refused([Problem("/", what, do, line)])


class _Reader:
    """One pass over the text: values, the line of each pointer, duplicate keys."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.lines: dict[str, int] = {}
        self.faults: list[Problem] = []
        self.counted_to, self.line = 0, 1

    def document(self) -> Document:
        value, end = self._value(0, "", 0)
        if self.text[end:].strip(" \t\n\r"):
            raise self._fault(end, "there is more text after the end", "remove what follows the last bracket")
        if self.faults:
            raise Refused(self.faults)
        return Document(value, self.lines)

    def _line_at(self, position: int) -> int:
        self.line += self.text.count("\n", self.counted_to, position)
        self.counted_to = max(position, self.counted_to)
        return self.line

    def _fault(self, position: int, what: str, do: str) -> Refused:
        return _stop(what, do, self.text.count("\n", 0, position) + 1)

    def _token(self, position: int) -> tuple[str, int, int]:
        """The next token, where it starts and where it ends."""
        match = _TOKEN.match(self.text, position)
        if match is None:
            rest = self.text[position:].lstrip(" \t\n\r")[:1]
            if not rest:
                raise self._fault(len(self.text), "the text ends too early", "close every bracket and quote")
            raise self._fault(position, f"{rest!r} cannot stand here", "check quotes and commas around it")
        group = match.lastindex or 0
        return match[group], match.start(group), match.end(group)

    def _value(self, position: int, at: str, depth: int) -> tuple[Json, int]:
        token, start, end = self._token(position)
        self._check_limits(start, at, depth)
        self.lines[at] = self._line_at(start)
        if token == "{":
            return self._object(end, at, depth)
        if token == "[":
            return self._array(end, at, depth)
        if token == '"':
            return self._string(end)
        return self._scalar(token, start), end

    def _check_limits(self, start: int, at: str, depth: int) -> None:
        """Each value costs its pointer, so their number and their length are bounded."""
        if depth > MAX_DEPTH:
            raise self._fault(start, f"it is nested over {MAX_DEPTH} deep", "flatten it")
        if len(at) > MAX_POINTER:
            raise self._fault(start, "the keys that lead here are too long", "shorten them")
        if len(self.lines) >= MAX_VALUES:
            raise self._fault(start, f"it has over {MAX_VALUES:,} values", "split it")

    def _string(self, position: int) -> tuple[str, int]:
        try:
            text, end = scanstring(self.text, position, True)
        except json.JSONDecodeError as error:
            what = "a text is not closed" if "Unterminated" in error.msg else "a text holds a forbidden character"
            raise self._fault(position, what, 'end it with " and write line breaks as \\n') from None
        if not text.isascii() and any("\ud800" <= c <= "\udfff" for c in text):
            raise self._fault(position, "a text holds half a character", "remove the lone \\uD8xx escape")
        return text, end

    def _scalar(self, token: str, start: int) -> Json:
        if token in _WORDS:
            return _WORDS[token]
        if token in {",", ":", "}", "]"}:
            raise self._fault(start, f"{token!r} cannot stand here", "a value is missing before it")
        if token[0].isalpha():
            raise self._fault(
                start, f"{token[:40]} is not JSON", "use true, false, null, a number or a quoted text"
            )
        if len(token) > 30:
            raise self._fault(start, "a number has too many digits", "shorten it")
        number = float(token) if set(token) & set(".eE") else int(token)
        if number in (float("inf"), float("-inf")):
            raise self._fault(start, f"{token} is too large", "use a smaller number")
        return number

    def _array(self, position: int, at: str, depth: int) -> tuple[list[Json], int]:
        items: list[Json] = []
        token, _, end = self._token(position)
        if token == "]":
            return items, end
        while True:
            item, position = self._value(position, f"{at}/{len(items)}", depth + 1)
            items.append(item)
            token, start, position = self._token(position)
            if token == "]":
                return items, position
            if token != ",":
                raise self._fault(start, "a comma is missing between two items", "put one in")

    def _object(self, position: int, at: str, depth: int) -> tuple[dict[str, Json], int]:
        members: dict[str, Json] = {}
        token, start, end = self._token(position)
        if token == "}":
            return members, end
        while True:
            if token != '"':
                raise self._fault(start, "a key in double quotes is missing", 'write "key": value')
            key, position = self._string(end)
            if not key.replace("\u00a0", " ").isprintable():
                raise self._fault(start, "a key holds a line break or a control character", "remove it")
            self._note_duplicate(key, members, at, start)
            position = self._expect_colon(position)
            below = at + pointer(key) if "/" in key or "~" in key else f"{at}/{key}"
            members[key], position = self._value(position, below, depth + 1)
            token, start, end = self._token(position)
            if token == "}":
                return members, end
            if token != ",":
                raise self._fault(start, "a comma is missing between two entries", "put one in")
            token, start, end = self._token(end)

    def _note_duplicate(self, key: str, members: dict[str, Json], at: str, start: int) -> None:
        if key in members and len(self.faults) < MAX_PROBLEMS:
            at = at + pointer(key)
            line = self._line_at(start)
            self.faults.append(Problem(at, f"the key {_short(key)} stands twice", "keep one of the two", line))

    def _expect_colon(self, position: int) -> int:
        token, start, end = self._token(position)
        if token != ":":
            raise self._fault(start, "a colon is missing after a key", 'write "key": value')
        return end


# ── pydantic's errors in our words ───────────────────────────────────────────


@cache
def _property_names(model: type[BaseModel]) -> frozenset[str]:
    """Every key that a document of this kind may have anywhere; an editor asks at each pause of the keys."""
    schema = model.model_json_schema(by_alias=True)
    parts = [schema, *schema.get("$defs", {}).values()]
    return frozenset(name for part in parts for name in part.get("properties", {}))


def _explain(document: Document, fault: Mapping[str, Any], names: frozenset[str]) -> Problem:
    at = _place(document.value, fault["loc"])
    what, do = _words(fault, names)
    return document.problem(at, what, do)


def _place(value: Json, location: tuple[str | int, ...]) -> str:
    """pydantic's location as a JSON pointer: the tags of unions are not in the document."""
    at, last = "", len(location) - 1
    for i, part in enumerate(location):
        if (
            0 < i < last
            and isinstance(value, dict)
            and isinstance(location[i - 1], int)
            and value.get("type") == part
        ):
            continue  # a tag, though a key may have the same name: a question of type "text" has a "text"
        if isinstance(value, dict) and (part in value or (i == last and isinstance(part, str))):
            at, value = at + pointer(part), value.get(part)
        elif isinstance(value, list) and isinstance(part, int) and part < len(value):
            at, value = at + pointer(part), value[part]
    return at


def _words(fault: Mapping[str, Any], names: frozenset[str]) -> tuple[str, str]:
    kind, context, given = fault["type"], fault.get("ctx", {}), fault.get("input")
    last = str(fault["loc"][-1]) if fault["loc"] else "the document"
    match kind:
        case "missing":
            return f'"{last}" is missing', "add it"
        case "extra_forbidden":
            close = nearest(last, names) if difflib.get_close_matches(last, names) else "remove it"
            do = "move it to where it belongs, or remove it" if last in names else close
            return f"the key {_short(last)} is not known here", do
        case "union_tag_invalid":
            tags = re.findall(r"'([^']*)'", context["expected_tags"])
            return f"{_short(context['tag'])} is not a type", nearest(str(context["tag"]), tags)
        case "union_tag_not_found":
            return f"{context['discriminator']} is missing", "say what kind it is"
        case "literal_error":
            choices = re.findall(r"'([^']*)'", context["expected"])
            return f"{_short(given)} is not possible here", nearest(str(given), choices)
        case "string_pattern_mismatch":
            return f"{_short(given)} is not a valid name", _NAME_REMEDIES.get(context["pattern"], "correct it")
        case "too_short":
            return (
                f"there are too few entries ({context['actual_length']})",
                f"give at least {context['min_length']}",
            )
        case "too_long":
            return "there are too many entries", f"give at most {context['max_length']}"
        case "string_too_long" | "string_too_short":
            limit = context.get("max_length") or context.get("min_length")
            return f"the text has {len(str(given))} characters", f"the limit is {limit}"
        case "value_error":
            what, _, do = str(context["error"]).partition("; ")
            return what, do or "correct it"
    if kind in _WRONG_KIND:
        expected, do = _WRONG_KIND[kind]
        return f"{_short(given)} stands where {expected} is expected", do
    return f"{_short(given)} will not do: {fault['msg'].lower()}", "correct it"


_WRONG_KIND = {
    "model_type": ("an object", "write { … }"),
    "model_attributes_type": ("an object", "write { … }"),
    "dict_type": ("an object", "write { … }"),
    "list_type": ("a list", "write [ … ]"),
    "string_type": ("a text", "put it in double quotes"),
    "int_type": ("a whole number", "write it in digits, without quotes"),
    "bool_type": ("true or false", "write one of them, without quotes"),
}

ID = r"^[a-z][a-z0-9_]{0,39}$"
CODE = r"^[a-z0-9][a-z0-9_]{0,39}$"
VERSION = r"^[0-9A-Za-z][0-9A-Za-z._-]{0,39}$"
LANGUAGE = r"^[a-z]{2}$"
WAVE = r"^[a-z0-9][a-z0-9-]{0,39}$"
"""What names in a document look like; each with its remedy."""

_NAME_REMEDIES = {
    ID: "use small letters, digits and _ (at most 40, a letter first)",
    CODE: "use small letters, digits and _ (at most 40, no _ first)",
    VERSION: "use letters, digits, dots, _ and - (at most 40, a letter or digit first)",
    LANGUAGE: "use two small letters such as en",
    WAVE: "use small letters, digits and - such as dat-2012",
}


def _short(value: Json) -> str:
    if isinstance(value, list | dict):
        return "a list" if isinstance(value, list) else "an object"
    if not isinstance(value, str):
        return json.dumps(value)
    text = _printable(value)
    return f'"{text[:40]}{"…" if len(text) > 40 else ""}"'


def _printable(text: str) -> str:
    """`text` without what would move the cursor of a terminal or break a line."""
    return "".join(c if c.isprintable() else "�" for c in text)
