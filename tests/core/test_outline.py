"""A questionnaire on paper: numbers, spaces to answer in, and routing as sentences."""

import json
from pathlib import Path
from typing import Any

import pytest

from surveyapp.instrument import Instrument, read_instrument
from surveyapp.instrument.outline import (
    Amount,
    Aside,
    Ask,
    Choice,
    Choices,
    Day,
    Line,
    Outline,
    Places,
    Ruled,
    Scale,
    Shares,
    Variable,
    letters,
    outline,
    prose,
)
from tests.makers import make_document, make_instrument, make_question

ROOT = Path(__file__).parents[2]


def asks(found: Outline) -> list[Ask]:
    return [item for part in found.parts for leaf in part.leaves for item in leaf.items if isinstance(item, Ask)]


def number(id: str = "staff", **more: Any) -> dict[str, Any]:
    return make_question("number", id, **more)


def allocation(id: str = "share", **more: Any) -> dict[str, Any]:
    rows = [{"code": "nhs", "label": "NHS"}, {"code": "other", "label": "Other"}]
    return make_question("allocation", id, rows=rows, **more)


def rank(id: str = "order", **more: Any) -> dict[str, Any]:
    return make_question("rank", id, options=[{"code": c, "label": c.upper()} for c in "abc"], **more)


def only(*questions: dict[str, Any], **more: Any) -> Ask:
    """The last question of a questionnaire with these."""
    return asks(outline(make_instrument(list(questions), **more)))[-1]


# ── conditions in words: question 1 single, 2 multiple, 3 grid, 4 number, 5 share, 6 rank ─────────

EARLIER = [
    make_question("single", "kind", options=[{"code": c, "label": c.title()} for c in ("dat", "csp", "other")]),
    make_question("multiple", "m"),
    make_question("grid", "partners"),
    number("staff", max=100),
    allocation("share", unit="%"),
    rank("order"),
    number("income", unit="GBP"),
    make_question("date", "day"),
]


def q(question: str, **test: Any) -> dict[str, Any]:
    return {"question": question} | {name.rstrip("_"): value for name, value in test.items()}


