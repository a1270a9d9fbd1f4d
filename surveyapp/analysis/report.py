"""A report: the protected tables of a plan, with the facts of the wave that stand beside them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from surveyapp.analysis.asking import Entry, Plan, variable
from surveyapp.analysis.banner import Population
from surveyapp.analysis.dataset import STRATUM
from surveyapp.analysis.derived import Derived, renamed_variable, with_derived
from surveyapp.analysis.disclosure import ledger
from surveyapp.analysis.disclosure.equivalences import equivalences
from surveyapp.analysis.disclosure.ledger import LedgerEntry
from surveyapp.analysis.disclosure.protection import Policy, ProtectedTable, Release, protect, together
from surveyapp.analysis.estimation.weights import Design, weigh
from surveyapp.analysis.large import Responses
from surveyapp.analysis.tables import Slice, Table
from surveyapp.analysis.tabulation import Layout, Tabulator
from surveyapp.analysis.themes.coded import theme_table
from surveyapp.analysis.themes.codeframes import Codeframe
from surveyapp.analysis.themes.coding import ThemeColumns
from surveyapp.analysis.trends import Seen, same_question, side_by_side, trend
from surveyapp.documents import nearest
from surveyapp.instrument import Allocation, Grid, Instrument, Question, choices
from surveyapp.instrument.conditions import single_tests
from surveyapp.instrument.model import Condition
from surveyapp.problems import Problem, Refused, SurveyError
from surveyapp.rates import Fieldwork, sorted_by_completeness


@dataclass(frozen=True)
class WaveFacts:
    """What is printed about the fieldwork: never more than counts.

    `cells` gives the units of the frame in each carried stratum cell, `version_hash` the content hash of the
    questionnaire, `note` a statement that every output of this wave carries.
    """

    wave: str
    listed: bool
    opened_on: str
    closed_on: str | None
    carry: tuple[str, ...]
    cells: dict[str, int]
    issued: int
    version_hash: str
    note: str = ""

    @property
    def population(self) -> Population:
        """Whom the answers stand for; nobody known in a wave open to anyone."""
        return Population(sum(self.cells.values()), self.issued, self.cells) if self.listed else Population()


@dataclass(frozen=True)
class Entered:
    """What a report prints of a wave, for its ledger; `checked` names the releases that it was checked against."""

    wave: str
    entries: tuple[LedgerEntry, ...]
    checked: frozenset[str] = frozenset()
    derived: tuple[Derived, ...] = ()


@dataclass(frozen=True)
class Report:
    """All that an appendix needs: exports take nothing else.

    `response` counts the organisations that were asked; None for a wave open to anyone. `design` says how the
    answers stand for the frame, None where no table has weights or margins. `codeframes` are those of tables of
    themes, by table; `entered` is what it prints of its own wave, and then of those that it compares with.
    """

    title: str
    style: str
    unit: str
    instrument: Instrument
    facts: WaveFacts
    responses: int
    response: Fieldwork | None
    notes: tuple[str, ...]
    tables: tuple[ProtectedTable, ...]
    design: Design | None = None
    level: float = 0.95
    codeframes: Mapping[str, Codeframe] = field(default_factory=dict)
    entered: tuple[Entered, ...] = ()


@dataclass(frozen=True)
class Published:
    """What an earlier release of a wave printed: its entries for the ledger, and the variables it derived."""

    name: str
    derived: tuple[Derived, ...]
    entries: tuple[LedgerEntry, ...]


@dataclass(frozen=True)
class Source:
    """A wave to compare with: its answers, the facts of its fieldwork, and what was published of it."""

    data: Responses
    facts: WaveFacts
    published: Sequence[Published] = ()


def compile_report(
    plan: Plan,
    data: Responses,
    facts: WaveFacts,
    response: Fieldwork | None = None,
    themes: Mapping[str, ThemeColumns] | None = None,
    others: Mapping[str, Source] | None = None,
    earlier: Sequence[Published] = (),
) -> Report:
    """Every table of `plan`, all protected together, with the response as `rates` has it.

    `themes` are the coded answers by question, `others` the waves that tables compare with, `earlier` what was
    published of this wave. Raises `Refused` where the answers cannot be weighted as asked, a wave cannot be
    compared with, or a difference of two tables would give somebody away.
    """
    plan = _spelt_out(plan, data)
    maker = _Maker(plan, Source(data, facts), themes or {})
    release = maker.protected(maker.tables(plan.tables), _policy(plan, data))
    entered = _entered(release, str(plan.title), maker, earlier)
    elsewhere = _elsewhere(plan, maker, others or {})
    return Report(
        title=str(plan.title),
        style=plan.style,
        unit=str(plan.unit),
        instrument=data.instrument,
        facts=facts,
        responses=data.n,
        response=response,
        notes=tuple(str(note) for note in plan.notes),
        tables=_compared(plan, maker, release.tables, elsewhere),
        design=maker.design,
        level=plan.level,
        codeframes={entry.id: maker.themes[entry.coded].codeframe for entry in plan.tables if entry.coded},
        entered=(entered, *(each.entered for each in elsewhere.values())),
    )


def _spelt_out(plan: Plan, data: Responses) -> Plan:
    """The plan with the full names of strata in what it derives."""
    strata = {name.removeprefix(STRATUM): name for name in data.variables if name.startswith(STRATUM)}
    return plan.model_copy(update={"derive": [renamed_variable(each, strata) for each in plan.derive]})


def _entered(release: Release, name: str, maker: "_Maker", earlier: Sequence[Published]) -> Entered:
    """What a release prints of a wave, checked against itself and what was published of the wave before.

    Raises `Refused` where groups of this release, or of it and an earlier one, differ by one or two.
    """
    entries = ledger.entries(release, name, maker.facts.wave, maker.data)
    problems = _differences(entries, earlier, maker.data)
    if problems:
        raise Refused(problems)
    checked = frozenset(each.name for each in earlier)
    return Entered(maker.facts.wave, tuple(entries), checked, tuple(maker.plan.derive))


def _differences(entered: Sequence[LedgerEntry], earlier: Sequence[Published], data: Responses) -> list[Problem]:
    old: list[LedgerEntry] = []
    for number, published in enumerate(earlier):
        names = {each.id: f"{each.id}@{number}" for each in published.derived}
        data = with_derived(data, [renamed_variable(each, names) for each in published.derived])
        old += [replace(entry, who=_renamed(entry.who, names)) for entry in published.entries]
    return ledger.check(entered, old, data)


def _renamed(who: Slice, names: Mapping[str, str]) -> Slice:
    return frozenset((names.get(name, name), codes) for name, codes in who)


def _policy(plan: Plan, data: Responses) -> Policy:
    settings = data.instrument.disclosure
    sensitive = frozenset(e.subject.partition(".")[0] for e in plan.tables if e.sensitive)
    return Policy(settings.policy, settings.minimum_base, sensitive=sensitive)


class _Maker:
    """Makes the tables of one plan for one wave, not yet protected."""

    def __init__(self, plan: Plan, source: Source, themes: Mapping[str, ThemeColumns]) -> None:
        self.plan = plan
        self.facts = source.facts
        self.data = with_derived(source.data, plan.derive)
        self.themes = themes
        self.design = self._settled_design()
        self.tabulator = Tabulator(self.data, self.design, self._population())
        self.strata = [name.removeprefix(STRATUM) for name in self.data.variables if name.startswith(STRATUM)]

    def tables(self, entries: Sequence[Entry]) -> list[Table]:
        """Some tables, for which everything is counted at once."""
        self.tabulator.foresee(self._layout(entry) for entry in entries if entry.coded is None)
        return [self._table(entry) for entry in entries]

    def _table(self, entry: Entry) -> Table:
        """One table with its notes."""
        made = self._coded(entry) if entry.coded is not None else self._asked(entry)
        return replace(made, notes=tuple(str(note) for note in entry.notes))

    def protected(self, tables: Sequence[Table], policy: Policy) -> Release:
        """These tables, protected together."""
        return protect(tables, policy, self.data, same=equivalences(self.plan.derive, self.data))

    def _settled_design(self) -> Design | None:
        """How the answers stand for the frame; None if the plan asks for no weight and no margin."""
        plan, sizes = self.plan, self.data.cell_sizes
        if plan.weights is None and not plan.margins and not any(_needs_design(entry) for entry in plan.tables):
            return None
        known = self.facts.cells if self.facts.listed else None
        settled = partial(
            weigh, list(sizes), known, self.facts.carry, population=plan.population, times=list(sizes.values())
        )
        if plan.weights is None:
            return settled()
        (method, variables), *_ = plan.weights.methods.items()
        limits = plan.weights.trim
        return settled(method, variables, trim=(limits[0], limits[1]) if limits else None)

    def _population(self) -> Population:
        if self.plan.population is not None:
            return Population(self.plan.population, None, self.facts.cells)
        return self.facts.population

    def _asked(self, entry: Entry) -> Table:
        name, layout = self._layout(entry)
        question = self.data.instrument.questions.get((entry.question or "").partition(".")[0])
        label = question.text if question is not None else self.data.variables[name].label
        return self.tabulator.table(name, entry.id, str(entry.title or label), layout)

    def _layout(self, entry: Entry) -> tuple[str, Layout]:
        """The variable of a table, and how the table is arranged."""
        if entry.audiences:
            known = _known_codes(entry, self.data.instrument, self.data.instrument)
            entry = entry.model_copy(update={"nets": _nets_of(entry, known)})
        layout = self.plan.layout(entry, self.strata)
        if entry.waves or entry.audiences:
            layout = replace(layout, margins=True)
        return variable(entry.question or "", self.strata), layout

    def _coded(self, entry: Entry) -> Table:
        columns = self.themes[entry.coded or ""]
        complete = sorted_by_completeness(self.data.completeness)["complete"]
        return theme_table(columns, entry, complete)


def _needs_design(entry: Entry) -> bool:
    return bool(entry.margins or entry.tests or entry.waves or entry.audiences)


# ── other waves ──────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class _Elsewhere:
    """Another wave with its tables by entry, None for what it did not ask; what must be said of its weights.

    `entered` is what is printed of it.
    """

    source: Source
    tables: Mapping[str, ProtectedTable | None]
    notes: tuple[str, ...]
    entered: Entered


def _elsewhere(plan: Plan, maker: _Maker, others: Mapping[str, Source]) -> dict[str, _Elsewhere]:
    """The waves that a plan compares with, by name."""
    comparing = [entry for entry in plan.tables if _compares(entry)]
    _check_nets(comparing, maker, others)
    asked = dict.fromkeys(name for entry in comparing for name in _compares(entry))
    return {name: _of_wave(plan, others[name], comparing, maker) for name in asked}


def _compares(entry: Entry) -> list[str]:
    """The waves that a table compares with."""
    return [*(entry.waves or []), *(entry.audiences or [])]


def _compared(
    plan: Plan, maker: _Maker, own: Sequence[ProtectedTable], elsewhere: Mapping[str, _Elsewhere]
) -> tuple[ProtectedTable, ...]:
    """The tables of a plan, with the columns of other waves in those that compare."""
    made = []
    for entry, protected in zip(plan.tables, own, strict=True):
        found = [elsewhere[name] for name in _compares(entry)]
        if not found:
            made.append(protected)
            continue
        variable, instrument = entry.question or "", maker.data.instrument
        seen = [_seen(each, variable, instrument, entry.id) for each in found]
        seen.append(Seen(maker.facts.wave, instrument, variable, protected.table))
        put = trend if entry.waves else side_by_side
        parts = [part for each in found if (part := each.tables[entry.id])]
        made.append(together([*parts, protected], put(seen, protected.table)))
    return tuple(made)


def _seen(each: _Elsewhere, variable: str, instrument: Instrument, table: str) -> Seen:
    there = each.source.data.instrument
    called = same_question(variable, instrument, there) or variable
    part = each.tables[table]
    return Seen(each.source.facts.wave, there, called, part.table if part is not None else None, each.notes)


def _of_wave(plan: Plan, source: Source, entries: Sequence[Entry], maker: _Maker) -> _Elsewhere:
    """The tables of another wave, protected by its own questionnaire's rules."""
    wave, instrument = source.facts.wave, source.data.instrument
    elsewhere = instrument.survey != plan.survey
    own = _maker_alike(plan, source, elsewhere)
    _check_known(plan.where if not elsewhere else None, own)
    wanted: dict[str, Entry] = {}
    for entry in entries:
        there = same_question(entry.question or "", maker.data.instrument, instrument)
        if there is None or wave not in _compares(entry):
            continue
        fitting = _fitting(entry, there, instrument, wave, elsewhere)
        if fitting.nets or fitting.show != "nets":
            wanted[entry.id] = fitting
    release = own.protected(own.tables(list(wanted.values())), _policy(plan, source.data))
    found: dict[str, ProtectedTable | None] = dict.fromkeys(entry.id for entry in entries)
    notes = own.design.notes if own.design is not None else ()
    entered = _entered_elsewhere(release, f"{plan.title} of {maker.facts.wave}", own, source.published)
    return _Elsewhere(source, found | dict(zip(wanted, release.tables, strict=True)), notes, entered)


