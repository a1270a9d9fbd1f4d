"""Writing: invitations, reminders and new codes go out, each once, and whatever did not is listed.

A letter is a row of the outbox, and it is marked before and after it is sent. Whatever kills a run, the next one
finds at most one letter of which nobody knows whether it left; that one is listed for a person to decide.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from email.utils import parseaddr
from pathlib import Path
from urllib.parse import urlsplit

from surveyapp import fieldwork, mail, privacy
from surveyapp.acting import needs
from surveyapp.config import alone, secret
from surveyapp.documents import nearest
from surveyapp.fieldwork import DISPOSITIONS, Unit, days_left
from surveyapp.instrument import Instrument
from surveyapp.keyring import KeyRing
from surveyapp.mail import Letter, Transport
from surveyapp.problems import NotFound, Problem, Refused, SurveyError
from surveyapp.roles import MANAGER
from surveyapp.storage import letters, people, waves
from surveyapp.storage.database import Connection, Database
from surveyapp.storage.letters import Addressee, Entry, Queued
from surveyapp.storage.waves import Wave
from surveyapp.templates import (
    DEFAULTS,
    FINAL,
    KINDS,
    STAGES,
    Template,
    filled,
    read_template,
    said_day,
    said_days,
)

ADDRESS, SENDER = "http://127.0.0.1:8000", "surveys@localhost"
"""Of the site and of letters, as long as they stay on this machine."""

EXAMPLE_CODE = "ABCDE-12345-FGHJK-67890"
"""Made up, for previews."""

REFUSALS = 10
"""So many letters refused one after the other say that the fault is not in the addresses."""

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Desk:
    """What letters are written with: the store, the file of the outbox key, the way out, and the day."""

    db: Database
    key_file: Path
    transport: Transport
    today: date
    progress: Progress = lambda _what, _done, _of: None


@dataclass
class Outcome:
    """What a run did: how many letters were sent, which were refused and why, which nobody knows of.

    `undeliverable` are the organisations whose address was refused for good; they are noted as such. `waiting`
    counts letters that are still due; `stopped` says why the run ended before them, or "".
    """

    sent: int = 0
    failed: list[str] = field(default_factory=list)
    undeliverable: list[str] = field(default_factory=list)
    postponed: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    waiting: int = 0
    stopped: str = ""


# ── inviting and reminding ───────────────────────────────────────────────────


@needs(MANAGER)
def invite(desk: Desk, name: str, *, address: str = "", sender: str = "") -> Outcome:
    """Invite everybody with an address who has no code yet, and send what waits.

    Codes and letters are stored together before the first letter goes. `address` (of the site) and `sender` are
    kept with the wave; "" takes what was kept. Raises `WaveNotOpen`, and `Unreachable` if no letter can go now:
    then nobody is invited.
    """

    def write(connection: Connection, key: bytes) -> None:
        uninvited = [a for a in letters.addressees(connection, name) if _invitable(a)]
        codes = [(a, privacy.new_code(), privacy.new_id()) for a in uninvited]
        entries = ((privacy.printed_hash(code), a.id, privacy.new_id()) for a, code, _ in codes)
        people.add_invitations(connection, name, entries)
        waiting = [Entry(id_, a.id, "invitation", privacy.seal_code(key, code, id_)) for a, code, id_ in codes]
        letters.add(connection, name, waiting, desk.today.isoformat())

    return _run(desk, name, write, address, sender)


@needs(MANAGER)
def remind(
    desk: Desk, name: str, rule: Sequence[int] | None, kind: str = "", *, address: str = "", sender: str = ""
) -> Outcome:
    """Remind those who were invited and have not answered, and send what waits.

    `rule` is days after the invitation; None reminds all of them now. `kind` is one of `STAGES`, whose words are
    taken then; "" goes by the days of the rule that are over. Nobody is reminded who refused, is out of scope or
    cannot be reached, nor twice on one day. Raises like `invite`.
    """

    def write(connection: Connection, _key: bytes) -> None:
        due = _due(letters.addressees(connection, name), rule, kind, desk.today)
        entries = [Entry(privacy.new_id(), a.id, "reminder", stage=stage) for a, stage in due]
        letters.add(connection, name, entries, desk.today.isoformat())

    return _run(desk, name, write, address, sender)


@dataclass(frozen=True)
class Reminders:
    """Who would be reminded now, as (unit, which reminder), and how the first of them would read it."""

    to: tuple[tuple[str, str], ...]
    first: "Preview | None"


@needs(MANAGER)
def preview_reminders(db: Database, name: str, rule: Sequence[int] | None, kind: str, today: date) -> Reminders:
    """What `remind` would write; nothing is written. Raises `WaveNotOpen`, `NotFound`."""
    with db.reading() as connection:
        _in_the_field(connection, name, today)
        due = _due(letters.addressees(connection, name), rule, kind, today)
    to = tuple((addressee.unit.unit, stage or "reminder") for addressee, stage in due)
    return Reminders(to, preview(db, name, to[0][1], to[0][0], today) if to else None)


def rule_of(kind: str, rule: Sequence[int]) -> tuple[int, ...] | None:
    """The day after which a reminder sent by hand is due: that of the rule; None for the final one, always due.

    Raises `SurveyError` for another kind, or where the rule has fewer days.
    """
    if _known(kind, STAGES, "reminder") == FINAL:
        return None
    if len(rule) <= STAGES.index(kind):
        what = f"the rule has {len(rule)} days, none for a {kind} reminder"
        raise SurveyError(f"{what}; give more days, or send it now")
    return (rule[STAGES.index(kind)],)


def _due(
    everybody: Iterable[Addressee], rule: Sequence[int] | None, kind: str, today: date
) -> list[tuple[Addressee, str]]:
    """Whom to remind, each with the kind of reminder; "" is one that has no words of its own."""
    silent = [a for a in everybody if _remindable(a) and fieldwork.due(a.invited_on, a.reminded_on, rule, today)]
    staged = [(a, kind or _stage(a, rule, today)) for a in silent]
    return [(a, stage) for a, stage in staged if (rule is None and not kind) or _is_new(a, stage)]


def _stage(addressee: Addressee, rule: Sequence[int] | None, today: date) -> str:
    over = fieldwork.reached(addressee.invited_on, rule, today)
    return STAGES[over - 1] if 0 < over < len(STAGES) else ""


def _is_new(addressee: Addressee, stage: str) -> bool:
    """Nobody gets the same reminder again, nor any after the final one, unless all are reminded by hand."""
    return FINAL not in addressee.stages and (not stage or stage not in addressee.stages)


@needs(MANAGER)
def new_code(desk: Desk, name: str, unit: str, *, address: str = "", sender: str = "") -> Outcome:
    """Send one organisation a new code. The old one no longer works; a draft under it is erased.

    Raises `SurveyError` if the organisation has answered, was never invited or cannot be written to.
    """
    return _run(desk, name, _new_code(name, unit, desk.today), address, sender)


def _new_code(name: str, unit: str, today: date) -> "Write":
    def write(connection: Connection, key: bytes) -> None:
        _give_new_code(connection, _askable(connection, name, unit), key, today)

    return write


@needs(MANAGER)
def check_new_code(db: Database, name: str, unit: str) -> None:
    """Raise what `new_code` would, before anybody is asked to confirm it."""
    with db.reading() as connection:
        _askable(connection, name, unit)


@needs(MANAGER)
def resend(desk: Desk, name: str, units: Collection[str]) -> Outcome:
    """Send again what failed to reach `units`, or of which nobody knows; without units all that failed.

    A code that was erased because its letter failed is replaced by a new one. Raises `SurveyError` for a unit
    without such a letter, and where a draft would be lost by it.
    """
    return _run(desk, name, _again(name, units), "", "")


def _again(name: str, units: Collection[str]) -> "Write":
    def write(connection: Connection, key: bytes) -> None:
        lost = [queued for state in ("failed", "unknown") for queued in letters.letters(connection, name, state)]
        wanted = [q for q in lost if q.unit.unit in units or (not units and q.state == "failed")]
        for unit in sorted(set(units) - {queued.unit.unit for queued in wanted}):
            _addressee(connection, name, unit)
            raise SurveyError(f"no letter to {unit} failed or is unknown; look at the list of letters")
        for queued in wanted:
            _put_back(connection, name, queued, key)

    return write


@needs(MANAGER)
def send_test(desk: Desk, to: str, sender: str) -> None:
    """Send a letter without a code to see that letters arrive. Raises what the transport raises."""
    if not fieldwork.is_email(to):
        raise SurveyError(f"{to[:80]!r} is not an e-mail address; write one such as name@example.org")
    text = "This letter was sent to see whether letters arrive. There is nothing to do.\n"
    with desk.transport as out:
        out.send(Letter(name=f"test\n{to}", to=to, subject="A test of letters", text=text), sender)


# ── one letter at a time ─────────────────────────────────────────────────────

_BUSY = "letters are being sent by another process; wait until it has ended"


@needs(MANAGER)
def write_new_code(db: Database, key_file: Path, name: str, unit: str, today: date) -> None:
    """Exchange the code of one organisation, and put the letter with it into the outbox; see `new_code`."""
    _put_out(db, key_file, name, _new_code(name, unit, today), today)


@needs(MANAGER)
def write_again(db: Database, key_file: Path, name: str, units: Collection[str], today: date) -> None:
    """Put letters into the outbox again that failed, or of which nobody knows; see `resend`."""
    _put_out(db, key_file, name, _again(name, units), today)


@needs(MANAGER)
def write_reminder(db: Database, key_file: Path, name: str, unit: str, kind: str, today: date) -> None:
    """Put a reminder for one organisation into the outbox; `kind` is one of `STAGES`, or "".

    Raises `SurveyError` for an organisation that is not to be reminded, or that had a letter today.
    """
    if kind:
        _known(kind, STAGES, "reminder")

    def write(connection: Connection, _key: bytes) -> None:
        found = _addressee(connection, name, unit)
        if found.done:
            raise SurveyError(f"{unit} has answered; no letter is needed")
        if not _remindable(found):
            why = _said(found.disposition) or "not invited, without an address, or its code has not arrived"
            raise SurveyError(f"{unit} cannot be reminded: it is {why}")
        if not fieldwork.due(found.invited_on, found.reminded_on, None, today):
            raise SurveyError(f"{unit} had a letter today; nobody is written to twice on one day")
        letters.add(
            connection, name, [Entry(privacy.new_id(), found.id, "reminder", stage=kind)], today.isoformat()
        )

    _put_out(db, key_file, name, write, today)


@needs(MANAGER)
def send_waiting(desk: Desk, name: str) -> Outcome:
    """Send the letters that wait, and write none. Raises like `invite`."""
    return _run(desk, name, lambda _connection, _key: None, "", "")


def _put_out(db: Database, key_file: Path, name: str, write: "Write", today: date) -> None:
    """Write letters that a later run sends. Not while one is under way: it has read what it will send."""
    with _keys_alone(key_file) as keys, db.transaction() as connection:
        _in_the_field(connection, name, today)
        write(connection, keys.sealing)


@contextmanager
def _keys_alone(key_file: Path) -> Iterator[KeyRing]:
    """The keys of letters, while nobody else writes or sends any, and nobody changes the keys."""
    secret(key_file, privacy.new_secret)
    with alone(key_file, _BUSY):
        yield KeyRing(key_file)


@needs(MANAGER)
def send_example(desk: Desk, name: str, kind: str, language: str, to: str) -> None:
    """Send a letter as the first organisation would get it to `to`, with a made-up code that opens nothing.

    Raises what `preview` and the transport raise.
    """
    shown = preview(desk.db, name, kind, "", desk.today, language)
    words = shown.words
    letter = Letter(f"test\n{to}\n{kind}", to, f"Test: {words.subject}", words.text, words.html)
    with desk.transport as out:
        out.send(letter, shown.sender)


# ── whom letters would go to ─────────────────────────────────────────────────


@dataclass(frozen=True)
class Due:
    """Whom letters would go to now: how many of each kind and in each stratum, and how the first would read it.

    `waiting` counts letters that were written before and have not gone.
    """

    kinds: Mapping[str, int]
    strata: Mapping[str, Mapping[str, int]]
    waiting: int
    first: "Preview | None"

    @property
    def number(self) -> int:
        """How many letters would be written."""
        return sum(self.kinds.values())


@needs(MANAGER)
def invitations_due(db: Database, name: str, today: date) -> Due:
    """What `invite` would write; nothing is written. Raises `WaveNotOpen`, `NotFound`."""
    with db.reading() as connection:
        _in_the_field(connection, name, today)
        due = [(a, "invitation") for a in letters.addressees(connection, name) if _invitable(a)]
        waiting = _waiting(connection, name)
    return _gathered(db, name, due, waiting, today)


@needs(MANAGER)
def reminders_due(db: Database, name: str, rule: Sequence[int] | None, kind: str, today: date) -> Due:
    """What `remind` would write; nothing is written. Raises `WaveNotOpen`, `NotFound`."""
    with db.reading() as connection:
        _in_the_field(connection, name, today)
        due = _due(letters.addressees(connection, name), rule, kind, today)
        waiting = _waiting(connection, name)
    return _gathered(db, name, [(a, stage or "reminder") for a, stage in due], waiting, today)


def _waiting(connection: Connection, name: str) -> int:
    return sum(n for (_, state), n in letters.tallies(connection, name).items() if state == "due")


def _gathered(db: Database, name: str, due: Sequence[tuple[Addressee, str]], waiting: int, today: date) -> Due:
    strata: dict[str, Counter[str]] = {}
    for addressee, _ in due:
        for variable, value in addressee.unit.strata.items():
            strata.setdefault(variable, Counter())[value] += 1
    kinds = Counter(kind for _, kind in due)
    first = preview(db, name, due[0][1], due[0][0].unit.unit, today) if due else None
    return Due(kinds, {name: dict(sorted(counts.items())) for name, counts in strata.items()}, waiting, first)


def _invitable(addressee: Addressee) -> bool:
    return addressee.code_hash is None and bool(addressee.unit.email) and not addressee.disposition


def _remindable(addressee: Addressee) -> bool:
    reachable = bool(addressee.unit.email) and not addressee.disposition and not addressee.lacking
    return addressee.code_hash is not None and not addressee.done and reachable


def _askable(connection: Connection, name: str, unit: str) -> Addressee:
    """The organisation, if it can be given a new code."""
    found = _addressee(connection, name, unit)
    if found.done:
        raise SurveyError(f"{unit} has answered; a new code would open nothing")
    if found.code_hash is None:
        raise SurveyError(f"{unit} has not been invited; send the invitations first")
    if not found.unit.email or found.disposition:
        why = _said(found.disposition) or "without an address"
        raise SurveyError(f"{unit} is {why}; correct that first, then send a code")
    return found


def _give_new_code(connection: Connection, addressee: Addressee, key: bytes, today: date) -> None:
    """Exchange the code, in a letter of today; letters with the old code that still wait are of no use."""
    code = privacy.new_code()
    letters.new_code(connection, addressee.id, privacy.printed_hash(code), privacy.new_id())
    mine = letters.letters(connection, addressee.wave, unit=addressee.unit.unit)
    for old in mine:
        if old.code is not None:
            letters.finish(connection, old.id, "failed", None, "replaced by a new code")
    day = today.isoformat()
    same_day = next((old.id for old in mine if (old.kind, old.due_on) == ("code", day)), None)
    if same_day:
        letters.again(connection, same_day, privacy.seal_code(key, code, same_day))
    else:
        id_ = privacy.new_id()
        entry = Entry(id_, addressee.id, "code", privacy.seal_code(key, code, id_))
        letters.add(connection, addressee.wave, [entry], day)


def _put_back(connection: Connection, name: str, queued: Queued, key: bytes) -> None:
    """Make a lost letter due again, with its code, or with a new one where that was erased."""
    sealed = queued.code
    if queued.state == "failed":  # whoever sends it again thinks that it can arrive
        letters.not_returned(connection, queued.id)
    if queued.kind != "reminder" and sealed is None:
        found = _addressee(connection, name, queued.unit.unit)
        if found.done or found.code_hash is None:
            raise SurveyError(f"{queued.unit.unit} has answered; no letter is needed")
        if letters.has_draft(connection, found.code_hash):
            what = f"{queued.unit.unit} has begun to answer with the code it has"
            raise SurveyError(f"{what}; if it needs another, send it a new code")
        code = privacy.new_code()
        letters.new_code(connection, found.id, privacy.printed_hash(code), privacy.new_id())
        sealed = privacy.seal_code(key, code, queued.id)
    letters.again(connection, queued.id, sealed)


# ── a run ────────────────────────────────────────────────────────────────────

Write = Callable[[Connection, bytes], None]


def _run(desk: Desk, name: str, write: Write, address: str, sender: str) -> Outcome:
    """Settle what an earlier run left, write the new letters in one transaction, then send all that are due."""
    with desk.db.reading() as connection:
        wave = _in_the_field(connection, name, desk.today)
    _headings(desk, wave, address, sender)
    with _keys_alone(desk.key_file) as keys, desk.transport:
        with desk.db.transaction() as connection:
            wave = _in_the_field(connection, name, desk.today)
            wave = _keep_headings(connection, wave, _headings(desk, wave, address, sender))
        run = _Run(desk, wave, keys.opening)
        run.settle()
        with desk.db.transaction() as connection:
            _in_the_field(connection, name, desk.today)
            write(connection, keys.sealing)
        return run.send_due()


class _Run:
    """One sending of all that is due in a wave, over one transport."""

    def __init__(self, desk: Desk, wave: Wave, keys: Sequence[bytes]) -> None:
        self.desk, self.wave, self.keys = desk, wave, keys
        self.book = _book(wave)
        self.outcome = Outcome()
        self.in_a_row = 0
        self.given_up: list[tuple[bytes, str]] = []
        """Letters, and their units, whose address was refused since the last letter that was taken."""

    def settle(self) -> None:
        """Decide what became of the letter at which an earlier run ended: its file tells, or nobody knows."""
        with self.desk.db.reading() as connection:
            tried = letters.letters(connection, self.wave.name, "trying")
            self.read(connection)
        for queued in tried:
            known = self.desk.transport.has(self.letter(queued), self.sender)
            with self.desk.db.transaction() as connection:
                self._write(connection, (queued.id, "sent" if known else "unknown", ""))

    def read(self, connection: Connection) -> None:
        """What the letters of this wave say, as it is now."""
        self.instrument = waves.published(connection, self.wave.survey, self.wave.version)
        found = letters.addressees(connection, self.wave.name)
        self.invited = {addressee.unit.unit: addressee.invited_on or "" for addressee in found}

    @property
    def sender(self) -> str:
        return self.wave.sender or SENDER

    def send_due(self) -> Outcome:
        """Send in the order of the frame. One commit a letter: the last is finished where the next is begun."""
        with self.desk.db.reading() as connection:
            due = letters.letters(connection, self.wave.name, "due")
            self.read(connection)
        left: tuple[bytes, str, str] | None = None
        try:
            for done, queued in enumerate(due):
                self.desk.progress("sending letters", done, len(due))
                ready = self.letter(queued)
                with self.desk.db.transaction() as connection:
                    self._write(connection, left)
                    left = None
                    going = self._begin(connection, queued)
                if going:
                    left = (queued.id, *self._attempt(ready, queued))
                if self.outcome.stopped:
                    break
        finally:
            with self.desk.db.transaction() as connection:
                self._write(connection, left)
                self._doubt(connection)
        return self._counted()

    def _begin(self, connection: Connection, queued: Queued) -> bool:
        """Mark the letter as being tried, unless its organisation has answered meanwhile or is not to be asked."""
        now = letters.start(connection, queued.id)
        if now is None:
            return False
        if now.done or (now.kind == "reminder" and (now.disposition or not now.unit.email)):
            letters.withdraw(connection, now.id)
            return False
        if now.disposition or not now.unit.email:
            letters.finish(connection, now.id, "due", None, "waits for an address or a decision")
            return False
        return True

    def _attempt(self, letter: Letter, queued: Queued) -> tuple[str, str]:
        """Send it; its new state and a note that holds codes only, never a server's words."""
        unit = queued.unit.unit
        try:
            self.desk.transport.send(letter, self.sender)
        except mail.Declined as refusal:
            self.outcome.failed.append(f"{unit}: {refusal}")
            if refusal.of_address:
                self.given_up.append((queued.id, unit))
                self.outcome.undeliverable.append(unit)
            self._count_refusal()
            return "failed", refusal.code
        except mail.NotNow as refusal:
            self.outcome.postponed.append(f"{unit}: {refusal}")
            self._count_refusal()
            return "due", refusal.code
        except mail.Uncertain as broken:
            self.outcome.unknown.append(unit)
            self.outcome.stopped = f"{broken} to {unit}"
            return "unknown", ""
        except mail.Unreachable as gone:
            self.outcome.stopped = str(gone)
            return "due", ""
        self.outcome.sent += 1
        self.in_a_row = 0
        self.given_up.clear()
        return "sent", ""

    def _count_refusal(self) -> None:
        self.in_a_row += 1
        if self.in_a_row >= REFUSALS:
            self.outcome.stopped = (
                f"{REFUSALS} letters were refused one after the other; look at the reasons first"
            )

    def _write(self, connection: Connection, left: tuple[bytes, str, str] | None) -> None:
        if left:
            id_, state, note = left
            day = self.desk.today.isoformat() if state in {"sent", "failed"} else None
            letters.finish(connection, id_, state, day, note)
            if any(id_ == given_up for given_up, _ in self.given_up):
                letters.returned(connection, id_, self.desk.today.isoformat())

    def _doubt(self, connection: Connection) -> None:
        """Where all are refused the fault is not in the addresses: nothing is noted of those in the row."""
        if self.in_a_row >= REFUSALS:
            for id_, unit in self.given_up:
                letters.not_returned(connection, id_)
                self.outcome.undeliverable.remove(unit)

    def _counted(self) -> Outcome:
        with self.desk.db.reading() as connection:
            self.outcome.waiting = len(letters.letters(connection, self.wave.name, "due"))
            unknown = letters.letters(connection, self.wave.name, "unknown")
        self.outcome.unknown = [queued.unit.unit for queued in unknown]
        return self.outcome

    def _code(self, sealed: bytes, letter: bytes) -> str:
        return privacy.with_any(self.keys, lambda key: privacy.open_code(key, sealed, letter))

    def letter(self, queued: Queued) -> Letter:
        """The letter itself; its name is that of its file, which no other letter of the wave has."""
        code = self._code(queued.code, queued.id) if queued.code else ""
        unit = queued.unit
        name = unit.unit if queued.kind == "invitation" else f"{unit.unit}\n{queued.kind}\n{queued.due_on}"
        words = _words(
            self.wave,
            self.instrument,
            unit,
            queued.words,
            self.book,
            self.desk.today,
            code,
            self.invited[unit.unit],
        )
        return Letter(name=name, to=unit.email, subject=words.subject, text=words.text, html=words.html)


