"""The database as a file: settings that hold, transactions that are whole, refusals in plain words."""

import fcntl
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import event

from surveyapp import campaigning, collecting, privacy, reporting
from surveyapp.problems import NotSaved, SurveyError
from surveyapp.storage import people, responses, submission
from surveyapp.storage.database import PRAGMAS, Database, connect
from tests.faults import victims
from tests.makers import PEPPER, TODAY, as_form, make_answers, make_home, make_wave, send

READ_BACK = {
    "busy_timeout": 10_000,
    "journal_mode": "delete",
    "synchronous": 3,
    "secure_delete": 1,
    "foreign_keys": 1,
    "trusted_schema": 0,
    "temp_store": 2,
    "cache_size": -1000,
}


# ── settings ─────────────────────────────────────────────────────────────────


def test_every_connection_has_every_setting(db: Database) -> None:
    with db.reading() as first, db.reading() as second, db.transaction() as third:
        for connection in (first, second, third):
            assert _settings(connection) == READ_BACK
    db.close()
    with db.reading() as again:
        assert _settings(again) == READ_BACK


def test_a_database_left_in_write_ahead_mode_is_brought_back(db: Database) -> None:
    db.close()
    with sqlite3.connect(db.path) as other:
        assert other.execute("PRAGMA journal_mode=wal").fetchone() == ("wal",)
    other.close()
    with connect(db.path).reading() as connection:
        assert _settings(connection) == READ_BACK


def test_a_library_that_does_not_keep_a_setting_is_refused(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PRAGMAS, "temp_store", 7)
    db.close()
    with pytest.raises(SurveyError, match="does not keep temp_store=7"), db.reading():
        pass


def test_files_are_for_their_owner_alone(tmp_path: Path) -> None:
    home = make_home(tmp_path)
    db = connect(home.database)
    make_wave(db)
    modes = {path.name: path.stat().st_mode & 0o777 for path in home.path.iterdir()}
    assert modes == {"surveyapp.db": 0o600, "surveyapp.db.lock": 0o600, "keys": 0o700, "outbox": 0o700}
    assert home.path.stat().st_mode & 0o777 == 0o700


def test_the_journal_too_is_for_its_owner_alone_and_goes_away(db: Database) -> None:
    journal = Path(f"{db.path}-journal")
    with db.transaction() as connection:
        connection.exec_driver_sql("PRAGMA cache_size = 0")
        connection.exec_driver_sql("CREATE TABLE scratch (x TEXT)")
        connection.exec_driver_sql("INSERT INTO scratch VALUES (zeroblob(100000))")
        assert journal.stat().st_mode & 0o777 == 0o600
    assert not journal.exists()


# ── transactions ─────────────────────────────────────────────────────────────


def test_an_error_inside_undoes_everything(db: Database) -> None:
    wave, _, codes = make_wave(db)
    visit = collecting.enter(db, PEPPER, codes["U001"], TODAY)
    with pytest.raises(ZeroDivisionError), db.transaction() as connection:  # noqa: PT012 (a transaction in parts)
        submission.record(connection, visit.code_hash, wave.name, privacy.new_id(), b"box", "2012-01-16")
        raise ZeroDivisionError
    with db.reading() as connection:
        assert responses.tray_size(connection, wave.name) == 0
        assert people.completions(connection, wave.name) == {"open": 40}


def test_a_reader_sees_nothing_of_an_unfinished_transaction(db: Database) -> None:
    wave, _, codes = make_wave(db)
    visit = collecting.enter(db, PEPPER, codes["U001"], TODAY)
    with db.transaction() as connection:
        submission.record(connection, visit.code_hash, wave.name, privacy.new_id(), b"box", "2012-01-16")
        assert campaigning.status(db, wave.name).tray == 0
    assert campaigning.status(db, wave.name).tray == 1


def test_an_answer_row_without_its_wave_is_impossible(db: Database) -> None:
    with pytest.raises(sa.exc.IntegrityError), db.transaction() as connection:
        connection.execute(responses.tray_table.insert().values(id=b"i", wave="nowhere", box=b"b"))


