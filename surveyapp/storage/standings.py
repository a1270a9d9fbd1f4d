"""How far each organisation of a wave has come: read from the people side, never written, never an answer."""

import json

import sqlalchemy as sa

from surveyapp.rates import Standing
from surveyapp.storage.frames import ISSUED
from surveyapp.storage.people import draft_table, invitation_table, organisation_table

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
    return [
        Standing(
            strata=json.loads(row.strata),
            sampled=bool(row.sampled),
            address=bool(row.address),
            invited=row.state is not None,
            draft=bool(row.draft),
            done=row.state == "done",
            disposition=row.disposition,
            done_on=row.completed_on,
        )
        for row in connection.execute(_STANDINGS, {"wave": wave})
    ]
