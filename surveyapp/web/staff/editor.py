"""The editor: a questionnaire is written, as JSON or by forms, beside what it will look like."""

from flask import jsonify, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_wtf.file import FileField
from wtforms import RadioField, SelectField, StringField

from surveyapp import drafting, publishing
from surveyapp.drafting import TwoTexts
from surveyapp.instrument.checking import Examined, examine
from surveyapp.instrument.editing import languages
from surveyapp.problems import Problem, Refused, SurveyError
from surveyapp.roles import AUTHOR
from surveyapp.storage.papers import Paper
from surveyapp.web.staff import editorforms, editorlanguages, instruments
from surveyapp.web.staff.doors import Desk
from surveyapp.web.staff.editordesk import door, pages, preview, revision
from surveyapp.web.staff.pages import Form, file_answer, go

__all__ = ["editorforms", "editorlanguages", "pages"]
"""Importing the forms fills the pages."""

VERSION, FILE, NOTHING = "version", "file", "nothing"


class Begin(Form):
    """Where a manuscript begins."""

    source = RadioField("Begin with", default=NOTHING)
    version = SelectField("Published version", validate_choice=False)
    file = FileField("JSON file")
    name = StringField("Name of the manuscript")


class Named(Form):
    """The name of a manuscript, typed to show that it is meant."""

    named = StringField()


class Publish(Form):
    """The name of the version that a manuscript becomes."""

    version = StringField("Name of the version")


# ── the manuscripts of a survey ──────────────────────────────────────────────


@door.get("", AUTHOR)
def index(desk: Desk) -> ResponseReturnValue:
    """The questionnaires in hand."""
    return _index(desk, Begin())


def _index(desk: Desk, form: Begin, status: int = 200, more: tuple[str, ...] = ()) -> ResponseReturnValue:
    versions = [each.version for each in publishing.versions(desk.db) if each.survey == desk.survey]
    form.version.choices = [(version, version) for version in reversed(versions)]
    published = [(VERSION, "a published version")] if versions else []
    form.source.choices = [*published, (NOTHING, "an empty questionnaire"), (FILE, "a JSON file")]
    form.source.data = form.source.data or form.source.choices[0][0]
    if request.method == "GET":
        form.source.data = form.source.choices[0][0]
    found = drafting.manuscripts(desk.db, desk.survey)
    return render_template("staff/editor.html", found=found, form=form, more=more), status


@door.post("/begin", AUTHOR, act="manuscript-begin", said=("source", "version", "name"))
def begin(desk: Desk) -> ResponseReturnValue:
    """Begin a manuscript: from a published version, from a file, or with one question."""
    form = Begin()
    try:
        name, text = _beginning(desk, form)
        drafting.begin(desk.db, desk.survey, name, text, desk.member.email, desk.today)
    except Refused as refused:
        return _index(desk, form, 400, tuple(form.take(refused)))
    return go("editor.write", f"{name} has been begun.", survey=desk.survey, manuscript=name)


def _beginning(desk: Desk, form: Begin) -> tuple[str, str]:
    """The name and the text that a manuscript begins with; without a name it is called like its next version."""
    named = (form.name.data or "").strip()
    if form.source.data == VERSION:
        text = drafting.from_version(desk.db, desk.survey, form.version.data or "")
    elif form.source.data == FILE:
        if not form.file.data:
            raise Refused([Problem("file", "no file was chosen", "choose the questionnaire’s JSON file")])
        text = drafting.from_file(form.file.data.read())
    else:
        text = drafting.from_nothing(desk.survey, "", drafting.next_version(desk.db, desk.survey))
    return named or drafting.wanted_version(desk.db, desk.survey, text), text


# ── the text and its page ────────────────────────────────────────────────────


