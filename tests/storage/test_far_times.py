"""Times after January 2038, when 32 bits are full: kept, copied and taken back by an older programme."""

from pathlib import Path

import pytest
import sqlalchemy as sa

from surveyapp.storage import accounts, backups, jobs
from surveyapp.storage.accounts import Account
from surveyapp.storage.copying import tables
from surveyapp.storage.database import Database, connect, downgrade, metadata, upgrade
from surveyapp.storage.jobs import Job
from tests.makers import rows
from tests.server import Server

FAR = 4_102_444_800
"""The first second of the year 2100."""

WHERE = {"staff_session.until", "link.until", "attempt.until", "job.at", "job.lease"}


def keep(db: Database) -> None:
    """A session, a link, a failed attempt and a job of that time."""
    with db.transaction() as connection:
        accounts.add(connection, Account(b"id", "a@example.org", "A", made_on="2099-12-31"))
        accounts.begin(connection, b"session", b"id", FAR)
        accounts.add_link(connection, b"link", b"id", "invitation", FAR)
        accounts.count_failure(connection, b"who", FAR - 60, FAR, most=5)
        jobs.add(connection, Job(b"job", "tables", "tiny", "", "a@example.org", at=FAR))
        assert jobs.take(connection, FAR, FAR) is not None


def kept(db: Database) -> dict[str, int]:
    """What stands in every column of times."""
    found = {}
    for place in WHERE:
        table, column = place.split(".")
        ((found[place],),) = rows(db, f"SELECT {column} FROM {table}")
    return found


@pytest.mark.stores
def test_a_time_after_2038_goes_in_and_comes_out_of_each_column_that_keeps_one(db: Database) -> None:
    keep(db)
    assert kept(db) == dict.fromkeys(WHERE, FAR)
    with db.transaction() as connection:
        assert [until for _, until in accounts.sessions(connection, b"id", FAR - 1)] == [FAR]
        assert accounts.link(connection, b"link", FAR - 1) is not None
        assert accounts.failures(connection, b"who", FAR - 1) == 1
        assert jobs.wanting(connection, FAR + 1), "the lease has run out"
        jobs.doubt(connection, FAR + 1, FAR + 60)
        assert accounts.end_all(connection, b"id") == 1


def test_these_are_all_columns_of_numbers_that_could_be_times() -> None:
    """Counts, minutes and steps of thirty seconds are not. Give a new time the type `Seconds`."""
    numbers = {f"{table.name}.{column.name}" for table, column in _columns() if _is_number(column)}
    assert {name for name in numbers if name.endswith((".until", ".at", ".lease", "_at"))} == WHERE
    far = {f"{table.name}.{column.name}" for table, column in _columns() if isinstance(column.type, sa.BigInteger)}
    assert far == WHERE


@pytest.mark.postgres
def test_a_backup_with_such_times_goes_into_a_file_and_back_into_a_server(
    postgres: Database, server: Server, tmp_path: Path
) -> None:
    keep(postgres)
    backups.back_up(postgres, tmp_path / "copy.db")
    empty = server.new("template0")
    backups.restore(tmp_path / "copy.db", empty)
    restored = connect(empty)
    assert kept(restored) == dict.fromkeys(WHERE, FAR)
    restored.close()


@pytest.mark.stores
def test_an_older_programme_gets_every_row_with_its_last_second_at_most(db: Database) -> None:
    keep(db)
    downgrade(db, "0011")
    upgrade(db)
    assert kept(db) == dict.fromkeys(WHERE, 2_147_483_647 if db.keeps_erased else FAR)


@pytest.mark.stores
def test_both_stores_have_the_columns_that_the_code_declares(db: Database) -> None:
    """Wide on a server, where the older name has 32 bits; of one name in a file, where it has 64."""
    with db.reading() as connection:
        found = {t.name: {c.name: c.type for c in t.columns} for t in tables(connection)}
    assert {name: set(columns) for name, columns in found.items()} == {
        table.name: {column.name for column in table.columns} for table in metadata.tables.values()
    }
    wide = {f"{t}.{c}" for t, columns in found.items() for c, kind in columns.items() if type(kind) is sa.BIGINT}
    assert wide == (WHERE if db.keeps_erased else set())


def _columns() -> list[tuple[sa.Table, sa.Column[object]]]:
    return [(table, column) for table in metadata.tables.values() for column in table.columns]


def _is_number(column: sa.Column[object]) -> bool:
    return isinstance(column.type, sa.Integer)
