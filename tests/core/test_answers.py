"""What a respondent posts: codes that exist, words that fit, nothing else."""

import json
import unicodedata
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from surveyapp.instrument import Instrument, maximum_size, missing, read_answers, read_instrument, route
from surveyapp.instrument.answers import (
    MAX_SPECIFY,
    band,
    clean,
    failed_checks,
    form_of,
    left_out,
    length,
    read_number,
)
from surveyapp.problems import Problem, Refused, Words
from tests.makers import as_form, make_all_types, make_answers, make_document, make_instrument, make_question

OTHER = {"code": "other", "label": "Other", "specify": True}
NONE = {"code": "none", "label": "None of these", "exclusive": True}
ALL_TYPES = read_instrument(json.dumps(make_all_types()))
WORST = [
    "😀",
    '"',
    "\\",
    "\n",
    "字",
    "\u2028",
    "é",
    "\t",
    "\U0010ffff",
    "\uffff",
    "x",
    "\u0958",
    "\u0301",
    "\ufb1d",
    " ",
]


def post(i: Instrument, **form: str | list[str]) -> tuple[dict, list[Problem]]:
    return read_answers(i.items, as_form({key.replace("__", "."): value for key, value in form.items()}))


def twice(i: Instrument, **form: str | list[str]) -> Problem:
    with pytest.raises(Refused) as refused:
        post(i, **form)
    (problem,) = refused.value.problems
    return problem


# ── codes ────────────────────────────────────────────────────────────────────


def test_a_whole_questionnaire_is_read():
    assert read_answers(ALL_TYPES.items, as_form(make_answers())) == (make_answers(), [])


def test_nothing_posted_is_no_answer_and_no_problem():
    assert post(make_instrument([make_question()])) == ({}, [])
    assert post(make_instrument([make_question()]), q1="") == ({}, [])


@pytest.mark.parametrize(
    "code",
    [
        "maybe",
        "YES",
        "yes ",
        "Ｙes",
        "１２",
        "yes\0",
        "\ud800",
        "0",
        "'; DROP TABLE",
        "x" * 10_000,
        "yes,no",
        "Yes",
    ],
)
@pytest.mark.parametrize("kind", ["single", "grid"])
def test_a_code_that_does_not_exist_is_refused_and_left_out(kind, code):
    key = "q1" if kind == "single" else "q1.police"
    answers, problems = read_answers(make_instrument([make_question(kind)]).items, {key: [code]})
    assert answers == {}
    name = "Police: " if kind == "grid" else ""
    assert problems == [Problem(key, f"{name}That answer is not on the list", "Select one of the answers shown")]


@pytest.mark.parametrize(("kind", "key"), [("single", "q1"), ("grid", "q1.police"), ("text", "q1")])
@pytest.mark.parametrize("values", [["yes", "no"], ["yes", "yes"], ["", "yes"], ["x"] * 1001])
def test_two_values_for_one_answer_are_refused_and_never_the_last_taken(kind, key, values):
    with pytest.raises(Refused) as refused:
        read_answers(make_instrument([make_question(kind)]).items, {key: values})
    assert refused.value.problems == (Problem(key, "one answer was sent twice", "go back and choose again"),)


def test_a_tick_sent_twice_is_refused():
    assert twice(make_instrument([make_question("multiple")]), q1=["a", "a"]).at == "q1"


@pytest.mark.parametrize("ticks", [["d"], ["a", "d"], ["a", ""], ["\0"], [f"x{i}" for i in range(1001)]])
def test_a_tick_that_does_not_exist_takes_the_whole_answer_out(ticks):
    answers, problems = post(make_instrument([make_question("multiple")]), q1=ticks)
    assert answers == {}
    assert problems == [Problem("q1", "That answer is not on the list", "Select from the answers shown")]


def test_ticks_are_kept_in_the_order_of_the_questionnaire():
    assert post(make_instrument([make_question("multiple")]), q1=["c", "a"]) == ({"q1": ["a", "c"]}, [])


def test_an_exclusive_option_goes_alone():
    i = make_instrument([make_question("multiple", options=[*make_question("multiple")["options"], NONE])])
    assert post(i, q1=["none"]) == ({"q1": ["none"]}, [])
    assert post(i, q1=["a", "none"]) == (
        {},
        [
            Problem(
                "q1",
                "“None of these” cannot go with other answers",
                "Select “None of these” alone, or the others without it",
            )
        ],
    )


def test_fields_of_other_pages_and_of_none_are_not_read():
    form = as_form(make_answers(admin="1", q99="yes", partners="more", **{"kind.yes.text": "x", "hello": "x"}))
    answers, problems = read_answers(ALL_TYPES.pages[0].questions, form)
    assert answers == {"kind": "yes", "sources": ["a", "c"]}
    assert problems == []


