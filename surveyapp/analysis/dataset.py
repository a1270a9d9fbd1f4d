"""Responses as columns: one small integer array a variable, with three kinds of missing kept apart.

A *variable* is what one column of data holds. `single` gives one of its name, a `grid` one a row
(`engagement_now.police`), a `multiple` one 0/1 variable an option (`recommissioning.done_2y`).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from surveyapp.instrument import Answers, Grid, Instrument, Multiple, Question, Single, choices, route

if TYPE_CHECKING:
    import pandas as pd

NO_REPLY, NOT_ASKED, NOT_IN_VERSION = -1, -2, -3
"""Asked and left blank; routed past; not in the version that was answered. Answers count from 0."""

Codes = npt.NDArray[np.int16]


@dataclass(frozen=True)
class Variable:
    """What one column holds: its name, the question it belongs to, its label, and code and label of each value."""

    name: str
    question: str
    label: str
    codes: tuple[str, ...]
    labels: tuple[str, ...]


@dataclass(frozen=True)
class Row:
    """One released response as it comes in: the version answered, the stratum cell, the answers."""

    version: str
    cell: str
    answers: Answers = field(repr=False)


@dataclass(frozen=True)
class Dataset:
    """The responses of one wave.

    `values` holds an int16 array of n per variable: 0… for its codes in order, negative for missing. Order of
    rows means nothing. `instrument` is the version whose questions are reported.
    """

    instrument: Instrument
    n: int
    variables: Mapping[str, Variable]
    values: Mapping[str, Codes] = field(repr=False)
    cells: tuple[str, ...] = field(repr=False)

    def of_question(self, question: str) -> list[Variable]:
        """The variables of a question, in order."""
        return [variable for variable in self.variables.values() if variable.question == question]

    @cached_property
    def completeness(self) -> list[tuple[int, int]]:
        """Of each response: closed items answered, closed items applicable. A `multiple` is one item."""
        answered = np.zeros(self.n, dtype=np.int32)
        applicable = np.zeros(self.n, dtype=np.int32)
        for variable in self._items():
            values = self.values[variable]
            answered += values >= 0
            applicable += values >= NO_REPLY
        return list(zip(answered.tolist(), applicable.tolist(), strict=True))

    def _items(self) -> list[str]:
        """The variables that count as one item each: the first option stands for its whole `multiple`."""
        firsts: dict[str, str] = {}
        for variable in self.variables.values():
            whole = isinstance(self.instrument.questions[variable.question], Multiple)
            firsts.setdefault(variable.question if whole else variable.name, variable.name)
        return list(firsts.values())

    def to_pandas(self) -> "pd.DataFrame":
        """A frame of n rows: one categorical column of codes a variable; every kind of missing is NaN."""
        import pandas as pd

        def column(variable: Variable) -> "pd.Categorical[str]":
            codes = np.maximum(self.values[variable.name], -1)
            return pd.Categorical.from_codes(codes, pd.Index(variable.codes))

        return pd.DataFrame({name: column(variable) for name, variable in self.variables.items()})


def dataset(instrument: Instrument, versions: Mapping[str, Instrument], rows: Iterable[Row]) -> Dataset:
    """The columns of `rows`, for the closed questions of `instrument`.

    `versions` holds the instrument of each version that was answered: its routing says what was asked. Raises
    `KeyError` for a version that is not among them.
    """
    rows = list(rows)
    variables = {v.name: v for question in tabulated(instrument) for v in _variables(question)}
    asked = [route(versions[row.version], row.answers).asked for row in rows]
    values: dict[str, Codes] = {}
    for question in tabulated(instrument):
        known = [question.id in versions[row.version].questions for row in rows]
        values |= _columns(question, rows, _Blanks(known, asked))
    return Dataset(instrument, len(rows), variables, values, tuple(row.cell for row in rows))


def tabulated(instrument: Instrument) -> list[Question]:
    """The closed questions that have columns: single, multiple and grid, outside repeated pages."""
    pages = (page for page in instrument.pages if page.repeat is None)
    return [q for page in pages for q in page.asked if isinstance(q, Single | Multiple | Grid)]


@dataclass(frozen=True)
class _Blanks:
    """What a blank of each respondent means: `known` says whose version has the question, `asked` the keys."""

    known: Sequence[bool]
    asked: Sequence[frozenset[str]]

    def of(self, key: str) -> Codes:
        """The kind of missing of each respondent for one question, row or option."""
        kinds = (
            (NO_REPLY if key in asked else NOT_ASKED) if known else NOT_IN_VERSION
            for known, asked in zip(self.known, self.asked, strict=True)
        )
        return np.fromiter(kinds, dtype=np.int16, count=len(self.known))


def _variables(question: Question) -> list[Variable]:
    codes = tuple(option.code for option in choices(question))
    labels = tuple(str(option.label) for option in choices(question))
    match question:
        case Single():
            return [Variable(question.id, question.id, str(question.text), codes, labels)]
        case Grid():
            return [
                Variable(f"{question.id}.{row.code}", question.id, str(row.label), codes, labels)
                for row in question.rows
            ]
        case Multiple():
            yes_no = (("0", "1"), ("Not selected", "Selected"))
            return [
                Variable(f"{question.id}.{option.code}", question.id, str(option.label), *yes_no)
                for option in question.options
            ]
    return []


def _columns(question: Question, rows: Sequence[Row], blanks: _Blanks) -> dict[str, Codes]:
    number = {option.code: i for i, option in enumerate(choices(question))}
    match question:
        case Single():
            return {question.id: _coded(question.id, number, rows, blanks.of(question.id))}
        case Grid():
            keys = [f"{question.id}.{row.code}" for row in question.rows]
            return {key: _coded(key, number, rows, blanks.of(key)) for key in keys}
        case Multiple():
            return _ticked(question, rows, blanks)
    return {}


def _coded(key: str, number: Mapping[str, int], rows: Sequence[Row], blanks: Codes) -> Codes:
    given = (number.get(str(row.answers.get(key)), NO_REPLY) for row in rows)
    codes = np.fromiter(given, dtype=np.int16, count=len(rows))
    return np.where((codes >= 0) & (blanks >= NO_REPLY), codes, blanks)


def _ticked(question: Multiple, rows: Sequence[Row], blanks: _Blanks) -> dict[str, Codes]:
    chosen = [frozenset(row.answers.get(question.id) or ()) for row in rows]
    given = np.fromiter((bool(codes) for codes in chosen), dtype=bool, count=len(rows))
    columns = {}
    for option in question.options:
        blank = blanks.of(f"{question.id}.{option.code}")
        ticks = np.fromiter((option.code in codes for codes in chosen), dtype=np.int16, count=len(rows))
        columns[f"{question.id}.{option.code}"] = np.where(given & (blank >= NO_REPLY), ticks, blank)
    return columns