# ── the words of a letter ────────────────────────────────────────────────────


@dataclass(frozen=True)
class Book:
    """What a wave's letters say: the address of the site, templates by kind and language; and the reminder rule.

    `rule` are the days after the invitation as they were typed, "" for those of every wave.
    """

    address: str = ""
    templates: dict[str, dict[str, Template]] = field(default_factory=dict)
    rule: str = ""


@dataclass(frozen=True)
class Preview:
    """A letter as it would be sent now, with a made-up code."""

    sender: str
    to: str
    language: str
    words: Template


@needs(MANAGER)
def set_template(
    db: Database, name: str, kind: str, language: str, content: bytes | None, markup: bytes = b""
) -> None:
    """Give a wave its own words for one kind of letter in one language; None takes them away again.

    Raises `Refused` with every problem, and for a language that the questionnaire does not have.
    """
    template = None if content is None else read_template(content, _known(kind, KINDS, "kind"), markup)
    set_words(db, name, kind, language, template)


@needs(MANAGER)
def set_words(db: Database, name: str, kind: str, language: str, template: Template | None) -> None:
    """The same with words that have been read already."""
    with db.transaction() as connection:
        wave = waves.wave_named(connection, name)
        languages = waves.published(connection, wave.survey, wave.version).languages
        _known(language, languages, "language")
        book = _book(wave)
        own = {k: v for k, v in book.templates.get(_known(kind, KINDS, "kind"), {}).items() if k != language}
        if template:
            own[language] = template
        _keep_book(connection, wave, Book(book.address, book.templates | {kind: own}))


