"""The editor: manuscripts are begun, written as JSON or by forms, kept apart, published."""

import json
import re
from html import unescape
from typing import Any

import pytest

from surveyapp import drafting, publishing
from tests.makers import TODAY, make_document, make_question, rows
from tests.staff.conftest import Colleague, Office, title

BASE = "/surveys/tiny/manuscripts"
HERE = f"{BASE}/next"


def text(office: Office, name: str = "next") -> str:
    return drafting.manuscript(office.db, "tiny", name).document


def document(office: Office, name: str = "next") -> Any:
    return json.loads(text(office, name))


def revision(office: Office, name: str = "next") -> int:
    return drafting.manuscript(office.db, "tiny", name).revision


def begun(office: Office, content: str | None = None) -> Colleague:
    """An author, with the manuscript "next" of version 1 in hand."""
    content = content or drafting.from_version(office.db, "tiny", "1")
    drafting.begin(office.db, "tiny", "next", content, "author@example.org", TODAY)
    author = office.enter("author")
    author.get(HERE)
    return author


def save(author: Colleague, office: Office, path: str, **fields: Any) -> Any:
    return author.post(f"{HERE}/{path}", {"revision": str(revision(office)), **fields})


def form_of(office: Office, place: str) -> dict[str, str]:
    """What the form of a part posts when nothing is changed in it."""
    from surveyapp.instrument import editing

    value = document(office)
    filled = editing.filled(place, editing.part_at(value, place) if place != "front" else value, ["en"])
    return {name: said for name, said in filled.items() if said or not name.endswith(("specify", "exclusive"))}


# ── beginning ────────────────────────────────────────────────────────────────


def test_a_survey_without_manuscripts_leads_on(office: Office) -> None:
    page = office.enter("author").get(BASE)
    assert title(page) == "Questionnaires in hand"
    assert "Nothing is in hand. Begin with" in page.text


def test_a_manuscript_begins_with_a_published_version_and_only_its_name_differs(office: Office) -> None:
    author = office.enter("author")
    author.get(BASE)
    response = author.post(f"{BASE}/begin", {"source": "version", "version": "1", "name": ""})
    assert (response.status_code, response.location) == (303, f"/staff{BASE}/2")
    published = publishing.text(office.db, "tiny", "1").decode()
    assert text(office, "2") == published.replace('"version": "1"', '"version": "2"')


def test_a_file_with_faults_is_taken_as_it_is(office: Office) -> None:
    author = office.enter("author")
    author.get(BASE)
    content = b'{"survey": "tiny",\r\n  "titel": }'
    author.post(f"{BASE}/begin", {"source": "file", "file": (content, "mine.json"), "name": "mine"})
    assert text(office, "mine") == content.decode()
    assert "cannot stand here" in author.get(f"{BASE}/mine").text


def test_an_empty_questionnaire_has_no_problem(office: Office) -> None:
    author = office.enter("author")
    author.get(BASE)
    author.post(f"{BASE}/begin", {"source": "nothing", "name": "fresh"})
    assert drafting.manuscripts(office.db, "tiny")[0][1] == 0
    assert document(office, "fresh")["survey"] == "tiny"


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"source": "file"}, "No file was chosen"),
        ({"source": "file", "file": (b"\xff\xfe{\0}\0", "x.json")}, "no JSON file in UTF-8"),
        ({"source": "nothing", "name": "../x"}, "cannot be the name of a manuscript"),
        ({"source": "nothing", "name": "next"}, "There is a manuscript next already"),
    ],
)
def test_what_cannot_be_begun_is_said_at_its_field(office: Office, fields: dict[str, Any], said: str) -> None:
    author = begun(office)
    author.get(BASE)
    response = author.post(f"{BASE}/begin", fields)
    assert response.status_code == 400
    assert said in response.text
    assert len(drafting.manuscripts(office.db, "tiny")) == 1


def test_the_list_says_who_changed_what_when_and_how_many_problems_there_are(office: Office) -> None:
    author = begun(office, '{"survey": "tiny"')
    row = re.search(r"<tbody.*?</tbody>", author.get(BASE).text, re.DOTALL)
    assert row
    cells = re.findall(r">\s*([^<>\s][^<>]*)", row[0])
    assert [cell.strip() for cell in cells[:4]] == ["next", "1", "2012-01-16", "author@example.org"]


# ── writing JSON ─────────────────────────────────────────────────────────────


