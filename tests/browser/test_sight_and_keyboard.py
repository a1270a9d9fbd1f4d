"""What no rule of axe can see: the focus is visible and never covered, what is chosen shows without colours,
a small window is enough, and nothing moves."""

import base64
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page

from tests.browser.conftest import Guest
from tests.browser.test_accessibility import PINNED, sticks_out

pytestmark = pytest.mark.browser

TEAM, STAFF = "/answer/page/about_team", "/answer/page/staff"
GRID, SOURCES = "/answer/page/partners_next", "/answer/page/funding_sources"

DIFFERENT = """async ([one, other]) => {
  const pixels = [];
  for (const png of [one, other]) {
    const bitmap = await createImageBitmap(await (await fetch('data:image/png;base64,' + png)).blob());
    const canvas = new OffscreenCanvas(bitmap.width, bitmap.height).getContext('2d');
    canvas.drawImage(bitmap, 0, 0);
    pixels.push(canvas.getImageData(0, 0, bitmap.width, bitmap.height).data);
  }
  let count = 0;
  for (let i = 0; i < pixels[0].length; i += 4) {
    const far = [0, 1, 2].some(c => Math.abs(pixels[0][i + c] - pixels[1][i + c]) > 60);
    if (far) count += 1;
  }
  return count;
}"""
"""How many pixels of two pictures differ plainly."""

COVERED = """() => {
  const active = document.activeElement, box = active.getBoundingClientRect();
  const places = [[.5, .5], [.5, .1], [.5, .9], [.1, .5], [.9, .5]];
  const seen = places.filter(([x, y]) => {
    const top = document.elementFromPoint(box.x + box.width * x, box.y + box.height * y);
    return top && (active.contains(top) || top.closest('.app-grid__option')?.contains(active));
  });
  return seen.length < places.length ? active.id || active.textContent.trim() : '';
}"""
"""What has the focus, if any of it is covered or out of sight."""

EDGE = 6


def picture(page: Page, target: Locator) -> str:
    """The pixels of something and a little around it."""
    box = target.bounding_box()
    assert box
    area = {
        "x": max(0, box["x"] - EDGE),
        "y": max(0, box["y"] - EDGE),
        "width": box["width"] + 2 * EDGE,
        "height": box["height"] + 2 * EDGE,
    }
    return base64.b64encode(page.screenshot(clip=area)).decode()


@pytest.fixture(scope="module")
def counter(chromium: Browser) -> Iterator[Page]:
    """An empty page, which our policy does not bind, for counting pixels."""
    page = chromium.new_page()
    yield page
    page.close()


def different(counter: Page, one: str, other: str) -> int:
    """How many pixels differ plainly."""
    return int(counter.evaluate(DIFFERENT, [one, other]))


# ── the focus ────────────────────────────────────────────────────────────────

FOCUSABLE = "a:visible, button:not([aria-hidden]):visible, textarea:visible, input:not([type=hidden]):visible"


USUAL, FORCED = "none", "active"


@pytest.mark.parametrize(
    ("colours", "path"),
    [
        *((USUAL, path) for path in ("/", SOURCES, GRID, STAFF, "/answer/sections", "/answer/check")),
        *((FORCED, path) for path in (SOURCES, GRID, STAFF)),
    ],
)
def test_whatever_has_the_focus_looks_different(guest: Guest, counter: Page, colours, path):
    guest.page.emulate_media(forced_colors=colours)
    page = guest.enter(path)
    looked_at = set()
    for target in page.locator(FOCUSABLE).all():
        kind = str(target.evaluate("e => e.tagName + (e.type || '') + e.className"))
        if kind in looked_at or "skip-link" in kind:
            continue
        looked_at.add(kind)
        target.scroll_into_view_if_needed()
        page.evaluate("document.activeElement.blur()")
        before = picture(page, target)
        target.focus()
        box = target.bounding_box()
        assert box
        assert different(counter, before, picture(page, target)) >= (box["width"] + box["height"]), kind
    assert len(looked_at) >= 3


