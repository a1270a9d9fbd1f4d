"""The coding commands in the order in which an office uses them, and refused."""

import io
import json
from collections.abc import Mapping
from pathlib import Path

import openpyxl
import pytest
from click.testing import CliRunner, Result

from surveyapp import campaigning, reporting, returning
from surveyapp.cli import main
from surveyapp.config import Home
from surveyapp.storage.database import connect
from tests.makers import TODAY, make_all_types, make_codeframe, make_wave


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a codeframe and an installation: a wave of 20, closed and released, three of them in words."""
    monkeypatch.chdir(tmp_path)
    home = Home(tmp_path / "home").make()
    monkeypatch.setenv("SURVEYAPP_HOME", str(home.path))
    db = connect(home.database)
    wave, key, _ = make_wave(db, document=make_all_types())
    said = ["The grant ends.", "Posts at Team 7 are empty.", "Grant and posts.", *[""] * 17]
    regions = ("North", "South") * 10
    rows = "kind,issues,region\n" + "".join(f"yes,{w},{r}\n" for w, r in zip(said, regions, strict=True))
    returning.load_returns(db, wave.name, "a.csv", rows.encode(), TODAY)
    campaigning.close_wave(db, wave.name, TODAY)
    reporting.open_tray(db, wave.name, key)
    db.close()
    Path("issues.json").write_text(json.dumps(make_codeframe()))
    return tmp_path


def run(*command: str, typed: str = "") -> Result:
    result = CliRunner().invoke(main, ["coding", *command], input=typed)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def done(*command: str, typed: str = "") -> str:
    result = run(*command, typed=typed)
    assert result.exit_code == 0, result.stderr
    return result.stdout


def refused(*command: str, typed: str = "") -> str:
    result = run(*command, typed=typed)
    assert result.exit_code == 1
    return result.stderr


def fill(file: str, given: Mapping[str, Mapping[str, object]]) -> None:
    """Write into the cells of a sheet, by the words of the row and the code or name of the column."""
    book = openpyxl.load_workbook(io.BytesIO(Path(file).read_bytes()))
    tab = book.worksheets[0]
    top = next(cell.row for cell in tab["A"] if cell.value == "Answer")
    columns = [str(cell.value).partition(": ")[0] for cell in tab[top]]
    for row in tab.iter_rows(min_row=top + 1):
        cells = dict(zip(columns, row, strict=True))
        for column, value in given.get(str(cells["Words"].value), {}).items():
            cells[column].value = value
    book.save(file)


def code(coder: str, given: Mapping[str, str]) -> str:
    done("sheet", "tiny-1", "issues", "--coder", coder, "--out", f"{coder}.xlsx")
    fill(f"{coder}.xlsx", {words: dict.fromkeys(codes.split(), 1) for words, codes in given.items()})
    return done("load", "tiny-1", f"{coder}.xlsx")


BY_A = {"The grant ends.": "money", "Posts at Team 7 are empty.": "staff", "Grant and posts.": "money staff"}


def test_from_a_codeframe_to_cleared_quotations(office: Path) -> None:
    assert done("codeframe", "tiny-1", "issues.json") == "issues@1 put on tiny-1; 2 themes to code with\n"
    assert (
        done("codeframe", "tiny-1", "issues.json") == "issues@1 is on it already: tiny-1; 2 themes to code with\n"
    )
    assert code("A", BY_A) == "issues: 3 answers coded by a, 0 left blank\n"
    assert "agreement needs two coders" in refused("agreement", "tiny-1", "issues")
    code("B", BY_A | {"Grant and posts.": "money"})
    shown = done("agreement", "tiny-1", "issues")
    assert shown.startswith("a and b: 3 answers coded by both, the same themes on 2\n")
    found = json.loads(done("agreement", "tiny-1", "issues", "--json"))
    assert [theme["kappa"] for theme in found["pairs"][0]["themes"]] == [1.0, pytest.approx(0.4)]

    done("settle", "tiny-1", "issues", "--out", "settle.xlsx")
    fill("settle.xlsx", {"Grant and posts.": {"staff": 1}})
    assert done("settle", "tiny-1", "issues", "--load", "settle.xlsx") == "issues: 1 answer decided, 0 left open\n"
    assert "3 settled, 0 in dispute, 0 not coded, 0 quotations cleared" in done("codeframe", "tiny-1")

    done("quotations", "tiny-1", "issues", "--sheet", "quote.xlsx")
    fill("quote.xlsx", {"Posts at Team 7 are empty.": {"Quote under": "staff"}})
    load = ("quotations", "tiny-1", "issues", "--load", "quote.xlsx")
    assert refused(*load, typed="n\n").endswith("nothing was changed\n")
    assert done("quotations", "tiny-1", "issues") == ""
    shown = "Staff\n  “Posts at [organisation] are empty.”\n  Survey respondent\n\n"
    assert done(*load, typed="y\n").startswith(shown), "the frame's own names are taken out"
    assert done("quotations", "tiny-1", "issues") == shown
    assert done("quotations", "tiny-1", "issues", "--out", "q.json") == "1 quotation in q.json\n"
    assert json.loads(Path("q.json").read_text())["quotations"][0]["attribution"] == "Survey respondent"


def test_a_newer_version_says_what_is_to_be_done_again(office: Path) -> None:
    done("codeframe", "tiny-1", "issues.json")
    code("A", BY_A)
    themes = [
        {"code": c, "label": c.title(), "definition": f"About {c}."} for c in ("cuts", "delays", "staff", "sun")
    ]
    was = {"version": "1", "themes": {"money": ["cuts", "delays"]}}
    Path("newer.json").write_text(json.dumps(make_codeframe(version="2", themes=themes, was=was)))
    result = run("codeframe", "tiny-1", "newer.json")
    assert result.stdout.splitlines()[1] == "3 codings carried over, 2 to be looked at again"
    assert result.stderr == "No coder has looked for: sun\n"


def test_a_faulty_codeframe_is_refused_with_its_lines(office: Path) -> None:
    Path("faulty.json").write_text(json.dumps(make_codeframe(questions=["isues"]), indent=1))
    assert refused("codeframe", "tiny-1", "faulty.json").splitlines() == [
        "faulty.json: 1 problem",
        '  line 7, /questions/0: "isues" holds no words in tiny@1; did you mean "issues"?',
    ]


def test_a_faulty_sheet_is_refused_with_its_cells(office: Path) -> None:
    done("codeframe", "tiny-1", "issues.json")
    done("sheet", "tiny-1", "issues", "--coder", "A", "--out", "A.xlsx")
    fill("A.xlsx", {words: {"money": "perhaps"} for words in BY_A})
    assert refused("load", "tiny-1", "A.xlsx").splitlines() == [
        "A.xlsx: 3 problems",
        *[f"  Coding!D{row}: “perhaps” is neither 1 nor 0; write one of them" for row in (5, 6, 7)],
    ]
    assert "0 settled, 0 in dispute, 3 not coded" in done("codeframe", "tiny-1")


def test_sheets_with_answers_are_readable_by_their_owner_alone(office: Path) -> None:
    done("codeframe", "tiny-1", "issues.json")
    done("sheet", "tiny-1", "issues", "--coder", "A", "--out", "A.xlsx")
    assert Path("A.xlsx").stat().st_mode & 0o777 == 0o600
