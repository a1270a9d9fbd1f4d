"""Margins: worked by hand, against other libraries, and what must hold of any answers."""

import json
from math import comb, sqrt
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from surveyapp.analysis.estimation.margins import (
    EXACT_UP_TO,
    Estimates,
    at_least,
    bounds,
    difference,
    domain_population,
    hypergeometric_limits,
    largest_margin,
    means,
    proportions,
    quantiles,
    totals,
    wilson_limits,
)
from surveyapp.analysis.estimation.weights import Design, weigh
from surveyapp.problems import SurveyError

R = json.loads((Path(__file__).parents[1] / "cases/r/survey.json").read_text(encoding="utf-8"))


def plain(n: int = 61, units: int = 142) -> Design:
    return weigh([""] * n, {"": units})


def stratified(*strata: tuple[int, int], method: str = "stratify", **more: Any) -> Design:
    """Strata a, b, … of so many answers out of so many units."""
    names = "abcdefgh"[: len(strata)]
    cells = [name for name, (n, _) in zip(names, strata, strict=True) for _ in range(n)]
    units = {name: size for name, (_, size) in zip(names, strata, strict=True)}
    return weigh(cells, units, ("region",), method, ("region",), **more)


# ── worked by hand ───────────────────────────────────────────────────────────


def test_a_share_of_a_simple_sample():
    """29 of 61 of 142: √((1 - 61/142) · 29/61 · 32/61 / 60)."""
    found = proportions(plain(), [29], [61])
    assert found.p == pytest.approx(29 / 61)
    assert found.se == pytest.approx(sqrt(81 / 142 * 29 / 61 * 32 / 61 / 60), rel=1e-12)
    assert (found.df, found.base) == (60, 61)


def test_a_share_by_strata():
    """a: 2 of 3 of 6 units, b: 1 of 2 of 4. (6·2/3 + 4·1/2) / 10 = 0.6; 0.6²·½·⅓/3 + 0.4²·½·½/2 = 0.04."""
    found = proportions(stratified((3, 6), (2, 4)), [2, 1], [3, 2])
    assert (found.p, found.se) == (pytest.approx(0.6), pytest.approx(0.2))
    assert found.df == 3


def test_a_stratum_that_answered_whole_adds_no_error():
    """b is a census of 4: only a's 0.6² · ½ · ⅓ / 3 = 0.02 is left."""
    found = proportions(stratified((3, 6), (4, 4)), [2, 1], [3, 4])
    assert found.se == pytest.approx(sqrt(0.02))


def test_a_stratum_with_one_answer_is_centred_on_the_mean_of_all():
    """a as before; b: 1 of 1 of 4, (1 - ¼) · (4/10 · (1 - 0.8))² = 0.0048."""
    found = proportions(stratified((3, 6), (1, 4)), [2, 1], [3, 1])
    assert found.p == pytest.approx(0.8)
    assert found.se == pytest.approx(sqrt(0.02 + 0.0048))


def test_post_stratified_errors_come_from_within_the_cells():
    """a: 5 of 10 of 30 units, b: 5 of 5 of 10. Residuals in a ±½, w = 3, Σw = 40: ⅝ · 15/14 · 10 · (1.5/40)²."""
    found = proportions(stratified((10, 30), (5, 10), method="poststratify"), [5, 5], [10, 5])
    assert found.p == pytest.approx((3 * 5 + 2 * 5) / 40)
    assert found.se == pytest.approx(sqrt(25 / 40 * 15 / 14 * 10 * (1.5 / 40) ** 2))


def test_a_mean_and_a_total():
    """1, 2, 6 of 12 units: mean 3, variance 7, (1 - ¼) · 7/3; the total is 12 times that."""
    mean = means(plain(3, 12), [3], [9], [41])
    assert (mean.value, mean.se) == (pytest.approx(3), pytest.approx(sqrt(0.75 * 7 / 3)))
    assert mean.high - mean.value == pytest.approx(4.302652729749464 * mean.se)
    total = totals(plain(3, 12), [3], [9], [41])
    assert (total.value, total.se) == (pytest.approx(36), pytest.approx(12 * mean.se))


