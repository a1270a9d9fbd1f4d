"""Differences between the columns of a table: which are more than chance, cell by cell and for a whole table.

Everything comes from counts by group, [..., G] as in `margins`. The covariance of influence vectors takes weights,
strata and calibration into account, and respondents who are in two columns at once (a banner of multiple choice).
By default the answers are taken as drawn from an endless population: a difference between regions is asked about
as a difference in what produces the answers, not between the named organisations (Cochran 1977, 2.14).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy  # its functions are loaded when they are first asked for, which takes a third of a second

from surveyapp.analysis.estimation.margins import covariance_of, degrees_of_freedom
from surveyapp.analysis.estimation.weights import Design, FloatArray

LEAST_BASE = 30
"""Columns with a smaller base are not compared."""

Booleans = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class ColumnTests:
    """Pairwise tests of the columns in each row.

    `p_values` [R, C, C] are adjusted by Holm's procedure within the row, nan for pairs that were not tested;
    `higher` [R, C, C] says that column c is higher than column d; `letters` [R][C] names the columns that a cell
    is higher than, by the letters of `column_letters`.
    """

    p_values: FloatArray
    higher: Booleans
    letters: tuple[tuple[str, ...], ...]


def column_tests(
    design: Design,
    yes: npt.ArrayLike,
    domain: npt.ArrayLike,
    *,
    both: npt.ArrayLike | None = None,
    yes_both: npt.ArrayLike | None = None,
    skip: npt.ArrayLike | None = None,
    level: float = 0.95,
    least_base: int = LEAST_BASE,
    finite: bool = False,
) -> ColumnTests:
    """Tests of every pair of columns in every row: `yes` [R, C, G] of `domain` [R, C, G] or [C, G] respondents.

    Where a respondent can be in two columns, the caller gives the joint counts: `both` [C, C, G] or [R, C, C, G],
    the respondents in the bases of both columns, and `yes_both` [R, C, C, G], those of them with the answer; their
    diagonals are not read. Without them the columns exclude each other. `skip` [C, C] marks pairs not to be
    compared: a net and its own parts, the total and anything.

    Not tested: bases under `least_base` (unweighted), and pairs that are both 0% or both 100%. The rest of a row
    is one family for Holm (1979).
    """
    yes, domain = np.broadcast_arrays(np.asarray(yes, dtype=np.float64), np.asarray(domain, dtype=np.float64))
    p, s1, s2 = _influences(design, yes, domain, both, yes_both)
    difference = p[:, :, None] - p[:, None, :]
    variance = _of_differences(covariance_of(design, s1, s2, finite=finite))
    raw = _p_values(difference, variance, _pair_df(design, domain, both))
    tested = _tested(yes.sum(-1), domain.sum(-1), least_base)
    if skip is not None:
        tested &= ~(np.asarray(skip, dtype=bool) | np.asarray(skip, dtype=bool).T)
    adjusted = _holm_in_rows(raw, tested)
    with np.errstate(invalid="ignore"):
        higher = (adjusted < 1 - level) & (difference > 0)
    return ColumnTests(adjusted, higher, _letters(higher))


def column_letters(n: int) -> tuple[str, ...]:
    """A, B, … Z, AA, AB, … for `n` columns."""
    return tuple(("" if i < 26 else chr(64 + i // 26)) + chr(65 + i % 26) for i in range(n))


def holm(p_values: npt.ArrayLike) -> FloatArray:
    """Adjusted p-values of a family (Holm 1979): the i-th smallest times the tests left, never falling."""
    p = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)).clip(max=1.0)
    adjusted = np.empty_like(p)
    adjusted[order] = stepped
    return adjusted


def _influences(
    design: Design,
    yes: FloatArray,
    domain: FloatArray,
    both: npt.ArrayLike | None,
    yes_both: npt.ArrayLike | None,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Shares [R, C], Σu [R, C, G] and Σ u_c u_d [R, C, C, G]; Σ(y-p)(y-q) = (1-p-q) Σy + pq n over the overlap."""
    w = design.group_weights
    whole = np.where(domain @ w > 0, domain @ w, np.nan)
    p = (yes @ w) / whole
    s1 = np.nan_to_num((yes - p[..., None] * domain) / whole[..., None])
    columns = np.eye(yes.shape[1], dtype=bool)[:, :, None]
    joint = np.where(columns, domain[:, :, None, :], _joint(both))
    joint_yes = np.where(columns, yes[:, :, None, :], _joint(yes_both))
    p_c, p_d = p[:, :, None, None], p[:, None, :, None]
    s2 = ((1 - p_c - p_d) * joint_yes + p_c * p_d * joint) / (whole[:, :, None, None] * whole[:, None, :, None])
    return p, s1, np.nan_to_num(s2)


def _of_differences(covariance: FloatArray) -> FloatArray:
    own = np.diagonal(covariance, axis1=-2, axis2=-1)
    return np.maximum(own[..., :, None] + own[..., None, :] - covariance - np.swapaxes(covariance, -1, -2), 0.0)


