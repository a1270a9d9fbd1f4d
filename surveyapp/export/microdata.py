"""Microdata as files: CSV, SPSS, Parquet and Excel. Equal microdata give equal bytes; text stays text in all.

In CSV a text that a spreadsheet could take for a formula has a `'` before it, and so has one that begins with `'`:
take one away and the text is what it was.
"""

import io
import json
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import parquet as arrow_parquet

from surveyapp.analysis.microdata import Field, Microdata, is_stratum
from surveyapp.export.archive import csv_text, legible
from surveyapp.problems import SurveyError

Values = Literal["codes", "labels", "numbers"]
VALUES: tuple[Values, ...] = ("codes", "labels", "numbers")
"""What stands for an answer: the questionnaire's own code, its label, or the number that SPSS gets."""

BETWEEN = {"codes": ";", "numbers": ";", "labels": " | "}
"""What stands between several answers in one cell."""

MAX_ROWS = 1_048_575
MAX_CELL = 32_767
LONGEST_LABEL, LONGEST_VALUE_LABEL, LONGEST_TITLE = 256, 120, 64
"""Bytes that SPSS has room for."""

MISSING_LABELS = ("No reply", "Not asked", "Not in this version")
WITHHELD = "Withheld, so that nobody is singled out"

_CHUNK = 5_000
_ABOVE_0 = 4
_DATE, _NOT_DATED = slice(92, 109), b"01 Jan 0000:00:00"
_Index = npt.NDArray[np.int32]


def label_of(data: Microdata, column: Field) -> str:
    """What a column is about: of a row or an option its own label first, then the question."""
    wording = wording_of(data, column)
    label = str(column.variable.label)
    return label if label == wording or not wording else f"{label}: {wording}"


def wording_of(data: Microdata, column: Field) -> str:
    """The question that a column belongs to; "" for a stratum."""
    question = data.instrument.questions.get(column.variable.question)
    return str(question.text) if question is not None else ""


def missing_labels(column: Field) -> tuple[str, ...]:
    """What each kind of missing means in a column. A stratum is never asked for: it is known or withheld."""
    return (WITHHELD, *MISSING_LABELS[1:]) if is_stratum(column) else MISSING_LABELS


# ── what stands in the cells ─────────────────────────────────────────────────

Word = str | int | float


@dataclass(frozen=True)
class Shown:
    """A column of the file: each different value once, and which of them each row has."""

    name: str
    words: Sequence[Word]
    index: _Index = field(repr=False)


def _shown(data: Microdata, values: Values, together: bool) -> Iterator[Shown]:
    """The columns of the file in order; with `together` a multiple is one column."""
    for question, columns in data.of_question.items():
        if together and columns[0].variable.kind == "multiple":
            yield _in_one(data, question, columns, values)
        else:
            yield from (_one(data, column, values) for column in columns)


def _one(data: Microdata, column: Field, values: Values) -> Shown:
    missing = _missing_words(column, values)
    places = data.places[column.variable.name].astype(np.int32)
    if not column.variable.is_amount:
        words = [*_answers(column, values), *missing]
        return Shown(column.name, words, _at(places, words))
    different, index = np.unique(np.nan_to_num(data.amounts[column.variable.name]), return_inverse=True)
    words = [*map(_plain, different.tolist()), *missing]
    return Shown(column.name, words, _at(np.where(places < 0, places, index).astype(np.int32), words))


def _at(places: _Index, words: Sequence[Word]) -> _Index:
    """Where the word of each row stands: those of the missing kinds come last."""
    return np.where(places < 0, len(words) - 4 - places, places).astype(np.int32)


def _answers(column: Field, values: Values) -> Sequence[Word]:
    if values == "numbers":
        return column.numbers
    return [legible(text) for text in (column.variable.codes if values == "codes" else column.variable.labels)]


def _missing_words(column: Field, values: Values) -> Sequence[Word]:
    if values == "labels":
        return [f"[{label.lower()}]" for label in missing_labels(column)]
    return column.missing


def _plain(number: float) -> Word:
    return int(number) if number.is_integer() else number


