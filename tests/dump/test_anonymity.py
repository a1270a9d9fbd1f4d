"""From every byte of a finished fieldwork the answers cannot be joined to those who gave them.

Five fieldworks of 142 organisations, each in its own known random order of arrival, are played through the use
cases. Each attack is also run against a careless store, where it must succeed: a test that cannot fail proves
nothing. Orders are judged by Spearman's rank correlation, whose standard deviation by chance is 0.084 here.
"""

import random
import sqlite3
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from statistics import mean
from tempfile import TemporaryDirectory

import pytest

from surveyapp import privacy
from surveyapp.auditing import ANSWERS
from surveyapp.fieldwork import Frame
from surveyapp.storage import forensics, responses
from surveyapp.storage.database import Database
from tests.dump import attacks, careless, playing, table
from tests.dump.attacks import Dump, spearman
from tests.dump.playing import Played
from tests.makers import make_document, make_frame, make_home

RUNS = 5
TOO_GOOD = 0.35
"""Four standard deviations: no run may correlate so."""
TOO_GOOD_ON_AVERAGE = 0.15

ORDERS = ("byte", "page, newest lowest", "page, by key", "as read")


@pytest.fixture(scope="module")
def runs() -> Iterator[list[Played]]:
    """Five fieldworks, each in its own order of arrival; in memory, for a disk would take a minute."""
    memory = "/dev/shm" if Path("/dev/shm").is_dir() else None
    with TemporaryDirectory(dir=memory) as folder:
        yield [playing.play(make_home(Path(folder, str(seed))), random.Random(seed)) for seed in range(RUNS)]


@pytest.fixture(scope="module")
def twin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dump]:
    """The careless store after the same fieldwork."""
    units = playing.arrivals(random.Random(0))
    marks, closed = [playing.mark(n) for n in units], [playing.closed_row(n) for n in units]
    dump, connection = careless.fieldwork(tmp_path_factory.mktemp("careless"), marks, closed)
    yield dump
    connection.close()


# ── A1 ───────────────────────────────────────────────────────────────────────


def test_no_value_stands_on_both_sides_plain_or_hashed(runs: list[Played]) -> None:
    assert forensics.shared_values(runs[0].dump) == set()


def test_no_value_of_a_sealed_box_stands_with_the_people_while_it_waits(runs: list[Played]) -> None:
    assert runs[0].shared_before_opening == set()


def test_no_unit_and_no_address_stands_near_the_answers(runs: list[Played]) -> None:
    dump = runs[0].dump
    with closing(sqlite3.connect(dump.database)) as connection:
        rows = [str(row) for table in ANSWERS for row in connection.execute(f"SELECT * FROM {table}")]
    for unit in playing.frame().units:
        assert not [row for row in rows if unit.unit in row or unit.email in row or unit.name in row]


def test_a_shared_value_would_be_found_in_any_disguise(twin: Dump) -> None:
    assert forensics.shared_values(twin) >= {
        ("invitation.code_hash", "response.code_hash", "plain"),
        ("invitation.code_hash", "response.digest", "SHA-256"),
        ("invitation.unit", "response.token", "HMAC 0"),
    }


# ── A2, A10 ──────────────────────────────────────────────────────────────────


def test_no_row_of_an_answer_is_counted(runs: list[Played]) -> None:
    assert forensics.hidden_counters(runs[0].dump) == set()


def test_a_counter_would_be_found(twin: Dump) -> None:
    assert forensics.hidden_counters(twin) == {"tray", "response", "verbatim", "sqlite_sequence"}


def test_no_answer_has_a_time(runs: list[Played]) -> None:
    assert forensics.times(runs[0].dump) == set()


def test_a_time_would_be_found(twin: Dump) -> None:
    assert forensics.times(twin) == {"response.created"}


# ── A3, A17, A22: the order of arrival ───────────────────────────────────────


@pytest.mark.parametrize("what", ["words", "closed answers"])
@pytest.mark.parametrize("way", ORDERS)
def test_no_order_in_the_file_is_that_of_arrival(runs: list[Played], what: str, way: str) -> None:
    found = [_correlation(run.dump, what, way) for run in runs]
    assert max(map(abs, found)) < TOO_GOOD
    assert abs(mean(found)) < TOO_GOOD_ON_AVERAGE


@pytest.mark.parametrize("what", ["words", "closed answers"])
def test_the_order_of_arrival_would_be_found(twin: Dump, what: str) -> None:
    assert _correlation(twin, what, "page, newest lowest") > 0.999
    assert _correlation(twin, what, "as read") > 0.999
    assert abs(_correlation(twin, what, "byte")) > TOO_GOOD


@pytest.mark.parametrize("way", ORDERS)
def test_words_and_closed_answers_of_one_respondent_do_not_stand_in_step(runs: list[Played], way: str) -> None:
    found = [_step(run.dump, way) for run in runs]
    assert max(map(abs, found)) < TOO_GOOD
    assert abs(mean(found)) < TOO_GOOD_ON_AVERAGE


def test_once_the_wave_is_closed_the_boxes_do_not_lie_in_the_order_of_arrival(runs: list[Played]) -> None:
    """Who gets the key and a copy of the file from after the close learns no order; from before it, every one."""
    assert all(abs(before) > 0.999 for before, _ in (run.order_of_boxes for run in runs)), "better than was known"
    found = [after for _, after in (run.order_of_boxes for run in runs)]
    assert max(map(abs, found)) < TOO_GOOD
    assert abs(mean(found)) < TOO_GOOD_ON_AVERAGE


