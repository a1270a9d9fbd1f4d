"""Plans are checked like instruments: every problem at once, with place and remedy."""

import json

import pytest

from surveyapp.analysis import plans
from surveyapp.analysis.plans import default_plan, read_plan
from surveyapp.instrument import read_instrument
from surveyapp.problems import Refused
from tests.makers import make_all_types, make_instrument, make_question

INSTRUMENT = read_instrument(json.dumps(make_all_types()))


def make_plan(*entries: dict, **more: object) -> str:
    return json.dumps({"survey": "tiny", "title": "Tables", "tables": list(entries)} | more, indent=1)


def refusal(*entries: dict, **more: object) -> list[tuple[str, str, str]]:
    with pytest.raises(Refused) as refused:
        read_plan(make_plan(*entries, **more), INSTRUMENT)
    return [(p.at, p.what, p.do) for p in refused.value.problems]


def test_a_plan_names_questions_and_rows():
    plan = read_plan(
        make_plan({"id": "1", "question": "kind"}, {"id": "2", "question": "partners.police"}), INSTRUMENT
    )
    assert [(e.id, e.question) for e in plan.tables] == [("1", "kind"), ("2", "partners.police")]
    assert plan.style == "default"


def test_without_a_plan_every_closed_question_comes_in_order():
    assert [(e.id, e.question) for e in default_plan(INSTRUMENT).tables] == [
        ("1", "kind"),
        ("2", "sources"),
        ("3", "partners"),
    ]


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ({"question": "kond"}, ("/tables/0/question", 'there is no question "kond"', 'did you mean "kind"?')),
        (
            {"question": "issues"},
            (
                "/tables/0/question",
                '"issues" is an open question',
                "single, multiple and grid questions have tables",
            ),
        ),
        (
            {"question": "partners.polis"},
            ("/tables/0/question", '"partners" has no row "polis"', 'did you mean "police"?'),
        ),
        (
            {"question": "kind", "nets": {"All": ["yes", "nope"]}},
            ("/tables/0/nets/All/1", '"kind" has no code "nope"', 'did you mean "no"?'),
        ),
        (
            {"question": "kind", "nets": {"A/B": ["yes", "yes"]}},
            ("/tables/0/nets/A~1B", 'the net "A/B" names a code twice', "name each once"),
        ),
        (
            {"question": "kind", "show": "nets"},
            ("/tables/0/show", "there are no nets to show", 'give "nets", or leave "show" out'),
        ),
        (
            {"question": "sources", "nets": {"N": ["a"]}, "net_rounding": "sum_of_rounded"},
            ("/tables/0/net_rounding", "percentages of a multiple cannot be added up", "leave it out"),
        ),
        (
            {"question": "partners", "rows": ["polic"]},
            ("/tables/0/rows/0", 'the table has no row "polic"', 'did you mean "police"?'),
        ),
        (
            {"question": "kind", "rows": ["yes"], "at_least": 30},
            (
                "/tables/0/at_least",
                "rows are picked by name and by threshold",
                'leave "rows" or "at_least" out',
            ),
        ),
        (
            {"question": "kind", "sortt": "descending"},
            ("/tables/0/sortt", 'the key "sortt" is not known here', 'did you mean "sort"?'),
        ),
        (
            {"question": "kind", "sort": "up"},
            ("/tables/0/sort", '"up" is not possible here', "use one of: descending, questionnaire"),
        ),
    ],
)
def test_each_fault_has_its_place_and_remedy(entry: dict, problem: tuple[str, str, str]):
    assert refusal({"id": "1", **entry}) == [problem]


def test_all_faults_are_found_at_once():
    found = refusal({"id": "1", "question": "a"}, {"id": "1", "question": "b"}, {"id": "x y", "question": "kind"})
    assert [at for at, _, _ in found] == ["/tables/2/id"]
    found = refusal({"id": "1", "question": "a"}, {"id": "1", "question": "b"})
    assert [at for at, _, _ in found] == ["/tables/0/question", "/tables/1/id", "/tables/1/question"]


def test_a_plan_of_another_survey_is_refused():
    assert refusal({"id": "1", "question": "kind"}, survey="dat") == [
        ("/survey", 'the plan is for "dat", the wave fields "tiny"', "use a plan of the same survey")
    ]


def test_a_plan_without_tables_is_refused():
    assert refusal() == [("/tables", "there are too few entries (0)", "give at least 1")]


def test_no_plan_document_does_anything_but_read_or_refuse():
    for text in ("", "[]", "null", '{"tables": 3}', "{", '{"survey": {"a": []}}'):
        with pytest.raises(Refused):
            read_plan(text, INSTRUMENT)


def test_the_schema_knows_every_key_of_a_plan():
    properties = plans.json_schema()["properties"]
    assert set(properties) == {"$schema", "survey", "title", "style", "unit", "notes", "tables"}


def test_an_instrument_of_open_questions_only_has_no_default_plan():
    with pytest.raises(Refused, match="no closed question"):
        default_plan(make_instrument([make_question("text", "t")]))
