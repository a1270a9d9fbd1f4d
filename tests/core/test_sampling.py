"""A sample that anybody can draw again: the numbers, the shares, who is drawn."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surveyapp.frames import Frame, Unit
from surveyapp.problems import Refused
from surveyapp.sampling import Design, allocation, draw, number
from tests.makers import make_frame

DRAWN = ["U007", "U010", "U011", "U014", "U015", "U016"]


def drawn(frame: Frame) -> list[str]:
    return [unit.unit for unit in frame.units if unit.sampled]


def test_the_number_of_a_unit_is_the_documented_one():
    by_hand = hashlib.sha256(b"surveyapp sample 1\n2012\nU001").hexdigest()
    assert number("2012", "U001") == by_hand
    assert by_hand == ("72de44f4d2b6edafbfc8f1b3f0e91dd18daf4ee2372346bd8547ce76cc37b9bc")


def test_the_same_seed_draws_the_same_units_in_whatever_order_the_file_is():
    frame = make_frame(20)
    sample = draw(frame, Design(by=("region",), each=3), "2012")
    assert drawn(sample) == DRAWN
    turned = Frame(tuple(reversed(frame.units)), frame.strata)
    assert sorted(drawn(draw(turned, Design(by=("region",), each=3), "2012"))) == DRAWN
    assert drawn(draw(frame, Design(by=("region",), each=3), "2013")) != DRAWN


def test_the_frame_keeps_its_units_and_says_how_it_was_drawn():
    sample = draw(make_frame(20), Design(by=("region",), size=6), "2012")
    assert len(sample.units) == 20
    assert sample.seed == "2012 (6 in proportion to region)"
    assert sample.issued == 6
    assert str(Design(by=("region",), each=3)) == "3 of each region"
    assert str(Design(size=6)) == "6"


@pytest.mark.parametrize(
    ("sizes", "size", "shares"),
    [
        ({"A": 70, "B": 50, "C": 29}, 100, {"A": 47, "B": 34, "C": 19}),
        ({"A": 10, "B": 10, "C": 10}, 10, {"A": 4, "B": 3, "C": 3}),
        ({"A": 1, "B": 99}, 10, {"A": 0, "B": 10}),
        ({"A": 5, "B": 15}, 2, {"A": 0, "B": 2}),
        ({"A": 3, "B": 4}, 7, {"A": 3, "B": 4}),
    ],
)  # fmt: skip
def test_a_size_is_shared_out_in_proportion_with_the_largest_remainders(sizes, size, shares):
    assert allocation(sizes, Design(by=("region",), size=size)) == shares


def test_a_stratum_that_is_too_small_gives_all_it_has():
    assert allocation({"A": 4, "B": 40}, Design(by=("region",), each=10)) == {"A": 4, "B": 10}


@given(st.dictionaries(st.text(max_size=3), st.integers(1, 500), min_size=1, max_size=12), st.data())
def test_shares_add_up_and_never_exceed_their_stratum(sizes, data):
    size = data.draw(st.integers(1, sum(sizes.values())))
    shares = allocation(sizes, Design(size=size))
    assert sum(shares.values()) == size
    assert all(0 <= shares[name] <= sizes[name] for name in sizes)
    assert all(abs(shares[n] - size * sizes[n] / sum(sizes.values())) < 1 for n in sizes)


def test_over_many_seeds_each_unit_is_drawn_as_often_as_any_other():
    """3 of 20 a thousand times: 150 on average, and nobody further off than five standard deviations."""
    frame = make_frame(20)
    times = dict.fromkeys((unit.unit for unit in frame.units), 0)
    for seed in range(1_000):
        for unit in drawn(draw(frame, Design(size=3), str(seed))):
            times[unit] += 1
    assert sum(times.values()) == 3_000
    assert all(abs(n - 150) < 5 * 11.3 for n in times.values())


@pytest.mark.parametrize(
    ("design", "seed", "words"),
    [
        (Design(by=("regoin",), each=3), "1", 'regoin: the frame has no such stratum; did you mean "region"?'),
        (Design(size=21), "1", "sample: the frame has only 20 units; draw fewer"),
        (Design(size=2), "", "seed: it is empty"),
        (Design(size=2), "a\nb", "does not print"),
        (Design(size=2), "x" * 101, "over 100 long"),
    ],
)
def test_what_cannot_be_drawn_is_refused(design, seed, words):
    with pytest.raises(Refused) as refused:
        draw(make_frame(20), design, seed)
    assert words in str(refused.value)


def test_units_without_an_address_can_be_drawn_and_are_not_issued():
    units = tuple(Unit(f"U{i}", "Team", "" if i % 2 else f"u{i}@b.org") for i in range(10))
    sample = draw(Frame(units, ()), Design(size=10), "1")
    assert (len(drawn(sample)), sample.issued) == (10, 5)
