"""The pages of the questionnaire: shown, filled in, saved."""

import re
from io import BytesIO

import pytest

from surveyapp import campaigning
from tests.makers import TODAY, make_document, make_question
from tests.web.conftest import GATE, MakeSite, Site, fault_at, refused, title

P1, P2 = "/answer/page/p1", "/answer/page/p2"

HOSTILE_WORDS = [
    "'; DROP TABLE draft; --",
    '" OR ""="',
    "%_\\",
    "=1+1",
    "{{ 7 * 7 }}",
    "${7*7}",
    "<!--",
    "]]>",
    "a\u202eb",
    "😀" * 50,
    "\\u0000",
    "../../etc/passwd",
]


def test_a_page_shows_its_questions(site: Site):
    page = site.visitor("U001").get(P1)
    assert page.status_code == 200
    assert title(page) == "Page 1"
    assert "What about kind?" in page.text
    assert "A note." in page.text
    assert "What about partners?" not in page.text


def test_saving_goes_to_the_next_page_and_then_to_the_check_page(site: Site):
    visitor = site.visitor("U001")
    assert visitor.save("p1", {"kind": "yes"}).location == P2
    assert visitor.save("p2", {}).location == "/answer/check"


def test_what_was_saved_is_stored_and_shown_again(site: Site):
    visitor = site.visitor("U001")
    visitor.save("p1", {"kind": "other", "kind.other.text": "A new kind", "sources": ["a", "c"]})
    visitor.save("p2", {"partners.police": "more", "issues": "Line 1\r\nLine 2"})
    assert site.draft("U001") == {
        "kind": "other",
        "kind.other.text": "A new kind",
        "sources": ["a", "c"],
        "partners.police": "more",
        "issues": "Line 1\nLine 2",
    }
    first, second = visitor.get(P1).text, visitor.get(P2).text
    assert re.findall(r'value="(\w+)" checked', first) == ["other", "a", "c"]
    assert 'value="A new kind"' in first
    assert re.findall(r'name="([\w.]+)" type="radio" value="(\w+)" checked', second) == [
        ("partners.police", "more")
    ]
    assert "Line 1\nLine 2</textarea>" in second


def test_saving_again_takes_the_place_of_what_was_there(site: Site):
    visitor = site.visitor("U001")
    visitor.save("p1", {"kind": "yes", "sources": ["a", "b"]})
    visitor.save("p1", {"kind": "no"})
    assert site.draft("U001") == {"kind": "no"}


def test_words_that_begin_with_an_empty_line_come_back_as_typed(site: Site):
    visitor = site.visitor("U001")
    visitor.save("p1", {"kind": "yes"})
    visitor.save("p2", {"issues": "</textarea><b>bold</b>"})
    assert "\n&lt;/textarea&gt;&lt;b&gt;bold&lt;/b&gt;</textarea>" in visitor.get(P2).text


def test_saving_for_later_says_how_to_come_back(site: Site):
    assert site.visitor("U001").save("p1", {"kind": "yes", "then": "later"}).location == "/answer/saved"
    assert site.draft("U001") == {"kind": "yes"}


# ── what is wrong with a form ────────────────────────────────────────────────


def test_a_code_that_is_not_on_the_list_is_shown_beside_its_field_and_the_rest_is_saved(site: Site):
    page = site.visitor("U001").save("p1", {"kind": "maybe", "sources": ["b"]})
    assert page.status_code == 422
    assert fault_at(page, "kind") == "Error: That answer is not on the list; select one of the answers shown"
    assert "<title>Error: " in page.text
    assert site.draft("U001") == {"sources": ["b"]}


def test_a_required_question_left_blank_is_said_beside_it(site: Site):
    page = site.visitor("U001").save("p1", {})
    assert page.status_code == 422
    assert fault_at(page, "kind") == "Error: Select one answer"


def test_a_fault_in_a_grid_stands_in_its_row(site: Site):
    visitor = site.visitor("U001")
    page = visitor.save("p2", {"partners.police": "much", "partners.health": "less"})
    assert page.status_code == 422
    assert 'href="#partners-police"' in page.text
    row = re.search(r"<legend class=\"app-grid__legend\">Police(.*?)</legend>", page.text)
    assert row
    assert "That answer is not on the list" in row[1]
    assert site.draft("U001") == {"partners.health": "less"}


def test_words_too_long_are_refused_with_their_excess_and_kept_in_the_form(site: Site):
    visitor = site.visitor("U001")
    page = visitor.save("p2", {"issues": "é" * 101})
    assert page.status_code == 422
    assert fault_at(page, "issues") == "Error: Your answer is 1 character too long; shorten it to 100 characters"
    assert "é" * 101 in page.text
    assert site.draft("U001") == {}


