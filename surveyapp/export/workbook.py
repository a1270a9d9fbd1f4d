"""The appendix as an Excel workbook: cover, contents, notes, response, one numbered table a sheet, codebook."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from openpyxl import Workbook

from surveyapp.analysis.report import Report
from surveyapp.analysis.tables import MARKS, UNAVAILABLE, Table, TableRow, rounded
from surveyapp.export.sheets import (
    Value,
    link,
    new_sheet,
    new_workbook,
    put_table,
    sheet_name,
    to_bytes,
    wrap_column,
)
from surveyapp.fieldwork import printed_day
from surveyapp.instrument import Grid, OpenText, Question, Text, choices

_ADDS = {
    "single": "Percentages are rounded and may not add to 100.",
    "multiple": "Respondents could choose more than one answer, so percentages can add to more than 100.",
    "grid": "Each row has its own base. Percentages are of the row, are rounded, and may not add to 100.",
}


def workbook(report: Report, progress: Callable[[str], None] = lambda _: None) -> bytes:
    """The bytes of an `.xlsx` file. Percentages are stored rounded, as printed: nothing finer is in the file."""
    book = new_workbook(report.title)
    notes = _Notes(report)
    names = _sheet_names(report)
    _cover(book, report)
    _contents(book, report, names)
    notes.write(book)
    _response(book, report)
    for protected, name in zip(report.tables, names, strict=True):
        progress(name)
        _table(book, protected.table, name, report, notes)
    _codebook(book, report)
    return to_bytes(book)


def _sheet_names(report: Report) -> list[str]:
    """`Table_` and the plan's id, or the id itself where it begins with a letter."""
    names: list[str] = ["Cover", "Contents", "Notes", "Response", "Codebook"]
    for protected in report.tables:
        id_ = protected.table.id
        names.append(sheet_name(id_ if id_[0].isalpha() else f"Table_{id_}", names))
    return names[5:]


# ── what stands before the tables ────────────────────────────────────────────


def _cover(book: Workbook, report: Report) -> None:
    facts = report.facts
    until = printed_day(facts.closed_on) if facts.closed_on else "still open"
    fieldwork = f"Fieldwork: {printed_day(facts.opened_on)} to {until}. Wave: {facts.wave}."
    rows = [
        *([facts.note] if facts.note else []),
        fieldwork,
        f"Questionnaire: {report.instrument.name}, content {facts.version_hash[:16]}.",
        *_response_sentences(report),
        *report.notes,
        "Each table names its base: the number of answers that its percentages are of.",
        f"Nothing is printed on fewer than {report.instrument.disclosure.minimum_base} answers.",
    ]
    wrap_column(new_sheet(book, "Cover", report.title, ["Appendix of response tables.", *rows], [84]))


def _response_sentences(report: Report) -> list[str]:
    rate, facts = report.rate, report.facts
    if not facts.listed:
        return [f"{rate.received} responses from a wave open to anyone: there is no response rate."]
    shares = (_percent(rate.complete, rate.issued), _percent(rate.complete + rate.partial, rate.issued))
    breakoff = f", {rate.breakoff} with less, which count as no answer" if rate.breakoff else ""
    sent = (
        f"{rate.received} of {rate.issued} invited {report.unit} sent answers: {rate.complete} complete "
        f"(80% or more of the closed items that applied to them), {rate.partial} partial (50% to under 80%)"
    )
    response = (
        f"Response rate: {shares[0]} with complete answers (AAPOR RR1), {shares[1]} with partial ones too (RR2)."
    )
    sentences = [
        f"{sent}{breakoff}.",
        response,
        "Those who did not answer may differ from those who did: that is the main risk in these figures.",
    ]
    if rate.frame > rate.issued:
        sentences.append(f"The frame has {rate.frame} {report.unit}; {rate.issued} could be written to.")
    return sentences


def _percent(count: int, base: int) -> str:
    return f"{rounded(count, base)}%" if base else "no rate"


def _contents(book: Workbook, report: Report, names: Sequence[str]) -> None:
    sheet = new_sheet(
        book, "Contents", "Contents", ["Each sheet holds one table. Follow a link to go to it."], [18, 90]
    )
    tables = [(name, protected.table.title) for name, protected in zip(names, report.tables, strict=True)]
    rows = [
        ("Cover", "About these tables"),
        ("Notes", "Marks and notes"),
        ("Response", "Who answered"),
        *tables,
        ("Codebook", "Questions, variables and codes"),
    ]
    top = put_table(sheet, "contents", ["Sheet", "What it holds"], rows, texts=2)
    for i, (name, _) in enumerate(rows, top + 1):
        link(sheet, i, 1, name)


@dataclass
class _Notes:
    """Every note of the report once, numbered in the order of the tables."""

    report: Report

    def __post_init__(self) -> None:
        every = [note for protected in self.report.tables for note in protected.table.notes]
        self.numbers = {note: i for i, note in enumerate(dict.fromkeys(every), 1)}

    def marks_of(self, table: Table) -> str:
        """`[note 1] [note 2]`."""
        return " ".join(f"[note {self.numbers[note]}]" for note in table.notes)

    def write(self, book: Workbook) -> None:
        """The sheet of marks and notes."""
        used = {cell.mark for p in self.report.tables for row in p.table.rows for cell in row.cells}
        rows = [(mark, meaning) for mark, meaning in MARKS.items() if mark in used]
        rows += [(f"[note {i}]", note) for note, i in self.numbers.items()]
        lines = ["Marks that stand in place of a figure, and notes that tables refer to."]
        sheet = new_sheet(book, "Notes", "Marks and notes", lines, [18, 90])
        put_table(sheet, "notes", ["Mark", "Meaning"], rows or [("none", "No mark or note is used.")], texts=2)


