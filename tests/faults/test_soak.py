"""A fortnight in the field in some seconds: whatever befalls the site, everybody who was told "received" is there.

`SURVEYAPP_SOAKS` says how many fortnights (3 without it, 30 by night), `SURVEYAPP_SEED` with which to begin;
`pytest -s` prints what happened in each. A third as many, on each store, have the job worker at work too. An hour
of it on each, with an eye on memory, is `make soak`.
"""

import os
import random
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.server import Server, running
from tests.soak.fortnight import CALLED, Fieldwork, finished
from tests.soak.installation import Installation, installed

FIRST, MANY = int(os.environ.get("SURVEYAPP_SEED") or 17), int(os.environ.get("SURVEYAPP_SOAKS") or 3)

ILLS = ("power", "restart", "reload")
"""Beside workers that are killed, each fortnight sees one of these."""

HAPPENS = {
    *("two tabs", "back, and sent again", "back, and other values", "chose between two versions"),
    *(
        "wrong values first",
        "wrong code first",
        "came by the code",
        "came back by the cookie",
        "the visit had ended",
    ),
    *("changed the language", "pages changed later", "saved to come back later", "left a note for a colleague"),
    *("clicked more than once", "tried again after the end", "Excel form", "new code by letter", "reminders"),
    *("released early", "openings killed", "retention runs", "backups", "staff pages", "workers killed"),
    *("drafts found again", "boxes compared", "books balanced"),
}
"""What every fortnight must have seen to prove anything."""


@pytest.fixture
def folder() -> Iterator[Path]:
    """In memory: a killed process loses nothing that it has handed to the system, whatever the disk."""
    memory = "/dev/shm" if Path("/dev/shm").is_dir() else None
    with TemporaryDirectory(dir=memory) as path:
        yield Path(path)


@pytest.mark.parametrize("seed", range(FIRST, FIRST + MANY))
def test_a_fortnight_of_142_respondents_and_kills_loses_nothing(folder: Path, seed: int) -> None:
    with installed(folder, works=False) as at:
        ills = {2: "worker", 5: ILLS[seed % len(ILLS)], 8: "worker"}
        Fieldwork(at, "soak-1", random.Random(seed), ills=ills, asks=False).run()
        _assert_seen(at, HAPPENS)
        assert at.site.tally["completed"] > 100


STORES = [pytest.param(nullcontext, id="sqlite"), pytest.param(running, id="postgres", marks=pytest.mark.postgres)]


@pytest.mark.parametrize("seed", range(FIRST, FIRST + max(MANY // 3, 1)))
@pytest.mark.parametrize("store", STORES)
def test_a_fortnight_with_jobs_loses_none_of_them_and_does_none_twice(
    folder: Path, store: Callable[[], AbstractContextManager[Server | None]], seed: int
) -> None:
    """On a server the store itself dies too, while everybody is at work."""
    with store() as server, installed(folder, server=server) as at:
        ills = {2: "job worker", 7: "worker"} | ({5: "database", 11: "database"} if server else {})
        before = finished(at, "soak-0")
        Fieldwork(at, "soak-1", random.Random(seed), before=before, ills=ills, units=40).run()
        died = {CALLED[what] for what in ills.values()}
        _assert_seen(at, {*died, "reminders", "drafts found again", "books balanced", "jobs done"})
        assert at.site.tally["jobs asked for"] == 5
        assert at.site.tally["completed"] > 25


def _assert_seen(at: Installation, wanted: set[str]) -> None:
    """Print what happened, which must be at least this."""
    for what, n in sorted(at.site.tally.items()):
        sys.stdout.write(f"\n{n:>8,} {what}")
    assert {what for what, n in at.site.tally.items() if n} >= wanted
