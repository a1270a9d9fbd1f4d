"""Triple-S XML 2.0, which survey packages read: a description and its data as CSV.

It knows whole multiples but one kind of missing only, so all three are a blank field here.
"""

import re
from collections.abc import Iterable, Sequence
from html import escape

import numpy as np

from surveyapp.analysis.microdata import Field, Microdata
from surveyapp.export.archive import legible
from surveyapp.export.codebook import labelled
from surveyapp.export.microdata import Shown, Word, decimals, label_of, lines, number_text, wording_of

DESCRIPTION, DATA = "triples.sss", "triples.csv"


def triples(data: Microdata) -> dict[str, bytes]:
    """The two files by name."""
    asked = [part for question, columns in data.of_question.items() for part in _parts(question, columns)]
    variables = "\n".join(_variable(data, i, name, columns) for i, (name, columns) in enumerate(asked, 1))
    description = (
        '<?xml version="1.0" encoding="UTF-8"?>\n<sss version="2.0">\n<origin>surveyapp</origin>\n<survey>\n'
        f'<title>{_words(data.instrument.title)}</title>\n<record ident="A" href="{DATA}" format="csv" skip="1">\n'
        f"{variables}\n</record>\n</survey>\n</sss>\n"
    )
    shown = [_column(data, name, columns) for name, columns in asked]
    header = ",".join(column.name for column in shown)
    return {
        DESCRIPTION: description.encode(),
        DATA: f"{header}\r\n".encode() + b"".join(lines(shown, _cell, "", ",", "\r\n")),
    }


def _parts(question: str, columns: Sequence[Field]) -> Iterable[tuple[str, Sequence[Field]]]:
    """The variables of a question: a multiple is one, of anything else each column."""
    if columns[0].variable.kind == "multiple":
        return [(question, columns)]
    return [(column.name, [column]) for column in columns]


def _variable(data: Microdata, place: int, name: str, columns: Sequence[Field]) -> str:
    column = columns[0]
    if column.variable.kind == "multiple":
        kind, label = "multiple", wording_of(data, column)
        values = _values([(i, str(each.variable.label)) for i, each in enumerate(columns, 1)])
    elif column.variable.is_amount:
        kind, label, values = "quantity", label_of(data, column), _range(data, column)
    else:
        kind, label, values = "single", label_of(data, column), _values(labelled(column))
    return (
        f'<variable ident="{place}" type="{kind}"><name>{name}</name><label>{_words(label)}</label>'
        f'<position start="{place}"/><values>{values}</values></variable>'
    )


def _values(known: Iterable[tuple[int, str]]) -> str:
    return "".join(f'<value code="{number}">{_words(label)}</value>' for number, label in known)


def _range(data: Microdata, column: Field) -> str:
    places, amounts = data.places[column.variable.name], data.amounts[column.variable.name]
    given = amounts[places >= 0] if (places >= 0).any() else np.zeros(1)
    digits = decimals(data, column)
    return f'<range from="{given.min():.{digits}f}" to="{given.max():.{digits}f}"/>'


def _words(text: str) -> str:
    """Words on one line, as XML."""
    return escape(re.sub(r"\s+", " ", legible(text)), quote=False)


# ── the data ─────────────────────────────────────────────────────────────────


def _column(data: Microdata, name: str, columns: Sequence[Field]) -> Shown:
    """A blank is the first word of each; a multiple has a 0 or 1 for each option in one field."""
    words: list[Word]
    if columns[0].variable.kind == "multiple":
        matrix = np.stack([data.places[each.variable.name] for each in columns], axis=1)
        bits = np.where(matrix > 0, b"1", b"0").astype("S1").view(f"S{len(columns)}").ravel()
        different, index = np.unique(bits, return_inverse=True)
        words = ["", *(bit.decode() for bit in different)]
        asked = (matrix >= 0).any(axis=1)
    else:
        column = columns[0]
        asked = data.places[column.variable.name] >= 0
        numbers, index = np.unique(data.numbered(column), return_inverse=True)
        words = ["", *(int(number) if float(number).is_integer() else number for number in numbers.tolist())]
    return Shown(name, words, np.where(asked, index + 1, 0).astype(np.int32))


def _cell(word: Word) -> str:
    """A multiple in quotes, since its first 0 must not be lost; a number bare."""
    if isinstance(word, str):
        return f'"{word}"' if word else ""
    return number_text(word)
