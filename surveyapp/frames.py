"""The frame: the list of organisations, read from the rows of any file, its strata, and what a newer list changes.

Values in, values out. A text file becomes rows here, a workbook in `export`; what the rows mean is decided once.
"""

import csv
import difflib
import io
import json
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from surveyapp.documents import nearest
from surveyapp.problems import Problem, Refused

COLUMNS = ("unit", "name", "email", "contact", "language")
HEADINGS = {
    "unit": (
        "unit id", "id", "org id", "organisation id", "organization id", "code", "unit code", "org code",
        "organisation code", "organization code", "reference", "ref", "unit reference",
    ),
    "name": (
        "organisation", "organization", "organisation name", "organization name", "org name", "org", "unit name",
        "body", "body name",
    ),
    "email": ("e mail", "email address", "e mail address", "mail", "contact email", "contact e mail"),
    "contact": ("contact name", "contact person", "named contact", "name of contact"),
    "language": ("lang", "preferred language", "language code"),
}  # fmt: skip
"""Headings that are understood beside a column's own name; capitals, spaces and signs do not matter."""

MAX_UNITS = 200_000
MAX_FIELD = 300
MAX_PROBLEMS = 500
MAX_NOTES = 100
MAX_STRATA = 40

_EMAIL = re.compile(
    r"(?=.{1,254}$)[\w!#$%&'*+/=^`{|}~-]+(\.[\w!#$%&'*+/=^`{|}~-]+)*@(?:[a-z0-9-]+\.)+[a-z0-9-]+", re.A | re.I
)
_LANGUAGE = re.compile("[a-z]{2}")
_STRATUM = re.compile("[a-z][a-z0-9_]{0,39}")


@dataclass(frozen=True)
class Unit:
    """One organisation of the frame. `email` is "" where no usable address is known; then it is not issued.

    `sampled` is False for those that a sample passed over: they are counted, and never written to.
    """

    unit: str
    name: str
    email: str = ""
    contact: str = ""
    language: str = "en"
    strata: dict[str, str] = field(default_factory=dict)
    sampled: bool = True


@dataclass(frozen=True)
class Frame:
    """The list of organisations and the names of its strata; `seed` says how a sample was drawn, or is ""."""

    units: tuple[Unit, ...]
    strata: tuple[str, ...]
    seed: str = ""

    @property
    def issued(self) -> int:
        """Units with a usable address; of a sample, those drawn."""
        return sum(bool(unit.email) and unit.sampled for unit in self.units)


@dataclass(frozen=True)
class Source:
    """The rows of a file that are not empty, each with its number; the headings come first.

    `sheet` is the name of the sheet, "" for a text file. `notes` says what was odd and could be read.
    """

    rows: tuple[tuple[int, Sequence[str]], ...]
    sheet: str = ""
    notes: tuple[Problem, ...] = ()

    def problem(self, number: int, column: int, name: str, what: str, do: str) -> Problem:
        """A fault in a cell: `Frame!C17` of a workbook, the line and the column's name of a text."""
        if self.sheet:
            return Problem(f"{self.sheet}!{letters(column)}{number}", what, do)
        return Problem(name, what, do, number)


@dataclass(frozen=True)
class Column:
    """A column of the file (0 is the first), its heading there, and the field or stratum it was taken for."""

    index: int
    heading: str
    field: str

    @property
    def is_stratum(self) -> bool:
        """Whether its values are those of a stratum."""
        return self.field not in COLUMNS


@dataclass(frozen=True)
class Listing:
    """A frame with what was understood of its file. Columns that it lacks leave what is known as it is."""

    frame: Frame
    columns: tuple[Column, ...]
    notes: tuple[Problem, ...] = ()

    @property
    def fields(self) -> frozenset[str]:
        """Fields and strata that the file has."""
        return frozenset(column.field for column in self.columns)


def letters(column: int) -> str:
    """The column's letters as spreadsheets print them: 0 is A, 27 is AB."""
    text = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        text = chr(65 + rest) + text
    return text


def is_email(text: str) -> bool:
    """Whether a text is one e-mail address and nothing else."""
    return _EMAIL.fullmatch(text) is not None


# ── a text file ──────────────────────────────────────────────────────────────


