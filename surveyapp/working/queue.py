"""The queue: jobs are asked for, taken by a worker, told about, and left behind with what they made."""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

from surveyapp import privacy, retaining, staffing
from surveyapp.acting import OPERATOR, acting, check_may, needs
from surveyapp.config import Home
from surveyapp.problems import NotFound, NotSaved, SurveyError, fault_place
from surveyapp.roles import ROLES
from surveyapp.storage import jobs
from surveyapp.storage.database import Connection, Database
from surveyapp.storage.jobs import DONE, FAILED, LEFT, RUNNING, WAITING, Job

LEASE = 30
"""Seconds for which a worker has a job. A thread prolongs it every `BEAT` seconds while the process lives."""

BEAT = 5

DOUBT = 15
"""Seconds that a worker has to be heard when its lease has run out: more than the longest wait for a lock."""

MOST_TRIES = 3

OFTEN = 0.3
"""Seconds between two words of a job that are written down: each keeps respondents who are saving waiting."""

LONGEST_WORD = 300

_UNFORESEEN = (
    "something went wrong that nobody had foreseen; it has been noted. Ask for it once more, and if it happens "
    "again, tell whoever looks after this server"
)
_DIED = (
    f"the work was begun {MOST_TRIES} times, and each time its process ended without a word; perhaps the server "
    "has too little memory for it"
)

log = logging.getLogger("surveyapp.jobs")
"""Kinds and states only: what is said of a job is for staff, and what an exception says could hold an answer."""


class Stopped(SurveyError):
    """The job was taken back, or is another worker's now: do no more of it."""


class GivenBack(Stopped):
    """The worker is to end: the job waits again, and is done from its start."""


@dataclass
class _Word:
    """What a job said last, and when that was written down."""

    said: str = ""
    done: int = 0
    total: int = 0
    written: float = float("-inf")


@dataclass(frozen=True)
class Task:
    """A job at work: what it may use, and how it tells how far it is."""

    job: Job
    db: Database
    home: Home
    today: date
    now: Callable[[], int]
    stopping: Callable[[], bool] = lambda: False
    """Whether the worker is to end."""
    _word: _Word = field(default_factory=_Word, repr=False)

    def tell(self, said: str, done: int = 0, total: int = 0) -> None:
        """Say how far the job is: at each step, since it may be stopped here. Raises `Stopped`.

        Steps in quick succession are not all written down.
        """
        self._word.said, self._word.done, self._word.total = said[:LONGEST_WORD], done, total
        if self.stopping():
            raise GivenBack("the worker ends")
        if time.monotonic() - self._word.written >= OFTEN:
            with suppress(NotSaved):  # a word that is lost is no reason to lose the work
                self.keep()

    def finish(self, connection: Connection, said: str) -> None:
        """Say in the transaction of the work itself that it is done: both are stored, or neither.

        So work that stores something is never done twice, whoever is killed and whoever was thought dead. Raises
        `Stopped`, which takes the work back, if the job is this worker's no more.
        """
        self.last_word(said)
        if not jobs.settle(connection, self.job, state=DONE, lease=0, **self.told):
            raise Stopped("the job was taken back")

    def last_word(self, said: str) -> None:
        """What is to be read of the job when it is over; it is written down with its state."""
        self._word.said, self._word.done, self._word.total = said[:LONGEST_WORD], 0, 0

    def keep(self) -> None:
        """Write down what was told, and keep the job. Raises `Stopped` if it is this worker's no more."""
        word = self._word
        with self.db.transaction() as connection:
            lease = self.now() + LEASE
            if not jobs.prolong(connection, self.job, lease, word.said, word.done, word.total):
                raise Stopped("the job was taken back")
        word.written = time.monotonic()

    @property
    def told(self) -> dict[str, Any]:
        """What was told last, as columns."""
        return {"said": self._word.said, "done": self._word.done, "total": self._word.total}

    def place(self, name: str) -> Path:
        """Where a file of this job goes; its folder is there. `name` is what people save it as."""
        folder = self.home.job(self.job.id.hex())
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder / name


