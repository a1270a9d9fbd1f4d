"""The released responses of a closed wave as Parquet files beside the database, made anew when stale.

They hold what the response side holds, in the same order of random ids, and nothing else. They are a copy made
for speed: whoever deletes them loses nothing.
"""

import json
import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from tempfile import mkdtemp

import pyarrow as pa
from pyarrow import parquet

_FORMAT = "2"
_MARK = "mark.json"
_DAY = 24 * 60 * 60


def kept(folder: Path, wave: str, mark: str) -> dict[str, pa.Table] | None:
    """The columns of a wave by version, if they were kept under this mark; None if not, or if they are damaged."""
    home = folder / wave
    try:
        known = json.loads((home / _MARK).read_text())
        if known["mark"] != [_FORMAT, mark]:
            return None
        return {version: parquet.ParquetFile(home / name).read() for version, name in known["parts"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def keep(folder: Path, wave: str, mark: str, parts: Mapping[str, pa.Table]) -> None:
    """Keep the columns of a wave under a mark, in place of what was kept of it.

    They are written aside, onto the disk, and renamed. Where that cannot be, nothing is kept: the database has it
    all. What a killed process left goes after a day.
    """
    with suppress(OSError):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        aside = Path(mkdtemp(prefix=f".{wave}-", dir=folder))
        try:
            sweep(aside)
            names = {version: f"{number}.parquet" for number, version in enumerate(parts)}
            for version, table in parts.items():
                parquet.write_table(table, aside / names[version], compression="zstd")
                settle(aside / names[version])
            (aside / _MARK).write_text(json.dumps({"mark": [_FORMAT, mark], "parts": names}))
            settle(aside / _MARK)
            swap(aside, folder / wave)
        finally:
            shutil.rmtree(aside, ignore_errors=True)


def settle(path: Path) -> None:
    """Onto the disk, for its owner alone: a loss of power must not leave a mark without its columns."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
    path.chmod(0o600)


def sweep(new: Path) -> None:
    """Take away what has lain beside a new folder since the day before; what is younger may be in the making."""
    for aside in new.parent.glob(".*"):
        with suppress(FileNotFoundError):
            if new.stat().st_mtime - aside.stat().st_mtime > _DAY:
                shutil.rmtree(aside, ignore_errors=True)


def swap(new: Path, old: Path) -> None:
    """Put one folder in the place of another. A reader in between finds nothing, and makes the columns itself."""
    if old.exists():
        gone = Path(mkdtemp(prefix=".gone-", dir=old.parent))
        old.replace(gone / old.name)
        shutil.rmtree(gone, ignore_errors=True)
    new.replace(old)
