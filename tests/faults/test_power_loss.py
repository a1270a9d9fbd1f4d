"""The power fails: what was not yet on the disk is gone, and nobody who was told anything has lost it.

A child records every write, sync and deletion of SQLite while respondents save and send. The disk is then put
together as it would be after a loss of power at each moment: nothing of what was written since the last sync of a
file, or any part of it; a journal whose deletion was not synced is there again. With `synchronous=FULL` a commit
does not wait for that deletion, and an answer that was acknowledged can be taken back: the test must find it.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from surveyapp.config import Home
from surveyapp.problems import SurveyError
from surveyapp.storage import database
from tests.faults import jobs, places, sqlite_files, victims
from tests.faults.books import assert_books_balance, assert_pages_open
from tests.faults.places import WAVE, Place, store
from tests.faults.sqlite_files import Effect
from tests.makers import make_answers

DATABASE, JOURNAL = "the database", "the journal"
SECTOR = 512

pytestmark = pytest.mark.skipif(
    sqlite_files.library() is None, reason="SQLite is built in: its steps are not seen"
)


@dataclass
class Disk:
    """The two files as processes see them, and as they would be after a loss of power; None is no file."""

    seen: dict[str, bytes | None]
    lasting: dict[str, bytes | None]
    unsynced: list[Effect] = field(default_factory=list)
    told: list[str] = field(default_factory=list)

    def take(self, effect: Effect) -> None:
        """One step."""
        kind, *of = effect
        if kind == "told":
            self.told.append(of[0])
        elif kind == "make":
            self.seen[JOURNAL] = b""
        elif kind == "delete":
            self.seen[JOURNAL] = None
            if of[0]:
                self.lasting[JOURNAL] = None
        elif kind == "sync":
            self.lasting[of[0]] = self.seen[of[0]]
            self.unsynced = [other for other in self.unsynced if other[1] != of[0]]
        elif of[0] in self.seen:
            self.seen[of[0]] = _after(self.seen[of[0]] or b"", effect)
            self.unsynced.append(effect)

    def after_loss(self, chance: random.Random | None) -> dict[str, bytes | None]:
        """What lies there when the power is back: without `chance` nothing unsynced, else any part of that.

        Of a journal whose name has not reached the disk nothing can be there.
        """
        files = dict(self.lasting)
        if chance:
            for effect in self.unsynced:
                content = files[effect[1]]
                if content is not None and chance.random() < 0.5:
                    files[effect[1]] = _after(content, _torn(effect, chance))
        return files


def _after(content: bytes, effect: Effect) -> bytes:
    kind, _, at, *written = effect
    if kind == "cut":
        return content[:at]
    return content[:at].ljust(at, b"\0") + written[0] + content[at + len(written[0]) :]


def _torn(effect: Effect, chance: random.Random) -> Effect:
    """A write of which only the first sectors arrived."""
    if effect[0] != "write":
        return effect
    kind, what, at, content = effect
    sectors = chance.randint(0, -(-len(content) // SECTOR))
    return (kind, what, at, content[: sectors * SECTOR])


@pytest.mark.parametrize("parts", ["nothing unsynced", "any part of it"])
def test_no_loss_of_power_takes_anything_back_that_was_told(folder: Path, parts: str) -> None:
    place, effects = _recorded(folder, 3)
    chance = random.Random(31) if parts == "any part of it" else None
    found = [fault for loss in _losses(place, effects, chance) if (fault := _lost(place, folder / "back", *loss))]
    assert found == []


def test_with_full_instead_of_extra_a_thanked_respondent_can_be_lost(folder: Path) -> None:
    """Which proves the test: the deletion of the journal has not reached the disk when the commit is reported."""
    place, effects = _recorded(folder, 2)
    found = {_lost(place, folder / "back", *loss).split(":")[0] for loss in _losses(place, effects, None)}
    assert found >= {"", "told but lost"}


def test_without_any_sync_what_is_found_is_not_even_a_database(folder: Path) -> None:
    """Which proves the other half: any part of what was written may be there, and the rest not."""
    place, effects = _recorded(folder, 0)
    found = [_lost(place, folder / "back", *loss) for loss in _losses(place, effects, random.Random(31))]
    faults = [fault for fault in found if fault]
    assert len(faults) > 20, faults


def test_deletions_of_journals_are_synced(folder: Path) -> None:
    _, effects = _recorded(folder, 3)
    assert {effect for effect in effects if effect[0] == "delete"} == {("delete", True)}
    assert sum(effect[0] == "told" for effect in effects) == 6


def _recorded(folder: Path, synchronous: int) -> tuple[Place, list[Effect]]:
    """Two respondents, one after the other; what SQLite did, with what they were told in between."""
    place = places.fielded(folder / "begun")
    here = place.copied(folder / "here")
    heard, tell = victims.pipe()
    child = victims.started(_record, tell, here.home, list(place.codes.values())[:2], here.told, synchronous)
    tell.close()
    effects: list[Effect] = heard.recv()
    child.join(30)
    return place, effects


def _record(tell: Any, home: Home, codes: list[str], told: Path, synchronous: int) -> None:
    """In the child."""
    effects: list[Effect] = []
    database.PRAGMAS["synchronous"] = synchronous
    sqlite_files.announce_steps(lambda _name, effect, _half: effects.append(effect))
    victims._tell = lambda _told, what: effects.append(("told", what))
    for code in codes:
        jobs.visit(home, code, told)
    tell.send(effects)


def _losses(
    place: Place, effects: Sequence[Effect], chance: random.Random | None
) -> Iterator[tuple[dict[str, bytes | None], tuple[str, ...]]]:
    """Each different disk that a loss of power may leave, with what had been told by then."""
    begun = place.home.database.read_bytes()
    disk, last = Disk({DATABASE: begun, JOURNAL: None}, {DATABASE: begun, JOURNAL: None}), None
    for effect in effects:
        disk.take(effect)
        left = (disk.after_loss(chance), tuple(disk.told))
        if left != last:
            yield left
        last = left


def _lost(place: Place, back: Path, files: dict[str, bytes | None], told: tuple[str, ...]) -> str:
    """What is wrong with what lies there when the power is back, "" if nothing is."""
    here = place.copied(back)
    here.home.database.write_bytes(files[DATABASE] or b"")
    if (journal := files[JOURNAL]) is not None:
        here.home.database.with_name(f"{here.home.database.name}-journal").write_bytes(journal)
    try:
        _check(here, told)
    except (AssertionError, SurveyError) as fault:
        return str(fault).split("\n")[0]
    return ""


def _check(place: Place, told: Sequence[str]) -> None:
    db = store(place.home)
    received = [line.split()[1] for line in told if line.startswith("received")]
    held = assert_books_balance(db, received, WAVE, place.key)
    for line in told:
        if line.startswith("saved") and (code := line.split()[1]) not in held:
            names = jobs.PAGES[line.split()[2]]
            assert_pages_open(db, [(code, {n: a for n, a in make_answers(issues=code).items() if n in names})])
    db.close()
