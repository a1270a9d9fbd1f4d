"""The PostgreSQL server dies while four processes send, and is started again: nobody who was told is lost."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from surveyapp.problems import NotSaved, SurveyError
from surveyapp.storage import postgres
from surveyapp.storage.database import connect
from tests import server as private
from tests.faults import victims
from tests.faults.books import assert_books_balance
from tests.makers import make_answers, make_frame, make_wave, send
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


def _killed_and_started_again(server: Server) -> None:
    data = server.folder / "data"
    private._run("pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")
    private._run("pg_ctl", "-D", data, "-l", server.log, "-w", "-t", "60", "start")


def test_nobody_who_was_told_is_lost_with_a_server_that_died(
    mortal: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And with commits that are reported before they are on the disk somebody is, which proves the test."""
    assert _lost(mortal, tmp_path / "ours") == ""
    monkeypatch.setitem(postgres.SETTINGS, "synchronous_commit", "off")
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
    _killed_and_started_again(server)
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
