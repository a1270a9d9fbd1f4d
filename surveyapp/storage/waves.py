"""What both sides may know: published versions, and the waves that field them."""

import json
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from surveyapp.acting import check_part_in, may_know
from surveyapp.fieldwork import takes_answers
from surveyapp.instrument import Instrument, content_hash, read_instrument
from surveyapp.problems import NotFound, SurveyError, WaveNotOpen, WavePaused
from surveyapp.storage.database import NOTHING, Day, metadata
from surveyapp.storage.prepared import Prepared

# Written as SQL: a default of "" would be compared with the two quotes that the database reports.

version_table = sa.Table(
    "version",
    metadata,
    sa.Column("survey", sa.Text, primary_key=True),
    sa.Column("version", sa.Text, primary_key=True),
    sa.Column("hash", sa.Text, nullable=False),
    sa.Column("document", sa.Text, nullable=False),
    sa.Column("published_on", Day, nullable=False),
    sa.Column("retired_on", Day),
    sqlite_strict=True,
)

wave_table = sa.Table(
    "wave",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("survey", sa.Text, nullable=False),
    sa.Column("version", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("key_place", sa.Text, nullable=False),
    sa.Column("public_key", sa.LargeBinary, nullable=False),
    sa.Column("carry", sa.Text, nullable=False),
    sa.Column("cells", sa.Text, nullable=False),
    sa.Column("issued", sa.Integer, nullable=False),
    sa.Column("note", sa.Text, nullable=False),
    sa.Column("box_size", sa.Integer, nullable=False),
    sa.Column("opened_on", Day, nullable=False),
    sa.Column("closes_on", Day),
    sa.Column("closed_on", Day),
    sa.Column("service", sa.Text, nullable=False, server_default=NOTHING),
    sa.Column("contact", sa.Text, nullable=False, server_default=NOTHING),
    sa.Column("colour", sa.Text, nullable=False, server_default=NOTHING),
    sa.Column("paused_on", Day),
    sa.Column("sender", sa.Text, nullable=False, server_default=NOTHING),
    sa.Column("letters", sa.Text, nullable=False, server_default=NOTHING),
    sa.Column("retention", sa.Text, nullable=False, server_default=NOTHING),
    sa.Column("sample_seed", sa.Text, nullable=False, server_default=NOTHING),
    sa.Column("opened_cells", sa.Text, nullable=False, server_default=NOTHING),
    sa.Column("frame_mark", sa.LargeBinary),
    sa.ForeignKeyConstraint(["survey", "version"], ["version.survey", "version.version"]),
    sa.CheckConstraint("kind IN ('listed', 'open')", name="wave_kind"),
    sa.CheckConstraint("state IN ('open', 'closed')", name="wave_state"),
    sa.CheckConstraint("key_place IN ('server', 'holder')", name="wave_key_place"),
    sqlite_strict=True,
)


@dataclass(frozen=True)
class Wave:
    """One round of fieldwork.

    `kind` is "listed" (invited organisations) or "open" (anyone); `key_place` says who holds the private key,
    "server" or "holder". `cells` counts the units of the frame in each carried stratum cell, `opened_cells` did so
    at the opening, `issued` counts those with usable contact details. `note` is a statement that every output
    carries. Every draft and box of the wave is padded to `box_size` bytes, whatever version it is in. Days are ISO
    texts. `service` is the name that its pages bear, `contact` says how to reach those who field it, `colour` is
    "#rrggbb"; "" is the site's own. `frame_mark` is random, and the store sets another by itself as soon as a
    unit or a name of the frame changes; None as long as nobody is in the frame.
    """

    name: str
    survey: str
    version: str
    kind: str
    state: str
    key_place: str
    public_key: bytes
    carry: tuple[str, ...]
    cells: dict[str, int]
    issued: int
    opened_on: str
    box_size: int
    note: str = ""
    closes_on: str | None = None
    closed_on: str | None = None
    service: str = ""
    contact: str = ""
    colour: str = ""
    paused_on: str | None = None
    sender: str = ""
    letters: str = ""
    retention: str = ""
    sample_seed: str = ""
    opened_cells: dict[str, int] = field(default_factory=dict)
    frame_mark: bytes | None = field(default=None, compare=False, repr=False)

    @property
    def seal_info(self) -> bytes:
        """What a box of this wave is bound to. The version is inside: a wave may move to a newer one."""
        return f"surveyapp box 1 {self.name} {self.survey}".encode()

    @property
    def last_day(self) -> str | None:
        """The last day on which answers are or were taken, as far as it is known."""
        return min(filter(None, (self.closes_on, self.closed_on)), default=None)

    @property
    def population(self) -> int:
        """Units in the frame."""
        return sum(self.cells.values())


def add_version(connection: sa.Connection, instrument: Instrument, document: str, today: str) -> bool:
    """Publish a version; False if the same content was published before.

    Raises `SurveyError`, naming both hashes, if this version was published with other content.
    """
    if is_known(connection, instrument, document):
        return False
    connection.execute(
        version_table.insert().values(
            survey=instrument.survey,
            version=instrument.version,
            hash=content_hash(document),
            document=document,
            published_on=today,
        )
    )
    return True


def is_known(connection: sa.Connection, instrument: Instrument, document: str) -> bool:
    """Whether this version is published with this content. Raises `SurveyError` if it has other content."""
    digest = content_hash(document)
    known = connection.scalar(
        sa.select(version_table.c.hash).where(
            version_table.c.survey == instrument.survey, version_table.c.version == instrument.version
        )
    )
    if known is not None and known != digest:
        raise SurveyError(
            f"{instrument.name} is published with content {known[:12]}…; this file has {digest[:12]}…: "
            "a published version never changes, give the new text a new version"
        )
    return known is not None


_HERE = (version_table.c.survey == sa.bindparam("survey"), version_table.c.version == sa.bindparam("version"))
_PUBLISHED = Prepared(sa.select(version_table.c.document, version_table.c.hash).where(*_HERE))


def published(connection: sa.Connection, survey: str, version: str) -> Instrument:
    """A published version. Raises `NotFound`, or `SurveyError` if the stored document no longer has its hash."""
    row = _PUBLISHED.row(connection, survey=survey, version=version)
    if row is None:
        raise NotFound(f"{survey}@{version} is not published; publish it first")
    return _parsed(*row)


def document(connection: sa.Connection, survey: str, version: str) -> str:
    """The text of a published version, as it was published. Raises like `published`."""
    published(connection, survey, version)
    here = (version_table.c.survey == survey) & (version_table.c.version == version)
    return str(connection.scalar(sa.select(version_table.c.document).where(here)))


_verified: dict[str, tuple[str, Instrument]] = {}
"""By the hash of its content: each document that was read and verified, and what it says."""

MOST_VERIFIED = 32


def verified(digest: str | None) -> Instrument | None:
    """The questionnaire of this content, if this process has read and verified it."""
    known = _verified.get(digest or "")
    return known and known[1]


def _parsed(document: str, digest: str) -> Instrument:
    """What a stored document says: parsed and verified once in a process, and compared with that ever after."""
    known = _verified.get(digest)
    if known and known[0] == document:
        return known[1]
    if content_hash(document) != digest:
        raise SurveyError(
            f"the published version with content {digest[:12]}… was altered in the database; restore it"
        )
    while len(_verified) >= MOST_VERIFIED:
        _verified.pop(next(iter(_verified)), None)
    instrument = read_instrument(document)
    _verified[digest] = document, instrument
    return instrument


@dataclass(frozen=True)
class Version:
    """One published version: `state` is "published" or "retired"."""

    survey: str
    version: str
    hash: str
    state: str
    published_on: str


def versions(connection: sa.Connection) -> list[Version]:
    """All published versions, by survey and version. Verifies the content hash of each."""
    query = sa.select(version_table).order_by(version_table.c.survey, version_table.c.version)
    found = []
    for row in connection.execute(query):
        _parsed(row.document, row.hash)
        state = "retired" if row.retired_on else "published"
        found.append(Version(row.survey, row.version, row.hash, state, row.published_on))
    return found


def surveys(connection: sa.Connection) -> list[str]:
    """The surveys that have a published version."""
    query = sa.select(version_table.c.survey).distinct().order_by(version_table.c.survey)
    return list(connection.scalars(query))


def retire(connection: sa.Connection, survey: str, version: str, today: str) -> None:
    """Take a version out of use for new waves; waves and responses that name it keep it."""
    here = (version_table.c.survey == survey) & (version_table.c.version == version)
    connection.execute(version_table.update().where(here).values(retired_on=today))


def check_in_use(connection: sa.Connection, survey: str, version: str) -> None:
    """Raise `SurveyError` if a version is retired."""
    here = (version_table.c.survey == survey) & (version_table.c.version == version)
    retired = connection.scalar(sa.select(version_table.c.retired_on).where(here))
    if retired:
        raise SurveyError(f"{survey}@{version} was retired on {retired}; use a newer version")


def published_hash(connection: sa.Connection, survey: str, version: str) -> str:
    """The content hash of a published version."""
    found = connection.scalar(
        sa.select(version_table.c.hash).where(version_table.c.survey == survey, version_table.c.version == version)
    )
    return str(found)


def add_wave(connection: sa.Connection, wave: Wave) -> None:
    """Store a new wave. Raises `SurveyError` if the name is taken."""
    if connection.scalar(sa.select(wave_table.c.name).where(wave_table.c.name == wave.name)):
        raise SurveyError(f"there is a wave {wave.name} already; choose another name")
    cells = {name: json.dumps(getattr(wave, name), sort_keys=True) for name in ("cells", "opened_cells")}
    values = {**wave.__dict__, "carry": json.dumps(wave.carry), **cells}
    connection.execute(wave_table.insert().values(values))


_WAVE = Prepared(sa.select(wave_table).where(wave_table.c.name == sa.bindparam("name")))
_WAVES = Prepared(sa.select(wave_table).order_by(wave_table.c.name))


def wave_named(connection: sa.Connection, name: str) -> Wave:
    """The wave, read each time: another process may just have closed it. Raises `NotFound`, naming the waves.

    For who is at work in one survey, the waves of others are not there; of surveys in which they have no role none
    is named either.
    """
    row = _WAVE.row(connection, name=name)
    wave = None if row is None else wave_in(row)
    if wave is None or not may_know(wave.survey):
        names = ", ".join(other.name for other in waves(connection) if may_know(other.survey)) or "none yet"
        raise NotFound(f"there is no wave {name[:60]!r}; the waves are: {names}")
    check_part_in(wave.survey, f"wave {wave.name}")
    return wave


def waves(connection: sa.Connection) -> list[Wave]:
    """All waves by name."""
    return [wave_in(row) for row in _WAVES.run(connection)]


def taking(wave: Wave, today: date) -> bool:
    """Whether a wave takes answers: open, not paused, its last day not over."""
    return takes_answers(wave.state, wave.closes_on, today, wave.paused_on)


def check_taking(wave: Wave, today: date) -> None:
    """Raise `WaveNotOpen` or `WavePaused` for a wave that takes no answers."""
    if not taking(wave, today):
        raise not_open(wave)


def not_open(wave: Wave) -> WaveNotOpen:
    """What meets whoever comes to a wave that takes no answers: paused, or since which day, and whom to ask."""
    if wave.state == "open" and wave.paused_on:
        paused = f"the wave {wave.name} has been paused since {wave.paused_on}; let it go on first"
        return WavePaused(paused, None, wave.service, wave.contact, wave.colour)
    message = f"the wave {wave.name} was closed on {wave.last_day}"
    if wave.state == "open":
        later = "to take answers again, give it a later last day"
        message = f"{wave.last_day} was the last day of the wave {wave.name}; {later}"
    return WaveNotOpen(message, wave.last_day, wave.service, wave.contact, wave.colour)


def has_colour(connection: sa.Connection, colour: str) -> bool:
    """Whether some wave bears this colour."""
    here = wave_table.c.colour == colour
    return connection.scalar(sa.select(wave_table.c.name).where(here).limit(1)) is not None


def change_wave(connection: sa.Connection, name: str, **values: object) -> None:
    """Set columns of a wave."""
    connection.execute(wave_table.update().where(wave_table.c.name == name).values(values))


@lru_cache(maxsize=64)
def wave_in(row: tuple[Any, ...]) -> Wave:
    """What a row says: the row is read each time, and made into a wave once."""
    values = dict(zip(wave_table.c.keys(), row, strict=True))
    cells = {name: json.loads(values[name] or "{}") for name in ("cells", "opened_cells")}
    return Wave(**{**values, "carry": tuple(json.loads(values["carry"])), **cells})
