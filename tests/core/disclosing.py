"""Makers for tests of disclosure control: tables from counts written out."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from surveyapp.analysis.disclosure.protection import Release
from surveyapp.analysis.tables import (
    NO_ANSWER,
    UNASKED,
    Amounts,
    Base,
    Cell,
    Column,
    Slice,
    Table,
    TableRow,
    rounded,
)

Counts = Mapping[str, Sequence[int]]


def who(**codes: str) -> Slice:
    """A slice: `who(q="a,b", region="north")`."""
    return frozenset((name, frozenset(some.split(","))) for name, some in codes.items())


def make_cell(count: int, base: int, of: Slice) -> Cell:
    """A percentage of those counted."""
    if not base:
        return Cell(None, None, None, "[x]", who=of)
    shown = rounded(count, base)
    return Cell(count, 100 * count / base, shown, "[low]" if count and not shown else "", who=of)


def make_one_way(question: str = "q", where: Slice = frozenset(), no_reply: int = 0, **counts: int) -> Table:
    """A table of one question, a row an answer: `make_one_way(yes=8, no=30)`."""
    base = sum(counts.values())
    of = where | {(question, frozenset(counts))}
    rows = tuple(
        TableRow(
            code, code.upper(), base, no_reply, 0, (make_cell(n, base, where | who(**{question: code})),), who=of
        )
        for code, n in counts.items()
    )
    return Table(
        id=question,
        title=question,
        variable=question,
        kind="single",
        wording=f"What about {question}?",
        base=Base("answered", base, no_reply, 0, who=of),
        columns=(Column("percent", "Per cent", who=where),),
        rows=rows,
    )


def make_crossed(
    counts: Counts,
    groups: Sequence[str] = ("north", "south", "east"),
    question: str = "q",
    by: str = "region",
    total: bool = True,
    elsewhere: Sequence[int] | None = None,
    where: Slice = frozenset(),
    id: str = "",
) -> Table:
    """A question by groups: `counts` has a row an answer with a number a group; all together come first.

    `elsewhere` are those of each answer who are in no group.
    """
    rest = elsewhere or [0] * len(counts)
    numbers = [[sum(row) + r, *row] for row, r in zip(counts.values(), rest, strict=True)]
    slices = [where, *(where | who(**{by: group}) for group in groups)]
    answers = frozenset(counts)
    bases = [sum(row[c] for row in numbers) for c in range(len(slices))]
    columns = [
        Column(
            "percent" if not c else groups[c - 1],
            "All" if not c else groups[c - 1].title(),
            headings=(by.title(),) if c else (),
            base=Base("answered", bases[c], 0, 0, who=slices[c] | {(question, answers)}),
            letter=chr(64 + c) if c else "",
            who=slices[c],
        )
        for c in range(len(slices))
    ]
    first = 0 if total else 1
    rows = tuple(
        TableRow(
            code,
            code.upper(),
            bases[0],
            0,
            0,
            tuple(
                make_cell(row[c], bases[c], slices[c] | who(**{question: code})) for c in range(first, len(slices))
            ),
            who=slices[0] | {(question, answers)},
        )
        for code, row in zip(counts, numbers, strict=True)
    )
    return Table(
        id=id or f"{question}_by_{by}",
        title=question,
        variable=question,
        kind="single",
        wording=f"What about {question}?",
        base=columns[0].base or Base("answered", 0, 0, 0),
        columns=tuple(columns[first:]),
        rows=rows,
    )


def make_amounts(
    groups: Mapping[str, Sequence[float]], measures: Sequence[str] = ("n", "mean", "median")
) -> Table:
    """Amounts of each group, all together first: a row a measure."""
    every = [amount for amounts in groups.values() for amount in amounts]
    columns, values = [], []
    for name, amounts in {"percent": every, **groups}.items():
        of = who(region=name) if name != "percent" else frozenset()
        base = Base("answered", len(amounts), 0, 0, who=of | who(spend="given"))
        columns.append(Column(name, name.title(), base=base, who=of))
        values.append((amounts, base.who))
    rows = tuple(
        TableRow(m, m, len(every), 0, 0, tuple(_amount(m, *v) for v in values), measure=m, who=who(spend="given"))
        for m in measures
    )
    base = columns[0].base or Base("answered", 0, 0, 0)
    return Table("spend", "Spend", "spend", "number", "How much?", base, tuple(columns), rows)


def _amount(measure: str, amounts: Sequence[float], of: Slice) -> Cell:
    ordered = sorted(amounts, reverse=True)
    value = {
        "n": len(amounts),
        "mean": sum(amounts) / len(amounts),
        "total": sum(amounts),
        "median": ordered[len(amounts) // 2],
        "max": ordered[0],
    }[measure]
    made_of = Amounts(len(amounts), sum(amounts), ordered[0], ordered[1] if len(ordered) > 1 else 0.0)
    return Cell(len(amounts), None, None, value=float(value), who=of, amounts=made_of)


def printed(release: Release, t: int = 0) -> dict[str, list[str]]:
    """What stands in a table, counts instead of percentages."""
    return {
        row.code: [cell.mark if cell.count is None else str(cell.count) for cell in row.cells]
        for row in release.tables[t].table.rows
    }


def bases(release: Release, t: int = 0) -> list[str]:
    """The bases of a table's columns as printed."""
    found = [column.base for column in release.tables[t].table.columns]
    return [base.mark or str(base.n) for base in found if base is not None]


