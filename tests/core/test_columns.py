"""Answers as columns: what is said of all at once is what a route says of each."""

import json

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from surveyapp.analysis.columns import Asked, Lists, Texts, read_part, single_questions
from surveyapp.instrument import Instrument, route
from tests.instruments.drawn import instruments, visits_of
from tests.makers import make_instrument, make_question

RANKED = [{"code": code, "label": f"Option {code}"} for code in ("a", "b", "c")]


def kept(asked: Asked, key: str, row: int) -> str | list[str] | None:
    """The answer that one respondent has in a column."""
    column = asked.answers.get(key)
    if isinstance(column, Texts):
        return column.texts[column.index[row]] if column.index[row] >= 0 else None
    if isinstance(column, Lists):
        flat = column.flat[column.starts[row] : column.starts[row + 1]]
        return [column.texts[i] for i in flat] or None
    return None


@given(st.data())
@settings(max_examples=60, suppress_health_check=list(HealthCheck), deadline=None)
def test_columns_say_of_each_respondent_what_their_route_says(data: st.DataObject):
    instrument: Instrument = data.draw(instruments())
    one = visits_of(instrument)
    rows = [data.draw(one) | data.draw(one) for _ in range(data.draw(st.integers(1, 3)))]
    lines = [json.dumps(row, ensure_ascii=False) for row in rows]
    asked = Asked(read_part(instrument, ["" for _ in rows], lines))
    for i, row in enumerate(rows):
        way = route(instrument, row)
        for question in (instrument.questions[name] for name in single_questions(instrument)):
            assert asked.of(question.id)[i] == (question.id in way.asked), question.id
            for key in set(question.keys) - set(question.specified.values()):
                given_ = way.answers.get(key)
                assert kept(asked, key, i) == (list(given_) if isinstance(given_, list) else given_), key


def test_nobody_answered_anything():
    part = read_part(make_instrument(), [], [])
    assert (part.n, part.column("q1")) == (0, None)
    assert Asked(part).of("q1").tolist() == []


def test_answers_that_an_instrument_does_not_ask_for_are_passed_over():
    part = read_part(make_instrument(), ["", ""], ['{"other": "x"}', '{"q1": "yes"}'])
    column = part.column("q1")
    assert isinstance(column, Texts)
    assert column.index.tolist() == [-1, 0]


def test_the_places_of_a_rank_are_the_order_given():
    part = read_part(
        make_instrument([make_question("rank", "r", options=RANKED)]),
        [""] * 3,
        ['{"r": ["b", "a"]}', "{}", '{"r": ["a"]}'],
    )
    column = part.column("r")
    assert isinstance(column, Lists)
    assert column.places("a").tolist() == [1, -1, 0]
    assert column.includes("b").tolist() == [True, False, False]
