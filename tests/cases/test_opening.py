"""Opening the tray: who may leave it, that nobody leaves it half, and what the answers look like outside."""

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pytest

from surveyapp import campaigning, collecting, privacy, reporting
from surveyapp.fieldwork import Frame, Unit
from surveyapp.problems import NotFound, Refused, SurveyError
from surveyapp.reporting import Opened, open_tray
from surveyapp.storage import responses
from surveyapp.storage.database import Database
from tests.faults import victims
from tests.makers import (
    PEPPER,
    TODAY,
    as_form,
    change,
    everything,
    make_all_types,
    make_answers,
    make_document,
    make_frame,
    make_question,
    make_wave,
    rows,
    send,
)

pytestmark = pytest.mark.stores

# ── before the close: batches only ───────────────────────────────────────────


@pytest.mark.parametrize(("sent", "released"), [(0, 0), (1, 0), (10, 0), (19, 0), (20, 10), (25, 15)])
def test_before_the_close_a_batch_leaves_and_as_many_stay(db: Database, sent: int, released: int) -> None:
    """Of one cell at least ten leave together, and at least ten stay behind."""
    _, key, codes = make_wave(db, frame=make_frame(60))
    for code in _of_region(codes, "North")[:sent]:
        send(db, code, make_answers())
    assert open_tray(db, "tiny-1", key) == Opened(released, sent - released)
    assert _released_cells(db) == ({"North": released} if released else {})


def test_each_cell_waits_for_its_own_company(db: Database) -> None:
    _, key, codes = make_wave(db, frame=make_frame(60))
    for code in _of_region(codes, "North")[:22] + _of_region(codes, "South")[:19]:
        send(db, code, make_answers())
    assert open_tray(db, "tiny-1", key) == Opened(12, 29)
    assert _released_cells(db) == {"North": 12}


@pytest.mark.parametrize("smallest", [0, 1, 4])
def test_no_instrument_may_ask_for_batches_below_five(db: Database, smallest: int) -> None:
    with pytest.raises(Refused, match="minimum_base"):
        make_wave(db, document=make_document(disclosure={"policy": "organisations", "minimum_base": smallest}))


@pytest.mark.sqlite
def test_looking_after_every_arrival_never_shows_one_alone(db: Database) -> None:
    """Two looks differ by nothing or by ten of a cell at least: who came between them is not to be told."""
    _, key, codes = make_wave(db, frame=make_frame(90))
    seen: Counter[str] = Counter()
    for code in codes.values():
        send(db, code, make_answers())
        open_tray(db, "tiny-1", key)
        now = Counter(_released_cells(db))
        assert all(grown == 0 or grown >= 10 for grown in (now - seen).values())
        seen = now
        assert not seen or _waiting(db) >= 10
    campaigning.close_wave(db, "tiny-1", TODAY)
    open_tray(db, "tiny-1", key)
    assert all(grown >= 10 for grown in (Counter(_released_cells(db)) - seen).values())
    assert Counter(_released_cells(db)).total() == 90


# ── after the close: all ─────────────────────────────────────────────────────


def test_after_the_close_all_leave(db: Database) -> None:
    _, key, codes = make_wave(db)
    for code in codes.values():
        send(db, code, make_answers())
    campaigning.close_wave(db, "tiny-1", TODAY)
    assert open_tray(db, "tiny-1", key) == Opened(40, 0)
    assert _released_cells(db) == {"North": 20, "South": 20}
    assert rows(db, "SELECT count(*) FROM tray") == [(0,)]


def test_opening_a_second_time_is_harmless(db: Database) -> None:
    _, key, codes = make_wave(db)
    for code in codes.values():
        send(db, code, make_answers())
    campaigning.close_wave(db, "tiny-1", TODAY)
    open_tray(db, "tiny-1", key)
    before = (rows(db, "SELECT * FROM response"), rows(db, "SELECT * FROM verbatim"))
    assert open_tray(db, "tiny-1", key) == Opened(0, 0)
    assert (rows(db, "SELECT * FROM response"), rows(db, "SELECT * FROM verbatim")) == before


