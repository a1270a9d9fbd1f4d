"""Reading spreadsheets that people upload: plain texts with their cells, or every reason why not.

The one home of reading sheets. A file is judged before openpyxl sees it: what it is by content and name, its size
packed and unpacked, and one pass of a defused parser over each XML part, which refuses DTDs and links to other
files and finds where the content ends. No formula is computed, no link followed, nothing written to disk.
"""

import io
import re
import struct
import warnings
import zipfile
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import partial
from itertools import count, groupby, islice
from typing import Any

from defusedxml import DefusedXmlException  # type: ignore[import-untyped]
from defusedxml.ElementTree import DefusedXMLParser  # type: ignore[import-untyped]
from openpyxl import load_workbook
from openpyxl.cell.read_only import ReadOnlyCell
from openpyxl.utils import get_column_letter
from openpyxl.utils.exceptions import InvalidFileException

from surveyapp.problems import Problem, Refused

MAX_BYTES = 10_000_000
MAX_UNPACKED = 60_000_000
MAX_PARTS = 500
MAX_ELEMENTS = 2_000_000
MAX_ELEMENTS_OF_STAFF = 4_000_000
MAX_TRIMMINGS = 100_000
MAX_DEPTH = 50
MAX_ROWS = 100_000
MAX_ROWS_OF_STAFF = 200_001
MAX_COLUMNS = 500
MAX_TEXT = 32_767
MAX_PROBLEMS = 200

Rows = tuple[tuple[str, ...], ...]
"""A sheet from its first row on, empty rows included: `rows[6][2]` is cell C7. Rows end with their last text."""


Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Uploaded:
    """The sheets of a workbook by name; `notes` lists what a reader of the screen would not see.

    `spoilt` are sheets that cannot be read: their first rows, formulas and all, to tell what they are, and why
    not. `titles` are all of both, in the order of the workbook.
    """

    sheets: Mapping[str, Rows]
    notes: tuple[Problem, ...]
    spoilt: Mapping[str, tuple[Rows, tuple[Problem, ...]]] = field(default_factory=dict)
    titles: tuple[str, ...] = ()


def read_workbook(
    name: str,
    content: bytes,
    wanted: Collection[str] = (),
    large: bool = False,
    apart: bool = False,
    progress: Progress | None = None,
) -> Uploaded:
    """The texts in the .xlsx file `content` that was called `name`.

    Numbers come as their digits, days as 2012-01-31, truth as TRUE or FALSE. Hidden rows and sheets are read and
    listed in `notes`, and so are merged cells. With `wanted`, only sheets of these names (in small letters) are
    read. `large` doubles the number of elements and of rows: for lists that staff load, not for what respondents
    send. With `apart` a sheet that holds formulas or errors refuses itself alone, and stands in `spoilt`.
    `progress` is told how many rows of a sheet are read; what it raises ends the reading.
    Raises `Refused` with every reason: another kind of file, too large, formulas, links to other files.
    """
    _check_kind(name, content)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            _check_archive(archive)
            limits = (MAX_ELEMENTS_OF_STAFF, MAX_ROWS_OF_STAFF) if large else (MAX_ELEMENTS, MAX_ROWS)
            part = partial(_Part, count(1), *limits)
            surveyed = {entry.filename: _surveyed(archive, entry, part()) for entry in archive.infolist()}
        found = _read(content, surveyed, wanted, progress or (lambda _done, _of: None))
        if found.spoilt and not apart:
            problems = [problem for _, problems in found.spoilt.values() for problem in problems]
            raise Refused(problems[:MAX_PROBLEMS])
        return found
    except DefusedXmlException:
        raise _refused("it holds a document type or entities", "save it again as an Excel workbook") from None
    except _BROKEN:
        raise _refused("it is damaged", "open it in your spreadsheet programme and save it again") from None


_BROKEN = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    InvalidFileException,
    LookupError,
    OSError,
    RuntimeError,
    SyntaxError,  # the errors of XML parsers are of this kind
    TypeError,
    ValueError,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
)
"""What openpyxl, zipfile and the parsers raise at a workbook that does not keep its own rules."""


def _refused(what: str, do: str) -> Refused:
    return Refused([Problem("the file", what, do)])


