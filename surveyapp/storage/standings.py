"""How far each organisation of a wave has come: read from the people side, never written, never an answer."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from surveyapp.rates import Standing
from surveyapp.storage.frames import ISSUED
from surveyapp.storage.people import draft_table, invitation_table, organisation_table

_AWAY = {"undeliverable", "out-of-scope"}
_ADDRESS = ((organisation_table.c.email != "") | (organisation_table.c.removed == ISSUED)).label("address")
_DRAFT = draft_table.c.code_hash.is_not(None).label("begun")
_TALLIED = (organisation_table.c.disposition, invitation_table.c.state)

_STANDINGS = (
    sa.select(
        organisation_table.c.strata,
        organisation_table.c.sampled,
        _ADDRESS,
        *_TALLIED,
        invitation_table.c.completed_on,
        _DRAFT,
        sa.func.count(),
    )
    .outerjoin(invitation_table, invitation_table.c.organisation == organisation_table.c.id)
    .outerjoin(draft_table, draft_table.c.code_hash == invitation_table.c.code_hash)
    .where(organisation_table.c.wave == sa.bindparam("wave"))
    .group_by(
        organisation_table.c.strata,
        organisation_table.c.sampled,
        sa.text("address"),
        *_TALLIED,
        invitation_table.c.completed_on,
        sa.text("begun"),
    )
)


def standings(connection: sa.Connection, wave: str) -> list[Standing]:
    """How many organisations in a wave's frame stand alike, and how: counted by the store, in no order."""
    read: dict[str, dict[str, str]] = {}

    def standing(row: tuple[Any, ...]) -> Standing:
        strata, sampled, address, disposition, state, day, draft, number = row
        if strata not in read:
            read[strata] = json.loads(strata)
        own = (bool(sampled), bool(address), state is not None, bool(draft), state == "done", disposition, day)
        return Standing(read[strata], *own, number)

    return [standing(tuple(row)) for row in connection.execute(_STANDINGS, {"wave": wave})]


@dataclass(frozen=True)
class Tally:
    """How many were given a code and have answered, and how many can have: the largest that `done` can be."""

    invited: int
    done: int
    room: int


_TALLY = (
    sa.select(organisation_table.c.sampled, _ADDRESS, *_TALLIED, sa.func.count())
    .outerjoin(invitation_table, invitation_table.c.organisation == organisation_table.c.id)
    .where(organisation_table.c.wave == sa.bindparam("wave"))
    .group_by(organisation_table.c.sampled, sa.text("address"), *_TALLIED)
)


def tally(connection: sa.Connection, wave: str) -> Tally:
    """A listed wave in three numbers, counted by the store: for a list of many waves."""
    return tallied(
        Standing({}, bool(sampled), bool(address), state is not None, False, state == "done", disposition, None, n)
        for sampled, address, disposition, state, n in connection.execute(_TALLY, {"wave": wave})
    )


def tallied(frame: Iterable[Standing]) -> Tally:
    """The three numbers of a frame."""
    invited = done = room = 0
    for one in frame:
        invited += one.number if one.invited else 0
        done += one.number if one.done else 0
        room += one.number if one.done or (one.issued and one.disposition not in _AWAY) else 0
    return Tally(invited, done, room)
