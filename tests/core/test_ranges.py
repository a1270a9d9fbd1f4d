"""Small numbers of a table of response, and an attacker who knows every other number of it and solves for them."""

from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from surveyapp.ranges import COLUMNS, Line, Number, Range, protected

LIMITS = {"completed": "room", "refused": "room", "part_done": "invited"}
MINIMUM = 5


def line(completed: int, of: int, refused: int = 0, part_done: int | None = 0, invited: int | None = None) -> Line:
    return Line(completed, refused, part_done, of, of if invited is None else invited)


def whole(lines: list[Line]) -> Line:
    begun = None if any(one.part_done is None for one in lines) else sum(one.part_done or 0 for one in lines)
    sums = [sum(getattr(one, name) for one in lines) for name in ("completed", "refused", "room", "invited")]
    return Line(sums[0], sums[1], begun, sums[2], sums[3])


def printed(lines: list[Line], minimum: int = MINIMUM, **more: Any) -> list[dict[str, Number]]:
    return protected(lines, whole(lines), minimum, **more)


def column(lines: list[Line], name: str, minimum: int = 10) -> list[str | int | None]:
    numbers = [row[name] for row in printed(lines, minimum)]
    return [str(number) if isinstance(number, Range) else number for number in numbers]


# ── by hand ──────────────────────────────────────────────────────────────────


def test_a_small_number_takes_others_until_its_whole_range_is_possible():
    """The total leaves 14 for the first and the last: with 10 or more in the last, the first had 4 at most."""
    lines = [line(4, 20), line(30, 60), line(20, 50), line(10, 40)]
    assert column(lines, "completed") == ["1 to 9", 30, "10 to 50", "10 to 40", 64]


def test_few_who_are_left_by_the_completed_ones_are_from_0():
    """18 of 20 completed it: at most 2 can have refused or begun, and how many did is not said."""
    lines = [line(18, 20, refused=1, part_done=1), line(30, 60, refused=12, part_done=11)]
    assert column(lines, "completed") == [18, 30, 48]
    assert column(lines, "refused") == ["0 to 2", "10 to 30", 13]
    assert column(lines, "part_done") == ["0 to 2", "10 to 30", 12]


def test_refusals_that_leave_too_few_for_the_completed_are_hidden_with_them():
    """14 of 20 refused: 6 at most can have completed it, so the 14 must not be known, and the 12 neither."""
    lines = [line(4, 20, refused=14), line(30, 60), line(30, 60), line(30, 60, refused=12)]
    assert column(lines, "completed") == ["1 to 9", "10 to 60", 30, 30, 94]
    assert column(lines, "refused") == ["10 to 19", 0, 0, "10 to 30", 26]


def test_what_nobody_knows_is_no_range():
    lines = [line(12, 40, part_done=None), line(14, 40, part_done=None)]
    assert column(lines, "part_done") == [None, None, None]


def test_columns_that_are_to_say_nothing_say_their_totals():
    rows = printed([line(12, 20), line(8, 20)], bare=["completed"])
    assert [str(row["completed"]) for row in rows] == ["0 to 20", "0 to 20", "20"]


def test_what_totals_alone_say_nothing_can_hide():
    assert column([line(3, 3), line(40, 40)], "completed") == ["0 to 3", 40, 43]


def test_a_table_of_many_rows_is_quick():
    lines = [line(i % 23, 22 + i % 5, refused=i % 3, part_done=i % 2) for i in range(400)]
    assert len(printed(lines, 10)) == 401


# ── the attacker ─────────────────────────────────────────────────────────────


def attack(lines: list[Line], rows: list[dict[str, Number]], i: int, name: str) -> tuple[int, int]:
    """The least and the most that a number can be by all that is printed: a linear programme over the table."""
    n = len(lines)
    place = {(c, k): COLUMNS.index(c) * n + k for c in COLUMNS for k in range(n)}
    upper, most, equal, exact = [], [], [], []
    for k, one in enumerate(lines):
        for other, limit in (("refused", one.room), ("part_done", one.invited)):
            upper.append(_row(3 * n, {place["completed", k]: 1, place[other, k]: 1}))
            most.append(limit)
    for c in COLUMNS:
        weights = _row(3 * n, {place[c, k]: 1 for k in range(n)})
        low, high = _ends(rows[-1][c])
        if low == high:
            equal.append(weights)
            exact.append(low)
        else:
            upper += [weights, -weights]
            most += [high, -low]
    bounds = [_ends(rows[k][c], getattr(lines[k], LIMITS[c])) for c in COLUMNS for k in range(n)]
    ends = []
    for sign in (1, -1):
        goal = _row(3 * n, {place[name, i]: sign})
        found = linprog(goal, A_ub=upper, b_ub=most, A_eq=equal or None, b_eq=exact or None, bounds=bounds)
        assert found.status == 0, "the table contradicts itself"
        ends.append(round(sign * found.fun, 6))
    return int(np.ceil(ends[0] - 1e-6)), int(np.floor(ends[1] + 1e-6))


