"""Killed at any step, drawn by chance, nobody is lost and nothing is there twice; careless steps are caught.

`killing` says how often, and how to repeat a run.
"""

import random
import re
import shutil
import sqlite3
from collections import Counter
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from surveyapp import auditing, campaigning, privacy, reporting, retaining, writing
from surveyapp.config import Home
from surveyapp.problems import SurveyError
from surveyapp.storage import backups, forensics
from surveyapp.storage.database import Database
from tests.faults import careless_jobs, jobs, places, steps
from tests.faults.books import assert_books_balance, assert_pages_open
from tests.faults.killing import (
    CARELESS_KILLS,
    KILLS,
    OF_OTHERS,
    SEED,
    Case,
    Tally,
    assert_caught,
    assert_whole_or_undone,
    each,
    each_careless,
    must,
    on,
    sent_are_held,
)
from tests.faults.letters import everybody_has_one, letters_are_whole
from tests.faults.places import WAVE, Place, store
from tests.faults.steps import With
from tests.makers import TODAY, make_answers
from tests.postoffice import post_office
from tests.server import Server

# ── saving and sending, as one run ───────────────────────────────────────────


def test_saving_and_sending_killed_two_hundred_times_lose_nothing(folder: Path, tmp_path: Path) -> None:
    """One fieldwork: everybody who is cut off comes again, three times at most, and is then left in peace."""
    place = places.fielded(folder, units=max(142, KILLS))
    _fieldwork_killed(place, KILLS, tmp_path)
    db = store(place.home)
    assert {o.attack.name for o in auditing.audit(place.home, db, WAVE) if o.verdict == "fails"} == set()
    db.close()


@pytest.mark.postgres
def test_saving_and_sending_killed_on_a_server_lose_nothing(server: Server, folder: Path, tmp_path: Path) -> None:
    """The server rolls back what a client leaves behind. Its own steps are its own affair."""
    place = places.fielded(folder, units=142, address=server.new())
    _fieldwork_killed(place, OF_OTHERS, tmp_path)


def _fieldwork_killed(place: Place, kills: int, tmp_path: Path) -> None:
    codes, chance, tally = iter(place.codes.values()), random.Random(SEED), Tally("saving and sending")
    db, job = store(place.home), With(jobs.visit, {}, files=False)
    names = steps.names_of(job, place.home, next(codes), place.told)
    while tally.kills.total() < kills and not tally.found:
        code = next(codes)
        for _ in range(4):
            death = steps.killed_at(steps.drawn(names, chance), job, place.home, code, place.told)
            tally.judge(death, _nothing_lost, db, place, code)
        jobs.visit(place.home, code, place.told)
    tally.assert_nothing(tmp_path)
    _nothing_lost(db, place, code)
    campaigning.close_wave(db, WAVE, TODAY)
    reporting.open_tray(db, WAVE, place.key)
    assert_books_balance(db, _told(place, "received"), WAVE, place.key)
    db.close()


def _nothing_lost(db: Database, place: Place, code: str) -> None:
    """What must hold at any moment of a fieldwork, and of the pages of one respondent."""
    if code not in assert_books_balance(db, _told(place, "received"), WAVE, place.key):
        pages = _told(place, f"saved {code}")
        answers = {n: a for n, a in make_answers(issues=code).items() if any(n in jobs.PAGES[p] for p in pages)}
        assert_pages_open(db, [(code, answers)])
        sealed = [path for path in place.home.path.iterdir() if path.is_file() and path != place.told]
        assert [path.name for path in sealed if code.encode() in path.read_bytes()] == [], "an answer lies open"


def _told(place: Place, what: str) -> list[str]:
    """The last words of the lines that begin so."""
    lines = place.told.read_text().splitlines() if place.told.exists() else []
    return [line.rpartition(" ")[2] for line in lines if line.startswith(f"{what} ")]


# ── everything else, each time from the same beginning ───────────────────────


def _all_are_out(place: Place) -> None:
    sent_are_held(place)
    on(place, lambda db: must(campaigning.status(db, WAVE).tray == 0, "some are still in the tray"))
    _written_anew(place)


def _a_batch_is_out(place: Place) -> None:
    """A second run may let another batch go; never a small one."""
    sent_are_held(place)
    on(place, lambda db: must(campaigning.status(db, WAVE).released >= 10, "nothing was released"))
    _written_anew(place)


