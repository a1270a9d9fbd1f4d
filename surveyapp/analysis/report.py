"""A report: the protected tables of a plan, with the facts of the wave that stand beside them."""

from dataclasses import dataclass, replace

from surveyapp.analysis.dataset import Dataset
from surveyapp.analysis.disclosure import ProtectedTable, protect
from surveyapp.analysis.plans import Entry, Plan
from surveyapp.analysis.tables import Table, tabulate
from surveyapp.instrument import Instrument
from surveyapp.rates import Rate, sorted_by_completeness


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


@dataclass(frozen=True)
class Report:
    """All that an appendix needs: exports take nothing else."""

    title: str
    style: str
    unit: str
    instrument: Instrument
    facts: WaveFacts
    responses: int
    rate: Rate
    received_by_cell: dict[str, int]
    notes: tuple[str, ...]
    tables: tuple[ProtectedTable, ...]


def compile_report(plan: Plan, data: Dataset, facts: WaveFacts) -> Report:
    """Every table of `plan`, protected by the instrument's minimum base; the response rate by the AAPOR rule."""
    minimum = data.instrument.disclosure.minimum_base
    return Report(
        title=str(plan.title),
        style=plan.style,
        unit=str(plan.unit),
        instrument=data.instrument,
        facts=facts,
        responses=data.n,
        rate=_rate(data, facts),
        received_by_cell=_received(data, facts),
        notes=tuple(str(note) for note in plan.notes),
        tables=tuple(protect(_table(entry, data), minimum) for entry in plan.tables),
    )


def _table(entry: Entry, data: Dataset) -> Table:
    question = data.instrument.questions[entry.question.partition(".")[0]]
    title = str(entry.title or question.text)
    table = tabulate(data, entry.question, entry.id, title, entry.layout)
    return replace(table, notes=tuple(str(note) for note in entry.notes))


def _rate(data: Dataset, facts: WaveFacts) -> Rate:
    counts = sorted_by_completeness(data.completeness)
    return Rate("All", sum(facts.cells.values()), facts.issued, **counts)


def _received(data: Dataset, facts: WaveFacts) -> dict[str, int]:
    """Responses in each cell of the frame; "" counts those whose cell was blanked."""
    received = {**dict.fromkeys(facts.cells, 0), "": 0}
    for cell in data.cells:
        received[cell if cell in facts.cells else ""] += 1
    return received