def _response(book: Workbook, report: Report) -> None:
    facts = report.facts
    stratum = " and ".join(facts.carry).replace("_", " ") or "whole frame"
    lines = ["This sheet holds one table: who was asked and who answered.", *_response_sentences(report)]
    sheet = new_sheet(book, "Response", "Who answered", lines, [60, 18, 18, 18])
    withheld = report.received_by_cell.get("", 0)
    rows: list[list[Value]] = []
    if facts.carry:
        for cell, size in facts.cells.items():
            received = report.received_by_cell[cell]
            known = bool(received) or not withheld
            rows.append([cell, size, received if known else "[c]", rounded(received, size) if known else "[c]"])
        if withheld:
            rows.append([f"{stratum} withheld: too few answers", "[z]", withheld, "[z]"])
    total = report.rate.received
    rows.append(
        ["All", report.rate.frame or "[z]", total, rounded(total, f) if (f := report.rate.frame) else "[z]"]
    )
    header = [stratum.capitalize(), "In the frame", "Answered", "Per cent"]
    put_table(sheet, "response", header, rows)


# ── the tables ───────────────────────────────────────────────────────────────


def _table(book: Workbook, table: Table, name: str, report: Report, notes: _Notes) -> None:
    header, rows = _body(table, report)
    texts = [
        "This sheet holds one table." + (f" Notes: {notes.marks_of(table)}" if table.notes else ""),
        _base_sentence(table, report.unit),
        f"Question: {' '.join(table.wording.split())}",
        _ADDS[table.kind],
        *_net_sentences(table),
        f"Source: wave {report.facts.wave}, variable {table.variable}, questionnaire {report.instrument.name}.",
    ]
    first, others = (68, 18) if len(header) < 4 else (46, 14)
    widths = [first, *([others] * (len(header) - 1))]
    sheet = new_sheet(book, name, f"{_number(table, name)}: {table.title}", texts, widths)
    put_table(sheet, f"t_{name.lower()}", header, rows)


def _number(table: Table, name: str) -> str:
    return name.replace("_", " ") if table.id[0].isalpha() else f"Table {table.id}"


def _body(table: Table, report: Report) -> tuple[list[str], list[list[Value]]]:
    if table.kind == "grid":
        header = ["Item", *(f"{c.label} (%)" for c in table.columns), "Base", "No reply"]
        return header, [[r.label, *_shown(r), r.base, r.no_reply] for r in table.rows]
    if report.style == "as-printed-2012":
        return ["Answer options", "Response (%)"], [[row.label, *_shown(row)] for row in table.rows]
    rows = [[row.label, _number_of(row), *_shown(row)] for row in table.rows]
    base = table.base
    rows += [["Answered", base.n, "[z]"], ["No reply", base.no_reply, "[z]"], ["Not asked", base.not_asked, "[z]"]]
    return ["Answer option", "Number", "Per cent"], rows


def _shown(row: TableRow) -> list[Value]:
    return [cell.mark or (UNAVAILABLE if cell.shown is None else cell.shown) for cell in row.cells]


def _number_of(row: TableRow) -> Value:
    count = row.cells[0].count
    return row.cells[0].mark if count is None else count


def _base_sentence(table: Table, unit: str) -> str:
    if table.kind == "grid":
        bases = [row.base for row in table.rows]
        spread = (
            f"{min(bases)} to {max(bases)}" if bases and min(bases) < max(bases) else str(max(bases, default=0))
        )
        return f"Base: {unit} that answered the row, {spread}; it stands in the column Base."
    missing = [(table.base.no_reply, "gave no reply"), (table.base.not_asked, "were not asked")]
    rest = "".join(f"; {n} {words}" for n, words in missing if n)
    return f"Base: {table.base.n} {unit} that answered the question{rest}."


def _net_sentences(table: Table) -> list[str]:
    if not (any(c.net for c in table.columns) or any(r.net for r in table.rows)):
        return []
    sentences = [f"Counted as one: {net.label} = {' + '.join(net.parts)}." for net in table.nets]
    rule = ["Figures counted as one add up rounded percentages."]
    return sentences + (rule if any(net.sum_of_rounded for net in table.nets) else [])


# ── the codebook ─────────────────────────────────────────────────────────────


def _codebook(book: Workbook, report: Report) -> None:
    lines = ["This sheet holds one table: every question with its variables, codes and labels."]
    sheet = new_sheet(book, "Codebook", "Questions, variables and codes", lines, [32, 11, 50, 20, 40])
    rows = [line for question in report.instrument.questions.values() for line in _code_lines(question)]
    put_table(sheet, "codebook", ["Variable", "Type", "Wording", "Code", "Label"], rows, texts=5)


def _code_lines(question: Question) -> list[list[Value]]:
    wording = " ".join(str(question.text).split())
    if isinstance(question, OpenText):
        return [[question.id, "text", wording, "[z]", "Own words; not tabulated"]]
    lines: list[list[Value]] = []
    if isinstance(question, Grid):
        for row in question.rows:
            name = f"{question.id}.{row.code}"
            lines += [[name, "grid", _plain(row.label), o.code, _plain(o.label)] for o in question.scale]
        return [[question.id, "grid", wording, "[z]", f"{len(question.rows)} rows, below"], *lines]
    if question.type == "multiple":
        options = choices(question)
        return [[f"{question.id}.{o.code}", "multiple", wording, "1", _plain(o.label)] for o in options]
    return [[question.id, "single", wording, o.code, _plain(o.label)] for o in choices(question)]


def _plain(label: Text) -> str:
    return " ".join(label.split())
