"""Responses as columns, with three kinds of missing."""

import pytest

from surveyapp.analysis.dataset import NO_REPLY, NOT_ASKED, NOT_IN_VERSION, Dataset, Row, dataset, stacked
from surveyapp.instrument import Instrument
from tests.makers import make_instrument, make_question

GATED = make_question("single", "q2", show_if={"question": "q1", "is": "yes"})


def make_dataset(instrument: Instrument, *answers: dict) -> Dataset:
    """One response for each set of answers."""
    return dataset(instrument, {instrument.version: instrument}, [Row(instrument.version, "", a) for a in answers])


def test_a_single_answer_is_the_place_of_its_code():
    data = make_dataset(make_instrument(), {"q1": "yes"}, {"q1": "no"})
    assert data.values["q1"].tolist() == [0, 1]


def test_asked_and_left_blank_is_no_reply():
    assert make_dataset(make_instrument(), {}).values["q1"].tolist() == [NO_REPLY]


def test_routed_past_is_not_asked_even_if_an_answer_is_there():
    instrument = make_instrument([make_question(), GATED])
    data = make_dataset(instrument, {"q1": "no", "q2": "yes"}, {"q1": "yes", "q2": "no"}, {"q1": "yes"})
    assert data.values["q2"].tolist() == [NOT_ASKED, 1, NO_REPLY]


def test_a_question_that_came_later_is_not_in_the_earlier_version():
    old, new = make_instrument(), make_instrument([make_question(), make_question("single", "q2")], version="2")
    rows = [Row("1", "", {"q1": "yes"}), Row("2", "", {"q1": "yes", "q2": "no"})]
    assert dataset(new, {"1": old, "2": new}, rows).values["q2"].tolist() == [NOT_IN_VERSION, 1]


def test_a_multiple_is_one_column_an_option_and_blank_is_no_reply_in_all():
    data = make_dataset(make_instrument([make_question("multiple", "m")]), {"m": ["a", "c"]}, {})
    assert {name: column.tolist() for name, column in data.values.items()} == {
        "m.a": [1, NO_REPLY],
        "m.b": [0, NO_REPLY],
        "m.c": [1, NO_REPLY],
    }


def test_a_grid_is_one_column_a_row():
    data = make_dataset(make_instrument([make_question("grid", "g")]), {"g.health": "less"})
    assert data.values["g.police"].tolist() == [NO_REPLY]
    assert data.values["g.health"].tolist() == [2]


def test_a_code_that_the_question_does_not_have_counts_as_no_reply():
    assert make_dataset(make_instrument(), {"q1": "perhaps"}).values["q1"].tolist() == [NO_REPLY]


def test_an_open_question_has_no_column():
    assert make_dataset(make_instrument([make_question("text", "t")]), {"t": "words"}).values == {}


def test_completeness_counts_a_multiple_once_and_each_grid_row():
    instrument = make_instrument(
        [make_question("multiple", "m"), make_question("grid", "g"), make_question("text", "t")]
    )
    data = make_dataset(instrument, {"m": ["a"], "g.police": "more", "t": "words"}, {})
    assert data.completeness == {(2, 3): 1, (0, 3): 1}


def test_what_was_not_asked_is_not_applicable():
    instrument = make_instrument([make_question(), GATED])
    data = make_dataset(instrument, {"q1": "no"}, {"q1": "yes"})
    assert data.completeness == {(1, 1): 1, (1, 2): 1}


def test_nobody_answered():
    data = make_dataset(make_instrument())
    assert data.n == 0
    assert data.values["q1"].tolist() == []


def test_pandas_gets_codes_and_nan():
    pytest.importorskip("pandas")
    frame = make_dataset(make_instrument(), {"q1": "no"}, {}).to_pandas()
    assert frame["q1"].isna().tolist() == [False, True]
    assert frame["q1"].iloc[0] == "no"
    assert list(frame["q1"].cat.categories) == ["yes", "no"]


def test_pandas_may_keep_the_kinds_of_missing_apart():
    instrument = make_instrument([make_question(), GATED])
    frame = make_dataset(instrument, {"q1": "yes"}, {"q1": "no"}, {}).to_pandas(missing=True)
    assert list(frame["q1"]) == ["yes", "no", "no reply"]
    assert list(frame["q2"]) == ["no reply", "not asked", "not asked"]
    assert frame.attrs["variables"]["q1"]["labels"] == ("Yes", "No")


def test_several_waves_stand_one_under_the_other():
    old, new = make_instrument(), make_instrument([make_question(), make_question("single", "q2")], version="2")
    waves = {"one": make_dataset(old, {"q1": "no"}), "two": make_dataset(new, {"q1": "yes", "q2": "no"})}
    assert stacked(waves, missing=True).astype(str).to_dict("list") == {
        "wave": ["one", "two"],
        "q1": ["no", "yes"],
        "q2": ["not in this version", "no"],
    }
    assert stacked(waves)["q2"].isna().tolist() == [True, False]
