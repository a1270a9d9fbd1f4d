"""Responses that stay with an engine give the same tables as those in memory, whatever is asked."""

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from surveyapp.analysis.grouping import Amount, Arrays, AtLeast, Coded, Groups, Tally, distinct, merged
from surveyapp.analysis.large import Large
from surveyapp.analysis.summaries import spread, summarise
from tests.largewaves import (
    CELLS,
    MANY,
    NEW,
    OLD,
    TABLES,
    WEIGHTS,
    make_large,
    make_plan,
    make_resident,
    make_rows,
    told,
)


def make_both(seed: int, old: int, new: int, size: int = 70):
    chance = random.Random(seed)
    rows = make_rows(OLD, old, chance), make_rows(NEW, new, chance)
    return make_resident(*rows), make_large(*rows, size)


# ── one way of counting and the other ────────────────────────────────────────


@pytest.mark.parametrize("weights", WEIGHTS, ids=lambda w: "none" if w is None else next(iter(w)))
def test_every_kind_of_table_is_the_same(weights: dict | None):
    resident, large = make_both(1, 150, 250)
    found = told(make_plan(weights=weights), large)
    assert isinstance(found, tuple), found
    assert len(found[1]) == len(TABLES)
    assert found == told(make_plan(weights=weights), resident)


def test_in_a_small_wave_the_same_figures_are_hidden():
    resident, large = make_both(2, 20, 40)
    found = told(make_plan(), large)
    assert isinstance(found, tuple), found
    marks = [cell.mark for protected in found[1] for row in protected.table.rows for cell in row.cells]
    assert marks.count("[c]") > 50
    assert found == told(make_plan(), resident)


def test_what_a_difference_of_two_tables_would_give_away_is_refused_alike():
    rows = [(cell or CELLS[0], answers) for cell, answers in make_rows(NEW, 600, random.Random(3))]
    rows = [("", '{"q": "up"}')] * 2 + rows
    plan = make_plan([{"question": "q", "by": ["region"]}])
    refused = told(plan, make_large([], rows, 250))
    assert isinstance(refused, str)
    assert "“All” differs from “Region / all” of table 1 by fewer than 3 answers" in refused
    assert refused == told(plan, make_resident([], rows))


@st.composite
def entries(draw: st.DrawFn) -> dict:
    """An entry of a plan for the wave of every kind."""
    question = draw(st.sampled_from(sorted({t["question"] for t in TABLES})))
    strata = ["region", "kind", "q", "upward", "bands", "late", "size", "rich"]
    single = st.sampled_from([*strata, "m"])
    nested = st.lists(st.sampled_from(strata), min_size=2, max_size=2, unique=True)
    names = st.sampled_from(["q", "late"])
    codes = st.lists(st.sampled_from(["up", "same", "down"]), min_size=1, unique=True)
    condition = st.one_of(
        st.builds(lambda name, some: {"question": name, "in": some}, names, codes),
        st.builds(lambda low: {"question": "n", "at_least": low}, st.sampled_from([0, 2.5, 39, 4000])),
        st.builds(lambda high: {"question": "often", "at_most": high}, st.integers(0, 3)),
        st.just({"question": "mood", "answered": True}),
        st.just(MANY),
    )
    entry = {
        "question": question,
        "by": draw(st.lists(st.one_of(single, nested), max_size=2)),
        "where": draw(st.none() | condition | condition.map(lambda c: {"not": c})),
        "base": draw(st.sampled_from(["answered", "asked", "responded"])),
        "percent_of": draw(st.sampled_from(["column", "row", "total"])),
        "margins": draw(st.booleans()),
        "tests": draw(st.booleans()),
    }
    if question in {"q", "late", "g.a"}:
        entry["nets"] = draw(st.just({}) | codes.map(lambda some: {"A net": some}))
    if question == "g":  # with a banner there is room for one net alone
        entry["nets"] = {"A net": draw(codes)}
    return {name: value for name, value in entry.items() if value not in (None, [], {})}


