"""A file of returns at the staff site: while it waits and when it is loaded, no attack learns more than before."""

from pathlib import Path

import pytest

from surveyapp import auditing, working
from surveyapp.config import Home, write_once
from surveyapp.roles import TERMINAL
from surveyapp.storage import backups, forensics
from surveyapp.storage.database import Database, connect
from surveyapp.working import imports
from surveyapp.working.imports import Clerk, File
from tests.makers import PEPPER, TODAY, make_wave

LINES = [f"U{n:03},yes,1,more,CANARY-{n:03} has said so." for n in range(1, 31)]
CONTENT = "\n".join(["unit,kind,sources.a,partners.police,issues", *LINES, "\n" * imports.AT_ONCE]).encode()
HOW = {"unit_column": "unit", "partial": False, "again": False}
NOW = 1_326_700_000


def clerk(home: Home, db: Database) -> Clerk:
    return Clerk(db, home, "tiny", "tiny-1", TERMINAL, TODAY, lambda: NOW)


def begun(home: Home) -> tuple[Database, bytes]:
    """A file waits for a worker."""
    write_once(home.keys / "pepper", PEPPER)
    db = connect(home.database)
    make_wave(db)
    id_, _ = imports.hand_in(clerk(home, db), imports.LOOK_AT_RETURNS, File("CANARY.csv", CONTENT, HOW))
    return db, id_


def checked(home: Home) -> tuple[Database, bytes]:
    """It was read, and waits to be confirmed."""
    db, id_ = begun(home)
    working.run_waiting(db, home, TODAY, lambda: NOW)
    return db, id_


def loaded(home: Home) -> tuple[Database, bytes]:
    """Its returns are in the tray."""
    db, id_ = checked(home)
    known = imports.found(db, home, "tiny-1", imports.LOOK_AT_RETURNS, id_)
    imports.confirm(clerk(home, db), imports.LOAD_RETURNS, known, known.look)
    working.run_waiting(db, home, TODAY, lambda: NOW)
    return db, id_


def legible(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and b"CANARY" in path.read_bytes()]


@pytest.mark.parametrize("stage", [begun, checked, loaded])
def test_no_attack_learns_more_than_respondents_were_told(home: Home, stage) -> None:
    db, _ = stage(home)
    outcomes = auditing.audit(home, db, "tiny-1")
    assert [(o.attack.name, o.found) for o in outcomes if o.verdict == "fails"] == []
    assert legible(home.path) == []
    db.close()


def test_no_backup_keeps_a_file_that_waits(home: Home, tmp_path: Path) -> None:
    db, id_ = checked(home)
    with db.reading() as connection:
        (box,) = connection.exec_driver_sql("SELECT box FROM upload").one()
    assert box[:400] in home.database.read_bytes()
    backups.back_up(db, tmp_path / "copy.db")
    assert box[:400] not in (tmp_path / "copy.db").read_bytes()
    assert id_ not in forensics.rows(tmp_path / "copy.db", "upload", "id")
    assert imports.found(db, home, "tiny-1", imports.LOOK_AT_RETURNS, id_).state == "ready"
    db.close()
