"""Every type of question in a browser: what is revealed, counted and led to, with scripts and without."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Guest, Served, serving
from tests.browser.test_accessibility import broken, sticks_out
from tests.makers import make_document, make_question

pytestmark = pytest.mark.browser

CHOICES, AMOUNTS, WORDS, ROWS = (f"/answer/page/p{n}" for n in range(1, 5))
LONG = "Donaudampfschifffahrtsgesellschaftskapitänsmützenabzeichen"
OTHER = {"code": "other", "label": "Other", "specify": True}
NONE = {"code": "none", "label": "None of these", "exclusive": True}


def make_labels(*labels: str, **more: Any) -> list[dict[str, Any]]:
    return [{"code": chr(ord("a") + n), "label": label, **more} for n, label in enumerate(labels)]


def make_types() -> dict[str, Any]:
    three = make_labels("First", "Second", f"Third {LONG}")
    return make_document(
        [
            make_question("single", "kind", options=[*make_labels("One", f"Two {LONG}"), OTHER]),
            make_question("multiple", "sources", options=[*make_labels("One", "Two"), OTHER, NONE]),
        ],
        [
            make_question("number", "change", unit="GBP", min=-100),
            make_question("number", "months", unit=f"months {LONG}"),
            make_question("allocation", "share", rows=three, unit="%"),
            make_question("rank", "needs", options=three),
            make_question("date", "opened", required=True),
        ],
        [make_question("text", "issues", max_length=20, hint="Be brief.")],
        [
            make_question(
                "grid",
                "each",
                text="How is each?",
                rows=[{"code": f"r{n}", "label": f"Row {n}"} for n in range(1, 10)],
                scale=make_labels("Good", f"Bad {LONG}"),
                required=True,
            )
        ],
        disclosure={"carry": ["region"]},
    )


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The site with a question of every type in the field."""
    with serving(tmp_path_factory.mktemp("site"), make_types()) as site:
        yield site


def focus(page: Page) -> str:
    return page.evaluate("document.activeElement.id")


# ── words beside an option ───────────────────────────────────────────────────


@pytest.mark.parametrize("question", ["kind", "sources"])
def test_the_field_beside_other_appears_when_it_is_chosen(plain_guest: Guest, question: str):
    page = plain_guest.enter(CHOICES)
    field = page.locator(f"#{question}-other-text")
    assert not field.is_visible()
    page.locator(f"#{question}-other").check()
    assert field.is_visible()
    page.locator(f"#{question}").check()
    if question == "sources":
        assert field.is_visible()
        page.locator("#sources-other").uncheck()
    assert not field.is_visible()


def test_words_beside_an_option_that_is_no_longer_chosen_stay_in_sight(plain_guest: Guest):
    page = plain_guest.enter(CHOICES)
    page.locator("#kind-other").check()
    page.fill("#kind-other-text", "Something else")
    page.locator("#kind").check()
    assert page.locator("#kind-other-text").is_visible()
    plain_guest.press("Save and continue")
    page.locator(".govuk-error-summary a").click()
    assert focus(page) == "kind-other-text"
    page.fill("#kind-other-text", "")
    assert page.locator("#kind-other-text").is_visible()


def test_tab_goes_from_other_to_its_field_and_past_hidden_ones(guest: Guest):
    page = guest.enter(CHOICES)
    page.locator("#kind").focus()
    page.keyboard.press("Tab")
    assert focus(page) == "sources"
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    assert focus(page) == "sources-other-text"


# ── ticks that exclude each other ────────────────────────────────────────────


def ticked(page: Page) -> list[str]:
    return page.evaluate("[...document.querySelectorAll('[name=sources]:checked')].map(box => box.value)")


def test_none_of_these_unticks_the_others_and_they_untick_it(guest: Guest):
    page = guest.enter(CHOICES)
    page.locator("#sources").check()
    page.locator("#sources-b").check()
    page.locator("#sources-none").check()
    assert ticked(page) == ["none"]
    page.locator("#sources-b").check()
    assert ticked(page) == ["b"]


def test_without_scripts_both_can_be_ticked_and_the_server_says_so(plain_guest: Guest):
    page = plain_guest.enter(CHOICES)
    page.locator("#sources").check()
    page.locator("#sources-none").check()
    plain_guest.press("Save and continue")
    assert "cannot go with other answers" in page.locator(".govuk-error-summary").inner_text()


# ── amounts ──────────────────────────────────────────────────────────────────


def total(page: Page) -> str:
    line = page.locator("[data-add-up]")
    return line.inner_text() if line.is_visible() else ""


def test_a_total_follows_what_is_typed(guest: Guest):
    page = guest.enter(AMOUNTS)
    assert total(page) == ""
    page.fill("#share-a", "33.3")
    page.fill("#share-b", "26.7 %")
    assert total(page) == "Total so far: 60 of 100%"
    page.fill("#share-c", "many")
    assert total(page) == ""
    page.fill("#share-c", "1,000")
    assert total(page) == "Total so far: 1,060 of 100%"


def test_a_total_is_read_aloud_once_the_typing_pauses(guest: Guest):
    page = guest.enter(AMOUNTS)
    page.locator("#share-a").press_sequentially("60")
    aloud = page.locator("[data-add-up] + [aria-live=polite]")
    assert aloud.text_content() == ""
    expect(aloud).to_have_text("Total so far: 60 of 100%")


def test_without_scripts_there_is_no_line_that_nobody_fills(plain_guest: Guest):
    page = plain_guest.enter(AMOUNTS)
    assert total(page) == ""
    page = plain_guest.go(WORDS)
    assert page.get_by_text("You can write up to 20 characters").is_visible()
    assert not page.locator("[data-limit]").is_visible()


