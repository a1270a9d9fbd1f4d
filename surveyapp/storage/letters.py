"""Letters that wait to be sent and those that were: the people side, never an answer.

A letter that waits may hold an access code, sealed under the server's key; it is erased when the letter is done.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

import sqlalchemy as sa

from surveyapp.fieldwork import Unit
from surveyapp.storage import people
from surveyapp.storage.database import NOTHING, Day, metadata
from surveyapp.storage.people import draft_table, invitation_table, organisation_table

letter_table = sa.Table(
    "letter",
    metadata,
    sa.Column("id", sa.LargeBinary, primary_key=True),
    sa.Column("wave", sa.Text, sa.ForeignKey("wave.name"), nullable=False),
    sa.Column("organisation", sa.LargeBinary, sa.ForeignKey("organisation.id"), nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("code", sa.LargeBinary),
    sa.Column("due_on", Day, nullable=False),
    sa.Column("done_on", Day),
    sa.Column("note", sa.Text, nullable=False, server_default=NOTHING),
    sa.Column("stage", sa.Text, nullable=False, server_default=NOTHING),
    sa.UniqueConstraint("organisation", "kind", "due_on"),
    sa.CheckConstraint("kind IN ('invitation', 'reminder', 'code')", name="letter_kind"),
    sa.CheckConstraint("state IN ('due', 'trying', 'sent', 'failed', 'unknown')", name="letter_state"),
    sqlite_strict=True,
)


@dataclass(frozen=True)
class Queued:
    """One letter and whom it is for. `done` says that the organisation has answered.

    `state` is "due", "trying", "sent", "failed" or "unknown"; days are ISO texts. `stage` says which reminder it
    is.
    """

    id: bytes
    kind: str
    state: str
    code: bytes | None = field(repr=False)
    due_on: str
    done_on: str | None
    note: str
    unit: Unit
    disposition: str
    done: bool
    stage: str = ""

    @property
    def words(self) -> str:
        """The kind of template that it is written with."""
        return self.stage or self.kind


@dataclass(frozen=True)
class Entry:
    """A letter to be written for an organisation; `code` is sealed, None in a reminder, which has a `stage`."""

    id: bytes
    organisation: bytes
    kind: str
    code: bytes | None = field(default=None, repr=False)
    stage: str = ""


@dataclass(frozen=True)
class Addressee:
    """An organisation of the frame, as far as letters need to know it.

    `code_hash` is None where nobody was invited. `invited_on` is the day on which its code was last sent.
    """

    id: bytes
    wave: str
    unit: Unit
    disposition: str
    code_hash: bytes | None = field(repr=False)
    done: bool
    invited_on: str | None
    reminded_on: str | None
    lacking: bool
    """Whether its code is in a letter that has not arrived: due, failed or unknown."""
    stages: frozenset[str] = frozenset()
    """Which reminders it has had."""
    removed: bool = False


# ── reading ──────────────────────────────────────────────────────────────────

_LETTERS = (
    sa.select(
        letter_table,
        *(organisation_table.c[name] for name in ("unit", "name", "email", "contact", "language", "strata")),
        organisation_table.c.disposition,
        sa.func.coalesce(invitation_table.c.state == "done", False).label("done"),
    )
    .join(organisation_table, letter_table.c.organisation == organisation_table.c.id)
    .outerjoin(invitation_table, invitation_table.c.organisation == organisation_table.c.id)
    .order_by(organisation_table.c.unit, letter_table.c.due_on, letter_table.c.kind)
)


def letters(connection: sa.Connection, wave: str, state: str = "", unit: str = "") -> list[Queued]:
    """The letters of a wave in the order of the frame, all of them or those in one state or to one unit."""
    query = _LETTERS.where(letter_table.c.wave == wave)
    if state:
        query = query.where(letter_table.c.state == state)
    if unit:
        query = query.where(organisation_table.c.unit == unit)
    return [_queued(row) for row in connection.execute(query)]


def addressees(connection: sa.Connection, wave: str, unit: str = "") -> list[Addressee]:
    """The organisations of a wave that were drawn, in the order of the frame: all, or one."""
    invitations, reminders, stages = _last_days(connection, wave)
    query = (
        sa.select(organisation_table, invitation_table.c.code_hash, invitation_table.c.state)
        .outerjoin(invitation_table, invitation_table.c.organisation == organisation_table.c.id)
        .where(organisation_table.c.wave == wave, organisation_table.c.sampled == 1)
        .order_by(organisation_table.c.unit)
    )
    if unit:
        query = query.where(organisation_table.c.unit == unit)
    return [
        _addressee(row, invitations.get(row.id), reminders.get(row.id), frozenset(stages.get(row.id, ())))
        for row in connection.execute(query).all()
    ]


def _last_days(
    connection: sa.Connection, wave: str
) -> tuple[dict[bytes, tuple[str, str | None]], dict[bytes, str], dict[bytes, list[str]]]:
    """Of each organisation state and day of the last letter with a code, day of the last reminder, and which."""
    query = sa.select(letter_table).where(letter_table.c.wave == wave).order_by(letter_table.c.due_on)
    codes: dict[bytes, tuple[str, str | None]] = {}
    reminders: dict[bytes, str] = {}
    stages: dict[bytes, list[str]] = {}
    for row in connection.execute(query.order_by(letter_table.c.kind.desc())).all():
        if row.kind == "reminder":
            reminders[row.organisation] = row.done_on or row.due_on
            stages.setdefault(row.organisation, []).append(row.stage)
        else:
            codes[row.organisation] = (row.state, row.done_on)
    return codes, reminders, stages


def _addressee(
    row: sa.Row[tuple[object, ...]],
    invited: tuple[str, str | None] | None,
    reminded: str | None,
    stages: frozenset[str],
) -> Addressee:
    values = row._mapping
    state, day = invited or ("", None)
    return Addressee(
        id=values["id"],
        wave=values["wave"],
        unit=people._unit(row),
        disposition=values["disposition"],
        code_hash=values["code_hash"],
        done=values["state"] == "done",
        invited_on=day if state == "sent" else None,
        reminded_on=reminded,
        lacking=state not in {"", "sent"},
        stages=stages,
        removed=bool(values["removed"]),
    )


def _queued(row: sa.Row[tuple[object, ...]]) -> Queued:
    values = row._asdict()
    own = {name: values[name] for name in ("id", "kind", "state", "code", "due_on", "done_on", "note", "stage")}
    return Queued(**own, unit=people._unit(row), disposition=values["disposition"], done=bool(values["done"]))


def tallies(connection: sa.Connection, wave: str) -> dict[tuple[str, str], int]:
    """How many letters there are of each kind in each state."""
    kind, state = letter_table.c.kind, letter_table.c.state
    query = sa.select(kind, state, sa.func.count()).where(letter_table.c.wave == wave).group_by(kind, state)
    return {(row[0], row[1]): row[2] for row in connection.execute(query)}


# ── writing ──────────────────────────────────────────────────────────────────


def add(connection: sa.Connection, wave: str, entries: Iterable[Entry], today: str) -> int:
    """Put letters into the outbox, due today; how many."""
    rows = [{**entry.__dict__, "wave": wave, "state": "due", "due_on": today} for entry in entries]
    if rows:
        connection.execute(letter_table.insert(), rows)
    return len(rows)


_HERE = letter_table.c.id == sa.bindparam("letter")
_ONE = _LETTERS.where(_HERE)
_TRY = letter_table.update().where(_HERE, letter_table.c.state == "due").values(state="trying", note="")


def start(connection: sa.Connection, letter: bytes) -> Queued | None:
    """Mark a letter as being tried, and give it as it is now; None if it is no longer due."""
    if connection.execute(_TRY, {"letter": letter}).rowcount != 1:
        return None
    return _queued(connection.execute(_ONE, {"letter": letter}).one())


def finish(connection: sa.Connection, letter: bytes, state: str, today: str | None, note: str = "") -> None:
    """Say what became of a letter. A code stays with it only while the letter may still be needed."""
    values: dict[str, object] = {"state": state, "done_on": today, "note": note}
    if state in {"sent", "failed"}:
        values["code"] = None
    connection.execute(letter_table.update().where(letter_table.c.id == letter).values(values))


def withdraw(connection: sa.Connection, letter: bytes) -> None:
    """Take a letter back that was not sent and is not wanted any more."""
    connection.execute(letter_table.delete().where(letter_table.c.id == letter))


def again(connection: sa.Connection, letter: bytes, code: bytes | None) -> None:
    """Make a letter due once more, with a sealed code in place of the one it had."""
    values = {"state": "due", "code": code, "done_on": None, "note": ""}
    connection.execute(letter_table.update().where(letter_table.c.id == letter).values(values))


def forget(connection: sa.Connection, wave: str) -> None:
    """Keep of a wave's letters the invitations, without codes; erase what waits and what tells who was late."""
    of_wave = letter_table.c.wave == wave
    late = letter_table.c.kind != "invitation"
    connection.execute(letter_table.delete().where(of_wave, late | (letter_table.c.state == "due")))
    connection.execute(letter_table.update().where(of_wave).values(code=None))


