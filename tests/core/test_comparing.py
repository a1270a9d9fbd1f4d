"""What a change of version does to the trend: each kind of change, and what it leaves alone."""

import copy
import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surveyapp.instrument import read_instrument
from surveyapp.instrument.comparing import Comparison, as_json, compare, describe
from surveyapp.problems import Refused
from tests.makers import make_document, make_question

Q = "/sections/0/pages/0/questions"


def base() -> dict[str, Any]:
    """Every type of question, on three pages; the last page is for those who say yes to q1."""
    q1 = make_question(id="q1", text="Did your funding change in 2011/12?", hint="Count money from all sources.")
    q1["options"].append({"code": "other", "label": "Another kind of change", "specify": True})
    sources = make_question("multiple", "sources", text="Which sources did the money in {answers.q1} come from?")
    sources["options"].append({"code": "none", "label": "None of these", "exclusive": True})
    numbers = [
        make_question("number", "spend", unit="GBP", min=0, max=1000, bands=[0, 100, 500]),
        make_question("allocation", "share", rows=[{"code": c, "label": f"Part {c}"} for c in "abc"]),
        make_question("rank", "best", top=2, options=[{"code": c, "label": f"Thing {c}"} for c in "abcd"]),
    ]
    rest = [make_question("date", "day", max="2012-12-31"), make_question("text", "issues", max_length=500)]
    grid = make_question("grid", "partners", text="How much do you work with each of these?")
    document = make_document([q1, sources, grid], numbers, rest)
    document["sections"][2]["show_if"] = {"question": "q1", "is": "yes"}
    return document


def changed(change: Any) -> dict[str, Any]:
    document = copy.deepcopy(base())
    change(document)
    return document | {"version": "2"}


def question(document: dict[str, Any], id: str) -> dict[str, Any]:
    found = [q for s in document["sections"] for p in s["pages"] for q in p["questions"] if q["id"] == id]
    return found[0]


def compared(old: dict[str, Any], new: dict[str, Any]) -> Comparison:
    return compare(read_instrument(json.dumps(old)), read_instrument(json.dumps(new)))


def after(change: Any) -> Comparison:
    """The base document compared with the same document after an edit."""
    return compared(base(), changed(change))


def words(comparison: Comparison) -> dict[str, str]:
    """Every verdict that is not `same`, rows too."""
    found = {v.question: v.word for v in comparison.verdicts}
    found |= {row.question: row.word for v in comparison.verdicts for row in v.rows}
    return {name: word for name, word in found.items() if word != "same"}


def kinds(comparison: Comparison, name: str) -> list[str]:
    found = {v.question: v for v in comparison.verdicts}
    found |= {row.question: row for v in comparison.verdicts for row in v.rows}
    return [change.kind for change in found[name].changes]


def put(name: str, /, **more: Any) -> Any:
    return lambda document: question(document, name).update(more)


def drop(id: str, key: str) -> Any:
    return lambda document: question(document, id).pop(key)


def label(id: str, code: str, text: str, part: str = "options") -> Any:
    def edit(document: dict[str, Any]) -> None:
        next(e for e in question(document, id)[part] if e["code"] == code)["label"] = text

    return edit


def add(id: str, code: str, part: str = "options", at: int = 1) -> Any:
    return lambda document: question(document, id)[part].insert(at, {"code": code, "label": f"A new {code}"})


def remove(id: str, code: str, part: str = "options") -> Any:
    def edit(document: dict[str, Any]) -> None:
        entries = question(document, id)[part]
        entries[:] = [entry for entry in entries if entry["code"] != code]

    return edit


def flip(id: str, part: str = "options") -> Any:
    return lambda document: question(document, id)[part].reverse()


def entry(name: str, which: str, /, **more: Any) -> Any:
    return lambda document: next(e for e in question(document, name)["options"] if e["code"] == which).update(more)


# ── every kind of edit ───────────────────────────────────────────────────────

YES = {"question": "q1", "is": "yes"}

