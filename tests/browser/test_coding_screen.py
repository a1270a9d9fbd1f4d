"""The coding screen in a browser: by keyboard alone, without scripts, and found again as it was left."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect

from surveyapp import coding, staffing
from surveyapp.roles import ANALYST
from surveyapp.storage.database import Database, connect
from surveyapp.web.staff import create_site
from tests.browser.serving_staff import serving_site
from tests.cases.test_coding import TEXTS, put, release
from tests.makers import TODAY, make_codeframe, make_home

pytestmark = pytest.mark.browser

NOW = 1_326_700_000
HERE = "/staff/surveys/tiny/coding/tiny-1/issues"


LONG = {"code": "long", "label": "Staffing capacity reduced in partner agencies " * 2, "definition": "Long."}


@dataclass
class Room:
    """The staff site with five answers to code, and an analyst."""

    db: Database
    address: str
    account: bytes
    cookie: str

    @property
    def coder(self) -> str:
        """The analyst as a coder."""
        return coding.coder_of(self.account)

    def given(self) -> list[str]:
        """What each answer was given, in the coder's own order."""
        pile = coding.pile(self.db, "tiny-1", "issues", self.coder)
        return [" ".join(sorted(pile.codes(said))) for said in pile.answers]


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    home = make_home(tmp_path)
    db = connect(home.store)
    release(db, [{"kind": "yes", "issues": text} for text in [*TEXTS, *[""] * 35]])
    put(db, themes=[*make_codeframe()["themes"], LONG])
    account = staffing.add_account(db, "a@example.org", "Ada", {"tiny": frozenset({ANALYST})}, TODAY).id
    site = create_site(home, secure=False, today=lambda: TODAY, now=lambda: NOW)
    staff = site.mounts["/staff"]
    token = staffing.begin_session(db, account, NOW, second=True)
    with staff.test_request_context():
        sealed = staff.session_interface.seal({"token": token})
    with serving_site(site) as address:
        yield Room(db, address, account, sealed)
    db.close()
    staff.extensions["staff"].db.close()
    site.app.extensions["surveyapp"].db.close()


def window(room: Room, chromium: Browser, **more: bool) -> BrowserContext:
    context = chromium.new_context(viewport={"width": 1280, "height": 900}, **more)
    context.add_cookies([{"name": "staff", "value": room.cookie, "url": f"{room.address}/staff"}])
    context.set_default_timeout(10_000)
    return context


@pytest.fixture
def page(room: Room, chromium: Browser) -> Iterator[Page]:
    """The first answer; the browser complains of nothing."""
    context = window(room, chromium)
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    page.goto(f"{room.address}{HERE}/answers/1")
    yield page
    context.close()
    assert [said for said in complaints if "Failed to load resource" not in said] == []


def at(page: Page) -> int:
    """Which answer is shown."""
    return int(urlsplit(page.url).path.rpartition("/")[2])


def press(page: Page, key: str, position: int) -> None:
    """Press a key that leads to another answer."""
    page.keyboard.press(key)
    page.wait_for_url(f"**/answers/{position}*")
    page.wait_for_load_state()


def told(page: Page, words: str) -> None:
    """What is said aloud after a key: these words, in the end."""
    expect(page.locator("#told")).to_have_text(re.compile(words))


def saved(page: Page) -> None:
    """What was ticked is kept."""
    told(page, "Saved.$")


def test_a_key_gives_a_theme_and_it_is_saved_at_once(room: Room, page: Page):
    page.keyboard.press("1")
    saved(page)
    assert room.given()[0] == "money"
    assert page.inner_text("#coded") == "1"
    page.keyboard.press("1")
    told(page, "taken back. Saved")
    assert room.given()[0] == ""


def test_the_whole_pile_is_coded_by_keyboard_alone(room: Room, page: Page):
    for position, keys in enumerate(["1", "2", "12", "0", "-"], 1):
        for key in keys:
            page.keyboard.press(key)
        if position < 5:
            press(page, "Enter", position + 1)
            assert page.evaluate("document.activeElement.id") == "words"
    saved(page)
    assert room.given() == ["money", "staff", "money staff", "nothing_to_code", "uncodable"]
    press(page, "ArrowLeft", 4)
    press(page, "ArrowRight", 5)
    assert page.is_checked("#code-uncodable")


