"""Response: how far each stratum has come, AAPOR's rates, what may be printed of them, and who is represented.

Values in, values out. Everything counts organisations. A manager may see which organisations are done; what is
printed or exported by stratum or day goes further than the manager, and there small numbers become ranges.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from math import sqrt

from surveyapp.ranges import Line, Number, Range, protected, small

__all__ = [
    "COLUMNS",
    "FORMULAS",
    "UNMARKED",
    "Counts",
    "Fieldwork",
    "Number",
    "Period",
    "Range",
    "Rate",
    "Representativity",
    "Row",
    "Standing",
    "as_json",
    "by_stratum",
    "compile_rates",
    "count",
    "describe",
    "deviation",
    "disposition",
    "percent",
    "periods",
    "printable",
    "r_indicator",
    "representativity",
    "sorted_by_completeness",
]

COMPLETE = Fraction(80, 100)
PARTIAL = Fraction(50, 100)

COLUMNS = {
    "frame": "In the frame",
    "sampled": "Sampled",
    "issued": "Issued",
    "invited": "Invited",
    "part_done": "Part done",
    "completed": "Completed",
    "refused": "Refused",
    "undeliverable": "Undeliverable",
    "out_of_scope": "Out of scope",
    "eligible": "Eligible",
}
"""What is counted, in the order of a case's life, with the heading it stands under."""

FORMULAS = {
    "Issued": "Sampled organisations with a usable address, or with an access code given in another way.",
    "Part done": "Invited organisations that have saved something and not sent it. The close erases drafts: [x].",
    "Opened": "Deliberately not recorded: entering with a code writes nothing.",
    "Completed": "Organisations that have sent their answers, whatever was noted about them otherwise.",
    "Eligible": "Issued organisations less those found to be out of scope.",
    "Completed of issued": "Completed, divided by issued. It asks nothing of what was answered.",
    "RR1": (
        "AAPOR Response Rate 1: complete answers, divided by eligible organisations: "
        "I / (I + P + R + NC + O + U). Complete (I) is 80% or more of the closed items that applied; partial (P) "
        "is 50% to under 80%; less is a break-off and counts with refusals (R). Undeliverable invitations are of "
        "unknown eligibility (U) and stay in the denominator. Organisations without a usable address were not "
        "issued and are not in it."
    ),
    "RR2": (
        "AAPOR Response Rate 2: complete and partial answers, divided by eligible organisations: "
        "(I + P) / (I + P + R + NC + O + U)."
    ),
    "Source": (
        "American Association for Public Opinion Research, Standard Definitions: Final Dispositions of Case Codes "
        "and Outcome Rates for Surveys."
    ),
}
"""What each number is, in words."""


# ── AAPOR ────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Rate:
    """Response of one stratum or of all, in organisations, with the names of AAPOR's Standard Definitions.

    `complete` answered at least 80% of the applicable closed questions, `partial` 50% to under 80%; `breakoff`
    sent less than that and counts as no answer in every rate. `out_of_scope` are issued organisations found not
    to belong to the population; undeliverable ones are of unknown eligibility and stay in.
    """

    name: str
    frame: int
    issued: int
    complete: int
    partial: int
    breakoff: int = 0
    out_of_scope: int = 0

    @property
    def received(self) -> int:
        """All that were sent in."""
        return self.complete + self.partial + self.breakoff

    @property
    def eligible(self) -> int:
        """I + P + R + NC + O + U: issued, less those out of scope."""
        return self.issued - self.out_of_scope

    @property
    def rr1(self) -> Fraction:
        """AAPOR RR1 = I / (I + P + R + NC + O + U): complete of eligible."""
        return Fraction(self.complete, self.eligible) if self.eligible else Fraction(0)

    @property
    def rr2(self) -> Fraction:
        """AAPOR RR2 = (I + P) / (I + P + R + NC + O + U): complete and partial of eligible."""
        return Fraction(self.complete + self.partial, self.eligible) if self.eligible else Fraction(0)


def disposition(answered: int, applicable: int) -> str:
    """How a response counts by the AAPOR 80% rule: "complete", "partial" or "breakoff"."""
    share = Fraction(answered, applicable) if applicable else Fraction(0)
    if share >= COMPLETE:
        return "complete"
    return "partial" if share >= PARTIAL else "breakoff"


