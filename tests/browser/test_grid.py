"""The grid: columns on a desk, a list of questions on a phone; what the eye, the finger and the keyboard meet."""

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import Guest

pytestmark = pytest.mark.browser

GRID = "/answer/page/partners_next"
DESK, PHONE = {"width": 1280, "height": 900}, {"width": 375, "height": 800}

ROWS = """() => [...document.querySelectorAll('.app-grid__row')].filter(row => row.checkVisibility()).map(row => ({
  legend: row.querySelector('legend').getBoundingClientRect().toJSON(),
  inputs: [...row.querySelectorAll('input')].map(i => i.getBoundingClientRect().toJSON()),
}))"""
HEADINGS = """() => [...document.querySelectorAll('.app-grid__head span')].slice(1)
  .map(span => span.getBoundingClientRect().toJSON())"""
TARGETS = """() => [...document.querySelectorAll('input:not([type=hidden]), button, textarea, nav a')]
  .filter(e => e.checkVisibility() && !e.closest('[aria-hidden]'))
  .map(e => [e.id || e.textContent, e.getBoundingClientRect()])
  .map(([name, box]) => [name, Math.min(box.width, box.height)])"""
UNDER_FOCUS = """() => {
  const active = document.activeElement, box = active.getBoundingClientRect();
  return document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2)?.closest('.app-grid__option')
    === active.closest('.app-grid__option');
}"""


def middle(box: dict[str, float]) -> float:
    return box["x"] + box["width"] / 2


@pytest.mark.parametrize(("name", "columns", "rows"), [("partners_next", 5, 16), ("partners_now", 3, 16)])
def test_circles_stand_under_their_headings_on_a_desk(guest: Guest, name, columns, rows):
    shown = guest.enter(f"/answer/page/{name}")
    headings, lines = shown.evaluate(HEADINGS), shown.evaluate(ROWS)
    assert (len(headings), len(lines)) == (columns, rows)
    for line in lines:
        for heading, circle in zip(headings, line["inputs"], strict=True):
            assert abs(middle(heading) - middle(circle)) <= 2
            assert line["legend"]["right"] <= circle["left"]
            assert line["legend"]["top"] < circle["bottom"]
            assert circle["top"] < line["legend"]["bottom"]


def test_a_row_with_a_fault_keeps_its_circles_under_the_headings(guest: Guest):
    page = guest.enter(GRID)
    first = page.locator(".app-grid__row input").first
    first.evaluate("input => { input.value = 'x' }")
    first.check()
    guest.press("Save and continue")
    assert page.locator(".app-grid__row--error").count() == 1
    circles = page.evaluate(ROWS)[0]["inputs"]
    for heading, circle in zip(page.evaluate(HEADINGS), circles, strict=True):
        assert abs(middle(heading) - middle(circle)) <= 2


def test_options_are_stacked_under_their_row_on_a_phone(guest: Guest):
    guest.page.set_viewport_size(PHONE)
    page = guest.enter(GRID)
    assert not page.locator(".app-grid__head").is_visible()
    lines = page.evaluate(ROWS)
    assert len(lines) == 8
    for line in lines:
        tops = [circle["top"] for circle in line["inputs"]]
        assert tops == sorted(tops)
        assert len(set(tops)) == 5
        assert {circle["left"] for circle in line["inputs"]} == {line["inputs"][0]["left"]}
        assert line["legend"]["bottom"] <= tops[0]
        assert all(circle["right"] <= 375 for circle in line["inputs"])
    assert page.locator(".app-grid__label").first.inner_text() == "Increase a lot"


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
@pytest.mark.parametrize("name", ["partners_next", "about_team", "staff", "funding_sources"])
def test_nothing_to_press_is_smaller_than_a_finger_s_tip(guest: Guest, name, size):
    guest.page.set_viewport_size(size)
    sizes = guest.enter(f"/answer/page/{name}").evaluate(TARGETS)
    assert len(sizes) >= 5
    assert [(target, size) for target, size in sizes if size < 24] == []


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_the_whole_cell_or_line_can_be_pressed(guest: Guest, size):
    guest.page.set_viewport_size(size)
    page = guest.enter(GRID)
    option = page.locator(".app-grid__row").nth(3).locator(".app-grid__option").nth(2)
    box = option.bounding_box()
    assert box
    option.click(position={"x": min(box["width"] - 4, 100), "y": box["height"] - 4})
    assert option.locator("input").is_checked()