# ── words ────────────────────────────────────────────────────────────────────


def test_words_beside_an_option_count_only_when_it_is_chosen():
    assert post(ALL_TYPES, kind="other", kind__other__text="A hostel")[0] == {
        "kind": "other",
        "kind.other.text": "A hostel",
    }
    assert post(ALL_TYPES, kind="yes", kind__other__text="A hostel")[0] == {"kind": "yes"}
    assert post(ALL_TYPES, kind__other__text="A hostel")[0] == {}
    assert post(ALL_TYPES, kind="nope", kind__other__text="A hostel")[0] == {}


def test_words_beside_a_tick_count_only_when_it_is_ticked():
    i = make_instrument([make_question("multiple", options=[{"code": "a", "label": "A"}, OTHER])])
    assert post(i, q1=["a", "other"], q1__other__text="More") == (
        {"q1": ["a", "other"], "q1.other.text": "More"},
        [],
    )
    assert post(i, q1=["a"], q1__other__text="More")[0] == {"q1": ["a"]}


@pytest.mark.parametrize("chosen", [{}, {"kind": "yes"}])
def test_words_beside_an_option_that_is_not_chosen_are_not_lost_without_a_word(chosen):
    _, problems = post(ALL_TYPES, kind__other__text="A hostel", **chosen)
    assert (
        Problem(
            "kind.other.text", "You wrote something beside “Other”", "Select “Other” too, or clear what you wrote"
        )
        in problems
    )


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("  Too few staff. \r\n", "Too few staff."),
        ("a\r\nb\rc\nd", "a\nb\nc\nd"),
        ("a\0b\x1b[2Jc\x7f\x85", "ab[2Jc"),
        ("\ud83d lone \ude00", "lone"),
        ("cafe\u0301", "café"),
        ("a\tb", "a\tb"),
        ("１２", "１２"),
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),
        ("=cmd|' /C calc'!A0", "=cmd|' /C calc'!A0"),
        ("'; DROP TABLE response; --", "'; DROP TABLE response; --"),
    ],
)
def test_words_are_kept_as_typed_without_what_cannot_be_printed(typed, kept):
    assert post(make_instrument([make_question("text")]), q1=typed) == ({"q1": kept}, [])


@pytest.mark.parametrize("typed", ["", " \r\n\t ", "\0", "\ud800", "\u00a0\u2003"])
def test_blank_words_are_no_answer(typed):
    assert post(make_instrument([make_question("text")]), q1=typed) == ({}, [])


def test_length_is_counted_in_utf_16_units_as_browsers_do():
    i = make_instrument([make_question("text", max_length=4)])
    assert post(i, q1="😀😀") == ({"q1": "😀😀"}, [])
    assert post(i, q1="字字字字") == ({"q1": "字字字字"}, [])
    assert post(i, q1="😀😀a") == (
        {},
        [Problem("q1", "Your answer is 1 character too long", "Shorten it to 4 characters")],
    )


def test_words_too_long_say_by_how_much():
    problems = post(make_instrument([make_question("text")]), q1="x" * 3500)[1]
    assert problems == [
        Problem("q1", "Your answer is 1,500 characters too long", "Shorten it to 2,000 characters")
    ]
    problems = post(ALL_TYPES, kind="other", kind__other__text="x" * 201)[1]
    assert problems == [
        Problem("kind.other.text", "Your answer is 1 character too long", "Shorten it to 200 characters")
    ]


@given(st.text())
def test_cleaning_twice_is_cleaning_once(words):
    once = clean(words)
    assert clean(once) == once
    assert not any(unicodedata.category(c) in {"Cc", "Cs"} and c not in "\n\t" for c in once)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_length_is_that_of_utf_16(words):
    assert length(words) == len(words.encode("utf-16-le")) // 2


# ── numbers ──────────────────────────────────────────────────────────────────

NOT_A_NUMBER = "That is not a number; Write it in digits, such as 1200 or 1,200"
TOO_LONG = "The number has too many digits; Write at most 15"
WHOLE = "The number is too fine; Use a whole number"
TWO_DIGITS = "The number is too fine; Use 2 digits after the point at most"