def test_a_number_that_may_be_negative_gets_a_keyboard_with_a_minus(guest: Guest):
    page = guest.enter(AMOUNTS)
    assert page.get_attribute("#change", "inputmode") == "text"
    assert page.get_attribute("#months", "inputmode") == "numeric"


def test_units_are_part_of_what_a_field_is_called(guest: Guest):
    page = guest.enter(AMOUNTS)
    assert page.get_by_role("textbox", name="What about change? (in pounds)", exact=True).count() == 1
    assert page.get_by_role("textbox", name="First (in %)", exact=True).count() == 1


def test_errors_lead_to_fields_that_take_the_focus(guest: Guest):
    page = guest.enter(AMOUNTS)
    page.fill("#share-a", "60")
    page.fill("#needs", "3")
    page.fill("#opened", "3")
    page.fill("#opened-year", "2009")
    guest.press("Save and continue")
    reached = []
    for link in page.locator(".govuk-error-summary a").all():
        link.click()
        reached.append(focus(page))
    assert reached == ["share-a", "needs", "opened-month"]
    assert page.locator(".govuk-date-input .govuk-input--error").count() == 1


# ── words ────────────────────────────────────────────────────────────────────


def test_the_characters_left_are_counted_as_the_server_counts(guest: Guest):
    page = guest.enter(WORDS)
    line = page.locator("[data-limit]")
    assert line.inner_text() == "You have 20 characters left"
    page.fill("#issues", " 👍\r\nseventeen letters ")
    assert line.inner_text() == "You have 0 characters left"
    page.fill("#issues", "x" * 19)
    assert line.inner_text() == "You have 1 character left"
    page.fill("#issues", "x" * 21)
    assert line.inner_text() == "You have 1 character too many"
    page.fill("#issues", "x" * 32)
    assert line.inner_text() == "You have 12 characters too many"
    assert "govuk-error-message" in str(line.get_attribute("class"))
    guest.press("Save and continue")
    assert "12 characters too long" in page.locator(".govuk-error-summary").inner_text()
    assert line.inner_text() == "You have 12 characters too many"


def test_the_server_agrees_on_the_longest_answer(guest: Guest):
    page = guest.enter(WORDS)
    page.fill("#issues", " 👍\nseventeen letters ")
    assert page.locator("[data-limit]").inner_text() == "You have 0 characters left"
    guest.press("Save and continue")
    assert guest.path != WORDS


def test_characters_are_read_aloud_once_the_typing_pauses(guest: Guest):
    page = guest.enter(WORDS)
    page.locator("#issues").press_sequentially("abc")
    aloud = page.locator("[data-limit] + [aria-live=polite]")
    assert aloud.text_content() == ""
    expect(aloud).to_have_text("You have 17 characters left")


# ── sending ──────────────────────────────────────────────────────────────────


def test_a_double_click_saves_once(guest: Guest):
    page = guest.enter(WORDS)
    posts: list[str] = []
    page.on("request", lambda request: posts.append(request.url) if request.method == "POST" else None)
    page.get_by_role("button", name="Save and continue").dblclick()
    page.wait_for_url("**" + ROWS)
    assert len(posts) == 1


def test_many_unfinished_rows_are_one_line_at_the_top(guest: Guest):
    page = guest.enter(ROWS)
    page.locator("#each-r1").check()
    guest.press("Save and continue")
    lines = page.locator(".govuk-error-summary a")
    assert lines.all_inner_texts() == ["How is each? 8 rows have no answer yet"]
    lines.click()
    assert focus(page) == "each-r2"
    assert page.locator(".app-grid__row--error").count() == 8


# ── every screen ─────────────────────────────────────────────────────────────


@pytest.mark.parametrize("path", [CHOICES, AMOUNTS, WORDS, ROWS])
def test_every_type_fits_every_screen_and_breaks_no_rule(guest: Guest, path: str):
    page = guest.enter(path)
    for box in page.locator("input[type=checkbox], input[value=other]").all():
        box.evaluate("box => { box.checked = true }")
    for width, height in ((320, 256), (375, 800), (769, 900), (1280, 900)):
        page.set_viewport_size({"width": width, "height": height})
        assert sticks_out(page) == 0, f"at {width} px"
        assert broken(page) == [], f"at {width} px"
    guest.press("Save and continue")
    assert broken(page) == []


@pytest.mark.parametrize("path", [CHOICES, AMOUNTS, WORDS, ROWS])
def test_more_space_between_letters_and_lines_cuts_nothing(guest: Guest, path: str):
    page = guest.enter(path)
    page.set_viewport_size({"width": 320, "height": 800})
    page.evaluate("""() => {
      const sheet = new CSSStyleSheet();
      sheet.replaceSync(`* { line-height: 1.5 !important; letter-spacing: .12em !important;
        word-spacing: .16em !important } p { margin-bottom: 2em !important }`);
      document.adoptedStyleSheets = [sheet];
    }""")
    assert sticks_out(page) == 0
    cut = page.evaluate("""() => [...document.querySelectorAll('h1, h2, legend, label, p, .govuk-hint')]
      .filter(e => e.checkVisibility() && !e.closest('.govuk-visually-hidden') && e.clientWidth > 0)
      .filter(e => e.scrollWidth > e.clientWidth + 1).map(e => e.textContent.trim())""")
    assert cut == []


def test_what_is_chosen_and_wrong_shows_in_high_contrast(guest: Guest):
    guest.page.emulate_media(forced_colors="active", reduced_motion="reduce")
    page = guest.enter(CHOICES)
    box = page.locator(".govuk-checkboxes__item").first
    before = box.screenshot()
    box.locator("input").check()
    page.locator("h1").click()
    assert box.screenshot() != before
    page = guest.go(WORDS)
    page.fill("#issues", "x" * 21)
    assert page.locator("[data-limit]").is_visible()