def test_a_chosen_circle_looks_chosen(guest: Guest):
    page = guest.enter(GRID)
    first, second = page.locator(".app-grid__row input").nth(0), page.locator(".app-grid__row input").nth(1)
    empty = first.screenshot()
    first.check()
    page.locator("h1").click()
    assert first.screenshot() != empty
    assert second.screenshot() == empty


def test_a_chosen_circle_looks_chosen_in_high_contrast(guest: Guest):
    guest.page.emulate_media(forced_colors="active")
    test_a_chosen_circle_looks_chosen(guest)


# ── in parts on a phone ──────────────────────────────────────────────────────


def seen(page: Page) -> list[str]:
    """The rows in sight."""
    return page.evaluate("""() => [...document.querySelectorAll('.app-grid__row')]
      .filter(row => row.checkVisibility())
      .map(row => row.querySelector('input').id.replace('engagement_next-', ''))""")


def buttons(page: Page) -> list[str]:
    """The large buttons in sight."""
    return [button.inner_text() for button in page.locator(".govuk-button").all() if button.is_visible()]


def test_a_desk_shows_the_whole_grid_and_a_phone_half_of_it(guest: Guest):
    page = guest.enter(GRID)
    every_row = seen(page)
    assert len(every_row) == 16
    assert buttons(page)[0] == "Save and continue"
    assert not page.get_by_text("Part 1 of 2").is_visible()
    page.set_viewport_size(PHONE)
    assert seen(page) == every_row[:8]
    assert buttons(page)[0] == "Save and go on to rows 9 to 16"
    assert "Save and continue" not in buttons(page)
    assert page.get_by_text("Part 1 of 2").is_visible()
    page.set_viewport_size({"width": 768, "height": 900})
    assert len(seen(page)) == 8
    page.set_viewport_size({"width": 769, "height": 900})
    assert seen(page) == every_row


def test_a_phone_walks_through_the_parts_and_keeps_every_answer(plain_guest: Guest):
    plain_guest.page.set_viewport_size(PHONE)
    page = plain_guest.enter(GRID)
    every_row = page.locator(".app-grid__row")
    every_row.nth(2).locator("input").first.check()
    plain_guest.press("Save and go on to rows 9 to 16")
    assert plain_guest.path == GRID
    assert page.locator("legend", has_text="How do you expect").is_visible()
    assert page.get_by_text("Part 2 of 2").is_visible()
    assert len(seen(page)) == 8
    assert not every_row.nth(7).is_visible()
    every_row.nth(12).locator("input").nth(1).check()
    plain_guest.press("Save and continue")
    assert plain_guest.path != GRID
    page = plain_guest.go(GRID)
    assert every_row.nth(2).locator("input").first.is_checked()
    assert every_row.nth(12).locator("input").nth(1).is_checked()


def test_a_fault_in_a_later_part_is_shown_and_can_be_reached(guest: Guest):
    guest.page.set_viewport_size(PHONE)
    page = guest.enter(GRID)
    last = page.locator(".app-grid__row").last.locator("input").first
    last.evaluate("input => { input.value = 'x'; input.checked = true }")
    page.set_viewport_size(DESK)
    guest.press("Save and continue")
    page.set_viewport_size(PHONE)
    page.locator(".govuk-error-summary a").click()
    assert page.locator(".app-grid__row").last.is_visible()
    assert focus(page) == page.locator(".app-grid__row").last.locator("input").first.get_attribute("id")


