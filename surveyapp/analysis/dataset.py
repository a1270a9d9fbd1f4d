"""Responses as columns: one small integer array a variable, with three kinds of missing kept apart.

A *variable* is what one column of data holds. `single` gives one of its name, a `grid` or `allocation` one a row
(`engagement_now.police`), a `multiple` one 0/1 variable an option (`recommissioning.done_2y`), a `rank` the place
of each option, a `date` its year, a `number` its band or, without bands, its amount. A carried stratum is the
variable `unit.region`.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from decimal import Decimal
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

from surveyapp.analysis.columns import CELL, Asked, Lists, Mask, Part, Texts, meeting, read_part, single_questions
from surveyapp.analysis.columns import Column as Answered
from surveyapp.analysis.grouping import (
    NOTHING,
    Amount,
    Arrays,
    AtLeast,
    Coded,
    Counts,
    Groups,
    Tally,
    Wanted,
    found_in,
    tallied,
)
from surveyapp.analysis.tables import NO_ANSWER, UNASKED, Slice
from surveyapp.frames import taken_apart
from surveyapp.instrument import (
    CURRENCIES,
    Allocation,
    Answers,
    DateQuestion,
    Grid,
    Instrument,
    Multiple,
    NumberQuestion,
    OpenText,
    Option,
    Question,
    Rank,
    Single,
    holds,
)
from surveyapp.instrument.conditions import single_tests
from surveyapp.instrument.model import Condition

if TYPE_CHECKING:
    import pandas as pd

NO_REPLY, NOT_ASKED, NOT_IN_VERSION = -1, -2, -3
"""Asked and left blank; routed past; not in the version that was answered. Answers count from 0."""

MISSING_KINDS = ("no reply", "not asked", "not in this version")
"""The kinds of missing in words: that of -1 first."""

MISSING = len(MISSING_KINDS)

Codes = npt.NDArray[np.integer[Any]]
Amounts = npt.NDArray[np.float64]

STRATUM = "unit."
"""What the name of a stratum's variable begins with."""


@dataclass(frozen=True)
class Variable:
    """What one column holds: its name, the question it belongs to, its label, and code and label of each value.

    `kind` is the question's type, stratum or derived. An amount has the single code "given".
    """

    name: str
    question: str
    label: str
    codes: tuple[str, ...]
    labels: tuple[str, ...]
    kind: str = "single"

    @property
    def is_amount(self) -> bool:
        """Whether it holds amounts rather than codes."""
        return self.codes == GIVEN


GIVEN = ("given",)


@dataclass(frozen=True)
class Row:
    """One released response as it comes in: the version answered, the stratum cell, the answers."""

    version: str
    cell: str
    answers: Answers = field(repr=False)