def read_words(kind: str, subject: str, text: str, markup: str) -> Template:
    """The words of a letter as they were typed. Raises `Refused` with every problem."""
    letter = f"Subject: {' '.join(subject.split())}\n\n{text}"
    return read_template(letter.encode(), _known(kind, KINDS, "kind"), markup.encode())


@needs(MANAGER)
def own_words(db: Database, name: str) -> set[tuple[str, str]]:
    """The kinds of letter, each with a language, for which a wave has words of its own."""
    with db.reading() as connection:
        book = _book(waves.wave_named(connection, name))
    return {(kind, language) for kind, own in book.templates.items() for language in own}


@needs(MANAGER)
def template_of(db: Database, name: str, kind: str, language: str) -> Template:
    """The words of a kind of letter before anything is filled in; language "" is the questionnaire's first."""
    with db.reading() as connection:
        wave = waves.wave_named(connection, name)
        instrument = waves.published(connection, wave.survey, wave.version)
    language = _known(language, instrument.languages, "language") if language else instrument.languages[0]
    return _template(_book(wave), _known(kind, KINDS, "kind"), language, instrument.languages[0])


@needs(MANAGER)
def preview(
    db: Database,
    name: str,
    kind: str,
    unit: str,
    today: date,
    language: str = "",
    template: Template | None = None,
) -> Preview:
    """The letter that `unit` would get today; "" takes the first organisation that has an address.

    `language` shows it as if that were the organisation's, `template` with words that are not kept yet.
    """
    with db.reading() as connection:
        wave = waves.wave_named(connection, name)
        instrument = waves.published(connection, wave.survey, wave.version)
        found = _addressee(connection, name, unit) if unit else _first(connection, name)
    invited = found.invited_on or today.isoformat()
    own = replace(found.unit, language=language) if language else found.unit
    book = _book(wave)
    if template:
        book = Book(book.address, book.templates | {kind: {_language(own, instrument): template}})
    words = _words(wave, instrument, own, _known(kind, KINDS, "kind"), book, today, EXAMPLE_CODE, invited)
    return Preview(wave.sender or SENDER, own.email, _language(own, instrument), words)