@pytest.mark.parametrize("height", [900, 400, 256])
def test_nothing_covers_what_has_the_focus_on_a_page_of_a_grid(guest: Guest, height):
    page = guest.enter(GRID)
    page.set_viewport_size({"width": 1280, "height": height})
    for key in ("Tab", "Shift+Tab"):
        page.locator(".app-grid__row input").nth(0 if key == "Tab" else -1).focus()
        for _ in range(15):
            page.keyboard.press(key)
            assert page.evaluate(COVERED) == ""


def test_a_heading_that_covers_the_focus_would_be_found(guest: Guest):
    page = guest.enter(GRID)
    page.locator(".app-grid__row input").nth(40).focus()
    assert page.evaluate(COVERED) == ""
    page.evaluate("""() => {
      const style = document.querySelector('.app-grid__head').style;
      Object.assign(style, {position: 'fixed', left: 0, width: '100%'});
      style.top = document.activeElement.getBoundingClientRect().top - 10 + 'px';
    }""")
    assert page.evaluate(COVERED) != ""


def test_headings_and_page_stay_in_a_window_of_400_per_cent(guest: Guest):
    page = guest.enter(GRID)
    page.set_viewport_size({"width": 320, "height": 256})
    assert page.evaluate(PINNED) == []
    assert sticks_out(page) == 0
    page.locator(".app-grid__row input").nth(20).check()
    page.keyboard.press("ArrowDown")
    assert page.evaluate(COVERED) == ""
    page.set_viewport_size({"width": 1280, "height": 256})
    assert page.evaluate(PINNED) == []


# ── what is chosen ───────────────────────────────────────────────────────────


@pytest.mark.parametrize("colours", ["none", "active"], ids=["usual colours", "forced colours"])
@pytest.mark.parametrize(
    ("path", "field", "other"),
    [
        (TEAM, "#team_type-daat", "#team_type-csp"),
        (SOURCES, "#funding_sources_changing-dip", "#funding_sources_changing-pct"),
        (GRID, "#engagement_next-police-same", "#engagement_next-police-decrease_little"),
    ],
    ids=["single", "multiple", "grid"],
)
def test_chosen_and_focused_can_be_told_apart(guest: Guest, counter: Page, path, field, other, colours):
    guest.page.emulate_media(forced_colors=colours)
    page = guest.enter(path)
    target = page.locator(field)
    target.scroll_into_view_if_needed()
    looks = {"plain": picture(page, target)}
    target.focus()
    looks["focused"] = picture(page, target)
    target.check()
    page.mouse.move(0, 0)
    looks["chosen, focused"] = picture(page, target)
    page.evaluate("document.activeElement.blur()")
    looks["chosen"] = picture(page, target)
    pairs = [(a, b) for a in looks for b in looks if a < b]
    assert [(a, b) for a, b in pairs if different(counter, looks[a], looks[b]) < 40] == []
    assert not page.locator(other).is_checked()


# ── nothing moves ────────────────────────────────────────────────────────────

MOVING = """() => [...document.querySelectorAll('body *')].filter(e => {
  const style = getComputedStyle(e);
  const slow = /[1-9]/.test(style.transitionDuration) || style.scrollBehavior === 'smooth';
  return slow || style.animationName !== 'none';
}).map(e => e.className)"""


@pytest.mark.parametrize("motion", ["reduce", "no-preference"])
def test_nothing_moves_by_itself(guest: Guest, motion):
    guest.page.emulate_media(reduced_motion=motion)
    for path in (TEAM, GRID, "/answer/check"):
        page = guest.enter(path) if path == TEAM else guest.go(path)
        assert page.evaluate(MOVING) == []
        assert page.evaluate("document.getAnimations().length") == 0


# ── titles ───────────────────────────────────────────────────────────────────


def test_every_page_has_a_title_of_its_own_and_one_main_heading(guest: Guest):
    titles = [guest.enter().title()]
    for page in ("about_team", "funding", "funding_sources", "staff", "partners_now", "partners_next", "support"):
        titles.append(guest.go(f"/answer/page/{page}").title())
        assert guest.page.locator("h1").count() == 1
    for path in ("/answer/sections", "/answer/check", "/answer/saved", "/answer/copy", "/"):
        titles.append(guest.go(path).title())
        assert guest.page.locator("h1").count() == 1
    assert len(set(titles)) == len(titles)
    assert all(guest.page.get_attribute("html", "lang") == "en" for _ in titles)