def test_a_text_is_kept_byte_for_byte(office: Office) -> None:
    author = begun(office)
    typed = '\n{  "survey":"tiny" ,\n\t"x": "é\\u00e9"}\n\n'
    response = save(author, office, "save", document=typed.replace("\n", "\r\n"), line="2")
    assert response.location == f"/staff{HERE}?line=2"
    assert "Saved. 8 problems." in author.get(HERE).text
    assert text(office) == typed
    shown = author.get(HERE).text
    assert unescape(re.search(r"<textarea[^>]*>\n(.*?)</textarea>", shown, re.DOTALL)[1]) == typed  # type: ignore[index]


def test_a_file_with_the_line_ends_of_windows_keeps_them(office: Office) -> None:
    author = begun(office, '{\r\n"survey": "tiny"\r\n}')
    save(author, office, "save", document='{\r\n"survey": "other"\r\n}')
    assert text(office) == '{\r\n"survey": "other"\r\n}'


def test_the_problems_of_a_text_are_listed_with_their_lines_and_nothing_is_saved(office: Office) -> None:
    author = begun(office)
    before = text(office)
    wrong = json.dumps(make_document([make_question(requierd=True)]), indent=1)
    page = author.post(f"{HERE}/check", {"document": wrong, "line": "1"})
    line = wrong[: wrong.index('"requierd"')].count("\n") + 1
    assert f'data-line="{line}"' in page.text
    assert "the key &#34;requierd&#34; is not known here; did you mean &#34;required&#34;?" in page.text
    assert "What stands here is not saved yet." in page.text
    assert text(office) == before


def test_the_script_gets_problems_and_the_page_under_the_cursor(office: Office) -> None:
    author = begun(office)
    line = text(office)[: text(office).index('"partners"')].count("\n") + 1
    response = author.post(f"{HERE}/check", {"document": text(office), "line": str(line), "as": "json"})
    found = response.get_json()
    assert found["problems"] == []
    assert found["where"].startswith("Page p")
    assert "What about" in found["preview"]
    assert "<script" not in found["preview"]


def test_a_page_is_previewed_while_others_have_faults(office: Office) -> None:
    content = json.dumps(make_document([make_question(id="a")], [make_question(id="b", requierd=True)]), indent=1)
    author = begun(office, content)
    line = content[: content.index('"a"')].count("\n") + 1
    found = author.post(f"{HERE}/check", {"document": content, "line": str(line), "as": "json"}).get_json()
    assert len(found["problems"]) == 1
    assert "What about a?" in found["preview"]


def test_the_preview_is_a_frame_that_runs_nothing(office: Office) -> None:
    page = begun(office).get(HERE)
    assert '<iframe class="app-preview" id="preview"' in page.text
    assert 'sandbox="allow-same-origin"' in page.text
    assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]
    assert page.headers["X-Frame-Options"] == "DENY"


def test_hostile_words_show_as_text_everywhere(office: Office) -> None:
    hostile = "</textarea></iframe><script>alert(1)</script><img src=x onerror=alert(2)>\"'"
    question = make_question(id="evil", text=hostile, hint=hostile)
    question["options"][0]["label"] = hostile
    content = json.dumps(make_document([question], title=hostile, intro=hostile, **{hostile: hostile}))
    author = begun(office, content)
    places = ("", "/parts", "/parts/front", "/parts/0-0-0", "/condition/0-0-0", "/publish", "/end")
    pages = [author.get(f"{HERE}{place}").text for place in places]
    pages.append(author.post(f"{HERE}/check", {"document": content, "line": "1"}).text)
    found = author.post(f"{HERE}/check", {"document": content, "line": "1", "as": "json"}).get_json()
    for page in [*pages, found["preview"]]:
        assert "<script>alert" not in page
        assert "<img src=x" not in page


def test_two_who_write_at_once_lose_nothing(office: Office) -> None:
    author = begun(office)
    read = revision(office)
    theirs = text(office).replace("A tiny survey", "Their survey")
    drafting.save(office.db, "tiny", "next", theirs, read, "other@example.org", TODAY)
    mine = text(office).replace("Their survey", "My survey")
    response = author.post(f"{HERE}/save", {"document": mine, "revision": str(read)})
    assert response.status_code == 409
    assert "other@example.org saved it while you were writing" in response.text
    assert "Their survey" in response.text
    assert "My survey" in response.text
    assert text(office) == theirs
    save(author, office, "save", document=mine)
    assert text(office) == mine


