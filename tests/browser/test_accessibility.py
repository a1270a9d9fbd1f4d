"""No rule of axe is broken, nothing sticks out and nothing is cut: on every page of every questionnaire, and on
every other kind of page, at the widths of phone, tablet and desk."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import axe_playwright_python
import pytest
from playwright.sync_api import Browser, Page

from surveyapp.config import project_file
from surveyapp.fieldwork import Frame, Unit
from surveyapp.storage import database
from tests.browser.conftest import Guest, Served, serving, welcome
from tests.web.test_errors import locked
from tests.web.test_excel import filled_in
from tests.web.test_languages import bilingual

pytestmark = pytest.mark.browser

WIDTHS = (320, 768, 1280)
HEIGHT = 900
RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "resultTypes": ["violations"],
}
AXE = (Path(axe_playwright_python.__path__[0]) / "axe.min.js").read_text(encoding="utf-8")

SPACED = """* { line-height: 1.5 !important; letter-spacing: .12em !important; word-spacing: .16em !important }
p { margin-bottom: 2em !important }"""
"""The spacing that somebody may set for all text (WCAG 1.4.12)."""

SPREAD = """spaced => {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(spaced);
  document.adoptedStyleSheets = [sheet];
}"""

CUT = """() => [...document.querySelectorAll(
    'h1, h2, h3, legend, label, p, li, dt, dd, a, button, strong, .govuk-hint, .app-grid__head span')]
  .filter(e => e.checkVisibility() && e.clientWidth > 1 && !e.closest('.govuk-visually-hidden, .govuk-skip-link'))
  .filter(e => !(e.matches('.app-grid__label') && getComputedStyle(e).position === 'absolute'))
  .filter(e => e.scrollWidth > e.clientWidth + 2).map(e => e.textContent.trim())"""

PINNED = """() => [...document.querySelectorAll('body *')].filter(e => e.checkVisibility())
  .filter(e => ['fixed', 'sticky'].includes(getComputedStyle(e).position)).map(e => e.className)"""


def broken(page: Page) -> list[str]:
    """The rules of axe that the page breaks, each with the first place."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE)
    found = page.evaluate("rules => axe.run(document, rules).then(found => found.violations)", RULES)
    return [f"{fault['id']}: {fault['help']}: {fault['nodes'][0]['html'][:200]}" for fault in found]


def sticks_out(page: Page) -> int:
    """How many pixels the page is wider than the window."""
    page.wait_for_load_state("load")  # a page that is only coming in has nothing that scrolls
    return page.evaluate("Math.max(0, document.scrollingElement.scrollWidth - innerWidth)")


def cut_when_spaced(page: Page) -> list[str]:
    """Texts that do not fit, or a page that does not, when somebody sets all text more widely."""
    page.evaluate(SPREAD, SPACED)
    out = sticks_out(page)
    found = page.evaluate(CUT) + ([f"{out} px of the page"] if out else [])
    page.evaluate("document.adoptedStyleSheets = []")
    return found


def look(page: Page, widths: Sequence[int] = WIDTHS) -> None:
    """Look at a page at each width, without loading it anew."""
    for width in widths:
        page.set_viewport_size({"width": width, "height": HEIGHT})
        assert broken(page) == [], f"{page.url} at {width} px"
        fits(page, (width,))


def fits(page: Page, widths: Sequence[int]) -> None:
    """At each width nothing sticks out, is cut, or at 400% zoom stays where it would cover the rest."""
    for width in widths:
        page.set_viewport_size({"width": width, "height": HEIGHT})
        where = f"{page.url} at {width} px"
        assert sticks_out(page) == 0, where
        assert cut_when_spaced(page) == [], where
        assert width > 320 or page.evaluate(PINNED) == [], where


# ── every page of every questionnaire ────────────────────────────────────────

ANSWERED = """choices => {
  const form = document.querySelector('#answers'), seen = new Set();
  for (const radio of form.querySelectorAll('input[type=radio]')) {
    const wanted = choices[radio.name];
    if (wanted === radio.value || !wanted && !seen.has(radio.name)) radio.checked = true;
    seen.add(radio.name);
  }
  for (const box of form.querySelectorAll('input[type=checkbox]')) {
    box.checked = choices[box.name] ? choices[box.name] === box.value : !('exclusive' in box.dataset);
  }
  for (const area of form.querySelectorAll('textarea')) area.value = choices.words;
  for (const field of form.querySelectorAll('input[type=text]')) {
    field.value = field.closest('fieldset') ? '' : choices[field.name] || '1';
  }
}"""
"""Answer a page: as chosen, else the first of each; all that can be ticked."""

