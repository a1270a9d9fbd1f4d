"""What must not be printed: the rules one by one, on tables worked out by hand."""

from dataclasses import replace

import pytest

from surveyapp.analysis.dataset import Dataset
from surveyapp.analysis.derived import Derived, with_derived
from surveyapp.analysis.disclosure.equivalences import equivalences
from surveyapp.analysis.disclosure.protection import Policy, ProtectedTable, attack, protect
from surveyapp.analysis.tables import NO_ANSWER, UNASKED, Table
from surveyapp.analysis.tabulation import Layout, Tabulator
from tests.core.disclosing import bases, hidden, make_amounts, make_crossed, make_one_way, printed, rules, who
from tests.core.test_dataset import make_dataset
from tests.core.test_tables import make_grid, make_single
from tests.core.test_tables import make_table as make_counted
from tests.makers import make_instrument, make_question

SENSITIVE = Policy(sensitive=frozenset({"q"}))

CLASSIC = {"yes": (20, 50, 2), "no": (8, 19, 22), "maybe": (17, 32, 12)}
"""A 3 × 3 table with one figure that is too small."""


# ── one-way tables ───────────────────────────────────────────────────────────


def test_a_base_under_the_minimum_is_hidden_whole():
    release = protect([make_counted(make_single(up=4, same=5))])
    assert printed(release) == {"up": ["[c]"], "same": ["[c]"], "down": ["[c]"]}
    cells = [cell for row in release.tables[0].table.rows for cell in row.cells]
    assert all(cell.count is cell.percent is cell.shown is None for cell in cells)
    assert rules(release) == {"base"}


def test_a_base_at_the_minimum_is_printed_with_its_small_figures_and_noughts():
    release = protect([make_counted(make_single(up=9, same=1))])
    assert printed(release) == {"up": ["9"], "same": ["1"], "down": ["0"]}
    assert release.decisions == ()


def test_the_instrument_says_how_small_is_too_small():
    table = make_one_way(yes=12, no=12)
    assert printed(protect([table], Policy(minimum_base=25))) == {"yes": ["[c]"], "no": ["[c]"]}


def test_only_the_small_row_of_a_grid_is_hidden():
    answers = [{"g.x": "up"} for _ in range(10)] + [{"g.y": "up"}]
    rows = printed(protect([make_counted(make_grid(*answers), "g")]))
    assert rows == {"x": ["10", "0", "0"], "y": ["[c]", "[c]", "[c]"], "z": ["[x]", "[x]", "[x]"]}


# ── columns of a breakdown ───────────────────────────────────────────────────


def test_a_small_group_is_hidden_with_its_base_and_another_that_would_give_it_away():
    table = make_crossed({"yes": (20, 15, 4), "no": (20, 15, 3)})
    release = protect([table])
    assert printed(release) == {"yes": ["39", "20", "[c]", "[c]"], "no": ["38", "20", "[c]", "[c]"]}
    assert bases(release) == ["77", "40", "[c]", "[c]"]
    assert rules(release) >= {"group", "linked group"}


def test_nothing_else_is_hidden_for_a_small_group_if_nobody_knows_how_many_are_elsewhere():
    table = make_crossed({"yes": (20, 15, 4), "no": (20, 15, 3)}, elsewhere=(6, 7))
    release = protect([table])
    assert printed(release) == {"yes": ["45", "20", "15", "[c]"], "no": ["45", "20", "15", "[c]"]}


def test_groups_of_5_to_9_are_printed_where_confidentiality_was_not_promised():
    table = make_crossed({"yes": (20, 15, 4), "no": (20, 15, 3)})
    release = protect([table], Policy(confidential=False))
    assert printed(release) == {"yes": ["39", "20", "15", "4"], "no": ["38", "20", "15", "3"]}


def test_groups_under_5_are_hidden_whatever_was_promised():
    table = make_crossed({"yes": (20, 15, 4), "no": (20, 15, 0)})
    assert bases(protect([table], Policy(confidential=False)))[-1] == "[c]"


