"""Workers in processes of their own: several at once, and one that is killed at work."""

import os
import signal
import time
from pathlib import Path
from typing import Any

from surveyapp import working
from surveyapp.config import Home
from surveyapp.storage.database import connect
from surveyapp.working import Task
from tests.faults import victims
from tests.makers import TODAY


def together(workers: int, place: Any, home: Home, told: Path) -> None:
    """So many workers begin at once, and end when no job waits; each job is told by its wave."""
    start = victims.meeting(workers)
    children = [victims.started(_work, place, home, told, start) for _ in range(workers)]
    for child in children:
        child.join(60)
        assert child.exitcode == 0


def _work(place: Any, home: Home, told: Path, start: Any) -> None:
    def tell(task: Task) -> str:
        with told.open("a") as file:
            file.write(f"{task.job.wave}\n")
        return ""

    working.kind("told", "Tells", "analyst")(tell)
    db = connect(place)
    start.wait(30)
    working.run_waiting(db, home, TODAY, lambda: 1_326_700_000)


def killed_at_work(place: Any, home: Home, begun: Path, at: int) -> None:
    """A worker takes a job, writes half of its file, and is killed by SIGKILL."""
    child = victims.started(_begin, place, home, begun, at)
    deadline = time.monotonic() + 30
    while not begun.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert child.pid
    os.kill(child.pid, signal.SIGKILL)
    child.join(30)
    assert child.exitcode == -signal.SIGKILL


def _begin(place: Any, home: Home, begun: Path, at: int) -> None:
    def works(task: Task) -> str:
        task.place("half.txt").write_text("half")
        task.tell("half way", 1, 2)
        begun.touch()
        time.sleep(60)
        return ""

    working.kind("deadly", "Kills", "analyst")(works)
    working.run_next(connect(place), home, TODAY, lambda: at)