def read_frame(content: bytes) -> Frame:
    """The frame in a CSV file, with columns by their own names or `HEADINGS`. Raises `Refused`."""
    return read_listing(read_text(content)).frame


def read_text(content: bytes) -> Source:
    """The rows of a CSV file: comma, semicolon or tab; UTF-8, or UTF-16 and Windows-1252 with a note.

    A first line such as `sep=;`, by which Excel is told the separator, tells it here too, and is no row. Raises
    `Refused` for what is no text, has quotes that do not close, or over `MAX_UNITS` rows.
    """
    text, notes = _decoded(content)
    if "\0" in text:
        raise Refused([Problem("frame", "it is not a text file", 'save it as "CSV UTF-8"')])
    hint = _SEPARATOR.match(text)
    above = hint[0].count("\n") if hint else 0
    text = text[hint.end() :] if hint else text
    first = text.lstrip("\r\n").partition("\n")[0]
    separator = hint["by"] if hint else max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    rows: list[tuple[int, Sequence[str]]] = []
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                rows.append((above + reader.line_num, [cell.strip() for cell in cells]))
            if len(rows) > MAX_UNITS:
                raise Refused([Problem("frame", f"it has over {MAX_UNITS:,} rows", "split it")])
    except csv.Error as error:
        what = f"it cannot be read as CSV ({error})"
        raise Refused([Problem("frame", what, "check the quotes", above + reader.line_num)]) from None
    if not rows:
        raise Refused([_EMPTY])
    return Source(tuple(rows), notes=tuple(notes))


_SEPARATOR = re.compile(r'[\r\n]*"?sep=(?P<by>[^\w\s"]|\t)"?[ ,;\t]*(\r?\n|\Z)', re.IGNORECASE)
_EMPTY = Problem("frame", "it is empty", "give it a header row and a row for each organisation")
_NOT_UTF8 = "it is not UTF-8 text"


def _decoded(content: bytes) -> tuple[str, list[Problem]]:
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        try:
            return content.decode("utf-16"), [Problem("frame", "it is UTF-16, and was read", "nothing to do")]
        except UnicodeDecodeError:
            raise Refused([Problem("frame", "it is damaged UTF-16 text", 'save it as "CSV UTF-8"')]) from None
    try:
        return content.decode("utf-8-sig"), []
    except UnicodeDecodeError as error:
        return _decoded_as_windows(content, content[: error.start].count(b"\n") + 1)


def _decoded_as_windows(content: bytes, line: int) -> tuple[str, list[Problem]]:
    """What older spreadsheets save. A file with control characters is something else."""
    try:
        text = content.decode("cp1252")
    except UnicodeDecodeError:
        text = "\0"
    if re.search("[\0-\x08\x0b\x0c\x0e-\x1f]", text):
        raise Refused([Problem("frame", _NOT_UTF8, 'save it as "CSV UTF-8"', line)])
    what = f"{_NOT_UTF8}, and was read as Windows-1252"
    return text, [Problem("frame", what, "look whether letters with accents are right", line)]


# ── what the columns are ─────────────────────────────────────────────────────


def read_listing(
    source: Source,
    named: Mapping[str, str] | None = None,
    left_out: Collection[str] = (),
    known: Mapping[str, Collection[str]] | None = None,
    accepted: Collection[str] = (),
) -> Listing:
    """What the rows of a file mean.

    `named` gives fields or strata the headings of their columns; a column in `left_out` is not kept; any other
    column is a stratum. `known` holds the values that each stratum has: one that is nearly written like a known
    one is a fault, unless it is in `accepted`. Raises `Refused` with every problem.
    """
    columns = _columns(source, named or {}, left_out)
    reading = _Reading(source, columns)
    for number, cells in source.rows[1:]:
        reading.take(number, cells)
    problems = reading.problems
    if len(source.rows) == 1:
        problems.append(Problem("frame", "it lists no organisation", "add a row for each"))
    problems += reading.spellings(known or {}, accepted)
    if problems:
        raise Refused(problems[:MAX_PROBLEMS])
    strata = tuple(column.field for column in columns if column.is_stratum)
    frame = Frame(tuple(reading.units), strata)
    notes = [*source.notes, *reading.notes[:MAX_NOTES], *_strata_notes(frame, source, columns)]
    return Listing(frame, columns, tuple(notes))