def test_a_text_whose_manuscript_is_gone_is_in_hand_again(office: Office) -> None:
    author = begun(office)
    read, mine = revision(office), text(office)
    drafting.throw_away(office.db, "tiny", "next")
    author.post(f"{HERE}/save", {"document": mine, "revision": str(read)})
    assert text(office) == mine
    assert "is in hand again" in author.get(HERE).text
    assert author.post(f"{BASE}/never/save", {"document": mine, "revision": "0"}).status_code == 404


def test_the_same_text_twice_is_one_revision(office: Office) -> None:
    author = begun(office)
    author.post(f"{HERE}/save", {"document": text(office), "revision": "0"})
    assert revision(office) == 1
    author.post(f"{HERE}/save", {"document": text(office), "revision": "1"})
    assert "in hand again" not in author.get(HERE).text


def test_a_manuscript_is_downloaded_as_it_is(office: Office) -> None:
    author = begun(office, '{ "survey":"tiny" }')
    response = author.get(f"{HERE}/file")
    assert response.data == b'{ "survey":"tiny" }'
    assert response.headers["Content-Disposition"] == "attachment; filename=tiny-next.json"


def test_a_manuscript_is_walked_through_as_it_stands_in_the_box(office: Office) -> None:
    author = begun(office)
    changed = text(office).replace("A tiny survey", "A walked survey")
    response = author.post(f"{HERE}/walk", {"document": changed})
    assert response.status_code == 303
    assert response.location.startswith("/staff/preview/")
    assert "A walked survey" in author.client.get(response.location).text


def test_a_manuscript_of_another_survey_is_not_there(office: Office) -> None:
    drafting.begin(office.db, "other", "theirs", "{}", "stranger@example.org", TODAY)
    author = office.enter("author")
    assert author.get(f"{BASE}/theirs").status_code == 404
    assert author.get("/surveys/other/manuscripts/theirs").status_code == 404


# ── forms ────────────────────────────────────────────────────────────────────


def test_the_parts_are_listed_in_order(office: Office) -> None:
    page = begun(office).get(f"{HERE}/parts").text
    ids = re.findall(r'app-outline__id">(\w+)', page)
    assert ids == ["s1", "p1", "kind", "sources", "hello", "s2", "p2", "partners", "issues"]


def test_a_text_that_is_no_json_is_mended_first(office: Office) -> None:
    author = begun(office, '{"survey": ')
    page = author.get(f"{HERE}/parts")
    assert title(page) == "next cannot be read yet"
    assert author.get(f"{HERE}/parts/0").status_code == 400


def test_a_form_changes_one_line_and_leaves_the_rest(office: Office) -> None:
    author = begun(office)
    before = text(office)
    response = save(author, office, "parts/0-0-0", **{**form_of(office, "0-0-0"), "text": "What kind?"})
    assert response.status_code == 303
    assert text(office) == before.replace("What about kind?", "What kind?")


def test_a_form_that_changes_nothing_saves_nothing(office: Office) -> None:
    author = begun(office)
    for place in ("front", "0", "0-0", "0-0-0", "0-0-1", "0-0-2", "1-0-0", "1-0-1"):
        save(author, office, f"parts/{place}", **form_of(office, place))
    assert revision(office) == 1


def test_a_fault_is_shown_at_its_field_with_what_was_typed(office: Office) -> None:
    author = begun(office)
    fields = {**form_of(office, "0-0-0"), "text": "  ", "options.1.label": "Yes", "hint": "Kept <b>"}
    response = save(author, office, "parts/0-0-0", **fields)
    assert response.status_code == 400
    assert 'href="#text"' in response.text
    assert "Kept &lt;b&gt;" in response.text
    assert revision(office) == 1


def test_options_are_moved_added_and_removed(office: Office) -> None:
    author = begun(office)

    def codes() -> list[str]:
        return [
            option["code"] for option in document(office)["sections"][0]["pages"][0]["questions"][0]["options"]
        ]

    for action, expected in (
        ("down-options-0", ["no", "yes", "other"]),
        ("up-options-2", ["no", "other", "yes"]),
        ("add-options", ["no", "other", "yes", "answer_4"]),
        ("remove-options-1", ["no", "yes", "answer_4"]),
        ("up-options-0", ["no", "yes", "answer_4"]),
        ("remove-options-77", ["no", "yes", "answer_4"]),
    ):
        save(author, office, "parts/0-0-0", **form_of(office, "0-0-0"), do=action, sure="y")
        assert codes() == expected, action


