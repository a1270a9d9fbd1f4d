"""Answers that say the same: a recoded answer and those it is made of, not being asked and what led past.

Readers know these rules: they stand in the questionnaire and under the tables. So disclosure control must know
them too.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from surveyapp.analysis.dataset import slice_of, wanted_by_slice
from surveyapp.analysis.derived import YES_NO, Derived
from surveyapp.analysis.disclosure.figures import TOGETHER
from surveyapp.analysis.disclosure.linking import Codes, Same
from surveyapp.analysis.large import Responses
from surveyapp.analysis.tables import NO_ANSWER, UNASKED, Slice
from surveyapp.instrument.model import Condition

Pair = tuple[tuple[str, str], tuple[str, Codes]]


def equivalences(declared: Sequence[Derived], data: Responses) -> Same:
    """For a variable and a code of it, the variable and codes that name the same respondents.

    `declared` are the derived variables of a plan, `data` has them. What does not hold in the data, as where an
    earlier version asked others, is left out.
    """
    pairs = [pair for each in declared for pair in _of_derived(each, data)] + list(_of_routing(data))
    slices = [(_slice_of(key, data), frozenset({other})) for key, other in pairs]
    data.foresee(wanted_by_slice(one | two, data) for one, two in slices)
    hold = [bool(np.array_equal(*data.both(one, two))) for one, two in slices]
    return {key: other for (key, other), holds in zip(pairs, hold, strict=True) if holds}


def _slice_of(key: tuple[str, str], data: Responses) -> Slice:
    name, code = key
    if name not in data.variables:
        name = data.of_question(name)[0].name
    return frozenset({(name, frozenset({code}))})


def _of_derived(declared: Derived, data: Responses) -> Iterator[Pair]:
    if declared.recode is not None:
        yield from _of_recode(declared, declared.recode, data)
    elif declared.top is not None:
        codes = data.variables[declared.top].codes
        yield (declared.id, YES_NO[0][0]), (declared.top, frozenset(codes[: declared.most]))
        yield (declared.id, YES_NO[0][1]), (declared.top, frozenset(codes[declared.most :]))
    elif declared.when is not None and (test := _plain(declared.when, data)) is not None:
        name, codes_of = test
        yield (declared.id, YES_NO[0][0]), test
        yield (declared.id, YES_NO[0][1]), (name, _others(name, codes_of, data))


def _of_recode(declared: Derived, source: str, data: Responses) -> Iterator[Pair]:
    for into in declared.into:
        yield (declared.id, into.code), (source, frozenset(into.of))
    used = {code for into in declared.into for code in into.of}
    left = frozenset(data.variables[source].codes) - used
    yield (declared.id, NO_ANSWER), (source, left | {NO_ANSWER})
    yield (declared.id, UNASKED), (source, frozenset({UNASKED}))


def _of_routing(data: Responses) -> Iterator[Pair]:
    """Questions that one answer leads to: who is not asked gave another, or none."""
    for section in data.instrument.sections:
        for page in section.pages:
            for item in page.asked:
                conditions = [c for c in (section.show_if, page.show_if, item.show_if) if c is not None]
                test = _plain(conditions[0], data) if len(conditions) == 1 else None
                if test is not None:
                    name, codes = test
                    others = (name, _others(name, codes, data))
                    together = item.type in TOGETHER and data.of_question(item.id)
                    names = [item.id] if together else [v.name for v in data.of_question(item.id)]
                    yield from (((of, UNASKED), others) for of in names)


def _plain(condition: Condition, data: Responses) -> tuple[str, Codes] | None:
    """A condition on the codes of one variable; None if it is any other."""
    if condition.is_ is None and condition.in_ is None and condition.includes is None:
        return None
    tests = list(slice_of(condition))
    return tests[0] if len(tests) == 1 and tests[0][0] in data.variables else None


def _others(name: str, codes: Codes, data: Responses) -> Codes:
    return frozenset({*data.variables[name].codes, NO_ANSWER, UNASKED}) - codes