def _in_one(data: Microdata, question: str, columns: Sequence[Field], values: Values) -> Shown:
    """The chosen options of a multiple in one cell; nothing if none that is in this version."""
    words = [_option(data, question, column, values) for column in columns]
    between = BETWEEN[values]
    if any(between in word for word in words):
        raise SurveyError(
            f"an option of {question} has {between!r} in its label; write codes, or a column an option"
        )
    matrix = np.stack([data.places[column.variable.name] for column in columns], axis=1) + _ABOVE_0
    rows = np.ascontiguousarray(matrix.astype(np.uint8)).view(f"S{len(columns)}").ravel()
    different, index = np.unique(rows, return_inverse=True)
    missing = _missing_words(columns[0], values)
    texts: list[Word] = []
    for pattern in different:
        places = np.frombuffer(pattern, dtype=np.uint8).astype(np.int32) - _ABOVE_0
        asked = places.max() >= 0
        chosen = between.join(word for word, place in zip(words, places, strict=True) if place == 1)
        texts.append(chosen if asked else missing[-1 - int(places.max())])
    return Shown(question, texts, index.astype(np.int32))


def _option(data: Microdata, question: str, column: Field, values: Values) -> str:
    if values == "labels":
        return legible(str(column.variable.label))
    code = column.variable.name.removeprefix(f"{question}.")
    if values == "codes":
        return code
    return str(data.of_question[question].index(column) + 1)


# ── CSV ──────────────────────────────────────────────────────────────────────


def csv(data: Microdata, values: Values = "codes", together: bool = False) -> bytes:
    """RFC 4180 in UTF-8 without a mark at its beginning: a header, then a line a response.

    With `together` the options of a multiple stand in one cell.
    """
    columns = list(_shown(data, values, together))
    header = ",".join(cell(column.name) for column in columns)
    return f"{header}\r\n".encode() + b"".join(lines(columns, cell, "", ",", "\r\n"))


def cell(word: Word) -> str:
    """One cell of a CSV file: a number bare, a text made harmless, in quotes where it needs them."""
    if not isinstance(word, str):
        return number_text(word)
    return csv_text(word)


def number_text(number: float) -> str:
    """A number in digits, never with a power of ten."""
    text = repr(number)
    return np.format_float_positional(number, trim="-") if "e" in text else text


def lines(
    columns: Sequence[Shown], render: Callable[[Word], str], first: str, between: str, last: str
) -> Iterator[bytes]:
    """All rows as text, a few thousand at a time: each different value is made once, Arrow joins them."""
    rendered = [None if len(c.words) > _CHUNK else [render(word) for word in c.words] for c in columns]
    ends = [(first if c == 0 else "", last if c == len(columns) - 1 else "") for c in range(len(columns))]
    for begin in range(0, len(columns[0].index) if columns else 0, _CHUNK):
        parts = []
        for column, known, (before, after) in zip(columns, rendered, ends, strict=True):
            words, index = known or [], column.index[begin : begin + _CHUNK]
            if known is None:
                different, places = np.unique(index, return_inverse=True)
                words, index = (
                    [render(column.words[place]) for place in different.tolist()],
                    places.astype(np.int32),
                )
            parts.append(_taken([f"{before}{word}{after}" for word in words], index))
        yield _bytes_of(pc.binary_join_element_wise(*parts, between))


def _taken(words: Sequence[str], index: _Index) -> pa.Array:
    return _strings(words).take(_integers(index))


def _strings(words: Sequence[str]) -> pa.Array:
    builder = pa.lib.StringBuilder()  # `pyarrow.array` would import pandas to see whether it was given any
    builder.append_values(list(words))
    return builder.finish()


def _integers(index: _Index) -> pa.Array:
    whole = np.ascontiguousarray(index, dtype=np.int32)
    return pa.Array.from_buffers(pa.int32(), len(whole), [None, pa.py_buffer(whole)])


def _bytes_of(array: pa.Array) -> bytes:
    ends = np.frombuffer(array.buffers()[1], dtype=np.int32)
    return array.buffers()[2].to_pybytes()[: int(ends[len(array)])] if len(array) else b""


# ── Parquet ──────────────────────────────────────────────────────────────────


def parquet(data: Microdata, values: Values = "codes", together: bool = False) -> bytes:
    """Columns of texts, each different one stored once; amounts and `numbers` as numbers. Missing as everywhere.

    The metadata of each column has its label, its codes and what they mean, as JSON.
    """
    columns, fields = [], []
    known = {column.name: column for column in data.fields}
    for shown in _shown(data, values, together):
        column = known.get(shown.name)
        array = _arrow(data, shown, column, values)
        about = {"surveyapp": json.dumps(_about(data, column), ensure_ascii=False)} if column else None
        columns.append(array)
        fields.append(pa.field(legible(shown.name), array.type, metadata=about))
    out = io.BytesIO()
    table = pa.Table.from_arrays(
        columns, schema=pa.schema(fields, metadata={"title": legible(data.instrument.title)})
    )
    arrow_parquet.write_table(table, out, compression="zstd", store_schema=True)
    return out.getvalue()


