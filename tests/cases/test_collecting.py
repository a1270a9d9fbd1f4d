"""Collect: who gets in, what is kept, what is sent, and that it is sent once."""

import json
import re
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest

from surveyapp import campaigning, collecting, privacy
from surveyapp.collecting import Visit, desk, enter, enter_open, save_all, save_page, submit
from surveyapp.problems import AlreadyReceived, NotFound, Refused, Unfinished, UnknownCode, WaveNotOpen
from surveyapp.storage import people
from surveyapp.storage.database import Database
from tests.makers import (
    PEPPER,
    TODAY,
    as_form,
    change,
    everything,
    in_tray,
    make_answers,
    make_document,
    make_question,
    make_wave,
    normal,
    opened,
    rows,
    send,
)

pytestmark = pytest.mark.stores

GATED = make_document(
    [make_question("single", "gate")],
    [
        make_question("text", "why", max_length=100, show_if={"question": "gate", "is": "yes"}),
        make_question("single", "last"),
    ],
)
"""Page 2 asks why only those who said yes on page 1."""


# ── entering ─────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "typed",
    [
        lambda code: code,
        str.lower,
        lambda code: code.replace("-", ""),
        lambda code: f"  {code}\t\n",
        lambda code: code.replace("-", " "),
        lambda code: code.replace("-", "–"),
        lambda code: code.replace("0", "O"),
        lambda code: code.replace("0", "o").replace("1", "l"),
        lambda code: code.replace("1", "I"),
        lambda code: code.replace("1", "i"),
    ],
)
def test_a_code_opens_the_door_however_it_is_typed(db: Database, typed: Callable[[str], str]) -> None:
    _, _, codes = make_wave(db)
    for code in codes.values():
        assert enter(db, PEPPER, typed(code), TODAY).wave == "tiny-1"


@pytest.mark.parametrize(
    "typed",
    [
        "",
        " ",
        "AAAAA-AAAAA-AAAAA-AAAAA",
        "x" * 10_000,
        "U" * 20,
        "'; DROP TABLE invitation",
        "%",
        "\0" * 20,
        "é" * 20,
    ],
)
def test_what_is_no_code_of_ours_is_unknown(db: Database, typed: str) -> None:
    make_wave(db)
    with pytest.raises(UnknownCode, match="that access code is not one of ours"):
        enter(db, PEPPER, typed, TODAY)


def test_nearly_a_code_is_unknown(db: Database) -> None:
    _, _, codes = make_wave(db)
    code = normal(codes["U001"])
    for wrong in (code[:-1], code + "0", code[:-1] + ("0" if code[-1] != "0" else "2"), code[::-1]):
        with pytest.raises(UnknownCode):
            enter(db, PEPPER, wrong, TODAY)


def test_a_used_code_is_told_so_even_after_the_close(db: Database) -> None:
    _, _, codes = make_wave(db)
    send(db, codes["U001"], make_answers())
    with pytest.raises(AlreadyReceived):
        enter(db, PEPPER, codes["U001"], TODAY)
    campaigning.close_wave(db, "tiny-1", TODAY)
    with pytest.raises(AlreadyReceived):
        enter(db, PEPPER, codes["U001"], TODAY)


def test_an_unused_code_of_a_closed_wave_hears_the_day(db: Database) -> None:
    _, _, codes = make_wave(db)
    campaigning.close_wave(db, "tiny-1", date(2012, 2, 17))
    with pytest.raises(WaveNotOpen, match="closed on 2012-02-17"):
        enter(db, PEPPER, codes["U001"], TODAY)


def test_entering_writes_nothing(db: Database) -> None:
    _, _, codes = make_wave(db)
    before = everything(db)
    desk(db, enter(db, PEPPER, codes["U001"], TODAY), TODAY)
    assert everything(db) == before


def test_a_visit_does_not_print_its_key(db: Database) -> None:
    _, _, codes = make_wave(db)
    visit = enter(db, PEPPER, codes["U001"], TODAY)
    assert repr(visit.key) not in repr(visit)
    collecting.save_all(db, visit, as_form(make_answers()), TODAY)
    assert "Too few staff" not in repr(desk(db, visit, TODAY))


# ── saving ───────────────────────────────────────────────────────────────────


