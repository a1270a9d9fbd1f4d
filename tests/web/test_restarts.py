"""A site that is begun anew while people answer: what they were told is saved is saved, and nobody is cut off.

The real configuration of gunicorn, on a socket that the system keeps listening, as the units have it.
"""

import re
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field

from surveyapp import campaigning
from surveyapp.config import Home
from surveyapp.storage.database import connect
from tests.makers import make_answers, make_wave
from tests.web.nodes import Browser, Node, listening, ready

CODES = 5


@dataclass
class Respondent:
    """Saves the same page over and over with another number, and looks each time whether the last one is there."""

    code: str
    port: int
    ending: threading.Event
    told: int = 0
    ills: list[str] = field(default_factory=list)
    received: bool = False

    def answer(self) -> None:
        """Come in, save until it is enough, send; whatever goes wrong on the way is kept."""
        with suppress(_Ill):
            browser = Browser([self.port])
            self._ask(browser.get, "/")
            self._ask(browser.post, "/answer", code=self.code)
            self._ask(browser.get, "/answer/page/p1")
            first = {name: make_answers()[name] for name in ("kind", "sources")}
            self._ask(browser.post, "/answer/page/p1", **first)
            while not self.ending.is_set():
                self._save(browser)
            self._ask(browser.get, "/answer/check")
            self.received = "Thank you" in self._ask(browser.post, "/answer/send")

    def _save(self, browser: Browser) -> None:
        there = self._ask(browser.get, "/answer/page/p2")
        stands = re.search(r"<textarea[^>]*>\s*(.*?)</textarea>", there, re.DOTALL)
        if self.told and (not stands or stands[1] != f"Number {self.told}"):
            self._fail(f"told {self.told}, and there stands {stands[1] if stands else there[:500]}")
        self._ask(browser.post, "/answer/page/p2", issues=f"Number {self.told + 1}")
        if browser.at != "/answer/check":
            self._fail(f"led to {browser.at}")
        self.told += 1

    def _ask(self, how, path: str, **fields: str | list[str]) -> str:  # type: ignore[no-untyped-def]
        """No second try: a connection that is refused would be one too many."""
        try:
            return str(how(path, **fields))
        except OSError as error:
            self._fail(f"{path}: {type(error).__name__} {error}")

    def _fail(self, what: str):  # type: ignore[no-untyped-def]
        self.ills.append(what)
        raise _Ill


class _Ill(Exception):
    """Something went wrong."""


def test_nothing_is_lost_and_nobody_cut_off_by_reloads_and_restarts(home: Home) -> None:
    """A reload, then a stop and another start, while five people save as fast as they can."""
    db = connect(home.make().store)
    _, _, codes = make_wave(db)
    ending = threading.Event()
    with listening() as listener:
        site = Node(home, listener)
        ready(site.port)
        people = [Respondent(code, site.port, ending) for code in list(codes.values())[:CODES]]
        threads = [threading.Thread(target=each.answer) for each in people]
        for thread in threads:
            thread.start()
        try:
            _saving(people)
            before = site.workers()
            site.reload()
            _until(lambda: len(site.workers()) == 2 and not site.workers() & before)
            _saving(people)
            site.stop()
            site = Node(home, listener)
            _saving(people)
        finally:
            ending.set()
            for thread in threads:
                thread.join(60)
            site.stop()
    assert ([ill for each in people for ill in each.ills], site.log.read_text()) == ([], "")
    assert [each.received for each in people] == [True] * CODES
    status = campaigning.status(db, "tiny-1")
    assert (status.received, status.tray) == (CODES, CODES)
    db.close()


def _saving(people: list[Respondent]) -> None:
    """Wait until everybody has saved three times more, or has met something ill."""
    goal = [each.told + 3 for each in people]
    _until(lambda: all(each.ills or each.told >= wanted for each, wanted in zip(people, goal, strict=True)))


def _until(so) -> None:  # type: ignore[no-untyped-def]
    for _ in range(900):
        if so():
            return
        time.sleep(0.1)
    raise AssertionError("waited for too long")
