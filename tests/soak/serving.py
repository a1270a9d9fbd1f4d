"""The site as it is deployed, with a day that the soak decides, and everything that can befall its processes.

`python -m tests.soak.serving HOME PORT DAY` is `surveyapp serve` but for the day, which stands in a file.
"""

import os
import random
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from datetime import date
from pathlib import Path

from surveyapp.config import Home
from surveyapp.web import server
from surveyapp.web.staff import create_site
from tests.bench.web import children


class Node:
    """One gunicorn with its workers, which can be killed, reloaded and started again at its port."""

    def __init__(self, home: Home, day: Path, log: Path) -> None:
        self.home, self.day, self.log = home, day, log
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = int(free.getsockname()[1])
        self.master: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; when this returns the port is open."""
        command = [sys.executable, "-m", __name__, str(self.home.path), str(self.port), str(self.day)]
        with self.log.open("ab") as log:
            self.master = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        for _ in range(600):
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return
            time.sleep(0.1)
        raise AssertionError(f"the site does not answer:\n{self.log.read_text()}")

    @property
    def processes(self) -> list[int]:
        """The master, then its workers."""
        assert self.master is not None
        return [self.master.pid, *children(self.master.pid)]

    def kill_a_worker(self, chance: random.Random) -> None:
        """SIGKILL, as from a system without memory; gunicorn starts another."""
        if workers := self.processes[1:]:
            with suppress(ProcessLookupError):
                os.kill(chance.choice(workers), signal.SIGKILL)

    def reload(self) -> None:
        """New workers in place of the old, which finish what they are at."""
        assert self.master is not None
        self.master.send_signal(signal.SIGHUP)

    def restart(self) -> None:
        """As `systemctl restart` does it."""
        self.stop()
        self.start()

    def stop(self) -> None:
        """End it, in good order."""
        assert self.master is not None
        self.master.terminate()
        self.master.wait(60)

    def lose_power(self) -> None:
        """All its processes at once, then started again."""
        self.end()
        self.start()

    def end(self) -> None:
        """Leave no process of it."""
        if self.master is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.master.pid, signal.SIGKILL)
            self.master.wait(60)


def main(home: str, port: str, day: str) -> None:
    """Serve until stopped."""
    installation = Home(Path(home))

    def today() -> date:
        return date.fromisoformat(Path(day).read_text())

    server.load_once()
    server.run(lambda: create_site(installation, secure=False, today=today), f"127.0.0.1:{port}")


if __name__ == "__main__":
    main(*sys.argv[1:])
