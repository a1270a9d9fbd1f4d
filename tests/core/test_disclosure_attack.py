"""A protected release against a reader who adds and subtracts: properties, on drawn tables."""

import re
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from surveyapp.analysis.disclosure import linking, suppression
from surveyapp.analysis.disclosure.equivalences import equivalences
from surveyapp.analysis.disclosure.protection import Policy, attack, protect
from surveyapp.analysis.tables import Table
from tests.core.disclosing import hidden, make_crossed, make_one_way, possible, printed, too_small, who
from tests.core.test_linking import DERIVED, make_data, make_tables

SMALL = st.integers(0, 6)
FEW = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@st.composite
def crossed(draw: st.DrawFn, big: int = 30) -> Table:
    """Three answers by four groups: small numbers, and one row that keeps the groups large enough to print."""
    rows = {code: draw(st.tuples(SMALL, SMALL, SMALL, SMALL)) for code in ("a", "b", "c")}
    return make_crossed({**rows, "d": (big, big + 1, big + 2, big + 3)}, tuple("wxyz"))


@st.composite
def linked(draw: st.DrawFn) -> list[Table]:
    """Tables of one question: by groups, by a second banner, and of one group alone. Some groups are small."""
    size = st.integers(0, 12)
    groups, codes = ("w", "x", "y"), ("a", "b", "c")
    by_region = {code: draw(st.tuples(size, size, size)) for code in codes}
    first = {code: tuple(draw(st.integers(0, n)) for n in [sum(by_region[code])]) for code in codes}
    by_kind = {code: (first[code][0], sum(by_region[code]) - first[code][0]) for code in codes}
    alone = {code: by_region[code][0] for code in codes}
    assume(sum(map(sum, by_region.values())) >= 10 and any(alone.values()))
    return [
        make_crossed(by_region, groups),
        make_crossed(by_kind, ("here", "there"), by="kind"),
        make_one_way(where=who(region="w"), **alone),
    ]


@FEW
@given(linked())
def test_no_hidden_figure_of_a_release_can_be_worked_out(tables: list[Table]):
    release = protect(tables)
    assert attack(tables, hidden(release)) == {}


@FEW
@given(crossed())
def test_by_trying_every_table_no_hidden_figure_is_known(table: Table):
    """The same without linear programs. A small figure cannot have more values than its row allows."""
    release = protect([table])
    for (r, c), values in possible(table, release).items():
        whole, *groups = table.rows[r].cells
        wanted = min(3, whole.count or 0) if 0 < (groups[c - 1].count or 0) < 3 else 1
        assert max(values) - min(values) >= wanted


@FEW
@given(crossed())
def test_what_is_too_small_is_hidden_and_what_is_nought_in_all_groups_is_not(table: Table):
    release = protect([table])
    assert too_small([table]) <= hidden(release)
    for row in table.rows:
        if row.cells[0].count == 0:
            assert set(printed(release)[row.code]) == {"0"}


@FEW
@given(crossed())
def test_nothing_is_hidden_where_nothing_is_too_small(table: Table):
    rows = [make_more(row, 3) for row in ([c.count or 0 for c in row.cells[1:]] for row in table.rows)]
    release = protect([make_crossed(dict(zip("abcd", rows, strict=True)), tuple("wxyz"))])
    assert not hidden(release)


def make_more(row: list[int], least: int) -> tuple[int, ...]:
    return tuple(n if not n or n >= least else least for n in row)


def test_small_figures_hidden_by_themselves_are_found():
    """The twin without complements: the attacker of these tests does find what can be found."""
    table = make_crossed({"yes": (20, 50, 2), "no": (8, 19, 22), "maybe": (17, 32, 12)})
    small = who(q="yes", region="east")
    assert attack([table], [small]) == {small: (2, 2)}


@FEW
@given(crossed())
def test_small_figures_alone_in_row_or_column_are_always_found(table: Table):
    gone = too_small([table])
    lone = [row for row in table.rows if sum(cell.who in gone for cell in row.cells) == 1]
    found = attack([table], gone)
    for row in lone:
        (cell,) = [cell for cell in row.cells if cell.who in gone]
        assert found[cell.who] == (cell.count, cell.count)


