"""What somebody can do who holds every byte of an installation: each attack as a function of the dump.

An attack returns what it found, or how well it did; it knows nothing of how the store is meant to work, so that
the same function runs against ours and against a careless one. See the table in the anonymity notes (A1 …).
"""

import hashlib
import hmac
import json
import re
import sqlite3
import struct
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SHORTEST = 8
"""Bytes from which on a value could be a key; shorter ones are shared by chance."""

WINDOW = 16
"""Bytes of a draft or a box that nothing else repeats by chance."""


@dataclass(frozen=True)
class Dump:
    """Every byte of an installation, what the attacker knows of its schema, and what only the test knows.

    `arrivals` are the marks that respondents left in their words, in the order in which they were sent.
    `closed` are the same respondents' closed answers as stored. `sealed` is every draft and box there ever was.
    """

    folder: Path
    database: Path
    people: tuple[str, ...]
    answers: tuple[str, ...]
    public: frozenset[bytes]
    keys: tuple[bytes, ...]
    arrivals: tuple[str, ...]
    closed: tuple[str, ...]
    sealed: tuple[bytes, ...]

    @property
    def files(self) -> dict[str, bytes]:
        """Name and content of every file, the keys excepted."""
        files = (p for p in sorted(self.folder.rglob("*")) if p.is_file() and p.parent.name != "keys")
        return {str(p.relative_to(self.folder)): p.read_bytes() for p in files}


# ── A1: a value on both sides ────────────────────────────────────────────────


def shared_values(dump: Dump) -> set[tuple[str, str, str]]:
    """Columns of the two sides that hold the same value, plain or hashed: people's, answers', how."""
    found = set()
    for one, other, turned in (
        (dump.people, dump.answers, False),
        (dump.answers, dump.people, True),
    ):
        haystacks = {column: b"\0".join(values) for column, values in _columns(dump, other).items()}
        for column, values in _columns(dump, one).items():
            for how, needle in _guises(values, dump):
                where = [name for name, haystack in haystacks.items() if needle in haystack]
                found |= {(name, column, how) if turned else (column, name, how) for name in where}
    return found


def _guises(values: Iterable[bytes], dump: Dump) -> Iterator[tuple[str, bytes]]:
    """Each value as it is, and as any key of the installation would hash it, raw and in hexadecimal."""
    for value in set(values) - dump.public:
        if len(value) < SHORTEST:
            continue
        digests = {"SHA-256": hashlib.sha256(value).digest()}
        digests |= {f"HMAC {i}": hmac.digest(key, value, "sha256") for i, key in enumerate(dump.keys)}
        yield "plain", value
        yield "plain", value.hex().encode()
        for how, digest in digests.items():
            yield how, digest[:WINDOW]
            yield how, digest[:WINDOW].hex().encode()


def _columns(dump: Dump, tables: Sequence[str]) -> dict[str, list[bytes]]:
    """Every value of every column as bytes; of JSON also each leaf."""
    columns: dict[str, list[bytes]] = {}
    with closing(sqlite3.connect(dump.database)) as connection:
        for table in tables:
            cursor = connection.execute(f"SELECT * FROM {table}")
            names = [description[0] for description in cursor.description]
            for row in cursor:
                for name, value in zip(names, row, strict=True):
                    columns.setdefault(f"{table}.{name}", []).extend(_parts(value))
    return columns


def _parts(value: Any) -> Iterator[bytes]:
    if isinstance(value, bytes):
        yield value
    elif value is not None:
        yield str(value).encode()
        if isinstance(value, str) and value.startswith(("{", "[")):
            yield from (str(leaf).encode() for leaf in _leaves(json.loads(value)))


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for part in value:
            yield from _leaves(part)
    else:
        yield value


# ── A2, A10: counters and clocks ─────────────────────────────────────────────


def hidden_counters(dump: Dump) -> set[str]:
    """Tables of the answer side whose rows have a number, and the table of SQLite's own counters."""
    found = set()
    with closing(sqlite3.connect(dump.database)) as connection:
        for table in dump.answers:
            try:
                connection.execute(f"SELECT rowid FROM {table}").fetchall()
                found.add(table)
            except sqlite3.OperationalError:
                continue
        names = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema")}
    return found | (names & {"sqlite_sequence"})


