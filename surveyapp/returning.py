"""Returns: coded answers that came on paper, by telephone or from old data go into the tray, all or none.

Each row is read by the rules of a posted page and sealed like one, and so is a return that is keyed at the screen.
Nothing is kept that ties a row to a box: boxes go in shuffled, and what is recorded of an organisation is what a
sending online records.

A file without units is known again if it is loaded a second time, by one keyed fingerprint of all its returns
together. That can confirm no guess at what somebody answered. It is made with a key that lies with the server's
other secrets and never in the database or a backup. With the key too, a guess would have to be right in every
answer of every return of the file at once: a file of fewer returns than the smallest base, or one that would leave
less than `GUESSES` bits to guess, gets none. It holds no organisation, for files with a column of units get none
either: there the organisations themselves are done. The close erases it.
"""

import json
import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from surveyapp import frames, privacy
from surveyapp.acting import needs
from surveyapp.documents import nearest
from surveyapp.instrument import Instrument, Route, submitted
from surveyapp.instrument.coded import CodedRow, Column, columns, read_row
from surveyapp.problems import AlreadyReceived, NotFound, Problem, Refused, SurveyError
from surveyapp.roles import MANAGER
from surveyapp.storage import loadings, people, responses, sittings, submission, waves
from surveyapp.storage.database import Connection, Database
from surveyapp.storage.submission import Door
from surveyapp.storage.waves import Wave

MAX_PROBLEMS = 500
MOST_FOUND = 30
"""Organisations that a search shows."""

GUESSES = 256
"""Bits that must be open to a guess before the fingerprint of a file is kept; real answers leave about a third."""

Progress = Callable[[int, int], None]
"""Told how many rows are read, and of how many."""


@dataclass(frozen=True)
class Loaded:
    """How many returns went into the tray, how many organisations are done by it, how many returns lack answers.

    `gaps` are the required answers that those lack, each at its row and column, `notes` what was odd in the file.
    `known_again` says that the file would be noticed if it were loaded a second time.
    """

    returns: int
    marked: int
    partial: int
    gaps: tuple[Problem, ...] = ()
    notes: tuple[Problem, ...] = ()
    known_again: bool = False


@dataclass(frozen=True)
class Unit:
    """An organisation whose return may be keyed, or why it may not: `bar` is "" if nothing stands against it.

    Else `bar` is "answered", "not drawn", "refused" or "out-of-scope".
    """

    unit: str
    name: str = field(repr=False)
    bar: str = ""


@dataclass(frozen=True)
class Table:
    """A header, and rows with their numbers; `sheet` is the name of the sheet, "" for a text file.

    `notes` says what was odd and could be read, such as hidden rows.
    """

    header: tuple[str, ...]
    rows: tuple[tuple[int, tuple[str, ...]], ...] = field(repr=False)
    sheet: str = ""
    notes: tuple[Problem, ...] = ()

    def at(self, name: str, line: int, problem: Problem) -> Problem:
        """A problem at the cell of a row under the column `name`."""
        if not self.sheet:
            return Problem(name, problem.what, problem.do, line)
        place = f"row {line}, {name}"
        if name in self.header:
            place = f"{frames.letters(self.header.index(name))}{line} ({name})"
        return Problem(f"{self.sheet}!{place}", problem.what, problem.do)


