"""Serving with gunicorn: two processes of four threads, no access log, nothing about a request in any log."""

import ctypes
import gc
import os
import socket
import struct
import sys
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from typing import Any

from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.http.errors import LimitRequestHeaders, LimitRequestLine, ParseException

from surveyapp.config import Home
from surveyapp.problems import SurveyError
from surveyapp.web import safety
from surveyapp.web.app import create_app
from surveyapp.web.safety import log
from surveyapp.web.worker import TurnWorker

_M_ARENA_MAX = -8  # in <malloc.h>

PATIENCE = 5
"""Seconds that a thread waits for the next bytes of a request: eight stalled ones must not stop the site."""


def _set_patience(server: Any) -> None:
    """Set it in the kernel, on the listening sockets, whose connections inherit it: gunicorn waits for ever."""
    for listener in server.LISTENERS:
        listener.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", PATIENCE, 0))


_REFUSED = ("That request could not be read", "Go to the first page of this site and begin again there.")
_FAILED = ("Something went wrong", "It is our fault. What you saved before is still there. Try again in a minute.")


class Worker(TurnWorker):
    """Answers what is no request at all with a page of ours, and logs of it that it happened.

    gunicorn would write the address of the client, and the path of the page with a text that may hold an answer.
    """

    def load_wsgi(self) -> None:
        """Load the site. What stands in the way, such as a store that is away, is said in a line, and all ends."""
        try:
            super().load_wsgi()
        except SurveyError as error:
            self.log.error("%s", error)
            sys.exit(Arbiter.WORKER_BOOT_ERROR)

    def handle_error(self, _request: Any, client: Any, _address: Any, error: BaseException) -> None:
        """The last resort: nothing has read this request, or the app itself has failed."""
        status, reason = _verdict(error)
        if status == 500:
            log.error("fault %s in the server", type(error).__name__)
        else:
            log.info("refused %s", status)
        with suppress(OSError):
            client.sendall(_plain_page(status, reason))


def _verdict(error: BaseException) -> tuple[int, str]:
    if isinstance(error, LimitRequestLine):
        return 414, "URI Too Long"
    if isinstance(error, LimitRequestHeaders):
        return 431, "Request Header Fields Too Large"
    return (400, "Bad Request") if isinstance(error, ParseException) else (500, "Internal Server Error")


def _plain_page(status: int, reason: str) -> bytes:
    """A whole response, with the headers that every answer of ours has; no template can be asked here."""
    title, remedy = _REFUSED if status < 500 else _FAILED
    body = (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title></head>'
        f'<body><main><h1>{title}</h1><p>{remedy}</p><p><a href="/">First page</a></p></main></body></html>\n'
    ).encode()
    headers = {
        **safety.HEADERS,
        "Content-Security-Policy": safety.policy(),
        "Cache-Control": "no-store",
        "Content-Type": "text/html; charset=utf-8",
        "Content-Length": str(len(body)),
        "Connection": "close",
    }
    lines = [f"HTTP/1.1 {status} {reason}", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    return "\r\n".join(lines).encode() + body


OPTIONS: dict[str, Any] = {
    "workers": 2,
    "threads": 4,
    "worker_class": "surveyapp.web.server.Worker",
    "accesslog": None,
    "loglevel": "error",
    "timeout": 30,
    "graceful_timeout": 20,
    "control_socket_disable": True,
    "when_ready": _set_patience,
}


class _Server(BaseApplication):  # type: ignore[misc]
    def __init__(self, make: Callable[[], Any], options: dict[str, Any]) -> None:
        self.make, self.options = make, options
        super().__init__()

    def load_config(self) -> None:
        for name, value in self.options.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        return self.make()


def serve(home: Home, port: int, host: str = "127.0.0.1", secure: bool = False, preview: bool = False) -> None:
    """Serve until stopped. `secure` says that a proxy in front speaks TLS; on this machine alone it need not.

    A `preview` ends with its terminal too; gunicorn would take the terminal's last signal for a wish to reload.
    """
    ending = {"on_reload": _stop} if preview else {}
    if not preview:
        load_once()
    run(lambda: _made(home, secure, preview), f"{host}:{port}", **ending)


def load_once() -> None:
    """Load both sites before there are processes: what no garbage collector touches, all of them share.

    So a new release needs a restart, not a reload. What else a process is given before it is divided is done here
    too, so that every way to serve has it.
    """
    _take_memory_from_one_place()
    import_module("surveyapp.web.staff")
    gc.collect()
    gc.freeze()


def _made(home: Home, secure: bool, preview: bool) -> Any:
    """The respondents' pages, and, unless they are a preview, the staff's beside them."""
    from surveyapp.web.staff import create_site  # here, for a preview needs none of it

    return create_app(home, secure, preview=True) if preview else create_site(home, secure)


def serve_alone(make: Callable[[], Any], port: int) -> None:
    """Serve an app of one process on this machine alone, until it is stopped or its terminal ends."""
    run(make, f"127.0.0.1:{port}", workers=1, on_reload=_stop)


def run(make: Callable[[], Any], where: str, **options: Any) -> None:
    """Serve what `make` makes in each process, with our options and these."""
    os.umask(0o077)
    _Server(make, {**OPTIONS, **options, "bind": where}).run()


def _take_memory_from_one_place() -> None:
    """Let all threads share one heap: glibc gives each its own, where what one has freed lies idle for the others.

    They hardly ever ask for memory at once, and an hour's traffic was seen to scatter over all of them. Other
    libraries of C have no such heaps, nor this function.
    """
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1)


def _stop(_server: Any) -> None:
    raise KeyboardInterrupt
