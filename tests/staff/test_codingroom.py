"""The coding room: codeframes by forms, answers coded one by one, coders who do not see each other, quotations."""

import csv
import html
import io
import json
import re
import time
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from surveyapp import campaigning, coding, reporting, returning, staffing
from surveyapp.analysis.themes.codeframes import NOTHING
from surveyapp.coding.coders import in_order_of
from surveyapp.roles import ANALYST
from surveyapp.storage.database import Database
from tests.cases.test_coding import TEXTS, Rows, changed, filled, put, words_of
from tests.makers import TODAY, make_codeframe, rows
from tests.makers import change as change_store
from tests.staff.conftest import Colleague, Office, title

ROOM = "/surveys/tiny/coding"
HERE = "/surveys/tiny/coding/tiny-1/issues"
FIRST = "/surveys/tiny/coding/tiny-1/issues/answers/1"
HOSTILE = "<script>alert(1)</script> & “posts”"


def release(office: Office, texts: list[str], silent: int = 35) -> None:
    """The wave closed, with these answers in words and others that are silent, released."""
    written = io.StringIO()
    writer = csv.DictWriter(written, ["kind", "issues", "region"])
    writer.writeheader()
    for i, text in enumerate([*texts, *[""] * silent]):
        writer.writerow({"kind": "yes", "issues": text, "region": ("North", "South")[i % 2]})
    returning.load_returns(office.db, "tiny-1", "a.csv", written.getvalue().encode(), TODAY)
    campaigning.close_wave(office.db, "tiny-1", TODAY)
    reporting.open_tray(office.db, "tiny-1", office.key)


@pytest.fixture
def room(office: Office) -> Office:
    """Five answers in words, the codeframe "issues" on them, and a second analyst called Berta."""
    release(office, TEXTS)
    put(office.db)
    roles = {"tiny": frozenset({ANALYST})}
    office.ids["berta"] = staffing.add_account(office.db, "berta@example.org", "Berta", roles, TODAY).id
    return office


def enter(office: Office, who: str = "analyst") -> Colleague:
    return office.enter(who)


def field(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found, name
    return html.unescape(found[1])


def words(page: str) -> str:
    found = re.search(r"<blockquote[^>]*>(.*?)</blockquote>", page, re.DOTALL)
    assert found
    return html.unescape(found[1])


def code(one: Colleague, position: int, *codes: str, **more: Any) -> Any:
    """Code the answer at a position, as the form does."""
    page = one.get(f"{HERE}/answers/{position}").text
    fields = {"answer": field(page, "answer"), "show": field(page, "show"), "codes": [*codes]}
    return one.post(f"{HERE}/answers", fields, **more)


def code_all(one: Colleague, give: Callable[[str], str]) -> None:
    for position in range(1, 6):
        code(one, position, *give(words(one.get(f"{HERE}/answers/{position}").text)).split())


def be_done(one: Colleague) -> None:
    one.get(HERE)
    assert one.post(f"{HERE}/finished", {"sure": "y"}).status_code == 303


def given(db: Database) -> dict[str, dict[str, str]]:
    """What every coder gave, by the words."""
    said = {s.answer: s.words for s in coding.answers(db, "tiny-1", "issues")}
    found: dict[str, dict[str, str]] = {}
    for coder, question, verbatim, codes in rows(db, "SELECT coder, question, verbatim, codes FROM coding"):
        found.setdefault(coder, {})[said[question, bytes(verbatim)]] = codes
    return found


def trail(office: Office) -> list[tuple[Any, ...]]:
    return [(act.what, act.object, act.said) for _, act in staffing.acts(office.db)]


# ── what there is ────────────────────────────────────────────────────────────


def test_an_empty_room_leads_on(office: Office):
    page = enter(office).get("/surveys/tiny/coding")
    assert (page.status_code, title(page)) == (200, "Open answers")
    assert "No answers are released yet" in page.text


def test_the_room_says_how_far_everything_is(room: Office):
    one = enter(room)
    assert "nobody yet" in one.get("/surveys/tiny/coding").text
    code(one, 1, "money")
    page = one.get("/surveys/tiny/coding").text
    assert "you: 1 of 5" in page
    assert "Go on coding" in page
    assert "Analyst: 1 of 5" in enter(room, "berta").get("/surveys/tiny/coding").text


@pytest.mark.parametrize("who", ["manager", "author", "key_holder"])
def test_only_analysts_come_in(room: Office, who: str):
    one = enter(room, who)
    for path in ("/surveys/tiny/coding", HERE, FIRST, f"{HERE}/quotations", f"{HERE}/sheet"):
        assert one.get(path).status_code == 403, path
    assert one.post(f"{HERE}/answers", {"answer": "00 issues"}).status_code == 403


def test_the_codeframe_of_another_survey_is_not_there(room: Office):
    assert enter(room, "stranger").get(HERE).status_code == 404
    assert enter(room).get("/surveys/tiny/coding/tiny-1/none").status_code == 404
    assert enter(room).get(f"{HERE}/answers/6").status_code == 404
    assert enter(room).get(f"{HERE}/answers/0").status_code == 404


# ── a codeframe by forms ─────────────────────────────────────────────────────

BEGIN = {
    "title": "Issues on staffing",
    "questions": "issues",
    "themes": "Money: anything about the budget\nPosts: people and hours",
    "who": "Respondent",
}


def test_a_codeframe_is_begun(office: Office):
    release(office, TEXTS)
    one = enter(office)
    assert "(5 answers)" in one.get("/surveys/tiny/coding/tiny-1").text
    answer = one.post("/surveys/tiny/coding/tiny-1", BEGIN)
    assert answer.location.endswith("/coding/tiny-1/issues_on_staffing")
    page = one.get("/surveys/tiny/coding/tiny-1/issues_on_staffing")
    assert "anything about the budget" in page.text
    assert ("codeframe-begin", "tiny-1", "") in trail(office)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"title": ""}, "The codeframe has no title"),
        ({"questions": []}, "No question is chosen"),
        ({"themes": ""}, "There is no theme"),
        ({"themes": "Money: budget\nPosts"}, "Line 2 does not say what the theme means"),
        ({"themes": "Money: budget\nMoney: more"}, "is used twice"),
        ({"questions": "kind"}, "holds no words"),
    ],
)
def test_what_is_wrong_stands_at_its_field_and_the_rest_stays(office: Office, wrong: Mapping[str, Any], said: str):
    release(office, TEXTS)
    one = enter(office)
    one.get("/surveys/tiny/coding/tiny-1")
    answer = one.post("/surveys/tiny/coding/tiny-1", {**BEGIN, "who": "Somebody known", **wrong})
    assert answer.status_code == 400
    assert said in html.unescape(answer.text)
    assert "Somebody known" in answer.text
    assert coding.standings(office.db, "tiny-1") == []


