"""The command line: every command done, refused and misused; exit codes, plain words, nothing half-written."""

import json
import os
import re
import resource
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import click
import openpyxl
import pytest
from click.testing import CliRunner, Result

from surveyapp import config, privacy
from surveyapp.cli import main
from surveyapp.config import Home
from surveyapp.storage.database import connect
from tests.makers import make_all_types, make_answers, make_document, make_question, said, send

PROGRAMME = Path(sys.executable).with_name("surveyapp")
FIGURES = config.PACKAGE / "demonstration" / "figures" / "dat-2012.json"
COMMANDS = {
    "audit-anonymity",
    "audit-percentages",
    "backup",
    "coding agreement",
    "coding codeframe",
    "coding load",
    "coding quotations",
    "coding settle",
    "coding sheet",
    "db check",
    "db downgrade",
    "db upgrade",
    "demo",
    "doctor",
    "frame check",
    "frame contact",
    "frame load",
    "frame remove",
    "instrument blank",
    "instrument diff",
    "instrument import",
    "instrument lint",
    "instrument list",
    "instrument preview",
    "instrument publish",
    "instrument retire",
    "invite",
    "keys rotate",
    "keys show",
    "letters bounced",
    "letters code",
    "letters list",
    "letters mark",
    "letters resend",
    "letters set",
    "letters show",
    "letters test",
    "microdata",
    "rates",
    "remind",
    "responses enter",
    "responses load",
    "restore",
    "retention forget",
    "retention run",
    "retention set",
    "retention show",
    "serve",
    "staff add",
    "staff disable",
    "staff enable",
    "staff give",
    "staff list",
    "staff take",
    "staff trail",
    "tables",
    "tray open",
    "wave close",
    "wave extend",
    "wave mark",
    "wave move",
    "wave open",
    "wave pause",
    "wave resume",
    "wave settings",
    "wave status",
    "why",
    "worker",
}


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty working folder with an installation of its own in `home`; nothing may be left half-written."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SURVEYAPP_HOME", str(tmp_path / "home"))
    yield tmp_path
    assert [p for p in tmp_path.rglob(".*") if p.is_file()] == [], "a half-written file was left behind"
    assert not list(tmp_path.rglob("*-journal"))


