"""Watching a wave: its response from the store, pause and resumption, and waves side by side."""

from datetime import date
from pathlib import Path

import pytest
import sqlalchemy as sa

from surveyapp import campaigning, collecting, reporting, watching
from surveyapp.fieldwork import Frame, Unit
from surveyapp.problems import AlreadyReceived, Refused, SurveyError, UnknownCode, WaveNotOpen, WavePaused
from surveyapp.rates import Range
from surveyapp.storage import people, responses
from surveyapp.storage.database import Database
from tests.makers import (
    PEPPER,
    TODAY,
    as_form,
    make_answers,
    make_database,
    make_frame,
    make_wave,
    opened,
    send,
)


@pytest.fixture
def db(tmp_path: Path) -> Database:
    return make_database(tmp_path)


def send_all(db: Database, codes: dict[str, str], n: int, first: int = 1, day: date = TODAY) -> None:
    """The units from `first` on send their answers, `n` of them."""
    for i in range(first, first + n):
        send(db, codes[f"U{i:03}"], make_answers(), day)


def note(db: Database, unit: str, disposition: str) -> None:
    with db.transaction() as connection:
        values = {"unit": unit, "disposition": disposition}
        connection.execute(
            sa.text("UPDATE organisation SET disposition = :disposition WHERE unit = :unit"), values
        )


def draft_of(db: Database, code: str) -> None:
    visit = collecting.enter(db, PEPPER, code, TODAY)
    collecting.save_page(db, visit, "p1", opened(db, visit, "p1", {"kind": "yes"}), TODAY)


# ── the response ─────────────────────────────────────────────────────────────


def test_the_response_counts_each_organisation_where_it_stands(db: Database):
    _, _, codes = make_wave(db, frame=make_frame(60))
    send_all(db, codes, 24)
    for i in range(30, 44):
        draft_of(db, codes[f"U{i:03}"])
    for unit, disposition in (("U050", "refused"), ("U051", "undeliverable"), ("U052", "out-of-scope")):
        note(db, unit, disposition)
    found = watching.response(db, "tiny-1", TODAY)
    assert found.whole.numbers == {
        "frame": 60,
        "sampled": 60,
        "issued": 60,
        "invited": 60,
        "part_done": 14,
        "completed": 24,
        "refused": Range(1, 9),
        "undeliverable": 1,
        "out_of_scope": 1,
        "eligible": 59,
    }
    assert [(row.name, row.numbers["completed"]) for row in found.tables["region"]] == [
        ("North", 12),
        ("South", 12),
    ]


def test_the_days_are_known_while_the_wave_is_open_and_erased_at_its_close(db: Database):
    _, _, codes = make_wave(db)
    send_all(db, codes, 12)
    send_all(db, codes, 14, first=20, day=date(2012, 1, 20))
    days = [
        (p.first, p.last, p.completed, p.cumulative) for p in watching.response(db, "tiny-1", TODAY).periods or ()
    ]
    assert days == [("2012-01-16", "2012-01-16", 12, 12), ("2012-01-17", "2012-01-20", 14, 26)]
    campaigning.close_wave(db, "tiny-1", TODAY)
    assert watching.response(db, "tiny-1", TODAY).periods is None


def test_rates_need_the_answers_to_be_released(db: Database):
    _, key, codes = make_wave(db)
    send_all(db, codes, 20)
    assert reporting.sent(db, "tiny-1") is None
    campaigning.close_wave(db, "tiny-1", TODAY)
    assert reporting.sent(db, "tiny-1") is None
    reporting.open_tray(db, "tiny-1", key)
    sent = reporting.sent(db, "tiny-1")
    assert sent == {"complete": 20, "partial": 0, "breakoff": 0}
    rate = watching.response(db, "tiny-1", TODAY, sent=sent).rate
    assert rate is not None
    assert rate.rr1 == 0.5


def test_a_wave_without_answers_has_a_rate_of_nothing(db: Database):
    make_wave(db)
    assert reporting.sent(db, "tiny-1") == {"complete": 0, "partial": 0, "breakoff": 0}


