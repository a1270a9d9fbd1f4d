"""Collect: a respondent enters with a code, saves pages, and sends the answers once.

Each call is one visit's request and one transaction. A `Visit` carries the draft's key; it exists in memory and
in the respondent's own encrypted cookie, never in the store.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import TypeVar

from surveyapp import privacy
from surveyapp.identifying import Finding, Names, identifying, prepare
from surveyapp.instrument import (
    Clash,
    Form,
    Instrument,
    Progress,
    Route,
    Step,
    as_typed,
    brought_back,
    chosen,
    clashes,
    clean,
    count_key,
    failed_checks,
    form_of,
    has_words,
    left_out,
    marks,
    missing,
    next_step,
    progress,
    read_answers,
    route,
    touched,
    without_item,
)
from surveyapp.instrument.coded import read_whole
from surveyapp.instrument.comparing import compare
from surveyapp.problems import (
    AlreadyReceived,
    NoLongerAsked,
    NotFound,
    Problem,
    Unfinished,
    UnknownCode,
    say,
)
from surveyapp.storage import desks, people, submission, waves
from surveyapp.storage.database import Connection, Database
from surveyapp.storage.desks import Laid
from surveyapp.storage.people import Invitation
from surveyapp.storage.waves import Wave

Answers = dict[str, str | list[str]]
T = TypeVar("T")

DRAFT_ROOM = 16_384
"""Bytes that a draft has beside the largest possible answers: for pages as typed, notes, what was visited."""

Change = Callable[[Database, "Visit", str, date], str]
"""Adding or taking away an item of a repeated page: the name of the step to show then."""

MAX_NOTE = 500
"""Characters of a note to a colleague."""


@dataclass(frozen=True)
class Visit:
    """One respondent at work: which wave, and the key that opens their draft.

    `seed` draws the order of options until a draft holds one. `new_code` is set in a wave open to anyone: the code
    that was made for this visitor. `before` opens a draft that was saved before the server's half of the key was
    changed; from the next save `key` does.
    """

    wave: str
    code_hash: bytes
    salt: bytes
    key: bytes = field(repr=False)
    seed: str = field(default="", repr=False)
    new_code: str | None = field(default=None, repr=False)
    before: bytes = field(default=b"", repr=False)


@dataclass(frozen=True)
class Desk:
    """What lies before a respondent: the wave, the questionnaire, the answers so far and their route.

    `unit` holds what texts may say of the respondent's own organisation: its name and strata; `language` is the
    one it was invited in. `look_again` are questions that have changed since the draft was saved, because the wave
    has moved to a newer version. `seed` draws the order of options. `visited` are the steps that were saved whole,
    `typed` the pages that could not be read, as they were posted, also those that other answers lead past now,
    `notes` what was left for a colleague, by section. `begun` says whether anything has been saved.
    """

    wave: Wave
    instrument: Instrument
    answers: Answers = field(repr=False)
    route: Route = field(repr=False)
    unit: Mapping[str, str] = field(default_factory=dict, repr=False)
    look_again: tuple[str, ...] = ()
    seed: str = field(default="", repr=False)
    visited: tuple[str, ...] = ()
    typed: Mapping[str, Form] = field(default_factory=dict, repr=False)
    notes: Mapping[str, str] = field(default_factory=dict, repr=False)
    begun: bool = False
    language: str = ""

    @property
    def unread(self) -> set[str]:
        """The steps of the route that could not be read."""
        return {name for name in self.typed if self.route.step(name)}

    @property
    def unfinished(self) -> set[str]:
        """The steps of the route that must be looked at again."""
        if not self.look_again:
            return self.unread
        changed = {
            step.name
            for step in self.route.steps
            if any(question.id.partition("@")[0] in self.look_again for question in step.questions)
        }
        return changed | self.unread

    @property
    def progress(self) -> list[Progress]:
        """How far each section has come."""
        return progress(self.route, self.visited, self.unfinished)

    @property
    def next(self) -> str | None:
        """The step to go on with; None if every page has been seen to."""
        return next_step(self.route, self.visited, self.unfinished)

    def form(self, step: Step) -> Form:
        """What the form of a step holds: what is saved, or what was typed and could not be read."""
        return self.typed.get(step.name) or form_of(step.items, self.answers)

    def problems(self, step: Step) -> list[Problem]:
        """What was wrong with a step when it was saved last."""
        typed = self.typed.get(step.name)
        return read_answers(step.items, typed)[1] if typed else []


@dataclass(frozen=True)
class Saved:
    """A page just saved: the desk afterwards, what is wrong, what may have been forgotten, what has come up.

    `left_out` are soft-required questions without an answer that the respondent has not yet confirmed; `opened`
    are questions of the same page that its answers have brought up. With `clashes` nothing was saved: each must be
    chosen first, because the page was saved by somebody else meanwhile. `kept` is False if what could not be read
    is too long to be kept even as it was typed.
    """

    desk: Desk
    problems: tuple[Problem, ...] = ()
    left_out: tuple[str, ...] = ()
    opened: tuple[str, ...] = ()
    clashes: tuple[Clash, ...] = ()
    kept: bool = True


@dataclass(frozen=True)
class Taken:
    """A form that came back: the desk afterwards, what could not be read, what was changed online meanwhile."""

    desk: Desk
    problems: tuple[Problem, ...]
    clashes: tuple[Clash, ...]


def in_the_field(db: Database, today: date) -> list[tuple[Wave, Instrument]]:
    """The waves that take answers now, with their questionnaires."""
    with db.reading() as connection:
        found = [wave for wave in waves.waves(connection) if waves.taking(wave, today)]
        return [(wave, waves.published(connection, wave.survey, wave.version)) for wave in found]


Pepper = bytes | Sequence[bytes]
"""The server's half of the draft keys: one, or those by which drafts may be sealed, the one to seal with first."""


