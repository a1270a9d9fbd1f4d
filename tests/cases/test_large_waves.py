"""A closed wave left to an engine: written in parts, found again, never stale, and told like one in memory."""

import json
from pathlib import Path
from random import Random
from typing import Any

import pytest
from pyarrow import parquet

from surveyapp import campaigning, engines, privacy, reporting
from surveyapp.analysis.columns import CELL
from surveyapp.problems import SurveyError
from surveyapp.reporting import Counting
from surveyapp.storage import responses
from surveyapp.storage.database import Database
from surveyapp.storage.responses import Response
from tests.makers import TODAY, make_all_types, make_question, make_wave

DUCKDB, MEMORY = Counting("duckdb"), Counting("memory")
TYPES = [make_question("date", "since"), make_question("number", "staff"), make_question("single", "kind")]


def make_document() -> dict[str, Any]:
    document = make_all_types()
    document["sections"][0]["pages"][0]["questions"] = TYPES
    return document


def release(db: Database, n: int, seed: int = 1, wave: str = "tiny-1") -> None:
    """So many answers straight to the released ones."""
    chance = Random(seed)

    def answers() -> dict[str, Any]:
        given = {"since": f"{chance.randrange(1990, 2012)}-01-31", "staff": str(chance.randrange(90))}
        return {**given, "kind": chance.choice(["yes", "no"])}

    some = [
        (privacy.new_id(), Response(chance.choice(["1", ""]), chance.choice(["North", "South", ""]), answers()))
        for _ in range(n)
    ]
    with db.transaction() as connection:
        responses.release(connection, wave, [], some, [])


@pytest.fixture
def released(tmp_path: Path) -> Path:
    """The folder for what is kept."""
    return tmp_path / "released"


@pytest.fixture
def wave(db: Database, monkeypatch: pytest.MonkeyPatch) -> str:
    """A closed wave of 250 answers, kept in parts of 100."""
    monkeypatch.setattr(reporting, "PART", 100)
    monkeypatch.setattr(reporting, "AT_ONCE", 50)
    name = make_wave(db, document=make_document())[0].name
    release(db, 250)
    campaigning.close_wave(db, name, TODAY)
    return name


def by_version(some: list[Response]) -> list[Response]:
    """Those of one version after the other, in the order in which these come up."""
    versions = list(dict.fromkeys(each.version for each in some))
    return sorted(some, key=lambda each: versions.index(each.version))


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_the_tables_are_those_of_memory(db: Database, wave: str, released: Path):
    told = [reporting.report(db, wave, None, kept=released, counting=by) for by in (DUCKDB, MEMORY)]
    assert [each.table.variable for each in told[0].tables][:3] == ["since", "staff", "kind"]
    assert told[0].tables == told[1].tables
    assert told[0].entered == told[1].entered


def test_it_is_written_in_parts_in_the_order_of_random_ids(db: Database, wave: str, released: Path):
    paths, legend = reporting.parts(db, wave, released)
    assert files(released) == [f"tiny-1.parts/{n}" for n in (*(f"0000{i}.parquet" for i in range(3)), "mark.json")]
    tables = [parquet.read_table(path) for path in paths]
    assert [table.num_rows for table in tables] == [100, 100, 50]
    assert {"since", "staff", "kind", "staff:amount", CELL} <= set(tables[0].column_names)
    with db.reading() as connection:
        known = responses.responses(connection, wave)
    first = [*by_version(known[:50]), *by_version(known[50:100])]
    assert tables[0].column("staff:amount").to_pylist() == [float(each.answers["staff"]) for each in first]
    cells = ["", *legend.cells]
    assert [cells[place + 1] for place in tables[0].column(CELL).to_pylist()] == [each.cell for each in first]
    assert (legend.n, sorted(legend.cells)) == (250, ["North", "South"])


def test_no_part_says_who_or_when(db: Database, wave: str, released: Path):
    paths, _ = reporting.parts(db, wave, released)
    assert {path.stat().st_mode & 0o077 for path in [released, *released.rglob("*.*")]} == {0}
    said = json.loads((released / "tiny-1.parts" / "mark.json").read_text())
    assert set(said) == {"mark", "parts", "sizes", "about"}
    assert set(said["about"]) == {"n", "cells", "years"}
    assert {name for path in paths for name in (parquet.read_schema(path).metadata or {})} == set()


def test_what_was_written_is_found_again_and_told_how_far_it_is(db: Database, wave: str, released: Path):
    steps: list[tuple[int, int]] = []
    first = reporting.parts(db, wave, released, lambda done, of: steps.append((done, of)))
    assert steps == [(100, 250), (200, 250), (250, 250)]
    assert reporting.parts(db, wave, released, lambda *_: steps.append((0, 0))) == first
    assert len(steps) == 3


def test_parts_are_written_anew_when_more_was_released_or_one_is_damaged(db: Database, wave: str, released: Path):
    paths, _ = reporting.parts(db, wave, released)
    paths[1].write_bytes(b"PAR1")
    assert reporting.parts(db, wave, released)[1].n == 250
    release(db, 30, seed=2)
    assert reporting.parts(db, wave, released)[1].n == 280
    assert reporting.report(db, wave, None, kept=released, counting=DUCKDB).responses == 280


def test_where_the_disk_refuses_it_is_said_and_nothing_is_left(db: Database, wave: str, released: Path):
    released.write_text("a file in its place")
    with pytest.raises(SurveyError, match=r"the parts of tiny-1 cannot be written to .*released"):
        reporting.parts(db, wave, released)


def test_a_wave_that_still_takes_answers_is_counted_in_memory_alone(db: Database, released: Path):
    name = make_wave(db, document=make_document())[0].name
    release(db, 250)
    with pytest.raises(SurveyError, match="tiny-1 still takes answers, and engines count closed waves; use none"):
        reporting.report(db, name, None, kept=released, counting=DUCKDB)
    assert reporting.report(db, name, None, kept=released).responses == 250
    assert files(released) == []


@pytest.mark.parametrize(("least", "installed", "parts"), [(249, True, 4), (250, True, 0), (249, False, 0)])
def test_a_wave_goes_to_the_engine_by_itself_when_it_is_large_and_that_is_there(
    db: Database,
    wave: str,
    released: Path,
    monkeypatch: pytest.MonkeyPatch,
    least: int,
    installed: bool,
    parts: int,
):
    monkeypatch.setattr(reporting, "LARGE", least)
    if not installed:
        monkeypatch.setitem(engines.PACKAGES, "duckdb", "not_there_at_all")
    assert reporting.report(db, wave, None, kept=released).responses == 250
    assert len([name for name in files(released) if name.startswith("tiny-1.parts/")]) == parts
    assert sum(reporting.sent(db, wave, released).values()) == 250
