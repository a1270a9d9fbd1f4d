"""Rules of the house that no linter knows. Each failure says what to do."""

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from surveyapp.schemas import contents

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "surveyapp").rglob("*.py"))


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def functions() -> Iterator[tuple[Path, ast.FunctionDef]]:
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef):
                yield path, node


def length(node: ast.FunctionDef) -> int:
    return (node.end_lineno or 0) - node.lineno + 1


def test_no_function_is_longer_than_60_lines():
    long = [f"{name(path)}:{node.lineno} {node.name}" for path, node in functions() if length(node) > 60]
    assert long == [], "split them"


def test_nine_functions_in_ten_have_30_lines_or_fewer():
    lengths = sorted(length(node) for _, node in functions())
    assert lengths[len(lengths) // 2] <= 12
    assert lengths[len(lengths) * 9 // 10] <= 30


def test_every_module_says_what_it_is():
    silent = [name(path) for path in SOURCES if not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))]
    assert silent == []


HOMES = {
    r"\brandom\.": {"surveyapp/demonstration/teams.py", "surveyapp/demonstration/reconstruction.py"},
    r"\bdatetime\.now\(|\bdate\.today\b|\btime\.time\(": {
        "surveyapp/cli/shared.py",
        "surveyapp/web/app.py",
        "surveyapp/web/cookies.py",
        "surveyapp/web/staff/app.py",
    },
    r"\bMarkup\(": set(),
    r"\bprint\(": set(),
    r"\bos\.environ": {"surveyapp/config.py", "surveyapp/export/__init__.py"},
    r"\bsecrets\.": {"surveyapp/privacy.py", "surveyapp/web/safety.py"},
}


@pytest.mark.parametrize("pattern", HOMES)
def test_what_may_stand_in_one_place_only_stands_there(pattern: str):
    """Clock, chance, environment and raw markup come in as arguments; move the line to its home."""
    found = {name(path) for path in SOURCES if re.search(pattern, path.read_text(encoding="utf-8"))}
    assert found <= HOMES[pattern]


def test_a_web_worker_starts_without_pandas():
    heavy = "('pandas', 'numpy', 'openpyxl')"
    code = f"import sys, surveyapp.web.staff; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize("file", contents())
def test_the_schemas_are_those_of_the_code(file: str):
    assert (ROOT / file).read_bytes() == contents()[file], "run `make schemas`"


@pytest.mark.parametrize("file", sorted(ROOT.glob("instruments/*/*.json")), ids=name)
def test_every_questionnaire_in_the_repository_is_valid(file: Path):
    from surveyapp.instrument import read_instrument

    instrument = read_instrument(file.read_bytes())
    assert instrument.name == f"{file.parent.name}@{file.stem}"


@pytest.mark.parametrize("file", sorted(ROOT.glob("exports/*-*.json")), ids=name)
def test_every_plan_in_the_repository_fits_its_questionnaire(file: Path):
    from surveyapp.analysis.plans import read_plan
    from surveyapp.instrument import read_instrument

    survey = json.loads(file.read_bytes())["survey"]
    year = file.stem.split("-")[1]
    newest = next((ROOT / "instruments" / survey).glob(f"{year}*.json"))
    assert read_plan(file.read_bytes(), read_instrument(newest.read_bytes())).tables


def test_no_machine_and_no_registry_is_named_in_the_repository():
    tracked = subprocess.run(
        ["git", "ls-files"], capture_output=True, text=True, cwd=ROOT, check=False
    ).stdout.split()
    paths = re.compile(r"(?<![\w.])/(?:home|root|work)/\w|files\.pythonhosted|pypi\.org|registry\.npmjs", re.ASCII)
    texts = [
        p for p in tracked if p.endswith((".py", ".md", ".toml", ".lock", ".txt", ".json", ".sh", ".html", ".yml"))
    ]
    found = [
        p for p in texts if paths.search((ROOT / p).read_text(encoding="utf-8")) and p != name(Path(__file__))
    ]
    assert found == []


def test_what_is_pinned_is_pinned_with_hashes():
    for file in ("requirements.lock", "requirements-test.lock"):
        text = (ROOT / file).read_text(encoding="utf-8")
        pins = re.findall(r"^([a-z0-9][\w.-]*)==", text, re.MULTILINE)
        assert len(pins) > 20
        assert text.count("--hash=sha256:") >= len(pins)


def test_migrations_are_never_edited():
    """A published migration has run somewhere. Write a new one, and add its hash here."""
    import hashlib

    known = json.loads((ROOT / "tests/code/migrations.json").read_text(encoding="utf-8"))
    found = {
        p.name: hashlib.sha256(p.read_bytes()).hexdigest()[:16]
        for p in sorted((ROOT / "migrations/versions").glob("*.py"))
    }
    assert found == known
