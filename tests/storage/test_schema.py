"""The schema: the same in the migrations as in the code, and nothing in it that could keep an order or an hour."""

import re
import sqlite3
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from surveyapp.problems import SurveyError
from surveyapp.storage import codings, letters, people, responses, waves
from surveyapp.storage.database import Database, _alembic, connect, metadata, upgrade
from tests.faults import victims
from tests.makers import make_wave

PEOPLE = ("organisation", "invitation", "draft", "letter", "preparation", "listing")
ANSWERS = ("tray", "response", "verbatim", "coding", "settled", "quotation", "finished")
SHARED = ("version", "wave", "loading", "codeframe", "publication", "manuscript", "table_plan")
STAFF = (
    *("account", "duty", "staff_session", "link", "attempt", "token", "asking"),
    *("act", "job", "sitting", "upload"),
)
"""Who works here and what they do. A sitting is a box that its keyer's browser alone opens, an upload one that the
server opens to read it."""


def test_the_migrations_make_what_the_code_declares(db: Database) -> None:
    with db.engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "compare_server_default": True}
        )
        assert compare_metadata(context, metadata) == []


def test_the_statements_of_both_are_the_same_word_for_word(db: Database, tmp_path: Path) -> None:
    declared = sa.create_engine(f"sqlite:///{tmp_path / 'declared.db'}")
    metadata.create_all(declared)
    declared.dispose()
    assert _statements(tmp_path / "declared.db") == _statements(db.path)


def test_every_table_is_on_one_side_of_the_wall_or_known_to_both(db: Database) -> None:
    assert set(_statements(db.path)) == {*PEOPLE, *ANSWERS, *SHARED, *STAFF}
    assert {t.name for t in metadata.tables.values()} == {*PEOPLE, *ANSWERS, *SHARED, *STAFF}


def test_no_key_leads_across_the_wall() -> None:
    for table in (people.organisation_table, people.invitation_table, people.draft_table, letters.letter_table):
        assert _references(table) <= {*PEOPLE, *SHARED}
    for table in (responses.tray_table, responses.response_table, responses.verbatim_table):
        assert _references(table) <= set(SHARED)
    for table in (codings.coding_table, codings.settled_table, codings.quotation_table):
        assert _references(table) <= set(SHARED)
    for table in (waves.version_table, waves.wave_table, codings.codeframe_table):
        assert _references(table) <= set(SHARED)


def test_no_key_leads_from_the_staff_to_people_or_answers_or_back() -> None:
    for table in metadata.tables.values():
        if table.name in STAFF:
            assert _references(table) <= {"account", *SHARED}, table.name
        else:
            assert not _references(table) & set(STAFF), table.name


def test_every_table_is_strict(db: Database) -> None:
    for name, statement in _statements(db.path).items():
        assert "STRICT" in statement.rpartition(")")[2], f"{name} takes values of any kind; add sqlite_strict=True"


@pytest.mark.parametrize("table", ANSWERS)
def test_the_answer_side_has_no_hidden_counter(db: Database, table: str) -> None:
    assert _statements(db.path)[table].endswith(") WITHOUT ROWID, STRICT"), "add sqlite_with_rowid=False"
    with _raw(db.path) as connection, pytest.raises(sqlite3.OperationalError, match="no such column: rowid"):
        connection.execute(f"SELECT rowid FROM {table}")


def test_nothing_counts(db: Database) -> None:
    make_wave(db)
    with _raw(db.path) as connection:
        names = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema")}
        others = "SELECT type, tbl_name FROM sqlite_schema WHERE type NOT IN ('table', 'index')"
        kinds = set(connection.execute(others))
    assert "sqlite_sequence" not in names
    assert kinds == {("trigger", "act"), ("trigger", "organisation")}, (
        "triggers and views have no business here; the trail's keep it as it is, those of a frame change its mark"
    )


