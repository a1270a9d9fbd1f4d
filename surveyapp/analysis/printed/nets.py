"""Printed nets beside their printed parts: rounded once from their own count, added up, or neither.

A report that adds up rounded percentages prints nets that may be a point or two off. Of each net it is told which
of the two ways can have given it, on any base on which the parts are possible.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from surveyapp.analysis.printed.percentages import Verdict, counts_of
from surveyapp.analysis.printed.published import PrintedNet, Published, shown_name
from surveyapp.analysis.tables import rounded


@dataclass(frozen=True, slots=True)
class NetVerdict:
    """One printed net: the sum of its printed parts, and every percentage that rounding once can give.

    `once` is empty where the parts are possible on no base. Of a multiple nothing is added up: a net is then
    between the largest part and the sum.
    """

    net: PrintedNet
    added: int
    once: tuple[int, ...]
    multiple: bool = False

    @property
    def ways(self) -> tuple[str, ...]:
        """Which of "added" and "once" can have given what is printed."""
        printed = self.net.percent
        found = [("added", printed == self.added and not self.multiple), ("once", printed in self.once)]
        return tuple(way for way, can in found if can)


def audit_nets(published: Published, verdicts: Sequence[Verdict]) -> list[NetVerdict]:
    """A verdict on each printed net whose question is printed too, in printed order."""
    by_row = {(verdict.question, verdict.row): verdict for verdict in verdicts}
    known = ((net, by_row.get((net.question, net.row))) for net in published.nets)
    return [_judged(net, verdict) for net, verdict in known if verdict is not None]


def describe_net(verdict: NetVerdict) -> str:
    """One line for a terminal."""
    net = verdict.net
    name = shown_name(net.question) + (f".{shown_name(net.row)}" if net.row else "")
    said = {
        ("added",): "the rounded percentages of its parts added up; rounded once it would be " + _or(verdict.once),
        ("once",): f"rounded once from its own count; its rounded parts add up to {verdict.added}",
        ("added", "once"): "rounded once or added up, both give it",
        (): f"neither rounded once ({_or(verdict.once)}) nor the sum of its rounded parts ({verdict.added})",
    }[verdict.ways]
    return f"{shown_name(net.table)}, {name} = {net.percent}: {said}"


def nets_as_json(verdicts: Sequence[NetVerdict]) -> list[dict[str, Any]]:
    """The verdicts as plain JSON."""
    return [
        {**asdict(v.net), "added": v.added, "rounded_once": list(v.once), "explained_by": list(v.ways)}
        for v in verdicts
    ]


def _or(percents: Sequence[int]) -> str:
    if not percents:
        return "nothing: its parts are possible on no base"
    return str(percents[0]) if len(percents) == 1 else f"{percents[0]} to {percents[-1]}"


def _judged(net: PrintedNet, verdict: Verdict) -> NetVerdict:
    added = sum(cell.percent for cell in verdict.printed.cells if cell.option in net.codes)
    multiple = verdict.printed.kind == "multiple"
    return NetVerdict(net, added, tuple(sorted(set(_once(net, verdict, multiple)))), multiple)


def _once(net: PrintedNet, verdict: Verdict, multiple: bool) -> Iterator[int]:
    """What the net can be on each possible base, from the counts that its parts and the other answers can have."""
    for base in verdict.bases:
        spans = {cell.option: counts_of(cell.percent, base) for cell in verdict.printed.cells}
        parts = [spans[code] for code in net.codes if code in spans]
        others = [span for code, span in spans.items() if code not in net.codes]
        low, high = sum(low for low, _ in parts), sum(high for _, high in parts)
        if multiple:
            low, high = max((low for low, _ in parts), default=0), min(high, base)
        else:
            low, high = (
                max(low, base - sum(high for _, high in others)),
                min(high, base - sum(low for low, _ in others)),
            )
        yield from (rounded(count, base) for count in range(low, high + 1))
