"""Dask: the parts are counted by workers, on this machine or on many, and the counts are added up.

A worker does with its part what is done in memory with a small wave. It needs this package, and the parts under
the same path.
"""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import distributed
import numpy as np
from pyarrow import parquet

from surveyapp.analysis.grouping import Arrays, Aspect, Coded, Column, Engine, Groups, Tally, merged
from surveyapp.analysis.large import amount_of
from surveyapp.problems import SurveyError

PATIENCE = "10s"
"""How long a scheduler may take to answer."""

AT_ONCE = 8
"""So many parts' counts are put together in one step."""


@contextmanager
def opened(parts: Sequence[Path], scheduler: str | None = None, processes: bool = True) -> Iterator[Engine]:
    """An engine over these parts, with the cluster at an address, or with one of this machine's cores.

    Raises `SurveyError` if nobody answers there.
    """
    if scheduler is None:
        with (
            distributed.LocalCluster(
                processes=processes, dashboard_address=None, silence_logs=logging.CRITICAL
            ) as cluster,
            distributed.Client(cluster) as client,
        ):
            yield Distributed(client, parts)
        return
    try:
        client = distributed.Client(scheduler, timeout=PATIENCE)
    except (OSError, ValueError) as error:
        raise SurveyError(f"no Dask scheduler answers at {scheduler}: {error}; check the address") from None
    with client:
        yield Distributed(client, parts)


@dataclass(frozen=True)
class Distributed:
    """Parts that the workers of a cluster can read."""

    client: distributed.Client = field(repr=False)
    parts: Sequence[Path] = field(repr=False)

    def grouped(self, questions: Sequence[Sequence[Aspect]]) -> list[Groups]:
        """As `Engine` says: each part is read once for all questions."""
        counted = self.client.map(count_part, [str(part) for part in self.parts], questions=questions, pure=False)
        while len(counted) > 1:
            together = [counted[i : i + AT_ONCE] for i in range(0, len(counted), AT_ONCE)]
            counted = [self.client.submit(put_together, some, pure=False) for some in together]
        try:
            found: list[Groups] = counted[0].result()
        except OSError as error:
            do = "workers must find the parts under the same path as this machine"
            raise SurveyError(f"a worker cannot read a part: {error}; {do}") from None
        return found


def count_part(part: str, questions: Sequence[Sequence[Aspect]]) -> list[Groups]:
    """What a worker does with one part."""
    names = sorted({name for question in questions for aspect in question for name in _columns(aspect)})
    table = parquet.ParquetFile(part).read(names)
    columns: dict[str, Column] = {name: table.column(name).to_numpy() for name in names}
    amounts = {
        name.removesuffix(_AMOUNT): column.astype(np.float64)
        for name, column in columns.items()
        if name.endswith(_AMOUNT)
    }
    return Arrays(columns, amounts).grouped(questions)


def put_together(parts: Sequence[list[Groups]]) -> list[Groups]:
    """The counts of several parts, question by question."""
    return [merged(some) for some in zip(*parts, strict=True)]


_AMOUNT = amount_of("")


def _columns(aspect: Aspect) -> list[str]:
    """The columns of a part that tell it."""
    match aspect:
        case Coded(name):
            return [name]
        case Tally(of):
            return [name for name, _ in of]
        case _:
            return [amount_of(aspect.name)]
