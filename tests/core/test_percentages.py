"""Printed percentages: which bases give them, and which cells cannot be as printed."""

import json
from contextlib import suppress
from itertools import product
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from surveyapp.analysis.printed.percentages import Change, Repair, as_json, audit, describe, summarise
from surveyapp.analysis.printed.published import Cell, Printed, Published, read_published
from surveyapp.problems import Refused

DAT_2012 = Path(__file__).parents[2] / "surveyapp/demonstration/figures/dat-2012.json"


def make_printed(*percents, kind="single", question="q", row=""):
    cells = tuple(Cell("abcdefghijklmnopqrst"[i], percent) for i, percent in enumerate(percents))
    return Printed(question, row, kind, cells)


def make_published(*rows, largest=None):
    return Published("report.json", rows, largest)


def verdict_on(*percents, kind="single", largest=65):
    return audit(make_published(make_printed(*percents, kind=kind)), largest)[0]


def make_json(*tables, **keys):
    return json.dumps({"tables": tables, **keys}, indent=1).encode()


def make_table(**keys):
    return {"id": "q", "kind": "single", "options": [{"code": "yes", "published": 100}], **keys}


def problems_in(content, name="report.csv"):
    """Each problem as (place, line, what)."""
    content = content.encode() if isinstance(content, str) else content
    with pytest.raises(Refused) as refused:
        read_published(content, name)
    assert refused.value.subject == name
    return [(problem.at, problem.line, problem.what) for problem in refused.value.problems]


def rounded(count, base):
    return (200 * count + base) // (2 * base)


def splits(base, parts):
    """Every way to divide `base` people between `parts` answers."""
    if parts == 1:
        return [(base,)]
    return [(first, *rest) for first in range(base + 1) for rest in splits(base - first, parts - 1)]


def every_print(kind, base, parts):
    """Every row of percentages that counts out of `base` can give."""
    every = product(range(base + 1), repeat=parts) if kind == "multiple" else splits(base, parts)
    return {tuple(rounded(count, base) for count in counts) for counts in every}


# ── the report of 2012 ───────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def report():
    return audit(read_published(DAT_2012.read_bytes(), DAT_2012.name))


def test_in_the_2012_report_195_of_197_printed_percentages_are_possible(report):
    expected = "195 of 197 printed percentages are possible on bases up to 65; 2 cannot be as printed"
    assert summarise(report) == expected


def test_in_the_2012_report_two_cells_are_named(report):
    named = [(v.question, v.row, v.impossible) for v in report if not v.possible]
    assert named == [
        ("changes_observed", "", (Change("drugs_down", 12, 13),)),
        ("decision_making", "involvement", (Change("little", 31, 30),)),
    ]


def test_in_the_2012_report_what_else_could_be_wrong_is_listed(report):
    changes, involvement = (v for v in report if not v.possible)
    assert changes.alternatives == (Repair(63, (Change("drugs_down", 12, 11),)),)
    assert involvement.alternatives == (Repair(64, (Change("lot", 70, 69),)),)


def test_the_bases_that_others_worked_out_are_not_looked_at(report):
    tables = json.loads(DAT_2012.read_bytes())
    for table in tables["tables"]:
        for part in [table, *table.get("options", []), *table.get("rows", [])]:
            for key in ("base", "count", "counts", "note", "topic"):
                part.pop(key, None)
    assert audit(read_published(json.dumps(tables).encode(), "bare.json")) == report


def test_where_200_people_could_have_answered_70_31_0_is_possible():
    assert verdict_on(70, 31, 0, largest=199).bases == ()
    assert verdict_on(70, 31, 0, largest=450).bases == (200, 400)


# ── possible bases ───────────────────────────────────────────────────────────


def test_thirds_are_possible_on_three_people_but_not_on_four():
    assert verdict_on(33, 33, 33, largest=7).bases == (3, 6)


def test_a_single_question_needs_counts_that_add_up_to_the_base():
    assert verdict_on(50, 50, 50, largest=10).bases == ()
    assert verdict_on(50, 50, 50, kind="multiple", largest=10).bases == (2, 4, 6, 8, 10)


