"""The ledger of differences: groups that must not be printed beside each other."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from surveyapp.analysis.dataset import Dataset
from surveyapp.analysis.disclosure.ledger import LedgerEntry, check, close_pairs, entries
from surveyapp.analysis.disclosure.protection import protect
from surveyapp.instrument.model import Condition
from tests.core.test_dataset import make_dataset
from tests.core.test_tables import make_table
from tests.makers import make_instrument, make_question

REGIONS = [{"code": code, "label": code.title()} for code in ("north", "south")]


def make_data(north: int = 30, south: int = 30, nowhere: int = 0, blank: int = 0) -> Dataset:
    """Answers to q by region; `nowhere` named no region, `blank` are of the north and left q blank."""
    instrument = make_instrument(
        [make_question("single", "region", options=REGIONS), make_question("single", "q")]
    )
    answers = [{"region": "north", "q": "yes"}] * north + [{"region": "south", "q": "no"}] * south
    return make_dataset(instrument, *answers, *[{"q": "no"}] * nowhere, *[{"region": "north"}] * blank)


def make_entries(data: Dataset, name: str = "final", **layout: object) -> list[LedgerEntry]:
    return entries(protect([make_table(data, **layout)]), name, "wave-1", data)


def mask(*members: int, of: int = 20) -> np.ndarray:
    return np.isin(np.arange(of), members)


def test_a_group_within_another_that_has_one_or_two_more_is_found():
    groups = {"a": mask(*range(10)), "b": mask(*range(12)), "c": mask(*range(15)), "d": mask(*range(3, 14))}
    assert close_pairs(groups) == [("a", "b")]


@given(st.lists(st.sets(st.integers(0, 8)), min_size=2, max_size=6))
def test_pairs_are_those_that_sets_find(sets: list[set[int]]):
    groups = {str(i): mask(*some, of=9) for i, some in enumerate(sets)}
    found = {(int(a), int(b)) for a, b in close_pairs(groups)}
    assert found == {
        (i, j) for i, a in enumerate(sets) for j, b in enumerate(sets) if a < b and 1 <= len(b - a) < 3
    }


def test_a_release_by_itself_is_in_order():
    data = make_data()
    assert check(make_entries(data, by=[["region"]]), [], data) == []


def test_all_and_all_regions_together_must_not_differ_by_two():
    data = make_data(nowhere=2)
    (problem,) = check(make_entries(data, by=[["region"]]), [], data)
    assert str(problem) == (
        "1: “All” differs from “Region / all” of table 1 by fewer than 3 answers, and subtracting gives these; "
        "leave one of the two out, or choose groups that differ by more"
    ).replace("Region", "What about region?")
    assert check(make_entries(make_data(nowhere=3), by=[["region"]]), [], make_data(nowhere=3)) == []


def test_a_filter_that_leaves_out_two_is_refused_after_a_release_of_everybody():
    data = make_data(north=40, south=2)
    everybody = make_entries(data, "first")
    without_south = make_entries(
        data, "second", where=Condition.model_validate({"question": "region", "is": "north"})
    )
    (problem,) = check(without_south, everybody, data)
    assert problem.do == "leave it out; the release “first” cannot be taken back"


def test_a_final_release_with_two_answers_more_than_the_interim_one_waits():
    interim = make_entries(make_data(south=30), "interim")
    final = make_data(south=32)
    (problem,) = check(make_entries(final), interim, final)
    assert problem.do == "wait for more answers; the release “interim” cannot be taken back"
    later = make_data(south=33)
    assert check(make_entries(later), interim, later) == []


def test_the_same_release_once_more_is_in_order():
    data = make_data()
    first = make_entries(data, "first", by=[["region"]])
    assert check(make_entries(data, "second", by=[["region"]]), first, data) == []


def test_different_questions_and_waves_are_no_pair():
    data = make_data(blank=2)
    of_q, of_region = (
        make_entries(data),
        entries(protect([make_table(data, "region")]), "final", "wave-1", data),
    )
    assert [entry.n for entry in (*of_q, *of_region)] == [60, 62]
    assert check([*of_q, *of_region], [], data) == []


def test_hidden_groups_are_not_entered():
    """South is too small; north alone would give it away."""
    data = make_data(north=40, south=4)
    assert [entry.column for entry in make_entries(data, by=[["region"]])] == ["All"]


@pytest.mark.parametrize(
    "who", [frozenset(), frozenset({("q", frozenset({"a", "b"})), ("unit.region", frozenset("x"))})]
)
def test_an_entry_is_kept_as_text(who: frozenset):
    entry = LedgerEntry("final", "wave-1", "1", "All", "q", who, 61)
    assert LedgerEntry.from_json(entry.to_json()) == entry