def _written_anew(place: Place) -> None:
    with closing(sqlite3.connect(place.home.database)) as connection:
        assert connection.execute("PRAGMA freelist_count").fetchone() == (0,), "the file was not written anew"


def _open_or_closed(place: Place) -> None:
    """Either nothing has happened and drafts open, or nothing is left of drafts and days."""
    sent_are_held(place)

    def drafts(db: Any) -> None:
        if campaigning.status(db, WAVE).wave.state == "open":
            assert_pages_open(db, [(code, make_answers(issues=code)) for code in place.saved])

    on(place, drafts)


def _closed(place: Place) -> None:
    _open_or_closed(place)
    on(place, lambda db: must(campaigning.status(db, WAVE).wave.state == "closed", "it is open"))


def _a_wave_has_its_key(place: Place) -> None:
    db = store(place.home)
    for name in campaigning.names(db):
        assert place.home.wave_key(name).exists(), "the wave is open and its key is lost"
        _, key = privacy.read_key_file(place.home.wave_key(name).read_text())
        privacy.rehearse(key, campaigning.status(db, name).wave.public_key)
    db.close()


def _opened_or_refused(place: Place) -> None:
    """A key file without a wave is named, and nothing is overwritten; then a wave can be opened."""
    _a_wave_has_its_key(place)
    with suppress(SurveyError):
        jobs.open_wave(place.home)
    on(place, lambda db: must(campaigning.names(db) == [WAVE] or place.home.wave_key(WAVE).exists(), "neither"))


ROWS = b"unit,kind,issues\n" + b"".join(b"U%03d,yes,U%03d\n" % (n, n) for n in range(1, 7))


def _all_rows_or_none(place: Place) -> None:
    on(place, lambda db: assert_books_balance(db, [], WAVE, place.key))
    on(place, lambda db: must(campaigning.status(db, WAVE).tray in {0, 6}, "some rows were loaded"))


def _all_rows(place: Place) -> None:
    on(place, lambda db: assert_books_balance(db, [f"U{n:03}" for n in range(1, 7)], WAVE, place.key))


OLD, NEW = b"Last week. " * 9000, b"This week. " * 9000


def _old_or_new(place: Place) -> None:
    content = (place.home.path / "tables.xlsx").read_bytes()
    assert content in (OLD, NEW), "neither the old file nor the new one"


def _new(place: Place) -> None:
    assert (place.home.path / "tables.xlsx").read_bytes() == NEW


def _with_an_old_file(path: Path) -> Place:
    place = places.empty(path)
    (place.home.path / "tables.xlsx").write_bytes(OLD)
    return place


def _what_is_recorded_is_gone(place: Place) -> None:
    db = store(place.home)
    (kept,) = retaining.kept(db)
    gone = {part.name for part in kept.parts if part.erased_on}
    assert "key" not in gone or not place.home.wave_key(WAVE).exists(), (
        "the key is recorded as erased and lies there"
    )
    assert "letters" not in gone or not list(place.home.outbox.rglob("*.eml")), "letters are recorded as erased"
    emails = {email for (email,) in forensics.rows(place.home.database, "organisation", "email")}
    assert "contacts" not in gone or emails == {"erased"}, "addresses are recorded as erased"
    assert_books_balance(db, place.sent, WAVE, place.key)
    db.close()


def _all_is_gone(place: Place) -> None:
    _what_is_recorded_is_gone(place)
    on(place, lambda db: must(all(p.erased_on for p in retaining.kept(db)[0].parts), "not all is erased"))
    _written_anew(place)
    assert b"team1@example.org" not in place.home.database.read_bytes(), "an address is in the file"


def _no_half_copy(place: Place) -> None:
    """What bears the name of a backup with a hash is one; without its hash it is refused."""
    sent_are_held(place)
    copy, back = place.home.path / "copy.db", Home(place.home.path / "back")
    shutil.rmtree(back.path, ignore_errors=True)
    if backups._sum_file(copy).exists():
        backups.restore(copy, back.make().database)
        sent_are_held(replace(place, home=back))