def test_writers_wait_for_each_other(db: Database) -> None:
    _, _, codes = make_wave(db)
    visit = collecting.enter(db, PEPPER, codes["U001"], TODAY)
    with db.transaction():
        saver = threading.Thread(target=collecting.save_all, args=(db, visit, as_form(make_answers()), TODAY))
        saver.start()
        time.sleep(0.05)
        assert saver.is_alive()
    saver.join(10)
    assert collecting.desk(db, visit, TODAY).answers == make_answers()


def test_a_writer_has_the_file_lock_and_the_write_lock_from_its_first_moment(db: Database) -> None:
    """Taken later, two who have both read would have to be refused at the commit."""
    outsider = sqlite3.connect(db.path, isolation_level=None, timeout=0)
    with Path(f"{db.path}.lock").open() as queue, db.transaction():
        with pytest.raises(BlockingIOError):
            fcntl.flock(queue, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            outsider.execute("BEGIN IMMEDIATE")
    outsider.execute("BEGIN IMMEDIATE")
    outsider.close()


# ── locked ───────────────────────────────────────────────────────────────────


@pytest.fixture
def impatient(db: Database, monkeypatch: pytest.MonkeyPatch) -> Database:
    """A database that waits a twentieth of a second, not ten."""
    monkeypatch.setitem(PRAGMAS, "busy_timeout", 50)
    db.close()
    return db


@pytest.fixture
def outsider(db: Database) -> Iterator[sqlite3.Connection]:
    """A connection of another programme, which does not know our file lock."""
    connection = sqlite3.connect(db.path, isolation_level=None, check_same_thread=False)
    yield connection
    connection.close()


def test_a_locked_database_is_not_saved_and_stays_as_it_was(
    impatient: Database, outsider: sqlite3.Connection
) -> None:
    _, _, codes = make_wave(impatient)
    visit = collecting.enter(impatient, PEPPER, codes["U001"], TODAY)
    outsider.execute("BEGIN IMMEDIATE")
    with pytest.raises(NotSaved, match=r"could not be written \(database is locked\); try again"):
        collecting.save_all(impatient, visit, as_form(make_answers()), TODAY)
    outsider.execute("ROLLBACK")
    assert collecting.desk(impatient, visit, TODAY).answers == {}
    send(impatient, codes["U001"], make_answers())


def test_reading_a_database_locked_whole_is_refused_in_plain_words(
    impatient: Database, outsider: sqlite3.Connection
) -> None:
    outsider.execute("BEGIN EXCLUSIVE")
    with pytest.raises(SurveyError, match=r"could not be read \(database is locked\)"):
        campaigning.status(impatient, "tiny-1")


def test_a_lock_of_a_moment_is_waited_for(db: Database, outsider: sqlite3.Connection) -> None:
    _, _, codes = make_wave(db)
    outsider.execute("BEGIN EXCLUSIVE")
    threading.Timer(0.3, outsider.execute, ["ROLLBACK"]).start()
    send(db, codes["U001"], make_answers())
    assert campaigning.status(db, "tiny-1").tray == 1


# ── full and broken disks ────────────────────────────────────────────────────


def test_a_full_disk_saves_nothing_and_loses_nothing(db: Database) -> None:
    wave, _, codes = make_wave(db)
    visits = [collecting.enter(db, PEPPER, code, TODAY) for code in codes.values()]
    collecting.save_page(db, visits[0], "p1", as_form(make_answers()), TODAY)
    _fill(db)
    with pytest.raises(NotSaved, match="full"):
        _save_all(db, visits)
    with pytest.raises(NotSaved, match="full"):
        collecting.submit(db, visits[0], TODAY)
    assert collecting.desk(db, visits[0], TODAY).answers["kind"] == "yes"
    assert campaigning.status(db, wave.name).received == campaigning.status(db, wave.name).tray == 0
    _give_room(db)
    collecting.submit(db, visits[0], TODAY)
    assert campaigning.status(db, wave.name).tray == 1


def test_a_disk_too_full_to_write_the_file_anew_leaves_it_as_it_was(db: Database, tmp_path: Path) -> None:
    _, _, codes = make_wave(db)
    for code in codes.values():
        send(db, code, make_answers())
    before, told = db.path.read_bytes(), tmp_path / "told"
    victims.started(victims.with_a_full_disk, 40_000, victims.write_anew, told, db.path).join(30)
    assert told.read_text().startswith("NotSaved: the database could not be written anew (")
    assert db.path.read_bytes() == before


@pytest.mark.parametrize("room", range(0, 160_000, 20_000))
def test_a_disk_that_fills_up_anywhere_in_the_opening_loses_nothing(
    db: Database, tmp_path: Path, room: int
) -> None:
    wave, key, codes = make_wave(db)
    for code in codes.values():
        send(db, code, make_answers())
    campaigning.close_wave(db, wave.name, TODAY)
    told = tmp_path / "told"
    victims.started(victims.with_a_full_disk, room, victims.open_once, told, db.path, wave.name, key).join(30)
    assert told.read_text().split(":")[0].strip() in {"NotSaved", "done"}
    status = campaigning.status(db, wave.name)
    assert (status.released, status.tray) in {(40, 0), (0, 40)}
    assert reporting.open_tray(db, wave.name, key).waiting == 0
    assert campaigning.status(db, wave.name).released == 40


@pytest.mark.parametrize("room", [0, 4_096, 20_000, 40_000, 70_000])
def test_a_disk_without_room_never_crashes_a_submission(db: Database, tmp_path: Path, room: int) -> None:
    wave, _, codes = make_wave(db)
    told, replies = tmp_path / "told", tmp_path / "replies"
    job = (victims.submit_with_answers, replies, db.path, codes["U001"], make_answers(), told)
    victims.started(victims.with_a_full_disk, room, *job).join(30)
    reply = replies.read_text().split(":")[0].strip()
    assert reply in {"NotSaved", "done"}
    assert (reply == "done") == told.exists() == (campaigning.status(db, wave.name).tray == 1)
    if reply == "NotSaved":
        send(db, codes["U001"], make_answers())


def test_a_damaged_file_is_refused_in_plain_words(db: Database) -> None:
    _, _, codes = make_wave(db)
    visit = collecting.enter(db, PEPPER, codes["U001"], TODAY)
    db.close()
    with db.path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (db.path.stat().st_size - 4096))
    with pytest.raises(SurveyError, match=r"could not be read \(.*malformed"):
        campaigning.status(db, "tiny-1")
    with pytest.raises(NotSaved, match="malformed"):
        collecting.save_all(db, visit, as_form(make_answers()), TODAY)


