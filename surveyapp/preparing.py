"""Preparing a wave: step by step, left and found again, until it is opened. Nothing is in the field before.

A preparation holds a list of people: it is erased when its wave is opened, when it is thrown away, or after 30
days in which nobody has touched it. It never holds a private key. In the key ceremony the key holder's browser
gets the private half, once; kept is the public half, which only the file itself, brought back, makes good.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from typing import Any

from surveyapp import campaigning, fieldwork, framing, mail, merging, privacy, retaining, sampling, writing
from surveyapp.acting import needs
from surveyapp.campaigning import Changes
from surveyapp.config import Home, read_file, write_once
from surveyapp.frames import Frame
from surveyapp.framing import Reading, Understood
from surveyapp.instrument import Instrument
from surveyapp.mail import Letter, Transport
from surveyapp.problems import NotFound, Problem, Refused, SurveyError
from surveyapp.retaining import Retention
from surveyapp.roles import KEY_HOLDER, MANAGER
from surveyapp.sampling import Design
from surveyapp.storage import papers, waves
from surveyapp.storage.database import Connection, Database
from surveyapp.storage.papers import Preparation
from surveyapp.storage.waves import Wave
from surveyapp.writing import Preview

HOLDER, SERVER = "holder", "server"
"""Where the private key of a wave is."""


@dataclass(frozen=True)
class Hand:
    """Who changes a preparation, on which day, and which revision of it they have seen; None is any."""

    who: str
    today: date
    revision: int | None = None


# ── the preparations of a survey ─────────────────────────────────────────────


@needs(MANAGER, KEY_HOLDER)
def listed(db: Database, survey: str) -> list[Preparation]:
    """The waves of a survey that are being prepared, by name."""
    with db.reading() as connection:
        return papers.preparations(connection, survey)


@needs(MANAGER, KEY_HOLDER)
def found(db: Database, survey: str, name: str) -> Preparation:
    """One wave that is being prepared. Raises `NotFound`."""
    with db.reading() as connection:
        return _found(connection, survey, name)


@needs(MANAGER)
def begin(db: Database, survey: str, name: str, version: str, anyone: bool, hand: Hand) -> Preparation:
    """Begin to prepare a wave of a version, on a list or open to anyone.

    Raises `SurveyError` for a name that is unfit, taken or prepared already, `NotFound` for an unknown version.
    """
    campaigning.check_name(db, name)
    settings = {"version": version, "anyone": anyone}
    new = Preparation(survey, name, settings, hand.who, hand.today.isoformat())
    with db.transaction() as connection:
        _check_version(connection, survey, version)
        if papers.preparation_of(connection, name):
            raise SurveyError(f"a wave {name} is being prepared already; go on with it, or choose another name")
        return papers.save_preparation(connection, new)


@needs(MANAGER)
def throw_away(db: Database, survey: str, name: str) -> None:
    """Forget a preparation, with the list of people in it. Raises `NotFound`."""
    with db.transaction() as connection:
        _found(connection, survey, name)
        papers.drop_preparation(connection, survey, name)


def _found(connection: Connection, survey: str, name: str) -> Preparation:
    known = papers.preparation(connection, survey, name)
    if known is None:
        raise NotFound(f"no wave {name} of {survey} is being prepared; it may have been opened or thrown away")
    return known


def _check_version(connection: Connection, survey: str, version: str) -> Instrument:
    instrument = waves.published(connection, survey, version)
    waves.check_in_use(connection, survey, version)
    return instrument


def _save(db: Database, new: Preparation, hand: Hand) -> Preparation:
    """Save what has become of a preparation. Raises `Overtaken` if it is not the revision that was seen.

    What was understood of another file than the one that it has now is forgotten.
    """
    seen = new.revision if hand.revision is None else hand.revision
    with db.transaction() as connection:
        before = _found(connection, new.survey, new.wave)
        saved = papers.save_preparation(connection, _signed(replace(new, revision=seen), hand))
        if file_of(before) != file_of(new):
            papers.drop_listing(connection, new.survey, new.wave)
            saved = replace(saved, counts=None, listing=b"")
        return saved


def _signed(new: Preparation, hand: Hand) -> Preparation:
    return replace(new, who=hand.who, on=hand.today.isoformat())


def _with(known: Preparation, **settings: Any) -> Preparation:
    return replace(known, settings={**known.settings, **settings})


@needs(MANAGER)
def instrument_of(db: Database, known: Preparation) -> Instrument:
    """The questionnaire of a wave that is being prepared."""
    with db.reading() as connection:
        return waves.published(connection, known.survey, known.settings["version"])


# ── questionnaire and frame ──────────────────────────────────────────────────


@needs(MANAGER)
def set_questionnaire(db: Database, known: Preparation, version: str, anyone: bool, hand: Hand) -> Preparation:
    """Take another version, or another audience; an open wave keeps no list."""
    with db.reading() as connection:
        _check_version(connection, known.survey, version)

    after = _with(known, version=version, anyone=anyone, strata=False)
    if anyone:
        after = replace(_with(after, file="", sample=None), frame_name="", frame=b"")
    return _save(db, after, hand)


@needs(MANAGER)
def set_frame(db: Database, known: Preparation, file_name: str, content: bytes, hand: Hand) -> Preparation:
    """Keep a file as the list of the wave; `read_in` reads it, and `understood` says what is wrong with it."""
    if len(content) > framing.MAX_BYTES:
        what = f"it has {len(content):,} bytes"
        raise Refused([Problem("file", what, f"keep it under {framing.MAX_BYTES:,}")])

    after = _with(known, reading={}, sample=None, strata=False, carry=None, merged={})
    return _save(db, _unread(replace(after, frame_name=file_name[:100], frame=content)), hand)


@needs(MANAGER)
def set_reading(db: Database, known: Preparation, how: Reading, hand: Hand) -> Preparation:
    """Say how the file is to be read: its sheet, which column is what, what is left out, what is no slip.

    Then it is to be read again.
    """
    kept = {
        "sheet": how.sheet,
        "named": dict(how.named or {}),
        "left_out": sorted(how.left_out),
        "accepted": sorted(how.accepted),
    }
    return _save(db, _unread(_with(known, reading=kept, sample=None, strata=False)), hand)


@needs(MANAGER)
def read_in(
    db: Database,
    known: Preparation,
    progress: framing.Progress | None = None,
    settle: Callable[[Connection, str], None] = lambda _connection, _said: None,
) -> None:
    """Read the file of a preparation, and keep what was understood, unless it has another file by then.

    `settle` is called in the transaction, with a word that names nobody. The revision stays: people go on with
    other steps meanwhile. Raises `NotFound` if the wave is being prepared no more.
    """
    found = framing.understood(known.frame_name, known.frame, reading(known), progress)
    packed, counts, said = framing.packed(found), _counts(found), _said_of(found)
    with db.transaction() as connection:
        if file_of(_found(connection, known.survey, known.wave)) == file_of(known):
            papers.keep_listing(connection, known.survey, known.wave, counts, packed)
        settle(connection, said)


def file_of(known: Preparation) -> str:
    """What tells a file, read in one way, from another, or from the same read otherwise; "" for none."""
    return str(known.settings.get("file") or "")


def is_unread(known: Preparation) -> bool:
    """Whether the file of a preparation is still to be read."""
    return bool(known.frame) and not known.listing


@needs(MANAGER)
def set_sample(db: Database, known: Preparation, design: Design | None, seed: str, hand: Hand) -> Preparation:
    """Draw a sample, or none; without a seed a random one is noted. Raises `Refused` for what cannot be drawn."""
    if design is None:
        return _save(db, _with(known, sample=None, strata=False), hand)
    seed = seed.strip() or privacy.new_id().hex()
    sampling.draw(_listed(known), design, seed)
    kept = {**asdict(design), "seed": seed}
    return _save(db, _with(known, sample=kept, strata=False), hand)


def understood(known: Preparation) -> Understood:
    """What is understood of the file of a preparation, with the first of its units; `counts` says how many."""
    return framing.unpacked(known.listing, whole=False) if known.listing else Understood()


def reading(known: Preparation) -> Reading:
    """How the file of a preparation is to be read."""
    return Reading(**known.settings.get("reading") or {})


def frame(known: Preparation) -> Frame | None:
    """The frame as the wave will have it: sample drawn, strata merged. Raises `Refused` for a faulty file."""
    if known.settings["anyone"]:
        return None
    listing = _listed(known)
    if kept := known.settings.get("sample"):
        seed = kept["seed"]
        design = Design(tuple(kept["by"]), kept["each"], kept["size"])
        listing = sampling.draw(listing, design, seed)
    return merging.merged(listing, known.settings.get("merged") or {})


def _listed(known: Preparation) -> Frame:
    if not known.frame:
        raise Refused([Problem("file", "there is no list yet", "choose a file")])
    if not known.listing:
        raise Refused([Problem("file", "the list is not read yet", "wait for that, or have it read again")])
    found = framing.unpacked(known.listing)
    if found.listing is None:
        raise Refused(found.problems, known.frame_name)
    return found.listing.frame


def _unread(known: Preparation) -> Preparation:
    """With a new mark of its file: what was understood before is of another one."""
    return _with(known, file=privacy.new_id().hex())


def _counts(found: Understood) -> dict[str, Any] | None:
    """What the list of steps says of a file, so that it need not be read for that."""
    if found.listing is None:
        return None
    frame = found.listing.frame
    return {"units": len(frame.units), "issued": frame.issued, "strata": [*frame.strata]}


def _said_of(found: Understood) -> str:
    if found.listing is None:
        count = len(found.problems)
        return f"the list has {count:,} problem{'' if count == 1 else 's'}; they stand on its page"
    return f"{len(found.listing.frame.units):,} organisations are understood; look at them on the page of the list"


# ── strata ───────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Strata:
    """Which strata go with the answers, the units (and those drawn) in each cell, and what would make them do.

    `merged` are the values that were merged before; `suggested` further ones, {} if none are needed or none do.
    """

    every: tuple[str, ...]
    carry: tuple[str, ...]
    sizes: Mapping[str, tuple[int, int]]
    minimum: int
    merged: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    suggested: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @property
    def small(self) -> tuple[str, ...]:
        """The cells that are too small."""
        return tuple(name for name, (n, drawn) in self.sizes.items() if min(n, drawn) < self.minimum)


@needs(MANAGER)
def strata(db: Database, known: Preparation) -> Strata:
    """How the strata of a preparation stand. Raises `Refused` for a list with problems."""
    instrument, found = instrument_of(db, known), frame(known)
    minimum = max(instrument.disclosure.minimum_base, privacy.SMALLEST_CELL)
    if found is None:
        return Strata((), (), {}, minimum)
    chosen = known.settings.get("carry")
    carry = instrument.disclosure.carry if chosen is None else chosen
    carry = tuple(name for name in carry if name in found.strata)
    sizes = merging.sizes(found, carry)
    kept = known.settings.get("merged") or {}
    return Strata(found.strata, carry, sizes, minimum, kept, merging.suggested(found, carry, minimum))


@needs(MANAGER)
def set_strata(db: Database, known: Preparation, carry: Sequence[str], hand: Hand) -> Preparation:
    """Choose the strata that go with the answers; kept even if a cell is too small, which raises `Refused`."""
    saved = _save(db, _with(known, carry=list(carry), strata=False), hand)
    found = strata(db, saved)
    if found.small:
        cells = ", ".join(f"“{name}”" for name in found.small[:10])
        what = f"fewer than {found.minimum} organisations are in {cells}"
        do = "merge strata as suggested below, or let fewer go with the answers"
        raise Refused([Problem("carry", what, do)])
    after = replace(hand, revision=saved.revision)
    return _save(db, _with(saved, strata=True), after)


@needs(MANAGER)
def merge(db: Database, known: Preparation, hand: Hand) -> Preparation:
    """Merge strata as suggested. Raises `SurveyError` if no merge is needed, or none would do."""
    found = strata(db, known)
    if not found.suggested:
        raise SurveyError("there is nothing to merge; let fewer strata go with the answers")
    names = {*found.merged, *found.suggested}
    joined = {n: _after(found.merged.get(n, {}), found.suggested.get(n, {})) for n in names}
    return _save(db, _with(known, merged=joined, strata=False), hand)


@needs(MANAGER)
def unmerge(db: Database, known: Preparation, hand: Hand) -> Preparation:
    """Take all merges back."""
    return _save(db, _with(known, merged={}, strata=False), hand)


def _after(before: Mapping[str, str], then: Mapping[str, str]) -> dict[str, str]:
    """Two merges, one after the other, as one."""
    return {**then, **{value: then.get(name, name) for value, name in before.items()}}


# ── texts ────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Texts:
    """What pages and letters of a wave bear, its last day (ISO or ""), its reminders, what is kept how long."""

    service: str = ""
    contact: str = ""
    colour: str = ""
    sender: str = ""
    address: str = ""
    closes: str = ""
    rule: str = ",".join(map(str, fieldwork.REMIND_AFTER))
    days: Mapping[str, int] = field(default_factory=lambda: asdict(Retention()))


def texts(known: Preparation) -> Texts:
    """The texts of a preparation, as far as they are known."""
    return Texts(**known.settings.get("texts") or {})


@needs(MANAGER)
def set_texts(db: Database, known: Preparation, new: Texts, hand: Hand) -> Preparation:
    """Keep texts, day, rule and days. Raises `Refused` with every problem."""
    problems = _text_problems(known.wave, new, hand.today)
    if problems:
        raise Refused(problems)
    kept = {**asdict(new), "colour": new.colour.lower(), "days": dict(new.days)}
    return _save(db, _with(known, texts=kept), hand)


def _text_problems(name: str, new: Texts, today: date) -> list[Problem]:
    problems = [*writing.heading_problems(new.address, new.sender), *retaining.day_problems(new.days)]
    checks: list[Callable[[], object]] = [
        lambda: fieldwork.read_rule(new.rule),
        lambda: campaigning.check_settings(name, _changes(new), today),
    ]
    for check in checks:
        try:
            check()
        except Refused as refused:
            problems += refused.problems
    return problems


def _changes(new: Texts) -> Changes:
    return Changes(new.service, new.contact, new.colour, date.fromisoformat(new.closes) if new.closes else None)


# ── the key ceremony ─────────────────────────────────────────────────────────


@needs(KEY_HOLDER)
def make_key(db: Database, survey: str, name: str, hand: Hand) -> bytes:
    """Make the key pair of a wave: the key holder's file, which is in what is returned and nowhere else.

    Its public half is no good until `rehearse` has seen the file. One that was made before is void.
    """
    private, public = privacy.new_key_pair()
    privacy.rehearse(private, public)
    kept = {"place": HOLDER, "made": public.hex(), "holder": hand.who}
    with db.transaction() as connection:
        known = _found(connection, survey, name)
        papers.save_preparation(connection, _signed(_with(known, key=kept), hand))
    return privacy.key_file(name, private).encode()


@needs(KEY_HOLDER)
def rehearse(db: Database, survey: str, name: str, content: bytes, hand: Hand) -> Preparation:
    """Open a test box with the file that came back; only then the public half is taken.

    Raises `SurveyError` for a file that is none, of another wave, or of a key that is void.
    """
    of, private = privacy.read_key_file(content.decode(errors="replace"))
    if of != name:
        raise SurveyError(f"this is the key of {of[:60]}, not of {name}")
    with db.transaction() as connection:
        known = _found(connection, survey, name)
        kept = known.settings.get("key") or {}
        if "made" not in kept:
            raise SurveyError("no key has been made yet; make one first")
        try:
            privacy.rehearse(private, bytes.fromhex(kept["made"]))
        except privacy.CannotOpen:
            raise SurveyError("this key is void, for another was made after it; bring that file") from None
        good = {**kept, "public": kept["made"], "holder": hand.who, "on": hand.today.isoformat()}
        return papers.save_preparation(connection, _signed(_with(known, key=good), hand))


@needs(MANAGER)
def keep_key_here(db: Database, known: Preparation, hand: Hand) -> Preparation:
    """Let the server keep the private key, which is made when the wave is opened. A key made before is void."""
    return _save(db, _with(known, key={"place": SERVER}), hand)


# ── the invitation ───────────────────────────────────────────────────────────


@needs(MANAGER)
def invitation(db: Database, known: Preparation, today: date) -> Preview:
    """The letter that the first organisation of the list would get, with a made-up code that opens nothing.

    Raises `Refused` for a list with problems, `SurveyError` where nobody has an address.
    """
    listing = frame(known)
    first = next((u for u in listing.units if u.email and u.sampled), None) if listing else None
    if first is None:
        raise SurveyError("nobody on the list has an address: there is no letter to write")
    said = texts(known)
    return writing.invitation_of(_unopened(known, said), instrument_of(db, known), first, said.address, today)


@needs(MANAGER)
def send_invitation(db: Database, known: Preparation, to: str, out: Transport, today: date) -> None:
    """Send the invitation to oneself. Raises what `invitation` and the transport raise."""
    shown = invitation(db, known, today)
    words = shown.words
    with out:
        out.send(Letter(f"test\n{to}", to, f"Test: {words.subject}", words.text, words.html), shown.sender)


@needs(MANAGER)
def set_seen(db: Database, known: Preparation, hand: Hand) -> Preparation:
    """Note that somebody has looked at letter and questionnaire."""
    return _save(db, _with(known, seen=True), hand)


@needs(MANAGER)
def transport(home: Home, settings: tuple[str, str]) -> Transport:
    """The way out for a letter to oneself."""
    return mail.transport(home.outbox / "test", *settings)


def _unopened(known: Preparation, said: Texts) -> Wave:
    """A wave as letters see it, which is stored nowhere."""
    return Wave(
        name=known.wave,
        survey=known.survey,
        version=known.settings["version"],
        kind="listed",
        state="open",
        key_place=HOLDER,
        public_key=b"",
        carry=(),
        cells={},
        issued=0,
        opened_on="",
        box_size=0,
        closes_on=said.closes or None,
        service=said.service,
        contact=said.contact,
        colour=said.colour,
        sender=said.sender,
    )


# ── the steps ────────────────────────────────────────────────────────────────

DONE, OPEN, WAITS, WRONG = "done", "open", "waits", "wrong"


@dataclass(frozen=True)
class Step:
    """One step: its name, title, state (DONE, OPEN, WRONG, or WAITS for an earlier one), what is known of it."""

    name: str
    title: str
    state: str
    said: str = ""


def steps(known: Preparation) -> list[Step]:
    """The steps of a preparation, in order."""
    kept, anyone = known.settings, known.settings["anyone"]
    audience = "open to anyone" if anyone else "on a list"
    listed = [] if anyone else [_frame_step(known), _strata_step(known)]
    texts_said = "" if "texts" not in kept else f"last day {kept['texts']['closes'] or 'not set'}"
    return [
        Step("questionnaire", "Name and questionnaire", DONE, f"version {kept['version']}, {audience}"),
        *listed,
        Step("texts", "Texts, days and letters", DONE if "texts" in kept else OPEN, texts_said),
        _key_step(kept.get("key") or {}),
        Step("test", "Test letter and questionnaire", *_test_state(known)),
        Step("check", "Check everything and open", OPEN if is_ready(known) else WAITS),
    ]


def is_ready(known: Preparation) -> bool:
    """Whether nothing is left but to open the wave."""
    kept = known.settings
    listed = kept["anyone"] or bool(known.counts and kept.get("strata"))
    return bool(listed and "texts" in kept and _has_key(kept.get("key") or {}) and kept.get("seen"))


def _frame_step(known: Preparation) -> Step:
    title, kept = "The list of organisations", known.counts
    if not known.frame:
        return Step("frame", title, OPEN)
    if is_unread(known):
        return Step("frame", title, OPEN, "the file is still to be read")
    if not kept:
        return Step("frame", title, WRONG, "the file has problems")
    drawn = ", a sample of it" if known.settings.get("sample") else ""
    said = f"{kept['units']:,} organisations, {kept['issued']:,} with an address{drawn}"
    return Step("frame", title, DONE, said)


def _strata_step(known: Preparation) -> Step:
    title, kept = "Strata that go with the answers", known.settings
    if not known.counts:
        return Step("strata", title, WAITS)
    if kept.get("strata"):
        return Step("strata", title, DONE, ", ".join(kept["carry"]) or "none")
    return Step("strata", title, WRONG if kept.get("carry") else OPEN)


def _key_step(kept: Mapping[str, Any]) -> Step:
    title = "The key of the tray"
    if _has_key(kept):
        held = kept["place"] == HOLDER
        return Step("key", title, DONE, f"with {kept['holder']}, rehearsed" if held else "on this server")
    return Step("key", title, OPEN, "made, to be rehearsed" if kept else "")


def _has_key(kept: Mapping[str, Any]) -> bool:
    return kept.get("place") == SERVER or "public" in kept


def _test_state(known: Preparation) -> tuple[str, str]:
    if not known.settings["anyone"] and not known.counts:
        return WAITS, ""
    return (DONE, "looked at") if known.settings.get("seen") else (OPEN, "")


# ── opening ──────────────────────────────────────────────────────────────────


@needs(MANAGER)
def open_wave(
    db: Database,
    home: Home,
    known: Preparation,
    typed: str,
    hand: Hand,
    settle: Callable[[Connection], None] = lambda _connection: None,
) -> Wave:
    """Open the wave, if its name was typed; the preparation and its list are erased by the same transaction.

    `settle` is called in it. A key that an opening left on the server which was cut short is taken up again.
    Raises what `check_open` and `campaigning.open_wave` raise.
    """
    check_open(known, typed, hand)
    name, kept, said = known.wave, known.settings, texts(known)
    key, new = kept["key"], _changes(said)
    left = _left_key(home, name) if key["place"] == SERVER else b""

    def finish(connection: Connection) -> None:
        if _found(connection, known.survey, name).revision != known.revision:
            raise papers.Overtaken(f"{name} has just been changed by somebody else; look at it again")
        stored = {
            "sender": said.sender,
            "letters": writing.as_stored(said.address, said.rule),
            "retention": retaining.as_stored(Retention(**said.days)),
        }
        waves.change_wave(connection, name, **stored)
        papers.drop_preparation(connection, known.survey, name)
        if left and _left_key(home, name) != left:
            raise SurveyError(f"the key of {name} has just been changed by somebody else; open it again")
        settle(connection)

    return campaigning.open_wave(
        db,
        name,
        known.survey,
        kept["version"],
        frame(known),
        carry=() if kept["anyone"] else kept["carry"],
        key_place=key["place"],
        public_key=bytes.fromhex(key.get("public", "")) or left,
        keep_key=lambda private: write_once(home.wave_key(name), privacy.key_file(name, private).encode()),
        settle=finish,
        closes=new.closes,
        today=hand.today,
        service=said.service,
        contact=said.contact,
        colour=said.colour,
    )


def check_open(known: Preparation, typed: str, hand: Hand) -> None:
    """Raise `Refused` for another name and for steps that are not done, `Overtaken` for what was not seen."""
    _check_ready(known, typed)
    if hand.revision is not None and hand.revision != known.revision:
        by = f"{known.wave} has been changed by {known.who} since you opened this page"
        raise papers.Overtaken(f"{by}; look at it again")


def _left_key(home: Home, name: str) -> bytes:
    """The public half of a key that lies on this server for a wave which is not open, b"" if none does.

    It is written before the wave is there: a process that dies in between leaves it. It has sealed nothing yet.
    """
    if not home.wave_key(name).exists():
        return b""
    of_wave, private = privacy.read_key_file(read_file(home.wave_key(name)).decode(errors="replace"))
    if of_wave != name:
        raise SurveyError(f"{home.wave_key(name)} is the key of {of_wave[:60]}; move it to where it belongs")
    return privacy.public_half(private)


def _check_ready(known: Preparation, typed: str) -> None:
    problems = [
        Problem(step.name, f"“{step.title}” is not done", "do it first")
        for step in steps(known)
        if step.state != DONE and step.name != "check"
    ]
    if typed.strip() != known.wave:
        problems.append(Problem("typed", "this is not the name of the wave", f"type {known.wave}"))
    if problems:
        raise Refused(problems)
