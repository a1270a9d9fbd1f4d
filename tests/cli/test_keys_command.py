"""`keys` and `db downgrade`: what they print, what they refuse, and what is never printed."""

import json
import re
from pathlib import Path

import pytest
import time_machine
from click.testing import CliRunner, Result

from surveyapp import keyring
from surveyapp.cli import main
from surveyapp.config import Home
from surveyapp.storage.database import connect, has_our_schema, opened, revisions
from surveyapp.web.staff import create_site
from tests.makers import make_home, make_wave

WHEN = "2012-01-20 12:00:00+00:00"


@pytest.fixture
def served(tmp_path: Path) -> Home:
    """An installation that has been served once, with a wave in the field."""
    home = make_home(tmp_path)
    db = connect(home.store)
    make_wave(db)
    db.close()
    site = create_site(home, secure=False)
    site.app.extensions["surveyapp"].db.close()
    site.mounts["/staff"].extensions["staff"].db.close()
    return home


def run(home: Home, *words: str, on: str = WHEN) -> Result:
    with time_machine.travel(on, tick=False):
        return CliRunner().invoke(main, ["--home", str(home.path), *words])


def test_a_change_is_shown_by_age_and_never_by_content(served: Home) -> None:
    secret = (served.keys / "pepper").read_bytes().hex()
    changed = run(served, "keys", "rotate", "pepper")
    assert changed.output.split("\n")[0] == "keys/pepper: 2 keys, the newest made now"
    assert "Copy keys/" in changed.output
    shown = run(served, "keys", "show", on="2012-02-01 12:00:00+00:00").output
    lines = [line for line in shown.split("\n") if line.startswith("keys/pepper")]
    assert re.sub(r" +", " ", lines[0]) == "keys/pepper 2012-01-20 12 days old seals and opens"
    assert lines[1].endswith("opens what is older, kept for tiny-1")
    assert secret not in shown + changed.output
    document = json.loads(run(served, "keys", "show", "--json").output)
    assert {each["file"] for each in document} == {"cookie", "staff-cookie", "staff-forms", "pepper"}
    assert document[-1] == document[-1] | {"does": "seals", "waves": ["tiny-1"]}
    assert secret not in json.dumps(document)


def test_what_nothing_needs_goes_with_the_daily_round(served: Home) -> None:
    run(served, "keys", "rotate", "cookie")
    done = run(served, "retention", "run", on="2012-01-21 12:00:00+00:00")
    assert "3 keys left out that nothing needs any more" in done.output
    assert [len(keyring.keys_in(served.keys / name)) for name in ("cookie", "staff-forms")] == [1, 1]


def test_the_pepper_cannot_be_changed_at_once(served: Home) -> None:
    before = (served.keys / "pepper").read_bytes()
    refused = run(served, "keys", "rotate", "pepper", "--at-once")
    assert (refused.exit_code, (served.keys / "pepper").read_bytes()) == (1, before)
    assert "change it without --at-once" in refused.stderr
    assert run(served, "keys", "rotate", "cookie", "--at-once").exit_code == 0


@pytest.mark.parametrize("words", [["rotate", "cookie"], ["show"]])
def test_where_there_is_no_installation_nothing_is_made(tmp_path: Path, words: list[str]) -> None:
    refused = run(Home(tmp_path / "nowhere"), "keys", *words)
    assert (refused.exit_code, list(tmp_path.iterdir())) == (1, [])
    assert "there is no installation" in refused.stderr


def test_the_doctor_knows_of_a_change_that_was_cut_off(served: Home) -> None:
    keyring.change(served.keys / "cookie", 1_900_000_000, keyring.COOKIE_LIFE)
    shown = run(served, "doctor").output
    assert "keys/staff-cookie, keys/staff-forms were not changed with the other keys" in shown
    assert "surveyapp keys rotate cookie once more" in shown


@pytest.mark.parametrize("left", [b"f" * 32, b"short"], ids=["whole", "damaged"])
def test_a_key_file_of_an_older_programme_that_nothing_uses_troubles_nobody(served: Home, left: bytes) -> None:
    """Forms of respondents had keys of their own once."""
    path = served.keys / "forms"
    path.write_bytes(left)
    path.chmod(0o600)
    files = {"cookie", "staff-cookie", "staff-forms", "pepper"}
    assert {each["file"] for each in json.loads(run(served, "keys", "show", "--json").output)} == files
    for words in (["keys", "rotate", "cookie"], ["keys", "rotate", "pepper"], ["retention", "run"]):
        done = run(served, *words)
        assert (done.exit_code, "keys/forms" in done.output) == (0, False), done.output
    examined = json.loads(run(served, "doctor", "--json").stdout)
    assert {each["state"] for each in examined if each["thing"] in {"keys", "permissions"}} == {"well"}
    assert path.read_bytes() == left


# ── the schema ───────────────────────────────────────────────────────────────


def test_the_schema_goes_back_for_an_older_programme_and_this_one_says_what_to_run(served: Home) -> None:
    done = run(served, "db", "downgrade", "0009")
    assert (done.exit_code, "has the schema 0009" in done.output) == (0, True), done.output
    for words in (["wave", "status", "tiny-1"], ["serve", "--no-worker"], ["backup"]):
        refused = run(served, *words)
        assert (refused.exit_code, "run: surveyapp db upgrade" in refused.stderr) == (1, True), words
    assert run(served, "db", "upgrade").exit_code == 0
    assert run(served, "wave", "status", "tiny-1").exit_code == 0


def test_a_way_back_that_loses_data_wants_to_be_told_so(served: Home) -> None:
    db = connect(served.store)
    with db.transaction() as connection:
        connection.exec_driver_sql("UPDATE wave SET contact = 'office@example.org'")
    db.close()
    refused = run(served, "db", "downgrade", "0001")
    assert refused.exit_code == 1
    assert "wave.contact: what 1 rows hold would be lost; keep a backup and add --lose" in refused.stderr
    assert has_our_schema(opened(served.database))
    assert run(served, "db", "downgrade", "0001", "--lose").exit_code == 0
    assert run(served, "db", "upgrade").exit_code == 0
    assert "there is no schema 0042" in run(served, "db", "downgrade", "0042").stderr
    assert revisions()[-1] in run(served, "db", "downgrade", "0042").stderr