def invitation_of(wave: Wave, instrument: Instrument, unit: Unit, address: str, today: date) -> Preview:
    """The invitation that a unit of a wave would get that is not opened yet, with a made-up code."""
    book, day = Book(address), today.isoformat()
    words = _words(wave, instrument, unit, "invitation", book, today, EXAMPLE_CODE, day)
    return Preview(wave.sender or SENDER, unit.email, _language(unit, instrument), words)


def as_stored(address: str, rule: str) -> str:
    """What a new wave keeps for its letters: the address of the site, and the days of its reminders."""
    return json.dumps(asdict(Book(address.rstrip("/"), rule=rule)), ensure_ascii=False, sort_keys=True)


@needs(MANAGER)
def rule_kept(db: Database, name: str) -> tuple[int, ...]:
    """The days after the invitation on which reminders of a wave are due."""
    with db.reading() as connection:
        rule = _book(waves.wave_named(connection, name)).rule
    return fieldwork.read_rule(rule) if rule else fieldwork.REMIND_AFTER


def heading_problems(address: str, sender: str) -> list[Problem]:
    """What is wrong with the address of the site and the sender that letters are to bear; "" is not said yet."""
    problems = []
    if address and not _is_site(address.rstrip("/")):
        problems.append(Problem("address", "it is not the address of a site", "write https://survey.example.org"))
    if sender and not is_sender(sender):
        what = "write name@example.org or Name <name@example.org>"
        problems.append(Problem("sender", "it is not an e-mail address", what))
    return problems


