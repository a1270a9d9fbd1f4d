"""The respondents' site on PostgreSQL: several processes on one store, and a store that is busy or goes away."""

import base64
import time
import urllib.error
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import event

from surveyapp import campaigning, keyring, privacy, rotating
from surveyapp.config import Home
from surveyapp.privacy import SETTLING
from surveyapp.storage.postgres import SETTINGS, Postgres
from surveyapp.web import create_app
from tests.makers import TODAY, make_answers, make_wave
from tests.server import Server, name_of
from tests.web.conftest import Visitor
from tests.web.nodes import Browser, node, shared_home

pytestmark = pytest.mark.postgres


# ── two nodes ────────────────────────────────────────────────────────────


def test_two_nodes_serve_one_respondent_by_turns(postgres: Postgres, home: Home, tmp_path: Path) -> None:
    """Page by page the other one answers: what the one has saved the other shows, and both know what was sent."""
    _, _, codes = make_wave(postgres)
    at = Home(home.path, postgres.place).make()
    with ExitStack() as stack:
        ports = [stack.enter_context(node(each)) for each in (at, shared_home(at, tmp_path / "other machine"))]
        browser = Browser(ports)
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
        assert "Thank you" in browser.post("/answer/send", node=0)
        assert min(browser.asked) > 4
        for turn in (0, 1):
            late = Browser(ports)
            late.get("/", node=turn)
            with pytest.raises(urllib.error.HTTPError, match="410"):
                late.post("/answer", node=turn, code=codes["U001"])
    status = campaigning.status(postgres, "tiny-1")
    assert (status.received, status.tray) == (1, 1)


def test_keys_changed_on_one_node_are_used_by_the_other_without_a_restart(
    postgres: Postgres, home: Home, tmp_path: Path
) -> None:
    """A visit begun before it goes on after it, on both; a rotation that has not settled yet changes nothing."""
    _, _, codes = make_wave(postgres)
    at = Home(home.path, postgres.place).make()
    other = shared_home(at, tmp_path / "other machine")
    with ExitStack() as stack:
        ports = [stack.enter_context(node(each)) for each in (at, other)]
        browser = Browser(ports)
        browser.get("/")
        browser.post("/answer", code=codes["U001"])
        browser.get("/answer/page/p1")
        for group in ("cookie", "pepper"):
            rotating.rotate(other, group, int(time.time()) - 2 * SETTLING)  # settled as soon as it is seen
        time.sleep(keyring.EVERY + 1)
        browser.post("/answer/page/p1", kind="yes")
        assert browser.at == "/answer/page/p2"
        browser.post("/answer/page/p2", issues="Over a rotation")
        colleague = Browser(ports)
        colleague.get("/")
        colleague.post("/answer", code=codes["U001"])
        assert "Over a rotation" in colleague.get("/answer/check")
        seals = keyring.keys_in(at.keys / "cookie")[0].secret
        (cookie,) = colleague.jar
        privacy.open_cookie(seals, base64.urlsafe_b64decode(cookie.value or ""))


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


@pytest.mark.parametrize("statement", ["INSERT INTO draft", "SELECT draft"])
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
