"""The editor for people who write no JSON: the parts of a questionnaire in a list, and a form for each of them."""

import json
from collections.abc import Mapping

from flask import render_template, request
from flask.typing import ResponseReturnValue

from surveyapp import drafting
from surveyapp.instrument import editing, splicing
from surveyapp.instrument.checking import Examined
from surveyapp.instrument.conditioning import Operand, SingleTest, condition_of, operands, said_by_form, unsaid
from surveyapp.instrument.editing import Fixed, wording_of
from surveyapp.instrument.fields import FRONT, LISTED, TYPES, depth_of, fields, lists
from surveyapp.instrument.outline import conditions_in_words
from surveyapp.problems import NotFound, Problem, Refused
from surveyapp.roles import AUTHOR
from surveyapp.web.staff.doors import Desk
from surveyapp.web.staff.editordesk import change, door, opened, preview, said_of, typed, value_of
from surveyapp.web.staff.pages import go

MOST_TESTS = 20


# ── the list of parts ────────────────────────────────────────────────────────


@door.get("/<edition:manuscript>/parts", AUTHOR)
def parts(desk: Desk, manuscript: str) -> ResponseReturnValue:
    """Sections, pages and questions in order, to be moved, added to and opened."""
    try:
        paper, examined = opened(desk, manuscript)
    except Refused as refused:
        paper = drafting.manuscript(desk.db, desk.survey, manuscript)
        return render_template("staff/editor_unread.html", paper=paper, problems=refused.problems)
    value = value_of(examined)
    found = [(place, part, _words(part, value)) for place, part in editing.parts(value)]
    return render_template(
        "staff/editor_parts.html", paper=paper, found=found, problems=examined.problems, last=_last(value)
    )


def _last(value: Mapping[str, object]) -> set[str]:
    """The places of the parts that stand last among theirs."""
    last: dict[str, str] = {}
    for place, _ in editing.parts(value):
        last[f"{place.count('-')} {place.rpartition('-')[0]}"] = place
    return set(last.values())


def _words(part: Mapping[str, object], value: Mapping[str, object]) -> str:
    return wording_of(part.get("text") or part.get("title") or part.get("label"), value)


@door.post("/<edition:manuscript>/arrange", AUTHOR, act="manuscript-save", said=("do",))
def arrange(desk: Desk, manuscript: str) -> ResponseReturnValue:
    """Move a part up or down, or a question to another page."""
    what, _, place = request.form.get("do", "").partition(" ")
    to, now = request.form.get("to", ""), [place]

    def edit(text: str, examined: Examined) -> str:
        value = value_of(examined)
        if what == "carry":
            text, now[0] = editing.carried(text, value, place, to)
            return text
        if what not in {"up", "down"}:
            raise NotFound("there is no such button")
        text, now[0] = editing.moved(text, value, place, -1 if what == "up" else 1)
        return text

    change(desk, manuscript, edit)
    where = f"part-{now[0]}"
    return go("editor.parts", "Moved.", survey=desk.survey, manuscript=manuscript, _anchor=where)


# ── one part ─────────────────────────────────────────────────────────────────


@door.get("/<edition:manuscript>/parts/<slug:place>", AUTHOR)
def part(desk: Desk, manuscript: str, place: str) -> ResponseReturnValue:
    """The form of a section, a page, a question or the words around them."""
    return _part(desk, manuscript, place)


def _part(
    desk: Desk,
    manuscript: str,
    place: str,
    form: Mapping[str, str] | None = None,
    refused: Refused | None = None,
    wrong_name: bool = False,
) -> str:
    paper, examined = opened(desk, manuscript)
    value = value_of(examined)
    part = editing.part_at(value, place) if place != FRONT else value
    spoken = editing.languages(value)
    line = examined.document.lines.get(editing.at_place(place), 1) if examined.document else 1
    faults: dict[str, list[str]] = {}
    for problem in refused.problems if refused else ():
        faults.setdefault(problem.at, []).append(f"{problem.what}; {problem.do}")
    return render_template(
        "staff/editor_part.html",
        paper=paper,
        place=place,
        depth=depth_of(place),
        part=part,
        words=_words(part, value),
        fields=fields(place, part),
        lists=lists(place, part),
        counts=editing.counts(place, part),
        listed=LISTED,
        is_led=value.get("mode") == "interviewer",
        amounts=editing.amounts(value, place) if depth_of(place) == 1 else [],
        types=TYPES,
        spoken=spoken,
        form=form or editing.filled(place, part, spoken),
        faults=faults,
        sure=isinstance(refused, Fixed),
        wrong_name=wrong_name,
        shown=preview(examined, line, request.args.get("language", "")),
        line=line,
        page_list=[(at, each) for at, each in editing.parts(value) if at.count("-") == 1],
        condition=_condition_words(examined, place, part),
        **_lasting(desk, examined, place, part),
    )


