"""What staff do, killed at any step: files and ledger, sittings, manuscripts, roles, schema and backups agree."""

import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from alembic import command
from pyarrow import parquet

from surveyapp import campaigning, drafting, preparing, privacy, publishing, reporting, returning, staffing
from surveyapp.preparing import Hand, Texts
from surveyapp.roles import TERMINAL
from surveyapp.staffing import Sought
from surveyapp.storage import accounts, backups, parts, publications, snapshots
from surveyapp.storage import jobs as jobs_table
from surveyapp.storage.database import Database, _alembic
from surveyapp.storage.jobs import Job
from surveyapp.working import openings, queue
from surveyapp.working.tray import OPENING, STOPPED
from tests.faults import careless_jobs, jobs, places, steps, victims
from tests.faults.books import assert_books_balance, assert_pages_open
from tests.faults.killing import (
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
from tests.faults.places import WAVE, Place, store
from tests.faults.steps import With
from tests.makers import PEPPER, TODAY, make_all_types, make_answers, rows
from tests.server import Server, name_of

KILLS = max(OF_OTHERS // 2, 8)

# ── the ledger and its files ─────────────────────────────────────────────────

FILES = {"tables.codebook.json": b"{}" * 3000, "tables.json": b"figures " * 3000}


def _entered(place: Place) -> list[str]:
    db = store(place.home)
    with db.reading() as connection:
        found = [each.name for each in publications.publications(connection, WAVE)]
    db.close()
    return found


def _no_file_unknown_to_the_ledger(place: Place) -> None:
    sent_are_held(place)
    there = [name for name in FILES if (place.home.path / name).exists()]
    assert not there or _entered(place), f"{', '.join(there)} is out, and the ledger does not know it"
    assert all((place.home.path / name).read_bytes() == FILES[name] for name in there), "half a file"


def _out_and_entered_once(place: Place) -> None:
    _no_file_unknown_to_the_ledger(place)
    assert [(place.home.path / name).exists() for name in FILES] == [True, True]
    assert len(_entered(place)) == 1


_compiled: dict[str, Any] = {}
"""The tables and the microdata of a finished wave, worked out once: they are the same in every copy."""


def _of_tables(place: Place) -> tuple[Any, ...]:
    if "tables" not in _compiled:
        on(place, lambda db: _compiled.update(tables=reporting.report(db, WAVE, None)))
    return place.home, _compiled["tables"], FILES


def _of_microdata(place: Place) -> tuple[Any, ...]:
    if "microdata" not in _compiled:
        on(place, lambda db: _compiled.update(microdata=reporting.microdata(db, WAVE)))
    return place.home, *_compiled["microdata"], FILES


# ── columns of a closed wave ─────────────────────────────────────────────────

OLD, NEW = pa.table({"kind": ["yes"] * 500}), pa.table({"kind": ["no"] * 700})


def _with_old_columns(path: Path) -> Place:
    place = places.empty(path)
    snapshots.keep(place.home.released, WAVE, "old", {"1": OLD})
    return place


def _no_columns_but_those_of_the_mark(place: Place) -> None:
    for mark, table in (("old", OLD), ("new", NEW)):
        found = snapshots.kept(place.home.released, WAVE, mark)
        assert found is None or found["1"].equals(table), f"other columns lie under the mark {mark}"


def _new_columns(place: Place) -> None:
    found = snapshots.kept(place.home.released, WAVE, "new")
    assert found is not None, "nothing is kept"
    assert found["1"].equals(NEW)


OLD_PARTS, NEW_PARTS = [[1] * 500], [[2] * 300, [3] * 400]


def _with_old_parts(path: Path) -> Place:
    place = places.empty(path)
    jobs.keep_parts(place.home, "old", OLD_PARTS)
    return place


def _parts(place: Place, mark: str) -> list[list[int]] | None:
    found = parts.kept(place.home.released, WAVE, mark)
    return found and [parquet.read_table(part)["kind"].to_pylist() for part in found[0]]


def _no_parts_but_those_of_the_mark(place: Place) -> None:
    assert _parts(place, "old") in (None, OLD_PARTS), "other parts lie under the mark old"
    assert _parts(place, "new") in (None, NEW_PARTS), "other parts lie under the mark new"


def _new_parts(place: Place) -> None:
    assert _parts(place, "new") == NEW_PARTS


# ── a return at the screen ───────────────────────────────────────────────────

TOKEN = "the secret in the keyer's cookie"


def _with_a_return_in_hand(path: Path) -> Place:
    place = places.fielded(path)
    on(place, lambda db: returning.begin_sitting(db, _at(), jobs.IN_HAND, TODAY))
    return place


def _at() -> returning.Place:
    return returning.place(TOKEN, WAVE, PEPPER)


def _in_hand_or_in_the_tray(place: Place) -> None:
    def look(db: Database) -> None:
        sealed = assert_books_balance(db, [], WAVE, place.key)
        kept = returning.read_sitting(db, _at())
        assert kept is not None, "the sitting is gone"
        assert (kept.content == jobs.IN_HAND) == (sealed == set()), "in the tray, and in hand all the same"

    on(place, look)


def _in_the_tray(place: Place) -> None:
    on(place, lambda db: assert_books_balance(db, ["U007"], WAVE, place.key))


# ── manuscripts ──────────────────────────────────────────────────────────────

BEFORE = json.dumps(make_all_types(version="2"))
AFTER = json.dumps(make_all_types(version="2", intro="What it is for, and how long it takes."))


def _with_a_manuscript(path: Path) -> Place:
    place = places.empty(path)
    on(place, lambda db: drafting.begin(db, "tiny", "spring", BEFORE, "author@example.org", TODAY))
    return place


def _old_or_new_text(place: Place) -> None:
    def look(db: Database) -> None:
        must(drafting.is_in_hand(db, "tiny", "spring"), "the manuscript is gone")
        paper = drafting.manuscript(db, "tiny", "spring")
        assert (paper.revision, paper.document) in {(1, BEFORE), (2, AFTER)}

    on(place, look)


def _new_text(place: Place) -> None:
    on(place, lambda db: must(drafting.manuscript(db, "tiny", "spring").document == AFTER, "the old text"))


def _published_or_in_hand(place: Place) -> None:
    def look(db: Database) -> None:
        out = any(version.version == "2" for version in publishing.versions(db))
        must(out or drafting.is_in_hand(db, "tiny", "spring"), "neither published nor in hand")

    on(place, look)


def _published_and_put_away(place: Place) -> None:
    def look(db: Database) -> None:
        assert publishing.document(db, "tiny", "2").decode() == BEFORE
        assert not drafting.is_in_hand(db, "tiny", "spring")

    on(place, look)


# ── roles and the trail ──────────────────────────────────────────────────────

SOMEONE = "someone@example.org"


def _with_accounts(path: Path) -> Place:
    place = places.empty(path)
    for email, roles in (("admin@example.org", {"": frozenset({"admin"})}), (SOMEONE, {})):
        on(place, lambda db, email=email, roles=roles: staffing.add_account(db, email, email, roles, TODAY))
    return place


def _someone(place: Place) -> tuple[Any, ...]:
    db = store(place.home)
    with db.reading() as connection:
        account = accounts.by_email(connection, SOMEONE)
    db.close()
    assert account
    return place.home, account.id


def _role_and_line(place: Place) -> None:
    def look(db: Database) -> None:
        with db.reading() as connection:
            roles = accounts.roles_of(connection, _someone(place)[1])
        lines = [act for _, act in staffing.acts(db, Sought()) if act.object == SOMEONE]
        must(bool(roles) == bool(lines), "the role is given, and the trail does not say so")
        must(staffing.broken(db) is None, "the trail is broken")

    on(place, look)


def _given(place: Place) -> None:
    _role_and_line(place)
    must(bool(_entered_roles(place)), "no role")


def _entered_roles(place: Place) -> dict[str, frozenset[str]]:
    db = store(place.home)
    with db.reading() as connection:
        roles = accounts.roles_of(connection, _someone(place)[1])
    db.close()
    return dict(roles)


# ── the schema ───────────────────────────────────────────────────────────────

OF_BEFORE = "0004"


def _of_an_older_programme(path: Path, address: str = "") -> Place:
    place = places.fielded(path, sent=10, saved=5, address=address)
    on(place, _go_back)
    return place


def _go_back(db: Database) -> None:
    config = _alembic()
    with db.engine.connect().execution_options(writes=True, queues=False) as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, OF_BEFORE)


def _old_or_new_schema(place: Place) -> None:
    """Whatever it is, the programme makes the newest of it, and nobody has lost anything."""

    def look(db: Database) -> None:
        assert_books_balance(db, place.sent, WAVE, place.key)
        assert_pages_open(db, [(code, make_answers(issues=code)) for code in place.saved])

    jobs.migrate(place.home)
    on(place, look)


# ── a restored backup ────────────────────────────────────────────────────────


def _with_a_backup_only(path: Path) -> Place:
    place = places.fielded(path, sent=10)
    on(place, lambda db: backups.back_up(db, place.home.path / "copy.db"))
    place.home.database.unlink()
    return place


def _nothing_or_all(place: Place) -> None:
    if place.home.database.exists():
        sent_are_held(place)


def _all_is_back(place: Place) -> None:
    assert place.home.database.exists(), "nothing was restored"
    sent_are_held(place)
    assert not list(place.home.path.glob(".restored*/surveyapp.db-journal"))


# ── a prepared wave ──────────────────────────────────────────────────────────

LISTED = b"unit,name,email,region\n" + b"".join(
    b"U%03d,Team %d,t@example.org,%s\n" % (n, n, (b"North", b"South")[n % 2]) for n in range(40)
)


def _prepared(path: Path) -> Place:
    """A wave that is ready to be opened, its key to be kept here, and the job that opens it."""
    place, hand = places.empty(path), Hand("manager@example.org", TODAY)

    def prepare(db: Database) -> None:
        known = preparing.begin(db, "tiny", WAVE, "1", False, hand)
        known = preparing.set_frame(db, known, "list.csv", LISTED, hand)
        preparing.read_in(db, known)
        known = preparing.set_strata(db, preparing.found(db, "tiny", WAVE), ["region"], hand)
        known = preparing.set_texts(db, known, Texts(closes="2012-03-01"), hand)
        known = preparing.set_seen(db, preparing.keep_key_here(db, known, hand), hand)
        queue.ask(db, openings.OPEN_WAVE, "tiny", WAVE, TERMINAL, 0, {"revision": known.revision})

    on(place, prepare)
    return place


def _open_or_prepared(place: Place) -> None:
    """All of it or nothing: wave, organisations, key, the end of the preparation, and the word of the job."""

    def look(db: Database) -> None:
        (job,) = queue.listed(db, "tiny")
        prepared, number = preparing.listed(db, "tiny"), rows(db, "SELECT count(*) FROM organisation")
        if campaigning.names(db):
            must((len(prepared), number) == (0, [(40,)]), "half of it is open")
            must(job.state == "done", "it is open, and its job does not say so")
            key = privacy.read_key_file(place.home.wave_key(WAVE).read_text())[1]
            privacy.rehearse(key, campaigning.status(db, WAVE).wave.public_key)
        else:
            must((len(prepared), number) == (1, [(0,)]), "half of it is open")
            must(not job.over, "it is not open, and nobody will open it")

    on(place, look)


def _open(place: Place) -> None:
    _open_or_prepared(place)
    on(place, lambda db: must(campaigning.names(db) == [WAVE], "it is not open"))


CASES = (
    Case(
        "opening a prepared wave",
        jobs.open_prepared,
        _prepared,
        lambda place: (place.home,),
        _open_or_prepared,
        _open,
        (
            ({"do": careless_jobs.opened_before_it_is_said}, "its job does not say so"),
            ({"do": careless_jobs.with_a_key_that_is_in_the_way}, "nobody will open it"),
        ),
    ),
    Case(
        "publishing tables",
        jobs.publish_tables,
        places.released,
        _of_tables,
        _no_file_unknown_to_the_ledger,
        _out_and_entered_once,
        (({"publish": careless_jobs.written_before_entered}, "the ledger does not know it"),),
    ),
    Case(
        "giving out microdata",
        jobs.give_out,
        places.released,
        _of_microdata,
        _no_file_unknown_to_the_ledger,
        _out_and_entered_once,
        (({"step": careless_jobs.given_before_entered}, "the ledger does not know it"),),
    ),
    Case(
        "keeping columns",
        jobs.keep_columns,
        _with_old_columns,
        lambda place: (place.home, "new", NEW),
        _no_columns_but_those_of_the_mark,
        _new_columns,
        (({"keep": careless_jobs.columns_in_place}, "other columns lie under the mark new"),),
    ),
    Case(
        "keeping the parts of a large wave",
        jobs.keep_parts,
        _with_old_parts,
        lambda place: (place.home, "new", NEW_PARTS),
        _no_parts_but_those_of_the_mark,
        _new_parts,
        (),  # it puts them into place as columns are, with the same functions
    ),
    Case(
        "sealing a keyed return",
        jobs.key_return,
        _with_a_return_in_hand,
        lambda place: (place.home, TOKEN),
        _in_hand_or_in_the_tray,
        _in_the_tray,
        (({"seal": careless_jobs.sealed_before_noted}, "in the tray, and in hand all the same"),),
    ),
    Case(
        "saving a manuscript",
        jobs.save_manuscript,
        _with_a_manuscript,
        lambda place: (place.home, AFTER),
        _old_or_new_text,
        _new_text,
        (({"save": careless_jobs.old_text_deleted_first}, "the manuscript is gone"),),
    ),
    Case(
        "publishing a manuscript",
        jobs.publish_manuscript,
        _with_a_manuscript,
        lambda place: (place.home,),
        _published_or_in_hand,
        _published_and_put_away,
        (({"publish": careless_jobs.put_away_before_published}, "neither published nor in hand"),),
    ),
    Case(
        "giving a role",
        jobs.set_roles,
        _with_accounts,
        _someone,
        _role_and_line,
        _given,
        (({"step": careless_jobs.noted_afterwards}, "the trail does not say so"),),
    ),
    Case(
        "migrating",
        jobs.migrate,
        _of_an_older_programme,
        lambda place: (place.home,),
        _old_or_new_schema,
        _old_or_new_schema,
        (({"step": careless_jobs.statement_by_statement}, "cannot be used as a database"),),
    ),
    Case(
        "restoring a backup",
        jobs.restore,
        _with_a_backup_only,
        lambda place: (place.home, Path("copy.db")),
        _nothing_or_all,
        _all_is_back,
        (({"step": careless_jobs.restored_in_place}, "database"),),
    ),
)


@each(CASES)
def test_work_of_staff_killed_at_any_step_is_whole_or_undone(case: Case, folder: Path, tmp_path: Path) -> None:
    assert_whole_or_undone(case, KILLS, folder, tmp_path)


@each_careless(CASES)
def test_careless_work_of_staff_is_caught(
    case: Case, how: dict[str, Any], words: str, folder: Path, tmp_path: Path
) -> None:
    assert_caught(case, how, words, folder, tmp_path)


@pytest.mark.postgres
def test_a_migration_killed_on_a_server_leaves_the_old_schema_or_the_new(
    server: Server, folder: Path, tmp_path: Path
) -> None:
    begun = _of_an_older_programme(folder / "begun", server.new())
    tally, chance = Tally("migrating a server"), random.Random(SEED)
    job = With(jobs.migrate, {}, files=False)
    names = steps.names_of(job, _fresh(begun, server).home)
    for _ in range(KILLS // 2):
        here = _fresh(begun, server)
        death = steps.killed_at(steps.drawn(names, chance), job, here.home)
        tally.judge(death, _old_or_new_schema, here)
        server.drop(here.home.address)
    tally.assert_nothing(tmp_path)


def _fresh(begun: Place, server: Server) -> Place:
    """The same store once more, on the same server."""
    return replace(begun, home=replace(begun.home, address=server.new(name_of(begun.home.address))))


def test_a_worker_that_finds_an_opening_cut_off_writes_the_store_anew_and_says_what_to_do(folder: Path) -> None:
    """Killed after its commit and before the file is written anew, it leaves free pages."""
    place = places.fielded(folder, sent=40)
    on(place, lambda db: campaigning.close_wave(db, WAVE, TODAY))
    victims.killed_at(victims.RELEASE_STEPS[AFTER], victims.open_once, place.home.database, WAVE, place.key)
    db = store(place.home)
    assert _free_pages(db) > 0
    with db.transaction() as connection:
        jobs_table.add(
            connection, Job(b"i" * 16, OPENING, "tiny", WAVE, "a@example.org", state="doubted", tries=1)
        )
    left = queue.run_next(db, place.home, TODAY, lambda: 1_326_700_000)
    assert left is not None
    assert (left.state, left.said) == ("failed", STOPPED)
    assert _free_pages(db) == 0
    assert_books_balance(db, place.sent, WAVE, place.key)
    db.close()


AFTER = "after the commit, before the file is written anew"


def _free_pages(db: Database) -> int:
    with db.reading() as connection:
        return int(connection.exec_driver_sql("PRAGMA freelist_count").scalar() or 0)