def _entered_elsewhere(release: Release, name: str, own: _Maker, published: Sequence[Published]) -> Entered:
    """What is printed of another wave, checked against what was published of it; a refusal names the wave."""
    try:
        return _entered(release, name, own, published)
    except Refused as refused:
        wave = own.facts.wave
        raise Refused([replace(each, what=f"in {wave}, {each.what}") for each in refused.problems]) from None


def _maker_alike(plan: Plan, source: Source, elsewhere: bool) -> _Maker:
    """An earlier wave is weighted as this one, to its own frame: else weights would look like a change of answers.

    Where other people are asked (`elsewhere`), strata of this frame mean nothing, and there is no change to print.
    """
    changes: dict[str, object] = {"derive": [], "population": None}
    changes |= {"where": None, "weights": None} if elsewhere else {}
    try:
        return _Maker(plan.model_copy(update=changes), source, {})
    except SurveyError as error:
        why = "; ".join(each.what for each in error.problems) if isinstance(error, Refused) else str(error)
        what = f"{source.facts.wave} cannot be weighted as this wave is: {why}"
        raise Refused([Problem("/weights", what, 'leave "weights" or the comparison out')]) from None


def _fitting(entry: Entry, variable: str, instrument: Instrument, wave: str, elsewhere: bool) -> Entry:
    """The same entry for another questionnaire: codes that it does not have are left out of nets and scores.

    Where other people are asked (`elsewhere`), who is left out here is not there to be left out.
    """
    if entry.where is not None and not elsewhere:
        what = f"the table {entry.id} leaves respondents out, which {wave} may not know"
        raise Refused([Problem(f"table {entry.id}", what, 'leave "where" out of tables that compare waves')])
    question = instrument.questions[variable.partition(".")[0]]
    known = {option.code for option in choices(question)}
    named = _row_codes(question, variable)
    rows = [code for code in entry.rows or [] if not named or code in named | {*entry.nets}]
    changes = {
        "question": variable,
        "where": None,
        "nets": _nets_of(entry, known),
        "exclude": [code for code in entry.exclude if code in known],
        "score": {code: value for code, value in (entry.score or {}).items() if code in known} or None,
        "rows": rows or None,
        "at_least": None,
        "top": None,
        "sort": "questionnaire",
    }
    return entry.model_copy(update=changes)


