"""The database: how it is opened, and what a transaction is.

The store is a SQLite file, or a PostgreSQL database (`storage.postgres`). SQLite is opened so that nothing
lingers: a rollback journal that is deleted (not a write-ahead log), deleted content overwritten, every commit on
the disk before it is reported. These settings last for one connection only, so they are set and read back at each.
A database that does not take them is not used.
"""

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from sqlalchemy import event
from sqlalchemy.exc import DatabaseError

from surveyapp.config import project_file
from surveyapp.problems import NotSaved, SurveyError

metadata = sa.MetaData()
Connection = sa.Connection

# Days are kept as ISO texts: SQLite has no date, and nothing finer than a day is ever wanted.
Day = sa.Text

NOTHING = sa.text("''")
"""What a text column holds in rows from before it was added."""

PRAGMAS = {
    "busy_timeout": 10_000,
    "journal_mode": "delete",
    "synchronous": 3,
    "secure_delete": 1,
    "foreign_keys": 1,
    "trusted_schema": 0,
    "temp_store": 2,
}
"""Setting and the value that must be read back; 3 is EXTRA, temp_store 2 is MEMORY."""


class Database:
    """One open store, here a SQLite file. `transaction` writes, `reading` reads; both give a connection.

    `place` is what `connect` opens it by, `name` what people call it.
    """

    path: Path
    place: Path | str
    name: str
    keeps_erased = False
    """Whether erased content stays legible until the store is written anew."""
    remedy = "choose another folder with --home"
    """What to do if the database is not ours."""

    def __init__(self, path: Path) -> None:
        self.path = self.place = path
        self.name = str(path)
        self.engine = sa.create_engine(f"sqlite:///{path}")
        event.listen(self.engine, "connect", _settle)
        event.listen(self.engine, "begin", _begin)

    @contextmanager
    def transaction(self, code: bytes = b"") -> Iterator[sa.Connection]:
        """All that happens inside is stored together or not at all, and nobody else writes meanwhile.

        With `code`, the hash of the access code of the one respondent whom it is about, others with codes of their
        own may be writing; SQLite has one writer all the same. Writers queue at a file lock before they ask
        SQLite, whose own waiting is unfair. Raises `NotSaved` when the store is locked for too long, the disk is
        full or the file is damaged, or a connection is lost.
        """
        with (
            self._plainly(NotSaved, "written"),
            self._turn(),
            self.engine.connect().execution_options(writes=code or True) as connection,
            connection.begin(),
        ):
            yield connection

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """One consistent view of the store. Raises `SurveyError` when it is locked for too long or damaged."""
        with self._plainly(SurveyError, "read"), self.engine.connect() as connection, connection.begin():
            yield connection

    def vacuum(self) -> None:
        """Write the file anew: no free pages, no order of insertion left in it. Raises `NotSaved`."""
        with self._plainly(NotSaved, "written anew"), self._turn(), self.engine.connect() as connection:
            connection.connection.driver_connection.execute("VACUUM")  # type: ignore[union-attr]

    def copy_into(self, path: Path) -> None:
        """A copy of what is stored now, without free pages, in the empty file `path`. Raises `NotSaved`.

        Writers wait meanwhile, as for each other.
        """
        with self._plainly(NotSaved, "copied"), self._turn(), self.engine.connect() as connection:
            connection.connection.driver_connection.execute("VACUUM INTO ?", (str(path),))  # type: ignore[union-attr]

    def close(self) -> None:
        """Give the connections back."""
        self.engine.dispose()

    def prepare(self) -> None:
        """Make room for a database where there is none yet."""
        if not self.path.exists():
            os.close(os.open(self.path, os.O_CREAT | os.O_WRONLY, 0o600))

    @contextmanager
    def migrating(self) -> Iterator[sa.Connection]:
        """A connection for the migrations, while no other process runs any."""
        with self._turn(), self.engine.connect().execution_options(writes=True) as connection:
            yield connection

    def _turn(self) -> AbstractContextManager[None]:
        return _queue(self.path)

    @contextmanager
    def _plainly(self, refusal: type[SurveyError], what: str) -> Iterator[None]:
        """Turn what the store refuses (locked, full, damaged) into words. A fault of ours stays an error."""
        try:
            yield
        except (DatabaseError, self.errors) as error:
            do = self._advice(error.orig if isinstance(error, DatabaseError) else error)
            if not do:
                raise
            raise refusal(f"the database could not be {what} ({self.reason(error)}); {do}") from None

    errors: type[Exception] = sqlite3.DatabaseError
    """What the library raises, where SQLAlchemy has not wrapped it."""

    def _advice(self, error: BaseException | None) -> str:
        """What to do about a refusal of the library; "" about a fault of ours."""
        if type(error) is sqlite3.OperationalError:
            return "try again"
        return "restore a backup" if type(error) is sqlite3.DatabaseError else ""

    def reason(self, error: Exception) -> str:
        """The store's own word for an error, without the statement: that could hold an answer."""
        return str(error.orig if isinstance(error, DatabaseError) else error)


