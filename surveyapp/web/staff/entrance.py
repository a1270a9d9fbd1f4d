"""Coming in: e-mail and password, the second factor, the links that letters bring."""

from collections.abc import Callable
from urllib.parse import urlsplit

from flask import Blueprint, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from wtforms import EmailField, HiddenField, PasswordField, StringField
from wtforms.validators import InputRequired

from surveyapp import admitting, privacy, staffing
from surveyapp.admitting import Entered, ShutOut, UnknownLink
from surveyapp.problems import NotAdmitted, Refused
from surveyapp.web.staff import doors
from surveyapp.web.staff.devices import porch, remember
from surveyapp.web.staff.doors import ANYONE, SIGNED_IN, Desk, Door
from surveyapp.web.staff.pages import Form, go
from surveyapp.working import resets
from surveyapp.working.queue import carry_out

pages = Blueprint("entrance", __name__)
door = Door(pages)

LONGEST_PATH = 200
"""Characters of a page to come back to, which waits in the cookie."""


# ── e-mail and password ──────────────────────────────────────────────────────


class SignIn(Form):
    """What lets somebody in."""

    email = EmailField("E-mail address", [InputRequired("Enter your e-mail address")])
    password = PasswordField("Password", [InputRequired("Enter your password")])
    then = HiddenField()


@door.get("/sign-in", ANYONE)
def sign_in(desk: Desk) -> ResponseReturnValue:
    """The form; on a new site, how the first account is made."""
    return _sign_in(desk, SignIn(then=_local(request.args.get("then", ""))))


@door.post("/sign-in", ANYONE, act="signed-in", within=True)
def come_in(desk: Desk) -> ResponseReturnValue:
    """Let somebody in whose password fits."""
    form = SignIn()
    if not form.validate_on_submit():
        return _sign_in(desk, form), 400
    try:
        entered = admitting.enter(porch(desk.office), form.email.data or "", form.password.data or "")
    except NotAdmitted as refusal:
        form.password.errors = [str(refusal)]
        return _sign_in(desk, form), _status(refusal)
    if before := session.get("token"):  # somebody signs in again
        staffing.end_session(desk.db, before)
    return _go_on(desk, entered, _local(form.then.data))


def _sign_in(desk: Desk, form: SignIn) -> str:
    return render_template("staff/sign_in.html", form=form, new=staffing.has_no_account(desk.db))


def _status(refusal: NotAdmitted) -> int:
    return 429 if isinstance(refusal, ShutOut) else 403


def _go_on(desk: Desk, entered: Entered, then: str, said: str = "") -> ResponseReturnValue:
    """After a step: a fresh cookie with the new token; the page that was asked for, or the second factor first."""
    session.clear()
    session["token"] = entered.token
    if said:
        session["said"] = said
    if entered.done:
        doors.come_in(entered.token, desk.office.now())
        remember(desk.office, entered.account)
        return redirect(request.script_root + then, 303)
    session["then"] = then
    return redirect(url_for("entrance.second"), 303)


def _local(then: str | None) -> str:
    """A page of ours to go to, whatever was asked: the first one in place of another site's."""
    try:
        there = urlsplit(then or "/")
    except ValueError:
        return "/"
    ours = (
        not there.scheme and not there.netloc and there.path.startswith("/") and not (then or "").startswith("//")
    )
    plain = (then or "").isascii() and (then or "").isprintable() and len(then or "") <= LONGEST_PATH
    if not ours or not plain or "\\" in there.path:
        return "/"
    return f"{there.path}?{there.query}" if there.query else there.path


@door.post("/sign-out", SIGNED_IN, act="signed-out")
def sign_out(desk: Desk) -> ResponseReturnValue:
    """End the session."""
    staffing.end_session(desk.db, session["token"])
    session.clear()
    return go("entrance.sign_in", "You have signed out.")


# ── the second factor ────────────────────────────────────────────────────────


class Second(Form):
    """The code of an app."""

    code = StringField("Code from your app", [InputRequired("Enter the code that your app shows")])


class Spare(Form):
    """A recovery code."""

    code = StringField("Recovery code", [InputRequired("Enter one of your recovery codes")])


@door.get("/second", SIGNED_IN)
def second(desk: Desk) -> ResponseReturnValue:
    """Ask for the code of the second factor."""
    if not desk.member.has_second or desk.member.second:
        return redirect(url_for("home.index"))
    return render_template("staff/second.html", form=Second())


