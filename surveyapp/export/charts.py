"""Charts of tables, as SVG or PNG: bars, diverging bars for scales, dots with limits, lines for trends.

Every figure is written beside its mark, so that none need be read off an axis; what is hidden stands as its mark.
They are legible without colour: order, place, shape and hatching say the same. All text is placed by hand in a
font that comes with the library, so that equal tables give equal bytes wherever they are drawn.
"""

import io
import math
import re
import warnings
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from textwrap import shorten, wrap
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape  # nosec B406: it writes, and reads nothing

from surveyapp.analysis.report import Report
from surveyapp.analysis.tables import BREAK, LOW, MARKS, Cell, Column, Table, TableRow, half_up
from surveyapp.analysis.trends import CHANGE
from surveyapp.export import layouts
from surveyapp.export.archive import legible, undated
from surveyapp.export.layouts import caption_number, printed
from surveyapp.export.sentences import base_sentence, meaning
from surveyapp.export.wordtables import shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH = 6.7
"""Inches: that of the text on an upright A4 page."""

_LINE, _LETTER = 0.165, 0.068
"""Inches: a line of text of 8 points, and one of its letters."""

_LABELS = 2.35
_INK, _BAR, _RULE = "#1A1A1A", "#0B4553", "#B0B0B0"

_LEFT = ("#8C3B00", "#D9813B", "#F3C79B")
_RIGHT = ("#08306B", "#3F7FBF", "#A9CBE6")
_MIDDLE = "#E4E4E4"
"""Brown to blue: told apart by those who do not see red or green; the left side is hatched as well."""

_SHAPES = ("o", "s", "D", "^", "v", "P", "X", "*")
_SHADES = ("#0B4553", "#C05A00", "#5B5B5B", "#2E86C1", "#7B3F98", "#000000", "#8A6D00", "#B03060")

_MOST_ROWS = 60
"""More rows than these are not drawn: nobody could read them."""

_HEAD = 1.4
"""Inches: the most that title and base take above a drawing."""

_UNSAID = re.compile(r"don.?t know|do not know|not sure|unsure|not applicable|no opinion|can.?t say|unknown", re.I)
"""Answers that are no point of a scale: they stand beside it."""


@dataclass(frozen=True)
class Chart:
    """A chart as a file, with its figures in words. `width` is in inches, and so is `height`, at most."""

    content: bytes
    words: str
    width: float
    height: float


def chart(table: Table, report: Report, ending: str) -> Chart | None:
    """The chart of a table, `svg` or `png`; None where `without` says why there is none."""
    return next(iter(pictures(table, report, ending)), None)


def pictures(table: Table, report: Report, ending: str, tallest: float = math.inf) -> list[Chart]:
    """The chart of a table, in as many pictures as are needed for none to be higher than `tallest` inches."""
    parts = _divided(table, report, _rows(table), tallest) if not without(table) else []
    drawn = []
    for number, (rows, drawing) in enumerate(parts, 1):
        titled = (
            replace(drawing, title=f"{drawing.title} ({number} of {len(parts)})") if len(parts) > 1 else drawing
        )
        words = described(table, report, rows)
        drawn.append(Chart(_written(titled, ending, words), words, WIDTH, drawing.height + _HEAD))
    return drawn


def without(table: Table) -> str:
    """Why a table has no chart, as a sentence without its full stop; "" if it has one."""
    rows = _rows(table)
    if table.kind == "number" and layouts.is_amounts(table):
        return "means, quartiles and totals have no scale in common"
    if not rows:
        return "no row is left in it"
    if len(rows) > _MOST_ROWS:
        return f"it has {len(rows)} rows, and more than {_MOST_ROWS} could not be read"
    if any(_size(row.cells[c]) < 0 for row in rows for c in _drawn_columns(table)):
        return "a figure is below nought, and bars begin at nought"
    return "" if _kind_of(table, rows) is not None else "it has too many rows and columns to be read"


def left_out(report: Report) -> list[str]:
    """The tables of a report without a chart, each with the reason."""
    reasons = [(caption_number(p.table), without(p.table)) for p in report.tables]
    return [f"{name} has no chart: {reason}" for name, reason in reasons if reason]


