"""When something fails: our own page, the right status, and a silent log."""

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from surveyapp import collecting
from surveyapp.keyring import Keys
from surveyapp.storage import database
from tests.web.conftest import MakeSite, Site, refused

OURS = "Something went wrong"


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch, make_site: MakeSite) -> Site:
    """A site that waits for its database for a moment only."""
    monkeypatch.setitem(database.PRAGMAS, "busy_timeout", 20)
    return make_site()


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Somebody else holds the database."""
    holder = sqlite3.connect(path, isolation_level=None)
    try:
        holder.execute("BEGIN EXCLUSIVE")
        yield
        holder.execute("ROLLBACK")
    finally:
        holder.close()


def fault(*_args: object, **_more: object) -> None:
    """A use case that fails in a way that nobody foresaw."""
    raise RuntimeError("CANARY answer")


@pytest.mark.parametrize(
    "path", ["/nothing", "/answer/", "/answer/start/", "/static/nothing.css", "/staff", "/%00", "/é"]
)
def test_an_unknown_address_gives_our_page(site: Site, path):
    refused(site.visitor().get(path), 404, "Page not found")


@pytest.mark.parametrize(
    "path",
    [
        "/static/../wsgi.py",
        "/static/%2e%2e/app.py",
        "/static/..%5capp.py",
        "/static/%2e%2e%2f%2e%2e%2fapp.py",
        "/static//etc/passwd",
        "/static/",
        "/static/app.css%00",
    ],
)
def test_no_file_outside_the_static_ones_is_served(site: Site, path):
    refused(site.visitor().get(path), 404, "Page not found")


def test_an_address_said_in_a_page_not_found_is_not_repeated(site: Site):
    assert "CANARY" not in site.visitor().get("/CANARY<script>").text


def test_a_fault_gives_our_page_and_is_logged_by_type_and_line_alone(
    site: Site,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
):
    caplog.set_level(logging.DEBUG)
    visitor = site.visitor("U001")
    caplog.clear()
    monkeypatch.setattr(collecting, "desk", fault)
    agent = {"User-Agent": "CANARY-agent"}
    page = visitor.get("/answer/page/p1", headers=agent, environ_base={"REMOTE_ADDR": "203.0.113.9"})
    refused(page, 500, OURS)
    assert "CANARY" not in page.text
    written = caplog.text + "".join(capfd.readouterr())
    assert "fault RuntimeError at " in written
    for secret in ("CANARY", "/answer", "203.0.113.9", "p1", site.codes["U001"]):
        assert secret not in written


@pytest.mark.parametrize(
    ("method", "path", "use_case"),
    [
        ("GET", "/", "in_the_field"),
        ("POST", "/answer", "enter"),
        ("GET", "/answer/start", "desk"),
        ("POST", "/answer/page/p1", "save_page"),
        ("GET", "/answer/check", "desk"),
        ("POST", "/answer/send", "submit"),
        ("GET", "/health", "in_the_field"),
    ],
)
def test_a_fault_in_any_view_gives_our_page(site: Site, monkeypatch: pytest.MonkeyPatch, method, path, use_case):
    visitor = site.filled("U001")
    monkeypatch.setattr(collecting, use_case, fault)
    data = {"csrf_token": visitor.token} if method == "POST" else None
    refused(visitor.client.open(path, method=method, data=data), 500, OURS)


def test_the_log_of_a_whole_visit_holds_event_names_only(site: Site, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.DEBUG)
    visitor = site.filled("U001")
    visitor.post("/answer/send")
    visitor.post("/answer", {"code": "nothing"})
    visitor.get("/nothing")
    ours = {
        record.getMessage()
        for record in caplog.records
        if record.name.startswith(("surveyapp", "flask", "werkzeug"))
    }
    token = {"The CSRF session token is missing.", "refused CSRFError"}
    assert ours <= {"entered", "received", "code not known", "refused 404", *token}


def test_a_locked_database_refuses_to_save_and_says_when_to_try_again(impatient: Site):
    visitor = impatient.visitor("U001")
    visitor.get("/answer/page/p1")
    with locked(impatient.home.database):
        page = visitor.post("/answer/page/p1", {"kind": "yes"})
    assert page.status_code == 503
    assert page.headers["Retry-After"] == "30"
    assert 'href="/"' in page.text
    assert impatient.draft("U001") == {}
    assert visitor.post("/answer/page/p1", {"kind": "yes"}).status_code == 303


def test_a_locked_database_sends_nothing(impatient: Site):
    visitor = impatient.filled("U001")
    with locked(impatient.home.database):
        assert visitor.post("/answer/send").status_code == 503
    assert impatient.tray() == []
    assert visitor.post("/answer/send").location == "/answer/done"


@pytest.mark.parametrize("path", ["/", "/answer/start", "/answer/page/p1", "/answer/check", "/health"])
def test_reading_from_a_locked_database_says_when_to_try_again(impatient: Site, path):
    visitor = impatient.visitor("U001")
    with locked(impatient.home.database):
        page = visitor.get(path)
    assert (page.status_code, page.headers.get("Retry-After")) == (503, "30")


def test_a_draft_that_no_longer_opens_is_no_fault_of_the_respondent(site: Site):
    site.visitor("U001").save("p1", {"kind": "yes"})
    desk = site.app.extensions["surveyapp"]
    site.app.extensions["surveyapp"] = replace(desk, peppers=Keys(b"another pepper"))
    visitor = site.visitor()
    visitor.get("/")
    refused(visitor.post("/answer", {"code": site.codes["U001"]}), 503, "The service is not available")


@pytest.mark.parametrize("path", ["/answer", "/answer/page/p1", "/answer/send"])
@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x"])
def test_ten_megabytes_are_refused_with_our_page(site: Site, path, kind):
    visitor = site.visitor("U001")
    visitor.get("/answer/page/p1")
    body = b"kind=" + b"x" * 10_000_000
    refused(visitor.client.post(path, data=body, content_type=kind), 413, "That is too long")
    assert site.draft("U001") == {}


def test_a_body_that_breaks_off_is_refused(site: Site):
    visitor = site.visitor("U001")
    kind = "multipart/form-data; boundary=x"
    answer = visitor.client.post(
        "/answer/page/p1", data=b'--x\r\nContent-Disposition: form-data; name="k', content_type=kind
    )
    assert answer.status_code in {400, 413}
    assert "<h1" in answer.text


@pytest.mark.parametrize("host", ["x" * 300, "a..b", "a b", "[::1", "evil.example:99999", "é", ""])
def test_a_broken_host_name_is_no_fault(site: Site, host, capfd: pytest.CaptureFixture[str]):
    answer = site.visitor().client.get("/answer/page/p1", headers={"Host": host})
    assert answer.status_code in {400, 403}
    assert answer.headers["Cache-Control"] == "no-store"
    assert "/answer" not in "".join(capfd.readouterr())


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "TRACE", "PROPFIND", "post", "X" * 200])
def test_an_unknown_method_is_refused_and_told_which_are_known(site: Site, method):
    answer = site.visitor().client.open("/", method=method)
    refused(answer, 405, "That is not possible")
    assert set(answer.headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS"}


def test_the_first_page_survives_any_query(site: Site):
    for query in ("to=check", "%00=%FF", "a=1&" * 3000, "to[]=1", "x=" + "é" * 2000):
        assert site.visitor().client.get(f"/?{query}").status_code == 200
