"""The books: what the store holds agrees with itself; each way in which it could not is found."""

from collections.abc import Callable

import pytest
from click.testing import CliRunner

from surveyapp import bookkeeping, campaigning, collecting, reporting
from surveyapp.cli import main
from surveyapp.config import Home
from surveyapp.storage.database import Database, connect
from tests.makers import PEPPER, TODAY, as_form, make_answers, make_wave, send

Field = Callable[[Database], None]


def fielded(db: Database, sent: int = 12, saved: int = 3) -> bytes:
    """A wave in which so many have sent their answers and some have saved a draft; its key."""
    _, key, codes = make_wave(db)
    every = list(codes.values())
    for code in every[:sent]:
        send(db, code, make_answers())
    for code in every[sent : sent + saved]:
        collecting.save_all(db, collecting.enter(db, PEPPER, code, TODAY), as_form(make_answers()), TODAY)
    return key


def found(db: Database) -> list[str]:
    return [str(problem) for problem in bookkeeping.imbalances(db)]


def change(db: Database, statement: str) -> None:
    with db.transaction() as connection:
        connection.exec_driver_sql(statement)


@pytest.mark.stores
def test_the_books_balance_at_every_stage(db: Database) -> None:
    assert found(db) == []
    key = fielded(db)
    assert found(db) == []
    campaigning.close_wave(db, "tiny-1", TODAY)
    assert found(db) == []
    reporting.open_tray(db, "tiny-1", key)
    assert found(db) == []


def test_answers_on_paper_without_a_unit_are_no_fault(db: Database) -> None:
    fielded(db)
    change(db, "INSERT INTO tray SELECT randomblob(16), wave, box FROM tray LIMIT 4")
    assert found(db) == []


DAMAGES = {
    "DELETE FROM tray WHERE id = (SELECT min(id) FROM tray)": (
        "tiny-1: 12 have sent their answers, and 11 answers are held; restore a backup"
    ),
    "UPDATE invitation SET state = 'done' WHERE code_hash = (SELECT min(code_hash) FROM draft)": (
        "tiny-1: 13 have sent their answers, and 12 answers are held; restore a backup"
    ),
    "INSERT INTO draft SELECT code_hash, zeroblob(9), '2012-01-16' FROM invitation WHERE state = 'done' LIMIT 2": (
        "tiny-1: 2 drafts are kept of those who have sent their answers; erase them"
    ),
    "INSERT INTO verbatim VALUES (zeroblob(16), 'tiny-1', 'issues', '', 'Words.')": (
        "tiny-1: 1 open answers belong to no released answer; restore a backup"
    ),
    "UPDATE wave SET state = 'closed'": "tiny-1: it is closed and keeps 3 drafts; erase them",
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_does_not_agree_is_told(db: Database, damage: str) -> None:
    fielded(db)
    change(db, damage)
    assert found(db)[0].startswith(DAMAGES[damage])


def test_rows_that_refer_to_nothing_are_told(db: Database) -> None:
    fielded(db)
    with db.engine.connect() as connection:
        driver = connection.connection.driver_connection
        assert driver is not None
        driver.execute("PRAGMA foreign_keys = OFF")
        driver.execute("INSERT INTO draft VALUES (zeroblob(32), zeroblob(9), '2012-01-16')")
    db.close()
    (problem,) = found(db)
    assert problem.startswith("the database: rows of draft refer to nothing; restore a backup")


def test_the_command_says_so_and_its_exit_too(home: Home) -> None:
    db = connect(home.database)
    fielded(db)
    run = ["--home", str(home.path), "db", "check"]
    assert CliRunner().invoke(main, run).output == "The books balance.\n"
    change(db, "DELETE FROM tray")
    db.close()
    result = CliRunner().invoke(main, run)
    assert result.exit_code == 1
    assert "12 have sent their answers, and 0 answers are held" in result.stderr
