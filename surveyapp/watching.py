"""Watch: how a wave responds by stratum and by day; a wave is paused and goes on. The people side only."""

from collections.abc import Mapping, Sequence
from datetime import date

from surveyapp import rates
from surveyapp.documents import nearest
from surveyapp.problems import Problem, Refused, SurveyError
from surveyapp.rates import Fieldwork, Standing
from surveyapp.storage import waves
from surveyapp.storage.database import Connection, Database
from surveyapp.storage.standings import standings
from surveyapp.storage.waves import Wave


def response(
    db: Database, name: str, today: date, by: Sequence[str] = (), sent: Mapping[str, int] | None = None
) -> Fieldwork:
    """The response of a listed wave as it may be printed, by each of the strata `by`.

    Without `by` it is by the strata that the answers carry, or by all of the frame if they carry none. `sent` is
    what `reporting.sent` knows of the released responses. Raises `NotFound`, `Refused` for a stratum that the
    frame does not have, `SurveyError` for a wave open to anyone.
    """
    with db.reading() as connection:
        wave = waves.wave_named(connection, name)
        if wave.kind != "listed":
            raise SurveyError(f"the wave {name} is open to anyone: without a frame there is no response rate")
        minimum = waves.published(connection, wave.survey, wave.version).disclosure.minimum_base
        frame = standings(connection, name)
    return rates.compile_rates(
        frame,
        _variables(wave, frame, by),
        wave=name,
        state=wave.state,
        opened_on=wave.opened_on,
        today=today.isoformat(),
        minimum=minimum,
        sent=sent,
        note=wave.note,
    )


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
    return list(dict.fromkeys(by or wave.carry or known))


def pause(db: Database, name: str, today: date) -> Wave:
    """Let a wave take no answers until it is resumed. Drafts and codes stay, and the last day goes on running.

    Raises `WaveNotOpen` if it has been closed, `SurveyError` if it is paused already.
    """
    with db.transaction() as connection:
        wave = _unclosed(connection, name)
        if wave.paused_on:
            do = f"to go on: surveyapp wave resume {name}"
            raise SurveyError(f"the wave {name} has been paused since {wave.paused_on}; {do}")
        waves.change_wave(connection, name, paused_on=today.isoformat())
        return waves.wave_named(connection, name)


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