def test_one_radio_sent_twice_is_refused_and_nothing_is_stored(site: Site):
    visitor = site.visitor("U001")
    answer = visitor.save("p1", {"kind": ["yes", "no"], "sources": ["a"]})
    refused(answer, 400, "That form could not be read")
    assert site.draft("U001") == {}


@pytest.mark.parametrize("field", ["sources", "kind.other.text"])
def test_one_box_or_words_sent_twice_are_refused(site: Site, field):
    answer = site.visitor("U001").save("p1", {"kind": "other", field: ["a", "a"]})
    refused(answer, 400, "That form could not be read")
    assert site.draft("U001") == {}


def test_an_exclusive_option_cannot_go_with_others(make_site: MakeSite):
    question = make_question("multiple", "sources")
    question["options"].append({"code": "none", "label": "None of these", "exclusive": True})
    page = make_site(make_document([question])).visitor("U001").save("p1", {"sources": ["a", "none"]})
    assert page.status_code == 422
    assert "cannot go with other answers" in fault_at(page, "sources")


def test_fields_of_other_pages_and_of_none_are_never_stored(site: Site):
    extra = {
        "admin": "1",
        "issues": "off page",
        "partners.police": "more",
        "wave": "x",
        "kind.yes.text": "w",
        "": "1",
    }
    assert site.visitor("U001").save("p1", {"kind": "yes", **extra}).location == P2
    assert site.draft("U001") == {"kind": "yes"}


@pytest.mark.parametrize(
    "key", ["kind[]", "kind.", "KIND", "kind\x00", "sources.a", "__proto__", "kind.other.text"]
)
def test_near_names_of_a_field_are_other_fields(site: Site, key):
    site.visitor("U001").save("p1", {"kind": "yes", key: "no"})
    assert site.draft("U001") == {"kind": "yes"}


def test_words_beside_other_without_choosing_it_are_asked_about_and_kept_in_the_form(site: Site):
    page = site.visitor("U001").save("p1", {"kind": "yes", "kind.other.text": "A hostel"})
    assert page.status_code == 422
    assert fault_at(page, "kind-other-text").endswith("select “Other” too, or clear what you wrote")
    assert 'value="A hostel"' in page.text


@pytest.mark.parametrize("words", HOSTILE_WORDS)
def test_hostile_words_are_only_words(site: Site, words):
    visitor = site.visitor("U001")
    assert visitor.save("p2", {"issues": words}).location == "/answer/check"
    assert site.draft("U001") == {"issues": words}
    assert visitor.get("/answer/check").status_code == 200


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("a%00b", "ab"),
        ("a%0Bb%07", "ab"),
        ("a%ED%A0%80b", "a%ED%A0%80b"),
        ("a%FFb", "a%FFb"),
        ("e%CC%81", "é"),
        ("%20%0D%0A%20", None),
        ("a%0D%0Ab%0Dc", "a\nb\nc"),
    ],
)
def test_broken_characters_are_kept_out(site: Site, sent, kept):
    visitor = site.visitor("U001")
    visitor.get(P2)
    assert visitor.post_raw(P2, f"issues={sent}").location == "/answer/check"
    assert site.draft("U001").get("issues") == kept


def test_the_longest_answers_of_the_widest_characters_fit(site: Site):
    visitor = site.visitor("U001")
    visitor.save(
        "p1", {"kind": "other", "kind.other.text": "\u2028" * 100 + "x" + "漢" * 99, "sources": ["a", "b", "c"]}
    )
    visitor.save("p2", {"partners.police": "more", "partners.health": "less", "issues": '"\\' * 50})
    visitor.get("/answer/check")
    assert visitor.post("/answer/send").location == "/answer/done"
    assert site.tray()[0]["issues"] == '"\\' * 50


def test_a_thousand_unknown_fields_change_nothing(site: Site):
    extra = {f"x{i}": "1" for i in range(1001)}
    assert site.visitor("U001").save("p1", {"kind": "yes", **extra}).location == P2
    assert site.draft("U001") == {"kind": "yes"}


def test_a_thousand_and_one_parts_of_one_radio_are_refused(site: Site):
    refused(site.visitor("U001").save("p1", {"kind": ["yes"] * 1001}), 400, "That form could not be read")


def test_a_form_of_more_parts_than_we_read_is_refused(site: Site):
    visitor = site.visitor("U001")
    visitor.get(P1)
    fields = {f"x{i}": "1" for i in range(2001)}
    refused(visitor.post(P1, fields, content_type="multipart/form-data"), 413, "That is too long")
    assert site.draft("U001") == {}