@FEW
@given(linked())
def test_protecting_twice_is_protecting_once(tables: list[Table]):
    once = [protected.table for protected in protect(tables).tables]
    assert [protected.table for protected in protect(once).tables] == once
    assert [protected.table for protected in protect(tables).tables] == once


@FEW
@given(linked(), st.permutations((0, 1, 2)), st.permutations((0, 1, 2)))
def test_the_order_of_rows_and_tables_changes_nothing(tables: list[Table], order: list[int], of_tables: list[int]):
    turned = [replace(table, rows=tuple(table.rows[i] for i in order)) for table in tables]
    moved = protect([turned[i] for i in of_tables])
    release = protect(tables)
    for place, t in enumerate(of_tables):
        assert printed(moved, place) == printed(release, t)


@FEW
@given(linked())
def test_the_record_holds_no_number_of_the_tables(tables: list[Table]):
    allowed = {"3", "5", "8", "10", "30"}
    said = " ".join(str(decision.words) for decision in protect(tables).decisions)
    assert set(re.findall(r"\d+", said)) <= allowed


@FEW
@given(linked())
def test_figures_of_persons_cannot_be_worked_out_from_rounded_ones(tables: list[Table]):
    policy = Policy("persons")
    release = protect(tables, policy)
    assert attack(tables, hidden(release), policy) == {}


@FEW
@given(linked())
def test_a_sensitive_question_gives_its_hidden_figures_more_room(tables: list[Table]):
    policy = Policy(sensitive=frozenset({"q"}))
    release = protect(tables, policy)
    assert too_small(tables, 5) <= hidden(release)
    assert attack(tables, hidden(release), policy) == {}


def test_questions_that_share_groups_are_linked_by_who_is_in_them():
    """North is too small in one table; the size of south, printed in another, must not give north's back."""
    small = make_crossed({"yes": (30, 20, 4), "no": (30, 20, 4)})
    other = make_crossed({"more": (40, 30, 5), "less": (20, 10, 3)}, question="r")
    tables = [small, other]
    release = protect(tables)
    assert attack(tables, hidden(release)) == {}
    assert [row[2] for row in printed(release, 0).values()] == ["[c]", "[c]"]
    assert [row[2] for row in printed(release, 1).values()] == ["[c]", "[c]"]


def test_what_is_not_solved_in_time_is_hidden_with_all_that_hangs_together_with_it(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(suppression, "ROUNDS", 0)
    monkeypatch.setattr(suppression, "MORE_ROUNDS", 0)
    table = make_crossed({"yes": (20, 50, 2), "no": (8, 19, 22), "maybe": (17, 32, 12)})
    other = make_crossed({"more": (20, 50, 20), "less": (25, 51, 16)}, question="r")
    release = protect([table, other])
    assert {mark for row in printed(release, 0).values() for mark in row[1:]} == {"[c]"}
    assert not any("[c]" in row for row in printed(release, 1).values())
    assert attack([table, other], hidden(release)) == {}


def test_a_release_with_more_figures_than_can_be_solved_hides_every_group(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(linking, "TOO_MANY", 5)
    release = protect([make_crossed({"yes": (20, 50, 2), "no": (8, 19, 22), "maybe": (17, 32, 12)})])
    assert {mark for row in printed(release).values() for mark in row[1:]} == {"[c]"}
    assert "everything" in {decision.rule for decision in release.decisions}


@pytest.mark.parametrize("policy", [Policy(confidential=False), Policy("persons")], ids=lambda policy: policy.name)
@pytest.mark.parametrize("seed", [1, 2])
def test_a_release_of_every_kind_of_table_keeps_what_it_hides(policy: Policy, seed: int):
    """Nets, nested banners, filters, multiples, recodes, routing, grids, left out answers; a second time too."""
    data = make_data(seed, n=90)
    tables, same = make_tables(data), equivalences(DERIVED, data)
    release = protect(tables, policy, data, same=same)
    once = [protected.table for protected in release.tables]
    assert hidden(release)
    assert "everything" not in {decision.rule for decision in release.decisions}
    assert attack(tables, hidden(release), policy, data, same) == {}
    assert [protected.table for protected in protect(once, policy, data, same=same).tables] == once