def change(one: Colleague, themes: list[dict[str, str]], do: str = "check", **heads: str) -> Any:
    """Send the form that changes a codeframe."""
    one.get(f"{HERE}/change")
    fields: dict[str, Any] = {"title": "What weighs on teams", "version": "1", "who": "R", "do": do, **heads}
    fields["themes"] = str(len(themes))
    for i, theme in enumerate(themes):
        fields |= {f"theme-{i}-{name}": value for name, value in theme.items()}
    return one.post(f"{HERE}/version" if do == "use" else f"{HERE}/change", fields)


MONEY = {"code": "money", "was": "money", "label": "Money", "definition": "About money.", "place": "1"}
STAFF = {"code": "staff", "was": "staff", "label": "Staff", "definition": "About staff.", "place": "2"}
TIME = {"code": "", "label": "Time", "definition": "About time.", "place": "1.5"}


def frame_of(office: Office) -> tuple[str, list[str]]:
    frame = coding.standings(office.db, "tiny-1")[0].codeframe
    return frame.version, [theme.code for theme in frame.themes]


def test_a_codeframe_that_nobody_uses_is_changed_as_it_is(room: Office):
    one = enter(room)
    answer = change(one, [MONEY, STAFF, TIME])
    assert "“Time” is new" in answer.text
    assert frame_of(room) == ("1", ["money", "staff"]), "nothing is kept before it was shown"
    assert change(one, [MONEY, STAFF, TIME], do="use").status_code == 303
    assert frame_of(room) == ("1", ["money", "time", "staff"])


def test_a_codeframe_in_use_gets_a_version_and_says_what_becomes_of_codes(room: Office):
    one = enter(room)
    code_all(one, lambda said: "staff" if "grant" not in said else "money")
    posts = {**TIME, "label": "Posts", "place": "3"}
    split = [MONEY, {**STAFF, "retired": "y", "became": "time posts"}, TIME, posts]
    assert 'name="version" value="2"' in one.get(f"{HERE}/change").text
    answer = change(one, split, version="2")
    assert "5 codings are carried over" in answer.text
    assert "<strong>3</strong> of them wait for their coder to look again" in answer.text
    assert frame_of(room)[0] == "1"
    assert change(one, split, do="use", version="2").status_code == 303
    assert frame_of(room) == ("2", ["money", "time", "posts"])
    assert "2 of 5" in one.get(HERE).text
    assert "Look again: staff is now posts, time" in one.get(one.get(f"{HERE}/answers").location[6:]).text


