"""The staff site on two nodes with one PostgreSQL: what is done at the one counts at the other."""

import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from surveyapp import campaigning, privacy, reporting, staffing
from surveyapp.config import Home
from surveyapp.roles import ANALYST
from surveyapp.storage import accounts
from surveyapp.storage.postgres import Postgres
from surveyapp.storage.trail import Sought
from surveyapp.web.staff import create_site
from tests.makers import TODAY, make_answers, make_wave, rows, send
from tests.web.nodes import Browser, node, shared_home

pytestmark = pytest.mark.postgres

WORDS = "three unlikely words"
EXPORT = "/staff/surveys/tiny/waves/tiny-1/export"
LISTED = "/staff/surveys/tiny/jobs"


def test_signed_in_at_one_at_work_at_both_and_out_at_both(postgres: Postgres, home: Home, tmp_path: Path) -> None:
    """A job is asked for at the first, done by a worker beside the second, and fetched from the first."""
    _closed(postgres)
    _analyst(postgres)
    first = Home(home.path, postgres.place).make()
    second = shared_home(first, tmp_path / "other machine")
    with ExitStack() as stack:
        browser = Browser([stack.enter_context(node(each)) for each in (first, second)])
        browser.get("/staff/sign-in", node=0)
        browser.post("/staff/sign-in", node=0, email="analyst@example.org", password=WORDS)
        assert "Jobs" in browser.get(LISTED, node=1)
        browser.get(EXPORT, node=1)
        browser.post(f"{EXPORT}/microdata", node=0, format="csv", values="codes")
        worker = [str(Path(sys.executable).with_name("surveyapp")), "--home", str(second.path), "worker", "--once"]
        done = subprocess.run(
            worker,
            env={"PATH": "/usr/bin:/bin", "SURVEYAPP_DATABASE_URL": postgres.place},
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout == "1 job done\n"
        (job,) = rows(postgres, "SELECT id FROM job")
        made = browser.get(f"{LISTED}/{bytes(job[0]).hex()}/file", node=0)
        assert len(made) > 100
        browser.get(LISTED, node=1)
        browser.post("/staff/sign-out", node=0)
        browser.get(LISTED, node=1)
        assert browser.at.startswith("/staff/sign-in")


def _closed(postgres: Postgres) -> None:
    """A wave that forty have answered, closed and opened."""
    _, key, codes = make_wave(postgres)
    for number, code in enumerate(codes.values()):
        send(postgres, code, make_answers(kind="yes" if number % 2 else "no"))
    campaigning.close_wave(postgres, "tiny-1", TODAY)
    reporting.open_tray(postgres, "tiny-1", key)


def _analyst(postgres: Postgres) -> bytes:
    roles = {"tiny": frozenset({ANALYST})}
    account = staffing.add_account(postgres, "analyst@example.org", "Analyst", roles, TODAY).id
    with postgres.transaction() as connection:
        accounts.change(connection, account, password=privacy.password_hash(WORDS))
    return account


# ── what used to be counted by each process ──────────────────────────────────


@pytest.fixture
def two(postgres: Postgres, home: Home) -> Any:
    """Two staff sites on one store, as two processes have them, and a clock."""
    make_wave(postgres)
    at = Home(home.path, postgres.place)
    sites = [create_site(at, secure=False, today=lambda: TODAY, now=lambda: 1_326_700_000) for _ in range(2)]
    yield [site.mounts["/staff"] for site in sites]
    for site in sites:
        site.mounts["/staff"].extensions["staff"].db.close()
        site.app.extensions["surveyapp"].db.close()


def test_a_script_is_slowed_down_by_what_it_asked_of_all_nodes(postgres: Postgres, two: list[Any]) -> None:
    account = _analyst(postgres)
    with postgres.transaction() as connection:
        kept = accounts.Token(
            privacy.token_hash("words"), account, "tiny", ANALYST, "x", "2012-01-01", "2100-01-01"
        )
        accounts.add_token(connection, kept)
    head = {"Authorization": "Bearer words"}
    asked = [two[n % 2].test_client().get("/api/v1/surveys/tiny/waves", headers=head) for n in range(61)]
    assert [answer.status_code for answer in asked] == [200] * 60 + [429]
    assert rows(postgres, "SELECT minute, asked FROM asking") == [(1_326_700_000 // 60, 61)]


def test_a_token_that_is_none_of_ours_leaves_no_row(postgres: Postgres, two: list[Any]) -> None:
    for n in range(70):
        head = {"Authorization": f"Bearer guess {n % 2}"}
        assert two[0].test_client().get("/api/v1/surveys/tiny/waves", headers=head).status_code == 401
    assert rows(postgres, "SELECT count(*) FROM asking") == [(0,)]


def test_an_act_that_gets_one_line_a_day_gets_one_of_all_nodes(postgres: Postgres, two: list[Any]) -> None:
    told = [site.extensions["staff"].told for site in two]
    assert all(each.is_new("2012-01-16", "a", "b") for each in told)
    for now in (1_326_700_000, 1_326_700_001, 1_326_700_000 + 86_400):
        staffing.record_daily(postgres, now, "a@example.org", "answers-code", "tiny", "tiny-1", "")
    assert [act.at[:10] for _, act in staffing.acts(postgres, Sought())] == ["2012-01-17", "2012-01-16"]
