"""Where coders differ, a third person decides."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from surveyapp.acting import needs
from surveyapp.analysis.themes.codeframes import MARKS, Codeframe, Codes
from surveyapp.analysis.themes.coding import Dispute, Settlement
from surveyapp.coding.coders import Loaded
from surveyapp.coding.desk import (
    Desk,
    became,
    can_be_given,
    check_finished,
    check_known,
    desk_for,
    look_at,
    open_desk,
)
from surveyapp.problems import NotFound, Problem, Refused, SurveyError
from surveyapp.roles import ANALYST
from surveyapp.storage import codings
from surveyapp.storage.codings import Answer, Said
from surveyapp.storage.database import Database


@needs(ANALYST)
def settling_sheet(db: Database, wave: str, codeframe: str) -> bytes:
    """The answers in dispute, with what each coder gave, for a third person to decide (.xlsx).

    Raises `SurveyError` if nothing is in dispute.
    """
    from surveyapp.export import coding as sheets

    with db.reading() as connection:
        desk = open_desk(connection, wave, codeframe)
    if not desk.settlement.disputed:
        waiting = len(desk.settlement.uncoded)
        raise SurveyError(f"nothing is in dispute under {codeframe}; {waiting} answers are not coded yet")
    lines = [
        sheets.Line(
            label,
            answer[0],
            desk.said[answer].words,
            desk.settlement.disputed[answer].agreed,
            _left(desk.frame, desk.settlement.disputed[answer]),
            _given(desk.settlement.disputed[answer]),
        )
        for label, answer in sorted(desk.labels.items())
        if answer in desk.settlement.disputed
    ]
    return sheets.coding_sheet(desk.frame, desk.purpose("settling"), lines)


@needs(ANALYST)
def load_settling(db: Database, wave: str, codeframe: str, name: str, content: bytes) -> Loaded:
    """Take in decisions: the whole sheet or nothing. Raises `Refused` with every problem and its cell."""
    from surveyapp.export import coding as sheets

    filled = sheets.read_sheet(name, content)
    with db.transaction() as connection:
        desk = desk_for(connection, wave, filled.purpose, "settling", codeframe)
        disputed = desk.settlement.disputed
        left = {label: _left(desk.frame, disputed[a]) for label, a in desk.labels.items() if a in disputed}
        given = sheets.read_codes(filled, desk.frame, desk.words, left)
        decided = {desk.labels[label]: codes for label, codes in given.items() if codes}
        _check_disputed(desk, decided)
        codings.keep_decisions(connection, wave, desk.frame.id, decided)
    return Loaded(desk.frame.id, "", len(decided), len(given) - len(decided))


@needs(ANALYST)
def settle(db: Database, wave: str, codeframe: str, decided: Mapping[Answer, Codes]) -> None:
    """Store decisions, as `load_settling` does from a sheet. Raises `ValueError` for what cannot be given."""
    with db.transaction() as connection:
        desk = open_desk(connection, wave, codeframe)
        check_known(desk, decided)
        codings.keep_decisions(connection, wave, codeframe, decided)


@needs(ANALYST)
def settlement(db: Database, wave: str, codeframe: str) -> Settlement[Answer]:
    """What is settled, what is in dispute, and what nobody has coded."""
    with db.reading() as connection:
        return open_desk(connection, wave, codeframe).settlement


@dataclass(frozen=True)
class Difference:
    """An answer on which coders differ: what each gave, in an order that tells nothing of who.

    `agreed` are codes that all of them gave; `note` tells of themes that a newer version has split or ended;
    `decided` is what was decided, None if nobody has yet.
    """

    label: str
    said: Said
    given: tuple[Codes, ...]
    agreed: Codes
    note: str
    decided: Codes | None


@needs(ANALYST)
def differences(db: Database, wave: str, codeframe: str, coder: str) -> list[Difference]:
    """Where coders differ or did before it was decided, for those who are done.

    Raises `StillCoding` for others.
    """
    with db.reading() as connection:
        check_finished(connection, wave, codeframe, coder)
        desk = open_desk(connection, wave, codeframe)
    wanted = desk.settlement.disputed.keys() | desk.decisions.keys()
    return [
        _difference(desk, label, desk.labels[label])
        for label in sorted(desk.labels)
        if desk.labels[label] in wanted
    ]


def _difference(desk: Desk, label: str, answer: Answer) -> Difference:
    given = {name: coded[answer] for name, coded in desk.coders.items() if answer in coded}
    order = sorted(given, key=lambda name: hashlib.sha256(f"{label} {name}".encode()).digest())
    codes = tuple(given[name].codes for name in order)
    again = frozenset[str]().union(*(coded.again for coded in given.values()))
    agreed = frozenset.intersection(*codes) if codes else frozenset()
    note = look_at(desk.frame, again)
    return Difference(label, desk.said[answer], codes, agreed, note, desk.decisions.get(answer))


@needs(ANALYST)
def decide(db: Database, wave: str, codeframe: str, coder: str, label: str, codes: Codes) -> None:
    """Settle one answer on which coders differ, or settle it otherwise than before.

    Raises `StillCoding` for somebody who is not done, `Refused` for codes that do not go together and for an
    answer that is not, or no longer, in dispute.
    """
    with db.transaction() as connection:
        check_finished(connection, wave, codeframe, coder)
        desk = open_desk(connection, wave, codeframe)
        answer = desk.labels.get(label)
        if answer is None:
            raise NotFound(f"there is no such answer under {codeframe}")
        if not can_be_given(desk.frame, codes):
            do = "choose themes, or one of the last two in their place"
            raise Refused([Problem("codes", "an answer cannot be settled on this", do)])
        if answer not in desk.settlement.disputed and answer not in desk.decisions:
            raise Refused([Problem("codes", "coders agree on it by now", "go on to the next")])
        codings.keep_decisions(connection, wave, codeframe, {answer: codes})


@needs(ANALYST)
def check_done(db: Database, wave: str, codeframe: str, coder: str) -> None:
    """Raises `StillCoding` for a coder to whom it is not open yet what others gave."""
    with db.reading() as connection:
        check_finished(connection, wave, codeframe, coder)


def _left(frame: Codeframe, dispute: Dispute) -> Codes:
    """What a third person has to decide: what coders differ on, and what split themes have become."""
    left = dispute.open | became(frame, dispute.again)
    return left or frozenset([*frame.coded, *MARKS]) - dispute.agreed


def _given(dispute: Dispute) -> str:
    given = [f"{coder}: {', '.join(sorted(codes)) or 'open'}" for coder, codes in dispute.given.items()]
    again = [f"split or ended: {', '.join(sorted(dispute.again))}"] if dispute.again else []
    return "; ".join(given + again)


def _check_disputed(desk: Desk, decided: Mapping[Answer, Codes]) -> None:
    """What coders agree on by now is not decided over their heads."""
    labels = {answer: label for label, answer in desk.labels.items()}
    agreed = [
        labels[answer]
        for answer, codes in decided.items()
        if answer not in desk.settlement.disputed
        and answer not in desk.decisions
        and codes != desk.settlement.settled.get(answer)
    ]
    if agreed:
        do = "make the settling sheet anew"
        raise Refused([Problem(label, "it is no longer in dispute", do) for label in agreed])
