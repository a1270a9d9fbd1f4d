"""Fixtures that many tests share: an empty database, an installation."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from surveyapp.config import Home
from surveyapp.storage.database import Database
from tests.makers import make_database, make_home


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