def _words(
    wave: Wave, instrument: Instrument, unit: Unit, kind: str, book: Book, today: date, code: str, invited: str
) -> Template:
    """One letter filled in, in the organisation's language as far as the questionnaire has it."""
    language = _language(unit, instrument)
    sender = wave.sender or SENDER
    values = {
        "unit.name": unit.name,
        "contact": unit.contact or unit.name,
        "title": instrument.title.in_language(language),
        "address": book.address or ADDRESS,
        "code": code,
        "closes": said_day(wave.closes_on or "", language),
        "days_left": said_days(days_left(wave.closes_on, today), language),
        "sender": parseaddr(sender)[0] or parseaddr(sender)[1],
        "minutes": str(instrument.minutes),
        "respondent": instrument.respondent.in_language(language),
        "ask": wave.contact,
        "invited": said_day(invited, language),
    }
    return filled(_template(book, kind, language, instrument.languages[0]), values)


def _language(unit: Unit, instrument: Instrument) -> str:
    return unit.language if unit.language in instrument.languages else instrument.languages[0]


def _template(book: Book, kind: str, language: str, first: str) -> Template:
    """The wave's own words, else ours in that language, else the wave's in the first language, else English.

    A reminder without words of its own has those of any reminder.
    """
    kinds = [kind, "reminder"] if kind in STAGES else [kind]
    own = [book.templates.get(kind, {}) for kind in kinds]
    fitting = [words.get(language) or DEFAULTS.get((k, language)) for k, words in zip(kinds, own, strict=True)]
    others = [words.get(first) for words in own]
    shipped = [DEFAULTS.get((kind, "en")) for kind in kinds]
    return next(template for template in (*fitting, *others, *shipped) if template)