def test_a_published_code_is_changed_only_by_somebody_who_is_sure(office: Office) -> None:
    author = begun(office)
    fields = {**form_of(office, "0-0-0"), "options.1.code": "nope"}
    response = save(author, office, "parts/0-0-0", **fields)
    assert response.status_code == 400
    assert "answers are kept under the published code “no”" in response.text.replace("Answers", "answers")
    assert 'name="sure"' in response.text
    save(author, office, "parts/0-0-0", **fields, sure="y")
    assert '"nope"' in text(office)


def test_a_published_answer_is_removed_only_by_somebody_who_is_sure(office: Office) -> None:
    author = begun(office)
    response = save(author, office, "parts/0-0-0", **form_of(office, "0-0-0"), do="remove-options-2")
    assert response.status_code == 400
    assert "answers are kept under the published code “other”" in response.text.replace("Answers", "answers")
    assert revision(office) == 1
    save(author, office, "parts/0-0-0", **form_of(office, "0-0-0"), do="remove-options-2", sure="y")
    assert '"other"' not in text(office)


def test_the_form_says_what_becomes_of_the_trend(office: Office) -> None:
    author = begun(office)
    assert "Its trend from 1" not in author.get(f"{HERE}/parts/0-0-0").text
    save(author, office, "parts/0-0-0", **form_of(office, "0-0-0"), do="remove-options-2", sure="y")
    page = author.get(f"{HERE}/parts/0-0-0").text
    assert "Its trend from 1" in page
    assert "kind cannot be compared with 1" in page
    assert "Published versions ask kind: its trend ends if it is removed." in page
    assert "Published versions ask kind, sources: their trends end" in author.get(f"{HERE}/parts/0-0").text


def test_a_renamed_question_is_followed_by_what_reads_it_and_says_what_it_was(office: Office) -> None:
    reading = make_question(id="why", text="Why {answers.kind}?", show_if={"question": "kind", "is": "yes"})
    content = json.dumps(make_document([make_question(id="kind")], [reading]), indent=2)
    author = begun(office, content)
    response = save(author, office, "parts/0-0-0", **{**form_of(office, "0-0-0"), "id": "sort"}, sure="y")
    assert response.status_code == 303
    first, second = (section["pages"][0]["questions"][0] for section in document(office)["sections"])
    assert (first["id"], first["was"]) == ("sort", "kind")
    assert second["show_if"] == {"question": "sort", "is": "yes"}
    assert second["text"] == "Why {answers.sort}?"


def test_parts_are_moved_and_questions_change_pages(office: Office) -> None:
    author = begun(office)

    def ids() -> list[list[str]]:
        return [[q["id"] for q in s["pages"][0]["questions"]] for s in document(office)["sections"]]

    save(author, office, "arrange", do="down 0-0-0")
    assert ids() == [["sources", "kind", "hello"], ["partners", "issues"]]
    save(author, office, "arrange", do="up 1")
    assert ids() == [["partners", "issues"], ["sources", "kind", "hello"]]
    save(author, office, "arrange", do="carry 1-0-0", to="0-0")
    assert ids() == [["partners", "issues", "sources"], ["kind", "hello"]]
    save(author, office, "arrange", do="up 0-0-0")
    assert ids() == [["partners", "issues", "sources"], ["kind", "hello"]]
    for nonsense in ("up 9", "up front", "carry 0-0-0", "sideways 0", ""):
        assert save(author, office, "arrange", do=nonsense, to="7-7").status_code == 404


@pytest.mark.parametrize(
    "kind", ["single", "multiple", "grid", "number", "allocation", "rank", "date", "text", "note"]
)
def test_a_question_of_each_type_is_added_without_problems(office: Office, kind: str) -> None:
    author = begun(office)
    response = save(author, office, "add/0-0", type=kind, text="And what now?", id="")
    assert (response.status_code, response.location) == (303, f"/staff{HERE}/parts/0-0-3")
    assert document(office)["sections"][0]["pages"][0]["questions"][3]["type"] == kind
    assert drafting.manuscripts(office.db, "tiny")[0][1] == 0
    assert author.get(f"{HERE}/parts/0-0-3").status_code == 200
    save(author, office, "parts/0-0-3", **form_of(office, "0-0-3"))
    assert revision(office) == 2