@door.get("/<edition:manuscript>", AUTHOR)
def write(desk: Desk, manuscript: str) -> ResponseReturnValue:
    """The text of a manuscript beside the page under the cursor."""
    paper = drafting.manuscript(desk.db, desk.survey, manuscript)
    return _editor(desk, paper, paper.document)


@door.ask("/<edition:manuscript>/check", AUTHOR)
def check(desk: Desk, manuscript: str) -> ResponseReturnValue:
    """The problems of a text and the page under the cursor: for the script, or for somebody without one."""
    text = request.form.get("document", "").replace("\r\n", "\n")
    if request.form.get("as") != "json":
        paper = drafting.manuscript(desk.db, desk.survey, manuscript)
        return _editor(desk, paper, text, checked=True)
    examined = examine(text)
    shown = preview(examined, _line(), request.form.get("language", ""))
    problems = [{"line": p.line, "at": p.at, "what": p.what, "do": p.do} for p in examined.problems]
    return jsonify(
        problems=problems,
        preview=shown.html,
        where=shown.where,
        focus=shown.focus,
        when=shown.when,
        languages=_languages(examined),
    )


@door.post("/<edition:manuscript>/save", AUTHOR, act="manuscript-save")
def save(desk: Desk, manuscript: str) -> ResponseReturnValue:
    """Save the text as it was typed. If somebody else has saved since, both texts are shown and none is lost."""
    text = request.form.get("document", "")
    in_hand = drafting.is_in_hand(desk.db, desk.survey, manuscript)
    again = "" if in_hand else " It had been put away meanwhile, and is in hand again."
    try:
        saved = drafting.save(desk.db, desk.survey, manuscript, text, revision(), desk.member.email, desk.today)
    except TwoTexts as two:
        return render_template("staff/editor_two.html", two=two, manuscript=manuscript), 409
    except Refused as refused:
        paper = drafting.manuscript(desk.db, desk.survey, manuscript)
        return _editor(desk, paper, text, refused=refused.problems), 400
    said = f"Saved. {_count(len(examine(saved.document).problems))}.{again}"
    return go("editor.write", said, survey=desk.survey, manuscript=manuscript, line=_line())


def _count(problems: int) -> str:
    return "No problems" if not problems else "1 problem" if problems == 1 else f"{problems} problems"


def _editor(desk: Desk, paper: Paper, text: str, checked: bool = False, refused: tuple[Problem, ...] = ()) -> str:
    examined, line = examine(text), _line()
    lines = text.splitlines()
    listed = [
        (p, lines[p.line - 1].strip()[:120] if p.line and p.line <= len(lines) else "") for p in examined.problems
    ]
    return render_template(
        "staff/editor_write.html",
        paper=paper,
        text=text,
        line=line,
        checked=checked,
        refused=refused,
        listed=listed,
        count=_count(len(listed)),
        shown=preview(examined, line, request.values.get("language", "")),
        spoken=_languages(examined),
        chosen=request.values.get("language", ""),
    )


def _languages(examined: Examined) -> list[str]:
    return languages(examined.document.value) if examined.document else ["en"]


def _line() -> int:
    given = request.values.get("line", "")
    return int(given) if given.isascii() and given.isdecimal() and 0 < len(given) < 8 else 1


@door.ask("/<edition:manuscript>/walk", AUTHOR)
def walk(desk: Desk, manuscript: str) -> ResponseReturnValue:
    """Walk through a manuscript as anybody would, as it stands in the box or as it was saved."""
    paper = drafting.manuscript(desk.db, desk.survey, manuscript)
    text = request.form.get("document", paper.document)
    return redirect(instruments.begin_walk(desk, text.encode()), 303)


@door.get("/<edition:manuscript>/file", AUTHOR)
def file(desk: Desk, manuscript: str) -> ResponseReturnValue:
    """A manuscript as a file."""
    paper = drafting.manuscript(desk.db, desk.survey, manuscript)
    return file_answer(paper.document.encode(), f"{desk.survey}-{manuscript}.json")


