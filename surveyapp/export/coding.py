"""Sheets for coders: open answers beside their themes, to be filled in and read back; quotations to choose.

A very hidden sheet says what a workbook is for. Answers are known by a label made of their id, and their words
must come back as they went out; nothing is computed and no text is ever a formula.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from openpyxl.styles import Alignment, Border, PatternFill, Side
from openpyxl.styles.cell_style import StyleArray
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.worksheet import Worksheet

from surveyapp.analysis.themes.codeframes import MARKS, Codeframe, Codes
from surveyapp.analysis.themes.coding import Quotation
from surveyapp.export.archive import legible
from surveyapp.export.layouts import Value
from surveyapp.export.sheets import new_sheet, new_workbook, put_table, stored, to_bytes
from surveyapp.export.uploads import MAX_PROBLEMS, Rows, read_workbook
from surveyapp.problems import Problem, Refused

KEY, THEMES = "surveyapp key", "Themes"
ANSWER, QUESTION, WORDS, LOOK = "Answer", "Question", "Words", "Look at"
PRINT, FOUND, FROM, UNDER, READ = "Words to print", "May identify", "Attributed to", "Quote under", "Read"

_FORMAT = ("surveyapp coding", "1")
_GIVEN = {"1", "x", "yes", "y", "true", "✓"}
_NOT_GIVEN = {"0", "no", "n", "false"}


@dataclass(frozen=True)
class Purpose:
    """What a workbook is for: its kind (coding, settling or quoting), wave, codeframe, its version, and coder."""

    kind: str
    wave: str
    codeframe: str
    version: str
    coder: str = ""


@dataclass(frozen=True)
class Line:
    """One answer on a sheet: its label, the question it answers, its words, and what it was given so far.

    None is not coded; `left` names the codes whose cells stay blank for somebody to decide; `note` says why.
    """

    label: str
    question: str
    words: str = field(repr=False)
    codes: Codes | None = None
    left: Codes = frozenset()
    note: str = ""


@dataclass(frozen=True)
class Choice:
    """One answer that may be quoted: its themes, the words proposed, what may identify, and its attribution."""

    label: str
    themes: str
    words: str = field(repr=False)
    proposed: str = field(repr=False)
    found: str
    attribution: str
    under: str = ""


@dataclass(frozen=True)
class Chosen:
    """A row that was chosen: its cells' place, the theme it stands under, the words, whether finds were read."""

    label: str
    under: str
    words: str = field(repr=False)
    read: bool
    places: Mapping[str, str]


@dataclass(frozen=True)
class Sheet:
    """A workbook that came back: what it is for, its columns, and its rows by number."""

    purpose: Purpose
    columns: tuple[str, ...]
    rows: tuple[tuple[int, tuple[str, ...]], ...] = field(repr=False)
    written: int
    name: str

    def place(self, column: str, line: int) -> str:
        """A cell as problems name it: `Coding!D7`."""
        return f"{self.name}!{get_column_letter(self.columns.index(column) + 1)}{line}"


# ── writing ──────────────────────────────────────────────────────────────────


def coding_sheet(frame: Codeframe, purpose: Purpose, lines: Sequence[Line]) -> bytes:
    """Answers in the order given with a column for each theme: for a coder, or for whoever settles."""
    settling = purpose.kind == "settling"
    title = f"{'Settling' if settling else 'Coding'}: {frame.title}"
    notes = _HOW_TO_SETTLE if settling else _HOW_TO_CODE
    codes = [*frame.coded, *MARKS]
    header = [ANSWER, QUESTION, WORDS, *(f"{code}: {frame.labels[code]}" for code in codes), LOOK]
    rows = [[line.label, line.question, line.words, *_cells(line, codes), line.note] for line in lines]
    widths = (20, 24, 70, *(24 for _ in codes), 40)
    book = new_workbook(title)
    sheet = new_sheet(book, title.partition(":")[0], title, notes, widths)
    top = put_table(sheet, "Answers", header, rows, texts=3)
    _open_cells(sheet, top, len(rows), range(4, 4 + len(codes)), '"1,0"')
    _finish(sheet, top)
    _themes(new_sheet(book, THEMES, f"Themes: {frame.title}", _HOW_TO_READ, (26, 34, 60, 50, 50, 50)), frame)
    _key(book.create_sheet(KEY), purpose, len(rows))
    return to_bytes(book)