def test_a_base_under_30_is_marked_unreliable():
    release = protect([make_crossed({"yes": (20, 15, 30), "no": (20, 14, 10)})])
    assert [column.flag for column in release.tables[0].table.columns] == ["", "", "[u]", ""]
    assert rules(release) == {"unreliable"}


def test_the_record_says_which_groups_to_merge():
    release = protect([make_crossed({"yes": (20, 15, 3, 4), "no": (20, 15, 3, 3)}, tuple("wxyz"))])
    proposed = [str(d.words) for d in release.decisions if d.rule == "merge groups"]
    assert proposed == ["Count Y, Z as one group, and it can be printed."]


def test_a_small_group_alone_is_to_be_merged_with_the_next():
    release = protect([make_crossed({"yes": (20, 15, 3), "no": (20, 15, 3)})])
    proposed = [str(d.words) for d in release.decisions if d.rule == "merge groups"]
    assert proposed == ["Count South, East as one group, and it can be printed."]


def test_letters_name_no_hidden_column():
    table = make_crossed({"yes": (30, 15, 4), "no": (20, 15, 4)})
    row = table.rows[0]
    row = replace(row, cells=(row.cells[0], replace(row.cells[1], letters="B C"), *row.cells[2:]))
    release = protect([replace(table, rows=(row, *table.rows[1:]))], Policy(smallest_group=5))
    assert release.tables[0].table.rows[0].cells[1].letters == ""


# ── figures of a breakdown ───────────────────────────────────────────────────


def test_the_classic_table_hides_the_rectangle_that_costs_least():
    release = protect([make_crossed(CLASSIC)])
    assert printed(release) == {
        "yes": ["72", "[c]", "50", "[c]"],
        "no": ["49", "8", "19", "22"],
        "maybe": ["61", "[c]", "32", "[c]"],
    }
    assert bases(release) == ["182", "45", "101", "36"]


def test_percentages_and_all_that_is_said_of_a_figure_go_with_it():
    table = make_crossed(CLASSIC)
    rows = [
        replace(row, cells=tuple(replace(c, se=2.0, low=1.0, high=9.0) for c in row.cells)) for row in table.rows
    ]
    release = protect([replace(table, rows=tuple(rows))])
    gone = release.tables[0].table.rows[0].cells[3]
    assert gone.mark == gone.printed == "[c]"
    assert gone.percent is gone.shown is gone.se is gone.low is gone.high is gone.value is gone.amounts is None


def test_noughts_of_a_breakdown_are_printed():
    release = protect([make_crossed({"yes": (30, 0, 30), "no": (10, 30, 10)})])
    assert printed(release) == {"yes": ["60", "30", "0", "30"], "no": ["50", "10", "30", "10"]}


def test_figures_of_3_or_more_are_printed_unless_the_question_is_sensitive():
    table = make_crossed({"yes": (30, 3, 30), "no": (10, 30, 10)})
    assert printed(protect([table]))["yes"] == ["63", "30", "3", "30"]
    assert printed(protect([table], SENSITIVE))["yes"][2] == "[c]"


def test_everybody_of_a_group_saying_the_same_is_flagged_where_the_question_is_sensitive():
    table = make_crossed({"yes": (30, 12, 30), "no": (10, 0, 10)})
    flagged = [d.cells for d in protect([table], SENSITIVE).decisions if d.rule == "same answer"]
    assert flagged == [(("yes", "south"), ("no", "south"))]
    assert "same answer" not in rules(protect([table]))


def test_a_table_that_loses_too_much_says_so():
    small = make_crossed(dict.fromkeys("abcdefghijkl", (1, 2, 1, 1)), tuple("wxyz"))
    assert "merge" in rules(protect([small]))
    assert "merge" not in rules(protect([make_crossed({"a": (30, 30), "b": (30, 30)}, ("w", "x"))]))


