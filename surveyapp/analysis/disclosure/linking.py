"""Which figures of a release hang together: the sums that a reader knows, as linear equations.

Each figure counts a `Slice`. Along one of its conditions it is part of a line: the answers of a question within a
region, or the regions within an answer. The parts of a line add up to its whole, and a figure of several codes to
the figures of its codes. Nothing else is assumed, so tables, filters, nets, totals and nested banners are all
linked in the same way.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass
from itertools import pairwise

from surveyapp.analysis.tables import NO_ANSWER, UNASKED, Slice

Codes = frozenset[str]

Same = Mapping[tuple[str, str], tuple[str, Codes]]
"""For a variable and a code of it, another variable with the codes that name the same people."""

ANSWERED = "answered"
"""The code of those who answered a multiple or ranking, the same whichever option is looked at."""

REST = "\u2026"
"""The code that stands for all codes of a variable that no figure names."""

TICKED = frozenset({"1"})
"""The code of an option of a multiple that was chosen."""

TOO_MANY = 20_000
"""With more unknown figures than this the equations are not written down."""


@dataclass(frozen=True)
class Equation:
    """Terms that add up to `total`: the place of an unknown figure and what it is multiplied by."""

    terms: tuple[tuple[int, float], ...]
    total: float


@dataclass(frozen=True)
class System:
    """Unknown figures, none of them negative, and the equations between them.

    `unknowns` are slices; those after them, to `size`, are what is left between the sides of an inequality.
    """

    unknowns: tuple[Slice, ...]
    equations: tuple[Equation, ...]
    size: int

    def parts(self) -> Iterator["System"]:
        """The same in parts that share no figure."""
        leader = list(range(self.size))

        def lead(place: int) -> int:
            while leader[place] != place:
                leader[place] = leader[leader[place]]
                place = leader[place]
            return place

        for equation in self.equations:
            for (a, _), (b, _) in pairwise(equation.terms):
                leader[lead(a)] = lead(b)
        groups: dict[int, list[int]] = defaultdict(list)
        for place in range(self.size):
            groups[lead(place)].append(place)
        equations: dict[int, list[Equation]] = defaultdict(list)
        for equation in self.equations:
            if equation.terms:
                equations[lead(equation.terms[0][0])].append(equation)
        for first, places in groups.items():
            yield self._part(places, equations[first])

    def _part(self, places: list[int], equations: Iterable[Equation]) -> "System":
        new = {place: i for i, place in enumerate(places)}
        unknowns = tuple(self.unknowns[place] for place in places if place < len(self.unknowns))
        moved = (Equation(tuple((new[i], c) for i, c in e.terms), e.total) for e in equations)
        return System(unknowns, tuple(moved), len(places))


class TooMany(Exception):
    """There are more figures than can be looked at together."""


# ── slices ───────────────────────────────────────────────────────────────────


def normal(who: Slice, families: Mapping[str, Codes]) -> Slice:
    """`who` with one condition a variable, in the one form that all slices of the same people share.

    `families` are questions whose options are answered together (multiple, rank) with the codes of an answer:
    having answered one option is having answered the question.
    """
    merged: dict[str, Codes] = {}
    for name, codes in who:
        merged[name] = merged[name] & codes if name in merged else codes
    for name in [name for name in merged if family(name, families)]:
        question, codes = family(name, families), merged[name]
        answer = families[question]
        if codes >= answer or codes <= {NO_ANSWER, UNASKED}:
            del merged[name]
            state = codes - answer | ({ANSWERED} if codes >= answer else set())
            merged[question] = merged.get(question, state) & state
    for question in families:
        if merged.get(question) == frozenset({ANSWERED}) and any(
            family(name, families) == question for name in merged
        ):
            del merged[question]
    return frozenset(merged.items())


def family(name: str, families: Mapping[str, Codes]) -> str:
    """The multiple or ranking that a variable is an option of; "" for none."""
    question, dot, _ = name.partition(".")
    return question if dot and question in families else ""


def topic(name: str) -> str:
    """The question that a variable belongs to; a stratum is its own."""
    return name if name.startswith(("unit.", "if ")) else name.partition(".")[0]


def topics(who: Slice) -> frozenset[str]:
    """The questions and strata that a slice has conditions on."""
    return frozenset(topic(name) for name, _ in who)


def text(who: Slice) -> str:
    """A slice in one order of words, the same for equal slices."""
    return "; ".join(f"{name}={','.join(sorted(codes))}" for name, codes in sorted(who, key=lambda c: c[0]))


# ── equations ────────────────────────────────────────────────────────────────


class Links:
    """The lines that the figures of a release stand in.

    `values` are all figures, printed or not, by who is counted; `same` are codes that say the same.
    """

    def __init__(
        self, values: Mapping[Slice, int], families: Mapping[str, Codes] | None = None, same: Same | None = None
    ) -> None:
        self.values = values
        self.families = families or {}
        self.same = same or {}
        self.lines: dict[tuple[Slice, str], set[Codes]] = defaultdict(set)
        self.over: dict[Slice, set[str]] = defaultdict(set)
        self.unions: dict[Slice, set[tuple[Slice, str]]] = defaultdict(set)
        self.twins: dict[Slice, set[Slice]] = defaultdict(set)
        for who in values:
            self._enter_all(who)
        sets: dict[str, set[Codes]] = defaultdict(set)
        for (_, name), codes_there in self.lines.items():
            sets[name] |= codes_there
        self.classes = {name: _classes(sets_there) for name, sets_there in sets.items()}
        self.closed = self._closed()

    def _enter_all(self, who: Slice) -> None:
        for name, codes in who:
            self._enter(who - {(name, codes)}, name, codes)
        for twin in self._said_otherwise(who):
            if twin not in self.twins[who]:
                self.twins[who].add(twin)
                self.twins[twin].add(who)
                self._enter_all(twin)

    def _said_otherwise(self, who: Slice) -> Iterator[Slice]:
        """The same people under other names."""
        if not self.same:
            return
        for name, codes in who:
            others = [self.same.get((name, code)) for code in sorted(codes)]
            named = [other for other in others if other is not None]
            if len(named) == len(others) and len({other for other, _ in named}) == 1:
                joined = frozenset(code for _, some in named for code in some)
                twin = normal(who - {(name, codes)} | {(named[0][0], joined)}, self.families)
                if all(some for _, some in twin):
                    yield twin

    def _enter(self, rest: Slice, name: str, codes: Codes) -> None:
        self.lines[rest, name].add(codes)
        self.over[self.whole(rest, name)].add(name)
        if "+" in name and codes == TICKED:
            for option in name.split("+"):
                self.unions[rest | {(option, TICKED)}].add((rest, name))
            self.unions[rest | {(name, TICKED)}].add((rest, name))

    def whole(self, rest: Slice, name: str) -> Slice:
        """What the parts of a line add up to: of an option, those who answered its question."""
        question = family(name, self.families)
        if not question:
            return rest
        return normal(rest | {(question, frozenset({ANSWERED}))}, self.families)

    def _closed(self) -> set[str]:
        """The variables whose named codes are all there are, as the figures themselves show."""
        found: dict[str, bool] = {}
        for rest, name in self.lines:
            parts = [rest | {(name, codes)} for codes in self.classes[name]]
            whole = self.whole(rest, name)
            if found.get(name, True) and whole in self.values and all(part in self.values for part in parts):
                found[name] = self.values[whole] == sum(self.values[part] for part in parts)
        return {name for name, exact in found.items() if exact}

    def lines_of(self, who: Slice) -> Iterator[tuple[Slice, str]]:
        """The lines that a figure is a part or the whole of."""
        for name, codes in sorted(who, key=_by_name):
            yield who - {(name, codes)}, name
        for name in sorted(self.over.get(who, ())):
            question = family(name, self.families)
            yield (who - {(question, frozenset({ANSWERED}))} if question else who), name

    def sums(self, rest: Slice, name: str) -> Iterator[tuple[Slice, list[Slice]]]:
        """The figures of one line that are sums of others."""
        of = {codes: rest | {(name, codes)} for codes in self.classes.get(name, ())}
        unnamed = [] if name in self.closed else [rest | {(name, frozenset({REST}))}]
        yield self.whole(rest, name), [*of.values(), *unnamed]
        for codes in sorted(self.lines.get((rest, name), ()), key=sorted):
            if codes not in of:
                yield rest | {(name, codes)}, [of[part] for part in of if part <= codes]

    def equals(self, who: Slice) -> list[Slice]:
        """The same people under other names."""
        return sorted({*self.twins.get(who, ()), *self._said_otherwise(who)} - {who}, key=text)

    def bounds(self, who: Slice) -> Iterator[tuple[list[Slice], list[Slice]]]:
        """Figures that are at least as many as others: who ticked any option are as many as ticked one of them,
        and the ticks are as many as those who ticked any.
        """
        for rest, name in sorted(self.unions.get(who, ()), key=lambda line: line[1]):
            any_of = rest | {(name, TICKED)}
            parts = [rest | {(option, TICKED)} for option in name.split("+")]
            for part in parts:
                yield [any_of], [part]
            yield parts, [any_of]

    def system(self, known: Set[Slice], seeds: Iterable[Slice]) -> System:
        """The equations between all unknown figures that `seeds` hang together with.

        `known` are figures that the reader has for certain. Raises `TooMany`.
        """
        return _Writing(self, known).system(seeds)


class _Writing:
    """Follows figures along their lines and writes down the equations."""

    def __init__(self, links: Links, known: Set[Slice]) -> None:
        self.links = links
        self.known = known
        self.place: dict[Slice, int] = {}
        self.sums: dict[tuple[Slice, str], None] = {}
        self.bounds: dict[tuple[Slice, ...], tuple[list[Slice], list[Slice]]] = {}
        self.twins: dict[frozenset[Slice], tuple[Slice, Slice]] = {}
        self.rests: dict[Slice, int | None] = {}
        self.equations: list[Equation] = []

    def system(self, seeds: Iterable[Slice]) -> System:
        waiting = sorted(set(seeds) - self.known, key=text)
        while waiting:
            who = waiting.pop()
            if who in self.place:
                continue
            if len(self.place) >= TOO_MANY:
                raise TooMany
            self.place[who] = len(self.place)
            waiting += self._about(who)
        for line in self.sums:
            for whole, parts in self.links.sums(*line):
                self._write([whole], parts, None)
        for one, other in self.twins.values():
            self._write([one], [other], None)
        slacks = 0
        for larger, smaller in self.bounds.values():
            slacks += self._write(larger, smaller, len(self.place) + slacks)
        return System(tuple(self.place), tuple(self.equations), len(self.place) + slacks)

    def _about(self, who: Slice) -> Iterator[Slice]:
        """Every unknown figure in the sums and bounds that one stands in."""
        for line in self.links.lines_of(who):
            if line not in self.sums:
                self.sums[line] = None
                for whole, parts in self.links.sums(*line):
                    yield from (other for other in (whole, *parts) if self._unknown(other))
        for other in self.links.equals(who):
            self.twins.setdefault(frozenset({who, other}), (who, other))
            yield from [other] if self._unknown(other) else []
        for larger, smaller in self.links.bounds(who):
            if (*larger, *smaller) not in self.bounds:
                self.bounds[*larger, *smaller] = (larger, smaller)
                yield from (other for other in (*larger, *smaller) if self._unknown(other))

    def _unknown(self, who: Slice) -> bool:
        """Whether it has a place of its own. Of everybody nothing is said where nobody has counted them."""
        return who not in self.known and (bool(who) or who in self.links.values) and self._rest(who) is None

    def _rest(self, who: Slice) -> int | None:
        """The number of those whom no figure counts, where they are all that is missing from known figures."""
        if who in self.links.values:
            return None
        if who not in self.rests:
            self.rests[who] = self._left_over(who)
        return self.rests[who]

    def _left_over(self, who: Slice) -> int | None:
        for name, codes in who:
            whole, parts = next(self.links.sums(who - {(name, codes)}, name))
            if who in parts and {whole, *parts} - {who} <= self.known:
                return self.links.values[whole] - sum(self.links.values[part] for part in parts if part != who)
        return None

    def _write(self, larger: list[Slice], smaller: list[Slice], slack: int | None) -> bool:
        """An equation, or with a slack an inequality. Says whether there was any unknown in it."""
        terms: dict[int, float] = defaultdict(float)
        total = 0.0
        for who, factor in [*((who, 1.0) for who in larger), *((who, -1.0) for who in smaller)]:
            if who in self.known:
                total -= factor * self.links.values[who]
            elif (rest := self._rest(who)) is not None:
                total -= factor * rest
            elif not self._unknown(who):
                return False
            else:
                terms[self.place[who]] += factor
        if not any(terms.values()):
            return False
        if slack is not None:
            terms[slack] = -1.0
        self.equations.append(Equation(tuple((i, c) for i, c in terms.items() if c), total))
        return True


def _by_name(condition: tuple[str, Codes]) -> str:
    return condition[0]


def _classes(sets: Iterable[Codes]) -> list[Codes]:
    """The coarsest parts of which all these sets are made."""
    belongs: dict[str, list[int]] = defaultdict(list)
    for i, codes in enumerate(sets):
        for code in codes:
            belongs[code].append(i)
    groups: dict[tuple[int, ...], set[str]] = defaultdict(set)
    for code, where in belongs.items():
        groups[tuple(where)].add(code)
    return sorted((frozenset(codes) for codes in groups.values()), key=sorted)
