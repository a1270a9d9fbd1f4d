"""What is typed for a paper return: numbers, stars, empty boxes; and in what two keyings differ."""

import json
from typing import Any

import pytest

from surveyapp.instrument import Instrument, read_instrument
from surveyapp.instrument.keying import UNCLEAR, boxes, compared, keys_of, read_keyed
from surveyapp.instrument.keysheet import keysheet
from surveyapp.problems import Problem
from tests.makers import make_document, make_instrument, make_question

GATE = {"question": "gate", "is": "yes"}


def form(**typed: str) -> dict[str, list[str]]:
    return {name.replace("__", "."): [value] for name, value in typed.items()}


def every_type(**more: Any) -> Instrument:
    rows = make_question("grid")["rows"]
    kind = make_question("single", "kind")
    kind["options"].append({"code": "other", "label": "Other", "specify": True})
    return make_instrument(
        [
            kind,
            make_question("multiple", "sources"),
            make_question("grid", "partners"),
            {**make_question("multiple", "first"), "type": "rank"},
            {"id": "since", "type": "date", "text": "Since when?"},
            {"id": "spend", "type": "number", "text": "How much?", "unit": "GBP", "max": 5000},
            {"id": "share", "type": "allocation", "text": "Of what?", "rows": rows},
            make_question("text", "issues", max_length=100),
        ],
        **more,
    )


# ── what a number means ──────────────────────────────────────────────────────


def test_an_option_has_the_number_of_its_place_on_the_paper() -> None:
    single = every_type().questions["kind"]
    assert [(key.number, key.code) for key in keys_of(single.options)] == [
        ("1", "yes"),
        ("2", "no"),
        ("3", "other"),
    ]


def test_codes_that_are_numbers_stay_themselves() -> None:
    options = [{"code": code, "label": code} for code in ("0", "5", "10")]
    question = make_instrument([make_question(options=options)]).questions["q1"]
    assert [key.number for key in keys_of(question.options)] == ["0", "5", "10"]


def test_every_kind_of_answer_is_read_from_its_box() -> None:
    typed = form(
        kind="3",
        kind__other__text="A charity",
        sources="1 3",
        partners__police="2",
        partners__health="less",
        first__b="1",
        first__a="2",
        since="27032012",
        spend="£1,200",
        share__police="60",
        share__health="40",
        issues=" Too few ",
    )
    read = read_keyed(every_type(), typed)
    assert (read.faults, read.blank, read.astray, read.unclear, read.empty) == ((), (), (), (), False)
    assert read.route.answers == {
        "kind": "other",
        "kind.other.text": "A charity",
        "sources": ["a", "c"],
        "partners.police": "same",
        "partners.health": "less",
        "first": ["b", "a"],
        "since": "2012-03-27",
        "spend": "1200",
        "share.police": "60",
        "share.health": "40",
        "issues": "Too few",
    }


@pytest.mark.parametrize("typed", ["1 3", "13", "3,1", "1/3", "a c", "1 C"])
def test_several_numbers_are_typed_with_anything_between_them(typed: str) -> None:
    assert read_keyed(every_type(), form(sources=typed)).route.answers == {"sources": ["a", "c"]}


def test_numbers_of_two_digits_need_a_gap() -> None:
    options = [{"code": f"c{n}", "label": f"Option {n}"} for n in range(1, 13)]
    instrument = make_instrument([make_question("multiple", options=options)])
    assert read_keyed(instrument, form(q1="1 2")).route.answers == {"q1": ["c1", "c2"]}
    assert read_keyed(instrument, form(q1="12")).route.answers == {"q1": ["c12"]}


@pytest.mark.parametrize("typed", ["27/3/2012", "2012-03-27", "27.3.2012", "27032012"])
def test_a_day_is_typed_in_many_ways(typed: str) -> None:
    assert read_keyed(every_type(), form(since=typed)).route.answers == {"since": "2012-03-27"}


# ── what is wrong ────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("typed", "at", "what"),
    [
        (form(kind="9"), "kind", "“9” is not one of the numbers 1 to 3"),
        (form(partners__police="4"), "partners.police", "“4” is not one of the numbers 1 to 3"),
        (form(sources="1 7"), "sources", "“7” is not one of the numbers 1 to 3"),
        (form(sources="1 1"), "sources", "“1” is typed twice"),
        (form(spend="9000"), "spend", "9,000 is too large"),
        (form(spend="some"), "spend", "that is not a number"),
        (form(since="31/2/2012"), "since", "There is no such day"),
        (form(share__police="60", share__health="60"), "share.police", "your answers add up to 120"),
        (form(first__a="2"), "first.a", "the places do not make an order"),
        (form(issues="x" * 101), "issues", "your answer is 1 character too long"),
        (form(kind="1", kind__other__text="A charity"), "kind.other.text", "you wrote something beside “Other”"),
    ],
)
def test_what_cannot_be_is_told_at_its_box(typed: Any, at: str, what: str) -> None:
    (fault,) = read_keyed(every_type(), typed).faults
    assert (fault.at, str(fault.what)) == (at, what)


def test_the_remedy_for_what_stands_on_the_paper_is_a_star() -> None:
    (fault,) = read_keyed(every_type(), form(spend="9000")).faults
    assert fault.do == "enter 5,000 or less, or type * if the paper says so"