def test_a_median():
    """1, 2, 2, 3, 9, in order: half the answers reach 2."""
    found = quantiles(plain(5, 5), [1, 2, 3, 9], [[1], [2], [1], [1]], [0.5])
    assert (found.value, found.low, found.high) == (2, 2, 2)


def test_exact_limits_of_three_in_four_of_five():
    """K = 3: P(X ≥ 3) = ⅖; K = 4: P(X ≤ 3) = ⅘. Both can be: three or four of the five."""
    found = proportions(plain(4, 5), [3], [4])
    assert (found.low, found.high) == (0.6, 0.8)


def test_limits_of_nobody():
    """0 of 61 of 142: with 6 having it P(X = 0) = C(136, 61)/C(142, 61) = 0.030, with 7 it is 0.017."""
    found = proportions(plain(), [0], [61])
    assert (found.low, found.high) == (0, 6 / 142)
    assert comb(136, 61) / comb(142, 61) > 0.025 > comb(135, 61) / comb(142, 61)


def test_the_margin_to_quote_knows_the_population():
    assert round(100 * largest_margin(61, 142), 1) == 9.5
    assert largest_margin(142, 142) == 0


def test_what_the_count_proves():
    low, high = bounds(29, 61, 142)
    assert (round(100 * float(low)), round(100 * float(high))) == (20, 77)


def test_wilsons_interval_is_that_of_statsmodels():
    from statsmodels.stats.proportion import proportion_confint

    for k, n in ((0, 10), (1, 10), (29, 61), (61, 61)):
        expected = proportion_confint(k, n, method="wilson")
        low, high = wilson_limits(k / n, n, np.inf)
        assert (low, high) == pytest.approx(expected, abs=1e-12)


def test_a_domain_estimate_is_that_of_svy():
    """Strata with a census and a single answer, item non-response: the made-up frame of the R script."""
    import polars as pl
    import svy

    made, units = R["made_up"], {"North": 40, "South": 8, "East": 20, "West": 74}
    region = made["region"]
    sample = svy.Sample(
        pl.DataFrame(
            {
                "region": region,
                "units": [units[r] for r in region],
                "weight": [units[r] / region.count(r) for r in region],
                "a": [float(q == "a") for q in made["q1"]],
                "answered": [q != "" for q in made["q1"]],
            }
        ),
        svy.Design(stratum="region", wgt="weight", pop_size="units", singleton="center"),
    )
    expected = sample.estimation.mean("a", where=pl.col("answered")).estimates[0]
    design = weigh(region, units, ("region",), "stratify")
    answered = np.array([q != "" for q in made["q1"]])
    yes = np.array([q == "a" for q in made["q1"]])
    found = proportions(design, design.counts(yes), design.counts(answered))
    assert (found.p, found.se) == (pytest.approx(expected.est, rel=1e-9), pytest.approx(expected.se, rel=1e-9))
    assert found.df == expected.df


def test_the_change_between_two_waves():
    """Limits from the limits of both: 0.5 (0.4 to 0.6) to 0.7 (0.65 to 0.8) is 0.2 (0.088 to 0.341)."""
    found = difference(shares(0.5, 0.4, 0.6), shares(0.7, 0.65, 0.8))
    assert found.value == pytest.approx(0.2)
    assert (found.low, found.high) == (
        pytest.approx(0.2 - sqrt(0.05**2 + 0.1**2)),
        pytest.approx(0.2 + sqrt(0.1**2 + 0.1**2)),
    )
    assert found.differs


def test_two_censuses_change_by_what_they_change():
    found = difference(shares(0.5, 0.5, 0.5), shares(0.51, 0.51, 0.51))
    assert found.low == found.high == pytest.approx(0.01)
    assert found.differs


def shares(p: float, low: float, high: float) -> Estimates:
    one = np.ones(1)
    return Estimates(one * p, one * 0, one, one * low, one * high, one, one)


# ── populations of domains ───────────────────────────────────────────────────


