"""Pages are packed for slow lines, and their packed length says nothing."""

import gzip

import pytest
from werkzeug.test import TestResponse

from surveyapp.web.packing import packed, piece, word
from tests.web.conftest import Site, Visitor, title


@pytest.mark.parametrize("content", [b"", b"x", b"page " * 10_000, bytes(range(256)) * 40])
def test_what_is_packed_can_be_unpacked_and_its_length_is_round(content):
    assert gzip.decompress(packed(content)) == content
    assert len(packed(content)) % 1024 == 0


@pytest.mark.parametrize("largest", [0, 1, 43, 65_535])
def test_a_page_of_pieces_is_the_same_when_unpacked(largest):
    parts = [b"<p>one" * 3000, bytes(range(256)) * (largest // 256 + 1), b"", b"one</p>" * 3000]
    own = parts[1][:largest]
    pieces = piece(parts[0]) + word(own) + piece(parts[2]) + piece(parts[3]) + word(own)
    content = parts[0] + own + parts[2] + parts[3] + own
    assert gzip.decompress(packed(content, pieces)) == content
    assert len(packed(content, pieces)) % 1024 == 0


def fetched(visitor: Visitor, path: str) -> TestResponse:
    """A page as a browser fetches it."""
    return visitor.client.get(path, headers={"Accept-Encoding": "gzip, deflate, br"})


def test_a_browser_that_can_unpack_gets_a_page_packed(site: Site):
    plain = site.visitor("U001").get("/answer/page/p1")
    page = fetched(site.visitor("U001"), "/answer/page/p1")
    assert "Content-Encoding" not in plain.headers
    assert page.headers["Content-Encoding"] == "gzip"
    assert int(page.headers["Content-Length"]) == len(page.data) < len(plain.data)
    assert b"csrf_token" in gzip.decompress(page.data)
    assert page.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("accepted", ["", "identity", "br", "gzip;q=0, identity"])
def test_others_get_it_as_it_is(site: Site, accepted):
    page = site.visitor().get("/", headers={"Accept-Encoding": accepted})
    assert title(page) == "Answer a survey"


def test_which_answer_is_saved_does_not_show_in_the_length(site: Site):
    lengths = set()
    for unit, kind in (("U001", "yes"), ("U002", "no")):
        visitor = site.visitor(unit)
        visitor.save("p1", {"kind": kind})
        lengths.add(len(fetched(visitor, "/answer/page/p1").data))
    assert len(lengths) == 1


def test_refusals_are_packed_too_and_keep_their_status(site: Site):
    page = fetched(site.visitor(), "/nothing")
    assert page.status_code == 404
    assert b"Page not found" in gzip.decompress(page.data)