@pytest.fixture(scope="module")
def offices(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """Three offices made once, for tests to copy: a wave in the field, one beset by wrong things, one reported."""
    folder = tmp_path_factory.mktemp("offices")
    for name, build in {"fielded": _field, "beset": _beset, "reported": _report}.items():
        (folder / name).mkdir()
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(folder / name)
            patch.setenv("SURVEYAPP_HOME", "home")
            build()
    return {path.name: path for path in folder.iterdir()}


@pytest.fixture
def fielded(office: Path, offices: Mapping[str, Path]) -> dict[str, str]:
    """A wave `tiny-1` on forty organisations, its key in `tiny.key`; the code of each unit."""
    shutil.copytree(offices["fielded"], office, dirs_exist_ok=True)
    return _codes()


@pytest.fixture
def beset(office: Path, offices: Mapping[str, Path]) -> Path:
    """The same with three answers in the tray, between files that will not do."""
    shutil.copytree(offices["beset"], office, dirs_exist_ok=True)
    return office


@pytest.fixture
def reported(office: Path, offices: Mapping[str, Path]) -> Path:
    """The same answered by all, closed and opened: ready for tables."""
    shutil.copytree(offices["reported"], office, dirs_exist_ok=True)
    return office


_ON_FRAME = ("--instrument", "tiny@1", "--frame", "frame.csv")


# ── a whole life ─────────────────────────────────────────────────────────────


def test_a_whole_life_by_commands_alone(office: Path) -> None:
    _write("tiny.json", make_all_types())
    _write_frame("frame.csv")
    assert (
        done("instrument", "lint", "tiny.json").stdout == "tiny.json: tiny@1, 4 questions, 2 pages, no problem\n"
    )
    assert re.fullmatch(
        r"tiny@1 published; content [0-9a-f]{16}\n", done("instrument", "publish", "tiny.json").stdout
    )
    assert (
        done("frame", "check", "frame.csv").stdout.splitlines()[0]
        == "40 organisations, 40 with an address, 0 without"
    )
    opened = done("wave", "open", "tiny-1", *_ON_FRAME, "--carry", "region", "--key", "safe/tiny.key")
    assert opened.stdout == "tiny-1 is open: 40 organisations, 40 with an address; private key in safe/tiny.key\n"
    assert done("invite", "tiny-1").stdout == "40 letters in home/outbox/tiny-1\n"
    assert done("invite", "tiny-1").stdout == "0 letters in home/outbox/tiny-1\n"
    _answer(_codes())
    assert _status() == _counts(state="open", received=40, tray=40)
    first = done("tray", "open", "tiny-1", "--key", "safe/tiny.key")
    assert first.stdout == "20 responses released, 20 stay in the tray\n"
    assert done("wave", "close", "tiny-1").stdout == "tiny-1 is closed; next: surveyapp tray open tiny-1\n"
    assert (
        done("tray", "open", "tiny-1", "--key", "safe/tiny.key").stdout
        == "20 responses released, 0 stay in the tray\n"
    )
    assert _status() == _counts(state="closed", received=40, released=40)
    done("tables", "tiny-1", "--out", "out/tables.xlsx")
    done("tables", "tiny-1", "--out", "out/tables.json")
    assert openpyxl.load_workbook("out/tables.xlsx").sheetnames
    figures = json.loads(Path("out/tables.json").read_text())
    assert [table["question"] for table in figures["tables"]] == ["kind", "sources", "partners"]
    yes = figures["tables"][0]["rows"][0]["cells"][0]
    assert (yes["count"], yes["percent"]) == (40, 100.0)


def test_the_life_of_a_wave_open_to_anyone(office: Path) -> None:
    _write("tiny.json", make_document())
    done("instrument", "publish", "tiny.json")
    opened = done("wave", "open", "street", "--instrument", "tiny@1", "--anyone", "--closes", "2031-02-17")
    assert opened.stdout.startswith("street is open: anyone may answer; private key in ")
    assert (office / "home/keys/street.key").stat().st_mode & 0o777 == 0o600
    done("wave", "close", "street")
    assert done("tray", "open", "street").stdout == "0 responses released, 0 stay in the tray\n"


def test_the_programme_itself_runs(fielded: Mapping[str, str], office: Path) -> None:
    """The installed script in a process of its own: what is printed where, and the exit code."""
    good = subprocess.run(
        [PROGRAMME, "wave", "status", "tiny-1", "--json"], capture_output=True, text=True, check=False
    )
    assert (good.returncode, good.stderr) == (0, "")
    assert json.loads(good.stdout)["invited"] == 40
    bad = subprocess.run([PROGRAMME, "wave", "status", "nope"], capture_output=True, text=True, check=False)
    assert (bad.returncode, bad.stdout) == (1, "")
    assert bad.stderr == "there is no wave 'nope'; the waves are: tiny-1\n"


def test_done_twice_is_done(fielded: Mapping[str, str]) -> None:
    assert "was published before, with the same content" in done("instrument", "publish", "tiny.json").stdout
    assert done("db", "upgrade").stdout == "home/surveyapp.db has the newest schema\n"
    assert done("db", "upgrade").exit_code == 0


# ── response and pause ───────────────────────────────────────────────────────


def test_the_response_is_printed_and_written(reported: Path) -> None:
    printed = done("rates", "tiny-1", "--by", "region", "--out", "rates.xlsx").stdout
    assert "RR1 100%: 40 complete of 40 eligible" in printed
    assert "By_region" in openpyxl.load_workbook("rates.xlsx").sheetnames
    figures = json.loads(done("rates", "tiny-1", "--json").stdout)
    assert (figures["all"]["completed"], figures["rr1"], figures["days"]) == (40, 1.0, None)


def test_the_response_of_what_is_not_there_is_refused(fielded: Mapping[str, str]) -> None:
    assert "there is no wave 'nope'" in refused("rates", "nope").stderr
    assert "the frame has no such stratum" in refused("rates", "tiny-1", "--by", "regoin").stderr


def test_a_wave_is_paused_resumed_and_extended(fielded: Mapping[str, str]) -> None:
    assert "tiny-1 is paused; what respondents have saved stays" in done("wave", "pause", "tiny-1").stdout
    assert "paused     since 20" in done("wave", "status", "tiny-1").stdout
    assert "has been paused since" in refused("invite", "tiny-1").stderr
    assert done("wave", "resume", "tiny-1").stdout == "tiny-1 goes on; closes (no last day)\n"
    assert done("wave", "extend", "tiny-1", "--closes", "2131-02-17").stdout == "closes     2131-02-17\n"
    status = done("wave", "status", "tiny-1").stdout.splitlines()
    assert {"paused     no", "last day   2131-02-17", "cells      North 20, South 20"} <= set(status)


# ── settings of a wave ───────────────────────────────────────────────────────


def test_the_settings_of_a_wave_are_printed_and_changed(fielded: Mapping[str, str]) -> None:
    assert done("wave", "settings", "tiny-1").stdout.splitlines() == [
        "service    (that of the site)",
        "contact    (none)",
        "colour     (that of the site)",
        "closes     (no last day)",
    ]
    look = ("--service", "National drug survey", "--contact", "office@example.org", "--colour", "#1D70B8")
    changed = done("wave", "settings", "tiny-1", *look, "--closes", "2131-02-17")
    assert changed.stdout.splitlines() == [
        "service    National drug survey",
        "contact    office@example.org",
        "colour     #1d70b8",
        "closes     2131-02-17",
    ]
    assert done("wave", "settings", "tiny-1").stdout == changed.stdout
    emptied = done("wave", "settings", "tiny-1", "--service", "", "--contact", "").stdout.splitlines()
    assert emptied[:2] == ["service    (that of the site)", "contact    (none)"]


def test_a_wave_opens_with_its_settings(fielded: Mapping[str, str]) -> None:
    look = ("--service", "Police survey", "--contact", "020 7946 0000", "--colour", "#4c2c92")
    done("wave", "open", "street", "--instrument", "tiny@1", "--anyone", *look)
    assert done("wave", "settings", "street").stdout.splitlines()[:3] == [
        "service    Police survey",
        "contact    020 7946 0000",
        "colour     #4c2c92",
    ]


def test_the_settings_of_a_wave_that_is_over_say_so(reported: Path) -> None:
    assert "closes     closed on 20" in done("wave", "settings", "tiny-1").stdout
    assert "was closed on" in refused("wave", "settings", "tiny-1", "--closes", "2131-02-17").stderr


def test_a_last_day_that_is_over_says_what_to_do(fielded: Mapping[str, str]) -> None:
    with sqlite3.connect("home/surveyapp.db") as connection:
        connection.execute("UPDATE wave SET closes_on = '2012-02-17'")
    connection.close()
    over = "2012-02-17, which is over: no more answers are taken; next: surveyapp wave close tiny-1"
    assert f"closes     {over}\n" in done("wave", "settings", "tiny-1").stdout
    assert "2012-02-17 was the last day of the wave tiny-1" in refused("invite", "tiny-1").stderr
    assert done("wave", "settings", "tiny-1", "--closes", "2131-02-17").stdout.endswith("closes     2131-02-17\n")


# ── the frame ────────────────────────────────────────────────────────────────


def test_a_frame_is_shown_as_it_was_understood(office: Path) -> None:
    made = openpyxl.Workbook()
    made.active.title = "Frame"
    for row in (["Org ID", "Title", "E-mail", "Region", "Phone"], ["U1", "Team 1", "a@b.org", "North", 1]):
        made.active.append(row)
    made.active.append(["U2", "Team 2", "a@b.org", "South", 2])
    made.save("frame.xlsx")
    how = ("--column", "name=Title", "--leave-out", "phone", "--sheet", "Frame")
    shown = done("frame", "check", "frame.xlsx", *how)
    assert shown.stdout.splitlines() == [
        "2 organisations, 2 with an address, 0 without",
        "",
        "Columns",
        "  A   “Org ID” is unit",
        "  B   “Title” is name",
        "  C   “E-mail” is email",
        "  D   “Region” is stratum region",
        "  -   no column is contact",
        "  -   no column is language",
        "",
        "region: North 1, South 1",
        "",
        "First rows",
        "  U1 | Team 1 | a@b.org | en | North",
        "  U2 | Team 2 | a@b.org | en | South",
    ]
    assert shown.stderr.splitlines() == [
        "Worth a look: 1 thing",
        '  Frame!C3: "a@b.org" stands in row 2 too; nothing to do, if that is right',
    ]
    found = json.loads(done("frame", "check", "frame.xlsx", *how, "--json").stdout)
    assert (found["units"], found["issued"], found["strata"]) == (2, 2, {"region": {"North": 1, "South": 1}})
    assert found["columns"][0] == {"column": "A", "heading": "Org ID", "field": "unit"}


def test_a_newer_frame_is_shown_asked_for_and_loaded_once(fielded: Mapping[str, str]) -> None:
    assert done("frame", "load", "tiny-1", "frame.csv").stdout == "nothing to change\n"
    Path("newer.csv").write_text(Path("frame.csv").read_text() + "\nU100,New,new@example.org,,North\n")
    shown = ["+ U100 | New | new@example.org | en | North", "1 new, 0 changed, 0 gone"]
    refusing = CliRunner().invoke(main, ["frame", "load", "tiny-1", "newer.csv"], input="n\n")
    assert (refusing.exit_code, refusing.stdout.splitlines()[:2]) == (1, shown)
    assert refusing.stderr.endswith("nothing was changed\n")
    assert _status()["frame"] == 40
    loaded = done("frame", "load", "tiny-1", "newer.csv", "--yes").stdout.splitlines()
    assert loaded == [*shown, "tiny-1: 1 new, 0 changed, 0 gone"]
    status = json.loads(done("wave", "status", "tiny-1", "--json").stdout)
    assert (status["frame"], status["issued"], status["cells"]) == (41, 41, {"North": 21, "South": 20})
    assert status["cells_at_opening"] == {"North": 20, "South": 20}
    assert "cells      North 21 (20 at the opening), South 20\n" in done("wave", "status", "tiny-1").stdout
    assert done("frame", "load", "tiny-1", "newer.csv").stdout == "nothing to change\n"


def test_a_unit_is_removed_when_it_is_typed_again(fielded: Mapping[str, str]) -> None:
    wrong = CliRunner().invoke(main, ["frame", "remove", "tiny-1", "U001"], input="U002\n")
    assert (wrong.exit_code, wrong.stderr) == (1, "that is not the unit; nothing was erased\n")
    assert _status()["issued"] == 40
    right = CliRunner().invoke(main, ["frame", "remove", "tiny-1", "U001"], input="U001\n")
    assert right.exit_code == 0
    assert "U001: contact, letters, access code and draft are erased; it is not written to again" in right.stdout
    assert _status()["issued"] == 40
    _answer({"U002": fielded["U002"]})
    answered = done("frame", "remove", "tiny-1", "U002", "--yes").stdout
    assert answered.startswith("U002: contact and letters are erased; it has answered: that stays noted")


def test_a_contact_is_replaced(fielded: Mapping[str, str]) -> None:
    changed = done("frame", "contact", "tiny-1", "U001", "--name", "Ms New", "--email", "new@example.org")
    assert changed.stdout == "U001: Ms New, new@example.org\n"
    assert "is not an e-mail address" in refused("frame", "contact", "tiny-1", "U001", "--email", "new").stderr


def test_a_sample_is_drawn_again_from_its_seed_and_stands_in_the_status(fielded: Mapping[str, str]) -> None:
    for name in ("two", "three"):
        options = ("--sample", "region=10", "--seed", "2012", "--carry", "region")
        opened = done("wave", "open", name, *_ON_FRAME, *options).stdout
        words = "40 organisations, 20 with an address, sample drawn with seed 2012 (10 of each region)"
        assert opened.startswith(f"{name} is open: {words}; ")
    with sqlite3.connect("home/surveyapp.db") as connection:
        two, three = (
            connection.execute("SELECT unit FROM organisation WHERE wave = ? AND sampled ORDER BY unit", [name])
            for name in ("two", "three")
        )
        assert two.fetchall() == three.fetchall()
    connection.close()
    status = done("wave", "status", "two").stdout
    assert "sampled    20\n" in status
    assert "seed       2012 (10 of each region)\n" in status
    shared = done("wave", "open", "four", *_ON_FRAME, "--sample-size", "21", "--carry", "region").stdout
    seed = r"[0-9a-f]{32} \(21 in proportion to region\)"
    assert re.search(f"21 with an address, sample drawn with seed {seed}", shared)


# ── help and wrong usage ─────────────────────────────────────────────────────


def test_these_are_the_commands() -> None:
    assert set(_commands(main)) == COMMANDS


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_command_explains_itself(command: str, office: Path) -> None:
    shown = done(*command.split(), "--help").stdout
    assert re.search(r"\n\n  [A-Z][^\n]+", shown), "give it a docstring"
    assert not (office / "home").exists(), "help makes no installation"


@pytest.mark.parametrize(
    "command",
    [
        "nope",
        "wave",
        "wave nope",
        "instrument lint",
        "instrument publish",
        "instrument preview",
        "instrument preview dat@",
        "instrument preview tiny.json --port 0",
        "instrument preview tiny.json --fact region",
        "instrument preview tiny.json --fact region=",
        "instrument preview tiny.json --fact Region=North",
        "instrument preview tiny.json --fact region=North --fact region=South",
        "wave open",
        "wave open x",
        "wave open x --instrument tiny@1",
        "wave open x --instrument tiny --anyone",
        "wave open x --instrument tiny@1 --anyone --frame frame.csv",
        "wave open x --instrument tiny@1 --anyone --carry region",
        "wave open x --instrument tiny@1 --anyone --closes soon",
        "wave close",
        "wave settings",
        "wave settings tiny-1 --closes soon",
        "wave settings tiny-1 --closes 2031-02-30",
        "wave status tiny-1 --xml",
        "invite",
        "coding",
        "coding codeframe",
        "coding sheet tiny-1 worries --out X.xlsx",
        "coding sheet tiny-1 worries --coder A --out X.csv",
        "coding load tiny-1",
        "coding settle tiny-1 worries",
        "coding settle tiny-1 worries --out X.xlsx --load X.xlsx",
        "coding quotations tiny-1 worries --sheet X.xlsx --out Y.xlsx",
        "tray open",
        "tables tiny-1",
        "responses load tiny-1",
        "responses enter",
        "responses enter tiny-1 --port 0",
        "retention set tiny-1",
        "retention set tiny-1 --key -1",
        "retention run --today soon",
        "restore",
        "audit-percentages",
        f"audit-percentages {FIGURES} --largest 0",
        "demo --port 0",
        "serve --port 65536",
        "frame check a b",
        "frame check a --column unit",
        "frame check a --column Unit=x",
        "frame check a --column unit=x --column unit=y",
        "frame load tiny-1",
        "frame contact tiny-1 U001",
        "wave open x --instrument tiny@1 --anyone --sample region=3",
        "wave open x --instrument tiny@1 --frame f.csv --sample region",
        "wave open x --instrument tiny@1 --frame f.csv --sample region=3 --sample-size 4",
        "wave open x --instrument tiny@1 --frame f.csv --seed 4",
    ],
)
def test_wrong_usage_is_told_with_exit_code_2(command: str, office: Path) -> None:
    result = run(*command.split())
    assert result.exit_code == 2
    assert "Usage: " in result.stderr
    assert not (office / "home").exists(), "wrong usage makes no installation"


# ── refused ──────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("instrument lint missing.json", "there is no file missing.json; check the path"),
        ("instrument lint folder", "folder is a folder; name a file in it"),
        ("instrument preview missing.json", "there is no file missing.json; check the path"),
        ("instrument preview folder", "folder is a folder"),
        ("instrument preview binary.dat", "binary.dat: 1 problem"),
        (
            "instrument preview tiny@9",
            "tiny@9 is not published; publish it first (surveyapp instrument publish FILE)",
        ),
        ("instrument publish missing.json", "there is no file missing.json"),
        ("instrument publish folder", "folder is a folder"),
        ("instrument publish frame.csv", "Refused: 1 problem"),
        ("instrument publish binary.dat", "Refused: 1 problem"),
        ("frame check missing.csv", "there is no file missing.csv"),
        ("frame check folder", "folder is a folder"),
        ("frame check binary.dat", "it is not"),
        ("frame check tiny.json", "column"),
        ("frame check frame.csv --sheet Frame", "it is a text file and has no sheets"),
        ("frame check frame.csv --column unit=Orgg", "there is no column “Orgg”"),
        ("frame load nope frame.csv", "there is no wave 'nope'"),
        ("frame load tiny-1 missing.csv", "there is no file missing.csv"),
        ("frame load tiny-1 binary.dat", "it is not"),
        ("frame load tiny-1 small.csv --yes", "cell “Isles”: only 3 of the frame"),
        ("frame remove nope U001", "there is no wave 'nope'"),
        ("frame remove tiny-1 X --yes", "tiny-1 has no unit 'X'"),
        ("frame contact tiny-1 X --name Y", "tiny-1 has no unit 'X'"),
        ("wave open two --instrument tiny@1 --frame frame.csv --sample regoin=9", 'did you mean "region"?'),
        ("wave open two --instrument tiny@1 --frame frame.csv --sample-size 41", "the frame has only 40 units"),
        (
            "wave open two --instrument tiny@1 --frame frame.csv --carry region --sample region=9",
            "cell “North”: only 9 of the sample are in it",
        ),
        ("wave open tiny-1 --instrument tiny@1 --frame frame.csv --key k.key", "there is a wave tiny-1 already"),
        (
            "wave open two --instrument tiny@9 --anyone",
            "tiny@9 is not published; publish it first (surveyapp instrument publish FILE)",
        ),
        ("wave open two --instrument nope@1 --anyone", "nope@1 is not published"),
        ("wave open two --instrument tiny@1 --frame missing.csv", "there is no file missing.csv"),
        ("wave open two --instrument tiny@1 --frame folder", "folder is a folder"),
        ("wave open two --instrument tiny@1 --frame frame.csv --carry regoin", 'did you mean "region"?'),
        (
            "wave open two --instrument tiny@1 --frame small.csv --carry region",
            "cell “Isles”: only 3 of the frame",
        ),
        ("wave open two --instrument tiny@1 --anyone --key tiny.key", "tiny.key exists already; move it away"),
        ("wave open two --instrument tiny@1 --anyone --key folder", "folder exists already"),
        ("wave open two --instrument tiny@1 --anyone --key tiny.json/x.key", "cannot be written"),
        (f"wave open two --instrument tiny@1 --anyone --key {'x' * 300}", "cannot be written"),
        ("wave open ../two --instrument tiny@1 --anyone", "is not a wave name"),
        ("wave open Two --instrument tiny@1 --anyone", "is not a wave name"),
        ("wave open two --instrument tiny@1 --anyone --colour teal", 'colour: "teal" is not a colour; write #'),
        ("wave open two --instrument tiny@1 --anyone --closes 2012-02-17", "closes: 17 February 2012 is over"),
        ("wave settings nope", "there is no wave 'nope'; the waves are: tiny-1"),
        ("wave settings nope --service One", "there is no wave 'nope'"),
        ("wave settings tiny-1 --colour #ffdd00", "take #887600, the nearest darker shade"),
        (f"wave settings tiny-1 --service {'s' * 300}", "service: it has 300 characters; shorten it to 100"),
        ("wave settings tiny-1 --contact \x1b[31m", "contact: it holds a line break or a control character"),
        (
            "wave settings tiny-1 --closes 2012-02-17",
            "closes: 17 February 2012 is over; give today or a later day",
        ),
        ("wave close nope", "there is no wave 'nope'; the waves are: tiny-1"),
        ("wave status nope", "there is no wave 'nope'"),
        ("wave status ../../etc", "there is no wave '../../etc'"),
        ("invite nope", "there is no wave 'nope'"),
        ("invite ../nope", "there is no wave '../nope'"),
        ("tray open nope", "there is no wave 'nope'"),
        ("tray open ../nope", "there is no wave '../nope'"),
        ("tray open tiny-1", "check the path"),
        ("tray open tiny-1 --key missing.key", "there is no file missing.key"),
        ("tray open tiny-1 --key folder", "folder is a folder"),
        ("tray open tiny-1 --key tiny.json", "this is not a key file; look for the one that `wave open` wrote"),
        ("tray open tiny-1 --key binary.dat", "this is not a key file"),
        ("tray open tiny-1 --key other.key", "other.key is the key of tiny-2, not of tiny-1"),
        ("tray open tiny-1 --key wrong.key", "3 of 3 boxes do not open: the key is not the one of this wave"),
        ("tables nope --out x.json", "there is no wave 'nope'"),
        ("tables tiny-1 --out x.json", "no answers of tiny-1 have been released yet"),
        ("responses enter nope", "there is no wave 'nope'"),
        ("responses load nope frame.csv", "there is no wave 'nope'"),
        ("responses load tiny-1 missing.csv", "there is no file missing.csv"),
        ("responses load tiny-1 binary.dat", "binary.dat: 1 problem"),
        ("responses load tiny-1 frame.csv", "line 1, email: the questionnaire has no such variable"),
        ("backup --out tiny.json", "tiny.json exists already; move it away or name another file"),
        ("backup --out tiny.json/x.db", "cannot be written"),
        ("restore missing.db", "is there already; name an empty folder with --home"),
        ("retention set nope --key 3", "there is no wave 'nope'"),
        ("audit-percentages missing.json", "there is no file missing.json"),
        ("audit-percentages folder", "folder is a folder"),
        ("audit-percentages tiny.json", "problem"),
        ("audit-percentages binary.dat", "problem"),
    ],
)
def test_what_cannot_be_done_is_refused_with_the_reason(command: str, words: str, beset: Path) -> None:
    before = _everything(beset)
    result = refused(*command.split())
    assert words in result.stderr
    assert result.stdout == ""
    assert _everything(beset) == before


