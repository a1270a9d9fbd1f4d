"""Two browsers at one page, pages with faults that are kept, visits that end while somebody types."""

import re

import pytest

from surveyapp import campaigning, collecting
from surveyapp.problems import NotSaved
from tests.makers import TODAY, make_document, make_question
from tests.web.conftest import MakeSite, Site, fault_at, refused, title

P1, P2 = "/answer/page/p1", "/answer/page/p2"


def shown(page) -> str:
    """The words of a page."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.text))


# ── two at one page ──────────────────────────────────────────────────────────


def test_both_answers_are_shown_and_the_chosen_one_is_saved(site: Site):
    here, there = site.visitor("U001"), site.visitor("U001")
    here.get(P2)
    there.save("p2", {"partners.police": "less", "issues": "Theirs"})
    asked = here.post(P2, {"partners.police": "more", "issues": "Mine"})
    assert (asked.status_code, title(asked)) == (409, "This page was changed while you had it open")
    words = shown(asked)
    assert "What is saved Police: Less What you entered Police: More" in words
    assert "What is saved Theirs What you entered Mine" in words
    assert site.draft("U001")["issues"] == "Theirs"
    done = here.post(P2, {"take-partners": "saved", "take-issues": "mine"})
    assert done.location == "/answer/check"
    assert site.draft("U001") == {"partners.police": "less", "issues": "Mine"}


def test_where_only_the_colleague_changed_something_theirs_is_proposed(site: Site):
    site.visitor("U001").save("p2", {"issues": "Old", "partners.police": "same"})
    here, there = site.visitor("U001"), site.visitor("U001")
    here.get(P2)
    there.save("p2", {"issues": "New", "partners.police": "same"})
    asked = here.post(P2, {"issues": "Old", "partners.police": "more"})
    assert re.search(r'id="take-issues" [^>]*value="saved" checked', asked.text)
    assert re.search(r'id="take-partners-mine" [^>]*value="mine" checked', asked.text)


def test_a_choice_left_open_is_asked_for_at_its_question(site: Site):
    here, there = site.visitor("U001"), site.visitor("U001")
    here.get(P2)
    there.save("p2", {"issues": "Theirs"})
    here.post(P2, {"issues": "Mine"})
    again = here.post(P2, {})
    assert again.status_code == 409
    assert fault_at(again, "take-issues") == "Error: Select the answer to keep"
    assert here.post(P2, {"take-issues": "mine"}).location == "/answer/check"
    assert site.draft("U001") == {"issues": "Mine"}


def test_a_third_change_in_the_meantime_is_asked_about_again(site: Site):
    here, there = site.visitor("U001"), site.visitor("U001")
    here.get(P2)
    there.save("p2", {"issues": "Theirs"})
    here.post(P2, {"issues": "Mine"})
    there.save("p2", {"issues": "Theirs, corrected"})
    again = here.post(P2, {"take-issues": "mine"})
    assert again.status_code == 409
    assert "Theirs, corrected" in again.text
    assert site.draft("U001") == {"issues": "Theirs, corrected"}


def test_a_double_click_and_a_reload_of_the_post_are_harmless(site: Site):
    visitor = site.visitor("U001")
    visitor.get(P1)
    for _ in range(3):
        assert visitor.post(P1, {"kind": "yes"}).location == P2
    assert site.draft("U001") == {"kind": "yes"}


def test_words_of_both_are_escaped(site: Site):
    here, there = site.visitor("U001"), site.visitor("U001")
    here.get(P2)
    there.save("p2", {"issues": "<script>alert(1)</script>"})
    asked = here.post(P2, {"issues": '"><img src=x>', "partners.police": "more"})
    assert "<script>alert" not in asked.text
    assert "<img" not in asked.text


# ── pages with faults are kept ───────────────────────────────────────────────


@pytest.fixture
def numbers(make_site: MakeSite) -> Site:
    """Two numbers, then a choice."""
    return make_site(
        make_document([make_question("number"), make_question("number", "q2")], [make_question(id="q3")])
    )


def test_who_comes_back_finds_a_page_with_a_fault_as_it_was_typed(numbers: Site):
    numbers.visitor("U001").save("p1", {"q1": "about 12", "q2": "1,200"})
    again = numbers.visitor("U001").get(P1)
    assert 'value="about 12"' in again.text
    assert 'value="1,200"' in again.text
    assert fault_at(again, "q1") == "Error: That is not a number; write it in digits, such as 1200 or 1,200"


def test_a_page_with_a_fault_can_be_left_for_later(numbers: Site):
    visitor = numbers.visitor("U001")
    visitor.get(P1)
    later = visitor.post(P1, {"q1": "about 12", "then": "later"})
    assert later.location == "/answer/saved"
    assert "One page has something on it that could not be read." in visitor.get("/answer/saved").text


def test_answers_are_not_sent_before_a_page_with_a_fault_is_put_right(numbers: Site):
    visitor = numbers.visitor("U001")
    visitor.save("p1", {"q1": "about 12"})
    page = visitor.get("/answer/check")
    assert "could not be read" in page.text
    assert '<a class="govuk-link" href="/answer/page/p1?to=check">Page 1</a>' in page.text
    sent = visitor.post("/answer/send")
    assert sent.location in {"/answer/page/p1?to=check&open=1", "/answer/page/p1?open=1&to=check"}
    fault_at(visitor.get(sent.location), "q1")
    assert numbers.tray() == []


def test_words_too_long_to_be_kept_are_shown_again_and_said_to_be_so(site: Site):
    visitor = site.visitor("U001")
    again = visitor.save("p2", {"issues": "w" * 60_000})
    assert again.status_code == 422
    assert "too long to be kept as you typed it" in again.text
    assert "w" * 60_000 in again.text
    assert visitor.post(P2, {"issues": "w"}).status_code == 303


# ── the visit has ended ──────────────────────────────────────────────────────


def test_whoever_lost_the_cookie_types_the_code_and_loses_nothing(site: Site):
    visitor = site.visitor("U001")
    visitor.get(P2)
    visitor.client.delete_cookie("answer")
    asked = visitor.post(P2, {"issues": 'Half a page "of" <words>', "partners.police": "more"})
    assert (asked.status_code, title(asked)) == (403, "Enter your access code again")
    assert "Half a page &#34;of&#34; &lt;words&gt;" in asked.text
    assert site.codes["U001"] not in asked.text
    assert visitor.post("/answer/again/p2", {"code": site.codes["U001"]}).location == "/answer/check"
    assert site.draft("U001") == {"partners.police": "more", "issues": 'Half a page "of" <words>'}


def test_what_a_colleague_saved_in_the_meantime_is_asked_about_there_too(site: Site):
    visitor = site.visitor("U001")
    visitor.get(P2)
    site.visitor("U001").save("p2", {"issues": "Theirs"})
    visitor.client.delete_cookie("answer")
    visitor.post(P2, {"issues": "Mine"})
    assert visitor.post("/answer/again/p2", {"code": site.codes["U001"]}).status_code == 409


def test_the_code_of_another_survey_s_page_saves_nothing_wrong(site: Site):
    visitor = site.visitor("U001")
    visitor.get(P2)
    visitor.client.delete_cookie("answer")
    visitor.post(P2, {"issues": "Mine"})
    assert visitor.post("/answer/again/p9", {"code": site.codes["U002"]}).status_code == 404
    assert (site.draft("U001"), site.draft("U002")) == ({}, {})


def test_a_used_code_and_a_closed_survey_are_told_there_too(site: Site):
    visitor = site.visitor("U001")
    visitor.get(P2)
    visitor.client.delete_cookie("answer")
    visitor.post(P2, {"issues": "Late"})
    site.send("U001")
    refused(visitor.post("/answer/again/p2", {"code": site.codes["U001"]}), 410, "Answers received")
    campaigning.close_wave(site.db, site.wave.name, TODAY)
    assert visitor.post("/answer/again/p2", {"code": site.codes["U002"]}).status_code == 403


def test_in_a_wave_open_to_anyone_who_has_no_code_begins_with_the_page(make_site: MakeSite):
    site = make_site(anyone=True, carry=[])
    visitor = site.visitor()
    visitor.get("/open/tiny-1")
    visitor.post("/open/tiny-1")
    visitor.get(P1)
    visitor.client.delete_cookie("answer")
    asked = visitor.post(P1, {"kind": "yes"})
    assert "I have no code yet: begin with this page" in asked.text
    assert visitor.post("/answer/again/p1", {"begin": "yes"}).location == "/answer/code?page=p2"
    assert re.search(r'<span class="app-code">[0-9A-Z-]{23}</span>', visitor.get("/answer/code?page=p2").text)


# ── the store cannot be written ──────────────────────────────────────────────


def test_a_page_that_could_not_be_saved_is_kept_for_another_try(site: Site, monkeypatch: pytest.MonkeyPatch):
    visitor = site.visitor("U001")
    visitor.get(P2)
    with monkeypatch.context() as patched:
        patched.setattr(collecting, "save_page", _not_saved)
        busy = visitor.post(P2, {"issues": "Words"})
    assert (busy.status_code, title(busy)) == (503, "Your answers were not saved")
    assert busy.headers["Retry-After"] == "30"
    assert visitor.post(P2).location == "/answer/check"
    assert site.draft("U001") == {"issues": "Words"}


def _not_saved(*_: object) -> None:
    raise NotSaved("the disk is full")
