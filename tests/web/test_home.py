"""The first page: what is in the field, and the door."""

import pytest

from surveyapp import campaigning
from tests.makers import TODAY, make_document
from tests.web.conftest import MakeSite, Site, fault_at, refused, title

NOT_OURS = "Error: That access code is not one of ours"


def test_the_first_page_says_what_is_in_the_field_and_takes_a_code(site: Site):
    page = site.visitor().get("/")
    assert page.status_code == 200
    assert "A tiny survey" in page.text
    assert "By invitation" in page.text
    assert 'name="code"' in page.text


def test_a_wave_open_to_anyone_is_linked_from_the_first_page(make_site: MakeSite):
    site = make_site(name="all-2012", anyone=True)
    assert 'href="/open/all-2012"' in site.visitor().get("/").text


def test_a_closed_wave_is_not_in_the_field(site: Site):
    campaigning.close_wave(site.db, site.wave.name, TODAY)
    assert "No survey is running now" in site.visitor().get("/").text


def test_the_right_code_opens_the_start_page(site: Site):
    visitor = site.visitor()
    visitor.get("/")
    answer = visitor.post("/answer", {"code": site.codes["U001"]})
    assert (answer.status_code, answer.location) == (303, "/answer/start")


@pytest.mark.parametrize(
    "typed",
    [
        str.lower,
        lambda code: f"  {code} ",
        lambda code: code.replace("-", ""),
        lambda code: code.replace("-", " – "),
    ],
)
def test_a_code_may_be_typed_small_spaced_or_without_hyphens(site: Site, typed):
    site.visitor().enter(typed(site.codes["U001"]))


def test_look_alikes_in_a_code_are_read_as_what_they_look_like(site: Site):
    unit, code = next((unit, code) for unit, code in site.codes.items() if "0" in code or "1" in code)
    site.visitor().enter(code.replace("0", "o").replace("1", "l"))
    site.visitor().enter(site.codes[unit].replace("0", "O").replace("1", "I"))


@pytest.mark.parametrize(
    "code",
    [
        "00000-00000-00000-00000",
        "x",
        "0" * 10_000,
        "' OR 1=1 --",
        "'; DROP TABLE invitation; --",
        '" OR ""="',
        "%_\\",
        "\x00\x00",
        "٠" * 20,
        "００００００００００００００００００００",
        "/answer/start",
    ],
)
def test_wrong_codes_all_get_the_same_answer(site: Site, code):
    visitor = site.visitor()
    visitor.get("/")
    answer = visitor.post("/answer", {"code": code})
    assert answer.status_code == 403
    assert fault_at(answer, "code") == NOT_OURS
    assert len(answer.data) < 5000


@pytest.mark.parametrize("code", ["", "   ", "\t\r\n"])
def test_no_code_at_all_is_asked_for(site: Site, code):
    visitor = site.visitor()
    visitor.get("/")
    assert fault_at(visitor.post("/answer", {"code": code}), "code") == "Error: Enter your access code"


def test_a_lone_surrogate_and_broken_utf8_are_no_code(site: Site):
    visitor = site.visitor()
    visitor.get("/")
    assert visitor.post_raw("/answer", "code=%ED%A0%80%FF").status_code == 403


def test_the_first_of_two_codes_does_not_open_if_it_is_wrong(site: Site):
    visitor = site.visitor()
    visitor.get("/")
    assert visitor.post("/answer", {"code": ["wrong", site.codes["U001"]]}).status_code == 403


def test_a_code_in_the_address_does_not_open(site: Site):
    visitor = site.visitor()
    visitor.get("/")
    assert visitor.post(f"/answer?code={site.codes['U001']}", {}).status_code == 403
    assert site.codes["U001"] not in visitor.get(f"/?code={site.codes['U001']}").text


def test_a_code_of_another_wave_opens_that_wave(site: Site, make_site: MakeSite):
    other = make_site(make_document(survey="other", title="The other survey"), name="other-1")
    visitor = site.visitor().enter(other.codes["U001"])
    assert title(visitor.get("/answer/start")) == "The other survey"


def test_the_code_of_a_closed_wave_is_told_so_without_a_form(site: Site):
    campaigning.close_wave(site.db, site.wave.name, TODAY)
    visitor = site.visitor()
    visitor.get("/")
    refused(visitor.post("/answer", {"code": site.codes["U001"]}), 403, "This survey has closed")


def test_a_used_code_is_told_that_its_answers_have_been_received(site: Site):
    site.send("U001")
    visitor = site.visitor()
    visitor.get("/")
    refused(visitor.post("/answer", {"code": site.codes["U001"]}), 410, "Answers received")


def test_a_wrong_code_ends_no_visit_of_somebody_else(site: Site):
    visitor = site.visitor("U001")
    visitor.get("/")
    visitor.post("/answer", {"code": "wrong"})
    assert visitor.get("/answer/start").status_code == 200


def test_a_second_code_takes_the_place_of_the_first(site: Site):
    visitor = site.visitor("U001")
    visitor.save("p1", {"kind": "yes"})
    visitor.enter(site.codes["U002"])
    visitor.save("p1", {"kind": "no"})
    assert (site.draft("U001")["kind"], site.draft("U002")["kind"]) == ("yes", "no")


def test_the_wrong_method_is_refused(site: Site):
    refused(site.visitor().post("/"), 405, "That is not possible")
    refused(site.visitor().get("/answer"), 405, "That is not possible")