def enter(db: Database, pepper: Pepper, typed: str, today: date) -> Visit:
    """Open the door with an access code as typed. Nothing is written.

    Raises `UnknownCode`, `AlreadyReceived` or `WaveNotOpen`, and `CannotOpen` for a draft that no pepper opens.
    """
    code = privacy.normal_code(typed)
    with db.reading() as connection:
        invitation = people.invitation(connection, privacy.code_hash(code or ""))
        if code is None or invitation is None:
            raise UnknownCode("that access code is not one of ours")
        _check_open(waves.wave_named(connection, invitation.wave), invitation, today)
        box = people.draft(connection, invitation.code_hash)
    keys = [privacy.draft_key(code, invitation.salt, each) for each in _peppers(pepper)]
    held = keys[0] if box is None else _opens(keys, box, invitation.code_hash)
    before = b"" if held == keys[0] else held
    return Visit(invitation.wave, invitation.code_hash, invitation.salt, keys[0], _new_seed(), before=before)


def _peppers(pepper: Pepper) -> Sequence[bytes]:
    return [pepper] if isinstance(pepper, bytes) else pepper


def _opens(keys: Sequence[bytes], box: bytes, label: bytes) -> bytes:
    """Which of several keys opens a draft. Raises `CannotOpen`."""

    def tried(key: bytes) -> bytes:
        privacy.open_draft(key, box, label)
        return key

    return privacy.with_any(keys, tried)


def enter_open(db: Database, pepper: Pepper, name: str, today: date) -> Visit:
    """Begin in a wave open to anyone: a code is made now and stored, hashed, at the first save.

    Raises `NotFound` if there is no such wave open to anyone, `WaveNotOpen` if it is closed.
    """
    with db.reading() as connection:
        wave = waves.wave_named(connection, name)
    if wave.kind != "open":
        raise NotFound(f"the wave {name} is for invited organisations")
    _check_open(wave, None, today)
    code = privacy.new_code()
    normal, salt = privacy.normal_code(code) or "", privacy.new_id()
    key = privacy.draft_key(normal, salt, _peppers(pepper)[0])
    return Visit(name, privacy.code_hash(normal), salt, key, _new_seed(), code)


def questionnaire(db: Database, name: str) -> tuple[Wave, Instrument]:
    """A wave and the questionnaire that it fields."""
    with db.reading() as connection:
        wave = waves.wave_named(connection, name)
        return wave, waves.published(connection, wave.survey, wave.version)