def test_a_link_to_a_row_of_a_later_part_shows_that_part(plain_guest: Guest):
    plain_guest.page.set_viewport_size(PHONE)
    page = plain_guest.enter(GRID)
    last = page.locator(".app-grid__row").last
    field = last.locator("input").first.get_attribute("id")
    assert not last.is_visible()
    plain_guest.go(f"{GRID}#{field}")
    assert last.is_visible()
    assert page.locator(".app-grid__row").first.is_visible()


def test_enter_presses_the_button_in_sight(guest: Guest):
    page = guest.enter(GRID)
    page.locator(".app-grid__row input").first.focus()
    page.set_viewport_size(PHONE)
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert "part=2" in page.url


def test_enter_goes_on_without_scripts_too(plain_guest: Guest):
    page = plain_guest.enter(GRID)
    page.locator(".app-grid__row input").first.focus()
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert plain_guest.path != GRID


# ── by keyboard alone ────────────────────────────────────────────────────────


def focus(page: Page) -> str:
    return page.evaluate("document.activeElement.id || document.activeElement.textContent.trim()")


def test_tab_goes_from_row_to_row_and_arrows_along_a_row(guest: Guest):
    page = guest.enter(GRID)
    page.locator(".app-grid__row input").first.focus()
    assert focus(page) == "engagement_next-ccg"
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    chosen = focus(page)
    assert chosen == page.locator(".app-grid__row").first.locator("input").nth(2).get_attribute("id")
    assert page.locator(f"#{chosen}").is_checked()
    page.keyboard.press("ArrowLeft")
    assert focus(page) == page.locator(".app-grid__row").first.locator("input").nth(1).get_attribute("id")
    rows = page.locator(".app-grid__row")
    for i in range(1, rows.count()):
        page.keyboard.press("Tab")
        assert focus(page) == rows.nth(i).locator("input").first.get_attribute("id")
        assert page.evaluate(UNDER_FOCUS), f"row {i} has the focus but something covers it"
    page.keyboard.press("Tab")
    assert focus(page) == "Save and continue"
    for i in range(rows.count() - 1, 0, -1):
        page.keyboard.press("Shift+Tab")
        assert page.evaluate(UNDER_FOCUS), f"row {i} has the focus but something covers it"


def test_enter_saves_and_continues(guest: Guest):
    page = guest.enter(GRID)
    page.locator(".app-grid__row input").first.focus()
    page.keyboard.press("Space")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert guest.path == "/answer/page/area_changes"
    guest.go(GRID)
    assert page.locator(".app-grid__row input").first.is_checked()


def test_the_first_tab_offers_to_skip_to_the_content(guest: Guest):
    page = guest.enter(GRID)
    page.keyboard.press("Tab")
    assert focus(page) == "Skip to main content"
    assert page.locator(".govuk-skip-link").bounding_box()["height"] > 20
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert focus(page) == "engagement_next-ccg"


def test_the_focus_can_be_seen(guest: Guest):
    page = guest.enter(GRID)
    circle = page.locator(".app-grid__row input").first
    before = circle.screenshot()
    circle.focus()
    assert circle.screenshot() != before


def test_more_space_between_letters_and_lines_hides_nothing(guest: Guest):
    page = guest.enter(GRID)
    page.evaluate("""() => {
      const sheet = new CSSStyleSheet();
      sheet.replaceSync(`* { line-height: 1.5 !important; letter-spacing: .12em !important;
        word-spacing: .16em !important } p { margin-bottom: 2em !important }`);
      document.adoptedStyleSheets = [sheet];
    }""")
    cut = page.evaluate("""() => [...document.querySelectorAll('h1, legend, .app-grid__head span, p')]
      .filter(e => e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 0).map(e => e.textContent.trim())""")
    assert cut == []
    assert page.evaluate("document.scrollingElement.scrollWidth <= innerWidth")
