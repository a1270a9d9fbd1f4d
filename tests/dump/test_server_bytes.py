"""The wall on PostgreSQL: what its files, the numbers of its rows and its logs tell during a fieldwork and after.

One fieldwork of 60 organisations in a known random order of arrival is played through the use cases, on a server
of its own. Orders are judged by Spearman's rank correlation, whose standard deviation by chance is 0.13.
"""

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from surveyapp import auditing, campaigning, collecting, reporting, retaining
from surveyapp.config import Home, write_once
from surveyapp.storage import forensics
from surveyapp.storage.postgres import Postgres
from surveyapp.storage.serving import Served
from tests import server as private
from tests.dump import playing
from tests.dump.attacks import WINDOW, spearman
from tests.makers import PEPPER, TODAY, as_form, make_home, rows
from tests.server import Server, name_of

pytestmark = pytest.mark.postgres

UNITS = 60
TOO_GOOD = 0.65
"""Five standard deviations: one fieldwork alone is judged, and an order that was kept gives 1."""


@dataclass
class Played:
    """A fieldwork at each of its stages: every byte of the database's files and of the write-ahead log."""

    server: Server
    db: Postgres
    home: Home
    key: bytes = b""
    came: list[int] = field(default_factory=list)
    drafts: list[bytes] = field(default_factory=list)
    boxes: list[bytes] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    log: dict[str, bytes] = field(default_factory=dict)
    linked: dict[str, int] = field(default_factory=dict)
    places: dict[str, list[int]] = field(default_factory=dict)
    verdicts: dict[str, dict[str, str]] = field(default_factory=dict)

    def look(self, stage: str) -> None:
        """Keep what there is to see now."""
        base = self.server.folder / "data"
        (number,) = self.server.ask(f"SELECT oid FROM pg_database WHERE datname = '{name_of(self.db.place)}'")[0]
        self.log[stage] = _bytes(base / "pg_wal")
        self.server.ask("CHECKPOINT")  # else the files lack what is still in memory
        self.files[stage] = _bytes(base / "base" / str(number))
        of_both = "SELECT count(*) FROM (SELECT xmin FROM invitation GROUP BY 1 HAVING count(*) = 1) i (x)"
        self.linked[stage] = int(rows(self.db, f"{of_both} JOIN tray ON tray.xmin::text = i.x::text")[0][0])
        in_order = [box for (box,) in rows(self.db, "SELECT box FROM tray ORDER BY ctid")]
        self.places[stage] = [in_order.index(box) for box in self.boxes if box in in_order]
        outcomes = auditing.audit(self.home, self.db, "tiny-1")
        self.verdicts[stage] = {f"{o.attack.channel} {o.attack.name}": o.verdict for o in outcomes}


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    with private.running() as server:
        home = make_home(tmp_path_factory.mktemp("served"))
        seen = Played(server, Postgres(server.new()), home)
        _fieldwork(seen)
        yield seen
        seen.db.close()


def _fieldwork(seen: Played) -> None:
    db, keys = seen.db, []
    write_once(seen.home.keys / "pepper", PEPPER)
    playing.publish_and_open(db, playing.document(), playing.frame(UNITS), keys.append)
    codes = playing.invited(db, seen.home)
    seen.key, seen.came = keys[0], playing.arrivals(random.Random(5), UNITS)
    half = UNITS // 2
    for n in seen.came[:half]:
        _visit(seen, codes[f"U{n:03}"], n)
    seen.look("in the field")
    retaining.run(db, seen.home, TODAY + timedelta(days=1))
    seen.look("after the daily run")
    for n in seen.came[half:]:
        _visit(seen, codes[f"U{n:03}"], n)
    campaigning.close_wave(db, "tiny-1", TODAY)
    seen.look("closed")
    reporting.open_tray(db, "tiny-1", seen.key)
    seen.look("opened")


