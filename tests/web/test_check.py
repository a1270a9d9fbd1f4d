"""The check page: every answer once more, each with a way to change it."""

import re
from html import unescape

from surveyapp import campaigning
from tests.makers import TODAY, make_document, make_question
from tests.web.conftest import GATE, MakeSite, Site, refused, title

CHECK = "/answer/check"


def shown(text: str) -> dict[str, str]:
    """The lines of the check page: question to answer, both as text."""
    lines = re.findall(r"<dt[^>]*>(.*?)</dt>\s*<dd[^>]*>(.*?)</dd>", text, re.DOTALL)
    return {unescape(key): unescape(re.sub(r"<[^>]+>", " ", value)).strip() for key, value in lines}


def test_it_shows_labels_not_codes(site: Site):
    page = site.filled("U001").get(CHECK)
    assert title(page) == "Check your answers"
    assert shown(page.text) == {
        "What about kind?": "Yes",
        "What about sources?": "Option a  Option c",
        "Police": "More",
        "Health": "Less",
        "What about issues?": "Too few staff.",
    }


def test_the_rows_of_a_grid_stand_under_its_question(site: Site):
    text = site.filled("U001").get(CHECK).text
    heading = text.index('<h3 class="govuk-heading-s app-words">What about partners?</h3>')
    assert text.index("What about sources?") < heading < text.index(">Police</dt>")
    between = text[text.index(">Health</dt>") : text.index(">What about issues?</dt>")]
    assert "</dl>" in between, "the question after the grid must not stand in the grid's list"
    assert text.count("<dl") == text.count("</dl>") == 3


def test_what_was_left_blank_is_called_not_answered(site: Site):
    assert set(shown(site.visitor("U001").get(CHECK).text).values()) == {"Not answered"}


def test_the_words_of_other_stand_beside_it(site: Site):
    visitor = site.visitor("U001")
    visitor.save("p1", {"kind": "other", "kind.other.text": "A new kind"})
    assert shown(visitor.get(CHECK).text)["What about kind?"] == "Other: A new kind"


def test_a_change_link_leads_to_the_field_and_back_to_the_check_page(site: Site):
    visitor = site.filled("U001")
    link = re.search(r'href="([^"]*#partners-police)"', visitor.get(CHECK).text)
    assert link
    address = unescape(link[1])
    assert address == "/answer/page/p2?to=check#partners-police"
    page = visitor.get(address)
    assert 'id="partners-police"' in page.text
    assert '<a href="/answer/check" class="govuk-back-link">' in page.text
    action = re.search(r'<form id="answers" action="([^"]+)"', page.text)
    assert action
    assert visitor.post(unescape(action[1]), {"partners.police": "same"}).location == CHECK
    assert shown(visitor.get(CHECK).text)["Police"] == "Same"


def test_a_change_with_a_fault_still_returns_to_the_check_page(site: Site):
    visitor = site.filled("U001")
    visitor.get("/answer/page/p1?to=check")
    again = visitor.post("/answer/page/p1?to=check", {"kind": "maybe"})
    assert again.status_code == 422
    assert 'action="/answer/page/p1?to=check"' in again.text


def test_no_other_place_to_return_to_is_believed(site: Site):
    visitor = site.filled("U001")
    for place in ("//evil.example", "/\\evil.example", "https:evil.example", "check%0d%0aX: y", "Check"):
        visitor.get("/answer/page/p1")
        assert visitor.post(f"/answer/page/p1?to={place}", {"kind": "yes"}).location == "/answer/page/p2"


def test_each_change_link_says_what_it_changes(site: Site):
    text = site.filled("U001").get(CHECK).text
    names = [re.sub(r"<[^>]+>", "", link) for link in re.findall(r"<a [^>]*>(Change.*?)</a>", text)]
    assert names == [
        "Change What about kind?",
        "Change What about sources?",
        "Change What about partners?: Police",
        "Change What about partners?: Health",
        "Change What about issues?",
    ]


def test_answers_hidden_by_a_changed_gate_are_not_shown(make_site: MakeSite):
    site = make_site(make_document([make_question()], [make_question("text", "q2", show_if=GATE)]))
    visitor = site.visitor("U001")
    visitor.save("p1", {"q1": "yes"})
    visitor.save("p2", {"q2": "SECRET THOUGHT"})
    assert "SECRET THOUGHT" in visitor.get(CHECK).text
    visitor.save("p1", {"q1": "no"})
    assert shown(visitor.get(CHECK).text) == {"What about q1?": "No"}


def test_without_a_visit_it_is_refused(site: Site):
    refused(site.visitor().get(CHECK), 403, "Your visit has ended")


def test_after_the_close_it_is_refused(site: Site):
    visitor = site.filled("U001")
    campaigning.close_wave(site.db, site.wave.name, TODAY)
    refused(visitor.get(CHECK), 403, "This survey has closed")


def test_once_answers_were_received_none_are_shown(site: Site):
    visitor = site.filled("U001")
    site.send("U001")
    refused(visitor.get(CHECK), 410, "Answers received")


def test_the_wrong_method_is_refused(site: Site):
    refused(site.filled("U001").post(CHECK), 405, "That is not possible")


def test_words_that_may_tell_who_wrote_them_are_pointed_at(site: Site):
    visitor = site.visitor("U001")
    visitor.save("p2", {"issues": "Ask <b>Team 17</b> or jo@example.org, or ring 020 7946 0000."})
    page = unescape(re.sub(r"<[^>]+>", "", visitor.get(CHECK).text))
    assert "“Team 17” (organisation)" in page
    assert "“jo@example.org” (e-mail address)" in page
    assert "“020 7946 0000” (telephone number)" in page


def test_ordinary_words_are_passed_over(site: Site):
    visitor = site.visitor("U001")
    visitor.save("p2", {"issues": "Funding fell by 12% in 2011-12, and staff left."})
    assert "may tell who you are" not in visitor.get(CHECK).text


def test_nothing_is_kept_of_what_was_pointed_at(site: Site):
    visitor = site.visitor("U001")
    visitor.save("p2", {"issues": "jo@example.org"})
    before = site.db.path.read_bytes()
    visitor.get(CHECK)
    assert site.db.path.read_bytes() == before


def test_a_change_link_into_a_long_grid_opens_its_part_of_the_page(make_site: MakeSite):
    rows = [{"code": f"r{n}", "label": f"Row {n}"} for n in range(1, 17)]
    visitor = make_site(make_document([make_question("grid", "g", rows=rows)])).visitor("U001")
    links = [unescape(link) for link in re.findall(r'href="([^"]*#g-r[0-9]+)"', visitor.get(CHECK).text)]
    assert links[7] == "/answer/page/p1?to=check#g-r8"
    assert links[8] == "/answer/page/p1?part=2&to=check#g-r9"
