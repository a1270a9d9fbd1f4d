"""The respondents' site on PostgreSQL: several processes on one store, and a store that is busy or goes away."""

import http.cookiejar
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import event

from surveyapp import campaigning
from surveyapp.config import Home
from surveyapp.storage.postgres import SETTINGS, Postgres
from surveyapp.web import create_app
from tests.makers import TODAY, make_answers, make_wave
from tests.server import Server, name_of
from tests.web.conftest import Visitor

pytestmark = pytest.mark.postgres


# ── two processes ────────────────────────────────────────────────────────────


def test_two_processes_serve_one_respondent_by_turns(postgres: Postgres, home: Home) -> None:
    """Page by page the other one answers: what the one has saved the other shows, and both know what was sent."""
    _, _, codes = make_wave(postgres)
    with ExitStack() as stack:
        ports = [stack.enter_context(_process(home, postgres.place)) for _ in range(2)]
        browser = _Browser(ports)
        browser.get("/")
        browser.post("/answer", code=codes["U001"])
        answers = make_answers(issues="Written by turns")
        for page, names in {
            "p1": ("kind", "sources"),
            "p2": ("partners.police", "partners.health", "issues"),
        }.items():
            browser.get(f"/answer/page/{page}")
            browser.post(f"/answer/page/{page}", **{name: answers[name] for name in names})
        assert "Written by turns" in browser.get("/answer/check")
        assert "Thank you" in browser.post("/answer/send")
        assert browser.asked == [6, 6]
        late = _Browser(ports)
        late.get("/")
        with pytest.raises(urllib.error.HTTPError, match="410"):
            late.post("/answer", code=codes["U001"])
    status = campaigning.status(postgres, "tiny-1")
    assert (status.received, status.tray) == (1, 1)


class _Browser:
    """One browser without scripts whose requests a proxy hands to each process in turn."""

    def __init__(self, ports: list[int]) -> None:
        self.ports, self.asked = ports, [0] * len(ports)
        self.opener = urllib.request.build_opener(
            urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()), _Stay()
        )
        self.hidden: list[tuple[str, str]] = []

    def get(self, path: str) -> str:
        return self._ask(path, None)

    def post(self, path: str, **fields: Any) -> str:
        return self._ask(path, urllib.parse.urlencode([*self.hidden, *fields.items()], doseq=True).encode())

    def _ask(self, path: str, body: bytes | None) -> str:
        turn = sum(self.asked) % len(self.ports)
        self.asked[turn] += 1
        with self.opener.open(f"http://127.0.0.1:{self.ports[turn]}{path}", body, timeout=30) as response:
            text = str(response.read().decode())
            if to := response.headers.get("Location"):
                return self.get(urllib.parse.urlsplit(to).path)
        self.hidden = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', text)
        return text


class _Stay(urllib.request.HTTPRedirectHandler):
    """Hands the answer back: the next request is for the other process."""

    def http_error_303(self, _request: Any, response: Any, *_: Any) -> Any:
        return response

    http_error_302 = http_error_303


@contextmanager
def _process(home: Home, address: str) -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    programme = Path(sys.executable).with_name("surveyapp")
    command = [str(programme), "--home", str(home.path), "serve", "--port", str(port)]
    process = subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "SURVEYAPP_DATABASE_URL": address},
    )
    try:
        _wait_for(port)
        yield port
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def _wait_for(port: int) -> None:
    for _ in range(300):
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.1)
    raise AssertionError("the site was not served")


# ── busy, and gone ───────────────────────────────────────────────────────────

P2 = "/answer/page/p2"


@pytest.fixture
def visitor(postgres: Postgres, home: Home, monkeypatch: pytest.MonkeyPatch) -> Iterator[Visitor]:
    """Somebody at the second page of a site that waits a twentieth of a second for its store."""
    monkeypatch.setitem(SETTINGS, "lock_timeout", 50)
    _, _, codes = make_wave(postgres)
    app = create_app(Home(home.path, postgres.place), secure=False, today=lambda: TODAY)
    visitor = Visitor(app).enter(codes["U001"])
    visitor.get(P2)
    yield visitor
    app.extensions["surveyapp"].db.close()


def test_a_page_that_meets_a_busy_store_is_kept_for_another_try(
    visitor: Visitor, postgres: Postgres, server: Server
) -> None:
    with psycopg.connect(host=str(server.folder), user="postgres", dbname=name_of(postgres.place)) as outsider:
        outsider.execute("LOCK TABLE alembic_version IN EXCLUSIVE MODE")
        busy = visitor.post(P2, {"issues": "Words"})
        outsider.rollback()
    assert (busy.status_code, busy.headers["Retry-After"]) == (503, "30")
    assert "Your answers were not saved" in busy.text
    assert "Words" in busy.text
    assert visitor.post(P2).location == "/answer/check"


@pytest.mark.parametrize("statement", ["INSERT INTO draft", "SELECT wave"])
def test_a_page_whose_connection_is_lost_half_way_is_kept_for_another_try(
    visitor: Visitor, server: Server, statement: str
) -> None:
    engine = visitor.client.application.extensions["surveyapp"].db.engine

    def cut_off(_connection: Any, _cursor: Any, words: str, *_: Any) -> None:
        if words.startswith(statement):
            event.remove(engine, "before_cursor_execute", cut_off)
            server.ask("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'surveyapp'")

    event.listen(engine, "before_cursor_execute", cut_off)
    lost = visitor.post(P2, {"issues": "Words"})
    assert (lost.status_code, lost.headers["Retry-After"]) == (503, "30")
    assert "Words" in lost.text
    assert visitor.post(P2).location == "/answer/check"


def test_a_site_whose_server_lets_nobody_in_says_so_and_nothing_of_the_server(
    visitor: Visitor, server: Server
) -> None:
    server.ask("ALTER ROLE surveyapp NOLOGIN")
    server.ask("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'surveyapp'")
    try:
        page = visitor.get(P2)
        lost = visitor.post(P2, {"issues": "Words"})
    finally:
        server.ask("ALTER ROLE surveyapp LOGIN")
    assert (page.status_code, lost.status_code) == (503, 503)
    assert "It is our fault" in page.text
    assert "Words" in lost.text
    assert not [word for word in ("role", "permitted", "psycopg") if word in page.text + lost.text]
    assert visitor.post(P2).location == "/answer/check"
