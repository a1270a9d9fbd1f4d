"""Responses put together: of all that agree in some columns one row, with how many they are.

This is all that tables need to know of a wave, and all that a database or a cluster is asked (`Engine`): how often
does each combination of these columns occur? Counts of parts add up, whoever counts them and in whatever order.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

Column = npt.NDArray[Any]
Counts = npt.NDArray[np.int64]


@dataclass(frozen=True, order=True)
class Coded:
    """The code of a variable in each response, or the kind of missing; under `columns.CELL` the stratum cell."""

    name: str


@dataclass(frozen=True, order=True)
class AtLeast:
    """1 where the amount of a variable was given and is at least so much, else 0."""

    name: str
    bound: float


@dataclass(frozen=True, order=True)
class Amount:
    """The amount itself, NaN where none was given: as many combinations as there are different amounts."""

    name: str


@dataclass(frozen=True, order=True)
class Tally:
    """Of how many variables the code is among those named beside it."""

    of: tuple[tuple[str, tuple[int, ...]], ...]


Aspect = Coded | AtLeast | Amount | Tally
Wanted = frozenset[Aspect]
"""What must be known of the responses: a set, so that what one table wants can be seen to be within another's."""

NOTHING: Wanted = frozenset()


@dataclass(frozen=True)
class Groups:
    """The combinations that occur, each once: an array a column asked for, and how many responses have each."""

    columns: tuple[Column, ...] = field(repr=False)
    times: Counts = field(repr=False)

    @property
    def nbytes(self) -> int:
        """The memory they take."""
        return sum(column.nbytes for column in self.columns) + self.times.nbytes


class Engine(Protocol):
    """Whatever holds the responses of a wave and can count them."""

    def grouped(self, questions: Sequence[Sequence[Aspect]]) -> list[Groups]:
        """Of each question, how often each combination of its columns occurs. Order means nothing."""
        ...


@dataclass(frozen=True)
class Arrays:
    """The engine for responses, or a part of them, that are in memory: an integer array and an amount a name."""

    values: Mapping[str, Column] = field(repr=False)
    amounts: Mapping[str, Column] = field(default_factory=dict, repr=False)

    def grouped(self, questions: Sequence[Sequence[Aspect]]) -> list[Groups]:
        """As `Engine` says."""
        return [distinct([self._column(each) for each in question]) for question in questions]

    def _column(self, aspect: Aspect) -> Column:
        match aspect:
            case Coded(name):
                return self.values[name]
            case AtLeast(name, bound):
                return (self.amounts[name] >= bound).astype(np.int8)
            case Amount(name):
                return self.amounts[name]
            case Tally(of):
                return tallied(self.values, of)


def tallied(values: Mapping[str, Column], of: Sequence[tuple[str, Collection[int]]]) -> Column:
    """What a `Tally` is, of arrays."""
    found = np.zeros(len(values[of[0][0]]), dtype=np.int16)
    for name, codes in of:
        found += found_in(values[name], codes)
    return found


_MANY_CODES = 40
"""Up to so many codes are looked for one after the other, which is many times as fast as `np.isin`."""


def found_in(values: Column, codes: Collection[int]) -> npt.NDArray[np.bool_]:
    """Whose code is among these."""
    if len(codes) > 2 and len(codes) == max(codes) - min(codes) + 1:
        return (values >= min(codes)) & (values <= max(codes))
    if len(codes) > _MANY_CODES:
        return np.isin(values, list(codes))
    found = np.zeros(len(values), dtype=np.bool_)
    for code in codes:
        found |= values == code
    return found


def merged(parts: Sequence[Groups]) -> Groups:
    """The same of all parts together."""
    columns = [np.concatenate(columns) for columns in zip(*(part.columns for part in parts), strict=True)]
    return distinct(columns, np.concatenate([part.times for part in parts]))


# ── putting together ─────────────────────────────────────────────────────────

_FEW = 1 << 16
"""Up to so many possible combinations, or one a row, each has a place to be counted in; else rows are sorted."""


def distinct(columns: Sequence[Column], times: Counts | None = None) -> Groups:
    """The rows that these columns make, each once; `times` says how often each is there, if not once."""
    numbered = [_numbered(column) for column in columns]
    keys, found = _packed([places for _, places in numbered], [size for size, _ in numbered])
    if found <= max(_FEW, len(keys)):
        counted = np.bincount(keys, times, minlength=found).astype(np.int64)  # exact up to 2**53 responses
        first = np.empty(found, dtype=np.int64)
        first[keys] = np.arange(len(keys))
        first, counted = first[counted > 0], counted[counted > 0]
    else:
        _, first, back, counted = np.unique(keys, return_index=True, return_inverse=True, return_counts=True)
        counted = counted if times is None else np.bincount(back, times).astype(np.int64)
    return Groups(tuple(column[first] for column in columns), counted)


def _numbered(column: Column) -> tuple[int, Column]:
    """How many values may occur in a column, and the place of each row's among them."""
    if not len(column):
        return 0, np.empty(0, np.int64)
    if column.dtype.kind == "f":
        known, places = np.unique(column, return_inverse=True)
        return len(known), places
    low, high = int(column.min()), int(column.max())
    return high - low + 1, column.astype(np.int64) - low


_MOST = 1 << 62


def _packed(places: Sequence[Column], sizes: Sequence[int]) -> tuple[Column, int]:
    """One number a row for its places in all columns, and how many numbers there may be."""

    def joined(so_far: tuple[Column, int], column: tuple[Column, int]) -> tuple[Column, int]:
        keys, size = so_far
        if size * column[1] >= _MOST:
            known, keys = np.unique(keys, return_inverse=True)
            size = len(known)
        return keys * column[1] + column[0], size * column[1]

    return reduce(joined, zip(places, sizes, strict=True), (np.zeros(len(places[0]), np.int64), 1))
