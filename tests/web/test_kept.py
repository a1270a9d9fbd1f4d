"""What a process keeps between requests: nothing that another process may change, and nothing of anybody."""

import json
import subprocess
import sys
from pathlib import Path

from surveyapp import campaigning, publishing
from tests.makers import TODAY, make_all_types, make_question
from tests.web.conftest import MakeSite, Site, refused

P1 = "/answer/page/p1"


def surveyapp(site: Site, *words: str) -> None:
    """A command given beside the site that is served."""
    programme = Path(sys.executable).with_name("surveyapp")
    subprocess.run([programme, "--home", site.home.path, *words], check=True, capture_output=True)


def with_one_question_more() -> dict[str, object]:
    document = make_all_types(version="2")
    document["sections"][0]["pages"][0]["questions"].append(make_question("single", "outlook"))
    return document


def test_a_wave_that_another_process_closes_is_closed_at_the_next_request(site: Site):
    visitor = site.visitor("U001")
    assert visitor.get(P1).status_code == 200
    surveyapp(site, "wave", "close", "tiny-1")
    refused(visitor.get(P1), 403, "This survey has closed")
    refused(visitor.post(P1, {"kind": "yes"}), 403, "This survey has closed")


def test_a_wave_that_moves_to_a_newer_version_shows_it_at_the_next_request(site: Site):
    visitor = site.visitor("U001")
    assert "What about outlook?" not in visitor.get(P1).text
    publishing.publish(site.db, json.dumps(with_one_question_more()).encode(), TODAY)
    campaigning.move_wave(site.db, "tiny-1", "2")
    assert "What about outlook?" in visitor.get(P1).text


def test_a_name_that_is_changed_shows_at_the_next_request(site: Site):
    visitor = site.visitor("U001")
    assert "Office of Surveys" not in visitor.get(P1).text
    surveyapp(site, "wave", "settings", "tiny-1", "--service", "Office of Surveys")
    assert "Office of Surveys" in visitor.get(P1).text


def test_each_place_where_the_site_is_mounted_has_its_own_addresses(site: Site):
    visitor = site.visitor("U001")
    here = visitor.get("/answer/start").text
    there = visitor.get("/answer/start", environ_overrides={"SCRIPT_NAME": "/surveys"}).text
    assert 'action="/answer/start"' in here
    assert 'action="/surveys/answer/start"' in there
    assert 'action="/answer/start"' in visitor.get("/answer/start").text


def test_a_relative_address_means_what_it_means_to_who_asks(site: Site):
    with site.app.test_request_context("/answer/start"):
        assert (
            site.app.url_for(".page", page="p1", to="check", _anchor="q-é") == "/answer/page/p1?to=check#q-%C3%A9"
        )
        assert site.app.url_for("respondent.home", _external=True) == "http://localhost/"


def test_the_addresses_that_are_kept_are_those_of_our_pages_and_not_of_a_visit(make_site: MakeSite):
    site = make_site()
    for unit, words in (("U001", "Too few staff."), ("U002", "Quite other words, and another kind.")):
        visitor = site.filled(unit)
        visitor.save("p1", {"kind": "other", "kind.other.text": words, "sources": ["a"]})
        visitor.save("p2", {"issues": words})
        visitor.get("/answer/check")
        visitor.post("/answer/send")
        visitor.get("/answer/done")
        if unit == "U001":
            kept = site.app.addresses_kept
    assert site.app.addresses_kept == kept
    assert kept > 0