@dataclass(frozen=True)
class Dataset:
    """The responses of one wave.

    `values` holds an integer array of n per variable: 0… for its codes in order, negative for missing.
    `amounts` holds those of the variables that are amounts, NaN for missing. Order of rows means nothing.
    `instrument` is the version whose questions are reported. `cell` points into `cells`, the crossed strata
    carried; -1 where the cell was withheld.

    Of a wave that stays with an engine, tables get the responses put together (see `large`): then each row stands
    for as many as `times` says, `values` has what was asked for, `tallies` what was counted, and an amount that
    was only compared is the largest bound that it reaches.
    """

    instrument: Instrument
    n: int
    variables: Mapping[str, Variable]
    values: Mapping[str, Codes] = field(repr=False)
    amounts: Mapping[str, Amounts] = field(default_factory=dict, repr=False)
    cells: tuple[str, ...] = ()
    cell: npt.NDArray[np.int32] = field(default_factory=lambda: np.empty(0, np.int32), repr=False)
    times: Counts | None = field(default=None, repr=False)
    tallies: Mapping[Tally, Codes] = field(default_factory=dict, repr=False)

    def of_question(self, question: str) -> list[Variable]:
        """The variables of a question, in order."""
        return self._by_question.get(question, [])

    @cached_property
    def _by_question(self) -> dict[str, list[Variable]]:
        found: dict[str, list[Variable]] = {}
        for variable in self.variables.values():
            found.setdefault(variable.question, []).append(variable)
        return found

    @cached_property
    def completeness(self) -> Counter[tuple[int, int]]:
        """How many responses have so many closed items answered of so many applicable. A `multiple` is one."""
        items = completeness_of(self)
        if not items[0].of:
            return Counter({(0, 0): self.n})
        (found,) = Arrays(self.values).grouped([items])
        return counted_pairs(found)

    @property
    def cell_sizes(self) -> dict[str, int]:
        """Responses in each cell; those whose cell was withheld under ""."""
        sizes = np.bincount(self.cell + 1, minlength=len(self.cells) + 1).tolist()
        return {name: n for name, n in zip(("", *self.cells), sizes, strict=True) if n}

    def rows(self, wanted: Wanted) -> "Dataset":  # noqa: ARG002 (in memory there is always all of it)
        """The responses as far as `wanted` goes, for counting: here these themselves."""
        return self

    def foresee(self, several: Iterable[Wanted]) -> None:
        """What `rows` will be asked for soon: nothing to prepare in memory."""

    def adding(self, name: str, wanted: Wanted, make: Callable[["Dataset"], "Dataset"]) -> "Dataset":  # noqa: ARG002
        """The same with one more variable, as `make` adds it to whatever knows `wanted`."""
        return make(self)

    def meeting(self, condition: Condition | None) -> Mask:
        """Who meets a condition on answers or strata. Raises `KeyError` for an unknown variable."""
        return meeting(condition, self._test, self.n)

    def _test(self, condition: Condition) -> Mask:
        name = condition.question or ""
        if name in self.variables:
            variable = self.variables[name]
            if variable.is_amount:
                return self._test_amount(condition, name)
            return Texts(variable.codes, np.maximum(self.values[name], -1).astype(np.int32)).where(
                lambda code: holds(condition, {name: code} if code else {})
            )
        return self._test_several(condition, name)

    def _test_amount(self, condition: Condition, name: str) -> Mask:
        given = self.values[name] >= 0
        if condition.answered is not None:
            return given if condition.answered else ~given
        low, high = condition.at_least, condition.at_most
        above = self.amounts[name] >= float(low) if low is not None else given
        below = self.amounts[name] <= float(high) if high is not None else given
        return given & above & below

    def _test_several(self, condition: Condition, name: str) -> Mask:
        """A test of a whole `multiple`, grid, rank or allocation."""
        variables = self._by_question[name]
        if condition.answered is not None:
            given = self.tally(given_of(variables)) > 0
            return given if condition.answered else ~given
        if condition.includes is not None and f"{name}.{condition.includes}" in self.variables:
            values = self.values[f"{name}.{condition.includes}"]
            ranked = variables[0].kind == "rank"
            return (values >= 0) & (values < len(variables[0].codes) - 1) if ranked else values == 1
        return np.zeros(self.n, dtype=np.bool_)

    def members(self, who: Slice) -> Mask:
        """Those whom a slice names. Raises `KeyError` for a variable that is not here."""
        mask = np.ones(self.n, dtype=np.bool_)
        for name, codes in who:
            mask &= self._has(name, codes)
        return mask

    def _has(self, name: str, codes: frozenset[str]) -> Mask:
        if name.startswith("if "):
            meeting_it = self.meeting(Condition.model_validate_json(name[3:]))
            return meeting_it if "1" in codes else ~meeting_it
        several = name.split("+")
        variable = self.variables[several[0]]
        values = self.ticked(several) if len(several) > 1 else self.values[name]
        wanted = [place for place, code in enumerate(variable.codes) if code in codes]
        wanted += [NO_REPLY] * (NO_ANSWER in codes) + [NOT_ASKED, NOT_IN_VERSION] * (UNASKED in codes)
        return found_in(values, wanted)

    def size(self, who: Slice) -> int:
        """How many a slice names."""
        return self.count(self.members(who))

    def both(self, one: Slice, other: Slice) -> tuple[Mask, Mask]:
        """Whom each of two slices names, among the same rows: enough to see whether one is within the other."""
        return self.members(one), self.members(other)

    def count(self, mask: Mask) -> int:
        """How many responses these rows are."""
        return int(np.count_nonzero(mask)) if self.times is None else int(self.times[mask].sum())

    def tally(self, tally: Tally) -> Codes:
        """A `Tally` of each row."""
        return self.tallies[tally] if tally in self.tallies else tallied(self.values, tally.of)

    def ticked(self, names: Sequence[str]) -> Codes:
        """Several options of a multiple as one 0/1 variable: whether any of them was ticked."""
        first = self.values[names[0]]
        return np.where(first >= 0, self.tally(ticks_of(names)) > 0, first).astype(np.int8)

    def to_pandas(self, missing: bool = False) -> "pd.DataFrame":
        """A frame of n rows: a categorical column of codes a variable, or its amounts as floats.

        Missing is NaN; with `missing` it is one of the categories of `MISSING_KINDS`, behind the codes (amounts
        keep NaN). `attrs["variables"]` has the metadata of each column.
        """
        import pandas as pd

        def column(variable: Variable) -> "pd.Categorical[str] | Amounts":
            if variable.name in self.amounts:
                return self.amounts[variable.name]
            values, codes = self.values[variable.name].astype(np.int64), [*variable.codes]
            if missing:
                values, codes = np.where(values < 0, len(codes) - 1 - values, values), [*codes, *MISSING_KINDS]
            return pd.Categorical.from_codes(np.maximum(values, -1), pd.Index(codes))

        frame = pd.DataFrame({name: column(variable) for name, variable in self.variables.items()})
        frame.attrs["variables"] = {name: asdict(variable) for name, variable in self.variables.items()}
        return frame

    def joined(self, variable: Variable, values: Codes, amounts: Amounts | None = None) -> "Dataset":
        """The same with one more variable."""
        more = {**self.amounts, variable.name: amounts} if amounts is not None else self.amounts
        return replace(
            self,
            variables={**self.variables, variable.name: variable},
            values={**self.values, variable.name: values},
            amounts=more,
        )


