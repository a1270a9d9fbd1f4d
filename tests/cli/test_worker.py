"""The worker: does what waits, ends when it is told to, and lives beside the server that started it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from surveyapp import working
from surveyapp.cli import main
from surveyapp.config import Home, surroundings
from surveyapp.roles import TERMINAL
from surveyapp.storage import jobs
from surveyapp.storage.database import Database, connect
from surveyapp.storage.jobs import Job
from tests.makers import TODAY, make_all_types, make_wave

COMMAND = "from surveyapp.cli import main; main()"
SLOW = """
import time
from surveyapp import working
from surveyapp.cli import main

@working.kind("slow", "Slow", "analyst")
def slow(task):
    for step in range(1000):
        task.tell("working", step, 1000)
        time.sleep(0.05)
    return ""

main()
"""
"""A worker that knows one kind more, which takes a minute."""


@pytest.fixture
def store(home: Home) -> Iterator[Database]:
    db = connect(home.store)
    yield db
    db.close()


def started(home: Home, code: str = COMMAND, *more: str) -> "subprocess.Popen[str]":
    """A worker in a process of its own."""
    command = [sys.executable, "-c", code, "worker", *more]
    return subprocess.Popen(
        command, env=surroundings(home), text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def until(holds: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.05)


def waiting(db: Database, kind: str) -> Job:
    job = Job(os.urandom(16), kind, "tiny", "tiny-1", TERMINAL, {"format": "csv"}, at=1)
    with db.transaction() as connection:
        jobs.add(connection, job)
    return job


def state(db: Database, job: Job) -> str:
    return working.found(db, "tiny", job.id).state


def test_once_does_what_waits_and_ends(store: Database, home: Home) -> None:
    make_wave(store, document=make_all_types())
    job = waiting(store, "export-microdata")
    done = CliRunner().invoke(main, ["--home", str(home.path), "worker", "--once"])
    assert (done.exit_code, done.output) == (0, "1 job done\n")
    assert working.found(store, "tiny", job.id).said == (
        "no answers of tiny-1 have been released yet; close the wave and open the tray"
    )


def test_a_worker_told_to_end_gives_its_job_back(store: Database, home: Home) -> None:
    job = waiting(store, "slow")
    worker = started(home, SLOW)
    until(lambda: working.found(store, "tiny", job.id).done > 1)
    worker.send_signal(signal.SIGTERM)
    out, err = worker.communicate(timeout=20)
    assert (worker.returncode, out) == (0, "Waiting for jobs; stop with Ctrl-C.\n")
    assert "job slow waiting" in err
    known = working.found(store, "tiny", job.id)
    assert (known.state, known.tries, known.done) == ("waiting", 0, 0)


def test_a_worker_that_waits_ends_at_once(store: Database, home: Home) -> None:
    worker = started(home)
    assert worker.stdout
    assert worker.stdout.readline().startswith("Waiting")
    worker.send_signal(signal.SIGINT)
    worker.communicate(timeout=10)
    assert worker.returncode == 0


def test_a_killed_worker_leaves_a_job_that_another_finds(store: Database, home: Home) -> None:
    job = waiting(store, "slow")
    worker = started(home, SLOW)
    until(lambda: state(store, job) == "running")
    worker.kill()
    worker.communicate(timeout=10)
    assert state(store, job) == "running"
    hours = iter(range(1, 20))
    for _ in range(2):
        done = working.run_next(store, home, TODAY, lambda: int(time.time()) + next(hours) * 3600)
    assert done is not None
    assert (done.tries, done.said) == (2, "this version of surveyapp knows no such work; update the worker")


def test_a_worker_beside_a_process_ends_with_it(home: Home, store: Database, tmp_path: Path) -> None:
    """A server that is killed cannot tell its worker anything."""
    code = f"""
import time
from pathlib import Path
from surveyapp.cli.worker import Beside
from surveyapp.config import Home
beside = Beside(Home(Path({str(home.path)!r})))
beside.__enter__()
while beside.process is None:
    time.sleep(0.05)
Path({str(tmp_path / "pid")!r}).write_text(str(beside.process.pid))
time.sleep(60)
"""
    server = subprocess.Popen([sys.executable, "-c", code])
    until((tmp_path / "pid").exists)
    worker = int((tmp_path / "pid").read_text())
    assert _lives(worker)
    server.kill()
    server.wait()
    until(lambda: not _lives(worker))


def test_a_worker_beside_a_process_is_started_again(home: Home, store: Database) -> None:
    from surveyapp.cli.worker import Beside

    beside = Beside(home)
    with beside:
        until(lambda: beside.process is not None)
        first = beside.process
        assert first
        first.kill()
        until(lambda: beside.process is not first)
        second = beside.process
        assert second
    assert second.poll() is not None, "it ends with the block"


def _lives(pid: int) -> bool:
    """Whether a process works; one that has ended and was not missed yet does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
