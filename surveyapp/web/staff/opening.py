"""Opening a wave, step by step: each page is one step of a preparation, which can be left and found again."""

from collections.abc import Callable
from datetime import date
from typing import Any

from flask import Blueprint, Response, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_wtf.file import FileField
from wtforms import (
    DateField,
    HiddenField,
    IntegerField,
    RadioField,
    SelectField,
    SelectMultipleField,
    StringField,
)
from wtforms.validators import InputRequired, Optional

from surveyapp import preparing, publishing
from surveyapp.config import mail_settings
from surveyapp.frames import COLUMNS
from surveyapp.framing import Reading, Understood
from surveyapp.preparing import Hand, Texts
from surveyapp.problems import NotFound, Refused, SurveyError
from surveyapp.retaining import PARTS, PREPARED_DAYS
from surveyapp.roles import KEY_HOLDER, MANAGER
from surveyapp.sampling import Design
from surveyapp.storage import accounts
from surveyapp.storage.jobs import Job
from surveyapp.storage.papers import Overtaken, Preparation
from surveyapp.web.staff.doors import Desk, Door
from surveyapp.web.staff.jobs import clerk, follow
from surveyapp.web.staff.pages import Form, go
from surveyapp.working import imports, openings

pages = Blueprint("opening", __name__, url_prefix="/surveys/<slug:survey>/preparations")
door = Door(pages)

SHOWN = 200
"""Problems of a list that the page shows."""

LISTED, ANYONE = "listed", "anyone"
_AUDIENCES = {LISTED: "The organisations on a list", ANYONE: "Anyone"}


class Step(Form):
    """A step of a preparation, and the revision of it that was seen."""

    revision = HiddenField()


# ── the preparations ─────────────────────────────────────────────────────────


class Begin(Form):
    """What a wave begins with."""

    name = StringField("Name of the wave", [InputRequired("Give the wave a name")])
    version = SelectField("Version of the questionnaire", [InputRequired("Choose a version")])
    audience = RadioField("Who may answer", choices=_AUDIENCES)


@door.get("", MANAGER, KEY_HOLDER)
def index(desk: Desk) -> ResponseReturnValue:
    """The waves that are being prepared."""
    return _index(desk, _begin_form(desk, audience=LISTED))


@door.post("", MANAGER, act="wave-prepare", said=("name",))
def begin(desk: Desk) -> ResponseReturnValue:
    """Begin to prepare a wave."""
    form = _begin_form(desk)
    if not form.validate_on_submit():
        return _index(desk, form), 400
    name, anyone = (form.name.data or "").strip(), form.audience.data == ANYONE
    try:
        new = preparing.begin(desk.db, desk.survey, name, form.version.data, anyone, _hand(desk))
    except SurveyError as error:
        form.name.errors = [_capital(str(error))]
        return _index(desk, form), 400
    return go("opening.steps", survey=desk.survey, name=new.wave)


def _index(desk: Desk, form: Begin) -> str:
    listed = preparing.listed(desk.db, desk.survey)
    return render_template("staff/opening.html", form=form, preparations=listed, days=PREPARED_DAYS)


def _begin_form(desk: Desk, **values: Any) -> Begin:
    form = Begin(**values)
    form.version.choices = _versions(desk)
    return form


def _versions(desk: Desk) -> dict[str, str]:
    """Those in use, the newest first."""
    mine = [each for each in publishing.versions(desk.db) if each.survey == desk.survey]
    used = [each for each in mine if each.state == "published"]
    used.sort(key=lambda each: (each.published_on, each.version), reverse=True)
    return {each.version: each.version for each in used}


@door.get("/<slug:name>", MANAGER)
def steps(desk: Desk, name: str) -> ResponseReturnValue:
    """The steps of a preparation."""
    return _steps(_known(desk, name), Discard())


@door.post("/<slug:name>/throw-away", MANAGER, act="preparation-discard")
def throw_away(desk: Desk, name: str) -> ResponseReturnValue:
    """Forget a preparation with its list, if its name was typed."""
    form = Discard()
    if (form.typed.data or "").strip() != name:
        form.typed.errors = [f"This is not the name of the wave; type {name}"]
        return _steps(_known(desk, name), form), 400
    preparing.throw_away(desk.db, desk.survey, name)
    return go("opening.index", f"The preparation of {name} is gone, and its list with it.", survey=desk.survey)


def _steps(known: Preparation, form: "Discard") -> str:
    return render_template("staff/opening_steps.html", known=known, steps=preparing.steps(known), form=form)


class Discard(Form):
    """The name of the wave whose preparation is thrown away, typed."""

    typed = StringField("Name of the wave")


