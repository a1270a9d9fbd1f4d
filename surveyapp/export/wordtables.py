"""Tables of figures in a Word document: whole tables at once, since a cell at a time takes a second a page.

Header rows are repeated on every page and no row is divided between two. Text stays text: it is escaped here, and
what is longer than a page is cut with a visible mark.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from xml.sax.saxutils import escape, quoteattr  # nosec B406: it writes, and reads nothing

from docx.document import Document as Paper
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls

from surveyapp.analysis.report import Report
from surveyapp.analysis.tables import NOT_APPLICABLE, Table, half_up
from surveyapp.export.archive import legible
from surveyapp.export.layouts import Body
from surveyapp.export.sheets import CUT, Number, Value
from surveyapp.export.workbook import laid_out

MAX_TEXT = 4_000
"""Letters of one paragraph or cell: about a page."""

TOGETHER = 18
"""A table of no more rows is not divided between pages, where one page can hold it."""


@dataclass(frozen=True)
class Rectangle:
    """A table as it is printed. `widths` are in centimetres, and the first column holds labels.

    `groups` stand over the header: each a text and how many columns it is over; none, and there is one header row.
    `strong` rows are nets, `quiet` ones bases; `words` are the columns of text. `title` is for screen readers.
    """

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[Value]]
    widths: Sequence[float]
    groups: Sequence[tuple[str, int]] = ()
    strong: Collection[int] = ()
    quiet: Collection[int] = ()
    words: Collection[int] = (0,)


def put(paper: Paper, table: Rectangle) -> None:
    """Write the table at the end of the document."""
    paper.element.body.get_or_add_sectPr().addprevious(parse_xml("".join(_table(table))))


def shortened(text: str) -> str:
    """`text` without what Word cannot hold, cut where it is longer than a page."""
    text = legible(text)
    return text if len(text) <= MAX_TEXT else text[: MAX_TEXT - len(CUT)] + CUT


def caption_number(table: Table) -> str:
    """`Table 3`; a plan's id that begins with a letter is the name itself."""
    return table.id.replace("_", " ") if table.id[0].isalpha() else f"Table {table.id}"


def printed(value: Value) -> str:
    """What stands in a cell."""
    if isinstance(value, Number):
        return f"{half_up(value.value, value.decimals):,.{value.decimals}f}"
    return f"{value:,}" if isinstance(value, int) else "" if value is None else str(value)


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
        header=[body.header[c] + (" to upper" if (c, c + 1) in pairs else "") for c in kept],
        rows=[[row[c] for c in kept] for row in rows],
        figures={(row, place[c]): of for (row, c), of in body.figures.items()},
        words=frozenset(place[c] for c in body.words),
    )


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
    keep = len(table.rows) <= TOGETHER
    for i, row in enumerate(table.rows):
        yield "<w:tr><w:trPr><w:cantSplit/></w:trPr>"
        look = "<w:b/>" if i in table.strong else '<w:i/><w:color w:val="404040"/>' if i in table.quiet else ""
        for c, value in enumerate(row):
            style = "Figurelabel" if c in table.words else "Figure"
            yield _cell(printed(value), style, widths[c], look, keep and i < len(table.rows) - 1)
        yield "</w:tr>"
    yield "</w:tbl>"


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