def stacked(waves: Mapping[str, Dataset], missing: bool = False) -> "pd.DataFrame":
    """The responses of several waves one under the other, the wave in the first column.

    A variable that a wave does not have is "not in this version" there. Variables are matched by name, and codes
    by code; whether they mean the same is for `instrument diff` to say.
    """
    import pandas as pd

    frames = {name: data.to_pandas(missing) for name, data in waves.items()}
    columns = list(dict.fromkeys(column for frame in frames.values() for column in frame.columns))
    known = {name: variable for data in waves.values() for name, variable in data.variables.items()}
    whole = {}
    for column in columns:
        parts = [_part_of(frame, column, known[column].is_amount, missing) for frame in frames.values()]
        if not known[column].is_amount:
            categories = list(dict.fromkeys(c for part in parts for c in part.cat.categories))
            ordered = [c for c in categories if c not in MISSING_KINDS] + [
                c for c in MISSING_KINDS if c in categories
            ]
            parts = [part.cat.set_categories(ordered) for part in parts]
        whole[column] = pd.concat(parts, ignore_index=True)
    wave = np.repeat(list(waves), [data.n for data in waves.values()])
    made = pd.DataFrame({"wave": pd.Categorical(wave, categories=list(waves)), **whole})
    made.attrs["variables"] = {name: asdict(variable) for name, variable in known.items()}
    return made


def _part_of(frame: "pd.DataFrame", column: str, amount: bool, missing: bool) -> "pd.Series[Any]":
    import pandas as pd

    if column in frame.columns:
        return frame[column]
    if amount:
        return pd.Series(np.full(len(frame), np.nan))
    absent = pd.Categorical.from_codes(np.full(len(frame), 0 if missing else -1), pd.Index([MISSING_KINDS[2]]))
    return pd.Series(absent if missing else absent.remove_categories(MISSING_KINDS[2]))


def slice_of(condition: Condition | None) -> Slice:
    """A condition as a slice: tests of one code by their variable, anything else under its own JSON."""
    if condition is None:
        return frozenset()
    if condition.all_ is not None:
        return frozenset().union(*(slice_of(part) for part in condition.all_))
    if condition.question is not None and condition.is_ is not None:
        return frozenset({(condition.question, frozenset({condition.is_}))})
    if condition.question is not None and condition.in_ is not None:
        return frozenset({(condition.question, frozenset(condition.in_))})
    if condition.question is not None and condition.includes is not None:
        return frozenset({(f"{condition.question}.{condition.includes}", frozenset({"1"}))})
    words = json.dumps(condition.model_dump(by_alias=True, exclude_none=True), default=float)
    return frozenset({(f"if {words}", frozenset({"1"}))})


