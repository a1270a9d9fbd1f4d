"""The organisations of a wave: who is not yet in, one unit's page, bounces, a newer list."""

import re

import pytest

from surveyapp import framing, writing
from surveyapp.fieldwork import Unit
from surveyapp.storage.letters import Queued
from tests.makers import change, make_answers, make_frame, make_wave, rows, send
from tests.staff.conftest import Colleague, Office, title

PLACE = "/surveys/tiny/waves/tiny-1/organisations"
HOSTILE = '<script>alert("x")</script>'


def file_of(*units: Unit) -> bytes:
    lines = [f"{u.unit},{u.name},{u.email},{u.contact},{u.language},{u.strata['region']}" for u in units]
    return "\n".join(["unit,name,email,contact,language,region", *lines]).encode()


def letters(office: Office, unit: str) -> list[Queued]:
    return writing.listed(office.db, "tiny-1", unit=unit)


def manager_at(office: Office, path: str) -> Colleague:
    manager = office.enter("manager")
    manager.get(f"{PLACE}{path}")
    return manager


# ── the list ─────────────────────────────────────────────────────────────────


def test_the_list_shows_fifty_at_a_time(office: Office):
    make_wave(office.db, "large", frame=make_frame(120))
    manager = office.enter("manager")
    first = manager.get("/surveys/tiny/waves/large/organisations").text
    assert "120 organisations, 1 to 50" in first
    assert "U050" in first
    assert "U051" not in first
    last = manager.get("/surveys/tiny/waves/large/organisations?page=3").text
    assert "101 to 120" in last
    assert "U120" in last


@pytest.mark.parametrize("words", ["team 17", "U017", "TEAM17@example.org"])
def test_an_organisation_is_found_by_what_is_known_of_it(office: Office, words: str):
    page = office.enter("manager").get(f"{PLACE}?q={words}").text
    assert "1 organisation<" in page
    assert "U017" in page


@pytest.mark.parametrize("words", ["%", "_", "' OR 1=1 --", "\\"])
def test_what_is_sought_is_taken_to_the_letter(office: Office, words: str):
    response = office.enter("manager").get(PLACE, query_string={"q": words})
    assert response.status_code == 200
    assert "No organisation is like that" in response.text


def test_those_who_are_not_yet_in_can_be_listed(office: Office):
    send(office.db, office.codes["U001"], make_answers())
    change(office.db, "UPDATE organisation SET disposition = 'refused' WHERE unit = 'U002'")
    manager = office.enter("manager")
    assert "38 organisations" in manager.get(f"{PLACE}?state=not-yet-in").text
    answered = manager.get(f"{PLACE}?state=answered").text
    assert "U001" in answered
    assert "1 organisation<" in answered
    assert "U002" in manager.get(f"{PLACE}?state=refused").text
    assert "40 organisations" in manager.get(f"{PLACE}?state=nonsense").text


def test_on_which_day_somebody_answered_is_not_shown(office: Office):
    send(office.db, office.codes["U001"], make_answers())
    manager = office.enter("manager")
    for page in (f"{PLACE}?q=U001", f"{PLACE}/one?unit=U001"):
        text = manager.get(page).text
        assert "answered" in text
        assert "January" not in text


def test_only_managers_see_organisations(office: Office):
    for role in ("author", "analyst", "key_holder"):
        assert office.enter(role).get(PLACE).status_code == 403
    assert office.enter("stranger").get(PLACE).status_code == 404


def test_hostile_names_show_as_text(office: Office):
    with office.db.transaction() as connection:
        connection.exec_driver_sql(
            "UPDATE organisation SET name = ?, contact = ? WHERE unit = 'U001'", (HOSTILE, HOSTILE)
        )
    manager = office.enter("manager")
    for page in (PLACE, f"{PLACE}/one?unit=U001", f"{PLACE}?q={HOSTILE}"):
        text = manager.get(page).text
        assert HOSTILE not in text
        assert "&lt;script&gt;" in text


