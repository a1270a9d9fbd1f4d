"""What a real server leaves behind of those who came: nothing in its log, nothing in the temporary folder."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.web.test_server import POST, _answer, _wait_for

CODE = "7K4QX-9M2PB-0WDTE-HR63Y"
BROWSER = f"User-Agent: CANARY-browser\r\nX-Forwarded-For: 192.0.2.17\r\nCookie: answer={CODE}"


@dataclass
class Served:
    """A server of its own: its port, its folders, its process and its log."""

    port: int
    home: Path
    temporary: Path
    process: "subprocess.Popen[bytes]"
    log: Path

    def ask(self, request: str) -> str:
        """The answer to a request of a browser that would be known again."""
        return _answer(self.port, request.replace("Host: x", f"Host: x\r\n{BROWSER}", 1))

    @property
    def held(self) -> set[str]:
        """Files in the temporary folder, those too that have no name any more and are only held open."""
        pids = subprocess.run(
            ["pgrep", "-P", str(self.process.pid)], capture_output=True, text=True, check=False
        ).stdout.split()
        held = {str(path) for path in self.temporary.rglob("*")}
        for pid in pids:
            for handle in Path(f"/proc/{pid}/fd").iterdir():
                target = str(handle.readlink())
                held |= {f"{pid} {target}"} if str(self.temporary) in target else set()
        return {name for name in held if "/wgunicorn-" not in name}  # by which a worker shows that it lives


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    home, temporary, log = tmp_path / "home", tmp_path / "temporary", tmp_path / "log"
    temporary.mkdir()
    command = [str(Path(sys.executable).parent / "surveyapp"), "--home", str(home), "serve", "--port", str(port)]
    with log.open("wb") as out:
        environment = {**os.environ, "TMPDIR": str(temporary)}
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, env=environment)
    _wait_for(port)
    yield Served(port, home, temporary, process, log)
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def test_no_refusal_and_no_fault_leaves_a_trace_of_anybody_in_the_log(served: Served):
    assert served.ask(f"{POST}Content-Length: 28\r\n\r\ncode={CODE}").startswith("HTTP/1.1 400")
    assert served.ask("GET /CANARY HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").startswith("HTTP/1.1 404")
    assert served.ask(f"{POST}Content-Length: 900000\r\n\r\nCANARY").startswith("HTTP/1.1 413")
    assert served.ask(f"GET /{'CANARY' * 2000} HTTP/1.1\r\nHost: x\r\n\r\n").startswith("HTTP/1.1 414")
    (served.home / "surveyapp.db").write_bytes(b"CANARY, no database " * 1000)
    fault = served.ask("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert re.match(r"HTTP/1.1 50[03]", fault)
    served.process.send_signal(signal.SIGTERM)
    served.process.wait(30)
    log = served.log.read_text().partition("stop with Ctrl-C")[2]
    assert "fault" in log, "something is logged, or this proves nothing"
    for trace in ("CANARY", CODE, CODE.replace("-", ""), "127.0.0.1", "192.0.2.17", "GET", "POST", "900000"):
        assert trace not in log


def test_a_long_post_is_kept_in_memory(served: Served):
    boundary = "B0UNDARY"
    body = f'--{boundary}\r\nContent-Disposition: form-data; name="f"; filename="a"\r\n\r\n{"CANARY " * 55_000}'
    end = f"\r\n--{boundary}--\r\n"
    head = (
        f"POST /answer HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        f"Content-Type: multipart/form-data; boundary={boundary}\r\nContent-Length: {len(body) + len(end)}\r\n\r\n"
    )
    assert 380_000 < len(body) < 400_000
    before = served.held
    with socket.create_connection(("127.0.0.1", served.port), timeout=20) as client:
        client.sendall((head + body).encode())
        assert served.held == before
        client.sendall(end.encode())
        assert client.recv(12) == b"HTTP/1.1 400"
        assert served.held == before
