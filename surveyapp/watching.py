"""Watch: how a wave responds by stratum and by day; a wave is paused and goes on. Counts answers, reads none."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from surveyapp import rates
from surveyapp.acting import needs
from surveyapp.documents import nearest
from surveyapp.fieldwork import days_left
from surveyapp.problems import Problem, Refused, SurveyError
from surveyapp.ranges import Number, Range, small
from surveyapp.rates import Fieldwork, Standing
from surveyapp.roles import ANALYST, MANAGER, ROLES
from surveyapp.storage import letters, people, responses, waves
from surveyapp.storage.database import Connection, Database
from surveyapp.storage.standings import Tally, standings, tallied, tally
from surveyapp.storage.waves import Wave

MOST_VALUES = 200
"""A column with more values than this tells organisations apart and does not group them."""


@needs(*ROLES)
def response(
    db: Database, name: str, today: date, by: Sequence[str] = (), sent: Mapping[str, int] | None = None
) -> Fieldwork:
    """The response of a listed wave as it may be printed, by each of the strata `by`.

    Without `by` it is by the strata that answers carry, else by all that are groups. `sent` is
    what `reporting.sent` knows of the released responses. Raises `NotFound`, `Refused` for a stratum that the
    frame does not have, `SurveyError` for a wave open to anyone.
    """
    with db.reading() as connection:
        wave, minimum, frame = _frame(connection, name)
    return _compiled(wave, minimum, frame, today, by, sent)


def _frame(connection: Connection, name: str) -> tuple[Wave, int, list[Standing]]:
    """A listed wave, the smallest base of its instrument, and how far its organisations have come."""
    wave = waves.wave_named(connection, name)
    if wave.kind != "listed":
        raise SurveyError(f"the wave {name} is open to anyone: without a frame there is no response rate")
    minimum = waves.published(connection, wave.survey, wave.version).disclosure.minimum_base
    return wave, minimum, standings(connection, name)


def _compiled(
    wave: Wave,
    minimum: int,
    frame: Sequence[Standing],
    today: date,
    by: Sequence[str],
    sent: Mapping[str, int] | None,
) -> Fieldwork:
    return rates.compile_rates(
        frame,
        _variables(wave, frame, by),
        wave=wave.name,
        state=wave.state,
        opened_on=wave.opened_on,
        today=today.isoformat(),
        minimum=minimum,
        sent=sent,
        note=wave.note,
    )


@dataclass(frozen=True)
class Glance:
    """Where a wave stands, as anybody of the staff may see it.

    `completed` is a range while it is small, as `response` prints it; then `sealed` and `released` are ranges too,
    since they add up to it. `due` counts letters that wait, `undecided` those that were refused or of which nobody
    knows. `days` are those that are left, negative after the last one, None where there is none.
    """

    wave: Wave
    days: int | None
    invited: int
    completed: Number
    sealed: Number
    released: Number
    due: int
    undecided: int


@needs(*ROLES)
def glances(db: Database, survey: str, today: date) -> list[Glance]:
    """The waves of a survey at a glance: those in the field first, then by the day of their opening."""
    with db.reading() as connection:
        sealed, out = responses.numbers(connection)
        found = [
            _glance(connection, wave, today, sealed.get(wave.name, 0), out.get(wave.name, 0))
            for wave in waves.waves(connection)
            if wave.survey == survey
        ]
    found.sort(key=lambda glance: (glance.wave.opened_on, glance.wave.name), reverse=True)
    return sorted(found, key=lambda glance: glance.wave.state != "open")


@needs(*ROLES)
def glance(db: Database, name: str, today: date) -> Glance:
    """One wave at a glance. Raises `NotFound`."""
    with db.reading() as connection:
        tray, out = responses.tray_size(connection, name), responses.response_count(connection, name)
        return _glance(connection, waves.wave_named(connection, name), today, tray, out)


@dataclass(frozen=True)
class Dashboard:
    """A listed wave at a glance, how it responds, and the strata by which that may be looked at."""

    glance: Glance
    response: Fieldwork
    strata: list[str]


@needs(*ROLES)
def dashboard(
    db: Database,
    name: str,
    today: date,
    by: Sequence[str],
    sent: Callable[[Glance], Mapping[str, int] | None],
) -> Dashboard:
    """What `glance` and `response` give, of one moment: the organisations are counted once.

    `sent` finds out what is known of the released responses. Raises what `response` raises.
    """
    with db.reading() as connection:
        wave, minimum, frame = _frame(connection, name)
        tray, out = responses.tray_size(connection, name), responses.response_count(connection, name)
        seen = _glance(connection, wave, today, tray, out, tallied(frame))
    response = _compiled(wave, minimum, frame, today, by, sent(seen))
    return Dashboard(seen, response, _groups(frame))


def _groups(frame: Sequence[Standing]) -> list[str]:
    """The strata that are groups, in the order of the frame's columns."""
    values: dict[str, set[str]] = {}
    for standing in frame:
        for variable, value in standing.strata.items():
            values.setdefault(variable, set()).add(value)
    return [variable for variable, found in values.items() if len(found) <= MOST_VALUES]