_TIME = re.compile(rb"\d\d:\d\d|(19|20)\d\d-\d\d-\d\d|(?<!\d)1[3-9]\d{8}(?!\d)")


def times(dump: Dump) -> set[str]:
    """Columns of the answer side that hold a day, an hour or a Unix time as text."""
    columns = _columns(dump, dump.answers)
    return {name for name, values in columns.items() for v in values if v.isascii() and _TIME.search(v)}


# ── A3, A4, A17: order ───────────────────────────────────────────────────────


def orders(dump: Dump, marks: Sequence[str]) -> dict[str, list[int]]:
    """Where each mark stands, by every way to put the file in order: positions in the order of `marks`."""
    content = dump.database.read_bytes()
    places = [_place(content, mark.encode()) for mark in marks]
    ways = {
        "byte": [place.byte for place in places],
        "page, newest lowest": [(place.page, -place.byte) for place in places],
        "page, by key": [(place.page, place.cell, place.byte) for place in places],
        "as read": _read_order(dump, marks),
    }
    return {way: _ranks(keys) for way, keys in ways.items()}


@dataclass(frozen=True)
class _Place:
    byte: int
    page: int
    cell: int


def _place(content: bytes, mark: bytes) -> _Place:
    """The page of a mark, and which of the page's cells it lies in, counted in the order of keys."""
    byte = content.index(mark)
    (size,) = struct.unpack(">H", content[16:18])
    page = byte // size
    start, header = page * size, page * size + (100 if page == 0 else 0)
    if content[header] not in (0x0A, 0x0D):  # an overflow page has no cells
        return _Place(byte, page, -1)
    (count,) = struct.unpack(">H", content[header + 3 : header + 5])
    cells = struct.unpack(f">{count}H", content[header + 8 : header + 8 + 2 * count])
    before = [(offset, i) for i, offset in enumerate(cells) if start + offset <= byte]
    return _Place(byte, page, max(before)[1] if before else -1)


def _read_order(dump: Dump, marks: Sequence[str]) -> list[int]:
    """Positions in which a plain SELECT gives the rows."""
    rows: list[str] = []
    with closing(sqlite3.connect(dump.database)) as connection:
        for table in dump.answers:
            rows += [repr(row) for row in connection.execute(f"SELECT * FROM {table}")]
    return [next(i for i, row in enumerate(rows) if mark in row) for mark in marks]


def _ranks(keys: Sequence[Any]) -> list[int]:
    position = {key: i for i, key in enumerate(sorted(set(keys)))}
    return [position[key] for key in keys]


def spearman(one: Sequence[int], other: Sequence[int]) -> float:
    """Rank correlation of two orders of the same things, without ties to speak of."""
    n = len(one)
    mean = (n - 1) / 2
    across = sum((a - mean) * (b - mean) for a, b in zip(_ranks(one), _ranks(other), strict=True))
    return across / sum((i - mean) ** 2 for i in range(n))


# ── A5, A6: what is left over ────────────────────────────────────────────────


def remains(dump: Dump) -> dict[str, int]:
    """Files that still hold bytes of a draft or box that is gone, with how many of them."""
    found = {}
    for name, content in dump.files.items():
        windows = {content[i : i + WINDOW] for i in range(len(content) - WINDOW + 1)}
        gone = sum(any(piece in windows for piece in _pieces(blob)) for blob in dump.sealed)
        if gone:
            found[name] = gone
    return found


def _pieces(blob: bytes) -> Iterator[bytes]:
    return (blob[i : i + WINDOW] for i in range(0, len(blob) - WINDOW, WINDOW))


def free_pages(dump: Dump) -> int:
    """Pages that were used once and keep what was on them unless somebody overwrote it."""
    with closing(sqlite3.connect(dump.database)) as connection:
        return int(connection.execute("PRAGMA freelist_count").fetchone()[0])


def lengths(database: Path, table: str) -> set[int]:
    """A9: how long the boxes of a table are."""
    with closing(sqlite3.connect(database)) as connection:
        return {length for (length,) in connection.execute(f"SELECT length(box) FROM {table}")}