def sorted_by_completeness(
    completeness: Iterable[tuple[int, int]] | Mapping[tuple[int, int], int],
) -> dict[str, int]:
    """Responses by `disposition`, each given as its closed items answered and applicable, or counted by these."""
    found: Counter[str] = Counter()
    for (answered, applicable), times in Counter(completeness).items():
        found[disposition(answered, applicable)] += times
    return {name: found[name] for name in ("complete", "partial", "breakoff")}


def percent(share: Fraction) -> int:
    """A share as a whole percentage, half up."""
    return (200 * share.numerator + share.denominator) // (2 * share.denominator)


# ── counting ─────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Standing:
    """How far an organisation of a frame has come, and `number` that stand alike. Names are not needed here.

    `disposition` is what was noted of it: "refused", "undeliverable", "out-of-scope" or "". `draft` says that
    something is saved and not sent, `done_on` on which day the answers were sent, while that is known.
    """

    strata: Mapping[str, str]
    sampled: bool = True
    address: bool = True
    invited: bool = False
    draft: bool = False
    done: bool = False
    disposition: str = ""
    done_on: str | None = None
    number: int = 1

    @property
    def issued(self) -> bool:
        """Whether it can be asked."""
        return self.sampled and (self.address or self.invited)

    def noted(self, disposition: str) -> bool:
        """Whether this is what became of it. Who has answered has answered, whatever was noted."""
        return self.issued and not self.done and self.disposition == disposition


@dataclass(frozen=True)
class Counts:
    """The numbers of one stratum, exact. `part_done` is None once drafts are erased."""

    frame: int
    sampled: int
    issued: int
    invited: int
    part_done: int | None
    completed: int
    refused: int
    undeliverable: int
    out_of_scope: int

    @property
    def eligible(self) -> int:
        """Issued, and not found out of scope."""
        return self.issued - self.out_of_scope

    @property
    def room(self) -> int:
        """How many can have done something at all: what anybody who reads the table can work out."""
        return self.eligible - self.undeliverable


def count(standings: Sequence[Standing], drafts_kept: bool = True) -> Counts:
    """The numbers of some organisations."""
    kinds: Counter[tuple[bool, bool, bool, bool, bool, str]] = Counter()
    for s in standings:
        noted_now = "" if s.done else s.disposition
        kinds[s.sampled, s.issued, s.invited, s.draft and not s.done, s.done, noted_now] += s.number
    sampled = issued = invited = part_done = done = 0
    noted: Counter[str] = Counter()
    for kind, number in kinds.items():
        sampled += number * kind[0]
        issued += number * kind[1]
        invited += number * kind[2]
        part_done += number * kind[3]
        done += number * kind[4]
        noted[kind[5]] += number * kind[1]
    return Counts(
        frame=kinds.total(),
        sampled=sampled,
        issued=issued,
        invited=invited,
        part_done=part_done if drafts_kept else None,
        completed=done,
        refused=noted["refused"],
        undeliverable=noted["undeliverable"],
        out_of_scope=noted["out-of-scope"],
    )


def by_stratum(standings: Iterable[Standing], variable: str) -> dict[str, list[Standing]]:
    """The organisations of each stratum, by its name."""
    groups: dict[str, list[Standing]] = {}
    for standing in standings:
        groups.setdefault(standing.strata.get(variable, ""), []).append(standing)
    return dict(sorted(groups.items()))


# ── what may be printed ──────────────────────────────────────────────────────


@dataclass(frozen=True)
class Row:
    """One stratum, or all, as it may be printed."""

    name: str
    numbers: Mapping[str, Number]

    @property
    def share(self) -> Fraction | None:
        """Completed of issued; None where completed is a range, which the share would give back."""
        completed, issued = self.numbers["completed"], self.numbers["issued"]
        if not isinstance(completed, int) or not isinstance(issued, int) or not issued:
            return None
        return Fraction(completed, issued)


def printable(
    groups: Mapping[str, Counts], whole: Counts, minimum: int, bare: Collection[str] = ()
) -> tuple[list[Row], Row]:
    """The rows of a table of strata and its last row, with ranges for what is below `minimum`.

    Part done, completed and refused are protected, all of them together: see `ranges.protected`.
    """
    shown = protected([_line(counts) for counts in groups.values()], _line(whole), minimum, bare)
    rows = [_row(name, counts, row) for (name, counts), row in zip(groups.items(), shown, strict=False)]
    return rows, _row("All", whole, shown[-1])


