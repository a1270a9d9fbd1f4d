"""Changing the keys of the server: in files, by several at once, killed on the way; and what is kept, and why."""

import fcntl
import os
import re
import signal
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from surveyapp import campaigning, collecting, keyring, privacy, rotating, writing
from surveyapp.config import Home, alone
from surveyapp.keyring import COOKIE_LIFE, KeyRing
from surveyapp.mail import Folder
from surveyapp.privacy import SETTLING
from surveyapp.problems import SurveyError
from surveyapp.storage import letters
from surveyapp.storage.database import Database
from surveyapp.writing import Desk
from tests.makers import PEPPER, TODAY, make_home, make_wave

DAY = 86_400
NOW = 1_326_700_000
"""A Monday of January 2012, the day before `TODAY` or after it."""

COOKIES = ("cookie", "staff-cookie", "staff-forms")


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """An installation that has been served: every key is there, made on `NOW`."""
    home = make_home(tmp_path)
    for name in (*COOKIES, "pepper"):
        (home.keys / name).write_bytes(privacy.new_secret())
        os.utime(home.keys / name, (NOW, NOW))
    return home


def does(home: Home, db: Database, file: str, now: int) -> list[str]:
    """What each key of a file does, the newest first."""
    return [each.does for each in rotating.standings(home, db, now) if each.file == file]


def test_all_keys_of_cookies_are_changed_together_and_the_pepper_is_not(home: Home) -> None:
    before = {path.name: path.read_bytes() for path in home.keys.iterdir()}
    assert rotating.rotate(home, "cookie", NOW + DAY) == dict.fromkeys(COOKIES, 2)
    for name in COOKIES:
        newest, old = keyring.keys_in(home.keys / name)
        assert (newest.made, old.made, old.secret) == (NOW + DAY, NOW, before[name])
        assert (home.keys / name).stat().st_mode & 0o777 == 0o600
    assert (home.keys / "pepper").read_bytes() == before["pepper"]


def test_a_key_of_cookies_goes_when_no_cookie_of_it_can_be_alive(home: Home, db: Database) -> None:
    rotating.rotate(home, "cookie", NOW)
    assert does(home, db, "cookie", NOW) == ["new", "seals"]
    assert does(home, db, "cookie", NOW + SETTLING) == ["seals", "opens"]
    assert does(home, db, "cookie", NOW + SETTLING + COOKIE_LIFE) == ["seals", "over"]
    assert rotating.tidy(home, db, NOW + SETTLING + COOKIE_LIFE - 1) == 0
    assert rotating.tidy(home, db, NOW + SETTLING + COOKIE_LIFE) == 3
    assert does(home, db, "cookie", NOW + DAY) == ["seals"]


def test_the_next_change_leaves_out_what_is_over(home: Home) -> None:
    rotating.rotate(home, "cookie", NOW)
    assert set(rotating.rotate(home, "cookie", NOW + DAY).values()) == {2}


def test_an_old_pepper_is_kept_until_the_waves_of_before_are_closed_as_long_as_backups_last(
    home: Home, db: Database
) -> None:
    make_wave(db, name="before")
    at = _seconds(TODAY)
    rotating.rotate(home, "pepper", at)
    make_wave(db, name="after", today=TODAY + timedelta(days=2))
    (_, old) = (each for each in rotating.standings(home, db, at + 400 * DAY) if each.file == "pepper")
    assert (old.does, old.waves) == ("opens", ("before",))
    assert rotating.tidy(home, db, at + 400 * DAY) == 0
    campaigning.close_wave(db, "before", TODAY + timedelta(days=20))
    assert rotating.tidy(home, db, at + 34 * DAY) == 0, "a backup of within the wave may be restored"
    assert rotating.tidy(home, db, at + 35 * DAY) == 1
    assert does(home, db, "pepper", at + 35 * DAY) == ["seals"]


@pytest.mark.parametrize(
    ("group", "why"),
    [
        ("pepper", "unfinished drafts need the old pepper"),
        ("outbox", "letters that wait need the old key"),
        ("returns", "files that were loaded are known again by the old key"),
    ],
)
def test_what_waves_need_is_never_changed_at_once(home: Home, group: str, why: str) -> None:
    with pytest.raises(SurveyError, match=f"^{why}; change it without --at-once$"):
        rotating.rotate(home, group, NOW, at_once=True)