@needs(MANAGER)
def load_returns(
    db: Database,
    name: str,
    file_name: str,
    content: bytes,
    today: date,
    *,
    unit_column: str = "",
    partial: bool = False,
    again: bool = False,
    keys: Callable[[], Sequence[bytes]] | None = None,
    progress: Progress | None = None,
    opening: Progress | None = None,
    settle: Callable[[Connection, Loaded], None] = lambda _connection, _loaded: None,
) -> Loaded:
    """Put every row of a CSV or .xlsx file into the tray of a wave, in one transaction.

    `unit_column` names the column with the organisation's unit, which is marked done by the same transaction;
    without it invitations are not touched. `partial` lets returns in that lack required answers, `again` a file
    that was loaded before; `keys` gives the secrets of the server by which it is known, the newest first.
    `opening` is told how far a workbook is unpacked, before `progress` is told of the returns; `settle` is called
    in the transaction. Raises `Refused` with every problem of every row, `WaveNotOpen` for a wave that was closed,
    `AlreadyReceived` if an organisation sends its answers in the same moment; then nothing is loaded.
    """
    entry = _read_file(db, name, file_name, content, unit_column, partial, progress, opening)
    known_as = entry.fingerprints(keys)
    loaded = entry.told(bool(known_as))
    with db.transaction() as connection:
        if waves.wave_named(connection, name) != entry.wave:
            raise SurveyError(f"{name} was changed while the file was read; load it again")
        _check_fits(connection, entry, known_as, again)
        if known_as:
            loadings.remember(connection, name, known_as[0])
        try:
            submission.record_returns(connection, name, entry.boxes, entry.answered, today.isoformat())
        except AlreadyReceived:
            raise AlreadyReceived("an organisation in the file has just sent its answers; load it again") from None
        settle(connection, loaded)
    return loaded


@needs(MANAGER)
def check_returns(
    db: Database,
    name: str,
    file_name: str,
    content: bytes,
    today: date,  # noqa: ARG001 (as `load_returns` is called)
    *,
    unit_column: str = "",
    partial: bool = False,
    again: bool = False,
    keys: Callable[[], Sequence[bytes]] | None = None,
    progress: Progress | None = None,
    opening: Progress | None = None,
) -> Loaded:
    """What `load_returns` would do; nothing is loaded. Raises what it would raise."""
    entry = _read_file(db, name, file_name, content, unit_column, partial, progress, opening)
    known_as = entry.fingerprints(keys)
    with db.reading() as connection:
        _check_fits(connection, entry, known_as, again)
    return entry.told(bool(known_as))


def _read_file(
    db: Database,
    name: str,
    file_name: str,
    content: bytes,
    unit_column: str,
    partial: bool,
    progress: Progress | None,
    opening: Progress | None,
) -> "_Entry":
    """Every row of a file, read and sealed. Raises `Refused` with all that is wrong."""
    with db.reading() as connection:
        wave = _open_wave(waves.wave_named(connection, name))
        instrument = waves.published(connection, wave.survey, wave.version)
        doors = submission.doors(connection, name) if unit_column else []
    table = read_table(file_name, content, opening)
    entry = _Entry(wave, instrument, table, unit_column, doors)
    entry.read(partial, progress or (lambda _done, _of: None))
    if entry.problems:
        raise Refused(entry.problems[:MAX_PROBLEMS], file_name)
    return entry


def _check_fits(connection: Connection, entry: "_Entry", known_as: Sequence[bytes], again: bool) -> None:
    _check_new(connection, entry.wave, known_as, again)
    _check_room(connection, entry.wave, len(entry.boxes))


def read_table(name: str, content: bytes, progress: Progress | None = None) -> Table:
    """The table in a CSV file, or in the one sheet of a workbook that has content. Raises `Refused`."""
    if content.startswith(b"PK") or name.lower().endswith((".xlsx", ".xls")):
        return _sheet(name, content, progress)
    try:
        source = frames.read_text(content)
    except Refused as refused:
        raise Refused([_of_file(problem) for problem in refused.problems], name) from None
    header = tuple(cell.lower() for cell in source.rows[0][1])
    rows = tuple((line, tuple(cells)) for line, cells in source.rows[1:])
    return Table(header, rows, notes=tuple(_of_file(note) for note in source.notes))


def _of_file(problem: Problem) -> Problem:
    """What is said of any text file, without the words for a frame."""
    do = _ONE_TABLE if problem.what == "it is empty" else problem.do
    return Problem("the file", problem.what, do, problem.line)


_ONE_TABLE = "give it a header row and a row for each return"