NUMBERS = {
    # in digits
    "12": "12",
    "0": "0",
    "-5": "-5",
    "−5": "-5",
    "007": "7",
    "-0": "0",
    "-0.00": "0",
    "0.10": "0.1",
    "5.00": "5",
    "999999999999999": "999999999999999",
    "0" * 40 + "7": "7",
    # grouped
    "1,200": "1200",
    "1,000.50": "1000.5",
    "-1,234,567": "-1234567",
    "1 200": "1200",
    "1\u00a0200": "1200",
    "1\u202f200": "1200",
    " 12 \t\r\n": "12",
    "12 345 678": "12345678",
    "100 .5": "100.5",
    "- 5": "-5",
    "1\u2009200": "1200",
    "1,200 300": "1200300",
    # with the unit
    "£1,200": "1200",
    "1200 GBP": "1200",
    "-£5": "-5",
    "£-5": "-5",
    "GBP 1,200.5": "1200.5",
    # no numbers
    "１２": NOT_A_NUMBER,
    "1２": NOT_A_NUMBER,
    "١٢": NOT_A_NUMBER,
    "12,5": NOT_A_NUMBER,
    "1,2,3": NOT_A_NUMBER,
    "1,2000": NOT_A_NUMBER,
    "1,200,00": NOT_A_NUMBER,
    "1 2": NOT_A_NUMBER,
    "5 10": NOT_A_NUMBER,
    "1 2000": NOT_A_NUMBER,
    ",200": NOT_A_NUMBER,
    "1.200.000": NOT_A_NUMBER,
    "1.200,50": NOT_A_NUMBER,
    "1'200": NOT_A_NUMBER,
    "1_200": NOT_A_NUMBER,
    "1e3": NOT_A_NUMBER,
    "1E3": NOT_A_NUMBER,
    "0x10": NOT_A_NUMBER,
    "--5": NOT_A_NUMBER,
    "+5": NOT_A_NUMBER,
    "5-": NOT_A_NUMBER,
    "(5)": NOT_A_NUMBER,
    "∞": NOT_A_NUMBER,
    "Infinity": NOT_A_NUMBER,
    "NaN": NOT_A_NUMBER,
    "½": NOT_A_NUMBER,
    "1/2": NOT_A_NUMBER,
    "²": NOT_A_NUMBER,
    "5.": NOT_A_NUMBER,
    ".5": NOT_A_NUMBER,
    ".": NOT_A_NUMBER,
    "-": NOT_A_NUMBER,
    "5-10": NOT_A_NUMBER,
    "about 5": NOT_A_NUMBER,
    "five": NOT_A_NUMBER,
    "$5": NOT_A_NUMBER,
    "5%": NOT_A_NUMBER,
    "=1+1": NOT_A_NUMBER,
    "'; DROP TABLE response; --": NOT_A_NUMBER,
    "5\0": NOT_A_NUMBER,
    "\ud800": NOT_A_NUMBER,
    "": NOT_A_NUMBER,
    # too long, too fine
    "9" * 40: TOO_LONG,
    "1" * 16: TOO_LONG,
    "0." + "1" * 40: TOO_LONG,
    "1.234": TWO_DIGITS,
    # short for something else
    "1.2k": "The number is shortened; Write out 1,200 in full",
    "12k": "The number is shortened; Write out 12,000 in full",
    "-3m": "The number is shortened; Write out -3,000,000 in full",
    "£2.5 million": "The number is shortened; Write out 2,500,000 in full",
    "1 200 k": "The number is shortened; Write out 1,200,000 in full",
    "1,200 thousand": "The number is shortened; Write out 1,200,000 in full",
    "1,2k": "The number is shortened; Write it out in full",
    "1.2.3k": "The number is shortened; Write it out in full",
    "9" * 40 + "k": "The number is shortened; Write it out in full",
}


@pytest.mark.parametrize(("typed", "expected"), NUMBERS.items())
def test_a_number_is_read_as_people_write_it_or_refused_with_a_remedy(typed, expected):
    number = read_number(typed, "GBP", 2)
    assert (f"{number.what}; {number.do}" if isinstance(number, Problem) else f"{number:f}") == expected
    assert not isinstance(number, float)


def test_a_number_has_the_decimals_that_its_question_allows():
    assert read_number("12.0") == Decimal(12)
    assert str(read_number("12.5")) == str(Problem("", "The number is too fine", "Use a whole number"))
    assert read_number("12.55", decimals=1).do == "Use 1 digit after the point at most"


@pytest.mark.parametrize(
    ("unit", "typed"),
    [("full-time staff", "5 full-time staff"), ("%", "5%"), ("%", "5 %"), ("m", "5 m"), ("EUR", "€5")],
)
def test_a_unit_typed_with_the_number_is_passed_over(unit, typed):
    assert read_number(typed, unit) == Decimal(5)


@pytest.mark.parametrize("typed", ["5", "5 people", "5 pobl"])
def test_a_unit_is_passed_over_in_each_of_its_languages(typed):
    question = make_question("number", unit={"en": "people", "cy": "pobl"})
    assert post(in_two_languages(question), q1=typed) == ({"q1": "5"}, [])


