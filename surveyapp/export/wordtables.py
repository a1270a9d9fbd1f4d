"""Tables of figures in a Word document: whole tables at once, since a cell at a time takes a second a page.

Header rows are repeated on every page and no row is divided between two. Text stays text: it is escaped here, and
what is longer than a page is cut with a visible mark.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from xml.sax.saxutils import escape, quoteattr  # nosec B406: it writes, and reads nothing

from docx.document import Document as Paper
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls

from surveyapp.analysis.report import Report
from surveyapp.analysis.tables import NOT_APPLICABLE, Table
from surveyapp.export.archive import legible
from surveyapp.export.layouts import Body, Number, Value, caption_number, laid_out, printed
from surveyapp.export.sheets import CUT

MAX_TEXT = 4_000
"""Letters of one paragraph or cell: about a page."""

TOGETHER = 18
"""A table of no more rows is not divided between pages, where one page can hold it."""


_FEW = 4
"""So many rows at least of a divided table stand on each page."""

_SMALLEST, _LETTER, _DIGIT, _MARGIN = 1.0, 0.19, 0.16, 0.3
"""Centimetres: the narrowest column of figures, a letter of its heading, one of its cells, the space around."""

_LABELS = (4.3, 9.5)
"""Centimetres: the narrowest and the widest column of labels."""

_WORDS = 5.2

_TO = " to upper"
_BOTH = f", lower{_TO}"


@dataclass(frozen=True)
class Rectangle:
    """A table as it is printed. `widths` are in centimetres, and the first column holds labels.

    `groups` stand over the header: each a text and how many columns it is over; none, and there is one header row.
    `strong` rows are nets, `quiet` ones bases; `words` are the columns of text. `title` is for screen readers.
    A table that is `followed` by what explains it keeps its last row on the page of that.
    """

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[Value]]
    widths: Sequence[float]
    groups: Sequence[tuple[str, int]] = ()
    strong: Collection[int] = ()
    quiet: Collection[int] = ()
    words: Collection[int] = (0,)
    followed: bool = False


def put(paper: Paper, table: Rectangle) -> None:
    """Write the table at the end of the document."""
    paper.element.body.get_or_add_sectPr().addprevious(parse_xml("".join(_table(table))))


def shortened(text: str) -> str:
    """`text` without what Word cannot hold, cut where it is longer than a page."""
    text = legible(text)
    return text if len(text) <= MAX_TEXT else text[: MAX_TEXT - len(CUT)] + CUT


def on_paper(table: Table, report: Report) -> Body:
    """The table as it lies on a sheet, narrower: limits in one column, and nothing where a base has no figure."""
    body = laid_out(table, report)
    pairs = _pairs(body.header) if len(table.columns) > 1 else []
    second = {upper for _, upper in pairs}
    kept = [c for c in range(len(body.header)) if c not in second]
    place = {c: i for i, c in enumerate(kept)}
    bases = set(range(len(body.rows))) - {row for row, _ in body.figures}
    rows = [_slim(row, pairs, i in bases) for i, row in enumerate(body.rows)]
    return replace(
        body,
        header=[body.header[c] + (_TO if (c, c + 1) in pairs else "") for c in kept],
        rows=[[row[c] for c in kept] for row in rows],
        figures={(row, place[c]): of for (row, c), of in body.figures.items()},
        words=frozenset(place[c] for c in body.words),
    )


def chosen(body: Body, rows: Sequence[int], columns: Sequence[int]) -> Body:
    """Some rows and columns of it, in that order."""
    row_at, column_at = ({old: new for new, old in enumerate(kept)} for kept in (rows, columns))
    figures = {
        (row_at[row], column_at[c]): of
        for (row, c), of in body.figures.items()
        if row in row_at and c in column_at
    }
    return replace(
        body,
        header=[body.header[c] for c in columns],
        rows=[[body.rows[row][c] for c in columns] for row in rows],
        codes=[body.codes[row] for row in rows],
        figures=figures,
        words=frozenset(column_at[c] for c in body.words if c in column_at),
    )


def are_limits(heading: str) -> bool:
    """Whether a heading of `on_paper` is that of lower and upper limits in one column."""
    return heading.endswith(_BOTH)


def _pairs(header: Sequence[str]) -> list[tuple[int, int]]:
    """The columns of lower limits, each with that of the upper ones."""
    places = range(len(header) - 1)
    return [(c, c + 1) for c in places if header[c].endswith(", lower") and header[c + 1].endswith(", upper")]


def _slim(row: Sequence[Value], pairs: Sequence[tuple[int, int]], is_base: bool) -> list[Value]:
    cells = ["" if is_base and value == NOT_APPLICABLE else value for value in row]
    for lower, upper in pairs:
        if cells[lower] != cells[upper] or isinstance(cells[lower], Number):
            cells[lower] = f"{printed(cells[lower])}\u00a0to\u00a0{printed(cells[upper])}"
    return cells


# ── a table on paper ─────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Print:
    """A table, as `on_paper` gives it, cut to the width of a page.

    Columns that belong together (figures, limits, letters) stay together.
    """

    table: Table
    body: Body

    def fits(self, width: float) -> bool:
        """Whether all columns stand beside each other on a page so wide."""
        return self._needed(range(1, len(self.body.header))) + _LABELS[0] <= width

    def parts(self, width: float) -> Iterator[Rectangle]:
        """One table, or several with the same labels."""
        chosen: list[int] = []
        for bundle in self._bundles:
            if chosen and self._needed([*chosen, *bundle]) + _LABELS[0] > width:
                yield self._part(chosen, width)
                chosen = []
            chosen += bundle
        yield self._part(chosen, width)

    @cached_property
    def _column_at(self) -> dict[int, int]:
        """The column of the table, by the place of its figures."""
        return {place: c for (_, place), (_, c) in self.body.figures.items()}

    @cached_property
    def _bundles(self) -> list[list[int]]:
        bundles: list[list[int]] = []
        for place in range(1, len(self.body.header)):
            if place in self._column_at or place in self.body.words or not bundles:
                bundles.append([])
            bundles[-1].append(place)
        return bundles

    def _needed(self, places: Sequence[int] | range) -> float:
        return sum(
            _needed(self._headings[c], [row[c] for row in self.body.rows], c in self.body.words) for c in places
        )

    @cached_property
    def _headings(self) -> list[str]:
        """What stands over each column, without what stands over several of them."""
        return [_short(heading, self._group(c)) for c, heading in enumerate(self.body.header)]

    def _group(self, place: int) -> str:
        """The headings of the banner over a column; those of limits and letters are of the column before them."""
        owner = next((p for p in range(place, 0, -1) if p in self._column_at), None)
        if owner is None or place in self.body.words or self._is_of_rows(place):
            return ""
        return _joined(self.table.columns[self._column_at[owner]].headings)

    def _is_of_rows(self, place: int) -> bool:
        """Whether a column after the last figures is the base of each row, or those missing."""
        last = max(self._column_at)
        return place > last and "base" in " ".join(self.body.header[last + 1 : place + 1]).lower()

    def _part(self, places: Sequence[int], width: float) -> Rectangle:
        columns = [0, *places]
        printed_rows = {row for row, _ in self.body.figures}
        nets = {row for (row, _), (r, _) in self.body.figures.items() if self.table.rows[r].net}
        words = {i for i, c in enumerate(columns) if c in self.body.words}
        header = [self._headings[c] for c in columns]
        rows = [[row[c] for c in columns] for row in self.body.rows]
        return Rectangle(
            title=f"{caption_number(self.table)}: {self.table.title}",
            header=header,
            rows=rows,
            widths=widths_of(header, rows, words, width),
            groups=_grouped([self._group(c) for c in columns]),
            strong=nets,
            quiet=set(range(len(self.body.rows))) - printed_rows,
            words=words,
            followed=True,
        )


def _needed(heading: str, cells: Sequence[Value], is_words: bool) -> float:
    """How wide a column must be for its longest word; a figure is never divided."""
    if is_words:
        return _WORDS
    longest = max(map(len, heading.replace("-", "- ").split()), default=0)
    figure = max((len(printed(cell)) for cell in cells), default=0)
    return _MARGIN + max(_SMALLEST, _LETTER * longest, _DIGIT * figure)


def widths_of(
    header: Sequence[str], rows: Sequence[Sequence[Value]], words: Collection[int], width: float
) -> list[float]:
    """Figures as narrow as they allow, and labels what is left, within reason."""
    columns = [[row[c] for row in rows] for c in range(len(header))]
    needed = [_needed(header[c], columns[c], c in words) for c in range(1, len(header))]
    longest = max((len(printed(cell)) for cell in columns[0]), default=0)
    label = min(max(width - sum(needed), _LABELS[0]), _LABELS[1], max(_LABELS[0], _MARGIN + _DIGIT * longest))
    room = (width - label - sum(needed)) / max(1, len(needed))
    return [label, *(n + min(max(room, 0), 0.7) for n in needed)]


def _joined(headings: Sequence[str]) -> str:
    """As `layouts` writes nested headings, in one line."""
    said = ""
    for part in headings:
        said += f"{'' if not said else ' ' if said[-1] in '?!.:' else ': '}{part}"
    return said


def _short(heading: str, group: str) -> str:
    if group and heading.startswith(group):
        heading = heading[len(group) :].lstrip(": ")
    return heading


def _grouped(groups: Sequence[str]) -> list[tuple[str, int]]:
    """Equal neighbours as one, with how many they are; nothing if no column has a heading over it."""
    found: list[tuple[str, int]] = []
    for group in groups:
        if found and found[-1][0] == group and group:
            found[-1] = (group, found[-1][1] + 1)
        else:
            found.append((group, 1))
    return found if any(groups) else []


# ── as Word has it ───────────────────────────────────────────────────────────


def _table(table: Rectangle) -> Iterator[str]:
    widths = [round(567 * width) for width in table.widths]
    yield (
        f'<w:tbl {nsdecls("w")}><w:tblPr><w:tblStyle w:val="Figures"/><w:tblW w:w="{sum(widths)}" w:type="dxa"/>'
        '<w:tblLayout w:type="fixed"/><w:tblLook w:val="00A0" w:firstRow="1" w:firstColumn="1" w:lastRow="0" '
        f'w:lastColumn="0" w:noHBand="1" w:noVBand="1"/><w:tblCaption w:val={quoteattr(shortened(table.title))}/>'
        "</w:tblPr><w:tblGrid>"
    )
    yield from (f'<w:gridCol w:w="{width}"/>' for width in widths)
    yield "</w:tblGrid>"
    yield from _header(table, widths)
    for i, row in enumerate(table.rows):
        yield "<w:tr><w:trPr><w:cantSplit/></w:trPr>"
        look = "<w:b/>" if i in table.strong else '<w:i/><w:color w:val="404040"/>' if i in table.quiet else ""
        for c, value in enumerate(row):
            style = "Figurelabel" if c in table.words else "Figure"
            yield _cell(printed(value), style, widths[c], look, _is_held(i, table))
        yield "</w:tr>"
    yield "</w:tbl>"


def _is_held(i: int, table: Rectangle) -> bool:
    """Whether a row stays on the page of the next: all of a short table, the first and last few of a long one."""
    last = len(table.rows) - 1
    return table.followed if i == last else last < TOGETHER or i < _FEW or i > last - _FEW


def _header(table: Rectangle, widths: Sequence[int]) -> Iterator[str]:
    if table.groups:
        yield "<w:tr><w:trPr><w:cantSplit/><w:tblHeader/></w:trPr>"
        place = 0
        for text, span in table.groups:
            yield _cell(text, "Figuregroup", sum(widths[place : place + span]), "", True, span, bool(text))
            place += span
        yield "</w:tr>"
    yield "<w:tr><w:trPr><w:cantSplit/><w:tblHeader/></w:trPr>"
    for c, text in enumerate(table.header):
        yield _cell(text, "Head" if c in table.words else "Figurehead", widths[c], "", True, head=True)
    yield "</w:tr>"


def _cell(
    text: str,
    style: str,
    width: int,
    look: str,
    keep: bool,
    span: int = 1,
    ruled: bool = False,
    head: bool = False,
) -> str:
    merged = f'<w:gridSpan w:val="{span}"/>' if span > 1 else ""
    rule = '<w:tcBorders><w:bottom w:val="single" w:sz="4" w:color="404040"/></w:tcBorders>' if ruled else ""
    shade = '<w:shd w:val="clear" w:color="auto" w:fill="E6EEF0"/>' if head else ""
    held = "<w:keepNext/>" if keep else ""
    return (
        f'<w:tc><w:tcPr><w:tcW w:w="{width}" w:type="dxa"/>{merged}{rule}{shade}</w:tcPr>'
        f'<w:p><w:pPr><w:pStyle w:val="{style}"/>{held}</w:pPr>{_runs(text, look)}</w:p></w:tc>'
    )


def _runs(text: str, look: str) -> str:
    """Lines as Word has them: a line end and a tab are elements of their own."""
    if not text:
        return ""
    said = f'<w:t xml:space="preserve">{escape(shortened(text))}</w:t>'
    for letter, tag in (("\n", "<w:br/>"), ("\t", "<w:tab/>")):
        said = said.replace(letter, f'</w:t>{tag}<w:t xml:space="preserve">')
    return f"<w:r>{f'<w:rPr>{look}</w:rPr>' if look else ''}{said}</w:r>"
