"""A fortnight in the field in some seconds: whatever befalls the site, everybody who was told "received" is there.

`SURVEYAPP_SOAKS` says how many fortnights (3 without it, 30 by night), `SURVEYAPP_SEED` with which to begin;
`pytest -s` prints what happened in each. An hour of it, with an eye on memory, is `make soak`.
"""

import os
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.soak.fortnight import Fieldwork, installed

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
    with installed(folder) as at:
        ills = {2: "worker", 5: ILLS[seed % len(ILLS)], 8: "worker"}
        Fieldwork(at, "soak-1", random.Random(seed), ills=ills).run()
        for what, n in sorted(at.site.tally.items()):
            sys.stdout.write(f"\n{n:>8,} {what}")
        assert {what for what, n in at.site.tally.items() if n} >= HAPPENS
        assert at.site.tally["completed"] > 100