def _open_wave(wave: Wave) -> Wave:
    """Returns may come after the last day, but not after the close: the tray has been opened then."""
    if wave.state != "open":
        raise waves.not_open(wave)
    return wave


def _check_new(connection: Connection, wave: Wave, known_as: Sequence[bytes], again: bool) -> None:
    """Refuse a file that was loaded before."""
    if not again and any(loadings.known(connection, wave.name, one) for one in known_as):
        raise SurveyError(
            f"a file with the same returns was loaded into {wave.name} before, and nothing was loaded now; "
            "if these are other returns that say the same, load them once more"
        )


def _check_room(connection: Connection, wave: Wave, more: int) -> None:
    """A wave cannot hold more answers than its frame has organisations: then the file was loaded before."""
    held = responses.tray_size(connection, wave.name) + responses.response_count(connection, wave.name)
    if wave.kind == "listed" and held + more > wave.population:
        raise SurveyError(
            f"{wave.name} has {wave.population:,} organisations and holds {held:,} answers; with {more:,} more "
            "some would count twice: was the file loaded before?"
        )


# ── one return at the screen ─────────────────────────────────────────────────


@needs(MANAGER)
def keyed_wave(db: Database, name: str) -> tuple[Wave, Instrument]:
    """A wave that returns can be keyed into, with its questionnaire. Raises `NotFound` or `WaveNotOpen`."""
    with db.reading() as connection:
        wave = _open_wave(waves.wave_named(connection, name))
        return wave, waves.published(connection, wave.survey, wave.version)


@needs(MANAGER)
def search(db: Database, name: str, typed: str) -> list[Unit]:
    """The organisations that somebody may mean: the one with this unit or access code, else those that hold it.

    A search gives one more than `MOST_FOUND` if there are more.
    """
    with db.reading() as connection:
        found = submission.doors(connection, name)
        code = people.invitation(connection, privacy.code_hash(privacy.normal_code(typed) or ""))
    words = typed.strip().casefold()
    own = code.unit if code and code.wave == name else words
    exact = [door for door in found if door.unit.casefold() == own.casefold()]
    some = (door for door in found if words and words in f"{door.unit}\n{door.name}".casefold())
    shown = exact or [door for door, _ in zip(some, range(MOST_FOUND + 1), strict=False)]
    return [Unit(door.unit, door.name, bar(door)) for door in shown]


@needs(MANAGER)
def enter(
    db: Database,
    name: str,
    unit: str,
    way: Route,
    today: date,
    settle: Callable[[Connection], None] = lambda _connection: None,
) -> None:
    """Seal one keyed return into the tray; in a listed wave its organisation is done by the same transaction.

    `settle` is called inside it, once nothing stands against the return. Raises `AlreadyReceived` if it has
    answered meanwhile, `SurveyError` if anything else stands against it, `WaveNotOpen` for a wave that was closed.
    """
    with db.transaction() as connection:
        wave = _open_wave(waves.wave_named(connection, name))
        instrument = waves.published(connection, wave.survey, wave.version)
        door = _door_of(connection, wave, unit)
        box = submission.sealed(wave, instrument, way, door.strata if door else {})
        submission.record_returns(connection, name, [box], [door] if door else [], today.isoformat())
        settle(connection)


def bar(door: Door) -> str:
    """What keeps a return of this organisation out; "" if nothing does."""
    if door.done:
        return "answered"
    if not door.sampled:
        return "not drawn"
    return door.disposition if door.disposition in {"refused", "out-of-scope"} else ""


def _door_of(connection: Connection, wave: Wave, unit: str) -> Door | None:
    if wave.kind == "open":
        return None
    found = next((door for door in submission.doors(connection, wave.name) if door.unit == unit), None)
    if found is None:
        raise NotFound(f"the frame of {wave.name} has no unit {_quoted(unit)}")
    if found.done:
        raise AlreadyReceived(f"the answers of {_quoted(unit)} have been received")
    if bar(found):
        raise SurveyError(f"a return of {_quoted(unit)} cannot be taken: {bar(found)}")
    return found


