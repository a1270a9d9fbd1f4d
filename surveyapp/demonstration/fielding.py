"""One wave of the demonstration through the use cases: opened on a frame, answered, closed, its tables written."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from itertools import count
from pathlib import Path

from surveyapp import campaigning, coding, collecting, privacy, reporting, watching
from surveyapp.config import Home, project_file, read_file, ready, write_once
from surveyapp.fieldwork import Frame
from surveyapp.problems import SurveyError
from surveyapp.storage.database import Database

SERVICE, CONTACT = "Demonstration of a national survey", "invented.office@example.org"
"""What the pages bear: nobody is there to be asked."""

Progress = Callable[[str, int, int], None]
"""Told what is being done, how many are done and of how many."""

Form = Mapping[str, str | Sequence[str]]


@dataclass(frozen=True)
class Fielded:
    """A wave to be played: of which version, on what frame, from when to when. `note` stands on every output."""

    name: str
    survey: str
    version: str
    frame: Frame
    carry: tuple[str, ...]
    opened: date
    closed: date
    note: str


def open_listed(db: Database, home: Home, wave: Fielded) -> dict[str, str]:
    """Open a wave on its frame and invite everybody; the access code of each unit."""
    campaigning.open_wave(
        db,
        wave.name,
        wave.survey,
        wave.version,
        wave.frame,
        carry=wave.carry,
        key_place="server",
        closes=wave.closed,
        today=wave.opened,
        keep_key=key_keeper(home, wave.name),
        note=wave.note,
        service=SERVICE,
        contact=CONTACT,
    )
    return {unit.unit: code for unit, code in campaigning.invite(db, wave.name, wave.opened)}


def key_keeper(home: Home, wave: str) -> Callable[[bytes], None]:
    """What keeps the private key of a wave in the home."""
    return lambda private: write_once(home.wave_key(wave), privacy.key_file(wave, private).encode())


def send(db: Database, pepper: bytes, code: str, answers: Form, day: date) -> None:
    """One respondent's whole visit at once. Raises `SurveyError` where the questionnaire refuses an answer."""
    visit = collecting.enter(db, pepper, code, day)
    form = {key: [answer] if isinstance(answer, str) else list(answer) for key, answer in answers.items()}
    problems = collecting.save_all(db, visit, form, day)
    if problems:
        raise SurveyError(f"the invented answers do not fit the questionnaire: {problems[0]}")
    collecting.submit(db, visit, day)


def close(db: Database, home: Home, wave: Fielded) -> None:
    """Close a wave on its last day and open its tray."""
    campaigning.close_wave(db, wave.name, wave.closed)
    _, key = privacy.read_key_file(read_file(home.wave_key(wave.name)).decode())
    reporting.open_tray(db, wave.name, key)


def write_tables(db: Database, home: Home, wave: Fielded, plan: str, progress: Progress) -> Path:
    """Write the workbook of a plan of the project, called by the name of the plan, and enter it in the ledger."""
    asked = partial(watching.asked, db, wave.name, wave.closed)
    content = read_file(project_file(f"exports/{plan}.json"))
    compiled = reporting.report(db, wave.name, content, asked, coding.coded(db, wave.name))
    done, of = count(1), len(compiled.tables)
    said = f"writing {plan}.xlsx"
    written = reporting.file_of(compiled, ".xlsx", lambda _: progress(said, min(next(done), of), of))
    workbook = home.path / f"{plan}.xlsx"
    reporting.publish(db, compiled, ready({workbook: written}))
    return workbook