def _line(counts: Counts) -> Line:
    did = (counts.completed, counts.refused, counts.part_done)
    begun = counts.completed + (counts.part_done or 0)
    return Line(*did, max(counts.room, counts.completed + counts.refused), max(counts.invited, begun))


def _row(name: str, counts: Counts, protected: Mapping[str, Number]) -> Row:
    return Row(name, {column: protected.get(column, getattr(counts, column)) for column in COLUMNS})


def _tables(
    standings: Sequence[Standing], by: Sequence[str], whole: Counts, minimum: int, drafts_kept: bool
) -> dict[str, list[Row]]:
    """A table for each variable. The first is whole; in the others a column says nothing if any has a range in it.

    Who knows the list knows which organisations two strata share, and could subtract the one table from the other.
    """
    counted = {
        variable: {name: count(group, drafts_kept) for name, group in by_stratum(standings, variable).items()}
        for variable in by
    }
    tables = {variable: printable(groups, whole, minimum)[0] for variable, groups in counted.items()}
    rows = [row for table in tables.values() for row in table]
    hidden = {column for row in rows for column, number in row.numbers.items() if isinstance(number, Range)}
    others = {v: printable(counted[v], whole, minimum, hidden)[0] for v in list(by)[1:]}
    return tables | others


# ── by day ───────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Period:
    """Days taken together, both included: how many were completed in them, and until their end."""

    first: str
    last: str
    completed: int | Range
    cumulative: int | Range


def periods(days: Iterable[str] | Mapping[str, int], opened_on: str, room: int, minimum: int) -> list[Period]:
    """Completions by day, with days put together until `minimum` fell on them; a rest joins the last period.

    `days` are the ISO days of the completions, one for each, or how many fell on each. With fewer than `minimum`
    in all there is one period, whose number is a range.
    """
    by_day = sorted(Counter(days).items())
    total = sum(number for _, number in by_day)
    if not by_day:
        return []
    if total < minimum:
        hidden = small(total, room, minimum) or total
        return [Period(opened_on, by_day[-1][0], hidden, hidden)]
    ends, so_far, done = [], 0, 0
    for day, number in by_day:
        so_far += number
        if so_far - done >= minimum and (total - so_far >= minimum or so_far == total):
            ends.append((day, so_far - done, so_far))
            done = so_far
    firsts = [opened_on, *(_next(day) for day, _, _ in ends)]
    return [Period(first, day, number, so_far) for first, (day, number, so_far) in zip(firsts, ends, strict=False)]


def _next(day: str) -> str:
    return (date.fromisoformat(day) + timedelta(days=1)).isoformat()


# ── representativity ─────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Representativity:
    """How evenly the strata answer. None stands for what would give a small number back.

    `r` is the R-indicator over the crossed strata, `cells` how many of these there are, `partial` the partial
    indicator of each variable.
    """

    r: float | None
    cells: int
    partial: Mapping[str, float | None]


def representativity(standings: Sequence[Standing], variables: Sequence[str], minimum: int) -> Representativity:
    """The R-indicator and the partial indicators over the strata `variables`.

    R = 1 − 2·S(ρ̂) (Schouten, Cobben and Bethlehem 2009, Survey Methodology 35). ρ̂ of a cell of the crossed strata
    is its completed organisations divided by its sampled ones; S is their standard deviation over the units of the
    frame, S² = Σ N_c (ρ̂_c − ρ̄)² / N, divided by N since the frame is the population. 1 is an even response, 0 the
    most uneven one. The unconditional partial indicator of a variable, S between its strata,
    P(Z) = √(Σ N_k (ρ̄_k − ρ̄)² / N), says how much of the unevenness lies along it: 0 is none (Schouten, Shlomo and
    Skinner 2011, Journal of Official Statistics 27).

    Organisations out of scope are left out, and cells of which none was sampled. Cells of a few organisations
    vary by chance alone, which pushes R down. An indicator is not given while fewer than `minimum` have answered,
    nor where just one or two cells have a small number: it could be solved for them.
    """
    belonging = [s for s in standings if not s.noted("out-of-scope")]
    crossed = _cells(belonging, variables)
    enough = sum(cell.done for cell in crossed.values()) >= minimum
    partial: dict[str, float | None] = {}
    for i, name in enumerate(variables):
        small_ones = _small_cells(_cells(belonging, [name]), minimum)
        partial[name] = deviation(_along(crossed, i)) if enough and small_ones not in {1, 2} else None
    hidden = not enough or _small_cells(crossed, minimum) in {1, 2}
    r = None if hidden else r_indicator((cell.units, cell.propensity) for cell in crossed.values())
    return Representativity(r, len(crossed), partial)


