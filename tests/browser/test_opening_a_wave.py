"""A wave is opened in a real browser, by a manager and a key holder, whose key is downloaded and brought back."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page
from werkzeug.serving import make_server

from surveyapp import campaigning, privacy, staffing
from surveyapp.config import Home
from surveyapp.roles import KEY_HOLDER, MANAGER
from surveyapp.storage.database import Database, connect
from surveyapp.web.staff import create_site
from tests.browser.conftest import Quiet
from tests.makers import TODAY, make_answers, make_home, make_wave, send

pytestmark = pytest.mark.browser

NOW = 1_326_700_000
LIST = "\n".join(
    ["unit,name,email,region", *(f"U{i:03},Team {i},team{i}@example.org,{'NS'[i % 2]}" for i in range(40))]
)


class Site:
    """The staff site at its address, with an account for each of the cast."""

    def __init__(self, home: Home, db: Database, app, address: str) -> None:
        self.home, self.db, self.app, self.address = home, db, app, address
        self.ids: dict[str, bytes] = {}
        self.complaints: list[str] = []
        for who in (MANAGER, KEY_HOLDER):
            roles = {"tiny": frozenset({who})}
            self.ids[who] = staffing.add_account(db, f"{who}@example.org", who.title(), roles, TODAY).id

    def enter(self, browser: Browser, who: str, width: int = 1280) -> Page:
        """Somebody signed in at a window of their own."""
        token = staffing.begin_session(self.db, self.ids[who], NOW, second=True)
        staff = self.app.mounts["/staff"]
        with staff.test_request_context():
            sealed = staff.session_interface.seal({"token": token, "since": NOW})
        context = browser.new_context(viewport={"width": width, "height": 900}, accept_downloads=True)
        context.add_cookies([{"name": "staff", "value": sealed, "domain": "127.0.0.1", "path": "/staff"}])
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.on("console", lambda said: self.complaints.append(said.text) if said.type == "error" else None)
        return page


@contextmanager
def serving(path: Path) -> Iterator[Site]:
    home = make_home(path)
    app = create_site(home, secure=False, today=lambda: TODAY, now=lambda: NOW)
    db = connect(home.store)
    make_wave(db)
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Quiet)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield Site(home, db, app, f"http://127.0.0.1:{server.port}/staff/surveys/tiny")
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        db.close()
        app.mounts["/staff"].extensions["staff"].db.close()
        app.app.extensions["surveyapp"].db.close()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with serving(tmp_path / "site") as found:
        yield found


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def look(page: Page) -> None:
    """No rule of accessibility is broken, and the page does not scroll sideways, wide or narrow."""
    found = Axe().run(page).response["violations"]
    assert [(each["id"], node["html"]) for each in found for node in each["nodes"]] == [], page.url
    for width in (375, 1280):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width, (page.url, width)


def test_a_wave_is_opened_from_the_list_to_the_open_tray(site: Site, chromium: Browser, tmp_path: Path):
    (tmp_path / "list.csv").write_text(LIST)
    manager, holder = site.enter(chromium, MANAGER), site.enter(chromium, KEY_HOLDER)
    begin(site, manager)
    hand_in(manager, tmp_path / "list.csv")
    write_texts(manager)
    key = hold_ceremony(site, holder, tmp_path)
    manager.get_by_role("link", name="Test letter and questionnaire").click()
    look(manager)
    press(manager, "I have looked at both")
    manager.get_by_role("link", name="Check everything and open").click()
    look(manager)
    manager.fill("#typed", "tiny-2")
    press(manager, "Open the wave")
    assert "tiny-2 is open" in manager.locator("[role=status]").inner_text()
    for _, code in campaigning.invite(site.db, "tiny-2", TODAY)[:12]:
        send(site.db, code, make_answers())
    key_in(site, manager)
    campaigning.close_wave(site.db, "tiny-2", TODAY)
    open_tray(site, holder, key)
    assert campaigning.status(site.db, "tiny-2").released == 13
    assert site.complaints == []


def begin(site: Site, page: Page) -> None:
    page.goto(f"{site.address}/preparations")
    look(page)
    page.fill("#name", "tiny-2")
    press(page, "Begin")
    look(page)


def hand_in(page: Page, file: Path) -> None:
    page.get_by_role("link", name="The list of organisations").click()
    page.set_input_files("#file", file)
    press(page, "Hand it in")
    look(page)
    page.get_by_role("link", name="Next: strata").click()
    look(page)
    press(page, "Keep and check the cells")


def write_texts(page: Page) -> None:
    page.get_by_role("link", name="Texts, days and letters").click()
    look(page)
    page.fill("#service", "Team survey")
    page.fill("#closes", "2012-03-01")
    press(page, "Keep")


def hold_ceremony(site: Site, page: Page, folder: Path) -> Path:
    """The key holder makes the key, which the browser saves, and brings it back."""
    page.goto(f"{site.address}/preparations")
    page.get_by_role("link", name="Key of tiny-2").click()
    look(page)
    with page.expect_download() as saved:
        press(page, "Make the key")
    key = folder / saved.value.suggested_filename
    saved.value.save_as(key)
    assert privacy.read_key_file(key.read_text())[0] == key.stem == "tiny-2"
    page.set_input_files("#key", key)
    press(page, "Bring it back and open a test box")
    assert "The key opens what is sealed for it" in page.locator("[role=status]").inner_text()
    look(page)
    return key


def key_in(site: Site, page: Page) -> None:
    """A paper return is keyed, left for another page, and found again."""
    page.goto(f"{site.address}/waves/tiny-2/returns")
    look(page)
    press(page, "Begin a sitting")
    look(page)
    page.fill("#sought", "U030")
    press(page, "Find")
    page.locator("#kind").press_sequentially("1")
    page.goto(f"{site.address}/waves/tiny-2/returns")
    page.get_by_role("button", name="Go on with it").click()
    look(page)
    page.locator("#kind").press_sequentially("1")
    press(page, "Check and seal")
    assert "U030 Team 30 is sealed" in page.locator("p[role=status]").inner_text()


def open_tray(site: Site, page: Page, key: Path) -> None:
    page.goto(f"{site.address}/waves/tiny-2/tray")
    look(page)
    page.set_input_files("#key", key)
    press(page, "Open the tray")
    page.get_by_text("The last opening is done").wait_for()
    look(page)