def looks_like_frame(source: Source) -> bool:
    """Whether the first row has headings of a frame."""
    headings = {_plain(heading) for heading in source.rows[0][1]} if source.rows else set()
    return all(headings & {name, *HEADINGS[name]} for name in ("unit", "name"))


def _columns(source: Source, named: Mapping[str, str], left_out: Collection[str]) -> tuple[Column, ...]:
    """Each column that is kept. Raises `Refused`."""
    number, headings = source.rows[0]
    filled = [i for i, heading in enumerate(headings) if heading]
    if len(filled) == 1 and len(source.rows) > 1 and sum(map(bool, source.rows[1][1])) > 1:
        what = "it stands above the headings"
        raise Refused([source.problem(number, filled[0], "header", what, "delete the rows above the headings")])
    matching = _Matching(source, named, left_out)
    taken = matching.taken()
    if matching.problems:
        raise Refused(matching.problems)
    return tuple(Column(i, headings[i], name) for i, name in sorted(taken.items()))


class _Matching:
    """Which column is which field."""

    def __init__(self, source: Source, named: Mapping[str, str], left_out: Collection[str]) -> None:
        self.source, self.named, self.left_out = source, named, left_out
        self.number, self.headings = source.rows[0]
        self.plain = [_plain(heading) for heading in self.headings]
        self.free = set(range(len(self.headings)))
        self.problems: list[Problem] = []

    def taken(self) -> dict[int, str]:
        """The field of each column that is kept."""
        for heading in self.left_out:
            self.free.difference_update(self._asked_for(heading))
        self.free.difference_update(self._blank())
        taken = {i: name for name, heading in self.named.items() for i in self._asked_for(heading)}
        self.free.difference_update(taken)
        for name in COLUMNS:
            if name not in self.named:
                found = self._candidates(name)
                taken.update(dict.fromkeys(found, name))
                self.free.difference_update(found)
        taken.update({i: self._stratum(i) for i in sorted(self.free)})
        self._check(taken)
        return taken

    def _problem(self, column: int, what: str, do: str) -> None:
        self.problems.append(self.source.problem(self.number, column, "header", what, do))

    def _asked_for(self, heading: str) -> list[int]:
        found = [i for i, plain in enumerate(self.plain) if plain == _plain(heading)]
        if not found:
            do = nearest(heading, [_shown(h) for h in self.headings if h])
            self._problem(0, f"there is no column “{_shown(heading)}”", do)
        return found

    def _blank(self) -> list[int]:
        """Columns without heading and content, which spreadsheets leave behind."""
        blank = {i for i, heading in enumerate(self.headings) if not heading}
        used = (
            {i for _, cells in self.source.rows[1:] for i in blank if i < len(cells) and cells[i]} if blank else ()
        )
        return sorted(blank.difference(used))

    def _candidates(self, name: str) -> list[int]:
        own = [i for i in sorted(self.free) if self.plain[i] == name]
        if own:
            return own
        likely = [i for i in sorted(self.free) if self.plain[i] in HEADINGS[name]]
        if len(likely) > 1:
            both = " and ".join(f"“{_shown(self.headings[i])}”" for i in likely)
            self._problem(likely[0], f"{both} could all be {name}", f'say which: --column {name}="…"')
        if likely or name not in {"unit", "name", "email"}:
            return likely[:1]
        others = [_plain(h) for i, h in enumerate(self.headings) if i in self.free and h.isprintable()]
        hint = nearest(name, others)
        do = f'add it, or say which it is: --column {name}="…"'
        self._problem(0, f'the column "{name}" is missing', hint if "did you" in hint else do)
        return []

    def _stratum(self, column: int) -> str:
        heading = self.headings[column]
        plain = unicodedata.normalize("NFKD", heading).encode("ascii", "ignore").decode().lower()
        name = re.sub("[^a-z0-9]+", "_", plain).strip("_")
        if not heading:
            what = f"column {letters(column)} has no heading"
            self._problem(column, what, "give it one, or empty the column; unmerge merged headings")
        elif not _STRATUM.fullmatch(name):
            self._problem(column, f'"{_shown(heading)}" is no name for a stratum', "begin with a letter, up to 40")
        return name or f"_{column}"

    def _check(self, taken: Mapping[int, str]) -> None:
        for name, times in Counter(taken.values()).items():
            if times > 1:
                last = max(i for i, other in taken.items() if other == name)
                self._problem(last, f'the column "{_shown(name)}" stands twice', "keep one")
        strata = [i for i, name in taken.items() if name not in COLUMNS]
        if len(strata) > MAX_STRATA:
            self._problem(strata[MAX_STRATA], f"it has {len(strata)} strata", f"leave out all but {MAX_STRATA}")


