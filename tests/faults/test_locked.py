"""The database is locked: for a moment it is waited for, for long everybody is told so in time, nothing is half.

`SURVEYAPP_LOCK` is for how many seconds another programme locks it (3 without it, while ours wait for one).
"""

import os
import signal
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from surveyapp import collecting
from surveyapp.problems import NotSaved
from surveyapp.storage import database
from surveyapp.storage.database import PRAGMAS, Database, connect
from tests.faults import victims
from tests.faults.books import assert_books_balance
from tests.makers import PEPPER, TODAY, as_form, make_answers, make_wave, send

LOCKED = float(os.environ.get("SURVEYAPP_LOCK", "3"))
PATIENCE = LOCKED / 3
"""Seconds that a writer of ours waits for SQLite, in proportion to the ten of the product."""


@pytest.fixture
def impatient(db: Database, monkeypatch: pytest.MonkeyPatch) -> Database:
    monkeypatch.setitem(PRAGMAS, "busy_timeout", int(PATIENCE * 1000))
    monkeypatch.setattr(database, "_A_MOMENT", PATIENCE / 10)
    db.close()
    return db


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Another programme, which does not know our queue, has the whole file."""
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as outsider:
        outsider.execute("BEGIN EXCLUSIVE")
        yield
        outsider.execute("ROLLBACK")


def _writers(db: Database, visits: list[collecting.Visit]) -> tuple[Counter[str], list[float]]:
    """All of them save at once: what each was told, and after how many seconds."""
    told: list[tuple[str, float]] = []

    def save(visit: collecting.Visit) -> None:
        began = time.monotonic()
        try:
            with db.transaction(visit.code_hash) as connection:
                collecting._keep(connection, visit, collecting._desk(connection, visit, TODAY), TODAY)
            word = "saved"
        except NotSaved as refused:
            word = "try again" if str(refused).endswith("try again") else str(refused)
        told.append((word, time.monotonic() - began))

    threads = [threading.Thread(target=save, args=(visit,)) for visit in visits]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20 * LOCKED)
    return Counter(word for word, _ in told), [seconds for _, seconds in told]


def test_a_long_lock_is_told_to_everybody_who_waits_and_not_to_one_after_the_other(impatient: Database) -> None:
    """Eight in the queue do not wait eight times as long; nothing is half, and then everybody can save."""
    _, key, codes = make_wave(impatient)
    visits = [collecting.enter(impatient, PEPPER, code, TODAY) for code in list(codes.values())[:8]]
    with _locked(impatient.path):
        words, seconds = _writers(impatient, visits)
    assert words == {"try again": 8}
    assert max(seconds) < 6 * PATIENCE, "the last of the queue has waited for all before it"
    assert_books_balance(impatient, [], "tiny-1", key)
    assert _writers(impatient, visits)[0] == {"saved": 8}
    with impatient.reading() as connection:
        assert connection.exec_driver_sql("PRAGMA busy_timeout").scalar() == int(PATIENCE * 1000)


def test_a_queue_in_which_each_waits_for_itself_would_keep_the_last_for_minutes(
    impatient: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "_A_MOMENT", 3600)
    with pytest.raises(AssertionError, match="has waited for all before it"):
        test_a_long_lock_is_told_to_everybody_who_waits_and_not_to_one_after_the_other(impatient)


def test_a_short_lock_is_waited_for(db: Database) -> None:
    _, key, codes = make_wave(db)
    visits = [collecting.enter(db, PEPPER, code, TODAY) for code in list(codes.values())[:8]]
    with closing(sqlite3.connect(db.path, isolation_level=None, check_same_thread=False)) as outsider:
        outsider.execute("BEGIN EXCLUSIVE")
        threading.Timer(0.3, outsider.execute, ["ROLLBACK"]).start()
        assert _writers(db, visits)[0] == {"saved": 8}
    assert_books_balance(db, [], "tiny-1", key)


def test_a_process_that_was_stopped_in_the_middle_keeps_nobody_for_ever(
    db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as a command that somebody has put aside with Ctrl and Z. When it is gone the others go on."""
    _, key, codes = make_wave(db)
    visit = collecting.enter(db, PEPPER, codes["U001"], TODAY)
    monkeypatch.setattr(database, "LONGEST_QUEUE", 0.3)
    stopped = victims.started(stop_in_the_middle, db.path, tmp_path / "told")
    assert stopped.pid
    _wait_for(tmp_path / "told")
    with pytest.raises(NotSaved, match="another process keeps it"):
        collecting.save_all(db, visit, as_form(make_answers(issues="U001")), TODAY)
    os.kill(stopped.pid, signal.SIGKILL)
    stopped.join(30)
    monkeypatch.setattr(database, "LONGEST_QUEUE", 30)
    send(db, codes["U001"], make_answers(issues=codes["U001"]))
    assert_books_balance(db, [codes["U001"]], "tiny-1", key)


def test_who_gave_up_waiting_does_not_keep_the_queue(
    db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_wave(db)
    monkeypatch.setattr(database, "LONGEST_QUEUE", 0.1)
    with db.transaction():
        for _ in range(5):
            with pytest.raises(NotSaved), db.transaction():
                pass
    monkeypatch.setattr(database, "LONGEST_QUEUE", 20)
    with db.transaction() as connection:
        connection.exec_driver_sql("UPDATE wave SET note = 'x'")


def stop_in_the_middle(path: Path, told: Path) -> None:
    """Begin to write, and be stopped."""
    with connect(path).transaction() as connection:
        connection.exec_driver_sql("UPDATE wave SET note = 'half'")
        victims._tell(told, "stopped")
        os.kill(os.getpid(), signal.SIGSTOP)


def _wait_for(path: Path) -> None:
    deadline = time.monotonic() + 60
    while not path.exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
