"""Collect: a respondent enters with a code, saves pages, and sends the answers once.

Each call is one visit's request and one transaction. A `Visit` carries the draft's key; it exists in memory and
in the respondent's own encrypted cookie, never in the store.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from surveyapp import fieldwork, privacy
from surveyapp.instrument import (
    Form,
    Instrument,
    Route,
    maximum_size,
    missing,
    prune,
    read_answers,
    route,
)
from surveyapp.problems import AlreadyReceived, NotFound, Problem, Unfinished, UnknownCode, WaveNotOpen
from surveyapp.storage import people, submission, waves
from surveyapp.storage.database import Connection, Database
from surveyapp.storage.people import Invitation
from surveyapp.storage.waves import Wave

Answers = dict[str, str | list[str]]


@dataclass(frozen=True)
class Visit:
    """One respondent at work: which wave, and the key that opens their draft.

    `new_code` is set in a wave open to anyone until the first page is saved: the code that was made for them.
    """

    wave: str
    code_hash: bytes
    salt: bytes
    key: bytes = field(repr=False)
    new_code: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Desk:
    """What lies before a respondent: the wave, the questionnaire, the answers so far and their route."""

    wave: Wave
    instrument: Instrument
    answers: Answers = field(repr=False)
    route: Route


def in_the_field(db: Database) -> list[tuple[Wave, Instrument]]:
    """The waves that take answers now, with their questionnaires."""
    with db.reading() as connection:
        found = [wave for wave in waves.waves(connection) if wave.state == "open"]
        return [(wave, waves.published(connection, wave.survey, wave.version)) for wave in found]


def enter(db: Database, pepper: bytes, typed: str) -> Visit:
    """Open the door with an access code as typed.

    Raises `UnknownCode`, `AlreadyReceived` or `WaveNotOpen`.
    """
    code = privacy.normal_code(typed)
    with db.reading() as connection:
        invitation = people.invitation(connection, privacy.code_hash(code or ""))
        if code is None or invitation is None:
            raise UnknownCode("that access code is not one of ours")
        _check_open(waves.wave_named(connection, invitation.wave), invitation)
    key = privacy.draft_key(code, invitation.salt, pepper)
    return Visit(invitation.wave, invitation.code_hash, invitation.salt, key)


def enter_open(db: Database, pepper: bytes, name: str) -> Visit:
    """Begin in a wave open to anyone: a code is made now and stored, hashed, at the first save.

    Raises `NotFound` if there is no such wave open to anyone, `WaveNotOpen` if it is closed.
    """
    with db.reading() as connection:
        wave = waves.wave_named(connection, name)
    if wave.kind != "open":
        raise NotFound(f"the wave {name} is for invited organisations")
    _check_open(wave, None)
    code = privacy.new_code()
    normal, salt = privacy.normal_code(code) or "", privacy.new_id()
    return Visit(name, privacy.code_hash(normal), salt, privacy.draft_key(normal, salt, pepper), code)


def questionnaire(db: Database, name: str) -> Instrument:
    """The questionnaire that a wave fields."""
    with db.reading() as connection:
        wave = waves.wave_named(connection, name)
        return waves.published(connection, wave.survey, wave.version)


def desk(db: Database, visit: Visit) -> Desk:
    """What lies before the respondent. Raises `AlreadyReceived`, `WaveNotOpen` or `UnknownCode`."""
    with db.reading() as connection:
        return _desk(connection, visit)


def save_page(
    db: Database, visit: Visit, page: str, form: Form, today: date
) -> tuple[Desk, dict[str, str | list[str]], list[Problem]]:
    """Store one posted page: the desk afterwards, the page's answers as typed, and its problems.

    What can be read is stored even if something else on the page has a problem. Raises `NotFound` for a page
    that is not on the route, `Refused` for a form that no page of ours sends.
    """
    with db.transaction() as connection:
        before = _desk(connection, visit)
        if not before.route.shown.get(page):
            raise NotFound("that page is not part of your questionnaire")
        read, problems = read_answers(before.route.shown[page], form)
        answers = _merged(before, page, read)
        _keep(connection, visit, before, answers, today)
    after = Desk(before.wave, before.instrument, answers, route(before.instrument, answers))
    return after, read, problems


def save_all(db: Database, visit: Visit, form: Form, today: date) -> list[Problem]:
    """Store a whole questionnaire at once, as from paper or a file; what cannot be read is left out and listed."""
    with db.transaction() as connection:
        before = _desk(connection, visit)
        answers, problems = read_answers(before.instrument.items, form)
        _keep(connection, visit, before, prune(before.instrument, answers), today)
    return problems


def submit(db: Database, visit: Visit, today: date) -> Instrument:
    """Send the answers: the invitation is used up and one sealed box appears, or neither.

    Only what is on the route goes in. Raises `AlreadyReceived`, `WaveNotOpen`, or `Unfinished` with the first
    page where a required answer is missing.
    """
    with db.transaction() as connection:
        now = _desk(connection, visit)
        unfinished = missing(now.instrument, now.answers)
        if unfinished:
            raise Unfinished(unfinished[0][0])
        invitation = people.invitation(connection, visit.code_hash)
        if invitation is None:
            _store_code(connection, visit)
            invitation = Invitation(visit.code_hash, visit.wave, visit.salt, "open", {})
        box = _sealed(now, invitation.strata)
        submission.record(connection, visit.code_hash, visit.wave, privacy.new_id(), box, today.isoformat())
    return now.instrument


def promise(wave: Wave) -> list[str]:
    """What the respondent is promised, from the wave's real settings; printed on the first page."""
    sentences = []
    if wave.kind == "listed":
        sentences.append("We record that your organisation has answered, and the day, so as not to remind you.")
    sentences.append("Your answers are locked before they are stored. They are not kept with your access code.")
    if wave.carry:
        sentences.append(f"The only thing that goes with them is your {', '.join(wave.carry)}.")
    if wave.key_place == "holder":
        sentences.append("The key that opens them is kept away from this website, by a named person.")
    else:
        sentences.append(
            "The key that opens them is kept on the server that runs this website. "
            "Whoever runs the server could open them before the survey closes."
        )
    sentences.append(
        "Once you have sent your answers, nobody can find which ones are yours from what we keep, "
        "unless your own words say so."
    )
    sentences.append("Until you send them, anyone who has your access code can read them. Share it with care.")
    return sentences


