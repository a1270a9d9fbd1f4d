"""The frame of a wave: a file is read and understood, a newer one compared and loaded, one unit corrected."""

import hashlib
import json
import re
import zlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from surveyapp import frames, privacy
from surveyapp.acting import needs
from surveyapp.documents import nearest
from surveyapp.frames import (
    Column,
    Difference,
    Frame,
    Listing,
    Source,
    Unit,
    cell,
    cell_sizes,
    difference,
    room_beside,
)
from surveyapp.instrument import Instrument, maximum_size
from surveyapp.problems import NotFound, Problem, Refused, SurveyError
from surveyapp.roles import ANALYST, MANAGER
from surveyapp.storage import frames as stored
from surveyapp.storage import people, waves
from surveyapp.storage.database import Connection, Database
from surveyapp.storage.frames import Listed
from surveyapp.storage.waves import Wave

MAX_BYTES = 60_000_000

Progress = Callable[[int, int], None]
"""Told how many rows of a workbook are read, and of how many."""


@dataclass(frozen=True)
class Reading:
    """How to read a file: its sheet ("" is the only one), headings of fields, columns to leave out, new values."""

    sheet: str = ""
    named: Mapping[str, str] | None = None
    left_out: Collection[str] = ()
    accepted: Collection[str] = ()


@dataclass(frozen=True)
class Plan:
    """What loading a file into a wave would change; `left` names units whose contact is erased and stays so."""

    difference: Difference
    notes: tuple[Problem, ...]
    left: tuple[str, ...] = ()

    @property
    def mark(self) -> str:
        """What is shown of it in short, so that nothing else is done than what was looked at."""
        found = self.difference
        said = "\n".join([*map(str, found.changed), *map(str, found.new), *(unit.unit for unit in found.gone)])
        return hashlib.sha256(said.encode()).hexdigest()


