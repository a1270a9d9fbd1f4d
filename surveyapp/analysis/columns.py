"""The answers of many respondents as columns of texts, and who of them was asked what: never row by row.

What a route says of one respondent is said here of all at once, by the same conditions. Arrow reads the JSON
and is what a closed wave's answers are kept as.
"""

import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyarrow import json as arrow_json

from surveyapp.instrument import (
    Allocation,
    Grid,
    Instrument,
    Multiple,
    Option,
    Question,
    Rank,
    Row,
    Single,
    answer_keys,
    holds,
)
from surveyapp.instrument.model import Condition

Mask = npt.NDArray[np.bool_]
Index = npt.NDArray[np.int32]

CELL = ":cell"
"""The column of the stratum cell in an Arrow table; no answer key has a colon."""


@dataclass(frozen=True)
class Texts:
    """One answer of each respondent: `index` points into `texts`, -1 for none."""

    texts: tuple[str, ...]
    index: Index = field(repr=False)

    def where(self, test: Callable[[str | None], bool]) -> Mask:
        """Whose answer passes a test, which is made once for each text that occurs, and for none."""
        passed = np.array([*(test(text) for text in self.texts), test(None)], dtype=np.bool_)
        return passed[self.index]

    def coded(self, codes: Mapping[str, int], otherwise: int) -> npt.NDArray[np.int16]:
        """The number that `codes` gives each answer; `otherwise` for any other and for none."""
        numbers = [codes.get(text, otherwise) for text in self.texts]
        return np.array([*numbers, otherwise], dtype=np.int16)[self.index]


@dataclass(frozen=True)
class Lists:
    """Several codes of each respondent, in the order given: those of respondent i from `starts[i]` on."""

    texts: tuple[str, ...]
    flat: Index = field(repr=False)
    starts: npt.NDArray[np.int64] = field(repr=False)

    @cached_property
    def lengths(self) -> npt.NDArray[np.int64]:
        """How many codes each respondent gave."""
        return np.diff(self.starts)

    @cached_property
    def owners(self) -> npt.NDArray[np.int64]:
        """Of each code given, whose it is."""
        return np.repeat(np.arange(len(self.lengths)), self.lengths)

    def includes(self, code: str) -> Mask:
        """Who gave this code."""
        found = np.zeros(len(self.lengths), dtype=np.bool_)
        if code in self.texts:
            found[self.owners[self.flat == self.texts.index(code)]] = True
        return found

    def places(self, code: str) -> npt.NDArray[np.int16]:
        """Where each respondent put this code, from 0; -1 where it is not among theirs."""
        places = np.full(len(self.lengths), -1, dtype=np.int16)
        if code in self.texts:
            at = np.flatnonzero(self.flat == self.texts.index(code))
            places[self.owners[at]] = at - self.starts[self.owners[at]]
        return places

    def only(self, keep: Mask) -> "Lists":
        """The same without the codes that are not to be kept, one flag a code given."""
        kept = np.bincount(self.owners[keep], minlength=len(self.lengths))
        return Lists(self.texts, self.flat[keep], np.concatenate([[0], np.cumsum(kept)]))


Column = Texts | Lists


@dataclass(frozen=True)
class Part:
    """The answers of those who had one version: an Arrow table of n rows with a column an answer key."""

    instrument: Instrument
    table: pa.Table = field(repr=False)

    @property
    def n(self) -> int:
        """How many respondents."""
        return int(self.table.num_rows)

    def column(self, key: str) -> Column | None:
        """The answers under one key; None if nobody has any."""
        if key not in self.table.column_names:
            return None
        array = self.table.column(key).combine_chunks()
        if array.null_count == len(array):
            return None
        return _lists(array) if pa.types.is_list(array.type) else _texts(array)


def read_part(instrument: Instrument, cells: Sequence[str], answers: Sequence[str]) -> Part:
    """The answers of those who had one version, each respondent's as one line of JSON.

    Raises `ValueError` for what is no answer of this version.
    """
    schema = pa.schema(
        [(key, _kind(q, key)) for q in instrument.questions.values() for key in _keys(instrument, q)]
    )
    cell = _strings(cells).dictionary_encode()
    if not answers or not schema.names:
        return Part(instrument, pa.table({CELL: cell}))
    lines = "\n".join(answers).encode()
    table = arrow_json.read_json(
        io.BytesIO(lines),
        read_options=arrow_json.ReadOptions(block_size=max(1 << 20, 2 * max(map(len, answers)) * 4)),
        parse_options=arrow_json.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore"),
    )
    columns = {name: _encoded(table.column(name)) for name in table.column_names}
    return Part(instrument, pa.table({CELL: cell, **columns}))


def _strings(texts: Sequence[str]) -> pa.Array:
    """As `pyarrow.array` makes them, which would import pandas (half a second) to see whether it was given any."""
    builder = pa.lib.StringBuilder()
    builder.append_values(list(texts))
    return builder.finish()


def _kind(question: Question, key: str) -> pa.DataType:
    several = isinstance(question, Multiple | Rank) and key.partition("@")[0] == question.id
    return pa.list_(pa.string()) if several else pa.string()


def _keys(instrument: Instrument, question: Question) -> Iterable[str]:
    """The keys of a question; none for one on a repeated page, whose answers have no columns."""
    return answer_keys(question) if question.id in single_questions(instrument) else ()


def single_questions(instrument: Instrument) -> frozenset[str]:
    """The ids of the questions that are asked once: those outside repeated pages."""
    return frozenset(q.id for page in instrument.pages if page.repeat is None for q in page.asked)


