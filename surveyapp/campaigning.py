"""Campaign: a wave is opened on a frame, organisations are invited, the wave is closed."""

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from surveyapp import fieldwork, privacy
from surveyapp.acting import OPERATOR, needs
from surveyapp.colours import colour_problems
from surveyapp.fieldwork import Frame, Unit, cell_sizes, days_left, naming_problems, printed_day
from surveyapp.frames import room_beside
from surveyapp.instrument import Instrument, maximum_size
from surveyapp.instrument.comparing import Comparison, compare
from surveyapp.problems import NotFound, NotSaved, Problem, Refused, SurveyError
from surveyapp.roles import ANALYST, KEY_HOLDER, MANAGER, ROLES
from surveyapp.storage import counted, letters, loadings, people, responses, sittings, uploads, waves
from surveyapp.storage.database import Connection, Database
from surveyapp.storage.waves import Wave

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")


@dataclass(frozen=True)
class Changes:
    """New settings of a wave; None leaves one as it is, "" gives that of the site back."""

    service: str | None = None
    contact: str | None = None
    colour: str | None = None
    closes: date | None = None


@dataclass(frozen=True)
class Status:
    """Where a wave stands, in counts only."""

    wave: Wave
    invited: int
    received: int
    tray: int
    released: int


@needs(MANAGER)
def open_wave(
    db: Database,
    name: str,
    survey: str,
    version: str,
    frame: Frame | None,
    *,
    carry: Sequence[str] | None,
    key_place: str,
    closes: date | None,
    today: date,
    keep_key: Callable[[bytes], None],
    public_key: bytes = b"",
    settle: Callable[[Connection], None] = lambda _connection: None,
    note: str = "",
    service: str = "",
    contact: str = "",
    colour: str = "",
) -> Wave:
    """Open a wave: listed on `frame`, or to anyone if there is none. The key pair is made and rehearsed here.

    `closes` is the last day on which answers are taken. `service`, `contact` and `colour` are what the wave's
    pages bear in place of the site's own: its name, whom to ask, "#rrggbb". `carry` names the strata that go with
    the answers; None means those of the instrument that the frame has. `keep_key` is given the private key, once;
    if it fails, no wave is opened. `public_key` is that of a pair that was rehearsed before: then none is made.
    `settle` is called inside the transaction. `note` stands on every output.
    Raises `SurveyError` for a name that is taken or unfit, `NotFound` for an unpublished version, `Refused` for
    strata whose cells are too small, and for settings that will not do.
    """
    _check_name(name)
    settings = _audience(frame) | _settings(name, Changes(service, contact, colour, closes), today)
    private, public = (b"", public_key) if public_key else _key_pair()
    with db.transaction() as connection:
        instrument = waves.published(connection, survey, version)
        waves.check_in_use(connection, survey, version)
        carried = tuple(_carried(instrument, frame, carry))
        cells = cell_sizes(frame, carried, instrument.disclosure.minimum_base) if frame else {}
        wave = Wave(
            name=name,
            survey=survey,
            version=version,
            state="open",
            key_place=key_place,
            public_key=public,
            carry=carried,
            cells=cells,
            opened_cells=cells,
            note=note,
            box_size=_box_size(instrument, frame),
            opened_on=today.isoformat(),
            **settings,
        )
        waves.add_wave(connection, wave)
        if frame:
            people.add_units(connection, name, [(privacy.new_id(), unit) for unit in frame.units])
        settle(connection)
        if private:
            keep_key(private)
    return wave


def _audience(frame: Frame | None) -> dict[str, Any]:
    if frame is None:
        return {"kind": "open", "issued": 0, "sample_seed": ""}
    return {"kind": "listed", "issued": frame.issued, "sample_seed": frame.seed}


@needs(MANAGER)
def check_name(db: Database, name: str) -> None:
    """Raise `SurveyError` for a name that is taken or unfit for a wave."""
    _check_name(name)
    with db.reading() as connection:
        taken = {wave.name for wave in waves.waves(connection)}
    if name in taken:
        raise SurveyError(f"there is a wave {name} already; choose another name")


def check_settings(name: str, changes: Changes, today: date) -> None:
    """Raise `Refused` with every problem of settings that a wave would get."""
    _settings(name, changes, today)


def _key_pair() -> tuple[bytes, bytes]:
    private, public = privacy.new_key_pair()
    privacy.rehearse(private, public)
    return private, public