def test_halves_round_up():
    assert verdict_on(13, 88, largest=8).bases == (8,)
    assert verdict_on(12, 88, largest=8).bases == ()


def test_a_row_that_misses_100_is_explained_by_rounding_or_not():
    assert verdict_on(33, 33, 33).explained is True
    assert verdict_on(70, 31, 0).explained is False
    assert verdict_on(50, 50).explained is None
    assert verdict_on(33, 33, 33, kind="multiple").explained is None


kinds = st.sampled_from(["single", "multiple", "grid"])


@given(kind=kinds, base=st.integers(1, 300), chances=st.lists(st.integers(0, 10**6), min_size=1, max_size=8))
def test_the_base_that_gave_the_percentages_is_among_the_possible(kind, base, chances):
    if kind == "multiple":
        counts = [chance % (base + 1) for chance in chances]
    else:
        cuts = sorted(chance % (base + 1) for chance in chances[1:])
        counts = [b - a for a, b in zip([0, *cuts], [*cuts, base], strict=True)]
    percents = [rounded(count, base) for count in counts]
    assert base in verdict_on(*percents, kind=kind, largest=300).bases


@given(
    kind=kinds,
    percents=st.lists(st.sampled_from([0, 13, 14, 17, 20, 33, 50, 67, 71, 100]), min_size=1, max_size=3),
)
def test_the_bases_are_those_that_trying_all_counts_finds(kind, percents):
    tried = [base for base in range(1, 11) if tuple(percents) in every_print(kind, base, len(percents))]
    assert list(verdict_on(*percents, kind=kind, largest=10).bases) == tried


# ── cells that cannot be as printed ──────────────────────────────────────────


def test_the_repair_changes_the_fewest_points():
    # 25 on a base of 4 is nearer than 50 on a base of 2; 35 is not possible on 1 or 3 either, and 50 neither
    assert verdict_on(50, 35, kind="multiple", largest=4).repairs == (Repair(4, (Change("b", 35, 25),)),)


def test_two_cells_are_named_when_no_single_one_explains_it():
    verdict = verdict_on(100, 1, 49, kind="multiple", largest=2)
    assert verdict.impossible == (Change("b", 1, 0), Change("c", 49, 50))
    assert verdict.alternatives == ()


def test_where_more_than_three_cells_must_be_wrong_none_is_named():
    verdict = verdict_on(60, 60, 60, 60, 60)
    assert (verdict.possible, verdict.impossible, verdict.alternatives) == (False, (), ())


@pytest.mark.parametrize(
    ("other", "repairs"),
    [
        ((7, 8, 37, 42, 5, 2), (Repair(60, (Change("b", 31, 30),)), Repair(61, (Change("a", 70, 69),)))),
        ((39, 47, 15), (Repair(62, (Change("a", 70, 69),)), Repair(63, (Change("b", 31, 30),)))),
    ],
    ids=["60", "62"],
)
def test_the_base_that_most_other_questions_can_have_decides_first(other, repairs):
    *_, verdict = audit(make_published(make_printed(*other), make_printed(70, 31, 0)), 65)
    assert verdict.repairs == repairs


def test_of_two_cells_on_the_same_base_the_later_is_named():
    repairs = verdict_on(70, 31, 0, largest=64).repairs
    assert repairs == (Repair(64, (Change("b", 31, 30),)), Repair(64, (Change("a", 70, 69),)))


def test_of_two_values_for_a_cell_the_exact_percentage_nearest_to_print_is_named():
    # 2 of 8 is 25%, 6 points from 19; 1 of 8 is 12.5%, 6.5 points, though both print 6 points away
    repairs = verdict_on(88, 63, 38, 19, kind="multiple", largest=8).repairs
    assert repairs == (Repair(8, (Change("d", 19, 25),)), Repair(8, (Change("d", 19, 13),)))


def smallest_repairs(kind, percents, largest):
    """By trying all counts: (cells, points) of the smallest repairs and the cells with their directions."""
    found = {}
    for base in range(1, largest + 1):
        for tried in every_print(kind, base, len(percents)):
            moves = tuple((i, b > a) for i, (a, b) in enumerate(zip(percents, tried, strict=True)) if a != b)
            points = sum(abs(a - b) for a, b in zip(percents, tried, strict=True))
            found.setdefault((len(moves), points), {})[moves] = base
    smallest = min(found)
    return smallest, found[smallest]