def charts(report: Report, progress: Callable[[str], None] = lambda _: None) -> bytes:
    """A zip with each chart as SVG and PNG, and `charts.txt` with their alternative texts."""
    packed = io.BytesIO()
    texts = []
    with zipfile.ZipFile(packed, "w") as archive:
        for protected in report.tables:
            name = caption_number(protected.table).replace(" ", "_")
            progress(name)
            for ending in ("svg", "png"):
                drawn = chart(protected.table, report, ending)
                if drawn is not None:
                    archive.writestr(f"{name}.{ending}", drawn.content)
            texts.append(f"{name}: {drawn.words if drawn else f'no chart: {without(protected.table)}.'}\n")
        archive.writestr("charts.txt", "\n".join(texts))
    return undated(packed.getvalue())


def described(table: Table, report: Report, rows: Sequence[TableRow] | None = None) -> str:
    """What a chart shows, in words: what it is of, its base, and every figure of its rows, or of those given."""
    title = f"{caption_number(table)}: {table.title}"
    lines = [title if title.endswith((".", "?", "!")) else f"{title}.", _base(table, report)]
    rows = _rows(table) if rows is None else rows
    lines += [f"{_one_line(row.label)}: {_figures(table, row)}." for row in rows]
    return shortened(_one_line(" ".join(lines)))


def _rows(table: Table) -> list[TableRow]:
    """The rows of one kind of figure: a mean among percentages is not drawn with them."""
    rows = [row for row in table.rows if row.measure == "percent" or table.kind == "allocation"]
    if any(cell.percent is not None for row in rows for cell in row.cells):
        return [row for row in rows if any(cell.value is None for cell in row.cells)]
    return rows


def _figures(table: Table, row: TableRow) -> str:
    if len(table.columns) == 1:
        return _figure(row.cells[0], table)
    return ", ".join(
        f"{_name(column)} {_figure(cell, table)}" for column, cell in zip(table.columns, row.cells, strict=True)
    )


def _name(column: Column) -> str:
    return _one_line(" ".join((*column.headings[1:], column.label)))


def _figure(cell: Cell, table: Table) -> str:
    said = printed(layouts.figure(cell))
    unit = "%" if cell.value is None and not cell.mark else ""
    if layouts.has_limits(table) and (found := _limits(cell)) is not None:
        places = cell.decimals if cell.value is not None else 0
        return f"{said}{unit} ({found[0]:,.{places}f} to {found[1]:,.{places}f})"
    return said + unit


def _base(table: Table, report: Report) -> str:
    """The base in words, without where in the table it stands."""
    said = base_sentence(table, report.unit).partition("; it stands")[0].partition("; the first row")[0]
    return said.partition("; those of the columns")[0].rstrip(".") + "."


def _one_line(text: str) -> str:
    return " ".join(legible(text).split())


# ── which drawing ────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class _Drawing:
    """What is drawn under the title: how high it is in inches, and who draws it on axes of inches."""

    title: str
    base: str
    height: float
    draw: Callable[["_Canvas"], None]