def _row(length: int, weights: dict[int, int]) -> Any:
    row = np.zeros(length)
    for at, weight in weights.items():
        row[at] += weight
    return row


def _ends(number: Number, most: int = 10**6) -> tuple[int, int]:
    if isinstance(number, Range):
        return number.low, min(number.high, most)
    return (number, number) if number is not None else (0, 0)


def own_range(one: Line, row: dict[str, Number], name: str, minimum: int) -> tuple[int, int] | None:
    """What is promised for a number that must not be known: from 1 to the minimum less one, or all that can be."""
    left = getattr(one, LIMITS[name]) - (0 if name == "completed" else _ends(row["completed"])[0])
    if left < minimum:
        return (0, left) if left else None
    return (1, minimum - 1) if 0 < getattr(one, name) < minimum else None


@st.composite
def make_lines(draw: st.DrawFn) -> list[Line]:
    lines = []
    for _ in range(draw(st.integers(1, 5))):
        of = draw(st.integers(0, 16))
        completed = draw(st.integers(0, of))
        refused = draw(st.integers(0, of - completed))
        invited = draw(st.integers(completed, of))
        lines.append(Line(completed, refused, draw(st.integers(0, invited - completed)), of, invited))
    return lines


@given(make_lines())
@settings(max_examples=200, deadline=None)
def test_an_attacker_with_the_whole_table_narrows_no_hidden_number(lines: list[Line]):
    """Every value of its own range stays possible for each, unless the totals alone would leave less."""
    rows = printed(lines)
    nothing_but_totals = printed(lines, bare=COLUMNS)
    for i, one in enumerate(lines):
        for name in COLUMNS:
            own = own_range(one, rows[i], name, MINIMUM)
            number = rows[i][name]
            if own is None or rows[-1][name] == 0:
                assert number == getattr(one, name) or isinstance(number, Range)
                continue
            assert isinstance(number, Range), "a number that must not be known is printed"
            low, high = attack(lines, rows, i, name)
            least, most = attack(lines, nothing_but_totals, i, name)
            assert low <= max(own[0], least), (name, i, rows)
            assert high >= min(own[1], most), (name, i, rows)


@given(make_lines())
@settings(max_examples=100, deadline=None)
def test_what_is_printed_is_true(lines: list[Line]):
    for one, row in zip([*lines, whole(lines)], printed(lines), strict=True):
        for name in COLUMNS:
            low, high = _ends(row[name])
            assert low <= getattr(one, name) <= high


@given(make_lines())
@settings(max_examples=100, deadline=None)
def test_large_numbers_alone_are_all_printed(lines: list[Line]):
    large = [Line(one.completed + 20, 0, 0, one.room + 40, one.invited + 40) for one in lines]
    assert [row["completed"] for row in printed(large)[:-1]] == [one.completed for one in large]


@pytest.mark.parametrize("minimum", [5, 10])
def test_every_number_that_the_judge_allows_is_found_by_trying_all(minimum: int):
    """The whole range of each hidden number is met by tables of whole numbers, not only by fractions."""
    lines = [line(3, 9, 2, 1), line(6, 12, 1, 2), line(7, 11, 3, 2)]
    rows = printed(lines, minimum)
    seen: dict[tuple[int, str], set[int]] = {}
    completed = [range(_ends(row["completed"])[0], _ends(row["completed"], 12)[1] + 1) for row in rows[:-1]]
    low, high = _ends(rows[-1]["completed"])
    refused = [_ends(row["refused"])[0] for row in rows[:-1]]
    for numbers in product(*completed):
        in_rows = all(n + r <= one.room for n, r, one in zip(numbers, refused, lines, strict=True))
        if in_rows and low <= sum(numbers) <= high:
            for i, number in enumerate(numbers):
                seen.setdefault((i, "completed"), set()).add(number)
    for i, one in enumerate(lines):
        own = own_range(one, rows[i], "completed", minimum)
        if own:
            assert set(range(own[0], own[1] + 1)) <= seen[i, "completed"]
