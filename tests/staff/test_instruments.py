"""Questionnaires on the staff site: listed, walked through, handed on, compared, published, retired."""

import json
from io import BytesIO
from typing import Any

import pytest
from openpyxl import Workbook

from surveyapp import publishing
from surveyapp.web.staff import walking
from tests.makers import TODAY, make_all_types, rows
from tests.staff.conftest import Colleague, Office, title

BASE = "/surveys/tiny/questionnaires"


def changed(**more: Any) -> dict[str, Any]:
    """The next version of the questionnaire in the field: the options of one question differ."""
    document = make_all_types(version="2", **more)
    document["sections"][0]["pages"][0]["questions"][0]["options"][0]["code"] = "aye"
    return document


def upload(document: dict[str, Any]) -> dict[str, Any]:
    return {"file": (json.dumps(document).encode(), "q.json")}


def sheet(**sheets: list[list[str]]) -> bytes:
    book = Workbook()
    book.remove(book.active)  # type: ignore[arg-type]
    for name, lines in sheets.items():
        page = book.create_sheet(name)
        for line in lines:
            page.append(line)
    stored = BytesIO()
    book.save(stored)
    return stored.getvalue()


def document_of(page: str) -> str:
    """What the hidden field of the page of consequences holds."""
    import re
    from html import unescape

    found = re.search(r"<textarea name=\"document\"[^>]*>\n(.*?)</textarea>", page, re.DOTALL)
    assert found
    return unescape(found[1])


@pytest.mark.parametrize("who", ["manager", "author", "analyst", "key_holder"])
def test_everybody_of_the_survey_sees_its_versions(office: Office, who: str) -> None:
    page = office.enter(who).get(BASE)
    assert title(page) == "Questionnaires"
    assert "tiny-1" in page.text, "the wave that is fielded with it"
    assert ("Publish a file" in page.text) == (who == "author")


def test_a_version_is_handed_on_as_a_file(office: Office) -> None:
    author = office.enter("author")
    for kind, begins in (("html", b"<!DOCTYPE"), ("docx", b"PK"), ("xlsx", b"PK"), ("json", b"{")):
        answer = author.get(f"{BASE}/1/paper/{kind}")
        assert answer.data.startswith(begins)
        assert answer.headers["Content-Disposition"] == f"attachment; filename=tiny-1.{kind}"
    assert author.get(f"{BASE}/1/paper/pdf").status_code == 404
    assert author.get(f"{BASE}/7/paper/json").status_code == 404


def test_a_walk_shows_the_pages_of_a_respondent_and_keeps_nothing(office: Office) -> None:
    author = office.enter("author")
    author.get(f"{BASE}/1")
    begun = author.post(f"{BASE}/1/walk")
    assert begun.status_code == 303
    page = author.client.get(begun.location)
    assert "Preview. Nothing that you enter here is kept." in page.text
    assert begun.location.startswith("/staff/preview/")
    assert "/static/" in page.text
    style = page.text.split('rel="stylesheet" href="')[1].split('"')[0]
    with author.client.get(style) as answer:
        assert answer.status_code == 200, "the walk's own address serves its stylesheet"
    assert rows(office.db, "SELECT count(*) FROM tray") == [(0,)]


def test_a_walk_as_one_kind_of_organisation(office: Office) -> None:
    author = office.enter("author")
    author.get(f"{BASE}/1")
    begun = author.post(f"{BASE}/1/walk", {"fact-name": "Leeds DAT <b>", "fact-region": "North"})
    assert "#" in begun.location, "with the code of the invented organisation"


def test_walks_that_nobody_began_are_not_there(office: Office) -> None:
    author = office.enter("author")
    for path in ("/staff/preview/" + "0" * 32 + "/", "/staff/preview/../keys/", "/staff/preview/"):
        assert author.client.get(path).status_code == 404


def test_walks_are_erased_after_hours(office: Office) -> None:
    author = office.enter("author")
    author.get(f"{BASE}/1")
    first = author.post(f"{BASE}/1/walk").location
    office.now += 10 * 365 * 86_400
    import time

    office.now = int(time.time()) + 13 * 3600
    author = office.enter("author")
    author.get(f"{BASE}/1")
    author.post(f"{BASE}/1/walk")
    assert author.client.get(first).status_code == 404


