"""The page on faults names tests that exist, and every test room of faults stands on it."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/faults.md").read_text(encoding="utf-8")


def test_every_test_that_the_page_names_exists():
    """Rename it in docs/faults.md too."""
    named = re.findall(r"`(test_\w+\.py)::(test_\w+)`", PAGE)
    assert len(named) > 80
    assert sorted({f"{file}::{test}" for file, test in named if test not in found_in(file)}) == []


def test_every_file_of_tests_of_faults_stands_on_the_page():
    """Add a row for what it brings about."""
    files = {path.name for path in (ROOT / "tests/faults").glob("test_*.py")}
    assert sorted(file for file in files if f"`{file}::" not in PAGE) == []


def test_each_row_says_all_five_things():
    rows = [line for line in PAGE.splitlines() if line.startswith("| ") and not line.startswith("| fault |")]
    assert len(rows) > 35
    assert [row for row in rows if len([cell for cell in row.strip("|").split(" | ") if cell.strip()]) != 5] == []


def test_what_the_page_names_besides_exists():
    files = re.findall(r"`(tests/[\w/]+\.py)`", PAGE) + [
        f"docs/{name}" for name in re.findall(r"\]\((\w+\.md)", PAGE)
    ]
    assert [name for name in files if not (ROOT / name).exists()] == []
    rooms = (ROOT / "tests" / room for room in ("faults", "soak"))
    text = "".join(path.read_text(encoding="utf-8") for room in rooms for path in room.glob("*.py"))
    assert [name for name in re.findall(r"`(SURVEYAPP_\w+)`", PAGE) if name not in text] == []


def found_in(file: str) -> set[str]:
    (path,) = (ROOT / "tests").rglob(file)
    return {
        node.name for node in ast.parse(path.read_text(encoding="utf-8")).body if isinstance(node, ast.FunctionDef)
    }
