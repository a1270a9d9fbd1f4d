"""A process killed anywhere loses nothing, leaves nothing twice, and a retry is answered right."""

import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from surveyapp import campaigning, collecting, reporting
from surveyapp.problems import AlreadyReceived
from surveyapp.storage.database import Database
from tests.faults import victims
from tests.faults.books import assert_books_balance
from tests.makers import PEPPER, TODAY, as_form, make_answers, make_wave

pytestmark = pytest.mark.stores

COMMITTED = {"after the commit"}


@pytest.mark.parametrize("step", victims.SUBMIT_STEPS)
def test_a_sending_killed_at_any_step_is_whole_or_undone(db: Database, tmp_path: Path, step: str) -> None:
    _, key, codes = make_wave(db)
    code, told = codes["U001"], tmp_path / "told"
    _save(db, code)
    victims.killed_at(victims.SUBMIT_STEPS[step], victims.submit_once, db.place, code, told)
    assert not told.exists()
    assert_books_balance(db, [], "tiny-1", key)
    assert campaigning.status(db, "tiny-1").tray == (1 if step in COMMITTED else 0)
    _retry(db, code, received=step in COMMITTED)
    assert_books_balance(db, [code], "tiny-1", key)
    _save(db, codes["U002"])
    assert {path.name for path in tmp_path.iterdir()} <= {"surveyapp.db", "surveyapp.db.lock"}


@pytest.mark.sqlite
@pytest.mark.parametrize("step", ["after the box is in the tray", "before the commit", "after the commit"])
def test_what_a_killed_process_leaves_on_the_disk_holds_no_answer(db: Database, tmp_path: Path, step: str) -> None:
    """A journal is left, with the pages as they were: drafts in it are sealed like those in the file."""
    _, _, codes = make_wave(db)
    collecting.save_all(
        db, collecting.enter(db, PEPPER, codes["U001"], TODAY), as_form(_answers("CANARY-017")), TODAY
    )
    victims.killed_at(victims.SUBMIT_STEPS[step], victims.submit_once, db.place, codes["U001"], tmp_path / "told")
    left = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert (f"{db.path.name}-journal" in left) == (step not in COMMITTED)
    assert not [name for name, content in left.items() if b"CANARY" in content]


@pytest.mark.parametrize("step", ["before the commit", "after the commit"])
def test_a_saving_killed_leaves_the_page_as_it_was_or_as_it_is(db: Database, tmp_path: Path, step: str) -> None:
    _, _, codes = make_wave(db)
    visit = collecting.enter(db, PEPPER, codes["U001"], TODAY)
    collecting.save_page(db, visit, "p1", {"kind": ["no"]}, TODAY)
    collecting.save_page(db, visit, "p2", {"issues": ["Before"]}, TODAY)
    job = (db.place, codes["U001"], {"kind": "yes"}, tmp_path / "told")
    victims.killed_at(victims.SUBMIT_STEPS[step], victims.save_once, *job)
    found = collecting.desk(db, collecting.enter(db, PEPPER, codes["U001"], TODAY), TODAY).answers
    assert found == {"kind": "yes" if step in COMMITTED else "no", "issues": "Before"}


def test_thirty_respondents_killed_at_random_lose_nothing(db: Database, tmp_path: Path) -> None:
    _, key, codes = make_wave(db)
    told, chance = tmp_path / "told", random.Random(17)
    killed = Counter[int | None]()
    for code in list(codes.values())[:30]:
        job = (db.place, code, _answers(code), told)
        killed[victims.killed_after(chance.uniform(0, 0.06), victims.submit_with_answers, *job)] += 1
        assert_books_balance(db, _told(told), "tiny-1", key)
    assert killed[-9] >= 5, f"hardly anybody was killed in time: {killed}"
    for code in list(codes.values())[:30]:
        _save_and_send_again(db, code)
    assert_books_balance(db, list(codes.values())[:30], "tiny-1", key)


def test_thirty_savers_killed_at_random_find_what_they_were_told_is_saved(db: Database, tmp_path: Path) -> None:
    _, _, codes = make_wave(db)
    told, chance = tmp_path / "told", random.Random(18)
    for code in list(codes.values())[:30]:
        victims.killed_after(chance.uniform(0, 0.05), victims.save_once, db.place, code, {"kind": "yes"}, told)
        found = collecting.desk(db, collecting.enter(db, PEPPER, code, TODAY), TODAY).answers
        assert found in ({}, {"kind": "yes"})
        assert found == {"kind": "yes"} or code not in _told(told)


