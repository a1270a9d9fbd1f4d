"""The builder: the protected table at once, why figures are hidden, problems in words, keeping in a plan."""

import json
import re
import subprocess
import sys
from html import unescape
from pathlib import Path
from urllib.parse import urlencode

import pytest
from werkzeug.test import TestResponse

from surveyapp import planning, reporting
from surveyapp.config import ready
from surveyapp.web.staff.choosing import Given, entry_of, fields_of, offer, plan_of
from tests.makers import TODAY, make_all_types, make_answers, make_wave, rows
from tests.staff.conftest import Colleague, Office, title
from tests.staff.released import release

BUILDER = "/surveys/tiny/waves/tiny-1/builder"


def words(response: TestResponse) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", response.text)).split())


def ask(colleague: Colleague, **fields: object) -> TestResponse:
    return colleague.get(f"{BUILDER}?{urlencode(fields, doseq=True)}")


@pytest.fixture
def analyst(office: Office) -> Colleague:
    """An analyst of a wave of forty answers: thirty yes, ten no; half in the North and half in the South."""
    release(office, [make_answers(kind="yes" if i < 30 else "no") for i in range(40)])
    return office.enter("analyst")


# ── the table ────────────────────────────────────────────────────────────────


def test_the_form_offers_questions_strata_and_rows_of_grids(analyst: Colleague) -> None:
    page = ask(analyst)
    assert page.status_code == 200
    assert title(page) == "Build a table of tiny-1"
    for name in ("kind", "sources", "partners", "partners.police", "region"):
        assert f'<option value="{name}">' in page.text
    assert 'value="issues"' not in page.text


def test_the_table_that_is_chosen_is_shown_with_base_and_chart(analyst: Colleague) -> None:
    page = ask(analyst, q="kind")
    assert page.status_code == 200
    assert "Base: 40 respondents that answered the question" in words(page)
    assert "Yes 30 75" in words(page)
    assert "75%" in page.text
    assert "<svg" in page.text
    assert "style=" not in page.text


def test_columns_nets_base_and_order_are_those_that_were_chosen(analyst: Colleague) -> None:
    page = ask(
        analyst,
        q="kind",
        by1="region",
        net1="Either",
        of1=["yes", "no"],
        show="nets",
        base="asked",
        sort="descending",
    )
    assert "Region: North" in words(page)
    assert "Counted as one: Either = Yes + No." in words(page)
    assert "were asked the question" in words(page)


def test_a_filter_leaves_respondents_out(analyst: Colleague) -> None:
    page = ask(analyst, q="partners.police", if1="kind", is1="yes")
    assert "Base: 30 respondents" in words(page)
    assert "Filter: only answers where “What about kind?” is Yes." in words(page)


def test_what_is_chosen_stands_in_the_address_and_in_the_form(analyst: Colleague) -> None:
    page = ask(analyst, q="kind", by1="region", margins="y", top="2", sort="descending")
    assert '<option value="kind" selected>' in page.text
    assert '<option value="region" selected>' in page.text
    assert re.search(r'id="margins" name="margins" value="y" checked', page.text)
    assert 'name="top" value="2"' in page.text


def test_a_hidden_figure_has_its_rule_and_never_its_number(office: Office) -> None:
    release(office, [make_answers(kind="no" if i in (0, 1) else "yes") for i in range(40)])
    page = ask(office.enter("analyst"), q="kind", by1="region")
    assert "[c]" in words(page)
    assert "Why figures are hidden or marked" in words(page)
    assert "This figure stands for fewer than 3 answers." in words(page)
    assert "No, North" in words(page) or "No, South" in words(page)


def test_weights_hold_for_the_table(office: Office) -> None:
    release(office, [make_answers() for _ in range(31)])
    page = ask(office.enter("analyst"), q="kind", weight="poststratify", strata="region")
    assert "Weighted: post-stratified to the frame by region." in words(page)


def test_earlier_waves_stand_beside_with_the_change(office: Office) -> None:
    make_wave(office.db, "tiny-0")
    release(office, [make_answers(kind="yes" if i < 20 else "no") for i in range(40)], "tiny-0")
    release(office, [make_answers(kind="yes" if i < 30 else "no") for i in range(40)])
    page = ask(office.enter("analyst"), q="kind", waves="tiny-0")
    assert page.status_code == 200
    assert "tiny-0 to tiny-1, points" in words(page)
    assert "Yes 50 75 25" in words(page)


