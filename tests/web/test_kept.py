"""Pages that are kept for everybody: each visitor's own nonce and token, and never a word of anybody."""

import gzip
import re

import pytest

from tests.makers import make_document, make_question
from tests.web.conftest import MakeSite, Site

OWN = re.compile(r'nonce="([^"]+)"|name="csrf_token" value="([^"]+)"')
"""What differs from one visitor to the next."""


def without_own(text: str) -> str:
    return OWN.sub("", text)


@pytest.mark.parametrize(
    "path", ["/", "/answer/start", "/answer/page/p1", "/answer/page/p2", "/answer/page/p2?to=check"]
)
def test_two_visitors_get_the_same_page_with_a_nonce_and_a_token_of_their_own(site: Site, path: str):
    one, other = (site.visitor(unit).get(path) for unit in ("U001", "U002"))
    assert without_own(one.text) == without_own(other.text)
    for mine, theirs in zip(OWN.findall(one.text), OWN.findall(other.text), strict=True):
        assert mine != theirs
    for page in (one, other):
        nonces = re.findall(r'nonce="([^"]+)"', page.text)
        assert all(f"'nonce-{nonce}'" in page.headers["Content-Security-Policy"] for nonce in nonces)


def test_a_page_that_was_kept_is_what_the_template_makes(site: Site):
    paths = ["/", "/answer/start", "/answer/page/p1", "/answer/page/p2"]
    first = [without_own(site.visitor("U001").get(path).text) for path in paths]
    assert site.app.extensions["kept"]
    again = [without_own(site.visitor("U002").get(path).text) for path in paths]
    site.app.extensions["kept"].clear()
    afresh = [without_own(site.visitor("U003").get(path).text) for path in paths]
    assert first == again == afresh


@pytest.mark.parametrize("path", ["/", "/answer/start", "/answer/page/p1", "/answer/page/p2"])
def test_packed_it_is_the_same_page(site: Site, path: str):
    visitor = site.visitor("U001")
    plain = visitor.get(path)
    page = visitor.client.get(path, headers={"Accept-Encoding": "gzip"})
    unpacked = gzip.decompress(page.data).decode()
    assert without_own(unpacked) == without_own(plain.text)
    assert visitor.token in unpacked
    nonces = {nonce for nonce, _ in OWN.findall(unpacked) if nonce}
    assert nonces <= {page.headers["Content-Security-Policy"].partition("'nonce-")[2].partition("'")[0]}


def test_nothing_of_anybody_is_kept(site: Site):
    visitor = site.visitor("U001")
    visitor.save("p1", {"kind": "yes"})
    visitor.save("p2", {"issues": "CANARY"})
    assert "CANARY" in visitor.get("/answer/page/p2").text
    visitor.get("/answer/check")
    visitor.post("/answer/send")
    visitor.get("/answer/done")
    kept = repr(site.app.extensions["kept"])
    for trace in ("CANARY", "U001", site.codes["U001"], "checked", visitor.token):
        assert trace not in kept


def test_the_token_of_a_kept_page_is_good_for_its_visitor_alone(site: Site):
    one, other = site.visitor("U001"), site.visitor("U002")
    for visitor in (one, other):
        visitor.get("/answer/page/p1")
    other.token = one.token
    assert other.post("/answer/page/p1", {"kind": "yes"}).status_code == 403
    assert one.post("/answer/page/p1", {"kind": "yes"}).status_code == 303


def test_a_page_that_names_the_organisation_is_made_for_each(make_site: MakeSite):
    site = make_site(make_document([make_question(text="What does {unit.name} do?")]))
    pages = [site.visitor(unit).get("/answer/page/p1").text for unit in ("U001", "U002")]
    assert without_own(pages[0]) != without_own(pages[1])