_HOW_TO_CODE = (
    "Write 1 under every theme that the answer carries, or under one of the last two columns if it carries none.",
    "A blank in a row with a 1 counts as 0. A row left blank is not coded yet. Leave other columns as they are.",
)
_HOW_TO_SETTLE = (
    "Coders differ on these answers. Write 1 or 0 into the yellow cells; what they agree on is filled in.",
    "A row whose yellow cells stay blank is not decided yet. Leave the other columns as they are.",
)
_HOW_TO_READ = (
    "What each theme means. A theme that is a net has no column: it holds where one of its parts does.",
)


def _cells(line: Line, codes: Sequence[str]) -> list[Value]:
    if line.codes is None:
        return ["" for _ in codes]
    return ["" if code in line.left else int(code in line.codes) for code in codes]


_YELLOW = PatternFill("solid", fgColor="FFF7CC")
_BOX = Border(*[Side(style="thin", color="505A5F")] * 4)
_MIDDLE = Alignment(horizontal="center", vertical="top")
_WRAP = Alignment(wrap_text=True, vertical="top")
_HEADING = Alignment(wrap_text=True, vertical="bottom")


def _open_cells(sheet: Worksheet, top: int, rows: int, columns: Iterable[int], offers: str) -> None:
    """Cells to fill in: boxed, yellow while they are blank, with a list to choose from."""
    columns = list(columns)
    looks: dict[bool, StyleArray] = {}  # setting a border cell by cell takes most of the time of a large sheet
    for row in range(top + 1, top + 1 + rows):
        for column in columns:
            cell = sheet.cell(row, column)
            blank = cell.value in {"", None}
            if blank not in looks:
                cell.border, cell.alignment = _BOX, _MIDDLE
                cell.fill = _YELLOW if blank else PatternFill()
                looks[blank] = cell._style
            cell._style = looks[blank]
            if blank:
                cell.value = None
    where = f"{get_column_letter(columns[0])}{top + 1}:{get_column_letter(columns[-1])}{top + max(rows, 1)}"
    allowed = DataValidation("list", offers, allow_blank=True, sqref=where)
    allowed.showErrorMessage = True
    allowed.errorTitle, allowed.error = "Not possible here", "Choose from the list, or leave the cell blank."
    sheet.add_data_validation(allowed)


def _finish(sheet: Worksheet, top: int) -> None:
    """The header and the words stay in sight; what stands right of the cells to fill in is wrapped."""
    sheet.freeze_panes = f"D{top + 1}"
    for cell in sheet[top]:
        cell.alignment = _HEADING
    for (cell,) in sheet.iter_rows(min_row=top + 1, min_col=sheet.max_column):
        cell.alignment = _WRAP


def _themes(sheet: Worksheet, frame: Codeframe) -> None:
    header = ("Code", "Theme", "Definition", "Example", "Also belongs here", "Does not belong here")
    rows = [
        (
            theme.code,
            f"{theme.label} (a net)" if theme.code in frame.nets else str(theme.label),
            *(str(text or "") for text in (theme.definition, theme.example, theme.include, theme.exclude)),
        )
        for theme in frame.themes
    ]
    put_table(sheet, "Themes", header, rows, texts=6)


def _key(sheet: Worksheet, purpose: Purpose, rows: int) -> None:
    sheet.sheet_state = "veryHidden"
    facts = {**purpose.__dict__, "rows": str(rows)}
    for i, (name, value) in enumerate([_FORMAT, *facts.items()], 1):
        for column, text in enumerate((name, value), 1):
            cell = sheet.cell(i, column, stored(text))
            cell.data_type, cell.number_format = "s", "@"


def quoting_sheet(frame: Codeframe, purpose: Purpose, choices: Sequence[Choice]) -> bytes:
    """Settled answers with the words proposed for print, to choose from."""
    title = f"Quotations: {frame.title}"
    header = [ANSWER, "Themes given", WORDS, PRINT, FOUND, FROM, UNDER, READ]
    rows = [[c.label, c.themes, c.words, c.proposed, c.found, c.attribution, c.under, ""] for c in choices]
    book = new_workbook(title)
    sheet = new_sheet(book, "Quotations", title, _HOW_TO_QUOTE, (20, 30, 60, 60, 30, 34, 26, 10))
    top = put_table(sheet, "Answers", header, rows, texts=6)
    _open_cells(sheet, top, len(rows), [8], '"1"')
    themes = new_sheet(book, THEMES, f"Themes: {frame.title}", _HOW_TO_READ, (26, 34, 60, 50, 50, 50))
    _themes(themes, frame)
    first = themes.max_row - len(frame.themes) + 1
    _open_cells(sheet, top, len(rows), [7], f"'{THEMES}'!$A${first}:$A${themes.max_row}")
    sheet.freeze_panes = f"B{top + 1}"
    _key(book.create_sheet(KEY), purpose, len(rows))
    return to_bytes(book)