def test_a_page_is_saved_and_there_at_the_next_visit(db: Database) -> None:
    _, _, codes = make_wave(db)
    visit = enter(db, PEPPER, codes["U001"], TODAY)
    saved = save_page(db, visit, "p1", {"kind": ["no"], "sources": ["b"]}, TODAY)
    assert (saved.desk.answers, saved.problems) == ({"kind": "no", "sources": ["b"]}, ())
    assert desk(db, enter(db, PEPPER, codes["U001"], TODAY), TODAY).answers == {"kind": "no", "sources": ["b"]}


def test_pages_are_merged_and_a_page_sent_again_replaces_itself_alone(db: Database) -> None:
    _, _, codes = make_wave(db)
    visit = enter(db, PEPPER, codes["U001"], TODAY)
    save_page(db, visit, "p1", {"kind": ["other"], "kind.other.text": ["A trust"], "sources": ["a", "b"]}, TODAY)
    save_page(db, visit, "p2", {"partners.police": ["more"], "issues": ["Staff"]}, TODAY)
    save_page(db, visit, "p1", opened(db, visit, "p1", {"kind": ["yes"]}), TODAY)
    assert desk(db, visit, TODAY).answers == {"kind": "yes", "partners.police": "more", "issues": "Staff"}


def test_two_pages_open_at_once_do_not_disturb_each_other(db: Database) -> None:
    _, _, codes = make_wave(db)
    here, there = enter(db, PEPPER, codes["U001"], TODAY), enter(db, PEPPER, codes["U001"], TODAY)
    save_page(db, here, "p1", {"kind": ["yes"]}, TODAY)
    save_page(db, there, "p2", {"issues": ["From a colleague"]}, TODAY)
    save_page(db, here, "p1", opened(db, here, "p1", {"kind": ["no"]}), TODAY)
    assert desk(db, there, TODAY).answers == {"kind": "no", "issues": "From a colleague"}


def test_fields_of_other_pages_and_of_none_are_not_read(db: Database) -> None:
    _, _, codes = make_wave(db)
    visit = enter(db, PEPPER, codes["U001"], TODAY)
    posted = {"kind": ["yes"], "issues": ["not here"], "admin": ["1"], "__proto__": ["x"], "hello": ["note"]}
    save_page(db, visit, "p1", posted, TODAY)
    assert desk(db, visit, TODAY).answers == {"kind": "yes"}


def test_what_can_be_read_is_kept_beside_a_problem(db: Database) -> None:
    _, _, codes = make_wave(db)
    visit = enter(db, PEPPER, codes["U001"], TODAY)
    saved = save_page(db, visit, "p1", {"kind": ["perhaps"], "sources": ["a"]}, TODAY)
    assert [problem.at for problem in saved.problems] == ["kind"]
    assert desk(db, visit, TODAY).answers == {"sources": ["a"]}


def test_a_form_that_no_page_of_ours_sends_is_refused_and_nothing_changes(db: Database) -> None:
    _, _, codes = make_wave(db)
    visit = enter(db, PEPPER, codes["U001"], TODAY)
    save_page(db, visit, "p1", {"kind": ["yes"]}, TODAY)
    before = everything(db)
    with pytest.raises(Refused):
        save_page(db, visit, "p1", {"kind": ["yes", "no"]}, TODAY)
    assert everything(db) == before


@pytest.mark.parametrize("page", ["p3", "", "../p1", "P1", "kind"])
def test_a_page_that_is_not_there_is_not_found(db: Database, page: str) -> None:
    _, _, codes = make_wave(db)
    with pytest.raises(NotFound, match="not part of your questionnaire"):
        save_page(db, enter(db, PEPPER, codes["U001"], TODAY), page, {}, TODAY)


def test_a_draft_opens_for_its_own_code_and_pepper_alone(db: Database) -> None:
    _, _, codes = make_wave(db)
    mine, other = enter(db, PEPPER, codes["U001"], TODAY), enter(db, PEPPER, codes["U002"], TODAY)
    save_all(db, mine, as_form(make_answers()), TODAY)
    assert desk(db, other, TODAY).answers == {}
    with pytest.raises(privacy.CannotOpen):
        enter(db, b"another pepper of 32 bytes ......", codes["U001"], TODAY)
    with pytest.raises(UnknownCode):
        desk(db, Visit(mine.wave, mine.code_hash, mine.salt, other.key), TODAY)


