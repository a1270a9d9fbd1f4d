"""Retention: what is kept of a wave after its close, for how long, and the erasing of it.

Everything is counted from the day of the close. What has been erased is recorded with the wave, as a day for each
part; running it again erases nothing twice. Released answers are kept: they are what the survey was for.
"""

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

from surveyapp.acting import OPERATOR, needs
from surveyapp.config import Home, write_aside
from surveyapp.problems import NotFound, Problem, Refused, SurveyError
from surveyapp.roles import MANAGER, ROLES
from surveyapp.storage import backups, jobs, keeping, papers, responses, sittings, trail, uploads, waves
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


PREPARED_DAYS = 30
"""Days without a change after which a wave that is being prepared is erased: it holds a list of people."""

SITTING_DAYS = 7
"""Days without a change after which a sitting at paper returns is erased; the paper is still there."""

UPLOAD_DAYS = 1
"""Days after which a file that was handed in and never confirmed is erased, with what was found in it."""


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
    """How much was erased: for each wave its parts in counts, and the numbers of old backups and old jobs."""

    waves: dict[str, dict[str, int]] = field(default_factory=dict)
    backups: int = 0
    jobs: int = 0


@needs(MANAGER)
def change(db: Database, name: str, days: Mapping[str, int | None]) -> Retention:
    """Set for how many days after the close parts of a wave are kept; None leaves one as it is.

    Raises `Refused` for days out of bounds, and `SurveyError` for a part that has been erased.
    """
    given = {part: number for part, number in days.items() if number is not None}
    if problems := day_problems(given):
        raise Refused(problems, name)
    with db.transaction() as connection:
        wave = waves.wave_named(connection, name)
        before, erased = _read(wave)
        if gone := sorted(given.keys() & erased.keys()):
            raise SurveyError(f"{PARTS[gone[0]]} of {name} were erased on {erased[gone[0]]}")
        after = Retention(**{**asdict(before), **given})
        _write(connection, name, after, erased)
    return after


def day_problems(given: Mapping[str, int]) -> list[Problem]:
    """What is wrong with the days for which parts are to be kept."""
    return [
        Problem(part, f"{number} days cannot be kept", f"give 0 to {MAX_DAYS:,}")
        for part, number in given.items()
        if not 0 <= number <= MAX_DAYS
    ]


def as_stored(days: Retention) -> str:
    """What a wave keeps of its days, nothing being erased yet."""
    return json.dumps({"days": asdict(days), "erased": {}}, sort_keys=True)


@needs(OPERATOR)
def kept(db: Database) -> list[Kept]:
    """What is kept of every wave, and until when."""
    with db.reading() as connection:
        return [_kept(connection, wave) for wave in waves.waves(connection)]


@needs(MANAGER)
def kept_of(db: Database, name: str) -> Kept:
    """What is kept of one wave, and until when. Raises `NotFound`."""
    with db.reading() as connection:
        return _kept(connection, waves.wave_named(connection, name))


@needs(OPERATOR)
def run(db: Database, home: Home, today: date) -> Erased:
    """Erase what is due: of every closed wave, backups whose days are over, and old jobs with what they made.

    The database is written anew, so that no byte of it is left in free pages (on a server each time, for drafts of
    those who have sent their answers lie there until then). Only then is anything recorded as
    erased: what was interrupted is done again by the next run. Raises `NotSaved` if the disk refuses.
    """
    counts: dict[str, dict[str, int]] = {}
    old = _erase_old_jobs(db, home, today)
    with db.transaction() as connection:
        for wave in waves.waves(connection):
            due = [part.name for part in _kept(connection, wave).parts if part.is_due(today)]
            if due:
                counts[wave.name] = {part: _IN_STORE[part](connection, wave.name) for part in due}
        papers.drop_old_preparations(connection, (today - timedelta(days=PREPARED_DAYS)).isoformat())
        sittings.drop_old(connection, (today - timedelta(days=SITTING_DAYS)).isoformat())
        drop_old_uploads(connection, today)
    for name, parts in counts.items():
        for part in parts:
            parts[part] += _erase_files(home, name, part)
    if counts or db.keeps_erased:
        db.vacuum()
    with db.transaction() as connection:
        for name, parts in counts.items():
            settings, erased = _read(waves.wave_named(connection, name))
            _write(connection, name, settings, erased | dict.fromkeys(parts, today.isoformat()))
    return Erased(counts, backups.erase_old(home.backups, today), old)


# ── whether the clock is to be believed ──────────────────────────────────────

RUN = "due-erase"
"""What the trail says of a run; of one that went through, on its day by the clock, without a survey and a wave."""

LONGEST_SILENCE = 60
"""Days after the last run for which the clock is believed: a timer runs it daily, and a machine may be off."""


@needs(OPERATOR)
def doubt(db: Database, today: date) -> str:
    """Why what the clock says may be ahead of the true day; "" if nothing speaks for that.

    Where runs are noted the last of them counts alone: what staff do while the clock is ahead bears its days, and
    would vouch for it. Before the first, the newest day of anything done here does.
    """
    with db.reading() as connection:
        run = trail.newest(connection, what=RUN, survey="", object="")[:10]
        newest = run or _newest_day(connection)
    if not newest or (today - date.fromisoformat(newest)).days <= LONGEST_SILENCE:
        return ""
    known = "retention was last run on" if run else "the newest day that the store knows is"
    return f"the clock says {today}, and {known} {newest}"


def _newest_day(connection: Connection) -> str:
    """Of what staff did, of waves and of jobs; "" if there is nothing."""
    days = [trail.newest(connection)[:10]]
    if (asked := jobs.newest(connection)) is not None:
        days.append(datetime.fromtimestamp(asked, UTC).date().isoformat())
    for wave in waves.waves(connection):
        days += [wave.opened_on, wave.closed_on or "", wave.paused_on or ""]
    return max(days)


