"""Microdata: which columns of a wave's answers go into a file, under which names and numbers, and if they may.

A row is one response. What outsiders know of an organisation (its stratum, what kind it is) is *identifying*: a
combination of identifying values that fewer than the minimum base share is refused, since the rest of such a row
would tell what few known bodies answered. The rows lie in the order of their content, so their order says nothing
and the same answers give the same file.
"""

import hashlib
import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from surveyapp.analysis.columns import single_questions
from surveyapp.analysis.dataset import GIVEN, MISSING, STRATUM, Amounts, Codes, Dataset, Variable
from surveyapp.analysis.derived import band_names
from surveyapp.analysis.disclosure.policy import PERSONS_HIDDEN
from surveyapp.documents import nearest
from surveyapp.instrument import Allocation, DateQuestion, Instrument, NumberQuestion, Question, Single
from surveyapp.instrument import OpenText as Open
from surveyapp.problems import Problem, Refused

MISSING_NUMBERS = (-9, -8, -7)
"""What stands for no reply, not asked and not in this version: that of -1 first."""

LONGEST_NAME = 64
"""Bytes of a variable's name in SPSS."""

TENTHS = 10
"""The shares of an allocation are rounded to so many parts of its total."""

_RESERVED = {"all", "and", "by", "eq", "ge", "gt", "le", "lt", "ne", "not", "or", "to", "with"}
_LARGEST_NUMBER = 2**31

Column = npt.NDArray[np.number[Any]]


@dataclass(frozen=True)
class Recipe:
    """What an analyst decided about a file.

    `leave_out` names questions, variables or strata. `bands` merges codes of a variable (`["csp", "other"]` is one
    group) or, for an amount, gives the lower bounds of its bands. `identifying` names the questions that describe
    the organisation; None means the single choices, dates and numbers of the first section. Carried strata
    always do.
    """

    leave_out: Sequence[str] = ()
    bands: Mapping[str, Sequence[Sequence[str]]] = field(default_factory=dict)
    identifying: Sequence[str] | None = None


@dataclass(frozen=True)
class Field:
    """One column of the file.

    `variable` is what it holds, `name` what it is called in the file. `numbers` are those of the codes in order,
    `missing` those of no reply, not asked, not in this version. `changed` says what was done to the values, "" if
    nothing.
    """

    name: str
    variable: Variable
    numbers: tuple[int, ...]
    missing: tuple[int, ...] = MISSING_NUMBERS
    changed: str = ""


@dataclass(frozen=True)
class Microdata:
    """A file's worth of responses that may leave.

    `places` holds an array of n per variable as a `Dataset` does, `amounts` those of amounts. `identifying` are
    the variables that were checked, `minimum` how many responses share each combination of them at the least,
    `left_out` the questions that have no column, each with why.
    """

    instrument: Instrument
    n: int
    fields: tuple[Field, ...]
    places: Mapping[str, Codes] = field(repr=False)
    amounts: Mapping[str, Amounts] = field(repr=False)
    identifying: tuple[str, ...]
    minimum: int
    left_out: Mapping[str, str]

    @cached_property
    def of_question(self) -> dict[str, list[Field]]:
        """The columns of each question that has any, in order."""
        found: dict[str, list[Field]] = {}
        for each in self.fields:
            found.setdefault(each.variable.question, []).append(each)
        return found

    def counts(self, column: Field) -> tuple[list[int], list[int]]:
        """How many responses have each code of a column, and each kind of missing."""
        size = len(column.variable.codes) + MISSING
        found = np.bincount(self.places[column.variable.name].astype(np.int64) + MISSING, minlength=size).tolist()
        return found[MISSING:], found[:MISSING][::-1]

    def numbered(self, column: Field) -> Column:
        """The column as numbers: of the code, or the amount; missing as its number."""
        places = self.places[column.variable.name]
        if column.variable.is_amount:
            missing = np.array([0, *reversed(column.missing)], dtype=np.float64)
            return np.where(places >= 0, self.amounts[column.variable.name], missing[np.minimum(places, 0)])
        numbers = np.array([*column.numbers, *reversed(column.missing)], dtype=np.int32)
        return numbers[places]


def microdata(data: Dataset, recipe: Recipe | None = None) -> Microdata:
    """The columns of a wave that may leave, as `recipe` has them. Raises `Refused` with every reason not to."""
    recipe = recipe or Recipe()
    problems = list(_unknown(data, recipe))
    if problems:
        raise Refused(problems, "the microdata")
    kept = _recoded(_without(data, recipe.leave_out), recipe.bands)
    identifying = _identifying(kept, recipe.identifying)
    minimum = least(data.instrument)
    kept, changed = _cut(kept, minimum)
    problems = [
        *_too_few(kept, minimum),
        *_amounts_at_risk(kept, minimum),
        *_combinations(kept, identifying, minimum),
    ]
    if problems:
        raise Refused(problems, "the microdata")
    changed |= dict.fromkeys(recipe.bands, "values are merged")
    return _in_order(kept, changed, identifying, minimum, _left_out(data, kept))