def test_a_faulty_questionnaire_is_refused_with_every_problem_and_its_line(office: Path) -> None:
    twice = make_question(options=[{"code": "a", "label": "A"}, {"code": "a", "label": "B"}])
    Path("faulty.json").write_text(json.dumps(make_document([twice]), indent=1).replace('"minutes"', '"minuets"'))
    _write("tiny.json", make_all_types())
    result = refused("instrument", "lint", "tiny.json", "faulty.json")
    assert result.stdout == "tiny.json: tiny@1, 4 questions, 2 pages, no problem\n"
    assert re.search(r"^  line \d+, /minuets: .*did you mean \"minutes\"", result.stderr, re.M)
    assert "1 file of 2 refused" in result.stderr
    assert "minuets" in refused("instrument", "publish", "faulty.json").stderr


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "nul", '{"a": 1, "a": 2}', "[" * 100_000, '{"x": NaN}', "\ufeff{"]
)
def test_wrong_json_is_refused_wherever_json_is_read(content: str, reported: Path) -> None:
    Path("wrong.json").write_text(content)
    for command in (
        "instrument lint wrong.json",
        "instrument publish wrong.json",
        "tables tiny-1 --plan wrong.json --out x.json",
        "audit-percentages wrong.json",
    ):
        assert "problem" in refused(*command.split()).stderr
    assert not Path("x.json").exists()


