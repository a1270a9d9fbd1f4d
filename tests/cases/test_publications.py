"""What was published once limits what may be published next."""

import json
from pathlib import Path

import pytest

from surveyapp import campaigning, reporting
from surveyapp.config import ready
from surveyapp.problems import Refused, SurveyError
from surveyapp.storage import publications
from surveyapp.storage.database import Database
from tests.makers import TODAY, make_document, make_frame, make_question, make_wave, send

SIZES = {"large": 15, "small": 11, "tiny": 2}
OPTIONS = [{"code": code, "label": code} for code in SIZES]


@pytest.fixture
def closed(db: Database) -> Database:
    make_closed(db, "tiny-1")
    return db


def make_closed(db: Database, wave: str) -> None:
    """A wave of 28 answers: 15 large, 11 small, 2 tiny; two of three said yes to q."""
    document = make_document([make_question("single", "size", options=OPTIONS), make_question("single", "q")])
    _, key, codes = make_wave(db, wave, document=document, frame=make_frame(60))
    sizes = [size for size, n in SIZES.items() for _ in range(n)]
    for number, (code, size) in enumerate(zip(codes.values(), sizes, strict=False)):
        send(db, code, {"size": size, "q": "yes" if number % 3 else "no"})
    campaigning.close_wave(db, wave, TODAY)
    reporting.open_tray(db, wave, key)


def plan(*entries: dict, **more: object) -> bytes:
    tables = [{"id": str(i)} | entry for i, entry in enumerate(entries, 1)]
    return json.dumps({"survey": "tiny", "title": "Tables", "tables": tables} | more).encode()


WITHOUT_TINY = {"question": "q", "where": {"question": "size", "in": ["large", "small"]}}


def publish(db: Database, content: bytes, wave: str = "tiny-1") -> None:
    reporting.publish(db, reporting.report(db, wave, content), ready({}))


def published(db: Database, wave: str = "tiny-1") -> list[str]:
    with db.reading() as connection:
        return [each.name for each in publications.publications(connection, wave)]


def test_the_same_release_may_be_made_again(closed: Database):
    publish(closed, plan({"question": "q"}))
    publish(closed, plan({"question": "q"}))
    assert len(published(closed)) == 1


def test_a_table_that_differs_from_a_published_one_by_two_answers_is_refused(closed: Database):
    publish(closed, plan({"question": "q"}))
    with pytest.raises(Refused, match=r"differs from .* by fewer than 3 answers"):
        publish(closed, plan(WITHOUT_TINY))


def test_it_may_come_first_and_then_the_whole_is_refused(closed: Database):
    publish(closed, plan(WITHOUT_TINY))
    with pytest.raises(Refused, match="cannot be taken back"):
        publish(closed, plan({"question": "q"}))


def test_a_file_that_cannot_be_written_was_not_published(closed: Database, tmp_path: Path):
    (tmp_path / "folder").write_bytes(b"a file in its place")
    files = ready({tmp_path / "folder" / "tables.xlsx": b"tables"})
    with pytest.raises(SurveyError, match="cannot be written"):
        reporting.publish(closed, reporting.report(closed, "tiny-1", plan({"question": "q"})), files)
    publish(closed, plan(WITHOUT_TINY))


def test_of_two_reports_that_are_worked_out_at_once_the_second_is_made_again(closed: Database):
    """Each is checked against what was published before it began: together they would give two answers away."""
    first = reporting.report(closed, "tiny-1", plan({"question": "q"}))
    second = reporting.report(closed, "tiny-1", plan(WITHOUT_TINY))
    reporting.publish(closed, first, ready({}))
    with pytest.raises(SurveyError, match="other tables of tiny-1 were released while these were worked out"):
        reporting.publish(closed, second, ready({}))
    with pytest.raises(Refused, match="differs from"):
        reporting.report(closed, "tiny-1", plan(WITHOUT_TINY))
    reporting.publish(closed, first, ready({}))


def test_what_was_only_looked_at_was_not_published(closed: Database):
    reporting.report(closed, "tiny-1", plan({"question": "q"}))
    assert published(closed) == []
    publish(closed, plan(WITHOUT_TINY))
    assert len(published(closed)) == 1


def test_variables_that_an_earlier_plan_made_are_known_again(closed: Database):
    into = [{"code": "most", "label": "Most", "of": ["large", "small"]}]
    made = [{"id": "kind", "label": "Kind", "recode": "size", "into": into}]
    publish(closed, plan({"question": "q", "where": {"question": "kind", "is": "most"}}, derive=made))
    with pytest.raises(Refused, match="differs from"):
        publish(closed, plan({"question": "q"}))
    other = [
        {"id": "kind", "label": "Other", "recode": "q", "into": [{"code": "most", "label": "M", "of": ["yes"]}]}
    ]
    publish(closed, plan({"question": "size", "where": {"question": "kind", "is": "most"}}, derive=other))


# ── what is printed of other waves ───────────────────────────────────────────

TREND = {"question": "q", "waves": ["tiny-1"]}
ALL_BUT_TINY = {"where": {"question": "size", "in": ["large", "small"]}}


@pytest.fixture
def two(closed: Database) -> Database:
    make_closed(closed, "tiny-2")
    return closed


def test_a_trend_is_checked_against_what_was_published_of_the_earlier_wave(two: Database):
    publish(two, plan({"question": "q"}))
    with pytest.raises(Refused, match=r"in tiny-1, .* differs from .* by fewer than 3 answers"):
        publish(two, plan(TREND, **ALL_BUT_TINY), "tiny-2")
    assert published(two, "tiny-2") == []
    publish(two, plan(TREND), "tiny-2")


def test_what_a_trend_has_printed_of_the_earlier_wave_limits_that_wave_too(two: Database):
    publish(two, plan(TREND, **ALL_BUT_TINY), "tiny-2")
    assert len(published(two)) == len(published(two, "tiny-2")) == 1
    with pytest.raises(Refused, match="“Tables of tiny-2” cannot be taken back"):
        publish(two, plan({"question": "q"}))
    publish(two, plan(WITHOUT_TINY))


def test_of_a_trend_and_a_release_of_the_earlier_wave_worked_out_at_once_the_second_is_made_again(two: Database):
    release = reporting.report(two, "tiny-1", plan({"question": "q"}))
    later = reporting.report(two, "tiny-2", plan(TREND, **ALL_BUT_TINY))
    reporting.publish(two, release, ready({}))
    with pytest.raises(SurveyError, match="other tables of tiny-1 were released while these were worked out"):
        reporting.publish(two, later, ready({}))
    assert published(two, "tiny-2") == []
