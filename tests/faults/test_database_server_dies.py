"""The PostgreSQL server dies while four processes send, and is started again: nobody who was told is lost.

While it is away staff are told so, and the log of the site holds no more than that.
"""

import logging
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from surveyapp import staffing
from surveyapp.config import Home
from surveyapp.problems import NotSaved, SurveyError
from surveyapp.storage import postgres as module
from surveyapp.storage.database import connect
from surveyapp.storage.postgres import Postgres
from surveyapp.web.staff import create_staff
from tests import server as private
from tests.faults import victims
from tests.faults.books import assert_books_balance
from tests.makers import TODAY, make_answers, make_frame, make_wave, send
from tests.server import Server

pytestmark = pytest.mark.postgres


@pytest.fixture
def mortal() -> Iterator[Server]:
    """A server of this test's own. What it need not write at once it keeps for ten seconds."""
    with private.running() as running:
        running.ask("ALTER SYSTEM SET wal_writer_delay = '10s'")
        running.ask("ALTER SYSTEM SET wal_writer_flush_after = '100MB'")
        running.ask("SELECT pg_reload_conf()")
        yield running


def test_nobody_who_was_told_is_lost_with_a_server_that_died(
    mortal: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And with commits that are reported before they are on the disk somebody is, which proves the test."""
    assert _lost(mortal, tmp_path / "ours") == ""
    monkeypatch.setitem(module.SETTINGS, "synchronous_commit", "off")
    tries = (
        _lost(mortal, tmp_path / f"careless-{number}") for number in range(3)
    )  # it may have written just then
    assert any("told but lost" in found for found in tries)


def _lost(server: Server, folder: Path) -> str:
    """What is missing after a death in mid-field, "" if nothing is."""
    folder.mkdir()
    db, told = connect(server.new()), folder / "told"
    _, key, codes = make_wave(db, frame=make_frame(40))
    every, received = list(codes.values()), []
    server.ask("CHECKPOINT; SELECT pg_switch_wal()")
    for code in every[:12]:
        send(db, code, make_answers(issues=code))
        received.append(code)
    writers = [victims.started(_send_until_it_fails, db.place, every[12 + i :: 4], told) for i in range(4)]
    server.die()
    server.start()
    for writer in writers:
        writer.join(60)
    db.close()
    again = connect(db.place)
    received += told.read_text().split() if told.exists() else []
    try:
        assert_books_balance(again, received, "tiny-1", key)
        if every[-1] not in received:
            send(again, every[-1], make_answers(issues=every[-1]))
    except AssertionError as fault:
        return str(fault).split("\n")[0]
    except SurveyError:
        pass  # it was received, and the answer was lost on the way
    finally:
        again.close()
    return ""


def _send_until_it_fails(address: str, codes: list[str], told: Path) -> None:
    db = connect(address)
    for code in codes:
        try:
            send(db, code, make_answers(issues=code))
        except (NotSaved, SurveyError):
            return
        victims._tell(told, code)


def test_staff_are_told_that_the_store_is_away_and_their_pages_are_there_again_with_it(
    mortal: Server, tmp_path: Path
) -> None:
    """The page that says so needs no store itself: it does not ask whose session this is."""
    home = Home(tmp_path / "home", mortal.new())
    staff = create_staff(home, secure=False, today=lambda: TODAY, now=lambda: 1_000)
    db = staff.extensions["staff"].db
    account = staffing.add_account(db, "m@example.org", "M", {"tiny": frozenset({"manager"})}, TODAY).id
    with staff.test_request_context():
        sealed = staff.session_interface.seal({"token": staffing.begin_session(db, account, 1_000, second=True)})
    client = staff.test_client()
    client.set_cookie("staff", sealed, path="/staff")
    mortal.die()
    try:
        away = client.get("/", base_url="http://localhost/staff")
    finally:
        mortal.start()
    back = client.get("/", base_url="http://localhost/staff")
    db.close()
    assert "The database could not be read" in away.text
    assert (away.status_code, away.headers["Retry-After"]) == (503, "10")
    assert back.status_code == 200
    assert "Your surveys" in back.text


def test_a_connection_that_ends_when_a_transaction_begins_is_no_story_in_the_log(
    server: Server, postgres: Postgres, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The pool would tell it with every line of the programme, for each connection that a dead server leaves."""
    caplog.set_level(logging.WARNING)
    begin = module._beginning

    def cut_off_and_begin(writes: object) -> str:
        server.ask("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'surveyapp'")
        return begin(writes)

    with postgres.reading():
        pass
    monkeypatch.setattr(module, "_beginning", cut_off_and_begin)
    with suppress(SurveyError), postgres.reading():
        raise AssertionError("the connection was to end")
    assert [record.name for record in caplog.records] == []
