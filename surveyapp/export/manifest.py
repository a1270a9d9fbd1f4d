"""What a file of tables was made of: hashes by which anybody can see that the same inputs give the same file."""

import hashlib
import json
from importlib.metadata import version

from surveyapp.analysis.report import Report
from surveyapp.export.figures import table_figures


def manifest(report: Report, name: str, content: bytes, plan: bytes | None, edition: str) -> bytes:
    """UTF-8 JSON on the file called `name`: its hash, and those of questionnaire, plan and each table.

    `plan` is None where every closed question has a table. The hash of a table is that of its figures as
    `figures` writes them, so it tells which tables of two files differ.
    """
    facts = report.facts
    said = {
        "file": name,
        "sha256": _hash(content),
        "bytes": len(content),
        "edition": edition,
        "surveyapp": version("surveyapp"),
        "wave": facts.wave,
        "responses": report.responses,
        "instrument": report.instrument.name,
        "instrument_hash": facts.version_hash,
        "plan_sha256": None if plan is None else _hash(plan),
        "codeframes": sorted({frame.name for frame in report.codeframes.values()}),
        "tables": [
            {
                "id": p.table.id,
                "question": p.table.variable,
                "sha256": _hash(_canonical(table_figures(p.table, report))),
            }
            for p in report.tables
        ],
    }
    return (json.dumps(said, indent=1, ensure_ascii=False) + "\n").encode()


def _canonical(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, sort_keys=True).encode()


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
