"""What lies before a respondent, read by one statement: a page asks for all of it, and each has its price.

On PostgreSQL a statement is a way there and back. The text of a questionnaire, longer than all the rest, is read
where this process has not read and verified it before; it is known again by its hash.
"""

from dataclasses import dataclass, field

import sqlalchemy as sa

from surveyapp.instrument import Instrument
from surveyapp.storage import people, waves
from surveyapp.storage.people import Invitation, draft_table, invitation_table, organisation_table
from surveyapp.storage.prepared import Prepared
from surveyapp.storage.waves import Wave, version_table, wave_table


@dataclass(frozen=True)
class Laid:
    """The wave and its questionnaire; the invitation and the sealed draft under a code, if there are such."""

    wave: Wave
    instrument: Instrument
    invitation: Invitation | None = field(repr=False)
    draft: bytes | None = field(repr=False)


_CODE = sa.bindparam("code_hash", type_=sa.LargeBinary)
_OF_WAVE = (version_table.c.survey == wave_table.c.survey) & (version_table.c.version == wave_table.c.version)
_LAID = Prepared(
    sa.select(draft_table.c.box, version_table.c.hash, *people.INVITATION, *wave_table.c)
    .select_from(
        wave_table.outerjoin(version_table, _OF_WAVE)
        .outerjoin(invitation_table, invitation_table.c.code_hash == _CODE)
        .outerjoin(organisation_table, invitation_table.c.organisation == organisation_table.c.id)
        .outerjoin(draft_table, draft_table.c.code_hash == _CODE)
    )
    .where(wave_table.c.name == sa.bindparam("wave"))
)


def laid(connection: sa.Connection, wave: str, code_hash: bytes) -> Laid:
    """What lies there for a code in a wave. Raises `NotFound`, and `SurveyError` for an altered questionnaire."""
    row = _LAID.row(connection, code_hash=code_hash, wave=wave)
    if row is None:
        waves.wave_named(connection, wave)  # which names those that there are
        raise LookupError(wave)
    draft, digest, *rest = row
    of_code, of_wave = tuple(rest[: len(people.INVITATION)]), tuple(rest[len(people.INVITATION) :])
    found = waves.wave_in(of_wave)
    instrument = waves.verified(digest) or waves.published(connection, found.survey, found.version)
    invitation = people.invitation_in(code_hash, of_code) if of_code[0] is not None else None
    return Laid(found, instrument, invitation, draft)
