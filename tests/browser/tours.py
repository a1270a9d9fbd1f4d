"""The tutorials of the manual as walks through the demonstration, one for each role; each takes its pictures.

    .venv/bin/python -m tests.browser.tours docs/pictures

writes the pictures that `docs/staff.md` and the pages of `docs/tutorials` show. A test walks the same ways without
keeping them, so that what a tutorial says can be done can be done.
"""

import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from datetime import date
from email import message_from_bytes, policy
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

from surveyapp import demonstration, working
from surveyapp.config import Home
from surveyapp.demonstration.reconstruction import read_figures, read_open_answers, reconstruct
from surveyapp.demonstration.respondent import Respondent
from surveyapp.storage.database import connect
from surveyapp.web.staff import create_site
from tests.browser.conftest import ARGUMENTS, CHROMIUM
from tests.browser.people import Someone
from tests.browser.serving_staff import serving_site

ROOT = Path(__file__).parents[2]
ORGANISATIONS = ROOT / "docs" / "tutorials" / "organisations.csv"
FIGURES = ROOT / "surveyapp" / "demonstration" / "figures"
COLOURS = 64
"""Enough for pages; the pictures become a third of the size."""

WAVE = "dat-2026"
SEED, ANSWERING = 2026, 48
"""Of the sixty organisations."""


@dataclass
class Place:
    """The demonstration, served; and where pictures go, if they are kept."""

    home: Home
    address: str
    today: date
    browser: Browser
    folder: Path | None
    taken: list[str] = field(default_factory=list)
    inside: dict[str, "Visit"] = field(default_factory=dict)
    key: bytes = b""

    def enter(self, role: str) -> "Visit":
        """Come in as the account that the demonstration has for a role; once, for a code lets in once."""
        if role not in self.inside:
            self.inside[role] = self._sign_in(role)
        return self.inside[role]

    def _sign_in(self, role: str) -> "Visit":
        visit = self.visit()
        staff = demonstration.staff_of(self.home)
        visit.go("/staff/")
        visit.page.fill("#email", f"{role}@example.org")
        visit.page.fill("#password", staff.password)
        visit.press("Sign in")
        if visit.page.locator("#code").count():
            visit.page.fill("#code", staff.code(int(time.time())))
            with visit.page.expect_navigation():
                visit.page.locator("main button").first.click()
        assert visit.title == "Your surveys", visit.title
        return visit

    def visit(self, width: int = 1280) -> "Visit":
        """A browser of its own."""
        context = self.browser.new_context(viewport={"width": width, "height": 860}, accept_downloads=True)
        context.set_default_timeout(15_000)
        return Visit(context.new_page(), self)

    def work(self) -> None:
        """The worker does what waits."""
        with closing(connect(self.home.store)) as db:
            working.run_waiting(db, self.home, self.today, lambda: int(time.time()))

    def codes(self) -> list[str]:
        """The access codes in the letters of the new wave."""
        return [_code(file) for file in sorted((self.home.outbox / WAVE).glob("*.eml"))]


@dataclass
class Visit(Someone):
    """Somebody at a browser in the demonstration."""

    place: Place

    def go(self, path: str) -> None:
        """Open an address of the site."""
        self.page.goto(self.place.address + path)

    def take(self, name: str, at: str = "") -> None:
        """Take a picture of what is in sight, `at` an element if one is named."""
        self.page.mouse.move(0, 0)
        self.page.evaluate("document.activeElement.blur()")
        self.page.evaluate("scrollTo(0, 0)")
        if at:
            self.page.locator(at).first.evaluate("element => element.scrollIntoView()")
        self.place.taken.append(name)
        if self.place.folder:
            picture = Image.open(BytesIO(self.page.screenshot())).convert("RGB").quantize(COLOURS)
            picture.save(self.place.folder / f"{name}.png", optimize=True)


def author(place: Place) -> None:
    """Begin the next questionnaire with the last, change it by forms and as JSON, publish it."""
    visit = place.enter("author")
    visit.go("/staff/surveys/dat/manuscripts")
    visit.page.check("#source")
    visit.page.select_option("#version", "2012.1")
    visit.page.fill("#name", "next")
    visit.press("Begin")
    visit.take("tutorial-author-json")
    visit.go("/staff/surveys/dat/manuscripts/next/parts")
    visit.take("tutorial-author-forms")
    visit.follow("The words on the first page and at the end")
    visit.page.get_by_label("Title").first.fill("Survey of Drug Action Teams 2026")
    visit.press("Save")
    visit.go("/staff/surveys/dat/manuscripts/next/parts")
    visit.follow("What kind of team")
    visit.page.get_by_label("Hint").first.fill("Choose the name on your letters.")
    visit.press("Save")
    visit.take("tutorial-author-question")
    visit.go("/staff/surveys/dat/manuscripts/next/publish")
    visit.take("tutorial-author-publish")
    visit.page.fill("#version", "2026.1")
    visit.press("Publish")
    visit.go("/staff/surveys/dat/questionnaires")
    visit.says("2026.1")


