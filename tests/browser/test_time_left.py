"""A visit ends two hours after the last page: the page says so in good time."""

import pytest

from tests.browser.conftest import Guest

pytestmark = pytest.mark.browser


def test_the_page_says_five_minutes_before_that_the_visit_ends_and_can_be_saved(guest: Guest):
    guest.page.clock.install()
    page = guest.enter("/answer/page/staff")
    warning = page.get_by_text("Your visit ends in five minutes")
    page.locator("textarea").first.fill("Half a sentence")
    page.clock.fast_forward("01:54:00")
    assert not warning.is_visible()
    page.clock.fast_forward("01:30")
    assert warning.is_visible()
    guest.press("Save and stay on this page")
    assert guest.path == "/answer/page/staff"
    assert page.locator("textarea").first.input_value() == "Half a sentence"
    assert not warning.is_visible()
