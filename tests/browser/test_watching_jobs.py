"""The page of a job in a browser: it shows by itself how far the work is; without scripts there is a link."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect

from surveyapp import staffing, working
from surveyapp.roles import ANALYST
from surveyapp.storage import jobs
from surveyapp.storage.database import Database, connect
from surveyapp.storage.jobs import Job
from surveyapp.web.staff import create_site
from surveyapp.working import KINDS
from tests.browser.serving_staff import serving_site
from tests.makers import TODAY, make_home, make_wave

pytestmark = pytest.mark.browser

NOW = 1_326_700_000


@dataclass
class Work:
    """The staff site with one job, which the test itself works at."""

    db: Database
    address: str
    cookie: str
    job: Job
    complaints: list[str] = field(default_factory=list)
    windows: list[BrowserContext] = field(default_factory=list)

    def tell(self, said: str, done: int) -> None:
        """What a worker would write."""
        with self.db.transaction() as connection:
            assert jobs.prolong(connection, self.job, NOW + 30, said, done, 4)

    def look(self, chromium: Browser, scripts: bool = True, width: int = 1280) -> Page:
        """The page of the job, as its analyst sees it."""
        context = chromium.new_context(java_script_enabled=scripts, viewport={"width": width, "height": 800})
        context.add_cookies([{"name": "staff", "value": self.cookie, "url": f"{self.address}/staff"}])
        self.windows.append(context)
        page = context.new_page()
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.goto(f"{self.address}/staff/surveys/tiny/jobs/{self.job.id.hex()}")
        return page


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Work]:
    monkeypatch.setitem(KINDS, "export", working.Kind("Workbook", (ANALYST,), lambda _: ""))
    home = make_home(tmp_path)
    db = connect(home.store)
    make_wave(db)
    account = staffing.add_account(db, "a@example.org", "Ada", {"tiny": frozenset({ANALYST})}, TODAY).id
    site = create_site(home, secure=False, today=lambda: TODAY, now=lambda: NOW)
    staff = site.mounts["/staff"]
    token = staffing.begin_session(db, account, NOW, second=True)
    with staff.test_request_context():
        cookie = staff.session_interface.seal({"token": token})
    working.ask(db, "export", "tiny", "tiny-1", "a@example.org", NOW)
    with db.transaction() as connection:
        taken = jobs.take(connection, NOW, NOW + 30)
    assert taken is not None
    with serving_site(site) as address:
        work = Work(db, address, cookie, taken)
        yield work
        for window in work.windows:
            window.close()
    staff.extensions["staff"].db.close()
    site.app.extensions["surveyapp"].db.close()
    db.close()


def test_progress_is_shown_without_a_key_being_pressed(work: Work, chromium: Browser) -> None:
    page = work.look(chromium)
    for done in (1, 3):
        work.tell(f"writing table {done}", done)
        expect(page.locator("progress")).to_have_attribute("value", str(done))
        expect(page.locator("#live")).to_contain_text(f"Writing table {done}")
    with work.db.transaction() as connection:
        jobs.settle(connection, work.job, state="done", file="tables.csv", lease=0)
    expect(page.get_by_role("heading", name="Done")).to_be_visible()
    expect(page.get_by_role("link", name="Save tables.csv")).to_be_visible()
    expect(page.get_by_role("button", name="Throw away the job and its file")).to_be_visible()
    assert work.complaints == []


def test_without_scripts_a_link_looks_again(work: Work, chromium: Browser) -> None:
    page = work.look(chromium, scripts=False)
    work.tell("writing table 2", 2)
    page.get_by_role("link", name="Look again").click()
    expect(page.locator("progress")).to_have_attribute("value", "2")


@pytest.mark.parametrize("width", [375, 1280])
def test_the_page_can_be_used_by_all(work: Work, chromium: Browser, width: int) -> None:
    work.tell("writing table 2", 2)
    page = work.look(chromium, width=width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert [each["id"] for each in Axe().run(page).response["violations"]] == []
