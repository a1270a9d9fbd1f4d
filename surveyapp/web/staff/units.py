"""The organisations of a wave, for its managers: who is not yet in, one unit's page, bounces, a newer list.

A unit never stands in an address: it comes as a value of a query or of a form, and so stays out of the trail.
"""

import re
from collections.abc import Callable, Sequence
from urllib.parse import urlencode

from flask import Blueprint, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_wtf.file import FileField, FileRequired
from wtforms import HiddenField, RadioField, SelectField, StringField, TextAreaField
from wtforms.validators import ValidationError

from surveyapp import framing, working, writing
from surveyapp.fieldwork import DISPOSITIONS, read_bounces, takes_answers
from surveyapp.framing import Reading
from surveyapp.problems import NotFound, Problem, Refused
from surveyapp.retaining import UPLOAD_DAYS
from surveyapp.roles import MANAGER
from surveyapp.storage.frames import Listed
from surveyapp.templates import STAGES
from surveyapp.web.staff.doors import Desk, Door
from surveyapp.web.staff.jobs import HandedIn
from surveyapp.web.staff.pages import Form, go, page_asked
from surveyapp.working import imports

pages = Blueprint("units", __name__, url_prefix="/surveys/<slug:survey>/waves/<slug:wave>/organisations")
door = Door(pages)

SHOWN = 200
"""Problems of a file that the page lists."""

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


class OfUnit(Form):
    """A unit to which something is done."""

    unit = HiddenField()


class Contact(OfUnit):
    """Whom a unit's letters are for, and where they go."""

    contact = StringField("Contact")
    email = StringField("E-mail address")


class Noted(OfUnit):
    """What became of a unit that does not answer."""

    disposition = RadioField(
        "What became of it",
        choices={"": "Nothing: it is asked like the others", **{name: STATES[name] for name in DISPOSITIONS}},
        default="",
    )


class Reminder(OfUnit):
    """Which reminder goes to one unit."""

    kind = SelectField(
        "Words", choices={"": "Any reminder", **{stage: f"{stage.capitalize()} reminder" for stage in STAGES}}
    )


class NewCode(OfUnit):
    """A unit's identifier, typed to show that a new code is meant."""

    named_code = StringField()

    def validate_named_code(self, field: StringField) -> None:
        """The identifier itself, and nothing like it."""
        _check_typed(field, self.unit, "send it a new code")


class Removal(OfUnit):
    """A unit's identifier, typed to show that its removal is meant."""

    named_removal = StringField()

    def validate_named_removal(self, field: StringField) -> None:
        """The identifier itself, and nothing like it."""
        _check_typed(field, self.unit, "erase its contact")


def _check_typed(field: StringField, unit: HiddenField, to: str) -> None:
    if field.data != unit.data:
        raise ValidationError(f"Type {unit.data} to {to}")


class Bounces(Form):
    """The file of letters that came back."""

    file = FileField("File (.csv)", [FileRequired("Choose a file")])


class Newer(Form):
    """A newer list, and how its file is read."""

    file = FileField("Frame (.csv or .xlsx)", [FileRequired("Choose a file")])
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


# ── the list ─────────────────────────────────────────────────────────────────


@door.get("", MANAGER)
def index(desk: Desk) -> ResponseReturnValue:
    """The organisations with the words `q`, in the state `state`, a page at a time."""
    words, state = request.args.get("q", "")[:200], request.args.get("state", "")
    state = state if state in STATES else ""
    page = page_asked()
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


def unit_address(survey: str, wave: str, unit: str) -> str:
    """The address of a unit's page. Not by `url_for`, which keeps what it builds."""
    return f"{url_for('units.one', survey=survey, wave=wave)}?{urlencode({'unit': unit})}"


@door.post("/contact", MANAGER, act="unit-contact")
def contact(desk: Desk) -> ResponseReturnValue:
    """Change whom letters are for, or their address."""
    form = Contact()

    def do(unit: str) -> None:
        given = {"contact": form.contact.data or "", "email": form.email.data or ""}
        framing.change_contact(desk.db, desk.wave.name, unit, **given)

    return _done(desk, form, do, "The contact was changed. The access code stays.")


@door.post("/mark", MANAGER, act="unit-mark")
def mark(desk: Desk) -> ResponseReturnValue:
    """Say what became of a unit, or take that back."""
    form = Noted()

    def do(unit: str) -> None:
        writing.mark_organisation(desk.db, desk.wave.name, unit, form.disposition.data or "", desk.today)

    return _done(desk, form, do, "It was noted.")


@door.post("/code", MANAGER, act="unit-code")
def code(desk: Desk) -> ResponseReturnValue:
    """Send a unit a new code; the old one is void, and a draft under it is erased."""

    def do(unit: str) -> None:
        writing.write_new_code(desk.db, desk.home.outbox_key, desk.wave.name, unit, desk.today)
        _send(desk)

    return _done(desk, NewCode(), do, "A letter with a new code is on its way. The old code no longer works.")


