"""The tray: opened by its key holder with a key that is in memory only; how far it is can be looked at."""

import threading
import time
from dataclasses import replace
from typing import Any

import pytest

from surveyapp import campaigning, privacy, reporting, working
from surveyapp.storage import jobs
from surveyapp.storage.jobs import Job
from surveyapp.working import tray
from tests.makers import TODAY, change, make_answers, make_wave, rows, send
from tests.staff.conftest import Colleague, Office

PAGE = "/surveys/tiny/waves/tiny-1/tray"


def answered(office: Office, number: int) -> None:
    for code in list(office.codes.values())[:number]:
        send(office.db, code, make_answers())


def opened(office: Office, at: Colleague, content: bytes | None = None):
    """The answer to the form; the opening is waited for."""
    at.get(PAGE)
    key = privacy.key_file("tiny-1", office.key).encode() if content is None else content
    response = at.post(PAGE, {"key": (key, "tiny-1.key")} if key else {})
    settled(office)
    return response


def settled(office: Office) -> Job | None:
    for _ in range(500):
        job = tray.last_opening(office.db, office.wave)
        if job is None or job.over:
            return job
        time.sleep(0.02)
    raise AssertionError("the opening does not end")


def test_all_answers_leave_the_tray_of_a_closed_wave(office: Office):
    answered(office, 20)
    campaigning.close_wave(office.db, "tiny-1", TODAY)
    holder = office.enter("key_holder")
    assert opened(office, holder).status_code == 303
    page = holder.get(PAGE).text
    assert "The last opening is done: 20 responses released, 0 stay in the tray." in page
    assert "Destroy the key file now" in page
    assert campaigning.status(office.db, "tiny-1").released == 20


def test_an_opening_that_ends_while_its_page_is_made_is_looked_at_again(
    office: Office, monkeypatch: pytest.MonkeyPatch
):
    """What was sealed a moment ago must not stand there for good beside "the last opening is done"."""
    answered(office, 20)
    campaigning.close_wave(office.db, "tiny-1", TODAY)
    holder = office.enter("key_holder")
    holder.get(PAGE)
    may_end = threading.Event()

    def slow(*given: Any) -> reporting.Opened:
        may_end.wait(20)
        return open_tray(*given)

    open_tray, status = reporting.open_tray, campaigning.status
    monkeypatch.setattr(reporting, "open_tray", slow)
    holder.post(PAGE, {"key": (privacy.key_file("tiny-1", office.key).encode(), "tiny-1.key")})

    def read_just_before(*given: Any) -> campaigning.Status:
        found = status(*given)
        may_end.set()
        settled(office)
        return found

    monkeypatch.setattr(campaigning, "status", read_just_before)
    page = holder.get(PAGE).text
    monkeypatch.setattr(campaigning, "status", status)
    assert ("The tray is being opened" in page, "tray.js" in page) == (True, True)
    assert "The last opening is done: 20 responses released" in holder.get(PAGE).text


def test_before_the_close_only_batches_leave(office: Office):
    answered(office, 22)
    holder = office.enter("key_holder")
    assert "at least 10 leave together" in holder.get(PAGE).text
    opened(office, holder)
    assert "0 responses released, 22 stay in the tray" in holder.get(PAGE).text
    answered_more = list(office.codes.values())[22:]
    for code in answered_more:
        send(office.db, code, make_answers())
    office.now += 60
    opened(office, holder)
    assert "20 responses released, 20 stay in the tray" in holder.get(PAGE).text


def test_a_small_number_of_sealed_answers_is_a_range(office: Office):
    answered(office, 3)
    page = office.enter("key_holder").get(PAGE).text
    assert '<dd class="govuk-summary-list__value">1 to 9</dd>' in page


def test_an_empty_tray_says_so(office: Office):
    page = office.enter("key_holder").get(PAGE).text
    assert "The tray is empty. Come back when answers have been sent." in page
    assert 'type="file"' not in page


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"nonsense", "is not a key file"),
        (privacy.key_file("other", b"k" * 32).encode(), "This is the key of other, not of tiny-1"),
        (privacy.key_file("tiny-1", b"k" * 32).encode(), "but another one was taken in the end"),
    ],
)
def test_a_wrong_key_opens_nothing_and_says_why(office: Office, content: bytes, words: str):
    answered(office, 12)
    campaigning.close_wave(office.db, "tiny-1", TODAY)
    refused = opened(office, office.enter("key_holder"), content)
    assert refused.status_code == 400
    assert words in refused.text
    assert rows(office.db, "SELECT * FROM job") == []
    assert campaigning.status(office.db, "tiny-1").released == 0


def test_without_a_key_nothing_is_begun(office: Office):
    answered(office, 12)
    holder = office.enter("key_holder")
    holder.get(PAGE)
    refused = holder.post(PAGE)
    assert (refused.status_code, "Choose the key file" in refused.text) == (400, True)


