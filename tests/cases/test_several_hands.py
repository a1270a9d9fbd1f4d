"""Pages kept as they were typed, colleagues at one draft, forms that come back from a spreadsheet."""

import io

import pytest
from openpyxl import load_workbook

from surveyapp import collecting
from surveyapp.collecting import desk, enter, save_page, submit, take_form
from surveyapp.problems import NotFound, Refused, Unfinished
from surveyapp.storage import people, waves
from surveyapp.storage.database import Database
from tests.makers import PEPPER, TODAY, change, everything, make_document, make_question, make_wave, opened

pytestmark = pytest.mark.stores

NUMBERS = make_document(
    [make_question("number", "spend", max=1000), make_question("text", "why", max_length=50)],
    [make_question(required=True)],
)
REPEATED = make_document([make_question("number", "months")])
REPEATED["sections"][0]["pages"][0]["repeat"] = {"max": 3, "item": "contract"}


def at(db: Database, document=NUMBERS):
    _, _, codes = make_wave(db, document=document)
    return enter(db, PEPPER, codes["U001"], TODAY)


# ── as typed ─────────────────────────────────────────────────────────────────


def test_a_page_with_a_fault_is_there_as_it_was_typed_at_the_next_visit(db: Database) -> None:
    visit = at(db)
    saved = save_page(db, visit, "p1", {"spend": ["about 12"], "why": ["Because"]}, TODAY)
    assert [problem.at for problem in saved.problems] == ["spend"]
    now = desk(db, visit, TODAY)
    step = now.route.steps[0]
    assert now.answers == {"why": "Because"}
    assert now.form(step) == {"spend": ["about 12"], "why": ["Because"]}
    assert [problem.at for problem in now.problems(step)] == ["spend"]
    assert now.unfinished == {"p1"}


def test_once_it_can_be_read_it_is_finished(db: Database) -> None:
    visit = at(db)
    save_page(db, visit, "p1", {"spend": ["about 12"]}, TODAY)
    save_page(db, visit, "p1", opened(db, visit, "p1", {"spend": "12"}), TODAY)
    now = desk(db, visit, TODAY)
    assert (now.answers, now.unfinished, now.visited) == ({"spend": "12"}, set(), ("p1",))


def test_answers_are_not_sent_while_something_typed_could_not_be_read(db: Database) -> None:
    visit = at(db)
    save_page(db, visit, "p1", {"spend": ["about 12"]}, TODAY)
    save_page(db, visit, "p2", {"q1": ["yes"]}, TODAY)
    with pytest.raises(Unfinished) as unfinished:
        submit(db, visit, TODAY)
    assert unfinished.value.page == "p1"


def test_what_was_typed_is_there_again_when_other_answers_lead_back_to_the_page(db: Database) -> None:
    """Led past, it hinders nobody from sending; nor is it lost by what is saved meanwhile."""
    gate = {"show_if": {"question": "q1", "is": "yes"}}
    visit = at(db, make_document([make_question()], [make_question("number", "spend", **gate)]))
    save_page(db, visit, "p1", {"q1": ["yes"]}, TODAY)
    save_page(db, visit, "p2", {"spend": ["about 12"]}, TODAY)
    for answer, unfinished in (("no", set()), ("no", set()), ("yes", {"p2"})):
        save_page(db, visit, "p1", opened(db, visit, "p1", {"q1": answer}), TODAY)
        assert desk(db, visit, TODAY).unfinished == unfinished
    now = desk(db, visit, TODAY)
    assert now.form(now.route.steps[1]) == {"spend": ["about 12"]}
    save_page(db, visit, "p1", opened(db, visit, "p1", {"q1": "no"}), TODAY)
    submit(db, visit, TODAY)


def test_words_beyond_the_room_of_a_draft_are_told_not_to_be_kept(db: Database) -> None:
    visit = at(db)
    saved = save_page(db, visit, "p1", {"why": ["w" * 100_000], "spend": ["12"]}, TODAY)
    assert not saved.kept
    assert desk(db, visit, TODAY).answers == {"spend": "12"}
    again = save_page(db, visit, "p1", opened(db, visit, "p1", {"why": "w", "spend": "12"}), TODAY)
    assert (again.kept, again.problems) == (True, ())