def _plain(heading: str) -> str:
    return re.sub(r"[\W_]+", " ", heading.casefold()).strip()


def _shown(text: str) -> str:
    return "".join(c if c.isprintable() else "�" for c in text[:40])


# ── the rows ─────────────────────────────────────────────────────────────────


class _Reading:
    """Takes one row after the other; keeps units, faults and what is worth a look."""

    def __init__(self, source: Source, columns: tuple[Column, ...]) -> None:
        self.source, self.columns = source, columns
        self.width = len(source.rows[0][1])
        self.strata = [column for column in columns if column.is_stratum]
        self.own = [column for column in columns if not column.is_stratum]
        self.units: list[Unit] = []
        self.numbers: list[int] = []
        self.problems: list[Problem] = []
        self.notes: list[Problem] = []
        self.seen: dict[str, dict[str, int]] = {"unit": {}, "name": {}, "email": {}}

    def take(self, number: int, cells: Sequence[str]) -> None:
        """One row. Rows of a workbook end with their last text; those of a text file must be whole."""
        if not self._has_its_width(number, cells) or len(self.problems) >= MAX_PROBLEMS:
            return
        if len(cells) < self.width:
            cells = [*cells, *[""] * (self.width - len(cells))]
        values = {column.field: cells[column.index].strip() for column in self.own}
        strata = {column.field: cells[column.index].strip() for column in self.strata}
        for column in self.columns:
            value = strata[column.field] if column.is_stratum else values[column.field]
            if found := fault(column.field, value):
                self.problems.append(self.source.problem(number, column.index, column.field, *found))
        self._compare(number, values)
        self.units.append(_unit(values, strata))
        self.numbers.append(number)

    def _has_its_width(self, number: int, cells: Sequence[str]) -> bool:
        if self.source.sheet:
            beyond = next((i for i, cell in enumerate(cells) if i >= self.width and cell), None)
            if beyond is not None:
                what, do = (
                    "it stands outside the table",
                    "give its column a heading (unmerge merged ones), or empty it",
                )
                self.problems.append(self.source.problem(number, beyond, "row", what, do))
            return beyond is None
        if len(cells) != self.width:
            what = f"it has {len(cells)} cells, the header has {self.width}"
            self.problems.append(Problem("row", what, "quote cells with commas", number))
        return len(cells) == self.width

    def _compare(self, number: int, values: Mapping[str, str]) -> None:
        """The same unit twice is a fault; the same name or address twice may be right, and is told."""
        where = "in row" if self.source.sheet else "on line"
        for column in self.own:
            seen = self.seen.get(column.field)
            if seen is None or not (value := values[column.field]):
                continue
            first = seen.setdefault(value.casefold(), number)
            if first == number:
                continue
            what = f'"{_shown(value)}" stands {where} {first} too'
            if column.field == "unit":
                self.problems.append(self.source.problem(number, column.index, "unit", what, "keep one"))
            elif len(self.notes) < MAX_NOTES:
                do = "nothing to do, if that is right"
                self.notes.append(self.source.problem(number, column.index, column.field, what, do))

    def spellings(self, known: Mapping[str, Collection[str]], accepted: Collection[str]) -> Iterator[Problem]:
        """Values of strata that are nearly written like another one."""
        for column in self.strata:
            counts = Counter(unit.strata[column.field] for unit in self.units)
            wrong = _misspelt(counts, known.get(column.field, ()), accepted)
            if not wrong:
                continue
            for number, unit in zip(self.numbers, self.units, strict=True):
                if better := wrong.get(unit.strata[column.field]):
                    what = f"“{unit.strata[column.field]}” is elsewhere written “{better}”"
                    do = "write it so, or if it is another: --new-value"
                    yield self.source.problem(number, column.index, column.field, what, do)


