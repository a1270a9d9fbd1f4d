"""Coders compared, differences settled, themes as columns, words fit for print: hand-worked or by others."""

import json
from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.inter_rater import cohens_kappa

from surveyapp.analysis.themes import coding
from surveyapp.analysis.themes.codeframes import NOTHING, UNCODABLE, Codeframe, stored_codeframe
from surveyapp.analysis.themes.coding import ThemeAgreement, agreement, is_faithful, redacted, safe_groups, settle
from surveyapp.identifying import identifying, prepare
from tests.makers import make_codeframe


def frame(**more: Any) -> Codeframe:
    return stored_codeframe(json.dumps(make_codeframe(**more)))


def codes(*given: str) -> list[frozenset[str]]:
    """ "money staff" and the like."""
    return [frozenset(entry.split()) for entry in given]


def coders(first: list[str], second: list[str]) -> dict[str, dict[int, frozenset[str]]]:
    return {"a": dict(enumerate(codes(*first))), "b": dict(enumerate(codes(*second)))}


# ── agreement ────────────────────────────────────────────────────────────────


def test_kappa_of_the_textbook():
    """50 grant applications read by two people (20 yes by both, 15 no by both): observed 0.7, by chance 0.5."""
    theme = ThemeAgreement("x", "X", both=20, first=5, second=10, neither=15)
    assert (theme.observed, theme.expected) == (0.7, 0.5)
    assert theme.kappa == pytest.approx(0.4)


def test_agreement_worse_than_chance_is_below_nought():
    assert ThemeAgreement("x", "X", both=0, first=5, second=5, neither=0).kappa == -1.0


@pytest.mark.parametrize("counts", [(0, 0, 0, 9), (9, 0, 0, 0), (0, 0, 0, 0)])
def test_where_nothing_varies_there_is_no_kappa_and_not_a_nan(counts: tuple[int, ...]):
    assert ThemeAgreement("x", "X", *counts).kappa is None


@given(st.tuples(*[st.integers(0, 400)] * 4))
def test_kappa_is_that_of_statsmodels(counts: tuple[int, int, int, int]):
    both, first, second, neither = counts
    kappa = ThemeAgreement("x", "X", *counts).kappa
    with np.errstate(all="ignore"):
        theirs = (
            cohens_kappa(np.array([[both, first], [second, neither]], dtype=float), return_results=False)
            if sum(counts)
            else np.nan
        )
    assert (kappa is None) == bool(np.isnan(theirs))
    assert kappa is None or kappa == pytest.approx(theirs)


def test_themes_are_compared_one_by_one_and_pooled():
    (pair,) = agreement(
        frame(),
        coders(
            ["money", "money staff", "staff", NOTHING, "money"], ["money", "money", "staff", UNCODABLE, "staff"]
        ),
    )
    assert [(t.code, t.both, t.first, t.second, t.neither) for t in pair.themes] == [
        ("money", 2, 1, 0, 2),
        ("staff", 1, 1, 1, 2),
    ]
    assert (pair.n, pair.same) == (5, 2)
    money, staff = pair.themes
    assert money.kappa == pytest.approx((4 / 5 - 12 / 25) / (1 - 12 / 25))
    assert staff.kappa == pytest.approx((3 / 5 - 13 / 25) / (1 - 13 / 25))
    assert pair.mean == pytest.approx((money.kappa + staff.kappa) / 2)
    assert pair.pooled == pytest.approx((7 / 10 - 25 / 50) / (1 - 25 / 50))


def test_a_theme_that_nobody_gives_has_no_part_in_the_mean():
    (pair,) = agreement(frame(), coders(["money", NOTHING], ["money", NOTHING]))
    assert [theme.kappa for theme in pair.themes] == [1.0, None]
    assert pair.mean == pair.pooled == 1.0
    shown = coding.describe([pair])
    assert "staff     none       0 " in shown
    assert "none: given to every answer or to no answer, so there is no kappa (1 of 2 themes)" in shown
    assert coding.as_json([pair])[0]["themes"][1]["kappa"] is None


