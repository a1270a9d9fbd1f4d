"""A whole fieldwork by commands alone on PostgreSQL: every statement of the store is understood there too."""

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from surveyapp import privacy
from surveyapp.cli import main
from surveyapp.storage.postgres import Postgres
from tests.makers import make_all_types, make_answers, send
from tests.server import Server

pytestmark = pytest.mark.postgres


@pytest.fixture
def office(tmp_path: Path, postgres: Postgres, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with an installation on the server."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SURVEYAPP_HOME", "home")
    monkeypatch.setenv("SURVEYAPP_DATABASE_URL", postgres.place)
    return tmp_path


def done(*arguments: str) -> str:
    """What the command prints, which must succeed."""
    result = CliRunner().invoke(main, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_a_whole_fieldwork(
    office: Path, postgres: Postgres, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("tiny.json").write_text(json.dumps(make_all_types()))
    _write_frame(41)
    done("instrument", "publish", "tiny.json")
    opened = ("--instrument", "tiny@1", "--frame", "frame.csv", "--carry", "region", "--key", "safe/tiny.key")
    assert done("wave", "open", "tiny-1", *opened).startswith("tiny-1 is open: 41 organisations")
    headings = ("--address", "https://x.example", "--sender", "The office <office@example.org>")
    assert "41 letters" in done("invite", "tiny-1", *headings)
    codes = _codes()
    _write_frame(43)
    assert "2 new" in done("frame", "load", "tiny-1", "frame.csv", "--yes")
    assert "2 letters" in done("invite", "tiny-1")
    done("frame", "contact", "tiny-1", "U042", "--name", "Ann", "--email", "ann@example.org")
    done("wave", "mark", "tiny-1", "U041", "undeliverable")
    done("frame", "remove", "tiny-1", "U043", "--yes")
    done("letters", "code", "tiny-1", "U040", "--yes")
    done("wave", "pause", "tiny-1")
    done("wave", "resume", "tiny-1")
    done("wave", "settings", "tiny-1", "--service", "The survey", "--colour", "#1d70b8")
    pepper = privacy.new_secret()
    for unit in list(codes)[:30]:
        send(postgres, codes[unit], make_answers(), pepper=pepper)
    Path("paper.csv").write_text("org,kind,sources.a,region\nU031,yes,1,South\nU032,no,0,North\n")
    assert "2 returns" in done("responses", "load", "tiny-1", "paper.csv", "--unit-column", "org")
    assert "U0" in done("letters", "list", "tiny-1")
    done("remind", "tiny-1", "--now")
    assert json.loads(done("wave", "status", "tiny-1", "--json"))["received"] == 32
    assert "North" in done("rates", "tiny-1", "--by", "region")
    assert "released" in done("tray", "open", "tiny-1", "--key", "safe/tiny.key")
    assert re.search("sha256", done("backup", "--out", "copy.db"))
    done("wave", "close", "tiny-1")
    assert "0 stay in the tray" in done("tray", "open", "tiny-1", "--key", "safe/tiny.key")
    done("tables", "tiny-1", "--out", "tables.json")
    assert "0 fail" in done("audit-anonymity", "tiny-1")
    done("retention", "run", "--today", "2036-01-01")
    assert "erased" in done("retention", "show", "--today", "2036-01-01")
    assert done("db", "upgrade").startswith("postgresql+psycopg://surveyapp@")
    assert not list(Path("home").glob("surveyapp.db*")), "a file was made beside the server"
    monkeypatch.setenv("SURVEYAPP_DATABASE_URL", server.new("template0"))
    restored = done("restore", "copy.db")
    assert restored.startswith("tiny-1: 32 received")


def test_an_address_that_will_not_do_is_refused_in_one_line(office: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SURVEYAPP_DATABASE_URL", "postgresql://a:secret@127.0.0.1:1/c")
    result = CliRunner().invoke(main, ["wave", "status", "x"])
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert "postgresql+psycopg://a:***@127.0.0.1:1/c cannot be used as a database" in result.stderr
    assert "secret" not in result.stderr


def _write_frame(n: int) -> None:
    lines = [f"U{i:03},Team {i},team{i}@example.org,{('North', 'South')[i % 2]}" for i in range(1, n + 1)]
    Path("frame.csv").write_text("\n".join(["unit,name,email,region", *lines]) + "\n")


def _codes() -> dict[str, str]:
    letters = sorted(Path("home/outbox/tiny-1").glob("*.eml"))
    return {path.stem: path.read_text().partition("/#")[2][:23] for path in letters}
