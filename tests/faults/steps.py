"""Every step that a process takes towards the disk and the network, numbered, and a death at one of them.

A step is a statement before it is sent and after it was, a commit, every call of Python on a file, a folder or a
socket, and every write, sync and deletion of SQLite itself; writes break off half-way too. A job is a plain
function that runs in a child of the warm process of `victims`.
"""

import io
import os
import random
import signal
import socket
import sqlite3
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event

from tests.faults import sqlite_files, victims

Job = Callable[..., None]

_CALLS = {"write", "flush", "fsync", "replace", "rename", "link", "unlink", "remove", "rmdir", "mkdir", "open"}
_CALLS |= {"truncate", "send", "sendall", "chmod", "__exit__", "close"}
_FILES = (io.FileIO, io.BufferedWriter, io.BufferedRandom, io.TextIOWrapper, socket.socket)
_MODULES = {"posix", "io", "_io"}


@dataclass(frozen=True)
class With:
    """A job with some of its steps exchanged, by the names of its arguments, as a child can be given it.

    Without `files`, Python's own calls on files and sockets are no steps, which makes a child twice as fast.
    """

    job: Job
    how: dict[str, Any]
    files: bool = True

    def __call__(self, *args: Any) -> None:
        self.job(*args, **self.how)

    @property
    def name(self) -> str:
        """That of the step, or of the job itself."""
        return str(next(iter(self.how.values()), self.job).__name__)


@dataclass(frozen=True)
class Death:
    """At which step a child died, "" if it lived to its end."""

    step: str


def names_of(job: Job, *args: Any) -> list[str]:
    """Run `job` to its end in a child: the names of all its steps."""
    ended, names = _run(None, job, args)
    assert ended == 0, f"the job failed by itself ({ended}): {names[-3:]}"
    return names


def killed_at(number: int, job: Job, *args: Any) -> Death:
    """Run `job` in a child that is killed at its step with this number, counted from 0; it may end before."""
    ended, names = _run(number, job, args)
    assert ended in (0, -signal.SIGKILL), f"the job failed by itself ({ended})"
    return Death(names[-1] if ended else "")


def drawn(names: Sequence[str], chance: random.Random) -> int:
    """The number of a step: each kind of step is as likely as any other, and each of a kind."""
    kind = chance.choice(sorted(set(names)))
    return chance.choice([number for number, name in enumerate(names) if name == kind])


def _run(number: int | None, job: Job, args: tuple[Any, ...]) -> tuple[int | None, list[str]]:
    heard, tell = victims.pipe()
    child = victims.started(_walk, number, tell, job, *args)
    tell.close()
    names: list[str] = []
    try:
        while True:
            names += heard.recv()
    except EOFError:
        pass
    child.join(30)
    return child.exitcode, names


def _walk(number: int | None, tell: Any, job: Job, *args: Any) -> None:
    """In the child: watch, do the job, say which steps it took."""
    walk = _Walk(number, tell)
    walk.begin(getattr(job, "files", True))
    job(*args)
    walk.end()


class _Walk:
    """The steps taken so far."""

    def __init__(self, last: int | None, tell: Any) -> None:
        self.last, self.tell = last, tell
        self.names: list[str] = []
        self.busy = False
        self.writing = ""

    def begin(self, files: bool) -> None:
        sqlite_files.announce_steps(lambda name, _effect, half: self._below(name, half))
        event.listen(sa.Engine, "before_cursor_execute", self._before)
        event.listen(sa.Engine, "after_cursor_execute", self._after)
        event.listen(sa.Engine, "commit", self._commit)
        victims._tell = self._telling(victims._tell)
        if files:
            sys.setprofile(self._call)

    def _telling(self, tell: Callable[[Path, str], None]) -> Callable[[Path, str], None]:
        def telling(told: Path, what: str) -> None:
            kind = what.partition(" ")[0]
            self.step(f"before: telling {kind}")
            tell(told, what)
            self.step(f"after: telling {kind}")

        return telling

    def end(self) -> None:
        sys.setprofile(None)
        self.busy = True
        self.tell.send(self.names)

    def step(self, name: str, half: Callable[[], Any] | None = None) -> None:
        """One more step; the process ends here if it is the one. `half` is done first, as its second half."""
        if self.busy:
            return
        self._take(f"before: {name}" if half else name)
        if half:
            self._take(f"half-way: {name}", half)

    def _below(self, name: str, half: Callable[[], Any] | None = None) -> None:
        """A step of SQLite, with the statement that it is taken for."""
        self.step(f"{name}, {self.writing}" if self.writing else name, half)

    def _take(self, name: str, first: Callable[[], Any] | None = None) -> None:
        if len(self.names) == self.last:
            self.busy = True
            if first:
                first()
            self.tell.send([name])
            os.kill(os.getpid(), signal.SIGKILL)
        self.names.append(name)

    def _before(self, _connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        name = _named(statement)
        self.step(f"before: {name}")
        if not name.startswith("SELECT"):
            self.writing = name

    def _after(self, _connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        self.step(f"after: {_named(statement)}")

    def _commit(self, _connection: Any) -> None:
        self._below("before: COMMIT")

    def _call(self, _frame: Any, kind: str, function: Any) -> None:
        """What Python calls of the system; SQLite's own commit too, for what comes after it."""
        if kind not in ("c_call", "c_return"):
            return
        name, of = function.__name__, getattr(function, "__self__", None)
        if isinstance(of, sqlite3.Connection):
            if name == "commit" and kind == "c_return":
                self._below("after: COMMIT")
                self.writing = ""
            return
        if name in _CALLS and (isinstance(of, _FILES) or getattr(of, "__name__", "") in _MODULES):
            what = "socket" if isinstance(of, socket.socket) else "file"
            self.step(f"{'before' if kind == 'c_call' else 'after'}: {what} {name.strip('_')}")


def _named(statement: str) -> str:
    """Its first words: what is done, to which table."""
    words = statement.split()
    if words[0] == "SELECT":
        return f"SELECT {words[words.index('FROM') + 1]}" if "FROM" in words else "SELECT"
    return " ".join(words[:3] if words[0] in ("INSERT", "DELETE") else words[:2])
