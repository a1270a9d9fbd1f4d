"""A preview: the respondents' own pages, each marked, in a folder that is gone afterwards."""

import json
import logging
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from surveyapp.config import project_file
from surveyapp.problems import Refused
from surveyapp.web import create_app
from surveyapp.web.preview import Ready, prepared
from tests.makers import TODAY, make_all_types, make_document, make_question
from tests.web.conftest import Visitor, title

BANNER = "Preview. Nothing that you enter here is kept."
WORDS = "Zanzibar told nobody"
MakePreview = Callable[..., tuple[Ready, Visitor]]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary files go; only those of previews are there."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@pytest.fixture
def preview(folder: Path) -> Iterator[MakePreview]:
    """Build a preview of a document, with facts; what is ready and a visitor."""
    with ExitStack() as previews:

        def make(document: Mapping[str, Any] | None = None, **facts: str) -> tuple[Ready, Visitor]:
            content = json.dumps(document or make_all_types()).encode()
            ready = previews.enter_context(prepared(content, facts, TODAY))
            app = create_app(ready.home, secure=False, today=lambda: TODAY, preview=True)
            previews.callback(app.extensions["surveyapp"].db.close)
            return ready, Visitor(app)

        yield make


def begun(visitor: Visitor) -> Visitor:
    """Past the start page of a preview that is open to anyone."""
    visitor.get("/open/preview")
    visitor.post("/open/preview")
    return visitor


def marked(text: str) -> bool:
    """Whether a page says in its title and once at its top that it is a preview."""
    return "<title>Preview: " in text and text.count(BANNER) == 1


# ── every page is marked ─────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/", 200),
        ("/open/preview", 200),
        ("/answer/page/p1", 200),
        ("/answer/sections", 200),
        ("/answer/colleague/s1", 200),
        ("/answer/code", 200),
        ("/answer/saved", 200),
        ("/answer/check", 200),
        ("/answer/copy", 200),
        ("/answer/copy/file", 200),
        ("/answer/done", 403),
        ("/open/nothing", 404),
        ("/answer/send", 405),
    ],
)
def test_every_page_says_that_it_is_a_preview(preview: MakePreview, path: str, status: int):
    _, visitor = preview()
    page = begun(visitor).get(path)
    assert page.status_code == status
    assert marked(page.text)


def test_a_page_with_an_error_and_one_that_failed_are_marked(preview: MakePreview):
    _, visitor = preview()
    wrong = begun(visitor).save("p1", {})
    assert wrong.status_code == 422
    assert marked(wrong.text)
    assert "<title>Preview: Error: " in wrong.text
    foreign = visitor.post("/answer/send", headers={"Origin": "https://elsewhere.example"})
    assert foreign.status_code == 403
    assert marked(foreign.text)


def test_no_page_of_the_site_itself_is_marked(site):
    assert "Preview" not in site.visitor("U001").get("/answer/check").text


def test_a_welsh_page_says_it_in_welsh(preview: MakePreview):
    note = {"id": "hello", "type": "note", "text": {"en": "Hello", "cy": "Helo"}}
    document = make_document([note], languages=["en", "cy"])
    for part in (document["sections"][0], document["sections"][0]["pages"][0], document):
        for key in {"title", "respondent", "intro", "thanks"} & set(part):
            part[key] = {"en": part[key], "cy": f"Cymraeg {key}"}
    _, visitor = preview(document)
    shown = unescape(visitor.get("/open/preview?lang=cy").text)
    assert "<title>Rhagolwg: Cymraeg title" in shown
    assert "Rhagolwg. Ni chedwir dim" in shown


# ── a whole walk ─────────────────────────────────────────────────────────────


def test_a_draft_is_walked_to_the_end_with_routing_and_nothing_is_sent(preview: MakePreview):
    gate = {"question": "q1", "is": "yes"}
    _, visitor = preview(make_document([make_question()], [make_question(id="q2", show_if=gate)]))
    begun(visitor)
    assert visitor.save("p1", {"q1": "no"}).location == "/answer/code"
    assert visitor.save("p1", {"q1": "no"}).location == "/answer/check"
    assert visitor.save("p1", {"q1": "yes"}).location == "/answer/page/p2"
    visitor.save("p2", {"q2": "yes"})
    visitor.get("/answer/check")
    assert visitor.post("/answer/send").location == "/answer/done"
    page = visitor.get("/answer/done")
    assert title(page) == "Answers received"
    assert "This was a preview: nothing has been sent." in page.text
    assert "Thank you." in page.text
    assert marked(page.text)