def test_a_mark_takes_the_place_of_themes_and_they_of_it(room: Room, page: Page):
    page.keyboard.press("1")
    page.keyboard.press("0")
    told(page, "Says nothing to code: given. Saved")
    assert room.given()[0] == "nothing_to_code"
    page.keyboard.press("2")
    told(page, "Staff: given. Saved")
    assert room.given()[0] == "staff"


def test_u_takes_back_also_on_the_answer_before(room: Room, page: Page):
    page.keyboard.press("1")
    saved(page)
    press(page, "Enter", 2)
    page.keyboard.press("2")
    saved(page)
    page.keyboard.press("u")
    told(page, "Undone. Saved.")
    assert room.given()[:2] == ["money", ""]
    press(page, "u", 1)
    told(page, "Undone. Saved.")
    assert room.given()[:2] == ["", ""]
    page.keyboard.press("u")
    told(page, "There is nothing to undo.")


def test_single_keys_can_be_switched_off_and_stay_off(room: Room, page: Page):
    page.keyboard.press("?")
    assert page.get_attribute("#keys", "open") is not None
    assert page.evaluate("document.activeElement.tagName") == "SUMMARY"
    page.get_by_role("button", name="Single-key shortcuts are on").click()
    page.reload()
    page.keyboard.press("1")
    page.keyboard.press("ArrowRight")
    assert (at(page), page.is_checked("#code-money")) == (1, False)
    page.focus("#code-money")
    page.keyboard.press("Space")
    saved(page)
    assert room.given()[0] == "money", "the boxes still work by the keys that every box has"


def test_nothing_happens_while_somebody_types_a_search(room: Room, page: Page):
    page.fill("#sought", "")
    page.focus("#sought")
    page.keyboard.type("1u2?")
    assert page.input_value("#sought") == "1u2?"
    assert room.given() == [""] * 5


def test_what_could_not_be_saved_is_said_and_nobody_is_led_on(room: Room, page: Page):
    page.route("**/answers", lambda route: route.abort())
    page.keyboard.press("1")
    told(page, "could not be saved")
    page.keyboard.press("ArrowRight")
    page.wait_for_timeout(300)
    assert at(page) == 1


def test_tab_leads_through_everything_and_out_again(page: Page):
    seen = []
    for _ in range(40):
        page.keyboard.press("Tab")
        seen.append(page.evaluate("document.activeElement.id || document.activeElement.tagName"))
    assert {"code-money", "code-uncodable", "on", "after", "show", "sought"} <= set(seen)
    assert seen.index("code-money") < seen.index("on") < seen.index("sought")


def test_it_all_works_without_scripts(room: Room, chromium: Browser):
    context = window(room, chromium, java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{room.address}{HERE}/answers/1")
    page.check("#code-money")
    page.get_by_role("button", name="Save and go on").click()
    assert at(page) == 2
    page.get_by_role("link", name="Answer before").click()
    assert page.is_checked("#code-money")
    assert room.given()[0] == "money"
    context.close()


@pytest.mark.parametrize("width", [1280, 375])
def test_no_page_of_the_room_scrolls_sideways_or_has_a_fault_of_access(room: Room, page: Page, width: int):
    page.set_viewport_size({"width": width, "height": 900})
    for position in range(1, 6):
        page.goto(f"{room.address}{HERE}/answers/{position}")
        page.keyboard.press("1")
        saved(page)
    other = {said.answer: frozenset({"staff"}) for said in coding.answers(room.db, "tiny-1", "issues")[:1]}
    coding.code(room.db, "tiny-1", "issues", {"b": other})
    paths = ["", "/change", "/answers/1", "/agreement"]
    _look(room, page, paths)
    coding.finish(room.db, "tiny-1", "issues", room.coder)
    _look(room, page, ["", "/answers/1", "/agreement", "/differences/1", "/quotations", "/quotations/1"])
    for path in ("/staff/surveys/tiny/coding", "/staff/surveys/tiny/coding/tiny-1"):
        page.goto(f"{room.address}{path}")
        _check(page)


def _look(room: Room, page: Page, paths: list[str]) -> None:
    for path in paths:
        response = page.goto(f"{room.address}{HERE}{path}")
        assert response
        assert response.status == 200, path
        _check(page)


def _check(page: Page) -> None:
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), page.url
    found = Axe().run(page).response["violations"]
    assert [(page.url, fault["id"], [n["html"][:100] for n in fault["nodes"]]) for fault in found] == []
