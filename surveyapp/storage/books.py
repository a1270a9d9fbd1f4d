"""The counts by which it shows whether the two sides of the store agree. Counts alone: nobody is looked at.

This module may see both sides, for it adds up and joins no person to an answer.
"""

from dataclasses import dataclass

import sqlalchemy as sa

from surveyapp.storage.letters import letter_table
from surveyapp.storage.people import draft_table, invitation_table
from surveyapp.storage.responses import response_table, tray_table, verbatim_table
from surveyapp.storage.waves import wave_table


@dataclass(frozen=True)
class Account:
    """What a wave holds, counted.

    `done` are used invitations, `boxes` and `released` the answers, `words` open answers. `drafts` are all drafts,
    `outlived` those of organisations that have sent; `days` invitations with a day, `due` letters that wait.
    """

    wave: str
    closed: bool
    done: int
    boxes: int
    released: int
    words: int
    drafts: int
    outlived: int
    days: int
    due: int


def accounts(connection: sa.Connection) -> list[Account]:
    """The account of every wave, by name."""
    query = sa.select(wave_table.c.name, wave_table.c.state).order_by(wave_table.c.name)
    return [_account(connection, *row) for row in connection.execute(query)]


def _account(connection: sa.Connection, wave: str, state: str) -> Account:
    used = invitation_table.c.state == "done"
    return Account(
        wave=wave,
        closed=state == "closed",
        done=_count(connection, invitation_table, wave, used),
        boxes=_count(connection, tray_table, wave),
        released=_count(connection, response_table, wave),
        words=_count(connection, verbatim_table, wave),
        drafts=_drafts(connection, wave),
        outlived=_drafts(connection, wave, used),
        days=_count(connection, invitation_table, wave, invitation_table.c.completed_on.is_not(None)),
        due=_count(connection, letter_table, wave, letter_table.c.state == "due"),
    )


def _count(connection: sa.Connection, table: sa.Table, wave: str, *which: sa.ColumnElement[bool]) -> int:
    return (
        connection.scalar(sa.select(sa.func.count()).select_from(table).where(table.c.wave == wave, *which)) or 0
    )


def _drafts(connection: sa.Connection, wave: str, *which: sa.ColumnElement[bool]) -> int:
    of_wave = draft_table.join(invitation_table, draft_table.c.code_hash == invitation_table.c.code_hash)
    query = sa.select(sa.func.count()).select_from(of_wave).where(invitation_table.c.wave == wave, *which)
    return connection.scalar(query) or 0


def unsound(connection: sa.Connection) -> list[str]:
    """What SQLite finds wrong with its own file; nothing where another store looks after itself."""
    if connection.dialect.name != "sqlite":
        return []
    damage = [str(row[0]) for row in connection.exec_driver_sql("PRAGMA integrity_check") if row[0] != "ok"]
    astray = {str(row[0]) for row in connection.exec_driver_sql("PRAGMA foreign_key_check")}
    return [*damage, *(f"rows of {table} refer to nothing" for table in sorted(astray))]
