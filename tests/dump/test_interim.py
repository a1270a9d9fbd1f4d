"""What two looks at an installation in mid-field differ by, and what the order of options could tell."""

import hashlib
import hmac
import json
import re
import sqlite3
from collections import Counter
from itertools import pairwise
from pathlib import Path

from surveyapp import collecting, privacy, reporting
from surveyapp.storage import forensics
from surveyapp.storage.database import Database
from tests.makers import (
    PEPPER,
    REGIONS,
    TODAY,
    make_answers,
    make_document,
    make_frame,
    make_question,
    make_wave,
    normal,
    send,
)

_CANARY = re.compile(rb"CANARY-(\d\d)-")


def test_copies_of_the_file_after_each_answer_differ_by_none_or_by_ten_of_a_cell(db: Database, tmp_path: Path):
    """The tray is opened after every single answer, as an impatient office might; the file is copied then."""
    _, key, codes = make_wave(db, frame=make_frame(80))
    copies = []
    for i, (_, code) in enumerate(sorted(codes.items())):
        send(db, code, make_answers(issues=f"CANARY-{i:02}-"))
        reporting.open_tray(db, "tiny-1", key)
        copies.append(tmp_path / f"{i}.copy")
        copies[-1].write_bytes(db.path.read_bytes())
    seen = [{int(n) for n in _CANARY.findall(copy.read_bytes())} for copy in copies]
    for before, after in pairwise(seen):
        assert before <= after
        assert all(n >= 10 for n in Counter(n % 2 for n in after - before).values())
    for older, newer in pairwise(copies):
        assert all(n >= 10 for n in forensics.additions(older, newer, "response", ("wave", "cell")).values())
    assert len(seen[-1]) == 60, "ten of each region wait"
    assert set(REGIONS) == {cell for (cell,) in forensics.rows(copies[-1], "response", "cell")}


def test_a_release_of_one_by_one_would_be_found(tmp_path: Path):
    copies = []
    for n in (3, 4):
        copies.append(tmp_path / f"{n}.db")
        with sqlite3.connect(copies[-1]) as connection:
            connection.execute("CREATE TABLE response (id INTEGER PRIMARY KEY, cell TEXT)")
            connection.executemany("INSERT INTO response VALUES (?, 'North')", [[i] for i in range(n)])
        connection.close()
    assert forensics.additions(*copies, "response", ("cell",)) == {("North",): 1}


def test_the_order_of_options_follows_from_nothing_that_is_known_of_a_respondent(db: Database):
    wave, _, codes = make_wave(db, document=_shuffled())
    visits = [collecting.enter(db, PEPPER, codes["U001"], TODAY) for _ in range(2)]
    assert visits[0].seed != visits[1].seed, "two visits with one code draw two orders"
    known = [codes["U001"], normal(codes["U001"]), "U001", wave.name, visits[0].code_hash.hex()]
    for value in known:
        digests = hashlib.sha256(value.encode()), hmac.new(PEPPER, value.encode(), "sha256")
        assert visits[0].seed not in {value, *(digest.hexdigest()[:32] for digest in digests)}


def test_what_is_sent_holds_no_order_and_no_seed(db: Database):
    wave, key, codes = make_wave(db, document=_shuffled())
    visit = collecting.enter(db, PEPPER, codes["U001"], TODAY)
    collecting.save_page(db, visit, "p1", {"q1": ["c", "a"]}, TODAY)
    collecting.submit(db, visit, TODAY)
    ((box,),) = forensics.rows(db.path, "tray", "box")
    content = json.loads(privacy.open_box(key, box, wave.seal_info))
    assert content == {"version": "1", "cell": "South", "answers": {"q1": ["a", "c"]}}


def _shuffled() -> dict[str, object]:
    return make_document([make_question("multiple", order="random")])