# ── a sitting, from one page to the next ─────────────────────────────────────


@dataclass(frozen=True)
class Place:
    """Where a sitting at a wave lies in the store, and the key that opens it, which is not stored."""

    wave: str
    row: bytes
    key: bytes = field(repr=False)


@dataclass(frozen=True)
class Kept:
    """A sitting as it was read: its content, and the box, by which a change in another window is noticed."""

    content: bytes = field(repr=False)
    box: bytes = field(repr=False)


def place(token: str, wave: str, pepper: bytes) -> Place:
    """The place of the sitting at a wave of the browser whose cookie holds `token`."""
    row = privacy.keyed_hash(pepper, "sitting", wave, token)
    return Place(wave, row, privacy.sitting_key(token, wave, pepper))


@needs(MANAGER)
def begin_sitting(db: Database, at: Place, content: bytes, today: date) -> None:
    """Keep a new sitting. Raises `WaveNotOpen` for a wave that was closed."""
    with db.transaction() as connection:
        _open_wave(waves.wave_named(connection, at.wave))
        box = privacy.seal_sitting(at.key, content, at.row)
        sittings.begin(connection, at.row, at.wave, box, today.isoformat())


@needs(MANAGER)
def read_sitting(db: Database, at: Place) -> Kept | None:
    """The sitting at a place; None if there is none. Raises `CannotOpen` if its bytes were altered."""
    with db.reading() as connection:
        box = sittings.box(connection, at.row)
    return Kept(privacy.open_sitting(at.key, box, at.row), box) if box else None


def keep_sitting(connection: Connection, at: Place, before: Kept, content: bytes, today: date) -> Kept:
    """Keep what has become of a sitting. Raises `Overtaken` if another window was quicker."""
    box = privacy.seal_sitting(at.key, content, at.row)
    sittings.keep(connection, at.row, before.box, box, today.isoformat())
    return Kept(content, box)


@needs(MANAGER)
def end_sitting(db: Database, at: Place) -> None:
    """Erase a sitting with all that is not in the tray."""
    with db.transaction() as connection:
        sittings.drop(connection, at.row)


# ── the table ────────────────────────────────────────────────────────────────


def _sheet(name: str, content: bytes, progress: Progress | None) -> Table:
    from surveyapp.export.uploads import read_workbook  # here, for spreadsheets are slow to load

    uploaded = read_workbook(name, content, progress=progress)
    filled = {title: rows for title, rows in uploaded.sheets.items() if any(rows)}
    if len(filled) != 1:
        what = f"{len(filled)} of its sheets have content" if filled else "it is empty"
        raise Refused([Problem("the file", what, f"leave one sheet, and {_ONE_TABLE}")], name)
    ((title, rows),) = filled.items()
    numbered = [(line, cells) for line, cells in enumerate(rows, 1) if any(cell.strip() for cell in cells)]
    header = tuple(cell.strip().lower() for cell in numbered[0][1])
    width = len(header)
    found = (
        (line, (*(cell.strip() for cell in cells), *("",) * (width - len(cells)))) for line, cells in numbered[1:]
    )
    return Table(header, tuple(found), title, uploaded.notes)


# ── the rows ─────────────────────────────────────────────────────────────────