def test_a_filter_makes_a_breakdown_of_a_one_way_table():
    table = make_one_way(where=who(region="north"), yes=2, no=20, maybe=9, never=30)
    assert printed(protect([table])) == {"yes": ["[c]"], "no": ["20"], "maybe": ["[c]"], "never": ["30"]}


def test_a_figure_is_hidden_in_every_table_that_prints_it():
    filtered = make_one_way("r", where=who(q="yes"), a=3, b=40, c=29)
    crossed = make_crossed({"yes": (3, 40, 29), "no": (30, 30, 30)}, ("a", "b", "c"), "q", "r", id="2")
    small = make_crossed({"yes": (2, 40, 30), "no": (30, 30, 30)}, ("a", "b", "c"), "q", "r", id="2")
    assert printed(protect([filtered, crossed])) == {"a": ["3"], "b": ["40"], "c": ["29"]}
    release = protect([make_one_way("r", where=who(q="yes"), a=2, b=40, c=30), small])
    assert printed(release, 0)["a"] == ["[c]"]
    assert printed(release, 1)["yes"][1] == "[c]"


def test_a_second_table_cannot_give_back_what_the_first_hides():
    """With the answers of north printed in a table of their own, north must be hidden there too."""
    crossed, alone = make_crossed(CLASSIC), make_one_way(where=who(region="north"), yes=20, no=8, maybe=17)
    release = protect([crossed, alone])
    assert printed(release, 1) == {"yes": ["[c]"], "no": ["8"], "maybe": ["[c]"]}


def test_a_net_over_hidden_figures_does_not_give_them_back():
    table = make_crossed({"yes": (20, 50, 2), "no": (8, 19, 22), "maybe": (17, 32, 12)})
    merged = make_crossed({"yes_or_maybe": (37, 82, 14), "no": (8, 19, 22)}, id="net")
    codes = {"yes_or_maybe": "yes,maybe", "no": "no"}
    rows = []
    for row in merged.rows:
        cells = []
        for cell, column in zip(row.cells, merged.columns, strict=True):
            cells.append(replace(cell, who=column.who | who(q=codes[row.code])))
        rows.append(replace(row, cells=tuple(cells), who=who(q="yes,no,maybe")))
    columns = tuple(
        replace(c, base=replace(c.base, who=c.who | who(q="yes,no,maybe"))) for c in merged.columns if c.base
    )
    release = protect([table, replace(merged, rows=tuple(rows), columns=columns)])
    assert printed(release, 0)["yes"] == ["72", "[c]", "50", "[c]"]
    assert printed(release, 1) == {"yes_or_maybe": ["133", "37", "82", "14"], "no": ["49", "8", "19", "22"]}


def test_what_was_published_before_stays_and_others_are_hidden_for_it():
    table = make_crossed(CLASSIC)
    known = {who(q="maybe", region="north"): 17, who(q="yes", region="north"): 20}
    rows = printed(protect([table], published=known))
    assert rows["yes"] == ["72", "20", "[c]", "[c]"]
    assert rows["maybe"][1] == "17"


# ── means and amounts ────────────────────────────────────────────────────────

MANY = [10.0, 9, 8, 7, 6, 5, 4, 3, 2, 1, 9, 8]


def test_an_amount_that_one_group_dominates_is_hidden_and_another_for_it():
    table = make_amounts({"a": [1000.0, 40, *[1.0] * 10], "b": MANY, "c": [*MANY, 5.0]}, ["n", "mean"])
    rows = {row.code: [cell.printed for cell in row.cells] for row in protect([table]).tables[0].table.rows}
    assert rows["mean"][1:] == ["[c]", "[c]", "5.9"]
    assert rows["n"][1:] == ["12.0", "12.0", "13.0"]


