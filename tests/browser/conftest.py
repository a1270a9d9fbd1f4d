"""One Chromium, and the site with the real questionnaire of 2012 served on this machine."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Playwright, sync_playwright
from werkzeug.serving import WSGIRequestHandler, make_server

from surveyapp.config import project_file
from surveyapp.storage.database import connect
from surveyapp.web import create_app
from tests.makers import TODAY, make_frame, make_home, make_wave
from tests.web.conftest import Site

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


class Quiet(WSGIRequestHandler):
    """A server that says nothing about its requests."""

    def log_request(self, code: object = "-", size: object = "-") -> None:
        """Say nothing."""


@dataclass
class Served:
    """The site at its address, with the codes that nobody has used yet."""

    site: Site
    address: str
    codes: list[str]

    def code(self) -> str:
        """An access code for this test alone."""
        return self.codes.pop()


@dataclass
class Guest:
    """Somebody at a browser, and what the browser noticed."""

    served: Served
    page: Page
    hosts: set[str] = field(default_factory=set)
    addresses: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def go(self, path: str) -> Page:
        """Open an address of the site."""
        self.page.goto(self.served.address + path)
        return self.page

    def enter(self, path: str = "/answer/start") -> Page:
        """Come in with a fresh code, then open a page."""
        self.go("/")
        self.page.fill("#code", self.served.code())
        self.page.click("button")
        assert self.path == "/answer/start"
        return self.page if path == "/answer/start" else self.go(path)

    @property
    def path(self) -> str:
        """Where the browser is."""
        return urlsplit(self.page.url).path

    def press(self, name: str) -> None:
        """Press the button with this name."""
        self.page.get_by_role("button", name=name, exact=True).click()


@pytest.fixture(scope="session")
def driver() -> Iterator[Playwright]:
    """Playwright, started once."""
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="session")
def chromium(driver: Playwright) -> Iterator[Browser]:
    """The browser, started once."""
    browser = driver.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
    yield browser
    browser.close()


@contextmanager
def serving(path: Path, document: Mapping[str, Any], **more: Any) -> Iterator[Served]:
    """The site with a questionnaire in the field; `more` are settings of its wave."""
    home = make_home(path)
    app = create_app(home, secure=False, today=lambda: TODAY)
    db = connect(home.database)
    settings = {"frame": make_frame(60), "key_place": "server"} | more
    site = Site(home, app, db, *make_wave(db, "dat-2012", document, **settings))
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Quiet)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield Served(site, f"http://127.0.0.1:{server.port}", list(site.codes.values()))
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        db.close()
        app.extensions["surveyapp"].db.close()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The site with the DAT questionnaire in the field."""
    document = json.loads(project_file("instruments/dat/2012.1.json").read_bytes())
    with serving(tmp_path_factory.mktemp("site"), document) as site:
        yield site


def welcome(served: Served, context: BrowserContext) -> Guest:
    """A guest in this browser window; what the page loads and complains of is noted."""
    guest = Guest(served, context.new_page())

    def noted(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and "Failed to load resource" not in message.text:
            guest.complaints.append(message.text)

    guest.page.on("request", lambda request: guest.hosts.add(urlsplit(request.url).netloc))
    guest.page.on("request", lambda request: guest.addresses.append(request.url))
    guest.page.on("console", noted)
    guest.page.on("pageerror", lambda error: guest.complaints.append(str(error)))
    guest.page.set_default_timeout(10_000)
    return guest


@pytest.fixture
def guest(served: Served, chromium: Browser) -> Iterator[Guest]:
    """A new visitor. Whatever the test does: no other host is asked, and the browser complains of nothing."""
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    guest = welcome(served, context)
    yield guest
    context.close()
    assert guest.hosts <= {urlsplit(served.address).netloc}
    assert guest.complaints == []


@pytest.fixture
def plain_guest(served: Served, chromium: Browser) -> Iterator[Guest]:
    """A new visitor whose browser runs no scripts."""
    context = chromium.new_context(viewport={"width": 1280, "height": 900}, java_script_enabled=False)
    guest = welcome(served, context)
    yield guest
    context.close()
    assert guest.hosts <= {urlsplit(served.address).netloc}
