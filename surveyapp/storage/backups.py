"""Backups: a copy of the database with its hash beside it, and the way back into an empty installation.

A copy holds what was stored at one moment, without free pages and without a journal. It holds no key: what is
sealed in it stays sealed. It is a SQLite file whatever the store is, and can be put back into either.
"""

import hashlib
import os
import re
import shutil
import sqlite3
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from surveyapp.config import place_once, write_once
from surveyapp.problems import NotFound, SurveyError
from surveyapp.storage import uploads
from surveyapp.storage.copying import fill
from surveyapp.storage.database import Database, connect

DAYS = 14
"""How long a backup is kept: an older one would hold what has been erased since."""

_NAME = re.compile(r"surveyapp-(\d{4}-\d{2}-\d{2})(-\d+)?\.db")


@dataclass(frozen=True)
class Backup:
    """One backup in the installation's own folder, and the day on which it was made."""

    path: Path
    made_on: date

    def is_old(self, today: date) -> bool:
        """Whether its days are over."""
        return (today - self.made_on).days > DAYS


def new_name(folder: Path, today: date) -> Path:
    """A free name for today's backup: `surveyapp-2027-02-26.db`, then with `-2` and so on."""
    number = 1
    while (path := folder / f"surveyapp-{today}{f'-{number}' if number > 1 else ''}.db").exists():
        number += 1
    return path


def back_up(db: Database, path: Path) -> str:
    """Copy the database into the new file `path`, with a `.sha256` file beside it; the hash.

    Both are readable by their owner alone. Nobody is kept from reading meanwhile, and writers wait their turn.
    Raises `AlreadyThere` rather than replace a file, and `SurveyError` if the disk refuses.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with TemporaryDirectory(dir=path.parent, prefix=f".{path.name[:80]}.") as folder:
            aside = Path(folder) / "copy"
            os.close(os.open(aside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            db.copy_into(aside)
            _leave_uploads_out(aside)
            digest = _hash(aside)
            place_once(aside, path)
    except OSError as error:
        raise SurveyError(f"{path} cannot be written: {error.strerror}") from None
    write_once(_sum_file(path), f"{digest}  {path.name}\n".encode())
    return digest


def restore(path: Path, target: Path | str) -> None:
    """Put a backup where there is no database, brought to the newest schema: in a file, or at an address.

    Raises `SurveyError` if there is one, if the backup is not the file that was written (by its hash, which must
    stand beside it), or if it is no database of ours; then nothing is there.
    """
    _check_free(target)
    wanted = _stated_hash(path)
    try:
        beside = target.parent if isinstance(target, Path) else None
        with TemporaryDirectory(dir=beside, prefix=".restored.") as folder:
            aside = Path(folder) / "surveyapp.db"
            if _copied(path, aside) != wanted:
                raise SurveyError(f"{path} was cut short or altered since it was written; use another backup")
            _check_sound(aside, path)
            connect(aside, older=True).close()
            _put(aside, target)
    except OSError as error:
        raise SurveyError(f"{path} cannot be restored: {error.strerror}") from None


def backups(folder: Path) -> list[Backup]:
    """The backups in a folder, the oldest first. Files with other names are not ours."""
    found = []
    for path in folder.glob("surveyapp-*.db"):
        with suppress(ValueError):  # a name that is no day
            found.append(Backup(path, _made_on(path.name)))
    return sorted(found, key=lambda backup: (backup.made_on, backup.path))


def _made_on(name: str) -> date:
    found = _NAME.fullmatch(name)
    if found is None:
        raise ValueError
    return date.fromisoformat(found[1])


def digest(path: Path) -> str:
    """The hash of a backup as it lies there now."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def files_of(path: Path) -> tuple[Path, Path]:
    """A backup and its hash, which go together."""
    return path, _sum_file(path)


def erase_old(folder: Path, today: date) -> int:
    """Erase the backups whose days are over, with their hashes; how many. What a killed backup left goes too."""
    old = [backup for backup in backups(folder) if backup.is_old(today)]
    for backup in old:
        backup.path.unlink(missing_ok=True)
        _sum_file(backup.path).unlink(missing_ok=True)
    for left in folder.glob(".surveyapp-*"):
        if datetime.fromtimestamp(left.stat().st_mtime, UTC).date() < today:
            shutil.rmtree(left, ignore_errors=True)
    return len(old)


# ── a backup being written ───────────────────────────────────────────────────


def _leave_uploads_out(copy: Path) -> None:
    """Files that were handed in are erased within days: no backup keeps them for longer, not even sealed."""
    store = Database(copy)
    try:
        with store.transaction() as connection:
            left_out = uploads.drop_all(connection)
        if left_out:
            store.vacuum()
    finally:
        store.close()


def _sum_file(path: Path) -> Path:
    """In the form that `sha256sum --check` reads."""
    return path.with_name(f"{path.name}.sha256")


def _hash(path: Path) -> str:
    """The hash of a file that is on the disk to stay."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
        return hashlib.file_digest(file, "sha256").hexdigest()


# ── a backup being restored ──────────────────────────────────────────────────


def _put(aside: Path, target: Path | str) -> None:
    if isinstance(target, Path):
        place_once(aside, target)
        return
    database, copy = connect(target), connect(aside)
    try:
        fill(database, copy)
    finally:
        copy.close()
        database.close()


def _check_free(target: Path | str) -> None:
    """A journal without its database would be played back into the one that is restored."""
    if isinstance(target, str):
        return  # a server is asked when its turn comes
    for there in (target, target.with_name(f"{target.name}-journal")):
        if there.exists():
            raise SurveyError(f"{there} is there already; name an empty folder with --home, or move it away")


def _stated_hash(path: Path) -> str:
    if not path.is_file():
        raise NotFound(f"there is no file {path}; check the path")
    stated = ""
    with suppress(OSError):
        stated = _sum_file(path).read_text(errors="replace").partition(" ")[0].strip()
    if not re.fullmatch("[0-9a-f]{64}", stated):
        raise SurveyError(f"{_sum_file(path)} must stand beside the backup and hold its hash; copy both files")
    return stated


def _copied(path: Path, aside: Path) -> str:
    """Copy a backup; the hash of what was copied."""
    with (
        path.open("rb") as source,
        os.fdopen(os.open(aside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as out,
    ):
        shutil.copyfileobj(source, out)
        out.flush()
        os.fsync(out.fileno())
    return _hash(aside)


def _check_sound(aside: Path, path: Path) -> None:
    try:
        with closing(sqlite3.connect(aside)) as connection:
            found = connection.execute("PRAGMA integrity_check").fetchall()
            astray = connection.execute("PRAGMA foreign_key_check").fetchall()
    except sqlite3.DatabaseError:
        raise SurveyError(f"{path} is not a database; name a file that `surveyapp backup` wrote") from None
    if found != [("ok",)] or astray:
        raise SurveyError(f"{path} is a damaged database; use another backup")
