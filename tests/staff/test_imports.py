"""Large files at the staff site: handed in, left, found again under Jobs, looked at, confirmed, erased."""

import io
import re

import openpyxl
import pytest

from surveyapp import framing, working
from surveyapp.working import imports
from tests.makers import TODAY, rows
from tests.staff.conftest import Colleague, Office, title

WAVE = "/surveys/tiny/waves/tiny-1"
PREPARED = "/surveys/tiny/preparations"
UNITS = 4000
HEADINGS = ["unit", "name", "email", "contact", "language", "region"]


def lines(number: int = UNITS) -> list[list[str]]:
    """The units of the wave "tiny-1" and many more."""
    regions = ("North", "South")
    return [
        [f"U{i:03}", f"Team {i}", f"team{i}@example.org", "Manager", "en", regions[i % 2]]
        for i in range(1, number + 1)
    ]


def listing(number: int = UNITS, *more: list[str]) -> bytes:
    return "\n".join(",".join(line) for line in [HEADINGS, *lines(number), *more]).encode()


def workbook(number: int = UNITS) -> bytes:
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("Frame")
    for line in [HEADINGS, *lines(number)]:
        sheet.append(line)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def open_(colleague: Colleague, response) -> str:
    """The page that an answer leads to."""
    assert response.status_code == 303, response.text
    return colleague.get(response.location.removeprefix("/staff")).text


def link(page: str, words: str) -> str:
    found = re.search(rf'href="/staff([^"]+)">{words}', page)
    assert found, page
    return found[1]


def work(office: Office) -> None:
    working.run_waiting(office.db, office.home, TODAY, lambda: office.now)


def confirm(colleague: Colleague, page: str):
    """Press the button under what was looked at."""
    form = re.search(r'action="/staff([^"]+)">(?:(?!</form>).)*?name="look" value="(\d+)"', page, re.DOTALL)
    assert form, page
    return colleague.post(form[1], {"look": form[2]})


def files(office: Office) -> list[int]:
    return [length for (length,) in rows(office.db, "SELECT length(box) FROM upload")]


@pytest.mark.parametrize(("name", "content"), [("new.csv", listing()), ("new.xlsx", workbook())])
def test_a_large_newer_frame_is_left_found_again_looked_at_and_loaded(
    office: Office, name: str, content: bytes
) -> None:
    manager = office.enter("manager")
    manager.get(f"{WAVE}/organisations/newer")
    page = open_(manager, manager.post(f"{WAVE}/organisations/newer", {"file": (content, name)}))
    assert "Newer frame: reading" in page
    assert "surveyapp worker" in page, "without a worker the page says what to do"
    work(office)
    later = office.enter("manager")
    job = link(later.get("/surveys/tiny/jobs").text, "Newer frame: reading")
    shown = later.get(link(later.get(job).text, "See what it changes")).text
    assert "3,960 new, 40 changed, 0 gone" in shown or "3,960 new, 0 changed, 0 gone" in shown
    assert framing.sought(office.db, "tiny-1")[0] == 40
    waiting = open_(later, confirm(later, shown))
    assert "Newer frame: changing the frame" in waiting
    work(office)
    jobs = later.get("/surveys/tiny/jobs").text
    done = later.get(
        link(later.get(link(jobs, "Newer frame: changing the frame")).text, "See what was changed")
    ).text
    assert "The frame was changed: 3,960 new" in done
    assert framing.sought(office.db, "tiny-1")[0] == UNITS
    assert files(office) == [0]


def test_while_a_file_is_at_work_its_page_says_so_and_offers_nothing(office: Office) -> None:
    manager = office.enter("manager")
    manager.get(f"{WAVE}/organisations/newer")
    manager.post(f"{WAVE}/organisations/newer", {"file": (listing(), "new.csv")})
    [(id_,)] = rows(office.db, "SELECT id FROM upload")
    page = manager.get(f"{WAVE}/organisations/newer/{id_.hex()}").text
    assert "at work in the background" in page
    assert "Throw the file away" not in page
    work(office)
    shown = manager.get(f"{WAVE}/organisations/newer/{id_.hex()}").text
    assert "Throw the file away" in shown
    confirm(manager, shown)
    assert "Change the frame so" not in manager.get(f"{WAVE}/organisations/newer/{id_.hex()}").text


