"""The finished wave of 2012, built afresh: published, fielded, answered, closed, opened, reported.

The answers are a reconstruction that meets every printed count of the report; they are no data, and every
output of the wave says so. A part of the teams answers through the pages, over HTTP, the rest through the same
use cases that the pages call.
"""

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from surveyapp import campaigning, collecting, privacy, publishing, reporting
from surveyapp.config import Home, project_file, read_file, write_aside, write_once
from surveyapp.demonstration.reconstruction import read_figures, read_open_answers, reconstruct
from surveyapp.demonstration.respondent import answering_over_http
from surveyapp.demonstration.teams import invented_teams, responding
from surveyapp.fieldwork import Frame, Unit
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

SERVICE, CONTACT = "Demonstration of a national survey", "invented.office@example.org"
"""What the pages bear: nobody is there to be asked."""

_MARKER = "demonstration"
_FIGURES = Path(__file__).parent / "figures"

Answers = Mapping[str, str | Sequence[str]]
Progress = Callable[[str, int, int], None]
"""Told what is being done, how many are done and of how many."""


@dataclass(frozen=True)
class Demonstration:
    """What was built: the home, the workbook, and the wave that anyone can try."""

    home: Home
    workbook: Path
    open_wave: str


def build(home: Home, today: date, progress: Progress) -> Demonstration:
    """Build the demonstration in `home`, in place of an earlier one.

    Raises `SurveyError` if `home` holds anything else: a real installation is never overwritten.
    """
    _clear(home)
    db = connect(home.database)
    try:
        _publish(db, today)
        teams = invented_teams()
        codes = _open(db, home, teams)
        _answer(db, home, codes, responding(teams, SEED), progress)
        _close(db, home)
        workbook = _report(db, home, progress)
        _open_to_anyone(db, home, today)
    finally:
        db.close()
    return Demonstration(home, workbook, OPEN_WAVE)


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
        others = set(campaigning.names(db)) - {WAVE, OPEN_WAVE}
    finally:
        db.close()
    if others:
        what = f"{home.path} holds waves beside the demonstration: {', '.join(sorted(others))}"
        raise SurveyError(f"{what}; choose another with --home")


def _publish(db: Database, today: date) -> None:
    publishing.publish(db, read_file(project_file("instruments/dat/2012.1.json")), min(today, OPENED))


def _open(db: Database, home: Home, teams: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """Open the wave on the frame of invented teams; the access code of each."""
    frame = Frame(tuple(_unit(team) for team in teams), ("region", "kind"))
    campaigning.open_wave(
        db,
        WAVE,
        *("dat", "2012.1"),
        frame,
        carry=["region"],
        key_place="server",
        closes=CLOSED,
        today=OPENED,
        keep_key=_key_keeper(home, WAVE),
        note=NOTE,
        service=SERVICE,
        contact=CONTACT,
    )
    return {unit.unit: code for unit, code in campaigning.invite(db, WAVE, OPENED)}


def _unit(team: Mapping[str, str]) -> Unit:
    contact = {name: team[name] for name in ("unit", "name", "email", "contact", "language")}
    return Unit(**contact, strata={"region": team["region"], "kind": team["kind"]}, sampled=True)


def _key_keeper(home: Home, wave: str) -> Callable[[bytes], None]:
    return lambda private: write_once(home.wave_key(wave), privacy.key_file(wave, private).encode())


def _answer(db: Database, home: Home, codes: Mapping[str, str], units: Sequence[str], progress: Progress) -> None:
    """Each responding team sends its answers: the first few over HTTP, page by page, the others at once."""
    figures = read_figures((_FIGURES / "dat-2012.json").read_bytes())
    words = read_open_answers((_FIGURES / "open-answers.json").read_bytes())
    answers = dict(zip(units, reconstruct(figures, words, SEED), strict=True))
    app = create_app(home, secure=False, today=lambda: OPENED + timedelta(days=14))
    with answering_over_http(app) as send:
        for done, unit in enumerate(units[:BY_PAGES]):
            progress("answering through the pages", done, len(units))
            send(codes[unit], answers[unit])
    pepper = read_file(home.keys / "pepper")
    for done, unit in enumerate(units[BY_PAGES:], BY_PAGES):
        progress("answering", done, len(units))
        _send(db, pepper, codes[unit], answers[unit], OPENED + timedelta(days=done % 39))
    progress("answering", len(units), len(units))


def _send(db: Database, pepper: bytes, code: str, answers: Answers, day: date) -> None:
    visit = collecting.enter(db, pepper, code, day)
    form = {key: [answer] if isinstance(answer, str) else list(answer) for key, answer in answers.items()}
    problems = collecting.save_all(db, visit, form, day)
    if problems:
        raise SurveyError(f"the reconstruction does not fit the questionnaire: {problems[0]}")
    collecting.submit(db, visit, day)


def _close(db: Database, home: Home) -> None:
    campaigning.close_wave(db, WAVE, CLOSED)
    _, key = privacy.read_key_file(read_file(home.wave_key(WAVE)).decode())
    reporting.open_tray(db, WAVE, key)


def _report(db: Database, home: Home, progress: Progress) -> Path:
    plan = read_file(project_file("exports/dat-2012-appendix.json"))
    compiled = reporting.report(db, WAVE, plan)
    done = iter(range(1, 1 + len(compiled.tables)))
    content = reporting.file_of(
        compiled, ".xlsx", lambda _: progress("writing the workbook", next(done), len(compiled.tables))
    )
    workbook = home.path / "dat-2012-appendix.xlsx"
    write_aside(workbook, content)
    return workbook


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
        keep_key=_key_keeper(home, OPEN_WAVE),
        service=SERVICE,
        contact=CONTACT,
    )
