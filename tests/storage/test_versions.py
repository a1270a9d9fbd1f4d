"""Published versions: written once, and known again by their hash."""

import json
import sqlite3
from pathlib import Path

import pytest

from surveyapp import collecting, publishing
from surveyapp.instrument import content_hash
from surveyapp.problems import NotFound, SurveyError
from surveyapp.storage import waves
from surveyapp.storage.database import Database
from tests.makers import PEPPER, TODAY, make_document, make_wave


def test_a_stored_document_that_was_altered_is_refused(db: Database) -> None:
    published = publishing.publish(db, json.dumps(make_document()).encode(), TODAY)
    _alter(db.path, "UPDATE version SET document = replace(document, 'Yes', 'Oui')")
    with pytest.raises(
        SurveyError, match=f"content {published.hash[:12]}… was altered in the database; restore it"
    ):
        _published(db)


def test_it_is_refused_too_after_it_was_read_before(db: Database) -> None:
    publishing.publish(db, json.dumps(make_document()).encode(), TODAY)
    _published(db)
    _alter(db.path, "UPDATE version SET document = replace(document, 'Yes', 'Oui')")
    with pytest.raises(SurveyError, match="was altered"):
        _published(db)


def test_no_respondent_sees_an_altered_document(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that has read it shows what it has read; another reads it, and refuses."""
    _, _, codes = make_wave(db)
    visit = collecting.enter(db, PEPPER, codes["U001"], TODAY)
    before = collecting.desk(db, visit, TODAY).instrument
    _alter(db.path, "UPDATE version SET document = replace(document, 'Yes', 'Oui')")
    assert collecting.desk(db, visit, TODAY).instrument is before
    monkeypatch.setattr(waves, "_verified", {})
    with pytest.raises(SurveyError, match="was altered"):
        collecting.desk(db, visit, TODAY)


def test_a_document_that_was_exchanged_with_its_hash_is_read(db: Database) -> None:
    """As after a restore: what this process knows by another hash is not shown in its place."""
    _, _, codes = make_wave(db)
    visit = collecting.enter(db, PEPPER, codes["U001"], TODAY)
    collecting.desk(db, visit, TODAY)
    other = json.dumps(make_document(title="Another"))
    _alter(db.path, f"UPDATE version SET document = '{other}', hash = '{content_hash(other)}'")
    assert collecting.desk(db, visit, TODAY).instrument.title.in_language("en") == "Another"


def test_the_stored_document_is_the_one_that_was_read(db: Database) -> None:
    document = json.dumps(make_document(title="Élan <b>& co</b>"), ensure_ascii=False, indent=3)
    published = publishing.publish(db, document.encode("utf-8-sig"), TODAY)
    assert published.hash == content_hash(document)
    connection = sqlite3.connect(db.path)
    assert connection.execute("SELECT document, published_on FROM version").fetchall() == [
        (document, "2012-01-16")
    ]
    connection.close()


def test_an_unpublished_version_is_named_with_the_remedy(db: Database) -> None:
    with pytest.raises(NotFound, match="tiny@1 is not published; publish it first"):
        _published(db)


def _published(db: Database) -> object:
    with db.reading() as connection:
        return waves.published(connection, "tiny", "1")


def _alter(path: Path, statement: str) -> None:
    connection = sqlite3.connect(path)
    connection.execute(statement)
    connection.commit()
    connection.close()
