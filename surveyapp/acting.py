"""Who is at work, and in which survey: a use case refuses whoever has no role for it, whatever called it.

The doors of the staff site ask first, page by page. This is the second lock, below the web: behind a door that was
left open by mistake, or in a job whose maker has lost the role meanwhile, nothing is done.

While nobody is at work the operator is: the command line, migrations, and the respondents' site, which has no
staff. A new thread begins so too, for it inherits nothing; what a thread does for a member goes through
`working.carry_out`, which says again who asked for it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from inspect import signature
from typing import Any, NamedTuple, ParamSpec, TypeVar, get_args

from surveyapp.problems import NotAllowed, NotFound
from surveyapp.roles import ADMIN, EVERY_SURVEY, ROLES, Member

P = ParamSpec("P")
R = TypeVar("R")

OPERATOR = "operator"
"""In place of a role, for what is done at the command line of the server alone: no member has it."""

NEEDED: dict[str, tuple[str, ...]] = {}
"""The roles that each use case is for, by its module and name; a test finds no use case without any."""


class _AtWork(NamedTuple):
    """Who acts, in the survey of an address or in none, and the roles of the use case that let them in last."""

    member: Member
    survey: str
    let_in: tuple[str, ...] = tuple(ROLES)


_at_work: ContextVar[_AtWork | None] = ContextVar("at_work", default=None)


@contextmanager
def acting(member: Member | None, survey: str = EVERY_SURVEY) -> Iterator[None]:
    """All that is done within is done by a member, in the survey of an address or in none.

    None is the operator: a walk through a questionnaire goes on in an installation of its own.
    """
    before = _at_work.set(_AtWork(member, survey) if member else None)
    try:
        yield
    finally:
        _at_work.reset(before)


def needs(*roles: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """A use case for members with one of these roles in the survey that it is about; `ADMIN` is held in none.

    An argument may name that survey (`survey`, or a value that has one: a wave, a preparation); left empty it is
    for administrators alone. Otherwise it is the survey in which they act. Refuses as `check_held` does, before
    anything is read.
    """

    def guard(use_case: Callable[P, R]) -> Callable[P, R]:
        NEEDED[f"{use_case.__module__.removeprefix('surveyapp.')}.{use_case.__name__}"] = roles
        place = _place_of_survey(use_case)

        @wraps(use_case)
        def guarded(*args: P.args, **values: P.kwargs) -> R:
            if (at_work := _at_work.get()) is None:
                return use_case(*args, **values)
            check_held(at_work.member, roles, _survey_in(place, args, values) if place else at_work.survey)
            before = _at_work.set(_AtWork(at_work.member, at_work.survey, roles))
            try:
                return use_case(*args, **values)
            finally:
                _at_work.reset(before)

        return guarded

    return guard


def check_may(roles: Sequence[str], survey: str) -> None:
    """Refuse as `needs` does: for what is for other roles each time, as asking for a job of some kind."""
    if (at_work := _at_work.get()) is not None:
        check_held(at_work.member, roles, survey)


def check_own(account: bytes) -> None:
    """Raise `NotAllowed` if who is at work neither has this account nor keeps the accounts."""
    if (at_work := _at_work.get()) is not None and at_work.member.id != account:
        check_held(at_work.member, (ADMIN,), EVERY_SURVEY)


def may_know(survey: str) -> bool:
    """Whether who is at work may be told that a survey is there: with any role in it, or as who keeps accounts."""
    at_work = _at_work.get()
    return at_work is None or at_work.member.is_admin or bool(at_work.member.roles.get(survey))


def check_part_in(survey: str, what: str) -> None:
    """Raise `NotFound` for something of another survey, if who is at work has no role there for what they do.

    For what a use case knows by its name alone, as a wave: asked where the name is looked up.
    """
    at_work = _at_work.get()
    if at_work is not None and survey != at_work.survey and not at_work.member.has(survey, *at_work.let_in):
        raise NotFound(f"there is no {what} in the survey {at_work.survey}" if at_work.survey else f"no {what}")


def check_held(member: Member, roles: Sequence[str], survey: str) -> None:
    """Raise `NotFound` for a survey in which a member has no role, `NotAllowed` for a lack of the right one."""
    if member.has(survey, *roles) or (ADMIN in roles and member.is_admin):
        return
    if survey and survey not in member.roles:
        raise NotFound("there is no such survey, or you have no part in it")
    raise _refusal(roles, survey)


def _refusal(roles: Sequence[str], survey: str) -> NotAllowed:
    if OPERATOR in roles:
        return NotAllowed("This is for whoever looks after the server, at its command line.")
    wanted = " or ".join(role.replace("_", " ") for role in roles if role in ROLES)
    if not wanted or (not survey and ADMIN in roles):
        return NotAllowed("This is for those who keep the accounts.")
    where = f"in the survey {survey}" if survey else "in a survey"
    return NotAllowed(f"This needs the role {wanted} {where}. An administrator can give it.")


def _place_of_survey(use_case: Callable[..., Any]) -> tuple[int, str] | None:
    """Which argument has the survey, by its position and its name."""
    for position, one in enumerate(signature(use_case).parameters.values()):
        kinds = get_args(one.annotation) or (one.annotation,)
        if one.name == "survey" or any("survey" in getattr(kind, "__dataclass_fields__", ()) for kind in kinds):
            return position, one.name
    return None


def _survey_in(place: tuple[int, str], args: tuple[Any, ...], values: Mapping[str, Any]) -> str:
    position, name = place
    given = args[position] if position < len(args) else values.get(name)
    return getattr(given, "survey", given) or EVERY_SURVEY
