"""What only a test can try, for it knows who sent what and when: order of arrival, remains of what is gone.

All other attacks are the product's own (`surveyapp.storage.forensics`, `surveyapp.auditing`). An attack knows
nothing of how the store is meant to work: the same function runs against ours and against a careless one. The
channels (A1 …) are those of docs/anonymity.md.
"""

import sqlite3
import struct
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from typing import Any

from surveyapp.storage.forensics import Store

WINDOW = 16
"""Bytes of a draft or a box that nothing else repeats by chance."""


@dataclass(frozen=True)
class Dump(Store):
    """Every byte of an installation, and what only the test knows of it.

    `arrivals` are the marks that respondents left in their words, in the order in which they were sent.
    `closed` are the same respondents' closed answers as stored. `sealed` is every draft and box there ever was.
    """

    arrivals: tuple[str, ...]
    closed: tuple[str, ...]
    sealed: tuple[bytes, ...]


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


def joined(ranks: Sequence[int]) -> int:
    """How many respondents whoever knows the order of arrival puts to their own answers, going by this order.

    Forwards or backwards, whichever is better; by chance one of them, whatever their number.
    """
    last = len(ranks) - 1
    return max(
        sum(rank == i for i, rank in enumerate(ranks)), sum(last - rank == i for i, rank in enumerate(ranks))
    )


# ── A5, A6: what is left over ────────────────────────────────────────────────


@cache
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
