"""Codeframes on their waves: put on, looked over, taken on to a newer version with what was coded before."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from surveyapp.acting import needs
from surveyapp.analysis.themes.codeframes import (
    Codeframe,
    Codes,
    carry_over,
    check_follows,
    fresh,
    read_codeframe,
    stored_codeframe,
)
from surveyapp.analysis.themes.shaping import coined, listed_themes
from surveyapp.coding.desk import document_of, open_desk, said_under
from surveyapp.documents import read_document
from surveyapp.problems import Problem, Refused
from surveyapp.roles import ANALYST
from surveyapp.storage import codings, waves
from surveyapp.storage.codings import Answer, Cleared, Coded
from surveyapp.storage.database import Connection, Database


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
class Standing:
    """How far a codeframe has come on its wave."""

    codeframe: Codeframe
    coders: tuple[str, ...]
    answers: int
    settled: int
    disputed: int
    uncoded: int
    quotations: int


@needs(ANALYST)
def put_codeframe(db: Database, wave: str, content: bytes) -> Put:
    """Put a codeframe on a wave, or a newer version in place of the one there; codings are carried over.

    Raises `Refused` with every problem, also if a question is under another codeframe already or if the newer
    version does not say what became of a theme.
    """
    with db.transaction() as connection:
        put, after = _weighed(connection, wave, content)
        if put.new:
            codings.keep_codeframe(connection, wave, put.codeframe.id, content.decode("utf-8-sig"))
            _store(connection, wave, put.codeframe.id, after)
    return put


@needs(ANALYST)
def weigh(db: Database, wave: str, content: bytes) -> Put:
    """What `put_codeframe` would do, without doing it. Raises what it would raise."""
    with db.reading() as connection:
        return _weighed(connection, wave, content)[0]


@needs(ANALYST)
def begin(
    db: Database, wave: str, title: str, questions: Sequence[str], themes: str, who: str, by: Sequence[str]
) -> Put:
    """Put a first codeframe on open questions: `themes` has a line for each, its label, a colon, what it means.

    Raises `Refused` with problems at "title", "questions", "themes" and "by".
    """
    written, problems = listed_themes(themes)
    if not title.strip():
        problems.append(Problem("title", "the codeframe has no title", "say what it is about"))
    if not questions:
        problems.append(Problem("questions", "no question is chosen", "choose at least one"))
    if problems:
        raise Refused(problems)
    with db.reading() as connection:
        of, taken = waves.wave_named(connection, wave), codings.codeframes(connection, wave)
    found = {
        "survey": of.survey,
        "id": coined(title, taken),
        "version": "1",
        "title": " ".join(title.split()),
        "questions": [*questions],
        "themes": written,
        "attribution": {"who": " ".join(who.split()) or "Survey respondent", "by": [*by]},
    }
    try:
        return put_codeframe(db, wave, json.dumps(found, indent=1, ensure_ascii=False).encode())
    except Refused as refused:
        raise Refused([_at_field(problem) for problem in refused.problems]) from None


def _at_field(problem: Problem) -> Problem:
    """A problem of a document that nobody wrote, at the field of the form that it comes from."""
    name = problem.at.strip("/").partition("/")[0]
    at = {"attribution": "by", "id": "title"}.get(name, name)
    return Problem(at, problem.what, problem.do)


@needs(ANALYST)
def document(db: Database, wave: str, codeframe: str) -> str:
    """The text of a codeframe, as it was put on its wave. Raises `NotFound`."""
    with db.reading() as connection:
        return document_of(connection, wave, codeframe)


@needs(ANALYST)
def standings(db: Database, wave: str) -> list[Standing]:
    """How far each codeframe of a wave has come, by name."""
    with db.reading() as connection:
        waves.wave_named(connection, wave)
        desks = [open_desk(connection, wave, name) for name in codings.codeframes(connection, wave)]
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


@dataclass(frozen=True)
class _After:
    """What was made under a version of a codeframe, as it is under the next."""

    coded: Mapping[str, Sequence[Coded]]
    decisions: Mapping[Answer, Codes]
    undecided: Sequence[Answer]
    quotations: Sequence[Cleared]


def _weighed(connection: Connection, wave: str, content: bytes) -> tuple[Put, _After | None]:
    """What becomes of everything under a codeframe; nothing to carry is None."""
    of = waves.wave_named(connection, wave)
    instrument = waves.published(connection, of.survey, of.version)
    frame = read_codeframe(content, instrument, of.carry)
    known = codings.codeframes(connection, wave)
    _check_alone(frame, known, content)
    answers = len(said_under(connection, wave, instrument, frame))
    if frame.id not in known:
        return Put(frame, new=True, answers=answers), None
    if read_document(known[frame.id]).value == read_document(content).value:
        return Put(frame, new=False, answers=answers), None
    old, coders = stored_codeframe(known[frame.id]), codings.codings(connection, wave, frame.id)
    if coders:
        _check_newer(old, frame, content)
    return _carried(connection, wave, old, frame, answers, coders)


def _carried(
    connection: Connection,
    wave: str,
    old: Codeframe,
    new: Codeframe,
    answers: int,
    coders: Mapping[str, Sequence[Coded]],
) -> tuple[Put, _After]:
    """Everything coded under the old version, as it is under the new one."""
    coded = {coder: [_moved(entry, new) for entry in entries] for coder, entries in coders.items()}
    moved = [entry for entries in coded.values() for entry in entries]
    kept, undecided = _decisions(connection, wave, new)
    before = codings.quotations(connection, wave, new.id)
    quotations = _quotations(before, old, new)
    again = sum(bool(entry.again) for entry in moved)
    lost = len(undecided) + len(before) - len(quotations)
    put = Put(new, True, answers, len(moved), again, lost, fresh(old, new))
    return put, _After(coded, kept, undecided, quotations)


def _store(connection: Connection, wave: str, codeframe: str, after: _After | None) -> None:
    if after is None:
        return
    for coder, entries in after.coded.items():
        codings.keep_codings(connection, wave, codeframe, coder, entries)
    codings.keep_decisions(connection, wave, codeframe, after.decisions, after.undecided)
    codings.keep_quotations(connection, wave, codeframe, after.quotations)


def _moved(entry: Coded, frame: Codeframe) -> Coded:
    after = carry_over(entry.codes, frame)
    return Coded(entry.answer, after.codes, after.again | entry.again)


def _decisions(
    connection: Connection, wave: str, frame: Codeframe
) -> tuple[dict[Answer, Codes], Sequence[Answer]]:
    """Decisions that hold, and the answers that are open again, for a theme of theirs was split or ended."""
    before = codings.decisions(connection, wave, frame.id)
    after = {answer: carry_over(codes, frame) for answer, codes in before.items()}
    kept = {answer: found.codes for answer, found in after.items() if not found.again}
    return kept, [answer for answer in before if answer not in kept]


def _quotations(before: Sequence[Cleared], old: Codeframe, new: Codeframe) -> list[Cleared]:
    """Quotations follow their theme; under other rules of attribution or consent none is cleared any more."""
    if (old.attribution, old.quote_if) != (new.attribution, new.quote_if):
        return []
    themes = [_heading(quotation.theme, new) for quotation in before]
    pairs = zip(before, themes, strict=True)
    return [Cleared(q.answer, theme, q.words, q.attribution) for q, theme in pairs if theme]


def _heading(theme: str, frame: Codeframe) -> str:
    """What a theme or a net is called in a newer version; "" if nothing has taken its place."""
    after = carry_over(frozenset({theme}), frame).codes
    return theme if theme in frame.labels else next(iter(after), "")