def test_other_content_under_a_published_version_is_refused(fielded: Mapping[str, str]) -> None:
    _write("tiny.json", make_all_types(title="Another"))
    assert "a published version never changes" in refused("instrument", "publish", "tiny.json").stderr


def test_a_closed_wave_is_refused(reported: Path) -> None:
    assert "the wave tiny-1 was closed on" in refused("wave", "close", "tiny-1").stderr
    assert "the wave tiny-1 was closed on" in refused("invite", "tiny-1").stderr


def test_answers_waiting_in_a_closed_wave_hold_the_tables_back(fielded: Mapping[str, str], office: Path) -> None:
    _answer(fielded)
    done("wave", "close", "tiny-1")
    result = refused("tables", "tiny-1", "--out", "x.xlsx")
    assert (
        result.stderr == "40 answers of tiny-1 wait in the tray; open the tray first (surveyapp tray open WAVE)\n"
    )


def test_a_refusal_is_one_clean_line_whatever_was_typed(office: Path) -> None:
    result = refused("wave", "status", "\x1b[31mred\n\x07" + "x" * 500)
    assert "\x1b" not in result.stderr
    assert "\x07" not in result.stderr
    assert len(result.stderr) < 200


# ── returns, backups, retention ──────────────────────────────────────────────

_RETURNS = "team,kind,sources.a,partners.police\nU001,yes,1,more\nU002,no,0,same\n"


