"""Every page has a door: who may open it is said there, and holds for every role, in its survey and in others."""

import re
from collections.abc import Iterator

import pytest
from werkzeug.routing import Rule

from surveyapp import staffing
from surveyapp.roles import ADMIN, ROLES
from surveyapp.web.staff.app import ROOMS
from surveyapp.web.staff.doors import ANYONE, PERMISSIONS, SIGNED_IN
from tests.makers import change, rows
from tests.staff.conftest import CAST, Office, title

EXAMPLES = {"survey": "tiny", "wave": "tiny-1", **dict.fromkeys(("account", "job", "token"), "0" * 32)}
"""What stands in an address; anything else is "none", of which there is none."""

NOTHING = {"hex": "0" * 32, "int": "99999"}
"""What there is none of, where "none" does not fit the converter."""


def rules(office: Office) -> list[Rule]:
    staff = office.site.mounts["/staff"]
    return [rule for rule in staff.url_map.iter_rules() if rule.endpoint not in {"static", "brand.stylesheet"}]


def path(rule: Rule, **more: str) -> str:
    values = {**EXAMPLES, **more}
    return re.sub(
        r"<(?:([^:<>]+):)?(\w+)>", lambda found: values.get(found[2], NOTHING.get(found[1], "none")), rule.rule
    )


def method(rule: Rule) -> str:
    return "POST" if "POST" in (rule.methods or ()) else "GET"


def by_cookie(office: Office) -> Iterator[tuple[Rule, tuple[str, ...]]]:
    for rule in rules(office):
        if not rule.endpoint.startswith("api."):
            yield rule, PERMISSIONS[rule.endpoint].roles


def test_every_page_has_a_permission_and_every_permission_a_page(office: Office) -> None:
    assert {rule.endpoint for rule in rules(office)} == set(PERMISSIONS)
    for permission in PERMISSIONS.values():
        assert permission.roles
        assert set(permission.roles) <= {*ROLES, ANYONE, SIGNED_IN, ADMIN}


def test_every_part_of_an_address_has_a_converter(office: Office) -> None:
    plain = [rule.rule for rule in rules(office) if re.search(r"<\w+>", rule.rule)]
    assert plain == [], "write <slug:name> or <int:number>"


def test_a_page_of_a_survey_is_for_roles_in_it_and_another_page_is_not(office: Office) -> None:
    for rule in rules(office):
        roles = set(PERMISSIONS[rule.endpoint].roles)
        assert ("survey" in rule.arguments) == (roles <= set(ROLES)), rule.rule
        assert "wave" not in rule.arguments or "survey" in rule.arguments, rule.rule


@pytest.mark.parametrize("who", [*CAST, "nobody"])
def test_who_may_open_what(office: Office, who: str) -> None:
    colleague = office.enter(who)
    for rule, roles in by_cookie(office):
        if method(rule) == "GET":
            response = colleague.get(path(rule))
            assert response.status_code < 500, rule.rule
            assert _fits(who, roles, response.status_code, response.location or ""), (who, rule.rule, response)


@pytest.mark.parametrize("who", [*CAST, "nobody"])
def test_who_may_do_what(office: Office, who: str) -> None:
    colleague = office.enter(who)
    for rule, roles in by_cookie(office):
        if method(rule) == "POST" and rule.endpoint != "entrance.sign_out" and not _allowed(who, roles):
            colleague.get("/sign-in" if who == "nobody" else "/")
            response = colleague.post(path(rule))
            assert _fits(who, roles, response.status_code, response.location or ""), (who, rule.rule, response)


@pytest.mark.parametrize("who", ROLES)
def test_the_wave_of_another_survey_is_not_there(office: Office, who: str) -> None:
    change(
        office.db, "INSERT INTO version SELECT 'other', version, hash, document, published_on, NULL FROM version"
    )
    change(office.db, "UPDATE wave SET survey = 'other'")
    colleague = office.enter(who)
    for rule, roles in by_cookie(office):
        if "wave" in rule.arguments and who in roles:
            colleague.get("/")
            response = colleague.get(path(rule)) if method(rule) == "GET" else colleague.post(path(rule))
            assert (response.status_code, title(response)) == (404, "Page not found"), rule.rule


def test_nothing_is_posted_without_the_token_of_our_own_page(office: Office) -> None:
    for who in (*ROLES, "admin"):
        colleague = office.enter(who)
        for rule, _ in by_cookie(office):
            if method(rule) == "POST":
                assert colleague.client.post(f"/staff{path(rule)}").status_code == 400, rule.rule
                foreign = {"Origin": "https://elsewhere.example"}
                answer = colleague.post(path(rule), headers=foreign)
                assert answer.status_code == 403, rule.rule


def test_looking_changes_nothing(office: Office) -> None:
    """Every page is opened by everybody; but for sessions that begin, the store is the same afterwards."""
    colleagues = [office.enter(who) for who in (*CAST, "nobody")]
    tables = [name for (name,) in rows(office.db, "SELECT name FROM sqlite_master WHERE type = 'table'")]
    before = {name: rows(office.db, f"SELECT * FROM {name}") for name in tables}
    for colleague in colleagues:
        for rule in rules(office):
            if method(rule) == "GET":
                colleague.get(path(rule))
    assert {name: rows(office.db, f"SELECT * FROM {name}") for name in tables} == before


def test_every_page_says_what_it_is_for(office: Office) -> None:
    for who in (*CAST, "nobody"):
        colleague = office.enter(who)
        for rule, _ in by_cookie(office):
            if method(rule) == "GET":
                response = colleague.get(path(rule))
                if response.mimetype == "text/html" and response.status_code < 300:
                    assert 'app-purpose"' in response.text, rule.rule


def test_every_act_is_in_the_trail(office: Office) -> None:
    """A post that changes something has the name of its act; `ask` is for those that do not."""
    unnamed = {e for e, p in PERMISSIONS.items() if p.act and p.act not in staffing.ACTS}
    assert unnamed == set()
    unused = set(staffing.ACTS) - {permission.act for permission in PERMISSIONS.values()}
    assert unused == set(), "take these away, or name the door"


def test_the_rooms_are_all_there() -> None:
    assert len({room.pages.name for room in ROOMS}) == len(ROOMS)


def _allowed(who: str, roles: tuple[str, ...]) -> bool:
    if roles == (ANYONE,):
        return True
    if roles == (SIGNED_IN,):
        return who != "nobody"
    return who in roles


def _fits(who: str, roles: tuple[str, ...], status: int, location: str) -> bool:
    """What somebody of the cast gets who opens a page for `roles`."""
    if _allowed(who, roles):
        return status not in {401, 403}
    if who == "nobody":
        return status in {302, 303} and "/sign-in" in location
    if roles == (ADMIN,):
        return status == 403
    return status == (404 if who in {"admin", "stranger", "newcomer"} else 403)
