"""Changing a JSON text in one place: every other character of it stays as its author typed it.

The text must be one that `documents.read_document` takes: no key twice, nothing too deep. Places are JSON
pointers; a place that the text does not have is a `KeyError`. What is put in is laid out like its neighbours.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from json.decoder import scanstring  # type: ignore[attr-defined]  # missing from the stubs only
from typing import Any

from surveyapp.documents import pointer
from surveyapp.instrument.formatting import fragment

_SPACE = re.compile(r"[ \t\n\r]*")
_DECODER = json.JSONDecoder()

_KEYS = (
    "$schema survey version id code type title label text languages mode respondent minutes intro privacy thanks",
    "hint required show_if concept was repeat unit min max decimals bands total top at_most max_length linked",
    "order ordinal scale_order specify exclusive options rows scale probes notes",
    "questions checks pages sections disclosure",
)
_ORDER = {name: rank for rank, name in enumerate(" ".join(_KEYS).split())}
"""Where a new key goes among those of its object, as people write questionnaires."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An item of a list or a member of an object: where it opens (with its key), and its value starts and ends."""

    key: str | int
    opens: int
    start: int
    end: int


def span(text: str, at: str) -> tuple[int, int]:
    """Where the value at a JSON pointer starts and ends."""
    start, end = _after_space(text, 0), len(text.rstrip())
    for part in _parts(at):
        entry = _entry(text, start, part)
        start, end = entry.start, entry.end
    return start, end


def put(text: str, at: str, value: Any) -> str:
    """The text with another value at a place, or with a new key in an object that does not have it yet."""
    above, _, last = at.rpartition("/")
    start, _ = span(text, above)
    name = _parts(f"/{last}")[0]
    for entry in entries(text, start):
        if str(entry.key) == name:
            words = _laid_out(str(entry.key), value, _margin(text, entry.opens))
            return text[: entry.start] + words + text[entry.end :]
    if text[start] != "{":
        raise KeyError(at)
    return _put_new(text, start, name, value)


def put_all(text: str, values: Mapping[str, Any]) -> str:
    """The text with other values at many places that it has, found in one reading. No place is inside another."""
    wanted = {tuple(_parts(at)): value for at, value in values.items()}
    found = list(
        _found(text, _after_space(text, 0), (), {path[:i] for path in wanted for i in range(len(path))}, wanted)
    )
    if len(found) < len(wanted):
        raise KeyError(next(iter(set(wanted) - {path for path, _ in found})))
    for path, entry in reversed(found):
        words = _laid_out(str(entry.key), wanted[path], _margin(text, entry.opens))
        text = text[: entry.start] + words + text[entry.end :]
    return text


def _found(
    text: str,
    start: int,
    here: tuple[str, ...],
    above: set[tuple[str, ...]],
    wanted: Mapping[tuple[str, ...], Any],
) -> Iterator[tuple[tuple[str, ...], Entry]]:
    """The entries that are wanted, in the order of the text; only what is `above` one is looked into."""
    for entry in entries(text, start):
        path = (*here, str(entry.key))
        if path in wanted:
            yield path, entry
        elif path in above and text[entry.start] in "{[":
            yield from _found(text, entry.start, path, above, wanted)


def insert(text: str, at: str, index: int, value: Any) -> str:
    """The text with a new item in the list at a place, before the one that is `index` now."""
    start, _ = span(text, at)
    kind = at.rpartition("/")[2]
    return _insert(text, start, index, lambda indent: _laid_out_item(kind, value, indent))


def remove(text: str, at: str) -> str:
    """The text without an item or a member, and without its comma."""
    above, _, last = at.rpartition("/")
    start, end = span(text, above)
    found = entries(text, start)
    i = found.index(_entry(text, start, _parts(f"/{last}")[0]))
    if len(found) == 1:
        return text[: start + 1] + text[end - 1 :]
    if i + 1 < len(found):
        return text[: found[i].opens] + text[found[i + 1].opens :]
    return text[: found[i - 1].end] + text[found[i].end :]


