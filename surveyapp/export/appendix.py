"""The appendix as a Word document: how the survey was done, one captioned table a question, what was asked.

A caption has the number of the plan, as the workbook has it, since reports cite tables by it. Wide tables turn the
page, and wider ones are continued under the same caption.
"""

from collections.abc import Callable, Sequence

from surveyapp.analysis.report import Report
from surveyapp.analysis.tables import MARKS, Table
from surveyapp.export import annotated, charts, layouts, method, word, wordtables
from surveyapp.export.layouts import Value, caption_number
from surveyapp.export.sentences import about_table, marks, meaning
from surveyapp.export.wordtables import Print, Rectangle, on_paper, shortened, widths_of
from surveyapp.export.workbook import response_table

_LANGUAGE = "en-GB"
"""Of our own words."""

_TALLEST, _LOW = 9.3, 6.2
"""Inches: a picture that stands on one page, upright or landscape."""

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
        widths = widths_of(header, rows, {0}, word.WIDTH)
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
        print_ = Print(table, body)
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
        if not self.with_charts:
            return
        for drawn in charts.pictures(table, self.report, "png", _TALLEST):
            if drawn.height > _LOW:
                self._turn(False)
            self.paper.add_paragraph(style="Above table")
            word.add_picture(self.paper, drawn.content, min(word.WIDTH, drawn.width * 2.54), drawn.words)
        if reason := charts.without(table):
            word.write(self.paper, f"This table has no chart: {reason}.", "Below table")

    def _turn(self, landscape: bool) -> None:
        if landscape is not self.is_landscape:
            word.turn(self.paper, landscape)
            self.is_landscape = landscape


def _caption(table: Table) -> str:
    return f"{caption_number(table)}: {table.title}"


def _marks_of(table: Table, body: layouts.Body) -> set[str]:
    cells = (value for row in body.rows for value in row if isinstance(value, str))
    return marks(table) | {value for value in cells if value in MARKS}