# ── backups that were written elsewhere ──────────────────────────────────────


@dataclass(frozen=True)
class Copy:
    """A backup that was written to a place of its own. `digest` is "" if its writing was cut off."""

    path: Path
    made_on: date
    digest: str

    @property
    def where(self) -> str:
        """Whether it is "there", "gone" (or on a disk that is away), or "altered": another file by that name."""
        if not self.path.is_file():
            return "gone"
        return "there" if self.digest and backups.digest(self.path) == self.digest else "altered"

    def is_old(self, today: date) -> bool:
        """Whether its days are over."""
        return (today - self.made_on).days > backups.DAYS


@needs(OPERATOR)
@contextmanager
def noted(home: Home, path: Path, today: date) -> Iterator[Callable[[str], None]]:
    """Keep in the register that a backup is written to `path`: before, and then with the hash that is given.

    The register is a file of this folder and not a table: a copy of the database would name all the others.
    """
    path = path.resolve()
    before = copies(home)
    _note(home, Copy(path, today, ""))
    try:
        yield lambda digest: _note(home, Copy(path, today, digest))
    except SurveyError:
        _keep(home, before)
        raise


@needs(OPERATOR)
def copies(home: Home) -> list[Copy]:
    """The backups written elsewhere of which it is not known that they are gone, the oldest first."""
    found: dict[Path, Copy] = {}
    for line in _register(home).read_text().splitlines() if _register(home).exists() else ():
        kept = json.loads(line)
        copy = Copy(Path(kept["path"]), date.fromisoformat(kept["made_on"]), kept["digest"])
        if copy.digest or copy.path not in found:
            found[copy.path] = copy
    known = (copy for copy in found.values() if copy.digest or copy.path.exists())
    return sorted(known, key=lambda copy: (copy.made_on, copy.path))


@needs(OPERATOR)
def erase_copy(home: Home, copy: Copy) -> None:
    """Erase a copy with its hash, and strike it off the register.

    Raises `SurveyError` if it is not the file that was written: nothing else is ever erased.
    """
    if copy.where != "there":
        raise SurveyError(f"{copy.path} is not there as it was written; look at it, and erase it by hand")
    for path in backups.files_of(copy.path):
        _erase_file(path)
    strike_off(home, copy.path)


@needs(OPERATOR)
def strike_off(home: Home, path: Path) -> None:
    """Take a copy off the register, since it was destroyed. Raises `NotFound` if it does not stand there."""
    path = path.resolve()
    left = [copy for copy in copies(home) if copy.path != path]
    if len(left) == len(copies(home)):
        raise NotFound(f"no backup is known to lie at {path}; see: surveyapp retention show")
    _keep(home, left)


def _keep(home: Home, left: Sequence[Copy]) -> None:
    if left:
        write_aside(_register(home), b"".join(map(_line, left)), private=True)
    else:
        _register(home).unlink(missing_ok=True)


def _register(home: Home) -> Path:
    return home.backups / "elsewhere"


def _note(home: Home, copy: Copy) -> None:
    home.backups.mkdir(mode=0o700, parents=True, exist_ok=True)
    with os.fdopen(os.open(_register(home), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "ab") as file:
        file.write(_line(copy))


def _line(copy: Copy) -> bytes:
    kept = {"path": str(copy.path), "made_on": copy.made_on.isoformat(), "digest": copy.digest}
    return f"{json.dumps(kept)}\n".encode()


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
        return "open the tray first: without the key nobody could read what is in it"
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
    half = folder.rglob(".*.eml.*")  # left by whoever was killed at writing a letter
    erased = sum(_erase_file(path) for path in sorted([*folder.rglob("*.eml"), *half]))
    with suppress(OSError):  # somebody has put something else there
        folder.rmdir()
    return erased


# ── jobs ─────────────────────────────────────────────────────────────────────

JOB_DAYS = 30
"""Days for which a job is kept with what it made: long enough to fetch it."""


@needs(*ROLES)
def erase_job(db: Database, home: Home, id_: bytes) -> None:
    """Erase what a job made and the file that it is about, and forget it, in this order: nothing is left over."""
    erase_job_files(home, id_)
    with db.transaction() as connection:
        drop_upload_of(connection, id_)
        jobs.drop(connection, id_)


def drop_upload_of(connection: Connection, id_: bytes) -> None:
    """Erase the file that a job is about, if there is one."""
    job = jobs.job(connection, id_)
    if job and (upload := job.settings.get("upload")):
        uploads.drop(connection, bytes.fromhex(upload))


def drop_old_uploads(connection: Connection, today: date) -> None:
    """Erase files that were handed in and never confirmed."""
    uploads.drop_old(connection, (today - timedelta(days=UPLOAD_DAYS)).isoformat())


def erase_job_files(home: Home, id_: bytes) -> None:
    """Erase what a job made."""
    _erase_folder(home.job(id_.hex()))


def _erase_old_jobs(db: Database, home: Home, today: date) -> int:
    """Also folders that no job knows of: a worker that was thought dead may have written one."""
    midnight = datetime.combine(today, time(), UTC)
    with db.reading() as connection:
        old = jobs.old(connection, int((midnight - timedelta(days=JOB_DAYS)).timestamp()))
        known = {id_.hex() for id_ in jobs.ids(connection)}
    for id_ in old:
        erase_job(db, home, id_)
    for folder in sorted(home.jobs.glob("*")):
        if folder.name not in known:
            _erase_folder(folder)
    return len(old)


def _erase_folder(folder: Path) -> None:
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir():
            path.rmdir()
        else:
            _erase_file(path)
    with suppress(FileNotFoundError):
        folder.rmdir()


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