def signature(data: Microdata) -> str:
    """A hash of which columns there are and what was done to them; that of any format and any choice of values."""
    columns = [[c.variable.name, c.variable.codes, c.changed] for c in data.fields]
    return hashlib.sha256(json.dumps(columns).encode()).hexdigest()


def least(instrument: Instrument) -> int:
    """How many responses must share each combination of identifying values: as many as a table is printed on."""
    of_persons = PERSONS_HIDDEN + 1 if instrument.disclosure.policy == "persons" else 0
    return max(instrument.disclosure.minimum_base, of_persons)


# ── what the analyst asked for ───────────────────────────────────────────────


def _unknown(data: Dataset, recipe: Recipe) -> Iterator[Problem]:
    known = {*data.variables, *(v.question for v in data.variables.values())}
    for place, names in (
        ("columns left out", recipe.leave_out),
        ("identifying columns", recipe.identifying or ()),
    ):
        for name in names:
            if name not in known:
                yield Problem(place, f"there is no column {name[:60]!r}", nearest(name, known))
    for name, groups in recipe.bands.items():
        yield from _bad_bands(data, name, groups)


def _bad_bands(data: Dataset, name: str, groups: Sequence[Sequence[str]]) -> Iterator[Problem]:
    variable = data.variables.get(name)
    if variable is None:
        yield Problem("bands", f"there is no variable {name[:60]!r}", nearest(name, set(data.variables)))
    elif variable.is_amount:
        if _bounds(groups) is None:
            do = "write lower bounds from small to large, such as " + name + "=0,1000,5000"
            yield Problem("bands", f"the bounds for {name} are not rising numbers", do)
    else:
        codes = [code for group in groups for code in group]
        for code in codes:
            if code not in variable.codes:
                yield Problem("bands", f"{name} has no code {code[:60]!r}", nearest(code, set(variable.codes)))
        if len(codes) > len(set(codes)):
            yield Problem("bands", f"a code of {name} is in two groups", "name it once")


def _bounds(groups: Sequence[Sequence[str]]) -> tuple[float, ...] | None:
    try:
        bounds = tuple(float(bound) for group in groups for bound in group)
    except ValueError:
        return None
    rising = all(low < high for low, high in pairwise(bounds))
    return bounds if bounds and rising and all(map(np.isfinite, bounds)) else None


def _without(data: Dataset, names: Collection[str]) -> Dataset:
    kept = {name: v for name, v in data.variables.items() if not {name, v.question} & set(names)}
    return replace(data, variables=kept)


def _recoded(data: Dataset, bands: Mapping[str, Sequence[Sequence[str]]]) -> Dataset:
    for name, groups in bands.items():
        if name in data.variables:
            variable = data.variables[name]
            data = _banded(data, variable, groups) if variable.is_amount else _merged(data, variable, groups)
    return data


def _banded(data: Dataset, variable: Variable, groups: Sequence[Sequence[str]]) -> Dataset:
    bounds = _bounds(groups) or ()
    codes, labels = band_names(bounds)
    places, amounts = data.values[variable.name], data.amounts[variable.name]
    band = np.searchsorted(np.array(bounds), np.nan_to_num(amounts), side="right")
    values = np.where(places >= 0, band, places).astype(np.int16)
    left = {name: column for name, column in data.amounts.items() if name != variable.name}
    return replace(data, amounts=left).joined(replace(variable, codes=codes, labels=labels), values)


def _merged(data: Dataset, variable: Variable, groups: Sequence[Sequence[str]]) -> Dataset:
    """The codes of each group as the first of them, with all their labels."""
    first = {code: group[0] for group in groups for code in group}
    codes = tuple(code for code in variable.codes if first.get(code, code) == code)
    label = dict(zip(variable.codes, variable.labels, strict=True))
    merged = {group[0]: " or ".join(label[code] for code in variable.codes if code in group) for group in groups}
    new = replace(variable, codes=codes, labels=tuple(merged.get(code, label[code]) for code in codes))
    place_of = [codes.index(first.get(code, code)) for code in variable.codes]
    map_ = np.array([*place_of, -3, -2, -1], dtype=np.int16)
    return data.joined(new, map_[data.values[variable.name]])