def test_words_in_step_would_be_found(twin: Dump) -> None:
    assert _step(twin, "as read") > 0.999


# ── A4: the newest row ───────────────────────────────────────────────────────


@pytest.mark.parametrize("anew", [True, False], ids=["file written anew", "killed before that"])
def test_the_newest_row_of_a_release_is_not_the_lowest_on_its_page(db: Database, anew: bool) -> None:
    """By chance one time in twelve: five of sixty, and sixteen once in twenty thousand times."""
    playing.publish_and_open(
        db, make_document(), Frame(make_frame(playing.UNITS).units, ("region",)), lambda _: None
    )
    assert sum(_newest_is_lowest(db, round_, anew) for round_ in range(60)) < 16


def test_the_newest_row_would_be_found(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "twelve.db", isolation_level=None)
    connection.execute("CREATE TABLE verbatim (id INTEGER PRIMARY KEY AUTOINCREMENT, text TEXT)")
    marks = [f"ROUND-0-{i:02}" for i in range(12)]
    for mark in marks:
        connection.execute("INSERT INTO verbatim (text) VALUES (?)", [mark])
    connection.close()
    content = (tmp_path / "twelve.db").read_bytes()
    assert _lowest(content, marks) == marks[-1]


# ── A5, A6, A9 ───────────────────────────────────────────────────────────────


def test_nothing_remains_of_drafts_and_boxes(runs: list[Played]) -> None:
    for run in runs[:2]:
        assert run.left_after_sending == {}
        assert attacks.remains(run.dump) == {}
        assert forensics.free_pages(run.dump) == 0


def test_remains_would_be_found(twin: Dump) -> None:
    found = attacks.remains(twin)
    assert found["careless.db"] >= 1
    assert found["careless.db-wal"] >= 50
    assert forensics.free_pages(twin) > 0


def test_only_the_database_and_its_lock_lie_there_after_each_call(runs: list[Played]) -> None:
    assert {name for run in runs for seen in run.folders_seen for name in seen} == {
        "surveyapp.db",
        "surveyapp.db.lock",
    }


def test_a_log_or_journal_would_be_found(twin: Dump) -> None:
    assert set(twin.files) == {"careless.db", "careless.db-wal", "careless.db-shm"}


def test_all_boxes_and_all_drafts_are_equally_long(runs: list[Played]) -> None:
    for run in runs:
        assert len(run.boxes) == 1
        assert len(run.drafts) == 1


def test_unequal_boxes_would_be_found(twin: Dump) -> None:
    assert len(forensics.lengths(twin.database, "tray")) > 100


# ── the whole dump ───────────────────────────────────────────────────────────


def test_letters_and_lock_file_hold_no_answer(runs: list[Played]) -> None:
    for name, content in runs[0].dump.files.items():
        if name != "surveyapp.db":
            assert b"CANARY" not in content, name


def test_each_answer_stands_in_the_database_once(runs: list[Played]) -> None:
    """All of it arrived, and no second copy lies on an unused part of a page."""
    content = runs[0].dump.database.read_bytes()
    for mark in runs[0].dump.arrivals:
        assert content.count(mark.encode()) == 1


def test_no_private_key_lies_in_the_dump(runs: list[Played]) -> None:
    for name, content in runs[0].dump.files.items():
        for key in runs[0].dump.keys:
            assert key not in content, name
            assert key.hex().encode() not in content, name


# ── the table ────────────────────────────────────────────────────────────────


def test_the_table_of_attacks_shows_ours_at_chance_and_the_careless_store_found_out(
    runs: list[Played], twin: Dump, tmp_path: Path
) -> None:
    """Printed with `pytest -s`, and written into the folder of the test."""
    lines = table.measured(runs, twin)
    text = f"{len(runs)} fieldworks of {playing.UNITS}\n{table.printed(lines)}\n"
    (tmp_path / "attacks.txt").write_text(text)
    sys.stdout.write(f"\n{text}")
    counted = {line.attack: (line.ours, line.chance) for line in lines if line.chance in {"0", "1"}}
    assert all(ours == chance for ours, chance in counted.values()), counted
    joined = [(int(line.ours), int(line.careless)) for line in lines if "joined to units" in line.attack]
    assert len(joined) == 8
    assert max(ours for ours, _ in joined) <= 9, "by chance once in ten thousand times"
    assert max(found for _, found in joined) == playing.UNITS


# ── judging ──────────────────────────────────────────────────────────────────


def _correlation(dump: Dump, what: str, way: str) -> float:
    marks = dump.arrivals if what == "words" else dump.closed
    return spearman(attacks.orders(dump, marks)[way], range(len(marks)))


def _step(dump: Dump, way: str) -> float:
    return spearman(attacks.orders(dump, dump.arrivals)[way], attacks.orders(dump, dump.closed)[way])


def _newest_is_lowest(db: Database, round_: int, anew: bool) -> bool:
    """Twelve open answers released in a known order: does the last one lie lowest on the page?"""
    marks = [f"ROUND-{round_}-{i:02}" for i in range(12)]
    with db.transaction() as connection:
        connection.execute(responses.verbatim_table.delete())
        entries = [(privacy.new_id(), responses.Verbatim("q", "", mark)) for mark in marks]
        responses.release(connection, "tiny-1", [], [], entries)
    if anew:
        db.vacuum()
    return _lowest(db.path.read_bytes(), marks) == marks[-1]


def _lowest(content: bytes, marks: Sequence[str]) -> str:
    return min(marks, key=lambda mark: content.index(mark.encode()))
