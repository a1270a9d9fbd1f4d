"""A wave on a long list: opened by a job, found again under Jobs, and not opened if it is another by then."""

from surveyapp import campaigning, preparing, working
from surveyapp.preparing import Hand
from surveyapp.working import openings
from surveyapp.working.imports import Clerk
from tests.makers import TODAY, rows
from tests.staff.conftest import Colleague, Office
from tests.staff.test_preparing import TEXTS, Preparing, ceremony, listing

LONG = openings.AT_ONCE + 1
CHECK = "/surveys/tiny/preparations/tiny-2/check"


def prepared(office: Office, units: int = LONG) -> Preparing:
    """Everything is done but the opening."""
    manager = Preparing(office)
    manager.begin()
    manager.hand_in(listing(units=units))
    work(office)
    manager.post("/strata", {"carry": "region"})
    manager.post("/texts", TEXTS)
    ceremony(office)
    manager.post("/test")
    return manager


def opened(manager: Preparing) -> str:
    """The page that pressing the button leads to."""
    done = manager.post("/open", {"typed": "tiny-2"}, page="/check")
    assert done.status_code == 303, done.text
    return manager.at.get(done.location.removeprefix("/staff")).text


def work(office: Office) -> None:
    working.run_waiting(office.db, office.home, TODAY, lambda: office.now)


def kinds(office: Office) -> list[str]:
    return [job.kind for job in working.listed(office.db, "tiny")]


def organisations(office: Office, wave: str = "tiny-2") -> int:
    return rows(office.db, f"SELECT count(*) FROM organisation WHERE wave = '{wave}'")[0][0]


def test_a_wave_on_a_long_list_is_opened_by_a_job(office: Office) -> None:
    manager = prepared(office)
    page = opened(manager)
    assert "Opening a wave" in page
    assert "surveyapp worker" in page, "without a worker the page says what to do"
    assert campaigning.names(office.db) == ["tiny-1"]
    work(office)
    (job,) = (job for job in working.listed(office.db, "tiny") if job.kind == openings.OPEN_WAVE)
    page = manager.at.get(f"/surveys/tiny/jobs/{job.id.hex()}").text
    assert "The wave tiny-2 is open; nobody has been invited yet" in page
    assert 'href="/staff/surveys/tiny/waves/tiny-2">Go to the wave' in page
    wave = campaigning.status(office.db, "tiny-2").wave
    assert (wave.issued, wave.service) == (LONG, "Team survey")
    assert organisations(office) == LONG
    assert preparing.listed(office.db, "tiny") == []


def test_a_wave_on_a_list_of_usual_length_is_open_at_once(office: Office) -> None:
    manager = prepared(office, units=40)
    assert "tiny-2 is open. Nobody has been invited yet." in opened(manager)
    assert openings.OPEN_WAVE not in kinds(office)


def test_while_it_is_being_opened_the_page_says_so_and_offers_nothing(office: Office) -> None:
    manager = prepared(office)
    opened(manager)
    page = manager.at.get(CHECK).text
    assert "The wave is being opened in the background" in page
    assert "Open the wave</button>" not in page


def test_whoever_presses_twice_gets_the_job_that_waits(office: Office) -> None:
    manager, other = prepared(office), _other(office)
    opened(manager)
    again = manager.post("/open", {"typed": "tiny-2"}, page="")
    elsewhere = openings.open_wave(other, _found(office), "tiny-2", Hand("other@example.org", TODAY))
    assert kinds(office).count(openings.OPEN_WAVE) == 1
    assert elsewhere
    assert again.location.endswith(f"/jobs/{elsewhere.id.hex()}")


def _other(office: Office) -> Clerk:
    return Clerk(office.db, office.home, "tiny", "tiny-2", "other@example.org", TODAY, lambda: office.now)


def _found(office: Office) -> preparing.Preparation:
    return preparing.found(office.db, "tiny", "tiny-2")


def test_what_is_wrong_stands_at_once_on_the_page_and_asks_for_nothing(office: Office) -> None:
    manager = prepared(office)
    refused = manager.post("/open", {"typed": "tiny-1"}, page="/check")
    assert refused.status_code == 400
    assert "This is not the name of the wave; type tiny-2" in refused.text
    assert openings.OPEN_WAVE not in kinds(office)


def test_what_was_changed_meanwhile_is_not_opened(office: Office) -> None:
    manager = prepared(office)
    opened(manager)
    manager.post("/texts", TEXTS | {"service": "Changed"})
    assert "tiny-2 has been changed by manager@example.org" in told(office, manager.at).lower()
    assert campaigning.names(office.db) == ["tiny-1"]
    assert organisations(office) == 0
    assert "Open the wave</button>" in manager.at.get(CHECK).text


def test_what_will_not_do_by_then_is_told_and_nothing_is_opened(office: Office) -> None:
    manager = prepared(office)
    opened(manager)
    preparing.throw_away(office.db, "tiny", "tiny-2")
    assert "no wave tiny-2 of tiny is being prepared" in told(office, manager.at).lower()
    assert campaigning.names(office.db) == ["tiny-1"]


def test_an_opening_that_is_taken_back_opens_nothing_and_can_be_asked_for_again(office: Office) -> None:
    manager = prepared(office)
    opened(manager)
    (job,) = (job for job in working.listed(office.db, "tiny") if job.kind == openings.OPEN_WAVE)
    working.take_back(office.db, "tiny", job.id)
    work(office)
    assert campaigning.names(office.db) == ["tiny-1"]
    opened(manager)
    work(office)
    assert campaigning.names(office.db) == ["tiny-1", "tiny-2"]


def told(office: Office, colleague: Colleague) -> str:
    """What the page of the opening says when a worker has been at it."""
    work(office)
    (job,) = (job for job in working.listed(office.db, "tiny") if job.kind == openings.OPEN_WAVE)
    assert job.state == "failed"
    return colleague.get(f"/surveys/tiny/jobs/{job.id.hex()}").text


def test_a_key_that_an_opening_left_is_taken_up_and_one_of_another_wave_is_not(office: Office) -> None:
    manager = prepared(office, units=40)
    manager.post("/key/here", page="/key")
    key = office.home.wave_key("tiny-2")
    key.write_text("surveyapp private key 1\nwave other\n" + "11" * 32 + "\n")
    refused = manager.post("/open", {"typed": "tiny-2"}, page="/check")
    assert refused.status_code == 400
    assert "is the key of other; move it to where it belongs" in refused.text
    key.write_text("surveyapp private key 1\nwave tiny-2\n" + "11" * 32 + "\n")
    assert "tiny-2 is open" in opened(manager)
    assert "11" * 32 in key.read_text()
    assert campaigning.names(office.db) == ["tiny-1", "tiny-2"]