def _book(wave: Wave) -> Book:
    if not wave.letters:
        return Book()
    kept = json.loads(wave.letters)
    templates = {
        kind: {language: Template(**words) for language, words in own.items()}
        for kind, own in kept["templates"].items()
    }
    return Book(kept["address"], templates, kept.get("rule", ""))


def _keep_book(connection: Connection, wave: Wave, book: Book) -> None:
    waves.change_wave(connection, wave.name, letters=json.dumps(asdict(book), ensure_ascii=False, sort_keys=True))


def _headings(desk: Desk, wave: Wave, address: str, sender: str) -> tuple[str, str]:
    """Address of the site and sender, given now or kept. Beyond this machine there are no defaults."""
    address = (address or _book(wave).address).rstrip("/")
    sender = sender or wave.sender
    if address and not _is_site(address):
        raise SurveyError(f"{address[:80]!r} is not the address of a site; write https://survey.example.org")
    if isinstance(desk.transport, mail.Server) and not (address and sender):
        raise SurveyError(
            "letters that leave this machine need an address of the site and a sender; both are kept for the next"
        )
    return address, sender


@needs(MANAGER)
def headings(db: Database, name: str) -> tuple[str, str]:
    """The address of the site and the sender, as the letters of a wave bear them; "" is not said yet."""
    with db.reading() as connection:
        wave = waves.wave_named(connection, name)
    return _book(wave).address, wave.sender


