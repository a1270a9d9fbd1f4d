"""Whole surveys by scripted persons, from the access code to the thanks: on a phone by finger, at a desk by
keyboard alone, without scripts. Each time the tray then holds exactly what the person meant."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.browser.conftest import Guest, Served, welcome
from tests.browser.test_accessibility import fielded

pytestmark = pytest.mark.browser

Script = Mapping[str, Any]

PARTNERS = (
    "ccg pct_cluster ncb youth work_programme schools housing supporting_people "
    "mental_health police prison_probation treatment service_users families community councillors"
)
NOW = "lot lot none little little none lot lot little lot lot lot little none little none"
NEXT = (
    "increase_lot same same decrease_little increase_little same decrease_lot decrease_lot "
    "same increase_little increase_little same increase_lot same increase_little increase_lot"
)


def rows(question: str, codes: str, chosen: str) -> dict[str, str]:
    """Answers to the rows of a grid, side by side."""
    return {f"{question}.{row}": code for row, code in zip(codes.split(), chosen.split(), strict=True)}


DAT: Script = {
    "team_type": "other",
    "team_type.other.text": "A team of two boroughs",
    "funding_level.this_year": "same",
    "funding_level.next_year": "major_decrease",
    "funding_sources_changing": ["ptb", "police", "alcohol"],
    "staff_time": "decrease_little",
    "staffing_issues": "Two posts are vacant.\nNobody may be hired.",
    "recommissioning": ["done_12m", "integrate_alcohol"],
    **rows("engagement_now", PARTNERS, NOW),
    **rows("engagement_next", PARTNERS, NEXT),
    "changes_observed": ["contracts_merged", "early_intervention"],
    "recovery_changes": "yes",
    "recovery_actions": "Mentors – people in recovery – are trained.",
    "wider_services_impact": "dont_know",
    "decision_making.involvement": "little",
    "decision_making.influence": "not_at_all",
    "public_health_knowledge": "none",
    "support_wanted": "Tell us sooner, & “plainly”.",
}
"""What somebody in a team answers: every question but none of the last rows by chance."""

ACTIVITIES = (
    "test_purchasing forensic_testing covert_surveillance informants intelligence drug_dogs stop_search warrants "
    "closure cultivation asset_recovery money_laundering organised_crime night_time arrest_testing "
    "treatment_referral offender_management education"
)
AGENCIES = (
    "community councils csp dat pct mental_health treatment prison_probation youth_offending prosecutors schools "
    "youth housing business other_forces national_agencies"
)

POLICE: Script = {
    "role": "drugs_lead",
    "drug_work_organised": ["drugs_team", "shared"],
    "spending_expected.enforcement": "decrease_little",
    "spending_expected.wider_policing": "same",
    "spending_expected.discretionary": "decrease_lot",
    "staff_time": "decrease_lot",
    "change_reasons": ["budget", "officer_numbers"],
    "drug_work_compared": "worse",
    "compared_reason": "It is nobody’s target.",
    **rows(
        "activity_expected",
        ACTIVITIES,
        "same decrease_lot decrease_lot same increase_little not_done same decrease_little dont_know "
        "increase_lot increase_lot same same same decrease_little same increase_little decrease_lot",
    ),
    "activity_effects": "Fewer warrants.",
    **rows(
        "engagement_next",
        AGENCIES,
        "same same decrease_little increase_little dont_know same same same "
        "same decrease_little decrease_lot same increase_little same increase_lot dont_know",
    ),
    "other_agency_cuts": "now",
    "other_agency_cuts_effects": "The arrest workers are gone.",
    "drug_priority": "same",
    "priorities": "Cannabis farms.",
    "support_wanted": "Certainty.",
}


@pytest.fixture(scope="module")
def police(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The site with the questionnaire for police forces in the field."""
    with fielded(tmp_path_factory.mktemp("police"), "police/2011.1") as site:
        yield site


@pytest.fixture
def phone(chromium: Browser) -> Iterator[BrowserContext]:
    """A phone."""
    with chromium.new_context(viewport={"width": 375, "height": 667}, has_touch=True, is_mobile=True) as context:
        yield context


@pytest.fixture
def plain_phone(chromium: Browser) -> Iterator[BrowserContext]:
    """A phone that runs no scripts."""
    window = chromium.new_context(
        viewport={"width": 375, "height": 667}, has_touch=True, is_mobile=True, java_script_enabled=False
    )
    with window as context:
        yield context


def arrived(served: Served, before: list[dict[str, Any]]) -> dict[str, Any]:
    """What has come into the tray since."""
    after = served.site.tray()
    for answers in before:
        after.remove(answers)
    (new,) = after
    return new


# ── by finger ────────────────────────────────────────────────────────────────


