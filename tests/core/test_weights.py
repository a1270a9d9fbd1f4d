"""Weights: strata, post-stratification, raking, capping, and respondents whose cell was blanked."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from surveyapp.analysis.estimation.weights import BLANKED, Design, raked, weigh
from surveyapp.problems import Refused, SurveyError

FRAME = {"North / police": 20, "North / health": 40, "South / police": 30, "South / health": 10}
CARRY = ("region", "kind")
R = json.loads((Path(__file__).parents[1] / "cases/r/survey.json").read_text(encoding="utf-8"))


def cells(*sizes: int, blank: int = 0) -> list[str]:
    """So many respondents in each cell of the frame, in its order, and so many blanked."""
    named = [cell for cell, n in zip(FRAME, sizes, strict=True) for _ in range(n)]
    return named + [""] * blank


def weight_in(design: Design, respondents: list[str]) -> dict[str, float]:
    return dict(zip(respondents, design.weights.tolist(), strict=True))


# ── methods ──────────────────────────────────────────────────────────────────


def test_by_default_nobody_counts_more_than_others_and_there_is_one_stratum():
    design = weigh(cells(5, 5, 5, 5), FRAME, CARRY)
    assert design.weights.tolist() == [1.0] * 20
    assert (design.populations.tolist(), design.groups, design.plain) == ([100.0], 1, True)
    assert design.notes == ()


def test_stratified_answers_stand_for_the_units_of_their_stratum():
    respondents = cells(5, 10, 6, 10)
    design = weigh(respondents, FRAME, CARRY, "stratify")
    assert weight_in(design, respondents) == {
        "North / police": 4.0,
        "North / health": 4.0,
        "South / police": 5.0,
        "South / health": 1.0,
    }
    assert design.populations.tolist() == [20, 40, 30, 10]


def test_strata_can_be_some_of_the_carried_variables():
    respondents = cells(5, 10, 6, 10)
    design = weigh(respondents, FRAME, CARRY, "stratify", ("region",))
    assert (design.strata, design.populations.tolist()) == (("North", "South"), [60, 40])
    assert weight_in(design, respondents) == pytest.approx(
        {"North / police": 4, "North / health": 4, "South / police": 2.5, "South / health": 2.5}
    )


def test_equal_weights_with_errors_within_strata():
    design = weigh(cells(5, 10, 6, 10), FRAME, CARRY, "none", ("kind",))
    assert set(design.weights) == {1.0}
    assert (design.strata, design.populations.tolist()) == (("police", "health"), [50, 50])


def test_post_stratified_answers_have_the_weights_of_strata_and_errors_of_one():
    design = weigh(cells(5, 10, 6, 10), FRAME, CARRY, "poststratify")
    assert design.group_weights.tolist() == [4, 4, 5, 1]
    assert (len(design.strata), design.populations.tolist(), len(design.margins)) == (1, [100], 1)


def test_raking_meets_every_margin():
    """By hand: one round is exact here, since the answers are spread alike in both regions."""
    design = weigh(cells(10, 10, 5, 5), FRAME, CARRY, "rake")
    assert design.weighted_n(design.sizes) == pytest.approx(30)
    of = dict(zip(FRAME, design.group_weights.tolist(), strict=True))
    assert of == pytest.approx(
        {"North / police": 3, "North / health": 3, "South / police": 4, "South / health": 4}, rel=1e-12
    )


def test_raking_takes_a_crossed_cell_that_nobody_answered_in():
    design = weigh(cells(10, 12, 9, 0), FRAME, CARRY, "rake")
    assert design.groups == 3
    assert design.weights.sum() == pytest.approx(100)


def test_raked_and_post_stratified_weights_are_those_of_r():
    frame = R["api_frame"]
    respondents = [c for c, n in zip(frame["cell"], frame["answers"], strict=True) for _ in range(n)]
    units = dict(zip(frame["cell"], frame["units"], strict=True))
    design = weigh(respondents, units, ("stype", "sch.wide"), "rake")
    expected = R["designs"]["api_raked"]["design"]["weights"]
    assert design.group_weights == pytest.approx(expected, rel=1e-9)
    assert design.group_weights == pytest.approx(frame["raked_by_rake"], rel=1e-9)
    design = weigh(respondents, units, ("stype", "sch.wide"), "poststratify", ("stype",))
    assert design.group_weights == pytest.approx(R["designs"]["api_post"]["design"]["weights"], rel=1e-12)


def test_margins_that_cannot_be_met_at_once_are_refused():
    """Police answered in the North alone, health in the South alone, but the margins differ."""
    level = np.array([0, 1])
    with pytest.raises(SurveyError, match="all these margins at once"):
        raked(np.ones(2), np.array([5.0, 5.0]), [level, level], [np.array([6.0, 4.0]), np.array([5.0, 5.0])])


# ── refusals ─────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("method", ["stratify", "poststratify"])
def test_a_cell_that_nobody_answered_in_is_refused(method: str):
    with pytest.raises(Refused, match="“South / health”: the frame has units there, but nobody has answered"):
        weigh(cells(5, 5, 5, 0), FRAME, CARRY, method)


def test_calibration_refuses_cells_under_five():
    with pytest.raises(Refused, match="“South / health”: only 4 answers are there"):
        weigh(cells(5, 5, 5, 4), FRAME, CARRY, "poststratify")
    with pytest.raises(Refused, match="kind “health”: only 3 answers are there"):
        weigh(cells(9, 3, 9, 0), FRAME, CARRY, "rake")


def test_a_stratum_with_more_answers_than_units_is_refused():
    with pytest.raises(Refused, match="there are 11 answers and 10 units in the frame"):
        weigh(cells(5, 5, 5, 11), FRAME, CARRY, "stratify")


def test_a_stratum_with_one_answer_is_told():
    design = weigh(cells(5, 5, 5, 1), FRAME, CARRY, "stratify")
    assert "One stratum has a single answer; its spread is taken around the mean of all answers." in design.notes


def test_a_census_of_one_is_not_lonely():
    design = weigh(["a", "b", "b"], {"a": 1, "b": 9}, ("region",), "stratify")
    assert not any("single answer" in note for note in design.notes)


def test_an_open_wave_has_no_weights_and_no_margins():
    design = weigh([""] * 5, None)
    assert not design.known
    assert design.notes == ("The population is not known, so there are no weights and no margins of error.",)
    with pytest.raises(SurveyError, match="open wave"):
        weigh([""] * 5, None, (), "stratify")


def test_a_plan_may_state_the_population_of_an_open_wave():
    assert weigh([""] * 5, None, population=900).population == 900


def test_more_answers_than_units_leave_no_margin_and_are_told():
    design = weigh([""] * 150, {"": 142})
    assert not design.known
    assert "150 answers and 142 units" in design.notes[0]


def test_variables_that_do_not_go_with_the_answers_are_refused():
    with pytest.raises(Refused, match="“size” does not go with the answers of this wave; weight by region, kind"):
        weigh(cells(5, 5, 5, 5), FRAME, CARRY, "rake", ("size",))
    with pytest.raises(Refused, match="nothing of the frame goes with the answers"):
        weigh([""] * 9, {"": 20}, (), "stratify")


def test_a_name_with_a_slash_is_kept_whole_or_refused():
    frame = {"Yorkshire / Humber / police": 10, "Wales / police": 10}
    answers = ["Yorkshire / Humber / police"] * 5 + ["Wales / police"] * 5
    assert weigh(answers, frame, CARRY, "stratify").strata == tuple(frame)
    with pytest.raises(Refused, match="cannot be taken apart into region, kind"):
        weigh(answers, frame, CARRY, "rake")


# ── blanked cells ────────────────────────────────────────────────────────────


def test_blanked_respondents_stand_for_the_cells_that_nobody_is_seen_in():
    design = weigh(cells(5, 10, 6, 0, blank=5), FRAME, CARRY, "stratify")
    assert design.strata[-1] == BLANKED
    assert (design.populations.tolist(), design.group_weights.tolist()) == ([20, 40, 30, 10], [4, 4, 5, 2])
    assert "such answers stand for the 10 units" in design.notes[0]


def test_blanked_respondents_have_the_average_weight_where_every_cell_is_seen():
    design = weigh(cells(5, 5, 5, 5, blank=5), FRAME, CARRY, "poststratify")
    assert design.group_weights.tolist() == pytest.approx([3.2, 6.4, 4.8, 1.6, 4.0])
    assert design.weights.sum() == pytest.approx(100)
    assert "such answers count with the average weight" in design.notes[0]


def test_few_blanked_respondents_are_no_reason_to_refuse():
    assert weigh(cells(9, 9, 9, 9, blank=1), FRAME, CARRY, "rake").weights.sum() == pytest.approx(100)


def test_few_blanked_respondents_cannot_stand_for_a_whole_cell():
    with pytest.raises(Refused, match="“not shown”: only 2 answers are there; weight by other variables"):
        weigh(cells(5, 5, 5, 0, blank=2), FRAME, CARRY, "poststratify")


def test_a_cell_that_the_frame_does_not_know_counts_as_blanked():
    design = weigh([*cells(5, 5, 5, 5), "Wales / police"], FRAME, CARRY, "stratify")
    assert design.strata[-1] == BLANKED


def test_a_wave_that_carries_nothing_has_no_blanked_cells():
    assert weigh([""] * 5, {"": 20}).notes == ()


# ── what is said of weights ──────────────────────────────────────────────────


def test_kishs_design_effect_by_hand():
    """Weights 1, 1, 4: 3 (1 + 1 + 16) / 6² = 1.5; three answers tell as much as two."""
    design = weigh(["a", "a", "b"], {"a": 2, "b": 4}, ("region",), "stratify")
    assert (design.deff, design.effective_n) == (1.5, 2.0)
    assert not any("2.00" in note for note in design.notes), "the largest weight may tell how few answered"


def test_weights_are_capped_if_asked_and_still_add_up():
    """Of the mean 4: weights 1 and 13 become 0.3 and 3 times it where needed, the rest is scaled."""
    frame = {"a": 45, "b": 5, "c": 60}
    respondents = ["a"] * 15 + ["b"] * 5 + ["c"] * 5
    design = weigh(respondents, frame, ("region",), "stratify", trim=(0.3, 2))
    assert design.relative.max() == pytest.approx(2)
    assert design.relative.min() >= 0.3
    assert design.weights.sum() == pytest.approx(110)
    assert any("capped at 0.3 and 2 times the average" in note for note in design.notes)


def test_weights_within_the_cap_are_left_alone():
    free = weigh(cells(5, 10, 6, 5), FRAME, CARRY, "stratify")
    capped = weigh(cells(5, 10, 6, 5), FRAME, CARRY, "stratify", trim=(0.3, 3))
    assert capped.group_weights.tolist() == free.group_weights.tolist()


def test_a_cap_that_leaves_out_the_average_is_refused():
    with pytest.raises(SurveyError, match=r"as 0\.3 and 3"):
        weigh(cells(5, 5, 5, 5), FRAME, CARRY, "stratify", trim=(1.2, 3))


# ── counting ─────────────────────────────────────────────────────────────────


def test_counts_by_group():
    design = weigh(["a", "b", "a", "b", "b"], {"a": 4, "b": 6}, ("region",), "stratify")
    assert design.counts(np.array([True, True, False, False, True])).tolist() == [1, 2]
    codes = np.array([0, 1, -1, 1, 0], dtype=np.int16)
    assert design.counts_of(codes, 3).tolist() == [[1, 1], [0, 2], [0, 0]]


@given(st.permutations(cells(5, 6, 7, 8, blank=5)))
def test_the_order_of_respondents_changes_nothing(respondents: list[str]):
    for method in ("stratify", "poststratify", "rake"):
        design = weigh(respondents, FRAME, CARRY, method)
        expected = weigh(cells(5, 6, 7, 8, blank=5), FRAME, CARRY, method)
        assert design.group_weights.tolist() == expected.group_weights.tolist()
        assert design.sizes.tolist() == expected.sizes.tolist()


@given(
    st.lists(st.integers(5, 40), min_size=4, max_size=4), st.lists(st.integers(40, 900), min_size=4, max_size=4)
)
def test_raking_always_meets_its_margins_or_says_that_it_cannot(sizes: list[int], units: list[int]):
    frame = dict(zip(FRAME, units, strict=True))
    design = weigh(cells(*sizes), frame, CARRY, "rake")
    totals = design.group_weights * design.sizes
    north, police = (np.bincount(level, totals)[0] for level in design.margins)
    assert north == pytest.approx(units[0] + units[1], rel=1e-11)
    assert police == pytest.approx(units[0] + units[2], rel=1e-11)
