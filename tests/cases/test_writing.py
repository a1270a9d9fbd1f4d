"""Writing: every letter goes once, a run that ends is gone on with, codes do not outlive their letters."""

import email
import json
import re
from dataclasses import replace
from datetime import date, timedelta
from email.policy import default
from pathlib import Path
from typing import Any

import pytest

from surveyapp import campaigning, collecting, framing, mail, privacy, publishing, writing
from surveyapp.campaigning import close_wave, status
from surveyapp.config import alone
from surveyapp.fieldwork import Frame, Unit
from surveyapp.mail import Folder
from surveyapp.problems import NotFound, Refused, SurveyError, UnknownCode, WaveNotOpen
from surveyapp.storage.database import Database
from surveyapp.writing import Desk, Outcome
from tests.makers import PEPPER, TODAY, as_form, everything, make_all_types, make_answers, make_frame, rows, send

ADDRESS, SENDER = "https://survey.example.org", "The office <office@example.org>"


# ── invitations ──────────────────────────────────────────────────────────────


def test_the_code_stands_in_the_letter_after_the_hash_sign(db: Database, tmp_path: Path) -> None:
    _opened(db, closes=date(2012, 2, 17))
    assert _invite(db, tmp_path).sent == 40
    letter = _letter(tmp_path / "out" / "U001.eml")
    (code,) = set(re.findall(r"[0-9A-Z]{5}(?:-[0-9A-Z]{5}){3}", letter.get_content()))
    assert f"{ADDRESS}/#{code}" in letter.get_content()
    assert collecting.enter(db, PEPPER, code, TODAY).wave == "tiny-1"
    assert (letter["To"], letter["From"]) == ("team1@example.org", SENDER)
    assert letter["Subject"] == "A tiny survey"
    assert "answer by 17 February 2012" in letter.get_content()


def test_no_address_in_a_letter_carries_the_code_where_servers_see_it(db: Database, tmp_path: Path) -> None:
    _opened(db)
    _invite(db, tmp_path)
    for file in (tmp_path / "out").iterdir():
        for address in re.findall(r"https?://\S+", _letter(file).get_content()):
            before_hash = address.partition("#")[0]
            assert "?" not in before_hash
            assert not re.search(r"[0-9A-Z]{5}-", before_hash)


def test_letters_are_for_their_owner_alone_and_carry_no_time(db: Database, tmp_path: Path) -> None:
    _opened(db)
    _invite(db, tmp_path)
    files = list((tmp_path / "out").iterdir())
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
    assert {file.suffix for file in files} == {".eml"}
    for file in files:
        assert set(_letter(file).keys()) & {"Date", "Message-ID", "Received", "X-Mailer"} == set()


def test_letters_to_units_with_names_alike_are_all_kept(db: Database, tmp_path: Path) -> None:
    names = ["a/b", "a b", "a_b", "a.b", "../x", "é", "É", "x" * 200, "x" * 199 + "y", "...", "CON"]
    units = tuple(Unit(name, "N", f"n{i}@x.org", strata={"region": "N"}) for i, name in enumerate(names))
    _opened(db, frame=Frame(units, ("region",)))
    assert _invite(db, tmp_path).sent == len(names)
    letters = [_letter(file) for file in (tmp_path / "out").iterdir()]
    assert {letter["To"] for letter in letters} == {unit.email for unit in units}
    assert not (tmp_path / "x.eml").exists()


def test_a_letter_says_whom_to_ask(db: Database, tmp_path: Path) -> None:
    _opened(db, contact="The survey office, 020 7946 0000")
    _invite(db, tmp_path)
    words = _letter(tmp_path / "out" / "U001.eml").get_content()
    assert "If you have a question about this survey: The survey office, 020 7946 0000" in words.splitlines()


def test_a_line_with_nothing_to_say_is_left_out(db: Database, tmp_path: Path) -> None:
    _opened(db)
    _invite(db, tmp_path)
    words = _letter(tmp_path / "out" / "U001.eml").get_content()
    assert "Please answer by" not in words
    assert "If you have a question" not in words
    assert "\n\n\n" not in words


def test_inviting_twice_writes_nobody_twice(db: Database, tmp_path: Path) -> None:
    _opened(db)
    _invite(db, tmp_path)
    before = _files(tmp_path)
    assert _invite(db, tmp_path).sent == 0
    assert _files(tmp_path) == before


