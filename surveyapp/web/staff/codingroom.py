"""The coding room: open answers get their themes, coders are compared, differences settled, quotations cleared.

An answer is never named in an address: addresses are kept by browsers and by whatever stands before this server.
They hold positions in an order of the coder's own; what is done to an answer names it in the body of the request.
"""

import json
import re
import string
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from flask import Blueprint, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf.file import FileField, FileRequired
from wtforms import BooleanField, HiddenField, SelectField, SelectMultipleField, StringField, TextAreaField
from wtforms.validators import InputRequired

from surveyapp import campaigning, coding, framing, staffing
from surveyapp.analysis.themes.codeframes import MARKS, NOTHING, UNCODABLE, Codeframe, Codes, Theme
from surveyapp.analysis.themes.shaping import (
    ROW_FIELDS,
    Heads,
    Row,
    in_order,
    next_version,
    reworked,
    rows_of,
    who_of,
)
from surveyapp.problems import NotFound, Problem, Refused, SurveyError
from surveyapp.roles import ANALYST
from surveyapp.storage.codings import Answer
from surveyapp.web.staff.doors import Desk, Door
from surveyapp.web.staff.pages import Form, file_answer, go, page_asked

pages = Blueprint("coding", __name__, url_prefix="/surveys/<slug:survey>/coding")
door = Door(pages)

A_PAGE = 25
"""Answers on a page of those that may be quoted."""

MOST_THEMES = 200


def me(desk: Desk) -> str:
    """The member as a coder: a label that names nobody."""
    return coding.coder_of(desk.member.id)


# ── what there is ────────────────────────────────────────────────────────────


@door.get("", ANALYST)
def index(desk: Desk) -> ResponseReturnValue:
    """The open answers of a survey: waves, questions, codeframes, and what is next."""
    waves = campaigning.waves_of(desk.db, desk.survey)
    found = [(wave, coding.overview(desk.db, wave.name)) for wave in waves]
    return render_template("staff/codingroom.html", found=found, names=_names(desk), me=me(desk))


def _names(desk: Desk) -> dict[str, str]:
    """The members by the label that they code under."""
    people = staffing.people(desk.db, desk.office.now())
    return {coding.coder_of(one.account.id): one.account.name for one in people}


class Begin(Form):
    """A codeframe to begin."""

    title = StringField("Title")
    questions = SelectMultipleField("Questions that are read together", validate_choice=False)
    themes = TextAreaField("First themes")
    who = StringField("Who is quoted", default="Survey respondent")
    by = SelectMultipleField("What quotations may say of a respondent", validate_choice=False)


@door.get("/<slug:wave>", ANALYST)
def wave(desk: Desk) -> ResponseReturnValue:
    """The form that begins a codeframe on a wave."""
    return _wave(desk, Begin())


def _wave(desk: Desk, form: Begin, status: int = 200, more: Sequence[str] = ()) -> ResponseReturnValue:
    found = coding.overview(desk.db, desk.wave.name)
    free = [question for question in found.questions if not question.codeframe]
    form.questions.choices = [(q.key, f"{q.wording} ({q.answers:,} answers)") for q in free]
    form.by.choices = [(name, name) for name in desk.wave.carry]
    page = render_template("staff/codingroom_wave.html", form=form, free=free, found=found, more=more)
    return page, status


@door.post("/<slug:wave>", ANALYST, act="codeframe-begin")
def begin(desk: Desk) -> ResponseReturnValue:
    """Begin a codeframe."""
    form = Begin()
    try:
        put = coding.begin(
            desk.db,
            desk.wave.name,
            form.title.data or "",
            form.questions.data or [],
            form.themes.data or "",
            form.who.data or "",
            form.by.data or [],
        )
    except Refused as refused:
        form.validate()
        return _wave(desk, form, 400, form.take(refused))
    return _at(desk, ".one", put.codeframe.id, f"{put.codeframe.title} is begun.")


def _at(desk: Desk, endpoint: str, codeframe: str, said: str = "", **more: Any) -> ResponseReturnValue:
    """Go to a page of a codeframe."""
    at = {"survey": desk.survey, "wave": desk.wave.name, "codeframe": codeframe}
    return go(f"coding{endpoint}", said, **at, **more)


# ── one codeframe ────────────────────────────────────────────────────────────


