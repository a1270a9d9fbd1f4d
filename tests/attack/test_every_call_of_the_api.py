"""Every address of the API, as every role, with bodies, queries and tokens that hurt."""

import json
import random
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

from werkzeug.test import Client, TestResponse

from surveyapp import bookkeeping
from tests.attack.crawl import ALL, SEED, TOLD
from tests.attack.hostile import FILES, MARK, TEXTS
from tests.makers import rows
from tests.staff.conftest import Office
from tests.staff.furnished import furnish
from tests.staff.test_api import SCRIPTS, Script, script
from tests.staff.test_doors import method, path, rules

T = TypeVar("T")
KEYS = (
    "plan",
    "format",
    "tables",
    "title",
    "survey",
    "weights",
    "bands",
    "leave_out",
    "merge",
    "labels",
    "strata",
)
ODD: list[Any] = [None, True, 0, -1, 10**30, 1e308, [], {}, [[]], [None], {"": {}}, [{"id": []}], "x" * 60_000]


SHARE = 0.05
"""Of all there is to send, in a run of the suite; `make attack` sends everything."""


def test_no_call_breaks_the_api_or_says_more_than_it_should(office: Office) -> None:
    furnish(office)
    for caller in [script(office, role) for role in SCRIPTS]:
        for rule in rules(office):
            if "api." in rule.endpoint:
                send = posted if method(rule) == "POST" else asked
                send(office, caller, path(rule).removeprefix("/api/v1"))
    assert bookkeeping.imbalances(office.db) == []


def posted(office: Office, caller: Script, address: str) -> None:
    """A call that may change something, with every body."""
    for body in drawn(bodies()):
        office.now += 60  # a token is slowed down within a minute
        fine(caller.post(address, body), f"{address} with {body[:80]!r}")


def asked(office: Office, caller: Script, address: str) -> None:
    """A call that changes nothing, whatever is asked with it."""
    before = stored(office)
    for text in drawn(TEXTS.values()):
        office.now += 60
        query = dict.fromkeys(("plan", "since", "edition", "page", "format"), text[:3000])
        fine(caller.get(address, query_string=query), f"{address} asked {text[:80]!r}")
    assert stored(office) == before, address


def drawn(things: Iterable[T]) -> list[T]:
    """All of them, or a share."""
    rng = random.Random(SEED)
    return [thing for thing in things if ALL or rng.random() < SHARE]


def bodies() -> Iterator[bytes]:
    """JSON of every wrong kind, and what is no JSON."""
    yield from (content for _, content in FILES.values())
    yield from (text.encode("utf-8", "replace")[:50_000] for text in TEXTS.values())
    yield from (json.dumps(odd).encode() for odd in ODD)
    for key in KEYS:
        yield from (json.dumps({key: odd}).encode() for odd in ODD)
    yield from (json.dumps(dict.fromkeys(KEYS, text)).encode() for text in TEXTS.values())


def stored(office: Office) -> dict[str, list[Any]]:
    """Every row, but for the count by which tokens are slowed down."""
    tables = [name for (name,) in rows(office.db, "SELECT name FROM sqlite_master WHERE type = 'table'")]
    return {name: rows(office.db, f"SELECT * FROM {name}") for name in tables if name != "asking"}


def fine(answer: TestResponse, what: str) -> None:
    """An answer of ours, as JSON or a file, that says nothing of the machine."""
    assert answer.status_code < 500, what
    assert answer.mimetype != "text/html", what
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    if answer.mimetype == "application/json":
        assert [word for word in TOLD if word in answer.text] == [], what


def test_no_header_is_taken_for_a_token(office: Office) -> None:
    client = Client(office.site)
    for text in TEXTS.values():
        given = text.encode("utf-8", "replace").decode("latin-1").replace("\r", "").replace("\n", "")[:5000]
        for head in (f"Bearer {given}", given, f"Basic {given}", f"bearer  {given} {given}"):
            answer = client.get("/staff/api/v1/surveys/tiny/waves", headers={"Authorization": head})
            assert answer.status_code == 401, head
            assert MARK not in str(answer.headers)