def test_an_empty_tray_opens(db: Database) -> None:
    _, key, _ = make_wave(db)
    campaigning.close_wave(db, "tiny-1", TODAY)
    assert open_tray(db, "tiny-1", key) == Opened(0, 0)


def test_the_tray_of_another_wave_stays_shut(db: Database) -> None:
    _, key, first = make_wave(db, "tiny-1")
    _, _, second = make_wave(db, "tiny-2")
    for codes in (first, second):
        send(db, codes["U001"], make_answers())
    campaigning.close_wave(db, "tiny-1", TODAY)
    open_tray(db, "tiny-1", key)
    assert rows(db, "SELECT wave FROM tray") == [("tiny-2",)]


def test_small_cells_are_blanked_and_never_alone(db: Database) -> None:
    """Three of the South would be known by where they come from; with the next cell they are ten and more."""
    _, key, codes = make_wave(db, frame=make_frame(60))
    for code in _of_region(codes, "North")[:12] + _of_region(codes, "South")[:3]:
        send(db, code, make_answers())
    campaigning.close_wave(db, "tiny-1", TODAY)
    open_tray(db, "tiny-1", key)
    assert _released_cells(db) == {"": 15}
    assert set(rows(db, "SELECT DISTINCT cell FROM verbatim")) == {("",)}


def test_small_cells_enough_together_leave_the_large_ones_their_names(db: Database) -> None:
    units = [
        Unit(f"{region}{i}", f"{region} {i}", "u@x.org", strata={"region": region})
        for region in ("East", "North", "South")
        for i in range(15)
    ]
    _, key, codes = make_wave(db, frame=Frame(tuple(units), ("region",)))
    for region, sent in {"East": 3, "South": 4, "North": 11}.items():
        for i in range(sent):
            send(db, codes[f"{region}{i}"], make_answers())
    campaigning.close_wave(db, "tiny-1", TODAY)
    open_tray(db, "tiny-1", key)
    assert _released_cells(db) == {"": 7, "North": 11}


def test_a_cell_released_before_the_close_does_not_give_the_late_ones_away(db: Database) -> None:
    _, key, codes = make_wave(db, frame=make_frame(60))
    for code in _of_region(codes, "North")[:22]:
        send(db, code, make_answers())
    open_tray(db, "tiny-1", key)
    for code in _of_region(codes, "South")[:2]:
        send(db, code, make_answers())
    campaigning.close_wave(db, "tiny-1", TODAY)
    open_tray(db, "tiny-1", key)
    cells = _released_cells(db)
    assert "South" not in cells
    assert cells[""] >= 5, "the two of the South would be the only blank ones"


# ── a key or a box that does not fit ─────────────────────────────────────────


def test_with_a_wrong_key_nothing_leaves(db: Database) -> None:
    make_wave(db, "tiny-2")
    _, key, codes = make_wave(db)
    for code in list(codes.values())[:12]:
        send(db, code, make_answers())
    campaigning.close_wave(db, "tiny-1", TODAY)
    before = everything(db)
    wrong, _ = privacy.new_key_pair()
    with pytest.raises(
        SurveyError, match="12 of 12 boxes do not open: the key is not the one of this wave; nothing"
    ):
        open_tray(db, "tiny-1", wrong)
    assert everything(db) == before
    assert open_tray(db, "tiny-1", key) == Opened(12, 0)


@pytest.mark.parametrize("damage", ["flip", "cut", "empty", "swap waves"])
def test_with_one_damaged_box_nothing_leaves_and_the_others_stay_whole(db: Database, damage: str) -> None:
    make_wave(db, "tiny-2")
    _, key, codes = make_wave(db)
    for code in list(codes.values())[:12]:
        send(db, code, make_answers())
    campaigning.close_wave(db, "tiny-1", TODAY)
    ((id_, box),) = rows(db, "SELECT id, box FROM tray LIMIT 1")
    harmed = {
        "flip": box[:99] + bytes([box[99] ^ 1]) + box[100:],
        "cut": box[:-1],
        "empty": b"",
        "swap waves": box,
    }
    if damage == "swap waves":
        other = privacy.seal(privacy.new_key_pair()[1], b"{}", 400, b"another wave")
        harmed[damage] = other
    change(db, "UPDATE tray SET box = ? WHERE id = ?", harmed[damage], id_)
    with pytest.raises(
        SurveyError, match="1 of 12 boxes do not open: those boxes are damaged; nothing was released"
    ):
        open_tray(db, "tiny-1", key)
    assert rows(db, "SELECT count(*) FROM response") == [(0,)]
    assert rows(db, "SELECT count(*) FROM tray") == [(12,)]
    change(db, "UPDATE tray SET box = ? WHERE id = ?", box, id_)
    assert open_tray(db, "tiny-1", key) == Opened(12, 0)


