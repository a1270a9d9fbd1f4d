"""Work in the background: what takes longer than a page may, with progress, and taken up again after a crash.

Each kind of work is a function in a file beside this one, which is imported below.
"""

from surveyapp.working import (  # noqa: F401 (they register their kinds)
    audits,
    exports,
    imports,
    letters,
    openings,
    resets,
    tray,
)
from surveyapp.working.queue import (
    KINDS,
    GivenBack,
    Kind,
    Stopped,
    Task,
    ask,
    file_of,
    found,
    kind,
    listed,
    run_next,
    run_waiting,
    take_back,
    throw_away,
    work,
)

__all__ = [
    "KINDS",
    "GivenBack",
    "Kind",
    "Stopped",
    "Task",
    "ask",
    "file_of",
    "found",
    "kind",
    "listed",
    "run_next",
    "run_waiting",
    "take_back",
    "throw_away",
    "work",
]
