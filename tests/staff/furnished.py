"""A staff site with something in every room, and a walk along its links: what each of the cast can reach."""

import json
import re
from html import unescape
from typing import Any
from urllib.parse import urldefrag, urlsplit

from werkzeug.exceptions import HTTPException

from surveyapp import coding, drafting, planning, preparing, publishing, staffing, working, writing
from surveyapp.working import imports
from surveyapp.working.imports import Clerk, File
from tests.makers import TODAY, make_all_types, make_answers, make_codeframe, make_frame, make_wave
from tests.staff.conftest import Office
from tests.staff.released import release

HOSTILE = '"><script>alert(1)</script>'

STARTS = ("/",)
"""Where a walk begins; everything else is reached by links,"""

BEHIND_FORMS = (
    "/me/recovery-codes",
    "/second",
    "/second/recovery",
    "/second/recovery-codes",
    "/second/set-up",
    "/surveys/tiny/coding/tiny-1/issues/answers",
    "/surveys/tiny/coding/tiny-1/issues/answers/1",
    "/surveys/tiny/coding/tiny-1/issues/differences/1",
    "/surveys/tiny/coding/tiny-1/issues/quotations/1",
    "/surveys/tiny/coding/tiny-1/issues/quotations/table",
    "/surveys/tiny/preparations/tiny-3/check",
    "/surveys/tiny/preparations/tiny-3/test",
    "/surveys/tiny/questionnaires/compare?before=1&version=2",
    "/surveys/tiny/waves/tiny-2/letters/list/sent",
    "/surveys/tiny/waves/tiny-2/move?version=2",
    "/surveys/tiny/waves/tiny-2/returns/sheet",
    "/surveys/tiny/waves/tiny-2/returns/differences",
)
"""or by forms: the sign-in, a sheet for paper returns, two versions to compare."""

VISITS = 4
"""How many pages of one kind are opened on a walk, for the links on them."""


def furnish(office: Office) -> Office:
    """One wave released and coded, one in the field with letters written, one prepared; drafts, plans and jobs."""
    db, today = office.db, TODAY
    release(office, [make_answers(issues=f"Money number {n}. {HOSTILE}", kind="yes") for n in range(40)])
    make_wave(db, "tiny-2", frame=make_frame(60))
    publishing.publish(
        db, json.dumps(make_all_types(version="2", title=f"A tiny survey {HOSTILE}")).encode(), today
    )
    coding.put_codeframe(db, "tiny-1", json.dumps(make_codeframe()).encode())
    _code(office)
    text = publishing.text(db, "tiny", "1").decode().replace('"version": "1"', '"version": "3"')
    drafting.begin(db, "tiny", "next", text, "author@example.org", today)
    plan = {"survey": "tiny", "title": f"A plan {HOSTILE}", "tables": [{"id": "1", "question": "kind"}]}
    planning.save(db, "tiny", "mine", json.dumps(plan), "analyst@example.org", today)
    hand = preparing.Hand("manager@example.org", today)
    known = preparing.begin(db, "tiny", "tiny-3", "1", False, hand)
    units = "".join(f"U{n:03},Team {n},team{n}@example.org,{('North', HOSTILE[1:])[n % 2]}\n" for n in range(40))
    known = preparing.set_frame(db, known, f"{HOSTILE}.csv", f"unit,name,email,region\n{units}".encode(), hand)
    preparing.read_in(db, known)
    staffing.record(db, office.now, "manager@example.org", "wave-prepare", "tiny", HOSTILE)
    settings = {"plan": "mine", "document": json.dumps(plan), "format": "json"}
    working.ask(db, "export-tables", "tiny", "tiny-1", "analyst@example.org", office.now, settings)
    working.run_waiting(db, office.home, today, lambda: office.now)
    _hand_in(office)
    writing.set_headings(db, "tiny-2", "https://survey.example.org", "Surveys <surveys@example.org>")
    working.ask(db, "letters-remind", "tiny", "tiny-2", "manager@example.org", office.now, {})
    return office


def _hand_in(office: Office) -> None:
    """A newer frame and a file of returns, which wait to be confirmed."""
    at = Clerk(office.db, office.home, "tiny", "tiny-2", "manager@example.org", TODAY, lambda: office.now)
    units = "".join(
        f"U{n:03},Team {HOSTILE},team{n}@example.org,{('North', 'South')[n % 2]}\n" for n in range(1, 61)
    )
    plain = {"sheet": "", "named": {}, "left_out": [], "accepted": []}
    frame = File(f"{HOSTILE}.csv", f"unit,name,email,region\n{units}".encode(), plain)
    imports.hand_in(at, imports.LOOK_AT_FRAME, frame)
    how = {"unit_column": "unit", "partial": False, "again": False}
    imports.hand_in(at, imports.LOOK_AT_RETURNS, File(f"{HOSTILE}.csv", b"unit,kind\nU001,yes\n", how))


def _code(office: Office) -> None:
    """Two coders who differ in some answers, both done."""
    answers = [said.answer for said in coding.answers(office.db, "tiny-1", "issues")]
    for name, given in (("analyst", "money"), ("other", "staff")):
        coder = coding.coder_of(office.ids["analyst"]) if name == "analyst" else name
        for place, answer in enumerate(answers):
            codes = frozenset({given if place % 4 == 0 else "money"})
            coding.give(office.db, "tiny-1", "issues", coder, answer, codes)
        coding.finish(office.db, "tiny-1", "issues", coder)


def walk(office: Office, who: str) -> tuple[dict[str, str], set[str]]:
    """The pages that somebody of the cast reaches by links, an address for each endpoint; and all endpoints."""
    colleague = office.enter(who)
    staff = office.site.mounts["/staff"]
    seen: dict[str, list[str]] = {}
    pages: dict[str, str] = {}
    waiting = (
        [*STARTS, *BEHIND_FORMS]
        if who != "nobody"
        else ["/sign-in", "/forgotten", "/welcome", "/welcome/password"]
    )
    known = set(waiting)
    while waiting:
        path = waiting.pop(0)
        endpoint = _endpoint(staff, path)
        if endpoint is None or len(seen.setdefault(endpoint, [])) >= VISITS:
            continue
        seen[endpoint].append(path)
        response = colleague.get(path, buffered=True)
        assert response.status_code < 500, (who, path)
        assert response.mimetype != "text/html" or "<script>alert" not in response.text, (who, path)
        if (
            response.status_code != 200
            or response.mimetype != "text/html"
            or "Content-Disposition" in response.headers
        ):
            continue
        pages.setdefault(endpoint, path)
        for link in _links(response.text, path):
            if link not in known:
                known.add(link)
                waiting.append(link)
    return pages, set(seen)


def _links(page: str, at: str) -> list[str]:
    found = [urldefrag(unescape(link))[0] for link in re.findall(r'<a [^>]*href="([^"]+)"', page)]
    own = [link.removeprefix("/staff") or "/" for link in found if link.startswith("/staff/")]
    own += [urlsplit(at).path + link for link in found if link.startswith("?")]
    return own


def _endpoint(staff: Any, path: str) -> str | None:
    try:
        endpoint, _ = staff.url_map.bind("localhost").match(urlsplit(path).path)
    except HTTPException:
        return None
    return str(endpoint)
