"""The one place that sees both sides: an invitation is used up and a sealed box appears, together."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa

from surveyapp import fieldwork, privacy
from surveyapp.instrument import Instrument, Route, submitted
from surveyapp.problems import AlreadyReceived
from surveyapp.storage.people import draft_table, invitation_table, organisation_table
from surveyapp.storage.prepared import Prepared
from surveyapp.storage.responses import tray_table
from surveyapp.storage.waves import Wave

_USE_UP = Prepared(
    invitation_table.update()
    .where(
        invitation_table.c.code_hash == sa.bindparam("code"),
        invitation_table.c.state == sa.literal_column("'open'"),
    )
    .values(state=sa.literal_column("'done'"), completed_on=sa.bindparam("today"))
)
_FORGET_DRAFT = Prepared(draft_table.delete().where(draft_table.c.code_hash == sa.bindparam("code")))
_INTO_TRAY = Prepared(
    tray_table.insert().values(id=sa.bindparam("new"), wave=sa.bindparam("of"), box=sa.bindparam("sealed"))
)


@dataclass(frozen=True)
class Door:
    """An organisation that may answer, with the code hash of its invitation, if it has one, and whether it did.

    `disposition` is what was noted of it, such as "refused"; "" if nothing was.
    """

    organisation: bytes
    unit: str
    code_hash: bytes | None
    done: bool
    sampled: bool
    strata: dict[str, str] = field(default_factory=dict)
    name: str = field(default="", repr=False)
    disposition: str = ""


def sealed(wave: Wave, instrument: Instrument, way: Route, strata: Mapping[str, str]) -> bytes:
    """The box with the answers on a route: beside them only the version and the carried stratum cell."""
    content = {
        "version": instrument.version,
        "cell": fieldwork.cell(strata, wave.carry),
        "answers": submitted(instrument, way),
    }
    encoded = json.dumps(content, separators=(",", ":"), ensure_ascii=False).encode()
    return privacy.seal(wave.public_key, encoded, wave.box_size, wave.seal_info)


def record(connection: sa.Connection, code_hash: bytes, wave: str, box_id: bytes, box: bytes, today: str) -> None:
    """Mark the invitation done (day only), put the box into the tray, forget the draft: inside one transaction.

    The two rows share nothing but the wave. Raises `AlreadyReceived` if the invitation was used before, so that
    clicks, retries and colleagues cannot make a second box.
    """
    _use_up(connection, code_hash, today)
    _INTO_TRAY.run(connection, new=box_id, of=wave, sealed=box)
    _FORGET_DRAFT.run(connection, code=code_hash)


def doors(connection: sa.Connection, wave: str) -> list[Door]:
    """Every organisation of a wave's frame, by unit."""
    query = (
        sa.select(organisation_table, invitation_table.c.code_hash, invitation_table.c.state)
        .outerjoin(invitation_table, invitation_table.c.organisation == organisation_table.c.id)
        .where(organisation_table.c.wave == wave)
        .order_by(organisation_table.c.unit)
    )
    return [_door(row) for row in connection.execute(query)]


def record_returns(
    connection: sa.Connection, wave: str, boxes: Sequence[bytes], answered: Collection[Door], today: str
) -> None:
    """Put many boxes into the tray and mark the organisations in `answered` done: inside one transaction.

    The boxes go in by fresh random ids, which is an order of their own. An organisation that was never invited
    gets an invitation whose code nobody knows. Raises `AlreadyReceived` if one of them has answered.
    """
    for door in answered:
        code = door.code_hash or _unknown_code(connection, wave, door.organisation)
        _use_up(connection, code, today)
        _FORGET_DRAFT.run(connection, code=code)
    rows = sorted((privacy.new_id(), box) for box in boxes)
    if rows:
        connection.execute(tray_table.insert(), [{"id": id_, "wave": wave, "box": box} for id_, box in rows])


def _door(row: sa.Row[tuple[object, ...]]) -> Door:
    values = row._asdict()
    strata, done = json.loads(values["strata"]), values["state"] == "done"
    kept = {name: values[name] for name in ("unit", "code_hash", "name", "disposition")}
    return Door(organisation=values["id"], done=done, sampled=bool(values["sampled"]), strata=strata, **kept)


def _use_up(connection: sa.Connection, code_hash: bytes, today: str) -> None:
    if _USE_UP.run(connection, code=code_hash, today=today).rowcount != 1:
        raise AlreadyReceived("the answers for this access code have been received")


def _unknown_code(connection: sa.Connection, wave: str, organisation: bytes) -> bytes:
    code_hash = privacy.new_secret()
    values = {"code_hash": code_hash, "wave": wave, "organisation": organisation, "salt": privacy.new_id()}
    connection.execute(invitation_table.insert(), {**values, "state": "open"})
    return code_hash
