"""Waves of invented answers to the questionnaires of the project, and reports on them by any plan."""

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from surveyapp.analysis.columns import read_part
from surveyapp.analysis.dataset import Dataset, assemble
from surveyapp.analysis.plans import read_plan
from surveyapp.analysis.report import Report, Source, WaveFacts, compile_report
from surveyapp.analysis.tables import Cell, Column, Table
from surveyapp.analysis.themes.codeframes import Codeframe, read_codeframe
from surveyapp.analysis.themes.coding import ThemeColumns, theme_columns
from surveyapp.demonstration.invented import invented
from surveyapp.instrument import Instrument, read_instrument, route, submitted

ROOT = Path(__file__).parents[1]
QUESTIONNAIRES = (
    "dat/2012.1",
    "dat/2013.1",
    "housing/2011.1",
    "interview/2011.1",
    "police/2011.1",
    "provider/2013.1",
)
GROUPS = {"police/2011.1": ("Command unit", "Force", "Other unit"), "interview/2011.1": ("",)}
"""The cells that answers carry; elsewhere three regions."""

OTHERS = {"dat-2012": "dat/2012.1"}
"""The waves that plans compare with."""


@cache
def instrument(name: str) -> Instrument:
    """A questionnaire of the project, `survey/version`."""
    return read_instrument((ROOT / f"instruments/{name}.json").read_bytes())


@cache
def answers(name: str, n: int = 60) -> Dataset:
    """What `n` invented respondents in groups of equal size sent."""
    asked, groups = instrument(name), GROUPS.get(name, ("East", "North", "South"))
    cells = [groups[i % len(groups)] for i in range(n)]
    sent = [submitted(asked, route(asked, given)) for given in invented(asked, cells, 7)]
    lines = [json.dumps({k: v for k, v in given.items() if not k.endswith(".text")}) for given in sent]
    return assemble(asked, [read_part(asked, cells, lines)], asked.disclosure.carry)


def wave(name: str, of: str) -> Source:
    """A listed wave, with forty units in each cell of its frame."""
    data = answers(of)
    cells = dict.fromkeys(data.cells or ("",), 40)
    carry = tuple(data.instrument.disclosure.carry)
    facts = WaveFacts(name, True, "2011-05-02", "2011-06-30", carry, cells, sum(cells.values()), "0" * 64)
    return Source(data, facts)


def codeframes(survey: str) -> Iterator[Codeframe]:
    """The codeframes of a survey."""
    asked = instrument(next(name for name in QUESTIONNAIRES if name.startswith(f"{survey}/")))
    for path in sorted((ROOT / f"instruments/{survey}/codeframes").glob("*.json")):
        yield read_codeframe(path.read_bytes(), asked, asked.disclosure.carry)


def themes(survey: str) -> dict[str, ThemeColumns]:
    """Thirty open answers to each coded question, which carry its themes in turn."""
    found = {}
    for frame in codeframes(survey):
        carried = [frozenset([frame.coded[i % len(frame.coded)]]) for i in range(30)]
        rows = [("East", "East", codes) for codes in carried]
        found[frame.questions[0]] = theme_columns(frame, frame.questions[0], rows, 60)
    return found


def compiled(content: bytes | str, of: str) -> Report:
    """The report by a plan's JSON on the wave `the-wave` of a questionnaire."""
    source, coded = wave("the-wave", of), themes(of.partition("/")[0])
    plan = read_plan(content, source.data.instrument, source.facts.carry, coded)
    others = {name: wave(name, other) for name, other in OTHERS.items()}
    return compile_report(plan, source.data, source.facts, None, coded, others)


def columns_and_cells(table: Table) -> Iterator[tuple[Column, Cell]]:
    """Every figure of a table with the column that it stands in."""
    for row in table.rows:
        yield from zip(table.columns, row.cells, strict=True)
