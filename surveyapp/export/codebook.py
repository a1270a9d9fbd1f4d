"""What each column of a microdata file holds, as CSV, as JSON, and as instructions for SPSS and R."""

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from surveyapp.analysis.microdata import Field, Microdata
from surveyapp.analysis.report import WaveFacts
from surveyapp.export.archive import legible
from surveyapp.export.microdata import (
    LONGEST_LABEL,
    LONGEST_VALUE_LABEL,
    cell,
    decimals,
    fitting,
    label_of,
    missing_labels,
    wording_of,
)

HEADER = (
    "column",
    "variable",
    "type",
    "label",
    "wording",
    "code",
    "number",
    "meaning",
    "missing",
    "responses",
    "changed",
)


def codebook_rows(data: Microdata) -> list[list[str | int]]:
    """A header, then a line for each code of each column; amounts have one line and those of the missing kinds."""
    return [list(HEADER), *(row for column in data.fields for row in _rows(data, column))]


def sheets(data: Microdata) -> list[tuple[str, list[list[str | int]]]]:
    """The codebook as a sheet of a workbook."""
    return [("Codebook", codebook_rows(data))]


def files(data: Microdata, facts: WaveFacts, stem: str) -> dict[str, bytes]:
    """The codebook as files that lie beside data called `stem`."""
    return {f"{stem}.codebook.csv": codebook_csv(data), f"{stem}.codebook.json": codebook_json(data, facts)}


def _rows(data: Microdata, column: Field) -> Iterator[list[str | int]]:
    variable = column.variable
    head: list[str | int] = [
        column.name,
        variable.name,
        variable.kind,
        *map(legible, (str(variable.label), wording_of(data, column))),
    ]
    given, missing = data.counts(column)
    if variable.is_amount:
        yield [*head, "", "", "An amount", "no", given[0], column.changed]
    else:
        for code, number, label, n in zip(variable.codes, column.numbers, variable.labels, given, strict=True):
            yield [*head, legible(code), number, legible(label), "no", n, column.changed]
    for number, label, n in zip(column.missing, missing_labels(column), missing, strict=True):
        yield [*head, str(number), number, label, "yes", n, column.changed]


def codebook_csv(data: Microdata) -> bytes:
    """The codebook as CSV, made harmless for spreadsheets as the data are."""
    return "".join(",".join(map(cell, row)) + "\r\n" for row in codebook_rows(data)).encode()


def codebook_json(data: Microdata, facts: WaveFacts) -> bytes:
    """The codebook as UTF-8 JSON, with what is known of the fieldwork and what has no column and why."""
    said = {
        "title": str(data.instrument.title),
        "wave": facts.wave,
        "instrument": data.instrument.name,
        "instrument_hash": facts.version_hash,
        "note": facts.note,
        "responses": data.n,
        "identifying": list(data.identifying),
        "shared_by_at_least": data.minimum,
        "left_out": dict(data.left_out),
        "columns": [_about(data, column) for column in data.fields],
    }
    return (json.dumps(said, indent=1, ensure_ascii=False) + "\n").encode(errors="replace")


def _about(data: Microdata, column: Field) -> dict[str, Any]:
    variable = column.variable
    given, missing = data.counts(column)
    answers = (
        zip(variable.codes, column.numbers, variable.labels, given, strict=True) if not variable.is_amount else ()
    )
    return {
        "column": column.name,
        "variable": variable.name,
        "question": variable.question,
        "type": variable.kind,
        "label": str(variable.label),
        "wording": wording_of(data, column),
        "changed": column.changed,
        "answers": [{"code": c, "number": i, "label": label, "responses": n} for c, i, label, n in answers],
        "missing": [
            {"number": number, "label": label, "responses": n}
            for number, label, n in zip(column.missing, missing_labels(column), missing, strict=True)
        ],
    }


# ── instructions for SPSS and R ──────────────────────────────────────────────


def spss_setup(data: Microdata) -> bytes:
    """SPSS commands that read data.csv (numbers) and label it; multiple responses become sets."""
    read = "\n".join(f"  {column.name} {_spss_format(data, column)}" for column in data.fields)
    lines = [
        "* Reads data.csv, which lies beside this file. Open both in the same folder.",
        "GET DATA /TYPE=TXT /FILE='data.csv' /ENCODING='UTF8' /ARRANGEMENT=DELIMITED /FIRSTCASE=2",
        "  /DELIMITERS=',' /QUALIFIER='\"' /VARIABLES=",
        f"{read}.",
        *(f"VARIABLE LABELS {c.name} {_spss(label_of(data, c), LONGEST_LABEL)}." for c in data.fields),
        *(_spss_values(column) for column in data.fields),
        *(f"MISSING VALUES {c.name} ({c.missing[0]} THRU {c.missing[-1]})." for c in data.fields),
        *_spss_sets(data),
        "EXECUTE.",
    ]
    return ("\n".join(lines) + "\n").encode()


def _spss_format(data: Microdata, column: Field) -> str:
    return f"F17.{decimals(data, column)}" if column.variable.is_amount else "F10.0"


def _spss_values(column: Field) -> str:
    known = [*labelled(column), *zip(column.missing, missing_labels(column), strict=True)]
    values = "\n".join(f"  {number} {_spss(label, LONGEST_VALUE_LABEL)}" for number, label in known)
    return f"VALUE LABELS {column.name}\n{values}."


def labelled(column: Field) -> list[tuple[int, str]]:
    """The number of each answer with its label; none for amounts."""
    labels: Sequence[str] = () if column.variable.is_amount else column.variable.labels
    return list(zip(column.numbers, labels, strict=True))


def _spss_sets(data: Microdata) -> Iterator[str]:
    for question, columns in data.of_question.items():
        if columns[0].variable.kind == "multiple" and len(columns) > 1:
            label = _spss(wording_of(data, columns[0]), LONGEST_VALUE_LABEL)
            names = "\n".join(f"    {column.name}" for column in columns)
            yield f"MRSETS /MDGROUP NAME=${question} LABEL={label} VALUE=1 VARIABLES=\n{names}."


def _spss(text: str, most: int) -> str:
    return "'" + fitting(re.sub(r"\s+", " ", text), most).replace("'", "''") + "'"


def r_setup(data: Microdata) -> bytes:
    """R commands that read data.csv (numbers): choices become factors, all kinds of missing NA."""
    lines = [
        "# Reads data.csv, which lies beside this file, into the data frame `responses`.",
        "# data.csv tells no reply, not asked and not in this version apart; here all three become NA.",
        'responses <- read.csv("data.csv", check.names = FALSE, encoding = "UTF-8")',
        *(line for column in data.fields for line in _r_column(data, column)),
    ]
    return ("\n".join(lines) + "\n").encode()


def _r_column(data: Microdata, column: Field) -> Iterator[str]:
    there = f"responses[[{_r(column.name)}]]"
    yield f"{there}[{there} %in% c({', '.join(map(str, column.missing))})] <- NA"
    known = labelled(column)
    if known:
        numbers, labels = ", ".join(str(n) for n, _ in known), ", ".join(_r(label) for _, label in known)
        yield f"{there} <- factor({there}, levels = c({numbers}), labels = c({labels}))"
    yield f'attr({there}, "label") <- {_r(label_of(data, column))}'


def _r(text: str) -> str:
    return json.dumps(legible(text), ensure_ascii=False)
