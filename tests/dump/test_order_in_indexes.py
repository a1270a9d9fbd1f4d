"""The indexes by which released answers are found by their wave: no page keeps the order in which they came.

Answers are released in several batches, as they are while a wave is in the field; then the store is written anew,
as every opening of the tray does. The bytes of the index are read as an insider would.
"""

import struct
from itertools import pairwise

import pytest

from surveyapp import privacy
from surveyapp.storage import forensics, responses
from surveyapp.storage.database import Database
from surveyapp.storage.postgres import Postgres
from surveyapp.storage.responses import Response, Verbatim
from tests.makers import make_wave, rows
from tests.server import Server, name_of

INDEXES = ("response_of_wave", "verbatim_of_wave")
BATCHES, EACH = 6, 50


def release(db: Database) -> None:
    """Batches as they leave the tray, each in the order of its own ids."""
    make_wave(db)
    for _ in range(BATCHES):
        some = [(privacy.new_id(), Response("1", "South", {"kind": "yes"})) for _ in range(EACH)]
        words = [(privacy.new_id(), Verbatim("issues", "South", "Words")) for _ in range(EACH)]
        with db.transaction() as connection:
            responses.release(connection, "tiny-1", [], some, words)


@pytest.mark.parametrize("index", INDEXES)
def test_on_sqlite_the_order_of_batches_is_gone_when_the_file_is_written_anew(db: Database, index: str) -> None:
    release(db)
    before = forensics.layout(db.path, index)
    assert before.tells, "else this test proves nothing"
    db.vacuum()
    after = forensics.layout(db.path, index)
    assert (after.rows > 0.9 * BATCHES * EACH, after.out_of_step) == (True, 0)


@pytest.mark.postgres
@pytest.mark.parametrize("index", INDEXES)
def test_on_postgresql_too(postgres: Postgres, server: Server, index: str) -> None:
    release(postgres)
    assert _out_of_step(server, postgres, index) > BATCHES, "else this test proves nothing"
    postgres.vacuum()
    assert _out_of_step(server, postgres, index) == 0


def test_answers_of_a_wave_are_found_by_the_index(db: Database) -> None:
    for table in ("response", "verbatim"):
        plan = rows(db, f"EXPLAIN QUERY PLAN SELECT cell FROM {table} WHERE wave = 'tiny-1' ORDER BY id")
        assert f"USING INDEX {table}_of_wave (wave=?)" in str(plan)
        assert "TEMP B-TREE" not in str(plan), "they come in the order of their ids, unsorted"


def test_the_tray_has_no_index(db: Database) -> None:
    """A page of one would hold a hundred boxes in the order in which they came."""
    assert rows(db, "SELECT name FROM sqlite_schema WHERE type = 'index' AND tbl_name = 'tray'") == []


def _out_of_step(server: Server, db: Postgres, index: str) -> int:
    """Pairs of entries that lie on their page in another order than that of their keys."""
    server.ask("CHECKPOINT", name_of(db.place))
    ((path,),) = rows(db, f"SELECT pg_relation_filepath('{index}')")
    content = (server.folder / "data" / str(path)).read_bytes()
    return sum(_of_page(content[at : at + 8192]) for at in range(8192, len(content), 8192))


def _of_page(page: bytes) -> int:
    """Of a page of a tree: entries that were put there in the order of keys lie from the end towards the front."""
    lower, _, special = struct.unpack("<3H", page[12:18])
    (right,) = struct.unpack("<I", page[special + 4 : special + 8])
    pointers = struct.unpack(f"<{(lower - 24) // 4}I", page[24:lower])[1 if right else 0 :]  # the first is a bound
    return sum(one & 0x7FFF < other & 0x7FFF for one, other in pairwise(pointers))