def test_coders_with_no_answer_in_common_have_no_agreement():
    (pair,) = agreement(frame(), {"a": {1: codes("money")[0]}, "b": {2: codes("money")[0]}})
    assert (pair.n, pair.same, pair.pooled, pair.mean) == (0, 0, None, None)
    assert coding.describe([pair]) == "a and b: 0 answers coded by both, the same themes on 0"


def test_every_two_of_three_coders_are_compared():
    one = {1: codes("money")[0]}
    pairs = agreement(frame(), {"c": one, "a": one, "b": one})
    assert [(pair.first, pair.second) for pair in pairs] == [("a", "b"), ("a", "c"), ("b", "c")]


CODINGS = st.lists(
    st.tuples(*[st.frozensets(st.sampled_from(["money", "staff"]), min_size=1)] * 2), min_size=1, max_size=30
)


@given(CODINGS)
def test_pooled_kappa_is_one_if_and_only_if_coders_agree_throughout(
    given: list[tuple[frozenset[str], frozenset[str]]],
):
    (pair,) = agreement(
        frame(), {"a": dict(enumerate(g for g, _ in given)), "b": dict(enumerate(g for _, g in given))}
    )
    if pair.pooled is not None:
        assert (pair.pooled == pytest.approx(1)) == (pair.same == pair.n)
        assert pair.pooled <= 1 + 1e-12


# ── settling ─────────────────────────────────────────────────────────────────


def settled(first: dict[int, str], second: dict[int, str], decided: dict[int, str] | None = None, **again: Any):
    given = [
        {key: frozenset(text.split()) for key, text in side.items()} for side in (first, second, decided or {})
    ]
    names = {name: side for name, side in zip("ab", given[:2], strict=True) if side}
    waiting = {int(key[1:]): frozenset(text.split()) for key, text in again.items()}
    return settle(range(1, 5), names, given[2], waiting)


def test_what_coders_agree_on_is_settled_and_the_rest_is_listed():
    found = settled({1: "money", 2: "money staff", 3: "staff"}, {1: "money", 2: "money", 3: NOTHING})
    assert found.settled == {1: {"money"}}
    assert {key: (dispute.agreed, dispute.open) for key, dispute in found.disputed.items()} == {
        2: ({"money"}, {"staff"}),
        3: (set(), {"staff", NOTHING}),
    }
    assert found.uncoded == (4,)


def test_a_third_person_decides_and_that_stands():
    found = settled({1: "money", 2: "staff"}, {1: "staff", 2: "staff"}, {1: "money staff"})
    assert found.settled == {1: {"money", "staff"}, 2: {"staff"}}
    assert not found.disputed


def test_coders_may_share_the_work():
    found = settled({1: "money", 2: "staff"}, {2: "staff", 3: "money"})
    assert found.settled == {1: {"money"}, 2: {"staff"}, 3: {"money"}}
    assert found.once == 2


def test_the_work_of_one_coder_alone_is_settled():
    found = settled({1: "money"}, {})
    assert (found.settled, found.once) == ({1: {"money"}}, 0)


def test_what_a_newer_codeframe_split_is_in_dispute_although_coders_agree():
    found = settled({1: "money", 2: "money"}, {1: "money", 2: "money"}, {2: "staff"}, k1="worry", k2="worry")
    assert found.disputed[1].again == {"worry"}
    assert found.settled == {2: {"staff"}}


# ── themes as columns ────────────────────────────────────────────────────────

NETS = [
    {"code": "money", "label": "Money", "definition": "Money."},
    {"code": "cuts", "label": "Cuts", "definition": "Cuts.", "parent": "money"},
    {"code": "delays", "label": "Delays", "definition": "Delays.", "parent": "money"},
    {"code": "staff", "label": "Staff", "definition": "Staff."},
]


def columns(*rows: tuple[str, str | None], responses: int = 10) -> coding.ThemeColumns:
    answers = [("North", group, None if text is None else frozenset(text.split())) for group, text in rows]
    return coding.theme_columns(frame(themes=NETS), "issues", answers, responses)


