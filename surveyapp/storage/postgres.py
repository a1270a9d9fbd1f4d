"""PostgreSQL as the store: the same tables and transactions, and what stands in for SQLite's ways of forgetting.

PostgreSQL keeps more than it is asked to: a row that was changed or deleted stays on its page for a while, each
row carries the number of the transaction that wrote it, statistics hold copies of values, the log may hold
statements. So a store is not used unless the server's settings are those of `WANTED`; no statistics are kept of
our columns; and `vacuum` writes every row anew, in the order of random keys and in one transaction, so that all
carry one number. What cannot be had (the server's write-ahead log) is in docs/anonymity.md.

Writers and readers take turns at the lock of one small table. Whoever writes for one respondent shares it and has
the respondent's own number alone; all other writers have it alone; writing the store anew keeps readers out too.
"""

import select
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

import psycopg
import sqlalchemy as sa
from psycopg.types.string import StrDumperUnknown
from sqlalchemy import event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, InvalidatePoolError
from sqlalchemy.pool import PoolResetState

from surveyapp.problems import NotSaved, SurveyError
from surveyapp.storage.copying import VERSION_TABLE, pour, tables
from surveyapp.storage.database import Database, closed_on_refusal, upgrade

OLDEST = 14
"""The first PostgreSQL that will do."""

SETTINGS: dict[str, int | str] = {
    "synchronous_commit": "on",
    "lock_timeout": 10_000,
    "idle_in_transaction_session_timeout": 600_000,
    "TimeZone": "UTC",
    "jit": "off",
}
"""Set at each connection, and read back. Whoever falls silent within a transaction loses it after ten minutes."""

_ALIVE = {"tcp_keepalives_idle": 60, "tcp_keepalives_interval": 10, "tcp_keepalives_count": 3}
"""Set too, so that a machine that vanished does not keep others waiting; a local socket has no use for them."""

WANTED: dict[str, tuple[str, ...]] = {
    "fsync": ("on",),
    "full_page_writes": ("on",),
    "track_commit_timestamp": ("off",),
    "log_statement": ("none", "ddl"),
    "log_duration": ("off",),
    "log_min_duration_statement": ("-1",),
    "log_min_duration_sample": ("-1",),
    "log_transaction_sample_rate": ("0",),
    "log_min_error_statement": ("panic", "fatal"),
    "log_error_verbosity": ("terse",),
    "log_parameter_max_length_on_error": ("0",),
    "log_lock_waits": ("off",),
    "log_temp_files": ("-1",),
    "log_parser_stats": ("off",),
    "log_planner_stats": ("off",),
    "log_executor_stats": ("off",),
    "log_statement_stats": ("off",),
    "debug_print_parse": ("off",),
    "debug_print_rewritten": ("off",),
    "debug_print_plan": ("off",),
    "auto_explain.log_min_duration": ("-1",),
    "pgaudit.log": ("none",),
}
"""Settings of the server and the values that are accepted, the first being what we ask for.

Commits reach the disk and have no time; no statement, no value and no time of one is logged. A setting that the
server does not know is passed over.
"""

_OF_SERVER = {"fsync", "full_page_writes", "track_commit_timestamp"}
"""Those that a role cannot have of its own."""

_QUEUE = VERSION_TABLE
"""The table whose lock is the queue: every database of ours has it, and nothing else locks it."""

_MIGRATING = 0x5375727665794D69
"""The number of the lock of whoever runs migrations."""


