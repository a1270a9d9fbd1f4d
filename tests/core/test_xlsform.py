"""What becomes of an XLSForm: types, groups, conditions, rules, languages, names, and what is left out."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from surveyapp.instrument import read_instrument
from surveyapp.instrument.formatting import json_text
from surveyapp.instrument.xlsform import Imported, import_xlsform
from surveyapp.instrument.xlsform.logic import Inexpressible, Known, condition
from surveyapp.problems import Problem, Refused

LISTS = {
    "yn": [("yes", "Yes"), ("no", "No")],
    "abc": [("a", "Option a"), ("b", "Option b"), ("none", "None of these")],
    "scale": [("1", "Bad"), ("2", "Fair"), ("3", "Good")],
    "one": [("only", "Only this")],
}
STOCK = "a form has no introduction, thanks, respondent and length; plain English ones were written"


def row(type: str = "", name: str = "", label: str = "", **more: str) -> dict[str, str]:
    return {"type": type, "name": name, "label::English (en)": label} | more


def sheet(rows: list[dict[str, str]]) -> list[list[str]]:
    """A sheet with a column for every key; columns stand in the order in which the keys come up."""
    columns = list(dict.fromkeys(key for r in rows for key in r))
    return [columns, *([r.get(column, "") for column in columns] for r in rows)]


def choice_rows(lists: dict[str, list[tuple[str, str]]]) -> list[list[str]]:
    lines = [[name, code, label] for name, choices in lists.items() for code, label in choices]
    return [["list_name", "name", "label::English (en)"], *lines]


def imported(*rows: dict[str, str], lists: Any = None, settings: Any = None, **more: str) -> Imported:
    """A form of these lines; what comes out is always an instrument that can be published."""
    sheets = {
        "survey": sheet(list(rows)),
        "choices": choice_rows(LISTS if lists is None else lists),
        "settings": sheet([settings or {"form_title": "Tiny", "form_id": "tiny", "version": "1"}]),
    }
    found = import_xlsform(sheets, **more)
    read_instrument(json_text(found.document))
    return found


def refusal(*rows: dict[str, str], **more: Any) -> list[tuple[str, str]]:
    with pytest.raises(Refused) as refused:
        imported(*rows, **more)
    return [(p.at, p.what) for p in refused.value.problems]


def left_out(found: Imported) -> list[tuple[str, str]]:
    """Without what every form lacks."""
    return [(p.at, p.what) for p in found.left_out if p.what != STOCK]


def items(found: Imported) -> list[Any]:
    return [q for s in found.document["sections"] for page in s["pages"] for q in page["questions"]]


def item(*rows: dict[str, str], **more: Any) -> Any:
    """The last question of a form of these lines, of which nothing is left out."""
    found = imported(*rows, **more)
    assert left_out(found) == []
    return items(found)[-1]


def outline(found: Imported) -> list[tuple[str, list[tuple[str, list[str]]]]]:
    """Sections with their pages with the ids of what is on them."""
    return [
        (s["id"], [(p["id"], [q["id"] for q in p["questions"]]) for p in s["pages"]])
        for s in found.document["sections"]
    ]


# ── types ────────────────────────────────────────────────────────────────────


def test_select_one_becomes_single():
    assert item(row("select_one yn", "staff", "Do you have staff?", required="yes")) == {
        "id": "staff",
        "type": "single",
        "text": "Do you have staff?",
        "required": True,
        "options": [{"code": "yes", "label": "Yes"}, {"code": "no", "label": "No"}],
    }


def test_select_multiple_becomes_multiple_and_a_choice_called_none_is_not_guessed_to_stand_alone():
    found = item(row("select_multiple abc", "m", "Which?"))
    assert found["type"] == "multiple"
    assert found["options"][2] == {"code": "none", "label": "None of these"}


def test_or_other_adds_an_option_with_room_for_words():
    found = item(row("select_one yn or_other", "q", "Which?"))
    assert found["options"][2] == {"code": "other", "label": "Other", "specify": True}


def test_or_other_uses_the_other_that_the_list_has():
    found = item(row("select_one l or_other", "q", "?"), lists={"l": [("x", "X"), ("other", "Else")]})
    assert found["options"] == [
        {"code": "x", "label": "X"},
        {"code": "other", "label": "Else", "specify": True},
    ]


@pytest.mark.parametrize(
    "written", ["select one from yn", "select one yn", "select1 yn", "Select_One yn", " select_one  yn "]
)
def test_older_ways_of_writing_select_one_are_read(written: str):
    assert item(row(written, "q", "?"))["type"] == "single"


def test_numbers_keep_their_bounds():
    assert item(row("integer", "n", "How many?", constraint=". >= 0 and . <= 100")) == {
        "id": "n",
        "type": "number",
        "text": "How many?",
        "min": 0,
        "max": 100,
    }


def test_a_decimal_takes_as_many_digits_as_there_can_be():
    assert item(row("decimal", "n", "How much?", constraint=".>=0.5"))["decimals"] == 4


def test_a_range_is_a_number_between_its_ends():
    found = item(row("range", "n", "How sure?", parameters="start=0 end=5 step=0.1"))
    assert (found["min"], found["max"], found["decimals"]) == (0, 5, 1)


def test_steps_other_than_a_digit_are_reported():
    found = imported(row("range", "n", "?", parameters="start=0;end=100;step=5"))
    assert left_out(found) == [("survey!D2", "steps of 5 are not carried over")]


def test_date_text_rank_and_note():
    found = imported(
        row("note", "hello", "Welcome"),
        row("date", "d", "When?", constraint=". >= date('2010-01-01') and . < '2020-01-01'"),
        row("text", "t", "Why?", constraint="string-length(.) < 201", hint="In short"),
        row("rank abc", "r", "Order these"),
    )
    assert left_out(found) == []
    assert items(found)[:3] == [
        {"id": "hello", "type": "note", "text": "Welcome"},
        {"id": "d", "type": "date", "text": "When?", "min": "2010-01-01", "max": "2019-12-31"},
        {"id": "t", "type": "text", "text": "Why?", "hint": "In short", "max_length": 200},
    ]
    assert [option["code"] for option in items(found)[3]["options"]] == ["a", "b", "none"]


def test_choices_in_random_order_stay_so():
    assert item(row("select_one yn", "q", "?", parameters="randomize=true"))["order"] == "random"


@pytest.mark.parametrize(
    ("type", "do"),
    [
        ("start", "nothing to do: answers are anonymous"),
        ("deviceid", "nothing to do: answers are anonymous"),
        ("calculate", "work it out from the answers afterwards"),
        ("geopoint", "ask for it in words, or do without"),
        ("image", "ask for it in words, or do without"),
        ("barcode", "ask for it in words, or do without"),
        ("select_one_from_file towns.csv", "ask for it in words, or do without"),
        ("", "ask for it in words, or do without"),
    ],
)
def test_what_we_do_not_have_is_reported_and_left_out(type: str, do: str):
    found = imported(
        row("text", "t", "?"), row(type, "x", "X", calculation="1 + 1" if type == "calculate" else "")
    )
    assert [q["id"] for q in items(found)] == ["t"]
    assert found.left_out[0] == Problem("survey!A3", f"“x” of the type “{type}” is not carried over", do)


def test_a_tick_becomes_a_note():
    found = imported(row("acknowledge", "ok", "I have read it"))
    assert items(found) == [{"id": "ok", "type": "note", "text": "I have read it"}]
    assert left_out(found) == [("survey!A2", "a question that only asks for a tick became a note")]


def test_a_list_of_one_choice_cannot_be_asked():
    found = imported(row("text", "t", "?"), row("select_one one", "q", "?"))
    assert left_out(found) == [("survey!A3", "“q” is not carried over: it has 1 choices, not 2 to 200")]


def test_choices_that_read_the_same_are_told_apart():
    found = imported(row("select_one l", "q", "?"), lists={"l": [("n_york", "York"), ("s_york", "york ")]})
    assert [o["label"] for o in items(found)[0]["options"]] == ["York", "york (s_york)"]
    assert left_out(found) == [("choices!B3", "another reads the same; its code stands with it")]


def test_a_filter_of_choices_is_reported():
    found = imported(row("select_one yn", "q", "?", choice_filter="region = ${region}"))
    assert left_out(found) == [("survey!D2", "the filter “region = ${region}” is not carried over")]


# ── sections, pages, grids, repeats ──────────────────────────────────────────


def test_outside_groups_each_question_has_a_page_with_the_notes_before_it():
    found = imported(
        row("note", "n1", "Hello"), row("text", "a", "?"), row("text", "b", "?"), row("note", "n2", "Bye")
    )
    assert outline(found) == [("questions", [("a", ["n1", "a"]), ("b", ["b"]), ("n2", ["n2"])])]


def test_groups_at_the_top_are_sections_and_what_stands_between_them_is_too():
    found = imported(
        row("text", "a", "?"),
        row("begin_group", "money", "Your money"),
        row("text", "b", "?"),
        row("end_group"),
        row("text", "c", "?"),
        row("begin group", "fl", "On one page", appearance="field-list"),
        row("text", "d", "?"),
        row("text", "e", "?"),
        row("end group"),
    )
    assert outline(found) == [
        ("questions", [("a", ["a"])]),
        ("money", [("b", ["b"])]),
        ("questions_2", [("c", ["c"])]),
        ("fl", [("fl", ["d", "e"])]),
    ]
    assert [s["title"] for s in found.document["sections"]] == [
        "Questions",
        "Your money",
        "Questions",
        "On one page",
    ]


def test_inside_a_section_a_field_list_is_a_page_and_another_group_titles_its_pages():
    found = imported(
        row("begin_group", "s", "Section"),
        row("begin_group", "fl", "Together", appearance="w4 field-list"),
        row("text", "a", "?"),
        row("begin_group", "inner", "Inside"),
        row("text", "b", "?"),
        row("end_group"),
        row("end_group"),
        row("begin_group", "plain", "Apart"),
        row("text", "c", "?"),
        row("text", "d", "?"),
        row("end_group"),
        row("end_group"),
    )
    assert outline(found) == [("s", [("fl", ["a", "inner", "b"]), ("c", ["c"]), ("d", ["d"])])]
    assert [page["title"] for page in found.document["sections"][0]["pages"]] == ["Together", "Apart", "Apart"]
    assert items(found)[1] == {"id": "inner", "type": "note", "text": "Inside"}


def test_conditions_of_groups_hold_for_all_that_they_ask():
    asked = {"question": "q", "is": "yes"}
    found = imported(
        row("select_one yn", "q", "?"),
        row("begin_group", "s", "Section", relevant="${q} = 'yes'"),
        row("integer", "n", "?"),
        row("begin_group", "g", "Apart", relevant="${n} > 0"),
        row("text", "a", "?"),
        row("begin_group", "fl", "Together", appearance="field-list", relevant="${n} < 9"),
        row("begin_group", "inner", "Inside", relevant="${n} != 5"),
        row("text", "b", "?", relevant="${a} != ''"),
        row("end_group"),
        row("end_group"),
        row("end_group"),
        row("end_group"),
    )
    assert left_out(found) == []
    section = found.document["sections"][1]
    assert section["show_if"] == asked
    over, under = {"question": "n", "at_least": 1}, {"question": "n", "at_most": 8}
    assert [page.get("show_if") for page in section["pages"]] == [None, over, {"all": [over, under]}]
    five = {"not": {"question": "n", "at_least": 5, "at_most": 5}}
    note, question = section["pages"][2]["questions"]
    assert note["show_if"] == five
    assert question["show_if"] == {"all": [five, {"question": "a", "answered": True}]}


def test_a_table_list_becomes_a_grid():
    found = imported(
        row("begin_group", "sat", "How satisfied are you?", appearance="table-list"),
        row("select_one scale", "pay", "With your pay", required="yes"),
        row("select_one scale", "job", "With your job", required="yes"),
        row("end_group"),
        row("text", "why", "Why?", relevant="${pay} = '1' or ${pay} = '2'"),
    )
    assert left_out(found) == []
    assert items(found)[0] == {
        "id": "sat",
        "type": "grid",
        "text": "How satisfied are you?",
        "rows": [{"code": "pay", "label": "With your pay"}, {"code": "job", "label": "With your job"}],
        "scale": [{"code": "1", "label": "Bad"}, {"code": "2", "label": "Fair"}, {"code": "3", "label": "Good"}],
        "required": True,
    }
    assert items(found)[1]["show_if"] == {"question": "sat.pay", "in": ["1", "2"]}


def test_a_table_of_labels_becomes_a_grid_and_its_header_the_text():
    found = imported(
        row("begin_group", "g", "Work", appearance="field-list"),
        row("select_one scale", "head", "How is each?", appearance="label"),
        row("select_one scale", "pay", "Pay", appearance="list-nolabel"),
        row("select_one scale", "job", "Job", appearance="list-nolabel"),
        row("text", "t", "Anything else?"),
        row("end_group"),
    )
    assert left_out(found) == []
    grid, text = items(found)
    assert (grid["id"], grid["text"], [r["code"] for r in grid["rows"]]) == (
        "head",
        "How is each?",
        ["pay", "job"],
    )
    assert text["id"] == "t"


def test_what_does_not_fit_the_scale_of_a_table_is_a_question_of_its_own():
    found = imported(
        row("begin_group", "g", "Work", appearance="table-list"),
        row("note", "n", "Mind"),
        row("select_one scale", "a", "A", relevant="selected(${a}, '1')"),
        row("select_one yn", "b", "B", required="yes"),
        row("select_one yn", "c", "C", hint="Look it up"),
        row("end_group"),
    )
    assert outline(found) == [("g", [("g", ["n", "g", "g_2"])])]
    assert left_out(found) == [
        ("survey!B2", "the name “g” became “g_2”"),
        ("survey!E4", "the condition “selected(${a}, '1')” is not carried over: “a” cannot be read here"),
        ("survey!F5", "only some rows of the grid are required; none is here"),
        ("survey!G6", "the hint of a row in a grid is not carried over"),
    ]


def test_a_scale_too_long_for_a_grid_is_asked_row_by_row():
    long = {"l": [(f"c{i}", f"Point {i}") for i in range(2, 24)]}
    found = imported(
        row("begin_group", "g", "Work", appearance="table-list"),
        row("select_one l", "a", "A"),
        row("select_one l", "b", "B"),
        row("end_group"),
        lists=long,
    )
    assert [q["type"] for q in items(found)] == ["single", "single"]
    assert left_out(found) == [
        ("survey!A3", "a grid has at most 20 points; its rows became questions of their own"),
    ]


def test_a_repeat_becomes_a_repeated_page_that_cannot_be_read_afterwards():
    found = imported(
        row("select_one yn", "q", "?"),
        row("begin_repeat", "contract", "Contract", relevant="${q} = 'yes'", repeat_count="5"),
        row("text", "who", "With whom?"),
        row("integer", "months", "How long, with ${who}?", relevant="${who} != ''"),
        row("end_repeat"),
        row("text", "why", "Why?", relevant="${months} > 3"),
    )
    assert found.document["sections"][1] == {
        "id": "contract",
        "title": "Contract",
        "pages": [
            {
                "id": "contract",
                "title": "Contract",
                "show_if": {"question": "q", "is": "yes"},
                "repeat": {"max": 5, "item": "Contract"},
                "questions": [
                    {"id": "who", "type": "text", "text": "With whom?"},
                    {
                        "id": "months",
                        "type": "number",
                        "text": "How long, with {answers.who}?",
                        "show_if": {"question": "who", "answered": True},
                    },
                ],
            }
        ],
    }
    what = "the condition “${months} > 3” is not carried over: “months” cannot be read here"
    assert left_out(found) == [("survey!D7", what)]
    assert "show_if" not in items(found)[-1]


def test_a_repeat_within_a_repeat_is_left_out_and_a_group_dissolved():
    found = imported(
        row("begin_repeat", "r", "Contract"),
        row("begin_group", "g", ""),
        row("text", "a", "?"),
        row("end_group"),
        row("begin_repeat", "deep", "Clause"),
        row("text", "b", "?"),
        row("end_repeat"),
        row("end_repeat"),
    )
    assert outline(found) == [("r", [("r", ["a"])])]
    assert left_out(found) == [
        ("survey!A2", "it is asked for as many as there are, up to 20, not “any number”"),
        ("survey!A3", "the group “g” is dissolved into the repeated page"),
        ("survey!A6", "the repeat “deep” with all its questions is not carried over"),
    ]


def test_kobos_scores_rankings_and_matrices():
    found = imported(
        row("begin_score", "sc", "How was it?", **{"kobo--score-choices": "scale"}),
        row("score__row", "food", "Food"),
        row("score__row", "room", "Room"),
        row("end_score"),
        row("begin_rank", "rk", "Best two", **{"kobo--rank-items": "abc"}),
        row("rank__level", "first", "1st"),
        row("rank__level", "second", "2nd"),
        row("end_rank"),
        row("begin_kobomatrix", "mx", "Your services", **{"kobo--matrix_list": "yn"}),
        row("select_one scale", "quality", "Quality"),
        row("integer", "cases", "Cases"),
        row("end_kobomatrix"),
    )
    assert left_out(found) == []
    score, rank, quality, first, second = items(found)
    assert (score["type"], [r["label"] for r in score["rows"]]) == ("grid", ["Food", "Room"])
    assert (rank["type"], rank["top"]) == ("rank", 2)
    assert (quality["type"], [r["code"] for r in quality["rows"]]) == ("grid", ["yes", "no"])
    assert (first["id"], first["text"]) == ("cases_yes", "Yes: Cases")
    assert (second["id"], second["text"]) == ("cases_no", "No: Cases")


# ── conditions ───────────────────────────────────────────────────────────────

KNOWN = {
    "s": Known("s", "single", {"a": "a", "B": "b"}),
    "num": Known("num", "single", {"1": "1", "2": "2", "3": "3"}),
    "m": Known("m", "multiple", {"a": "a", "b": "b"}),
    "n": Known("n", "number", whole=True),
    "x": Known("x", "number"),
    "t": Known("t", "text"),
    "row": Known("grid.row", "single", {"yes": "yes", "no": "no"}),
}
S_A = {"question": "s", "is": "a"}


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("${s} = 'a'", S_A),
        ("${ s }='a'", S_A),
        ('"a" = ${s}', S_A),
        ("${s} = ‘a’", S_A),
        ("((${s} = 'a'))", S_A),
        ("selected(${s}, 'B')", {"question": "s", "is": "b"}),
        ("${s} != 'a'", {"not": S_A}),
        ("not(${s} = 'a')", {"not": S_A}),
        ("not(${s} != 'a')", S_A),
        ("${s} = 'a' or ${s} = 'B'", {"question": "s", "in": ["a", "b"]}),
        ("${s} = 'a' or ${n} = 1", {"any": [S_A, {"question": "n", "at_least": 1, "at_most": 1}]}),
        ("${s} != ''", {"question": "s", "answered": True}),
        ('${t} = ""', {"question": "t", "answered": False}),
        ("string-length(${t}) > 0", {"question": "t", "answered": True}),
        ("count-selected(${m}) >= 1", {"question": "m", "answered": True}),
        ("selected(${m}, 'b')", {"question": "m", "includes": "b"}),
        ("not(selected(${m}, 'b'))", {"not": {"question": "m", "includes": "b"}}),
        ("${row} = 'yes'", {"question": "grid.row", "is": "yes"}),
        ("${num} = 2", {"question": "num", "is": "2"}),
        ("${num} >= 2", {"question": "num", "in": ["2", "3"]}),
        ("2 > ${num}", {"question": "num", "in": ["1"]}),
        ("${n} >= 18", {"question": "n", "at_least": 18}),
        ("${n} > 18", {"question": "n", "at_least": 19}),
        ("${n} < '18'", {"question": "n", "at_most": 17}),
        ("${n} <= -1.5", {"question": "n", "at_most": -1.5}),
        (
            "${x} > 0.5",
            {"all": [{"question": "x", "answered": True}, {"not": {"question": "x", "at_most": 0.5}}]},
        ),
        ("${n} != 5", {"not": {"question": "n", "at_least": 5, "at_most": 5}}),
        (
            "${s} = 'a' and (${n} >= 1 or selected(${m}, 'a'))",
            {"all": [S_A, {"any": [{"question": "n", "at_least": 1}, {"question": "m", "includes": "a"}]}]},
        ),
        ("true()", None),
    ],
)
def test_a_condition_of_the_common_forms_is_kept(expression: str, expected: Any):
    assert condition(expression, KNOWN) == expected


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("${later} = 'a'", "“later” cannot be read here"),
        ("${s} = 'zz'", "“s” has no choice “zz”"),
        ("${m} = 'a'", "the answer to “m” cannot be compared"),
        ("${t} = 'words'", "the answer to “t” cannot be compared"),
        ("${n} = ${x}", "only a question and a fixed value can be compared"),
        ("${n} + 1 > 5", "“+ 1 > 5” is not understood"),
        ("today() > '2012-01-01'", "only a question and a fixed value can be compared"),
        ("regex(${t}, 'x')", "regex() has no counterpart"),
        ("count-selected(${m}) > 2", "a count of answers cannot be compared"),
        ("${n} > lots", "“lots” is not understood"),
        ("${s} = 'a' and", "it ends too early"),
        ("${s} = 'a", "“'a” is not understood"),
        ("${s} = 'a')", "“)” is not understood"),
        ("/data/s = 'a'", "“/data/s = 'a'” is not understood"),
        ("'a'", "it is no comparison"),
        ("(" * 50 + "${s} = 'a'" + ")" * 50, "its brackets are too deep"),
        ("not(" * 50 + "${s} = 'a'" + ")" * 50, "its brackets are too deep"),
        ("${s} = 'a' or " * 500 + "${s} = 'a'", "it is too long"),
        ("${n} > 99999999999999999999", "“99999999999999999999” is no number"),
    ],
)
def test_a_condition_that_cannot_be_said_gives_the_reason(expression: str, reason: str):
    with pytest.raises(Inexpressible) as refused:
        condition(expression, KNOWN)
    assert str(refused.value) == reason


def test_an_inexpressible_condition_is_reported_with_its_cell_and_the_question_kept():
    found = imported(row("integer", "n", "?"), row("text", "t", "?", relevant="${n} mod 2 = 0"))
    assert "show_if" not in items(found)[1]
    assert found.left_out[0] == Problem(
        "survey!D3",
        "the condition “${n} mod 2 = 0” is not carried over: “mod” is not understood",
        'it is always asked; write "show_if" in the new file',
    )


def test_a_condition_that_can_never_hold_is_reported_and_the_question_kept():
    found = imported(
        row("select_one yn", "q", "?"), row("text", "t", "?", relevant="${q} = 'yes' and ${q} = 'no'")
    )
    assert "show_if" not in items(found)[1]
    assert [at for at, _ in left_out(found)] == ["survey!D3"]


WORDS = [
    *("${q}", "${n}", "${m}", "${zz}", "'yes'", "''", "0", "5", "-3", ".", "=", "!=", ">", "<=", "(", ")", ","),
    *("and", "or", "not(", "selected(", "count-selected(", "true()", "if(", "string-length(", "today()"),
    *("date('2012-01-01')", "+", "*", "div", "[", "/", "|", '"', "'", "‘", "$", "{", "}", "\x00", "\n"),
]
EXPRESSIONS = st.one_of(st.text(max_size=60), st.lists(st.sampled_from(WORDS), max_size=14).map(" ".join))


@settings(max_examples=200, deadline=None)
@given(
    EXPRESSIONS, EXPRESSIONS, st.sampled_from(["integer", "text", "date", "select_multiple abc", "select_one yn"])
)
def test_whatever_stands_as_condition_or_rule_is_kept_or_reported(relevant: str, rule: str, type: str):
    found = imported(
        row("select_one yn", "q", "?"),
        row("integer", "n", "?"),
        row("select_multiple abc", "m", "?"),
        row(type, "last", "Last ${q}", relevant=relevant, constraint=rule),
    )
    kept = "show_if" in items(found)[-1]
    reported = "survey!D5" in [at for at, _ in left_out(found)]
    nothing = relevant.strip() in {"", "true()"} or relevant.replace(" ", "").strip("()") in {"", "true"}
    assert kept + reported == 1 or nothing


# ── rules ────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "rule",
    [
        "not(selected(., 'none') and count-selected(.) > 1)",
        "not(count-selected(.)>=2 and selected(.,'none'))",
        "not(selected(., 'none')) or count-selected(.) = 1",
        "count-selected(.) < 2 or not(selected(., 'none'))",
        "if(selected(., 'none'), count-selected(.) = 1, true())",
        "(selected(., 'none') and count-selected(.) = 1) or not(selected(., 'none'))",
        "not(selected(., 'none') and (selected(., 'a') or selected(., 'b')))",
    ],
)
def test_the_usual_ways_of_saying_that_a_choice_stands_alone(rule: str):
    found = item(row("select_multiple abc", "m", "?", constraint=rule))
    assert [option.get("exclusive", False) for option in found["options"]] == [False, False, True]


def test_several_choices_may_stand_alone():
    rule = "not(selected(., 'none') and count-selected(.) > 1) and not(selected(., 'b') and count-selected(.) > 1)"
    found = item(row("select_multiple abc", "m", "?", constraint=rule))
    assert [option.get("exclusive", False) for option in found["options"]] == [False, True, True]


def test_a_greatest_number_of_choices_is_kept():
    found = item(row("select_multiple abc", "m", "?", constraint="count-selected(.) <= 2"))
    assert found["at_most"] == 2


@pytest.mark.parametrize(
    ("type", "rule", "reason", "kept"),
    [
        ("integer", ". >= 0 and . mod 2 = 0", "“mod” is not understood", {}),
        ("integer", ". >= 0 and . <= ${n}", "only fixed bounds are taken over", {"min": 0}),
        ("decimal", ". > 0", "a bound that is itself left out is only for whole numbers", {}),
        ("date", ". <= today()", "only fixed days are taken over", {}),
        ("date", ". <= '2012-02-31'", "“2012-02-31” is no day", {}),
        ("text", "regex(., '[a-z]+')", "only a greatest length is taken over", {}),
        ("select_one yn", ". = 'yes'", "such an answer has no rules here", {}),
        (
            "select_multiple abc",
            "count-selected(.) >= 2",
            "only a greatest number and choices that stand alone are taken over",
            {},
        ),
    ],
)
def test_what_a_rule_cannot_say_is_reported(type: str, rule: str, reason: str, kept: dict[str, Any]):
    found = imported(row(type, "q", "?", constraint=rule))
    assert left_out(found) == [("survey!D2", f"the rule “{rule}” is not wholly carried over: {reason}")]
    assert kept.items() <= items(found)[0].items()


def test_not_and_narrower_bounds_are_understood():
    found = item(row("integer", "n", "?", constraint="not(. < 1) and . >= 0 and . < 10 and 20 >= ."))
    assert (found["min"], found["max"]) == (1, 9)


# ── names, words, languages ──────────────────────────────────────────────────


def test_names_and_codes_are_mapped_and_each_change_is_reported():
    found = imported(
        row("select_one Größe", "Q-1", "?"),
        row("text", "q_1", "?", relevant="${Q-1} = 'Sehr groß'"),
        row("text", "2nd", "?", relevant="${q_1} != ''"),
        lists={"Größe": [("Sehr groß", "Big"), ("l1", "Small"), ("ll", "Smaller")]},
    )
    assert [q["id"] for q in items(found)] == ["q_1", "q_1_2", "q_2nd"]
    assert [o["code"] for o in items(found)[0]["options"]] == ["sehr_gross", "l1", "ll_2"]
    assert items(found)[1]["show_if"] == {"question": "q_1", "is": "sehr_gross"}
    assert items(found)[2]["show_if"] == {"question": "q_1_2", "answered": True}
    assert left_out(found) == [
        ("survey!B2", "the name “Q-1” became “q_1”"),
        ("survey!B3", "the name “q_1” became “q_1_2”"),
        ("survey!B4", "the name “2nd” became “q_2nd”"),
        ("choices!B2", "the name “Sehr groß” became “sehr_gross”"),
        ("choices!B4", "the name “ll” became “ll_2”"),
    ]


def test_answers_are_filled_into_texts_but_not_into_labels():
    found = imported(
        row("select_one yn", "Q", "?"),
        row("text", "t", "You said ${Q}, {sic}. And ${later}?"),
        row("select_one l", "later", "?"),
        lists=LISTS | {"l": [("x", "Like ${Q}"), ("y", "Y")]},
    )
    assert items(found)[1]["text"] == "You said {answers.q}, (sic). And …?"
    assert items(found)[2]["options"][0]["label"] == "Like …"
    assert left_out(found) == [
        ("survey!B2", "the name “Q” became “q”"),
        ("survey!C3", "its formatting is left out"),
        ("survey!C3", "“${later}” in the text cannot be filled in; … stands there"),
        ("choices!C11", "“${Q}” in the text cannot be filled in; … stands there"),
    ]


def test_markup_is_left_out_and_a_script_stays_words():
    found = imported(
        row("text", "t", "# Say **what**<br>you <span style='color:red'>want</span> <script>x</script>")
    )
    assert items(found)[0]["text"] == "Say what\nyou want <script>x</script>"
    assert left_out(found) == [("survey!C2", "its formatting is left out")]


def test_languages_come_from_the_columns_the_default_first():
    found = imported(
        row(
            "select_one yn",
            "q",
            "Staff?",
            **{"label::Cymraeg (cy)": "Staff, os gwelwch?", "hint::Cymraeg (cy)": "H"},
        ),
        settings={"form_title": "Tiny", "form_id": "tiny", "default_language": "Cymraeg (cy)"},
    )
    assert found.document["languages"] == ["cy", "en"]
    assert items(found)[0]["text"] == {"cy": "Staff, os gwelwch?", "en": "Staff?"}
    assert items(found)[0]["hint"] == {"cy": "H", "en": "H"}
    assert items(found)[0]["options"][0]["label"] == {"cy": "Yes", "en": "Yes"}
    assert left_out(found) == [
        ("survey", "there is no hint in en; the wording of another language stands there"),
        ("choices", "there is no label in cy; the wording of another language stands there"),
    ]


def test_our_own_words_in_a_second_language_are_reported():
    found = imported(row("select_one yn or_other", "q", "Staff?", **{"label::Français (fr)": "Personnel ?"}))
    assert items(found)[0]["options"][2]["label"] == {"en": "Other", "fr": "Other"}
    assert ("survey!A2", "“Other” reads the same in all languages") in left_out(found)


def test_a_plain_label_is_in_the_default_language():
    sheets = {
        "survey": [["type", "name", "label"], ["text", "t", "Pourquoi ?"]],
        "settings": [["form_title", "default_language"], ["Petit", "Français (fr)"]],
    }
    found = import_xlsform(sheets)
    assert found.document["languages"] == ["fr"]
    assert left_out(found) == []


def test_a_form_that_names_no_language_is_taken_for_english_and_says_so():
    found = import_xlsform({"survey": [["type", "name", "label"], ["text", "t", "Why?"]]})
    assert found.document["languages"] == ["en"]
    assert left_out(found) == [("survey!C1", "the language is not named, and taken for en")]


def test_a_language_that_nobody_knows_is_refused_with_the_remedy():
    sheets = {"survey": [["type", "name", "label::Klingon"], ["text", "t", "nuqneH"]]}
    with pytest.raises(Refused) as refused:
        import_xlsform(sheets)
    assert refused.value.problems == (
        Problem("survey!C1", "“Klingon” is not known as a language", "put its code after it, as in English (en)"),
    )


def test_a_missing_label_is_made_of_the_name():
    found = imported(row("text", "how_many", ""))
    assert items(found)[0]["text"] == "How many"
    assert left_out(found) == [("survey!B2", "there is no label; “How many” stands there")]


def test_columns_without_counterpart_are_reported_once_each():
    found = imported(
        row("text", "t", "?", **{"default": "x", "media::image": "a.png", "$kuid": "k1"}),
        row("text", "u", "?", default="y"),
        row("text", "gone", "?", disabled="yes"),
        settings={"form_title": "Tiny", "form_id": "tiny", "public_key": "abc"},
    )
    assert [q["id"] for q in items(found)] == ["t", "u"]
    assert left_out(found) == [
        ("survey!D1", "the column “default” is not carried over (2 cells)"),
        ("survey!E1", "the column “media::image” is not carried over (1 cell)"),
        ("settings!C1", "the column “public_key” is not carried over (1 cell)"),
    ]


def test_a_required_that_depends_on_answers_is_reported():
    found = imported(row("text", "t", "?", required="${q} = 'yes'"))
    assert left_out(found) == [("survey!D2", "“${q} = 'yes'” is not carried over: it cannot depend on answers")]


# ── the document ─────────────────────────────────────────────────────────────


def test_the_settings_name_the_questionnaire_and_plain_words_fill_what_a_form_lacks():
    found = imported(
        row("text", "t", "?"), settings={"form_title": "Of {us}", "form_id": "My Survey", "version": "2024 / 1"}
    )
    document = {key: value for key, value in found.document.items() if key != "sections"}
    assert document == {
        "$schema": "../schema.json",
        "survey": "my_survey",
        "version": "2024-1",
        "title": "Of (us)",
        "languages": ["en"],
        "respondent": "one answer for each organisation",
        "minutes": 1,
        "intro": "Of (us)",
        "thanks": "Thank you. We have your answers.",
    }
    assert found.left_out == (
        Problem("settings", STOCK, "write your own into intro, thanks, respondent and minutes"),
    )


def test_survey_and_version_can_be_given():
    found = imported(row("text", "t", "?"), survey="dat", version="2024.1")
    assert (found.document["survey"], found.document["version"]) == ("dat", "2024.1")


def test_the_sheets_may_be_called_and_headed_as_people_do():
    sheets = {
        " Survey ": [["My form"], [], ["Type", "NAME", "Label :: English (en)"], ["Text", "t", "Why?"]],
        "CHOICES": [["list name", "value", "label"]],
    }
    assert items(import_xlsform(sheets)) == [{"id": "t", "type": "text", "text": "Why?"}]


def test_a_document_is_written_like_those_in_the_repository():
    found = imported(row("select_one yn", "q", "?"), row("text", "t", "?", relevant="${q} = 'yes'"))
    text = json_text(found.document)
    assert json.loads(text) == found.document
    assert '                {"code": "yes", "label": "Yes"},\n' in text
    assert '              "show_if": {"question": "q", "is": "yes"}\n' in text


# ── refusals ─────────────────────────────────────────────────────────────────


def test_a_workbook_without_survey_is_refused():
    with pytest.raises(Refused, match="there is no such sheet"):
        import_xlsform({"Sheet1": [["type", "name"]]})


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([["kind", "name"], ["text", "t"]], ("survey!A1", "no row has the columns type and name")),
        ([], ("survey", "no row has the columns type and name")),
        ([["type", "name", "type"], ["text", "t"]], ("survey!C1", "the column “type” stands twice")),
        ([["type", "name"], ["start", "start"]], ("survey", "it asks nothing that can be carried over")),
        ([["type", "name"], ["select_one x", "q"]], ("survey!A2", "there is no list “x” of choices")),
        ([["type", "name"], ["begin_group", "g"]], ("survey!A2", "this group is never closed")),
        ([["type", "name"], ["end_group", ""]], ("survey!A2", "this ends a group that is not open")),
        (
            [["type", "name"], ["begin_group", "g"], ["end_repeat", ""]],
            ("survey!A3", "this ends a group that is not open"),
        ),
        (
            [["type", "name"], *[["begin_group", "g"]] * 11],
            ("survey!A12", "groups are nested over 10 deep"),
        ),
        ([["type", "name"], *[["text", "t"]] * 5_001], ("survey", "it has 5,001 lines")),
    ],
)
def test_a_broken_form_is_refused_with_its_cell(rows: list[list[str]], expected: tuple[str, str]):
    with pytest.raises(Refused) as refused:
        import_xlsform({"survey": rows})
    assert (refused.value.problems[0].at, refused.value.problems[0].what) == expected


def test_what_the_questionnaire_may_not_be_is_refused_at_the_cell_it_came_from():
    assert refusal(
        row("select_one l", "q", "?"),
        row("integer", "n", "?", constraint=". >= 9 and . <= 3"),
        lists={"l": [("x", "X" * 201), ("y", "Y")]},
    ) == [
        ("choices!C2", "the label has 201 characters"),
        ("survey!D3", "3 is below the least value, 9"),
    ]


def test_a_given_survey_that_is_no_name_is_refused():
    assert refusal(row("text", "t", "?"), survey="My Survey") == [
        ("settings", '/survey: "My Survey" is not a valid name')
    ]


def test_what_people_wrote_cannot_move_the_cursor_of_the_report():
    found = imported(row("text", "t", "?"), row("\x1b[2Jgeo\nshape", "\x1b]0;x\x07", "?"))
    assert all(c.isprintable() for p in found.left_out for c in str(p))


TYPES = [
    *("text", "integer", "note", "select_one yn", "select_one scale", "select_multiple abc or_other", "rank abc"),
    *("begin_group", "end_group", "begin_repeat", "end_repeat", "begin_score", "end_score", "score__row"),
    *("begin_kobomatrix", "end_kobomatrix", "begin_rank", "end_rank", "calculate", "select_one one", ""),
]
LINES = st.fixed_dictionaries(
    {"type": st.sampled_from(TYPES), "name": st.sampled_from(["q", "Q", "q_", "1", "", "other"])},
    optional={
        "label": st.sampled_from(["A", "${q}", "{x}", "**", "A"]),
        "hint": st.text(max_size=5),
        "appearance": st.sampled_from(["field-list", "table-list", "label", "list-nolabel"]),
        "relevant": st.sampled_from(["${q} = 'yes'", "${1} > 3", "selected(${Q}, 'a')"]),
        "repeat_count": st.sampled_from(["3", "1", "${q}"]),
        "kobo--score-choices": st.just("scale"),
        "kobo--rank-items": st.just("abc"),
        "kobo--matrix_list": st.just("yn"),
        "required": st.sampled_from(["yes", "TRUE", "maybe"]),
    },
)


@settings(max_examples=200, deadline=None)
@given(st.lists(LINES, min_size=1, max_size=12))
def test_any_form_is_imported_or_refused_with_its_cells(lines: list[dict[str, str]]):
    try:
        imported({"type": "", "name": "", "label": ""}, *lines)
    except Refused as refused:
        assert all(p.at.startswith(("survey", "choices", "settings")) for p in refused.problems)


@pytest.mark.parametrize("name", ["dat/2012.1", "dat/2013.1", "housing/2011.1", "police/2011.1"])
def test_the_form_of_a_written_document_is_that_of_the_repository(name: str):
    text = (Path(__file__).parents[2] / f"instruments/{name}.json").read_text(encoding="utf-8")
    assert json_text(json.loads(text)) == text
