"""The page on anonymity names every channel once, and tests that exist."""

import ast
import re
from pathlib import Path

from surveyapp.auditing import ATTACKS, ROLES

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/anonymity.md").read_text(encoding="utf-8")
LINES = dict(re.findall(r"^\| (A\d+) (\|.*)$", PAGE, re.MULTILINE))


def test_every_channel_has_one_line():
    assert re.findall(r"^\| (A\d+) ", PAGE, re.MULTILINE) == [f"A{n}" for n in range(1, 31)]


def test_every_channel_names_a_test_or_says_why_there_is_none():
    assert [name for name, line in LINES.items() if "::test_" not in line and "not tested: " not in line] == []


def test_every_test_that_the_page_names_exists():
    """Rename it in docs/anonymity.md too."""
    named = set(re.findall(r"`(test_\w+\.py)::(test_\w+)`", PAGE))
    assert len(named) > 30
    assert sorted(f"{file}::{test}" for file, test in named if test not in _tests_in(file)) == []


def test_every_attack_of_the_command_belongs_to_a_channel_and_a_role_of_the_page():
    assert {attack.channel for attack in ATTACKS} - {"--"} <= set(LINES)
    assert [role for role in ROLES if f"| {role.partition(':')[0]} |" not in PAGE] == []


def _tests_in(file: str) -> set[str]:
    (path,) = (ROOT / "tests").rglob(file)
    body = ast.parse(path.read_text(encoding="utf-8")).body
    return {node.name for node in body if isinstance(node, ast.FunctionDef)}
