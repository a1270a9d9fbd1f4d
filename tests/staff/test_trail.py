"""The trail: a line an act, that nobody can change, and that shows if somebody did."""

import csv
import io
import json
import sqlite3
from contextlib import closing

import pytest
from alembic import command
from sqlalchemy.exc import DatabaseError

from surveyapp import auditing, staffing
from surveyapp.staffing import By
from surveyapp.storage import trail
from surveyapp.storage.database import Database, _alembic, upgrade
from surveyapp.storage.trail import Act, Sought
from tests.makers import change, make_wave, rows
from tests.staff.conftest import NOW, Office

DAY = 24 * 60 * 60


def record(db: Database, *lines: tuple[str, str, str]) -> None:
    """Lines of (who, what, survey), a day apart, about "a wave"."""
    for n, (who, what, survey) in enumerate(lines):
        staffing.record(db, NOW + n * DAY, who, what, survey, "a wave", "said")


THREE = (
    ("ann@x.example", "signed-in", ""),
    ("bob@x.example", "tray-open", "tiny"),
    ("ann@x.example", "signed-out", ""),
)


# ── append-only ──────────────────────────────────────────────────────────────


@pytest.mark.stores
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE act SET who = 'nobody'",
        "UPDATE act SET number = number + 100",
        "DELETE FROM act",
        "DELETE FROM act WHERE number = 3",
    ],
)
def test_the_store_refuses_to_change_or_erase_a_line(db: Database, statement: str) -> None:
    record(db, *THREE)
    before = rows(db, "SELECT * FROM act ORDER BY number")
    with pytest.raises(DatabaseError, match="what staff did is never altered"):
        change(db, statement)
    assert rows(db, "SELECT * FROM act ORDER BY number") == before


@pytest.mark.postgres
def test_a_server_refuses_to_empty_it(postgres: Database) -> None:
    record(postgres, *THREE)
    with pytest.raises(DatabaseError, match="what staff did is never altered"):
        change(postgres, "TRUNCATE act")


@pytest.mark.parametrize("verb", ["INSERT OR REPLACE", "REPLACE", "INSERT"])
def test_no_line_takes_the_place_of_another(db: Database, verb: str) -> None:
    """SQLite replaces a row without asking the triggers of UPDATE and DELETE."""
    record(db, *THREE)
    with pytest.raises(DatabaseError, match="what staff did is never altered"):
        change(db, f"{verb} INTO act VALUES (2, '', 'x', '', 'signed-in', '', '', x'00')")
    assert staffing.broken(db) is None


@pytest.mark.stores
def test_the_chain_of_many_lines_holds(db: Database) -> None:
    assert staffing.broken(db) is None
    record(db, *THREE * 20)
    assert staffing.broken(db) is None
    assert [number for number, _ in staffing.acts(db)] == list(range(60, 0, -1))


@pytest.mark.parametrize(
    ("tamper", "line"),
    [
        ("UPDATE act SET who = 'eve@x.example' WHERE number = 2", 2),
        ("UPDATE act SET at = '2012-01-01T00:00:00Z' WHERE number = 1", 1),
        ("UPDATE act SET said = 'sai', object = 'a waved' WHERE number = 3", 3),
        ("DELETE FROM act WHERE number = 1", 1),
        ("DELETE FROM act WHERE number = 2", 2),
        ("UPDATE act SET number = number - 1 WHERE number > 2; UPDATE act SET number = 3 WHERE number = 9", 2),
        ("UPDATE act SET chain = zeroblob(32) WHERE number = 2", 2),
    ],
)
def test_whoever_alters_the_file_with_other_tools_is_found_out(db: Database, tamper: str, line: int) -> None:
    record(db, *THREE, *THREE)
    with closing(sqlite3.connect(db.path)) as connection:
        for trigger in ("act_update", "act_delete"):
            connection.execute(f"DROP TRIGGER {trigger}")
        if "number - 1" in tamper:
            connection.execute("DELETE FROM act WHERE number = 2")
            tamper = "UPDATE act SET number = number - 1 WHERE number > 2"
        connection.execute(tamper)
        connection.commit()
    assert staffing.broken(db) == line


def test_lines_cut_off_at_the_end_show_by_the_hash_that_was_noted(db: Database) -> None:
    record(db, *THREE)
    noted = staffing.soundness(db)
    with closing(sqlite3.connect(db.path)) as connection:
        connection.execute("DROP TRIGGER act_delete")
        connection.execute("DELETE FROM act WHERE number = 3")
        connection.commit()
    now = staffing.soundness(db)
    assert (now.broken, now.lines, noted.lines) == (None, 2, 3)
    assert now.last != noted.last


