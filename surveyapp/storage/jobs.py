"""Work that is done in the background: a row a job, in the same store as all else, so that no broker is needed.

A worker takes a job for a while (its lease) and prolongs it as it goes on. When a lease has run out the job is
doubted: its worker may be waiting for its turn to write. If nothing is heard then either, the worker is no more,
and another takes the job up. How often it was taken (`tries`) tells workers apart: one that was thought dead finds
that it has the job no more, and changes nothing.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from surveyapp.storage.database import Seconds, metadata

WAITING, RUNNING, DOUBTED = "waiting", "running", "doubted"
DONE, FAILED, LEFT = "done", "failed", "left"
"""The states of a job; DOUBTED is one at work of which nothing is heard, LEFT one that somebody took back."""

LONGEST_LEASE = 120
"""Seconds, more than any worker takes: a longer lease was taken while the clock was ahead, and counts for none."""

AT_WORK = (RUNNING, DOUBTED)
"""The states of a job that some worker has."""

job_table = sa.Table(
    "job",
    metadata,
    sa.Column("id", sa.LargeBinary, primary_key=True),
    *(
        sa.Column(name, sa.Text, nullable=False)
        for name in ("kind", "survey", "wave", "who", "settings", "state", "said", "file")
    ),
    *(sa.Column(name, sa.Integer, nullable=False) for name in ("done", "total")),
    *(sa.Column(name, Seconds, nullable=False) for name in ("at", "lease")),
    sa.Column("tries", sa.Integer, nullable=False),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)


@dataclass(frozen=True)
class Job:
    """One job. `who` asked for it `at` a time in seconds; `done` of `total` steps are done, `said` tells of it;
    `file` is the name of what it made, "" if nothing; `lease` is until when a worker has it.
    """

    id: bytes
    kind: str
    survey: str
    wave: str
    who: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    state: str = WAITING
    said: str = ""
    file: str = ""
    done: int = 0
    total: int = 0
    at: int = 0
    lease: int = 0
    tries: int = 0

    @property
    def over(self) -> bool:
        """Whether nothing more will come of it."""
        return self.state in {DONE, FAILED, LEFT}


def add(connection: sa.Connection, job: Job) -> None:
    """Put a job into the queue."""
    connection.execute(job_table.insert(), {**job.__dict__, "settings": json.dumps(dict(job.settings))})


def job(connection: sa.Connection, id_: bytes) -> Job | None:
    """The job with an id."""
    row = connection.execute(sa.select(job_table).where(job_table.c.id == id_)).mappings().first()
    return _read(row) if row else None


def jobs(connection: sa.Connection, survey: str) -> list[Job]:
    """The jobs of a survey, the newest first."""
    query = sa.select(job_table).where(job_table.c.survey == survey)
    rows = connection.execute(query.order_by(job_table.c.at.desc(), job_table.c.id)).mappings()
    return [_read(row) for row in rows]


def ids(connection: sa.Connection) -> set[bytes]:
    """The ids of all jobs."""
    return set(connection.scalars(sa.select(job_table.c.id)))


def like(connection: sa.Connection, wanted: Job) -> Job | None:
    """A job that waits for the same thing, asked for by the same person."""
    table = job_table.c
    same = (table.kind == wanted.kind) & (table.survey == wanted.survey) & (table.wave == wanted.wave)
    query = sa.select(job_table).where(same, table.who == wanted.who, table.state == WAITING)
    found = (_read(row) for row in connection.execute(query.order_by(table.at)).mappings())
    return next((job for job in found if dict(job.settings) == dict(wanted.settings)), None)


def wanting(connection: sa.Connection, now: int) -> bool:
    """Whether there is anything for `take` or `doubt`: a look that keeps nobody waiting."""
    query = sa.select(job_table.c.id).where(_free(now) | ((job_table.c.state == RUNNING) & _silent(now)))
    return connection.execute(query.limit(1)).first() is not None


def oldest_waiting(connection: sa.Connection) -> int | None:
    """Since when the job waits that has waited longest, in seconds; None if none does."""
    query = sa.select(sa.func.min(job_table.c.at)).where(job_table.c.state == WAITING)
    oldest: int | None = connection.scalar(query)
    return oldest


def newest(connection: sa.Connection) -> int | None:
    """When the newest job was asked for, in seconds; None if there is none."""
    found: int | None = connection.scalar(sa.select(sa.func.max(job_table.c.at)))
    return found


def take(connection: sa.Connection, now: int, lease: int) -> Job | None:
    """Take the oldest job that waits, or that a dead worker left, until `lease`.

    In a transaction that nobody else writes in: that is why a job is taken once, however many workers there are.
    """
    query = sa.select(job_table).where(_free(now)).order_by(job_table.c.at, job_table.c.id).limit(1)
    row = connection.execute(query).mappings().first()
    if row is None:
        return None
    _change(connection, job_table.c.id == row["id"], state=RUNNING, lease=lease, tries=row["tries"] + 1)
    return job(connection, row["id"])


def doubt(connection: sa.Connection, now: int, until: int) -> None:
    """Doubt jobs whose lease has run out; their workers have until then to be heard."""
    _change(connection, (job_table.c.state == RUNNING) & _silent(now), state=DOUBTED, lease=until)


def prolong(connection: sa.Connection, mine: Job, lease: int, said: str, done: int, total: int) -> bool:
    """Keep a job until `lease`, with how far it is; False if it is not this worker's any more."""
    values = {"state": RUNNING, "lease": lease, "said": said, "done": done, "total": total}
    return _change(connection, _held(mine), **values)


def settle(connection: sa.Connection, mine: Job, **values: object) -> bool:
    """Set columns of a job that this worker has; False if it has it no more."""
    return _change(connection, _held(mine), **values)


def leave(connection: sa.Connection, id_: bytes, said: str) -> bool:
    """Take a job back; False if it was over already."""
    table = job_table.c
    return _change(connection, (table.id == id_) & table.state.in_((WAITING, *AT_WORK)), state=LEFT, said=said)


def drop(connection: sa.Connection, id_: bytes) -> None:
    """Forget a job."""
    connection.execute(job_table.delete().where(job_table.c.id == id_))


def old(connection: sa.Connection, before: int) -> list[bytes]:
    """The jobs that nobody works at, asked for before a time in seconds."""
    table = job_table.c
    return list(connection.scalars(sa.select(table.id).where(table.at < before, table.state.not_in(AT_WORK))))


def _free(now: int) -> sa.ColumnElement[bool]:
    table = job_table.c
    return (table.state == WAITING) | ((table.state == DOUBTED) & _silent(now))


def _silent(now: int) -> sa.ColumnElement[bool]:
    return (job_table.c.lease < now) | (job_table.c.lease > now + LONGEST_LEASE)


def _held(mine: Job) -> sa.ColumnElement[bool]:
    table = job_table.c
    return (table.id == mine.id) & (table.tries == mine.tries) & table.state.in_(AT_WORK)


def _change(connection: sa.Connection, which: sa.ColumnElement[bool], **values: object) -> bool:
    return connection.execute(job_table.update().where(which).values(**values)).rowcount > 0


def _read(row: Mapping[str, Any] | sa.RowMapping) -> Job:
    return Job(**{**row, "settings": json.loads(row["settings"])})