def test_letters_go_in_the_order_of_the_frame(db: Database, tmp_path: Path) -> None:
    _opened(db)
    order: list[str] = []
    writing.invite(_desk(db, tmp_path, transport=_Noting(tmp_path / "out", order)), "tiny-1")
    assert order == sorted(order)
    assert len(order) == 40


def test_nobody_is_invited_where_no_letter_can_go(db: Database, tmp_path: Path) -> None:
    _opened(db)
    (tmp_path / "out").write_text("a file in the way")
    with pytest.raises(SurveyError, match="cannot be written"):
        _invite(db, tmp_path)
    assert status(db, "tiny-1").invited == 0
    (tmp_path / "out").unlink()
    assert _invite(db, tmp_path).sent == 40


def test_an_outbox_that_fails_in_the_middle_is_gone_on_with(db: Database, tmp_path: Path) -> None:
    _opened(db)
    (tmp_path / "out" / "U020.eml").mkdir(parents=True)
    stopped = _invite(db, tmp_path)
    assert "U020.eml cannot be written" in stopped.stopped
    assert (stopped.sent, stopped.waiting) == (19, 21)
    before = _files(tmp_path)
    (tmp_path / "out" / "U020.eml").rmdir()
    assert _invite(db, tmp_path).sent == 21
    assert before.items() <= _files(tmp_path).items()
    for file in (tmp_path / "out").iterdir():
        collecting.enter(db, PEPPER, _code_in(file), TODAY)


def test_no_code_is_in_the_database_before_or_after_sending(db: Database, tmp_path: Path) -> None:
    """While a letter waits its code is sealed; when it is sent, nothing is left of that either."""
    _opened(db)
    (tmp_path / "out" / "U001.eml").mkdir(parents=True)
    _invite(db, tmp_path)
    waiting, sealed = everything(db), [code for (code,) in rows(db, "SELECT code FROM letter")]
    (tmp_path / "out" / "U001.eml").rmdir()
    _invite(db, tmp_path)
    sent = everything(db)
    assert all(code in waiting for code in sealed)
    assert not [code for code in sealed if code[:16] in sent or code[-16:] in sent]
    assert set(rows(db, "SELECT code, state FROM letter")) == {(None, "sent")}
    for file in (tmp_path / "out").iterdir():
        code = _code_in(file)
        for content in (waiting, sent):
            assert code.encode() not in content
            assert code.replace("-", "").encode() not in content


def test_a_letter_waits_under_the_key_of_its_own_file(db: Database, tmp_path: Path) -> None:
    _opened(db)
    (tmp_path / "out" / "U001.eml").mkdir(parents=True)
    _invite(db, tmp_path)
    (tmp_path / "out" / "U001.eml").rmdir()
    (tmp_path / "outbox-key").unlink()
    with pytest.raises(privacy.CannotOpen, match="restore that file"):
        _invite(db, tmp_path)
    assert set(rows(db, "SELECT state FROM letter")) == {("due",)}


def test_the_outbox_holds_days_and_no_hour(db: Database, tmp_path: Path) -> None:
    _opened(db)
    _invite(db, tmp_path)
    assert set(rows(db, "SELECT due_on, done_on FROM letter")) == {("2012-01-16", "2012-01-16")}


def test_nobody_is_written_to_when_the_last_day_is_over(db: Database, tmp_path: Path) -> None:
    _opened(db, closes=date(2012, 2, 17))
    with pytest.raises(WaveNotOpen, match="2012-02-17 was the last day"):
        writing.invite(_desk(db, tmp_path, date(2012, 2, 18)), "tiny-1")
    assert status(db, "tiny-1").invited == 0
    assert not (tmp_path / "out").exists()


def test_a_closed_wave_writes_to_nobody_and_forgets_who_was_late(db: Database, tmp_path: Path) -> None:
    _opened(db)
    _invite(db, tmp_path)
    writing.remind(_desk(db, tmp_path, TODAY + timedelta(10)), "tiny-1", [10])
    close_wave(db, "tiny-1", TODAY + timedelta(11))
    assert set(rows(db, "SELECT kind, code FROM letter")) == {("invitation", None)}
    for attempt in (writing.invite, lambda desk, name: writing.remind(desk, name, None)):
        with pytest.raises(WaveNotOpen):
            attempt(_desk(db, tmp_path), "tiny-1")


