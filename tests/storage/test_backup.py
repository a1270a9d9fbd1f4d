"""Backups: whole under load, known again by their hash, restored where nothing is lost by it."""

import hashlib
import os
import shutil
import sqlite3
import subprocess
from contextlib import closing
from datetime import date
from pathlib import Path

import pytest

from surveyapp import auditing, campaigning, collecting, privacy, reporting
from surveyapp.config import AlreadyThere, Home
from surveyapp.problems import NotFound, SurveyError
from surveyapp.storage.backups import back_up, backups, erase_old, new_name, restore
from surveyapp.storage.database import Database, connect
from surveyapp.storage.forensics import layout
from surveyapp.storage.postgres import Postgres
from tests.faults import victims
from tests.faults.books import assert_books_balance, assert_pages_open
from tests.makers import PEPPER, TODAY, as_form, make_answers, make_frame, make_home, make_wave, send
from tests.server import Server


@pytest.mark.stores
def test_a_backup_is_two_files_for_the_owner_alone(db: Database, tmp_path: Path) -> None:
    make_wave(db)
    digest = back_up(db, tmp_path / "safe" / "copy.db")
    copy = tmp_path / "safe" / "copy.db"
    assert sorted(path.name for path in copy.parent.iterdir()) == ["copy.db", "copy.db.sha256"]
    assert [path.stat().st_mode & 0o777 for path in copy.parent.iterdir()] == [0o600, 0o600]
    assert copy.parent.stat().st_mode & 0o777 == 0o700
    assert digest == hashlib.sha256(copy.read_bytes()).hexdigest()


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="there is no sha256sum")
def test_the_hash_can_be_checked_without_us(db: Database, tmp_path: Path) -> None:
    back_up(db, tmp_path / "copy.db")
    done = subprocess.run(
        ["sha256sum", "--check", "copy.db.sha256"], cwd=tmp_path, capture_output=True, check=True
    )
    assert done.stdout == b"copy.db: OK\n"


@pytest.mark.stores
def test_a_backup_has_no_free_pages_and_nothing_of_what_was_erased(db: Database, tmp_path: Path) -> None:
    _, _, codes = make_wave(db)
    send(db, codes["U001"], make_answers())
    back_up(db, tmp_path / "copy.db")
    with closing(sqlite3.connect(tmp_path / "copy.db")) as connection:
        assert connection.execute("PRAGMA freelist_count").fetchone() == (0,)
        assert connection.execute("SELECT count(*) FROM tray").fetchone() == (1,)


@pytest.mark.stores
def test_a_backup_never_replaces_a_file(db: Database, tmp_path: Path) -> None:
    (tmp_path / "copy.db").write_text("precious")
    with pytest.raises(AlreadyThere):
        back_up(db, tmp_path / "copy.db")
    assert (tmp_path / "copy.db").read_text() == "precious"
    assert {p.name for p in tmp_path.iterdir()} <= {"copy.db", "surveyapp.db", "surveyapp.db.lock"}


