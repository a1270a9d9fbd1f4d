"""What a wave says of itself, and its last day."""

from datetime import date

import pytest

from surveyapp.fieldwork import days_left, is_email, naming_problems, takes_answers

LAST = "2012-02-17"


def found(service: str = "", contact: str = "") -> list[tuple[str, str, str]]:
    return [(p.at, p.what, p.do) for p in naming_problems(service, contact)]


# ── the last day ─────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("state", "closes_on", "today", "taken"),
    [
        ("open", None, date(2012, 2, 17), True),
        ("open", LAST, date(2012, 2, 16), True),
        ("open", LAST, date(2012, 2, 17), True),
        ("open", LAST, date(2012, 2, 18), False),
        ("open", LAST, date(2013, 1, 1), False),
        ("closed", None, date(2012, 2, 17), False),
        ("closed", LAST, date(2012, 2, 16), False),
    ],
)
def test_answers_are_taken_until_the_end_of_the_last_day(state, closes_on, today, taken):
    assert takes_answers(state, closes_on, today) is taken


@pytest.mark.parametrize(
    ("today", "left"),
    [
        (date(2012, 2, 10), 7),
        (date(2012, 2, 16), 1),
        (date(2012, 2, 17), 0),
        (date(2012, 2, 18), -1),
        (date(2011, 12, 31), 48),
    ],
)
def test_the_days_left_are_counted_to_the_last_day(today, left):
    assert days_left(LAST, today) == left


def test_the_twenty_ninth_of_february_is_a_day():
    assert days_left("2012-03-01", date(2012, 2, 28)) == 2


def test_without_a_last_day_there_is_nothing_to_count():
    assert days_left(None, date(2012, 2, 17)) is None


# ── name and contact ─────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("service", "contact"),
    [
        ("", ""),
        ("National drug survey", "office@example.org"),
        ("Arolwg cyffuriau cenedlaethol", "Ring 020 7946 0000 on weekdays."),
        ("s" * 100, "c" * 200),
        ("<script>alert(1)</script>", "'; DROP TABLE wave; --"),
        ("Équipe 字 😀", "O’Hara & Sons"),
    ],
)
def test_whatever_prints_and_is_short_may_be_a_name_and_a_contact(service, contact):
    assert found(service, contact) == []


def test_what_is_too_long_is_refused_with_its_length():
    assert found("s" * 300, "c" * 201) == [
        ("service", "it has 300 characters", "shorten it to 100"),
        ("contact", "it has 201 characters", "shorten it to 200"),
    ]


@pytest.mark.parametrize(
    "text", ["two\nlines", "a\rb", "a\tb", "\x00", "\x1b[31m", "a\u202eb", "a\u2028b", "\ud800"]
)
def test_a_line_break_or_a_control_character_is_refused(text):
    what, do = "it holds a line break or a control character", "write it on one line"
    assert found(text, text) == [("service", what, do), ("contact", what, do)]


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("office@example.org", True),
        ("o'hara+survey@example.org", True),
        ("", False),
        ("write to office@example.org", False),
        ("office@example.org, 020 7946 0000", False),
        ("020 7946 0000", False),
        ("office@localhost", False),
        ("office@example.org?cc=x@example.org", False),
    ],
)
def test_a_contact_is_an_email_address_only_if_it_is_nothing_else(text, is_one):
    assert is_email(text) is is_one
