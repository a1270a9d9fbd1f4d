"""Fixtures that many tests share: an empty database, an installation."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

import surveyapp.export  # noqa: F401 (before any test reads a workbook: it settles which XML library openpyxl uses)
from surveyapp.config import Home
from surveyapp.storage.database import Database
from tests.makers import make_database, make_home

# Timings are benchmarks and never fail a test. On a change's way in, the same examples are drawn each time; at the
# desk they are new at each run, which is where they should find something.
settings.register_profile("house", deadline=None)
settings.register_profile("gate", deadline=None, derandomize=True)
settings.load_profile("gate" if os.environ.get("CI") else "house")


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    """A migrated, empty database in a file of its own."""
    database = make_database(tmp_path)
    yield database
    database.close()


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """An installation in an empty folder."""
    return make_home(tmp_path)