def test_address_and_sender_are_kept_for_the_next_letters(db: Database, tmp_path: Path) -> None:
    _opened(db)
    writing.invite(_desk(db, tmp_path), "tiny-1", address=f"{ADDRESS}/", sender=SENDER)
    writing.remind(_desk(db, tmp_path, TODAY + timedelta(10)), "tiny-1", [10])
    (reminder,) = (tmp_path / "out").glob("U001_reminder*")
    assert _letter(reminder)["From"] == SENDER
    assert f"Go to {ADDRESS} and type" in _letter(reminder).get_content()


@pytest.mark.parametrize(
    "address", ["survey.example.org", "ftp://x.org", "https://", "https://x.org/?a=b", "https://x\n"]
)
def test_an_address_that_is_no_site_is_refused(db: Database, tmp_path: Path, address: str) -> None:
    _opened(db)
    with pytest.raises(SurveyError, match="is not the address of a site"):
        writing.invite(_desk(db, tmp_path), "tiny-1", address=address)
    assert status(db, "tiny-1").invited == 0


def test_two_processes_do_not_send_at_once(db: Database, tmp_path: Path) -> None:
    _opened(db)
    (tmp_path / "outbox-key").write_bytes(b"k" * 32)
    with alone(tmp_path / "outbox-key", "busy"), pytest.raises(SurveyError, match="by another process; wait"):
        _invite(db, tmp_path)
    assert status(db, "tiny-1").invited == 0


# ── a run that ended in the middle ───────────────────────────────────────────


def test_a_letter_whose_file_was_written_before_the_crash_is_sent(db: Database, tmp_path: Path) -> None:
    _opened(db)
    (tmp_path / "out" / "U001.eml").mkdir(parents=True)
    _invite(db, tmp_path)
    (tmp_path / "out" / "U001.eml").rmdir()
    crash = _Crashing(tmp_path / "out", after=1)
    with pytest.raises(KeyboardInterrupt):
        writing.invite(_desk(db, tmp_path, transport=crash), "tiny-1")
    before = _files(tmp_path)
    assert rows(db, "SELECT count(*) FROM letter WHERE state = 'trying'") == [(1,)]
    assert _invite(db, tmp_path).sent == 39
    assert before.items() <= _files(tmp_path).items()
    assert set(rows(db, "SELECT state, code FROM letter")) == {("sent", None)}


def test_a_letter_of_which_nobody_knows_is_listed_and_not_sent_again(db: Database, tmp_path: Path) -> None:
    _opened(db)
    with pytest.raises(KeyboardInterrupt):
        writing.invite(_desk(db, tmp_path, transport=_Crashing(tmp_path / "out", after=1)), "tiny-1")
    (tmp_path / "out" / "U001.eml").unlink()  # somebody has sent it, or it was never there
    outcome = _invite(db, tmp_path)
    assert (outcome.sent, outcome.unknown) == (39, ["U001"])
    assert [q.unit.unit for q in writing.listed(db, "tiny-1", "unknown")] == ["U001"]
    assert not (tmp_path / "out" / "U001.eml").exists()


def test_whoever_knows_can_say_that_it_was_sent(db: Database, tmp_path: Path) -> None:
    _lost(db, tmp_path)
    writing.mark_sent(db, "tiny-1", "U001", TODAY)
    assert rows(db, "SELECT count(*) FROM letter WHERE state = 'sent' AND code IS NULL") == [(40,)]
    with pytest.raises(SurveyError, match="no letter to U001 is unknown"):
        writing.mark_sent(db, "tiny-1", "U001", TODAY)


def test_or_have_it_sent_again_with_the_same_code(db: Database, tmp_path: Path) -> None:
    lost = _lost(db, tmp_path)
    assert writing.resend(_desk(db, tmp_path), "tiny-1", ["U001"]).sent == 1
    assert (tmp_path / "out" / "U001.eml").read_bytes() == lost
    with pytest.raises(SurveyError, match="no letter to U001 failed or is unknown"):
        writing.resend(_desk(db, tmp_path), "tiny-1", ["U001"])
    with pytest.raises(NotFound, match='did you mean "U001"'):
        writing.resend(_desk(db, tmp_path), "tiny-1", ["U0001"])


