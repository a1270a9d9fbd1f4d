"""Banners, filters, bases, scores, amounts, ranks, weights, margins. Expected figures are worked out by hand."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from surveyapp.analysis.banner import Population
from surveyapp.analysis.columns import read_part
from surveyapp.analysis.dataset import Dataset, assemble
from surveyapp.analysis.derived import Derived, with_derived
from surveyapp.analysis.estimation.weights import weigh
from surveyapp.analysis.tables import Table
from surveyapp.analysis.tabulation import Layout, Tabulator
from surveyapp.instrument import Instrument
from surveyapp.instrument.model import Condition
from tests.makers import make_instrument, make_question

SCALE = [{"code": c, "label": c.upper()} for c in ("up", "same", "down")]
ROWS = [{"code": "a", "label": "A"}, {"code": "b", "label": "B"}]
QUESTIONS = [
    make_question("single", "q", options=SCALE),
    make_question("multiple", "m"),
    make_question("grid", "g", rows=ROWS, scale=SCALE),
    make_question("number", "n"),
    make_question("number", "size", bands=[10, 100], unit="GBP"),
    make_question("allocation", "split", rows=ROWS),
    make_question("rank", "r", options=[{"code": c, "label": c.upper()} for c in ("x", "y", "z")], top=2),
    make_question("date", "d"),
]
INSTRUMENT: Instrument = make_instrument(QUESTIONS, disclosure={"carry": ["region"]})


def make_data(*rows: tuple[str, dict]) -> Dataset:
    """Each row is a region and its answers."""
    cells, answers = [region for region, _ in rows], [json.dumps(given) for _, given in rows]
    return assemble(INSTRUMENT, [read_part(INSTRUMENT, cells, answers)], ["region"])


def times(n: int, region: str, **answers: object) -> list[tuple[str, dict]]:
    return [(region, {key.replace("_", "."): value for key, value in answers.items()})] * n


def table(
    data: Dataset, variable: str, design: object = None, population: object = None, **layout: object
) -> Table:
    return Tabulator(data, design, population).table(variable, "1", "A table", Layout(**layout))


def shown(made: Table) -> dict[str, list[str]]:
    return {row.code: [cell.printed for cell in row.cells] for row in made.rows}


REGIONS = make_data(
    *times(3, "East", q="up"),
    *times(1, "East", q="same"),
    *times(1, "West", q="up"),
    *times(4, "West", q="down"),
    *times(2, "West"),
)


# ── banners and filters ──────────────────────────────────────────────────────


def test_a_banner_has_everybody_first_and_each_column_its_own_base():
    made = table(REGIONS, "q", by=[["unit.region"]])
    assert [(c.label, c.headings, c.letter, c.base.n, c.base.no_reply) for c in made.columns] == [
        ("All", (), "", 9, 2),
        ("East", ("Region",), "A", 4, 0),
        ("West", ("Region",), "B", 5, 2),
    ]
    assert shown(made) == {"up": ["44", "75", "20"], "same": ["11", "25", "0"], "down": ["44", "0", "80"]}


def test_groups_that_are_never_pooled_have_no_column_of_everybody():
    made = table(REGIONS, "q", by=[["unit.region"]], total=False, sort="descending")
    assert [(c.label, c.base.n) for c in made.columns] == [("East", 4), ("West", 5)]
    assert shown(made) == {"up": ["75", "20"], "same": ["25", "0"], "down": ["0", "80"]}
    assert (made.base.n, made.rows[0].base) == (4, 4)


def test_row_percentages_are_of_the_same_answers_in_all_columns():
    made = table(REGIONS, "q", by=[["unit.region"]], percent_of="row")
    assert shown(made) == {"up": ["100", "75", "25"], "same": ["100", "100", "0"], "down": ["100", "0", "100"]}


def test_total_percentages_are_of_everybody():
    made = table(REGIONS, "q", by=[["unit.region"]], percent_of="total")
    assert shown(made) == {"up": ["44", "33", "11"], "same": ["11", "11", "0"], "down": ["44", "0", "44"]}


def test_columns_may_be_nested_and_stand_beside_others():
    data = make_data(
        *times(1, "East", q="up", m=["a"]),
        *times(1, "East", q="down", m=["a", "b"]),
        *times(1, "West", q="up", m=["c"]),
    )
    made = table(data, "q", by=[["unit.region", "q"], ["m"]], show="codes")
    assert [(*c.headings, c.label) for c in made.columns[1:]] == [
        ("Region", "East", "UP"),
        ("Region", "East", "SAME"),
        ("Region", "East", "DOWN"),
        ("Region", "West", "UP"),
        ("Region", "West", "SAME"),
        ("Region", "West", "DOWN"),
        ("What about m?", "Option a"),
        ("What about m?", "Option b"),
        ("What about m?", "Option c"),
    ]
    assert [c.base.n for c in made.columns] == [3, 1, 0, 1, 1, 0, 0, 2, 1, 1]
    assert shown(made)["up"] == ["67", "100", "[z]", "0", "100", "[z]", "[z]", "50", "0", "100"]


def test_a_filter_and_its_complement_add_up():
    east = Condition.model_validate({"question": "unit.region", "is": "East"})
    rest = Condition.model_validate({"not": {"question": "unit.region", "is": "East"}})
    whole, inside, outside = (table(REGIONS, "q", where=c) for c in (None, east, rest))
    assert (inside.where, outside.where) == ("“Region” is East", "not (“Region” is East)")
    assert [row.cells[0].count for row in inside.rows] == [3, 1, 0]
    added = [a.cells[0].count + b.cells[0].count for a, b in zip(inside.rows, outside.rows, strict=True)]
    assert added == [row.cells[0].count for row in whole.rows]


def test_every_figure_says_whom_it_counts_and_the_data_agrees():
    data = make_data(
        *times(2, "East", q="up", m=["a", "b"]), *times(1, "West", q="same", m=["b"]), *times(1, "West", q="down")
    )
    for variable in ("q", "m"):
        nets = {"Net": ["up", "down"] if variable == "q" else ["a", "b"]}
        made = table(data, variable, by=[["unit.region"], ["m"]], nets=nets)
        for row in made.rows:
            for column, cell in zip(made.columns, row.cells, strict=True):
                if cell.count is not None:
                    assert int(data.members(cell.who).sum()) == cell.count
                assert int(data.members(column.base.who).sum()) == column.base.n


# ── bases ────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("base", "n", "up"),
    [
        ("answered", 9, "44"),
        ("asked", 11, "36"),
        ("responded", 11, "36"),
        ("issued", 20, "20"),
        ("frame", 25, "16"),
    ],
)
def test_the_five_bases(base: str, n: int, up: str):
    made = table(REGIONS, "q", population=Population(25, 20, {"East": 10, "West": 15}), base=base)
    assert (made.base.name, made.base.n) == (base, n)
    assert shown(made)["up"] == [up]


def test_the_frame_of_a_column_is_that_of_its_stratum():
    population = Population(25, 20, {"East": 10, "West": 15})
    made = table(REGIONS, "q", population=population, base="frame", by=[["unit.region"]])
    assert [c.base.n for c in made.columns] == [25, 10, 15]
    assert shown(made)["up"] == ["16", "30", "7"]
    made = table(REGIONS, "q", population=population, base="issued", by=[["unit.region"]])
    assert shown(made)["up"] == ["20", "[x]", "[x]"]


def test_a_code_left_out_of_the_base_counts_as_no_reply():
    made = table(REGIONS, "q", exclude=["same"])
    assert (made.base.n, made.base.no_reply) == (8, 3)
    assert shown(made) == {"up": ["50"], "down": ["50"]}


def test_answers_of_a_multiple_may_be_the_base():
    data = make_data(*times(3, "East", m=["a", "b"]), *times(2, "East", m=["b"]))
    made = table(data, "m", per="answers")
    assert (made.base.name, made.base.n) == ("answers", 8)
    assert shown(made) == {"a": ["38"], "b": ["63"], "c": ["0"]}


# ── sorting, cutting, turning ────────────────────────────────────────────────


def test_the_first_rows_are_kept_and_the_rest_put_together():
    made = table(REGIONS, "q", sort="descending", top=1, other="All else")
    assert shown(made) == {"up": ["44"], "All else": ["56"]}
    data = make_data(*times(3, "East", m=["a", "b"]), *times(2, "East", m=["c"]), *times(1, "East", m=["b", "c"]))
    assert shown(table(data, "m", sort="descending", top=1)) == {"b": ["67"], "Other": ["100"]}


def test_a_grid_may_be_turned():
    data = make_data(*times(2, "East", g_a="up", g_b="down"), *times(1, "East", g_a="same"))
    made = table(data, "g", transpose=True)
    assert [(c.code, c.base.n) for c in made.columns] == [("a", 3), ("b", 2)]
    assert shown(made) == {"up": ["67", "0"], "same": ["33", "0"], "down": ["0", "100"]}


def test_a_grid_with_a_banner_shows_its_net():
    data = make_data(*times(2, "East", g_a="up", g_b="down"), *times(2, "West", g_a="same", g_b="up"))
    made = table(data, "g", by=[["unit.region"]], nets={"Change": ["up", "down"]}, show="nets")
    assert shown(made) == {"a": ["50", "100", "0"], "b": ["100", "100", "100"]}


# ── scores, amounts, ranks ───────────────────────────────────────────────────


def test_a_mean_of_scores_leaves_out_what_has_none():
    made = table(REGIONS, "q", score={"up": 1, "down": -1}, by=[["unit.region"]])
    mean = made.rows[-1]
    assert (mean.code, mean.measure) == ("mean", "mean")
    assert [(cell.count, cell.value) for cell in mean.cells] == [(8, 0.0), (3, 1.0), (5, -0.6)]
    data = make_data(*times(1, "East", g_a="up"), *times(3, "East", g_a="down"))
    made = table(data, "g", score={"up": 1, "same": 0, "down": -1})
    assert made.columns[-1].label == "Mean score"
    assert made.rows[0].cells[-1].printed == "-0.50"
    assert made.rows[1].cells[-1].printed == "[x]"


def test_a_number_has_mean_quartiles_and_total():
    data = make_data(*(("East", {"n": str(n)}) for n in (1, 2, 3, 10)), ("West", {"n": "40"}), ("West", {}))
    made = table(data, "n", by=[["unit.region"]])
    assert shown(made) == {
        "n": ["5", "4", "1"],
        "mean": ["11.2", "4.0", "40.0"],
        "lower": ["2.0", "1.5", "40.0"],
        "median": ["3.0", "2.5", "40.0"],
        "upper": ["10.0", "6.5", "40.0"],
        "total": ["56", "16", "40"],
    }
    assert made.rows[0].cells[0].amounts.first == 40


def test_a_number_may_be_cut_into_bands():
    data = make_data(*(("East", {"n": n}) for n in ("1", "5", "9.5", "20")), ("East", {}))
    made = table(data, "n", bands=[5, 10])
    assert {row.label: row.cells[0].printed for row in made.rows} == {
        "Under 5": "25",
        "5 to under 10": "50",
        "10 or more": "25",
    }


def test_a_number_released_in_bands_is_tabulated_by_them():
    data = make_data(
        ("East", {"size": "under"}), ("East", {"size": "10"}), ("East", {"size": "100"}), ("East", {})
    )
    made = table(data, "size")
    assert [(row.label, row.cells[0].count) for row in made.rows] == [
        ("Under £10", 1),
        ("£10 to under £100", 1),
        ("£100 or more", 1),
    ]


def test_an_allocation_has_mean_shares():
    data = make_data(*times(1, "East", split_a="30", split_b="70"), *times(1, "West", split_a="50", split_b="50"))
    assert shown(table(data, "split", by=[["unit.region"]])) == {
        "a": ["40.0", "30.0", "50.0"],
        "b": ["60.0", "70.0", "50.0"],
    }


def test_a_rank_has_first_places_and_mean_places():
    data = make_data(*times(2, "East", r=["x", "y"]), *times(1, "East", r=["y", "x"]), *times(1, "East", r=["x"]))
    made = table(data, "r")
    assert [c.label for c in made.columns] == ["Ranked first", "Given a place", "Mean place of those given one"]
    assert shown(made) == {"x": ["75", "100", "1.25"], "y": ["25", "75", "1.67"], "z": ["0", "0", "[x]"]}


def test_a_date_is_counted_by_year():
    data = make_data(("East", {"d": "2011-04-01"}), ("East", {"d": "2012-01-31"}), ("East", {"d": "2012-12-31"}))
    assert shown(table(data, "d")) == {"2011": ["33"], "2012": ["67"]}


# ── derived variables ────────────────────────────────────────────────────────


def derived(data: Dataset, **declared: object) -> Dataset:
    return with_derived(data, [Derived.model_validate({"id": "x", "label": "X"} | declared)])


def test_variables_can_be_made_of_others():
    into = [{"code": "change", "label": "Change", "of": ["up", "down"]}]
    recoded = derived(REGIONS, recode="q", into=into)
    assert shown(table(recoded, "x")) == {"change": ["100"]}
    assert table(recoded, "x").base.n == 8
    assert shown(table(derived(REGIONS, top="q", most=2), "x")) == {"1": ["56"], "0": ["44"]}
    when = {"all": [{"question": "q", "in": ["up", "same"]}, {"question": "unit.region", "is": "East"}]}
    assert shown(table(derived(REGIONS, when=when), "x")) == {"1": ["36"], "0": ["64"]}


def test_counts_and_scores_of_several_variables():
    data = make_data(*times(1, "East", g_a="up", g_b="up"), *times(1, "East", g_a="down"), *times(1, "East"))
    counted = derived(data, count=["g.a", "g.b"], of=["up"])
    assert counted.amounts["x"].tolist() == pytest.approx([2, 0, np.nan], nan_ok=True)
    scored = derived(data, score=["g.a", "g.b"], values={"up": 1, "down": -1})
    assert scored.amounts["x"].tolist() == pytest.approx([1, -1, np.nan], nan_ok=True)
    banded = derived(make_data(("East", {"n": "3"}), ("East", {"n": "7"})), band="n", at=[5])
    assert shown(table(banded, "x")) == {"under": ["50"], "5": ["50"]}


# ── weights and margins ──────────────────────────────────────────────────────

CELLS = {"East": 8, "West": 32}


def design(data: Dataset, method: str = "none") -> object:
    cells = [data.cells[i] for i in data.cell]
    return weigh(cells, CELLS, ["region"], method, ["region"] if method != "none" else [])


WEIGHTED = make_data(
    *times(6, "East", q="up"), *times(2, "East", q="down"), *times(4, "West", q="up"), *times(12, "West", q="down")
)


def test_weighted_percentages_stand_beside_unweighted_counts_and_both_bases():
    made = table(WEIGHTED, "q", design(WEIGHTED, "stratify"), Population(40, 40, CELLS), by=[["unit.region"]])
    assert made.weighting == "stratify"
    # East counts 8/40, West 32/40: 0.2 × 75% + 0.8 × 25% = 35%
    assert made.rows[0].cells[0].percent == pytest.approx(35)
    assert [cell.count for cell in made.rows[0].cells] == [10, 6, 4]
    assert [c.base.n for c in made.columns] == [24, 8, 16]
    assert [round(c.base.weighted_n, 6) for c in made.columns] == [24, 4.8, 19.2]


def test_a_census_of_a_stratum_has_no_error():
    made = table(
        WEIGHTED, "q", design(WEIGHTED, "stratify"), Population(40, 40, CELLS), by=[["unit.region"]], margins=True
    )
    east, west = made.rows[0].cells[1:]
    assert (east.se, east.low, east.high) == (0, 75, 75)
    assert west.low < 25 < west.high
    assert (made.interval, made.level) == ("confidence", 0.95)


def test_margins_know_that_the_population_is_small():
    data = make_data(*times(31, "East", q="up"), *times(30, "West", q="down"))
    made = Tabulator(
        data, weigh([data.cells[i] for i in data.cell], {"East": 71, "West": 71}), Population(142)
    ).table("q", "1", "t", Layout(margins=True))
    cell = made.rows[0].cells[0]
    assert (round(cell.low), round(cell.high)) == (41, 61)


def test_bounds_assume_nothing_of_those_who_are_silent():
    data = make_data(*times(29, "East", q="up"), *times(32, "West", q="down"))
    cell = table(data, "q", None, Population(142, 142, {}), bounds=True).rows[0].cells[0]
    assert (cell.printed, round(cell.low), round(cell.high)) == ("48", 20, 77)


def test_letters_name_the_columns_that_a_figure_is_above():
    data = make_data(
        *times(30, "East", q="up"),
        *times(10, "East", q="down"),
        *times(10, "West", q="up"),
        *times(30, "West", q="down"),
    )
    made = table(data, "q", design(data), Population(40, 40, CELLS), by=[["unit.region"]], tests=True)
    assert [cell.letters for cell in made.rows[0].cells] == ["", "B", ""]
    assert [cell.letters for cell in made.rows[2].cells] == ["", "", "A"]
    assert made.tests[0].startswith("Region: F(1.00, 79.0) = 19.75")


def test_columns_that_share_respondents_are_compared_too():
    data = make_data(
        *times(30, "East", q="up", m=["a", "b"]),
        *times(30, "East", q="down", m=["b"]),
        *times(5, "East", q="up", m=["a"]),
    )
    made = table(data, "q", weigh(["East"] * 65, {"East": 200}), Population(200), by=[["m"]], tests=True)
    assert [cell.letters for cell in made.rows[0].cells] == ["", "B", "", ""]


# ── properties ───────────────────────────────────────────────────────────────

REPLIES = st.lists(
    st.tuples(st.sampled_from(["East", "West"]), st.sampled_from(["up", "same", "down", ""])),
    min_size=1,
    max_size=60,
)


def data_of(replies: list[tuple[str, str]]) -> Dataset:
    return make_data(*((region, {"q": code} if code else {}) for region, code in replies))


def figures(made: Table) -> list[list[object]]:
    return [[(c.count, c.percent, c.mark, c.low, c.high) for c in row.cells] for row in made.rows]


@given(REPLIES, st.randoms())
@settings(deadline=None, max_examples=30)
def test_the_order_of_responses_changes_nothing(replies: list, random: object):
    layout = {"by": [["unit.region"]], "margins": True}
    mixed = list(replies)
    random.shuffle(mixed)
    one, other = data_of(replies), data_of(mixed)
    population = {"East": 60, "West": 60}
    made = [
        table(d, "q", weigh([d.cells[i] for i in d.cell], population), Population(120, 120, population), **layout)
        for d in (one, other)
    ]
    assert figures(made[0]) == figures(made[1])


@given(REPLIES)
@settings(deadline=None, max_examples=30)
def test_parts_sum_to_their_net_and_columns_to_everybody(replies: list):
    made = table(data_of(replies), "q", by=[["unit.region"]], nets={"Any": ["up", "same", "down"]})
    *codes, net = [[cell.count or 0 for cell in row.cells] for row in made.rows]
    assert [sum(column) for column in zip(*codes, strict=True)] == net
    for counts in codes:
        assert sum(counts[1:]) == counts[0]


@given(REPLIES)
@settings(deadline=None, max_examples=30)
def test_equal_weights_change_nothing(replies: list):
    data = data_of(replies)
    equal = weigh([data.cells[i] for i in data.cell], {"East": 60, "West": 60})
    assert figures(table(data, "q")) == figures(table(data, "q", equal))


@pytest.mark.parametrize("variable", ["q", "m", "g", "n", "size", "split", "r", "d"])
@pytest.mark.parametrize("answers", [[], [{}], [{"q": "up", "m": ["a"], "g.a": "up", "n": "1", "r": ["x"]}]])
def test_nobody_one_or_only_silence_makes_a_table_that_says_so(variable: str, answers: list):
    data = make_data(*(("East", given_) for given_ in answers))
    cells = [data.cells[i] for i in data.cell]
    made = table(
        data,
        variable,
        weigh(cells, CELLS),
        Population(40, 40, CELLS),
        margins=True,
        by=[["unit.region"]] if variable != "g" else [],
    )
    for row in made.rows:
        for cell in row.cells:
            numbers = [cell.percent, cell.value, cell.se, cell.low, cell.high]
            assert all(number is None or np.isfinite(number) for number in numbers), row.code
            assert cell.printed not in {"None", "nan"}
