"""The answer side: sealed boxes in the tray, released responses, verbatims. Never a person, never a time.

Tables are `WITHOUT ROWID` under random ids: a hidden counter would keep the order of arrival. What is released
is found by its wave through an index, which is written in the order of ids too. The tray has none: boxes come one
at a time, and a page of an index would keep a hundred of them in that order. This module and `people` must not
know each other; `submission` alone sees both.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from surveyapp.storage.database import metadata

tray_table = sa.Table(
    "tray",
    metadata,
    sa.Column("id", sa.LargeBinary, primary_key=True),
    sa.Column("wave", sa.Text, sa.ForeignKey("wave.name"), nullable=False),
    sa.Column("box", sa.LargeBinary, nullable=False),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

response_table = sa.Table(
    "response",
    metadata,
    sa.Column("id", sa.LargeBinary, primary_key=True),
    sa.Column("wave", sa.Text, sa.ForeignKey("wave.name"), nullable=False),
    sa.Column("version", sa.Text, nullable=False),
    sa.Column("cell", sa.Text, nullable=False),
    sa.Column("answers", sa.Text, nullable=False),
    sa.Index("response_of_wave", "wave", "id"),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

verbatim_table = sa.Table(
    "verbatim",
    metadata,
    sa.Column("id", sa.LargeBinary, primary_key=True),
    sa.Column("wave", sa.Text, sa.ForeignKey("wave.name"), nullable=False),
    sa.Column("question", sa.Text, nullable=False),
    sa.Column("cell", sa.Text, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Index("verbatim_of_wave", "wave", "id"),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)


@dataclass(frozen=True)
class Response:
    """One respondent's closed answers as released; version and stratum cell are "" where they would single out."""

    version: str
    cell: str
    answers: dict[str, str | list[str]] = field(repr=False)


@dataclass(frozen=True)
class Verbatim:
    """One open answer, apart from the response it came with; `question` is its answer key."""

    question: str
    cell: str
    text: str = field(repr=False)


def tray_part(connection: sa.Connection, wave: str, after: bytes, most: int) -> list[tuple[bytes, bytes]]:
    """The next boxes of a wave in the order of their ids: all at once a large tray does not fit into memory."""
    query = (
        sa.select(tray_table.c.id, tray_table.c.box)
        .where(tray_table.c.wave == wave, tray_table.c.id > after)
        .order_by(tray_table.c.id)
        .limit(most)
    )
    return [(row.id, row.box) for row in connection.execute(query)]


def tray_ids(connection: sa.Connection, wave: str) -> list[bytes]:
    """The ids of the boxes of a wave."""
    return list(connection.scalars(sa.select(tray_table.c.id).where(tray_table.c.wave == wave)))


def box(connection: sa.Connection, id_: bytes) -> bytes:
    """The content of one box."""
    return bytes(connection.execute(sa.select(tray_table.c.box).where(tray_table.c.id == id_)).scalar_one())


def release(
    connection: sa.Connection,
    wave: str,
    boxes: Iterable[bytes],
    responses: Iterable[tuple[bytes, Response]],
    verbatims: Iterable[tuple[bytes, Verbatim]],
) -> None:
    """Move answers from the tray to the released ones, in the order of their fresh random ids."""
    left = [{"box_id": id_} for id_ in boxes]
    if left:
        connection.execute(tray_table.delete().where(tray_table.c.id == sa.bindparam("box_id")), left)
    _insert(connection, response_table, wave, responses)
    _insert(connection, verbatim_table, wave, verbatims)


def _insert(
    connection: sa.Connection, table: sa.Table, wave: str, entries: Iterable[tuple[bytes, Response | Verbatim]]
) -> None:
    rows = sorted((_row(id_, wave, entry) for id_, entry in entries), key=lambda row: row["id"])
    for first in range(0, len(rows), _AT_ONCE):
        connection.execute(table.insert(), rows[first : first + _AT_ONCE])


_AT_ONCE = 10_000
"""Rows that are handed to the store together: it copies what it is handed."""


def _row(id_: bytes, wave: str, entry: Response | Verbatim) -> dict[str, Any]:
    row: dict[str, Any] = {"id": id_, "wave": wave, **entry.__dict__}
    if "answers" in row:
        row["answers"] = json.dumps(row["answers"], separators=(",", ":"), ensure_ascii=False)
    return row