# ── reminders ────────────────────────────────────────────────────────────────


def test_reminders_go_by_the_rule_to_those_who_have_not_answered(db: Database, tmp_path: Path) -> None:
    codes = _invited(db, tmp_path)
    send(db, codes["U002"], make_answers())
    sent = {day: _remind(db, tmp_path, day) for day in (0, 9, 10, 11, 19, 20, 21, 27, 28, 40)}
    assert sent == {0: 0, 9: 0, 10: 39, 11: 0, 19: 0, 20: 39, 21: 0, 27: 39, 28: 0, 40: 0}
    assert not list((tmp_path / "out").glob("U002_reminder*"))


def test_days_that_were_missed_are_made_up_by_one_reminder(db: Database, tmp_path: Path) -> None:
    _invited(db, tmp_path)
    assert _remind(db, tmp_path, 23) == 40
    assert _remind(db, tmp_path, 24) == 0
    assert _remind(db, tmp_path, 27) == 40


def test_everybody_can_be_reminded_now_but_once_a_day(db: Database, tmp_path: Path) -> None:
    _invited(db, tmp_path)
    assert _remind(db, tmp_path, 0, now=True) == 0
    assert _remind(db, tmp_path, 3, now=True) == 40
    assert _remind(db, tmp_path, 3, now=True) == 0
    assert _remind(db, tmp_path, 4, now=True) == 40


def test_a_reminder_holds_no_code_and_says_what_to_do(db: Database, tmp_path: Path) -> None:
    codes = _invited(db, tmp_path, closes=date(2012, 2, 17), contact="office@example.org")
    _remind(db, tmp_path, 10)
    (file,) = (tmp_path / "out").glob("U001_reminder*")
    letter = _letter(file)
    words = letter.get_content()
    assert letter["Subject"] == "Reminder: A tiny survey"
    assert codes["U001"] not in words
    assert "We sent it on 16 January 2012." in words.splitlines()
    assert "The last day to answer is 17 February 2012. Time left: 22 days." in words.splitlines()
    assert "reply to this letter and ask for a new code" in words
    assert "If you have a question or need a new code: office@example.org" in words.splitlines()


@pytest.mark.parametrize("disposition", ["refused", "out-of-scope", "undeliverable"])
def test_nobody_is_reminded_who_is_not_to_be_asked(db: Database, tmp_path: Path, disposition: str) -> None:
    _invited(db, tmp_path)
    writing.mark_organisation(db, "tiny-1", "U003", disposition, TODAY)
    assert _remind(db, tmp_path, 10) == 39
    assert not list((tmp_path / "out").glob("U003_reminder*"))
    writing.mark_organisation(db, "tiny-1", "U003", "", TODAY)
    assert _remind(db, tmp_path, 10) == 1


def test_a_reminder_that_waits_is_withdrawn_when_the_answers_come(db: Database, tmp_path: Path) -> None:
    codes = _invited(db, tmp_path)
    desk = _desk(db, tmp_path, TODAY + timedelta(10), transport=_Crashing(tmp_path / "out", after=2, gone=True))
    assert (stopped := writing.remind(desk, "tiny-1", [10])).waiting == 39
    assert "is gone" in stopped.stopped
    send(db, codes["U030"], make_answers())
    assert _remind(db, tmp_path, 11) == 38
    assert not list((tmp_path / "out").glob("U030_reminder*"))
    assert writing.listed(db, "tiny-1", "due") == []


def test_nobody_is_reminded_of_an_invitation_that_did_not_arrive(db: Database, tmp_path: Path) -> None:
    _lost(db, tmp_path)
    assert _remind(db, tmp_path, 10) == 39
    assert not list((tmp_path / "out").glob("U001_reminder*"))


# ── which reminder it is ─────────────────────────────────────────────────────


def test_reminders_have_the_words_of_their_day_where_there_are_any(db: Database, tmp_path: Path) -> None:
    _invited(db, tmp_path)
    writing.set_template(db, "tiny-1", "second", "en", b"Subject: The second\n\nPlease\n")
    for day, subject in ((10, "Reminder: A tiny survey"), (20, "The second"), (27, "Reminder: A tiny survey")):
        assert _remind(db, tmp_path, day) == 40
        assert _subjects(tmp_path, TODAY + timedelta(day)) == {subject}


