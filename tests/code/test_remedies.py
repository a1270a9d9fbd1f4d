"""Remedies fit the page and the terminal: only the command line knows its commands and options."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from surveyapp.cli import main
from surveyapp.cli.remedies import COMMANDS, at_the_terminal
from surveyapp.config import project_file

ROOT = Path(project_file("surveyapp"))

COMMAND = re.compile(rf"surveyapp ({'|'.join(main.commands)})\b|(?<![\w<!-])--[a-z][a-z-]+\b(?!=)")

AT_THE_MACHINE = {
    "demonstration": "is run at the terminal, and tells it",
    "doctoring.py": "examines the machine for whoever looks after it, at the terminal",
    "retaining.py": "a copy that lies elsewhere is known at the terminal only",
    "auditing.py": "what PostgreSQL leaves behind is cleared by the daily task of the machine",
    "storage/database.py": "the store is brought up to date at the machine, while nothing is served",
    "storage/postgres.py": "so is a store made",
    "frames.py": "`framing` puts words of the page in place of the options of its remedies",
    "framing.py": "so it does here",
    "web/preview.py": "is served from the terminal",
    "export/deposit.py": "tells readers of a deposit how to check its sums",
    "config.py": "settings of the machine",
    "rotating.py": "keys are changed at the terminal",
    "storage/backups.py": "copies are put back at the terminal",
    "analysis/printed": "printed reports are audited at the terminal",
    "privacy.py": "the marks of files of keys are no commands",
    "export/coding.py": "nor is the mark of a sheet",
    "instrument/checking.py": "nor is the title of a schema",
    "web/brand.py": "nor are the names of colours",
    "web/staff/openapi.py": "nor is the title of the API",
}
"""Where a command may be named, and why nobody meets it on a page."""


def spoken() -> Iterator[tuple[str, str]]:
    """Each text of the programme outside the command line that names a command or an option, with its file."""
    for file in sorted(ROOT.rglob("*.py")):
        name = file.relative_to(ROOT).as_posix()
        if not name.startswith("cli/") and not any(name.startswith(known) for known in AT_THE_MACHINE):
            tree = ast.parse(file.read_text(encoding="utf-8"))
            notes = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
            for node in ast.walk(tree):
                said = node.value if isinstance(node, ast.Constant) and id(node) not in notes else None
                if isinstance(said, str) and COMMAND.search(said):
                    yield name, said


def test_no_use_case_names_a_command():
    """Say what is to be done ("close it first"), and add the command to `cli/remedies.py`."""
    assert list(spoken()) == []


def test_every_remedy_that_has_a_command_is_told_somewhere():
    written = "\n".join(file.read_text(encoding="utf-8") for file in ROOT.rglob("*.py") if "cli" not in file.parts)
    told = re.sub(r'"\s*\n\s*f?"', "", written)
    missing = [words for words in COMMANDS if words not in told and not words.startswith("load it as a ")]
    assert missing == [], "take it out of `cli/remedies.py`, or correct its words"


@pytest.mark.parametrize("command", [said for said in COMMANDS.values() if said.startswith("surveyapp ")])
def test_every_command_named_is_one(command: str):
    here = main
    for word in command.split()[1:]:
        if word.islower() and hasattr(here, "commands") and word in here.commands:
            here = here.commands[word]
    assert not hasattr(here, "commands"), command
    options = {option for parameter in here.params for option in parameter.opts}
    assert set(re.findall(r"--[a-z-]+", command)) <= options


def test_the_terminal_adds_the_command():
    said = "tiny-1 still takes answers; close it first"
    assert at_the_terminal(said) == f"{said} (surveyapp wave close WAVE)"
    assert at_the_terminal("nothing to add") == "nothing to add"