def as_moves(verdict):
    places = {cell.option: i for i, cell in enumerate(verdict.printed.cells)}
    return {
        tuple((places[c.option], c.possible > c.printed) for c in repair.changes): repair.base
        for repair in verdict.repairs
    }


@settings(deadline=None)
@given(kind=kinds, percents=st.lists(st.integers(0, 100), min_size=1, max_size=4), largest=st.integers(1, 7))
def test_the_repairs_are_the_smallest_that_trying_all_counts_finds(kind, percents, largest):
    (cells, points), found = smallest_repairs(kind, percents, largest)
    verdict = verdict_on(*percents, kind=kind, largest=largest)
    assert verdict.possible == (cells == 0)
    assert as_moves(verdict) == (found if 0 < cells <= 3 else {})
    assert all(repair.points == points for repair in verdict.repairs)


@settings(deadline=None)
@given(
    base=st.integers(20, 60),
    cuts=st.lists(st.integers(0, 60), min_size=1, max_size=5),
    place=st.integers(0, 5),
    slip=st.sampled_from([-10, -3, -2, 2, 3, 10]),
)
def test_a_misprinted_cell_that_no_base_allows_is_found_as_one_cell(base, cuts, place, slip):
    cuts = sorted(cut % (base + 1) for cut in cuts)
    percents = [rounded(b - a, base) for a, b in zip([0, *cuts], [*cuts, base], strict=True)]
    place %= len(percents)
    true, percents[place] = percents[place], percents[place] + slip
    assume(0 <= percents[place] <= 100)
    verdict = verdict_on(*percents, largest=60)
    assume(not verdict.possible)
    assert len(verdict.impossible) == 1
    assert verdict.repairs[0].points <= abs(slip)
    misprint = Change(verdict.printed.cells[place].option, true + slip, true)
    assert verdict.repairs[0].points < abs(slip) or misprint in [r.changes[0] for r in verdict.repairs]


# ── words ────────────────────────────────────────────────────────────────────


def test_three_bases_in_a_row_are_written_as_a_run():
    assert describe(verdict_on(97, 3, largest=110)) == "q: possible on 29–39, 58–79, 86–110"
    assert describe(verdict_on(0, 7, 15, 52, 13, 13)) == "q: possible on 46, 54, 60, 61"


def test_a_long_list_of_bases_leaves_out_the_middle():
    line = describe(verdict_on(70, 31, 0, largest=10_000))
    assert line == (
        "q: possible on 200, 400, 600, 800, 1,000, 1,200, 1,400, 1,600, 1,800, 2,000, 2,200, …, 10,000"
        "; adds to 101 by rounding"
    )


def test_an_impossible_cell_is_named_with_its_value_its_base_and_the_other_cell():
    assert describe(verdict_on(70, 31, 0, largest=64)) == (
        "q: impossible on every base up to 64; b is printed 31 and would have to be 30 (base 64), "
        "or else a is printed 70 and would have to be 69 (base 64); adds to 101, which rounding does not explain"
    )


def test_another_value_for_the_same_cell_is_said_shortly():
    assert describe(verdict_on(88, 63, 38, 19, kind="multiple", largest=8)) == (
        "q: impossible on every base up to 8; d is printed 19 and would have to be 25 (base 8), or 13 (base 8)"
    )


def test_of_many_other_repairs_only_the_number_is_said():
    assert describe(verdict_on(1, 2, 3, 4, 5, 6, 7, largest=10_000)).endswith(
        ", or 2 other ways; adds to 28, which rounding does not explain"
    )


def test_too_many_wrong_cells_are_said_to_be_too_many():
    verdict = verdict_on(60, 60, 60, 60, 60)
    assert describe(verdict).startswith("q: impossible on every base up to 65; more than 3 cells must be wrong")
    assert summarise([verdict]).endswith("5 stand in questions or rows with more than 3 wrong cells")


