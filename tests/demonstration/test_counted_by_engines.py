"""The plans of the demonstration, counted by each engine: the tables that are made in memory."""

from collections.abc import Iterator
from pathlib import Path

import distributed
import pytest

from surveyapp import coding, reporting
from surveyapp.config import Home, project_file
from surveyapp.reporting import Counting
from surveyapp.storage.database import connect

PLANS = {
    "dat-2012-appendix": "dat-2012",
    "dat-2012-weighted": "dat-2012",
    "dat-2013-appendix": "dat-2013",  # compares with the wave before
    "police-2011": "police-2011",
}


@pytest.fixture(scope="module")
def scheduler() -> Iterator[str]:
    """The address of a cluster of one process, this one."""
    with distributed.LocalCluster(
        n_workers=1, processes=False, protocol="tcp://", dashboard_address=None
    ) as cluster:
        yield cluster.scheduler_address


@pytest.mark.parametrize("plan", PLANS)
def test_the_report_is_the_same(built: Path, tmp_path: Path, scheduler: str, plan: str):
    document, wave = project_file(f"exports/{plan}.json").read_bytes(), PLANS[plan]
    db = connect(Home(built).store)
    themes = coding.coded(db, wave)
    told = [
        reporting.report(db, wave, document, themes=themes, kept=tmp_path, counting=by)
        for by in (Counting("memory"), Counting("duckdb"), Counting("dask", scheduler))
    ]
    db.close()
    assert (tmp_path / f"{wave}.parts").exists()
    assert len(told[0].tables) > 2
    assert told[0].tables == told[1].tables == told[2].tables
    assert told[0].entered == told[1].entered == told[2].entered