def _visit(seen: Played, code: str, n: int) -> None:
    visit = collecting.enter(seen.db, PEPPER, code, TODAY)
    for page, answers in (("p1", {}), ("p2", {"bits": playing.bits(n), "issues": f"{playing.mark(n)} words"})):
        collecting.save_page(seen.db, visit, page, as_form(answers), TODAY)
        seen.drafts += [box for (box,) in rows(seen.db, "SELECT box FROM draft")]
    collecting.submit(seen.db, visit, TODAY)
    seen.boxes += [box for (box,) in rows(seen.db, "SELECT box FROM tray") if box not in seen.boxes]


def _bytes(folder: Path) -> bytes:
    """All files of a folder, without what was never written."""
    content = b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())
    return content.replace(bytes(1024), b"")


# ── values ───────────────────────────────────────────────────────────────────


def test_no_value_stands_on_both_sides_plain_or_hashed(played: Played) -> None:
    public = frozenset({b"tiny-1", b"1", b"North", b"South"})
    store = forensics.Store(
        played.home.path, Served(played.db), auditing.PEOPLE, auditing.ANSWERS, public, (PEPPER, played.key)
    )
    assert forensics.shared_values(store) == set()
    assert forensics.hidden_counters(store) == set()
    assert forensics.times(store) == set()


def test_the_same_look_finds_what_a_careless_store_shares(server: Server, tmp_path: Path) -> None:
    name = name_of(server.new("template0"))
    server.ask(
        "CREATE TABLE invitation (id serial, code bytea); CREATE TABLE response (id serial, code bytea, at text);"
        "INSERT INTO invitation (code) VALUES ('0123456789'); "
        "INSERT INTO response (code, at) VALUES ('0123456789', '2012-01-16 10:07');"
        "GRANT SELECT ON ALL TABLES IN SCHEMA public TO surveyapp; "
        "CREATE TABLE alembic_version (n int); GRANT ALL ON alembic_version TO surveyapp",
        name,
    )
    db = Postgres(server.address(name))
    store = forensics.Store(tmp_path, Served(db), ("invitation",), ("response",), frozenset(), ())
    assert forensics.shared_values(store) == {("invitation.code", "response.code", "plain")}
    assert forensics.hidden_counters(store) == {"response"}
    assert forensics.times(store) == {"response.at"}
    db.close()


# ── order, and the number of the transaction ─────────────────────────────────


def test_in_the_field_a_box_and_its_invitation_bear_the_number_of_their_transaction(played: Played) -> None:
    """Known, and why the key must be elsewhere: the box is sealed. The daily run takes it away."""
    assert played.linked["in the field"] == UNITS // 2
    assert played.linked["after the daily run"] == 0
    assert played.linked["closed"] == 0


