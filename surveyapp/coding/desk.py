"""The desk of a codeframe on its wave: the answers under it, and all that was made of them."""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from surveyapp.analysis.themes import coding as analysis
from surveyapp.analysis.themes.codeframes import MARKS, Codeframe, Codes, asked_key, is_linked, stored_codeframe
from surveyapp.analysis.themes.coding import Settlement
from surveyapp.documents import nearest
from surveyapp.frames import taken_apart
from surveyapp.instrument import Instrument, choices
from surveyapp.problems import NotFound, Problem, Refused, SurveyError
from surveyapp.storage import codings, waves
from surveyapp.storage.codings import Answer, Coded, Said
from surveyapp.storage.database import Connection
from surveyapp.storage.waves import Wave

if TYPE_CHECKING:
    from surveyapp.export.coding import Purpose


@dataclass(frozen=True)
class Desk:
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


def open_desk(connection: Connection, name: str, codeframe: str) -> Desk:
    """Raises `NotFound` for a wave or a codeframe that there is not."""
    wave = waves.wave_named(connection, name)
    frame = stored_codeframe(document_of(connection, name, codeframe))
    instrument = waves.published(connection, wave.survey, wave.version)
    said = said_under(connection, name, instrument, frame)
    coders = {
        coder: {coded.answer: coded for coded in entries if coded.answer in said}
        for coder, entries in codings.codings(connection, name, codeframe).items()
    }
    decisions = codings.decisions(connection, name, codeframe)
    labels = {labelled(wave.name, frame.id, answer): answer for answer in said}
    return Desk(wave, instrument, frame, said, labels, coders, decisions, _settled(said, coders, decisions))


def document_of(connection: Connection, wave: str, codeframe: str) -> str:
    """The text of a codeframe. Raises `NotFound`, naming those there are."""
    known = codings.codeframes(connection, wave)
    if codeframe not in known:
        remedy = nearest(codeframe, set(known)) if known else "put a codeframe on it first"
        raise NotFound(f"{wave} has no codeframe {codeframe[:60]!r}; {remedy}")
    return known[codeframe]


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


def said_under(connection: Connection, wave: str, instrument: Instrument, frame: Codeframe) -> dict[Answer, Said]:
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


def labelled(wave: str, codeframe: str, answer: Answer) -> str:
    """A label that coders can talk about: a letter first, or a spreadsheet takes it for a number."""
    question, id_ = answer
    return "v" + hashlib.sha256(f"{wave} {codeframe} {question} ".encode() + id_).hexdigest()[:12]


def desk_for(connection: Connection, wave: str, purpose: "Purpose", kind: str, codeframe: str = "") -> Desk:
    """The desk that a sheet is for. Raises `Refused` for a sheet of another kind, wave or version."""
    if purpose.kind != kind:
        raise another(f"it is a sheet for {purpose.kind}", f"load it as a {purpose.kind} sheet")
    if purpose.wave != wave:
        raise another(f"it is a sheet of the wave {purpose.wave[:60]}", f"load a sheet of {wave}")
    if codeframe and purpose.codeframe != codeframe:
        raise another(f"it is a sheet of the codeframe {purpose.codeframe[:60]}", f"load a sheet of {codeframe}")
    desk = open_desk(connection, wave, purpose.codeframe)
    if purpose.version != desk.frame.version:
        what = f"it was written for version {purpose.version[:40]} of {desk.frame.id}"
        raise another(what, f"version {desk.frame.version} is in use: write the sheet anew")
    return desk


def another(what: str, do: str) -> Refused:
    """The refusal of a sheet that is another than was asked for."""
    return Refused([Problem("the file", what, do)])


def check_some(desk: Desk) -> None:
    """Raises `SurveyError` while there is nothing to code."""
    if not desk.said:
        questions = ", ".join(desk.frame.questions)
        raise SurveyError(f"no answers to {questions} have been released yet; close the wave and open the tray")


def check_known(desk: Desk, given: Mapping[Answer, Codes]) -> None:
    """Raises `ValueError` for an answer that is not here, and for codes that no answer can be given."""
    for answer, codes in given.items():
        if answer not in desk.said or not can_be_given(desk.frame, codes):
            raise ValueError(f"{sorted(codes)} cannot be given to an answer to {answer[0]}")


def can_be_given(frame: Codeframe, codes: Codes) -> bool:
    """Whether an answer can be given these: themes that are no nets, or one mark."""
    return bool(codes) and codes <= {*frame.coded, *MARKS} and not (codes & MARKS.keys() and len(codes) > 1)


class StillCoding(SurveyError):
    """Somebody who still codes asks to see what others gave."""


def check_finished(connection: Connection, wave: str, codeframe: str, coder: str) -> None:
    """Raises `StillCoding` for a coder who has not said that they are done."""
    if coder not in codings.finished(connection, wave, codeframe):
        raise StillCoding(
            "what others gave is shown to those who have said that they are done; "
            "coders do not see it before, so that each judges alone"
        )


def coder_named(label: str) -> str:
    """Labels are told apart without case; they are no names of persons, though nothing keeps them from it."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,39}", label):
        raise SurveyError(f"{label[:40]!r} is no label for a coder; use letters, digits, blanks, dots and dashes")
    return " ".join(label.lower().split())


def look_at(frame: Codeframe, again: Codes) -> str:
    """What a coder is told of themes that a newer version has split or ended; "" if there are none."""
    parts = [f"{old} is now {', '.join(sorted(became(frame, {old}))) or 'no theme'}" for old in sorted(again)]
    return f"look again: {'; '.join(parts)}" if parts else ""


def became(frame: Codeframe, old: Iterable[str]) -> Codes:
    """The themes that older ones were split into."""
    became = frame.was.themes if frame.was else {}
    return frozenset(code for name in old for code in became.get(name, []))
