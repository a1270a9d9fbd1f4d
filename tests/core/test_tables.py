"""Counts, bases, percentages, nets, order. Expected figures are worked out by hand."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surveyapp.analysis.dataset import Dataset
from surveyapp.analysis.tables import Table, rounded
from surveyapp.analysis.tabulation import Layout, tabulate
from tests.core.test_dataset import make_dataset
from tests.makers import make_instrument, make_question

SCALE = [{"code": c, "label": c.upper()} for c in ("up", "same", "down")]


def make_single(**counts: int) -> Dataset:
    """Responses to one single question with options up, same, down; `blank` left it blank."""
    instrument = make_instrument([make_question("single", "q", options=SCALE)])
    answers = [{"q": code} if code != "blank" else {} for code, n in counts.items() for _ in range(n)]
    return make_dataset(instrument, *answers)


def make_table(data: Dataset, variable: str = "q", **layout: object) -> Table:
    return tabulate(data, variable, "1", "A table", Layout(**layout))


def printed(table: Table) -> dict[str, list[str]]:
    return {row.code: [cell.printed for cell in row.cells] for row in table.rows}


@pytest.mark.parametrize(
    ("count", "base", "percent"),
    [
        (1, 8, 13),
        (1, 200, 1),
        (1, 201, 0),
        (3, 8, 38),
        (5, 8, 63),
        (61, 142, 43),
        (0, 5, 0),
        (5, 5, 100),
        (19, 62, 31),
    ],
)
def test_percentages_are_rounded_half_up(count: int, base: int, percent: int):
    assert rounded(count, base) == percent


@given(st.integers(1, 2000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_rounding_is_the_nearest_whole_number_and_halves_go_up(pair: tuple[int, int]):
    count, base = pair
    over = rounded(count, base) - Fraction(100 * count, base)
    assert Fraction(-1, 2) < over <= Fraction(1, 2)


def test_a_single_question_is_of_those_who_answered():
    table = make_table(make_single(up=3, same=4, down=1, blank=2))
    assert (table.base.name, table.base.n, table.base.no_reply) == ("answered", 8, 2)
    assert printed(table) == {"up": ["38"], "same": ["50"], "down": ["13"]}
    assert [row.cells[0].count for row in table.rows] == [3, 4, 1]
    assert table.rows[0].cells[0].percent == 37.5


def test_zero_is_zero_and_under_one_half_is_marked_low():
    assert printed(make_table(make_single(up=0, same=299, down=1))) == {
        "up": ["0"],
        "same": ["100"],
        "down": ["[low]"],
    }


def test_a_net_is_rounded_from_its_own_count():
    table = make_table(make_single(up=10, same=28, down=26), nets={"Change": ["up", "down"]})
    assert printed(table) == {"up": ["16"], "same": ["44"], "down": ["41"], "Change": ["56"]}


def test_the_convention_of_2012_adds_rounded_percentages():
    table = make_table(
        make_single(up=10, same=28, down=26), nets={"Change": ["up", "down"]}, show="nets", sum_of_rounded=True
    )
    assert printed(table) == {"Change": ["57"]}
    assert table.rows[0].cells[0].percent == 56.25
    assert table.nets[0].parts == ("UP", "DOWN")


def test_a_net_of_a_multiple_counts_respondents_not_ticks():
    instrument = make_instrument([make_question("multiple", "m")])
    data = make_dataset(instrument, {"m": ["a", "b"]}, {"m": ["a"]}, {"m": ["c"]}, {"m": ["b"]}, {})
    table = make_table(data, "m", nets={"A or B": ["a", "b"]})
    assert table.base.n == 4
    assert printed(table) == {"a": ["50"], "b": ["50"], "c": ["25"], "A or B": ["75"]}


def make_grid(*answers: dict) -> Dataset:
    rows = [{"code": c, "label": c} for c in ("x", "y", "z")]
    return make_dataset(make_instrument([make_question("grid", "g", rows=rows, scale=SCALE)]), *answers)


def test_every_row_of_a_grid_has_its_own_base():
    table = make_table(make_grid({"g.x": "up", "g.y": "up"}, {"g.x": "down"}), "g")
    assert [(row.code, row.base, row.no_reply) for row in table.rows] == [("x", 2, 0), ("y", 1, 1), ("z", 0, 2)]
    assert printed(table) == {"x": ["50", "0", "50"], "y": ["100", "0", "0"], "z": ["[x]", "[x]", "[x]"]}


def test_one_row_of_a_grid_is_a_table_of_its_own():
    table = make_table(make_grid({"g.x": "up"}, {"g.x": "down"}), "g.x")
    assert (table.kind, table.base.n, table.wording) == ("single", 2, "What about g? x")
    assert printed(table) == {"up": ["50"], "same": ["0"], "down": ["50"]}


def test_nets_of_a_grid_stand_in_columns_sorted_and_cut_at_a_threshold():
    answers = [
        {"g.x": "up", "g.y": "up", "g.z": "same"},
        {"g.x": "same", "g.y": "up"},
        {"g.x": "same"},
        {"g.x": "down"},
    ]
    nets = {"Change": ["up", "down"]}
    table = make_table(make_grid(*answers), "g", nets=nets, show="nets", sort="descending", at_least=50)
    assert [c.label for c in table.columns] == ["Change"]
    assert printed(table) == {"y": ["100"], "x": ["50"]}
    assert [row.code for row in table.rows] == ["y", "x"]


def test_equal_percentages_stand_by_count_then_in_questionnaire_order():
    """32 of 61 and 33 of 63 both print 52."""
    answers = [{"g.x": "up" if i < 32 else "same"} for i in range(61)]
    for i in range(63):
        row = {"g.y": "up" if i < 33 else "same", "g.z": "up" if i < 33 else "same"}
        answers.append(row)
    table = make_table(make_grid(*answers), "g", sort="descending")
    assert [(row.code, row.cells[0].shown) for row in table.rows] == [("y", 52), ("z", 52), ("x", 52)]


def test_rows_can_be_picked_and_ordered():
    assert list(printed(make_table(make_single(up=1, same=1, down=1), rows=["down", "up"]))) == ["down", "up"]


def test_nobody_asked_is_not_applicable():
    gated = make_question("single", "q2", show_if={"question": "q1", "is": "yes"})
    data = make_dataset(make_instrument([make_question(), gated]), {"q1": "no"})
    table = make_table(data, "q2")
    assert (table.base.n, table.base.not_asked) == (0, 1)
    assert printed(table) == {"yes": ["[z]"], "no": ["[z]"]}


def test_no_response_at_all_gives_a_table_that_says_so():
    assert printed(make_table(make_single())) == {"up": ["[z]"], "same": ["[z]"], "down": ["[z]"]}


def test_an_open_question_has_no_table():
    data = make_dataset(make_instrument([make_question("text", "t")]))
    with pytest.raises(TypeError, match="open question"):
        make_table(data, "t")


COUNTS = st.lists(st.integers(0, 40), min_size=3, max_size=3)


@given(COUNTS)
def test_parts_add_up_to_their_net_and_to_the_base(counts: list[int]):
    up, same, down = counts
    table = make_table(make_single(up=up, same=same, down=down), nets={"Change": ["up", "down"]})
    if sum(counts):
        cells = {row.code: row.cells[0].count for row in table.rows}
        assert cells["Change"] == up + down
        assert cells["up"] + cells["same"] + cells["down"] == table.base.n


@given(st.permutations(["up"] * 3 + ["down"] * 2 + ["blank"]))
def test_the_order_of_responses_changes_nothing(order: list[str]):
    instrument = make_instrument([make_question("single", "q", options=SCALE)])
    data = make_dataset(instrument, *({"q": code} if code != "blank" else {} for code in order))
    assert printed(make_table(data)) == {"up": ["60"], "same": ["0"], "down": ["40"]}