EDITS = {
    "white space": ("q1", put("q1", text="Did your  funding change\nin 2011/12?"), "markup", "comparable", True),
    "case": ("q1", put("q1", text="DID your funding change in 2011/12"), "markup", "comparable", True),
    "dashes in a year": ("q1", put("q1", hint="Count money – from all sources"), "markup", "comparable", True),
    "a label's case": ("q1", label("q1", "yes", "yes."), "markup", "comparable", True),
    "a pipe removed": (
        "sources",
        put("sources", text="Which sources did the money in come from?"),
        "piping",
        "comparable",
        True,
    ),
    "a pipe exchanged": (
        "sources",
        put("sources", text="Which sources did the money in {unit.name} come from?"),
        "piping",
        "note",
        False,
    ),
    "financial year": (
        "q1",
        put("q1", text="Did your funding change in 2012/13?"),
        "reference period moved",
        "comparable",
        False,
    ),
    "slight rewording": (
        "q1",
        put("q1", text="Did your total funding change in 2011/12?"),
        "real rewording",
        "comparable",
        True,
    ),
    "not": ("q1", put("q1", text="Did your funding not change in 2011/12?"), "real rewording", "note", False),
    "real rewording": ("q1", put("q1", text="How is your budget now?"), "real rewording", "note", False),
    "hint removed": ("q1", drop("q1", "hint"), "real rewording", "note", False),
    "label slightly": (
        "q1",
        label("q1", "other", "Another kind of a change"),
        "option text",
        "comparable",
        True,
    ),
    "label half": ("q1", label("q1", "other", "Another change"), "option text", "note", False),
    "label new": ("q1", label("q1", "other", "It is too early to say"), "option text", "breaks", False),
    "option added": ("q1", add("q1", "maybe"), "option set", "note", True),
    "options reordered": ("sources", flip("sources"), "option set", "note", True),
    "option removed": ("q1", remove("q1", "other"), "option set", "breaks", False),
    "exclusive": ("sources", entry("sources", "a", exclusive=True), "exclusive", "note", False),
    "no words": ("q1", entry("q1", "other", specify=False), "specify", "comparable", False),
    "words asked": ("q1", entry("q1", "no", specify=True), "specify", "comparable", True),
    "option offered to some": ("sources", entry("sources", "a", show_if=YES), "routing", "breaks", False),
    "at most": ("sources", put("sources", at_most=2), "bounds", "breaks", False),
    "order": ("sources", put("sources", order="random"), "order", "note", True),
    "type": ("day", put("day", type="number", max=5), "type", "breaks", False),
    "point added": ("partners", add("partners", "even_more", "scale"), "scale", "breaks", False),
    "point removed": ("partners", remove("partners", "same", "scale"), "scale", "breaks", False),
    "points turned round": ("partners", flip("partners", "scale"), "scale", "breaks", False),
    "scale order": ("partners", put("partners", scale_order="reversed-half"), "order", "note", True),
    "declared a scale": ("q1", put("q1", ordinal=True), "scale", "comparable", True),
    "unit": ("spend", put("spend", unit="hours"), "unit", "breaks", False),
    "unit dropped": ("spend", drop("spend", "unit"), "unit", "breaks", False),
    "unit's case": ("spend", put("spend", unit="gbp"), "markup", "comparable", True),
    "min lower": ("spend", put("spend", min=-5), "bounds", "note", True),
    "min higher": ("spend", put("spend", min=5), "bounds", "note", False),
    "max lower": ("spend", put("spend", max=900), "bounds", "note", False),
    "max dropped": ("spend", drop("spend", "max"), "bounds", "note", True),
    "decimals": ("spend", put("spend", decimals=2), "bounds", "comparable", True),
    "bands": ("spend", put("spend", bands=[0, 100, 600]), "bands", "note", False),
    "total": ("share", put("share", total=50), "bounds", "breaks", False),
    "row of an allocation": ("share", add("share", "d", "rows"), "option set", "breaks", False),
    "rows of an allocation reordered": ("share", flip("share", "rows"), "option set", "comparable", True),
    "top": ("best", put("best", top=3), "bounds", "breaks", False),
    "option to rank": ("best", add("best", "e"), "option set", "breaks", False),
    "last day": ("day", put("day", max="2013-12-31"), "bounds", "comparable", True),
    "length of words": ("issues", put("issues", max_length=100), "bounds", "comparable", False),
    "required": ("q1", put("q1", required=True), "required", "comparable", True),
    "concept": ("q1", put("q1", concept="funding_change"), "concept", "comparable", True),
    "probes": ("issues", put("issues", probes=["Anything else?"]), "interviewer", "comparable", True),
    "notes": ("issues", put("issues", notes=True), "interviewer", "comparable", True),
}  # fmt: skip


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_is_of_its_kind_and_touches_one_question(name):
    where, edit, kind, word, safe = EDITS[name]
    comparison = after(edit)
    assert [kind] == kinds(comparison, where)
    assert words(comparison)[where] == word
    assert comparison.safe_for_answers_in_hand is safe
    others = {v.question for v in comparison.verdicts if v.word != "same"} - {where}
    assert others <= ({"day", "issues"} if where == "q1" and word == "breaks" else set())