SPOILT = """() => {
  const form = document.querySelector('#answers'), seen = new Set();
  for (const choice of form.querySelectorAll('input[type=radio], input[type=checkbox]')) {
    if (!seen.has(choice.name)) { choice.value = 'x'; choice.checked = true; }
    seen.add(choice.name);
  }
  for (const area of form.querySelectorAll('textarea')) area.value = 'word '.repeat(1000);
  for (const field of form.querySelectorAll('input[type=text]:not([placeholder])')) field.value = '?';
}"""
"""Spoil every answer of a page."""

WALKS: Mapping[str, Sequence[Mapping[str, str]]] = {
    "dat/2012.1": [{}],
    "dat/2013.1": [
        {"commissioning_responsibility": "public_health"},
        {"commissioning_responsibility": "undecided"},
    ],
    "housing/2011.1": [{"hardest_groups": "single_25_to_34"}],
    "interview/2011.1": [
        {"participant_role": "partnership"},
        {"participant_role": "practitioner"},
        {"participant_role": "other"},
    ],
    "police/2011.1": [{}],
    "provider/2013.1": [{"funding_level.this_year": "major_decrease", "naloxone": "no", "staff_total": "3"}],
}
"""What to choose so that the walks through a questionnaire together see all of its pages."""


def all_pages(document: Mapping[str, Any]) -> set[str]:
    return {page["id"] for section in document["sections"] for page in section["pages"]}


def make_levels() -> Frame:
    """Organisations with the strata of both kinds of frame."""
    units = [
        Unit(f"U{n}", f"Unit {n}", f"u{n}@example.org", "", "en", {"region": "x", "level": "y"}) for n in range(20)
    ]
    return Frame(tuple(units), ("region", "level"))


@contextmanager
def fielded(path: Path, name: str) -> Iterator[Served]:
    """The site with one of the questionnaires of this repository in the field."""
    document = json.loads(project_file(f"instruments/{name}.json").read_bytes())
    with serving(path, document, frame=make_levels(), carry=document["disclosure"].get("carry", [])) as served:
        yield served


def questionnaires() -> set[str]:
    files = project_file("instruments").glob("*/*.json")
    return {f"{file.parent.name}/{file.stem}" for file in files}


def test_every_questionnaire_is_walked_through():
    assert set(WALKS) == questionnaires()


@pytest.mark.parametrize("name", WALKS)
def test_every_page_of_every_questionnaire(chromium: Browser, tmp_path: Path, name: str):
    document = json.loads(project_file(f"instruments/{name}.json").read_bytes())
    seen: set[str] = set()
    with fielded(tmp_path, name) as served:
        for choices in WALKS[name]:
            with chromium.new_context(viewport={"width": 1280, "height": HEIGHT}) as context:
                guest = welcome(served, context)
                look_at_all(guest, choices, seen)
                assert guest.complaints == []
    assert seen == all_pages(document)


def look_at_all(guest: Guest, choices: Mapping[str, str], seen: set[str]) -> None:
    """Walk through, and look at each page not yet `seen`: as it comes, and with every answer spoilt."""
    page = guest.enter()
    page.get_by_role("button", name="Start now").click()
    while guest.path.startswith("/answer/page/"):
        name = guest.path.rpartition("/")[2]
        if name.removesuffix("-1") not in seen:
            fits(page, (320, 768))
            look(page, (1280,))
            page.evaluate(SPOILT)
            guest.press("Save and continue")
            assert page.locator(".govuk-error-summary").is_visible()
            look(page, (320,))
            page.set_viewport_size({"width": 1280, "height": HEIGHT})
        seen.add(name.removesuffix("-1"))
        go_on(guest, choices)
    assert guest.path == "/answer/check"
    look(page, (320, 1280))


def go_on(guest: Guest, choices: Mapping[str, str]) -> None:
    """Answer the page, and what its answers bring up, until the next one comes."""
    here = guest.path
    for _ in range(4):
        guest.page.evaluate(ANSWERED, {"words": "Ring 0113 496 0123 or write to ann@example.org.", **choices})
        guest.page.locator(".govuk-button:visible").first.click()
        if guest.path != here:
            return
    raise AssertionError(f"{here} was not taken: {guest.page.locator('.govuk-error-summary').inner_text()}")


# ── every other kind of page ─────────────────────────────────────────────────


