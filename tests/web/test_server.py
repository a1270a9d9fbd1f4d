"""How the site is served: no log of requests, and no patience with those who stall."""

import socket
import time
from types import SimpleNamespace

import pytest

from surveyapp.web import server


def test_no_request_is_logged():
    assert server.OPTIONS["accesslog"] is None
    assert server.OPTIONS["loglevel"] == "error"


def test_a_request_that_stalls_gives_its_thread_back(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(server, "PATIENCE", 1)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server.OPTIONS["when_ready"](SimpleNamespace(LISTENERS=[SimpleNamespace(sock=listener)]))
        with socket.create_connection(listener.getsockname()) as client:
            accepted, _ = listener.accept()
            with accepted:
                accepted.setblocking(True)  # as gunicorn does before it reads
                client.sendall(b"POST /ans")
                assert accepted.recv(100) == b"POST /ans"
                began = time.monotonic()
                with pytest.raises(BlockingIOError):
                    accepted.recv(100)
                assert time.monotonic() - began < 3