class Postgres(Database):
    """A PostgreSQL database. Its `name` is its address without the password."""

    place: str
    keeps_erased = True
    remedy = "name an empty one in SURVEYAPP_DATABASE_URL"
    errors = psycopg.Error

    def __init__(self, address: str) -> None:
        url = _url(address)
        self.place = address
        self.name = url.render_as_string(hide_password=True)
        wishes = {
            "connect_timeout": 10,
            "client_encoding": "utf8",
            "application_name": "surveyapp",
            "keepalives_idle": 30,
        }
        self.engine = sa.create_engine(
            url,
            pool_use_lifo=True,
            pool_reset_on_return=None,
            hide_parameters=True,
            use_native_hstore=False,
            connect_args=wishes,
        )
        event.listen(self.engine, "connect", _settle)
        event.listen(self.engine, "checkout", _check_alive)
        event.listen(self.engine, "reset", _let_go)
        event.listen(self.engine, "begin", _begin)

    def prepare(self) -> None:
        """Look whether the server will do. Raises `SurveyError` with what must be changed, and how."""
        with self.engine.connect().execution_options(queues=False) as connection:
            _check_server(connection)

    @contextmanager
    def migrating(self) -> Iterator[sa.Connection]:
        """A connection for the migrations, while no other process runs any; new tables are settled afterwards."""
        with self.engine.connect().execution_options(queues=False) as connection:
            driver: Any = connection.connection.driver_connection
            driver.execute(f"SELECT pg_advisory_lock({_MIGRATING})")
            try:
                yield connection
                connection.commit()  # of what alembic only looked at
                with connection.begin():
                    _settle_tables(connection)
            finally:
                connection.rollback()
                driver.execute(f"SELECT pg_advisory_unlock({_MIGRATING})")

    def vacuum(self) -> None:
        """Write every row anew, by random keys and in one transaction, and let go of the old files.

        Nobody reads or writes meanwhile. Raises `NotSaved`.
        """
        with self._plainly(NotSaved, "written anew"):
            with self.engine.connect().execution_options(writes="anew") as connection, connection.begin():
                _write_anew(connection)
            self._settle_log()

    def copy_into(self, path: Path) -> None:
        """A copy of what is stored now as a SQLite file, each table by its keys, in the empty file `path`.

        pg_dump would write rows in the order in which they lie, which is that of arrival. Raises `NotSaved`.
        """
        copy = Database(path)
        try:
            with self._plainly(NotSaved, "copied"), self.reading() as source:
                upgrade(copy)
                with copy.transaction() as target:
                    pour(source, target)
            copy.vacuum()
        finally:
            copy.close()

    def _turn(self, most: float | None = None) -> AbstractContextManager[float]:  # noqa: ARG002 (`lock_timeout`)
        """The server has a queue of its own, which `_begin` joins."""
        return nullcontext(0)

    def _settle_log(self) -> None:
        """Let the server begin a new file of its write-ahead log and be done with those before, if we may ask."""
        with self.engine.connect().execution_options(queues=False) as connection, connection.begin():
            for may, order in _LOG_ORDERS.items():
                if connection.scalar(sa.text(may)):
                    connection.exec_driver_sql(order)

    def _advice(self, error: BaseException | None) -> str:
        if isinstance(error, psycopg.OperationalError):
            return "try again"
        return "look into the log of the server" if isinstance(error, psycopg.InternalError) else ""

    def reason(self, error: Exception) -> str:
        """The server's own word for an error, without the statement and without its detail, which quotes rows."""
        cause = error.orig if isinstance(error, DatabaseError) else error
        told = cause.diag.message_primary if isinstance(cause, psycopg.Error) else None
        return told or str(cause).partition("\n")[0]


_LOG_ORDERS = {
    "SELECT has_function_privilege('pg_switch_wal()', 'execute')": "SELECT pg_switch_wal()",
    "SELECT current_setting('is_superuser') = 'on' OR EXISTS "
    "(SELECT FROM pg_roles WHERE rolname = 'pg_checkpoint' AND pg_has_role(oid, 'usage'))": "CHECKPOINT",
}
"""Whether we may, and what we then ask for."""


_KEPT = {"act"}
"""Tables that are never written anew: the trail's refuses it, and its lines bear their order and time anyway."""


def _write_anew(connection: sa.Connection) -> None:
    named = [(_quoted(connection, table.name), table) for table in tables(connection) if table.name not in _KEPT]
    connection.exec_driver_sql("SET LOCAL work_mem = '64MB'")
    for name, table in named:
        connection.exec_driver_sql(f'CREATE TEMPORARY TABLE "anew {table.name}" ON COMMIT DROP AS TABLE {name}')
    connection.exec_driver_sql(f"TRUNCATE {', '.join(name for name, _ in named)}")
    for name, table in named:
        keys = ", ".join(_quoted(connection, column.name) for column in table.primary_key)
        rows = f'SELECT * FROM "anew {table.name}" ORDER BY {keys}'  # noqa: S608  # nosec B608 (names of the schema)
        connection.exec_driver_sql(f"INSERT INTO {name} {rows}")


def _quoted(connection: sa.Connection, name: str) -> str:
    return connection.dialect.identifier_preparer.quote(name)


# ── at each connection ───────────────────────────────────────────────────────


class _Text(StrDumperUnknown):
    """Text without the one character that PostgreSQL cannot hold; what has it is not found, as it should be."""

    def dump(self, obj: str) -> Any:
        return super().dump(obj.replace("\0", "\ufffd"))


def _settle(connection: Any, _record: object) -> None:
    """Set what is ours to set, and read everything back. Transactions are begun by `_begin` alone."""
    with closed_on_refusal(connection):
        _set(connection)
        _check_settings(connection)


def _check_alive(connection: Any, *_of_pool: object) -> None:
    """Let the pool connect anew, if the server has gone: then there is something to read, and else there is not.

    Asking the server would take as long as a statement, at every page.
    """
    if connection.closed or _has_said_something(connection.fileno()):
        raise InvalidatePoolError("the server has ended a connection")


def _let_go(connection: Any, _record: object, state: PoolResetState) -> None:
    """Leave no transaction to whoever is next. A connection that is lost has none, and `_check_alive` finds it.

    The pool's own way writes of that with every line of the programme into the log, once for each connection.
    """
    if not state.transaction_was_reset and not connection.closed:
        with suppress(psycopg.OperationalError):
            connection.rollback()


def _has_said_something(fd: int) -> bool:
    waiting = select.poll()
    waiting.register(fd, select.POLLIN)
    return bool(waiting.poll(0))


