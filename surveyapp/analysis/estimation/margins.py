"""Margins: estimates of shares, means, totals and quantiles with their errors, all from counts by group.

Counts have the shape [..., G]: the last axis is the group of the `Design`, the others are whatever the caller has
(rows and columns of a table), all worked at once. With w the weight of a group and u the influence of a respondent
(0 outside the domain), the variance is, over strata h of n_h out of N_h,

    V = Σ_h (1 - n_h/N_h) · n_h/(n_h - 1) · Σ_i (z_i - mean of z in h)²,   z = w u

(Särndal, Swensson & Wretman 1992, 3.7 and 5.5 for linearised estimates; Lumley 2010, 2.2). A stratum that answered
whole adds nothing; one with a single answer is centred on the grand mean, which is 0 for shares and means. With
calibrated weights u is first replaced by its residual from the margins (Deville & Särndal 1992, section 3).

A value is nan only where nobody answered; se and limits also where the population is not known.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import numpy.typing as npt
import scipy

from surveyapp.analysis.estimation.weights import Design, FloatArray

EXACT_UP_TO = 10_000
"""The largest base with exact limits; above it they and Wilson's agree to a hundredth of a point."""

FEW = 10
"""With fewer answers than this on either side, an effective size never goes beyond that of the base."""

_NO_SPREAD = 1e-12
_AT_ONCE = 2_000  # exact limits worked together: a few hundred numbers each


@dataclass(frozen=True)
class Estimates:
    """Estimates and their errors, as arrays of one shape.

    `value` of a share is 0 to 1; `low` and `high` are the confidence limits; `base` counts the respondents that it
    rests on, unweighted; `effective_n` is how many of a simple random sample from an endless population would tell
    as much: infinite where everybody answered (of a number it is the base).
    """

    value: FloatArray
    se: FloatArray
    df: FloatArray
    low: FloatArray
    high: FloatArray
    base: FloatArray
    effective_n: FloatArray

    @property
    def p(self) -> FloatArray:
        """The shares, 0 to 1."""
        return self.value


# ── estimates ────────────────────────────────────────────────────────────────


def proportions(
    design: Design,
    yes: npt.ArrayLike,
    domain: npt.ArrayLike,
    *,
    population: npt.ArrayLike | None = None,
    level: float = 0.95,
) -> Estimates:
    """The share of `yes` among `domain`: counts of respondents [..., G], broadcast against each other.

    `domain` holds those who are in the base (asked, answered, in the column), `yes` those of them with the answer
    or with any answer of a net. `population` is how many units of the population belong to the domain: all if left
    out; the units of a stratum; or `domain_population`.

    Limits are exact hypergeometric ones where the design is plain (one stratum, no weights), else Wilson's (1927)
    on the effective size with t, after Korn & Graubard (1998) and Franco et al. (2019); the size is bounded where
    an answer is rare.
    """
    yes, domain = np.broadcast_arrays(np.asarray(yes, dtype=np.float64), np.asarray(domain, dtype=np.float64))
    p, variance = _ratio(design, yes, domain, yes, yes, domain)
    k, n = np.asarray(yes.sum(-1)), np.asarray(domain.sum(-1))
    units = np.broadcast_to(_units(design, population, n), n.shape)
    variance = np.where(n >= units, 0.0, variance)
    df = degrees_of_freedom(design, domain)
    effective = _effective(design, domain, p, variance, k, n, units)
    low, high = wilson_limits(p, effective, df, level)
    if not design.weighted:
        low, high = np.maximum(low, k / units), np.minimum(high, (units - n + k) / units)
    if design.plain:
        exact = np.flatnonzero((n > 0) & (n <= EXACT_UP_TO) & np.isfinite(units))
        least, most = hypergeometric_limits(k.flat[exact], n.flat[exact], units.flat[exact], level)
        low, high = np.array(low), np.array(high)
        low.flat[exact], high.flat[exact] = least / units.flat[exact], most / units.flat[exact]
    known = np.where(np.isnan(units), np.nan, 0.0)
    low, high = np.minimum(low, p) + known, np.maximum(high, p) + known
    return Estimates(p, np.sqrt(variance) + known, df, low, high, n, effective + known)


