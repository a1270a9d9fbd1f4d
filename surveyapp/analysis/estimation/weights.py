"""Weights: how the respondents stand for the population.

Every weight is constant within a *group*: the crossed cell of design stratum and calibration margins. All figures
and their errors therefore come from counts by group (`margins`, `significance`); no formula passes over the rows
again, and the order of rows cannot change a digit. Sources: Särndal, Swensson & Wretman (1992) for strata, Holt &
Smith (1979) for post-stratification, Deville & Särndal (1992) for raking, Kish (1965) for the design effect.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal, cast

import numpy as np
import numpy.typing as npt

from surveyapp.frames import taken_apart
from surveyapp.problems import Problem, Refused, SurveyError

Method = Literal["none", "stratify", "poststratify", "rake"]
FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.integer[Any]]
Groups = npt.NDArray[np.int32]

SMALLEST_TARGET = 5
"""A calibration cell or margin with fewer respondents is refused: its weight would be chance."""

CLOSE_ENOUGH = 1e-12
MOST_ROUNDS = 5_000

BLANKED = "not shown"
"""The level of respondents whose cell was blanked at the release."""


@dataclass(frozen=True)
class Design:
    """How the respondents stand for the population.

    `group` gives the group of each of n respondents, or of each of the cells that they are in; `sizes`,
    `group_weights`, `group_base` (before calibration) and `stratum` are of each of G groups. `populations` holds
    the units of each stratum, nan where none is known. `margins` holds, for each calibration margin, the level of
    each group; () if not calibrated. `notes` must be printed beside the figures; how far the weights go is not
    among them, as it may tell how few answered in a group. `names` and `units` of the frame are of each group,
    where it stands for a cell.
    """

    method: Method
    variables: tuple[str, ...]
    group: Groups = field(repr=False)
    sizes: FloatArray
    group_weights: FloatArray
    group_base: FloatArray
    stratum: IntArray
    strata: tuple[str, ...]
    populations: FloatArray
    margins: tuple[IntArray, ...] = ()
    notes: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    units: FloatArray | None = None
    cells: Sequence[str] = field(default=(), repr=False)

    def groups_of(self, cells: Sequence[str]) -> Groups:
        """The group of those in each of these cells of the frame; any group for a cell that nobody is in."""
        return np.array([self._of_cell.get(cell, 0) for cell in cells], dtype=np.int32)

    @cached_property
    def _of_cell(self) -> Mapping[str, int]:
        return dict(zip(self.cells, self.group.tolist(), strict=True))

    @property
    def n(self) -> int:
        """Respondents."""
        return round(float(self.sizes.sum()))

    @property
    def groups(self) -> int:
        """Groups, G: the length of the last axis of every count handed in."""
        return len(self.sizes)

    @property
    def weights(self) -> FloatArray:
        """The final weight of each respondent: ones if unweighted, else they add up to the population."""
        return self.group_weights[self.group]

    @property
    def relative(self) -> FloatArray:
        """The weight of each group with the mean over respondents 1: weighted bases are printed in these."""
        return self.group_weights * self.n / max(_total(self), 1e-300)

    @property
    def population(self) -> float:
        """Units in all strata; nan if not known."""
        return float(self.populations.sum())

    @property
    def known(self) -> bool:
        """Whether the population is known; without it there is no margin."""
        return bool(np.isfinite(self.populations).all())

    @property
    def weighted(self) -> bool:
        """Whether some respondents count more than others."""
        return bool(np.ptp(self.group_weights) > 0) if self.groups else False

    @property
    def plain(self) -> bool:
        """One stratum, equal weights, no calibration: the hypergeometric distribution holds exactly."""
        return len(self.strata) == 1 and not self.margins and not self.weighted

    @cached_property
    def stratum_sizes(self) -> FloatArray:
        """Respondents in each stratum."""
        return np.bincount(self.stratum, self.sizes, minlength=len(self.strata)).astype(np.float64)

    @cached_property
    def basis(self) -> FloatArray:
        """What projects on the calibration margins: A with A Aᵀ (base u) the fitted values by group. [G, rank]."""
        if not self.margins:
            return np.zeros((self.groups, 0))
        dummies = np.hstack([level[:, None] == np.unique(level) for level in self.margins]).astype(np.float64)
        root = np.sqrt(self.group_base * self.sizes)[:, None]
        left, singular, _ = np.linalg.svd(root * dummies, full_matrices=False)
        return np.asarray(left[:, singular > 1e-9 * singular.max()] / root)

    @property
    def deff(self) -> float:
        """Kish's design effect of weighting: n Σw² / (Σw)² (Kish 1965, section 11.7)."""
        squares = float(self.sizes @ self.group_weights**2)
        return self.n * squares / _total(self) ** 2 if self.n else 1.0

    @property
    def effective_n(self) -> float:
        """Respondents of equal weight that would carry as much: n / deff."""
        return self.n / self.deff

    def counts(self, chosen: npt.NDArray[np.bool_]) -> IntArray:
        """How many of the respondents marked in `chosen` are in each group. Shape [G]."""
        return np.bincount(self.group[chosen], minlength=self.groups)

    def counts_of(self, codes: npt.NDArray[np.signedinteger], of: int) -> IntArray:
        """How many in each group have each code 0 … `of` - 1; negative codes are passed over. Shape [of, G]."""
        given = codes >= 0
        bins = np.bincount(
            self.group[given] + self.groups * codes[given].astype(np.int64), minlength=of * self.groups
        )
        return bins.reshape(of, self.groups)

    def weighted_n(self, counts: npt.ArrayLike) -> FloatArray:
        """The weighted number for counts [..., G], in relative weights: all respondents together give n."""
        return np.asarray(np.asarray(counts, dtype=np.float64) @ self.relative, dtype=np.float64)