_HOW_TO_QUOTE = (
    "To quote an answer, choose in “Quote under” the theme it is to stand under.",
    "Shorten “Words to print” with … and put words of your own in [brackets]; nothing else may differ.",
    "Where words that may identify somebody are left in, write 1 under “Read” when you have judged them.",
    "The sheet holds all quotations of this codeframe: what is not chosen in it is not quoted any more.",
)


def quotation_table(title: str, note: str, quotations: Sequence[Quotation]) -> bytes:
    """Cleared quotations as a workbook for print."""
    book = new_workbook(title)
    lines = [*re.split(r"(?<=\.) ", note)] if note else []  # a sentence a row: the first column is narrow
    lines.append("Quotations are examples. How often a theme occurs is in the tables.")
    sheet = new_sheet(book, "Quotations", title, lines, (40, 90, 44))
    rows = [(q.theme, q.words, q.attribution) for q in quotations]
    put_table(sheet, "Quotations", ("Theme", "Quotation", "Attributed to"), rows, texts=3)
    return to_bytes(book)


# ── reading ──────────────────────────────────────────────────────────────────


def read_sheet(name: str, content: bytes) -> Sheet:
    """The workbook `content` that was called `name`. Raises `Refused` for any that was not written here."""
    sheets = read_workbook(name, content).sheets
    purpose, written = _purpose(sheets.get(KEY, ()))
    title = {"coding": "Coding", "settling": "Settling", "quoting": "Quotations"}.get(purpose.kind, "")
    if title not in sheets:
        raise _refused(f"the sheet “{title}” is missing")
    rows = sheets[title]
    top = next((i for i, row in enumerate(rows) if row[:1] == (ANSWER,)), None)
    if top is None:
        raise _refused(f"the sheet “{title}” has no header that begins with “{ANSWER}”")
    columns = tuple(re.split(r":\s", cell, maxsplit=1)[0].strip() for cell in rows[top])
    padded = ((i, row + ("",) * (len(columns) - len(row))) for i, row in enumerate(rows, 1))
    filled = tuple((i, row) for i, row in padded if i > top + 1 and any(cell.strip() for cell in row))
    return Sheet(purpose, columns, filled, written, title)


def _purpose(rows: Rows) -> tuple[Purpose, int]:
    facts = {row[0]: row[1] if len(row) > 1 else "" for row in rows if row}
    if facts.get(_FORMAT[0]) is None:
        raise _refused("it is no sheet that was written here for coding")
    if facts[_FORMAT[0]] != _FORMAT[1] or not re.fullmatch("[0-9]{1,7}", facts.get("rows", "")):
        raise _refused("it was made by another edition of this programme")
    names = ("kind", "wave", "codeframe", "version", "coder")
    return Purpose(*(facts.get(name, "") for name in names)), int(facts["rows"])


def _refused(what: str) -> Refused:
    return Refused([Problem("the file", what, "write the sheet anew, and fill in that")])


def read_codes(
    sheet: Sheet, frame: Codeframe, words: Mapping[str, str], left: Mapping[str, Codes] | None = None
) -> dict[str, Codes | None]:
    """What each answer was given, by its label; None is left blank. `words` holds those of every answer known.

    `left` names the codes that somebody has to decide: a row where all of them are blank is left blank. Raises
    `Refused` with every problem, each with its cell.
    """
    given, problems = _given(sheet, frame, words, left or {})
    if problems:
        raise Refused(problems[:MAX_PROBLEMS])
    return given


def _given(
    sheet: Sheet, frame: Codeframe, words: Mapping[str, str], left: Mapping[str, Codes]
) -> tuple[dict[str, Codes | None], list[Problem]]:
    codes = [*frame.coded, *MARKS]
    problems = list(_column_problems(sheet, [ANSWER, WORDS, *codes]))
    given: dict[str, Codes | None] = {}
    if not problems:
        problems += _row_problems(sheet, words)
        for line, row in sheet.rows:
            cells = dict(zip(sheet.columns, row, strict=False))
            wanted = left.get(cells[ANSWER], frozenset())
            found, faults = _row(sheet, line, {code: cells[code] for code in codes}, wanted)
            given[cells[ANSWER]] = found
            problems += faults
    return given, problems