def test_a_change_says_where_what_before_and_after():
    (verdict, *_) = after(put("q1", text="Did your funding change in 2012/13?")).verdicts
    (change,) = verdict.changes
    assert (verdict.word, verdict.at) == ("comparable", f"{Q}/0")
    assert (change.at, change.what) == (f"{Q}/0/text", "the text: only the dates")
    assert (change.before, change.after) == (
        "Did your funding change in 2011/12?",
        "Did your funding change in 2012/13?",
    )


def test_what_was_removed_is_shown_where_the_old_version_had_it():
    (verdict, *_) = after(remove("q1", "other")).verdicts
    assert verdict.changes[0].at == f"{Q}/0/options/2"
    assert verdict.changes[0].what == 'option "other" removed'


def test_a_code_that_was_only_renamed_is_told_to_keep_its_code():
    (verdict, *_) = after(entry("q1", "other", code="else")).verdicts
    assert [change.what for change in verdict.changes] == [
        'option "else" added',
        'option "other" removed ("else" has its label now: keep the old code)',
    ]


# ── texts ────────────────────────────────────────────────────────────────────

TEXTS = {
    ("In 2011/12 and 2012/13", "In 2012/13 and 2013/14"): "reference period moved",
    ("From April 2011 to March 2012", "From April 2012 to March 2013"): "reference period moved",
    ("On 31 March 2012", "On 30 June 2012"): "reference period moved",
    ("Since April, did it?", "Since June, did it?"): "reference period moved",
    ("In the last 12 months (since 2011)", "In the last 12 months (since 2012)"): "reference period moved",
    ("Between 2010 and 2011", "Between 2010 and 2012"): "note",
    ("In the last 12 months", "In the last 6 months"): "note",
    ("In the last twelve months", "In the last 12 months"): "slight",
    ("In the last twelve months", "In the last twelve weeks"): "note",
    ("May we ask you more?", "June we ask you more?"): "slight",
    ("What do you spend, £2000 or more?", "What do you spend, £2010 or more?"): "note",
    ("You don't know it", "You do not know it"): "slight",
    ("You don\u2019t know it", "You don't know it"): "markup",
    ("It co-operates \u2013 or not", "It co\u2010operates - or not!"): "markup",
    ("Over 1,000 people", "Over 1000 people"): "markup",
    ("Over 5% of them", "Over 5 of them"): "slight",
    ("Did it increase very much at all here?", "Did it decrease very much at all here?"): "note",
    ("Are most of the staff satisfied with it?", "Are most of the staff dissatisfied with it?"): "note",
    ("{unit.name}", "{unit.region}"): "exchanged",
    ("***", "\u2014\u2014\u2014"): "note",
    ("The year 2011 it was", "The 2012 year it was"): "slight",
}


@pytest.mark.parametrize("texts", TEXTS, ids=" / ".join)
def test_a_reworded_text_is_judged_by_its_words(texts):
    old, new = (make_document([make_question(text=t)], disclosure={"carry": ["region"]}) for t in texts)
    (verdict,) = compared(old, new).verdicts
    expected = {
        "note": ("real rewording", "note"),
        "slight": ("real rewording", "comparable"),
        "exchanged": ("piping", "note"),
    }.get(TEXTS[texts], (TEXTS[texts], "comparable"))
    assert (verdict.changes[0].kind, verdict.word) == expected


def test_a_rewording_says_how_many_words_stand_and_leaves_the_judgement_to_people():
    comparison = after(put("q1", text="Did your funding not change in 2011/12?"))
    assert comparison.verdicts[0].changes[0].what == (
        'the text reworded, judge by eye (92% of the words stand, "not" came in)'
    )


def test_a_piped_answer_of_a_renamed_question_is_the_same_fact():
    def rename(document):
        put("q1", id="funding", was="q1")(document)
        put("sources", text="Which sources did the money in {answers.funding} come from?")(document)
        document["sections"][2]["show_if"]["question"] = "funding"

    comparison = after(rename)
    assert words(comparison) == {"funding": "comparable", "sources": "comparable"}
    assert kinds(comparison, "sources") == ["piping"]


# ── labels ───────────────────────────────────────────────────────────────────


def test_two_labels_that_changed_places_break():
    def swap(document):
        label("q1", "yes", "No")(document)
        label("q1", "no", "Yes")(document)

    verdict = after(swap).verdicts[0]
    assert verdict.word == "breaks"
    assert [change.what for change in verdict.changes] == [
        'option "yes" now has the label of "no"',
        'option "no" now has the label of "yes"',
    ]


