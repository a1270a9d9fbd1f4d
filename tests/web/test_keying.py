"""Keying paper returns: who comes in, whose return it is, what is asked, two keyings, and one sealed box."""

import logging
import re
from collections.abc import Callable, Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import TestResponse

from surveyapp import campaigning, writing
from surveyapp.config import Home
from surveyapp.problems import NotFound, SurveyError, WaveNotOpen
from surveyapp.storage.database import Database, connect
from surveyapp.storage.waves import Wave
from surveyapp.web import keyroom
from surveyapp.web.keyroom import create_keyroom
from surveyapp.web.sittings import Sitting
from tests.makers import (
    TODAY,
    boxes,
    in_tray,
    make_all_types,
    make_answers,
    make_document,
    make_frame,
    make_home,
    make_question,
    make_wave,
    send,
)
from tests.web.conftest import Visitor, title

CODE = "7K4QX-9M2PB-0WDTE-HR63Y"
GOOD = {"kind": "1", "sources": "1 3", "partners.police": "1", "partners.health": "3", "issues": "Too few staff."}
SENT = {
    "kind": "yes",
    "sources": ["a", "c"],
    "partners.police": "more",
    "partners.health": "less",
    "issues": "Too few staff.",
}


class Room:
    """The screen of a wave, and somebody in front of it."""

    def __init__(self, home: Home, **more: Any) -> None:
        self.home = home
        self.db: Database = connect(home.database)
        self.wave: Wave
        self.wave, self.key, self.codes = make_wave(self.db, **more)
        self.app = create_keyroom(home, self.wave.name, CODE, today=lambda: TODAY)
        self.at = Visitor(self.app)
        self.at.get("/")
        self.at.post("/", {"code": CODE})
        self.at.get("/returns")

    @property
    def sitting(self) -> Sitting:
        sitting: Sitting = self.app.extensions["keyroom"].sitting()
        return sitting

    def find(self, sought: str) -> TestResponse:
        self.at.get("/returns")
        return self.at.post("/returns/find", {"sought": sought})

    def take(self, unit: str) -> TestResponse:
        assert self.find(unit).location == "/returns/sheet"
        return self.at.get("/returns/sheet")

    def key_in(self, fields: dict[str, Any] = GOOD, **more: Any) -> TestResponse:
        return self.at.post("/returns/sheet", {**fields, **more})

    def boxes(self) -> list[dict[str, Any]]:
        return in_tray(self.db, self.key, self.wave.name)


@pytest.fixture
def make_room(tmp_path: Path) -> Iterator[Callable[..., Room]]:
    """Make the screen of a wave; `more` is the wave's."""
    made: list[Room] = []

    def make(**more: Any) -> Room:
        made.append(Room(make_home(tmp_path), **more))
        return made[-1]

    yield make
    for room in made:
        room.app.extensions["keyroom"].db.close()
        room.db.close()


@pytest.fixture
def room(make_room: Callable[..., Room]) -> Room:
    """The screen of a listed wave."""
    return make_room()


# ── coming in ────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("path", ["/returns", "/returns/sheet", "/returns/differences"])
def test_nobody_comes_in_without_the_code_of_the_terminal(room: Room, path: str) -> None:
    stranger = Visitor(room.app)
    answer = stranger.get(path)
    assert (answer.status_code, answer.location) == (303, "/")
    assert "Team 1" not in answer.text


def test_no_form_of_a_stranger_is_taken(room: Room) -> None:
    stranger = Visitor(room.app)
    stranger.get("/")
    for path in ("find", "begin", "sheet", "differences", "aside", "twice"):
        answer = stranger.post(f"/returns/{path}", {"sought": "U001", "unit": "U001"})
        assert (answer.status_code, answer.location) == (303, "/")
    assert room.sitting.hand is None


def test_a_wrong_code_opens_nothing(room: Room) -> None:
    stranger = Visitor(room.app)
    stranger.get("/")
    for code in ("", "7K4QX", CODE[:-1] + "Z", "x" * 5000):
        answer = stranger.post("/", {"code": code})
        assert answer.status_code == 403
        assert "That is not the code in the terminal" in answer.text
    assert stranger.get("/returns").status_code == 303


