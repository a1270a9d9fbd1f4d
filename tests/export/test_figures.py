"""Figures as JSON: the shape that scripts rely on, at full precision."""

import json

from surveyapp.export import figures
from tests.export.makers import make_report


def test_the_shape_is_the_promised_one():
    content = json.loads(figures(make_report()))
    assert content["instrument"] == "tiny@1"
    (table,) = content["tables"]
    assert (table["id"], table["title"], table["question"]) == ("1", "What about kind?", "kind")
    assert table["base"] == {"name": "answered", "n": 12, "weighted_n": None, "population": None}
    assert table["columns"] == [{"code": "percent", "label": "Per cent", "net": False}]
    assert table["rows"][0] == {
        "code": "yes",
        "label": "Yes",
        "net": False,
        "base": 12,
        "no_reply": 0,
        "not_asked": 0,
        "cells": [
            {
                "count": 8,
                "percent": 66.66666666666667,
                "shown": 67,
                "se": None,
                "low": None,
                "high": None,
                "mark": "",
            }
        ],
    }


def test_what_is_hidden_is_null_with_its_mark():
    content = json.loads(figures(make_report({"id": "1", "question": "partners"})))
    health = content["tables"][0]["rows"][1]
    assert {(cell["count"], cell["percent"], cell["mark"]) for cell in health["cells"]} == {(None, None, "[x]")}


def test_equal_reports_give_equal_bytes():
    assert figures(make_report()) == figures(make_report())
