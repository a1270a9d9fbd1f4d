"""Rotate: give the server new keys while the site runs, and leave old ones out once nothing needs them.

Cookies live for two hours, so the keys of cookies do not outlive that by much. The pepper is half of the key of
every draft, and nobody can seal a draft anew but its respondent: an old one is kept until every wave that was
opened before it was changed has been closed for as long as backups are kept. That is known from the days of the
waves alone, so nothing has to be noted of a draft. It holds alike for codes in letters that wait and for the
fingerprints of files of returns, both of which end with their wave.
"""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from surveyapp import keyring
from surveyapp.acting import OPERATOR, needs
from surveyapp.config import Home, InUse, alone
from surveyapp.keyring import COOKIE_LIFE
from surveyapp.privacy import SETTLING, Key, still_good
from surveyapp.problems import SurveyError
from surveyapp.storage import backups, waves
from surveyapp.storage.database import Database

COOKIE, PEPPER, OUTBOX, RETURNS = "cookie", "pepper", "outbox", "returns"

GROUPS = {
    COOKIE: ("cookie", "staff-cookie", "staff-forms"),
    PEPPER: ("pepper",),
    OUTBOX: ("outbox",),
    RETURNS: ("returns",),
}
"""What can be changed, and the files in `keys/`: cookies and the tokens of forms go together."""

NEW, SEALS, OPENS, OVER = "new", "seals", "opens", "over"
"""What a key does: it opens and will seal within a minute; it seals; it opens what is older; nothing any more."""


@dataclass(frozen=True)
class Standing:
    """One key: its file, when it was made, what it does, and for which waves it is kept."""

    file: str
    made: datetime
    does: str
    waves: tuple[str, ...] = ()


@needs(OPERATOR)
def rotate(home: Home, group: str, now: int, at_once: bool = False) -> dict[str, int]:
    """Put a new key at the head of each file of a group; how many are in each now.

    `at_once` leaves the others out: every visit ends, and codes have to be entered again. A rotation that was cut
    off has changed some files and not others; each works, and another rotation changes all. Raises `SurveyError`.
    """
    if at_once and group in _NEEDING:
        raise SurveyError(f"{_NEEDING[group]}; change it without --at-once")
    life = COOKIE_LIFE if group == COOKIE else None
    changed = {}
    for name, path in _files(home, group):
        with _in_use_by_nobody(path):
            changed[name] = keyring.change(path, now, life, at_once)
    return changed


def _in_use_by_nobody(path: Path) -> AbstractContextManager[None]:
    """Who sends letters holds on to the file of their key, so that only one does: it is not replaced meanwhile."""
    if path.name != OUTBOX:
        return nullcontext()
    return alone(path, "letters are being sent; change their key when that is done")


_NEEDING = {
    PEPPER: "unfinished drafts need the old pepper",
    OUTBOX: "letters that wait need the old key",
    RETURNS: "files that were loaded are known again by the old key",
}
"""The groups of which an old key is kept for waves, and what for."""


@needs(OPERATOR)
def standings(home: Home, db: Database, now: int) -> list[Standing]:
    """Every key that can be changed, by file, the newest first. Contents are never told. Raises `SurveyError`."""
    return [
        standing
        for group in GROUPS
        for name, path in _files(home, group)
        for standing in _standings(db, name, keyring.keys_in(path), now)
    ]


@needs(OPERATOR)
def tidy(home: Home, db: Database, now: int) -> int:
    """Leave out the keys that nothing needs any more; how many there were. Raises `SurveyError`."""
    gone = 0
    for group in GROUPS:
        for name, path in _files(home, group):
            keys = keyring.keys_in(path)
            out = [
                key
                for key, standing in zip(keys, _standings(db, name, keys, now), strict=True)
                if standing.does == OVER
            ]
            if out and _left_out(path, out):
                gone += len(out)
    return gone


def _left_out(path: Path, out: Sequence[Key]) -> bool:
    """Leave keys out of a file; False if it is in use, so that the next day does it."""
    try:
        with _in_use_by_nobody(path):
            keyring.leave_out(path, out)
    except InUse:
        return False
    return True


@needs(OPERATOR)
def unlike(home: Home) -> list[str]:
    """The files of cookies that were not changed with the others: a rotation was cut off. Raises `SurveyError`."""
    made = {name: keyring.keys_in(path) for name, path in _files(home, COOKIE)}
    newest = max((keys[0].made for keys in made.values() if len(keys) > 1), default=0)
    return [name for name, keys in made.items() if keys[0].made < newest]


def _files(home: Home, group: str) -> Iterator[tuple[str, Path]]:
    """Those that are there: each is made at its first use."""
    for name in GROUPS[group]:
        if (home.keys / name).exists():
            yield name, home.keys / name


def _standings(db: Database, file: str, keys: Sequence[Key], now: int) -> Iterator[Standing]:
    """What each key of a file does. Before one has settled, the one after it seals."""
    sealing = next((key for key in keys if key.made + SETTLING <= now), keys[-1])
    good = still_good(keys, now, COOKIE_LIFE)
    newer: Key | None = None
    for key in keys:
        needed = _needing(db, newer, now) if file in _NEEDING and newer else ()
        does = OPENS if needed or (file not in _NEEDING and key in good) else OVER
        if key is sealing:
            does = SEALS
        elif newer is None or newer.made + SETTLING > now:
            does = NEW
        yield Standing(file, datetime.fromtimestamp(key.made, UTC), does, needed)
        newer = key


def _needing(db: Database, newer: Key, now: int) -> tuple[str, ...]:
    """The waves of which something may be sealed by the key before `newer`, here or in a backup."""
    until = (datetime.fromtimestamp(newer.made, UTC) + timedelta(days=1)).date().isoformat()  # in any time zone
    kept = datetime.fromtimestamp(now, UTC).date() - timedelta(days=backups.DAYS)
    with db.reading() as connection:
        found = waves.waves(connection)
    return tuple(wave.name for wave in found if wave.opened_on <= until and not _is_past(wave.closed_on, kept))


def _is_past(closed_on: str | None, day: date) -> bool:
    return closed_on is not None and closed_on < day.isoformat()