def test_an_unknown_wave_has_no_tray(db: Database) -> None:
    with pytest.raises(NotFound, match="there is no wave 'nope'"):
        open_tray(db, "nope", b"k" * 32)


# ── what leaves ──────────────────────────────────────────────────────────────


def test_closed_answers_and_words_go_separate_ways(db: Database) -> None:
    _, key, codes = make_wave(db)
    answers = make_answers(kind="other", issues="CANARY-017") | {"kind.other.text": "CANARY-018"}
    for code in codes.values():
        send(db, code, answers)
    campaigning.close_wave(db, "tiny-1", TODAY)
    open_tray(db, "tiny-1", key)
    found = [json.loads(row) for (row,) in rows(db, "SELECT answers FROM response")]
    closed = {"kind": "other", "sources": ["a", "c"], "partners.police": "more", "partners.health": "less"}
    assert found == [closed] * 40
    words = Counter(rows(db, "SELECT question, cell, text FROM verbatim"))
    assert words == {
        (question, cell, text): 20
        for question, text in (("issues", "CANARY-017"), ("kind.other.text", "CANARY-018"))
        for cell in ("North", "South")
    }


def test_ids_of_responses_and_words_have_nothing_in_common(db: Database) -> None:
    _, key, codes = make_wave(db)
    for code in codes.values():
        send(db, code, make_answers())
    boxes = {id_ for (id_,) in rows(db, "SELECT id FROM tray")}
    campaigning.close_wave(db, "tiny-1", TODAY)
    open_tray(db, "tiny-1", key)
    of_responses = {id_ for (id_,) in rows(db, "SELECT id FROM response")}
    of_words = {id_ for (id_,) in rows(db, "SELECT id FROM verbatim")}
    assert len(of_responses) == len(of_words) == len(boxes) == 40
    assert len(of_responses | of_words | boxes) == 120


def test_a_question_left_blank_leaves_no_word(db: Database) -> None:
    _, key, codes = make_wave(db)
    for code in codes.values():
        send(db, code, {"kind": "yes"})
    campaigning.close_wave(db, "tiny-1", TODAY)
    open_tray(db, "tiny-1", key)
    assert rows(db, "SELECT count(*) FROM verbatim") == [(0,)]
    with db.reading() as connection:
        assert {tuple(r.answers.items()) for r in responses.responses(connection, "tiny-1")} == {
            (("kind", "yes"),)
        }


# ── tables ───────────────────────────────────────────────────────────────────


def test_tables_are_refused_before_anything_is_released(db: Database) -> None:
    _, key, codes = make_wave(db)
    with pytest.raises(SurveyError, match="no answers of tiny-1 have been released yet; close the wave and open"):
        reporting.report(db, "tiny-1", None)
    for code in codes.values():
        send(db, code, make_answers())
    with pytest.raises(SurveyError, match="no answers of tiny-1 have been released yet"):
        reporting.report(db, "tiny-1", None)
    campaigning.close_wave(db, "tiny-1", TODAY)
    with pytest.raises(SurveyError, match="40 answers of tiny-1 wait in the tray; open the tray first"):
        reporting.report(db, "tiny-1", None)
    open_tray(db, "tiny-1", key)
    assert reporting.report(db, "tiny-1", None).tables


def test_tables_of_an_unknown_wave_are_refused(db: Database) -> None:
    with pytest.raises(NotFound):
        reporting.report(db, "nope", None)