def test_an_opening_killed_at_random_loses_nothing(db: Database) -> None:
    _, key, codes = make_wave(db)
    for code in codes.values():
        _save(db, code)
        collecting.submit(db, collecting.enter(db, PEPPER, code, TODAY), TODAY)
    campaigning.close_wave(db, "tiny-1", TODAY)
    chance = random.Random(19)
    for _ in range(12):
        victims.killed_after(chance.uniform(0, 0.08), victims.open_once, db.place, "tiny-1", key)
        assert_books_balance(db, list(codes.values()), "tiny-1", key)
    reporting.open_tray(db, "tiny-1", key)
    assert_books_balance(db, list(codes.values()), "tiny-1", key)
    assert campaigning.status(db, "tiny-1").released == 40


@pytest.mark.parametrize("processes", [1, 4])
def test_fifty_sendings_of_one_code_at_once_make_one_box(db: Database, tmp_path: Path, processes: int) -> None:
    _, key, codes = make_wave(db)
    code, told = codes["U001"], tmp_path / "told"
    _save(db, code)
    job = (victims.many_submits, db.place, code, 52 // processes, told, victims.meeting(processes))
    children = [victims.started(*job) for _ in range(processes)]
    for child in children:
        child.join(60)
    assert Counter(_told(told)) == {"received": 1, "already": 51}
    assert_books_balance(db, [code], "tiny-1", key)


def test_forty_respondents_at_once_from_four_processes_are_all_received(db: Database, tmp_path: Path) -> None:
    _, key, codes = make_wave(db)
    told, everybody = tmp_path / "told", list(codes.values())
    children = [victims.started(victims.submit_in_turn, db.place, everybody[i::4], told) for i in range(4)]
    for child in children:
        child.join(60)
    assert sorted(_told(told)) == sorted(codes.values())
    assert_books_balance(db, list(codes.values()), "tiny-1", key)


def test_books_that_do_not_balance_are_found(db: Database) -> None:
    """The check itself: a flag without a box, a box twice, a respondent told and lost."""
    wave, key, codes = make_wave(db)
    code = codes["U001"]
    _save(db, code)
    with pytest.raises(AssertionError, match="told but lost"):
        assert_books_balance(db, [code], wave.name, key)
    collecting.submit(db, collecting.enter(db, PEPPER, code, TODAY), TODAY)
    assert_books_balance(db, [code], wave.name, key)
    with db.transaction() as connection:
        connection.exec_driver_sql("INSERT INTO tray SELECT public_key, wave, box FROM tray, wave")
    with pytest.raises(AssertionError, match="twice"):
        assert_books_balance(db, [code], wave.name, key)
    with db.transaction() as connection:
        connection.exec_driver_sql("DELETE FROM tray")
    with pytest.raises(AssertionError, match="1 flagged done, 0 boxes"):
        assert_books_balance(db, [], wave.name, key)


def _answers(mark: str) -> dict[str, Any]:
    return make_answers(issues=mark)


def _save(db: Database, code: str) -> None:
    """A whole questionnaire saved; its open answer is the code itself, by which the box is known again."""
    collecting.save_all(db, collecting.enter(db, PEPPER, code, TODAY), as_form(_answers(code)), TODAY)


def _retry(db: Database, code: str, received: bool) -> None:
    """The respondent, who heard nothing, tries again with what was saved."""
    if received:
        with pytest.raises(AlreadyReceived):
            collecting.enter(db, PEPPER, code, TODAY)
        return
    visit = collecting.enter(db, PEPPER, code, TODAY)
    assert collecting.desk(db, visit, TODAY).answers == _answers(code)
    collecting.submit(db, visit, TODAY)


def _save_and_send_again(db: Database, code: str) -> None:
    try:
        _save(db, code)
        collecting.submit(db, collecting.enter(db, PEPPER, code, TODAY), TODAY)
    except AlreadyReceived:
        pass


def _told(told: Path) -> list[str]:
    return told.read_text().split() if told.exists() else []
