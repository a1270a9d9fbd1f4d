"""The organisations of a wave, for its managers: who is not yet in, one unit's page, bounces, a newer list.

A unit never stands in an address: it comes as a value of a query or of a form, and so stays out of the trail.
"""

import base64
import hashlib
import re
import zlib
from binascii import Error as NotBase64
from collections.abc import Sequence
from urllib.parse import urlencode

from flask import Blueprint, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_wtf.file import FileField, FileRequired
from wtforms import HiddenField, RadioField, SelectField, StringField, TextAreaField
from wtforms.validators import InputRequired

from surveyapp import framing, working, writing
from surveyapp.fieldwork import DISPOSITIONS, read_bounces, takes_answers
from surveyapp.frames import changes
from surveyapp.framing import Plan, Reading
from surveyapp.problems import NotFound, Problem, Refused, SurveyError
from surveyapp.roles import MANAGER
from surveyapp.storage.frames import Listed
from surveyapp.templates import STAGES
from surveyapp.web.staff.doors import Desk, Door
from surveyapp.web.staff.pages import Form, go

pages = Blueprint("units", __name__, url_prefix="/surveys/<slug:survey>/waves/<slug:wave>/organisations")
door = Door(pages)

STATES = {
    "": "Everybody",
    "not-yet-in": "Not yet in",
    "answered": "Answered",
    "to-invite": "To be invited",
    "no-address": "No address",
    "refused": "Refused",
    "undeliverable": "Undeliverable",
    "out-of-scope": "Out of scope",
    "not-drawn": "Not drawn into the sample",
}
"""What the list can be narrowed to, and what it is called."""


class Contact(Form):
    """Whom a unit's letters are for, and where they go."""

    unit = HiddenField()
    contact = StringField("Contact")
    email = StringField("E-mail address")


class Noted(Form):
    """What became of a unit that does not answer."""

    unit = HiddenField()
    disposition = RadioField(
        "What became of it",
        choices={"": "Nothing: it is asked like the others", **{name: STATES[name] for name in DISPOSITIONS}},
        default="",
    )


class Reminder(Form):
    """Which reminder goes to one unit."""

    unit = HiddenField()
    kind = SelectField(
        "Words", choices={"": "Any reminder", **{stage: f"{stage.capitalize()} reminder" for stage in STAGES}}
    )


class NewCode(Form):
    """A unit's identifier, typed to show that a new code is meant."""

    unit = HiddenField()
    named_code = StringField()


class Removal(Form):
    """A unit's identifier, typed to show that its removal is meant."""

    unit = HiddenField()
    named_removal = StringField()


class Bounces(Form):
    """The file of letters that came back."""

    file = FileField("File (.csv)", [FileRequired("Choose a file")])


class Read(Form):
    """How the file of a newer list is read."""

    sheet = StringField("Sheet of a workbook")
    columns = TextAreaField("Which column is which")
    left_out = TextAreaField("Columns not to keep")
    accepted = TextAreaField("Values that look like a slip and are none")

    def how(self) -> Reading:
        """The settings. Raises `Refused`."""
        pairs = [line.partition("=") for line in _lines(self.columns.data)]
        if wrong := [field for field, sign, _ in pairs if not sign or not _FIELD.fullmatch(field.strip())]:
            do = "write a field and a heading, such as unit=Org ID, one a line"
            raise Refused([Problem("columns", f"“{wrong[0][:40]}” is no field", do)])
        named = {field.strip(): heading.strip() for field, _, heading in pairs}
        sheet = (self.sheet.data or "").strip()
        return Reading(sheet, named, _lines(self.left_out.data), _lines(self.accepted.data))


_FIELD = re.compile("[a-z][a-z0-9_]{0,39}")


def _lines(text: str | None) -> list[str]:
    return [line.strip() for line in (text or "").splitlines() if line.strip()]


class Newer(Read):
    """A newer list."""

    file = FileField("Frame (.csv or .xlsx)", [FileRequired("Choose a file")])


class Apply(Read):
    """A newer list whose changes were shown: its file packed, and the mark of what was shown."""

    name = HiddenField(validators=[InputRequired()])
    content = HiddenField(validators=[InputRequired()])
    seen = HiddenField()


# ── the list ─────────────────────────────────────────────────────────────────


