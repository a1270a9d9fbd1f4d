"""Letters that cannot be turned against anybody, and files that are never half there."""

import email
import email.policy
import os
import subprocess
import sys
from email.message import EmailMessage
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from surveyapp import config, fieldwork
from surveyapp.config import Home, project_file, read_file, ready, write_aside, write_once
from surveyapp.mail import Letter, post
from surveyapp.problems import NotFound, Refused, SurveyError

SENDER = "surveys@example.org"


def posted(folder: Path, *letters: Letter) -> list[EmailMessage]:
    assert post(list(letters), folder, SENDER) == len(letters)
    return [email.message_from_bytes(f.read_bytes(), policy=email.policy.SMTP) for f in sorted(folder.iterdir())]


def make_letter(**more: str) -> Letter:
    return Letter(
        **({"name": "U1", "to": "team1@example.org", "subject": "A survey", "text": "Dear team\n"} | more)
    )


# ── letters ──────────────────────────────────────────────────────────────────


def test_a_letter_is_a_file_that_any_mail_programme_can_send(tmp_path):
    (message,) = posted(tmp_path, make_letter(text="Dear team\n\nYour code: 7K4QX\n", subject="Arolwg – 字"))
    assert (message["From"], message["To"], message["Subject"]) == (SENDER, "team1@example.org", "Arolwg – 字")
    assert message.get_content().splitlines() == ["Dear team", "", "Your code: 7K4QX"]


def test_a_letter_carries_no_day_no_id_and_nothing_of_the_machine(tmp_path):
    (message,) = posted(tmp_path, make_letter())
    assert sorted(name.lower() for name in message) == [
        "content-transfer-encoding", "content-type", "from", "mime-version", "subject", "to",
    ]  # fmt: skip


def test_only_its_owner_can_read_a_letter(tmp_path):
    posted(tmp_path, make_letter())
    assert (tmp_path / "U1.eml").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "to", ["a@b.org\nBcc: c@d.org", "a@b.org\r\nBcc: c@d.org", "a\n@b.org", "a@b.org\r", "a\r\n\r\nbody@b.org"]
)
def test_an_address_cannot_add_a_header(tmp_path, to):
    with pytest.raises(SurveyError, match="correct it in the frame"):
        post([make_letter(to=to)], tmp_path, SENDER)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("subject", ["A\nBcc: c@d.org", "A\r\nBcc: c@d.org\r\n\r\nbody", "A\r\rBcc: c@d.org"])
def test_a_subject_cannot_add_a_header(tmp_path, subject):
    (message,) = posted(tmp_path, make_letter(subject=subject))
    assert message["Bcc"] is None
    assert message["Subject"].startswith("A Bcc: c@d.org")


@pytest.mark.parametrize("sender", ["a@b.org\nBcc: c@d.org", "a@b.org\r\n\r\nbody"])
def test_a_sender_cannot_add_a_header(tmp_path, sender):
    with pytest.raises(SurveyError, match="cannot be written to"):
        post([make_letter()], tmp_path, sender)


@given(st.from_regex(r"[!-~]{1,20}@[!-~]{1,20}", fullmatch=True) | st.emails())
@settings(max_examples=150, deadline=None)
def test_an_address_that_a_frame_may_hold_is_the_one_that_is_written_to(tmp_path_factory, address):
    if accepted(address):
        (message,) = posted(tmp_path_factory.mktemp("outbox"), make_letter(to=address))
        assert [a.addr_spec for a in message["To"].addresses] == [address]
        assert message["To"].defects == ()


def accepted(address: str) -> bool:
    cell = '"' + address.replace('"', '""') + '"'
    try:
        fieldwork.read_frame(f"unit,name,email\nU1,Team,{cell}\n".encode())
    except Refused:
        return False
    return True


@pytest.mark.parametrize(
    "name",
    ["../x", "/etc/passwd", "a/b", "..", ".", "", "a\\b", "C:x", "a\0b", "字" * 100, "x" * 300, "😀", "-rf"],
)
def test_a_letter_stays_in_its_folder_whatever_it_is_called(tmp_path, name):
    folder = tmp_path / "outbox"
    post([make_letter(name=name)], folder, SENDER)
    (file,) = folder.iterdir()
    assert file.suffix == ".eml"
    assert len(file.name) <= 110
    assert not file.name.startswith(".")
    assert list(tmp_path.iterdir()) == [folder]


def test_no_two_letters_share_a_file(tmp_path):
    names = ["A/1", "A 1", "A_1", "A.1", "é", "è", "x" * 90 + "1", "x" * 90 + "2", "", "letter"]
    assert len(posted(tmp_path, *(make_letter(name=name) for name in names))) == len(names)


# ── files ────────────────────────────────────────────────────────────────────