@door.post("/second", SIGNED_IN, act="signed-in", within=True)
def show_second(desk: Desk) -> ResponseReturnValue:
    """Take the code."""
    return _take(desk, Second(), "staff/second.html", admitting.show_second)


@door.get("/second/recovery", SIGNED_IN)
def spare(desk: Desk) -> ResponseReturnValue:
    """Ask for a recovery code."""
    if not desk.member.has_second or desk.member.second:
        return redirect(url_for("home.index"))
    return render_template("staff/spare.html", form=Spare())


@door.post("/second/recovery", SIGNED_IN, act="spare-use", within=True)
def show_spare(desk: Desk) -> ResponseReturnValue:
    """Take a recovery code."""
    return _take(desk, Spare(), "staff/spare.html", admitting.show_spare)


def _take(
    desk: Desk, form: Second | Spare, page: str, show: Callable[..., Entered | tuple[Entered, int]]
) -> ResponseReturnValue:
    if not form.validate_on_submit():
        return render_template(page, form=form), 400
    try:
        shown = show(porch(desk.office), session["token"], form.code.data or "")
    except NotAdmitted as refusal:
        form.code.errors = [str(refusal)]
        return render_template(page, form=form), _status(refusal)
    entered, said = (shown, "") if isinstance(shown, Entered) else (shown[0], _left(shown[1]))
    return _go_on(desk, entered, session.get("then", "/"), said)


def _left(count: int) -> str:
    left = f"You have {count} recovery code{'' if count == 1 else 's'} left."
    return f"{left} Make new ones on the page of your account, or set up a new second factor there."


class SetUp(Form):
    """A code that shows that an app has the secret, and the password of somebody who has been in for a while."""

    code = StringField("Code that the app shows", [InputRequired("Enter the code that your app shows")])
    password = PasswordField("Your password")


@door.get("/second/set-up", SIGNED_IN)
def set_up(desk: Desk) -> ResponseReturnValue:
    """A secret for an authenticator app, as a picture and as text; it is kept once a code of it is shown."""
    admitting.check_may_set_up(porch(desk.office), session["token"])
    session.setdefault("secret", privacy.new_second())
    return _set_up(desk, SetUp())


@door.post("/second/set-up", SIGNED_IN, act="second-set", within=True)
def confirm_second(desk: Desk) -> ResponseReturnValue:
    """Keep the secret if the app shows its codes."""
    form, secret = SetUp(), session.get("secret")
    if secret is None:
        return redirect(url_for("entrance.set_up"), 303)
    if not form.validate_on_submit():
        return _set_up(desk, form), 400
    at, code, password = porch(desk.office), form.code.data or "", form.password.data or ""
    try:
        entered, spares = admitting.set_up(at, session["token"], secret, code, password)
    except Refused as refused:
        return _set_up(desk, form, form.take(refused)), 400
    except ShutOut as refusal:
        form.password.errors = [str(refusal)]
        return _set_up(desk, form), 429
    then = session.get("then", "/")
    response = _go_on(desk, entered, "/second/recovery-codes")
    session["spares"], session["then"] = spares, then
    return response


def _set_up(desk: Desk, form: SetUp, more: list[str] | None = None) -> str:
    secret = session["secret"]
    address = privacy.second_address(secret, desk.member.email, f"{request.host} surveys")
    side, path = _picture(address)
    return render_template(
        "staff/set_up.html",
        form=form,
        more=more or (),
        asks=admitting.asks_password(desk.member),
        side=side,
        path=path,
        groups=[secret[i : i + 4] for i in range(0, len(secret), 4)],
    )


def _picture(text: str) -> tuple[int, str]:
    """A QR code for an SVG made of attributes: its side in modules, quiet zone and all, and the dark path."""
    import segno  # here: few pages need it

    rows = segno.make(text, error="m", micro=False).matrix
    dark = [f"M{x + 4} {y + 4}h1v1h-1z" for y, row in enumerate(rows) for x, module in enumerate(row) if module]
    return len(rows) + 8, "".join(dark)


@door.get("/second/recovery-codes", SIGNED_IN)
def spares(desk: Desk) -> ResponseReturnValue:
    """The new recovery codes, until they are said to be kept; afterwards nobody can show them."""
    return render_template("staff/spares.html", spares=session.get("spares", ()))


