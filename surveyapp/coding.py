"""Coding: open answers get themes from a codeframe, coders are compared, differences settled, quotations cleared.

Knows no person and no organisation: the names that quotations must not hold come as values from the caller.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, get_args

from surveyapp import privacy
from surveyapp.analysis.themes import coding as analysis
from surveyapp.analysis.themes.codeframes import (
    MARKS,
    Codeframe,
    Codes,
    asked_key,
    carry_over,
    check_follows,
    fresh,
    is_linked,
    read_codeframe,
    stored_codeframe,
)
from surveyapp.analysis.themes.coding import Dispute, PairAgreement, Quotation, Settlement, ThemeColumns
from surveyapp.documents import nearest, read_document
from surveyapp.frames import taken_apart
from surveyapp.identifying import Finding, Kind, Names, identifying, prepare
from surveyapp.instrument import Instrument, choices
from surveyapp.problems import NotFound, Problem, Refused, SurveyError
from surveyapp.storage import codings, responses, waves
from surveyapp.storage.codings import Answer, Cleared, Coded, Said
from surveyapp.storage.database import Connection, Database
from surveyapp.storage.waves import Wave

if TYPE_CHECKING:
    from surveyapp.export.coding import Chosen, Line, Purpose

Units = Sequence[tuple[str, str]]
"""Unit and name of every organisation in a frame, for words that must not be quoted."""


@dataclass(frozen=True)
class Put:
    """A codeframe that is on its wave: what a new version did to earlier work.

    `carried` codings were taken over, `again` of them wait to be looked at again; `lost` counts decisions and
    quotations that no longer fit. `fresh` are themes that no coder has looked for yet.
    """

    codeframe: Codeframe
    new: bool
    answers: int
    carried: int = 0
    again: int = 0
    lost: int = 0
    fresh: tuple[str, ...] = ()


@dataclass(frozen=True)
class Loaded:
    """What came out of a sheet: how many answers it settles or codes, and how many it leaves blank."""

    codeframe: str
    coder: str
    given: int
    blank: int


@dataclass(frozen=True)
class Standing:
    """How far a codeframe has come on its wave."""

    codeframe: Codeframe
    coders: tuple[str, ...]
    answers: int
    settled: int
    disputed: int
    uncoded: int
    quotations: int


# ── codeframes ───────────────────────────────────────────────────────────────


def put_codeframe(db: Database, wave: str, content: bytes) -> Put:
    """Put a codeframe on a wave, or a newer version in place of the one there; codings are carried over.

    Raises `Refused` with every problem, also if a question is under another codeframe already or if the newer
    version does not say what became of a theme.
    """
    with db.transaction() as connection:
        of = waves.wave_named(connection, wave)
        instrument = waves.published(connection, of.survey, of.version)
        frame = read_codeframe(content, instrument, of.carry)
        known = codings.codeframes(connection, wave)
        _check_alone(frame, known, content)
        answers = len(_said(connection, wave, instrument, frame))
        text = content.decode("utf-8-sig")
        old = stored_codeframe(known[frame.id]) if frame.id in known else None
        if old is not None and read_document(known[frame.id]).value == read_document(text).value:
            return Put(frame, new=False, answers=answers)
        coders = codings.codings(connection, wave, frame.id)
        if old is not None and coders:
            _check_newer(old, frame, content)
        codings.keep_codeframe(connection, wave, frame.id, text)
        if old is None:
            return Put(frame, new=True, answers=answers)
        return _carried(connection, wave, old, frame, answers, coders)


def standings(db: Database, wave: str) -> list[Standing]:
    """How far each codeframe of a wave has come, by name."""
    with db.reading() as connection:
        waves.wave_named(connection, wave)
        desks = [_desk(connection, wave, name) for name in codings.codeframes(connection, wave)]
        return [
            Standing(
                desk.frame,
                tuple(desk.coders),
                len(desk.said),
                len(desk.settlement.settled),
                len(desk.settlement.disputed),
                len(desk.settlement.uncoded),
                len(codings.quotations(connection, wave, desk.frame.id)),
            )
            for desk in desks
        ]


def _check_alone(frame: Codeframe, known: Mapping[str, str], content: bytes) -> None:
    """A question has one codeframe, or a table of its themes would not know which."""
    document = read_document(content)
    others = (stored_codeframe(text) for name, text in known.items() if name != frame.id)
    taken = {key: other.id for other in others for key in other.questions}
    problems = [
        document.problem(
            f"/questions/{i}", f'"{key}" is under the codeframe "{taken[key]}"', "leave it to that one"
        )
        for i, key in enumerate(frame.questions)
        if key in taken
    ]
    if problems:
        raise Refused(problems)


def _check_newer(old: Codeframe, new: Codeframe, content: bytes) -> None:
    document = read_document(content)
    if new.version == old.version:
        what = f"{old.name} is in use with other content"
        raise Refused([document.problem("/version", what, "give the changed codeframe a new version")])
    check_follows(old, new, document)


def _carried(
    connection: Connection,
    wave: str,
    old: Codeframe,
    new: Codeframe,
    answers: int,
    coders: Mapping[str, Sequence[Coded]],
) -> Put:
    """Everything coded under the old version, as it is under the new one."""
    carried = again = 0
    for coder, entries in coders.items():
        moved = [_moved(entry, new) for entry in entries]
        codings.keep_codings(connection, wave, new.id, coder, moved)
        carried += len(moved)
        again += sum(bool(entry.again) for entry in moved)
    lost = _carry_decisions(connection, wave, new) + _carry_quotations(connection, wave, old, new)
    return Put(new, True, answers, carried, again, lost, fresh(old, new))


def _moved(entry: Coded, frame: Codeframe) -> Coded:
    after = carry_over(entry.codes, frame)
    return Coded(entry.answer, after.codes, after.again | entry.again)


def _carry_decisions(connection: Connection, wave: str, frame: Codeframe) -> int:
    """Decisions on themes that were split or ended are no longer any."""
    before = codings.decisions(connection, wave, frame.id)
    after = {answer: carry_over(codes, frame) for answer, codes in before.items()}
    kept = {answer: found.codes for answer, found in after.items() if not found.again}
    lost = [answer for answer in before if answer not in kept]
    codings.keep_decisions(connection, wave, frame.id, kept, lost)
    return len(lost)


def _carry_quotations(connection: Connection, wave: str, old: Codeframe, new: Codeframe) -> int:
    """Quotations follow their theme; under other rules of attribution or consent none is cleared any more."""
    before = codings.quotations(connection, wave, new.id)
    kept = []
    if (old.attribution, old.quote_if) == (new.attribution, new.quote_if):
        for quotation in before:
            theme = _heading(quotation.theme, new)
            kept += [Cleared(quotation.answer, theme, quotation.words, quotation.attribution)] if theme else []
    codings.keep_quotations(connection, wave, new.id, kept)
    return len(before) - len(kept)


def _heading(theme: str, frame: Codeframe) -> str:
    """What a theme or a net is called in a newer version; "" if nothing has taken its place."""
    after = carry_over(frozenset({theme}), frame).codes
    return theme if theme in frame.labels else next(iter(after), "")


# ── coding ───────────────────────────────────────────────────────────────────


def answers(db: Database, wave: str, codeframe: str) -> list[Said]:
    """The open answers under a codeframe, in the order of their random ids."""
    with db.reading() as connection:
        return list(_desk(connection, wave, codeframe).said.values())


def sheet(db: Database, wave: str, codeframe: str, coder: str) -> bytes:
    """A coder's sheet (.xlsx): the answers in an order of the coder's own, with what was coded so far.

    Orders differ from coder to coder, so that tiring or growing surer does not hit the same answers twice. Raises
    `SurveyError` if nothing has been released yet.
    """
    from surveyapp.export import coding as sheets  # here, for spreadsheets are slow to load

    coder = _coder(coder)
    with db.reading() as connection:
        desk = _desk(connection, wave, codeframe)
    _check_some(desk)
    mine = desk.coders.get(coder, {})
    labels = sorted(desk.labels, key=lambda label: hashlib.sha256(f"{coder} {label}".encode()).digest())
    lines = [_line(desk, label, mine.get(desk.labels[label])) for label in labels]
    return sheets.coding_sheet(desk.frame, desk.purpose("coding", coder), lines)


def _line(desk: "_Desk", label: str, coded: Coded | None) -> "Line":
    """An answer on a coder's sheet; what a newer version left open stays blank, however it was coded before."""
    from surveyapp.export.coding import Line

    answer = desk.labels[label]
    before = coded or Coded(answer, frozenset())
    note = _look_at(desk.frame, before.again)
    return Line(
        label, answer[0], desk.said[answer].words, before.codes or None, _became(desk.frame, before.again), note
    )


