"""Tables as pages show them: protected, with all that is said of them, a chart beside, and why figures are hidden.

What counts is loaded here at its first use, so that a worker starts without it.
"""

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from threading import Thread
from typing import TYPE_CHECKING

from jinja2 import Environment

from surveyapp import campaigning
from surveyapp.planning import Json, compared
from surveyapp.problems import NotAllowed, SurveyError
from surveyapp.roles import ANALYST
from surveyapp.storage.database import Database
from surveyapp.storage.waves import Wave
from surveyapp.web.staff.doors import Desk

if TYPE_CHECKING:
    from surveyapp.analysis.disclosure.protection import ProtectedTable
    from surveyapp.analysis.report import Report
    from surveyapp.analysis.tables import Cell, Column, Table, TableRow
    from surveyapp.export.layouts import Body


@dataclass(frozen=True)
class Line:
    """One line of a table: its cells as printed; `kind` is net, base or ""."""

    cells: tuple[str, ...]
    kind: str = ""


@dataclass(frozen=True)
class Bar:
    """One bar, or a mark in place of one. Lengths are in the units of the drawing; `low` is -1 without limits."""

    y: int
    label: str
    figure: str
    x: int
    width: float
    low: float = -1.0
    high: float = -1.0


@dataclass(frozen=True)
class Chart:
    """Bars under headings: y and text of each heading, and whether bars have labels of their own."""

    height: int
    headings: tuple[tuple[int, str], ...]
    bars: tuple[Bar, ...]


@dataclass(frozen=True)
class Why:
    """A rule that hides or marks something: in words, and where, never the number."""

    words: str
    places: tuple[str, ...]


@dataclass(frozen=True)
class Shown:
    """A protected table as a page shows it."""

    anchor: str
    caption: str
    above: tuple[str, ...]
    header: tuple[str, ...]
    lines: tuple[Line, ...]
    notes: tuple[str, ...]
    marks: tuple[tuple[str, str], ...]
    chart: Chart | None
    why: tuple[Why, ...]
    compares: bool


def warm(pages: Environment) -> None:
    """Load what counts, and the pages that show it, beside the serving: else the first table waits for it."""
    if "surveyapp.reporting" not in sys.modules:
        Thread(target=_load, args=(pages,)).start()


def _load(pages: Environment) -> None:
    for name in ("surveyapp.reporting", "surveyapp.coding", "surveyapp.export.sentences", "scipy.special"):
        import_module(name)
    for page in ("layout", "forms", "tables_parts", "builder", "tables", "tables_report"):
        pages.get_template(f"staff/{page}.html")


def why_not(db: Database, wave: Wave) -> str:
    """Why there are no tables of a wave yet; "" if there are."""
    waits, released = campaigning.has_answers(db, wave.name)
    if wave.state == "closed" and waits:
        return "The tray has not been opened: a key holder opens it."
    if released:
        return ""
    if wave.state == "open":
        return "It is still open: answers are released when it is closed and its tray opened."
    return "Nobody answered: the tray is empty."


def check_ready(desk: Desk) -> None:
    """Raise `SurveyError` where there are no tables of the wave yet."""
    if why := why_not(desk.db, desk.wave):
        raise SurveyError(f"There are no tables of {desk.wave.name} yet. {why}")


def compiled(desk: Desk, wave: str, plan: Json | None) -> "Report":
    """The protected tables of a plan. Raises what `reporting.report` does, `NotAllowed` for waves of others."""
    from surveyapp import coding, reporting

    check_compared(desk, plan or {})
    wants_themes = plan is None or any("coded" in table for table in plan.get("tables") or [])
    themes = coding.coded(desk.db, wave) if wants_themes else None
    content = json.dumps(plan).encode() if plan is not None else None
    return reporting.report(
        desk.db, wave, content, themes=themes, kept=desk.home.released, at_hand=reporting.AT_HAND
    )


def take_in(desk: Desk) -> None:
    """Read the answers of the wave, so that the first table has them at hand."""
    from surveyapp import reporting

    with reporting.counted_by(desk.db, desk.wave.name, desk.home.released, reporting.AT_HAND):
        pass


def check_compared(desk: Desk, plan: Json) -> None:
    """Raise `NotAllowed` for a plan that compares with a wave whose answers this member may not see."""
    named = set(compared(plan))
    if not named:
        return
    surveys = [survey for survey in desk.member.surveys if desk.member.has(survey, ANALYST)]
    seen = {wave.name for survey in surveys for wave in campaigning.waves_of(desk.db, survey)}
    if unseen := sorted(named - seen):
        raise NotAllowed(
            f"The plan compares with {', '.join(unseen)[:100]}. That is no wave of a survey in which you are an "
            "analyst: ask for the role there, or leave the comparison out."
        )