@pytest.mark.parametrize("table", ANSWERS)
def test_the_answer_side_has_no_day_and_no_hour(db: Database, table: str) -> None:
    with _raw(db.path) as connection:
        columns = connection.execute(f"PRAGMA table_info({table})").fetchall()
    names = {name for _, name, *_ in columns}
    assert not {
        n for n in names if re.search(r"(_on|_at|date|day|time|stamp|created|updated|order|seq|number)$", n)
    }
    assert {kind for _, _, kind, *_ in columns} <= {"BLOB", "TEXT"}
    assert not any(default for *_, default, _ in columns), "a default could be a clock"


def test_days_are_the_finest_time_anywhere(db: Database) -> None:
    make_wave(db)
    with _raw(db.path) as connection:
        for table in (*PEOPLE, *SHARED):
            for row in connection.execute(f"SELECT * FROM {table}"):
                assert not [v for v in row if isinstance(v, str) and re.search(r"\d\d:\d\d", v)], table


# ── migrations ───────────────────────────────────────────────────────────────


def test_the_schema_goes_down_and_up_again(db: Database) -> None:
    before = _statements(db.path)
    _migrate(db, "downgrade", "base")
    assert _statements(db.path) == {}
    upgrade(db)
    assert _statements(db.path) == before


def test_upgrading_twice_changes_nothing(db: Database) -> None:
    before = db.path.read_bytes()
    upgrade(db)
    _migrate(db, "upgrade", "head")
    assert db.path.read_bytes() == before


def test_a_database_of_a_newer_programme_is_refused_with_the_remedy(db: Database) -> None:
    with _raw(db.path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    before = db.path.read_bytes()
    with pytest.raises(SurveyError, match="made by a newer surveyapp; update this one"):
        connect(db.path)
    assert db.path.read_bytes() == before


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "surveyapp.db"
    path.write_text("Dear diary, " * 1000)
    before = path.read_bytes()
    with pytest.raises(SurveyError, match="cannot be used as a database: file is not a database"):
        connect(path)
    assert path.read_bytes() == before


def test_a_database_of_another_programme_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "surveyapp.db"
    with _raw(path) as connection:
        connection.execute("CREATE TABLE bookmarks (address TEXT)")
    before = path.read_bytes()
    with pytest.raises(SurveyError, match="is the database of another programme"):
        connect(path)
    assert path.read_bytes() == before


def test_a_folder_in_the_place_of_the_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "surveyapp.db").mkdir()
    with pytest.raises(SurveyError, match="cannot be used as a database"):
        connect(tmp_path / "surveyapp.db")


@pytest.mark.parametrize("statement", ["CREATE TABLE version", "CREATE TABLE draft", "CREATE TABLE verbatim"])
def test_a_migration_killed_half_way_leaves_the_old_schema(db: Database, tmp_path: Path, statement: str) -> None:
    path = tmp_path / "killed.db"
    victims.killed_at(("after", statement), victims.migrate, path)
    assert _statements(path) == {}
    connect(path).close()
    assert _statements(path) == _statements(db.path)


def test_four_workers_that_start_together_migrate_once(tmp_path: Path) -> None:
    path, told = tmp_path / "surveyapp.db", tmp_path / "told"
    children = [victims.started(victims.many_migrations, path, told) for _ in range(4)]
    for child in children:
        child.join(30)
    assert told.read_text().split("\n") == ["migrated"] * 4 + [""]


def _migrate(db: Database, direction: str, to: str) -> None:
    config = _alembic()
    with db.engine.connect().execution_options(writes=True) as connection:
        config.attributes["connection"] = connection
        getattr(command, direction)(config, to)


def _references(table: sa.Table) -> set[str]:
    return {key.column.table.name for key in table.foreign_keys}


def _statements(path: Path) -> dict[str, str]:
    """The CREATE TABLE of each table of ours, blanks made equal."""
    with _raw(path) as connection:
        rows = connection.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'table'").fetchall()
    return {name: " ".join(sql.split()) for name, sql in rows if name != "alembic_version"}


class _raw:  # noqa: N801 (used as a function)
    """A connection past our own, committed and closed."""

    def __init__(self, path: Path) -> None:
        self.connection = sqlite3.connect(path)

    def __enter__(self) -> sqlite3.Connection:
        return self.connection

    def __exit__(self, *_: object) -> None:
        self.connection.commit()
        self.connection.close()
