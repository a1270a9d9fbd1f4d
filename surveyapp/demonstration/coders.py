"""Two invented coders, who mostly agree, and a third person who settles what they do not.

What an answer is about is known, since its sentences were invented for their themes. Each coder misjudges a few
answers, drawn with a fixed seed and never the same ones as the other; the third person decides as the sentences
were meant. So the settled themes have the counts of the printed tables.
"""

from collections.abc import Mapping, Sequence
from random import Random

from surveyapp import coding, framing
from surveyapp.analysis.themes.codeframes import NOTHING, Codes
from surveyapp.config import project_file, read_file
from surveyapp.demonstration.reconstruction import OpenAnswers, OpenQuestion
from surveyapp.demonstration.teams import seeded
from surveyapp.storage.codings import Answer, Said
from surveyapp.storage.database import Database

CODERS = ("first coder", "second coder")
ONE_IN = 12
"""Of so many answers each coder misjudges one."""

QUOTED = 6
"""The report printed six quotations on what central government could do."""


def code_open_answers(db: Database, wave: str, words: OpenAnswers, seed: int) -> None:
    """Code, settle and quote the open answers of a released wave, under the codeframes of its survey."""
    for name, question in words.questions.items():
        frame = coding.put_codeframe(db, wave, read_file(project_file(f"instruments/dat/codeframes/{name}.json")))
        given = _meant(coding.answers(db, wave, name), question)
        coding.code(db, wave, name, _judged(given, frame.codeframe.coded, seed))
        disputed = coding.settlement(db, wave, name).disputed
        coding.settle(db, wave, name, {answer: given[answer] for answer in disputed})
    _quote(db, wave, "support_wanted", words)


def _meant(answers: Sequence[Said], question: OpenQuestion) -> dict[Answer, Codes]:
    """What every answer is about, in an order that does not depend on random ids."""
    ordered = sorted(answers, key=lambda said: (said.words, said.cell))
    return {said.answer: frozenset(question.themes_in(said.words) or [NOTHING]) for said in ordered}


def _judged(given: Mapping[Answer, Codes], known: Sequence[str], seed: int) -> dict[str, dict[Answer, Codes]]:
    """What each coder gives."""
    rng = seeded(seed)
    slips = zip(CODERS, _slips(list(given), rng), strict=True)
    return {
        coder: {
            answer: _slipped(codes, known, rng) if answer in wrong else codes for answer, codes in given.items()
        }
        for coder, wrong in slips
    }


def _slips(answers: Sequence[Answer], rng: Random) -> tuple[set[Answer], set[Answer]]:
    """The answers that the one misjudges, and those that the other does."""
    drawn = rng.sample(answers, 2 * max(1, len(answers) // ONE_IN))
    return set(drawn[::2]), set(drawn[1::2])


def _slipped(codes: Codes, known: Sequence[str], rng: Random) -> Codes:
    """One theme missed of several, else one seen in place of what is there."""
    if len(codes) > 1:
        return codes - {rng.choice(sorted(codes))}
    return frozenset([rng.choice([code for code in known if code not in codes])])


def _quote(db: Database, wave: str, name: str, words: OpenAnswers) -> None:
    """Clear the first answer of each theme, and more of them until there are as many as were printed."""
    given = _meant(coding.answers(db, wave, name), words.questions[name])
    first = {min(codes): answer for answer, codes in reversed(given.items())}
    rest = [(answer, min(codes)) for answer, codes in given.items() if answer not in first.values()]
    chosen = [*((answer, theme) for theme, answer in sorted(first.items())), *rest][:QUOTED]
    coding.choose(db, wave, name, chosen, framing.names(db, wave))
