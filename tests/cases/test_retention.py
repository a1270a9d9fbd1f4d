"""Retention: what is over is erased to the last byte, once, in the right order, and what is kept stays."""

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from surveyapp import campaigning, collecting, privacy, reporting, retaining, watching
from surveyapp.config import AlreadyThere, Home, write_once
from surveyapp.fieldwork import Frame, Unit
from surveyapp.problems import NotFound, NotSaved, Refused, SurveyError, UnknownCode
from surveyapp.retaining import Copy, Erased, Part, Retention
from surveyapp.storage import backups, waves
from surveyapp.storage.database import Database, connect
from tests.makers import PEPPER, TODAY, as_form, make_all_types, make_answers, make_wave, send

CLOSED = date(2012, 2, 17)


def after(days: int) -> date:
    return CLOSED + timedelta(days=days)


# ── the days ─────────────────────────────────────────────────────────────────


def test_days_have_defaults_and_are_set_part_by_part(db: Database) -> None:
    make_wave(db)
    assert retaining.change(db, "tiny-1", {"contacts": 10, "key": None}) == Retention(30, 30, 10, 30)
    assert retaining.change(db, "tiny-1", {"drafts": 0}) == Retention(0, 30, 10, 30)
    with db.reading() as connection:
        stored = json.loads(waves.wave_named(connection, "tiny-1").retention)
    assert stored == {"days": {"drafts": 0, "letters": 30, "contacts": 10, "key": 30}, "erased": {}}


def test_days_out_of_bounds_are_all_told(db: Database) -> None:
    make_wave(db)
    with pytest.raises(Refused) as refused:
        retaining.change(db, "tiny-1", {"contacts": -1, "key": 3651, "drafts": 5})
    assert [problem.at for problem in refused.value.problems] == ["contacts", "key"]
    assert retaining.kept(db)[0].parts[0].days == 30


def test_days_of_an_unknown_wave_are_refused(db: Database) -> None:
    with pytest.raises(NotFound):
        retaining.change(db, "nope", {"key": 3})


def test_nothing_is_due_before_the_close(office: Home, db: Database) -> None:
    field(db, office)
    assert retaining.kept(db)[0].parts[0] == Part("drafts", 30, None, None)
    before = db.path.read_bytes()
    assert retaining.run(db, office, after(5000)) == Erased({}, 0)
    assert db.path.read_bytes() == before


@pytest.mark.parametrize(
    ("day", "parts"),
    [
        (29, {}),
        (30, {"drafts": 40, "letters": 41, "key": 1}),
        (90, {"drafts": 40, "letters": 41, "contacts": 40, "key": 1}),
    ],
)
def test_each_part_is_erased_when_its_days_are_over(
    office: Home, db: Database, day: int, parts: dict[str, int]
) -> None:
    """Letters count twice: one row that was written here, and forty files."""
    close(db, field(db, office))
    assert retaining.run(db, office, after(day)) == Erased({"tiny-1": parts} if parts else {}, 0)


# ── what is gone, on the bytes ───────────────────────────────────────────────


def test_nothing_of_a_contact_or_a_code_is_left_in_any_file(office: Home, db: Database) -> None:
    codes = field(db, office)
    close(db, codes)
    traces = [b"CONTACT-0", b"@canary.example", b"LATE-NOTE", *map(str.encode, codes.values())]
    traces += [privacy.code_hash(privacy.normal_code(code) or "") for code in codes.values()]
    assert sum(trace in everything(office) for trace in traces) == len(traces)
    retaining.run(db, office, after(90))
    assert [trace for trace in traces if trace in everything(office)] == []


def test_a_draft_that_outlived_the_close_is_erased(office: Home, db: Database) -> None:
    close(db, field(db, office))
    with db.transaction() as connection:
        code = connection.exec_driver_sql("SELECT code_hash FROM invitation WHERE state = 'open'").scalar()
        connection.exec_driver_sql("INSERT INTO draft VALUES (?, ?, '2012-02-01')", (code, b"CANARY-DRAFT"))
    retaining.run(db, office, after(30))
    assert b"CANARY-DRAFT" not in everything(office)
    assert counted(db, "draft") == 0