def _pair_df(design: Design, domain: FloatArray, both: npt.ArrayLike | None) -> FloatArray:
    """Respondents in either column less the strata they are in."""
    return degrees_of_freedom(design, domain[:, :, None, :] + domain[:, None, :, :] - _joint(both))


def _joint(counts: npt.ArrayLike | None) -> FloatArray:
    return np.asarray(0.0 if counts is None else counts, dtype=np.float64)


def _p_values(difference: FloatArray, variance: FloatArray, df: FloatArray) -> FloatArray:
    """Two-sided, from Student's t; a difference without any spread is certain."""
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.where(difference == 0, 0.0, np.abs(difference) / np.sqrt(variance))
    return np.asarray(2 * scipy.special.stdtr(np.maximum(df, 1.0), -t))


def _tested(k: FloatArray, n: FloatArray, least_base: int) -> Booleans:
    """[R, C, C]: both bases large enough, not both 0% or both 100%, and not a column with itself."""
    enough, none, everyone = n >= least_base, k == 0, k == n
    tested = enough[:, :, None] & enough[:, None, :]
    tested &= ~(none[:, :, None] & none[:, None, :]) & ~(everyone[:, :, None] & everyone[:, None, :])
    return tested & ~np.eye(n.shape[1], dtype=bool)


def _holm_in_rows(raw: FloatArray, tested: Booleans) -> FloatArray:
    adjusted = np.full(raw.shape, np.nan)
    upper = np.triu(np.ones(raw.shape[1:], dtype=bool), 1)
    for row in np.flatnonzero(tested.any(axis=(1, 2))):
        pairs = tested[row] & upper
        adjusted[row][pairs] = holm(raw[row][pairs])
        adjusted[row].T[pairs] = adjusted[row][pairs]
    return adjusted


def _letters(higher: Booleans) -> tuple[tuple[str, ...], ...]:
    names = column_letters(higher.shape[1])

    def of(cell: Booleans) -> str:
        return " ".join(names[d] for d in np.flatnonzero(cell))

    return tuple(tuple(of(cell) for cell in row) for row in higher)


# ── a whole table ────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class TableTest:
    """A test of no association: F on `ndf` and `ddf` degrees of freedom, its p-value, and Pearson's X² before."""

    f: float
    ndf: float
    ddf: float
    p_value: float
    chi_squared: float


def rao_scott(design: Design, counts: npt.ArrayLike, *, finite: bool = False) -> TableTest | None:
    """Rao and Scott's (1984) second-order F for a table of `counts` [R, C, G] that exclude each other.

    Empty rows and columns are left out. None if fewer than two of each are left or nothing can be said of the
    spread. With `finite` it is the statistic "F" of R's svychisq for a design with a finite population.
    """
    table = np.asarray(counts, dtype=np.float64)
    table = table[table.sum(axis=(1, 2)) > 0][:, table.sum(axis=(0, 2)) > 0]
    rows, columns = table.shape[:2]
    if rows < 2 or columns < 2:
        return None
    shares, covariance = _cell_shares(design, table, finite)
    n = float(table.sum())
    delta = _design_effects(shares, covariance * n)
    trace, trace2 = float(np.trace(delta)), float(np.trace(delta @ delta))
    df = float(degrees_of_freedom(design, table.sum(axis=(0, 1))))
    if not trace > 0 or df < 1:
        return None
    expected = np.outer(shares.sum(1), shares.sum(0))
    chi_squared = n * float(((shares - expected) ** 2 / expected).sum())
    ndf = trace**2 / trace2
    f = chi_squared / trace
    return TableTest(f, ndf, ndf * df, float(scipy.special.fdtrc(ndf, ndf * df, f)), chi_squared)


def _cell_shares(design: Design, table: FloatArray, finite: bool) -> tuple[FloatArray, FloatArray]:
    """Weighted shares of the cells [R, C] and the covariances of all pairs [RC, RC]."""
    cells = table.reshape(-1, design.groups)
    whole = cells.sum(0)
    total = float(whole @ design.group_weights)
    shares = cells @ design.group_weights / total
    s1 = (cells - shares[:, None] * whole) / total
    a, b = cells[:, None, :], cells[None, :, :]
    p, q = shares[:, None, None], shares[None, :, None]
    own = np.eye(len(cells))[:, :, None] * a
    s2 = (own - q * a - p * b + p * q * whole) / total**2
    return shares.reshape(table.shape[:2]), covariance_of(design, s1, s2, finite=finite)


def _design_effects(shares: FloatArray, covariance: FloatArray) -> FloatArray:
    """The generalised design effects matrix of the interactions (Rao & Scott 1984, 2.5)."""
    rows, columns = shares.shape
    contrasts = np.kron(np.eye(rows)[:, 1:] - 1 / rows, np.eye(columns)[:, 1:] - 1 / columns)
    flat = shares.ravel()
    inverse = np.where(flat > 0, 1 / np.where(flat > 0, flat, 1.0), 0.0)[:, None]
    under_chance = contrasts.T @ (inverse * contrasts)
    seen = (inverse * contrasts).T @ covariance @ (inverse * contrasts)
    return np.asarray(np.linalg.lstsq(under_chance, seen, rcond=None)[0])  # empty cells can make it singular