@door.get("", MANAGER)
def index(desk: Desk) -> ResponseReturnValue:
    """The organisations with the words `q`, in the state `state`, a page at a time."""
    words, state = request.args.get("q", "")[:200], request.args.get("state", "")
    state = state if state in STATES else ""
    page = max(request.args.get("page", 1, type=int), 1)
    number, found = framing.sought(desk.db, desk.wave.name, words, state, page)
    return render_template(
        "staff/units.html",
        found=found,
        number=number,
        words=words,
        state=state,
        states=STATES,
        page=page,
        last=-(-number // framing.PAGE),
        first=(page - 1) * framing.PAGE,
        said_of=said_of,
        taking=_taking(desk),
    )


def said_of(found: Listed) -> str:
    """Where an organisation stands, in words."""
    if found.done:
        return "answered"
    if found.removed:
        return "removed at its wish"
    if found.disposition:
        return found.disposition.replace("-", " ")
    if not found.unit.sampled:
        return "not drawn"
    if found.invited:
        return "not yet in"
    return "to be invited" if found.unit.email else "no address"


def _taking(desk: Desk) -> bool:
    wave = desk.wave
    return takes_answers(wave.state, wave.closes_on, desk.today, wave.paused_on)


# ── one unit ─────────────────────────────────────────────────────────────────


@door.get("/one", MANAGER)
def one(desk: Desk) -> ResponseReturnValue:
    """The unit `unit`: its contact, its letters, and what can be done."""
    return _one(desk, request.args.get("unit", ""))


def _one(desk: Desk, unit: str, *forms: Form, problems: Sequence[str] = ()) -> ResponseReturnValue:
    found = _found(desk, unit)
    filled = {type(form): form for form in forms}
    contact = Contact(None, unit=unit, contact=found.unit.contact, email=found.unit.email)
    noted, by_unit = Noted(None, unit=unit, disposition=found.disposition), {"unit": unit}
    fresh = (contact, noted, Reminder(None, **by_unit), NewCode(None, **by_unit), Removal(None, **by_unit))
    own = {type(form).__name__.lower(): filled.get(type(form), form) for form in fresh}
    return render_template(
        "staff/units_one.html",
        found=found,
        stands=said_of(found),
        letters=writing.listed(desk.db, desk.wave.name, unit=unit),
        problems=problems,
        forms=own,
        wrong=next((form for form in forms if form.errors), None),
        taking=_taking(desk),
        changeable=desk.wave.state == "open",
    ), (400 if forms or problems else 200)


def _found(desk: Desk, unit: str) -> Listed:
    """The unit. Raises `NotFound`, without a list of others in the address of the page."""
    if not unit:
        raise NotFound("choose an organisation from the list")
    return framing.find(desk.db, desk.wave.name, unit)


def _back(desk: Desk, unit: str, said: str) -> ResponseReturnValue:
    session["said"] = said
    return redirect(unit_address(desk.survey, desk.wave.name, unit), 303)


def unit_address(survey: str, wave: str, unit: str) -> str:
    """The address of a unit's page. Not by `url_for`, which keeps what it builds."""
    return f"{url_for('units.one', survey=survey, wave=wave)}?{urlencode({'unit': unit})}"


@door.post("/contact", MANAGER, act="unit-contact")
def contact(desk: Desk) -> ResponseReturnValue:
    """Change whom letters are for, or their address."""
    form = Contact()
    unit = form.unit.data or ""
    _found(desk, unit)
    try:
        framing.change_contact(
            desk.db, desk.wave.name, unit, contact=form.contact.data or "", email=form.email.data or ""
        )
    except Refused as refused:
        return _one(desk, unit, form, problems=form.take(refused))
    return _back(desk, unit, "The contact was changed. The access code stays.")


@door.post("/mark", MANAGER, act="unit-mark")
def mark(desk: Desk) -> ResponseReturnValue:
    """Say what became of a unit, or take that back."""
    form = Noted()
    unit = form.unit.data or ""
    _found(desk, unit)
    if not form.validate_on_submit():
        return _one(desk, unit, form)
    writing.mark_organisation(desk.db, desk.wave.name, unit, form.disposition.data or "", desk.today)
    return _back(desk, unit, "It was noted.")


@door.post("/code", MANAGER, act="unit-code")
def code(desk: Desk) -> ResponseReturnValue:
    """Send a unit a new code; the old one is void, and a draft under it is erased."""
    form = NewCode()
    unit = form.unit.data or ""
    _found(desk, unit)
    if form.named_code.data != unit:
        form.named_code.errors = [f"Type {unit} to send it a new code"]
        return _one(desk, unit, form)
    writing.write_new_code(desk.db, desk.home.outbox_key, desk.wave.name, unit, desk.today)
    _send(desk)
    return _back(desk, unit, "A letter with a new code is on its way. The old code no longer works.")


@door.post("/remind", MANAGER, act="unit-remind")
def remind(desk: Desk) -> ResponseReturnValue:
    """Send a unit a reminder by hand."""
    form = Reminder()
    unit = form.unit.data or ""
    _found(desk, unit)
    if not form.validate_on_submit():
        return _one(desk, unit, form)
    writing.write_reminder(desk.db, desk.home.outbox_key, desk.wave.name, unit, form.kind.data or "", desk.today)
    _send(desk)
    return _back(desk, unit, "A reminder is on its way.")


@door.post("/again", MANAGER, act="unit-letter-again")
def again(desk: Desk) -> ResponseReturnValue:
    """Send again what did not reach a unit, or of which nobody knows."""
    unit = request.form.get("unit", "")
    _found(desk, unit)
    writing.write_again(desk.db, desk.home.outbox_key, desk.wave.name, [unit], desk.today)
    _send(desk)
    return _back(desk, unit, "The letter is on its way again.")


@door.post("/arrived", MANAGER, act="unit-letter-arrived")
def arrived(desk: Desk) -> ResponseReturnValue:
    """Say that a letter of which nobody knew has arrived."""
    unit = request.form.get("unit", "")
    _found(desk, unit)
    writing.mark_sent(desk.db, desk.wave.name, unit, desk.today)
    return _back(desk, unit, "The letter is noted as sent.")


@door.post("/remove", MANAGER, act="unit-remove")
def remove(desk: Desk) -> ResponseReturnValue:
    """Erase a unit's contact, letters, code and draft for good, once its identifier is typed."""
    form = Removal()
    unit = form.unit.data or ""
    _found(desk, unit)
    if form.named_removal.data != unit:
        form.named_removal.errors = [f"Type {unit} to erase its contact"]
        return _one(desk, unit, form)
    framing.remove(desk.db, desk.wave.name, unit)
    return _back(desk, unit, "Contact and letters are erased; it is not written to again.")


def _send(desk: Desk) -> None:
    """Ask for the letters that wait to be sent."""
    who = desk.member.email
    working.ask(desk.db, "letters-send", desk.survey, desk.wave.name, who, desk.office.now())


# ── letters that came back ───────────────────────────────────────────────────


@door.get("/bounces", MANAGER)
def bounces(desk: Desk) -> ResponseReturnValue:
    """Where a file of letters that came back is handed in."""
    return render_template("staff/units_bounces.html", form=Bounces(None), problems=())


@door.post("/bounces", MANAGER, act="bounces-note")
def note_bounces(desk: Desk) -> ResponseReturnValue:
    """Mark the organisations of the file as undeliverable; all of them or none."""
    form = Bounces()
    problems: Sequence[Problem] = ()
    if form.validate_on_submit():
        try:
            returned = read_bounces(form.file.data.read())
            marked = writing.bounced(desk.db, desk.wave.name, returned, desk.today)
        except Refused as refused:
            problems = refused.problems
        else:
            said = f"{len(marked):,} organisation{'' if len(marked) == 1 else 's'} noted as undeliverable."
            return go("units.index", said, survey=desk.survey, wave=desk.wave.name)
    return render_template("staff/units_bounces.html", form=form, problems=problems), 400


# ── a newer list ─────────────────────────────────────────────────────────────


@door.get("/newer", MANAGER)
def newer(desk: Desk) -> ResponseReturnValue:
    """Where a newer list is handed in."""
    return render_template("staff/units_newer.html", form=Newer(None), problems=(), plan=None)


@door.ask("/newer", MANAGER)
def look_at_newer(desk: Desk) -> ResponseReturnValue:
    """What a newer list would change."""
    form = Newer()
    problems: Sequence[Problem] = ()
    if form.validate_on_submit():
        content, name = form.file.data.read(), form.file.data.filename or "frame.csv"
        try:
            plan = framing.preview(desk.db, desk.wave.name, name, content, form.how())
        except Refused as refused:
            problems = refused.problems
        else:
            return _shown(form, name, content, plan)
    return render_template("staff/units_newer.html", form=form, problems=problems, plan=None), 400


def _shown(form: Form, name: str, content: bytes, plan: Plan, again: bool = False) -> ResponseReturnValue:
    kept = {field: form[field].data or "" for field in ("sheet", "columns", "left_out", "accepted")}
    packed = base64.b64encode(zlib.compress(content)).decode()
    apply = Apply(None, name=name, content=packed, seen=_mark(plan), **kept)
    lines = changes(plan.difference)
    return render_template("staff/units_changes.html", form=apply, plan=plan, lines=lines, again=again)


@door.post("/newer/apply", MANAGER, act="frame-load")
def apply_newer(desk: Desk) -> ResponseReturnValue:
    """Bring the frame to what the newer list says; all of it or nothing."""
    form = Apply()
    name, how = form.name.data or "", form.how()
    content = _unpacked(form.content.data or "")
    plan = framing.preview(desk.db, desk.wave.name, name, content, how)
    if _mark(plan) != form.seen.data:
        return _shown(form, name, content, plan, again=True)
    framing.load(desk.db, desk.wave.name, name, content, how)
    return go("units.index", f"The frame was changed: {plan.difference}.", survey=desk.survey, wave=desk.wave.name)


def _mark(plan: Plan) -> str:
    """What was shown, so that nothing else is done."""
    found = plan.difference
    said = "\n".join([*map(str, found.changed), *map(str, found.new), *(unit.unit for unit in found.gone)])
    return hashlib.sha256(said.encode()).hexdigest()


def _unpacked(packed: str) -> bytes:
    """The file as it came. Raises `SurveyError` for what was not packed here."""
    opener = zlib.decompressobj()
    try:
        content = opener.decompress(base64.b64decode(packed, validate=True), framing.MAX_BYTES)
    except (NotBase64, ValueError, zlib.error):
        raise SurveyError("the file did not arrive whole; choose it again") from None
    if opener.unconsumed_tail or not opener.eof:
        raise SurveyError("the file did not arrive whole; choose it again")
    return content