@pytest.mark.parametrize(
    ("old", "new", "word"),
    [
        ("Increases a little", "Decreases a little", "breaks"),
        ("Increased", "Decreased", "breaks"),
        ("Satisfied", "Dissatisfied", "breaks"),
        ("Less than 10", "Less than 20", "breaks"),
        ("Don\u2019t know", "Do not know", "comparable"),
        ("Police", "Police forces", "note"),
        ("This year (2011 to 2012)", "This year (2012 to 2013)", "comparable"),
    ],
)
def test_the_label_of_a_code_is_judged_strictly(old, new, word):
    comparison = compared(*(make_document([make_question(options=[
        {"code": "a", "label": text}, {"code": "b", "label": "Something quite different"}
    ])]) for text in (old, new)))  # fmt: skip
    assert comparison.verdicts[0].word == word


def test_years_that_move_on_from_row_to_row_are_no_swap():
    def grid(first, second):
        rows = [{"code": "this", "label": first}, {"code": "next", "label": second}]
        return make_document([make_question("grid", rows=rows)])

    assert words(compared(grid("2011/12", "2012/13"), grid("2012/13", "2013/14"))) == {
        "q1": "comparable", "q1.this": "comparable", "q1.next": "comparable"
    }  # fmt: skip
    assert words(compared(grid("2011/12", "2012/13"), grid("2012/13", "2011/12")))["q1.this"] == "breaks"


# ── routing ──────────────────────────────────────────────────────────────────


def two_pages(**more: Any) -> dict[str, Any]:
    return make_document([make_question(), make_question("multiple", "q2")], [make_question(id="q3", **more)])


@pytest.mark.parametrize("layer", ["section", "page", "question"])
def test_another_condition_of_the_section_the_page_or_the_question_breaks(layer):
    old, new = two_pages(), two_pages()
    section = new["sections"][1]
    place = {"section": section, "page": section["pages"][0], "question": section["pages"][0]["questions"][0]}
    place[layer]["show_if"] = YES
    comparison = compared(old, new)
    (change,) = comparison.verdicts[2].changes
    assert words(comparison) == {"q3": "breaks"}
    assert change.what == f"base changed: another condition of its {layer}"
    assert (change.before, change.after) == ("always", "q1 is yes")
    assert (
        change.at
        == {
            "section": "/sections/1/show_if",
            "page": "/sections/1/pages/0/show_if",
            "question": "/sections/1/pages/0/questions/0/show_if",
        }[layer]
    )


def test_a_condition_that_moves_from_the_question_to_its_page_is_the_same():
    old, new = two_pages(show_if=YES), two_pages()
    new["sections"][1]["pages"][0]["show_if"] = YES
    assert words(compared(old, new)) == {}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({"question": "q1", "in": ["yes"]}, YES),
        ({"question": "q1", "in": ["yes", "no"]}, {"question": "q1", "in": ["no", "yes"]}),
        ({"any": [YES, {"question": "q1", "is": "no"}]}, {"question": "q1", "in": ["yes", "no"]}),
        ({"not": {"not": YES}}, YES),
        ({"all": [YES, {"question": "q2", "includes": "a"}]}, {"all": [{"question": "q2", "includes": "a"}, YES]}),
        ({"question": "q1", "answered": False}, {"not": {"question": "q1", "answered": True}}),
        ({"any": [YES, {"any": [YES]}]}, {"all": [YES]}),
    ],
)
def test_conditions_written_otherwise_are_the_same(old, new):
    assert words(compared(two_pages(show_if=old), two_pages(show_if=new))) == {}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (YES, {"question": "q1", "is": "no"}),
        (YES, {"not": YES}),
        ({"all": [YES, {"question": "q2", "includes": "a"}]}, {"any": [YES, {"question": "q2", "includes": "a"}]}),
        ({"question": "q2", "includes": "a"}, {"question": "q2", "includes": "b"}),
        (YES, {"question": "q1", "answered": True}),
    ],
)
def test_conditions_that_mean_another_base_break(old, new):
    assert words(compared(two_pages(show_if=old), two_pages(show_if=new))) == {"q3": "breaks"}


def test_a_condition_on_an_option_breaks_the_question_and_on_a_row_the_row():
    rows = [{"code": "police", "label": "Police", "show_if": YES}, {"code": "health", "label": "Health"}]
    comparison = after(put("partners", rows=rows))
    assert words(comparison) == {"partners": "breaks", "partners.police": "breaks"}
    assert comparison.breaks == ("partners.police",)