def test_a_question_that_was_asked_of_all_is_about_all():
    assert domain_population(plain(), [61]) == 142


def test_a_routed_question_is_about_as_large_a_part_of_the_population():
    """20 of the 61 were asked: 142 · 20/61 = 46.6, a whole unit more than 46."""
    assert domain_population(plain(), [20]) == 47
    assert domain_population(stratified((3, 6), (2, 4)), [3, 1]) == 8


def test_a_whole_stratum_is_about_its_units():
    assert domain_population(stratified((3, 6), (2, 4)), [3, 0]) == 6


def test_a_column_of_the_frame_is_about_its_units():
    """20 answered in a region of 31; 12 of them were asked."""
    assert domain_population(plain(), [20], among=[20], units=31) == 31
    assert domain_population(plain(), [12], among=[20], units=31) == 19


def test_limits_use_the_population_of_the_domain():
    """A region of which all 20 units answered has no error, whatever the rest did."""
    found = proportions(plain(), [7], [20], population=20)
    assert (found.low, found.p, found.high, found.se) == (0.35, 0.35, 0.35, 0)


# ── what must never happen ───────────────────────────────────────────────────


def test_without_a_population_there_is_a_share_and_no_margin():
    found = proportions(weigh([""] * 10, None), [5], [10])
    assert found.p == 0.5
    assert np.isnan([found.se, found.low, found.high, found.effective_n]).all()
    assert np.isnan(means(weigh([""] * 10, None), [10], [5], [9]).high)


def test_a_row_that_nobody_answered_has_no_value():
    found = proportions(plain(), [[0], [5]], [[0], [10]])
    assert np.isnan(found.p).tolist() == [True, False]
    assert np.isnan(found.high).tolist() == [True, False]
    assert np.isnan(proportions(plain(), [0], [0], population=0).high)
    assert np.isnan(totals(plain(), [0], [0], [0]).value)
    assert np.isnan(proportions(stratified((3, 6), (2, 4)), [0, 0], [0, 0]).high)


def test_everybody_the_same_in_every_stratum_is_not_certain():
    """All of a said yes, all of b no: the formula gives no error, but half of both are silent."""
    found = proportions(stratified((10, 20), (10, 20)), [10, 0], [10, 10])
    assert (found.p, found.se) == (0.5, 0)
    assert found.low < 0.4
    assert found.high > 0.6


def test_numbers_that_are_all_the_same_have_no_limits():
    found = means(plain(3, 12), [[3], [1]], [[6], [2]], [[12], [4]])
    assert found.low.tolist() == [-np.inf, -np.inf]
    assert means(plain(3, 3), [3], [6], [12]).low == 2


def test_a_domain_within_a_census_has_no_error_in_its_mean():
    found = means(stratified((3, 6), (4, 4)), [[0, 2], [1, 2]], [[0, 9], [1, 9]], [[0, 45], [1, 45]])
    assert (found.low[0], found.high[0]) == (4.5, 4.5)
    assert found.low[1] < found.high[1]


def test_quantiles_of_one_answer_or_of_none():
    one = quantiles(plain(5, 50), [7], [[1]], [0.25, 0.5])
    assert one.value.tolist() == [7, 7]
    assert one.high.tolist() == [np.inf, np.inf]
    assert np.isnan(quantiles(plain(5, 50), [], np.zeros((0, 1)), [0.5]).value)
    assert np.isnan(quantiles(weigh([""] * 5, None), [7, 8], [[2], [3]], [0.5]).high)


def test_quantiles_that_few_answers_cannot_bound():
    """Three answers: the limits of a half leave 0 to 1 on both sides."""
    found = quantiles(plain(3, 50), [1, 5, 9], [[1], [1], [1]], [0.5])
    assert (found.value, found.low, found.high) == (5, -np.inf, np.inf)


