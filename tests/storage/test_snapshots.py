"""What is kept of a closed wave for speed: the same columns, made anew when stale, and nothing that is missed."""

import json
from pathlib import Path

import pytest

from surveyapp.analysis.columns import Part, Texts, read_part
from surveyapp.storage import snapshots
from tests.makers import make_instrument, make_question

INSTRUMENT = make_instrument([make_question("single", "q"), make_question("multiple", "m")])
LINES = [json.dumps({"q": "yes", "m": ["a", "c"]}), "{}", json.dumps({"q": "no"})]


@pytest.fixture
def part() -> Part:
    return read_part(INSTRUMENT, ["North", "South", ""], LINES)


def test_what_was_kept_comes_back_as_it_was(tmp_path: Path, part: Part):
    snapshots.keep(tmp_path / "released", "tiny-1", "3 aa ff", {"1": part.table})
    known = snapshots.kept(tmp_path / "released", "tiny-1", "3 aa ff")
    assert known is not None
    assert known["1"].equals(part.table)
    column = Part(INSTRUMENT, known["1"]).column("q")
    assert isinstance(column, Texts)
    assert [column.texts[i] if i >= 0 else None for i in column.index] == ["yes", None, "no"]


def test_it_is_stale_when_more_was_released(tmp_path: Path, part: Part):
    snapshots.keep(tmp_path, "tiny-1", "3 aa ff", {"1": part.table})
    assert snapshots.kept(tmp_path, "tiny-1", "4 aa ff") is None
    assert snapshots.kept(tmp_path, "tiny-2", "3 aa ff") is None


def test_a_new_one_takes_the_place_of_the_old_and_nothing_lies_beside_it(tmp_path: Path, part: Part):
    snapshots.keep(tmp_path, "tiny-1", "old", {"1": part.table, "2": part.table})
    snapshots.keep(tmp_path, "tiny-1", "new", {"1": part.table})
    assert snapshots.kept(tmp_path, "tiny-1", "old") is None
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["0.parquet", "mark.json", "tiny-1"]


@pytest.mark.parametrize("damage", [b"", b"PAR1 not any more", b"{}"])
def test_a_damaged_one_is_no_more_than_a_missing_one(tmp_path: Path, part: Part, damage: bytes):
    snapshots.keep(tmp_path, "tiny-1", "m", {"1": part.table})
    (tmp_path / "tiny-1" / "0.parquet").write_bytes(damage)
    assert snapshots.kept(tmp_path, "tiny-1", "m") is None
    snapshots.keep(tmp_path, "tiny-1", "m", {"1": part.table})
    (tmp_path / "tiny-1" / "mark.json").write_bytes(damage)
    assert snapshots.kept(tmp_path, "tiny-1", "m") is None


def test_where_nothing_can_be_written_nothing_is_kept(tmp_path: Path, part: Part):
    (tmp_path / "released").write_text("a file in its place")
    snapshots.keep(tmp_path / "released", "tiny-1", "m", {"1": part.table})
    assert snapshots.kept(tmp_path / "released", "tiny-1", "m") is None


def test_only_the_owner_may_read_it(tmp_path: Path, part: Part):
    snapshots.keep(tmp_path / "released", "tiny-1", "m", {"1": part.table})
    modes = {
        path.name: path.stat().st_mode & 0o077 for path in [tmp_path / "released", *tmp_path.rglob("released/*")]
    }
    assert set(modes.values()) == {0}
