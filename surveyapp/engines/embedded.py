"""DuckDB in this process: for waves that are larger than memory."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import reduce
from operator import add
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import numpy as np
from duckdb import CaseExpression, ColumnExpression, ConstantExpression, Expression, FunctionExpression

from surveyapp.analysis.grouping import Amount, Aspect, AtLeast, Coded, Column, Engine, Groups
from surveyapp.analysis.large import amount_of
from surveyapp.problems import SurveyError

MEMORY = "512MB"
"""What DuckDB may use; what does not fit goes to temporary files beside the parts."""


@contextmanager
def opened(parts: Sequence[Path], memory: str = MEMORY) -> Iterator[Engine]:
    """An engine over these parts, until the end of the `with`."""
    with TemporaryDirectory(prefix=".counting-", dir=parts[0].parent) as folder:
        settings: dict[str, str | bool | int | float | list[str]] = {
            "memory_limit": memory,
            "temp_directory": folder,
            "preserve_insertion_order": False,
            "autoinstall_known_extensions": False,
        }
        with duckdb.connect(config=settings) as connection:
            yield Embedded(connection, [str(part) for part in parts])


@dataclass(frozen=True)
class Embedded:
    """Parts under a connection."""

    connection: duckdb.DuckDBPyConnection = field(repr=False)
    parts: list[str] = field(repr=False)

    def grouped(self, questions: Sequence[Sequence[Aspect]]) -> list[Groups]:
        """As `Engine` says: a GROUP BY a question, which reads the columns that it names."""
        return [self._grouped(question) for question in questions]

    def _grouped(self, question: Sequence[Aspect]) -> Groups:
        columns = [_column(aspect).alias(f"c{place}") for place, aspect in enumerate(question)]
        times = FunctionExpression("count").alias("times")
        try:
            found = self.connection.read_parquet(self.parts).aggregate([*columns, times]).fetchnumpy()
        except duckdb.Error as error:
            raise SurveyError(f"DuckDB cannot count the parts: {error}") from None
        return Groups(
            tuple(_array(found[f"c{place}"]) for place in range(len(question))), found["times"].astype(np.int64)
        )


def _column(aspect: Aspect) -> Expression:
    match aspect:
        case Coded(name):
            return ColumnExpression(name)
        case AtLeast(name, bound):
            return _flag(ColumnExpression(amount_of(name)) >= ConstantExpression(bound))
        case Amount(name):
            return ColumnExpression(amount_of(name))
        case _:
            flags = [_flag(_is_in(name, codes)) for name, codes in aspect.of if codes]
            return reduce(add, flags, ConstantExpression(0))


def _is_in(name: str, codes: Sequence[int]) -> Expression:
    return ColumnExpression(name).isin(*map(ConstantExpression, codes))


def _flag(test: Expression) -> Expression:
    """1 or 0; what is missing passes no test."""
    return CaseExpression(test, ConstantExpression(1)).otherwise(ConstantExpression(0))


def _array(column: Any) -> Column:
    """As numpy has it: NaN where nothing is."""
    return np.ma.filled(column, np.nan) if np.ma.isMaskedArray(column) else np.asarray(column)