def _identifying(data: Dataset, chosen: Sequence[str] | None) -> tuple[str, ...]:
    named = set(_describing(data.instrument) if chosen is None else chosen)
    strata = [v.name for v in data.variables.values() if v.kind == "stratum"]
    return (
        *strata,
        *(v.name for v in data.variables.values() if {v.name, v.question} & named and v.name not in strata),
    )


def _describing(instrument: Instrument) -> list[str]:
    """The questions of the first section with one answer: where questionnaires ask what kind of body answers."""
    first = [question for page in instrument.sections[0].pages for question in page.asked]
    return [question.id for question in first if isinstance(question, Single | DateQuestion | NumberQuestion)]


def _left_out(data: Dataset, kept: Dataset) -> dict[str, str]:
    """Questions and strata without a column, each with why."""
    once = single_questions(data.instrument)
    found = {question.id: _why(question, once) for question in data.instrument.questions.values()}
    found |= {v.question: "left out on purpose" for v in data.variables.values() if v.name not in kept.variables}
    return {name: why for name, why in found.items() if why}


def _why(question: Question, once: Collection[str]) -> str:
    if isinstance(question, Open):
        return "answers in own words, which may say who wrote them"
    return "" if question.id in once else "asked once for each thing in a list"


# ── amounts ──────────────────────────────────────────────────────────────────


def _cut(data: Dataset, minimum: int) -> tuple[Dataset, dict[str, str]]:
    """Amounts so that none stands out: the `minimum` largest all as the smallest of them, and likewise below."""
    amounts, changed = dict(data.amounts), {}
    for name, variable in data.variables.items():
        if not variable.is_amount:
            continue
        question = data.instrument.questions.get(variable.question)
        if isinstance(question, Allocation):
            part = question.total / TENTHS
            amounts[name] = np.floor(data.amounts[name] / part + 0.5) * part
            changed[name] = f"rounded to multiples of {part:g}"
        elif (limits := _limits(data, name, minimum)) is not None:
            amounts[name] = np.clip(data.amounts[name], *limits)
            changed[name] = "amounts under {:.15g} are given as that, amounts over {:.15g} as that".format(*limits)
    return replace(data, amounts={name: amounts[name] for name in amounts if name in data.variables}), changed


def _limits(data: Dataset, name: str, minimum: int) -> tuple[float, float] | None:
    given = np.sort(data.amounts[name][data.values[name] >= 0])
    return (float(given[minimum - 1]), float(given[-minimum])) if len(given) >= 2 * minimum else None


def _amounts_at_risk(data: Dataset, minimum: int) -> Iterator[Problem]:
    do = "leave {0} out, or give it bands such as {0}=0,1000,…"
    plain = [v for v in data.variables.values() if v.is_amount and v.kind != "allocation"]
    for variable in plain:
        if _limits(data, variable.name, minimum) is None:
            what = f"too few gave an amount to hide the largest and the smallest among {minimum}"
            yield Problem(variable.name, what, do.format(variable.name))
    exact = {v.name for v in plain}
    for check in (check for page in data.instrument.pages for check in page.checks):
        parts = [*check.sum, *([check.equals] if isinstance(check.equals, str) else [])]
        if check.equals is not None and exact.issuperset(parts):
            what = f"the questionnaire makes {', '.join(parts)} add up, so each can be worked out of the others"
            yield Problem(parts[-1], what, do.format(parts[-1]))


# ── who could be found ───────────────────────────────────────────────────────


def _too_few(data: Dataset, minimum: int) -> Iterator[Problem]:
    if not data.variables:
        yield Problem("columns left out", "no column is left", "leave fewer of them out")
    if data.n < minimum:
        yield Problem("the wave", f"it has fewer than {minimum} responses", "there is no remedy: print its tables")


def _combinations(data: Dataset, identifying: Sequence[str], minimum: int) -> Iterator[Problem]:
    rare = _rare(data, identifying, minimum)
    if not rare:
        return
    names = ", ".join(identifying)
    combos = "1 combination" if rare == 1 else f"{rare:,} combinations"
    what = f"{combos} of values ({names}) shared by fewer than {minimum} responses, who could be known by them"
    yield Problem("identifying columns", what, _remedy(data, identifying, minimum))


def _rare(data: Dataset, names: Sequence[str], minimum: int) -> int:
    """How many combinations of these columns fewer than the minimum share."""
    if not names:
        return 0
    columns = [_ranks(data.amounts[n] if n in data.amounts else data.values[n], data.values[n]) for n in names]
    together = columns[0]
    for column in columns[1:]:
        together = np.unique(together * (int(column.max()) + 1) + column, return_inverse=True)[1]
    return int((np.unique(together, return_counts=True)[1] < minimum).sum())