def test_a_star_is_a_kind_of_its_own_and_sealed_as_no_reply() -> None:
    typed = form(kind="*", sources="x", partners__police="*", partners__health="1", spend="*", issues="Words")
    read = read_keyed(every_type(), typed)
    assert read.faults == ()
    assert read.unclear == ("kind", "sources", "partners.police", "spend")
    assert read.route.answers == {"partners.health": "more", "issues": "Words"}


def test_an_x_among_words_is_a_word() -> None:
    assert read_keyed(every_type(), form(issues="x")).route.answers == {"issues": "x"}


def test_one_share_that_cannot_be_read_leaves_the_whole_out() -> None:
    read = read_keyed(every_type(), form(share__police="60", share__health="*", kind="1"))
    assert (read.faults, read.route.answers) == ((), {"kind": "yes"})


def test_a_return_without_an_answer_is_empty() -> None:
    assert read_keyed(every_type(), {}).empty
    assert read_keyed(every_type(), form(kind="*")).empty
    assert not read_keyed(every_type(), form(first__a="1")).empty


def test_what_the_questionnaire_asks_for_and_the_paper_lacks_is_asked_about() -> None:
    soft = make_question("grid", "partners", required="soft")
    instrument = make_instrument(
        [make_question(required=True), soft, make_question("multiple", "m", required=True)]
    )
    read = read_keyed(instrument, form(partners__police="1"))
    assert [problem.at for problem in read.blank] == ["q1", "m", "partners.health"]
    starred = read_keyed(instrument, form(partners__police="1", q1="*", m="*", partners__health="*"))
    assert starred.blank == ()


def test_an_answer_that_the_routing_leads_past_is_pointed_at_and_not_taken() -> None:
    instrument = make_instrument([make_question(id="gate")], [make_question("multiple", "why", show_if=GATE)])
    read = read_keyed(instrument, form(gate="2", why="1 2"))
    what = "there is an answer, but the other answers lead past this question"
    assert [(problem.at, problem.what) for problem in read.astray] == [("why", what)]
    assert (read.faults, read.route.answers) == ((), {"gate": "no"})


def test_options_for_some_keep_their_place_among_all() -> None:
    why = make_question("multiple", "why")
    why["options"][0]["show_if"] = GATE
    instrument = make_instrument([make_question(id="gate")], [why])
    assert read_keyed(instrument, form(gate="2", why="2 3")).route.answers == {"gate": "no", "why": ["b", "c"]}


def test_a_check_across_answers_that_fails_is_told() -> None:
    document = make_document([{"id": name, "type": "number", "text": "How many?"} for name in ("a", "b")])
    check = {"sum": ["a", "b"], "equals": 10, "message": "They must come to 10"}
    document["sections"][0]["pages"][0]["checks"] = [check]
    instrument = read_instrument(json.dumps(document))
    (fault,) = read_keyed(instrument, form(a="5", b="6")).faults
    assert (fault.at, str(fault.what)) == ("a", "they must come to 10")
    assert read_keyed(instrument, form(a="5", b="*")).faults == ()


# ── two keyings ──────────────────────────────────────────────────────────────


def test_two_keyings_are_compared_box_by_box_by_what_they_mean() -> None:
    first = form(kind="1", sources="1 3", since="27032012", spend="1,200", partners__police="1", issues="Words")
    second = form(
        kind="yes", sources="3,1", since="27/3/2012", spend="£ 1200", partners__police="1", issues="Other"
    )
    assert compared(every_type(), first, {**second, "spend": ["1200.0"]}) == (5, [])


def test_each_box_that_differs_is_shown_as_typed() -> None:
    first, second = form(kind="1", sources="1 3", partners__police="*"), form(kind="2", sources="1 3", spend="5")
    filled, found = compared(every_type(), first, second)
    assert filled == 4
    assert [(d.box.name, d.first, d.second) for d in found] == [
        ("kind", "1", "2"),
        ("partners.police", UNCLEAR, ""),
        ("spend", "", "5"),
    ]


# ── the sheet ────────────────────────────────────────────────────────────────


def test_the_sheet_has_the_numbers_of_the_paper_and_every_box_once() -> None:
    instrument = every_type()
    (sheet,) = keysheet(instrument, {})
    entries = sheet.groups[0].entries
    assert [entry.number for entry in entries] == [1, 2, 3, 4, 5, 6, 7, 8]
    names = [place.box.name for entry in entries for place in (*entry.places, *entry.beside)]
    assert sorted(names) == sorted(boxes(instrument))
    assert [(o.number, o.label) for o in entries[2].options] == [("1", "More"), ("2", "Same"), ("3", "Less")]
    assert [place.label for place in entries[2].places] == ["a. Police", "b. Health"]


def test_a_repeated_page_is_shown_as_often_as_wanted() -> None:
    document = make_document([make_question("text", "service", text="Which?")])
    document["sections"][0]["pages"][0]["repeat"] = {"max": 2, "item": "contract"}
    instrument = read_instrument(json.dumps(document))
    (sheet,) = keysheet(instrument, {"p1": 1})
    assert [(group.number, group.more) for group in sheet.groups] == [(1, "p1")]
    (sheet,) = keysheet(instrument, {"p1": 5})
    assert [(group.number, group.more) for group in sheet.groups] == [(1, ""), (2, "")]
    read = read_keyed(instrument, {"service@2": ["Beds"]})
    assert read.route.answers == {"p1.count": "2", "service@2": "Beds"}
    assert read_keyed(instrument, {"p1.count": ["3"]}).faults == (
        Problem("p1.count", '"3" is not a number of items', "write 1 to 2, or type * if the paper says so"),
    )
