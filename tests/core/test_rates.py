"""Response rates: who is counted where, AAPOR's names, ranges that totals do not undo, days, the R-indicator."""

from dataclasses import replace
from fractions import Fraction
from itertools import product
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from surveyapp.rates import (
    COLUMNS,
    Counts,
    Fieldwork,
    Period,
    Range,
    Rate,
    Row,
    Standing,
    as_json,
    compile_rates,
    count,
    describe,
    deviation,
    disposition,
    percent,
    periods,
    printable,
    r_indicator,
    representativity,
)

NORTH = Standing({"region": "North"}, invited=True)
SOUTH = Standing({"region": "South"}, invited=True)


def numbers(row: Row, column: str = "completed") -> object:
    found = row.numbers[column]
    return str(found) if isinstance(found, Range) else found


def stratum(completed: int, of: int) -> Counts:
    """Of so many organisations, so many completed."""
    return Counts(of, of, of, of, 0, completed, 0, 0, 0)


def table(minimum: int = 10, **strata: tuple[int, int]) -> dict[str, object]:
    """The column of completed as it is printed, with the total."""
    groups = {name: stratum(*given) for name, given in strata.items()}
    whole = stratum(sum(n for n, _ in strata.values()), sum(of for _, of in strata.values()))
    rows, last = printable(groups, whole, minimum)
    return {row.name: numbers(row) for row in [*rows, last]}


def wave(standings: list[Standing], **more: Any) -> Fieldwork:
    given: dict[str, Any] = {
        "wave": "tiny-1",
        "state": "open",
        "opened_on": "2012-01-09",
        "today": "2012-01-20",
        "minimum": 5,
    }
    return compile_rates(standings, ["region"], **{**given, "sent": None, **more})


# ── AAPOR ────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("answered", "applicable", "name"),
    [
        (10, 10, "complete"), (8, 10, "complete"), (80, 100, "complete"), (799, 1000, "partial"),
        (7, 10, "partial"), (5, 10, "partial"), (50, 100, "partial"), (499, 1000, "breakoff"),
        (4, 10, "breakoff"), (0, 10, "breakoff"), (0, 0, "breakoff"), (4, 5, "complete"), (1, 2, "partial"),
    ],
)  # fmt: skip
def test_a_response_counts_by_the_rule_of_eighty_and_fifty_percent(answered, applicable, name):
    assert disposition(answered, applicable) == name


def test_rates_count_complete_and_partial_of_issued_and_no_breakoff():
    rate = Rate("All", frame=149, issued=142, complete=60, partial=5, breakoff=3)
    assert (rate.received, rate.rr1, rate.rr2) == (68, Fraction(60, 142), Fraction(65, 142))


def test_a_stratum_without_issued_units_has_a_rate_of_nothing():
    rate = Rate("North", frame=3, issued=0, complete=0, partial=0)
    assert (rate.rr1, rate.rr2) == (0, 0)


def test_those_out_of_scope_leave_the_denominator():
    rate = Rate("All", frame=150, issued=142, complete=60, partial=5, out_of_scope=2)
    assert (rate.eligible, rate.rr1, rate.rr2) == (140, Fraction(60, 140), Fraction(65, 140))


@pytest.mark.parametrize(
    ("share", "printed"),
    [
        (Fraction(61, 142), 43),
        (Fraction(65, 142), 46),
        (Fraction(1, 200), 1),
        (Fraction(0), 0),
        (Fraction(1), 100),
    ],
)
def test_percentages_are_whole_and_round_half_up(share, printed):
    assert percent(share) == printed


# ── counting ─────────────────────────────────────────────────────────────────


def test_each_organisation_is_counted_where_it_stands():
    found = count(
        [
            replace(NORTH, done=True),
            replace(NORTH, draft=True),
            replace(NORTH, disposition="refused"),
            replace(NORTH, disposition="undeliverable"),
            replace(NORTH, disposition="out-of-scope"),
            replace(NORTH, invited=False),
            replace(NORTH, invited=False, address=False),
            replace(NORTH, invited=False, sampled=False),
        ]
    )
    assert found == Counts(
        frame=8,
        sampled=7,
        issued=6,
        invited=5,
        part_done=1,
        completed=1,
        refused=1,
        undeliverable=1,
        out_of_scope=1,
    )
    assert found.eligible == 5


def test_who_has_answered_is_completed_whatever_was_noted():
    found = count([replace(NORTH, done=True, disposition=d) for d in ("refused", "undeliverable", "out-of-scope")])
    assert (found.completed, found.refused, found.undeliverable, found.out_of_scope) == (3, 0, 0, 0)