def _nets_of(entry: Entry, known: Collection[str]) -> dict[str, list[str]]:
    """The nets with those of their codes that a questionnaire has; a net of which it has none is left out."""
    nets = {label: [code for code in codes if code in known] for label, codes in entry.nets.items()}
    return {label: codes for label, codes in nets.items() if codes}


def _row_codes(question: Question, variable: str) -> set[str]:
    """What the rows of a table of a question are called."""
    if variable == question.id and isinstance(question, Grid | Allocation):
        return {row.code for row in question.rows}
    return {option.code for option in choices(question)}


def _check_nets(entries: Sequence[Entry], maker: _Maker, others: Mapping[str, Source]) -> None:
    """A net over several audiences may name the codes of each; one that nobody offers is a slip."""
    problems = []
    for entry in entries:
        known = _known_codes(entry, maker.data.instrument, maker.data.instrument)
        for name in entry.audiences or []:
            known |= _known_codes(entry, maker.data.instrument, others[name].data.instrument)
        for label, codes in entry.nets.items():
            what = f"none of the questionnaires has a code that the net “{label}” names: "
            unknown = [code for code in codes if code not in known]
            problems += [Problem(f"table {entry.id}", what + code, nearest(code, known)) for code in unknown]
    if problems:
        raise Refused(problems)


def _known_codes(entry: Entry, here: Instrument, there: Instrument) -> set[str]:
    called = same_question(entry.question or "", here, there)
    question = there.questions[called.partition(".")[0]] if called else None
    return {option.code for option in choices(question)} if question is not None else set()


def _check_known(condition: Condition | None, maker: _Maker) -> None:
    """Whom a whole plan leaves out must be known in an earlier wave too."""
    for place, test in single_tests(condition, "/where"):
        name = variable(test.question or "", maker.strata)
        if name not in maker.data.variables and not maker.data.of_question(name):
            what = f"the plan leaves respondents out by {test.question}, which {maker.facts.wave} does not know"
            raise Refused([Problem(place, what, 'leave "where" or the comparison out')])