def test_quartiles_need_ten_amounts_and_the_largest_is_never_printed():
    table = make_amounts({"a": [5.0] * 9, "b": MANY}, ["median", "max"])
    release = protect([table], Policy(confidential=False))
    rows = {row.code: [cell.printed for cell in row.cells] for row in release.tables[0].table.rows}
    assert rows["median"][1] == "[c]"
    assert rows["max"] == ["[c]", "[c]", "[c]"]
    assert {"quantile", "extreme"} <= rules(release)


def test_a_mean_goes_with_a_hidden_figure_that_it_could_give_back():
    table = make_crossed(CLASSIC)
    mean = replace(
        table.rows[0],
        code="mean",
        measure="mean",
        cells=tuple(
            replace(cell, percent=None, shown=None, mark="", value=2.5, who=column.who | who(q="yes,no,maybe"))
            for cell, column in zip(table.rows[0].cells, table.columns, strict=True)
        ),
    )
    table = replace(table, rows=(*table.rows, mean))
    cells = protect([table]).tables[0].table.rows[-1].cells
    assert [cell.printed for cell in cells] == ["2.5", "[c]", "2.5", "[c]"]


# ── the policy for persons ───────────────────────────────────────────────────


def test_persons_1_to_7_are_hidden_and_the_rest_rounded_to_5():
    release = protect([make_one_way(a=7, b=8, c=12, d=13, e=0)], Policy("persons"))
    assert printed(release) == {"a": ["[c]"], "b": ["10"], "c": ["10"], "d": ["15"], "e": ["0"]}


def test_percentages_of_persons_are_of_rounded_numbers():
    release = protect([make_one_way(a=31, b=72)], Policy("persons"))
    table = release.tables[0].table
    assert [(row.base, row.cells[0].shown) for row in table.rows] == [(105, 29), (105, 67)]


def test_row_percentages_of_persons_are_of_the_row():
    instrument = make_instrument([make_question("single", "q"), make_question("single", "kind")])
    answers = (
        [{"q": "yes", "kind": "yes"}] * 40 + [{"q": "yes", "kind": "no"}] * 20 + [{"q": "no", "kind": "no"}] * 30
    )
    data = make_dataset(instrument, *answers)
    made = Tabulator(data).table("q", "1", "t", Layout(by=[["kind"]], percent_of="row"))
    table = protect([made], Policy("persons"), data).tables[0].table
    shown = {row.code: [cell.shown for cell in row.cells] for row in table.rows}
    assert shown["yes"] == [100, 67, 33]
    assert shown["no"] == [100, 0, 100]


# ── the record ───────────────────────────────────────────────────────────────


def test_a_hidden_figure_can_say_why_without_its_number():
    release = protect([make_crossed(CLASSIC)])
    assert release.why("q_by_region", "yes", "east") == "This figure stands for fewer than 3 answers."
    assert "could be worked out" in release.why("q_by_region", "maybe", "north")
    assert release.why("q_by_region", "no", "north") == ""


def test_a_protected_table_comes_from_protect_alone():
    table = make_one_way(yes=12, no=12)
    with pytest.raises(TypeError):
        ProtectedTable(table, ())
    with pytest.raises(TypeError, match="protected by `protect`"):
        ProtectedTable(table, (), object())
    made = protect([table]).tables[0]
    with pytest.raises((TypeError, ValueError)):
        replace(made, table=table)


# ── tables as they are made ──────────────────────────────────────────────────

REGIONS = [{"code": code, "label": code.title()} for code in ("north", "south", "east")]
PARTS = [{"code": code, "label": code.title()} for code in ("a", "b", "c")]


