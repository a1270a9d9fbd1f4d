"""The site as it is deployed, with a day that the soak decides, and everything that can befall its processes.

`python -m tests.soak.serving serve DAY PORT` is `surveyapp serve --no-worker` and `… work DAY BEGUN` is `surveyapp
worker`, on the installation that the settings name, but for two things. The day stands in a file; and since it is
over in two seconds, a job is thought lost after some seconds too, in place of a minute.
"""

import logging
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import date
from pathlib import Path
from types import FrameType
from typing import Any

from surveyapp import config, working
from surveyapp.config import Home, surroundings
from surveyapp.problems import SurveyError
from surveyapp.storage.database import connect
from surveyapp.web import server
from surveyapp.web.staff import create_site
from surveyapp.working import queue, tray
from surveyapp.working.queue import GivenBack, Task

LEASE, BEAT, DOUBT = 3, 1, 2
"""Seconds, in place of those of `working.queue`: how long a worker has a job, prolongs it, and is waited for."""


class Node:
    """One gunicorn with its workers, and beside it a job worker if it `works`, which can be killed and started."""

    def __init__(self, home: Home, day: Path, log: Path, works: bool = False) -> None:
        self.home, self.day, self.log, self.works = home, day, log, works
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = int(free.getsockname()[1])
        self.master: subprocess.Popen[bytes] | None = None
        self.worker: subprocess.Popen[bytes] | None = None
        self.begun = log.with_name("begun")
        """A line for each job that the worker has begun or given back: its id, and which try it is."""

    def start(self) -> None:
        """Start it; when this returns the port is open."""
        self.master = self._started("serve", self.port)
        if self.works:
            self.worker = self._started("work", self.begun)
        for _ in range(600):
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return
            time.sleep(0.1)
        raise AssertionError(f"the site does not answer:\n{self.log.read_text()}")

    def _started(self, what: str, *more: object) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", __name__, what, str(self.day), *map(str, more)]
        with self.log.open("ab") as log:
            return subprocess.Popen(
                command, stdout=log, stderr=log, start_new_session=True, env=surroundings(self.home)
            )

    @property
    def processes(self) -> list[int]:
        """The master, then its workers, then the job worker."""
        return [*self._serving, *([self.worker.pid] if self.worker else [])]

    @property
    def _serving(self) -> list[int]:
        assert self.master is not None
        from tests.bench.web import children  # here, for what it loads no server has when it begins

        return [self.master.pid, *children(self.master.pid)]

    def kill_a_worker(self, chance: random.Random) -> None:
        """SIGKILL, as from a system without memory; gunicorn starts another."""
        if workers := self._serving[1:]:
            with suppress(ProcessLookupError):
                os.kill(chance.choice(workers), signal.SIGKILL)

    def kill_the_job_worker(self) -> None:
        """SIGKILL; whoever looks after the worker starts another."""
        assert self.worker is not None
        self.worker.kill()
        self.worker.wait(60)
        self.worker = self._started("work", self.begun)

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
        for process in self._mine:
            process.terminate()
        for process in self._mine:
            process.wait(60)

    def lose_power(self) -> None:
        """All its processes at once, then started again."""
        self.end()
        self.start()

    def end(self) -> None:
        """Leave no process of it."""
        for process in self._mine:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        for process in self._mine:
            process.wait(60)

    @property
    def _mine(self) -> list["subprocess.Popen[bytes]"]:
        return [process for process in (self.master, self.worker) if process is not None]


# ── the processes themselves ─────────────────────────────────────────────────


def main(what: str, day: str, more: str) -> None:
    """Serve, or work, until stopped."""
    queue.LEASE, queue.BEAT, queue.DOUBT, tray.DOUBT = LEASE, BEAT, DOUBT, DOUBT
    do: Callable[[Home, Callable[[], date], str], None] = {"serve": serve, "work": work}[what]
    do(config.home(), lambda: date.fromisoformat(Path(day).read_text()), more)


def serve(home: Home, today: Callable[[], date], port: str) -> None:
    """Serve the site."""
    server.load_once()
    server.run(lambda: _once_there(lambda: create_site(home, secure=False, today=today)), f"127.0.0.1:{port}")


def work(home: Home, today: Callable[[], date], begun: str) -> None:
    """Do the jobs of staff, and note each when it begins."""
    os.umask(0o077)
    logging.basicConfig(format="surveyapp worker: %(message)s", level=logging.INFO)
    ended = _Ended()
    for name, kind in working.KINDS.items():
        working.KINDS[name] = replace(kind, do=_noting(Path(begun), kind.do))
    db = _once_there(lambda: connect(home.store))
    working.work(db, home, today, lambda: int(time.time()), ended)


def _noting(begun: Path, do: Callable[[Task], str]) -> Callable[[Task], str]:
    def note(what: str, task: Task) -> None:
        with begun.open("a") as file:
            file.write(f"{what} {task.job.id.hex()} {task.job.tries}\n")

    def noted(task: Task) -> str:
        note("begun", task)
        try:
            return do(task)
        except GivenBack:
            note("back", task)
            raise

    return noted


def _once_there(make: Callable[[], Any]) -> Any:
    """What needs the store. A process that starts while it is away would end, and be started until it is there."""
    while True:
        try:
            return make()
        except SurveyError:
            time.sleep(0.2)


class _Ended:
    """Whether SIGTERM has come, looked at once more after so many seconds."""

    def __init__(self) -> None:
        self.asked = False
        signal.signal(signal.SIGTERM, self._ask)

    def _ask(self, _number: int, _frame: FrameType | None) -> None:
        self.asked = True

    def __call__(self, seconds: float) -> bool:
        if not self.asked and seconds:
            time.sleep(seconds)
        return self.asked


if __name__ == "__main__":
    main(*sys.argv[1:])