def test_in_the_field_boxes_lie_as_they_came_until_they_are_written_anew(played: Played) -> None:
    assert abs(_correlation(played.places["in the field"])) > 0.999
    assert abs(_correlation(played.places["after the daily run"])) < 4 / (UNITS // 2 - 1) ** 0.5
    assert abs(_correlation(played.places["closed"])) < TOO_GOOD


def test_released_answers_and_words_lie_in_no_order_of_arrival(played: Played) -> None:
    content = played.files["opened"]
    words = [content.index(playing.mark(n).encode()) for n in played.came]
    closed = [content.index(playing.closed_row(n).encode()) for n in played.came]
    assert abs(_correlation(words)) < TOO_GOOD
    assert abs(_correlation(closed)) < TOO_GOOD
    assert abs(spearman(words, closed)) < TOO_GOOD


@pytest.mark.parametrize("table", ["response", "verbatim", "invitation", "organisation"])
def test_every_row_bears_the_number_of_one_transaction_and_lies_by_its_key(played: Played, table: str) -> None:
    key = "code_hash" if table == "invitation" else "id"
    found = rows(played.db, f"SELECT xmin::text, {key} FROM {table} ORDER BY ctid")
    assert len(Counter(number for number, _ in found)) == 1
    assert [id_ for _, id_ in found] == sorted(id_ for _, id_ in found)


def test_long_values_lie_by_keys_too(played: Played) -> None:
    """What is too long for a row goes into a table beside it, under numbers that count."""
    toast = rows(played.db, "SELECT reltoastrelid::regclass::text FROM pg_class WHERE relname = 'tray'")[0][0]
    assert played.server.ask(f"SELECT count(*) FROM {toast}", name_of(played.db.place)) == [(0,)]


# ── what is left over ────────────────────────────────────────────────────────


def test_drafts_that_were_sent_lie_there_until_the_store_is_written_anew(played: Played) -> None:
    """PostgreSQL leaves them; the first look proves that this test can see them."""
    half = played.drafts[: len(played.drafts) // 2 : 5]
    assert _left(played.files["in the field"], half) > 0
    assert _left(played.files["after the daily run"], half) == 0
    for stage in ("closed", "opened"):
        assert _left(played.files[stage], played.drafts[::7]) == 0, stage


def test_boxes_that_were_opened_are_in_no_file_of_the_database(played: Played) -> None:
    assert _left(played.files["closed"], played.boxes) == UNITS
    assert _left(played.files["opened"], played.boxes[::4]) == 0


def test_the_write_ahead_log_keeps_what_was_written_last_and_forgets_it_where_it_may(played: Played) -> None:
    """With `wal_recycle` off and the right to ask for a checkpoint; else it is kept for longer."""
    half = played.drafts[: len(played.drafts) // 2 : 5]
    assert _left(played.log["in the field"], half) > 0
    for stage in ("after the daily run", "closed", "opened"):
        assert _left(played.log[stage], half) == 0, stage
    assert _left(played.log["opened"], played.boxes[::4]) == 0


def test_no_answer_is_in_the_clear_before_the_tray_is_opened(played: Played) -> None:
    for stage in ("in the field", "after the daily run", "closed"):
        assert b"CANARY" not in played.files[stage] + played.log[stage], stage
    assert b"CANARY" in played.files["opened"]


def test_the_log_of_the_server_holds_no_statement_and_no_value(played: Played) -> None:
    log = played.server.log.read_text()
    assert not [word for word in ("CANARY", "INSERT", "UPDATE", "SELECT", "STATEMENT") if word in log]


# ── the command ──────────────────────────────────────────────────────────────


def test_the_audit_finds_what_is_known_and_nothing_else(played: Played) -> None:
    for stage, verdicts in played.verdicts.items():
        assert [name for name, verdict in verdicts.items() if verdict == "fails"] == [], stage
    assert played.verdicts["in the field"]["A3 order_of_boxes"] == "known"
    assert played.verdicts["in the field"]["A6 leftovers"] == "known"
    assert played.verdicts["closed"]["A3 order_of_boxes"] == "holds"
    assert played.verdicts["opened"]["A3 order_of_answers"] == "holds"


def test_the_audit_says_so_if_answers_lie_as_they_came(server: Server, home: Home) -> None:
    """A store whose answers were written one by one, past us."""
    db = Postgres(server.new())
    playing.publish_and_open(db, playing.document(), playing.frame(20), lambda _: None)
    for n in range(20):
        row = f"('{n:016}', 'tiny-1', '1', '', '{{}}')"
        server.ask(f"INSERT INTO response VALUES {row}", name_of(db.place))
    found = {o.attack.name: o for o in auditing.audit(home, db, "tiny-1")}
    assert (found["order_of_answers"].verdict, found["order_of_answers"].found) == (
        "fails",
        "response: 20 rows as they came",
    )
    db.vacuum()
    again = {o.attack.name: o.verdict for o in auditing.audit(home, db, "tiny-1")}
    assert again["order_of_answers"] == "holds"
    db.close()


def _left(content: bytes, gone: Sequence[bytes]) -> int:
    """Of how many boxes or drafts a piece is there: its end, which is never cut by the edge of a page."""
    return sum(any(piece in content for piece in _pieces(blob)) for blob in gone)


def _pieces(blob: bytes) -> list[bytes]:
    return [blob[i : i + WINDOW] for i in range(100, len(blob) - WINDOW, 997)]


def _correlation(places: Sequence[Any]) -> float:
    return spearman(places, range(len(places)))
