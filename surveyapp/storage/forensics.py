"""What the bytes of an installation tell to somebody who holds them: the known attacks on the files.

Nothing here goes by what the store is meant to do. It reads SQLite's pages, the values of every column, file
times and permissions, of our store or of any other, and returns what it found. It knows neither side of the wall:
which tables are whose, it is told.
"""

import email
import hashlib
import hmac
import json
import re
import sqlite3
import stat
import struct
import zipfile
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from surveyapp.storage.database import PRAGMAS, Database
from surveyapp.storage.postgres import WANTED
from surveyapp.storage.serving import Served

SHORTEST = 8
"""Bytes from which on a value could be a key; shorter ones are shared by chance."""

WORDS = 24
"""Bytes from which on what somebody wrote is known again."""

WINDOW = 16
"""Bytes of a digest that nothing else repeats by chance."""

MAGIC = b"SQLite format 3\0"

Place = Path | Served
"""A SQLite file, or a database on a server."""

Shared = tuple[str, str, str]
"""A column of the people's side, one of the answers' side, and how the value of the one stands in the other."""


@dataclass(frozen=True)
class Store:
    """The files of an installation and what an attacker knows of its schema.

    `people` and `answers` are the tables of the two sides. `public` are values that may stand on both, such as the
    name of a wave; `keys` are the secrets of the server.
    """

    folder: Path
    database: Place
    people: tuple[str, ...]
    answers: tuple[str, ...]
    public: frozenset[bytes] = field(repr=False)
    keys: tuple[bytes, ...] = field(repr=False)

    @property
    def paths(self) -> list[Path]:
        """Every file, the keys excepted."""
        return [p for p in sorted(self.folder.rglob("*")) if p.is_file() and p.parent.name != "keys"]

    @property
    def files(self) -> dict[str, bytes]:
        """Name and content of every file, the keys excepted."""
        return {str(path.relative_to(self.folder)): path.read_bytes() for path in self.paths}


# ── a value on both sides ────────────────────────────────────────────────────


def shared_values(store: Store) -> set[Shared]:
    """Columns of the two sides that hold the same value: as it is, hashed, or hashed with a key of the server."""
    found = set()
    for one, other, turned in ((store.people, store.answers, False), (store.answers, store.people, True)):
        needles = _needles(store, columns(store.database, one, whole=True))
        for name, values in columns(store.database, other).items():
            for column, how in _inside(needles, b"\0".join(values)):
                found.add((name, column, how) if turned else (column, name, how))
    return found


def told(store: Store, naming: Collection[str], among: Iterable[str]) -> set[Shared]:
    """Columns of other tables in which a value of the columns `naming` stands, in any guise, and which that is.

    Words have to be as long as nobody else would say them.
    """
    sides = columns(store.database, (*store.people, *store.answers))
    wanted = {name: values for name, values in sides.items() if name.partition(":")[0] in naming}
    for name in wanted:
        if name.endswith((".text", ".words")):
            wanted[name] = [value for value in wanted[name] if len(value) >= WORDS]
    needles = _needles(store, wanted)
    return {
        (name, column, how)
        for name, values in columns(store.database, among, whole=True).items()
        for column, how in _inside(needles, b"\0".join(values))
    }


Needles = Mapping[bytes, Sequence[tuple[bytes, str, str]]]
"""By its first bytes: what is looked for, its column, its guise."""


def _needles(store: Store, found: Mapping[str, Iterable[bytes]]) -> Needles:
    needles: dict[bytes, list[tuple[bytes, str, str]]] = defaultdict(list)
    for column, values in found.items():
        for how, needle in _guises(values, store):
            needles[needle[:SHORTEST]].append((needle, column, how))
    return needles


def _inside(needles: Needles, haystack: bytes) -> set[tuple[str, str]]:
    """Column and guise of every needle that the haystack holds, in one walk through it."""
    found = set()
    for start in range(len(haystack) - SHORTEST + 1):
        for needle, column, how in needles.get(haystack[start : start + SHORTEST], ()):
            if haystack.startswith(needle, start):
                found.add((column, how))
    return found


def _guises(values: Iterable[bytes], store: Store) -> Iterator[tuple[str, bytes]]:
    """Each value as it is, and as any key of the installation would hash it, raw and in hexadecimal."""
    for value in set(values) - store.public:
        if len(value) < SHORTEST:
            continue
        digests = {"SHA-256": hashlib.sha256(value).digest()}
        digests |= {f"HMAC {i}": hmac.digest(key, value, "sha256") for i, key in enumerate(store.keys)}
        yield "plain", value
        yield "plain", value.hex().encode()
        for how, digest in digests.items():
            yield how, digest[:WINDOW]
            yield how, digest[:WINDOW].hex().encode()