@given(st.decimals(-(10**12), 10**12, allow_nan=False, places=2))
def test_every_number_that_is_written_is_read_back_exactly(number):
    assert read_number(f"{number:f}", decimals=2) == number
    assert read_number(f"{number:,f}", "GBP", 2) == number


@given(st.text(st.sampled_from("0123456789.,-+ eEkm£%xNa½２")))
def test_whatever_is_typed_is_a_number_or_a_problem(typed):
    number = read_number(typed, "GBP", 4)
    assert isinstance(number, Problem) or abs(number) < 10**15


def number(**more: object) -> Instrument:
    return make_instrument([make_question("number", **more)])


@pytest.mark.parametrize("typed", ["", " ", "\t\r\n", "\u00a0"])
def test_a_blank_number_is_no_answer(typed):
    assert post(number(), q1=typed) == ({}, [])


def test_a_number_is_kept_as_its_exact_text():
    assert post(number(decimals=2), q1="0.10") == ({"q1": "0.1"}, [])
    assert post(number(unit="GBP"), q1="£1,200") == ({"q1": "1200"}, [])
    assert post(number(decimals=4), q1="99999999999.1234") == ({"q1": "99999999999.1234"}, [])


@pytest.mark.parametrize(
    ("typed", "problem"),
    [
        ("-1", Problem("q1", "-1 is too small", "Enter 0 or more")),
        ("1000001", Problem("q1", "1,000,001 is too large", "Enter 1,000,000 or less")),
        ("many", Problem("q1", "That is not a number", "Write it in digits, such as 1200 or 1,200")),
    ],
)
def test_a_number_outside_its_limits_is_refused_with_them(typed, problem):
    assert post(number(min=0, max=1e6), q1=typed) == ({}, [problem])
    assert post(number(min=0, max=1e6), q1="1,000,000") == ({"q1": "1000000"}, [])


def test_two_numbers_for_one_question_are_refused():
    assert twice(number(), q1=["1", "2"]).at == "q1"


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("-1", "under"),
        ("0", "0"),
        ("99.99", "0"),
        ("100", "100"),
        ("249.9", "100"),
        ("250.5", "250.5"),
        ("9999", "250.5"),
    ],
)
def test_a_number_with_bands_is_released_as_the_lower_bound_of_its_band(value, kept):
    assert band(number(decimals=2, bands=[0, 1e2, 250.50]).questions["q1"], value) == kept


def test_a_number_without_bands_is_released_as_it_is():
    assert band(number().questions["q1"], "1200.5") == "1200.5"


# ── days ─────────────────────────────────────────────────────────────────────

NO_DATE = ("That is not a date", "Enter a day, a month and a year with four digits, such as 27 3 2012")
NO_DAY = ("There is no such day", NO_DATE[1])
EARLY = ("The date is too early", "Enter 1 January 1800 or later")
LATE = ("The date is too late", "Enter 31 December 2199 or earlier")


def post_day(typed: str, **more: object) -> tuple[dict, list[Problem]]:
    names = ("q1.day", "q1.month", "q1.year")
    form = {name: [part] for name, part in zip(names, typed.split("/"), strict=True)}
    return read_answers(make_instrument([make_question("date", **more)]).items, form)


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("27/3/2012", "2012-03-27"),
        ("07/03/2012", "2012-03-07"),
        (" 7 / 3 / 2012 ", "2012-03-07"),
        ("29/2/2012", "2012-02-29"),
        ("1/1/1800", "1800-01-01"),
        ("31/12/2199", "2199-12-31"),
        ("//", None),
        (" / / ", None),
    ],
)
def test_a_day_is_read(typed, kept):
    assert post_day(typed) == ({} if kept is None else {"q1": kept}, [])


@pytest.mark.parametrize(
    ("typed", "problem"),
    [
        ("31/2/2012", NO_DAY),
        ("29/2/2003", NO_DAY),
        ("29/2/1900", NO_DAY),
        ("31/4/2012", NO_DAY),
        ("0/1/2012", NO_DAY),
        ("1/0/2012", NO_DAY),
        ("1/13/2012", NO_DAY),
        ("3/27/2012", NO_DAY),
        ("1/1/0000", NO_DAY),
        ("1/1/0212", EARLY),
        ("31/12/1799", EARLY),
        ("1/1/9999", LATE),
        ("1/1/2200", LATE),
        ("1/1/12", NO_DATE),
        ("1/1/0", NO_DATE),
        ("1/1/20120", NO_DATE),
        ("1/March/2012", NO_DATE),
        ("001/1/2012", NO_DATE),
        ("-1/1/2012", NO_DATE),
        ("1.0/1/2012", NO_DATE),
        ("１/１/２０１２", NO_DATE),
        ("²/1/2012", NO_DATE),
        ("1//2012", NO_DATE),
        ("/3/2012", NO_DATE),
        ("1/1/", NO_DATE),
        ("1\0/1/2012", NO_DATE),
    ],
)
def test_what_is_no_day_is_refused_with_a_remedy(typed, problem):
    assert post_day(typed) == ({}, [Problem("q1", *problem)])