def desk(db: Database, visit: Visit, today: date) -> Desk:
    """What lies before the respondent. Raises `AlreadyReceived`, `WaveNotOpen` or `UnknownCode`."""
    with db.reading() as connection:
        return _desk(connection, visit, today)


def save_page(db: Database, visit: Visit, page: str, form: Form, today: date) -> Saved:
    """Store one posted page, a step of the route by its name.

    A page with problems is stored too: what can be read as answers, the rest as it was typed, the page as
    unfinished. The field `anyway` confirms that a soft-required question is left out on purpose. If somebody else
    has saved the page since it was opened, what differs must be chosen first (`instrument.reconciling` has the
    fields). Raises `NoLongerAsked` for a page that is not on the route, `NotFound` for one that does not exist,
    `Refused` for a form that no page of ours sends.
    """
    with db.transaction(visit.code_hash) as connection:
        before = _desk(connection, visit, today)
        step = before.route.step(page)
        if step is None:
            raise _not_asked(before.instrument, page)
        found = clashes(step.questions, form, before.form(step))
        settled = chosen(found, step.questions, form, before.form(step)) if found else form
        if settled is None:
            return Saved(before, clashes=tuple(found))
        saved = _with_page(before, step, settled)
        if _keep(connection, visit, saved.desk, today):
            return saved
    return replace(saved, desk=replace(saved.desk, typed={}), kept=False)


def add_item(db: Database, visit: Visit, page: str, today: date) -> str:
    """One more item of a repeated page; the name of its step. At the page's maximum nothing changes."""
    with db.transaction(visit.code_hash) as connection:
        before, step, items = _items(connection, visit, page, today)
        count = min(len(items) + 1, step.page.repeat.max if step.page.repeat else 1)
        _keep(connection, visit, _with_items(before, step, before.answers, count), today)
    return replace(step, number=count).name


def remove_item(db: Database, visit: Visit, page: str, today: date) -> str:
    """Take one item of a repeated page away; those after it move up. The last one left is emptied instead."""
    with db.transaction(visit.code_hash) as connection:
        before, step, items = _items(connection, visit, page, today)
        count = max(len(items) - 1, 1)
        after = _with_items(before, step, without_item(step, before.answers), count)
        moved = items[step.number - 1 :]
        visited = tuple(name for name in after.visited if name not in moved)
        _keep(connection, visit, replace(after, visited=visited, typed=_without(after.typed, moved)), today)
    return replace(step, number=min(step.number, count)).name


def _items(connection: Connection, visit: Visit, page: str, today: date) -> tuple[Desk, Step, list[str]]:
    """The desk, one item of a repeated page, and the names of all of them."""
    before = _desk(connection, visit, today)
    step = before.route.step(page)
    if step is None or step.page.repeat is None:
        raise _not_asked(before.instrument, page)
    return before, step, [other.name for other in before.route.steps if other.page is step.page]


def _with_items(before: Desk, step: Step, answers: Answers, count: int) -> Desk:
    return _with_answers(before, {**answers, count_key(step.page): str(count)})


def leave_for_colleague(db: Database, visit: Visit, section: str, note: str | None, today: date) -> list[Problem]:
    """Leave a section of the route for a colleague, with a note to them inside the draft; None takes it back.

    Raises `NotFound` for a section that is not on the route.
    """
    with db.transaction(visit.code_hash) as connection:
        before = _desk(connection, visit, today)
        if section not in {entry.section.id for entry in before.progress}:
            raise NotFound("that section is not part of your questionnaire")
        if note is not None and len(clean(note)) > MAX_NOTE:
            do = say("Shorten it to {most} characters", most=MAX_NOTE)
            return [Problem("note", say("The note is too long"), do)]
        notes = _without(before.notes, [section]) | ({} if note is None else {section: clean(note)})
        _keep(connection, visit, replace(before, notes=notes), today)
    return []