def test_a_faulty_plan_is_refused_with_its_problems(db: Database) -> None:
    _, key, codes = make_wave(db)
    for code in codes.values():
        send(db, code, make_answers())
    campaigning.close_wave(db, "tiny-1", TODAY)
    open_tray(db, "tiny-1", key)
    with pytest.raises(Refused):
        reporting.report(db, "tiny-1", b'{"survey": "tiny", "tables": [{"id": "1", "question": "nope"}]}')


@pytest.mark.parametrize("suffix", [".pdf", "", ".XLSX", ".xls"])
def test_a_file_of_another_kind_is_refused(db: Database, suffix: str) -> None:
    _, key, codes = make_wave(db)
    for code in codes.values():
        send(db, code, make_answers())
    campaigning.close_wave(db, "tiny-1", TODAY)
    open_tray(db, "tiny-1", key)
    with pytest.raises(
        SurveyError, match=r"is not a kind of file; end the name in \.xlsx or \.docx or \.json or \.zip"
    ):
        reporting.file_of(reporting.report(db, "tiny-1", None), suffix)


def test_an_open_wave_is_released_and_reported_without_a_population(db: Database) -> None:
    _, key, _ = make_wave(db, anyone=True, document=make_document([make_question()]))
    for _ in range(12):
        visit = collecting.enter_open(db, PEPPER, "tiny-1", TODAY)
        collecting.save_page(db, visit, "p1", as_form({"q1": "yes"}), TODAY)
        collecting.submit(db, visit, TODAY)
    campaigning.close_wave(db, "tiny-1", TODAY)
    assert open_tray(db, "tiny-1", key) == Opened(12, 0)
    assert json.loads(reporting.file_of(reporting.report(db, "tiny-1", None), ".json"))["tables"]


# ── an opening that is cut short ─────────────────────────────────────────────


@pytest.mark.parametrize("step", victims.RELEASE_STEPS)
def test_an_opening_killed_at_any_step_leaves_all_or_none(db: Database, tmp_path: Path, step: str) -> None:
    _, key, codes = make_wave(db)
    for code in codes.values():
        send(db, code, make_answers())
    campaigning.close_wave(db, "tiny-1", TODAY)
    victims.killed_at(victims.RELEASE_STEPS[step], victims.open_once, db.place, "tiny-1", key)
    counts = [rows(db, f"SELECT count(*) FROM {t}")[0][0] for t in ("tray", "response", "verbatim")]
    assert counts in ([40, 0, 0], [0, 40, 40])
    open_tray(db, "tiny-1", key)
    assert [rows(db, f"SELECT count(*) FROM {t}")[0][0] for t in ("tray", "response", "verbatim")] == [0, 40, 40]
    assert isinstance(db.place, str) or rows(db, "PRAGMA freelist_count") == [(0,)]
    assert isinstance(db.place, str) or rows(db, "PRAGMA integrity_check") == [("ok",)]


def _of_region(codes: Mapping[str, str], region: str) -> list[str]:
    """The codes of the units of `make_frame` in one region."""
    return [code for unit, code in codes.items() if ("North", "South")[int(unit[1:]) % 2] == region]


def _released_cells(db: Database) -> dict[str, int]:
    return dict(rows(db, "SELECT cell, count(*) FROM response GROUP BY cell"))


def _waiting(db: Database) -> int:
    return campaigning.status(db, "tiny-1").tray


def test_words_of_a_linked_question_stay_with_the_response_and_others_go_apart(db: Database) -> None:
    document = make_all_types()
    document["sections"][1]["pages"][0]["questions"].append(make_question("text", "why", linked=True))
    _, key, codes = make_wave(db, document=document)
    for code in list(codes.values())[:12]:
        send(db, code, make_answers(why="Because of the budget."))
    campaigning.close_wave(db, "tiny-1", TODAY)
    reporting.open_tray(db, "tiny-1", key)
    with db.reading() as connection:
        assert all(r.answers["why"] == "Because of the budget." for r in responses.responses(connection, "tiny-1"))
        assert {v.question for v in responses.verbatims(connection, "tiny-1")} == {"issues"}