def test_a_page_and_a_section_come_with_a_question(office: Office) -> None:
    author = begun(office)
    save(author, office, "add/0", type="text", text="More?", title="A new page")
    save(author, office, "add/front", type="single", text="Else?", title="A new section")
    assert document(office)["sections"][0]["pages"][1]["title"] == "A new page"
    assert document(office)["sections"][2]["title"] == "A new section"
    assert drafting.manuscripts(office.db, "tiny")[0][1] == 0


def test_what_cannot_be_added_is_said(office: Office) -> None:
    author = begun(office)
    response = save(author, office, "add/0-0", type="magic", text="")
    assert response.status_code == 400
    assert "No type was chosen" in response.text
    assert "The question has no words" in response.text
    taken = save(author, office, "add/0-0", type="text", text="Again?", id="kind")
    assert taken.status_code == 400
    assert "is used twice" in taken.text
    assert save(author, office, "add/0-0-0", type="text", text="Again?").status_code == 404


def test_a_part_is_removed_by_somebody_who_types_its_id(office: Office) -> None:
    author = begun(office)
    response = save(author, office, "remove/0-0-1", named="kind")
    assert response.status_code == 400
    assert "not its id" in response.text
    save(author, office, "remove/0-0-1", named="sources")
    assert [q["id"] for q in document(office)["sections"][0]["pages"][0]["questions"]] == ["kind", "hello"]


def test_a_question_in_two_languages_has_a_box_for_each(office: Office) -> None:
    def both(words: str) -> dict[str, str]:
        return {"en": words, "cy": f"{words} (cy)"}

    question = {
        "id": "kind",
        "type": "single",
        "text": both("Kind?"),
        "options": [{"code": code, "label": both(code)} for code in ("a", "b")],
    }
    content = make_document([question], languages=["en", "cy"])
    author = begun(office, json.dumps(content, indent=2))
    page = author.get(f"{HERE}/parts/0-0-0").text
    assert 'name="text.cy"' in page
    assert 'name="options.1.label.en"' in page
    fields = dict(re.findall(r'name="((?:options\.\d\.(?:code|label\.\w\w))|id)"[^>]*value="([^"]*)"', page))
    fields |= {"text.en": "Kind?", "text.cy": "Pa fath?"}
    assert save(author, office, "parts/0-0-0", **fields).status_code == 303
    changed = document(office)["sections"][0]["pages"][0]["questions"][0]
    assert changed == question | {"text": {"en": "Kind?", "cy": "Pa fath?"}}


def test_somebody_else_s_change_is_never_written_over_by_a_form(office: Office) -> None:
    author = begun(office)
    old = revision(office)
    save(author, office, "arrange", do="down 0-0-0")
    response = author.post(f"{HERE}/arrange", {"revision": str(old), "do": "down 0-0-0"})
    assert response.status_code == 409
    assert revision(office) == old + 1


# ── conditions ───────────────────────────────────────────────────────────────


def test_a_language_is_added_to_be_written_and_removed_again(office: Office) -> None:
    author = begun(office)
    before = text(office)
    assert save(author, office, "languages/add", language="cy").status_code == 303
    page = author.get(f"{HERE}/languages").text
    assert document(office)["languages"] == ["en", "cy"]
    assert "Not yet written in cy" in page
    assert "/sections/0" not in page
    assert f'href="/staff{HERE}/parts/0-0-0"' in page
    assert 'name="text.cy"' in author.get(f"{HERE}/parts/0-0-0").text
    refused = save(author, office, "languages/remove", language="cy", named="en")
    assert (refused.status_code, "Those are not its letters" in refused.text) == (400, True)
    save(author, office, "languages/remove", language="cy", named="cy")
    assert {**document(office), "languages": ["en"]} == {**json.loads(before), "languages": ["en"]}


def test_a_language_can_begin_with_the_words_of_the_first_one(office: Office) -> None:
    author = begun(office)
    save(author, office, "languages/add", language="cy", begin="copied")
    assert document(office)["title"] == {"en": "A tiny survey", "cy": "A tiny survey"}
    assert "none" in author.get(f"{HERE}/languages").text
    assert "No problems" in author.get(HERE).text


@pytest.mark.parametrize(("language", "said"), [("welsh", "this is no language"), ("en", "speaks en already")])
def test_what_cannot_be_a_language_is_said_at_its_field(office: Office, language: str, said: str) -> None:
    response = save(begun(office), office, "languages/add", language=language)
    assert response.status_code == 400
    assert 'id="language--error"' in response.text
    assert said in response.text
    assert revision(office) == 1


