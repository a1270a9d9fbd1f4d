"""What staff did: a line an act, appended and never altered. Nothing about a respondent, ever.

The database refuses to change a line, and each carries a hash over itself and the one before: who alters a copy of
the file with other tools breaks the chain.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass

import sqlalchemy as sa

from surveyapp.storage.database import metadata

act_table = sa.Table(
    "act",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    *(sa.Column(name, sa.Text, nullable=False) for name in ("at", "who", "survey", "what", "object", "said")),
    sa.Column("chain", sa.LargeBinary, nullable=False),
    sqlite_strict=True,
)


@dataclass(frozen=True)
class Act:
    """One act: `at` is a time of UTC to the second, `who` the address of an account, `what` a name of
    `staffing.ACTS`, `object` what it was done to (a wave, a version, an account), `said` what else matters.
    """

    at: str
    who: str
    survey: str
    what: str
    object: str = ""
    said: str = ""


def append(connection: sa.Connection, act: Act) -> None:
    """Add a line, in a transaction that nobody else writes in."""
    number, before = last(connection)
    values = {"number": number + 1, "chain": _link(before, number + 1, act), **asdict(act)}
    connection.execute(act_table.insert(), values)


def has(connection: sa.Connection, act: Act) -> bool:
    """Whether there is a line like this one of the same day of UTC, whatever else it says."""
    table = act_table.c
    same = [getattr(table, name) == getattr(act, name) for name in ("who", "survey", "what", "object")]
    query = sa.select(table.number).where(table.at >= act.at[:10], table.at < f"{act.at[:10]}U", *same)
    return connection.scalar(query.order_by(table.number.desc()).limit(1)) is not None


@dataclass(frozen=True)
class Sought:
    """Which lines are wanted: of one survey, by one person, of one kind, from a day to a day, before a number.

    What is left at None, "" or 0 is no condition; the survey "" are the acts that belong to none.
    """

    survey: str | None = None
    who: str = ""
    what: str = ""
    since: str = ""
    until: str = ""
    before: int = 0


def acts(connection: sa.Connection, sought: Sought, most: int | None = None) -> list[tuple[int, Act]]:
    """Lines with their numbers, the newest first, so many at most."""
    query = sa.select(act_table).where(*_conditions(sought)).order_by(act_table.c.number.desc()).limit(most)
    return [_read(row) for row in connection.execute(query)]


def sealed(connection: sa.Connection, sought: Sought) -> list[dict[str, object]]:
    """The same lines as values by column, each with its hash."""
    query = sa.select(act_table).where(*_conditions(sought)).order_by(act_table.c.number.desc())
    rows = connection.execute(query).mappings()
    return [{name: row[name] for name in row if name != "chain"} | {"hash": row["chain"].hex()} for row in rows]


def _conditions(sought: Sought) -> Iterator[sa.ColumnElement[bool]]:
    table = act_table.c
    if sought.survey is not None:
        yield table.survey == sought.survey
    if sought.who:
        yield table.who == sought.who
    if sought.what:
        yield table.what == sought.what
    if sought.since:
        yield table.at >= sought.since
    if sought.until:
        yield table.at <= f"{sought.until}T23:59:59Z"
    if sought.before:
        yield table.number < sought.before


def people(connection: sa.Connection, survey: str | None = None) -> list[str]:
    """Who stands in the trail, of one survey or of all."""
    conditions = list(_conditions(Sought(survey)))
    return list(connection.scalars(sa.select(act_table.c.who).where(*conditions).distinct().order_by("who")))


def newest(connection: sa.Connection, **said: str) -> str:
    """The latest time of all lines in which these columns hold this; "" if there is none."""
    wanted = (act_table.c[name] == value for name, value in said.items())
    return connection.scalar(sa.select(sa.func.max(act_table.c.at)).where(*wanted)) or ""


def last(connection: sa.Connection) -> tuple[int, bytes]:
    """The number of the last line and its hash, which stands for all before it; 0 and nothing if there is none."""
    query = sa.select(act_table.c.number, act_table.c.chain).order_by(act_table.c.number.desc()).limit(1)
    row = connection.execute(query).first()
    return (row.number, row.chain) if row else (0, b"")


def broken(connection: sa.Connection) -> int | None:
    """The number of the first line that does not follow from those before it; None if the chain holds."""
    before, expected = b"", 1
    for row in connection.execute(sa.select(act_table).order_by(act_table.c.number)):
        number, act = _read(row)
        if number != expected or row.chain != _link(before, number, act):
            return expected
        before, expected = row.chain, expected + 1
    return None


def _read(row: sa.Row[tuple[object, ...]]) -> tuple[int, Act]:
    return row.number, Act(row.at, row.who, row.survey, row.what, row.object, row.said)


def _link(before: bytes, number: int, act: Act) -> bytes:
    return hashlib.sha256(b"\n".join([before.hex().encode(), *_fields(number, act)])).digest()


def _fields(number: int, act: Act) -> Iterator[bytes]:
    yield str(number).encode()
    for value in asdict(act).values():
        yield json.dumps(value).encode()
