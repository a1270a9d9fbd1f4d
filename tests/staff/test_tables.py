"""Tables, plans and exports in the staff site: reports, plans changed, files made by jobs, and the ledger."""

import io
import json
import zipfile
from typing import Any

import pytest
from openpyxl import load_workbook
from werkzeug.test import TestResponse

from surveyapp import planning, working
from surveyapp.storage.jobs import DONE, FAILED, Job
from tests.makers import TODAY, make_answers, rows
from tests.staff.conftest import Colleague, Office, title
from tests.staff.released import release
from tests.staff.test_builder import words

TABLES = "/surveys/tiny/tables"
REPORT = "/surveys/tiny/waves/tiny-1/tables"
EXPORT = "/surveys/tiny/waves/tiny-1/export"


@pytest.fixture
def analyst(office: Office) -> Colleague:
    """An analyst of a wave of forty answers: thirty yes, ten no."""
    release(office, [make_answers(kind="yes" if i < 30 else "no") for i in range(40)])
    return office.enter("analyst")


def save(office: Office, *tables: dict[str, Any], name: str = "mine", **more: Any) -> None:
    document = json.dumps({"survey": "tiny", "title": "Mine", "tables": list(tables), **more})
    planning.save(office.db, "tiny", name, document, "analyst@example.org", TODAY)


def plan(office: Office, name: str = "mine") -> planning.TablePlan:
    return planning.plan(office.db, "tiny", name)


# ── the list and the report ──────────────────────────────────────────────────


def test_the_list_leads_to_what_there_is_and_says_why_there_is_nothing(office: Office) -> None:
    page = office.enter("analyst").get(TABLES)
    assert "No tables yet. It is still open" in words(page)
    release(office, [make_answers() for _ in range(12)])
    page = office.enter("analyst").get(TABLES)
    assert "/waves/tiny-1/builder" in page.text
    assert "every-question" in page.text


def test_a_report_has_every_table_with_base_and_contents(analyst: Colleague) -> None:
    page = analyst.get(f"{REPORT}/every-question")
    assert page.status_code == 200
    assert '<a class="govuk-link" href="#table-1">Table 1: What about kind?</a>' in page.text
    assert 'id="table-3"' in page.text
    assert "Base: 40 respondents that answered the question" in words(page)
    assert "Source: wave tiny-1, variable kind" in words(page)


def test_a_report_of_few_answers_is_confidential(office: Office) -> None:
    release(office, [make_answers() for _ in range(4)])
    page = office.enter("analyst").get(f"{REPORT}/every-question")
    assert "[c] confidential: too few answers to print" in words(page)
    assert "Fewer than 10 answered." in words(page)


def test_a_plan_that_does_not_fit_the_wave_is_explained(office: Office, analyst: Colleague) -> None:
    save(office, {"id": "1", "question": "kind"}, weights={"rake": ["region"]})
    assert analyst.get(f"{REPORT}/mine").status_code == 200
    save(office, {"id": "1", "question": "kind", "waves": ["tiny-0"]}, name="trend")
    page = analyst.get(f"{REPORT}/trend")
    assert page.status_code == 403
    assert "tiny-0" in words(page)


def test_two_tables_that_give_two_answers_away_are_refused_in_words(office: Office) -> None:
    answers = [make_answers(kind="yes" if i < 38 else "no") for i in range(40)]
    release(office, answers)
    where = {"question": "kind", "is": "yes"}
    save(
        office,
        {"id": "1", "question": "partners.police"},
        {"id": "2", "question": "partners.police", "where": where},
    )
    page = office.enter("analyst").get(f"{REPORT}/mine")
    assert page.status_code == 400
    assert "by fewer than 3 answers" in words(page)


def test_only_the_tables_that_compare_waves_can_be_asked_for(analyst: Colleague) -> None:
    page = analyst.get(f"{REPORT}/every-question?compare=y")
    assert "No table of this plan compares waves." in words(page)


def test_there_is_no_such_plan(analyst: Colleague) -> None:
    assert analyst.get(f"{TABLES}/plans/none").status_code == 404
    assert analyst.get(f"{REPORT}/none").status_code == 404


def test_hostile_titles_show_as_text(office: Office, analyst: Colleague) -> None:
    hostile = "<img src=x onerror=alert(1)>"
    save(office, {"id": "1", "question": "kind", "title": hostile, "notes": [hostile]}, title=hostile)
    for path in (TABLES, f"{TABLES}/plans/mine", f"{TABLES}/plans/mine/json", f"{REPORT}/mine", EXPORT):
        page = analyst.get(path)
        assert page.status_code == 200
        assert hostile not in page.text
        assert "&lt;img" in page.text


# ── plans ────────────────────────────────────────────────────────────────────


def test_a_copy_of_the_plan_of_every_question_can_be_changed(office: Office, analyst: Colleague) -> None:
    analyst.get(f"{TABLES}/plans/every-question")
    done = analyst.post(f"{TABLES}/plans/every-question/copy", {"name": "all"})
    assert done.location.endswith("/tables/plans/all")
    assert [table["question"] for table in plan(office, "all").tables] == ["kind", "sources", "partners"]


