"""Jobs: each is done once, however many workers there are; one whose worker dies is taken up again, or says so."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest

from surveyapp import retaining, working
from surveyapp.config import Home
from surveyapp.problems import NotFound, Refused, SurveyError
from surveyapp.roles import TERMINAL
from surveyapp.storage import jobs
from surveyapp.storage.database import Database
from surveyapp.storage.jobs import Job
from surveyapp.working import KINDS, Task, queue
from tests.faults import workers
from tests.makers import TODAY, change, rows

pytestmark = pytest.mark.stores

MINUTE = 60


class Clock:
    """A clock that tests turn; never a fraction of a second."""

    def __init__(self) -> None:
        self.seconds = 1_326_700_000

    def __call__(self) -> int:
        return self.seconds


@pytest.fixture
def now() -> Clock:
    return Clock()


@pytest.fixture(autouse=True)
def _kinds(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Kinds that a test makes are gone after it."""
    known = dict(KINDS)
    yield
    KINDS.clear()
    KINDS.update(known)


def make_kind(do: Callable[[Task], str], name: str = "test") -> None:
    working.kind(name, "A test", "analyst")(do)


def make_job(db: Database, now: Clock, name: str = "test", wave: str = "tiny-1") -> Job:
    return working.ask(db, name, "tiny", wave, TERMINAL, now())


def writes(task: Task) -> str:
    task.place("made.txt").write_text("made")
    return "made.txt"


def run(db: Database, home: Home, now: Clock) -> Job:
    job = working.run_next(db, home, TODAY, now)
    assert job is not None
    return job


# ── a job's life ─────────────────────────────────────────────────────────────


def test_a_job_waits_is_done_and_leaves_its_file(db: Database, home: Home, now: Clock) -> None:
    make_kind(writes)
    asked = make_job(db, now)
    assert asked.state == "waiting"
    done = run(db, home, now)
    assert (done.id, done.state, done.file, done.lease) == (asked.id, "done", "made.txt", 0)
    assert working.file_of(home, done).read_text() == "made"
    assert working.run_next(db, home, TODAY, now) is None


def test_jobs_are_done_in_the_order_in_which_they_were_asked_for(db: Database, home: Home, now: Clock) -> None:
    make_kind(lambda task: "")
    for wave in ("c", "a", "b"):
        now.seconds += 1
        make_job(db, now, wave=wave)
    assert [run(db, home, now).wave for _ in range(3)] == ["c", "a", "b"]
    assert [job.wave for job in working.listed(db, "tiny")] == ["b", "a", "c"]


def test_who_asks_twice_while_it_waits_gets_the_same_job(db: Database, home: Home, now: Clock) -> None:
    make_kind(lambda task: "")
    first = make_job(db, now)
    assert make_job(db, now) == first
    assert make_job(db, now, wave="tiny-2") != first
    working.run_waiting(db, home, TODAY, now)
    assert make_job(db, now).id != first.id


def test_nobody_asks_for_work_that_there_is_not(db: Database, now: Clock) -> None:
    with pytest.raises(KeyError):
        make_job(db, now, "nonsense")


def test_a_job_tells_how_far_it_is(db: Database, home: Home, now: Clock) -> None:
    def tells(task: Task) -> str:
        task.tell("letter 1", 1, 3)
        assert working.found(db, "tiny", task.job.id).said == "letter 1"
        for letter in (2, 3):
            task.tell(f"letter {letter}", letter, 3)
        return ""

    make_kind(tells)
    make_job(db, now)
    done = run(db, home, now)
    assert (done.said, done.done, done.total) == ("letter 3", 3, 3)


def test_what_is_told_at_every_step_is_not_written_at_every_step(db: Database, home: Home, now: Clock) -> None:
    written = []

    def tells(task: Task) -> str:
        for step in range(1000):
            task.tell("on the way", step, 1000)
            written.append(working.found(db, "tiny", task.job.id).done) if step % 100 == 99 else None
        return ""

    make_kind(tells)
    make_job(db, now)
    began = time.monotonic()
    run(db, home, now)
    assert len(set(written)) <= (time.monotonic() - began) / queue.OFTEN + 1


