"""`staff`: the first account, roles given and taken, the trail; what is done at the terminal stands in it."""

import json
import re
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from surveyapp import demonstration, privacy, staffing
from surveyapp.cli import main
from surveyapp.config import Home
from surveyapp.storage import accounts
from surveyapp.storage.database import connect
from tests.makers import TODAY, change, make_all_types, make_wave


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("SURVEYAPP_HOME", str(tmp_path / "home"))
    return Home(tmp_path / "home").make()


def run(*words: str, typed: str = "") -> Result:
    return CliRunner().invoke(main, ["staff", *words], input=typed)


def done(*words: str, typed: str = "") -> str:
    result = run(*words, typed=typed)
    assert result.exit_code == 0, result.output
    return result.stdout


def refused(*words: str, code: int = 1) -> str:
    result = run(*words)
    assert result.exit_code == code, result.output
    return result.stderr


def listed() -> dict[str, object]:
    return {each["email"]: each["roles"] for each in json.loads(done("list", "--json"))}


def test_the_first_account_gets_a_link_that_works(office: Home) -> None:
    assert "staff add you@example.org" in run("list").stderr
    told = done("add", "Ann@Example.org", "--role", "admin", "--name", "Ann", "--address", "https://x.example/")
    found = re.fullmatch(
        r"ann@example.org is added: admin\nhttps://x.example/staff/welcome#([0-9A-Z-]{23})\n", told
    )
    assert found
    db = connect(office.store)
    with db.reading() as connection:
        known = accounts.link(connection, privacy.printed_hash(found[1]), int(time.time()))
    db.close()
    assert known is not None
    assert (known[0].email, known[0].name, known[1]) == ("ann@example.org", "Ann", "invitation")


def test_a_password_can_be_typed_in_place_of_a_link(office: Home) -> None:
    typed = "three words apart\nthree words apart\n"
    told = done("add", "ann@example.org", "--role", "author", "--survey", "dat", "--password", typed=typed)
    assert "welcome" not in told
    assert "three words" not in told
    db = connect(office.store)
    with db.reading() as connection:
        account = accounts.by_email(connection, "ann@example.org")
    db.close()
    assert account is not None
    assert privacy.password_fits(account.password, "three words apart")


def test_a_short_password_is_refused(office: Home) -> None:
    result = run("add", "ann@example.org", "--role", "admin", "--password", typed="short\nshort\n")
    assert result.exit_code == 1
    assert listed() == {}


def test_roles_are_given_and_taken(office: Home) -> None:
    done("add", "ann@example.org", "--role", "manager", "--survey", "dat")
    done("give", "ANN@example.org", "--role", "key-holder", "--role", "analyst", "--survey", "police")
    assert listed() == {"ann@example.org": {"dat": ["manager"], "police": ["analyst", "key_holder"]}}
    told = done("take", "ann@example.org", "--role", "manager", "--survey", "dat")
    assert told == "ann@example.org: police: analyst, key holder\n"
    assert "has no role manager there" in refused(
        "take", "ann@example.org", "--role", "manager", "--survey", "dat"
    )


def test_wrong_usage_is_told(office: Home) -> None:
    assert "add --survey" in refused("add", "a@example.org", "--role", "manager", code=2)
    assert "leave --survey out" in refused("add", "a@example.org", "--role", "admin", "--survey", "dat", code=2)
    assert "Invalid value for '--role'" in refused("add", "a@example.org", "--role", "king", code=2)
    assert "not an e-mail address" in refused("add", "nobody", "--role", "admin")
    assert "cannot be the name of a survey" in refused(
        "add", "a@example.org", "--role", "author", "--survey", "Not One"
    )
    for command in (("disable",), ("enable",), ("give", "--role", "admin")):
        assert "there is no account" in refused(command[0], "b@example.org", *command[1:])


def test_the_last_administrator_stays(office: Home) -> None:
    done("add", "ann@example.org", "--role", "admin")
    assert "make another administrator first" in refused("take", "ann@example.org", "--role", "admin")
    assert "make another administrator first" in refused("disable", "ann@example.org")


