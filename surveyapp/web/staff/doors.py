"""Doors: every page of the staff site says here who may open it, and what its acts are called in the trail.

A view gets a `Desk`: who is at work, in which survey, at which wave. The survey and the wave of an address are
looked up before the view is called: who has no role in a survey, or names a wave of another, finds no such page.
The view acts for its member, and for nobody on a page open to anyone or before the second factor: use cases ask
again (`surveyapp.acting`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import wraps
from typing import Any

from flask import Blueprint, current_app, g, make_response, redirect, request, session, url_for
from flask.typing import ResponseReturnValue

from surveyapp import campaigning, staffing
from surveyapp.acting import acting, check_held
from surveyapp.config import Home
from surveyapp.problems import NotFound, SurveyError
from surveyapp.roles import ROLES, Member
from surveyapp.storage.database import Database
from surveyapp.storage.waves import Wave
from surveyapp.web.staff.postroom import PostRoom

ANYONE, SIGNED_IN = "anyone", "signed in"
"""Who may open a page that belongs to no survey; the third is `ADMIN`."""

ANY_ROLE = tuple(ROLES)

LONGEST_NOTE = 300

FRESH = 600
"""Seconds after a sign-in within which what cannot be taken back may be done."""


class Told:
    """What this process knows to be in the trail today of acts that get one line a day: it need not ask again."""

    def __init__(self) -> None:
        """Nothing yet."""
        self._day = ""
        self._lines: set[tuple[str, ...]] = set()

    def is_new(self, day: str, *line: str) -> bool:
        """Whether a line is the first of its kind on this day in this process; from now on it is not."""
        if day != self._day:
            self._day, self._lines = day, set()
        new = line not in self._lines
        self._lines.add(line)
        return new


@dataclass(frozen=True)
class Office:
    """What the views work with: the installation, the day, the time in seconds, the key of secrets of staff."""

    home: Home
    db: Database
    today: Callable[[], date]
    now: Callable[[], int]
    key: bytes
    secure: bool
    told: Told = field(default_factory=Told)
    letters: PostRoom = field(default_factory=PostRoom)


@dataclass(frozen=True)
class Desk:
    """What lies before somebody at work. `member` is nobody (`Member(b"", "", "")`) on pages open to anyone."""

    office: Office
    member: Member
    survey: str = ""
    _wave: Wave | None = None

    @property
    def db(self) -> Database:
        """The store."""
        return self.office.db

    @property
    def home(self) -> Home:
        """The installation."""
        return self.office.home

    @property
    def today(self) -> date:
        """The day."""
        return self.office.today()

    @property
    def wave(self) -> Wave:
        """The wave of the address."""
        if self._wave is None:
            raise NotFound("this page is not about a wave")
        return self._wave

    def may(self, *roles: str) -> bool:
        """Whether the member has one of these roles in the survey of the address."""
        return self.member.has(self.survey, *roles)


@dataclass(frozen=True)
class Permission:
    """Who may open a page (roles, or ANYONE, SIGNED_IN, ADMIN), and the name of its act, "" if nothing changes.

    `daily` and `within` say how the act comes into the trail, `fresh` that it cannot be undone; see `Door.post`.
    """

    roles: tuple[str, ...]
    act: str = ""
    daily: bool = False
    within: bool = False
    fresh: str = ""


PERMISSIONS: dict[str, Permission] = {}
"""By endpoint; a test finds no page without one."""

NOBODY = Member(b"", "", "")

View = Callable[..., ResponseReturnValue]


class Door:
    """Registers the views of a blueprint, each with who may open it."""

    def __init__(self, pages: Blueprint, by_token: bool = False) -> None:
        """`by_token` is for scripts, which show a token instead of a cookie."""
        self.pages = pages
        self.by_token = by_token
        self.rules: list[tuple[str, str, str]] = []
        """Method, rule and name of the views, in order."""

    def get(self, rule: str, *roles: str) -> Callable[[View], View]:
        """A page that changes nothing, for members with one of `roles`."""
        return self._register("GET", rule, Permission(roles))

    def post(
        self,
        rule: str,
        *roles: str,
        act: str,
        said: tuple[str, ...] = (),
        daily: bool = False,
        within: bool = False,
        fresh: str = "",
    ) -> Callable[[View], View]:
        """An act, for members with one of `roles`: a name of `staffing.ACTS`.

        It stands in the trail before it is done, with the fields `said` of the form; what is refused gets a second
        line. Never name a field here that could hold anything about a respondent, or a secret. A `daily` act is
        done hundreds of times on end, as coding answers is: it gets one line a day, member and object. `within`:
        the use case writes the line itself, in the transaction of the act (`staffing.note`); so do acts that are
        open to anyone, where a line an attempt would let anyone fill the disk. `fresh` is for what cannot be taken
        back, and names the page on which its form stands: whoever signed in longer than `FRESH` ago signs in again
        first, and comes back to that page.
        """
        if act not in staffing.ACTS:
            raise KeyError(f"{act} is not in staffing.ACTS")
        return self._register("POST", rule, Permission(roles, act, daily, within, fresh), said)

    def ask(self, rule: str, *roles: str) -> Callable[[View], View]:
        """A post that changes nothing (a preview, a check), for members with one of `roles`."""
        return self._register("POST", rule, Permission(roles))

    def _register(
        self, method: str, rule: str, permission: Permission, said: tuple[str, ...] = ()
    ) -> Callable[[View], View]:
        def register(view: View) -> View:
            PERMISSIONS[f"{self.pages.name}.{view.__name__}"] = permission
            self.rules.append((method, rule, view.__name__))

            @wraps(view)
            def opened(**values: Any) -> ResponseReturnValue:
                given = dict(values)
                desk = self._desk(permission, values)
                if isinstance(desk, Desk):
                    g.desk = desk
                    if permission.fresh and not _is_fresh(desk.office.now()):
                        return _sign_in_again(permission.fresh, given)
                    with acting(_at_work(desk.member), desk.survey):
                        return _recorded(desk, permission, values, said, lambda: view(desk, **values))
                return desk

            self.pages.add_url_rule(rule, view.__name__, opened, methods=[method])
            return view

        return register

    def _desk(self, permission: Permission, values: dict[str, Any]) -> Desk | ResponseReturnValue:
        """The desk that a page asks for, or the way to the sign-in. Takes survey and wave out of `values`."""
        at = office()
        survey, wave = values.pop("survey", ""), values.pop("wave", "")
        if permission.roles == (ANYONE,):
            return Desk(at, NOBODY)
        member = _bearer(at) if self.by_token else signed_in(at)
        if member is None:
            return _ask_to_sign_in()
        if not self.by_token and (way := _second_first(member)):
            return way
        if permission.roles != (SIGNED_IN,):
            check_held(member, permission.roles, survey)
        with acting(member, survey):
            return Desk(at, member, survey, campaigning.wave_of(at.db, survey, wave) if wave else None)


def _at_work(member: Member) -> Member:
    """By whom what a view does is done: nobody, between the password and the second factor."""
    return member if member.is_through else NOBODY


def office() -> Office:
    """The installation that is served."""
    served: Office = current_app.extensions["staff"]
    return served


def desk() -> Desk:
    """The desk of the page that is being made, for templates and errors."""
    found: Desk | None = g.get("desk")
    if found:
        return found
    try:
        member = signed_in(office())
    except SurveyError:  # the store is away, which this page is about to say
        member = None
    return Desk(office(), _at_work(member) if member else NOBODY)


def signed_in(at: Office) -> Member | None:
    """Whose session this browser is in."""
    token = session.get("token")
    return staffing.member(at.db, token, at.now()) if token else None


def shown_token() -> str:
    """The token that a script shows, "" if it shows none."""
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" else ""


def _bearer(at: Office) -> Member:
    token = shown_token()
    found = staffing.bearer(at.db, token, at.today()) if token else None
    if found is None:
        raise NotAdmittedByToken(
            "the token is missing, is not known or has run out; make one on the page of tokens"
        )
    return found


class NotAdmittedByToken(SurveyError):
    """A script shows no good token."""


class TooOften(SurveyError):
    """A script has asked too often; it may ask again in so many seconds."""

    def __init__(self, message: str, seconds: int) -> None:
        self.seconds = seconds
        super().__init__(message)


def _ask_to_sign_in() -> ResponseReturnValue:
    """Signing in leads back to a page that was asked for; what was posted has to be posted again."""
    if request.method == "GET":
        return redirect(url_for("entrance.sign_in", then=request.full_path.rstrip("?")))
    return redirect(url_for("entrance.sign_in"), 303)


def come_in(token: str, now: int) -> None:
    """Note in the cookie that its browser has just signed in."""
    session["token"], session["since"] = token, now


def _is_fresh(now: int) -> bool:
    return abs(now - int(session.get("since", 0))) <= FRESH


def _sign_in_again(page: str, given: Mapping[str, Any]) -> ResponseReturnValue:
    known = next(current_app.url_map.iter_rules(page)).arguments
    there = url_for(page, **{name: value for name, value in given.items() if name in known})
    session["said"] = "This cannot be taken back, so sign in again first. Then do it once more."
    return redirect(url_for("entrance.sign_in", then=there.removeprefix(request.script_root)), 303)


SHOWING = {"entrance.second", "entrance.show_second", "entrance.spare", "entrance.show_spare", "entrance.sign_out"}
SETTING_UP = {"entrance.set_up", "entrance.confirm_second", "entrance.sign_out"}
"""All that is open between the password and the second factor: to show it, or to set it up."""


def _second_first(member: Member) -> ResponseReturnValue | None:
    """Where somebody goes who still has to show the second factor, or to set it up."""
    if member.is_through or request.endpoint in (SHOWING if member.has_second else SETTING_UP):
        return None
    return redirect(url_for("entrance.second" if member.has_second else "entrance.set_up"), 303)


def _recorded(
    desk: Desk,
    permission: Permission,
    values: Mapping[str, Any],
    said: tuple[str, ...],
    do: Callable[[], ResponseReturnValue],
) -> ResponseReturnValue:
    """Do what a view does, with its line in the trail written before it, and another if it was refused."""
    act = permission.act
    if not act or permission.within:
        return do()
    object_ = " ".join([desk._wave.name if desk._wave else "", *map(str, values.values())]).strip()[:LONGEST_NOTE]
    words = ", ".join(f"{name}: {request.form[name]}" for name in said if request.form.get(name))[:LONGEST_NOTE]
    who = desk.member.email or request.form.get("email", "").strip().lower()[:100]

    def line(more: str) -> None:
        staffing.record(desk.db, desk.office.now(), who, act, desk.survey, object_, more)

    now = desk.office.now()
    if not permission.daily:
        line(words)
    elif desk.office.told.is_new(staffing.moment(now)[:10], who, act, desk.survey, object_):
        staffing.record_daily(desk.db, now, who, act, desk.survey, object_, words)
    try:
        response = make_response(do())
    except Exception as error:
        line(f"was not done ({type(error).__name__})")
        raise
    if response.status_code >= 400:
        line("was not done (the form had faults)")
    return response