def test_where_a_series_breaks_the_reason_is_shown(office: Office) -> None:
    before = make_all_types(version="0")
    before["sections"][0]["pages"][0]["questions"][0]["options"][1] = {"code": "never", "label": "Never"}
    make_wave(office.db, "tiny-0", before)
    release(office, [make_answers() for _ in range(40)], "tiny-0", "0")
    release(office, [make_answers() for _ in range(40)])
    page = ask(office.enter("analyst"), q="kind", waves="tiny-0")
    assert "The series breaks between tiny-0 and tiny-1" in words(page)
    assert "[b]" in words(page)


# ── what is wrong ────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"q": "nothing"}, "There is no question “nothing”"),
        ({"q": "kind", "percent_of": "row"}, "Row and total percentages need a banner: choose columns"),
        ({"q": "kind", "top": "2"}, "The first rows are kept but they are not sorted: put the largest first"),
        ({"q": "kind", "top": "two"}, "'two' is not a whole number"),
        ({"q": "kind", "show": "nets"}, "There are no nets to show: name a net and tick its answers"),
        ({"q": "partners", "by1": "region"}, "A grid with a banner shows one figure a row: choose one row"),
        ({"q": "kind", "weight": "rake"}, "tick the groups of the frame"),
        ({"q": "kind", "by1": "unit.name"}, "There is no variable"),
        ({"q": "kind", "base": "complete"}, "choose “answered”"),
    ],
)
def test_what_does_not_go_together_is_said_with_what_to_do(
    analyst: Colleague, fields: dict[str, object], said: str
) -> None:
    page = ask(analyst, **fields)
    assert page.status_code == 400
    assert said.replace("“nothing”", '"nothing"') in words(page)


def test_a_problem_leads_to_its_field(analyst: Colleague) -> None:
    page = ask(analyst, q="kind", top="2")
    assert '<a href="#top">' in page.text
    assert 'id="top--error"' in page.text


def test_what_the_ledger_refuses_is_explained(office: Office) -> None:
    release(office, [make_answers(kind="yes" if i < 38 else "no") for i in range(40)])
    report = reporting.report(office.db, "tiny-1", None)
    reporting.publish(office.db, report, ready({}))
    page = ask(office.enter("analyst"), q="partners.police", if1="kind", is1="yes")
    assert page.status_code == 400
    assert "by fewer than 3 answers, and subtracting gives these" in words(page)


def test_a_wave_without_released_answers_says_why(office: Office) -> None:
    page = office.enter("analyst").get(BUILDER)
    assert page.status_code == 409
    assert "It is still open" in words(page)


def test_hostile_words_show_as_text(office: Office) -> None:
    release(office, [make_answers() for _ in range(12)])
    hostile = "<script>alert(1)</script>"
    page = ask(office.enter("analyst"), q="kind", net1=hostile, of1="yes")
    assert hostile not in page.text
    assert hostile in unescape(page.text)
    again = ask(office.enter("analyst"), q=hostile, by1=hostile, top=hostile)
    assert again.status_code == 400
    assert hostile not in again.text


def test_a_wave_of_a_survey_in_which_one_is_no_analyst_is_not_compared_with(office: Office) -> None:
    release(office, [make_answers() for _ in range(12)])
    page = ask(office.enter("analyst"), q="kind", waves="elsewhere-1")
    assert page.status_code == 403
    assert "That is no wave of a survey in which you are an analyst" in words(page)


# ── keeping ──────────────────────────────────────────────────────────────────


def test_a_table_is_saved_into_a_new_plan(office: Office, analyst: Colleague) -> None:
    ask(analyst, q="kind", by1="region")
    more = {"new_name": "by-region", "new_title": "By region", "table_id": "5", "table_title": "Kinds"}
    done = analyst.post(BUILDER, {"q": "kind", "by1": "region", **more})
    assert done.location.endswith("/surveys/tiny/tables/plans/by-region")
    saved = planning.plan(office.db, "tiny", "by-region")
    assert saved.title == "By region"
    assert saved.tables == [{"id": "5", "question": "kind", "title": "Kinds", "by": ["region"]}]