def test_an_account_is_disabled_and_enabled(office: Home) -> None:
    done("add", "ann@example.org", "--role", "author", "--survey", "dat")
    assert done("disable", "ann@example.org") == "ann@example.org is disabled\n"
    assert "disabled" in done("list")
    assert done("enable", "ann@example.org") == "ann@example.org is in use\n"


def test_what_is_done_at_the_terminal_is_in_the_trail(office: Home) -> None:
    done("add", "ann@example.org", "--role", "author", "--survey", "dat")
    done("give", "ann@example.org", "--role", "analyst", "--survey", "dat")
    lines = [json.loads(line) for line in done("trail", "--json").splitlines()]
    assert [(line["number"], line["who"], line["what"], line["survey"], line["object"]) for line in lines] == [
        (1, "terminal", "account-add", "", "ann@example.org"),
        (2, "terminal", "roles-change", "dat", "ann@example.org"),
        (3, "terminal", "invitation-make", "", "ann@example.org"),
        (4, "terminal", "roles-change", "dat", "ann@example.org"),
    ]
    assert [line["said"] for line in lines] == ["", "gave author", "", "gave analyst"]
    assert len(done("trail", "--survey", "dat").splitlines()) == 2
    assert "The trail is whole: 4 lines" in run("trail").stderr


def test_a_trail_that_was_altered_says_so(office: Home) -> None:
    done("add", "ann@example.org", "--role", "author", "--survey", "dat")
    db = connect(office.store)
    change(db, "DROP TRIGGER act_update")
    change(db, "UPDATE act SET who = 'nobody' WHERE number = 2")
    db.close()
    assert "altered past this programme at line 2" in refused("trail")


def test_words_in_the_trail_move_no_cursor_and_make_no_line_of_their_own(office: Home) -> None:
    forged = "service: x\n9  2012-01-16T10:00:00Z  boss@example.org\x1b[2J\x9b2J\u202e"
    db = connect(office.store)
    staffing.record(db, 1_326_700_000, "manager@example.org", "wave-change", "dat", "dat-2012", forged)
    db.close()
    (line,) = done("trail").splitlines()
    assert line.startswith("1  2012-01-16T07:46:40Z  manager@example.org  ")
    assert line.endswith("service: x\ufffd9  2012-01-16T10:00:00Z  boss@example.org\ufffd[2J\ufffd2J\ufffd")


# ── the demonstration's staff ────────────────────────────────────────────────


def test_the_demonstration_has_an_account_for_each_role_and_says_how_to_get_in(office: Home) -> None:
    from surveyapp import admitting
    from surveyapp.config import read_file
    from surveyapp.demonstration.staff import add_staff

    db = connect(office.store)
    make_wave(db, document=make_all_types())
    made = add_staff(db, office, TODAY)
    assert made == demonstration.staff_of(office)
    assert made != add_staff_elsewhere(office), "made afresh each time"
    assert (made.plain, made.guarded) == (
        ("author@example.org", "analyst@example.org"),
        ("manager@example.org", "key-holder@example.org", "admin@example.org"),
    )
    now = 1_326_700_000
    porch = admitting.Porch(db, read_file(office.keys / "staff"), now)
    assert admitting.enter(porch, "analyst@example.org", made.password).done
    entered = admitting.enter(porch, "manager@example.org", made.password)
    assert not entered.done
    shown = admitting.show_second(porch, entered.token, made.code(now))
    member = staffing.member(db, shown.token, now)
    assert member is not None
    assert (member.email, member.second) == ("manager@example.org", True)
    db.close()


def add_staff_elsewhere(office: Home) -> demonstration.Staff:
    from surveyapp.demonstration.staff import add_staff

    home = Home(office.path / "other").make()
    db = connect(home.store)
    try:
        return add_staff(db, home, TODAY)
    finally:
        db.close()


def test_no_code_is_told_where_there_is_no_demonstration(office: Home) -> None:
    result = CliRunner().invoke(main, ["demo", "--code"])
    assert result.exit_code == 1
    assert "holds no demonstration with staff" in result.stderr


def test_the_way_in_is_readable_by_its_owner_alone(office: Home) -> None:
    add_staff_elsewhere(office)
    file = office.path / "other" / "demonstration-staff"
    assert file.stat().st_mode & 0o777 == 0o600
