"""The plans in `exports/`: each fits its questionnaire and, on invented answers, makes tables to be printed."""

import json
from functools import cache
from math import isfinite

import pytest

from surveyapp.analysis.plans import default_plan
from surveyapp.analysis.report import Report, compile_report
from surveyapp.analysis.tables import CONFIDENTIAL, Table
from tests.invented_waves import QUESTIONNAIRES, ROOT, columns_and_cells, compiled, wave

PLANS = {
    "dat-2012-appendix": "dat/2012.1",
    "dat-2012-weighted": "dat/2012.1",
    "dat-2013-appendix": "dat/2013.1",
    "police-2011": "police/2011.1",
    "across-2011": "police/2011.1",
    "housing-2011": "housing/2011.1",
    "provider-2013": "provider/2013.1",
    "interview-2011": "interview/2011.1",
}


@cache
def report(plan: str) -> Report:
    return compiled((ROOT / f"exports/{plan}.json").read_bytes(), PLANS[plan])


def tables(plan: str) -> dict[str, Table]:
    return {protected.table.id: protected.table for protected in report(plan).tables}


def hidden(table: Table) -> float:
    """The share of the figures that must not be printed."""
    marks = [cell.mark for _, cell in columns_and_cells(table)]
    return marks.count(CONFIDENTIAL) / len(marks)


def test_every_plan_in_the_folder_is_tested():
    assert {path.stem for path in (ROOT / "exports").glob("*.json")} == {*PLANS, "schema"}


@pytest.mark.parametrize("plan", PLANS)
def test_every_figure_of_a_plan_is_printed_or_marked(plan: str):
    for table in tables(plan).values():
        assert table.rows
        for _, cell in columns_and_cells(table):
            number = cell.shown if cell.value is None else cell.value
            assert cell.mark or (number is not None and isfinite(number)), table.id
            assert cell.printed not in {"", "None", "nan"}
            for figure in (cell.percent, cell.se, cell.low, cell.high):
                assert figure is None or isfinite(figure)


@pytest.mark.parametrize("plan", PLANS)
def test_nothing_is_printed_on_a_base_under_ten(plan: str):
    for table in tables(plan).values():
        for row in table.rows:
            for column, cell in zip(table.columns, row.cells, strict=True):
                base = column.base.n if column.base is not None else row.base
                assert cell.count is None or base >= 10 or not base, (table.id, row.code)


@pytest.mark.parametrize("plan", PLANS)
def test_no_column_of_a_breakdown_prints_one_or_two(plan: str):
    for table in tables(plan).values():
        groups = [cell for column, cell in columns_and_cells(table) if column.headings and table.kind != "trend"]
        assert not [cell.count for cell in groups if cell.count in {1, 2}], table.id


@pytest.mark.parametrize("plan", PLANS)
def test_a_plan_does_not_ask_for_tables_that_must_be_hidden(plan: str):
    """A small wave hides some figures; a plan of which most are hidden is of no use to anybody."""
    shares = {name: hidden(table) for name, table in tables(plan).items()}
    assert sum(shares.values()) / len(shares) < 0.4, shares


@pytest.mark.parametrize("name", QUESTIONNAIRES)
def test_every_questionnaire_has_all_its_tables_without_a_plan(name: str):
    source = wave("the-wave", name)
    made = compile_report(default_plan(source.data.instrument), source.data, source.facts)
    assert len(made.tables) == len(default_plan(source.data.instrument).tables)
    for protected in made.tables:
        assert all(cell.printed not in {"", "None", "nan"} for _, cell in columns_and_cells(protected.table))


# ── what each plan is for ────────────────────────────────────────────────────


def test_levels_of_the_police_stand_side_by_side_and_are_never_pooled():
    for table in tables("police-2011").values():
        assert [column.label for column in table.columns] == ["Command unit", "Force", "Other unit"]
        assert all(column.base is not None for column in table.columns)


def test_numbers_shares_and_ranks_of_providers_are_tabulated():
    """A number that is released in bands is tabulated as a choice among them."""
    kinds = {table.variable: table.kind for table in tables("provider-2013").values()}
    asked = ("income", "staff_total", "vacancies", "income_sources", "priorities")
    assert [kinds[name] for name in asked] == ["single", "single", "single", "allocation", "rank"]


def test_a_plan_follows_every_closed_question_that_is_asked_once():
    for plan, name in PLANS.items():
        if plan not in {"dat-2012-weighted", "across-2011"}:
            asked = {entry.question for entry in default_plan(wave("w", name).data.instrument).tables}
            assert asked <= {table.variable.partition(".")[0] for table in tables(plan).values()}, plan


def test_a_series_goes_on_or_breaks_as_the_questionnaires_say():
    made = tables("dat-2013-appendix")
    changes = {
        name: {row.cells[2].mark for row in made[name].rows}
        for name in ("Trend_1", "Trend_3", "Trend_9", "Trend_10")
    }
    assert changes == {"Trend_1": {""}, "Trend_3": {""}, "Trend_9": {"[b]"}, "Trend_10": {"[b]"}}
    assert [note for note in made["Trend_9"].notes if note.startswith("The series breaks")]


def test_a_partner_that_was_new_has_no_change():
    rows = {row.code: row for row in tables("dat-2013-appendix")["Trend_5"].rows}
    assert [cell.mark for cell in rows["hwb"].cells] == ["[x]", "", "[b]"]
    assert [cell.mark for cell in rows["police"].cells] == ["", "", ""]


def test_forces_stand_beside_teams_with_nets_over_the_codes_of_both():
    table = tables("across-2011")["Table_1a"]
    assert [column.label for column in table.columns] == ["dat-2012", "the-wave"]
    assert [row.code for row in table.rows] == ["Increase", "No change", "Decrease", "Don’t know"]
    assert "Of the-wave, only those are counted of whom this holds: “Level” is Force." in table.notes
    partners = tables("across-2011")["Table_2a"]
    assert [row.code for row in partners.rows] == [
        "community", "housing", "mental_health", "prison_probation", "schools", "treatment", "youth",
    ]  # fmt: skip


def test_interviews_count_themes_and_claim_no_margin():
    assert [table.kind for table in tables("interview-2011").values()][-2:] == ["coded", "coded"]
    assert {table.interval for table in tables("interview-2011").values()} == {""}


def test_a_variable_is_made_of_a_stratum_called_by_its_short_name():
    into = [{"code": "force", "label": "Forces", "of": ["Force"]}]
    into += [{"code": "rest", "label": "Below forces", "of": ["Command unit", "Other unit"]}]
    plan = {
        "survey": "police",
        "title": "T",
        "derive": [{"id": "high", "label": "Level", "recode": "level", "into": into}],
        "tables": [{"id": "1", "question": "drug_priority", "by": ["high"], "total": False}],
    }
    made = compiled(json.dumps(plan), "police/2011.1").tables[0].table
    assert [column.label for column in made.columns] == ["Forces", "Below forces"]


def test_a_plan_leaves_respondents_out_by_a_number():
    where = {"question": "staff_total", "at_least": 11, "at_most": 500}
    plan = {"survey": "provider", "title": "T", "where": where, "tables": [{"id": "1", "question": "staff_time"}]}
    made = compiled(json.dumps(plan), "provider/2013.1").tables[0].table
    assert made.where == "“How many paid staff does your service have?” is at least 11 and at most 500"
    assert 10 <= made.base.n < 60
