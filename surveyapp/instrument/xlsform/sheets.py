"""The sheets of an XLSForm as lines with named cells: questions in their groups, choices, settings, languages.

What is wrong or left out is kept with its cell; whoever reads on adds to the same list.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from surveyapp.problems import Problem

Rows = Sequence[Sequence[str]]
"""A sheet from its first row on, empty rows included: `rows[6][2]` is cell C7."""

SHEETS = ("survey", "choices", "settings")
MAX_LINES = {"survey": 5_000, "choices": 50_000, "settings": 100}
MAX_GROUPS = 10
MAX_WORDS = 300

_HEADER_ROWS = 5


def cell_name(sheet: str, row: int, column: int) -> str:
    """`survey!C7` for row 7 and column 2 (columns count from 0)."""
    letters, left = "", column + 1
    while left:
        left, letter = divmod(left - 1, 26)
        letters = chr(65 + letter) + letters
    return f"{sheet}!{letters}{row}"


def shown(text: str, most: int = 60) -> str:
    """What somebody wrote, fit for one line of a report."""
    line = "".join(c if c.isprintable() else "�" for c in " ".join(text.split()))
    return line if len(line) <= most else line[: most - 1] + "…"


@dataclass
class Report:
    """Problems in the order of the cells; the same is said once."""

    found: dict[Problem, tuple[int, int, int]] = field(default_factory=dict)

    def add(self, place: tuple[str, int, int], what: str, do: str) -> None:
        """Something about a cell; row 0 means the sheet as a whole."""
        sheet, row, column = place
        at = cell_name(sheet, row, column) if row else sheet
        order = (SHEETS.index(sheet) if sheet in SHEETS else len(SHEETS), row, column)
        self.found.setdefault(Problem(at, shown(what, MAX_WORDS), do), order)

    @property
    def problems(self) -> list[Problem]:
        """All of them, from the first sheet's first row on."""
        return sorted(self.found, key=lambda problem: self.found[problem])


@dataclass(frozen=True, eq=False)
class Line:
    """One row of a sheet: its cells by the names of the columns."""

    sheet: str
    number: int
    cells: Mapping[str, str]
    columns: Mapping[str, int] = field(repr=False)

    def __getitem__(self, column: str) -> str:
        """The text of a cell; "" for an empty one and for a column that is not there."""
        return self.cells.get(column, "")

    def place(self, column: str) -> tuple[str, int, int]:
        """Where a cell is, for a report; the first column stands for one that is not there."""
        return self.sheet, self.number, self.columns.get(column, 0)


@dataclass
class Table:
    """A sheet: its header and its lines."""

    name: str
    header_row: int = 0
    columns: dict[str, int] = field(default_factory=dict)
    lines: list[Line] = field(default_factory=list)


@dataclass(eq=False)
class Group:
    """What stands between a begin and its end."""

    kind: str
    line: Line
    children: list["Line | Group"] = field(default_factory=list)


# ── tables ───────────────────────────────────────────────────────────────────

_ALIASES = {
    "caption": "label",
    "value": "name",
    "list": "list_name",
    "relevance": "relevant",
    "bind::relevant": "relevant",
    "bind::required": "required",
    "bind::constraint": "constraint",
    "calculate": "calculation",
    "repeat": "repeat_count",
    "count": "repeat_count",
    "title": "form_title",
    "id_string": "form_id",
}


def read_table(name: str, rows: Rows, needed: Sequence[str], faults: Report) -> Table:
    """The table in a sheet: its header is the first row that has the `needed` columns."""
    for i, cells in enumerate(rows[:_HEADER_ROWS]):
        columns = _columns(cells)
        if set(needed) <= set(columns) and any(columns):
            return _table(name, i, columns, rows, faults)
    if any(any(row) for row in rows) or name == "survey":
        what = f"no row has the columns {' and '.join(needed)}" if needed else "it has no header"
        faults.add((name, 1 if rows else 0, 0), what, "put the names of the columns into the first row")
    return Table(name)


def _columns(cells: Sequence[str]) -> list[str]:
    """The names of the columns; an older name stands for today's where that is not there."""
    names = [_column(cell) for cell in cells]
    return [alias if (alias := _ALIASES.get(name, name)) not in names else name for name in names]


def _column(cell: str) -> str:
    """Small letters, _ for spaces; a language stays as it is written."""
    base, colons, rest = re.sub(r"\s*::?\s*", "::", cell.strip(), count=1).partition("::")
    base = re.sub(r"\s+", "_", base.lower())
    return base + colons + (rest if base in _WORDED else rest.lower())


def _table(name: str, header_row: int, columns: list[str], rows: Rows, faults: Report) -> Table:
    positions: dict[str, int] = {}
    for i, column in enumerate(columns):
        if column in positions:
            faults.add((name, header_row + 1, i), f"the column “{column}” stands twice", "keep one of the two")
        elif column:
            positions[column] = i
    table = Table(name, header_row + 1, positions)
    for number, row in enumerate(rows[header_row + 1 :], header_row + 2):
        cells = {column: row[i].strip() for column, i in positions.items() if i < len(row) and row[i].strip()}
        if cells:
            table.lines.append(Line(name, number, cells, positions))
    if len(table.lines) > MAX_LINES[name]:
        faults.add((name, 0, 0), f"it has {len(table.lines):,} lines", f"keep it under {MAX_LINES[name]:,}")
        table.lines.clear()
    return table


