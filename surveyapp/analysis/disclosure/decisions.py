"""The record of disclosure control: which rule hid or flagged what, in words and never with a figure."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from surveyapp.analysis.disclosure.policy import DOMINANCE, PERSONS_HIDDEN, QUANTILE_OF, TOO_MUCH, Policy
from surveyapp.analysis.tables import Column, Table

HIDES = {
    "base": "Fewer than {base} answered. Nothing is printed of so few.",
    "group": "This group has fewer than {group} answers. Nothing is printed of so few.",
    "linked group": "With this group, the size of another group that is hidden could be worked out.",
    "cell": "This figure stands for fewer than {cell} answers.",
    "complement": "With this figure, another one that is hidden could be worked out.",
    "everything": "No smaller choice was found in time that protects the hidden figures linked with this one.",
    "contributors": "Fewer than 3 gave an amount.",
    "dominance": "Too much of it comes from the two largest: either could be estimated to within {near}%.",
    "quantile": "Fewer than {quantile} gave an amount. Quartiles of so few are nearly single answers.",
    "extreme": "The smallest and the largest amount are those of one organisation.",
    "mean": "With this mean, a figure that is hidden could be worked out.",
    "linked amount": "With this amount, another one that is hidden could be worked out.",
}
"""The rules that hide a figure, in words."""

SAYS = {
    "same answer": (
        "Everybody in a group gave the same answer, or nobody gave one, to a question that is sensitive. Whoever "
        "knows that an organisation is in the group knows what it answered. Consider merging groups."
    ),
    "unreliable": "A base under {reliable}: the figures are printed and marked [u].",
    "merge": "More than {much}% of this table is hidden. Merge categories or groups, and it will say more.",
}
"""The rules that only say something, in words."""

Position = tuple[int, int]


@dataclass(frozen=True)
class Decision:
    """Why something in a table is hidden or flagged: the rule, the same in words, and where. Never a figure.

    `cells` are codes of row and column; a column that shares its code with another has its headings before it.
    """

    table: str
    rule: str
    words: str
    cells: tuple[tuple[str, str], ...] = ()


def record(
    table: Table, rules: Mapping[Position, str], breakdown: Mapping[int, int], policy: Policy, sensitive: bool
) -> tuple[Decision, ...]:
    """The decisions on one table, not yet protected.

    `rules` tell what hides a figure, by row and column; `breakdown` has the size of each column that is a group.
    """
    return tuple(_Record(table, rules, breakdown, policy, sensitive).decisions())


def names(columns: Sequence[Column]) -> list[str]:
    """What to call each column: its code, or where several share it, headings and code."""
    codes = [column.code for column in columns]
    return [c.code if codes.count(c.code) == 1 else " / ".join((*c.headings, c.code)) for c in columns]


@dataclass(frozen=True)
class _Record:
    table: Table
    rules: Mapping[Position, str]
    breakdown: Mapping[int, int]
    policy: Policy
    sensitive: bool

    def decisions(self) -> Iterator[Decision]:
        places: dict[str, list[Position]] = defaultdict(list)
        for position, rule in sorted(self.rules.items()):
            places[rule].append(position)
        for rule in HIDES:
            if rule in places:
                yield self._decision(rule, HIDES[rule], places[rule])
        if same := list(self._same_answers()):
            yield self._decision("same answer", SAYS["same answer"], same)
        if unreliable := list(self._unreliable()):
            yield self._decision("unreliable", SAYS["unreliable"], unreliable)
        if self._too_much():
            yield self._decision("merge", SAYS["merge"], [])
        yield from self._proposals()

    def _decision(self, rule: str, template: str, positions: Sequence[Position]) -> Decision:
        policy, called = self.policy, names(self.table.columns)
        persons = policy.name == "persons"
        words = template.format(
            base=policy.smallest_base(True),
            group=policy.smallest_base(False),
            cell=PERSONS_HIDDEN + 1
            if persons
            else policy.sensitive_cell
            if self.sensitive
            else policy.minimum_cell,
            near=round(100 * DOMINANCE),
            quantile=QUANTILE_OF,
            reliable=policy.reliable,
            much=round(100 * TOO_MUCH),
        )
        cells = tuple((self.table.rows[r].code, called[c]) for r, c in positions)
        return Decision(self.table.id, rule, words, cells)

    def _figures(self) -> Iterator[Position]:
        """Where a group has a figure, hidden or not."""
        for r, row in enumerate(self.table.rows):
            yield from (
                (r, c) for c, cell in enumerate(row.cells) if c in self.breakdown and cell.count is not None
            )

    def _same_answers(self) -> Iterator[Position]:
        if self.sensitive:
            for r, c in self._figures():
                count = self.table.rows[r].cells[c].count
                if (r, c) not in self.rules and count in {0, self.breakdown[c]}:
                    yield r, c

    def _unreliable(self) -> Iterator[Position]:
        for r, c in self._figures():
            if (r, c) not in self.rules and self.breakdown[c] < self.policy.reliable:
                yield r, c

    def _too_much(self) -> bool:
        figures = list(self._figures())
        return sum(position in self.rules for position in figures) > TOO_MUCH * len(figures)

    # ── which groups to merge ──

    def _proposals(self) -> Iterator[Decision]:
        """For each banner with groups that are too small: which to put together."""
        banners: dict[tuple[str, ...], list[int]] = defaultdict(list)
        for c in self.breakdown:
            banners[self.table.columns[c].headings[:1]].append(c)
        small = {c for (_, c), rule in self.rules.items() if rule == "group"}
        for columns in banners.values():
            if wanting := small.intersection(columns):
                yield self._proposal(columns, wanting)

    def _proposal(self, columns: Sequence[int], small: set[int]) -> Decision:
        by_size = sorted(columns, key=lambda c: (c not in small, self.breakdown[c], c))
        least = self.policy.smallest_base(False)
        together: list[int] = []
        while by_size and (by_size[0] in small or sum(self.breakdown[c] for c in together) < least):
            together.append(by_size.pop(0))
        if sum(self.breakdown[c] for c in together) < least or len(together) == len(columns):
            words = "The groups of this banner are too small. Leave it out, or use fewer and larger groups."
        else:
            said = [self.table.columns[c].label for c in sorted(together)]
            words = f"Count {', '.join(said)} as one group, and it can be printed."
        return Decision(self.table.id, "merge groups", words)