def test_a_draft_moved_under_another_code_does_not_open(db: Database) -> None:
    _, _, codes = make_wave(db)
    mine, other = enter(db, PEPPER, codes["U001"], TODAY), enter(db, PEPPER, codes["U002"], TODAY)
    save_all(db, mine, as_form(make_answers()), TODAY)
    change(db, "UPDATE draft SET code_hash = ?", other.code_hash)
    with pytest.raises(UnknownCode):
        desk(db, other, TODAY)
    with pytest.raises(privacy.CannotOpen):
        enter(db, PEPPER, codes["U002"], TODAY)
    with pytest.raises(UnknownCode):
        desk(db, Visit(mine.wave, other.code_hash, mine.salt, mine.key), TODAY)


def test_a_draft_cut_short_is_refused_not_crashed(db: Database) -> None:
    _, _, codes = make_wave(db)
    visit = enter(db, PEPPER, codes["U001"], TODAY)
    save_all(db, visit, as_form(make_answers()), TODAY)
    for left in (b"", b"x", b"x" * 12, b"x" * 28):
        change(db, "UPDATE draft SET box = ?", left)
        with pytest.raises(UnknownCode):
            desk(db, visit, TODAY)
        with pytest.raises(privacy.CannotOpen):
            enter(db, PEPPER, codes["U001"], TODAY)


def test_all_drafts_are_equally_long(db: Database) -> None:
    _, _, codes = make_wave(db)
    for unit, answers in {"U001": {}, "U002": make_answers(), "U003": _fullest()}.items():
        save_all(db, enter(db, PEPPER, codes[unit], TODAY), as_form(answers), TODAY)
    assert len(set(_column(db, "SELECT length(box) FROM draft"))) == 1


# ── sending ──────────────────────────────────────────────────────────────────


def test_sending_makes_exactly_one_box_and_forgets_the_draft(db: Database) -> None:
    _, key, codes = make_wave(db)
    send(db, codes["U001"], make_answers(), today=TODAY + timedelta(days=3))
    assert in_tray(db, key) == [{"version": "1", "cell": "South", "answers": make_answers()}]
    assert _column(db, "SELECT count(*) FROM draft") == [0]
    assert _column(db, "SELECT completed_on FROM invitation WHERE state = 'done'") == ["2012-01-19"]


def test_sending_again_says_received_and_makes_no_second_box(db: Database) -> None:
    _, key, codes = make_wave(db)
    visit = enter(db, PEPPER, codes["U001"], TODAY)
    save_all(db, visit, as_form(make_answers()), TODAY)
    submit(db, visit, TODAY)
    for again in (
        lambda: submit(db, visit, TODAY),
        lambda: save_all(db, visit, as_form(make_answers(issues="changed")), TODAY),
        lambda: save_page(db, visit, "p1", {"kind": ["no"]}, TODAY),
        lambda: desk(db, visit, TODAY),
    ):
        with pytest.raises(AlreadyReceived):
            again()
    assert [box["answers"]["issues"] for box in in_tray(db, key)] == ["Too few staff."]
    assert _column(db, "SELECT count(*) FROM draft") == [0]


def test_the_first_of_two_colleagues_sends_and_the_second_is_told(db: Database) -> None:
    _, key, codes = make_wave(db)
    first, second = enter(db, PEPPER, codes["U001"], TODAY), enter(db, PEPPER, codes["U001"], TODAY)
    save_all(db, second, as_form(make_answers()), TODAY)
    submit(db, first, TODAY)
    with pytest.raises(AlreadyReceived):
        submit(db, second, TODAY)
    assert len(in_tray(db, key)) == 1


def test_answers_off_the_route_are_kept_in_the_draft_and_not_in_the_box(db: Database) -> None:
    _, key, codes = make_wave(db, document=GATED)
    visit = enter(db, PEPPER, codes["U001"], TODAY)
    save_page(db, visit, "p1", {"gate": ["yes"]}, TODAY)
    save_page(db, visit, "p2", {"why": ["CANARY-017"], "last": ["no"]}, TODAY)
    save_page(db, visit, "p1", opened(db, visit, "p1", {"gate": ["no"]}), TODAY)
    assert desk(db, visit, TODAY).answers["why"] == "CANARY-017"
    submit(db, visit, TODAY)
    assert [box["answers"] for box in in_tray(db, key)] == [{"gate": "no", "last": "no"}]


