"""What a process does before it is killed: plain functions that run in a child, and the place where it dies.

A child is started from a server process that has imported everything already, so that thirty deaths take a
second. It dies by SIGKILL: no handler runs, nothing is tidied up.
"""

import contextlib
import multiprocessing
import os
import resource
import signal
import threading
import time
from collections.abc import Callable
from datetime import date
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event

from surveyapp import collecting, reporting
from surveyapp.problems import AlreadyReceived, SurveyError
from surveyapp.storage.database import Database, connect
from tests.makers import PEPPER, TODAY, as_form, make_answers, opened

_PROCESSES = multiprocessing.get_context("forkserver")
_PROCESSES.set_forkserver_preload(
    [__name__, "pytest", "scipy.optimize", "tests.faults.jobs", "tests.faults.careless_jobs"]
)

SUBMIT_STEPS = {
    "before the invitation is marked": ("before", "UPDATE invitation"),
    "after the invitation is marked": ("after", "UPDATE invitation"),
    "after the box is in the tray": ("after", "INSERT INTO tray"),
    "after the draft is erased": ("after", "DELETE FROM draft"),
    "before the commit": ("before", "COMMIT"),
    "after the commit": ("after", "COMMIT"),
}
RELEASE_STEPS = {
    "before the boxes are deleted": ("before", "DELETE FROM tray"),
    "after the boxes are deleted": ("after", "DELETE FROM tray"),
    "after the responses are stored": ("after", "INSERT INTO response"),
    "before the commit": ("before", "COMMIT"),
    "after the commit, before the file is written anew": ("after", "COMMIT"),
}
"""Where it dies: before or after which statement."""


def started(target: Callable[..., None], *args: Any) -> BaseProcess:
    """A child that runs `target`."""
    child = _PROCESSES.Process(target=target, args=args)
    child.start()
    return child


def pipe() -> tuple[Any, Any]:
    """Two ends: one to hear by, one for a child to tell by."""
    return _PROCESSES.Pipe(duplex=False)


def killed_at(step: tuple[str, str], target: Callable[..., None], *args: Any) -> None:
    """Run `target` in a child that kills itself at `step`; fails if it lives to the end."""
    child = started(_dying, step, target, *args)
    child.join(30)
    assert child.exitcode == -signal.SIGKILL, f"the child ended with {child.exitcode}, not at {step}"


def killed_after(seconds: float, target: Callable[..., None], *args: Any) -> int | None:
    """Run `target` in a child and kill it some time after it is ready; its exit code."""
    ready, go = _PROCESSES.Pipe(duplex=False)
    child = started(_announcing, go, target, *args)
    go.close()  # or a child that cannot even begin would be waited for without end
    ready.recv()
    time.sleep(seconds)
    child.kill()
    child.join(30)
    return child.exitcode


def submit_once(path: Path, code: str, told: Path) -> None:
    """Enter, send, and only then tell the respondent "received"."""
    submit_with_answers(path, code, None, told)


def submit_with_answers(path: Path, code: str, answers: dict[str, Any] | None, told: Path) -> None:
    """Enter, save the whole questionnaire if there is one, send, tell."""
    db = connect(path)
    visit = collecting.enter(db, PEPPER, code, TODAY)
    if answers is not None:
        collecting.save_all(db, visit, as_form(answers), TODAY)
    collecting.submit(db, visit, TODAY)
    _tell(told, code)


def save_once(path: Path, code: str, answers: dict[str, Any], told: Path) -> None:
    """Enter, save page 1, tell the respondent "saved"."""
    db = connect(path)
    visit = collecting.enter(db, PEPPER, code, TODAY)
    collecting.save_page(db, visit, "p1", opened(db, visit, "p1", answers), TODAY)
    _tell(told, code)


def open_once(path: Path, wave: str, key: bytes) -> None:
    """Open the tray."""
    reporting.open_tray(connect(path), wave, key)


def write_anew(path: Path) -> None:
    """VACUUM."""
    connect(path).vacuum()


