"""The people side: organisations, their invitations, their unfinished drafts. Never an answer in the clear.

This module and `responses` must not know each other; `submission` alone sees both.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import sqlalchemy as sa

from surveyapp.fieldwork import Unit
from surveyapp.storage.database import NOTHING, Day, metadata
from surveyapp.storage.prepared import Prepared

organisation_table = sa.Table(
    "organisation",
    metadata,
    sa.Column("id", sa.LargeBinary, primary_key=True),
    sa.Column("wave", sa.Text, sa.ForeignKey("wave.name"), nullable=False),
    sa.Column("unit", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("email", sa.Text, nullable=False),
    sa.Column("contact", sa.Text, nullable=False),
    sa.Column("language", sa.Text, nullable=False),
    sa.Column("strata", sa.Text, nullable=False),
    sa.Column("sampled", sa.Integer, nullable=False, server_default=sa.text("1")),
    sa.Column("disposition", sa.Text, nullable=False, server_default=NOTHING),
    sa.Column("disposition_on", Day),
    sa.Column("removed", sa.Text, nullable=False, server_default=NOTHING),
    sa.UniqueConstraint("wave", "unit"),
    sqlite_strict=True,
)

invitation_table = sa.Table(
    "invitation",
    metadata,
    sa.Column("code_hash", sa.LargeBinary, primary_key=True),
    sa.Column("wave", sa.Text, sa.ForeignKey("wave.name"), nullable=False),
    sa.Column("organisation", sa.LargeBinary, sa.ForeignKey("organisation.id"), unique=True),
    sa.Column("salt", sa.LargeBinary, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("completed_on", Day),
    sa.CheckConstraint("state IN ('open', 'done')", name="invitation_state"),
    sqlite_strict=True,
)

draft_table = sa.Table(
    "draft",
    metadata,
    sa.Column("code_hash", sa.LargeBinary, sa.ForeignKey("invitation.code_hash"), primary_key=True),
    sa.Column("box", sa.LargeBinary, nullable=False),
    sa.Column("touched_on", Day, nullable=False),
    sqlite_strict=True,
)


@dataclass(frozen=True)
class Invitation:
    """One way in: the wave it is for, what its draft key is derived with, and whether it has been used.

    Unit, name, strata and language are the organisation's, empty in a wave open to anyone.
    """

    code_hash: bytes
    wave: str
    salt: bytes
    state: str
    unit: str = ""
    name: str = field(default="", repr=False)
    strata: dict[str, str] = field(default_factory=dict)
    language: str = ""


def add_units(connection: sa.Connection, wave: str, units: Iterable[tuple[bytes, Unit]]) -> None:
    """Store the organisations of a wave, each under a random id."""
    rows = (
        {
            "id": id_,
            "wave": wave,
            "unit": unit.unit,
            "name": unit.name,
            "email": unit.email,
            "contact": unit.contact,
            "language": unit.language,
            "strata": json.dumps(unit.strata, sort_keys=True, ensure_ascii=False),
            "sampled": int(unit.sampled),
        }
        for id_, unit in units
    )
    _add(connection, organisation_table, rows)


def uninvited(connection: sa.Connection, wave: str) -> list[tuple[bytes, Unit]]:
    """Organisations that were drawn and have an e-mail address and no invitation yet, by unit."""
    query = (
        sa.select(organisation_table)
        .outerjoin(invitation_table, invitation_table.c.organisation == organisation_table.c.id)
        .where(organisation_table.c.wave == wave, invitation_table.c.code_hash.is_(None))
        .where(organisation_table.c.email != "", organisation_table.c.sampled == 1)
        .order_by(organisation_table.c.unit)
    )
    return [(row.id, _unit(row)) for row in connection.execute(query)]


def add_invitations(
    connection: sa.Connection, wave: str, entries: Iterable[tuple[bytes, bytes | None, bytes]]
) -> None:
    """Store invitations: hash of the code, organisation (None in an open wave), salt of the draft."""
    rows = (
        {"code_hash": code, "wave": wave, "organisation": organisation, "salt": salt, "state": "open"}
        for code, organisation, salt in entries
    )
    _add(connection, invitation_table, rows)


_AT_ONCE = 500


def _add(connection: sa.Connection, table: sa.Table, rows: Iterable[dict[str, Any]]) -> None:
    """Store rows, some at a time: 100,000 together would be looked through for garbage while they are there."""
    waiting = iter(rows)
    while some := list(islice(waiting, _AT_ONCE)):
        connection.execute(table.insert(), some)


INVITATION = (
    invitation_table.c.wave,
    invitation_table.c.salt,
    invitation_table.c.state,
    organisation_table.c.unit,
    organisation_table.c.name,
    organisation_table.c.strata,
    organisation_table.c.language,
)
"""The columns that `invitation_in` takes."""

_INVITATION = Prepared(
    sa.select(*INVITATION)
    .outerjoin(organisation_table, invitation_table.c.organisation == organisation_table.c.id)
    .where(invitation_table.c.code_hash == sa.bindparam("code_hash"))
)


def invitation(connection: sa.Connection, code_hash: bytes) -> Invitation | None:
    """The invitation with this code, if there is one."""
    row = _INVITATION.row(connection, code_hash=code_hash)
    return None if row is None else invitation_in(code_hash, row)


def invitation_in(code_hash: bytes, row: Sequence[Any]) -> Invitation:
    """The invitation that a row of `INVITATION` holds."""
    wave, salt, state, unit, name, strata, language = row
    return Invitation(
        code_hash, wave, salt, state, unit or "", name or "", json.loads(strata or "{}"), language or ""
    )


def names(connection: sa.Connection, wave: str) -> list[tuple[str, str]]:
    """Unit and name of every organisation in a wave's frame, by unit."""
    query = sa.select(organisation_table.c.unit, organisation_table.c.name).order_by(organisation_table.c.unit)
    return [(row.unit, row.name) for row in connection.execute(query.where(organisation_table.c.wave == wave))]


