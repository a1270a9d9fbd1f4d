"""A wave's own colour in a real browser: the stylesheet is taken, and every word can still be read."""

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe

from surveyapp import campaigning
from surveyapp.campaigning import Changes
from tests.browser.conftest import Guest, Served
from tests.makers import TODAY

pytestmark = pytest.mark.browser

NAME = "National survey of drug and alcohol treatment providers in England, Scotland, Wales and N. Ireland"
PATHS = ("/answer/start", "/answer/page/partners_now", "/answer/check", "/answer/saved", "/nothing")
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}


@pytest.fixture
def coloured(guest: Guest, served: Served, request: pytest.FixtureRequest) -> Iterator[Guest]:
    """A guest at a site whose wave has a colour, a long name and a contact."""
    look = Changes(NAME, "office@example.org", request.param)
    campaigning.change_settings(served.site.db, "dat-2012", look, TODAY)
    yield guest
    campaigning.change_settings(served.site.db, "dat-2012", Changes("", "", ""), TODAY)


def background(guest: Guest, selector: str) -> str:
    found = guest.page.locator(selector).first.evaluate("e => getComputedStyle(e).backgroundColor")
    return str(found)


@pytest.mark.parametrize(
    ("coloured", "brand", "tint"),
    [
        ("#1d70b8", "rgb(29, 112, 184)", "rgb(241, 246, 251)"),
        ("#767676", "rgb(118, 118, 118)", "rgb(254, 254, 254)"),
        ("#000000", "rgb(0, 0, 0)", "rgb(240, 240, 240)"),
    ],
    indirect=["coloured"],
)
def test_header_button_and_footer_take_the_wave_s_colour_and_all_can_be_read(coloured: Guest, brand, tint):
    coloured.enter()
    assert background(coloured, ".app-header") == brand
    assert background(coloured, ".govuk-button") == brand
    assert background(coloured, ".app-footer") == tint
    coloured.page.locator(".govuk-button").first.hover()
    for path in PATHS:
        coloured.go(path)
        broken = Axe().run(coloured.page, options=RULES).response["violations"]
        assert [(rule["id"], [node["html"] for node in rule["nodes"]]) for rule in broken] == [], path


@pytest.mark.parametrize("coloured", ["#1d70b8"], indirect=True)
@pytest.mark.parametrize("width", [320, 1280])
def test_a_long_name_fits_the_header(coloured: Guest, width: int):
    coloured.page.set_viewport_size({"width": width, "height": 900})
    coloured.enter()
    assert NAME in coloured.page.locator("header").inner_text()
    assert coloured.page.evaluate("document.documentElement.scrollWidth") <= width
