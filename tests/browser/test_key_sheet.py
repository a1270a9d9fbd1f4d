"""The sheet for paper returns in a real browser: at the keyboard, after a crash, without scripts, under axe."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page
from werkzeug.serving import make_server

from surveyapp.campaigning import status
from surveyapp.config import project_file
from surveyapp.storage.database import Database, connect
from surveyapp.web.keyroom import create_keyroom
from tests.browser.conftest import Quiet
from tests.makers import TODAY, make_frame, make_home, make_wave

pytestmark = pytest.mark.browser
CODE = "7K4QX-9M2PB-0WDTE-HR63Y"


@dataclass
class Pile:
    """The screen at its address, for the provider survey, which has every kind of question."""

    address: str
    db: Database

    def come_in(self, page: Page) -> Page:
        """By the link of the terminal."""
        page.goto(f"{self.address}/#{CODE}")
        page.get_by_role("button", name="Come in").click()
        page.wait_for_url("**/returns**")
        return page


@pytest.fixture
def pile(tmp_path: Path) -> Iterator[Pile]:
    home = make_home(tmp_path)
    db = connect(home.database)
    document = json.loads(project_file("instruments/provider/2013.1.json").read_bytes())
    make_wave(db, "providers", document, make_frame(60), carry=["region"])
    app = create_keyroom(home, "providers", CODE, today=lambda: TODAY)
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Quiet)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield Pile(f"http://127.0.0.1:{server.port}", db)
    server.shutdown()
    thread.join()
    server.server_close()
    app.extensions["keyroom"].db.close()
    db.close()


@pytest.fixture
def tab(chromium: Browser) -> Iterator[Page]:
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    complaints: list[str] = []
    page = context.new_page()
    page.set_default_timeout(10_000)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda said: complaints.append(said.text) if "Content Security" in said.text else None)
    yield page
    context.close()
    assert complaints == []


def at(page: Page, name: str) -> None:
    """The cursor is in this box, or comes there soon: a page puts it there some time after it has loaded."""
    page.wait_for_function("name => document.activeElement.name === name", arg=name)


def test_a_return_is_keyed_without_touching_anything_but_the_keys(pile: Pile, tab: Page) -> None:
    at(pile.come_in(tab), "sought")
    tab.keyboard.type("U001\n")
    tab.wait_for_url("**/returns/sheet")
    at(tab, "organisation_kind")
    tab.keyboard.type("1")
    at(tab, "answering_for")  # the words beside another answer are passed over
    tab.keyboard.type("2")
    at(tab, "area_covered")
    tab.keyboard.type("\n")
    at(tab, "services")
    tab.keyboard.type("1 3\n")
    tab.keyboard.press("Shift+Tab")
    tab.keyboard.press("Control+Enter")
    tab.wait_for_selector(".govuk-error-summary")
    tab.locator("input[name=agreed]").press(" ")
    tab.keyboard.press("Control+Enter")
    tab.wait_for_url("**/returns")
    assert "U001 Team 1 is sealed" in tab.inner_text("main")
    assert status(pile.db, "providers").tray == 1


def test_what_was_typed_survives_a_crash_of_the_browser(pile: Pile, tab: Page, chromium: Browser) -> None:
    at(pile.come_in(tab), "sought")
    tab.keyboard.type("U001\n")
    tab.wait_for_url("**/returns/sheet")
    at(tab, "organisation_kind")
    with tab.expect_response(lambda answer: answer.status == 204):
        tab.keyboard.type("12")
    tab.keyboard.type("3")
    assert tab.url.endswith("/returns/sheet")
    assert tab.input_value("[name=area_covered]") == "3", "keeping does not disturb the typing"
    tab.context.close()
    other = chromium.new_context()
    back = pile.come_in(other.new_page())
    back.get_by_role("button", name="Go on with it").click()
    assert back.input_value("[name=answering_for]") == "2"
    other.close()


def test_it_works_without_scripts(pile: Pile, chromium: Browser) -> None:
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(pile.address)
    page.fill("#code", CODE)
    page.get_by_role("button", name="Come in").click()
    page.fill("#sought", "team 5")
    page.get_by_role("button", name="Find").click()
    page.get_by_role("button", name="U050").click()
    assert page.inner_text("h1") == "U050: Team 50"
    page.fill("[name=organisation_kind]", "1")
    page.keyboard.press("Enter")
    page.wait_for_selector(".govuk-error-summary")
    page.check("input[name=agreed]")
    page.get_by_role("button", name="Check and seal").click()
    assert "U050 Team 50 is sealed" in page.inner_text("main")
    context.close()


@pytest.mark.parametrize("width", [320, 1280])
def test_every_page_of_it_is_accessible(pile: Pile, tab: Page, width: int) -> None:
    tab.set_viewport_size({"width": width, "height": 900})
    tab.goto(f"{pile.address}/#{CODE}")
    clean(tab)
    pile.come_in(tab)
    clean(tab)
    tab.fill("#sought", "team 1")
    tab.get_by_role("button", name="Find").click()
    clean(tab)
    tab.fill("#sought", "U001")
    tab.keyboard.press("Enter")
    tab.wait_for_url("**/returns/sheet")
    clean(tab)
    tab.fill("[name=organisation_kind]", "99")
    tab.get_by_role("button", name="Check, and key it a second time").click()
    clean(tab)
    tab.fill("[name=organisation_kind]", "1")
    tab.get_by_role("button", name="Check, and key it a second time").click()
    if tab.locator("input[name=agreed]").count():
        tab.check("input[name=agreed]")
        tab.get_by_role("button", name="Check, and key it a second time").click()
    clean(tab)
    tab.get_by_role("button", name="U001").click()
    tab.fill("[name=organisation_kind]", "2")
    tab.get_by_role("button", name="Compare with the first keying").click()
    assert "differ in 1 box" in tab.inner_text("h1")
    clean(tab)


def clean(page: Page) -> None:
    """No rule of axe is broken, and the page is no wider than the screen."""
    found = Axe().run(page).response["violations"]
    assert [(rule["id"], rule["nodes"][0]["html"][:200]) for rule in found] == [], page.url
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
