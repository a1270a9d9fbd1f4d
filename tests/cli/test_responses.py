"""Returns at the command line: a file that comes twice, and the screen for paper returns on this machine alone."""

import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from http.cookiejar import CookieJar
from pathlib import Path
from urllib.parse import urlencode

from click.testing import CliRunner, Result

from surveyapp.cli import main
from surveyapp.config import Home
from surveyapp.storage.database import connect
from tests.makers import make_document, make_question, make_wave

PROGRAMME = Path(sys.executable).with_name("surveyapp")


def make_home_with_wave(home: Home, questions: int = 40) -> None:
    db = connect(home.database)
    document = make_document([make_question(id=f"q{i}") for i in range(questions)])
    make_wave(db, document=document, anyone=True, carry=None)
    db.close()


def load(home: Home, file: Path, *more: str) -> Result:
    return CliRunner().invoke(main, ["--home", str(home.path), "responses", "load", "tiny-1", str(file), *more])


def returns(path: Path, n: int) -> Path:
    rows = [",".join("yes" if i * row % 3 else "no" for i in range(40)) for row in range(n)]
    path.write_text("\n".join([",".join(f"q{i}" for i in range(40)), *rows]))
    return path


def test_a_file_that_comes_twice_is_refused_with_a_clear_word(home: Home, tmp_path: Path) -> None:
    make_home_with_wave(home)
    file = returns(tmp_path / "returns.csv", 12)
    assert load(home, file).stdout == "12 returns in the tray of tiny-1\n"
    again = load(home, file)
    assert (again.exit_code, again.stdout) == (1, "")
    assert "a file with the same returns was loaded into tiny-1 before, and nothing was loaded now" in again.stderr
    assert load(home, file, "--again").exit_code == 0


def test_a_file_that_is_too_short_to_be_known_again_is_said_to_be(home: Home, tmp_path: Path) -> None:
    make_home_with_wave(home)
    said = load(home, returns(tmp_path / "returns.csv", 3)).stdout
    assert (
        said
        == "3 returns in the tray of tiny-1\nDo not load this file twice: it is too short to be known again.\n"
    )


def test_the_key_of_the_fingerprints_is_private_and_not_in_the_database(home: Home, tmp_path: Path) -> None:
    make_home_with_wave(home)
    load(home, returns(tmp_path / "returns.csv", 12))
    key = home.keys / "returns"
    assert key.stat().st_mode & 0o777 == 0o600
    assert key.read_bytes() not in home.database.read_bytes()


def test_the_screen_is_served_to_whoever_has_the_address_until_it_is_stopped(home: Home) -> None:
    make_home_with_wave(home)
    command = [str(PROGRAMME), "--home", str(home.path), "responses", "enter", "tiny-1", "--port", "8871"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as serving:
        try:
            assert serving.stdout is not None
            found = re.search(r"(http://127\.0\.0\.1:8871/)#([0-9A-Z-]{23})", serving.stdout.readline())
            assert found
            address, code = found.groups()
            visitor = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
            door = opened(visitor, address)
            token = re.search(r'name="csrf_token" value="([^"]+)"', door)
            assert token
            assert "Key a return" not in door
            form = urlencode({"csrf_token": token[1], "code": code}).encode()
            assert "Key a return" in opened(visitor, address, form)
        finally:
            serving.terminate()
        assert serving.wait(timeout=20) == 0


def opened(visitor: urllib.request.OpenerDirector, address: str, form: bytes | None = None) -> str:
    """The page, as soon as the server is up."""
    for _ in range(100):
        try:
            with visitor.open(address, form, timeout=5) as answer:
                return str(answer.read().decode())
        except ConnectionError:
            time.sleep(0.1)
        except urllib.error.URLError as error:
            if not isinstance(error.reason, ConnectionError):
                raise
            time.sleep(0.1)
    raise AssertionError("the server did not come up")
