"""Letters by command: words, previews, reminders, what was lost, and a mail server in the settings."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import time_machine
from click.testing import CliRunner, Result

from surveyapp.cli import main
from tests.makers import make_all_types
from tests.postoffice import post_office

OWN = "Subject: Please\n\nDear {contact}\n{address}/#{code}\n"


@pytest.fixture(autouse=True)
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A wave `tiny-1` on ten organisations, nobody invited."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SURVEYAPP_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("SURVEYAPP_SMTP", raising=False)
    Path("tiny.json").write_text(json.dumps(make_all_types()))
    rows = [f"U{i:02},Team {i},team{i}@example.org,Manager" for i in range(1, 11)]
    Path("frame.csv").write_text("\n".join(["unit,name,email,contact", *rows]))
    done("instrument publish tiny.json")
    done("wave open tiny-1 --instrument tiny@1 --frame frame.csv")
    return tmp_path


def test_letters_get_words_of_their_own_and_can_be_looked_at() -> None:
    Path("own.txt").write_text(OWN)
    assert done("letters set tiny-1 --from own.txt").stdout == "tiny-1: invitation (en) from own.txt\n"
    assert done("letters show tiny-1 --template").stdout == OWN
    shown = done("letters show tiny-1 --unit U03").stdout
    assert shown == (
        "From: surveys@localhost\nTo: team3@example.org\nSubject: Please\n\n"
        "Dear Manager\nhttp://127.0.0.1:8000/#ABCDE-12345-FGHJK-67890\n"
    )
    done("letters set tiny-1 --default")
    assert "We invite you" in done("letters show tiny-1").stdout


def test_words_that_will_not_do_are_refused_with_their_line() -> None:
    Path("own.txt").write_text(OWN.replace("{contact}", "{contcat}"))
    refused = run("letters set tiny-1 --from own.txt")
    assert refused.exit_code == 1
    assert 'line 3, text: {contcat} is not known; did you mean "contact"?' in refused.stderr


def test_reminders_follow_the_invitations() -> None:
    assert done("invite tiny-1").stdout == "10 letters in home/outbox/tiny-1\n"
    assert done("remind tiny-1").stdout == "0 letters in home/outbox/tiny-1\n"
    assert done("remind tiny-1 --now").stdout == "0 letters in home/outbox/tiny-1\n"
    assert run("remind tiny-1 --rule 20,10").exit_code == 1
    assert run("remind tiny-1 --rule 10 --now").exit_code == 2


@pytest.fixture
def three_days_after_the_invitation() -> Iterator[None]:
    done("invite tiny-1")
    with time_machine.travel(time.time() + 3 * 24 * 60 * 60):
        yield


@pytest.mark.usefixtures("three_days_after_the_invitation")
def test_a_reminder_by_hand_is_previewed_and_sent() -> None:
    shown = done("remind tiny-1 --kind final --preview").stdout.splitlines()
    assert shown[0] == "final    10 organisations: U01, U02, U03, U04, U05, U06, U07, U08, U09, U10"
    assert shown[2:5] == [
        "From: surveys@localhost",
        "To: team1@example.org",
        "Subject: Last reminder: A tiny survey",
    ]
    assert done("remind tiny-1 --kind second --preview").stdout == "Nobody is due a reminder.\n"
    assert done("remind tiny-1 --kind final").stdout == "10 letters in home/outbox/tiny-1\n"
    assert done("remind tiny-1 --kind second --now").stdout == "0 letters in home/outbox/tiny-1\n"
    assert 'is not a reminder here; did you mean "first"' in run("remind tiny-1 --kind firts").stderr
    assert run("remind tiny-1 --kind final --rule 10").exit_code == 2


def test_letters_go_through_the_server_of_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    with post_office() as server:
        monkeypatch.setenv("SURVEYAPP_SMTP", f"smtp://127.0.0.1:{server.port}")
        done("letters test somebody@example.org --sender office@example.org")
        refused = run("invite tiny-1")
        assert "need an address of the site and a sender" in refused.stderr
        sent = done("invite tiny-1 --address https://x.example --sender office@example.org")
        assert sent.stdout == "10 letters sent by the mail server 127.0.0.1\n"
    assert len(server.taken) == 11
    assert not Path("home/outbox/tiny-1").exists()
    listed = done("letters list tiny-1 --state sent").stdout.splitlines()
    assert listed[0].split()[:3] == ["U01", "invitation", "sent"]
    assert len(listed) == 10


def test_what_was_refused_is_told_listed_and_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    with post_office(to_recipient=lambda to: "550 5.1.1 nobody" if to.startswith("team2@") else None) as server:
        monkeypatch.setenv("SURVEYAPP_SMTP", f"smtp://127.0.0.1:{server.port}")
        first = done("invite tiny-1 --address https://x.example --sender office@example.org")
        assert "Refused: U02: the mail server 127.0.0.1 refuses team2@example.org: 550 5.1.1" in first.stderr
        assert done("letters list tiny-1 --state failed").stdout.endswith("550 5.1.1\n")
        server.to_recipient = lambda _to: None
        assert done("letters resend tiny-1 --failed").stdout.startswith("1 letter sent by")
    assert set(server.count.values()) == {1}


def test_a_server_that_is_gone_is_told_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SURVEYAPP_SMTP", "smtp://127.0.0.1:1")
    refused = run("invite tiny-1 --address https://x.example --sender office@example.org")
    assert refused.exit_code == 1
    assert "the mail server 127.0.0.1 cannot be reached on port 1" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_new_code_is_confirmed_by_typing_the_unit() -> None:
    done("invite tiny-1")
    before = Path("home/outbox/tiny-1/U01.eml").read_bytes()
    asked = run("letters code tiny-1 U01", typed="U02\n")
    assert asked.exit_code == 1
    assert "that draft cannot be opened" in asked.stdout
    assert "Nothing was changed." in asked.stderr
    assert run("letters code tiny-1 U01", typed="U01\n").stdout.endswith("1 letter in home/outbox/tiny-1\n")
    assert done("letters code tiny-1 U03 --yes").stdout == "1 letter in home/outbox/tiny-1\n"
    assert Path("home/outbox/tiny-1/U01.eml").read_bytes() == before


def test_letters_that_came_back_and_refusals_are_noted() -> None:
    done("invite tiny-1")
    Path("back.csv").write_text("email\nteam4@example.org\n")
    assert done("letters bounced tiny-1 back.csv").stdout == "1 organisation undeliverable: U04\n"
    assert done("letters bounced tiny-1 --unit U05").stdout == "1 organisation undeliverable: U05\n"
    assert done("wave mark tiny-1 U06 out-of-scope").stdout == "U06: out-of-scope\n"
    assert "is undeliverable" in run("letters code tiny-1 U04 --yes").stderr
    done("wave mark tiny-1 U04 none")
    done("letters code tiny-1 U04 --yes")


@pytest.mark.parametrize(
    "command",
    [
        "letters set tiny-1",
        "letters set tiny-1 --from a --default",
        "letters resend tiny-1",
        "letters resend tiny-1 U01 --failed",
        "letters bounced tiny-1",
        "letters mark tiny-1 U01 lost",
        "letters list tiny-1 --state gone",
        "wave mark tiny-1 U01 away",
    ],
)
def test_wrong_usage_of_letters_is_told(command: str) -> None:
    assert run(command).exit_code == 2


def done(command: str) -> Result:
    result = run(command)
    assert result.exit_code == 0, result.output
    return result


def run(command: str, typed: str = "") -> Result:
    return CliRunner().invoke(main, command.split(), input=typed)