def _total(design: Design) -> float:
    return float(design.sizes @ design.group_weights)


def weigh(
    cells: Sequence[str],
    populations: Mapping[str, int] | None,
    carry: Sequence[str] = (),
    method: Method = "none",
    variables: Sequence[str] = (),
    *,
    population: int | None = None,
    trim: tuple[float, float] | None = None,
    times: Sequence[int] | None = None,
) -> Design:
    """The design of a wave's respondents, whose frame cells are `cells`; of each cell `times` of them, else one.

    `populations` gives the units of the frame in each cell as storage writes it (levels of `carry` joined by
    " / "), None for an open wave; `population` is what a plan states in its place. `variables` are those of
    `carry` to weigh by, all of them if left out: crossed for stratify and poststratify, one margin each for rake.
    With method "none" they only make strata of the answers; without any there is one stratum, the default.
    `trim` caps weights between two multiples of the mean weight, as (0.3, 3).

    Respondents whose cell was blanked stand together for the cells that nobody else is seen in, or, when there are
    none, count with the average weight; a note says so. Raises `Refused` for targets without (enough) respondents.
    """
    if method == "none" and not variables:
        n = len(cells) if times is None else sum(times)
        return replace(_unweighted(n, _stated(populations, population), len(cells)), cells=cells)
    if not populations:
        raise SurveyError(
            "The population of an open wave is not known, so its answers cannot be weighted. Use no weighting."
        )
    if not cells:
        raise SurveyError("There are no answers to weight.")
    chosen = tuple(variables) or tuple(carry)
    _check_variables(chosen, carry)
    crossing = _crossing(cells, times, populations, carry, chosen, apart=method == "rake")
    design = _METHODS[method](crossing)
    if trim is not None and method != "none":
        design = _trimmed(design, *trim)
    return replace(design, notes=(*crossing.notes, *design.notes), cells=cells)


def _check_variables(variables: Sequence[str], carry: Sequence[str]) -> None:
    if not variables:
        what = "nothing of the frame goes with the answers of this wave"
        raise Refused([Problem("weighting", what, "use no weighting, and carry a stratum in the next wave")])
    do = f"weight by {', '.join(carry)}" if carry else "use no weighting"
    problems = [
        Problem("weighting", f"“{name}” does not go with the answers of this wave", do)
        for name in variables
        if name not in carry
    ]
    _refuse(problems)


def _stated(populations: Mapping[str, int] | None, population: int | None) -> float:
    if population is not None:
        return float(population)
    return float(sum(populations.values())) if populations else np.nan