@pytest.mark.stores
def test_copies_made_while_four_write_are_each_whole(db: Database, tmp_path: Path) -> None:
    """Whoever was told "received" before a copy began is in it, once; pages saved before open in each copy.

    The books of each balance, and no known attack finds out of a copy whose answers are whose.
    """
    _, key, codes = make_wave(db, frame=make_frame(170))
    told, every = tmp_path / "told", list(codes.values())
    saved = [(code, make_answers(issues=code)) for code in every[160:]]
    for code, answers in saved:
        collecting.save_all(db, collecting.enter(db, PEPPER, code, TODAY), as_form(answers), TODAY)
    writers = [victims.started(victims.submit_in_turn, db.place, every[i:160:4], told) for i in range(4)]
    copies: list[tuple[Path, list[str]]] = []
    while any(writer.is_alive() for writer in writers):
        before = told.read_text().split() if told.exists() else []
        copies.append((tmp_path / f"copy-{len(copies)}.db", before))
        back_up(db, copies[-1][0])
    assert [writer.exitcode for writer in writers] == [0] * 4
    assert len(told.read_text().split()) == 160
    assert any(0 < len(before) < 160 for _, before in copies), "no copy was made in between"
    for i, (path, before) in enumerate(copies[:: 1 + len(copies) // 6]):
        home = make_home(tmp_path / f"restored-{i}")
        restore(path, home.database)
        restored = connect(home.database)
        assert_books_balance(restored, before, "tiny-1", key)
        assert_pages_open(restored, saved)
        restored.close()
    assert _found_by_attacks(home) == set()


def _found_by_attacks(home: Home) -> set[str]:
    db = connect(home.database)
    try:
        return {
            outcome.attack.name for outcome in auditing.audit(home, db, "tiny-1") if outcome.verdict == "fails"
        }
    finally:
        db.close()


def test_a_file_that_is_copied_by_hand_while_the_site_works_is_no_backup(db: Database, tmp_path: Path) -> None:
    """The careless way, which proves the checks: half is of before an opening of the tray, half of after."""
    _, key, codes = make_wave(db)
    sent = list(codes.values())[:30]
    for code in sent:
        send(db, code, make_answers(issues=code))
    before = db.path.read_bytes()
    campaigning.close_wave(db, "tiny-1", TODAY)
    reporting.open_tray(db, "tiny-1", key)
    middle = len(before) // 2 // 4096 * 4096
    (tmp_path / "torn.db").write_bytes(before[:middle] + db.path.read_bytes()[middle:])
    torn = Database(tmp_path / "torn.db")
    with pytest.raises((AssertionError, SurveyError)):
        assert_books_balance(torn, sent, "tiny-1", key)
    torn.close()


@pytest.mark.stores
def test_a_restored_wave_goes_on_and_is_opened_with_its_key(db: Database, tmp_path: Path) -> None:
    _, key, codes = make_wave(db)
    send(db, codes["U001"], make_answers(issues=codes["U001"]))
    back_up(db, tmp_path / "copy.db")
    home = make_home(tmp_path)
    restore(tmp_path / "copy.db", home.database)
    assert home.database.stat().st_mode & 0o777 == 0o600
    assert [p.name for p in home.path.iterdir() if p.is_file()] == ["surveyapp.db"]
    again = connect(home.database)
    send(again, codes["U002"], make_answers(issues=codes["U002"]))
    assert_books_balance(again, [codes["U001"], codes["U002"]], "tiny-1", key)
    campaigning.close_wave(again, "tiny-1", TODAY)
    with pytest.raises(SurveyError, match="2 of 2 boxes do not open: the key is not the one of this wave"):
        reporting.open_tray(again, "tiny-1", privacy.new_key_pair()[0])
    assert reporting.open_tray(again, "tiny-1", key).released == 2


@pytest.mark.stores
def test_a_backup_of_either_store_is_restored_on_a_server_and_goes_on_there(
    db: Database, server: Server, tmp_path: Path
) -> None:
    _, key, codes = make_wave(db)
    send(db, codes["U001"], make_answers(issues=codes["U001"]))
    visit = collecting.enter(db, PEPPER, codes["U002"], TODAY)
    collecting.save_page(db, visit, "p1", {"kind": ["no"]}, TODAY)
    back_up(db, tmp_path / "copy.db")
    fresh = server.new("template0")
    restore(tmp_path / "copy.db", fresh)
    again = connect(fresh)
    assert collecting.desk(again, visit, TODAY).answers == {"kind": "no"}
    send(again, codes["U003"], make_answers(issues=codes["U003"]))
    assert_books_balance(again, [codes["U001"], codes["U003"]], "tiny-1", key)
    again.close()
    with pytest.raises(
        SurveyError, match="holds data already; name an empty one in SURVEYAPP_DATABASE_URL"
    ) as refused:
        restore(tmp_path / "copy.db", fresh)
    assert "surveyapp@" in str(refused.value)
    assert [path.name for path in tmp_path.glob("**/.restored*")] == []


@pytest.mark.postgres
def test_a_backup_of_a_server_does_not_tell_the_order_of_arrival(postgres: Postgres, tmp_path: Path) -> None:
    """pg_dump would: it writes rows as they lie."""
    _, _, codes = make_wave(postgres)
    for code in codes.values():
        send(postgres, code, make_answers())
    back_up(postgres, tmp_path / "copy.db")
    for table, key in (("tray", "id"), ("invitation", "code_hash")):
        with closing(sqlite3.connect(tmp_path / "copy.db")) as connection:
            by = "" if table == "tray" else " ORDER BY rowid"
            found = connection.execute(f"SELECT {key} FROM {table}{by}").fetchall()
        assert found == sorted(found)
        assert not layout(tmp_path / "copy.db", table).tells


@pytest.mark.parametrize("harm", ["cut short", "altered", "longer", "empty"])
def test_a_harmed_backup_is_refused_and_nothing_is_there(db: Database, tmp_path: Path, harm: str) -> None:
    make_wave(db)
    copy = tmp_path / "copy.db"
    back_up(db, copy)
    whole = copy.read_bytes()
    middle = len(whole) // 2
    harmed = {
        "cut short": whole[:-4096],
        "altered": whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :],
        "longer": whole + b"\0",
        "empty": b"",
    }
    copy.write_bytes(harmed[harm])
    home = make_home(tmp_path)
    with pytest.raises(SurveyError, match="was cut short or altered since it was written"):
        restore(copy, home.database)
    assert [p.name for p in home.path.iterdir()] == ["keys", "outbox"] or not home.database.exists()
    assert not list(home.path.glob(".*"))


@pytest.mark.parametrize("stated", [None, "", "no hash at all", "0" * 63])
def test_a_backup_without_its_hash_is_refused(db: Database, tmp_path: Path, stated: str | None) -> None:
    back_up(db, tmp_path / "copy.db")
    (tmp_path / "copy.db.sha256").unlink()
    if stated is not None:
        (tmp_path / "copy.db.sha256").write_text(stated)
    with pytest.raises(SurveyError, match="must stand beside the backup and hold its hash"):
        restore(tmp_path / "copy.db", make_home(tmp_path).database)


@pytest.mark.parametrize("content", [b"words", b"SQLite format 3\0" + bytes(4080)])
def test_what_is_no_database_is_refused_even_with_its_hash(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "copy.db").write_bytes(content)
    (tmp_path / "copy.db.sha256").write_text(f"{hashlib.sha256(content).hexdigest()}  copy.db\n")
    home = make_home(tmp_path)
    with pytest.raises(SurveyError, match="database"):
        restore(tmp_path / "copy.db", home.database)
    assert not home.database.exists()


def test_the_database_of_another_programme_is_refused(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "copy.db")) as connection:
        connection.execute("CREATE TABLE songs (name TEXT)")
    (tmp_path / "copy.db.sha256").write_text(hashlib.sha256((tmp_path / "copy.db").read_bytes()).hexdigest())
    home = make_home(tmp_path)
    with pytest.raises(SurveyError, match="the database of another programme"):
        restore(tmp_path / "copy.db", home.database)
    assert not home.database.exists()


