"""Where addresses lead is looked for once; what is special about a request still goes the whole way."""

import gc

import pytest

from surveyapp.web.lean import MOST_ADDRESSES, LeanFlask
from tests.web.conftest import Site


def kept(site: Site) -> set[tuple[str, str]]:
    assert isinstance(site.app, LeanFlask)
    return set(site.app.found)


def test_an_address_leads_to_the_same_page_each_time_with_values_of_its_own(site: Site) -> None:
    visitor = site.visitor("U001")
    first, again = visitor.get("/answer/page/p1"), visitor.get("/answer/page/p1")
    assert first.status_code == again.status_code == 200
    assert ("/answer/page/p1", "GET") in kept(site)
    with (
        site.app.test_request_context("/answer/page/p1") as one,
        site.app.test_request_context("/answer/page/p1") as two,
    ):
        assert one.request.view_args == two.request.view_args == {"page": "p1"}
        assert one.request.view_args is not two.request.view_args


def test_a_method_that_a_page_does_not_take_is_refused_before_and_after_it_was_found(site: Site) -> None:
    visitor = site.visitor()
    assert visitor.client.put("/answer").status_code in {403, 405}
    assert visitor.client.options("/answer").status_code == 200
    assert visitor.client.head("/").status_code == 200
    assert visitor.get("/").status_code == 200
    assert visitor.client.head("/").status_code == 200


@pytest.mark.parametrize("path", ["/nothing", "/answer/", "/answer/page/P1", "/answer/page/p1/x", "//answer"])
def test_what_is_no_address_of_ours_is_not_kept(site: Site, path: str) -> None:
    before = kept(site)
    assert site.visitor().client.get(path).status_code in {302, 308, 404, 405}
    assert kept(site) - before <= {("/", "GET")}


@pytest.mark.parametrize("host", ["x" * 64 + ".example.org", "a..example.org"])
def test_a_host_that_cannot_be_is_refused_as_before(site: Site, host: str) -> None:
    answer = site.visitor().client.get("/", headers={"Host": host})
    assert answer.status_code == 400


def test_a_request_for_a_websocket_is_no_page(site: Site) -> None:
    answer = site.visitor().client.get("/", headers={"Connection": "Upgrade", "Upgrade": "websocket"})
    assert answer.status_code == 400


def test_names_without_end_do_not_fill_the_memory(site: Site) -> None:
    found = site.app.found
    client = site.visitor().client
    found.update({(f"/answer/page/x{number}", "GET"): ("", {}) for number in range(MOST_ADDRESSES)})
    client.get("/answer/page/one-more")
    assert len(found) == MOST_ADDRESSES
    assert ("/answer/page/one-more", "GET") in found


def test_a_page_leaves_no_cycles_for_the_collector(site: Site) -> None:
    """They live until the collector comes, and scatter over the memory of a process that serves for months."""
    visitor = site.visitor("U001")
    visitor.get("/answer/page/p1")
    with site.app.test_client(use_cookies=False) as client:
        client.get("/health")
    environ = {**visitor.client.open("/answer/page/p1").request.environ, "werkzeug.request": None}
    gc.collect()
    gc.disable()
    try:
        for _ in range(10):
            b"".join(site.app(dict(environ), lambda *_: None))
        assert gc.collect() < 10
    finally:
        gc.enable()
