"""The table of rules in `docs/instrument-rules.md`, made from the invalid questionnaires in this folder.

    python -m tests.instruments.table

Each file breaks one rule and is named after it; the message and the remedy are those that it must give.
"""

import json
from collections.abc import Iterator
from pathlib import Path

FILES = Path(__file__).parent / "invalid"
DOCS = Path(__file__).parents[2] / "docs" / "instrument-rules.md"
MARK = "<!-- The tables below are made by `python -m tests.instruments.table`. Do not edit them. -->\n"

SEVERAL = "several_at_once"
"""The file that shows that all faults are found at once: no rule of its own."""

GROUPS = {
    "The document": "key missing_key unknown_key not_an_object survey version minutes mode language policy "
    "minimum_base carry section page",
    "Names": "question_id option_code row_code scale_code repeat_page was",
    "Questions": "type question_not required single multiple grid number allocation rank date max_length options "
    "rows row_called scale_of order exclusive specify show_if_on",
    "Wordings": "wording option_label row_label",
    "What is filled in": "placeholder",
    "Conditions": "condition",
    "What nobody would ever see": "never_shown",
    "Repeated pages": "repeat",
    "Checks across answers": "check",
}
"""Headings, each with the beginnings of its files' names; the longest beginning that fits decides."""


def contents() -> str:
    """The whole document: what stands above the mark, which is written by hand, and the tables."""
    return DOCS.read_text(encoding="utf-8").partition(MARK)[0] + MARK + "".join(_table(name) for name in GROUPS)


def group_of(rule: str) -> str:
    """The heading of a file. Raises `ValueError` for one that has none yet."""
    fitting = [
        (len(start), name) for name, all_ in GROUPS.items() for start in all_.split() if rule.startswith(start)
    ]
    if not fitting:
        raise ValueError(f"give {rule} a heading in tests/instruments/table.py")
    return max(fitting)[1]


def _table(name: str) -> str:
    rows = [row for file in sorted(FILES.glob("*.expected.json")) for row in _rows(file, name)]
    return f"\n## {name}\n\n| rule | message | remedy |\n|---|---|---|\n" + "".join(rows)


def _rows(file: Path, group: str) -> Iterator[str]:
    rule = file.name.removesuffix(".expected.json")
    if rule == SEVERAL or group_of(rule) != group:
        return
    found = [(problem["what"], problem["do"]) for problem in json.loads(file.read_text(encoding="utf-8"))]
    for what, do in dict.fromkeys(found):
        yield f"| {rule.replace('_', ' ')} | {_escaped(what)} | {_escaped(do)} |\n"


def _escaped(text: str) -> str:
    """As code, so that no brace or bracket means anything."""
    return f"`{text.replace('|', chr(92) + '|')}`"


if __name__ == "__main__":
    DOCS.write_text(contents(), encoding="utf-8")
