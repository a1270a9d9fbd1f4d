"""Every form of the staff site, by everybody who may send it, full of what hurts."""

import json
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from werkzeug.datastructures import ImmutableMultiDict, MultiDict
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Rule

from surveyapp import bookkeeping, working
from surveyapp.roles import ROLES
from tests.attack.crawl import ALL, Crawl
from tests.attack.forms import Form
from tests.makers import TODAY, make_all_types, rows
from tests.staff.conftest import Office
from tests.staff.furnished import furnish, walk
from tests.staff.test_doors import by_cookie, method, path

SHARE = 0.005
"""Of all there is to send, in a run of the suite."""

REAL = {
    "wave": "tiny-2",
    "name": "tiny-3",
    "manuscript": "next",
    "place": "0-0-0",
    "kind": "invitation",
    "language": "en",
    "plan": "mine",
    "codeframe": "issues",
}
"""What is there, for addresses whose forms stand on no page that links lead to;"""

RELEASED = {"builder", "coding", "exports"}
"""rooms for which the wave that is there is one whose answers are released;"""

FITTING = {
    "unit": "U001",
    "named": "tiny-2",
    "typed": "tiny-3",
    "version": "2",
    "sure": "on",
    "document": json.dumps(make_all_types(version="9")),
    "into": "mine",
    "table_id": "2",
}
"""and what fits into a field that such a form asks for."""

UPLOADED = {"file", "key"}
"""Fields for files."""

WAVE = "/surveys/tiny/waves/tiny-2"

FURTHER: Mapping[str, tuple[tuple[str, dict[str, str], str], ...]] = {
    "manager": (
        (f"{WAVE}/returns/sitting", {}, f"{WAVE}/returns"),
        (f"{WAVE}/returns/find", {"sought": "U002"}, f"{WAVE}/returns/sheet"),
        (f"{WAVE}/pause", {}, f"{WAVE}/settings"),
    )
}
"""What somebody has to do first, where and with which fields, for a page that has forms only then."""

MOST_NAMES = 25
"""Fields that are looked for in one form: some ask for one more with each that they find."""


CAST = ("admin", *ROLES, "nobody")


@pytest.mark.parametrize("cast", [[who] for who in CAST] if ALL else [CAST], ids="+".join)
def test_no_form_of_staff_breaks_or_lets_anything_in(office: Office, cast: Sequence[str]) -> None:
    """Each form is sent by the first role that reaches it; with `make attack` every role sends all of its own."""
    furnish(office)
    done: set[Any] = set()
    faults = [fault for who in cast for fault in crawled(office, who, done)]
    assert faults == []
    assert len(done) > (5 if cast == ["nobody"] else 20)


def crawled(office: Office, who: str, done: set[Any]) -> list[str]:
    """What goes wrong when somebody of the cast sends every form that is not in `done`; they are put there."""
    pages, _ = walk(office, who)
    client = office.enter(who).client
    waited = _waiting(office)
    crawl = Crawl(client, Path(str(office.db.place)), lambda: afterwards(office, waited), SHARE)
    values: dict[tuple[str, str], str] = {}
    for at in sorted(pages.values()):
        page = crawl.open(f"/staff{at}")
        crawl.keep()
        for form in page.forms:
            values |= {(_room(form), name): value for name, value in form.fields}
            if form.kind not in done:
                done |= {form.kind, _door(office, form)}
                crawl.attack(form)
        if at not in done:
            done.add(at)
            crawl.ask(f"/staff{at}")
    for form in _never_shown(office, crawl, who, done, values):
        crawl.attack(form)
    for form in _further(crawl, who, done):
        crawl.attack(form)
    crawl.close()
    return [f"{who}: {fault}" for fault in crawl.faults]


def _door(office: Office, form: Form) -> str:
    """The endpoint that a form goes to, "" if it goes nowhere."""
    doors = office.site.mounts["/staff"].url_map.bind("localhost")
    try:
        return str(doors.match(urlsplit(form.action).path.removeprefix("/staff"), form.method)[0])
    except HTTPException:
        return ""


