"""How a table lies on a sheet: one header row and the rows under it, whatever the table holds.

Nothing finer than what is printed is in a layout: percentages are whole, means have their decimals, limits are
rounded alike. No cell is empty: a mark stands where there is no figure.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain

from surveyapp.analysis.estimation.significance import LEAST_BASE
from surveyapp.analysis.report import Report
from surveyapp.analysis.tables import NOT_APPLICABLE, UNAVAILABLE, Base, Cell, Column, Table, TableRow, half_up
from surveyapp.instrument import Allocation, NumberQuestion

AS_PRINTED = "as-printed-2012"

NONE = "none"
"""What stands where a column is higher than no other."""

_NUMBER = " (number)"
"""The unit of a row of bases among percentages or amounts."""

_NAMES = {
    "frame": "In the frame",
    "issued": "Could be written to",
    "responded": "Sent answers",
    "complete": "Complete answers",
    "asked": "Asked",
    "answered": "Answered",
    "answers": "Answers given",
}


@dataclass(frozen=True)
class Number:
    """A number that is shown, and stored, with so many decimals."""

    value: float
    decimals: int


Value = str | int | float | Number | None
"""What a cell may hold; None leaves it empty."""


def printed(value: Value) -> str:
    """What stands in a cell."""
    if isinstance(value, Number):
        return f"{half_up(value.value, value.decimals):,.{value.decimals}f}"
    return f"{value:,}" if isinstance(value, int) else "" if value is None else str(value)


def caption_number(table: Table) -> str:
    """`Table 3`; a plan's id that begins with a letter is the name itself."""
    return table.id.replace("_", " ") if table.id[0].isalpha() else f"Table {table.id}"


@dataclass(frozen=True)
class Body:
    """A header and its rows. `codes` has the code of each row, "[z]" for bases.

    `figures` tells which row and column of the table the figure in a cell is, all counted from 0; `texts` is how
    many of the first columns hold words, `charted` how many of the first rows a chart can show.
    """

    header: list[str]
    rows: list[list[Value]]
    codes: list[str]
    figures: dict[tuple[int, int], tuple[int, int]] = field(default_factory=dict)
    charted: int = 0
    words: frozenset[int] = frozenset({0})


def shape(table: Table) -> str:
    """What decides how it is laid out: crossed, items, amounts or listed.

    Crossed tables have a base for each column; in tables of items each row has its own.
    """
    if any(column.base is not None for column in table.columns):
        return "crossed"
    if table.kind in {"grid", "rank", "allocation"} or len(table.columns) > 1:
        return "items"
    return "amounts" if is_amounts(table) else "listed"


def is_amounts(table: Table) -> bool:
    """Whether the rows are measures of an amount, such as its mean."""
    return table.kind in {"number", "allocation"} and all(row.measure != "percent" for row in table.rows)


def is_banner(table: Table) -> bool:
    """Whether the columns are groups of respondents: not waves, nor the items of a grid on its side."""
    return any(column.headings for column in table.columns) and table.kind != "trend"


def has_limits(table: Table) -> bool:
    """Whether limits are printed: not where none are known, nor where they are the figure itself."""
    cells = chain.from_iterable(row.cells for row in table.rows)
    return bool(table.interval) and any(c.low is not None and c.high is not None and c.high > c.low for c in cells)


def has_letters(table: Table) -> bool:
    """Whether columns were compared with each other: two of one heading with bases that are large enough."""
    asked = bool(table.tests) or any(cell.letters for row in table.rows for cell in row.cells)
    headings = [column.headings[:1] for column in table.columns if _is_tested(column)]
    return asked and len(set(headings)) < len(headings)


def _is_tested(column: Column) -> bool:
    return bool(column.letter) and column.base is not None and column.base.n >= LEAST_BASE


def is_weighted(table: Table) -> bool:
    """Whether its percentages are weighted: those of the frame, or of answers given, never are."""
    return bool(table.weighting) and table.base.name not in {"frame", "issued", "answers"}


def laid_out(table: Table, report: Report) -> Body:
    """The table as a header and rows, amounts with their unit, themes with what they mean."""
    question = report.instrument.questions.get(table.variable.partition(".")[0])
    unit = str(question.unit or "") if isinstance(question, NumberQuestion | Allocation) else ""
    return body(table, report.style, unit, _about_themes(table, report))


