"""The editor in a browser: problems and preview as one types, and what is not saved is not lost."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect
from werkzeug.serving import make_server

from surveyapp import drafting, publishing, staffing
from surveyapp.config import project_file
from surveyapp.roles import AUTHOR
from surveyapp.storage.database import Database, connect
from surveyapp.web.staff import create_site
from tests.browser.conftest import Quiet
from tests.makers import TODAY, make_home

pytestmark = pytest.mark.browser

NOW = 1_326_700_000


@dataclass
class Writing:
    """An author at the manuscript "next" of the questionnaire of 2012."""

    address: str
    db: Database
    page: Page
    cookie: str

    @property
    def text(self) -> str:
        """What is kept."""
        return drafting.manuscript(self.db, "dat", "next").document

    def go(self, path: str = "", **state: object) -> Page:
        """Open a page of the manuscript."""
        self.page.goto(f"{self.address}/staff/surveys/dat/manuscripts/next{path}")
        return self.page


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[str, Database, str]]:
    """The staff site with the questionnaire of 2012 published and in hand; its address and an author's cookie."""
    home = make_home(tmp_path)
    site = create_site(home, secure=False, today=lambda: TODAY, now=lambda: NOW)
    db = connect(home.store)
    publishing.publish(db, Path(project_file("instruments/dat/2012.1.json")).read_bytes(), TODAY)
    text = drafting.from_version(db, "dat", "2012.1")
    drafting.begin(db, "dat", "next", text, "author@example.org", TODAY)
    roles = {"dat": frozenset({AUTHOR})}
    account = staffing.add_account(db, "author@example.org", "Author", roles, TODAY)
    token = staffing.begin_session(db, account.id, NOW, second=True)
    staff = site.mounts["/staff"]
    with staff.test_request_context():
        cookie = staff.session_interface.seal({"token": token})
    server = make_server("127.0.0.1", 0, site, threaded=True, request_handler=Quiet)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.port}", db, cookie
    server.shutdown()
    thread.join()
    server.server_close()
    staff.extensions["staff"].db.close()
    site.app.extensions["surveyapp"].db.close()
    db.close()


@pytest.fixture
def writing(served: tuple[str, Database, str], chromium: Browser) -> Iterator[Writing]:
    """The author's browser. Whatever the test does, the browser complains of nothing and asks no other host."""
    yield from at_browser(served, chromium, scripts=True)


@pytest.fixture
def plain_writing(served: tuple[str, Database, str], chromium: Browser) -> Iterator[Writing]:
    """The author's browser without scripts."""
    yield from at_browser(served, chromium, scripts=False)


def at_browser(served: tuple[str, Database, str], chromium: Browser, scripts: bool) -> Iterator[Writing]:
    address, db, cookie = served
    context = chromium.new_context(viewport={"width": 1280, "height": 900}, java_script_enabled=scripts)
    context.add_cookies([{"name": "staff", "value": cookie, "domain": "127.0.0.1", "path": "/staff"}])
    page = context.new_page()
    complaints: list[str] = []
    hosts: set[str] = set()

    def noted(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and "Failed to load resource" not in message.text:
            complaints.append(message.text)

    page.on("console", noted)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: hosts.add(urlsplit(request.url).netloc))
    page.set_default_timeout(10_000)
    expect.set_options(timeout=10_000)
    yield Writing(address, db, page, cookie)
    context.close()
    assert complaints == []
    assert hosts <= {urlsplit(address).netloc, ""}


def put(page: Page, old: str, new: str) -> None:
    """Type `new` over the first `old` of the text."""
    page.evaluate(
        """([old, put]) => {
          const area = document.getElementById('document');
          const at = area.value.indexOf(old);
          area.focus();
          area.setSelectionRange(at, at + old.length);
          document.execCommand('insertText', false, put);
        }""",
        [old, new],
    )


def test_problems_are_listed_as_one_types_and_lead_to_their_lines(writing: Writing):
    page = writing.go()
    expect(page.locator("#count")).to_have_text("No problems")
    put(page, '"required": true', '"requierd": true')
    expect(page.locator("#count")).to_have_text("1 problem")
    expect(page.locator("#problems li")).to_contain_text('did you mean "required"?')
    line = writing.text[: writing.text.index('"required": true')].count("\n") + 1
    page.get_by_role("link", name=f"Line {line}").click()
    chosen = page.evaluate(
        "(() => { const a = document.activeElement; return a.value.slice(a.selectionStart, a.selectionEnd) })()"
    )
    assert chosen.strip() == '"requierd": true,'
    assert f"! {line}\n" in page.locator("#numbers").inner_text()
    assert "requierd" not in writing.text


