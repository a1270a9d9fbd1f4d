"""A survey's whole life in a browser, without a terminal: from a file to a Word appendix, as three people.

The author brings the questionnaire, the manager fields it, and a third person holds the key and makes the tables.
Each signs in with a password and, where the role needs it, an authenticator app. Respondents answer by their own
letters. Nothing is done past the pages but the making of the first account, which is a command.
"""

import io
import json
import re
import threading
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from email import message_from_bytes, policy
from pathlib import Path

import pyotp
import pytest
from docx import Document
from playwright.sync_api import Browser, Page
from werkzeug.serving import make_server

from surveyapp import staffing, working
from surveyapp.config import Home
from surveyapp.storage.database import Database, connect
from surveyapp.web.staff import create_site
from tests.browser.conftest import Quiet
from tests.browser.people import Someone
from tests.makers import make_all_types, make_answers, make_home, send

pytestmark = pytest.mark.browser
PASSWORD = "three words apart"
TODAY = date.today()  # noqa: DTZ011 (the site reads the clock here, as it does for people)
ROLES = {
    "author": frozenset({"author"}),
    "manager": frozenset({"manager"}),
    "analyst": frozenset({"analyst", "key_holder"}),
}
UNITS = 40


@dataclass
class Town:
    """The site at its address, and its store."""

    home: Home
    db: Database
    address: str

    def work(self) -> None:
        """The worker does what waits."""
        working.run_waiting(self.db, self.home, TODAY, lambda: int(time.time()))

    def codes(self, wave: str) -> list[str]:
        """The access codes in the letters that lie in the outbox."""
        found = []
        for file in sorted((self.home.outbox / wave).glob("*.eml")):
            body = message_from_bytes(file.read_bytes(), policy=policy.default).get_body(("plain",))
            assert body is not None
            code = re.search(r"\b([0-9A-Z]{5}(?:-[0-9A-Z]{5}){3})\b", body.get_content())
            assert code is not None
            found.append(code[1])
        return found


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    home = make_home(tmp_path)
    db = connect(home.store)
    site = create_site(home, secure=False)
    server = make_server("127.0.0.1", 0, site, threaded=True, request_handler=Quiet)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    for name, roles in ROLES.items():
        staffing.add_account(db, f"{name}@example.org", name.title(), {"tiny": roles}, TODAY, PASSWORD)
    yield Town(home, db, f"http://127.0.0.1:{server.port}")
    server.shutdown()
    thread.join()
    server.server_close()
    site.mounts["/staff"].extensions["staff"].db.close()
    site.app.extensions["surveyapp"].db.close()
    db.close()


@dataclass
class Person(Someone):
    """Somebody at a browser of their own."""

    town: Town
    complaints: list[str] = field(default_factory=list)

    def go(self, path: str) -> Page:
        """Open a page of the staff site."""
        self.page.goto(f"{self.town.address}/staff{path}")
        return self.page