def new_code(connection: sa.Connection, organisation: bytes, code_hash: bytes, salt: bytes) -> None:
    """Give an organisation another code in place of its own; a draft under the old one is erased."""
    old = sa.select(invitation_table.c.code_hash).where(invitation_table.c.organisation == organisation)
    connection.execute(draft_table.delete().where(draft_table.c.code_hash.in_(old)))
    mine = invitation_table.c.organisation == organisation
    connection.execute(invitation_table.update().where(mine).values(code_hash=code_hash, salt=salt))


def has_draft(connection: sa.Connection, code_hash: bytes) -> bool:
    """Whether an unfinished draft lies under a code."""
    return people.draft(connection, code_hash) is not None


def returned(connection: sa.Connection, letter: bytes, today: str) -> None:
    """Note that the organisation of a letter cannot be reached, unless something else was noted of it."""
    _note(connection, letter, "", {"disposition": "undeliverable", "disposition_on": today})


def not_returned(connection: sa.Connection, letter: bytes) -> None:
    """Take back that the organisation of a letter cannot be reached."""
    _note(connection, letter, "undeliverable", {"disposition": "", "disposition_on": None})


def _note(connection: sa.Connection, letter: bytes, before: str, values: dict[str, str | None]) -> None:
    mine = sa.select(letter_table.c.organisation).where(letter_table.c.id == letter).scalar_subquery()
    here = (organisation_table.c.id == mine) & (organisation_table.c.disposition == before)
    connection.execute(organisation_table.update().where(here).values(values))


def dispose(connection: sa.Connection, organisation: bytes, disposition: str, today: str) -> None:
    """Say what became of an organisation; "" takes it back."""
    values = {"disposition": disposition, "disposition_on": today if disposition else None}
    connection.execute(organisation_table.update().where(organisation_table.c.id == organisation).values(values))