def test_a_code_given_in_another_way_makes_an_organisation_issued():
    assert count([replace(NORTH, address=False)]).issued == 1


def test_after_the_close_nobody_knows_who_had_begun():
    assert count([NORTH], drafts_kept=False).part_done is None


# ── ranges ───────────────────────────────────────────────────────────────────


def test_numbers_that_are_large_enough_are_printed():
    assert table(North=(10, 20), South=(14, 30)) == {"North": 10, "South": 14, "All": 24}


def test_nobody_is_printed_as_nobody():
    assert table(North=(0, 20), South=(14, 30)) == {"North": 0, "South": 14, "All": 14}


def test_a_small_number_becomes_a_range_and_others_with_it():
    """With 10 or more in the West, the total would leave 4 at most for the North: so the East goes too."""
    assert table(North=(4, 20), South=(30, 60), East=(20, 50), West=(10, 40)) == {
        "North": "1 to 9",
        "South": 30,
        "East": "10 to 50",
        "West": "10 to 40",
        "All": 64,
    }


def test_two_ranges_that_the_total_would_undo_take_a_third():
    """9 and 9 are the only two numbers up to 9 that make 18."""
    assert table(North=(9, 20), South=(9, 20), East=(20, 50)) == {
        "North": "1 to 9",
        "South": "1 to 9",
        "East": "10 to 50",
        "All": 38,
    }


def test_where_no_other_is_left_every_row_is_from_nobody_to_all():
    assert table(North=(9, 20), South=(9, 30)) == {"North": "0 to 20", "South": "0 to 30", "All": 18}


def test_a_small_total_is_a_range_and_then_no_row_says_who_was_first():
    assert table(North=(4, 20), South=(0, 20)) == {"North": "0 to 9", "South": "0 to 9", "All": "1 to 9"}


def test_in_a_stratum_of_a_few_organisations_even_nobody_is_hidden():
    assert table(North=(0, 3), South=(30, 50), East=(20, 30)) == {
        "North": "0 to 3",
        "South": 30,
        "East": "10 to 30",
        "All": 50,
    }


def test_a_stratum_in_which_nobody_can_answer_says_so():
    assert table(North=(0, 0), South=(30, 50)) == {"North": 0, "South": 30, "All": 30}


def test_a_share_that_would_give_a_range_back_is_not_printed():
    rows, last = printable({"North": stratum(4, 20), "South": stratum(30, 60)}, stratum(34, 80), 10)
    assert [row.share for row in [*rows, last]] == [None, None, Fraction(34, 80)]


def test_refusals_and_unfinished_answers_are_protected_as_well():
    north = replace(stratum(12, 40), part_done=3, refused=2)
    rows, last = printable({"North": north}, north, 10)
    assert [numbers(rows[0], c) for c in ("part_done", "completed", "refused")] == ["0 to 9", 12, "0 to 9"]
    assert [numbers(last, c) for c in ("part_done", "completed", "refused")] == ["1 to 9", 12, "1 to 9"]


def test_facts_of_the_list_are_printed_as_they_are():
    north = replace(stratum(12, 40), undeliverable=2, out_of_scope=1)
    rows, _ = printable({"North": north}, north, 10)
    assert [rows[0].numbers[c] for c in ("frame", "issued", "undeliverable", "out_of_scope", "eligible")] == [
        40, 40, 2, 1, 39,
    ]  # fmt: skip


def test_a_second_table_says_nothing_that_could_be_subtracted_from_the_first():
    """Of the North all but three organisations are of kind a: 12 less the 9 of kind a would be theirs."""
    frame = [
        *[Standing({"region": "North", "kind": "a"}, invited=True, done=i < 10) for i in range(20)],
        *[Standing({"region": "North", "kind": "b"}, invited=True, done=i < 2) for i in range(12)],
        *[Standing({"region": "South", "kind": "c"}, invited=True, done=i < 14) for i in range(30)],
    ]
    found = compile_rates(
        frame, ["region", "kind"], wave="w", state="open", opened_on="2012-01-09", today="2012-01-20",
        minimum=10, sent=None,
    )  # fmt: skip
    assert [numbers(row) for row in found.tables["region"]] == [12, 14]
    assert [numbers(row) for row in found.tables["kind"]] == ["0 to 20", "0 to 12", "0 to 30"]
    assert numbers(found.whole) == 26


def test_two_tables_without_a_small_number_are_both_whole():
    cells = [(region, kind) for region in "NS" for kind in "ab"]
    frame = [replace(NORTH, strata={"region": r, "kind": k}, done=i < 12) for r, k in cells for i in range(30)]
    found = compile_rates(
        frame, ["region", "kind"], wave="w", state="open", opened_on="2012-01-09", today="2012-01-20",
        minimum=10, sent=None,
    )  # fmt: skip
    assert [numbers(row) for table in found.tables.values() for row in table] == [24, 24, 24, 24]


