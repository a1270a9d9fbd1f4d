"""Tables: the waves that have some, the plans that say which, a report on a page, and a plan changed."""

from collections.abc import Mapping

from flask import Blueprint, current_app, render_template, request
from flask.typing import ResponseReturnValue

from surveyapp import campaigning, planning
from surveyapp.planning import GENERATED, Json, TablePlan
from surveyapp.problems import NotAllowed, Problem, Refused, SurveyError
from surveyapp.roles import ANALYST
from surveyapp.storage.waves import Wave
from surveyapp.web.staff import printing
from surveyapp.web.staff.doors import Desk, Door
from surveyapp.web.staff.pages import go

pages = Blueprint("tables", __name__, url_prefix="/surveys/<slug:survey>")
door = Door(pages)

METHODS = (
    ("stratify", "stratified"),
    ("poststratify", "post-stratified to the frame"),
    ("rake", "raked to the frame"),
)


@door.get("/tables", ANALYST)
def index(desk: Desk) -> ResponseReturnValue:
    """The waves of a survey with what there is of each, and its plans."""
    printing.warm(current_app.jinja_env)
    waves = [(wave, printing.why_not(desk.db, wave)) for wave in campaigning.waves_of(desk.db, desk.survey)]
    plans = planning.plans(desk.db, desk.survey)
    return render_template("staff/tables.html", waves=waves[::-1], plans=plans, generated=GENERATED)


@door.get("/waves/<slug:wave>/tables/<slug:plan>", ANALYST)
def report(desk: Desk, plan: str) -> ResponseReturnValue:
    """Every table of a plan for a wave, or with `compare` those that compare waves."""
    printing.check_ready(desk)
    chosen = planning.plan(desk.db, desk.survey, plan)
    comparing = bool(request.args.get("compare"))
    faults: list[str] = []
    shown: list[printing.Shown] = []
    try:
        made = printing.compiled(desk, desk.wave.name, chosen.json if chosen.document else None)
        shown = list(printing.all_shown(made, comparing))
    except Refused as refused:
        faults = [_plain(problem) for problem in refused.problems]
    except NotAllowed:
        raise
    except SurveyError as error:
        faults = [str(error)]
    page = render_template(
        "staff/tables_report.html",
        plan=chosen,
        shown=shown,
        faults=faults,
        comparing=comparing,
        wrong=bool(faults),
    )
    return page, 400 if faults else 200


def _plain(problem: Problem) -> str:
    place = f"line {problem.line}, {problem.at}" if problem.line else problem.at
    return f"{place}: {problem.what}; {problem.do}"


# ── plans ────────────────────────────────────────────────────────────────────


@door.get("/tables/plans/<slug:plan>", ANALYST)
def plan(desk: Desk, plan: str) -> ResponseReturnValue:
    """A plan: its tables, and what can be done with it."""
    return _plan_page(desk, planning.plan(desk.db, desk.survey, plan))


def _plan_page(desk: Desk, chosen: TablePlan, faults: list[tuple[str, str]] | None = None) -> ResponseReturnValue:
    ready = [w for w in campaigning.waves_of(desk.db, desk.survey) if not printing.why_not(desk.db, w)][::-1]
    document = chosen.json
    weights = document.get("weights") or {}
    questions = planning.material(desk.db, ready[0]).instrument.questions if ready else {}
    wordings = {name: str(question.text) for name, question in questions.items()}
    page = render_template(
        "staff/tables_plan.html",
        plan=chosen,
        tables=[_line(table, wordings) for table in chosen.tables],
        ready=ready,
        strata=_strata(ready),
        methods=METHODS,
        method=next((name for name, _ in METHODS if weights.get(name)), ""),
        weighted_by=[str(stratum) for name, _ in METHODS for stratum in weights.get(name) or []],
        unit=str(document.get("unit") or ""),
        margins=bool(document.get("margins")),
        faults=faults or [],
        given=request.form,
        wrong=bool(faults),
    )
    return page, 400 if faults else 200


def _line(table: Json, wordings: Mapping[str, str]) -> dict[str, str]:
    """What a list of tables says of one; `wordings` are those of the questions."""
    of = f"themes of {table['coded']}" if table.get("coded") else str(table.get("question", ""))
    by = [
        each if isinstance(each, str) else " within ".join(map(str, reversed(each)))
        for each in table.get("by") or []
    ]
    compares = [str(wave) for key in ("waves", "audiences") for wave in table.get(key) or []]
    return {
        "id": str(table.get("id", "")),
        "title": planning.title_of(table),
        "wording": wordings.get(str(table.get("question", "")).partition(".")[0], ""),
        "of": of,
        "by": ", ".join(map(str, by)),
        "compares": ", ".join(compares),
    }


def _strata(ready: list[Wave]) -> list[tuple[str, str]]:
    """The strata that weights can go by: those that the answers of some wave carry."""
    names = dict.fromkeys(name for wave in ready for name in wave.carry)
    return [(name, name.replace("_", " ").capitalize()) for name in names]


@door.post("/tables/plans/<slug:plan>/copy", ANALYST, act="plan-copy", said=("name",))
def copy(desk: Desk, plan: str) -> ResponseReturnValue:
    """Save a copy of a plan under another name, to be changed."""
    chosen = planning.plan(desk.db, desk.survey, plan)
    name = request.form.get("name", "").strip()
    try:
        document = chosen.document or planning.of_every_question(desk.db, desk.survey)
        planning.save(desk.db, desk.survey, name, document, desk.member.email, desk.today)
    except Refused as refused:
        return _plan_page(desk, chosen, [("copy-name", _sentence(problem)) for problem in refused.problems])
    return go("tables.plan", "The copy is saved. Change it as you like.", survey=desk.survey, plan=name)