def test_tables_are_moved_titled_and_taken_out(office: Office, analyst: Colleague) -> None:
    save(office, {"id": "1", "question": "kind"}, {"id": "2", "question": "sources"})
    analyst.get(f"{TABLES}/plans/mine")
    for n, fields in enumerate(
        ({"table": "2", "do": "up"}, {"table": "1", "do": "title", "table_title": "Kinds"}), 1
    ):
        analyst.post(f"{TABLES}/plans/mine/table", {"revision": str(n), **fields})
    assert [table["id"] for table in plan(office).tables] == ["2", "1"]
    assert plan(office).tables[1] == {"id": "1", "title": "Kinds", "question": "kind"}
    analyst.post(f"{TABLES}/plans/mine/table", {"revision": "3", "table": "2", "do": "remove"})
    assert [table["id"] for table in plan(office).tables] == ["1"]
    last = analyst.post(f"{TABLES}/plans/mine/table", {"revision": "4", "table": "1", "do": "remove"})
    assert last.status_code == 409


def test_settings_of_a_plan(office: Office, analyst: Colleague) -> None:
    save(office, {"id": "1", "question": "kind"})
    analyst.get(f"{TABLES}/plans/mine")
    fields = {
        "revision": "1",
        "title": "Yours",
        "unit": "teams",
        "method": "rake",
        "strata": "region",
        "margins": "y",
    }
    analyst.post(f"{TABLES}/plans/mine/settings", fields)
    assert plan(office).json == {
        "survey": "tiny",
        "title": "Yours",
        "unit": "teams",
        "weights": {"rake": ["region"]},
        "margins": True,
        "tables": [{"id": "1", "question": "kind"}],
    }
    page = analyst.post(f"{TABLES}/plans/mine/settings", {"revision": "2", "method": "rake", "strata": "size"})
    assert page.status_code == 400
    assert "Answers do not carry the stratum" in words(page)


def test_json_is_checked_line_by_line_and_kept_as_typed(office: Office, analyst: Colleague) -> None:
    save(office, {"id": "1", "question": "kind"})
    analyst.get(f"{TABLES}/plans/mine/json")
    typed = '{"survey": "tiny", "title": "T",\n "tables": [\n  {"id": "1", "question": "knd"}]}'
    page = analyst.post(f"{TABLES}/plans/mine/json", {"revision": "1", "document": typed})
    assert page.status_code == 400
    assert "Line 3 , /tables/0/question: there is no question" in words(page)
    assert "knd" in page.text
    good = typed.replace("knd", "kind")
    assert analyst.post(f"{TABLES}/plans/mine/json", {"revision": "1", "document": good}).status_code == 303
    assert plan(office).document == good


def test_whoever_comes_second_is_told(office: Office, analyst: Colleague) -> None:
    save(office, {"id": "1", "question": "kind"}, {"id": "2", "question": "sources"})
    analyst.get(f"{TABLES}/plans/mine")
    fields = {"revision": "1", "table": "2", "do": "up"}
    assert analyst.post(f"{TABLES}/plans/mine/table", fields).status_code == 303
    late = analyst.post(f"{TABLES}/plans/mine/table", fields)
    assert (late.status_code, title(late)) == (409, "Somebody else changed this")


def test_a_plan_is_renamed_and_thrown_away_by_its_name(office: Office, analyst: Colleague) -> None:
    save(office, {"id": "1", "question": "kind"})
    analyst.get(f"{TABLES}/plans/mine")
    assert analyst.post(f"{TABLES}/plans/mine/rename", {"revision": "1", "name": "Ours"}).status_code == 400
    analyst.post(f"{TABLES}/plans/mine/rename", {"revision": "1", "name": "ours"})
    wrong = analyst.post(f"{TABLES}/plans/ours/throw-away", {"revision": "1", "typed": "our"})
    assert "Type ours to throw the plan away." in words(wrong)
    analyst.post(f"{TABLES}/plans/ours/throw-away", {"revision": "1", "typed": "ours"})
    assert [p.name for p in planning.plans(office.db, "tiny")] == ["every-question"]


def test_a_plan_that_is_not_saved_here_is_never_changed(analyst: Colleague) -> None:
    analyst.get(f"{TABLES}/plans/every-question")
    for path, fields in (("table", {"table": "1", "do": "up"}), ("json", {"document": "{}"}), ("settings", {})):
        assert analyst.post(f"{TABLES}/plans/every-question/{path}", fields).status_code == 409


# ── exports ──────────────────────────────────────────────────────────────────


def export(office: Office, analyst: Colleague, kind: str, **fields: Any) -> Job | TestResponse:
    """The job that was asked for, done; or the page that refused it."""
    analyst.get(EXPORT)
    response = analyst.post(f"{EXPORT}/{kind}", fields)
    if response.status_code != 303:
        return response
    assert "/jobs/" in (response.location or "")
    working.run_waiting(office.db, office.home, TODAY, lambda: office.now)
    return working.listed(office.db, "tiny")[0]