# ── letters that wait, and files of returns ──────────────────────────────────


def test_letters_that_wait_go_out_after_their_key_was_changed(home: Home, db: Database) -> None:
    make_wave(db)
    desk = Desk(db, home.outbox_key, Folder(home.outbox / "tiny-1"), TODAY)
    writing.write_new_code(db, home.outbox_key, "tiny-1", "U001", TODAY)
    rotating.rotate(home, "outbox", NOW)
    writing.write_new_code(db, home.outbox_key, "tiny-1", "U002", TODAY)
    _, old = keyring.keys_in(home.outbox_key)
    assert [_opens(db, old.secret, unit) for unit in ("U001", "U002")] == [True, False]
    assert writing.send_waiting(desk, "tiny-1").sent == 2
    for file in desk.transport.path.glob("*.eml"):  # type: ignore[attr-defined]
        (code,) = set(re.findall(r"[0-9A-Z]{5}(?:-[0-9A-Z]{5}){3}", file.read_text()))
        assert collecting.enter(db, PEPPER, code, TODAY).wave == "tiny-1"


def _opens(db: Database, key: bytes, unit: str) -> bool:
    with db.reading() as connection:
        (found,) = (each for each in letters.letters(connection, "tiny-1", "due") if each.unit.unit == unit)
    try:
        return bool(privacy.open_code(key, found.code or b"", found.id))
    except SurveyError:
        return False


def test_the_key_of_letters_is_not_changed_under_whoever_sends_them(home: Home, db: Database) -> None:
    make_wave(db)
    writing.write_new_code(db, home.outbox_key, "tiny-1", "U001", TODAY)
    before = home.outbox_key.read_bytes()
    with alone(home.outbox_key, "busy"), pytest.raises(SurveyError, match=r"^letters are being sent; change"):
        rotating.rotate(home, "outbox", NOW)
    assert home.outbox_key.read_bytes() == before


