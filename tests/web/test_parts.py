"""The parts of a page on a narrow screen, and the lines at its top that say what is wrong."""

import json
from typing import Any

import pytest

from surveyapp.instrument import Item, read_instrument
from surveyapp.problems import Problem
from surveyapp.web.parts import Parts, parts, summary
from tests.makers import make_document, make_question


def make_items(*questions: dict[str, Any]) -> list[Item]:
    """A page with these questions on it."""
    return list(read_instrument(json.dumps(make_document(list(questions)))).pages[0].questions)


def make_grid(name: str, rows: int, **more: Any) -> dict[str, Any]:
    labels = [{"code": f"r{n}", "label": f"Row {n}"} for n in range(1, rows + 1)]
    return make_question("grid", name, rows=labels, **more)


def divided(page: Parts) -> list[tuple[str, int, int]]:
    """Each piece: whose it is, its number of rows, its part."""
    return [(chunk.item.id, len(chunk.rows), chunk.part) for chunk in page.chunks]


@pytest.mark.parametrize(
    ("rows", "sizes"),
    [(8, [8]), (9, [5, 4]), (16, [8, 8]), (17, [6, 6, 5]), (24, [8, 8, 8]), (25, [7, 6, 6, 6])],
)
def test_a_long_grid_is_divided_evenly(rows: int, sizes: list[int]):
    page = parts(make_items(make_grid("g", rows)))
    assert [len(chunk.rows) for chunk in page.chunks] == sizes
    assert page.count == len(sizes)
    assert [row.code for chunk in page.chunks for row in chunk.rows] == [f"r{n}" for n in range(1, rows + 1)]


def test_other_questions_stay_with_the_part_before_them():
    page = parts(make_items(make_question("single", "a"), make_grid("g", 9), make_question("single", "b")))
    assert divided(page) == [("a", 0, 1), ("g", 5, 1), ("g", 4, 2), ("b", 0, 2)]


def test_a_second_long_grid_begins_a_part_of_its_own():
    page = parts(make_items(make_grid("g", 9), make_grid("short", 3), make_grid("h", 16)))
    assert divided(page) == [("g", 5, 1), ("g", 4, 2), ("short", 3, 2), ("h", 8, 3), ("h", 8, 4)]
    assert page.count == 4


def test_a_page_without_a_long_grid_is_one_part_and_shown_whole():
    page = parts(make_items(make_question("single", "a"), make_grid("g", 8)))
    assert page.count == 1
    assert page.shown(1) == {}
    assert page.opening(2) is None


def test_a_page_of_nothing_is_one_part():
    assert parts([]).count == 1


def test_the_part_to_come_says_its_rows():
    page = parts(make_items(make_grid("g", 17)))
    following = page.opening(2)
    assert following
    assert (following.first, following.last) == (7, 12)
    assert page.opening(4) is None
    assert page.opening(1) is None


def test_every_field_has_its_part():
    page = parts(make_items(make_question("single", "a"), make_grid("g", 9), make_question("date", "b")))
    places = {
        "a": 1,
        "a.other.text": 1,
        "g.r5": 1,
        "g.r6": 2,
        "g": 1,
        "g.notes": 1,
        "b": 2,
        "b.day": 2,
        "": 1,
        "x": 1,
    }
    assert {key: page.part_of(key) for key in places} == places


def test_what_was_not_yet_seen_is_not_held_against_anybody():
    page = parts(make_items(make_grid("g", 9)))
    early, late = Problem("g.r1", "choose one answer", ""), Problem("g.r9", "choose one answer", "")
    assert page.up_to(1, [early, late]) == [early]
    assert page.up_to(2, [early, late]) == [early, late]


def test_the_current_part_is_shown_and_those_with_problems():
    page = parts(make_items(make_grid("g", 17)))
    assert [piece.now for piece in page.shown(1)["g"]] == [True, False, False]
    assert [piece.now for piece in page.shown(2)["g"]] == [False, True, False]
    assert [piece.now for piece in page.shown(1, [Problem("g.r17", "x", "")])["g"]] == [True, False, True]


@pytest.mark.parametrize(("asked", "shown"), [(0, 0), (-5, 0), (99, 2)])
def test_a_part_that_is_not_there_shows_the_nearest(asked: int, shown: int):
    pieces = parts(make_items(make_grid("g", 17))).shown(asked)["g"]
    assert [piece.now for piece in pieces] == [n == shown for n in range(3)]


# ── what is wrong ────────────────────────────────────────────────────────────


def blank(*rows: int) -> list[Problem]:
    return [Problem(f"g.r{n}", f"Row {n}: choose one answer", "") for n in rows]


def test_a_few_unfinished_rows_are_named():
    items = make_items(make_grid("g", 5))
    lines = summary(items, blank(1, 3, 5), {})
    assert [line.what for line in lines] == [f"Row {n}: choose one answer" for n in (1, 3, 5)]


def test_many_unfinished_rows_are_one_line_that_leads_to_the_first():
    items = make_items(make_question("single", "a"), make_grid("g", 16, text="Engagement over the next year"))
    first = Problem("a", "Select one answer", "")
    lines = summary(items, [first, *blank(*range(3, 17))], {})
    assert lines == [first, Problem("g.r3", "Engagement over the next year: 14 rows have no answer yet", "")]


def test_a_question_with_its_own_mark_gets_no_colon():
    items = make_items(make_grid("g", 9, text="How is each?"))
    (line,) = summary(items, blank(1, 2, 3, 4), {})
    assert line.what == "How is each? 4 rows have no answer yet"


def test_a_row_with_something_wrong_in_it_is_named_beside_the_many():
    items = make_items(make_grid("g", 9, text="How is each?"))
    wrong = Problem("g.r2", "Row 2: that answer is not on the list", "")
    lines = summary(items, [*blank(1), wrong, *blank(3, 4, 5)], {"g.r2": "x"})
    assert [(line.at, line.what) for line in lines] == [
        ("g.r1", "How is each? 4 rows have no answer yet"),
        ("g.r2", "Row 2: that answer is not on the list"),
    ]


def test_a_problem_of_a_whole_question_leads_to_its_first_field():
    rows = [{"code": "nhs", "label": "NHS"}, {"code": "council", "label": "Council"}]
    items = make_items(make_grid("g", 5), make_question("allocation", "share", rows=rows))
    lines = summary(items, [Problem("g", "x", ""), Problem("share", "y", "")], {})
    assert [line.at for line in lines] == ["g.r1", "share.nhs"]


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        (("", "", ""), "opened"),
        (("3", "", "2009"), "opened.month"),
        (("3", "14", ""), "opened.month"),
        (("3", "4", ""), "opened.year"),
        (("3", "4", "09"), "opened.year"),
        (("31", "2", "2009"), "opened"),
        (("x", "y", "z"), "opened"),
    ],
)
def test_a_problem_of_a_date_leads_to_the_first_field_that_cannot_be_right(typed: tuple[str, ...], field: str):
    fields = dict(zip(("opened.day", "opened.month", "opened.year"), typed, strict=True))
    (line,) = summary(make_items(make_question("date", "opened")), [Problem("opened", "x", "")], fields)
    assert line.at == field