def test_a_job_of_another_survey_is_not_there(db: Database, home: Home, now: Clock) -> None:
    make_kind(writes)
    job = make_job(db, now)
    run(db, home, now)
    for act in (working.found, working.take_back):
        with pytest.raises(NotFound, match="there is no such job"):
            act(db, "other", job.id)
    with pytest.raises(NotFound, match="there is no such job"):
        working.throw_away(db, home, "other", job.id)
    assert working.listed(db, "other") == []


# ── what goes wrong ──────────────────────────────────────────────────────────


def test_a_refusal_is_told_in_its_own_words(db: Database, home: Home, now: Clock) -> None:
    def refuses(task: Task) -> str:
        writes(task)
        raise SurveyError("3 answers wait in the tray; open it first")

    make_kind(refuses)
    make_job(db, now)
    failed = run(db, home, now)
    assert (failed.state, failed.said) == ("failed", "3 answers wait in the tray; open it first")
    assert not home.job(failed.id.hex()).exists(), "half a file is no file"
    with pytest.raises(NotFound, match="made no file"):
        working.file_of(home, failed)


def test_problems_are_all_told(db: Database, home: Home, now: Clock) -> None:
    from surveyapp.problems import Problem

    def refuses(task: Task) -> str:
        raise Refused([Problem("a", "is wrong", "mend it"), Problem("b", "is wrong", "mend it")])

    make_kind(refuses)
    make_job(db, now)
    assert run(db, home, now).said == "a: is wrong; mend it\nb: is wrong; mend it"


