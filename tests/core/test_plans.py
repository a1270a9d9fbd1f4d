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
                'code it, and ask for it by "coded"',
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
    assert set(properties) == {
        "$schema", "survey", "title", "style", "unit", "notes", "tables",
        "weights", "margins", "level", "population", "derive", "where",
    }  # fmt: skip


def test_an_instrument_of_open_questions_only_has_no_default_plan():
    with pytest.raises(Refused, match="no closed question"):
        default_plan(make_instrument([make_question("text", "t")]))


WIDE = make_instrument(
    [
        make_question("single", "q"),
        make_question("multiple", "m"),
        make_question("grid", "g"),
        make_question("number", "n"),
        make_question("number", "size", bands=[10, 100]),
        make_question("text", "words"),
    ],
    disclosure={"carry": ["region"]},
)


def faults_of(*entries: dict, coded: list[str] | None = None, **more: object) -> list[tuple[str, str]]:
    tables = [{"id": str(i)} | entry for i, entry in enumerate(entries, 1)]
    with pytest.raises(Refused) as refused:
        read_plan(make_plan(*tables, **more), WIDE, None, coded)
    return [(problem.at, problem.what) for problem in refused.value.problems]


STRATUM_ASKED = '"region" is a stratum, and how many answered of each stands in the sheet of the response'


@pytest.mark.parametrize(
    ("entry", "at", "what"),
    [
        ({"question": "region"}, "/question", STRATUM_ASKED),
        ({"question": "q", "by": ["regoin"]}, "/by/0", 'there is no variable "regoin" to put in columns'),
        ({"question": "q", "by": ["n"]}, "/by/0", '"n" is a number'),
        ({"question": "q", "by": [["region", "m"]]}, "/by/0/1", '"m" takes several answers and cannot be nested'),
        ({"question": "g", "by": ["region"]}, "/by", "a grid with a banner shows one figure a row"),
        (
            {"question": "q", "where": {"question": "nope", "is": "x"}},
            "/where/question",
            'there is no question or stratum "nope"',
        ),
        (
            {"question": "q", "where": {"question": "m", "is": "a"}},
            "/where",
            '"is" does not fit the type multiple',
        ),
        (
            {"question": "q", "where": {"question": "region", "at_least": 3}},
            "/where",
            '"at_least" does not fit "region"',
        ),
        ({"question": "q", "at_least": 30}, "/at_least", "rows are cut at a threshold but not sorted"),
        ({"question": "q", "top": 2}, "/top", "the first rows are kept but they are not sorted"),
        (
            {"question": "g", "top": 1, "sort": "descending"},
            "/top",
            "rows of this kind of question cannot be put together",
        ),
        ({"question": "q", "percent_of": "row"}, "/percent_of", "row and total percentages need a banner"),
        ({"question": "q", "per": "answers"}, "/per", "only a multiple can be counted per answer"),
        ({"question": "q", "transpose": True}, "/transpose", "only a grid without a banner can be turned"),
        ({"question": "m", "score": {"a": 1}}, "/score", "codes of this kind of question have no scores"),
        ({"question": "q", "score": {"maybe": 1}}, "/score/maybe", '"q" has no code "maybe"'),
        ({"question": "q", "exclude": ["maybe"]}, "/exclude/0", '"q" has no code "maybe"'),
        ({"question": "q", "bands": [1]}, "/bands", "only a number without bands of its own can be cut"),
        ({"question": "n", "bands": [5, 1]}, "/bands", "the bounds do not rise"),
        ({"question": "n", "nets": {"X": ["1"]}}, "/nets", "a number has no codes to put together"),
        ({"question": "q", "tests": True}, "/tests", "tests are between columns of a banner"),
        ({"question": "q", "total": False}, "/total", "only a banner has a column of everybody"),
        ({"question": "n", "base": "responded"}, "/base", "a mean is of those who answered"),
        ({"question": "n", "rows": ["average"]}, "/rows/0", 'the table has no row "average"'),
        ({"question": "g", "waves": ["w-1"]}, "/waves", "a grid that is compared shows one figure a row"),
        ({"question": "q", "waves": ["w-1"], "by": ["region"]}, "/by", '"by" does not go with "waves"'),
        (
            {"question": "q", "waves": ["w-1"], "audiences": ["w-2"]},
            "/audiences",
            "a table compares waves or audiences, not both",
        ),
        ({"question": "q", "base": "complete"}, "/base", '"complete" is the base of coded answers'),
        ({"coded": "words", "by": ["region"]}, "/by", '"by" does not go with coded answers'),
        ({"coded": "words", "at_least": 3}, "/at_least", "rows are cut at a threshold but not sorted"),
        ({}, "", 'a table is of a "question" or of an open one that is "coded"'),
    ],
)
def test_what_does_not_go_together_is_said_with_its_place(entry: dict, at: str, what: str):
    found = faults_of(entry, coded=["words"])
    assert (f"/tables/0{at}", what) in found


