"""What is said of amounts: how many, mean, spread, quartiles, total."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from surveyapp.analysis.tables import Amounts

Floats = npt.NDArray[np.float64]

QUARTILES = (0.25, 0.5, 0.75)


@dataclass(frozen=True)
class Summary:
    """Of n amounts: weighted mean, standard deviation, quartiles, and total; None where there are too few."""

    n: int
    mean: float | None
    sd: float | None
    lower: float | None
    median: float | None
    upper: float | None
    total: float | None
    amounts: Amounts


@dataclass(frozen=True)
class Spread:
    """Which amounts there are, ascending: of each, and each group of respondents, how many (`times`) gave it."""

    amounts: Floats
    group: npt.NDArray[np.int32]
    times: npt.NDArray[np.int64]

    def sums(self, groups: int) -> tuple[Floats, Floats, Floats]:
        """How many, their sum and the sum of their squares, by group."""
        n = self.times.astype(np.float64)
        y = n * self.amounts
        count, total, squares = (_by_group(self.group, of, groups) for of in (n, y, y * self.amounts))
        return count, total, squares


def _by_group(group: npt.NDArray[np.int32], of: Floats, groups: int) -> Floats:
    return np.bincount(group, of, minlength=groups).astype(np.float64, copy=False)


def spread(
    amounts: Floats, group: npt.NDArray[np.int32] | None = None, times: npt.NDArray[np.int64] | None = None
) -> Spread:
    """The spread of `amounts`, none of them missing: the same in whatever order, and put together or not."""
    if group is None:
        order = np.argsort(amounts, kind="stable")
        group = np.zeros(len(amounts), dtype=np.int32)
    else:
        order = np.lexsort((group, amounts))
    amounts, group = amounts[order], group[order]
    new = np.ones(len(amounts), dtype=np.bool_)
    new[1:] = (amounts[1:] != amounts[:-1]) | (group[1:] != group[:-1])
    first = np.flatnonzero(new)
    ends = np.append(first[1:], len(amounts))
    if times is None:
        return Spread(amounts[first], group[first], (ends - first).astype(np.int64))
    reached = np.concatenate([[0], np.cumsum(times[order])])
    return Spread(amounts[first], group[first], reached[ends] - reached[first])


def summarise(of: Spread, weights: Floats | None = None) -> Summary:
    """The summary of amounts; `weights` are those of each group.

    Quartiles are the smallest amounts at which the cumulated weight reaches a quarter, half, three quarters of
    the whole, and the middle between two where it reaches it exactly (Hyndman and Fan 1996, type 2; R's
    `qrule = "math"` takes the lower of the two). The standard deviation is weighted, with n / (n - 1).
    """
    n, amounts = int(of.times.sum()), of.amounts
    if not n:
        return Summary(0, None, None, None, None, None, None, Amounts(0, 0.0, 0.0, 0.0))
    w = of.times.astype(np.float64) if weights is None else of.times * weights[of.group]
    total, whole = float((w * amounts).sum()), float(w.sum())
    mean = total / whole
    sd = float(np.sqrt((w * (amounts - mean) ** 2).sum() / whole * n / (n - 1))) if n > 1 else None
    lower, median, upper = _quantiles(amounts, w)
    largest = np.sort(np.repeat(np.abs(amounts), np.minimum(of.times, 2)))[-2:]
    second = float(largest[-2]) if n > 1 else 0.0
    made_of = Amounts(n, float((of.times * np.abs(amounts)).sum()), float(largest[-1]), second)
    return Summary(n, mean, sd, lower, median, upper, total, made_of)


def _quantiles(amounts: Floats, w: Floats) -> tuple[float, ...]:
    """Of ascending amounts that carry these weights."""
    reached = np.cumsum(w)
    reached /= reached[-1]
    found = []
    for share in QUARTILES:
        at = int(np.searchsorted(reached, share - 1e-12))
        exact = abs(reached[at] - share) < 1e-12 and at + 1 < len(amounts)
        found.append(float((amounts[at] + amounts[at + 1]) / 2 if exact else amounts[at]))
    return tuple(found)