# ── what is wanted of the responses ──────────────────────────────────────────


class Described(Protocol):
    """What is known of a wave without looking at any response."""

    @property
    def variables(self) -> Mapping[str, Variable]:
        """The variables by name."""
        ...

    def of_question(self, question: str) -> list[Variable]:
        """The variables of a question, in order."""
        ...


def wanted_by(condition: Condition | None, data: Described) -> Wanted:
    """What must be known to say who meets a condition."""
    return NOTHING.union(*(_wanted_by_test(test, data) for _, test in single_tests(condition, "")))


def _wanted_by_test(test: Condition, data: Described) -> Wanted:
    name = test.question or ""
    variable = data.variables.get(name)
    if variable is None:
        if test.answered is not None:
            return frozenset({given_of(data.of_question(name))})
        option = f"{name}.{test.includes}"
        return frozenset({Coded(option)}) if option in data.variables else NOTHING
    if not variable.is_amount:
        return frozenset({Coded(name)})
    low = [float(test.at_least)] if test.at_least is not None else []
    above = [float(np.nextafter(float(test.at_most), np.inf))] if test.at_most is not None else []
    return cut(name, [*low, *above])


def cut(name: str, bounds: Sequence[float]) -> Wanted:
    """What must be known of an amount that is only compared with these bounds."""
    return frozenset({Coded(name), *(AtLeast(name, float(bound)) for bound in bounds)})


def whole(name: str) -> Wanted:
    """What must be known of an amount that is summed up."""
    return frozenset({Coded(name), Amount(name)})


def wanted_by_slice(who: Slice, data: Described) -> Wanted:
    """What must be known to say whom a slice names."""
    found = NOTHING
    for name, _ in who:
        several = name.split("+")
        if name.startswith("if "):
            found |= wanted_by(Condition.model_validate_json(name[3:]), data)
        else:
            found |= ticks_wanted(several) if len(several) > 1 else {Coded(name)}
    return found


def ticks_wanted(names: Sequence[str]) -> Wanted:
    """What must be known to say whether any of several options was ticked."""
    return frozenset({Coded(names[0]), ticks_of(names)})


def ticks_of(names: Sequence[str]) -> Tally:
    """How many of several options were ticked."""
    return Tally(tuple((name, (1,)) for name in names))


def given_of(variables: Sequence[Variable], least: int = 0) -> Tally:
    """How many of these variables have an answer; from `least` NO_REPLY on, how many were asked."""
    return Tally(tuple((v.name, tuple(range(least, len(v.codes)))) for v in variables))


def completeness_of(data: Described) -> tuple[Tally, Tally]:
    """Closed items answered and applicable: the first option stands for its whole `multiple`."""
    firsts: dict[str, Variable] = {}
    for variable in data.variables.values():
        if variable.kind not in {"stratum", "derived"}:
            together = variable.kind in {"multiple", "rank"}
            firsts.setdefault(variable.question if together else variable.name, variable)
    items = list(firsts.values())
    return given_of(items), given_of(items, NO_REPLY)


def counted_pairs(found: Groups) -> Counter[tuple[int, int]]:
    """How often each pair of numbers occurs."""
    pairs = zip(*(column.tolist() for column in found.columns), strict=True)
    return Counter({(one, other): n for (one, other), n in zip(pairs, found.times.tolist(), strict=True)})


# ── from answers ─────────────────────────────────────────────────────────────


def dataset(instrument: Instrument, versions: Mapping[str, Instrument], rows: Iterable[Row]) -> Dataset:
    """The columns of a few `rows`, for the closed questions of `instrument`.

    `versions` holds the instrument of each version that was answered: its routing says what was asked. Raises
    `KeyError` for a version that is not among them.
    """
    by_version: dict[str, list[Row]] = {}
    for row in rows:
        by_version.setdefault(row.version, []).append(row)
    parts = [
        read_part(versions[version], [row.cell for row in some], [json.dumps(dict(row.answers)) for row in some])
        for version, some in by_version.items()
    ]
    return assemble(instrument, parts)