def _unit(values: Mapping[str, str], strata: dict[str, str]) -> Unit:
    return Unit(
        unit=values["unit"],
        name=values["name"],
        email=values["email"],
        contact=values.get("contact", ""),
        language=values.get("language") or "en",
        strata=strata,
    )


def fault(name: str, value: str) -> tuple[str, str] | None:
    """What is wrong with a cell, and what to do."""
    if not value:
        if name in {"unit", "name"}:
            return "it is empty", "fill it in"
        return None if name in COLUMNS else ("the stratum is empty", 'fill it in, or write "Unknown"')
    if len(value) > MAX_FIELD:
        return f"it has {len(value)} characters", f"shorten it to {MAX_FIELD}"
    if not value.isprintable():
        return "it holds a line break or a control character", "remove it"
    if name == "email" and not _EMAIL.fullmatch(value):
        return f'"{value}" is not an e-mail address', _better_address(value)
    if name == "language" and not _LANGUAGE.fullmatch(value):
        return f'"{value}" is not a language', "use two small letters such as en"
    return None


def _better_address(value: str) -> str:
    inside = re.fullmatch(r".*<([^<>\s]+)>", value)
    if inside and is_email(inside[1]):
        return f"write the address alone: {inside[1]}"
    parts = [part for part in re.split("[;, ]+", value) if part]
    if len(parts) > 1 and all(map(is_email, parts)):
        return "give one address for each organisation"
    if not value.isascii():
        return "write it without accents, a domain as xn--…, or leave it empty"
    return "correct it, or leave it empty"


def _misspelt(counts: Mapping[str, int], known: Collection[str], accepted: Collection[str]) -> dict[str, str]:
    """Each value that looks like a slip, with the one it should be: a known one, else the most frequent."""
    standard: dict[str, str] = {}
    for value in [*known, *sorted(counts, key=lambda v: (-counts[v], v))]:
        standard.setdefault(" ".join(value.casefold().split()), value)
    wrong = {}
    for value in counts.keys() - set(known) - set(accepted):
        better = standard[" ".join(value.casefold().split())]
        if better == value and known:
            better = next((k for k in sorted(known) if is_slip(value, k)), value)
        if better != value:
            wrong[value] = better
    return wrong


_TELLING = frozenset(
    [
        "north",
        "south",
        "east",
        "west",
        "northern",
        "southern",
        "eastern",
        "western",
        "inner",
        "outer",
        "upper",
        "lower",
    ]
)
"""Words that are alike and tell names apart."""


def is_slip(value: str, known: str) -> bool:
    """Whether a value is a known one with a slip in one word: “Midland” for “Midlands”.

    Words that tell such names apart (North and South, East and West, Northern and Southern, figures) are no slips.
    """
    ours, theirs = value.casefold().split(), known.casefold().split()
    different = [(a, b) for a, b in zip(ours, theirs, strict=False) if a != b]
    if len(ours) != len(theirs) or len(different) != 1:
        return False
    a, b = different[0]
    if min(len(a), len(b)) < 4 or not (a.isalpha() and b.isalpha()) or {a, b} <= _TELLING:
        return False
    return difflib.SequenceMatcher(None, a, b).ratio() > 0.78


def _strata_notes(frame: Frame, source: Source, columns: Iterable[Column]) -> Iterator[Problem]:
    for column in columns:
        if column.is_stratum and len(frame.units) >= 20:
            different = len({unit.strata[column.field] for unit in frame.units})
            if different > len(frame.units) / 2:
                what = f"“{_shown(column.heading)}” has {different:,} values in {len(frame.units):,} rows"
                do = "if it is no stratum, leave it out: --leave-out"
                yield source.problem(source.rows[0][0], column.index, "header", what, do)


# ── strata ───────────────────────────────────────────────────────────────────


def cell(strata: Mapping[str, str], carry: Sequence[str]) -> str:
    """The stratum cell that goes with the answers: the carried strata, joined by " / "; "" if none is carried."""
    return " / ".join(strata.get(name, "") for name in carry)