@dataclass(frozen=True)
class Kind:
    """A kind of work: what it is called, who may ask for it and fetch what it made, and what does it.

    `do` gives the name of the file that it wrote at `Task.place`, "" if none. It can be run again from the start
    after a crash. If it `tidies` up after a process that is no more, it is the operator's, whoever asked.
    """

    title: str
    roles: tuple[str, ...]
    do: Callable[[Task], str]
    tidies: bool = False


KINDS: dict[str, Kind] = {}
"""By the name that jobs are kept under; `kind` fills it."""


def kind(
    name: str, title: str, *roles: str, tidies: bool = False
) -> Callable[[Callable[[Task], str]], Callable[[Task], str]]:
    """Make a function a kind of work."""

    def register(do: Callable[[Task], str]) -> Callable[[Task], str]:
        KINDS[name] = Kind(title, roles, do, tidies)
        return do

    return register


# ── asking, looking, taking back ─────────────────────────────────────────────


def ask(
    db: Database, name: str, survey: str, wave: str, who: str, now: int, settings: Mapping[str, Any] | None = None
) -> Job:
    """Ask for work of a kind. `settings` are plain JSON and are kept: no secret, nothing about a respondent.

    `who` has an account, whose roles count when the work is done, or is `roles.TERMINAL`, which is the operator.
    Who asks for the same thing again while it waits gets the job that waits.
    """
    check_may(KINDS[name].roles, survey)
    job = Job(privacy.new_id(), name, survey, wave, who, dict(settings or {}), at=now)
    with db.transaction() as connection:
        if known := jobs.like(connection, job):
            return known
        jobs.add(connection, job)
    return job


@needs(*ROLES)
def found(db: Database, survey: str, id_: bytes) -> Job:
    """A job of a survey. Raises `NotFound`."""
    with db.reading() as connection:
        job = jobs.job(connection, id_)
    if job is None or job.survey != survey:
        raise NotFound("there is no such job; it may have been thrown away")
    return job


@needs(*ROLES)
def listed(db: Database, survey: str) -> list[Job]:
    """The jobs of a survey, the newest first."""
    with db.reading() as connection:
        return jobs.jobs(connection, survey)


@needs(*ROLES)
def take_back(db: Database, survey: str, id_: bytes) -> Job:
    """Take a job back; one at work ends at its next step. What it made is erased, and the file that it is about.

    Raises `NotFound`, and `SurveyError` if it is over.
    """
    found(db, survey, id_)
    with db.transaction() as connection:
        if not jobs.leave(connection, id_, "taken back"):
            raise SurveyError("this job is over; there is nothing to take back")
        retaining.drop_upload_of(connection, id_)
    return found(db, survey, id_)


@needs(*ROLES)
def throw_away(db: Database, home: Home, survey: str, id_: bytes) -> None:
    """Forget a job and erase what it made. Raises `NotFound`, and `SurveyError` for one that is not over."""
    if not found(db, survey, id_).over:
        raise SurveyError("this job is not over yet; take it back first")
    retaining.erase_job(db, home, id_)


def file_of(home: Home, job: Job) -> Path:
    """The file that a job made. Raises `NotFound` if there is none, or if it lies on another machine."""
    path = home.job(job.id.hex()) / job.file
    if job.state != DONE or not job.file or Path(job.file).name != job.file:
        raise NotFound("this job has made no file")
    if not path.is_file():
        raise NotFound(
            "the file of this job is not on this machine: its folder `jobs` is to be shared by all of them"
        )
    return path


# ── working ──────────────────────────────────────────────────────────────────


@needs(OPERATOR)
def run_next(
    db: Database, home: Home, today: date, now: Callable[[], int], stopping: Callable[[], bool] = lambda: False
) -> Job | None:
    """Take the next job and do it; as it is afterwards, or None if there was none.

    `stopping` says that the process is to end: a job that tells how far it is is given back then.
    """
    job = _taken(db, now)
    if job is None:
        return None
    task = Task(job, db, home, today, now, stopping)
    if job.tries > MOST_TRIES:
        return _over(task, state=FAILED, said=_DIED)
    return carry_out(task)


