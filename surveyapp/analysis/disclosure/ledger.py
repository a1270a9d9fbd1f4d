"""The ledger of differences: groups whose answers were published, so that no two of them differ by one or two.

If the answers to a question are printed for a group and for the same group without two organisations, subtracting
gives the answers of these two. So every group that a release prints is kept as an entry, and a new release is
checked against itself and all earlier ones of the wave. Answers of different waves cannot be joined.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt

from surveyapp.analysis.disclosure.figures import TOGETHER, Members
from surveyapp.analysis.disclosure.linking import topic
from surveyapp.analysis.disclosure.protection import Release
from surveyapp.analysis.tables import CONFIDENTIAL, Column, Slice, Table, TableRow
from surveyapp.problems import Problem

Mask = npt.NDArray[np.bool_]

LEAST = 3
"""Groups one within the other must differ by so many answers, or not at all."""


@dataclass(frozen=True)
class LedgerEntry:
    """A group whose answers to `variable` were printed: in what release of what wave, what table and column.

    `who` are the members, whose answers are counted; `n` is how many they were at the time of the release.
    """

    release: str
    wave: str
    table: str
    column: str
    variable: str
    who: Slice
    n: int

    def to_json(self) -> str:
        """One line of text to be stored, the same for equal entries."""
        who = sorted([name, sorted(codes)] for name, codes in self.who)
        return json.dumps({**self.__dict__, "who": who}, ensure_ascii=False, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "LedgerEntry":
        """An entry as `to_json` wrote it."""
        fields = json.loads(text)
        who = frozenset((name, frozenset(codes)) for name, codes in fields.pop("who"))
        return cls(who=who, **fields)


def entries(release: Release, name: str, wave: str, members: Members) -> list[LedgerEntry]:
    """What a release enters: every group of which a figure is printed, and all groups of a banner together.

    `name` is that of the release; `members` tells who is in a slice.
    """
    found: dict[tuple[str, Slice], LedgerEntry] = {}
    for protected in release.tables:
        table = protected.table
        for variable, column, who in _groups(table):
            entry = LedgerEntry(name, wave, table.id, column, variable, who, members.size(who))
            found.setdefault((variable, who), entry)
    return list(found.values())


def check(
    new: Sequence[LedgerEntry], old: Sequence[LedgerEntry], members: Members, least: int = LEAST
) -> list[Problem]:
    """What is wrong with publishing `new` after `old`: pairs of groups that differ by fewer than `least` answers.

    `members` tells who is in a slice among the answers of now. A group of an earlier release is taken to be within
    the same group of now, which has its members and those who answered since.
    """
    by_question: dict[tuple[str, str], list[tuple[LedgerEntry, bool]]] = defaultdict(list)
    for entry in old:
        by_question[entry.wave, entry.variable].append((entry, False))
    for entry in new:
        by_question[entry.wave, entry.variable].append((entry, True))
    problems: list[Problem] = []
    for entered in by_question.values():
        if any(is_new for _, is_new in entered):
            problems += _of_question(entered, members, least)
    return problems


def close_pairs(groups: Mapping[str, Mask], least: int = LEAST) -> list[tuple[str, str]]:
    """The pairs (A, B) of groups, A within B, where B has 1 to `least` - 1 more members."""
    bits = {name: np.packbits(mask) for name, mask in groups.items()}
    sizes = {name: int(mask.sum()) for name, mask in groups.items()}
    by_size = sorted(groups, key=lambda name: sizes[name])
    return [
        (a, b)
        for a, b in combinations(by_size, 2)
        if 1 <= sizes[b] - sizes[a] < least and not np.any(bits[a] & ~bits[b])
    ]


# ── what a table enters ──────────────────────────────────────────────────────


def _groups(table: Table) -> Iterator[tuple[str, str, Slice]]:
    """Question, column in words and members of each group that a table prints a figure of.

    Themes of open answers are of everybody who wrote: nobody knows them of a group.
    """
    if table.kind == "coded":
        return
    together: dict[tuple[str, tuple[str, ...]], list[tuple[Column, Slice]]] = defaultdict(list)
    if table.kind == "coded":
        return  # open answers lie apart from the others: whoever wrote one is in no group of a table
    for row in table.rows:
        for cell, column in zip(row.cells, table.columns, strict=True):
            if cell.mark == CONFIDENTIAL or (cell.count is None and cell.value is None):
                continue
            variable, who = _subject(table, row), _members(table, row, column)
            yield variable, column.label, who
            if column.headings:
                together[variable, column.headings[:1]].append((column, who))
    for (variable, headings), columns in together.items():
        if (everybody := _union([who for _, who in columns])) is not None:
            yield variable, " / ".join((*headings, "all")), everybody


def _subject(table: Table, row: TableRow) -> str:
    """The question, or row of a grid, whose answers a line prints."""
    if table.kind in TOGETHER:
        return table.variable
    own = [name for name, _ in row.who if topic(name) == topic(table.variable)]
    return own[0] if len(own) == 1 else table.variable


def _members(table: Table, row: TableRow, column: Column) -> Slice:
    if column.base is None:
        return row.who
    if not row.who and not column.who:
        return column.base.who
    own = frozenset((name, codes) for name, codes in row.who if topic(name) == topic(table.variable))
    return column.who | own


def _union(groups: Iterable[Slice]) -> Slice | None:
    """All groups of a banner together as one slice; None where they differ by more than one variable."""
    groups = list(dict.fromkeys(groups))
    common = frozenset.intersection(*groups)
    apart = [who - common for who in groups]
    names = {name for who in apart for name, _ in who}
    if len(groups) < 2 or len(names) != 1 or any(len(who) != 1 for who in apart):
        return None
    codes = frozenset(code for who in apart for _, some in who for code in some)
    return common | {(names.pop(), codes)}


# ── pairs ────────────────────────────────────────────────────────────────────


def _of_question(entered: Sequence[tuple[LedgerEntry, bool]], members: Members, least: int) -> Iterator[Problem]:
    by_size = sorted(entered, key=lambda each: each[0].n)
    for (a, a_new), (b, b_new) in combinations(by_size, 2):
        if (a_new or b_new) and 1 <= b.n - a.n < least and _is_within(a.who, b.who, members):
            yield _problem(a, b, a_new, b_new, least)


def _is_within(one: Slice, other: Slice, members: Members) -> bool:
    mine, theirs = members.both(one, other)
    return not np.any(mine & ~theirs)


def _problem(a: LedgerEntry, b: LedgerEntry, a_new: bool, b_new: bool, least: int) -> Problem:
    new, other = (b, a) if b_new else (a, b)
    what = (
        f"“{new.column}” differs from “{other.column}” of table {other.table} by fewer than {least} answers, "
        "and subtracting gives these"
    )
    if a_new and b_new:
        return Problem(new.table, what, "leave one of the two out, or choose groups that differ by more")
    if a.who == b.who:
        do = f"wait for more answers; the release “{other.release}” cannot be taken back"
    else:
        do = f"leave it out; the release “{other.release}” cannot be taken back"
    return Problem(new.table, what, do)
