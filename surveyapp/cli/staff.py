"""`staff`: accounts, their roles and the trail, for whoever sits at the server. Acts here are in the trail too."""

import json
from collections.abc import Mapping
from typing import Any

import click

from surveyapp.cli.shared import complain, count, database, in_one_line, now, today
from surveyapp.config import Home
from surveyapp.problems import NotFound, SurveyError
from surveyapp.roles import ADMIN, EVERY_SURVEY, ROLES, TERMINAL
from surveyapp.storage.database import Database

_ROLE = click.option(
    "--role",
    "roles",
    multiple=True,
    required=True,
    type=click.Choice([*(role.replace("_", "-") for role in ROLES), ADMIN]),
    help="Repeatable. All but admin are roles in one survey.",
)
_SURVEY = click.option("--survey", default=EVERY_SURVEY, metavar="ID", help="Such as dat; not for admin.")


@click.group("staff")
def staff() -> None:
    """Look after the accounts of staff, and read the trail of what they did."""


@staff.command()
@click.argument("email")
@_ROLE
@_SURVEY
@click.option("--name", default="", help="Of the person; else the address.")
@click.option("--password", "asks", is_flag=True, help="Ask for a password here, in place of a link.")
@click.option(
    "--address",
    envvar="SURVEYAPP_ADDRESS",
    default="http://127.0.0.1:8000",
    metavar="URL",
    show_default=True,
    help="Of the site; else the setting SURVEYAPP_ADDRESS.",
)
@click.pass_obj
def add(home: Home, email: str, roles: tuple[str, ...], survey: str, name: str, asks: bool, address: str) -> None:
    """Add an account, and print the link by which its owner sets a password: it is good once, for a week."""
    from surveyapp import staffing

    given = _by_survey(roles, survey)
    password = click.prompt("Password", hide_input=True, confirmation_prompt=True) if asks else ""
    db, by = database(home), staffing.By(TERMINAL, now())
    account = staffing.add_account(db, email, name, given, today(), password, by)
    click.echo(f"{account.email} is added: {_described(given)}")
    if not asks:
        code = staffing.invitation(db, account.email, now(), by)
        click.echo(f"{address.rstrip('/')}/staff/welcome#{code}")
        complain("Give this link to its owner alone; it lets in whoever opens it first.")


@staff.command("list")
@click.option("--json", "as_json", is_flag=True, help="The same for programmes, as JSON.")
@click.pass_obj
def list_(home: Home, as_json: bool) -> None:
    """List the accounts with their roles."""
    from surveyapp import staffing

    people = staffing.people(database(home), now())
    if as_json:
        click.echo(json.dumps([_person(person) for person in people], indent=1, ensure_ascii=False))
        return
    for person in people:
        factor = "two factors" if person.account.second else "password only"
        click.echo(f"{person.account.email:<32} {person.state:<9} {factor:<14} {_described(person.roles)}")
    if not people:
        complain("There is no account yet; begin with: surveyapp staff add you@example.org --role admin")


def _person(person: Any) -> dict[str, object]:
    account = person.account
    return {
        "email": account.email,
        "name": account.name,
        "state": person.state,
        "made_on": account.made_on,
        "disabled_on": account.disabled_on,
        "second_factor": bool(account.second),
        "roles": {survey: sorted(held) for survey, held in sorted(person.roles.items())},
    }


@staff.command()
@click.argument("email")
@_ROLE
@_SURVEY
@click.pass_obj
def give(home: Home, email: str, roles: tuple[str, ...], survey: str) -> None:
    """Give an account more roles."""
    _change(home, email, _by_survey(roles, survey), more=True)


@staff.command()
@click.argument("email")
@_ROLE
@_SURVEY
@click.pass_obj
def take(home: Home, email: str, roles: tuple[str, ...], survey: str) -> None:
    """Take roles away from an account. The last administrator stays one."""
    _change(home, email, _by_survey(roles, survey), more=False)