# ── groups ───────────────────────────────────────────────────────────────────

_MARK = re.compile(r"(begin|end)[ _](group|repeat|score|rank|kobomatrix)", re.IGNORECASE)


def tree(lines: Sequence[Line], faults: Report) -> list[Line | Group]:
    """The lines in their groups; a begin without its end, and the other way round, is a fault."""
    top: list[Line | Group] = []
    open_groups: list[Group] = []
    for line in lines:
        if line["disabled"].lower() in {"yes", "true"}:
            continue
        inside = open_groups[-1].children if open_groups else top
        mark = _MARK.fullmatch(" ".join(line["type"].split()))
        if mark is None:
            inside.append(line)
        elif mark[1].lower() == "begin":
            open_groups.append(Group(mark[2].lower(), line))
            inside.append(open_groups[-1])
            if len(open_groups) > MAX_GROUPS:
                faults.add(line.place("type"), f"groups are nested over {MAX_GROUPS} deep", "flatten them")
                return []
        elif open_groups and open_groups[-1].kind == mark[2].lower():
            open_groups.pop()
        else:
            faults.add(line.place("type"), "this ends a group that is not open", "check begin and end around it")
            return []
    for group in open_groups:
        faults.add(group.line.place("type"), "this group is never closed", f'add "end_{group.kind}" after it')
    return top


# ── languages ────────────────────────────────────────────────────────────────

_LANGUAGES = {
    "arabic": "ar",
    "bengali": "bn",
    "chinese": "zh",
    "cymraeg": "cy",
    "deutsch": "de",
    "dutch": "nl",
    "english": "en",
    "español": "es",
    "espanol": "es",
    "french": "fr",
    "français": "fr",
    "francais": "fr",
    "german": "de",
    "hindi": "hi",
    "italian": "it",
    "polish": "pl",
    "polski": "pl",
    "portuguese": "pt",
    "português": "pt",
    "romanian": "ro",
    "russian": "ru",
    "somali": "so",
    "spanish": "es",
    "swahili": "sw",
    "turkish": "tr",
    "ukrainian": "uk",
    "urdu": "ur",
    "welsh": "cy",
}


def language_code(name: str) -> str:
    """`en` for "English (en)", "en", "en-GB" and "English"; "" if nobody can tell."""
    found = re.search(r"\(\s*([a-z]{2})(?:[-_][a-z]+)?\s*\)$", name.strip().lower()) or re.fullmatch(
        r"([a-z]{2})(?:[-_][a-z]+)?", name.strip().lower()
    )
    return found[1] if found else _LANGUAGES.get(name.strip().lower(), "")


def settle_languages(tables: Sequence[Table], default: str, report: Report, faults: Report) -> list[str]:
    """The codes of the form's languages, the default first; columns are renamed to end in them.

    A plain `label` is in the default language. Where the settings name none, it is in the one that other columns
    name, or, where nothing tells, in English; that is reported.
    """
    first = language_code(default)
    if default and not first:
        faults.add(("settings", 0, 0), f"“{shown(default)}” is not known as a language", _CODE)
    named = [code for _, _, code in _worded(tables) if code]
    guessed = not first and (not named or any(map(_has_both, tables)))
    plain = first or ("en" if guessed else named[0])
    found: list[str] = []
    for table, column, code in _worded(tables):
        place = (table.name, table.header_row, table.columns[column])
        if code == "":
            faults.add(place, f"“{shown(column.partition('::')[2])}” is not known as a language", _CODE)
        if code is None and guessed:
            what = f"the language is not named, and taken for {plain}"
            report.add(place, what, 'if it is another, change "languages" in the new file')
        found.append(plain if code is None else code)
    for table in tables:
        _rename(table, plain, report)
    return sorted(dict.fromkeys(found), key=lambda code: code != first)


def _has_both(table: Table) -> bool:
    """Whether there is a plain column beside one that names its language."""
    return any(any(c.startswith(f"{base}::") for c in table.columns) for base in _WORDED if base in table.columns)


_WORDED = ("label", "hint")
_CODE = "put its code after it, as in English (en)"


def _worded(tables: Sequence[Table]) -> Iterator[tuple[Table, str, str | None]]:
    """Each column of wording with the code of its language: None if it names none, "" if nobody knows it."""
    for table in tables:
        for column in table.columns:
            base, colons, language = column.partition("::")
            if base in _WORDED:
                yield table, column, language_code(language) if colons else None


def _rename(table: Table, plain: str, report: Report) -> None:
    """`label::English (en)` and a plain `label` become `label::en`; the second of two in one language goes."""
    names: dict[str, str] = {}
    for _, column, code in sorted(_worded([table]), key=lambda found: found[2] is None):
        name = f"{column.partition('::')[0]}::{code or plain}"
        if name in names.values():
            place = (table.name, table.header_row, table.columns[column])
            report.add(place, f"“{shown(column)}” is not carried over", "there is another column in that language")
        else:
            names[column] = name
    positions = {names.get(column, column): i for column, i in table.columns.items()}
    table.columns = positions
    table.lines = [
        Line(line.sheet, line.number, {names.get(c, c): text for c, text in line.cells.items()}, positions)
        for line in table.lines
    ]
