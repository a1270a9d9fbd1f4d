"""Two more waves beside that of 2012, of invented answers: the police in 2011, and the same teams a year later.

They show what one wave cannot: levels that are never pooled, audiences side by side, a trend that goes on where
the questionnaire lets it and breaks where it does not.
"""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path

from surveyapp import publishing
from surveyapp.config import Home, project_file, read_file
from surveyapp.demonstration.coders import code_open_answers
from surveyapp.demonstration.fielding import Fielded, Progress, close, open_listed, send, write_tables
from surveyapp.demonstration.forces import answering, police_frame
from surveyapp.demonstration.invented import as_posted, invented
from surveyapp.demonstration.reconstruction import OpenAnswers
from surveyapp.demonstration.teams import responding, team_frame
from surveyapp.fieldwork import Frame, Unit
from surveyapp.instrument import read_instrument
from surveyapp.storage.database import Database

INVENTED = (
    "INVENTED ANSWERS, NOT DATA. The organisations are invented, and so is every answer. The answers were drawn "
    "with a fixed seed along the routing of the questionnaire. What they lean to was drawn too, and says nothing "
    "of any organisation or year."
)

POLICE, TEAMS_AGAIN = "police-2011", "dat-2013"
WAVES = (POLICE, TEAMS_AGAIN)
_POLICE_SEED, _TEAMS_SEED = 2011, 2013


def add_waves(db: Database, home: Home, words: OpenAnswers, progress: Progress) -> tuple[Path, ...]:
    """Field both waves and write their workbooks; the wave of 2012 must be there, closed."""
    police = _wave(POLICE, "police", "2011.1", police_frame(), date(2011, 6, 6), date(2011, 7, 15))
    teams = _wave(TEAMS_AGAIN, "dat", "2013.1", team_frame(), date(2013, 1, 14), date(2013, 2, 22))
    again = set(responding(_units(teams.frame), _TEAMS_SEED))
    _field(db, home, police, answering(police.frame, _POLICE_SEED), _POLICE_SEED, {}, progress)
    sentences = {name: question.sentences for name, question in words.questions.items()}
    who = [unit for unit in teams.frame.units if unit.unit in again]
    _field(db, home, teams, who, _TEAMS_SEED, sentences, progress)
    code_open_answers(db, TEAMS_AGAIN, words, _TEAMS_SEED)
    return (
        write_tables(db, home, police, "police-2011", progress),
        write_tables(db, home, police, "across-2011", progress),
        write_tables(db, home, teams, "dat-2013-appendix", progress),
    )


def _wave(name: str, survey: str, version: str, frame: Frame, opened: date, closed: date) -> Fielded:
    carry = ("level",) if survey == "police" else ("region",)
    return Fielded(name, survey, version, frame, carry, opened, closed, INVENTED)


def _units(frame: Frame) -> list[dict[str, str]]:
    return [{"unit": unit.unit, **unit.strata} for unit in frame.units]


def _field(
    db: Database,
    home: Home,
    wave: Fielded,
    who: Sequence[Unit],
    seed: int,
    words: Mapping[str, Sequence[str]],
    progress: Progress,
) -> None:
    """Publish, invite, answer, close."""
    content = read_file(project_file(f"instruments/{wave.survey}/{wave.version}.json"))
    publishing.publish(db, content, wave.opened)
    codes, instrument = open_listed(db, home, wave), read_instrument(content)
    pepper, days = read_file(home.keys / "pepper"), (wave.closed - wave.opened).days
    groups = [unit.strata[wave.carry[0]] for unit in who]
    for done, (unit, answers) in enumerate(zip(who, invented(instrument, groups, seed, words), strict=True)):
        progress(f"answering {wave.name}", done, len(who))
        day = wave.opened + timedelta(days=done % days)
        send(db, pepper, codes[unit.unit], as_posted(instrument, answers), day)
    close(db, home, wave)