def test_a_question_whose_filter_breaks_breaks_too_and_so_on():
    document = make_document(
        [make_question()],
        [make_question(id="q2", show_if=YES)],
        [make_question(id="q3", show_if={"question": "q2", "is": "no"})],
    )
    new = copy.deepcopy(document)
    question(new, "q1")["options"][0]["label"] = "Certainly not"
    comparison = compared(document, new)
    assert comparison.breaks == ("q1", "q2", "q3")
    assert [v.changes[0].what for v in comparison.verdicts[1:]] == [
        "base may have changed: is asked by the answers to q1, which breaks",
        "base may have changed: is asked by the answers to q2, which breaks",
    ]


def test_a_question_that_reads_one_row_does_not_break_with_another_row():
    read = {"question": "grid.police", "is": "more"}
    old = make_document([make_question("grid", "grid")], [make_question(id="q2", show_if=read)])
    new = copy.deepcopy(old)
    label("grid", "health", "Schools", "rows")(new)
    assert compared(old, new).breaks == ("grid.health",)
    label("grid", "police", "Prisons", "rows")(new)
    assert compared(old, new).breaks == ("grid.police", "grid.health", "q2")


def test_a_filter_that_was_only_reworded_breaks_nothing():
    old, new = two_pages(show_if=YES), two_pages(show_if=YES)
    question(new, "q1")["text"] = "Something else altogether?"
    assert words(compared(old, new)) == {"q1": "note"}


def test_a_page_that_is_repeated_now_has_another_base():
    def repeat(document):
        document["sections"][1]["pages"][0]["repeat"] = {"max": 5, "item": "contract"}

    comparison = after(repeat)
    assert comparison.breaks == ("spend", "share", "best")
    assert comparison.verdicts[3].changes[0].after == "for each contract"


def test_fewer_items_at_most_are_noted_and_not_safe():
    old, new = base(), base()
    old["sections"][1]["pages"][0]["repeat"] = {"max": 5, "item": "contract"}
    new["sections"][1]["pages"][0]["repeat"] = {"max": 4, "item": "contract"}
    comparison = compared(old, new)
    assert words(comparison) == {"spend": "note", "share": "note", "best": "note"}
    assert not comparison.safe_for_answers_in_hand
    assert compared(new, old).safe_for_answers_in_hand


def test_a_sum_that_answers_must_fit_now_is_noted():
    def check(document):
        message = "Spend at most what you have."
        page = document["sections"][1]["pages"][0]
        page["checks"] = [{"sum": ["share.a", "share.b"], "at_most": "spend", "message": message}]

    comparison = after(check)
    assert words(comparison) == {"spend": "note", "share": "note"}
    assert not comparison.safe_for_answers_in_hand


# ── places ───────────────────────────────────────────────────────────────────


def test_a_question_put_in_moves_no_other():
    comparison = after(lambda d: d["sections"][0]["pages"][0]["questions"].insert(0, make_question(id="q0")))
    assert words(comparison) == {"q0": "added"}
    assert comparison.safe_for_answers_in_hand
    assert comparison.look_again == ("q0",)


def test_only_the_question_that_moved_is_said_to_have_moved():
    def move(document):
        questions = document["sections"][0]["pages"][0]["questions"]
        questions.insert(1, questions.pop())

    comparison = after(move)
    assert words(comparison) == {"partners": "comparable"}
    assert kinds(comparison, "partners") == ["position"]
    assert comparison.safe_for_answers_in_hand


def test_a_question_on_another_page_under_the_same_condition_is_comparable():
    def move(document):
        pages = [section["pages"][0]["questions"] for section in document["sections"]]
        pages[1].append(pages[0].pop())

    comparison = after(move)
    assert words(comparison) == {"partners": "comparable"}
    assert comparison.verdicts[-3].changes[0].before == "s1/p1"


def test_what_was_removed_stands_where_it_was():
    old = make_document([make_question(id=name) for name in "abcdef"])
    new = make_document([make_question(id=name) for name in "fbxe"])
    assert [(v.question, v.word) for v in compared(old, new).verdicts] == [
        ("a", "removed"),
        ("f", "comparable"),
        ("b", "same"),
        ("c", "removed"),
        ("d", "removed"),
        ("x", "added"),
        ("e", "same"),
    ]


# ── rows of a grid ───────────────────────────────────────────────────────────


