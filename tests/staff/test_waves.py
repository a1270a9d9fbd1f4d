"""The list of waves, the dashboard, the settings and the close."""

import json
import re
from datetime import timedelta

import pytest

from surveyapp import campaigning, publishing, retaining, watching, working, writing
from surveyapp.config import Home
from surveyapp.rates import describe
from surveyapp.web.staff import charting
from tests.makers import TODAY, make_all_types, make_answers, make_frame, make_wave, rows, send
from tests.staff.conftest import Office, title

WAVE = "/surveys/tiny/waves/tiny-1"


def answer(office: Office, *numbers: int) -> None:
    for number in numbers:
        send(office.db, office.codes[f"U{number:03}"], make_answers())


def words(text: str) -> str:
    """A page as it is read, without markup."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text))


# ── the list ─────────────────────────────────────────────────────────────────


def test_the_list_says_how_each_wave_stands(office: Office):
    answer(office, *range(1, 13))
    page = words(office.enter("author").get("/surveys/tiny/waves").text)
    assert "tiny-1 in the field no last day 1 12 40" in page


def test_small_numbers_are_ranges_in_the_list_for_everybody(office: Office):
    answer(office, 1, 2)
    for role in ("manager", "author", "analyst", "key_holder"):
        assert "1 to 9 40" in words(office.enter(role).get("/surveys/tiny/waves").text)


def test_a_manager_is_told_what_waits(office: Office):
    campaigning.change_settings(office.db, "tiny-1", campaigning.Changes(closes=TODAY + timedelta(3)), TODAY)
    page = words(office.enter("manager").get("/surveys/tiny/waves").text)
    assert "3 days left, until 19 January 2012" in page
    assert "Remind those who are not yet in" in page


def test_a_key_holder_is_told_of_the_tray_of_a_closed_wave(office: Office):
    answer(office, *range(1, 13))
    campaigning.close_wave(office.db, "tiny-1", TODAY)
    assert "Open the tray" in office.enter("key_holder").get("/surveys/tiny/waves").text
    assert "Open the tray" not in office.enter("manager").get("/surveys/tiny/waves").text


def test_a_survey_without_a_wave_leads_on(office: Office):
    page = office.enter("stranger").get("/surveys/other/waves").text
    assert "No wave yet." in page
    assert 'href="/staff/surveys/other/questionnaires"' in page


# ── the dashboard ────────────────────────────────────────────────────────────


def test_the_dashboard_prints_what_the_command_prints(office: Office):
    answer(office, *range(1, 25))
    page = words(office.enter("manager").get(WAVE).text)
    printed = describe(watching.response(office.db, "tiny-1", TODAY))
    for row in ("North", "South"):
        line = next(line for line in printed.split("\n") if line.startswith(row)).split()
        assert " ".join([row, line[-1], *line[1:-1]]) in page
    assert "24 of 40 issued organisations completed it (60%)" in page


def test_small_numbers_are_ranges_on_the_dashboard(office: Office):
    answer(office, *range(1, 5))
    page = words(office.enter("manager").get(WAVE).text)
    assert "1 to 9 of 40 issued organisations completed it ([c])" in page
    assert "Completed 1 to 9" in page
    assert "In the tray 0 to 9 sealed, 0 to 9 released" in page
    assert not re.search(r"\b4\b", page.partition("Response")[2].partition("promised")[0])


def test_the_chart_shows_the_numbers_of_its_table(office: Office):
    answer(office, *range(1, 25))
    page = office.enter("manager").get(WAVE).text
    assert '<svg class="app-chart"' in page
    assert "24 organisations had completed it by 16 January 2012" in page
    assert "style=" not in page
    found = charting.cumulative(watching.response(office.db, "tiny-1", TODAY), "2012-01-16", "2012-01-26")
    assert [tick.said for tick in found.rows] == ["0", "5", "10", "15", "20", "25"]
    assert [tick.said for tick in found.columns] == ["16 Jan", "21 Jan", "26 Jan"]


def test_other_roles_see_how_it_stands_and_no_response(office: Office):
    answer(office, *range(1, 25))
    for role in ("author", "analyst", "key_holder"):
        page = office.enter(role).get(WAVE).text
        assert "Completed" in page
        assert "R-indicator" not in page
        assert "North" not in page
        assert "We record that your organisation has answered" in page


def test_the_strata_can_be_chosen(office: Office):
    manager = office.enter("manager")
    assert "Response by region" in words(manager.get(f"{WAVE}?by=region").text)
    refused = manager.get(f"{WAVE}?by=<b>nothing")
    assert refused.status_code == 400
    assert "&lt;b&gt;nothing" in refused.text
    assert "<b>nothing" not in refused.text


def test_the_rates_come_when_every_answer_is_released(office: Office):
    from surveyapp import reporting

    answer(office, *range(1, 25))
    campaigning.close_wave(office.db, "tiny-1", TODAY)
    manager = office.enter("manager")
    assert "need every answer to be released" in manager.get(WAVE).text
    reporting.open_tray(office.db, "tiny-1", office.key)
    assert campaigning.sent_known(office.db, "tiny-1", office.home.released) is None
    assert "RR1 60%" in words(manager.get(WAVE).text)
    known = campaigning.sent_known(office.db, "tiny-1", office.home.released)
    assert known == {"complete": 24, "partial": 0, "breakoff": 0}


def test_the_workbook_is_saved_under_the_name_of_the_wave(office: Office):
    answer(office, *range(1, 13))
    manager = office.enter("manager")
    response = manager.get(f"{WAVE}/response.xlsx?by=region")
    assert response.headers["Content-Disposition"] == "attachment; filename=tiny-1-response.xlsx"
    assert response.data.startswith(b"PK")
    assert office.enter("analyst").get(f"{WAVE}/response.xlsx").status_code == 403


def test_a_wave_open_to_anyone_has_no_response_rate(office: Office):
    make_wave(office.db, "for-all", anyone=True, carry=None)
    page = office.enter("manager").get("/surveys/tiny/waves/for-all").text
    assert "Nobody knows how many could answer" in page
    assert "Organisations" not in page
    for place in ("letters", "letters/invitations", "letters/reminders"):
        assert office.enter("manager").get(f"/surveys/tiny/waves/for-all/{place}").status_code == 404


# ── settings ─────────────────────────────────────────────────────────────────


def test_settings_are_kept_and_the_wave_extended(office: Office):
    manager = office.enter("manager")
    manager.get(f"{WAVE}/settings")
    fields = {"service": "Teams", "contact": "ask@example.org", "colour": "#0B5563", "closes": "2012-02-29"}
    assert manager.post(f"{WAVE}/settings", fields).status_code == 303
    wave = campaigning.status(office.db, "tiny-1").wave
    assert (wave.service, wave.contact, wave.colour) == ("Teams", "ask@example.org", "#0b5563")
    assert wave.closes_on == "2012-02-29"
    manager.post(f"{WAVE}/settings", {**fields, "closes": "2012-03-31"})
    assert campaigning.status(office.db, "tiny-1").wave.closes_on == "2012-03-31"


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("closes", "31 March", "Write the day as year-month-day"),
        ("closes", "2011-12-31", "31 December 2011 is over"),
        ("colour", "#ffff00", "has a contrast of"),
        ("service", "x" * 101, "It has 101 characters"),
    ],
)
def test_a_setting_that_will_not_do_is_said_at_its_field(office: Office, field: str, value: str, said: str):
    manager = office.enter("manager")
    manager.get(f"{WAVE}/settings")
    response = manager.post(f"{WAVE}/settings", {"service": "Kept", field: value})
    assert response.status_code == 400
    assert said in response.text
    assert f'id="{field}--error"' in response.text
    assert 'value="Kept"' in response.text or field == "service"
    assert campaigning.status(office.db, "tiny-1").wave.service == ""


def test_hostile_settings_show_as_text(office: Office):
    manager = office.enter("manager")
    manager.get(f"{WAVE}/settings")
    manager.post(f"{WAVE}/settings", {"service": "<script>x</script>", "contact": '"><img>'})
    page = manager.get(f"{WAVE}/settings").text
    assert "<script>x" not in page
    assert "<img>" not in page
    assert "&lt;script&gt;x" in page


def test_retention_is_set_in_days(office: Office):
    manager = office.enter("manager")
    manager.get(f"{WAVE}/settings")
    manager.post(f"{WAVE}/retention", {"drafts": "5", "letters": "30", "contacts": "60", "key": "30"})
    kept = retaining.kept_of(office.db, "tiny-1")
    assert {part.name: part.days for part in kept.parts} == {"drafts": 5, "letters": 30, "contacts": 60, "key": 30}
    assert manager.post(f"{WAVE}/retention", {"drafts": "9999"}).status_code == 400


def test_a_wave_is_paused_and_goes_on(office: Office):
    manager = office.enter("manager")
    manager.get(f"{WAVE}/settings")
    manager.post(f"{WAVE}/pause")
    assert campaigning.status(office.db, "tiny-1").wave.paused_on == "2012-01-16"
    assert "paused" in manager.get(WAVE).text
    manager.post(f"{WAVE}/resume")
    assert campaigning.status(office.db, "tiny-1").wave.paused_on is None


def test_a_wave_moves_to_a_newer_version_after_a_look(office: Office):
    newer = make_all_types(version="2", intro="What it is really for.")
    publishing.publish(office.db, json.dumps(newer).encode(), TODAY)
    manager = office.enter("manager")
    assert "A wave in the field can move to it" in manager.get(f"{WAVE}/move?version=2").text
    manager.post(f"{WAVE}/move", {"version": "2"})
    assert campaigning.status(office.db, "tiny-1").wave.version == "2"


def test_a_wave_does_not_move_where_answers_would_change_their_meaning(office: Office):
    newer = make_all_types(version="2")
    newer["sections"][0]["pages"][0]["questions"][0]["options"][0]["label"] = "No"
    newer["sections"][0]["pages"][0]["questions"][0]["options"][1]["label"] = "Yes"
    publishing.publish(office.db, json.dumps(newer).encode(), TODAY)
    manager = office.enter("manager")
    assert "The wave cannot move." in manager.get(f"{WAVE}/move?version=2").text
    assert manager.post(f"{WAVE}/move", {"version": "2"}).status_code == 409
    assert manager.get(f"{WAVE}/move?version=7").status_code == 404
    assert campaigning.status(office.db, "tiny-1").wave.version == "1"


def test_a_wave_is_closed_once_its_name_is_typed(office: Office):
    manager = office.enter("manager")
    assert "Type tiny-1 to close it" in manager.get(f"{WAVE}/settings").text
    refused = manager.post(f"{WAVE}/close", {"named": "tiny"})
    assert refused.status_code == 400
    assert campaigning.status(office.db, "tiny-1").wave.state == "open"
    assert manager.post(f"{WAVE}/close", {"named": "tiny-1"}).status_code == 303
    assert campaigning.status(office.db, "tiny-1").wave.state == "closed"
    assert manager.post(f"{WAVE}/close", {"named": "tiny-1"}).status_code == 409


# ── anonymity ────────────────────────────────────────────────────────────────


def test_the_audit_runs_as_a_job_and_stands_on_its_page(office: Office):
    manager = office.enter("manager")
    assert "None that is kept here" in manager.get(f"{WAVE}/anonymity").text
    assert "/jobs/" in manager.post(f"{WAVE}/anonymity").location
    working.run_waiting(office.db, office.home, TODAY, lambda: office.now)
    page = words(office.enter("author").get(f"{WAVE}/anonymity").text)
    assert "On 16 January 2012" in page
    assert "File reader" in page
    assert "Run the audit" not in page


def test_nothing_of_an_organisation_stands_in_the_trail(office: Office):
    manager = office.enter("manager")
    manager.get(f"{WAVE}/organisations/one?unit=U007")
    manager.post(f"{WAVE}/organisations/mark", {"unit": "U007", "disposition": "refused"})
    manager.post(f"{WAVE}/organisations/contact", {"unit": "U007", "contact": "Ann", "email": "a@example.org"})
    manager.post(f"{WAVE}/organisations/remove", {"unit": "U007", "named_removal": "U007"})
    said = "\n".join(str(row) for row in rows(office.db, "SELECT * FROM act"))
    assert "unit-mark" in said
    assert not re.search("U007|Ann|a@example|refused", said)
    settings = rows(office.db, "SELECT settings, said FROM job")
    assert "U007" not in str(settings)


def test_a_frame_of_many_strata_is_looked_at_by_those_that_are_groups(home: Home, office: Office):
    from dataclasses import replace

    frame = make_frame(240)
    units = tuple(replace(u, strata={**u.strata, "town": u.name}) for u in frame.units)
    make_wave(office.db, "towns", frame=replace(frame, units=units, strata=("region", "town")), carry=[])
    assert list(watching.response(office.db, "towns", TODAY).tables) == ["region"]
    assert watching.dashboard(office.db, "towns", TODAY, (), lambda _: None).strata == ["region"]


def test_writing_is_not_asked_of_a_paused_wave(office: Office):
    watching.pause(office.db, "tiny-1", TODAY)
    manager = office.enter("manager")
    assert manager.get(f"{WAVE}/letters/invitations").status_code == 409
    assert "takes no answers now" in manager.get(f"{WAVE}/letters").text
    assert writing.tallies(office.db, "tiny-1") == {}


def test_the_title_is_the_wave(office: Office):
    assert title(office.enter("analyst").get(WAVE)) == "tiny-1"
