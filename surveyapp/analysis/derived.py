"""Variables made of others, declared in a plan: recodes, bands, counts, scores, yes-or-no of a condition."""

from collections.abc import Mapping, Sequence
from functools import partial
from itertools import pairwise
from typing import Annotated

import numpy as np
from pydantic import Field

from surveyapp.analysis.columns import Mask
from surveyapp.analysis.dataset import (
    GIVEN,
    NO_REPLY,
    Amounts,
    Codes,
    Dataset,
    Variable,
    cut,
    given_of,
    wanted_by,
)
from surveyapp.analysis.grouping import Coded, Tally, Wanted
from surveyapp.analysis.large import Responses
from surveyapp.instrument.conditions import renamed
from surveyapp.instrument.model import Code, Condition, Id, Part, Text

YES_NO = (("1", "0"), ("Yes", "No"))


class Into(Part):
    """One value of a recode: the codes that become it."""

    code: Code
    label: Text
    of: Annotated[list[str], Field(min_length=1)]


class Derived(Part):
    """A variable made of others: exactly one of recode, band, count, score, when, top says how.

    A recode or band has no reply where its source has none; a count where none of its sources was answered; a
    score is the mean of those of its sources that have one.
    """

    id: Id
    label: Text
    recode: str | None = Field(None, description="A variable whose codes are put together.")
    into: list[Into] = Field(default_factory=list)
    band: str | None = Field(None, description="A number that is cut into bands.")
    at: list[float] = Field(default_factory=list, description="Lower bounds of the bands.")
    count: list[str] | None = Field(None, description="Variables of which those with a code in `of` are counted.")
    of: list[str] = Field(default_factory=list)
    score: list[str] | None = Field(None, description="Variables whose codes have `values`; their mean is taken.")
    values: dict[str, float] = Field(default_factory=dict)
    when: Condition | None = Field(None, description="Yes where this holds.")
    top: str | None = Field(None, description="A variable: yes for the first `most` points of its scale.")
    most: Annotated[int, Field(ge=1, le=10)] = 2

    @property
    def sources(self) -> list[str]:
        """The variables that it is made of, those of a condition apart."""
        single = [name for name in (self.recode, self.band, self.top) if name is not None]
        return [*single, *(self.count or []), *(self.score or [])]

    @property
    def ways(self) -> list[str]:
        """How it is made: one of these, if the plan is right."""
        return [way for way in WAYS if getattr(self, way) is not None]

    @property
    def is_amount(self) -> bool:
        """Whether it holds amounts rather than codes."""
        return self.count is not None or self.score is not None


WAYS = ("recode", "band", "count", "score", "when", "top")


def renamed_variable(declared: Derived, names: Mapping[str, str]) -> Derived:
    """The same variable under another name, made of others by their new names."""

    def new(name: str | None) -> str | None:
        return names.get(name, name) if name is not None else None

    def every(many: list[str] | None) -> list[str] | None:
        return [names.get(name, name) for name in many] if many is not None else None

    changes = {name: new(getattr(declared, name)) for name in ("id", "recode", "band", "top")}
    several = {name: every(getattr(declared, name)) for name in ("count", "score")}
    return declared.model_copy(update={**changes, **several, "when": renamed(declared.when, names)})


def with_derived(data: Responses, declared: Sequence[Derived]) -> Responses:
    """The same responses with the declared variables, in order: a later one may be made of an earlier one."""
    for each in declared:
        data = data.adding(each.id, _wanted(each, data), partial(_made, declared=each))
    return data


def _wanted(declared: Derived, data: Responses) -> Wanted:
    """What must be known of the responses to make a variable."""
    if declared.band is not None:
        return cut(declared.band, declared.at)
    if declared.count is not None:
        return frozenset(_tallies_of_count(declared, declared.count, data.variables))
    if declared.score is not None:
        return frozenset(_tallies_of_score(declared, declared.score, data.variables).values())
    return wanted_by(declared.when, data) | frozenset(map(Coded, declared.sources))