def test_rows_added_and_removed_leave_the_others_as_they_were():
    def edit(document):
        add("partners", "schools", "rows", 0)(document)
        remove("partners", "health", "rows")(document)

    comparison = after(edit)
    verdict = comparison.verdicts[2]
    assert (verdict.word, verdict.changes) == ("note", ())
    assert [(row.question, row.word, row.at) for row in verdict.rows] == [
        ("partners.schools", "added", f"{Q}/2/rows/0"),
        ("partners.police", "same", f"{Q}/2/rows/1"),
        ("partners.health", "removed", f"{Q}/2/rows/1"),
    ]
    assert comparison.breaks == ()
    assert not comparison.safe_for_answers_in_hand


def test_an_added_row_is_safe_but_must_be_shown_to_drafts():
    comparison = after(add("partners", "schools", "rows"))
    assert comparison.safe_for_answers_in_hand
    assert comparison.look_again == ("partners",)


def test_rows_in_another_order_are_comparable():
    comparison = after(flip("partners", "rows"))
    assert words(comparison) == {"partners": "comparable", "partners.health": "comparable"}
    assert kinds(comparison, "partners.health") == ["position"]


def test_a_scale_that_changed_breaks_every_row():
    def edit(document):
        remove("partners", "same", "scale")(document)
        add("partners", "schools", "rows")(document)

    comparison = after(edit)
    assert [row.word for row in comparison.verdicts[2].rows] == ["breaks", "added", "breaks"]
    assert comparison.breaks == ("partners",)


# ── renames ──────────────────────────────────────────────────────────────────


def test_a_declared_rename_is_followed_in_conditions_too():
    def rename(document):
        put("q1", id="funding", was="q1")(document)
        put("sources", text="Which sources did the money in {answers.funding} come from?")(document)
        document["sections"][2]["show_if"]["question"] = "funding"

    comparison = after(rename)
    assert comparison.renames == {"q1": "funding"}
    assert comparison.breaks == ()
    assert comparison.look_again == ("funding",)
    assert not comparison.safe_for_answers_in_hand


def test_a_rename_that_is_history_is_no_change_and_no_problem():
    old = make_document([make_question(was="older")])
    comparison = compared(old, old)
    assert (words(comparison), comparison.problems) == ({}, ())


@pytest.mark.parametrize(
    ("old", "was", "what"),
    [
        ("a", "gone", 'tiny@1 has no question "gone"'),
        ("ab", "a", '"b" was a question of its own in tiny@1'),
    ],
)
def test_a_rename_that_cannot_be_is_a_problem(old, was, what):
    document = make_document([make_question(id=name) for name in old])
    comparison = compared(document, make_document([make_question(id="b", was=was)], version="2"))
    (problem,) = comparison.problems
    assert (problem.at, problem.what) == (f"{Q}/0/was", what)
    assert problem.do
    assert not comparison.safe_for_answers_in_hand


def test_two_questions_that_follow_one_and_one_that_is_still_there_are_problems():
    """Reading refuses them, so they are made by hand here."""
    old = read_instrument(json.dumps(make_document([make_question(id="a"), make_question(id="b")])))
    new = read_instrument(json.dumps(make_document([make_question(id=name) for name in "xyzb"], version="2")))
    for item, was in zip(new.sections[0].pages[0].questions, ("a", "a", "b"), strict=False):
        object.__setattr__(item, "was", was)
    assert [problem.what for problem in compare(old, new).problems] == [
        '"a" is followed twice',
        '"b" is still a question here',
    ]


def test_an_added_question_that_looks_like_a_removed_one_is_suggested_and_not_matched():
    comparison = after(put("issues", id="worries", text="What about the issues?"))
    assert words(comparison) == {"issues": "removed", "worries": "added"}
    found = next(v for v in comparison.verdicts if v.question == "worries")
    assert found.suggestion == (
        '"worries" looks like "issues": declare "was": "issues" if it is the same question'
    )


@pytest.mark.parametrize(
    "new",
    [
        make_question("text", "q2", text="How many staff have you?"),
        make_question("multiple", "q2", text="What about q1?"),
        make_question(id="q2", text="What about q1 then?", options=[{"code": c, "label": c} for c in "cd"]),
    ],
)
def test_no_suggestion_for_another_text_type_or_set_of_codes(new):
    comparison = compared(make_document(), make_document([new]))
    assert [v.suggestion for v in comparison.verdicts] == ["", ""]


def test_one_concept_is_reason_enough_for_a_suggestion():
    old = make_document([make_question(concept="c")])
    new = make_document([make_question(id="q2", text="How are you?", concept="c")])
    assert "q1" in compared(old, new).verdicts[1].suggestion


