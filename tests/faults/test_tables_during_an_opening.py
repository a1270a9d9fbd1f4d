"""Tables, exports and microdata asked for while a tray is opened are those of before or of after, never of half.

Nothing here depends on how fast anybody is: whoever asks does so at a statement, while the opening stands still.
"""

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from surveyapp import campaigning, reporting, returning, watching
from surveyapp.analysis.microdata import Recipe
from surveyapp.analysis.report import Report
from surveyapp.config import ready
from surveyapp.problems import SurveyError
from surveyapp.rates import Rate
from surveyapp.storage import publications, responses
from surveyapp.storage.database import Connection, Database
from tests.faults import careless_jobs
from tests.makers import TODAY, make_all_types, make_frame, make_wave

pytestmark = pytest.mark.stores

WAVE = "tiny-1"
DOCUMENT = make_all_types(disclosure={"policy": "persons", "minimum_base": 10})
TABLES = [{"id": "1", "question": "kind"}, {"id": "2", "question": "kind", "by": ["region"]}]
PLAN = json.dumps({"survey": "tiny", "title": {"en": "In the middle"}, "tables": TABLES}).encode()
WITHOUT_REGION = Recipe(leave_out=("unit.region",))

Opening = Callable[[Database, str, bytes], object]
Begin = Callable[[Database, str], bytes]


# ── asked at every statement of an opening ───────────────────────────────────


@dataclass(frozen=True)
class Seen:
    """What somebody gets at one moment: files, or the sentence that refuses them; and the numbers of the wave."""

    tables: bytes | str
    microdata: bytes | str
    sealed: int
    released: int
    received: int


@pytest.fixture
def ask(db: Database, tmp_path: Path) -> Callable[[], Seen]:
    """Ask for everything, as the staff site does: with what is kept in a folder and what is at hand."""
    at_hand = reporting.AtHand()

    def tables() -> bytes:
        return reporting.file_of(_report(db, kept=tmp_path, at_hand=at_hand), ".json")

    def microdata() -> bytes:
        data, facts = reporting.microdata(db, WAVE, WITHOUT_REGION, tmp_path, at_hand)
        return reporting.microdata_files(data, facts, "rows.csv")["rows.csv"]

    def everything() -> Seen:
        found = campaigning.status(db, WAVE)
        return Seen(_or_why_not(tables), _or_why_not(microdata), found.tray, found.released, found.received)

    return everything


def test_in_mid_field_whoever_asks_sees_the_batch_not_yet_or_whole(
    db: Database, ask: Callable[[], Seen], monkeypatch: pytest.MonkeyPatch
) -> None:
    before, during, after = _asked_during(db, _in_mid_field(db, WAVE), reporting.open_tray, ask, monkeypatch)
    assert _half(before, during, after) == []
    assert (before.sealed, before.released, after.sealed, after.released) == (60, 20, 20, 60)
    assert _bases(before) == {"percent": 20, "North": 10, "South": 10}
    assert _bases(after) == {"percent": 60, "North": 30, "South": 30}
    assert {seen.microdata for seen in [before, *during, after]} == {f"{WAVE} still takes answers; close it first"}


def test_after_the_close_whoever_asks_is_told_to_wait_until_all_are_out(
    db: Database, ask: Callable[[], Seen], monkeypatch: pytest.MonkeyPatch
) -> None:
    before, during, after = _asked_during(db, _closed(db, WAVE), reporting.open_tray, ask, monkeypatch)
    assert _half(before, during, after) == []
    assert before.tables == before.microdata == f"60 answers of {WAVE} wait in the tray; open the tray first"
    assert _bases(after) == {"percent": 80, "North": 40, "South": 40}
    assert isinstance(after.microdata, bytes)
    assert after.microdata.count(b"\n") == 1 + 80


