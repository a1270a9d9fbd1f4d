"""No weight tells one respondent from another of the same cell, whatever the method (channel A23)."""

from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress

import hypothesis.strategies as st
import pytest
from hypothesis import given

from surveyapp.analysis.estimation.weights import Method, weigh
from surveyapp.problems import Refused

REGIONS, KINDS = ("North", "South", "East"), ("large", "small")
CELLS = tuple(f"{region} / {kind}" for region in REGIONS for kind in KINDS)
METHODS: tuple[Method, ...] = ("none", "stratify", "poststratify", "rake")


def tells_apart(cells: Sequence[str], weights: Sequence[float]) -> dict[str, set[float]]:
    """The released cells in which respondents have different weights, with these."""
    found: dict[str, set[float]] = defaultdict(set)
    for cell, weight in zip(cells, weights, strict=True):
        found[cell].add(round(float(weight), 9))
    return {cell: different for cell, different in found.items() if len(different) > 1}


@pytest.mark.parametrize("method", METHODS)
@given(data=st.data())
def test_all_respondents_of_a_released_cell_have_one_weight(method: Method, data: st.DataObject) -> None:
    """Blanked cells too, which are a cell of their own; so there are no more weights than released cells."""
    cells = data.draw(st.lists(st.sampled_from([*CELLS, ""]), min_size=1, max_size=200))
    frame = {cell: data.draw(st.integers(max(1, cells.count(cell)), 300)) for cell in CELLS}
    variables = data.draw(st.sampled_from([(), ("region",), ("region", "kind")]))
    trim = data.draw(st.sampled_from([None, (0.3, 3.0)]))
    with suppress(Refused):
        found = weigh(cells, frame, ("region", "kind"), method, variables, trim=trim).weights
        assert tells_apart(cells, found) == {}
        assert len({round(float(weight), 9) for weight in found}) <= len(set(cells))


def test_most_frames_are_weighted_and_not_refused() -> None:
    """Or the property above would say nothing."""
    cells = [cell for n, cell in enumerate(CELLS) for _ in range(10 + n)]
    for method in METHODS:
        design = weigh(cells, dict.fromkeys(CELLS, 40), ("region", "kind"), method)
        assert len(set(design.weights)) == (1 if method == "none" else len(CELLS))


def test_a_weight_of_the_person_would_be_found() -> None:
    """As when it is made of the day of answering or of how much was answered."""
    cells = ["North / large"] * 3 + ["South / small"] * 3
    careless = [4.0, 4.0, 4.0 * 17 / 16, 2.0, 2.0, 2.0]
    assert tells_apart(cells, careless) == {"North / large": {4.0, 4.25}}