def _arrow(data: Microdata, shown: Shown, column: Field | None, values: Values) -> pa.Array:
    numbers = column is not None and (values == "numbers" or (column.variable.is_amount and values == "codes"))
    if column is not None and numbers:
        array = data.numbered(column)
        kind = pa.float64() if column.variable.is_amount else pa.int32()
        return pa.Array.from_buffers(kind, data.n, [None, pa.py_buffer(np.ascontiguousarray(array))])
    texts = [word if isinstance(word, str) else number_text(word) for word in shown.words]
    different: dict[str, int] = {}
    place = np.array([different.setdefault(text, len(different)) for text in texts], dtype=np.int32)
    return pa.DictionaryArray.from_arrays(_integers(place[shown.index]), _strings([*different]))


def _about(data: Microdata, column: Field) -> dict[str, Any]:
    codes = (
        {} if column.variable.is_amount else dict(zip(column.variable.codes, column.variable.labels, strict=True))
    )
    missing = dict(zip(map(str, column.missing), missing_labels(column), strict=True))
    return {"label": legible(label_of(data, column)), "codes": codes, "missing": missing}


# ── SPSS ─────────────────────────────────────────────────────────────────────


def sav(data: Microdata) -> bytes:
    """An SPSS file: numbers with value labels, the three kinds of missing as a missing range, no moment in it."""
    import pandas as pd
    import pyreadstat

    names = [column.name for column in data.fields]
    frame = pd.DataFrame({column.name: data.numbered(column) for column in data.fields})
    with TemporaryDirectory() as folder:
        path = Path(folder) / "data.sav"
        pyreadstat.write_sav(
            frame,
            str(path),
            file_label=fitting(str(data.instrument.title), LONGEST_TITLE),
            column_labels=[fitting(label_of(data, column), LONGEST_LABEL) for column in data.fields],
            row_compress=True,
            variable_value_labels={column.name: _value_labels(column) for column in data.fields},
            missing_ranges={c.name: [{"lo": c.missing[0], "hi": c.missing[-1]}] for c in data.fields},
            variable_measure={column.name: measure(data, column) for column in data.fields},
            variable_format={name: _format(data, column) for name, column in zip(names, data.fields, strict=True)},
        )
        written = bytearray(path.read_bytes())
    written[_DATE] = _NOT_DATED
    return bytes(written)


def _value_labels(column: Field) -> dict[int | float, str]:
    answers = zip(column.numbers, () if column.variable.is_amount else column.variable.labels, strict=True)
    known = [*answers, *zip(column.missing, missing_labels(column), strict=True)]
    return {number: fitting(label, LONGEST_VALUE_LABEL) for number, label in known}


def measure(data: Microdata, column: Field) -> str:
    """Whether a column is "scale" (amounts, years), "ordinal" (scales, places, bands) or "nominal"."""
    kind = column.variable.kind
    if column.variable.is_amount or kind == "date":
        return "scale"
    ordinal = getattr(data.instrument.questions.get(column.variable.question), "ordinal", False)
    return "ordinal" if ordinal or kind in {"grid", "rank", "number"} else "nominal"


def decimals(data: Microdata, column: Field) -> int:
    """How many places behind the point the amounts of a column have; 0 for codes."""
    return int(getattr(data.instrument.questions.get(column.variable.question), "decimals", 0))


def _format(data: Microdata, column: Field) -> str:
    places = decimals(data, column) if column.variable.is_amount else 0
    return f"F{17 if column.variable.is_amount else 10}.{places}"


def fitting(text: str, most: int) -> str:
    """A text cut to so many bytes, with a visible end where it was cut; the codebook has it whole."""
    whole = legible(text)
    if len(whole.encode()) <= most:
        return whole
    return whole.encode()[: most - len("…".encode())].decode(errors="ignore") + "…"


# ── Excel ────────────────────────────────────────────────────────────────────

Progress = Callable[[int, int], None]

_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"


