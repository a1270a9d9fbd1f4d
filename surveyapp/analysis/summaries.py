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


def summarise(amounts: Floats, weights: Floats | None = None) -> Summary:
    """The summary of `amounts`, none of them missing.

    Quartiles are the smallest amounts at which the cumulated weight reaches a quarter, half, three quarters of
    the whole, and the middle between two where it reaches it exactly (Hyndman and Fan 1996, type 2; R's
    `qrule = "math"` takes the lower of the two). The standard deviation is weighted, with n / (n - 1).
    """
    n = len(amounts)
    if not n:
        return Summary(0, None, None, None, None, None, None, Amounts(0, 0.0, 0.0, 0.0))
    w = np.ones(n) if weights is None else weights
    total, whole = float(w @ amounts), float(w.sum())
    mean = total / whole
    sd = float(np.sqrt(w @ (amounts - mean) ** 2 / whole * n / (n - 1))) if n > 1 else None
    lower, median, upper = _quantiles(amounts, w)
    largest = np.sort(np.abs(amounts))[-2:]
    second = float(largest[-2]) if n > 1 else 0.0
    made_of = Amounts(n, float(np.abs(amounts).sum()), float(largest[-1]), second)
    return Summary(n, mean, sd, lower, median, upper, total, made_of)


def _quantiles(amounts: Floats, w: Floats) -> tuple[float, ...]:
    order = np.argsort(amounts, kind="stable")
    sorted_, reached = amounts[order], np.cumsum(w[order])
    reached /= reached[-1]
    found = []
    for share in QUARTILES:
        at = int(np.searchsorted(reached, share - 1e-12))
        exact = abs(reached[at] - share) < 1e-12 and at + 1 < len(sorted_)
        found.append(float((sorted_[at] + sorted_[at + 1]) / 2 if exact else sorted_[at]))
    return tuple(found)
