"""The files that a real installation is set up with: what they promise, and that the programmes take them."""

import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from http.client import HTTPConnection
from pathlib import Path

import pytest

from surveyapp.config import SETTINGS
from tests.makers import make_home, said

ROOT = Path(__file__).parents[2]
FILES = ROOT / "docs/deployment"
UNITS = sorted(FILES.glob("*.service"))


def test_every_setting_is_in_the_manual() -> None:
    manual = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
    assert [name for name in SETTINGS if f"| `{name}` |" not in manual] == []


def test_every_setting_that_is_read_is_in_the_list() -> None:
    sources = [ROOT / "wsgi.py", *(ROOT / "surveyapp").rglob("*.py")]
    read = {name for file in sources for name in re.findall(r"SURVEYAPP_[A-Z_]+[A-Z]", file.read_text("utf-8"))}
    assert read == set(SETTINGS)


def test_the_units_set_no_setting_that_there_is_not() -> None:
    for file in (*UNITS, FILES / "nginx.conf"):
        named = set(re.findall(r"SURVEYAPP_[A-Z_]+", file.read_text(encoding="utf-8")))
        assert named <= set(SETTINGS), file.name


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_a_unit_shuts_its_programme_in(unit: Path) -> None:
    text = unit.read_text(encoding="utf-8")
    for line in ("User=surveyapp", "UMask=0077", "NoNewPrivileges=yes", "ProtectSystem=strict", "LimitCORE=0"):
        assert f"\n{line}\n" in text, f"{unit.name} lacks {line}"
    assert "password" not in re.sub(r"#.*", "", text).lower().replace("password_file", "")


@pytest.mark.parametrize("name", ["web", "worker"])
def test_what_serves_is_begun_again_for_as_long_as_the_store_is_away(name: str) -> None:
    """systemd gives up after five starts within ten seconds, where nobody tells it otherwise."""
    text = (FILES / f"surveyapp-{name}.service").read_text(encoding="utf-8")
    about, _, service = text.partition("[Service]")
    assert "\nStartLimitIntervalSec=0\n" in about
    assert "\nRestart=on-failure\nRestartSec=5\n" in service


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="there is no systemd here to ask")
def test_systemd_takes_every_unit(tmp_path: Path) -> None:
    """With programmes that are here in place of those that an installation has."""
    for unit in (*UNITS, FILES / "surveyapp-daily.timer", FILES / "surveyapp-web.socket"):
        text = re.sub(r"/opt/surveyapp/\.venv/bin/\w+", "/bin/true", unit.read_text(encoding="utf-8"))
        (tmp_path / unit.name).write_text(text.replace("WorkingDirectory=/opt/surveyapp", "WorkingDirectory=/"))
    for unit in sorted(tmp_path.iterdir()):
        done = subprocess.run(
            ["systemd-analyze", "verify", "--man=no", str(unit)], capture_output=True, text=True, check=False
        )
        assert unit.name not in done.stderr, done.stderr


def test_nginx_writes_nothing_about_a_visit() -> None:
    text = (FILES / "nginx.conf").read_text(encoding="utf-8")
    plain = re.sub(r"#.*", "", text)
    servers = plain.split("server {")[1:]
    assert len(servers) == 2
    for server in servers:
        assert "access_log off;" in server
        assert re.search(r"error_log \S+ crit;", server), "anything less would name addresses and paths"
    assert not re.search(r"access_log (?!off)", plain)
    locations = [each for each in plain.split("location ")[1:] if "proxy_pass" in each]
    assert len(locations) == 3
    for location in locations:
        assert 'proxy_set_header X-Forwarded-For "";' in location
        assert "proxy_set_header Host $host;" in location, "the site compares the origin of a form with it"
    assert "proxy_max_temp_file_size 0;" in plain
    assert "ssl_protocols TLSv1.2 TLSv1.3;" in plain


def test_gunicorn_serves_with_its_file_and_goes_in_peace(tmp_path: Path) -> None:
    """Both sites are there, nothing is logged of a visit, and a stop lets go of the port with no error."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    home = make_home(tmp_path)
    log = tmp_path / "log"
    command = [sys.executable, "-m", "gunicorn", "--config", str(FILES / "gunicorn.conf.py")]
    with log.open("wb") as out:
        serving = subprocess.Popen(
            [*command, "--bind", f"127.0.0.1:{port}", "wsgi:app"],
            cwd=ROOT,
            env={"SURVEYAPP_HOME": str(home.path), "PATH": "/usr/bin:/bin"},
            stdout=out,
            stderr=out,
        )
    try:
        assert _status(port, "/health") == 200
        assert _status(port, "/ready") == 200
        assert _status(port, "/staff/sign-in") == 200
    finally:
        serving.send_signal(signal.SIGTERM)
        assert serving.wait(30) == 0
    assert said(log.read_text()) == ""


def test_gunicorn_says_in_a_line_that_the_store_is_away_and_ends(tmp_path: Path) -> None:
    """With a code that is a failure to systemd, which begins it again."""
    home = make_home(tmp_path)
    address = f"postgresql+psycopg://surveyapp@/surveyapp?host={tmp_path}"
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "gunicorn",
            "--config",
            str(FILES / "gunicorn.conf.py"),
            "--bind=127.0.0.1:0",
            "wsgi:app",
        ],
        cwd=ROOT,
        env={"SURVEYAPP_HOME": str(home.path), "SURVEYAPP_DATABASE_URL": address, "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 3
    assert "cannot be used as a database" in done.stderr
    assert "Traceback" not in done.stderr


def _status(port: int, path: str) -> int:
    for _ in range(200):
        try:
            connection = HTTPConnection("127.0.0.1", port, timeout=10)
            connection.request("GET", path)
            return connection.getresponse().status
        except ConnectionRefusedError:
            time.sleep(0.1)
        finally:
            connection.close()
    raise AssertionError("nothing answers")