def connect(place: Path | str) -> Database:
    """The database in a file or at an address, brought to the newest schema; a new file if there is none.

    Raises `SurveyError` if it is not a database of ours, is newer than this programme, or cannot be written.
    """
    database = opened(place)
    try:
        with closed_on_refusal(database):
            database.prepare()
            upgrade(database)
    except (DatabaseError, database.errors) as error:
        raise SurveyError(f"{database.name} cannot be used as a database: {database.reason(error)}") from None
    except OSError as error:
        raise SurveyError(f"{database.name} cannot be used as a database: {error.strerror}") from None
    return database


@contextmanager
def closed_on_refusal(store: Any) -> Iterator[None]:
    """Give a connection, or all of a store, back if it is not to be used."""
    try:
        yield
    except BaseException:
        store.close()
        raise


def opened(place: Path | str) -> Database:
    """The store in a file or at an address, as it is."""
    if isinstance(place, Path):
        return Database(place)
    from surveyapp.storage.postgres import Postgres  # here, for an installation with a file needs no such library

    return Postgres(place)


def upgrade(database: Database) -> None:
    """Run the migrations that are still missing, each in its own transaction."""
    if _schema_version(database) == _newest():
        return
    config = _alembic()
    with database.migrating() as connection:
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, "head")
        except Exception as error:
            if "Can't locate revision" in str(error):
                raise SurveyError(f"{database.name} was made by a newer surveyapp; update this one") from None
            raise


@contextmanager
def _queue(path: Path) -> Iterator[None]:
    """Wait in turn at the lock file beside a database."""
    try:
        lock = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise NotSaved(f"the database could not be written ({error.strerror}: {error.filename})") from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _alembic() -> Config:
    config = Config()
    config.set_main_option("script_location", str(project_file("migrations")).replace("%", "%%"))
    return config


def _newest() -> str:
    """The newest migration's number: its file begins with it."""
    return max(p.name[:4] for p in (project_file("migrations") / "versions").glob("[0-9]*.py"))


def _schema_version(database: Database) -> str | None:
    with database.engine.connect().execution_options(queues=False) as connection:
        tables = sa.inspect(connection).get_table_names()
        if "alembic_version" not in tables:
            if tables:
                raise SurveyError(f"{database.name} is the database of another programme; {database.remedy}")
            return None
        found = connection.scalar(sa.text("SELECT version_num FROM alembic_version"))
        return None if found is None else str(found)


def _settle(dbapi_connection: Any, _record: object) -> None:
    """Set every pragma and read it back."""
    dbapi_connection.isolation_level = None
    cursor = dbapi_connection.cursor()
    for name, wanted in PRAGMAS.items():
        cursor.execute(f"PRAGMA {name}={wanted}")
        got = cursor.execute(f"PRAGMA {name}").fetchone()[0]
        if got != wanted:
            raise SurveyError(f"SQLite does not keep {name}={wanted} (it says {got}); update the sqlite3 library")
    cursor.close()


def _begin(connection: sa.Connection) -> None:
    writes = connection.get_execution_options().get("writes")
    driver: Any = connection.connection.driver_connection
    driver.execute("BEGIN IMMEDIATE" if writes else "BEGIN")
