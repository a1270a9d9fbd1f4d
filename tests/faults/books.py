"""The books of a wave: who was told what, against what the store holds."""

import json
import sqlite3
from collections import Counter
from collections.abc import Collection
from contextlib import closing
from pathlib import Path

from surveyapp import privacy
from surveyapp.storage import responses, waves
from surveyapp.storage.database import Database

QUESTION = "issues"
"""The open question in which each respondent leaves a mark of their own: their access code."""


def assert_books_balance(db: Database, told: Collection[str], wave: str, key: bytes) -> None:
    """Nothing lost, nothing twice.

    (i) Everybody told "received" is in the tray or among the released exactly once; (ii) nobody is flagged done
    without a box and no box lies there without a flag; (iv) SQLite finds nothing wrong with the file, and no
    journal is left to play back. (iii), that saved pages open again, is for the caller, who has the codes.
    """
    marks = Counter(_in_tray(db, wave, key) + _released(db, wave))
    assert set(marks.values()) <= {1}, f"twice: {[m for m, n in marks.items() if n > 1]}"
    assert set(told) <= set(marks), f"told but lost: {set(told) - set(marks)}"
    with closing(sqlite3.connect(db.path)) as connection:
        (done,) = connection.execute("SELECT count(*) FROM invitation WHERE state = 'done'").fetchone()
        assert done == marks.total(), f"{done} flagged done, {marks.total()} boxes and responses"
        of_done = "SELECT count(*) FROM draft JOIN invitation USING (code_hash) WHERE state = 'done'"
        assert connection.execute(of_done).fetchone() == (0,), "a draft outlived its sending"
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    journal = db.path.with_name(f"{db.path.name}-journal")
    assert not journal.exists() or _cold(journal), "the journal has not been played back"
    beside = {path.name for path in db.path.parent.glob(f"{db.path.name}*")} - {journal.name}
    assert beside <= {db.path.name, f"{db.path.name}.lock"}


def _cold(journal: Path) -> bool:
    """A journal whose transaction never touched the database: the next writer clears it away."""
    return not journal.read_bytes()[:8].strip(b"\0")


def _in_tray(db: Database, name: str, key: bytes) -> list[str]:
    with db.reading() as connection:
        wave = waves.wave_named(connection, name)
        boxes = [box for _, box in responses.tray(connection, name)]
    contents = [json.loads(privacy.open_box(key, box, wave.seal_info)) for box in boxes]
    return [content["answers"][QUESTION] for content in contents]


def _released(db: Database, name: str) -> list[str]:
    with db.reading() as connection:
        return [v.text for v in responses.verbatims(connection, name) if v.question == QUESTION]