def begin_here(job: Job, now: int) -> Job:
    """A new job as this process begins it: it never waits in the queue. Put it into the store before the work."""
    return replace(job, state=RUNNING, at=max(job.at, now), lease=now + LEASE, tries=1)


def carry_out(task: Task, do: Callable[[Task], str] | None = None) -> Job:
    """Do the work of a job that this process has; the job afterwards. `do` is by default that of its kind."""
    with _Heart(task):
        outcome = _outcome(task, do)
    log.info("job %s %s", task.job.kind, outcome["state"])
    return _over(task, **outcome)


def _taken(db: Database, now: Callable[[], int]) -> Job | None:
    with db.reading() as connection:
        if not jobs.wanting(connection, now()):
            return None
    with db.transaction() as connection:
        at = now()
        jobs.doubt(connection, at, at + DOUBT)
        return jobs.take(connection, at, at + LEASE)


class _Heart:
    """Keeps a job while it is at work: a step may take long and tell nothing."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self.end = threading.Event()
        self.thread = threading.Thread(target=self._beat, name="heart", daemon=True)

    def __enter__(self) -> None:
        self.thread.start()

    def _beat(self) -> None:
        while not self.end.wait(BEAT):
            with suppress(NotSaved):  # the store was busy: again at the next beat
                try:
                    self.task.keep()
                except Stopped:
                    return

    def __exit__(self, *_: object) -> None:
        self.end.set()
        self.thread.join()


def _outcome(task: Task, do: Callable[[Task], str] | None) -> dict[str, Any]:
    """Do the work; the columns to set, whatever happens."""
    known = KINDS.get(task.job.kind)
    if known is None:
        return {"state": FAILED, "said": "this version of surveyapp knows no such work; update the worker"}
    try:
        with acting(None) if known.tidies and do is None else _for_who_asked(task):
            file = (do or known.do)(task)
    except GivenBack:
        return {"state": WAITING, "said": "", "done": 0, "total": 0, "lease": 0, "tries": task.job.tries - 1}
    except Stopped:
        return {"state": LEFT, "said": "taken back"}
    except SurveyError as error:
        return {"state": FAILED, "said": str(error)[: LONGEST_WORD * 10]}
    except Exception as error:  # noqa: BLE001 (a job that fails must not take the worker with it)
        log.error("fault %s in job %s", fault_place(error), task.job.kind)
        return {"state": FAILED, "said": _UNFORESEEN}
    return {"state": DONE, "file": file}


def _for_who_asked(task: Task) -> AbstractContextManager[None]:
    """Work for whoever asked for it, by the roles that they have now: what they may do no more is not done.

    What was asked for at the terminal is the operator's. Raises `NotAllowed` if nobody has the address that asked.
    """
    return acting(staffing.asker(task.db, task.job.who), task.job.survey)


def _over(task: Task, **values: Any) -> Job:
    """The job as it is now. What was made in vain is erased, unless another worker makes it anew."""
    if values["state"] != DONE:
        with suppress(Stopped):
            task.keep()
            retaining.erase_job_files(task.home, task.job.id)
    with task.db.transaction() as connection:
        jobs.settle(connection, task.job, **{**task.told, "lease": 0, **values})
        known = jobs.job(connection, task.job.id)
    if known is None or known.state == LEFT:
        retaining.erase_job_files(task.home, task.job.id)
    return known or replace(task.job, state=LEFT)


@needs(OPERATOR)
def run_waiting(db: Database, home: Home, today: date, now: Callable[[], int]) -> int:
    """Do every job that waits; how many there were."""
    count = 0
    while run_next(db, home, today, now):
        count += 1
    return count


@needs(OPERATOR)
def work(
    db: Database,
    home: Home,
    today: Callable[[], date],
    now: Callable[[], int],
    ended: Callable[[float], bool],
    pause: float = 1,
) -> None:
    """Do jobs as they come, until `ended`, which waits for so many seconds at most, says so.

    A store that cannot be reached is asked again: a job that was at work then is taken up once its lease is over.
    """
    while not ended(0):
        try:
            job = run_next(db, home, today(), now, lambda: ended(0))
        except SurveyError:
            log.error("the store could not be used")
            job = None
        if job is None and ended(pause):
            return
