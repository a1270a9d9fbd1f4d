"""The finished wave of 2012, built afresh: published, fielded, answered, closed, opened, reported.

The answers are a reconstruction that meets every printed count of the report; they are no data, and every
output of the wave says so. A part of the teams answers through the pages, over HTTP, the rest through the same
use cases that the pages call.
"""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from surveyapp import campaigning, publishing
from surveyapp.config import Home, project_file, read_file, write_aside
from surveyapp.demonstration.coders import code_open_answers
from surveyapp.demonstration.fielding import (
    CONTACT,
    SERVICE,
    Fielded,
    Progress,
    close,
    key_keeper,
    open_listed,
    send,
    write_tables,
)
from surveyapp.demonstration.more import WAVES, add_waves
from surveyapp.demonstration.reconstruction import OpenAnswers, read_figures, read_open_answers, reconstruct
from surveyapp.demonstration.respondent import answering_over_http
from surveyapp.demonstration.staff import Staff, add_staff
from surveyapp.demonstration.teams import invented_teams, responding, team_frame
from surveyapp.problems import SurveyError
from surveyapp.storage.database import Database, connect
from surveyapp.web import create_app

WAVE, OPEN_WAVE = "dat-2012", "dat-2012-try"
OPENED, CLOSED = date(2012, 1, 9), date(2012, 2, 17)
SEED = 2012
BY_PAGES = 12
"""How many of the 65 teams answer through the pages."""

NOTE = (
    "RECONSTRUCTION, NOT DATA. The organisations are invented, and so are days, regions and words. The answers "
    "were drawn, with a fixed seed, so that every count reconstructed from the percentages printed by the UK Drug "
    "Policy Commission in 2012 is met exactly; no answer is that of a team."
)

_MARKER = "demonstration"
_FIGURES = Path(__file__).parent / "figures"


@dataclass(frozen=True)
class Demonstration:
    """What was built: the home, the workbook, the wave that anyone can try, staff, the workbooks of more waves."""

    home: Home
    workbook: Path
    open_wave: str
    staff: Staff
    others: tuple[Path, ...] = ()


def build(home: Home, today: date, progress: Progress, more: bool = False) -> Demonstration:
    """Build the demonstration in `home`, in place of an earlier one; with `more`, two more waves.

    Raises `SurveyError` if `home` holds anything else: a real installation is never overwritten.
    """
    _clear(home)
    db = connect(home.database)
    try:
        _publish(db, today)
        wave = Fielded(WAVE, "dat", "2012.1", team_frame(), ("region",), OPENED, CLOSED, NOTE)
        codes = open_listed(db, home, wave)
        words = read_open_answers((_FIGURES / "open-answers.json").read_bytes())
        _answer(db, home, codes, words, progress)
        close(db, home, wave)
        progress("coding the open answers", 0, 1)
        code_open_answers(db, WAVE, words, SEED)
        workbook = write_tables(db, home, wave, "dat-2012-appendix", progress)
        others = add_waves(db, home, words, progress) if more else ()
        _open_to_anyone(db, home, today)
        staff = add_staff(db, home, today)
    finally:
        db.close()
    return Demonstration(home, workbook, OPEN_WAVE, staff, others)


def _clear(home: Home) -> None:
    marker = home.path / _MARKER
    if home.path.exists() and any(home.path.iterdir()):
        if not marker.exists():
            raise SurveyError(f"{home.path} is not empty and holds no demonstration; choose another with --home")
        _check_nothing_else(home)
        shutil.rmtree(home.path)
    home.make()
    write_aside(marker, b"Made by `surveyapp demo`, which may erase this folder.\n")


def _check_nothing_else(home: Home) -> None:
    """Somebody may have opened a wave of their own beside the demonstration: that is never erased."""
    if not home.database.exists():
        return
    db = connect(home.database)
    try:
        others = set(campaigning.names(db)) - {WAVE, OPEN_WAVE, *WAVES}
    finally:
        db.close()
    if others:
        what = f"{home.path} holds waves beside the demonstration: {', '.join(sorted(others))}"
        raise SurveyError(f"{what}; choose another with --home")


def _publish(db: Database, today: date) -> None:
    publishing.publish(db, read_file(project_file("instruments/dat/2012.1.json")), min(today, OPENED))


def _answer(db: Database, home: Home, codes: Mapping[str, str], words: OpenAnswers, progress: Progress) -> None:
    """Each responding team sends its answers: the first few over HTTP, page by page, the others at once."""
    figures = read_figures((_FIGURES / "dat-2012.json").read_bytes())
    units = responding(invented_teams(), SEED)
    answers = dict(zip(units, reconstruct(figures, words, SEED), strict=True))
    app = create_app(home, secure=False, today=lambda: OPENED + timedelta(days=14))
    with answering_over_http(app) as answer:
        for done, unit in enumerate(units[:BY_PAGES]):
            progress("answering through the pages", done, len(units))
            answer(codes[unit], answers[unit])
    pepper = read_file(home.keys / "pepper")
    for done, unit in enumerate(units[BY_PAGES:], BY_PAGES):
        progress("answering", done, len(units))
        send(db, pepper, codes[unit], answers[unit], OPENED + timedelta(days=done % 39))
    progress("answering", len(units), len(units))


def _open_to_anyone(db: Database, home: Home, today: date) -> None:
    """A wave of the same questionnaire that the visitor can try."""
    campaigning.open_wave(
        db,
        OPEN_WAVE,
        *("dat", "2012.1"),
        frame=None,
        carry=None,
        key_place="server",
        closes=None,
        today=today,
        keep_key=key_keeper(home, OPEN_WAVE),
        service=SERVICE,
        contact=CONTACT,
    )
