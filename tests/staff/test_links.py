"""Every page of the staff site can be reached by links, by somebody of the cast."""

from surveyapp.web.staff.doors import PERMISSIONS
from tests.staff.conftest import CAST, Office
from tests.staff.furnished import furnish, walk
from tests.staff.test_doors import method, rules


def test_every_page_is_reached_by_links(office: Office) -> None:
    furnish(office)
    reached = {endpoint for who in (*CAST, "nobody") for endpoint in walk(office, who)[1]}
    pages = {rule.endpoint for rule in rules(office) if method(rule) == "GET" and "api." not in rule.endpoint}
    assert pages <= set(PERMISSIONS)
    assert sorted(pages - reached) == []