def test_a_page_is_asked_once_for_each_of_several_things(office: Office) -> None:
    author = begun(office)
    fields = {**form_of(office, "1-0"), "repeat.max": "3", "repeat.item": "contract", "id": "contracts"}
    save(author, office, "parts/1-0", **fields)
    page = document(office)["sections"][1]["pages"][0]
    assert (page["id"], page["repeat"]) == ("contracts", {"max": 3, "item": "contract"})
    refused = save(author, office, "parts/1-0", **form_of(office, "1-0") | {"repeat.item": ""})
    assert (refused.status_code, 'id="repeat-item--error"' in refused.text) == (400, True)
    save(author, office, "parts/1-0", **form_of(office, "1-0") | {"repeat.max": "", "repeat.item": ""})
    assert "repeat" not in document(office)["sections"][1]["pages"][0]


def test_a_check_is_added_changed_and_removed(office: Office) -> None:
    questions = [make_question("number", "staff"), make_question("number", "all")]
    author = begun(office, json.dumps(make_document(questions), indent=2))
    save(author, office, "parts/0-0", **form_of(office, "0-0"), do="add-checks")
    assert document(office)["sections"][0]["pages"][0]["checks"][0]["sum"] == ["staff", "all"]
    fields = {"checks.0.sum": "staff", "checks.0.at_most": "all", "checks.0.message": "More staff than there are."}
    save(author, office, "parts/0-0", **{**form_of(office, "0-0"), **fields})
    check = {"sum": ["staff"], "at_most": "all", "message": "More staff than there are."}
    assert document(office)["sections"][0]["pages"][0]["checks"] == [check]
    refused = save(author, office, "parts/0-0", **{**form_of(office, "0-0"), "checks.0.sum": "staf"})
    assert (refused.status_code, "did you mean" in refused.text) == (400, True)
    assert 'id="checks-0-sum--error"' in refused.text
    save(author, office, "parts/0-0", **form_of(office, "0-0"), do="remove-checks-0")
    assert document(office)["sections"][0]["pages"][0].get("checks") == []


def test_a_page_without_numbers_has_nothing_to_check(office: Office) -> None:
    author = begun(office, json.dumps(make_document(), indent=2))
    refused = save(author, office, "parts/0-0", **form_of(office, "0-0"), do="add-checks")
    assert refused.status_code == 400
    assert "nothing on this page is a number" in refused.text.replace("Nothing", "nothing")


def test_probes_are_written_where_an_interviewer_asks(office: Office) -> None:
    author = begun(office)
    assert 'value="add-probes"' not in author.get(f"{HERE}/parts/0-0-0").text
    save(author, office, "parts/front", **{**form_of(office, "front"), "mode": "interviewer"})
    assert document(office)["mode"] == "interviewer"
    save(author, office, "parts/0-0-0", **form_of(office, "0-0-0"), do="add-probes")
    save(author, office, "parts/0-0-0", **{**form_of(office, "0-0-0"), "probes.0.words": "What else?"})
    assert document(office)["sections"][0]["pages"][0]["questions"][0]["probes"] == ["What else?"]
    refused = save(author, office, "parts/0-0-0", **{**form_of(office, "0-0-0"), "probes.0.words": ""})
    assert (refused.status_code, 'id="probes-0-words--error"' in refused.text) == (400, True)


def test_the_rules_of_disclosure_are_set_by_the_form(office: Office) -> None:
    author = begun(office)
    rules = {"disclosure.policy": "persons", "disclosure.minimum_base": "20", "disclosure.carry": "region, kind"}
    save(author, office, "parts/front", **{**form_of(office, "front"), **rules})
    told = {"policy": "persons", "minimum_base": 20, "carry": ["region", "kind"]}
    assert document(office)["disclosure"] == told
    refused = save(author, office, "parts/front", **{**form_of(office, "front"), "disclosure.minimum_base": "2"})
    assert (refused.status_code, 'id="disclosure-minimum_base--error"' in refused.text) == (400, True)
    usual = {"disclosure.policy": "organisations", "disclosure.minimum_base": "", "disclosure.carry": ""}
    save(author, office, "parts/front", **{**form_of(office, "front"), **usual})
    assert "disclosure" not in document(office)