def test_a_line_is_kept_with_its_act_or_not_at_all(db: Database) -> None:
    def break_off() -> None:
        with db.transaction() as connection:
            staffing.note(connection, By("a", NOW), "signed-in")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        break_off()
    assert staffing.acts(db) == []


def test_only_known_acts_are_recorded(db: Database) -> None:
    with pytest.raises(KeyError):
        staffing.record(db, NOW, "a", "did as they pleased")


@pytest.mark.parametrize("text", ["", "\n", '"', "a\nb", "é", "\x00".replace("\x00", "x"), "{}", "]"])
def test_no_two_lines_have_the_same_hash_however_their_texts_are_cut(text: str) -> None:
    one = trail._link(b"", 1, Act("t", "a", text, "w", "o", "s"))
    other = trail._link(b"", 1, Act("t", "a" + text, "", "w", "o", "s"))
    assert (one == other) is (text == "")


def test_the_chain_is_checked_at_once_up_to_a_length_and_beyond_it_on_request(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(staffing, "AT_ONCE", 2)
    record(db, *THREE)
    assert not staffing.soundness(db).checked
    assert staffing.soundness(db, ask=True).checked


# ── down and up ──────────────────────────────────────────────────────────────


@pytest.mark.stores
def test_the_staff_tables_go_and_come_back_and_the_rest_stays(db: Database) -> None:
    make_wave(db)
    record(db, *THREE)
    before = rows(db, "SELECT count(*) FROM invitation")
    with db.migrating() as connection:
        config = _alembic()
        config.attributes["connection"] = connection
        command.downgrade(config, "0007")
    upgrade(db)
    assert rows(db, "SELECT count(*) FROM invitation") == before
    assert rows(db, "SELECT count(*) FROM act") == [(0,)]
    record(db, *THREE)
    with pytest.raises(DatabaseError, match="never altered"):
        change(db, "DELETE FROM act")


# ── looking at it ────────────────────────────────────────────────────────────


def test_the_page_shows_who_did_what_when_to_what(office: Office) -> None:
    record(office.db, ("ann@x.example", "tray-open", "tiny"))
    page = office.enter("admin").get("/trail").text
    for words in ("2012-01-16 07:46:40", "ann@x.example", "opened the tray", "a wave: said", "tiny"):
        assert words in page
    assert "The chain holds: each of the 1 lines is as it was written" in page


def test_an_empty_trail_says_so(office: Office) -> None:
    assert "Nothing has been done here yet" in office.enter("admin").get("/trail").text


def test_a_survey_shows_its_own_lines_to_everybody_with_a_role_in_it(office: Office) -> None:
    record(office.db, *THREE, ("eve@x.example", "tray-open", "other"))
    for who in ("manager", "author", "analyst", "key_holder"):
        page = office.enter(who).get("/surveys/tiny/trail").text
        assert "bob@x.example" in page
        assert "ann@x.example" not in page
        assert "eve@x.example" not in page


@pytest.mark.parametrize(
    ("who", "path", "status"),
    [
        ("manager", "/trail", 403),
        ("manager", "/trail/csv", 403),
        ("manager", "/surveys/other/trail", 404),
        ("manager", "/surveys/other/trail/csv", 404),
        ("admin", "/surveys/tiny/trail", 404),
        ("newcomer", "/surveys/tiny/trail/json-lines", 404),
        ("nobody", "/trail", 302),
    ],
)
def test_others_do_not(office: Office, who: str, path: str, status: int) -> None:
    assert office.enter(who).get(path).status_code == status


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ("who=ann@x.example", [3, 1]),
        ("what=tray-open", [2]),
        ("since=2012-01-17", [3, 2]),
        ("until=2012-01-16", [1]),
        ("since=2012-01-17&until=2012-01-17", [2]),
        ("who=ann@x.example&what=signed-out", [3]),
        ("before=2", [1]),
        ("who='%20OR%201=1%20--", []),
        ("what=nonsense", []),
    ],
)
def test_lines_can_be_looked_for(office: Office, query: str, numbers: list[int]) -> None:
    record(office.db, *THREE)
    admin = office.enter("admin")
    lines = admin.get(f"/trail/json-lines?{query}").text.splitlines()
    found = [json.loads(line)["number"] for line in lines]
    assert found == numbers
    page = admin.get(f"/trail?{query}")
    assert page.status_code == 200
    assert page.text.count("app-moment") == len(numbers)


@pytest.mark.parametrize("day", ["yesterday", "2012-02-30", "20120101", "<b>", "2012-1-1"])
def test_a_day_that_is_none_is_named(office: Office, day: str) -> None:
    response = office.enter("admin").get("/trail", query_string={"since": day})
    assert response.status_code == 400
    assert "The first day is no day" in response.text
    assert "<b>" not in response.text