def test_a_theme_that_is_gone_without_a_word_is_a_fault_of_the_form(room: Office):
    one = enter(room)
    code(one, 1, "money")
    answer = change(one, [MONEY, STAFF], title="Other words")
    assert answer.status_code == 400
    assert "is in use with other content" in html.unescape(answer.text)
    assert 'href="#version"' in answer.text
    answer = change(one, [MONEY, {**STAFF, "label": "Money"}], version="2")
    assert 'href="#theme-1-label"' in answer.text
    answer = change(one, [MONEY, {**STAFF, "retired": "y", "became": "nobody"}], version="2")
    assert 'href="#theme-1-became"' in answer.text


def test_a_further_theme_is_added_to_the_form_with_all_that_was_typed(room: Office):
    answer = change(enter(room), [{**MONEY, "definition": "Typed just now."}, STAFF], do="add")
    assert "A new theme" in answer.text
    assert "Typed just now." in answer.text
    assert change(enter(room), [MONEY] * 201).status_code == 409


# ── the coding screen ────────────────────────────────────────────────────────


def test_an_answer_is_coded_and_the_next_one_comes(room: Office):
    one = enter(room)
    first = words(one.get(FIRST).text)
    answer = code(one, 1, "money", "staff")
    assert (answer.status_code, answer.location) == (303, f"/staff{HERE}/answers/2")
    assert list(given(room.db).values()) == [{first: "money staff"}]
    assert 'coded <strong id="coded">1</strong> of 5' in one.get(FIRST).text


def test_coding_leads_through_what_is_not_coded_and_then_back(room: Office):
    one = enter(room)
    for _ in range(5):
        at = one.get(f"{HERE}/answers").location
        assert at.endswith("?show=open")
        page = one.get(at[6:]).text
        answer = one.post(f"{HERE}/answers", {"answer": field(page, "answer"), "show": "open", "codes": "money"})
    assert answer.location == f"/staff{HERE}"
    assert [len(codes) for codes in given(room.db).values()] == [5]


def test_a_script_saves_without_leaving_the_page(room: Office):
    answer = code(enter(room), 1, "money", headers={"Accept": "application/json"})
    assert (answer.status_code, answer.json) == (200, {"coded": 1})


def test_taking_everything_back_leaves_an_answer_not_coded(room: Office):
    one = enter(room)
    code(one, 1, "money")
    code(one, 1)
    assert given(room.db) == {}


def test_a_mark_beside_a_theme_is_a_fault_that_keeps_what_was_ticked(room: Office):
    one = enter(room)
    answer = code(one, 2, "money", NOTHING)
    assert answer.status_code == 400
    assert title(answer) == "Answer 2 of 5"
    assert "There is a problem" in answer.text
    assert answer.text.count(" checked") == 2
    asked = code(one, 2, "money", NOTHING, headers={"Accept": "application/json"})
    assert (asked.status_code, "together" in asked.json["fault"]) == (400, True)
    assert given(room.db) == {}


@pytest.mark.parametrize("token", ["", "zz issues", "00 issues", "00112233 kind", "'; DROP issues", "0 issues"])
def test_an_answer_that_is_not_here_takes_no_codes(room: Office, token: str):
    one = enter(room)
    one.get(FIRST)
    assert one.post(f"{HERE}/answers", {"answer": token, "codes": "money"}).status_code == 404


def test_a_code_that_there_is_not_is_refused(room: Office):
    assert code(enter(room), 1, "cake").status_code == 400
    assert given(room.db) == {}


def test_answers_are_leafed_through_by_theme(room: Office):
    one = enter(room)
    for position, theme in enumerate(["money", "staff", "money"], 1):
        code(one, position, theme)
    page = one.get(f"{FIRST}?show=money").text
    assert f'href="/staff{HERE}/answers/3?show=money"' in page
    assert f'href="/staff{HERE}/answers/4?show=open"' in one.get(f"{FIRST}?show=open").text
    assert one.get(f"{FIRST}?show=<script>").status_code == 200


def test_words_are_sought_in_the_body_of_a_request(room: Office):
    one = enter(room)
    one.get(FIRST)
    answer = one.post(f"{HERE}/search", {"words": "POSTS grant"})
    assert re.findall(r"<blockquote[^>]*>([^<]*)", answer.text) == [TEXTS[2]]
    assert "No answer holds these words" in one.post(f"{HERE}/search", {"words": "cake"}).text
    assert "No answer holds these words" in one.post(f"{HERE}/search", {"words": " "}).text


