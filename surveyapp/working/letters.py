"""Letters in the background: invitations and reminders are written and sent, or what waits is sent.

The outbox is durable: a letter is a row before it goes, and is marked before and after. So a job that is taken up
again after a crash, or asked for twice, sends nothing twice.
"""

from surveyapp import mail, writing
from surveyapp.config import mail_settings
from surveyapp.problems import SurveyError
from surveyapp.roles import MANAGER
from surveyapp.working.queue import Task, kind
from surveyapp.writing import Desk, Outcome


@kind("letters-invite", "Invitations", MANAGER)
def invite(task: Task) -> str:
    """Invite everybody who is still to be invited, and send what waits."""
    return _told(task, writing.invite(_desk(task), task.job.wave))


@kind("letters-remind", "Reminders", MANAGER)
def remind(task: Task) -> str:
    """Remind those who are due by `rule` (None: all) with `stage`, and send what waits.

    What was asked for on one day is not written on another: whom the first try reached would be reminded again.
    """
    settings = task.job.settings
    rule = settings.get("rule")
    if rule is None and settings.get("day") != task.today.isoformat():
        _told(task, writing.send_waiting(_desk(task), task.job.wave))
        task.tell(f"{task.told['said']}; it was asked for on another day, so no reminder was written: ask again")
        return ""
    return _told(task, writing.remind(_desk(task), task.job.wave, rule, settings.get("stage", "")))


@kind("letters-send", "Letters that wait", MANAGER)
def send(task: Task) -> str:
    """Send the letters that wait."""
    return _told(task, writing.send_waiting(_desk(task), task.job.wave))


def _desk(task: Task) -> Desk:
    transport = mail.transport(task.home.outbox / task.job.wave, *mail_settings())
    return Desk(task.db, task.home.outbox_key, transport, task.today, task.tell)


def _told(task: Task, outcome: Outcome) -> str:
    """Say what came of it, in numbers: a job is kept, and names nobody. Raises `SurveyError` if it had to stop."""
    numbers = {
        "sent": outcome.sent,
        "refused by the mail server": len(outcome.failed),
        "to be tried again later": len(outcome.postponed),
        "of which nobody knows whether they arrived": len(outcome.unknown),
        "still waiting": outcome.waiting,
    }
    said = "letters: " + ", ".join(f"{n:,} {what}" for what, n in numbers.items() if n or what == "sent")
    if outcome.stopped:
        reason = "the connection broke" if outcome.unknown else outcome.stopped
        raise SurveyError(f"{said}. Sending stopped: {reason}. Ask again: nothing is sent twice")
    task.tell(said, outcome.sent, outcome.sent + outcome.waiting)
    return ""
