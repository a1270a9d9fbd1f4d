"""The same question in several waves, or for several audiences, matched by what authors declare.

Each column is a wave with its own base and population. Between waves of one survey the comparison of their
questionnaires says whether the line goes on; where it breaks there is no change to print, and the reason stands in
the notes. A code that a wave did not offer is not available there, never 0.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from surveyapp.analysis.banner import one_line
from surveyapp.analysis.estimation import margins
from surveyapp.analysis.estimation.weights import FloatArray
from surveyapp.analysis.tables import BREAK, UNAVAILABLE, Base, Cell, Column, Table, TableRow
from surveyapp.instrument import Instrument
from surveyapp.instrument.comparing import Verdict, compare

CHANGE = "change"
"""What the code of a column of changes begins with."""


@dataclass(frozen=True)
class Seen:
    """One wave's own table of a question, as it may be printed; None where it was not asked.

    `variable` is what the question is called there, `notes` what must be said of how its answers were weighted.
    """

    wave: str
    instrument: Instrument
    variable: str
    table: Table | None
    notes: tuple[str, ...] = ()


def same_question(variable: str, new: Instrument, old: Instrument) -> str | None:
    """What a question, or `question.row`, of `new` is called in `old`; None if `old` does not have it.

    In the same survey by its id or the one it had before, in another by its concept.
    """
    name, dot, row = variable.partition(".")
    question = new.questions[name]
    if new.survey != old.survey:
        found = next((q for q in old.questions.values() if q.concept and q.concept == question.concept), None)
        return f"{found.id}{dot}{row}" if found is not None else None
    for candidate in (name, question.was):
        if candidate is not None and candidate in old.questions:
            return f"{candidate}{dot}{row}"
    return None


def trend(seen: Sequence[Seen], latest: Table) -> Table:
    """A column a wave, oldest first, and the change from each to the next in points, with its margin.

    `latest` is the table of the last wave. The tables must have intervals where changes are to have margins. Waves
    are taken as independent.
    """
    links = [_Link(before, after) for before, after in pairwise(seen)]
    rows = []
    for code, like in _lines(seen).items():
        cells = [_cell(each.table, code) for each in seen]
        rows.append(_row(latest, code, like, [*cells, *_changes(cells, [link.why(code) for link in links])]))
    columns = (*map(_column, seen), *(_change_column(link.before, link.after) for link in links))
    said = [note for link in links for note in link.notes(row.code for row in rows)]
    notes = tuple(dict.fromkeys([*said, *_weights(seen), *_wordings(seen)]))
    return replace(latest, kind="trend", columns=columns, rows=tuple(rows), notes=notes, tests=())


def side_by_side(seen: Sequence[Seen], latest: Table) -> Table:
    """A column an audience: the same concept asked of several, each with its own base. Never added up."""
    lines = _lines(seen)
    rows = [_row(latest, code, like, [_cell(each.table, code) for each in seen]) for code, like in lines.items()]
    note = "These are different questionnaires that ask about the same concept. Each column has a base of its own."
    columns = tuple(map(_column, seen))
    only = f"Of {seen[-1].wave}, only those are counted of whom this holds: {latest.where}."
    alone = f"The answers of {seen[-1].wave} are weighted, the others are not."
    weighted = latest.base.weighted_n is not None
    own = [*([only] if latest.where else []), *([alone] if weighted else [])]
    notes = (note, *own, *_weights(seen), *_wordings(seen))
    return replace(latest, kind="trend", columns=columns, rows=tuple(rows), notes=notes, where="", tests=())


# ── rows and columns ─────────────────────────────────────────────────────────


def _column(each: Seen) -> Column:
    if each.table is None:
        return Column(each.wave, each.wave, headings=("Wave",), base=Base("answered", 0, 0, 0))
    base, flag = each.table.base, each.table.columns[0].flag
    return Column(each.wave, each.wave, headings=("Wave",), base=base, flag=flag, who=base.who)


def _change_column(before: Seen, after: Seen) -> Column:
    label = f"{before.wave} to {after.wave}, points"
    return Column(f"{CHANGE} {before.wave} {after.wave}", label, headings=("Change",))


def _lines(seen: Sequence[Seen]) -> dict[str, TableRow]:
    """Every row of any wave by its code: those of the latest first, in its order."""
    found: dict[str, TableRow] = {}
    for each in reversed(seen):
        for row in each.table.rows if each.table is not None else ():
            found.setdefault(row.code, row)
    return found


def _cell(table: Table | None, code: str) -> Cell:
    row = next((row for row in table.rows if row.code == code), None) if table is not None else None
    return Cell(None, None, None, UNAVAILABLE) if row is None else row.cells[0]


def _row(latest: Table, code: str, like: TableRow, cells: Sequence[Cell]) -> TableRow:
    """The base and the missing of a row are those of the last wave."""
    own = any(row.code == code for row in latest.rows)
    made = like if own else replace(like, base=0, no_reply=0, not_asked=0, weighted_base=None)
    return replace(made, cells=tuple(cells))


# ── changes ──────────────────────────────────────────────────────────────────


def _changes(cells: Sequence[Cell], breaks: Sequence[str]) -> list[Cell]:
    pairs = zip(cells, cells[1:], breaks, strict=False)
    return [Cell(None, None, None, BREAK) if why else _change(before, after) for before, after, why in pairs]


def _change(before: Cell, after: Cell) -> Cell:
    """Later less earlier, in points or in the unit of the value, with limits where both have them."""
    one, other = _figure(before), _figure(after)
    if one is None or other is None:
        return Cell(None, None, None, UNAVAILABLE)
    decimals = after.decimals if after.value is not None else 0
    plain = Cell(None, None, None, value=other - one, decimals=decimals)
    if None in (before.low, before.high, after.low, after.high):
        return plain
    found = margins.difference(_estimates(before, one), _estimates(after, other))
    return replace(plain, se=float(found.se), low=float(found.low), high=float(found.high))


def _figure(cell: Cell) -> float | None:
    """The figure at full precision; None where it is hidden or not there. Only printed figures are compared."""
    if cell.mark not in {"", "[low]"}:
        return None
    return cell.value if cell.value is not None else cell.percent


def _estimates(cell: Cell, value: float) -> margins.Estimates:
    def number(x: float | None) -> FloatArray:
        return np.asarray(np.nan if x is None else x, dtype=np.float64)

    none = number(None)
    return margins.Estimates(number(value), number(cell.se), none, number(cell.low), number(cell.high), none, none)


# ── breaks ───────────────────────────────────────────────────────────────────


class _Link:
    """Two waves, one after the other, with what their questionnaires say of the question."""

    def __init__(self, before: Seen, after: Seen) -> None:
        self.before, self.after = before, after
        name = after.variable.partition(".")[0]
        same = before.instrument.version == after.instrument.version
        found = () if same else compare(before.instrument, after.instrument).verdicts
        self.verdict = next((verdict for verdict in found if verdict.question == name), None)

    def of(self, code: str) -> Verdict | None:
        """The verdict on one line: on the question, or on the row of a grid that the line is of."""
        if self.verdict is None:
            return None
        name, _, row = self.after.variable.partition(".")
        return next((v for v in self.verdict.rows if v.question == f"{name}.{row or code}"), self.verdict)

    def why(self, code: str) -> str:
        """Why the line breaks; "" if it goes on."""
        verdict = self.of(code)
        if verdict is None or verdict.word not in {"breaks", "added"}:
            return ""
        return _said(verdict, "breaks") or "it was not asked before"

    def notes(self, codes: Iterable[str]) -> Iterator[str]:
        """What must be said of this step."""
        waves = f"{self.before.wave} and {self.after.wave}"
        for code in codes:
            verdict = self.of(code)
            if why := self.why(code):
                yield f"The series breaks between {waves}: {why}."
            elif verdict is not None and verdict.word == "note":
                what = _said(verdict, "note")
                yield f"Between {waves} the question changed, not what it means: {what}."


def _said(verdict: Verdict, effect: str) -> str:
    return "; ".join(f"{change.kind}: {change.what}" for change in verdict.changes if change.effect == effect)


def _weights(seen: Sequence[Seen]) -> Iterator[str]:
    return (f"In {each.wave}: {note}" for each in seen if each.table is not None for note in each.notes)


def _wordings(seen: Sequence[Seen]) -> Iterator[str]:
    """How the question was put elsewhere, where that differs from the last wave."""
    wordings = [(each.wave, one_line(each.table.wording)) for each in seen if each.table is not None]
    for wave, wording in wordings[:-1]:
        if wording != wordings[-1][1]:
            yield f"In {wave} the question was: {wording}"
