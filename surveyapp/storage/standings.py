"""How far each organisation of a wave has come: read from the people side, never written, never an answer."""

import json
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from surveyapp.rates import Standing
from surveyapp.storage.frames import ISSUED
from surveyapp.storage.people import draft_table, invitation_table, organisation_table

_AWAY = {"undeliverable", "out-of-scope"}
_TALLIED = (organisation_table.c.disposition, invitation_table.c.state)

_STANDINGS = (
    sa.select(
        organisation_table.c.strata,
        organisation_table.c.sampled,
        ((organisation_table.c.email != "") | (organisation_table.c.removed == ISSUED)).label("address"),
        organisation_table.c.disposition,
        invitation_table.c.state,
        invitation_table.c.completed_on,
        draft_table.c.code_hash.is_not(None).label("draft"),
    )
    .outerjoin(invitation_table, invitation_table.c.organisation == organisation_table.c.id)
    .outerjoin(draft_table, draft_table.c.code_hash == invitation_table.c.code_hash)
    .where(organisation_table.c.wave == sa.bindparam("wave"))
)


def standings(connection: sa.Connection, wave: str) -> list[Standing]:
    """Every organisation in a wave's frame, without its name and in no order."""
    read: dict[str, dict[str, str]] = {}
    known: dict[tuple[object, ...], Standing] = {}  # of many organisations few stand differently

    def standing(row: tuple[Any, ...]) -> Standing:
        strata, sampled, address, disposition, state, day, draft = row
        if strata not in read:
            read[strata] = json.loads(strata)
        own = (bool(sampled), bool(address), state is not None, bool(draft), state == "done", disposition, day)
        return known.setdefault(row, Standing(read[strata], *own))

    rows = [tuple(row) for row in connection.execute(_STANDINGS, {"wave": wave}).all()]
    return [known.get(row) or standing(row) for row in rows]


_STRATA = (
    sa.select(organisation_table.c.strata).distinct().where(organisation_table.c.wave == sa.bindparam("wave"))
)


def strata_values(connection: sa.Connection, wave: str) -> dict[str, set[str]]:
    """The strata of a wave's frame, each with its values."""
    found: dict[str, set[str]] = {}
    for text in connection.scalars(_STRATA, {"wave": wave}):
        for name, value in json.loads(text).items():
            found.setdefault(name, set()).add(value)
    return found


@dataclass(frozen=True)
class Tally:
    """How many were given a code and have answered, and how many can have: the largest that `done` can be."""

    invited: int
    done: int
    room: int


_TALLY = (
    sa.select(
        organisation_table.c.sampled,
        ((organisation_table.c.email != "") | (organisation_table.c.removed == ISSUED)).label("address"),
        organisation_table.c.disposition,
        invitation_table.c.state,
        sa.func.count(),
    )
    .outerjoin(invitation_table, invitation_table.c.organisation == organisation_table.c.id)
    .where(organisation_table.c.wave == sa.bindparam("wave"))
    .group_by(organisation_table.c.sampled, sa.text("address"), *_TALLIED)
)


def tally(connection: sa.Connection, wave: str) -> Tally:
    """A listed wave in three numbers, counted by the store: for a list of many waves."""
    invited = done = room = 0
    for sampled, address, disposition, state, number in connection.execute(_TALLY, {"wave": wave}):
        one = Standing(
            {}, bool(sampled), bool(address), state is not None, done=state == "done", disposition=disposition
        )
        invited += number if one.invited else 0
        done += number if one.done else 0
        room += number if one.done or (one.issued and disposition not in _AWAY) else 0
    return Tally(invited, done, room)