def swap(text: str, at: str, one: int, other: int) -> str:
    """The text with two items of the list at a place exchanged."""
    found = entries(text, span(text, at)[0])
    a, b = sorted((found[one], found[other]), key=lambda entry: entry.start)
    between = text[a.end : b.start]
    return text[: a.start] + text[b.start : b.end] + between + text[a.start : a.end] + text[b.end :]


def carry(text: str, at: str, to: str) -> str:
    """The text with an item taken out of its list and put, word for word, at the end of the list `to`."""
    start, end = span(text, at)
    words = text[start:end]
    without = remove(text, at)
    target, _ = span(without, to)
    return _insert(without, target, len(entries(without, target)), lambda _indent: words)


def entries(text: str, start: int) -> list[Entry]:
    """What stands in the object or list that begins at `start`."""
    closing = {"{": "}", "[": "]"}[text[start]]
    found: list[Entry] = []
    here = _after_space(text, start + 1)
    while text[here] != closing:
        opens, key = here, len(found)
        name: str | int = key
        if closing == "}":
            name, here = scanstring(text, here + 1, True)
            here = _after_space(text, _after_space(text, here) + 1)
        end = _DECODER.raw_decode(text, here)[1]
        found.append(Entry(name, opens, here, end))
        here = _after_space(text, end)
        if text[here] == ",":
            here = _after_space(text, here + 1)
    return found


def _after_space(text: str, here: int) -> int:
    found = _SPACE.match(text, here)
    return found.end() if found else here


def _parts(at: str) -> list[str]:
    return [part.replace("~1", "/").replace("~0", "~") for part in at.split("/")[1:]]


def _entry(text: str, start: int, name: str) -> Entry:
    if text[start] in "{[":
        for entry in entries(text, start):
            if str(entry.key) == name:
                return entry
    raise KeyError(pointer(name))


def _put_new(text: str, start: int, name: str, value: Any) -> str:
    """A new member, after the last one that people write before it."""
    rank = _ORDER.get(name, len(_ORDER))
    found = entries(text, start)
    before = [i for i, entry in enumerate(found) if _ORDER.get(str(entry.key), len(_ORDER)) <= rank]
    place = before[-1] + 1 if before else 0

    def words(indent: str | None) -> str:
        return f"{json.dumps(name, ensure_ascii=False)}: {_laid_out(name, value, indent)}"

    return _insert(text, start, place, words)


def _insert(text: str, start: int, index: int, words: Any) -> str:
    """`words(indent)` as entry `index`; the indent is None where neighbours stand on one line."""
    found = entries(text, start)
    if not found:
        margin = _margin(text, start)
        inner = margin + "  "
        end = _after_space(text, start + 1)
        return f"{text[: start + 1]}\n{inner}{words(inner)}\n{margin}{text[end:]}"
    neighbour = found[max(0, index - 1)]
    before = text[: neighbour.opens]
    gap = before[len(before.rstrip(" \t\n\r")) :]
    indent = gap.rpartition("\n")[2] if "\n" in gap else None
    gap = gap if indent is not None else " "
    if index == 0:
        return f"{before}{words(indent)},{gap}{text[neighbour.opens :]}"
    return f"{text[: neighbour.end]},{gap}{words(indent)}{text[neighbour.end :]}"


def _margin(text: str, here: int) -> str:
    """The white space with which the line of a place begins."""
    line = text[text.rfind("\n", 0, here) + 1 : here]
    return line[: len(line) - len(line.lstrip(" \t"))]


def _laid_out(key: str, value: Any, indent: str | None) -> str:
    return json.dumps(value, ensure_ascii=False) if indent is None else fragment(key, value, indent)


_LINES = {"options", "rows", "scale"}


def _laid_out_item(kind: str, value: Any, indent: str | None) -> str:
    return _laid_out("", value, None if kind in _LINES else indent)
