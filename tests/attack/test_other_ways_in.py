"""Ways in that are no form: other methods, paths out of the static files, headers of all statuses, time."""

import random
import statistics
import time
from urllib.parse import quote

import pytest

from surveyapp import collecting, planning, privacy
from surveyapp.problems import UnknownCode
from surveyapp.web import safety
from tests.makers import TODAY, everything
from tests.staff.conftest import Office
from tests.staff.test_doors import method, path, rules
from tests.web.conftest import Site

OVERRIDES = ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override")
"""What some frameworks take for the real method."""

OUTSIDE = (
    "../wsgi.py",
    "..%2f..%2fpyproject.toml",
    "%2e%2e/app.py",
    "%2e%2e%2f%2e%2e%2fetc%2fpasswd",
    "..%5c..%5cwsgi.py",
    "....//....//etc/passwd",
    "/etc/passwd",
    "%2fetc%2fpasswd",
    "app.css%00.py",
    "%00",
    "app.css/../../app.py",
    "~root",
    "x" * 4000,
)


# ── methods ──────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", OVERRIDES)
def test_a_header_does_not_make_a_get_a_post(site: Site, name: str) -> None:
    site.filled("U001")
    visitor = site.visitor("U001")
    before = everything(site.db)
    for address in ("/answer/start", "/answer/page/p1", "/answer/send"):
        visitor.client.get(
            address, headers={name: "POST"}, query_string={"_method": "POST", "csrf_token": visitor.token}
        )
    assert everything(site.db) == before


@pytest.mark.parametrize("name", ["_method", "_METHOD", "method"])
def test_a_field_does_not_make_a_post_something_else(site: Site, name: str) -> None:
    visitor = site.visitor("U001")
    visitor.save("p1", {"kind": "yes", name: "DELETE"})
    assert site.draft("U001") == {"kind": "yes"}


def test_what_can_only_be_posted_is_not_looked_at(office: Office) -> None:
    manager = office.enter("manager")
    posts = {rule.rule for rule in rules(office) if method(rule) == "POST"}
    looks = {rule.rule for rule in rules(office) if method(rule) == "GET"}
    for rule in rules(office):
        if rule.rule in posts - looks:
            for verb in ("GET", "HEAD", "PUT", "DELETE", "PATCH", "TRACE", "PROPFIND", "NONSENSE"):
                answer = manager.client.open(f"/staff{path(rule)}", method=verb)
                assert answer.status_code in {403, 404, 405}, (verb, rule.rule, answer.status_code)


# ── files ────────────────────────────────────────────────────────────────────


def test_no_file_outside_the_static_ones_of_staff_is_served(office: Office) -> None:
    for who in ("nobody", "manager"):
        client = office.enter(who).client
        for inside in OUTSIDE:
            answer = client.get(f"/staff/static/{inside}", buffered=True)
            assert answer.status_code in {302, 303, 308, 404}, (who, inside, answer.status_code)
            assert "def " not in answer.text
            assert "root:" not in answer.text


PARTS = ("surveys/{}", "surveys/tiny/waves/{}", "surveys/tiny/jobs/{}", "surveys/tiny/tables/plans/{}")
NAMES = ("../other", "%00", "tiny'--", "TINY", "con", "x" * 5000, "\u202e", "{{7*7}}")


def test_what_is_no_name_in_an_address_is_not_there(office: Office) -> None:
    client = office.enter("manager").client
    for part in PARTS:
        for name in NAMES:
            answer = client.get(f"/staff/{part.format(quote(name, safe='%'))}", follow_redirects=True)
            assert answer.status_code in {403, 404}, (part, name, answer.status_code)


# ── headers ──────────────────────────────────────────────────────────────────

STATUSES = {
    200: ("GET", "/staff/"),
    303: ("POST", "/staff/sign-out"),
    400: ("POST", "/staff/surveys/tiny/waves/tiny-1/close"),
    403: ("GET", "/staff/accounts"),
    404: ("GET", "/staff/nothing"),
    405: ("DELETE", "/staff/"),
    413: ("POST", "/staff/surveys/tiny/waves/tiny-1/returns/file"),
    500: ("GET", "/staff/surveys/tiny/tables"),
}


def test_every_status_of_the_staff_site_carries_the_headers(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planning, "plans", lambda *_: 1 / 0)
    for status, (verb, address) in STATUSES.items():
        colleague = office.enter("analyst" if status == 500 else "manager")
        fields = {303: {"csrf_token": colleague.token}, 413: {"x": "x" * 70_000_000}}.get(status)
        answer = colleague.client.open(address, method=verb, data=fields)
        assert answer.status_code == status
        for name, value in safety.HEADERS.items():
            assert answer.headers[name] == value
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["Cache-Control"] == "no-store"
        assert "Traceback" not in answer.text


# ── what time tells ──────────────────────────────────────────────────────────

TRIES = 250
"""For each of two kinds, in turn, in the time of the process alone."""


def test_a_code_that_is_nearly_right_takes_as_long_to_refuse_as_one_that_is_not(site: Site) -> None:
    """What is looked up is a hash: nineteen right characters of twenty are no nearer than none."""
    right = site.codes["U001"]
    rng, took = random.Random(1), {True: [], False: []}
    for number in range(2 * TRIES):
        last = rng.choice([letter for letter in privacy.ALPHABET if letter != right[-1]])
        typed = right[:-1] + last if number % 2 else privacy.new_code()
        began = time.process_time()
        with pytest.raises(UnknownCode):
            collecting.enter(site.db, site.pepper, typed, TODAY)
        took[bool(number % 2)].append(time.process_time() - began)
    near, far = statistics.median(took[True]), statistics.median(took[False])
    assert 0.67 < near / far < 1.5, (near, far)


def test_the_same_is_asked_of_the_store_for_any_code_that_is_not_ours(site: Site) -> None:
    """Not by the clock: the statements are the same whatever is typed."""
    right = site.codes["U001"]
    wrong = right[:-1] + ("0" if right[-1] != "0" else "1")
    asked = [_statements(site, typed) for typed in (wrong, "00000-00000-00000-00000", "", "x", "0" * 10_000)]
    assert len({tuple(statements) for statements in asked}) == 1
    assert len(asked[0]) >= 1


def _statements(site: Site, typed: str) -> list[str]:
    import sqlalchemy as sa

    found: list[str] = []
    listen = lambda connection, cursor, statement, *_: found.append(statement)  # noqa: E731
    sa.event.listen(sa.Engine, "before_cursor_execute", listen)
    try:
        with pytest.raises(UnknownCode):
            collecting.enter(site.db, site.pepper, typed, TODAY)
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", listen)
    return found