def test_a_net_is_mentioned_once_where_two_of_its_parts_are():
    found = columns(("", "cuts delays"), ("", "staff"), ("", NOTHING), ("", None))
    assert found.codes == ("money", "cuts", "delays", "staff")
    assert found.mentions.tolist() == [[1, 1, 1, 0], [0, 0, 0, 1], [0, 0, 0, 0], [0, 0, 0, 0]]
    assert found.counts == {"money": 1, "cuts": 1, "delays": 1, "staff": 1}
    assert (found.mentions.dtype, found.responses, found.unsettled, found.cells) == (
        np.uint8,
        10,
        1,
        ("North",) * 4,
    )


def test_groups_too_small_to_show_are_one():
    rows = [("police", "cuts")] * 3 + [("gp", "staff"), ("council", "staff")]
    found = columns(*rows).by_group(2)
    assert found == {
        "": (2, {"money": 0, "cuts": 0, "delays": 0, "staff": 2}),
        "police": (3, {"money": 3, "cuts": 3, "delays": 0, "staff": 0}),
    }


def test_no_answer_gives_columns_without_rows():
    assert columns().counts == {"money": 0, "cuts": 0, "delays": 0, "staff": 0}


# ── quotations ───────────────────────────────────────────────────────────────


def test_a_group_is_named_as_closely_as_leaves_it_large_enough():
    groups = [("South East", "County")] * 5 + [("South East", "Unitary")] * 3 + [("South East", "London")] * 2
    groups += [("North", "County")] * 5 + [("West", "County")] * 3 + [("East", "County")] * 2
    assert safe_groups(groups, 5) == {
        ("South East", "County"): ("South East", "County"),
        ("South East", "Unitary"): ("South East",),
        ("South East", "London"): ("South East",),
        ("North", "County"): ("North", "County"),
        ("West", "County"): (),
        ("East", "County"): (),
    }


def test_the_one_small_group_is_not_known_by_being_the_rest():
    found = safe_groups([("North",)] * 9 + [("South",)] * 6 + [("West",)] * 2, 5)
    assert found == {("North",): ("North",), ("South",): (), ("West",): ()}


def test_an_unknown_part_is_never_named():
    assert safe_groups([("", "County")] * 9, 5) == {("", "County"): ()}


@given(st.lists(st.tuples(st.sampled_from(["N", "S", "W", ""]), st.sampled_from(["a", "b", "c"])), max_size=60))
def test_whoever_knows_all_groups_is_left_with_enough_respondents(groups: list[tuple[str, str]]):
    safe = safe_groups(groups, 5)
    printed = Counter(safe[group] for group in groups)
    assert all(size >= 5 for size in printed.values()) or set(printed) == {()}
    assert all(group[: len(parts)] == parts for group, parts in safe.items())


@pytest.mark.parametrize(
    ("printed", "faithful"),
    [
        ("We lost two posts.", True),
        ("… lost two posts …", True),
        ("We lost [several] posts.", True),
        ("We lost two post", False),
        ("e lost two posts", False),
        ("[The team] lost two posts.", True),
        ("We lost two ... work more.", True),
        ("we lost two posts", False),
        ("work more … lost two posts", False),
        ("We lost three posts.", False),
        ("We  lost\ntwo posts.", True),
        ("Now we’d work more.", True),
        ("…", False),
        ("[all of it]", False),
        ("", False),
    ],
)
def test_a_quotation_is_word_for_word(printed: str, faithful: bool):
    assert is_faithful(printed, "We lost two posts. Now we'd work more.") is faithful


def test_what_may_identify_is_taken_out_by_kind():
    names = prepare([("DAT-1", "Ambridge Drug Action Team"), ("DAT-2", "Borchester Partnership")])
    words = "Ambridge lost two posts. Ask Dr Smith on 01632 960123."
    assert redacted(words, identifying(words, names)) == (
        "[organisation] lost two posts. Ask [person] on [telephone number]."
    )
    assert is_faithful(redacted(words, identifying(words, names)), words)


def test_an_attribution_says_who_and_where():
    of = frame(attribution={"who": "Police survey respondent", "by": ["region", "kind"]})
    label = {"region": "South East"}.get
    assert coding.attribution(of, ("se",), lambda name, code: label(name, code)) == (
        "Police survey respondent, South East"
    )
    assert coding.attribution(of, (), lambda name, code: code) == "Police survey respondent"
