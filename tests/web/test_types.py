"""Pages of every type of question: numbers, sums, ranks, days, repeated pages, texts filled in, gentle asking."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from surveyapp.instrument import Note, read_instrument, route
from tests.makers import make_document, make_frame, make_question
from tests.web.conftest import MakeSite, Site, fault_at

QUESTIONNAIRES = sorted((Path(__file__).parents[2] / "instruments").glob("*/*.json"))
ROWS = [{"code": "nhs", "label": "NHS"}, {"code": "council", "label": "Council"}]
CHOICES = [{"code": c, "label": c.upper()} for c in "abc"]

NUMBERS = [
    make_question("number", "income", unit="GBP", min=0, max=5000000, bands=[0, 100000, 500000]),
    make_question("allocation", "share", rows=ROWS, unit="%"),
]
ORDER = [make_question("rank", "needs", options=CHOICES, top=2), make_question("date", "opened", min="1990-01-01")]
CONTRACTS = [make_question("number", "months", unit="months"), make_question("single", "renew")]


def make_types() -> dict[str, Any]:
    document = make_document(NUMBERS, ORDER, CONTRACTS, [make_question("single", "last", required="soft")])
    document["sections"][2]["pages"][0]["repeat"] = {"max": 3, "item": "contract"}
    document["sections"][3]["pages"][0]["questions"][0]["text"] = (
        "With {answers.income} in {unit.region}, what now?"
    )
    document["disclosure"] = {"carry": ["region"]}
    return document


@pytest.fixture
def types(make_site: MakeSite) -> Site:
    return make_site(make_types())


def test_a_number_is_read_as_people_write_it_and_shown_as_it_is_kept(types: Site):
    visitor = types.visitor("U001")
    page = visitor.save("p1", {"income": "£120,000", "share.nhs": "60", "share.council": "40"})
    assert page.location == "/answer/page/p2"
    kept = {"income": "120000", "share.nhs": "60", "share.council": "40"}
    assert types.draft("U001") == kept
    assert 'value="120000"' in visitor.get("/answer/page/p1").text
    check = visitor.get("/answer/check").text
    assert "£120,000" in check
    assert "60%" in check


@pytest.mark.parametrize(
    ("field", "typed", "message"),
    [
        ("income", "1.2k", "The number is shortened; write out 1,200 in full"),
        ("income", "12,5", "That is not a number; write it in digits, such as 1200 or 1,200"),
        ("income", "-1", "-1 is too small; enter 0 or more"),
        ("share.nhs", "61", "Your answers add up to 101; change them to add up to 100"),
    ],
)
def test_a_number_that_will_not_do_is_shown_again_with_its_fault(
    types: Site, field: str, typed: str, message: str
):
    fields = {"income": "1", "share.nhs": "60", "share.council": "40", field: typed}
    page = types.visitor("U001").save("p1", fields)
    assert page.status_code == 422
    assert message in fault_at(page, field.replace(".", "-"))
    assert f'value="{typed}"' in page.text


def test_places_and_a_day_are_kept_in_order_and_shown_in_their_fields(types: Site):
    visitor = types.visitor("U001")
    fields = {"needs.b": "1", "needs.a": "2", "opened.day": "3", "opened.month": "4", "opened.year": "2009"}
    assert visitor.save("p2", fields).location == "/answer/page/p3-1"
    assert types.draft("U001") == {"needs": ["b", "a"], "opened": "2009-04-03"}
    page = visitor.get("/answer/page/p2").text
    assert 'name="needs.b" type="text" inputmode="numeric" autocomplete="off" value="1"' in page
    assert 'name="opened.year" type="text" inputmode="numeric" autocomplete="off" value="2009"' in page
    check = visitor.get("/answer/check").text
    assert "1. B" in check
    assert "3 April 2009" in check


def test_a_day_that_does_not_exist_is_shown_again_as_typed(types: Site):
    page = types.visitor("U001").save("p2", {"opened.day": "31", "opened.month": "2", "opened.year": "2009"})
    assert page.status_code == 422
    assert "There is no such day" in fault_at(page, "opened")
    assert 'value="31"' in page.text


def test_a_repeated_page_can_be_added_to_up_to_its_maximum(types: Site):
    visitor = types.visitor("U001")
    assert visitor.save("p3-1", {"months@1": "12", "then": "add"}).location == "/answer/page/p3-2"
    assert visitor.save("p3-2", {"months@2": "24", "then": "add"}).location == "/answer/page/p3-3"
    page = visitor.get("/answer/page/p3-3").text
    assert "contract 3" in page
    assert "Save and add another contract" not in page
    assert types.draft("U001") == {"months@1": "12", "p3.count": "3", "months@2": "24"}


def test_an_item_can_be_taken_away_and_those_after_it_move_up(types: Site):
    visitor = types.visitor("U001")
    for number, months in enumerate(("12", "24", "36"), 1):
        visitor.save(f"p3-{number}", {f"months@{number}": months, "then": "add" if number < 3 else ""})
    assert visitor.save("p3-2", {"months@2": "24", "then": "remove"}).location == "/answer/page/p3-2"
    assert types.draft("U001") == {"months@1": "12", "months@2": "36", "p3.count": "2"}
    check = visitor.get("/answer/check").text
    assert (
        check.index("Contract 1") < check.index("12 months") < check.index("Contract 2") < check.index("36 months")
    )


def test_an_item_beyond_the_last_is_no_page(types: Site):
    assert types.visitor("U001").get("/answer/page/p3-2").status_code == 302
    assert types.visitor("U002").save("p3-2", {"months@2": "1"}).status_code == 409


def test_a_question_left_out_is_asked_for_once_and_gently(types: Site):
    visitor = types.visitor("U001")
    page = visitor.save("p4", {})
    assert page.status_code == 422
    assert "You have not answered this question." in page.text
    assert "Continue without answering" in page.text
    assert visitor.post("/answer/page/p4", {"anyway": "yes"}).location == "/answer/check"


def test_texts_are_filled_in_with_earlier_answers_and_the_unit(types: Site):
    visitor = types.visitor("U001")
    assert "With … in South, what now?" in visitor.get("/answer/page/p4").text
    visitor.save("p1", {"income": "120000"})
    assert "With 120000 in South, what now?" in visitor.get("/answer/page/p4").text


def test_an_answer_that_fills_a_text_is_never_markup(make_site: MakeSite):
    follow = make_question("single", "next", text="You wrote {answers.words}. Still so?")
    site = make_site(make_document([make_question("text", "words")], [follow]))
    visitor = site.visitor("U001")
    visitor.save("p1", {"words": "<b>{answers.words}</b>"})
    assert "You wrote &lt;b&gt;{answers.words}&lt;/b&gt;. Still so?" in visitor.get("/answer/page/p2").text


def test_what_is_sent_of_a_banded_number_is_its_band(types: Site):
    visitor = types.visitor("U001")
    visitor.save("p1", {"income": "120000"})
    visitor.save("p4", {"last": "yes"})
    visitor.get("/answer/check")
    assert visitor.post("/answer/send").location == "/answer/done"
    (answers,) = types.tray()
    assert answers == {"income": "100000", "p3.count": "1", "last": "yes"}


@pytest.mark.parametrize("file", QUESTIONNAIRES, ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_every_page_of_every_questionnaire_is_shown(make_site: MakeSite, file: Path):
    """Every question of every page on the route of an empty draft is there by its wording."""
    document = json.loads(file.read_bytes())
    document["disclosure"] = {"carry": []}
    text = json.dumps(document).replace("{unit.level}", "{unit.name}")
    site = make_site(json.loads(text), frame=make_frame(40))
    instrument = read_instrument(text)
    visitor = site.visitor("U001")
    for step in route(instrument, {}).steps:
        page = visitor.get(f"/answer/page/{step.name}")
        assert page.status_code == 200
        fields = [f'name="{item.id}' in page.text for item in step.items if not isinstance(item, Note)]
        assert all(fields)


def shown_order(text: str) -> list[str]:
    return re.findall(r'name="q1" type="radio" value="(\w+)"', text)


def make_shuffled() -> dict[str, Any]:
    options = [{"code": c, "label": c.upper()} for c in "abcdefgh"]
    return make_document([make_question(id="q1", options=options, order="random")])


def test_a_shuffled_order_stays_through_a_visit_and_for_a_colleague_after_the_first_save(make_site: MakeSite):
    site = make_site(make_shuffled())
    visitor = site.visitor("U001")
    order = shown_order(visitor.get("/answer/page/p1").text)
    assert sorted(order) == list("abcdefgh")
    visitor.save("p1", {"q1": "c"})
    assert shown_order(site.visitor("U001").get("/answer/page/p1").text) == order


def test_respondents_see_different_orders_and_nothing_of_them_is_sent(make_site: MakeSite):
    site = make_site(make_shuffled())
    orders = {tuple(shown_order(site.visitor(f"U00{i}").get("/answer/page/p1").text)) for i in range(1, 6)}
    assert len(orders) == 5
    visitor = site.visitor("U001")
    visitor.save("p1", {"q1": "c"})
    visitor.post("/answer/send")
    assert site.tray() == [{"q1": "c"}]


def test_an_interviewer_sees_probes_and_has_room_for_notes(make_site: MakeSite):
    question = make_question("text", "work", probes=["And last year?"], notes=True)
    site = make_site(make_document([question], mode="interviewer"))
    visitor = site.visitor("U001")
    page = visitor.get("/answer/page/p1").text
    assert "And last year?" in page
    assert 'name="work.notes"' in page
    visitor.save("p1", {"work": "We changed.", "work.notes": "Hesitated."})
    assert site.draft("U001") == {"work": "We changed.", "work.notes": "Hesitated."}


def test_a_linked_question_says_that_its_words_stay_with_the_other_answers(make_site: MakeSite):
    questions = [make_question("text", "apart"), make_question("text", "why", linked=True)]
    page = make_site(make_document(questions)).visitor("U001").get("/answer/page/p1").text
    assert page.count("The words stay together with the other answers") == 1
