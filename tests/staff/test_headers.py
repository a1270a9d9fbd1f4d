"""Every answer of the staff site has the strict headers, and its cookie goes to no other page."""

import pytest

from surveyapp.web import safety
from surveyapp.web.staff import create_site
from tests.makers import TODAY
from tests.staff.conftest import Office
from tests.staff.test_doors import method, path, rules


@pytest.mark.parametrize("who", ["manager", "admin", "nobody"])
def test_every_answer_is_kept_by_nobody_and_fetches_from_nowhere(office: Office, who: str) -> None:
    colleague = office.enter(who)
    for rule in rules(office):
        if method(rule) == "GET":
            answer = colleague.get(path(rule), buffered=True)
            for name, value in safety.HEADERS.items():
                assert answer.headers[name] == value, rule.rule
            policy = answer.headers["Content-Security-Policy"]
            assert "default-src 'none'" in policy
            assert "unsafe" not in policy
            assert "frame-ancestors 'none'" in policy
            assert answer.headers["Cache-Control"] == "no-store", rule.rule


def test_the_cookie_goes_to_the_staff_site_alone(office: Office) -> None:
    site = create_site(office.home, secure=True, today=lambda: TODAY, now=lambda: office.now)
    answer = _first(site, "/staff/sign-in")
    (cookie,) = [c for c in answer if c.startswith("__Secure-staff=")]
    for part in ("Path=/staff", "Secure", "HttpOnly", "SameSite=Lax"):
        assert part in cookie
    assert [c for c in _first(site, "/") if "staff" in c] == [], "respondents get none"
    site.mounts["/staff"].extensions["staff"].db.close()
    site.app.extensions["surveyapp"].db.close()


def _first(site: object, path_: str) -> list[str]:
    from werkzeug.test import Client

    with Client(site).get(path_, base_url="https://survey.example.org") as answer:  # type: ignore[arg-type]
        return answer.headers.getlist("Set-Cookie")


def test_nothing_of_a_visit_is_logged(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    colleague = office.enter("manager")
    for rule in rules(office):
        if method(rule) == "GET":
            colleague.get(path(rule), buffered=True)
    assert [record.getMessage() for record in caplog.records if record.name.startswith("surveyapp")] == []
