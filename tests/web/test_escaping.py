"""Whatever authors and respondents write is shown as words, on every page."""

import pytest

from tests.makers import make_all_types, make_frame, make_question
from tests.web.conftest import MakeSite, Site

SCRIPT = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>{{ 7 * 7 }}"
WORDS = {"title", "respondent", "intro", "privacy", "thanks", "text", "hint", "label"}


def hostile(part):
    """A document with the script at the end of every wording."""
    if isinstance(part, list):
        return [hostile(entry) for entry in part]
    if isinstance(part, dict):
        return {key: f"{value} {SCRIPT}" if key in WORDS else hostile(value) for key, value in part.items()}
    return part


@pytest.fixture
def booby_trapped(make_site: MakeSite) -> Site:
    """A site whose every text is an attack: instrument, stratum, note of the wave."""
    document = make_all_types(privacy="We report.")
    document["sections"][1]["pages"][0]["questions"][0]["hint"] = "A hint."
    document["sections"][0]["pages"][0]["questions"][1]["hint"] = "A hint."
    return make_site(hostile(document), note=SCRIPT)


def assert_harmless(page) -> None:
    """The attack stands there, escaped and not worked out, and nowhere as markup."""
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page.text
    assert "&lt;img src=x onerror=alert(2)&gt;{{ 7 * 7 }}" in page.text
    assert "<script>alert" not in page.text
    assert "<img" not in page.text


def test_the_texts_of_an_instrument_are_escaped_on_every_page(booby_trapped: Site):
    visitor = booby_trapped.visitor("U001")
    pages = [visitor.get(path) for path in ("/", "/answer/start", "/answer/page/p1", "/answer/page/p2")]
    pages += [visitor.save("p1", {"kind": "x", "sources": "x"}), visitor.save("p2", {"partners.police": "x"})]
    visitor.save("p1", {"kind": "other", "sources": ["a", "b"]})
    pages.append(visitor.get("/answer/check"))
    visitor.post("/answer/send")
    pages.append(visitor.get("/answer/done"))
    for page in pages:
        assert_harmless(page)


def test_the_words_of_respondents_are_escaped_on_every_page(site: Site):
    visitor = site.visitor("U001")
    codes = visitor.save("p1", {"kind": SCRIPT, "sources": SCRIPT, "kind.other.text": SCRIPT})
    assert codes.status_code == 422
    assert "<script>alert" not in codes.text
    pages = [
        visitor.save("p1", {"kind": "other", "kind.other.text": SCRIPT * 10}),
        visitor.save("p2", {"issues": SCRIPT * 10}),
    ]
    visitor.save("p1", {"kind": "other", "kind.other.text": SCRIPT})
    visitor.save("p2", {"issues": SCRIPT})
    pages += [visitor.get(path) for path in ("/answer/page/p1", "/answer/page/p2", "/answer/check")]
    for page in pages:
        assert_harmless(page)


def test_a_code_typed_wrong_is_escaped(site: Site):
    visitor = site.visitor()
    visitor.get("/")
    page = visitor.post("/answer", {"code": SCRIPT})
    assert "<script>alert" not in page.text
    assert "&lt;script&gt;alert(1)" in page.text


def test_the_name_of_a_stratum_is_escaped(make_site: MakeSite):
    frame = make_frame()
    units = tuple(
        type(unit)(**{**unit.__dict__, "strata": {SCRIPT: unit.strata["region"]}}) for unit in frame.units
    )
    site = make_site(frame=type(frame)(units, (SCRIPT,)), carry=[SCRIPT])
    assert_harmless(site.visitor("U001").get("/answer/start"))


def test_an_exclusive_option_s_label_is_escaped_in_its_fault(make_site: MakeSite):
    question = make_question("multiple", "sources")
    question["options"].append({"code": "none", "label": SCRIPT, "exclusive": True})
    document = make_all_types()
    document["sections"][0]["pages"][0]["questions"] = [question]
    page = make_site(document).visitor("U001").save("p1", {"sources": ["a", "none"]})
    assert page.status_code == 422
    assert_harmless(page)