def test_a_large_frame_with_faults_is_refused_with_their_places_and_erased(office: Office) -> None:
    manager = office.enter("manager")
    manager.get(f"{WAVE}/organisations/newer")
    content = listing(UNITS, ["U9999", "<b>Team</b>", "no address", "", "en", "North"])
    page = open_(manager, manager.post(f"{WAVE}/organisations/newer", {"file": (content, "new.csv")}))
    work(office)
    [job] = working.listed(office.db, "tiny")
    assert "1 problem" in job.said
    assert "no address" not in job.said
    refused = manager.get(link(manager.get(f"/surveys/tiny/jobs/{job.id.hex()}").text, "See what it changes")).text
    assert "line 4002, email" in refused
    assert "Change the frame so" not in refused
    assert framing.sought(office.db, "tiny-1")[0] == 40
    assert files(office) == [0]
    assert "Newer frame: reading" in page


def test_a_large_file_of_returns_is_checked_and_loaded_by_jobs(office: Office) -> None:
    manager = office.enter("manager")
    manager.get(f"{WAVE}/returns")
    returns = [f"U{i:03},yes,1,more,Hedgehogs." for i in range(1, 41)]
    content = "\n".join(["unit,kind,sources.a,partners.police,issues", *returns]).encode()
    padded = content + b"\n" * imports.AT_ONCE
    fields = {"file": (padded, "paper.csv"), "unit_column": "unit"}
    page = open_(manager, manager.post(f"{WAVE}/returns/file", fields))
    assert "File of returns: checking" in page
    assert "Taking it back erases the file" in page
    work(office)
    jobs = manager.get("/surveys/tiny/jobs").text
    shown = manager.get(link(manager.get(link(jobs, "File of returns: checking")).text, "See what it holds")).text
    assert "The file can be loaded: 40 returns" in shown
    assert rows(office.db, "SELECT count(*) FROM tray") == [(0,)]
    open_(manager, confirm(manager, shown))
    work(office)
    assert rows(office.db, "SELECT count(*) FROM tray") == [(40,)]
    jobs = manager.get("/surveys/tiny/jobs").text
    done = manager.get(link(manager.get(link(jobs, "File of returns: loading")).text, "See what was loaded")).text
    assert "40 returns sealed in the tray. The file is erased." in done
    for path in (path for path in office.home.path.rglob("*") if path.is_file()):
        assert b"Hedgehogs" not in path.read_bytes(), path


def test_a_large_list_of_a_wave_in_preparation_is_read_by_a_job(office: Office) -> None:
    manager = office.enter("manager")
    manager.get(PREPARED)
    manager.post(PREPARED, {"name": "tiny-2", "audience": "listed", "version": "1"})
    frame = f"{PREPARED}/tiny-2/frame"
    manager.get(frame)
    page = open_(manager, manager.post(frame, {"file": (listing(), "list.csv"), "revision": "1"}))
    assert "List of organisations: reading" in page
    assert "The list is being read in the background" in manager.get(frame).text
    assert "the file is still to be read" in manager.get(f"{PREPARED}/tiny-2").text
    assert manager.get(f"{PREPARED}/tiny-2/strata").status_code == 400
    work(office)
    jobs = manager.get("/surveys/tiny/jobs").text
    shown = manager.get(link(manager.get(link(jobs, "List of organisations: reading")).text, "Look at the list"))
    assert title(shown) == "The list of organisations"
    assert "4,000 organisations, 4,000 with an address" in shown.text
    assert "Team 5<" in shown.text
    assert manager.get(f"{PREPARED}/tiny-2/strata").status_code == 200


def test_a_list_whose_job_is_taken_back_can_be_read_later(office: Office) -> None:
    manager = office.enter("manager")
    manager.get(PREPARED)
    manager.post(PREPARED, {"name": "tiny-2", "audience": "listed", "version": "1"})
    frame = f"{PREPARED}/tiny-2/frame"
    manager.get(frame)
    manager.post(frame, {"file": (listing(), "list.csv"), "revision": "1"})
    [job] = working.listed(office.db, "tiny")
    working.take_back(office.db, "tiny", job.id)
    assert "The list is not read yet." in manager.get(frame).text
    open_(manager, manager.post(f"{frame}/read"))
    work(office)
    assert "4,000 organisations" in manager.get(frame).text


def test_what_a_job_is_about_is_for_managers_alone(office: Office) -> None:
    manager = office.enter("manager")
    manager.get(f"{WAVE}/organisations/newer")
    manager.post(f"{WAVE}/organisations/newer", {"file": (listing(), "new.csv")})
    [job] = working.listed(office.db, "tiny")
    for who in ("author", "analyst", "key_holder"):
        other = office.enter(who)
        assert other.get(f"/surveys/tiny/jobs/{job.id.hex()}").status_code == 403
        assert other.get(f"{WAVE}/organisations/newer/{job.settings['upload']}").status_code == 403