def test_a_row_of_a_grid_is_named_with_its_question_and_hostile_names_are_harmless():
    printed = make_printed(100, kind="grid", question="engage\x1b[2J", row="police")
    assert describe(audit(make_published(printed), 3)[0]) == "engage�[2J.police: possible on 1–3"


def test_json_holds_the_counts_and_everything_about_each_question():
    verdicts = audit(make_published(make_printed(70, 31, 0), make_printed(33, 33, 33, kind="grid", row="r")), 6)
    record = as_json(verdicts)
    assert {key: record[key] for key in ("cells", "possible", "impossible", "unresolved")} == {
        "cells": 6,
        "possible": 4,
        "impossible": 2,
        "unresolved": 0,
    }
    assert record["verdicts"][1] == {
        "question": "q",
        "row": "r",
        "kind": "grid",
        "kind_assumed": False,
        "largest_base": 6,
        "possible": True,
        "bases": [3, 6],
        "total": 99,
        "adds_up_by_rounding": True,
        "repairs": [],
    }
    assert json.loads(json.dumps(record)) == record


def test_json_holds_the_repairs_best_first():
    record = as_json([verdict_on(70, 31, 0, largest=64)])["verdicts"][0]
    assert record["repairs"] == [
        {"base": 64, "points": 1, "changes": [{"option": "b", "printed": 31, "possible": 30}]},
        {"base": 64, "points": 1, "changes": [{"option": "a", "printed": 70, "possible": 69}]},
    ]


# ── the largest base ─────────────────────────────────────────────────────────


def test_the_largest_base_given_overrides_the_one_in_the_file():
    published = make_published(make_printed(100), largest=2)
    assert audit(published)[0].bases == (1, 2)
    assert audit(published, 3)[0].bases == (1, 2, 3)


@pytest.mark.parametrize(
    ("largest", "what"),
    [
        (None, "the file does not state the largest base"),
        (0, "0 is not a base"),
        (100_001, "100,001 is too large a base"),
    ],
)
def test_without_a_sensible_largest_base_nothing_is_audited(largest, what):
    with pytest.raises(Refused, match=what):
        audit(make_published(make_printed(100)), largest)


# ── JSON ─────────────────────────────────────────────────────────────────────


def test_a_grid_is_read_as_a_row_each_and_unknown_keys_are_ignored():
    row = {"code": "police", "published": [70, 30], "counts": [7, 3], "base": 10}
    grid = {"id": "engage", "kind": "grid", "scale": [{"code": "lot"}, {"code": "none"}], "rows": [row]}
    published = read_published(
        make_json(grid, fieldwork={"largest_base": 65, "issued": 142}, derived=[]), "r.json"
    )
    expected = Printed("engage", "police", "grid", (Cell("lot", 70), Cell("none", 30)))
    assert published == Published("r.json", (expected,), 65)


@pytest.mark.parametrize(
    ("percent", "what"),
    [
        (-1, "-1 is negative"),
        (101, "101 is over 100"),
        (12.5, "12.5 is not a whole percentage"),
        ("12", '"12" is not a whole percentage'),
        (True, "true is not a whole percentage"),
        (None, "null is not a whole percentage"),
        ([1], "a list is not a whole percentage"),
    ],
)
def test_json_with_a_bad_percentage_is_refused_at_its_place(percent, what):
    table = make_table(options=[{"code": "yes", "published": percent}])
    assert problems_in(make_json(table), "r.json") == [("/tables/0/options/0/published", 9, what)]


grid = {"id": "g", "kind": "grid", "scale": [{"code": "a"}, {"code": "b"}]}


@pytest.mark.parametrize(
    ("tables", "at", "what"),
    [
        ([], "/tables", "there are too few entries (0)"),
        ([make_table(kind="mutliple")], "/tables/0", '"mutliple" is not a type'),
        ([{"id": "q"}], "/tables/0", "'kind' is missing"),
        ([make_table(), make_table()], "/tables/1/id", 'id "q" is used twice'),
        ([make_table(options=[])], "/tables/0/options", "there are too few entries (0)"),
        (
            [make_table(options=[{"code": "a", "published": 50}] * 2)],
            "/tables/0/options/1/code",
            'code "a" is used twice',
        ),
        (
            [{**grid, "rows": [{"code": "r", "published": [100]}]}],
            "/tables/0/rows/0/published",
            "the row has 1 percentages, its scale 2 points",
        ),
        (
            [{**grid, "rows": [{"code": "r", "published": [50, 50]}] * 2}],
            "/tables/0/rows/1/code",
            'code "r" is used twice',
        ),
    ],
)
def test_json_with_a_bad_table_is_refused_at_its_place(tables, at, what):
    assert [problem[::2] for problem in problems_in(make_json(*tables), "r.json")] == [(at, what)]