@pytest.mark.parametrize("before", ["-1", "x", "9" * 40, "1e3", ""])
def test_a_number_that_is_none_is_none(office: Office, before: str) -> None:
    assert office.enter("admin").get(f"/trail?before={before}").status_code == 200


def test_a_page_has_a_hundred_lines_and_leads_to_the_older_ones(office: Office) -> None:
    record(office.db, *THREE * 70)
    admin = office.enter("admin")
    page, seen, count = "/trail?who=ann@x.example", [], 0
    while page:
        text = admin.get(page).text
        seen.append(text.count("app-moment"))
        older = [line for line in text.splitlines() if ">Older lines<" in line]
        page = older[0].partition('href="/staff')[2].partition('"')[0].replace("&amp;", "&") if older else ""
        count += 1
        assert count < 5
    assert seen == [100, 40]


def test_an_altered_line_is_shown(office: Office) -> None:
    record(office.db, *THREE)
    with closing(sqlite3.connect(office.home.database)) as connection:
        connection.execute("DROP TRIGGER act_update")
        connection.execute("UPDATE act SET who = 'eve' WHERE number = 2")
        connection.commit()
    for who, path in (("admin", "/trail"), ("analyst", "/surveys/tiny/trail")):
        assert "Line 2 was altered" in office.enter(who).get(path).text


HOSTILE = [
    '=cmd|"/c calc"!A0',
    "+1",
    "-1",
    "@x",
    "'x",
    "\ttab",
    "a,b",
    'say "x"',
    "line\nbreak",
    "<script>x</script>",
]


def test_the_csv_holds_every_line_and_no_formula(office: Office) -> None:
    for text in HOSTILE:
        staffing.record(office.db, NOW, text, "tray-open", "tiny", text, text)
    response = office.enter("analyst").get("/surveys/tiny/trail/csv")
    assert response.mimetype == "text/csv"
    assert response.headers["Content-Disposition"] == 'attachment; filename="trail-tiny-2012-01-16.csv"'
    lines = list(csv.DictReader(io.StringIO(response.data.decode("utf-8-sig"), newline="")))
    assert list(lines[0]) == ["number", "at", "who", "survey", "what", "object", "said"]
    for line, text in zip(reversed(lines), HOSTILE, strict=True):
        for cell in (line["who"], line["object"], line["said"]):
            assert not cell.startswith(("=", "+", "-", "@", "\t"))
            assert cell in {text, f"'{text}"}


def test_the_json_lines_have_the_hashes_of_the_chain(office: Office) -> None:
    record(office.db, *THREE)
    response = office.enter("admin").get("/trail/json-lines")
    lines = [json.loads(line) for line in response.text.splitlines()]
    assert [line["number"] for line in lines] == [3, 2, 1]
    assert lines[0]["hash"] == staffing.soundness(office.db).last
    assert {"at", "who", "survey", "what", "object", "said"} <= set(lines[0])


def test_hostile_text_shows_as_text(office: Office) -> None:
    for text in HOSTILE:
        staffing.record(office.db, NOW, text, "tray-open", "tiny", text, text)
    page = office.enter("admin").get("/trail").text
    assert "<script>x" not in page
    assert "&lt;script&gt;x" in page


@pytest.mark.stores
def test_lines_are_found_on_each_store(db: Database) -> None:
    record(db, *THREE)
    assert [number for number, _ in staffing.acts(db, Sought("tiny"))] == [2]
    assert [number for number, _ in staffing.acts(db, Sought(who="ann@x.example", since="2012-01-17"))] == [3]
    assert staffing.who_acted(db) == ["ann@x.example", "bob@x.example"]
    assert staffing.who_acted(db, "tiny") == ["bob@x.example"]


# ── nothing about a respondent ───────────────────────────────────────────────


@pytest.mark.parametrize("leak", ["Team 7", "team7@example.org"])
def test_an_organisation_in_the_trail_is_found_by_the_audit(office: Office, leak: str) -> None:
    change(office.db, "UPDATE organisation SET name = 'Drug Team 7' WHERE unit = 'U007'")
    leak = leak.replace("Team 7", "Drug Team 7")
    assert _verdict(office) == "holds"
    staffing.record(office.db, NOW, "ann@x.example", "tray-open", "tiny", "tiny-1", f"reminded {leak}")
    assert _verdict(office) == "fails"


def _verdict(office: Office) -> str:
    outcomes = auditing.audit(office.home, office.db, "tiny-1")
    return next(o.verdict for o in outcomes if o.attack.name == "respondents_among_staff")