def test_orders_differ_from_coder_to_coder(room: Office):
    orders = {}
    for who in ("analyst", "berta"):
        one = enter(room, who)
        orders[who] = [words(one.get(f"{HERE}/answers/{i}").text) for i in range(1, 6)]
    assert sorted(orders["analyst"]) == sorted(orders["berta"]) == sorted(TEXTS)
    labels = [f"answer {i}" for i in range(30)]
    assert in_order_of("analyst", labels) != in_order_of("berta", labels)


def test_keys_stand_beside_the_themes(room: Office):
    page = enter(room).get(FIRST).text
    assert re.findall(r'value="(\w+)" data-key="(.)"', page) == [
        ("money", "1"),
        ("staff", "2"),
        ("nothing_to_code", "0"),
        ("uncodable", "-"),
    ]


def test_no_words_and_no_ids_stand_in_addresses_trail_or_cookie(room: Office):
    one = enter(room)
    code_all(one, lambda said: "money")
    be_done(one)
    pages = [FIRST, f"{HERE}/answers/2?show=open", HERE, f"{HERE}/quotations", f"{HERE}/quotations/1"]
    links = " ".join(re.findall(r'(?:href|action)="([^"]*)"', "".join(one.get(path).text for path in pages)))
    ids = [bytes(id_).hex() for (id_,) in rows(room.db, "SELECT id FROM verbatim")]
    coder = coding.coder_of(room.ids["analyst"])
    labels = [offer.label for offer in coding.offers(room.db, "tiny-1", "issues", coder)]
    told = repr(trail(room)) + links
    assert not any("Said(" in one.get(path).text for path in pages)
    assert not [secret for secret in (*ids, *labels, "grant", "weather") if secret in told]


def test_a_day_of_coding_is_one_line_of_the_trail(room: Office):
    code_all(enter(room), lambda said: "money")
    assert [line for line in trail(room) if line[0] == "answers-code"] == [("answers-code", "tiny-1 issues", "")]


def test_hostile_words_show_as_words(office: Office):
    release(office, [HOSTILE, *TEXTS[1:]])
    themes = [{"code": "posts", "label": "<b>Posts</b>", "definition": "<img src=x onerror=alert(1)>"}]
    put(office.db, themes=themes, title="<i>Title</i>")
    one = enter(office)
    code_all(one, lambda said: "posts")
    one.get(FIRST)
    found = one.post(f"{HERE}/search", {"words": "<script>"}).text
    assert html.escape(HOSTILE, quote=False) in found or "&lt;script&gt;alert(1)" in found
    be_done(one)
    for path in (HERE, *(f"{HERE}/answers/{i}" for i in range(1, 6)), f"{HERE}/change", f"{HERE}/quotations"):
        page = one.get(path).text
        assert not re.search(r"<script>|<b>Posts|<img|<i>Title", page), path


A_THOUSAND = """
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)
    INSERT INTO verbatim SELECT randomblob(16), 'tiny-1', 'issues', 'North', 'Answer on posts ' || i FROM n
"""


def test_saving_one_answer_of_a_thousand_is_quick(office: Office):
    release(office, TEXTS)
    change_store(office.db, A_THOUSAND)
    put(office.db)
    coder = coding.coder_of(office.ids["analyst"])
    which = coding.pile(office.db, "tiny-1", "issues", coder).answers[0].answer

    def spent() -> float:
        began = time.process_time()
        coding.give(office.db, "tiny-1", "issues", coder, which, frozenset({"money"}))
        return time.process_time() - began

    assert min(spent() for _ in range(5)) < 0.020


# ── blind until done ─────────────────────────────────────────────────────────


def plain(page: str) -> str:
    """A page without what differs each time."""
    return re.sub(r'nonce="[^"]*"|name="csrf_token" value="[^"]*"', "", page)


def looked_at(one: Colleague) -> dict[str, str]:
    """Everything that somebody who codes can open of a codeframe."""
    paths = [f"{HERE}/answers/{i}" for i in range(1, 6)] + [f"{HERE}/change", f"{HERE}/agreement", HERE, ROOM]
    pages = {path: plain(one.get(path).text) for path in paths}
    one.get(FIRST)
    pages["search"] = plain(one.post(f"{HERE}/search", {"words": "the"}).text)
    return pages


def test_the_second_coder_sees_nothing_of_what_the_first_gave(room: Office):
    """Two worlds that differ in what the first coder gave: every page of the second is the same, byte for byte."""
    first, second = enter(room), enter(room, "berta")
    code(second, 1, "money")
    code_all(first, lambda said: "money")
    once = looked_at(second)
    code_all(first, lambda said: "staff" if "grant" in said else NOTHING)
    again = looked_at(second)
    assert again == once