# ── the end of a manuscript ──────────────────────────────────────────────────


@door.get("/<edition:manuscript>/end", AUTHOR)
def end(desk: Desk, manuscript: str) -> ResponseReturnValue:
    """Throwing a manuscript away, or taking it back to a published version."""
    return _end(desk, manuscript, Named())


def _end(desk: Desk, manuscript: str, form: Named) -> str:
    paper = drafting.manuscript(desk.db, desk.survey, manuscript)
    versions = [each.version for each in publishing.versions(desk.db) if each.survey == desk.survey]
    return render_template("staff/editor_end.html", paper=paper, versions=versions[::-1], form=form)


@door.post("/<edition:manuscript>/drop", AUTHOR, act="manuscript-drop")
def drop(desk: Desk, manuscript: str) -> ResponseReturnValue:
    """Throw a manuscript away whose name was typed."""
    if not _is_meant(form := Named(), manuscript):
        return _end(desk, manuscript, form), 400
    drafting.throw_away(desk.db, desk.survey, manuscript)
    return go("editor.index", f"{manuscript} has been thrown away.", survey=desk.survey)


@door.post("/<edition:manuscript>/back", AUTHOR, act="manuscript-back", said=("version",))
def back(desk: Desk, manuscript: str) -> ResponseReturnValue:
    """Put the text of a published version in place of a manuscript's whose name was typed."""
    if not _is_meant(form := Named(), manuscript):
        return _end(desk, manuscript, form), 400
    text = drafting.from_version(desk.db, desk.survey, request.form.get("version", ""))
    drafting.save(desk.db, desk.survey, manuscript, text, revision(), desk.member.email, desk.today)
    return go("editor.write", "The text is that of the version again.", survey=desk.survey, manuscript=manuscript)


def _is_meant(form: Named, manuscript: str) -> bool:
    """Whether the name was typed; the fault is at its field."""
    if (form.named.data or "").strip() == manuscript:
        return True
    form.named.errors = [f"Type {manuscript} to show that you mean it"]
    return False


@door.get("/<edition:manuscript>/publish", AUTHOR)
def consequences(desk: Desk, manuscript: str) -> ResponseReturnValue:
    """What publishing would do to trends and to waves in the field."""
    return _consequences(desk, manuscript, Publish(), request.args.get("version", ""))


def _consequences(
    desk: Desk, manuscript: str, form: Publish, version: str, refused: SurveyError | None = None
) -> str:
    paper = drafting.manuscript(desk.db, desk.survey, manuscript)
    form.version.data = version or drafting.wanted_version(desk.db, desk.survey, paper.document)
    found, problems = None, tuple[Problem, ...]()
    try:
        before = request.values.get("before", "")
        found = drafting.consequences(desk.db, desk.survey, paper.document, form.version.data, before)
    except Refused as error:
        problems = error.problems
    except SurveyError as error:
        refused = refused or error
    others = [each.version for each in publishing.versions(desk.db) if each.survey == desk.survey]
    return render_template(
        "staff/editor_publish.html",
        paper=paper,
        found=found,
        problems=problems,
        refused=refused,
        form=form,
        others=others[::-1],
    )


@door.post("/<edition:manuscript>/publish", AUTHOR, act="manuscript-publish", said=("version",))
def publish(desk: Desk, manuscript: str) -> ResponseReturnValue:
    """Publish a manuscript under the name of a version; it is then in hand no longer."""
    form = Publish()
    version = (form.version.data or "").strip()
    try:
        done = drafting.publish(desk.db, desk.survey, manuscript, revision(), version, desk.today)
    except Refused as refused:
        return _consequences(desk, manuscript, form, version, refused), 400
    except SurveyError as refused:
        return _consequences(desk, manuscript, form, version, refused), 409
    said = f"{done.instrument.name} is published."
    return go("instruments.one", said, survey=desk.survey, version=done.instrument.version)