@needs(MANAGER)
def set_headings(db: Database, name: str, address: str, sender: str) -> None:
    """Say what the letters of a wave bear as address of the site and as sender.

    Raises `Refused` for what is no address; then nothing is changed.
    """
    address, sender = address.strip().rstrip("/"), sender.strip()
    if problems := heading_problems(address, sender):
        raise Refused(problems, name)
    with db.transaction() as connection:
        _keep_headings(connection, waves.wave_named(connection, name), (address, sender))


_SENDER = re.compile(r"[^\s@<>]+@[^\s@<>]+|[^@<>\r\n]*<[^\s@<>]+@[^\s@<>]+>")


def is_sender(text: str) -> bool:
    """Whether letters can come from here: `name@example.org`, or `Name <name@example.org>`."""
    return _SENDER.fullmatch(text) is not None


def _is_site(address: str) -> bool:
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    plain = address.isprintable() and not set(address) & set(' #?{}<>"')
    return plain and parts.scheme in {"http", "https"} and bool(parts.hostname)


def _keep_headings(connection: Connection, wave: Wave, headings: tuple[str, str]) -> Wave:
    """Store address and sender if they are new; the wave as it is then."""
    address, sender = headings
    book = _book(wave)
    if address != book.address:
        _keep_book(connection, wave, replace(book, address=address))
    if sender != wave.sender:
        waves.change_wave(connection, wave.name, sender=sender)
    return waves.wave_named(connection, wave.name)


