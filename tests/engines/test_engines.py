"""Each engine gives the tables that are made in memory, to the last digit, and says clearly what it cannot do."""

from pathlib import Path

import numpy as np
import pytest

from surveyapp import engines
from surveyapp.analysis.grouping import Amount, AtLeast, Coded, Tally
from surveyapp.engines import distributed, embedded
from surveyapp.problems import SurveyError
from tests.engines.conftest import ENGINES, Opened, rows, written
from tests.largewaves import CARRY, NEW, TABLES, WEIGHTS, make_plan, make_resident, told


def test_every_kind_of_table_with_every_weight_is_the_same(opened: Opened):
    resident = make_resident(*rows(150, 250))
    with opened(150, 250) as large:
        for weights in WEIGHTS:
            plan = make_plan(weights=weights)
            found = told(plan, large)
            assert isinstance(found, tuple), found
            assert len(found[1]) == len(TABLES)
            assert found == told(plan, resident)


def test_in_a_small_wave_the_same_figures_are_hidden(opened: Opened):
    resident = make_resident(*rows(20, 40))
    with opened(20, 40) as large:
        found = told(make_plan(), large)
    marks = [cell.mark for protected in found[1] for row in protected.table.rows for cell in row.cells]
    assert marks.count("[c]") > 50
    assert found == told(make_plan(), resident)


def test_what_is_known_of_a_wave_is_the_same(opened: Opened):
    resident = make_resident(*rows(30, 70))
    with opened(30, 70) as large:
        assert large.n == 100
        assert large.completeness == resident.completeness
        assert large.cell_sizes == resident.cell_sizes


def test_what_is_missing_passes_no_test_and_is_in_no_tally(opened: Opened):
    tally = Tally((("n", ()), ("q", (0, 1, 2))))
    with opened(30, 70) as large:
        found, compared = large.engine.grouped([[Coded("n"), Amount("n"), tally], [Coded("n"), AtLeast("n", 0.0)]])
    codes, amounts, tallies = found.columns
    assert (codes < 0).any()
    assert np.array_equal(np.isnan(amounts), codes < 0)
    assert set(tallies.tolist()) == {0, 1}
    assert np.array_equal(compared.columns[1] == 1, compared.columns[0] >= 0)


def test_workers_in_processes_of_their_own_count_the_same(tmp_path: Path):
    files, legend = written(tmp_path, 150, 250)
    with distributed.opened(files) as engine:
        found = told(make_plan(weights=WEIGHTS[1]), legend.responses(NEW, CARRY, engine))
    assert found == told(make_plan(weights=WEIGHTS[1]), make_resident(*rows(150, 250)))


def test_duckdb_takes_temporary_files_beside_the_parts_and_leaves_none(tmp_path: Path):
    files, _ = written(tmp_path, 0, 200)
    with embedded.opened(files) as engine:
        assert [path.name[:10] for path in files[0].parent.glob(".*")] == [".counting-"]
        (groups,) = engine.grouped([[Coded("q")]])
    assert groups.times.sum() == 200
    assert list(files[0].parent.glob(".*")) == []


@pytest.mark.parametrize("name", ENGINES)
def test_a_part_that_is_gone_is_refused_and_not_passed_over(tmp_path: Path, name: str):
    files, _ = written(tmp_path, 0, 200)
    with ENGINES[name](files) as engine:
        files[1].unlink()
        with pytest.raises(SurveyError, match=r"(DuckDB|worker) cannot .*00001\.parquet"):
            engine.grouped([[Coded("q")]])


# ── what to install ──────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", engines.PACKAGES)
def test_without_the_packages_it_says_what_to_install(name: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(engines.PACKAGES, name, "not_there_at_all")
    with pytest.raises(SurveyError, match=r"pip install 'surveyapp\[scale\]'"):
        engines.opener(name)


def test_an_address_where_nobody_answers_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(distributed, "PATIENCE", "1s")
    files, _ = written(tmp_path, 0, 10)
    with (
        pytest.raises(SurveyError, match=r"no Dask scheduler answers at tcp://127.0.0.1:9"),
        engines.opener("dask", "tcp://127.0.0.1:9")(files),
    ):
        pass
