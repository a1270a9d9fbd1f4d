"""Which rows and columns may leave as microdata: who could be known, names, numbers, missing, amounts."""

import json
import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from surveyapp.analysis.columns import read_part
from surveyapp.analysis.dataset import Dataset, Row, Variable, assemble, dataset
from surveyapp.analysis.microdata import Microdata, Recipe, file_names, microdata, numbers_of
from surveyapp.instrument import read_instrument
from surveyapp.problems import Refused
from tests.makers import make_document, make_instrument, make_question

SPEND = {"id": "spend", "type": "number", "text": "What was spent?"}


def make_rows(
    *answers: dict[str, Any], questions: list[dict] | None = None, cells: list[str] | None = None
) -> Dataset:
    """Responses to a first section with a multiple and a second with the questions; strata if cells are given."""
    instrument = make_instrument(
        [make_question("multiple", "opening")], questions or [make_question("single", "q1")]
    )
    lines = [json.dumps(each) for each in answers]
    part = read_part(instrument, cells or [""] * len(lines), lines)
    return assemble(instrument, [part], ["region"] if cells else [])


def refusal(data: Dataset, **recipe: Any) -> str:
    with pytest.raises(Refused) as refused:
        microdata(data, Recipe(**recipe))
    return str(refused.value)


def column(data: Microdata, name: str) -> list[float]:
    return next(data.numbered(c).tolist() for c in data.fields if c.variable.name == name)


TWENTY = [{"q1": "yes"}] * 10 + [{"q1": "no"}] * 10


# ── who could be known ───────────────────────────────────────────────────────


def test_a_stratum_that_fewer_than_the_minimum_base_share_is_refused_with_the_remedy():
    data = make_rows(*TWENTY, cells=["North"] * 11 + ["South"] * 9)
    said = refusal(data)
    assert "1 combination of values (unit.region) shared by fewer than 10 responses" in said
    assert "leave out unit.region, that is enough" in said


def test_the_refusal_names_no_value_and_no_count_of_the_few():
    said = refusal(make_rows(*TWENTY, cells=["North"] * 11 + ["South"] * 9))
    assert "South" not in said
    assert "9" not in said


def test_ten_in_each_stratum_may_leave_and_it_says_what_was_checked():
    data = microdata(make_rows(*TWENTY, cells=["North"] * 10 + ["South"] * 10))
    assert data.identifying == ("unit.region",)
    assert data.minimum == 10


def test_a_stratum_left_out_is_not_in_the_file():
    data = microdata(make_rows(*TWENTY, cells=["North"] * 11 + ["South"] * 9), Recipe(leave_out=["unit.region"]))
    assert [c.name for c in data.fields] == ["opening.a", "opening.b", "opening.c", "q1"]
    assert data.left_out["unit.region"] == "left out on purpose"


def test_the_single_choices_of_the_first_section_describe_the_organisation():
    instrument = make_instrument([make_question("single", "kind")], [make_question("single", "view")])
    rows = [Row("1", "", {"kind": "yes" if i < 11 else "no", "view": "no"}) for i in range(20)]
    data = dataset(instrument, {"1": instrument}, rows)
    assert "values (kind)" in refusal(data)
    assert microdata(data, Recipe(identifying=[])).identifying == ()
    assert "(kind, view)" in refusal(data, identifying=["kind", "view"])


def test_a_combination_counts_where_each_value_alone_is_common():
    answers = [{"q1": "yes"}] * 30 + [{"q1": "no"}] * 15
    data = make_rows(*answers, cells=["North"] * 20 + ["South"] * 15 + ["North"] * 10)
    assert "1 combination of values (unit.region, q1)" in refusal(data, identifying=["q1"])
    assert "either of them is enough" in refusal(data, identifying=["q1"])


def test_blank_is_a_value_like_any_other():
    data = make_rows(*TWENTY, *[{}] * 9)
    assert "fewer than 10" in refusal(data, identifying=["q1"])


