"""A worker of gunicorn whose threads take turns at waiting, and answer themselves what they have waited for.

gunicorn's own threaded worker waits in one thread and answers in others. Each request then crosses from thread to
thread and back, which takes longer than most of our pages do. Here every thread waits at the same epoll, which
hands a connection that has something to say to one of them alone. Requests are read, and answers framed, by
gunicorn's own code; what it has beyond HTTP/1.1 (TLS, HTTP/2, proxy protocols) is left to the proxy in front.
"""

import os
import select
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Lock, Thread
from typing import Any

from gunicorn import util
from gunicorn.http import wsgi
from gunicorn.http.body import LengthReader
from gunicorn.http.errors import NoMoreData
from gunicorn.http.parser import RequestParser
from gunicorn.workers.base import Worker

FIRST_WORD = 5
"""Seconds that a new connection may be silent."""

LAST_WORD = 2
"""Seconds that a stopping process waits for requests that may be on their way."""

DRAIN = 5
"""Seconds for the rest of a body that the app has not read, if its connection is to be used again."""

_ONCE = select.EPOLLIN | select.EPOLLRDHUP | select.EPOLLONESHOT


@dataclass(eq=False)
class _Connection:
    """One connection, and until when it may be silent. Its socket blocks: `server` gives it its patience."""

    sock: socket.socket
    client: Any
    server: Any
    parser: Any = field(repr=False)
    until: float


class TurnWorker(Worker):  # type: ignore[misc]
    """Serves in `threads` threads; the main thread says that the process is alive, and closes what is silent."""

    @classmethod
    def check_config(cls, cfg: Any, _log: Any) -> None:
        """Refuse what this worker does not speak."""
        if cfg.is_ssl:
            raise RuntimeError("this worker does not speak TLS; let a proxy in front do so")

    def run(self) -> None:
        """Serve until told to stop, then finish what is being answered."""
        self.poll = select.epoll()
        self.listeners = {listener.fileno(): listener for listener in self.sockets}
        self.addresses = {fd: listener.getsockname() for fd, listener in self.listeners.items()}
        self.connections: set[_Connection] = set()
        self.silent: dict[int, _Connection] = {}
        self.listening, self.changing = False, Lock()
        for listener in self.listeners.values():
            listener.setblocking(False)
        for _ in range(self.cfg.threads):
            Thread(target=self._take_turns, daemon=True).start()
        while self.alive and self.ppid == os.getppid():
            self.notify()
            self._listen(len(self.connections) < self.cfg.worker_connections)
            self._close_silent(time.monotonic())
            self._sleep(1.0)
        self._finish()

    def _sleep(self, seconds: float) -> None:
        """Sleep, but not through a signal."""
        with suppress(OSError):
            select.select([self.PIPE[0]], [], [], seconds)
            os.read(self.PIPE[0], 64)

    def _listen(self, wanted: bool) -> None:
        with self.changing:
            if wanted != self.listening:
                self.listening = wanted
                for fd in self.listeners:
                    self.poll.register(fd, select.EPOLLIN) if wanted else self.poll.unregister(fd)

    def _close_silent(self, now: float) -> None:
        """Close the connections that have been silent for too long. Whoever takes one out of `silent` owns it."""
        for fd, connection in list(self.silent.items()):
            if connection.until < now and self.silent.pop(fd, None) is connection:
                self._close(connection)

    def _finish(self) -> None:
        """Take no more connections; answer what has been asked, and what is asked within `LAST_WORD` seconds."""
        self.alive = False
        self._listen(False)
        for listener in self.sockets:
            listener.close()
        began = time.monotonic()
        while self.connections and (now := time.monotonic()) < began + self.cfg.graceful_timeout:
            self.notify()
            self._close_silent(now + (self.cfg.keepalive + FIRST_WORD if now > began + LAST_WORD else 0))
            time.sleep(0.05)

    # ── in the threads ───────────────────────────────────────────────────────

    def _take_turns(self) -> None:
        while True:
            for fd, _ in self.poll.poll(maxevents=1):
                if fd in self.listeners:
                    self._accept(fd)
                elif connection := self.silent.pop(fd, None):
                    self._serve(connection)

    def _accept(self, fd: int) -> None:
        with self.changing:  # once nobody listens any more, all who were taken in are known
            if not self.listening:
                return
            try:
                sock, client = self.listeners[fd].accept()
            except BlockingIOError:
                return  # another thread or process was quicker
            except OSError as error:
                self.log.error("a connection could not be taken: %s", os.strerror(error.errno or 0))
                time.sleep(0.1)
                return
            until = time.monotonic() + FIRST_WORD
            parser = RequestParser(self.cfg, sock, client)
            connection = _Connection(sock, client, self.addresses[fd], parser, until)
            self.connections.add(connection)
        self.silent[sock.fileno()] = connection
        self.poll.register(sock.fileno(), _ONCE)
        if len(self.connections) >= self.cfg.worker_connections:
            self._listen(False)

    def _serve(self, connection: _Connection) -> None:
        """Answer what waits on a connection; then wait for more, or close it."""
        try:
            while self._answered(connection):
                if not connection.parser.unreader.buf.getvalue():  # nothing of the next request was read with this
                    connection.until = time.monotonic() + self.cfg.keepalive
                    fd = connection.sock.fileno()
                    self.silent[fd] = connection
                    self.poll.modify(fd, _ONCE)
                    return
            util.close_graceful(connection.sock, timeout=1.0)
        except (NoMoreData, StopIteration, OSError):
            pass  # the other side has closed, or has stalled
        except Exception as error:  # noqa: BLE001 (a thread must not end with it; its words could hold an answer)
            self.log.error("fault %s in the server", type(error).__name__)
        self._close(connection)

    def _close(self, connection: _Connection) -> None:
        self.connections.discard(connection)
        with suppress(OSError, ValueError):
            connection.sock.close()

    def _answered(self, connection: _Connection) -> bool:
        """Answer one request; whether the connection can be used again."""
        request = None
        try:
            request = next(connection.parser)
            return bool(request) and self._answer(request, connection) and self._read_up(request, connection)
        except (NoMoreData, StopIteration, OSError):
            raise
        except Exception as error:  # noqa: BLE001 (the last resort)
            self.handle_error(request, connection.sock, connection.client, error)
            return False

    def _answer(self, request: Any, connection: _Connection) -> bool:
        answer, environ = wsgi.create(
            request, connection.sock, connection.client, connection.server, self.cfg, response_class=_Whole
        )
        environ["wsgi.multithread"] = True
        if not self.alive or not self.cfg.keepalive:
            answer.force_close()
        body = self.wsgi(environ, answer.start_response)
        try:
            answer.write_all(body)
        except Exception:
            if answer.headers_sent:
                raise StopIteration from None  # an error page in the middle would be read as part of it
            raise
        finally:
            if hasattr(body, "close"):
                body.close()
        return not answer.should_close()

    def _read_up(self, request: Any, connection: _Connection) -> bool:
        """Read what the app has left of the body; whether that was possible."""
        reader = request.body.reader
        if isinstance(reader, LengthReader) and not reader.length:
            return True
        return bool(connection.parser.finish_body(deadline=time.monotonic() + DRAIN))