def test_a_reminder_of_the_rule_is_sent_by_hand_to_those_who_are_due_it(db: Database, tmp_path: Path) -> None:
    _invited(db, tmp_path)
    second = writing.rule_of("second", (10, 20, 27))
    assert second == (20,)
    assert _by_hand(db, tmp_path, 19, "second", second) == 0
    assert _by_hand(db, tmp_path, 21, "second", second) == 40
    assert _by_hand(db, tmp_path, 22, "second", second) == 0
    assert [_remind(db, tmp_path, day) for day in (22, 26, 27)] == [0, 0, 40]


def test_a_reminder_that_was_sent_early_is_not_sent_again_by_rule(db: Database, tmp_path: Path) -> None:
    _invited(db, tmp_path)
    assert _by_hand(db, tmp_path, 5, "first", None) == 40
    assert [_remind(db, tmp_path, day) for day in (10, 20)] == [0, 40]


def test_after_the_final_one_nobody_is_reminded_by_rule(db: Database, tmp_path: Path) -> None:
    codes = _invited(db, tmp_path)
    send(db, codes["U002"], make_answers())
    assert writing.rule_of("final", (10, 20, 27)) is None
    assert _by_hand(db, tmp_path, 3, "final", None) == 39
    assert _subjects(tmp_path, TODAY + timedelta(3)) == {"Last reminder: A tiny survey"}
    assert [_remind(db, tmp_path, day) for day in (10, 20, 27)] == [0, 0, 0]
    assert _by_hand(db, tmp_path, 28, "final", None) == 0
    assert _remind(db, tmp_path, 28, now=True) == 39


def test_a_rule_of_two_days_has_no_third_reminder() -> None:
    with pytest.raises(SurveyError, match="the rule has 2 days, none for a third reminder; give more"):
        writing.rule_of("third", (7, 14))
    with pytest.raises(SurveyError, match='is not a reminder here; did you mean "final"'):
        writing.rule_of("finale", (7, 14))


def test_a_preview_says_who_would_be_reminded_and_sends_nothing(db: Database, tmp_path: Path) -> None:
    codes = _invited(db, tmp_path)
    send(db, codes["U001"], make_answers())
    before, later = _files(tmp_path), TODAY + timedelta(10)
    found = writing.preview_reminders(db, "tiny-1", (10, 20), "", later)
    assert found.to[:2] == (("U002", "first"), ("U003", "first"))
    assert found.first is not None
    assert (found.first.to, found.first.words.subject) == ("team2@example.org", "Reminder: A tiny survey")
    assert writing.preview_reminders(db, "tiny-1", (10, 20), "", TODAY).first is None
    assert _files(tmp_path) == before
    assert _remind(db, tmp_path, 10) == 39


def test_a_final_reminder_in_welsh_is_shipped(db: Database, tmp_path: Path) -> None:
    document = _in_welsh(make_all_types(languages=["en", "cy"]))
    units = tuple(replace(unit, language="cy") for unit in make_frame().units)
    _opened(db, document, frame=Frame(units, ("region",)))
    _invite(db, tmp_path)
    _by_hand(db, tmp_path, 3, "final", None)
    assert _subjects(tmp_path, TODAY + timedelta(3)) == {"Nodyn atgoffa olaf: A tiny survey (cy)"}


def test_a_removed_organisation_is_not_asked_again_whatever_is_noted(db: Database, tmp_path: Path) -> None:
    _invited(db, tmp_path)
    framing.remove(db, "tiny-1", "U001")
    with pytest.raises(SurveyError, match="U001 asked to be removed and counts as refused"):
        writing.mark_organisation(db, "tiny-1", "U001", "", TODAY)
    writing.mark_organisation(db, "tiny-1", "U001", "out-of-scope", TODAY)
    assert _remind(db, tmp_path, 10) == 39
    assert _invite(db, tmp_path).sent == 0


# ── new codes ────────────────────────────────────────────────────────────────