def test_a_table_is_added_to_a_plan_and_changed_there(office: Office, analyst: Colleague) -> None:
    _plan(office, {"id": "1", "question": "kind"})
    ask(analyst)
    analyst.post(BUILDER, {"q": "sources", "into": "mine", "table_id": "2"})
    analyst.post(BUILDER, {"q": "kind", "into": "mine", "table_id": "1", "table": "1", "sort": "descending"})
    tables = planning.plan(office.db, "tiny", "mine").tables
    assert tables == [{"id": "1", "question": "kind", "sort": "descending"}, {"id": "2", "question": "sources"}]


def test_an_id_that_is_taken_is_refused_and_what_was_chosen_is_kept(office: Office, analyst: Colleague) -> None:
    _plan(office, {"id": "1", "question": "kind"})
    ask(analyst)
    page = analyst.post(BUILDER, {"q": "sources", "into": "mine", "table_id": "1", "table_title": "Mine"})
    assert page.status_code == 400
    assert "The plan has a table “1” already" in words(page)
    assert 'value="Mine"' in page.text
    assert '<option value="sources" selected>' in page.text


def test_a_new_plan_needs_a_name(analyst: Colleague) -> None:
    ask(analyst)
    page = analyst.post(BUILDER, {"q": "kind", "new_name": "By Region!"})
    assert page.status_code == 400
    assert '<a href="#new_name">' in page.text


def test_looking_enters_nothing_in_the_ledger(office: Office, analyst: Colleague) -> None:
    page = ask(analyst, q="kind", by1="region")
    assert "Looking is not publishing" in words(page)
    assert rows(office.db, "SELECT count(*) FROM publication") == [(0,)]


def test_a_table_of_a_plan_opens_in_the_form(office: Office, analyst: Colleague) -> None:
    _plan(
        office,
        {"id": "1", "question": "kind", "by": [["region", "partners.police"]], "nets": {"Both": ["yes", "no"]}},
    )
    there = ask(analyst, plan="mine", table="1")
    assert there.status_code == 302
    page = analyst.get(there.location.removeprefix("/staff"))
    assert '<option value="partners.police" selected>' in page.text
    assert 'value="Both"' in page.text


def test_a_table_that_the_form_has_no_room_for_is_changed_as_json(office: Office, analyst: Colleague) -> None:
    either = [{"question": "kind", "is": "yes"}, {"question": "region", "is": "North"}]
    _plan(office, {"id": "1", "question": "kind", "where": {"any": either}})
    page = ask(analyst, plan="mine", table="1")
    assert page.status_code == 409
    assert "change it in the plan’s JSON" in words(page)


def test_one_more_column_filter_and_net_come_at_a_press_without_scripts(analyst: Colleague) -> None:
    page = ask(analyst, q="kind", by1="region").text
    assert 'id="by2"' not in page
    assert (
        '<button type="submit" class="govuk-button govuk-button--secondary app-more" name="more" value="by"'
        in page
    )
    assert 'id="by2"' in ask(analyst, q="kind", by1="region", more="by").text
    assert 'id="if2"' in ask(analyst, q="kind", more="if").text
    assert 'id="net2"' in ask(analyst, q="kind", net1="Yes", of1="yes", more="net").text
    assert 'id="by4"' in ask(analyst, q="kind", by4="region").text


def test_answers_get_scores_and_the_table_their_mean(analyst: Colleague) -> None:
    page = ask(analyst, q="kind", **{"score.yes": "1", "score.no": "0"})
    assert "Mean score" in words(page)
    assert re.search(r"Mean score .{0,40}\b0\.75\b", words(page))
    wrong = ask(analyst, q="kind", **{"score.yes": "much"})
    assert (wrong.status_code, 'href="#score.yes"' in wrong.text) == (400, True)
    assert "is no number" in words(wrong)


def test_notes_are_kept_with_the_table(office: Office, analyst: Colleague) -> None:
    _plan(office, {"id": "1", "question": "kind", "notes": ["Asked since 2011."]})
    there = ask(analyst, plan="mine", table="1").location.removeprefix("/staff")
    assert "Asked since 2011.</textarea>" in analyst.get(there).text
    fields = {"q": "kind", "plan": "mine", "table": "1", "into": "mine", "table_id": "1"}
    analyst.post(BUILDER, {**fields, "table_notes": "Asked since 2010.\r\n\r\nNot of prisons."})
    kept = planning.plan(office.db, "tiny", "mine").tables[0]
    assert kept["notes"] == ["Asked since 2010.", "Not of prisons."]


