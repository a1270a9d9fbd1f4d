"""What cannot be taken back asks for a sign-in of the last ten minutes, and leads back to its page."""

from urllib.parse import parse_qs, urlsplit

import pytest

from surveyapp import campaigning, privacy, staffing
from surveyapp.storage import accounts
from surveyapp.web.staff.doors import FRESH, PERMISSIONS
from tests.staff.conftest import Office, title

PASSWORD = "three unlikely words"
SETTINGS = "/surveys/tiny/waves/tiny-1/settings"
CLOSE = "/surveys/tiny/waves/tiny-1/close"


def test_these_acts_cannot_be_taken_back():
    assert {permission.act for permission in PERMISSIONS.values() if permission.fresh} == {
        "account-disable",
        "second-take",
        "tray-open",
        "unit-remove",
        "version-retire",
        "wave-close",
        "wave-open",
    }


def state(office: Office) -> str:
    return campaigning.wave_of(office.db, "tiny", "tiny-1").state


def test_within_ten_minutes_of_signing_in_they_are_done(office: Office):
    manager = office.enter("manager")
    office.now += FRESH
    manager.get(SETTINGS)
    assert manager.post(CLOSE, {"named": "tiny-1"}).status_code == 303
    assert state(office) == "closed"


def test_later_one_signs_in_again_and_comes_back_to_the_page(office: Office):
    manager = office.enter("manager")
    office.now += FRESH + 1
    manager.get(SETTINGS)
    asked = manager.post(CLOSE, {"named": "tiny-1"})
    assert asked.status_code == 303
    assert parse_qs(urlsplit(asked.location).query)["then"] == [SETTINGS]
    assert state(office) == "open"
    page = manager.get(urlsplit(asked.location).path.removeprefix("/staff"))
    assert title(page) == "Sign in"
    assert "This cannot be taken back, so sign in again first." in page.text


def test_nothing_of_it_is_in_the_trail(office: Office):
    manager = office.enter("manager")
    office.now += FRESH + 1
    manager.get(SETTINGS)
    manager.post(CLOSE, {"named": "tiny-1"})
    assert "wave-close" not in {act.what for _, act in staffing.acts(office.db)}


@pytest.mark.parametrize(
    ("who", "path", "page"),
    [
        ("key_holder", "/surveys/tiny/waves/tiny-1/tray", "/surveys/tiny/waves/tiny-1/tray"),
        ("manager", "/surveys/tiny/waves/tiny-1/organisations/remove", "/surveys/tiny/waves/tiny-1/organisations"),
        ("manager", "/surveys/tiny/preparations/tiny-9/open", "/surveys/tiny/preparations/tiny-9/check"),
        ("author", "/surveys/tiny/questionnaires/1/retire", "/surveys/tiny/questionnaires/1"),
        ("admin", f"/accounts/{'0' * 32}/disabled", f"/accounts/{'0' * 32}"),
        ("admin", f"/accounts/{'0' * 32}/second", f"/accounts/{'0' * 32}"),
    ],
)
def test_each_leads_back_to_its_own_page(office: Office, who: str, path: str, page: str):
    colleague = office.enter(who)
    office.now += FRESH + 1
    colleague.get("/")
    asked = colleague.post(path)
    assert asked.status_code == 303
    assert parse_qs(urlsplit(asked.location).query)["then"] == [page]


def test_who_may_not_do_it_is_not_asked_to_sign_in(office: Office):
    analyst = office.enter("analyst")
    office.now += FRESH + 1
    analyst.get("/")
    assert analyst.post(CLOSE).status_code == 403


def test_signing_in_again_ends_the_session_before(office: Office):
    with office.db.transaction() as connection:
        accounts.change(connection, office.ids["author"], password=privacy.password_hash(PASSWORD))
    author = office.enter("author")
    before = author.client.get_cookie("staff", path="/staff")
    assert before is not None
    office.now += FRESH + 1
    author.get("/sign-in")
    fields = {"email": "author@example.org", "password": PASSWORD, "then": "/surveys/tiny/questionnaires/1"}
    assert author.post("/sign-in", fields).location == "/staff/surveys/tiny/questionnaires/1"
    author.get("/surveys/tiny/questionnaires/1")
    assert author.post("/surveys/tiny/questionnaires/1/retire", {"named": "other"}).status_code == 400
    author.client.set_cookie("staff", before.value, path="/staff")
    assert author.get("/").status_code == 302
