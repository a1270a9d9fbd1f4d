"""Every row of one store into another of the same schema: from a server into a file, and back."""

import sqlalchemy as sa

from surveyapp.problems import SurveyError
from surveyapp.storage.database import Database

VERSION_TABLE = "alembic_version"
"""Where the migrations keep the number of the schema: each store has its own."""

_AT_ONCE = 1000


def tables(connection: sa.Connection) -> list[sa.Table]:
    """Our tables as the store has them, each after those that it refers to."""
    found = sa.MetaData()
    found.reflect(connection)
    return [table for table in found.sorted_tables if table.name != VERSION_TABLE]


def pour(source: sa.Connection, target: sa.Connection) -> None:
    """Copy every row into a store that has none, each table in the order of its keys.

    Each store has its own types: a number of a file may be too large for what the other calls by the same name.
    """
    homes = {table.name: table for table in tables(target)}
    for table in tables(source):
        rows = source.execute(
            table.select().order_by(*table.primary_key), execution_options={"yield_per": _AT_ONCE}
        )
        for some in rows.mappings().partitions():
            target.execute(homes[table.name].insert(), [dict(row) for row in some])


def fill(database: Database, source: Database) -> None:
    """Fill a store that has no row yet from another of the same schema. Raises `SurveyError` if it has one."""
    with source.reading() as rows, database.transaction() as target:
        for table in tables(target):
            if target.execute(table.select().limit(1)).first():
                raise SurveyError(f"{database.name} holds data already; {database.remedy}")
        pour(rows, target)