def test_whoever_begins_one_walk_after_another_fills_no_disk(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(walking, "MOST_KEPT", 3)
    author = office.enter("author")
    author.get(f"{BASE}/1")
    begun = [author.post(f"{BASE}/1/walk").location for _ in range(5)]
    assert len(list(office.home.previews.iterdir())) == 3
    assert [author.client.get(walk).status_code for walk in begun] == [404, 404, 200, 200, 200]


def test_publishing_shows_the_consequences_first(office: Office) -> None:
    author = office.enter("author")
    author.get(BASE)
    page = author.post(f"{BASE}/check", upload(changed()))
    assert title(page) == "Publish tiny@2"
    assert "breaks" in page.text
    assert "bound to it: tiny-1" in page.text
    assert [v.version for v in publishing.versions(office.db)] == ["1"], "nothing is published by looking"
    done = author.post(BASE, {"document": document_of(page.text)})
    assert done.location == f"/staff{BASE}/2"
    assert "2 is published." in author.get(f"{BASE}/2").text
    assert publishing.text(office.db, "tiny", "2") == json.dumps(changed()).encode(), "byte for byte"


def test_a_comparison_says_what_breaks(office: Office) -> None:
    publishing.publish(office.db, json.dumps(changed()).encode(), TODAY)
    page = office.enter("analyst").get(f"{BASE}/2/compared-with/1")
    assert title(page) == "From 1 to 2"
    assert "kind" in page.text
    way = office.enter("analyst").get(f"{BASE}/compare?before=1&version=2")
    assert way.location == f"/staff{BASE}/2/compared-with/1"
    assert office.enter("analyst").get(f"{BASE}/compare?before=1&version=1").status_code == 409


def test_every_problem_of_a_file_is_listed(office: Office) -> None:
    author = office.enter("author")
    author.get(BASE)
    faulty = changed(minutes=0)
    faulty["sections"][0]["title"] = 7
    page = author.post(f"{BASE}/check", upload(faulty))
    assert page.status_code == 400
    assert "/minutes" in page.text
    assert "/sections/0/title" in page.text


def test_a_questionnaire_of_another_survey_is_refused(office: Office) -> None:
    author = office.enter("author")
    author.get(BASE)
    assert author.post(f"{BASE}/check", upload(changed(survey="other"))).status_code == 400
    assert author.post(BASE, {"document": json.dumps(changed(survey="other"))}).status_code == 400
    assert len(publishing.versions(office.db)) == 1


def test_another_content_under_a_known_version_is_refused(office: Office) -> None:
    author = office.enter("author")
    author.get(BASE)
    page = author.post(f"{BASE}/check", upload({**changed(), "version": "1"}))
    assert page.status_code == 409
    assert "a published version never changes" in page.text


def test_titles_show_as_text(office: Office) -> None:
    hostile = "<script>alert(1)</script>"
    author = office.enter("author")
    author.get(BASE)
    page = author.post(f"{BASE}/check", upload(changed(title=hostile)))
    assert hostile not in page.text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page.text


def test_retiring_asks_for_the_name(office: Office) -> None:
    author = office.enter("author")
    author.get(f"{BASE}/1")
    assert author.post(f"{BASE}/1/retire", {"named": "2"}).status_code == 400
    assert publishing.versions(office.db)[0].state == "published"
    assert author.post(f"{BASE}/1/retire", {"named": "1"}).status_code == 303
    assert publishing.versions(office.db)[0].state == "retired"


def test_a_form_of_odk_becomes_a_questionnaire_in_hand(office: Office) -> None:
    book = sheet(
        survey=[["type", "name", "label"], ["select_one yes_no", "staff", "Enough?"], ["text", "why", "Why?"]],
        choices=[["list_name", "name", "label"], ["yes_no", "yes", "Yes"], ["yes_no", "no", "No"]],
        settings=[["form_title", "form_id"], ["A form", "tiny"]],
    )
    author = office.enter("author")
    author.get(BASE)
    page = author.post(f"{BASE}/import", {"file": (book, "form.xlsx"), "version": "3"})
    assert title(page) == "The form is a questionnaire in hand"
    assert [(r[0], r[1]) for r in rows(office.db, "SELECT survey, name FROM manuscript")] == [("tiny", "3")]


def test_a_broken_workbook_is_refused_with_its_place(office: Office) -> None:
    author = office.enter("author")
    author.get(BASE)
    page = author.post(f"{BASE}/import", {"file": (b"no workbook", "form.xlsx"), "version": "3"})
    assert page.status_code == 400
    assert "it is a text file, not a workbook" in page.text


def test_publishing_is_in_the_trail(office: Office) -> None:
    author: Colleague = office.enter("author")
    author.get(BASE)
    page = author.post(f"{BASE}/check", upload(changed()))
    author.post(BASE, {"document": document_of(page.text)})
    assert rows(office.db, "SELECT who, what FROM act") == [("author@example.org", "version-publish")]
