"""One's own account: name, password, second factor, sessions, and what one may do."""

from collections.abc import Sequence
from datetime import UTC, datetime

from flask import Blueprint, redirect, render_template, session, url_for
from flask.typing import ResponseReturnValue
from wtforms import PasswordField, StringField

from surveyapp import admitting, staffing
from surveyapp.problems import NotAdmitted, Refused
from surveyapp.roles import ROLES, sees_both
from surveyapp.staffing import By
from surveyapp.web.staff import doors
from surveyapp.web.staff.devices import porch, remember
from surveyapp.web.staff.doors import SIGNED_IN, Desk, Door
from surveyapp.web.staff.pages import Form, go

pages = Blueprint("mine", __name__, url_prefix="/me")
door = Door(pages)


class Mine(Form):
    """What may be changed on one's own account; each part of the page sends its own fields."""

    name = StringField("Your name")
    present = PasswordField("Your password now")
    password = PasswordField("New password")


class Again(Form):
    """The password, to confirm something."""

    password = PasswordField("Your password")


@door.get("", SIGNED_IN)
def index(desk: Desk) -> ResponseReturnValue:
    """One's own account."""
    return _page(desk, Mine(name=desk.member.name))


@door.post("/name", SIGNED_IN, act="own-name", within=True)
def rename(desk: Desk) -> ResponseReturnValue:
    """Change one's own name."""
    form = Mine()
    try:
        by = By(desk.member.email, desk.office.now())
        staffing.rename(desk.db, desk.member.id, form.name.data or "", by)
    except Refused as refused:
        return _page(desk, form, form.take(refused)), 400
    return go("mine.index", "Your name was changed.")


@door.post("/password", SIGNED_IN, act="password-change", within=True)
def change_password(desk: Desk) -> ResponseReturnValue:
    """Change one's own password; every other session ends."""
    form = Mine()
    form.name.data = desk.member.name
    present, password = form.present.data or "", form.password.data or ""
    try:
        entered = admitting.change_password(porch(desk.office), session["token"], present, password)
    except Refused as refused:
        return _page(desk, form, form.take(refused)), 400
    except NotAdmitted as refusal:
        form.present.errors = [str(refusal)]
        return _page(desk, form), 429
    session.clear()
    doors.come_in(entered.token, desk.office.now())
    remember(desk.office, desk.member.id)
    return go("mine.index", "Your password was changed. Every other session of yours has ended.")


@door.post("/sessions", SIGNED_IN, act="sessions-end", within=True)
def end_others(desk: Desk) -> ResponseReturnValue:
    """End every session but this one."""
    count = admitting.end_others(porch(desk.office), session["token"])
    ended = f"{count} other session{'' if count == 1 else 's'} of yours ended."
    return go("mine.index", ended if count else "There was no other session of yours.")


@door.get("/recovery-codes", SIGNED_IN)
def spares(desk: Desk) -> ResponseReturnValue:
    """Ask for the password before new recovery codes are made."""
    return _spares(desk, Again())


@door.post("/recovery-codes", SIGNED_IN, act="spares-make", within=True)
def make_spares(desk: Desk) -> ResponseReturnValue:
    """Make new recovery codes."""
    form = Again()
    try:
        made = admitting.new_spares(porch(desk.office), session["token"], form.password.data or "")
    except Refused as refused:
        return _spares(desk, form, form.take(refused)), 400
    except NotAdmitted as refusal:
        form.password.errors = [str(refusal)]
        return _spares(desk, form), 429
    session["spares"], session["then"] = made, "/me"
    return redirect(url_for("entrance.spares"), 303)


def _spares(desk: Desk, form: Again, more: Sequence[str] = ()) -> str:
    left = admitting.spares_left(desk.db, desk.member.id)
    return render_template("staff/my_spares.html", form=form, more=more, left=left)


def _page(desk: Desk, form: Mine, more: Sequence[str] = ()) -> str:
    begun = admitting.sessions(porch(desk.office), session["token"])
    return render_template(
        "staff/mine.html",
        form=form,
        more=more,
        sessions=[(f"{datetime.fromtimestamp(at, UTC):%-d %B %Y, %H:%M} UTC", own) for at, own in begun],
        left=admitting.spares_left(desk.db, desk.member.id),
        roles=ROLES,
        both=sees_both(desk.member.roles),
    )
