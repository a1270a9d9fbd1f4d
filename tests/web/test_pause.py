"""A paused wave on the pages: kind words, nothing of a closing, and nothing lost."""

from surveyapp import campaigning, watching
from tests.makers import TODAY
from tests.web.conftest import MakeSite, Site, title

KIND = "This survey is paused. What you have saved is still there."


def test_a_code_meets_kind_words_and_no_closing(site: Site):
    visitor = site.visitor()
    visitor.get("/")
    watching.pause(site.db, site.wave.name, TODAY)
    page = visitor.post("/answer", {"code": site.codes["U001"]})
    assert page.status_code == 403
    assert "This survey is paused" in title(page)
    assert KIND in page.text
    assert "clos" not in page.text.partition("<main")[2]


def test_the_page_says_whom_to_ask(site: Site):
    contact = campaigning.Changes(contact="office@example.org")
    campaigning.change_settings(site.db, site.wave.name, contact, TODAY)
    visitor = site.visitor("U001")
    watching.pause(site.db, site.wave.name, TODAY)
    assert "Contact: office@example.org" in visitor.get("/answer/page/p1").text


def test_the_first_page_does_not_list_a_paused_wave_as_running(site: Site):
    watching.pause(site.db, site.wave.name, TODAY)
    assert "No survey is running now" in site.visitor().get("/").text


def test_the_start_page_of_a_wave_open_to_anyone_is_paused_too(make_site: MakeSite):
    site = make_site(name="all-2012", anyone=True)
    watching.pause(site.db, "all-2012", TODAY)
    assert KIND in site.visitor().get("/open/all-2012").text


def test_what_was_being_typed_is_kept_on_the_page_until_the_wave_goes_on(site: Site):
    visitor = site.visitor("U001")
    visitor.get("/answer/page/p1")
    watching.pause(site.db, site.wave.name, TODAY)
    page = visitor.post("/answer/page/p1", {"kind": "yes"})
    assert page.status_code == 403
    assert KIND in page.text
    assert 'name="kind" value="yes"' in page.text
    assert site.draft("U001") == {}
    watching.resume(site.db, site.wave.name)
    assert visitor.post("/answer/page/p1").status_code == 303
    assert site.draft("U001") != {}
