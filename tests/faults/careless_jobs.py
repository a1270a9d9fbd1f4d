"""Steps as they are often written: what belongs together happens one after the other. Each must be caught.

They are made of the same parts as ours, in the wrong order or in two transactions.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

from alembic import command
from pyarrow import parquet
from sqlalchemy import event

from surveyapp import (
    campaigning,
    collecting,
    drafting,
    mail,
    preparing,
    privacy,
    publishing,
    reporting,
    retaining,
    returning,
    staffing,
    writing,
)
from surveyapp.config import Home, ready, secret, write_aside, write_once
from surveyapp.preparing import Hand
from surveyapp.problems import AlreadyReceived
from surveyapp.storage import (
    accounts,
    backups,
    database,
    letters,
    papers,
    people,
    responses,
    submission,
    waves,
)
from surveyapp.storage.database import Database
from surveyapp.working import Task, openings
from surveyapp.writing import Desk
from tests.faults import victims
from tests.faults.places import store
from tests.makers import PEPPER, TODAY, as_form, boxes, in_tray, make_answers


def done_before_the_box(db: Database, visit: collecting.Visit, today: date) -> None:
    """The invitation is marked, and committed; then the box is put in."""
    box = _sealed(db, visit, today)
    with db.transaction() as connection:
        submission._use_up(connection, visit.code_hash, today.isoformat())
    with db.transaction() as connection:
        _put_in(connection, visit, box)


def box_before_done(db: Database, visit: collecting.Visit, today: date) -> None:
    """The box is put in, and committed; then the invitation is marked."""
    box = _sealed(db, visit, today)
    with db.transaction() as connection:
        values = {"id": privacy.new_id(), "wave": visit.wave, "box": box}
        connection.execute(responses.tray_table.insert(), values)
    with db.transaction() as connection:
        submission._use_up(connection, visit.code_hash, today.isoformat())
        _forget(connection, visit)


def draft_forgotten_later(db: Database, visit: collecting.Visit, today: date) -> None:
    """The draft is erased in a transaction of its own, once the answers are safe."""
    box = _sealed(db, visit, today)
    with db.transaction() as connection:
        submission._use_up(connection, visit.code_hash, today.isoformat())
        values = {"id": privacy.new_id(), "wave": visit.wave, "box": box}
        connection.execute(responses.tray_table.insert(), values)
    with db.transaction() as connection:
        _forget(connection, visit)


def told_too_early(home: Home, code: str, told: Path) -> None:
    """The respondent is thanked while the answers are still being stored."""
    db = store(home)
    try:
        visit = collecting.enter(db, PEPPER, code, TODAY)
        collecting.save_all(db, visit, as_form(make_answers(issues=code)), TODAY)
        victims._tell(told, f"received {code}")
        collecting.submit(db, visit, TODAY)
    except AlreadyReceived:
        pass


def draft_deleted_first(db: Database, visit: collecting.Visit, page: str, form: Any, today: date) -> None:
    """The old draft is deleted, and committed; then the new one is stored."""
    with db.transaction() as connection:
        before = collecting._desk(connection, visit, today)
        connection.execute(people.draft_table.delete().where(people.draft_table.c.code_hash == visit.code_hash))
    with db.transaction() as connection:
        step = before.route.step(page)
        assert step is not None
        collecting._keep(connection, visit, collecting._with_page(before, step, form).desk, today)


def released_before_emptied(db: Database, name: str, key: bytes) -> None:
    """Answers are stored among the released, and committed; then their boxes are deleted."""
    taken = _responses_and_boxes(db, name, key)
    with db.transaction() as connection:
        responses.release(connection, name, [], *taken[1:])
    with db.transaction() as connection:
        responses.release(connection, name, taken[0], [], [])
    db.vacuum()


def emptied_before_released(db: Database, name: str, key: bytes) -> None:
    """The tray is emptied, and committed; then the answers are stored."""
    taken = _responses_and_boxes(db, name, key)
    with db.transaction() as connection:
        responses.release(connection, name, taken[0], [], [])
    with db.transaction() as connection:
        responses.release(connection, name, [], *taken[1:])
    db.vacuum()


def released_in_parts(db: Database, name: str, key: bytes) -> None:
    """Answers leave the tray twenty at a time, each time in a transaction of its own."""
    taken = _responses_and_boxes(db, name, key)
    for first in range(0, len(taken[0]), 20):
        with db.transaction() as connection:
            responses.release(connection, name, *(some[first : first + 20] for some in taken))
    db.vacuum()


def closed_before_forgotten(db: Database, name: str, today: date) -> None:
    """The wave is closed, and committed; then drafts and days are erased."""
    with db.transaction() as connection:
        waves.change_wave(connection, name, state="closed", closed_on=today.isoformat())
    with db.transaction() as connection:
        people.drop_drafts(connection, name)
        people.forget_days(connection, name)
        letters.forget(connection, name)
    db.vacuum()


def codes_before_letters(desk: Desk, name: str, **headings: str) -> None:
    """Codes are given, and committed; then the letters that hold them are put into the outbox and sent."""
    key = secret(desk.key_file, privacy.new_secret)
    with desk.db.transaction() as connection:
        uninvited = [a for a in letters.addressees(connection, name) if writing._invitable(a)]
        codes = [(a, privacy.new_code(), privacy.new_id()) for a in uninvited]
        entries = ((privacy.printed_hash(code), a.id, privacy.new_id()) for a, code, _ in codes)
        people.add_invitations(connection, name, entries)
    with desk.db.transaction() as connection:
        waiting = [
            letters.Entry(id_, a.id, "invitation", privacy.seal_code(key, code, id_)) for a, code, id_ in codes
        ]
        letters.add(connection, name, waiting, desk.today.isoformat())
    writing.invite(desk, name, **headings)


def sent_before_marked(desk: Desk, name: str, **headings: str) -> None:
    """A letter is sent, and then marked as sent; no mark says that it is being tried."""
    with desk.db.transaction() as connection:
        uninvited = [a for a in letters.addressees(connection, name) if writing._invitable(a)]
        codes = [(a, privacy.new_code(), privacy.new_id()) for a in uninvited]
        entries = ((privacy.printed_hash(code), a.id, privacy.new_id()) for a, code, _ in codes)
        people.add_invitations(connection, name, entries)
        waiting = [letters.Entry(id_, a.id, "invitation", code.encode()) for a, code, id_ in codes]
        letters.add(connection, name, waiting, desk.today.isoformat())
    with desk.db.reading() as connection:
        due = letters.letters(connection, name, "due")
    with desk.transport as out:
        for queued in due:
            out.send(mail.Letter(queued.unit.unit, queued.unit.email, "Please answer", "…"), headings["sender"])
            with desk.db.transaction() as connection:
                letters.finish(connection, queued.id, "sent", desk.today.isoformat())


def key_after_the_wave(db: Database, *names: Any, keep_key: Callable[[bytes], None], **settings: Any) -> None:
    """The wave is stored, and committed; then its key is written."""
    keys: list[bytes] = []
    campaigning.open_wave(db, *names, keep_key=keys.append, **settings)
    keep_key(keys[0])


def row_by_row(db: Database, name: str, file: str, content: bytes, today: date, **how: Any) -> None:
    """Each return is loaded in a transaction of its own."""
    header, *rows = content.splitlines()
    for row in rows:
        returning.load_returns(db, name, file, b"\n".join([header, row]), today, **how)


def in_place(path: Path, content: bytes) -> None:
    """The file is opened and written."""
    with path.open("wb") as file:
        file.write(content)


def recorded_before_erased(db: Database, home: Home, today: date) -> None:
    """It is recorded what is erased; then it is erased."""
    with db.transaction() as connection:
        wave = waves.waves(connection)[0]
        settings, _ = retaining._read(wave)
        retaining._write(connection, wave.name, settings, dict.fromkeys(retaining.PARTS, today.isoformat()))
    for part, forget in retaining._IN_STORE.items():
        with db.transaction() as connection:
            forget(connection, wave.name)
        retaining._erase_files(home, wave.name, part)
    db.vacuum()


def copied_in_place(db: Database, path: Path) -> None:
    """The copy grows under its own name, its hash is written beforehand."""
    aside = path.with_suffix(".first")
    for there in (aside, path):
        there.unlink(missing_ok=True)
    db.copy_into(aside)
    backups._sum_file(path).write_text(f"{hashlib.sha256(aside.read_bytes()).hexdigest()}  {path.name}\n")
    db.copy_into(path)


def written_before_entered(db: Database, compiled: Any, files: Any) -> None:
    """The file is put into its place, and then the ledger is told."""
    with files as put_into_place:
        put_into_place()
        reporting.publish(db, compiled, ready({}))


def given_before_entered(db: Database, data: Any, facts: Any, files: Any) -> None:
    """The files of microdata are put into their places, and then the ledger is told."""
    with files as put_into_place:
        put_into_place()
        reporting.give_out(db, data, facts, ready({}))


def columns_in_place(folder: Path, wave: str, mark: str, parts: Mapping[str, Any]) -> None:
    """The mark is renewed, and then the columns under it."""
    home = folder / wave
    names = {version: f"{number}.parquet" for number, version in enumerate(parts)}
    write_aside(home / "mark.json", json.dumps({"mark": ["2", mark], "parts": names}).encode())
    for version, table in parts.items():
        parquet.write_table(table, home / names[version])


def sealed_before_noted(db: Database, name: str, unit: str, way: Any, today: date, settle: Any) -> None:
    """A return is sealed, and then the sitting is told so."""
    returning.enter(db, name, unit, way, today)
    with db.transaction() as connection:
        settle(connection)


def old_text_deleted_first(
    db: Database, survey: str, name: str, text: str, revision: int, who: str, today: date
) -> None:
    """The old text is deleted, and then the new one is stored."""
    with db.transaction() as connection:
        papers.drop(connection, papers.MANUSCRIPT, survey, name)
    with db.transaction() as connection:
        papers.save(connection, papers.MANUSCRIPT, papers.Paper(survey, name, text, who, today.isoformat()))


def put_away_before_published(
    db: Database, survey: str, name: str, revision: int, version: str, today: date
) -> None:
    """A questionnaire is put away, and then published."""
    text = drafting.manuscript(db, survey, name).document
    drafting.throw_away(db, survey, name)
    publishing.publish(db, drafting.named(text, version).encode(), today)


def noted_afterwards(db: Database, account: bytes, roles: Any, by: Any) -> None:
    """Roles are given, and then the trail is told."""
    with db.transaction() as connection:
        accounts.give(connection, account, "tiny", "analyst")
    staffing.record(db, by.now, by.who, "roles-change", "tiny", "someone@example.org", "gave analyst")


def statement_by_statement(place: Path) -> None:
    """Each statement of a migration is committed by itself."""
    store = Database(place)
    event.remove(store.engine, "begin", database._begin)
    config = database._alembic()
    with store.engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def restored_in_place(path: Path, target: Path) -> None:
    """A backup is written under the name of the database, and then looked at."""
    wanted = backups._stated_hash(path)
    target.unlink(missing_ok=True)
    with path.open("rb") as source, target.open("wb") as out:
        while some := source.read(16_384):
            out.write(some)
    assert backups._hash(target) == wanted


def _sealed(db: Database, visit: collecting.Visit, today: date) -> bytes:
    with db.reading() as connection:
        now = collecting._desk(connection, visit, today)
        invitation = people.invitation(connection, visit.code_hash)
    assert invitation is not None
    return submission.sealed(now.wave, now.instrument, now.route, invitation.strata)


def _forget(connection: Any, visit: collecting.Visit) -> None:
    connection.execute(people.draft_table.delete().where(people.draft_table.c.code_hash == visit.code_hash))


def _put_in(connection: Any, visit: collecting.Visit, box: bytes) -> None:
    values = {"id": privacy.new_id(), "wave": visit.wave, "box": box}
    connection.execute(responses.tray_table.insert(), values)
    _forget(connection, visit)


def _responses_and_boxes(db: Database, name: str, key: bytes) -> tuple[Any, Any, Any]:
    """Ids of all boxes, and what is in them as it is released."""
    sealed, contents = boxes(db, name), in_tray(db, key, name)
    words = [responses.Verbatim("issues", "", content["answers"].pop("issues")) for content in contents]
    closed = [responses.Response(content["version"], "", content["answers"]) for content in contents]
    return (
        [id_ for id_, _ in sealed],
        [(privacy.new_id(), response) for response in closed],
        [(privacy.new_id(), verbatim) for verbatim in words],
    )


# ── a prepared wave ──────────────────────────────────────────────────────────


def opened_before_it_is_said(task: Task) -> str:
    """The wave is opened, and committed; then the job is said to be done."""
    known = preparing.found(task.db, task.job.survey, task.job.wave)
    preparing.open_wave(task.db, task.home, known, task.job.wave, Hand(task.job.who, task.today))
    with task.db.transaction() as connection:
        task.finish(connection, "open")
    return ""


def with_a_key_that_is_in_the_way(task: Task) -> str:
    """A key is made and written at every try; then the wave is opened."""
    private, _ = privacy.new_key_pair()
    write_once(task.home.wave_key(task.job.wave), privacy.key_file(task.job.wave, private).encode())
    return openings.open_prepared(task)