def test_days_and_strata_say_the_same_of_all_and_hide_it_together():
    few = [replace(NORTH, done=i < 3, done_on="2012-01-10" if i < 3 else None) for i in range(20)]
    found = wave(few)
    assert numbers(found.whole) == "1 to 4"
    assert [str(period.completed) for period in found.periods or ()] == ["1 to 4"]
    many = [replace(NORTH, done=i < 9, done_on=f"2012-01-1{i // 3}" if i < 9 else None) for i in range(20)]
    found = wave(many)
    assert sum(period.completed for period in found.periods or ()) == numbers(found.whole) == 9


def test_an_indicator_has_two_places_also_for_programmes():
    frame = [replace(NORTH, done=i < 10) for i in range(20)] + [replace(SOUTH, done=i < 6) for i in range(30)]
    found = as_json(wave(frame))
    assert (found["r_indicator"], found["partial_indicators"]) == (0.71, {"region": 0.15})


@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), min_size=1, max_size=4))
@settings(max_examples=150, deadline=None)
def test_whoever_tries_every_number_finds_none_that_is_hidden(given):
    """Every value of its own range stays possible for each small number, as far as the total alone leaves it."""
    strata = {f"S{i}": (min(n, of), of) for i, (n, of) in enumerate(given)}
    total, room = sum(n for n, _ in strata.values()), sum(of for _, of in strata.values())
    assume(total)
    groups = {name: stratum(*given) for name, given in strata.items()}
    rows, last = printable(groups, stratum(total, room), 5)
    choices = [_possible(row, of) for row, (_, of) in zip(rows, strata.values(), strict=True)]
    totals = set(_possible(last, room))
    fitting = [choice for choice in product(*choices) if sum(choice) in totals]
    for i, (number, of) in enumerate(strata.values()):
        assert number in choices[i]
        if 0 < number < 5 or (number < of < 5):
            by_total = range(max(0, total - (room - of)), min(of, total) + 1)
            own = range(1, 5) if of >= 5 else range(of + 1)
            assert {choice[i] for choice in fitting} >= set(own) & set(by_total), strata


def _possible(row: Row, room: int) -> range:
    shown = row.numbers["completed"]
    if isinstance(shown, Range):
        return range(shown.low, min(shown.high, room) + 1)
    assert isinstance(shown, int)
    return range(shown, shown + 1)


# ── by day ───────────────────────────────────────────────────────────────────


def test_days_are_put_together_until_enough_were_completed():
    days = ["2012-01-10"] * 4 + ["2012-01-11"] * 2 + ["2012-01-16"] * 7 + ["2012-01-17"] * 5 + ["2012-01-19"]
    assert periods(days, "2012-01-09", 40, 5) == [
        Period("2012-01-09", "2012-01-11", 6, 6),
        Period("2012-01-12", "2012-01-16", 7, 13),
        Period("2012-01-17", "2012-01-19", 6, 19),
    ]


def test_a_few_completions_in_all_are_a_range():
    found = periods(["2012-01-10", "2012-01-12"], "2012-01-09", 40, 5)
    assert found == [Period("2012-01-09", "2012-01-12", Range(1, 4), Range(1, 4))]


def test_without_completions_there_are_no_days():
    assert periods([], "2012-01-09", 40, 5) == []


# ── representativity ─────────────────────────────────────────────────────────


def test_the_r_indicator_of_two_strata():
    """20 units at 1/2 and 30 at 1/5: the mean is 16/50 = 0.32, so S² = (20 × 0.18² + 30 × 0.12²) / 50 = 0.0216,
    S = 0.14697 and R = 1 − 2 × 0.14697 = 0.70606."""
    assert r_indicator([(20, Fraction(1, 2)), (30, Fraction(1, 5))]) == pytest.approx(0.706061, abs=1e-6)


def test_the_r_indicator_goes_from_an_even_response_to_all_of_one_half_and_none_of_the_other():
    assert r_indicator([(20, Fraction(1, 2)), (30, Fraction(1, 2))]) == 1
    assert r_indicator([(25, Fraction(1)), (25, Fraction(0))]) == 0
    assert deviation([]) == 0


def answered(strata: dict[str, str], done: int, of: int, sampled: int | None = None) -> list[Standing]:
    asked = of if sampled is None else sampled
    return [Standing(strata, sampled=i < asked, invited=i < asked, done=i < done) for i in range(of)]