def _ranks(column: Column, places: Codes) -> npt.NDArray[np.int64]:
    """A column as numbers from 0: equal where its values are, each kind of missing a value of its own."""
    known = np.where(places >= 0, np.unique(column, return_inverse=True)[1] + MISSING, places + MISSING)
    return np.unique(known, return_inverse=True)[1].astype(np.int64)


def _remedy(data: Dataset, identifying: Sequence[str], minimum: int) -> str:
    enough = [name for name in identifying if not _rare(data, [n for n in identifying if n != name], minimum)]
    if enough:
        say = "either of them" if len(enough) == 2 else "any of them" if len(enough) > 2 else "that"
        return f"leave out {' or '.join(enough)}, {say} is enough, or merge values in bands"
    alone = [name for name in identifying if _rare(data, [name], minimum)]
    each = f"; by itself too rare is a value of {', '.join(alone)}" if alone else ""
    return f"leave more than one of them out, or merge values in bands such as VARIABLE=code+code{each}"


# ── the file's own order, names and numbers ──────────────────────────────────


def _in_order(
    data: Dataset, changed: Mapping[str, str], identifying: tuple[str, ...], minimum: int, left_out: dict[str, str]
) -> Microdata:
    order = _by_content(data)
    names = file_names(list(data.variables))
    places = {name: data.values[name][order] for name in data.variables}
    amounts = {name: data.amounts[name][order] for name in data.variables if name in data.amounts}
    fields = tuple(
        Field(names[name], v, numbers_of(v), _missing_of(amounts.get(name)), changed.get(name, ""))
        for name, v in data.variables.items()
    )
    return Microdata(data.instrument, data.n, fields, places, amounts, identifying, minimum, left_out)


def _by_content(data: Dataset) -> npt.NDArray[np.intp]:
    """Rows by what they hold, column after column: nothing of the order that they came in is left.

    Only columns of the file count, or the order would tell of those that were left out.
    """
    parts = [np.empty((data.n, 0), np.uint8)]
    for name in data.variables:
        parts.append(
            (data.values[name].astype(">i4") + 128).astype(">u4").view(np.uint8).reshape(data.n, 4)[:, 2:]
        )
        if name in data.amounts:
            amounts = _ranks(data.amounts[name], data.values[name])
            parts.append(amounts.astype(">u4").view(np.uint8).reshape(data.n, 4))
    matrix = np.ascontiguousarray(np.hstack(parts))
    if not matrix.shape[1]:
        return np.arange(data.n)
    return np.argsort(matrix.view(f"S{matrix.shape[1]}").ravel(), kind="stable")


def file_names(names: Sequence[str]) -> dict[str, str]:
    """What variables are called in a file: as ever, where SPSS takes that; else cut, cleaned or numbered.

    A letter first, then letters, digits, `_` and points, not at the end; at most 64 bytes; no reserved word; none
    twice, whatever the case. The stem before the point stays, so that the columns of a question stay together.
    """
    found: dict[str, str] = {}
    taken: set[str] = set()
    for name in names:
        plain = _plain_name(name)
        unique, number = plain, 1
        while unique.lower() in taken:
            number += 1
            end = f"_{number}"
            unique = plain[: LONGEST_NAME - len(end)] + end
        taken.add(unique.lower())
        found[name] = unique
    return found


def _plain_name(name: str) -> str:
    plain = re.sub(r"[^A-Za-z0-9_.]+", "_", name)[:LONGEST_NAME].rstrip("._")
    if not plain or not plain[0].isalpha():
        plain = f"v_{plain}"[:LONGEST_NAME].rstrip("._")
    return f"{plain}_v" if plain.lower() in _RESERVED else plain


def numbers_of(variable: Variable) -> tuple[int, ...]:
    """The number of each code: the code itself where all are whole numbers, else its place from 1."""
    codes = variable.codes
    if codes == GIVEN:
        return ()
    if all(c.isascii() and c.isdigit() and str(int(c)) == c and int(c) < _LARGEST_NUMBER for c in codes):
        return tuple(map(int, codes))
    return tuple(range(1, len(codes) + 1))


def _missing_of(amounts: Amounts | None) -> tuple[int, ...]:
    """-9, -8, -7; of an amount that reaches them, numbers of more nines well below it."""
    lowest = np.nanmin(amounts) if amounts is not None and not np.isnan(amounts).all() else 0.0
    base = 10
    while lowest <= 3 - base:
        base *= 10
    return (1 - base, 2 - base, 3 - base)


def is_stratum(column: Field) -> bool:
    """Whether a column came from the frame and not from the respondent."""
    return column.variable.name.startswith(STRATUM)
