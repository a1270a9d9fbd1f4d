"""Files that were handed in: read by one job, taken in by another, once, whoever is killed; and then erased."""

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from surveyapp import framing, preparing, privacy, retaining, working
from surveyapp.config import Home
from surveyapp.preparing import Hand
from surveyapp.problems import NotFound
from surveyapp.roles import TERMINAL
from surveyapp.storage import jobs
from surveyapp.storage.database import Database, connect
from surveyapp.storage.jobs import Job
from surveyapp.working import imports, queue
from surveyapp.working.imports import Clerk, File, Import
from tests.faults import victims
from tests.makers import TODAY, make_frame, make_wave, rows

pytestmark = pytest.mark.stores

LARGE = b"\n" * (imports.AT_ONCE + 1)
"""Empty lines: a file with them is read by a worker."""

RETURNS = b"unit,kind,sources.a,partners.police,issues\nU001,yes,1,more,Hedgehogs.\nU002,no,0,less,\n"
HOW = {"unit_column": "unit", "partial": False, "again": False}
PLAIN = {"sheet": "", "named": {}, "left_out": [], "accepted": []}
AT = 1_326_700_000


def clerk(db: Database, home: Home, wave: str = "tiny-1") -> Clerk:
    return Clerk(db, home, "tiny", wave, TERMINAL, TODAY, lambda: AT)


def run(db: Database, home: Home, at: int = AT) -> Job | None:
    return working.run_next(db, home, TODAY, lambda: at)


def returns_in(db: Database, home: Home, content: bytes = RETURNS + LARGE) -> tuple[bytes, Job]:
    return imports.hand_in(clerk(db, home), imports.LOOK_AT_RETURNS, File("paper.csv", content, HOW))


def looked_at(db: Database, home: Home, id_: bytes, look: str = imports.LOOK_AT_RETURNS) -> Import:
    return imports.found(db, home, "tiny-1", look, id_)


def confirmed(db: Database, home: Home, id_: bytes) -> Job:
    job = imports.confirm(clerk(db, home), imports.LOAD_RETURNS, looked_at(db, home, id_), 1)
    assert job is not None
    return job


def kinds(db: Database, key: bytes, wave) -> list[str]:
    boxes = rows(db, "SELECT box FROM tray")
    opened = (json.loads(privacy.open_box(key, bytes(box), wave.seal_info)) for (box,) in boxes)
    return sorted(content["answers"]["kind"] for content in opened)


def files(db: Database) -> list[int]:
    return [length for (length,) in rows(db, "SELECT length(box) FROM upload")]


def frame_of(number: int) -> bytes:
    lines = [f"{u.unit},{u.name},{u.email},{u.contact},{u.strata['region']}" for u in make_frame(number).units]
    return "\n".join(["unit,name,email,contact,region", *lines]).encode()


# ── looked at, confirmed, stored ─────────────────────────────────────────────


def test_a_large_file_waits_for_a_worker_and_is_loaded_when_it_is_confirmed(db: Database, home: Home) -> None:
    wave, key, _ = make_wave(db)
    id_, asked = returns_in(db, home)
    assert (asked.state, looked_at(db, home, id_).state) == ("waiting", "unread")
    run(db, home)
    seen = looked_at(db, home, id_)
    assert (seen.state, seen.told["returns"], seen.told["marked"]) == ("ready", 2, 2)
    assert kinds(db, key, wave) == []
    confirmed(db, home, id_)
    run(db, home)
    assert kinds(db, key, wave) == ["no", "yes"]
    assert (looked_at(db, home, id_).state, files(db)) == ("loaded", [0])


def test_who_confirms_twice_asks_once(db: Database, home: Home) -> None:
    make_wave(db)
    id_, _ = returns_in(db, home)
    run(db, home)
    assert confirmed(db, home, id_).id == confirmed(db, home, id_).id


def test_a_refused_file_stores_nothing_and_is_erased(db: Database, home: Home) -> None:
    wave, key, _ = make_wave(db)
    id_, _ = returns_in(db, home, RETURNS.replace(b"U002,no", b"U999,perhaps") + LARGE)
    done = run(db, home)
    assert done is not None
    assert (done.state, done.said) == (
        "done",
        "it has 2 problems; nothing was stored, and the file is erased. The reasons stand on its page",
    )
    refused = looked_at(db, home, id_)
    assert (refused.state, len(refused.problems), files(db)) == ("refused", 2, [0])
    assert imports.confirm(clerk(db, home), imports.LOAD_RETURNS, refused, 1) is None
    assert kinds(db, key, wave) == []


