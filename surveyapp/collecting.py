"""Collect: a respondent enters with a code, saves pages, and sends the answers once.

Each call is one visit's request and one transaction. A `Visit` carries the draft's key; it exists in memory and
in the respondent's own encrypted cookie, never in the store.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date

from surveyapp import fieldwork, privacy
from surveyapp.instrument import (
    Form,
    Instrument,
    Route,
    Step,
    count_key,
    failed_checks,
    left_out,
    missing,
    prune,
    read_answers,
    route,
    submitted,
    without_item,
)
from surveyapp.instrument.comparing import compare
from surveyapp.problems import AlreadyReceived, NotFound, Problem, Unfinished, UnknownCode, WaveNotOpen
from surveyapp.storage import people, submission, waves
from surveyapp.storage.database import Connection, Database
from surveyapp.storage.people import Invitation
from surveyapp.storage.waves import Wave

Answers = dict[str, str | list[str]]


@dataclass(frozen=True)
class Visit:
    """One respondent at work: which wave, and the key that opens their draft.

    `seed` draws the order of options until a draft holds one. `new_code` is set in a wave open to anyone: the code
    that was made for this visitor.
    """

    wave: str
    code_hash: bytes
    salt: bytes
    key: bytes = field(repr=False)
    seed: str = field(default="", repr=False)
    new_code: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Desk:
    """What lies before a respondent: the wave, the questionnaire, the answers so far and their route.

    `unit` holds what texts may say of the respondent's own organisation: its name and strata. `look_again` are
    questions that have changed since the draft was saved, because the wave has moved to a newer version. `seed`
    draws the order of options.
    """

    wave: Wave
    instrument: Instrument
    answers: Answers = field(repr=False)
    route: Route = field(repr=False)
    unit: Mapping[str, str] = field(default_factory=dict, repr=False)
    look_again: tuple[str, ...] = ()
    seed: str = field(default="", repr=False)


@dataclass(frozen=True)
class Saved:
    """A page just saved: the desk afterwards, what is wrong, what may have been forgotten, what has come up.

    `left_out` are soft-required questions without an answer that the respondent has not yet confirmed; `opened`
    are questions of the same page that its answers have brought up.
    """

    desk: Desk
    problems: tuple[Problem, ...] = ()
    left_out: tuple[str, ...] = ()
    opened: tuple[str, ...] = ()


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
    return Visit(invitation.wave, invitation.code_hash, invitation.salt, key, _new_seed())


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
    return Visit(name, privacy.code_hash(normal), salt, privacy.draft_key(normal, salt, pepper), _new_seed(), code)


def questionnaire(db: Database, name: str) -> Instrument:
    """The questionnaire that a wave fields."""
    with db.reading() as connection:
        wave = waves.wave_named(connection, name)
        return waves.published(connection, wave.survey, wave.version)


def desk(db: Database, visit: Visit) -> Desk:
    """What lies before the respondent. Raises `AlreadyReceived`, `WaveNotOpen` or `UnknownCode`."""
    with db.reading() as connection:
        return _desk(connection, visit)


def save_page(db: Database, visit: Visit, page: str, form: Form, today: date) -> Saved:
    """Store one posted page, a step of the route by its name.

    What can be read is stored even if something else on the page has a problem. The field `anyway` confirms that
    a soft-required question is left out on purpose. Raises `NotFound` for a page that is not on the route,
    `Refused` for a form that no page of ours sends.
    """
    with db.transaction() as connection:
        before = _desk(connection, visit)
        step = before.route.step(page)
        if step is None:
            raise NotFound("that page is not part of your questionnaire")
        read, problems = read_answers(step.items, form)
        answers = _merged(before.answers, step, read)
        seen = {question.id for question in step.questions}
        before = replace(before, look_again=tuple(name for name in before.look_again if name not in seen))
        _keep(connection, visit, before, answers, today)
    after = replace(before, answers=answers, route=route(before.instrument, answers))
    now = after.route.step(page) or step
    problems = problems or failed_checks(now, after.route.answers)
    forgotten = () if "anyway" in form or problems else tuple(left_out(step.items, answers))
    known = {question.id for question in step.questions}
    opened = tuple(question.id for question in now.questions if question.id not in known)
    return Saved(after, tuple(problems), forgotten, opened)


def add_item(db: Database, visit: Visit, page: str, today: date) -> str:
    """One more item of a repeated page; the name of its step. At the page's maximum nothing changes."""

    def more(step: Step, count: int, answers: Answers) -> tuple[int, Answers]:
        return min(count + 1, step.page.repeat.max if step.page.repeat else 1), answers

    return _change_items(db, visit, page, today, more)


def remove_item(db: Database, visit: Visit, page: str, today: date) -> str:
    """Take one item of a repeated page away; those after it move up. The last one left is emptied instead."""

    def fewer(step: Step, count: int, answers: Answers) -> tuple[int, Answers]:
        return max(count - 1, 1), without_item(step, answers)

    return _change_items(db, visit, page, today, fewer)


def _change_items(
    db: Database,
    visit: Visit,
    page: str,
    today: date,
    change: Callable[[Step, int, Answers], tuple[int, Answers]],
) -> str:
    with db.transaction() as connection:
        before = _desk(connection, visit)
        step = before.route.step(page)
        if step is None or step.page.repeat is None:
            raise NotFound("that page is not repeated")
        count = sum(other.page is step.page for other in before.route.steps)
        count, answers = change(step, count, before.answers)
        answers = {**answers, count_key(step.page): str(count)}
        _keep(connection, visit, before, answers, today)
    return replace(step, number=count).name


