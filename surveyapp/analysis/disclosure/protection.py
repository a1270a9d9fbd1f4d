"""Disclosure control: what must not be printed. Only a `ProtectedTable` can be exported.

All tables of a release are protected together, since what one of them hides another may give away. `protect` is
the only way to a `ProtectedTable`. What the rules are, and what a reader is taken to know, is in
`docs/disclosure.md`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import InitVar, dataclass, replace
from functools import cached_property

from surveyapp.analysis.disclosure.decisions import HIDES, Decision, record
from surveyapp.analysis.disclosure.figures import (
    UNITS,
    Domain,
    Figures,
    Members,
    Place,
    in_order,
    is_national,
    read_figures,
)
from surveyapp.analysis.disclosure.linking import Links, Same, topic, topics
from surveyapp.analysis.disclosure.policy import PERSONS_HIDDEN, PERSONS_ROUNDED, Policy, rule_of_amount
from surveyapp.analysis.disclosure.suppression import Figure, Suppression, given_away, suppress
from surveyapp.analysis.tables import (
    CONFIDENTIAL,
    LOW,
    UNRELIABLE,
    Base,
    Cell,
    Column,
    Slice,
    Table,
    TableRow,
    rounded,
)

__all__ = ["Decision", "Policy", "ProtectedTable", "Release", "attack", "protect"]

_SEAL = object()


@dataclass(frozen=True)
class ProtectedTable:
    """A table that may leave the house, with the record of what was hidden and why. Only `protect` makes one."""

    table: Table
    decisions: tuple[Decision, ...]
    seal: InitVar[object]

    def __post_init__(self, seal: object) -> None:
        if seal is not _SEAL:
            raise TypeError(
                "a table is protected by `protect`, with all tables of its release, and in no other way"
            )

    def why(self, row: str, column: str) -> str:
        """The rule that hid a figure, in words; "" if none did."""
        for decision in self.decisions:
            if decision.rule in HIDES and (row, column) in decision.cells:
                return decision.words
        return ""


@dataclass(frozen=True)
class Release:
    """Tables protected together."""

    tables: tuple[ProtectedTable, ...]

    @property
    def decisions(self) -> tuple[Decision, ...]:
        """What was decided, table by table."""
        return tuple(decision for table in self.tables for decision in table.decisions)

    def why(self, table: str, row: str, column: str) -> str:
        """The rule that hid a figure, in words; "" if none did. Raises `KeyError` for an unknown table."""
        return {protected.table.id: protected for protected in self.tables}[table].why(row, column)


def protect(
    tables: Sequence[Table],
    policy: Policy | None = None,
    members: Members | None = None,
    published: Mapping[Slice, int] | None = None,
    same: Same | None = None,
) -> Release:
    """All tables of one release with what must not be printed hidden, in all of them alike.

    `members` tells who is in a slice, for groups whose size no table prints. `published` are counts that readers
    have from earlier releases of the same answers: they stay what they are, and other figures are hidden for them.
    `same` are answers that say the same (see `equivalences`).
    """
    choice = _Choice(tables, policy or Policy(), members, published or {}, same or {})
    choice.decide()
    written = (_Writer(choice, t) for t in range(len(tables)))
    return Release(tuple(ProtectedTable(writer.table(), writer.decisions(), _SEAL) for writer in written))


def together(parts: Sequence[ProtectedTable], table: Table) -> ProtectedTable:
    """A table put together of protected ones, such as a trend. Raises `TypeError` for a count that none has.

    What is no count, such as a change between two printed figures, is taken on trust.
    """
    printed = {(cell.who, cell.count) for part in parts for row in part.table.rows for cell in row.cells}
    for row in table.rows:
        for cell in row.cells:
            if cell.count is not None and (cell.who, cell.count) not in printed:
                raise TypeError("a figure of this table is in none of the protected tables that it is made of")
    return ProtectedTable(table, tuple(d for part in parts for d in part.decisions), _SEAL)


def attack(
    tables: Sequence[Table],
    hidden: Iterable[Slice],
    policy: Policy | None = None,
    members: Members | None = None,
    same: Same | None = None,
) -> dict[Slice, tuple[int, int]]:
    """What a reader finds out of `hidden` figures of `tables`, not yet protected, if all others are printed.

    The limits of each that are nearer to each other than the policy asks for, though hiding more would help. The
    slice of a base stands for the base and those missing from it.
    """
    choice = _Choice(tables, policy or Policy(), members, {}, same or {})
    gone = {choice.figures.normal(who) for who in hidden}
    choice.groups = {who: "" for who in gone if who in choice.figures.domains}
    choice.hidden = dict.fromkeys(gone, "")
    groups = choice.of_groups()
    found = given_away(groups, *choice.links_of_groups(groups))
    return found | given_away(choice.of_cells(), choice.links, choice.numbers_of(gone))


class _Choice:
    """What is hidden in a whole release: rule after rule, and then what would give it away.

    `groups` are domains of which nothing is printed, `hidden` counts, `rule` says why by place.
    """

    def __init__(
        self,
        tables: Sequence[Table],
        policy: Policy,
        members: Members | None,
        published: Mapping[Slice, int],
        same: Same,
    ) -> None:
        self.tables = tables
        self.policy = policy
        self.figures: Figures = read_figures(tables, members)
        self.published = {self.figures.normal(who): count for who, count in published.items()}
        self.same = same
        self.groups: dict[Slice, str] = {}
        self.hidden: dict[Slice, str] = {}
        self.rule: dict[Place, str] = {}

    def decide(self) -> None:
        """Fill in `groups`, `hidden` and `rule`."""
        self._hide_small()
        self._complement()
        self._mark()
        self._hide_values()
        self._complement_amounts()

    @cached_property
    def counted(self) -> Mapping[Place, Slice]:
        """Whom the figure at a place counts."""
        return {place: who for who, places in self.figures.at.items() for place in places}

    # ── what is too small ──

    def _hide_small(self) -> None:
        for who, domain in self.figures.domains.items():
            if 0 < domain.n < self.policy.smallest_base(domain.national):
                self.groups[who] = "base" if domain.national else "group"
        for who, count in self.figures.counts.items():
            if 0 < count < self.policy.smallest_cell(who):
                self.hidden[who] = "cell"
        for who in self.figures.taken & self.figures.counts.keys():
            self.hidden.setdefault(who, "complement")
        self._hide_groups()

    def _hide_groups(self) -> None:
        """With a group goes every figure of it, wherever else that is printed."""
        for who, rule in self.groups.items():
            domain = self.figures.domains[who]
            for place in domain.places:
                if place in self.counted:
                    self.hidden.setdefault(self.counted[place], rule)
            if who in self.figures.counts and not domain.national:
                self.hidden.setdefault(who, rule)

    # ── what would give it away ──

    def _complement(self) -> None:
        """Hide groups for hidden groups and figures for hidden figures, until neither asks for more."""
        while True:
            self._complement_groups()
            self._complement_figures()
            if not self._hide_groups_of_hidden():
                return

    def _hide_groups_of_hidden(self) -> bool:
        """A base that another table hides as a figure is hidden too, with all that is of it. Whether any."""
        before = len(self.groups)
        for who, domain in self.figures.domains.items():
            if who in self.hidden and who not in self.groups and not domain.national and domain.n:
                self.groups[who] = "everything" if self.hidden[who] == "everything" else "linked group"
        self._hide_groups()
        return len(self.groups) > before

    def _complement_groups(self) -> None:
        figures = self.of_groups()
        if any(figure.hidden for figure in figures.values()):
            self._take_groups(suppress(figures, *self.links_of_groups(figures)))

    def of_groups(self) -> dict[Slice, Figure]:
        """The bases of all groups and those missing from them."""
        every = (d for d in self.figures.domains.values() if not d.national and d.n and d.exact)
        return {figure.who: figure for domain in every for figure in self._figures_of(domain)}

    def links_of_groups(self, figures: Mapping[Slice, Figure]) -> tuple[Links, frozenset[Slice]]:
        """The lines of all sizes, and the whole columns that no table prints."""
        wholes = {
            who for d in self.figures.domains.values() for who in d.whole if who and not self._is_printed(who)
        }
        return Links(self._sizes(), self.figures.families, self.same), frozenset(wholes - figures.keys())

    def _take_groups(self, found: Suppression) -> None:
        for who in in_order(found.hidden):
            if who in self.figures.domains:
                self.groups.setdefault(who, "everything" if who in found.given_up else "linked group")
        self._hide_groups()

    def _is_printed(self, who: Slice) -> bool:
        return who in self.published or (who in self.figures.counts and who not in self.hidden)

    def _figures_of(self, domain: Domain) -> Iterator[Figure]:
        """The base of a group, and those missing from it, which are hidden with it."""
        hidden = domain.who in self.groups
        cost = float(sum(1 + self.figures.counts[self.counted[p]] for p in domain.places if p in self.counted))
        for who, count in domain.missing.items():
            if who not in self.published:
                yield self._figure(who, count, 0, 0.0, hidden, domain.who)
        if domain.who not in self.published:
            yield self._figure(domain.who, domain.n, self.policy.room(domain.who), 1 + cost, hidden, domain.who)

    def _sizes(self) -> dict[Slice, int]:
        """Every number that is known of groups: bases, those missing from them, whole columns."""
        sizes: dict[Slice, int] = {}
        for domain in self.figures.domains.values():
            sizes |= domain.missing | domain.whole | ({domain.who: domain.n} if domain.exact else {})
        return sizes | self.published

    def _complement_figures(self) -> None:
        if not self.hidden:
            return
        gone = {who for who in self.groups if not self.figures.domains[who].national}
        found = suppress(self.of_cells(), self.links, self.numbers_of(gone))
        for who in in_order(found.hidden):
            self.hidden.setdefault(who, "everything" if who in found.given_up else "complement")

    @cached_property
    def links(self) -> Links:
        """The lines of all figures of the release."""
        return Links(self._sizes() | self.figures.counts | self.published, self.figures.families, self.same)

    def numbers_of(self, groups: Iterable[Slice]) -> frozenset[Slice]:
        """The base of each group and those missing from it, where they are no figures of a table."""
        domains = [self.figures.domains[who] for who in groups if who in self.figures.domains]
        numbers = {who for d in domains if not d.national for who in (d.who, *d.missing)}
        return frozenset(numbers - self.figures.counts.keys() - self.published.keys())

    def of_cells(self) -> dict[Slice, Figure]:
        """The counts of all cells, with the bases that stand over them and those missing from these.

        Under the policy for persons every other number too, since it is rounded.
        """
        figures = {who: self._of_cell(who, count) for who, count in self.figures.counts.items()}
        for who, domain in self.figures.domains.items():
            if not domain.national and domain.n and domain.exact and who not in self.groups:
                figures |= {f.who: f for f in self._over_cells(domain) if f.who not in figures}
        if self.policy.name == "persons":
            gone = self.numbers_of(self.groups)
            for who, count in self._sizes().items():
                if who not in figures and who not in gone:
                    figures[who] = self._figure(who, count, 0, None, False, None)
        return figures

    def _of_cell(self, who: Slice, count: int) -> Figure:
        hidden = who in self.hidden
        fixed = (is_national(who) or who in self.published) and not hidden
        cost = None if fixed else float(1 + (count or self.policy.room(who)))
        under = frozenset(self.figures.of[place] for place in self.figures.at[who]) - {who}
        return replace(self._figure(who, count, self.policy.room(who), cost, hidden, None), under=under)

    def _over_cells(self, domain: Domain) -> Iterator[Figure]:
        """A printed base, which goes only with all that is of it, and the missing, of all columns alike."""
        together = frozenset({("missing from", frozenset(name for name, _ in domain.who))})
        for figure in self._figures_of(domain):
            if figure.who == domain.who:
                yield replace(figure, group=None, least=0)  # once it is a hidden group it is looked after as such
            else:
                hidden = figure.who in self.hidden
                yield replace(figure, group=together, cost=1.0, hidden=hidden, under=frozenset({domain.who}))

    def _figure(
        self, who: Slice, count: int, least: int, cost: float | None, hidden: bool, group: Slice | None
    ) -> Figure:
        """A figure with what its printed form says of it."""
        low = high = None
        if self.policy.name == "persons" and who not in self.published:
            printed = to_five(count)
            low = max(PERSONS_HIDDEN + 1, printed - PERSONS_ROUNDED // 2) if count > PERSONS_HIDDEN else 0
            high = printed + PERSONS_ROUNDED // 2 if count else 0
        return Figure(who, count, least, cost, hidden, group, low, high)

    def _mark(self) -> None:
        for who, rule in self.groups.items():
            for place in self.figures.domains[who].places:
                self.rule[place] = rule
        for place, who in self.counted.items():
            if who in self.hidden:
                self.rule.setdefault(place, self.hidden[who])

    # ── means and amounts ──

    def _values(self) -> Iterator[tuple[Place, TableRow, Cell]]:
        for t, table in enumerate(self.tables):
            for r, row in enumerate(table.rows):
                for c, cell in enumerate(row.cells):
                    if cell.value is not None:
                        yield Place(t, r, c), row, cell

    def _hide_values(self) -> None:
        of_hidden = {(who - {one}, one[0]) for who in self.hidden for one in who}
        for place, row, cell in self._values():
            rule = rule_of_amount(cell, row.measure)
            if not rule and cell.amounts is None and cell.who is not None:
                who = self.figures.normal(cell.who)
                rule = "mean" if any((who - {one}, one[0]) in of_hidden for one in who) else ""
            if rule:
                self.rule.setdefault(place, rule)

    def _complement_amounts(self) -> None:
        """Where all groups but one are printed and all together too, the one is what is left: hide another."""
        at: dict[Slice, list[Place]] = {}
        sizes: dict[Slice, int] = {}
        for place, row, cell in self._values():
            if cell.amounts is not None and cell.who is not None and row.measure in {"mean", "total"}:
                who = self.figures.normal(cell.who)
                at.setdefault(who, []).append(place)
                sizes[who] = cell.amounts.contributors
        if any(place in self.rule for places in at.values() for place in places):
            self._complement_sums(Links(sizes, self.figures.families), at)

    def _complement_sums(self, links: Links, at: Mapping[Slice, Sequence[Place]]) -> None:
        waiting = in_order(at)
        while waiting:
            who = waiting.pop()
            if (hidden := self._alone(who, links, at)) is not None:
                self.rule |= {place: "linked amount" for place in at[hidden] if place not in self.rule}
                waiting = in_order(at)

    def _alone(self, who: Slice, links: Links, at: Mapping[Slice, Sequence[Place]]) -> Slice | None:
        """The smallest other part, if a hidden amount is the only hidden part of a printed whole."""
        if not self._gone(at[who]):
            return None
        for rest, name in links.lines_of(who):
            whole, parts = next(iter(links.sums(rest, name)))
            others = [part for part in parts if part != who and links.values.get(part, 1)]
            printed = [part for part in others if part in at and not self._gone(at[part])]
            if whole in at and whole != who and not self._gone(at[whole]) and who in parts and printed == others:
                return min(printed, key=lambda part: links.values[part], default=None)
        return None

    def _gone(self, places: Sequence[Place]) -> bool:
        return any(place in self.rule for place in places)


class _Writer:
    """Writes one table of a release as it may be printed."""

    def __init__(self, choice: _Choice, t: int) -> None:
        self.choice = choice
        self.figures = choice.figures
        self.persons = choice.policy.name == "persons"
        self.t = t
        self.source = choice.tables[t]

    def table(self) -> Table:
        """The table with marks for what is hidden."""
        rows = tuple(self._row(r, row) for r, row in enumerate(self.source.rows))
        columns = tuple(self._column(column) for column in self.source.columns)
        return replace(self.source, rows=rows, columns=columns, base=self._base(self.source.base))

    def decisions(self) -> tuple[Decision, ...]:
        """The record."""
        rules = {(p.row, p.column): rule for p, rule in self.choice.rule.items() if p.table == self.t}
        sensitive = self.choice.policy.sensitive
        about = {topic(self.source.variable)}.union(*(topics(column.who) for column in self.source.columns))
        return record(self.source, rules, self._breakdown(), self.choice.policy, bool(about & sensitive))

    def _breakdown(self) -> dict[int, int]:
        """The columns that are groups, with their size."""
        found: dict[int, int] = {}
        for r, row in enumerate(self.source.rows):
            for c in range(len(row.cells)):
                domain = self.figures.domains[self.figures.of[Place(self.t, r, c)]]
                if not domain.national and domain.n:
                    found.setdefault(c, domain.n)
        return found

    def _row(self, r: int, row: TableRow) -> TableRow:
        gone = {
            self.source.columns[c].letter for c in range(len(row.cells)) if Place(self.t, r, c) in self.choice.rule
        }
        cells = tuple(self._cell(Place(self.t, r, c), cell, gone - {""}) for c, cell in enumerate(row.cells))
        row = replace(row, cells=cells)
        if self._is_hidden(row.who):
            row = replace(row, no_reply=0, not_asked=0, missing_mark=CONFIDENTIAL)
            return replace(row, base=0, weighted_base=None, mark=CONFIDENTIAL)
        if self._are_missing_hidden(row.who):
            row = replace(row, no_reply=0, not_asked=0, missing_mark=CONFIDENTIAL)
        if self.persons:
            base, no_reply, not_asked = map(to_five, (row.base, row.no_reply, row.not_asked))
            return replace(row, base=base, no_reply=no_reply, not_asked=not_asked, weighted_base=None)
        return row

    def _cell(self, place: Place, cell: Cell, gone: Set[str]) -> Cell:
        if place in self.choice.rule:
            return Cell(None, None, None, CONFIDENTIAL, decimals=cell.decimals, who=cell.who)
        cell = replace(cell, letters=_without(cell.letters, gone), amounts=None)
        if self.persons and cell.count is not None:
            return _for_persons(cell, self.figures.domains[self.figures.of[place]].n)
        return cell

    def _column(self, column: Column) -> Column:
        if column.base is None:
            return column
        base = self._base(column.base)
        small = base.name not in UNITS and 0 < column.base.n < self.choice.policy.reliable
        return replace(column, base=base, flag=UNRELIABLE if small and not base.mark else column.flag)

    def _base(self, base: Base) -> Base:
        if self._is_hidden(base.who):
            missing = replace(base, no_reply=0, not_asked=0, missing_mark=CONFIDENTIAL)
            return replace(missing, n=0, weighted_n=None, effective_n=None, mark=CONFIDENTIAL)
        if self._are_missing_hidden(base.who):
            base = replace(base, no_reply=0, not_asked=0, missing_mark=CONFIDENTIAL)
        if self.persons:
            n, no_reply, not_asked = map(to_five, (base.n, base.no_reply, base.not_asked))
            return replace(base, n=n, no_reply=no_reply, not_asked=not_asked, weighted_n=None, effective_n=None)
        return base

    def _are_missing_hidden(self, who: Slice) -> bool:
        domain = self.figures.domains.get(self.figures.normal(who))
        return domain is not None and not self.choice.hidden.keys().isdisjoint(domain.missing)

    def _is_hidden(self, who: Slice) -> bool:
        who = self.figures.normal(who)
        return who in self.choice.groups and not self.figures.domains[who].national


def to_five(count: int) -> int:
    """A count rounded to the nearest 5, as the policy for persons prints it."""
    return PERSONS_ROUNDED * ((count + PERSONS_ROUNDED // 2) // PERSONS_ROUNDED)


def _for_persons(cell: Cell, base: int) -> Cell:
    """A printed figure from rounded numbers: with the exact ones a percentage would give the count back.

    What the percentage is of (a row, a total, answers, the frame) is worked out from it; `base` is for noughts.
    """
    count = to_five(cell.count or 0)
    if cell.percent is None:
        return replace(cell, count=count)
    base = round(100 * (cell.count or 0) / cell.percent) if cell.percent else base
    shown = min(100, rounded(count, to_five(base))) if base else 0
    low, high = (None if limit is None else float(round(limit)) for limit in (cell.low, cell.high))
    mark = LOW if count and not shown else ""
    return replace(cell, count=count, percent=float(shown), shown=shown, mark=mark, se=None, low=low, high=high)


def _without(letters: str, gone: Set[str]) -> str:
    """Letters of columns without those of hidden ones."""
    return " ".join(letter for letter in letters.split() if letter not in gone)