def test_what_others_gave_is_closed_to_those_who_code(room: Office):
    first, second = enter(room), enter(room, "berta")
    code_all(first, lambda said: "money")
    code_all(second, lambda said: "staff")
    closed = ("differences", "differences/1", "quotations", "quotations/1", "quotations/table", "settling-sheet")
    for path in closed:
        answer = second.get(f"{HERE}/{path}")
        assert answer.status_code == 409, path
        assert "said that they are done" in answer.text
        assert not any(text in answer.text for text in TEXTS), path
    for path, fields in (
        ("differences", {"label": "v1", "codes": "money"}),
        ("quotations", {"label": "v1", "words": "x", "under": "money"}),
        ("quotations/withdrawn", {"label": "v1"}),
        ("settling-sheet", {"file": (b"x", "s.xlsx")}),
    ):
        second.get(HERE)
        assert second.post(f"{HERE}/{path}", fields).status_code == 409, path


def test_who_is_done_sees_what_others_gave_and_codes_no_more_of_it(room: Office):
    first, second = enter(room), enter(room, "berta")
    code(second, 1, "staff")
    code_all(first, lambda said: "money")
    be_done(second)
    assert second.get(f"{HERE}/differences/1").status_code == 200
    page = second.get(FIRST).text
    assert "takes no more codes from you" in page
    before = given(room.db)
    second.get(HERE)
    answer = second.post(f"{HERE}/answers", {"answer": field(page, "answer"), "codes": "money"})
    assert answer.status_code == 409
    assert given(room.db) == before


def test_who_is_done_may_code_what_nobody_else_has(room: Office):
    first, second = enter(room), enter(room, "berta")
    code(first, 1, "money")
    be_done(second)
    assert "the 4 answers that nobody has coded" in second.get(HERE).text
    at = second.get(f"{HERE}/answers").location
    page = second.get(at[6:]).text
    second.post(f"{HERE}/answers", {"answer": field(page, "answer"), "show": "open", "codes": "staff"})
    assert sorted(len(codes) for codes in given(room.db).values()) == [1, 1]


def test_to_be_done_has_to_be_meant(room: Office):
    one = enter(room)
    one.get(HERE)
    answer = one.post(f"{HERE}/finished", {})
    assert answer.status_code == 400
    assert "Tick the box" in answer.text
    assert one.get(f"{HERE}/quotations").status_code == 409


# ── agreement and differences ────────────────────────────────────────────────


def test_agreement_is_told_in_full_to_those_who_are_done(room: Office):
    first, second = enter(room), enter(room, "berta")
    code_all(first, lambda said: "money" if "grant" in said else "staff")
    code_all(second, lambda said: "money" if said == TEXTS[0] else "staff")
    be_done(first)
    page = re.sub(r"\s+", " ", first.get(f"{HERE}/agreement").text)
    assert "Both have coded 5 answers and gave exactly the same themes to 4" in page
    assert "Kappa over all themes: <strong>0.55</strong>" in page
    assert ("Analyst and Berta" in page) or ("Berta and Analyst" in page)
    assert "Kappa over all themes" not in second.get(f"{HERE}/agreement").text


def test_those_who_code_are_told_roughly_and_only_on_twenty_answers(office: Office):
    release(office, [f"Answer {i}" for i in range(25)], silent=0)
    put(office.db)
    mine, other = coding.coder_of(office.ids["analyst"]), "b"
    said = [s.answer for s in coding.answers(office.db, "tiny-1", "issues")]
    theme = {answer: frozenset({("money", "staff")[i % 2]}) for i, answer in enumerate(said)}
    coding.code(office.db, "tiny-1", "issues", {other: theme, mine: dict(list(theme.items())[:19])})
    one = enter(office)
    assert "There are not yet twenty" in one.get(f"{HERE}/agreement").text
    coding.code(office.db, "tiny-1", "issues", {mine: {**theme, said[0]: frozenset({"staff"})}})
    page = one.get(f"{HERE}/agreement").text
    assert "kappa about <strong>0.9</strong> on 20 answers or more" in page