def taken_apart(cell: str, of: int) -> tuple[str, ...] | None:
    """The `of` strata that a cell joins; None where a name in the frame holds a " / " of its own."""
    values = (cell,) if of == 1 else tuple(cell.split(" / "))
    return values if len(values) == of else None


def room_beside(cells: Iterable[str]) -> int:
    """What stands beside the answers in a box: version, stratum cell, punctuation; in bytes."""
    return 200 + max((len(json.dumps(cell, ensure_ascii=False).encode()) for cell in cells), default=2)


def cell_sizes(frame: Frame, carry: Sequence[str], at_least: int) -> dict[str, int]:
    """Units of the frame in each carried cell, crossed.

    Raises `Refused` for a stratum that the frame does not have, and for cells under `at_least`, which would
    let answers be known by where they come from. In a sample only those drawn can hide each other: their cells
    must be as large.
    """
    unknown = [name for name in carry if name not in frame.strata]
    if unknown:
        raise Refused(
            [Problem(n, "the frame has no such stratum", nearest(n, list(frame.strata))) for n in unknown]
        )
    sizes = Counter(cell(unit.strata, carry) for unit in frame.units)
    drawn = Counter(cell(unit.strata, carry) for unit in frame.units if unit.sampled)
    do = f"merge it with a neighbour to reach {at_least}, or carry fewer strata"
    problems = [
        Problem(f"cell “{name}”", f"only {n} of the frame are in it", do)
        for name, n in sorted(sizes.items())
        if n < at_least
    ]
    if not problems:
        problems = [
            Problem(f"cell “{name}”", f"only {drawn[name]} of the sample are in it", f"draw more; {do}")
            for name in sorted(sizes)
            if drawn[name] < at_least
        ]
    if problems:
        raise Refused(problems)
    return dict(sorted(sizes.items()))


# ── a newer list ─────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Change:
    """What a newer list says of a unit that is known. `what` names the fields and strata that differ."""

    old: Unit
    new: Unit
    what: tuple[str, ...]

    def __str__(self) -> str:
        """One line: each field with its old and its new value."""
        before, after = _values(self.old), _values(self.new)
        shown = (f"{name}: {before.get(name) or '(none)'} → {after.get(name) or '(none)'}" for name in self.what)
        return f"{self.old.unit}  " + "; ".join(shown)


