"""A report to export, with figures chosen by hand."""

import json
from typing import Any

import numpy as np

from surveyapp.analysis.columns import read_part
from surveyapp.analysis.dataset import Row, assemble, dataset
from surveyapp.analysis.plans import Entry, Plan
from surveyapp.analysis.report import Report, Source, WaveFacts, compile_report
from surveyapp.analysis.themes.codeframes import Codeframe
from surveyapp.analysis.themes.coding import ThemeColumns
from surveyapp.instrument import Instrument, read_instrument
from surveyapp.rates import Fieldwork, Standing, compile_rates
from tests.makers import make_codeframe, make_document, make_instrument, make_question


def make_facts(**more: Any) -> WaveFacts:
    settings: dict[str, Any] = {
        "wave": "tiny-1",
        "listed": True,
        "opened_on": "2012-01-09",
        "closed_on": "2012-02-17",
        "carry": ("region",),
        "cells": {"North": 20, "South": 20},
        "issued": 38,
        "version_hash": "a" * 64,
        "note": "",
    }
    return WaveFacts(**settings | more)


def make_report(*entries: dict[str, Any], instrument: Instrument | None = None, **more: Any) -> Report:
    """Twelve answers: kind yes 8, no 4; police more 6, same 5, one blank; health all blank. Or those `given`."""
    questions = [
        make_question("single", "kind"),
        make_question("grid", "partners"),
        make_question("multiple", "m"),
    ]
    found = instrument or read_instrument(json.dumps(make_document(questions)))
    rows = []
    for i in range(12):
        answers: dict[str, Any] = {"kind": "yes" if i < 8 else "no", "m": ["a", "b"] if i < 3 else ["c"]}
        if i < 11:
            answers["partners.police"] = "more" if i < 6 else "same"
        rows.append(Row(found.version, "North" if i < 7 else "South", answers))
    if given := more.pop("given", None):
        rows = [Row(found.version, "North", answers) for answers in given]
    plan = Plan(
        survey=found.survey,
        title=more.pop("title", "Tables of a tiny survey"),
        style=more.pop("style", "default"),
        unit="teams",
        tables=[Entry(**entry) for entry in entries or ({"id": "1", "question": "kind"},)],
    )
    response = more.pop("response", make_response())
    return compile_report(plan, dataset(found, {found.version: found}, rows), make_facts(**more), response)


def make_response(**more: Any) -> Fieldwork:
    """7 of 20 in the North completed it, 5 of 20 in the South, where two have no address."""
    standings = [
        *[Standing({"region": "North"}, invited=True, done=i < 7) for i in range(20)],
        *[Standing({"region": "South"}, invited=True, done=i < 5) for i in range(18)],
        *[Standing({"region": "South"}, address=False)] * 2,
    ]
    given: dict[str, Any] = {"sent": {"complete": 0, "partial": 8, "breakoff": 4}, "minimum": 5}
    facts = {"wave": "tiny-1", "state": "closed", "opened_on": "2012-01-09", "today": "2012-02-17"}
    return compile_rates(more.pop("standings", standings), ["region"], **{**facts, **given, **more})


SCALE = [{"code": c, "label": label} for c, label in (("up", "Up"), ("same", "About the same"), ("down", "Down"))]
PARTNERS = [{"code": c, "label": label} for c, label in (("police", "Police"), ("health", "Health services"))]

RICH_TABLES: tuple[dict[str, Any], ...] = (
    {"id": "1", "question": "budget", "margins": True, "nets": {"Change": ["up", "down"]}},
    {"id": "2", "question": "budget", "by": ["region", "sources"], "tests": True, "margins": True},
    {"id": "3", "question": "sources", "by": [["region", "budget"]]},
    {"id": "4", "question": "work", "nets": {"More": ["up"]}, "score": {"up": 1, "same": 0, "down": -1}},
    {"id": "5", "question": "work", "by": ["region"], "nets": {"More or same": ["up", "same"]}},
    {"id": "6", "question": "spend", "margins": True, "notes": ["Amounts are of the last full year."]},
    {"id": "7", "question": "spend", "by": ["region"]},
    {"id": "8", "question": "split", "margins": True},
    {"id": "9", "question": "order"},
    {"id": "10", "question": "budget", "by": ["region"], "percent_of": "row"},
    {"id": "11", "question": "budget", "by": ["region"], "percent_of": "total"},
    {"id": "12", "question": "budget", "bounds": True, "where": {"question": "sources", "includes": "a"}},
    {"id": "13", "question": "work", "nets": {"More": ["up"]}, "show": "nets", "sort": "descending"},
    {"id": "14", "question": "work", "transpose": True, "score": {"up": 1, "same": 0, "down": -1}},
    {"id": "15", "question": "spend", "bands": [1000, 5000], "base": "asked", "score": {"under": 1, "1000": 2}},
    {"id": "16", "coded": "issues", "sort": "descending", "base": "answered"},
    {"id": "17", "question": "sources", "per": "answers"},
    {"id": "18", "question": "budget", "base": "frame"},
    {"id": "19", "question": "order", "by": ["region"]},
    {"id": "20", "question": "split", "by": ["region"], "margins": True},
)
"""A table of every kind."""

