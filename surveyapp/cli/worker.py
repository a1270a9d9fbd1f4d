"""`worker`: does the jobs that staff ask for, alone or beside the web server that started it."""

import logging
import os
import signal
import subprocess  # nosec B404
import sys
import threading
import time
from types import FrameType
from typing import Any

import click

from surveyapp.cli.shared import count, database, now, today
from surveyapp.config import Home, surroundings

RESTART = 2
"""Seconds until a worker that died is started again."""

PATIENCE = 10
"""Seconds that a worker beside a server has to end in; the job that it was at is taken up again later."""


@click.command()
@click.option("--once", is_flag=True, help="Do what waits, and end.")
@click.option("--beside", type=int, hidden=True, help="End with the process of this number.")
@click.pass_obj
def worker(home: Home, once: bool, beside: int | None) -> None:
    """Do the jobs that staff ask for, until it is told to end (SIGTERM, Ctrl-C)."""
    from surveyapp import working

    os.umask(0o077)
    db = database(home)
    if once:
        click.echo(f"{count(working.run_waiting(db, home, today(), now), 'job')} done")
        return
    ending = _Ending(beside)
    logging.basicConfig(format="surveyapp worker: %(message)s", level=logging.INFO)
    if beside is None:
        click.echo("Waiting for jobs; stop with Ctrl-C.")
        sys.stdout.flush()
    working.work(db, home, today, now, ending)


class _Ending:
    """Whether to end: it was asked for by a signal, or the process beside which this one works is no more.

    A job at work is given back at its next step, and waits for another worker.
    """

    def __init__(self, beside: int | None) -> None:
        self.beside = beside
        self.asked = False
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._ask)

    def _ask(self, _number: int, _frame: FrameType | None) -> None:
        self.asked = True

    def __call__(self, seconds: float) -> bool:
        """Whether to end, looked at once more after so many seconds."""
        if not self._over() and seconds:
            time.sleep(seconds)
        return self._over()

    def _over(self) -> bool:
        return self.asked or (self.beside is not None and os.getppid() != self.beside)


class Beside:
    """A worker beside this process, started again if it dies; it ends with the block, or with this process."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.ended = threading.Event()
        self.process: subprocess.Popen[bytes] | None = None
        self.thread = threading.Thread(target=self._keep, name="keeper", daemon=True)

    def __enter__(self) -> None:
        self.thread.start()

    def _keep(self) -> None:
        programme = "from surveyapp.cli import main; main()"
        command = [sys.executable, "-c", programme, "worker", "--beside", str(os.getpid())]
        while not self.ended.is_set():
            # The command is ours, word for word.
            self.process = subprocess.Popen(command, env=surroundings(self.home))  # noqa: S603  # nosec B603
            self.process.wait()
            self.ended.wait(RESTART)

    def __exit__(self, *_: Any) -> None:
        self.ended.set()
        patient_until = time.monotonic() + PATIENCE
        while self.thread.is_alive():
            if self.process:
                end = self.process.terminate if time.monotonic() < patient_until else self.process.kill
                end()
            self.thread.join(0.2)