def test_a_file_that_was_replaced_in_the_same_moment_is_nobody_s(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever opened it just before the change would be at work beside whoever opens it after."""
    path = home.keys / "pepper"
    lock = fcntl.flock

    def late(file: Any, how: int) -> None:
        keyring.change(path, NOW)
        lock(file, how)

    monkeypatch.setattr(fcntl, "flock", late)
    with pytest.raises(SurveyError, match=r"^busy$"), alone(path, "busy"):
        pass


@pytest.mark.parametrize("file", ["outbox", "returns"])
def test_an_old_key_of_letters_or_returns_is_kept_as_the_pepper_is(home: Home, db: Database, file: str) -> None:
    (home.keys / file).write_bytes(privacy.new_secret())
    os.utime(home.keys / file, (NOW, NOW))
    make_wave(db, name="before")
    at = _seconds(TODAY)
    assert rotating.rotate(home, file, at) == {file: 2}
    campaigning.close_wave(db, "before", TODAY + timedelta(days=20))
    assert rotating.tidy(home, db, at + 34 * DAY) == 0, "a backup of within the wave may be restored"
    assert rotating.tidy(home, db, at + 35 * DAY) == 1
    assert does(home, db, file, at + 35 * DAY) == ["seals"]


def test_an_old_key_of_letters_goes_on_another_day_if_letters_are_being_sent(home: Home, db: Database) -> None:
    home.outbox_key.write_bytes(privacy.new_secret())
    rotating.rotate(home, "outbox", NOW)
    with alone(home.outbox_key, "busy"):
        assert rotating.tidy(home, db, NOW + 99 * DAY) == 0
    assert rotating.tidy(home, db, NOW + 99 * DAY) == 1


def test_what_is_left_out_is_overwritten_where_it_lay(home: Home, tmp_path: Path) -> None:
    path = home.keys / "cookie"
    old = path.read_bytes()
    os.link(path, tmp_path / "the same place")
    rotating.rotate(home, "cookie", NOW, at_once=True)
    assert (tmp_path / "the same place").read_bytes() == bytes(32)
    assert len(keyring.keys_in(path)) == 1
    assert old not in path.read_bytes()


def test_a_change_that_was_cut_off_is_seen_and_done_by_another(home: Home) -> None:
    keyring.change(home.keys / "cookie", NOW + DAY, COOKIE_LIFE)
    assert rotating.unlike(home) == ["staff-cookie", "staff-forms"]
    rotating.rotate(home, "cookie", NOW + DAY + 10)
    assert rotating.unlike(home) == []


def test_a_damaged_file_is_refused_and_left_alone(home: Home, db: Database) -> None:
    (home.keys / "staff-forms").write_bytes(b"short")
    with pytest.raises(SurveyError, match="keys/staff-forms: this is no file of keys; put it back"):
        rotating.rotate(home, "cookie", NOW)
    assert (home.keys / "staff-forms").read_bytes() == b"short"
    with pytest.raises(SurveyError, match="no file of keys"):
        rotating.standings(home, db, NOW)


# ── a process that runs on ───────────────────────────────────────────────────


def test_a_process_learns_of_a_change_within_seconds(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    ring = KeyRing(home.keys / "pepper")
    rotating.rotate(home, "pepper", NOW)
    assert len(ring.opening) == 1, "it does not look at each request"
    monkeypatch.setattr(ring._seen, "again", 0)
    assert len(ring.opening) == 2


@pytest.mark.parametrize("ill", ["gone", "short", "half"])
def test_a_process_goes_on_with_what_it_knows_while_the_file_is_damaged(
    home: Home, monkeypatch: pytest.MonkeyPatch, ill: str
) -> None:
    monkeypatch.setattr(keyring, "EVERY", 0)
    path = home.keys / "pepper"
    rotating.rotate(home, "pepper", NOW)
    ring, whole = KeyRing(path), path.read_bytes()
    known = ring.opening
    if ill == "gone":
        path.unlink()
    else:
        path.write_bytes(b"short" if ill == "short" else whole[:100])
    assert (ring.opening, ring.readable) == (known, False)
    path.write_bytes(whole)
    assert (ring.opening, ring.readable) == (known, True)


def test_killed_anywhere_in_a_change_each_file_is_whole_and_opens_what_it_sealed(home: Home) -> None:
    """The process ends at the first, second, … of its writes to the disk; then the change is done again."""
    secrets = {name: (home.keys / name).read_bytes() for name in COOKIES}
    for fatal in range(1, 7):
        done = subprocess.run([sys.executable, "-c", _DYING, str(home.path), str(fatal)], check=False)
        assert done.returncode == -signal.SIGKILL
        for name in COOKIES:
            assert secrets[name] in {key.secret for key in keyring.keys_in(home.keys / name)}
    rotating.rotate(home, "cookie", NOW + 100)
    assert rotating.unlike(home) == []


_DYING = f"""
import os, signal, sys
from pathlib import Path
from surveyapp import rotating
from surveyapp.config import Home
left, sync = int(sys.argv[2]), os.fsync
def dying(handle):
    global left
    left -= 1
    if not left:
        os.kill(os.getpid(), signal.SIGKILL)
    sync(handle)
os.fsync = dying
rotating.rotate(Home(Path(sys.argv[1])), "cookie", {NOW})
"""


def test_changed_by_several_at_once_every_old_key_stays(home: Home) -> None:
    """The newest of two may win; nothing was sealed with either yet."""
    secret = (home.keys / "pepper").read_bytes()
    code = (
        "import sys; from pathlib import Path; from surveyapp import rotating; from surveyapp.config import Home\n"
        f"for n in range(20): rotating.rotate(Home(Path(sys.argv[1])), 'pepper', {NOW} + n)"
    )
    children = [subprocess.Popen([sys.executable, "-c", code, str(home.path)]) for _ in range(3)]
    assert [child.wait(60) for child in children] == [0, 0, 0]
    assert keyring.keys_in(home.keys / "pepper")[-1].secret == secret


def _seconds(day: date) -> int:
    return int((day - date(1970, 1, 1)).total_seconds())
