"""Codeframes: what can be wrong with one, where it is said, and what a newer version makes of earlier work."""

import json
from pathlib import Path
from typing import Any

import pytest

from surveyapp.analysis.themes.codeframes import (
    NOTHING,
    UNCODABLE,
    Codeframe,
    asked_key,
    carry_over,
    check_follows,
    fresh,
    read_codeframe,
)
from surveyapp.documents import read_document
from surveyapp.instrument import Instrument, read_instrument
from surveyapp.problems import Refused
from tests.makers import make_codeframe, make_instrument, make_question

APART = 'words that are kept apart cannot be put to the answers of "role"'
ROOT = Path(__file__).parents[2]
FILES = sorted(ROOT.glob("instruments/*/codeframes/*.json"))


def instrument() -> Instrument:
    return make_instrument(
        [
            make_question("single", "role"),
            make_question("text", "issues"),
            make_question("text", "talk", linked=True),
        ]
    )


def frame(**more: Any) -> Codeframe:
    return read_codeframe(json.dumps(make_codeframe(**more)), instrument(), ["region"])


def refused(**more: Any) -> list[tuple[str, str]]:
    with pytest.raises(Refused) as refusal:
        frame(**more)
    return [(problem.at, problem.what) for problem in refusal.value.problems]


def themes(*codes: str, **parents: str) -> list[dict[str, Any]]:
    found = [{"code": code, "label": code.title(), "definition": f"About {code}."} for code in codes]
    return [theme | ({"parent": parents[theme["code"]]} if theme["code"] in parents else {}) for theme in found]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_codeframe_in_the_repository_fits_its_questionnaire(file: Path):
    survey = file.parents[1].name
    version = json.loads(file.read_text())["version"]
    of = read_instrument((ROOT / f"instruments/{survey}/{version}.json").read_bytes())
    found = read_codeframe(file.read_bytes(), of, ["region"])
    assert (found.survey, found.id) == (survey, file.stem)


def test_there_is_one_for_each_coded_table_of_the_report():
    assert {"staffing_issues", "recovery_actions", "support_wanted"} <= {file.stem for file in FILES}


def test_a_theme_with_parts_is_a_net_and_is_not_coded_itself():
    found = frame(themes=themes("money", "cuts", "delays", "staff", cuts="money", delays="money"))
    assert found.coded == ("cuts", "delays", "staff")
    assert found.nets == {"money": ("cuts", "delays")}
    assert found.with_nets({"delays"}) == {"delays", "money"}
    assert found.with_nets({"staff"}) == {"staff"}


def test_every_problem_is_found_at_once_with_its_line():
    text = """{
 "survey": "tiny", "id": "issues", "version": "1", "title": "Issues", "questions": ["isues"],
 "themes": [
  {"code": "money", "label": "Money", "definition": "Money."},
  {"code": "money", "label": "Cash", "definition": "Cash.", "parent": "mony"}],
 "attribution": {"by": ["role"]}
}"""
    with pytest.raises(Refused) as refusal:
        read_codeframe(text, instrument(), ["region"])
    assert [str(problem) for problem in refusal.value.problems] == [
        'line 2, /questions/0: "isues" holds no words in tiny@1; did you mean "issues"?',
        'line 5, /themes/1/code: "money" is used twice; give each its own',
        'line 5, /themes/1/parent: there is no theme "mony"; did you mean "money"?',
        f"line 6, /attribution/by/0: {APART}; use one of: region",
    ]