def test_a_day_outside_the_limits_of_its_question_is_refused_with_them():
    limits = {"min": "2011-04-01", "max": "2012-03-31"}
    assert post_day("1/4/2011", **limits) == ({"q1": "2011-04-01"}, [])
    assert post_day("31/3/2011", **limits)[1] == [
        Problem("q1", "The date is too early", "Enter 1 April 2011 or later")
    ]
    assert post_day("1/4/2012", **limits)[1] == [
        Problem("q1", "The date is too late", "Enter 31 March 2012 or earlier")
    ]


def test_a_question_may_ask_for_days_of_any_century():
    assert post_day("14/10/1066", min="1000-01-01") == ({"q1": "1066-10-14"}, [])


@given(st.dates(date(1800, 1, 1), date(2199, 12, 31)))
def test_every_day_written_into_the_form_is_read_back(day):
    items = make_instrument([make_question("date")]).items
    assert read_answers(items, form_of(items, {"q1": day.isoformat()})) == ({"q1": day.isoformat()}, [])


# ── what problems remember for a page in another language ────────────────────


def in_two_languages(*questions: dict, **page: object) -> Instrument:
    """An instrument of which a part is translated only: nobody could publish it."""
    document = make_document(questions)
    document["sections"][0]["pages"][0] |= page
    return Instrument.model_validate(document)


def remembered(problem: Problem) -> tuple[object, dict[str, object]]:
    assert isinstance(problem.what, Words)
    return problem.what.template, problem.what.values


def test_a_problem_remembers_its_sentence_and_what_was_filled_in():
    (problem,) = post(number(max=10), q1="1000")[1]
    assert remembered(problem) == ("{number:,f} is too large", {"number": Decimal(1000)})


def test_a_problem_about_one_thing_or_many_remembers_both_sentences():
    one, many = "Your answer is {n:,} character too long", "Your answer is {n:,} characters too long"
    i = make_instrument([make_question("text", max_length=4)])
    assert remembered(post(i, q1="12345")[1][0]) == ((one, many), {"n": 1})
    assert post(i, q1="12345")[1][0].what == "Your answer is 1 character too long"


def test_a_problem_of_a_row_remembers_the_row_in_its_languages_and_the_sentence_about_it():
    rows = [{"code": "police", "label": {"en": "Police", "cy": "Heddlu"}}]
    (problem,) = post(in_two_languages(make_question("grid", rows=rows, required=True)))[1]
    template, values = remembered(problem)
    assert problem.what == "Police: choose one answer"
    assert template == "{row}: {what}"
    assert values["row"].in_language("cy") == "Heddlu"
    assert values["what"].template == "choose one answer"


def test_a_check_that_fails_is_told_in_each_of_its_languages():
    message = {"en": "Too many.", "cy": "Gormod."}
    check = {"sum": ["q1"], "at_most": 5, "message": message}
    (step,) = route(in_two_languages(make_question("number"), checks=[check]), {"q1": "6"}).steps
    (problem,) = failed_checks(step, {"q1": "6"})
    assert (problem.what, problem.what.in_language("cy")) == ("Too many.", "Gormod.")


# ── sums and orders ──────────────────────────────────────────────────────────

SHARE = [{"code": c, "label": c.title()} for c in ("staff", "rent", "other")]


def allocation(**more: object) -> Instrument:
    return make_instrument([make_question("allocation", rows=SHARE, **more)])


def post_shares(*typed: str, **more: object) -> tuple[dict, list[Problem]]:
    form = {f"q1.{row['code']}": [value] for row, value in zip(SHARE, typed, strict=False)}
    return read_answers(allocation(**more).items, form)


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        (("100", "0", "0"), ("100", "0", "0")),
        (("60", "40", ""), ("60", "40", "0")),
        (("", "100", " "), ("0", "100", "0")),
        (("33.3", "33.3", "33.3"), ("33.3", "33.3", "33.3")),
        (("33.4", "33.4", "33.4"), ("33.4", "33.4", "33.4")),
        (("33", "33", "33.6"), ("33", "33", "33.6")),
        (("60", "40"), ("60", "40", "0")),
        (("050", "50.0", "-0"), ("50", "50", "0")),
    ],
)
def test_shares_that_add_up_are_kept_row_by_row(typed, kept):
    assert post_shares(*typed) == (
        {f"q1.{c}": v for c, v in zip(("staff", "rent", "other"), kept, strict=True)},
        [],
    )


