"""In English, in Welsh, and in whatever a questionnaire speaks."""

import re
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from werkzeug.test import TestResponse

from surveyapp.fieldwork import Frame
from tests.makers import make_document, make_frame, make_question
from tests.web.conftest import MakeSite, Site, Visitor, fault_at, title

UNCHECKED = "Nid yw’r cyfieithiad hwn wedi’i wirio eto gan gyfieithydd proffesiynol."


def both(english: str, welsh: str) -> dict[str, str]:
    return {"en": english, "cy": welsh}


def bilingual() -> dict[str, Any]:
    """A questionnaire in English and Welsh, on one page that asks a number, a day and a grid."""
    point = [{"code": "more", "label": both("More", "Mwy")}, {"code": "less", "label": both("Less", "Llai")}]
    questions = [
        {"id": "staff", "type": "number", "text": both("How many staff?", "Faint o staff?"), "max": 5000},
        {"id": "since", "type": "date", "text": both("Since when?", "Ers pryd?"), "min": "2012-03-01"},
        {
            "id": "partners",
            "type": "grid",
            "text": both("And the partners?", "A’r partneriaid?"),
            "rows": [{"code": "police", "label": both("Police", "Heddlu")}],
            "scale": point,
            "required": True,
        },
    ]
    page = {"id": "p1", "title": both("Work", "Gwaith"), "questions": questions}
    return make_document(
        languages=["en", "cy"],
        title=both("A tiny survey", "Arolwg bach"),
        respondent=both("one answer for each team", "un ateb i bob tîm"),
        intro=both("What it is for.", "Beth yw ei ddiben."),
        thanks=both("Thank you.", "Diolch."),
        sections=[{"id": "s1", "title": both("First", "Cyntaf"), "pages": [page]}],
    )


@pytest.fixture
def welsh(make_site: MakeSite) -> Site:
    """A site with a bilingual questionnaire in the field until St David's day."""
    return make_site(bilingual(), closes=date(2012, 3, 1))


@pytest.fixture
def visitor(welsh: Site) -> Visitor:
    """Somebody who has entered and chosen Welsh."""
    found = welsh.visitor("U001")
    found.get("/answer/start?lang=cy")
    return found


def spoken(page: TestResponse) -> str:
    """The language of a page, as it says itself."""
    found = re.search(r'<html lang="([a-z]+)"', page.text)
    assert found
    return found[1]


def offered(page: TestResponse) -> list[tuple[str, str]]:
    """Address and language of each link of the switch."""
    found = re.search(r'<nav class="app-languages".*?</nav>', page.text, re.DOTALL)
    return re.findall(r'href="([^"]+)" lang="(\w+)" hreflang="\2"', found[0]) if found else []


# ── choosing ─────────────────────────────────────────────────────────────────


def test_a_page_is_in_the_first_language_until_another_is_chosen(welsh: Site):
    page = welsh.visitor("U001").get("/answer/start")
    assert (spoken(page), title(page)) == ("en", "A tiny survey")
    assert offered(page) == [("/answer/start?lang=cy", "cy")]
    assert ">Cymraeg</a>" in page.text


def test_the_switch_turns_the_start_page_and_all_after_it_into_welsh(welsh: Site):
    visitor = welsh.visitor("U001")
    page = visitor.get("/answer/start?lang=cy")
    assert (spoken(page), title(page)) == ("cy", "Arolwg bach")
    assert "1 Mawrth 2012" in page.text
    assert offered(page) == [("/answer/start?lang=en", "en")]
    assert 'aria-label="Iaith"' in page.text
    visitor.save("p1", {"partners.police": "more"})
    check = visitor.get("/answer/check")
    assert (spoken(check), "Heddlu" in check.text) == ("cy", True)


def test_the_check_page_can_be_switched_and_back(visitor: Visitor):
    visitor.save("p1", {"partners.police": "more"})
    assert spoken(visitor.get("/answer/check?lang=en")) == "en"
    assert spoken(visitor.get("/answer/check")) == "en"
    assert spoken(visitor.get("/answer/check?lang=cy")) == "cy"


