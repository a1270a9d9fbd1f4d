"""How long large frames take: a part of `make bench-fieldwork`. Prints seconds and memory; asserts nothing.

Each figure is of a process of its own, since the peak of one would hide that of the next.
"""

import csv
import json
import multiprocessing
import resource
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
import openpyxl

from surveyapp import campaigning, framing, publishing
from surveyapp.frames import Frame
from surveyapp.storage.database import Database
from tests.makers import TODAY, make_all_types, make_database

UNITS = 100_000
HEADER = ["unit", "name", "email", "contact", "language", "region", "kind"]


def make_row(i: int) -> list[str]:
    """A unit with a name, an address and a contact of its own, in one of ten regions and three kinds."""
    own = [f"P{i:06}", f"Provider {i} Drug and Alcohol Service", f"manager{i}@provider{i % 997}.example.org"]
    return [*own, f"The manager {i}", "en", f"Region {i % 10}", "abc"[i % 3]]


def write_csv(path: Path, units: int) -> None:
    """A frame as text."""
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([HEADER, *map(make_row, range(units))])


def write_xlsx(path: Path, units: int) -> None:
    """A frame as a workbook."""
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("Frame")
    for row in [HEADER, *map(make_row, range(units))]:
        sheet.append(row)
    book.save(path)


def check(path: Path, _folder: Path) -> None:
    """Read and understand."""
    assert framing.read(path.name, path.read_bytes()).frame.units


def open_wave(path: Path, folder: Path) -> None:
    """Read, and open a wave on it."""
    open_on(make_database(folder), framing.read(path.name, path.read_bytes()).frame)


def load(path: Path, folder: Path) -> None:
    """Load the file into a wave that has the first four hundred of its units."""
    small = folder / "small.csv"
    write_csv(small, 400)
    db = make_database(folder)
    open_on(db, framing.read(small.name, small.read_bytes()).frame)
    framing.load(db, "tiny-1", path.name, path.read_bytes())


def load_again(path: Path, folder: Path) -> None:
    """Load the file into a wave that was opened on it: nothing to change."""
    db = make_database(folder)
    open_on(db, framing.read(path.name, path.read_bytes()).frame)
    assert not framing.load(db, "tiny-1", path.name, path.read_bytes()).difference


def open_on(db: Database, frame: Frame) -> None:
    """A wave on which nobody is invited yet."""
    publishing.publish(db, json.dumps(make_all_types()).encode(), TODAY)
    more: dict[str, Any] = {"carry": ["region"], "key_place": "holder", "closes": None, "today": TODAY}
    campaigning.open_wave(db, "tiny-1", "tiny", "1", frame, keep_key=lambda _: None, **more)


def measured(name: str, limit: str, call: Callable[[Path, Path], None], path: Path) -> None:
    """Print what one call takes in a process of its own."""
    context = multiprocessing.get_context("spawn")
    queue = context.SimpleQueue()
    process = context.Process(target=_measure, args=(call, path, queue))
    process.start()
    process.join()
    if process.exitcode:
        click.echo(f"{name:<52}  failed")
        return
    seconds, peak = queue.get()
    click.echo(f"{name:<52}{seconds:8.1f} s {peak / 1024:8.0f} MB   (at most {limit})")


def _measure(call: Callable[[Path, Path], None], path: Path, queue: Any) -> None:
    with TemporaryDirectory() as folder:
        began = time.perf_counter()
        call(path, Path(folder))
        seconds = time.perf_counter() - began
    queue.put((seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss))


def main() -> None:
    """The figures that a large frame must hold."""
    with TemporaryDirectory() as folder:
        text, book = Path(folder, "frame.csv"), Path(folder, "frame.xlsx")
        write_csv(text, UNITS)
        write_xlsx(book, UNITS)
        measured("check 100,000 units, CSV", "30 s, 500 MB", check, text)
        measured("open a wave on 100,000 units, CSV", "30 s, 500 MB", open_wave, text)
        measured("load 100,000 units into a wave of 400, CSV", "30 s, 500 MB", load, text)
        measured("open on 100,000 units and load them again, CSV", "no limit", load_again, text)
        measured("check 100,000 units, .xlsx", "30 s, 500 MB", check, book)
        measured("load 100,000 units into a wave of 400, .xlsx", "30 s, 500 MB", load, book)


if __name__ == "__main__":
    main()