def means(
    design: Design,
    n: npt.ArrayLike,
    y: npt.ArrayLike,
    yy: npt.ArrayLike,
    *,
    level: float = 0.95,
) -> Estimates:
    """Mean of a number: `n` who gave one, `y` its sum and `yy` of its squares in each group, unweighted [..., G].

    Limits are infinite where there is no spread to judge by (one answer, or all the same) unless all answered.
    """
    return ratios(design, n, y, n, yy, y, n, level=level)


def ratios(
    design: Design,
    n: npt.ArrayLike,
    y: npt.ArrayLike,
    x: npt.ArrayLike,
    yy: npt.ArrayLike,
    xy: npt.ArrayLike,
    xx: npt.ArrayLike,
    *,
    level: float = 0.95,
) -> Estimates:
    """Ratio of two totals, Σwy / Σwx, from sums of y, x and their products over the `n` who gave both [..., G]."""
    value, variance = _ratio(design, *np.broadcast_arrays(*map(_floats, (y, x, yy, xy, xx))))
    return _numeric(design, _floats(n), value, variance, level)


def totals(
    design: Design, n: npt.ArrayLike, y: npt.ArrayLike, yy: npt.ArrayLike, *, level: float = 0.95
) -> Estimates:
    """Total of a number over the population, of the units that would give one: arguments as for `means`.

    Nothing is put in for those who were asked and gave none. Without a known population it is the plain sum.
    """
    n, y, yy = np.broadcast_arrays(*map(_floats, (n, y, yy)))
    scale = design.population / float(design.sizes @ design.group_weights) if design.known and design.n else 1.0
    value = scale * (y @ design.group_weights)
    return _numeric(design, n, value, variance_of(design, scale * y, scale**2 * yy), level)


def quantiles(
    design: Design,
    values: npt.ArrayLike,
    counts: npt.ArrayLike,
    shares: Sequence[float],
    *,
    level: float = 0.95,
) -> Estimates:
    """Quantiles of a number: `values` [V] ascending, `counts` [V, G] how many in each group gave each.

    A quantile is the smallest value that at least this share of the weight does not exceed. Limits after Woodruff
    (1952): those of the share at the quantile, t times its standard error to either side, read back as values;
    infinite where they leave 0 to 1 or there is no spread to judge by.
    """
    values, counts, wanted = _floats(values), _floats(counts), _floats(shares)
    base = counts.sum(axis=0)
    if not base.sum():
        nothing, zero = np.full(len(wanted), np.nan), np.zeros(len(wanted))
        return Estimates(nothing, nothing, zero, nothing, nothing, zero, nothing)
    up_to = counts.cumsum(axis=0)
    share = (up_to @ design.group_weights) / float(base @ design.group_weights)
    at = np.searchsorted(share, wanted - _NO_SPREAD).clip(max=len(values) - 1)
    below = proportions(design, up_to[at], base, level=level)
    t = _t(below.df, level)
    blind = np.isinf(t) | ((below.se == 0) & np.isfinite(below.effective_n))
    reach = np.where(blind, np.inf, np.where(blind, 0.0, t) * below.se)
    low, high = _read_back(values, share, below.value - reach, below.value + reach)
    known = below.se * 0
    se = np.where(blind, np.inf, (high - low) / np.where(blind, 1.0, 2 * t))
    return Estimates(values[at], se + known, below.df, low + known, high + known, below.base, below.effective_n)