def test_a_difference_is_settled_and_opens_again_when_somebody_codes_anew(room: Office):
    first, second = enter(room), enter(room, "berta")
    code_all(first, lambda said: "money")
    code_all(second, lambda said: "staff" if "weather" in said else "money")
    third = enter(room, "manager")
    staffing.set_roles(
        room.db,
        room.ids["manager"],
        {"tiny": frozenset({ANALYST})},
        staffing.By("admin@example.org", room.now),
    )
    be_done(third)
    at = third.get(f"{HERE}/differences").location
    page = third.get(at[6:]).text
    assert title(third.get(at[6:])) == "Difference 1 of 1"
    assert words(page) == TEXTS[3]
    assert not re.search("Analyst|Berta|staff-[0-9a-f]", page)
    answer = third.post(f"{HERE}/differences", {"label": field(page, "label"), "codes": "staff"})
    assert answer.location == f"/staff{HERE}"
    assert coding.standings(room.db, "tiny-1")[0].disputed == 0
    position = next(i for i in range(1, 6) if words(second.get(f"{HERE}/answers/{i}").text) == TEXTS[3])
    code(second, position, "staff", "money")
    assert coding.standings(room.db, "tiny-1")[0].disputed == 1


def test_what_is_not_in_dispute_is_not_settled(room: Office):
    one = enter(room)
    code_all(one, lambda said: "money")
    be_done(one)
    assert one.get(f"{HERE}/differences").location == f"/staff{HERE}"
    assert one.get(f"{HERE}/differences/1").status_code == 404
    label = coding.offers(room.db, "tiny-1", "issues", coding.coder_of(room.ids["analyst"]))[0].label
    one.get(HERE)
    assert one.post(f"{HERE}/differences", {"label": label, "codes": "staff"}).status_code == 400
    assert one.post(f"{HERE}/differences", {"label": "none", "codes": "staff"}).status_code == 404


# ── quotations ───────────────────────────────────────────────────────────────


@pytest.fixture
def settled(room: Office) -> tuple[Office, Colleague]:
    """All five answers coded by one who is done."""
    one = enter(room)
    code_all(one, lambda said: "money" if "grant" in said else "staff")
    be_done(one)
    return room, one


def quoting(one: Colleague, text: str) -> tuple[str, str]:
    """The page that quotes an answer, and its label."""
    for position in range(1, 6):
        page = one.get(f"{HERE}/quotations/{position}").text
        if words(page) == text:
            return page, field(page, "label")
    raise AssertionError(text)


def test_words_are_quoted_without_what_identifies(settled: tuple[Office, Colleague]):
    office, one = settled
    page, label = quoting(one, TEXTS[1])
    assert "Two posts are empty at [organisation]." in html.unescape(page)
    assert "Team 12" not in page, "the names of the frame stand on no page"
    wish = {"label": label, "under": "staff", "words": "Two posts are empty …"}
    assert one.post(f"{HERE}/quotations", wish).status_code == 303
    shown = one.get(f"{HERE}/quotations").text
    assert "“Two posts are empty …”" in shown
    assert [q.words for q in coding.quotations(office.db, "tiny-1", "issues")] == ["Two posts are empty …"]
    assert one.post(f"{HERE}/quotations/withdrawn", {"label": label}).status_code == 303
    assert coding.quotations(office.db, "tiny-1", "issues") == []


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        ({"words": TEXTS[1]}, "It may identify somebody: Team 7 (organisation)"),
        ({"words": "Three posts"}, "It holds what was not said"),
        ({"words": ""}, "It holds what was not said, or nothing"),
        ({"under": "money"}, "The answer does not carry “money”"),
    ],
)
def test_what_may_not_be_printed_is_refused_at_its_field(
    settled: tuple[Office, Colleague], wish: Mapping[str, str], said: str
):
    office, one = settled
    _, label = quoting(one, TEXTS[1])
    answer = one.post(f"{HERE}/quotations", {"label": label, "under": "staff", "words": "Two posts", **wish})
    assert answer.status_code == 400
    assert said in html.unescape(answer.text)
    assert coding.quotations(office.db, "tiny-1", "issues") == []


def test_what_was_judged_may_be_left_in(settled: tuple[Office, Colleague]):
    office, one = settled
    _, label = quoting(one, TEXTS[1])
    wish = {"label": label, "under": "staff", "words": TEXTS[1], "read": "y"}
    assert one.post(f"{HERE}/quotations", wish).status_code == 303
    assert [q.words for q in coding.quotations(office.db, "tiny-1", "issues")] == [TEXTS[1]]


def test_nobody_learns_by_typing_who_is_in_the_frame(settled: tuple[Office, Colleague]):
    """Words in brackets are the editor's own: names of the frame and others get the same answer."""
    office, one = settled
    _, label = quoting(one, TEXTS[1])
    wish = {"label": label, "under": "staff"}
    answers = [
        one.post(f"{HERE}/quotations", {**wish, "words": f"Two posts [{name}]"}) for name in ("Team 8", "Team X")
    ]
    faults = [re.findall(r"govuk-error-message.*", answer.text) for answer in answers]
    assert faults[0] == faults[1] != []
    assert "Words of your own stand in [brackets]" in faults[0][0]
    assert one.post(f"{HERE}/quotations", {**wish, "words": "Two posts [there]", "read": "y"}).status_code == 303
    assert [q.words for q in coding.quotations(office.db, "tiny-1", "issues")] == ["Two posts [there]"]