def test_all_drafts_stay_equally_long_whatever_was_typed(db: Database) -> None:
    _, _, codes = make_wave(db, document=NUMBERS)
    for code, words in zip(codes.values(), ("", "x", "x" * 5000, "x" * 200_000), strict=False):
        save_page(db, enter(db, PEPPER, code, TODAY), "p1", {"why": [words]}, TODAY)
    with db.reading() as connection:
        lengths = connection.exec_driver_sql("SELECT DISTINCT length(box) FROM draft").all()
    assert len(lengths) == 1


# ── two at one page ──────────────────────────────────────────────────────────


def test_what_a_colleague_saved_meanwhile_is_asked_about_and_nothing_is_saved(db: Database) -> None:
    visit = at(db)
    mine = opened(db, visit, "p1", {"spend": "5", "why": "Mine"})
    save_page(db, visit, "p1", opened(db, visit, "p1", {"spend": "7"}), TODAY)
    saved = save_page(db, visit, "p1", mine, TODAY)
    assert [(clash.question.id, clash.likely) for clash in saved.clashes] == [("spend", None), ("why", "mine")]
    assert desk(db, visit, TODAY).answers == {"spend": "7"}


def test_the_same_page_sent_twice_is_saved_once_and_asks_nothing(db: Database) -> None:
    visit = at(db)
    form = opened(db, visit, "p1", {"spend": "5"})
    assert save_page(db, visit, "p1", form, TODAY).clashes == ()
    assert save_page(db, visit, "p1", form, TODAY).clashes == ()


def test_a_colleague_s_unreadable_words_are_not_overwritten_either(db: Database) -> None:
    visit = at(db)
    mine = opened(db, visit, "p1", {"spend": "5"})
    save_page(db, visit, "p1", opened(db, visit, "p1", {"spend": "about 7"}), TODAY)
    assert [clash.saved for clash in save_page(db, visit, "p1", mine, TODAY).clashes] == [{"spend": ["about 7"]}]


def test_a_note_to_a_colleague_lies_in_the_draft_and_goes_no_further(db: Database) -> None:
    _, _, codes = make_wave(db, document=NUMBERS)
    visit = enter(db, PEPPER, codes["U001"], TODAY)
    assert collecting.leave_for_colleague(db, visit, "s1", "Ask CANARY-017\x00 in finance", TODAY) == []
    assert desk(db, visit, TODAY).notes == {"s1": "Ask CANARY-017 in finance"}
    assert b"CANARY" not in everything(db)
    save_page(db, visit, "p2", {"q1": ["yes"]}, TODAY)
    submit(db, visit, TODAY)
    assert b"CANARY" not in everything(db)


def test_a_section_can_be_taken_back(db: Database) -> None:
    visit = at(db)
    collecting.leave_for_colleague(db, visit, "s1", "", TODAY)
    collecting.leave_for_colleague(db, visit, "s1", None, TODAY)
    assert desk(db, visit, TODAY).notes == {}


def test_a_note_that_is_too_long_is_refused_whole(db: Database) -> None:
    visit = at(db)
    problems = collecting.leave_for_colleague(db, visit, "s1", "x" * 501, TODAY)
    assert [(problem.at, problem.what, problem.do) for problem in problems] == [
        ("note", "The note is too long", "Shorten it to 500 characters")
    ]
    assert desk(db, visit, TODAY).notes == {}


def test_a_section_that_is_not_there_cannot_be_left(db: Database) -> None:
    with pytest.raises(NotFound, match="not part of your questionnaire"):
        collecting.leave_for_colleague(db, at(db), "s9", "", TODAY)


def test_an_item_taken_away_leaves_no_later_item_marked_as_seen_to(db: Database) -> None:
    visit = at(db, REPEATED)
    for number in (1, 2, 3):
        page = f"p1-{number}"
        save_page(db, visit, page, opened(db, visit, page, {f"months@{number}": str(number)}), TODAY)
        if number < 3:
            collecting.add_item(db, visit, page, TODAY)
    collecting.remove_item(db, visit, "p1-2", TODAY)
    now = desk(db, visit, TODAY)
    assert now.answers == {"months@1": "1", "months@2": "3", "p1.count": "2"}
    assert now.visited == ("p1-1",)