@door.post("/tables/plans/<slug:plan>/rename", ANALYST, act="plan-rename", said=("name",))
def rename(desk: Desk, plan: str) -> ResponseReturnValue:
    """Give a saved plan another name."""
    chosen = planning.plan(desk.db, desk.survey, plan)
    name = request.form.get("name", "").strip()
    try:
        planning.rename(desk.db, desk.survey, plan, name, desk.member.email, desk.today, _revision())
    except Refused as refused:
        return _plan_page(desk, chosen, [("new-name", _sentence(problem)) for problem in refused.problems])
    return go("tables.plan", "The plan has its new name.", survey=desk.survey, plan=name)


@door.post("/tables/plans/<slug:plan>/throw-away", ANALYST, act="plan-throw-away")
def throw_away(desk: Desk, plan: str) -> ResponseReturnValue:
    """Throw a saved plan away; its name must be typed."""
    chosen = planning.plan(desk.db, desk.survey, plan)
    if request.form.get("typed", "").strip() != plan:
        return _plan_page(desk, chosen, [("typed", f"Type {plan} to throw the plan away.")])
    planning.throw_away(desk.db, desk.survey, plan, _revision())
    return go("tables.index", f"The plan {plan} was thrown away.", survey=desk.survey)


@door.post("/tables/plans/<slug:plan>/settings", ANALYST, act="plan-change")
def settings(desk: Desk, plan: str) -> ResponseReturnValue:
    """Change the title, the unit, the weights or the margins of a plan."""
    form = request.form
    method = form.get("method", "")
    old = planning.plan(desk.db, desk.survey, plan).json
    trim = {"trim": (old.get("weights") or {}).get("trim")} if (old.get("weights") or {}).get("trim") else {}
    weights = {method: form.getlist("strata"), **trim} if method in dict(METHODS) else None

    def edit(document: Json) -> Json:
        title = form.get("title", "").strip() or old.get("title")
        unit = form.get("unit", "").strip() or None
        return planning.arranged(
            document, title=title, unit=unit, weights=weights, margins=True if form.get("margins") else None
        )

    return _changed(desk, plan, edit, "The settings are saved.", "title")


@door.post("/tables/plans/<slug:plan>/table", ANALYST, act="plan-change", said=("table", "do"))
def table(desk: Desk, plan: str) -> ResponseReturnValue:
    """Move a table of a plan, title it, or take it out."""
    name, do, title = (request.form.get(key, "").strip() for key in ("table", "do", "table_title"))

    def edit(document: Json) -> Json:
        if do == "remove":
            return planning.without_table(document, name)
        if do in {"up", "down"}:
            return planning.moved(document, name, -1 if do == "up" else 1)
        return planning.titled(document, name, title)

    return _changed(desk, plan, edit, "The plan is changed.", "")


def _changed(desk: Desk, plan: str, edit: planning.Edit, said: str, place: str) -> ResponseReturnValue:
    read_at = _revision() or -1  # it is saved already: 0, which is a new one, would be refused for its name
    try:
        planning.change(desk.db, desk.survey, plan, edit, desk.member.email, desk.today, read_at)
    except Refused as refused:
        chosen = planning.plan(desk.db, desk.survey, plan)
        places = {"unit": "unit", "weights": "method", "title": "title"}
        faults = [(places.get(p.at.strip("/").split("/")[0], place), _sentence(p)) for p in refused.problems]
        return _plan_page(desk, chosen, faults)
    return go("tables.plan", said, survey=desk.survey, plan=plan)


def _revision() -> int:
    typed = request.form.get("revision", "")
    return int(typed) if typed.isascii() and typed.isdigit() and len(typed) < 10 else 0


def _sentence(problem: Problem) -> str:
    return f"{problem.what[:1].upper()}{problem.what[1:]}; {problem.do}."


# ── a plan as JSON ───────────────────────────────────────────────────────────


@door.get("/tables/plans/<slug:plan>/json", ANALYST)
def as_json(desk: Desk, plan: str) -> ResponseReturnValue:
    """The JSON of a plan, to be read or changed."""
    chosen = planning.plan(desk.db, desk.survey, plan)
    text = chosen.document or planning.of_every_question(desk.db, desk.survey)
    return render_template("staff/tables_json.html", plan=chosen, text=text, revision=chosen.revision, problems=[])


@door.post("/tables/plans/<slug:plan>/json", ANALYST, act="plan-change")
def write_json(desk: Desk, plan: str) -> ResponseReturnValue:
    """Save the JSON of a plan, or show every problem with its line and keep what was typed."""
    chosen = planning.plan(desk.db, desk.survey, plan)
    text = request.form.get("document", "").replace("\r\n", "\n")
    try:
        if not chosen.is_saved:
            raise SurveyError(f"the plan {plan} is never changed: save a copy of it first")
        planning.save(desk.db, desk.survey, plan, text, desk.member.email, desk.today, _revision())
    except Refused as refused:
        page = render_template(
            "staff/tables_json.html",
            plan=chosen,
            text=text,
            revision=_revision(),
            problems=refused.problems,
            wrong=True,
        )
        return page, 400
    return go("tables.plan", "The plan is saved.", survey=desk.survey, plan=plan)
