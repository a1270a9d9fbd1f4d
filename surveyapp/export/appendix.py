"""The appendix as a Word document: how the survey was done, one captioned table a question, what was asked.

A caption has the number of the plan, as the workbook has it, since reports cite tables by it. Wide tables turn the
page, and wider ones are continued under the same caption.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from surveyapp.analysis.report import Report
from surveyapp.analysis.tables import MARKS, Table
from surveyapp.export import annotated, charts, layouts, method, word, wordtables
from surveyapp.export.sentences import about_table, marks, meaning
from surveyapp.export.sheets import Value
from surveyapp.export.wordtables import Rectangle, caption_number, on_paper, printed, shortened
from surveyapp.export.workbook import response_table

_LANGUAGE = "en-GB"
"""Of our own words."""

_SMALLEST, _LETTER, _DIGIT, _MARGIN = 1.0, 0.19, 0.16, 0.3
"""Centimetres: the narrowest column of figures, a letter of its heading, one of its cells, the space around."""

_LABELS = (4.3, 9.5)
"""Centimetres: the narrowest and the widest column of labels."""

_WORDS = 5.2
_ABOVE = ("Base:", "Filter:", "Question:")


def appendix(
    report: Report,
    progress: Callable[[str], None] = lambda _: None,
    with_charts: bool = False,
    with_questionnaire: bool = False,
) -> bytes:
    """The bytes of a `.docx` file; the same report always gives the same.

    `with_charts` puts a chart under each table that one can show, `with_questionnaire` adds what was asked, with
    the results beside the answers.
    """
    return _Writer(report, with_charts).write(progress, with_questionnaire)


class _Writer:
    """Writes one document from top to bottom."""

    def __init__(self, report: Report, with_charts: bool) -> None:
        self.report = report
        self.with_charts = with_charts
        self.paper = word.new_paper(report.title, _LANGUAGE, shortened(report.title)[:90])
        self.is_landscape = False

    def write(self, progress: Callable[[str], None], with_questionnaire: bool) -> bytes:
        """All parts in their order, as bytes."""
        self._front(with_questionnaire)
        method.write(self.paper, self.report)
        self._response()
        self._marks()
        self._heading("Tables", "tables", page=True)
        for i, protected in enumerate(self.report.tables):
            progress(caption_number(protected.table))
            self._table(i, protected.table)
        if with_questionnaire:
            progress("questionnaire")
            self._turn(False)
            self._heading("Questionnaire with results", "questionnaire")
            annotated.write(self.paper, self.report)
        return word.to_bytes(self.paper)

    # ── what stands before the tables ──

    def _front(self, with_questionnaire: bool) -> None:
        paper = self.paper
        word.write(paper, shortened(self.report.title), "Title")
        word.write(paper, "Appendix of response tables", "Subtitle")
        for name, fact in method.facts(self.report):
            paragraph = word.write(paper, "", "Fact")
            word.add(paragraph, name).bold = True
            word.add(paragraph, f"\t{fact}")
        word.write(paper, "Contents", "Heading 1")
        self._line("How the survey was done", "method")
        for i, protected in enumerate(self.report.tables):
            self._line(_caption(protected.table), f"table_{i + 1}")
        if with_questionnaire:
            self._line("Questionnaire with results", "questionnaire")

    def _line(self, text: str, name: str) -> None:
        word.add_link(word.write(self.paper, "", "Small"), shortened(text), name)

    def _heading(self, text: str, name: str, page: bool = False) -> None:
        paragraph = word.write(self.paper, text, "Heading 1")
        paragraph.paragraph_format.page_break_before = page
        word.bookmark(paragraph, name, {"tables": 1, "questionnaire": 2}[name])

    def _response(self) -> None:
        header, rows = response_table(self.report)
        header = [heading.replace(" (%)", ", %") for heading in header]
        word.write(self.paper, "Who answered", "Heading 2")
        widths = _widths(header, rows, {0}, word.WIDTH)
        wordtables.put(self.paper, Rectangle("Who answered", header, rows, widths, strong={len(rows) - 1}))

    def _marks(self) -> None:
        """The marks that stand somewhere in the document."""
        rows = [*response_table(self.report)[1]]
        used = {value for row in rows for value in row if value in MARKS}
        for protected in self.report.tables:
            used |= _marks_of(protected.table, on_paper(protected.table, self.report))
        lines: list[list[Value]] = [[mark, meaning(mark)] for mark in MARKS if mark in used]
        if lines:
            word.write(self.paper, "Marks in place of figures", "Heading 2")
            table = Rectangle("Marks", ["Mark", "Meaning"], lines, [2.0, 13.0], words={0, 1})
            wordtables.put(self.paper, table)

    # ── tables ──

    def _table(self, i: int, table: Table) -> None:
        body = on_paper(table, self.report)
        print_ = _Print(table, body)
        landscape = not print_.fits(word.WIDTH)
        self._turn(landscape)
        paragraph = word.write(self.paper, shortened(_caption(table)), "caption", keep=True)
        word.bookmark(paragraph, f"table_{i + 1}", 100 + i)
        word.set_level(paragraph, 2)
        said = about_table(table, self.report)
        above = "\n".join(s for s in said if s.startswith(_ABOVE))
        word.write(self.paper, shortened(above), "Above table", keep=True)
        for n, part in enumerate(print_.parts(word.WIDTH + 8.7 * landscape)):
            if n:
                word.write(self.paper, "", "Above table", keep=True)
                word.write(self.paper, f"{caption_number(table)}, continued", "Above table").runs[0].bold = True
            wordtables.put(self.paper, part)
        self._below(table, body, [s for s in said if not s.startswith(_ABOVE)])
        self._chart(table)

    def _below(self, table: Table, body: layouts.Body, said: Sequence[str]) -> None:
        """Notes, sentences and marks, small, under the table."""
        for note in table.notes:
            word.write(self.paper, shortened(f"Note: {note}"), "Below table")
        word.write(self.paper, shortened(" ".join(said)), "Below table")
        used = _marks_of(table, body)
        if used:
            explained = "; ".join(f"{mark} {meaning(mark)}" for mark in MARKS if mark in used)
            word.write(self.paper, f"{explained}.", "Below table")

    def _chart(self, table: Table) -> None:
        drawn = charts.chart(table, self.report, "png") if self.with_charts else None
        if drawn is not None:
            self.paper.add_paragraph(style="Above table")
            word.add_picture(self.paper, drawn.content, min(word.WIDTH, drawn.width * 2.54), drawn.words)

    def _turn(self, landscape: bool) -> None:
        if landscape is not self.is_landscape:
            word.turn(self.paper, landscape)
            self.is_landscape = landscape


def _caption(table: Table) -> str:
    return f"{caption_number(table)}: {table.title}"


def _marks_of(table: Table, body: layouts.Body) -> set[str]:
    cells = (value for row in body.rows for value in row if isinstance(value, str))
    return marks(table) | {value for value in cells if value in MARKS}


# ── a table on paper ─────────────────────────────────────────────────────────


@dataclass(frozen=True)
class _Print:
    """A table cut to the width of a page. Columns that belong together (limits, letters) stay together."""

    table: Table
    body: layouts.Body

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
            widths=_widths(header, rows, words, width),
            groups=_grouped([self._group(c) for c in columns]),
            strong=nets,
            quiet=set(range(len(self.body.rows))) - printed_rows,
            words=words,
        )


def _needed(heading: str, cells: Sequence[Value], is_words: bool) -> float:
    """How wide a column must be for its longest word; a figure is never divided."""
    if is_words:
        return _WORDS
    longest = max(map(len, heading.replace("-", "- ").split()), default=0)
    figure = max((len(printed(cell)) for cell in cells), default=0)
    return _MARGIN + max(_SMALLEST, _LETTER * longest, _DIGIT * figure)


def _widths(
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