def test_a_new_code_ends_the_old_and_erases_its_draft(db: Database, tmp_path: Path) -> None:
    codes = _invited(db, tmp_path)
    visit = collecting.enter(db, PEPPER, codes["U001"], TODAY)
    collecting.save_page(db, visit, "p1", as_form({"kind": "yes"}), TODAY)
    boxes = [box for (box,) in rows(db, "SELECT box FROM draft")]
    assert writing.new_code(_desk(db, tmp_path, TODAY + timedelta(1)), "tiny-1", "U001").sent == 1
    with pytest.raises(UnknownCode):
        collecting.enter(db, PEPPER, codes["U001"], TODAY)
    assert rows(db, "SELECT count(*) FROM draft") == [(0,)]
    assert boxes[0][:32] not in everything(db)
    (file,) = (tmp_path / "out").glob("U001_code*")
    assert _letter(file)["Subject"] == "A new access code: A tiny survey"
    assert "answers that were begun with it have been erased" in _letter(file).get_content()
    send(db, _code_in(file), make_answers())
    assert status(db, "tiny-1").received == 1


def test_two_new_codes_on_one_day_leave_the_second(db: Database, tmp_path: Path) -> None:
    _invited(db, tmp_path)
    writing.new_code(_desk(db, tmp_path), "tiny-1", "U001")
    (file,) = (tmp_path / "out").glob("U001_code*")
    first = _code_in(file)
    writing.new_code(_desk(db, tmp_path), "tiny-1", "U001")
    assert _code_in(file) != first
    collecting.enter(db, PEPPER, _code_in(file), TODAY)
    with pytest.raises(UnknownCode):
        collecting.enter(db, PEPPER, first, TODAY)


def test_a_new_code_is_refused_where_it_would_be_of_no_use(db: Database, tmp_path: Path) -> None:
    _opened(db)
    for words in ("U001 has not been invited; send the invitations first",):
        with pytest.raises(SurveyError, match=words):
            writing.new_code(_desk(db, tmp_path), "tiny-1", "U001")
    _invite(db, tmp_path)
    send(db, _codes(tmp_path)["U001"], make_answers())
    writing.mark_organisation(db, "tiny-1", "U002", "undeliverable", TODAY)
    for unit, words in (
        ("U001", "has answered"),
        ("U002", "is undeliverable"),
        ("U999", "there is no organisation"),
    ):
        with pytest.raises(SurveyError, match=words):
            writing.new_code(_desk(db, tmp_path), "tiny-1", unit)
    collecting.enter(db, PEPPER, _codes(tmp_path)["U002"], TODAY)


# ── what became of organisations ─────────────────────────────────────────────


def test_letters_that_came_back_mark_their_organisations(db: Database, tmp_path: Path) -> None:
    codes = _invited(db, tmp_path)
    send(db, codes["U005"], make_answers())
    returned = [
        (2, "email", "TEAM3@example.org"),
        (3, "email", "team4@example.org"),
        (4, "email", "team5@example.org"),
    ]
    assert writing.bounced(db, "tiny-1", returned, TODAY) == ["U003", "U004"]
    assert _remind(db, tmp_path, 10) == 37


def test_an_address_that_the_wave_does_not_have_marks_nobody(db: Database, tmp_path: Path) -> None:
    _invited(db, tmp_path)
    with pytest.raises(Refused) as refused:
        writing.bounced(db, "tiny-1", [(2, "unit", "U003"), (3, "unit", "X1"), (4, "unit", "X2")], TODAY)
    assert [str(p) for p in refused.value.problems] == [
        'line 3, unit: "X1" is not in tiny-1; correct it',
        'line 4, unit: "X2" is not in tiny-1; correct it',
    ]
    assert rows(db, "SELECT count(*) FROM organisation WHERE disposition != ''") == [(0,)]


def test_who_has_answered_cannot_have_refused(db: Database, tmp_path: Path) -> None:
    codes = _invited(db, tmp_path)
    send(db, codes["U001"], make_answers())
    with pytest.raises(SurveyError, match="U001 has answered; it cannot be out of scope"):
        writing.mark_organisation(db, "tiny-1", "U001", "out-of-scope", TODAY)


# ── words ────────────────────────────────────────────────────────────────────

OWN = b"Subject: Please answer {title}\n\nDear {contact}\n\nGo to {address}/#{code}\nAnswer by {closes}.\n{ask}\n"