def test_returns_on_paper_are_loaded_once(fielded: Mapping[str, str]) -> None:
    Path("returns.csv").write_text(_RETURNS)
    load = ("responses", "load", "tiny-1", "returns.csv", "--unit-column", "team")
    assert done(*load).stdout == "2 returns in the tray of tiny-1\n2 organisations marked as done\n"
    assert _status() == _counts(state="open", received=2, tray=2)
    again = refused(*load).stderr
    assert again.splitlines()[1:] == [
        "returns.csv: 2 problems",
        '  line 2, team: the answers of "U001" have been received; take the row out; one answer counts',
        '  line 3, team: the answers of "U002" have been received; take the row out; one answer counts',
    ]


def test_returns_that_lack_required_answers_are_listed(fielded: Mapping[str, str]) -> None:
    Path("returns.csv").write_text("kind,issues,region\n,Few staff,North\n")
    refusal = refused("responses", "load", "tiny-1", "returns.csv").stderr
    assert "line 2, kind: select one answer; fill it in, or let incomplete returns in (--partial)" in refusal
    result = done("responses", "load", "tiny-1", "returns.csv", "--partial", "--json")
    assert json.loads(result.stdout) == {"wave": "tiny-1", "returns": 1, "marked": 0, "partial": 1}
    assert "line 2, kind: select one answer" in result.stderr


def test_backups_written_elsewhere_are_known_until_they_are_gone(beset: Path) -> None:
    for name in ("one", "two"):
        done("backup", "--out", f"safe/{name}.db")
    assert "elsewhere" not in Path("home/surveyapp.db").read_bytes().decode(errors="replace")
    Path("safe/two.db").rename("safe/away.db")
    shown = done("retention", "show").stdout
    assert f"{beset}/safe/one.db  kept\n" in shown
    assert f"{beset}/safe/two.db  kept; it is not within reach\n" in shown
    assert "Still known" not in done("retention", "run").stderr
    told = done("retention", "run", "--today", "2100-01-01").stderr
    assert f"Still known: {beset}/safe/one.db, a backup of " in told
    assert f"destroy it, then: surveyapp retention forget {beset}/safe/two.db" in told
    assert Path("safe/one.db").exists()
    assert f"{beset}/safe/one.db: erased" in done("retention", "run", "--today", "2100-01-01", "--copies").stdout
    assert sorted(path.name for path in Path("safe").iterdir()) == ["away.db", "two.db.sha256"]
    done("retention", "forget", "safe/two.db")
    assert done("retention", "run", "--today", "2100-01-01").stderr == ""
    assert "no backup is known to lie at" in refused("retention", "forget", "safe/two.db").stderr