def responses(connection: sa.Connection, wave: str) -> list[Response]:
    """The released responses of a wave, in the order of their random ids."""
    query = (
        sa.select(response_table.c.version, response_table.c.cell, response_table.c.answers)
        .where(response_table.c.wave == wave)
        .order_by(response_table.c.id)
    )
    return [Response(row.version, row.cell, json.loads(row.answers)) for row in connection.execute(query)]


def lines(connection: sa.Connection, wave: str) -> dict[str, tuple[list[str], list[str]]]:
    """The released responses of a wave by version: the cells, and the answers as lines of JSON, unread."""
    query = (
        sa.select(response_table.c.version, response_table.c.cell, response_table.c.answers)
        .where(response_table.c.wave == wave)
        .order_by(response_table.c.id)
    )
    found: dict[str, tuple[list[str], list[str]]] = {}
    for version, cell, answers in connection.execute(query):
        cells, texts = found.setdefault(version, ([], []))
        cells.append(cell)
        texts.append(answers)
    return found


def some_lines(
    connection: sa.Connection, wave: str, after: bytes, most: int
) -> tuple[dict[str, tuple[list[str], list[str]]], bytes]:
    """As `lines`, of at most so many responses with ids after one, and the last of these ids; b"" for none."""
    query = (
        sa.select(response_table.c.id, response_table.c.version, response_table.c.cell, response_table.c.answers)
        .where(response_table.c.wave == wave, response_table.c.id > after)
        .order_by(response_table.c.id)
        .limit(most)
    )
    found: dict[str, tuple[list[str], list[str]]] = {}
    last = b""
    for last, version, cell, answers in connection.execute(query):  # noqa: B007 (the last one is wanted)
        cells, texts = found.setdefault(version, ([], []))
        cells.append(cell)
        texts.append(answers)
    return found, bytes(last)


def fingerprint(connection: sa.Connection, wave: str) -> str:
    """What changes whenever more responses of a wave are released: their number and the ends of their ids."""
    id_ = response_table.c.id
    query = sa.select(id_).where(response_table.c.wave == wave).limit(1)  # PostgreSQL has no least of bytes
    first, last = (connection.scalar(query.order_by(end)) or b"" for end in (id_, id_.desc()))
    return f"{response_count(connection, wave)} {first.hex()} {last.hex()}"


def how_many(fingerprint: str) -> int:
    """The number of responses in what `fingerprint` gave: to count them once more, all would be gone through."""
    return int(fingerprint.partition(" ")[0])


def verbatims(connection: sa.Connection, wave: str) -> list[Verbatim]:
    """The open answers of a wave, in the order of their random ids."""
    query = (
        sa.select(verbatim_table.c.question, verbatim_table.c.cell, verbatim_table.c.text)
        .where(verbatim_table.c.wave == wave)
        .order_by(verbatim_table.c.id)
    )
    return [Verbatim(row.question, row.cell, row.text) for row in connection.execute(query)]


def tray_size(connection: sa.Connection, wave: str) -> int:
    """How many boxes wait."""
    return (
        connection.scalar(sa.select(sa.func.count()).select_from(tray_table).where(tray_table.c.wave == wave)) or 0
    )


def has_boxes(connection: sa.Connection, wave: str) -> bool:
    """Whether any box waits."""
    query = sa.select(sa.literal(True)).select_from(tray_table).where(tray_table.c.wave == wave).limit(1)
    return bool(connection.scalar(query))


def has_responses(connection: sa.Connection, wave: str) -> bool:
    """Whether any response is released; to count them, all are gone through."""
    query = sa.select(sa.literal(True)).select_from(response_table).where(response_table.c.wave == wave).limit(1)
    return bool(connection.scalar(query))


def numbers(connection: sa.Connection) -> tuple[dict[str, int], dict[str, int]]:
    """How many boxes wait, and how many responses are released, by wave: each table is gone through once."""
    found = []
    for table in (tray_table, response_table):
        query = sa.select(table.c.wave, sa.func.count()).group_by(table.c.wave)
        found.append({row[0]: row[1] for row in connection.execute(query)})
    return found[0], found[1]


def response_count(connection: sa.Connection, wave: str) -> int:
    """How many responses are released."""
    query = sa.select(sa.func.count()).select_from(response_table).where(response_table.c.wave == wave)
    return connection.scalar(query) or 0
