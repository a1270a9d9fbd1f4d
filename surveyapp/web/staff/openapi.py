"""The API described in OpenAPI 3.1, made of its doors: rules and roles from there, words and shapes from here."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from surveyapp import __version__
from surveyapp.web.staff.doors import ANYONE, PERMISSIONS

Schema = dict[str, Any]


@dataclass(frozen=True)
class Operation:
    """What the rule does not say: words, what comes back with which status, what is asked and sent.

    `answers` has by status the words and the name of a shape, or a media type of bytes.
    """

    summary: str
    answers: Mapping[int, tuple[str, str]]
    asks: Mapping[str, tuple[str, Schema, bool]] = field(default_factory=dict)
    """Names of the query: words, shape, whether it must be there."""
    sends: str = ""
    """The shape of the body."""
    refuses: tuple[int, ...] = ()
    """Statuses beside those that every operation can have."""


JSON, BYTES = "application/json", "application/octet-stream"


def _text(words: str = "", **more: Any) -> Schema:
    return {"type": "string", **({"description": words} if words else {}), **more}


def _number(words: str = "") -> Schema:
    return {"type": "integer", **({"description": words} if words else {})}


def _object(required: str, more: Mapping[str, Schema] | None = None, **properties: Schema) -> Schema:
    """An object with the properties; `required` names those that are always there, "*" all."""
    every = {**properties, **(more or {})}
    names = list(properties) if required == "*" else required.split()
    return {"type": "object", "required": names, "properties": every}


def _list(of: Schema) -> Schema:
    return {"type": "array", "items": of}


def _of(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _maybe(kind: str) -> Schema:
    return {"type": [kind, "null"]}


_DAY = {"type": ["string", "null"], "description": "A day as YYYY-MM-DD; null if there is none."}
_COUNT = {"description": "A number, or a range that hides it.", "anyOf": [{"type": "integer"}, _of("Range")]}
_COUNTS = ("frame", "sampled", "issued", "invited", "part_done", "completed")

SHAPES: dict[str, Schema] = {
    "Error": _object(
        "*",
        error=_text("What went wrong, in a few words."),
        message=_text("What is wrong and what to do."),
        problems=_list(_of("Problem")),
    ),
    "Problem": _object(
        "*",
        at=_text("Where: a JSON pointer, or the name of a setting."),
        line={"type": ["integer", "null"], "description": "The line of a document, from 1."},
        what=_text("What is wrong."),
        do=_text("What to do about it."),
    ),
    "Wave": _object(
        "name version kind state opened_on closes_on closed_on paused_on",
        name=_text(),
        version=_text("Of the questionnaire."),
        kind=_text(enum=["listed", "open"]),
        state=_text(enum=["open", "closed"]),
        opened_on=_DAY,
        closes_on=_DAY,
        closed_on=_DAY,
        paused_on=_DAY,
        frame=_number("Organisations in the frame; for managers."),
        issued=_number("Those with usable contact details; for managers."),
        invited=_number("Those with an access code; for managers."),
        received={**_COUNT, "description": "Those that have sent their answers; for managers."},
        tray={**_COUNT, "description": "Sealed answers that wait; for managers and analysts."},
        released={**_COUNT, "description": "Answers that can be counted; for managers and analysts."},
    ),
    "Waves": _object("*", waves=_list(_of("Wave"))),
    "Range": _object("*", more={"from": _number(), "to": _number()}),
    "Rates": _object(
        "*",
        wave=_text(),
        state=_text(),
        day=_text("The day on which this was counted."),
        minimum=_number("Numbers below it become ranges."),
        all=_of("RatesRow"),
        strata={"type": "object", "additionalProperties": _list(_of("RatesRow"))},
        rr1=_maybe("number"),
        rr2=_maybe("number"),
        days={"type": ["array", "null"], "items": {"type": "object"}},
        r_indicator=_maybe("number"),
        partial_indicators={"type": "object", "additionalProperties": _maybe("number")},
    ),
    "RatesRow": {
        **_object("name completed_of_issued", name=_text(), completed_of_issued=_maybe("number")),
        "additionalProperties": _COUNT,
        "description": "A stratum: each disposition with its number, such as issued and completed.",
    },
    "Plans": _object("*", plans=_list(_object("*", name=_text(), title=_text()))),
    "Plan": {"type": "object", "description": "A plan as in exports/schema.json: survey, title, tables."},
    "Tables": _object(
        "*",
        title=_text(),
        wave=_text(),
        instrument=_text(),
        instrument_hash=_text(),
        note=_text("A statement that every print of the wave carries."),
        responses=_maybe("integer"),
        tables=_list(_of("Table")),
    ),
    "Table": _object(
        "id title question base columns rows",
        id=_text(),
        title=_text(),
        question=_text(),
        base=_of("Base"),
        columns=_list({"type": "object"}),
        rows=_list(_of("Row")),
    ),
    "Base": _object(
        "name n weighted_n population",
        name=_text("Who a percentage is of."),
        n=_maybe("integer"),
        weighted_n=_maybe("number"),
        population=_maybe("integer"),
    ),
    "Row": _object(
        "code label base cells",
        code=_text(),
        label=_text(),
        base=_maybe("integer"),
        cells=_list(_of("Cell")),
    ),
    "Cell": _object(
        "*",
        count=_maybe("number"),
        percent={"type": ["number", "null"], "description": "From 0 to 100, unrounded."},
        se=_maybe("number"),
        low=_maybe("number"),
        high=_maybe("number"),
        mark=_text("[c] hidden, [z] not asked, [x] not available, [low] under one half; else empty."),
    ),
    "Recipe": {
        **_object(
            "",
            format=_text("Of the file; csv without it.", enum=["csv", "sav", "parquet", "xlsx", "zip"]),
            values=_text("What stands for an answer; codes without it.", enum=["codes", "labels", "numbers"]),
            together={"type": "boolean", "description": "The options of a multiple share a cell."},
            leave_out=_list(_text("A question, variable or stratum.")),
            bands={"type": "object", "additionalProperties": _list(_list(_text()))},
            identifying=_list(_text("A question that describes the organisation.")),
            beside={"type": "boolean", "description": "Even if a file with other columns exists."},
        ),
        "additionalProperties": False,
    },
    "Job": _object(
        "*",
        id=_text(pattern="^[0-9a-f]{32}$"),
        kind=_text(),
        wave=_text(),
        state=_text(enum=["waiting", "running", "done", "failed", "left"]),
        said=_text("How far it is, or why it failed."),
        done=_number("Steps that are done"),
        total=_number("of so many; 0 if that is not known."),
        file=_text("The name of what it made; empty if there is nothing."),
    ),
    "Jobs": _object("*", jobs=_list(_of("Job"))),
    "Version": _object(
        "*",
        survey=_text(),
        version=_text(),
        hash=_text("Of the content."),
        state=_text(enum=["published", "retired"]),
        published_on=_text(),
    ),
    "Versions": _object("*", versions=_list(_of("Version"))),
    "Questionnaire": {"type": "object", "description": "A questionnaire as in instruments/schema.json."},
    "Published": _object("*", version=_text(), hash=_text(), new={"type": "boolean"}),
    "Comparison": _object(
        "survey old new breaks safe_for_answers_in_hand look_again verdicts problems",
        survey=_text(),
        old=_text(),
        new=_text(),
        breaks=_list(_text()),
        safe_for_answers_in_hand={"type": "boolean"},
        look_again=_list(_text()),
        verdicts=_list(_object("question verdict", question=_text(), verdict=_text())),
        problems=_list({"type": "object"}),
    ),
    "Description": {"type": "object", "description": "This document."},
}

_PLAN = ("The name of a plan of the survey; without it, every closed question.", _text(), False)
_BY = ("A stratum; repeatable. Without it, those that the answers carry.", _list(_text()), False)

OPERATIONS: dict[str, Operation] = {
    "openapi": Operation("This description", {200: ("The description", "Description")}),
    "waves": Operation("The waves of a survey", {200: ("The waves, by name", "Waves")}),
    "wave": Operation("Where a wave stands", {200: ("Its counts, as far as the role may see them", "Wave")}),
    "response_rates": Operation(
        "The response of a listed wave as it may be printed",
        {200: ("Counts and rates by stratum and day", "Rates")},
        asks={"by": _BY},
        refuses=(400, 409),
    ),
    "plans": Operation("The plans of a survey", {200: ("Names and titles", "Plans")}),
    "tables": Operation(
        "The protected tables of a wave by a plan of the survey",
        {200: ("The figures", "Tables")},
        asks={"plan": _PLAN},
        refuses=(400, 409),
    ),
    "tables_of": Operation(
        "The protected tables of a wave by a plan that is sent",
        {200: ("The figures", "Tables")},
        sends="Plan",
        refuses=(400, 409, 413),
    ),
    "microdata": Operation(
        "Ask for a data file of a closed wave; a job makes it",
        {202: ("The job", "Job")},
        sends="Recipe",
        refuses=(400, 413),
    ),
    "jobs": Operation("The jobs of a survey, the newest first", {200: ("The jobs", "Jobs")}),
    "job": Operation("How far a job is", {200: ("The job", "Job")}),
    "job_file": Operation("What a job made", {200: ("The file", BYTES)}),
    "versions": Operation("The published versions", {200: ("The versions, by name", "Versions")}),
    "version": Operation("A version, byte for byte", {200: ("The questionnaire", "Questionnaire")}),
    "difference": Operation(
        "What a version does to each trend",
        {200: ("The comparison", "Comparison")},
        asks={"since": ("The version to compare with", _text(), True)},
        refuses=(400,),
    ),
    "publish": Operation(
        "Publish a version; the same again changes nothing",
        {201: ("It is published", "Published"), 200: ("It was published before", "Published")},
        sends="Questionnaire",
        refuses=(400, 409, 413),
    ),
}
"""By the name of the view."""

_REFUSALS = {
    400: "What was sent has problems; all of them are listed",
    401: "The token is missing, is not known or has run out",
    403: "The token's role may not do this",
    404: "There is no such thing in this survey, or the token is for another",
    409: "That cannot be done as things stand; the message says why",
    413: "What was sent is too large",
    429: "The token has asked too often; the header Retry-After says for how many seconds to wait",
    503: "The store could not be written; ask again",
}

_ABOUT = """Counts, tables and data files of a survey for scripts, and its questionnaires.