def test_strata_are_those_that_the_answers_carry_or_all_of_the_frame_or_as_asked(db: Database):
    units = [
        Unit(f"U{i:03}", "Team", f"t{i}@example.org", strata={"region": "NS"[i % 2], "kind": "ab"[i // 20]})
        for i in range(40)
    ]
    frame = Frame(tuple(units), ("region", "kind"))
    make_wave(db, frame=frame)
    make_wave(db, "bare", frame=frame, carry=[])
    assert list(watching.response(db, "tiny-1", TODAY).tables) == ["region"]
    assert set(watching.response(db, "bare", TODAY).tables) == {"region", "kind"}
    assert list(watching.response(db, "tiny-1", TODAY, ["kind", "region", "kind"]).tables) == ["kind", "region"]


def test_a_stratum_that_the_frame_does_not_have_suggests_the_nearest(db: Database):
    make_wave(db)
    with pytest.raises(Refused, match='the frame has no such stratum; did you mean "region"'):
        watching.response(db, "tiny-1", TODAY, ["regoin"])


def test_a_wave_open_to_anyone_has_no_response_rate(db: Database):
    make_wave(db, anyone=True)
    with pytest.raises(SurveyError, match="without a frame there is no response rate"):
        watching.response(db, "tiny-1", TODAY)


# ── pause ────────────────────────────────────────────────────────────────────


def test_a_paused_wave_takes_no_answers_and_keeps_what_is_saved(db: Database):
    _, _, codes = make_wave(db)
    visit = collecting.enter(db, PEPPER, codes["U001"], TODAY)
    collecting.save_page(db, visit, "p1", opened(db, visit, "p1", {"kind": "yes"}), TODAY)
    assert watching.pause(db, "tiny-1", TODAY).paused_on == "2012-01-16"
    for refused in (
        lambda: collecting.enter(db, PEPPER, codes["U001"], TODAY),
        lambda: collecting.desk(db, visit, TODAY),
        lambda: collecting.submit(db, visit, TODAY),
        lambda: campaigning.invite(db, "tiny-1", TODAY),
    ):
        with pytest.raises(WavePaused, match="paused since 2012-01-16; let it go on first"):
            refused()
    assert collecting.in_the_field(db, TODAY) == []
    assert watching.resume(db, "tiny-1").paused_on is None
    assert collecting.desk(db, visit, TODAY).answers == {"kind": "yes"}


def test_who_has_answered_hears_that_and_not_of_a_pause(db: Database):
    _, _, codes = make_wave(db)
    send_all(db, codes, 1)
    watching.pause(db, "tiny-1", TODAY)
    with pytest.raises(AlreadyReceived):
        collecting.enter(db, PEPPER, codes["U001"], TODAY)


def test_a_wave_open_to_anyone_can_be_paused_too(db: Database):
    make_wave(db, anyone=True)
    watching.pause(db, "tiny-1", TODAY)
    with pytest.raises(WavePaused):
        collecting.enter_open(db, PEPPER, "tiny-1", TODAY)


def test_a_wave_is_paused_once_and_resumed_once(db: Database):
    make_wave(db)
    with pytest.raises(SurveyError, match="tiny-1 is not paused"):
        watching.resume(db, "tiny-1")
    watching.pause(db, "tiny-1", TODAY)
    with pytest.raises(SurveyError, match="has been paused since 2012-01-16"):
        watching.pause(db, "tiny-1", date(2012, 1, 18))


def test_a_paused_wave_can_be_given_a_later_last_day_and_be_closed(db: Database):
    make_wave(db, closes=date(2012, 2, 17))
    watching.pause(db, "tiny-1", TODAY)
    campaigning.change_settings(db, "tiny-1", campaigning.Changes(closes=date(2012, 3, 2)), TODAY)
    assert campaigning.close_wave(db, "tiny-1", TODAY).state == "closed"
    for late in (lambda: watching.resume(db, "tiny-1"), lambda: watching.pause(db, "tiny-1", TODAY)):
        with pytest.raises(WaveNotOpen, match="was closed on 2012-01-16") as refused:
            late()
        assert not isinstance(refused.value, WavePaused)


# ── side by side ─────────────────────────────────────────────────────────────


def test_two_waves_of_one_questionnaire_share_nothing(db: Database):
    """The same frame twice: codes, drafts, boxes, rates and pauses are each wave's own."""
    _, key_1, first = make_wave(db, "tiny-1")
    _, key_2, second = make_wave(db, "tiny-2")
    assert not set(first.values()) & set(second.values())
    send_all(db, first, 20)
    send_all(db, second, 12)
    draft_of(db, first["U030"])
    for name, completed, begun in (("tiny-1", 20, Range(1, 9)), ("tiny-2", 12, 0)):
        found = watching.response(db, name, TODAY).whole.numbers
        assert (found["frame"], found["completed"], found["part_done"]) == (40, completed, begun)
    watching.pause(db, "tiny-2", TODAY)
    assert collecting.desk(db, collecting.enter(db, PEPPER, first["U030"], TODAY), TODAY).answers == {
        "kind": "yes"
    }
    assert [wave.name for wave, _ in collecting.in_the_field(db, TODAY)] == ["tiny-1"]
    campaigning.close_wave(db, "tiny-1", TODAY)
    with pytest.raises(SurveyError, match="the key is not the one of this wave"):
        reporting.open_tray(db, "tiny-1", key_2)
    assert reporting.open_tray(db, "tiny-1", key_1).released == 20
    with db.reading() as connection:
        assert (responses.tray_size(connection, "tiny-1"), responses.tray_size(connection, "tiny-2")) == (0, 12)
    assert reporting.sent(db, "tiny-2") is None


def test_closing_one_wave_keeps_the_drafts_and_days_of_another(db: Database):
    _, _, first = make_wave(db, "tiny-1")
    _, _, second = make_wave(db, "tiny-2")
    send_all(db, second, 10)
    draft_of(db, second["U030"])
    draft_of(db, first["U030"])
    campaigning.close_wave(db, "tiny-1", TODAY)
    found = watching.response(db, "tiny-2", TODAY)
    assert (found.whole.numbers["part_done"], len(found.periods or ())) == (Range(1, 9), 1)


def test_the_code_of_one_wave_opens_its_own_questionnaire_alone(db: Database):
    _, _, codes = make_wave(db, "tiny-1")
    make_wave(db, "tiny-2")
    visit = collecting.enter(db, PEPPER, codes["U001"], TODAY)
    assert visit.wave == "tiny-1"
    assert collecting.save_all(db, visit, as_form(make_answers()), TODAY) == []
    with db.reading() as connection:
        assert people.completions(connection, "tiny-2") == {"open": 40}
    with pytest.raises(UnknownCode):
        collecting.enter(db, PEPPER, "00000-00000-00000-00000", TODAY)