def _read_back(
    values: FloatArray, share: FloatArray, low: FloatArray, high: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """The values at which the cumulated `share` reaches `low` and `high`; infinite outside 0 to 1."""
    at_low = np.searchsorted(share, np.nan_to_num(low) - _NO_SPREAD).clip(max=len(values) - 1)
    at_high = np.searchsorted(share, np.nan_to_num(high) - _NO_SPREAD).clip(max=len(values) - 1)
    return np.where(low < 0, -np.inf, values[at_low]), np.where(high > 1 + _NO_SPREAD, np.inf, values[at_high])


def domain_population(
    design: Design,
    asked: npt.ArrayLike,
    *,
    among: npt.ArrayLike | None = None,
    units: npt.ArrayLike | None = None,
) -> FloatArray:
    """Units of the population that belong to a domain, from the counts [..., G] of those asked (or in the filter).

    Everybody asked gives the whole population, a whole stratum of the design its units; any other domain is
    estimated, Σ N_h n_hd / n_h, rounded up to a whole unit. Item non-response does not make a domain: pass those
    asked, not those who answered. `among` counts the respondents of a part of the frame (a column of a carried
    stratum) and `units` what the frame has there: then the domain is its share of `units`.
    """
    if among is not None and units is not None:
        share = _floats(asked).sum(-1) / np.maximum(_floats(among).sum(-1), 1.0)
        return np.asarray(np.abs(np.ceil(_floats(units) * share - 1e-9)))
    in_strata = _by_stratum(design, _floats(asked))
    units = in_strata @ (design.populations / np.maximum(design.stratum_sizes, 1.0))
    return np.asarray(np.abs(np.ceil(np.asarray(units) - 1e-9)))


# ── limits ───────────────────────────────────────────────────────────────────


def wilson_limits(
    p: npt.ArrayLike, effective_n: npt.ArrayLike, df: npt.ArrayLike, level: float = 0.95
) -> tuple[FloatArray, FloatArray]:
    """Wilson's score limits (1927) for shares `p` on an effective size, with t on `df` in place of the normal.

    With an infinite size both are `p`; with size 0 or without degrees of freedom they are 0 and 1.
    """
    p, n, t = np.broadcast_arrays(_floats(p), _floats(effective_n), _t(_floats(df), level))
    blind = np.isinf(t) | (n <= 0)
    sure = np.isinf(n)
    n, t = np.where(blind | sure, 1.0, n), np.where(blind, 1.0, t)
    centre = (n * p + t**2 / 2) / (n + t**2)
    half = t * np.sqrt(np.maximum(n * p * (1 - p), 0) + t**2 / 4) / (n + t**2)
    low = np.where(sure, p, np.where(blind, 0.0 * p, np.maximum(centre - half, 0.0)))
    high = np.where(sure, p, np.where(blind, 0.0 * p + 1, np.minimum(centre + half, 1.0)))
    return np.where(p == 0, 0.0, low), np.where(p == 1, 1.0, high)


def hypergeometric_limits(
    k: npt.ArrayLike, n: npt.ArrayLike, units: npt.ArrayLike, level: float = 0.95
) -> tuple[FloatArray, FloatArray]:
    """Exact limits for how many of `units` have what `k` of the `n` who answered have, as whole numbers.

    The smallest and the largest K in k … units - n + k under which neither `k` or more, nor `k` or fewer, has a
    probability of (1 - level) / 2 or less (Katz 1953; Wright 1991). Everybody answered: both are k.
    """
    k, n, units = np.broadcast_arrays(_floats(k), _floats(n), _floats(units))
    cases, back = np.unique(np.stack([k, n, units], axis=-1).reshape(-1, 3), axis=0, return_inverse=True)
    least, most = np.empty((2, len(cases)))
    for some in np.array_split(np.arange(len(cases)), len(cases) // _AT_ONCE + 1):
        k1, n1, units1 = np.floor(cases[some].T + 0.5)
        least[some] = _smallest(k1, n1, units1, (1 - level) / 2)
        most[some] = units1 - _smallest(n1 - k1, n1, units1, (1 - level) / 2)
    back = back.reshape(k.shape)
    return least[back], most[back]


def _smallest(k: FloatArray, n: FloatArray, units: FloatArray, tail: float) -> FloatArray:
    """The smallest K with P(X ≥ k) > tail: halving, first around where Wilson's lower limit stands."""
    low, high = k - 1.0, units - n + k
    sure = units <= n
    effective = np.where(sure, np.inf, n * (units - 1) / np.maximum(units - n, 1.0))
    guess = np.floor(wilson_limits(k / n, effective, np.full_like(k, np.inf), 1 - 2 * tail)[0] * units)
    for offset in (-2.0, 3.0):
        low, high = _narrowed(low, high, np.clip(guess + offset, low + 1, high), k, n, units, tail)
    while (high - low > 1).any():
        low, high = _narrowed(low, high, np.floor((low + high) / 2), k, n, units, tail)
    return high


def _narrowed(
    low: FloatArray,
    high: FloatArray,
    at: FloatArray,
    k: FloatArray,
    n: FloatArray,
    units: FloatArray,
    tail: float,
) -> tuple[FloatArray, FloatArray]:
    """`low` is never enough, `high` always is; `at` lies between and becomes one of them."""
    at = np.maximum(at, k)
    enough = at_least(k, n, units, at) > tail * (1 + 1e-9)  # a probability of just `tail` is not enough
    open_ = high - low > 1
    return np.where(open_ & ~enough, at, low), np.where(open_ & enough, at, high)


def at_least(k: FloatArray, n: FloatArray, units: FloatArray, having: FloatArray) -> FloatArray:
    """P(X ≥ k) when `n` of `units` are drawn and `having` have it: the hypergeometric upper tail. Arrays [C].

    Summed from `k` away from the mean over ten standard deviations, beyond which nothing is left, for all cases at
    once; scipy's takes up to a millisecond each.
    """
    least, most = np.maximum(0.0, n + having - units), np.minimum(n, having)
    up = k > n * having / units
    start = np.clip(np.where(up, k, k - 1), least, most)
    first = np.exp(_log_choose(having, start) + _log_choose(units - having, n - start) - _log_choose(units, n))
    spread = np.sqrt(n * having * (units - having) * (units - n) / units**3)
    steps = np.arange(np.ceil(10 * spread.max(initial=0.0)) + 40)
    x = start[:, None] + np.where(up[:, None], steps, -steps)
    n, units, having, up = n[:, None], units[:, None], having[:, None], up[:, None]
    into = np.where(up, (having - x) * (n - x), x * (units - having - n + x))
    out_of = np.where(up, (x + 1) * (units - having - n + x + 1), (having - x + 1) * (n - x + 1))
    ratios_on = np.cumprod(np.maximum(into, 0.0) / np.maximum(out_of, 1.0), axis=1)
    total = first * (1 + ratios_on.sum(axis=1))
    tail = np.where(up[:, 0], total, 1 - total)
    return cast(FloatArray, np.where(k <= least, 1.0, np.where(k > most, 0.0, tail)))


def _log_choose(n: FloatArray, k: FloatArray) -> FloatArray:
    return cast(
        FloatArray, scipy.special.gammaln(n + 1) - scipy.special.gammaln(k + 1) - scipy.special.gammaln(n - k + 1)
    )


def bounds(k: npt.ArrayLike, n: npt.ArrayLike, units: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
    """What the count proves about the share in the population, whoever the silent are (Manski 1989).

    With 29 of 61 answers (48%) out of 142: 20% if none of the silent has it, 77% if all have.
    """
    k, n, units = np.broadcast_arrays(_floats(k), _floats(n), _floats(units))
    return k / units, (units - n + k) / units


def largest_margin(n: float, units: float, level: float = 0.95) -> float:
    """The margin to quote for a survey: half the width of the interval at 50%, as a share (Cochran 1977, 3.3).

    61 of 142 give 0.095; a calculation that forgets the population gives 0.125.
    """
    if n >= units:
        return 0.0
    if n < 1:
        return 1.0
    return float(scipy.special.ndtri((1 + level) / 2) * np.sqrt(0.25 / n * (units - n) / (units - 1)))


@dataclass(frozen=True)
class Change:
    """Later less earlier, with limits; `differs` where the limits leave out no change."""

    value: FloatArray
    se: FloatArray
    low: FloatArray
    high: FloatArray
    differs: npt.NDArray[np.bool_]


def difference(earlier: Estimates, later: Estimates) -> Change:
    """The change between two independent cross-sections, each with its own design and population.

    Limits are put together from the limits of both (Newcombe 1998, method 10; Zou & Donner 2008), so they hold at
    0 and 100% and are the change itself where both were censuses. Waves that mostly the same organisations
    answered are not independent: then the limits are too wide.
    """
    value = later.value - earlier.value
    low = value - np.hypot(later.value - later.low, earlier.high - earlier.value)
    high = value + np.hypot(later.high - later.value, earlier.value - earlier.low)
    return Change(value, np.hypot(earlier.se, later.se), low, high, (low > 0) | (high < 0))


# ── variance ─────────────────────────────────────────────────────────────────


def variance_of(design: Design, s1: FloatArray, s2: FloatArray, *, finite: bool = True) -> FloatArray:
    """The variance of Σ w u, from Σ u and Σ u² in each group [..., G]. `finite` takes the population into account.

    Without a known population there is no finite correction.
    """
    n, w = design.sizes, design.group_weights
    fitted = fitted_values(design, s1)
    z = _by_stratum(design, w * (s1 - n * fitted))
    zz = _by_stratum(design, w**2 * (s2 - 2 * fitted * s1 + n * fitted**2))
    return _within_strata(design, zz, z, z, finite)


def covariance_of(design: Design, s1: FloatArray, s2: FloatArray, *, finite: bool = True) -> FloatArray:
    """The covariances of Σ w u_a and Σ w u_b, from Σ u_a [..., A, G] and Σ u_a u_b [..., A, A, G]: [..., A, A]."""
    n, w = design.sizes, design.group_weights
    fitted = fitted_values(design, s1)
    z = _by_stratum(design, w * (s1 - n * fitted))
    f_a, f_b = fitted[..., :, None, :], fitted[..., None, :, :]
    s_a, s_b = s1[..., :, None, :], s1[..., None, :, :]
    products = _by_stratum(design, w**2 * (s2 - f_a * s_b - f_b * s_a + n * f_a * f_b))
    return _within_strata(design, products, z[..., :, None, :], z[..., None, :, :], finite)


def _within_strata(
    design: Design, products: FloatArray, z_a: FloatArray, z_b: FloatArray, finite: bool
) -> FloatArray:
    """Σ_h (1 - f_h) n_h/(n_h - 1) (Σ z_a z_b - Σ z_a Σ z_b / n_h); a single answer keeps its square."""
    n = design.stratum_sizes
    left_out = np.ones_like(n)
    if finite and design.known:
        left_out = np.maximum(1 - n / np.maximum(design.populations, 1e-300), 0.0)
    several = n > 1
    spread = products - np.where(several, z_a * z_b / np.maximum(n, 1.0), 0.0)
    factor = left_out * np.where(several, n / np.maximum(n - 1, 1.0), 1.0)
    return np.asarray(spread @ factor)


def fitted_values(design: Design, s1: FloatArray) -> FloatArray:
    """Of each group, what the calibration margins explain of u: weighted least squares on their dummies.

    The regressors are constant in a group, so the sums of u by group are enough; the weights are the base weights.
    """
    if not design.margins:
        return np.zeros_like(s1)
    basis = design.basis
    return np.asarray(((s1 * design.group_base) @ basis) @ basis.T)


def degrees_of_freedom(design: Design, domain: npt.ArrayLike) -> FloatArray:
    """Respondents in the domain less the strata they are in; `domain` counts them by group [..., G]."""
    in_strata = _by_stratum(design, _floats(domain))
    return np.asarray(in_strata.sum(-1) - (in_strata > 0).sum(-1), dtype=np.float64)


def _by_stratum(design: Design, x: FloatArray) -> FloatArray:
    """Sums over the groups of each stratum: [..., G] becomes [..., H]."""
    if len(design.strata) == 1:
        return cast(FloatArray, x.sum(-1, keepdims=True))
    if len(design.strata) == design.groups and np.array_equal(design.stratum, np.arange(design.groups)):
        return x
    return np.asarray(x @ (design.stratum[:, None] == np.arange(len(design.strata))))


def _ratio(
    design: Design, y: FloatArray, x: FloatArray, yy: FloatArray, xy: FloatArray, xx: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Σwy / Σwx with its variance; u = (y - r x) / Σwx."""
    whole = np.asarray(x @ design.group_weights)
    with np.errstate(divide="ignore", invalid="ignore"):
        r = np.asarray(y @ design.group_weights) / np.where(whole == 0, np.nan, whole)
    r1, whole1 = r[..., None], np.where(whole == 0, np.nan, whole)[..., None]
    s1 = (y - r1 * x) / whole1
    s2 = (yy - 2 * r1 * xy + r1**2 * xx) / whole1**2
    return r, np.maximum(variance_of(design, s1, s2), 0.0)


def _units(design: Design, population: npt.ArrayLike | None, n: FloatArray) -> FloatArray:
    """Units in each domain, whole, and never fewer than answered; nan where not known."""
    units = _floats(design.population if population is None else population)
    return cast(
        FloatArray, np.where(np.isnan(units), np.nan, np.maximum(np.ceil(units - 1e-9), np.maximum(n, 1.0)))
    )


def _effective(
    design: Design,
    domain: FloatArray,
    p: FloatArray,
    variance: FloatArray,
    k: FloatArray,
    n: FloatArray,
    units: FloatArray,
) -> FloatArray:
    """p(1 - p)/V; where few gave the answer, or few did not, at most (n - 1)/(1 - f) over Kish's design effect.

    A variance estimated from a handful of answers is often far too small (they may all be in the stratum that
    answered best); without this bound the interval of a rare answer covered in as few as 22 of 100 samples.
    """
    w = design.group_weights
    heard = np.maximum(n, 1.0)
    kish = np.where(n > 0, heard * (domain @ w**2) / np.maximum(domain @ w, 1e-100) ** 2, 1.0)
    silent = np.maximum(1 - n / np.where(np.isnan(units), np.inf, np.maximum(units, 1.0)), 0.0)
    most = p * (1 - p)
    flat = (k == 0) | (k == n) | (variance <= _NO_SPREAD * most)
    with np.errstate(divide="ignore", invalid="ignore"):
        plain = np.where(silent > 0, (n - 1).clip(0) / silent / kish, np.inf)
        effective = np.where(flat, plain, most / variance)
    effective = np.where(np.minimum(k, n - k) < FEW, np.minimum(effective, plain), effective)
    return np.where(n >= units, np.inf, effective)


def _numeric(design: Design, n: FloatArray, value: FloatArray, variance: FloatArray, level: float) -> Estimates:
    """Estimates of a number with t limits."""
    base = np.broadcast_to(n.sum(-1), value.shape)
    df = np.broadcast_to(degrees_of_freedom(design, n), value.shape)
    value = np.where(base > 0, value, np.nan)
    silent = design.populations > design.stratum_sizes
    all_in = ~np.asarray(((_by_stratum(design, n) > 0) & silent).any(-1))
    se = np.sqrt(np.where(all_in, 0.0, np.maximum(variance, 0.0)))
    unknown = np.where(np.isnan(value) | (not design.known), np.nan, 0.0)
    blind = ~all_in & ((se <= _NO_SPREAD * np.abs(value)) | (df < 1))
    reach = np.where(blind, np.inf, np.where(df < 1, 0.0, _t(np.maximum(df, 1.0), level)) * se)
    size = np.where(all_in, np.inf, base) + unknown
    return Estimates(value, se + unknown, df, value - reach + unknown, value + reach + unknown, base, size)


def _t(df: FloatArray, level: float) -> FloatArray:
    """Student's t for a two-sided interval; infinite without degrees of freedom, normal with endless ones."""
    q = (1 + level) / 2
    t = scipy.special.stdtrit(np.where((df >= 1) & np.isfinite(df), df, 1.0), q)
    return cast(FloatArray, np.where(df < 1, np.inf, np.where(np.isinf(df), scipy.special.ndtri(q), t)))


def _floats(x: npt.ArrayLike) -> FloatArray:
    return np.asarray(x, dtype=np.float64)