@pytest.mark.parametrize(
    ("old", "new", "word"), [("a", "b", "breaks"), ("a", None, "note"), (None, "a", "comparable")]
)
def test_a_concept_exchanged_breaks_and_one_dropped_is_noted(old, new, word):
    more = [{"concept": concept} if concept else {} for concept in (old, new)]
    assert compared(*(make_document([make_question(**m)]) for m in more)).verdicts[0].word == word


def test_different_surveys_are_refused():
    with pytest.raises(Refused, match="different surveys: tiny@1 and other@1"):
        compared(make_document(), make_document(survey="other"))


# ── languages and modes ──────────────────────────────────────────────────────


def in_welsh(document: dict[str, Any], **more: str) -> dict[str, Any]:
    """Every text in two languages; the Welsh ones are the English ones marked, or as given."""

    def translated(value: Any, key: str = "") -> Any:
        if isinstance(value, dict):
            return {k: translated(v, k) for k, v in value.items()}
        if isinstance(value, list):
            return [translated(v) for v in value]
        if key in {"text", "hint", "label", "title", "intro", "thanks", "respondent"}:
            return {"en": value, "cy": more.get(value, f"Cymraeg: {value}")}
        return value

    return translated(copy.deepcopy(document)) | {"languages": ["en", "cy"]}


def test_a_translation_added_is_comparable_and_safe():
    document = make_document([make_question(hint="Say it.")])
    comparison = compared(document, in_welsh(document))
    (change,) = comparison.verdicts[0].changes
    assert (change.kind, change.before, change.after) == ("translation", "en", "cy, en")
    assert comparison.verdicts[0].word == "comparable"
    assert comparison.safe_for_answers_in_hand
    assert comparison.around == ()


def test_a_translation_that_was_reworded_is_found_and_named():
    document = make_document([make_question(text="How are you?")])
    comparison = compared(in_welsh(document), in_welsh(document, **{"How are you?": "Sut ydych chi heddiw?"}))
    (change,) = comparison.verdicts[0].changes
    assert change.kind == "real rewording"
    assert change.what.startswith("the text in cy reworded")
    assert change.after == "Sut ydych chi heddiw?"


def test_wordings_without_a_language_in_common_cannot_be_compared():
    comparison = compared(make_document(), make_document(languages=["cy"]))
    assert comparison.verdicts[0].word == "comparable"
    new = make_document([make_question(text="Beth?")], languages=["cy"])
    assert compared(make_document(), new).verdicts[0].word == "note"


def test_another_mode_is_noted_on_every_question():
    comparison = compared(base(), base() | {"mode": "interviewer"})
    assert {v.word for v in comparison.verdicts} == {"note"}
    assert comparison.safe_for_answers_in_hand


def test_texts_around_the_questions_are_listed_and_change_no_verdict():
    def edit(document):
        document["intro"] = "What it is not for."
        document["sections"][0]["title"] = "Your part"
        document["sections"][0]["pages"][0]["questions"].insert(
            0, {"id": "n", "type": "note", "text": "Read this."}
        )

    comparison = after(edit)
    assert words(comparison) == {}
    assert [change.at for change in comparison.around] == ["/intro", "/sections/0/title", f"{Q}/0/text"]
    assert comparison.safe_for_answers_in_hand


# ── the whole ────────────────────────────────────────────────────────────────

ids = st.lists(st.sampled_from([f"q{i}" for i in "abcdefghij"]), min_size=1, max_size=8, unique=True)


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    """A small instrument: every type, conditions on what was asked before, random texts."""
    questions: list[dict[str, Any]] = []
    for name in draw(ids):
        kind = draw(st.sampled_from(["single", "multiple", "grid", "text", "date", "number"]))
        words = st.text("abc 12/.,-'\u2019May\u2013%£?", min_size=1, max_size=20)
        text = draw(words.filter(lambda t: t.strip()))
        asked = [q["id"] for q in questions if q["type"] == "single"]
        more: dict[str, Any] = {"text": text, "required": draw(st.sampled_from([True, False, "soft"]))}
        if asked and draw(st.booleans()):
            test = {"question": draw(st.sampled_from(asked)), "is": draw(st.sampled_from(["yes", "no"]))}
            more["show_if"] = draw(st.sampled_from([test, {"not": test}, {"all": [test]}]))
        questions.append(make_question(kind, name, **more))
    cut = draw(st.integers(0, len(questions)))
    return make_document(*[part for part in (questions[:cut], questions[cut:]) if part])


@given(documents())
def test_a_version_compared_with_itself_is_the_same(document):
    comparison = compared(document, document)
    assert {v.word for v in comparison.verdicts} == {"same"}
    assert (comparison.breaks, comparison.around, comparison.look_again) == ((), (), ())
    assert comparison.safe_for_answers_in_hand