def test_a_lock_file_that_cannot_be_made_is_not_saved(db: Database) -> None:
    _, _, codes = make_wave(db)
    visit = collecting.enter(db, PEPPER, codes["U001"], TODAY)
    Path(f"{db.path}.lock").unlink()
    Path(f"{db.path}.lock").mkdir()
    with pytest.raises(NotSaved, match="could not be written"):
        collecting.submit(db, visit, TODAY)


def test_no_refusal_of_the_database_repeats_an_answer(impatient: Database, outsider: sqlite3.Connection) -> None:
    _, _, codes = make_wave(impatient)
    visit = collecting.enter(impatient, PEPPER, codes["U001"], TODAY)
    outsider.execute("BEGIN IMMEDIATE")
    with pytest.raises(NotSaved) as refused:
        collecting.save_all(impatient, visit, as_form(make_answers(issues="CANARY-017")), TODAY)
    assert "CANARY" not in str(refused.value)
    assert refused.value.__suppress_context__, "the log of the cause would hold the statement"


def _settings(connection: sa.Connection) -> dict[str, Any]:
    return {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in READ_BACK}


def _save_all(db: Database, visits: list[collecting.Visit]) -> None:
    for visit in visits:
        collecting.save_all(db, visit, as_form(make_answers()), TODAY)


def _fill(db: Database) -> None:
    """From now on the file may not grow by a page."""
    db.close()
    event.listen(db.engine, "connect", _no_room)


def _give_room(db: Database) -> None:
    event.remove(db.engine, "connect", _no_room)
    db.close()


def _no_room(connection: sqlite3.Connection, _record: object) -> None:
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {pages}")
