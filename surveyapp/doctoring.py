"""Doctor: whether an installation is fit to be trusted with a survey.

It looks and mends nothing.
"""

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from surveyapp import bookkeeping, config, keyring, mail, privacy, retaining, rotating
from surveyapp.acting import OPERATOR, needs
from surveyapp.config import Home
from surveyapp.documents import nearest
from surveyapp.problems import SurveyError
from surveyapp.storage import backups, forensics, jobs, waves
from surveyapp.storage.database import Database, connect
from surveyapp.storage.waves import Wave

WELL, WARNING, ILL = "well", "warning", "ill"

SECRETS = ("staff", *(name for names in rotating.GROUPS.values() for name in names))
"""Key files of the server, each made at its first use."""

LEAST_ROOM = 500_000_000
"""Bytes that should be free, or three times the database if that is more: it is written anew at times."""

OLDEST_BACKUP = timedelta(days=7)
LONGEST_WAIT = 15 * 60
"""Seconds after which a job that nobody takes says that no worker runs."""


@dataclass(frozen=True)
class Finding:
    """One thing looked at: how it is, and what to do if that is not well."""

    thing: str
    state: str
    found: str
    do: str = ""


@dataclass(frozen=True)
class Patient:
    """What is examined, and when. `db` is None where the store does not open; then `refusal` says why."""

    home: Home
    db: Database | None
    now: datetime
    refusal: str = ""

    @property
    def today(self) -> date:
        """The day of the server's clock."""
        return self.now.date()


@needs(OPERATOR)
def examine(home: Home, now: datetime, post: bool = False) -> list[Finding]:
    """Everything about an installation that can be looked at, the ill things not first but in order.

    `post` asks the mail server for a connection; no letter is sent.
    """
    if not home.path.is_dir():
        do = "name an installation with --home, or make one: surveyapp db upgrade"
        return [Finding("folder", ILL, f"there is no folder {home.path}", do)]
    try:
        patient = Patient(home, connect(home.store), now)
    except SurveyError as error:
        patient = Patient(home, None, now, str(error))
    try:
        findings = [found for look in (*_LOOKS, *([_post] if post else [])) for found in look(patient)]
    finally:
        if patient.db:
            patient.db.close()
    return findings


def is_ill(findings: Sequence[Finding]) -> bool:
    """Whether anything must be mended before a survey is trusted to it."""
    return any(found.state == ILL for found in findings)


Look = Callable[[Patient], Iterator[Finding]]


def _settings(_patient: Patient) -> Iterator[Finding]:
    known = list(config.SETTINGS)
    for name in config.unknown_settings():
        yield Finding("settings", WARNING, f"{name} is no setting of ours", nearest(name, known))
    if not config.unknown_settings():
        yield Finding("settings", WELL, ", ".join(config.given_settings()) or "none given: those of this manual")


def _folder(patient: Patient) -> Iterator[Finding]:
    folder = patient.home.path
    files = [folder, *(path for path in folder.rglob("*") if not path.is_symlink())]
    if loose := forensics.open_to_others(files):
        yield Finding(
            "permissions",
            ILL,
            f"{len(loose)} files can be read by others, such as {loose[0].relative_to(folder.parent)}",
            f"chmod -R go= {folder}",
        )
    else:
        yield Finding("permissions", WELL, "readable by their owner alone")


def _store(patient: Patient) -> Iterator[Finding]:
    if patient.db is None:
        yield Finding("database", ILL, patient.refusal, "nothing can be served until it opens")
        return
    yield Finding("database", WELL, f"{patient.db.name} opens with every setting that it needs")
    faults = bookkeeping.imbalances(patient.db)
    for fault in faults:
        yield Finding("books", ILL, f"{fault.at}: {fault.what}", fault.do)
    if not faults:
        yield Finding("books", WELL, "as many answers as organisations that have sent some")