@pytest.mark.parametrize("kind", ["application/json", "text/plain", "application/xml"])
def test_a_body_that_is_no_form_is_refused(site: Site, kind):
    visitor = site.visitor("U001")
    visitor.get(P1)
    body = f'{{"csrf_token": "{visitor.token}", "kind": "yes"}}'
    refused(visitor.client.post(P1, data=body, content_type=kind), 400, "Your visit has timed out")
    assert site.draft("U001") == {}


def test_a_file_in_place_of_an_answer_is_not_read(site: Site):
    visitor = site.visitor("U001")
    visitor.get(P1)
    visitor.client.post(P1, data={"csrf_token": visitor.token, "kind": (BytesIO(b"yes"), "kind.txt")})
    assert site.draft("U001") == {}


# ── who may, and when ────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "page", ["nothing", "P1", "../start", "p1%00", "p1/", "%2e%2e", "..%5c", "x" * 41, "1' OR '1"]
)
def test_a_page_that_does_not_exist_is_never_saved(site: Site, page):
    visitor = site.visitor("U001")
    visitor.get(P1)
    refused(visitor.post(f"/answer/page/{page}", {"kind": "yes"}), 404, "Page not found")
    assert site.draft("U001") == {}


def test_reading_a_page_that_does_not_exist_leads_to_the_first_open_one(site: Site):
    assert site.visitor("U001").get("/answer/page/nothing").location == P1


def test_a_page_off_the_route_is_neither_shown_nor_saved(make_site: MakeSite):
    document = make_document([make_question()], [make_question(id="q2", show_if=GATE)], [make_question(id="q3")])
    site = make_site(document)
    visitor = site.visitor("U001")
    assert visitor.save("p1", {"q1": "no"}).location == "/answer/page/p3"
    assert visitor.get(P2).location == "/answer/page/p3"
    off = visitor.post(P2, {"q2": "yes"})
    assert (off.status_code, title(off)) == (409, "That page is not asked any more")
    assert 'href="/answer/sections"' in off.text
    assert site.draft("U001") == {"q1": "no"}


def test_a_question_that_an_answer_brings_up_on_its_own_page_is_asked_before_going_on(make_site: MakeSite):
    document = make_document([make_question(), make_question(id="q2", show_if=GATE)], [make_question(id="q3")])
    visitor = make_site(document).visitor("U001")
    assert "What about q2?" not in visitor.get(P1).text
    assert visitor.save("p1", {"q1": "yes"}).location == f"{P1}#q2"
    assert 'id="q2"' in visitor.get(P1).text
    assert visitor.save("p1", {"q1": "yes"}).location == P2


def test_without_a_visit_it_is_refused(site: Site):
    visitor = site.visitor()
    visitor.get("/")
    refused(visitor.get(P1), 403, "Your visit has ended")
    asked = visitor.post(P1, {"kind": "yes"})
    assert (asked.status_code, title(asked)) == (403, "Enter your access code again")


def test_after_the_close_nothing_is_shown_or_saved(site: Site):
    visitor = site.visitor("U001")
    visitor.get(P1)
    campaigning.close_wave(site.db, site.wave.name, TODAY)
    refused(visitor.get(P1), 403, "This survey has closed")
    refused(visitor.post(P1, {"kind": "yes"}), 403, "This survey has closed")
    assert site.draft("U001") == {}


def test_once_answers_were_received_nothing_is_shown_or_saved(site: Site):
    visitor = site.visitor("U001")
    visitor.get(P1)
    site.send("U001")
    refused(visitor.get(P1), 410, "Answers received")
    refused(visitor.post(P1, {"kind": "no"}), 410, "Answers received")
    assert site.draft("U001") == {}


def test_a_form_without_token_or_with_another_s_is_refused(site: Site):
    visitor, other = site.visitor("U001"), site.visitor("U002")
    refused(visitor.client.post(P1, data={"kind": "yes"}), 400, "Your visit has timed out")
    asked = visitor.client.post(P1, data={"kind": "yes", "csrf_token": other.token})
    assert (asked.status_code, title(asked)) == (403, "Enter your access code again")
    assert site.draft("U001") == {}


def test_the_wrong_method_is_refused(site: Site):
    visitor = site.visitor("U001")
    refused(visitor.client.put(P1, data={"kind": "yes"}), 405, "That is not possible")
    headers = {"X-HTTP-Method-Override": "DELETE"}
    assert visitor.post(P1, {"kind": "yes", "_method": "DELETE"}, headers=headers).location == P2


def test_the_continue_button_stands_before_any_other_in_its_form(site: Site):
    text = site.visitor("U001").get(P1).text
    assert re.findall(r"<button[^>]*>([^<]*)<", text) == [
        "Save and continue",
        "Save and come back later",
        "Save and stay on this page",
    ]