def preparing(place: Place) -> None:
    """The manager prepares a wave, the key holder makes its key, and it is opened."""
    manager = place.enter("manager")
    manager.go("/staff/surveys/dat/preparations")
    manager.page.fill("#name", WAVE)
    manager.page.select_option("#version", "2026.1")
    manager.press("Begin")
    manager.take("tutorial-manager-steps")
    manager.follow("The list of organisations")
    manager.hand(ORGANISATIONS.name, ORGANISATIONS.read_bytes())
    manager.press("Hand it in")
    manager.says("60 organisations, 60 with an address")
    manager.take("tutorial-manager-list")
    manager.follow("Next: strata that go with the answers")
    manager.page.check("input[value=region]")
    manager.press("Keep and check the cells")
    manager.take("tutorial-manager-strata")
    manager.go(f"/staff/surveys/dat/preparations/{WAVE}/texts")
    manager.page.fill("#sender", "Team surveys <surveys@example.org>")
    manager.page.fill("#address", place.address)
    manager.press("Keep")
    making_the_key(place)
    manager.go(f"/staff/surveys/dat/preparations/{WAVE}/test")
    manager.press("I have looked at both")
    manager.go(f"/staff/surveys/dat/preparations/{WAVE}/check")
    manager.take("tutorial-manager-check")
    manager.page.fill("#typed", WAVE)
    manager.press("Open the wave")
    manager.go(f"/staff/surveys/dat/waves/{WAVE}/letters/invitations")
    manager.take("tutorial-manager-letters")
    manager.press("Write and send them")
    place.work()


def making_the_key(place: Place) -> None:
    """The file of the key comes once, and is brought back."""
    holder = place.enter("key-holder")
    holder.go(f"/staff/surveys/dat/preparations/{WAVE}/key")
    holder.take("tutorial-key-make")
    place.key = holder.keep("Make the key")
    holder.go(f"/staff/surveys/dat/preparations/{WAVE}/key")
    holder.hand(f"{WAVE}.key", place.key)
    holder.press("Bring it back and open a test box")
    holder.says("was rehearsed")


def respondent(place: Place) -> None:
    """An organisation answers by the code of its letter; the others do as its pages would send."""
    first, *others = place.codes()[:ANSWERING]
    visit = place.visit()
    visit.go("/")
    visit.page.fill("#code", first)
    visit.take("tutorial-respondent-code")
    visit.press("Continue")
    visit.take("tutorial-respondent-start")
    visit.press("Start now")
    visit.page.locator("main input[type=radio]").first.check()
    visit.take("tutorial-respondent-page")
    visit.press("Save and continue")
    visit.go("/answer/sections")
    visit.take("tutorial-respondent-sections")
    visit.go("/answer/check")
    visit.take("tutorial-respondent-check")
    with visit.page.expect_navigation():
        visit.page.get_by_role("button", name=re.compile("Send")).click()
    visit.take("tutorial-respondent-sent")
    answers = reconstruct(
        read_figures((FIGURES / "dat-2012.json").read_bytes()),
        read_open_answers((FIGURES / "open-answers.json").read_bytes()),
        SEED,
    )
    for code, given in zip(others, answers, strict=False):
        Respondent(place.address + "/").answer(code, given)


def ending(place: Place) -> None:
    """The manager watches the response and closes the wave; the key holder opens its tray."""
    manager = place.enter("manager")
    manager.go(f"/staff/surveys/dat/waves/{WAVE}")
    manager.take("tutorial-manager-dashboard")
    manager.go(f"/staff/surveys/dat/waves/{WAVE}/settings")
    manager.page.fill("#named", WAVE)
    manager.press("Close this wave")
    holder = place.enter("key-holder")
    holder.go(f"/staff/surveys/dat/waves/{WAVE}/tray")
    holder.hand(f"{WAVE}.key", place.key)
    holder.take("tutorial-key-tray")
    holder.press("Open the tray")
    holder.waits_for("The tray is empty")