def test_a_group_that_is_too_small_is_quoted_with_a_reason_why_not(office: Office):
    release(office, TEXTS, silent=0)
    put(office.db)
    one = enter(office)
    code_all(one, lambda said: "money")
    be_done(one)
    page = one.get(f"{HERE}/quotations")
    assert page.status_code == 200
    assert "No answer may be quoted: 5 have answered; quotations need a group of at least 10" in page.text
    assert one.get(f"{HERE}/quotations/1").status_code == 409


def test_the_table_of_quotations_is_a_workbook(settled: tuple[Office, Colleague]):
    _, one = settled
    answer = one.get(f"{HERE}/quotations/table")
    assert answer.data[:2] == b"PK"
    assert "attachment" in answer.headers["Content-Disposition"]


# ── sheets ───────────────────────────────────────────────────────────────────


def test_a_sheet_goes_out_and_comes_back(room: Office):
    one = enter(room)
    content = one.get(f"{HERE}/sheet").data
    one.get(HERE)
    sent = {"file": (filled(content, {TEXTS[0]: "money", TEXTS[1]: "staff"}), "mine.xlsx")}
    assert one.post(f"{HERE}/sheet", sent).status_code == 303
    assert list(given(room.db).values()) == [{TEXTS[0]: "money", TEXTS[1]: "staff"}]
    assert "2 of 5" in one.get(HERE).text


def test_the_problems_of_a_sheet_stand_on_the_page_with_their_cells(room: Office):
    one = enter(room)
    content = one.get(f"{HERE}/sheet").data
    one.get(HERE)
    bad = filled(content, {TEXTS[0]: f"money {NOTHING}"})
    answer = one.post(f"{HERE}/sheet", {"file": (bad, "mine.xlsx")})
    assert answer.status_code == 400
    assert re.search(r"Coding!F\d+: “nothing_to_code” has a 1 beside “money”", answer.text)
    for file in ((b"nonsense", "mine.xlsx"), (b"", "")):
        one.get(HERE)
        assert one.post(f"{HERE}/sheet", {"file": file}).status_code == 400
    assert given(room.db) == {}


def test_the_sheet_of_another_coder_is_refused(room: Office):
    content = enter(room).get(f"{HERE}/sheet").data
    second = enter(room, "berta")
    second.get(HERE)
    answer = second.post(f"{HERE}/sheet", {"file": (filled(content, {TEXTS[0]: "money"}), "hers.xlsx")})
    assert answer.status_code == 400
    assert "it is the sheet of another coder" in answer.text
    be_done(second)
    own = filled(second.get(f"{HERE}/sheet").data, {TEXTS[0]: "money"})
    second.get(HERE)
    assert "you have said that you are done" in second.post(f"{HERE}/sheet", {"file": (own, "s.xlsx")}).text


def test_differences_are_settled_by_sheet(room: Office):
    first, second = enter(room), enter(room, "berta")
    code_all(first, lambda said: "money")
    code_all(second, lambda said: "staff" if "weather" in said else "money")
    be_done(first)
    content = first.get(f"{HERE}/settling-sheet").data
    sheet = filled(content, {TEXTS[3]: "staff money"}, "Settling")
    first.get(HERE)
    assert first.post(f"{HERE}/settling-sheet", {"file": (sheet, "s.xlsx")}).status_code == 303
    assert coding.standings(room.db, "tiny-1")[0].disputed == 0


def quoted(content: bytes, rows: Mapping[str, Mapping[str, Any]]) -> bytes:
    """A quoting sheet with these cells filled in, by the words of the answer and the heading of the column."""

    def write(found: Rows) -> None:
        for said, cells in rows.items():
            for column, value in cells.items():
                found[said][column].value = value

    return changed(content, write, "Quotations")


def load_quoted(one: Colleague, rows: Mapping[str, Mapping[str, Any]]) -> Any:
    content = quoted(one.get(f"{HERE}/quoting-sheet").data, rows)
    one.get(f"{HERE}/quotations")
    return one.post(f"{HERE}/quoting-sheet", {"file": (content, "quote.xlsx")})