def test_a_misspelt_key_is_named_with_the_nearest_one():
    assert refused(questons=["issues"]) == [("/questons", 'the key "questons" is not known here')]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"survey": "other"}, ("/survey", 'the codeframe is for "other", the wave fields "tiny"')),
        ({"questions": ["role"]}, ("/questions/0", '"role" holds no words in tiny@1')),
        ({"questions": ["issues", "issues"]}, ("/questions/1", '"issues" is used twice')),
        ({"themes": themes(NOTHING)}, ("/themes/0/code", '"nothing_to_code" means that an answer has no theme')),
        ({"themes": themes("a", a="a")}, ("/themes/0/parent", "a theme cannot be a part of itself")),
        ({"themes": themes("a", "b", "c", b="a", c="b")}, ("/themes/2/parent", '"b" is itself a part of a net')),
        ({"was": {"version": "1"}}, ("/was/version", "it is this version's own name")),
        (
            {"was": {"version": "0", "themes": {"old": ["monny"]}}},
            ("/was/themes/old/0", 'there is no theme "monny" to code with'),
        ),
        (
            {"attribution": {"by": ["regoin"]}},
            ("/attribution/by/0", '"regoin" is neither a carried stratum nor a single question'),
        ),
        (
            {"quote_if": {"question": "role", "is": "yes"}},
            ("/quote_if", "the words are kept apart from the other answers"),
        ),
        (
            {"questions": ["talk"], "quote_if": {"question": "role", "is": "maybe"}},
            ("/quote_if/is", '"role" has no option "maybe"'),
        ),
        (
            {"questions": ["talk"], "quote_if": {"question": "issues", "is": "yes"}},
            ("/quote_if/question", '"issues" is not a single question'),
        ),
        (
            {"languages": ["en", "cy"], "title": {"en": "Issues"}},
            ("/title", 'the text is missing in "cy"'),
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(change: dict[str, Any], expected: tuple[str, str]):
    assert refused(**change) == [expected]


def test_linked_words_may_be_attributed_by_the_role_and_need_consent():
    found = frame(
        questions=["talk"], attribution={"by": ["region", "role"]}, quote_if={"question": "role", "is": "yes"}
    )
    assert found.attribution.by == ["region", "role"]


def test_words_beside_an_option_can_be_coded():
    other = [{"code": "other", "label": "Other", "specify": True}]
    of = make_instrument([make_question("single", "kind", options=[*make_question()["options"], *other])])
    assert read_codeframe(json.dumps(make_codeframe(questions=["kind.other.text"])), of, []).questions


def test_a_repeated_page_does_not_change_what_was_asked():
    assert asked_key("issues@2") == "issues"
    assert asked_key("kind@12.other.text") == "kind.other.text"


# ── a newer version ──────────────────────────────────────────────────────────

BECAME = {"money": ["funds"], "grants": ["funds"], "worry": ["cuts", "delays"], "other": []}
NEWER = {
    "version": "2",
    "themes": themes("funds", "cuts", "delays", "staff"),
    "was": {"version": "1", "themes": BECAME},
}
OLDER = {"themes": themes("money", "grants", "worry", "other", "staff")}


@pytest.mark.parametrize(
    ("before", "after", "again"),
    [
        ({"money"}, {"funds"}, set()),
        ({"money", "grants"}, {"funds"}, set()),
        ({"staff", "money"}, {"staff", "funds"}, set()),
        ({"worry", "staff"}, {"staff"}, {"worry"}),
        ({"worry"}, set(), {"worry"}),
        ({"other"}, set(), {"other"}),
        ({NOTHING}, {NOTHING}, set()),
        ({UNCODABLE}, {UNCODABLE}, set()),
    ],
)
def test_merged_and_renamed_themes_follow_and_split_ones_wait(before: set[str], after: set[str], again: set[str]):
    carried = carry_over(frozenset(before), frame(**NEWER))
    assert (carried.codes, carried.again) == (after, again)


def test_themes_out_of_nothing_are_named_since_nobody_has_looked_for_them():
    newer = NEWER | {"themes": themes("funds", "cuts", "delays", "staff", "weather")}
    assert fresh(frame(**OLDER), frame(**newer)) == ("weather",)


def follows(**newer: Any) -> list[str]:
    document = make_codeframe(**newer)
    with pytest.raises(Refused) as refusal:
        check_follows(frame(**OLDER), frame(**newer), read_document(json.dumps(document)))
    return [f"{problem.at}: {problem.what}" for problem in refusal.value.problems]


def test_a_newer_version_says_what_became_of_every_theme():
    check_follows(frame(**OLDER), frame(**NEWER), read_document(json.dumps(make_codeframe(**NEWER))))
    missing = {"version": "1", "themes": {"money": ["funds"], "grant": ["funds"], "worry": ["cuts"]}}
    assert follows(**(NEWER | {"was": missing})) == [
        '/was/themes/grant: issues@1 has no theme "grant"',
        '/was/themes: "grants" of issues@1 is gone',
        '/was/themes: "other" of issues@1 is gone',
    ]
    assert follows(**(NEWER | {"was": NEWER["was"] | {"version": "0"}})) == [
        "/was/version: the version in use is 1"
    ]
    assert follows(version="2", themes=themes("staff")) == ['/: "money" of issues@1 is gone']
