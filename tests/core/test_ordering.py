"""The order of options: the seed alone decides, and "Other" and "None" stay last."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from surveyapp.instrument import ordered
from tests.makers import make_instrument, make_question

CODES = "abcdefgh"


def make_item(kind: str = "multiple", **more: Any) -> Any:
    options = [{"code": c, "label": c.upper()} for c in CODES]
    options += [{"code": "other", "label": "Other", "specify": True}]
    options += [{"code": "none", "label": "None", "exclusive": True}] if kind == "multiple" else []
    settings = {"options": options} if kind != "grid" else {"rows": options[:8]}
    return make_instrument([make_question(kind, **settings, **more)]).items[0]


def codes(entries: Any) -> list[str]:
    return [entry.code for entry in entries]


def test_a_fixed_order_is_that_of_the_questionnaire():
    item = make_item()
    assert ordered(item, "seed") is item


@given(st.text(max_size=20))
def test_random_shows_every_option_once_and_keeps_other_and_none_at_the_end(seed: str):
    shown = codes(ordered(make_item(order="random"), seed).options)
    assert sorted(shown[:8]) == list(CODES)
    assert shown[8:] == ["other", "none"]


def test_the_same_seed_gives_the_same_order_and_another_seed_another():
    orders = {tuple(codes(ordered(make_item(order="random"), f"seed {i}").options)) for i in range(50)}
    assert len(orders) == 50
    again = codes(ordered(make_item(order="random"), "seed 7").options)
    assert again == codes(ordered(make_item(order="random"), "seed 7").options)


def test_every_option_comes_first_about_equally_often():
    firsts = [codes(ordered(make_item(order="random"), str(i)).options)[0] for i in range(800)]
    assert all(60 < firsts.count(code) < 140 for code in CODES)


def test_reversed_half_turns_the_list_for_about_half():
    shown = [codes(ordered(make_item("single", order="reversed-half"), str(i)).options) for i in range(200)]
    straight, turned = [*CODES, "other"], [*reversed(CODES), "other"]
    assert all(order in (straight, turned) for order in shown)
    assert 70 < shown.count(turned) < 130


def test_rows_of_a_grid_are_shuffled_and_its_scale_only_turned_round():
    item = make_item("grid", order="random", scale_order="reversed-half")
    scales = {tuple(codes(ordered(item, str(i)).scale)) for i in range(40)}
    assert scales == {("more", "same", "less"), ("less", "same", "more")}
    assert len({tuple(codes(ordered(item, str(i)).rows)) for i in range(40)}) == 40
