"""A closed wave's columns are kept beside the database: read from there, made anew when stale, missed by none."""

from pathlib import Path

import pytest

from surveyapp import campaigning, reporting
from surveyapp.analysis.columns import read_part
from surveyapp.storage import responses, snapshots
from surveyapp.storage.database import Database
from tests.makers import TODAY, make_answers, make_frame, make_wave, send


@pytest.fixture
def closed(db: Database) -> Database:
    """A wave of twelve answers, all yes."""
    _, key, codes = make_wave(db, frame=make_frame(60))
    for code in list(codes.values())[:12]:
        send(db, code, make_answers())
    campaigning.close_wave(db, "tiny-1", TODAY)
    reporting.open_tray(db, "tiny-1", key)
    return db


def yes(db: Database, kept: Path | None) -> int | None:
    return reporting.report(db, "tiny-1", None, kept=kept).tables[0].table.rows[0].cells[0].count


def test_the_second_time_the_columns_come_from_the_folder(closed: Database, tmp_path: Path):
    assert yes(closed, tmp_path) == 12
    wave, data, _ = reporting.load(closed, "tiny-1", tmp_path)
    with closed.reading() as connection:
        mark = responses.fingerprint(connection, "tiny-1")
    other = read_part(data.instrument, [""] * 11, ['{"kind": "yes"}'] * 11)
    snapshots.keep(tmp_path, "tiny-1", mark, {wave.version: other.table})
    assert yes(closed, tmp_path) == 11
    assert yes(closed, None) == 12


def test_what_is_stale_or_deleted_is_made_anew(closed: Database, tmp_path: Path):
    wave, data, _ = reporting.load(closed, "tiny-1", tmp_path)
    other = read_part(data.instrument, [""] * 11, ['{"kind": "yes"}'] * 11)
    snapshots.keep(tmp_path, "tiny-1", "of fewer answers", {wave.version: other.table})
    assert yes(closed, tmp_path) == 12
    for file in tmp_path.rglob("*.parquet"):
        file.unlink()
    assert yes(closed, tmp_path) == 12


def test_an_open_wave_is_not_kept(db: Database, tmp_path: Path):
    _, key, codes = make_wave(db, frame=make_frame(60))
    for code in list(codes.values())[:40]:
        send(db, code, make_answers())
    reporting.open_tray(db, "tiny-1", key)
    assert yes(db, tmp_path / "released")
    assert not (tmp_path / "released").exists()
