"""Sittings at paper returns: what is keyed and not yet sealed into the tray, for the keyer's browser alone.

A row names its wave and a day. Who keys and whose returns they are stands in the box, which opens with a secret
that lies in a cookie and nowhere else.
"""

import sqlalchemy as sa

from surveyapp.storage.database import Day, metadata
from surveyapp.storage.papers import Overtaken

sitting_table = sa.Table(
    "sitting",
    metadata,
    sa.Column("key", sa.LargeBinary, primary_key=True),
    sa.Column("wave", sa.Text, sa.ForeignKey("wave.name"), nullable=False),
    sa.Column("box", sa.LargeBinary, nullable=False),
    sa.Column("day", Day, nullable=False),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)


def box(connection: sa.Connection, key: bytes) -> bytes | None:
    """The box of a sitting."""
    found: bytes | None = connection.scalar(sa.select(sitting_table.c.box).where(sitting_table.c.key == key))
    return found


def begin(connection: sa.Connection, key: bytes, wave: str, box: bytes, day: str) -> None:
    """Keep a new sitting."""
    connection.execute(sitting_table.insert(), {"key": key, "wave": wave, "box": box, "day": day})


def keep(connection: sa.Connection, key: bytes, before: bytes, box: bytes, day: str) -> None:
    """Put a box in place of the one that was read. Raises `Overtaken` if that is not there any more."""
    table = sitting_table.c
    changed = sitting_table.update().where(table.key == key, table.box == before).values(box=box, day=day)
    if connection.execute(changed).rowcount != 1:
        raise Overtaken("this sitting has gone on in another window, or has ended; nothing was changed now")


def drop(connection: sa.Connection, key: bytes) -> None:
    """Erase a sitting."""
    connection.execute(sitting_table.delete().where(sitting_table.c.key == key))


def forget(connection: sa.Connection, wave: str) -> None:
    """Erase every sitting of a wave."""
    connection.execute(sitting_table.delete().where(sitting_table.c.wave == wave))


def drop_old(connection: sa.Connection, before: str) -> int:
    """Erase the sittings that nobody has touched since a day; how many there were."""
    return connection.execute(sitting_table.delete().where(sitting_table.c.day < before)).rowcount
