"""`surveyapp audit-anonymity`: the exit says whether anything failed, the table and the JSON say what."""

import json
from collections.abc import Iterator

import pytest
from click.testing import CliRunner, Result

from surveyapp.auditing import ATTACKS
from surveyapp.cli import main
from surveyapp.config import Home
from surveyapp.storage.database import connect
from tests.makers import make_wave


@pytest.fixture
def fielded(home: Home) -> Iterator[Home]:
    db = connect(home.database)
    make_wave(db)
    yield home
    db.close()


def run(home: Home, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["--home", str(home.path), "audit-anonymity", *arguments])


def test_a_clean_installation_passes_and_prints_what_was_promised(fielded: Home):
    result = run(fielded, "tiny-1")
    assert result.exit_code == 0
    assert "- The key that opens them is kept away from this website, by a named person." in result.output
    assert result.output.strip().split("\n")[-1].startswith(f"{len(ATTACKS)} attacks: ")


def test_a_failure_exits_with_1_and_says_what_to_do(fielded: Home):
    fielded.database.chmod(0o644)
    result = run(fielded, "tiny-1")
    assert result.exit_code == 1
    assert "What to do now:\n- Take these rights away" in result.output


def test_scripts_get_json(fielded: Home):
    found = json.loads(run(fielded, "tiny-1", "--json").output)
    assert (found["wave"], found["passed"], len(found["attacks"])) == ("tiny-1", True, len(ATTACKS))


def test_a_log_that_is_not_there_is_refused(fielded: Home):
    result = run(fielded, "tiny-1", "--log", "no-such.log")
    assert (result.exit_code, result.stderr) == (1, "there is no file no-such.log; check the path\n")


def test_an_unknown_wave_is_refused(fielded: Home):
    assert "the waves are: tiny-1" in run(fielded, "tiny-2").stderr
