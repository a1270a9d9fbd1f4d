"""Every form of the staff site, by everybody who may send it, full of what hurts."""

import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from werkzeug.exceptions import HTTPException

from surveyapp import bookkeeping, working
from surveyapp.roles import ROLES
from tests.attack.crawl import ALL, Crawl
from tests.attack.forms import Form
from tests.makers import TODAY
from tests.staff.conftest import Office
from tests.staff.furnished import furnish, walk
from tests.staff.test_doors import by_cookie, method, path

SHARE = 0.005
"""Of all there is to send, in a run of the suite."""

NAMES = tuple((name, "1") for name in ("do", "name", "text", "revision", "code"))
"""Fields of forms that no page shows at once."""


CAST = ("admin", *ROLES, "nobody")


@pytest.mark.parametrize("cast", [[who] for who in CAST] if ALL else [CAST], ids="+".join)
def test_no_form_of_staff_breaks_or_lets_anything_in(office: Office, cast: Sequence[str]) -> None:
    """Each form is sent by the first role that reaches it; with `make attack` every role sends all of its own."""
    furnish(office)
    done: set[Any] = set()
    faults = [fault for who in cast for fault in crawled(office, who, done)]
    assert faults == []
    assert len(done) > 20


def crawled(office: Office, who: str, done: set[Any]) -> list[str]:
    """What goes wrong when somebody of the cast sends every form that is not in `done`; they are put there."""
    pages, _ = walk(office, who)
    client = office.enter(who).client
    crawl = Crawl(client, Path(str(office.db.place)), ("staff", "/staff"), lambda: afterwards(office), SHARE)
    for at in sorted(pages.values()):
        page = crawl.open(f"/staff{at}")
        crawl.keep()
        for form in page.forms:
            if form.kind not in done:
                done |= {form.kind, _door(office, form)}
                crawl.attack(form)
        if at not in done:
            done.add(at)
            crawl.ask(f"/staff{at}")
    for form in _never_shown(office, crawl, who, done):
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


def _never_shown(office: Office, crawl: Crawl, who: str, done: set[Any]) -> Iterator[Form]:
    """Doors for posts of which no page that was opened has a form, with the names of fields that others have."""
    mine = next((form for form in crawl.open("/staff/me").forms if form.method == "POST"), None)
    crawl.keep()
    for rule, roles in by_cookie(office):
        if method(rule) == "POST" and rule.endpoint not in done and who in roles and mine is not None:
            done.add(rule.endpoint)
            token = tuple(pair for pair in mine.fields if pair[0] == "csrf_token")
            yield Form("/staff/me", f"/staff{path(rule)}", "POST", fields=token, choices=NAMES)


def afterwards(office: Office) -> None:
    """The books balance, and what was asked of the worker is done or refused."""
    assert bookkeeping.imbalances(office.db) == []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # libraries that draw warn of what they are given
        working.run_waiting(office.db, office.home, TODAY, lambda: office.now)
