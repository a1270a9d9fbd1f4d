"""Publish: a questionnaire is checked, becomes an immutable version, and one day is retired."""

from dataclasses import dataclass
from datetime import date

from surveyapp.acting import check_may, may_know, needs
from surveyapp.instrument import Instrument, read_instrument
from surveyapp.instrument.comparing import Comparison, compare
from surveyapp.roles import AUTHOR, ROLES
from surveyapp.storage import waves
from surveyapp.storage.database import Connection, Database
from surveyapp.storage.waves import Version


@dataclass(frozen=True)
class Published:
    """The version that is now in force, its content hash, and whether this call put it there."""

    instrument: Instrument
    hash: str
    new: bool


@needs(AUTHOR)
def publish(db: Database, content: bytes, today: date) -> Published:
    """Check and store one version. The same content again changes nothing.

    Raises `Refused` with every problem of the document, or `SurveyError` if the version exists with other content.
    """
    instrument = read_instrument(content)
    check_may((AUTHOR,), instrument.survey)
    with db.transaction() as connection:
        return put_in_force(connection, instrument, content, today)


def put_in_force(connection: Connection, instrument: Instrument, content: bytes, today: date) -> Published:
    """Store a version that was read from `content`, as a part of a transaction. Raises like `publish`."""
    new = waves.add_version(connection, instrument, content.decode("utf-8-sig"), today.isoformat())
    digest = waves.published_hash(connection, instrument.survey, instrument.version)
    return Published(instrument, digest, new)


@needs(*ROLES)
def versions(db: Database) -> list[Version]:
    """Every published version of the surveys that who is at work may know.

    Raises `SurveyError` if the stored text of any is not the one published.
    """
    with db.reading() as connection:
        return [version for version in waves.versions(connection) if may_know(version.survey)]


@needs(*ROLES)
def document(db: Database, survey: str, version: str) -> bytes:
    """The text of a published version.

    Raises `NotFound` for an unpublished one, `SurveyError` for one that is retired or was altered in the store.
    """
    with db.reading() as connection:
        text = waves.document(connection, survey, version)
        waves.check_in_use(connection, survey, version)
        return text.encode()


@needs(*ROLES)
def text(db: Database, survey: str, version: str) -> bytes:
    """The text of a version that was ever published. Raises `NotFound`."""
    with db.reading() as connection:
        return waves.document(connection, survey, version).encode()


@dataclass(frozen=True)
class Consequences:
    """What publishing a document would do: to the trend from `before`, the version that it was compared with.

    `known` says that this version is published with the same content; `movable` are waves in the field that could
    go on with it, `fixed` those that could not, because answers in hand would change their meaning.
    """

    instrument: Instrument
    known: bool
    before: str = ""
    comparison: Comparison | None = None
    movable: tuple[str, ...] = ()
    fixed: tuple[str, ...] = ()


@needs(AUTHOR)
def consequences(db: Database, content: bytes, before: str = "") -> Consequences:
    """What publishing would do, compared with version `before`, or with the newest one.

    Raises `Refused` with every problem of the document, `SurveyError` if its version exists with other content.
    """
    instrument = read_instrument(content)
    with db.reading() as connection:
        known = waves.is_known(connection, instrument, content.decode("utf-8-sig"))
        others = [v for v in waves.versions(connection) if v.survey == instrument.survey]
        others = [v for v in others if v.version != instrument.version]
        if not others:
            return Consequences(instrument, known)
        against = before or max(others, key=lambda v: (v.published_on, v.version)).version
        comparison = compare(waves.published(connection, instrument.survey, against), instrument)
        fielded = [wave for wave in waves.waves(connection) if wave.survey == instrument.survey]
        in_field = [wave.name for wave in fielded if wave.state == "open" and wave.version == against]
    safe = comparison.safe_for_answers_in_hand
    return Consequences(
        instrument, known, against, comparison, tuple(in_field if safe else ()), tuple(() if safe else in_field)
    )


@needs(AUTHOR)
def retire(db: Database, survey: str, version: str, today: date) -> None:
    """Let no new wave begin with a version. What was fielded with it stays as it is.

    Raises `NotFound` for an unpublished version, `SurveyError` for one that is retired already.
    """
    with db.transaction() as connection:
        waves.published(connection, survey, version)
        waves.check_in_use(connection, survey, version)
        waves.retire(connection, survey, version, today.isoformat())


def difference(old: bytes, new: bytes) -> Comparison:
    """What the change from one questionnaire to another does to each trend.

    Raises `Refused` for a document with problems, and for two different surveys.
    """
    return compare(read_instrument(old), read_instrument(new))