class Sheet(Form):
    """A sheet that somebody filled in."""

    file = FileField("Sheet (.xlsx)", [FileRequired("Choose a file")])


class Done(Form):
    """That a coder means it."""

    sure = BooleanField(
        "I have coded what I am going to code", [InputRequired("Tick the box to say that you mean it")]
    )


@door.get("/<slug:wave>/<slug:codeframe>", ANALYST)
def one(desk: Desk, codeframe: str) -> ResponseReturnValue:
    """A codeframe on its wave: how far it is, and the ways on."""
    return _one(desk, codeframe)


def _one(
    desk: Desk,
    codeframe: str,
    done: Done | None = None,
    sheet: Sheet | None = None,
    problems: Sequence[Problem] = (),
    status: int = 200,
) -> ResponseReturnValue:
    progress = coding.progress(desk.db, desk.wave.name, codeframe)
    finished = me(desk) in progress.finished
    page = render_template(
        "staff/codingroom_frame.html",
        progress=progress,
        frame=progress.frame,
        finished=finished,
        me=me(desk),
        names=_names(desk),
        open=_still_open(desk, codeframe) if finished else 0,
        standing=coding.settlement(desk.db, desk.wave.name, codeframe) if finished else None,
        done=done or Done(formdata=None),
        sheet=sheet or Sheet(formdata=None),
        problems=problems,
    )
    return page, status


def _still_open(desk: Desk, codeframe: str) -> int:
    """Answers that somebody who is done may still code: nobody has coded them."""
    pile = coding.pile(desk.db, desk.wave.name, codeframe, me(desk))
    return sum(pile.shows(said, coding.OPEN) for said in pile.answers)


@door.post("/<slug:wave>/<slug:codeframe>/finished", ANALYST, act="coding-finish")
def finish(desk: Desk, codeframe: str) -> ResponseReturnValue:
    """A coder is done, or stands aside: what others gave is open to them from now on."""
    form = Done()
    if not form.validate():
        return _one(desk, codeframe, done=form, status=400)
    coding.finish(desk.db, desk.wave.name, codeframe, me(desk))
    return _at(desk, ".one", codeframe, "You are done. You can see now what others gave.")


@door.get("/<slug:wave>/<slug:codeframe>/sheet", ANALYST)
def sheet(desk: Desk, codeframe: str) -> ResponseReturnValue:
    """The member's own coding sheet."""
    content = coding.sheet(desk.db, desk.wave.name, codeframe, me(desk))
    return file_answer(content, f"{desk.wave.name}-{codeframe}-coding.xlsx")


@door.post("/<slug:wave>/<slug:codeframe>/sheet", ANALYST, act="coding-load")
def load(desk: Desk, codeframe: str) -> ResponseReturnValue:
    """Take in the member's own coding sheet, all of it or nothing."""

    def take(name: str, content: bytes) -> str:
        loaded = coding.load(desk.db, desk.wave.name, name, content, me(desk), codeframe)
        return f"{loaded.given:,} answers are coded, {loaded.blank:,} are left blank."

    return _loaded(desk, codeframe, take)


@door.get("/<slug:wave>/<slug:codeframe>/settling-sheet", ANALYST)
def settling_sheet(desk: Desk, codeframe: str) -> ResponseReturnValue:
    """The answers on which coders differ, as a sheet."""
    coding.check_done(desk.db, desk.wave.name, codeframe, me(desk))
    content = coding.settling_sheet(desk.db, desk.wave.name, codeframe)
    return file_answer(content, f"{desk.wave.name}-{codeframe}-settling.xlsx")


@door.post("/<slug:wave>/<slug:codeframe>/settling-sheet", ANALYST, act="settling-load")
def load_settling(desk: Desk, codeframe: str) -> ResponseReturnValue:
    """Take in what was decided on a sheet, all of it or nothing."""
    coding.check_done(desk.db, desk.wave.name, codeframe, me(desk))

    def take(name: str, content: bytes) -> str:
        loaded = coding.load_settling(desk.db, desk.wave.name, codeframe, name, content)
        return f"{loaded.given:,} answers are decided, {loaded.blank:,} are left open."

    return _loaded(desk, codeframe, take)


