"""Roles: who needs a second factor, and when nothing is wanted any more."""

import pytest

from surveyapp.passwords import COMMON, password_faults
from surveyapp.roles import ADMIN, ANALYST, AUTHOR, GUARDED, KEY_HOLDER, MANAGER, ROLES, Member


def member(*roles: str, survey: str = "dat", second: bool = False, has_second: bool = False) -> Member:
    return Member(b"1", "a@example.org", "A", {survey: frozenset(roles)}, second, has_second)


@pytest.mark.parametrize(
    ("roles", "guarded"), [((MANAGER,), True), ((KEY_HOLDER,), True), ((AUTHOR, ANALYST), False), ((), False)]
)
def test_who_needs_a_second_factor(roles: tuple[str, ...], guarded: bool) -> None:
    assert member(*roles).guarded is guarded


def test_an_administrator_needs_one_too() -> None:
    assert member(ADMIN, survey="").guarded
    assert {*GUARDED} == {MANAGER, KEY_HOLDER, ADMIN}


@pytest.mark.parametrize(
    ("role", "has_second", "second", "through"),
    [
        (ANALYST, False, False, True),
        (ANALYST, True, False, False),
        (ANALYST, True, True, True),
        (MANAGER, False, False, False),
        (MANAGER, True, False, False),
        (MANAGER, True, True, True),
    ],
)
def test_when_nothing_more_is_wanted(role: str, has_second: bool, second: bool, through: bool) -> None:
    assert member(role, has_second=has_second, second=second).is_through is through


def test_an_administrator_has_no_role_in_any_survey() -> None:
    admin = member(ADMIN, survey="")
    assert admin.surveys == []
    assert not any(admin.has(survey, *ROLES) for survey in ("", "dat"))


def test_every_common_password_would_otherwise_be_long_enough() -> None:
    assert {word for word in COMMON if len(word) < 12} == set()
    assert len(COMMON) > 150


@pytest.mark.parametrize(
    "password", ["ann.lee@example.org", "ANN LEE ann lee", "annlee2012!!!!", "example.org 1234"]
)
def test_a_password_is_not_ones_own_name(password: str) -> None:
    (fault,) = password_faults(password, "ann.lee@example.org", "Ann Lee")
    assert (fault.at, fault.what) == ("password", "the password is made of your own address or name")


def test_a_good_password_has_no_fault() -> None:
    assert password_faults("ann sells lee shore maps", "ann.lee@example.org", "Ann Lee") == []