def content(office: Office, job: Job) -> bytes:
    return (office.home.jobs / job.id.hex() / job.file).read_bytes()


def test_a_workbook_is_made_in_the_background_and_enters_the_ledger(office: Office, analyst: Colleague) -> None:
    save(office, {"id": "1", "question": "kind"})
    job = export(office, analyst, "tables", plan="mine", format="workbook")
    assert isinstance(job, Job)
    assert (job.state, job.file) == (DONE, "tiny-1-mine.xlsx")
    assert "Table_1" in load_workbook(io.BytesIO(content(office, job))).sheetnames
    assert rows(office.db, "SELECT count(*) FROM publication") == [(1,)]


@pytest.mark.parametrize(
    ("format_", "file"),
    [
        ("analyst", "tiny-1-every-question-analyst.xlsx"),
        ("word", "tiny-1-every-question.docx"),
        ("json", "tiny-1-every-question.json"),
    ],
)
def test_tables_in_other_forms(office: Office, analyst: Colleague, format_: str, file: str) -> None:
    job = export(office, analyst, "tables", plan="every-question", format=format_, annotated="y")
    assert isinstance(job, Job)
    assert (job.state, job.file) == (DONE, file)
    assert content(office, job)


def test_what_the_ledger_refuses_is_said_before_a_job_is_asked_for(office: Office) -> None:
    release(office, [make_answers(kind="yes" if i < 38 else "no") for i in range(40)])
    analyst = office.enter("analyst")
    save(office, {"id": "1", "question": "partners.police"})
    where = {"question": "kind", "is": "yes"}
    save(office, {"id": "1", "question": "partners.police", "where": where}, name="fewer")
    assert isinstance(export(office, analyst, "tables", plan="mine", format="json"), Job)
    page = export(office, analyst, "tables", plan="fewer", format="json")
    assert isinstance(page, TestResponse)
    assert page.status_code == 400
    assert "by fewer than 3 answers" in words(page)
    assert len(working.listed(office.db, "tiny")) == 1


def test_microdata_that_may_leave(office: Office) -> None:
    release(office, [make_answers(kind="yes") for _ in range(40)])
    job = export(office, office.enter("analyst"), "microdata", format="csv")
    assert isinstance(job, Job)
    assert (job.state, job.file) == (DONE, "tiny-1-csv.zip")
    with zipfile.ZipFile(io.BytesIO(content(office, job))) as packed:
        assert "tiny-1.csv" in packed.namelist()
        assert packed.read("tiny-1.csv").count(b"\n") == 41


def test_microdata_that_would_single_somebody_out_are_refused_with_the_reasons(office: Office) -> None:
    release(office, [make_answers(kind="no" if i < 2 else "yes") for i in range(40)])
    analyst = office.enter("analyst")
    page = export(office, analyst, "microdata", format="csv")
    assert isinstance(page, TestResponse)
    assert page.status_code == 400
    assert "kind" in words(page)
    job = export(office, analyst, "microdata", format="csv", leave_out="kind")
    assert isinstance(job, Job)
    assert job.state == DONE


def test_a_second_file_with_other_columns_is_refused(office: Office) -> None:
    release(office, [make_answers(kind="yes") for _ in range(40)])
    analyst = office.enter("analyst")
    export(office, analyst, "microdata", format="csv")
    page = export(office, analyst, "microdata", format="csv", leave_out="sources")
    assert isinstance(page, TestResponse)
    assert "could be put together" in words(page)
    job = export(office, analyst, "microdata", format="csv", leave_out="sources", beside="y")
    assert isinstance(job, Job)
    assert job.state == DONE


def test_bands_that_are_none_are_refused_and_kept_as_typed(analyst: Colleague) -> None:
    analyst.get(EXPORT)
    page = analyst.post(f"{EXPORT}/microdata", {"format": "csv", "bands": "kind yes+no"})
    assert page.status_code == 400
    assert "“kind yes+no” is no band" in words(page)
    assert "kind yes+no</textarea>" in page.text


def test_a_job_that_is_refused_when_it_is_done_says_why(office: Office, analyst: Colleague) -> None:
    settings = {"plan": "x", "document": '{"survey": "tiny"}', "format": "json"}
    working.ask(office.db, "export-tables", "tiny", "tiny-1", "analyst@example.org", office.now, settings)
    working.run_waiting(office.db, office.home, TODAY, lambda: office.now)
    job = working.listed(office.db, "tiny")[0]
    assert job.state == FAILED
    assert "title" in job.said


@pytest.mark.parametrize("who", ["manager", "author", "key_holder"])
def test_nobody_but_an_analyst_sees_an_answer(office: Office, who: str) -> None:
    release(office, [make_answers() for _ in range(40)])
    colleague = office.enter(who)
    for path in (TABLES, f"{REPORT}/every-question", f"{EXPORT}", "/surveys/tiny/waves/tiny-1/builder?q=kind"):
        assert colleague.get(path).status_code == 403