@pytest.mark.parametrize("typed", [(), ("", "", ""), (" ", "\t", "")])
def test_no_shares_are_no_answer(typed):
    assert post_shares(*typed) == ({}, [])


@pytest.mark.parametrize(
    ("typed", "total"),
    [
        (("60", "41", "0"), "101"),
        (("50", "", ""), "50"),
        (("0", "0", "0"), "0"),
        (("33.1", "33.1", "33.2"), "99.4"),
        (("33", "33", "33.5"), "99.5"),
        (("33.5", "33.5", "33.5"), "100.5"),
        (("100", "100", "100"), "300"),
    ],
)
def test_shares_that_do_not_add_up_are_refused_with_their_sum(typed, total):
    problem = Problem("q1.staff", f"Your answers add up to {total}", "Change them to add up to 100")
    assert post_shares(*typed) == ({}, [problem])


@pytest.mark.parametrize(
    ("wrong", "what", "do"),
    [
        ("-10", "Rent: -10 is not possible", "Enter 0 to 100"),
        ("101", "Rent: 101 is not possible", "Enter 0 to 100"),
        ("half", "Rent: That is not a number", "Write it in digits, such as 1200 or 1,200"),
        ("33.33", "Rent: The number is too fine", "Use 1 digit after the point at most"),
        ("9" * 40, "Rent: The number has too many digits", "Write at most 15"),
    ],
)
def test_a_row_that_is_no_share_is_refused_at_the_row_and_nothing_is_kept(wrong, what, do):
    assert post_shares("60", wrong, "40") == ({}, [Problem("q1.rent", what, do)])


def test_every_wrong_row_is_told():
    assert [problem.at for problem in post_shares("x", "-1", "101")[1]] == ["q1.staff", "q1.rent", "q1.other"]


def test_another_total_has_its_own_words():
    problem = Problem("q1.staff", "Your answers add up to 13", "Change them to add up to 12")
    assert post_shares("12", "1", total=12) == ({}, [problem])
    assert post_shares("1,000,000", total=1_000_000)[0]["q1.staff"] == "1000000"


def test_a_required_allocation_asks_once():
    problem = Problem("q1.staff", "Enter a number in at least one row", "")
    assert post_shares(required=True) == ({}, [problem])
    assert post_shares("0", "100", required=True)[1] == []


def test_two_values_for_one_row_are_refused():
    with pytest.raises(Refused):
        read_answers(allocation().items, {"q1.rent": ["50", "60"]})


CHOICES = [{"code": c, "label": f"Option {c}"} for c in "abcd"]


def post_places(top: int | None = None, **places: str) -> tuple[dict, list[Problem]]:
    more = {"top": top} if top else {}
    items = make_instrument([make_question("rank", options=CHOICES, **more)]).items
    return read_answers(items, {f"q1.{code}": [place] for code, place in places.items()})


@pytest.mark.parametrize(
    ("top", "places", "order"),
    [
        (None, {"a": "2", "b": "1", "c": "4", "d": "3"}, ["b", "a", "d", "c"]),
        (None, {"a": "1", "b": "", "c": "", "d": ""}, ["a"]),
        (None, {"c": " 1 ", "a": "2"}, ["c", "a"]),
        (2, {"a": "2", "d": "1"}, ["d", "a"]),
        (2, {"d": "1"}, ["d"]),
    ],
)
def test_places_make_an_order_that_may_stop_early(top, places, order):
    assert post_places(top, **places) == ({"q1": order}, [])


@pytest.mark.parametrize(
    ("top", "places"),
    [
        (None, {"a": "1", "b": "3"}),
        (None, {"a": "2", "b": "3"}),
        (None, {"a": "1", "b": "1"}),
        (None, {"a": "1", "b": "2", "c": "2"}),
        (None, {"a": "0", "b": "1"}),
        (None, {"a": "5"}),
        (None, {"a": "-1"}),
        (None, {"a": "01"}),
        (None, {"a": "1.0"}),
        (None, {"a": "１"}),
        (None, {"a": "first"}),
        (None, {"a": "9" * 10_000}),
        (2, {"a": "1", "b": "2", "c": "3"}),
        (2, {"a": "3"}),
    ],
)
def test_places_with_a_gap_twice_or_beyond_the_last_are_refused(top, places):
    do = f"Give each place from 1 to {top or 4} to one of them only, beginning with 1"
    assert post_places(top, **places) == ({}, [Problem("q1", "The places do not make an order", do)])


