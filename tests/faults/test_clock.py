"""The clock is set back or forward: nothing lasts for ever by it, nobody is locked out, nothing is lost.

Each careless version is what stood there, or would: a comparison with an end and no thought of the other side.
"""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import time_machine
from flask import Flask

from surveyapp import admitting, campaigning, collecting, privacy, retaining, staffing, working, writing
from surveyapp.admitting import Porch, ShutOut
from surveyapp.config import Home
from surveyapp.keyring import Keys
from surveyapp.mail import Folder
from surveyapp.problems import NotAdmitted, WaveNotOpen
from surveyapp.roles import TERMINAL
from surveyapp.storage import accounts, jobs
from surveyapp.storage.database import Database
from surveyapp.storage.jobs import RUNNING
from surveyapp.web.cookies import SealedCookies
from surveyapp.working import queue
from surveyapp.working.queue import KINDS, Kind
from surveyapp.writing import Desk
from tests.faults import places
from tests.faults.books import assert_books_balance, assert_pages_open
from tests.faults.places import WAVE, store
from tests.makers import PEPPER, TODAY, as_form, make_answers, make_home, make_wave, send

NOW = 1_326_700_000
HOUR, DAY, YEAR = 3600, 86_400, 365 * 86_400
KEY, EMAIL, PASSWORD = b"k" * 32, "analyst@example.org", "correct horse battery"


# ── respondents ──────────────────────────────────────────────────────────────


@pytest.mark.stores
def test_a_clock_ahead_shuts_the_door_and_a_right_one_opens_it_again(db: Database, home: Home) -> None:
    """Nothing is erased by a day that only seemed to have come."""
    last_day = TODAY + timedelta(days=20)
    _, key, codes = make_wave(db, closes=last_day)
    code = codes["U001"]
    visit = collecting.enter(db, PEPPER, code, TODAY)
    collecting.save_all(db, visit, as_form(make_answers(issues=code)), TODAY)
    for wrong in (last_day + timedelta(days=1), date(2030, 1, 1)):
        with pytest.raises(WaveNotOpen):
            collecting.enter(db, PEPPER, code, wrong)
        with pytest.raises(WaveNotOpen):
            collecting.submit(db, visit, wrong)
        retaining.run(db, home, wrong)
    assert_pages_open(db, [(code, make_answers(issues=code))])
    collecting.submit(db, visit, TODAY)
    assert_books_balance(db, [code], WAVE, key)


@pytest.mark.stores
@pytest.mark.parametrize("days", [-400, -1, 1])
def test_who_answers_while_the_clock_is_wrong_is_received_once(db: Database, days: int) -> None:
    _, key, codes = make_wave(db)
    send(db, codes["U001"], make_answers(issues=codes["U001"]), today=TODAY + timedelta(days=days))
    send(db, codes["U002"], make_answers(issues=codes["U002"]))
    campaigning.close_wave(db, WAVE, TODAY)
    assert_books_balance(db, [codes["U001"], codes["U002"]], WAVE, key)


@pytest.mark.parametrize(("away", "known"), [(-2 * HOUR, False), (-HOUR, True), (HOUR, True), (2 * HOUR, False)])
def test_a_visit_lasts_no_longer_by_a_clock_that_is_set_back(away: int, known: bool) -> None:
    """Beyond that the access code is asked for once more; what was saved is there."""
    cookies = SealedCookies(Keys(KEY), secure=False)
    with time_machine.travel(NOW, tick=False):
        sealed = cookies.seal({"token": "t"})
    app = Flask(__name__)
    with (
        time_machine.travel(NOW + away, tick=False),
        app.test_request_context(headers={"Cookie": f"answer={sealed}"}) as context,
    ):
        assert cookies.open_session(app, context.request) == ({"token": "t"} if known else {})


# ── letters ──────────────────────────────────────────────────────────────────


def test_nobody_is_written_to_twice_by_a_clock_that_went_ahead_and_came_back(folder: Path) -> None:
    """Reminders that went too early are not sent again on their day, and none is sent before the invitation."""
    place = places.uninvited(folder)
    db = store(place.home)

    def run(days: int, remind: bool = True) -> int:
        out = Folder(place.home.outbox / WAVE)
        desk = Desk(db, place.home.outbox_key, out, TODAY + timedelta(days=days))
        headings = {"address": "https://x.example", "sender": "office@example.org"}
        if not remind:
            return writing.invite(desk, WAVE, **headings).sent
        return writing.remind(desk, WAVE, [10, 20], **headings).sent

    assert run(0, remind=False) == 8
    days = (-30, 11, 2, 11, 12, 19, 20, 20, 5)
    assert [run(day) for day in days] == [0, 8, 0, 0, 0, 0, 8, 0, 0]
    assert len(list((place.home.outbox / WAVE).glob("*.eml"))) == 8 * 3
    db.close()


