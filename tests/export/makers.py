"""A report to export, with figures chosen by hand."""

from typing import Any

from surveyapp.analysis.dataset import Row, dataset
from surveyapp.analysis.plans import Entry, Plan
from surveyapp.analysis.report import Report, WaveFacts, compile_report
from surveyapp.instrument import Instrument, read_instrument
from tests.makers import make_document, make_question


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
    """Twelve answers: kind yes 8, no 4; police more 6, same 5, one blank; health all blank."""
    import json

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
    plan = Plan(
        survey=found.survey,
        title=more.pop("title", "Tables of a tiny survey"),
        style=more.pop("style", "default"),
        unit="teams",
        tables=[Entry(**entry) for entry in entries or ({"id": "1", "question": "kind"},)],
    )
    return compile_report(plan, dataset(found, {found.version: found}, rows), make_facts(**more))
