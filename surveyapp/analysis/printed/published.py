"""Reading the percentages that a report printed, from JSON or CSV, with every problem at once.

Only what was printed is read: bases, counts and notes that somebody added later are ignored.
"""

import csv
import difflib
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from surveyapp.documents import MAX_BYTES, MAX_PROBLEMS, Document, nearest, pointer, read_document, read_model
from surveyapp.problems import Problem, Refused

MAX_BASE = 100_000
COLUMNS = ("question", "row", "option", "percent")

Kind = Literal["single", "multiple", "grid"]
KINDS: Mapping[str, Kind] = {"single": "single", "multiple": "multiple", "grid": "grid"}


@dataclass(frozen=True, slots=True)
class Cell:
    """One printed percentage, a whole number from 0 to 100, and the code or name of its answer."""

    option: str
    percent: int


@dataclass(frozen=True, slots=True)
class Printed:
    """One question, or one row of a grid, as printed; `row` is empty for a question without rows.

    `assumed`: the file does not give the kind, it was taken from the shape of the numbers.
    """

    question: str
    row: str
    kind: Kind
    cells: tuple[Cell, ...]
    assumed: bool = False

    @property
    def total(self) -> int | None:
        """The sum of the printed percentages; None for a multiple question, which need not add to 100."""
        return None if self.kind == "multiple" else sum(cell.percent for cell in self.cells)


@dataclass(frozen=True, slots=True)
class PrintedNet:
    """Several answers of a question, or of a row of a grid, printed as one percentage in some table."""

    table: str
    question: str
    row: str
    codes: tuple[str, ...]
    percent: int


@dataclass(frozen=True, slots=True)
class Published:
    """The printed tables of a report, and the largest base that a question can have, if the file states it."""

    name: str
    rows: tuple[Printed, ...]
    largest: int | None = None
    nets: tuple[PrintedNet, ...] = ()


def read_published(content: bytes, name: str) -> Published:
    """The printed tables in a JSON document or CSV sheet; `name` is the file's, for its kind and for messages.

    JSON: `tables` of kind single, multiple or grid with `published` percentages and `fieldwork.largest_base`;
    `derived` nets, if there are any; every other key is ignored. CSV: the columns question, row, option, percent
    and perhaps kind; without a kind a question with rows is a grid, one that adds to 95 to 105 single, any other
    multiple. Raises `Refused` with every problem.
    """
    try:
        if content.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"{" or name.lower().endswith(".json"):
            return _read_json(content, name)
        return Published(name, _read_csv(content))
    except Refused as refused:
        raise Refused(refused.problems[:MAX_PROBLEMS], name) from None


def check_base(value: Any) -> int:
    """`value` if it can be the largest base. Raises ValueError, fault and remedy in one text."""
    if type(value) is not int or value < 1:
        raise ValueError(f"{_quoted(value)} is not a base; give a whole number of 1 or more")
    if value > MAX_BASE:
        raise ValueError(
            f"{value:,} is too large a base; give {MAX_BASE:,} at most: no percentage is impossible there"
        )
    return value


def shown_name(text: str) -> str:
    """A name from outside, safe on a terminal: no control characters, 60 characters at most."""
    shown = "".join(c if c.isprintable() else "�" for c in text[:60])
    return shown + ("…" if len(text) > 60 else "")


# ── JSON ─────────────────────────────────────────────────────────────────────


def _check_percent(value: Any) -> int:
    """A whole percentage from JSON: no `bool`, no decimals. Raises ValueError, fault and remedy in one text."""
    if type(value) is not int:
        raise ValueError(f"{_quoted(value)} is not a whole percentage; give a whole number from 0 to 100")
    if value < 0:
        raise ValueError(f"{_quoted(value)} is negative; give a whole number from 0 to 100")
    if value > 100:
        raise ValueError(f"{_quoted(value)} is over 100; give a whole number from 0 to 100")
    return value


