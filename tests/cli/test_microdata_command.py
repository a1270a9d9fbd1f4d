"""Microdata by the command line: written whole, beside its codebook, or refused with nothing written."""

import csv
import io
import json
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pyreadstat
import pytest
from click.testing import CliRunner, Result

from surveyapp import config, reporting
from surveyapp.cli import main
from surveyapp.problems import SurveyError
from surveyapp.storage.database import connect
from tests.makers import make_all_types, make_answers, make_home, make_wave, send


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A closed and opened wave `tiny-1`, 20 answers from the North and 20 from the South, six of these "no"."""
    folder = tmp_path_factory.mktemp("finished")
    home = make_home(folder)
    db = connect(home.store)
    _, key, codes = make_wave(db, "tiny-1", make_all_types(disclosure={"minimum_base": 6}))
    for number, code in enumerate(codes.values()):
        send(db, code, make_answers(kind="no" if number % 2 and number < 12 else "yes"))
    CliRunner().invoke(main, ["--home", str(home.path), "wave", "close", "tiny-1"])
    reporting.open_tray(db, "tiny-1", key)
    db.close()
    return folder


@pytest.fixture
def office(finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of it to work on; nothing may be left half-written."""
    shutil.copytree(finished, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SURVEYAPP_HOME", str(tmp_path / "home"))
    yield tmp_path
    assert [p for p in tmp_path.rglob(".*") if p.is_file()] == []


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def done(*arguments: str) -> Result:
    result = run("microdata", "tiny-1", *arguments)
    assert result.exit_code == 0, result.output
    return result


def refused(*arguments: str) -> str:
    result = run("microdata", "tiny-1", *arguments)
    assert result.exit_code == 1, result.output
    return result.stderr


def files(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir() if p.is_file())


@pytest.mark.parametrize("ending", ["csv", "sav", "parquet", "xlsx"])
def test_data_lie_beside_their_codebook_and_are_their_owners_alone(office: Path, ending: str):
    said = done("--out", f"x.{ending}").output
    assert files(office) == [f"x.{name}" for name in sorted(["codebook.csv", "codebook.json", ending])]
    assert (office / f"x.{ending}").stat().st_mode & 0o777 == 0o600
    assert f"40 responses, 7 columns in x.{ending}" in said
    assert "Identifying columns: unit.region, kind; 6 or more share each combination of their values" in said


def test_the_answers_are_those_of_the_wave(office: Path):
    done("--out", "x.csv")
    frame = pd.read_csv(office / "x.csv")
    assert list(frame.columns) == ["kind", "sources.a", "sources.b", "sources.c", *_PARTNERS, "unit.region"]
    assert frame.groupby(["unit.region", "kind"]).size().to_dict() == {
        ("North", "no"): 6,
        ("North", "yes"): 14,
        ("South", "yes"): 20,
    }


_PARTNERS = ["partners.police", "partners.health"]


def test_a_deposit_is_one_file(office: Path):
    done("--out", "x.zip")
    assert files(office) == ["x.zip"]
    with zipfile.ZipFile(office / "x.zip") as archive:
        assert "ddi.xml" in archive.namelist()


def test_two_exports_are_the_same_bytes(office: Path):
    for name in ("one", "two"):
        done("--out", f"{name}/x.zip")
    assert (office / "one/x.zip").read_bytes() == (office / "two/x.zip").read_bytes()


def test_a_second_file_with_other_columns_is_refused_unless_the_first_went_to_nobody(office: Path):
    done("--out", "x.csv")
    other = ("--out", "y.csv", "--leave-out", "sources")
    assert "microdata of tiny-1 with other columns or bands exist" in refused(*other)
    assert not (office / "y.csv").exists()
    done(*other, "--beside-earlier")
    assert (office / "y.csv").exists()


def test_the_same_columns_in_another_format_are_no_second_file(office: Path):
    done("--out", "x.csv")
    done("--out", "x.sav")
    done("--out", "x.csv", "--values", "labels", "--multiple", "cell")
    assert {path.suffix for path in office.glob("x.*")} >= {".csv", ".sav"}


def test_a_file_that_could_not_be_written_counts_for_nothing(office: Path):
    (office / "folder.csv").mkdir()
    refused("--out", "folder.csv")
    done("--out", "x.csv", "--leave-out", "sources")
    assert (office / "x.csv").exists()


def test_tables_are_made_as_ever_beside_microdata(office: Path):
    done("--out", "x.csv")
    assert run("tables", "tiny-1", "--out", "x.json").exit_code == 0
    done("--out", "x.sav")


def test_no_word_of_an_open_answer_and_no_organisation_is_in_a_deposit(office: Path):
    done("--out", "x.zip")
    with zipfile.ZipFile(office / "x.zip") as archive:
        whole = b"".join(archive.read(name) for name in archive.namelist())
    assert b"Too few staff" not in whole
    assert b"U001" not in whole
    assert b"Team 1" not in whole


def test_labels_and_cells_are_chosen_by_options(office: Path):
    done("--out", "x.csv", "--values", "labels", "--multiple", "cell")
    rows = list(csv.reader(io.StringIO((office / "x.csv").read_bytes().decode(), newline="")))
    assert rows[0] == ["kind", "sources", *_PARTNERS, "unit.region"]
    assert rows[1] == ["Yes", "Option a | Option c", "More", "Less", "North"]


def test_leaving_out_and_merging(office: Path):
    done("--out", "x.sav", "--leave-out", "unit.region", "--leave-out", "sources", "--band", "kind=no+other")
    _, about = pyreadstat.read_sav(office / "x.sav", user_missing=True)
    assert about.column_names == ["kind", *_PARTNERS]
    assert about.variable_value_labels["kind"][2] == "No or Other"


@pytest.mark.parametrize("named", ["none", "kind", "sources,kind"])
def test_what_describes_the_organisation_can_be_said(office: Path, named: str):
    expected = {"none": [], "kind": ["kind"], "sources,kind": ["kind", "sources.a", "sources.b", "sources.c"]}
    done("--out", "x.csv", "--identifying", named)
    said = json.loads((office / "x.codebook.json").read_text())
    assert said["identifying"] == ["unit.region", *expected[named]]
    assert said["shared_by_at_least"] == 6


def test_a_refusal_lists_every_reason_and_writes_nothing(office: Path):
    said = refused("--out", "x.csv", "--leave-out", "regoin", "--band", "kind=no+nope")
    assert "the microdata: 2 problems" in said
    assert files(office) == []


def test_an_open_wave_is_refused(office: Path):
    db = connect(config.home().store)
    _, key, codes = make_wave(db, "tiny-2", make_all_types(version="2"))
    for code in codes.values():
        send(db, code, make_answers())
    reporting.open_tray(db, "tiny-2", key)
    with pytest.raises(SurveyError, match="still takes answers; close it first"):
        reporting.microdata(db, "tiny-2")
    db.close()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--out", "x.sav", "--values", "labels"], "--values and --multiple are not for .sav"),
        (["--out", "x.zip", "--multiple", "cell"], "--values and --multiple are not for .zip"),
        (["--out", "x.csv", "--band", "kind"], "is not VARIABLE=code+code"),
        (["--out", "x.csv", "--values", "words"], "is not one of"),
        ([], "Missing option '--out'"),
    ],
)
def test_wrong_usage(office: Path, arguments: list[str], words: str):
    result = run("microdata", "tiny-1", *arguments)
    assert result.exit_code == 2
    assert words in result.stderr


