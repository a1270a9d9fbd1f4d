"""What travels: little enough for a slow line, from our own address alone, and nothing that may be kept."""

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import CDPSession

from tests.browser.conftest import Guest, Served
from tests.browser.test_accessibility import fielded

pytestmark = pytest.mark.browser

FIRST, FURTHER = 150_000, 15_000
LARGEST = "/answer/page/activities_next"
"""18 rows by 7 points."""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The site with the questionnaire that has the largest page."""
    with fielded(tmp_path_factory.mktemp("site"), "police/2011.1") as site:
        yield site


class Scales:
    """Weighs what a browser receives, as it travels."""

    def __init__(self, session: CDPSession) -> None:
        self.total = 0.0
        session.send("Network.enable")
        session.on("Network.loadingFinished", self._add)

    def _add(self, event: dict[str, float]) -> None:
        self.total += event["encodedDataLength"]

    def weigh(self, guest: Guest, path: str) -> float:
        """The bytes that a page costs, with all that it loads."""
        self.total = 0.0
        guest.go(path)
        guest.page.wait_for_load_state("networkidle")
        return self.total


def test_a_first_visit_and_the_largest_pages_are_light(guest: Guest):
    scales = Scales(guest.page.context.new_cdp_session(guest.page))
    assert 10_000 < scales.weigh(guest, "/") < FIRST
    guest.enter()
    for path in (LARGEST, "/answer/check", "/answer/sections", "/answer/page/support"):
        assert 1_000 < scales.weigh(guest, path) < FURTHER, path


def test_no_answer_page_may_be_kept_or_tells_where_one_came_from(guest: Guest, served: Served):
    answers = []
    guest.page.on("response", lambda response: answers.append(response))
    guest.enter(LARGEST).locator("input[type=radio]").first.check()
    guest.page.locator("button.govuk-button:visible").first.click()
    for path in ("/answer/check", "/answer/sections", "/answer/copy", "/answer/saved", "/answer/page/nothing"):
        guest.go(path)
    pages = [answer for answer in answers if "/answer" in urlsplit(answer.url).path]
    assert len(pages) >= 9
    for answer in pages:
        assert answer.header_value("cache-control") == "no-store", answer.url
        assert answer.header_value("referrer-policy") == "no-referrer", answer.url
    assert [a.url for a in answers if a.request.header_value("referer")] == []
    assert {urlsplit(answer.url).netloc for answer in answers} == {urlsplit(served.address).netloc}