def test_a_file_is_written_whole_with_its_folder(tmp_path):
    write_aside(tmp_path / "a" / "b.txt", b"new")
    assert (tmp_path / "a" / "b.txt").read_bytes() == b"new"
    assert (tmp_path / "a" / "b.txt").stat().st_mode & 0o777 == 0o644
    write_aside(tmp_path / "a" / "b.txt", b"newer", private=True)
    assert (tmp_path / "a" / "b.txt").read_bytes() == b"newer"
    assert (tmp_path / "a" / "b.txt").stat().st_mode & 0o777 == 0o600
    assert [f.name for f in (tmp_path / "a").iterdir()] == ["b.txt"]


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_the_old_file_stays_when_the_disk_refuses(tmp_path, monkeypatch, step):
    def refuse(*given: object) -> None:
        raise OSError(28, "No space left on device")

    file = tmp_path / "report.xlsx"
    file.write_bytes(b"old")
    monkeypatch.setattr(os if step == "fsync" else config.Path, step, refuse)
    with pytest.raises(SurveyError, match=r"report.xlsx cannot be written: No space left on device"):
        write_aside(file, b"new")
    assert file.read_bytes() == b"old"
    assert [f.name for f in tmp_path.iterdir()] == ["report.xlsx"]


def test_an_interruption_leaves_the_old_file_and_no_other(tmp_path, monkeypatch):
    def interrupt(*given: object) -> None:
        raise KeyboardInterrupt

    file = tmp_path / "report.xlsx"
    file.write_bytes(b"old")
    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_aside(file, b"new")
    assert [(f.name, f.read_bytes()) for f in tmp_path.iterdir()] == [("report.xlsx", b"old")]


def test_files_that_are_ready_are_put_into_place_later_or_not_at_all(tmp_path):
    files = {tmp_path / "a.json": b"first", tmp_path / "b.json": b"second"}
    with ready(files, private=True):
        assert not (tmp_path / "a.json").exists()
    assert list(tmp_path.iterdir()) == []
    with ready(files, private=True) as put_into_place:
        put_into_place()
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == {
        "a.json": b"first",
        "b.json": b"second",
    }
    assert (tmp_path / "a.json").stat().st_mode & 0o777 == 0o600


def test_of_files_of_which_one_cannot_be_written_none_is_left(tmp_path):
    (tmp_path / "folder").mkdir()
    with pytest.raises(SurveyError, match="folder cannot be written: Is a directory"):
        ready({tmp_path / "a.json": b"first", tmp_path / "folder": b"second"}).__enter__()
    assert [file.name for file in tmp_path.iterdir()] == ["folder"]


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(SurveyError, match=r"file/x cannot be written: "):
        write_aside(tmp_path / "file" / "x", b"new")
    with pytest.raises(SurveyError, match="Is a directory"):
        write_aside(tmp_path, b"new")
    with pytest.raises(SurveyError, match="File name too long"):
        write_aside(tmp_path / ("x" * 300), b"new")


def test_a_secret_is_private_and_never_replaced(tmp_path):
    write_once(tmp_path / "pepper", b"first")
    with pytest.raises(SurveyError, match="exists already; move it away or name another file"):
        write_once(tmp_path / "pepper", b"second")
    assert (tmp_path / "pepper").read_bytes() == b"first"
    assert (tmp_path / "pepper").stat().st_mode & 0o777 == 0o600


def test_a_file_that_cannot_be_read_says_why(tmp_path):
    with pytest.raises(NotFound, match=r"there is no file .*nowhere; check the path"):
        read_file(tmp_path / "nowhere")
    with pytest.raises(NotFound, match="is a folder; name a file in it"):
        read_file(tmp_path)
    with pytest.raises(NotFound, match="cannot be read: Not a directory"):
        read_file(Path(__file__) / "x")


def test_an_installation_is_readable_by_its_owner_alone(tmp_path):
    home = Home(tmp_path / "deep" / "home").make()
    for folder in (home.path, home.keys, home.outbox):
        assert folder.stat().st_mode & 0o777 == 0o700
    home.keys.chmod(0o755)
    assert home.make().keys.stat().st_mode & 0o777 == 0o700
    assert home.wave_key("dat-2012") == tmp_path / "deep" / "home" / "keys" / "dat-2012.key"


def test_an_installation_that_cannot_be_made_says_so(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(SurveyError, match=r"cannot be used: .*; choose another with --home"):
        Home(tmp_path / "file").make()


def test_the_installation_is_the_one_given_then_the_one_of_the_environment(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SURVEYAPP_HOME", str(tmp_path / "env"))
    assert config.home(str(tmp_path / "given")).path == tmp_path / "given"
    assert config.home().path == tmp_path / "env"
    monkeypatch.delenv("SURVEYAPP_HOME")
    assert config.home().path == tmp_path / "instance"


def test_the_files_of_the_project_are_found():
    assert project_file("instruments/schema.json").is_file()
    with pytest.raises(NotFound, match=r"nowhere\.json is missing from this installation"):
        project_file("nowhere.json")


def test_processes_that_begin_at_once_share_one_secret(tmp_path):
    """Each worker makes the server's secrets at its start; a draft sealed with a lost one would never open."""
    code = (
        "import os, sys; from pathlib import Path; from surveyapp.config import secret\n"
        "sys.stdin.readline(); print(secret(Path(sys.argv[1]), lambda: os.urandom(32)).hex())"
    )
    for attempt in range(3):
        command = [sys.executable, "-c", code, str(tmp_path / f"pepper{attempt}")]
        workers = [subprocess.Popen(command, stdin=-1, stdout=-1, text=True) for _ in range(4)]
        for worker in workers:
            worker.stdin.write("go\n")
            worker.stdin.flush()
        assert len({worker.communicate()[0] for worker in workers}) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pepper0", "pepper1", "pepper2"]