def test_the_preview_follows_the_cursor(writing: Writing):
    page = writing.go()
    put(page, "What kind of team do you work in?", "What kind of <b>team</b>?")
    frame = page.frame_locator("#preview")
    expect(frame.get_by_role("heading", name="What kind of <b>team</b>?")).to_be_visible()
    expect(page.locator("#preview-where")).to_have_text("Page about_team")
    put(page, "How does the total funding your team has to spend change in each year?", "Money?")
    expect(page.locator("#preview-where")).to_have_text("Page funding")
    expect(frame.get_by_text("Money?")).to_be_visible()


def test_nothing_runs_in_the_preview_and_its_stylesheet_is_ours(writing: Writing):
    page = writing.go("?line=30")
    frame = page.frame_locator("#preview")
    expect(frame.locator("main")).to_be_visible()
    colour = frame.locator(".govuk-button").evaluate("button => getComputedStyle(button).backgroundColor")
    assert colour == "rgb(11, 85, 99)"
    assert page.evaluate("document.getElementById('preview').sandbox.value") == "allow-same-origin"


def test_saving_keeps_the_text_and_leaving_without_it_warns(writing: Writing):
    page = writing.go()
    put(page, "Survey of Drug Action Teams 2012", "Survey of 2013")
    asked = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.dismiss()))
    page.get_by_role("link", name="Publish", exact=True).click(no_wait_after=True)
    page.wait_for_timeout(500)
    assert asked == ["beforeunload"]
    page.locator("#document").press("Control+s")
    expect(page.get_by_text("Saved. No problems.")).to_be_visible()
    assert "Survey of 2013" in writing.text
    page.get_by_role("link", name="Publish", exact=True).click()
    expect(page.get_by_role("heading", name="Publish next")).to_be_visible()
    assert asked == ["beforeunload"]


def test_a_text_that_was_sent_after_the_session_had_ended_is_brought_back(writing: Writing):
    page = writing.go()
    put(page, "Survey of Drug Action Teams 2012", "Not lost")
    page.context.clear_cookies()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("heading", name="That form is too old")).to_be_visible()
    page.context.add_cookies([{"name": "staff", "value": writing.cookie, "domain": "127.0.0.1", "path": "/staff"}])
    writing.go()
    page.get_by_role("button", name="Bring it back").click()
    assert '"title": "Not lost"' in page.locator("#document").input_value()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Saved. No problems.")).to_be_visible()
    assert "Not lost" in writing.text


def test_two_authors_at_once_see_both_texts(writing: Writing):
    page = writing.go()
    theirs = writing.text.replace("Survey of Drug Action Teams 2012", "Theirs")
    drafting.save(writing.db, "dat", "next", theirs, 1, "other@example.org", TODAY)
    put(page, "Survey of Drug Action Teams 2012", "Mine")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("heading", name="Somebody else saved next first")).to_be_visible()
    expect(page.locator(".app-editor__differences del")).to_contain_text("Theirs")
    expect(page.locator(".app-editor__differences ins")).to_contain_text("Mine")
    page.get_by_role("button", name="Save your text in place of theirs").click()
    expect(page.get_by_text("Saved. No problems.")).to_be_visible()
    assert '"title": "Mine"' in writing.text


def test_the_page_never_scrolls_sideways_on_a_phone(writing: Writing):
    writing.page.set_viewport_size({"width": 375, "height": 800})
    for path in ("", "/parts", "/parts/1-0-0", "/condition/2-0-0", "/add/0-0", "/publish", "/end"):
        page = writing.go(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= 375, path


def test_without_scripts_a_button_checks_and_shows_the_page(plain_writing: Writing):
    page = plain_writing.go()
    page.locator("#document").fill(plain_writing.text.replace('"required"', '"requierd"', 1))
    page.get_by_role("button", name="Check").click()
    expect(page.locator("#problems li")).to_contain_text('"requierd": true')
    expect(page.get_by_text("What stands here is not saved yet.")).to_be_visible()
    expect(page.frame_locator("#preview").locator("main")).to_be_visible()


def test_without_scripts_a_question_is_written_by_forms(plain_writing: Writing):
    page = plain_writing.go("/parts")
    page.get_by_role("link", name="add a question to Your funding").click()
    page.get_by_label("Any number of answers").check()
    page.get_by_label("Question", exact=True).fill("Which of these?")
    page.get_by_role("button", name="Add it").click()
    expect(page.get_by_role("heading", name="Which of these?", level=1)).to_be_visible()
    page.get_by_label("Label", exact=True).first.fill("Cuts")
    page.get_by_role("button", name="Down answer 1").click()
    assert '"label": "Cuts"' in plain_writing.text
    page.get_by_role("link", name="Change when it is shown").click()
    page.get_by_label("Question").first.select_option("team_type")
    page.get_by_role("button", name="Show the answers of the questions chosen").click()
    page.get_by_label("Drug Action Team", exact=True).check()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("only if you chose “Drug Action Team” at question 1").first).to_be_visible()
