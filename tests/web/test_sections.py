"""The list of sections, and sections left for a colleague."""

import re
from datetime import timedelta
from html import unescape

from tests.makers import TODAY, make_document, make_question
from tests.web.conftest import GATE, MakeSite, Site, Visitor, fault_at, refused, title

SECTIONS, COLLEAGUE = "/answer/sections", "/answer/colleague/s2"


def listed(visitor: Visitor) -> dict[str, tuple[str, str]]:
    """State and link of each section."""
    text = visitor.get(SECTIONS).text
    items = re.findall(r'<li class="govuk-task-list__item.*?</li>', text, re.DOTALL)
    found = {}
    for item in items:
        link = re.search(r'link" href="([^"]+)" aria-describedby="[^"]+">([^<]+)</a>', item)
        state = re.search(r'<div class="govuk-task-list__status"[^>]*>(.*?)</div>', item, re.DOTALL)
        assert link
        assert state
        found[unescape(link[2])] = (re.sub("<[^>]+>", "", state[1]), link[1])
    return found


def test_sections_are_not_started_then_in_progress_then_completed(site: Site):
    visitor = site.visitor("U001")
    assert listed(visitor) == {
        "Section 1": ("Not started", "/answer/page/p1"),
        "Section 2": ("Not started", "/answer/page/p2"),
    }
    visitor.save("p1", {"kind": "maybe", "sources": ["a"]})
    assert listed(visitor)["Section 1"] == ("In progress", "/answer/page/p1")
    visitor.save("p1", {"kind": "yes"})
    assert listed(visitor)["Section 1"] == ("Completed", "/answer/page/p1")
    assert "You have completed 1 of 2 sections" in visitor.get(SECTIONS).text


def test_a_section_that_is_not_asked_is_not_listed(make_site: MakeSite):
    document = make_document([make_question()], [make_question(id="q2", show_if=GATE)], [make_question(id="q3")])
    visitor = make_site(document).visitor("U001")
    assert list(listed(visitor)) == ["Section 1", "Section 3"]
    visitor.save("p1", {"q1": "yes"})
    assert list(listed(visitor)) == ["Section 1", "Section 2", "Section 3"]


def test_it_leads_on_to_what_waits_and_in_the_end_to_the_check_page(site: Site):
    visitor = site.visitor("U001")
    assert '<a href="/answer/page/p1" class="govuk-button"' in visitor.get(SECTIONS).text
    assert '<a href="/answer/check" class="govuk-button"' in site.filled("U002").get(SECTIONS).text


def test_it_reminds_of_the_last_day_when_that_is_near(make_site: MakeSite):
    near = make_site(closes=TODAY + timedelta(days=3)).visitor("U001")
    assert "open until 19 January 2012." in near.get(SECTIONS).text
    assert "3 days are left." in near.get(SECTIONS).text


def test_a_last_day_that_is_far_off_is_named_and_no_more(make_site: MakeSite):
    far = make_site(closes=TODAY + timedelta(days=30)).visitor("U001")
    assert "open until 15 February 2012." in far.get(SECTIONS).text
    assert "are left" not in far.get(SECTIONS).text


def test_without_a_visit_it_is_refused(site: Site):
    refused(site.visitor().get(SECTIONS), 403, "Your visit has ended")
    refused(site.visitor().get(COLLEAGUE), 403, "Your visit has ended")


# ── for a colleague ──────────────────────────────────────────────────────────


def test_a_section_is_left_for_a_colleague_who_finds_the_note(site: Site):
    visitor = site.visitor("U001")
    assert title(visitor.get(COLLEAGUE)) == "Leave this section for a colleague"
    assert visitor.post(COLLEAGUE, {"note": "Ask <b>finance</b>"}).location == SECTIONS
    colleague = site.visitor("U001")
    assert "Left for a colleague: “Ask &lt;b&gt;finance&lt;/b&gt;”" in colleague.get(SECTIONS).text
    assert "“Ask &lt;b&gt;finance&lt;/b&gt;”" in colleague.get("/answer/page/p2").text
    assert "left for a colleague" not in colleague.get("/answer/page/p1").text


def test_the_check_page_warns_of_what_is_left_and_says_so_on_its_button(site: Site):
    visitor = site.filled("U001")
    visitor.get(COLLEAGUE)
    visitor.post(COLLEAGUE, {"note": ""})
    page = visitor.get("/answer/check").text
    assert "Left for a colleague and not taken back:" in page
    assert "Send without waiting" in page


def test_it_is_taken_back(site: Site):
    visitor = site.visitor("U001")
    visitor.get(COLLEAGUE)
    visitor.post(COLLEAGUE, {"note": "Words"})
    visitor.get(COLLEAGUE)
    visitor.post(COLLEAGUE, {"note": "Words", "then": "back"})
    assert "Left for a colleague" not in visitor.get(SECTIONS).text


def test_a_note_that_is_too_long_is_shown_again(site: Site):
    visitor = site.visitor("U001")
    visitor.get(COLLEAGUE)
    again = visitor.post(COLLEAGUE, {"note": "x" * 501})
    assert again.status_code == 422
    assert fault_at(again, "note") == "Error: The note is too long; shorten it to 500 characters"
    assert "x" * 501 in again.text


def test_a_section_that_does_not_exist_is_not_found(site: Site):
    visitor = site.visitor("U001")
    refused(visitor.get("/answer/colleague/s9"), 404, "Page not found")
    refused(visitor.post("/answer/colleague/s9", {"note": "x"}), 404, "Page not found")
