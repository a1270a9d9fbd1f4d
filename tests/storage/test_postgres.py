"""PostgreSQL as the store: what it is asked for, how writers take turns, what it says when it cannot."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from surveyapp import campaigning, collecting, publishing
from surveyapp.problems import NotFound, NotSaved, SurveyError
from surveyapp.storage import postgres as module
from surveyapp.storage import waves
from surveyapp.storage.database import connect, metadata
from surveyapp.storage.postgres import SETTINGS, WANTED, Postgres
from tests.faults import victims
from tests.makers import PEPPER, TODAY, as_form, make_answers, make_wave, rows, send
from tests.server import Server, name_of

pytestmark = pytest.mark.postgres


# ── the address and the server ───────────────────────────────────────────────


@pytest.mark.parametrize("address", ["mysql://a@b/c", "sqlite:///x.db", "nonsense", "postgresql+asyncpg://a@b/c"])
def test_an_address_of_anything_else_is_refused_with_an_example(address: str) -> None:
    with pytest.raises(SurveyError, match=r"write postgresql\+psycopg://USER@HOST/DATABASE"):
        connect(address)


def test_a_server_that_is_not_there_is_told_without_the_password() -> None:
    with pytest.raises(SurveyError, match=r"cannot be used as a database: .*failed") as refused:
        connect("postgresql://a:secret@127.0.0.1:1/c")
    assert "secret" not in str(refused.value)


def test_every_connection_has_every_setting(postgres: Postgres) -> None:
    with postgres.reading() as first, postgres.transaction() as second:
        for connection in (first, second):
            query = "SELECT name, setting FROM pg_settings WHERE name = ANY(%s)"
            found = {row.name: row.setting for row in connection.exec_driver_sql(query, ([*SETTINGS, *WANTED],))}
            assert found.pop("synchronous_commit") == "on"
            assert found.pop("lock_timeout") == "10000"
            assert found.pop("idle_in_transaction_session_timeout") == "600000"
            assert {name: value for name, value in found.items() if value not in WANTED.get(name, value)} == {}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("log_statement", "all"),
        ("log_statement", "mod"),
        ("log_min_duration_statement", "0"),
        ("log_duration", "on"),
        ("log_min_error_statement", "error"),
        ("log_error_verbosity", "default"),
        ("log_parameter_max_length_on_error", "-1"),
        ("log_transaction_sample_rate", "0.1"),
        ("debug_print_plan", "on"),
    ],
)
def test_a_server_that_would_log_statements_or_values_is_refused(
    server: Server, careless: str, name: str, value: str
) -> None:
    server.ask(f"ALTER ROLE careless SET {name} = '{value}'")
    remedy = f"ALTER ROLE \"careless\" SET {name} = '{WANTED[name][0]}';"
    with pytest.raises(SurveyError, match="PostgreSQL would keep or log what it must not") as refused:
        connect(careless)
    assert remedy in str(refused.value)
    server.ask(remedy)
    with pytest.raises(SurveyError, match="permission denied"):  # the next thing that this role lacks
        connect(careless)


def test_a_server_that_keeps_the_time_of_commits_is_refused(
    postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(WANTED, "track_commit_timestamp", ("on",))
    with pytest.raises(SurveyError, match="ALTER SYSTEM SET track_commit_timestamp = 'on';\nand then starts the"):
        connect(postgres.place)


def test_a_server_that_does_not_keep_a_setting_is_refused(
    postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(SETTINGS, "lock_timeout", "10s")
    with pytest.raises(SurveyError, match="does not keep lock_timeout"):
        connect(postgres.place)


def test_a_server_that_is_too_old_is_refused(postgres: Postgres, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "OLDEST", 99)
    with pytest.raises(SurveyError, match="is too old; version 99"):
        connect(postgres.place)


@pytest.mark.parametrize(
    "how", ["ENCODING 'UTF8' LOCALE 'C' LOCALE_PROVIDER icu ICU_LOCALE 'en'", "ENCODING 'SQL_ASCII' LOCALE 'C'"]
)
def test_a_database_that_sorts_or_writes_otherwise_is_refused(server: Server, how: str) -> None:
    server.ask(f"CREATE DATABASE otherwise TEMPLATE template0 {how} OWNER surveyapp")
    with pytest.raises(SurveyError, match="must hold UTF-8 and sort by bytes; make one with: createdb"):
        connect(server.address("otherwise"))
    server.drop(server.address("otherwise"))


def test_the_database_of_another_programme_is_refused_and_left_alone(server: Server) -> None:
    other = server.new("template0")
    server.ask("CREATE TABLE songs (name TEXT); GRANT ALL ON songs TO surveyapp", name_of(other))
    with pytest.raises(
        SurveyError, match="the database of another programme; name an empty one in SURVEYAPP_DATA"
    ):
        connect(other)
    assert server.ask("SELECT relname FROM pg_stat_user_tables", name_of(other)) == [("songs",)]


def test_a_database_of_a_newer_programme_is_refused(server: Server) -> None:
    newer = server.new()
    server.ask("UPDATE alembic_version SET version_num = '9999'", name_of(newer))
    with pytest.raises(SurveyError, match="made by a newer surveyapp; update this one"):
        connect(newer)


@pytest.fixture
def careless(server: Server) -> Iterator[str]:
    """The address of an empty database for a role that has settings of its own."""
    server.ask("DROP ROLE IF EXISTS careless; CREATE ROLE careless LOGIN")
    yield server.address("template1", "careless")
    server.ask("DROP ROLE careless")


# ── the schema ───────────────────────────────────────────────────────────────


def test_the_migrations_make_what_the_code_declares(postgres: Postgres) -> None:
    with postgres.reading() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_nothing_counts_and_nothing_is_done_by_itself(postgres: Postgres) -> None:
    kinds = "SELECT DISTINCT relkind::text FROM pg_class WHERE relnamespace = 'public'::regnamespace"
    assert {kind for (kind,) in rows(postgres, kinds)} == {"r", "i"}, "sequences and views have no business here"
    triggers = "SELECT tgrelid::regclass::text, tgname FROM pg_trigger WHERE NOT tgisinternal"
    of_frame = [("organisation", f"organisation_{what}") for what in ("added", "removed", "renamed")]
    assert sorted(rows(postgres, triggers)) == [("act", "act_kept"), *of_frame], (
        "the trail is kept from changes, and a frame's mark changes with it; nothing else has a business here"
    )
    assert rows(postgres, "SELECT attname FROM pg_attribute WHERE attidentity <> '' OR attgenerated <> ''") == []
    types = "SELECT DISTINCT data_type FROM information_schema.columns WHERE table_schema = 'public'"
    known = {"bytea", "text", "integer", "bigint", "character varying"}
    assert {kind for (kind,) in rows(postgres, types)} == known


def test_no_statistics_are_kept_of_any_value(postgres: Postgres, server: Server) -> None:
    """They would hold copies of addresses and answers that outlive what they were taken from."""
    make_wave(postgres)
    server.ask("ANALYZE", name_of(postgres.place))
    of_ours = "SELECT tablename, attname FROM pg_stats WHERE schemaname = 'public'"
    assert server.ask(f"{of_ours} AND tablename <> 'alembic_version'", name_of(postgres.place)) == []


def test_four_workers_that_start_together_migrate_once(server: Server, tmp_path: Any) -> None:
    fresh, told = server.new("template0"), tmp_path / "told"
    children = [victims.started(victims.many_migrations, fresh, told) for _ in range(4)]
    for child in children:
        child.join(30)
    assert told.read_text().split("\n") == ["migrated"] * 4 + [""]


@pytest.mark.parametrize("statement", ["CREATE TABLE version", "CREATE TABLE letter"])
def test_a_migration_killed_half_way_is_run_again(server: Server, statement: str) -> None:
    fresh = server.new("template0")
    victims.killed_at(("after", statement), victims.migrate, fresh)
    db = connect(fresh)
    make_wave(db)
    db.close()


# ── taking turns ─────────────────────────────────────────────────────────────


def test_others_save_while_one_respondent_writes(postgres: Postgres) -> None:
    _, _, codes = make_wave(postgres)
    first = collecting.enter(postgres, PEPPER, codes["U001"], TODAY)
    with postgres.transaction(first.code_hash):
        send(postgres, codes["U002"], make_answers())
    assert campaigning.status(postgres, "tiny-1").tray == 1


def test_the_same_respondent_in_another_window_waits(postgres: Postgres) -> None:
    _, _, codes = make_wave(postgres)
    visit = collecting.enter(postgres, PEPPER, codes["U001"], TODAY)
    with (
        _waiting(collecting.save_all, postgres, visit, as_form(make_answers()), TODAY) as saver,
        postgres.transaction(visit.code_hash),
    ):
        saver.start()
        saver.join(0.2)
        assert saver.is_alive()
        assert collecting.desk(postgres, visit, TODAY).answers == {}
    assert collecting.desk(postgres, visit, TODAY).answers == make_answers()


def test_staff_wait_for_respondents_and_respondents_for_staff(postgres: Postgres) -> None:
    _, _, codes = make_wave(postgres)
    visit = collecting.enter(postgres, PEPPER, codes["U001"], TODAY)
    with (
        _waiting(campaigning.close_wave, postgres, "tiny-1", TODAY) as closer,
        postgres.transaction(visit.code_hash),
    ):
        closer.start()
        closer.join(0.2)
        assert closer.is_alive()
    with _waiting(send, postgres, codes["U002"], make_answers()) as sender, postgres.transaction():
        sender.start()
        sender.join(0.2)
        assert campaigning.status(postgres, "tiny-1").wave.state == "closed"


def test_nobody_finds_the_store_empty_while_it_is_written_anew(postgres: Postgres) -> None:
    """A reader who had looked at the clock before and at a table after it would see none of its rows."""
    _, _, codes = make_wave(postgres)
    stop = threading.Event()
    failed: list[BaseException] = []

    def look() -> None:
        try:
            while not stop.is_set():
                collecting.enter(postgres, PEPPER, codes["U001"], TODAY)
        except BaseException as error:  # noqa: BLE001 (whatever it was, the test must see it)
            failed.append(error)

    lookers = [threading.Thread(target=look) for _ in range(3)]
    for looker in lookers:
        looker.start()
    for _ in range(8):
        postgres.vacuum()
    stop.set()
    for looker in lookers:
        looker.join(30)
    assert failed == []


@contextmanager
def _waiting(target: Any, *args: Any) -> Iterator[threading.Thread]:
    """A thread that is waited for at the end; what it raises is its own."""

    def run() -> None:
        with suppress(SurveyError):
            target(*args)

    thread = threading.Thread(target=run)
    yield thread
    thread.join(20)
    assert not thread.is_alive()


# ── when it cannot ───────────────────────────────────────────────────────────


@pytest.fixture
def impatient(postgres: Postgres, monkeypatch: pytest.MonkeyPatch) -> Postgres:
    """A store that waits a twentieth of a second, not ten."""
    monkeypatch.setitem(SETTINGS, "lock_timeout", 50)
    return postgres


def test_a_locked_store_is_not_saved_and_stays_as_it_was(impatient: Postgres, server: Server) -> None:
    _, _, codes = make_wave(impatient)
    visit = collecting.enter(impatient, PEPPER, codes["U001"], TODAY)
    with _outsider(server, impatient) as outsider:
        outsider.execute("LOCK TABLE alembic_version IN EXCLUSIVE MODE")
        with pytest.raises(NotSaved, match=r"could not be written \(canceling statement due to lock.*; try again"):
            collecting.save_all(impatient, visit, as_form(make_answers(issues="CANARY-017")), TODAY)
    assert collecting.desk(impatient, visit, TODAY).answers == {}
    send(impatient, codes["U001"], make_answers())


def test_a_row_that_another_programme_holds_is_not_saved_and_the_refusal_repeats_no_answer(
    impatient: Postgres, server: Server
) -> None:
    _, _, codes = make_wave(impatient)
    visit = collecting.enter(impatient, PEPPER, codes["U001"], TODAY)
    collecting.save_all(impatient, visit, as_form(make_answers(issues="CANARY-017")), TODAY)
    with _outsider(server, impatient) as outsider:
        outsider.execute("SELECT FROM invitation FOR UPDATE")
        with pytest.raises(NotSaved, match="try again") as refused:
            collecting.submit(impatient, visit, TODAY)
    assert "CANARY" not in str(refused.value)
    assert refused.value.__suppress_context__, "the log of the cause would hold the statement"
    collecting.submit(impatient, visit, TODAY)


def test_a_wave_that_another_programme_holds_is_told(impatient: Postgres, server: Server) -> None:
    make_wave(impatient)
    with _outsider(server, impatient) as outsider:
        outsider.execute("UPDATE wave SET note = 'x'")
        with pytest.raises(NotSaved, match="try again"), impatient.transaction() as connection:
            waves.change_wave(connection, "tiny-1", note="y")


@pytest.mark.parametrize("when", ["reading", "writing"])
def test_a_connection_lost_in_the_middle_saves_nothing_and_the_next_page_does(
    postgres: Postgres, server: Server, when: str
) -> None:
    _, _, codes = make_wave(postgres)
    visit = collecting.enter(postgres, PEPPER, codes["U001"], TODAY)
    refusal = NotSaved if when == "writing" else SurveyError
    begun = postgres.transaction(visit.code_hash) if when == "writing" else postgres.reading()
    with pytest.raises(refusal, match="the database could not be"), begun as connection:  # noqa: PT012
        if when == "writing":
            connection.exec_driver_sql("DELETE FROM invitation")
        _cut_off(server)
        waves.waves(connection)
    send(postgres, codes["U001"], make_answers())
    assert campaigning.status(postgres, "tiny-1").received == 1


def test_connections_that_died_while_nobody_came_are_replaced(postgres: Postgres, server: Server) -> None:
    _, _, codes = make_wave(postgres)
    _cut_off(server)
    send(postgres, codes["U001"], make_answers())


def test_a_server_that_only_reads_is_told(postgres: Postgres) -> None:
    make_wave(postgres)
    refused = pytest.raises(NotSaved, match=r"read-only transaction.*; look into the log of the server")
    with refused, postgres.transaction() as connection:
        connection.exec_driver_sql("SET TRANSACTION READ ONLY")
        waves.change_wave(connection, "tiny-1", note="y")


def test_a_fault_of_ours_stays_an_error(postgres: Postgres) -> None:
    make_wave(postgres)
    with pytest.raises(sa.exc.IntegrityError) as failed, postgres.transaction() as connection:
        connection.execute(sa.text("INSERT INTO tray VALUES ('i', :wave, 'b')"), {"wave": "CANARY-017"})
    assert "parameters hidden" in str(failed.value)


def test_a_character_that_it_cannot_hold_is_not_found_and_breaks_nothing(postgres: Postgres) -> None:
    make_wave(postgres)
    with pytest.raises(NotFound, match="there is no wave"):
        collecting.enter_open(postgres, PEPPER, "tiny-1\0", TODAY)


def test_nothing_of_all_this_is_in_the_log_of_the_server(postgres: Postgres, server: Server) -> None:
    """Not even of statements that failed: neither their words nor their values."""
    before = len(server.log.read_text())
    _, _, codes = make_wave(postgres)
    send(postgres, codes["U001"], make_answers(issues="CANARY-017"))
    for statement in (
        "SELECT 'CANARY-018' FROM nowhere",
        "INSERT INTO tray VALUES ('CANARY-019', 'CANARY-020', '')",
    ):
        with pytest.raises(sa.exc.ProgrammingError if "nowhere" in statement else sa.exc.IntegrityError):
            rows_written(postgres, statement)
    log = server.log.read_text()[before:]
    assert "violates foreign key constraint" in log, "nothing was logged at all"
    assert not [word for word in ("CANARY", "INSERT", "SELECT", "STATEMENT", "DETAIL") if word in log]


def rows_written(db: Postgres, statement: str) -> None:
    with db.transaction() as connection:
        connection.exec_driver_sql(statement)


def test_an_altered_document_is_refused(postgres: Postgres) -> None:
    make_wave(postgres)
    rows_written(postgres, "UPDATE version SET document = replace(document, 'Yes', 'Oui')")
    with pytest.raises(SurveyError, match="was altered in the database; restore it"):
        publishing.versions(postgres)


@contextmanager
def _outsider(server: Server, db: Postgres) -> Iterator[psycopg.Connection[Any]]:
    """A transaction of another programme."""
    with psycopg.connect(host=str(server.folder), user="postgres", dbname=name_of(db.place)) as connection:
        yield connection
        connection.rollback()


def _cut_off(server: Server) -> None:
    server.ask("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'surveyapp'")
