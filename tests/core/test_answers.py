"""What a respondent posts: codes that exist, words that fit, nothing else."""

import json
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from surveyapp.instrument import Instrument, maximum_size, missing, read_answers, read_instrument
from surveyapp.instrument.answers import MAX_SPECIFY, clean, length
from surveyapp.problems import Problem, Refused
from tests.makers import as_form, make_all_types, make_answers, make_instrument, make_question

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
    assert problems == [Problem(key, "That answer is not on the list", "Select one of the answers shown")]


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
    assert post(i, q1=["a"], q1__other__text="More") == ({"q1": ["a"]}, [])


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


# ── required ─────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("kind", "problems"),
    [
        ("single", [Problem("q1", "Select one answer", "")]),
        ("multiple", [Problem("q1", "Select at least one answer", "")]),
        ("text", [Problem("q1", "Write your answer", "")]),
        (
            "grid",
            [
                Problem("q1.police", "Police: select one answer", ""),
                Problem("q1.health", "Health: select one answer", ""),
            ],
        ),
    ],
)
def test_a_required_question_left_blank_is_a_problem_at_each_field(kind, problems):
    i = make_instrument([make_question(kind, required=True)])
    assert post(i) == ({}, problems)
    assert missing(i, {}) == [("p1", problem) for problem in problems]


def test_a_wrong_answer_to_a_required_question_is_one_problem_not_two():
    i = make_instrument([make_question(required=True), make_question("text", "q2", required=True)])
    assert [p.at for p in post(i, q1="nope", q2="x" * 2001)[1]] == ["q1", "q2"]


def test_a_required_question_off_the_route_is_not_missing():
    second = make_question(id="q2", required=True, show_if={"question": "q1", "is": "yes"})
    i = make_instrument([make_question()], [second])
    assert missing(i, {"q1": "no"}) == []
    assert [page for page, _ in missing(i, {"q1": "yes"})] == ["p2"]


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
