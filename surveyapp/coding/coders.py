"""What coders give: sheets out and in, and how far coders agree."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from surveyapp.acting import needs
from surveyapp.analysis.themes import coding as analysis
from surveyapp.analysis.themes.codeframes import Codes
from surveyapp.analysis.themes.coding import PairAgreement
from surveyapp.coding.desk import (
    Desk,
    another,
    became,
    check_known,
    check_some,
    coder_named,
    desk_for,
    look_at,
    open_desk,
)
from surveyapp.problems import SurveyError
from surveyapp.roles import ANALYST
from surveyapp.storage import codings
from surveyapp.storage.codings import Answer, Coded, Said
from surveyapp.storage.database import Connection, Database

if TYPE_CHECKING:
    from surveyapp.export.coding import Line


@dataclass(frozen=True)
class Loaded:
    """What came out of a sheet: how many answers it settles or codes, and how many it leaves blank."""

    codeframe: str
    coder: str
    given: int
    blank: int


@needs(ANALYST)
def answers(db: Database, wave: str, codeframe: str) -> list[Said]:
    """The open answers under a codeframe, in the order of their random ids."""
    with db.reading() as connection:
        return list(open_desk(connection, wave, codeframe).said.values())


@needs(ANALYST)
def sheet(db: Database, wave: str, codeframe: str, coder: str) -> bytes:
    """A coder's sheet (.xlsx): the answers in an order of the coder's own, with what was coded so far.

    Orders differ from coder to coder, so that tiring or growing surer does not hit the same answers twice. Raises
    `SurveyError` if nothing has been released yet.
    """
    from surveyapp.export import coding as sheets  # here, for spreadsheets are slow to load

    coder = coder_named(coder)
    with db.reading() as connection:
        desk = open_desk(connection, wave, codeframe)
    check_some(desk)
    mine = desk.coders.get(coder, {})
    labels = in_order_of(coder, desk.labels)
    lines = [_line(desk, label, mine.get(desk.labels[label])) for label in labels]
    return sheets.coding_sheet(desk.frame, desk.purpose("coding", coder), lines)


def in_order_of(coder: str, labels: Collection[str]) -> list[str]:
    """Labels of answers in an order of the coder's own, which tells nothing and stays."""
    return sorted(labels, key=lambda label: hashlib.sha256(f"{coder} {label}".encode()).digest())


def _line(desk: Desk, label: str, coded: Coded | None) -> "Line":
    """An answer on a coder's sheet; what a newer version left open stays blank, however it was coded before."""
    from surveyapp.export.coding import Line

    answer = desk.labels[label]
    before = coded or Coded(answer, frozenset())
    note = look_at(desk.frame, before.again)
    return Line(
        label, answer[0], desk.said[answer].words, before.codes or None, became(desk.frame, before.again), note
    )


@needs(ANALYST)
def load(db: Database, wave: str, name: str, content: bytes, own: str = "", codeframe: str = "") -> Loaded:
    """Take in a coder's sheet: the whole of it or nothing; rows that came back blank are not coded.

    Raises `Refused` with every problem and its cell: a sheet of another wave or version, changed words, a mark
    beside a theme. With `own`, the label of whoever loads it, also the sheet of another coder, and any once they
    have said that they are done; with `codeframe` also the sheet of another codeframe.
    """
    from surveyapp.export import coding as sheets

    filled = sheets.read_sheet(name, content)
    with db.transaction() as connection:
        desk = desk_for(connection, wave, filled.purpose, "coding", codeframe)
        coder = coder_named(filled.purpose.coder)
        if own:
            _check_own(connection, desk, coder, own)
        before = desk.coders.get(coder, {})
        waiting = {answer: coded.again for answer, coded in before.items() if coded.again}
        left = {label: became(desk.frame, waiting[a]) for label, a in desk.labels.items() if a in waiting}
        given = sheets.read_codes(filled, desk.frame, desk.words, left)
        entries = [Coded(desk.labels[label], codes) for label, codes in given.items() if codes]
        blank = [desk.labels[label] for label, codes in given.items() if codes is None]
        emptied = [answer for answer in blank if answer not in waiting]
        store(connection, wave, desk.frame.id, coder, before, entries, emptied)
    return Loaded(desk.frame.id, coder, len(entries), len(blank))


def store(
    connection: Connection,
    wave: str,
    codeframe: str,
    coder: str,
    before: Mapping[Answer, Coded],
    entries: Sequence[Coded],
    emptied: Collection[Answer] = (),
) -> None:
    """Keep what a coder gave; what was decided on an answer coded otherwise than `before` is open again."""
    changed = [entry.answer for entry in entries if entry != before.get(entry.answer)]
    gone = [answer for answer in emptied if answer in before]
    codings.keep_codings(connection, wave, codeframe, coder, entries, emptied)
    codings.keep_decisions(connection, wave, codeframe, {}, [*changed, *gone])


def _check_own(connection: Connection, desk: Desk, coder: str, own: str) -> None:
    if coder != own:
        raise another("it is the sheet of another coder", "load the sheet that was written for you")
    if own in codings.finished(connection, desk.wave.name, desk.frame.id):
        raise another("you have said that you are done", "code what is left on the screen, answer by answer")


@needs(ANALYST)
def code(db: Database, wave: str, codeframe: str, given: Mapping[str, Mapping[Answer, Codes]]) -> None:
    """Store what each coder gave, as `load` does from sheets. Raises `ValueError` for what cannot be given."""
    with db.transaction() as connection:
        desk = open_desk(connection, wave, codeframe)
        for coder, codes_of in given.items():
            check_known(desk, codes_of)
            entries = [Coded(answer, codes) for answer, codes in codes_of.items()]
            codings.keep_codings(connection, wave, codeframe, coder_named(coder), entries)


def coder_of(account: bytes) -> str:
    """The label of the coder whom an account makes: it names nobody, and is always the same."""
    return f"staff-{hashlib.sha256(b'coder ' + account).hexdigest()[:12]}"


@needs(ANALYST)
def agreement(db: Database, wave: str, codeframe: str) -> list[PairAgreement]:
    """How far every two coders agree; answers that wait to be looked at again are left out.

    Raises `SurveyError` while there are fewer than two coders.
    """
    with db.reading() as connection:
        desk = open_desk(connection, wave, codeframe)
    if len(desk.coders) < 2:
        held = ", ".join(desk.coders) or "nobody"
        raise SurveyError(f"agreement needs two coders; {codeframe} was coded by {held}")
    sure = {
        coder: {answer: coded.codes for answer, coded in given.items() if not coded.again}
        for coder, given in desk.coders.items()
    }
    return analysis.agreement(desk.frame, sure)
