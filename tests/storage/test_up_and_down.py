"""The schema brought up and taken down with data in it, on both stores: what can stay stays, what goes is told."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command

from surveyapp.problems import Refused, SurveyError
from surveyapp.storage.database import (
    Database,
    _alembic,
    connect,
    downgrade,
    has_our_schema,
    opened,
    revisions,
    upgrade,
)
from tests.faults import victims
from tests.makers import make_wave, rows

pytestmark = pytest.mark.stores


def migrate(db: Database, to: str) -> None:
    """One step or several, up or down, past every question."""
    config = _alembic()
    with db.migrating() as connection:
        config.attributes["connection"] = connection
        known = revisions()
        now = connection.scalar(sa.text("SELECT version_num FROM alembic_version"))
        connection.rollback()
        (command.upgrade if known.index(to) > known.index(str(now)) else command.downgrade)(config, to)


def filled(db: Database) -> dict[str, int]:
    """Put a row into every table that has none yet, as far as they refer to each other; the rows of each."""
    with db.transaction() as connection:
        known = sa.MetaData()
        known.reflect(connection)
        for table in known.sorted_tables:
            if table.name != "alembic_version" and not connection.execute(table.select().limit(1)).first():
                connection.execute(table.insert(), _row(connection, table))
    return counted(db)


def _row(connection: sa.Connection, table: sa.Table) -> Mapping[str, Any]:
    """A row that fits: what refers takes what is there, what is checked takes a word that is allowed."""
    referring = {}
    for key in table.foreign_key_constraints:
        there = connection.execute(key.referred_table.select().limit(1)).mappings().one()
        referring |= {one.parent.name: there[one.column.name] for one in key.elements}
    own = {column.name: _value(column) for column in table.columns if column.name not in referring}
    return own | referring


def _value(column: sa.Column[Any]) -> Any:
    allowed = {"kind": "open", "state": "open", "key_place": "holder", "at": "2012-01-16T08:00:00Z"}
    if isinstance(column.type, sa.Integer):
        return 1
    if isinstance(column.type, sa.LargeBinary):
        return b"0123456789abcdef"
    words = {"letter": {"kind": "invitation", "state": "due"}}.get(column.table.name, {})
    return words.get(column.name) or (allowed.get(column.name) or "{}")


def counted(db: Database) -> dict[str, int]:
    """How many rows every table has."""
    with db.reading() as connection:
        names = [name for name in sa.inspect(connection).get_table_names() if name != "alembic_version"]
        return {
            name: connection.scalar(sa.select(sa.func.count()).select_from(sa.table(name))) or 0 for name in names
        }


def test_up_with_data_put_in_at_every_stage_and_down_again(db: Database) -> None:
    """What a stage has brought is still there at every later one, and goes when its own stage does."""
    migrate(db, "0001")
    stages = []
    for revision in revisions():
        if revision != "0001":
            migrate(db, revision)
        stages.append(filled(db))
        assert all(number == 1 for number in stages[-1].values()), (revision, stages[-1])
    assert has_our_schema(db)
    for revision, stage in reversed(list(zip(revisions(), stages, strict=True))):
        migrate(db, revision) if revision != revisions()[-1] else None
        assert counted(db) == stage, revision
    upgrade(db)
    assert {name: number for name, number in counted(db).items() if name in stages[0]} == stages[0]


def test_what_a_wave_holds_survives_a_way_down_that_loses_nothing_of_it(db: Database) -> None:
    make_wave(db)
    before = [rows(db, f"SELECT * FROM {table} ORDER BY 1") for table in ("organisation", "invitation")]
    (wave,) = rows(db, "SELECT * FROM wave")
    downgrade(db, "0009")
    assert not has_our_schema(db)
    upgrade(db)
    assert [rows(db, f"SELECT * FROM {table} ORDER BY 1") for table in ("organisation", "invitation")] == before
    ((*rest, mark),) = rows(db, "SELECT * FROM wave")
    assert (*rest,) == wave[:-1]
    assert mark not in (None, wave[-1]), "the frame may have changed meanwhile: it has another mark"


def test_a_way_down_that_would_lose_data_is_refused_with_every_loss_and_changes_nothing(db: Database) -> None:
    make_wave(db)
    with db.transaction() as connection:
        connection.exec_driver_sql("UPDATE wave SET service = 'National survey'")
        connection.exec_driver_sql(
            "INSERT INTO asking (who, minute, asked) VALUES ('', 1, 1)"
            if db.keeps_erased
            else "INSERT INTO asking VALUES (x'', 1, 1)"
        )
    with pytest.raises(Refused) as refused:
        downgrade(db, "0001")
    told = {problem.at: problem.what for problem in refused.value.problems}
    assert told["asking"] == "all 1 rows would be lost"
    assert told["wave.service"] == "what 1 rows hold would be lost"
    assert "wave.colour" not in told, "nobody has chosen one"
    assert has_our_schema(db)
    downgrade(db, "0001", lose=True)
    assert len(rows(db, "SELECT * FROM organisation")) == 40
    upgrade(db)
    assert rows(db, "SELECT service FROM wave") == [("",)]


@pytest.mark.parametrize("revision", ["0000", "base", "head", "9999", ""])
def test_a_schema_that_there_is_not_is_no_way_down(db: Database, revision: str) -> None:
    with pytest.raises(SurveyError, match=r"there is no schema .* to go back to; there are 0001, 0002"):
        downgrade(db, revision)
    assert has_our_schema(db)


def test_an_older_schema_is_refused_with_the_command_and_left_alone(db: Database) -> None:
    make_wave(db)
    downgrade(db, "0009")
    with pytest.raises(SurveyError, match=r"schema 0009 of an older surveyapp.*run: surveyapp db upgrade"):
        connect(db.place)
    assert not has_our_schema(db)
    connect(db.place, older=True).close()
    assert has_our_schema(db)


def test_a_newer_schema_is_refused_with_the_command_and_left_alone(db: Database) -> None:
    newest = revisions()[-1]
    with db.transaction() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    for older in (False, True):
        with pytest.raises(SurveyError, match=rf"newer surveyapp; update this one, or .* db downgrade {newest}"):
            connect(db.place, older)
    assert rows(db, "SELECT version_num FROM alembic_version") == [("9999",)]
    with db.transaction() as connection:
        connection.exec_driver_sql(f"UPDATE alembic_version SET version_num = '{newest}'")


@pytest.mark.sqlite
@pytest.mark.parametrize("down", [True, False], ids=["down", "up"])
@pytest.mark.parametrize("number", [1, 2, 3])
def test_killed_at_any_migration_the_store_has_one_schema_and_goes_on_from_there(
    db: Database, tmp_path: Path, down: bool, number: int
) -> None:
    """Each migration is one transaction: what was killed in the middle of one is as it was before that one."""
    _, _, codes = make_wave(db)
    if not down:
        downgrade(db, "0005")
    statement = [("0010", "DROP TABLE asking"), ("0008", "DROP TABLE sitting"), ("0006", "DROP TABLE codeframe")]
    there = [("0006", "CREATE TABLE codeframe"), ("0008", "CREATE TABLE sitting"), ("0010", "CREATE TABLE asking")]
    revision, words = (statement if down else there)[number - 1]
    db.close()
    victims.killed_at(("after", words), _downgrade if down else victims.migrate, db.path)
    after = opened(db.path)
    (found,) = rows(after, "SELECT version_num FROM alembic_version")[0]
    assert found == (revision if down else revisions()[revisions().index(revision) - 1])
    upgrade(after)
    assert has_our_schema(after)
    assert rows(after, "SELECT count(*) FROM invitation") == [(len(codes),)]
    assert rows(after, "PRAGMA integrity_check") == [("ok",)]
    assert rows(after, "PRAGMA foreign_key_check") == []
    after.close()


def _downgrade(path: Path) -> None:
    """The migrations alone: `downgrade` tries them on a scratch file first, where a death would prove nothing."""
    migrate(opened(path), "0005")


@pytest.mark.sqlite
def test_a_new_store_that_was_killed_on_its_way_is_made_by_the_next_start(tmp_path: Path) -> None:
    path = tmp_path / "new.db"
    victims.killed_at(("after", "CREATE TABLE asking"), victims.start, path)
    connect(path).close()
    assert has_our_schema(opened(path))
