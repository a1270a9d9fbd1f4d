"""Files with single answers that leave the house: in no order of arrival, and in another order each time (A17)."""

import io
import json
import random
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import mean
from tempfile import TemporaryDirectory

import openpyxl
import pytest

from surveyapp import campaigning, coding, reporting
from surveyapp.storage import forensics, responses
from surveyapp.storage.database import Database
from tests.dump.attacks import spearman
from tests.makers import TODAY, make_answers, make_codeframe, make_database, make_frame, make_wave, send

UNITS, RUNS = 100, 4
TOO_GOOD, TOO_GOOD_ON_AVERAGE = 0.40, 0.20
"""Four standard deviations of chance, which are 0.10 for one order and 0.05 for the mean of four."""


@pytest.fixture(scope="module")
def stores() -> Iterator[list[Database]]:
    """Fieldworks in which the n-th to arrive wrote n; the tray is open, a codeframe is there."""
    memory = "/dev/shm" if Path("/dev/shm").is_dir() else None
    with TemporaryDirectory(dir=memory) as folder:
        made = []
        for run in range(RUNS):
            (Path(folder) / str(run)).mkdir()
            made.append(_fieldwork(make_database(Path(folder) / str(run)), random.Random(run)))
        yield made
        for db in made:
            db.close()


def _fieldwork(db: Database, chance: random.Random) -> Database:
    _, key, codes = make_wave(db, frame=make_frame(UNITS))
    for n, code in enumerate(chance.sample(list(codes.values()), UNITS)):
        send(db, code, make_answers(issues=f"WORDS-{n:03}"))
    campaigning.close_wave(db, "tiny-1", TODAY)
    reporting.open_tray(db, "tiny-1", key)
    coding.put_codeframe(db, "tiny-1", json.dumps(make_codeframe()).encode())
    return db


def handed_out(content: bytes) -> list[int]:
    """Which arrival stands on which line of a workbook."""
    sheets = openpyxl.load_workbook(io.BytesIO(content))
    cells = [str(cell) for sheet in sheets for row in sheet.iter_rows(values_only=True) for cell in row]
    return [int(cell.removeprefix("WORDS-")) for cell in cells if cell.startswith("WORDS-")]


def told(orders: Sequence[Sequence[int]]) -> list[float]:
    """How well each order tells that of arrival."""
    return [spearman(order, range(len(order))) for order in orders]


def test_a_coders_sheet_is_in_no_order_of_arrival(stores: list[Database]) -> None:
    orders = [handed_out(coding.sheet(db, "tiny-1", "issues", "Ann")) for db in stores]
    assert all(sorted(order) == list(range(UNITS)) for order in orders)
    assert max(map(abs, told(orders))) < TOO_GOOD
    assert abs(mean(told(orders))) < TOO_GOOD_ON_AVERAGE


def test_two_sheets_of_the_same_answers_have_two_orders(stores: list[Database]) -> None:
    """Neither is that of the other, nor that of the store."""
    db = stores[0]
    ann, ben = (handed_out(coding.sheet(db, "tiny-1", "issues", coder)) for coder in ("Ann", "Ben"))
    with db.reading() as connection:
        kept = [int(v.text.removeprefix("WORDS-")) for v in responses.verbatims(connection, "tiny-1")]
    assert sorted(ann) == sorted(ben) == sorted(kept)
    assert max(_in_step(ann, ben), _in_step(ann, kept), _in_step(ben, kept)) < TOO_GOOD


def test_no_id_of_the_store_is_handed_out(stores: list[Database]) -> None:
    db = stores[0]
    ids = [id_ for table in ("response", "verbatim") for (id_,) in forensics.rows(db.path, table, "id")]
    content = coding.sheet(db, "tiny-1", "issues", "Ann")
    parts = b"\0".join(_parts(content))
    assert [id_ for id_ in ids if id_ in parts or id_.hex().encode() in parts] == []


def test_an_order_of_arrival_would_be_found() -> None:
    book = openpyxl.Workbook()
    for n in range(UNITS):
        book.active.append([f"WORDS-{n:03}"])
    written = io.BytesIO()
    book.save(written)
    assert told([handed_out(written.getvalue())]) == [1.0]


def _in_step(one: Sequence[int], other: Sequence[int]) -> float:
    place = {arrival: line for line, arrival in enumerate(other)}
    return abs(spearman([place[n] for n in one], range(len(one))))


def _parts(content: bytes) -> Iterator[bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for entry in archive.infolist():
            yield archive.read(entry)