def r_indicator(cells: Iterable[tuple[int, Fraction]]) -> float:
    """R = 1 − 2·S(ρ̂) of cells given as units and response propensity."""
    return 1 - 2 * deviation(cells)


def deviation(cells: Iterable[tuple[int, Fraction]]) -> float:
    """S(ρ̂): the standard deviation of propensities over all units, of cells given as units and propensity."""
    given = list(cells)
    units = sum(n for n, _ in given)
    if not units:
        return 0.0
    mean = sum((n * share for n, share in given), Fraction(0)) / units
    return sqrt(sum((n * (share - mean) ** 2 for n, share in given), Fraction(0)) / units)


@dataclass(frozen=True)
class _Cell:
    units: int
    sampled: int
    done: int

    @property
    def propensity(self) -> Fraction:
        return Fraction(self.done, self.sampled)


def _cells(standings: Iterable[Standing], variables: Sequence[str]) -> dict[tuple[str, ...], _Cell]:
    """The crossed cells of which some organisation was sampled."""
    groups: dict[tuple[str, ...], list[Standing]] = {}
    for standing in standings:
        key = tuple(standing.strata.get(name, "") for name in variables)
        groups.setdefault(key, []).append(standing)
    cells = {
        name: _Cell(
            sum(s.number for s in group),
            sum(s.number for s in group if s.sampled),
            sum(s.number for s in group if s.done),
        )
        for name, group in groups.items()
    }
    return {name: cell for name, cell in cells.items() if cell.sampled}


def _small_cells(cells: Mapping[tuple[str, ...], _Cell], minimum: int) -> int:
    return sum(small(cell.done, cell.sampled, minimum) is not None for cell in cells.values())


def _along(crossed: Mapping[tuple[str, ...], _Cell], i: int) -> list[tuple[int, Fraction]]:
    """Units and mean propensity of the strata of the i-th variable."""
    units: Counter[str] = Counter()
    expected: dict[str, Fraction] = {}
    for name, cell in crossed.items():
        units[name[i]] += cell.units
        expected[name[i]] = expected.get(name[i], Fraction(0)) + cell.units * cell.propensity
    return [(units[name], expected[name] / units[name]) for name in units]


# ── all together ─────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Fieldwork:
    """The response of a wave as it may be printed.

    `tables` are its rows by stratum variable, `whole` the row of all. `rate` is None until every answer has been
    released, since only then it is known how complete each is, and while `minimum` answers were not sent;
    `unmarked` says that answers were loaded without saying whose. `periods` is None when the days of answering
    have been erased.
    """

    wave: str
    state: str
    today: str
    minimum: int
    tables: Mapping[str, list[Row]]
    whole: Row
    rate: Rate | None
    periods: list[Period] | None
    representativity: Representativity
    note: str = ""
    unmarked: bool = False


def compile_rates(
    standings: Sequence[Standing],
    by: Sequence[str],
    *,
    wave: str,
    state: str,
    opened_on: str,
    today: str,
    minimum: int,
    sent: Mapping[str, int] | None,
    note: str = "",
) -> Fieldwork:
    """The response of a wave by each of the strata `by`.

    `sent` counts the released responses by `disposition`, None while some are not released.
    """
    is_open = state == "open"
    whole = count(standings, is_open)
    days: Counter[str] = Counter()
    for standing in standings:
        if standing.done_on:
            days[standing.done_on] += standing.number
    return Fieldwork(
        wave=wave,
        state=state,
        today=today,
        minimum=minimum,
        tables=_tables(standings, by, whole, minimum, is_open),
        whole=printable({}, whole, minimum)[1],
        rate=_rate(whole, sent or {}, minimum),
        periods=periods(days, opened_on, whole.room, minimum) if is_open else None,
        representativity=representativity(standings, by, minimum),
        note=note,
        unmarked=sum((sent or {}).values()) > whole.completed,
    )


def _rate(whole: Counts, sent: Mapping[str, int], minimum: int) -> Rate | None:
    if sum(sent.values()) < minimum:
        return None
    return Rate("All", whole.frame, whole.issued, **sent, out_of_scope=whole.out_of_scope)