def _column_problems(sheet: Sheet, wanted: Sequence[str]) -> Iterator[Problem]:
    for column in wanted:
        if sheet.columns.count(column) != 1:
            what = "is missing" if column not in sheet.columns else "stands twice"
            do = "put the header back as it was, or write the sheet anew"
            yield Problem(sheet.name, f"the column “{column}” {what}", do)


def _row_problems(sheet: Sheet, words: Mapping[str, str]) -> Iterator[Problem]:
    """Rows that are not the answers that went out."""
    seen: dict[str, int] = {}
    for line, row in sheet.rows:
        cells = dict(zip(sheet.columns, row, strict=False))
        label, place = cells[ANSWER], sheet.place(ANSWER, line)
        if label not in words:
            yield Problem(place, f"there is no answer “{label[:40]}” under this codeframe", "take the row out")
        elif label in seen:
            yield Problem(place, f"the answer stands in row {seen[label]} too", "keep one of the rows")
        elif _letters(cells[WORDS]) != _letters(words[label]):
            do = "write the sheet anew; what was said must not be changed"
            yield Problem(sheet.place(WORDS, line), "the words are not those of this answer", do)
        seen.setdefault(label, line)
    if len(seen) < sheet.written:
        what = f"{sheet.written - len(seen)} of {sheet.written} rows have been taken out"
        yield Problem(sheet.name, what, "put them back, blank where nothing is to be said")


def _letters(text: str) -> str:
    """What is left of a text after any spreadsheet programme had it."""
    return "".join(legible(text).replace("\ufeff", "").split())


def _row(sheet: Sheet, line: int, cells: Mapping[str, str], left: Codes) -> tuple[Codes | None, list[Problem]]:
    """What a row gives, None if it is blank, and what is wrong with it."""
    typed = {code: cell.strip().casefold() for code, cell in cells.items() if cell.strip()}
    odd = [code for code, word in typed.items() if word not in _GIVEN | _NOT_GIVEN]
    blank = [code for code in cells if code in left and code not in typed]
    if odd:
        shown = {code: cells[code].strip()[:40] for code in odd}
        do = "write one of them"
        return None, [Problem(sheet.place(c, line), f"“{shown[c]}” is neither 1 nor 0", do) for c in odd]
    if not typed or (left and len(blank) == len(left)):
        return None, []
    if blank:
        do = "write 1 or 0, or leave all yellow cells of the row blank"
        return None, [Problem(sheet.place(code, line), "it is not decided", do) for code in blank]
    return _consistent(sheet, line, [code for code, word in typed.items() if word in _GIVEN])


def _consistent(sheet: Sheet, line: int, given: Sequence[str]) -> tuple[Codes | None, list[Problem]]:
    """Themes, or one mark."""
    marks = [code for code in given if code in MARKS]
    if not given:
        place = f"{sheet.name}!row {line}"
        return None, [Problem(place, "no theme has a 1", f"write 1 under {' or '.join(MARKS)}")]
    if marks and len(given) > 1:
        other = next(code for code in given if code != marks[0])
        what = f"“{marks[0]}” has a 1 beside “{other}”"
        return None, [Problem(sheet.place(marks[0], line), what, "keep the one or the other")]
    return frozenset(given), []


def read_choices(sheet: Sheet, words: Mapping[str, str]) -> list[Chosen]:
    """The rows that were chosen for quoting. Raises `Refused` with every row that is not as it went out."""
    problems = list(_column_problems(sheet, [ANSWER, WORDS, PRINT, UNDER, READ]))
    problems = problems or list(_row_problems(sheet, words))
    if problems:
        raise Refused(problems[:MAX_PROBLEMS])
    chosen = []
    for line, row in sheet.rows:
        cells = dict(zip(sheet.columns, row, strict=False))
        if cells[UNDER].strip():
            places = {column: sheet.place(column, line) for column in (ANSWER, PRINT, UNDER, READ)}
            read = cells[READ].strip().casefold() in _GIVEN
            chosen.append(Chosen(cells[ANSWER], cells[UNDER].strip(), cells[PRINT].strip(), read, places))
    return chosen
