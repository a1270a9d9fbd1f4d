"""A coder's pile: open answers one by one, in an order of the coder's own; what is given is kept at once.

A coder does not know what others gave. Two rules see to it: what others gave is shown to those alone who have said
that they are done, and from them nothing is taken in for an answer that somebody else has coded.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from surveyapp.acting import needs
from surveyapp.analysis.themes import coding as analysis
from surveyapp.analysis.themes.codeframes import Codeframe, Codes, asked_key, stored_codeframe
from surveyapp.coding.coders import in_order_of, store
from surveyapp.coding.desk import can_be_given, document_of, labelled, look_at, open_desk, said_under
from surveyapp.instrument import Instrument, answer_keys, choices, has_words
from surveyapp.problems import NotFound, Problem, Refused, SurveyError
from surveyapp.roles import ANALYST
from surveyapp.storage import codings, responses, waves
from surveyapp.storage.codings import Answer, Coded, Said
from surveyapp.storage.database import Connection, Database

ALL, OPEN = "all", "open"
"""What a coder may leaf through beside the answers under one theme."""

ROUGH = 20
"""Answers coded by both before a coder who is still at it is told how far they agree."""


@dataclass(frozen=True)
class OpenQuestion:
    """What holds words in a wave: its answer key, its wording, its answers, and its codeframe or ""."""

    key: str
    wording: str
    answers: int
    codeframe: str


@dataclass(frozen=True)
class Progress:
    """How far a codeframe is: its answers, how many of them each coder has coded, and which coders are done."""

    frame: Codeframe
    answers: int
    coded: Mapping[str, int]
    finished: frozenset[str]


@dataclass(frozen=True)
class Overview:
    """The open answers of a wave: responses released, what holds words, how far its codeframes are."""

    released: int
    questions: tuple[OpenQuestion, ...]
    frames: tuple[Progress, ...]


@dataclass(frozen=True)
class Pile:
    """The answers before one coder. Positions count from 1; `closed` answers take nothing more from this coder."""

    frame: Codeframe
    coder: str
    answers: tuple[Said, ...] = field(repr=False)
    mine: Mapping[Answer, Coded]
    closed: frozenset[Answer]
    finished: bool
    wordings: Mapping[str, str]

    @property
    def coded(self) -> int:
        """How many answers this coder has coded for good."""
        return sum(not coded.again for coded in self.mine.values())

    def at(self, position: int) -> Said:
        """The answer at a position. Raises `NotFound`."""
        if not 1 <= position <= len(self.answers):
            raise NotFound(f"there are {len(self.answers)} answers here, and none at {position}")
        return self.answers[position - 1]

    def codes(self, said: Said) -> Codes:
        """What this coder gave an answer; nothing if it is not coded."""
        coded = self.mine.get(said.answer)
        return coded.codes if coded else frozenset()

    def note(self, said: Said) -> str:
        """What this coder should look at again, for a newer version left it open."""
        coded = self.mine.get(said.answer)
        return look_at(self.frame, coded.again) if coded else ""

    def shows(self, said: Said, what: str) -> bool:
        """Whether an answer is among `ALL`, the `OPEN` ones, or those this coder gave a theme."""
        coded = self.mine.get(said.answer)
        if what == OPEN:
            return said.answer not in self.closed and (coded is None or bool(coded.again))
        return what == ALL or (coded is not None and what in coded.codes)

    def after(self, position: int, what: str = ALL) -> int | None:
        """The next position of what is shown, from the start again after the end; None if there is no other."""
        count = len(self.answers)
        turn = (*range(position + 1, count + 1), *range(1, min(position, count + 1)))
        return self._first(turn, what)

    def before(self, position: int, what: str = ALL) -> int | None:
        """The position before of what is shown; None at the start."""
        return self._first(range(position - 1, 0, -1), what)

    def holding(self, words: str) -> list[int]:
        """The positions of answers that hold all of these words, however they are written; at most a hundred."""
        wanted = words.casefold().split()
        found = (i for i, said in enumerate(self.answers, 1) if _holds(said.words, wanted))
        return [position for position, _ in zip(found, range(100), strict=False)] if wanted else []

    def _first(self, positions: Collection[int], what: str) -> int | None:
        return next((p for p in positions if self.shows(self.answers[p - 1], what)), None)


def _holds(text: str, wanted: Collection[str]) -> bool:
    folded = text.casefold()
    return all(word in folded for word in wanted)


# ── what there is ────────────────────────────────────────────────────────────


@needs(ANALYST)
def overview(db: Database, wave: str) -> Overview:
    """The open answers of a wave and how far their coding is; nothing of what anybody gave."""
    with db.reading() as connection:
        of = waves.wave_named(connection, wave)
        instrument = waves.published(connection, of.survey, of.version)
        released = responses.response_count(connection, wave)
        counts = _counts(connection, wave, instrument) if released else {}
        frames = {name: stored_codeframe(text) for name, text in codings.codeframes(connection, wave).items()}
        under = {key: name for name, frame in frames.items() for key in frame.questions}
        questions = tuple(
            OpenQuestion(key, wording, counts.get(key, 0), under.get(key, ""))
            for key, wording in wordings(instrument).items()
        )
        progress = tuple(_progress(connection, wave, frame, counts) for frame in frames.values())
    return Overview(released, questions, progress)


@needs(ANALYST)
def progress(db: Database, wave: str, codeframe: str) -> Progress:
    """How far one codeframe is; nothing of what anybody gave. Raises `NotFound`."""
    with db.reading() as connection:
        of = waves.wave_named(connection, wave)
        frame = stored_codeframe(document_of(connection, wave, codeframe))
        counts = _counts(connection, wave, waves.published(connection, of.survey, of.version))
        return _progress(connection, wave, frame, counts)


def wordings(instrument: Instrument) -> dict[str, str]:
    """What was asked, by each answer key that holds words, in the order of the questionnaire."""
    return {
        key: _wording(instrument, key)
        for question in instrument.questions.values()
        for key in answer_keys(question)
        if has_words(instrument, key)
    }


def _wording(instrument: Instrument, key: str) -> str:
    name, _, rest = key.partition(".")
    question = instrument.questions[name]
    if rest == "notes":
        return f"{question.text} (the interviewer's notes)"
    code = rest.removesuffix(".text")
    label = next((str(option.label) for option in choices(question) if option.code == code), code)
    return f"{question.text} ({label})" if rest else str(question.text)


def _counts(connection: Connection, wave: str, instrument: Instrument) -> dict[str, int]:
    """How many answers hold words under each key, repeated pages together."""
    found = dict.fromkeys(wordings(instrument), 0)
    for key, n in codings.said_counts(connection, wave).items():
        found[asked_key(key)] = found.get(asked_key(key), 0) + n
    if any(getattr(question, "linked", False) for question in instrument.questions.values()):
        for response in codings.beside(connection, wave):
            for key, words in response.beside.items():
                if asked_key(key) in found and str(words).strip():
                    found[asked_key(key)] += 1
    return found


def _progress(connection: Connection, wave: str, frame: Codeframe, counts: Mapping[str, int]) -> Progress:
    answers = sum(counts.get(key, 0) for key in frame.questions)
    coded = codings.coded_counts(connection, wave, frame.id)
    return Progress(frame, answers, coded, frozenset(codings.finished(connection, wave, frame.id)))


# ── coding ───────────────────────────────────────────────────────────────────


@needs(ANALYST)
def pile(db: Database, wave: str, codeframe: str, coder: str) -> Pile:
    """The pile of a coder. Raises `NotFound` for a wave or a codeframe that there is not."""
    with db.reading() as connection:
        of = waves.wave_named(connection, wave)
        frame = stored_codeframe(document_of(connection, wave, codeframe))
        instrument = waves.published(connection, of.survey, of.version)
        said = said_under(connection, wave, instrument, frame)
        mine = codings.codings_of(connection, wave, codeframe, coder)
        done = coder in codings.finished(connection, wave, codeframe)
        closed = codings.coded_by_others(connection, wave, codeframe, coder) if done else set()
    labels = {labelled(wave, codeframe, answer): answer for answer in said}
    answers = tuple(said[labels[label]] for label in in_order_of(coder, labels))
    here = {answer: coded for answer, coded in mine.items() if answer in said}
    return Pile(frame, coder, answers, here, frozenset(closed), done, wordings(instrument))


@needs(ANALYST)
def give(db: Database, wave: str, codeframe: str, coder: str, answer: Answer, codes: Codes) -> int:
    """Keep what a coder gave one answer, in place of what it was; no codes at all take it back.

    The number of answers that this coder has coded. Raises `Refused` for codes that do not go together, `NotFound`
    for an answer that is not here, `SurveyError` for one that is closed to this coder.
    """
    with db.transaction() as connection:
        frame = stored_codeframe(document_of(connection, wave, codeframe))
        _check_said(connection, wave, frame, answer)
        if codes and not can_be_given(frame, codes):
            do = "choose themes, or one of the last two in their place"
            raise Refused([Problem("codes", "these cannot be given to one answer together", do)])
        given = codings.given_to(connection, wave, codeframe, answer)
        _check_blind(connection, wave, codeframe, coder, given)
        before = {answer: given[coder]} if coder in given else {}
        entries = [Coded(answer, codes)] if codes else []
        store(connection, wave, codeframe, coder, before, entries, [] if codes else [answer])
        return codings.coded_counts(connection, wave, codeframe).get(coder, 0)


@needs(ANALYST)
def finish(db: Database, wave: str, codeframe: str, coder: str) -> None:
    """A coder is done, or will not code at all: from now on what others gave is open to them. For good."""
    with db.transaction() as connection:
        document_of(connection, wave, codeframe)
        codings.finish(connection, wave, codeframe, coder)


def _check_said(connection: Connection, wave: str, frame: Codeframe, answer: Answer) -> None:
    key, id_ = answer
    here = asked_key(key) in frame.questions and (
        codings.said_one(connection, wave, answer)
        or str(codings.beside_one(connection, wave, id_).get(key, "")).strip()
    )
    if not here:
        raise NotFound(f"there is no such answer under {frame.id}")


def _check_blind(connection: Connection, wave: str, codeframe: str, coder: str, given: Collection[str]) -> None:
    if set(given) - {coder} and coder in codings.finished(connection, wave, codeframe):
        raise SurveyError(
            "you have said that you are done, and somebody else has coded this answer; "
            "where codings differ they are settled under “Differences”"
        )


# ── agreement, for those who still code ──────────────────────────────────────


@needs(ANALYST)
def rough_agreement(db: Database, wave: str, codeframe: str, coder: str) -> list[tuple[int, float | None]]:
    """For each other coder, how many answers both have coded and the pooled kappa, told in steps.

    Answers are counted in tens and kappa has one decimal, and there is none under `ROUGH` answers: a coder who
    could watch it move with every answer would learn what the other gave.
    """
    with db.reading() as connection:
        desk = open_desk(connection, wave, codeframe)
    sure = {
        name: {answer: coded.codes for answer, coded in given.items() if not coded.again}
        for name, given in desk.coders.items()
    }
    pairs = [pair for pair in analysis.agreement(desk.frame, sure) if coder in {pair.first, pair.second}]
    return [
        (pair.n // 10 * 10, None if pair.pooled is None else round(pair.pooled, 1))
        for pair in pairs
        if pair.n >= ROUGH
    ]