def test_a_large_newer_frame_is_shown_and_then_loaded(db: Database, home: Home) -> None:
    make_wave(db)
    file = File("new.csv", frame_of(41) + LARGE, PLAIN)
    id_, _ = imports.hand_in(clerk(db, home), imports.LOOK_AT_FRAME, file)
    run(db, home)
    seen = looked_at(db, home, id_, imports.LOOK_AT_FRAME)
    assert seen.told["counts"] == "1 new, 0 changed, 0 gone"
    assert framing.sought(db, "tiny-1")[0] == 40
    imports.confirm(clerk(db, home), imports.LOAD_FRAME, seen, seen.look)
    run(db, home)
    assert framing.sought(db, "tiny-1")[0] == 41
    assert files(db) == [0]


def test_a_job_does_not_keep_what_it_read(db: Database, home: Home) -> None:
    """Neither the name of the file, nor an organisation, nor an answer, nor how many returns there were."""
    make_wave(db)
    id_, _ = returns_in(db, home)
    run(db, home)
    confirmed(db, home, id_)
    run(db, home)
    kept = [(job.settings.keys() - {"look"}, job.said, job.done, job.total) for job in working.listed(db, "tiny")]
    assert sorted(kept, key=str) == [
        ({"upload"}, "every return of the file is sealed in the tray", 0, 0),
        ({"upload"}, "the file can be loaded; nothing is loaded before that is confirmed", 0, 0),
    ]


# ── killed ───────────────────────────────────────────────────────────────────


def work_once(place, home: Home) -> None:
    db = connect(place)
    working.run_next(db, home, TODAY, lambda: AT)
    db.close()


def taken_up(db: Database, home: Home) -> None:
    """What a dead worker left is done, as soon as it is known to be dead."""
    for wait in (queue.LEASE + 1, queue.LEASE + queue.DOUBT + 2):
        run(db, home, AT + wait)


@pytest.mark.parametrize(
    "step",
    [("after", "INSERT INTO tray"), ("after", "INSERT INTO upload"), ("before", "file=")],
    ids=["sealed", "erased", "committed"],
)
def test_returns_are_loaded_once_whenever_the_worker_is_killed(
    db: Database, home: Home, step: tuple[str, str]
) -> None:
    wave, key, _ = make_wave(db)
    id_, _ = returns_in(db, home)
    run(db, home)
    job = confirmed(db, home, id_)
    victims.killed_at(step, work_once, db.place, home)
    assert kinds(db, key, wave) == (["no", "yes"] if step == ("before", "file=") else [])
    taken_up(db, home)
    assert kinds(db, key, wave) == ["no", "yes"]
    assert (working.found(db, "tiny", job.id).state, files(db)) == ("done", [0])
    assert run(db, home, AT + 1000) is None


def test_a_reading_that_is_killed_is_taken_up(db: Database, home: Home) -> None:
    make_wave(db)
    id_, _ = returns_in(db, home)
    victims.killed_at(("before", "UPDATE upload"), work_once, db.place, home)
    assert looked_at(db, home, id_).state == "unread"
    taken_up(db, home)
    assert looked_at(db, home, id_).state == "ready"


def test_a_worker_that_was_thought_dead_loads_nothing_a_second_time(db: Database, home: Home) -> None:
    wave, key, _ = make_wave(db)
    id_, _ = returns_in(db, home)
    run(db, home)
    confirmed(db, home, id_)
    with db.transaction() as connection:
        thought_dead = jobs.take(connection, AT, AT + queue.LEASE)
    assert thought_dead is not None
    taken_up(db, home)
    assert kinds(db, key, wave) == ["no", "yes"]
    queue.carry_out(working.Task(thought_dead, db, home, TODAY, lambda: AT))
    assert kinds(db, key, wave) == ["no", "yes"]


def test_a_worker_without_the_key_of_the_installation_says_so_and_makes_none(db: Database, home: Home) -> None:
    make_wave(db)
    id_, _ = returns_in(db, home)
    key = (home.keys / "staff").rename(home.keys / "away")
    failed = run(db, home)
    assert failed is not None
    assert (failed.state, "keys/staff" in failed.said) == ("failed", True)
    assert not (home.keys / "staff").exists()
    key.rename(home.keys / "staff")
    assert looked_at(db, home, id_).state == "unread"


# ── taken back, thrown away, too old ─────────────────────────────────────────


def take_back(db: Database, home: Home, job: Job) -> None:
    working.take_back(db, "tiny", job.id)


def throw_away(db: Database, home: Home, job: Job) -> None:
    take_back(db, home, job)
    working.throw_away(db, home, "tiny", job.id)


@pytest.mark.parametrize("leave", [take_back, throw_away])
def test_a_job_that_is_left_takes_its_file_with_it(
    db: Database, home: Home, leave: Callable[[Database, Home, Job], None]
) -> None:
    wave, key, _ = make_wave(db)
    id_, _ = returns_in(db, home)
    run(db, home)
    leave(db, home, confirmed(db, home, id_))
    assert run(db, home) is None
    assert (kinds(db, key, wave), files(db)) == ([], [])
    with pytest.raises(NotFound, match="Hand it in again"):
        looked_at(db, home, id_)