def test_no_places_are_no_answer_and_a_place_for_nothing_is_not_read():
    assert post_places() == ({}, [])
    assert post_places(a="", z="1") == ({}, [])


def test_more_ticks_than_a_question_takes_are_refused():
    i = make_instrument([make_question("multiple", at_most=2)])
    assert post(i, q1=["a", "b"]) == ({"q1": ["a", "b"]}, [])
    assert post(i, q1=["a", "b", "c"]) == ({}, [Problem("q1", "You chose 3 answers", "Select 2 at most")])


# ── notes, soft questions, checks ────────────────────────────────────────────


@pytest.mark.parametrize("kind", ["single", "multiple", "grid", "number", "allocation", "rank", "date", "text"])
def test_an_interviewers_notes_are_kept_with_any_question(kind):
    more = {"rows": SHARE} if kind == "allocation" else {"options": CHOICES} if kind == "rank" else {}
    i = make_instrument([make_question(kind, notes=True, **more)])
    assert post(i, q1__notes=" Was in a hurry. ") == ({"q1.notes": "Was in a hurry."}, [])
    assert [p.at for p in post(i, q1__notes="x" * 2001)[1]] == ["q1.notes"]
    assert post(make_instrument([make_question(kind, **more)]), q1__notes="x") == ({}, [])


def test_a_soft_question_left_out_is_asked_about_and_is_no_problem():
    i = make_instrument([make_question(required="soft"), make_question("grid", "q2", required="soft")])
    assert post(i) == ({}, [])
    assert left_out(i.items, {}) == ["q1", "q2"]
    assert left_out(i.items, {"q1": "yes", "q2.police": "more"}) == ["q2"]
    assert left_out(i.items, {"q1": "yes", "q2.police": "more", "q2.health": "less"}) == []
    assert missing(route(i, {})) == []


def checked(rule: dict, *first: dict, repeat: bool = False) -> Instrument:
    """A page with the numbers a and b and a check of their sum, after one with `first`."""
    questions = [make_question("number", "a"), make_question("number", "b")]
    check = {"sum": ["a", "b"], "message": "They must add up."} | rule
    page = {"id": "p2", "questions": questions, "checks": [check]}
    page |= {"repeat": {"max": 3, "item": "contract"}} if repeat else {}
    pages = [{"id": "p1", "questions": list(first) or [make_question()]}, page]
    return make_instrument(sections=[{"id": "s1", "title": "Money", "pages": pages}])


def failing(i: Instrument, **answers: str) -> list[tuple[str, str]]:
    given = {key.replace("__", "@"): value for key, value in answers.items()}
    way = route(i, {"p2.count": "2", **given})
    found = [(problem.at, problem.what) for step in way.steps for problem in failed_checks(step, way.answers)]
    assert [(problem.at, problem.what) for _, problem in missing(way)] == found
    return found


SAID = "They must add up."


def test_a_check_that_does_not_come_out_leads_to_its_first_question_here():
    i = checked({"equals": 100})
    assert failing(i, a="60", b="40") == []
    assert failing(i, a="60", b="40.5") == [("a", SAID)]
    assert failing(checked({"equals": 0.3}), a="0.1", b="0.2") == []


def test_a_check_may_read_an_earlier_number_and_a_bound_is_included():
    i = checked({"at_most": "total"}, make_question("number", "total"))
    assert failing(i, total="100", a="60", b="40") == []
    assert failing(i, total="100", a="60", b="41") == [("a", SAID)]
    earlier = checked({"sum": ["total", "b"], "equals": 10}, make_question("number", "total"))
    assert failing(earlier, total="100", b="41") == [("b", SAID)]


@pytest.mark.parametrize("answers", [{}, {"a": "60"}, {"b": "500"}, {"a": "500", "b": "500"}])
def test_a_check_of_which_something_is_not_answered_passes(answers):
    assert failing(checked({"at_most": "total"}, make_question("number", "total")), **answers) == []


def test_a_check_on_a_repeated_page_is_of_one_item_and_leads_to_it():
    i = checked({"at_most": "total"}, make_question("number", "total"), repeat=True)
    assert failing(i, total="100", a__1="60", b__1="40", a__2="60", b__2="41") == [("a@2", SAID)]
    assert failing(i, total="100", a__1="60", b__2="60") == []


def test_a_check_of_shares_leads_to_the_row():
    page = {"id": "p1", "questions": [make_question("allocation", "a", rows=SHARE)]}
    page["checks"] = [{"sum": ["a.staff", "a.rent"], "at_most": 90, "message": SAID}]
    i = make_instrument(sections=[{"id": "s1", "title": "Money", "pages": [page]}])
    assert failing(i, **{"a.staff": "50", "a.rent": "45", "a.other": "5"}) == [("a.staff", SAID)]


