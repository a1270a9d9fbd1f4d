"""What large waves cost: `make bench-large`. Invented waves in Parquet parts, counted in memory and by engines.

Sizes are options: `python -m tests.bench.large --sizes 1000000,5000000 --variables 100 --engines duckdb,dask`.
Each figure is of a process of its own: wall time, CPU seconds and largest memory, of Dask with its workers; equal
tables have the same mark. The work is all one-way tables, twenty by region, an amount by region and one table
filtered by that amount, all weighted, with margins, and protected together.
"""

import json
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

import click
import numpy as np
import pyarrow as pa
from pyarrow import parquet

from surveyapp import engines
from surveyapp.analysis.asking import Plan
from surveyapp.analysis.columns import CELL
from surveyapp.analysis.dataset import Dataset, strata_of
from surveyapp.analysis.grouping import Arrays, Engine
from surveyapp.analysis.large import Legend, Responses, amount_of
from surveyapp.analysis.report import WaveFacts, compile_report
from surveyapp.instrument import Instrument
from surveyapp.storage import parts
from tests.bench.analysis import REGIONS
from tests.makers import make_instrument, make_question

PART = 100_000
CODES = 6


def make_questions(variables: int) -> Instrument:
    """Single questions of six codes, every tenth one led past by another, and an amount."""
    options = [{"code": f"c{i}", "label": f"Code {i}"} for i in range(CODES)]
    questions = [make_question("single", f"v{i}", options=options) for i in range(variables - 1)]
    for i in range(10, variables - 1, 10):
        questions[i]["show_if"] = {"question": f"v{i - 1}", "in": ["c0", "c1", "c2"]}
    return make_instrument([*questions, make_question("number", "spend")], disclosure={"carry": ["region"]})


def make_columns(n: int, variables: int) -> Iterator[parts.Columns]:
    """The columns of the parts, one after the other."""
    for part in range(-(-n // PART)):
        rng, size = np.random.default_rng(part), min(PART, n - part * PART)
        columns = {f"v{i}": rng.integers(-1, CODES, size, dtype=np.int8) for i in range(variables - 1)}
        for i in range(10, variables - 1, 10):
            before = columns[f"v{i - 1}"]
            columns[f"v{i}"][(before < 0) | (before > 2)] = -2
        amounts = rng.integers(0, 5_000, size).astype(np.float64)
        given = rng.random(size) < 0.9
        columns["spend"] = np.where(given, 0, -1).astype(np.int8)
        cell = rng.integers(0, len(REGIONS), size).astype(np.int32)
        yield {**columns, amount_of("spend"): np.where(given, amounts, np.nan), CELL: cell}


def make_plan(variables: int) -> Plan:
    """One-way tables of all, tables by region of twenty, one of those who spend much."""
    tables = [{"id": f"o{i}", "question": f"v{i}"} for i in range(variables - 1)]
    tables += [{"id": f"b{i}", "question": f"v{i}", "by": ["region"]} for i in range(20)]
    tables += [{"id": "s", "question": "spend", "by": ["region"]}]
    tables += [{"id": "f", "question": "v1", "where": {"question": "spend", "at_least": 1000}}]
    plan = {"survey": "tiny", "title": "All", "weights": {"poststratify": ["region"]}, "margins": True}
    return Plan.model_validate({**plan, "tables": tables})


def _run(folder: Path, n: int, variables: int, engine: str) -> None:
    """In a process of its own: count a wave and print what that took."""
    files, about = parts.kept(folder, "large", "mark") or ([], {})
    instrument, legend = make_questions(variables), Legend(**about)
    facts = WaveFacts("large", True, "", "", ("region",), dict.fromkeys(REGIONS, n), n, "")
    wall, cpu = time.perf_counter(), time.process_time()
    with _opened(engine, files) as opened:
        data: Responses = (
            legend.responses(instrument, ["region"], opened) if opened else _resident(files, instrument, legend)
        )
        ready = time.perf_counter()
        report = compile_report(make_plan(variables), data, facts)
        done = time.perf_counter()
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = time.process_time() - cpu + children.ru_utime + children.ru_stime
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    cells = [cell for made in report.tables for row in made.table.rows for cell in row.cells]
    figures = [(cell.count, cell.percent, cell.low, cell.high, cell.value, cell.mark) for cell in cells]
    mark = sha256(repr(figures).encode()).hexdigest()[:8]
    workers = f" and {children.ru_maxrss / 1024:,.0f} MB in the largest worker" if engine == "dask" else ""
    click.echo(
        f"{n:>11,} × {variables} {engine:7} ready {ready - wall:6.1f} s, tables {done - ready:6.1f} s, "
        f"CPU {used:6.1f} s, {peak:6,.0f} MB{workers}; tables {mark}"
    )


def _opened(engine: str, files: list[Path]) -> AbstractContextManager[Engine | None]:
    return nullcontext() if engine == "memory" else engines.opener(engine)(files)


def _resident(files: list[Path], instrument: Instrument, legend: Legend) -> Dataset:
    """The wave in memory, read part by part."""
    form = legend.responses(instrument, (), Arrays({})).form
    table = pa.concat_tables(parquet.read_table(file) for file in files)
    columns = {name: table.column(name).to_numpy() for name in table.column_names}
    del table
    cell, amounts = columns.pop(CELL), {"spend": columns.pop(amount_of("spend"))}
    data = Dataset(instrument, len(cell), form.variables, columns, amounts, form.cells, cell)
    for variable, of_cell in strata_of(data.cells, ["region"]):
        data = data.joined(variable, of_cell[cell])
    return data


@click.command()
@click.option("--sizes", default="1000000,5000000", show_default=True)
@click.option("--variables", default=100, show_default=True)
@click.option("--engines", "names", default="memory,duckdb,dask", show_default=True)
@click.option(
    "--folder", type=click.Path(path_type=Path), help="Where the parts are kept from one time to the next."
)
def main(sizes: str, variables: int, names: str, folder: Path | None) -> None:
    """Print one line a size and engine."""
    with TemporaryDirectory() as temporary:
        for n in map(int, sizes.split(",")):
            home = (folder or Path(temporary)) / f"{n}-{variables}"
            if parts.kept(home, "large", "mark") is None:
                started = time.perf_counter()
                legend = Legend(n, REGIONS, {})
                files = parts.keep(home, "large", "mark", make_columns(n, variables), vars(legend))
                size = sum(file.stat().st_size for file in files) / 2**20
                spent = time.perf_counter() - started
                click.echo(f"{n:,} × {variables}: {len(files)} parts, {size:,.0f} MB, in {spent:.0f} s")
            for engine in names.split(","):
                command = [
                    sys.executable,
                    "-m",
                    "tests.bench.large",
                    json.dumps([str(home), n, variables, engine]),
                ]
                subprocess.run(command, check=True)


if __name__ == "__main__":
    if len(sys.argv) == 2 and sys.argv[1].startswith("["):
        place, *rest = json.loads(sys.argv[1])
        _run(Path(place), *rest)
    else:
        main()