def xlsx(
    data: Microdata,
    sheets: Sequence[tuple[str, Sequence[Sequence[Word]]]] = (),
    values: Values = "codes",
    together: bool = False,
    progress: Progress = lambda _done, _of: None,
) -> bytes:
    """A workbook of the sheet "Data" and of further small ones, row after row so that memory stays small."""
    if data.n > MAX_ROWS:
        raise SurveyError(
            f"a sheet has {MAX_ROWS:,} rows and the file would have {data.n:,}; write .sav or .parquet"
        )
    strings = _Strings()
    columns = list(_shown(data, values, together))
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        with archive.open(_entry("xl/worksheets/sheet1.xml"), "w", force_zip64=True) as sheet:
            sheet.write(_opened([column.name for column in columns], strings))
            for number, chunk in enumerate(lines(columns, strings.cell, "<row>", "", "</row>"), 1):
                sheet.write(chunk)
                progress(min(number * _CHUNK, data.n), data.n)
            sheet.write(b"</sheetData></worksheet>")
        for number, (_, rows) in enumerate(sheets, 2):
            archive.writestr(_entry(f"xl/worksheets/sheet{number}.xml"), _small(rows, strings))
        for name, text in _around(["Data", *(name for name, _ in sheets)], strings).items():
            archive.writestr(_entry(name), text)
    return out.getvalue()


class _Strings:
    """The texts of a workbook, each kept once and named by its number: a text there can be no formula."""

    def __init__(self) -> None:
        self.places: dict[str, int] = {}

    def cell(self, word: Word) -> str:
        """A cell as XML."""
        if not isinstance(word, str):
            return f"<c><v>{number_text(word)}</v></c>"
        return f'<c t="s"><v>{self.places.setdefault(word, len(self.places))}</v></c>'

    def xml(self) -> str:
        """The part of the workbook that holds them."""
        items = "".join(f'<si><t xml:space="preserve">{_xml_text(text)}</t></si>' for text in self.places)
        return f'{_HEAD}<sst xmlns="{_MAIN}">{items}</sst>'


def _xml_text(text: str) -> str:
    """As XML; `_x0041_` would be read as A unless its first line is written so itself."""
    kept = legible(text)
    if len(kept) > MAX_CELL:
        kept = f"{kept[: MAX_CELL - 1]}…"
    return escape(kept.replace("_x", "_x005F_x"), quote=False)


def _opened(names: Sequence[str], strings: _Strings) -> bytes:
    head = "".join(strings.cell(name) for name in names)
    return f'{_HEAD}<worksheet xmlns="{_MAIN}"><sheetData><row>{head}</row>'.encode()


def _small(rows: Sequence[Sequence[Word]], strings: _Strings) -> str:
    written = "".join(f"<row>{''.join(strings.cell(word) for word in row)}</row>" for row in rows)
    return f'{_HEAD}<worksheet xmlns="{_MAIN}"><sheetData>{written}</sheetData></worksheet>'


def _around(names: Sequence[str], strings: _Strings) -> dict[str, str]:
    """The parts of a workbook that hold no rows."""
    numbers = range(1, len(names) + 1)
    sheets = "".join(f'<sheet name="{name}" sheetId="{i}" r:id="rId{i}"/>' for i, name in enumerate(names, 1))
    types = "".join(_override(f"worksheets/sheet{i}", "worksheet") for i in numbers)
    links = "".join(_link(f"rId{i}", "worksheet", f"worksheets/sheet{i}.xml") for i in numbers)
    links += _link(f"rId{len(names) + 1}", "sharedStrings", "sharedStrings.xml")
    rels = f'{_HEAD}<Relationships xmlns="{_PACKAGE}/relationships">'
    return {
        "[Content_Types].xml": f'{_HEAD}<Types xmlns="{_PACKAGE}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Default Extension="xml" ContentType="application/xml"/>{_override("workbook", "sheet.main")}{types}'
        f"{_override('sharedStrings', 'sharedStrings')}</Types>",
        "_rels/.rels": f"{rels}{_link('rId1', 'officeDocument', 'xl/workbook.xml')}</Relationships>",
        "xl/_rels/workbook.xml.rels": f"{rels}{links}</Relationships>",
        "xl/workbook.xml": f'{_HEAD}<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}">'
        f"<sheets>{sheets}</sheets></workbook>",
        "xl/sharedStrings.xml": strings.xml(),
    }


def _override(part: str, kind: str) -> str:
    return f'<Override PartName="/xl/{part}.xml" ContentType="{_TYPE}.{kind}+xml"/>'


def _link(name: str, kind: str, target: str) -> str:
    return f'<Relationship Id="{name}" Type="{_OFFICE}/{kind}" Target="{target}"/>'


def _entry(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, date_time=(2000, 1, 1, 0, 0, 0))
    info.compress_type = zipfile.ZIP_DEFLATED
    return info