# ── one unit ─────────────────────────────────────────────────────────────────


def test_an_organisation_has_a_page(office: Office):
    response = office.enter("manager").get(f"{PLACE}/one?unit=U007")
    assert title(response) == "Team 7"
    assert "not yet in" in response.text


@pytest.mark.parametrize("query", ["", "?unit=", "?unit=U999", "?unit=<b>"])
def test_there_is_no_page_of_an_unknown_one(office: Office, query: str):
    response = office.enter("manager").get(f"{PLACE}/one{query}")
    assert response.status_code == 404
    assert "<b>" not in response.text


def test_a_contact_is_changed(office: Office):
    manager = manager_at(office, "/one?unit=U007")
    response = manager.post(f"{PLACE}/contact", {"unit": "U007", "contact": "Ann", "email": "ann@example.org"})
    assert response.location.endswith("/organisations/one?unit=U007")
    unit = framing.find(office.db, "tiny-1", "U007").unit
    assert (unit.contact, unit.email) == ("Ann", "ann@example.org")


def test_what_is_no_address_is_said_at_its_field_and_kept_there(office: Office):
    manager = manager_at(office, "/one?unit=U007")
    response = manager.post(f"{PLACE}/contact", {"unit": "U007", "contact": "Ann", "email": "ann at example"})
    assert response.status_code == 400
    assert 'id="email--error"' in response.text
    assert 'value="ann at example"' in response.text
    assert framing.find(office.db, "tiny-1", "U007").unit.contact == "Manager"


def test_it_is_noted_what_became_of_an_organisation(office: Office):
    manager = manager_at(office, "/one?unit=U007")
    manager.post(f"{PLACE}/mark", {"unit": "U007", "disposition": "refused"})
    assert framing.find(office.db, "tiny-1", "U007").disposition == "refused"
    manager.post(f"{PLACE}/mark", {"unit": "U007", "disposition": ""})
    assert framing.find(office.db, "tiny-1", "U007").disposition == ""
    assert manager.post(f"{PLACE}/mark", {"unit": "U007", "disposition": "gone"}).status_code == 400
    assert manager.post(f"{PLACE}/mark", {"unit": "U999", "disposition": "refused"}).status_code == 404


def test_a_new_code_stands_in_a_letter_and_nowhere_else(office: Office):
    manager = manager_at(office, "/one?unit=U007")
    refused = manager.post(f"{PLACE}/code", {"unit": "U007", "named_code": "U008"})
    assert refused.status_code == 400
    assert "Type U007 to send it a new code" in refused.text
    assert letters(office, "U007") == []
    before = rows(office.db, "SELECT code_hash FROM invitation")
    manager.post(f"{PLACE}/code", {"unit": "U007", "named_code": "U007"})
    assert [(one.kind, one.state) for one in letters(office, "U007")] == [("code", "due")]
    assert len(set(before) - set(rows(office.db, "SELECT code_hash FROM invitation"))) == 1
    assert rows(office.db, "SELECT kind, settings FROM job") == [("letters-send", "{}")]


def test_an_organisation_is_reminded_by_hand_once_a_day(office: Office):
    manager = manager_at(office, "/one?unit=U007")
    manager.post(f"{PLACE}/remind", {"unit": "U007", "kind": "final"})
    assert [(one.kind, one.stage) for one in letters(office, "U007")] == [("reminder", "final")]
    again = manager.post(f"{PLACE}/remind", {"unit": "U007", "kind": ""})
    assert again.status_code == 409
    assert "nobody is written to twice on one day" in again.text


def test_who_has_answered_is_not_reminded(office: Office):
    send(office.db, office.codes["U001"], make_answers())
    manager = manager_at(office, "/one?unit=U001")
    assert "Remind it by hand" not in manager.get(f"{PLACE}/one?unit=U001").text
    assert manager.post(f"{PLACE}/remind", {"unit": "U001", "kind": ""}).status_code == 409
    assert manager.post(f"{PLACE}/code", {"unit": "U001", "named_code": "U001"}).status_code == 409