def completions(connection: sa.Connection, wave: str) -> dict[str, int]:
    """Invitations by state."""
    query = (
        sa.select(invitation_table.c.state, sa.func.count())
        .where(invitation_table.c.wave == wave)
        .group_by(invitation_table.c.state)
    )
    return {row[0]: row[1] for row in connection.execute(query)}


_DRAFT = Prepared(sa.select(draft_table.c.box).where(draft_table.c.code_hash == sa.bindparam("code_hash")))


def draft(connection: sa.Connection, code_hash: bytes) -> bytes | None:
    """The sealed draft under this code, if there is one."""
    found = _DRAFT.row(connection, code_hash=code_hash)
    return found[0] if found else None


_DRAFT_VALUES: dict[str, Any] = {"box": sa.bindparam("sealed"), "touched_on": sa.bindparam("today")}
_KEEP_DRAFT = Prepared(
    draft_table.update().where(draft_table.c.code_hash == sa.bindparam("code")).values(_DRAFT_VALUES)
)
_NEW_DRAFT = Prepared(draft_table.insert().values(code_hash=sa.bindparam("code"), **_DRAFT_VALUES))


def keep_draft(connection: sa.Connection, code_hash: bytes, box: bytes, today: str) -> None:
    """Store a draft in place of the one before."""
    if not _KEEP_DRAFT.run(connection, code=code_hash, sealed=box, today=today).rowcount:
        _NEW_DRAFT.run(connection, code=code_hash, sealed=box, today=today)


def drop_drafts(connection: sa.Connection, wave: str) -> int:
    """Erase the unfinished drafts of a wave; how many there were."""
    of_wave = sa.select(invitation_table.c.code_hash).where(invitation_table.c.wave == wave)
    return connection.execute(draft_table.delete().where(draft_table.c.code_hash.in_(of_wave))).rowcount


def forget_days(connection: sa.Connection, wave: str) -> None:
    """Keep of a wave's finished invitations that they are done, not on which day."""
    connection.execute(invitation_table.update().where(invitation_table.c.wave == wave).values(completed_on=None))


def _unit(row: sa.Row[tuple[object, ...]]) -> Unit:
    values = row._mapping
    strata = json.loads(values["strata"])
    fields = {name: values[name] for name in ("unit", "name", "email", "contact", "language")}
    return Unit(**fields, strata=strata)
