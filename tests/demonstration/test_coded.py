"""The coded tables of 2012, and the quotations, from what the invented coders made of the invented answers."""

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from surveyapp import auditing, coding, demonstration
from surveyapp.config import Home
from surveyapp.storage.database import Database, connect

PRINTED = json.loads(
    (Path(__file__).parents[2] / "surveyapp/demonstration/figures/dat-2012.json").read_text(encoding="utf-8")
)
TABLES = {table["id"]: table for table in PRINTED["derived"]}


@pytest.fixture
def demo(built: Path) -> Iterator[Database]:
    db = connect(Home(built).database)
    yield db
    db.close()


@pytest.mark.parametrize(
    ("question", "table", "writers"), [("staffing_issues", "table_2", 24), ("recovery_actions", "table_4", 60)]
)
def test_the_settled_themes_have_the_counts_of_the_printed_table(
    demo: Database, question: str, table: str, writers: int
):
    found = coding.themes(demo, "dat-2012", question)
    by_label = {found.codeframe.labels[code]: count for code, count in found.counts.items()}
    assert by_label == {row["label"]: row["count"] for row in TABLES[table]["rows"]}
    assert (len(found.mentions), found.unsettled, found.responses) == (writers, 0, 65)


def test_coders_mostly_agree_and_what_they_dispute_is_settled(demo: Database):
    for name in ("staffing_issues", "recovery_actions", "support_wanted"):
        (pair,) = coding.agreement(demo, "dat-2012", name)
        assert pair.pooled is not None
        assert 0.7 < pair.pooled < 1
        assert not coding.settlement(demo, "dat-2012", name).disputed


def test_every_coded_question_is_ready_for_a_table_in_the_order_of_the_questionnaire(demo: Database):
    found = coding.coded(demo, "dat-2012")
    assert list(found) == ["staffing_issues", "recovery_actions", "support_wanted"]
    assert found["recovery_actions"].counts["recommissioning"] == 17


def test_six_quotations_are_cleared_under_different_themes(demo: Database):
    found = coding.quotations(demo, "dat-2012", "support_wanted")
    assert len({quotation.theme for quotation in found}) == len(found) == TABLES["table_8"]["printed"] == 6
    assert {quotation.attribution for quotation in found} <= {
        "Drug Action Team respondent",
        "Drug Action Team respondent, London",
    }


def test_a_second_demonstration_codes_and_quotes_the_same(demo: Database, tmp_path: Path):
    again = demonstration.build(Home(tmp_path / "again"), date(2026, 1, 1), lambda *_: None)
    other = connect(again.home.database)
    for name in ("staffing_issues", "recovery_actions", "support_wanted"):
        assert coding.agreement(other, "dat-2012", name) == coding.agreement(demo, "dat-2012", name)
        assert coding.quotations(other, "dat-2012", name) == coding.quotations(demo, "dat-2012", name)
    other.close()


def test_what_coders_made_of_the_answers_opens_no_way_to_who_gave_them(demo: Database, built: Path):
    outcomes = auditing.audit(Home(built), demo, "dat-2012")
    assert [outcome.attack.name for outcome in outcomes if outcome.verdict == "fails"] == []
