"""A copy for the file: the respondent's own answers, for paper or as a file of their own."""

from tests.web.conftest import Site, refused, title

COPY, FILE = "/answer/copy", "/answer/copy/file"


def test_the_copy_holds_every_answer_and_nothing_to_change(site: Site):
    page = site.filled("U001").get(COPY)
    assert title(page) == "A tiny survey"
    for words in ("Team 1", "What about kind?", "Yes", "Option a", "Police", "More", "Too few staff."):
        assert words in page.text
    assert ">Change<" not in page.text
    assert page.headers["Cache-Control"] == "no-store"


def test_the_file_needs_nothing_else(site: Site):
    answer = site.filled("U001").get(FILE)
    assert answer.headers["Content-Disposition"] == 'attachment; filename="answers.html"'
    assert "Too few staff." in answer.text
    for asked_for in ("src=", "href=", "url(", "http:", "https:", "<script"):
        assert asked_for not in answer.text


def test_words_are_escaped_in_both(site: Site):
    visitor = site.visitor("U001")
    visitor.save("p2", {"issues": "<script>alert(1)</script>"})
    for path in (COPY, FILE):
        assert "<script>alert" not in visitor.get(path).text
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in visitor.get(path).text


def test_nothing_of_it_is_kept(site: Site):
    visitor = site.filled("U001")
    before = site.db.path.read_bytes()
    visitor.get(COPY)
    visitor.get(FILE)
    assert site.db.path.read_bytes() == before


def test_without_a_visit_it_is_refused(site: Site):
    refused(site.visitor().get(COPY), 403, "Your visit has ended")
    refused(site.visitor().get(FILE), 403, "Your visit has ended")


def test_after_sending_there_is_none(site: Site):
    visitor = site.filled("U001")
    visitor.post("/answer/send")
    refused(visitor.get(COPY), 403, "Your visit has ended")