def offline_form(db: Database, visit: Visit, language: str, today: date) -> bytes:
    """The questionnaire with the answers so far as an .xlsx file to fill in elsewhere."""
    from surveyapp.export import offline  # here, for spreadsheets are slow to load and seldom wanted

    now = desk(db, visit, today)
    state: dict[str, str] = {}
    for step in now.route.steps:
        state |= marks(step.questions, now.form(step))
    return offline.write(now.instrument, now.answers, language, unit=now.unit, marks=state, seed=now.seed)


def take_form(db: Database, visit: Visit, name: str, content: bytes, today: date) -> Taken:
    """Fill the draft from an offline form that came back; a cell left blank takes no saved answer away.

    What cannot be read is left out and listed, cell by cell. What was changed online since the form was handed out
    stays as it is online, and both answers are told. Raises `Refused` for a file that is no form of this survey.
    """
    from surveyapp.export import offline

    returned = offline.read(name, content, desk(db, visit, today).instrument)
    with db.transaction(visit.code_hash) as connection:
        before = _desk(connection, visit, today)
        taken = _filled(before, returned.form, returned.marks)
        _keep(connection, visit, taken.desk, today)
    return replace(taken, problems=(*returned.problems, *offline.at_cells(taken.problems, returned)))


def giveaways(db: Database, now: Desk) -> dict[str, list[Finding]]:
    """Words in the open answers that may tell who wrote them, by answer key. Nothing of it is kept."""
    known = [_names(db, now.wave)]
    if now.unit:
        known.append(prepare([(now.unit["unit"], now.unit["name"])], now.unit["unit"]))
    written = {key: words for key, words in now.route.answers.items() if has_words(now.instrument, key)}
    found = {key: _found(str(words), known) for key, words in written.items()}
    return {key: findings for key, findings in found.items() if findings}


def _found(words: str, known: Sequence[Names]) -> list[Finding]:
    """What each of several frames finds, each place once."""
    spans = {(finding.start, finding.end): finding for names in known for finding in identifying(words, names)}
    return [spans[place] for place in sorted(spans)]


_prepared: dict[str, tuple[bytes | None, Names]] = {}
"""By wave: the mark of its frame, which is another as soon as a name changes, and the names."""

MOST_PREPARED = 8


def _names(db: Database, wave: Wave) -> Names:
    """Prepared once per frame and process: a large one takes longer than everything else on the page."""
    mark, names = _prepared.get(wave.name, (None, None))
    if names is None or mark != wave.frame_mark:
        with db.reading() as connection:
            mark = waves.wave_named(connection, wave.name).frame_mark  # that of the names which are read with it
            listed = people.names(connection, wave.name)
        names = prepare(listed)
        while len(_prepared) >= MOST_PREPARED:
            _prepared.pop(next(iter(_prepared)), None)
        _prepared[wave.name] = mark, names
    return names


def save_all(db: Database, visit: Visit, form: Form, today: date) -> list[Problem]:
    """Store a whole questionnaire at once, as from paper or a file; what cannot be read is left out and listed."""
    with db.transaction(visit.code_hash) as connection:
        before = _desk(connection, visit, today)
        answers, problems = read_whole(before.instrument, form)
        way = route(before.instrument, answers)
        after = replace(before, answers=answers, route=way, visited=tuple(touched(way, answers)), typed={})
        _keep(connection, visit, after, today)
    return problems


def submit(db: Database, visit: Visit, today: date) -> Instrument:
    """Send the answers: the invitation is used up and one sealed box appears, or neither.

    Only what is on the route goes in. Raises `AlreadyReceived`, `WaveNotOpen`, or `Unfinished` with the first
    page that could not be read or where a required answer is missing.
    """
    with db.transaction(visit.code_hash) as connection:
        found = desks.laid(connection, visit.wave, visit.code_hash)
        now = _made(connection, found, visit, today)
        unfinished = {*now.unread, *(page for page, _ in missing(now.route))}
        if unfinished:
            raise Unfinished(next(page for page in now.route.pages if page in unfinished))
        if found.invitation is None:
            _store_code(connection, visit)
        strata = found.invitation.strata if found.invitation else {}
        box = submission.sealed(now.wave, now.instrument, now.route, strata)
        submission.record(connection, visit.code_hash, visit.wave, privacy.new_id(), box, today.isoformat())
    return now.instrument


