"""Questionnaires: what is published, tried out, compared and handed on."""

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf.file import FileField, FileRequired
from wtforms import HiddenField, SelectField, StringField, TextAreaField
from wtforms.validators import AnyOf, InputRequired

from surveyapp import campaigning, drafting, publishing
from surveyapp.instrument import Instrument, read_instrument
from surveyapp.problems import NotFound, Problem, Refused, SurveyError
from surveyapp.roles import AUTHOR
from surveyapp.storage.waves import Version
from surveyapp.web.staff import walking
from surveyapp.web.staff.doors import ANY_ROLE, Desk, Door
from surveyapp.web.staff.pages import Form, file_answer, go

pages = Blueprint("instruments", __name__, url_prefix="/surveys/<slug:survey>/questionnaires")
door = Door(pages)

PAPERS = {
    "html": "Web page to print",
    "docx": "Word document to print",
    "xlsx": "Excel form to fill in",
    "json": "The questionnaire itself, as JSON",
}


class Upload(Form):
    """A file that somebody chose."""

    file = FileField("Questionnaire file (.json)", [FileRequired("Choose a file")])
    before = SelectField("Compare with", validate_choice=False)


class FormUpload(Form):
    """An XLSForm, and what the questionnaire in hand is to be called."""

    file = FileField("XLSForm (.xlsx)", [FileRequired("Choose a file")])
    version = StringField("Version, such as 2013.1", [InputRequired("Give the version a name")])


class Publish(Form):
    """A document whose consequences were shown."""

    document = TextAreaField(validators=[InputRequired()])


class Retire(Form):
    """The name of a version, typed to show that it is meant."""

    named = StringField()


class Walk(Form):
    """What an invented organisation has."""

    language = HiddenField()


@door.get("", *ANY_ROLE)
def index(desk: Desk) -> ResponseReturnValue:
    """The questionnaires of a survey."""
    return _index(desk, Upload(), FormUpload())


def _index(
    desk: Desk, upload: Upload, form: FormUpload, status: int = 200, problems: tuple[Problem, ...] = ()
) -> ResponseReturnValue:
    found = _versions(desk)
    upload.before.choices = [(version.version, version.version) for version in reversed(found)]
    waves = campaigning.waves_of(desk.db, desk.survey)
    more = {"found": found, "waves": waves, "upload": upload, "form": form, "problems": problems}
    return render_template("staff/instruments.html", **more), status


def _versions(desk: Desk) -> list[Version]:
    return [version for version in publishing.versions(desk.db) if version.survey == desk.survey]


def _document(desk: Desk, version: str) -> bytes:
    return publishing.text(desk.db, desk.survey, version)


# ── one version ──────────────────────────────────────────────────────────────


@door.get("/<edition:version>", *ANY_ROLE)
def one(desk: Desk, version: str) -> ResponseReturnValue:
    """A version: walked through, handed on, compared, retired."""
    return _one(desk, version, Retire())


def _one(desk: Desk, version: str, retire: Retire, status: int = 200) -> ResponseReturnValue:
    known = {each.version: each for each in _versions(desk)}
    if version not in known:
        raise NotFound(f"there is no version {version} of {desk.survey}")
    instrument = read_instrument(_document(desk, version))
    facts = [*instrument.disclosure.carry] if instrument.disclosure.carry else []
    return render_template(
        "staff/instrument.html",
        version=known[version],
        instrument=instrument,
        facts=facts,
        papers=PAPERS,
        others=[each.version for each in known.values() if each.version != version],
        retire=retire,
        walk=Walk(),
    ), status


@door.ask("/<edition:version>/walk", *ANY_ROLE)
def walk(desk: Desk, version: str) -> ResponseReturnValue:
    """Begin a walk through a version, as an organisation with the facts of the form."""
    document = _document(desk, version)
    return redirect(begin_walk(desk, document), 303)


def begin_walk(desk: Desk, document: bytes) -> str:
    """The address of a walk through a questionnaire as the organisation that the form describes."""
    facts = {name.removeprefix("fact-"): value.strip() for name, value in request.form.items() if value.strip()}
    chosen = {name: value[:100] for name, value in facts.items() if f"fact-{name}" in request.form}
    return walking.begin(desk.home, document, chosen, desk.today, desk.office.now())


@door.get("/<edition:version>/paper/<slug:kind>", *ANY_ROLE)
def paper(desk: Desk, version: str, kind: str) -> ResponseReturnValue:
    """A version as a file: to print, to fill in, or as it was published."""
    if kind not in PAPERS:
        raise NotFound("there is no such kind of file")
    document = _document(desk, version)
    if kind != "json":
        from surveyapp.export.blank import blank  # here, for a web worker starts without such libraries

        document = blank(read_instrument(document), f".{kind}")
    return file_answer(document, f"{desk.survey}-{version}.{kind}")


