"""The pages of jobs: listed, watched, fetched, taken back, thrown away; each for the roles of its kind alone."""

from collections.abc import Iterator

import pytest

from surveyapp import staffing, working
from surveyapp.problems import SurveyError
from surveyapp.storage import jobs
from surveyapp.storage.jobs import Job
from surveyapp.storage.trail import Sought
from surveyapp.working import KINDS, Task
from tests.makers import TODAY, change
from tests.staff.conftest import Office, title

HOSTILE = "<script>alert(1)</script>"


@pytest.fixture(autouse=True)
def _kinds() -> Iterator[None]:
    """A kind for analysts and one for managers, gone after the test."""
    known = dict(KINDS)
    working.kind("export", "Workbook", "analyst")(_write)
    working.kind("letters", "Letters", "manager")(lambda task: "")
    working.kind("refusal", "Refusal", "analyst")(_refuse)
    yield
    KINDS.clear()
    KINDS.update(known)


def _write(task: Task) -> str:
    name = str(task.job.settings.get("name", "tables.csv"))
    task.place(name).write_text("region,percent\n")
    return name


def _refuse(task: Task) -> str:
    raise SurveyError(f"the plan has no table {HOSTILE}")


def ask(office: Office, kind: str = "export", survey: str = "tiny", **settings: str) -> Job:
    return working.ask(office.db, kind, survey, "tiny-1", "analyst@example.org", office.now, settings)


def made(office: Office, kind: str = "export", **settings: str) -> str:
    job = ask(office, kind, **settings)
    working.run_waiting(office.db, office.home, TODAY, lambda: office.now)
    return job.id.hex()


def test_without_a_job_the_page_leads_on(office: Office) -> None:
    page = office.enter("analyst").get("/surveys/tiny/jobs")
    assert "No job yet." in page.text
    assert 'href="/staff/surveys/tiny/tables"' in page.text


def test_jobs_are_listed_with_who_asked_when_and_how_far(office: Office) -> None:
    made(office)
    office.now += 1
    ask(office)
    page = office.enter("analyst").get("/surveys/tiny/jobs")
    assert [state for state in ("Waiting", "Done") if state in page.text] == ["Waiting", "Done"]
    assert "analyst@example.org" in page.text
    assert "16 January 2012, 07:46 UTC" in page.text
    assert "Save tables.csv" in page.text
    assert page.text.index("Waiting") < page.text.index("Done"), "the newest first"


def test_a_job_at_work_shows_its_progress_without_scripts(office: Office) -> None:
    job = ask(office)
    with office.db.transaction() as connection:
        mine = jobs.take(connection, office.now, office.now + 30)
        assert mine is not None
        jobs.prolong(connection, mine, office.now + 30, "writing tables.xlsx", 3, 12)
    page = office.enter("analyst").get(f"/surveys/tiny/jobs/{job.id.hex()}")
    assert title(page) == "Workbook"
    assert '<progress class="app-progress" id="progress" max="12" value="3">3 of 12</progress>' in page.text
    assert "Writing tables.xlsx" in page.text
    assert "Look again" in page.text
    assert "http-equiv" not in page.text


def test_the_first_page_shows_what_one_has_asked_for_until_it_is_over(office: Office) -> None:
    job = ask(office)
    link = f'<a class="govuk-link" href="/staff/surveys/tiny/jobs/{job.id.hex()}">Workbook</a> (waiting)'
    assert link in office.enter("analyst").get("/").text
    assert "You have asked for" not in office.enter("manager").get("/").text
    working.run_waiting(office.db, office.home, TODAY, lambda: office.now)
    assert "You have asked for" not in office.enter("analyst").get("/").text


def test_what_a_job_made_is_saved_and_never_shown(office: Office) -> None:
    answer = office.enter("analyst").get(f"/surveys/tiny/jobs/{made(office)}/file", buffered=True)
    assert answer.text == "region,percent\n"
    assert answer.headers["Content-Disposition"] == "attachment; filename=tables.csv"
    assert answer.mimetype == "text/csv"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("name", ['a".html', "ü.bin", "x\ny.csv"])
def test_a_strange_name_does_no_harm(office: Office, name: str) -> None:
    answer = office.enter("analyst").get(f"/surveys/tiny/jobs/{made(office, name=name)}/file", buffered=True)
    assert answer.status_code == 200
    assert answer.headers["Content-Disposition"].startswith("attachment;")
    assert "\n" not in answer.headers["Content-Disposition"]