def sheet_titles(name: str, content: bytes) -> tuple[str, ...]:
    """The names of the sheets of a workbook, in its order; () for what `read_workbook` would refuse at once."""
    try:
        _check_kind(name, content)
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            _check_archive(archive)
            parser = DefusedXMLParser(forbid_dtd=True)
            parser.feed(archive.read("xl/workbook.xml"))
            sheets = parser.close().iter("{http://schemas.openxmlformats.org/spreadsheetml/2006/main}sheet")
            return tuple(sheet.get("name", "") for sheet in sheets)
    except (Refused, DefusedXmlException, *_BROKEN):
        return ()


# ── what kind of file it is ──────────────────────────────────────────────────

_SAVE = "save it as an Excel workbook (.xlsx)"


def _check_kind(name: str, content: bytes) -> None:
    """By content and by name."""
    if len(content) > MAX_BYTES:
        raise _refused(f"it has {len(content):,} bytes", f"keep it under {MAX_BYTES:,}; take out pictures")
    if not content.strip():
        raise _refused("it is empty", _SAVE)
    if content.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        encrypted = "EncryptedPackage".encode("utf-16-le") in content
        raise _refused(*_ENCRYPTED if encrypted else ("it is an old Excel file (.xls)", _SAVE))
    if not content.startswith(b"PK\x03\x04"):
        raise _refused(_other_kind(content), _SAVE)
    if not name.lower().endswith(".xlsx"):
        raise _refused("its name does not end in .xlsx", _SAVE)


_ENCRYPTED = ("it is protected with a password", "take the password off and save it again")


def _other_kind(content: bytes) -> str:
    known = {b"%PDF": "it is a PDF", b"MZ": "it is a programme", b"\x7fELF": "it is a programme"}
    for mark, what in known.items():
        if content.startswith(mark):
            return what
    return "it is not a workbook" if b"\0" in content else "it is a text file, not a workbook"


def _check_archive(archive: zipfile.ZipFile) -> None:
    """Its table of contents: the sizes stated there are upper bounds, more is never unpacked."""
    entries = archive.infolist()
    names = {entry.filename for entry in entries}
    if any(entry.flag_bits & 1 for entry in entries):
        raise _refused(*_ENCRYPTED)
    if "mimetype" in names:
        raise _refused("it is an OpenDocument file", _SAVE)
    if not {"[Content_Types].xml", "xl/workbook.xml"} <= names:
        raise _refused("it is an archive, but no Excel workbook", _SAVE)
    if any(name.lower().endswith("vbaproject.bin") for name in names):
        raise _refused("it holds macros", "save it as a workbook without macros (.xlsx)")
    if any(name.lower().startswith("xl/externallinks/") for name in names):
        raise _refused(*_LINKED)
    unpacked = sum(entry.file_size for entry in entries)
    if len(names) < len(entries) or len(entries) > MAX_PARTS or unpacked > MAX_UNPACKED:
        what = f"it unpacks to {unpacked:,} bytes in {len(entries):,} parts"
        raise _refused(what, f"keep it under {MAX_UNPACKED:,} bytes and {MAX_PARTS} parts, each there once")


_LINKED = ("it is linked to another file", "break the links (Data, Edit links) and save it again")


# ── one pass over each part ──────────────────────────────────────────────────


