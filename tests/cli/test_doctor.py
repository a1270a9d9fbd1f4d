"""`doctor`: each illness is found and named with its remedy, and a well installation is said to be well."""

import json
import os
import socket
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Sink
from click.testing import CliRunner

from surveyapp import campaigning, doctoring, privacy, retaining, staffing
from surveyapp.cli import main
from surveyapp.config import Home
from surveyapp.storage import backups
from surveyapp.storage.database import connect
from surveyapp.storage.jobs import Job, add
from tests.makers import change, make_frame, make_home, make_wave

NOW = datetime.now(UTC).replace(microsecond=0)
TODAY = NOW.date()


@pytest.fixture
def sick(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    """An installation with a wave in the field whose key the server keeps; tests make it ill."""
    for name in [name for name in os.environ if name.startswith("SURVEYAPP_")]:
        monkeypatch.delenv(name)
    home = make_home(tmp_path)
    db = connect(home.store)
    make_wave(db, frame=make_frame(), key_place="server", today=date(2012, 1, 16))
    private, public = privacy.new_key_pair()
    with db.transaction() as connection:
        from surveyapp.storage import waves

        waves.change_wave(connection, "tiny-1", public_key=public)
    home.wave_key("tiny-1").write_text(privacy.key_file("tiny-1", private))
    home.wave_key("tiny-1").chmod(0o600)
    backups.back_up(db, backups.new_name(home.backups, TODAY))
    staffing.record_daily(db, int(NOW.timestamp()), "terminal", retaining.RUN, "", "", "")
    yield home
    db.close()


def found(home: Home, thing: str, now: datetime = NOW, post: bool = False) -> list[tuple[str, str]]:
    """State and words of what was found about a thing."""
    return [(each.state, each.found) for each in doctoring.examine(home, now, post) if each.thing == thing]


def test_a_well_installation_is_well(sick: Home) -> None:
    states = {each.thing: each.state for each in doctoring.examine(sick, NOW)}
    assert states.pop("mail") == "warning", "letters go to the outbox"
    assert set(states.values()) == {"well"}


def test_the_command_says_so_and_changes_nothing(sick: Home) -> None:
    before = {path: path.stat().st_mtime_ns for path in sick.path.rglob("*")}
    shown = CliRunner().invoke(main, ["--home", str(sick.path), "doctor"])
    assert shown.exit_code == 0, shown.output
    assert "well     books        as many answers as organisations that have sent some" in shown.output
    assert {path: path.stat().st_mtime_ns for path in sick.path.rglob("*")} == before


def test_scripts_get_json_and_the_exit_code(sick: Home) -> None:
    sick.wave_key("tiny-1").unlink()
    shown = CliRunner().invoke(main, ["--home", str(sick.path), "doctor", "--json"])
    assert shown.exit_code == 1
    document = json.loads(shown.output[: shown.output.rindex("]") + 1])
    assert [each["thing"] for each in document if each["state"] == "ill"] == ["keys"]


def test_there_is_no_folder(tmp_path: Path) -> None:
    (only,) = doctoring.examine(Home(tmp_path / "nowhere"), NOW)
    assert (only.thing, only.state) == ("folder", "ill")
    assert not (tmp_path / "nowhere").exists()


def test_a_key_that_is_lost_or_another_one(sick: Home) -> None:
    private, _ = privacy.new_key_pair()
    sick.wave_key("tiny-1").write_text(privacy.key_file("tiny-1", private))
    ((_, words),) = [each for each in found(sick, "keys") if each[0] == "ill"]
    assert words.startswith("the key of tiny-1 does not open its tray")


def test_a_secret_that_was_cut_short(sick: Home) -> None:
    (sick.keys / "pepper").write_bytes(b"short")
    (sick.keys / "pepper").chmod(0o600)
    assert found(sick, "keys")[0] == ("ill", "keys/pepper is not a key of 32 bytes")


def test_files_that_others_may_read(sick: Home) -> None:
    sick.database.chmod(0o644)
    assert found(sick, "permissions") == [("ill", "1 files can be read by others, such as home/surveyapp.db")]


def test_a_database_that_is_none(sick: Home) -> None:
    sick.database.write_bytes(b"no database " * 100)
    ((state, words),) = found(sick, "database")
    assert state == "ill"
    assert "cannot be used as a database" in words


def test_books_that_do_not_balance(sick: Home) -> None:
    db = connect(sick.store)
    change(db, "UPDATE invitation SET state = 'done'")
    db.close()
    assert found(sick, "books")[0][0] == "ill"


def test_a_clock_that_goes_behind(sick: Home) -> None:
    assert found(sick, "clock", NOW - timedelta(days=2))[0][0] == "ill"
    db = connect(sick.store)
    change(db, f"UPDATE wave SET opened_on = '{(TODAY + timedelta(days=3)).isoformat()}'")
    db.close()
    assert "which is to come" in found(sick, "clock")[0][1]


def test_a_clock_that_is_far_ahead_of_the_last_run_of_retention(sick: Home) -> None:
    assert found(sick, "clock", NOW + timedelta(days=60))[0][0] == "well"
    ahead = NOW + timedelta(days=61)
    words = f"the clock says {ahead.date()}, and retention was last run on {TODAY}: nothing is erased meanwhile"
    assert found(sick, "clock", ahead) == [("ill", words)]


def test_backups_that_are_old_or_missing(sick: Home) -> None:
    assert found(sick, "backups", NOW + timedelta(days=8))[0][0] == "warning"
    tomorrow = backups.new_name(sick.backups, TODAY + timedelta(days=1))
    tomorrow.write_bytes(b"")
    words = f"the newest is of {TODAY + timedelta(days=1)}, which is to come"
    assert found(sick, "backups") == [("warning", words)]
    for path in sick.backups.iterdir():
        path.unlink()
    assert found(sick, "backups") == [("warning", "none in backups/")]


def test_what_was_promised_to_be_erased(sick: Home) -> None:
    db = connect(sick.store)
    campaigning.close_wave(db, "tiny-1", date(2012, 2, 1))
    db.close()
    assert found(sick, "retention") == [("ill", "what was promised to be erased is kept: tiny-1")]


def test_a_worker_that_does_not_run(sick: Home) -> None:
    db = connect(sick.store)
    with db.transaction() as connection:
        add(connection, Job(privacy.new_id(), "export-tables", "tiny", "", "a", at=int(NOW.timestamp()) - 3600))
    db.close()
    assert found(sick, "worker") == [("ill", "a job has waited for 60 minutes")]


def test_a_setting_with_a_slip(sick: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SURVEYAPP_SMPT", "smtp://mail.example.org")
    (one,) = [each for each in doctoring.examine(sick, NOW) if each.thing == "settings"]
    assert one.found == "SURVEYAPP_SMPT is no setting of ours"
    assert "SURVEYAPP_SMTP" in one.do


def test_mail_settings_that_will_not_do(sick: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SURVEYAPP_SMTP", "smtp://user:word@mail.example.org")
    assert found(sick, "mail")[0][0] == "ill"


def test_letters_to_staff_need_an_address_and_a_sender(sick: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SURVEYAPP_SMTP", "smtps://mail.example.org")
    assert found(sick, "mail")[1] == ("warning", "staff cannot be sent links to sign in")
    monkeypatch.setenv("SURVEYAPP_ADDRESS", "https://survey.example.org")
    monkeypatch.setenv("SURVEYAPP_SENDER", "surveys@example.org")
    assert [state for state, _ in found(sick, "mail")] == ["well"]


def test_the_mail_server_is_asked_for_a_connection(sick: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    monkeypatch.setenv("SURVEYAPP_SMTP", f"smtp://127.0.0.1:{port}?timeout=2")
    assert found(sick, "mail server", post=True)[0][0] == "ill"
    server = Controller(Sink(), hostname="127.0.0.1", port=port)
    server.start()
    try:
        assert found(sick, "mail server", post=True) == [("well", "takes letters")]
    finally:
        server.stop()


def test_a_full_disk(sick: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctoring, "LEAST_ROOM", 10**18)
    ((state, words),) = found(sick, "disk")
    assert state == "ill"
    assert "1,000,000,000,000 MB wanted" in words
