"""A real server of four processes: fifty clicks at once, its death in the middle of a visit, a restart."""

import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from copy import copy
from html import unescape
from pathlib import Path
from urllib.parse import urlencode

import pytest

from surveyapp import campaigning
from surveyapp.config import Home
from tests.faults import places
from tests.faults.books import assert_books_balance
from tests.faults.places import WAVE, Place, store

_FIELD = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)">')
_SERVE = "from surveyapp.config import Home; from surveyapp.web import server, create_app; "
_SERVE += "server.run(lambda: create_app(Home(path), secure=False), where, workers=4)"


class Browser:
    """One browser, as far as a form needs it: its cookie and the hidden fields of the last page."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.cookie = ""
        self.hidden: dict[str, str] = {}

    def get(self, path: str) -> tuple[int, str]:
        status, text = self._ask("GET", path)
        self.hidden = {name: unescape(value) for name, value in _FIELD.findall(text)}
        return status, text

    def post(self, path: str, fields: Mapping[str, str]) -> tuple[int, str]:
        return self._ask("POST", path, urlencode({**self.hidden, **fields}))

    def enter(self, code: str) -> "Browser":
        self.get("/")
        assert self.post("/answer", {"code": code})[0] == 303
        return self

    def _ask(self, method: str, path: str, body: str = "") -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        headers = {"Cookie": self.cookie, "Content-Type": "application/x-www-form-urlencoded"}
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        text = answer.read().decode()
        if found := re.match(r"answer=[^;]*", answer.headers.get("Set-Cookie", "")):
            self.cookie = found[0]
        connection.close()
        return answer.status, text


@contextmanager
def serving(home: Home, port: int) -> Iterator["subprocess.Popen[bytes]"]:
    """A server in a group of processes of its own, ready to answer."""
    command = [
        sys.executable,
        "-c",
        f"path, where = {str(home.path)!r}, '127.0.0.1:{port}'\nfrom pathlib import Path",
    ]
    command[2] += f"\npath = Path(path)\n{_SERVE}"
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        _wait(port)
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(30)


def _wait(port: int) -> None:
    for _ in range(300):
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.1)
    raise AssertionError("the server does not answer")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A wave in the field; one respondent has saved everything."""
    return places.fielded(tmp_path, saved=1)


def test_fifty_clicks_at_once_make_one_box_and_are_all_told_so(place: Place) -> None:
    (code,) = place.saved
    with serving(place.home, port := _free_port()):
        browser = Browser(port).enter(code)
        assert browser.get("/answer/check")[0] == 200
        with ThreadPoolExecutor(50) as pool:
            tabs = [copy(browser) for _ in range(50)]  # none of which has seen the thanks yet
            replies = list(pool.map(lambda tab: tab.post("/answer/send", {}), tabs))
    assert Counter(status for status, _ in replies) == {303: 1, 410: 49}
    assert all("Answers received" in text for status, text in replies if status == 410)
    db = store(place.home)
    assert_books_balance(db, [code], WAVE, place.key)
    db.close()


def test_a_server_that_is_killed_and_started_again_goes_on_where_it_was(place: Place) -> None:
    """All its processes at once, without a word; the cookie is still good, and so is what was saved."""
    code = list(place.codes.values())[5]
    with serving(place.home, port := _free_port()) as process:
        browser = Browser(port).enter(code)
        browser.get("/answer/page/p1")
        assert browser.post("/answer/page/p1", {"kind": "yes"})[0] == 303
        os.killpg(process.pid, signal.SIGKILL)
    browser.port = _free_port()
    with serving(place.home, browser.port):
        browser.get("/answer/page/p2")
        assert browser.post("/answer/page/p2", {"issues": code})[0] == 303
        assert browser.get("/answer/check")[0] == 200
        assert browser.post("/answer/send", {})[0] == 303
    db = store(place.home)
    assert campaigning.status(db, WAVE).received == 1
    assert_books_balance(db, [code], WAVE, place.key)
    db.close()