def test_who_has_sent_can_walk_again(preview: MakePreview):
    _, visitor = preview()
    for _ in range(2):
        begun(visitor).save("p1", {"kind": "yes"})
        visitor.get("/answer/check")
        assert visitor.post("/answer/send").location == "/answer/done"


def test_the_start_page_keeps_its_promise(preview: MakePreview):
    _, visitor = preview()
    assert "nobody can find which ones are yours" in visitor.get("/open/preview").text


@pytest.mark.parametrize("file", sorted(project_file("instruments").glob("*/*.json")), ids=lambda p: p.parent.name)
def test_every_questionnaire_of_the_repository_can_be_previewed(preview: MakePreview, file: Path):
    document = json.loads(file.read_bytes())
    facts = dict.fromkeys(document["disclosure"].get("carry", []), "North") if "disclosure" in document else {}
    ready, visitor = preview(document, name="Leeds DAT", **facts)
    visitor.enter(ready.path.removeprefix("/#"))
    assert marked(visitor.get(visitor.post("/answer/start").location).text)


# ── an invented organisation ─────────────────────────────────────────────────


def test_texts_show_the_facts_of_the_invented_organisation(preview: MakePreview):
    question = make_question(text="How is {unit.name} in {unit.region}?")
    document = make_document([question], disclosure={"minimum_base": 25, "carry": ["region"]})
    ready, visitor = preview(document, region="North", name="Leeds DAT")
    assert re.fullmatch(r"/#[0-9A-Z-]{23}", ready.path)
    visitor.enter(ready.path.removeprefix("/#"))
    assert "How is Leeds DAT in North?" in visitor.get("/answer/page/p1").text


def test_without_facts_anyone_may_look_and_texts_show_a_gap(preview: MakePreview):
    question = make_question(text="How is {unit.region}?")
    ready, visitor = preview(make_document([question], disclosure={"carry": ["region"]}))
    assert ready.path == "/open/preview"
    assert "How is …?" in begun(visitor).get("/answer/page/p1").text


def test_a_fact_that_no_text_can_show_is_named(preview: MakePreview):
    document = make_document(disclosure={"carry": ["region"]})
    assert preview(document, region="North", regoin="North", name="x", unit="x", language="en")[0].unseen == (
        "regoin",
    )


# ── nothing is kept ──────────────────────────────────────────────────────────


def everything(folder: Path) -> bytes:
    """The bytes of every file below a folder."""
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_what_is_typed_is_nowhere_in_the_clear_nor_in_a_log(
    preview: MakePreview, folder: Path, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.DEBUG)
    _, visitor = preview()
    begun(visitor).save("p1", {"kind": "other", "kind.other.text": WORDS})
    visitor.save("p2", {"issues": WORDS})
    assert WORDS in visitor.get("/answer/check").text
    assert b"Zanzibar" not in everything(folder)
    visitor.post("/answer/send")
    visitor.get("/answer/done")
    held = everything(folder)
    assert b"A tiny survey" in held, "these are the right files"
    assert b"Zanzibar" not in held
    assert "Zanzibar" not in caplog.text


def test_no_key_of_the_answers_is_kept(preview: MakePreview):
    ready, _ = preview()
    assert not ready.home.wave_key("preview").exists()
    assert {file.name for file in ready.home.keys.iterdir()} <= {"cookie", "pepper"}


def test_the_folder_is_private_and_gone_in_the_end(folder: Path):
    with prepared(json.dumps(make_document()).encode(), {}, TODAY) as ready:
        assert ready.home.path.parent == folder
        assert ready.home.path.stat().st_mode & 0o777 == 0o700
    assert list(folder.iterdir()) == []


def test_the_folder_is_gone_after_a_fault(folder: Path):
    with pytest.raises(ZeroDivisionError), prepared(json.dumps(make_document()).encode(), {}, TODAY):
        raise ZeroDivisionError
    assert list(folder.iterdir()) == []


def test_a_faulty_document_is_refused_with_every_problem_and_leaves_nothing(folder: Path):
    faulty = make_document([make_question(kind="singel")], minuets=5)
    with pytest.raises(Refused) as refused, prepared(json.dumps(faulty).encode(), {}, TODAY):
        pass
    assert len(refused.value.problems) >= 2
    assert list(folder.iterdir()) == []


def test_a_preview_and_the_site_at_another_port_leave_each_other_s_visits_alone(preview: MakePreview, site):
    """A browser sends the cookies of 127.0.0.1 to every port."""
    _, visitor = preview()
    begun(visitor)
    assert visitor.client.get_cookie("answer") is None
    assert site.visitor("U001").client.get_cookie("preview") is None