class _Entry:
    """A table being read: boxes, organisations, and what is wrong, row by row."""

    def __init__(
        self, wave: Wave, instrument: Instrument, table: Table, unit_column: str, doors: Sequence[Door]
    ) -> None:
        self.wave, self.instrument, self.table = wave, instrument, table
        self.known = columns(instrument)
        self.strata = {_stratum_column(name, self.known): name for name in wave.carry}
        self.unit_column = unit_column.strip().lower()
        self.doors = {door.unit.casefold(): door for door in doors}
        self.first: dict[str, int] = {}
        self.boxes: list[bytes] = []
        self.said: list[str] = []
        self.answered: list[Door] = []
        self.problems = list(self._header_problems())
        self.gaps: list[Problem] = []
        self.partial = 0

    def read(self, partial: bool, progress: Progress) -> None:
        """Every row; with `partial` a required answer that is blank is listed and no problem."""
        if self.problems:
            return
        for done, (line, cells) in enumerate(self.table.rows, 1):
            if len(cells) == len(self.table.header):
                self._row(line, dict(zip(self.table.header, cells, strict=True)), partial)
            else:
                what = f"it has {len(cells)} cells, the header has {len(self.table.header)}"
                self._wrong("row", line, what, "quote cells that hold the separator")
            progress(done, len(self.table.rows))

    def told(self, known_again: bool) -> Loaded:
        """What has been read, in counts and gaps."""
        gaps, notes = tuple(self.gaps), self.table.notes
        return Loaded(len(self.boxes), len(self.answered), self.partial, gaps, notes, known_again)

    def fingerprints(self, keys: Callable[[], Sequence[bytes]] | None) -> tuple[bytes, ...]:
        """What the returns are known again by, whatever their order and kind of file: one a key, () for none."""
        enough = len(self.said) >= self.instrument.disclosure.minimum_base
        if (
            keys is None
            or self.unit_column
            or not enough
            or not _beyond_guessing(self.known.values(), len(self.said))
        ):
            return ()
        said = "\n".join(sorted(self.said)).encode()
        return tuple(privacy.fingerprint(key, self.wave.name, said) for key in keys())

    def _row(self, line: int, cells: Mapping[str, str], partial: bool) -> None:
        before = len(self.problems)
        answers = {name: cell for name, cell in cells.items() if name in self.known}
        coded = read_row(self.instrument, self.known, answers)
        if not any(answers.values()):
            self._wrong("row", line, "it holds no answer", "fill it in, or take the row out")
        self._note(line, coded, partial)
        door = self._door(line, cells)
        strata = self._strata(line, cells, door)
        if len(self.problems) == before:
            self.boxes.append(submission.sealed(self.wave, self.instrument, coded.route, strata))
            self.answered += [door] if door else []
            content = [frames.cell(strata, self.wave.carry), submitted(self.instrument, coded.route)]
            self.said.append(json.dumps(content, sort_keys=True, ensure_ascii=False))

    def _note(self, line: int, coded: CodedRow, partial: bool) -> None:
        gaps = [self.table.at(problem.at, line, problem) for problem in coded.missing]
        self.problems += [self.table.at(problem.at, line, problem) for problem in coded.problems]
        if partial:
            self.gaps += gaps
            self.partial += bool(gaps)
        else:
            more = "fill it in, or let incomplete returns in"
            self.problems += [Problem(gap.at, gap.what, more, gap.line) for gap in gaps]

    def _wrong(self, name: str, line: int, what: str, do: str) -> None:
        self.problems.append(self.table.at(name, line, Problem(name, what, do)))

    def _door(self, line: int, cells: Mapping[str, str]) -> Door | None:
        """The organisation that a row is of, with everything that keeps it from being marked done."""
        if not self.unit_column:
            return None
        unit = cells[self.unit_column]
        door = self.doors.get(unit.casefold())
        if door is None:
            what = f"the frame has no unit {_quoted(unit)}" if unit else "it is empty"
            self._wrong(
                self.unit_column, line, what, self._likely(unit) if unit else "name the unit of the return"
            )
        elif door.done:
            what = f"the answers of {_quoted(unit)} have been received"
            self._wrong(self.unit_column, line, what, "take the row out; one answer counts")
        elif not door.sampled:
            what = f"{_quoted(unit)} is not in the sample"
            self._wrong(self.unit_column, line, what, "take the row out")
        elif door.disposition in _NOTED:
            self._wrong(self.unit_column, line, f"{_quoted(unit)} {_NOTED[door.disposition]}", self._take_back())
        elif first := self.first.get(door.unit):
            self._wrong(self.unit_column, line, f"{_quoted(unit)} stands in row {first} too", "keep one")
        if door:
            self.first.setdefault(door.unit, line)
        return door

    @staticmethod
    def _take_back() -> str:
        return "take the row out; if the note is wrong, take the note back"

    def _likely(self, unit: str) -> str:
        remedy = nearest(unit, [door.unit for door in self.doors.values()])
        return remedy if "did you" in remedy else "write it as in the frame"

    def _strata(self, line: int, cells: Mapping[str, str], door: Door | None) -> Mapping[str, str]:
        given = {name: cells[column] for column, name in self.strata.items() if column in cells}
        if door:
            return self._own_strata(line, given, door)
        if self.unit_column:
            return given
        column = next(iter(self.strata), "")
        if blank := [column for column, name in self.strata.items() if not given[name]]:
            self._wrong(blank[0], line, "the stratum is empty", "fill it in")
        elif (cell := frames.cell(given, self.wave.carry)) not in self.wave.cells and column:
            remedy = nearest(cell, list(self.wave.cells))
            self._wrong(column, line, f"the frame has nobody in {_quoted(cell)}", remedy)
        return given

    def _own_strata(self, line: int, given: Mapping[str, str], door: Door) -> Mapping[str, str]:
        """Those of the frame; a file may repeat them, but not say otherwise."""
        for column, name in self.strata.items():
            own = door.strata.get(name, "")
            if given.get(name) and given[name] != own:
                what = f"{_quoted(given[name])} is not the frame's {name} of {_quoted(door.unit)}"
                self._wrong(column, line, what, f"write {_quoted(own)}, or leave it empty")
        return door.strata

    # ── the header ──

    def _header_problems(self) -> list[Problem]:
        known = {*self.known, *self.strata, *filter(None, [self.unit_column])}
        header = Counter(self.table.header)
        problems = [
            Problem(_shown(name), "the column stands twice", "keep one") for name in header if header[name] > 1
        ]
        problems += [
            Problem(_shown(name), "the questionnaire has no such variable", self._nearest(name))
            for name in header
            if name not in known
        ]
        missing = [name for name in self._needed() if name not in header]
        problems += [Problem(name, "the column is missing", "add it to the header") for name in missing]
        if self.unit_column and self.wave.kind == "open":
            do = "load the file without a column of units"
            problems.append(Problem(self.unit_column, "a wave open to anyone has no units", do))
        if not self.table.rows:
            problems.append(Problem("rows", "there is no return under the header", "add a row for each"))
        return [self.table.at(problem.at, 1, problem) for problem in problems]

    def _needed(self) -> list[str]:
        return [self.unit_column] if self.unit_column else list(self.strata)

    def _nearest(self, name: str) -> str:
        for known, column in self.known.items():
            if column.page and known.partition("@")[0] == name.partition(".")[0]:
                return f'its page is repeated: write "{known.partition("@")[0]}@1" for the first of them'
            if column.question == name and column.kind in {"tick", "plain"}:
                return f'it has a column for each option, such as "{known}"'
        remedy = nearest(name, [*self.known, *self.strata])
        return (
            remedy
            if "did you" in remedy
            else "take the column out, or name it as the annex of the blank form does"
        )


_NOTED = {"refused": "is noted as one that does not wish to take part", "out-of-scope": "is noted as out of scope"}


def _beyond_guessing(known: Iterable[Column], returns: int) -> bool:
    """Whether so many returns, in any order, can be so many things that nobody goes through them all."""
    bits = sum(math.log2(len(column.codes) + 1) if column.codes else column.kind == "tick" for column in known)
    return returns * bits - math.lgamma(returns + 1) / math.log(2) >= GUESSES


def _stratum_column(name: str, known: Mapping[str, Column]) -> str:
    """A stratum goes by its name, or with `unit.` before it where a question has that name."""
    return f"unit.{name}" if name in known else name


def _shown(name: str) -> str:
    return "".join(c if c.isprintable() else "\ufffd" for c in name[:60]) or "(no name)"


def _quoted(text: str) -> str:
    return f'"{_shown(text)}"'
