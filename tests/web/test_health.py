"""The page that a monitor reads."""

from tests.web.conftest import Site, refused


def test_it_says_ok_in_plain_text(site: Site):
    answer = site.visitor().get("/health")
    assert (answer.status_code, answer.text, answer.mimetype) == (200, "ok\n", "text/plain")


def test_a_monitor_may_ask_for_the_head_alone(site: Site):
    answer = site.visitor().client.head("/health")
    assert (answer.status_code, answer.data) == (200, b"")


def test_the_wrong_method_is_refused(site: Site):
    refused(site.visitor().client.post("/health"), 405, "That is not possible")
