"""Sending: once, whole, and only what is on the route."""

import pytest

from surveyapp import campaigning
from tests.makers import TODAY, make_answers, make_document, make_question
from tests.web.conftest import GATE, MakeSite, Site, fault_at, refused

SEND = "/answer/send"


def test_sending_puts_one_box_into_the_tray_and_erases_the_draft(site: Site):
    visitor = site.filled("U001")
    answer = visitor.post(SEND)
    assert (answer.status_code, answer.location) == (303, "/answer/done")
    assert site.tray() == [make_answers()]
    assert site.draft("U001") == {}


def test_a_required_question_still_missing_leads_to_its_page_and_says_so(site: Site):
    visitor = site.visitor("U001")
    visitor.save("p2", {"issues": "Too few staff."})
    visitor.get("/answer/check")
    answer = visitor.post(SEND)
    assert answer.status_code == 303
    page = visitor.get(answer.location)
    assert fault_at(page, "kind") == "Error: Select one answer"
    assert "<title>Error: " in page.text
    assert site.tray() == []
    assert site.draft("U001") == {"issues": "Too few staff."}
    assert visitor.post("/answer/page/p1?to=check", {"kind": "yes"}).location == "/answer/check"
    assert visitor.post(SEND).location == "/answer/done"


def test_answers_hidden_by_a_changed_gate_are_not_in_the_box(make_site: MakeSite):
    site = make_site(make_document([make_question()], [make_question("text", "q2", show_if=GATE)]))
    visitor = site.visitor("U001")
    visitor.save("p1", {"q1": "yes"})
    visitor.save("p2", {"q2": "SECRET THOUGHT"})
    visitor.save("p1", {"q1": "no"})
    visitor.get("/answer/check")
    visitor.post(SEND)
    assert site.tray() == [{"q1": "no"}]


def test_a_second_click_with_the_same_cookie_is_told_that_the_answers_are_in(site: Site):
    visitor = site.filled("U001")
    cookie, token = visitor.cookie, visitor.token
    visitor.post(SEND)
    twin = site.visitor()
    twin.client.set_cookie("answer", cookie)
    refused(twin.client.post(SEND, data={"csrf_token": token}), 410, "Answers received")
    assert len(site.tray()) == 1


def test_sending_from_the_page_before_makes_no_second_box(site: Site):
    visitor = site.filled("U001")
    token = visitor.token
    visitor.post(SEND)
    visitor.get("/answer/done")
    assert visitor.client.post(SEND, data={"csrf_token": token}).location == "/answer/done"
    visitor.get("/")
    assert visitor.post(SEND).location == "/answer/done"
    assert len(site.tray()) == 1


def test_two_colleagues_with_one_code_make_one_box(site: Site):
    first, second = site.filled("U001"), site.filled("U001")
    assert first.post(SEND).location == "/answer/done"
    refused(second.post(SEND), 410, "Answers received")
    assert len(site.tray()) == 1


def test_what_is_posted_while_sending_does_not_count(site: Site):
    visitor = site.filled("U001")
    visitor.post(SEND, {"kind": "no", "wave": "x", "admin": "1"})
    assert site.tray() == [make_answers()]


def test_without_a_visit_it_is_refused(site: Site):
    visitor = site.visitor()
    visitor.get("/")
    refused(visitor.post(SEND), 403, "Your visit has ended")


def test_after_the_close_nothing_is_sent(site: Site):
    visitor = site.filled("U001")
    campaigning.close_wave(site.db, site.wave.name, TODAY)
    refused(visitor.post(SEND), 403, "This survey has closed")
    assert site.tray() == []


def test_a_form_without_token_sends_nothing(site: Site):
    refused(site.filled("U001").client.post(SEND), 400, "Your visit has timed out")
    assert site.tray() == []


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
def test_the_wrong_method_sends_nothing(site: Site, method):
    assert site.filled("U001").client.open(SEND, method=method).status_code == 405
    assert site.tray() == []


def test_a_second_click_after_the_first_was_answered_is_told_the_same(site: Site):
    visitor = site.filled("U001")
    first = visitor.token
    assert visitor.post("/answer/send").location == "/answer/done"
    again = visitor.client.post("/answer/send", data={"csrf_token": first})
    assert (again.status_code, again.location) == (303, "/answer/done")
    assert len(site.tray()) == 1