def _lasting(desk: Desk, examined: Examined, place: str, part: Mapping[str, object]) -> dict[str, object]:
    """What a change or the end of a part does to the trend: `since` a version, the `verdict` on a question, and
    the published questions in the part, which have answers `kept` under their ids.
    """
    inside = [p for at, p in editing.parts(value_of(examined)) if at == place or at.startswith(f"{place}-")]
    names = {str(each.get("id")) for each in inside if each.get("type")}
    kept = sorted(names & drafting.published_names(desk.db, desk.survey).keys())
    trend = drafting.trend(desk.db, desk.survey, examined) if kept and depth_of(place) == 2 else None
    found = [v for v in trend.verdicts if v.question == part.get("id")] if trend else []
    return {"kept": kept, "since": trend.old if trend else "", "verdict": found[0] if found else None}


def _condition_words(examined: Examined, place: str, part: Mapping[str, object]) -> str:
    """The condition of a part in words; as JSON in a questionnaire with problems; "" for none."""
    condition = part.get("show_if")
    if condition is None or place == FRONT:
        return ""
    if examined.instrument is None or examined.problems:
        return json.dumps(condition, ensure_ascii=False)
    found: object = examined.instrument
    keys = editing.shown_at(value_of(examined), place)[1].split("/")[1:]
    for key, index in zip(keys[::2], keys[1::2], strict=True):
        found = getattr(found, key)[int(index)]
    instrument = examined.instrument
    return conditions_in_words(instrument, instrument.languages[0])(getattr(found, "show_if", None))


@door.post("/<edition:manuscript>/parts/<slug:place>", AUTHOR, act="manuscript-save", said=("do",))
def save_part(desk: Desk, manuscript: str, place: str) -> ResponseReturnValue:
    """Save the form of a part; a button in one of its lists moves, adds or removes an entry after that."""
    form, action = typed(), request.form.get("do", "")
    published = drafting.published_names(desk.db, desk.survey)

    def edit(text: str, examined: Examined) -> str:
        sure = "sure" in form
        new = editing.edited(text, value_of(examined), place, form, published, sure)
        return editing.acted(new, place, action, published, sure)

    try:
        saved = change(desk, manuscript, edit)
    except Refused as refused:
        return _part(desk, manuscript, place, form, refused), 400
    said = said_of(saved)
    anchor = action.split("-")[1] if "-" in action else None
    return go("editor.part", said, survey=desk.survey, manuscript=manuscript, place=place, _anchor=anchor)


@door.post("/<edition:manuscript>/remove/<slug:place>", AUTHOR, act="manuscript-save")
def remove(desk: Desk, manuscript: str, place: str) -> ResponseReturnValue:
    """Remove a section, a page or a question whose id was typed."""
    _, examined = opened(desk, manuscript)
    named = request.form.get("named", "").strip()
    if named != str(editing.part_at(value_of(examined), place).get("id")) or place == FRONT:
        return _part(desk, manuscript, place, wrong_name=True), 400
    change(desk, manuscript, lambda text, examined: editing.without(text, value_of(examined), place))
    return go("editor.parts", f"{named} has been removed.", survey=desk.survey, manuscript=manuscript)


# ── a new question ───────────────────────────────────────────────────────────


@door.get("/<edition:manuscript>/add/<slug:place>", AUTHOR)
def add(desk: Desk, manuscript: str, place: str) -> ResponseReturnValue:
    """Choose what is added: a question on a page, or on a new page, or in a new section."""
    return _add(desk, manuscript, place, {}, ())


def _add(desk: Desk, manuscript: str, place: str, form: Mapping[str, str], problems: tuple[Problem, ...]) -> str:
    paper, examined = opened(desk, manuscript)
    depth = depth_of(place)
    if depth > 1:
        raise NotFound("a question can be added to a page, not to a question")
    part = editing.part_at(value_of(examined), place) if depth >= 0 else {}
    faults = {problem.at: f"{problem.what}; {problem.do}" for problem in problems}
    more = {"paper": paper, "place": place, "depth": depth, "part": part, "types": TYPES}
    return render_template("staff/editor_add.html", form=form, faults=faults, **more)


@door.post("/<edition:manuscript>/add/<slug:place>", AUTHOR, act="manuscript-save", said=("type", "id"))
def put_in(desk: Desk, manuscript: str, place: str) -> ResponseReturnValue:
    """Put in a new question and go on to its form."""
    form, now = typed(), [""]
    named = {name: form.get(name, "").strip() for name in ("type", "text", "id", "title")}

    def edit(text: str, examined: Examined) -> str:
        if missing := _missing(named):
            raise Refused(missing)
        kind, words, name, title = named["type"], named["text"], named["id"], named["title"]
        new, now[0] = editing.with_question(text, value_of(examined), place, kind, words, name, title)
        problems = drafting.readable(new).problems
        if faults := editing.faults(problems, now[0], {"id": "", "text": ""}):
            raise Refused(faults)
        return new

    try:
        saved = change(desk, manuscript, edit)
    except Refused as refused:
        return _add(desk, manuscript, place, form, refused.problems), 400
    return go("editor.part", said_of(saved), survey=desk.survey, manuscript=manuscript, place=now[0])