def test_a_question_off_the_route_cannot_be_answered_through_its_page(db: Database) -> None:
    _, _, codes = make_wave(db, document=GATED)
    visit = enter(db, PEPPER, codes["U001"], TODAY)
    save_page(db, visit, "p2", {"why": ["smuggled"], "last": ["no"]}, TODAY)
    assert desk(db, visit, TODAY).answers == {"last": "no"}


def test_with_a_required_answer_missing_nothing_is_sent_and_nothing_lost(db: Database) -> None:
    _, key, codes = make_wave(db)
    visit = enter(db, PEPPER, codes["U001"], TODAY)
    save_page(db, visit, "p2", {"issues": ["Staff"]}, TODAY)
    with pytest.raises(Unfinished) as unfinished:
        submit(db, visit, TODAY)
    assert unfinished.value.page == "p1"
    assert desk(db, visit, TODAY).answers == {"issues": "Staff"}
    assert in_tray(db, key) == []
    assert campaigning.status(db, "tiny-1").received == 0


def test_all_boxes_are_equally_long(db: Database) -> None:
    _, key, codes = make_wave(db)
    for unit, answers in {"U001": {"kind": "no"}, "U002": make_answers(), "U003": _fullest()}.items():
        send(db, codes[unit], answers)
    assert len(set(_column(db, "SELECT length(box) FROM tray"))) == 1
    assert _fullest() in [box["answers"] for box in in_tray(db, key)]


def test_a_box_opens_with_the_key_of_its_own_wave_alone(db: Database) -> None:
    wave, key, codes = make_wave(db, "tiny-1")
    other, other_key, _ = make_wave(db, "tiny-2")
    send(db, codes["U001"], make_answers())
    (box,) = _column(db, "SELECT box FROM tray")
    for k, info in ((other_key, wave.seal_info), (key, other.seal_info)):
        with pytest.raises(privacy.CannotOpen):
            privacy.open_box(k, box, info)
    assert json.loads(privacy.open_box(key, box, wave.seal_info))["cell"] == "South"


def test_the_code_of_one_wave_uses_up_no_other(db: Database) -> None:
    _, _, first = make_wave(db, "tiny-1")
    make_wave(db, "tiny-2")
    send(db, first["U001"], make_answers())
    assert campaigning.status(db, "tiny-1").received == 1
    assert campaigning.status(db, "tiny-2").received == 0


def test_a_wrong_pepper_does_not_use_up_a_code(db: Database) -> None:
    _, _, codes = make_wave(db)
    wrong = enter(db, b"another pepper of 32 bytes ......", codes["U001"], TODAY)
    save_all(db, enter(db, PEPPER, codes["U001"], TODAY), as_form(make_answers()), TODAY)
    with pytest.raises(UnknownCode):
        submit(db, wrong, TODAY)
    with db.reading() as connection:
        assert people.completions(connection, "tiny-1") == {"open": 40}


# ── open to anyone ───────────────────────────────────────────────────────────


def test_in_an_open_wave_a_code_is_made_and_stored_at_the_first_save(db: Database) -> None:
    make_wave(db, anyone=True)
    visit = enter_open(db, PEPPER, "tiny-1", TODAY)
    assert visit.new_code is not None
    assert _column(db, "SELECT count(*) FROM invitation") == [0]
    save_page(db, visit, "p1", {"kind": ["yes"]}, TODAY)
    assert _column(db, "SELECT code_hash FROM invitation") == [visit.code_hash]
    assert visit.code_hash == privacy.code_hash(normal(visit.new_code))
    assert normal(visit.new_code).encode() not in everything(db)


def test_a_looker_at_an_open_wave_leaves_no_trace(db: Database) -> None:
    make_wave(db, anyone=True)
    before = everything(db)
    desk(db, enter_open(db, PEPPER, "tiny-1", TODAY), TODAY)
    assert everything(db) == before


