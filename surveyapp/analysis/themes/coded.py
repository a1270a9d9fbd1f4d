"""Tables of themes: how many of those who answered say what, in their own words."""

from collections.abc import Sequence

from surveyapp.analysis.asking import Entry
from surveyapp.analysis.tables import LOW, UNAVAILABLE, Base, Cell, Column, Net, Slice, Table, TableRow, rounded
from surveyapp.analysis.themes.coding import ThemeColumns


def theme_table(themes: ThemeColumns, entry: Entry, complete: int) -> Table:
    """A row a theme, most frequent first if the entry says so; respondents may carry several.

    The base is all who sent answers unless the entry names another: those who wrote something (answered, asked),
    or the `complete` responses by AAPOR's rule. A theme is carried by no more answers than there are in the base.
    """
    n = {"complete": complete, "answered": len(themes.mentions), "asked": themes.responses}.get(
        entry.base or "responded", themes.responses
    )
    who: Slice = frozenset({(f"coded {themes.codeframe.id}", frozenset({"any", "none"}))})
    rows = _arranged([_row(themes, code, label, n, who) for code, label in _themes(themes, entry)], entry)
    silent = themes.responses - len(themes.mentions)
    return Table(
        id=entry.id,
        title=str(entry.title or themes.codeframe.title),
        variable=themes.question,
        kind="coded",
        wording=str(themes.codeframe.title),
        base=Base(entry.base or "responded", n, silent, 0, who=who),
        columns=(Column("percent", "Per cent"),),
        rows=rows,
        nets=_nets(themes),
    )


def _themes(themes: ThemeColumns, entry: Entry) -> list[tuple[str, str]]:
    nets = set(themes.codeframe.nets)
    wanted = {"all": {True, False}, "nets": {True}, "codes": {False}}[entry.show]
    every = themes.codeframe.themes
    return [(theme.code, str(theme.label)) for theme in every if (theme.code in nets) in wanted]


def _row(themes: ThemeColumns, code: str, label: str, n: int, who: Slice) -> TableRow:
    count = themes.counts[code]
    mine: Slice = frozenset({(f"coded {themes.codeframe.id}.{code}", frozenset({"1"}))})
    silent = themes.responses - len(themes.mentions)
    if not n:
        return TableRow(code, label, n, silent, 0, (Cell(None, None, None, UNAVAILABLE, who=mine),), who=who)
    shown = rounded(count, n)
    cell = Cell(count, 100 * count / n, shown, LOW if count and not shown else "", who=mine)
    return TableRow(code, label, n, silent, 0, (cell,), net=code in themes.codeframe.nets, who=who)


def _arranged(rows: Sequence[TableRow], entry: Entry) -> tuple[TableRow, ...]:
    kept = list(rows)
    if entry.rows is not None:
        by_code = {row.code: row for row in rows}
        kept = [by_code[code] for code in entry.rows if code in by_code]
    if entry.at_least is not None:
        kept = [row for row in kept if (row.cells[0].shown or 0) >= entry.at_least]
    if entry.sort == "descending":
        kept.sort(key=lambda row: (-(row.cells[0].shown or 0), -(row.cells[0].count or 0)))
    return tuple(kept[: entry.top] if entry.top else kept)


def _nets(themes: ThemeColumns) -> tuple[Net, ...]:
    frame = themes.codeframe
    return tuple(
        Net(str(theme.label), tuple(str(frame.labels[part]) for part in frame.nets[theme.code]), False)
        for theme in frame.themes
        if theme.code in frame.nets
    )