SENTENCES = [
    (q("kind", is_="dat"), "chose “Dat” at question 1"),
    (q("kind", in_=["dat", "csp"]), "chose “Dat” or “Csp” at question 1"),
    (q("kind", in_=["dat", "csp", "other"]), "chose “Dat”, “Csp” or “Other” at question 1"),
    (q("partners.health", is_="less"), "chose “Less” at question 3b"),
    (q("m", includes="a"), "chose “Option a” at question 2"),
    (q("order", includes="b"), "ranked “B” at question 6"),
    (q("staff", at_least=1), "gave 1 or more at question 4"),
    (q("staff", at_most=5), "gave 5 or less at question 4"),
    (q("staff", at_least=1, at_most=5), "gave 1 to 5 at question 4"),
    (q("staff", at_least=3, at_most=3), "gave exactly 3 at question 4"),
    (q("staff", at_least=0), "gave 0 or more at question 4"),
    (q("share.other", at_least=50), "gave 50% or more at question 5b"),
    (q("income", at_least=1000), "gave £1,000 or more at question 7"),
    (q("day", answered=True), "answered question 8"),
    (q("kind", answered=False), "did not answer question 1"),
    ({"not": q("kind", is_="dat")}, "did not choose “Dat” at question 1"),
    ({"not": q("kind", in_=["dat", "csp"])}, "did not choose “Dat” or “Csp” at question 1"),
    ({"not": q("staff", at_least=1)}, "did not give 1 or more at question 4"),
    ({"not": q("order", includes="b")}, "did not rank “B” at question 6"),
    ({"not": q("day", answered=False)}, "answered question 8"),
    ({"not": {"not": q("kind", is_="dat")}}, "chose “Dat” at question 1"),
    ({"any": [q("kind", is_="dat"), q("kind", is_="csp")]}, "chose “Dat” or “Csp” at question 1"),
    ({"all": [q("m", includes="a"), q("m", includes="b")]}, "chose “Option a” and “Option b” at question 2"),
    (
        {"any": [q("partners.police", in_=["same", "less"]), q("partners.health", in_=["same", "less"])]},
        "chose “Same” or “Less” at question 3a or 3b",
    ),
    (
        {"all": [q("partners.police", is_="less"), q("partners.health", is_="less")]},
        "chose “Less” at questions 3a and 3b",
    ),
    (
        {"all": [q("kind", is_="dat"), q("staff", at_least=1)]},
        "chose “Dat” at question 1 and gave 1 or more at question 4",
    ),
    (
        {"any": [q("kind", is_="dat"), q("staff", at_least=1), q("day", answered=True)]},
        "chose “Dat” at question 1, gave 1 or more at question 4 or answered question 8",
    ),
    (
        {"all": [q("staff", at_least=1), {"any": [q("kind", is_="dat"), q("m", includes="a")]}]},
        "gave 1 or more at question 4, and either chose “Dat” at question 1 or chose “Option a” at question 2",
    ),
    (
        {"any": [{"all": [q("kind", is_="dat"), q("m", includes="a")]}, q("staff", at_least=1)]},
        "both chose “Dat” at question 1 and chose “Option a” at question 2, or gave 1 or more at question 4",
    ),
    (
        {
            "any": [
                q("staff", at_least=1),
                {"all": [q("day", answered=True), {"any": [q("kind", is_="dat"), q("m", includes="a")]}]},
            ]
        },
        (
            "gave 1 or more at question 4, or (answered question 8, and "
            "(chose “Dat” at question 1 or chose “Option a” at question 2))"
        ),
    ),
    (
        {"not": {"any": [q("kind", is_="dat"), q("staff", at_least=1)]}},
        "did not choose “Dat” at question 1 and did not give 1 or more at question 4",
    ),
    (
        {"not": {"all": [q("kind", is_="dat"), q("m", includes="a")]}},
        "did not choose “Dat” at question 1 or did not choose “Option a” at question 2",
    ),
    (
        {
            "all": [
                q("kind", answered=True),
                {"not": q("kind", in_=["dat"])},
                {"not": q("kind", in_=["csp", "other"])},
            ]
        },
        "answered question 1 and did not choose “Dat”, “Csp” or “Other” at question 1",
    ),
    (
        {"all": [q("kind", answered=False), q("day", answered=False)]},
        "did not answer question 1 or 8",
    ),
    (
        {"any": [q("kind", answered=False), q("day", answered=False)]},
        "did not answer question 1 or did not answer question 8",
    ),
]


@pytest.mark.parametrize(("condition", "words"), SENTENCES, ids=[words for _, words in SENTENCES])
def test_a_condition_reads_as_a_sentence(condition: dict[str, Any], words: str):
    # some of these can never hold, which `checking` refuses: only their words are of interest here
    document = make_document([*EARLIER, make_question(id="last", show_if=condition)])
    instrument = Instrument.model_validate(document)
    assert asks(outline(instrument))[-1].route == f"Answer only if you {words}."


def test_an_interviewer_is_told_whom_to_ask():
    found = only(make_question(id="a"), make_question(id="b", show_if=q("a", is_="yes")), mode="interviewer")
    assert found.route == "Ask only if the participant chose “Yes” at question 1."


def test_options_and_rows_say_who_they_are_for():
    options = [{"code": "x", "label": "X"}, {"code": "y", "label": "Y", "show_if": q("a", is_="yes")}]
    single = only(make_question(id="a"), make_question(id="b", options=options))
    assert single.space == Choices((Choice("X"), Choice("Y", "only if you chose “Yes” at question 1")), many=False)
    grid = only(make_question(id="a"), make_question("grid", "g", rows=options))
    assert isinstance(grid.space, Scale)
    assert grid.space.rows == (Line("a", "X"), Line("b", "Y", "only if you chose “Yes” at question 1"))


