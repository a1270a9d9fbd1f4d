"""What is done at the terminal is in the trail of staff, as what is done on the site: who, what, when, on what."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from surveyapp import staffing
from surveyapp.cli import main
from surveyapp.config import Home
from surveyapp.storage.database import connect
from surveyapp.storage.trail import Act
from tests.makers import make_all_types

FRAME = "unit,name,email,region\n" + "".join(
    f"U{i:03},Team {i},t{i}@example.org,{('North', 'South')[i % 2]}\n" for i in range(1, 41)
)


def run(*words: str) -> Result:
    return CliRunner().invoke(main, list(words))


def done(*words: str) -> None:
    result = run(*words)
    assert result.exit_code == 0, result.output


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SURVEYAPP_HOME", str(tmp_path / "home"))
    Path("tiny.json").write_text(json.dumps(make_all_types()))
    Path("frame.csv").write_text(FRAME)
    return Home(tmp_path / "home")


def trail(home: Home) -> list[Act]:
    db = connect(home.store)
    try:
        return [act for _, act in staffing.acts(db)][::-1]
    finally:
        db.close()


def told(home: Home) -> list[tuple[str, str, str, str]]:
    return [(act.what, act.survey, act.object, act.said) for act in trail(home)]


def opened() -> None:
    done("instrument", "publish", "tiny.json")
    frame = ("--frame", "frame.csv", "--carry", "region", "--key", "tiny.key")
    done("wave", "open", "tiny-1", "--instrument", "tiny@1", *frame)


def test_a_fieldwork_at_the_terminal_is_in_the_trail(home: Home) -> None:
    opened()
    done("invite", "tiny-1", "--address", "https://survey.example.org", "--sender", "us@example.org")
    done("wave", "pause", "tiny-1")
    done("wave", "resume", "tiny-1")
    done("wave", "extend", "tiny-1", "--closes", "2131-02-17")
    done("remind", "tiny-1", "--now")
    done("frame", "contact", "tiny-1", "U001", "--email", "new@example.org")
    done("wave", "mark", "tiny-1", "U002", "refused")
    done("wave", "close", "tiny-1")
    assert told(home) == [
        ("version-publish", "tiny", "", "version: 1"),
        ("wave-open", "tiny", "tiny-1", "version: 1"),
        ("invitations-send", "tiny", "tiny-1", ""),
        ("wave-pause", "tiny", "tiny-1", ""),
        ("wave-resume", "tiny", "tiny-1", ""),
        ("wave-change", "tiny", "tiny-1", "closes: 2131-02-17"),
        ("reminders-send", "tiny", "tiny-1", ""),
        ("unit-contact", "tiny", "tiny-1", ""),
        ("unit-mark", "tiny", "tiny-1", ""),
        ("wave-close", "tiny", "tiny-1", ""),
    ]
    assert {act.who for act in trail(home)} == {"terminal"}


def test_answers_released_and_files_written_are_in_the_trail(home: Home) -> None:
    opened()
    done("invite", "tiny-1", "--address", "https://survey.example.org", "--sender", "us@example.org")
    lines = ["kind,region"] + [f"{('yes', 'no')[i % 4 == 0]},{('North', 'South')[i % 2]}" for i in range(40)]
    Path("returns.csv").write_text("\n".join(lines))
    done("responses", "load", "tiny-1", "returns.csv", "--partial")
    done("wave", "close", "tiny-1")
    done("tray", "open", "tiny-1", "--key", "tiny.key")
    done("tables", "tiny-1", "--out", "tables.json")
    before = [what for what, *_ in told(home)][3:]
    assert before == ["returns-put", "wave-close", "tray-open", "tables-write"]
    assert told(home)[-1] == ("tables-write", "tiny", "tiny-1", "format: json")


def test_what_was_refused_has_a_second_line_and_an_unknown_wave_none(home: Home) -> None:
    opened()
    assert run("wave", "resume", "tiny-1").exit_code == 1
    assert run("wave", "close", "tiny-9").exit_code == 1
    assert told(home)[2:] == [
        ("wave-resume", "tiny", "tiny-1", ""),
        ("wave-resume", "tiny", "tiny-1", "was not done (SurveyError)"),
    ]


def test_what_only_looks_leaves_no_line(home: Home) -> None:
    opened()
    before = told(home)
    for words in (
        "wave status tiny-1",
        "wave settings tiny-1",
        "letters list tiny-1",
        "rates tiny-1",
        "staff list",
    ):
        done(*words.split())
    done("remind", "tiny-1", "--preview")
    assert told(home) == before
