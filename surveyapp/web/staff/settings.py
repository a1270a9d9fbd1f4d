"""Settings of a wave: what its pages bear, its version, pause and end; what is promised, and whether it holds."""

import json
from collections.abc import Sequence
from datetime import date
from typing import Any

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue
from wtforms import IntegerField, SelectField, StringField
from wtforms.validators import InputRequired, Optional

from surveyapp import campaigning, collecting, publishing, retaining, watching, working
from surveyapp.campaigning import Changes
from surveyapp.instrument.comparing import Comparison
from surveyapp.problems import NotFound, Refused, SurveyError
from surveyapp.retaining import PARTS
from surveyapp.roles import KEY_HOLDER, MANAGER
from surveyapp.storage.jobs import DONE
from surveyapp.web.staff.doors import ANY_ROLE, Desk, Door
from surveyapp.web.staff.pages import Form, go

pages = Blueprint("settings", __name__, url_prefix="/surveys/<slug:survey>/waves/<slug:wave>")
door = Door(pages)


class Worn(Form):
    """What the pages of a wave bear, and its last day as people write it."""

    service = StringField("Name of the service")
    contact = StringField("Whom to ask")
    colour = StringField("Colour")
    closes = StringField("Last day for answers")

    def changes(self) -> Changes | None:
        """The settings; None if the day is none, which is said at the field."""
        day = (self.closes.data or "").strip()
        try:
            closes = date.fromisoformat(day) if day else None
        except ValueError:
            self.closes.errors = ["Write the day as year-month-day, such as 2012-03-31"]
            return None
        return Changes(self.service.data or "", self.contact.data or "", self.colour.data or "", closes)


class Days(Form):
    """For how many days after the close each part is kept."""

    drafts = IntegerField("Access codes and unfinished drafts", [Optional()])
    letters = IntegerField("Letters, in the store and in the outbox", [Optional()])
    contacts = IntegerField("E-mail addresses and contact persons", [Optional()])
    key = IntegerField("The private key on the server", [Optional()])


class Move(Form):
    """The version that a wave is to go on with."""

    version = SelectField("Version", [InputRequired("Choose a version")], validate_choice=False)


class Close(Form):
    """The name of a wave, typed to show that its close is meant."""

    named = StringField()


# ── what the pages bear ──────────────────────────────────────────────────────


@door.get("/settings", MANAGER)
def index(desk: Desk) -> ResponseReturnValue:
    """The settings of a wave."""
    return _index(desk)


def _index(desk: Desk, *forms: Form, problems: Sequence[str] = ()) -> ResponseReturnValue:
    wave = desk.wave
    kept = retaining.kept_of(desk.db, wave.name)
    worn = {"service": wave.service, "contact": wave.contact, "colour": wave.colour}
    fresh = (
        Worn(None, **worn, closes=wave.closes_on or ""),
        Days(None, **{part.name: part.days for part in kept.parts}),
        Move(None),
        Close(None),
    )
    given = {type(form): form for form in forms}
    own: dict[str, Form] = {type(f).__name__.lower(): given.get(type(f), f) for f in fresh}
    own["move"].version.choices = {version: version for version in _versions(desk)}
    return render_template(
        "staff/settings.html",
        forms=own,
        problems=problems,
        wrong=next((form for form in forms if form.errors), None),
        glance=watching.glance(desk.db, wave.name, desk.today),
        parts_kept=[(part, PARTS[part.name], _until(part, desk.today)) for part in kept.parts],
    ), (400 if forms or problems else 200)


def _versions(desk: Desk) -> list[str]:
    """The versions in use that a wave could move to."""
    known = [v for v in publishing.versions(desk.db) if v.survey == desk.survey and v.state == "published"]
    return [v.version for v in known if v.version != desk.wave.version]


def _until(part: retaining.Part, today: date) -> str:
    if part.erased_on:
        return f"erased on {part.erased_on}"
    if part.waits or not part.due_on:
        return part.waits or f"{part.days} day{'' if part.days == 1 else 's'} after the close"
    return f"due to be erased since {part.due_on}" if part.is_due(today) else f"until {part.due_on}"


@door.post("/settings", MANAGER, act="wave-change", said=("service", "contact", "colour", "closes"))
def change(desk: Desk) -> ResponseReturnValue:
    """Change what the pages bear, and the last day."""
    form = Worn()
    changes = form.changes()
    if changes is None:
        return _index(desk, form)
    if changes.closes and changes.closes.isoformat() == desk.wave.closes_on:
        changes = Changes(changes.service, changes.contact, changes.colour)
    try:
        campaigning.change_settings(desk.db, desk.wave.name, changes, desk.today)
    except Refused as refused:
        return _index(desk, form, problems=form.take(refused))
    return go("settings.index", "The settings are kept.", **_here(desk))