def part_document(**more: Any) -> dict[str, Any]:
    """Question 1; a page with 2 and 3 that `more` goes to; question 4."""
    document = make_document([make_question(id="a")], [number("b"), number("c")], [make_question(id="d")])
    document["sections"][1]["pages"][0] |= more
    return document


def directions(document: dict[str, Any]) -> tuple[str, ...]:
    return outline(read_instrument(json.dumps(document))).parts[1].leaves[0].directions


def test_a_page_says_who_it_is_for_and_where_the_others_go_on():
    assert directions(part_document(show_if=q("a", is_="no"))) == (
        "Answer questions 2 and 3 only if you chose “No” at question 1. Otherwise go on to question 4.",
    )


def test_a_section_at_the_end_leads_to_the_end():
    document = part_document()
    document["sections"][2]["show_if"] = q("b", at_least=1)
    assert outline(read_instrument(json.dumps(document))).parts[2].directions == (
        "Answer question 4 only if you gave 1 or more at question 2. Otherwise go on to the end.",
    )


def test_a_page_of_notes_is_read_only():
    note = {"id": "n", "type": "note", "text": "Hello.\n\n- one\n- two"}
    document = part_document(questions=[note | {"show_if": q("a", answered=True)}], show_if=q("a", is_="no"))
    assert directions(document) == ("Read this only if you chose “No” at question 1.",)
    leaf = outline(read_instrument(json.dumps(document))).parts[1].leaves[0]
    assert leaf.items == (Aside(("Hello.", ("one", "two")), "Read this only if you answered question 1."),)


def test_a_repeated_page_is_answered_once_for_each():
    assert directions(part_document(repeat={"max": 5, "item": "contract"})) == (
        (
            "Answer questions 2 and 3 once for each contract, up to 5. "
            "Use a copy of these questions for each further contract."
        ),
    )


def test_sums_that_must_agree_are_asked_for_in_words():
    checks = [
        {"sum": ["b", "c"], "equals": 10, "message": "No."},
        {"sum": ["b"], "at_most": "c", "message": "No."},
    ]
    assert directions(part_document(checks=checks)) == (
        "Check that the answers to questions 2 and 3 add up to 10.",
        "Check that the answer to question 2 comes to no more than the answer to question 3.",
    )


# ── what is filled in online ─────────────────────────────────────────────────


def piped(text: str, **more: Any) -> str:
    other = {"code": "other", "label": "Other", "specify": True}
    kind = make_question("single", "kind", options=[{"code": "dat", "label": "DAT"}, other])
    disclosure = {"carry": ["region_name"]}
    return only(
        kind, make_question("grid", "partners"), make_question(text=text), disclosure=disclosure, **more
    ).text


def test_placeholders_are_said_in_square_brackets():
    assert piped("As {answers.kind}?") == "As [your answer to question 1]?"
    assert piped("{answers.partners.health}?") == "[your answer to question 2b]?"
    assert piped("{answers.kind.other.text}?") == "[your answer to question 1]?"
    assert piped("In {unit.region_name}, {unit.name}, {unit.unit}") == (
        "In [your region name], [the name of your organisation], [the reference of your organisation]"
    )


def test_an_interviewer_reads_placeholders_of_somebody_else():
    text = piped("{answers.kind} in {unit.region_name}", mode="interviewer")
    assert text == "[the answer to question 1] in [their region name]"


def test_the_brackets_are_explained_where_there_are_any():
    def explained(text: str) -> bool:
        found = outline(make_instrument([make_question(id="a"), make_question(id="b", text=text)]))
        return "Words in [square brackets] stand for what is filled in online." in found.front[-1][1][0]

    assert explained("{answers.a}?")
    assert not explained("[sic](2012)")


# ── questions and their spaces ───────────────────────────────────────────────


def test_questions_are_numbered_through_the_whole_questionnaire():
    note = {"id": "n", "type": "note", "text": "Hello."}
    found = outline(make_instrument([make_question(id="a"), note], [make_question(id="b")]))
    assert [ask.number for ask in asks(found)] == [1, 2]
    assert [(part.number, part.title) for part in found.parts] == [(1, "Section 1"), (2, "Section 2")]
    assert [found.parts[0].leaves[0].title, letters(0), letters(25), letters(26), letters(52)] == [
        "Page 1", "a", "z", "aa", "ba",
    ]  # fmt: skip