@settings(max_examples=20)
@given(
    st.lists(entries(), min_size=1, max_size=3), st.sampled_from(WEIGHTS), st.integers(0, 99), st.integers(1, 200)
)
def test_tables_drawn_by_chance_are_the_same(tables: list[dict], weights: dict | None, seed: int, n: int):
    resident, large = make_both(seed, n // 3, n, size=1 + n // 4)
    assert told(make_plan(tables, weights), large) == told(make_plan(tables, weights), resident)


def test_codes_that_came_up_in_another_order_are_the_same_codes():
    chance = random.Random(6)
    rows = [make_rows(NEW, 1, chance)[0] for _ in range(40)]
    rows = [("West / big", '{"d": "2012-01-01"}'), ("East / big", '{"d": "1998-01-01"}'), *rows]
    plan = make_plan([{"question": "d", "by": ["region"]}, {"question": "then"}, {"question": "q", "by": ["d"]}])
    assert told(plan, make_large([], rows, 1)) == told(plan, make_resident([], rows))


def test_what_is_known_of_a_wave_is_the_same():
    resident, large = make_both(4, 90, 60)
    assert large.n == 150
    assert large.variables == resident.variables
    assert large.variables["d"].codes == ("1998", "2011", "2012")
    assert large.completeness == resident.completeness
    assert large.cell_sizes == resident.cell_sizes
    assert list(large.cell_sizes) == list(resident.cell_sizes)


# ── what is asked ────────────────────────────────────────────────────────────


class Listening:
    """The engine of a wave, and how many questions it was asked at a time."""

    def __init__(self, large: Large) -> None:
        self.engine = large.engine
        self.asked: list[int] = []

    def grouped(self, questions: list) -> list[Groups]:
        self.asked.append(len(questions))
        return self.engine.grouped(questions)


def test_all_that_a_plan_will_count_is_asked_in_one_go():
    _, large = make_both(5, 30, 300)
    listening = Listening(large)
    tables = [{"question": q, "by": ["region"], "tests": True, "margins": True} for q in ("q", "m", "g.a", "late")]
    told(make_plan(tables, derive=[]), Large(large.form, large.n, listening, large.places, large.made))
    assert listening.asked == [1, 7, 1]  # the cells for the design, the tables, what routing leads past


def test_an_amount_that_is_only_compared_is_not_asked_for():
    _, large = make_both(5, 30, 300)
    rows = large.rows(frozenset({Coded("n"), AtLeast("n", 40.0), AtLeast("n", 1000.0)}))
    assert sorted(set(rows.amounts["n"][rows.values["n"] >= 0].tolist())) == [float("-inf"), 40.0, 1000.0]
    assert rows.n < 10


# ── putting together ─────────────────────────────────────────────────────────

NUMBERS = st.lists(st.tuples(st.integers(-3, 4), st.sampled_from([1.5, 2.0, float("nan")])), min_size=1)


def counted(groups: Groups) -> dict:
    keys = zip(*(map(repr, column.tolist()) for column in groups.columns), strict=True)
    return dict(zip(keys, groups.times.tolist(), strict=True))


@given(st.lists(NUMBERS, min_size=1, max_size=4))
def test_parts_put_together_are_the_whole(parts: list[list[tuple[int, float]]]):
    def groups(rows: list[tuple[int, float]]) -> Groups:
        codes, amounts = zip(*rows, strict=True)
        return distinct([np.array(codes, np.int8), np.array(amounts)])

    whole = groups([row for rows in parts for row in rows])
    assert counted(merged([groups(rows) for rows in parts])) == counted(whole)


def test_many_columns_with_many_values_are_told_apart():
    columns = [np.array([0, 10**9, 0, 10**9]), *[np.arange(4) * 10**12 % 7] * 5, np.array([1, 2, 1, 2])]
    found = distinct([*columns, np.array([10**15, 0, 10**15, 5])])
    assert sorted(found.times.tolist()) == [1, 1, 1, 1]
    assert distinct([np.array([0, 2**40, 0]), np.array([5, 2**40, 5])]).times.tolist() == [2, 1]


def test_arrays_are_asked_like_any_engine():
    arrays = Arrays(
        {"q": np.array([0, 1, 0, -1]), "n": np.array([0, 0, -1, 0])}, {"n": np.array([5.0, 7, np.nan, 5])}
    )
    questions = [[Coded("q")], [Amount("n")], [AtLeast("n", 6)], [Tally((("q", (0,)), ("n", (0,))))]]
    assert [counted(groups) for groups in arrays.grouped(questions)] == [
        {("-1",): 1, ("0",): 2, ("1",): 1},
        {("5.0",): 2, ("7.0",): 1, ("nan",): 1},
        {("0",): 3, ("1",): 1},
        {("1",): 3, ("2",): 1},
    ]


@given(
    st.lists(st.tuples(st.sampled_from([0.1, 0.2, 0.7, 1e6, -3.3]), st.integers(0, 2)), min_size=1, max_size=50)
)
def test_amounts_are_summed_up_the_same_in_any_order_and_put_together(given_: list[tuple[float, int]]):
    amounts, groups = (np.array(part) for part in zip(*given_, strict=True))
    groups, weights = groups.astype(np.int32), np.array([0.3, 1.0, 1.7])
    once, group, times = (
        column for column in (*distinct([amounts, groups]).columns, distinct([amounts, groups]).times)
    )
    back = np.arange(len(amounts))[::-1]
    expected = summarise(spread(amounts, groups), weights)
    assert summarise(spread(amounts[back], groups[back]), weights) == expected
    assert summarise(spread(once, group.astype(np.int32), times), weights) == expected
