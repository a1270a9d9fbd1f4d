"""Which files of returns were loaded into an open wave, by a fingerprint that only the server's key can make.

A fingerprint is of a whole file, never of one return (`returning` says which files get one), and is erased when
the wave closes: after that nothing can be loaded. No day, no file's name and no number of returns goes with it.
"""

import sqlalchemy as sa

from surveyapp.storage.database import metadata

loading_table = sa.Table(
    "loading",
    metadata,
    sa.Column("wave", sa.Text, sa.ForeignKey("wave.name"), primary_key=True),
    sa.Column("print", sa.LargeBinary, primary_key=True),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)


def known(connection: sa.Connection, wave: str, fingerprint: bytes) -> bool:
    """Whether a file with this fingerprint was loaded into the wave."""
    here = (loading_table.c.wave == wave) & (loading_table.c.print == fingerprint)
    return connection.scalar(sa.select(sa.func.count()).select_from(loading_table).where(here)) == 1


def remember(connection: sa.Connection, wave: str, fingerprint: bytes) -> None:
    """Keep the fingerprint of a file; one that is known is kept once."""
    if not known(connection, wave, fingerprint):
        connection.execute(loading_table.insert(), {"wave": wave, "print": fingerprint})


def forget(connection: sa.Connection, wave: str) -> None:
    """Erase all fingerprints of a wave."""
    connection.execute(loading_table.delete().where(loading_table.c.wave == wave))
