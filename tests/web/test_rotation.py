"""Keys changed under respondents who are at work: nobody notices, and nothing that was posted is lost."""

import time
from collections.abc import Iterator

import pytest
import time_machine

from surveyapp import rotating
from surveyapp.keyring import COOKIE_LIFE
from surveyapp.privacy import SETTLING
from surveyapp.web import create_app
from tests.makers import TODAY, make_answers
from tests.web.conftest import Site, Visitor, refused

pytestmark = pytest.mark.usefixtures("watchful")


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    """The time, which stands still until it is moved."""
    with time_machine.travel(time.time(), tick=False) as traveller:
        yield traveller


def rotate(site: Site, group: str, clock: time_machine.Traveller, at_once: bool = False) -> None:
    """Change the keys of a group, and let them settle."""
    rotating.rotate(site.home, group, int(time.time()), at_once)
    clock.shift(SETTLING + 1)


def test_a_visit_goes_on_over_two_rotations_and_the_posted_page_is_applied(site: Site, clock):
    visitor = site.visitor("U001")
    visitor.get("/answer/page/p1")
    rotate(site, "cookie", clock)
    rotate(site, "cookie", clock)
    assert visitor.post("/answer/page/p1", {"kind": "yes"}).location == "/answer/page/p2"
    assert site.draft("U001")["kind"] == "yes"


def test_every_answer_seals_the_cookie_with_the_newest_key(site: Site, clock):
    visitor = site.visitor("U001")
    rotate(site, "cookie", clock)
    visitor.get("/answer/start")
    path = site.home.keys / "cookie"
    path.write_text("\n".join(path.read_text().split("\n")[:2]) + "\n")  # the old key is gone
    assert visitor.get("/answer/start").status_code == 200


def test_a_new_key_opens_at_once_and_seals_once_every_process_knows_it(site: Site, clock):
    """Another process that has not looked at the file yet must be able to open what this one seals."""
    blind = create_app(site.home, secure=False, today=lambda: TODAY)
    blind.session_interface.keys._seen.again = float("inf")
    rotating.rotate(site.home, "cookie", int(time.time()))
    visitor = site.visitor("U001")
    other = Visitor(blind)
    other.client.set_cookie("answer", visitor.cookie)
    assert other.get("/answer/start").status_code == 200
    clock.shift(SETTLING + 1)
    visitor.get("/answer/start")
    other.client.set_cookie("answer", visitor.cookie)
    refused(other.get("/answer/start"), 403, "Your visit has ended")
    blind.extensions["surveyapp"].db.close()


def test_an_old_key_opens_nothing_when_the_longest_visit_is_over(site: Site, clock):
    visitor = site.visitor("U001")
    rotate(site, "cookie", clock)
    keys = site.app.session_interface.keys
    assert len(keys.opening) == 2
    clock.shift(COOKIE_LIFE)
    assert len(keys.opening) == 1
    refused(visitor.get("/answer/start"), 403, "Your visit has ended")


def test_changed_at_once_every_visit_ends_and_the_posted_page_is_kept_for_the_code(site: Site, clock):
    visitor = site.visitor("U001")
    visitor.get("/answer/page/p1")
    rotate(site, "cookie", clock, at_once=True)
    asked = visitor.post("/answer/page/p1", {"kind": "yes"})
    assert asked.status_code == 403
    assert visitor.post("/answer/again/p1", {"kind": "yes", "code": site.codes["U001"]}).status_code == 303
    assert site.draft("U001")["kind"] == "yes"


# ── the pepper ───────────────────────────────────────────────────────────────


def test_a_draft_of_before_opens_and_is_sealed_anew_by_the_next_save_alone(site: Site, clock):
    site.visitor("U001").save("p1", {"kind": "yes"})
    before = site.home.database.read_bytes()
    rotate(site, "pepper", clock)
    visitor = site.visitor("U001")
    assert "Written" not in visitor.get("/answer/check").text
    assert site.home.database.read_bytes() == before, "coming in writes nothing"
    visitor.save("p2", {"issues": "Written after"})
    drop_old_pepper(site)
    assert "Written after" in site.visitor("U001").get("/answer/check").text


def test_whoever_was_in_saves_and_sends_under_the_old_pepper(site: Site, clock):
    visitor = site.filled("U001")
    rotate(site, "pepper", clock)
    visitor.save("p2", {k: v for k, v in make_answers(issues="Later").items() if k not in {"kind", "sources"}})
    visitor.get("/answer/check")
    assert visitor.post("/answer/send").location == "/answer/done"
    assert [answers["issues"] for answers in site.tray()] == ["Later"]


def test_a_colleague_s_save_under_the_new_pepper_costs_the_one_before_a_code_and_no_page(site: Site, clock):
    """Two people with one code: the visit of the one was begun before, that of the other after the rotation."""
    first = site.visitor("U001")
    first.save("p1", {"kind": "yes"})
    first.get("/answer/page/p2")
    rotate(site, "pepper", clock)
    site.visitor("U001").save("p1", {"kind": "no"})
    asked = first.post("/answer/page/p2", {"issues": "Of the first"})
    assert (asked.status_code, "access code" in asked.text) == (403, True)
    assert (
        first.post("/answer/again/p2", {"issues": "Of the first", "code": site.codes["U001"]}).status_code == 303
    )
    drop_old_pepper(site)
    assert "Of the first" in site.visitor("U001").get("/answer/check").text


def test_sending_with_a_key_that_has_been_replaced_asks_for_the_code(site: Site, clock):
    first = site.filled("U001")
    rotate(site, "pepper", clock)
    site.visitor("U001").save("p1", {"kind": "yes"})
    refused(first.post("/answer/send"), 403, "Your visit has ended")
    assert site.tray() == []
    again = site.visitor("U001")
    again.get("/answer/check")
    assert again.post("/answer/send").location == "/answer/done"


def test_the_cookie_is_as_long_with_two_keys_of_a_draft(site: Site, clock):
    site.visitor("U001").save("p1", {"kind": "yes"})
    length = len(site.visitor("U001").cookie)
    rotate(site, "pepper", clock)
    assert len(site.visitor("U001").cookie) == length


def drop_old_pepper(site: Site) -> None:
    """Leave the newest pepper in the file."""
    path = site.home.keys / "pepper"
    path.write_text("\n".join(path.read_text().split("\n")[:2]) + "\n")
