"""The migration that gave waves a look of their own, up and down over a wave that is in the field."""

from collections.abc import Sequence

from alembic import command

from surveyapp.storage import waves
from surveyapp.storage.database import Database, _alembic, connect
from tests.faults import victims
from tests.makers import make_wave

LOOK = {"service": "National drug survey", "contact": "office@example.org", "colour": "#1d70b8"}


def test_a_wave_of_before_wears_the_site_s_own_look(db: Database) -> None:
    before, _, _ = make_wave(db)
    _migrate(db, "0001")
    assert _columns(db)[-2:] == ["closes_on", "closed_on"]
    _migrate(db, "head")
    after = _wave(db)
    assert (after.service, after.contact, after.colour) == ("", "", "")
    assert after == before


def test_going_down_and_up_loses_the_look_and_nothing_else(db: Database) -> None:
    plain, _, _ = make_wave(db)
    with db.transaction() as connection:
        waves.change_wave(connection, "tiny-1", **LOOK)
    _migrate(db, "0001")
    kept = _rows(db, "SELECT count(*) FROM organisation"), _rows(db, "SELECT count(*) FROM invitation")
    assert kept == ([(40,)], [(40,)])
    _migrate(db, "head")
    assert _wave(db) == plain
    assert _rows(db, "PRAGMA foreign_key_check") == []


def test_what_was_erased_on_the_way_down_is_not_left_in_the_file(db: Database) -> None:
    make_wave(db)
    with db.transaction() as connection:
        waves.change_wave(connection, "tiny-1", **LOOK)
    assert b"National drug survey" in db.path.read_bytes()
    _migrate(db, "0001")
    assert b"National drug survey" not in db.path.read_bytes()


def test_killed_in_the_middle_it_leaves_the_wave_as_it_was_and_is_run_again(db: Database) -> None:
    before, _, _ = make_wave(db)
    _migrate(db, "0001")
    victims.killed_at(("after", "ALTER TABLE wave"), victims.migrate, db.path)
    assert _columns(db)[-1] == "closed_on"
    connect(db.path, older=True).close()
    assert _wave(db) == before


def _migrate(db: Database, to: str) -> None:
    config = _alembic()
    with db.engine.connect().execution_options(writes=True) as connection:
        config.attributes["connection"] = connection
        (command.downgrade if to == "0001" else command.upgrade)(config, to)


def _wave(db: Database) -> waves.Wave:
    with db.reading() as connection:
        return waves.wave_named(connection, "tiny-1")


def _columns(db: Database) -> list[str]:
    return [str(row[1]) for row in _rows(db, "PRAGMA table_info(wave)")]


def _rows(db: Database, query: str) -> Sequence[tuple[object, ...]]:
    with db.reading() as connection:
        return [tuple(row) for row in connection.exec_driver_sql(query)]