def make_release(layout: dict, *tables: str, blank: int = 0) -> list[Table]:
    """Tables of 120 answers: 60 of north, 40 of south, 20 of east; of east 2 chose a."""
    instrument = make_instrument(
        [
            make_question("single", "region", options=REGIONS),
            make_question("single", "q", options=PARTS),
            make_question("multiple", "m", options=PARTS),
        ]
    )
    answers = [{"region": "north", "q": "abc"[i % 3], "m": ["a", "b"][: 1 + i % 2]} for i in range(60)]
    answers += [{"region": "south", "q": "abc"[i % 3], "m": ["b", "c"]} for i in range(40)]
    answers += [{"region": "east", "q": "a" if i < 2 else "bc"[i % 2], "m": ["c"]} for i in range(20)]
    data = make_dataset(instrument, *answers, *({"region": "east"} for _ in range(blank)))
    return [make_counted(data, name, **layout) for name in tables]


def test_a_table_of_the_data_is_protected_like_one_written_out():
    (table,) = make_release({"by": [["region"]]}, "q")
    assert printed(protect([table]))["a"][0] == "36"
    assert printed(protect([table]))["a"][3] == "[c]"
    assert [rows.count("[c]") for rows in printed(protect([table])).values()].count(2) == 2


def test_options_of_a_multiple_are_no_parts_of_their_base():
    """Nobody knows how many ticks there are, so a small one is protected by another group and not by an option."""
    tables = make_release({"by": [["region"]], "nets": {"Any": ["a", "c"]}}, "m")
    assert printed(protect(tables))["b"] == ["70", "30", "40", "0"]


# ── what readers know of recodes and routing ─────────────────────────────────

INTO = [
    {"code": "coast", "label": "Coast", "of": ["east", "south"]},
    {"code": "inland", "label": "Inland", "of": ["north"]},
]
COAST = [Derived.model_validate({"id": "place", "label": "Place", "recode": "region", "into": INTO})]


def make_routed(blank: int) -> Dataset:
    """160 answers; who said yes to kind is asked q. In the south 2 said no; `blank` a region left q blank."""
    instrument = make_instrument(
        [
            make_question("single", "region", options=REGIONS),
            make_question("single", "kind"),
            make_question("single", "q", options=PARTS, show_if={"question": "kind", "is": "yes"}),
        ]
    )
    answers = []
    for region, yes, no in (("north", 40, 20), ("south", 38, 2), ("east", 30, 30)):
        answers += [{"region": region, "kind": "yes", "q": "abc"[i % 3]} for i in range(yes - blank)]
        answers += [{"region": region, "kind": "yes"}] * blank + [{"region": region, "kind": "no"}] * no
    return with_derived(make_dataset(instrument, *answers), COAST)


def test_who_was_not_asked_does_not_give_back_a_hidden_answer():
    data = make_routed(blank=5)
    tables = [make_counted(data, name, by=[["region"]]) for name in ("kind", "q")]
    same = equivalences(COAST, data)
    release = protect(tables, members=data, same=same)
    south = release.tables[1].table.columns[2].base
    assert printed(release)["no"][2] == "[c]"
    assert (south.n, south.no_reply, south.not_asked, south.missing_mark) == (33, 0, 0, "[c]")
    assert attack(tables, hidden(release), same=same) == {}


def test_without_routing_the_same_release_gives_it_back():
    data = make_routed(blank=5)
    tables = [make_counted(data, name, by=[["region"]]) for name in ("kind", "q")]
    small = who(kind="no", region="south")
    found = attack(tables, hidden(protect(tables)), same=equivalences(COAST, data))
    assert found[small] == (2, 2)


def test_a_recode_does_not_give_back_what_its_parts_hide():
    data = make_routed(blank=0)
    tables = [make_counted(data, "kind", by=[["region"]]), make_counted(data, "kind", by=[["place"]])]
    same = equivalences(COAST, data)
    assert attack(tables, hidden(protect(tables, same=same)), same=same) == {}
    assert attack(tables, hidden(protect(tables)), same=same) != {}


def test_answers_that_say_the_same_are_those_of_recodes_and_of_routing():
    same = equivalences(COAST, make_routed(blank=0))
    assert same["place", "coast"] == ("region", frozenset({"east", "south"}))
    assert same["q", UNASKED] == ("kind", frozenset({"no", NO_ANSWER, UNASKED}))
