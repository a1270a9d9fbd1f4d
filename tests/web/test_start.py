"""The start page: purpose and promise."""

from surveyapp import campaigning
from tests.makers import TODAY
from tests.web.conftest import MakeSite, Site, refused, title

START = "/answer/start"


def test_it_shows_purpose_promise_and_a_start_button(site: Site):
    page = site.visitor("U001").get(START)
    assert title(page) == "A tiny survey"
    assert "nobody can find which ones are yours" in page.text
    assert "The only thing that goes with them is your region" in page.text
    assert "Start now" in page.text


def test_it_says_whose_key_it_is(make_site: MakeSite):
    page = make_site(key_place="server").visitor("U001").get(START)
    assert "kept on the server that runs this website" in page.text


def test_starting_leads_to_the_first_page(site: Site):
    answer = site.visitor("U001").post(START)
    assert (answer.status_code, answer.location) == (303, "/answer/page/p1")


def test_a_colleague_goes_on_where_the_first_one_stopped(site: Site):
    site.visitor("U001").save("p1", {"kind": "yes"})
    colleague = site.visitor("U001")
    assert "has been started" in colleague.get(START).text
    assert colleague.post(START).location == "/answer/sections"
    assert 'href="/answer/page/p2" class="govuk-button"' in colleague.get("/answer/sections").text


def test_with_all_pages_answered_the_list_of_sections_leads_to_the_check_page(site: Site):
    visitor = site.filled("U001")
    assert visitor.post(START).location == "/answer/sections"
    assert 'href="/answer/check" class="govuk-button"' in visitor.get("/answer/sections").text


def test_without_a_visit_it_is_refused(site: Site):
    visitor = site.visitor()
    visitor.get("/")
    refused(visitor.get(START), 403, "Your visit has ended")
    refused(visitor.post(START), 403, "Your visit has ended")


def test_after_the_close_it_is_refused(site: Site):
    visitor = site.visitor("U001")
    campaigning.close_wave(site.db, site.wave.name, TODAY)
    refused(visitor.get(START), 403, "This survey has closed")
    refused(visitor.post(START), 403, "This survey has closed")


def test_once_answers_were_received_it_says_so(site: Site):
    visitor = site.visitor("U001")
    site.send("U001")
    refused(visitor.get(START), 410, "Answers received")
    refused(visitor.post(START), 410, "Answers received")


def test_the_wrong_method_is_refused(site: Site):
    refused(site.visitor("U001").client.put(START), 405, "That is not possible")


def test_a_form_without_token_is_refused(site: Site):
    refused(site.visitor("U001").client.post(START), 400, "Your visit has timed out")
