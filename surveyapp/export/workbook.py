"""The appendix as an Excel workbook: cover, contents, notes, response, one numbered table a sheet, codebook.

The published edition follows "Releasing statistics in spreadsheets" of the UK Government Analysis Function (see
`docs/spreadsheets.md`). The analyst's has the same sheets, ready for work, and those of `working` after them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from openpyxl import Workbook

from surveyapp.analysis.dataset import STRATUM
from surveyapp.analysis.derived import band_names
from surveyapp.analysis.report import Report
from surveyapp.analysis.tables import CONFIDENTIAL, MARKS, NOT_APPLICABLE, Slice, Table
from surveyapp.export import layouts, working
from surveyapp.export.layouts import Number, Value
from surveyapp.export.rates import SHARE, shown_number, shown_share
from surveyapp.export.sentences import SILENT, about_figures, about_weights, marks, meaning, sentences
from surveyapp.export.sheets import (
    link,
    new_sheet,
    new_workbook,
    put_table,
    sheet_name,
    to_bytes,
    wrap_column,
)
from surveyapp.fieldwork import printed_day
from surveyapp.instrument import (
    Allocation,
    DateQuestion,
    Grid,
    Multiple,
    NumberQuestion,
    OpenText,
    Question,
    Rank,
    Text,
    choices,
)
from surveyapp.rates import COLUMNS, UNMARKED, Fieldwork, Row, percent

EDITIONS = ("published", "analyst")


def workbook(
    report: Report, progress: Callable[[str], None] = lambda _: None, edition: str = EDITIONS[0]
) -> bytes:
    """The bytes of an `.xlsx` file. Percentages of tables are stored rounded, as printed; `edition`: see above.

    Nothing finer is in the published file; the analyst's has unrounded figures of what is not hidden.
    """
    return _Writer(report, edition == "analyst").write(progress)


class _Writer:
    """Writes one workbook, sheet after sheet."""

    def __init__(self, report: Report, is_working: bool) -> None:
        self.report = report
        self.is_working = is_working
        self.book = new_workbook(report.title)
        self.notes = _Notes(report)
        self.bodies = [layouts.laid_out(protected.table, report) for protected in report.tables]
        self.more = working.sheets(report) if is_working else {}
        self.names = _sheet_names(report, list(self.more))

    def write(self, progress: Callable[[str], None]) -> bytes:
        """All sheets in their order, as bytes."""
        _cover(self.book, self.report, self.is_working)
        self._contents()
        self._notes()
        _response(self.book, self.report, self.is_working)
        tops: list[int] = []
        charts: list[str] = []
        for protected, body, name in zip(self.report.tables, self.bodies, self.names, strict=True):
            progress(name)
            tops.append(self._table(protected.table, body, name, charts))
        _codebook(self.book, self.report, self.is_working)
        if self.is_working:
            working.write(self.book, self.report, list(zip(self.names, self.bodies, tops, strict=True)))
        return to_bytes(self.book, charts)

    def _contents(self) -> None:
        lines = ["This sheet holds one table. Follow a link to go to a sheet."]
        sheet = new_sheet(self.book, "Contents", "Contents", lines, [30, 90])
        titles = [protected.table.title for protected in self.report.tables]
        rows = [
            ("Cover", "About these tables"),
            ("Notes", "Marks and notes"),
            ("Response", "Who answered"),
            *zip(self.names, titles, strict=True),
            ("Codebook", "Questions, variables and codes"),
            *self.more.items(),
        ]
        top = put_table(sheet, "contents", ["Sheet", "What it holds"], rows, texts=2, working=self.is_working)
        for i, (name, _) in enumerate(rows, top + 1):
            link(sheet, i, 1, name)

    def _notes(self) -> None:
        """The sheet of the marks that are used, and of all notes."""
        used = set().union(*(marks(protected.table) for protected in self.report.tables))
        bodies = [response_table(self.report)[1], *(body.rows for body in self.bodies)]
        used |= {value for rows in bodies for row in rows for value in row if value in MARKS}
        used |= working.marks(self.report) if self.is_working else set()
        rows = [(mark, meaning(mark)) for mark in MARKS if mark in used]
        rows += [(f"[note {i}]", note) for note, i in self.notes.numbers.items()]
        lines = [
            "This sheet holds one table: marks that stand in place of a figure, and notes that tables refer to."
        ]
        sheet = new_sheet(self.book, "Notes", "Marks and notes", lines, [18, 90])
        header, nothing = ["Mark", "Meaning"], [("none", "No mark or note is used.")]
        put_table(sheet, "notes", header, rows or nothing, texts=2, working=self.is_working)

    def _table(self, table: Table, body: layouts.Body, name: str, charts: list[str]) -> int:
        """One table on its sheet. Returns the row of its header."""
        header, rows = body.header, body.rows
        words = body.words
        if self.is_working:
            header = [header[0], "Code", *header[1:]]
            rows = [[row[0], code, *row[1:]] for code, row in zip(body.codes, rows, strict=True)]
            words = frozenset({0, 1, *(1 + c for c in words - {0})})
        said = sentences(table, self.report, self.notes.marks_of(table))
        title = f"{_number(table, name)}: {table.title}"
        sheet = new_sheet(self.book, name, title, said, _widths(header, words, self.is_working))
        marked = f"t_{name.lower()}"
        top = put_table(sheet, marked, header, rows, words=words, working=self.is_working)
        if self.is_working and working.chart(sheet, table, body, top):
            charts.append(f"Bars: the percentages of {title}. The table on this sheet has the figures.")
        return top


def _sheet_names(report: Report, more: Sequence[str]) -> list[str]:
    """The id where it begins with a letter, else what the table is and its id: `Table_1`, `By_region_9`."""
    fixed = ["Cover", "Contents", "Notes", "Response", "Codebook", *more]
    names = list(fixed)
    for protected in report.tables:
        names.append(sheet_name(_wanted(protected.table), names))
    return names[len(fixed) :]


def _wanted(table: Table) -> str:
    if table.id[0].isalpha():
        return table.id
    if layouts.is_banner(table):
        return f"By_{_crossed_by(table)}_{table.id}"
    if table.kind == "trend":
        return f"Trend_{table.id}"
    nets = table.rows and all(row.net for row in table.rows)
    points = layouts.shape(table) == "items" and table.kind == "grid"
    return f"Net_{table.id}" if nets or (points and all(c.net for c in table.columns)) else f"Table_{table.id}"


def _crossed_by(table: Table) -> str:
    """The variables of the banner, as far as a name of a sheet has room for them."""
    found: dict[str, None] = {}
    for column in table.columns:
        found |= dict.fromkeys(map(_variable, _own(column.who, table.columns[0].who)))
    room, names = 24 - len(table.id), list(found)
    while len(names) > 1 and len("_".join(names)) > room:
        names.pop()
    return "_".join(names)[:room]


def _own(who: Slice, everybody: Slice) -> list[str]:
    return sorted((name for name, _ in who - everybody), key=lambda name: (not name.startswith(STRATUM), name))


def _variable(name: str) -> str:
    return name.removeprefix(STRATUM) if name.startswith(STRATUM) else name.partition(".")[0]


# ── what stands before the tables ────────────────────────────────────────────


def _cover(book: Workbook, report: Report, is_working: bool) -> None:
    facts = report.facts
    until = printed_day(facts.closed_on) if facts.closed_on else "still open"
    rows = [
        *([facts.note] if facts.note else []),
        *(["Edition for analysts, not for publication. What is hidden is hidden here too."] if is_working else []),
        f"Fieldwork: {printed_day(facts.opened_on)} to {until}. Wave: {facts.wave}.",
        f"Questionnaire: {report.instrument.name}, content {facts.version_hash[:16]}.",
        *about_response(report),
        *report.notes,
        *about_figures(report),
    ]
    wrap_column(new_sheet(book, "Cover", report.title, ["Appendix of response tables.", *rows], [84]))


def about_response(report: Report) -> list[str]:
    """Who was asked and who answered, as `rates` counts them."""
    if not report.facts.listed:
        return [f"{report.responses} responses from a wave open to anyone: there is no response rate."]
    if (found := report.response) is None:
        return [f"{report.responses} {report.unit} answered; the response rate stands elsewhere.", SILENT]
    frame, issued = found.whole.numbers["frame"], found.whole.numbers["issued"]
    sentences = [*_rate_sentences(found, report), SILENT]
    if frame != issued:
        sentences.append(f"The frame has {frame} {report.unit}; {issued} could be written to.")
    return sentences


def _rate_sentences(found: Fieldwork, report: Report) -> list[str]:
    rate = found.rate
    if rate is None:
        return [f"{report.responses} {report.unit} answered; too few, or too few released, for a response rate."]
    breakoff = f", {rate.breakoff} with less, which count as no answer" if rate.breakoff else ""
    outside = f" {rate.out_of_scope} of them were found out of scope." if rate.out_of_scope else ""
    sent = (
        f"{rate.received} of {rate.issued} invited {report.unit} sent answers: {rate.complete} complete "
        f"(80% or more of the closed items that applied to them), {rate.partial} partial (50% to under 80%)"
    )
    rr1, rr2 = percent(rate.rr1), percent(rate.rr2)
    return [
        f"{sent}{breakoff}.{outside}",
        f"Response rate: {rr1}% with complete answers (AAPOR RR1), {rr2}% with partial ones too (RR2).",
        *([UNMARKED] if found.unmarked else []),
    ]


@dataclass
class _Notes:
    """Every note of the report once, numbered in the order of the tables."""

    report: Report

    def __post_init__(self) -> None:
        every = [note for protected in self.report.tables for note in protected.table.notes]
        self.numbers = {note: i for i, note in enumerate(dict.fromkeys(every), 1)}

    def marks_of(self, table: Table) -> str:
        """`[note 1] [note 2]`."""
        return " ".join(f"[note {self.numbers[note]}]" for note in dict.fromkeys(table.notes))


def _response(book: Workbook, report: Report, is_working: bool) -> None:
    lines = [
        "This sheet holds one table: who was asked and who answered.",
        *about_response(report),
        *about_weights(report),
    ]
    header, rows = response_table(report)
    sheet = new_sheet(book, "Response", "Who answered", lines, [60, *([18] * (len(header) - 1))])
    put_table(sheet, "response", header, rows, working=is_working)


def response_table(report: Report) -> tuple[list[str], list[list[Value]]]:
    """Who was asked and who answered, by stratum: a header and its rows."""
    if report.response is None:
        return ["All", "Answered"], [["All", report.responses]]
    return _by_stratum(report.response, report)


def _by_stratum(found: Fieldwork, report: Report) -> tuple[list[str], list[list[Value]]]:
    """The rows of the rates workbook, with fewer columns: the same numbers and marks, with weights beside them."""
    several = len(found.tables) > 1
    words = {variable: variable.replace("_", " ") for variable in found.tables}
    weights = _weights(report)
    header = [*(COLUMNS[column] for column in _RESPONSE), SHARE, *(["Weight"] if weights else [])]
    shown: list[list[Value]] = []
    for variable, table in found.tables.items():
        for row in table:
            name = f"{words[variable]}: {row.name}" if several else row.name
            weight = [_weight(row, weights[variable])] if variable in weights else [NOT_APPLICABLE] * len(weights)
            shown.append([name, *_response_row(row), *weight])
    shown.append([found.whole.name, *_response_row(found.whole), *([NOT_APPLICABLE] if weights else [])])
    return ["Stratum" if several else next(iter(words.values()), "all").capitalize(), *header], shown


def _response_row(row: Row) -> list[Value]:
    return [*(shown_number(row.numbers[column]) for column in _RESPONSE), shown_share(row)]


_RESPONSE = ("frame", "issued", "eligible", "completed")


def _weights(report: Report) -> Mapping[str, Mapping[str, float]]:
    """The weights of the strata by variable and name; none where several variables make them."""
    design = report.design
    if design is None or not design.weighted or len(design.variables) != 1:
        return {}
    return {design.variables[0]: dict(zip(design.names, design.relative.tolist(), strict=True))}


def _weight(row: Row, weights: Mapping[str, float]) -> Value:
    """With the frame, a weight gives the number of answers back: it is hidden where that is."""
    if not isinstance(row.numbers["completed"], int):
        return CONFIDENTIAL
    return Number(weights[row.name], 2) if row.name in weights else NOT_APPLICABLE


# ── the tables ───────────────────────────────────────────────────────────────


def _number(table: Table, name: str) -> str:
    return name.replace("_", " ") if table.id[0].isalpha() else f"Table {table.id}"


def _widths(header: Sequence[str], words: frozenset[int], is_working: bool) -> list[int]:
    """Wide columns for words, narrower ones for figures, none narrower than the longest word of its heading."""
    figures = len(header) - len(words)
    first, other = (68, 18) if figures < 3 and len(words) < 3 else (46, 15)
    widths = []
    for c, heading in enumerate(header):
        longest = max(map(len, heading.split()), default=0) + 3
        widths.append(
            (first if c == 0 else 18 if c == int(is_working) else 60) if c in words else max(other, longest)
        )
    return [min(width, 68) for width in widths]


# ── the codebook ─────────────────────────────────────────────────────────────


def _codebook(book: Workbook, report: Report, is_working: bool) -> None:
    lines = ["This sheet holds one table: every question with its variables, codes and labels."]
    sheet = new_sheet(book, "Codebook", "Questions, variables and codes", lines, [32, 11, 50, 20, 40])
    header = ["Variable", "Type", "Wording", "Code", "Label"]
    rows = [line for question in report.instrument.questions.values() for line in _code_lines(question)]
    put_table(sheet, "codebook", header, rows, texts=5, working=is_working)


def _code_lines(question: Question) -> list[list[Value]]:
    wording = " ".join(str(question.text).split())
    match question:
        case OpenText():
            return [[question.id, "text", wording, NOT_APPLICABLE, "Own words; not tabulated"]]
        case Grid():
            return _grid_lines(question, wording)
        case NumberQuestion():
            return _number_lines(question, wording)
        case Allocation():
            return [
                [f"{question.id}.{row.code}", "allocation", wording, NOT_APPLICABLE, _plain(row.label)]
                for row in question.rows
            ]
        case Multiple():
            return _option_lines(question, wording, "1")
        case Rank():
            return _option_lines(question, wording, f"1 to {question.top or len(question.options)}")
        case DateQuestion():
            return [[question.id, "date", wording, NOT_APPLICABLE, "A day; tabulated by year"]]
    return [[question.id, "single", wording, o.code, _plain(o.label)] for o in choices(question)]


def _option_lines(question: Multiple | Rank, wording: str, codes: str) -> list[list[Value]]:
    """A variable an option."""
    kind, options = question.type, question.options
    return [[f"{question.id}.{o.code}", kind, wording, codes, _plain(o.label)] for o in options]


def _grid_lines(question: Grid, wording: str) -> list[list[Value]]:
    """A line for the question, then each row with each point of the scale."""
    lines: list[list[Value]] = [
        [question.id, "grid", wording, NOT_APPLICABLE, f"{len(question.rows)} rows, below"]
    ]
    for row in question.rows:
        name = f"{question.id}.{row.code}"
        lines += [[name, "grid", _plain(row.label), o.code, _plain(o.label)] for o in question.scale]
    return lines


def _number_lines(question: NumberQuestion, wording: str) -> list[list[Value]]:
    """A number that is tabulated in bands has these as its codes."""
    if question.bands:
        codes, labels = band_names(tuple(map(float, question.bands)))
        lines = zip(codes, labels, strict=True)
        return [[question.id, "number", wording, code, label] for code, label in lines]
    amount = f"An amount{f' in {question.unit}' if question.unit else ''}"
    return [[question.id, "number", wording, NOT_APPLICABLE, amount]]


def _plain(label: Text | str) -> str:
    return " ".join(label.split())