def assemble(instrument: Instrument, parts: Sequence[Part], carry: Sequence[str] = ()) -> Dataset:
    """The columns of all parts, one a version, for the closed questions of `instrument`.

    `carry` names the strata that the cells cross; without it the cells have no variables of their own.
    """
    asked = [Asked(part) for part in parts]
    variables: dict[str, Variable] = {}
    values: dict[str, Codes] = {}
    amounts: dict[str, Amounts] = {}
    for question in tabulated(instrument):
        for variable in _variables(question, asked):
            variables[variable.name] = variable
            values[variable.name] = _joined([_values(question, variable, each) for each in asked])
            if variable.is_amount:
                amounts[variable.name] = np.concatenate([_amounts(variable, each) for each in asked] or [_NONE])
    names, cell = _cells(parts)
    whole = Dataset(instrument, sum(part.n for part in parts), variables, values, amounts, names, cell)
    return _with_strata(whole, carry)


_NONE: Amounts = np.empty(0, np.float64)


def tabulated(instrument: Instrument) -> list[Question]:
    """The closed questions that have columns: all but open ones, outside repeated pages."""
    once = single_questions(instrument)
    return [q for q in instrument.questions.values() if q.id in once and not isinstance(q, OpenText)]


def _joined(columns: Sequence[npt.NDArray[np.int16]]) -> Codes:
    """All parts one under the other, in single bytes where the codes fit."""
    whole = np.concatenate(columns) if columns else np.empty(0, np.int16)
    return whole.astype(np.int8) if not len(whole) or whole.max() < 127 else whole


def _cells(parts: Sequence[Part]) -> tuple[tuple[str, ...], npt.NDArray[np.int32]]:
    columns = [column for part in parts if isinstance(column := part.column(CELL), Texts)]
    names = tuple(sorted({text for column in columns for text in column.texts} - {""}))
    places = {name: i for i, name in enumerate(names)}
    index = [column.coded(places, -1) for column in columns]
    return names, np.concatenate(index).astype(np.int32) if index else np.empty(0, np.int32)


def _with_strata(data: Dataset, carry: Sequence[str]) -> Dataset:
    for variable, of_cell in strata_of(data.cells, carry):
        data = data.joined(variable, of_cell[data.cell])
    return data


def strata_of(cells: Sequence[str], carry: Sequence[str]) -> Iterator[tuple[Variable, npt.NDArray[np.int16]]]:
    """The variable of each carried stratum, with its code in each cell and, last, where the cell was withheld.

    Cells that cannot be taken apart again give one variable, crossed.
    """
    apart = [values for cell in cells if (values := taken_apart(cell, len(carry)))]
    if carry and len(apart) < len(cells):
        carry, apart = (" / ".join(carry),), [(cell,) for cell in cells]
    for place, name in enumerate(carry):
        codes = tuple(sorted({values[place] for values in apart}))
        of_cell = np.array([*(codes.index(values[place]) for values in apart), NO_REPLY], dtype=np.int16)
        label = name.replace("_", " ").capitalize()
        yield Variable(f"{STRATUM}{name}", f"{STRATUM}{name}", label, codes, codes, "stratum"), of_cell


# ── the variables of a question ──────────────────────────────────────────────


def _variables(question: Question, asked: Sequence[Asked]) -> list[Variable]:
    kind, text = question.type, str(question.text)
    match question:
        case Single():
            return [Variable(question.id, question.id, text, *_coded(question.options), kind)]
        case Grid():
            scale = _coded(question.scale)
            return [_part(question, row.code, row.label, *scale) for row in question.rows]
        case Multiple():
            yes_no = (("0", "1"), ("Not selected", "Selected"))
            return [_part(question, option.code, option.label, *yes_no) for option in question.options]
        case Rank():
            places = _places(question)
            return [_part(question, option.code, option.label, *places) for option in question.options]
        case Allocation():
            return [_part(question, row.code, row.label, GIVEN, ("Given",)) for row in question.rows]
        case NumberQuestion():
            return [Variable(question.id, question.id, text, *_bands(question), kind)]
        case DateQuestion():
            years = tuple(sorted({text[:4] for each in asked for text in _given(question.id, each)}))
            return [Variable(question.id, question.id, text, years, years, kind)]
    return []