def analyst(place: Place) -> None:
    """A table by region with its chart; then the appendix in Word."""
    visit = place.enter("analyst")
    visit.go("/staff/surveys/dat/tables")
    visit.take("tutorial-analyst-tables")
    visit.follow("Build a table")
    visit.page.select_option("select[name=q]", "staff_time")
    visit.press("Show the table")
    region = visit.page.locator("select[name=by1] option", has_text=re.compile("region", re.IGNORECASE)).first
    visit.page.select_option("select[name=by1]", region.get_attribute("value"))
    visit.press("Show the table")
    visit.take("tutorial-analyst-builder")
    visit.go("/staff/surveys/dat/waves/dat-2012/export")
    visit.take("tutorial-analyst-export")
    visit.page.check("input[name=format][value=word]")
    visit.press("Export the tables")
    place.work()
    visit.page.reload()
    assert visit.keep("Save ").startswith(b"PK")


def coder(place: Place) -> None:
    """Themes for open answers, one answer after the other."""
    visit = place.enter("analyst")
    visit.go("/staff/surveys/dat/coding")
    visit.take("tutorial-coder-questions")
    visit.go("/staff/surveys/dat/coding/dat-2012/staffing_issues/answers")
    visit.take("tutorial-coder-answer")


def administrator(place: Place) -> None:
    """Accounts, an invitation, the trail."""
    visit = place.enter("admin")
    visit.go("/staff/accounts")
    visit.take("tutorial-admin-accounts")
    visit.go("/staff/trail")
    visit.take("tutorial-admin-trail")


POINT = """(text, words) => {
  const before = text.value.slice(0, text.value.indexOf(words));
  text.focus();
  text.setSelectionRange(before.length, before.length);
  text.scrollTop = (before.split("\\n").length - 8) * parseFloat(getComputedStyle(text).lineHeight);
}"""
"""Put the cursor of the editor before some words, a few lines under its upper edge."""


def sights(place: Place) -> None:
    """What the page on the staff site shows of its rooms: a dashboard, a table, the editor, an answer to code."""
    manager = place.enter("manager")
    manager.page.set_viewport_size({"width": 1280, "height": 1100})
    manager.go("/staff/surveys/dat/waves/dat-2012?by=region")
    manager.take("staff-dashboard", at="h2:text-is('Response')")
    analyst = place.enter("analyst")
    analyst.go("/staff/surveys/dat/waves/dat-2012/builder")
    analyst.page.select_option("select[name=q]", "staff_time")
    analyst.page.check("input[name=margins]")
    analyst.press("Show the table")
    analyst.take("staff-builder")
    analyst.go("/staff/surveys/dat/coding/dat-2012/recovery_actions/answers")
    analyst.take("staff-coding")
    author = place.enter("author")
    author.go("/staff/surveys/dat/manuscripts")
    author.page.check("#source")
    author.page.select_option("#version", "2012.1")
    author.page.fill("#name", "2012.2")
    author.press("Begin")
    author.page.goto(author.page.url)  # without the word that it has been begun
    author.page.locator("#document").evaluate(POINT, '"funding_level"')
    author.waits_for("Page funding")
    author.take("staff-editor")


TOURS: tuple[Callable[[Place], None], ...] = (
    author,
    preparing,
    respondent,
    ending,
    analyst,
    coder,
    administrator,
    sights,
)
"""In the order of a survey's life: each finds what those before it have left."""


def tour(browser: Browser, home: Home, folder: Path | None = None) -> list[str]:
    """Build the demonstration in `home` and go on all tours; the names of the pictures taken."""
    today = date.today()  # noqa: DTZ011 (the site reads the clock here, as it does for people)
    demonstration.build(home, today, lambda what, done, of: None)
    with serving(home) as address:
        place = Place(home, address, today, browser, folder)
        for walk in TOURS:
            walk(place)
    return place.taken


@contextmanager
def serving(home: Home) -> Iterator[str]:
    """Both sites at one address."""
    with ExitStack() as stack:
        site = create_site(home, secure=False)
        stack.callback(site.app.extensions["surveyapp"].db.close)
        stack.callback(site.mounts["/staff"].extensions["staff"].db.close)
        yield stack.enter_context(serving_site(site))


def _code(letter: Path) -> str:
    body = message_from_bytes(letter.read_bytes(), policy=policy.default).get_body(("plain",))
    assert body is not None
    code = re.search(r"\b([0-9A-Z]{5}(?:-[0-9A-Z]{5}){3})\b", body.get_content())
    assert code is not None
    return code[1]


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch, sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        for name in tour(chromium, Home(Path(scratch)), Path(sys.argv[1])):
            print(name)  # noqa: T201
        chromium.close()