def test_a_letter_that_was_half_written_when_its_sender_was_killed_is_erased_with_the_others(
    office: Home, db: Database
) -> None:
    close(db, field(db, office))
    half = office.outbox / "tiny-1" / ".U003-invitation.eml.x4k2m9"
    half.write_bytes(b"To: team3@canary.example\n\nType this acc")
    retaining.run(db, office, after(30))
    assert not half.exists()
    assert not (office.outbox / "tiny-1").exists()


def test_answers_names_and_response_rates_stay(office: Home, db: Database) -> None:
    close(db, field(db, office))
    before = (campaigning.status(db, "tiny-1"), watching.response(db, "tiny-1", after(0)))
    tables = reporting.file_of(reporting.report(db, "tiny-1", None), ".json")
    retaining.run(db, office, after(90))
    now = campaigning.status(db, "tiny-1")
    assert (now.invited, now.received, now.released) == (40, 20, 20) == (before[0].invited, 20, 20)
    assert watching.response(db, "tiny-1", after(0)) == before[1]
    assert reporting.file_of(reporting.report(db, "tiny-1", None), ".json") == tables
    assert b"Team 17" in everything(office)


def test_a_code_is_strange_to_the_site_once_it_is_erased(office: Home, db: Database) -> None:
    codes = field(db, office)
    close(db, codes)
    retaining.run(db, office, after(30))
    for code in (codes["U001"], codes["U040"]):
        with pytest.raises(UnknownCode):
            collecting.enter(db, PEPPER, code, after(30))


def test_other_waves_are_left_alone(office: Home, db: Database) -> None:
    close(db, field(db, office))
    make_wave(db, "tiny-2", document=make_all_types())
    retaining.run(db, office, after(90))
    with db.reading() as connection:
        query = "SELECT count(*) FROM organisation WHERE wave = 'tiny-2' AND email LIKE 'team%'"
        assert connection.exec_driver_sql(query).scalar() == 40


# ── the key ──────────────────────────────────────────────────────────────────


def test_the_key_stays_until_the_tray_has_been_opened(office: Home, db: Database) -> None:
    codes = field(db, office)
    send_half(db, codes)
    campaigning.close_wave(db, "tiny-1", CLOSED)
    assert "key" not in retaining.run(db, office, after(60)).waves["tiny-1"]
    waits = "open the tray first: without the key nobody could read what is in it"
    assert retaining.kept(db)[0].parts[3].waits == waits
    reporting.open_tray(db, "tiny-1", key_of(office))
    assert retaining.run(db, office, after(60)) == Erased({"tiny-1": {"key": 1}}, 0)
    assert not office.wave_key("tiny-1").exists()
    assert retaining.kept(db)[0].parts[3].erased_on == "2012-04-17"


def test_the_key_of_a_key_holder_is_none_of_ours(db: Database, home: Home) -> None:
    make_wave(db)
    campaigning.close_wave(db, "tiny-1", CLOSED)
    assert "key" not in retaining.run(db, home, after(60)).waves["tiny-1"]
    assert retaining.kept(db)[0].parts[3].waits == "it is with the key holder, who destroys it"


# ── again, and after an interruption ─────────────────────────────────────────


def test_a_second_run_erases_nothing_and_writes_nothing(office: Home, db: Database) -> None:
    close(db, field(db, office))
    retaining.run(db, office, after(90))
    before = db.path.read_bytes()
    assert retaining.run(db, office, after(91)) == Erased({}, 0)
    assert db.path.read_bytes() == before
    assert [part.erased_on for part in retaining.kept(db)[0].parts] == ["2012-05-17"] * 4


