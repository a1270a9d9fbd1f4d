"""Complementary suppression: which more figures to hide so that no hidden one can be worked out.

The method is that of Fischetti and Salazar (2001): an integer program chooses the figures that cost least, an
attacker with linear programs looks for hidden figures that are still given away, each of these becomes a new
inequality of the program, and so on until the attacker finds none.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from surveyapp.analysis.disclosure.attacker import SLACK, Attacker, Contradiction, Limit, interval
from surveyapp.analysis.disclosure.linking import Links, System, TooMany, text
from surveyapp.analysis.tables import Slice

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

ROUNDS, MORE_ROUNDS = 20, 40
"""After so many programs the cheapest figures that may help are hidden for good; in the end, all."""

FOUND_AT_ONCE = 24
"""So many figures given away are looked for before the program runs again."""

SECONDS = 3.0
"""What one integer program may take."""

PASSES = 3
"""How often limits are handed on from sum to sum."""

LOOKS, FEW, GOLDEN = 24, 4, 0.6180339887498949
"""How often to look around, for how many figures it is worth it, and what scatters the directions evenly."""


@dataclass(frozen=True)
class Figure:
    """One number of a release, wherever it is printed.

    `cost` is what hiding it loses, None if it must stay. `least` is how far apart the limits must be that a
    reader finds for it once it is hidden. Figures of one `group` are hidden together, and a figure with those that
    it stands `under`. `low` and `high` say what its printed form tells: the number itself unless it is rounded.
    """

    who: Slice
    value: int
    least: int
    cost: float | None = None
    hidden: bool = False
    group: Slice | None = None
    low: int | None = None
    high: int | None = None
    under: frozenset[Slice] = frozenset()


@dataclass(frozen=True)
class Suppression:
    """Every hidden figure. `given_up` are those hidden because no better answer was found in time."""

    hidden: frozenset[Slice]
    given_up: frozenset[Slice] = frozenset()


def suppress(figures: Mapping[Slice, Figure], links: Links, unknown: Set[Slice] = frozenset()) -> Suppression:
    """The figures to hide: those that are hidden already and as few others as protect them.

    `unknown` are figures of `links` that are not printed and not looked after here. Every figure of `links` that
    is neither among `figures` nor `unknown` counts as known to the reader.
    """
    hidden = frozenset(who for who, figure in figures.items() if figure.hidden)
    if not hidden:
        return Suppression(hidden)
    known = _known(figures, links, unknown)
    try:
        parts = list(links.system(known, hidden).parts())
    except TooMany:
        rest = frozenset(who for who, figure in figures.items() if figure.cost is not None)
        return Suppression(hidden | rest, rest - hidden)
    given_up: frozenset[Slice] = frozenset()
    for part in parts:
        more, gave_up = _of_part(part, figures, links)
        hidden |= more
        given_up |= more if gave_up else frozenset()
    return Suppression(hidden, given_up)


def given_away(
    figures: Mapping[Slice, Figure], links: Links, unknown: Set[Slice] = frozenset()
) -> dict[Slice, tuple[int, int]]:
    """The hidden figures whose limits are nearer than they could be and must be, with the limits: an audit."""
    hidden = frozenset(who for who, figure in figures.items() if figure.hidden)
    found: dict[Slice, tuple[int, int]] = {}
    if not hidden:
        return found
    for part in links.system(_known(figures, links, unknown), hidden).parts():
        program = _Program(part, figures, links)
        found |= {part.unknowns[place]: limits for place, limits in program.audited()}
    return found


def _known(figures: Mapping[Slice, Figure], links: Links, unknown: Set[Slice]) -> frozenset[Slice]:
    """Figures whose number the reader has for certain: not hidden, not to be hidden, and not rounded."""
    exact = {
        who
        for who, f in figures.items()
        if not f.hidden and f.cost is None and (f.low is None or f.low == f.value == f.high)
    }
    return frozenset(who for who in links.values if who in exact or (who not in figures and who not in unknown))


def _of_part(part: System, figures: Mapping[Slice, Figure], links: Links) -> tuple[frozenset[Slice], bool]:
    """What more to hide in one part of the release, and whether that is everything for want of an answer."""
    program = _Program(part, figures, links)
    if not program.must.any() or program.must.all():
        return frozenset(), False
    try:
        found = program.solved()
    except Contradiction:
        found = None
    chosen = program.everything() if found is None else found
    return frozenset(who for who in program.hidden(chosen) if not figures[who].hidden), found is None


@dataclass(frozen=True)
class _Cut:
    """An inequality of the program: what groups of figures are worth to the figure at `place`.

    Terms are gains, less what the figure asks for if it is hidden. They must not add up to less than nought.
    """

    place: int
    terms: Mapping[int, float]


class _Program:
    """The integer program of one part: which groups of figures are hidden."""

    def __init__(self, part: System, figures: Mapping[Slice, Figure], links: Links) -> None:
        self.part = part
        self.attacker = Attacker(part)
        self.figures = {i: figures[who] for i, who in enumerate(part.unknowns) if who in figures}
        groups = sorted({self._group(f) for f in self.figures.values() if self._open(f)}, key=text)
        number = {group: g for g, group in enumerate(groups)}
        self.group = {i: number[self._group(f)] for i, f in self.figures.items() if self._open(f)}
        self.cost = np.zeros(len(groups))
        self.must = np.zeros(len(groups), dtype=np.bool_)
        for i, g in self.group.items():
            self.cost[g] += self.figures[i].cost or 0.0
            self.must[g] |= self.figures[i].hidden
        self.forced = self.must.copy()
        self._set_bounds(_most(links))
        self.least = {i: min(float(self.figures[i].least), float(self.open_high[i])) for i in self.group}
        self.looked: set[int] = set()
        self.cuts: list[_Cut] = []
        self._first_cuts()
        self._keep_under()

    @staticmethod
    def _open(figure: Figure) -> bool:
        return figure.hidden or figure.cost is not None

    @staticmethod
    def _group(figure: Figure) -> Slice:
        return figure.who if figure.group is None else figure.group

    def _set_bounds(self, most: int) -> None:
        """Between what limits each figure lies when it is printed, and when it is hidden."""
        self.low, self.high = np.zeros(self.part.size), np.full(self.part.size, np.inf)
        self.high[: len(self.part.unknowns)] = most
        for i, figure in self.figures.items():
            self.low[i] = figure.value if figure.low is None else figure.low
            self.high[i] = figure.value if figure.high is None else figure.high
        self.open_high = self.high.copy()
        self.open_high[list(self.group)] = most
        self._reach(self.open_high)

    def _reach(self, high: Floats) -> None:
        """Lower the most that figures can be, all hidden that may be, to what their sums allow."""
        for _ in range(PASSES):
            for equation in self.part.equations:
                for place, factor in equation.terms:
                    against = sum(-c * factor * high[i] for i, c in equation.terms if c * factor < 0)
                    high[place] = min(high[place], max(0.0, equation.total * factor + against))

    def places(self, chosen: Flags) -> list[int]:
        """Where the hidden figures are that must be protected."""
        return [i for i, g in self.group.items() if chosen[g] and self.least[i] > 0]

    def hidden(self, chosen: Flags) -> list[Slice]:
        """The figures that are hidden with these groups."""
        return [self.part.unknowns[i] for i, g in self.group.items() if chosen[g]]

    def bounds(self, chosen: Flags) -> tuple[Floats, Floats]:
        """What the reader knows of each figure by itself."""
        low, high = self.low.copy(), self.high.copy()
        for i, g in self.group.items():
            if chosen[g]:
                low[i], high[i] = 0.0, self.open_high[i]
        return low, high

    def solved(self) -> Flags | None:
        """The groups to hide; None if that is not known after `ROUNDS`. Raises `Contradiction`."""
        chosen: Flags | None = self.must
        for turn in range(ROUNDS + MORE_ROUNDS):
            if self.cuts:
                chosen = self._cheapest()
            before = {id(cut) for cut in self.cuts}
            if chosen is None or not self._cut(chosen):
                return chosen
            if turn >= ROUNDS:
                self._settle(chosen, [cut for cut in self.cuts if id(cut) not in before])
        return None

    def everything(self) -> Flags:
        """Every figure that stands under a heading, if that protects them; with the headings if it does not."""
        figures = np.ones_like(self.must)
        headings = {who for figure in self.figures.values() for who in figure.under}
        figures[[g for i, g in self.group.items() if self.figures[i].who in headings]] = False
        try:
            return np.ones_like(self.must) if self._cut(figures | self.must) else figures | self.must
        except Contradiction:
            return np.ones_like(self.must)

    def _settle(self, chosen: Flags, newest: Sequence[_Cut]) -> None:
        """Hide for good what the newest inequalities can do with at the least cost."""
        self.forced |= chosen
        for cut in newest:
            helping = sorted((g for g, gain in cut.terms.items() if gain > 0), key=lambda g: (self.cost[g], g))
            self.forced[[g for g in helping if not chosen[g]][:2]] = True

    def _cheapest(self) -> Flags | None:
        """The groups that cost least and obey every inequality found so far."""
        from scipy.optimize import Bounds, LinearConstraint, milp
        from scipy.sparse import csr_array

        terms = [(r, g, factor) for r, cut in enumerate(self.cuts) for g, factor in cut.terms.items()]
        rows, columns, factors = ([term[k] for term in terms] for k in range(3))
        matrix = csr_array((factors, (rows, columns)), shape=(len(self.cuts), len(self.cost)))
        found: Any = milp(
            self.cost,
            integrality=np.ones(len(self.cost)),
            bounds=Bounds(self.forced.astype(float), 1.0),
            constraints=LinearConstraint(matrix, lb=-SLACK),
            options={"time_limit": SECONDS},
        )
        return None if found.x is None else np.round(found.x).astype(np.bool_)

    # ── inequalities from single equations ──

    def _first_cuts(self) -> None:
        """What each equation by itself asks for: a figure is not hidden alone in it, nor beside noughts only."""
        for equation in self.part.equations:
            if all(i in self.group for i, _ in equation.terms):
                for place, factor in equation.terms:
                    self._cut_by_sum(place, factor, equation.terms)

    def _keep_under(self) -> None:
        """What is printed under a heading goes with it."""
        place = {who: i for i, who in enumerate(self.part.unknowns)}
        for i, g in self.group.items():
            over = {self.group[place[who]] for who in self.figures[i].under if place.get(who) in self.group}
            self.cuts += [_Cut(-1, {g: 1.0, heading: -1.0}) for heading in sorted(over - {g})]

    def _cut_by_sum(self, place: int, factor: float, terms: Iterable[tuple[int, float]]) -> None:
        """In a sum of parts a figure can be as large as itself and its hidden partners, and no larger."""
        figure = self.figures[place]
        if any(self.figures[i].low is not None for i, _ in terms):
            return
        others = [(i, c * factor < 0) for i, c in terms if i != place]
        if not others:
            self.least[place] = 0.0  # another name of a figure that is printed for certain
            return
        if not any(of_whole for _, of_whole in others):
            reach = figure.value + sum(self.figures[i].value for i, _ in others)
            self.least[place] = min(self.least[place], float(reach))
        lacking = self.least[place] - figure.value
        wanted = self.least[place] if lacking <= 0 else lacking
        if wanted <= 0:
            return
        worth = {
            i: wanted if of_whole or lacking <= 0 else min(self.figures[i].value, lacking)
            for i, of_whole in others
        }
        self._add(place, wanted, worth)

    def _add(self, place: int, wanted: float, worth: Mapping[int, float]) -> None:
        """If the figure at `place` is hidden, the hidden ones of `worth` must be worth `wanted` together."""
        cut: dict[int, float] = {}
        for i, gain in worth.items():
            if self.group[i] == self.group[place]:
                return
            cut[self.group[i]] = max(cut.get(self.group[i], 0.0), gain)
        cut[self.group[place]] = -wanted
        self.cuts.append(_Cut(place, cut))

    # ── inequalities from the attacker ──

    def _cut(self, chosen: Flags) -> bool:
        """Look for figures that are given away; an inequality for each. Whether there were any."""
        low, high = self.bounds(chosen)
        seen = _Seen(self, chosen)
        seen.look_around(low, high)
        found = 0
        for place in seen.waiting():
            if seen.is_safe(place):
                continue
            least = self.attacker.limit(place, False, low, high)
            most = self.attacker.limit(place, True, low, high)
            seen.add(least.table)
            seen.add(most.table)
            if most.value - least.value < self._wanted(place, most.value - least.value) - SLACK:
                self._cut_by_attack(place, chosen, least, most)
                found += 1
            if found >= FOUND_AT_ONCE:
                break
        return found > 0

    def _wanted(self, place: int, apart: float) -> float:
        """How far apart the limits of a figure must be: never farther than with everything hidden.

        That is looked up once it is given away, and the inequalities that ask for more are dropped.
        """
        if place not in self.looked and apart < self.least[place] - SLACK:
            self.looked.add(place)
            at_most = self._at_most(place)
            if at_most < self.least[place]:
                self.least[place] = at_most
                self.cuts = [cut for cut in self.cuts if cut.place != place]
        return self.least[place]

    def _cut_by_attack(self, place: int, chosen: Flags, least: Limit, most: Limit) -> None:
        """How much wider the limits get with each further group: never by more than the marginals say."""
        gains = np.zeros(len(self.cost))
        for i, g in self.group.items():
            below, above = self.low[i], self.open_high[i] - self.high[i]
            gains[g] += below * (least.from_low[i] + most.from_low[i])
            gains[g] -= above * (least.from_high[i] + most.from_high[i])
        fixed = most.value - least.value - float(gains @ chosen)
        wanted = self.least[place] - fixed
        gains = np.minimum(np.maximum(gains, 0.0), wanted)
        own = self.group[place]
        cut = {g: float(gain) for g, gain in enumerate(gains) if gain > SLACK and g != own}
        cut[own] = float(gains[own]) - wanted
        self.cuts.append(_Cut(place, cut))

    def audited(self) -> Iterator[tuple[int, tuple[int, int]]]:
        """The hidden figures that are given away, though hiding more would help, with their limits."""
        low, high = self.bounds(self.must)
        for place in self.places(self.must):
            first, last = interval(self.attacker, place, low, high)
            if last - first < min(self.least[place], self._at_most(place)):
                yield place, (first, last)

    def _at_most(self, place: int) -> float:
        """How far apart the limits of a figure are with everything hidden."""
        low, high = self.bounds(np.ones_like(self.must))
        first, last = interval(self.attacker, place, low, high)
        return float(max(0, last - first))


def _most(links: Links) -> int:
    """What no figure is more than: everybody, or where no table counts everybody, all figures together."""
    numbers = links.values.values()
    return max(numbers, default=1) if frozenset() in links.values else sum(numbers) or 1


class _Seen:
    """Between what values hidden figures lie in the tables that a reader must take for possible, so far.

    A figure that has been seen far enough apart is safe, and needs no programs of its own. The first such table
    is the true one.
    """

    def __init__(self, program: _Program, chosen: Flags) -> None:
        self.attacker = program.attacker
        self.places = np.array(program.places(chosen), dtype=np.intp)
        self.wanted = np.array([program.least[i] for i in self.places])
        self.least = np.array([float(program.figures[i].value) for i in self.places])
        self.most = self.least.copy()

    def add(self, table: Floats) -> None:
        """One more possible table."""
        np.minimum(self.least, table[self.places], out=self.least)
        np.maximum(self.most, table[self.places], out=self.most)

    def is_safe(self, place: int) -> bool:
        """Whether a figure has been seen far enough apart."""
        return bool(self._safe[self.places == place].all())

    def waiting(self) -> list[int]:
        """The figures that have not."""
        return [int(place) for place in self.places[~self._safe]]

    @property
    def _safe(self) -> Flags:
        safe: Flags = self.most - self.least >= self.wanted - SLACK
        return safe

    def look_around(self, low: Floats, high: Floats) -> None:
        """Tables at the edges in many directions, for as long as each makes a tenth of the rest safe."""
        left = len(self.places)
        for turn in range(LOOKS):
            aim = np.zeros(len(low))
            waiting = np.array(self.waiting(), dtype=np.intp)
            if len(waiting) < FEW:
                return
            aim[waiting] = (np.arange(1, len(waiting) + 1) * GOLDEN * (turn // 2 + 1)) % 1.0 - 0.5
            self.add(self.attacker.table(aim if turn % 2 else -aim, low, high))
            if turn % 2 and left - len(self.waiting()) < left / 10:
                return
            left = len(self.waiting())
