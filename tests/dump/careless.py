"""A store as it is often written: each habit here is one that an attack of ours must find.

Rows in sequence with a time, a reference to the invitation in three disguises, boxes as long as what is in them,
write-ahead logging, deleted content left where it was.
"""

import hashlib
import hmac
import json
import sqlite3
from collections.abc import Sequence
from pathlib import Path

from tests.dump.attacks import Dump

KEY = b"k" * 32

_SCHEMA = """
CREATE TABLE invitation (id INTEGER PRIMARY KEY AUTOINCREMENT, unit TEXT, code_hash BLOB, completed_at TEXT);
CREATE TABLE draft (code_hash BLOB PRIMARY KEY, box BLOB);
CREATE TABLE tray (id INTEGER PRIMARY KEY, box BLOB);
CREATE TABLE response (id INTEGER PRIMARY KEY AUTOINCREMENT, code_hash BLOB, digest TEXT, token BLOB,
                       answers TEXT, created TEXT);
CREATE TABLE verbatim (id INTEGER PRIMARY KEY AUTOINCREMENT, response INTEGER, text TEXT);
"""


def fieldwork(folder: Path, marks: Sequence[str], closed: Sequence[str]) -> tuple[Dump, sqlite3.Connection]:
    """The careless store after everybody has answered in turn. The connection must stay open: the log is there."""
    connection = sqlite3.connect(folder / "careless.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode=wal")
    connection.execute("PRAGMA secure_delete=off")
    connection.execute("PRAGMA synchronous=off")
    connection.executescript(_SCHEMA)
    sealed = [_answer(connection, n, mark, row) for n, (mark, row) in enumerate(zip(marks, closed, strict=True))]
    connection.execute("PRAGMA wal_checkpoint(full)")
    _answer_once_more(connection)
    dump = Dump(
        folder=folder,
        database=folder / "careless.db",
        people=("invitation", "draft"),
        answers=("tray", "response", "verbatim"),
        public=frozenset(),
        keys=(KEY,),
        arrivals=tuple(marks),
        closed=tuple(closed),
        sealed=tuple(sealed),
    )
    return dump, connection


def _answer(connection: sqlite3.Connection, n: int, mark: str, closed: str) -> bytes:
    """One respondent: a draft, the flag and the answers in one step, the draft deleted."""
    unit, code, time = (
        f"A team named {n}",
        hashlib.sha256(f"code {n}".encode()).digest(),
        f"2012-01-16 10:{n % 60}",
    )
    draft = hashlib.shake_128(mark.encode()).digest(400)
    connection.execute("INSERT INTO draft VALUES (?, ?)", [code, draft])
    connection.execute(
        "INSERT INTO invitation (unit, code_hash, completed_at) VALUES (?, ?, ?)", [unit, code, time]
    )
    connection.execute("INSERT INTO tray (box) VALUES (?)", [json.dumps([closed, "x" * n]).encode()])
    values = [code, hashlib.sha256(code).hexdigest(), hmac.digest(KEY, unit.encode(), "sha256"), closed, time]
    cursor = connection.execute(
        "INSERT INTO response (code_hash, digest, token, answers, created) VALUES (?, ?, ?, ?, ?)", values
    )
    connection.execute("INSERT INTO verbatim (response, text) VALUES (?, ?)", [cursor.lastrowid, mark])
    connection.execute("DELETE FROM draft")
    return draft


def _answer_once_more(connection: sqlite3.Connection) -> None:
    """Something that is only in the log yet, and pages set free."""
    connection.execute("CREATE TABLE scratch (x BLOB)")
    connection.execute("INSERT INTO scratch VALUES (zeroblob(50000))")
    connection.execute("DROP TABLE scratch")
    connection.execute("PRAGMA wal_checkpoint(full)")
    connection.execute("UPDATE invitation SET completed_at = completed_at")
