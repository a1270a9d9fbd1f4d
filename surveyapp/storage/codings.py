"""Codeframes, what coders gave open answers, what was decided, and quotations that are cleared. Answer side.

Like all of this side: random ids, no time, no sequence, `WITHOUT ROWID`. An open answer is named by its id and its
answer key; of a `linked` question the id is that of the response which holds the words.
"""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from surveyapp.storage.database import metadata
from surveyapp.storage.responses import response_table, verbatim_table

codeframe_table = sa.Table(
    "codeframe",
    metadata,
    sa.Column("wave", sa.Text, sa.ForeignKey("wave.name"), primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("document", sa.Text, nullable=False),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)


def _table(name: str, *columns: sa.Column[Any]) -> sa.Table:
    """A table of open answers under a codeframe."""
    return sa.Table(
        name,
        metadata,
        sa.Column("wave", sa.Text, primary_key=True),
        sa.Column("codeframe", sa.Text, primary_key=True),
        *columns,
        sa.ForeignKeyConstraint(["wave", "codeframe"], ["codeframe.wave", "codeframe.name"]),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )


def _answer() -> tuple[sa.Column[Any], sa.Column[Any]]:
    """What names an open answer."""
    return sa.Column("question", sa.Text, primary_key=True), sa.Column(
        "verbatim", sa.LargeBinary, primary_key=True
    )


coding_table = _table(
    "coding",
    sa.Column("coder", sa.Text, primary_key=True),
    *_answer(),
    sa.Column("codes", sa.Text, nullable=False),
    sa.Column("again", sa.Text, nullable=False),
)

settled_table = _table("settled", *_answer(), sa.Column("codes", sa.Text, nullable=False))

quotation_table = _table(
    "quotation",
    *_answer(),
    sa.Column("theme", sa.Text, nullable=False),
    sa.Column("words", sa.Text, nullable=False),
    sa.Column("attribution", sa.Text, nullable=False),
)

finished_table = _table("finished", sa.Column("coder", sa.Text, primary_key=True))
"""Coders who have said that they are done, and may see from then on what others gave."""

Answer = tuple[str, bytes]
"""An open answer by its key and id."""


@dataclass(frozen=True)
class Said:
    """One open answer: its stratum cell, and the closed answers beside it where its question is linked."""

    answer: Answer
    cell: str
    words: str = field(repr=False)
    beside: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Coded:
    """What a coder gave an answer; `again` are themes of an older codeframe that nobody has decided on."""

    answer: Answer
    codes: frozenset[str]
    again: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Cleared:
    """Words that may be printed."""

    answer: Answer
    theme: str
    words: str = field(repr=False)
    attribution: str


# ── what was said ────────────────────────────────────────────────────────────


def said(connection: sa.Connection, wave: str) -> list[Said]:
    """The open answers that are kept apart, in the order of their random ids."""
    query = sa.select(verbatim_table).where(verbatim_table.c.wave == wave).order_by(verbatim_table.c.id)
    return [Said((row.question, row.id), row.cell, row.text) for row in connection.execute(query)]


def beside(connection: sa.Connection, wave: str) -> list[Said]:
    """The released responses, each as if it had said nothing: what is known of those who may have."""
    query = sa.select(response_table).where(response_table.c.wave == wave).order_by(response_table.c.id)
    rows = connection.execute(query)
    return [Said(("", row.id), row.cell, "", json.loads(row.answers)) for row in rows]


def said_one(connection: sa.Connection, wave: str, answer: Answer) -> bool:
    """Whether there is an answer that is kept apart with this key and id."""
    key, id_ = answer
    here = (verbatim_table.c.id == id_) & (verbatim_table.c.wave == wave) & (verbatim_table.c.question == key)
    return connection.scalar(sa.select(sa.func.count()).select_from(verbatim_table).where(here)) == 1


def beside_one(connection: sa.Connection, wave: str, id_: bytes) -> Mapping[str, Any]:
    """The answers of one released response, by its id; none if there is no such."""
    here = (response_table.c.id == id_) & (response_table.c.wave == wave)
    found = connection.scalar(sa.select(response_table.c.answers).where(here))
    return dict(json.loads(found)) if found else {}


def said_counts(connection: sa.Connection, wave: str) -> dict[str, int]:
    """How many open answers are kept apart under each answer key."""
    table = verbatim_table.c
    count = sa.func.count().label("n")
    query = sa.select(table.question, count).where(table.wave == wave).group_by(table.question)
    return {row.question: row.n for row in connection.execute(query)}


# ── codeframes ───────────────────────────────────────────────────────────────


def codeframes(connection: sa.Connection, wave: str) -> dict[str, str]:
    """The documents of a wave's codeframes, by name."""
    query = sa.select(codeframe_table).where(codeframe_table.c.wave == wave).order_by(codeframe_table.c.name)
    return {row.name: row.document for row in connection.execute(query)}


def keep_codeframe(connection: sa.Connection, wave: str, name: str, document: str) -> None:
    """Store a codeframe in place of its version before."""
    here = (codeframe_table.c.wave == wave) & (codeframe_table.c.name == name)
    if not connection.execute(codeframe_table.update().where(here).values(document=document)).rowcount:
        connection.execute(codeframe_table.insert().values(wave=wave, name=name, document=document))


# ── codings ──────────────────────────────────────────────────────────────────


def codings(connection: sa.Connection, wave: str, codeframe: str) -> dict[str, list[Coded]]:
    """What each coder gave."""
    found: dict[str, list[Coded]] = {}
    for row in connection.execute(_of(coding_table, wave, codeframe)):
        coded = Coded((row.question, row.verbatim), _codes(row.codes), _codes(row.again))
        found.setdefault(row.coder, []).append(coded)
    return found


def codings_of(connection: sa.Connection, wave: str, codeframe: str, coder: str) -> dict[Answer, Coded]:
    """What one coder gave."""
    rows = connection.execute(_of(coding_table, wave, codeframe).where(coding_table.c.coder == coder))
    found = (Coded((row.question, row.verbatim), _codes(row.codes), _codes(row.again)) for row in rows)
    return {coded.answer: coded for coded in found}


def given_to(connection: sa.Connection, wave: str, codeframe: str, answer: Answer) -> dict[str, Coded]:
    """What every coder gave one answer."""
    here = (coding_table.c.question == answer[0]) & (coding_table.c.verbatim == answer[1])
    rows = connection.execute(_of(coding_table, wave, codeframe).where(here))
    return {row.coder: Coded(answer, _codes(row.codes), _codes(row.again)) for row in rows}


def coded_by_others(connection: sa.Connection, wave: str, codeframe: str, coder: str) -> set[Answer]:
    """The answers that anybody but this coder has coded."""
    table = coding_table.c
    here = (table.wave == wave) & (table.codeframe == codeframe) & (table.coder != coder)
    rows = connection.execute(sa.select(table.question, table.verbatim).where(here).distinct())
    return {(row.question, row.verbatim) for row in rows}


def coded_counts(connection: sa.Connection, wave: str, codeframe: str) -> dict[str, int]:
    """How many answers each coder has coded for good: those to be looked at again are not counted."""
    table = coding_table.c
    here = (table.wave == wave) & (table.codeframe == codeframe) & (table.again == "")
    count = sa.func.count().label("n")
    query = sa.select(table.coder, count).where(here).group_by(table.coder).order_by(table.coder)
    return {row.coder: row.n for row in connection.execute(query)}


def finished(connection: sa.Connection, wave: str, codeframe: str) -> set[str]:
    """The coders who have said that they are done."""
    return {row.coder for row in connection.execute(_of(finished_table, wave, codeframe))}


def finish(connection: sa.Connection, wave: str, codeframe: str, coder: str) -> None:
    """Keep that a coder is done."""
    if coder not in finished(connection, wave, codeframe):
        _insert(connection, finished_table, wave, codeframe, [{"coder": coder}])


def keep_codings(
    connection: sa.Connection,
    wave: str,
    codeframe: str,
    coder: str,
    entries: Iterable[Coded],
    emptied: Collection[Answer] = (),
) -> None:
    """Store a coder's codings in place of those of the same answers; of those `emptied` none is kept."""
    entries = list(entries)
    _forget(connection, coding_table, wave, codeframe, [*(e.answer for e in entries), *emptied], coder)
    rows = [{"coder": coder, "codes": _text(e.codes), "again": _text(e.again)} | _row(e.answer) for e in entries]
    _insert(connection, coding_table, wave, codeframe, rows)


def decisions(connection: sa.Connection, wave: str, codeframe: str) -> dict[Answer, frozenset[str]]:
    """What was decided where coders differed."""
    rows = connection.execute(_of(settled_table, wave, codeframe))
    return {(row.question, row.verbatim): _codes(row.codes) for row in rows}


def keep_decisions(
    connection: sa.Connection,
    wave: str,
    codeframe: str,
    decided: Mapping[Answer, frozenset[str]],
    emptied: Collection[Answer] = (),
) -> None:
    """Store decisions in place of those on the same answers; of those `emptied` none is kept."""
    _forget(connection, settled_table, wave, codeframe, [*decided, *emptied])
    rows = [{"codes": _text(codes)} | _row(answer) for answer, codes in decided.items()]
    _insert(connection, settled_table, wave, codeframe, rows)


# ── quotations ───────────────────────────────────────────────────────────────


def quotations(connection: sa.Connection, wave: str, codeframe: str) -> list[Cleared]:
    """The cleared quotations."""
    rows = connection.execute(_of(quotation_table, wave, codeframe))
    return [Cleared((row.question, row.verbatim), row.theme, row.words, row.attribution) for row in rows]


def keep_quotations(connection: sa.Connection, wave: str, codeframe: str, cleared: Iterable[Cleared]) -> None:
    """Store the quotations of a codeframe in place of all that there were."""
    here = (quotation_table.c.wave == wave) & (quotation_table.c.codeframe == codeframe)
    connection.execute(quotation_table.delete().where(here))
    rows = [{"theme": c.theme, "words": c.words, "attribution": c.attribution} | _row(c.answer) for c in cleared]
    _insert(connection, quotation_table, wave, codeframe, rows)


# ── rows ─────────────────────────────────────────────────────────────────────


def _of(table: sa.Table, wave: str, codeframe: str) -> sa.Select[Any]:
    here = (table.c.wave == wave) & (table.c.codeframe == codeframe)
    return sa.select(table).where(here).order_by(*table.primary_key.columns)


def _row(answer: Answer) -> dict[str, object]:
    question, verbatim = answer
    return {"question": question, "verbatim": verbatim}


def _insert(
    connection: sa.Connection, table: sa.Table, wave: str, codeframe: str, rows: Sequence[Mapping[str, object]]
) -> None:
    """In the order of their keys, whatever order they came in."""
    names = [column.name for column in table.primary_key.columns]
    whole = [{"wave": wave, "codeframe": codeframe, **row} for row in rows]
    if whole:
        connection.execute(table.insert(), sorted(whole, key=lambda row: [row[name] for name in names]))


def _forget(
    connection: sa.Connection,
    table: sa.Table,
    wave: str,
    codeframe: str,
    answers: Sequence[Answer],
    coder: str = "",
) -> None:
    here = (table.c.wave == wave) & (table.c.codeframe == codeframe)
    here &= (table.c.question == sa.bindparam("of_question")) & (table.c.verbatim == sa.bindparam("of_id"))
    if coder:
        here &= table.c.coder == coder
    if answers:
        which = [{"of_question": question, "of_id": verbatim} for question, verbatim in answers]
        connection.execute(table.delete().where(here), which)


def _text(codes: Collection[str]) -> str:
    return " ".join(sorted(codes))


def _codes(text: str) -> frozenset[str]:
    return frozenset(text.split())