UNMARKED = "Some answers were loaded without saying whose they are: they count in RR1 and RR2, not in Completed."


def describe(found: Fieldwork) -> str:
    """The response of a wave as lines for a terminal."""
    lines = [f"{found.wave} is {found.state}; organisations on {found.today}"]
    for variable, rows in found.tables.items():
        lines += ["", *_table_lines(variable.replace("_", " "), [*rows, found.whole])]
    if not found.tables:
        lines += ["", *_table_lines("", [found.whole])]
    return "\n".join([*lines, "", *_day_lines(found), *_rate_lines(found), *_spread_lines(found.representativity)])


def _table_lines(heading: str, rows: Sequence[Row]) -> list[str]:
    """Columns as wide as their longest entry, figures to the right."""
    header = [heading.capitalize(), *COLUMNS.values(), "Completed/issued"]
    cells = [header, *([row.name, *map(_printed, row.numbers.values()), _share_of(row)] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return [
        f"{line[0]:<{widths[0]}}  " + "  ".join(f"{c:>{w}}" for c, w in zip(line[1:], widths[1:], strict=True))
        for line in cells
    ]


def _printed(number: Number) -> str:
    return "[x]" if number is None else str(number)


def _share_of(row: Row) -> str:
    if row.numbers["issued"] == 0:
        return "[z]"
    return "[c]" if row.share is None else f"{percent(row.share)}%"


def _day_lines(found: Fieldwork) -> list[str]:
    if found.periods is None:
        return ["By day: erased when the wave closed"]
    lines = [f"  {p.first} to {p.last}: {p.completed} completed, {p.cumulative} until then" for p in found.periods]
    return ["By day:", *lines] if lines else ["By day: nobody has sent answers yet"]


def _rate_lines(found: Fieldwork) -> list[str]:
    if found.rate is None:
        needed = f"every answer sent to be released from the tray, and {found.minimum} at least"
        return [f"RR1, RR2: not available yet; they need {needed}"]
    rate = found.rate
    eligible = f"{rate.eligible} eligible"
    return [
        *([f"({UNMARKED})"] if found.unmarked else []),
        f"RR1 {percent(rate.rr1)}%: {rate.complete} complete of {eligible} (AAPOR Standard Definitions)",
        f"RR2 {percent(rate.rr2)}%: {rate.complete} complete and {rate.partial} partial of {eligible}",
    ]


def _spread_lines(spread: Representativity) -> list[str]:
    shown = {f"partial {name}": value for name, value in spread.partial.items()}
    parts = [f"{name} {'[c]' if value is None else f'{value:.2f}'}" for name, value in shown.items()]
    r = "[c]" if spread.r is None else f"{spread.r:.2f}"
    return [f"R-indicator {r} over {spread.cells} cells" + (f" ({', '.join(parts)})" if parts else "")]


def as_json(found: Fieldwork) -> dict[str, object]:
    """The response of a wave for programmes: shares at full precision, a range as `{"from": 1, "to": 9}`.

    Indicators have the two places that are printed.
    """
    rate, spread = found.rate, found.representativity
    return {
        "wave": found.wave,
        "state": found.state,
        "day": found.today,
        "minimum": found.minimum,
        "all": _row_json(found.whole),
        "strata": {variable: [_row_json(row) for row in rows] for variable, rows in found.tables.items()},
        "rr1": float(rate.rr1) if rate else None,
        "rr2": float(rate.rr2) if rate else None,
        "days": None if found.periods is None else [_period_json(period) for period in found.periods],
        "r_indicator": _two_places(spread.r),
        "partial_indicators": {name: _two_places(value) for name, value in spread.partial.items()},
    }


def _two_places(value: float | None) -> float | None:
    """An indicator with all its digits would give the numbers back that it is made of."""
    return None if value is None else round(value, 2)


def _row_json(row: Row) -> dict[str, object]:
    share = None if row.share is None else float(row.share)
    return {"name": row.name, **{c: _json(n) for c, n in row.numbers.items()}, "completed_of_issued": share}


def _period_json(period: Period) -> dict[str, object]:
    return {key: _json(value) if isinstance(value, Range) else value for key, value in period.__dict__.items()}


def _json(number: Number) -> object:
    return {"from": number.low, "to": number.high} if isinstance(number, Range) else number