def test_a_contact_is_erased_once_the_unit_is_typed(office: Office):
    manager = manager_at(office, "/one?unit=U007")
    assert manager.post(f"{PLACE}/remove", {"unit": "U007", "named_removal": ""}).status_code == 400
    assert framing.find(office.db, "tiny-1", "U007").unit.email
    manager.post(f"{PLACE}/remove", {"unit": "U007", "named_removal": "U007"})
    found = framing.find(office.db, "tiny-1", "U007")
    assert (found.unit.email, found.removed) == ("", True)
    assert "removed at its wish" in manager.get(f"{PLACE}/one?unit=U007").text


# ── files ────────────────────────────────────────────────────────────────────


def test_letters_that_came_back_are_noted(office: Office):
    manager = manager_at(office, "/bounces")
    manager.post(f"{PLACE}/bounces", {"file": (b"email\nteam3@example.org\nteam4@example.org\n", "back.csv")})
    assert framing.sought(office.db, "tiny-1", state="undeliverable")[0] == 2


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"unit\nU003\nU999\n", "&#34;U999&#34; is not in tiny-1"),
        (b"name\nTeam 3\n", "neither a column unit nor a column email"),
        (b"", "There is a problem"),
        (b"\xff\xfe\x00", "There is a problem"),
        (b"unit\n<script>x\n", "&lt;script&gt;x"),
    ],
)
def test_a_file_of_bounces_that_will_not_do_notes_nothing(office: Office, content: bytes, said: str):
    response = manager_at(office, "/bounces").post(f"{PLACE}/bounces", {"file": (content, "back.csv")})
    assert response.status_code == 400
    assert said in response.text
    assert framing.sought(office.db, "tiny-1", state="undeliverable")[0] == 0


def handed_in(manager: Colleague, content: bytes, name: str = "new.csv", **fields: str):
    """The page that a file leads to."""
    manager.get(f"{PLACE}/newer")
    response = manager.post(f"{PLACE}/newer", {"file": (content, name), **fields})
    assert response.status_code == 303
    return manager.get(response.location.removeprefix("/staff"))


def applied(manager: Colleague, page):
    """The page after what was looked at is confirmed."""
    form = re.search(r'action="/staff([^"]+/apply)".*?name="look" value="(\d+)"', page.text, re.DOTALL)
    response = manager.post(form[1], {"look": form[2]})
    assert response.status_code == 303
    return manager.get(response.location.removeprefix("/staff"))


def kept(office: Office) -> list[tuple[int, int]]:
    """The lengths of the files that wait and of what was found in them."""
    return rows(office.db, "SELECT length(box), length(found) FROM upload")


def test_a_newer_frame_is_looked_at_and_then_loaded(office: Office):
    units = list(make_frame(41).units)
    units[0] = Unit("U001", "Team one", "one@example.org", "Ann", "en", units[0].strata)
    manager = office.enter("manager")
    shown = handed_in(manager, file_of(*units))
    assert "1 new, 1 changed, 0 gone" in shown.text
    assert framing.find(office.db, "tiny-1", "U001").unit.name == "Team 1"
    assert "The frame was changed: 1 new, 1 changed, 0 gone." in applied(manager, shown).text
    assert framing.find(office.db, "tiny-1", "U001").unit.name == "Team one"
    assert framing.sought(office.db, "tiny-1")[0] == 41
    assert [box for box, _ in kept(office)] == [0], "the file is erased"
    assert rows(office.db, "SELECT count(*) FROM job") == [(0,)], "what was done at once leaves no job"


def test_a_frame_is_changed_once_however_often_it_is_confirmed(office: Office):
    manager = office.enter("manager")
    shown = handed_in(manager, file_of(*make_frame(41).units))
    for _ in range(2):
        assert "The frame was changed: 1 new, 0 changed, 0 gone." in applied(manager, shown).text