@contextmanager
def person(browser: Browser, town: Town, name: str) -> Iterator[Person]:
    """Somebody who signs in through the front door."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, accept_downloads=True)
    page = context.new_page()
    page.set_default_timeout(15_000)
    someone = Person(page, town)
    page.on("pageerror", lambda error: someone.complaints.append(str(error)))
    page.on("console", lambda said: someone.complaints.append(said.text) if "Content Sec" in said.text else None)
    someone.go("/")
    page.fill("#email", f"{name}@example.org")
    page.fill("#password", PASSWORD)
    someone.press("Sign in")
    if someone.title == "Set up a second factor":
        secret = page.locator(".app-secret").inner_text().replace(" ", "")
        page.fill("#code", pyotp.TOTP(secret).now())
        someone.press("Set up the second factor")
        someone.go("/")
    assert someone.title == "Your surveys"
    yield someone
    assert someone.complaints == []
    context.close()


def test_a_survey_lives_from_its_file_to_its_appendix(town: Town, chromium: Browser) -> None:
    with person(chromium, town, "author") as author:
        publish(author)
    with person(chromium, town, "manager") as manager, person(chromium, town, "analyst") as analyst:
        key = prepare(manager, analyst)
        invite(manager)
        answer(town, chromium)
        close(manager)
        open_tray(analyst, key)
        build_a_table(analyst)
        export(analyst)
        assert (
            "Page not found" in analyst.go("/accounts").inner_text("h1") or analyst.title == "You cannot do that"
        )
    acts = [act.what for _, act in staffing.acts(town.db)]
    assert {"version-publish", "wave-prepare", "wave-close"} <= set(acts)
    assert staffing.broken(town.db) is None


def publish(author: Person) -> None:
    """The author publishes a file, having seen what that does."""
    author.go("/surveys/tiny/questionnaires")
    document = json.dumps(make_all_types(), indent=2).encode()
    author.hand("tiny.json", document)
    author.press("Check")
    assert author.title == "Publish tiny@1"
    author.press("Publish 1")
    assert author.title == "tiny@1"


def prepare(manager: Person, holder: Person) -> bytes:
    """The manager prepares the wave; the key holder makes the key and brings it back; the wave is opened."""
    manager.go("/surveys/tiny/preparations")
    manager.page.fill("#name", "tiny-2026")
    manager.press("Begin")
    manager.follow("The list of organisations")
    regions = ("North", "South")
    rows = "\n".join(f"U{n:03},Team {n},team{n}@example.org,{regions[n % 2]}" for n in range(UNITS))
    frame = f"unit,name,email,region\n{rows}\n".encode()
    manager.hand("frame.csv", frame)
    manager.press("Hand it in")
    assert "40 organisations, 40 with an address" in manager.page.inner_text("main")
    manager.follow("Next: strata that go with the answers")
    manager.page.check("input[value=region]")
    manager.press("Keep and check the cells")
    manager.go("/surveys/tiny/preparations/tiny-2026/texts")
    manager.page.fill("#sender", "Surveys <surveys@example.org>")
    manager.page.fill("#address", "https://survey.example.org")
    manager.press("Keep")
    key = make_key(holder)
    manager.go("/surveys/tiny/preparations/tiny-2026/test")
    manager.press("I have looked at both")
    manager.go("/surveys/tiny/preparations/tiny-2026/check")
    manager.page.fill("#typed", "tiny-2026")
    manager.press("Open the wave")
    manager.go("/surveys/tiny/waves/tiny-2026")
    assert manager.title == "tiny-2026"
    return key


def make_key(holder: Person) -> bytes:
    """The ceremony: the file comes once, and is brought back."""
    holder.go("/surveys/tiny/preparations/tiny-2026/key")
    key = holder.keep("Make the key")
    assert key.startswith(b"surveyapp private key 1\nwave tiny-2026\n")
    holder.go("/surveys/tiny/preparations/tiny-2026/key")
    holder.hand("tiny-2026.key", key)
    holder.press("Bring it back and open a test box")
    assert "was rehearsed" in holder.page.inner_text("main")
    return key


def invite(manager: Person) -> None:
    """Invitations go as a job that can be left and found again."""
    manager.go("/surveys/tiny/waves/tiny-2026/letters/invitations")
    manager.press("Write and send them")
    manager.town.work()
    manager.go("/surveys/tiny/jobs")
    assert "done" in manager.page.inner_text("main").lower()
    assert len(manager.town.codes("tiny-2026")) == UNITS


def answer(town: Town, browser: Browser) -> None:
    """Organisations answer by the codes of their letters: one in a browser, others as its pages would send."""
    first, *others = town.codes("tiny-2026")[:30]
    page = browser.new_page()
    page.goto(f"{town.address}/#{first}")
    page.fill("#code", first)
    page.get_by_role("button").first.click()
    page.goto(f"{town.address}/answer/page/p1")
    page.check("input[name=kind] >> nth=0")
    page.get_by_role("button", name="Save and continue").click()
    page.goto(f"{town.address}/answer/page/p2")
    page.get_by_role("button", name="Save and continue").click()
    page.goto(f"{town.address}/answer/check")
    with page.expect_navigation():
        page.get_by_role("button", name=re.compile("Send")).click()
    assert "received" in page.inner_text("main").lower()
    page.close()
    pepper = (town.home.keys / "pepper").read_bytes()
    for code in others:
        send(town.db, code, make_answers(), pepper=pepper, today=TODAY)


def close(manager: Person) -> None:
    """The dashboard shows the response; then the wave is closed, its name typed."""
    manager.go("/surveys/tiny/waves/tiny-2026")
    assert "30" in manager.page.inner_text("main")
    manager.go("/surveys/tiny/waves/tiny-2026/settings")
    manager.page.fill("#named", "tiny-2026")
    manager.press("Close this wave")
    manager.says("It is closed.")


def open_tray(holder: Person, key: bytes) -> None:
    """The key holder opens the tray with the file."""
    holder.go("/surveys/tiny/waves/tiny-2026/tray")
    holder.hand("tiny-2026.key", key)
    holder.press("Open the tray")
    holder.waits_for("The tray is empty")


def build_a_table(analyst: Person) -> None:
    """A table of one question by region, with its chart, and kept in a plan."""
    analyst.go("/surveys/tiny/tables")
    analyst.follow("Build a table")
    analyst.page.select_option("select[name=q]", "kind")
    analyst.press("Show the table")
    region = analyst.page.locator("select[name=by1] option", has_text=re.compile("region", re.IGNORECASE)).first
    analyst.page.select_option("select[name=by1]", region.get_attribute("value"))
    analyst.press("Show the table")
    main = analyst.page.inner_text("main")
    assert all(word in main for word in ("What about kind?", "Yes", "North", "South"))
    assert analyst.page.locator("#result svg").count()


def export(analyst: Person) -> None:
    """The Word appendix is made by a job and kept; it opens, and has the tables."""
    analyst.go("/surveys/tiny/waves/tiny-2026/export")
    analyst.page.check("input[name=format][value=word]")
    analyst.press("Export the tables")
    analyst.town.work()
    analyst.page.reload()
    content = analyst.keep("Save ")
    assert zipfile.is_zipfile(io.BytesIO(content))
    document = Document(io.BytesIO(content))
    assert len(document.tables) >= 3
    assert any("What about kind?" in paragraph.text for paragraph in document.paragraphs)
