"""What tables cost: `make bench-analysis`. CPU beside wall time, each the best of several runs."""

import json
import random
import resource
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
import numpy as np

from surveyapp.analysis.asking import Plan
from surveyapp.analysis.banner import Population
from surveyapp.analysis.columns import Part, read_part
from surveyapp.analysis.dataset import Dataset, Variable, assemble
from surveyapp.analysis.disclosure.protection import protect
from surveyapp.analysis.estimation.weights import weigh
from surveyapp.analysis.plans import read_plan
from surveyapp.analysis.tabulation import Layout, Tabulator
from surveyapp.config import project_file
from surveyapp.instrument import Grid, Instrument, Multiple, Single, prune, read_instrument
from surveyapp.storage import snapshots

REGIONS = [f"Region {number}" for number in range(1, 10)]


def main() -> None:
    """Print one line a measurement."""
    instrument = read_instrument(project_file("instruments/dat/2012.1.json").read_bytes())
    plan = read_plan(project_file("exports/dat-2012-appendix.json").read_bytes(), instrument, coded=None)
    closed = plan.model_copy(update={"tables": [entry for entry in plan.tables if entry.question]})
    with TemporaryDirectory() as folder:
        for n in (61, 100_000):
            _plan_of_a_wave(instrument, closed, n, Path(folder))
    _million(1_000_000, 100)


def _plan_of_a_wave(instrument: Instrument, plan: Plan, n: int, folder: Path) -> None:
    cells, lines = answers(instrument, n)
    part = _timed(f"{n:,} responses: read from JSON", lambda: read_part(instrument, cells, lines), 1)
    snapshots.keep(folder, f"w{n}", "mark", {"2012.1": part.table})

    def from_parquet() -> Dataset:
        known = snapshots.kept(folder, f"w{n}", "mark")
        assert known is not None
        return assemble(instrument, [Part(instrument, known["2012.1"])], ["region"])

    data = _timed(f"{n:,} responses: from Parquet to the dataset", from_parquet)

    def tables(**more: object) -> Callable[[], object]:
        frame = {name: 20 * n // len(REGIONS) for name in REGIONS}
        design = weigh([data.cells[i] for i in data.cell], frame) if more else None

        def run() -> object:
            maker = Tabulator(data, design, Population(sum(frame.values()), None, frame))
            made = [maker.table(e.question or "", e.id, "t", e.layout(**more)) for e in plan.tables]
            return protect(made, members=data)

        return run

    _timed(f"{n:,} responses: all {len(plan.tables)} tables of the plan, protected", tables())
    _timed(f"{n:,} responses: the same with margins", tables(margins=True))
    maker = Tabulator(data)
    singles = [q.id for q in instrument.questions.values() if isinstance(q, Single | Multiple)]
    by = Layout(by=[["unit.region"]])
    _timed(
        f"{n:,} responses: {len(singles)} tables by region",
        lambda: [maker.table(q, "1", "t", by) for q in singles],
    )


def _million(n: int, variables: int) -> None:
    rng = np.random.default_rng(1)
    columns = {f"v{i}": rng.integers(-1, 6, n, dtype=np.int8) for i in range(variables)}
    codes = tuple(f"c{i}" for i in range(6))
    known = {name: Variable(name, name, name, codes, codes, "derived") for name in columns}
    instrument = read_instrument(project_file("instruments/dat/2012.1.json").read_bytes())
    data = Dataset(instrument, n, known, columns)
    bare = _timed_seconds(lambda: [np.bincount(column + 1, minlength=7) for column in columns.values()])
    ours = _timed_seconds(lambda: [Tabulator(data).table(name, "1", "t", Layout()) for name in columns])
    click.echo(f"{n:,} × {variables}: numpy.bincount alone    {bare[0]:7.3f} s wall {bare[1]:7.3f} s CPU")
    click.echo(f"{n:,} × {variables}: all one-way tables      {ours[0]:7.3f} s wall {ours[1]:7.3f} s CPU")
    click.echo(f"ratio {ours[1] / bare[1]:.2f} (limit 2)")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    click.echo(f"largest memory of this process {peak:,.0f} MB (limit 1,500)")


def answers(instrument: Instrument, n: int) -> tuple[list[str], list[str]]:
    """Invented answers: a few thousand different ones, repeated."""
    rng = random.Random(1)
    different = [json.dumps(prune(instrument, _one(instrument, rng))) for _ in range(min(n, 2_000))]
    return [rng.choice(REGIONS) for _ in range(n)], [rng.choice(different) for _ in range(n)]


def _one(instrument: Instrument, rng: random.Random) -> dict[str, str | list[str]]:
    given: dict[str, str | list[str]] = {}
    for question in instrument.questions.values():
        match question:
            case Single():
                given[question.id] = rng.choice(question.options).code
            case Multiple():
                given[question.id] = [option.code for option in question.options if rng.random() < 0.4]
            case Grid():
                given |= {f"{question.id}.{row.code}": rng.choice(question.scale).code for row in question.rows}
    return {key: answer for key, answer in given.items() if answer}


def _timed(what: str, run: Callable[[], Any], times: int = 3) -> Any:
    wall, cpu, result = _timed_seconds(run, times)
    click.echo(f"{what:62} {wall:7.3f} s wall {cpu:7.3f} s CPU")
    return result


def _timed_seconds(run: Callable[[], Any], times: int = 3) -> tuple[float, float, Any]:
    best, result = (float("inf"), float("inf")), None
    for _ in range(times):
        wall, cpu = time.perf_counter(), time.process_time()
        result = run()
        best = min(best, (time.perf_counter() - wall, time.process_time() - cpu))
    return *best, result


if __name__ == "__main__":
    main()