@dataclass(frozen=True)
class Difference:
    """What a newer list changes: units that are new, changed or gone, by unit; `columns` are new strata."""

    new: tuple[Unit, ...]
    changed: tuple[Change, ...]
    gone: tuple[Unit, ...]
    columns: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Whether it changes anything."""
        return bool(self.new or self.changed or self.gone)

    def __str__(self) -> str:
        """The counts in words."""
        return f"{len(self.new):,} new, {len(self.changed):,} changed, {len(self.gone):,} gone"


def difference(old: Iterable[Unit], listing: Listing) -> Difference:
    """What the file changes. A column that it lacks changes nothing; a unit keeps whether it was drawn.

    Raises `Refused` where a unit's letters differ in their case only, and where new units lack a stratum that
    the others have.
    """
    known = {unit.unit: unit for unit in old}
    folded = {name.casefold(): name for name in known}
    strata = {name for unit in known.values() for name in unit.strata}
    missing = sorted(strata - listing.fields)
    new, changed, problems = [], [], []
    found = set()
    for unit in listing.frame.units:
        before = known.get(unit.unit)
        found.add(unit.unit)
        if before:
            after = _merged(before, unit, listing.fields)
            if after != before:
                changed.append(Change(before, after, _different(before, after)))
        elif unit.unit.casefold() in folded:
            other = folded[unit.unit.casefold()]
            problems.append(Problem(unit.unit, f"the wave writes this unit {other}", "write it so"))
        elif missing:
            what = f"it is new, and the file has no column {' and '.join(missing)}"
            problems.append(Problem(unit.unit, what, "add the column"))
        else:
            new.append(unit)
    if problems:
        raise Refused(problems[:MAX_PROBLEMS])
    gone = tuple(unit for unit in known.values() if unit.unit not in found)
    columns = tuple(name for name in listing.frame.strata if name not in strata) if strata or known else ()
    return Difference(tuple(new), tuple(changed), gone, columns)


def _merged(before: Unit, after: Unit, fields: Collection[str]) -> Unit:
    kept = {name: getattr(before, name) for name in ("contact", "language") if name not in fields}
    return replace(after, **kept, strata={**before.strata, **after.strata}, sampled=before.sampled)


def _different(before: Unit, after: Unit) -> tuple[str, ...]:
    old, new = _values(before), _values(after)
    return tuple(name for name in new if old.get(name) != new[name])


def _values(unit: Unit) -> dict[str, str]:
    own = {name: str(getattr(unit, name)) for name in COLUMNS if name != "unit"}
    return {**unit.strata, **own}


def strata_values(units: Iterable[Unit]) -> dict[str, set[str]]:
    """The values that each stratum has."""
    values: defaultdict[str, set[str]] = defaultdict(set)
    for unit in units:
        for name, value in unit.strata.items():
            values[name].add(value)
    return dict(values)


# ── in words ─────────────────────────────────────────────────────────────────

_SHOWN = 12
_LINES = 40


def describe(listing: Listing) -> str:
    """How a file was understood: counts, which column is what, the strata with their sizes, the first units."""
    frame = listing.frame
    without = sum(not unit.email for unit in frame.units)
    lines = [f"{_number(len(frame.units))}, {frame.issued:,} with an address, {without:,} without", "", "Columns"]
    for column in sorted(listing.columns, key=lambda c: COLUMNS.index(c.field) if c.field in COLUMNS else 9):
        kind = "stratum " if column.is_stratum else ""
        lines.append(f"  {letters(column.index):<4}“{column.heading}” is {kind}{column.field}")
    missing = [name for name in COLUMNS if name not in listing.fields]
    lines += [f"  {'-':<4}no column is {name}" for name in missing]
    for name in frame.strata:
        lines += ["", f"{name}: {_sizes(frame, name)}"]
    lines += ["", "First rows"]
    return "\n".join([*lines, *(f"  {_unit_line(unit)}" for unit in frame.units[:3])])


def _number(n: int) -> str:
    return f"{n:,} organisation{'' if n == 1 else 's'}"


def _sizes(frame: Frame, name: str) -> str:
    sizes = sorted(Counter(unit.strata[name] for unit in frame.units).items())
    more = f", and {len(sizes) - _SHOWN:,} more" if len(sizes) > _SHOWN else ""
    return ", ".join(f"{value} {size:,}" for value, size in sizes[:_SHOWN]) + more


def _unit_line(unit: Unit) -> str:
    address = unit.email or "(no address)"
    parts = [unit.unit, unit.name, unit.contact, address, unit.language, *unit.strata.values()]
    return " | ".join(part for part in parts if part)


def as_json(listing: Listing) -> dict[str, object]:
    """The same for scripts, with every value of every stratum."""
    frame = listing.frame
    return {
        "units": len(frame.units),
        "issued": frame.issued,
        "without_address": sum(not unit.email for unit in frame.units),
        "columns": [{"column": letters(c.index), "heading": c.heading, "field": c.field} for c in listing.columns],
        "strata": {
            name: dict(sorted(Counter(unit.strata[name] for unit in frame.units).items())) for name in frame.strata
        },
        "first": [
            {"unit": unit.unit, **{name: getattr(unit, name) for name in COLUMNS[1:]}, "strata": unit.strata}
            for unit in frame.units[:3]
        ],
        "notes": [str(note) for note in listing.notes],
    }


def changes(found: Difference) -> list[str]:
    """What a newer list changes, a line a unit, and the counts."""
    lines = [f"new stratum {name}" for name in found.columns]
    for sign, entries in (
        ("+", [_unit_line(unit) for unit in found.new]),
        ("~", [str(change) for change in found.changed]),
        ("-", [f"{unit.unit}  {unit.name}" for unit in found.gone]),
    ):
        lines += [f"{sign} {entry}" for entry in entries[:_LINES]]
        if len(entries) > _LINES:
            lines.append(f"{sign} and {len(entries) - _LINES:,} more")
    return [*lines, str(found)]