def shown(protected: "ProtectedTable", report: "Report") -> Shown:
    """A table as a page shows it."""
    from surveyapp.analysis.tables import MARKS
    from surveyapp.export.layouts import caption_number, laid_out
    from surveyapp.export.sentences import about_table, marks, meaning

    table = protected.table
    body = laid_out(table, report)
    lines = tuple(_lines(table, body))
    used = marks(table) | {cell for line in lines for cell in line.cells if cell in MARKS}
    return Shown(
        anchor=f"table-{table.id}",
        caption=f"{caption_number(table)}: {table.title}",
        above=tuple(about_table(table, report)),
        header=tuple(body.header),
        lines=lines,
        notes=table.notes,
        marks=tuple((mark, meaning(mark)) for mark in MARKS if mark in used),
        chart=chart(table),
        why=tuple(_why(protected)),
        compares=table.kind == "trend",
    )


def _lines(table: "Table", body: "Body") -> Iterator[Line]:
    from surveyapp.export.layouts import printed

    row_of = {place: row for (place, _), (row, _) in body.figures.items()}
    for place, row in enumerate(body.rows):
        at = row_of.get(place)
        kind = "base" if at is None else "net" if table.rows[at].net else ""
        yield Line(tuple(printed(value) for value in row), kind)


def _why(protected: "ProtectedTable") -> Iterator[Why]:
    """Each decision with the labels of its rows and the names of its columns."""
    labels = {row.code: row.label for row in protected.table.rows}
    columns = {column.code: column.label for column in protected.table.columns}
    for decision in protected.decisions:
        places = [f"{labels.get(row, row)}, {columns.get(column, column)}" for row, column in decision.cells]
        yield Why(decision.words, tuple(places))


# ── charts ───────────────────────────────────────────────────────────────────

WIDTH, _LABELS, _FIGURE = 640, 190, 60
"""Units of a drawing: its width, the labels of bars under a heading, the figure after a bar."""

_MOST_BARS = 150
_HEADING, _BAR, _GAP = 20, 18, 10


def chart(table: "Table") -> Chart | None:
    """Bars for every percentage of a table; None where there are none, or too many to be read."""
    rows = [row for row in table.rows if row.measure == "percent" or table.kind == "allocation"]
    columns = [
        c for c in range(len(table.columns)) if any(_length(row.cells[c], table) is not None for row in rows)
    ]
    if not rows or not columns or len(rows) * len(columns) > _MOST_BARS:
        return None
    headings: list[tuple[int, str]] = []
    bars: list[Bar] = []
    y = 0
    for row in rows:
        headings.append((y + 14, _cut(row.label, 88)))
        y += _HEADING
        for c in columns:
            label = _cut(table.columns[c].label, 28) if len(columns) > 1 else ""
            bars.append(_bar(table, row, c, y, label))
            y += _BAR
        y += _GAP
    return Chart(y, tuple(headings), tuple(bars))


def _bar(table: "Table", row: "TableRow", c: int, y: int, label: str) -> Bar:
    cell, column = row.cells[c], table.columns[c]
    left = _LABELS if label else 0
    scale = (WIDTH - left - _FIGURE) / 100
    length = _length(cell, table)
    figure = cell.printed + ("%" if cell.shown is not None and not cell.mark else "") + _flag(column)
    if length is None:
        return Bar(y, label, figure, left, 0.0)
    limits = _limits(cell, left, scale)
    return Bar(y, label, figure, left, round(min(length, 100.0) * scale, 1), *limits)


def _limits(cell: "Cell", left: int, scale: float) -> tuple[float, float]:
    if cell.low is None or cell.high is None or cell.high <= cell.low or cell.mark:
        return -1.0, -1.0
    low, high = (min(100, max(0, int(limit + 0.5))) for limit in (cell.low, cell.high))  # no finer than printed
    return round(left + low * scale, 1), round(left + high * scale, 1)


def _length(cell: "Cell", table: "Table") -> float | None:
    """What a bar shows, of 100; None for what is hidden or is no percentage."""
    if cell.mark not in {"", "[low]"}:
        return None
    if cell.value is not None:
        return cell.value if table.kind == "allocation" and 0 <= cell.value <= 100 else None
    return None if cell.shown is None else float(cell.shown)


def _flag(column: "Column") -> str:
    return f" {column.flag}" if column.flag else ""


def _cut(text: str, most: int) -> str:
    text = " ".join(text.split())
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def all_shown(report: "Report", comparing: bool = False) -> Sequence[Shown]:
    """Every table of a report, or those that compare waves."""
    return [shown(each, report) for each in report.tables if not comparing or each.table.kind == "trend"]