def load(db: Database, wave: str, name: str, content: bytes) -> Loaded:
    """Take in a coder's sheet: the whole of it or nothing; rows that came back blank are not coded.

    Raises `Refused` with every problem and its cell: a sheet of another wave or version, changed words, a mark
    beside a theme.
    """
    from surveyapp.export import coding as sheets

    filled = sheets.read_sheet(name, content)
    with db.transaction() as connection:
        desk = _desk_of(connection, wave, filled.purpose, "coding")
        coder = _coder(filled.purpose.coder)
        waiting = {a: c.again for a, c in desk.coders.get(coder, {}).items() if c.again}
        left = {label: _became(desk.frame, waiting[a]) for label, a in desk.labels.items() if a in waiting}
        given = sheets.read_codes(filled, desk.frame, desk.words, left)
        entries = [Coded(desk.labels[label], codes) for label, codes in given.items() if codes]
        blank = [desk.labels[label] for label, codes in given.items() if codes is None]
        emptied = [answer for answer in blank if answer not in waiting]
        codings.keep_codings(connection, wave, desk.frame.id, coder, entries, emptied)
    return Loaded(desk.frame.id, coder, len(entries), len(blank))


def code(db: Database, wave: str, codeframe: str, given: Mapping[str, Mapping[Answer, Codes]]) -> None:
    """Store what each coder gave, as `load` does from sheets. Raises `ValueError` for what cannot be given."""
    with db.transaction() as connection:
        desk = _desk(connection, wave, codeframe)
        for coder, codes_of in given.items():
            _check_known(desk, codes_of)
            entries = [Coded(answer, codes) for answer, codes in codes_of.items()]
            codings.keep_codings(connection, wave, codeframe, _coder(coder), entries)