def rules(release: Release, t: int = 0) -> set[str]:
    """The rules that had something to say of a table."""
    return {decision.rule for decision in release.tables[t].decisions}


def hidden(release: Release) -> set[Slice]:
    """Whom the hidden figures count, bases too."""
    tables = [protected.table for protected in release.tables]
    cells = {c.who for t in tables for row in t.rows for c in row.cells if c.mark == "[c]" and c.who is not None}
    cells |= {c.base.who for t in tables for c in t.columns if c.base is not None and c.base.mark}
    missing = [c for t in tables for c in t.columns if c.base is not None and c.base.missing_mark]
    for column in missing:
        for name, _ in column.base.who - column.who if column.base is not None else ():
            cells |= {column.who | {(name, frozenset({code}))} for code in (NO_ANSWER, UNASKED)}
    return cells


def too_small(tables: Iterable[Table], least: int = 3) -> set[Slice]:
    """The figures of crossed tables that are under a minimum, and the groups under 10 with all that is of them."""
    found = set()
    for table in tables:
        for row in table.rows:
            for cell, column in zip(row.cells, table.columns, strict=True):
                small_group = column.base is not None and 0 < column.base.n < 10
                if column.who and cell.who and (small_group or 0 < (cell.count or 0) < least):
                    found.add(cell.who)
                    found |= {column.base.who} if column.base is not None and small_group else set()
    return found


def possible(table: Table, release: Release) -> dict[tuple[int, int], set[int]]:
    """By trying: every value that each hidden figure of one crossed table, its bases all printed, can have."""
    rows = [[cell.mark != "[c]" for cell in row.cells] for row in release.tables[0].table.rows]
    gone = [(r, c) for r, row in enumerate(rows) for c, shown in enumerate(row) if c and not shown]
    left_row, left_column = Counter[int](), Counter[int]()
    for r, c in gone:
        left_row[r] += table.rows[r].cells[c].count or 0
        left_column[c] += table.rows[r].cells[c].count or 0
    found: dict[tuple[int, int], set[int]] = {place: set() for place in gone}

    def fill(at: int, values: tuple[int, ...]) -> None:
        if at == len(gone):
            if not any(left_row.values()) and not any(left_column.values()):
                for place, value in zip(gone, values, strict=True):
                    found[place].add(value)
            return
        r, c = gone[at]
        last = all(other[0] != r for other in gone[at + 1 :])
        for value in range(left_row[r] if last else 0, min(left_row[r], left_column[c]) + 1):
            left_row[r] -= value
            left_column[c] -= value
            fill(at + 1, (*values, value))
            left_row[r] += value
            left_column[c] += value

    fill(0, ())
    return found