def test_quotations_are_chosen_by_sheet_in_place_of_those_before(settled: tuple[Office, Colleague]):
    office, one = settled
    _, label = quoting(one, TEXTS[1])
    one.post(f"{HERE}/quotations", {"label": label, "under": "staff", "words": "Two posts are empty …"})
    offered = words_of(one.get(f"{HERE}/quoting-sheet").data, "Quotations")
    assert sorted(offered) == sorted(TEXTS)
    answer = load_quoted(one, {TEXTS[1]: {"Quote under": "", "Words to print": ""}, TEXTS[0]: QUOTED})
    assert answer.status_code == 303
    assert "1 quotation is cleared" in one.get(f"{HERE}/quotations").text
    found = coding.quotations(office.db, "tiny-1", "issues")
    assert [(q.theme, q.words) for q in found] == [("Money", TEXTS[0])]
    assert ("quotations-load", "tiny-1 issues", "") in trail(office)


QUOTED = {"Quote under": "money", "Words to print": TEXTS[0], "Read": 1}


def test_the_problems_of_a_quoting_sheet_have_their_cells_and_nothing_is_cleared(
    settled: tuple[Office, Colleague],
):
    office, one = settled
    answer = load_quoted(one, {TEXTS[0]: {**QUOTED, "Words to print": "Nobody said this"}})
    assert answer.status_code == 400
    assert re.search(r"Quotations![A-Z]\d+: it holds what was not said", answer.text)
    for file in ((b"nonsense", "q.xlsx"), (b"", "")):
        one.get(f"{HERE}/quotations")
        assert one.post(f"{HERE}/quoting-sheet", {"file": file}).status_code == 400
    assert coding.quotations(office.db, "tiny-1", "issues") == []


def test_nobody_learns_by_a_sheet_who_is_in_the_frame(settled: tuple[Office, Colleague]):
    """Words in brackets are the editor's own: names of the frame and others get the same answer."""
    _, one = settled
    said = []
    for name in ("Team 8", "Team X"):
        answer = load_quoted(one, {TEXTS[0]: {**QUOTED, "Words to print": f"… [{name}]", "Read": ""}})
        said.append(re.findall(r"Quotations![^<]*", answer.text))
    assert said[0] == said[1] != []
    assert "words of your own stand in [brackets]" in said[0][0]


def test_who_still_codes_gets_no_quoting_sheet(room: Office):
    one = enter(room)
    assert one.get(f"{HERE}/quoting-sheet").status_code == 409
    one.get(HERE)
    assert one.post(f"{HERE}/quoting-sheet", {"file": (b"x", "q.xlsx")}).status_code == 409


# ── codeframes as files ──────────────────────────────────────────────────────

FILE = "/surveys/tiny/coding/tiny-1/from-file"


def weigh(one: Colleague, document: Mapping[str, Any]) -> Any:
    one.get(FILE)
    return one.post(FILE, {"file": (json.dumps(document).encode(), "frame.json")})


def test_a_codeframe_goes_out_as_json_and_comes_back_the_same(room: Office):
    one = enter(room)
    answer = one.get(f"{HERE}/file")
    assert answer.headers["Content-Disposition"] == "attachment; filename=tiny-issues.json"
    assert answer.json == make_codeframe()
    shown = weigh(one, make_codeframe())
    assert (shown.status_code, "It is in use already" in shown.text) == (200, True)


def test_a_codeframe_from_a_file_is_shown_before_it_is_put_in_use(office: Office):
    release(office, TEXTS)
    one = enter(office)
    shown = weigh(one, make_codeframe())
    assert "Nobody has coded yet" in shown.text
    assert coding.standings(office.db, "tiny-1") == []
    assert one.post(f"{FILE}/put", {"document": field(shown.text, "document")}).status_code == 303
    assert [standing.codeframe.name for standing in coding.standings(office.db, "tiny-1")] == ["issues@1"]
    assert trail(office) == [("codeframe-load", "tiny-1", "")]


@pytest.mark.parametrize("content", [b"nonsense", b'{"survey": "tiny"}', b""])
def test_the_problems_of_a_codeframe_stand_on_the_page(room: Office, content: bytes):
    one = enter(room)
    one.get(FILE)
    answer = one.post(FILE, {"file": (content, "frame.json")})
    assert (answer.status_code, "There is a problem" in answer.text) == (400, True)
    one.get(FILE)
    assert one.post(f"{FILE}/put", {"document": content.decode()}).status_code == 400


def test_a_codeframe_that_is_in_use_is_followed_by_a_newer_version_only(room: Office):
    one = enter(room)
    code(one, 1, "money")
    assert "give the changed codeframe a new version" in weigh(one, make_codeframe(title="Other")).text
    shown = weigh(one, make_codeframe(title="Other", version="2"))
    assert "1 codings are carried over" in shown.text