@needs(MANAGER)
def change_settings(db: Database, name: str, changes: Changes, today: date) -> Wave:
    """Change what the pages of a wave bear, and its last day, as long as it has not been closed.

    A wave whose last day is over takes answers again if it is given a later one. Raises `Refused` with every
    problem, `WaveNotOpen` for a new last day of a closed wave; then nothing is changed.
    """
    settings = _settings(name, changes, today)
    with db.transaction() as connection:
        wave = waves.wave_named(connection, name)
        if changes.closes and wave.state != "open":
            raise waves.not_open(wave)
        if settings:
            waves.change_wave(connection, name, **settings)
        return waves.wave_named(connection, name)


def has_colour(db: Database, colour: str) -> bool:
    """Whether the pages of some wave bear this colour."""
    with db.reading() as connection:
        return waves.has_colour(connection, colour)


def _settings(name: str, changes: Changes, today: date) -> dict[str, str]:
    """The columns to set, checked. Raises `Refused` with every problem."""
    texts = {"service": changes.service, "contact": changes.contact, "colour": changes.colour}
    given = {key: text.strip() for key, text in texts.items() if text is not None}
    problems = list(naming_problems(given.get("service", ""), given.get("contact", "")))
    if given.get("colour"):
        given["colour"] = given["colour"].lower()
        problems += colour_problems(given["colour"])
    if changes.closes:
        given["closes_on"] = changes.closes.isoformat()
        problems += _closing_problems(given["closes_on"], today)
    if problems:
        raise Refused(problems, name)
    return given


def _closing_problems(day: str, today: date) -> list[Problem]:
    if (days_left(day, today) or 0) >= 0:
        return []
    return [Problem("closes", f"{printed_day(day)} is over", "give today or a later day, or use: wave close")]


@needs(MANAGER)
def invite(db: Database, name: str, today: date) -> list[tuple[Unit, str]]:
    """Give every organisation with an address and without a code one; the codes are returned and never kept.

    Raises `WaveNotOpen` if the wave is closed or its last day is over.
    """
    with db.transaction() as connection:
        waves.check_taking(waves.wave_named(connection, name), today)
        return _give_codes(connection, name)


def _give_codes(connection: Connection, name: str) -> list[tuple[Unit, str]]:
    codes = [(id_, unit, privacy.new_code()) for id_, unit in people.uninvited(connection, name)]
    entries = ((privacy.printed_hash(code), id_, privacy.new_id()) for id_, _, code in codes)
    people.add_invitations(connection, name, entries)
    return [(unit, code) for _, unit, code in codes]


@needs(MANAGER)
def close_wave(db: Database, name: str, today: date) -> Wave:
    """Close a wave: no more answers are taken, unfinished drafts and the days of answering are erased.

    The file is written anew: the pages of sealed boxes lie in the order of their arrival until then.
    Raises `WaveNotOpen` if it is closed already.
    """
    with db.transaction() as connection:
        _open_wave_named(connection, name)
        people.drop_drafts(connection, name)
        people.forget_days(connection, name)
        letters.forget(connection, name)
        loadings.forget(connection, name)
        sittings.forget(connection, name)
        uploads.forget(connection, name)
        waves.change_wave(connection, name, state="closed", closed_on=today.isoformat())
        closed = waves.wave_named(connection, name)
    with suppress(NotSaved):  # on a full disk the opening of the tray does it
        db.vacuum()
    return closed


@needs(OPERATOR)
def names(db: Database) -> list[str]:
    """The names of all waves."""
    with db.reading() as connection:
        return [wave.name for wave in waves.waves(connection)]


@needs(*ROLES)
def waves_of(db: Database, survey: str) -> list[Wave]:
    """The waves of a survey, by name."""
    with db.reading() as connection:
        return [wave for wave in waves.waves(connection) if wave.survey == survey]


@needs(*ROLES)
def wave_of(db: Database, survey: str, name: str) -> Wave:
    """A wave of a survey. Raises `NotFound`, also for the wave of another survey."""
    with db.reading() as connection:
        wave = waves.wave_named(connection, name)
    if wave.survey != survey:
        raise NotFound(f"there is no wave {name} of the survey {survey}")
    return wave


