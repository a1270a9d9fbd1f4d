"""Counting: how many respondents of each group gave each answer, in each column of a banner. One pass a variable.

Every percentage, net, mean and error of a table comes from these counts; nothing goes over the rows again.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from surveyapp.analysis.columns import Mask
from surveyapp.analysis.dataset import MISSING, Codes

Counts = npt.NDArray[np.int64]
Slots = npt.NDArray[np.int32]

_FEW = 12
"""Up to so many codes in single bytes, comparing with each in turn beats any histogram."""


@dataclass(frozen=True)
class Block:
    """Some columns that share no respondent: `place` is the column of each respondent, -1 for none.

    None means one column with everybody.
    """

    size: int
    place: Slots | None = field(default=None, repr=False)


class Counter:
    """Counts respondents by block of columns, answer and group.

    `groups` gives the group of each respondent (of `size` groups), None for a single one; `rows` leaves the
    others out; `times` says how many respondents a row stands for, if not for one.
    """

    def __init__(
        self,
        blocks: Sequence[Block],
        groups: Slots | None,
        size: int,
        rows: Mask | None,
        times: Counts | None = None,
    ) -> None:
        self.size = size
        self._rows = None if rows is None else np.flatnonzero(rows)
        self._times = times if times is None or self._rows is None else times[self._rows]
        self._blocks = [self._slots(block, groups) for block in blocks]

    def count(self, values: Codes, codes: int) -> Counts:
        """An array of columns × (codes + MISSING) × groups: after the codes no reply, not asked, not in version.

        The columns are those of all blocks, one block after the other.
        """
        if self._rows is not None:
            values = values[self._rows]
        bins = codes + MISSING
        counted = [self._block(values, bins, columns, slots, inside) for columns, slots, inside in self._blocks]
        shifted = np.concatenate(counted)
        return np.concatenate([shifted[:, MISSING:], shifted[:, MISSING - 1 :: -1]], axis=1)

    def _slots(self, block: Block, groups: Slots | None) -> tuple[int, Slots | None, npt.NDArray[np.intp] | None]:
        """Of each respondent in a block, its column and group as one number; and who is in it at all."""
        place = None if block.place is None else self._taken(block.place)
        group = None if groups is None else self._taken(groups)
        inside = None
        if place is not None and len(place) and place.min() < 0:
            inside = np.flatnonzero(place >= 0)
            place, group = place[inside], None if group is None else group[inside]
        if place is None:
            return block.size, group, inside
        return block.size, place if group is None else place * np.int32(self.size) + group, inside

    def _taken(self, array: Slots) -> Slots:
        return array if self._rows is None else array[self._rows]

    def _block(
        self, values: Codes, bins: int, columns: int, slots: Slots | None, inside: npt.NDArray[np.intp] | None
    ) -> Counts:
        """Columns × bins × groups, the bins beginning with the lowest missing."""
        times = self._times
        if inside is not None:
            values, times = values[inside], None if times is None else times[inside]
        if slots is None and times is None:
            return _bins(values, bins).reshape(1, bins, 1)
        key = values + np.int64(MISSING)
        if slots is not None:
            key += slots.astype(np.int64) * bins
        counted = np.bincount(key, times, minlength=columns * self.size * bins).astype(np.int64, copy=False)
        return counted.reshape(columns, self.size, bins).transpose(0, 2, 1)


def _bins(values: Codes, bins: int) -> Counts:
    """How often each value from -MISSING on occurs."""
    if values.dtype.itemsize == 1 and bins <= _FEW:
        return np.array([np.count_nonzero(values == value - MISSING) for value in range(bins)], dtype=np.int64)
    return np.bincount(values + np.int16(MISSING), minlength=bins).astype(np.int64, copy=False)
