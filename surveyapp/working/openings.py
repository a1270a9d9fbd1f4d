"""Opening a wave that was prepared: on a long list by a job, whose last transaction also says that it is done.

So a job that is taken up again after a crash opens nothing twice, and one that was killed has opened nothing.
"""

from surveyapp import preparing
from surveyapp.acting import needs
from surveyapp.preparing import Hand
from surveyapp.roles import MANAGER
from surveyapp.storage.database import Database
from surveyapp.storage.jobs import Job
from surveyapp.storage.papers import Preparation
from surveyapp.working.imports import Clerk
from surveyapp.working.queue import Task, ask, kind, listed

OPEN_WAVE = "wave-open"

AT_ONCE = 5_000
"""Organisations of a list on which a wave is opened while the page waits: under half a second."""


@needs(MANAGER)
def open_wave(at: Clerk, known: Preparation, typed: str, hand: Hand) -> Job | None:
    """Open a wave as it was looked at; on a long list have it done by a job, which this gives.

    Raises what `preparing.open_wave` raises; with a job, what only shows at the opening itself is said there.
    """
    if (known.counts or {}).get("units", 0) <= AT_ONCE:
        preparing.open_wave(at.db, at.home, known, typed, hand)
        return None
    preparing.check_open(known, typed, hand)
    settings = {"revision": known.revision}
    return opening_of(at.db, known) or ask(at.db, OPEN_WAVE, at.survey, at.wave, at.who, at.now(), settings)


@needs(MANAGER)
def opening_of(db: Database, known: Preparation) -> Job | None:
    """The job that opens a prepared wave, as long as it is not over."""
    asked = (job for job in listed(db, known.survey) if (job.kind, job.wave) == (OPEN_WAVE, known.wave))
    return next((job for job in asked if not job.over), None)


@kind(OPEN_WAVE, "Opening a wave", MANAGER)
def open_prepared(task: Task) -> str:
    """Open a wave that was prepared, if its preparation is still the one that was looked at."""
    job = task.job
    known = preparing.found(task.db, job.survey, job.wave)
    hand = Hand(job.who, task.today, job.settings["revision"])
    said = f"the wave {job.wave} is open; nobody has been invited yet"
    preparing.open_wave(
        task.db, task.home, known, job.wave, hand, settle=lambda connection: task.finish(connection, said)
    )
    return ""