def test_a_frame_that_changed_meanwhile_is_shown_once_more(office: Office):
    manager = office.enter("manager")
    shown = handed_in(manager, file_of(*make_frame(41).units))
    framing.change_contact(office.db, "tiny-1", "U005", contact="Somebody else")
    again = applied(manager, shown)
    assert "look at this once more" in again.text
    assert "1 new, 1 changed, 0 gone" in again.text
    assert framing.sought(office.db, "tiny-1")[0] == 40
    stale = applied(manager, shown)
    assert "Change the frame so" in stale.text, "what was not looked at is not done"
    assert "The frame was changed: 1 new, 1 changed, 0 gone." in applied(manager, stale).text


def test_a_file_that_waits_is_found_again_and_can_be_thrown_away(office: Office):
    handed_in(office.enter("manager"), file_of(*make_frame(41).units), "autumn.csv")
    manager = office.enter("manager")
    link = re.search(r'href="/staff([^"]+)">autumn.csv</a>', manager.get(f"{PLACE}/newer").text)
    assert link
    assert title(manager.get(link[1])) == "What the newer frame changes"
    manager.post(f"{link[1]}/throw-away")
    assert manager.get(link[1]).status_code == 404
    assert kept(office) == []
    assert "autumn.csv" not in manager.get(f"{PLACE}/newer").text


def test_a_file_of_another_wave_is_not_there(office: Office):
    make_wave(office.db, "tiny-2")
    manager = office.enter("manager")
    handed_in(manager, file_of(*make_frame(41).units))
    [(id_,)] = rows(office.db, "SELECT id FROM upload")
    other = f"/surveys/tiny/waves/tiny-2/organisations/newer/{id_.hex()}"
    assert manager.get(other).status_code == 404
    for act in ("apply", "throw-away"):
        assert manager.post(f"{other}/{act}").status_code == 404
    returns = f"/surveys/tiny/waves/tiny-1/returns/file/{id_.hex()}"
    assert manager.get(returns).status_code == 404
    assert len(kept(office)) == 1


def test_a_newer_frame_with_problems_names_them_as_text_and_is_erased(office: Office):
    content = b"unit,name,email,region\n<b>1</b>,Team,not an address,North\n"
    page = handed_in(office.enter("manager"), content)
    assert "1 problem in the file" in page.text
    assert "not an address" in page.text
    assert "<b>1</b>" not in page.text
    assert 'type="file"' in page.text
    assert [box for box, _ in kept(office)] == [0]


def test_headings_can_be_named(office: Office):
    content = file_of(*make_frame(40).units).replace(b"unit,name", b"Org ID,name", 1)
    manager = office.enter("manager")
    assert "as this file says already" in handed_in(manager, content, columns="unit=Org ID").text
    assert "The frame was changed" not in handed_in(manager, content, columns="unit=Org ID").text
    wrong = manager.post(f"{PLACE}/newer", {"file": (content, "new.csv"), "columns": "Org ID"})
    assert (wrong.status_code, "is no field" in wrong.text) == (400, True)


def test_a_refused_file_is_handed_in_again_in_the_same_way(office: Office):
    content = file_of(*make_frame(39).units).replace(b"unit,name", b"Org ID,name", 1) + b"\nU040,,x,,,North"
    page = handed_in(office.enter("manager"), content, columns="unit=Org ID")
    assert "unit=Org ID</textarea>" in page.text


def test_the_trail_and_the_jobs_name_neither_the_file_nor_an_organisation(office: Office):
    manager = office.enter("manager")
    applied(manager, handed_in(manager, file_of(*make_frame(41).units), "CANARY-list.csv"))
    acts = rows(office.db, "SELECT what, object, said FROM act WHERE what LIKE 'frame%'")
    assert [what for what, *_ in acts] == ["frame-hand-in", "frame-load"]
    said = str(acts) + str(rows(office.db, "SELECT * FROM job"))
    assert "CANARY" not in said
    assert "U041" not in said
