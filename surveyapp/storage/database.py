"""The database: how it is opened, and what a transaction is.

The store is a SQLite file, or a PostgreSQL database (`storage.postgres`). SQLite is opened so that nothing
lingers: a rollback journal that is deleted (not a write-ahead log), deleted content overwritten, every commit on
the disk before it is reported. These settings last for one connection only, so they are set and read back at each.
A database that does not take them is not used.
"""

import fcntl
import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from sqlalchemy import event
from sqlalchemy.exc import DatabaseError

from surveyapp.config import project_file
from surveyapp.problems import NotRead, NotSaved, Problem, Refused, SurveyError

metadata = sa.MetaData()
Connection = sa.Connection

# Days are kept as ISO texts: SQLite has no date, and nothing finer than a day is ever wanted.
Day = sa.Text

# Times in seconds since 1970 outgrow 32 bits in 2038. SQLite's INTEGER has 64; its strict tables know no BIGINT.
Seconds = sa.BigInteger().with_variant(sa.Integer, "sqlite")

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
    "cache_size": -1000,
}
"""Setting and the value that must be read back; 3 is EXTRA, temp_store 2 is MEMORY, cache_size is in -kilobytes.

Each thread that serves has a connection with a cache of its own, and the system keeps the pages of the file too.
"""


LONGEST_QUEUE = 30
"""Seconds for which a writer waits for the others: longer than any of them takes, shorter than a browser waits."""

_A_MOMENT = 1
"""Seconds in the queue that are nothing out of the ordinary."""


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
        self.engine = sa.create_engine(f"sqlite:///{path}", pool_use_lifo=True)
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
            self._turn(LONGEST_QUEUE) as waited,
            self.engine.connect().execution_options(writes=code or True, waited=waited) as connection,
            connection.begin(),
        ):
            yield connection

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """One consistent view of the store. Raises `NotRead` when it is locked for too long or damaged."""
        with self._plainly(NotRead, "read"), self.engine.connect() as connection, connection.begin():
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

    def _turn(self, most: float | None = None) -> AbstractContextManager[float]:
        return _queue(self.path, most)

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


def connect(place: Path | str, older: bool = False) -> Database:
    """The database in a file or at an address, with the schema of this programme; a new one where there is none.

    `older` brings one of an older programme to it. Raises `SurveyError` if it is not a database of ours, has the
    schema of a newer or, without `older`, of an older programme, or cannot be written.
    """
    database = opened(place)
    try:
        with closed_on_refusal(database):
            database.prepare()
            upgrade(database, older)
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


def upgrade(database: Database, older: bool = True) -> None:
    """Run the migrations that are missing, each in its own transaction; those of a new database all in one.

    Without `older` only a new database is filled: the schema of one that holds data changes when somebody asks
    for it, and not because one of several machines has a newer programme. Raises `SurveyError`.
    """
    if _schema_version(database) == _newest():
        return
    config = _alembic()
    with database.migrating() as connection:
        found = _version_in(connection, database)
        connection.rollback()
        _check_version(database, found, older)
        config.attributes |= {"connection": connection, "whole": found is None}
        command.upgrade(config, "head")


def _check_version(database: Database, found: str | None, older: bool) -> None:
    """Raise `SurveyError` for a schema that is not to be brought to ours, with the command that is to be run."""
    if found is None or found == _newest():
        return
    if found not in revisions():
        raise SurveyError(
            f"{database.name} was made by a newer surveyapp; update this one, "
            f"or with the newer one run: surveyapp db downgrade {_newest()}"
        )
    if not older:
        raise SurveyError(
            f"{database.name} has the schema {found} of an older surveyapp, and this one needs {_newest()}; "
            "stop the site on every machine, then run: surveyapp db upgrade"
        )


def has_our_schema(database: Database) -> bool:
    """Whether the schema is that of this programme. Raises `NotRead` if the store cannot be read."""
    with database._plainly(NotRead, "read"):
        return _schema_version(database) == _newest()


def downgrade(database: Database, revision: str, lose: bool = False) -> None:
    """Take the schema back to that of an older programme, each migration in its own transaction.

    Raises `Refused`, with what would be lost, if data would be and `lose` does not allow it; `SurveyError` for
    a revision that there is not. What was dropped is then written out of the store.
    """
    found = _schema_version(database)
    _check_version(database, found, older=True)
    if revision not in revisions() or revision > (found or ""):
        raise SurveyError(f"there is no schema {revision} to go back to; there are {', '.join(revisions())}")
    gone = _dropped(found or "", revision)
    config = _alembic()
    with database.migrating() as connection:
        lost = [] if lose else _lost(connection, gone)
        connection.rollback()
        if lost:
            raise Refused(lost, f"The schema {revision} of {database.name}")
        config.attributes["connection"] = connection
        command.downgrade(config, revision)
    database.vacuum()


