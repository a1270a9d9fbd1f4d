"""Every form of the respondents' pages, full of what hurts, in surveys with every kind of question."""

import json
from pathlib import Path
from typing import Any

import pytest

from surveyapp import bookkeeping
from surveyapp.instrument import read_instrument
from tests.attack.crawl import Crawl
from tests.attack.hostile import TEXTS
from tests.faults.books import assert_books_balance
from tests.fuzz.harnesses import everything
from tests.web.conftest import MakeSite, Site

ROOT = Path(__file__).parents[2]
SHARE = 0.01
"""Of all there is to send, in a run of the suite."""

FIRST = ("/", "/answer/start", "/answer/sections", "/answer/check", "/answer/upload")
MOST_PAGES = 60
LEAST_FORMS = 8


def every_type() -> dict[str, Any]:
    return everything()


def teams() -> dict[str, Any]:
    return json.loads((ROOT / "instruments/dat/2012.1.json").read_bytes())


@pytest.mark.parametrize("questionnaire", [every_type, teams], ids=lambda make: make.__name__)
def test_no_form_of_respondents_breaks_or_lets_anything_in(make_site: MakeSite, questionnaire: Any) -> None:
    document = questionnaire()
    asked = read_instrument(json.dumps(document))
    site = make_site(document, carry=["region"])
    known = {
        "",
        *(page.id for page in asked.pages),
        *(question.id for page in asked.pages for question in page.asked),
    }
    crawl = Crawl(site.app.test_client(), Path(str(site.db.place)), lambda: afterwards(site, known), SHARE)
    done: set[object] = set()
    crawled(crawl, ["/"], done)
    crawl.client = site.visitor("U001").client
    crawled(crawl, [*FIRST, *(f"/answer/page/{page.id}" for page in asked.pages)], done)
    crawl.close()
    assert crawl.faults == []
    assert len(done) >= LEAST_FORMS
    assert site.tray() == []


def crawled(crawl: Crawl, waiting: list[str], done: set[object]) -> None:
    """Open these pages and those that they lead to; send each form that was not sent yet."""
    known = set(waiting)
    while waiting and len(known) < MOST_PAGES:
        at = waiting.pop(0)
        page = crawl.open(at)
        crawl.keep()
        for form in page.forms:
            if form.kind not in done:
                done.add(form.kind)
                crawl.attack(form)
        crawl.ask(at)
        waiting += [link for link in page.links if link.startswith("/answer") and link not in known]
        known |= set(page.links)


def afterwards(site: Site, known: set[str]) -> None:
    """The books balance; what is saved, and what is sent, are answers to questions of the survey."""
    assert bookkeeping.imbalances(site.db) == []
    for answers in (site.draft("U001"), *site.tray()):
        assert {key.partition(".")[0].partition("@")[0] for key in answers} <= known


def test_a_hostile_answer_is_sent_once_and_the_books_balance(make_site: MakeSite) -> None:
    """What every attack leaves in the draft can be sent: one box, the words as they were typed."""
    site = make_site()
    for number, words in enumerate(TEXTS.values(), 1):
        if number > 40:
            break
        visitor = site.visitor(f"U{number:03}")
        code = site.codes[f"U{number:03}"]
        visitor.save("p1", {"kind": "other", "kind.other.text": words[:150], "sources": ["a"]})
        visitor.save("p2", {"partners.police": "more", "issues": code})
        visitor.get("/answer/check")
        visitor.post("/answer/send")
    told = {site.codes[f"U{number:03}"] for number in range(1, 41)}
    assert assert_books_balance(site.db, told, "tiny-1", site.key) == told
