"""A wave of every kind of question in two versions, and a plan of every kind of table, for whoever counts."""

import json
import random
from collections.abc import Sequence
from typing import Any

import numpy as np

from surveyapp.analysis.asking import Plan
from surveyapp.analysis.columns import Part, read_part
from surveyapp.analysis.dataset import Dataset, assemble
from surveyapp.analysis.grouping import Arrays
from surveyapp.analysis.large import Large, Legend, Responses, amount_of
from surveyapp.analysis.report import Report, WaveFacts, compile_report
from surveyapp.instrument import Instrument, prune
from surveyapp.problems import SurveyError
from tests.makers import make_instrument, make_question

SCALE = [{"code": c, "label": c.upper()} for c in ("up", "same", "down")]
ROWS = [{"code": c, "label": c.upper()} for c in ("a", "b")]
FEW = [{"code": c, "label": c.upper()} for c in ("x", "y", "z")]
CELLS = [f"{region} / {kind}" for region in ("East", "North", "West") for kind in ("big", "small")]
CARRY = ("region", "kind")

_OLD = [
    make_question("single", "q", options=SCALE),
    make_question("multiple", "m", options=[*FEW, {"code": "w", "label": "W"}]),
    make_question("grid", "g", rows=ROWS, scale=SCALE),
    make_question("number", "n", show_if={"question": "q", "in": ["up", "down"]}),
    make_question("number", "size", bands=[10, 100], unit="GBP"),
    make_question("allocation", "split", rows=ROWS),
    make_question("rank", "r", options=FEW, top=2),
    make_question("date", "d"),
]
SETTINGS: dict[str, Any] = {"disclosure": {"carry": list(CARRY)}}
OLD: Instrument = make_instrument(_OLD, version="1", **SETTINGS)
NEW: Instrument = make_instrument([*_OLD, make_question("single", "late", options=SCALE)], version="2", **SETTINGS)

Row = tuple[str, str]
"""The cell of a response, and its answers as JSON."""


def make_rows(instrument: Instrument, n: int, chance: random.Random) -> list[Row]:
    """Responses with blanks and withheld cells; no region answers as another does."""
    return [_row(instrument, chance) for _ in range(n)]


def _row(instrument: Instrument, chance: random.Random) -> Row:
    cell = chance.choice([*CELLS, *CELLS[:2], ""])
    a = chance.randrange(0, 101)
    given: dict[str, str | list[str]] = {
        "q": chance.choice(["up", "up", "same", "down"] if "East" in cell else ["same", "down"]),
        "m": chance.sample(["x", "y", "z", "w"], chance.randrange(0, 5)),
        "g.a": chance.choice(["up", "same", "down"]),
        "g.b": chance.choice(["up", "down"]),
        "n": str(chance.choice([0, 1, 2.5, 40, 1000, chance.randrange(5000)])),
        "size": str(chance.choice([5, 10, 70, 400])),
        "split.a": str(a),
        "split.b": str(100 - a),
        "r": chance.sample(["x", "y", "z"], 2),
        "d": f"{chance.choice([1998, 2011, 2012])}-03-0{chance.randrange(1, 9)}",
        "late": chance.choice(["up", "down"]),
    }
    kept = {key: answer for key, answer in given.items() if answer and chance.random() < 0.85}
    return cell, json.dumps(prune(instrument, kept))


def make_batches(old: Sequence[Row], new: Sequence[Row], size: int) -> list[list[Part]]:
    """The same responses so many at a time, by version."""
    batches = []
    for start in range(0, max(len(old), len(new)), size):
        some = ((OLD, old[start : start + size]), (NEW, new[start : start + size]))
        batches.append([_part(instrument, rows) for instrument, rows in some if rows])
    return batches


def _part(instrument: Instrument, rows: Sequence[Row]) -> Part:
    return read_part(instrument, [cell for cell, _ in rows], [answers for _, answers in rows])


def make_resident(old: Sequence[Row], new: Sequence[Row]) -> Dataset:
    """The wave in memory."""
    return assemble(NEW, [_part(OLD, old), _part(NEW, new)], CARRY)


def make_large(old: Sequence[Row], new: Sequence[Row], size: int) -> Large:
    """The same wave left to the engine of arrays, from parts of so many responses."""
    legend = Legend()
    parts = [legend.columns(NEW, batch) for batch in make_batches(old, new, size)]
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    ending = amount_of("")
    amounts = {name.removesuffix(ending): column for name, column in columns.items() if name.endswith(ending)}
    return legend.responses(NEW, CARRY, Arrays(columns, amounts))


