"""The wave of every kind of question as Parquet parts on a disk."""

import random
from collections.abc import Callable
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from surveyapp.analysis.large import Large, Legend
from surveyapp.engines import distributed, embedded
from surveyapp.storage import parts
from tests.largewaves import CARRY, NEW, OLD, make_batches, make_rows

Opened = Callable[[int, int], AbstractContextManager[Large]]
"""Of so many responses to the old version and the new one, the wave left to an engine."""

ENGINES = {
    "duckdb": embedded.opened,
    "dask": lambda files: distributed.opened(files, processes=False),
}


def rows(old: int, new: int) -> tuple[list, list]:
    """The responses, always the same."""
    chance = random.Random(old + new)
    return make_rows(OLD, old, chance), make_rows(NEW, new, chance)


def written(folder: Path, old: int, new: int, size: int = 60) -> tuple[list[Path], Legend]:
    """The parts of the wave, and how to read them."""
    legend = Legend()
    columns = (legend.columns(NEW, batch) for batch in make_batches(*rows(old, new), size))
    return parts.keep(folder, "large-1", "mark", columns, vars(legend)), legend


@pytest.fixture(params=ENGINES)
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Opened:
    """Each engine in turn."""

    @contextmanager
    def open_(old: int, new: int):
        files, legend = written(tmp_path, old, new)
        with ENGINES[request.param](files) as engine:
            yield legend.responses(NEW, CARRY, engine)

    return open_
