"""`audit-anonymity`: each attack finds nothing in our store, and succeeds against a careless one."""

import json
import os
import random
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from surveyapp import auditing, campaigning, privacy, publishing, reporting
from surveyapp.auditing import ATTACKS, Attack, Outcome, Scene
from surveyapp.config import Home, write_once
from surveyapp.problems import NotFound
from surveyapp.storage import forensics
from surveyapp.storage.database import Database, connect
from tests.dump import careless, playing, table
from tests.makers import (
    PEPPER,
    TODAY,
    make_all_types,
    make_answers,
    make_document,
    make_home,
    make_question,
    make_wave,
    send,
)

WEAKER = {"_file_time", "_names_in_words"}
"""Attacks that succeed against anybody a little: they are told and never fail."""


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """Our store after 30 organisations have answered and the tray was opened."""
    home = make_home(tmp_path_factory.mktemp("ours"))
    playing.play(home, random.Random(1), units=30)
    db = connect(home.database)
    yield auditing.scene(home, db, "tiny-1")
    db.close()


@pytest.fixture(scope="module")
def carelessly(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """The careless store after the same, with what lies about beside it."""
    units = playing.arrivals(random.Random(1), 30)
    marks, closed = [playing.mark(n) for n in units], [playing.closed_row(n) for n in units]
    dump, connection = careless.fieldwork(tmp_path_factory.mktemp("careless"), marks, closed)
    yield careless.litter(dump, connection)
    connection.close()


@pytest.fixture
def fielded(home: Home) -> Iterator[tuple[Home, Database, bytes, dict[str, str]]]:
    """An installation in mid-field: twelve have answered, the key is with its holder."""
    write_once(home.keys / "pepper", PEPPER)
    db = connect(home.database)
    _, key, codes = make_wave(db)
    for unit in list(codes)[:12]:
        send(db, codes[unit], make_answers())
    yield home, db, key, codes
    db.close()


Fielded = tuple[Home, Database, bytes, dict[str, str]]


def outcome(home: Home, db: Database, name: str, logs: tuple[Path, ...] = ()) -> Outcome:
    return next(o for o in auditing.audit(home, db, "tiny-1", logs) if o.attack.name == name)


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_the_attack_finds_nothing_in_our_store(ours: Scene, attack: Attack):
    verdict, found, do = attack.run(ours)
    assert (verdict, do) == ("holds", ""), found


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_the_attack_succeeds_against_the_careless_store(carelessly: Scene, attack: Attack):
    verdict, found, do = attack.run(carelessly)
    assert verdict == ("known" if attack.run.__name__ in WEAKER else "fails"), found
    assert do.endswith(".")


def test_the_summary_has_a_line_for_each_attack(ours: Scene, carelessly: Scene):
    """Printed with `pytest -s`."""
    text = table.table(auditing.examine(ours), auditing.examine(carelessly))
    sys.stdout.write(f"\n{text}\n")
    assert len(text.split("\n")) == len(ATTACKS) + 1


# ── what is told rather than hidden ──────────────────────────────────────────


def test_in_mid_field_nothing_fails_and_the_residue_is_named(fielded: Fielded):
    home, db, *_ = fielded
    outcomes = auditing.audit(home, db, "tiny-1")
    assert not auditing.failed(outcomes)
    assert {o.attack.name for o in outcomes if o.verdict == "known"} == {"order_of_boxes", "file_time", "days"}


def test_a_key_on_the_server_is_known_if_respondents_are_told(home: Home):
    db = connect(home.database)
    _, key, _ = make_wave(db, key_place="server")
    write_once(home.wave_key("tiny-1"), privacy.key_file("tiny-1", key).encode())
    found = outcome(home, db, "boxes_with_keys")
    assert (found.verdict, found.found) == ("known", "the key lies here; the tray is empty")
    assert "a weaker promise, and respondents are told so" in found.do
    db.close()


@pytest.mark.parametrize("place", ["keys/tiny-1.key", "keys/old", "my-copy.txt"])
def test_a_key_that_should_be_elsewhere_fails_wherever_it_lies(fielded: Fielded, place: str):
    home, db, key, _ = fielded
    write_once(home.path / place, privacy.key_file("tiny-1", key).encode())
    found = outcome(home, db, "boxes_with_keys")
    assert (found.verdict, found.found) == ("fails", "the key lies here; 12 in the tray")


def test_a_name_in_what_was_written_is_known_and_no_value_in_common(fielded: Fielded):
    home, db, key, codes = fielded
    send(db, codes["U013"], make_answers(issues="Ask team13@example.org of Team 13"))
    campaigning.close_wave(db, "tiny-1", TODAY)
    reporting.open_tray(db, "tiny-1", key)
    assert outcome(home, db, "names_in_words").verdict == "known"
    assert outcome(home, db, "shared_values").verdict == "holds"


def test_dates_and_numbers_that_were_asked_for_are_no_clock(home: Home):
    db = connect(home.database)
    asked = make_document([make_question("date", "since"), make_question("number", "spend", unit="GBP")])
    _, key, codes = make_wave(db, document=asked)
    for code in list(codes.values())[:12]:
        send(db, code, {"since": ["16", "1", "2012"], "spend": "1326700000"})
    campaigning.close_wave(db, "tiny-1", TODAY)
    reporting.open_tray(db, "tiny-1", key)
    assert outcome(home, db, "times").verdict == "holds"
    assert outcome(home, db, "shared_values").verdict == "holds"
    db.close()


def test_a_receipt_of_the_answers_with_the_people_is_found_hashed(fielded: Fielded):
    home, db, key, _ = fielded
    campaigning.close_wave(db, "tiny-1", TODAY)
    reporting.open_tray(db, "tiny-1", key)
    ((answers,), *_) = forensics.rows(home.database, "response", "answers")
    with sqlite3.connect(home.database) as connection:
        digest = privacy.code_hash(answers).hex()
        connection.execute("UPDATE organisation SET contact = ? WHERE unit = 'U001'", [digest])
    connection.close()
    found = outcome(home, db, "shared_values")
    assert (found.verdict, found.found) == ("fails", "organisation.contact = response.answers (SHA-256)")


def test_two_copies_that_differ_by_one_answer_fail_and_by_a_batch_hold(fielded: Fielded):
    home, db, key, _ = fielded
    campaigning.close_wave(db, "tiny-1", TODAY)
    reporting.open_tray(db, "tiny-1", key)
    copy = home.path / "nightly.db"
    shutil.copy(home.database, copy)
    copy.chmod(0o600)
    assert outcome(home, db, "differences").verdict == "holds"
    with sqlite3.connect(copy) as connection:
        connection.execute("DELETE FROM response WHERE id = (SELECT min(id) FROM response)")
    connection.close()
    os.utime(copy, (0, 0))
    found = outcome(home, db, "differences")
    assert (found.verdict, found.found) == ("fails", "1 step of fewer than 5 answers")


def test_a_copy_from_mid_field_is_known(fielded: Fielded):
    home, db, *_ = fielded
    shutil.copy(home.database, home.path / "nightly.db")
    assert outcome(home, db, "boxes_in_copies").found == "1 of 1 copies here hold some, sealed"


def test_a_log_outside_the_folder_is_looked_through(fielded: Fielded, tmp_path: Path):
    home, db, *_ = fielded
    log = tmp_path / "proxy"
    log.write_text('198.51.100.7 - - "POST /answer HTTP/1.1" 303\n')
    found = outcome(home, db, "log_lines", (log,))
    assert found.found == "addresses of computers in proxy, pages of respondents in proxy"


def test_a_letter_of_an_open_wave_is_worth_a_draft(home: Home):
    db = connect(home.database)
    playing.publish_and_open(db, playing.document(), playing.frame(30), lambda _: None)
    playing.invited(db, home)
    found = outcome(home, db, "codes_in_letters")
    assert (found.verdict, found.found) == ("known", "30 usable codes, 0 drafts behind them")
    db.close()


def test_a_wave_moved_in_the_field_gives_no_rare_version(fielded: Fielded):
    home, db, key, codes = fielded
    newer = make_all_types(version="2")
    newer["sections"][0]["pages"][0]["questions"].append(make_question("single", "outlook"))
    publishing.publish(db, json.dumps(newer).encode(), TODAY)
    campaigning.move_wave(db, "tiny-1", "2")
    for unit in ("U013", "U014", "U015"):
        send(db, codes[unit], make_answers())
    campaigning.close_wave(db, "tiny-1", TODAY)
    reporting.open_tray(db, "tiny-1", key)
    assert outcome(home, db, "rare_versions").verdict == "holds"
    assert not auditing.failed(auditing.audit(home, db, "tiny-1"))


@pytest.mark.parametrize(
    ("released", "found"),
    [
        ([("1", "North")] * 6 + [("2", "North")] * 4, "2: 4"),
        ([("1", "North")] * 6 + [("2", "North")] * 3 + [("2", "South")] * 9, "2: 3"),
        ([("1", "North")] * 6 + [("", "North")] * 2, "none: 2"),
    ],
)
def test_a_version_that_few_share_fails_in_all_or_in_a_cell(ours: Scene, released: list, found: str):
    attack = next(a for a in ATTACKS if a.name == "rare_versions")
    assert attack.run(replace(ours, released=tuple(released)))[:2] == ("fails", found)


def test_an_unknown_wave_is_refused(fielded: Fielded):
    home, db, *_ = fielded
    with pytest.raises(NotFound, match="the waves are: tiny-1"):
        auditing.audit(home, db, "tiny-2")


# ── what is printed ──────────────────────────────────────────────────────────


def test_the_table_fits_80_columns_and_names_every_attack_and_role(ours: Scene, carelessly: Scene):
    for seen in (ours, carelessly):
        text = auditing.printed("tiny-1", ["We promise."], auditing.examine(seen))
        assert max(map(len, text.split("\n"))) < 80
        assert all(role.partition(":")[0] + ":" in text for role in auditing.ROLES)
        assert "- We promise." in text
    assert text.endswith(f"{len(ATTACKS)} attacks: 0 hold, 2 known, {len(ATTACKS) - 2} fail")


def test_scripts_get_the_same(ours: Scene):
    found = auditing.as_json("tiny-1", ["We promise."], auditing.examine(ours))
    assert (found["passed"], found["promise"], len(found["attacks"])) == (True, ["We promise."], len(ATTACKS))
    assert json.loads(json.dumps(found)) == found
    assert {a["role"] for a in found["attacks"]} == {role.partition(":")[0] for role in auditing.ROLES}


def test_a_failure_of_any_attack_is_a_failure(ours: Scene):
    assert auditing.failed(auditing.examine(replace(ours, days=1)))
    assert not auditing.failed(auditing.examine(ours))


# ── the order in the file ────────────────────────────────────────────────────


@pytest.mark.parametrize("length", [50, 6000], ids=["rows on pages", "rows that spill over"])
@pytest.mark.parametrize(("in_batch", "tells"), [(True, False), (False, True)])
def test_rows_put_in_as_they_came_are_known_by_their_place(
    tmp_path: Path, length: int, in_batch: bool, tells: bool
):
    ids = [random.Random(n).randbytes(16) for n in range(200)]
    path = tmp_path / "a.db"
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("CREATE TABLE response (id BLOB PRIMARY KEY, words TEXT) WITHOUT ROWID")
    for id_ in sorted(ids) if in_batch else ids:
        connection.execute("INSERT INTO response VALUES (?, ?)", [id_, "w" * length])
    if in_batch:
        connection.execute("VACUUM")
    connection.close()
    assert forensics.layout(path, "response").tells is tells


def test_ids_made_by_a_clock_are_found(ours: Scene, tmp_path: Path):
    path = tmp_path / "a.db"
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("CREATE TABLE response (id BLOB PRIMARY KEY) WITHOUT ROWID")
    for n in range(10):
        connection.execute("INSERT INTO response VALUES (?)", [b"\x01\x8f" + random.Random(n).randbytes(14)])
    connection.close()
    assert forensics.times(replace(ours.store, database=path, answers=("response",))) == {"response.id"}