def test_a_question_says_its_concept_and_what_it_was(office: Office) -> None:
    author = begun(office)
    fields = {**form_of(office, "0-0-0"), "concept": "kind-of-body", "was": "sort"}
    response = save(author, office, "parts/0-0-0", **fields)
    assert (response.status_code, 'id="concept--error"' in response.text) == (400, True)
    save(author, office, "parts/0-0-0", **{**fields, "concept": "kind_of_body"})
    question = document(office)["sections"][0]["pages"][0]["questions"][0]
    assert (question["concept"], question["was"]) == ("kind_of_body", "sort")


def test_one_answer_is_offered_on_a_condition(office: Office) -> None:
    author = begun(office)
    page = author.get(f"{HERE}/parts/0-0-1").text
    assert f'href="/staff{HERE}/condition/0-0-1-options-1"' in page
    here = "condition/0-0-1-options-1"
    assert "Test 1" in author.get(f"{HERE}/{here}").text
    fields = {"t0.key": "kind", "t0.of": "kind", "t0.way": "is", "t0.code": "yes"}
    response = save(author, office, here, **fields)
    assert (response.status_code, response.location) == (303, f"/staff{HERE}/parts/0-0-1#options")
    options = document(office)["sections"][0]["pages"][0]["questions"][1]["options"]
    assert [option.get("show_if") for option in options][:2] == [None, {"question": "kind", "is": "yes"}]
    assert "only if you chose “Yes” at question 1" in author.get(f"{HERE}/{here}").text
    assert author.get(f"{HERE}/condition/0-0-1-options-44").status_code == 404
    assert author.get(f"{HERE}/parts/0-0-1-options-1").status_code == 404


def condition(office: Office, place: str = "1-0-0") -> Any:
    s, p, q = map(int, place.split("-"))
    return document(office)["sections"][s]["pages"][p]["questions"][q].get("show_if")


def test_a_condition_is_built_by_a_form_in_two_steps(office: Office) -> None:
    author = begun(office)
    page = author.get(f"{HERE}/condition/1-0-0").text
    assert set(re.findall(r'<option value="(\w[\w.]*)"', page)) == {"kind", "sources"}
    chosen = save(author, office, "condition/1-0-0/choose", **{"t0.key": "kind", "t0.of": ""})
    assert 'name="t0.code"' in chosen.text
    fields = {"t0.key": "kind", "t0.of": "kind", "t0.way": "is", "t0.code": ["yes", "other"]}
    assert save(author, office, "condition/1-0-0", **fields).status_code == 303
    assert condition(office) == {"question": "kind", "in": ["yes", "other"]}
    assert "only if you chose “Yes” or “Other” at question 1" in author.get(f"{HERE}/parts/1-0-0").text


def test_several_tests_are_joined_and_taken_away_again(office: Office) -> None:
    author = begun(office)
    first = {"t0.key": "kind", "t0.of": "kind", "t0.way": "is not", "t0.code": "no"}
    second = {"t1.key": "sources", "t1.of": "sources", "t1.way": "answered"}
    save(author, office, "condition/1-0-0", link="any", **first, **second)
    either = [{"not": {"question": "kind", "is": "no"}}, {"question": "sources", "answered": True}]
    assert condition(office) == {"any": either}
    save(author, office, "condition/1-0-0", link="any", **{"t0.key": ""}, **second)
    assert condition(office) == {"question": "sources", "answered": True}
    save(author, office, "condition/1-0-0")
    assert condition(office) is None


def test_an_unfinished_condition_is_refused_with_what_is_missing(office: Office) -> None:
    author = begun(office)
    for fields, said in (
        ({"t0.key": "kind"}, "Choose how the answer is tested"),
        ({"t0.key": "kind", "t0.of": "kind", "t0.way": "is"}, "Choose an answer"),
        ({"t0.key": "issues", "t0.of": "issues", "t0.way": "answered"}, "is not asked before"),
        (
            {"t0.key": "sources", "t0.of": "sources", "t0.way": "is", "t0.code": ["a", "b"]},
            "Choose one answer here",
        ),
    ):
        response = save(author, office, "condition/1-0-0", **fields)
        assert response.status_code == 400
        assert said in response.text
    assert revision(office) == 1


