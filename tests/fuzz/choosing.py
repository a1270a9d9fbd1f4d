"""Bytes as choices: so a fuzzer that knows only bytes alters documents, workbooks and forms that make sense."""

import copy
import io
import json
import re
import zipfile
from collections.abc import Sequence
from functools import cache
from typing import Any, TypeVar
from xml.sax.saxutils import escape

T = TypeVar("T")

WORDS = (
    *(
        "",
        "yes",
        "a",
        "0",
        "1",
        "-1",
        "1e3",
        "1e999",
        "NaN",
        "٣",
        "１２",
        "½",
        "9" * 40,
        "31/02/2012",
        "2012-02-29",
    ),
    *("=1+1", "'; DROP TABLE waves; --", "<script>alert(1)</script>", "{answers.kind}", "{{7*7}}", "%s%n", "{0}"),
    *(
        "../../etc/passwd",
        "a\r\nBcc: b@example.org",
        "\x00",
        "\ud800",
        "\u202eabc",
        "é" * 300,
        "x" * 5000,
        "[",
        "\\",
    ),
    *(
        "kind",
        "sources",
        "partners.police",
        "spend",
        "true",
        "null",
        "selected(${a}, 'b')",
        "${a} > 1 and not(",
        "_x0041_",
    ),
)
"""What people and machines type where something else belongs."""


class Choices:
    """Reads bytes as numbers and texts; when they are used up, every choice is the first one."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def number(self, most: int) -> int:
        """0 to `most`, from one byte or two."""
        width = 1 if most < 256 else 2
        taken = int.from_bytes(self.data[self.at : self.at + width], "big")
        self.at += width
        return taken % (most + 1)

    def pick(self, things: Sequence[T]) -> T:
        """One of them."""
        return things[self.number(len(things) - 1)]

    def text(self) -> str:
        """A word of those that hurt, or up to 40 bytes as they stand."""
        if self.number(1) == 0:
            return self.pick(WORDS)
        length = self.number(40)
        taken = self.data[self.at : self.at + length]
        self.at += length
        return taken.decode("utf-8", "surrogateescape")

    def rest(self) -> bytes:
        """What has not been read."""
        taken, self.at = self.data[self.at :], len(self.data)
        return taken

    @property
    def left(self) -> bool:
        """Whether there are bytes to choose by."""
        return self.at < len(self.data)


# ── documents ────────────────────────────────────────────────────────────────

MOST_CHANGES = 12


def document(data: bytes, seed: Any) -> bytes:
    """A JSON text: the bytes themselves, or `seed` with up to twelve of its values altered."""
    choices = Choices(data)
    kind = choices.number(3)
    if kind == 0:
        return choices.rest()
    altered = {"": copy.deepcopy(seed)}
    for _ in range(MOST_CHANGES):
        if not choices.left:
            break
        _alter(altered, choices)
    return json.dumps(altered[""], ensure_ascii=kind == 1).encode("utf-8", "surrogatepass")


def _alter(whole: dict[str, Any], choices: Choices) -> None:
    places = list(_places(whole))
    holder, key = places[choices.number(len(places) - 1)]
    match choices.number(5):
        case 0 if key != "":
            del holder[key]
        case 1 if isinstance(holder, list):
            holder.insert(key, copy.deepcopy(holder[key]))
        case 2 if isinstance(holder, dict) and key != "":
            holder[choices.text()] = holder.pop(key)
        case 3:
            other, name = places[choices.number(len(places) - 1)]
            holder[key] = copy.deepcopy(other[name])
        case 4:
            holder[key] = choices.text()
        case _:
            holder[key] = choices.pick((None, True, 0, -1, 10**30, 1e308, 0.1, [], {}, [[]], [""], {"": {}}))


def _places(holder: Any) -> Any:
    keys = list(holder) if isinstance(holder, dict) else range(len(holder))
    for key in keys:
        yield holder, key
        if isinstance(holder[key], dict | list):
            yield from _places(holder[key])


# ── workbooks ────────────────────────────────────────────────────────────────

_FILLED = re.compile(r'(?<=>)[^<>]+(?=<)|(?<==")[^"<>]*(?=")')


def workbook(data: bytes, seed: bytes) -> bytes:
    """A file: the bytes themselves, or the workbook `seed` with a part exchanged or with other texts in it."""
    choices = Choices(data)
    kind = choices.number(5)
    if kind == 0:
        return choices.rest()
    if kind == 1:
        return _patched(choices, seed)
    parts = dict(_parts(seed))
    names = sorted(parts, key=lambda name: "sheet" not in name)
    if kind == 2:
        parts[choices.pick(names)] = choices.rest()
        return _zipped(parts)
    while choices.left:
        name = choices.pick(names[:3] if kind == 3 else names)
        parts[name] = _edited(parts[name], choices)
    return _zipped(parts)


def _patched(choices: Choices, seed: bytes) -> bytes:
    """The file with some of its bytes exchanged: damaged on its way."""
    damaged = bytearray(seed)
    while choices.left:
        at = choices.number(65_535) % len(damaged)
        damaged[at] = choices.number(255)
    return bytes(damaged)


def _edited(part: bytes, choices: Choices) -> bytes:
    text = part.decode("utf-8", "replace")
    found = list(_FILLED.finditer(text))
    if not found:
        return part
    place = found[choices.number(min(len(found), 65_535) - 1)]
    words = choices.pick((choices.text(), choices.pick(found)[0], *_CELLS))
    new = escape(words, {'"': "&quot;"}).encode("utf-8", "replace").decode()
    return (text[: place.start()] + new + text[place.end() :]).encode()


_CELLS = (
    "s",
    "n",
    "e",
    "b",
    "d",
    "str",
    "inlineStr",
    "A1",
    "XFD1048576",
    "A0",
    "ZZZZ9",
    "1",
    "hidden",
    "External",
)


@cache
def _parts(content: bytes) -> tuple[tuple[str, bytes], ...]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return tuple((name, archive.read(name)) for name in archive.namelist())


def _zipped(parts: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return buffer.getvalue()
