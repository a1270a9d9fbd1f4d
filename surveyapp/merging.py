"""Merging strata: where a cell of the frame is too small to hide anybody, which values may be taken together.

Values in, values out.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from surveyapp.frames import Frame, cell

Merges = Mapping[str, Mapping[str, str]]
"""For each stratum the values that get another name."""

MOST_ROUNDS = 200
LONGEST_NAME = 60


def merged(frame: Frame, merges: Merges) -> Frame:
    """The frame with values of its strata renamed; those that get one name are one stratum then."""
    if not any(merges.values()):
        return frame
    units = tuple(
        replace(unit, strata={name: merges.get(name, {}).get(value, value) for name, value in unit.strata.items()})
        for unit in frame.units
    )
    return replace(frame, units=units)


def sizes(frame: Frame, carry: Sequence[str]) -> dict[str, tuple[int, int]]:
    """Units of the frame in each carried cell, and how many of them are drawn."""
    found = Counter(cell(unit.strata, carry) for unit in frame.units)
    drawn = Counter(cell(unit.strata, carry) for unit in frame.units if unit.sampled)
    return {name: (n, drawn[name]) for name, n in sorted(found.items())}


def suggested(frame: Frame, carry: Sequence[str], at_least: int) -> dict[str, dict[str, str]]:
    """The merges by which every carried cell reaches `at_least` drawn units, {} if none is needed or none will do.

    Values of the same stratum are merged two at a time, the smallest cell first, with whatever leaves the fewest
    cells too small, then the most cells. It is a suggestion: neighbours on the map are not known here.
    """
    counts = Counter(tuple(unit.strata.get(name, "") for name in carry) for unit in frame.units if unit.sampled)
    for unit in frame.units:
        counts[tuple(unit.strata.get(name, "") for name in carry)] += 0
    groups: list[dict[str, tuple[str, ...]]] = [
        {values[i]: (values[i],) for values in counts} for i in range(len(carry))
    ]
    for _ in range(MOST_ROUNDS):
        if not _small(counts, at_least):
            break
        best = _best(counts, len(carry), at_least)
        if best is None:
            return {}
        place, one, other = best
        groups[place][one] = (*groups[place][one], *groups[place].pop(other))
        counts = _joined(counts, place, one, other)
    if _small(counts, at_least):
        return {}
    return {name: _renamed(groups[i]) for i, name in enumerate(carry) if _renamed(groups[i])}


Counts = Mapping[tuple[str, ...], int]


def _small(counts: Counts, at_least: int) -> list[tuple[str, ...]]:
    return sorted((values for values, n in counts.items() if n < at_least), key=lambda v: (counts[v], v))


def _best(counts: Counts, width: int, at_least: int) -> tuple[int, str, str] | None:
    """The stratum, by its place, and the two values of it to merge."""
    smallest = _small(counts, at_least)[0]
    found = []
    for place in range(width):
        others = sorted({values[place] for values in counts} - {smallest[place]})
        for other in others:
            after = _joined(counts, place, smallest[place], other)
            beside = sum(n for values, n in counts.items() if values[place] == other)
            found.append((len(_small(after, at_least)), -len(after), beside, place, smallest[place], other))
    return min(found)[3:] if found else None


def _joined(counts: Counts, place: int, one: str, other: str) -> Counter[tuple[str, ...]]:
    after: Counter[tuple[str, ...]] = Counter()
    for values, n in counts.items():
        value = one if values[place] == other else values[place]
        after[(*values[:place], value, *values[place + 1 :])] += n
    return after


def _renamed(groups: Mapping[str, Sequence[str]]) -> dict[str, str]:
    renamed = {}
    for members in groups.values():
        if len(members) > 1:
            name = joined_name(members)
            renamed.update(dict.fromkeys(members, name))
    return dict(sorted(renamed.items()))


def joined_name(values: Sequence[str]) -> str:
    """What values are called together: “East and West”, or the first with how many others."""
    ordered = sorted(values)
    name = f"{', '.join(ordered[:-1])} and {ordered[-1]}"
    if len(name) <= LONGEST_NAME:
        return name
    return f"{ordered[0][:LONGEST_NAME]} and {len(ordered) - 1} others"