def by_finger(guest: Guest, script: Script) -> list[str]:
    """Answer by finger alone all that is in sight, page by page; the names of the buttons pressed."""
    page = guest.page
    guest.go("/")
    page.fill("#code", guest.served.code())
    pressed = [press(page)]
    while guest.path != "/answer/done":
        for field in page.locator("#answers :is(input:not([type=hidden]), textarea):visible").all():
            tap(page, field.get_attribute("name") or "", field.get_attribute("value"), script)
        pressed.append(press(page))
    return pressed


def tap(page: Page, name: str, value: str | None, script: Script) -> None:
    """Tap an option that is meant, or type the words that are."""
    meant = script.get(name)
    if value and (meant == value or (isinstance(meant, list) and value in meant)):
        page.tap(f'label[for="{page.locator(f"""[name="{name}"][value="{value}"]""").get_attribute("id")}"]')
        if (words := f"{name}.{value}.text") in script:
            page.fill(f'[name="{words}"]', script[words])
    elif meant and page.locator(f'textarea[name="{name}"]').count():
        page.fill(f'[name="{name}"]', meant)


def press(page: Page) -> str:
    """Tap the first large button in sight, and wait for what it brings."""
    button = page.locator("button.govuk-button:visible").first
    name = button.inner_text()
    with page.expect_navigation():
        button.tap()
    assert page.locator(".govuk-error-summary").count() == 0, page.locator(".govuk-error-summary").inner_text()
    return name


def test_a_team_on_a_phone(served: Served, phone: BrowserContext):
    before = served.site.tray()
    pressed = by_finger(welcome(served, phone), DAT)
    assert arrived(served, before) == DAT
    assert pressed.count("Save and go on to rows 9 to 16") == 2
    assert pressed[:3] == ["Continue", "Start now", "Save and continue"]
    assert len(pressed) == 2 + 12 + 2 + 1


def test_a_team_on_a_phone_without_scripts(served: Served, plain_phone: BrowserContext):
    before = served.site.tray()
    pressed = by_finger(welcome(served, plain_phone), DAT)
    assert arrived(served, before) == DAT
    assert pressed.count("Save and go on to rows 9 to 16") == 2


def test_a_police_force_on_a_phone(police: Served, phone: BrowserContext):
    guest = welcome(police, phone)
    pressed = by_finger(guest, POLICE)
    assert police.site.tray() == [POLICE]
    assert [name for name in pressed if "rows" in name] == [
        "Save and go on to rows 7 to 12",
        "Save and go on to rows 13 to 18",
        "Save and go on to rows 9 to 16",
    ]
    assert guest.complaints == []


# ── by keyboard ──────────────────────────────────────────────────────────────

FOCUSED = """() => {
  const e = document.activeElement;
  const group = e.type === 'radio' ? [...document.getElementsByName(e.name)].map(radio => radio.value) : [];
  return {tag: e.tagName, type: e.type || '', name: e.name || '', value: e.value || '', group,
    said: e.textContent.trim(), seen: e.getClientRects().length > 0};
}"""


def by_keyboard(guest: Guest, script: Script) -> None:
    """Answer with Tab, arrows, space and Enter, page by page; there is no mouse."""
    guest.go("/")
    page = guest.page
    while guest.path != "/answer/done":
        here = page.url
        for _ in range(120):
            page.keyboard.press("Tab")
            if use(guest, page.evaluate(FOCUSED), script):
                break
        assert page.url != here


def use(guest: Guest, focused: dict[str, Any], script: Script) -> bool:
    """Do with what has the focus what is meant; whether that was the button that leads on."""
    keys, meant = guest.page.keyboard, script.get(focused["name"])
    assert focused["seen"]
    if focused["type"] == "submit":
        with guest.page.expect_navigation():
            keys.press("Enter")
        return True
    if focused["name"] == "code":
        keys.type(guest.served.code())
    elif focused["type"] == "radio" and meant:
        steps = focused["group"].index(meant)
        keys.press("ArrowRight" if steps else "Space")
        for _ in range(steps - 1):
            keys.press("ArrowRight")
    elif focused["type"] == "checkbox" and focused["value"] in (meant or ()):
        keys.press("Space")
    elif focused["type"] in {"text", "textarea"} and meant:
        lines = meant.split("\n")
        for line in lines[:-1]:
            keys.type(line)
            keys.press("Enter")
        keys.type(lines[-1])
    return False


def test_a_team_at_a_desk_without_a_mouse(guest: Guest, served: Served):
    before = served.site.tray()
    by_keyboard(guest, DAT)
    assert arrived(served, before) == DAT
    assert guest.page.locator("h1").inner_text() == "Answers received"
