"""The start page of a wave open to anyone."""

import re

import pytest

from surveyapp import campaigning
from tests.makers import TODAY, make_answers
from tests.web.conftest import MakeSite, Site, refused, title

OPEN = "/open/all-2012"


@pytest.fixture
def anyone(make_site: MakeSite) -> Site:
    """A site with a wave open to anyone."""
    return make_site(name="all-2012", anyone=True)


def test_it_shows_the_start_page_to_anyone(anyone: Site):
    page = anyone.visitor().get(OPEN)
    assert title(page) == "A tiny survey"
    assert "so as not to remind you" not in page.text


def test_beginning_leads_to_the_first_page_and_stores_nothing(anyone: Site):
    visitor = anyone.visitor()
    visitor.get(OPEN)
    before = anyone.home.database.read_bytes()
    assert visitor.post(OPEN).location == "/answer/page/p1"
    assert anyone.home.database.read_bytes() == before


def test_stopping_gives_a_code_that_opens_the_draft_again(anyone: Site):
    visitor = anyone.visitor()
    visitor.get(OPEN)
    visitor.post(OPEN)
    assert visitor.save("p1", {"kind": "yes", "then": "later"}).location == "/answer/saved"
    found = re.search(r"[0-9A-Z]{5}(-[0-9A-Z]{5}){3}", visitor.get("/answer/saved").text)
    assert found
    later = anyone.visitor().enter(found[0])
    assert re.search(r'value="yes" checked', later.get("/answer/page/p1").text)
    assert "letter" not in later.get("/answer/saved").text


def test_answers_are_sent_without_any_code(anyone: Site):
    visitor = anyone.visitor()
    visitor.get(OPEN)
    visitor.post(OPEN)
    visitor.save("p1", {"kind": "yes", "sources": ["a", "c"]})
    visitor.save("p2", {k: v for k, v in make_answers().items() if "." in k or k == "issues"})
    visitor.get("/answer/check")
    assert visitor.post("/answer/send").location == "/answer/done"
    assert anyone.tray() == [make_answers()]


def test_two_strangers_have_two_drafts(anyone: Site):
    for kind in ("yes", "no"):
        visitor = anyone.visitor()
        visitor.get(OPEN)
        visitor.post(OPEN)
        visitor.save("p1", {"kind": kind})
        visitor.get("/answer/check")
        visitor.post("/answer/send")
    assert sorted(answers["kind"] for answers in anyone.tray()) == ["no", "yes"]


@pytest.mark.parametrize(
    "name", ["nothing", "ALL-2012", "../x", "a%00b", "%2e%2e", "x" * 41, "' OR 1=1", "<script>"]
)
def test_a_wave_that_does_not_exist_is_not_found(anyone: Site, name):
    refused(anyone.visitor().get(f"/open/{name}"), 404, "Page not found")


def test_a_wave_for_invited_organisations_gives_the_same_answer(site: Site):
    nowhere = site.visitor().get("/open/nothing")
    listed = site.visitor().get(f"/open/{site.wave.name}")
    assert (listed.status_code, listed.data) == (nowhere.status_code, nowhere.data)


def test_after_the_close_it_is_refused(anyone: Site):
    visitor = anyone.visitor()
    visitor.get(OPEN)
    campaigning.close_wave(anyone.db, "all-2012", TODAY)
    refused(visitor.get(OPEN), 403, "This survey has closed")
    refused(visitor.post(OPEN), 403, "This survey has closed")


def test_a_form_without_token_is_refused(anyone: Site):
    refused(anyone.visitor().client.post(OPEN), 400, "Your visit has timed out")


def test_the_wrong_method_is_refused(anyone: Site):
    refused(anyone.visitor().client.delete(OPEN), 405, "That is not possible")


def test_the_code_is_shown_once_something_is_saved_and_then_the_questions_go_on(anyone: Site):
    visitor = anyone.visitor()
    visitor.get(OPEN)
    visitor.post(OPEN)
    shown = visitor.save("p1", {"kind": "yes"})
    assert shown.location == "/answer/code?page=p2"
    page = visitor.get(shown.location)
    code = re.search(r"[0-9A-Z]{5}(-[0-9A-Z]{5}){3}", page.text)
    assert code
    assert 'href="/answer/page/p2" class="govuk-button"' in page.text
    assert visitor.save("p2", {"issues": "Words"}).location == "/answer/check"
    assert "Words" in anyone.visitor().enter(code[0]).get("/answer/page/p2").text


def test_beginning_twice_in_one_browser_goes_on_with_what_was_begun(anyone: Site):
    visitor = anyone.visitor()
    visitor.get(OPEN)
    visitor.post(OPEN)
    visitor.save("p1", {"kind": "yes"})
    assert "has been started" in visitor.get(OPEN).text
    assert visitor.post(OPEN).location == "/answer/page/p2"


def test_somebody_else_at_the_same_browser_begins_anew(anyone: Site):
    visitor = anyone.visitor()
    visitor.get(OPEN)
    visitor.post(OPEN)
    visitor.save("p1", {"kind": "yes"})
    visitor.get(OPEN)
    assert visitor.post(OPEN, {"then": "anew"}).location == "/answer/page/p1"
    assert "checked" not in visitor.get("/answer/page/p1").text


def test_after_sending_the_start_page_begins_anew(anyone: Site):
    visitor = anyone.visitor()
    visitor.get(OPEN)
    visitor.post(OPEN)
    visitor.save("p1", {"kind": "yes"})
    visitor.get("/answer/check")
    visitor.post("/answer/send")
    assert "Start now" in visitor.get(OPEN).text