def test_many_rows_and_columns_at_once_give_what_one_gives():
    design = stratified((9, 20), (8, 10), (12, 40))
    chance = np.random.default_rng(5)
    domain = chance.integers(1, 8, (4, 3, 3))
    yes = chance.integers(0, domain + 1)
    together = proportions(design, yes, domain)
    for r in range(4):
        for c in range(3):
            alone = proportions(design, yes[r, c], domain[r, c])
            for part in ("value", "se", "df", "low", "high", "effective_n"):
                assert getattr(together, part)[r, c] == pytest.approx(getattr(alone, part), rel=1e-12)


# ── what must always hold ────────────────────────────────────────────────────

METHODS = ("none", "stratify", "poststratify", "rake")


@st.composite
def designs(draw: st.DrawFn) -> Design:
    """Up to two variables of two levels, 1 to 12 answers a cell, half of the frames small enough for a census."""
    cells = ["a / x", "a / y", "b / x", "b / y"]
    sizes = draw(st.lists(st.integers(1, 12), min_size=4, max_size=4))
    more = draw(st.lists(st.integers(0, 20), min_size=4, max_size=4))
    units = {cell: n + extra for cell, n, extra in zip(cells, sizes, more, strict=True)}
    respondents = [cell for cell, n in zip(cells, sizes, strict=True) for _ in range(n)]
    variables = draw(st.sampled_from([("letter", "end"), ("letter",)]))
    method = draw(st.sampled_from(METHODS))
    trim = draw(st.sampled_from([None, (0.5, 1.5)]))
    try:
        return weigh(respondents, units, ("letter", "end"), method, variables, trim=trim)
    except SurveyError:
        assume(False)
        raise


@st.composite
def counted(draw: st.DrawFn) -> tuple[Design, np.ndarray, np.ndarray]:
    design = draw(designs())
    domain = np.array([draw(st.integers(0, int(n))) for n in design.sizes])
    assume(domain.sum())
    return design, np.array([draw(st.integers(0, int(n))) for n in domain]), domain


@given(counted())
@settings(max_examples=300)
def test_limits_are_shares_around_the_estimate_and_never_nan(case: tuple[Design, np.ndarray, np.ndarray]):
    found = proportions(*case)
    assert 0 <= found.low <= found.p <= found.high <= 1
    assert found.se >= 0
    assert not np.isnan(found.effective_n)


@given(counted())
@settings(max_examples=200)
def test_the_rest_mirrors_the_share(case: tuple[Design, np.ndarray, np.ndarray]):
    design, yes, domain = case
    share, rest = proportions(design, yes, domain), proportions(design, domain - yes, domain)
    assert rest.low == pytest.approx(1 - share.high, abs=1e-9)
    assert rest.high == pytest.approx(1 - share.low, abs=1e-9)
    assert rest.se == pytest.approx(share.se, abs=1e-9)


@given(counted(), st.data())
def test_numbers_have_limits_around_them_and_never_nan(
    case: tuple[Design, np.ndarray, np.ndarray], data: st.DataObject
):
    design, _, n = case
    amount = st.lists(st.integers(0, 50), min_size=0, max_size=12)
    given_ = [data.draw(amount.filter(lambda a, m=m: len(a) >= m))[:m] if m else [] for m in n.tolist()]
    y, yy = ([sum(x**power for x in amounts) for amounts in given_] for power in (1, 2))
    for found in (means(design, n, y, yy), totals(design, n, y, yy)):
        assert found.low <= found.value + 1e-9
        assert found.value <= found.high + 1e-9
    values = sorted({x for amounts in given_ for x in amounts})
    counts = [[amounts.count(v) for amounts in given_] for v in values]
    middle = quantiles(design, values, counts, [0.1, 0.5, 0.9])
    assert (middle.low <= middle.value).all()
    assert (middle.value <= middle.high).all()


@given(counted())
def test_weights_that_are_all_equal_change_nothing(case: tuple[Design, np.ndarray, np.ndarray]):
    """One design weight for all, as R would have it, or none."""
    _, yes, domain = case
    n = int(domain.sum())
    one = weigh(["a"] * n, {"a": 3 * n}, ("region",), "stratify")
    none = weigh([""] * n, {"": 3 * n})
    assert one.group_weights.tolist() == [3.0]
    weighted, unweighted = (proportions(d, [yes.sum()], [n]) for d in (one, none))
    for part in ("value", "se", "low", "high", "effective_n"):
        assert getattr(weighted, part) == pytest.approx(getattr(unweighted, part), rel=1e-12)


