"""Deaths of one job, each at a step drawn by chance and each from the same beginning, and what they left.

`SURVEYAPP_KILLS` says how often saving and sending are killed (200 without it), each other job a tenth as often;
`SURVEYAPP_SEED` repeats a run. `pytest -s` prints which steps were hit.
"""

import os
import random
import sys
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from surveyapp.problems import SurveyError
from tests.faults import steps
from tests.faults.books import assert_books_balance
from tests.faults.places import WAVE, Place, store
from tests.faults.steps import With

KILLS = int(os.environ.get("SURVEYAPP_KILLS", "200"))
OF_OTHERS = max(KILLS // 10, 10)
CARELESS_KILLS = 300
"""At most: a careless step is caught sooner."""

SEED = int(
    os.environ.get("SURVEYAPP_SEED") or (17 if os.environ.get("CI") else random.SystemRandom().randrange(10**6))
)

Check = Callable[[Place], None]


@dataclass
class Tally:
    """Which steps were the last, and what was found after them."""

    what: str
    kills: Counter[str] = field(default_factory=Counter)
    found: dict[str, str] = field(default_factory=dict)

    def judge(self, death: steps.Death, check: Callable[..., None], *args: Any) -> None:
        """Count a death and look what it left."""
        step = death.step or "none: it had ended"
        self.kills[step] += 1
        try:
            check(*args)
        except (AssertionError, SurveyError) as fault:
            self.found[step] = str(fault).split("\n")[0]

    def show(self, to: Path) -> None:
        """Print the table, and write it beside what the test leaves."""
        title = f"{self.what}: {self.kills.total()} kills, seed {SEED}"
        width = max(map(len, self.kills), default=10)
        lines = [f"{step:<{width}} {n:>4}  {self.found.get(step, '-')}" for step, n in sorted(self.kills.items())]
        text = "\n".join([title, f"{'killed at':<{width}} {'kills':>4} found", *lines, ""])
        (to / "kills.txt").write_text(text)
        sys.stdout.write(f"\n{text}")

    def assert_nothing(self, to: Path) -> None:
        """Nothing was found after any of them."""
        self.show(to)
        assert self.found == {}

    def assert_found(self, words: str, to: Path) -> None:
        """One thing was found, in these words."""
        self.show(to)
        (found,) = self.found.values()
        assert words in found


@dataclass(frozen=True)
class Case:
    """A job, where it begins, what must hold after any death, and once it has been done again.

    `careless` are versions of its decisive step, by the name of the argument they replace, with the words in which
    they must be caught.
    """

    name: str
    job: steps.Job
    begin: Callable[[Path], Place]
    arguments: Callable[[Place], tuple[Any, ...]]
    holds: Check
    ended: Check
    careless: tuple[tuple[dict[str, Any], str], ...]


def each(cases: Iterable[Case]) -> pytest.MarkDecorator:
    """A test for each case."""
    return pytest.mark.parametrize("case", cases, ids=lambda case: case.name)


def each_careless(cases: Iterable[Case]) -> pytest.MarkDecorator:
    """A test for each careless version of each case."""
    found = [(case, how, words) for case in cases for how, words in case.careless]
    return pytest.mark.parametrize(
        ("case", "how", "words"), found, ids=[f"{case.name}: {words}" for case, _, words in found]
    )


def assert_whole_or_undone(case: Case, kills: int, folder: Path, to: Path) -> None:
    """A job killed so many times left nothing that must not be."""
    _killed(case, {}, folder, kills).assert_nothing(to)


def assert_caught(case: Case, how: dict[str, Any], words: str, folder: Path, to: Path) -> None:
    """What a careless version leaves is found. What the checks cannot find they cannot rule out."""
    _killed(case, how, folder, CARELESS_KILLS).assert_found(words, to)


def _killed(case: Case, how: dict[str, Any], folder: Path, kills: int) -> Tally:
    """Kill a job so many times, each time from the same beginning, or until something is found."""
    begun = case.begin(folder / "begun")
    here = begun.copied(folder / "here")
    job = With(case.job, how)
    tally, chance = Tally(f"{case.name}, {job.name if how else 'ours'}"), random.Random(SEED)
    names = steps.names_of(job, *case.arguments(here))
    while tally.kills.total() < kills and not tally.found:
        here = begun.copied(folder / "here")
        death = steps.killed_at(steps.drawn(names, chance), job, *case.arguments(here))
        tally.judge(death, _held, case, job, here)
    return tally


def _held(case: Case, job: With, place: Place) -> None:
    """What must hold holds, and again when the job was done once more."""
    case.holds(place)
    with suppress(SurveyError):  # closed already, a file in the way: the checks look what is there
        job(*case.arguments(place))
    case.ended(place)


def on(place: Place, check: Callable[[Any], None]) -> None:
    """Look at the store of an installation."""
    db = store(place.home)
    try:
        check(db)
    finally:
        db.close()


def sent_are_held(place: Place) -> None:
    """The books balance, and nobody is missing who has sent."""
    on(place, lambda db: assert_books_balance(db, place.sent, WAVE, place.key))


def must(true: bool, otherwise: str) -> None:
    """An assertion where only an expression may stand."""
    assert true, otherwise