REGIONS = {"North": 50, "South": 52, "West": 40}


def make_rich_instrument() -> Instrument:
    """One question of every kind."""
    options = [{"code": c, "label": f"{c.upper()} fund"} for c in "abc"]
    questions = [
        make_question("single", "budget", options=SCALE, text="What happened to the budget?"),
        make_question("multiple", "sources", options=options, text="Where does money come from?"),
        make_question("grid", "work", rows=PARTNERS, scale=SCALE, text="How much work is there with these?"),
        make_question("number", "spend", unit="GBP", text="What was spent?"),
        make_question("allocation", "split", rows=PARTNERS, text="How is time shared?"),
        make_question("rank", "order", options=options, text="What matters most?"),
        make_question("text", "issues", max_length=200, text="What else weighs on you?"),
    ]
    return make_instrument(questions, disclosure={"carry": ["region"]})


def rich_answers(i: int) -> dict[str, Any]:
    """What the organisation `i` says: a mixture that repeats, with some left blank."""
    answers: dict[str, Any] = {"budget": ["up", "same", "down", "down", "same"][i * 7 % 5]}
    answers["sources"] = ["ab", "a", "b", "bc"][i * 5 % 4]
    answers["sources"] = list(answers["sources"])
    answers["work.police"] = ["up", "same", "same", "down"][i * 3 % 4]
    if i % 6:
        answers["work.health"] = ["same", "up", "up"][i % 3]
        answers["spend"] = str(500 + 375 * (i * 11 % 17))
    if i % 9:
        answers |= {"split.police": str(20 + 5 * (i % 8)), "split.health": str(80 - 5 * (i % 8))}
        answers["order"] = [["a", "b", "c"], ["b", "a", "c"], ["a", "c", "b"]][i % 3]
    return {key: value for key, value in answers.items() if (i + len(key)) % 23}


def make_themes() -> ThemeColumns:
    """Of 40 who wrote something, 21 say money and 14 staff, which are both resources."""
    themes = [
        {"code": "resources", "label": "Resources", "definition": "Money or people."},
        {"code": "money", "label": "Money", "definition": "What there is to spend.", "parent": "resources"},
        {"code": "staff", "label": "Staff", "definition": "People and posts.", "parent": "resources"},
        {
            "code": "time",
            "label": "Time",
            "definition": "Hours and days.",
            "example": "There is never time to plan.",
        },
    ]
    frame = Codeframe.model_validate(make_codeframe(themes=themes))
    said = np.zeros((40, 4), dtype=np.uint8)
    said[:21, 1] = said[15:29, 2] = said[30:33, 3] = 1
    said[:, 0] = said[:, 1] | said[:, 2]
    return ThemeColumns(frame, "issues", ("",) * 40, ("",) * 40, said, 65, 0)


def make_rich_report(*tables: dict[str, Any], **more: Any) -> Report:
    """65 answers of 142: 30 in the North, 24 in the South, 11 in the West; or those `given`, each with its region.

    In the wave before, tiny-0, every second of them answered the same.
    """
    found = make_rich_instrument()
    places = ["North"] * 30 + ["South"] * 24 + ["West"] * 11
    given = more.pop("given", None) or [(place, rich_answers(i)) for i, place in enumerate(places)]
    regions, answers = [region for region, _ in given], [json.dumps(said) for _, said in given]
    plan = Plan.model_validate(
        {
            "survey": found.survey,
            "title": more.pop("title", "Tables of a survey with everything"),
            "unit": "teams",
            "tables": list(tables) or list(RICH_TABLES),
            **{
                key: more.pop(key) for key in ("weights", "style", "margins", "population", "where") if key in more
            },
        }
    )
    standings = [
        Standing({"region": region}, invited=True, done=i < regions.count(region))
        for region, size in REGIONS.items()
        for i in range(size)
    ]
    response = make_response(standings=standings, sent={"complete": 61, "partial": 4, "breakoff": 0})
    facts = make_facts(cells=REGIONS, issued=142, **more)
    data = assemble(found, [read_part(found, regions, answers)], ["region"])
    half = assemble(found, [read_part(found, regions[::2], answers[::2])], ["region"])
    earlier = {"tiny-0": Source(half, make_facts(wave="tiny-0", cells=REGIONS, issued=142))}
    return compile_report(plan, data, facts, response, {"issues": make_themes()}, earlier)
