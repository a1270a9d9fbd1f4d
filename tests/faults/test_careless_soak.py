"""What the soak looks at when jobs have ended, against careless workers and queues: each must be caught."""

import os
import random
import signal
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from surveyapp import working, writing
from surveyapp.config import Home
from surveyapp.mail import Folder
from surveyapp.storage import jobs
from surveyapp.storage.database import Database, connect
from surveyapp.storage.jobs import DONE, Job
from surveyapp.working.exports import TABLES
from surveyapp.working.queue import Task
from surveyapp.writing import Desk
from tests.faults import victims
from tests.makers import TODAY, make_frame, make_wave
from tests.soak import errands, serving
from tests.soak.errands import Errands, assert_each_ended, assert_none_lost, assert_none_twice, begun
from tests.soak.fortnight import REMIND, Fieldwork

WORKBOOK = b"PK\x03\x04" + bytes(4_000)
"""The beginning of one."""


# ── workers that are killed ──────────────────────────────────────────────────


def _ticked_off_first(task: Task) -> str:
    """The job is said to be done, and committed; then its file is written."""
    with task.db.transaction() as connection:
        jobs.settle(connection, task.job, state=DONE, file="tables.xlsx", lease=0)
    return _die(task)


def _written_in_its_place(task: Task) -> str:
    """The file grows under its own name, and the job is said to be done meanwhile."""
    task.place("tables.xlsx").write_bytes(WORKBOOK)
    return _ticked_off_first(task)


def _thrown_away_first(task: Task) -> str:
    """A job leaves the queue when it is begun."""
    with task.db.transaction() as connection:
        jobs.drop(connection, task.job.id)
    return _die(task)


def _die(_task: Task) -> str:
    os.kill(os.getpid(), signal.SIGKILL)
    return ""


@pytest.mark.parametrize(
    ("careless", "words"),
    [
        (_ticked_off_first, "said to be done, and there is no file"),
        (_written_in_its_place, "half of the file"),
        (_thrown_away_first, "1 jobs are lost"),
    ],
)
def test_a_worker_that_is_killed_at_careless_work_is_caught(
    db: Database, home: Home, careless: Callable[[Task], str], words: str
) -> None:
    job = _asked(db)
    worker = victims.started(_work, db.place, home, careless)
    worker.join(30)
    assert worker.exitcode == -signal.SIGKILL
    with pytest.raises(AssertionError, match=words):
        _look(home, job, _jobs(db))


def _work(place: Any, home: Home, do: Callable[[Task], str]) -> None:
    working.kind(TABLES, "Tables", "analyst")(do)
    working.run_next(connect(place), home, TODAY, lambda: 2_000)


def _look(home: Home, asked: Job, found: list[Job]) -> None:
    assert_none_lost([asked.id], found)
    assert_each_ended(home, found)


def _asked(db: Database) -> Job:
    return working.ask(db, TABLES, "tiny", "tiny-1", "terminal", 1_000)


def _jobs(db: Database) -> list[Job]:
    with db.reading() as connection:
        return jobs.jobs(connection, "tiny")


# ── queues ───────────────────────────────────────────────────────────────────


def test_a_queue_from_which_two_take_the_same_job_is_caught(db: Database, home: Home, tmp_path: Path) -> None:
    """Both look which job waits, and then both begin it."""
    job, noted = _asked(db), tmp_path / "begun"
    begin = serving._noting(noted, lambda _: "")
    for _worker in range(2):
        begin(Task(job, db, home, TODAY, lambda: 2_000))
    with pytest.raises(AssertionError, match="begun twice"):
        assert_none_twice(_jobs(db), begun(noted), deaths=1)


def test_a_lease_that_ends_while_its_worker_lives_is_caught(db: Database, tmp_path: Path) -> None:
    """The job is taken up again, and nobody has died."""
    _asked(db)
    with db.transaction() as connection:
        for at in (2_000, 3_000):
            jobs.doubt(connection, at, at)
            assert jobs.take(connection, at + 1, at + 1)
    with pytest.raises(AssertionError, match="begun again 1 times after 0 deaths"):
        assert_none_twice(_jobs(db), begun(tmp_path / "begun"), deaths=0)


def test_a_job_that_nobody_takes_up_again_is_caught(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(errands, "PATIENCE", 0.1)
    with db.transaction() as connection:
        jobs.add(connection, Job(b"j" * 16, TABLES, "soak", "soak-1", "terminal", at=1_000))
        jobs.take(connection, 2_000, 2_030)
    with pytest.raises(AssertionError, match="jobs that do not end"):
        Errands(SimpleNamespace(db=db), random.Random(1)).settle()


def test_reminders_that_are_written_anew_at_each_try_are_caught(db: Database, home: Home) -> None:
    """Tried on one day more than the office reminds on."""
    make_wave(db, frame=make_frame(20))
    headings = {"address": "https://x.example", "sender": "o@example.org"}
    for number in range(len(REMIND) + 1):
        desk = Desk(db, home.outbox_key, Folder(home.outbox / "tiny-1"), TODAY + timedelta(number))
        writing.remind(desk, "tiny-1", None, **headings)
    with pytest.raises(AssertionError, match="reminded too often"):
        Fieldwork(SimpleNamespace(db=db, home=home), "tiny-1", random.Random(1))._check_letters()