@needs(OPERATOR)
def survey_of(db: Database, name: str) -> str:
    """The survey of a wave. Raises `NotFound`."""
    with db.reading() as connection:
        return waves.wave_named(connection, name).survey


@needs(KEY_HOLDER)
def minimum_base(db: Database, wave: Wave) -> int:
    """The smallest number of answers that leave the tray of a wave together, and that stay in it together."""
    with db.reading() as connection:
        found = waves.published(connection, wave.survey, wave.version).disclosure.minimum_base
    return max(found, privacy.SMALLEST_CELL)


@needs(*ROLES)
def status(db: Database, name: str) -> Status:
    """Counts of a wave. Raises `NotFound`."""
    with db.reading() as connection:
        wave = waves.wave_named(connection, name)
        states = people.completions(connection, name)
        return Status(
            wave=wave,
            invited=sum(states.values()),
            received=states.get("done", 0),
            tray=responses.tray_size(connection, name),
            released=responses.response_count(connection, name),
        )


@needs(ANALYST)
def has_answers(db: Database, name: str) -> tuple[bool, bool]:
    """Whether boxes of a wave wait in the tray, and whether responses are released; nothing is counted."""
    with db.reading() as connection:
        return responses.has_boxes(connection, name), responses.has_responses(connection, name)


@needs(*ROLES)
def sent_known(db: Database, name: str, folder: Path) -> dict[str, int] | None:
    """What `reporting.sent` has found out, if it was kept in `folder` and still holds; else None.

    Reading it takes no time, finding it out does: for that every answer is read.
    """
    with db.reading() as connection:
        if responses.tray_size(connection, name):
            return None
        return counted.kept(folder, name, responses.fingerprint(connection, name))


@needs(MANAGER)
def check_move(db: Database, name: str, version: str) -> Comparison:
    """What moving an open wave to a newer version would change; nothing is changed. Raises like `move_wave`."""
    with db.reading() as connection:
        return _movable(connection, name, version)


@needs(MANAGER)
def move_wave(db: Database, name: str, version: str) -> Comparison:
    """Let an open wave go on with a newer version of its questionnaire; the comparison of the two.

    Drafts are kept, and their owners are told what to look at again. Raises `SurveyError`, with the questions
    concerned, if an answer in hand would change its meaning, or if the new version needs larger boxes.
    """
    with db.transaction() as connection:
        comparison = _movable(connection, name, version)
        waves.change_wave(connection, name, version=version)
    return comparison


def _movable(connection: Connection, name: str, version: str) -> Comparison:
    wave = _open_wave_named(connection, name)
    old = waves.published(connection, wave.survey, wave.version)
    new = waves.published(connection, wave.survey, version)
    waves.check_in_use(connection, wave.survey, version)
    comparison = compare(old, new)
    _check_movable(comparison, new, wave)
    return comparison


def _check_movable(comparison: Comparison, new: Instrument, wave: Wave) -> None:
    if comparison.problems:
        raise Refused(comparison.problems, new.name)
    if not comparison.safe_for_answers_in_hand:
        unsafe = [verdict.question for verdict in comparison.verdicts if verdict.in_hand]
        raise SurveyError(
            f"answers given under {comparison.old} would change their meaning under {comparison.new}: "
            f"{', '.join(unsafe[:12])}; open a new wave instead"
        )
    if maximum_size(new) > wave.box_size - room_beside(wave.cells):
        raise SurveyError(f"{new.name} allows longer answers than the boxes of {wave.name} hold; open a new wave")


def _box_size(instrument: Instrument, frame: Frame | None) -> int:
    """Room for the longest answers and a quarter more, so that a newer version with a few questions more fits."""
    longest = {fieldwork.cell(unit.strata, list(unit.strata)): 1 for unit in frame.units} if frame else {}
    return maximum_size(instrument) * 5 // 4 + room_beside(longest)


def _carried(instrument: Instrument, frame: Frame | None, carry: Sequence[str] | None) -> Sequence[str]:
    if frame is None:
        return ()
    if carry is not None:
        return carry
    return [name for name in instrument.disclosure.carry if name in frame.strata]


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise SurveyError(f"{name[:60]!r} is not a wave name; use small letters, digits and - such as dat-2012")


def _open_wave_named(connection: Connection, name: str) -> Wave:
    wave = waves.wave_named(connection, name)
    if wave.state != "open":
        raise waves.not_open(wave)
    return wave