def test_a_file_that_is_thrown_away_while_it_is_read_stores_nothing(db: Database, home: Home) -> None:
    wave, key, _ = make_wave(db)
    id_, _ = returns_in(db, home)
    run(db, home)
    confirmed(db, home, id_)
    imports.give_up(db, id_)
    failed = run(db, home)
    assert failed is not None
    assert (failed.state, "Hand it in again" in failed.said) == ("failed", True)
    assert kinds(db, key, wave) == []


def test_a_job_taken_back_just_before_it_stores_stores_nothing(db: Database, home: Home) -> None:
    wave, key, _ = make_wave(db)
    id_, _ = returns_in(db, home)
    run(db, home)
    confirmed(db, home, id_)
    with db.transaction() as connection:
        mine = jobs.take(connection, AT, AT + queue.LEASE)
        assert mine is not None
        jobs.leave(connection, mine.id, "taken back")
    left = queue.carry_out(working.Task(mine, db, home, TODAY, lambda: AT))
    assert (left.state, kinds(db, key, wave)) == ("left", [])


@pytest.mark.postgres
def test_on_a_server_no_erased_row_is_left(postgres: Database, home: Home) -> None:
    make_wave(postgres)
    id_, _ = returns_in(postgres, home)
    assert rows(postgres, "SELECT pg_total_relation_size('upload') > 100000") == [(True,)]
    run(postgres, home)
    confirmed(postgres, home, id_)
    run(postgres, home)
    assert rows(postgres, "SELECT pg_total_relation_size('upload') < 100000") == [(True,)]


# ── a wave that is being prepared ────────────────────────────────────────────


def prepared(db: Database, content: bytes) -> preparing.Preparation:
    make_wave(db)
    hand = Hand("ann@example.org", TODAY)
    known = preparing.begin(db, "tiny", "tiny-2", "1", False, hand)
    return preparing.set_frame(db, known, "list.csv", content, hand)


def test_a_large_list_is_read_while_people_go_on_with_other_steps(db: Database, home: Home) -> None:
    known = prepared(db, frame_of(40) + LARGE)
    job = imports.read_list(clerk(db, home, "tiny-2"), known)
    assert imports.reading_of(db, known) == job
    states = {step.name: (step.state, step.said) for step in preparing.steps(known)}
    assert states["frame"] == ("open", "the file is still to be read")
    seen = Hand("bob@example.org", TODAY, known.revision)
    preparing.set_texts(db, known, preparing.Texts(service="Teams"), seen)
    run(db, home)
    found = preparing.found(db, "tiny", "tiny-2")
    assert found.counts == {"units": 40, "issued": 40, "strata": ["region"]}
    assert preparing.texts(found).service == "Teams"
    assert imports.reading_of(db, found) is None


def test_what_is_kept_of_a_list_is_what_a_file_says(db: Database, home: Home) -> None:
    known = prepared(db, frame_of(40))
    imports.read_list(clerk(db, home, "tiny-2"), known)
    found = preparing.found(db, "tiny", "tiny-2")
    assert preparing.frame(found) == framing.read("list.csv", frame_of(40)).frame
    assert [unit.unit for unit in preparing.understood(found).listing.frame.units] == [
        "U001",
        "U002",
        "U003",
        "U004",
        "U005",
    ]


def test_another_list_makes_the_reading_of_the_first_void(db: Database, home: Home) -> None:
    known = prepared(db, frame_of(40) + LARGE)
    imports.read_list(clerk(db, home, "tiny-2"), known)
    other = preparing.set_frame(db, known, "other.csv", frame_of(30) + LARGE, Hand("bob@example.org", TODAY))
    done = run(db, home)
    assert done is not None
    assert done.said.startswith("another list was taken meanwhile")
    assert preparing.is_unread(preparing.found(db, "tiny", "tiny-2"))
    imports.read_list(clerk(db, home, "tiny-2"), other)
    run(db, home)
    assert preparing.found(db, "tiny", "tiny-2").counts["units"] == 30


def test_a_list_goes_with_its_preparation(db: Database, home: Home) -> None:
    known = prepared(db, frame_of(40))
    imports.read_list(clerk(db, home, "tiny-2"), known)
    assert len(rows(db, "SELECT wave FROM listing")) == 1
    preparing.throw_away(db, "tiny", "tiny-2")
    assert rows(db, "SELECT wave FROM listing") == []
    prepared_again = preparing.begin(db, "tiny", "tiny-2", "1", False, Hand("ann@example.org", TODAY))
    known = preparing.set_frame(
        db, replace(prepared_again), "list.csv", frame_of(40), Hand("ann@example.org", TODAY)
    )
    preparing.read_in(db, known)
    retaining.run(db, home, TODAY.replace(year=TODAY.year + 1))
    assert rows(db, "SELECT wave FROM listing") == []