def _change(home: Home, email: str, changed: Mapping[str, frozenset[str]], more: bool) -> None:
    from surveyapp import staffing

    db = database(home)
    person = _found(db, email)
    after = dict(person.roles)
    for survey, roles in changed.items():
        held = after.get(survey, frozenset())
        if not more and (missing := roles - held):
            raise SurveyError(
                f"{person.account.email} has no role {', '.join(sorted(missing))} there to take away"
            )
        after[survey] = held | roles if more else held - roles
    kept = {survey: held for survey, held in after.items() if held}
    staffing.set_roles(db, person.account.id, kept, staffing.By(TERMINAL, now()))
    click.echo(f"{person.account.email}: {_described(kept)}")


@staff.command()
@click.argument("email")
@click.pass_obj
def disable(home: Home, email: str) -> None:
    """Let an account in no more; its sessions end, and its tokens for scripts are good for nothing."""
    from surveyapp import staffing

    db = database(home)
    person = _found(db, email)
    staffing.disable(db, person.account.id, today(), staffing.By(TERMINAL, now()))
    click.echo(f"{person.account.email} is disabled")


@staff.command()
@click.argument("email")
@click.pass_obj
def enable(home: Home, email: str) -> None:
    """Let a disabled account in again."""
    from surveyapp import staffing

    db = database(home)
    person = _found(db, email)
    staffing.enable(db, person.account.id, staffing.By(TERMINAL, now()))
    click.echo(f"{person.account.email} is in use")


@staff.command()
@click.option("--survey", default=None, metavar="ID", help="Of one survey alone.")
@click.option("--json", "as_json", is_flag=True, help="A line of JSON for each act.")
@click.pass_obj
def trail(home: Home, survey: str | None, as_json: bool) -> None:
    """Print what staff did, the oldest first, and whether the trail is whole. Exit 1 if it was altered."""
    from surveyapp import staffing
    from surveyapp.storage.trail import Sought

    db = database(home)
    for number, act in reversed(staffing.acts(db, Sought(survey=survey))):
        if as_json:
            click.echo(json.dumps({"number": number, **act.__dict__}, ensure_ascii=False))
        else:
            words = [act.at, act.who, staffing.WHAT.get(act.what, act.what), act.survey, act.object, act.said]
            click.echo(in_one_line("  ".join(filter(None, [str(number), *words]))))
    sound = staffing.soundness(db, ask=True)
    if sound.broken is not None:
        raise SurveyError(f"the trail was altered past this programme at line {sound.broken}")
    complain(f"The trail is whole: {count(sound.lines, 'line')}, the last {sound.last[:16] or '(none)'}")


def _by_survey(roles: tuple[str, ...], survey: str) -> dict[str, frozenset[str]]:
    """Roles as they are given: `admin` in no survey, all others in one."""
    inside = frozenset(role.replace("-", "_") for role in roles if role != ADMIN)
    if inside and not survey:
        raise click.UsageError(f"{', '.join(sorted(inside))} is a role in a survey: add --survey, such as dat")
    if survey and not inside:
        raise click.UsageError("admin is no role in a survey; leave --survey out")
    everywhere = {EVERY_SURVEY: frozenset({ADMIN})} if ADMIN in roles else {}
    return {**everywhere, **({survey: inside} if inside else {})}


def _described(roles: Mapping[str, frozenset[str]]) -> str:
    parts = [f"{survey}: {', '.join(sorted(held))}" for survey, held in sorted(roles.items()) if survey and held]
    if ADMIN in roles.get(EVERY_SURVEY, ()):
        parts.insert(0, ADMIN)
    return "; ".join(part.replace("_", " ") for part in parts) or "no role"


def _found(db: Database, email: str) -> Any:
    from surveyapp import staffing

    address = email.strip().lower()
    for person in staffing.people(db, now()):
        if person.account.email == address:
            return person
    raise NotFound(f"there is no account {email[:100]!r}; see: surveyapp staff list")