def _quoted(value: Any) -> str:
    """An outside value as it stands in JSON, short; a list or an object only as what it is."""
    if isinstance(value, list | dict):
        return "a list" if isinstance(value, list) else "an object"
    return shown_name(json.dumps(value, ensure_ascii=False))


_Name = Annotated[str, StringConstraints(min_length=1)]
_Percent = Annotated[int, BeforeValidator(_check_percent)]
_Base = Annotated[int, BeforeValidator(check_base)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class _Point(_Part):
    code: _Name


class _Option(_Part):
    code: _Name
    published: _Percent


class _Choice(_Part):
    id: _Name
    kind: Literal["single", "multiple"]
    options: list[_Option] = Field(min_length=1)

    def rows(self) -> Iterator[Printed]:
        cells = tuple(Cell(option.code, option.published) for option in self.options)
        yield Printed(self.id, "", self.kind, cells)


class _GridRow(_Part):
    code: _Name
    published: list[_Percent] = Field(min_length=1)


class _Grid(_Part):
    id: _Name
    kind: Literal["grid"]
    scale: list[_Point] = Field(min_length=1)
    grid_rows: list[_GridRow] = Field(min_length=1, alias="rows")

    def rows(self) -> Iterator[Printed]:
        for row in self.grid_rows:
            points = zip(self.scale, row.published, strict=True)
            yield Printed(self.id, row.code, "grid", tuple(Cell(point.code, value) for point, value in points))


class _Fieldwork(_Part):
    largest_base: _Base | None = None


class _Claim(_Part):
    of: _Name
    net: list[_Name] = Field(min_length=1)
    published: _Percent | None = None


class _Net(_Part):
    """Nets of one question, row by row or as one, or claims of several."""

    id: _Name
    kind: Literal["net"]
    of: str = ""
    net: list[_Name] = Field(default_factory=list)
    published: dict[str, _Percent] | _Percent = Field(default_factory=dict)
    claims: list[_Claim] = Field(default_factory=list)

    def nets(self) -> Iterator[PrintedNet]:
        rows = self.published if isinstance(self.published, dict) else {"": self.published}
        for row, percent in rows.items():
            yield PrintedNet(self.id, self.of, row, tuple(self.net), percent)
        for claim in self.claims:
            question, _, row = claim.of.partition(".")
            if claim.published is not None:
                yield PrintedNet(self.id, question, row, tuple(claim.net), claim.published)


class _OtherDerived(_Part):
    kind: Literal["coded", "sorted", "verbatim"]


class _Figures(_Part):
    fieldwork: _Fieldwork = _Fieldwork()
    derived: list[Annotated[_Net | _OtherDerived, Field(discriminator="kind")]] = Field(default_factory=list)
    tables: list[Annotated[_Choice | _Grid, Field(discriminator="kind")]] = Field(min_length=1)


def _read_json(content: bytes, name: str) -> Published:
    document = read_document(content)
    if not isinstance(document.value, dict):
        raise Refused([document.problem("", "it is not an object", 'write { "tables": [ … ] }')])
    figures, problems = read_model(_Figures, document)
    problems += _misfits(document)
    if figures is None or problems:
        raise Refused(problems)
    rows = tuple(printed for table in figures.tables for printed in table.rows())
    nets = tuple(net for derived in figures.derived if isinstance(derived, _Net) for net in derived.nets())
    return Published(name, rows, figures.fieldwork.largest_base, nets)


def _misfits(document: Document) -> Iterator[Problem]:
    """What the model cannot see: names used twice, and grid rows that are longer or shorter than their scale."""
    tables = _members(document.value, "tables")
    yield from _repeated(document, tables, "id", "tables")
    for i, table in enumerate(tables):
        for part in ("options", "scale", "rows"):
            yield from _repeated(document, _members(table, part), "code", "tables", i, part)
        points = len(_members(table, "scale"))
        for j, row in enumerate(_members(table, "rows")):
            given = len(_members(row, "published"))
            if given and points and given != points:
                at = pointer("tables", i, "rows", j, "published")
                what = f"the row has {given} percentages, its scale {points} points"
                yield document.problem(at, what, "give one percentage for each point of the scale")


def _members(value: Any, key: str) -> list[Any]:
    """The list under `key`, or an empty one where the document is not as it should be: the model says so."""
    found = value.get(key) if isinstance(value, dict) else None
    return found if isinstance(found, list) else []


def _repeated(document: Document, items: list[Any], key: str, *place: str | int) -> Iterator[Problem]:
    seen: set[str] = set()
    for i, item in enumerate(items):
        name = item.get(key) if isinstance(item, dict) else None
        if not isinstance(name, str):
            continue
        if name in seen:
            what = f'{key} "{shown_name(name)}" is used twice'
            yield document.problem(pointer(*place, i, key), what, f"give each its own {key}")
        seen.add(name)


# ── CSV ──────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class _Entry:
    """One line of the sheet under its header: known columns only, without the spaces around them."""

    line: int
    question: str
    row: str
    option: str
    percent: str
    kind: str = ""

    def problem(self, column: str, what: str, do: str) -> Problem:
        return Problem(f"column {column}", what, do, self.line)


def _read_csv(content: bytes) -> tuple[Printed, ...]:
    entries, problems = _entries(_decode(content))
    problems += [problem for entry in entries for problem in _faults(entry)]
    problems += _duplicates(entries)
    questions = _grouped(entries, lambda entry: entry.question)
    for question in questions.values():
        problems += _mixtures(question)
    if problems:
        raise Refused(sorted(problems, key=lambda problem: problem.line or 0))
    return tuple(printed for question in questions.values() for printed in _printed(question))


def _decode(content: bytes) -> str:
    if len(content) > MAX_BYTES:
        raise _stop(f"it has {len(content):,} bytes", f"keep a sheet under {MAX_BYTES:,} bytes")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise _stop(f"byte {error.start} is not UTF-8", "save it as CSV UTF-8", line) from None
    if "\0" in text:
        raise _stop("it is not a text", "save it as CSV UTF-8")
    if not text.strip():
        raise _stop("it is empty", f"give a header line: {','.join(COLUMNS)}")
    return text


def _stop(what: str, do: str, line: int = 1) -> Refused:
    return Refused([Problem("the sheet", what, do, line)])


def _entries(text: str) -> tuple[list[_Entry], list[Problem]]:
    """The lines under the header. Raises `Refused` if the header lacks a column or the quoting is broken."""
    lines = _lines(text)
    first, header = next(lines, (1, []))
    header = [column.strip().lower() for column in header]
    _check_header(header, first)
    entries, problems = [], []
    for line, fields in lines:
        fields = [field.strip() for field in fields]
        if len(fields) < len(header) or any(fields[len(header) :]):
            what = f"the line has {len(fields)} columns, the header {len(header)}"
            problems.append(Problem("the sheet", what, "quote a text that holds the separator", line))
            continue
        named = dict(zip(header, fields, strict=False))
        question, row, option, percent = (named[column] for column in COLUMNS)
        entries.append(_Entry(line, question, row, option, percent, named.get("kind", "").lower()))
    if not entries and not problems:
        raise _stop("it has a header and nothing under it", "give a line for each printed percentage", first)
    return entries, problems


def _lines(text: str) -> Iterator[tuple[int, list[str]]]:
    """Each line that is not blank with the number on which it begins."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
    begins = 1
    try:
        for fields in reader:
            if any(field.strip() for field in fields):
                yield begins, fields
            begins = reader.line_num + 1
    except csv.Error as error:
        raise _stop(
            f"it cannot be read as CSV: {error}", "close every quote, and write a quote as two", begins
        ) from None


def _delimiter(text: str) -> str:
    """The separator that finds the most known columns in the header; a comma if none finds any."""
    header = text.lstrip().partition("\n")[0].lower()

    def known(delimiter: str) -> int:
        return sum(field.strip(' \r"') in (*COLUMNS, "kind") for field in header.split(delimiter))

    return max((",", ";", "\t"), key=known)


def _check_header(header: list[str], line: int) -> None:
    others = [column for column in header if column and column not in COLUMNS]
    problems = [
        Problem("the header", f'the column "{column}" is missing', _header_remedy(column, others), line)
        for column in COLUMNS
        if column not in header
    ]
    problems += [
        Problem("the header", f'the column "{column}" stands twice', "keep one of the two", line)
        for column in (*COLUMNS, "kind")
        if header.count(column) > 1
    ]
    if problems:
        raise Refused(problems)


def _header_remedy(column: str, others: list[str]) -> str:
    close = difflib.get_close_matches(column, others, n=1, cutoff=0.6)
    return (
        f'rename "{shown_name(close[0])}"' if close else "add it, with commas, semicolons or tabs between columns"
    )


def _faults(entry: _Entry) -> Iterator[Problem]:
    """What is wrong with one line by itself."""
    if not entry.question:
        yield entry.problem("question", "the question is missing", "repeat its id on every line")
    if not entry.option:
        yield entry.problem("option", "the option is missing", "say which answer the percentage is of")
    if entry.kind and entry.kind not in KINDS:
        yield entry.problem("kind", f'"{shown_name(entry.kind)}" is not a kind', nearest(entry.kind, set(KINDS)))
    try:
        _percent(entry.percent)
    except ValueError as error:
        what, _, do = str(error).partition("; ")
        yield entry.problem("percent", what, do)


def _percent(text: str) -> int:
    """A whole percentage from a sheet, `12` or `12 %`. Raises ValueError, fault and remedy in one text."""
    match = re.fullmatch(r"([-−]?)([0-9]{1,9})\s*%?", text)
    if match is None:
        return _check_percent(text)
    return _check_percent(-int(match[2]) if match[1] else int(match[2]))


def _duplicates(entries: Sequence[_Entry]) -> Iterator[Problem]:
    first: dict[tuple[str, str, str], int] = {}
    for entry in entries:
        line = first.setdefault((entry.question, entry.row, entry.option), entry.line)
        if line != entry.line:
            what = f"the cell of line {line} is given again"
            yield entry.problem("option", what, "keep one, or give each its own row or option")


def _mixtures(question: Sequence[_Entry]) -> Iterator[Problem]:
    """Where the lines of one question do not agree with each other on its kind or on having rows."""
    head = question[0]
    kind = next((entry.kind for entry in question if entry.kind), "")
    for entry in question:
        if bool(entry.row) != bool(head.row):
            what = f"the question has rows on some lines only: line {head.line} differs"
            yield entry.problem("row", what, "give every line of the question a row, or none")
        elif kind in KINDS and bool(entry.row) != (kind == "grid"):
            what = f"a {kind} question has {'no rows' if entry.row else 'a row on every line'}"
            yield entry.problem("row", what, "give the row, or correct the kind")
        if entry.kind and entry.kind != kind:
            yield entry.problem("kind", f'the question is "{shown_name(kind)}" above', "give it one kind")


def _printed(question: Sequence[_Entry]) -> Iterator[Printed]:
    """The question, or its rows, once nothing is wrong with it."""
    given = next((entry.kind for entry in question if entry.kind), "")
    kind = KINDS[given] if given else _likely_kind(question)
    for row, entries in _grouped(question, lambda entry: entry.row).items():
        cells = tuple(Cell(entry.option, _percent(entry.percent)) for entry in entries)
        yield Printed(question[0].question, row, kind, cells, assumed=not given)


def _likely_kind(question: Sequence[_Entry]) -> Kind:
    if question[0].row:
        return "grid"
    return "single" if 95 <= sum(_percent(entry.percent) for entry in question) <= 105 else "multiple"


def _grouped(entries: Iterable[_Entry], key: Callable[[_Entry], str]) -> dict[str, list[_Entry]]:
    """Entries by `key`, both in the order of the sheet."""
    groups: dict[str, list[_Entry]] = {}
    for entry in entries:
        groups.setdefault(key(entry), []).append(entry)
    return groups
