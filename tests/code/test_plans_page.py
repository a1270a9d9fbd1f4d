"""Every example in docs/plans.md is a plan that works, and every key of a plan has an example."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from surveyapp.analysis import plans
from surveyapp.analysis.tables import CONFIDENTIAL
from tests.invented_waves import ROOT, columns_and_cells, compiled

PAGE = (ROOT / "docs/plans.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^\n((?:    .*\n)+)", PAGE, re.MULTILINE)
EXAMPLES = [json.loads(block) for block in BLOCKS if block.strip().startswith("{")]
OF = {"provider": "provider/2013.1", "dat": "dat/2013.1", "police": "police/2011.1"}


def as_plan(example: dict[str, Any]) -> dict[str, Any]:
    """A single table is one of a plan for the provider survey."""
    return example if "tables" in example else {"survey": "provider", "title": "T", "tables": [example]}


def keys(value: Any) -> Iterator[str]:
    """The keys of an example, those that the author chooses (nets, codes) among them."""
    if isinstance(value, dict):
        yield from value
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from keys(part)


def names(example: dict[str, Any]) -> str:
    return str(example.get("title") or example.get("id"))


@pytest.mark.parametrize("example", EXAMPLES, ids=names)
def test_every_example_makes_tables_with_figures_in_them(example: dict[str, Any]):
    plan = as_plan(example)
    for protected in compiled(json.dumps(plan), OF[plan["survey"]]).tables:
        marks = [cell.mark for _, cell in columns_and_cells(protected.table)]
        assert marks
        assert marks.count(CONFIDENTIAL) < len(marks), protected.table.id


@pytest.mark.parametrize("part", ["Plan", "Entry", "Weights", "Derived", "Into", "Condition"])
def test_every_key_has_an_example_and_is_explained(part: str):
    schema = plans.json_schema()
    properties = set(schema["properties"] if part == "Plan" else schema["$defs"][part]["properties"])
    used = {key for example in EXAMPLES for key in keys(example)}
    assert properties - used == set(), "put an example on docs/plans.md"
    common = {"$schema", "tables", "question", "code", "id", "label"}
    unsaid = {key for key in properties - common if f"`{key}`" not in PAGE and f'`"{key}"' not in PAGE}
    assert unsaid == set(), "explain it on docs/plans.md"


def test_every_plan_of_the_folder_is_on_the_page():
    for path in (ROOT / "exports").glob("*.json"):
        assert path.name == "schema.json" or f"`{path.stem}`" in PAGE