def test_a_wave_s_own_words_are_sent(db: Database, tmp_path: Path) -> None:
    _opened(db, closes=date(2012, 2, 17))
    writing.set_template(db, "tiny-1", "invitation", "en", OWN)
    _invite(db, tmp_path)
    letter = _letter(tmp_path / "out" / "U001.eml")
    code = _code_in(tmp_path / "out" / "U001.eml")
    assert letter["Subject"] == "Please answer A tiny survey"
    assert letter.get_content().splitlines() == [
        "Dear Manager",
        "",
        f"Go to {ADDRESS}/#{code}",
        "Answer by 17 February 2012.",
    ]


def test_words_can_be_taken_away_again(db: Database) -> None:
    _opened(db)
    shipped = writing.template_of(db, "tiny-1", "invitation", "en")
    writing.set_template(db, "tiny-1", "invitation", "en", OWN)
    assert writing.template_of(db, "tiny-1", "invitation", "").subject == "Please answer {title}"
    writing.set_template(db, "tiny-1", "invitation", "en", None)
    assert writing.template_of(db, "tiny-1", "invitation", "en") == shipped


def test_welsh_organisations_are_written_to_in_welsh(db: Database, tmp_path: Path) -> None:
    units = tuple(replace(u, language="cy" if u.unit == "U001" else "en") for u in make_frame().units)
    _opened(
        db,
        frame=Frame(units, ("region",)),
        document=_in_welsh(make_all_types(languages=["en", "cy"])),
        closes=date(2012, 2, 17),
    )
    writing.set_template(db, "tiny-1", "invitation", "en", OWN)
    _invite(db, tmp_path)
    welsh, english = _letter(tmp_path / "out" / "U001.eml"), _letter(tmp_path / "out" / "U002.eml")
    assert (welsh["Subject"], english["Subject"]) == ("A tiny survey (cy)", "Please answer A tiny survey")
    assert "Atebwch erbyn 17 Chwefror 2012." in welsh.get_content().splitlines()


def test_a_language_that_the_questionnaire_does_not_have_is_refused(db: Database) -> None:
    _opened(db)
    with pytest.raises(SurveyError, match="'cy' is not a language here"):
        writing.set_template(db, "tiny-1", "invitation", "cy", OWN)
    with pytest.raises(SurveyError, match=r"'reminders' is not a kind here; did you mean \"reminder\""):
        writing.set_template(db, "tiny-1", "reminders", "en", OWN)


def test_the_html_of_a_letter_shows_values_as_text(db: Database, tmp_path: Path) -> None:
    nasty = Unit("U001", '<script>alert(1)</script> & "Sons"', "a@example.org", "", "en", {"region": "North"})
    _opened(db, frame=Frame((nasty, *make_frame().units[1:]), ("region",)))
    page = b'<style>p{color:red}</style>\n<p>{unit.name}</p>\n<a href="{address}/#{code}">Answer</a>\n{closes}\n'
    writing.set_template(db, "tiny-1", "invitation", "en", OWN, page)
    _invite(db, tmp_path)
    letter = _letter(tmp_path / "out" / "U001.eml")
    html = letter.get_body(("html",)).get_content()
    code = re.search(r"#([0-9A-Z-]{23})", html)[1]
    assert html.splitlines() == [
        "<style>p{color:red}</style>",
        "<p>&lt;script&gt;alert(1)&lt;/script&gt; &amp; &quot;Sons&quot;</p>",
        f'<a href="{ADDRESS}/#{code}">Answer</a>',
    ]
    assert f"#{code}" in letter.get_body(("plain",)).get_content()


def test_a_name_never_becomes_a_header(db: Database, tmp_path: Path) -> None:
    document = make_all_types(title="A survey\nBcc: all@example.org")
    _opened(db, document=document)
    _invite(db, tmp_path)
    letter = _letter(tmp_path / "out" / "U001.eml")
    assert letter["Bcc"] is None
    assert letter["Subject"] == "A survey Bcc: all@example.org"


def test_a_preview_is_the_letter_with_a_made_up_code(db: Database, tmp_path: Path) -> None:
    _opened(db)
    before = everything(db)
    shown = writing.preview(db, "tiny-1", "invitation", "U007", TODAY)
    assert shown.to == "team7@example.org"
    assert "/#ABCDE-12345-FGHJK-67890\n" in shown.words.text
    assert writing.preview(db, "tiny-1", "reminder", "", TODAY).to == "team1@example.org"
    with pytest.raises(NotFound, match='did you mean "U007"'):
        writing.preview(db, "tiny-1", "invitation", "U0007", TODAY)
    assert everything(db) == before


