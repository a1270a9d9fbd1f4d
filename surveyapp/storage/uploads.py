"""Files that staff have handed in and that wait: to be read, and then to be confirmed by whoever handed them in.

A row names its wave and a day. The file with its name, and what was found in it, are sealed under a key of the
server: any node can read them, and nobody with a copy of the store. A file is erased by the transaction that takes
it in, or as soon as it is refused.
"""

from dataclasses import dataclass, field

import sqlalchemy as sa

from surveyapp.storage.database import Day, metadata

upload_table = sa.Table(
    "upload",
    metadata,
    sa.Column("id", sa.LargeBinary, primary_key=True),
    sa.Column("wave", sa.Text, sa.ForeignKey("wave.name"), nullable=False),
    sa.Column("box", sa.LargeBinary, nullable=False),
    sa.Column("found", sa.LargeBinary, nullable=False),
    sa.Column("day", Day, nullable=False),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)


@dataclass(frozen=True)
class Upload:
    """One upload: `found` is what was found in it, b"" until it is read."""

    id: bytes
    wave: str
    found: bytes = field(repr=False)


def add(connection: sa.Connection, id_: bytes, wave: str, box: bytes, day: str) -> None:
    """Keep a file that was handed in."""
    connection.execute(upload_table.insert(), {"id": id_, "wave": wave, "box": box, "found": b"", "day": day})


def upload(connection: sa.Connection, id_: bytes) -> Upload | None:
    """The upload with an id, without its file."""
    table = upload_table.c
    row = connection.execute(sa.select(table.id, table.wave, table.found).where(table.id == id_)).first()
    return Upload(*row) if row else None


def of_wave(connection: sa.Connection, wave: str) -> list[Upload]:
    """The uploads of a wave, without their files, by day."""
    table = upload_table.c
    query = sa.select(table.id, table.wave, table.found).where(table.wave == wave)
    return [Upload(*row) for row in connection.execute(query.order_by(table.day.desc(), table.id))]


def box(connection: sa.Connection, id_: bytes) -> bytes:
    """The sealed file of an upload; b"" if it is erased."""
    found: bytes | None = connection.scalar(sa.select(upload_table.c.box).where(upload_table.c.id == id_))
    return found or b""


def note(connection: sa.Connection, id_: bytes, found: bytes, keep: bool) -> bool:
    """Note what was found, and erase the file unless it is to be kept; False if the upload is there no more."""
    here = upload_table.c.id == id_
    if keep:
        return connection.execute(upload_table.update().where(here).values(found=found)).rowcount == 1
    row = connection.execute(sa.select(upload_table.c.wave, upload_table.c.day).where(here)).first()
    if row is None:
        return False
    drop(connection, id_)
    values = {"id": id_, "wave": row.wave, "box": b"", "found": found, "day": row.day}
    connection.execute(upload_table.insert(), values)
    return True


def drop(connection: sa.Connection, id_: bytes) -> None:
    """Erase an upload."""
    connection.execute(upload_table.delete().where(upload_table.c.id == id_))
    _let_go(connection)


def forget(connection: sa.Connection, wave: str) -> None:
    """Erase every upload of a wave."""
    connection.execute(upload_table.delete().where(upload_table.c.wave == wave))
    _let_go(connection)


def drop_old(connection: sa.Connection, before: str) -> int:
    """Erase the uploads of days before a day; how many there were."""
    count = connection.execute(upload_table.delete().where(upload_table.c.day < before)).rowcount
    if count:
        _let_go(connection)
    return count


def drop_all(connection: sa.Connection) -> int:
    """Erase every upload; how many there were."""
    return connection.execute(upload_table.delete()).rowcount


def _let_go(connection: sa.Connection) -> None:
    """A server keeps erased rows until it writes a table anew; of an empty one it lets the whole file go."""
    if connection.dialect.name == "sqlite":
        return
    if connection.execute(sa.select(upload_table.c.id).limit(1)).first() is None:
        connection.execute(sa.text("TRUNCATE upload"))