@pytest.mark.parametrize(
    ("begin", "opening"),
    [
        (lambda db, name: _in_mid_field(db, name), careless_jobs.released_in_parts),
        (lambda db, name: _in_mid_field(db, name), careless_jobs.released_before_emptied),
        (lambda db, name: _closed(db, name), careless_jobs.released_in_parts),
        (lambda db, name: _closed(db, name), careless_jobs.emptied_before_released),
    ],
    ids=["in parts", "released before emptied", "in parts after the close", "emptied before released"],
)
def test_a_careless_opening_is_caught_half_way(
    db: Database, ask: Callable[[], Seen], monkeypatch: pytest.MonkeyPatch, begin: Begin, opening: Opening
) -> None:
    assert _half(*_asked_during(db, begin(db, WAVE), opening, ask, monkeypatch)) != []


def _asked_during(
    db: Database, key: bytes, opening: Opening, ask: Callable[[], Seen], monkeypatch: pytest.MonkeyPatch
) -> tuple[Seen, list[Seen], Seen]:
    """What is seen before an opening, after each of its statements that moves answers, and after it."""
    monkeypatch.setattr(responses, "_AT_ONCE", 15)  # rows go in by several statements, as those of a large wave
    before, during = ask(), []
    with _at_each_move(db, lambda: during.append(ask())):
        opening(db, WAVE, key)
    assert len(during) >= 5, "nobody has asked in the middle"
    return before, during, ask()


_MOVE = re.compile(r'(DELETE FROM|INSERT INTO) "?(tray|response|verbatim)\b(?!.*"anew )', re.DOTALL)
"""Statements by which answers go from the tray; not those by which PostgreSQL's tables are written anew."""