@door.post("/retention", MANAGER, act="wave-keep", said=("drafts", "letters", "contacts", "key"))
def keep(desk: Desk) -> ResponseReturnValue:
    """Change for how long parts of the wave are kept after its close."""
    form = Days()
    if not form.validate_on_submit():
        return _index(desk, form)
    before = {part.name: part.days for part in retaining.kept_of(desk.db, desk.wave.name).parts}
    given = {name: form[name].data for name in PARTS if form[name].data != before[name]}
    try:
        retaining.change(desk.db, desk.wave.name, given)
    except Refused as refused:
        return _index(desk, form, problems=form.take(refused))
    return go("settings.index", "The days are kept.", **_here(desk))


# ── pause, version, close ────────────────────────────────────────────────────


@door.post("/pause", MANAGER, act="wave-pause")
def pause(desk: Desk) -> ResponseReturnValue:
    """Take no answers for the time being."""
    watching.pause(desk.db, desk.wave.name, desk.today)
    return go("settings.index", "It is paused. What respondents have saved stays.", **_here(desk))


@door.post("/resume", MANAGER, act="wave-resume")
def resume(desk: Desk) -> ResponseReturnValue:
    """Take answers again."""
    watching.resume(desk.db, desk.wave.name)
    return go("settings.index", "It takes answers again, as long as its last day is not over.", **_here(desk))


@door.get("/move", MANAGER)
def compare(desk: Desk) -> ResponseReturnValue:
    """What a move to the version `version` would change."""
    version = request.args.get("version", "")
    if version not in _versions(desk):
        raise NotFound(f"there is no other version {version[:40]!r} of {desk.survey} in use")
    found, refusal = _comparison(desk, version)
    return render_template("staff/settings_move.html", found=found, refusal=refusal, version=version)


def _comparison(desk: Desk, version: str) -> tuple[Comparison, str]:
    """The two versions side by side, and why the wave cannot move, or ""."""
    try:
        return campaigning.check_move(desk.db, desk.wave.name, version), ""
    except SurveyError as error:
        old, new = (publishing.text(desk.db, desk.survey, v) for v in (desk.wave.version, version))
        return publishing.difference(old, new), str(error)


@door.post("/move", MANAGER, act="wave-move", said=("version",))
def move(desk: Desk) -> ResponseReturnValue:
    """Go on with another version."""
    form = Move()
    found = campaigning.move_wave(desk.db, desk.wave.name, form.version.data or "")
    look = f"{len(found.look_again):,} question{'' if len(found.look_again) == 1 else 's'}"
    said = f"It goes on with version {form.version.data}. Drafts are asked to look again at {look}."
    return go("settings.index", said, **_here(desk))


@door.post("/close", MANAGER, act="wave-close", fresh="settings.index")
def close(desk: Desk) -> ResponseReturnValue:
    """Close the wave for good, once its name is typed."""
    form = Close()
    if form.named.data != desk.wave.name:
        form.named.errors = [f"Type {desk.wave.name} to close it"]
        return _index(desk, form)
    campaigning.close_wave(desk.db, desk.wave.name, desk.today)
    said = "It is closed. The key holder can open the tray now."
    return go("waves.show", said, **_here(desk))


# ── anonymity ────────────────────────────────────────────────────────────────


@door.get("/anonymity", *ANY_ROLE)
def anonymity(desk: Desk) -> ResponseReturnValue:
    """What respondents are promised, and what the last audit found."""
    return render_template(
        "staff/settings_anonymity.html",
        promise=collecting.promise(desk.wave),
        found=_last_audit(desk),
        may_ask=desk.may(MANAGER, KEY_HOLDER),
    )


def _last_audit(desk: Desk) -> dict[str, Any] | None:
    """What the newest audit of the wave found; None where there is none, or its file is gone."""
    for job in working.listed(desk.db, desk.survey):
        if (job.kind, job.wave, job.state) == ("audit-anonymity", desk.wave.name, DONE):
            try:
                found: dict[str, Any] = json.loads(working.file_of(desk.home, job).read_bytes())
            except NotFound:
                return None
            return found
    return None


@door.post("/anonymity", MANAGER, KEY_HOLDER, act="wave-audit")
def audit(desk: Desk) -> ResponseReturnValue:
    """Ask for the known attacks to be run."""
    who = desk.member.email
    job = working.ask(desk.db, "audit-anonymity", desk.survey, desk.wave.name, who, desk.office.now())
    return go("jobs.one", survey=desk.survey, job=job.id.hex())


def _here(desk: Desk) -> dict[str, str]:
    return {"survey": desk.survey, "wave": desk.wave.name}
