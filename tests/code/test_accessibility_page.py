"""The page on accessibility names every criterion once, and tests that exist."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/accessibility.md").read_text(encoding="utf-8")
LEVEL_A = """1.1.1 1.2.1 1.2.2 1.2.3 1.3.1 1.3.2 1.3.3 1.4.1 1.4.2 2.1.1 2.1.2 2.1.4 2.2.1 2.2.2 2.3.1 2.4.1 2.4.2
2.4.3 2.4.4 2.5.1 2.5.2 2.5.3 2.5.4 3.1.1 3.2.1 3.2.2 3.2.6 3.3.1 3.3.2 3.3.7 4.1.2"""
LEVEL_AA = """1.2.4 1.2.5 1.3.4 1.3.5 1.4.3 1.4.4 1.4.5 1.4.10 1.4.11 1.4.12 1.4.13 2.4.5 2.4.6 2.4.7 2.4.11 2.5.7
2.5.8 3.1.2 3.2.3 3.2.4 3.3.3 3.3.4 3.3.8 4.1.3"""


def test_every_criterion_of_both_levels_stands_in_the_table_once():
    lines = re.findall(r"^\| (\d\.\d\.\d+) [^|]+\| (A+) \|", PAGE, re.MULTILINE)
    expected = [(number, "A") for number in LEVEL_A.split()] + [(number, "AA") for number in LEVEL_AA.split()]
    assert len(expected) == 55
    assert sorted(lines) == sorted(expected)


def test_every_test_that_the_page_names_exists():
    """Rename it in docs/accessibility.md too."""
    named = re.findall(r"`(test_\w+\.py)::(test_\w+)`", PAGE)
    assert len(named) > 30
    assert sorted({f"{file}::{test}" for file, test in named if test not in found_in(file)}) == []


def test_every_file_that_the_page_names_exists():
    files = re.findall(r"`(tests/[\w/]+\.py)`", PAGE) + [
        f"docs/{name}" for name in re.findall(r"\]\((pic[^)]+)\)", PAGE)
    ]
    assert [name for name in files if not (ROOT / name).exists()] == []


def found_in(file: str) -> set[str]:
    (path,) = (ROOT / "tests").rglob(file)
    return {
        node.name for node in ast.parse(path.read_text(encoding="utf-8")).body if isinstance(node, ast.FunctionDef)
    }
