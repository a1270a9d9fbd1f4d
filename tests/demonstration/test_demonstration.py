"""The demonstration as a whole: reproducible, whole, and no danger to anything else."""

import hashlib
from datetime import date
from pathlib import Path

import pytest

from surveyapp import campaigning, demonstration
from surveyapp.config import Home
from surveyapp.problems import SurveyError
from surveyapp.storage import responses
from surveyapp.storage.database import connect


def build(path: Path, today: date = date(2026, 1, 1)) -> demonstration.Demonstration:
    return demonstration.build(Home(path), today, lambda what, done, of: None)


def test_a_second_demonstration_writes_the_same_bytes(built: Path, tmp_path: Path):
    first = (built / "dat-2012-appendix.xlsx").read_bytes()
    second = build(tmp_path / "again", date(2027, 12, 31)).workbook.read_bytes()
    third = build(tmp_path / "again").workbook.read_bytes()
    assert (
        hashlib.sha256(first).hexdigest()
        == hashlib.sha256(second).hexdigest()
        == hashlib.sha256(third).hexdigest()
    )


def test_the_wave_is_closed_and_its_tray_empty(built: Path):
    db = connect(Home(built).database)
    status = campaigning.status(db, "dat-2012")
    db.close()
    assert status.wave.state == "closed"
    assert (status.wave.population, status.wave.issued, status.invited) == (142, 142, 142)
    assert (status.received, status.tray, status.released) == (65, 0, 65)


def test_every_region_is_carried_and_holds_five_or_more(built: Path):
    db = connect(Home(built).database)
    with db.reading() as connection:
        cells = [response.cell for response in responses.responses(connection, "dat-2012")]
    db.close()
    assert len(set(cells)) == 9
    assert min(cells.count(cell) for cell in set(cells)) >= 5


def test_open_answers_are_kept_apart_from_the_closed_ones(built: Path):
    db = connect(Home(built).database)
    with db.reading() as connection:
        released = responses.responses(connection, "dat-2012")
        words = responses.verbatims(connection, "dat-2012")
    db.close()
    assert not any(key.endswith(".text") or key == "staffing_issues" for r in released for key in r.answers)
    assert len([w for w in words if w.question == "recovery_actions"]) == 60


def test_a_wave_that_anyone_can_try_is_open(built: Path):
    db = connect(Home(built).database)
    status = campaigning.status(db, "dat-2012-try")
    db.close()
    assert (status.wave.kind, status.wave.state) == ("open", "open")


def test_a_wave_opened_beside_the_demonstration_is_never_erased(tmp_path: Path):
    home = build(tmp_path / "demo").home
    db = connect(home.database)
    settings = {"carry": None, "key_place": "holder", "closes": None, "today": date(2026, 1, 1)}
    campaigning.open_wave(db, "mine", "dat", "2012.1", None, keep_key=lambda key: None, **settings)
    db.close()
    with pytest.raises(SurveyError, match="holds waves beside the demonstration: mine;"):
        build(tmp_path / "demo")
    assert "mine" in campaigning.names(connect(home.database))


def test_a_folder_with_anything_else_in_it_is_never_erased(tmp_path: Path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(SurveyError, match="is not empty and holds no demonstration"):
        build(tmp_path)
    assert (tmp_path / "thesis.txt").read_text() == "years of work"