def _loaded(desk: Desk, codeframe: str, take: Callable[[str, bytes], str]) -> ResponseReturnValue:
    form = Sheet()
    coding.progress(desk.db, desk.wave.name, codeframe)
    if not form.validate():
        return _one(desk, codeframe, sheet=form, status=400)
    try:
        said = take(form.file.data.filename or "sheet.xlsx", form.file.data.read())
    except Refused as refused:
        return _one(desk, codeframe, sheet=form, problems=refused.problems, status=400)
    return _at(desk, ".one", codeframe, said)


# ── a codeframe as a file ────────────────────────────────────────────────────


@door.get("/<slug:wave>/<slug:codeframe>/file", ANALYST)
def as_file(desk: Desk, codeframe: str) -> ResponseReturnValue:
    """The codeframe as JSON, to be kept, changed, or put on another wave."""
    content = coding.document(desk.db, desk.wave.name, codeframe).encode()
    return file_answer(content, f"{desk.survey}-{codeframe}.json")


class CodeframeFile(Form):
    """A codeframe that somebody wrote as JSON."""

    file = FileField("JSON file", [FileRequired("Choose a file")])


@door.get("/<slug:wave>/from-file", ANALYST)
def from_file(desk: Desk) -> ResponseReturnValue:
    """The form that takes a codeframe in, or a newer version of one."""
    return _from_file(desk, CodeframeFile(formdata=None))


def _from_file(
    desk: Desk, form: CodeframeFile, problems: Sequence[Problem] = (), status: int = 200
) -> ResponseReturnValue:
    return render_template("staff/codingroom_file.html", form=form, problems=problems, put=None), status


@door.ask("/<slug:wave>/from-file", ANALYST)
def weigh_file(desk: Desk) -> ResponseReturnValue:
    """What a file would do to the work under its codeframe, before it is put in use."""
    form = CodeframeFile()
    if not form.validate():
        return _from_file(desk, form, status=400)
    content = form.file.data.read()
    try:
        put = coding.weigh(desk.db, desk.wave.name, content)
    except Refused as refused:
        return _from_file(desk, form, refused.problems, 400)
    return render_template(
        "staff/codingroom_file.html",
        form=CodeframeFile(formdata=None),
        problems=(),
        put=put,
        document=content.decode("utf-8-sig"),
    )


@door.post("/<slug:wave>/from-file/put", ANALYST, act="codeframe-load")
def put_file(desk: Desk) -> ResponseReturnValue:
    """Put a codeframe in use whose consequences were shown."""
    content = request.form.get("document", "").replace("\r\n", "\n").encode()
    try:
        done = coding.put_codeframe(desk.db, desk.wave.name, content)
    except Refused as refused:
        return _from_file(desk, CodeframeFile(formdata=None), refused.problems, 400)
    said = f"Version {done.codeframe.version} of {done.codeframe.id} is in use."
    return _at(desk, ".one", done.codeframe.id, said)


# ── changing a codeframe ─────────────────────────────────────────────────────


@door.get("/<slug:wave>/<slug:codeframe>/change", ANALYST)
def change(desk: Desk, codeframe: str) -> ResponseReturnValue:
    """The themes as a form."""
    before = _document(desk, codeframe)
    progress = coding.progress(desk.db, desk.wave.name, codeframe)
    version = next_version(before["version"]) if progress.coded else before["version"]
    by = tuple(before.get("attribution", {}).get("by", ()))
    heads = Heads(str(progress.frame.title), version, who_of(before), by)
    return _change(desk, codeframe, heads, rows_of(before))


@door.ask("/<slug:wave>/<slug:codeframe>/change", ANALYST)
def check_change(desk: Desk, codeframe: str) -> ResponseReturnValue:
    """A further theme in the form, the form again, or what its changes would do."""
    heads, rows = _filled_in()
    if request.form.get("do") == "add":
        blank = Row(place=str(len(rows) + 1))
        return _change(desk, codeframe, heads, [*rows, blank])
    if request.form.get("do") == "edit":
        return _change(desk, codeframe, heads, rows)
    ordered = in_order(rows)
    try:
        put = coding.weigh(desk.db, desk.wave.name, _reworked(desk, codeframe, heads, ordered))
    except Refused as refused:
        return _change(desk, codeframe, heads, ordered, refused.problems, 400)
    hidden = [
        ("title", heads.title),
        ("version", heads.version),
        ("who", heads.who),
        *(("by", b) for b in heads.by),
    ]
    hidden += [("themes", str(len(ordered)))]
    hidden += [(f"theme-{i}-{n}", getattr(row, n)) for i, row in enumerate(ordered) for n in ROW_FIELDS]
    return render_template(
        "staff/codingroom_weighed.html",
        put=put,
        frame=put.codeframe,
        hidden=hidden,
        ordered=ordered,
        before=coding.progress(desk.db, desk.wave.name, codeframe).frame,
    )