def test_a_job_that_made_nothing_has_no_file(office: Office) -> None:
    assert office.enter("manager").get(f"/surveys/tiny/jobs/{made(office, 'letters')}/file").status_code == 404


@pytest.mark.parametrize("page", ["", "/file"])
def test_a_job_is_for_the_roles_of_its_kind(office: Office, page: str) -> None:
    job = made(office)
    for who in ("manager", "author", "key_holder"):
        assert office.enter(who).get(f"/surveys/tiny/jobs/{job}{page}").status_code == 403
        assert "tables.csv" not in office.enter(who).get("/surveys/tiny/jobs").text


def test_a_job_of_another_survey_is_not_there(office: Office) -> None:
    job = made(office)
    stranger = office.enter("stranger")
    for page in ("", "/file"):
        assert stranger.get(f"/surveys/tiny/jobs/{job}{page}").status_code == 404
        assert stranger.get(f"/surveys/other/jobs/{job}{page}").status_code == 404
    stranger.get("/surveys/other/jobs")
    for act in ("take-back", "throw-away"):
        assert stranger.post(f"/surveys/other/jobs/{job}/{act}").status_code == 404
    assert working.found(office.db, "tiny", bytes.fromhex(job)).state == "done"


def test_a_job_can_be_taken_back(office: Office) -> None:
    job = ask(office)
    analyst = office.enter("analyst")
    analyst.get(f"/surveys/tiny/jobs/{job.id.hex()}")
    analyst.post(f"/surveys/tiny/jobs/{job.id.hex()}/take-back")
    page = analyst.get(f"/surveys/tiny/jobs/{job.id.hex()}")
    assert "The job is taken back." in page.text
    assert "Throw away the job" in page.text
    assert analyst.post(f"/surveys/tiny/jobs/{job.id.hex()}/take-back").status_code == 409
    assert _trail(office)[:3] == [
        ("job-leave", job.id.hex(), "was not done (SurveyError)"),
        ("job-leave", job.id.hex(), ""),
        ("job-leave", job.id.hex(), ""),
    ]


def test_a_job_and_its_file_can_be_thrown_away(office: Office) -> None:
    job = made(office)
    analyst = office.enter("analyst")
    analyst.get(f"/surveys/tiny/jobs/{job}")
    assert analyst.post(f"/surveys/tiny/jobs/{job}/throw-away").status_code == 303
    assert "erased" in analyst.get("/surveys/tiny/jobs").text
    assert not office.home.job(job).exists()
    assert analyst.get(f"/surveys/tiny/jobs/{job}").status_code == 404


def test_a_job_at_work_is_taken_back_before_it_is_thrown_away(office: Office) -> None:
    job = ask(office)
    analyst = office.enter("analyst")
    analyst.get(f"/surveys/tiny/jobs/{job.id.hex()}")
    assert analyst.post(f"/surveys/tiny/jobs/{job.id.hex()}/throw-away").status_code == 409


def test_why_a_job_was_not_done_is_text(office: Office) -> None:
    page = office.enter("analyst").get(f"/surveys/tiny/jobs/{made(office, 'refusal')}")
    assert "Not done" in page.text
    assert "The plan has no table &lt;script&gt;" in page.text
    assert HOSTILE not in page.text


def test_a_job_of_a_kind_that_is_gone_is_for_nobody(office: Office) -> None:
    job = made(office)
    change(office.db, "UPDATE job SET kind = 'gone'")
    analyst = office.enter("analyst")
    assert analyst.get(f"/surveys/tiny/jobs/{job}").status_code == 403
    assert analyst.get("/surveys/tiny/jobs").status_code == 200


@pytest.mark.parametrize("id", ["none", "0" * 31, "0" * 32, "A" * 32, "0" * 33, "%00", "../x"])
def test_what_is_no_id_is_not_there(office: Office, id: str) -> None:
    assert office.enter("analyst").get(f"/surveys/tiny/jobs/{id}").status_code == 404


def _trail(office: Office) -> list[tuple[str, str, str]]:
    return [(act.what, act.object, act.said) for _, act in staffing.acts(office.db, Sought("tiny"))]
