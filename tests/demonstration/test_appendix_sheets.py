"""The appendix of the demonstration as a published workbook, and its margins beside the printed percentages."""

import json
from pathlib import Path

import openpyxl
import pytest

from surveyapp import coding, reporting
from surveyapp.config import Home
from surveyapp.storage.database import connect
from tests.export.guidance import faults
from tests.export.test_workbook import rows_of

PLAN = Path(__file__).parents[2] / "exports/dat-2012-appendix.json"


@pytest.fixture(scope="module")
def appendix(built: Path) -> bytes:
    """By the plan of the report, with margins in every table."""
    return by_plan(built, margins=True)


@pytest.fixture(scope="module")
def without_margins(built: Path) -> bytes:
    """By the same plan, with margins in none."""
    return by_plan(built, margins=False)


def by_plan(built: Path, margins: bool) -> bytes:
    plan = json.loads(PLAN.read_text(encoding="utf-8")) | {"margins": margins}
    for entry in plan["tables"]:
        entry.pop("margins", None)
    db = connect(Home(built).database)
    themes = coding.coded(db, "dat-2012")
    compiled = reporting.report(db, "dat-2012", json.dumps(plan).encode(), themes=themes)
    db.close()
    return reporting.file_of(compiled, ".xlsx")


def test_it_follows_the_guidance_as_the_demonstration_writes_it(built: Path):
    assert faults((built / "dat-2012-appendix.xlsx").read_bytes()) == []


def test_it_follows_it_with_margins_in_every_table(appendix: bytes):
    assert faults(appendix) == []


def test_it_follows_it_without_margins_too(without_margins: bytes):
    assert faults(without_margins) == []


def test_margins_stand_beside_and_change_no_printed_percentage(
    built: Path, appendix: bytes, without_margins: bytes
):
    """Whatever is not a limit is what the appendix prints without them."""
    names = [name for name in openpyxl.load_workbook(built / "dat-2012-appendix.xlsx").sheetnames if "_" in name]
    assert len(names) > 12
    for name in names:
        found = rows_of(appendix, name)
        kept = [i for i, heading in enumerate(found[0]) if not heading.lower().endswith(("lower", "upper"))]
        assert [tuple(row[i] for i in kept) for row in found] == rows_of(without_margins, name)


def test_the_first_printed_table_has_its_limits(appendix: bytes):
    header, *rows = rows_of(appendix, "Table_1")
    assert header == ("Answer options", "Response (%)", "Lower", "Upper")
    assert all(low <= percent <= high for _, percent, low, high in rows)


def test_limits_of_a_printed_grid_stand_after_its_percentages(appendix: bytes):
    header = rows_of(appendix, "Table_2")[0]
    limits = [heading.endswith(("lower", "upper")) for heading in header]
    assert any(limits)
    assert limits == [*sorted(limits[:-2]), False, False]