def _known(desk: Desk, name: str) -> Preparation:
    return preparing.found(desk.db, desk.survey, name)


def _hand(desk: Desk, form: Step | None = None) -> Hand:
    given = (form.revision.data or "") if form else ""
    seen = int(given) if given.isascii() and given.isdigit() and len(given) < 10 else None
    return Hand(desk.member.email, desk.today, seen)


def _faults(form: Form, do: Callable[[], object]) -> list[str] | None:
    """What is wrong, put at the fields of a form as far as it has them; None if it was done."""
    try:
        do()
    except (Overtaken, NotFound):
        raise
    except Refused as refused:
        return form.take(refused)
    except SurveyError as error:
        return [_capital(str(error))]
    return None


def _step(template: str, known: Preparation, form: Form, **more: Any) -> str:
    return render_template(f"staff/opening_{template}.html", known=known, form=form, **{"more": (), **more})


def _next(desk: Desk, name: str, said: str) -> ResponseReturnValue:
    return go("opening.steps", said, survey=desk.survey, name=name)


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]


# ── name and questionnaire ───────────────────────────────────────────────────


class Questionnaire(Step):
    """Which version, and who may answer."""

    version = SelectField("Version of the questionnaire", [InputRequired("Choose a version")])
    audience = RadioField("Who may answer", choices=_AUDIENCES)


@door.get("/<slug:name>/questionnaire", MANAGER)
def questionnaire(desk: Desk, name: str) -> ResponseReturnValue:
    """Version and audience."""
    known = _known(desk, name)
    audience = ANYONE if known.settings["anyone"] else LISTED
    form = Questionnaire(revision=known.revision, version=known.settings["version"], audience=audience)
    form.version.choices = _versions(desk)
    return _step("questionnaire", known, form)


@door.post("/<slug:name>/questionnaire", MANAGER, act="wave-prepare")
def set_questionnaire(desk: Desk, name: str) -> ResponseReturnValue:
    """Take another version or audience."""
    known, form = _known(desk, name), Questionnaire()
    form.version.choices = _versions(desk)
    if not form.validate_on_submit():
        return _step("questionnaire", known, form), 400
    anyone = form.audience.data == ANYONE
    preparing.set_questionnaire(desk.db, known, form.version.data, anyone, _hand(desk, form))
    return _next(desk, name, "Version and audience are kept.")


# ── the list ─────────────────────────────────────────────────────────────────


class Upload(Step):
    """A file with the list."""

    file = FileField("List of organisations, Excel (.xlsx) or CSV")


class Columns(Step):
    """How a file is to be read."""

    sheet = SelectField("Sheet", validate_choice=False)
    unit = SelectField("Unit", validate_choice=False)
    name = SelectField("Name", validate_choice=False)
    email = SelectField("E-mail address", validate_choice=False)
    contact = SelectField("Contact person", validate_choice=False)
    language = SelectField("Language", validate_choice=False)
    left_out = SelectMultipleField("Columns to leave out", validate_choice=False)
    accepted = SelectMultipleField("Values that are right as they are", validate_choice=False)


class Sample(Step):
    """How a sample is drawn."""

    how = RadioField(
        "Sample",
        choices={
            "all": "No sample: everybody is asked",
            "size": "So many in all, in proportion",
            "each": "So many of each value",
        },
        default="all",
    )
    number = IntegerField("How many", [Optional()])
    by = SelectMultipleField("By these strata", validate_choice=False)
    seed = StringField("Seed")


@door.get("/<slug:name>/frame", MANAGER)
def frame(desk: Desk, name: str) -> ResponseReturnValue:
    """The list: what was understood of it, or what is wrong."""
    known = _known(desk, name)
    return _frame(desk, known, Upload(revision=known.revision))


@door.post("/<slug:name>/frame", MANAGER, act="wave-prepare")
def set_frame(desk: Desk, name: str) -> ResponseReturnValue:
    """Take a file as the list."""
    known, form = _known(desk, name), Upload()
    if not form.validate_on_submit() or not form.file.data:
        form.file.errors = ["Choose the file"]
        return _frame(desk, known, form), 400
    file = form.file.data
    try:
        kept = preparing.set_frame(desk.db, known, file.filename or "list", file.read(), _hand(desk, form))
    except Refused as refused:
        return _frame(desk, known, form, more=form.take(refused)), 400
    return _read(desk, kept)