def test_a_damaged_box_is_told_and_nothing_leaves(office: Office):
    answered(office, 12)
    campaigning.close_wave(office.db, "tiny-1", TODAY)
    change(office.db, "UPDATE tray SET box = ? WHERE id = (SELECT min(id) FROM tray)", b"x" * 900)
    holder = office.enter("key_holder")
    opened(office, holder)
    assert "1 of 12 boxes do not open: those boxes are damaged; nothing was released" in holder.get(PAGE).text
    assert campaigning.status(office.db, "tiny-1").released == 0


def test_the_key_is_nowhere_on_the_server(office: Office, caplog: pytest.LogCaptureFixture):
    answered(office, 12)
    campaigning.close_wave(office.db, "tiny-1", TODAY)
    opened(office, office.enter("key_holder"))
    assert campaigning.status(office.db, "tiny-1").released == 12
    for path in (path for path in office.home.path.rglob("*") if path.is_file()):
        content = path.read_bytes()
        assert office.key not in content, path
        assert office.key.hex().encode() not in content, path
    assert office.key.hex() not in caplog.text


def test_in_a_small_office_the_button_does(office: Office):
    wave, key, codes = make_wave(office.db, "tiny-2", key_place="server")
    office.home.wave_key("tiny-2").write_text(privacy.key_file("tiny-2", key))
    for code in list(codes.values())[:12]:
        send(office.db, code, make_answers())
    campaigning.close_wave(office.db, "tiny-2", TODAY)
    holder, page = office.enter("key_holder"), "/surveys/tiny/waves/tiny-2/tray"
    assert "nothing needs to be uploaded" in holder.get(page).text
    assert holder.post(page).status_code == 303
    settled(replace(office, wave=wave))
    assert campaigning.status(office.db, "tiny-2").released == 12


def test_a_key_file_of_the_server_that_is_gone_is_told(office: Office):
    _, _, codes = make_wave(office.db, "tiny-2", key_place="server")
    send(office.db, next(iter(codes.values())), make_answers())
    holder, page = office.enter("key_holder"), "/surveys/tiny/waves/tiny-2/tray"
    holder.get(page)
    assert holder.post(page).status_code == 400


def test_an_opening_whose_process_is_gone_says_that_it_stopped(office: Office):
    answered(office, 12)
    gone = Job(b"j" * 16, tray.OPENING, "tiny", "tiny-1", "k@example.org", state="running", lease=office.now - 60)
    with office.db.transaction() as connection:
        jobs.add(connection, gone)
    holder = office.enter("key_holder")
    assert "begin again with the key" in holder.get(PAGE).text
    assert 'type="file"' in holder.get(PAGE).text


def test_a_worker_that_finds_it_does_not_go_on_without_the_key(office: Office):
    gone = Job(b"j" * 16, tray.OPENING, "tiny", "tiny-1", "k@example.org", state="running", lease=1, tries=1)
    with office.db.transaction() as connection:
        jobs.add(connection, gone)
    now = iter(range(office.now, office.now + 10_000, 100))
    for _ in range(3):
        working.run_next(office.db, office.home, TODAY, lambda: next(now))
    job = working.found(office.db, "tiny", b"j" * 16)
    assert job.state == "failed"
    assert "begin again with the key" in job.said


def test_while_it_is_going_on_the_page_says_how_far_and_takes_no_other(office: Office):
    answered(office, 12)
    going = Job(b"j" * 16, tray.OPENING, "tiny", "tiny-1", "k@example.org", lease=office.now)
    going = replace(going, state="running", done=5, total=12)
    with office.db.transaction() as connection:
        jobs.add(connection, going)
    holder = office.enter("key_holder")
    page = holder.get(PAGE).text
    assert "The tray is being opened: 5 of 12 boxes" in page
    assert 'type="file"' not in page
    key = privacy.key_file("tiny-1", office.key).encode()
    refused = holder.post(PAGE, {"key": (key, "tiny-1.key")})
    assert refused.status_code == 400


@pytest.mark.parametrize("who", ["manager", "author", "analyst"])
def test_nobody_else_opens_it(office: Office, who: str):
    colleague = office.enter(who)
    assert colleague.get(PAGE).status_code == 403
    key = privacy.key_file("tiny-1", office.key).encode()
    colleague.get("/")
    assert colleague.post(PAGE, {"key": (key, "tiny-1.key")}).status_code == 403


def test_of_two_openings_within_a_second_the_later_one_counts(office: Office):
    answered(office, 12)
    holder = office.enter("key_holder")
    opened(office, holder)
    first = tray.last_opening(office.db, office.wave)
    opened(office, holder)
    second = tray.last_opening(office.db, office.wave)
    assert first.id != second.id
    assert (first.at, second.at) == (office.now, office.now + 1)