def test_waves_are_called_by_the_names_that_waves_have():
    plan = make_plan({"id": "1", "question": "q", "waves": ["dat-2012"]})
    assert read_plan(plan, WIDE).tables[0].waves == ["dat-2012"]
    with pytest.raises(Refused, match="use small letters, digits and - such as dat-2012"):
        read_plan(make_plan({"id": "1", "question": "q", "waves": ["DAT 2012"]}), WIDE)


def test_a_net_over_audiences_may_name_a_code_of_theirs():
    plan = make_plan({"id": "1", "question": "q", "audiences": ["w-2"], "nets": {"Any": ["yes", "perhaps"]}})
    assert read_plan(plan, WIDE).tables[0].nets == {"Any": ["yes", "perhaps"]}


def test_coded_answers_need_a_codeframe_once_it_is_known_which_there_are():
    plan = make_plan({"id": "1", "coded": "words"})
    assert read_plan(plan, WIDE).tables[0].coded == "words"
    assert faults_of({"coded": "words"}, coded=[]) == [
        ("/tables/0/coded", 'answers to "words" are not coded: the wave has no codeframe for it')
    ]


@pytest.mark.parametrize(
    ("weights", "fault"),
    [
        ({}, ("/weights", "weights need one of stratify, poststratify and rake")),
        ({"rake": ["kind"]}, ("/weights/rake/0", 'answers do not carry the stratum "kind"')),
        ({"rake": ["region"], "trim": [2, 3]}, ("/weights/trim", "the limits do not lie around 1")),
    ],
)
def test_weights_are_by_carried_strata(weights: dict, fault: tuple[str, str]):
    assert faults_of({"question": "q"}, weights=weights) == [fault]


@pytest.mark.parametrize(
    ("declared", "fault"),
    [
        ({"id": "q", "recode": "q", "into": []}, ("/derive/0/id", 'there is already a variable "q"')),
        ({"id": "x"}, ("/derive/0", "it does not say in one way how it is made")),
        ({"id": "x", "recode": "nope", "into": []}, ("/derive/0/recode", 'there is no variable "nope"')),
        ({"id": "x", "band": "q", "at": [1]}, ("/derive/0/band", '"q" is not a number')),
        ({"id": "x", "band": "n"}, ("/derive/0", '"band" needs "at"')),
        (
            {"id": "x", "score": ["q"], "values": {"z": 1}},
            ("/derive/0/values/z", 'no variable that it is made of has a code "z"'),
        ),
        (
            {"id": "x", "recode": "q", "into": [{"code": "a", "label": "A", "of": ["yes", "yes"]}]},
            ("/derive/0/into", 'the code "yes" stands in two places'),
        ),
    ],
)
def test_derived_variables_are_checked(declared: dict, fault: tuple[str, str]):
    assert fault in faults_of({"question": "q"}, derive=[{"label": "X"} | declared])


def test_a_derived_variable_is_tabulated_and_put_in_columns():
    declared = {"id": "x", "label": "X", "recode": "q", "into": [{"code": "a", "label": "A", "of": ["yes"]}]}
    entries = {"id": "1", "question": "x"}, {"id": "2", "question": "q", "by": ["x", ["region", "x"]]}
    assert read_plan(make_plan(*entries, derive=[declared]), WIDE).derive[0].id == "x"