@door.post("/<slug:name>/frame/read", MANAGER, act="wave-prepare")
def read_frame(desk: Desk, name: str) -> ResponseReturnValue:
    """Have the list read that is still to be read."""
    known = _known(desk, name)
    if preparing.is_unread(known):
        return _read(desk, known)
    return go("opening.frame", survey=desk.survey, name=name)


def _read(desk: Desk, known: Preparation) -> ResponseReturnValue:
    """Read the list, and go to what was understood of it; a large one is read by a job."""
    job = imports.read_list(clerk(desk, known.wave), known)
    return follow(desk, job, "opening.frame", name=known.wave)


@door.post("/<slug:name>/frame/reading", MANAGER, act="wave-prepare")
def set_reading(desk: Desk, name: str) -> ResponseReturnValue:
    """Say how the file is to be read."""
    known, form = _known(desk, name), Columns()
    named = {field: form[field].data for field in COLUMNS if form[field].data}
    how = Reading(form.sheet.data or "", named, form.left_out.data or (), form.accepted.data or ())
    return _read(desk, preparing.set_reading(desk.db, known, how, _hand(desk, form)))


@door.post("/<slug:name>/frame/sample", MANAGER, act="wave-prepare")
def set_sample(desk: Desk, name: str) -> ResponseReturnValue:
    """Draw a sample, or none."""
    known, form = _known(desk, name), Sample()
    drawn, number = form.how.data in {"size", "each"}, form.number.data or 0
    if drawn and number < 1:
        form.number.errors = ["Say how many"]
        return _frame(desk, known, Upload(revision=known.revision), sample=form), 400
    by = tuple(form.by.data or ())
    if form.how.data == "each" and not by:
        form.by.errors = ["Choose the strata of which so many are drawn each"]
        return _frame(desk, known, Upload(revision=known.revision), sample=form), 400
    design = Design(by, **{form.how.data: number}) if drawn else None
    more = _faults(
        form, lambda: preparing.set_sample(desk.db, known, design, form.seed.data or "", _hand(desk, form))
    )
    if more is not None:
        return _frame(desk, known, Upload(revision=known.revision), sample=form, more=more), 400
    return go("opening.frame", survey=desk.survey, name=name)


def _frame(
    desk: Desk, known: Preparation, form: Upload, sample: Sample | None = None, more: list[str] | None = None
) -> str:
    found = preparing.understood(known)
    strata = list(found.listing.frame.strata) if found.listing else []
    sample = sample or _sample(known)
    sample.by.choices = {name: name for name in strata}
    return _step(
        "frame",
        known,
        form,
        found=found,
        unread=preparing.is_unread(known),
        job=imports.reading_of(desk.db, known) if preparing.is_unread(known) else None,
        columns=_columns(known, found),
        sample=sample,
        drawn=_drawn(known),
        fields=COLUMNS,
        most=SHOWN,
        more=more or (),
    )


def _columns(known: Preparation, found: Understood) -> Columns:
    how = preparing.reading(known)
    named = dict(how.named or {})
    form = Columns(
        formdata=None,
        revision=known.revision,
        sheet=how.sheet,
        left_out=list(how.left_out),
        accepted=list(how.accepted),
        **named,
    )
    headings = [heading for heading in found.headings if heading]
    form.sheet.choices = {"": "The one with the list", **{title: title for title in found.sheets}}
    for field in COLUMNS:
        form[field].choices = {"": "By its heading", **{heading: heading for heading in headings}}
    form.left_out.choices = {heading: heading for heading in headings}
    form.accepted.choices = {value: value for value in (*how.accepted, *found.slips)}
    return form


def _sample(known: Preparation) -> Sample:
    kept = known.settings.get("sample") or {}
    how = "each" if kept.get("each") else "size" if kept.get("size") else "all"
    number = kept.get("each") or kept.get("size") or None
    more = {"by": kept.get("by") or [], "seed": kept.get("seed", "")}
    return Sample(formdata=None, revision=known.revision, how=how, number=number, **more)


def _drawn(known: Preparation) -> int | None:
    """Units of the sample; None without one."""
    found = preparing.frame(known) if known.settings.get("sample") and known.counts else None
    return sum(unit.sampled for unit in found.units) if found else None


# ── strata ───────────────────────────────────────────────────────────────────


class Strata(Step):
    """The strata that go with the answers."""

    carry = SelectMultipleField("Strata that go with the answers", validate_choice=False)


@door.get("/<slug:name>/strata", MANAGER)
def strata(desk: Desk, name: str) -> ResponseReturnValue:
    """Which strata go with the answers, and how many organisations are in each cell."""
    known = _known(desk, name)
    return _strata(desk, known, None)


