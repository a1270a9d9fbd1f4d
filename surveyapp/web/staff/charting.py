"""Charts of fieldwork as the places of their parts: templates draw them with attributes alone.

Every chart stands beside a table with the same numbers.
"""

from dataclasses import dataclass
from datetime import date

from surveyapp.fieldwork import printed_day
from surveyapp.rates import Fieldwork

WIDTH, HEIGHT = 400, 230
LEFT, RIGHT, TOP, BOTTOM = 54, 12, 14, 32

_STEPS = (1, 2, 5)


@dataclass(frozen=True)
class Tick:
    """A line of a chart's ground: where it lies, and what it says."""

    at: float
    said: str


@dataclass(frozen=True)
class Chart:
    """A line that rises in steps: its `points` in the order of days, the ticks, and what it shows in words."""

    points: tuple[tuple[float, float], ...]
    line: str
    rows: tuple[Tick, ...]
    columns: tuple[Tick, ...]
    said: str
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = WIDTH - RIGHT
    bottom: int = HEIGHT - BOTTOM


def cumulative(found: Fieldwork, opened_on: str, closes_on: str) -> Chart | None:
    """The completed organisations over the days of a wave; None where the days or the numbers are not shown."""
    known = [(p.last, p.cumulative) for p in found.periods or () if isinstance(p.cumulative, int)]
    if not known:
        return None
    first, last = date.fromisoformat(opened_on), date.fromisoformat(max(closes_on, known[-1][0]))
    days = max((last - first).days, 1)
    step = _step(max(number for _, number in known))
    top = step * -(-known[-1][1] // step)

    def across(day: date) -> float:
        return round(LEFT + (WIDTH - LEFT - RIGHT) * (day - first).days / days, 1)

    def up(number: int) -> float:
        return round(HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * number / top, 1)

    points = tuple((across(date.fromisoformat(day)), up(number)) for day, number in known)
    ends = [first, last] if days < 4 else [first, date.fromordinal(first.toordinal() + days // 2), last]
    return Chart(
        points=points,
        line=" ".join(f"{x},{y}" for x, y in ((LEFT, up(0)), *points)),
        rows=tuple(Tick(up(number), f"{number:,}") for number in range(0, top + 1, step)),
        columns=tuple(Tick(across(day), f"{day:%-d %b}") for day in ends),
        said=f"{known[-1][1]:,} organisations had completed it by {printed_day(known[-1][0])}",
    )


def _step(most: int) -> int:
    """A round distance of ticks, of which there are at most six."""
    size = 1
    while True:
        for part in _STEPS:
            if most <= 5 * part * size:
                return part * size
        size *= 10
