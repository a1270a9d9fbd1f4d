"""Nodes: gunicorn as a real site runs it, one or more on a store, and a browser whose requests go to any."""

import http.cookiejar
import re
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from html import unescape
from pathlib import Path
from typing import Any

from surveyapp.config import Home

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / "docs/deployment/gunicorn.conf.py"


def shared_home(home: Home, path: Path) -> Home:
    """The folder of another machine that shares keys, jobs, previews and letters, and has the rest to itself."""
    path.mkdir(mode=0o700)
    for name in ("keys", "jobs", "previews", "outbox"):
        (home.path / name).mkdir(mode=0o700, exist_ok=True)
        (path / name).symlink_to(home.path / name)
    return Home(path, home.address)


_AS_SYSTEMD = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ |= {"LISTEN_FDS": "1", "LISTEN_PID": str(os.getpid())}
os.execv(sys.executable, [sys.executable, "-m", "gunicorn", "--config", sys.argv[2], "wsgi:app"])
"""


class Node:
    """A gunicorn with the configuration of a real site, begun once it takes connections."""

    def __init__(self, home: Home, listener: socket.socket, secure: bool = False) -> None:
        """`listener` is what the system listens with, and keeps while this process comes and goes.

        `secure` says that a proxy in front speaks TLS.
        """
        self.port = listener.getsockname()[1]
        self.log = home.path / f"log-{self.port}"
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-c", _AS_SYSTEMD, str(listener.fileno()), str(CONFIG)],
                cwd=ROOT,
                env={
                    "PATH": "/usr/bin:/bin",
                    "SURVEYAPP_HOME": str(home.path),
                    "SURVEYAPP_DATABASE_URL": home.address,
                    **({} if secure else {"SURVEYAPP_PLAIN_HTTP": "1"}),
                },
                stdout=out,
                stderr=out,
                pass_fds=[listener.fileno()],
            )

    def reload(self) -> None:
        """Let new processes take the place of the old, as `systemctl reload` does."""
        self.process.send_signal(signal.SIGHUP)

    def stop(self) -> None:
        """End it, as `systemctl stop` does."""
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(40) == 0

    def workers(self) -> set[int]:
        """The processes that serve."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return {int(number) for number in children.read_text().split()}


@contextmanager
def listening() -> Iterator[socket.socket]:
    """A port of this machine, listened at as systemd does for a socket unit."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        yield listener


@contextmanager
def node(home: Home, secure: bool = False) -> Iterator[int]:
    """A node that serves an installation; its port."""
    with listening() as listener:
        running = Node(home, listener, secure)
        try:
            ready(running.port)
            yield running.port
        finally:
            running.stop()


def ready(port: int) -> None:
    """Wait until a node says that it can take answers."""
    for _ in range(600):
        with suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/ready", timeout=30):
            return
        time.sleep(0.1)
    raise AssertionError("the site was not ready")


class Browser:
    """One browser without scripts; each request goes to the next node in turn, or to the one that is named."""

    def __init__(self, ports: Sequence[int], authority: Path | None = None) -> None:
        """With `authority`, a certificate to be trusted, it asks over TLS."""
        self.ports, self.asked, self.status, self.at = ports, [0] * len(ports), 0, ""
        self.jar = http.cookiejar.CookieJar()
        self.scheme = "https" if authority else "http"
        trust = urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=authority))
        self.opener = urllib.request.build_opener(
            urllib.request.HTTPCookieProcessor(self.jar), _Stay(), *([trust] if authority else [])
        )
        self.hidden: list[tuple[str, str]] = []

    def get(self, path: str, node: int | None = None) -> str:
        """Open a page, and follow to where it leads."""
        return self._ask(path, None, node)

    def post(self, path: str, node: int | None = None, **fields: Any) -> str:
        """Send a form with the hidden fields of the last page, and follow to where it leads."""
        body = urllib.parse.urlencode([*self.hidden, *fields.items()], doseq=True).encode()
        return self._ask(path, body, node)

    def _ask(self, path: str, body: bytes | None, node: int | None) -> str:
        turn = sum(self.asked) % len(self.ports) if node is None else node
        self.asked[turn] += 1
        with self.opener.open(f"{self.scheme}://127.0.0.1:{self.ports[turn]}{path}", body, timeout=60) as response:
            text = response.read().decode(errors="replace")
            self.status, self.at = response.status, path
            if to := response.headers.get("Location"):
                there = urllib.parse.urlsplit(to)
                return self._ask(f"{there.path}?{there.query}" if there.query else there.path, None, node)
        self.hidden = [_named(field) for field in re.findall(r'<input [^>]*type="hidden"[^>]*>', text)]
        return text


def _named(field: str) -> tuple[str, str]:
    """Name and value of a hidden field, in whatever order they stand."""
    name, value = (re.search(rf'{word}="([^"]*)"', field) for word in ("name", "value"))
    return name[1] if name else "", unescape(value[1]) if value else ""


class _Stay(urllib.request.HTTPRedirectHandler):
    """Hands the answer back: the next request may be for another node."""

    def http_error_303(self, _request: Any, response: Any, *_: Any) -> Any:
        return response

    http_error_302 = http_error_303
