"""A report's figures as JSON, for other programmes: full precision, marks where a figure may not be had."""

import json
from collections.abc import Callable

from surveyapp.analysis.report import Report
from surveyapp.analysis.tables import Cell, Table, TableRow


def figures(report: Report, progress: Callable[[str], None] = lambda _: None) -> bytes:
    """UTF-8 JSON: `tables`, each with id, title, question, base, columns and rows.

    A cell has `count`, `percent` (0 to 100, unrounded), `se`, `low`, `high`, `mark`, and `shown`, the whole
    percentage under the plan's rounding rule. What is hidden or not there is null.
    """
    progress("figures")
    facts = report.facts
    content = {
        "title": report.title,
        "wave": facts.wave,
        "instrument": report.instrument.name,
        "instrument_hash": facts.version_hash,
        "note": facts.note,
        "responses": report.responses,
        "tables": [_table(protected.table) for protected in report.tables],
    }
    return (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode()


def _table(table: Table) -> dict[str, object]:
    base = table.base
    return {
        "id": table.id,
        "title": table.title,
        "question": table.variable,
        "wording": table.wording,
        "kind": table.kind,
        "base": {"name": base.name, "n": base.n, "weighted_n": base.weighted_n, "population": base.population},
        "columns": [{"code": c.code, "label": c.label, "net": c.net} for c in table.columns],
        "rows": [_row(row) for row in table.rows],
        "notes": list(table.notes),
    }


def _row(row: TableRow) -> dict[str, object]:
    return {
        "code": row.code,
        "label": row.label,
        "net": row.net,
        "base": row.base,
        "no_reply": row.no_reply,
        "not_asked": row.not_asked,
        "cells": [_cell(cell) for cell in row.cells],
    }


def _cell(cell: Cell) -> dict[str, object]:
    return {
        "count": cell.count,
        "percent": cell.percent,
        "shown": cell.shown,
        "se": cell.se,
        "low": cell.low,
        "high": cell.high,
        "mark": cell.mark,
    }