# ── inside one transaction ───────────────────────────────────────────────────


def _desk(connection: Connection, visit: Visit) -> Desk:
    wave = waves.wave_named(connection, visit.wave)
    invitation = people.invitation(connection, visit.code_hash)
    if invitation is None and wave.kind == "listed":
        raise UnknownCode("that access code is not one of ours")
    _check_open(wave, invitation)
    instrument = waves.published(connection, wave.survey, wave.version)
    box = people.draft(connection, visit.code_hash)
    answers = _opened(box, visit)
    return Desk(wave, instrument, answers, route(instrument, answers))


def _check_open(wave: Wave, invitation: Invitation | None) -> None:
    if invitation is not None and invitation.state == "done":
        raise AlreadyReceived("the answers for this access code have been received")
    if wave.state != "open":
        raise WaveNotOpen(f"this survey closed on {wave.closed_on}")


def _opened(box: bytes | None, visit: Visit) -> Answers:
    if box is None:
        return {}
    answers: Answers = json.loads(privacy.open_draft(visit.key, box, visit.code_hash))
    return answers


def _merged(before: Desk, page: str, read: Mapping[str, str | list[str]]) -> Answers:
    """The draft with this page's answers in place of the ones before; those of other pages stay."""
    ids = {item.id for item in before.route.shown[page]}
    kept = {key: answer for key, answer in before.answers.items() if key.split(".")[0] not in ids}
    return {**kept, **read}


def _keep(connection: Connection, visit: Visit, before: Desk, answers: Answers, today: date) -> None:
    if people.invitation(connection, visit.code_hash) is None:
        _store_code(connection, visit)
    content = json.dumps(answers, separators=(",", ":"), ensure_ascii=False).encode()
    box = privacy.seal_draft(visit.key, content, maximum_size(before.instrument), visit.code_hash)
    people.keep_draft(connection, visit.code_hash, box, today.isoformat())


def _store_code(connection: Connection, visit: Visit) -> None:
    people.add_invitations(connection, visit.wave, [(visit.code_hash, None, visit.salt)])


def _sealed(now: Desk, strata: Mapping[str, str]) -> bytes:
    content = {
        "version": now.instrument.version,
        "cell": fieldwork.cell(strata, now.wave.carry),
        "answers": prune(now.instrument, now.answers),
    }
    encoded = json.dumps(content, separators=(",", ":"), ensure_ascii=False).encode()
    return privacy.seal(now.wave.public_key, encoded, _box_size(now), now.wave.seal_info)


def _box_size(now: Desk) -> int:
    """What the longest possible answers take with the version and the longest cell: the same for a whole wave."""
    longest_cell = max((len(json.dumps(cell, ensure_ascii=False).encode()) for cell in now.wave.cells), default=2)
    return maximum_size(now.instrument) + longest_cell + len(now.instrument.version) + 50
