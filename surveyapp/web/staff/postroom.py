"""Letters to staff that nobody waits for: sent one after the other, behind the pages.

A page that answers before its letter is written takes as long for an address that nobody has. What is not sent
when the process ends a worker sends (`working.resets`).
"""

import logging
from collections.abc import Callable
from queue import Full, Queue
from threading import Lock, Thread

from surveyapp.problems import SurveyError
from surveyapp.web import safety

MOST_WAITING = 100

log = logging.getLogger("surveyapp.staff")
"""Event names only, as in the log of the respondents' pages."""


class PostRoom:
    """A queue and the one thread that works it off; it begins with the first letter, where pages are served."""

    def __init__(self) -> None:
        self._waiting: Queue[Callable[[], object]] = Queue(MOST_WAITING)
        self._lock = Lock()
        self._thread: Thread | None = None

    def put(self, work: Callable[[], object]) -> None:
        """Do this soon. Where too much waits already it is left to a worker, and the log says so."""
        with self._lock:
            if self._thread is None:
                self._thread = Thread(target=self._work, daemon=True, name="letters to staff")
                self._thread.start()
        try:
            self._waiting.put_nowait(work)
        except Full:
            log.error("letters to staff: too many wait")

    def wait(self) -> None:
        """Wait until nothing waits."""
        self._waiting.join()

    def _work(self) -> None:
        while True:
            self._do(self._waiting.get())

    def _do(self, work: Callable[[], object]) -> None:
        try:
            work()
        except SurveyError as error:
            log.error("letters to staff: %s", type(error).__name__)
        except Exception as error:  # noqa: BLE001 (one letter must not end the thread)
            safety.log_fault(error, log)
        finally:
            self._waiting.task_done()