@pytest.mark.parametrize("there", ["surveyapp.db", "surveyapp.db-journal"])
def test_a_restore_never_overwrites(db: Database, tmp_path: Path, there: str) -> None:
    back_up(db, tmp_path / "copy.db")
    home = make_home(tmp_path)
    (home.path / there).write_text("precious")
    with pytest.raises(SurveyError, match="is there already"):
        restore(tmp_path / "copy.db", home.database)
    assert (home.path / there).read_text() == "precious"


def test_a_missing_backup_is_told(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="there is no file"):
        restore(tmp_path / "copy.db", make_home(tmp_path).database)


@pytest.mark.sqlite
def test_a_full_disk_leaves_no_half_backup(db: Database, tmp_path: Path) -> None:
    make_wave(db)
    told, folder = tmp_path / "told", tmp_path / "backups"
    job = victims.started(victims.with_a_full_disk, 20_000, back_up_in_child, told, db.path, folder / "copy.db")
    job.join(30)
    assert told.read_text().startswith("NotSaved: the database could not be copied")
    assert list(folder.iterdir()) == []


def back_up_in_child(path: Path, copy: Path) -> None:
    back_up(connect(path), copy)


def test_backups_of_a_day_are_numbered_and_listed_by_day(db: Database, tmp_path: Path) -> None:
    for day in (date(2012, 2, 3), date(2012, 2, 1), date(2012, 2, 3)):
        back_up(db, new_name(tmp_path / "backups", day))
    (tmp_path / "backups" / "surveyapp-2012-13-45.db").write_text("no day")
    assert [(b.path.name, b.made_on.day) for b in backups(tmp_path / "backups")] == [
        ("surveyapp-2012-02-01.db", 1),
        ("surveyapp-2012-02-03-2.db", 3),
        ("surveyapp-2012-02-03.db", 3),
    ]


@pytest.mark.parametrize(("day", "erased"), [(15, 0), (16, 1), (29, 2)])
def test_backups_are_erased_after_fourteen_days(db: Database, tmp_path: Path, day: int, erased: int) -> None:
    folder = tmp_path / "backups"
    for made in (date(2012, 2, 1), date(2012, 2, 14)):
        back_up(db, new_name(folder, made))
    (folder / "mine.db").write_text("not ours")
    assert erase_old(folder, date(2012, 2, day)) == erased
    assert len(list(folder.iterdir())) == 1 + 2 * (2 - erased)
    assert erase_old(folder, date(2012, 2, day)) == 0


def test_what_a_killed_backup_left_is_erased_the_day_after(db: Database, tmp_path: Path) -> None:
    left = tmp_path / ".surveyapp-2012-02-01.db.abc"
    left.mkdir()
    (left / "copy").write_text("half")
    os.utime(left, (1_328_000_000, 1_328_000_000))
    erase_old(tmp_path, date(2012, 2, 1))
    assert not left.exists()