# ── what became of letters and organisations ─────────────────────────────────


@needs(MANAGER)
def listed(db: Database, name: str, state: str = "", unit: str = "") -> list[Queued]:
    """The letters of a wave in the order of the frame. What a killed run left is "trying" until the next run."""
    with db.reading() as connection:
        waves.wave_named(connection, name)
        return letters.letters(connection, name, state, unit)


@needs(MANAGER)
def tallies(db: Database, name: str) -> dict[tuple[str, str], int]:
    """How many letters of a wave there are, by kind and state."""
    with db.reading() as connection:
        return letters.tallies(connection, name)


@needs(MANAGER)
def mark_sent(db: Database, name: str, unit: str, today: date) -> None:
    """Say of letters to `unit` of which nobody knew that they arrived. Raises `SurveyError` if there is none."""
    with db.transaction() as connection:
        waves.wave_named(connection, name)
        unknown = letters.letters(connection, name, "unknown", _addressee(connection, name, unit).unit.unit)
        if not unknown:
            raise SurveyError(f"no letter to {unit} is unknown; look at the list of letters")
        for queued in unknown:
            letters.finish(connection, queued.id, "sent", today.isoformat())


@needs(MANAGER)
def mark_organisation(db: Database, name: str, unit: str, disposition: str, today: date) -> None:
    """Say what became of an organisation: one of `DISPOSITIONS`, or "" to take that back.

    Raises `SurveyError` if it has answered.
    """
    if disposition:
        _known(disposition, DISPOSITIONS, "disposition")
    with db.transaction() as connection:
        found = _addressee(connection, name, unit)
        if found.done and disposition:
            raise SurveyError(f"{unit} has answered; it cannot be {_said(disposition)}")
        if found.removed and disposition != "out-of-scope":
            raise SurveyError(f"{unit} asked to be removed and counts as refused; only out-of-scope changes that")
        letters.dispose(connection, found.id, disposition, today.isoformat())


@needs(MANAGER)
def bounced(db: Database, name: str, returned: Iterable[tuple[int, str, str]], today: date) -> list[str]:
    """Mark organisations undeliverable whose letters came back, given as (line, "unit" or "email", value).

    The units marked; those that have answered all the same are passed over. Raises `Refused` with every value that
    the wave does not have; then none is marked.
    """
    with db.transaction() as connection:
        waves.wave_named(connection, name)
        everybody = letters.addressees(connection, name)
        by = {("unit", a.unit.unit.casefold()): [a] for a in everybody}
        for addressee in everybody:
            by.setdefault(("email", addressee.unit.email.casefold()), []).append(addressee)
        given = [(line, column, value, by.get((column, value.casefold()), [])) for line, column, value in returned]
        unknown = [
            Problem(c, f'"{v[:80]}" is not in {name}', "correct it", n) for n, c, v, found in given if not found
        ]
        if unknown:
            raise Refused(unknown, "letters that came back")
        marked = {a.id: a.unit.unit for _, _, _, found in given for a in found if not a.done}
        for id_ in marked:
            letters.dispose(connection, id_, "undeliverable", today.isoformat())
    return sorted(marked.values())


def _addressee(connection: Connection, name: str, unit: str) -> Addressee:
    waves.wave_named(connection, name)
    found = letters.addressees(connection, name, unit)
    if not found:
        known = [a.unit.unit for a in letters.addressees(connection, name)]
        raise NotFound(f"there is no organisation {unit[:60]!r} in {name}; {nearest(unit, known)}")
    return found[0]


def _first(connection: Connection, name: str) -> Addressee:
    for addressee in letters.addressees(connection, name):
        if addressee.unit.email:
            return addressee
    raise SurveyError(f"{name} has no organisation with an address; there is nobody to write to")


def _said(disposition: str) -> str:
    return disposition.replace("-", " ")


def _known(given: str, known: Sequence[str], what: str) -> str:
    if given not in known:
        raise SurveyError(f"{given[:40]!r} is not a {what} here; {nearest(given, list(known))}")
    return given


def _in_the_field(connection: Connection, name: str, today: date) -> Wave:
    wave = waves.wave_named(connection, name)
    waves.check_taking(wave, today)
    return wave
