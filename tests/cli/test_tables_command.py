"""The command `tables` on a small wave: editions, the manifest, and the same file twice."""

import hashlib
import json
import zipfile
from pathlib import Path

import docx
import openpyxl
import pytest
from click.testing import CliRunner, Result

from surveyapp import campaigning, engines, reporting, returning
from surveyapp.cli import main
from surveyapp.config import Home
from surveyapp.storage.database import connect
from tests.makers import TODAY, make_all_types, make_wave


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with an installation: a wave of 20 answers, closed and released."""
    monkeypatch.chdir(tmp_path)
    home = Home(tmp_path / "home").make()
    monkeypatch.setenv("SURVEYAPP_HOME", str(home.path))
    db = connect(home.database)
    wave, key, _ = make_wave(db, document=make_all_types())
    rows = "kind,region\n" + "".join(
        f"{'yes' if i % 3 else 'no'},{('North', 'South')[i % 2]}\n" for i in range(20)
    )
    returning.load_returns(db, wave.name, "a.csv", rows.encode(), TODAY)
    campaigning.close_wave(db, wave.name, TODAY)
    reporting.open_tray(db, wave.name, key)
    db.close()
    return tmp_path


def run(*command: str) -> Result:
    result = CliRunner().invoke(main, ["tables", "tiny-1", *command])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def test_the_published_edition_is_written_unless_another_is_asked_for(office: Path):
    assert run("--out", "X.xlsx").exit_code == 0
    assert run("--out", "Y.xlsx", "--edition", "analyst").exit_code == 0
    assert "Figures" not in openpyxl.load_workbook("X.xlsx").sheetnames
    assert openpyxl.load_workbook("Y.xlsx").sheetnames[-3:] == ["Checks", "Figures", "Paths"]
    assert not list(Path().glob("*.json"))


def test_an_unknown_edition_is_wrong_usage(office: Path):
    assert run("--out", "X.xlsx", "--edition", "draft").exit_code == 2


def test_the_manifest_has_the_hash_of_the_file(office: Path):
    assert run("--out", "X.xlsx", "--manifest").exit_code == 0
    found = json.loads(Path("X.manifest.json").read_text(encoding="utf-8"))
    assert found["sha256"] == hashlib.sha256(Path("X.xlsx").read_bytes()).hexdigest()
    assert (found["file"], found["edition"], found["wave"], found["responses"]) == (
        "X.xlsx",
        "published",
        "tiny-1",
        20,
    )


@pytest.mark.parametrize("edition", ["published", "analyst"])
def test_the_same_answers_give_the_same_file(office: Path, edition: str):
    run("--out", "X.xlsx", "--edition", edition, "--manifest")
    run("--out", "Y.xlsx", "--edition", edition)
    assert Path("X.xlsx").read_bytes() == Path("Y.xlsx").read_bytes()


def test_the_appendix_in_word_is_written_with_charts_and_questionnaire(office: Path):
    done = run("--out", "X.docx", "--charts", "--annotated")
    assert done.exit_code == 0
    assert "writing X.docx …" in done.stderr
    paper = docx.Document("X.docx")
    assert len(paper.inline_shapes) > 0
    assert "Questionnaire with results" in [p.text for p in paper.paragraphs]


def test_a_zip_has_the_charts(office: Path):
    assert run("--out", "X.zip").exit_code == 0
    with zipfile.ZipFile("X.zip") as archive:
        assert {"Table_1.svg", "Table_1.png", "charts.txt"} <= set(archive.namelist())


@pytest.mark.parametrize("flag", ["--charts", "--annotated"])
def test_what_is_of_a_word_document_is_wrong_usage_elsewhere(office: Path, flag: str):
    done = run("--out", "X.xlsx", flag)
    assert done.exit_code == 2
    assert "end the name in .docx" in done.stderr
    assert not Path("X.xlsx").exists()


def test_an_engine_writes_the_same_figures(office: Path):
    assert run("--out", "X.json").exit_code == 0
    assert run("--out", "Y.json", "--engine", "duckdb").exit_code == 0
    assert Path("X.json").read_bytes() == Path("Y.json").read_bytes()
    assert (office / "home" / "released" / "tiny-1.parts" / "00000.parquet").exists()
    assert CliRunner().invoke(main, ["why", "tiny-1", "--engine", "duckdb"]).output == "Nothing is hidden.\n"


def test_an_engine_that_is_not_installed_is_refused_with_what_to_install(
    office: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(engines.PACKAGES, "dask", "not_there_at_all")
    done = run("--out", "X.json", "--engine", "dask")
    assert done.exit_code == 1
    assert "install it with: pip install 'surveyapp[scale]'" in done.stderr
    assert not Path("X.json").exists()


def test_a_scheduler_without_dask_is_wrong_usage(office: Path):
    done = run("--out", "X.json", "--engine", "duckdb", "--scheduler", "tcp://localhost:8786")
    assert done.exit_code == 2
    assert "say --engine dask with it" in done.stderr
