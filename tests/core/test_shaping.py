"""Codeframes written by forms: what was typed becomes the document that somebody would have written by hand."""

from surveyapp.analysis.themes.shaping import (
    Heads,
    Row,
    coined,
    in_order,
    listed_themes,
    next_version,
    reworked,
    rows_of,
    who_of,
)

BEFORE = {
    "survey": "tiny",
    "id": "issues",
    "version": "2012.1",
    "title": {"en": "Issues", "cy": "Materion"},
    "languages": ["en", "cy"],
    "questions": ["issues"],
    "quote_if": {"question": "consent", "is": "yes"},
    "themes": [
        {"code": "money", "label": {"en": "Money", "cy": "Arian"}, "definition": "About money."},
        {
            "code": "cuts",
            "label": "Cuts",
            "definition": "Less of it.",
            "parent": "money",
            "example": "Our grant ends.",
        },
    ],
    "attribution": {"who": "Respondent", "by": ["region"]},
}
HEADS = Heads("Issues", "2012.1", "Respondent", ("region",))


def test_a_form_that_nobody_touched_writes_the_document_that_it_was_made_from():
    assert reworked(BEFORE, HEADS, in_order(rows_of(BEFORE)), in_use=False) == BEFORE
    assert who_of(BEFORE) == "Respondent"


def test_another_language_stays_when_the_first_is_reworded():
    money, cuts = rows_of(BEFORE)
    reworded = Row(**{**money.__dict__, "label": "Budgets"})
    found = reworked(BEFORE, HEADS, [reworded, cuts], in_use=False)
    assert found["themes"][0]["label"] == {"en": "Budgets", "cy": "Arian"}


def test_rows_stand_in_the_order_of_their_numbers_and_blank_ones_go():
    rows = [Row(label="C", place="x"), Row(label="B", place="2"), Row(), Row(label="A", place="1.5")]
    assert [row.label for row in in_order(rows)] == ["A", "B", "C"]
    retired = [Row(label="gone", place="1", retired="y"), Row(label="stays", place="2")]
    assert [row.label for row in in_order(retired)] == ["stays", "gone"]


def test_a_codeframe_in_use_says_what_became_of_themes_but_not_of_nets():
    rows = [Row(**{**row.__dict__, "retired": "y", "became": "less lost"}) for row in rows_of(BEFORE)]
    found = reworked(BEFORE, Heads("Issues", "2012.2", "R"), rows, in_use=True)
    assert found["was"] == {"version": "2012.1", "themes": {"cuts": ["less", "lost"]}}
    assert found["themes"] == []


def test_codes_are_coined_of_labels():
    assert coined("Staffing & funding", []) == "staffing_funding"
    assert coined("Money", ["money"]) == "money_2"
    assert coined("24 hours", []) == "t_24_hours"
    assert coined("???", []) == "theme"
    assert len(coined("word " * 40, ["x"])) <= 40


def test_a_version_is_followed_by_the_next():
    assert [next_version(name) for name in ("2012.1", "9", "pilot")] == ["2012.2", "10", "pilot.2"]


def test_themes_are_read_from_lines():
    themes, problems = listed_themes("Money: the budget\n\nTime : hours: and minutes\nPosts")
    assert themes == [
        {"code": "money", "label": "Money", "definition": "the budget"},
        {"code": "time", "label": "Time", "definition": "hours: and minutes"},
    ]
    assert [problem.what for problem in problems] == ["line 4 does not say what the theme means"]