def save_all(db: Database, visit: Visit, form: Form, today: date) -> list[Problem]:
    """Store a whole questionnaire at once, as from paper or a file; what cannot be read is left out and listed."""
    with db.transaction() as connection:
        before = _desk(connection, visit)
        answers, problems = _read_all(before.instrument, form)
        _keep(connection, visit, before, answers, today)
    return problems


def submit(db: Database, visit: Visit, today: date) -> Instrument:
    """Send the answers: the invitation is used up and one sealed box appears, or neither.

    Only what is on the route goes in. Raises `AlreadyReceived`, `WaveNotOpen`, or `Unfinished` with the first
    page where a required answer is missing.
    """
    with db.transaction() as connection:
        now = _desk(connection, visit)
        unfinished = missing(now.route)
        if unfinished:
            raise Unfinished(unfinished[0][0])
        invitation = people.invitation(connection, visit.code_hash)
        if invitation is None:
            _store_code(connection, visit)
            invitation = Invitation(visit.code_hash, visit.wave, visit.salt, "open")
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


def _new_seed() -> str:
    """Drawn at the door: nothing of the respondent is in it."""
    return privacy.new_id().hex()


# ── inside one transaction ───────────────────────────────────────────────────


def _desk(connection: Connection, visit: Visit) -> Desk:
    wave = waves.wave_named(connection, visit.wave)
    invitation = people.invitation(connection, visit.code_hash)
    if invitation is None and wave.kind == "listed":
        raise UnknownCode("that access code is not one of ours")
    _check_open(wave, invitation)
    instrument = waves.published(connection, wave.survey, wave.version)
    draft = _opened(people.draft(connection, visit.code_hash), visit)
    unit = {"name": invitation.name, "unit": invitation.unit, **invitation.strata} if invitation else {}
    look_again = draft.look_again
    if draft.version not in {"", wave.version}:
        before = waves.published(connection, wave.survey, draft.version)
        look_again = list(dict.fromkeys([*look_again, *compare(before, instrument).look_again]))
    return Desk(
        wave,
        instrument,
        draft.answers,
        route(instrument, draft.answers),
        unit,
        tuple(look_again),
        draft.seed or visit.seed,
    )


def _check_open(wave: Wave, invitation: Invitation | None) -> None:
    if invitation is not None and invitation.state == "done":
        raise AlreadyReceived("the answers for this access code have been received")
    if wave.state != "open":
        raise WaveNotOpen(f"this survey closed on {wave.closed_on}")


@dataclass(frozen=True)
class _Draft:
    """What a draft holds: the answers, the version they were saved in ("" for none), what to look at again."""

    version: str = ""
    answers: Answers = field(default_factory=dict, repr=False)
    look_again: list[str] = field(default_factory=list)
    seed: str = field(default="", repr=False)


def _opened(box: bytes | None, visit: Visit) -> _Draft:
    if box is None:
        return _Draft()
    return _Draft(**json.loads(privacy.open_draft(visit.key, box, visit.code_hash)))


def _merged(answers: Answers, step: Step, read: Mapping[str, str | list[str]]) -> Answers:
    """The draft with this page's answers in place of the ones before; those of other pages stay."""
    ids = {item.id for item in step.items}
    kept = {key: answer for key, answer in answers.items() if key.split(".")[0] not in ids}
    return {**kept, **read}


def _read_all(instrument: Instrument, form: Form) -> tuple[Answers, list[Problem]]:
    """Every page of the route that the answers themselves make, read from one form."""
    counts = {count_key(page): form[count_key(page)][0] for page in instrument.pages if count_key(page) in form}
    answers: Answers = {**counts}
    problems: list[Problem] = []
    done: set[str] = set()
    while step := next((s for s in route(instrument, answers).steps if s.name not in done), None):
        read, wrong = read_answers(step.items, form)
        answers, problems = {**answers, **read}, problems + wrong
        done.add(step.name)
    return prune(instrument, answers), problems


def _keep(connection: Connection, visit: Visit, before: Desk, answers: Answers, today: date) -> None:
    if people.invitation(connection, visit.code_hash) is None:
        _store_code(connection, visit)
    draft = _Draft(before.instrument.version, answers, list(before.look_again), before.seed)
    content = json.dumps(draft.__dict__, separators=(",", ":"), ensure_ascii=False).encode()
    box = privacy.seal_draft(visit.key, content, before.wave.box_size, visit.code_hash)
    people.keep_draft(connection, visit.code_hash, box, today.isoformat())


def _store_code(connection: Connection, visit: Visit) -> None:
    people.add_invitations(connection, visit.wave, [(visit.code_hash, None, visit.salt)])


def _sealed(now: Desk, strata: Mapping[str, str]) -> bytes:
    content = {
        "version": now.instrument.version,
        "cell": fieldwork.cell(strata, now.wave.carry),
        "answers": submitted(now.instrument, now.route),
    }
    encoded = json.dumps(content, separators=(",", ":"), ensure_ascii=False).encode()
    return privacy.seal(now.wave.public_key, encoded, now.wave.box_size, now.wave.seal_info)