class _Whole(wsgi.Response):  # type: ignore[misc]
    """An answer whose head goes out together with the beginning of its body."""

    head = b""
    headers_sent: bool

    def write_all(self, body: Any) -> None:
        """Send an answer."""
        if isinstance(body, wsgi.FileWrapper):
            self.write_file(body)
        else:
            for part in _parts(body):
                self.write(part)
        self.close()

    def send_headers(self) -> None:
        """Keep the head back until there is something to go with it."""
        if not self.headers_sent:
            lines = [*self.default_headers(), *(f"{name}: {value}\r\n" for name, value in self.headers), "\r\n"]
            self.head = "".join(lines).encode("latin-1")
            self.headers_sent = True

    def sendfile(self, respiter: Any) -> bool:
        """A file goes past us, and its head before it."""
        self.send_headers()
        self._flush()
        return bool(super().sendfile(respiter))

    def close(self) -> None:
        """Send what is left."""
        self.send_headers()
        if self.chunked:
            self._flush()
        super().close()
        self._flush()

    def _emit_body(self, data: bytes) -> None:
        if self.chunked:
            self._flush()
            super()._emit_body(data)
        else:
            head, self.head = self.head, b""
            self.sock.sendall(head + data)

    def _flush(self) -> None:
        if self.head:
            head, self.head = self.head, b""
            self.sock.sendall(head)


def _parts(body: Any) -> Iterator[bytes]:
    """The parts of a body, without the empty ones: they would be sent alone."""
    return (part for part in body if part)