def agreement(db: Database, wave: str, codeframe: str) -> list[PairAgreement]:
    """How far every two coders agree; answers that wait to be looked at again are left out.

    Raises `SurveyError` while there are fewer than two coders.
    """
    with db.reading() as connection:
        desk = _desk(connection, wave, codeframe)
    if len(desk.coders) < 2:
        held = ", ".join(desk.coders) or "nobody"
        raise SurveyError(f"agreement needs two coders; {codeframe} was coded by {held}")
    sure = {
        coder: {answer: coded.codes for answer, coded in given.items() if not coded.again}
        for coder, given in desk.coders.items()
    }
    return analysis.agreement(desk.frame, sure)


def _check_some(desk: "_Desk") -> None:
    if not desk.said:
        questions = ", ".join(desk.frame.questions)
        raise SurveyError(f"no answers to {questions} have been released yet; close the wave and open the tray")


def _check_known(desk: "_Desk", given: Mapping[Answer, Codes]) -> None:
    known = {*desk.frame.coded, *MARKS}
    for answer, codes in given.items():
        if answer not in desk.said or not codes or not codes <= known or (codes & MARKS.keys() and len(codes) > 1):
            raise ValueError(f"{sorted(codes)} cannot be given to an answer to {answer[0]}")


def _coder(label: str) -> str:
    """Labels are told apart without case; they are no names of persons, though nothing keeps them from it."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,39}", label):
        raise SurveyError(f"{label[:40]!r} is no label for a coder; use letters, digits, blanks, dots and dashes")
    return " ".join(label.lower().split())


def _look_at(frame: Codeframe, again: Codes) -> str:
    parts = [f"{old} is now {', '.join(sorted(_became(frame, {old}))) or 'no theme'}" for old in sorted(again)]
    return f"look again: {'; '.join(parts)}" if parts else ""


def _became(frame: Codeframe, old: Iterable[str]) -> Codes:
    """The themes that older ones were split into."""
    became = frame.was.themes if frame.was else {}
    return frozenset(code for name in old for code in became.get(name, []))


# ── settling ─────────────────────────────────────────────────────────────────


def settling_sheet(db: Database, wave: str, codeframe: str) -> bytes:
    """The answers in dispute, with what each coder gave, for a third person to decide (.xlsx).

    Raises `SurveyError` if nothing is in dispute.
    """
    from surveyapp.export import coding as sheets

    with db.reading() as connection:
        desk = _desk(connection, wave, codeframe)
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


def load_settling(db: Database, wave: str, codeframe: str, name: str, content: bytes) -> Loaded:
    """Take in decisions: the whole sheet or nothing. Raises `Refused` with every problem and its cell."""
    from surveyapp.export import coding as sheets

    filled = sheets.read_sheet(name, content)
    with db.transaction() as connection:
        desk = _desk_of(connection, wave, filled.purpose, "settling", codeframe)
        disputed = desk.settlement.disputed
        left = {label: _left(desk.frame, disputed[a]) for label, a in desk.labels.items() if a in disputed}
        given = sheets.read_codes(filled, desk.frame, desk.words, left)
        decided = {desk.labels[label]: codes for label, codes in given.items() if codes}
        _check_disputed(desk, decided)
        codings.keep_decisions(connection, wave, desk.frame.id, decided)
    return Loaded(desk.frame.id, "", len(decided), len(given) - len(decided))


def settle(db: Database, wave: str, codeframe: str, decided: Mapping[Answer, Codes]) -> None:
    """Store decisions, as `load_settling` does from a sheet. Raises `ValueError` for what cannot be given."""
    with db.transaction() as connection:
        desk = _desk(connection, wave, codeframe)
        _check_known(desk, decided)
        codings.keep_decisions(connection, wave, codeframe, decided)


def settlement(db: Database, wave: str, codeframe: str) -> Settlement[Answer]:
    """What is settled, what is in dispute, and what nobody has coded."""
    with db.reading() as connection:
        return _desk(connection, wave, codeframe).settlement


def _left(frame: Codeframe, dispute: Dispute) -> Codes:
    """What a third person has to decide: what coders differ on, and what split themes have become."""
    left = dispute.open | _became(frame, dispute.again)
    return left or frozenset([*frame.coded, *MARKS]) - dispute.agreed


def _given(dispute: Dispute) -> str:
    given = [f"{coder}: {', '.join(sorted(codes)) or 'open'}" for coder, codes in dispute.given.items()]
    again = [f"split or ended: {', '.join(sorted(dispute.again))}"] if dispute.again else []
    return "; ".join(given + again)


def _check_disputed(desk: "_Desk", decided: Mapping[Answer, Codes]) -> None:
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
        do = "write the sheet anew: surveyapp coding settle"
        raise Refused([Problem(label, "it is no longer in dispute", do) for label in agreed])


# ── themes for tables ────────────────────────────────────────────────────────


def themes(db: Database, wave: str, question: str, by: str = "") -> ThemeColumns:
    """The settled themes of one open question, a row for each answer to it.

    `by` names what rows are grouped by: a carried stratum or, where the words are linked, a single question such
    as the respondent's role; "" takes the stratum cell. Raises `NotFound` for a question without a codeframe, and
    `SurveyError` for a group that is not known of its answers.
    """
    with db.reading() as connection:
        waves.wave_named(connection, wave)
        names = codings.codeframes(connection, wave)
        name = next((n for n, text in names.items() if question in stored_codeframe(text).questions), None)
        if name is None:
            under = {key for text in names.values() for key in stored_codeframe(text).questions}
            raise NotFound(f"{wave} has no codeframe for {question[:60]!r}; {nearest(question, under)}")
        desk = _desk(connection, wave, name)
        released = responses.response_count(connection, wave)
    if by and by not in desk.groupings:
        raise SurveyError(f"answers to {question} are not known by {by[:60]!r}; {nearest(by, desk.groupings)}")
    return _columns(desk, question, by, released)


def coded(db: Database, wave: str) -> dict[str, ThemeColumns]:
    """The settled themes of every question of a wave that has any, by question, in questionnaire order."""
    with db.reading() as connection:
        waves.wave_named(connection, wave)
        desks = [_desk(connection, wave, name) for name in codings.codeframes(connection, wave)]
        released = responses.response_count(connection, wave)
    found = [(desk, key) for desk in desks if desk.settlement.settled for key in desk.frame.questions]
    found.sort(key=lambda pair: _place(pair[0].instrument, pair[1]))
    columns = {key: _columns(desk, key, "", released) for desk, key in found}
    return {key: themes for key, themes in columns.items() if themes.unsettled < len(themes.mentions)}


def _place(instrument: Instrument, key: str) -> int:
    places = {name: i for i, name in enumerate(instrument.questions)}
    return places.get(key.partition(".")[0], len(places))


def _columns(desk: "_Desk", question: str, by: str, released: int) -> ThemeColumns:
    settled = desk.settlement.settled
    rows = [
        (said.cell, desk.part(said, by) if by else said.cell, settled.get(answer))
        for answer, said in desk.said.items()
        if asked_key(answer[0]) == question
    ]
    return analysis.theme_columns(desk.frame, question, rows, released)


# ── quotations ───────────────────────────────────────────────────────────────


def quoting_sheet(db: Database, wave: str, codeframe: str, units: Units) -> bytes:
    """Settled answers that may be quoted, with what may identify taken out of the words proposed (.xlsx).

    Left out are answers without a theme, and those of whoever did not agree to be quoted. Raises `SurveyError` if
    so few have answered that no attribution is safe.
    """
    from surveyapp.export import coding as sheets

    with db.reading() as connection:
        desk = _desk(connection, wave, codeframe)
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


def proposed(db: Database, wave: str, codeframe: str, name: str, content: bytes, units: Units) -> list[Quotation]:
    """The quotations that `clear` would store, to be looked at first. Raises what it would raise."""
    with db.reading() as connection:
        desk, cleared = _chosen(connection, wave, codeframe, name, content, units)
    return _in_order(desk.frame, cleared)


def clear(db: Database, wave: str, codeframe: str, name: str, content: bytes, units: Units) -> list[Quotation]:
    """Store the quotations chosen on a sheet in place of those of its codeframe.

    Raises `Refused` with every problem and its cell: words that were not said, a theme that the answer does not
    carry, words that may identify somebody and that nobody has marked as read.
    """
    with db.transaction() as connection:
        desk, cleared = _chosen(connection, wave, codeframe, name, content, units)
        codings.keep_quotations(connection, wave, desk.frame.id, cleared)
    return _in_order(desk.frame, cleared)


def quotations(db: Database, wave: str, codeframe: str, by_attribution: bool = False) -> list[Quotation]:
    """The cleared quotations by theme, in the order of the codeframe; or by whom they are attributed to."""
    with db.reading() as connection:
        desk = _desk(connection, wave, codeframe)
        found = _in_order(desk.frame, codings.quotations(connection, wave, codeframe))
    return sorted(found, key=lambda quotation: quotation.attribution) if by_attribution else found


def quotations_file(db: Database, wave: str, codeframe: str, suffix: str, by_attribution: bool = False) -> bytes:
    """The cleared quotations as a file: `.xlsx` or `.json`. Raises `SurveyError` for any other ending."""
    from surveyapp.export import coding as sheets

    found = quotations(db, wave, codeframe, by_attribution)
    with db.reading() as connection:
        desk = _desk(connection, wave, codeframe)
    if suffix == ".xlsx":
        return sheets.quotation_table(str(desk.frame.title), desk.wave.note, found)
    if suffix == ".json":
        entries = [{"theme": q.theme, "quotation": q.words, "attribution": q.attribution} for q in found]
        return json.dumps({"note": desk.wave.note, "quotations": entries}, indent=1, ensure_ascii=False).encode()
    raise SurveyError(f"{suffix or 'no ending'} is not a kind of file; end the name in .xlsx or .json")


def choose(
    db: Database, wave: str, codeframe: str, chosen: Sequence[tuple[Answer, str]], units: Units
) -> list[Quotation]:
    """Clear whole answers under a theme each, as a sheet would that nobody shortened; redacted where they tell.

    Raises `ValueError` for an answer that may not be quoted or does not carry the theme.
    """
    names = prepare(units)
    with db.transaction() as connection:
        desk = _desk(connection, wave, codeframe)
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


def _chosen(
    connection: Connection, wave: str, codeframe: str, name: str, content: bytes, units: Units
) -> tuple["_Desk", list[Cleared]]:
    """The quotations on a sheet, once nothing is wrong with any."""
    from surveyapp.export import coding as sheets

    filled = sheets.read_sheet(name, content)
    desk = _desk_of(connection, wave, filled.purpose, "quoting", codeframe)
    attributions = _attributions(connection, desk)
    names = prepare(units)
    cleared, problems = [], []
    for row in sheets.read_choices(filled, desk.words):
        answer = desk.labels[row.label]
        faults = list(_quotation_faults(desk, answer, row, names))
        problems += faults
        if not faults:
            attributed = attributions[desk.group(desk.said[answer])]
            cleared.append(Cleared(answer, row.under, row.words, attributed))
    if problems:
        raise Refused(problems)
    return desk, cleared


def _quotation_faults(desk: "_Desk", answer: Answer, row: "Chosen", names: Names) -> Iterator[Problem]:
    from surveyapp.export.coding import ANSWER, PRINT, READ, UNDER

    if not desk.is_quotable(answer):
        yield Problem(row.places[ANSWER], "this answer may not be quoted", "clear “Quote under”")
        return
    if row.under not in desk.headings(answer):
        what = f"the answer does not carry “{row.under[:40]}”"
        yield Problem(row.places[UNDER], what, nearest(row.under, desk.headings(answer)))
    if not analysis.is_faithful(row.words, desk.said[answer].words):
        do = "quote word for word; … for what is left out, [brackets] for words of your own"
        yield Problem(row.places[PRINT], "it holds what was not said, or nothing", do)
    elif not row.read and (found := identifying(_without_marks(row.words), names)):
        do = f"take it out, or write 1 into {row.places[READ]} when you have judged it"
        yield Problem(row.places[PRINT], f"it may identify somebody: {_told(found)}", do)


def _without_marks(words: str) -> str:
    """Without the marks that `redacted` puts in; what an editor put into brackets is looked at like all else."""
    return re.sub(rf"\[(?:{'|'.join(get_args(Kind))})\]", " … ", words)


def _told(found: Iterable[Finding]) -> str:
    return ", ".join(f"{finding.words} ({finding.kind})" for finding in found)


def _in_order(frame: Codeframe, cleared: Iterable[Cleared]) -> list[Quotation]:
    place = {code: i for i, code in enumerate(frame.labels)}
    ordered = sorted(cleared, key=lambda c: (place[c.theme], c.attribution, c.words))
    return [Quotation(frame.labels[c.theme], c.words, c.attribution) for c in ordered]


def _attributions(connection: Connection, desk: "_Desk") -> dict[analysis.Group, str]:
    """Whom each group of respondents may be attributed to."""
    groups = [desk.group(response) for response in codings.beside(connection, desk.wave.name)]
    least = max(desk.instrument.disclosure.minimum_base, privacy.SMALLEST_CELL)
    if len(groups) < least:
        raise SurveyError(f"{len(groups)} have answered; quotations need a group of at least {least}")
    safe = analysis.safe_groups(groups, least)
    return {group: analysis.attribution(desk.frame, parts, desk.label) for group, parts in safe.items()}


# ── the desk ─────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class _Desk:
    """A codeframe on its wave: the answers under it, and all that was made of them."""

    wave: Wave
    instrument: Instrument
    frame: Codeframe
    said: Mapping[Answer, Said]
    labels: Mapping[str, Answer]
    coders: Mapping[str, Mapping[Answer, Coded]]
    decisions: Mapping[Answer, Codes]
    settlement: Settlement[Answer]

    @property
    def words(self) -> dict[str, str]:
        """The words of every answer, by its label."""
        return {label: self.said[answer].words for label, answer in self.labels.items()}

    @property
    def groupings(self) -> set[str]:
        """What is known of who wrote: the carried strata, and single questions beside linked words."""
        linked = all(is_linked(self.instrument, key) for key in self.frame.questions)
        singles = {q.id for q in self.instrument.questions.values() if q.type == "single"} if linked else set()
        return {*self.wave.carry, *singles}

    def purpose(self, kind: str, coder: str = "") -> "Purpose":
        """What a sheet of this codeframe says that it is for."""
        from surveyapp.export.coding import Purpose

        return Purpose(kind, self.wave.name, self.frame.id, self.frame.version, coder)

    def is_quotable(self, answer: Answer) -> bool:
        """Whether an answer is settled on a theme and whoever gave it agreed to be quoted."""
        consent, codes = self.frame.quote_if, self.settlement.settled.get(answer, frozenset())
        agreed = consent is None or self.said[answer].beside.get(consent.question) == consent.is_
        return agreed and bool(codes - MARKS.keys())

    def headings(self, answer: Answer) -> set[str]:
        """The themes that an answer can be quoted under."""
        return set(self.frame.with_nets(self.settlement.settled[answer]))

    def group(self, said: Said) -> analysis.Group:
        """The group of whoever said it, as attributions name it."""
        return tuple(self.part(said, name) for name in self.frame.attribution.by)

    def part(self, said: Said, name: str) -> str:
        """The value of a carried stratum, or the answer to a single question; "" if it is not known."""
        if name not in self.wave.carry:
            return str(said.beside.get(name, ""))
        parts = taken_apart(said.cell, len(self.wave.carry))
        return parts[self.wave.carry.index(name)] if parts is not None else ""

    def label(self, name: str, code: str) -> str:
        """How a part of a group is printed."""
        question = None if name in self.wave.carry else self.instrument.questions.get(name)
        options = choices(question) if question else []
        return next((str(option.label) for option in options if option.code == code), code)


def _desk(connection: Connection, name: str, codeframe: str) -> _Desk:
    """Raises `NotFound` for a wave or a codeframe that there is not."""
    wave = waves.wave_named(connection, name)
    known = codings.codeframes(connection, name)
    if codeframe not in known:
        remedy = nearest(codeframe, set(known)) if known else "put one on it: surveyapp coding codeframe"
        raise NotFound(f"{name} has no codeframe {codeframe[:60]!r}; {remedy}")
    frame = stored_codeframe(known[codeframe])
    instrument = waves.published(connection, wave.survey, wave.version)
    said = _said(connection, name, instrument, frame)
    coders = {
        coder: {coded.answer: coded for coded in entries if coded.answer in said}
        for coder, entries in codings.codings(connection, name, codeframe).items()
    }
    decisions = codings.decisions(connection, name, codeframe)
    labels = {_labelled(wave.name, frame.id, answer): answer for answer in said}
    return _Desk(wave, instrument, frame, said, labels, coders, decisions, _settled(said, coders, decisions))


def _settled(
    said: Iterable[Answer],
    coders: Mapping[str, Mapping[Answer, Coded]],
    decisions: Mapping[Answer, Codes],
) -> Settlement[Answer]:
    again: dict[Answer, Codes] = {}
    for given in coders.values():
        for answer, coded in given.items():
            again[answer] = again.get(answer, frozenset()) | coded.again
    codes = {coder: {a: coded.codes for a, coded in given.items()} for coder, given in coders.items()}
    return analysis.settle(said, codes, decisions, again)


def _said(connection: Connection, wave: str, instrument: Instrument, frame: Codeframe) -> dict[Answer, Said]:
    """The answers under a codeframe: those kept apart, and those that stay with the other answers."""
    apart = codings.said(connection, wave)
    linked = {key for key in frame.questions if is_linked(instrument, key)}
    together = (
        Said((key, response.answer[1]), response.cell, str(words), response.beside)
        for response in (codings.beside(connection, wave) if linked else [])
        for key, words in response.beside.items()
        if asked_key(key) in linked
    )
    found = [*(said for said in apart if asked_key(said.answer[0]) in frame.questions), *together]
    return {said.answer: said for said in found if said.words.strip()}


def _labelled(wave: str, codeframe: str, answer: Answer) -> str:
    """A label that coders can talk about: a letter first, or a spreadsheet takes it for a number."""
    question, id_ = answer
    return "v" + hashlib.sha256(f"{wave} {codeframe} {question} ".encode() + id_).hexdigest()[:12]


def _desk_of(connection: Connection, wave: str, purpose: "Purpose", kind: str, codeframe: str = "") -> _Desk:
    """The desk that a sheet is for. Raises `Refused` for a sheet of another kind, wave or version."""
    if purpose.kind != kind:
        do = {"coding": "coding load", "settling": "coding settle --load", "quoting": "coding quotations --load"}
        raise _another(
            f"it is a sheet for {purpose.kind}", f"load it with: surveyapp {do.get(purpose.kind, 'coding')}"
        )
    if purpose.wave != wave:
        raise _another(f"it is a sheet of the wave {purpose.wave[:60]}", f"load a sheet of {wave}")
    if codeframe and purpose.codeframe != codeframe:
        raise _another(f"it is a sheet of the codeframe {purpose.codeframe[:60]}", f"load a sheet of {codeframe}")
    desk = _desk(connection, wave, purpose.codeframe)
    if purpose.version != desk.frame.version:
        what = f"it was written for version {purpose.version[:40]} of {desk.frame.id}"
        raise _another(what, f"version {desk.frame.version} is in use: write the sheet anew")
    return desk


def _another(what: str, do: str) -> Refused:
    return Refused([Problem("the file", what, do)])
