"""Tables whose groups are never pooled say so: no base stands for all of them."""

import json

import pytest

from surveyapp.analysis.asking import Plan
from surveyapp.analysis.columns import read_part
from surveyapp.analysis.dataset import assemble
from surveyapp.analysis.report import Report, WaveFacts, compile_report
from surveyapp.export.layouts import body
from surveyapp.export.sentences import base_sentence
from tests.makers import make_instrument, make_question

INSTRUMENT = make_instrument(
    [make_question("single", "q"), make_question("grid", "g")], disclosure={"carry": ["level"]}
)


@pytest.fixture(scope="module")
def report() -> Report:
    levels = ["Force"] * 20 + ["Unit"] * 30
    lines = [
        json.dumps({"q": "yes", "g.police": "more"} if i % 4 else {"q": "no", "g.health": "less"})
        for i in range(50)
    ]
    data = assemble(INSTRUMENT, [read_part(INSTRUMENT, levels, lines)], ["level"])
    facts = WaveFacts("w", True, "2012-01-09", None, ("level",), {"Force": 40, "Unit": 60}, 100, "0" * 64)
    never = {"by": ["level"], "total": False}
    net = {"nets": {"More": ["more"]}, "show": "nets"}
    entries = [{"id": "1", "question": "q"} | never, {"id": "2", "question": "g"} | never | net]
    return compile_report(Plan.model_validate({"survey": "tiny", "title": "T", "tables": entries}), data, facts)


def test_no_base_stands_for_all_groups(report: Report):
    sentence = "Base: forces that answered the question, each column by itself; the first row gives it."
    assert base_sentence(report.tables[0].table, "forces") == sentence


def test_bases_of_rows_name_the_group_that_they_are_of(report: Report):
    table = report.tables[1].table
    assert (
        base_sentence(table, "forces")
        == "Base: forces that answered the row, 15; it stands in the column Base of Force."
    )
    assert "Base of Force" in body(table, report.style, report.unit).header
