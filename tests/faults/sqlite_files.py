"""The steps that SQLite itself takes on its files: each write, each sync, each journal that is made or deleted.

They lie below what Python sees. The functions by which SQLite reaches the disk are exchanged, in this process and
for good, for ones that announce each step first. Only a child that is to die does this.
"""

import ctypes
import sqlite3
from collections.abc import Callable
from ctypes import CFUNCTYPE, c_int, c_int64, c_void_p
from pathlib import Path
from typing import Any

Effect = tuple[Any, ...]
"""What a step does: ("write", file, offset, bytes), ("cut", file, size), ("sync", file), ("make",) a journal,
("delete", synced) it."""

Announce = Callable[[str, Effect, Callable[[], Any] | None], None]
"""Told the name of a step and what it does, before it is taken, and what to do where it breaks off half-way."""

_WRITE = CFUNCTYPE(c_int, c_void_p, c_void_p, c_int, c_int64)
_SYNC = CFUNCTYPE(c_int, c_void_p, c_int)
_TRUNCATE = CFUNCTYPE(c_int, c_void_p, c_int64)
_OPEN = CFUNCTYPE(c_int, c_void_p, c_void_p, c_void_p, c_int, c_void_p)
_DELETE = CFUNCTYPE(c_int, c_void_p, c_void_p, c_int)

_KINDS = {0x100: "the database", 0x800: "the journal"}
"""SQLITE_OPEN_MAIN_DB and SQLITE_OPEN_MAIN_JOURNAL; what else it opens is temporary."""


class _System(ctypes.Structure):
    """`sqlite3_vfs`, as far as it is needed."""

    _fields_ = (
        ("version", c_int),
        ("size", c_int),
        ("longest", c_int),
        ("next", c_void_p),
        ("name", c_void_p),
        ("data", c_void_p),
        ("open", c_void_p),
        ("delete", c_void_p),
    )


class _Methods(ctypes.Structure):
    """`sqlite3_io_methods`."""

    _fields_ = (
        ("version", c_int),
        ("close", c_void_p),
        ("read", c_void_p),
        ("write", c_void_p),
        ("truncate", c_void_p),
        ("sync", c_void_p),
        ("others", c_void_p * 13),
    )


_kept: list[Any] = []
"""What SQLite points to must not be collected."""


def library() -> ctypes.CDLL | None:
    """The SQLite that this process uses; None where it is built in and cannot be reached."""
    assert sqlite3.sqlite_version
    loaded = {line.split()[-1] for line in Path("/proc/self/maps").read_text().splitlines() if "sqlite3" in line}
    for path in sorted(loaded):
        found = ctypes.CDLL(path)
        if hasattr(found, "sqlite3_vfs_find"):
            return found
    return None


def announce_steps(announce: Announce) -> bool:
    """From now on every step of SQLite on a file is announced; False if they cannot be seen here."""
    found = library()
    if found is None:
        return False
    found.sqlite3_vfs_find.restype = ctypes.POINTER(_System)
    system = found.sqlite3_vfs_find(None).contents
    _watch_deletes(system, announce)
    _watch_opens(system, announce)
    return True


def _watch_deletes(system: _System, announce: Announce) -> None:
    delete = _DELETE(system.delete)

    def watched(vfs: int, name: int, sync: int) -> int:
        announce("SQLite deletes the journal", ("delete", bool(sync)), None)
        return int(delete(vfs, name, sync))

    system.delete = _pointer(_DELETE(watched))


def _watch_opens(system: _System, announce: Announce) -> None:
    open_ = _OPEN(system.open)
    exchanged: dict[tuple[int, str], _Methods] = {}

    def watched(vfs: int, name: int, file: int, flags: int, out: int) -> int:
        what = next((kind for flag, kind in _KINDS.items() if flags & flag), "a temporary file")
        if what == "the journal":
            announce("SQLite makes the journal", ("make",), None)
        result = int(open_(vfs, name, file, flags, out))
        methods = c_void_p.from_address(file)
        if result == 0 and methods.value:
            key = (methods.value, what)
            if key not in exchanged:
                exchanged[key] = _watched_methods(methods.value, what, announce)
            methods.value = ctypes.addressof(exchanged[key])
        return result

    system.open = _pointer(_OPEN(watched))
    _kept.append(exchanged)


def _watched_methods(address: int, what: str, announce: Announce) -> _Methods:
    methods = _Methods.from_buffer_copy(_Methods.from_address(address))
    write, truncate, sync = _WRITE(methods.write), _TRUNCATE(methods.truncate), _SYNC(methods.sync)

    def watched_write(file: int, content: int, amount: int, offset: int) -> int:
        effect = ("write", what, offset, ctypes.string_at(content, amount))
        announce(f"SQLite writes {what}", effect, lambda: write(file, content, amount // 2, offset))
        return int(write(file, content, amount, offset))

    def watched_truncate(file: int, size: int) -> int:
        announce(f"SQLite cuts {what}", ("cut", what, size), None)
        return int(truncate(file, size))

    def watched_sync(file: int, flags: int) -> int:
        announce(f"SQLite syncs {what}", ("sync", what), None)
        return int(sync(file, flags))

    methods.write = _pointer(_WRITE(watched_write))
    methods.truncate = _pointer(_TRUNCATE(watched_truncate))
    methods.sync = _pointer(_SYNC(watched_sync))
    return methods


def _pointer(function: Any) -> int | None:
    _kept.append(function)
    return ctypes.cast(function, c_void_p).value