@pytest.mark.parametrize("base", [0, -5, 1.5, "65", 100_001])
def test_json_with_a_bad_largest_base_is_refused(base):
    content = make_json(make_table(), fieldwork={"largest_base": base})
    assert [problem[0] for problem in problems_in(content, "r.json")] == ["/fieldwork/largest_base"]


def test_every_problem_in_json_is_listed_at_once():
    options = [{"code": "a", "published": 101}, {"code": "a", "published": -1}]
    found = problems_in(make_json(make_table(options=options)), "r.json")
    assert [at for at, _, _ in found] == [
        "/tables/0/options/0/published",
        "/tables/0/options/1/published",
        "/tables/0/options/1/code",
    ]


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "it is empty"),
        (b"[]", "it is not an object"),
        (b"question,percent\n", "question is not JSON"),
        (b'{"tables": [\xff]}', "byte 12 is not UTF-8"),
        (b'{"tables": [], "tables": []}', 'the key "tables" stands twice'),
    ],
)
def test_what_is_not_json_is_refused(content, what):
    assert what in [what for _, _, what in problems_in(content, "r.json")]


# ── CSV ──────────────────────────────────────────────────────────────────────

SHEET = """question,row,option,percent,kind
team,,dat,9%,single
team,,daat,69 %,single
team,,csp,12,single
team,,other,9,single
engage,police,lot,72,grid
engage,police,little,28,grid
changes,,up,73,multiple
changes,,down,12,multiple
"""
ROWS = (
    Printed("team", "", "single", (Cell("dat", 9), Cell("daat", 69), Cell("csp", 12), Cell("other", 9))),
    Printed("engage", "police", "grid", (Cell("lot", 72), Cell("little", 28))),
    Printed("changes", "", "multiple", (Cell("up", 73), Cell("down", 12))),
)


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_sheet_is_read_with_any_separator_mark_and_line_end(separator, encoding, end):
    content = SHEET.replace(",", separator).replace("\n", end).encode(encoding)
    assert read_published(content, "r.csv") == Published("r.csv", ROWS)


def test_a_sheet_and_its_json_twin_get_the_same_verdict():
    sheet = "question,row,option,percent,kind\nq,,a,70,single\nq,,b,31,\nq,,c,0,\n"
    options = [{"code": c, "published": p} for c, p in (("a", 70), ("b", 31), ("c", 0))]
    twin = make_json(make_table(options=options))
    assert audit(read_published(sheet.encode(), "r.csv"), 65) == audit(read_published(twin, "r.json"), 65)


@pytest.mark.parametrize(
    ("lines", "kind"),
    [
        ("q,,a,50\nq,,b,45", "single"),
        ("q,,a,60\nq,,b,45", "single"),
        ("q,,a,60\nq,,b,46", "multiple"),
        ("q,,a,50\nq,,b,44", "multiple"),
        ("q,r,a,50\nq,r,b,9", "grid"),
    ],
)
def test_a_kind_that_is_not_given_is_assumed_and_said(lines, kind):
    published = read_published(f"question,row,option,percent\n{lines}\n".encode(), "r.csv")
    assert [(printed.kind, printed.assumed) for printed in published.rows] == [(kind, True)]
    assert f"(no kind given: taken as {kind})" in describe(audit(published, 5)[0])


def test_columns_may_stand_in_any_order_among_others_and_blank_lines_are_passed_over():
    content = b'\nnote,Percent,option,row,question\n\n"a, b",100,yes,,q\n,,,,\n'
    assert read_published(content, "r.csv").rows == (
        Printed("q", "", "single", (Cell("yes", 100),), assumed=True),
    )


HEADER = "question,row,option,percent,kind\n"


