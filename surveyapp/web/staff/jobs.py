"""Jobs: what runs in the background, how far it is, what it made."""

from dataclasses import dataclass
from datetime import UTC, datetime

from flask import Blueprint, render_template, request, send_file, url_for
from flask.typing import ResponseReturnValue

from surveyapp import working
from surveyapp.problems import NotAllowed
from surveyapp.retaining import JOB_DAYS
from surveyapp.storage.jobs import DONE, DOUBTED, FAILED, LEFT, RUNNING, WAITING, Job
from surveyapp.web.staff.doors import ANY_ROLE, Desk, Door
from surveyapp.web.staff.pages import go
from surveyapp.working import imports, openings
from surveyapp.working.imports import Clerk, File, Import

pages = Blueprint("jobs", __name__, url_prefix="/surveys/<slug:survey>/jobs")
door = Door(pages)

STATES = {
    WAITING: "Waiting",
    RUNNING: "At work",
    DOUBTED: "At work",
    DONE: "Done",
    FAILED: "Not done",
    LEFT: "Taken back",
}
"""What a state is called."""

TYPES = {
    ".csv": "text/csv",
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ".html": "text/html",
    ".json": "application/json",
    ".parquet": "application/vnd.apache.parquet",
    ".txt": "text/plain",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".zip": "application/zip",
}
"""Of files that jobs make; anything else is bytes. They are always saved, never shown."""


@door.get("", *ANY_ROLE)
def index(desk: Desk) -> ResponseReturnValue:
    """The jobs of a survey that the member's roles have to do with, the newest first."""
    return render_template("staff/jobs.html", jobs=seen(desk), shown=shown, days=JOB_DAYS)


@door.get("/<hex:job>", *ANY_ROLE)
def one(desk: Desk, job: str) -> ResponseReturnValue:
    """One job: how far it is, and what to do with it."""
    found = of(desk, job)
    return render_template("staff/job.html", job=shown(found), leads=leads(found), days=JOB_DAYS)


@door.get("/<hex:job>/file", *ANY_ROLE)
def file(desk: Desk, job: str) -> ResponseReturnValue:
    """What a job made, to be saved."""
    return download(desk, of(desk, job))


@door.post("/<hex:job>/take-back", *ANY_ROLE, act="job-leave")
def take_back(desk: Desk, job: str) -> ResponseReturnValue:
    """Take a job back that waits or is at work."""
    working.take_back(desk.db, desk.survey, of(desk, job).id)
    return go("jobs.one", "The job is taken back.", survey=desk.survey, job=job)


@door.post("/<hex:job>/throw-away", *ANY_ROLE, act="job-erase")
def throw_away(desk: Desk, job: str) -> ResponseReturnValue:
    """Forget a job that is over, and erase what it made."""
    working.throw_away(desk.db, desk.home, desk.survey, of(desk, job).id)
    return go("jobs.index", "The job and what it made are erased.", survey=desk.survey)


# ── work that is asked for on other pages ────────────────────────────────────


def clerk(desk: Desk, wave: str = "") -> Clerk:
    """Who hands something in, for the wave of the desk or one that is being prepared."""
    wave = wave or desk.wave.name
    return Clerk(desk.db, desk.home, desk.survey, wave, desk.member.email, desk.today, desk.office.now)


def follow(desk: Desk, job: Job, endpoint: str, **values: str) -> ResponseReturnValue:
    """Go to the page of what a job found, if it is done already, else to the job's own."""
    if job.state == DONE:
        return go(endpoint, survey=desk.survey, **values)
    return go("jobs.one", survey=desk.survey, job=job.id.hex())


