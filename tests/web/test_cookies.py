"""The respondent's one cookie: sealed, of constant length, short-lived, worth nothing once used."""

import base64
import time

import pytest
import time_machine

from surveyapp import privacy
from surveyapp.web.cookies import LIFETIME
from tests.makers import make_answers
from tests.web.conftest import MakeSite, Site, Visitor, fault_at, refused, title


def with_cookie(site: Site, cookie: str) -> Visitor:
    """Another browser that holds this cookie."""
    visitor = site.visitor()
    visitor.client.set_cookie("answer", cookie)
    return visitor


def changed(cookie: str, place: int) -> str:
    raw = bytearray(base64.urlsafe_b64decode(cookie))
    raw[place] ^= 1
    return base64.urlsafe_b64encode(raw).decode()


def test_its_flags(site: Site):
    header = site.visitor().get("/").headers["Set-Cookie"]
    assert "HttpOnly" in header
    assert "SameSite=Lax" in header
    assert "Path=/" in header
    assert f"Max-Age={LIFETIME}" in header
    assert "Domain" not in header
    assert "Secure" not in header


def test_its_flags_behind_tls(make_site: MakeSite):
    header = make_site(secure=True).visitor().get("/").headers["Set-Cookie"]
    assert header.startswith("__Host-answer=")
    assert "Secure" in header
    assert "Path=/" in header
    assert "Domain" not in header


def test_it_is_the_only_cookie(site: Site):
    visitor = site.filled("U001")
    assert len(visitor.get("/answer/check").headers.getlist("Set-Cookie")) == 1


def test_it_holds_nothing_that_can_be_read(site: Site):
    visitor = site.filled("U001")
    raw = base64.urlsafe_b64decode(visitor.cookie)
    for known in (b"visit", b"tiny-1", b"csrf", site.codes["U001"].encode()):
        assert known not in raw


def test_its_length_is_constant(make_site: MakeSite):
    site = make_site(name="a" * 40, anyone=True)
    visitor = site.visitor()
    lengths = set()
    for step in ("/", f"/open/{'a' * 40}"):
        visitor.get(step)
        lengths.add(len(visitor.cookie))
    visitor.post(f"/open/{'a' * 40}")
    lengths.add(len(visitor.cookie))
    visitor.save("p1", {"kind": "yes"})
    lengths.add(len(visitor.cookie))
    visitor.get("/answer/check")
    visitor.post("/answer/send")
    visitor.get("/answer/done")
    lengths.add(len(visitor.cookie))
    assert len(lengths) == 1


def test_it_is_sealed_anew_at_each_answer(site: Site):
    visitor = site.visitor("U001")
    first = visitor.cookie
    visitor.get("/answer/start")
    assert visitor.cookie != first


@pytest.mark.parametrize("place", [0, 11, 12, 100, 615, 631])
def test_an_altered_cookie_is_none(site: Site, place):
    cookie = changed(site.visitor("U001").cookie, place)
    refused(with_cookie(site, cookie).get("/answer/start"), 403, "Your visit has ended")


@pytest.mark.parametrize("cut", [0, 1, 4, 16, 40, 400, -1, -4])
def test_a_truncated_cookie_is_none(site: Site, cut):
    cookie = site.visitor("U001").cookie[:cut]
    refused(with_cookie(site, cookie).get("/answer/start"), 403, "Your visit has ended")


@pytest.mark.parametrize("cookie", ["x", "é", "....", "a" * 3000, "{}", "eyJhIjoxfQ.aaaa.bbbb", "%00"])
def test_a_foreign_cookie_is_none(site: Site, cookie):
    answer = site.visitor().client.get("/answer/start", headers={"Cookie": f"answer={cookie}"})
    refused(answer, 403, "Your visit has ended")


def test_a_cookie_of_another_installation_is_none(site: Site):
    key = privacy.new_secret()
    cookie = base64.urlsafe_b64encode(privacy.seal_cookie(key, b'{"visitor":{},"at":0}')).decode()
    refused(with_cookie(site, cookie).get("/answer/start"), 403, "Your visit has ended")


def test_a_cookie_is_good_for_two_hours(site: Site):
    cookie = site.visitor("U001").cookie
    with time_machine.travel(time.time() + LIFETIME - 60, tick=False):
        assert with_cookie(site, cookie).get("/answer/start").status_code == 200
    with time_machine.travel(time.time() + LIFETIME + 1, tick=False):
        refused(with_cookie(site, cookie).get("/answer/start"), 403, "Your visit has ended")


def test_each_page_gives_two_more_hours(site: Site):
    visitor = site.visitor("U001")
    with time_machine.travel(time.time() + LIFETIME - 60, tick=False):
        visitor.get("/answer/page/p1")
    with time_machine.travel(time.time() + 2 * LIFETIME - 120, tick=False):
        assert visitor.post("/answer/page/p1", {"kind": "yes"}).status_code == 303


