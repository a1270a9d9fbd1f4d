"""Quotations: words that may be printed, without what identifies, attributed to a group that is large enough.

Knows no organisation: the names that quotations must not hold come as values from the caller.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, get_args

from surveyapp import privacy
from surveyapp.acting import needs
from surveyapp.analysis.themes import coding as analysis
from surveyapp.analysis.themes.codeframes import Codeframe
from surveyapp.analysis.themes.coding import Quotation
from surveyapp.coding.desk import Desk, check_finished, desk_for, open_desk
from surveyapp.documents import nearest
from surveyapp.identifying import Finding, Kind, Names, identifying, prepare
from surveyapp.problems import NotFound, Problem, Refused, SurveyError
from surveyapp.roles import ANALYST
from surveyapp.storage import codings
from surveyapp.storage.codings import Answer, Cleared
from surveyapp.storage.database import Connection, Database

if TYPE_CHECKING:
    from surveyapp.export.coding import Chosen

Units = Sequence[tuple[str, str]]
"""Unit and name of every organisation in a frame, for words that must not be quoted."""


class Wish(NamedTuple):
    """A quotation asked for: its theme, its words, and whether somebody has judged what may identify."""

    under: str
    words: str
    read: bool = False


class Places(NamedTuple):
    """Where the faults of a quotation are found: on a sheet cells, on a form fields; and how to let it be."""

    answer: str
    under: str
    words: str
    leave: str


@needs(ANALYST)
def quoting_sheet(db: Database, wave: str, codeframe: str, units: Units) -> bytes:
    """Settled answers that may be quoted, with what may identify taken out of the words proposed (.xlsx).

    Left out are answers without a theme, and those of whoever did not agree to be quoted. Raises `SurveyError` if
    so few have answered that no attribution is safe.
    """
    from surveyapp.export import coding as sheets

    with db.reading() as connection:
        desk = open_desk(connection, wave, codeframe)
        attributions = _attributions(connection, desk)
        cleared = {quotation.answer: quotation for quotation in codings.quotations(connection, wave, codeframe)}
    names = prepare(units)
    lines = []
    for label, answer in sorted(desk.labels.items()):
        if desk.is_quotable(answer):
            said, before = desk.said[answer], cleared.get(answer)
            found = identifying(said.words, names)
            lines.append(
                sheets.Choice(
                    label,
                    ", ".join(code for code in desk.frame.labels if code in desk.settlement.settled[answer]),
                    said.words,
                    before.words if before else analysis.redacted(said.words, found),
                    _told(found),
                    attributions[desk.group(said)],
                    before.theme if before else "",
                )
            )
    return sheets.quoting_sheet(desk.frame, desk.purpose("quoting"), lines)


@needs(ANALYST)
def proposed(db: Database, wave: str, codeframe: str, name: str, content: bytes, units: Units) -> list[Quotation]:
    """The quotations that `clear` would store, to be looked at first. Raises what it would raise."""
    with db.reading() as connection:
        desk, cleared = _chosen(connection, wave, codeframe, name, content, units)
    return _in_order(desk.frame, cleared)


@needs(ANALYST)
def clear(
    db: Database, wave: str, codeframe: str, name: str, content: bytes, units: Units, may_see_names: bool = True
) -> list[Quotation]:
    """Store the quotations chosen on a sheet in place of those of its codeframe.

    Raises `Refused` with every problem and its cell: words that were not said, a theme that the answer does not
    carry, words that may identify somebody and that nobody has marked as read. Whoever may not see the names of
    the frame marks all words of their own as read: they are not looked up, for the reply would tell who is in it.
    """
    with db.transaction() as connection:
        desk, cleared = _chosen(connection, wave, codeframe, name, content, units, may_see_names)
        codings.keep_quotations(connection, wave, desk.frame.id, cleared)
    return _in_order(desk.frame, cleared)


@needs(ANALYST)
def quotations(db: Database, wave: str, codeframe: str, by_attribution: bool = False) -> list[Quotation]:
    """The cleared quotations by theme, in the order of the codeframe; or by whom they are attributed to."""
    with db.reading() as connection:
        desk = open_desk(connection, wave, codeframe)
        found = _in_order(desk.frame, codings.quotations(connection, wave, codeframe))
    return sorted(found, key=lambda quotation: quotation.attribution) if by_attribution else found


@needs(ANALYST)
def quotations_file(db: Database, wave: str, codeframe: str, suffix: str, by_attribution: bool = False) -> bytes:
    """The cleared quotations as a file: `.xlsx` or `.json`. Raises `SurveyError` for any other ending."""
    from surveyapp.export import coding as sheets

    found = quotations(db, wave, codeframe, by_attribution)
    with db.reading() as connection:
        desk = open_desk(connection, wave, codeframe)
    if suffix == ".xlsx":
        return sheets.quotation_table(str(desk.frame.title), desk.wave.note, found)
    if suffix == ".json":
        entries = [{"theme": q.theme, "quotation": q.words, "attribution": q.attribution} for q in found]
        return json.dumps({"note": desk.wave.note, "quotations": entries}, indent=1, ensure_ascii=False).encode()
    raise SurveyError(f"{suffix or 'no ending'} is not a kind of file; end the name in .xlsx or .json")


@needs(ANALYST)
def choose(
    db: Database, wave: str, codeframe: str, chosen: Sequence[tuple[Answer, str]], units: Units
) -> list[Quotation]:
    """Clear whole answers under a theme each, as a sheet would that nobody shortened; redacted where they tell.

    Raises `ValueError` for an answer that may not be quoted or does not carry the theme.
    """
    names = prepare(units)
    with db.transaction() as connection:
        desk = open_desk(connection, wave, codeframe)
        attributions = _attributions(connection, desk)
        cleared = []
        for answer, theme in chosen:
            if not desk.is_quotable(answer) or theme not in desk.headings(answer):
                raise ValueError(f"an answer to {answer[0]} cannot be quoted under {theme}")
            said = desk.said[answer]
            words = analysis.redacted(said.words, identifying(said.words, names))
            cleared.append(Cleared(answer, theme, words, attributions[desk.group(said)]))
        codings.keep_quotations(connection, wave, codeframe, cleared)
    return _in_order(desk.frame, cleared)


@dataclass(frozen=True)
class Offer:
    """An answer that may be quoted: its themes and nets with their labels, and whom it would be attributed to.

    `cleared` is the quotation it has, None if it has none.
    """

    label: str
    words: str = field(repr=False)
    headings: tuple[tuple[str, str], ...]
    attribution: str
    cleared: Cleared | None


@dataclass(frozen=True)
class Clearance:
    """A quotation that is cleared; `fits` says whether its answer may still be quoted under its theme."""

    label: str
    theme: str
    words: str = field(repr=False)
    attribution: str
    fits: bool


@needs(ANALYST)
def offers(db: Database, wave: str, codeframe: str, coder: str) -> list[Offer]:
    """What may be quoted, for those who are done: settled answers with a theme, in an order that tells nothing.

    Raises `StillCoding` for others, and `SurveyError` if so few have answered that no attribution is safe.
    """
    with db.reading() as connection:
        check_finished(connection, wave, codeframe, coder)
        desk = open_desk(connection, wave, codeframe)
        attributions = _attributions(connection, desk)
        cleared = {quotation.answer: quotation for quotation in codings.quotations(connection, wave, codeframe)}
    return [
        _offer(desk, label, attributions, cleared)
        for label in sorted(desk.labels)
        if desk.is_quotable(desk.labels[label])
    ]


def _offer(
    desk: Desk, label: str, attributions: Mapping[analysis.Group, str], cleared: Mapping[Answer, Cleared]
) -> Offer:
    answer = desk.labels[label]
    said, under = desk.said[answer], desk.headings(answer)
    headings = tuple((code, name) for code, name in desk.frame.labels.items() if code in under)
    return Offer(label, said.words, headings, attributions[desk.group(said)], cleared.get(answer))


def suggestion(words: str, units: Units) -> tuple[str, str]:
    """Words with what may identify somebody taken out, and what that was."""
    found = identifying(words, prepare(units))
    return analysis.redacted(words, found), _told(found)


@needs(ANALYST)
def quote(db: Database, wave: str, codeframe: str, coder: str, label: str, wish: Wish, units: Units) -> None:
    """Clear one quotation, in place of one of the same answer.

    Raises `StillCoding` for somebody who is not done; `Refused` with every problem: words that were not said, a
    theme that the answer does not carry, words that may identify somebody and that nobody has judged.
    """
    names = prepare(units)
    with db.transaction() as connection:
        check_finished(connection, wave, codeframe, coder)
        desk = open_desk(connection, wave, codeframe)
        attributions = _attributions(connection, desk)
        answer = _labelled(desk, label)
        if faults := [
            *_own_words(wish, "words", _TICK),
            *_faults(desk, answer, _said_words(wish), names, _FORM, _TICK),
        ]:
            raise Refused(faults)
        kept = [q for q in codings.quotations(connection, wave, codeframe) if q.answer != answer]
        attributed = attributions[desk.group(desk.said[answer])]
        new = Cleared(answer, wish.under, wish.words, attributed)
        codings.keep_quotations(connection, wave, codeframe, [*kept, new])


_FORM, _TICK = Places("under", "under", "words", "leave it out"), "tick the box below"
_OWN = re.compile(rf"\[(?!(?:{'|'.join(get_args(Kind))})\])[^\[\]]*\]")
"""What an editor puts into brackets beside the marks that `redacted` puts in."""


def _own_words(wish: Wish, at: str, judged: str) -> Iterator[Problem]:
    """Words of the editor's own have to be judged, whatever they are.

    They are not looked up among the names of the frame: whoever types them would learn who is in it.
    """
    if not wish.read and _OWN.search(wish.words):
        do = f"{judged} when you have judged that they identify nobody"
        yield Problem(at, "words of your own stand in [brackets]", do)


def _said_words(wish: Wish) -> Wish:
    return wish._replace(words=_OWN.sub(" … ", wish.words))


@needs(ANALYST)
def withdraw(db: Database, wave: str, codeframe: str, coder: str, label: str) -> None:
    """Take a quotation back. Raises `StillCoding` for somebody who is not done."""
    with db.transaction() as connection:
        check_finished(connection, wave, codeframe, coder)
        answer = _labelled(open_desk(connection, wave, codeframe), label)
        kept = [q for q in codings.quotations(connection, wave, codeframe) if q.answer != answer]
        codings.keep_quotations(connection, wave, codeframe, kept)


@needs(ANALYST)
def clearances(db: Database, wave: str, codeframe: str, coder: str) -> list[Clearance]:
    """The cleared quotations, by theme as in the codeframe, for those who are done. Raises `StillCoding`."""
    with db.reading() as connection:
        check_finished(connection, wave, codeframe, coder)
        desk = open_desk(connection, wave, codeframe)
        cleared = [q for q in codings.quotations(connection, wave, codeframe) if q.answer in desk.said]
    labels = {answer: label for label, answer in desk.labels.items()}
    return [
        Clearance(labels[q.answer], desk.frame.labels[q.theme], q.words, q.attribution, _fits(desk, q))
        for q in _sorted(desk.frame, cleared)
    ]


def _fits(desk: Desk, cleared: Cleared) -> bool:
    return desk.is_quotable(cleared.answer) and cleared.theme in desk.headings(cleared.answer)


def _labelled(desk: Desk, label: str) -> Answer:
    if label not in desk.labels:
        raise NotFound(f"there is no such answer under {desk.frame.id}")
    return desk.labels[label]


def _chosen(
    connection: Connection,
    wave: str,
    codeframe: str,
    name: str,
    content: bytes,
    units: Units,
    may_see_names: bool = True,
) -> tuple[Desk, list[Cleared]]:
    """The quotations on a sheet, once nothing is wrong with any."""
    from surveyapp.export import coding as sheets

    filled = sheets.read_sheet(name, content)
    desk = desk_for(connection, wave, filled.purpose, "quoting", codeframe)
    attributions = _attributions(connection, desk)
    names = prepare(units)
    cleared, problems = [], []
    for row in sheets.read_choices(filled, desk.words):
        answer = desk.labels[row.label]
        faults = list(_sheet_faults(desk, answer, row, names, may_see_names))
        problems += faults
        if not faults:
            attributed = attributions[desk.group(desk.said[answer])]
            cleared.append(Cleared(answer, row.under, row.words, attributed))
    if problems:
        raise Refused(problems)
    return desk, cleared


def _sheet_faults(
    desk: Desk, answer: Answer, row: "Chosen", names: Names, may_see_names: bool
) -> Iterator[Problem]:
    from surveyapp.export.coding import ANSWER, PRINT, READ, UNDER

    places = Places(row.places[ANSWER], row.places[UNDER], row.places[PRINT], "clear “Quote under”")
    judged = f"write 1 into {row.places[READ]}"
    wish = Wish(row.under, row.words, row.read)
    if not may_see_names:
        yield from _own_words(wish, places.words, judged)
        wish = _said_words(wish)
    yield from _faults(desk, answer, wish, names, places, judged)


def _faults(
    desk: Desk, answer: Answer, wish: Wish, names: Names, places: Places, judged: str
) -> Iterator[Problem]:
    if not desk.is_quotable(answer):
        yield Problem(places.answer, "this answer may not be quoted", places.leave)
        return
    if wish.under not in desk.headings(answer):
        what = f"the answer does not carry “{wish.under[:40]}”"
        yield Problem(places.under, what, nearest(wish.under, desk.headings(answer)))
    if not analysis.is_faithful(wish.words, desk.said[answer].words):
        do = "quote word for word; … for what is left out, [brackets] for words of your own"
        yield Problem(places.words, "it holds what was not said, or nothing", do)
    elif not wish.read and (found := identifying(_without_marks(wish.words), names)):
        do = f"take it out, or {judged} when you have judged it"
        yield Problem(places.words, f"it may identify somebody: {_told(found)}", do)


def _without_marks(words: str) -> str:
    """Without the marks that `redacted` puts in; what an editor put into brackets is looked at like all else."""
    return re.sub(rf"\[(?:{'|'.join(get_args(Kind))})\]", " … ", words)


def _told(found: Iterable[Finding]) -> str:
    return ", ".join(f"{finding.words} ({finding.kind})" for finding in found)


def _in_order(frame: Codeframe, cleared: Iterable[Cleared]) -> list[Quotation]:
    return [Quotation(frame.labels[c.theme], c.words, c.attribution) for c in _sorted(frame, cleared)]


def _sorted(frame: Codeframe, cleared: Iterable[Cleared]) -> list[Cleared]:
    place = {code: i for i, code in enumerate(frame.labels)}
    return sorted(cleared, key=lambda c: (place[c.theme], c.attribution, c.words))


def _attributions(connection: Connection, desk: Desk) -> dict[analysis.Group, str]:
    """Whom each group of respondents may be attributed to."""
    groups = [desk.group(response) for response in codings.beside(connection, desk.wave.name)]
    least = max(desk.instrument.disclosure.minimum_base, privacy.SMALLEST_CELL)
    if len(groups) < least:
        raise SurveyError(f"{len(groups)} have answered; quotations need a group of at least {least}")
    safe = analysis.safe_groups(groups, least)
    return {group: analysis.attribution(desk.frame, parts, desk.label) for group, parts in safe.items()}
