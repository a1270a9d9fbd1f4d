"""A site as the manual sets it up: nginx with TLS in front, as its file stands; a node behind it; PostgreSQL."""

import os
import re
import shutil
import socket
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from surveyapp import campaigning
from surveyapp.config import Home
from surveyapp.storage.postgres import Postgres
from tests.makers import make_answers, make_wave
from tests.web.nodes import ROOT, Browser, node

PROGRAMMES = "/usr/sbin:/usr/bin:/bin"

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.skipif(not shutil.which("nginx", path=PROGRAMMES), reason="there is no nginx here"),
]

FILE = ROOT / "docs/deployment/nginx.conf"

AROUND = """
daemon off;
worker_processes 1;
pid {folder}/pid;
error_log {folder}/logs/error.log;
events {{ }}
http {{
    access_log {folder}/logs/access.log;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/site.conf;
}}
"""
"""Debian's own file in short: it logs each request, where a site does not say otherwise."""


@dataclass
class Front:
    """A running nginx: its two ports, its folder, and the certificate to trust."""

    folder: Path
    plain: int
    tls: int
    certificate: Path

    def ask(self, path: str, body: bytes | None = None, **headers: str) -> tuple[int, str]:
        """Status and page of one request over TLS."""
        trusted = ssl.create_default_context(cafile=self.certificate)
        request = urllib.request.Request(f"https://127.0.0.1:{self.tls}{path}", body, headers)
        try:
            with urllib.request.urlopen(request, timeout=60, context=trusted) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()


@pytest.fixture
def codes(postgres: Postgres) -> dict[str, str]:
    return make_wave(postgres)[2]


@pytest.fixture
def front(postgres: Postgres, codes: dict[str, str], home: Home, tmp_path: Path) -> Iterator[Front]:
    with (
        node(Home(home.path, postgres.place).make(), secure=True) as behind,
        in_front(tmp_path / "nginx", behind) as found,
    ):
        yield found


@contextmanager
def in_front(folder: Path, behind: int) -> Iterator[Front]:
    """nginx before a port of this machine."""
    found = _set_up(folder, behind)
    command = ["nginx", "-p", str(found.folder), "-c", str(found.folder / "nginx.conf")]
    running = subprocess.Popen(command, stderr=subprocess.DEVNULL, env={"PATH": PROGRAMMES})
    try:
        _wait(found.tls)
        yield found
    finally:
        running.terminate()
        running.wait(30)


def _set_up(folder: Path, behind: int) -> Front:
    """The file as it stands, but for what belongs to one machine: ports, certificate, the place of its log."""
    (folder / "logs").mkdir(parents=True)
    certificate, key, plain, tls = folder / "cert.pem", folder / "key.pem", _free(), _free()
    names = "-subj /CN=survey.example.org -addext subjectAltName=DNS:survey.example.org,IP:127.0.0.1"
    how = f"req -x509 -newkey rsa:2048 -nodes -days 2 {names} -keyout {key} -out {certificate}"
    subprocess.run(["openssl", *how.split()], check=True, capture_output=True)
    text = FILE.read_text(encoding="utf-8")
    for stands, here in {
        "    listen [::]:80;\n": "",
        "    listen [::]:443 ssl http2;\n": "",
        "listen 80;": f"listen 127.0.0.1:{plain};",
        "listen 443 ": f"listen 127.0.0.1:{tls} ",
        "/etc/letsencrypt/live/survey.example.org/fullchain.pem": str(certificate),
        "/etc/letsencrypt/live/survey.example.org/privkey.pem": str(key),
        "/var/log/nginx/": f"{folder}/logs/",
        "http://127.0.0.1:8000": f"http://127.0.0.1:{behind}",
    }.items():
        assert stands in text, f"{FILE.name} has no {stands!r} any more"
        text = text.replace(stands, here)
    (folder / "site.conf").write_text(text)
    (folder / "nginx.conf").write_text(AROUND.format(folder=folder))
    return Front(folder, plain, tls, certificate)