def test_a_form_left_open_too_long_is_saved_once_the_code_is_typed_again(site: Site):
    visitor = site.visitor("U001")
    visitor.save("p1", {"kind": "yes"})
    visitor.get("/answer/page/p2")
    with time_machine.travel(time.time() + LIFETIME + 1, tick=False):
        asked = visitor.post("/answer/page/p2", {"issues": "late", "partners.police": "more"})
        assert (asked.status_code, title(asked)) == (403, "Enter your access code again")
        assert site.draft("U001") == {"kind": "yes"}
        wrong = visitor.post("/answer/again/p2", {"code": "nothing"})
        assert fault_at(wrong, "code") == "Error: That access code is not one of ours"
        assert visitor.post("/answer/again/p2", {"code": site.codes["U001"]}).location == "/answer/check"
    assert site.draft("U001") == {"kind": "yes", "partners.police": "more", "issues": "late"}


def test_the_cookie_of_another_respondent_does_not_fit_the_form(site: Site):
    first, second = site.visitor("U001"), site.visitor("U002")
    first.get("/answer/page/p1")
    answer = with_cookie(site, second.cookie).client.post(
        "/answer/page/p1", data={"csrf_token": first.token, "kind": "yes"}
    )
    assert (answer.status_code, title(answer)) == (403, "Enter your access code again")
    assert (site.draft("U001"), site.draft("U002")) == ({}, {})


def test_two_browsers_that_swap_cookies_swap_visits_and_mix_nothing(site: Site):
    first, second = site.visitor("U001"), site.visitor("U002")
    first.save("p1", {"kind": "yes"})
    swapped = with_cookie(site, second.cookie)
    assert "checked" not in swapped.get("/answer/page/p1").text
    swapped.post("/answer/page/p1", {"kind": "no"})
    assert (site.draft("U001"), site.draft("U002")) == ({"kind": "yes"}, {"kind": "no"})


def test_a_cookie_replayed_after_sending_opens_nothing(site: Site):
    visitor = site.filled("U001")
    cookie = visitor.cookie
    visitor.post("/answer/send")
    for path in ("/answer/start", "/answer/page/p1", "/answer/page/p2", "/answer/check", "/answer/saved"):
        page = with_cookie(site, cookie).get(path)
        refused(page, 410, "Answers received")
        assert make_answers()["issues"] not in page.text
    assert site.tray() == [make_answers()]


def test_the_token_of_a_form_is_new_in_each_visit(site: Site):
    visitor = site.visitor()
    visitor.get("/")
    before = visitor.token
    visitor.post("/answer", {"code": site.codes["U001"]})
    assert visitor.client.post("/answer/start", data={"csrf_token": before}).status_code == 400


@pytest.mark.parametrize("token", ["", "%00", "é\N{GRINNING FACE}", "%ED%A0%80", "x" * 100_000, "same"])
def test_a_token_that_is_not_this_visitors_is_refused(site: Site, token: str):
    visitor = site.visitor("U001")
    visitor.get("/answer/page/p1")
    wrong = visitor.token[:-1] + ("a" if visitor.token[-1] != "a" else "b") if token == "same" else token
    body = f"csrf_token={wrong}&kind=yes".encode()
    kind = "application/x-www-form-urlencoded"
    for path in ("/answer/page/p1", "/answer/send", "/answer/start"):
        assert visitor.client.post(path, data=body, content_type=kind).status_code in {400, 403}
    assert site.draft("U001") == {}


def test_a_token_in_the_address_or_a_heading_is_none(site: Site):
    """A page of somebody else can write neither into a form of ours, so neither is looked at."""
    visitor = site.visitor("U001")
    visitor.get("/answer/page/p1")
    asked = visitor.client.post(
        f"/answer/page/p1?csrf_token={visitor.token}", data={"kind": "yes"}, headers={"X-CSRFToken": visitor.token}
    )
    assert asked.status_code == 400
    assert site.draft("U001") == {}


@pytest.mark.parametrize(
    "others", ["x", "", "a=b; __Host-answers=no; =", 'q="answer=1;2"', "\xe9=\xfc", " other=answer="]
)
def test_cookies_of_others_beside_it_do_not_hide_it(site: Site, others: str):
    cookie = site.visitor("U001").cookie
    browser = site.app.test_client(use_cookies=False)
    for sent in (f"{others};answer={cookie}", f"answer={cookie}; {others}"):
        assert browser.get("/answer/page/p1", environ_overrides={"HTTP_COOKIE": sent}).status_code == 200