def _unweighted(n: int, population: float, cells: int) -> Design:
    notes: tuple[str, ...] = ()
    if n > population:
        notes = (_too_many(n, population),)
        population = np.nan
    elif np.isnan(population):
        notes = ("The population is not known, so there are no weights and no margins of error.",)
    return Design(
        method="none",
        variables=(),
        group=np.zeros(cells, dtype=np.int32),
        sizes=np.array([float(n)]),
        group_weights=np.ones(1),
        group_base=np.ones(1),
        stratum=np.zeros(1, dtype=np.int64),
        strata=("",),
        populations=np.array([population]),
        notes=notes,
    )


def _too_many(n: int, units: float) -> str:
    return f"There are {n:,} answers and {units:,.0f} units in the frame, so no margin of error can be given."


# ── the frame's cells, crossed by the chosen variables ───────────────────────


@dataclass(frozen=True)
class _Crossing:
    """Respondents and units in the cells of the chosen variables; `levels[c]` are the levels of cell c.

    One more cell holds those whose cell was blanked, if there are any; `averaged` says that they were given the
    average weight, so that their number does not matter.
    """

    variables: tuple[str, ...]
    cell: Groups
    levels: tuple[tuple[str, ...], ...]
    sizes: FloatArray
    units: FloatArray
    notes: tuple[str, ...] = ()
    averaged: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(BLANKED if BLANKED in levels else " / ".join(levels) for levels in self.levels)

    def only(self, keep: IntArray) -> "_Crossing":
        """Without the other cells, in which nobody is."""
        place = np.full(len(self.levels), -1, dtype=np.int32)
        place[keep] = np.arange(len(keep), dtype=np.int32)
        levels = tuple(self.levels[i] for i in keep)
        return replace(self, cell=place[self.cell], levels=levels, sizes=self.sizes[keep], units=self.units[keep])


def _crossing(
    cells: Sequence[str],
    times: Sequence[int] | None,
    populations: Mapping[str, int],
    carry: Sequence[str],
    variables: tuple[str, ...],
    apart: bool,
) -> _Crossing:
    """`apart` asks for the level of each variable; otherwise the cell's text may stand for all of `carry`."""
    by_cell = {cell: _levels(cell, carry, variables, apart) for cell in populations}
    place = {levels: i for i, levels in enumerate(dict.fromkeys(by_cell.values()))}
    number = {cell: place[levels] for cell, levels in by_cell.items()}
    blank = len(place)
    cell = np.fromiter((number.get(c, blank) for c in cells), dtype=np.int32, count=len(cells))
    sizes = np.bincount(cell, times, minlength=blank + 1).astype(np.float64)
    units = np.zeros(blank + 1)
    for name, size in populations.items():
        units[number[name]] += size
    levels = tuple(place)
    notes: tuple[str, ...] = ()
    averaged = False
    if sizes[blank]:
        missed = _missed(levels, sizes[:-1], apart)
        averaged = bool(units[:-1][missed].sum() < sizes[blank])
        notes = (_average_blanked(units, sizes) if averaged else _pool_blanked(units, sizes, missed),)
    levels = (*levels, (BLANKED,) * len(levels[0]))
    crossing = _Crossing(variables, cell, levels, sizes, units, notes, averaged)
    return crossing.only(np.flatnonzero((units > 0) | (sizes > 0)))


def _levels(cell: str, carry: Sequence[str], variables: Sequence[str], apart: bool) -> tuple[str, ...]:
    if not apart and tuple(variables) == tuple(carry):
        return (cell,)
    parts = taken_apart(cell, len(carry))
    if parts is None:
        what = f"“{cell}” cannot be taken apart into {', '.join(carry)}"
        do = "leave “ / ” out of the names in the frame, or weight by all of them crossed"
        raise Refused([Problem("weighting", what, do)])
    return tuple(parts[list(carry).index(name)] for name in variables)


def _missed(levels: Sequence[tuple[str, ...]], sizes: FloatArray, apart: bool) -> npt.NDArray[np.bool_]:
    """The cells that nobody is seen in, as far as the method needs somebody there.

    Raking needs a respondent at every level of a margin, not in every crossed cell.
    """
    if not apart:
        return np.equal(sizes, 0)
    seen = [{of[m] for of, n in zip(levels, sizes, strict=True) if n} for m in range(len(levels[0]))]
    return np.array([any(level not in seen[m] for m, level in enumerate(of)) for of in levels])


