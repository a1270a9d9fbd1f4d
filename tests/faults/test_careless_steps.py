"""Faults that no kill brings about, met by careless steps: a double click, a damaged box, a copy cut short.

The careful steps are tested where they live; docs/faults.md says where.
"""

import json
import shutil
import threading
from pathlib import Path

import pytest

from surveyapp import campaigning, collecting, privacy, reporting
from surveyapp.problems import AlreadyReceived, SurveyError
from surveyapp.roles import TERMINAL
from surveyapp.storage import backups, jobs, people, responses
from surveyapp.storage.database import Database
from surveyapp.storage.jobs import DONE, Job
from tests.faults import careless_jobs
from tests.faults.books import assert_books_balance
from tests.makers import PEPPER, TODAY, as_form, boxes, change, make_answers, make_wave, rows, send

SENDERS = 4


@pytest.mark.stores
def test_a_sending_that_looks_first_and_writes_then_makes_several_boxes_of_four_clicks(db: Database) -> None:
    """Between the look and the writing everybody else has looked too."""
    _, key, codes = make_wave(db)
    visit = collecting.enter(db, PEPPER, codes["U001"], TODAY)
    collecting.save_all(db, visit, as_form(make_answers(issues=codes["U001"])), TODAY)
    looked = threading.Barrier(SENDERS)

    def send_carelessly() -> None:
        box = careless_jobs._sealed(db, visit, TODAY)
        with db.reading() as connection:
            found = people.invitation(connection, visit.code_hash)
        assert found
        looked.wait(30)
        if found.state == "open":
            with db.transaction() as connection:
                careless_jobs._put_in(connection, visit, box)

    clicks = [threading.Thread(target=send_carelessly) for _ in range(SENDERS)]
    for click in clicks:
        click.start()
    for click in clicks:
        click.join(60)
    with pytest.raises(AssertionError, match="twice"):
        assert_books_balance(db, [codes["U001"]], "tiny-1", key)


@pytest.mark.stores
def test_an_opening_that_passes_over_a_damaged_box_loses_whoever_was_told(db: Database) -> None:
    _, key, codes = make_wave(db)
    sent = list(codes.values())[:12]
    for code in sent:
        send(db, code, make_answers(issues=code))
    campaigning.close_wave(db, "tiny-1", TODAY)
    ((id_, box),) = rows(db, "SELECT id, box FROM tray LIMIT 1")
    change(db, "UPDATE tray SET box = ? WHERE id = ?", box[:99] + bytes([box[99] ^ 1]) + box[100:], id_)
    with pytest.raises(SurveyError, match="nothing was released"):
        reporting.open_tray(db, "tiny-1", key)
    _open_what_opens(db, key)
    with pytest.raises(AssertionError, match="told but lost"):
        assert_books_balance(db, sent, "tiny-1", key)


def _open_what_opens(db: Database, key: bytes) -> None:
    """The careless way: what does not open is left out, and the tray is emptied."""
    seal_info = campaigning.status(db, "tiny-1").wave.seal_info
    sealed, words = boxes(db), []
    for _, box in sealed:
        try:
            content = json.loads(privacy.open_box(key, box, seal_info))
            words.append((privacy.new_id(), responses.Verbatim("issues", "", content["answers"].pop("issues"))))
        except privacy.CannotOpen:
            continue
    released = [(privacy.new_id(), responses.Response("1", "", {})) for _ in words]
    with db.transaction() as connection:
        responses.release(connection, "tiny-1", [id_ for id_, _ in sealed], released, words)


def test_a_backup_that_was_cut_short_and_is_taken_as_it_is_does_not_balance(db: Database, tmp_path: Path) -> None:
    _, key, codes = make_wave(db)
    sent = list(codes.values())[:30]
    for code in sent:
        send(db, code, make_answers(issues=code))
    backups.back_up(db, tmp_path / "copy.db")
    whole = (tmp_path / "copy.db").read_bytes()
    (tmp_path / "copy.db").write_bytes(whole[: len(whole) // 2 // 4096 * 4096])
    shutil.copy(tmp_path / "copy.db", tmp_path / "taken.db")
    taken = Database(tmp_path / "taken.db")
    with pytest.raises((AssertionError, SurveyError)):
        assert_books_balance(taken, sent, "tiny-1", key)
    taken.close()


def test_a_queue_that_ticks_a_job_off_before_it_is_done_loses_it_with_its_worker(db: Database) -> None:
    """Ours has a lease, and a second worker takes up what the first has left."""
    with db.transaction() as connection:
        jobs.add(connection, Job(b"j" * 16, "told", "tiny", "", TERMINAL, at=1))
        mine = jobs.take(connection, 10, 40)
        assert mine
        jobs.settle(connection, mine, state=DONE)
    with db.transaction() as connection:
        jobs.doubt(connection, 1_000, 1_015)
        assert jobs.take(connection, 10_000, 10_030) is None, "nobody would ever do it"


def test_a_sending_of_ours_is_told_the_same_whoever_looked_first(db: Database) -> None:
    """The careful step, for comparison: the second is refused by the row itself."""
    _, key, codes = make_wave(db)
    visit = collecting.enter(db, PEPPER, codes["U001"], TODAY)
    collecting.save_all(db, visit, as_form(make_answers(issues=codes["U001"])), TODAY)
    collecting.submit(db, visit, TODAY)
    with pytest.raises(AlreadyReceived):
        collecting.submit(db, visit, TODAY)
    assert_books_balance(db, [codes["U001"]], "tiny-1", key)