def test_a_rule_that_only_looks_at_the_last_letter_s_day_would_write_twice(
    monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    def careless(everybody: Any, rule: Any, _kind: str, today: date) -> list[Any]:
        first = timedelta(days=rule[0])
        invited = [(a, date.fromisoformat(a.invited_on)) for a in everybody if a.invited_on]
        return [(a, "") for a, day in invited if today >= day + first and a.reminded_on != today.isoformat()]

    monkeypatch.setattr(writing, "_due", careless)
    with pytest.raises(AssertionError):
        test_nobody_is_written_to_twice_by_a_clock_that_went_ahead_and_came_back(folder)


# ── staff ────────────────────────────────────────────────────────────────────


@pytest.fixture
def porch(db: Database) -> Any:
    """The door at a time; somebody has an account."""
    staffing.add_account(db, EMAIL, "Ann", {"tiny": frozenset({"analyst"})}, TODAY, PASSWORD)
    return lambda seconds=0: Porch(db, KEY, NOW + seconds)


def test_a_session_of_a_clock_ahead_ends_when_the_clock_is_right(db: Database, porch: Any) -> None:
    token = admitting.enter(porch(YEAR), EMAIL, PASSWORD).token
    assert staffing.member(db, token, NOW + YEAR + HOUR)
    assert staffing.member(db, token, NOW) is None
    assert admitting.enter(porch(), EMAIL, PASSWORD).done, "nobody is locked out by it"


def test_a_session_goes_on_over_a_clock_that_is_set_by_minutes(db: Database, porch: Any) -> None:
    token = admitting.enter(porch(), EMAIL, PASSWORD).token
    assert staffing.member(db, token, NOW - 10 * 60)
    assert staffing.member(db, token, NOW + 10 * 60)


def test_a_door_that_was_shut_by_a_clock_ahead_is_open_when_the_clock_is_right(porch: Any) -> None:
    _guess(porch(YEAR))
    with pytest.raises(ShutOut):
        admitting.enter(porch(YEAR), EMAIL, PASSWORD)
    assert admitting.enter(porch(), EMAIL, PASSWORD).done


def test_a_door_that_is_shut_stays_so_over_a_clock_that_is_set_back_a_little(porch: Any) -> None:
    """Or whoever guesses would only have to wait for it."""
    _guess(porch())
    for seconds in (-60, 0, 60):
        with pytest.raises(ShutOut):
            admitting.enter(porch(seconds), EMAIL, PASSWORD)


def test_a_link_of_a_clock_ahead_is_good_no_longer_than_any(db: Database, porch: Any) -> None:
    staffing.add_account(db, "new@example.org", "New", {}, TODAY)
    code = staffing.invitation(db, "new@example.org", NOW + YEAR)
    with pytest.raises(admitting.UnknownLink):
        admitting.read_link(db, code, NOW)
    assert admitting.read_link(db, staffing.invitation(db, "new@example.org", NOW), NOW)


def test_without_an_upper_end_sessions_and_shut_doors_would_last_for_a_year(
    monkeypatch: pytest.MonkeyPatch, db: Database, porch: Any
) -> None:
    def careless(until: sa.ColumnElement[int], now: int) -> sa.ColumnElement[bool]:
        return until > now

    monkeypatch.setattr(accounts, "_lasts", careless)
    with pytest.raises(AssertionError):
        test_a_session_of_a_clock_ahead_ends_when_the_clock_is_right(db, porch)
    with pytest.raises(ShutOut):
        test_a_door_that_was_shut_by_a_clock_ahead_is_open_when_the_clock_is_right(porch)


def test_a_code_of_the_second_factor_is_good_for_once_whatever_the_clock_does(db: Database, porch: Any) -> None:
    """With a clock that is plainly wrong no code fits, and a recovery code opens; later codes fit as ever."""
    secret, spares = _with_second(porch)
    used = privacy.second_code(secret, NOW + 60)
    assert _shown(porch, 60, used)
    for wrong in (60 - 30, 60, 60 + 30):
        assert not _shown(porch, wrong, used), "a clock that is set back must not make a used code good"
    assert not _shown(porch, DAY, privacy.second_code(secret, NOW + 120)), "the phone is right, the server is not"
    ahead = admitting.enter(porch(DAY), EMAIL, PASSWORD).token
    assert admitting.show_spare(porch(DAY), ahead, spares[0])[0].done
    assert _shown(porch, 120, privacy.second_code(secret, NOW + 120)), "the clock is right again"


def test_the_trail_is_whole_over_a_clock_that_is_set_back(db: Database) -> None:
    for now in (NOW, NOW + YEAR, NOW - DAY, NOW):
        staffing.record(db, now, EMAIL, "signed-in")
    assert staffing.broken(db) is None
    assert [number for number, _ in staffing.acts(db)] == [4, 3, 2, 1], "in the order in which it was done"


def _guess(porch: Porch) -> None:
    for _ in range(admitting.MOST_FAILURES):
        with pytest.raises(NotAdmitted):
            admitting.enter(porch, EMAIL, "wrong")


def _with_second(porch: Any) -> tuple[str, list[str]]:
    secret = privacy.new_second()
    token = admitting.enter(porch(), EMAIL, PASSWORD).token
    code = privacy.second_code(secret, NOW)
    _, spares = admitting.set_up(porch(), token, secret, code, PASSWORD)
    return secret, spares


def _shown(porch: Any, seconds: int, code: str) -> bool:
    token = admitting.enter(porch(seconds), EMAIL, PASSWORD).token
    try:
        return admitting.show_second(porch(seconds), token, code).done
    except NotAdmitted:
        return False


# ── jobs ─────────────────────────────────────────────────────────────────────


def test_a_job_of_a_worker_that_died_while_the_clock_was_ahead_is_taken_up(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(KINDS, "told", Kind("Tells", ("analyst",), lambda _task: ""))
    home, asked = make_home(db.place.parent), working.ask(db, "told", "tiny", WAVE, TERMINAL, NOW)
    with db.transaction() as connection:
        jobs.take(connection, NOW + YEAR, NOW + YEAR + queue.LEASE)
    assert queue.run_next(db, home, TODAY, lambda: NOW) is None, "doubted first: its worker may be heard"
    done = queue.run_next(db, home, TODAY, lambda: NOW + queue.DOUBT + 1)
    assert done is not None
    assert (done.id, done.state) == (asked.id, "done")


def test_a_lease_without_an_upper_end_would_keep_a_job_for_a_year(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "LONGEST_LEASE", 10 * YEAR)
    with pytest.raises(AssertionError):
        test_a_job_of_a_worker_that_died_while_the_clock_was_ahead_is_taken_up(db, monkeypatch)
    assert [job.state for job in working.listed(db, "tiny")] == [RUNNING]


@pytest.mark.parametrize("jump", [-YEAR, YEAR])
def test_a_worker_at_work_keeps_its_job_over_a_jump_of_the_clock(
    db: Database, monkeypatch: pytest.MonkeyPatch, jump: int
) -> None:
    seconds = NOW

    def works(task: queue.Task) -> str:
        nonlocal seconds
        seconds += jump
        assert queue.run_next(db, task.home, TODAY, lambda: seconds) is None
        task.keep()
        seconds += queue.DOUBT + 1
        assert queue.run_next(db, task.home, TODAY, lambda: seconds) is None
        return ""

    monkeypatch.setitem(KINDS, "told", Kind("Tells", ("analyst",), works))
    working.ask(db, "told", "tiny", WAVE, TERMINAL, NOW)
    done = queue.run_next(db, make_home(db.place.parent), TODAY, lambda: seconds)
    assert done is not None
    assert (done.state, done.tries) == ("done", 1)


# ── retention ────────────────────────────────────────────────────────────────


def test_a_clock_ahead_erases_early_what_is_erased_some_day_and_never_an_answer(folder: Path) -> None:
    """Answers in the tray keep their key, whatever day it seems to be; of a wave in the field nothing goes."""
    place = places.fielded(folder / "field", sent=10, saved=5)
    closed = places.fielded(folder / "closed", sent=10)
    for here in (place, closed):
        db = store(here.home)
        if here is closed:
            campaigning.close_wave(db, WAVE, TODAY)
        for day in (date(2030, 1, 1), date(2000, 1, 1), TODAY):
            retaining.run(db, here.home, day)
        assert_books_balance(db, here.sent, WAVE, here.key)
        assert_pages_open(db, [(code, make_answers(issues=code)) for code in here.saved])
        db.close()


def test_a_clock_behind_erases_nothing_that_is_not_due(folder: Path) -> None:
    place = places.released(folder)
    db = store(place.home)
    assert retaining.run(db, place.home, date(2000, 1, 1)).waves == {}
    assert retaining.run(db, place.home, TODAY + timedelta(days=100)).waves[WAVE].keys() == set(retaining.PARTS)
    assert retaining.run(db, place.home, date(2000, 1, 1)).waves == {}
    assert_books_balance(db, place.sent, WAVE, place.key)
    db.close()
