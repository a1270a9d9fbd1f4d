"""Every kind of page at the widths of phone, tablet and desk: no rule of axe is broken, nothing sticks out."""

from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.browser.conftest import Guest

pytestmark = pytest.mark.browser

WIDTHS = (320, 768, 1280)
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


def home(guest: Guest) -> None:
    guest.go("/")


def wrong_code(guest: Guest) -> None:
    guest.go("/").fill("#code", "nothing")
    guest.press("Continue")


def start(guest: Guest) -> None:
    guest.enter()


def single(guest: Guest) -> None:
    guest.enter("/answer/page/about_team")


def multiple(guest: Guest) -> None:
    guest.enter("/answer/page/funding_sources")


def grid_of_3(guest: Guest) -> None:
    guest.enter("/answer/page/partners_now")


def grid_of_5(guest: Guest) -> None:
    guest.enter("/answer/page/partners_next")


def grid_of_6(guest: Guest) -> None:
    guest.enter("/answer/page/funding")


def words(guest: Guest) -> None:
    guest.enter("/answer/page/staff")


def missing_answer(guest: Guest) -> None:
    guest.enter("/answer/page/about_team")
    guest.press("Save and continue")


def too_long(guest: Guest) -> None:
    guest.enter("/answer/page/staff").fill("textarea", "word " * 3000)
    guest.press("Save and continue")


def check(guest: Guest) -> None:
    guest.enter("/answer/page/partners_next").locator(".app-grid__row input").first.check()
    guest.press("Save and continue")
    guest.go("/answer/check")


def saved(guest: Guest) -> None:
    guest.enter("/answer/saved")


def done(guest: Guest) -> None:
    guest.enter("/answer/page/about_team").locator("input[type=radio]").first.check()
    guest.press("Save and continue")
    guest.go("/answer/check")
    guest.press("Send answers")
    assert guest.path == "/answer/done"


def message(guest: Guest) -> None:
    guest.go("/nothing")


PAGES = [home, wrong_code, start, single, multiple, grid_of_3, grid_of_5, grid_of_6, words]
PAGES += [missing_answer, too_long, check, saved, done, message]


@pytest.mark.parametrize("reach", PAGES, ids=lambda page: page.__name__)
def test_no_rule_is_broken_at_any_width(guest: Guest, reach: Callable[[Guest], None]):
    reach(guest)
    for width in WIDTHS:
        guest.page.set_viewport_size({"width": width, "height": 900})
        assert sticks_out(guest.page) == 0, f"at {width} px something sticks out sideways"
        assert broken(guest.page) == [], f"at {width} px"


def test_a_planted_fault_is_found(guest: Guest):
    page = guest.enter("/answer/page/about_team")
    page.evaluate("document.querySelector('label').remove()")
    assert any(fault.startswith("label:") for fault in broken(page))


def sticks_out(page: Page) -> int:
    """How many pixels the page is wider than the window."""
    return page.evaluate("Math.max(0, document.scrollingElement.scrollWidth - innerWidth)")


def broken(page: Page) -> list[str]:
    """The rules of axe that the page breaks, each with the first place."""
    found = Axe().run(page, options=RULES).response["violations"]
    return [f"{fault['id']}: {fault['help']}: {fault['nodes'][0]['html'][:200]}" for fault in found]