def _pool_blanked(units: FloatArray, sizes: FloatArray, missed: npt.NDArray[np.bool_]) -> str:
    """The blanked, last in both arrays, stand for the cells that nobody else is seen in. Changes `units`."""
    units[-1] = units[:-1][missed].sum()
    units[:-1][missed] = 0
    whole = f"{units[-1]:,.0f} units"
    return f"{_left_out(sizes[-1])} stand for the {whole} of the cells that no other answer is seen in."


def _average_blanked(units: FloatArray, sizes: FloatArray) -> str:
    """The blanked, last in both arrays, take their part of the units from all cells. Changes `units`."""
    part = sizes[-1] / sizes.sum()
    units[-1] = units[:-1].sum() * part
    units[:-1] *= 1 - part
    return f"{_left_out(sizes[-1])} count with the average weight."


def _left_out(n: float) -> str:
    answers = "The cell of one answer was" if n == 1 else f"The cells of {n:,.0f} answers were"
    return f"{answers} left out at the release, for protection; such answers"


# ── the methods ──────────────────────────────────────────────────────────────


def _strata(crossing: _Crossing) -> Design:
    """The answers as they are, with equal weights; errors within strata."""
    return _stratified("none", crossing, np.ones(len(crossing.levels)))


def _stratify(crossing: _Crossing) -> Design:
    """N_h / n_h: the answers of a stratum as a simple random sample of that stratum (Särndal et al. 1992, 3.7)."""
    with np.errstate(divide="ignore"):
        return _stratified("stratify", crossing, crossing.units / crossing.sizes)


def _stratified(method: Method, crossing: _Crossing, weights: FloatArray) -> Design:
    _refuse([*_empty(crossing.names, crossing.sizes), *_overfull(crossing)])
    return Design(
        method=method,
        variables=crossing.variables,
        group=crossing.cell,
        sizes=crossing.sizes,
        group_weights=weights,
        group_base=weights,
        stratum=np.arange(len(weights)),
        strata=crossing.names,
        populations=crossing.units,
        notes=_lonely_notes(crossing),
        names=crossing.names,
        units=crossing.units,
    )


def _poststratify(crossing: _Crossing) -> Design:
    """Weighted to the units of each crossed cell, errors of a sample without strata (Holt & Smith 1979)."""
    _refuse(_unfit(crossing, crossing.names, crossing.sizes))
    margin = np.arange(len(crossing.levels))
    return _calibrated("poststratify", crossing, crossing.units / crossing.sizes, (margin,), crossing.units.sum())


def _rake(crossing: _Crossing) -> Design:
    """Weighted to the units of each margin in turn until all fit (Deville & Särndal 1992: raking ratio)."""
    margins, targets, problems = [], [], []
    for m, variable in enumerate(crossing.variables):
        names = list(dict.fromkeys(levels[m] for levels in crossing.levels))
        level = np.array([names.index(levels[m]) for levels in crossing.levels])
        sizes = np.bincount(level, crossing.sizes).astype(np.float64)
        problems += _unfit(crossing, names, sizes, variable)
        margins.append(level)
        targets.append(np.bincount(level, crossing.units).astype(np.float64))
    _refuse(problems)
    inhabited = np.flatnonzero(crossing.sizes)
    margins = [level[inhabited] for level in margins]
    units = float(crossing.units.sum())
    crossing = crossing.only(inhabited)
    weights = raked(np.ones(len(inhabited)), crossing.sizes, margins, targets)
    return _calibrated("rake", crossing, weights, tuple(margins), units)


def raked(
    base: FloatArray, sizes: FloatArray, margins: Sequence[IntArray], targets: Sequence[FloatArray]
) -> FloatArray:
    """The weight of each group: `base` times a factor for each margin, until every |ratio - 1| is under 1e-12.

    Iterative proportional fitting (Deming & Stephan 1940). Raises `SurveyError` if the margins cannot all be met.
    """
    weights = base.copy()
    for _ in range(MOST_ROUNDS):
        worst = 0.0
        for level, target in zip(margins, targets, strict=True):
            ratio = target / np.bincount(level, weights * sizes, minlength=len(target))
            worst = max(worst, float(np.abs(ratio - 1).max()))
            weights = weights * ratio[level]
        if worst < CLOSE_ENOUGH:
            return weights
    raise SurveyError(
        "The answers cannot be weighted to all these margins at once. "
        "Rake by fewer variables, or merge levels of them."
    )