def columns(database: Place, tables: Iterable[str], whole: bool = False) -> dict[str, list[bytes]]:
    """Every value of every column as bytes. Of a JSON text each leaf, those of an object as `table.column:key`.

    `whole` adds JSON texts as they stand.
    """
    found: dict[str, list[bytes]] = {}
    for table in tables:
        for name, value in _values(database, table):
            for part, content in _parts(name, value, whole):
                found.setdefault(part, []).append(content)
    return found


def _values(database: Place, table: str) -> Iterator[tuple[str, Any]]:
    """Every value of a table with the name of its column."""
    if isinstance(database, Served):
        names = [f"{table}.{name}" for name in database.columns(table)]
        for row in database.rows(table, "*"):
            yield from zip(names, row, strict=True)
        return
    with closing(sqlite3.connect(database)) as connection:
        cursor = connection.execute(_select("*", table))
        names = [f"{table}.{description[0]}" for description in cursor.description]
        for row in cursor:
            yield from zip(names, row, strict=True)


def _select(what: str, table: str) -> str:
    """The names are those of a schema, never anything that was typed."""
    return f"SELECT {what} FROM {table}"  # noqa: S608  # nosec B608


def _parts(name: str, value: Any, whole: bool) -> Iterator[tuple[str, bytes]]:
    parsed = _parsed(value)
    if isinstance(value, bytes):
        yield name, value
    elif value is not None and (parsed is None or whole):
        yield name, str(value).encode()
    if isinstance(parsed, dict):
        yield from ((name, str(key).encode()) for key in parsed)
    for key, entry in parsed.items() if isinstance(parsed, dict) else [("", parsed or [])]:
        for leaf in _leaves(entry):
            yield f"{name}:{key}" if key else name, str(leaf).encode()


def _parsed(value: Any) -> Any:
    """The content of a JSON object or list; None for everything else."""
    if isinstance(value, str) and value.startswith(("{", "[")):
        with suppress(ValueError):
            return json.loads(value)
    return None


def legible(content: bytes) -> bool:
    """Whether something that should be sealed is JSON in the clear."""
    return _parsed(content.decode(errors="replace")) is not None


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        value = [*value, *value.values()]
    if isinstance(value, list):
        for part in value:
            yield from _leaves(part)
    else:
        yield value


def rows(database: Place, table: str, *names: str) -> list[tuple[Any, ...]]:
    """These columns of a table, in the order in which the store gives them."""
    if isinstance(database, Served):
        return database.rows(table, *names)
    with closing(sqlite3.connect(database)) as connection:
        return connection.execute(_select(", ".join(names), table)).fetchall()


def tables(database: Place) -> set[str]:
    """Every table, SQLite's own too."""
    if isinstance(database, Served):
        return database.tables()
    return {name for name, kind in rows(database, "sqlite_schema", "name", "type") if kind == "table"}


def names(database: Place, table: str) -> set[str]:
    """The columns of a table; none if there is no such table."""
    if isinstance(database, Served):
        return set(database.columns(table))
    return {name for (name,) in rows(database, f"pragma_table_info('{table}')", "name")}


# ── counters, clocks, references ─────────────────────────────────────────────


def hidden_counters(store: Store) -> set[str]:
    """Tables of the answer side whose rows have a number, and the table of SQLite's own counters."""
    if isinstance(store.database, Served):
        return {table for table in store.answers if store.database.counted(table)}
    found = set()
    for table in store.answers:
        with suppress(sqlite3.OperationalError):
            rows(store.database, table, "rowid")
            found.add(table)
    return found | (tables(store.database) & {"sqlite_sequence"})


_TIME = re.compile(rb"\d\d:\d\d|(19|20)\d\d-\d\d-\d\d|(?<!\d)1[3-9]\d{8}(?!\d)")
_HOUR = re.compile(rb"\b\d\d:\d\d(:\d\d)?\b")


def times(store: Store) -> set[str]:
    """Columns of the answer side that hold a day, an hour or a Unix time as text, or ids that begin alike.

    Ids made by a clock (UUID 1, 6 and 7, ULID) share their first bytes; random ones do not.
    """
    found = columns(store.database, store.answers)
    dated = {name for name, values in found.items() if _any(values, _TIME)}
    return dated | {name for name, values in found.items() if name.endswith(".id") and _begin_alike(values)}


def hours(database: Place, among: Iterable[str]) -> set[str]:
    """Columns of these tables that hold a time of day."""
    return {name for name, values in columns(database, among).items() if _any(values, _HOUR)}


def _any(values: Iterable[bytes], pattern: re.Pattern[bytes]) -> bool:
    return any(value.isascii() and pattern.search(value) for value in values)


