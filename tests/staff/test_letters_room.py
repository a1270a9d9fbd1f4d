"""Letters in the staff site: their words, invitations, reminders, what became of them."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from surveyapp import campaigning, working, writing
from surveyapp.config import Home
from surveyapp.storage.jobs import Job
from tests.makers import TODAY, make_answers, make_frame, rows, send
from tests.staff.conftest import Colleague, Office

PLACE = "/surveys/tiny/waves/fresh/letters"
WORDS = {"subject": "Please answer", "text": "Dear {contact}\nYour code: {code}\n", "html": ""}


@pytest.fixture
def fresh(office: Office) -> Office:
    """A wave in which nobody has been invited."""
    more: dict[str, Any] = {"carry": ["region"], "key_place": "holder", "closes": None, "today": TODAY}
    campaigning.open_wave(office.db, "fresh", "tiny", "1", make_frame(), keep_key=lambda _: None, **more)
    return office


def work(office: Office, later: int = 0) -> list[Job]:
    working.run_waiting(office.db, office.home, TODAY + timedelta(later), lambda: office.now)
    return working.listed(office.db, "tiny")


def files(home: Home) -> list[Path]:
    return sorted((home.outbox / "fresh").glob("*.eml"))


def manager_at(office: Office, path: str = "") -> Colleague:
    manager = office.enter("manager")
    assert manager.get(f"{PLACE}{path}").status_code == 200
    return manager


# ── invitations ──────────────────────────────────────────────────────────────


def test_it_is_said_first_to_whom_invitations_would_go(fresh: Office):
    page = office_text(manager_at(fresh).get(f"{PLACE}/invitations").text)
    assert "40 letters would be written" in page
    assert "North 20" in page
    assert "ABCDE-12345-FGHJK-67890" in page
    assert files(fresh.home) == []
    assert rows(fresh.db, "SELECT 1 FROM letter") == []


def test_invitations_go_in_the_background(fresh: Office):
    manager = manager_at(fresh, "/invitations")
    response = manager.post(f"{PLACE}/invitations")
    assert "/surveys/tiny/jobs/" in response.location
    assert files(fresh.home) == []
    (job,) = work(fresh)
    assert (job.state, job.said) == ("done", "letters: 40 sent")
    assert len(files(fresh.home)) == 40
    assert "Everybody with an address has been invited" in manager.get(f"{PLACE}/invitations").text


def test_asking_twice_sends_nothing_twice(fresh: Office):
    manager = manager_at(fresh, "/invitations")
    manager.post(f"{PLACE}/invitations")
    manager.post(f"{PLACE}/invitations")
    work(fresh)
    manager.post(f"{PLACE}/invitations")
    work(fresh)
    assert rows(fresh.db, "SELECT count(*) FROM letter") == [(40,)]


def test_a_job_names_nobody(fresh: Office):
    manager = manager_at(fresh, "/invitations")
    manager.post(f"{PLACE}/invitations")
    work(fresh)
    assert "example.org'" not in str(rows(fresh.db, "SELECT said, settings FROM job"))
    assert "U001" not in str(rows(fresh.db, "SELECT * FROM job"))


# ── reminders ────────────────────────────────────────────────────────────────


def invited(office: Office) -> Colleague:
    manager = manager_at(office, "/invitations")
    manager.post(f"{PLACE}/invitations")
    work(office)
    return manager


def test_reminders_are_due_by_the_rule(fresh: Office):
    manager = invited(fresh)
    page = manager.get(f"{PLACE}/reminders").text
    assert "Nobody is due a reminder so" in page


def test_a_rule_that_is_none_is_said_at_its_field(fresh: Office):
    response = manager_at(fresh).get(f"{PLACE}/reminders?when=rule&rule=20,10&stage=")
    assert response.status_code == 400
    assert "write rising numbers such as 10,20,27" in response.text
    assert 'id="rule--error"' in response.text
    assert manager_at(fresh).get(f"{PLACE}/reminders?when=rule&rule=<b>&stage=<b>").status_code == 400


def test_all_are_reminded_by_hand_at_most_once_a_day(office: Office):
    send(office.db, office.codes["U001"], make_answers())
    place = "/surveys/tiny/waves/tiny-1/letters/reminders"
    manager = office.enter("manager")
    assert "39 letters" in manager.get(f"{place}?when=now&rule=&stage=").text
    manager.post(place, {"when": "now", "rule": "", "stage": ""})
    manager.post(place, {"when": "now", "rule": "", "stage": ""})
    work(office)
    assert rows(office.db, "SELECT kind, state, count(*) FROM letter GROUP BY kind, state") == [
        ("reminder", "sent", 39)
    ]
    manager.post(place, {"when": "now", "rule": "", "stage": ""})
    work(office)
    assert rows(office.db, "SELECT count(*) FROM letter") == [(39,)]


def test_what_was_asked_for_on_another_day_is_not_written(office: Office):
    manager = office.enter("manager")
    manager.get("/surveys/tiny/waves/tiny-1/letters/reminders")
    manager.post("/surveys/tiny/waves/tiny-1/letters/reminders", {"when": "now", "rule": "", "stage": ""})
    (job,) = work(office, later=1)
    assert "asked for on another day" in job.said
    assert rows(office.db, "SELECT 1 FROM letter") == []


def test_one_kind_of_reminder_is_sent_by_hand(office: Office):
    place = "/surveys/tiny/waves/tiny-1/letters/reminders"
    manager = office.enter("manager")
    assert "Last reminder: A tiny survey" in manager.get(f"{place}?when=rule&rule=10&stage=final").text
    manager.post(place, {"when": "rule", "rule": "10", "stage": "final"})
    work(office)
    assert rows(office.db, "SELECT stage, count(*) FROM letter GROUP BY stage") == [("final", 40)]


# ── words ────────────────────────────────────────────────────────────────────


def test_words_are_changed_and_taken_back(fresh: Office):
    manager = manager_at(fresh, "/words/invitation/en")
    manager.post(f"{PLACE}/words/invitation/en", WORDS)
    assert writing.template_of(fresh.db, "fresh", "invitation", "en").subject == "Please answer"
    page = manager.get(f"{PLACE}/words/invitation/en").text
    assert "Dear Manager" in page
    assert "own words" in manager.get(PLACE).text
    manager.post(f"{PLACE}/words/invitation/en/shipped")
    assert writing.template_of(fresh.db, "fresh", "invitation", "en").subject == "{title}"


def test_words_can_be_tried_before_they_are_kept(fresh: Office):
    manager = manager_at(fresh, "/words/invitation/en")
    page = manager.post(f"{PLACE}/words/invitation/en/preview", {**WORDS, "unit": "U007"}).text
    assert "Dear Manager" in page
    assert "team7@example.org" in page
    assert 'value="Please answer"' in page
    assert writing.template_of(fresh.db, "fresh", "invitation", "en").subject == "{title}"
    unknown = manager.post(f"{PLACE}/words/invitation/en/preview", {**WORDS, "unit": "U999"})
    assert "No letter can be shown" in unknown.text


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("subject", "", "It is empty"),
        ("text", "No code here", "It holds no access code"),
        ("text", "{cod}{code}", "{cod} is not known"),
        ("html", "<p>{code}</p>{nonsense}", "{nonsense} is not known"),
        ("text", "{code}" * 4000, "shorten it to 20,000"),
    ],
)
def test_words_that_will_not_do_are_said_at_their_field(fresh: Office, field: str, value: str, said: str):
    manager = manager_at(fresh, "/words/invitation/en")
    response = manager.post(f"{PLACE}/words/invitation/en", {**WORDS, field: value})
    assert response.status_code == 400
    assert said in response.text
    assert f'id="{field}--error"' in response.text


def test_the_page_of_a_letter_is_shown_as_text(fresh: Office):
    manager = manager_at(fresh, "/words/invitation/en")
    page = manager.post(f"{PLACE}/words/invitation/en/preview", {**WORDS, "html": "<script>x</script>{code}"}).text
    assert "<script>x" not in page
    assert "&lt;script&gt;x" in page


@pytest.mark.parametrize("path", ["/words/nonsense/en", "/words/invitation/fr", "/list/nonsense"])
def test_there_are_no_other_letters(fresh: Office, path: str):
    assert fresh.enter("manager").get(f"{PLACE}{path}").status_code == 404


def test_a_letter_goes_to_oneself_with_a_code_that_opens_nothing(fresh: Office):
    manager = manager_at(fresh, "/words/reminder/en")
    manager.post(f"{PLACE}/words/reminder/en/test")
    (letter,) = (fresh.home.outbox / "test").glob("*.eml")
    text = letter.read_text()
    assert "To: manager@example.org" in text
    assert "Subject: Test: Reminder: A tiny survey" in text
    assert rows(fresh.db, "SELECT 1 FROM letter") == []


# ── what letters bear, and what became of them ───────────────────────────────


def test_address_and_sender_are_kept(fresh: Office):
    manager = manager_at(fresh)
    manager.post(f"{PLACE}/headings", {"address": "https://s.example.org/", "sender": "S <s@example.org>"})
    assert writing.headings(fresh.db, "fresh") == ("https://s.example.org", "S <s@example.org>")
    wrong = manager.post(f"{PLACE}/headings", {"address": "javascript:x", "sender": "nobody"})
    assert wrong.status_code == 400
    assert 'id="address--error"' in wrong.text
    assert 'id="sender--error"' in wrong.text


def test_letters_that_were_refused_are_listed_and_sent_again(fresh: Office):
    manager = invited(fresh)
    with fresh.db.transaction() as connection:
        connection.exec_driver_sql("UPDATE letter SET state = 'failed', note = '550 5.1.1'")
    assert "550 5.1.1" in manager.get(f"{PLACE}/list/failed").text
    assert "40 letters that did not arrive" in manager.get("/surveys/tiny/waves").text
    manager.get(PLACE)
    manager.post(f"{PLACE}/failed")
    work(fresh)
    assert rows(fresh.db, "SELECT state, count(*) FROM letter GROUP BY state") == [("sent", 40)]


def test_nobody_knows_of_a_letter_until_somebody_says(fresh: Office):
    manager = invited(fresh)
    with fresh.db.transaction() as connection:
        connection.exec_driver_sql("UPDATE letter SET state = 'unknown' WHERE kind = 'invitation'")
    one = "/surveys/tiny/waves/fresh/organisations"
    assert "It has arrived" in manager.get(f"{one}/one?unit=U001").text
    manager.post(f"{one}/arrived", {"unit": "U001"})
    assert [q.state for q in writing.listed(fresh.db, "fresh", unit="U001")] == ["sent"]
    manager.post(f"{one}/again", {"unit": "U002"})
    work(fresh)
    assert [q.state for q in writing.listed(fresh.db, "fresh", unit="U002")] == ["sent"]


def test_only_managers_write(fresh: Office):
    for role in ("author", "analyst", "key_holder"):
        assert fresh.enter(role).get(PLACE).status_code == 403


def office_text(text: str) -> str:
    """A page as it is read, without markup."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text))
