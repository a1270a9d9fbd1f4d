"""The two more waves: invented, said to be so, and enough to show levels, audiences and a trend."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import openpyxl
import pytest

from surveyapp import auditing, campaigning, demonstration, reporting
from surveyapp.config import Home, read_file
from surveyapp.storage import responses
from surveyapp.storage.database import Database, connect

EXPORTS = Path(__file__).parents[2] / "exports"


@pytest.fixture
def db(built: Path) -> Iterator[Database]:
    db = connect(Home(built).database)
    yield db
    db.close()


def header_and_rows(built: Path, book: str, sheet: str) -> tuple[list[str], list[list[object]]]:
    """The marked-up table of a sheet."""
    found = openpyxl.load_workbook(built / f"{book}.xlsx")[sheet]
    (table,) = found.tables.values()
    first, *rest = [[cell.value for cell in row] for row in found[table.ref]]
    return [str(name) for name in first], rest


@pytest.mark.parametrize(("wave", "frame", "sent"), [("police-2011", 169, 111), ("dat-2013", 142, 65)])
def test_each_wave_is_closed_and_its_tray_empty(db: Database, wave: str, frame: int, sent: int):
    status = campaigning.status(db, wave)
    assert (status.wave.state, status.wave.population, status.invited) == ("closed", frame, frame)
    assert (status.received, status.tray, status.released) == (sent, 0, sent)


def test_levels_are_carried_and_large_enough(db: Database):
    with db.reading() as connection:
        cells = [response.cell for response in responses.responses(connection, "police-2011")]
    counted = {cell: cells.count(cell) for cell in sorted(set(cells))}
    assert counted == {"Command unit": 58, "Force": 34, "Other unit": 19}


@pytest.mark.parametrize("book", ["police-2011", "across-2011", "dat-2013-appendix"])
def test_every_workbook_says_on_its_cover_that_it_holds_no_data(built: Path, book: str):
    cover = openpyxl.load_workbook(built / f"{book}.xlsx")["Cover"]
    text = "\n".join(str(row[0]) for row in cover.iter_rows(values_only=True))
    assert "INVENTED ANSWERS, NOT DATA." in text


def test_the_levels_of_the_police_have_columns_of_their_own_and_no_total(built: Path):
    header, _ = header_and_rows(built, "police-2011", "By_level_4")
    columns = [name for name in header[1:] if "ower" not in name and "pper" not in name]
    assert columns == ["Level: Command unit (%)", "Level: Force (%)", "Level: Other unit (%) [u]"]


def test_the_trend_of_staff_time_goes_on_and_that_of_influence_breaks(built: Path):
    header, rows = header_and_rows(built, "dat-2013-appendix", "Trend_1")
    change = next(i for i, name in enumerate(header) if name.startswith("Change"))
    assert all(isinstance(row[change], int) for row in rows[1:])
    header, rows = header_and_rows(built, "dat-2013-appendix", "Trend_9")
    change = next(i for i, name in enumerate(header) if name.startswith("Change"))
    assert {row[change] for row in rows[1:]} == {"[b]"}


def test_the_first_column_of_a_trend_is_what_was_printed_in_2012(built: Path):
    _, printed = header_and_rows(built, "dat-2012-appendix", "Table_4")
    header, rows = header_and_rows(built, "dat-2013-appendix", "Trend_1")
    before = header.index("Wave: dat-2012 (%)")
    assert [row[before] for row in rows[1:8]] == [row[1] for row in printed] == [6, 3, 36, 25, 20, 5, 5]


def test_forces_and_teams_stand_side_by_side(built: Path):
    header, rows = header_and_rows(built, "across-2011", "Table_1a")
    assert [name for name in header if name.startswith("Wave")] == ["Wave: dat-2012 (%)", "Wave: police-2011 (%)"]
    assert [row[0] for row in rows[1:]] == ["Increase", "No change", "Decrease", "Don’t know"]
    assert rows[3][header.index("Wave: dat-2012 (%)")] == 45


def test_tables_weighted_to_the_regions_have_weighted_bases(db: Database):
    plan = read_file(EXPORTS / "dat-2012-weighted.json")
    table = reporting.report(db, "dat-2012", plan).tables[0].table
    assert table.weighting == "poststratify"
    assert (table.base.n, table.base.weighted_n) != (64, None)
    plain = reporting.report(db, "dat-2012", None).tables[3].table
    assert [cell.percent for row in table.rows[:2] for cell in row.cells] != [
        cell.percent for row in plain.rows[:2] for cell in row.cells
    ]


@pytest.mark.parametrize("wave", ["police-2011", "dat-2013"])
def test_no_attack_on_the_wave_succeeds(db: Database, built: Path, wave: str):
    outcomes = auditing.audit(Home(built), db, wave)
    assert [outcome.attack.name for outcome in outcomes if outcome.verdict == "fails"] == []


def test_the_same_waves_are_built_again_and_nothing_else_is_erased(built: Path, tmp_path: Path):
    home = Home(tmp_path / "again")
    demonstration.build(home, date(2026, 1, 1), lambda *_: None)
    again = demonstration.build(home, date(2026, 1, 1), lambda *_: None, more=True)
    for book in (again.workbook, *again.others):
        assert book.read_bytes() == (built / book.name).read_bytes()
