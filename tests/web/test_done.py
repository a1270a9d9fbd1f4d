"""The last page: thanks, and nothing left behind."""

import pytest

from tests.web.conftest import Site, refused, title

DONE = "/answer/done"


@pytest.fixture
def sent(site: Site):
    """A visitor who has just sent everything."""
    visitor = site.filled("U001")
    visitor.post("/answer/send")
    return visitor


def test_it_thanks_and_asks_the_browser_to_forget(sent):
    page = sent.get(DONE)
    assert title(page) == "Answers received"
    assert "Thank you." in page.text
    assert page.headers["Clear-Site-Data"] == '"cache", "storage"'


def test_it_can_be_loaded_again(sent):
    assert sent.get(DONE).data == sent.get(DONE).data


@pytest.mark.parametrize(
    "path", ["/answer/page/p1", "/answer/page/p2", "/answer/check", "/answer/saved", "/answer/start"]
)
def test_going_back_after_sending_shows_no_answer(sent, path):
    page = sent.get(path)
    refused(page, 403, "Your visit has ended")
    assert "Too few staff" not in page.text


def test_before_sending_it_is_refused(site: Site):
    refused(site.filled("U001").get(DONE), 403, "Your visit has ended")
    refused(site.visitor().get(DONE), 403, "Your visit has ended")


def test_the_wrong_method_is_refused(sent):
    sent.get("/")
    refused(sent.post(DONE), 405, "That is not possible")
