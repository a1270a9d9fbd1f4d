"""Engines that count the responses of a large wave where they lie: in Parquet parts on a disk.

Each is a `surveyapp.analysis.grouping.Engine` and all answer alike: `embedded` is DuckDB in this process,
`distributed` is Dask on a cluster or on this machine. Neither is needed for small waves; both come with the extra
packages `scale`.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from importlib.util import find_spec
from pathlib import Path

from surveyapp.analysis.grouping import Engine
from surveyapp.problems import SurveyError

Opener = Callable[[Sequence[Path]], AbstractContextManager[Engine]]
"""Opens an engine over the parts of a wave."""

PACKAGES = {"duckdb": "duckdb", "dask": "distributed"}
"""The engines by name, and what each needs."""


def opener(name: str, scheduler: str | None = None) -> Opener:
    """The engine of a name; `scheduler` is the address of a Dask cluster, else one is made on this machine.

    Raises `SurveyError` with what to install.
    """
    if not installed(name):
        raise SurveyError(
            f"the engine {name} is not installed here; install it with: pip install 'surveyapp[scale]' "
            "(in a checkout: pip install -e '.[scale]')"
        )
    if name == "duckdb":
        from surveyapp.engines import embedded

        return embedded.opened
    from surveyapp.engines import distributed

    return lambda parts: distributed.opened(parts, scheduler)


def installed(name: str) -> bool:
    """Whether an engine can be used here."""
    return find_spec(PACKAGES[name]) is not None
