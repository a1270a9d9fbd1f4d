"""Retention: what is kept of a wave after its close, for how long, and the erasing of it.

Everything is counted from the day of the close. What has been erased is recorded with the wave, as a day for each
part; running it again erases nothing twice. Released answers are kept: they are what the survey was for.
"""

import json
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import date, timedelta
from pathlib import Path

from surveyapp.config import Home
from surveyapp.problems import Problem, Refused, SurveyError
from surveyapp.storage import backups, keeping, responses, waves
from surveyapp.storage.database import Connection, Database
from surveyapp.storage.waves import Wave

MAX_DAYS = 3650

PARTS = {
    "drafts": "access codes and unfinished drafts",
    "letters": "letters, in the store and in the outbox",
    "contacts": "e-mail addresses and contact persons",
    "key": "the private key on the server",
}
"""What is erased, part by part, and what each is called."""


@dataclass(frozen=True)
class Retention:
    """Days after the close for which each part is kept."""

    drafts: int = 30
    letters: int = 30
    contacts: int = 90
    key: int = 30


@dataclass(frozen=True)
class Part:
    """One part of a wave: its days, when they end (None while the wave is open), when it was erased.

    `waits` says what else must come first, "" if nothing.
    """

    name: str
    days: int
    due_on: date | None
    erased_on: str | None
    waits: str = ""

    def is_due(self, today: date) -> bool:
        """Whether it is to be erased now."""
        return not self.erased_on and not self.waits and self.due_on is not None and today >= self.due_on


@dataclass(frozen=True)
class Kept:
    """What is kept of a wave."""

    wave: str
    closed_on: str | None
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class Erased:
    """How much was erased: for each wave its parts in counts, and the number of old backups."""

    waves: dict[str, dict[str, int]] = field(default_factory=dict)
    backups: int = 0


def change(db: Database, name: str, days: Mapping[str, int | None]) -> Retention:
    """Set for how many days after the close parts of a wave are kept; None leaves one as it is.

    Raises `Refused` for days out of bounds, and `SurveyError` for a part that has been erased.
    """
    given = {part: number for part, number in days.items() if number is not None}
    problems = [
        Problem(part, f"{number} days cannot be kept", f"give 0 to {MAX_DAYS:,}")
        for part, number in given.items()
        if not 0 <= number <= MAX_DAYS
    ]
    if problems:
        raise Refused(problems, name)
    with db.transaction() as connection:
        wave = waves.wave_named(connection, name)
        before, erased = _read(wave)
        if gone := sorted(given.keys() & erased.keys()):
            raise SurveyError(f"{PARTS[gone[0]]} of {name} were erased on {erased[gone[0]]}")
        after = Retention(**{**asdict(before), **given})
        _write(connection, name, after, erased)
    return after


def kept(db: Database) -> list[Kept]:
    """What is kept of every wave, and until when."""
    with db.reading() as connection:
        return [_kept(connection, wave) for wave in waves.waves(connection)]


def run(db: Database, home: Home, today: date) -> Erased:
    """Erase what is due: of every closed wave, and backups whose days are over.

    The database is written anew, so that no byte of it is left in free pages. Only then is anything recorded as
    erased: what was interrupted is done again by the next run. Raises `NotSaved` if the disk refuses.
    """
    counts: dict[str, dict[str, int]] = {}
    with db.transaction() as connection:
        for wave in waves.waves(connection):
            due = [part.name for part in _kept(connection, wave).parts if part.is_due(today)]
            if due:
                counts[wave.name] = {part: _IN_STORE[part](connection, wave.name) for part in due}
    for name, parts in counts.items():
        for part in parts:
            parts[part] += _erase_files(home, name, part)
    if counts:
        db.vacuum()
    with db.transaction() as connection:
        for name, parts in counts.items():
            settings, erased = _read(waves.wave_named(connection, name))
            _write(connection, name, settings, erased | dict.fromkeys(parts, today.isoformat()))
    return Erased(counts, backups.erase_old(home.backups, today))


# ── the settings of a wave ───────────────────────────────────────────────────


def _read(wave: Wave) -> tuple[Retention, dict[str, str]]:
    """Days, and what has been erased on which day."""
    stored = json.loads(wave.retention or "{}")
    return Retention(**stored.get("days", {})), stored.get("erased", {})


def _write(connection: Connection, name: str, settings: Retention, erased: Mapping[str, str]) -> None:
    stored = json.dumps({"days": asdict(settings), "erased": erased}, sort_keys=True)
    waves.change_wave(connection, name, retention=stored)


def _kept(connection: Connection, wave: Wave) -> Kept:
    settings, erased = _read(wave)
    closed = date.fromisoformat(wave.closed_on) if wave.closed_on else None
    parts = []
    for name in PARTS:
        days = getattr(settings, name)
        due = closed + timedelta(days=days) if closed else None
        parts.append(Part(name, days, due, erased.get(name), _waits(connection, wave, name)))
    return Kept(wave.name, wave.closed_on, tuple(parts))


def _waits(connection: Connection, wave: Wave, part: str) -> str:
    """Without the key nobody could read what is still in the tray."""
    if part == "key" and wave.key_place == "holder":
        return "it is with the key holder, who destroys it"
    if part == "key" and responses.tray_size(connection, wave.name):
        return f"the tray must be opened first: surveyapp tray open {wave.name}"
    return ""


# ── erasing ──────────────────────────────────────────────────────────────────

_IN_STORE: dict[str, Callable[[Connection, str], int]] = {
    "drafts": keeping.forget_codes,
    "letters": keeping.forget_letters,
    "contacts": keeping.forget_contacts,
    "key": lambda _connection, _name: 0,
}


def _erase_files(home: Home, wave: str, part: str) -> int:
    """Files of a part; how many there were."""
    if part == "key":
        return _erase_file(home.wave_key(wave))
    if part != "letters":
        return 0
    folder = home.outbox / wave
    erased = sum(_erase_file(path) for path in sorted(folder.rglob("*.eml")))
    with suppress(OSError):  # somebody has put something else there
        folder.rmdir()
    return erased


def _erase_file(path: Path) -> int:
    """Overwrite a file and take it away; whether there was one. A disk may keep old blocks all the same."""
    try:
        with path.open("r+b") as file:
            file.write(bytes(path.stat().st_size))
            file.flush()
            os.fsync(file.fileno())
        path.unlink()
    except FileNotFoundError:
        return 0
    except OSError as error:
        raise SurveyError(f"{path} cannot be erased: {error.strerror}; run it again") from None
    return 1