def _missing(named: Mapping[str, str]) -> list[Problem]:
    found = []
    if named["type"] not in TYPES:
        found.append(Problem("type", "no type was chosen", "choose what kind of question it is"))
    if not named["text"]:
        found.append(Problem("text", "the question has no words", "write it"))
    return found


# ── conditions ───────────────────────────────────────────────────────────────


@door.get("/<edition:manuscript>/condition/<slug:place>", AUTHOR)
def condition(desk: Desk, manuscript: str, place: str) -> ResponseReturnValue:
    """When a part is shown: a form for what it can say."""
    return _condition(desk, manuscript, place)


def _condition(
    desk: Desk,
    manuscript: str,
    place: str,
    posted: tuple[str, list[SingleTest]] | None = None,
    faults: tuple[tuple[int, str], ...] = (),
    more: tuple[str, ...] = (),
) -> str:
    paper, examined = opened(desk, manuscript)
    if place == FRONT:
        raise NotFound("the words around the questions are shown to everybody")
    value = value_of(examined)
    around, at, part = editing.shown_at(value, place)
    known = operands(value, place, editing.languages(value)[0])
    said = posted or said_by_form(part.get("show_if"))
    link, tests = said or ("all", [])
    shown = [(test, next((each for each in known if each.key == test.key), None)) for test in tests]
    return render_template(
        "staff/editor_condition.html",
        paper=paper,
        place=place,
        around=around,
        name=part.get("id") or f"{part.get('code')} of {editing.part_at(value, around).get('id')}",
        part=part,
        words=_words(part, value),
        now=_condition_words(examined, place, part),
        raw=None if said else json.dumps(part.get("show_if"), ensure_ascii=False, indent=2),
        line=examined.document.lines.get(f"{at}/show_if", 1) if examined.document else 1,
        link=link,
        tests=[*shown, (SingleTest(""), None)][:MOST_TESTS],
        known=known,
        faults=faults,
        more=more,
    )


@door.ask("/<edition:manuscript>/condition/<slug:place>/choose", AUTHOR)
def choose(desk: Desk, manuscript: str, place: str) -> ResponseReturnValue:
    """The form again, with the answers of the questions that were chosen in it."""
    return _condition(desk, manuscript, place, _posted())


@door.post("/<edition:manuscript>/condition/<slug:place>", AUTHOR, act="manuscript-save")
def save_condition(desk: Desk, manuscript: str, place: str) -> ResponseReturnValue:
    """Save a condition; one without tests is taken away."""
    link, tests = _posted()
    faults: list[tuple[int, str]] = []

    def edit(text: str, examined: Examined) -> str:
        value = value_of(examined)
        known = operands(value, place, editing.languages(value)[0])
        faults.extend(unsaid(tests, known))
        if faults:
            raise Refused([])
        return _conditioned(text, value, place, (link, tests), known)

    try:
        saved = change(desk, manuscript, edit)
    except Refused as refused:
        more = tuple(f"{problem.what}; {problem.do}" for problem in refused.problems)
        return _condition(desk, manuscript, place, (link, tests), tuple(faults), more), 400
    around = editing.part_of(place)
    anchor = place.split("-")[3] if around != place else None
    return go(
        "editor.part", said_of(saved), survey=desk.survey, manuscript=manuscript, place=around, _anchor=anchor
    )


def _conditioned(
    text: str, value: dict[str, object], place: str, said: tuple[str, list[SingleTest]], known: list[Operand]
) -> str:
    """The text with a condition as a form says it; what no form can say is never written over."""
    _, pointer, part = editing.shown_at(value, place)
    before = part.get("show_if")
    stands = said_by_form(before)
    if stands is None:
        raise Refused([Problem("show_if", "no form can say this condition", "change it in the JSON")])
    if stands == said or (stands[1] == said[1] and len(said[1]) < 2):
        return text
    at = f"{pointer}/show_if"
    condition = condition_of(*said, known)
    new = splicing.remove(text, at) if condition is None else splicing.put(text, at, condition)
    wrong = [problem for problem in drafting.readable(new).problems if problem.at.startswith(at)]
    if wrong:
        raise Refused(wrong)
    return new


def _posted() -> tuple[str, list[SingleTest]]:
    """The tests of a posted form; those without a question are passed over."""
    form = request.form
    tests = []
    for i in range(MOST_TESTS):
        key = form.get(f"t{i}.key", "")
        if key:
            same = key == form.get(f"t{i}.of", "")
            codes = tuple(form.getlist(f"t{i}.code")) if same else ()
            low, high = (form.get(f"t{i}.{end}", "").strip() if same else "" for end in ("low", "high"))
            tests.append(SingleTest(key, form.get(f"t{i}.way", "") if same else "", codes, low, high))
    return "any" if form.get("link") == "any" else "all", tests
