"""What a PostgreSQL database tells to somebody who may read all of it: for `forensics`, which looks at files.

It asks the server what lies where: places of rows, numbers of transactions, rows that were deleted and are still
there. Like `forensics` it knows neither side of the wall.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import sqlalchemy as sa

from surveyapp.storage.database import Database

_TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()"
_COLUMNS = """
    SELECT attname FROM pg_attribute WHERE attrelid = to_regclass(:name) AND attnum > 0 AND NOT attisdropped
    ORDER BY attnum
"""
_COUNTED = """
    SELECT attname FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
    WHERE attrelid = to_regclass(:name) AND NOT attisdropped
      AND (attidentity <> '' OR pg_get_expr(adbin, adrelid) LIKE 'nextval%')
"""
_ERASED = "SELECT coalesce(sum(n_dead_tup), 0) FROM pg_stat_user_tables WHERE schemaname = current_schema()"
_PAGES = "SELECT pg_relation_size(to_regclass(:name)) / current_setting('block_size')::int"

RECYCLING = {"archive_mode": "off", "wal_recycle": "off"}
"""Settings under which the write-ahead log forgets soonest."""


class Served:
    """A database on a server, looked at from outside."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.name = database.name

    def rows(self, table: str, *columns: str) -> list[tuple[Any, ...]]:
        """These columns of a table, as its rows lie."""
        return self.ask(f"SELECT {', '.join(columns)} FROM {table}")  # noqa: S608  # nosec B608 (names of a schema)

    def ask(self, query: str, **values: object) -> list[tuple[Any, ...]]:
        """What the server answers."""
        with self.database.reading() as connection:
            return [tuple(row) for row in connection.execute(sa.text(query), values)]

    def tables(self) -> set[str]:
        """Every table."""
        return {name for (name,) in self.ask(_TABLES)}

    def columns(self, table: str) -> list[str]:
        """The columns of a table; none if there is no such table."""
        return [name for (name,) in self.ask(_COLUMNS, name=table)]

    def counted(self, table: str) -> bool:
        """Whether the rows of a table get numbers from a counter."""
        return bool(self.ask(_COUNTED, name=table))

    def erased(self) -> int:
        """How many rows were changed or deleted and may still lie there, by the server's own reckoning."""
        return int(self.ask(_ERASED)[0][0])

    def lie(self, table: str) -> tuple[int, int, int, int]:
        """Of a table its rows, its pages, pairs out of the order of keys, and the transactions that wrote them."""
        found = self.ask(f"SELECT id, xmin::text FROM {table} ORDER BY ctid")  # noqa: S608  # nosec B608
        apart = sum(one > other for (one, _), (other, _) in pairwise(found))
        return len(found), int(self.ask(_PAGES, name=table)[0][0]), apart, len({number for _, number in found})

    def settings(self, names: Sequence[str]) -> dict[str, str]:
        """What the server says of its settings."""
        return dict(self.ask("SELECT name, setting FROM pg_settings WHERE name = ANY(:names)", names=list(names)))

    def log(self) -> str:
        """The server's write-ahead log, and for how long it keeps what is in it."""
        found = self.settings(list(RECYCLING))
        loose = [f"{name} = {value}" for name, value in found.items() if value != RECYCLING[name]]
        return f"a write-ahead log ({', '.join(loose) or 'kept until the next checkpoint'})"
