"""Fixtures that many tests share: an empty database, an installation."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

import surveyapp.export  # noqa: F401 (before any test reads a workbook: it settles which XML library openpyxl uses)
from surveyapp.config import Home
from surveyapp.storage.database import Database
from surveyapp.storage.postgres import Postgres
from tests import server as private
from tests.makers import make_database, make_home

# Timings are benchmarks and never fail a test. On a change's way in, the same examples are drawn each time; at the
# desk they are new at each run, which is where they should find something.
settings.register_profile("house", deadline=None)
settings.register_profile("gate", deadline=None, derandomize=True)
settings.load_profile("gate" if os.environ.get("CI") else "house")


RETRIED = {"browser", "cli", "demonstration", "engines", "staff", "storage", "web"}
"""Tests with processes, signals, servers and locks, which a busy machine can upset, have a second try; the closing
line counts it. What computes has one, and so have the attacks in `dump` and the kills in `faults`."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give the second try."""
    for item in items:
        if item.path.relative_to(Path(__file__).parent).parts[0] in RETRIED:
            item.add_marker(pytest.mark.flaky(reruns=1))


STORES = ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that is marked `stores` runs once on each store, unless it looks at the file of one."""
    marked = metafunc.definition.get_closest_marker
    if "db" in metafunc.fixturenames and marked("stores") and not marked("sqlite"):
        metafunc.parametrize("db", STORES, indirect=True)


@pytest.fixture(scope="session")
def server() -> Iterator[private.Server]:
    """A PostgreSQL of our own, for this process of tests."""
    with private.running() as running:
        yield running


@pytest.fixture
def postgres(server: private.Server) -> Iterator[Postgres]:
    """A migrated, empty database on it."""
    database = Postgres(server.emptied())
    yield database
    database.close()


@pytest.fixture
def db(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A migrated, empty database in a file of its own, or on the server where the test asks for that."""
    if getattr(request, "param", "sqlite") == "postgres":
        yield request.getfixturevalue("postgres")
        return
    database = make_database(tmp_path)
    yield database
    database.close()


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """An installation in an empty folder."""
    return make_home(tmp_path)