def _room(patient: Patient) -> Iterator[Finding]:
    free = shutil.disk_usage(patient.home.path).free
    size = patient.home.database.stat().st_size if patient.home.database.exists() else 0
    wanted = max(LEAST_ROOM, 3 * size)
    if free < wanted:
        do = "make room: a full disk refuses answers, and keeps what is erased from being overwritten"
        yield Finding("disk", ILL, f"{free / 1e6:,.0f} MB free, {wanted / 1e6:,.0f} MB wanted", do)
    else:
        yield Finding("disk", WELL, f"{free / 1e6:,.0f} MB free")


def _keys(patient: Patient) -> Iterator[Finding]:
    damaged = [name for name in SECRETS if _is_damaged(patient.home.keys / name, name in _SINGLE)]
    for name in damaged:
        yield Finding(
            "keys", ILL, f"keys/{name} is not a key of 32 bytes", "put the file back from where keys are kept"
        )
    if not damaged:
        yield Finding("keys", WELL, "whole, where they are in use")
        yield from _rotations(patient)
    for wave in _open_trays(patient):
        if fault := _key_fault(patient.home, wave):
            yield Finding("keys", ILL, fault, "put keys/ back from where you keep it; without it no answer opens")


_SINGLE = ("staff",)
"""Files that hold one key for good; those that can be changed may hold several."""


def _is_damaged(path: Path, single: bool) -> bool:
    if not path.exists():
        return False
    try:
        return len(keyring.keys_in(path)) != 1 if single else not keyring.keys_in(path)
    except SurveyError:
        return True


def _rotations(patient: Patient) -> Iterator[Finding]:
    """Changes of keys that were cut off, and what is kept of older ones."""
    if unlike := rotating.unlike(patient.home):
        found = f"keys/{', keys/'.join(unlike)} were not changed with the other keys of cookies"
        yield Finding("keys", WARNING, found, "surveyapp keys rotate cookie once more")
    if patient.db is None:
        return
    now = int(patient.now.timestamp())
    every = rotating.standings(patient.home, patient.db, now)
    if kept := [each for each in every if each.file == rotating.PEPPER and each.does == rotating.OPENS]:
        yield Finding("keys", WELL, f"{len(kept)} older in keys/pepper, for drafts in {', '.join(kept[0].waves)}")
    if any(each.does == rotating.OVER for each in every):
        yield Finding("keys", WARNING, "some are kept that nothing needs any more", "surveyapp retention run")


def _open_trays(patient: Patient) -> list[Wave]:
    """Waves whose key the server keeps, and whose tray may still be full."""
    if patient.db is None:
        return []
    with patient.db.reading() as connection:
        return [w for w in waves.waves(connection) if w.key_place == "server" and w.state == "open"]


def _key_fault(home: Home, wave: Wave) -> str:
    try:
        named, private = privacy.read_key_file(config.read_file(home.wave_key(wave.name)).decode(errors="replace"))
        privacy.rehearse(private, wave.public_key)
    except SurveyError as error:
        return f"the key of {wave.name} does not open its tray: {error}"
    return "" if named == wave.name else f"keys/{wave.name}.key is the key of {named}"


def _clock(patient: Patient) -> Iterator[Finding]:
    """A clock that goes behind what was written here before, is far ahead of it, or is plainly wrong."""
    newest = max((_changed(path) for path in (patient.home.database, patient.home.keys)), default=patient.now)
    days = _days(patient)
    if newest > patient.now + timedelta(minutes=5):
        behind = f"it says {patient.now:%Y-%m-%d %H:%M}, and files here were written {newest:%Y-%m-%d %H:%M}"
        yield Finding("clock", ILL, behind, "set the clock: days close waves and send reminders")
    elif days and max(days) > patient.now.date().isoformat():
        yield Finding("clock", ILL, f"a wave was opened on {max(days)}, which is to come", "set the clock")
    elif patient.db and (doubt := retaining.doubt(patient.db, patient.today)):
        do = f"if the clock is wrong, set it; if it is right: surveyapp retention run --today {patient.today}"
        yield Finding("clock", ILL, f"{doubt}: nothing is erased meanwhile", do)
    else:
        yield Finding("clock", WELL, f"{patient.now:%Y-%m-%d %H:%M} UTC")