@door.post("/<slug:name>/strata", MANAGER, act="wave-prepare")
def set_strata(desk: Desk, name: str) -> ResponseReturnValue:
    """Choose the strata."""
    known, form = _known(desk, name), Strata()
    more = _faults(form, lambda: preparing.set_strata(desk.db, known, form.carry.data or [], _hand(desk, form)))
    if more is not None:
        return _strata(desk, _known(desk, name), form, more), 400
    return _next(desk, name, "Every cell is large enough.")


@door.post("/<slug:name>/strata/merge", MANAGER, act="wave-prepare")
def merge(desk: Desk, name: str) -> ResponseReturnValue:
    """Merge strata as suggested."""
    preparing.merge(desk.db, _known(desk, name), _hand(desk, Step()))
    return go(
        "opening.strata", "The strata are merged. Look at the cells, and keep them.", survey=desk.survey, name=name
    )


@door.post("/<slug:name>/strata/unmerge", MANAGER, act="wave-prepare")
def unmerge(desk: Desk, name: str) -> ResponseReturnValue:
    """Take all merges back."""
    preparing.unmerge(desk.db, _known(desk, name), _hand(desk, Step()))
    return go("opening.strata", "The merges are taken back.", survey=desk.survey, name=name)


def _strata(desk: Desk, known: Preparation, form: Strata | None, more: list[str] | None = None) -> str:
    found = preparing.strata(desk.db, known)
    shown = Strata(formdata=None, revision=known.revision, carry=list(found.carry))
    shown.carry.choices = {name: name for name in found.every}
    if form is not None:
        shown.carry.errors = form.carry.errors
    return _step("strata", known, shown, found=found, more=more or ())


# ── texts ────────────────────────────────────────────────────────────────────


class Words(Step):
    """What pages and letters bear, the days, and what is kept."""

    service = StringField("Name of the survey on its pages")
    contact = StringField("Whom to ask")
    colour = StringField("Colour of header and buttons")
    sender = StringField("Sender of the letters")
    address = StringField("Address of the site, as printed in letters")
    closes = DateField("Last day for answers", [Optional()])
    rule = StringField("Reminders, days after the invitation")
    drafts = IntegerField(
        "Days that access codes and unfinished drafts are kept after the close", [InputRequired()]
    )
    letters = IntegerField("Days that letters are kept after the close", [InputRequired()])
    contacts = IntegerField("Days that addresses and contact persons are kept after the close", [InputRequired()])
    key = IntegerField("Days that a private key on this server is kept after the close", [InputRequired()])


@door.get("/<slug:name>/texts", MANAGER)
def texts(desk: Desk, name: str) -> ResponseReturnValue:
    """The texts of a wave."""
    known = _known(desk, name)
    said = preparing.texts(known)
    closes = date.fromisoformat(said.closes) if said.closes else None
    form = Words(revision=known.revision, **{**said.__dict__, "closes": closes}, **said.days)
    return _step("texts", known, form)


@door.post("/<slug:name>/texts", MANAGER, act="wave-prepare")
def set_texts(desk: Desk, name: str) -> ResponseReturnValue:
    """Keep the texts."""
    known, form = _known(desk, name), Words()
    if not form.validate_on_submit():
        return _step("texts", known, form), 400
    plain = ("service", "contact", "colour", "sender", "address", "rule")
    said = Texts(
        **{name: (form[name].data or "").strip() for name in plain},
        closes=form.closes.data.isoformat() if form.closes.data else "",
        days={part: form[part].data for part in PARTS},
    )
    more = _faults(form, lambda: preparing.set_texts(desk.db, known, said, _hand(desk, form)))
    if more is not None:
        return _step("texts", known, form, more=more), 400
    return _next(desk, name, "The texts are kept.")


# ── the key ceremony ─────────────────────────────────────────────────────────


class Back(Form):
    """The key holder's file, brought back."""

    key = FileField("Key file")


@door.get("/<slug:name>/key", MANAGER, KEY_HOLDER)
def key(desk: Desk, name: str) -> ResponseReturnValue:
    """The key of the tray: with a key holder, or on this server."""
    return _key(desk, name, Back())


@door.post("/<slug:name>/key/make", KEY_HOLDER, act="key-make")
def make_key(desk: Desk, name: str) -> ResponseReturnValue:
    """Make a key. The file is in this response, and nowhere else: not in the store, a file, a job or a log."""
    content = preparing.make_key(desk.db, desk.survey, name, _hand(desk))
    response = Response(content, mimetype="text/plain")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}.key"'
    return response