@door.get("/<edition:version>/compared-with/<edition:before>", *ANY_ROLE)
def compared(desk: Desk, version: str, before: str) -> ResponseReturnValue:
    """What the change from one version to another does to each trend."""
    found = publishing.difference(_document(desk, before), _document(desk, version))
    return render_template("staff/compared.html", found=found)


@door.get("/compare", *ANY_ROLE)
def compare(desk: Desk) -> ResponseReturnValue:
    """The way from a form with two versions to their comparison."""
    known = {each.version for each in _versions(desk)}
    before, version = request.args.get("before", ""), request.args.get("version", "")
    if not {before, version} <= known or before == version:
        raise SurveyError("choose two different versions to compare")
    return redirect(url_for(".compared", survey=desk.survey, version=version, before=before))


@door.post("/<edition:version>/retire", AUTHOR, act="version-retire", fresh="instruments.one")
def retire(desk: Desk, version: str) -> ResponseReturnValue:
    """Let no new wave begin with a version."""
    form = Retire()
    form.named.validators = [AnyOf([version], f"Type {version} to show that you mean it")]
    if not form.validate():
        return _one(desk, version, form, 400)
    publishing.retire(desk.db, desk.survey, version, desk.today)
    return go("instruments.one", f"{version} is retired.", survey=desk.survey, version=version)


# ── publishing ───────────────────────────────────────────────────────────────


@door.ask("/check", AUTHOR)
def check(desk: Desk) -> ResponseReturnValue:
    """A file with a questionnaire: its problems, or what publishing it would do."""
    upload = Upload()
    if not upload.file.validate(upload):
        return _index(desk, upload, FormUpload(), 400)
    content: bytes = upload.file.data.read()
    try:
        return show_consequences(desk, content, upload.before.data or "")
    except Refused as refused:
        return _index(desk, upload, FormUpload(), 400, refused.problems)


def show_consequences(desk: Desk, content: bytes, before: str = "") -> ResponseReturnValue:
    """The page that says what publishing would do, with the button. Raises what `publishing.consequences` does."""
    _check_survey(desk, read_instrument(content))
    found = publishing.consequences(desk.db, content, before)
    form = Publish(formdata=None, document=content.decode("utf-8-sig"))
    return render_template("staff/consequences.html", found=found, form=form)


@door.post("", AUTHOR, act="version-publish")
def publish(desk: Desk) -> ResponseReturnValue:
    """Publish what was shown."""
    form = Publish()
    if not form.validate():
        raise SurveyError("the questionnaire is missing; choose its file again")
    content = (form.document.data or "").replace("\r\n", "\n").encode()
    _check_survey(desk, read_instrument(content))
    published = publishing.publish(desk.db, content, desk.today)
    version = published.instrument.version
    said = (
        f"{version} is published." if published.new else f"{version} was published before, with the same content."
    )
    return go("instruments.one", said, survey=desk.survey, version=version)


def _check_survey(desk: Desk, instrument: Instrument) -> None:
    if instrument.survey != desk.survey:
        what = f"this is a questionnaire of the survey {instrument.survey}"
        raise Refused([Problem("/survey", what, f"write {desk.survey}, or go to that survey")])


@door.post("/import", AUTHOR, act="manuscript-import")
def take_form(desk: Desk) -> ResponseReturnValue:
    """Make a manuscript of an XLSForm; what could not be carried over is listed."""
    form = FormUpload()
    if not form.validate():
        return _index(desk, Upload(), form, 400)
    from surveyapp.export.uploads import read_workbook
    from surveyapp.instrument.formatting import json_text
    from surveyapp.instrument.xlsform import SHEETS, import_xlsform

    try:
        uploaded = read_workbook(form.file.data.filename or "form.xlsx", form.file.data.read(), SHEETS)
        imported = import_xlsform(uploaded.sheets, desk.survey, (form.version.data or "").strip())
        read_instrument(json_text(imported.document))
    except Refused as refused:
        return _index(desk, Upload(), form, 400, refused.problems)
    version = str(imported.document["version"])
    text, who = json_text(imported.document), desk.member.email
    begun = drafting.begin(desk.db, desk.survey, version, text, who, desk.today)
    notes = [*uploaded.notes, *imported.left_out]
    return render_template("staff/imported.html", name=begun.name, notes=notes)