# ── makers ───────────────────────────────────────────────────────────────────


def _in_welsh(document: Any) -> Any:
    """Every wording of a document in two languages."""
    if isinstance(document, list):
        return [_in_welsh(part) for part in document]
    if not isinstance(document, dict):
        return document
    worded = {"title", "respondent", "intro", "thanks", "text", "label"}
    return {
        k: {"en": v, "cy": f"{v} (cy)"} if k in worded and isinstance(v, str) else _in_welsh(v)
        for k, v in document.items()
    }


class _Noting(Folder):
    def __init__(self, path: Path, order: list[str]) -> None:
        super().__init__(path)
        self.order = order

    def send(self, letter: mail.Letter, sender: str) -> None:
        super().send(letter, sender)
        self.order.append(letter.name)


class _Crashing(Folder):
    """Writes the letter and dies before anybody is told; or finds its folder gone before it is written."""

    def __init__(self, path: Path, after: int, gone: bool = False) -> None:
        super().__init__(path)
        self.left, self.gone = after, gone

    def send(self, letter: mail.Letter, sender: str) -> None:
        self.left -= 1
        if self.gone and self.left == 0:
            raise mail.Unreachable("the folder is gone")
        super().send(letter, sender)
        if self.left == 0:
            raise _Death


class _Death(KeyboardInterrupt):
    pass


def _opened(db: Database, document: Any = None, frame: Frame | None = None, **more: Any) -> None:
    """A wave just opened, nobody invited yet."""
    publishing.publish(db, json.dumps(document or make_all_types()).encode(), TODAY)
    settings: dict[str, Any] = {"carry": [], "key_place": "holder", "closes": None, "today": TODAY}
    campaigning.open_wave(
        db, "tiny-1", "tiny", "1", frame or make_frame(), **(settings | more), keep_key=lambda _: None
    )


def _desk(db: Database, folder: Path, today: date = TODAY, transport: Any = None) -> Desk:
    return Desk(db, folder / "outbox-key", transport or Folder(folder / "out"), today)


def _invite(db: Database, folder: Path) -> Outcome:
    return writing.invite(_desk(db, folder), "tiny-1", address=ADDRESS, sender=SENDER)


def _invited(db: Database, folder: Path, **more: Any) -> dict[str, str]:
    """Everybody invited by letter; the code of each unit."""
    _opened(db, **more)
    _invite(db, folder)
    return _codes(folder)


def _lost(db: Database, folder: Path) -> bytes:
    """Everybody invited, of U001 nobody knows; the letter that it may or may not have had."""
    _opened(db)
    crash = _Crashing(folder / "out", after=1)
    with pytest.raises(KeyboardInterrupt):
        writing.invite(_desk(db, folder, transport=crash), "tiny-1", address=ADDRESS, sender=SENDER)
    content = (folder / "out" / "U001.eml").read_bytes()
    (folder / "out" / "U001.eml").unlink()
    assert _invite(db, folder).unknown == ["U001"]
    return content


def _remind(db: Database, folder: Path, days: int, now: bool = False) -> int:
    """How many are reminded so many days after the invitation."""
    return writing.remind(_desk(db, folder, TODAY + timedelta(days)), "tiny-1", None if now else (10, 20, 27)).sent


def _by_hand(db: Database, folder: Path, days: int, kind: str, rule: Any) -> int:
    return writing.remind(_desk(db, folder, TODAY + timedelta(days)), "tiny-1", rule, kind).sent


def _subjects(folder: Path, day: date) -> set[str]:
    """Of the reminders of a day."""
    return {_letter(file)["Subject"] for file in (folder / "out").glob(f"*_reminder_{day}-*.eml")}


def _codes(folder: Path) -> dict[str, str]:
    return {file.stem: _code_in(file) for file in sorted((folder / "out").iterdir())}


def _files(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in (folder / "out").iterdir() if file.is_file()}


def _letter(path: Path) -> Any:
    return email.message_from_bytes(path.read_bytes(), policy=default)


def _code_in(path: Path) -> str:
    found = re.search(r"#([0-9A-Z-]{23})", _letter(path).get_content())
    assert found
    return found[1]
