"""Which store an installation has."""

from pathlib import Path

import pytest

from surveyapp.config import Home, home


def test_an_installation_has_a_file_unless_an_address_is_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("SURVEYAPP_DATABASE_URL", raising=False)
    assert home(str(tmp_path)).store == tmp_path / "surveyapp.db"
    monkeypatch.setenv("SURVEYAPP_DATABASE_URL", "postgresql+psycopg://a:secret@b/c")
    served = home(str(tmp_path))
    assert served.store == "postgresql+psycopg://a:secret@b/c"
    assert served.keys == tmp_path / "keys"
    assert "secret" not in repr(served)


def test_an_installation_made_for_the_moment_has_a_file_whatever_is_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """A preview and the demonstration are erased in the end: never anything on a server."""
    monkeypatch.setenv("SURVEYAPP_DATABASE_URL", "postgresql+psycopg://a@b/c")
    assert Home(tmp_path).store == tmp_path / "surveyapp.db"
