"""Opening the tray: work that is done here and now, in a thread of this process, for the key must not be stored.

The job has a row like all others, so that its progress can be looked at from anywhere, but it never waits in the
queue. If this process ends, the key is gone with it: a worker that finds such a job says that it has stopped.
"""

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import date

from surveyapp import privacy
from surveyapp.acting import needs
from surveyapp.config import Home, read_file
from surveyapp.problems import SurveyError
from surveyapp.roles import KEY_HOLDER
from surveyapp.storage import jobs
from surveyapp.storage.database import Connection, Database
from surveyapp.storage.jobs import AT_WORK, Job
from surveyapp.storage.waves import Wave
from surveyapp.working.queue import DOUBT, Task, begin_here, carry_out, kind

OPENING = "open-tray"

STOPPED = "it stopped before it was done; if answers still wait in the tray, begin again with the key"


@kind(OPENING, "opening the tray", KEY_HOLDER, tidies=True)
def _left(task: Task) -> str:
    """What a worker does with an opening whose process is no more: the key was in the memory of that one.

    What was released just before it ended may lie in the order in which it came: the store is written anew.
    """
    task.db.vacuum()
    raise SurveyError(STOPPED)


@needs(KEY_HOLDER)
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


@needs(KEY_HOLDER)
def last_opening(db: Database, wave: Wave) -> Job | None:
    """The newest opening of a wave's tray."""
    with db.reading() as connection:
        return _newest(connection, wave)


def _newest(connection: Connection, wave: Wave) -> Job | None:
    """No two openings of a wave bear the same second."""
    of_wave = (job for job in jobs.jobs(connection, wave.survey) if (job.kind, job.wave) == (OPENING, wave.name))
    return next(of_wave, None)


def is_stopped(job: Job, now: int) -> bool:
    """Whether the process that opened the tray is no more."""
    return job.state in AT_WORK and job.lease + DOUBT < now


@needs(KEY_HOLDER)
def open_tray(
    db: Database, home: Home, wave: Wave, key: bytes, who: str, today: date, now: Callable[[], int]
) -> Job:
    """Begin to open the tray of a wave with its private key, in a thread of this process.

    The key is in the memory of this process and nowhere else. Raises `SurveyError` while an opening is going on.
    """
    begun = _begun(db, Job(privacy.new_id(), OPENING, wave.survey, wave.name, who), wave, now)
    task = Task(begun, db, home, today, now)

    def do(task: Task) -> str:
        from surveyapp import reporting  # here, for it brings pandas

        opened = reporting.open_tray(db, wave.name, key, lambda done, of: task.tell("opening boxes", done, of))
        answers = f"{opened.released:,} response{'' if opened.released == 1 else 's'} released"
        task.last_word(f"{answers}, {opened.waiting:,} stay in the tray")
        return ""

    threading.Thread(target=carry_out, args=(task, do), name=OPENING, daemon=True).start()
    return begun


def _begun(db: Database, new: Job, wave: Wave, now: Callable[[], int]) -> Job:
    """The opening put into the store, later than the one before it, unless that is still going on."""
    with db.transaction() as connection:
        before = _newest(connection, wave)
        if before and before.state in AT_WORK and not is_stopped(before, now()):
            raise SurveyError("the tray is being opened; wait until that is done")
        begun = begin_here(replace(new, at=before.at + 1 if before else 0), now())
        jobs.add(connection, begun)
    return begun
