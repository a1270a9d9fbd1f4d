"""Opening the tray: work that is done here and now, in a thread of this process, for the key must not be stored.

The job has a row like all others, so that its progress can be looked at from anywhere, but it never waits in the
queue. If this process ends, the key is gone with it: a worker that finds such a job says that it has stopped.
"""

import logging
import threading
from collections.abc import Callable
from datetime import date
from typing import Any

from surveyapp import privacy
from surveyapp.config import Home, read_file
from surveyapp.problems import SurveyError, fault_place
from surveyapp.roles import KEY_HOLDER
from surveyapp.storage import jobs
from surveyapp.storage.database import Database
from surveyapp.storage.jobs import DONE, FAILED, RUNNING, Job
from surveyapp.storage.waves import Wave
from surveyapp.working.queue import DOUBT, LEASE, Task, _Heart, _over, kind, listed

OPENING = "open-tray"

STOPPED = "it stopped before it was done, and nothing was released by it; begin again with the key"

log = logging.getLogger("surveyapp.jobs")


@kind(OPENING, "opening the tray", KEY_HOLDER)
def _left(_task: Task) -> str:
    """What a worker does with an opening whose process is no more: the key was in the memory of that one."""
    raise SurveyError(STOPPED)


def key_of(home: Home, wave: Wave, content: bytes | None) -> bytes:
    """The private key of a wave: in the key holder's file, or without one in the server's.

    Raises `CannotOpen` for what is no key file, `SurveyError` for the key of another wave or an earlier ceremony.
    """
    file = read_file(home.wave_key(wave.name)) if content is None else content
    name, key = privacy.read_key_file(file.decode(errors="replace"))
    if name != wave.name:
        raise SurveyError(f"this is the key of {name[:60]}, not of {wave.name}")
    try:
        privacy.rehearse(key, wave.public_key)
    except privacy.CannotOpen:
        raise SurveyError(f"this key was made for {wave.name}, but another one was taken in the end") from None
    return key


def last_opening(db: Database, wave: Wave) -> Job | None:
    """The newest opening of a wave's tray."""
    return next((job for job in listed(db, wave.survey) if (job.kind, job.wave) == (OPENING, wave.name)), None)


def is_stopped(job: Job, now: int) -> bool:
    """Whether the process that opened the tray is no more."""
    return job.state == RUNNING and job.lease + DOUBT < now


def open_tray(
    db: Database, home: Home, wave: Wave, key: bytes, who: str, today: date, now: Callable[[], int]
) -> Job:
    """Begin to open the tray of a wave with its private key. Raises `SurveyError` while that is going on."""
    before = last_opening(db, wave)
    if before and before.state == RUNNING and not is_stopped(before, now()):
        raise SurveyError("the tray is being opened; wait until that is done")

    def do(task: Task) -> str:
        from surveyapp import reporting  # here, for it brings pandas

        opened = reporting.open_tray(db, wave.name, key, lambda done, of: task.tell("opening boxes", done, of))
        answers = f"{opened.released:,} response{'' if opened.released == 1 else 's'} released"
        return f"{answers}, {opened.waiting:,} stay in the tray"

    return run_here(db, home, Job(privacy.new_id(), OPENING, wave.survey, wave.name, who), today, now, do)


def run_here(
    db: Database, home: Home, job: Job, today: date, now: Callable[[], int], do: Callable[[Task], str]
) -> Job:
    """Begin work in a thread of this process; the job as it was begun. `do` gives the last word on it.

    What `do` holds, such as a key, is in the memory of this process and nowhere else.
    """
    begun = Job(**{**job.__dict__, "state": RUNNING, "at": now(), "lease": now() + LEASE, "tries": 1})
    with db.transaction() as connection:
        jobs.add(connection, begun)
    task = Task(begun, db, home, today, now)
    threading.Thread(target=_run, args=(task, do), name=begun.kind, daemon=True).start()
    return begun


def _run(task: Task, do: Callable[[Task], str]) -> None:
    with _Heart(task):
        outcome = _outcome(task, do)
    log.info("job %s %s", task.job.kind, outcome["state"])
    _over(task, **outcome)


def _outcome(task: Task, do: Callable[[Task], str]) -> dict[str, Any]:
    try:
        return {"state": DONE, "said": do(task)}
    except SurveyError as error:
        return {"state": FAILED, "said": str(error)}
    except Exception as error:  # noqa: BLE001 (nobody else would say what became of it)
        log.error("fault %s in job %s", fault_place(error), task.job.kind)
        return {"state": FAILED, "said": "something went wrong that nobody had foreseen; it has been noted"}
