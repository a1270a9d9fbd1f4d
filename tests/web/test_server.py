"""How the site is served: no log of requests, and no patience with those who stall."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
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


# ── a real server, and clients that are no browsers ──────────────────────────

POST = (
    "POST /answer HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nConnection: close\r\n"
)
CHUNKED = f"{POST}Transfer-Encoding: chunked\r\n\r\n"
CHUNK = f"{65_536:x}\r\n{'x' * 65_536}\r\n"


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """`surveyapp serve` on a free port; nothing but its address is ever printed."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    home, log = tmp_path_factory.mktemp("served"), tmp_path_factory.mktemp("log") / "log"
    command = [str(Path(sys.executable).parent / "surveyapp"), "--home", str(home), "serve", "--port", str(port)]
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, env={**os.environ})
    _wait_for(port)
    yield port
    process.send_signal(signal.SIGTERM)
    process.wait(30)
    assert "CANARY" not in log.read_text()
    assert "127.0.0.1 " not in log.read_text().partition("stop with Ctrl-C")[2]


def _wait_for(port: int) -> None:
    for _ in range(600):
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise AssertionError("the server did not start")


def _answer(port: int, request: str) -> str:
    with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
        with suppress(OSError):  # it may answer before it has read everything, and close
            client.sendall(request.encode())
        received = b""
        with suppress(OSError):
            while more := client.recv(65_536):
                received += more
    return received.decode()


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (f"{POST}Content-Length: 10000000\r\n\r\n{'x' * 1_000_000}", 413),
        (f"{CHUNKED}{CHUNK * 20}0\r\n\r\n", 413),
        (f"{CHUNKED}zz\r\nCANARY", 400),
        (f"{POST}Content-Length: CANARY\r\n\r\n", 400),
        (f"{POST}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        ("CANARY\r\n\r\n", 400),
        (f"GET /CANARY{'a' * 10_000} HTTP/1.1\r\nHost: x\r\n\r\n", 414),
        (f"GET / HTTP/1.1\r\nHost: x\r\nX: {'a' * 100_000}\r\n\r\n", 431),
    ],
    ids=[
        "long",
        "long in chunks",
        "broken chunk",
        "no length",
        "two lengths",
        "no request",
        "long line",
        "long header",
    ],
)
def test_what_no_browser_sends_gets_a_page_of_ours_with_our_headers(port: int, request_: str, status: int):
    head, _, body = _answer(port, request_).partition("\r\n\r\n")
    assert head.startswith(f"HTTP/1.1 {status} ")
    for header in ("Content-Security-Policy: default-src 'none'", "Cache-Control: no-store", "nosniff"):
        assert header in head
    assert "<h1" in body
    assert "CANARY" not in body
    assert 'href="/"' in body


def test_a_body_in_chunks_is_read_whole(port: int):
    answer = _answer(port, f"{CHUNKED}6\r\ncode=x\r\n0\r\n\r\n")
    assert answer.startswith("HTTP/1.1 400 ")
    assert "Your visit has timed out" in answer


def test_a_worker_starts_without_the_libraries_of_tables_and_workbooks():
    ask = "import sys, surveyapp.web; print({'numpy', 'pandas', 'openpyxl', 'docx'} & set(sys.modules) or 'none')"
    assert subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True).stdout == "none\n"


def test_tables_take_their_memory_from_where_all_do():
    """A heap of pyarrow's own grows by two megabytes at a time, for an hour and more."""
    ask = (
        "from surveyapp.web import server; server.load_once(); "
        "import pyarrow; print(pyarrow.default_memory_pool().backend_name)"
    )
    assert subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True).stdout == "system\n"
