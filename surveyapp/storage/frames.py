"""The frame of a wave as it is stored, and how it changes: the people side, never an answer."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import sqlalchemy as sa

from surveyapp.fieldwork import DISPOSITIONS
from surveyapp.frames import Unit
from surveyapp.storage import people
from surveyapp.storage.letters import letter_table
from surveyapp.storage.people import draft_table, invitation_table, organisation_table

_ID = organisation_table.c.id
_HERE = organisation_table.c.id == sa.bindparam("here")
_AT_ONCE = 500

ISSUED, UNISSUED = "issued", "unissued"
"""What a removed organisation was: the base of the response rate must not shrink by a removal."""


@dataclass(frozen=True)
class Listed:
    """An organisation of a wave's frame: whether it was invited, has answered, and what was noted of it.

    `removal` is "issued" or "unissued" where it asked for its contact to be erased: what it was before that.
    """

    id: bytes
    unit: Unit = field(repr=False)
    invited: bool
    done: bool
    disposition: str
    removal: str = ""

    @property
    def removed(self) -> bool:
        """Whether it asked for its contact to be erased; no newer list brings that back."""
        known = self.unit.email or self.unit.contact
        before = not known and (self.done or (self.disposition == "refused" and not self.invited))
        return bool(self.removal) or before

    @property
    def issued(self) -> bool:
        """Drawn, with an address or with an access code that has gone out; a removal takes nothing back."""
        return self.unit.sampled and (bool(self.unit.email) or self.invited or self.removal == ISSUED)


_LISTED = (
    sa.select(organisation_table, invitation_table.c.state)
    .outerjoin(invitation_table, invitation_table.c.organisation == organisation_table.c.id)
    .order_by(organisation_table.c.unit)
)


def listed(connection: sa.Connection, wave: str) -> list[Listed]:
    """Every organisation of a wave, by unit."""
    return [_listed(row) for row in connection.execute(_LISTED.where(organisation_table.c.wave == wave))]


_CODE, _NOTED = invitation_table.c.state, organisation_table.c.disposition
_ASKABLE = (_CODE.is_(None), organisation_table.c.sampled == 1, _NOTED == "")

STATES: dict[str, tuple[sa.ColumnElement[bool], ...]] = {
    "not-yet-in": (_CODE == "open", _NOTED == ""),
    "answered": (_CODE == "done",),
    "to-invite": (*_ASKABLE, organisation_table.c.email != ""),
    "no-address": (*_ASKABLE, organisation_table.c.email == ""),
    **{
        noted: (organisation_table.c.disposition == noted, _CODE.is_distinct_from("done"))
        for noted in DISPOSITIONS
    },
    "not-drawn": (organisation_table.c.sampled == 0,),
}
"""What a list of organisations may be narrowed to. On which day somebody answered is not told here."""


def sought(
    connection: sa.Connection, wave: str, words: str, state: str, first: int, most: int
) -> tuple[int, list[Listed]]:
    """How many organisations have `words` in unit, name, contact or address and are in `state`; `most` of them.

    "" leaves either out; `state` is one of `STATES`. In the order of the frame, the `first` of all being 0.
    """
    here = [organisation_table.c.wave == wave, *STATES.get(state, ())]
    if words:
        columns = [organisation_table.c[name] for name in ("unit", "name", "contact", "email")]
        folded = [sa.func.lower(column).contains(words.lower(), autoescape=True) for column in columns]
        as_typed = [column.contains(words, autoescape=True) for column in columns]  # SQLite folds A to Z only
        here.append(sa.or_(*folded, *as_typed))
    joined = organisation_table.outerjoin(invitation_table, invitation_table.c.organisation == _ID)
    number = connection.scalar(sa.select(sa.func.count()).select_from(joined).where(*here)) or 0
    query = _LISTED.where(*here).offset(first).limit(most)
    return number, [_listed(row) for row in connection.execute(query)]


def organisation(connection: sa.Connection, wave: str, unit: str) -> Listed | None:
    """One organisation of a wave."""
    here = (organisation_table.c.wave == wave, organisation_table.c.unit == unit)
    row = connection.execute(_LISTED.where(*here)).one_or_none()
    return _listed(row) if row else None


def drawn(connection: sa.Connection, wave: str) -> int:
    """Organisations of a wave that were drawn into its sample; without a sample all."""
    query = sa.select(sa.func.count()).where(organisation_table.c.wave == wave, organisation_table.c.sampled == 1)
    return connection.scalar(query) or 0


_CHANGE = organisation_table.update().where(_HERE)


def change(connection: sa.Connection, units: Iterable[tuple[bytes, Unit]]) -> None:
    """Store new particulars of organisations."""
    rows = [
        {
            "here": id_,
            "name": unit.name,
            "email": unit.email,
            "contact": unit.contact,
            "language": unit.language,
            "strata": json.dumps(unit.strata, sort_keys=True, ensure_ascii=False),
        }
        for id_, unit in units
    ]
    if rows:
        connection.execute(_CHANGE, rows)


_REACHABLE = (
    organisation_table.update()
    .where(_HERE, organisation_table.c.disposition == "undeliverable")
    .values(disposition="", disposition_on=None)
)


def reachable(connection: sa.Connection, organisations: Sequence[bytes]) -> None:
    """Take back that nothing could be delivered: the address is another now."""
    if organisations:
        connection.execute(_REACHABLE, [{"here": id_} for id_ in organisations])


def drop(connection: sa.Connection, organisations: Sequence[bytes]) -> None:
    """Take organisations out that were never invited, with the letters that wait for them."""
    for start in range(0, len(organisations), _AT_ONCE):
        some = organisations[start : start + _AT_ONCE]
        connection.execute(letter_table.delete().where(letter_table.c.organisation.in_(some)))
        connection.execute(organisation_table.delete().where(organisation_table.c.id.in_(some)))


def erase(connection: sa.Connection, found: Listed) -> None:
    """Erase whom to write to and every letter; of one that has not answered also invitation and draft.

    That it has answered stays, and that it was issued: the bases of the response rates do not change. One that
    has not answered counts as refused, unless it is out of scope; on which day it asked is not kept.
    """
    connection.execute(letter_table.delete().where(letter_table.c.organisation == found.id))
    values: dict[str, object] = {"email": "", "contact": "", "removed": ISSUED if found.issued else UNISSUED}
    if not found.done:
        mine = invitation_table.c.organisation == found.id
        codes = sa.select(invitation_table.c.code_hash).where(mine)
        connection.execute(draft_table.delete().where(draft_table.c.code_hash.in_(codes)))
        connection.execute(invitation_table.delete().where(mine))
        kept = found.disposition if found.disposition == "out-of-scope" else "refused"
        values |= {"disposition": kept, "disposition_on": None}
    connection.execute(organisation_table.update().where(organisation_table.c.id == found.id).values(values))


def _listed(row: sa.Row[tuple[object, ...]]) -> Listed:
    values = row._asdict()
    unit = replace(people._unit(row), sampled=bool(values["sampled"]))
    state = values["state"]
    invited = state is not None
    return Listed(values["id"], unit, invited, state == "done", values["disposition"], values["removed"])