def test_notes_in_two_languages_stay_as_they_are(office: Office, analyst: Colleague) -> None:
    notes = [{"en": "Since 2011.", "cy": "Ers 2011."}]
    _plan(office, {"id": "1", "question": "kind", "notes": notes})
    there = ask(analyst, plan="mine", table="1").location.removeprefix("/staff")
    assert 'name="table_notes"' not in analyst.get(there).text
    fields = {"q": "kind", "plan": "mine", "table": "1", "into": "mine", "table_id": "1"}
    analyst.post(BUILDER, {**fields, "by1": "region"})
    kept = planning.plan(office.db, "tiny", "mine").tables[0]
    assert (kept["notes"], kept["by"]) == (notes, ["region"])


def _plan(office: Office, *tables: dict[str, object]) -> None:
    document = json.dumps({"survey": "tiny", "title": "Mine", "tables": list(tables)})
    planning.save(office.db, "tiny", "mine", document, "analyst@example.org", TODAY)


# ── the fields by themselves ─────────────────────────────────────────────────


@pytest.mark.parametrize(
    "entry",
    [
        {"id": "1", "question": "kind"},
        {"id": "1", "question": "kind", "by": ["region", ["region", "kind"]], "percent_of": "row", "total": False},
        {"id": "1", "question": "kind", "where": {"not": {"question": "kind", "in": ["yes", "no"]}}},
        {"id": "1", "question": "kind", "where": {"question": "sources", "includes": "a"}},
        {
            "id": "1",
            "question": "kind",
            "where": {"all": [{"question": "region", "is": "North"}, {"question": "kind", "answered": True}]},
        },
        {"id": "1", "question": "partners", "rows": ["police"], "nets": {"More": ["more"]}, "show": "nets"},
        {"id": "1", "question": "kind", "rows": ["yes", "N"], "nets": {"N": ["no"]}, "exclude": ["other"]},
        {"id": "1", "question": "kind", "score": {"yes": 2, "no": -0.5}},
        {"id": "1", "question": "kind", "by": ["region"] * 9, "nets": {f"N{i}": ["yes"] for i in range(11)}},
        {"id": "1", "question": "kind", "where": {"all": [{"question": "kind", "answered": True}] * 5}},
        {"id": "1", "question": "kind", "margins": True, "tests": True, "sort": "descending", "top": 2},
    ],
)
def test_a_table_goes_into_the_form_and_comes_out_the_same(office: Office, entry: dict[str, object]) -> None:
    offered = offer(planning.material(office.db, office.wave), {})
    fields = fields_of(entry, "mine", offered)
    assert fields is not None
    assert entry_of(Given(fields), offered) == entry


def test_a_table_within_a_plan_has_its_derived_variables_and_weights(office: Office) -> None:
    derived = [{"id": "falls", "label": "It falls", "when": {"question": "kind", "is": "no"}}]
    plan = {"survey": "tiny", "title": "P", "derive": derived, "weights": {"rake": ["region"]}, "tables": []}
    offered = offer(planning.material(office.db, office.wave), plan)
    assert offered.subject("falls") is not None
    made = plan_of(Given({"q": "falls", "weight": "stratify", "strata": "region"}), offered, "tiny", plan)
    assert made["weights"] == {"rake": ["region"]}
    assert made["derive"] == derived
    assert made["tables"] == [{"id": "1", "question": "falls"}]


def test_a_process_loads_what_counts_beside_its_serving_and_nothing_that_writes_files(tmp_path: Path) -> None:
    ask = (
        "import sys, threading; from pathlib import Path\n"
        "from surveyapp.config import Home\n"
        "from surveyapp.web.staff import create_site, printing\n"
        f"site = create_site(Home(Path({str(tmp_path)!r})), secure=False)\n"
        "print('numpy' in sys.modules)\n"
        "printing.warm(site.mounts['/staff'].jinja_env)\n"
        "[thread.join() for thread in threading.enumerate() if thread is not threading.main_thread()]\n"
        "print('surveyapp.reporting' in sys.modules)\n"
        "print({'pandas', 'openpyxl', 'docx'} & set(sys.modules) or 'none')\n"
    )
    done = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True", "none"]