def _begin_alike(ids: Sequence[bytes]) -> bool:
    return len(ids) > 3 and len({id_[:2] for id_ in ids}) == 1 and len(ids[0]) >= SHORTEST


def references(database: Place, table: str, other: str) -> set[str]:
    """Columns of a table whose values are ids of rows of another."""
    ids = {id_ for (id_,) in rows(database, other, "id")}
    return {name for name, value in _values(database, table) if value in ids}


# ── the order in the file ────────────────────────────────────────────────────


@dataclass(frozen=True)
class Layout:
    """How the rows of a table lie: how many, on how many pages, and how many pairs out of the order of keys.

    `steps` says in how many transactions they were written, where the store keeps that.
    """

    rows: int
    pages: int
    out_of_step: int
    steps: int = 1

    @property
    def tells(self) -> bool:
        """Whether rows were put between others as they came; a split of pages alone moves one or two a page."""
        return self.out_of_step > 2 * self.pages or self.steps > 1


def layout(database: Place, table: str) -> Layout:
    """Where the rows of a table lie in the file, against the order of their keys.

    A table that was written anew lies in step with its keys, on each page and in its overflow pages. One that grew
    row by row lies in the order of arrival, whatever its keys are.
    """
    if isinstance(database, Served):
        return Layout(*database.lie(table))
    content, size = _read(database)
    roots = dict(rows(database, "sqlite_schema", "name", "rootpage"))
    count = pages = apart = 0
    spilled: list[int] = []
    for page in _pages(content, size, roots[table]):
        count, pages = count + len(page.cells), pages + 1
        apart += sum(one < other for one, other in pairwise(page.cells))
        spilled += page.spilled
    return Layout(count, pages, apart + sum(one > other for one, other in pairwise(spilled)))


@dataclass(frozen=True)
class _Page:
    """Offsets of a page's rows in the order of keys, and the first overflow page of each long one."""

    cells: tuple[int, ...]
    spilled: tuple[int, ...]


_INTERIOR, _LEAVES, _OF_INDEX = (0x02, 0x05), (0x0A, 0x0D), (0x02, 0x0A)


def _pages(content: bytes, size: int, number: int) -> Iterator[_Page]:
    """The pages of one tree, each before the ones under it. Interior pages of an index hold rows too."""
    start = (number - 1) * size
    header = start + (100 if number == 1 else 0)
    kind = content[header]
    (count,) = struct.unpack(">H", content[header + 3 : header + 5])
    first = header + (12 if kind in _INTERIOR else 8)
    cells = struct.unpack(f">{count}H", content[first : first + 2 * count])
    if kind in _LEAVES:
        spilled = [_overflow(content, start + cell, size, kind) for cell in cells]
        yield _Page(cells, tuple(page for page in spilled if page))
        return
    below = [start + cell for cell in cells] + [header + 8]
    for place in below:
        yield from _pages(content, size, struct.unpack(">I", content[place : place + 4])[0])


def _overflow(content: bytes, at: int, size: int, kind: int) -> int:
    """The first overflow page of a row, 0 if it has none: the rules of SQLite's file format."""
    payload, at = _number(content, at)
    if kind not in _OF_INDEX:
        _, at = _number(content, at)
    most = (size - 12) * 64 // 255 - 23 if kind in _OF_INDEX else size - 35
    if payload <= most:
        return 0
    least = (size - 12) * 32 // 255 - 23
    kept = least + (payload - least) % (size - 4)
    at += kept if kept <= most else least
    return int(struct.unpack(">I", content[at : at + 4])[0])


def _number(content: bytes, at: int) -> tuple[int, int]:
    """A number of variable length and the place after it."""
    value = 0
    for i in range(9):
        byte = content[at + i]
        if i == 8:
            return (value << 8) | byte, at + 9
        value = (value << 7) | (byte & 0x7F)
        if byte < 0x80:
            break
    return value, at + i + 1


def _read(database: Path) -> tuple[bytes, int]:
    """The bytes of the file and the size of its pages, read while nobody may write."""
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute("BEGIN")
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        content = database.read_bytes()
    (size,) = struct.unpack(">H", content[16:18])
    return content, 65_536 if size == 1 else size


# ── what is left over ────────────────────────────────────────────────────────


def free_pages(store: Store) -> int:
    """Pages that were used once and keep what was on them unless somebody overwrote it; on a server, such rows."""
    if isinstance(store.database, Served):
        return store.database.erased()
    with closing(sqlite3.connect(store.database)) as connection:
        return int(connection.execute("PRAGMA freelist_count").fetchone()[0])


