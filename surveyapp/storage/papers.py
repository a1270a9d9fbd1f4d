"""What staff are working on: questionnaires and table plans not yet published, waves not yet opened."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from surveyapp.problems import SurveyError
from surveyapp.storage.database import Day, metadata


def _paper_table(name: str) -> sa.Table:
    return sa.Table(
        name,
        metadata,
        sa.Column("survey", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("document", sa.Text, nullable=False),
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("on", Day, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )


MANUSCRIPT = manuscript_table = _paper_table("manuscript")
PLAN = plan_table = _paper_table("table_plan")

preparation_table = sa.Table(
    "preparation",
    metadata,
    sa.Column("survey", sa.Text, primary_key=True),
    sa.Column("wave", sa.Text, primary_key=True),
    sa.Column("settings", sa.Text, nullable=False),
    sa.Column("who", sa.Text, nullable=False),
    sa.Column("on", Day, nullable=False),
    sa.Column("frame_name", sa.Text, nullable=False),
    sa.Column("frame", sa.LargeBinary, nullable=False),
    sa.Column("revision", sa.Integer, nullable=False),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

listing_table = sa.Table(
    "listing",
    metadata,
    sa.Column("survey", sa.Text, primary_key=True),
    sa.Column("wave", sa.Text, primary_key=True),
    sa.Column("counts", sa.Text, nullable=False),
    sa.Column("content", sa.LargeBinary, nullable=False),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)


class Overtaken(SurveyError):
    """Somebody else has changed a paper since it was read; nothing was saved."""


@dataclass(frozen=True)
class Paper:
    """A document in hand: whose last change it bears and of which day. `revision` counts the changes."""

    survey: str
    name: str
    document: str
    who: str
    on: str
    revision: int = 0


def papers(connection: sa.Connection, kind: sa.Table, survey: str) -> list[Paper]:
    """The papers of a kind (MANUSCRIPT, PLAN) in a survey, by name."""
    query = sa.select(kind).where(kind.c.survey == survey).order_by(kind.c.name)
    return [Paper(**row) for row in connection.execute(query).mappings()]


def paper(connection: sa.Connection, kind: sa.Table, survey: str, name: str) -> Paper | None:
    """One paper."""
    query = sa.select(kind).where(kind.c.survey == survey, kind.c.name == name)
    row = connection.execute(query).mappings().first()
    return Paper(**row) if row else None


def save(connection: sa.Connection, kind: sa.Table, new: Paper) -> Paper:
    """Save a paper that was read at `new.revision` (0 is a new one). Raises `Overtaken`."""
    known = paper(connection, kind, new.survey, new.name)
    _check(known.revision if known else 0, new.revision, new.name, known.who if known else "")
    saved = Paper(**{**new.__dict__, "revision": new.revision + 1})
    drop(connection, kind, new.survey, new.name)
    connection.execute(kind.insert(), saved.__dict__)
    return saved


def drop(connection: sa.Connection, kind: sa.Table, survey: str, name: str) -> None:
    """Throw a paper away."""
    connection.execute(kind.delete().where(kind.c.survey == survey, kind.c.name == name))


@dataclass(frozen=True)
class Preparation:
    """A wave that is being prepared: its settings so far, and the file of its frame, which names people.

    `listing` is what was understood of the file, b"" until it is read, and `counts` what is in it, None if it is
    faulty. They are no part of a revision: a job reads the file while people go on with other steps.
    """

    survey: str
    wave: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    who: str = ""
    on: str = ""
    frame_name: str = ""
    frame: bytes = field(default=b"", repr=False)
    revision: int = 0
    counts: Mapping[str, Any] | None = None
    listing: bytes = field(default=b"", repr=False)


def preparations(connection: sa.Connection, survey: str) -> list[Preparation]:
    """The waves of a survey that are being prepared, by name."""
    table = preparation_table.c
    rows = connection.execute(_PREPARATIONS.where(table.survey == survey).order_by(table.wave))
    return [_read(row) for row in rows.mappings()]


def preparation(connection: sa.Connection, survey: str, wave: str) -> Preparation | None:
    """One wave that is being prepared."""
    table = preparation_table.c
    query = _PREPARATIONS.where(table.survey == survey, table.wave == wave)
    row = connection.execute(query).mappings().first()
    return _read(row) if row else None


_PREPARATIONS = sa.select(
    preparation_table, listing_table.c.counts, listing_table.c.content.label("listing")
).outerjoin(
    listing_table,
    (listing_table.c.survey == preparation_table.c.survey) & (listing_table.c.wave == preparation_table.c.wave),
)


def preparation_of(connection: sa.Connection, wave: str) -> bool:
    """Whether a wave of this name is being prepared, in whatever survey."""
    query = sa.select(preparation_table.c.wave).where(preparation_table.c.wave == wave)
    return connection.scalar(query.limit(1)) is not None


def save_preparation(connection: sa.Connection, new: Preparation) -> Preparation:
    """Save what was read at `new.revision` (0 is a new one), but for what was understood. Raises `Overtaken`."""
    known = preparation(connection, new.survey, new.wave)
    _check(known.revision if known else 0, new.revision, new.wave, known.who if known else "")
    saved = Preparation(**{**new.__dict__, "revision": new.revision + 1})
    table = preparation_table.c
    connection.execute(preparation_table.delete().where(table.survey == new.survey, table.wave == new.wave))
    row = {name: value for name, value in saved.__dict__.items() if name in table}
    connection.execute(preparation_table.insert(), {**row, "settings": json.dumps(dict(saved.settings))})
    return saved


def keep_listing(
    connection: sa.Connection, survey: str, wave: str, counts: Mapping[str, Any] | None, content: bytes
) -> None:
    """Keep what was understood of the file of a preparation, in place of what was there."""
    drop_listing(connection, survey, wave)
    row = {"survey": survey, "wave": wave, "counts": json.dumps(counts), "content": content}
    connection.execute(listing_table.insert(), row)


def drop_listing(connection: sa.Connection, survey: str, wave: str) -> None:
    """Forget what was understood of the file of a preparation."""
    table = listing_table.c
    connection.execute(listing_table.delete().where(table.survey == survey, table.wave == wave))


def drop_preparation(connection: sa.Connection, survey: str, wave: str) -> None:
    """Throw a preparation away, and its frame with it."""
    table = preparation_table.c
    connection.execute(preparation_table.delete().where(table.survey == survey, table.wave == wave))
    drop_listing(connection, survey, wave)


def drop_old_preparations(connection: sa.Connection, before: str) -> int:
    """Throw away the preparations that nobody has changed since a day; how many there were."""
    table = preparation_table.c
    old = connection.execute(sa.select(table.survey, table.wave).where(table.on < before)).all()
    for survey, wave in old:
        drop_preparation(connection, survey, wave)
    return len(old)


def _read(row: sa.RowMapping) -> Preparation:
    counts = json.loads(row["counts"] or "null")
    read = {"settings": json.loads(row["settings"]), "counts": counts, "listing": row["listing"] or b""}
    return Preparation(**{**row, **read})


def _check(stored: int, read: int, name: str, who: str) -> None:
    if stored != read:
        by = f" by {who}" if who else ""
        raise Overtaken(f"{name} has been changed{by} since you opened it; open it again and repeat your change")
