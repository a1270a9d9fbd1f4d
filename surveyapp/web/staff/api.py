"""The API for scripts: waves, counts, tables, microdata, versions, as JSON, with a token for each role.

`openapi` describes it; a test holds the two together.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from flask import Blueprint, Response, jsonify, request, url_for
from flask.typing import ResponseReturnValue

from surveyapp import campaigning, planning, publishing, rates, staffing, watching, working
from surveyapp.problems import Problem, Refused
from surveyapp.ranges import Number, Range
from surveyapp.roles import ANALYST, AUTHOR, MANAGER
from surveyapp.storage.jobs import DOUBTED, RUNNING, Job
from surveyapp.storage.waves import Wave
from surveyapp.web.staff import jobs as jobroom
from surveyapp.web.staff import openapi as described
from surveyapp.web.staff.doors import ANYONE, Desk, Door, TooOften, office, shown_token
from surveyapp.working import exports

pages = Blueprint("api", __name__, url_prefix="/api/v1")
door = Door(pages, by_token=True)

WHO = (MANAGER, AUTHOR, ANALYST)

MOST = 60
"""Requests of one token in a minute, whichever process they come to. Respondents come first."""


@pages.before_request
def _slow_down() -> None:
    """Count in the store, which all processes share. What shows no token of ours is refused and leaves no row."""
    token, now = shown_token(), office().now()
    if token and staffing.count_asking(office().db, token, now // 60) > MOST:
        wait = 60 - now % 60
        raise TooOften(f"this token has asked {MOST} times within a minute; ask again in {wait} seconds", wait)


@door.get("/openapi.json", ANYONE)
def openapi(desk: Desk) -> ResponseReturnValue:
    """The description of this API. It tells nothing that the manual does not, so it needs no token."""
    return jsonify(described.document())


# ── waves ────────────────────────────────────────────────────────────────────


@door.get("/surveys/<slug:survey>/waves", *WHO)
def waves(desk: Desk) -> ResponseReturnValue:
    """The waves of a survey."""
    return jsonify(waves=[_wave(wave) for wave in campaigning.waves_of(desk.db, desk.survey)])


@door.get("/surveys/<slug:survey>/waves/<slug:wave>", *WHO)
def wave(desk: Desk) -> ResponseReturnValue:
    """Where a wave stands, in the counts that the role may see: those of its pages, small ones as ranges."""
    glance = watching.glance(desk.db, desk.wave.name, desk.today)
    found = _wave(desk.wave)
    if desk.may(MANAGER):
        found |= {"frame": desk.wave.population, "issued": desk.wave.issued, "invited": glance.invited}
        found |= {"received": _number(glance.completed)}
    if desk.may(MANAGER, ANALYST):
        found |= {"tray": _number(glance.sealed), "released": _number(glance.released)}
    return jsonify(found)


def _number(number: Number) -> object:
    """A range as `{"from": 1, "to": 9}`: whoever asks every minute would learn when somebody answered."""
    return {"from": number.low, "to": number.high} if isinstance(number, Range) else number


def _wave(wave: Wave) -> dict[str, Any]:
    named = ("name", "version", "kind", "state", "opened_on", "closes_on", "closed_on", "paused_on")
    return {name: getattr(wave, name) for name in named}


@door.get("/surveys/<slug:survey>/waves/<slug:wave>/rates", MANAGER)
def response_rates(desk: Desk) -> ResponseReturnValue:
    """The response of a listed wave as it may be printed, by the strata `by`."""
    from surveyapp import reporting

    sent = reporting.sent(desk.db, desk.wave.name, desk.home.released)
    found = watching.response(desk.db, desk.wave.name, desk.today, request.args.getlist("by"), sent)
    return jsonify(rates.as_json(found))


# ── tables and microdata ─────────────────────────────────────────────────────


@door.get("/surveys/<slug:survey>/plans", ANALYST)
def plans(desk: Desk) -> ResponseReturnValue:
    """The plans of a survey."""
    found = planning.plans(desk.db, desk.survey)
    return jsonify(plans=[{"name": plan.name, "title": plan.title} for plan in found])


@door.get("/surveys/<slug:survey>/waves/<slug:wave>/tables", ANALYST)
def tables(desk: Desk) -> ResponseReturnValue:
    """The tables of a wave by a plan of the survey, protected; without `plan`, of every closed question."""
    name = request.args.get("plan", planning.EVERY_QUESTION)
    return _figures(desk, planning.plan(desk.db, desk.survey, name).content)


@door.ask("/surveys/<slug:survey>/waves/<slug:wave>/tables", ANALYST)
def tables_of(desk: Desk) -> ResponseReturnValue:
    """The tables of a wave by the plan that was sent, protected."""
    return _figures(desk, request.get_data())


def _figures(desk: Desk, plan: bytes | None) -> ResponseReturnValue:
    """What `surveyapp tables --out X.json` writes. Nothing enters the ledger: this is looking, not publishing."""
    import functools

    from surveyapp import coding, reporting

    name = desk.wave.name
    for other in planning.compared(planning.read_json((plan or b"").decode("utf-8-sig", "replace"))):
        campaigning.wave_of(desk.db, desk.survey, other)
    asked = functools.partial(watching.asked, desk.db, name, desk.today)
    themes = coding.coded(desk.db, name)
    report = reporting.report(desk.db, name, plan, asked, themes, desk.home.released, reporting.AT_HAND)
    return Response(reporting.file_of(report, ".json"), mimetype="application/json")


@door.post("/surveys/<slug:survey>/waves/<slug:wave>/microdata", ANALYST, act="microdata-ask")
def microdata(desk: Desk) -> ResponseReturnValue:
    """Ask for a data file; a job makes it."""
    settings = _recipe(_object())
    now = desk.office.now()
    job = working.ask(desk.db, exports.MICRODATA, desk.survey, desk.wave.name, desk.member.email, now, settings)
    there = url_for("api.job", survey=desk.survey, job=job.id.hex())
    return jsonify(_job(job)), 202, {"Location": there}


def _recipe(given: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of the job. Raises `Refused`."""
    shape = {"format": "csv"} | dict(given)
    problems = [
        Problem(f"/{name}", "there is no such setting", f"leave it out; there are {', '.join(RECIPE)}")
        for name in shape.keys() - RECIPE.keys()
    ]
    problems += [
        Problem(f"/{name}", "this is not what the setting takes", f"give {words}")
        for name, (fits, words) in RECIPE.items()
        if name in shape and not fits(shape[name])
    ]
    if problems:
        raise Refused(problems, "the data file")
    return shape