def _encoded(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if not pa.types.is_list(column.type):
        return column.dictionary_encode()
    lists = column.combine_chunks()  # their texts are told apart once, here, and not whenever they are read
    given = pa.ListArray.from_arrays(lists.offsets, lists.values.dictionary_encode(), mask=lists.is_null())
    return pa.chunked_array([given])


# Arrow's own ways to numpy import pandas to see whether it is there, which takes half a second: buffers are read.


def _texts(array: pa.Array) -> Texts:
    if not pa.types.is_dictionary(array.type):
        array = array.dictionary_encode()
    indices = array.indices
    index = np.where(_given(indices), _numbers(indices, len(indices)), np.int32(-1))
    return Texts(tuple(array.dictionary.to_pylist()), index)


def _lists(array: pa.ListArray) -> Lists:
    flat = _texts(array.flatten())
    lengths = np.where(_given(array), np.diff(_numbers(array, len(array) + 1)), 0)
    return Lists(flat.texts, flat.index, np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]))


def _numbers(array: pa.Array, n: int) -> Index:
    """The 32-bit numbers of an array: its values, or where the lists begin."""
    return np.frombuffer(array.buffers()[1], dtype=np.int32)[array.offset : array.offset + n]


def _given(array: pa.Array) -> Mask:
    """Which are not null: one bit each, the lowest first."""
    if not array.null_count:
        return np.ones(len(array), dtype=np.bool_)
    bits = np.unpackbits(np.frombuffer(array.buffers()[0], dtype=np.uint8), bitorder="little")
    return bits[array.offset : array.offset + len(array)].astype(np.bool_)


# ── who was asked ────────────────────────────────────────────────────────────


class Asked:
    """Who was asked each question, row and option of a version, and the answers that count.

    Goes through the questionnaire as `instrument.route` does for one respondent: an answer to what was not asked
    is dropped, and opens no later question.
    """

    def __init__(self, part: Part) -> None:
        self.part = part
        self.answers: dict[str, Column] = {}
        self._of: dict[str, Mask] = {}
        everybody = np.ones(part.n, dtype=np.bool_)
        for section in part.instrument.sections:
            here = everybody & self._meet(section.show_if)
            for page in section.pages:
                if page.repeat is None:
                    shown = here & self._meet(page.show_if)
                    for question in page.asked:
                        self._ask(question, shown & self._meet(question.show_if))

    def of(self, key: str) -> Mask:
        """Who was asked a question, `question.row` or `question.code`."""
        return self._of[key]

    def _ask(self, question: Question, shown: Mask) -> None:
        parts = {entry.code: shown & self._meet(entry.show_if) for entry in _entries(question)}
        if question.conditional:
            shown = np.logical_or.reduce(list(parts.values()))
        self._of[question.id] = shown
        for code, mask in parts.items():
            self._of[f"{question.id}.{code}"] = mask
        for key in answer_keys(question):
            column = self.part.column(key)
            if column is not None:
                asked = self._of.get(key, shown)
                self.answers[key] = self._kept(question, key, column, asked)

    def _kept(self, question: Question, key: str, column: Column, asked: Mask) -> Column:
        if isinstance(column, Lists):
            if not question.conditional and asked.all() and question.offered.issuperset(column.texts):
                return column
            keep = asked[column.owners]
            for number, text in enumerate(column.texts):
                chosen = column.flat == number
                keep[chosen] &= self._offers(question, text)[column.owners[chosen]]
            return column.only(keep)
        index = np.where(asked, column.index, -1).astype(np.int32)
        if question.type == "single" and key == question.id:
            for number, text in enumerate(column.texts):
                index[(index == number) & ~self._offers(question, text)] = -1
        return Texts(column.texts, index)

    def _offers(self, question: Question, code: str) -> Mask:
        """To whom an option was shown: to nobody if the question does not have it."""
        if code not in question.offered:
            return np.zeros(self.part.n, dtype=np.bool_)
        return self._of[f"{question.id}.{code}"]

    def _meet(self, condition: Condition | None) -> Mask:
        return meeting(condition, self._test, self.part.n)

    def _test(self, condition: Condition) -> Mask:
        return tested(condition, self.answers.get(condition.question or ""), self.part.n)


def _entries(question: Question) -> Sequence[Option | Row]:
    match question:
        case Grid() | Allocation():
            return question.rows
        case Single() | Multiple() | Rank():
            return question.options
    return []


def meeting(condition: Condition | None, test: Callable[[Condition], Mask], n: int) -> Mask:
    """Who of n meets a condition, by the masks of its single tests."""
    if condition is None:
        return np.ones(n, dtype=np.bool_)
    if condition.question is not None:
        return test(condition)
    if condition.all_ is not None:
        return _all([meeting(part, test, n) for part in condition.all_])
    if condition.any_ is not None:
        return ~_all([~meeting(part, test, n) for part in condition.any_])
    return ~meeting(condition.not_, test, n)


def _all(masks: Sequence[Mask]) -> Mask:
    together = masks[0]
    for mask in masks[1:]:
        together = together & mask
    return together


def tested(condition: Condition, column: Column | None, n: int) -> Mask:
    """Who passes a single test of one column of answers, as `instrument.conditions.holds` says of one answer."""
    key = condition.question or ""
    if column is None:
        return np.full(n, holds(condition, {}), dtype=np.bool_)
    if isinstance(column, Texts):
        return column.where(lambda text: holds(condition, {key: text} if text else {}))
    if condition.includes is not None:
        return column.includes(condition.includes)
    if condition.answered is not None:
        return (column.lengths > 0) if condition.answered else (column.lengths == 0)
    return np.zeros(n, dtype=np.bool_)