def test_a_backup_that_fails_is_not_known(beset: Path) -> None:
    Path("there.db").write_text("x")
    refused("backup", "--out", "there.db")
    Path("there.db").unlink()
    assert "there.db" not in done("retention", "show").stdout


def test_a_backup_is_restored_into_an_empty_installation(beset: Path) -> None:
    copied = done("backup", "--out", "safe/copy.db").stdout
    assert re.match(r"safe/copy.db: [0-9,]+ bytes, sha256 [0-9a-f]{16}\nIt holds no key\.", copied)
    result = done("--home", "other", "restore", "safe/copy.db")
    assert result.stdout.startswith("tiny-1: 3 received, 3 in the tray, 0 released\n")
    assert "keys/pepper (drafts do not open without it)" in result.stderr
    assert "is there already" in refused("--home", "other", "restore", "safe/copy.db").stderr
    assert re.search(r"backups/surveyapp-\d{4}-\d\d-\d\d\.db", done("backup").stdout)
    assert "there is no database in" in refused("--home", "nowhere", "backup").stderr


def test_what_is_over_is_erased_on_its_day(reported: Path) -> None:
    assert "contacts  10 days after the close" in done("retention", "set", "tiny-1", "--contacts", "10").stdout
    done("backup")
    shown = done("retention", "show", "--today", "2100-01-01").stdout
    assert "contacts  due since" in shown
    assert "due to be erased" in shown
    assert b"@example.org" in (reported / "home/surveyapp.db").read_bytes()
    erased = done("retention", "run", "--today", "2100-01-01").stdout
    assert "tiny-1: erased 40 of e-mail addresses and contact persons\n" in erased
    assert erased.endswith("1 old backup erased\n")
    assert b"@example.org" not in (reported / "home/surveyapp.db").read_bytes()
    assert done("retention", "run", "--today", "2100-01-01").stdout == "0 old backups erased\n"
    assert "contacts  erased on 2100-01-01" in done("retention", "show").stdout


# ── files that are written ───────────────────────────────────────────────────


@pytest.mark.parametrize("name", ["x.pdf", "x", "x.XLSX", "x.xlsx.", ".xlsx"])
def test_tables_of_another_kind_are_refused_and_the_old_file_stays(reported: Path, name: str) -> None:
    Path(name).write_text("old")
    assert (
        "is not a kind of file; end the name in .xlsx or .docx or .json or .zip"
        in refused("tables", "tiny-1", "--out", name).stderr
    )
    assert Path(name).read_text() == "old"
    Path(name).unlink()


@pytest.mark.parametrize("out", ["tiny.json/x.xlsx", "folder.xlsx", "/proc/x.xlsx", f"{'x' * 300}.xlsx"])
def test_tables_to_a_place_that_cannot_be_written_are_refused(reported: Path, out: str) -> None:
    Path("folder.xlsx").mkdir()
    before = _everything(reported)
    assert "cannot be written" in refused("tables", "tiny-1", "--out", out).stderr
    assert _everything(reported) == before


def test_a_disk_that_fills_up_leaves_the_old_tables_whole(reported: Path) -> None:
    Path("x.xlsx").write_text("old")
    before = _everything(reported)
    result = subprocess.run(
        [PROGRAMME, "tables", "tiny-1", "--out", "x.xlsx"],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000)),
    )
    assert result.returncode == 1
    assert re.search("^the tables cannot be written: .*; make room for temporary files$", result.stderr, re.M)
    # With lxml installed, openpyxl's abandoned generator complains once more as Python ends.
    assert "Traceback" not in result.stderr.partition("Exception ignored in")[0]
    assert _everything(reported) == before


def test_the_same_tables_twice_are_the_same_bytes(reported: Path) -> None:
    for name in ("a.xlsx", "b.xlsx", "a.json", "b.json"):
        done("tables", "tiny-1", "--out", name)
    assert Path("a.xlsx").read_bytes() == Path("b.xlsx").read_bytes()
    assert Path("a.json").read_bytes() == Path("b.json").read_bytes()


def test_a_failing_outbox_invites_nobody(office: Path) -> None:
    _write("tiny.json", make_all_types())
    _write_frame("frame.csv")
    done("instrument", "publish", "tiny.json")
    done("wave", "open", "tiny-1", *_ON_FRAME, "--carry", "region", "--key", "tiny.key")
    (office / "home/outbox/tiny-1").write_text("in the way")
    assert "cannot be written" in refused("invite", "tiny-1").stderr
    assert _status()["invited"] == 0


@pytest.mark.parametrize(
    "sender", ["", "x", "x\nBcc: y@z.org", "no address <", "a@b\nBcc: c@d.org", "A <a@b> <c@d>"]
)
def test_a_sender_that_no_letter_can_bear_is_wrong_usage(fielded: Mapping[str, str], sender: str) -> None:
    done("wave", "open", "tiny-2", *_ON_FRAME, "--key", "2.key")
    assert run("invite", "tiny-2", "--sender", sender).exit_code == 2
    assert not Path("home/outbox/tiny-2").exists()


@pytest.mark.parametrize("sender", ["office@example.org", "The office <office@example.org>"])
def test_a_sender_stands_in_each_letter(fielded: Mapping[str, str], sender: str) -> None:
    done("wave", "open", "tiny-2", *_ON_FRAME, "--key", "2.key")
    done("invite", "tiny-2", "--sender", sender)
    assert all(f"From: {sender}" in letter.read_text() for letter in Path("home/outbox/tiny-2").iterdir())


def test_a_key_can_be_kept_on_a_stick_that_knows_no_links(
    fielded: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "hardlink_to", _no_links)
    done("wave", "open", "tiny-2", *_ON_FRAME, "--key", "stick/2.key")
    assert Path("stick/2.key").stat().st_mode & 0o777 == 0o600
    before = Path("stick/2.key").read_bytes()
    assert "exists already" in refused("wave", "open", "tiny-3", *_ON_FRAME, "--key", "stick/2.key").stderr
    assert Path("stick/2.key").read_bytes() == before
    assert privacy.read_key_file(before.decode())[0] == "tiny-2"