@pytest.mark.parametrize(
    "query", ["lang=fr", "lang=", "lang=CY", "lang=cy%00", "lang=../../cy", "lang=fr&lang=en"]
)
def test_a_language_that_nobody_speaks_here_is_passed_over(visitor: Visitor, query):
    assert spoken(visitor.get(f"/answer/start?{query}")) == "cy"
    assert spoken(visitor.get("/answer/start")) == "cy"


def test_what_the_browser_prefers_is_passed_over(welsh: Site):
    page = welsh.visitor("U001").get("/answer/start", headers={"Accept-Language": "cy"})
    assert spoken(page) == "en"


def test_a_form_does_not_switch_by_its_address(visitor: Visitor):
    visitor.get("/answer/page/p1")
    page = visitor.post("/answer/page/p1?lang=en", {"staff": "many"})
    assert spoken(page) == "cy"


def test_an_english_questionnaire_offers_no_switch_and_stays_english(site: Site):
    visitor = site.visitor("U001")
    for path in ("/", "/answer/start", "/answer/page/p1", "/answer/check"):
        page = visitor.get(f"{path}?lang=cy")
        assert (spoken(page), "app-languages" in page.text) == ("en", False)


def test_the_first_page_offers_welsh_if_a_survey_in_the_field_has_it(welsh: Site):
    visitor = welsh.visitor()
    assert offered(visitor.get("/")) == [("/?lang=cy", "cy")]
    page = visitor.get("/?lang=cy")
    assert (spoken(page), title(page)) == ("cy", "Ateb arolwg")
    assert "Arolwg bach" in page.text
    assert "Ar agor tan 1 Mawrth 2012" in page.text


def test_a_choice_on_the_first_page_is_kept_at_entering(welsh: Site):
    visitor = welsh.visitor()
    visitor.get("/?lang=cy")
    visitor.post("/answer", {"code": welsh.codes["U001"]})
    assert spoken(visitor.get("/answer/start")) == "cy"


def test_who_is_invited_in_welsh_is_met_in_welsh_unless_they_have_chosen_otherwise(make_site: MakeSite):
    units = [replace(unit, language="cy") for unit in make_frame().units]
    site = make_site(bilingual(), frame=Frame(tuple(units), ("region",)))
    assert spoken(site.visitor("U001").get("/answer/start")) == "cy"
    english = site.visitor()
    english.get("/?lang=en")
    english.enter(site.codes["U002"])
    assert spoken(english.get("/answer/start")) == "en"


def test_a_page_that_answers_a_form_offers_the_first_page(welsh: Site):
    visitor = welsh.visitor()
    visitor.get("/?lang=cy")
    page = visitor.post("/answer", {"code": "wrong"})
    assert (spoken(page), offered(page)) == ("cy", [("/?lang=en", "en")])
    assert fault_at(page, "code") == "Gwall: Nid yw’r cod mynediad hwnnw yn un o’n rhai ni"


def test_a_question_page_is_switched_by_a_button_that_loses_nothing_typed(welsh: Site):
    visitor = welsh.visitor("U001")
    page = visitor.get("/answer/page/p1")
    assert offered(page) == []
    assert 'name="then" value="lang-cy" lang="cy">Cymraeg</button>' in page.text
    answer = visitor.post("/answer/page/p1", {"staff": "12", "then": "lang-cy"})
    assert answer.location == "/answer/page/p1"
    page = visitor.get("/answer/page/p1")
    assert (spoken(page), title(page)) == ("cy", "Gwaith")
    assert 'value="12"' in page.text


def test_the_button_that_switches_is_not_the_one_that_the_enter_key_presses(welsh: Site):
    page = welsh.visitor("U001").get("/answer/page/p1")
    buttons = re.findall(r"<button[^>]*>", page.text)
    assert "lang-cy" not in buttons[0]
    assert "name=" not in buttons[0]


def test_a_button_for_a_language_that_nobody_speaks_here_changes_nothing(welsh: Site):
    visitor = welsh.visitor("U001")
    visitor.get("/answer/page/p1")
    visitor.post("/answer/page/p1", {"then": "lang-fr"})
    assert spoken(visitor.get("/answer/page/p1")) == "en"