FACTS = WaveFacts(
    wave="large-1",
    listed=True,
    opened_on="2012-01-01",
    closed_on="2012-02-01",
    carry=CARRY,
    cells=dict.fromkeys(CELLS, 4_000),
    issued=24_000,
    version_hash="ab",
)

UP = {"question": "q", "is": "up"}
DERIVED = [
    {"id": "upward", "label": "Up or not", "recode": "q", "into": [{"code": "u", "label": "U", "of": ["up"]}]},
    {"id": "bands", "label": "Banded", "band": "n", "at": [2, 100]},
    {"id": "often", "label": "Times up", "count": ["g.a", "g.b", "q"], "of": ["up"]},
    {"id": "mood", "label": "Mood", "score": ["g.a", "g.b"], "values": {"up": 1, "same": 0.1, "down": -1.7}},
    {"id": "rich", "label": "Rich", "when": {"all": [{"question": "n", "at_least": 40}, UP]}},
    {"id": "first", "label": "First", "top": "late", "most": 1},
    {"id": "then", "label": "Up then", "count": ["d", "q"], "of": ["2011", "up"]},
    {"id": "both", "label": "Both", "count": ["rich", "upward"], "of": ["1", "u"]},
]  # fmt: skip
MANY = {"any": [{"question": "m", "answered": True}, {"question": "r", "includes": "x"}]}
TABLES: list[dict[str, Any]] = [
    {"question": "q", "margins": True, "score": {"up": 1, "down": -1}},
    {"question": "q", "by": ["region"], "tests": True, "margins": True},
    {"question": "q", "by": [["region", "kind"], "m", "upward"], "tests": True},
    {"question": "q", "by": ["kind"], "percent_of": "row", "where": {"question": "n", "at_most": 40}},
    {"question": "q", "base": "asked", "nets": {"Moved": ["up", "down"]}, "exclude": ["same"], "bounds": True},
    {"question": "q", "base": "frame"},
    {"question": "m", "nets": {"X or Y": ["x", "y"], "Rest": ["z", "w"]}, "sort": "descending", "margins": True},
    {"question": "m", "top": 2, "by": ["region"]},
    {"question": "m", "per": "answers"},
    {"question": "g", "nets": {"Moved": ["up", "down"]}, "score": {"up": 1, "same": 2, "down": 3}},
    {"question": "g", "nets": {"Moved": ["up", "down"]}, "show": "nets", "by": ["region"], "where": MANY},
    {"question": "g.a", "transpose": False, "percent_of": "total", "by": ["kind"]},
    {"question": "n", "by": ["region"], "margins": True},
    {"question": "n", "bands": [2.5, 1000], "by": ["m"], "where": {"not": {"question": "region", "is": "East"}}},
    {"question": "n", "where": {"question": "size", "in": ["10", "100"]}},
    {"question": "size", "margins": True},
    {"question": "split", "by": ["kind"], "sort": "descending"},
    {"question": "r", "by": ["region"]},
    {"question": "r"},
    {"question": "d", "by": ["q"], "tests": True},
    {"question": "late", "margins": True, "by": ["first"]},
    {"question": "upward", "by": ["region"]},
    {"question": "bands", "by": ["rich"]},
    {"question": "often", "by": ["region"], "margins": True},
    {"question": "mood", "margins": True},
    {"question": "then", "by": ["d"]},
    {"question": "both"},
    {"question": "region"},
]
WEIGHTS: list[dict[str, Any] | None] = [
    None,
    {"stratify": ["region"]},
    {"poststratify": ["region", "kind"]},
    {"rake": ["region", "kind"], "trim": [0.5, 2]},
]


def make_plan(
    tables: Sequence[dict[str, Any]] = TABLES, weights: dict[str, Any] | None = None, **more: Any
) -> Plan:
    """A plan of these tables."""
    numbered = [{"id": str(number), **table} for number, table in enumerate(tables, 1)]
    whole = {"survey": "tiny", "title": "All", "derive": DERIVED, "weights": weights, "tables": numbered, **more}
    return Plan.model_validate(whole)


def told(plan: Plan, data: Responses) -> object:
    """All that a report prints and enters in the ledger, or why there is none."""
    try:
        report: Report = compile_report(plan, data, FACTS)
    except SurveyError as error:
        return str(error)
    notes = report.design.notes if report.design is not None else ()
    return report.responses, report.tables, report.entered, notes