def _divided(
    table: Table, report: Report, rows: Sequence[TableRow], tallest: float
) -> list[tuple[Sequence[TableRow], _Drawing]]:
    """The rows of each picture, as even as can be, with what is drawn."""
    drawing = _drawing(table, report, rows)
    pieces = min(math.ceil((drawing.height + _HEAD) / tallest), len(rows))
    if pieces <= 1:
        return [(rows, drawing)]
    ends = [len(rows) * n // pieces for n in range(pieces + 1)]
    return [part for begin, end in pairwise(ends) for part in _divided(table, report, rows[begin:end], tallest)]


def _drawing(table: Table, report: Report, rows: Sequence[TableRow]) -> _Drawing:
    found = _kind_of(table, rows)
    if found is None:
        raise ValueError(f"{caption_number(table)} cannot be drawn")
    height, draw = found
    return _Drawing(
        f"{caption_number(table)}: {_one_line(table.title)}",
        f"{_base(table, report)} {_explained(table)}",
        height,
        draw,
    )


def _explained(table: Table) -> str:
    """The marks that stand in place of figures."""
    used = {cell.mark for row in table.rows for cell in row.cells} - {"", BREAK}
    return " ".join(f"{mark} {meaning(mark)}." for mark in MARKS if mark in used)


def _drawn_columns(table: Table) -> list[int]:
    return [c for c, column in enumerate(table.columns) if not column.code.startswith(CHANGE)]


Found = tuple[float, Callable[["_Canvas"], None]]


def _kind_of(table: Table, rows: Sequence[TableRow]) -> Found | None:
    columns = _drawn_columns(table)
    percents = [c for c in columns if any(row.cells[c].percent is not None for row in rows)]
    if table.kind == "trend":
        return _lines(table, rows, columns) if len(columns) > 1 else _bars(table, rows, columns[0])
    if layouts.shape(table) == "crossed":
        return _panels(table, rows, columns)
    points = [c for c in percents if not table.columns[c].net]
    if table.kind == "grid" and len(points) > 1:
        return _scales(table, rows, points)
    if len(percents) > 1:
        return _panels(table, rows, percents)
    return _bars(table, rows, percents[0] if percents else 0)


# ── the canvas ───────────────────────────────────────────────────────────────


class _Canvas:
    """Axes whose units are inches, y downwards, with text in our own font."""

    def __init__(self, axes: "Axes") -> None:
        from matplotlib import get_data_path
        from matplotlib.font_manager import FontProperties

        self.axes = axes
        folder = f"{get_data_path()}/fonts/ttf/"
        self.fonts = {
            bold: FontProperties(fname=f"{folder}DejaVuSans{'-Bold' if bold else ''}.ttf")
            for bold in (False, True)
        }

    def text(self, x: float, y: float, words: str, **look: Any) -> None:
        """A line of text; `bold`, `size` in points, `ha`, `colour`."""
        font = self.fonts[look.pop("bold", False)].copy()
        font.set_size(look.pop("size", 8))
        colour = look.pop("colour", _INK)
        self.axes.text(x, y, words, font=font, color=colour, **({"va": "center"} | look))

    def lines(self, x: float, y: float, lines: Sequence[str], **look: Any) -> None:
        """Several lines around the height `y`."""
        for i, line in enumerate(lines):
            self.text(x, y + (i - (len(lines) - 1) / 2) * _LINE * 0.92, line, **look)

    def bar(self, x: float, y: float, width: float, height: float, fill: str, hatch: str = "") -> None:
        """A bar from x on, around the height `y`."""
        from matplotlib.patches import Rectangle

        edge = "white" if hatch else _INK
        line = 0 if hatch else 0.4
        self.axes.add_patch(
            Rectangle(
                (x, y - height / 2), width, height, facecolor=fill, edgecolor=edge, hatch=hatch, linewidth=line
            )
        )
        if hatch:
            self.axes.add_patch(
                Rectangle((x, y - height / 2), width, height, facecolor="none", edgecolor=_INK, linewidth=0.4)
            )

    def rule(
        self,
        xs: Sequence[float],
        ys: Sequence[float],
        colour: str = _RULE,
        width: float = 0.8,
        under: bool = False,
    ) -> None:
        """A line through points; `under` bars, or over them."""
        order = 0.5 if under else 2
        self.axes.plot(xs, ys, color=colour, linewidth=width, solid_capstyle="butt", zorder=order)

    def mark(self, x: float, y: float, shape: str, fill: str, hollow: bool = False) -> None:
        """A dot."""
        inside = "white" if hollow else fill
        self.axes.plot(
            [x], [y], marker=shape, markersize=5.5, markerfacecolor=inside, markeredgecolor=fill, linestyle=""
        )


def _written(drawing: _Drawing, ending: str, words: str) -> bytes:
    """The bytes of the picture. The library loads here, since it takes a second to."""
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    titles = [*wrap(drawing.title, 84), ""][:3]
    bases = wrap(shorten(_one_line(drawing.base), 320, placeholder=" …"), 104)
    top = 0.12 + 0.19 * (len(titles) - 1) + 0.15 * len(bases) + 0.12
    height = top + drawing.height + 0.1
    settings: Any = {"svg.hashsalt": "surveyapp", "svg.fonttype": "path", "text.parse_math": False}
    with matplotlib.rc_context(settings), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph")  # a letter that the font lacks is drawn as a box
        figure = Figure(figsize=(WIDTH, height), facecolor="white")
        axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
        axes.set_axis_off()
        axes.set_xlim(0, WIDTH)
        canvas = _Canvas(axes)
        for i, line in enumerate(titles):
            canvas.text(0.08, -top + 0.14 + 0.19 * i, line, bold=True, size=9.5)
        for i, line in enumerate(bases):
            canvas.text(0.08, -top + 0.14 + 0.19 * (len(titles) - 1) + 0.15 * i, line, size=7.5)
        drawing.draw(canvas)
        axes.set_ylim(drawing.height + 0.1, -top)
        kept = io.BytesIO()
        if ending == "svg":
            FigureCanvasSVG(figure)
            figure.savefig(kept, format="svg", metadata={"Date": None, "Creator": None})
            return _spoken(kept.getvalue(), drawing.title, words)
        FigureCanvasAgg(figure)
        figure.savefig(kept, format="png", dpi=200, metadata={"Software": None, "Title": None})
        return kept.getvalue()


def _spoken(svg: bytes, title: str, words: str) -> bytes:
    """The picture with its title and figures for screen readers."""
    text = svg.decode()
    said = f'<title id="title">{escape(title)}</title>\n <desc id="desc">{escape(words)}</desc>\n '
    start = re.search(r"<svg[^>]*>\s*", text)
    if start is None:
        raise ValueError("the drawing has no svg element")
    opened = start[0].rstrip()[:-1] + ' role="img" aria-labelledby="title desc">\n '
    return (text[: start.start()] + opened + said + text[start.end() :]).encode()


def _label(text: str, width: float = _LABELS) -> list[str]:
    """A label in three lines at most."""
    letters = int(width / _LETTER)
    lines = wrap(_one_line(text), letters) or [""]
    return lines if len(lines) < 4 else [*lines[:2], shorten(" ".join(lines[2:]), letters, placeholder=" …")]


# ── bars ─────────────────────────────────────────────────────────────────────


def _bars(table: Table, rows: Sequence[TableRow], c: int) -> Found:
    """A bar a row, with its figure and limits."""
    labels = [_label(row.label) for row in rows]
    heights = [max(0.27, _LINE * len(label) + 0.08) for label in labels]
    cells = [row.cells[c] for row in rows]
    most = max([_size(cell) for cell in cells] + [cell.high or 0 for cell in cells], default=0)
    full = 100.0 if all(cell.value is None for cell in cells) else most or 1.0
    limits = layouts.has_limits(table)

    def draw(canvas: _Canvas) -> None:
        left, right, y = _LABELS + 0.15, WIDTH - 0.55, 0.0
        scale = (right - left) / full
        for row, label, height in zip(rows, labels, heights, strict=True):
            middle = y + height / 2
            canvas.lines(left - 0.1, middle, label, ha="right", bold=row.net)
            _one_bar(canvas, row.cells[c], left, scale, middle, limits, row.net)
            y += height
        canvas.rule([left, left], [0, y], _INK)
        if limits:
            canvas.text(left, y + 0.09, "The line in each bar is from the lower to the upper limit.", size=7)

    return sum(heights) + (0.2 if limits else 0.05), draw


def _one_bar(canvas: _Canvas, cell: Cell, left: float, scale: float, y: float, limits: bool, is_net: bool) -> None:
    end = left + _size(cell) * scale
    if _is_there(cell):
        canvas.bar(left, y, end - left, 0.17, "#8FB3BC" if is_net else _BAR)
    if limits and (found := _limits(cell)) is not None:
        low, high = left + found[0] * scale, left + found[1] * scale
        canvas.rule([low, high], [y, y], "white", 3.2)
        canvas.rule([low, high], [y, y], "#C05A00", 1.6)
        end = max(end, high)
    canvas.text(end + 0.06, y, _short(cell))


def _is_there(cell: Cell) -> bool:
    return cell.mark in {"", LOW} and (cell.percent is not None or cell.value is not None)


def _size(cell: Cell) -> float:
    """How long a mark is: the figure as printed, since a finer one could be measured in the picture."""
    if not _is_there(cell):
        return 0.0
    return half_up(cell.value, cell.decimals) if cell.value is not None else float(cell.shown or 0)


def _limits(cell: Cell) -> tuple[float, float] | None:
    """The limits as printed; None where there are none, or hidden ones."""
    if not _is_there(cell) or cell.low is None or cell.high is None:
        return None
    places = cell.decimals if cell.value is not None else 0
    return half_up(cell.low, places), half_up(cell.high, places)


def _short(cell: Cell) -> str:
    return printed(layouts.figure(cell)) + ("%" if cell.value is None and not cell.mark else "")


# ── scales ───────────────────────────────────────────────────────────────────


def _scales(table: Table, rows: Sequence[TableRow], points: Sequence[int]) -> Found:
    """Bars about a middle line: what is before the middle of the scale to the left, the rest to the right."""
    apart = [c for c in points if _UNSAID.search(table.columns[c].label)]
    on_scale = [c for c in points if c not in apart]
    fills = _fills(len(on_scale))
    labels = [_label(row.label, 1.75) for row in rows]
    heights = [max(0.3, _LINE * len(label) + 0.08) for label in labels]
    sides = [_sides([_size(row.cells[c]) for c in on_scale]) for row in rows]
    before = max((left for left, _ in sides), default=0)
    after = max((right for _, right in sides), default=0)
    keys = [(fill, hatch, table.columns[c].label) for c, (fill, hatch) in zip(on_scale, fills, strict=True)]
    key_lines = _key_rows([label for _, _, label in keys])
    heads = [_label(table.columns[c].label, 0.72) for c in apart]
    top = 0.2 * len(key_lines) + 0.1 + max([0.0, *(_LINE * len(head) for head in heads)])

    def draw(canvas: _Canvas) -> None:
        _key(canvas, keys, key_lines)
        left, right = 1.95, WIDTH - 0.12 - 0.75 * len(apart)
        scale = (right - left) / max(before + after, 1.0)
        zero, y = left + before * scale, top
        for i, head in enumerate(heads):
            canvas.lines(right + 0.75 * (i + 0.55), top - 0.09 * len(head), head, ha="center", size=7)
        for row, label, height, (back, _) in zip(rows, labels, heights, sides, strict=True):
            middle, x = y + height / 2, zero - back * scale
            canvas.lines(left - 0.1, middle, label, ha="right")
            cells = [row.cells[c] for c in on_scale]
            if not any(map(_is_there, cells)):
                canvas.text(zero, middle, cells[0].mark, ha="center")
            for cell, (fill, hatch) in zip(cells, fills, strict=True):
                x = _segment(canvas, cell, x, middle, scale, fill, hatch)
            for i, c in enumerate(apart):
                canvas.text(right + 0.75 * (i + 0.55), middle, _short(row.cells[c]), ha="center")
            y += height
        canvas.rule([zero, zero], [top, y], _INK, under=True)

    return top + sum(heights) + 0.05, draw


def _segment(canvas: _Canvas, cell: Cell, x: float, y: float, scale: float, fill: str, hatch: str) -> float:
    """One part of a bar with its figure, where there is room for it. Returns where the next begins."""
    width = _size(cell) * scale
    if width <= 0:
        return x
    canvas.bar(x, y, width, 0.2, fill, hatch)
    if width > 0.17:
        dark = fill in {_LEFT[0], _RIGHT[0], _RIGHT[1]}
        box = {"boxstyle": "square,pad=0.1", "facecolor": fill, "edgecolor": "none"} if hatch else None
        canvas.text(
            x + width / 2,
            y,
            printed(layouts.figure(cell)),
            ha="center",
            size=7,
            bbox=box,
            colour="white" if dark else _INK,
        )
    return x + width


def _sides(sizes: Sequence[float]) -> tuple[float, float]:
    """How far a bar goes to the left and to the right of the middle; a middle point is halved."""
    half = len(sizes) // 2
    left, right = sum(sizes[:half]), sum(sizes[len(sizes) - half :])
    middle = sizes[half] / 2 if len(sizes) % 2 else 0.0
    return left + middle, right + middle


def _fills(n: int) -> list[tuple[str, str]]:
    """A colour and a hatch for each of `n` points, dark at the ends and pale in the middle."""
    half = n // 2
    picks = {0: [], 1: [1], 2: [0, 2], 3: [0, 1, 2]}.get(half) or [min(2, i * 3 // half) for i in range(half)]
    hatches = ("////", "///", "//")
    left = [(_LEFT[i], hatches[i]) for i in picks]
    right = [(_RIGHT[i], "") for i in reversed(picks)]
    return [*left, *([(_MIDDLE, "")] if n % 2 else []), *right]


def _key_rows(labels: Sequence[str]) -> list[list[int]]:
    """Which keys stand beside each other."""
    lines: list[list[int]] = [[]]
    used = 0.0
    for i, label in enumerate(labels):
        needed = 0.42 + _LETTER * len(shorten(_one_line(label), 60, placeholder=" …"))
        if lines[-1] and used + needed > WIDTH - 0.2:
            lines.append([])
            used = 0.0
        lines[-1].append(i)
        used += needed
    return lines


def _key(canvas: _Canvas, keys: Sequence[tuple[str, str, str]], lines: Sequence[Sequence[int]]) -> None:
    for n, line in enumerate(lines):
        x = 0.1
        for i in line:
            fill, hatch, label = keys[i]
            words = shorten(_one_line(label), 60, placeholder=" …")
            canvas.bar(x, 0.08 + 0.2 * n, 0.2, 0.13, fill, hatch)
            canvas.text(x + 0.26, 0.08 + 0.2 * n, words, size=7.5)
            x += 0.42 + _LETTER * len(words)


# ── dots ─────────────────────────────────────────────────────────────────────


def _panels(table: Table, rows: Sequence[TableRow], columns: Sequence[int]) -> Found | None:
    """A line for each column within each row: dots with their limits, figures at the right."""
    groups = _within(table, columns)
    if sum(len(group) for _, group in groups) * len(rows) > 4 * _MOST_ROWS:
        return None
    parts = [_dots(table, rows, name, group) for name, group in groups]

    def draw(canvas: _Canvas) -> None:
        y = 0.0
        for height, part in parts:
            part(canvas, y)
            y += height

    return sum(height for height, _ in parts), draw


def _within(table: Table, columns: Sequence[int]) -> list[tuple[str, list[int]]]:
    """The columns under each heading; those without one, such as the total, stand first in each."""
    bare = [c for c in columns if not table.columns[c].headings]
    named: dict[str, list[int]] = {}
    for c in columns:
        if table.columns[c].headings:
            named.setdefault(table.columns[c].headings[0], []).append(c)
    return [(name, [*bare, *group]) for name, group in named.items()] or [("", bare)]


def _dots(
    table: Table, rows: Sequence[TableRow], heading: str, columns: Sequence[int]
) -> tuple[float, Callable[[_Canvas, float], None]]:
    labels = [_label(row.label, 1.95) for row in rows]
    names = [_with_base(table.columns[c]) for c in columns]
    heights = [max(0.145 * len(columns), _LINE * len(label)) + 0.12 for label in labels]
    top = 0.28 if heading else 0.08
    cells = [row.cells[c] for row in rows for c in columns]
    sizes = [(_limits(cell) or (0.0, _size(cell)))[1] for cell in cells]
    full = 100.0 if all(cell.value is None for cell in cells) else max([*sizes, 0.0]) or 1.0

    def draw(canvas: _Canvas, y: float) -> None:
        if heading:
            canvas.text(0.08, y + 0.1, shorten(_one_line(heading), 90, placeholder=" …"), bold=True)
        left, right, y = 3.75, WIDTH - 0.5, y + top
        scale = (right - left) / full
        for row, label, height in zip(rows, labels, heights, strict=True):
            canvas.rule([0.08, WIDTH - 0.08], [y, y], "#DDDDDD", 0.6)
            canvas.lines(0.08, y + height / 2, label, bold=row.net)
            start = y + height / 2 - 0.145 * (len(columns) - 1) / 2
            for i, c in enumerate(columns):
                place = start + 0.145 * i
                canvas.text(left - 0.14, place, names[i], ha="right", size=6.5)
                canvas.rule([left, right], [place, place], "#EFEFEF", 0.6)
                _dot(canvas, row.cells[c], left, scale, place, i, layouts.has_limits(table))
            y += height
        canvas.rule([left, left], [y - sum(heights), y], _INK)

    return top + sum(heights) + 0.08, draw


def _with_base(column: Column) -> str:
    """`North (n = 24)`, in so many letters as there is room for."""
    base = column.base
    tail = "" if base is None else f" (n = {base.mark or format(base.n, ',')})"
    name = _one_line(": ".join((*column.headings[1:], column.label)))
    return shorten(name, max(8, 27 - len(tail)), placeholder="…") + tail


def _dot(canvas: _Canvas, cell: Cell, left: float, scale: float, y: float, i: int, limits: bool) -> None:
    x = left + _size(cell) * scale
    end = x
    if limits and (found := _limits(cell)) is not None:
        end = left + found[1] * scale
        canvas.rule([left + max(0.0, found[0]) * scale, end], [y, y], _shade(i), 1.2)
    if _is_there(cell):
        canvas.mark(x, y, _SHAPES[i % len(_SHAPES)], _shade(i), hollow=i // len(_SHAPES) % 2 == 1)
    canvas.text(max(x, end) + 0.08, y, _short(cell), size=6.5)


def _shade(i: int) -> str:
    return _SHADES[i % len(_SHADES)]


# ── lines ────────────────────────────────────────────────────────────────────


def _lines(table: Table, rows: Sequence[TableRow], columns: Sequence[int]) -> Found:
    """A small field for each row: a dot a wave, joined where the series goes on, with a // where it breaks."""
    labels = [_label(row.label, 2.2) for row in rows]
    heights = [max(0.75, _LINE * max(map(len, labels)) + 0.15)] * len(rows)
    most = max(_size(row.cells[c]) for row in rows for c in columns) or 1.0
    names = [_label(_with_base(table.columns[c]), 1.6) for c in columns]

    def draw(canvas: _Canvas) -> None:
        left, right = 3.0, WIDTH - 0.6
        step = (right - left) / max(1, len(columns) - 1)
        xs = [left + step * i for i in range(len(columns))]
        for x, name in zip(xs, names, strict=True):
            canvas.lines(x, 0.14, name, ha="center", size=7)
        y = 0.34
        for row, label, height in zip(rows, labels, heights, strict=True):
            canvas.rule([0.08, WIDTH - 0.08], [y, y], "#DDDDDD", 0.6)
            canvas.lines(0.08, y + height / 2, label, bold=row.net)
            low, room = y + height - 0.14, height - 0.4
            places = [low - _size(row.cells[c]) / most * room for c in columns]
            _line(canvas, table, row, columns, list(zip(xs, places, strict=True)))
            y += height
        canvas.rule([0.08, WIDTH - 0.08], [y, y], "#DDDDDD", 0.6)
        if any(_breaks(table, row, before, after) for row in rows for before, after in pairwise(columns)):
            canvas.text(0.08, y + 0.11, "// the series breaks here: the two sides cannot be compared.", size=7)

    return 0.34 + sum(heights) + 0.22, draw


def _line(
    canvas: _Canvas, table: Table, row: TableRow, columns: Sequence[int], places: Sequence[tuple[float, float]]
) -> None:
    """The dots of one row, and what is between each two of them."""
    cells = [row.cells[c] for c in columns]
    for i, (before, after) in enumerate(pairwise(columns)):
        (x, y), (later, higher) = places[i], places[i + 1]
        if not (_is_there(cells[i]) and _is_there(cells[i + 1])) or _step(table, before, after) is None:
            continue
        if _breaks(table, row, before, after):
            canvas.text((x + later) / 2, (y + higher) / 2, "//", ha="center", bold=True, size=9)
        else:
            canvas.rule([x, later], [y, higher], _BAR, 1.6)
    for cell, (x, y) in zip(cells, places, strict=True):
        if _is_there(cell):
            canvas.mark(x, y, "o", _BAR)
        canvas.text(x, y - 0.12, _short(cell), ha="center", size=7.5)


def _step(table: Table, before: int, after: int) -> int | None:
    """The column of the change from one wave to the next; None where they are different surveys side by side."""
    code = f"{CHANGE} {table.columns[before].code} {table.columns[after].code}"
    return next((c for c, column in enumerate(table.columns) if column.code == code), None)


def _breaks(table: Table, row: TableRow, before: int, after: int) -> bool:
    change = _step(table, before, after)
    return change is not None and row.cells[change].mark == BREAK