def test_days_of_what_has_been_erased_cannot_be_changed(office: Home, db: Database) -> None:
    close(db, field(db, office))
    retaining.run(db, office, after(90))
    with pytest.raises(
        SurveyError, match="e-mail addresses and contact persons of tiny-1 were erased on 2012-05-17"
    ):
        retaining.change(db, "tiny-1", {"contacts": 400})


def test_a_run_that_the_disk_stops_is_done_again(
    office: Home, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only what is gone from the file too is recorded as erased."""
    close(db, field(db, office))

    def full(_db: Database) -> None:
        raise NotSaved("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(Database, "vacuum", full)
        with pytest.raises(NotSaved):
            retaining.run(db, office, after(90))
    assert {part.erased_on for part in retaining.kept(db)[0].parts} == {None}
    again = retaining.run(db, office, after(90)).waves["tiny-1"]
    assert again == {"drafts": 40, "letters": 0, "contacts": 0, "key": 0}
    assert retaining.run(db, office, after(90)) == Erased({}, 0)


def test_a_restored_backup_is_erased_again(office: Home, db: Database, tmp_path: Path) -> None:
    close(db, field(db, office))
    backups.back_up(db, tmp_path / "copy.db")
    retaining.run(db, office, after(90))
    other = Home(tmp_path / "other").make()
    backups.restore(tmp_path / "copy.db", other.database)
    restored = connect(other.database)
    assert retaining.run(restored, other, after(90)).waves["tiny-1"]["contacts"] == 40
    assert b"@canary.example" not in everything(other)


def test_old_backups_are_erased_with_the_rest(office: Home, db: Database) -> None:
    make_wave(db)
    for day in (after(0), after(10)):
        backups.back_up(db, backups.new_name(office.backups, day))
    assert retaining.run(db, office, after(15)) == Erased({}, 1)
    assert [b.made_on for b in backups.backups(office.backups)] == [after(10)]


def test_another_file_in_the_outbox_stays(office: Home, db: Database) -> None:
    close(db, field(db, office))
    (office.outbox / "tiny-1" / "remarks.txt").write_text("mine")
    retaining.run(db, office, after(90))
    assert [path.name for path in (office.outbox / "tiny-1").iterdir()] == ["remarks.txt"]


# ── makers ───────────────────────────────────────────────────────────────────


# ── backups that lie elsewhere ───────────────────────────────────────────────


def copied(home: Home, db: Database, path: Path, day: date = TODAY) -> Path:
    with retaining.noted(home, path, day) as note:
        note(backups.back_up(db, path))
    return path


def test_a_copy_is_known_by_path_day_and_hash_in_a_file_of_the_owner_alone(
    office: Home, db: Database, tmp_path: Path
) -> None:
    path = copied(office, db, tmp_path / "away" / "a.db")
    assert retaining.copies(office) == [Copy(path, TODAY, backups.digest(path))]
    assert (office.backups / "elsewhere").stat().st_mode & 0o777 == 0o600
    assert str(tmp_path / "away").encode() not in db.path.read_bytes()


@pytest.mark.parametrize(("days", "old"), [(14, False), (15, True)])
def test_a_copy_is_old_by_the_same_days_as_any_backup(
    office: Home, db: Database, tmp_path: Path, days: int, old: bool
) -> None:
    copied(office, db, tmp_path / "a.db")
    (copy,) = retaining.copies(office)
    assert copy.is_old(TODAY + timedelta(days)) is old


def test_a_copy_is_erased_with_its_hash_and_struck_off(office: Home, db: Database, tmp_path: Path) -> None:
    path = copied(office, db, tmp_path / "away" / "a.db")
    other = copied(office, db, tmp_path / "away" / "b.db")
    retaining.erase_copy(office, retaining.copies(office)[0])
    assert [copy.path for copy in retaining.copies(office)] == [other]
    assert not path.exists()
    assert sorted(p.name for p in other.parent.iterdir()) == ["b.db", "b.db.sha256"]


def test_what_is_not_the_file_that_was_written_is_never_erased(office: Home, db: Database, tmp_path: Path) -> None:
    path = copied(office, db, tmp_path / "a.db")
    path.write_bytes(b"a letter to my aunt")
    (copy,) = retaining.copies(office)
    assert copy.where == "altered"
    with pytest.raises(SurveyError, match="is not there as it was written; look at it"):
        retaining.erase_copy(office, copy)
    assert path.read_bytes() == b"a letter to my aunt"
    path.unlink()
    assert retaining.copies(office)[0].where == "gone"
    retaining.strike_off(office, path)
    assert retaining.copies(office) == []


def test_a_copy_whose_writing_was_cut_off_is_known_if_it_is_there(office: Home, tmp_path: Path) -> None:
    with retaining.noted(office, tmp_path / "a.db", TODAY):
        pass
    assert retaining.copies(office) == []
    (tmp_path / "a.db").write_bytes(b"SQLite")
    assert [copy.where for copy in retaining.copies(office)] == ["altered"]


def test_a_second_try_at_the_same_place_does_not_hide_the_first(
    office: Home, db: Database, tmp_path: Path
) -> None:
    path = copied(office, db, tmp_path / "a.db")
    with pytest.raises(AlreadyThere), retaining.noted(office, path, TODAY + timedelta(20)) as note:
        note(backups.back_up(db, path))
    assert [copy.made_on for copy in retaining.copies(office)] == [TODAY]


@pytest.fixture
def office(home: Home) -> Home:
    """The installation whose database `db` is."""
    return home


@pytest.fixture
def db(office: Home) -> Any:
    database = connect(office.database)
    yield database
    database.close()


def field(db: Database, home: Home) -> dict[str, str]:
    """A wave whose key the server holds, with forty contacts and forty letters in the outbox."""
    frame = Frame(tuple(unit(i) for i in range(1, 41)), ("region",))
    _, key, codes = make_wave(db, frame=frame, key_place="server", today=TODAY)
    write_once(home.wave_key("tiny-1"), privacy.key_file("tiny-1", key).encode())
    for name, code in codes.items():
        write_once(home.outbox / "tiny-1" / f"{name}.eml", f"To: team@canary.example\n\n{code}\n".encode())
    return codes


def unit(i: int) -> Unit:
    region = {"region": "North" if i % 2 else "South"}
    return Unit(f"U{i:03}", f"Team {i}", f"team{i}@canary.example", f"CONTACT-0{i}", "en", strata=region)


def send_half(db: Database, codes: dict[str, str]) -> None:
    for code in list(codes.values())[:20]:
        send(db, code, make_answers())
    visit = collecting.enter(db, PEPPER, codes["U030"], TODAY)
    collecting.save_all(db, visit, as_form(make_answers()), TODAY)


def close(db: Database, codes: dict[str, str]) -> None:
    """Half of them answer; the wave is closed, its tray opened, and one letter on record."""
    send_half(db, codes)
    campaigning.close_wave(db, "tiny-1", CLOSED)
    reporting.open_tray(db, "tiny-1", key_of(Home(db.path.parent)))
    add_letter(db)


def add_letter(db: Database) -> None:
    """The record of one letter that came back."""
    with db.transaction() as connection:
        organisation = connection.exec_driver_sql("SELECT id FROM organisation LIMIT 1").scalar()
        connection.exec_driver_sql(
            "INSERT INTO letter (id, wave, organisation, kind, state, due_on, note) "
            "VALUES (?, 'tiny-1', ?, 'code', 'failed', '2012-02-01', 'LATE-NOTE')",
            (b"letter", organisation),
        )


def key_of(home: Home) -> bytes:
    return privacy.read_key_file(home.wave_key("tiny-1").read_text())[1]


def everything(home: Home) -> bytes:
    """All bytes below an installation."""
    return b"".join(path.read_bytes() for path in sorted(home.path.rglob("*")) if path.is_file())


def counted(db: Database, table: str) -> int:
    with db.reading() as connection:
        return int(connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar() or 0)