def test_the_code_opens_the_draft_again_and_nothing_else_does(db: Database) -> None:
    make_wave(db, anyone=True)
    visit = enter_open(db, PEPPER, "tiny-1", TODAY)
    save_page(db, visit, "p1", {"kind": ["yes"]}, TODAY)
    assert desk(db, enter(db, PEPPER, visit.new_code or "", TODAY), TODAY).answers == {"kind": "yes"}
    (box,) = _column(db, "SELECT box FROM draft")
    (salt,) = _column(db, "SELECT salt FROM invitation")
    for guess in (privacy.new_code(), visit.code_hash.hex(), ""):
        with pytest.raises(privacy.CannotOpen):
            privacy.open_draft(privacy.draft_key(guess, salt, PEPPER), box, visit.code_hash)
    with pytest.raises(privacy.CannotOpen):
        privacy.open_draft(privacy.draft_key(normal(visit.new_code or ""), salt, b""), box, visit.code_hash)


def test_an_open_answer_can_be_sent_at_once(db: Database) -> None:
    _, key, _ = make_wave(db, anyone=True, document=make_document())
    visit = enter_open(db, PEPPER, "tiny-1", TODAY)
    submit(db, visit, TODAY)
    assert in_tray(db, key) == [{"version": "1", "cell": "", "answers": {}}]
    with pytest.raises(AlreadyReceived):
        submit(db, visit, TODAY)


def test_two_visitors_of_an_open_wave_are_two(db: Database) -> None:
    _, key, _ = make_wave(db, anyone=True)
    for answer in ("yes", "no"):
        visit = enter_open(db, PEPPER, "tiny-1", TODAY)
        save_page(db, visit, "p1", {"kind": [answer]}, TODAY)
        submit(db, visit, TODAY)
    assert sorted(box["answers"]["kind"] for box in in_tray(db, key)) == ["no", "yes"]


def test_a_listed_wave_is_not_open_to_anyone(db: Database) -> None:
    make_wave(db)
    with pytest.raises(NotFound, match="for invited organisations"):
        enter_open(db, PEPPER, "tiny-1", TODAY)
    made_up = Visit("tiny-1", b"h" * 32, b"s" * 16, b"k" * 32, "code")
    for attempt in (
        lambda: desk(db, made_up, TODAY),
        lambda: submit(db, made_up, TODAY),
        lambda: save_page(db, made_up, "p1", {"kind": ["yes"]}, TODAY),
    ):
        with pytest.raises(UnknownCode):
            attempt()
    assert _column(db, "SELECT count(*) FROM invitation") == [40]


def test_a_closed_open_wave_takes_nobody(db: Database) -> None:
    make_wave(db, anyone=True)
    visit = enter_open(db, PEPPER, "tiny-1", TODAY)
    campaigning.close_wave(db, "tiny-1", TODAY)
    with pytest.raises(WaveNotOpen):
        enter_open(db, PEPPER, "tiny-1", TODAY)
    with pytest.raises(WaveNotOpen):
        submit(db, visit, TODAY)


def test_only_open_waves_are_in_the_field(db: Database) -> None:
    make_wave(db, "tiny-1")
    make_wave(db, "tiny-2", anyone=True)
    campaigning.close_wave(db, "tiny-1", TODAY)
    assert [(wave.name, instrument.name) for wave, instrument in collecting.in_the_field(db, TODAY)] == [
        ("tiny-2", "tiny@1")
    ]


# ── the promise ──────────────────────────────────────────────────────────────


@pytest.mark.parametrize("place", ["holder", "server"])
def test_the_promise_says_where_the_key_is_and_what_goes_along(db: Database, place: str) -> None:
    wave, _, _ = make_wave(db, key_place=place)
    promise = " ".join(collecting.promise(wave))
    assert ("kept away from this website" in promise) == (place == "holder")
    assert ("Whoever runs the server could open them" in promise) == (place == "server")
    assert "your region" in promise


def test_an_open_wave_promises_nothing_about_organisations(db: Database) -> None:
    wave, _, _ = make_wave(db, anyone=True)
    promise = " ".join(collecting.promise(wave))
    assert not re.search("organisation has answered|goes with them", promise)


def _fullest() -> dict[str, Any]:
    """The longest answers that the instrument takes, in the letters that take most bytes."""
    return {
        "kind": "other",
        "kind.other.text": '"' * 200,
        "sources": ["a", "b", "c"],
        "partners.police": "more",
        "partners.health": "more",
        "issues": "\u0800" * 100,
    }


def _column(db: Database, query: str) -> list[Any]:
    return [value for (value,) in rows(db, query)]