def _about_themes(table: Table, report: Report) -> list[tuple[str, list[str]]]:
    """What each theme means, with an example where the codeframe has one."""
    frame = report.codeframes.get(table.id)
    if frame is None or report.style == AS_PRINTED:
        return []
    by_code = {theme.code: theme for theme in frame.themes}
    themes = [by_code.get(row.code) for row in table.rows]
    said = [_one_line(theme.definition) if theme else NOT_APPLICABLE for theme in themes]
    examples = [
        " ".join(str(theme.example).split()) if theme and theme.example else NOT_APPLICABLE for theme in themes
    ]
    return [("Definition", said), *([("Example", examples)] if set(examples) != {NOT_APPLICABLE} else [])]


def _one_line(words: object) -> str:
    return " ".join(str(words).split())


def body(table: Table, style: str = "", unit: str = "", about: Sequence[tuple[str, Sequence[str]]] = ()) -> Body:
    """The table as it stands on a sheet. `unit` is that of its amounts.

    `about` are columns of words at the end: a heading and a text for each row.
    """
    kind = shape(table)
    if style == AS_PRINTED and kind == "listed":
        return _assembled(table, "Answer options", [*_figures(table, unit, "Response (%)")], [], [])
    figures = [*_figures(table, unit)]
    if style == AS_PRINTED:  # what was printed stays together; limits stand after it
        figures.sort(key=lambda part: part.column is None)
    head = {
        "listed": "Theme" if table.kind == "coded" else "Answer option",
        "amounts": "Measure",
        "items": "Item",
        "crossed": "Answer option",
    }[kind]
    if kind == "crossed" and (table.kind in {"grid", "rank", "allocation"} or is_amounts(table)):
        head = "Measure" if table.kind == "number" else "Item" if is_banner(table) else head
    parts = [*_counts(table, kind), *figures, *_row_bases(table, kind)]
    parts += [_words(heading, texts) for heading, texts in about]
    return _assembled(table, head, parts, _first(table, kind), _last(table, kind))


# ── columns ──────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class _Part:
    """One column on the sheet: what it says of a row of the table, and of a base; `column` if it holds figures."""

    heading: str
    of: Callable[[int, TableRow], Value]
    base: Callable[[Callable[[Base], Value]], Value] = lambda _: NOT_APPLICABLE
    column: int | None = None
    words: bool = False


def _assembled(
    table: Table, head: str, parts: Sequence[_Part], first: Sequence["_BaseRow"], last: Sequence["_BaseRow"]
) -> Body:
    label = _labels(table)
    lines = [[label(row), *(part.of(r, row) for part in parts)] for r, row in enumerate(table.rows)]
    codes = [row.code for row in table.rows]
    if not lines:
        lines, codes = [["No row of this table is large enough", *[NOT_APPLICABLE] * len(parts)]], [NOT_APPLICABLE]
    figures = {
        (len(first) + r, 1 + p): (r, part.column)
        for r in range(len(table.rows))
        for p, part in enumerate(parts)
        if part.column is not None
    }
    return Body(
        header=[head, *(part.heading for part in parts)],
        rows=[*(_base_line(row, parts) for row in first), *lines, *(_base_line(row, parts) for row in last)],
        codes=[NOT_APPLICABLE] * len(first) + codes + [NOT_APPLICABLE] * len(last),
        figures=figures,
        charted=next((r for r, row in enumerate(table.rows) if row.measure != "percent"), len(table.rows)),
        words=frozenset({0, *(1 + p for p, part in enumerate(parts) if part.words)}),
    )


def _labels(table: Table) -> Callable[[TableRow], str]:
    """A mean among percentages says that it is none, and a number among amounts."""
    mixed = shape(table) in {"listed", "crossed"} and not is_amounts(table)

    def label(row: TableRow) -> str:
        if row.measure == "n":
            return row.label + _NUMBER
        mean = row.measure != "percent" or (on_its_side(table) and row.code == "mean")
        return f"{row.label} (not a percentage)" if mixed and mean else row.label

    return label


def _counts(table: Table, kind: str) -> Iterator[_Part]:
    if kind == "listed":
        heading = "Number (unweighted)" if is_weighted(table) else "Number"
        yield _Part(heading, lambda _, row: _count(row.cells[0]), lambda of: of(table.base))
    elif table.percent_of == "row" and kind == "crossed":
        yield _Part("Number", lambda _, row: _count(row.cells[0]))


def _count(cell: Cell) -> Value:
    return cell.mark if cell.count is None else cell.count


