"""The settled themes as columns, for tables."""

from surveyapp.acting import needs
from surveyapp.analysis.themes import coding as analysis
from surveyapp.analysis.themes.codeframes import asked_key, stored_codeframe
from surveyapp.analysis.themes.coding import ThemeColumns
from surveyapp.coding.desk import Desk, open_desk
from surveyapp.documents import nearest
from surveyapp.instrument import Instrument
from surveyapp.problems import NotFound, SurveyError
from surveyapp.roles import ANALYST
from surveyapp.storage import codings, responses, waves
from surveyapp.storage.database import Database


@needs(ANALYST)
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
        desk = open_desk(connection, wave, name)
        released = responses.response_count(connection, wave)
    if by and by not in desk.groupings:
        raise SurveyError(f"answers to {question} are not known by {by[:60]!r}; {nearest(by, desk.groupings)}")
    return _columns(desk, question, by, released)


@needs(ANALYST)
def coded(db: Database, wave: str) -> dict[str, ThemeColumns]:
    """The settled themes of every question of a wave that has any, by question, in questionnaire order."""
    with db.reading() as connection:
        waves.wave_named(connection, wave)
        desks = [open_desk(connection, wave, name) for name in codings.codeframes(connection, wave)]
        released = responses.response_count(connection, wave)
    found = [(desk, key) for desk in desks if desk.settlement.settled for key in desk.frame.questions]
    found.sort(key=lambda pair: _place(pair[0].instrument, pair[1]))
    columns = {key: _columns(desk, key, "", released) for desk, key in found}
    return {key: themes for key, themes in columns.items() if themes.unsettled < len(themes.mentions)}


def _place(instrument: Instrument, key: str) -> int:
    places = {name: i for i, name in enumerate(instrument.questions)}
    return places.get(key.partition(".")[0], len(places))


def _columns(desk: Desk, question: str, by: str, released: int) -> ThemeColumns:
    settled = desk.settlement.settled
    rows = [
        (said.cell, desk.part(said, by) if by else said.cell, settled.get(answer))
        for answer, said in desk.said.items()
        if asked_key(answer[0]) == question
    ]
    return analysis.theme_columns(desk.frame, question, rows, released)