def _changed(path: Path) -> datetime:
    with suppress(OSError):
        return datetime.fromtimestamp(path.stat().st_mtime, UTC)
    return datetime.fromtimestamp(0, UTC)


def _days(patient: Patient) -> list[str]:
    if patient.db is None:
        return []
    with patient.db.reading() as connection:
        return [wave.opened_on for wave in waves.waves(connection)]


def _copies(patient: Patient) -> Iterator[Finding]:
    newest = max((each.made_on for each in backups.backups(patient.home.backups)), default=None)
    if newest is None:
        yield Finding("backups", WARNING, "none in backups/", "surveyapp backup, once a day")
    elif newest > patient.today:
        do = "if it was made while the clock was ahead, erase it with its hash: it would be kept until its day"
        yield Finding("backups", WARNING, f"the newest is of {newest}, which is to come", do)
    elif patient.today - newest > OLDEST_BACKUP:
        yield Finding("backups", WARNING, f"the newest is of {newest}", "surveyapp backup, once a day")
    else:
        yield Finding("backups", WELL, f"the newest is of {newest}")


def _retention(patient: Patient) -> Iterator[Finding]:
    if patient.db is None:
        return
    overdue = [
        kept.wave for kept in retaining.kept(patient.db) for part in kept.parts if part.is_due(patient.today)
    ]
    if overdue:
        found = f"what was promised to be erased is kept: {', '.join(dict.fromkeys(overdue))}"
        yield Finding("retention", ILL, found, "surveyapp retention run, once a day")
    else:
        yield Finding("retention", WELL, "nothing is overdue")


def _jobs(patient: Patient) -> Iterator[Finding]:
    if patient.db is None:
        return
    with patient.db.reading() as connection:
        waiting = jobs.oldest_waiting(connection)
    if waiting is not None and patient.now.timestamp() - waiting > LONGEST_WAIT:
        minutes = (patient.now.timestamp() - waiting) / 60
        do = "start surveyapp worker, or serve without --no-worker"
        yield Finding("worker", ILL, f"a job has waited for {minutes:,.0f} minutes", do)
    else:
        yield Finding("worker", WELL, "no job waits for long")


def _mail(_patient: Patient) -> Iterator[Finding]:
    try:
        address, password = config.mail_settings()
        if not address:
            yield Finding("mail", WARNING, "letters are written to outbox/", "set SURVEYAPP_SMTP to send them")
            return
        yield Finding("mail", WELL, str(mail.Server(mail.server_at(address, password))))
        if not all(config.site_settings()):
            do = "set SURVEYAPP_ADDRESS and SURVEYAPP_SENDER"
            yield Finding("mail", WARNING, "staff cannot be sent links to sign in", do)
    except SurveyError as error:
        yield Finding("mail", ILL, str(error), "invitations and reminders cannot be sent")


def _post(_patient: Patient) -> Iterator[Finding]:
    address, password = config.mail_settings()
    if not address:
        return
    try:
        with mail.Server(mail.server_at(address, password)):
            yield Finding("mail server", WELL, "takes letters")
    except SurveyError as error:
        yield Finding("mail server", ILL, str(error), "see the manual's page on mail")


_LOOKS: tuple[Look, ...] = (
    _settings,
    _folder,
    _store,
    _room,
    _keys,
    _clock,
    _copies,
    _retention,
    _jobs,
    _mail,
)


def as_json(findings: Sequence[Finding]) -> list[Mapping[str, str]]:
    """The findings for scripts."""
    return [dict(found.__dict__) for found in findings]