def test_unevenness_along_one_variable_is_the_same_in_its_partial_indicator():
    """As above: S = 0.14697 lies between the two regions, and nothing else."""
    frame = answered({"region": "North"}, 10, 20) + answered({"region": "South"}, 6, 30)
    found = representativity(frame, ["region"], 5)
    assert found.r == pytest.approx(0.706061, abs=1e-6)
    assert found.partial == {"region": pytest.approx(0.146969, abs=1e-6)}


def test_unevenness_of_the_crossing_alone_lies_along_no_variable():
    """Each cell is 0.05 off the mean of 0.55: S = 0.05, R = 0.9. Each region and kind has the mean itself."""
    done = {("N", "a"): 12, ("N", "b"): 10, ("S", "a"): 10, ("S", "b"): 12}
    frame = [s for (region, kind), n in done.items() for s in answered({"region": region, "kind": kind}, n, 20)]
    found = representativity(frame, ["region", "kind"], 10)
    assert (found.r, found.cells) == (pytest.approx(0.9), 4)
    assert found.partial == {"region": 0, "kind": 0}


def test_a_sample_stands_for_the_units_of_its_cell():
    """North: 40 units, 20 sampled, 10 done: 0.5. South: 20 units, all sampled, 14 done: 0.7. The mean is
    34/60; S² = (40 × 0.06667² + 20 × 0.13333²) / 60 = 0.0088889, S = 0.094281, R = 0.811438."""
    frame = answered({"region": "North"}, 10, 40, sampled=20) + answered({"region": "South"}, 14, 20)
    assert representativity(frame, ["region"], 10).r == pytest.approx(0.811438, abs=1e-6)


def test_those_out_of_scope_represent_nobody():
    outside = [Standing({"region": "South"}, disposition="out-of-scope")] * 10
    frame = answered({"region": "North"}, 10, 20) + answered({"region": "South"}, 10, 20)
    assert representativity(frame + outside, ["region"], 10).r == 1


def test_an_indicator_that_one_small_number_could_be_solved_from_is_not_given():
    frame = answered({"region": "North"}, 4, 20) + answered({"region": "South"}, 20, 40)
    found = representativity(frame, ["region"], 10)
    assert (found.r, found.partial) == (None, {"region": None})


def test_while_only_a_few_have_answered_there_is_no_indicator():
    frame = [s for i in range(5) for s in answered({"region": str(i)}, 1, 20)]
    assert representativity(frame, ["region"], 10).r is None


# ── all together ─────────────────────────────────────────────────────────────


def test_rates_are_printed_once_it_is_known_how_complete_the_answers_are():
    frame = [replace(NORTH, done=True)] * 8 + [NORTH] * 12
    waiting, released = wave(frame), wave(frame, sent={"complete": 6, "partial": 1, "breakoff": 1})
    assert "RR1, RR2: not available yet" in describe(waiting)
    assert "RR1 30%: 6 complete of 20 eligible" in describe(released)
    assert "RR2 35%: 6 complete and 1 partial of 20 eligible" in describe(released)


def test_no_rate_is_printed_of_fewer_answers_than_the_minimum():
    frame = [replace(NORTH, done=True)] * 4 + [NORTH] * 16
    found = wave(frame, sent={"complete": 4, "partial": 0, "breakoff": 0})
    assert found.rate is None
    assert "RR1, RR2: not available yet; they need every answer sent to be released from the tray, and 5 at" in (
        describe(found)
    )


def test_answers_loaded_without_saying_whose_count_in_the_rates_and_are_named():
    found = wave([NORTH] * 20, sent={"complete": 8, "partial": 0, "breakoff": 0})
    assert "RR1 40%: 8 complete of 20 eligible" in describe(found)
    assert "(Some answers were loaded without saying whose they are" in describe(found)


def test_figures_for_programmes_hold_ranges_and_full_precision():
    frame = [replace(NORTH, done=True)] * 8 + [NORTH] * 22 + [replace(SOUTH, done=True)] * 3 + [SOUTH] * 17
    found = as_json(wave(frame))
    assert found["all"]["completed_of_issued"] == 11 / 50
    north, south = found["strata"]["region"]
    assert (north["completed"], south["completed"]) == ({"from": 5, "to": 30}, {"from": 1, "to": 4})
    assert (north["completed_of_issued"], found["rr1"]) == (None, None)
    assert set(COLUMNS) < set(north)


def test_the_close_takes_days_and_drafts_away():
    found = as_json(wave([replace(NORTH, done=True)] * 8, state="closed"))
    assert (found["days"], found["all"]["part_done"]) == (None, None)