A script shows a token: `Authorization: Bearer TOKEN`. People make tokens on the page "Tokens for scripts" of
a survey, for one of their own roles there and until a day. A token is good for one survey. No cookie is looked at.
"""

_CONVERTERS = {
    "slug": "[a-z0-9][a-z0-9_-]{0,45}",
    "edition": "[A-Za-z0-9][A-Za-z0-9._-]{0,39}",
    "hex": "[0-9a-f]{32}",
}

_NAMES = {
    "survey": "The survey, as its questionnaires name it",
    "wave": "A wave of the survey",
    "version": "A version of the questionnaire",
    "job": "The id of a job",
}


@cache
def document() -> Schema:
    """The whole description."""
    paths: dict[str, Schema] = {}
    for rule, method, name in _rules():
        paths.setdefault(re.sub(r"<\w+:(\w+)>", r"{\1}", rule), {})[method] = _operation(rule, name)
    return {
        "openapi": "3.1.0",
        "info": {"title": "surveyapp staff API", "version": f"1 ({__version__})", "description": _ABOUT},
        "servers": [{"url": "/staff/api/v1"}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": SHAPES,
            "responses": {str(status): _refusal(status) for status in _REFUSALS},
        },
    }


def _rules() -> Iterator[tuple[str, str, str]]:
    """Rule, method and view of each door of the API, in the order in which they were made."""
    from surveyapp.web.staff import api

    for method, rule, name in api.door.rules:
        yield rule, method.lower(), name


def _operation(rule: str, name: str) -> Schema:
    known, roles = OPERATIONS[name], PERMISSIONS[f"api.{name}"].roles
    open_to_all = roles == (ANYONE,)
    in_path = [_in_path(kind, part) for kind, part in re.findall(r"<(\w+):(\w+)>", rule)]
    in_query = [
        {"name": asked, "in": "query", "required": must, "description": words, "schema": shape}
        for asked, (words, shape, must) in known.asks.items()
    ]
    refuses = sorted(
        {*known.refuses, 429, *(() if open_to_all else (401, 403, 404)), *((503,) if known.sends else ())}
    )
    found: Schema = {
        "operationId": name,
        "summary": known.summary,
        "description": "For anyone." if open_to_all else f"For the roles: {', '.join(roles)}.",
        "x-roles": list(roles),
        "parameters": [*in_path, *in_query],
        "responses": {
            **{str(status): _answer(words, shape) for status, (words, shape) in known.answers.items()},
            **{str(status): {"$ref": f"#/components/responses/{status}"} for status in refuses},
        },
    }
    if known.sends:
        found["requestBody"] = {"required": name != "microdata", "content": {JSON: {"schema": _of(known.sends)}}}
    if open_to_all:
        found["security"] = []
    return found


def _in_path(kind: str, name: str) -> Schema:
    schema = _text(pattern=f"^{_CONVERTERS[kind]}$")
    return {"name": name, "in": "path", "required": True, "description": _NAMES[name], "schema": schema}


def _answer(words: str, shape: str) -> Schema:
    if shape == BYTES:
        return {"description": words, "content": {BYTES: {"schema": {"type": "string", "format": "binary"}}}}
    return {"description": words, "content": {JSON: {"schema": _of(shape)}}}


def _refusal(status: int) -> Schema:
    found = {"description": _REFUSALS[status], "content": {JSON: {"schema": _of("Error")}}}
    if status == 429:
        found["headers"] = {"Retry-After": {"description": "Seconds", "schema": {"type": "integer"}}}
    return found