def _names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) for name in value)


def _bands(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(g, list) and all(map(_names, g)) for g in value.values())


def _truth(value: Any) -> bool:
    return isinstance(value, bool)


def _one_of(*names: str) -> tuple[Callable[[Any], bool], str]:
    return lambda value: isinstance(value, str) and value in names, f"one of {', '.join(names)}"


RECIPE: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "format": _one_of(*exports.MICRODATA_FORMATS),
    "values": _one_of("codes", "labels", "numbers"),
    "together": (_truth, "true or false"),
    "leave_out": (_names, "a list of names of questions, variables or strata"),
    "bands": (_bands, 'lists of codes or lower bounds by variable, such as {"kind": [["csp", "other"], ["dat"]]}'),
    "identifying": (_names, "a list of names of questions"),
    "beside": (_truth, "true or false"),
}
"""What can be decided about a data file: what fits, and how to say so. `working.exports` says what each means."""


# ── jobs ─────────────────────────────────────────────────────────────────────


@door.get("/surveys/<slug:survey>/jobs", *WHO)
def jobs(desk: Desk) -> ResponseReturnValue:
    """The jobs of a survey that are for the role, the newest first."""
    return jsonify(jobs=[_job(job) for job in jobroom.seen(desk)])


@door.get("/surveys/<slug:survey>/jobs/<hex:job>", *WHO)
def job(desk: Desk, job: str) -> ResponseReturnValue:
    """How far a job is."""
    return jsonify(_job(jobroom.of(desk, job)))


@door.get("/surveys/<slug:survey>/jobs/<hex:job>/file", *WHO)
def job_file(desk: Desk, job: str) -> ResponseReturnValue:
    """What a job made."""
    return jobroom.download(desk, jobroom.of(desk, job))


def _job(job: Job) -> dict[str, Any]:
    state = RUNNING if job.state == DOUBTED else job.state
    named = ("kind", "wave", "said", "done", "total", "file")
    return {"id": job.id.hex(), "state": state, **{name: getattr(job, name) for name in named}}


# ── versions ─────────────────────────────────────────────────────────────────


@door.get("/surveys/<slug:survey>/versions", *WHO)
def versions(desk: Desk) -> ResponseReturnValue:
    """The published versions of the questionnaire."""
    found = [asdict(version) for version in publishing.versions(desk.db) if version.survey == desk.survey]
    return jsonify(versions=found)


@door.get("/surveys/<slug:survey>/versions/<edition:version>", *WHO)
def version(desk: Desk, version: str) -> ResponseReturnValue:
    """A version as it was published, byte for byte."""
    return Response(publishing.text(desk.db, desk.survey, version), mimetype="application/json")


@door.get("/surveys/<slug:survey>/versions/<edition:version>/diff", *WHO)
def difference(desk: Desk, version: str) -> ResponseReturnValue:
    """What a version does to each trend since the version `since`."""
    from surveyapp.instrument import comparing

    since = request.args.get("since", "")
    if not since:
        raise Refused([Problem("since", "the version to compare with is missing", "add ?since=VERSION")])
    old, new = (publishing.text(desk.db, desk.survey, name) for name in (since, version))
    return jsonify(comparing.as_json(publishing.difference(old, new)))


@door.post("/surveys/<slug:survey>/versions", AUTHOR, act="version-publish")
def publish(desk: Desk) -> ResponseReturnValue:
    """Publish the version that was sent. The same again changes nothing."""
    from surveyapp.instrument import read_instrument

    content = request.get_data()
    if (survey := read_instrument(content).survey) != desk.survey:
        what = f"this is a questionnaire of the survey {survey}"
        raise Refused([Problem("/survey", what, f"write {desk.survey}, or send it to {survey}")])
    published = publishing.publish(desk.db, content, desk.today)
    name = published.instrument.version
    there = url_for("api.version", survey=desk.survey, version=name)
    found = {"version": name, "hash": published.hash, "new": published.new}
    return jsonify(found), 201 if published.new else 200, {"Location": there}


def _object() -> dict[str, Any]:
    """The JSON object that was sent; an empty body is an empty one. Raises `Refused`."""
    try:
        value = json.loads(request.get_data() or b"{}")
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise Refused([Problem("", "what was sent is not a JSON object", 'send something like {"format": "csv"}')])
    return value
