"""Every page of the staff site that links lead to, in a real browser: under axe, wide and narrow, kept within."""

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page
from werkzeug.serving import make_server

from surveyapp import staffing
from tests.browser.conftest import Quiet
from tests.staff.conftest import CAST, Office, office  # noqa: F401 (a fixture)
from tests.staff.furnished import HOSTILE, furnish, walk

pytestmark = pytest.mark.browser

WIDE, NARROW = 1280, 375


@dataclass
class Street:
    """A furnished site at its address."""

    office: Office
    address: str


@pytest.fixture
def street(office: Office) -> Iterator[Street]:  # noqa: F811
    furnish(office)
    office.now = int(time.time())
    server = make_server("127.0.0.1", 0, office.site, threaded=True, request_handler=Quiet)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield Street(office, f"http://127.0.0.1:{server.port}")
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("who", [*CAST, "nobody"])
def test_every_page_is_accessible_and_fits_its_screen(street: Street, chromium: Browser, who: str) -> None:
    context = chromium.new_context(viewport={"width": WIDE, "height": 900})
    if who != "nobody":
        context.add_cookies([_cookie(street, who)])
    page, complaints = context.new_page(), list[str]()
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda said: complaints.append(said.text) if "Content Security" in said.text else None)
    page.on("dialog", lambda dialog: complaints.append(f"a script of ours or of somebody said {dialog.message}"))
    hosts: set[str] = set()
    page.on("request", lambda request: hosts.add("/".join(request.url.split("/")[:3])))
    found: dict[str, object] = {}
    pages, _ = walk(street.office, who)
    for endpoint, path in pages.items():
        page.set_viewport_size({"width": WIDE, "height": 900})
        answer = page.goto(f"{street.address}/staff{path}")
        assert answer is not None and answer.status == 200, path  # noqa: PT018
        if wrong := _wrong(page):
            found[f"{endpoint} {path}"] = wrong
    context.close()
    assert found == {}
    assert complaints == []
    assert hosts == {street.address}, "nothing is fetched from elsewhere"


def _cookie(street: Street, who: str) -> dict[str, str]:  # type: ignore[misc]
    """The cookie of somebody who has just signed in with both factors."""
    token = staffing.begin_session(street.office.db, street.office.ids[who], street.office.now, second=True)
    staff = street.office.site.mounts["/staff"]
    with staff.test_request_context():
        sealed = staff.session_interface.seal({"token": token})
    return {"name": "staff", "value": sealed, "domain": "127.0.0.1", "path": "/staff"}


def _wrong(page: Page) -> list[object]:
    """What a page breaks: rules of axe, its width at both sizes, text that became markup."""
    wrong: list[object] = [
        (rule["id"], rule["nodes"][0]["html"][:160]) for rule in Axe().run(page).response["violations"]
    ]
    for width in (WIDE, NARROW):
        page.set_viewport_size({"width": width, "height": 900})
        if (needed := page.evaluate("document.documentElement.scrollWidth")) > width:
            wrong.append(f"{needed} px wide on a screen of {width}")
    if page.locator("main script, main [onclick], main [onload]").count():
        wrong.append(f"markup within main, perhaps {HOSTILE}")
    return wrong
