"""A store as it is often written: each habit here is one that an attack of ours must find.

Rows in sequence with a time, a reference to the invitation in three disguises, boxes as long as what is in them,
write-ahead logging, deleted content left where it was.
"""

import hashlib
import hmac
import json
import sqlite3
import zipfile
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

from surveyapp import privacy
from surveyapp.auditing import Scene
from surveyapp.storage import forensics
from surveyapp.storage.database import PRAGMAS
from surveyapp.storage.forensics import Store
from surveyapp.storage.waves import Wave
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


# ── what lies about beside it ────────────────────────────────────────────────

EARLIER, LATER = (2012, 1, 16, 9, 30, 2), (2012, 1, 16, 9, 30, 4)

_LETTER = """From: office@example.org
To: team{n}@example.org
Subject: Thank you
Date: Mon, 16 Jan 2012 {hour}:31:07 +0000

Your answers came in just now: https://x.example/answer?code=7K4QX-9M2PB-0WDTE-HR63Y
"""

_LOG = (
    '192.0.2.17 - [16/Jan/2012:10:31:07] "GET /answer/page/p1?code=7K4QX-9M2PB-0WDTE-HR63Y" 200 5120 "Mozilla"\n'
)


def litter(dump: Dump, connection: sqlite3.Connection) -> Scene:
    """The same installation with visits, letters, logs, exports and copies as they often lie about."""
    with sqlite3.connect(dump.folder / "nightly.db") as copy:
        connection.backup(copy)
    copy.close()
    _last_respondent(connection)
    for n, hour in enumerate((10, 14)):
        (dump.folder / f"thanks-{n}.eml").write_text(_LETTER.format(n=n, hour=hour))
    (dump.folder / "access.log").write_text(_LOG)
    with zipfile.ZipFile(dump.folder / "answers.xlsx", "w") as archive:
        archive.writestr(zipfile.ZipInfo("sheet.xml", EARLIER), "<c>team3@example.org</c>")
        archive.writestr(zipfile.ZipInfo("docProps/core.xml", LATER), "<cp:lastModifiedBy>Ann</cp:lastModifiedBy>")
    for path in dump.paths:
        path.chmod(0o644)
    return _scene(dump, connection)


def _last_respondent(connection: sqlite3.Connection) -> None:
    """One more answer after the nightly copy; a visit, a draft under the server's key, text that was deleted."""
    code = hashlib.sha256(b"code 3").digest()
    connection.execute("CREATE TABLE session (cookie TEXT, seen TEXT)")
    connection.execute("INSERT INTO response (answers, created) VALUES ('{}', '2012-01-16 23:59')")
    connection.execute("INSERT INTO verbatim (text) VALUES ('We at A team named 3 say so')")
    connection.execute("INSERT INTO draft VALUES (?, ?)", [code, privacy.seal_draft(KEY, b"{}", 100, code)])
    connection.execute("CREATE TABLE act (said TEXT)")
    connection.execute("INSERT INTO act VALUES ('reminded A team named 3')")
    connection.execute("CREATE TABLE gone (words TEXT)")
    connection.executemany("INSERT INTO gone VALUES (?)", [["What was deleted. " * 100]] * 20)
    connection.execute("DROP TABLE gone")
    connection.execute("PRAGMA wal_checkpoint(full)")


def _scene(dump: Dump, connection: sqlite3.Connection) -> Scene:
    wave = {"name": "c", "survey": "c", "version": "1", "kind": "listed", "key_place": "holder", "carry": ()}
    size = {"cells": {}, "issued": 9, "opened_on": "2012-01-09", "box_size": 100, "public_key": bytes(32)}
    codes = frozenset(code for (code,) in forensics.rows(dump.database, "invitation", "code_hash"))
    return Scene(
        store=Store(*(getattr(dump, f.name) for f in fields(Store))),
        of=Wave(**wave, **size, state="closed"),
        in_field=True,
        settings=forensics.settings(connection, PRAGMAS),
        sizes=1,
        drafts=tuple((code, b"", box) for code, box in forensics.rows(dump.database, "draft", "code_hash", "box")),
        used=codes,
        days=len(codes),
        boxes=tuple(box for (box,) in forensics.rows(dump.database, "tray", "box")),
        released=(("1", "North"),) * 20 + (("2", "East"),) * 2,
        spoken=lambda column: column == "verbatim.text",
        units=frozenset({b"A team named 3"}),
        addresses=frozenset({b"team3@example.org"}),
        waiting=0,
        logs=(dump.folder / "access.log",),
        cookie=lambda key, content: content + hmac.digest(key, content, "sha256"),
    )