def _figures(table: Table, unit: str, heading: str = "") -> Iterator[_Part]:
    """For each column of the table its figures, their limits, and the columns that it is higher than."""
    limits, letters = has_limits(table), has_letters(table)
    for c, column in enumerate(table.columns):
        name, bare = heading or _heading(table, column, unit, letters), _bare(table, column, letters)
        crossed = column.base is not None
        base = _of_column(table, column) if crossed or shape(table) == "amounts" else _no_base
        yield _Part(name, _figure_at(c), base, c)
        if limits:
            yield _Part(_limit_heading(bare, "lower"), _limit_at(c, "low"))
            yield _Part(_limit_heading(bare, "upper"), _limit_at(c, "high"))
        if letters and _is_tested(column):
            yield _Part(f"{bare}, higher than", _letters_at(c))


def _no_base(_: Callable[[Base], Value]) -> Value:
    return NOT_APPLICABLE


def _of_column(table: Table, column: Column) -> Callable[[Callable[[Base], Value]], Value]:
    return lambda of: of(column.base or table.base)


def _figure_at(c: int) -> Callable[[int, TableRow], Value]:
    return lambda _, row: figure(row.cells[c])


def _limit_at(c: int, side: str) -> Callable[[int, TableRow], Value]:
    return lambda _, row: _limit(row.cells[c], getattr(row.cells[c], side))


def _letters_at(c: int) -> Callable[[int, TableRow], Value]:
    def letters(_: int, row: TableRow) -> Value:
        cell = row.cells[c]
        if cell.percent is None and cell.value is None:
            return cell.mark or UNAVAILABLE
        return cell.letters or NONE

    return letters


def figure(cell: Cell) -> Value:
    """What is printed: the mark, the mean or amount with its decimals, or the whole percentage."""
    if cell.mark:
        return cell.mark
    if cell.value is not None:
        return Number(cell.value, cell.decimals)
    return UNAVAILABLE if cell.shown is None else cell.shown


def _limit(cell: Cell, limit: float | None) -> Value:
    if limit is not None:
        return Number(limit, _decimals(cell))
    if cell.percent is None and cell.value is None:
        return cell.mark or UNAVAILABLE
    return NOT_APPLICABLE


def _decimals(cell: Cell) -> int:
    return cell.decimals if cell.value is not None else 0


def _words(heading: str, texts: Sequence[str]) -> _Part:
    return _Part(heading, lambda r, _: texts[r], words=True)


# ── headings ─────────────────────────────────────────────────────────────────


def _heading(table: Table, column: Column, unit: str, letters: bool) -> str:
    """What stands over the figures of a column, in one line: headings, label, letter, unit and flag."""
    if shape(table) == "listed":
        return "Per cent" + (f" {column.flag}" if column.flag else "")
    measured = _unit(table, column, unit)
    inside = [part for part in (column.letter if letters else "", measured) if part]
    name = "Value" if shape(table) == "amounts" else _joined(column)
    if table.kind == "allocation" and len(table.columns) == 1:
        name = "Mean"
    return name + (f" ({', '.join(inside)})" if inside else "") + (f" {column.flag}" if column.flag else "")


def _bare(table: Table, column: Column, letters: bool) -> str:
    """What a column is called over its limits and letters: in short, where that is enough."""
    if len(table.columns) == 1:
        return ""
    if letters and column.letter:
        return f"{column.label} ({column.letter})"
    alike = sum(other.label == column.label for other in table.columns)
    return column.label if alike == 1 else _joined(column)


def _limit_heading(bare: str, side: str) -> str:
    return f"{bare}, {side}" if bare else side.capitalize()


def _unit(table: Table, column: Column, unit: str) -> str:
    """The unit of the figures in a column; "" for a mean score, or where the heading says it."""
    if column.code == "mean" or column.code.startswith("change "):
        return ""
    if is_amounts(table):
        return unit
    figures = [row.cells[table.columns.index(column)] for row in table.rows if row.measure == "percent"]
    printed = [cell.value is not None for cell in figures if cell.value is not None or cell.percent is not None]
    if printed and all(printed):
        return ""
    return "" if table.kind == "grid" and is_banner(table) and not table.nets else "%"


def _joined(column: Column) -> str:
    """Nested headings and label in one line: `Region: North`, `Which of these? Police`."""
    name = ""
    for part in (*column.headings, column.label):
        name += f"{'' if not name else ' ' if name[-1] in '?!.:' else ': '}{part}"
    return name


# ── bases ────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class _BaseRow:
    label: str
    of: Callable[[Base], Value]


def _base_line(row: _BaseRow, parts: Sequence[_Part]) -> list[Value]:
    return [row.label, *(part.base(row.of) for part in parts)]