def space(question: dict[str, Any]) -> tuple[str, Any]:
    ask = only(question)
    return ask.how, ask.space


def test_each_type_says_how_to_answer_and_where():
    yes_no = (Choice("Yes"), Choice("No"))
    abc = tuple(Choice(f"Option {c}") for c in "abc")
    rows = (Line("a", "NHS"), Line("b", "Other"))
    police = (Line("a", "Police"), Line("b", "Health"))
    letters_abc = tuple(Choice(c) for c in "ABC")
    assert space(make_question()) == ("Tick one.", Choices(yes_no, many=False))
    assert space(make_question("multiple")) == ("Tick all that apply.", Choices(abc, many=True))
    assert space(make_question("multiple", at_most=2)) == ("Tick up to 2.", Choices(abc, many=True))
    assert space(make_question("grid")) == ("Tick one in each row.", Scale(police, ("More", "Same", "Less")))
    assert space(number(unit="GBP")) == ("", Amount("£", ""))
    assert space(number(unit="months", decimals=2)) == ("Up to 2 digits after the point.", Amount("", "months"))
    assert space(allocation(unit="%")) == (
        "The answers must add up to 100%.",
        Shares(rows, "100%", Amount("", "%")),
    )
    assert space(allocation(total=5000, unit="GBP")) == (
        "The answers must add up to £5,000.",
        Shares(rows, "£5,000", Amount("£", "")),
    )
    assert space(rank()) == ("Put 1 to 3 in the boxes, 1 for the first.", Places(letters_abc, 3))
    assert space(rank(top=2)) == (
        "Put 1 to 2 in the boxes, 1 for the first. Leave the others blank.",
        Places(letters_abc, 2),
    )
    assert space(rank(top=1))[0] == "Put 1 in one box. Leave the others blank."
    assert space(make_question("date")) == ("", Day())
    assert space(make_question("text", max_length=2000)) == (
        "Up to 2,000 characters, about 300 words.",
        Ruled(10),
    )
    assert space(make_question("text", max_length=20)) == ("Up to 20 characters.", Ruled(2))
    assert space(make_question("text", max_length=10_000))[1] == Ruled(12)


def test_what_must_be_answered_says_so():
    assert only(make_question(required=True)).how == "Tick one. Must be answered."
    assert only(number(required=True)).how == "Must be answered."
    assert only(make_question(required="soft")).how == "Tick one."


def test_options_that_go_alone_or_want_words_are_known():
    options = [
        {"code": "a", "label": "A", "specify": True},
        {"code": "none", "label": "None", "exclusive": True},
    ]
    found = only(make_question("multiple", options=options))
    assert found.space == Choices((Choice("A", specify=True), Choice("None", alone=True)), many=True)


def test_tick_all_that_apply_is_said_once():
    assert only(make_question("multiple", hint="Think back. Select all that apply.")).hint == "Think back."
    assert only(make_question(hint="Select all that apply.")).hint == "Select all that apply."


def test_an_interviewer_has_probes_and_room_for_notes():
    found = only(make_question("text", probes=["Why?", "Since when?"], notes=True), mode="interviewer")
    assert found.probes == ("Why?", "Since when?")
    assert found.note_lines == 5


def test_plain_text_becomes_paragraphs_and_lists():
    assert prose("One\nline.\n\nWe ask:\n- a\n- b\n\n- c\nAnd then.") == (
        "One line.",
        "We ask:",
        ("a", "b"),
        ("c",),
        "And then.",
    )


# ── around the questions ─────────────────────────────────────────────────────