def revisions() -> list[str]:
    """The numbers of the schemas that this programme knows, the oldest first."""
    return sorted(p.name[:4] for p in (project_file("migrations") / "versions").glob("[0-9]*.py"))


_Shape = dict[str, dict[str, str | None]]
"""Tables with their columns, and what a column holds by itself."""


def _dropped(newer: str, older: str) -> _Shape:
    """The tables and columns that the older of two schemas lacks, found out on a scratch file."""
    with TemporaryDirectory() as folder:
        scratch = Database(Path(folder) / "scratch.db")
        config = _alembic()
        with scratch.migrating() as connection:
            config.attributes |= {"connection": connection, "whole": True}
            command.upgrade(config, newer)
            before = _shape(connection)
            connection.rollback()
            command.downgrade(config, older)
            after = _shape(connection)
        scratch.close()
    gone = {
        table: {name: columns[name] for name in columns.keys() - after.get(table, {}).keys()}
        for table, columns in before.items()
    }
    return {table: columns for table, columns in gone.items() if columns}


def _shape(connection: sa.Connection) -> _Shape:
    look = sa.inspect(connection)
    return {
        table: {column["name"]: column["default"] for column in look.get_columns(table)}
        for table in look.get_table_names()
    }


_WORKED_OUT = {"wave.frame_mark"}
"""Columns that the store fills by itself, from what stays."""


def _lost(connection: sa.Connection, gone: _Shape) -> list[Problem]:
    """What the tables and columns that go hold, counted."""
    do = "keep a backup and add --lose to go on without it"
    whole = _shape(connection)
    found = []
    for name, columns in gone.items():
        table = sa.table(name, *(sa.column(column) for column in columns))
        if columns.keys() == whole[name].keys():
            if number := connection.scalar(sa.select(sa.func.count()).select_from(table)):
                found.append(Problem(name, f"all {number:,} rows would be lost", do))
            continue
        for column, default in columns.items():
            if f"{name}.{column}" in _WORKED_OUT:
                continue
            own = table.c[column].is_not(None) if default is None else table.c[column] != sa.text(default)
            if number := connection.scalar(sa.select(sa.func.count()).select_from(table).where(own)):
                found.append(Problem(f"{name}.{column}", f"what {number:,} rows hold would be lost", do))
    return found


@contextmanager
def _queue(path: Path, most: float | None = None) -> Iterator[float]:
    """Wait in turn at the lock file beside a database; for how many seconds it was.

    Raises `NotSaved` after `most` of them: a process that was stopped with the lock in its hand keeps it.
    """
    began = time.monotonic()
    try:
        lock = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise NotSaved(f"the database could not be written ({error.strerror}: {error.filename})") from None
    try:
        if not _taken(lock, most):
            raise NotSaved("the database could not be written (another process keeps it); try again")
        yield time.monotonic() - began
    finally:
        os.close(lock)


def _taken(lock: int, most: float | None) -> bool:
    """Take a file lock, at once or in turn, which a thread waits for: the system knows no end of waiting.

    The thread has the file open for itself: a lock that comes when nobody waits for it any more goes with that.
    """
    with suppress(BlockingIOError):
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    if most is None:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return True
    turn, same = threading.Event(), os.dup(lock)

    def wait() -> None:
        try:
            fcntl.flock(same, fcntl.LOCK_EX)
            turn.set()
        finally:
            os.close(same)

    threading.Thread(target=wait, name="queue", daemon=True).start()
    return turn.wait(most)


def _alembic() -> Config:
    config = Config()
    config.set_main_option("script_location", str(project_file("migrations")).replace("%", "%%"))
    return config


@cache
def _newest() -> str:
    """The newest migration's number: its file begins with it."""
    return revisions()[-1]


def _schema_version(database: Database) -> str | None:
    with database.engine.connect().execution_options(queues=False) as connection:
        return _version_in(connection, database)


def _version_in(connection: sa.Connection, database: Database) -> str | None:
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
    options = connection.get_execution_options()
    driver: Any = connection.connection.driver_connection
    if options.get("waited", 0) < _A_MOMENT:
        driver.execute("BEGIN IMMEDIATE" if options.get("writes") else "BEGIN")
        return
    # Whoever has waited in the queue behind one that could not write does not wait as long again.
    patience = PRAGMAS["busy_timeout"]
    driver.execute(f"PRAGMA busy_timeout = {max(int(patience - 1000 * options['waited']), 50)}")
    try:
        driver.execute("BEGIN IMMEDIATE")
    finally:
        driver.execute(f"PRAGMA busy_timeout = {patience}")