@given(st.integers(1, 30), st.data())
def test_a_census_has_no_error(n: int, data: st.DataObject):
    k = data.draw(st.integers(0, n))
    for design in (plain(n, n), stratified((n, n), (1, 1))):
        yes, domain = ([k], [n]) if design.groups == 1 else ([k, 1], [n, 1])
        found = proportions(design, yes, domain)
        assert found.low == found.p == found.high
        assert found.se == 0


# ── exact limits ─────────────────────────────────────────────────────────────


@given(st.integers(1, 300), st.data())
@settings(max_examples=200)
def test_the_tail_is_that_of_scipy(units: int, data: st.DataObject):
    n, having = data.draw(st.integers(1, units)), data.draw(st.integers(0, units))
    k = data.draw(st.integers(0, n))
    ours = at_least(*(np.array([float(x)]) for x in (k, n, units, having)))
    assert ours == pytest.approx(stats.hypergeom.sf(k - 1, units, having, n), abs=1e-12)


@given(st.integers(1, 60), st.data())
@settings(max_examples=150)
def test_exact_limits_are_those_of_trying_every_number(units: int, data: st.DataObject):
    n = data.draw(st.integers(1, units))
    k = data.draw(st.integers(0, n))
    within = [
        having for having in range(k, units - n + k + 1) if both_tails_are_above_a_fortieth(k, n, units, having)
    ]
    assert tuple(map(float, hypergeometric_limits(k, n, units))) == (within[0], within[-1])


def both_tails_are_above_a_fortieth(k: int, n: int, units: int, having: int) -> bool:
    """In whole numbers, so that a tail of just 2.5% is not above it."""
    ways = [comb(having, x) * comb(units - having, n - x) for x in range(n + 1)]
    return 40 * sum(ways[k:]) > sum(ways) and 40 * sum(ways[: k + 1]) > sum(ways)


def test_the_exact_interval_covers_95_per_cent_of_the_time_whatever_the_truth():
    """No simulation: for each K of 142, the chance of a k whose limits hold K."""
    found = proportions(plain(), np.arange(62)[:, None], [61])
    truth = np.arange(143) / 142
    held = (found.low[:, None] <= truth + 1e-12) & (truth - 1e-12 <= found.high[:, None])
    chance = stats.hypergeom.pmf(np.arange(62)[:, None], 142, np.arange(143), 61)
    assert (held * chance).sum(axis=0).min() >= 0.95


def test_above_the_largest_exact_base_the_two_kinds_of_limits_agree():
    n = EXACT_UP_TO
    k = np.linspace(0, n, 21).astype(int)[:, None]
    exact = proportions(plain(n, 3 * n), k, [n])
    low, high = wilson_limits(exact.p, exact.effective_n, exact.df)
    assert np.abs(exact.low - low).max() < 2e-4
    assert np.abs(exact.high - high).max() < 2e-4


@pytest.mark.parametrize("truth", [(3, 3, 3), (10, 10, 10), (50, 50, 50), (80, 80, 80), (5, 10, 0), (10, 90, 50)])
def test_the_stratified_interval_covers_about_95_per_cent_of_the_time(truth: tuple[int, int, int]):
    """61 of 142 in three strata with unequal response, 4,000 samples drawn at once; the true shares of each."""
    chance = np.random.default_rng(61)
    strata = ((11, 40), (30, 42), (20, 60))
    design = stratified(*strata)
    having = np.array([round(share * units / 100) for share, (_, units) in zip(truth, strata, strict=True)])
    yes = np.stack([chance.hypergeometric(k, N - k, n, 4000) for k, (n, N) in zip(having, strata, strict=True)], 1)
    found = proportions(design, yes, design.sizes)
    target = having.sum() / 142
    covered = ((found.low <= target + 1e-12) & (target - 1e-12 <= found.high)).mean()
    assert covered > 0.93