def _set(connection: Any) -> None:
    connection.autocommit = True
    connection.adapters.register_dumper(str, _Text)
    connection.execute(
        "; ".join(f"SET {name} = '{value}'" for name, value in {**SETTINGS, **_ALIVE}.items()), prepare=False
    )


def _check_settings(connection: Any) -> None:
    found = _found(connection)
    wrong = [name for name, value in SETTINGS.items() if found.get(name) != str(value)]
    if wrong:
        raise SurveyError(
            f"PostgreSQL does not keep {', '.join(wrong)} as it was set; look at the server's version"
        )
    lacking = [name for name in WANTED if found.get(name, WANTED[name][0]) not in WANTED[name]]
    if lacking:
        raise SurveyError(_told(lacking, found, connection.info.user))


def _found(connection: Any) -> dict[str, str]:
    names = [*SETTINGS, *WANTED]
    return dict(
        connection.execute("SELECT name, setting FROM pg_settings WHERE name = ANY(%s)", [names]).fetchall()
    )


def _told(lacking: Sequence[str], found: Mapping[str, str], user: str) -> str:
    """What must be changed on the server, as commands."""
    what = ", ".join(f"{name} = {found[name]}" for name in lacking)
    lines = [f"PostgreSQL would keep or log what it must not ({what}). Somebody with rights over the server runs:"]
    for name in lacking:
        on = "SYSTEM" if name in _OF_SERVER else f'ROLE "{user}"'
        lines.append(f"  ALTER {on} SET {name} = '{WANTED[name][0]}';")
    if _OF_SERVER & set(lacking):
        lines.append("and then starts the server again")
    return "\n".join(lines)


def _check_server(connection: sa.Connection) -> None:
    """Version, encoding, order of texts, by which lists are sorted as on every other store."""
    row = connection.exec_driver_sql(
        "SELECT current_setting('server_version_num')::int / 10000, "
        "pg_encoding_to_char(encoding), 'B' < 'a' AND 'Z' < 'a' AND 'z' < '\u00e9' "
        "FROM pg_database WHERE datname = current_database()"
    ).one()
    if row[0] < OLDEST:
        raise SurveyError(f"PostgreSQL {row[0]} is too old; version {OLDEST} or a later one is needed")
    if row[1] != "UTF8" or not row[2]:
        how = "createdb --template=template0 --encoding=UTF8 --locale=C NAME"
        raise SurveyError(f"the database must hold UTF-8 and sort by bytes; make one with: {how}")


# ── at each transaction ──────────────────────────────────────────────────────


def _begin(connection: sa.Connection) -> None:
    """Begin, and join the queue, in one message. A lock is taken before the first look at the data."""
    options = connection.get_execution_options()
    driver: Any = connection.connection.driver_connection
    queues = options.get("queues", True)
    driver.execute(_beginning(options.get("writes")) if queues else "BEGIN", prepare=False)


def _beginning(writes: bytes | bool | str | None) -> str:
    begin, lock = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE", f"LOCK TABLE {_QUEUE} IN"
    if not writes:
        return f"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; {lock} ACCESS SHARE MODE"
    if isinstance(writes, bytes):
        number = int.from_bytes(writes[:8], signed=True)
        return f"{begin}; {lock} ROW EXCLUSIVE MODE; SELECT pg_advisory_xact_lock({number})"
    return f"{begin}; {lock} {'ACCESS EXCLUSIVE' if writes == 'anew' else 'EXCLUSIVE'} MODE"


# ── the schema ───────────────────────────────────────────────────────────────

_COUNTED = """
    SELECT c.relname, a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
    WHERE c.relkind = 'r' AND c.relnamespace = current_schema()::regnamespace
      AND a.attnum > 0 AND NOT a.attisdropped AND a.attstattarget IS DISTINCT FROM 0
"""


def _settle_tables(connection: sa.Connection) -> None:
    """No statistics, for they are copies of values; and soon something else where an erased draft was."""
    for table, column in connection.exec_driver_sql(_COUNTED).all():
        names = (_quoted(connection, table), _quoted(connection, column))
        connection.exec_driver_sql("ALTER TABLE {} ALTER {} SET STATISTICS 0".format(*names))
    soon = "autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 50"
    connection.exec_driver_sql(f"ALTER TABLE draft SET ({soon}, toast.{soon.replace(', ', ', toast.')})")


# ── the address ──────────────────────────────────────────────────────────────

_HOW = "write postgresql+psycopg://USER@HOST/DATABASE"


def _url(address: str) -> URL:
    try:
        url = make_url(address)
    except ArgumentError:
        raise SurveyError(f"SURVEYAPP_DATABASE_URL is not the address of a database; {_HOW}") from None
    if url.drivername not in {"postgresql", "postgres", "postgresql+psycopg"}:
        raise SurveyError(f"SURVEYAPP_DATABASE_URL names {url.drivername}, which is no store of ours; {_HOW}")
    return url.set(drivername="postgresql+psycopg")
