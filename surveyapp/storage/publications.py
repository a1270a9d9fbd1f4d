"""What was published of each wave: the groups whose answers were printed. On the answer side, with no day."""

from dataclasses import dataclass

import sqlalchemy as sa

from surveyapp.storage.database import metadata

publication_table = sa.Table(
    "publication",
    metadata,
    sa.Column("wave", sa.Text, sa.ForeignKey("wave.name"), primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("derived", sa.Text, nullable=False),
    sa.Column("entries", sa.Text, nullable=False),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)


@dataclass(frozen=True)
class Publication:
    """One release: its name, the variables that its plan derived, and its entries for the ledger, a line each."""

    name: str
    derived: str
    entries: str


def publications(connection: sa.Connection, wave: str) -> list[Publication]:
    """All that was published of a wave, by name."""
    columns = publication_table.c
    query = sa.select(columns.name, columns.derived, columns.entries).where(columns.wave == wave)
    return [Publication(*row) for row in connection.execute(query.order_by(columns.name))]


def publish(connection: sa.Connection, wave: str, publication: Publication) -> None:
    """Enter a release; one that is known by its name is entered once."""
    known = {each.name for each in publications(connection, wave)}
    if publication.name not in known:
        connection.execute(publication_table.insert(), {"wave": wave, **publication.__dict__})