def _calibrated(
    method: Method, crossing: _Crossing, weights: FloatArray, margins: tuple[IntArray, ...], units: float
) -> Design:
    n = crossing.sizes.sum()
    if n > units:
        raise SurveyError(_too_many(int(n), units))
    return Design(
        method=method,
        variables=crossing.variables,
        group=crossing.cell,
        sizes=crossing.sizes,
        group_weights=weights,
        group_base=np.full(len(weights), units / n),
        stratum=np.zeros(len(weights), dtype=np.int64),
        strata=("",),
        populations=np.array([units]),
        margins=margins,
        names=crossing.names,
        units=crossing.units,
    )


_METHODS: Mapping[str, Callable[[_Crossing], Design]] = {
    "none": _strata,
    "stratify": _stratify,
    "poststratify": _poststratify,
    "rake": _rake,
}


# ── what is refused, and what must be said ───────────────────────────────────


def _refuse(problems: Sequence[Problem]) -> None:
    if problems:
        raise Refused(problems)


def _empty(names: Sequence[str], sizes: FloatArray, of: str = "") -> list[Problem]:
    what = "the frame has units there, but nobody has answered"
    do = "merge it with a neighbour, or weight by other variables"
    return [Problem(f"{of} “{name}”".strip(), what, do) for name, n in zip(names, sizes, strict=True) if n == 0]


def _unfit(crossing: _Crossing, names: Sequence[str], sizes: FloatArray, of: str = "") -> list[Problem]:
    """Targets that nobody, or hardly anybody, would stand for; `of` is their variable."""
    merge = f"merge it with a neighbour to reach {SMALLEST_TARGET}, or weight by other variables"
    other = "weight by other variables, or use no weighting"
    small = [
        (name, int(n))
        for name, n in zip(names, sizes, strict=True)
        if 0 < n < SMALLEST_TARGET and not (name == BLANKED and crossing.averaged)
    ]
    return _empty(names, sizes, of) + [
        Problem(
            f"{of} “{name}”".strip(),
            "only one answer is there" if n == 1 else f"only {n} answers are there",
            other if name == BLANKED else merge,
        )
        for name, n in small
    ]


def _overfull(crossing: _Crossing) -> list[Problem]:
    do = "count organisations, or use no weighting"
    return [
        Problem(
            f"“{name}”",
            f"there are {n:,.0f} answers and {units:,.0f} units in the frame",
            do,
        )
        for name, n, units in zip(crossing.names, crossing.sizes, crossing.units, strict=True)
        if n > units + 1e-9
    ]


def _lonely_notes(crossing: _Crossing) -> tuple[str, ...]:
    lonely = int(((crossing.sizes == 1) & (crossing.units > 1)).sum())
    if not lonely:
        return ()
    if lonely == 1:
        return ("One stratum has a single answer; its spread is taken around the mean of all answers.",)
    return (f"{lonely} strata have a single answer; their spread is taken around the mean of all answers.",)


def _trimmed(design: Design, least: float, most: float) -> Design:
    """Weights capped between two multiples of their mean, those between scaled so that the mean stays.

    The scale c solves Σ clip(c w, least, most) = n, which is monotone in c.
    """
    if not 0 <= least < 1 < most:
        raise SurveyError("Weights are capped between a share under 1 and a multiple over 1, as 0.3 and 3.")
    relative = design.relative
    if least <= relative.min() and relative.max() <= most:
        return design

    def excess(scale: float) -> float:
        return float(design.sizes @ np.clip(scale * relative, least, most)) - design.n

    ceiling = most / float(relative.min())
    from scipy.optimize import brentq  # a second of imports that few need

    scale = cast(float, brentq(excess, 0.0, ceiling, xtol=1e-15))
    capped = np.clip(scale * relative, least, most) * _total(design) / design.n
    touched = float(design.sizes @ ((scale * relative < least) | (scale * relative > most)))
    note = (
        f"Weights were capped at {least} and {most} times the average, which holds back those of {touched:,.0f} "
        "answers; the weighted answers no longer meet the frame exactly."
    )
    return replace(design, group_weights=capped, notes=(*design.notes, note))
