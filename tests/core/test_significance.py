"""Column tests and the test of a whole table."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from surveyapp.analysis.estimation.significance import column_letters, column_tests, holm, rao_scott
from surveyapp.analysis.estimation.weights import Design, weigh

R = json.loads((Path(__file__).parents[1] / "cases/r/survey.json").read_text(encoding="utf-8"))


def endless(n: int) -> Design:
    return weigh([""] * n, {"": 10 * n})


def test_a_clear_difference_has_a_letter():
    """60 of 80 against 20 of 80, one group: column A is higher than B."""
    found = column_tests(endless(160), [[[60], [20]]], [[80], [80]])
    assert found.letters == (("B", ""),)
    assert found.p_values[0, 0, 1] < 1e-6


def test_the_p_value_of_two_columns_by_hand():
    """45 and 30 of 60: √(120/119 · (¾·¼ + ½·½)/60), t on 119."""
    found = column_tests(endless(120), [[[45], [30]]], [[60], [60]])
    t = 0.25 / np.sqrt(120 / 119 * (0.1875 + 0.25) / 60)
    assert found.p_values[0, 0, 1] == pytest.approx(2 * stats.t.sf(t, 119), rel=1e-12)


def test_small_columns_are_not_compared():
    found = column_tests(endless(109), [[[79], [0]]], [[80], [29]])
    assert np.isnan(found.p_values).all()
    assert found.letters == (("", ""),)


def test_two_columns_of_nothing_or_everything_are_not_compared():
    found = column_tests(endless(80), [[[0], [0]], [[40], [40]], [[0], [40]]], [[40], [40]])
    assert np.isnan(found.p_values[:, 0, 1]).tolist() == [True, True, False]
    assert found.letters[2] == ("", "A")


def test_a_net_is_not_compared_with_its_own_parts():
    skip = np.array([[False, False, True], [False, False, True], [False, False, False]])
    yes = [[[60], [20], [80]]]
    found = column_tests(endless(160), yes, [[80], [80], [160]], skip=skip)
    assert np.isnan(found.p_values[0, 2, :2]).all()
    assert found.letters == (("B", "", ""),)


def test_respondents_in_both_columns_make_a_difference_clearer():
    """Two columns with 60 of 80 respondents in common: their shares rise and fall together."""
    apart = column_tests(endless(160), [[[50], [40]]], [[80], [80]])
    both, yes_both = np.zeros((2, 2, 1)), np.zeros((1, 2, 2, 1))
    both[0, 1] = both[1, 0] = 60
    yes_both[0, 0, 1] = yes_both[0, 1, 0] = 35
    joint = column_tests(endless(100), [[[50], [40]]], [[80], [80]], both=both, yes_both=yes_both)
    assert joint.p_values[0, 0, 1] < apart.p_values[0, 0, 1]


def test_holm_within_a_row():
    """0.01, 0.04, 0.03 of three: 3 · 0.01, 2 · 0.03, then not less than that."""
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])


def test_each_row_is_a_family_of_its_own():
    rows = [[[45], [30], [32]], [[30], [30], [30]]]
    together = column_tests(endless(180), rows, [[60], [60], [60]])
    alone = column_tests(endless(180), rows[:1], [[60], [60], [60]])
    assert together.p_values[0] == pytest.approx(alone.p_values[0], nan_ok=True)


@pytest.mark.parametrize("family", R["holm"])
def test_holm_is_that_of_r(family: dict[str, list[float]]):
    assert holm(family["p"]) == pytest.approx(family["adjusted"], rel=1e-12)


def test_letters_go_on_after_z():
    assert column_letters(28)[-3:] == ("Z", "AA", "AB")


def test_columns_of_different_strata_are_tested_within_them():
    """Each column is a stratum whose answers are all alike but one: little spread within, a clear difference."""
    design = weigh(["a"] * 40 + ["b"] * 40, {"a": 80, "b": 80}, ("region",), "stratify")
    found = column_tests(design, [[[39, 0], [0, 1]]], [[40, 0], [0, 40]])
    assert found.letters == (("B", ""),)


# ── whole tables ─────────────────────────────────────────────────────────────


def test_a_table_without_weights_is_close_to_pearsons_test():
    """The same X²; the spread of the answers takes the place of the one expected."""
    table = np.array([[30, 20], [18, 32]])
    expected = stats.chi2_contingency(table, correction=False)
    found = rao_scott(endless(100), table[:, :, None])
    assert found is not None
    assert found.chi_squared == pytest.approx(expected.statistic)
    assert found.ndf == 1
    assert found.p_value == pytest.approx(expected.pvalue, abs=0.005)


def test_a_table_with_one_row_has_no_test():
    assert rao_scott(endless(10), [[[4], [6]]]) is None
    assert rao_scott(endless(10), [[[4], [6]], [[0], [0]]]) is None


def test_a_table_full_of_empty_cells_still_has_a_test():
    found = rao_scott(endless(90), (30 * np.eye(3))[:, :, None])
    assert found is not None
    assert found.p_value < 1e-6


@given(arrays(np.int64, (3, 4, 3), elements=st.integers(0, 60)))
def test_whatever_was_counted_the_tests_give_probabilities(counts: np.ndarray):
    design = weigh(["a"] * 300 + ["b"] * 300 + ["c"] * 120, {"a": 700, "b": 300, "c": 500}, ("r",), "stratify")
    whole = rao_scott(design, counts)
    assert whole is None or 0 <= whole.p_value <= 1
    found = column_tests(design, counts, counts.sum(axis=0, keepdims=True))
    tested = found.p_values[~np.isnan(found.p_values)]
    assert ((tested >= 0) & (tested <= 1)).all()


def test_empty_rows_and_columns_are_left_out():
    table = np.array([[30, 0, 20], [0, 0, 0], [18, 0, 32]])
    full, short = rao_scott(endless(100), table[:, :, None]), rao_scott(endless(100), table[::2, ::2, None])
    assert full == short
