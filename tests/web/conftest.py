"""A site with one wave in the field, and visitors whose browsers run no scripts."""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import unescape
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from surveyapp import privacy
from surveyapp.config import Home
from surveyapp.storage import people
from surveyapp.storage.database import Database, connect
from surveyapp.storage.waves import Wave
from surveyapp.web import create_app
from tests.makers import TODAY, in_tray, make_answers, make_wave, normal, send

Fields = Mapping[str, str | Sequence[str]]

GATE = {"question": "q1", "is": "yes"}
"""The condition of a question that is asked only after a yes."""

_TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')
_HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)">')


class Visitor:
    """One browser: its cookies, and the token and hidden fields of the last form it was shown."""

    def __init__(self, app: Flask) -> None:
        self.client = app.test_client()
        self.token = ""
        self.hidden: dict[str, list[str]] = {}

    def get(self, path: str, **more: Any) -> TestResponse:
        """Open a page."""
        return self._seen(self.client.get(path, **more))

    def post(self, path: str, fields: Fields | None = None, **more: Any) -> TestResponse:
        """Send a form of ours, with the token and the hidden fields of the last page."""
        data = {**self.hidden, "csrf_token": self.token, **(fields or {})}
        return self._seen(self.client.post(path, data=data, **more))

    def post_raw(self, path: str, body: str, **more: Any) -> TestResponse:
        """Send an encoded form as it stands, after the token."""
        kind = "application/x-www-form-urlencoded"
        data = f"csrf_token={self.token}&{body}"
        return self._seen(self.client.post(path, data=data, content_type=kind, **more))

    def enter(self, code: str) -> "Visitor":
        """Type an access code on the first page and read the start page."""
        self.get("/")
        assert self.post("/answer", {"code": code}).location == "/answer/start"
        self.get("/answer/start")
        return self

    def save(self, page: str, fields: Fields) -> TestResponse:
        """Open a page of the questionnaire, fill it in, save and continue."""
        self.get(f"/answer/page/{page}")
        return self.post(f"/answer/page/{page}", fields)

    @property
    def cookie(self) -> str:
        """What the respondent's cookie holds."""
        held = self.client.get_cookie("answer")
        return held.value if held else ""

    def _seen(self, response: TestResponse) -> TestResponse:
        if response.mimetype == "text/html" and (found := _TOKEN.search(response.text)):
            self.token, self.hidden = unescape(found[1]), {}
            for name, value in _HIDDEN.findall(response.text):
                self.hidden.setdefault(name, []).append(unescape(value))
        return response


@dataclass
class Site:
    """An app with an open wave; everybody in its frame has a code."""

    home: Home
    app: Flask
    db: Database
    wave: Wave
    key: bytes
    codes: dict[str, str]

    @property
    def pepper(self) -> bytes:
        """The server's half of the draft keys."""
        return (self.home.keys / "pepper").read_bytes()

    def visitor(self, unit: str | None = None) -> Visitor:
        """A browser; with a unit, one that has entered with the unit's code."""
        visitor = Visitor(self.app)
        return visitor.enter(self.codes[unit]) if unit else visitor

    def filled(self, unit: str) -> Visitor:
        """A visitor who has answered every question of `make_all_types` and sent nothing."""
        visitor = self.visitor(unit)
        visitor.save("p1", {k: v for k, v in make_answers().items() if k in {"kind", "sources"}})
        visitor.save("p2", {k: v for k, v in make_answers().items() if k not in {"kind", "sources"}})
        visitor.get("/answer/check")
        return visitor

    def send(self, unit: str) -> None:
        """The unit's answers arrive from elsewhere."""
        send(self.db, self.codes[unit], make_answers(), pepper=self.pepper)

    def draft(self, unit: str) -> dict[str, Any]:
        """What is saved under the unit's code, opened with code and pepper; empty if nothing is."""
        code = normal(self.codes[unit])
        digest = privacy.code_hash(code)
        with self.db.reading() as connection:
            invitation, box = people.invitation(connection, digest), people.draft(connection, digest)
        if invitation is None or box is None:
            return {}
        draft = json.loads(privacy.open_draft(privacy.draft_key(code, invitation.salt, self.pepper), box, digest))
        answers: dict[str, Any] = draft["answers"]
        return answers

    def tray(self) -> list[dict[str, Any]]:
        """The answers in the tray, opened with the wave's private key."""
        return [box["answers"] for box in in_tray(self.db, self.key, self.wave.name)]


MakeSite = Callable[..., Site]


@pytest.fixture
def watchful(monkeypatch: pytest.MonkeyPatch) -> None:
    """A site that looks at its keys at each request, where a real one does so every few seconds."""
    monkeypatch.setattr("surveyapp.keyring.EVERY", 0)


@pytest.fixture
def make_site(home: Home) -> Iterator[MakeSite]:
    """Build the site, with a document and settings of the wave; `secure` for one behind TLS."""
    open_databases: list[Database] = []

    def make(document: Mapping[str, Any] | None = None, secure: bool = False, **more: Any) -> Site:
        app = create_app(home, secure=secure, today=lambda: TODAY)
        db = connect(home.database)
        open_databases.extend([db, app.extensions["surveyapp"].db])
        return Site(home, app, db, *make_wave(db, document=document, **more))

    yield make
    for db in open_databases:
        db.close()


@pytest.fixture
def site(make_site: MakeSite) -> Site:
    """A site with `make_all_types` in the field."""
    return make_site()


def title(response: TestResponse) -> str:
    """The first heading of a page, as read aloud."""
    found = re.search(r"<h1[^>]*>(.*?)</h1>", response.text, re.DOTALL)
    return unescape(re.sub(r"<[^>]+>", "", found[1])).strip() if found else ""


def refused(response: TestResponse, status: int, heading: str) -> None:
    """A refusal is our own page, whole, with a way to the first page and no form."""
    assert (response.status_code, title(response)) == (status, heading)
    assert 'href="/"' in response.text
    assert "<form" not in response.text


def fault_at(response: TestResponse, field: str) -> str:
    """The words of the error beside a field, which the summary links to."""
    assert f'<a href="#{field}">' in response.text
    assert f'id="{field}"' in response.text
    found = re.search(rf'<div id="{field}--error">(.*?)</div>', response.text, re.DOTALL)
    assert found, f"there is no error beside {field}"
    return unescape(re.sub(r"<[^>]+>", "", found[1])).strip()
