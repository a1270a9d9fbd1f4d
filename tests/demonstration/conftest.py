"""One demonstration for all tests of this folder."""

from datetime import date
from pathlib import Path

import pytest

from surveyapp import demonstration
from surveyapp.config import Home


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of a finished demonstration, with the two more waves."""
    home = Home(tmp_path_factory.mktemp("demonstration"))
    demonstration.build(home, date(2026, 1, 1), lambda what, done, of: None, more=True)
    return home.path