@door.post("/<slug:wave>/<slug:codeframe>/version", ANALYST, act="codeframe-change")
def put(desk: Desk, codeframe: str) -> ResponseReturnValue:
    """Put a changed codeframe in use."""
    heads, rows = _filled_in()
    ordered = in_order(rows)
    try:
        done = coding.put_codeframe(desk.db, desk.wave.name, _reworked(desk, codeframe, heads, ordered))
    except Refused as refused:
        return _change(desk, codeframe, heads, ordered, refused.problems, 400)
    return _at(desk, ".one", codeframe, f"Version {done.codeframe.version} is in use.")


def _change(
    desk: Desk,
    codeframe: str,
    heads: Heads,
    rows: Sequence[Row],
    problems: Sequence[Problem] = (),
    status: int = 200,
) -> ResponseReturnValue:
    progress = coding.progress(desk.db, desk.wave.name, codeframe)
    faults, more = _at_fields(problems, rows)
    page = render_template(
        "staff/codingroom_change.html",
        progress=progress,
        frame=progress.frame,
        heads=heads,
        rows=rows,
        faults=faults,
        more=more,
        carry=desk.wave.carry,
    )
    return page, status


def _document(desk: Desk, codeframe: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(coding.document(desk.db, desk.wave.name, codeframe))
    return found


def _reworked(desk: Desk, codeframe: str, heads: Heads, ordered: Sequence[Row]) -> bytes:
    before = _document(desk, codeframe)
    in_use = bool(coding.progress(desk.db, desk.wave.name, codeframe).coded)
    return json.dumps(reworked(before, heads, ordered, in_use), indent=1, ensure_ascii=False).encode()


def _filled_in() -> tuple[Heads, list[Row]]:
    """The form as it was filled in."""
    form = request.form
    heads = Heads(form.get("title", ""), form.get("version", ""), form.get("who", ""), tuple(form.getlist("by")))
    count = form.get("themes", "0")
    if not re.fullmatch("[0-9]{1,3}", count) or int(count) > MOST_THEMES:
        raise SurveyError(f"a codeframe has at most {MOST_THEMES} themes")
    rows = [Row(**{n: form.get(f"theme-{i}-{n}", "") for n in ROW_FIELDS}) for i in range(int(count))]
    return heads, rows


def _at_fields(problems: Sequence[Problem], rows: Sequence[Row]) -> tuple[dict[str, list[str]], list[str]]:
    """Problems of the document at the fields that it was made from, and those that belong to none."""
    faults: dict[str, list[str]] = {}
    more = []
    for problem in problems:
        name = _field_of(problem.at, rows)
        words = f"{problem.what[:1].upper()}{problem.what[1:]}; {problem.do}"
        if name:
            faults.setdefault(name, []).append(words)
        else:
            more.append(words)
    return faults, more


def _field_of(at: str, rows: Sequence[Row]) -> str:
    parts = at.strip("/").split("/")
    if parts[0] == "themes" and len(parts) >= 3:
        return f"theme-{parts[1]}-{parts[2]}"
    if parts[0] == "was" and len(parts) >= 3:
        place = next((i for i, row in enumerate(rows) if row.was == parts[2]), None)
        return "" if place is None else f"theme-{place}-became"
    return {"title": "title", "version": "version", "attribution": "who", "was": ""}.get(parts[0], "")


# ── the coding screen ────────────────────────────────────────────────────────


class Key(NamedTuple):
    """One thing that an answer can be given, with the key that gives it ("" if there are more than keys)."""

    code: str
    label: str
    key: str
    definition: str = ""


class Group(NamedTuple):
    """Themes that are parts of a net, or stand for themselves (no net)."""

    net: str
    keys: tuple[Key, ...]


_KEYS = [*"123456789", *(letter for letter in string.ascii_lowercase if letter != "u")]
"""The keys of themes; u takes back."""

_MARK_KEYS = {NOTHING: "0", UNCODABLE: "-"}


def _groups(frame: Codeframe) -> list[Group]:
    keys = {code: _KEYS[i] if i < len(_KEYS) else "" for i, code in enumerate(_coded_order(frame))}
    groups: list[Group] = []
    for net, themes in _by_net(frame):
        found = tuple(Key(t.code, str(t.label), keys[t.code], str(t.definition)) for t in themes)
        groups.append(Group(net, found))
    return groups


def _by_net(frame: Codeframe) -> list[tuple[str, list[Theme]]]:
    """Themes to code with, in the order of the codeframe, the parts of a net together under its label."""
    groups: list[tuple[str, list[Theme]]] = []
    for theme in frame.themes:
        if theme.code in frame.nets:
            groups.append((str(theme.label), [part for part in frame.themes if part.parent == theme.code]))
        elif theme.parent is None:
            if not groups or groups[-1][0]:
                groups.append(("", []))
            groups[-1][1].append(theme)
    return groups


def _coded_order(frame: Codeframe) -> list[str]:
    return [theme.code for _, themes in _by_net(frame) for theme in themes]


def _marks() -> list[Key]:
    return [Key(code, label, _MARK_KEYS[code]) for code, label in MARKS.items()]


@door.get("/<slug:wave>/<slug:codeframe>/answers", ANALYST)
def answers(desk: Desk, codeframe: str) -> ResponseReturnValue:
    """The way to the first answer that is still to code."""
    pile = coding.pile(desk.db, desk.wave.name, codeframe, me(desk))
    position = pile.after(0, coding.OPEN) or pile.after(0)
    if position is None:
        raise SurveyError("no answers to these questions have been released yet")
    return redirect(_place(desk, pile, position, coding.OPEN))


def _place(desk: Desk, pile: coding.Pile, position: int, show: str) -> str:
    at: dict[str, Any] = {"survey": desk.survey, "wave": desk.wave.name, "codeframe": pile.frame.id}
    return url_for(".answer", **at, position=position, show=None if show == coding.ALL else show)


@door.get("/<slug:wave>/<slug:codeframe>/answers/<int:position>", ANALYST)
def answer(desk: Desk, codeframe: str, position: int) -> ResponseReturnValue:
    """The coding screen: one answer, and the themes at its side."""
    pile = coding.pile(desk.db, desk.wave.name, codeframe, me(desk))
    said = pile.at(position)
    return _screen(desk, pile, position, _show(pile, request.args.get("show", "")), pile.codes(said))


def _screen(
    desk: Desk, pile: coding.Pile, position: int, show: str, codes: Codes, fault: str = "", status: int = 200
) -> ResponseReturnValue:
    said = pile.at(position)
    before, after = pile.before(position, show), pile.after(position, show)
    page = render_template(
        "staff/codingroom_answer.html",
        pile=pile,
        frame=pile.frame,
        text=said,
        token=_token(said.answer),
        asked=pile.wordings.get(_plain(said.answer[0]), said.answer[0]),
        position=position,
        show=show,
        codes=codes,
        note=pile.note(said),
        closed=said.answer in pile.closed,
        groups=_groups(pile.frame),
        marks=_marks(),
        before=_place(desk, pile, before, show) if before else "",
        after=_place(desk, pile, after, show) if after else "",
        fault=fault,
    )
    return page, status


def _show(pile: coding.Pile, wanted: str) -> str:
    """What is leafed through: only what there is."""
    return wanted if wanted in {coding.OPEN, *pile.frame.coded, *MARKS} else coding.ALL


def _plain(key: str) -> str:
    return re.sub("@[0-9]+", "", key)


def _token(answer: Answer) -> str:
    """What names an answer in the body of a request."""
    key, id_ = answer
    return f"{id_.hex()} {key}"


def _answer(token: str) -> Answer:
    """Raises `NotFound` for what names no answer."""
    found = re.fullmatch("([0-9a-f]{2,64}) ([a-z0-9_.@-]{1,200})", token)
    if found is None or len(found[1]) % 2:
        raise NotFound("there is no such answer")
    return found[2], bytes.fromhex(found[1])


@door.post("/<slug:wave>/<slug:codeframe>/answers", ANALYST, act="answers-code", daily=True)
def give(desk: Desk, codeframe: str) -> ResponseReturnValue:
    """Keep what the member gave one answer; a script is told how many are coded, a form goes on to the next."""
    which, codes = _answer(request.form.get("answer", "")), frozenset(request.form.getlist("codes"))
    asked_by_script = request.accept_mimetypes.best == "application/json"
    try:
        coded = coding.give(desk.db, desk.wave.name, codeframe, me(desk), which, codes)
    except Refused as refused:
        fault = "; ".join(f"{p.what[:1].upper()}{p.what[1:]}; {p.do}" for p in refused.problems)
        return (jsonify(fault=fault), 400) if asked_by_script else _again(desk, codeframe, which, codes, fault)
    return jsonify(coded=coded) if asked_by_script else _on(desk, codeframe, which)


def _again(desk: Desk, codeframe: str, which: Answer, codes: Codes, fault: str) -> ResponseReturnValue:
    pile = coding.pile(desk.db, desk.wave.name, codeframe, me(desk))
    return _screen(
        desk, pile, _position(pile, which), _show(pile, request.form.get("show", "")), codes, fault, 400
    )


def _on(desk: Desk, codeframe: str, which: Answer) -> ResponseReturnValue:
    """To the next answer of what is leafed through, or back to the codeframe if that was the last."""
    pile = coding.pile(desk.db, desk.wave.name, codeframe, me(desk))
    show = _show(pile, request.form.get("show", ""))
    after = pile.after(_position(pile, which), show)
    if after is None:
        return _at(desk, ".one", codeframe, "There are no more answers of this kind.")
    return redirect(_place(desk, pile, after, show), 303)


def _position(pile: coding.Pile, which: Answer) -> int:
    return next((i for i, said in enumerate(pile.answers, 1) if said.answer == which), 1)


@door.ask("/<slug:wave>/<slug:codeframe>/search", ANALYST)
def search(desk: Desk, codeframe: str) -> ResponseReturnValue:
    """Answers that hold words; asked for in the body, for what people wrote has no place in an address."""
    pile = coding.pile(desk.db, desk.wave.name, codeframe, me(desk))
    words = request.form.get("words", "")[:200]
    found = [(position, pile.at(position)) for position in pile.holding(words)]
    page = {"pile": pile, "frame": pile.frame, "words": words, "found": found}
    return render_template("staff/codingroom_found.html", **page)


# ── agreement and differences ────────────────────────────────────────────────


@door.get("/<slug:wave>/<slug:codeframe>/agreement", ANALYST)
def agreement(desk: Desk, codeframe: str) -> ResponseReturnValue:
    """How far coders agree: roughly for those who still code, in full for those who are done."""
    progress = coding.progress(desk.db, desk.wave.name, codeframe)
    finished = me(desk) in progress.finished
    pairs, rough = [], []
    if len(progress.coded) > 1 and finished:
        pairs = coding.agreement(desk.db, desk.wave.name, codeframe)
    elif len(progress.coded) > 1:
        rough = coding.rough_agreement(desk.db, desk.wave.name, codeframe, me(desk))
    return render_template(
        "staff/codingroom_agreement.html",
        progress=progress,
        frame=progress.frame,
        finished=finished,
        pairs=pairs,
        rough=rough,
        names=_names(desk),
    )


@door.get("/<slug:wave>/<slug:codeframe>/differences", ANALYST)
def differences(desk: Desk, codeframe: str) -> ResponseReturnValue:
    """The way to the first difference that is open."""
    found = coding.differences(desk.db, desk.wave.name, codeframe, me(desk))
    if not found:
        return _at(desk, ".one", codeframe, "Coders differ on no answer.")
    place = next((i for i, one in enumerate(found, 1) if one.decided is None), 1)
    return _at(desk, ".difference", codeframe, position=place)


@door.get("/<slug:wave>/<slug:codeframe>/differences/<int:position>", ANALYST)
def difference(desk: Desk, codeframe: str, position: int) -> ResponseReturnValue:
    """One answer on which coders differ, with what each gave, without names."""
    return _difference(desk, codeframe, position)


def _difference(
    desk: Desk, codeframe: str, position: int, codes: Codes | None = None, fault: str = "", status: int = 200
) -> ResponseReturnValue:
    found = coding.differences(desk.db, desk.wave.name, codeframe, me(desk))
    if not 1 <= position <= len(found):
        raise NotFound("there is no such difference; it may be settled")
    frame = coding.progress(desk.db, desk.wave.name, codeframe).frame
    one = found[position - 1]
    page = render_template(
        "staff/codingroom_difference.html",
        frame=frame,
        one=one,
        some=frozenset[str]().union(*one.given),
        position=position,
        count=len(found),
        open=sum(each.decided is None for each in found),
        codes=codes if codes is not None else one.decided or one.agreed,
        groups=_groups(frame),
        marks=_marks(),
        fault=fault,
    )
    return page, status


@door.post("/<slug:wave>/<slug:codeframe>/differences", ANALYST, act="answers-settle", daily=True)
def settle(desk: Desk, codeframe: str) -> ResponseReturnValue:
    """Settle one answer, and go on to the next that is open."""
    label, codes = request.form.get("label", ""), frozenset(request.form.getlist("codes"))
    try:
        coding.decide(desk.db, desk.wave.name, codeframe, me(desk), label, codes)
    except Refused as refused:
        found = coding.differences(desk.db, desk.wave.name, codeframe, me(desk))
        place = next((i for i, one in enumerate(found, 1) if one.label == label), 0)
        if not place:
            raise
        fault = "; ".join(f"{p.what[:1].upper()}{p.what[1:]}; {p.do}" for p in refused.problems)
        return _difference(desk, codeframe, place, codes, fault, 400)
    found = coding.differences(desk.db, desk.wave.name, codeframe, me(desk))
    left = [i for i, one in enumerate(found, 1) if one.decided is None]
    if not left:
        return _at(desk, ".one", codeframe, "Everything on which coders differed is settled.")
    return _at(desk, ".difference", codeframe, position=left[0])


# ── quotations ───────────────────────────────────────────────────────────────


class Quote(Form):
    """Words to print."""

    label = HiddenField()
    words = TextAreaField("Words to print")
    under = SelectField("Quote under", validate_choice=False)
    read = BooleanField("I have judged that what is left in identifies nobody")


@door.get("/<slug:wave>/<slug:codeframe>/quotations", ANALYST)
def quotations(desk: Desk, codeframe: str) -> ResponseReturnValue:
    """The cleared quotations, and the answers to choose from."""
    return _quotations(desk, codeframe)


def _quotations(
    desk: Desk, codeframe: str, sheet: Sheet | None = None, problems: Sequence[Problem] = ()
) -> ResponseReturnValue:
    cleared = coding.clearances(desk.db, desk.wave.name, codeframe, me(desk))
    frame = coding.progress(desk.db, desk.wave.name, codeframe).frame
    offers, refusal = _offers(desk, codeframe)
    under = request.args.get("under", "")
    chosen = [(i, o) for i, o in enumerate(offers, 1) if not under or under in dict(o.headings)]
    page = page_asked()
    shown = render_template(
        "staff/codingroom_quotations.html",
        frame=frame,
        sheet=sheet or Sheet(formdata=None),
        problems=problems,
        cleared=cleared,
        refusal=refusal,
        under=under,
        page=page,
        last=max(1, -(-len(chosen) // A_PAGE)),
        count=len(chosen),
        chosen=chosen[(page - 1) * A_PAGE : page * A_PAGE],
    )
    return shown, 400 if sheet else 200


@door.get("/<slug:wave>/<slug:codeframe>/quoting-sheet", ANALYST)
def quoting_sheet(desk: Desk, codeframe: str) -> ResponseReturnValue:
    """The answers that may be quoted, as a sheet to choose on."""
    coding.check_done(desk.db, desk.wave.name, codeframe, me(desk))
    content = coding.quoting_sheet(desk.db, desk.wave.name, codeframe, framing.names(desk.db, desk.wave.name))
    return file_answer(content, f"{desk.wave.name}-{codeframe}-quoting.xlsx")


@door.post("/<slug:wave>/<slug:codeframe>/quoting-sheet", ANALYST, act="quotations-load")
def load_quotations(desk: Desk, codeframe: str) -> ResponseReturnValue:
    """Clear what was chosen on a sheet, in place of all before; all of it or nothing."""
    coding.check_done(desk.db, desk.wave.name, codeframe, me(desk))
    form = Sheet()
    if not form.validate():
        return _quotations(desk, codeframe, form)
    name, names = form.file.data.filename or "sheet.xlsx", framing.names(desk.db, desk.wave.name)
    try:
        content = form.file.data.read()
        found = coding.clear(desk.db, desk.wave.name, codeframe, name, content, names, may_see_names=False)
    except Refused as refused:
        return _quotations(desk, codeframe, form, refused.problems)
    count = "1 quotation is" if len(found) == 1 else f"{len(found):,} quotations are"
    return _at(desk, ".quotations", codeframe, f"{count} cleared, in place of all before.")


def _offers(desk: Desk, codeframe: str) -> tuple[list[coding.Offer], str]:
    """The answers that may be quoted, or why none may be."""
    try:
        return coding.offers(desk.db, desk.wave.name, codeframe, me(desk)), ""
    except coding.StillCoding:
        raise
    except SurveyError as error:
        return [], str(error)


@door.get("/<slug:wave>/<slug:codeframe>/quotations/<int:position>", ANALYST)
def quotation(desk: Desk, codeframe: str, position: int) -> ResponseReturnValue:
    """One answer to quote, with what may identify taken out of the words proposed."""
    offers = coding.offers(desk.db, desk.wave.name, codeframe, me(desk))
    if not 1 <= position <= len(offers):
        raise NotFound("there is no such answer to quote")
    return _quotation(desk, codeframe, offers[position - 1])


def _quotation(
    desk: Desk, codeframe: str, offer: coding.Offer, form: Quote | None = None, more: Sequence[str] = ()
) -> ResponseReturnValue:
    """The names of the frame are looked for in these words and stand on no page of their own."""
    proposed, told = coding.suggestion(offer.words, framing.names(desk.db, desk.wave.name))
    words, under = (offer.cleared.words, offer.cleared.theme) if offer.cleared else (proposed, "")
    shown = form or Quote(formdata=None, label=offer.label, words=words, under=under)
    shown.under.choices = offer.headings
    frame = coding.progress(desk.db, desk.wave.name, codeframe).frame
    page = {"offer": offer, "told": told, "form": shown, "more": more, "frame": frame}
    return render_template("staff/codingroom_quotation.html", **page), 400 if form else 200


@door.post("/<slug:wave>/<slug:codeframe>/quotations", ANALYST, act="answer-quote")
def quote(desk: Desk, codeframe: str) -> ResponseReturnValue:
    """Clear one quotation."""
    form = Quote()
    label = form.label.data or ""
    wish = coding.Wish(form.under.data or "", " ".join((form.words.data or "").split()), bool(form.read.data))
    names = framing.names(desk.db, desk.wave.name)
    try:
        coding.quote(desk.db, desk.wave.name, codeframe, me(desk), label, wish, names)
    except Refused as refused:
        offers = {o.label: o for o in coding.offers(desk.db, desk.wave.name, codeframe, me(desk))}
        if label not in offers:
            raise
        form.validate()
        more = form.take(refused)
        return _quotation(desk, codeframe, offers[label], form, more)
    return _at(desk, ".quotations", codeframe, "The quotation is cleared.")


@door.post("/<slug:wave>/<slug:codeframe>/quotations/withdrawn", ANALYST, act="quotation-withdraw")
def withdraw(desk: Desk, codeframe: str) -> ResponseReturnValue:
    """Take a quotation back."""
    label = request.form.get("label", "")
    coding.withdraw(desk.db, desk.wave.name, codeframe, me(desk), label)
    return _at(desk, ".quotations", codeframe, "The quotation is withdrawn.")


@door.get("/<slug:wave>/<slug:codeframe>/quotations/table", ANALYST)
def quotation_table(desk: Desk, codeframe: str) -> ResponseReturnValue:
    """The cleared quotations as a workbook."""
    coding.check_done(desk.db, desk.wave.name, codeframe, me(desk))
    content = coding.quotations_file(desk.db, desk.wave.name, codeframe, ".xlsx")
    return file_answer(content, f"{desk.wave.name}-{codeframe}-quotations.xlsx")
