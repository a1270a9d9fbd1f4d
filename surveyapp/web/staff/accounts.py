"""Accounts: who is on the staff, and with which roles in which survey."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue
from wtforms import EmailField, StringField
from wtforms.validators import InputRequired

from surveyapp import admitting, staffing
from surveyapp.problems import Problem, Refused, SurveyError
from surveyapp.roles import ADMIN, EVERY_SURVEY, ROLES, sees_both
from surveyapp.staffing import By, Person
from surveyapp.web.staff.doors import Desk, Door
from surveyapp.web.staff.pages import Form, go
from surveyapp.working import resets

pages = Blueprint("accounts", __name__, url_prefix="/accounts")
door = Door(pages)

STATES = (staffing.IN_USE, staffing.INVITED, staffing.DISABLED)

Held = Mapping[str, frozenset[str]]


class Newcomer(Form):
    """A new account, but for its roles."""

    email = EmailField("E-mail address", [InputRequired("Enter the e-mail address")])
    name = StringField("Name")
    survey = StringField("Another survey")


class Changes(Form):
    """What may be changed on an account; the roles are boxes of their own."""

    name = StringField("Name")
    survey = StringField("Another survey")
    typed = StringField("E-mail address of the account")


# ── the list ─────────────────────────────────────────────────────────────────


@door.get("", ADMIN)
def index(desk: Desk) -> ResponseReturnValue:
    """The accounts of the installation, all or those that are looked for."""
    everybody = staffing.people(desk.db, desk.office.now())
    find, state, survey = (request.args.get(name, "").strip()[:100] for name in ("find", "state", "survey"))
    shown = [person for person in everybody if _fits(person, find.lower(), state, survey)]
    return render_template(
        "staff/accounts.html",
        people=shown,
        number=len(everybody),
        find=find,
        state=state,
        survey=survey,
        states=STATES,
        surveys=staffing.surveys(desk.db),
        both={person.account.id: sees_both(person.roles) for person in shown},
    )


def _fits(person: Person, find: str, state: str, survey: str) -> bool:
    named = find in person.account.email or find in person.account.name.lower()
    return named and state in {"", person.state} and (not survey or survey in person.roles)


# ── a new one ────────────────────────────────────────────────────────────────


@door.get("/new", ADMIN)
def new(desk: Desk) -> ResponseReturnValue:
    """The form of a new account."""
    return _new(desk, Newcomer(), {})


@door.post("/new", ADMIN, act="account-add", within=True)
def add(desk: Desk) -> ResponseReturnValue:
    """Add an account, and send it its invitation."""
    form, by = Newcomer(), _by(desk)
    try:
        roles = _roles_typed()
        if not form.validate_on_submit():
            return _new(desk, form, roles), 400
        email, name = form.email.data or "", form.name.data or ""
        account = staffing.add_account(desk.db, email, name, roles, desk.today, by=by)
    except Refused as refused:
        return _new(desk, form, _ticked(), form.take(refused)), 400
    return go(
        "accounts.one", f"The account was added. {_invite(desk, account.email, by)}", account=account.id.hex()
    )


def _new(desk: Desk, form: Newcomer, roles: Held, more: Sequence[str] = ()) -> str:
    grid = _grid(desk, roles)
    return render_template("staff/account_new.html", form=form, more=more, roles=ROLES, grid=grid, held=roles)


def _invite(desk: Desk, email: str, by: By) -> str:
    """Send an invitation; what became of it, in a sentence."""
    try:
        post = resets.post(desk.home)
        admitting.send_invitation(desk.db, post, email, by)
    except SurveyError as error:
        return f"The letter was not sent: {error}. Put that right and send it again."
    return f"A letter with a link that works for 7 days is in {post.transport}."


# ── one account ──────────────────────────────────────────────────────────────


@door.get("/<hex:account>", ADMIN)
def one(desk: Desk, account: str) -> ResponseReturnValue:
    """An account: its name, its roles, and what can be done with it."""
    person = _person(desk, account)
    return _one(desk, person, Changes(name=person.account.name), person.roles)


@door.post("/<hex:account>/name", ADMIN, act="account-rename", within=True)
def rename(desk: Desk, account: str) -> ResponseReturnValue:
    """Write another name on it."""
    form, person = Changes(), _person(desk, account)
    try:
        staffing.rename(desk.db, person.account.id, form.name.data or "", _by(desk))
    except Refused as refused:
        return _one(desk, person, form, person.roles, form.take(refused)), 400
    return go("accounts.one", "The name was changed.", account=account)


@door.post("/<hex:account>/roles", ADMIN, act="roles-change", within=True)
def change_roles(desk: Desk, account: str) -> ResponseReturnValue:
    """Give it the roles that are ticked, and no others."""
    form, person = Changes(name=""), _person(desk, account)
    try:
        staffing.set_roles(desk.db, person.account.id, _roles_typed(), _by(desk))
    except Refused as refused:
        form.name.data = person.account.name
        return _one(desk, person, form, _ticked(), form.take(refused)), 400
    return go("accounts.one", "The roles were changed.", account=account)


@door.post("/<hex:account>/invitation", ADMIN, act="invitation-make", within=True)
def invite(desk: Desk, account: str) -> ResponseReturnValue:
    """Send the invitation again."""
    person = _person(desk, account)
    return go("accounts.one", _invite(desk, person.account.email, _by(desk)), account=account)


@door.post("/<hex:account>/disabled", ADMIN, act="account-disable", within=True, fresh="accounts.one")
def disable(desk: Desk, account: str) -> ResponseReturnValue:
    """Let it in no more."""
    person = _person(desk, account)
    staffing.disable(desk.db, person.account.id, desk.today, _by(desk))
    return go("accounts.one", "The account is disabled. Its sessions have ended.", account=account)


@door.post("/<hex:account>/enabled", ADMIN, act="account-enable", within=True)
def enable(desk: Desk, account: str) -> ResponseReturnValue:
    """Let it in again."""
    person = _person(desk, account)
    staffing.enable(desk.db, person.account.id, _by(desk))
    return go("accounts.one", "The account is in use again.", account=account)


@door.post("/<hex:account>/second", ADMIN, act="second-take", within=True, fresh="accounts.one")
def take_second(desk: Desk, account: str) -> ResponseReturnValue:
    """Take away a second factor that was lost."""
    form, person = Changes(), _person(desk, account)
    try:
        staffing.take_second(desk.db, person.account.id, form.typed.data or "", _by(desk))
    except Refused as refused:
        form.name.data = person.account.name
        return _one(desk, person, form, person.roles, form.take(refused)), 400
    said = "The second factor was taken away. At the next sign-in another is set up if a role needs one."
    return go("accounts.one", said, account=account)


def _person(desk: Desk, account: str) -> Person:
    return staffing.person(desk.db, bytes.fromhex(account), desk.office.now())


def _by(desk: Desk) -> By:
    return By(desk.member.email, desk.office.now())


def _one(desk: Desk, person: Person, form: Changes, held: Held, more: Sequence[str] = ()) -> str:
    return render_template(
        "staff/account.html",
        person=person,
        account=person.account,
        form=form,
        more=more,
        roles=ROLES,
        grid=_grid(desk, held),
        held=held,
        both=sees_both(person.roles),
        own=person.account.id == desk.member.id,
    )


# ── the grid of roles ────────────────────────────────────────────────────────


def _grid(desk: Desk, held: Held) -> list[str]:
    """The surveys that have a row of boxes."""
    return sorted({*staffing.surveys(desk.db), *held} - {EVERY_SURVEY})


def _ticked() -> Held:
    """The boxes as they were sent, by survey."""
    found: dict[str, set[str]] = defaultdict(set)
    for value in request.form.getlist("duty"):
        survey, _, role = value.partition(":")
        if survey:
            found[survey].add(role)
    if request.form.get("admin"):
        found[EVERY_SURVEY].add(ADMIN)
    return {survey: frozenset(roles) for survey, roles in found.items()}


def _roles_typed() -> Held:
    """The boxes, and those of the new survey. Raises `Refused` if one of its two halves is missing."""
    roles, survey = dict(_ticked()), request.form.get("survey", "").strip()
    more = frozenset(request.form.getlist("new"))
    if survey and not more:
        what = "no role is ticked for the other survey"
        raise Refused([Problem("survey", what, "tick one, or leave its name empty")])
    if more and not survey:
        raise Refused(
            [Problem("survey", "the name of the other survey is missing", "enter it, or untick its roles")]
        )
    if survey:
        roles[survey] = roles.get(survey, frozenset()) | more
    return roles
