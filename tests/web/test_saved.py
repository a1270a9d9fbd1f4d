"""The page that says how to come back."""

from datetime import date

from surveyapp import campaigning
from tests.makers import TODAY
from tests.web.conftest import MakeSite, Site, refused, title

SAVED = "/answer/saved"


def test_it_says_how_to_come_back_and_that_nothing_was_sent(site: Site):
    page = site.visitor("U001").get(SAVED)
    assert title(page) == "Your answers are saved"
    assert "Nothing has been sent yet" in page.text


def test_it_gives_the_last_day(make_site: MakeSite):
    page = make_site(closes=date(2012, 2, 17)).visitor("U001").get(SAVED)
    assert "open until 17 February 2012" in page.text


def test_it_does_not_repeat_the_code_of_a_letter(site: Site):
    assert site.codes["U001"] not in site.visitor("U001").get(SAVED).text


def test_without_a_visit_it_is_refused(site: Site):
    refused(site.visitor().get(SAVED), 403, "Your visit has ended")


def test_after_the_close_it_is_refused(site: Site):
    visitor = site.visitor("U001")
    campaigning.close_wave(site.db, site.wave.name, TODAY)
    refused(visitor.get(SAVED), 403, "This survey has closed")


def test_once_answers_were_received_it_says_so(site: Site):
    visitor = site.visitor("U001")
    site.send("U001")
    refused(visitor.get(SAVED), 410, "Answers received")


def test_the_wrong_method_is_refused(site: Site):
    refused(site.visitor("U001").post(SAVED), 405, "That is not possible")