def test_an_unforeseen_error_is_noted_by_type_and_line_alone(
    db: Database, home: Home, now: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(task: Task) -> str:
        raise ValueError("CANARY-17")

    make_kind(fails)
    make_job(db, now)
    with caplog.at_level(logging.INFO, "surveyapp"):
        failed = run(db, home, now)
    assert failed.state == "failed"
    assert "nobody had foreseen" in failed.said
    assert "fault ValueError at queue.py:" in caplog.text
    assert "CANARY" not in caplog.text + failed.said
    assert working.run_next(db, home, TODAY, now) is None, "the worker lives, and does not try again"


def test_a_kind_that_this_version_does_not_know_says_so(db: Database, home: Home, now: Clock) -> None:
    make_kind(lambda task: "", "from-the-future")
    make_job(db, now, "from-the-future")
    del KINDS["from-the-future"]
    failed = run(db, home, now)
    assert (failed.state, failed.said) == (
        "failed",
        "this version of surveyapp knows no such work; update the worker",
    )


def test_only_a_plain_name_in_the_jobs_own_folder_is_its_file(db: Database, home: Home, now: Clock) -> None:
    make_kind(lambda task: "../../keys/staff")
    job = make_job(db, now)
    (home.make().keys / "staff").write_text("secret")
    run(db, home, now)
    with pytest.raises(NotFound):
        working.file_of(home, working.found(db, "tiny", job.id))


def test_a_file_on_another_machine_is_told_apart(db: Database, home: Home, tmp_path: Path, now: Clock) -> None:
    make_kind(writes)
    make_job(db, now)
    done = run(db, home, now)
    with pytest.raises(NotFound, match="not on this machine"):
        working.file_of(Home(tmp_path / "elsewhere"), done)


# ── taken back, given back, thrown away ──────────────────────────────────────


def test_a_waiting_job_that_is_taken_back_is_not_done(db: Database, home: Home, now: Clock) -> None:
    make_kind(writes)
    job = make_job(db, now)
    assert working.take_back(db, "tiny", job.id).state == "left"
    assert working.run_next(db, home, TODAY, now) is None
    with pytest.raises(SurveyError, match="this job is over"):
        working.take_back(db, "tiny", job.id)


def test_a_job_at_work_that_is_taken_back_stops_at_its_next_step(db: Database, home: Home, now: Clock) -> None:
    steps = []

    def works(task: Task) -> str:
        for step in range(3):
            task.tell("working", step, 3)
            steps.append(writes(task))
            working.take_back(db, "tiny", task.job.id)
            time.sleep(queue.OFTEN)
        return "made.txt"

    make_kind(works)
    make_job(db, now)
    left = run(db, home, now)
    assert (left.state, left.said, steps) == ("left", "taken back", ["made.txt"])
    assert not home.job(left.id.hex()).exists()


def test_a_job_taken_back_in_its_last_step_stays_taken_back(db: Database, home: Home, now: Clock) -> None:
    def works(task: Task) -> str:
        working.take_back(db, "tiny", task.job.id)
        return writes(task)

    make_kind(works)
    make_job(db, now)
    left = run(db, home, now)
    assert (left.state, left.file) == ("left", "")
    assert not home.job(left.id.hex()).exists()


def test_a_worker_that_is_to_end_gives_its_job_back(db: Database, home: Home, now: Clock) -> None:
    def works(task: Task) -> str:
        task.tell("half way", 1, 2)
        return writes(task)

    make_kind(works)
    make_job(db, now)
    job = working.run_next(db, home, TODAY, now, stopping=lambda: True)
    assert job is not None
    assert (job.state, job.tries, job.said) == ("waiting", 0, "")
    assert run(db, home, now).state == "done"


def test_what_a_job_made_is_erased_with_it(db: Database, home: Home, now: Clock) -> None:
    make_kind(writes)
    job = make_job(db, now)
    with pytest.raises(SurveyError, match="not over yet"):
        working.throw_away(db, home, "tiny", job.id)
    run(db, home, now)
    working.throw_away(db, home, "tiny", job.id)
    assert working.listed(db, "tiny") == []
    assert not home.job(job.id.hex()).exists()


def test_jobs_of_more_than_30_days_are_erased_by_retention(db: Database, home: Home, now: Clock) -> None:
    make_kind(writes)
    old = make_job(db, now)
    run(db, home, now)
    stray = home.jobs / "0123"
    stray.mkdir()
    (stray / "left.csv").write_text("of a worker that was thought dead")
    asked_on = date(2012, 1, 16)
    assert retaining.run(db, home, asked_on + timedelta(days=30)).jobs == 0
    assert working.listed(db, "tiny")[0].id == old.id
    assert not stray.exists()
    assert retaining.run(db, home, asked_on + timedelta(days=31)).jobs == 1
    assert working.listed(db, "tiny") == []
    assert list(home.jobs.iterdir()) == []


# ── several workers, and dead ones ───────────────────────────────────────────


def test_a_long_step_without_a_word_is_not_taken_for_death(
    db: Database, home: Home, now: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "BEAT", 0.02)
    seen = []

    def sleeps(task: Task) -> str:
        now.seconds += MINUTE
        time.sleep(0.3)
        with db.reading() as connection:
            seen.append(jobs.wanting(connection, now()))
        return ""

    make_kind(sleeps)
    make_job(db, now)
    assert run(db, home, now).state == "done"
    assert seen == [False]


def test_a_job_of_a_dead_worker_is_doubted_and_then_taken_up(db: Database, home: Home, now: Clock) -> None:
    make_kind(writes)
    make_job(db, now)
    with db.transaction() as connection:
        dead = jobs.take(connection, now(), now() + queue.LEASE)
    assert dead is not None
    assert working.run_next(db, home, TODAY, now) is None, "it is at work"
    now.seconds += queue.LEASE + 1
    assert working.run_next(db, home, TODAY, now) is None, "it may be waiting for its turn to write"
    assert working.found(db, "tiny", dead.id).state == "doubted"
    now.seconds += queue.DOUBT + 1
    done = run(db, home, now)
    assert (done.state, done.tries) == ("done", 2)


def test_a_doubted_worker_that_is_heard_keeps_its_job(db: Database, home: Home, now: Clock) -> None:
    def works(task: Task) -> str:
        now.seconds += queue.LEASE + 1
        assert working.run_next(db, home, TODAY, now) is None
        task.keep()
        now.seconds += queue.DOUBT + 1
        assert working.run_next(db, home, TODAY, now) is None
        return ""

    make_kind(works)
    make_job(db, now)
    done = run(db, home, now)
    assert (done.state, done.tries) == ("done", 1)


def test_a_worker_that_was_thought_dead_spoils_nothing(db: Database, home: Home, now: Clock) -> None:
    turns = []

    def works(task: Task) -> str:
        turns.append(task.job.tries)
        if task.job.tries == 1:
            for wait in (queue.LEASE, queue.DOUBT):
                now.seconds += wait + 1
                working.run_next(db, home, TODAY, now)
            with pytest.raises(working.Stopped):
                task.keep()
            return "wrong.txt"
        return writes(task)

    make_kind(works)
    make_job(db, now)
    done = run(db, home, now)
    assert (turns, done.state, done.file, done.tries) == ([1, 2], "done", "made.txt", 2)
    assert working.file_of(home, done).read_text() == "made"


def test_work_that_kills_its_worker_three_times_says_so(db: Database, home: Home, now: Clock) -> None:
    make_kind(writes)
    job = make_job(db, now)
    for _ in range(3):
        with db.transaction() as connection:
            assert jobs.take(connection, now(), now() + queue.LEASE)
        now.seconds += queue.LEASE + 1
        assert working.run_next(db, home, TODAY, now) is None
        now.seconds += queue.DOUBT + 1
    failed = run(db, home, now)
    assert (failed.id, failed.state) == (job.id, "failed")
    assert "begun 3 times" in failed.said


def test_forty_jobs_and_four_workers_in_processes_of_their_own_each_done_once(
    db: Database, home: Home, tmp_path: Path, now: Clock
) -> None:
    make_kind(lambda task: "", "told")
    for wave in range(40):
        make_job(db, now, "told", f"wave-{wave}")
    told = tmp_path / "told"
    workers.together(4, db.place, home, told)
    assert sorted(told.read_text().split()) == sorted(f"wave-{wave}" for wave in range(40))
    assert {(job.state, job.tries) for job in working.listed(db, "tiny")} == {("done", 1)}


def test_a_worker_killed_at_work_leaves_its_job_to_the_next(
    db: Database, home: Home, tmp_path: Path, now: Clock
) -> None:
    make_kind(writes, "deadly")
    job = make_job(db, now, "deadly")
    workers.killed_at_work(db.place, home, tmp_path / "begun", now())
    known = working.found(db, "tiny", job.id)
    assert (known.state, known.tries) == ("running", 1)
    assert (home.job(job.id.hex()) / "half.txt").exists()
    for wait in (queue.LEASE, queue.DOUBT):
        now.seconds += wait + 1
        done = working.run_next(db, home, TODAY, now)
    assert done is not None
    assert (done.state, done.tries) == ("done", 2)


def test_a_worker_goes_on_when_the_store_cannot_be_used(db: Database, home: Home, now: Clock) -> None:
    make_kind(lambda task: "")
    job = make_job(db, now)
    turns = iter([False, False, False, True, True])
    change(db, "ALTER TABLE job RENAME TO away")
    change(db, "ALTER TABLE away RENAME TO job")
    working.work(db, home, lambda: TODAY, now, lambda _: next(turns), pause=0)
    assert working.found(db, "tiny", job.id).state == "done"


def test_nothing_of_a_job_is_left_in_the_file_when_it_is_thrown_away(db: Database, home: Home, now: Clock) -> None:
    make_kind(lambda task: "")
    job = make_job(db, now)
    run(db, home, now)
    working.throw_away(db, home, "tiny", job.id)
    assert rows(db, "SELECT count(*) FROM job") == [(0,)]


def test_the_heart_ends_with_its_job(db: Database, home: Home, now: Clock) -> None:
    make_kind(lambda task: "")
    make_job(db, now)
    run(db, home, now)
    assert [thread for thread in threading.enumerate() if thread.name == "heart"] == []
