"""Figures as JSON and the manifest: the shape that scripts rely on, at full precision."""

import hashlib
import json
from typing import Any

from surveyapp.export.figures import figures
from surveyapp.export.manifest import manifest
from surveyapp.export.workbook import workbook
from tests.export.makers import make_report, make_rich_report
from tests.export.test_workbook import CROSSED, GIVEN, RICH, WEIGHTS


def table(*entries: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The first table of a rich report."""
    found: dict[str, Any] = json.loads(figures(make_rich_report(*entries, **more)))["tables"][0]
    return found


def test_the_shape_is_the_promised_one():
    content = json.loads(figures(make_report()))
    assert content["instrument"] == "tiny@1"
    (found,) = content["tables"]
    assert (found["id"], found["title"], found["question"]) == ("1", "What about kind?", "kind")
    assert found["base"] == {
        "name": "answered",
        "n": 12,
        "no_reply": 0,
        "not_asked": 0,
        "weighted_n": None,
        "effective_n": None,
        "population": 40.0,
        "mark": "",
    }
    (column,) = found["columns"]
    assert (column["code"], column["label"], column["net"]) == ("percent", "Per cent", False)
    (cell,) = found["rows"][0].pop("cells")
    assert found["rows"][0] == {
        "code": "yes",
        "label": "Yes",
        "net": False,
        "measure": "percent",
        "base": 12,
        "weighted_base": None,
        "no_reply": 0,
        "not_asked": 0,
        "mark": "",
    }
    assert cell == {
        "count": 8,
        "percent": 66.66666666666667,
        "shown": 67,
        "value": None,
        "decimals": None,
        "se": None,
        "low": None,
        "high": None,
        "mark": "",
        "letters": "",
    }


def test_columns_of_a_banner_have_headings_letters_and_bases():
    found = table(CROSSED, given=GIVEN)
    assert [(c["headings"], c["label"], c["letter"], c["base"]["n"]) for c in found["columns"]] == [
        ([], "All", "", 75),
        (["Region"], "North", "A", 40),
        (["Region"], "South", "B", 35),
    ]
    assert [cell["letters"] for cell in found["rows"][0]["cells"]] == ["", "B", ""]
    assert found["tests"] == ["Region: F(1.00, 74.0) = 19.77, p under 0.001 (Rao-Scott test of no association)"]
    assert (found["interval"], found["level"], found["percent_of"]) == ("confidence", 0.95, "column")


def test_means_and_weights_have_their_places():
    found = table(RICH["6"], weights=WEIGHTS)
    assert found["weighting"] == "poststratify"
    mean = next(row for row in found["rows"] if row["code"] == "mean")
    assert mean["measure"] == "mean"
    assert round(mean["cells"][0]["value"], 1) == 3496.1
    assert mean["cells"][0]["decimals"] == 1
    assert round(found["base"]["weighted_n"], 1) == 51.2


def effective(places: list[str]) -> list[Any]:
    """The effective numbers of a banner, all columns first, with so many answers from each region."""
    given = [(place, {"budget": "up" if i % 2 else "down"}) for i, place in enumerate(places)]
    found = table({"id": "1", "question": "budget", "by": ["region"]}, given=given, weights=WEIGHTS)
    return [found["base"]["effective_n"], *(column["base"]["effective_n"] for column in found["columns"])]


def test_an_effective_number_is_whole():
    assert effective(["North"] * 30 + ["South"] * 24 + ["West"] * 11) == [59, 59, 30, 24, 11]


def test_an_effective_number_that_would_tell_how_few_answered_is_null():
    assert effective(["North"] * 40 + ["South"] * 30 + ["West"] * 6) == [None] * 5


def test_what_is_hidden_is_null_with_its_mark():
    content = json.loads(figures(make_report({"id": "1", "question": "partners"})))
    health = content["tables"][0]["rows"][1]
    assert {(cell["count"], cell["percent"], cell["mark"]) for cell in health["cells"]} == {(None, None, "[x]")}


def test_a_hidden_base_is_null_with_its_mark():
    west = table(RICH["7"])["columns"][3]["base"]
    assert (west["n"], west["no_reply"], west["weighted_n"], west["mark"]) == (None, None, None, "[c]")


def test_no_test_is_told_of_a_table_with_hidden_figures():
    assert table(RICH["2"] | {"by": ["region"]})["tests"] == []


def test_equal_reports_give_equal_bytes():
    assert figures(make_report()) == figures(make_report())


# ── the manifest ─────────────────────────────────────────────────────────────


def test_a_manifest_tells_by_hashes_what_a_file_was_made_of():
    report = make_report()
    content = workbook(report)
    found = json.loads(manifest(report, "X.xlsx", content, b"{}", "published"))
    assert found["sha256"] == hashlib.sha256(content).hexdigest()
    assert found["plan_sha256"] == hashlib.sha256(b"{}").hexdigest()
    assert (found["file"], found["wave"], found["instrument"], found["instrument_hash"]) == (
        "X.xlsx",
        "tiny-1",
        "tiny@1",
        "a" * 64,
    )
    assert [(entry["id"], entry["question"]) for entry in found["tables"]] == [("1", "kind")]


def test_the_hash_of_a_table_changes_with_its_figures_alone():
    def hashes(*entries: dict[str, Any], **more: Any) -> list[str]:
        found = json.loads(manifest(make_rich_report(*entries, **more), "X.xlsx", b"", None, "published"))
        return [entry["sha256"] for entry in found["tables"]]

    first, second = hashes(RICH["1"], RICH["4"])
    assert hashes(RICH["1"], RICH["4"]) == [first, second]
    weighted = hashes(RICH["1"], RICH["18"], weights=WEIGHTS)
    assert weighted[0] != first