# ── required ─────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("kind", "problems"),
    [
        ("single", [Problem("q1", "Select one answer", "")]),
        ("multiple", [Problem("q1", "Select at least one answer", "")]),
        ("text", [Problem("q1", "Write your answer", "")]),
        ("number", [Problem("q1", "Enter a number", "")]),
        ("date", [Problem("q1", "Enter a date", "")]),
        (
            "grid",
            [
                Problem("q1.police", "Police: choose one answer", ""),
                Problem("q1.health", "Health: choose one answer", ""),
            ],
        ),
    ],
)
def test_a_required_question_left_blank_is_a_problem_at_each_field(kind, problems):
    i = make_instrument([make_question(kind, required=True)])
    assert post(i) == ({}, problems)
    assert missing(route(i, {})) == [("p1", problem) for problem in problems]


def test_a_wrong_answer_to_a_required_question_is_one_problem_not_two():
    i = make_instrument([make_question(required=True), make_question("text", "q2", required=True)])
    assert [p.at for p in post(i, q1="nope", q2="x" * 2001)[1]] == ["q1", "q2"]


def test_a_required_question_off_the_route_is_not_missing():
    second = make_question(id="q2", required=True, show_if={"question": "q1", "is": "yes"})
    i = make_instrument([make_question()], [second])
    assert missing(route(i, {"q1": "no"})) == []
    assert [page for page, _ in missing(route(i, {"q1": "yes"}))] == ["p2"]


# ── read again, and how much room it takes ───────────────────────────────────


WORDS = st.text(st.sampled_from(WORST), max_size=220) | st.sampled_from(WORST).map(lambda c: c * 210)
FORMS = st.fixed_dictionaries(
    {},
    optional={
        "kind": st.sampled_from([["yes"], ["other"], ["nope"], []]),
        "kind.other.text": st.lists(WORDS, max_size=1),
        "sources": st.lists(st.sampled_from("abcd"), unique=True),
        "partners.police": st.sampled_from([["more"], ["MORE"]]),
        "partners.health": st.sampled_from([["less"], [""]]),
        "issues": st.lists(WORDS, max_size=1),
        "admin": st.just(["1"]),
    },
)


@given(FORMS)
@settings(max_examples=150, deadline=None)
def test_answers_posted_again_are_read_as_the_same_answers(form):
    answers, _ = read_answers(ALL_TYPES.items, form)
    again, problems = read_answers(ALL_TYPES.items, as_form(answers))
    assert again == answers
    assert [p for p in problems if p.what != "Select one answer"] == []


def stored(answers: dict) -> bytes:
    """Answers as `collecting` stores them."""
    return json.dumps(answers, separators=(",", ":"), ensure_ascii=False).encode()


@given(FORMS)
@settings(max_examples=150, deadline=None)
def test_answers_that_are_accepted_fit_into_the_maximum_size(form):
    answers, _ = read_answers(ALL_TYPES.items, form)
    assert len(stored(answers)) <= maximum_size(ALL_TYPES)


@pytest.mark.parametrize("character", ["字", "\uffff", '"', "\\", "😀", "\n", "\u2028", "\t", "ﬃ"])
def test_the_fullest_questionnaire_fits_into_the_maximum_size(character):
    many = [{"code": f"c{i}", "label": f"C{i}", "specify": True} for i in range(200)]
    rows = [{"code": f"r{i}", "label": f"R{i}"} for i in range(100)]
    i = make_instrument(
        [make_question("multiple", options=many), make_question("grid", "g", rows=rows)],
        [make_question("text", f"t{n}", max_length=n) for n in (1, 2, 3, 100, 10_000)],
    )
    form = {"q1": [f"c{n}" for n in range(200)]} | {f"g.r{n}": ["more"] for n in range(100)}
    form |= {f"q1.c{n}.text": [full(character, MAX_SPECIFY)] for n in range(200)}
    form |= {f"t{n}": [full(character, n)] for n in (1, 2, 3, 100, 10_000)}
    answers, problems = read_answers(i.items, form)
    assert problems == []
    assert len(stored(answers)) <= maximum_size(i)


def full(character: str, limit: int) -> str:
    """As many of `character` as are accepted, between two letters that keep white space from being trimmed."""
    if limit < 3:
        return "x" * limit
    return "x" + character * ((limit - 2) // length(character)) + "x"


def test_the_maximum_size_is_reached_within_a_few_bytes():
    i = make_instrument([make_question("text", max_length=10_000)])
    answers, _ = post(i, q1="字" * 10_000)
    assert 0 <= maximum_size(i) - len(stored(answers)) <= 1
