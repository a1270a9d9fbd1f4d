"""The released responses of a large closed wave as Parquet parts, which engines count; made anew when stale.

Each part holds some responses that follow each other in the order of their random ids, as codes and numbers, and
nothing else: no id, no version, no time. Like `snapshots` they are a copy made for speed.
"""

import json
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy.typing as npt
import pyarrow as pa
from pyarrow import parquet

from surveyapp.problems import SurveyError
from surveyapp.storage.snapshots import settle, swap, sweep

_FORMAT = "1"
_MARK = "mark.json"

Columns = Mapping[str, npt.NDArray[Any]]


def kept(folder: Path, wave: str, mark: str) -> tuple[list[Path], Any] | None:
    """The parts of a wave and what was said about them, if they were kept under this mark and are all there."""
    home = _home(folder, wave)
    try:
        known = json.loads((home / _MARK).read_text())
        parts = [home / name for name in known["parts"]]
        whole = known["mark"] == [_FORMAT, mark] and all(
            part.stat().st_size == size for part, size in zip(parts, known["sizes"], strict=True)
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return (parts, known["about"]) if whole else None


def keep(
    folder: Path, wave: str, mark: str, responses: Iterable[Columns], about: Mapping[str, object]
) -> list[Path]:
    """Keep the responses of a wave under a mark, a part after the other; never more than one is in memory.

    `about` is read when the last part is written. Raises `SurveyError` if the disk refuses.
    """
    home = _home(folder, wave)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        aside = Path(mkdtemp(prefix=f".{wave}-", dir=folder))
        try:
            sweep(aside)
            written = [_write(aside / f"{number:05}.parquet", columns) for number, columns in enumerate(responses)]
            names, sizes = [part.name for part in written], [part.stat().st_size for part in written]
            said = {"mark": [_FORMAT, mark], "parts": names, "sizes": sizes, "about": dict(about)}
            (aside / _MARK).write_text(json.dumps(said, ensure_ascii=False))
            settle(aside / _MARK)
            swap(aside, home)
        finally:
            shutil.rmtree(aside, ignore_errors=True)
    except OSError as error:
        raise SurveyError(f"the parts of {wave} cannot be written to {folder}: {error.strerror}") from None
    return [home / name for name in names]


def _home(folder: Path, wave: str) -> Path:
    """No wave has a dot in its name, so this is no other wave's."""
    return folder / f"{wave}.parts"


def _write(path: Path, columns: Columns) -> Path:
    table = pa.table({name: pa.array(column, from_pandas=True) for name, column in columns.items()})
    parquet.write_table(table, path, compression="zstd")
    settle(path)
    return path
