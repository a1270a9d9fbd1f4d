"""The pages that a monitor reads: whether the site lives, and whether it can take answers."""

from collections.abc import Iterator

import pytest
from werkzeug.test import Client

from surveyapp.config import Home
from surveyapp.web.staff import create_site
from tests.makers import change
from tests.web.conftest import Site, refused


def test_it_says_ok_in_plain_text(site: Site):
    answer = site.visitor().get("/health")
    assert (answer.status_code, answer.text, answer.mimetype) == (200, "ok\n", "text/plain")


def test_a_monitor_may_ask_for_the_head_alone(site: Site):
    answer = site.visitor().client.head("/health")
    assert (answer.status_code, answer.data) == (200, b"")


@pytest.mark.parametrize("path", ["/health", "/ready"])
def test_the_wrong_method_is_refused(site: Site, path):
    refused(site.visitor().client.post(path), 405, "That is not possible")


def test_it_is_ready_when_answers_can_be_saved(site: Site):
    before = site.home.database.read_bytes()
    answer = site.visitor().get("/ready")
    assert (answer.status_code, answer.text, answer.mimetype) == (200, "ready\n", "text/plain")
    assert site.home.database.read_bytes() == before


def test_it_is_not_ready_for_another_schema(site: Site):
    change(site.db, "UPDATE alembic_version SET version_num = '0009'")
    assert _ready(site) == (503, "schema\n")


def test_it_is_not_ready_without_its_store(site: Site):
    site.home.database.write_bytes(b"Dear diary, " * 1000)
    assert _ready(site) == (503, "store\n")


@pytest.mark.parametrize("name", ["pepper", "cookie"])
def test_it_is_not_ready_while_a_key_is_damaged(watchful, site: Site, name):
    path = site.home.keys / name
    whole = path.read_bytes()
    path.write_bytes(b"short")
    assert _ready(site) == (503, "keys\n")
    assert site.visitor("U001").save("p1", {"kind": "yes"}).status_code == 303, "what was read before goes on"
    path.write_bytes(whole)
    assert _ready(site) == (200, "ready\n")


@pytest.fixture
def beside(watchful, home: Home) -> Iterator[Client]:
    """A browser at a site with the staff's pages beside it."""
    site = create_site(home, secure=False)
    yield Client(site)
    site.mounts["/staff"].extensions["staff"].db.close()
    site.app.extensions["surveyapp"].db.close()


@pytest.mark.parametrize("name", ["pepper", "cookie", "staff-cookie", "staff-forms"])
@pytest.mark.parametrize("ill", ["short", "gone"])
def test_it_is_not_ready_while_a_key_of_the_staff_beside_it_is_damaged(beside: Client, home: Home, name, ill):
    assert beside.get("/ready").text == "ready\n"
    path = home.keys / name
    whole = path.read_bytes()
    path.unlink() if ill == "gone" else path.write_bytes(b"short")
    answer = beside.get("/ready")
    assert (answer.status_code, answer.text) == (503, "keys\n")
    path.write_bytes(whole)
    assert beside.get("/ready").text == "ready\n"


def test_without_the_staff_s_pages_their_keys_are_not_missed(site: Site):
    assert not (site.home.keys / "staff-cookie").exists()
    assert _ready(site) == (200, "ready\n")


def _ready(site: Site) -> tuple[int, str]:
    answer = site.visitor().get("/ready")
    return answer.status_code, answer.text