def test_the_front_says_who_how_long_and_how():
    found = outline(make_instrument([make_question(required=True)], privacy="Nobody knows."))
    assert found.title == "A tiny survey"
    assert found.facts == (
        ("Who should answer", "one answer for each organisation"),
        ("Time it takes", "About 5 minutes"),
        ("Questions", "1 in 1 section"),
        ("Version", "tiny@1"),
    )
    assert found.front == (
        ("About this survey", ("What it is for.",)),
        ("What happens to the answers", ("Nobody knows.",)),
        (
            "How to use this paper copy",
            (
                (
                    (
                        "Use this copy to read the questions and to gather the answers with colleagues. "
                        "One person then types them in online."
                    ),
                    "Tick one circle. Where there are squares, tick all that apply.",
                    "Leave blank what cannot be answered, unless it says “Must be answered”.",
                ),
            ),
        ),
    )
    assert found.end == (
        ("At the end", ("That was the last question. One person now types the answers in online.",)),
        ("What is shown when the answers have been sent", ("Thank you.",)),
    )


def test_routing_is_explained_where_there_is_any():
    found = outline(make_instrument([make_question(id="a"), make_question(id="b", show_if=q("a", is_="no"))]))
    sentence = "“Answer only if …” says who a question is for. Pass over what does not apply."
    assert sentence in found.front[-1][1][0]


def test_another_language_is_used_where_there_is_one():
    instrument = read_instrument((ROOT / "tests/instruments/valid/two_languages.json").read_bytes())
    assert outline(instrument).language == instrument.languages[0]
    assert outline(instrument, "cy").title == instrument.title.translations["cy"]


# ── annex ────────────────────────────────────────────────────────────────────


def variables(*questions: dict[str, Any], **more: Any) -> tuple[Variable, ...]:
    return outline(make_instrument(list(questions), **more)).annex


def test_the_annex_names_variables_types_and_codes():
    other = [{"code": "yes", "label": "Yes"}, {"code": "other", "label": "Other", "specify": True}]
    assert variables(make_question(options=other), make_question("grid", "g")) == (
        Variable("1", "q1", "single", (("yes", "Yes"), ("other", "Other"))),
        Variable("1", "q1.other.text", "text", remark="up to 200 characters"),
        Variable("2a", "g.police", "grid", (("more", "More"), ("same", "Same"), ("less", "Less"))),
        Variable("2b", "g.health", "grid", remark="codes as for 2a"),
    )


def test_the_annex_names_limits():
    found = variables(
        number(unit="GBP", min=0, max=5000, decimals=2, bands=[0, 1000]),
        number("free"),
        allocation(),
        rank(),
        make_question("date", "day", min="2012-01-31"),
        make_question("text", "words", notes=True),
        make_question("multiple", "m"),
    )
    assert [(v.name, v.remark) for v in found] == [
        ("staff", "0 to 5,000; in GBP; up to 2 digits after the point; in bands from 0 and 1,000"),
        ("free", ""),
        ("share.nhs", "0 to 100"),
        ("share.other", "0 to 100"),
        ("order", "codes in order, the first first"),
        ("day", "2012-01-31 or later"),
        ("words", "up to 2,000 characters"),
        ("words.notes", "the interviewer’s notes, up to 2,000 characters"),
        ("m", ""),
    ]


def test_the_annex_numbers_what_is_repeated():
    document = part_document(repeat={"max": 5, "item": "contract"}, questions=[make_question("grid", "g")])
    found = outline(read_instrument(json.dumps(document))).annex
    assert [(v.place, v.name, v.remark) for v in found[1:4]] == [
        ("", "p2.count", "how many of these: contract; 1 to 5"),
        ("2a", "g@n.police", "n is 1 to 5"),
        ("2b", "g@n.health", "codes as for 2a; n is 1 to 5"),
    ]


EXAMPLES = sorted([*ROOT.glob("tests/instruments/valid/*.json"), *ROOT.glob("instruments/*/*.json")])


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda f: f"{f.parent.name}-{f.stem}")
def test_every_questionnaire_can_be_put_on_paper(file: Path):
    instrument = read_instrument(file.read_bytes())
    found = outline(instrument)
    assert [ask.number for ask in asks(found)] == list(range(1, len(instrument.questions) + 1))
    assert "{answers." not in repr(found)
    assert "{unit." not in repr(found)