def test_a_condition_that_the_form_cannot_say_is_shown_and_left_alone(office: Office) -> None:
    nested = {
        "any": [
            {"all": [{"question": "a", "is": "yes"}, {"question": "b", "is": "yes"}]},
            {"question": "a", "is": "no"},
        ]
    }
    questions = [make_question(id="a"), make_question(id="b"), make_question(id="c", show_if=nested)]
    author = begun(office, json.dumps(make_document(questions), indent=2))
    page = author.get(f"{HERE}/condition/0-0-2").text
    assert "says more than the form can" in page
    assert "&#34;all&#34;" in page
    assert save(author, office, "condition/0-0-2").status_code == 400
    assert condition(office, "0-0-2") == nested


# ── publishing and putting away ──────────────────────────────────────────────


def test_the_consequences_are_shown_and_nothing_is_published(office: Office) -> None:
    author = begun(office)
    save(author, office, "remove/0-0-1", named="sources")
    page = author.get(f"{HERE}/publish").text
    assert "sources" in page
    assert "removed" in page
    assert 'value="2"' in page
    assert [version.version for version in publishing.versions(office.db)] == ["1"]


def test_a_manuscript_is_published_and_no_longer_in_hand(office: Office) -> None:
    author = begun(office)
    author.get(f"{HERE}/publish")
    response = save(author, office, "publish", version="2012.1")
    assert response.status_code == 303
    assert json.loads(publishing.text(office.db, "tiny", "2012.1"))["version"] == "2012.1"
    assert drafting.manuscripts(office.db, "tiny") == []


def test_a_manuscript_that_cannot_be_put_away_is_not_published_either(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun(office)

    def full(*_: object) -> None:
        raise OSError("no room")

    monkeypatch.setattr("surveyapp.storage.papers.drop", full)
    with pytest.raises(OSError, match="no room"):
        drafting.publish(office.db, "tiny", "next", 1, "2012.1", TODAY)
    assert [version.version for version in publishing.versions(office.db)] == ["1"]


def test_a_version_is_never_published_twice_with_another_text(office: Office) -> None:
    author = begun(office)
    save(author, office, "arrange", do="down 0-0-0")
    response = save(author, office, "publish", version="1")
    assert response.status_code == 409
    assert "a published version never changes" in response.text
    assert len(drafting.manuscripts(office.db, "tiny")) == 1


def test_a_taken_name_is_replaced_by_the_next_one(office: Office) -> None:
    author = begun(office, publishing.text(office.db, "tiny", "1").decode().replace("A tiny", "A new"))
    assert 'name="version" type="text" value="2"' in author.get(f"{HERE}/publish").text


def test_a_questionnaire_of_another_survey_is_not_published_here(office: Office) -> None:
    author = begun(office, json.dumps(make_document(survey="other", version="9")))
    assert "another survey" in author.get(f"{HERE}/publish").text
    response = save(author, office, "publish", version="9")
    assert response.status_code == 400
    assert [(v.survey, v.version) for v in publishing.versions(office.db)] == [("tiny", "1")]


def test_faults_are_mended_before_publishing(office: Office) -> None:
    author = begun(office, json.dumps(make_document([make_question(requierd=True)], version="7")))
    page = author.get(f"{HERE}/publish").text
    assert "It cannot be published yet." in page
    assert ">Publish</button>" not in page
    assert save(author, office, "publish", version="7").status_code == 400


def test_what_somebody_else_changed_meanwhile_is_looked_at_first(office: Office) -> None:
    author = begun(office)
    response = author.post(f"{HERE}/publish", {"revision": "0", "version": "5"})
    assert response.status_code == 409
    assert "look at it again" in response.text


def test_putting_away_and_going_back_ask_for_the_name(office: Office) -> None:
    author = begun(office)
    save(author, office, "arrange", do="down 0-0-0")
    assert save(author, office, "drop", named="nxt").status_code == 400
    assert save(author, office, "back", named="", version="1").status_code == 400
    save(author, office, "back", named="next", version="1")
    assert text(office) == drafting.from_version(office.db, "tiny", "1")
    save(author, office, "drop", named="next")
    assert drafting.manuscripts(office.db, "tiny") == []
    assert author.get(HERE).status_code == 404


def test_every_change_is_in_the_trail_without_its_words(office: Office) -> None:
    author = begun(office)
    save(author, office, "parts/0-0-0", **{**form_of(office, "0-0-0"), "text": "Secret words?"})
    save(author, office, "publish", version="2")
    lines = [tuple(line) for line in rows(office.db, "SELECT what, object, said FROM act ORDER BY number")]
    assert ("manuscript-save", "next 0-0-0", "") in lines
    assert ("manuscript-publish", "next", "version: 2") in lines
    assert "Secret" not in str(lines)