def test_the_code_lets_a_crashed_browser_come_back(room: Room) -> None:
    room.take("U001")
    room.key_in({"kind": "2"}, then="quiet")
    other = Visitor(room.app)
    other.get("/")
    assert other.post("/", {"code": CODE.lower()}).location == "/returns"
    assert (
        'name="kind" type="text" autocomplete="off" spellcheck="false" value="2"'
        in other.get("/returns/sheet").text
    )


@pytest.mark.parametrize("path", ["/", "/returns", "/nothing"])
def test_every_answer_has_the_headers_of_all_pages(room: Room, path: str) -> None:
    answer = room.at.get(path)
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["Referrer-Policy"] == "no-referrer"


def test_a_form_from_another_site_is_refused(room: Room) -> None:
    answer = room.at.post("/returns/find", {"sought": "U001"}, headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403


def test_a_page_that_is_not_there_says_so(room: Room) -> None:
    answer = room.at.get("/returns/nothing")
    assert (answer.status_code, title(answer)) == (404, "That is not possible")


def test_the_command_refuses_a_wave_that_takes_no_returns(room: Room) -> None:
    with pytest.raises(NotFound):
        keyroom.run(room.home, "nothing", 8099, lambda: TODAY, lambda _address: None)
    campaigning.close_wave(room.db, "tiny-1", TODAY)
    with pytest.raises(WaveNotOpen):
        keyroom.run(room.home, "tiny-1", 8099, lambda: TODAY, lambda _address: None)


# ── whose return ─────────────────────────────────────────────────────────────


@pytest.mark.parametrize("typed", ["U001", "u001", " U001 "])
def test_a_unit_named_in_full_is_taken_in_hand_at_once(room: Room, typed: str) -> None:
    assert title(room.take(typed)) == "U001: Team 1"


def test_part_of_a_name_lists_those_who_have_it(room: Room) -> None:
    page = room.find("team 3").text
    assert re.findall(r'name="unit" value="(\w+)"', page) == ["U003", *(f"U03{n}" for n in range(10))]
    assert room.at.post("/returns/begin", {"unit": "U031"}).location == "/returns/sheet"
    assert title(room.at.get("/returns/sheet")) == "U031: Team 31"


def test_the_access_code_of_the_letter_finds_its_organisation(room: Room) -> None:
    assert re.findall(r'name="unit" value="(\w+)"', room.find(room.codes["U017"]).text) == ["U017"]


def test_a_search_that_finds_nobody_or_many_says_so(room: Room) -> None:
    assert "No organisation of this wave has “&lt;b&gt;”" in room.find("<b>").text
    many = room.find("team")
    assert "More than 30 have it" in many.text
    assert many.text.count("Key its return") == 30
    assert room.find(" ").status_code == 422


def test_an_organisation_that_has_answered_is_refused_with_the_reason(room: Room) -> None:
    send(room.db, room.codes["U002"], make_answers())
    answer = room.find("U002")
    assert answer.status_code == 409
    assert "Its return cannot be keyed. Its answers have been received: it answered online" in answer.text
    assert room.at.post("/returns/begin", {"unit": "U002"}).status_code == 409


@pytest.mark.parametrize(
    ("noted", "words"),
    [("refused", "noted as one that will not take part"), ("out-of-scope", "noted as out of scope")],
)
def test_an_organisation_that_opted_out_or_is_out_of_scope_is_refused_until_the_note_is_taken_back(
    room: Room, noted: str, words: str
) -> None:
    writing.mark_organisation(room.db, "tiny-1", "U003", noted, TODAY)
    answer = room.find("U003")
    assert answer.status_code == 409
    assert words in answer.text
    assert "take the note back" in answer.text
    writing.mark_organisation(room.db, "tiny-1", "U003", "", TODAY)
    room.take("U003")


def test_undeliverable_letters_do_not_keep_a_return_out(room: Room) -> None:
    writing.mark_organisation(room.db, "tiny-1", "U003", "undeliverable", TODAY)
    room.take("U003")


def test_a_wave_open_to_anyone_asks_for_nobody_and_numbers_the_paper(make_room: Callable[..., Room]) -> None:
    room = make_room(anyone=True, carry=None)
    assert 'id="sought"' not in room.at.get("/returns").text
    for number in (1, 2):
        room.at.get("/returns")
        room.at.post("/returns/begin")
        assert f"Write <strong>Return {number}</strong> on the paper" in room.at.get("/returns/sheet").text
        assert room.key_in().location == "/returns"
    assert [box["answers"] for box in room.boxes()] == [SENT, SENT]


# ── one return ───────────────────────────────────────────────────────────────


def test_a_return_is_sealed_and_its_organisation_is_done(room: Room) -> None:
    room.take("U001")
    assert room.key_in().location == "/returns"
    assert room.boxes() == [{"version": "1", "cell": "South", "answers": SENT}]
    page = room.at.get("/returns").text
    assert "<strong>U001 Team 1</strong> is sealed in the tray" in page
    assert room.sitting.keyed == 1
    status = campaigning.status(room.db, "tiny-1")
    assert (status.received, status.tray) == (1, 1)
    assert room.find("U001").status_code == 409


def test_a_box_from_the_screen_is_as_long_as_one_from_a_page(room: Room) -> None:
    send(room.db, room.codes["U002"], make_answers())
    room.take("U001")
    room.key_in()
    assert len({len(box) for _, box in boxes(room.db)}) == 1


def test_what_cannot_be_is_told_at_its_box_and_nothing_is_sealed(room: Room) -> None:
    room.take("U001")
    answer = room.key_in(GOOD | {"kind": "7"})
    assert answer.status_code == 422
    assert '<a href="#kind">Question 1: “7” is not one of the numbers 1 to 3; look at the paper' in answer.text
    assert 'value="7"' in answer.text
    assert room.boxes() == []


def test_what_the_paper_lacks_is_asked_once_and_said_by_the_keyer(room: Room) -> None:
    room.take("U001")
    answer = room.key_in(GOOD | {"kind": ""})
    assert answer.status_code == 422
    assert "1 answer is asked for and blank" in answer.text
    assert 'name="agreed" type="checkbox" value="kind"' in answer.text
    assert room.key_in(GOOD | {"kind": "", "agreed": "kind"}).location == "/returns"
    assert "kind" not in room.boxes()[0]["answers"]


def test_a_star_needs_no_word_and_is_counted(room: Room) -> None:
    room.take("U001")
    assert room.key_in(GOOD | {"kind": "*"}).location == "/returns"
    assert "kind" not in room.boxes()[0]["answers"]
    assert room.sitting.unclear == 1


def test_an_answer_off_the_route_is_shown_asked_about_and_left_out(make_room: Callable[..., Room]) -> None:
    gate = {"question": "gate", "is": "yes"}
    pages = ([make_question(id="gate")], [make_question("multiple", "why", show_if=gate)])
    room = make_room(document=make_document(*pages), anyone=True, carry=None)
    room.at.post("/returns/begin")
    room.at.get("/returns/sheet")
    answer = room.key_in({"gate": "2", "why": "1"})
    assert answer.status_code == 422
    assert "1 answer is given where the routing leads past the question" in answer.text
    assert "Answer only if you chose “Yes” at question 1." in unescape(answer.text)
    assert "Not asked, going by the answers typed" in answer.text
    assert room.key_in({"gate": "2", "why": "1", "agreed": "why"}).location == "/returns"
    assert room.boxes()[0]["answers"] == {"gate": "no"}


def test_an_empty_return_is_no_response(room: Room) -> None:
    room.take("U001")
    answer = room.key_in({"agreed": "kind"})
    assert answer.status_code == 422
    assert "No answer is left in this return" in answer.text
    assert room.boxes() == []


def test_what_is_typed_is_kept_on_the_side_and_by_a_button(room: Room) -> None:
    room.take("U001")
    quiet = room.key_in({"kind": "2"}, then="quiet")
    assert (quiet.status_code, quiet.text) == (204, "")
    assert 'id="kind" name="kind" type="text" autocomplete="off" spellcheck="false" value="2"' in (
        room.at.get("/returns/sheet").text
    )
    kept = room.key_in({"kind": "9"}, then="keep")
    assert kept.status_code == 200
    assert "What is typed is kept" in kept.text
    assert "There is a problem" not in kept.text


def test_keeping_on_the_side_never_answers_with_a_page(room: Room) -> None:
    room.take("U001")
    room.at.post("/returns/aside", {"return": room.sitting.hand.id if room.sitting.hand else ""})
    assert room.key_in({"kind": "2"}, then="quiet").status_code == 204
    stranger = Visitor(room.app)
    assert stranger.client.post("/returns/sheet", data={"then": "quiet"}).status_code == 204


def test_a_page_of_a_return_that_is_no_longer_in_hand_changes_nothing(room: Room) -> None:
    room.take("U001")
    stale = dict(room.at.hidden)
    room.key_in()
    room.take("U002")
    answer = room.at.post("/returns/sheet", {**GOOD, **stale})
    assert answer.status_code == 409
    assert len(room.boxes()) == 1


def test_a_return_put_aside_is_forgotten(room: Room) -> None:
    room.take("U001")
    assert room.at.post("/returns/aside").location == "/returns"
    assert room.sitting.hand is None
    assert room.at.get("/returns/sheet").location == "/returns"
    room.take("U001")


def test_one_return_at_a_time_is_in_hand(room: Room) -> None:
    room.take("U001")
    room.key_in({"kind": "2"}, then="quiet")
    page = room.at.get("/returns").text
    assert "A return is in hand" in page
    assert 'id="sought"' not in page
    room.at.post("/returns/begin", {"unit": "U002"})
    assert title(room.at.get("/returns/sheet")) == "U001: Team 1"


def test_an_organisation_that_answers_meanwhile_keeps_its_own_answers(room: Room) -> None:
    room.take("U001")
    send(room.db, room.codes["U001"], make_answers(kind="no"))
    answer = room.key_in()
    assert answer.status_code == 409
    assert "Its answers have been received" in answer.text
    assert [box["answers"]["kind"] for box in room.boxes()] == ["no"]
    assert (room.sitting.keyed, room.sitting.hand) == (0, None)


def test_a_wave_that_closes_meanwhile_takes_no_more(room: Room) -> None:
    room.take("U001")
    campaigning.close_wave(room.db, "tiny-1", TODAY)
    answer = room.key_in()
    assert (answer.status_code, title(answer)) == (409, "That could not be done")
    assert room.boxes() == []


def test_returns_come_after_the_last_day(make_room: Callable[..., Room]) -> None:
    room = make_room(closes=TODAY)
    room.app.extensions["keyroom"].__dict__["today"] = lambda: TODAY.replace(month=3)
    room.take("U001")
    assert room.key_in().location == "/returns"


def test_items_of_a_repeated_page_are_added_by_a_button(make_room: Callable[..., Room]) -> None:
    document = make_document([{"id": "service", "type": "text", "text": "Which?"}])
    document["sections"][0]["pages"][0]["repeat"] = {"max": 3, "item": "contract"}
    room = make_room(document=document, anyone=True, carry=None)
    room.at.post("/returns/begin")
    assert 'name="service@2"' not in room.at.get("/returns/sheet").text
    more = room.key_in({"service@1": "Advice"}, then="more.p1")
    assert 'name="service@2"' in more.text
    assert ">\nAdvice</textarea>" in more.text
    assert room.key_in({"service@1": "Advice", "service@2": "Beds"}).location == "/returns"
    assert room.boxes()[0]["answers"] == {"p1.count": "2", "service@1": "Advice", "service@2": "Beds"}


def test_words_of_author_and_keyer_are_escaped(make_room: Callable[..., Room]) -> None:
    document = make_all_types()
    document["sections"][0]["pages"][0]["questions"][0]["options"][0]["label"] = "<b>Yes</b>"
    room = make_room(document=document)
    room.take("U001")
    answer = room.key_in(GOOD | {"kind": "<script>"})
    assert "&lt;b&gt;Yes&lt;/b&gt;" in answer.text
    assert "<b>Yes" not in answer.text
    assert 'value="&lt;script&gt;"' in answer.text


# ── keyed twice ──────────────────────────────────────────────────────────────


def held(room: Room, unit: str = "U001", fields: dict[str, Any] = GOOD) -> None:
    """A return that was keyed once and waits."""
    room.take(unit)
    assert room.key_in(fields, then="twice").location == "/returns"
    assert room.boxes() == []


def again(room: Room, unit: str = "U001") -> TestResponse:
    assert "Key it again" in room.at.get("/returns").text
    assert room.at.post("/returns/begin", {"again": unit}).location == "/returns/sheet"
    return room.at.get("/returns/sheet")


def test_the_second_keying_sees_nothing_of_the_first_and_leaves_words_out(room: Room) -> None:
    held(room)
    page = again(room).text
    assert "Second keying" in page
    assert 'name="kind" type="text" autocomplete="off" spellcheck="false" value=""' in page
    assert 'name="issues"' not in page
    assert "Too few staff." not in page


def test_two_keyings_that_agree_are_sealed_with_the_words_of_the_first(room: Room) -> None:
    held(room)
    again(room)
    second = {name: typed for name, typed in GOOD.items() if name != "issues"} | {"sources": "13"}
    assert room.key_in(second).location == "/returns"
    assert [box["answers"] for box in room.boxes()] == [SENT]
    assert (room.sitting.checked, room.sitting.filled, room.sitting.differing) == (1, 4, 0)
    assert "0.0%: the two keyings differed in 0 of 4 boxes" in room.at.get("/returns").text


def test_what_differs_is_shown_and_settled_and_makes_the_error_rate(room: Room) -> None:
    held(room)
    again(room)
    assert room.key_in({"kind": "2", "sources": "1 3", "partners.police": "1"}).location == "/returns/differences"
    page = room.at.get("/returns/differences")
    assert title(page) == "The two keyings differ in 2 boxes"
    assert "Question 1. What about kind?<" in page.text
    assert "Question 3. What about partners?: b. Health<" in page.text
    assert "<strong>1</strong>, typed first" in page.text
    assert "nothing, typed the second time" in page.text
    open_ = room.at.post("/returns/differences", {"take.kind": "second"})
    assert open_.status_code == 422
    assert '<a href="#take-partners-health">Say what the paper says' in open_.text
    chosen = {"take.kind": "second", "take.partners.health": "other", "other.partners.health": "2"}
    assert room.at.post("/returns/differences", chosen).location == "/returns"
    assert [box["answers"] for box in room.boxes()] == [SENT | {"kind": "no", "partners.health": "same"}]
    assert room.sitting.rate == 50.0
    assert "50.0%: the two keyings differed in 2 of 4 boxes" in room.at.get("/returns").text


def test_what_is_settled_is_checked_like_any_other_return(room: Room) -> None:
    held(room)
    again(room)
    room.key_in({"kind": "2", "sources": "1 3", "partners.police": "1", "partners.health": "3"})
    room.at.get("/returns/differences")
    answer = room.at.post("/returns/differences", {"take.kind": "other", "other.kind": "8"})
    assert answer.status_code == 422
    assert "“8” is not one of the numbers 1 to 3" in answer.text
    assert room.key_in().location == "/returns"
    assert [box["answers"] for box in room.boxes()] == [SENT]


def test_a_fault_in_the_second_keying_is_told_before_it_is_compared(room: Room) -> None:
    held(room)
    again(room)
    assert room.key_in({"kind": "9"}).status_code == 422
    assert room.sitting.filled == 0


def test_every_return_is_keyed_twice_if_that_is_wished(room: Room) -> None:
    room.at.post("/returns/twice", {"twice": "yes"})
    room.take("U001")
    assert room.key_in().location == "/returns"
    assert room.boxes() == []
    assert list(room.sitting.waiting) == ["U001"]
    room.take("U001")
    assert room.key_in().location == "/returns"
    assert len(room.boxes()) == 1


# ── nothing is left ──────────────────────────────────────────────────────────


def test_nothing_that_is_typed_is_on_the_disk_or_in_a_log(room: Room, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    words = GOOD | {"issues": "Zanzibar told nobody"}
    held(room, "U001", words)
    room.take("U002")
    room.key_in(words, then="quiet")
    room.key_in(words)
    everything = b"".join(path.read_bytes() for path in room.home.path.rglob("*") if path.is_file())
    assert b"A tiny survey" in everything, "these are the right files"
    assert b"Zanzibar" not in everything
    assert "Zanzibar" not in caplog.text
    assert "U002" not in caplog.text


def test_a_port_that_is_taken_is_told(room: Room) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SurveyError, match="choose another with --port"):
            keyroom.run(room.home, "tiny-1", port, lambda: TODAY, lambda _address: None)


def test_frames_of_a_sample_take_those_drawn_only(make_room: Callable[..., Room]) -> None:
    from dataclasses import replace

    frame = make_frame(60)
    units = (replace(frame.units[0], sampled=False), *frame.units[1:])
    room = make_room(frame=replace(frame, units=units))
    assert "It is not in the sample of this wave" in room.find("U001").text