# ── a form from elsewhere ────────────────────────────────────────────────────


def filled_in(content: bytes, answers: dict[str, str]) -> bytes:
    """The form as somebody saves it who has typed `answers`, by question."""
    book = load_workbook(io.BytesIO(content))
    for kind, sheet, cell, name, *_ in book["surveyapp key"].iter_rows(min_row=2, values_only=True):
        if kind == "cell" and name in answers:
            book[sheet][cell].value = answers[name]
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def test_a_form_goes_out_and_comes_back_into_the_draft(db: Database) -> None:
    visit = at(db)
    save_page(db, visit, "p1", {"why": ["Because"]}, TODAY)
    content = collecting.offline_form(db, visit, "en", TODAY)
    filled = filled_in(content, {"spend": "12", "q1": "Yes"})
    taken = take_form(db, visit, "form.xlsx", filled, TODAY)
    assert (taken.problems, taken.clashes) == ((), ())
    now = desk(db, visit, TODAY)
    assert now.answers == {"spend": "12", "why": "Because", "q1": "yes"}
    assert set(now.visited) == {"p1", "p2"}


def test_what_cannot_be_read_is_told_cell_by_cell_and_kept_as_typed(db: Database) -> None:
    visit = at(db)
    content = collecting.offline_form(db, visit, "en", TODAY)
    filled = filled_in(content, {"spend": "about 12", "q1": "Perhaps"})
    taken = take_form(db, visit, "form.xlsx", filled, TODAY)
    assert {problem.at.partition("!")[0] for problem in taken.problems} == {"1 Section 1", "2 Section 2"}
    assert desk(db, visit, TODAY).typed == {"p1": {"spend": ["about 12"]}}


def test_an_answer_changed_online_since_the_form_went_out_stays_and_both_are_told(db: Database) -> None:
    visit = at(db)
    content = collecting.offline_form(db, visit, "en", TODAY)
    save_page(db, visit, "p1", opened(db, visit, "p1", {"spend": "7"}), TODAY)
    taken = take_form(db, visit, "form.xlsx", filled_in(content, {"spend": "12"}), TODAY)
    assert [(clash.mine, clash.saved) for clash in taken.clashes] == [({"spend": ["12"]}, {"spend": ["7"]})]
    assert desk(db, visit, TODAY).answers == {"spend": "7"}


def test_another_file_is_refused_and_changes_nothing(db: Database) -> None:
    visit = at(db)
    save_page(db, visit, "p1", {"spend": ["7"]}, TODAY)
    before = everything(db)
    with pytest.raises(Refused):
        take_form(db, visit, "form.xlsx", b"PK\x03\x04 nothing", TODAY)
    assert everything(db) == before


# ── words that may tell ──────────────────────────────────────────────────────


def test_words_that_may_tell_who_wrote_them_are_found_in_open_answers(db: Database) -> None:
    visit = at(db)
    save_page(db, visit, "p1", {"why": ["Ask Team 17 or jo@example.org"]}, TODAY)
    found = collecting.giveaways(db, desk(db, visit, TODAY))
    assert {key: [(f.kind, f.words) for f in findings] for key, findings in found.items()} == {
        "why": [("organisation", "Team 17"), ("e-mail address", "jo@example.org")]
    }


def test_an_organisation_that_has_got_another_name_is_known_by_the_new_one(db: Database) -> None:
    visit = at(db)
    save_page(db, visit, "p1", {"why": ["Ask Kestrel House or Team 17"]}, TODAY)
    for name, words in (("Team 17", "Team 17"), ("Kestrel House", "Kestrel House")):
        change(db, f"UPDATE organisation SET name = '{name}' WHERE unit = 'U017'")
        (findings,) = collecting.giveaways(db, desk(db, visit, TODAY)).values()
        assert [finding.words for finding in findings] == [words]


def test_a_frame_of_nobody_has_no_names(db: Database) -> None:
    make_wave(db, document=NUMBERS, anyone=True, carry=None)
    with db.reading() as connection:
        assert waves.wave_named(connection, "tiny-1").frame_mark is None
        assert people.names(connection, "tiny-1") == []