@pytest.fixture(scope="module")
def anyone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The site with a wave open to anyone."""
    document = json.loads(project_file("instruments/dat/2012.1.json").read_bytes())
    with serving(tmp_path_factory.mktemp("open"), document, anyone=True) as site:
        yield site


@pytest.fixture
def stranger(anyone: Served, chromium: Browser) -> Iterator[Guest]:
    """A visitor to the wave open to anyone who has saved the first page."""
    context = chromium.new_context(viewport={"width": 1280, "height": HEIGHT})
    guest = welcome(anyone, context)
    guest.go("/open/dat-2012")
    guest.press("Start now")
    guest.page.check("#team_type")
    yield guest
    context.close()
    assert guest.complaints == []


TEAM, STAFF = "/answer/page/about_team", "/answer/page/staff"


def save_team(guest: Guest) -> None:
    guest.enter(TEAM).locator("#team_type").check()
    guest.press("Save and continue")


def home(guest: Guest) -> None:
    guest.go("/")


def wrong_code(guest: Guest) -> None:
    guest.go("/").fill("#code", "nothing")
    guest.press("Continue")


def start(guest: Guest) -> None:
    guest.enter()


def start_again(guest: Guest) -> None:
    save_team(guest)
    guest.go("/answer/start")


def sections(guest: Guest) -> None:
    save_team(guest)
    guest.go("/answer/colleague/partners").fill("#note", "Please ask the police.")
    guest.press("Save")
    assert guest.path == "/answer/sections"


def left_section(guest: Guest) -> None:
    sections(guest)
    guest.go("/answer/page/partners_now")
    assert guest.page.get_by_text("left for a colleague").is_visible()


def colleague(guest: Guest) -> None:
    sections(guest)
    guest.go("/answer/colleague/partners")


def long_note(guest: Guest) -> None:
    guest.enter("/answer/colleague/partners").fill("#note", "word " * 1000)
    guest.press("Save")
    assert guest.page.locator(".govuk-error-summary").is_visible()


def clash(guest: Guest) -> None:
    page = guest.enter(STAFF)
    page.fill("#staffing_issues", "A colleague's words")
    other = page.context.new_page()
    other.goto(page.url)
    other.check("#staff_time")
    other.fill("#staffing_issues", "Other words")
    other.get_by_role("button", name="Save and continue").click()
    other.wait_for_load_state("load")
    other.close()
    page.bring_to_front()  # a page left in the background may never answer again
    page.check("#staff_time-same")
    guest.press("Save and continue")
    assert guest.page.locator("h1").inner_text() == "This page was changed while you had it open"


def clash_not_chosen(guest: Guest) -> None:
    clash(guest)
    guest.page.evaluate("document.querySelectorAll(':checked').forEach(radio => { radio.checked = false })")
    guest.press("Save and continue")
    assert guest.page.locator(".govuk-error-summary").is_visible()


def code_again(guest: Guest) -> None:
    guest.enter(STAFF).fill("#staffing_issues", "Words")
    guest.page.context.clear_cookies()
    guest.press("Save and continue")
    assert guest.page.locator("h1").inner_text() == "Enter your access code again"


def wrong_code_again(guest: Guest) -> None:
    code_again(guest)
    guest.press("Continue")
    assert guest.page.locator(".govuk-error-summary").is_visible()


def upload(guest: Guest) -> None:
    guest.enter("/answer/upload")


def upload_of_nothing(guest: Guest) -> None:
    guest.enter("/answer/upload")
    guest.press("Upload")
    assert guest.page.locator(".govuk-error-summary").is_visible()


def uploaded(guest: Guest) -> None:
    """A form with a cell that cannot be read, and an answer that was changed here after it had been handed out."""
    page = guest.enter("/answer/page/about_team")
    form = page.request.get(f"{guest.served.address}/answer/form").body()
    page.locator("input[type=radio]").first.check()
    guest.press("Save and continue")
    guest.go("/answer/upload")
    content = filled_in(form, team_type="Community Safety Partnership", staff_time="Perhaps")
    page.set_input_files("#form", {"name": "form.xlsx", "mimeType": "application/octet-stream", "buffer": content})
    guest.press("Upload")
    assert page.get_by_text("What could not be read").is_visible()
    assert page.get_by_text("What was changed here in the meantime").is_visible()


def check(guest: Guest) -> None:
    sections(guest)
    guest.go("/answer/check")
    assert guest.page.get_by_text("not taken back").is_visible()


def required_left_open(guest: Guest) -> None:
    guest.enter("/answer/check")
    guest.press("Send answers")
    assert guest.page.locator(".govuk-error-summary").is_visible()


def copy(guest: Guest) -> None:
    save_team(guest)
    guest.go("/answer/copy")


def saved(guest: Guest) -> None:
    guest.enter("/answer/saved")


def done(guest: Guest) -> None:
    save_team(guest)
    guest.go("/answer/check")
    guest.press("Send answers")
    assert guest.path == "/answer/done"


def received(guest: Guest) -> None:
    code = guest.served.codes[-1]
    done(guest)
    guest.go("/").fill("#code", code)
    guest.press("Continue")
    assert guest.path != "/answer/done"


def not_found(guest: Guest) -> None:
    guest.go("/nothing")


def no_visit(guest: Guest) -> None:
    guest.go("/answer/check")


KINDS = [
    home,
    wrong_code,
    start,
    start_again,
    sections,
    left_section,
    colleague,
    long_note,
    clash,
    clash_not_chosen,
]
KINDS += [
    code_again,
    wrong_code_again,
    upload,
    upload_of_nothing,
    uploaded,
    check,
    required_left_open,
    copy,
    saved,
]
KINDS += [done, received, not_found, no_visit]


@pytest.mark.parametrize("reach", KINDS, ids=lambda page: page.__name__)
def test_every_kind_of_page(guest: Guest, reach: Callable[[Guest], None]):
    reach(guest)
    look(guest.page)


def new_code(guest: Guest) -> None:
    guest.press("Save and continue")
    assert guest.path == "/answer/code"


def saved_with_code(guest: Guest) -> None:
    guest.press("Save and come back later")
    assert guest.path == "/answer/saved"


def begun_here(guest: Guest) -> None:
    guest.press("Save and continue")
    guest.go("/open/dat-2012")
    assert guest.page.get_by_text("Begin a new one").is_visible()


def no_code_yet(guest: Guest) -> None:
    guest.page.context.clear_cookies()
    guest.press("Save and continue")
    assert guest.page.get_by_text("I have no code yet").is_visible()


def open_home(guest: Guest) -> None:
    guest.go("/")
    assert guest.page.get_by_text("Open to anyone").is_visible()


@pytest.mark.parametrize("reach", [new_code, saved_with_code, begun_here, no_code_yet, open_home])
def test_every_kind_of_page_of_a_wave_open_to_anyone(stranger: Guest, reach: Callable[[Guest], None]):
    reach(stranger)
    look(stranger.page)


def test_every_kind_of_page_in_two_languages(chromium: Browser, tmp_path: Path):
    window = chromium.new_context(viewport={"width": 1280, "height": HEIGHT})
    with serving(tmp_path, bilingual()) as served, window as context:
        guest = welcome(served, context)
        page = guest.enter()
        page.get_by_role("link", name="Cymraeg").click()
        assert page.get_attribute("html", "lang") == "cy"
        look(page)
        guest.go("/answer/page/p1")
        look(page)
        page.locator(".govuk-button:visible").first.click()
        assert page.locator(".govuk-error-summary").is_visible()
        look(page)
        page.get_by_role("button", name="English").click()
        assert page.get_attribute("html", "lang") == "en"
        for path in ("/answer/sections", "/answer/check", "/"):
            guest.go(path)
            look(page)


def test_the_page_that_says_that_nothing_was_saved(
    chromium: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(database.PRAGMAS, "busy_timeout", 20)
    window = chromium.new_context(viewport={"width": 1280, "height": HEIGHT})
    with fielded(tmp_path, "dat/2012.1") as served, window as context:
        guest = welcome(served, context)
        guest.enter(TEAM).locator("#team_type").check()
        with locked(served.site.home.database):
            guest.press("Save and continue")
        assert guest.page.locator("h1").inner_text() == "Your answers were not saved"
        look(guest.page)
        guest.press("Try again")
        assert guest.path == "/answer/page/funding"


# ── the tests find what they look for ────────────────────────────────────────


def test_a_label_that_is_missing_is_found(guest: Guest):
    page = guest.enter(TEAM)
    page.evaluate("document.querySelector('label').remove()")
    assert any(fault.startswith("label:") for fault in broken(page))


def test_targets_that_are_too_small_and_too_near_are_found(guest: Guest):
    page = guest.go("/")
    page.evaluate("document.querySelector('main').insertAdjacentHTML('beforeend', '<button>a</button>'.repeat(3))")
    page.evaluate("""document.querySelectorAll('main button:not([class])').forEach(button => {
      Object.assign(button.style, {width: '12px', height: '12px', padding: 0, border: 0}) })""")
    assert any(fault.startswith("target-size:") for fault in broken(page))


def test_a_text_that_is_cut_is_found(guest: Guest):
    page = guest.go("/")
    assert cut_when_spaced(page) == []
    page.evaluate("""Object.assign(document.querySelector('h1').style,
      {width: '100px', overflow: 'hidden', whiteSpace: 'nowrap'})""")
    assert cut_when_spaced(page) == ["Answer a survey"]


def test_something_too_wide_is_found(guest: Guest):
    page = guest.go("/")
    assert sticks_out(page) == 0
    page.evaluate("document.querySelector('h1').style.width = '1400px'")
    assert sticks_out(page) > 0
