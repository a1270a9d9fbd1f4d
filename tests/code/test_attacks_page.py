"""The page on attacks names one test at least for each, and tests that exist."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/attacks.md").read_text(encoding="utf-8")
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")


def test_every_test_that_the_page_names_exists():
    """Rename it in docs/attacks.md too."""
    named = NAMED.findall(PAGE)
    assert len(named) > 100
    assert sorted({f"{file}::{test}" for file, test in named if test not in found_in(file)}) == []


def test_every_attack_has_an_outcome_and_a_test():
    rows = [row for row in re.findall(r"^\|(.+)\|$", PAGE, re.MULTILINE) if not row.startswith((" attack", "---"))]
    assert len(rows) > 60
    assert [row for row in rows if len(re.split(r" \| ", row)) != 3 or not NAMED.search(row)] == []


def test_every_folder_of_attacks_is_on_the_page():
    paths = [path for room in ("attack", "fuzz") for path in (ROOT / "tests" / room).glob("test_*.py")]
    files = {path.relative_to(ROOT).as_posix() for path in paths}
    assert sorted(file for file in files if file not in PAGE) == [], "write a row for each into docs/attacks.md"


def found_in(file: str) -> set[str]:
    path = ROOT / file
    tree = ast.parse(path.read_text(encoding="utf-8")) if path.exists() else ast.Module([], [])
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
