"""Organisations that stand alike, counted together: the same rates as when each is counted by itself."""

from collections import Counter
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from surveyapp.fieldwork import DISPOSITIONS
from surveyapp.rates import Standing, compile_rates, count, periods

STRATA = st.fixed_dictionaries({"region": st.sampled_from("NSW"), "kind": st.sampled_from("ab")})
DAYS = st.sampled_from([None, "2012-01-16", "2012-01-17", "2012-01-20"])
STANDINGS = st.builds(
    Standing,
    strata=STRATA,
    sampled=st.booleans(),
    address=st.booleans(),
    invited=st.booleans(),
    draft=st.booleans(),
    done=st.booleans(),
    disposition=st.sampled_from(["", *DISPOSITIONS]),
    done_on=DAYS,
    number=st.integers(1, 30),
)
SETTINGS = {"wave": "w", "state": "open", "opened_on": "2012-01-16", "today": "2012-02-01", "minimum": 10}


def each(together: list[Standing]) -> list[Standing]:
    return [replace(standing, number=1) for standing in together for _ in range(standing.number)]


@given(st.lists(STANDINGS, max_size=20))
def test_together_or_one_by_one_the_rates_are_the_same(together: list[Standing]):
    rates = [
        compile_rates(found, ["region", "kind"], **SETTINGS, sent=None) for found in (together, each(together))
    ]
    assert rates[0] == rates[1]


def test_so_many_that_stand_alike_count_as_so_many():
    found = count([Standing({}, invited=True, done=True, number=24), Standing({}, invited=True, number=36)])
    assert (found.frame, found.issued, found.invited, found.completed) == (60, 60, 60, 24)


def test_days_may_be_counted_before():
    days = ["2012-01-16"] * 12 + ["2012-01-18"] * 11
    assert periods(Counter(days), "2012-01-16", 40, 10) == periods(days, "2012-01-16", 40, 10)