@dataclass
class _Part:
    """Takes the elements of one XML part as they come; of a sheet it keeps where things are."""

    counter: Iterator[int]
    most: int
    most_rows: int
    kind: str = ""
    depth: int = 0
    elements: int = 0
    row: int = 0
    column: int = 0
    last_row: int = 0
    last_column: int = 0
    formulas: list[str] = field(default_factory=list)
    hidden_rows: list[int] = field(default_factory=list)
    hidden_columns: list[str] = field(default_factory=list)
    merged: list[str] = field(default_factory=list)

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """An element begins."""
        name = tag.rpartition("}")[2]
        self.kind = self.kind or name
        self.depth += 1
        self.elements += 1
        limit = self.most if self.kind in {"worksheet", "sst"} else MAX_TRIMMINGS
        if self.depth > MAX_DEPTH or self.elements > limit or next(self.counter) > self.most:
            raise _refused("it holds too much", "copy what is needed into a new workbook, without formats")
        match name:
            case "row":
                self._start_row(attributes)
            case "c":
                self._start_cell(attributes)
            case "v" | "is" | "f":
                self._content(name)
            case "col" if _is_true(attributes.get("hidden")):
                self.hidden_columns.append(f"{_letters(attributes['min'])}:{_letters(attributes['max'])}")
            case "mergeCell":
                self.merged.append(attributes["ref"])
            case "Relationship" if attributes.get("TargetMode") == "External":
                if not attributes.get("Type", "").endswith("/hyperlink"):
                    raise _refused(*_LINKED)

    def end(self, _tag: str) -> None:
        """An element ends."""
        self.depth -= 1

    def _start_row(self, attributes: dict[str, str]) -> None:
        self.row = _following(self.row, attributes.get("r"))
        self.column = 0
        if _is_true(attributes.get("hidden")):
            self.hidden_rows.append(self.row)

    def _start_cell(self, attributes: dict[str, str]) -> None:
        found = re.fullmatch("([A-Z]{1,3})([0-9]{1,7})", attributes.get("r", ""))
        self.column = _following(self.column, str(_column_number(found[1])) if found else None)
        if "r" in attributes and (found is None or int(found[2]) != self.row or self.column > 16_384):
            raise ValueError("a cell stands somewhere else than it says")

    def _content(self, name: str) -> None:
        self.last_row = max(self.last_row, self.row)
        self.last_column = max(self.last_column, self.column)
        if name == "f":
            self.formulas.append(f"{_letters(self.column)}{self.row}")


def _following(last: int, stated: str | None) -> int:
    """The next row or column; what goes back would be lost without a word."""
    number = last + 1 if stated is None else int(stated)
    if number <= last:
        raise ValueError("rows or cells are out of order")
    return number


def _is_true(word: str | None) -> bool:
    return word in {"1", "true"}


def _letters(number: str | int) -> str:
    return str(get_column_letter(int(number)))


def _column_number(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number


def _surveyed(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, part: _Part) -> _Part:
    """The part after one pass. Pictures are passed over; old drawings are often no XML, and nobody reads them."""
    with archive.open(entry) as stream:
        start = stream.read(100)
        if entry.is_dir() or (entry.filename.lower().endswith(_PICTURES) and not _looks_like_xml(start)):
            return part
        parser = DefusedXMLParser(target=part, forbid_dtd=True)
        try:
            parser.feed(start)
            while chunk := stream.read(100_000):
                parser.feed(chunk)
            parser.close()
        except SyntaxError:
            if not entry.filename.lower().endswith(".vml"):
                raise
    return part


_PICTURES = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".tif", ".tiff", ".emf", ".wmf", ".bin", ".ico")


def _looks_like_xml(start: bytes) -> bool:
    return start.lstrip().startswith((b"<", b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"\0<"))


# ── the sheets ───────────────────────────────────────────────────────────────


def _read(content: bytes, surveyed: Mapping[str, _Part], wanted: Collection[str], progress: Progress) -> Uploaded:
    sheets: dict[str, Rows] = {}
    spoilt: dict[str, tuple[Rows, tuple[Problem, ...]]] = {}
    notes: list[Problem] = []
    titles: list[str] = []
    with _opened(content) as book:
        for sheet in book.worksheets:
            name = _printable(sheet.title)
            if wanted and name.strip().lower() not in wanted:
                notes.append(Problem(name, "the sheet is not read", "nothing to do, if it is only for you"))
                continue
            part = surveyed[sheet._worksheet_path]
            titles.append(name)
            notes += _unseen(name, sheet.sheet_state, part)
            problems = list(_part_problems(name, part))
            rows = () if problems else _rows(sheet, name, part, problems, progress)
            if problems:
                spoilt[name] = (_first_rows(sheet, part), tuple(problems))
            else:
                sheets[name] = rows
    return Uploaded(sheets, tuple(notes), spoilt, tuple(titles))


_FIRST_ROWS = 20


def _first_rows(sheet: Any, part: _Part) -> Rows:
    """What stands at the top of a sheet, whatever it is."""
    limits = {"max_row": min(part.last_row, _FIRST_ROWS), "max_col": min(part.last_column, MAX_COLUMNS)}
    if not all(limits.values()):
        return ()
    rows = sheet.iter_rows(**limits, values_only=True)
    return tuple(
        tuple("" if value is None else _CODED.sub(_meant, str(value))[:MAX_TEXT] for value in row) for row in rows
    )


