"""The whole DAT questionnaire by plain forms, as a browser without scripts sends them."""

import json
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest

from surveyapp.config import project_file
from tests.web.conftest import MakeSite, Site

DAT: Path = project_file("instruments/dat/2012.1.json")


class Fields(HTMLParser):
    """The fields of a page, each with the values that it offers; words have none."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.offered: dict[str, list[str]] = {}
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        name = given.get("name") or ""
        if tag == "textarea" or (tag == "input" and given["type"] == "text"):
            self.offered[name] = []
        elif tag == "input" and given["type"] in {"radio", "checkbox"}:
            self.offered.setdefault(name, []).append(given["value"] or "")


@pytest.fixture
def dat(make_site: MakeSite) -> Site:
    """A site with the real questionnaire of 2012."""
    return make_site(json.loads(DAT.read_bytes()), name="dat-2012")


def walk(site: Site, choose: Callable[[str, list[str]], str | None]) -> list[str]:
    """From the code to the thanks, answering every field that is shown; the pages walked through."""
    visitor = site.visitor("U001")
    address = visitor.post("/answer/start").location
    pages = []
    while address.startswith("/answer/page/"):
        pages.append(address)
        offered = Fields(visitor.get(address).text).offered
        chosen = {name: choose(name, values) for name, values in offered.items()}
        address = visitor.post(address, {name: value for name, value in chosen.items() if value}).location
    assert address == "/answer/check"
    visitor.get(address)
    assert visitor.post("/answer/send").location == "/answer/done"
    assert visitor.get("/answer/done").status_code == 200
    return pages


def test_every_question_can_be_answered_and_arrives(dat: Site):
    pages = walk(dat, lambda name, values: values[-1] if values else f"Words for {name}.")
    assert len(pages) == 12
    (answers,) = dat.tray()
    document = json.loads(DAT.read_bytes())
    asked = [q for section in document["sections"] for page in section["pages"] for q in page["questions"]]
    grids = {q["id"]: [row["code"] for row in q["rows"]] for q in asked if q["type"] == "grid"}
    expected = {q["id"] for q in asked if q["type"] not in {"grid", "note"}}
    expected |= {f"{question}.{row}" for question, rows in grids.items() for row in rows}
    assert set(answers) - {"team_type.other.text", "funding_sources_changing.other.text"} == expected
    assert len([key for key in answers if key.startswith("engagement_next.")]) == 16


def test_only_what_must_be_answered_needs_an_answer(dat: Site):
    walk(dat, lambda name, values: values[0] if name == "team_type" else None)
    assert [set(answers) for answers in dat.tray()] == [{"team_type"}]