@pytest.mark.parametrize("name", ["x.doc", "x", "x.CSV"])
def test_another_ending_is_refused(office: Path, name: str):
    assert "is not a kind of file; end the name in .csv, .sav, .parquet, .xlsx or .zip" in refused("--out", name)
    assert files(office) == []


def test_an_unknown_wave_is_refused(office: Path):
    assert run("microdata", "tiny-9", "--out", "x.csv").exit_code == 1


def test_an_old_file_stays_when_the_new_one_is_refused(office: Path):
    done("--out", "x.csv")
    before: dict[str, Any] = {p.name: p.read_bytes() for p in office.iterdir() if p.is_file()}
    refused("--out", "x.csv", "--leave-out", "nope")
    assert before == {p.name: p.read_bytes() for p in office.iterdir() if p.is_file()}


def test_a_workbook_of_many_cells_says_what_is_quicker(office: Path, monkeypatch: pytest.MonkeyPatch):
    word = "A workbook of this size is slow to write and to open; .sav or .parquet takes a second\n"
    arguments = ("--out", "m.xlsx", "--identifying", "none", "--leave-out", "unit.region")
    assert word not in run("microdata", "tiny-1", *arguments).stderr
    monkeypatch.setattr("surveyapp.cli.tables._MANY_CELLS", 10)
    assert word in run("microdata", "tiny-1", *arguments).stderr
    assert word not in run("microdata", "tiny-1", "--out", "m.sav", *arguments[2:]).stderr
