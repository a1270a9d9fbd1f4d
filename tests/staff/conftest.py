"""The staff site with a wave in the field, and a cast: a member for each role, and staff of another survey."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html import unescape
from io import BytesIO
from typing import Any

import pytest
from werkzeug.test import Client, TestResponse

from surveyapp import staffing
from surveyapp.config import Home
from surveyapp.roles import ADMIN, ROLES
from surveyapp.storage.database import Database, connect
from surveyapp.storage.waves import Wave
from surveyapp.web.staff import create_site
from tests.makers import TODAY, make_wave

NOW = 1_326_700_000
"""A Monday morning of January 2012, in seconds."""

CAST: Mapping[str, Mapping[str, frozenset[str]]] = {
    "admin": {"": frozenset({ADMIN})},
    **{role: {"tiny": frozenset({role})} for role in ROLES},
    "stranger": {"other": frozenset(ROLES)},
    "newcomer": {},
}
"""Who works here, with their roles: "tiny" is the survey in the field."""

_TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')


class Colleague:
    """One browser: its cookie, and the token of the last page."""

    def __init__(self, site: Any) -> None:
        self.client = Client(site)
        self.token = ""

    def get(self, path: str, **more: Any) -> TestResponse:
        """Open a page of the staff site."""
        return self._seen(self.client.get(f"/staff{path}", **more))

    def post(self, path: str, fields: Mapping[str, Any] | None = None, **more: Any) -> TestResponse:
        """Send a form with the token of the last page; a file is a pair of its bytes and its name."""
        data = {"csrf_token": self.token}
        for name, value in (fields or {}).items():
            data[name] = (BytesIO(value[0]), value[1]) if isinstance(value, tuple) else value
        return self._seen(self.client.post(f"/staff{path}", data=data, **more))

    def _seen(self, response: TestResponse) -> TestResponse:
        if response.mimetype == "text/html" and (found := _TOKEN.search(response.text)):
            self.token = unescape(found[1])
        return response


@dataclass
class Office:
    """The site, its store, the wave "tiny-1" of the survey "tiny" with its key and codes, and the clock."""

    home: Home
    db: Database
    wave: Wave
    key: bytes
    codes: dict[str, str]
    site: Any = None
    now: int = NOW
    ids: dict[str, bytes] = field(default_factory=dict)

    def enter(self, who: str, second: bool = True) -> Colleague:
        """Somebody of the cast at a browser, signed in with both factors or one; "nobody" is not signed in."""
        colleague = Colleague(self.site)
        if who != "nobody":
            token = staffing.begin_session(self.db, self.ids[who], self.now, second)
            staff = self.site.mounts["/staff"]
            with staff.test_request_context():
                sealed = staff.session_interface.seal({"token": token, "since": self.now})
            colleague.client.set_cookie("staff", sealed, path="/staff")
            colleague.get("/")
        return colleague


@pytest.fixture
def office(home: Home) -> Iterator[Office]:
    """A staff site with `make_all_types` in the field."""
    db = connect(home.store)
    found = Office(home, db, *make_wave(db))
    found.site = create_site(home, secure=False, today=lambda: TODAY, now=lambda: found.now)
    for who, roles in CAST.items():
        found.ids[who] = staffing.add_account(db, f"{who}@example.org", who.title(), roles, TODAY).id
    yield found
    found.site.mounts["/staff"].extensions["staff"].db.close()
    found.site.app.extensions["surveyapp"].db.close()
    db.close()


def title(response: TestResponse) -> str:
    """The first heading of a page, as read aloud."""
    found = re.search(r"<h1[^>]*>(.*?)</h1>", response.text, re.DOTALL)
    return unescape(re.sub(r"<[^>]+>", "", found[1])).strip() if found else ""
