"""A door that lets everybody in is not enough to get anything done: the use cases behind it ask again."""

from collections.abc import Iterator

import pytest
from flask import Blueprint
from flask.typing import ResponseReturnValue

from surveyapp import campaigning, framing, rotating, staffing
from surveyapp.roles import ROLES
from surveyapp.web.staff import doors
from surveyapp.web.staff.doors import ANY_ROLE, ANYONE, PERMISSIONS, SIGNED_IN, Desk, Door
from tests.makers import TODAY, rows
from tests.staff.conftest import Office, title


@pytest.fixture
def careless(office: Office) -> Iterator[Office]:
    """The site with doors that nobody should have made."""
    pages = Blueprint("careless", __name__, url_prefix="/careless")
    door = Door(pages)

    @door.post("/survey/<slug:survey>/close/<slug:name>", *ANY_ROLE, act="wave-close")
    def close(desk: Desk, name: str) -> ResponseReturnValue:
        return campaigning.close_wave(desk.db, name, desk.today).state

    @door.post("/signed-in/close", SIGNED_IN, act="wave-close")
    def close_for_all(desk: Desk) -> ResponseReturnValue:
        return campaigning.close_wave(desk.db, "tiny-1", desk.today).state

    @door.get("/anyone/organisations", ANYONE)
    def organisations(desk: Desk) -> ResponseReturnValue:
        return str(framing.names(desk.db, "tiny-1"))

    @door.get("/signed-in/keys", SIGNED_IN)
    def keys(desk: Desk) -> ResponseReturnValue:
        return str(rotating.standings(desk.home, desk.db, desk.office.now()))

    office.site.mounts["/staff"].register_blueprint(pages)
    yield office
    for name in [name for name in PERMISSIONS if name.startswith("careless.")]:
        del PERMISSIONS[name]


def state(office: Office) -> str:
    [(found,)] = rows(office.db, "SELECT state FROM wave WHERE name = 'tiny-1'")
    return str(found)


@pytest.mark.parametrize("who", ["author", "analyst", "key_holder"])
def test_a_use_case_behind_an_open_door_refuses_the_wrong_role(careless: Office, who: str) -> None:
    answer = careless.enter(who).post("/careless/survey/tiny/close/tiny-1")
    assert (answer.status_code, title(answer)) == (403, "You cannot do that")
    assert "This needs the role manager in the survey tiny." in answer.text
    assert state(careless) == "open"


def test_what_was_refused_behind_the_door_has_its_two_lines_in_the_trail(careless: Office) -> None:
    careless.enter("author").post("/careless/survey/tiny/close/tiny-1")
    said = [act.said for _, act in staffing.acts(careless.db) if act.what == "wave-close"]
    assert said == ["was not done (NotAllowed)", ""]


def test_the_right_role_gets_through(careless: Office) -> None:
    assert careless.enter("manager").post("/careless/survey/tiny/close/tiny-1").text == "closed"


def test_a_role_in_another_survey_opens_no_wave_of_this_one(careless: Office) -> None:
    answer = careless.enter("stranger").post("/careless/survey/other/close/tiny-1")
    assert (answer.status_code, state(careless)) == (404, "open")


@pytest.mark.parametrize("who", [*ROLES, "admin", "stranger"])
def test_a_page_without_a_survey_does_nothing_in_one(careless: Office, who: str) -> None:
    assert careless.enter(who).post("/careless/signed-in/close").status_code == 403
    assert state(careless) == "open"


def test_a_page_open_to_anyone_shows_no_organisation(careless: Office) -> None:
    for who in ("nobody", "manager"):
        answer = careless.enter(who).get("/careless/anyone/organisations")
        assert answer.status_code == 403


def test_between_password_and_second_factor_nobody_is_at_work(
    careless: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doors, "SETTING_UP", {*doors.SETTING_UP, "careless.close"})
    manager = careless.enter("manager", second=False)
    assert title(manager.get("/second/set-up")) == "Set up a second factor"
    answer = manager.post("/careless/survey/tiny/close/tiny-1")
    assert (answer.status_code, state(careless)) == (404, "open")


def test_the_operator_s_work_is_nobody_s_on_the_site(careless: Office) -> None:
    answer = careless.enter("admin").get("/careless/signed-in/keys")
    assert answer.status_code == 403
    assert "at its command line" in answer.text


def test_outside_of_pages_the_operator_may(careless: Office) -> None:
    careless.enter("author").post("/careless/survey/tiny/close/tiny-1")
    assert campaigning.close_wave(careless.db, "tiny-1", TODAY).state == "closed"