def promise(wave: Wave) -> list[str]:
    """What the respondent is promised, from the wave's real settings; printed on the first page."""
    sentences: list[str] = []
    if wave.kind == "listed":
        sentences.append(
            say("We record that your organisation has answered, and the day, so as not to remind you.")
        )
    sentences.append(
        say("Your answers are locked before they are stored. They are not kept with your access code.")
    )
    if wave.carry:
        sentences.append(say("The only thing that goes with them is your {strata}.", strata=", ".join(wave.carry)))
    if wave.key_place == "holder":
        sentences.append(say("The key that opens them is kept away from this website, by a named person."))
    else:
        sentences.append(
            say(
                "The key that opens them is kept on the server that runs this website. "
                "Whoever runs the server could open them before the survey closes."
            )
        )
    sentences.append(
        say(
            "Once you have sent your answers, nobody can find which ones are yours from what we keep, "
            "unless your own words say so."
        )
    )
    sentences.append(
        say("Until you send them, anyone who has your access code can read them. Share it with care.")
    )
    return sentences


def _new_seed() -> str:
    """Drawn at the door: nothing of the respondent is in it."""
    return privacy.new_id().hex()


# ── inside one transaction ───────────────────────────────────────────────────


def _desk(connection: Connection, visit: Visit, today: date) -> Desk:
    return _made(connection, desks.laid(connection, visit.wave, visit.code_hash), visit, today)


def _made(connection: Connection, found: Laid, visit: Visit, today: date) -> Desk:
    wave, instrument, invitation = found.wave, found.instrument, found.invitation
    if invitation is None and wave.kind == "listed":
        raise UnknownCode("that access code is not one of ours")
    _check_open(wave, invitation, today)
    draft = _opened(found.draft, visit)
    way = route(instrument, draft.answers)
    unit = {"name": invitation.name, "unit": invitation.unit, **invitation.strata} if invitation else {}
    visited = touched(way, draft.answers) if draft.visited is None else draft.visited
    return Desk(
        wave,
        instrument,
        draft.answers,
        way,
        unit,
        tuple(_look_again(connection, wave, instrument, draft)),
        draft.seed or visit.seed,
        tuple(visited),
        draft.typed,
        draft.notes,
        begun=draft.version != "",
        language=invitation.language if invitation else "",
    )


def _look_again(connection: Connection, wave: Wave, instrument: Instrument, draft: "_Draft") -> list[str]:
    if draft.version in {"", wave.version}:
        return draft.look_again
    before = waves.published(connection, wave.survey, draft.version)
    return list(dict.fromkeys([*draft.look_again, *compare(before, instrument).look_again]))


def _check_open(wave: Wave, invitation: Invitation | None, today: date) -> None:
    if invitation is not None and invitation.state == "done":
        raise AlreadyReceived("the answers for this access code have been received")
    waves.check_taking(wave, today)


@dataclass(frozen=True)
class _Draft:
    """What a draft holds: the version it was saved in ("" for none) and what `Desk` says of the rest."""

    version: str = ""
    answers: Answers = field(default_factory=dict, repr=False)
    look_again: list[str] = field(default_factory=list)
    seed: str = field(default="", repr=False)
    visited: Sequence[str] | None = None
    typed: Mapping[str, Form] = field(default_factory=dict, repr=False)
    notes: Mapping[str, str] = field(default_factory=dict, repr=False)


def _opened(box: bytes | None, visit: Visit) -> _Draft:
    if box is None:
        return _Draft()
    keys = [visit.key, visit.before] if visit.before else [visit.key]
    try:
        content = privacy.with_any(keys, lambda key: privacy.open_draft(key, box, visit.code_hash))
    except privacy.CannotOpen:  # a colleague has come in since the pepper was changed, and saved
        raise UnknownCode("the draft has a new key since this visit began; the access code opens it") from None
    return _Draft(**json.loads(content))


def _not_asked(instrument: Instrument, page: str) -> NoLongerAsked | NotFound:
    """Why a posted page is not on the route: other answers have led past it, or there never was such a page."""
    if {page, page.rpartition("-")[0]} & {known.id for known in instrument.pages}:
        return NoLongerAsked("other answers lead past that page now")
    return NotFound("that page is not part of your questionnaire")


