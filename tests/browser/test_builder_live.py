"""The builder in a browser: the table follows what is chosen, the focus stays; without scripts a button asks."""

import re
import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Error, Page, Route, expect
from werkzeug.serving import make_server

from surveyapp import staffing
from surveyapp.roles import ANALYST
from surveyapp.storage.database import connect
from surveyapp.web.staff import create_site
from tests.browser.conftest import Quiet
from tests.makers import TODAY, make_answers, make_home, make_wave
from tests.staff.conftest import NOW, Office
from tests.staff.released import release

pytestmark = pytest.mark.browser

BUILDER = "/staff/surveys/tiny/waves/tiny-1/builder"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """Where the site is, and the sealed cookie of an analyst of forty answers."""
    home = make_home(tmp_path_factory.mktemp("builder"))
    db = connect(home.store)
    office = Office(home, db, *make_wave(db))
    release(office, [make_answers(kind="yes" if i < 30 else "no") for i in range(40)])
    account = staffing.add_account(db, "a@example.org", "Ann", {"tiny": frozenset({ANALYST})}, TODAY)
    site = create_site(home, secure=False, today=lambda: TODAY, now=lambda: NOW)
    staff = site.mounts["/staff"]
    with staff.test_request_context():
        token = staffing.begin_session(db, account.id, NOW, second=True)
        sealed = staff.session_interface.seal({"token": token})
    server = make_server("127.0.0.1", 0, site, threaded=True, request_handler=Quiet)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.port}", sealed
    server.shutdown()
    thread.join()
    server.server_close()
    for app in (staff, site.app):
        app.extensions["staff" if app is staff else "surveyapp"].db.close()
    db.close()


def opened(chromium: Browser, address: tuple[str, str], complaints: list[str], **more: Any) -> Page:
    context = chromium.new_context(viewport={"width": 1280, "height": 900}, **more)
    context.add_cookies([{"name": "staff", "value": address[1], "domain": "127.0.0.1", "path": "/staff"}])
    page = context.new_page()

    def noted(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and "Failed to load resource" not in message.text:
            complaints.append(message.text)

    page.on("console", noted)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.set_default_timeout(10_000)
    page.goto(address[0] + BUILDER)
    return page


@pytest.fixture
def page(chromium: Browser, address: tuple[str, str]) -> Iterator[Page]:
    """The builder in a browser, which complains of nothing."""
    complaints: list[str] = []
    found = opened(chromium, address, complaints)
    yield found
    found.context.close()
    assert complaints == []


def chosen(page: Page) -> dict[str, list[str]]:
    return parse_qs(urlsplit(page.url).query)


def test_the_table_follows_what_is_chosen(page: Page) -> None:
    page.select_option("#q", "kind")
    expect(page.locator("#result h2").first).to_have_text("Table 1: What about kind?")
    page.select_option("#by1", "region")
    expect(page.get_by_role("columnheader", name="Region: North (%)")).to_be_visible()
    assert chosen(page) == {"q": ["kind"], "by1": ["region"]}
    expect(page.locator("#builder-said")).to_contain_text("The table is shown: Base: 40 respondents")


def test_the_focus_stays_where_it_was(page: Page) -> None:
    page.select_option("#q", "kind")
    expect(page.locator("#result svg").first).to_be_visible()
    page.locator("#sort").focus()
    page.select_option("#sort", "descending")
    page.locator("#top").fill("1")
    expect(page).to_have_url(re.compile("top=1"))
    assert page.evaluate("document.activeElement.id") == "top"
    page.reload()
    expect(page.locator("#top")).to_have_value("1")


def test_answers_are_counted_as_one_by_ticks(page: Page) -> None:
    page.select_option("#q", "kind")
    page.get_by_text("Count answers as one").click()
    page.fill("#net1", "Either")
    page.check("#of1-1")
    page.check("#of1-2")
    expect(page.get_by_role("rowheader", name="Either")).to_be_visible()
    expect(page).to_have_url(re.compile("of1=yes&of1=no"))
    assert page.locator("#of-nets").get_attribute("open") is not None


def test_one_more_column_comes_at_a_press_and_has_the_cursor(page: Page) -> None:
    page.select_option("#q", "kind")
    page.get_by_role("button", name="Add another column").click()
    expect(page.locator("#by2")).to_be_focused()
    page.select_option("#by2", "region")
    expect(page.get_by_role("columnheader", name="Region: North (%)")).to_be_visible()
    assert chosen(page) == {"q": ["kind"], "by2": ["region"]}


def test_what_is_wrong_is_said_and_read_aloud(page: Page) -> None:
    page.select_option("#q", "kind")
    page.select_option("#percent_of", "row")
    expect(page.locator("#result .govuk-error-summary")).to_contain_text("need a banner")
    expect(page.locator("#builder-said")).to_contain_text("need a banner")


def test_an_answer_that_comes_late_does_not_write_over_a_page_that_is_being_left(page: Page) -> None:
    held: dict[str, Route] = {}
    page.route("**/builder?*", lambda route: held.__setitem__(route.request.resource_type, route))
    with page.expect_request(lambda request: request.resource_type == "fetch") as asked:
        page.select_option("#q", "kind")
    with page.expect_request(lambda request: request.is_navigation_request()):
        page.get_by_role("button", name="Show the table").first.click(no_wait_after=True)
    with suppress(Error):
        held["fetch"].continue_()
    page.wait_for_timeout(500)
    assert (chosen(page), asked.value.failure) == ({}, "net::ERR_ABORTED")
    held["document"].continue_()
    expect(page.locator("#result h2").first).to_have_text("Table 1: What about kind?")


def test_without_scripts_a_button_asks_for_the_table(chromium: Browser, address: tuple[str, str]) -> None:
    page = opened(chromium, address, [], java_script_enabled=False)
    page.select_option("#q", "kind")
    page.get_by_role("button", name="Show the table").first.click()
    expect(page.locator("#result h2").first).to_have_text("Table 1: What about kind?")
    assert chosen(page)["q"] == ["kind"]
    page.context.close()


@pytest.mark.parametrize("width", [1280, 375])
def test_the_builder_is_accessible_and_never_scrolls_sideways(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(page.url + "?q=partners.police&by1=region&by2=kind&margins=y")
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    assert Axe().run(page).violations_count == 0