def start(path: Path) -> None:
    """Open the store, as every process does at its start."""
    connect(path)


def migrate(path: Path) -> None:
    """Bring the database to the newest schema."""
    connect(path, older=True)


def submit_in_turn(path: Path, codes: list[str], told: Path) -> None:
    """Several respondents one after the other, each leaving the code as a mark; others do the same elsewhere."""
    for code in codes:
        submit_with_answers(path, code, make_answers(issues=code), told)


def meeting(processes: int) -> Any:
    """Where processes wait for each other."""
    return _PROCESSES.Barrier(processes)


def many_submits(path: Path, code: str, threads: int, told: Path, together: Any) -> None:
    """The same code sent from many threads at once; each says how it went."""
    db = connect(path)
    visit = collecting.enter(db, PEPPER, code, TODAY)
    together.wait(30)
    at_once = threading.Barrier(threads)
    senders = [threading.Thread(target=_one_of_many, args=(db, visit, at_once, told)) for _ in range(threads)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()


def many_migrations(path: Path, told: Path) -> None:
    """Open the database, and say how it went."""
    try:
        connect(path)
        _tell(told, "migrated")
    except Exception as error:  # noqa: BLE001 (whatever it was, the test must see it)
        _tell(told, repr(error))


def with_a_full_disk(room: int, target: Callable[..., None], told: Path, *args: Any) -> None:
    """Run `target` where no file may grow beyond `room` bytes, and say what it raised."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, resource.RLIM_INFINITY))
    try:
        target(*args)
        _tell_anyway(told, "done")
    except SurveyError as error:
        _tell_anyway(told, f"{type(error).__name__}: {error}")
    except BaseException as error:  # noqa: BLE001 (whatever it was, the test must see it)
        _tell_anyway(told, f"CRASH {error!r}")


def _one_of_many(db: Database, visit: collecting.Visit, at_once: threading.Barrier, told: Path) -> None:
    at_once.wait()
    try:
        collecting.submit(db, visit, date(2012, 1, 17))
        _tell(told, "received")
    except AlreadyReceived:
        _tell(told, "already")
    except Exception as error:  # noqa: BLE001 (whatever it was, the test must see it)
        _tell(told, repr(error))


def _announcing(go: Any, target: Callable[..., None], *args: Any) -> None:
    go.send(True)
    target(*args)


def _dying(step: tuple[str, str], target: Callable[..., None], *args: Any) -> None:
    when, words = step
    if words == "COMMIT":
        _die_at_commit(when)
    else:
        event.listen(sa.Engine, f"{when}_cursor_execute", _die_at(words))
    target(*args)


def _die_at(words: str) -> Callable[..., None]:
    def die(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if words in statement:
            os.kill(os.getpid(), signal.SIGKILL)

    return die


def _die_at_commit(when: str) -> None:
    """Commits of reading transactions do not count; the store itself says which has written."""
    for place in ("sqlite://", "postgresql+psycopg://"):
        _die_at_commit_of(type(sa.create_engine(place).dialect), when)


def _has_written(connection: Any) -> bool:
    if hasattr(connection, "total_changes"):
        return bool(connection.total_changes > 0)
    (number,) = connection.driver_connection.execute("SELECT pg_current_xact_id_if_assigned()").fetchone()
    return number is not None


def _die_at_commit_of(dialect: Any, when: str) -> None:
    do_commit = dialect.do_commit

    def commit(self: Any, connection: Any) -> None:
        written = _has_written(connection)
        if written and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        do_commit(self, connection)
        if written:
            os.kill(os.getpid(), signal.SIGKILL)

    dialect.do_commit = commit


def _tell(told: Path, what: str) -> None:
    """One whole line, appended by one system call: what the respondent reads."""
    handle = os.open(told, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(handle, f"{what}\n".encode())
    os.close(handle)


def _tell_anyway(told: Path, what: str) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    with contextlib.suppress(OSError):
        _tell(told, what)