def _with_page(before: Desk, step: Step, form: Form) -> Saved:
    """The desk after a page: its answers in place of those before, and what is still to be done on it."""
    read, unread = read_answers(step.items, form)
    after = _with_answers(before, _merged(before.answers, step, read))
    now = after.route.step(step.name) or step
    known = {question.id for question in step.questions}
    opened = tuple(question.id for question in now.questions if question.id not in known)
    problems = unread or failed_checks(now, after.route.answers)
    forgotten = () if "anyway" in form or problems else tuple(left_out(step.items, after.answers))
    whole = not problems and not forgotten and not opened
    typed = as_typed(step.questions, form) if unread else {}
    after = replace(
        after,
        look_again=tuple(name for name in before.look_again if name not in known),
        visited=tuple(dict.fromkeys([*_others(before.visited, step.name), *([step.name] if whole else [])])),
        typed=_without(before.typed, [step.name]) | ({step.name: typed} if typed else {}),
        begun=True,
    )
    return Saved(after, tuple(problems), forgotten, opened)


def _with_answers(before: Desk, answers: Answers) -> Desk:
    return replace(before, answers=answers, route=route(before.instrument, answers))


def _others(names: Iterable[str], name: str) -> list[str]:
    return [other for other in names if other != name]


def _without(entries: Mapping[str, T], names: Iterable[str]) -> dict[str, T]:
    gone = set(names)
    return {name: entry for name, entry in entries.items() if name not in gone}


def _merged(answers: Answers, step: Step, read: Mapping[str, str | list[str]]) -> Answers:
    """The draft with this page's answers in place of the ones before; those of other pages stay."""
    ids = {item.id for item in step.items}
    kept = {key: answer for key, answer in answers.items() if key.split(".")[0] not in ids}
    return {**kept, **read}


def _filled(before: Desk, sent: Form, seen: Mapping[str, str]) -> Taken:
    """The desk with a form's answers on every page that they lead to."""
    counts = {
        count_key(page): sent[count_key(page)][0] for page in before.instrument.pages if count_key(page) in sent
    }
    now = _with_answers(before, {**before.answers, **counts})
    problems: list[Problem] = []
    found: list[Clash] = []
    done: set[str] = set()
    while step := next((s for s in now.route.steps if s.name not in done), None):
        page, clashing = brought_back(step.questions, sent, seen, now.form(step))
        if any(name in sent for name in page):
            saved = _with_page(now, step, page)
            now, problems = saved.desk, problems + list(saved.problems)
        found += clashing
        done.add(step.name)
    return Taken(now, tuple(problems), tuple(found))


def _keep(connection: Connection, visit: Visit, desk: Desk, today: date) -> bool:
    """Store the draft; whether everything in it had room."""
    if desk.wave.kind == "open" and people.invitation(connection, visit.code_hash) is None:
        _store_code(connection, visit)
    draft = {
        "version": desk.instrument.version,
        "answers": desk.answers,
        "look_again": desk.look_again,
        "seed": desk.seed,
        "visited": desk.visited,
        "typed": desk.typed,
        "notes": desk.notes,
    }
    size = desk.wave.box_size + DRAFT_ROOM
    content, whole = _fitting(draft, size)
    box = privacy.seal_draft(visit.key, content, size, visit.code_hash)
    people.keep_draft(connection, visit.code_hash, box, today.isoformat())
    return whole


def _fitting(draft: Mapping[str, object], size: int) -> tuple[bytes, bool]:
    """The draft as bytes, and whether it is whole.

    Answers always fit. If pages as typed are too long beside them, they are left out, then notes and the rest.
    """
    less: list[dict[str, object]] = [{}, {"typed": {}}, {"typed": {}, "notes": {}, "visited": None}]
    for emptied in less:
        content = json.dumps({**draft, **emptied}, separators=(",", ":"), ensure_ascii=False).encode()
        if len(content) <= size:
            break
    return content, not emptied


def _store_code(connection: Connection, visit: Visit) -> None:
    people.add_invitations(connection, visit.wave, [(visit.code_hash, None, visit.salt)])