def _room(form: Form) -> str:
    """What a form is about: the wave, the manuscript, the preparation."""
    return "/".join(urlsplit(form.action).path.split("/")[:6])


def _never_shown(
    office: Office, crawl: Crawl, who: str, done: set[Any], values: Mapping[tuple[str, str], str]
) -> Iterator[Form]:
    """Doors for posts of which no page that was opened has a form, with the names of the fields they ask for.

    `values` are those that stood in forms, by what the form was about.
    """
    mine = next((form for form in crawl.open("/staff/me").forms if form.method == "POST"), None)
    crawl.keep()
    for rule, roles in by_cookie(office):
        if method(rule) == "POST" and rule.endpoint not in done and who in roles and mine is not None:
            done.add(rule.endpoint)
            token = tuple(pair for pair in mine.fields if pair[0] == "csrf_token")
            address = f"/staff{path(rule, **_real(office, rule))}"
            yield _asking(office, crawl, Form("/staff/me", address, "POST", token), values)


def _real(office: Office, rule: Rule) -> dict[str, str]:
    """What stands in an address so that it leads to something."""
    ((job,),) = rows(office.db, "SELECT id FROM job ORDER BY id DESC LIMIT 1")
    wave = {"wave": "tiny-1"} if rule.endpoint.partition(".")[0] in RELEASED else {}
    return {**REAL, **wave, "job": job.hex(), "account": office.ids["newcomer"].hex()}


def _asking(office: Office, crawl: Crawl, form: Form, values: Mapping[tuple[str, str], str]) -> Form:
    """The form with a value for each field that its door looks for: it is sent, and what is read is noted."""
    staff = office.site.mounts["/staff"]
    usual, fields = staff.request_class, dict(form.fields)
    for _ in range(2):
        noted: dict[str, None] = {}
        staff.request_class = type("Noting", (usual,), {"parameter_storage_class": _noting(noted)})
        crawl.client.post(form.action, data=fields, buffered=True)
        staff.request_class = usual
        crawl.put_back()
        for name in [name for name in noted if name not in fields][:MOST_NAMES]:
            fields[name] = values.get((_room(form), name)) or FITTING.get(name, "1")
    files = tuple(name for name in fields if name in UPLOADED)
    rest = tuple(pair for pair in fields.items() if pair[0] not in UPLOADED)
    return replace(form, fields=rest, files=files, multipart=bool(files))


def _noting(noted: dict[str, None]) -> type[MultiDict[str, Any]]:
    """A form that notes each name that it is asked for."""

    class Noting(ImmutableMultiDict[str, Any]):
        def __getitem__(self, key: str) -> Any:
            noted[key] = None
            return super().__getitem__(key)

        def __contains__(self, key: object) -> bool:
            noted[str(key)] = None
            return super().__contains__(key)

        def getlist(self, key: str, *more: Any) -> Any:
            noted[key] = None
            return super().getlist(key, *more)

    return Noting


def _further(crawl: Crawl, who: str, done: set[Any]) -> Iterator[Form]:
    """Forms of pages that have them only after something was done."""
    for action, given, at in FURTHER.get(who, ()):
        token = next(form.fields[0] for form in crawl.open("/staff/me").forms if form.fields)
        crawl.client.post(f"/staff{action}", data={**dict([token]), **given})
        page = crawl.open(f"/staff{at}")
        crawl.keep()
        for form in page.forms:
            if form.kind not in done:
                done.add(form.kind)
                yield form


def afterwards(office: Office, waited: object) -> None:
    """The books balance, and what was asked of the worker is done or refused.

    What waited before is left: it would be done anew after every form.
    """
    assert bookkeeping.imbalances(office.db) == []
    if _waiting(office) == waited:
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # libraries that draw warn of what they are given
        working.run_waiting(office.db, office.home, TODAY, lambda: office.now)


def _waiting(office: Office) -> list[Any]:
    return rows(office.db, "SELECT id FROM job WHERE state = 'waiting' ORDER BY id")
