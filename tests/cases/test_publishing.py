"""Publish: the same again is nothing, other content under an old name is refused."""

import json

import pytest

from surveyapp import publishing
from surveyapp.problems import Refused, SurveyError
from surveyapp.storage import waves
from surveyapp.storage.database import Database
from tests.makers import TODAY, everything, make_all_types, make_document, make_question, make_wave

pytestmark = pytest.mark.stores


def test_a_version_is_published(db: Database) -> None:
    published = publishing.publish(db, _bytes(make_document()), TODAY)
    assert published.new
    assert published.instrument.name == "tiny@1"
    assert len(published.hash) == 64


def test_the_same_content_again_changes_nothing(db: Database) -> None:
    first = publishing.publish(db, _bytes(make_document()), TODAY)
    before = everything(db)
    again = publishing.publish(db, _bytes(make_document()), TODAY.replace(year=2013))
    assert (again.new, again.hash) == (False, first.hash)
    assert everything(db) == before


def test_the_same_content_with_a_byte_order_mark_is_the_same(db: Database) -> None:
    first = publishing.publish(db, _bytes(make_document()), TODAY)
    again = publishing.publish(db, b"\xef\xbb\xbf" + _bytes(make_document()), TODAY)
    assert (again.new, again.hash) == (False, first.hash)


def test_other_content_under_the_same_version_is_refused_naming_both_hashes(db: Database) -> None:
    first = publishing.publish(db, _bytes(make_document()), TODAY)
    other = _bytes(make_document(title="Another title"))
    with pytest.raises(SurveyError, match="a published version never changes") as refused:
        publishing.publish(db, other, TODAY)
    assert f"published with content {first.hash[:12]}…" in str(refused.value)
    elsewhere = publishing.publish(db, _bytes(make_document(title="Another title", version="2")), TODAY)
    assert elsewhere.new
    with db.reading() as connection:
        assert str(waves.published(connection, "tiny", "1").title) == "A tiny survey"


def test_a_wave_in_the_field_keeps_its_version_when_a_newer_is_published(db: Database) -> None:
    wave, _, _ = make_wave(db)
    publishing.publish(db, _bytes(make_all_types(version="2")), TODAY)
    with db.reading() as connection:
        assert waves.wave_named(connection, wave.name).version == "1"


def test_a_faulty_document_lists_every_problem_and_stores_nothing(db: Database) -> None:
    twice = make_question(options=[{"code": "a", "label": "A"}, {"code": "a", "label": "B"}])
    before = everything(db)
    with pytest.raises(Refused) as refused:
        publishing.publish(db, _bytes(make_document([twice], minuets=5)), TODAY)
    places = [problem.at for problem in refused.value.problems]
    assert "/minuets" in places
    assert len(places) >= 1
    assert everything(db) == before


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe{}", b"null", b'{"survey": NaN}', b"\0" * 10])
def test_what_is_no_document_is_refused(db: Database, content: bytes) -> None:
    with pytest.raises(Refused):
        publishing.publish(db, content, TODAY)


def _bytes(document: object) -> bytes:
    return json.dumps(document).encode()
