"""What exports cost, beside their limits: the appendix of a closed wave, and microdata of 100,000 × 72.

`make bench-export`.
"""

import json
import resource
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
import numpy as np

from surveyapp import campaigning, privacy, reporting
from surveyapp.analysis.dataset import Dataset, Variable
from surveyapp.analysis.microdata import Microdata, microdata
from surveyapp.config import project_file
from surveyapp.export.codebook import sheets
from surveyapp.export.microdata import csv, parquet, sav, xlsx
from surveyapp.instrument import read_instrument
from surveyapp.storage import responses
from surveyapp.storage.database import connect
from surveyapp.storage.responses import Response
from tests.bench.analysis import answers
from tests.makers import TODAY, make_document, make_question, make_wave

ROWS, COLUMNS, AMOUNTS = 100_000, 72, 4
APPENDIX = {65: 1.0, 100_000: 3.0}
"""Responses of a wave, and how many seconds its workbook may take."""

LIMITS = {"CSV": 3.0, "CSV with labels": 3.0, ".sav": 3.0, "Parquet": 1.0}


def main() -> None:
    """Print one line a format, with its limit."""
    for n, limit in APPENDIX.items():
        with TemporaryDirectory() as folder:
            _appendix(Path(folder), n, limit)
    data = _timed("checks and order", lambda: microdata(_data()))
    written: dict[str, Callable[[], bytes]] = {
        "CSV": lambda: csv(data),
        "CSV with labels": lambda: csv(data, "labels"),
        ".sav": lambda: sav(data),
        "Parquet": lambda: parquet(data),
        ".xlsx": lambda: xlsx(data, sheets(data)),
    }
    for name, run in written.items():
        _timed(name, run)
    click.echo(f"memory for .xlsx beside the answers: {_memory(data):.0f} MB (limit 60)")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    click.echo(f"largest memory of this process with all formats: {peak:,.0f} MB")


def _appendix(folder: Path, n: int, limit: float) -> None:
    """The workbook of the DAT appendix, from the store to the bytes; then again from kept columns."""
    db = connect(folder / "surveyapp.db")
    instrument = project_file("instruments/dat/2012.1.json").read_bytes()
    plan = json.loads(project_file("exports/dat-2012-appendix.json").read_bytes())
    plan["tables"] = [entry for entry in plan["tables"] if "question" in entry]
    wave, _, _ = make_wave(db, "dat-2012", json.loads(instrument), anyone=True, carry=None)
    _, lines = answers(read_instrument(instrument), n)
    with db.transaction() as connection:
        given = [(privacy.new_id(), Response(wave.version, "", json.loads(line))) for line in lines]
        responses.release(connection, wave.name, [], given, [])
    campaigning.close_wave(db, wave.name, TODAY)
    content = json.dumps(plan).encode()

    def workbook() -> bytes:
        return reporting.file_of(reporting.report(db, wave.name, content, kept=folder), ".xlsx")

    for what in ("the first time", "again"):
        _timed(f"appendix of {n:,} {what}", workbook, limit)


def _data() -> Dataset:
    """Random answers to 68 choices on a scale of six, and four amounts."""
    rng = np.random.default_rng(1)
    codes = tuple(f"c{number}" for number in range(6))
    labels = tuple(f"Stays about the same, or number {number}" for number in range(6))
    names = [f"v{number}" for number in range(COLUMNS)]
    document = make_document([make_question("multiple", "q1")])
    amounts = {name: np.round(rng.gamma(2, 1e5, ROWS), 2) for name in names[-AMOUNTS:]}
    known = {
        name: Variable(name, name, f"What about {name}?", ("given",), ("Given",), "number")
        if name in amounts
        else Variable(name, name, f"What about {name}?", codes, labels)
        for name in names
    }
    values = {name: rng.integers(-1, 1 if name in amounts else 6, ROWS, dtype=np.int8) for name in names}
    for name, column in amounts.items():
        column[values[name] < 0] = np.nan
    return Dataset(read_instrument(json.dumps(document)), ROWS, known, values, amounts)


def _timed(what: str, run: Callable[[], Any], most: float = 0.0) -> Any:
    begun, cpu = time.perf_counter(), time.process_time()
    result = run()
    took, spent = time.perf_counter() - begun, time.process_time() - cpu
    most = most or LIMITS.get(what, 0.0)
    limit = f" (limit {most:.0f} s)" if most else ""
    size = f", {len(result) / 1e6:.1f} MB" if isinstance(result, bytes) else ""
    click.echo(f"{what:38} {took:6.2f} s wall {spent:6.2f} s CPU{limit}{size}")
    return result


def _memory(data: Microdata) -> float:
    """The most that writing a workbook takes at once, in MB."""
    tracemalloc.start()
    xlsx(data, sheets(data))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / 1e6


if __name__ == "__main__":
    main()
