"""The clock is ahead: what is erased by days stays until a person has looked at the clock and given the day.

The careless version is the run as it was, for which any day would do.
"""

import sqlite3
from contextlib import closing
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest
import time_machine
from click.testing import CliRunner, Result

from surveyapp import campaigning, privacy, retaining, staffing
from surveyapp.cli import main
from surveyapp.config import Home
from surveyapp.storage import backups, jobs, papers, uploads
from surveyapp.storage.database import Database
from surveyapp.storage.jobs import Job
from surveyapp.storage.papers import Preparation
from tests.faults import places
from tests.faults.places import WAVE, store
from tests.makers import TODAY, everything, make_wave, rows

DAILY = Path(__file__).parents[2] / "docs/deployment/surveyapp-daily.service"


def days(n: int) -> date:
    return TODAY + timedelta(days=n)


def seconds(day: date) -> int:
    return int(datetime.combine(day, time(12), UTC).timestamp())


def run(home: Home, *words: str, on: date) -> Result:
    """A command, on a day of the clock."""
    with time_machine.travel(datetime.combine(on, time(12), UTC), tick=False):
        return CliRunner().invoke(main, ["--home", str(home.path), *words])


def worked(db: Database, day: date) -> None:
    """Somebody of the staff signs in."""
    staffing.record(db, seconds(day), "ann@example.org", "signed-in")


@pytest.fixture
def closed(folder: Path) -> Home:
    """An installation whose wave was closed on `TODAY`; everything that days erase is there."""
    place = places.released(folder)
    db = store(place.home)
    backups.back_up(db, backups.new_name(place.home.backups, TODAY))
    with db.transaction() as connection:
        jobs.add(connection, Job(b"j" * 16, "tables", "tiny", WAVE, "ann@example.org", at=seconds(TODAY)))
        papers.save_preparation(connection, Preparation("tiny", "next", on=TODAY.isoformat()))
        uploads.add(connection, b"u" * 16, WAVE, b"box", TODAY.isoformat())
    db.close()
    return place.home


def held(home: Home) -> dict[str, int]:
    """How much there is of what days erase."""
    db = store(home)
    tables = ("job", "preparation", "upload")
    counts = {name: rows(db, f"SELECT count(*) FROM {name}")[0][0] for name in tables}
    counts["addresses"] = rows(db, "SELECT count(*) FROM organisation WHERE email LIKE '%@%'")[0][0]
    db.close()
    return counts | {"backups": len(backups.backups(home.backups))}


def test_what_days_erase_stays_while_the_clock_is_far_ahead(closed: Home) -> None:
    assert run(closed, "retention", "run", on=TODAY).exit_code == 0
    before = everything(store(closed)), held(closed)
    refused = run(closed, "retention", "run", on=date(2030, 1, 1))
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert refused.stderr == (
        "nothing was erased: the clock says 2030-01-01, and retention was last run on 2012-01-16; "
        "if the clock is wrong, set it; if it is right, run: surveyapp retention run --today 2030-01-01\n"
    )
    assert (everything(store(closed)), held(closed)) == before
    assert all(before[1].values()), "or nothing could have been erased"


def test_a_day_that_a_person_gives_is_believed_and_the_next_run_goes_by_itself(closed: Home) -> None:
    run(closed, "retention", "run", on=TODAY)
    assert run(closed, "retention", "run", on=days(200)).exit_code == 1
    given = run(closed, "retention", "run", "--today", days(200).isoformat(), on=days(200))
    assert "of e-mail addresses and contact persons" in given.stdout
    assert set(held(closed).values()) == {0}
    assert run(closed, "retention", "run", on=days(201)).exit_code == 0