def _n(base: Base) -> Value:
    return base.mark or base.n


def _weighted(base: Base) -> Value:
    if base.mark:
        return base.mark
    return UNAVAILABLE if base.weighted_n is None else int(half_up(base.weighted_n))


def _missing(table: Table, unit: str) -> list[_BaseRow]:
    blank = "Wrote nothing" if table.kind == "coded" else "No reply"
    rows = [_BaseRow(blank + unit, lambda base: base.missing_mark or base.no_reply)]
    if table.kind != "coded":
        rows.append(_BaseRow(f"Not asked{unit}", lambda base: base.missing_mark or base.not_asked))
    return rows


def _has_weighted_bases(table: Table) -> bool:
    of_columns = [column.base for column in table.columns if column.base is not None]
    return any(base.weighted_n is not None for base in of_columns or [table.base])


def bases(table: Table) -> list[Base]:
    """Every base of a table and of its columns."""
    return [table.base, *(column.base for column in table.columns if column.base is not None)]


def _first(table: Table, kind: str) -> list[_BaseRow]:
    """Bases stand before the figures of a crossed table."""
    if kind != "crossed":
        return []
    of = _base_row_of(table)
    weighted = [_BaseRow(f"Weighted base{of}{_NUMBER}", _weighted)] if _has_weighted_bases(table) else []
    name = "Unweighted base" if weighted else "Base"
    return [_BaseRow(f"{name}{of}{_NUMBER}", _n), *weighted]


def _base_row_of(table: Table) -> str:
    """Which row the bases of the columns are of, if not of every row."""
    if (is_amounts(table) and table.kind == "number") or not own_bases(table):
        return ""
    first = table.columns[0].base
    of = next((row.label for row in table.rows if first is not None and row.who == first.who), "")
    return f" of “{of}”" if of else ""


def _last(table: Table, kind: str) -> list[_BaseRow]:
    if kind == "crossed":
        return [] if table.kind == "trend" or own_bases(table) else _missing(table, _NUMBER)
    if kind == "items":
        return []
    unit = "" if kind == "listed" else _NUMBER
    wrote = table.kind == "coded" and table.base.name == "answered"
    name = "Wrote something" if wrote else _NAMES.get(table.base.name, "Base")
    rows = [] if any(row.measure == "n" for row in table.rows) else [_BaseRow(name + unit, _n)]
    if _has_weighted_bases(table):
        rows.append(_BaseRow(f"{name}, weighted{unit}", _weighted))
    return [*rows, *_missing(table, unit)]


def own_bases(table: Table) -> bool:
    """Whether rows have bases of their own that are not all alike."""
    if table.kind not in {"grid", "rank", "allocation", "multiple"} or on_its_side(table):
        return False
    seen = {(row.base, row.no_reply, row.mark) for row in table.rows}
    return len(seen) > 1 or (shape(table) == "items" and table.kind != "multiple")


def base_of(table: Table, row: TableRow, column: Column) -> int | None:
    """The unweighted base of one figure; None where it is hidden, or not in the table."""
    if column.base is None and shape(table) == "crossed":
        return None
    if column.base is None or (own_bases(table) and column == table.columns[0]):
        return None if row.mark else row.base
    first = table.columns[0].base
    if column.base.mark or (own_bases(table) and (first is None or row.who != first.who)):
        return None
    return column.base.n


def first_group(table: Table) -> str:
    """Whose the bases of the rows of a cross-tabulation are: "all", or where nobody is pooled the first column."""
    first = table.columns[0]
    return first.label if first.headings else "all"


def on_its_side(table: Table) -> bool:
    """Whether a grid stands with its items in the columns."""
    return table.kind == "grid" and shape(table) == "crossed" and not is_banner(table)


def _row_bases(table: Table, kind: str) -> Iterator[_Part]:
    """Base and missing of each row, where these differ."""
    if not own_bases(table):
        return
    of = f" of {first_group(table)}" if kind == "crossed" else ""
    if _has_weighted_bases(table) and any(row.weighted_base is not None for row in table.rows):
        yield _Part(f"Weighted base{of}", lambda _, row: row.mark or _whole(row.weighted_base))
    yield _Part(f"Base{of}", lambda _, row: row.mark or row.base)
    yield _Part(f"No reply{of}", lambda _, row: row.missing_mark or row.no_reply)


def _whole(number: float | None) -> Value:
    return UNAVAILABLE if number is None else int(half_up(number))
