"""A wire to PostgreSQL that breaks at a chosen moment: a socket in between, which counts what the client asks.

What a client asks for ends in a Query or a Sync; the server answers each with ReadyForQuery. The wire is cut
before one of them is passed on, or after the server has done it and before the client hears of it. Later
connections pass.
"""

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.server import Server

ASKED, ANSWERED = "asked", "answered"
"""Before the server hears it, or before the client hears of it."""

_SOCKET = ".s.PGSQL.5432"


@dataclass
class Wire:
    """What has been asked since the wire was armed, and at which of it (counted from 0) it is cut."""

    folder: Path
    asked: int = 0
    at: int | None = None
    when: str = ASKED
    cut: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def arm(self, at: int | None = None, when: str = ASKED) -> None:
        """Count afresh, and break at this request; never without one."""
        with self.lock:
            self.asked, self.at, self.when = 0, at, when
            self.cut.clear()

    def next_is_last(self) -> bool:
        """Count one more request; whether it is the one."""
        with self.lock:
            self.asked += 1
            return self.asked - 1 == self.at

    def over(self, address: str) -> str:
        """The address of a database, reached over this wire."""
        return f"{address.partition('?')[0]}?host={self.folder}"


@contextmanager
def wire(server: Server) -> Iterator[Wire]:
    """A wire to a server, until the end of the test."""
    with TemporaryDirectory(prefix="wire-") as folder:
        made = Wire(Path(folder))
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(f"{folder}/{_SOCKET}")
            listening.listen(16)
            threading.Thread(target=_take, args=(made, server, listening), daemon=True).start()
            yield made
            listening.shutdown(socket.SHUT_RDWR)


def _take(made: Wire, server: Server, listening: socket.socket) -> None:
    with suppress(OSError):
        while True:
            client, _ = listening.accept()
            behind = socket.socket(socket.AF_UNIX)
            behind.connect(str(server.folder / _SOCKET))
            threading.Thread(target=_Line(made, client, behind).hold, daemon=True).start()


class _Line:
    """One connection."""

    def __init__(self, made: Wire, client: socket.socket, server: socket.socket) -> None:
        self.wire, self.client, self.server = made, client, server
        self.silent = False

    def hold(self) -> None:
        """Pass on what both say, until it is cut or one of them ends."""
        with self.client, self.server:
            back = threading.Thread(target=self.back, daemon=True)
            back.start()
            self.forth()
            back.join()

    def forth(self) -> None:
        """What the client says. Its first message has no kind."""
        with self._to_the_end():
            self.server.sendall(_read(self.client, _length(self.client)))
            while True:
                kind, message = _message(self.client)
                last = kind in b"QS" and self.wire.next_is_last()
                if last and self.wire.when == ASKED:
                    self.wire.cut.set()
                    return
                self.silent = self.silent or last
                self.server.sendall(message)

    def back(self) -> None:
        """What the server says, until it is to be heard no more."""
        with self._to_the_end():
            while True:
                kind, message = _message(self.server)
                if not self.silent:
                    self.client.sendall(message)
                elif kind == b"Z":
                    self.wire.cut.set()
                    return

    @contextmanager
    def _to_the_end(self) -> Iterator[None]:
        with suppress(OSError, EOFError):
            yield
        for end in (self.client, self.server):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


def _message(end: socket.socket) -> tuple[bytes, bytes]:
    kind = _read(end, b"", 1)
    return kind, kind + _read(end, _length(end))


def _length(end: socket.socket) -> bytes:
    return _read(end, b"", 4)


def _read(end: socket.socket, begun: bytes, size: int | None = None) -> bytes:
    """So many bytes; without a size the rest of a message whose length was read already, with that."""
    wanted = struct.unpack("!I", begun)[0] if size is None else size
    while len(begun) < wanted:
        some = end.recv(wanted - len(begun))
        if not some:
            raise EOFError
        begun += some
    return begun


Job = Callable[[], None]


def requests_of(made: Wire, job: Job) -> int:
    """How often a job asks the server for something."""
    made.arm()
    job()
    return made.asked
