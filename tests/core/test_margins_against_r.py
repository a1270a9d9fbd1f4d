"""Every estimate and its error equal R's survey package: values of tests/cases/r/survey.json, made by survey.R."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from surveyapp.analysis.estimation.margins import means, proportions, quantiles, ratios, totals
from surveyapp.analysis.estimation.significance import column_tests, rao_scott
from surveyapp.analysis.estimation.weights import Design

R = json.loads((Path(__file__).parents[1] / "cases/r/survey.json").read_text(encoding="utf-8"))
CLOSE = {"rel": 1e-9, "abs": 1e-12}


def design(name: str) -> Design:
    """The design as R has it: groups of respondents with their weights, strata and margins."""
    given = {k: np.array(v, dtype=np.float64) for k, v in R["designs"][name]["design"].items() if k != "margins"}
    sizes = given["sizes"]
    return Design(
        method="none",
        variables=(),
        group=np.repeat(np.arange(len(sizes)), sizes.astype(int)).astype(np.int32),
        sizes=sizes,
        group_weights=given["weights"],
        group_base=given["base"],
        stratum=given["stratum"].astype(int),
        strata=tuple(str(h) for h in range(len(given["populations"].reshape(-1)))),
        populations=given["populations"].reshape(-1),
        margins=tuple(np.array(m) for m in R["designs"][name]["design"]["margins"]),
    )


def cases(kind: str) -> list[Any]:
    return [
        pytest.param(name, case, id=f"{name}-{i}")
        for name, found in R["designs"].items()
        for i, case in enumerate(found[kind])
    ]


@pytest.mark.parametrize(("name", "case"), cases("shares"))
def test_shares_of_a_domain(name: str, case: dict[str, Any]):
    found = proportions(design(name), case["yes"], case["domain"])
    assert found.p == pytest.approx(case["value"], **CLOSE)
    assert found.se == pytest.approx(case["se"], **CLOSE)
    assert found.df == case["df"]


@pytest.mark.parametrize(("name", "case"), cases("numbers"))
def test_means_and_totals_with_their_limits(name: str, case: dict[str, Any]):
    compared = [(means, case["mean"]), (totals, case["total"])]
    if name == "made_unweighted":
        compared.pop()  # R's total is of the answers; ours is raised to the population
    for function, expected in compared:
        found = function(design(name), case["n"], case["y"], case["yy"])
        for part in ("value", "se", "df", "low", "high"):
            assert getattr(found, part) == pytest.approx(expected[part], **CLOSE), part


@pytest.mark.parametrize(("name", "case"), cases("ratios"))
def test_ratios_with_their_limits(name: str, case: dict[str, Any]):
    found = ratios(design(name), *(case[part] for part in ("n", "y", "x", "yy", "xy", "xx")))
    for part in ("value", "se", "df", "low", "high"):
        assert getattr(found, part) == pytest.approx(case["ratio"][part], **CLOSE), part


@pytest.mark.parametrize(("name", "case"), cases("quantiles"))
def test_quantiles_with_woodruffs_limits(name: str, case: dict[str, Any]):
    found = quantiles(design(name), case["values"], case["counts"], (0.25, 0.5))
    assert found.value == pytest.approx(case["quantile"], **CLOSE)
    assert found.low == pytest.approx(case["low"], **CLOSE)
    assert found.high == pytest.approx(case["high"], **CLOSE)
    assert found.se == pytest.approx(case["se"], **CLOSE)


@pytest.mark.parametrize(("name", "case"), cases("associations"))
def test_rao_and_scotts_f(name: str, case: dict[str, Any]):
    found = rao_scott(design(name), case["counts"], finite=True)
    assert found is not None
    assert found.f == pytest.approx(case["f"], rel=1e-9)
    assert (found.ndf, found.ddf) == pytest.approx((case["ndf"], case["ddf"]), rel=1e-9)
    assert found.p_value == pytest.approx(case["p_value"], rel=1e-8)


@pytest.mark.parametrize(("name", "case"), cases("contrasts"))
def test_the_difference_of_two_columns(name: str, case: dict[str, Any]):
    """R's standard error of the difference gives the p-value of the column test."""
    from scipy import stats

    taken = design(name)
    both, yes_both = np.zeros((2, 2, 2, taken.groups))
    both[0, 1] = both[1, 0] = case["both"]
    yes_both[0, 1] = yes_both[1, 0] = case["yes_both"]
    domain = np.array(case["domain"])
    found = column_tests(
        taken, [case["yes"]], domain, both=both, yes_both=yes_both[None], least_base=1, finite=True
    )
    either = domain.sum(axis=0) - case["both"]
    strata = len({h for h, n in zip(taken.stratum, either, strict=True) if n})
    t = abs(case["difference"]) / case["se"]
    expected = 2 * stats.t.sf(t, either.sum() - strata)
    assert found.p_values[0, 0, 1] == pytest.approx(expected, rel=1e-8)
