"""What staff ask the job worker for while a wave is in the field, on their pages, and what must come of it.

Tables and microdata of the wave before, reminders, an opening of the tray: the worker is killed at it, or the node
on which the tray is opened. In the end no job is lost, each is done or has failed with words, none was done twice.
"""

import random
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from surveyapp import privacy, working
from surveyapp.config import Home
from surveyapp.problems import NotFound
from surveyapp.storage import jobs
from surveyapp.storage.jobs import AT_WORK, DONE, FAILED, Job
from surveyapp.working.exports import MICRODATA, TABLES
from surveyapp.working.queue import _UNFORESEEN
from surveyapp.working.tray import OPENING
from tests.soak.installation import Installation
from tests.soak.respondents import Browser, Page, Wrong

PATIENCE = 60
"""Seconds for which a job may go on when nothing befalls anybody any more."""

BEGUN = 20
"""Seconds for which a job is waited for."""

SURVEY = "/staff/surveys/soak"
FORMATS = ("workbook", "word", "analyst")
DATA = ("csv", "sav", "parquet", "xlsx", "zip")


@dataclass
class Errands:
    """What was asked for in one wave. `asked` are the ids of jobs that somebody was shown."""

    at: Installation
    chance: random.Random
    asked: set[bytes] = field(default_factory=set)
    deaths: int = 0
    """How often something died at which a job may have been at work."""

    # ── asking ──

    def tables(self, of: str) -> None:
        """The tables of a wave, as one of their files."""
        form = {"plan": ["every-question"], "format": [self.chance.choice(FORMATS)]}
        self._ask_by_form(f"{SURVEY}/waves/{of}/export", "/tables", form)

    def microdata(self, of: str) -> None:
        """The answers of a wave."""
        form = {"format": [self.chance.choice(DATA)], "leave_out": ["kind"]}  # which would tell some from others
        self._ask_by_form(f"{SURVEY}/waves/{of}/export", "/microdata", form)

    def reminders(self, wave: str, rule: str) -> None:
        """Letters to those who are due."""
        form = {"when": ["rule"], "rule": [rule]}
        self._ask_by_form(f"{SURVEY}/waves/{wave}/letters/reminders", "", form)

    def opening(self, wave: str, key: bytes) -> None:
        """The tray is opened on the key holder's page. It goes on in a thread of whoever answers."""
        path, file = f"{SURVEY}/waves/{wave}/tray", privacy.key_file(wave, key).encode()

        def ask(browser: Browser) -> Page:
            page = browser.get(path)
            answer = browser.upload(path, page.hidden, "key", (f"{wave}.key", file), 303, 400)
            again = answer.status == 400 and "The tray is being opened" in answer.text  # a reply was cut off
            if not again and answer.location != path:
                raise Wrong(f"the tray is not opened: {answer.location} {answer.text[-600:]}")
            return answer

        self._ask(ask)
        begun = {job.id for job in self.all if (job.kind, job.wave) == (OPENING, wave)}
        assert begun, "the tray is being opened, and there is no job"
        self.asked |= begun

    def _ask_by_form(self, page: str, to: str, form: dict[str, list[str]]) -> None:
        """Ask by the form of a page, sent with what is hidden in it, and note the job that is shown then."""

        def ask(browser: Browser) -> Page:
            return browser.post(f"{page}{to}", {**browser.get(page).hidden, **form}, 303)

        place, _, id_ = self._ask(ask).location.rpartition("/")
        if place != f"{SURVEY}/jobs":
            raise Wrong(f"asking at {page}{to} led to {place}/{id_}")
        self.asked.add(bytes.fromhex(id_))

    def _ask(self, ask: Callable[[Browser], Page]) -> Page:
        """Ask, as a colleague who has just signed in."""
        browser = self.at.colleague(self.chance)
        try:
            answer = ask(browser)
        finally:
            browser.close()
        self.at.site.count("jobs asked for")
        return answer

    # ── looking ──

    @property
    def all(self) -> list[Job]:
        """Every job that there is."""
        with self.at.db.reading() as connection:
            return jobs.jobs(connection, "soak")

    def wait_for_work(self) -> None:
        """Until a job is at work; or one that was asked for meanwhile is over already; and not for ever."""
        until, over = time.monotonic() + BEGUN, {job.id for job in self.all if job.over}
        while time.monotonic() < until:
            found = self.all
            if any(job.state in AT_WORK or (job.over and job.id not in over) for job in found):
                return
            time.sleep(0.01)

    def settle(self, *kinds: str) -> None:
        """Until no job of these kinds goes on, by default of any: one that was killed is taken up again."""
        until = time.monotonic() + PATIENCE
        while going := [job for job in self.all if not job.over and (not kinds or job.kind in kinds)]:
            told = [(job.kind, job.state, job.tries, job.said) for job in going]
            assert time.monotonic() < until, f"jobs that do not end: {told}"
            time.sleep(0.05)

    def end(self) -> None:
        """Look what came of all of it, and throw it away, as staff do."""
        self.settle()
        found = self.all
        assert_none_lost(self.asked, found)
        assert_each_ended(self.at.home, found)
        assert_none_twice(found, begun(self.at.nodes[0].begun), self.deaths)
        for job in found:
            working.throw_away(self.at.db, self.at.home, "soak", job.id)
            self.at.site.count(f"jobs {job.state}")
        self.at.site.count("jobs begun again", sum(job.tries - 1 for job in found))
        assert not list(self.at.home.jobs.glob("*")), "something is left of jobs that were thrown away"


# ── what must hold ───────────────────────────────────────────────────────────


def assert_none_lost(asked: Iterable[bytes], found: Iterable[Job]) -> None:
    """Every job that somebody was shown is there."""
    lost = set(asked) - {job.id for job in found}
    assert not lost, f"{len(lost)} jobs are lost"


def assert_each_ended(home: Home, found: Iterable[Job]) -> None:
    """Each is done, and its file is there and whole, or has failed and says why."""
    for job in found:
        assert job.state in {DONE, FAILED}, f"{job.kind} is {job.state}"
        if job.state == FAILED:
            assert job.said, f"{job.kind} failed without a word"
            assert job.said != _UNFORESEEN, f"{job.kind} failed by a fault of ours"
        elif job.kind in {TABLES, MICRODATA}:
            _assert_whole(home, job)


def _assert_whole(home: Home, job: Job) -> None:
    try:
        path = working.file_of(home, job)
    except NotFound as missing:
        raise AssertionError(f"{job.kind} is said to be done, and there is no file: {missing}") from None
    assert path.stat().st_size, f"the file of {job.kind} is empty"
    if path.suffix in {".xlsx", ".docx", ".zip"}:
        try:
            with zipfile.ZipFile(path) as archive:
                assert archive.testzip() is None, f"the file of {job.kind} is damaged"
        except zipfile.BadZipFile:
            raise AssertionError(f"half of the file of {job.kind} is there") from None


def assert_none_twice(found: Iterable[Job], begun: Counter[str], deaths: int) -> None:
    """No try was begun twice, and nothing was tried again but after a death."""
    twice = {each for each, times in begun.items() if times > 1}
    assert not twice, f"begun twice: {twice}"
    again = max((job.tries - 1 for job in found), default=0)
    assert again <= deaths, f"a job was begun again {again} times after {deaths} deaths"


def begun(noted: Path) -> Counter[str]:
    """How often each try of each job was begun, and not given back because the worker was to end."""
    lines = [line.partition(" ") for line in noted.read_text().splitlines()] if noted.exists() else []
    times = Counter(each for what, _, each in lines if what == "begun")
    times.subtract(each for what, _, each in lines if what == "back")
    return times