@door.ask("/second/recovery-codes", SIGNED_IN)
def keep_spares(desk: Desk) -> ResponseReturnValue:
    """Forget the recovery codes that were shown."""
    session.pop("spares", None)
    return redirect(request.script_root + _local(session.pop("then", "/")), 303)


# ── links in letters ─────────────────────────────────────────────────────────


class Code(Form):
    """The code of a link, for whoever types it."""

    code = StringField("Code from the letter", [InputRequired("Enter the code from the letter")])


class Welcome(Form):
    """What an account begins with."""

    name = StringField("Your name")
    password = PasswordField("New password", [InputRequired("Enter a new password")])


@door.get("/welcome", ANYONE)
def welcome(desk: Desk) -> ResponseReturnValue:
    """Where the links in letters lead: their code stands after the #, which no browser sends and no log holds."""
    return render_template("staff/welcome.html", form=Code())


@door.ask("/welcome", ANYONE)
def show_code(desk: Desk) -> ResponseReturnValue:
    """Take the code of a link, and keep it in the sealed cookie until it is used."""
    form = Code()
    if not form.validate_on_submit():
        return render_template("staff/welcome.html", form=form), 400
    try:
        admitting.read_link(desk.db, form.code.data or "", desk.office.now())
    except UnknownLink as refusal:
        form.code.errors = [_sentence(refusal)]
        return render_template("staff/welcome.html", form=form), 400
    session.clear()
    session["link"] = form.code.data
    return redirect(url_for("entrance.new_password"), 303)


@door.get("/welcome/password", ANYONE)
def new_password(desk: Desk) -> ResponseReturnValue:
    """Ask for a name and a new password."""
    try:
        link = admitting.read_link(desk.db, session.get("link", ""), desk.office.now())
    except UnknownLink:
        return redirect(url_for("entrance.welcome"))
    return render_template("staff/new_password.html", form=Welcome(name=_name(link)), link=link)


@door.post("/welcome/password", ANYONE, act="password-set", within=True)
def take_password(desk: Desk) -> ResponseReturnValue:
    """Set name and password; the link is used up."""
    form, code = Welcome(), session.get("link", "")
    try:
        link = admitting.read_link(desk.db, code, desk.office.now())
        if not form.validate_on_submit():
            return render_template("staff/new_password.html", form=form, link=link), 400
        account = admitting.account_of_link(desk.db, code, desk.office.now())
        entered = admitting.use_link(porch(desk.office), code, form.name.data or "", form.password.data or "")
    except UnknownLink as refusal:
        code_form = Code(formdata=None)
        code_form.code.errors = [_sentence(refusal)]
        return render_template("staff/welcome.html", form=code_form), 400
    except Refused as refused:
        return render_template("staff/new_password.html", form=form, link=link, more=form.take(refused)), 400
    remember(desk.office, account)  # whoever reads the letters of an account has a browser of it
    if entered:
        return _go_on(desk, entered, "/")
    session.clear()
    return go("entrance.sign_in", "Your password is set. Sign in with it.")


def _name(link: admitting.Link) -> str:
    return "" if link.name == link.email else link.name


def _sentence(refusal: Exception) -> str:
    words = str(refusal)
    return words[:1].upper() + words[1:]


class Forgotten(Form):
    """Who has forgotten a password."""

    email = EmailField("E-mail address", [InputRequired("Enter your e-mail address")])


@door.get("/forgotten", ANYONE)
def forgotten(desk: Desk) -> ResponseReturnValue:
    """Ask for the address to send a link to."""
    return render_template("staff/forgotten.html", form=Forgotten())


@door.ask("/forgotten", ANYONE)
def send_link(desk: Desk) -> ResponseReturnValue:
    """Say that a letter goes out if there is such an account; whether there is, nobody waits to find out."""
    form = Forgotten()
    if not form.validate_on_submit():
        return render_template("staff/forgotten.html", form=form), 400
    at, email = desk.office, (form.email.data or "").strip().lower()
    if task := resets.want(porch(at), at.home, email, desk.today, at.now):
        at.letters.put(lambda: carry_out(task))
    said = f"If there is an account with the address {email[:100]}, a letter with a link is on its way to it."
    return go("entrance.sign_in", f"{said} Wait some minutes before you ask again.")