@pytest.mark.parametrize(
    ("line", "at", "what"),
    [
        ("q,,a,,", "column percent", '"" is not a whole percentage'),
        ("q,,a,many,", "column percent", '"many" is not a whole percentage'),
        ("q,,a,12.5,", "column percent", '"12.5" is not a whole percentage'),
        ("q,,a,١٢,", "column percent", '"١٢" is not a whole percentage'),
        ("q,,a,-3,", "column percent", "-3 is negative"),
        ("q,,a,−3%,", "column percent", "-3 is negative"),
        ("q,,a,101,", "column percent", "101 is over 100"),
        (",,a,12,", "column question", "the question is missing"),
        ("q,,,12,", "column option", "the option is missing"),
        ("q,,a,12,singel", "column kind", '"singel" is not a kind'),
        ("q,r,a,12,single", "column row", "a single question has no rows"),
        ("q,,a,12,grid", "column row", "a grid question has a row on every line"),
        ("q,,a", "the sheet", "the line has 3 columns, the header 5"),
        ("q,,a,12,,more", "the sheet", "the line has 6 columns, the header 5"),
    ],
)
def test_a_bad_line_of_a_sheet_is_refused_at_its_place(line, at, what):
    assert problems_in(HEADER + line + "\n") == [(at, 2, what)]


@pytest.mark.parametrize(
    ("lines", "at", "what"),
    [
        ("q,,a,12,\nq,,a,13,", "column option", "the cell of line 2 is given again"),
        ("q,r,a,12,\nq,,b,13,", "column row", "the question has rows on some lines only: line 2 differs"),
        ("q,,a,12,single\nq,,b,13,multiple", "column kind", 'the question is "single" above'),
    ],
)
def test_lines_of_a_sheet_that_do_not_agree_are_refused(lines, at, what):
    assert problems_in(HEADER + lines) == [(at, 3, what)]


def test_every_problem_in_a_sheet_is_listed_at_once_with_the_line_it_begins_on():
    content = HEADER + 'q,,"a\nb",101,\nq,,c,-1,\nq,,c\n'
    assert [(at, line) for at, line, _ in problems_in(content)] == [
        ("column percent", 2),
        ("column percent", 4),
        ("the sheet", 5),
    ]


def test_a_missing_column_is_named_with_the_one_that_looks_like_it():
    with pytest.raises(Refused) as refused:
        read_published(b"question;option;percentage\nq;a;12\n", "r.csv")
    assert [str(problem) for problem in refused.value.problems] == [
        'line 1, the header: the column "row" is missing; add it, with commas, semicolons or tabs between columns',
        'line 1, the header: the column "percent" is missing; rename "percentage"',
    ]


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "it is empty"),
        (b" \n ", "it is empty"),
        (b"\xef\xbb\xbf", "it is empty"),
        (b"PK\x03\x04\x00", "it is not a text"),
        (HEADER.encode("utf-16"), "byte 0 is not UTF-8"),
        (HEADER.encode() + b"q,,caf\xe9,12,\n", "byte 39 is not UTF-8"),
        (HEADER.encode(), "it has a header and nothing under it"),
        (b",,,\n", 'the column "question" is missing'),
        (b"question,row,row,option,percent\n", 'the column "row" stands twice'),
        (HEADER.encode() + b'q,,"a"b,12,\n', "it cannot be read as CSV: ',' expected after '\"'"),
        (HEADER.encode() + b'q,,"a,12,\n', "it cannot be read as CSV: unexpected end of data"),
        (b"x" * 5_000_001, "it has 5,000,001 bytes"),
    ],
)
def test_what_is_not_a_sheet_is_refused(content, what):
    assert what in [what for _, _, what in problems_in(content)]


def test_json_under_the_name_of_a_sheet_is_read_as_json():
    assert read_published(make_json(make_table()), "r.csv").rows == (
        Printed("q", "", "single", (Cell("yes", 100),)),
    )


@given(st.one_of(st.binary(max_size=60), st.text(max_size=60).map(lambda text: (HEADER + text).encode())))
def test_any_bytes_are_read_or_refused(content):
    with suppress(Refused):
        read_published(content, "r.csv")
