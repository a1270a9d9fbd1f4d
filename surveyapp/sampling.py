"""A stratified random sample of a frame, drawn so that anybody can draw it again.

Each unit gets the number SHA-256("surveyapp sample 1", the seed, the unit), joined by line feeds, in UTF-8; within
a stratum the units with the lowest numbers are drawn. The order of the file, the machine and the version of the
programme do not matter, and a unit that joins the list later moves no other one's number.
"""

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from surveyapp.documents import nearest
from surveyapp.frames import Frame, Unit, cell
from surveyapp.problems import Problem, Refused

MAX_SEED = 100


@dataclass(frozen=True)
class Design:
    """How many to draw: `each` from every value of the strata `by`, or `size` in all, shared out among them.

    Without strata the frame is one stratum.
    """

    by: tuple[str, ...] = ()
    each: int = 0
    size: int = 0

    def __str__(self) -> str:
        """In words, as the wave keeps it."""
        among = f" of each {' and '.join(self.by)}" if self.each else ""
        shared = f" in proportion to {' and '.join(self.by)}" if self.size and self.by else ""
        return f"{self.each or self.size}{among}{shared}"


def draw(frame: Frame, design: Design, seed: str) -> Frame:
    """The frame with its sample marked. Raises `Refused` for strata it has not, and sizes that it cannot give."""
    _check(frame, design, seed)
    strata: defaultdict[str, list[Unit]] = defaultdict(list)
    for unit in frame.units:
        strata[cell(unit.strata, design.by)].append(unit)
    wanted = allocation({name: len(units) for name, units in strata.items()}, design)
    drawn = {unit.unit for name, units in strata.items() for unit in in_order(units, seed)[: wanted[name]]}
    units = tuple(replace(unit, sampled=unit.unit in drawn) for unit in frame.units)
    return replace(frame, units=units, seed=f"{seed} ({design})")


def in_order(units: Sequence[Unit], seed: str) -> list[Unit]:
    """The units by their numbers under a seed."""
    return sorted(units, key=lambda unit: (number(seed, unit.unit), unit.unit))


def number(seed: str, unit: str) -> str:
    """The number of a unit under a seed, in hexadecimal digits."""
    return hashlib.sha256(f"surveyapp sample 1\n{seed}\n{unit}".encode()).hexdigest()


def allocation(sizes: Mapping[str, int], design: Design) -> dict[str, int]:
    """How many of each stratum are drawn.

    A stratum with fewer than `each` gives all it has. A `size` is shared out in proportion, and what is left by
    rounding down goes to the largest remainders; where they are equal to the larger stratum, then by name.
    """
    if design.each:
        return {name: min(design.each, size) for name, size in sizes.items()}
    total = sum(sizes.values())
    shares = {name: divmod(design.size * size, total) for name, size in sizes.items()}
    left = design.size - sum(whole for whole, _ in shares.values())
    first = sorted(sizes, key=lambda name: (-shares[name][1], -sizes[name], name))[:left]
    return {name: whole + (name in first) for name, (whole, _) in shares.items()}


def _check(frame: Frame, design: Design, seed: str) -> None:
    problems = [
        Problem(name, "the frame has no such stratum", nearest(name, list(frame.strata)))
        for name in design.by
        if name not in frame.strata
    ]
    if design.size > len(frame.units):
        problems.append(Problem("sample", f"the frame has only {len(frame.units):,} units", "draw fewer"))
    if not seed or len(seed) > MAX_SEED or not seed.isprintable():
        problems.append(Problem("seed", f"it is empty, over {MAX_SEED} long or does not print", "write a word"))
    if problems:
        raise Refused(problems)