# ── previews ─────────────────────────────────────────────────────────────────


@contextmanager
def previewing(port: int, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """`instrument preview` in a process of its own, whose temporary files go to `tmp`; stopped in the end."""
    Path("tmp").mkdir(exist_ok=True)
    command = [PROGRAMME, "instrument", "preview", *arguments, "--port", str(port)]
    environment = {**os.environ, "TMPDIR": str(Path("tmp").resolve())}
    with subprocess.Popen(command, stdout=-1, stderr=-1, text=True, env=environment) as process:
        try:
            yield process
        finally:
            process.terminate()


def free_port() -> int:
    """A port that nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def page_at(address: str) -> str:
    """The page at an address whose server may still be starting."""
    for _ in range(600):
        try:
            with urllib.request.urlopen(address, timeout=5) as response:
                return response.read().decode()
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.1)
    raise AssertionError(f"nobody answers at {address}")


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_preview_shows_a_draft_and_leaves_no_folder_behind(office: Path, ending: signal.Signals) -> None:
    """Stopped by the system, by Ctrl-C, or with its terminal."""
    _write("tiny.json", make_document())
    port = free_port()
    with previewing(port, "tiny.json") as process:
        assert process.stdout
        assert process.stdout.readline() == f"Preview of tiny@1: http://127.0.0.1:{port}/open/preview\n"
        assert "<title>Preview: A tiny survey" in page_at(f"http://127.0.0.1:{port}/open/preview")
        (folder,) = Path("tmp").iterdir()
        assert folder.stat().st_mode & 0o777 == 0o700
        process.send_signal(ending)
        assert process.wait(30) == 0
        assert list(Path("tmp").iterdir()) == []
        assert process.stderr
        assert said(process.stderr.read()) == ""
    assert not Path("home").exists(), "a draft's preview needs no installation"


def test_a_worker_that_ends_takes_nothing_away(office: Path) -> None:
    _write("tiny.json", make_document())
    port = free_port()
    with previewing(port, "tiny.json") as process:
        page_at(f"http://127.0.0.1:{port}/")
        workers = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        for worker in workers:
            os.kill(int(worker), signal.SIGTERM)
        for worker in workers:
            _wait_for(lambda worker=worker: not Path(f"/proc/{worker}").exists())
        assert len(list(Path("tmp").iterdir())) == 1
        assert "A tiny survey" in page_at(f"http://127.0.0.1:{port}/open/preview")


def test_a_published_version_is_previewed_with_the_facts_of_an_organisation(fielded: Mapping[str, str]) -> None:
    port, before = free_port(), _everything(Path("home"))
    with previewing(port, "tiny@1", "--fact", "name=Leeds DAT", "--fact", "regoin=North") as process:
        assert process.stdout
        address = process.stdout.readline()
        assert re.fullmatch(rf"Preview of tiny@1: http://127\.0\.0\.1:{port}/#[0-9A-Z-]{{23}}\n", address)
        assert "Preview. Nothing that you enter here is kept." in page_at(f"http://127.0.0.1:{port}/")
        process.terminate()
        assert process.stderr
        assert process.stderr.read() == "Note: no text of tiny@1 can show the fact regoin\n"
    assert _everything(Path("home")) == before


def test_a_faulty_draft_is_not_previewed_and_every_problem_is_listed(office: Path) -> None:
    _write("faulty.json", make_document([make_question(kind="singel")], minuets=5))
    result = refused("instrument", "preview", "faulty.json", "--port", str(free_port()))
    assert "faulty.json: " in result.stderr
    assert "/minuets: " in result.stderr
    assert "/sections/0/pages/0/questions/0" in result.stderr
    listed = refused("instrument", "lint", "faulty.json").stderr
    assert listed.startswith(result.stderr)


def test_a_retired_version_is_not_previewed(fielded: Mapping[str, str]) -> None:
    done("instrument", "retire", "tiny@1")
    words = refused("instrument", "preview", "tiny@1", "--port", str(free_port())).stderr
    assert re.fullmatch(r"tiny@1 was retired on [0-9-]{10}; use a newer version\n", words)


def test_a_port_that_is_taken_is_named_at_once(office: Path) -> None:
    _write("tiny.json", make_document())
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        words = refused("instrument", "preview", "tiny.json", "--port", str(port)).stderr
    assert words == f"port {port} cannot be used: Address already in use; choose another with --port\n"


def _wait_for(reached: Callable[[], bool]) -> None:
    for _ in range(200):
        if reached():
            return
        time.sleep(0.05)
    raise AssertionError("it was not reached")


# ── the audit ────────────────────────────────────────────────────────────────


def test_the_audit_names_exactly_the_two_impossible_cells() -> None:
    lines = done("audit-percentages", str(FIGURES)).stdout.splitlines()
    impossible = [line for line in lines if "impossible" in line]
    assert [line.split(":")[0] for line in impossible] == ["changes_observed", "decision_making.involvement"]
    assert "drugs_down is printed 12" in impossible[0]
    assert "little is printed 31" in impossible[1]
    assert lines[-1].startswith("195 of 197 printed percentages are possible")


def test_the_audit_as_json_says_the_same() -> None:
    found = json.loads(done("audit-percentages", str(FIGURES), "--json").stdout)
    assert (found["cells"], found["possible"], found["impossible"]) == (197, 195, 2)
    assert [v["question"] for v in found["verdicts"] if not v["possible"]] == [
        "changes_observed",
        "decision_making",
    ]


# ── where the installation is ────────────────────────────────────────────────


def test_the_home_is_that_of_the_environment(office: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SURVEYAPP_HOME", str(office / "elsewhere"))
    done("db", "upgrade")
    assert (office / "elsewhere/surveyapp.db").exists()
    assert not (office / "instance").exists()


def test_an_option_goes_before_the_environment_and_without_both_it_is_instance(
    office: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done("--home", "given", "db", "upgrade")
    assert (office / "given/surveyapp.db").exists()
    monkeypatch.delenv("SURVEYAPP_HOME")
    done("db", "upgrade")
    assert (office / "instance/surveyapp.db").exists()
    assert (office / "instance").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    "command", ["db upgrade", "wave status x", "serve", "demo --no-serve", "tables x --out x.json"]
)
def test_a_home_that_is_a_file_is_refused(office: Path, command: str) -> None:
    Path("home").write_text("a file")
    assert "choose another with --home" in refused(*command.split()).stderr
    assert Path("home").read_text() == "a file"


@pytest.mark.parametrize("command", ["db upgrade", "wave status x", "serve", "tray open x"])
def test_a_database_that_is_none_is_refused(office: Path, command: str) -> None:
    Path("home").mkdir()
    Path("home/surveyapp.db").write_text("Dear diary, " * 1000)
    result = refused(*command.split())
    assert "surveyapp.db cannot be used as a database: file is not a database" in result.stderr
    assert Path("home/surveyapp.db").read_text() == "Dear diary, " * 1000


def test_the_demonstration_refuses_a_folder_of_somebody_else(office: Path) -> None:
    Path("home").mkdir()
    Path("home/thesis.txt").write_text("ten years")
    before = _everything(office)
    result = refused("demo", "--no-serve")
    assert "is not empty and holds no demonstration; choose another with --home" in result.stderr
    assert _everything(office) == before


def test_the_demonstration_refuses_a_real_installation(fielded: Mapping[str, str], office: Path) -> None:
    before = _everything(office)
    assert "holds no demonstration" in refused("demo", "--no-serve").stderr
    assert _everything(office) == before


# ── running ──────────────────────────────────────────────────────────────────


def run(*arguments: str) -> Result:
    """The command as a script would call it."""
    return CliRunner().invoke(main, list(arguments), prog_name="surveyapp")


def done(*arguments: str) -> Result:
    """The command, which must succeed."""
    result = run(*arguments)
    _check_plain(result)
    assert result.exit_code == 0, result.stderr
    return result


def refused(*arguments: str) -> Result:
    """The command, which must end with 1 and say why."""
    result = run(*arguments)
    _check_plain(result)
    assert result.exit_code == 1, result.stdout
    assert result.stderr.strip()
    return result


def _check_plain(result: Result) -> None:
    assert result.exception is None or isinstance(result.exception, SystemExit), repr(result.exception)
    assert "Traceback" not in result.output


def _commands(group: click.Command, path: str = "") -> Iterator[str]:
    if isinstance(group, click.Group):
        for name, command in group.commands.items():
            yield from _commands(command, f"{path} {name}".strip())
    else:
        yield path


def _status() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(done("wave", "status", "tiny-1", "--json").stdout)
    assert found.pop("cells") == found.pop("cells_at_opening") == {"North": 20, "South": 20}
    assert {"paused", "last_day"} <= set(found)
    del found["paused"], found["last_day"]
    return {name: value for name, value in found.items() if name not in {"cells", "last_day", "paused"}}


def _counts(state: str, received: int, tray: int = 0, released: int = 0) -> dict[str, Any]:
    return {
        "wave": "tiny-1",
        "state": state,
        "kind": "listed",
        "instrument": "tiny@1",
        "frame": 40,
        "issued": 40,
        "invited": 40,
        "received": received,
        "tray": tray,
        "released": released,
    }


def _answer(codes: Mapping[str, str]) -> None:
    db = connect(Home(Path("home")).database)
    for code in codes.values():
        send(db, code, make_answers())
    db.close()


def _codes() -> dict[str, str]:
    return {path.stem: _code_in(path) for path in sorted(Path("home/outbox/tiny-1").iterdir())}


def _code_in(letter: Path) -> str:
    found = re.search(r"/#([0-9A-Z-]{23})", letter.read_text())
    assert found
    return found[1]


def _write(name: str, document: object) -> None:
    Path(name).write_text(json.dumps(document))


def _write_frame(name: str, isles: int = 0) -> None:
    regions = [("North", "South")[i % 2] for i in range(40)] + ["Isles"] * isles
    rows = [f"U{i:03},Team {i},team{i}@example.org,Manager,{region}" for i, region in enumerate(regions, 1)]
    Path(name).write_text("\n".join(["unit,name,email,contact,region", *rows]))


def _field() -> None:
    _write("tiny.json", make_all_types())
    _write_frame("frame.csv")
    done("instrument", "publish", "tiny.json")
    done("wave", "open", "tiny-1", *_ON_FRAME, "--carry", "region", "--key", "tiny.key")
    done("invite", "tiny-1")


def _beset() -> None:
    """A folder, bytes, a frame with a small cell, the key of another wave, a key that is nobody's."""
    _field()
    _answer(dict(list(_codes().items())[:3]))
    Path("folder").mkdir()
    Path("binary.dat").write_bytes(bytes(range(256)) * 10)
    _write_frame("small.csv", isles=3)
    Path("other.key").write_text(privacy.key_file("tiny-2", privacy.new_key_pair()[0]))
    Path("wrong.key").write_text(privacy.key_file("tiny-1", privacy.new_key_pair()[0]))


def _report() -> None:
    _field()
    _answer(_codes())
    done("wave", "close", "tiny-1")
    done("tray", "open", "tiny-1", "--key", "tiny.key")


def _no_links(*_: object) -> None:
    raise PermissionError(1, "Operation not permitted")


def _everything(folder: Path) -> dict[str, bytes]:
    """Every file below a folder with its bytes; what is kept for speed alone left out.

    Of a store what it holds but the trail, which has two lines for an act that was refused.
    """
    files = (p for p in sorted(folder.rglob("*")) if p.is_file() and "released" not in p.parts)
    return {str(p.relative_to(folder)): _held(p) for p in files}


def _held(path: Path) -> bytes:
    content = path.read_bytes()
    if not content.startswith(b"SQLite format 3\0"):
        return content
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as store:
        lines = [line for line in store.iterdump() if not line.startswith('INSERT INTO "act"')]
    return "\n".join(lines).encode()


def test_why_says_the_rule_and_never_the_number(reported: Path):
    entry = {"id": "1", "question": "kind", "by": ["region"]}
    Path("plan.json").write_text(json.dumps({"survey": "tiny", "title": "Tables", "tables": [entry]}))
    assert done("why", "tiny-1").output == "Nothing is hidden.\n"
    said = done("why", "tiny-1", "1", "--plan", "plan.json").output
    assert said.startswith("Table 1: A base under 30: the figures are printed and marked [u].\n  yes / North\n")
    assert 'did you mean "1"' in refused("why", "tiny-1", "11", "--plan", "plan.json").stderr