@given(documents(), documents())
def test_every_question_of_both_versions_has_one_verdict(old, new):
    comparison = compared(old, new)
    assert describe(comparison)
    json.dumps(as_json(comparison))
    old_ids, new_ids = (
        [q["id"] for s in d["sections"] for p in s["pages"] for q in p["questions"]] for d in (old, new)
    )
    assert [v.question for v in comparison.verdicts if v.word != "removed"] == new_ids
    assert {v.question for v in comparison.verdicts if v.word == "removed"} == set(old_ids) - set(new_ids)


def test_it_is_described_in_lines():
    def edit(document):
        put("q1", text="Did your funding change in 2012/13?")(document)
        remove("sources", "b")(document)
        add("partners", "schools", "rows")(document)

    base_text = "Did your funding change in 2011/12?"
    period = "reference period moved: the text: only the dates"
    assert describe(after(edit)).split("\n") == [
        "tiny: 1 → 2: 5 same, 1 comparable, 1 note, 1 breaks",
        f"comparable  q1                {period}: {base_text} → {base_text.replace('2011/12', '2012/13')}",
        'breaks      sources           option set: option "b" removed: Option b',
        "note        partners",
        "added       partners.schools",
        "answers in hand: NOT safe, some would change or be lost; drafts look again at q1, sources, partners",
    ]


def test_equal_versions_are_described_in_two_lines():
    assert describe(compared(base(), base())) == "tiny: 1 → 1: 8 same\nanswers in hand: safe"


def test_a_long_text_is_shown_from_where_it_differs():
    texts = [f"{'the same words again and again ' * 4}and {end}" for end in ("here is the old end", "a new one")]
    old, new = (make_document([make_question(text=text)]) for text in texts)
    assert "…again and again and here is the old end → …again and again and a new one" in describe(
        compared(old, new)
    )


def test_it_is_plain_values_for_machines():
    def edit(document):
        put("q1", text="Did your funding change in 2012/13?")(document)
        add("partners", "schools", "rows")(document)

    found = json.loads(json.dumps(as_json(after(edit))))
    verdicts = found.pop("verdicts")
    assert found == {
        "survey": "tiny",
        "old": "1",
        "new": "2",
        "breaks": [],
        "safe_for_answers_in_hand": False,
        "look_again": ["q1", "partners"],
        "renames": {},
        "around": [],
        "problems": [],
    }
    assert verdicts[0] == {
        "question": "q1",
        "verdict": "comparable",
        "at": f"{Q}/0",
        "changes": [
            {
                "kind": "reference period moved",
                "effect": "comparable",
                "at": f"{Q}/0/text",
                "what": "the text: only the dates",
                "before": "Did your funding change in 2011/12?",
                "after": "Did your funding change in 2012/13?",
                "in_hand": True,
            }
        ],
    }
    assert verdicts[1] == {"question": "sources", "verdict": "same", "at": f"{Q}/1"}
    assert verdicts[2]["rows"][1] == {
        "question": "partners.schools",
        "verdict": "added",
        "at": f"{Q}/2/rows/1",
    }


@pytest.mark.parametrize("edit", ["reworded", "renamed", "as it was"])
def test_five_hundred_questions_are_compared_at_once(edit):
    def document(new):
        pages = []
        for p in range(50):
            questions = []
            for q in range(10):
                name = f"r{p}x{q}" if new and edit == "renamed" else f"q{p}x{q}"
                text = f"How much did thing {p} of {q} change for you and your partners in the last year?"
                text = text.replace("How much did", "By how much has") if new and edit != "as it was" else text
                questions.append(make_question("multiple", name, text=text))
            pages.append(questions)
        return read_instrument(json.dumps(make_document(*pages)))

    old, new = document(False), document(True)
    start = time.process_time()
    comparison = compare(old, new)
    took = time.process_time() - start
    assert len(comparison.verdicts) == (1000 if edit == "renamed" else 500)
    assert took < 10, "every question is compared with every other: a tenth of a second is usual"


def test_words_that_stay_with_the_answers_are_another_promise():
    old, new = (
        make_document([make_question("text", "why")]),
        make_document([make_question("text", "why", linked=True)]),
    )
    comparison = compare(read_instrument(json.dumps(old)), read_instrument(json.dumps(new | {"version": "2"})))
    assert [(v.word, v.changes[0].kind) for v in comparison.verdicts] == [("note", "linked")]
    assert not comparison.safe_for_answers_in_hand
