"""Alembic's entry: the application hands in its own connection, with the pragmas and locks of all writing."""

from alembic import context
from sqlalchemy import MetaData

from surveyapp.storage import (  # noqa: F401 (their tables join the metadata)
    accounts,
    codings,
    jobs,
    letters,
    loadings,
    papers,
    people,
    publications,
    responses,
    sittings,
    trail,
    uploads,
    waves,
)
from surveyapp.storage.database import metadata


def run(target: MetaData) -> None:
    connection = context.config.attributes["connection"]
    whole = context.config.attributes.get("whole", False)  # a new database is made at once or not at all
    context.configure(
        connection=connection,
        target_metadata=target,
        transaction_per_migration=not whole,
        transactional_ddl=True,  # on SQLite too: our connections begin a transaction before anything else
    )
    with context.begin_transaction():
        context.run_migrations()


run(metadata)
