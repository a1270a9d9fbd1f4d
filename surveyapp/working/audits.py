"""The known attacks on an installation, run in the background: reading every file takes a while."""

import json

from surveyapp import auditing, collecting
from surveyapp.config import write_aside
from surveyapp.roles import KEY_HOLDER, MANAGER
from surveyapp.working.queue import Task, kind

OUTCOMES = "anonymity.json"
"""The file that the job makes: what `auditing.as_json` says, with the day."""


@kind("audit-anonymity", "Audit of anonymity", MANAGER, KEY_HOLDER)
def audit(task: Task) -> str:
    """Run every attack for a wave, and keep what they came to."""
    task.tell("looking at every file as insiders could")
    outcomes = auditing.audit(task.home, task.db, task.job.wave)
    promise = collecting.promise(collecting.questionnaire(task.db, task.job.wave)[0])
    found = {"day": task.today.isoformat(), **auditing.as_json(task.job.wave, promise, outcomes)}
    content = json.dumps(found, indent=1, ensure_ascii=False).encode()
    write_aside(task.place(OUTCOMES), content, private=True)
    failed = sum(outcome.verdict == "fails" for outcome in outcomes)
    told = f"{failed} of {len(outcomes)} attacks told" if failed else f"none of {len(outcomes)} attacks told"
    task.tell(f"{told} more than was promised")
    return OUTCOMES