# ── saying ───────────────────────────────────────────────────────────────────


def test_mistakes_are_told_in_the_language_of_the_page(visitor: Visitor):
    form = {"staff": "6000", "since.day": "28", "since.month": "2", "since.year": "2012"}
    page = visitor.save("p1", form)
    assert page.status_code == 422
    assert fault_at(page, "staff") == "Gwall: Mae 6,000 yn rhy fawr; rhowch 5,000 neu lai"
    expected = "Gwall: Mae’r dyddiad yn rhy gynnar; rhowch 1 Mawrth 2012 neu’n ddiweddarach"
    assert fault_at(page, "since") == expected
    assert "Heddlu: dewiswch un ateb" in page.text
    assert "<title>Gwall: " in page.text


def test_a_label_that_looks_like_markup_or_a_place_to_fill_stays_words(make_site: MakeSite):
    document = bilingual()
    rows = document["sections"][0]["pages"][0]["questions"][2]["rows"]
    rows[0]["label"] = both("Police", "<b>{} %(n)s</b>")
    visitor = make_site(document).visitor("U001")
    visitor.get("/answer/start?lang=cy")
    page = visitor.save("p1", {"staff": "1"})
    assert "&lt;b&gt;{} %(n)s&lt;/b&gt;: dewiswch un ateb" in page.text


def test_a_page_that_cannot_be_shown_says_so_in_the_visitors_language(visitor: Visitor):
    page = visitor.get("/nothing")
    assert (page.status_code, spoken(page), title(page)) == (404, "cy", "Heb ddod o hyd i’r dudalen")
    assert "Mynd i’r dudalen gyntaf" in page.text


def test_thanks_are_said_in_the_language_of_the_visit(visitor: Visitor):
    visitor.save("p1", {"partners.police": "more"})
    visitor.get("/answer/check")
    visitor.post("/answer/send")
    page = visitor.get("/answer/done")
    assert (spoken(page), title(page)) == ("cy", "Atebion wedi dod i law")
    assert "Diolch." in page.text


def test_every_welsh_page_and_no_english_one_says_that_its_translation_is_unchecked(visitor: Visitor):
    visitor.save("p1", {"partners.police": "more"})
    for path in ("/", "/answer/start", "/answer/page/p1", "/answer/check", "/answer/saved", "/nothing"):
        assert UNCHECKED in visitor.get(path).text
        assert UNCHECKED not in visitor.get(f"{path}?lang=en").text
        visitor.get("/answer/start?lang=cy")


def test_a_day_in_an_answer_is_printed_in_the_language_of_the_page(visitor: Visitor):
    form = {"partners.police": "more", "since.day": "9", "since.month": "5", "since.year": "2012"}
    visitor.save("p1", form)
    assert "9 Mai 2012" in visitor.get("/answer/check").text
    assert "9 May 2012" in visitor.get("/answer/check?lang=en").text


# ── other languages ──────────────────────────────────────────────────────────


def test_a_questionnaire_in_another_language_has_english_around_it(make_site: MakeSite):
    polish = make_document([make_question()], languages=["pl"], title="Ankieta")
    visitor = make_site(polish).visitor("U001")
    page = visitor.get("/answer/start?lang=cy")
    assert (spoken(page), title(page)) == ("pl", "Ankieta")
    assert '<footer class="app-footer" lang="en">' in page.text
    assert "app-languages" not in page.text
    assert spoken(visitor.get("/nothing")) == "en"


def test_three_languages_offer_the_two_others_by_their_own_names(make_site: MakeSite):
    document = bilingual()
    document["languages"] = ["en", "cy", "pl"]

    def with_polish(part: Any) -> Any:
        if isinstance(part, dict) and "cy" in part:
            return {**part, "pl": f"{part['en']} (pl)"}
        if isinstance(part, dict):
            return {key: with_polish(value) for key, value in part.items()}
        return [with_polish(value) for value in part] if isinstance(part, list) else part

    page = make_site(with_polish(document)).visitor("U001").get("/answer/start")
    assert offered(page) == [("/answer/start?lang=cy", "cy"), ("/answer/start?lang=pl", "pl")]
    assert ">Polski</a>" in page.text
