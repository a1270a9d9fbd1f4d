"""Tokens: what a member lets a script do in a survey, with one role, until a day."""

from datetime import timedelta

from flask import Blueprint, render_template, url_for
from flask.typing import ResponseReturnValue
from wtforms import DateField, RadioField, StringField
from wtforms.validators import InputRequired

from surveyapp import staffing
from surveyapp.problems import Refused
from surveyapp.roles import ANALYST, AUTHOR, MANAGER
from surveyapp.web.staff.doors import Desk, Door
from surveyapp.web.staff.pages import Form, go

pages = Blueprint("tokens", __name__, url_prefix="/surveys/<slug:survey>/tokens")
door = Door(pages)

WHO = (MANAGER, AUTHOR, ANALYST)

ABOUT = {
    MANAGER: "manager: the counts of waves and response rates",
    AUTHOR: "author: versions of the questionnaire, and publishing one",
    ANALYST: "analyst: tables, and data files of closed waves",
}
"""What a script may do with a role."""


class NewToken(Form):
    """What a token is to be good for."""

    label = StringField("What is the script for?", [InputRequired("Say what the script is for")])
    role = RadioField("What may it do?", validators=[InputRequired("Choose what the script may do")])
    until = DateField("Last day", [InputRequired("Enter the last day of the token, such as 31 12 2027")])


@door.get("", *WHO)
def index(desk: Desk) -> ResponseReturnValue:
    """The member's own tokens in this survey, and the form for another."""
    return _page(desk, _form(desk))


@door.post("", *WHO, act="token-make", said=("label", "role", "until"))
def make(desk: Desk) -> ResponseReturnValue:
    """Make a token, and show it this once."""
    form = _form(desk)
    if not form.validate_on_submit():
        return _page(desk, form), 400
    label, day = form.label.data or "", form.until.data or desk.today
    try:
        token = staffing.make_token(desk.db, desk.member, desk.survey, form.role.data, label, day, desk.today)
    except Refused as refused:
        return _page(desk, form, form.take(refused)), 400
    address = url_for("api.waves", survey=desk.survey, _external=True)
    return render_template("staff/token.html", token=token, label=form.label.data, address=address)


@door.post("/<hex:token>/take-back", *WHO, act="token-take")
def take_back(desk: Desk, token: str) -> ResponseReturnValue:
    """Take a token back; `token` is the beginning of the hash that is kept of it."""
    staffing.take_back_token(desk.db, desk.survey, desk.member.id, bytes.fromhex(token))
    return go("tokens.index", "The token is good for nothing any more.", survey=desk.survey)


def _form(desk: Desk) -> NewToken:
    """With the roles that the member has; a token lasts 90 days unless somebody chooses otherwise."""
    form = NewToken(until=desk.today + timedelta(days=90))
    form.role.choices = [(role, ABOUT[role]) for role in WHO if desk.may(role)]
    return form


def _page(desk: Desk, form: NewToken, more: list[str] | None = None) -> str:
    found = staffing.tokens(desk.db, desk.survey, desk.member.id)
    today = desk.today.isoformat()
    return render_template("staff/tokens.html", form=form, more=more or [], tokens=found, today=today)