def test_merging_codes_makes_a_group_large_enough():
    question = make_question("single", "q1")
    question["options"].append({"code": "maybe", "label": "Perhaps"})
    data = make_rows(*TWENTY[:12], *[{"q1": "maybe"}] * 8, questions=[question])
    assert "fewer than 10" in refusal(data, identifying=["q1"])
    found = microdata(data, Recipe(identifying=["q1"], bands={"q1": [["no", "maybe"]]}))
    assert found.fields[-1].variable.labels == ("Yes", "No or Perhaps")
    assert sorted(column(found, "q1")) == [1] * 10 + [2] * 10
    assert found.fields[-1].changed == "values are merged"


def test_a_wave_with_fewer_responses_than_the_minimum_base_is_refused():
    assert "fewer than 10 responses" in refusal(make_rows(*TWENTY[5:14]))


def test_a_file_without_columns_is_refused():
    assert "no column is left" in refusal(make_rows(*TWENTY), leave_out=["q1", "opening"])


def test_the_policy_for_persons_and_a_larger_minimum_base_are_kept():
    instrument = make_instrument(disclosure={"policy": "persons", "minimum_base": 5})
    data = dataset(
        instrument, {"1": instrument}, [Row("1", "", {"q1": "yes" if i < 7 else "no"}) for i in range(20)]
    )
    assert "fewer than 8" in refusal(data)


def test_unknown_names_codes_and_bounds_are_all_named_with_a_remedy():
    data = make_rows(*TWENTY, questions=[make_question("single", "q1"), SPEND])
    said = refusal(
        data,
        leave_out=["q11"],
        identifying=["kind"],
        bands={"q1": [["yes", "nope"]], "spend": [["5"], ["1"]], "x": [["a"]]},
    )
    assert "there is no column 'q11'; did you mean \"q1\"" in said
    assert "there is no column 'kind'" in said
    assert "q1 has no code 'nope'" in said
    assert "the bounds for spend are not rising numbers" in said
    assert "there is no variable 'x'" in said


def test_open_answers_never_have_a_column_not_even_linked_ones():
    questions = [
        make_question("single", "q1"),
        make_question("text", "why"),
        make_question("text", "how", linked=True),
    ]
    data = microdata(make_rows(*({**a, "how": "secret"} for a in TWENTY), questions=questions))
    assert {c.variable.question for c in data.fields} == {"opening", "q1"}
    assert set(data.left_out) == {"why", "how"}


# ── amounts ──────────────────────────────────────────────────────────────────


def test_the_largest_and_smallest_amounts_are_hidden_among_ten():
    data = microdata(make_rows(*({"spend": str(i)} for i in range(1, 31)), questions=[SPEND]))
    assert sorted(column(data, "spend")) == [10] * 10 + list(range(11, 21)) + [21] * 10
    assert data.fields[-1].changed == "amounts under 10 are given as that, amounts over 21 as that"


def test_amounts_that_too_few_gave_are_refused_unless_banded():
    data = make_rows(*({"spend": str(i)} if i < 19 else {} for i in range(30)), questions=[SPEND])
    assert "too few gave an amount" in refusal(data)
    banded = microdata(data, Recipe(bands={"spend": [["5"], ["10"]]}))
    assert banded.fields[-1].variable.labels == ("Under 5", "5 to under 10", "10 or more")
    assert sorted(column(banded, "spend")) == [-9] * 11 + [1] * 5 + [2] * 5 + [3] * 9


def test_amounts_that_must_add_up_are_refused_since_a_cut_one_could_be_worked_out():
    parts = [{"id": name, "type": "number", "text": name} for name in ("staff", "other", "total")]
    document = make_document([make_question()], parts)
    document["sections"][1]["pages"][0]["checks"] = [
        {"sum": ["staff", "other"], "equals": "total", "message": "No."}
    ]
    instrument = read_instrument(json.dumps(document))
    rows = [Row("1", "", {"q1": "yes", "staff": str(i), "other": "5", "total": str(i + 5)}) for i in range(30)]
    data = dataset(instrument, {"1": instrument}, rows)
    assert "staff, other, total add up" in refusal(data)
    assert microdata(data, Recipe(leave_out=["total"])).n == 30


def test_shares_of_an_allocation_are_rounded_to_tenths():
    split = {"id": "share", "type": "allocation", "text": "?", "rows": [{"code": c, "label": c} for c in "ab"]}
    data = microdata(make_rows(*[{"share.a": "34", "share.b": "66"}] * 12, questions=[split]))
    assert column(data, "share.a") == [30] * 12
    assert column(data, "share.b") == [70] * 12


