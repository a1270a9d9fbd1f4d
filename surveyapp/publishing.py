"""Publish: a questionnaire is checked and becomes an immutable version."""

from dataclasses import dataclass
from datetime import date

from surveyapp.instrument import Instrument, read_instrument
from surveyapp.storage import waves
from surveyapp.storage.database import Database


@dataclass(frozen=True)
class Published:
    """The version that is now in force, its content hash, and whether this call put it there."""

    instrument: Instrument
    hash: str
    new: bool


def publish(db: Database, content: bytes, today: date) -> Published:
    """Check and store one version. The same content again changes nothing.

    Raises `Refused` with every problem of the document, or `SurveyError` if the version exists with other content.
    """
    instrument = read_instrument(content)
    document = content.decode("utf-8-sig")
    with db.transaction() as connection:
        new = waves.add_version(connection, instrument, document, today.isoformat())
        digest = waves.published_hash(connection, instrument.survey, instrument.version)
    return Published(instrument, digest, new)
