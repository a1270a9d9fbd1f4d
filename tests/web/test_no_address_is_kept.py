"""Nothing on the disk says from which address anybody came: there is no limiter that would have to remember it."""

import hashlib
import hmac
import ipaddress
import json
import signal
import socket
import sqlite3
from collections.abc import Iterable
from pathlib import Path

from flask import Flask, request

from tests.web.conftest import Site
from tests.web.test_server import POST
from tests.web.test_silence import Served, served

__all__ = ["served"]

ADDRESS, FORWARDED = "127.77.3.17", "192.0.2.117"
WRONG = "code=7K4QX-9M2PB-0WDTE-HR63Y"


def test_whoever_guesses_codes_leaves_no_address_in_any_file(served: Served):
    """From the address of the connection and from the one that a proxy tells; before the server ends and after."""
    for _ in range(20):
        ask(served.port, f"{POST}Content-Length: {len(WRONG)}\r\nX-Forwarded-For: {FORWARDED}\r\n\r\n{WRONG}")
        ask(served.port, f"GET / HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: {FORWARDED}\r\nConnection: close\r\n\r\n")
    keys = secrets_of(served.home)
    assert len(keys) >= 3
    assert traces([served.home, served.temporary, served.log], keys) == []
    served.process.send_signal(signal.SIGTERM)
    served.process.wait(30)
    assert traces([served.home, served.temporary, served.log], keys) == []


def test_a_limiter_that_remembers_would_be_found(site: Site, tmp_path: Path):
    """In a file, in the database, hashed, hashed with a key of the server: however it is kept."""
    keys = secrets_of(site.home.path)
    remember(site.app, site.home.path, keys[0])
    site.visitor().client.get("/", environ_base={"REMOTE_ADDR": ADDRESS})
    site.db.close()
    assert traces([site.home.path], keys) == [
        "seen.json: SHA-256",
        "surveyapp.db: as bytes",
        "surveyapp.db: as text",
        "surveyapp.db: with a key of the server",
    ]


def ask(port: int, words: str) -> None:
    """One request from an address of its own."""
    with socket.create_connection(("127.0.0.1", port), timeout=20, source_address=(ADDRESS, 0)) as client:
        client.sendall(words.encode())
        while client.recv(65_536):
            pass


def secrets_of(home: Path) -> list[bytes]:
    """The secrets that the server made."""
    return [path.read_bytes() for path in sorted((home / "keys").iterdir())]


def traces(places: Iterable[Path], keys: Iterable[bytes]) -> list[str]:
    """Files that hold one of the addresses, and in which guise."""
    files = [file for place in places for file in ([place] if place.is_file() else place.rglob("*"))]
    guises = [guise for address in (ADDRESS, FORWARDED) for guise in disguised(address, keys)]
    read = {file.name: file.read_bytes() for file in files if file.is_file()}
    return sorted({f"{name}: {how}" for name, content in read.items() for how, it in guises if it in content})


def disguised(address: str, keys: Iterable[bytes]) -> list[tuple[str, bytes]]:
    """An address as it could be kept."""
    text, packed = address.encode(), ipaddress.ip_address(address).packed
    digests = [
        ("SHA-256", hashlib.sha256(text)),
        *(("with a key of the server", _keyed(key, text)) for key in keys),
    ]
    plain = [("as text", text), ("as bytes", packed), ("as bytes", packed.hex().encode())]
    return plain + [(how, form) for how, it in digests for form in (it.digest()[:8], it.hexdigest()[:16].encode())]


def _keyed(key: bytes, text: bytes) -> hmac.HMAC:
    return hmac.new(key, text, "sha256")


def remember(app: Flask, home: Path, key: bytes) -> None:
    """What a limiter that lasts would do."""

    @app.before_request
    def _count() -> None:
        text = (request.remote_addr or "").encode()
        (home / "seen.json").write_text(json.dumps({hashlib.sha256(text).hexdigest(): 1}))
        with sqlite3.connect(home / "surveyapp.db") as connection:
            connection.execute("CREATE TABLE seen (address, packed, token)")
            packed = ipaddress.ip_address(text.decode()).packed
            connection.execute(
                "INSERT INTO seen VALUES (?, ?, ?)", [text.decode(), packed, _keyed(key, text).digest()]
            )
        connection.close()