def _a_copy(place: Place) -> None:
    """A copy that was cut off before its hash was written is in the way; another name is taken then."""
    _no_half_copy(place)
    assert (place.home.path / "copy.db").exists()


def _closed_place(path: Path) -> Place:
    place = places.fielded(path, sent=40)
    on(place, lambda db: campaigning.close_wave(db, WAVE, TODAY))
    return place


def _only_home(place: Place) -> tuple[Any, ...]:
    return (place.home,)


def _with_key(place: Place) -> tuple[Any, ...]:
    return (place.home, place.key)


RELEASES: tuple[tuple[dict[str, Any], str], ...] = (
    ({"open_tray": careless_jobs.released_before_emptied}, "twice"),
    ({"open_tray": careless_jobs.emptied_before_released}, "told but lost"),
)

CASES = (
    Case(
        "opening the tray in mid-field",
        jobs.release,
        lambda path: places.fielded(path, units=60, sent=50),
        _with_key,
        sent_are_held,
        _a_batch_is_out,
        RELEASES,
    ),
    Case(
        "opening the tray after the close",
        jobs.release,
        _closed_place,
        _with_key,
        sent_are_held,
        _all_are_out,
        RELEASES,
    ),
    Case(
        "closing",
        jobs.close,
        lambda path: places.fielded(path, sent=20, saved=10),
        _only_home,
        _open_or_closed,
        _closed,
        (({"close_wave": careless_jobs.closed_before_forgotten}, "it is closed and keeps 10 drafts"),),
    ),
    Case(
        "inviting",
        jobs.invite,
        places.uninvited,
        _only_home,
        letters_are_whole,
        everybody_has_one,
        (({"run": careless_jobs.codes_before_letters}, "somebody has a code and no letter"),),
    ),
    Case(
        "opening a wave",
        jobs.open_wave,
        places.empty,
        _only_home,
        _a_wave_has_its_key,
        _opened_or_refused,
        (({"step": careless_jobs.key_after_the_wave}, "its key is lost"),),
    ),
    Case(
        "loading returns",
        jobs.load,
        places.fielded,
        lambda place: (place.home, ROWS),
        _all_rows_or_none,
        _all_rows,
        (({"load_returns": careless_jobs.row_by_row}, "some rows were loaded"),),
    ),
    Case(
        "writing a file",
        jobs.write,
        _with_an_old_file,
        lambda place: (place.home.path / "tables.xlsx", NEW),
        _old_or_new,
        _new,
        (({"put": careless_jobs.in_place}, "neither the old file nor the new one"),),
    ),
    Case(
        "erasing",
        jobs.erase,
        places.released,
        _only_home,
        _what_is_recorded_is_gone,
        _all_is_gone,
        (({"run": careless_jobs.recorded_before_erased}, "recorded as erased"),),
    ),
    Case(
        "backing up",
        jobs.copy,
        lambda path: places.fielded(path, sent=10),
        lambda place: (place.home, place.home.path / "copy.db"),
        _no_half_copy,
        _a_copy,
        (({"back_up": careless_jobs.copied_in_place}, "copy.db"),),
    ),
)


@each(CASES)
def test_a_job_killed_at_any_step_is_whole_or_undone(case: Case, folder: Path, tmp_path: Path) -> None:
    assert_whole_or_undone(case, OF_OTHERS, folder, tmp_path)


@each_careless(CASES)
def test_a_careless_job_is_caught(
    case: Case, how: dict[str, Any], words: str, folder: Path, tmp_path: Path
) -> None:
    assert_caught(case, how, words, folder, tmp_path)


# ── respondents and careless steps ───────────────────────────────────────────

CARELESS_VISITS = (
    (With(jobs.visit, {"submit": careless_jobs.done_before_the_box}), "1 flagged done, 0 boxes and responses"),
    (With(jobs.visit, {"submit": careless_jobs.box_before_done}), "0 flagged done, 1 boxes and responses"),
    (With(jobs.visit, {"submit": careless_jobs.draft_forgotten_later}), "drafts are kept of those who have sent"),
    (With(jobs.visit, {"save": careless_jobs.draft_deleted_first}), "saved but lost"),
    (With(careless_jobs.told_too_early, {}), "told but lost"),
)