@door.post("/<slug:name>/key/rehearse", KEY_HOLDER, act="key-rehearse")
def rehearse(desk: Desk, name: str) -> ResponseReturnValue:
    """Open a test box with the file that came back."""
    form = Back()
    if not form.validate_on_submit() or not form.key.data:
        form.key.errors = ["Choose the key file"]
        return _key(desk, name, form), 400
    content = form.key.data.read(10_000)
    more = _faults(form, lambda: preparing.rehearse(desk.db, desk.survey, name, content, _hand(desk)))
    if more:
        form.key.errors = more
        return _key(desk, name, form), 400
    return go(
        "opening.key", "The key opens what is sealed for it. Keep the file safe.", survey=desk.survey, name=name
    )


@door.post("/<slug:name>/key/here", MANAGER, act="key-here")
def key_here(desk: Desk, name: str) -> ResponseReturnValue:
    """Let the server keep the key."""
    preparing.keep_key_here(desk.db, _known(desk, name), _hand(desk, Step()))
    return _next(desk, name, "The server will keep the private key.")


def _key(desk: Desk, name: str, form: Back) -> str:
    known = _known(desk, name)
    with desk.db.reading() as connection:
        holders = [each.name for each in accounts.holders(connection, desk.survey, KEY_HOLDER)]
    return _step("key", known, form, key=known.settings.get("key") or {}, holders=holders)


# ── looking at it ────────────────────────────────────────────────────────────


@door.get("/<slug:name>/test", MANAGER)
def test(desk: Desk, name: str) -> ResponseReturnValue:
    """The invitation as it will look, and the way to the questionnaire."""
    return _test(desk, name)


@door.post("/<slug:name>/test/letter", MANAGER, act="preparation-letter")
def send_letter(desk: Desk, name: str) -> ResponseReturnValue:
    """Send the invitation to oneself, with a code that opens nothing."""
    known, out = _known(desk, name), preparing.transport(desk.home, mail_settings())
    do = lambda: preparing.send_invitation(desk.db, known, desk.member.email, out, desk.today)  # noqa: E731
    if (more := _faults(Step(), do)) is not None:
        return _test(desk, name, more), 400
    return go("opening.test", "The letter is on its way to you.", survey=desk.survey, name=name)


@door.post("/<slug:name>/test", MANAGER, act="wave-prepare")
def set_seen(desk: Desk, name: str) -> ResponseReturnValue:
    """Note that letter and questionnaire were looked at."""
    preparing.set_seen(desk.db, _known(desk, name), _hand(desk, Step()))
    return _next(desk, name, "Noted: letter and questionnaire were looked at.")


def _test(desk: Desk, name: str, more: list[str] | None = None) -> str:
    known = _known(desk, name)
    letter, why = None, ""
    if not known.settings["anyone"]:
        try:
            letter = preparing.invitation(desk.db, known, desk.today)
        except SurveyError as error:
            why = _capital(str(error))
    form = Step(formdata=None, revision=known.revision)
    return _step("test", known, form, letter=letter, why=why, more=more or ())


# ── opening ──────────────────────────────────────────────────────────────────


class Open(Step):
    """The name of the wave, typed."""

    typed = StringField("Name of the wave")


@door.get("/<slug:name>/check", MANAGER)
def check(desk: Desk, name: str) -> ResponseReturnValue:
    """Everything once more, before the wave is opened."""
    known = _known(desk, name)
    return _check(desk, known, Open(revision=known.revision))


@door.post("/<slug:name>/open", MANAGER, act="wave-open", fresh="opening.check")
def open_wave(desk: Desk, name: str) -> ResponseReturnValue:
    """Open the wave; on a long list that is done by a job."""
    known, form = _known(desk, name), Open()
    typed, begun = form.typed.data or "", list[Job | None]()
    do = lambda: begun.append(openings.open_wave(clerk(desk, name), known, typed, _hand(desk, form)))  # noqa: E731
    if (more := _faults(form, do)) is not None:
        return _check(desk, known, form, more), 400
    if begun[0]:
        return follow(desk, begun[0], "waves.show", wave=name)
    said = f"{name} is open." if known.settings["anyone"] else f"{name} is open. Nobody has been invited yet."
    return go("waves.show", said, survey=desk.survey, wave=name)


def _check(desk: Desk, known: Preparation, form: Open, more: list[str] | None = None) -> str:
    return _step(
        "check",
        known,
        form,
        steps=preparing.steps(known),
        ready=preparing.is_ready(known),
        job=openings.opening_of(desk.db, known),
        texts=preparing.texts(known),
        instrument=preparing.instrument_of(desk.db, known),
        parts=PARTS,
        site=url_for("home.index"),
        more=more or (),
    )
