"""What a reader can work out: the smallest and the largest value that a hidden figure can have.

The reader knows every printed figure, the sums between figures (see `linking`), and that nobody is counted less
than nought times. Linear programs find the limits; that counts are whole numbers is left out, which the reader
could use, so limits are taken to the whole numbers inside them.
"""

from dataclasses import dataclass
from math import ceil, floor
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from surveyapp.analysis.disclosure.linking import System

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Floats = npt.NDArray[np.float64]

SLACK = 1e-6
"""How far the arithmetic of a linear program may be off."""

SECONDS = 2.0
"""A linear program that takes longer has failed."""


class Contradiction(Exception):
    """The figures do not fit the equations, or a limit could not be found."""


@dataclass(frozen=True)
class Limit:
    """One limit of one figure: its value, a table that has it, and what it gains from wider bounds of each."""

    value: float
    table: Floats
    from_low: Floats
    from_high: Floats


class Attacker:
    """Looks for the limits of figures, each of them within `low` and `high`."""

    def __init__(self, system: System) -> None:
        self.size = system.size
        self._sums = _matrix(system)
        self._totals = np.array([equation.total for equation in system.equations])

    def limit(self, place: int, largest: bool, low: Floats, high: Floats) -> Limit:
        """The smallest or largest value of the figure at `place`. Raises `Contradiction`."""
        aim = np.zeros(self.size)
        aim[place] = -1.0 if largest else 1.0
        found = self._solved(aim, low, high)
        value = -found.fun if largest else found.fun
        return Limit(value, found.x, found.lower.marginals, found.upper.marginals)

    def table(self, aim: Floats, low: Floats, high: Floats) -> Floats:
        """A table that a reader must take for possible: the one that makes `aim` of it least."""
        table: Floats = self._solved(aim, low, high).x
        return table

    def _solved(self, aim: Floats, low: Floats, high: Floats) -> Any:
        from scipy.optimize import linprog

        sums = {"A_eq": self._sums, "b_eq": self._totals} if len(self._totals) else {}
        found: Any = linprog(
            aim, **sums, bounds=np.column_stack([low, high]), method="highs", options={"time_limit": SECONDS}
        )
        if found.status != 0:
            raise Contradiction(found.message)
        return found


def interval(attacker: Attacker, place: int, low: Floats, high: Floats) -> tuple[int, int]:
    """The smallest and largest whole number that a figure can be. Raises `Contradiction`."""
    least = attacker.limit(place, False, low, high).value
    most = attacker.limit(place, True, low, high).value
    return ceil(least - SLACK), floor(most + SLACK)


def _matrix(system: System) -> "csr_array":
    from scipy.sparse import csr_array

    lines = [(i, place, factor) for i, e in enumerate(system.equations) for place, factor in e.terms]
    rows, columns, factors = ([entry[k] for entry in lines] for k in range(3))
    return csr_array((factors, (rows, columns)), shape=(len(system.equations), system.size))