@pytest.mark.parametrize(("job", "words"), CARELESS_VISITS, ids=[job.name for job, _ in CARELESS_VISITS])
def test_a_careless_sending_is_caught(job: With, words: str, folder: Path, tmp_path: Path) -> None:
    begun = places.fielded(folder / "begun")
    (_, code, *_), chance, tally = begun.codes.values(), random.Random(SEED), Tally(job.name)
    here = begun.copied(folder / "here")
    names = steps.names_of(job, here.home, code, here.told)
    while tally.kills.total() < CARELESS_KILLS and not tally.found:
        here = begun.copied(folder / "here")
        death = steps.killed_at(steps.drawn(names, chance), job, here.home, code, here.told)
        db = store(here.home)
        tally.judge(death, _nothing_lost, db, here, code)
        db.close()
    tally.assert_found(words, tmp_path)


def test_nothing_but_what_is_killed_here_writes_files() -> None:
    """`write_aside` and its like are killed above; whatever writes beside them must be too.

    Of those allowed microdata are written into memory, and a catalogue by whoever changes the programme.
    """
    writes = re.compile(r"\.write_bytes\(|\.write_text\(|open\([^)]*[\"']\+?[wax]|\.open\([\"'][wax]")
    root = Path(auditing.__file__).parent
    found = {str(p.relative_to(root)) for p in root.rglob("*.py") if writes.search(p.read_text(encoding="utf-8"))}
    allowed = {
        "export/microdata.py",
        "storage/snapshots.py",
        "storage/parts.py",
        "web/catalogue.py",
    }  # the first writes into memory
    assert found <= allowed, "write the file with `config.write_aside`"


# ── letters through a server ─────────────────────────────────────────────────


@pytest.mark.parametrize(
    "how", [{}, {"run": careless_jobs.sent_before_marked}], ids=["ours", "sent before marked"]
)
def test_a_sending_of_letters_killed_at_any_step_writes_to_nobody_twice(
    how: dict[str, Any], folder: Path, tmp_path: Path
) -> None:
    """Whoever has had no letter is listed for a person to decide."""
    begun, chance = places.uninvited(folder / "begun"), random.Random(SEED)
    job = With(jobs.invite, how)
    tally = Tally(f"letters through a server, {job.name if how else 'ours'}")
    with post_office() as office:
        here = begun.copied(folder / "here")
        names = steps.names_of(job, here.home, f"smtp://127.0.0.1:{office.port}")
        while tally.kills.total() < (CARELESS_KILLS if how else OF_OTHERS) and not tally.found:
            office.taken.clear()
            here = begun.copied(folder / "here")
            death = steps.killed_at(steps.drawn(names, chance), job, here.home, f"smtp://127.0.0.1:{office.port}")
            job(here.home, f"smtp://127.0.0.1:{office.port}")
            tally.judge(death, _one_letter_each, here, office.count)
    tally.show(tmp_path)
    assert bool(tally.found) == bool(how)


def _one_letter_each(place: Place, count: Counter[str]) -> None:
    twice = [to for to, n in count.items() if n > 1]
    assert twice == [], f"twice: {twice}"
    db = store(place.home)
    listed = {entry.unit.email for entry in writing.listed(db, WAVE) if entry.state != "sent"}
    db.close()
    lost = {f"team{n}@example.org" for n in range(1, 9)} - set(count) - listed
    assert lost == set(), f"no letter, and not listed: {sorted(lost)}"


# ── the table itself ─────────────────────────────────────────────────────────


def test_every_kind_of_step_is_as_likely_as_any_other() -> None:
    names = ["a"] * 98 + ["b", "c"]
    drawn = Counter(names[steps.drawn(names, random.Random(seed))] for seed in range(300))
    assert min(drawn[kind] for kind in "abc") > 60


def test_steps_below_python_are_seen(folder: Path) -> None:
    """Otherwise only statements and commits would be killed at."""
    place = places.fielded(folder / "seen")
    names = Counter(steps.names_of(jobs.visit, place.home, place.codes["U001"], place.told))
    for kind in ("half-way: SQLite writes the database, DELETE FROM draft", "before: COMMIT, DELETE FROM draft"):
        assert names[kind], kind
    assert names["SQLite syncs the journal, DELETE FROM draft"] == 2
    assert names["SQLite deletes the journal, DELETE FROM draft"] == 1
