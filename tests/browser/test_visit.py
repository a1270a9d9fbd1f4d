"""A respondent's visit in a real browser, from the link in a letter to the thanks."""

import re

import pytest
from playwright.sync_api import Error, Page

from surveyapp import privacy
from tests.browser.conftest import Guest, Served

pytestmark = pytest.mark.browser

WORDS = "Words of this respondent alone"


def fill(page: Page) -> None:
    """Answer everything on the page: the last option of each question, "Other" where there is one, and words."""
    for group in page.locator("fieldset:has(> .app-grid__option), fieldset:has(> .govuk-radios)").all():
        group.locator("input[type=radio]").last.check()
    for question in page.locator(".govuk-checkboxes").all():
        question.locator("input[type=checkbox]").first.check()
        question.locator("input[type=checkbox]").last.check()
    for area in page.locator("textarea, input[type=text]").all():
        area.fill(WORDS)


def walk(guest: Guest) -> list[str]:
    """From the start page to the check page; the pages on the way."""
    guest.page.get_by_role("button").click()
    walked = []
    while guest.path.startswith("/answer/page/"):
        assert guest.path not in walked, "the page was not taken"
        walked.append(guest.path)
        fill(guest.page)
        guest.press("Save and continue")
    assert guest.path == "/answer/check"
    return walked


def test_a_whole_survey_without_scripts(plain_guest: Guest, served: Served):
    before = len(served.site.tray())
    plain_guest.enter()
    assert len(walk(plain_guest)) == 12
    assert plain_guest.page.get_by_text("Not answered").count() == 0
    plain_guest.press("Send answers")
    assert plain_guest.path == "/answer/done"
    assert plain_guest.page.locator("h1").inner_text() == "Answers received"
    boxes = served.site.tray()
    assert len(boxes) == before + 1
    assert any(answers.get("support_wanted") == WORDS for answers in boxes)


def test_the_code_in_a_link_goes_into_the_form_and_out_of_the_address(guest: Guest, served: Served):
    code = served.code()
    page = guest.go(f"/#{code}")
    assert page.input_value("#code") == code
    assert page.url == f"{served.address}/"
    guest.press("Continue")
    assert guest.path == "/answer/start"
    go_back(page)
    assert code not in page.url
    assert not any(code in address.partition("#")[0] for address in guest.addresses)


def test_a_second_link_opened_in_the_same_window_is_taken_too(guest: Guest, served: Served):
    guest.go("/")
    code = served.code()
    guest.page.evaluate(f"location.hash = '{code}'")
    guest.page.wait_for_function(f"document.getElementById('code').value === '{code}'")
    assert "#" not in guest.page.url


@pytest.mark.parametrize("fragment", ["main-content", "<img src=x onerror=alert(1)>", "x", "a" * 500])
def test_other_fragments_are_left_alone(guest: Guest, fragment):
    assert guest.go(f"/#{fragment}").input_value("#code") == ""


def test_the_cookie_cannot_be_read_by_scripts_and_nothing_else_is_kept(guest: Guest):
    page = guest.enter("/answer/page/about_team")
    assert page.evaluate("document.cookie") == ""
    assert page.evaluate("localStorage.length + sessionStorage.length") == 0
    (cookie,) = page.context.cookies()
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Lax")


def test_the_policy_stops_a_script_that_got_into_a_page(guest: Guest):
    page = guest.enter("/answer/page/about_team")
    page.evaluate("""() => {
      const script = document.createElement('script');
      script.textContent = 'window.broken_in = true';
      document.body.append(script);
      document.body.setAttribute('onclick', 'window.broken_in = true');
      document.body.click();
    }""")
    assert page.evaluate("window.broken_in") is None
    assert len(guest.complaints) == 2
    assert all("Content Security Policy" in words for words in guest.complaints)
    guest.complaints.clear()


def test_an_error_takes_the_focus_and_leads_to_its_field(guest: Guest):
    page = guest.enter("/answer/page/about_team")
    guest.press("Save and continue")
    assert page.title().startswith("Error: ")
    assert page.evaluate("document.activeElement.className").startswith("govuk-error-summary")
    page.locator(".govuk-error-summary a").click()
    page.keyboard.press("Space")
    assert page.locator("#team_type").is_checked()


def test_a_change_link_lands_on_its_row_and_comes_back(guest: Guest):
    page = guest.enter("/answer/page/partners_next")
    page.locator("#engagement_next-police").check()
    guest.press("Save and continue")
    guest.go("/answer/check")
    link = page.locator("a[href*='#engagement_next-police']").first
    link.click()
    assert guest.path == "/answer/page/partners_next"
    top = page.locator("#engagement_next-police").bounding_box()["y"]
    assert 0 < top < 900
    page.locator(".app-grid__row").first.locator("input").nth(4).check()
    guest.press("Save and continue")
    assert guest.path == "/answer/check"


def test_a_required_question_left_open_is_said_when_sending(guest: Guest):
    page = guest.enter("/answer/check")
    guest.press("Send answers")
    assert guest.path == "/answer/page/about_team"
    assert page.locator(".govuk-error-summary").is_visible()
    page.locator("#team_type").check()
    guest.press("Save and continue")
    assert guest.path == "/answer/check"


def go_back(page: Page) -> None:
    """Press Back; again if the driver has no history because Chromium is just swapping the page's process."""
    for attempt in range(10):
        try:
            page.go_back()
            return
        except Error as error:
            if "Not attached to an active page" not in error.message or attempt == 9:
                raise
            page.wait_for_timeout(200)


def test_back_after_sending_shows_no_answers(guest: Guest):
    guest.enter("/answer/page/staff").fill("textarea", WORDS)
    guest.press("Save and continue")
    guest.go("/answer/page/about_team").locator("#team_type").check()
    guest.press("Save and continue")
    guest.go("/answer/check")
    assert WORDS in guest.page.content()
    guest.press("Send answers")
    assert guest.path == "/answer/done"
    for _ in range(5):
        go_back(guest.page)
        assert WORDS not in guest.page.content()
        assert not guest.page.locator("input:checked").count()


def test_a_double_click_on_send_makes_one_box(guest: Guest, served: Served):
    before = len(served.site.tray())
    guest.enter("/answer/page/about_team").locator("#team_type").check()
    guest.press("Save and continue")
    guest.go("/answer/check").get_by_role("button", name="Send answers").dblclick()
    guest.page.locator("h1", has_text="Answers received").wait_for()
    assert len(served.site.tray()) == before + 1


def test_the_code_appears_in_no_address_of_a_visit(guest: Guest, served: Served):
    guest.enter()
    used = set(served.site.codes.values()) - set(served.codes)
    assert all(privacy.normal_code(code) for code in used)
    assert not [a for a in guest.addresses for code in used if code in a]


def test_the_page_can_be_printed_for_the_file(guest: Guest):
    page = guest.enter("/answer/saved")
    page.emulate_media(media="print")
    assert page.locator("h1").is_visible()
    assert re.match(rb"%PDF", page.pdf())