class Moved(SurveyError):
    """The frame was changed since somebody looked at what a newer list would do; `plan` is what it does now."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        super().__init__("the frame was changed since this was looked at; look at it once more")


def read(name: str, content: bytes, how: Reading = Reading()) -> Listing:
    """The frame in the CSV or .xlsx file that was called `name`. Raises `Refused` with every problem."""
    return _read(name, content, how, {})


@needs(MANAGER)
def preview(
    db: Database,
    wave: str,
    name: str,
    content: bytes,
    how: Reading = Reading(),
    progress: Progress | None = None,
) -> Plan:
    """What `load` would change. Raises what it would raise.

    Nobody waits while the file is read: the store is looked at before.
    """
    with db.reading() as connection:
        now = _standing(connection, wave)
    return _planned(now, _read(name, content, how, now.values, progress))[0]


@needs(MANAGER)
def load(
    db: Database,
    wave: str,
    name: str,
    content: bytes,
    how: Reading = Reading(),
    progress: Progress | None = None,
    seen: str | None = None,
    settle: Callable[[Connection, Plan], None] = lambda _connection, _plan: None,
) -> Plan:
    """Bring a wave's frame to what a newer file says; all of it or nothing, and what was changed.

    Units that have been invited, drawn or have answered must stand in the file. A column that the file lacks
    changes nothing. The file is read before anybody has to wait for it. `settle` is called in the transaction of
    the change. Raises `Refused` with every problem, `WaveNotOpen` for a closed wave, and `Moved` if what would be
    changed is not what was `seen` (the mark of a plan).
    """
    with db.reading() as connection:
        before = _standing(connection, wave)
    listing = _read(name, content, how, before.values, progress)
    plan, after = _planned(before, listing)
    with db.transaction() as connection:
        now = _standing(connection, wave)
        if now.values != before.values:
            raise SurveyError(f"the frame of {wave} was changed while the file was read; load it again")
        if now != before:
            plan, after = _planned(now, listing)
        if seen not in (None, plan.mark):
            raise Moved(plan)
        _change(connection, wave, plan, now.before, after)
        settle(connection, plan)
        return plan


def _change(
    connection: Connection, wave: str, plan: Plan, before: Sequence[Listed], after: Sequence[Listed]
) -> None:
    """Store what a plan changes."""
    if plan.difference:
        ids = {found.unit.unit: found.id for found in before}
        changed = plan.difference.changed
        people.add_units(connection, wave, [(privacy.new_id(), unit) for unit in plan.difference.new])
        stored.change(connection, [(ids[c.old.unit], c.new) for c in changed])
        stored.reachable(connection, [ids[c.old.unit] for c in changed if "email" in c.what and c.new.email])
        stored.drop(connection, [ids[unit.unit] for unit in plan.difference.gone])
        _count_anew(connection, wave, after)


@needs(MANAGER)
def remove(db: Database, wave: str, unit: str) -> Listed:
    """Erase a unit's contact, letters, invitation and draft; the unit as it was.

    It stays in the frame, whose size is no secret, stays issued if it was, and is never written to again. Of one
    that has answered only contact and letters go: which answers are its own nobody knows, and that it answered
    must be kept.
    Raises `NotFound`.
    """
    with db.transaction() as connection:
        found = _organisation(connection, wave, unit)
        stored.erase(connection, found)
        _count_issued(connection, wave)
        return found


PAGE = 50
"""Units on a page of the list."""


@needs(MANAGER)
def sought(db: Database, wave: str, words: str = "", state: str = "", page: int = 1) -> tuple[int, list[Listed]]:
    """How many units have `words` and are in `state` (one of `storage.frames.STATES`), and one page of them.

    Says of each whether it has answered, which is recorded so as not to remind it, and never on which day.
    """
    with db.reading() as connection:
        waves.wave_named(connection, wave)
        return stored.sought(connection, wave, words.strip(), state, (max(page, 1) - 1) * PAGE, PAGE)


@needs(MANAGER)
def find(db: Database, wave: str, unit: str) -> Listed:
    """A unit of a wave. Raises `NotFound`, naming the one most like it."""
    with db.reading() as connection:
        return _organisation(connection, wave, unit)


@needs(MANAGER)
def change_contact(
    db: Database, wave: str, unit: str, *, contact: str | None = None, email: str | None = None
) -> Unit:
    """Replace whom a unit's letters are for, or their address; None leaves one as it is, "" takes it away.

    Raises `NotFound`, `WaveNotOpen`, and `Refused` for what is no address.
    """
    with db.transaction() as connection:
        _changeable(connection, wave)
        found = _organisation(connection, wave, unit)
        old = found.unit
        new = replace(
            old,
            contact=old.contact if contact is None else contact.strip(),
            email=old.email if email is None else email.strip(),
        )
        if faults := list(_contact_faults(new)):
            raise Refused(faults, unit)
        if found.removed:
            raise SurveyError(f"{unit} asked for its contact to be erased; nothing was stored")
        stored.change(connection, [(found.id, new)])
        if new.email and new.email != found.unit.email:
            stored.reachable(connection, [found.id])
        _count_issued(connection, wave)
        return new


@needs(MANAGER, ANALYST)
def names(db: Database, wave: str) -> list[tuple[str, str]]:
    """Unit and name of every organisation in a frame, by unit: what must not stand in a quotation."""
    with db.reading() as connection:
        waves.wave_named(connection, wave)
        return people.names(connection, wave)


@needs(MANAGER)
def drawn(db: Database, wave: str) -> int:
    """Units of a wave that were drawn into its sample."""
    with db.reading() as connection:
        return stored.drawn(connection, wave)


# ── reading ──────────────────────────────────────────────────────────────────


def _read(
    name: str,
    content: bytes,
    how: Reading,
    known: Mapping[str, Collection[str]],
    progress: Progress | None = None,
) -> Listing:
    source = _source(name, content, how.sheet, progress)
    return frames.read_listing(source, how.named, how.left_out, known, how.accepted)


_ARCHIVES = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"%PDF", b"MZ", b"\x7fELF")


def _source(name: str, content: bytes, sheet: str, progress: Progress | None = None) -> Source:
    """By content and name: what is a workbook or is called one is read as one."""
    if content.startswith(_ARCHIVES) or name.lower().endswith((".xlsx", ".xls", ".xlsm")):
        return _sheet(name, content, sheet, progress)
    if sheet:
        raise Refused([Problem("the file", "it is a text file and has no sheets", "leave --sheet out")])
    if len(content) > MAX_BYTES:
        raise Refused([Problem("the file", f"it has {len(content):,} bytes", f"keep it under {MAX_BYTES:,}")])
    return frames.read_text(content)


def _sheet(name: str, content: bytes, sheet: str, progress: Progress | None) -> Source:
    from surveyapp.export.uploads import read_workbook  # here, for spreadsheets are slow to load

    wanted = {sheet.strip().lower()} if sheet else ()
    uploaded = read_workbook(name, content, wanted, large=True, apart=True, progress=progress)
    tops = {title: rows for title, (rows, _) in uploaded.spoilt.items()}
    found = {}
    for title in uploaded.titles:
        rows = tops[title] if title in tops else uploaded.sheets[title]
        numbered = ((number, [text.strip() for text in cells]) for number, cells in enumerate(rows, 1))
        filled = tuple((number, cells) for number, cells in numbered if any(cells))
        if filled:
            found[title] = Source(filled, title, uploaded.notes)
    if sheet and not uploaded.titles:
        raise Refused([Problem("the file", f"it has no sheet “{sheet[:40]}”", "check its name")])
    if not found and uploaded.spoilt:
        raise Refused([problem for _, problems in uploaded.spoilt.values() for problem in problems])
    chosen = _chosen(found)
    if chosen.sheet in uploaded.spoilt:
        raise Refused(list(uploaded.spoilt[chosen.sheet][1])[: frames.MAX_PROBLEMS])
    return chosen


def _chosen(found: Mapping[str, Source]) -> Source:
    """The one sheet with content, or the one among several that has the headings of a frame."""
    if not found:
        raise Refused([Problem("the file", "it is empty", "give it a header row and a row for each organisation")])
    likely = [source for source in found.values() if frames.looks_like_frame(source)]
    if len(found) == 1:
        return next(iter(found.values()))
    if len(likely) != 1:
        what = f"{len(found)} of its sheets have content: {', '.join(found)}"
        raise Refused([Problem("the file", what, "say which is the frame: --sheet NAME")])
    others = [title for title in found if title != likely[0].sheet]
    notes = tuple(Problem(title, "the sheet is not taken for the frame", "nothing to do") for title in others)
    return replace(likely[0], notes=(*likely[0].notes, *notes))


@dataclass(frozen=True)
class Understood:
    """What was understood of a file: its sheets, the one that was read, its headings, and the list or why not.

    `slips` are values of strata that are nearly written like another one.
    """

    sheets: tuple[str, ...] = ()
    sheet: str = ""
    headings: tuple[str, ...] = ()
    listing: Listing | None = None
    problems: tuple[Problem, ...] = ()
    slips: tuple[str, ...] = ()


def understood(
    name: str, content: bytes, how: Reading = Reading(), progress: Progress | None = None
) -> Understood:
    """What `read` would make of a file, as far as it comes, in words for a page. Raises what `progress` raises."""
    source, sheets = None, _titles(name, content)
    try:
        source = _source(name, content, how.sheet, progress)
        listing = frames.read_listing(source, how.named, how.left_out, {}, how.accepted)
    except Refused as refused:
        found = [slip[1] for slip in (_SLIP.match(problem.what) for problem in refused.problems) if slip]
        headings = tuple(source.rows[0][1]) if source else ()
        problems = tuple(for_page(problem) for problem in refused.problems)
        return Understood(
            sheets, source.sheet if source else "", headings, None, problems, tuple(dict.fromkeys(found))
        )
    notes = tuple(for_page(note) for note in listing.notes)
    listing = replace(listing, notes=notes)
    return Understood(sheets, source.sheet, tuple(source.rows[0][1]), listing)


SHOWN_FIRST = 5
"""Units of a packed list that are read without the others."""


def packed(found: Understood) -> bytes:
    """What was understood, to be kept: the units apart, so that a page need not read them all."""
    listing = found.listing
    units = listing.frame.units if listing else ()
    strata = listing.frame.strata if listing else ()
    head = {
        **{name: getattr(found, name) for name in ("sheets", "sheet", "headings", "slips")},
        "problems": [_as_row(problem) for problem in found.problems],
        "columns": [(c.index, c.heading, c.field) for c in listing.columns] if listing else None,
        "notes": [_as_row(note) for note in listing.notes] if listing else (),
        "strata": strata,
        "first": [_unit_row(unit, strata) for unit in units[:SHOWN_FIRST]],
    }
    return b"".join(map(_squeezed, (head, [_unit_row(unit, strata) for unit in units])))


def unpacked(content: bytes, whole: bool = True) -> Understood:
    """What `packed` was given; with `whole` False the first units alone."""
    opener = zlib.decompressobj()
    head = json.loads(opener.decompress(content))
    if head["columns"] is None:
        return Understood(**_parts(head))
    rows, strata = head["first"], tuple(head["strata"])
    if whole:
        rows = json.loads(zlib.decompress(opener.unused_data))
    units = tuple(_unit_of(row, strata) for row in rows)
    columns = tuple(Column(*column) for column in head["columns"])
    notes = tuple(Problem(*note) for note in head["notes"])
    return Understood(**_parts(head), listing=Listing(Frame(units, strata), columns, notes))


def _parts(head: Mapping[str, Any]) -> dict[str, Any]:
    named = {name: tuple(head[name]) for name in ("sheets", "headings", "slips")}
    problems = tuple(Problem(*problem) for problem in head["problems"])
    return {**named, "sheet": head["sheet"], "problems": problems}


def _as_row(problem: Problem) -> tuple[object, ...]:
    return problem.at, problem.what, problem.do, problem.line


def _unit_row(unit: Unit, strata: Sequence[str]) -> tuple[object, ...]:
    own = (unit.unit, unit.name, unit.email, unit.contact, unit.language)
    return *own, [unit.strata[name] for name in strata]


def _unit_of(row: Sequence[Any], strata: Sequence[str]) -> Unit:
    unit, name, email, contact, language, values = row
    return Unit(unit, name, email, contact, language, dict(zip(strata, values, strict=True)))


def _squeezed(content: object) -> bytes:
    return zlib.compress(json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode(), 1)


_SLIP = re.compile("“(.+?)” is elsewhere written “")
_ON_A_PAGE = (
    (re.compile(r"(?:say which is the frame|say which): --(?:sheet|column) .*"), "say below which it is"),
    (re.compile(r"say which it is: --column .*"), "say below which it is"),
    (re.compile(r"if it is another: --new-value"), "if it is another one, say so below"),
    (re.compile(r"leave it out: --leave-out"), "leave it out below"),
    (re.compile(r"leave --sheet out"), "choose no sheet"),
    (re.compile(r"to erase its contact: surveyapp frame remove"), "its contact is erased on its own page"),
)
"""Options of the command line, and what stands in their place on a page."""


def for_page(problem: Problem) -> Problem:
    """A problem in the words of a page, where the command line would name an option."""
    do = problem.do
    for option, words in _ON_A_PAGE:
        do = option.sub(words, do)
    return replace(problem, do=do)


def _titles(name: str, content: bytes) -> tuple[str, ...]:
    """The sheets of a workbook, () for anything else."""
    if not content.startswith(b"PK\x03\x04"):
        return ()
    from surveyapp.export.uploads import sheet_titles  # here, for spreadsheets are slow to load

    return sheet_titles(name, content)


# ── loading ──────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class _Standing:
    """A wave whose frame can be changed, as it stands now, and the values that its strata have."""

    wave: Wave
    instrument: Instrument
    before: list[Listed]
    values: Mapping[str, Collection[str]]


def _standing(connection: Connection, name: str) -> _Standing:
    wave = _changeable(connection, name)
    before = stored.listed(connection, name)
    values = frames.strata_values(found.unit for found in before)
    return _Standing(wave, waves.published(connection, wave.survey, wave.version), before, values)


def _planned(now: _Standing, listing: Listing) -> tuple[Plan, list[Listed]]:
    """The plan, and the frame after it."""
    wave, before = now.wave, now.before
    listing, left = _without_removed(listing, before)
    found = difference([item.unit for item in before], listing)
    found = replace(found, gone=_without(found.gone, {item.unit.unit for item in before if item.removed}))
    if wave.sample_seed:
        found = replace(found, new=tuple(replace(unit, sampled=False) for unit in found.new))
    problems = [*_gone_problems(found, before), *_moved_problems(found, before, wave)]
    if problems:
        raise Refused(problems[: frames.MAX_PROBLEMS], wave.name)
    after = _after(before, found)
    _check_cells(now, after)
    return Plan(found, listing.notes, left), after


def _without_removed(listing: Listing, before: Sequence[Listed]) -> tuple[Listing, tuple[str, ...]]:
    """The file without the contacts of those that asked to be removed."""
    removed = {found.unit.unit for found in before if found.removed}
    back = (unit for unit in listing.frame.units if unit.email or unit.contact)
    left = tuple(unit.unit for unit in back if unit.unit in removed)
    if not left:
        return listing, ()
    units = tuple(
        replace(unit, email="", contact="") if unit.unit in removed else unit for unit in listing.frame.units
    )
    return replace(listing, frame=replace(listing.frame, units=units)), left


def _without(units: Sequence[Unit], removed: Collection[str]) -> tuple[Unit, ...]:
    """Units that asked to be removed stay in the frame, although a list no longer has them."""
    return tuple(unit for unit in units if unit.unit not in removed)


def _gone_problems(found: Difference, before: Sequence[Listed]) -> list[Problem]:
    """A shorter file does not take back an invitation, an answer or a draw."""
    gone = {unit.unit for unit in found.gone}
    sample = any(not item.unit.sampled for item in before)
    problems = []
    for item in before:
        if item.unit.unit not in gone:
            continue
        if item.done:
            why = "it has answered"
        elif item.invited:
            why = "it has been invited"
        elif item.disposition:
            why = f"it is noted as {item.disposition}"
        elif sample and item.unit.sampled:
            why = "it was drawn into the sample"
        else:
            continue
        do = "put its row back, or erase its contact by itself"
        problems.append(Problem(item.unit.unit, f"it is not in the file, and {why}", do))
    return problems


def _moved_problems(found: Difference, before: Sequence[Listed], wave: Wave) -> list[Problem]:
    """An answer took its cell with it: the unit cannot go to another."""
    done = {item.unit.unit for item in before if item.done}
    return [
        Problem(
            change.old.unit,
            f"it has answered as {cell(change.old.strata, wave.carry)}, not {cell(change.new.strata, wave.carry)}",
            "leave that as it was in this wave",
        )
        for change in found.changed
        if change.old.unit in done and cell(change.old.strata, wave.carry) != cell(change.new.strata, wave.carry)
    ]


def _after(before: Sequence[Listed], found: Difference) -> list[Listed]:
    gone = {unit.unit for unit in found.gone}
    changed = {change.old.unit: change.new for change in found.changed}
    kept = [
        replace(item, unit=changed.get(item.unit.unit, item.unit)) for item in before if item.unit.unit not in gone
    ]
    return kept + [Listed(b"", unit, invited=False, done=False, disposition="") for unit in found.new]


def _check_cells(now: _Standing, after: Sequence[Listed]) -> None:
    """Every cell must still be large enough, and its name fit into the boxes of the wave."""
    wave, instrument = now.wave, now.instrument
    sizes = cell_sizes(_frame(wave, after), wave.carry, instrument.disclosure.minimum_base)
    if maximum_size(instrument) + room_beside(sizes) > wave.box_size:
        longest = max(sizes, key=len)
        what = "its name is too long for the boxes of the wave"
        raise Refused([Problem(f"cell “{longest}”", what, "shorten it")])


def _frame(wave: Wave, items: Sequence[Listed]) -> Frame:
    names = tuple(sorted({name for item in items for name in item.unit.strata}))
    return Frame(tuple(item.unit for item in items), names, wave.sample_seed)


def _count_anew(connection: Connection, name: str, after: Sequence[Listed]) -> None:
    wave = waves.wave_named(connection, name)
    sizes = cell_sizes(_frame(wave, after), wave.carry, 0)
    issued = sum(item.issued for item in after)
    waves.change_wave(connection, name, cells=json.dumps(sizes, sort_keys=True), issued=issued)


def _count_issued(connection: Connection, name: str) -> None:
    waves.change_wave(connection, name, issued=sum(item.issued for item in stored.listed(connection, name)))


# ── one unit ─────────────────────────────────────────────────────────────────


def _organisation(connection: Connection, wave: str, unit: str) -> Listed:
    waves.wave_named(connection, wave)
    found = stored.organisation(connection, wave, unit)
    if found is None:
        names = [name for name, _ in people.names(connection, wave)]
        raise NotFound(f"{wave} has no unit {unit[:60]!r}; {nearest(unit, names)}")
    return found


def _changeable(connection: Connection, name: str) -> Wave:
    wave = waves.wave_named(connection, name)
    if wave.kind != "listed":
        raise SurveyError(f"{name} is open to anyone and has no frame")
    if wave.state != "open":
        raise waves.not_open(wave)
    return wave


def _contact_faults(unit: Unit) -> list[Problem]:
    given = (("contact", unit.contact), ("email", unit.email))
    faults = ((name, frames.fault(name, value)) for name, value in given)
    return [Problem(name, *found) for name, found in faults if found]