def _part(question: Question, code: str, label: str, codes: tuple[str, ...], labels: tuple[str, ...]) -> Variable:
    return Variable(f"{question.id}.{code}", question.id, str(label), codes, labels, question.type)


def _coded(options: Sequence[Option]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    return tuple(option.code for option in options), tuple(str(option.label) for option in options)


def _places(question: Rank) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Places from the first; what was left without a place comes last."""
    most = min(question.top or len(question.options), len(question.options))
    codes = tuple(str(place) for place in range(1, most + 1))
    return (*codes, "unplaced"), (*(f"Place {code}" for code in codes), "Not ranked")


def _bands(question: NumberQuestion) -> tuple[tuple[str, ...], tuple[str, ...]]:
    if not question.bands:
        return GIVEN, ("Given",)
    codes = tuple(str(bound) for bound in question.bands)
    printed = [_amount(question, bound) for bound in question.bands]
    labels = [f"{low} to under {high}" for low, high in pairwise(printed)] + [f"{printed[-1]} or more"]
    if question.min is not None and question.min >= question.bands[0]:
        return codes, tuple(labels)
    return ("under", *codes), (f"Under {printed[0]}", *labels)


def _amount(question: NumberQuestion, number: Decimal) -> str:
    return f"{CURRENCIES.get(str(question.unit or ''), '')}{number:,f}"


def _given(key: str, asked: Asked) -> Iterator[str]:
    column = asked.answers.get(key)
    if isinstance(column, Texts):
        yield from (column.texts[i] for i in np.unique(column.index[column.index >= 0]))


def _values(question: Question, variable: Variable, asked: Asked) -> npt.NDArray[np.int16]:
    blanks = _blanks(variable, asked)
    if isinstance(question, Multiple | Rank):
        return _several(question, variable, asked.answers.get(question.id), blanks)
    column = asked.answers.get(variable.name)
    if not isinstance(column, Texts):
        return blanks
    codes = {code: place for place, code in enumerate(variable.codes)}
    if variable.is_amount:
        codes = {text: 0 for text in column.texts if _is_number(text)}
    elif variable.kind == "date":
        codes = {text: codes[text[:4]] for text in column.texts if text[:4] in codes}
    coded = column.coded(codes, NO_REPLY)
    return np.where((coded >= 0) & (blanks >= NO_REPLY), coded, blanks)


def _several(
    question: Question, variable: Variable, column: Answered | None, blanks: npt.NDArray[np.int16]
) -> npt.NDArray[np.int16]:
    if not isinstance(column, Lists):
        return blanks
    code = variable.name.removeprefix(f"{question.id}.")
    chosen: npt.NDArray[np.int16]
    if isinstance(question, Rank):
        places = column.places(code)
        unplaced = len(variable.codes) - 1
        chosen = np.where(places >= 0, np.minimum(places, unplaced), unplaced).astype(np.int16)
    else:
        chosen = column.includes(code).astype(np.int16)
    return np.where((column.lengths > 0) & (blanks >= NO_REPLY), chosen, blanks)


def _blanks(variable: Variable, asked: Asked) -> npt.NDArray[np.int16]:
    """What a blank of each respondent of a part means for one variable."""
    try:
        mask = asked.of(variable.name)
    except KeyError:
        known = variable.question in asked.part.instrument.questions
        return np.full(asked.part.n, NOT_ASKED if known else NOT_IN_VERSION, dtype=np.int16)
    return np.where(mask, np.int16(NO_REPLY), np.int16(NOT_ASKED))


def _amounts(variable: Variable, asked: Asked) -> Amounts:
    column = asked.answers.get(variable.name)
    if not isinstance(column, Texts):
        return np.full(asked.part.n, np.nan)
    numbers = [float(text) if _is_number(text) else np.nan for text in column.texts]
    return np.array([*numbers, np.nan])[column.index]


def _is_number(text: str) -> bool:
    try:
        return bool(np.isfinite(float(text)))
    except ValueError:
        return False
