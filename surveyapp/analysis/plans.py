"""Plans: files that say which tables make an appendix. Checked like instruments: every problem at once."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

from surveyapp.analysis.asking import Entry, Plan, variable
from surveyapp.analysis.dataset import STRATUM, tabulated
from surveyapp.analysis.derived import WAYS, Derived
from surveyapp.analysis.tabulation import MEASURES
from surveyapp.documents import nearest, pointer, read_document, read_model
from surveyapp.instrument import (
    Allocation,
    DateQuestion,
    Grid,
    Instrument,
    Multiple,
    NumberQuestion,
    Question,
    Rank,
    choices,
)
from surveyapp.instrument.checking import operand_faults
from surveyapp.instrument.conditions import single_tests
from surveyapp.instrument.model import Condition
from surveyapp.problems import Problem, Refused

__all__ = ["Entry", "Plan", "default_plan", "json_schema", "read_plan"]


def read_plan(
    content: bytes | str,
    instrument: Instrument,
    strata: Collection[str] | None = None,
    coded: Collection[str] | None = None,
) -> Plan:
    """The plan in a JSON document, fit for `instrument`. Raises `Refused` with every problem.

    `strata` are those that the wave carries (else those that the instrument declares), `coded` the open
    questions that have a codeframe; None where that is not known yet.
    """
    document = read_document(content)
    plan, problems = read_model(Plan, document)
    if plan is not None:
        known = instrument.disclosure.carry if strata is None else strata
        problems = [document.problem(*fault) for fault in _faults(plan, instrument, known, coded)]
    if plan is None or problems:
        raise Refused(sorted(problems, key=lambda p: p.line or 0))
    return plan


def default_plan(instrument: Instrument, coded: Collection[str] = ()) -> Plan:
    """Every closed question of an instrument in questionnaire order, then those of the coded open ones.

    Raises `Refused` if it has none.
    """
    closed = tabulated(instrument)
    if not closed and not coded:
        what = "there is no closed question"
        raise Refused([Problem("/sections", what, "open questions have tables once they are coded")])
    entries = [Entry(id=str(i), question=question.id) for i, question in enumerate(closed, 1)]
    entries += [Entry(id=str(i), coded=name) for i, name in enumerate(coded, len(closed) + 1)]
    return Plan(survey=instrument.survey, title=instrument.title, tables=entries)


def json_schema() -> dict[str, Any]:
    """The JSON Schema of a plan, for editors: the contents of `exports/schema.json`."""
    schema = Plan.model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "surveyapp plan"}


Fault = tuple[str, str, str]


def _faults(
    plan: Plan, instrument: Instrument, strata: Collection[str], coded: Collection[str] | None
) -> Iterator[Fault]:
    if plan.survey != instrument.survey:
        what = f'the plan is for "{plan.survey}", the wave fields "{instrument.survey}"'
        yield "/survey", what, "use a plan of the same survey"
        return
    yield from _Checking(plan, instrument, strata, coded).faults()


class _Checking:
    """One plan beside the instrument: what it names must be there and fit."""

    def __init__(
        self, plan: Plan, instrument: Instrument, strata: Collection[str], coded: Collection[str] | None
    ) -> None:
        self.plan = plan
        self.questions = instrument.questions
        self.tabulated = {question.id for question in tabulated(instrument)}
        self.strata = list(strata)
        self.coded = coded
        self.derived: dict[str, Derived] = {}

    def faults(self) -> Iterator[Fault]:
        yield from self._weights()
        for i, declared in enumerate(self.plan.derive):
            yield from self._derived(f"/derive/{i}", declared)
            self.derived[declared.id] = declared
        yield from self._condition("/where", self.plan.where)
        seen: set[str] = set()
        for i, entry in enumerate(self.plan.tables):
            if entry.id.lower() in seen:
                yield f"/tables/{i}/id", f'the table id "{entry.id}" is used twice', "give each table its own"
            seen.add(entry.id.lower())
            yield from self._entry(f"/tables/{i}", entry)

    # ── weights and derived variables ──

    def _weights(self) -> Iterator[Fault]:
        weights = self.plan.weights
        if weights is None:
            return
        if len(weights.methods) != 1:
            do = 'write one of them, such as {"poststratify": ["region"]}, or leave "weights" out'
            yield "/weights", "weights need one of stratify, poststratify and rake", do
        for method, names in weights.methods.items():
            for i, name in enumerate(names):
                if name not in self.strata:
                    what = f'answers do not carry the stratum "{name}"'
                    yield f"/weights/{method}/{i}", what, nearest(name, self.strata)
        if weights.trim and not 0 < weights.trim[0] < 1 < weights.trim[1]:
            yield "/weights/trim", "the limits do not lie around 1", "write them as [0.3, 3]"

    def _derived(self, at: str, declared: Derived) -> Iterator[Fault]:
        taken = declared.id in self.questions or declared.id in self.derived or declared.id in self.strata
        if taken:
            yield f"{at}/id", f'there is already a variable "{declared.id}"', "give it another id"
        if len(declared.ways) != 1:
            yield at, "it does not say in one way how it is made", f"give one of {', '.join(WAYS)}"
            return
        way = declared.ways[0]
        yield from self._condition(f"{at}/when", declared.when)
        for i, source in enumerate(declared.sources):
            place = f"{at}/{way}/{i}" if way in {"count", "score"} else f"{at}/{way}"
            yield from self._source(place, source, amount=way == "band")
        yield from self._parts(at, way, declared)

    def _source(self, at: str, name: str, amount: bool) -> Iterator[Fault]:
        if not self._is_variable(name):
            yield at, f'there is no variable "{name}"', nearest(name, self._variables())
        elif self._is_amount(name) is not amount:
            what = f'"{name}" is {"a number" if not amount else "not a number"}'
            yield at, what, "name a number without bands" if amount else "name a variable with codes"

    def _parts(self, at: str, way: str, declared: Derived) -> Iterator[Fault]:
        """Codes and bounds of a derived variable."""
        known = {code for source in declared.sources for code in self._codes(source)}
        wanted = {
            "recode": [(f"/into/{i}/of/{j}", c) for i, x in enumerate(declared.into) for j, c in enumerate(x.of)],
            "count": [(f"/of/{i}", code) for i, code in enumerate(declared.of)],
            "score": [(f"/values{pointer(code)}", code) for code in declared.values],
        }.get(way, [])
        for place, code in wanted:
            if known and code not in known:
                yield f"{at}{place}", f'no variable that it is made of has a code "{code}"', nearest(code, known)
        twice = {code for _, code in wanted if [c for _, c in wanted].count(code) > 1}
        if way == "recode" and twice:
            yield f"{at}/into", f'the code "{min(twice)}" stands in two places', "give it one"
        missing = {"recode": not declared.into, "band": not declared.at, "count": not declared.of}
        missing["score"] = not declared.values
        if missing.get(way):
            key = {"recode": "into", "band": "at", "count": "of", "score": "values"}[way]
            yield at, f'"{way}" needs "{key}"', f'write "{key}"'
        yield from _rising(f"{at}/at", declared.at)

    # ── variables ──

    def _question_of(self, name: str) -> tuple[Question | None, str]:
        question, _, rest = name.partition(".")
        return self.questions.get(question), rest

    def _is_variable(self, name: str) -> bool:
        if name in self.derived or variable(name, self.strata) in self._full_strata():
            return True
        question, rest = self._question_of(name)
        if question is None or question.id not in self.tabulated:
            return False
        return rest in _parts_of(question) if rest else not _parts_of(question)

    def _full_strata(self) -> set[str]:
        return {f"{STRATUM}{name}" for name in self.strata}

    def _variables(self) -> set[str]:
        asked = [self.questions[name] for name in self.tabulated]
        parts = {f"{q.id}.{part}" for q in asked for part in _parts_of(q)}
        return {*(q.id for q in asked if not _parts_of(q)), *parts, *self.derived, *self.strata}

    def _is_amount(self, name: str) -> bool:
        if name in self.derived:
            return self.derived[name].is_amount
        question, _ = self._question_of(name)
        return isinstance(question, Allocation) or (isinstance(question, NumberQuestion) and not question.bands)

    def _codes(self, name: str) -> list[str]:
        """The codes of a variable, as far as they are known before there are answers."""
        if name in self.derived:
            declared = self.derived[name]
            return [into.code for into in declared.into] or (
                [] if declared.is_amount or declared.band else ["1", "0"]
            )
        question, rest = self._question_of(name)
        if isinstance(question, Multiple) and rest:
            return ["0", "1"]
        if isinstance(question, NumberQuestion):
            return [*(["under"] if question.bands else []), *(str(bound) for bound in question.bands or [])]
        if isinstance(question, Rank):
            return [*(str(i) for i in range(1, (question.top or len(question.options)) + 1)), "unplaced"]
        return [option.code for option in choices(question)] if question is not None else []

    # ── conditions ──

    def _condition(self, at: str, condition: Condition | None) -> Iterator[Fault]:
        for place, test in single_tests(condition, at):
            name = test.question or ""
            question, rest = self._question_of(name)
            if not name or len(test.operators) < 2:
                yield (
                    place,
                    "a condition needs one question and one test of it",
                    'write {"question": "q", "is": "code"}',
                )
            elif variable(name, self.strata) in self._full_strata() or name in self.derived:
                yield from self._simple_test(place, test, name)
            elif question is None or question.id not in self.tabulated:
                known = {*self.tabulated, *self.derived, *self.strata}
                yield f"{place}/question", f'there is no question or stratum "{name}"', nearest(name, known)
            else:
                yield from operand_faults(place, test, question, rest)

    def _simple_test(self, at: str, test: Condition, name: str) -> Iterator[Fault]:
        operators = {op for op in test.operators if op != "question"}
        fit = {"at_least", "at_most", "answered"} if self._is_amount(name) else {"is", "in", "answered"}
        if not operators <= fit:
            yield at, f'"{min(operators - fit)}" does not fit "{name}"', f"use {' or '.join(sorted(fit))}"

    # ── entries ──

    def _entry(self, at: str, entry: Entry) -> Iterator[Fault]:
        if (entry.question is None) == (entry.coded is None):
            yield at, 'a table is of a "question" or of an open one that is "coded"', "give one of the two"
            return
        if entry.coded is not None:
            yield from self._coded(at, entry, entry.coded)
            return
        name = entry.question or ""
        question, row = self._question_of(name)
        if variable(name, self.strata) in self._full_strata():
            what = f'"{name}" is a stratum, and how many answered of each stands in the sheet of the response'
            yield f"{at}/question", what, 'put it in columns: "by"'
            return
        if name not in self.derived:
            found = list(self._question(f"{at}/question", question, name, row))
            if found:
                yield from found
                return
        whole = None if row or name in self.derived else question
        yield from self._of_kind(at, entry, whole, name)

    def _question(self, at: str, question: Question | None, name: str, row: str) -> Iterator[Fault]:
        if question is None:
            first = name.partition(".")[0]
            yield at, f'there is no question "{first}"', nearest(first, {*self.questions, *self.derived})
        elif question.id not in self.tabulated:
            on_repeated = not isinstance(question, DateQuestion) and question.type != "text"
            what = "on a repeated page" if on_repeated else "an open question"
            do = (
                "tables are of questions that are asked once"
                if on_repeated
                else 'code it, and ask for it by "coded"'
            )
            yield at, f'"{question.id}" is {what}', do
        elif row and row not in _parts_of(question):
            yield at, f'"{question.id}" has no row "{row}"', nearest(row, list(_parts_of(question)))

    def _of_kind(self, at: str, entry: Entry, whole: Question | None, name: str) -> Iterator[Fault]:
        yield from self._condition(f"{at}/where", entry.where)
        yield from self._compared(at, entry, whole, name)
        yield from self._banner(at, entry, whole)
        yield from self._codes_named(at, entry, whole, name)
        yield from self._rows_named(at, entry, whole, name)
        yield from _option_faults(at, entry, whole, self._is_amount(name))

    def _compared(self, at: str, entry: Entry, whole: Question | None, name: str) -> Iterator[Fault]:
        """Tables that compare waves or audiences have one figure a row."""
        if not entry.waves and not entry.audiences:
            return
        key = "waves" if entry.waves else "audiences"
        if entry.waves and entry.audiences:
            yield f"{at}/audiences", "a table compares waves or audiences, not both", "make two tables"
        if self._question_of(name)[0] is None:
            what = f'"{name}" is no question that another wave asks'
            yield f"{at}/{key}", what, "name a question or question.row"
        for other in ("by", "transpose", "at_least", "top"):
            if getattr(entry, other):
                yield f"{at}/{other}", f'"{other}" does not go with "{key}"', "leave it out"
        if isinstance(whole, Grid) and (len(entry.nets) != 1 or entry.show != "nets"):
            what = "a grid that is compared shows one figure a row"
            do = f'give one net and "show": "nets", or name one row: "{whole.id}.{whole.rows[0].code}"'
            yield f"{at}/{key}", what, do

    def _banner(self, at: str, entry: Entry, whole: Question | None) -> Iterator[Fault]:
        for i, one in enumerate(entry.by):
            names = [one] if isinstance(one, str) else one
            for j, name in enumerate(names):
                place = f"{at}/by/{i}" if isinstance(one, str) else f"{at}/by/{i}/{j}"
                yield from self._heading(place, name, nested=len(names) > 1)
        if entry.by and isinstance(whole, Grid) and len(entry.nets) != 1 and not entry.score:
            what = "a grid with a banner shows one figure a row"
            yield f"{at}/by", what, f'give one net, or a score, or name one row: "{whole.id}.{whole.rows[0].code}"'

    def _heading(self, at: str, name: str, nested: bool) -> Iterator[Fault]:
        question, row = self._question_of(name)
        if isinstance(question, Multiple) and not row and question.id in self.tabulated:
            if nested:
                yield at, f'"{name}" takes several answers and cannot be nested', "put it beside the others"
        elif not self._is_variable(name):
            yield at, f'there is no variable "{name}" to put in columns', nearest(name, self._variables())
        elif self._is_amount(name):
            yield at, f'"{name}" is a number', 'derive a variable with "band", and use that'

    def _codes_named(self, at: str, entry: Entry, whole: Question | None, name: str) -> Iterator[Fault]:
        """Nets, scores and codes left out. A net over several audiences may name codes of the others."""
        known = [o.code for o in choices(whole)] if isinstance(whole, Multiple) else self._codes(name)
        if isinstance(whole, Grid):
            known = [option.code for option in whole.scale]
        if entry.bands:
            known = ["under", *(f"{bound:g}" for bound in entry.bands)]
        named = [(f"/nets{pointer(label)}", f'the net "{label}"', codes) for label, codes in entry.nets.items()]
        for place, who, codes in [*named, ("/exclude", "it", entry.exclude)]:
            for i, code in enumerate(codes):
                if code not in known and not (entry.audiences and place.startswith("/nets")):
                    yield f"{at}{place}/{i}", f'"{name}" has no code "{code}"', nearest(code, known)
            if len(set(codes)) < len(codes):
                yield f"{at}{place}", f"{who} names a code twice", "name each once"
        for code in entry.score or {}:
            if code not in known:
                yield f"{at}/score{pointer(code)}", f'"{name}" has no code "{code}"', nearest(code, known)

    def _rows_named(self, at: str, entry: Entry, whole: Question | None, name: str) -> Iterator[Fault]:
        known: Sequence[str] = list(_parts_of(whole)) if isinstance(whole, Grid | Allocation | Rank) else []
        if not known and not self._is_amount(name):
            codes = [o.code for o in choices(whole)] if whole is not None and choices(whole) else self._codes(name)
            known = [*([] if entry.show == "nets" else codes), *entry.nets]
        elif not known and not entry.bands:
            known = [name.partition(".")[2]] if self._question_of(name)[1] else list(MEASURES)
        for i, code in enumerate(entry.rows or []):
            if known and code not in known:
                yield f"{at}/rows/{i}", f'the table has no row "{code}"', nearest(code, list(known))

    def _coded(self, at: str, entry: Entry, name: str) -> Iterator[Fault]:
        if self.coded is not None and name not in self.coded:
            what = f'answers to "{name}" are not coded: the wave has no codeframe for it'
            yield f"{at}/coded", what, nearest(name, set(self.coded)) or "put a codeframe on the wave first"
        given = ("by", "where", "score", "exclude", "bands", "waves", "audiences", "transpose")
        for key in given:
            if getattr(entry, key):
                yield f"{at}/{key}", f'"{key}" does not go with coded answers', "leave it out"
        if entry.at_least is not None and entry.sort != "descending":
            yield _unsorted(at)


def _parts_of(question: Question | None) -> Mapping[str, str]:
    """The rows or options that have a variable each, by code; none for a question that is one variable itself."""
    if isinstance(question, Grid | Allocation):
        return {row.code: str(row.label) for row in question.rows}
    if isinstance(question, Multiple | Rank):
        return {option.code: str(option.label) for option in question.options}
    return {}


def _rising(at: str, bounds: Sequence[float]) -> Iterator[Fault]:
    if list(bounds) != sorted(set(bounds)):
        yield at, "the bounds do not rise", "write each once, the lowest first"


def _unsorted(at: str) -> Fault:
    return f"{at}/at_least", "rows are cut at a threshold but not sorted", 'write "sort": "descending"'


Rule = tuple[str, Callable[[Entry, Question | None, bool], bool], str, str]

_RULES: tuple[Rule, ...] = (
    (
        "show",
        lambda e, _q, _n: e.show == "nets" and not e.nets,
        "there are no nets to show",
        'give "nets", or leave "show" out',
    ),
    (
        "net_rounding",
        lambda e, q, _n: e.net_rounding == "sum_of_rounded" and isinstance(q, Multiple),
        "percentages of a multiple cannot be added up",
        "leave it out",
    ),
    (
        "at_least",
        lambda e, _q, _n: e.at_least is not None and e.rows is not None,
        "rows are picked by name and by threshold",
        'leave "rows" or "at_least" out',
    ),
    (
        "at_least",
        lambda e, _q, _n: e.at_least is not None and e.rows is None and e.sort != "descending",
        "rows are cut at a threshold but not sorted",
        'write "sort": "descending"',
    ),
    (
        "top",
        lambda e, _q, _n: e.top is not None and e.sort != "descending",
        "the first rows are kept but they are not sorted",
        'write "sort": "descending"',
    ),
    (
        "top",
        lambda e, q, _n: e.top is not None and isinstance(q, Grid | Allocation | Rank),
        "rows of this kind of question cannot be put together",
        'leave it out, or pick "rows"',
    ),
    (
        "percent_of",
        lambda e, _q, _n: e.percent_of != "column" and not e.by,
        "row and total percentages need a banner",
        'give "by", or leave it out',
    ),
    (
        "per",
        lambda e, q, _n: e.per == "answers" and not isinstance(q, Multiple),
        "only a multiple can be counted per answer",
        "leave it out",
    ),
    (
        "transpose",
        lambda e, q, _n: e.transpose and (not isinstance(q, Grid) or bool(e.by)),
        "only a grid without a banner can be turned",
        "leave it out",
    ),
    (
        "score",
        lambda e, q, n: bool(e.score) and (isinstance(q, Multiple | Rank) or n),
        "codes of this kind of question have no scores",
        "leave it out",
    ),
    (
        "bands",
        lambda e, _q, n: bool(e.bands) and not n,
        "only a number without bands of its own can be cut",
        "leave it out",
    ),
    (
        "nets",
        lambda e, _q, n: bool(e.nets) and n and not e.bands,
        "a number has no codes to put together",
        'leave it out, or give "bands"',
    ),
    ("total", lambda e, _q, _n: not e.total and not e.by, "only a banner has a column of everybody", 'give "by"'),
    ("tests", lambda e, _q, _n: e.tests and not e.by, "tests are between columns of a banner", 'give "by"'),
    (
        "base",
        lambda e, _q, n: e.base is not None and e.base != "answered" and n,
        "a mean is of those who answered",
        "leave it out",
    ),
    (
        "base",
        lambda e, _q, _n: e.base == "complete",
        '"complete" is the base of coded answers',
        "use responded, asked or answered",
    ),
)


def _option_faults(at: str, entry: Entry, whole: Question | None, amount: bool) -> Iterator[Fault]:
    """What is asked for and does not go together."""
    for key, wrong, what, do in _RULES:
        if wrong(entry, whole, amount):
            yield f"{at}/{key}", what, do
    yield from _rising(f"{at}/bands", entry.bands)
