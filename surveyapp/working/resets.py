"""The letter to whoever forgot a password: sent behind the page, by a worker if the page's process ends first.

It is a job of the process that was asked. Its row has the address sealed, and goes with the letter, whatever came
of it: nothing that somebody typed stays. The link is made when the letter is, so none waits.
"""

import logging
from collections.abc import Callable
from datetime import date

from surveyapp import admitting, config, mail, privacy
from surveyapp.admitting import Porch, Post
from surveyapp.config import Home
from surveyapp.problems import SurveyError
from surveyapp.roles import EVERY_SURVEY
from surveyapp.staffing import LONGEST
from surveyapp.storage import jobs
from surveyapp.storage.jobs import Job
from surveyapp.working.queue import Task, begin_here, kind

RESET = "password-letter"

MOST_WAITING = 100
"""Letters that may wait: anybody can ask for one, for any address."""

log = logging.getLogger("surveyapp.staff")
"""Event names only, as in the log of the respondents' pages."""


def post(home: Home) -> Post:
    """How letters to staff leave: by the mail server that is set, else into the folder `staff` of the outbox."""
    address, sender = config.site_settings()
    return Post(mail.transport(home.outbox / "staff", *config.mail_settings()), address, sender)


def want(porch: Porch, home: Home, email: str, today: date, now: Callable[[], int]) -> Task | None:
    """The letter that somebody asked for, to be sent by `queue.carry_out`; None if none is to be sent.

    Whether there is such an account is not looked up before: it takes as long for any address.
    """
    if not admitting.want_reset(porch, email):
        return None
    id_ = privacy.new_id()
    sealed = privacy.seal_text(porch.key, email[: LONGEST + 1], id_)
    job = begin_here(Job(id_, RESET, EVERY_SURVEY, "", "", {"to": sealed.hex()}, at=porch.now), porch.now)
    with porch.db.transaction() as connection:
        if len(jobs.jobs(connection, EVERY_SURVEY)) >= MOST_WAITING:
            log.error("letters to staff: too many wait")
            return None
        jobs.add(connection, job)
    return Task(job, porch.db, home, today, now)


@kind(RESET, "Letter to set a new password")
def send(task: Task) -> str:
    """Send the letter, if there is such an account; its row is gone afterwards."""
    task.keep()  # it may have waited so long that another has it
    try:
        key = config.read_file(task.home.keys / "staff")
        email = privacy.open_text(key, bytes.fromhex(task.job.settings["to"]), task.job.id)
        admitting.send_reset(task.db, post(task.home), email, task.now())
    except SurveyError as error:
        log.error("letters to staff: %s", type(error).__name__)
        raise
    finally:
        with task.db.transaction() as connection:
            jobs.drop(connection, task.job.id)
    return ""
