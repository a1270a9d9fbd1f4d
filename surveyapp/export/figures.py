"""A report's figures as JSON, for other programmes: full precision, marks where a figure may not be had."""

import json
from collections.abc import Callable

from surveyapp.analysis.report import Report
from surveyapp.analysis.tables import Base, Cell, Column, Table, TableRow, half_up
from surveyapp.export.sentences import small_groups, tells_design_effect, whole_tests


def figures(report: Report, progress: Callable[[str], None] = lambda _: None) -> bytes:
    """UTF-8 JSON: `tables`, each with id, title, question, base, columns and rows.

    A cell has `count`, `percent` (0 to 100, unrounded), `se`, `low`, `high`, `mark`, and `shown`, the whole
    percentage under the plan's rounding rule; a mean or an amount stands in `value`, with the `decimals` that are
    printed. What is hidden or not there is null. `effective_n` is a whole number, and null where the workbook does
    not print the design effect: with the sizes of the frame, it would tell how few answered in a group.
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
        "tables": [table_figures(protected.table, report) for protected in report.tables],
    }
    return (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode()


def table_figures(table: Table, report: Report) -> dict[str, object]:
    """One table. `interval` is confidence (at `level`), bounds or "": what `low` and `high` are."""
    told = tells_design_effect(report)
    every = told and _no_group_is_small(table, report)
    return {
        "id": table.id,
        "title": table.title,
        "question": table.variable,
        "wording": table.wording,
        "kind": table.kind,
        "base": _base(table.base, told),
        "where": table.where,
        "percent_of": table.percent_of,
        "weighting": table.weighting,
        "interval": table.interval,
        "level": table.level,
        "columns": [_column(column, every) for column in table.columns],
        "rows": [_row(row) for row in table.rows],
        "tests": list(whole_tests(table)),
        "notes": list(table.notes),
    }


def _no_group_is_small(table: Table, report: Report) -> bool:
    """Whether columns may have effective numbers of their own; the groups of other waves are not known here."""
    if table.kind == "trend" or report.design is None:
        return False
    return not small_groups(report.design, report.instrument.disclosure.minimum_base)


def _base(base: Base, told: bool) -> dict[str, object]:
    hidden = bool(base.mark)
    effective = base.effective_n if told else None
    return {
        "name": base.name,
        "n": None if hidden else base.n,
        "no_reply": None if base.missing_mark else base.no_reply,
        "not_asked": None if base.missing_mark else base.not_asked,
        "weighted_n": base.weighted_n,
        "effective_n": None if effective is None else int(half_up(effective)),
        "population": base.population,
        "mark": base.mark,
    }


def _column(column: Column, told: bool) -> dict[str, object]:
    return {
        "code": column.code,
        "label": column.label,
        "net": column.net,
        "headings": list(column.headings),
        "letter": column.letter,
        "flag": column.flag,
        "base": None if column.base is None else _base(column.base, told),
    }


def _row(row: TableRow) -> dict[str, object]:
    hidden = bool(row.mark)
    return {
        "code": row.code,
        "label": row.label,
        "net": row.net,
        "measure": row.measure,
        "base": None if hidden else row.base,
        "weighted_base": row.weighted_base,
        "no_reply": None if row.missing_mark else row.no_reply,
        "not_asked": None if row.missing_mark else row.not_asked,
        "mark": row.mark,
        "cells": [_cell(cell) for cell in row.cells],
    }


def _cell(cell: Cell) -> dict[str, object]:
    return {
        "count": cell.count,
        "percent": cell.percent,
        "shown": cell.shown,
        "value": cell.value,
        "decimals": cell.decimals if cell.value is not None else None,
        "se": cell.se,
        "low": cell.low,
        "high": cell.high,
        "mark": cell.mark,
        "letters": cell.letters,
    }