@dataclass(frozen=True)
class HandedIn:
    """Files of one kind that are handed in for a wave: a job `look` reads them, a job `load` takes them in.

    `page` is the endpoint of the page of one file, `home` of the one where they are handed in.
    """

    look: str
    load: str
    page: str
    home: str

    def take(self, desk: Desk, file: File) -> ResponseReturnValue:
        """Have a file read; nothing is changed by that."""
        id_, job = imports.hand_in(clerk(desk), self.look, file)
        return follow(desk, job, self.page, wave=desk.wave.name, upload=id_.hex())

    def find(self, desk: Desk, upload: str) -> Import:
        """How a file stands. Raises `NotFound`."""
        return imports.found(desk.db, desk.home, desk.wave.name, self.look, bytes.fromhex(upload))

    def waiting(self, desk: Desk) -> list[Import]:
        """The files that were read and wait to be confirmed."""
        return imports.waiting(desk.db, desk.home, desk.wave.name, self.look)

    def confirm(self, desk: Desk, upload: str) -> ResponseReturnValue:
        """Have a file taken in as it was looked at; if it stands otherwise by now, show how."""
        here = {"wave": desk.wave.name, "upload": upload}
        look = request.form.get("look", 0, type=int)
        job = imports.confirm(clerk(desk), self.load, self.find(desk, upload), look)
        return follow(desk, job, self.page, **here) if job else go(self.page, survey=desk.survey, **here)

    def throw_away(self, desk: Desk, upload: str, said: str) -> ResponseReturnValue:
        """Erase a file, and say so where they are handed in."""
        imports.give_up(desk.db, self.find(desk, upload).id)
        return go(self.home, said, survey=desk.survey, wave=desk.wave.name)


def leads(job: Job) -> tuple[str, str] | None:
    """What stands on the page where the work of a job goes on, and its address."""
    if job.state != DONE or job.kind not in _LEADS:
        return None
    words, endpoint = _LEADS[job.kind]
    if job.kind == openings.OPEN_WAVE:
        return words, url_for(endpoint, survey=job.survey, wave=job.wave)
    if job.kind == imports.READ_LIST:
        return words, url_for(endpoint, survey=job.survey, name=job.wave)
    return words, url_for(endpoint, survey=job.survey, wave=job.wave, upload=job.settings["upload"])


_LEADS = {
    imports.LOOK_AT_FRAME: ("See what it changes", "units.newer_found"),
    imports.LOAD_FRAME: ("See what was changed", "units.newer_found"),
    imports.LOOK_AT_RETURNS: ("See what it holds", "keying.found"),
    imports.LOAD_RETURNS: ("See what was loaded", "keying.found"),
    imports.READ_LIST: ("Look at the list", "opening.frame"),
    openings.OPEN_WAVE: ("Go to the wave", "waves.show"),
}


# ── what the API shares ──────────────────────────────────────────────────────


def seen(desk: Desk) -> list[Job]:
    """The jobs of the survey of a desk that are for one of the member's roles."""
    return [job for job in working.listed(desk.db, desk.survey) if desk.may(*_roles(job))]


def of(desk: Desk, id_: str) -> Job:
    """A job of the survey of a desk. Raises `NotFound`, and `NotAllowed` if it is for other roles."""
    job = working.found(desk.db, desk.survey, bytes.fromhex(id_))
    if not desk.may(*_roles(job)):
        wanted = " or ".join(role.replace("_", " ") for role in _roles(job)) or "that this version does not know"
        raise NotAllowed(f"This job is for the role {wanted} in the survey {desk.survey}.")
    return job


def download(desk: Desk, job: Job) -> ResponseReturnValue:
    """The file that a job made, to be saved under its name. Raises `NotFound`."""
    path = working.file_of(desk.home, job)
    kind = TYPES.get(path.suffix.lower(), "application/octet-stream")
    name = "".join(sign if sign.isprintable() else "_" for sign in job.file)
    return send_file(path, kind, as_attachment=True, download_name=name, conditional=False, etag=False)


def title(job: Job) -> str:
    """What the work of a job is called."""
    kind = working.KINDS.get(job.kind)
    words = kind.title if kind else job.kind
    return words[:1].upper() + words[1:]


def shown(job: Job) -> dict[str, object]:
    """A job as its pages show it."""
    at = datetime.fromtimestamp(job.at, UTC)
    return {
        "id": job.id.hex(),
        "title": title(job),
        "wave": job.wave,
        "who": job.who,
        "at": f"{at.day} {at:%B %Y, %H:%M} UTC",
        "state": STATES[job.state],
        "waits": job.state == WAITING,
        "works": job.state in {RUNNING, DOUBTED},
        "failed": job.state == FAILED,
        "over": job.over,
        "file": job.file if job.state == DONE else "",
        "said": job.said.split("\n"),
        "done": job.done,
        "total": job.total,
        "again": job.tries > 1,
        "upload": "upload" in job.settings,
    }


def _roles(job: Job) -> tuple[str, ...]:
    kind = working.KINDS.get(job.kind)
    return kind.roles if kind else ()