@contextmanager
def _opened(content: bytes) -> Iterator[Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # openpyxl warns of styles that it does not know
        book = load_workbook(io.BytesIO(content), read_only=True, keep_links=False)
        try:
            yield book
        finally:
            book.close()


def _part_problems(name: str, part: _Part) -> Iterator[Problem]:
    """Why a sheet is not read at all: too large, or computed."""
    last = f"{name}!{_letters(part.last_column or 1)}{part.last_row or 1}"
    if part.last_row > part.most_rows:
        yield Problem(last, f"the content goes down to row {part.last_row:,}", f"end by row {part.most_rows:,}")
    if part.last_column > MAX_COLUMNS:
        what = f"the content goes out to column {part.last_column:,}"
        yield Problem(last, what, f"use at most {MAX_COLUMNS} columns")
    for cell in islice(part.formulas, MAX_PROBLEMS):
        yield Problem(f"{name}!{cell}", "it holds a formula", "copy the cell and paste it as a value")


def _unseen(name: str, state: str, part: _Part) -> Iterator[Problem]:
    """What is in the file but not on the screen."""
    if state != "visible":
        yield Problem(name, *_HIDDEN)
    hidden = [*_runs(row for row in part.hidden_rows if row <= part.last_row), *part.hidden_columns]
    for cells in hidden[:MAX_PROBLEMS]:
        yield Problem(f"{name}!{cells}", *_HIDDEN)
    for cells in part.merged[:MAX_PROBLEMS]:
        yield Problem(f"{name}!{cells}", "the cells are merged, and count as the first", "unmerge them")


_HIDDEN = ("it is hidden, and was read", "unhide it, and look whether it belongs here")


def _runs(numbers: Iterable[int]) -> Iterator[str]:
    """Rows that follow each other as one: `4:9`."""
    for _, run in groupby(enumerate(numbers), lambda pair: pair[1] - pair[0]):
        rows = [number for _, number in run]
        yield f"{rows[0]}:{rows[-1]}"


def _rows(sheet: Any, name: str, part: _Part, problems: list[Problem], progress: Progress) -> Rows:
    if not part.last_row:
        return ()
    rows: list[tuple[str, ...]] = []
    for number, cells in enumerate(sheet.iter_rows(max_row=part.last_row, max_col=part.last_column), 1):
        texts = []
        for column, cell in enumerate(cells, 1):
            try:
                texts.append(_text(cell))
            except _NotPlain as fault:
                problems.append(Problem(f"{name}!{_letters(column)}{number}", *fault.args))
        while texts and not texts[-1]:
            texts.pop()
        rows.append(tuple(texts))
        if number % _TOLD_EVERY == 0:
            progress(number, part.last_row)
    return tuple(rows)


_TOLD_EVERY = 500


class _NotPlain(Exception):
    """A cell holds what has no plain text; what it is, and what to do."""


def _text(cell: ReadOnlyCell) -> str:
    value = cell.value
    if value is None:
        return ""
    if cell.data_type == "e":
        raise _NotPlain(f"it holds the error {_printable(str(value))[:20]}", "correct or empty the cell")
    if isinstance(value, str):
        text = _UNPRINTED.sub("", _CODED.sub(_meant, value).replace("\r\n", "\n").replace("\r", "\n"))
        if len(text) > MAX_TEXT:
            raise _NotPlain(f"it holds {len(text):,} characters", f"shorten it to {MAX_TEXT:,}")
        return text
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    return _digits(value) if isinstance(value, int | float) else _day(value)


_CODED = re.compile("_x(000D|005F)_")
"""A line end as Excel stores one, and the first sign of a text that looks like such a code."""


def _meant(code: re.Match[str]) -> str:
    return "_" if code[1] == "005F" else ""


_UNPRINTED = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufeff]")


def _digits(value: float) -> str:
    """A number as the programme shows it: 15 digits, no exponent."""
    if isinstance(value, int) and len(text := str(value)) <= 15:
        return text
    number = Decimal(f"{value:.15g}")
    if not number.is_finite() or abs(number.adjusted()) > 20:
        raise _NotPlain("it holds a number out of all bounds", "correct it, or store it as text")
    return f"{number:f}"


def _day(value: object) -> str:
    """A day, or a day and an hour where there is one."""
    if isinstance(value, datetime):
        midnight = (value.hour, value.minute, value.second) == (0, 0, 0)
        return value.date().isoformat() if midnight else value.isoformat(" ", "seconds")
    return str(value)


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else "�" for c in text)