def legible_free_pages(database: Path) -> int:
    """Free pages on which something is still to be read."""
    content, size = _read(database)
    (trunk,) = struct.unpack(">I", content[32:36])
    found = 0
    while trunk:
        start = (trunk - 1) * size
        trunk, count = struct.unpack(">II", content[start : start + 8])
        listed = struct.unpack(f">{count}I", content[start + 8 : start + 8 + 4 * count])
        found += any(content[start + 8 + 4 * count : start + size])
        found += sum(any(content[(page - 1) * size : page * size]) for page in listed)
    return found


def beside(database: Place) -> list[str]:
    """Journals and logs of SQLite that lie beside the file: they keep what was written last, side by side."""
    if isinstance(database, Served):
        return []
    endings = ("-wal", "-shm", "-journal")
    return [f"{database.name}{end}" for end in endings if database.with_name(database.name + end).exists()]


def lengths(database: Place, table: str) -> set[int]:
    """How long the boxes of a table are."""
    return {length for (length,) in rows(database, table, "length(box)")}


def look(database: Database) -> Place:
    """The store as somebody finds it from outside."""
    return database.path if isinstance(database.place, Path) else Served(database)


def settings_of(database: Database) -> dict[str, Any]:
    """The settings that matter, as the store says they are."""
    if not isinstance(database.place, Path):
        return dict(Served(database).settings(list(WANTED)))
    with database.reading() as connection:
        driver: Any = connection.connection.driver_connection
        return settings(driver, PRAGMAS)


def amiss(found: Mapping[str, Any]) -> list[str]:
    """Settings under which something lingers."""
    right = {name: value in WANTED.get(name, (PRAGMAS.get(name),)) for name, value in found.items()}
    return [f"{name}={found[name]}" for name in found if not right[name]]


def settings(connection: sqlite3.Connection, names: Iterable[str]) -> dict[str, Any]:
    """What SQLite says of its settings on one connection."""
    return {name: connection.execute(f"PRAGMA {name}").fetchone()[0] for name in names}


def open_to_others(paths: Iterable[Path]) -> list[Path]:
    """Files and folders that not their owner alone may read or write."""
    return [path for path in paths if stat.S_IMODE(path.stat().st_mode) & 0o077]


# ── copies and other files ───────────────────────────────────────────────────


def copies(store: Store) -> list[Path]:
    """Other SQLite files in the folder, oldest first."""
    found = [path for path in store.paths if path != store.database and _begins(path, MAGIC)]
    return sorted(found, key=lambda path: path.stat().st_mtime)


def _begins(path: Path, magic: bytes) -> bool:
    with path.open("rb") as file:
        return file.read(len(magic)) == magic


def additions(older: Place, newer: Place, table: str, by: Sequence[str]) -> Counter[tuple[Any, ...]]:
    """How many rows of a table a later copy has more, by these columns; groups that were empty before left out."""
    before = {row[0]: row[1:] for row in rows(older, table, "id", *by)}
    after = {row[0]: row[1:] for row in rows(newer, table, "id", *by)}
    grown = Counter(group for id_, group in after.items() if id_ not in before)
    return Counter({group: n for group, n in grown.items() if group in before.values()})


def letter(path: Path) -> bytes:
    """The headers of a letter and its words, however they are coded."""
    message = email.message_from_bytes(path.read_bytes())
    headers = "".join(f"{name}: {value}\n" for name, value in message.items())
    words = [part.get_payload(decode=True) for part in message.walk() if not part.is_multipart()]
    return b"\n".join([headers.encode(errors="replace"), *(part for part in words if isinstance(part, bytes))])


def contents(path: Path) -> Iterator[bytes]:
    """The file, or each part of an archive."""
    if not zipfile.is_zipfile(path):
        yield path.read_bytes()
        return
    with zipfile.ZipFile(path) as archive:
        for entry in archive.infolist():
            yield archive.read(entry)


_SAVED_AT = re.compile(rb"<dcterms:(?:created|modified)[^>]*>[^<]*T(?!00:00:00)[^<]*<")
_SAVED_BY = re.compile(rb"<cp:lastModifiedBy>(?!surveyapp<)[^<]+<")


def stamped(path: Path) -> bool:
    """Whether an Office file says when it was made or by whom it was saved; our own name is nobody's."""
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        moments = {entry.date_time for entry in archive.infolist()}
    if len(moments) > 1 or any(moment[3:] != (0, 0, 0) for moment in moments):
        return True
    return any(_SAVED_AT.search(part) or _SAVED_BY.search(part) for part in contents(path))


def holding(path: Path, needles: Collection[bytes]) -> int:
    """How many of these values stand in a file or in a part of an archive."""
    parts = list(contents(path))
    return sum(any(needle in part for part in parts) for needle in needles)