def test_without_this_look_at_the_clock_all_of_it_would_be_gone(
    closed: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(closed, "retention", "run", on=TODAY)
    monkeypatch.setattr(retaining, "doubt", lambda _db, _today: "")
    assert run(closed, "retention", "run", on=date(2030, 1, 1)).exit_code == 0
    assert set(held(closed).values()) == {0}


def test_what_staff_do_while_the_clock_is_ahead_does_not_vouch_for_it(closed: Home) -> None:
    """Else the second night would erase what the first did not."""
    run(closed, "retention", "run", on=TODAY)
    for night in (days(400), days(401)):
        assert run(closed, "retention", "run", on=night).exit_code == 1
        db = store(closed)
        worked(db, night)
        db.close()
    assert all(held(closed).values())


def test_a_site_where_nobody_does_anything_is_cleared_all_year(closed: Home) -> None:
    """The run itself says that there is life."""
    for n in range(0, 360, 30):
        assert run(closed, "retention", "run", on=days(n)).exit_code == 0
    assert held(closed)["addresses"] == 0


def test_a_day_that_is_not_the_clock_s_leaves_no_run_behind(closed: Home) -> None:
    """What would be erased in a year may be tried out on a copy; the clock is believed no further for it."""
    run(closed, "retention", "run", on=TODAY)
    assert run(closed, "retention", "run", "--today", days(400).isoformat(), on=days(1)).exit_code == 0
    assert run(closed, "retention", "run", on=days(400)).exit_code == 1


def test_a_clock_that_is_behind_erases_nothing_and_keeps_no_later_run_from_its_work(closed: Home) -> None:
    run(closed, "retention", "run", on=TODAY)
    before = held(closed)
    assert run(closed, "retention", "run", on=date(2000, 1, 1)).exit_code == 0
    assert held(closed) == before
    assert run(closed, "retention", "run", on=days(31)).exit_code == 0
    assert held(closed)["job"] == 0


def test_the_timer_s_run_fails_for_all_to_see() -> None:
    """A dash before the command would let a refused run pass for a success; a day given there is no person's."""
    (line,) = [line for line in DAILY.read_text().splitlines() if "retention" in line]
    assert line == "ExecStart=/opt/surveyapp/.venv/bin/surveyapp retention run"


def nightly(home: Home, on: date) -> bool:
    """What the timer does in a night: command by command, as systemd does it, to the first that fails."""
    lines = [line for line in DAILY.read_text().splitlines() if line.startswith("ExecStart=/")]
    return all(run(home, *line.split()[1:], on=on).exit_code == 0 for line in lines)


def addresses(backup: Path) -> int:
    with closing(sqlite3.connect(backup)) as copy:
        return copy.execute("SELECT count(*) FROM organisation WHERE email LIKE '%@%'").fetchone()[0]


def test_the_backup_of_a_night_holds_nothing_that_was_over(closed: Home) -> None:
    assert nightly(closed, days(30))
    assert nightly(closed, days(90))
    [backup] = backups.backups(closed.backups)
    assert (backup.made_on, addresses(backup.path)) == (days(90), 0)


def test_no_backup_gets_a_day_that_the_clock_has_wrong(closed: Home) -> None:
    assert nightly(closed, TODAY)
    assert not nightly(closed, date(2030, 1, 1))
    assert {backup.made_on for backup in backups.backups(closed.backups)} == {TODAY}


# ── before the first run that is noted ───────────────────────────────────────


@pytest.mark.stores
def test_before_the_first_run_the_newest_day_of_anything_vouches_for_the_clock(db: Database) -> None:
    assert retaining.doubt(db, date(2030, 1, 1)) == "", "there is nothing yet"
    make_wave(db)
    assert retaining.doubt(db, days(60)) == ""
    assert retaining.doubt(db, days(61)) == (
        "the clock says 2012-03-17, and the newest day that the store knows is 2012-01-16"
    )
    campaigning.close_wave(db, WAVE, days(50))
    assert (retaining.doubt(db, days(110)), bool(retaining.doubt(db, days(111)))) == ("", True)
    with db.transaction() as connection:
        jobs.add(connection, Job(privacy.new_id(), "tables", "tiny", WAVE, "a", at=seconds(days(100))))
    assert (retaining.doubt(db, days(160)), bool(retaining.doubt(db, days(161)))) == ("", True)
    worked(db, days(150))
    assert (retaining.doubt(db, days(210)), bool(retaining.doubt(db, days(211)))) == ("", True)


@pytest.mark.stores
def test_the_last_run_is_the_latest_and_not_one_of_a_clock_that_was_behind(db: Database) -> None:
    for day in (TODAY, date(2000, 1, 1)):
        staffing.record_daily(db, seconds(day), "terminal", retaining.RUN, "", "", "")
    make_wave(db)
    staffing.record(db, seconds(days(300)), "terminal", retaining.RUN, "tiny", WAVE, "drafts")
    assert retaining.doubt(db, days(60)) == ""
    assert retaining.doubt(db, days(61)).endswith("and retention was last run on 2012-01-16")