@door.post("/remind", MANAGER, act="unit-remind")
def remind(desk: Desk) -> ResponseReturnValue:
    """Send a unit a reminder by hand."""
    form = Reminder()

    def do(unit: str) -> None:
        kind = form.kind.data or ""
        writing.write_reminder(desk.db, desk.home.outbox_key, desk.wave.name, unit, kind, desk.today)
        _send(desk)

    return _done(desk, form, do, "A reminder is on its way.")


@door.post("/again", MANAGER, act="unit-letter-again")
def again(desk: Desk) -> ResponseReturnValue:
    """Send again what did not reach a unit, or of which nobody knows."""

    def do(unit: str) -> None:
        writing.write_again(desk.db, desk.home.outbox_key, desk.wave.name, [unit], desk.today)
        _send(desk)

    return _done(desk, OfUnit(), do, "The letter is on its way again.")


@door.post("/arrived", MANAGER, act="unit-letter-arrived")
def arrived(desk: Desk) -> ResponseReturnValue:
    """Say that a letter of which nobody knew has arrived."""

    def do(unit: str) -> None:
        writing.mark_sent(desk.db, desk.wave.name, unit, desk.today)

    return _done(desk, OfUnit(), do, "The letter is noted as sent.")


@door.post("/remove", MANAGER, act="unit-remove", fresh="units.index")
def remove(desk: Desk) -> ResponseReturnValue:
    """Erase a unit's contact, letters, code and draft for good, once its identifier is typed."""

    def do(unit: str) -> None:
        framing.remove(desk.db, desk.wave.name, unit)

    return _done(desk, Removal(), do, "Contact and letters are erased; it is not written to again.")


def _done(desk: Desk, form: OfUnit, do: Callable[[str], None], said: str) -> ResponseReturnValue:
    """Do something to the unit of a form and go back to its page, or show there what is wrong."""
    unit = form.unit.data or ""
    _found(desk, unit)
    if not form.validate_on_submit():
        return _one(desk, unit, form)
    try:
        do(unit)
    except Refused as refused:
        return _one(desk, unit, form, problems=form.take(refused))
    session["said"] = said
    return redirect(unit_address(desk.survey, desk.wave.name, unit), 303)


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

NEWER = HandedIn(imports.LOOK_AT_FRAME, imports.LOAD_FRAME, "units.newer_found", "units.newer")


@door.get("/newer", MANAGER)
def newer(desk: Desk) -> ResponseReturnValue:
    """Where a newer list is handed in, and those that were and wait."""
    return _newer(desk, Newer(None))


@door.post("/newer", MANAGER, act="frame-hand-in")
def hand_in_newer(desk: Desk) -> ResponseReturnValue:
    """Take a newer list to be read; nothing is changed by that."""
    form = Newer()
    try:
        if not form.validate_on_submit():
            return _newer(desk, form), 400
        how = form.how()
    except Refused as refused:
        form.take(refused)
        return _newer(desk, form), 400
    kept = {"sheet": how.sheet, "named": how.named, "left_out": how.left_out, "accepted": how.accepted}
    return NEWER.take(desk, imports.File(form.file.data.filename or "frame.csv", form.file.data.read(), kept))


@door.get("/newer/<hex:upload>", MANAGER)
def newer_found(desk: Desk, upload: str) -> ResponseReturnValue:
    """What a newer list would change, or what is wrong with it."""
    known = NEWER.find(desk, upload)
    job = imports.job_about(desk.db, desk.survey, known.id)
    return render_template("staff/units_changes.html", known=known, job=job, form=_filled(known), most=SHOWN)


@door.post("/newer/<hex:upload>/apply", MANAGER, act="frame-load")
def apply_newer(desk: Desk, upload: str) -> ResponseReturnValue:
    """Bring the frame to what the newer list says; all of it or nothing."""
    return NEWER.confirm(desk, upload)


@door.post("/newer/<hex:upload>/throw-away", MANAGER, act="upload-erase")
def throw_newer_away(desk: Desk, upload: str) -> ResponseReturnValue:
    """Erase a newer list that was handed in."""
    return NEWER.throw_away(desk, upload, "The file is erased. Nothing was changed.")


def _newer(desk: Desk, form: Newer) -> str:
    return render_template("staff/units_newer.html", form=form, waiting=NEWER.waiting(desk), days=UPLOAD_DAYS)


def _filled(known: imports.Import) -> Newer:
    """The form for another file, to be read in the same way."""
    if not known.how:
        return Newer(None)
    columns = [f"{field}={heading}" for field, heading in known.how["named"].items()]
    lines = {"columns": columns, **{name: known.how[name] for name in ("left_out", "accepted")}}
    return Newer(None, sheet=known.how["sheet"], **{name: "\n".join(line) for name, line in lines.items()})
