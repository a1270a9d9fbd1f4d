"""Serving with gunicorn: two processes of four threads, no access log, nothing about a request in any log."""

import os
import socket
import struct
from typing import Any

from gunicorn.app.base import BaseApplication

from surveyapp.config import Home
from surveyapp.web.app import create_app

PATIENCE = 5
"""Seconds that a thread waits for the next bytes of a request: eight stalled ones must not stop the site."""


def _set_patience(server: Any) -> None:
    """Set it in the kernel, on the listening sockets, whose connections inherit it: gunicorn waits for ever."""
    for listener in server.LISTENERS:
        listener.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", PATIENCE, 0))


OPTIONS: dict[str, Any] = {
    "workers": 2,
    "threads": 4,
    "worker_class": "gthread",
    "accesslog": None,
    "loglevel": "error",
    "timeout": 30,
    "graceful_timeout": 20,
    "control_socket_disable": True,
    "when_ready": _set_patience,
}


class _Server(BaseApplication):  # type: ignore[misc]
    def __init__(self, home: Home, options: dict[str, Any], secure: bool, preview: bool) -> None:
        self.home, self.options, self.secure, self.preview = home, options, secure, preview
        super().__init__()

    def load_config(self) -> None:
        for name, value in self.options.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        return create_app(self.home, secure=self.secure, preview=self.preview)


def serve(home: Home, port: int, host: str = "127.0.0.1", secure: bool = False, preview: bool = False) -> None:
    """Serve until stopped. `secure` says that a proxy in front speaks TLS; on this machine alone it need not.

    A `preview` ends with its terminal too; gunicorn would take the terminal's last signal for a wish to reload.
    """
    os.umask(0o077)
    ending = {"on_reload": _stop} if preview else {}
    _Server(home, {**OPTIONS, **ending, "bind": f"{host}:{port}"}, secure, preview).run()


def _stop(_server: Any) -> None:
    raise KeyboardInterrupt