def _glance(
    connection: Connection, wave: Wave, today: date, tray: int, out: int, counted: Tally | None = None
) -> Glance:
    minimum = waves.published(connection, wave.survey, wave.version).disclosure.minimum_base
    if wave.kind == "listed":
        numbers = counted or tally(connection, wave.name)
        invited, done, room = numbers.invited, numbers.done, numbers.room
    else:
        states = people.completions(connection, wave.name)
        invited, done, room = sum(states.values()), states.get("done", 0), minimum
    hidden = small(done, max(room, done), minimum)
    of_letters = letters.tallies(connection, wave.name)
    return Glance(
        wave=wave,
        days=days_left(wave.closes_on, today),
        invited=invited,
        completed=hidden or done,
        sealed=Range(0, hidden.high) if hidden else tray,
        released=Range(0, hidden.high) if hidden else out,
        due=sum(n for (_, state), n in of_letters.items() if state == "due"),
        undecided=sum(n for (_, state), n in of_letters.items() if state in {"failed", "unknown"}),
    )


@needs(ANALYST)
def asked(db: Database, name: str, today: date, sent: Mapping[str, int] | None) -> Fieldwork | None:
    """The response of a wave for its appendix, by the strata that the answers carry; None if open to anyone."""
    with db.reading() as connection:
        listed = waves.wave_named(connection, name).kind == "listed"
    return response(db, name, today, sent=sent) if listed else None


def _variables(wave: Wave, frame: Sequence[Standing], by: Sequence[str]) -> list[str]:
    known = list(dict.fromkeys(name for standing in frame for name in standing.strata))
    unknown = [name for name in by if name not in known]
    if unknown:
        raise Refused([Problem(n, "the frame has no such stratum", nearest(n, known)) for n in unknown], wave.name)
    if by or wave.carry:
        return list(dict.fromkeys(by or wave.carry))
    return [name for name in known if len({s.strata.get(name, "") for s in frame}) <= MOST_VALUES]


@needs(MANAGER)
def pause(db: Database, name: str, today: date) -> Wave:
    """Let a wave take no answers until it is resumed. Drafts and codes stay, and the last day goes on running.

    Raises `WaveNotOpen` if it has been closed, `SurveyError` if it is paused already.
    """
    with db.transaction() as connection:
        wave = _unclosed(connection, name)
        if wave.paused_on:
            raise SurveyError(f"the wave {name} has been paused since {wave.paused_on}; let it go on first")
        waves.change_wave(connection, name, paused_on=today.isoformat())
        return waves.wave_named(connection, name)


@needs(MANAGER)
def resume(db: Database, name: str) -> Wave:
    """Let a paused wave take answers again. Raises `WaveNotOpen` if it was closed, `SurveyError` if it runs."""
    with db.transaction() as connection:
        wave = _unclosed(connection, name)
        if not wave.paused_on:
            raise SurveyError(f"the wave {name} is not paused")
        waves.change_wave(connection, name, paused_on=None)
        return waves.wave_named(connection, name)


def _unclosed(connection: Connection, name: str) -> Wave:
    wave = waves.wave_named(connection, name)
    if wave.state != "open":
        raise waves.not_open(wave)
    return wave