@contextmanager
def _at_each_move(db: Database, do: Callable[[], None]) -> Iterator[None]:
    """Do something after each such statement, while its transaction stands still."""
    busy = threading.Lock()

    def look(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        if _MOVE.match(statement) and busy.acquire(blocking=False):
            try:
                do()
            finally:
                busy.release()

    event.listen(db.engine, "after_cursor_execute", look)
    try:
        yield
    finally:
        event.remove(db.engine, "after_cursor_execute", look)


def _half(before: Seen, during: list[Seen], after: Seen) -> list[Seen]:
    """What is neither as before nor as after, does not add up, or prints what is protected."""
    every = [before, *during, after]
    return [
        seen
        for seen in every
        if seen not in (before, after)
        or seen.sealed + seen.released != seen.received
        or (isinstance(seen.tables, bytes) and _small(json.loads(seen.tables)))
    ]


def _small(figures: dict[str, Any]) -> list[int]:
    """Printed counts of so few that they would be known."""
    cells = [cell for table in figures["tables"] for row in table["rows"] for cell in row["cells"]]
    return [cell["count"] for cell in cells if cell["count"] is not None and 0 < cell["count"] < 5]


def _bases(seen: Seen) -> dict[str, int | None]:
    """Who is counted in each column of the table by region."""
    assert isinstance(seen.tables, bytes)
    return {column["code"]: column["base"]["n"] for column in json.loads(seen.tables)["tables"][1]["columns"]}


def _or_why_not(make: Callable[[], bytes]) -> bytes | str:
    try:
        return make()
    except SurveyError as error:
        return str(error)


# ── an opening between two readings of one report ────────────────────────────

Sent = Callable[[Database, str, dict[str, int] | None], dict[str, int] | None]


def test_an_appendix_during_whose_making_the_wave_is_closed_and_opened_is_of_one_moment(db: Database) -> None:
    made = list(_made_around_an_opening(db, lambda _db, _name, sent: sent))
    assert len(made) >= 3, "the opening came between no two readings"
    assert {each[0] for each in made} == {20, 80}
    assert [each for each in made if each not in ((20, None), (80, 80))] == []


def test_an_appendix_that_asks_later_what_was_sent_mixes_two_moments(db: Database) -> None:
    assert (20, 80) in _made_around_an_opening(db, lambda db, name, _sent: reporting.sent(db, name))


def _made_around_an_opening(db: Database, sent: Sent) -> Iterator[tuple[int, int | None]]:
    """For an opening before the first reading of a report, before the second, and so on: how many responses its
    tables count, and of how many its response rates speak."""
    for number in count(1):
        name = f"tiny-{number}"
        key = _in_mid_field(db, name)

        def close_and_open(name: str = name, key: bytes = key) -> None:
            campaigning.close_wave(db, name, TODAY)
            reporting.open_tray(db, name, key)

        with _before_reading(db, number, close_and_open) as came:
            report = _report(db, name, sent)
        if not came:  # there are not so many readings
            return
        yield report.responses, _counted(report.response.rate) if report.response else None


def _counted(rate: Rate | None) -> int | None:
    return rate.complete + rate.partial + rate.breakoff if rate else None


@contextmanager
def _before_reading(db: Database, number: int, do: Callable[[], None]) -> Iterator[list[bool]]:
    """Do something before the reading with this number; what is given is empty if it has not come."""
    to_go, came, reading = iter(range(1, number)), [], db.reading

    def read() -> AbstractContextManager[Connection]:
        if not came and next(to_go, None) is None:
            came.append(True)
            do()
        return reading()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(db, "reading", read)
        yield came


# ── an export that waits for the opening ─────────────────────────────────────


def test_an_export_worked_out_during_an_opening_enters_the_ledger_as_of_before(
    db: Database, tmp_path: Path
) -> None:
    """It waits for its turn to be entered; the next export is checked against it."""
    key, place, worked_out = _in_mid_field(db, WAVE), tmp_path / "tables.json", threading.Event()
    before = reporting.file_of(_report(db), ".json")

    def export() -> None:
        compiled = _report(db)
        files = ready({place: reporting.file_of(compiled, ".json")})
        worked_out.set()
        reporting.publish(db, compiled, files)

    exporting = threading.Thread(target=export)

    def begin_once() -> None:
        if not worked_out.is_set():
            exporting.start()
            assert worked_out.wait(60), "the export waits for the opening before it is worked out"

    with _at_each_move(db, begin_once):
        reporting.open_tray(db, WAVE, key)
    exporting.join(60)
    assert place.read_bytes() == before
    (entered,) = _entered(db)
    next_one = _report(db)
    assert (next_one.responses, next_one.entered[0].checked) == (60, {entered})
    reporting.publish(db, next_one, ready({place: reporting.file_of(next_one, ".json")}))
    assert len(_entered(db)) == 2


def _entered(db: Database) -> list[str]:
    with db.reading() as connection:
        return [each.name for each in publications.publications(connection, WAVE)]


# ── waves ────────────────────────────────────────────────────────────────────


def _report(db: Database, name: str = WAVE, sent: Sent = lambda _db, _name, sent: sent, **more: Any) -> Report:
    def asked(found: Any) -> Any:
        return watching.asked(db, name, TODAY, sent(db, name, found))

    return reporting.report(db, name, PLAN, asked, **more)


def _in_mid_field(db: Database, name: str) -> bytes:
    """Of eighty who have sent, twenty are out, and forty may leave; the private key."""
    _, key, codes = make_wave(db, name, DOCUMENT, make_frame(100))
    units = list(codes)
    _load(db, name, units[:40])
    reporting.open_tray(db, name, key)
    _load(db, name, units[40:80])
    return key


def _closed(db: Database, name: str) -> bytes:
    """The same after the close, when all sixty may leave."""
    key = _in_mid_field(db, name)
    campaigning.close_wave(db, name, TODAY)
    return key


def _load(db: Database, name: str, units: list[str]) -> None:
    """The returns of these, one in nine of whom is of the rarer kind."""
    rows = [f"{unit},{'no' if n % 9 == 0 else 'yes'},{unit}" for n, unit in enumerate(units)]
    content = "\n".join(["unit,kind,issues", *rows]).encode()
    returning.load_returns(db, name, "returns.csv", content, TODAY, unit_column="unit", partial=True)
