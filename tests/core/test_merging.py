"""Strata that are too small: which values may be taken together."""

from hypothesis import given
from hypothesis import strategies as st

from surveyapp.frames import Frame, Unit
from surveyapp.merging import joined_name, merged, sizes, suggested


def make_cells(*cells: tuple[str, ...], strata: tuple[str, ...] = ("region",)) -> Frame:
    units = (Unit(f"U{i}", "", strata=dict(zip(strata, cell, strict=True))) for i, cell in enumerate(cells))
    return Frame(tuple(units), strata)


def test_where_every_cell_is_large_enough_nothing_is_merged():
    assert suggested(make_cells(*[("North",)] * 10, *[("South",)] * 10), ["region"], 10) == {}


def test_the_smallest_values_are_merged_first():
    frame = make_cells(*[("North",)] * 20, *[("East",)] * 4, *[("West",)] * 7)
    assert suggested(frame, ["region"], 10) == {"region": {"East": "East and West", "West": "East and West"}}


def test_a_frame_that_is_too_small_as_a_whole_gets_no_suggestion():
    assert suggested(make_cells(*[("North",)] * 4, *[("South",)] * 5), ["region"], 10) == {}


def test_crossed_cells_are_merged_along_the_stratum_that_mends_most():
    cells = [
        (r, k) for r, k, n in (("N", "a", 12), ("N", "b", 3), ("S", "a", 12), ("S", "b", 3)) for _ in range(n)
    ]
    frame = make_cells(*cells, strata=("region", "kind"))
    assert suggested(frame, ["region", "kind"], 10) == {"kind": {"a": "a and b", "b": "a and b"}}


def test_those_that_a_sample_passed_over_hide_nobody():
    units = [Unit(f"U{i}", "", strata={"region": "NS"[i % 2]}, sampled=i % 4 < 2) for i in range(32)]
    frame = Frame(tuple(units), ("region",), "seed")
    assert sizes(frame, ["region"]) == {"N": (16, 8), "S": (16, 8)}
    assert suggested(frame, ["region"], 10) == {"region": {"N": "N and S", "S": "N and S"}}


def test_a_long_name_is_cut():
    assert joined_name(["A", "B"]) == "A and B"
    assert joined_name([f"Region number {i:02}" for i in range(9)]) == "Region number 00 and 8 others"


@given(st.lists(st.tuples(st.sampled_from("ABCDEF"), st.sampled_from("xyz")), min_size=10, max_size=60))
def test_after_the_suggested_merge_every_cell_is_large_enough(cells: list[tuple[str, str]]):
    frame, carry = make_cells(*cells, strata=("region", "kind")), ["region", "kind"]
    after = sizes(merged(frame, suggested(frame, carry, 10)), carry)
    assert all(n >= 10 for n, _ in after.values())