def _made(data: Dataset, declared: Derived) -> Dataset:
    if declared.count is not None:
        return _counted(data, declared, declared.count)
    if declared.score is not None:
        return _scored(data, declared, declared.score)
    if declared.band is not None:
        return _banded(data, declared, declared.band)
    if declared.when is not None:
        return data.joined(_variable(declared, *YES_NO), _yes_no(data.meeting(declared.when)))
    if declared.top is not None:
        values = data.values[declared.top]
        yes = np.where(values >= 0, (values >= declared.most).astype(np.int8), values).astype(np.int8)
        return data.joined(_variable(declared, *YES_NO), yes)
    return _recoded(data, declared, declared.recode or "")


def _variable(declared: Derived, codes: tuple[str, ...], labels: tuple[str, ...]) -> Variable:
    return Variable(declared.id, declared.id, str(declared.label), codes, labels, "derived")


def _yes_no(mask: Mask) -> Codes:
    """Yes is the first code."""
    return np.where(mask, np.int8(0), np.int8(1))


def _recoded(data: Dataset, declared: Derived, source: str) -> Dataset:
    variable, values = data.variables[source], data.values[source]
    place = {code: number for number, into in enumerate(declared.into) for code in into.of}
    mapped = np.array([place.get(code, NO_REPLY) for code in variable.codes] or [NO_REPLY], dtype=np.int8)
    new = np.where(values >= 0, mapped[np.maximum(values, 0)], values).astype(np.int8)
    codes = tuple(into.code for into in declared.into)
    return data.joined(_variable(declared, codes, tuple(str(into.label) for into in declared.into)), new)


def _banded(data: Dataset, declared: Derived, source: str) -> Dataset:
    values = data.values[source]
    places = np.digitize(np.nan_to_num(data.amounts[source]), declared.at)
    codes, labels = band_names(declared.at)
    return data.joined(_variable(declared, codes, labels), np.where(values >= 0, places, values).astype(np.int8))


def band_names(bounds: list[float] | tuple[float, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Codes and labels of the bands that begin at these bounds, the one under the first before them."""
    printed = [f"{bound:,g}" if bound < 1e6 else f"{bound:,.0f}" for bound in bounds]
    between = [f"{low} to under {high}" for low, high in pairwise(printed)]
    labels = (f"Under {printed[0]}", *between, f"{printed[-1]} or more")
    return ("under", *(f"{bound:g}" for bound in bounds)), labels


def _counted(data: Dataset, declared: Derived, sources: list[str]) -> Dataset:
    total, answered = (data.tally(each) for each in _tallies_of_count(declared, sources, data.variables))
    return _with_amounts(data, declared, np.where(answered > 0, total, np.nan))


def _tallies_of_count(
    declared: Derived, sources: Sequence[str], variables: Mapping[str, Variable]
) -> tuple[Tally, Tally]:
    """How many of the sources have a code that counts, and how many have any."""
    wanted = [
        (name, tuple(p for p, code in enumerate(variables[name].codes) if code in declared.of)) for name in sources
    ]
    return Tally(tuple(wanted)), given_of([variables[name] for name in sources])


def _scored(data: Dataset, declared: Derived, sources: list[str]) -> Dataset:
    total, number = np.zeros(data.n), np.zeros(data.n)
    for score, tally in _tallies_of_score(declared, sources, data.variables).items():
        times = data.tally(tally)
        total += score * times
        number += times
    return _with_amounts(data, declared, np.divide(total, number, out=np.full(data.n, np.nan), where=number > 0))


def _tallies_of_score(
    declared: Derived, sources: Sequence[str], variables: Mapping[str, Variable]
) -> dict[float, Tally]:
    """Of each score, the smallest first, how many of the sources have it."""
    found = {}
    for score in sorted(set(declared.values.values())):
        with_it = {code for code, value in declared.values.items() if value == score}
        of = [
            (name, tuple(p for p, code in enumerate(variables[name].codes) if code in with_it)) for name in sources
        ]
        found[score] = Tally(tuple(of))
    return found


def _with_amounts(data: Dataset, declared: Derived, amounts: Amounts) -> Dataset:
    values = np.where(np.isnan(amounts), np.int8(NO_REPLY), np.int8(0)).astype(np.int8)
    return data.joined(_variable(declared, GIVEN, ("Given",)), values, amounts)