def test_amounts_that_reach_the_numbers_of_missing_get_others():
    data = microdata(make_rows(*({"spend": str(i - 40)} for i in range(40)), {}, questions=[SPEND]))
    assert data.fields[-1].missing == (-99, -98, -97)
    assert column(data, "spend").count(-99) == 1


# ── order ────────────────────────────────────────────────────────────────────


@given(st.randoms())
def test_whatever_order_rows_come_in_the_file_is_the_same(chance: random.Random):
    answers = [{"q1": "yes", "spend": str(i % 7)} for i in range(25)] + [{"spend": "3"}, {"opening": ["a"]}]
    shuffled = list(answers)
    chance.shuffle(shuffled)
    one, other = (microdata(make_rows(*some, questions=[make_question(), SPEND])) for some in (answers, shuffled))
    for field in one.fields:
        assert one.numbered(field).tolist() == other.numbered(field).tolist()


def test_the_order_tells_nothing_of_a_column_that_was_left_out():
    cells = ["North", "South"] * 10
    data = microdata(make_rows(*TWENTY, cells=cells), Recipe(leave_out=["unit.region"]))
    other = microdata(make_rows(*TWENTY, cells=sorted(cells)), Recipe(leave_out=["unit.region"]))
    assert column(data, "q1") == column(other, "q1")


# ── names and numbers ────────────────────────────────────────────────────────

LEGAL = st.from_regex(r"[a-z][a-z0-9_]{0,39}(\.[a-z0-9][a-z0-9_]{0,39})?", fullmatch=True)


@given(
    st.lists(st.one_of(LEGAL, st.text(max_size=100), st.sampled_from(["to", "ALL", "a.", "1x", "é"])), unique=True)
)
def test_names_in_the_file_are_legal_in_spss_and_unlike_each_other(names: list[str]):
    found = file_names(names)
    assert list(found) == names
    assert len({name.lower() for name in found.values()}) == len(names)
    for name in found.values():
        assert 1 <= len(name.encode()) <= 64
        assert name[0].isalpha()
        assert name[0].isascii()
        assert name[-1] not in "._"
        assert all(c.isascii() and (c.isalnum() or c in "_.") for c in name)
        assert name.lower() not in {
            "all",
            "and",
            "by",
            "eq",
            "ge",
            "gt",
            "le",
            "lt",
            "ne",
            "not",
            "or",
            "to",
            "with",
        }


def test_a_usual_name_stays_what_it_is_everywhere_else():
    names = ["engagement_now.police", "unit.region", "q1"]
    assert file_names(names) == dict(zip(names, names, strict=True))


def test_a_long_name_keeps_its_stem():
    question, code = "q" * 40, "c" * 40
    found = file_names([f"{question}.{code}1", f"{question}.{code}2"])
    assert list(found.values()) == [f"{question}.{'c' * 23}", f"{question}.{'c' * 21}_2"]


@pytest.mark.parametrize(
    ("codes", "numbers"),
    [
        (("yes", "no"), (1, 2)),
        (("0", "1"), (0, 1)),
        (("2011", "2013"), (2011, 2013)),
        (("1", "01"), (1, 2)),
        (("1", "none"), (1, 2)),
        (("5", "99999999999"), (1, 2)),
    ],
)
def test_codes_that_are_numbers_stay_them_others_get_their_place(codes: tuple[str, ...], numbers: tuple[int, ...]):
    assert numbers_of(Variable("q", "q", "q", codes, codes)) == numbers


def test_the_three_kinds_of_missing_are_told_apart():
    data = make_rows(*TWENTY)
    data.values["q1"][:3] = [-1, -2, -3]
    found = microdata(data)
    assert {-9, -8, -7} <= set(column(found, "q1"))
    assert found.counts(found.fields[-1]) == ([7, 10], [1, 1, 1])


def test_nothing_of_the_dataset_is_altered():
    data = make_rows(*({"spend": str(i)} for i in range(1, 31)), questions=[SPEND])
    before = data.amounts["spend"].copy()
    microdata(data, Recipe(bands={"spend": [["5"]]}))
    microdata(data)
    assert np.array_equal(data.amounts["spend"], before)
