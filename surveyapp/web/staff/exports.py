"""Exports: tables by a plan and microdata are asked for here; a job makes the file, and its page has it."""

from collections.abc import Mapping, Sequence
from typing import Any

from flask import Blueprint, current_app, render_template, request
from flask.typing import ResponseReturnValue

from surveyapp import planning, working
from surveyapp.planning import Json, TablePlan
from surveyapp.problems import NotAllowed, Problem, Refused, SurveyError
from surveyapp.roles import ANALYST
from surveyapp.web.staff import printing
from surveyapp.web.staff.doors import Desk, Door
from surveyapp.web.staff.pages import go
from surveyapp.working import exports

pages = Blueprint("exports", __name__, url_prefix="/surveys/<slug:survey>/waves/<slug:wave>/export")
door = Door(pages)

_VALUES = (("codes", "codes"), ("labels", "labels"), ("numbers", "numbers"))


@door.get("", ANALYST)
def choose(desk: Desk) -> ResponseReturnValue:
    """What can be exported of a wave, and how."""
    printing.check_ready(desk)
    printing.warm(current_app.jinja_env)
    return _page(desk)


@door.post("/tables", ANALYST, act="tables-export", said=("plan", "format"))
def tables(desk: Desk) -> ResponseReturnValue:
    """Ask for the tables of a plan as a file. What the ledger or the plan refuses is said at once."""
    printing.check_ready(desk)
    form = request.form
    plan = planning.plan(desk.db, desk.survey, form.get("plan", ""))
    format_ = form.get("format", "")
    faults = [] if format_ in exports.FORMATS else [("format-1", "Choose what to export the tables as.")]
    faults = faults or _tried(desk, plan)
    if faults:
        return _page(desk, faults)
    in_word = format_ == "word"
    settings = {
        "plan": plan.name,
        "document": plan.document,
        "format": format_,
        "charts": in_word and bool(form.get("charts")),
        "annotated": in_word and bool(form.get("annotated")),
    }
    return _asked(desk, exports.TABLES, settings)


def _tried(desk: Desk, plan: TablePlan) -> list[tuple[str, str]]:
    """What is wrong with exporting a plan."""
    try:
        printing.compiled(desk, desk.wave.name, plan.json if plan.document else None)
    except NotAllowed:
        raise
    except Refused as refused:
        return [("plan", _sentence(problem)) for problem in refused.problems]
    except SurveyError as error:
        return [("plan", str(error))]
    return []


@door.post("/microdata", ANALYST, act="microdata-export", said=("format", "beside"))
def microdata(desk: Desk) -> ResponseReturnValue:
    """Ask for microdata. What may not leave is refused at once, with every reason."""
    printing.check_ready(desk)
    if request.form.get("format") not in exports.MICRODATA_FORMATS:
        return _page(desk, [("as-1", "Choose what to export the answers as.")])
    try:
        settings = _recipe(request.form)
        _try_microdata(desk, settings)
    except Refused as refused:
        return _page(desk, [("leave_out", _sentence(problem)) for problem in refused.problems])
    except SurveyError as error:
        return _page(desk, [("bands", str(error))])
    return _asked(desk, exports.MICRODATA, settings)


def _try_microdata(desk: Desk, settings: Json) -> None:
    from surveyapp import reporting

    data, facts = reporting.microdata(
        desk.db, desk.wave.name, exports.recipe_of(settings), desk.home.released, reporting.AT_HAND
    )
    reporting.check_given_out(desk.db, data, facts, settings["beside"])


def _recipe(form: Mapping[str, str]) -> dict[str, Any]:
    named = [name for name in form.get("identifying", "").replace(",", " ").split() if name]
    return {
        "format": form.get("format"),
        "values": form.get("values") if form.get("values") in dict(_VALUES) else "codes",
        "together": bool(form.get("together")),
        "leave_out": form.get("leave_out", "").replace(",", " ").split(),
        "bands": exports.read_bands(form.get("bands", "")),
        "identifying": None if not named else [] if named == ["none"] else named,
        "beside": bool(form.get("beside")),
    }


def _asked(desk: Desk, kind: str, settings: Json) -> ResponseReturnValue:
    job = working.ask(desk.db, kind, desk.survey, desk.wave.name, desk.member.email, desk.office.now(), settings)
    return go("jobs.one", "The export is on its way.", survey=desk.survey, job=job.id.hex())


def _page(desk: Desk, faults: Sequence[tuple[str, str]] = ()) -> ResponseReturnValue:
    at: dict[str, list[str]] = {}
    for place, words in faults:
        at.setdefault(place, []).append(words)
    material = planning.material(desk.db, desk.wave)
    names = [*material.strata, *material.instrument.questions]
    page = render_template(
        "staff/exports.html",
        plans=[(plan.name, f"{plan.title} ({plan.name})") for plan in planning.plans(desk.db, desk.survey)],
        plan=request.form.get("plan") or request.args.get("plan", ""),
        formats=[(name, words) for name, (_, _, words) in exports.FORMATS.items()],
        microdata_formats=list(exports.MICRODATA_FORMATS.items()),
        values=_VALUES,
        names=names,
        given=request.form,
        faults=faults,
        at=at,
        wrong=bool(faults),
        closed=desk.wave.state == "closed",
    )
    return page, 400 if faults else 200


def _sentence(problem: Problem) -> str:
    return f"{problem.at}: {problem.what}; {problem.do}."