def _free() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def _wait(port: int) -> None:
    for _ in range(200):
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise AssertionError("nginx does not listen")


def test_a_visit_over_tls_reaches_the_tray_and_leaves_no_trace_in_front(
    front: Front, codes: dict[str, str], postgres: Postgres
) -> None:
    browser = Browser([front.tls], front.certificate)
    browser.get("/")
    browser.post("/answer", code=codes["U001"])
    answers = make_answers(issues="CANARY in front")
    browser.get("/answer/page/p1")
    browser.post("/answer/page/p1", kind=answers["kind"], sources=answers["sources"])
    browser.post("/answer/page/p2", **{name: answers[name] for name in ("partners.police", "issues")})
    assert "CANARY in front" in browser.get("/answer/check")
    (cookie,) = browser.jar
    assert (cookie.name, cookie.secure) == ("__Host-answer", True)
    assert "Thank you" in browser.post("/answer/send")
    assert campaigning.status(postgres, "tiny-1").tray == 1

    written = {file for file in front.folder.rglob("*") if file.is_file() and file.stat().st_size}
    assert {file.name for file in written} == {"cert.pem", "key.pem", "nginx.conf", "site.conf", "pid"}
    assert (front.folder / "logs/access.log").exists(), "where nginx would write by itself"


def test_plain_http_leads_to_tls_and_says_so_for_a_year(front: Front) -> None:
    with pytest.raises(urllib.error.HTTPError) as moved:
        urllib.request.build_opener(_Stay()).open(f"http://127.0.0.1:{front.plain}/answer?lang=cy", timeout=30)
    assert moved.value.code == 301
    assert moved.value.headers["Location"] == "https://survey.example.org/answer?lang=cy"
    moved.value.close()
    browser = Browser([front.tls], front.certificate)
    with browser.opener.open(f"https://127.0.0.1:{front.tls}/", timeout=30) as page:
        assert page.headers["Strict-Transport-Security"] == "max-age=31536000"
        assert "nginx/" not in page.headers["Server"]


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        return None


def test_a_form_from_elsewhere_is_refused_and_one_from_here_is_not(front: Front) -> None:
    """The site compares the origin with its own name, which nginx hands on."""
    kind = {"Content-Type": "application/x-www-form-urlencoded", "Host": "survey.example.org"}
    assert front.ask("/answer", b"code=x", Origin="https://evil.example.org", **kind)[0] == 403
    status, page = front.ask("/answer", b"code=x", Origin="https://survey.example.org", **kind)
    assert (status, "Your visit has timed out" in page) == (400, True)  # it lacks the token of a visitor


def test_whether_the_site_is_ready_is_for_this_machine(front: Front) -> None:
    assert front.ask("/ready") == (200, "ready\n")


def test_what_is_too_long_is_refused_with_words(front: Front) -> None:
    """By the site as far as it is asked, by nginx beyond."""
    assert "That is too large" in front.ask("/answer", b"x" * 7_000_000)[1]
    for size, path, words in (
        (1_100_000, "/answer", "too"),
        (4_900_000, "/answer/upload", "Your visit has ended"),
    ):
        assert words in front.ask(path, b"x" * size)[1], path


def test_while_nobody_answers_behind_it_nginx_says_what_to_do(tmp_path: Path) -> None:
    with in_front(tmp_path / "nginx", _free()) as front:
        status, page = front.ask("/answer/page/p1", b"issues=long")
    assert (status, "Go back: what you typed is still there" in page) == (503, True)


@pytest.mark.skipif(os.getuid() != 0, reason="only nginx of its own user can be kept from its folder")
def test_nothing_that_staff_hand_in_is_put_on_the_disk_in_front(front: Front) -> None:
    """A file of returns holds answers. nginx cannot reach its folder here: it would answer 500 if it tried."""
    status, page = front.ask("/staff/sign-in", b"x=" + b"y" * 3_000_000)
    assert status in {400, 403, 413}
    assert re.search("<h1", page), "the site's own page"
