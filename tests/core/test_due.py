"""Who is due a reminder, by the days of the letters sent so far; and files of letters that came back."""

from datetime import date

import pytest

from surveyapp.fieldwork import due, reached, read_bounces, read_rule
from surveyapp.problems import Refused

RULE = (10, 20, 27)


@pytest.mark.parametrize(
    ("invited", "reminded", "today", "expected"),
    [
        ("2012-01-16", None, "2012-01-25", False),
        ("2012-01-16", None, "2012-01-26", True),
        ("2012-01-16", "2012-01-26", "2012-01-26", False),
        ("2012-01-16", "2012-01-26", "2012-01-27", False),
        ("2012-01-16", "2012-01-26", "2012-02-05", True),
        ("2012-01-16", None, "2012-02-10", True),
        ("2012-01-16", "2012-02-10", "2012-02-11", False),
        ("2012-01-16", "2012-02-12", "2012-03-30", False),
        (None, None, "2012-02-10", False),
    ],
)
def test_a_reminder_is_due_once_for_each_day_of_the_rule(
    invited: str | None, reminded: str | None, today: str, expected: bool
):
    assert due(invited, reminded, RULE, date.fromisoformat(today)) is expected


def test_without_a_rule_one_is_due_on_any_day_but_that_of_another_letter():
    assert due("2012-01-16", None, None, date(2012, 1, 17))
    assert due(None, None, None, date(2012, 1, 17))
    assert not due("2012-01-16", None, None, date(2012, 1, 16))
    assert not due("2012-01-16", "2012-01-20", None, date(2012, 1, 20))


def test_days_of_the_rule_that_are_over_are_counted():
    assert [reached("2012-01-16", RULE, date(2012, 1, day)) for day in (25, 26, 31)] == [0, 1, 1]
    assert reached("2012-01-16", RULE, date(2012, 2, 12)) == 3
    assert reached(None, RULE, date(2012, 2, 12)) == reached("2012-01-16", None, date(2012, 2, 12)) == 0


def test_a_rule_is_rising_days():
    assert read_rule("10, 20,27") == (10, 20, 27)


@pytest.mark.parametrize("text", ["", "a", "20,10", "10,10", "0", "-1", "1.5", "400", "10,", "١٠"])
def test_what_is_no_rule_is_refused(text: str):
    with pytest.raises(Refused, match="write rising numbers such as 10,20,27"):
        read_rule(text)


def test_letters_that_came_back_are_read_by_unit_or_address():
    assert read_bounces(b"unit\nU1\n\nU2\n") == [(2, "unit", "U1"), (4, "unit", "U2")]
    assert read_bounces(b"day;Email\n1;a@b.org\n2;\n") == [(2, "email", "a@b.org")]
    with pytest.raises(Refused, match="neither a column unit nor a column email"):
        read_bounces(b"name\nTeam\n")
