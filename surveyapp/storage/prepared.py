"""Statements of the respondents' pages: put into a store's own words once, then given to its driver as they are.

SQLAlchemy takes five times as long around such a statement as SQLite takes for it, and a page needs four of them.
They are written in SQLAlchemy's language like all others, for both kinds of store, and run in its transactions.
"""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa


class Prepared:
    """One statement, its values named by `bindparam`. Only texts, numbers and bytes go in and come out."""

    def __init__(self, statement: sa.ClauseElement) -> None:
        self.statement = statement
        self._words: dict[str, tuple[str, Sequence[str] | None, dict[str, object]]] = {}

    def run(self, connection: sa.Connection, **values: object) -> Any:
        """The driver's cursor after the statement. Whoever listens to the engine's statements hears of it."""
        words, order, own = self._words.get(connection.dialect.name) or self._put(connection.dialect)
        named = {**own, **values}
        given: Any = named if order is None else [named[name] for name in order]
        for listener in connection.dispatch.before_cursor_execute:
            listener(connection, None, words, given, None, False)
        driver: Any = connection.connection.driver_connection
        cursor = driver.execute(words, given)
        for listener in connection.dispatch.after_cursor_execute:
            listener(connection, cursor, words, given, None, False)
        return cursor

    def row(self, connection: sa.Connection, **values: object) -> tuple[Any, ...] | None:
        """The first row, if there is one."""
        found: tuple[Any, ...] | None = self.run(connection, **values).fetchone()
        return found

    def _put(self, dialect: sa.Dialect) -> tuple[str, Sequence[str] | None, dict[str, object]]:
        """The statement in the words of a store, the order of values if they have no names, its own values."""
        compiled: Any = self.statement.compile(dialect=dialect)
        own = {name: value for name, value in compiled.params.items() if value is not None}
        self._words[dialect.name] = str(compiled), compiled.positiontup, own
        return self._words[dialect.name]
