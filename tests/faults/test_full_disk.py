"""A real disk that is full, at whatever point of a job: it is refused in plain words, whole or undone.

The disks are small ones in memory. Where none can be mounted these tests are skipped, and those of
tests/storage/test_database.py hold alone: there the file itself may not grow.
"""

import random
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from surveyapp import campaigning, collecting, reporting, retaining, working, writing
from surveyapp.config import ready
from surveyapp.problems import NotSaved, SurveyError
from surveyapp.roles import TERMINAL
from surveyapp.storage import backups
from surveyapp.storage.database import Database
from surveyapp.web import create_app
from surveyapp.working import queue
from surveyapp.working.exports import TABLES
from tests.faults import careless_jobs, full_disks, jobs, places
from tests.faults.books import assert_books_balance, assert_pages_open
from tests.faults.full_disks import PAGE, full, read_only
from tests.faults.killing import OF_OTHERS, SEED, on
from tests.faults.letters import everybody_has_one, letters_are_whole
from tests.faults.places import WAVE, Place, store
from tests.makers import PEPPER, TODAY, as_form, make_answers
from tests.web.conftest import Visitor

TRIES = max(OF_OTHERS // 4, 5)
NOW = 1_326_700_000


@pytest.fixture
def disk(folder: Path) -> Iterator[Path]:
    with full_disks.mounted(folder / "disk") as made:
        yield made


@dataclass(frozen=True)
class Work:
    """A job that needs room, where it begins, what must hold when there was too little, and with enough."""

    name: str
    begin: Callable[[Path], Place]
    do: Callable[[Database, Place], Any]
    holds: Callable[[Database, Place], Any]
    ended: Callable[[Database, Place], Any]
    least: int = 0
    most: int = 60


def _balanced(db: Database, place: Place) -> None:
    assert_books_balance(db, place.sent, WAVE, place.key)


def _save(db: Database, place: Place) -> None:
    """Three respondents save everything; what each was told is kept in the place of their codes."""
    for code in list(place.codes.values())[-3:]:
        visit = collecting.enter(db, PEPPER, code, TODAY)
        collecting.save_all(db, visit, as_form(make_answers(issues=code)), TODAY)
        place.codes[f"saved {code}"] = code


def _saved_open(db: Database, place: Place) -> None:
    _balanced(db, place)
    told = [code for unit, code in place.codes.items() if unit.startswith("saved ")]
    assert_pages_open(db, [(code, make_answers(issues=code)) for code in [*place.saved, *told]])


def _submit(db: Database, place: Place) -> None:
    for code in place.saved:
        with suppress(collecting.AlreadyReceived):
            collecting.submit(db, collecting.enter(db, PEPPER, code, TODAY), TODAY)
        place.codes[f"told {code}"] = code


def _told_are_held(db: Database, place: Place) -> None:
    told = [code for unit, code in place.codes.items() if unit.startswith("told ")]
    held = assert_books_balance(db, [*place.sent, *told], WAVE, place.key)
    assert_pages_open(db, [(code, make_answers(issues=code)) for code in place.saved if code not in held])


def _all_are_held(db: Database, place: Place) -> None:
    assert assert_books_balance(db, [*place.sent, *place.saved], WAVE, place.key) == {*place.sent, *place.saved}


def _all_are_out(db: Database, place: Place) -> None:
    _balanced(db, place)
    assert campaigning.status(db, WAVE).released == 40


def _copy(db: Database, place: Place) -> None:
    backups.back_up(db, backups.new_name(place.home.backups, TODAY))


def _no_half_copy(db: Database, place: Place) -> None:
    _balanced(db, place)
    for copy in backups.backups(place.home.backups):
        if backups._sum_file(copy.path).exists():
            assert backups._stated_hash(copy.path) == backups.digest(copy.path)


def _publish(db: Database, place: Place) -> None:
    compiled = reporting.report(db, WAVE, None)
    reporting.publish(db, compiled, ready({place.home.path / "tables.json": b"figures " * 20_000}))


def _file_or_nothing(db: Database, place: Place) -> None:
    _balanced(db, place)
    file = place.home.path / "tables.json"
    assert not file.exists() or file.stat().st_size == 160_000
    assert not [path for path in place.home.path.glob(".*") if path.name != ".filler"], "something is left aside"


def _out(db: Database, place: Place) -> None:
    _file_or_nothing(db, place)
    assert (place.home.path / "tables.json").exists()


def _job(db: Database, place: Place) -> None:
    """Tables are asked for and made by a worker, who goes on whatever happens."""
    now = NOW + 1000 * len(working.listed(db, "tiny"))
    settings = {"plan": "default", "document": "", "format": "json"}
    with suppress(SurveyError):
        working.ask(db, TABLES, "tiny", WAVE, TERMINAL, now, settings)
    ended = iter([False, False, True, True, True])
    working.work(db, place.home, lambda: TODAY, lambda: now, lambda _seconds: next(ended, True))


def _job_is_done_or_says_why(db: Database, place: Place) -> None:
    _balanced(db, place)
    for job in working.listed(db, "tiny"):
        assert job.state != "done" or working.file_of(place.home, job).stat().st_size > 100
        assert job.state != "failed" or job.said, "it failed, and nobody says why"


def _job_is_done(db: Database, place: Place) -> None:
    """One that was at work when the disk was full is taken up when its lease is over."""
    later = NOW + 100_000
    queue.run_waiting(db, place.home, TODAY, lambda: later)
    queue.run_waiting(db, place.home, TODAY, lambda: later + queue.DOUBT + 1)
    _job_is_done_or_says_why(db, place)
    assert "done" in {job.state for job in working.listed(db, "tiny")}


def _closed(path: Path) -> Place:
    place = places.fielded(path, sent=40)
    on(place, lambda db: campaigning.close_wave(db, WAVE, TODAY))
    return place


def _three_have_saved(path: Path) -> Place:
    return places.fielded(path, sent=5, saved=3)


def _erase(db: Database, place: Place) -> None:
    retaining.run(db, place.home, jobs.LATER)


def _erased(db: Database, place: Place) -> None:
    _balanced(db, place)
    assert all(part.erased_on for part in retaining.kept(db)[0].parts)


WORKS = (
    Work("saving", lambda path: places.fielded(path, saved=5), _save, _saved_open, _saved_open, most=20),
    Work(
        "sending",
        lambda path: places.fielded(path, sent=5, saved=3),
        _submit,
        _told_are_held,
        _all_are_held,
        most=8,
    ),
    Work("opening the tray", _closed, lambda db, p: reporting.open_tray(db, WAVE, p.key), _balanced, _all_are_out),
    Work("writing the file anew", _closed, lambda db, _: db.vacuum(), _balanced, _balanced),
    Work("backing up", lambda path: places.fielded(path, sent=20), _copy, _no_half_copy, _no_half_copy, most=130),
    Work("publishing tables", places.released, _publish, _file_or_nothing, _out, most=50),
    Work("a job in the background", places.released, _job, _job_is_done_or_says_why, _job_is_done, most=12),
    Work("erasing", places.released, _erase, _balanced, _erased),
    Work(
        "inviting",
        places.uninvited,
        lambda db, place: _invite(db, place),
        lambda _db, place: letters_are_whole(place),
        lambda _db, place: everybody_has_one(place),
        most=30,
    ),
)


def _invite(db: Database, place: Place) -> None:
    out = writing.mail.Folder(place.home.outbox / WAVE)
    desk = writing.Desk(db, place.home.outbox_key, out, TODAY)
    writing.invite(desk, WAVE, address="https://x.example", sender="office@example.org")


def _filled_again_and_again(work: Work, folder: Path, disk: Path, tries: int) -> tuple[int, list[str]]:
    """How often a job was refused, and what was wrong afterwards."""
    begun, chance, refused = work.begin(folder / "begun"), random.Random(SEED), 0
    rooms = [0, *(chance.randrange(work.least, work.most) for _ in range(tries))]
    for room in rooms:
        here = begun.copied(disk / "home")
        here = type(here)(here.home, here.key, dict(here.codes), here.sent, here.saved)
        db = store(here.home)
        try:
            with full(disk, room * PAGE):
                try:
                    work.do(db, here)
                except SurveyError:
                    refused += 1
            work.holds(db, here)
            with suppress(SurveyError):
                work.do(db, here)
            work.ended(db, here)
        except AssertionError as fault:
            return refused, [f"{str(fault).splitlines()[0]} ({room} pages free)"]
        finally:
            db.close()
    return refused, []


@pytest.mark.parametrize("work", WORKS, ids=lambda work: work.name)
def test_work_on_a_full_disk_is_whole_or_undone_and_done_when_there_is_room(
    work: Work, folder: Path, disk: Path
) -> None:
    refused, found = _filled_again_and_again(work, folder, disk, TRIES)
    assert found == []
    assert refused or work.do is _job, "there was room enough each time"


def _submit_carelessly(db: Database, place: Place) -> None:
    """Marked, and then put in: between the two the disk fills up."""
    for code in place.saved:
        visit = collecting.enter(db, PEPPER, code, TODAY)
        box = careless_jobs._sealed(db, visit, TODAY)
        with db.transaction() as connection:
            careless_jobs.submission._use_up(connection, visit.code_hash, TODAY.isoformat())
        filler = place.home.path.parent / ".more"
        with suppress(OSError), filler.open("wb", buffering=0) as file:
            while file.write(bytes(PAGE)):
                pass
        try:
            with db.transaction() as connection:
                careless_jobs._put_in(connection, visit, box)
        finally:
            filler.unlink()


@pytest.mark.parametrize(
    ("name", "do", "words"),
    [
        ("sending", _submit_carelessly, "told but lost"),
        (
            "publishing tables",
            lambda _db, place: (place.home.path / "tables.json").write_bytes(b"figures " * 20_000),
            "160000",
        ),
    ],
    ids=["done before the box", "written in place"],
)
def test_careless_work_on_a_full_disk_is_caught(name: str, do: Any, words: str, folder: Path, disk: Path) -> None:
    (work,) = [work for work in WORKS if work.name == name]

    def doing(db: Database, place: Place) -> None:
        try:
            do(db, place)
        except OSError as error:
            raise NotSaved(str(error)) from None

    careless = Work(work.name, work.begin, doing, work.holds, work.ended, 6, 30)
    _, found = _filled_again_and_again(careless, folder, disk, 40)
    assert found
    assert words in found[0]


# ── what somebody at a page sees ─────────────────────────────────────────────


def _visitor(place: Place) -> tuple[Any, Visitor]:
    app = create_app(place.home, secure=False, today=lambda: TODAY)
    visitor = Visitor(app).enter(place.codes["U040"])
    visitor.get("/answer/page/p1")
    return app, visitor


def _saved_when_it_is_over(visitor: Visitor, app: Any) -> None:
    assert visitor.post("/answer/page/p1", {"kind": "yes"}).status_code == 303
    app.extensions["surveyapp"].db.close()


def test_a_page_on_a_full_disk_says_that_it_was_not_saved_and_to_try_again(folder: Path, disk: Path) -> None:
    app, visitor = _visitor(places.fielded(folder / "begun").copied(disk / "home"))
    with full(disk, 0):
        page = visitor.post("/answer/page/p1", {"kind": "yes"})
    assert (page.status_code, page.headers["Retry-After"]) == (503, "30")
    assert "Your answers were not saved" in page.text
    _saved_when_it_is_over(visitor, app)


def test_a_store_that_can_only_be_read_says_so_and_loses_nothing(folder: Path, disk: Path) -> None:
    """A disk that fails is often made so by the system."""
    place = places.fielded(folder / "begun", sent=5, saved=2).copied(disk / "home")
    app, visitor = _visitor(place)
    app.extensions["surveyapp"].db.close()  # as long as a file is open to be written, the disk cannot be changed
    with read_only(disk):
        page = visitor.post("/answer/page/p1", {"kind": "yes"})
        assert (page.status_code, page.headers["Retry-After"]) == (503, "30")
        with pytest.raises(SurveyError, match=r"[Rr]ead-only|readonly"):
            on(place, lambda db: campaigning.close_wave(db, WAVE, TODAY))
    on(place, lambda db: _saved_open(db, place))
    _saved_when_it_is_over(visitor, app)
