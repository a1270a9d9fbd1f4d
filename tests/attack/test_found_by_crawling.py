"""What crawling has found, each written out."""

import pytest

from surveyapp import planning
from tests.staff.conftest import Office, title
from tests.staff.furnished import furnish

PLAN = "/surveys/tiny/tables/plans/mine"


@pytest.fixture
def furnished(office: Office) -> Office:
    return furnish(office)


@pytest.mark.parametrize("revision", ["'; DROP TABLE wave; --", "0", "99999", "-1", "1e3", ""])
def test_a_plan_that_was_changed_meanwhile_is_said_so_whatever_its_revision_is_called(
    furnished: Office, revision: str
) -> None:
    analyst = furnished.enter("analyst")
    analyst.get(PLAN)
    before = planning.plan(furnished.db, "tiny", "mine")
    answer = analyst.post(f"{PLAN}/table", {"revision": revision, "table": "1", "table_title": "Another"})
    assert answer.status_code == 409
    assert planning.plan(furnished.db, "tiny", "mine") == before


@pytest.mark.parametrize(
    ("who", "address", "field"),
    [
        ("manager", "/surveys/tiny/preparations/tiny-3/texts", "title"),
        ("manager", "/surveys/tiny/waves/tiny-2/letters/words/invitation/en", "subject"),
        ("analyst", f"{PLAN}/rename", "name"),
        ("admin", "/accounts/new", "email"),
        ("nobody", "/sign-in", "email"),
    ],
)
def test_a_file_in_place_of_words_counts_as_nothing(furnished: Office, who: str, address: str, field: str) -> None:
    browser = furnished.enter(who)
    browser.get("/sign-in" if who == "nobody" else "/me")
    answer = browser.post(address, {field: (b"words", "words.txt")})
    assert answer.status_code in {200, 303, 400, 403, 404}
    assert "FileStorage" not in answer.text
    assert title(answer) != "Something went wrong"


@pytest.mark.parametrize("number", ["9" * 400, str(2**63), "-1", "0", "1e3", "\u0661", "1 OR 1=1"])
@pytest.mark.parametrize(
    ("who", "address"),
    [
        ("manager", "/surveys/tiny/waves/tiny-2/organisations"),
        ("admin", "/trail"),
        ("manager", "/surveys/tiny/trail"),
    ],
)
def test_a_list_has_no_page_of_any_number(furnished: Office, who: str, address: str, number: str) -> None:
    browser = furnished.enter(who)
    for name in ("page", "before"):
        assert browser.get(f"{address}?{name}={number}").status_code == 200
