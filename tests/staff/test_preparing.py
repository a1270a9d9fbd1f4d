"""Opening a wave, step by step: left and found again, with a list, strata, texts, a key that nobody else has."""

import io
import json
import logging
import re
from datetime import timedelta
from html import unescape

import openpyxl
import pytest

from surveyapp import (
    campaigning,
    preparing,
    privacy,
    publishing,
    reporting,
    retaining,
    staffing,
    writing,
)
from surveyapp.preparing import Hand
from surveyapp.roles import MANAGER
from tests.makers import TODAY, everything, make_answers, make_document, rows, send
from tests.staff.conftest import Office, title

TEXTS = {
    "service": "Team survey",
    "contact": "office@example.org",
    "colour": "#0B5563",
    "sender": "Team surveys <surveys@example.org>",
    "address": "https://survey.example.org",
    "closes": "2012-03-01",
    "rule": "7,14",
    "drafts": "20",
    "letters": "30",
    "contacts": "60",
    "key": "30",
}
PAGES = ("", "/questionnaire", "/frame", "/strata", "/texts", "/key", "/test", "/check")


def listing(regions: str = "North,South", units: int = 40) -> bytes:
    names = regions.split(",")
    lines = [f"U{i:03},Team {i},team{i}@example.org,{names[i % len(names)]}" for i in range(units)]
    return "\n".join(["unit,name,email,region", *lines]).encode()


def workbook(*sheets: tuple[str, list[list[str]]]) -> bytes:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, lines in sheets:
        sheet = book.create_sheet(name)
        for line in lines:
            sheet.append(line)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def revision(page: str) -> str:
    return re.search(r'name="revision" value="(\d+)"', page)[1]


class Preparing:
    """A manager who prepares the wave tiny-2."""

    def __init__(self, office: Office, who: str = "manager") -> None:
        self.office = office
        self.at = office.enter(who)
        self.base = "/surveys/tiny/preparations"

    def begin(self, name: str = "tiny-2", audience: str = "listed", version: str = "1"):
        self.at.get(self.base)
        return self.at.post(self.base, {"name": name, "audience": audience, "version": version})

    def get(self, step: str = ""):
        return self.at.get(f"{self.base}/tiny-2{step}")

    def post(self, step: str, fields=None, page: str | None = None):
        seen = self.get(step if page is None else page)
        found = re.search(r'name="revision" value="(\d+)"', seen.text)
        given = {"revision": found[1]} if found else {}
        return self.at.post(f"{self.base}/tiny-2{step}", {**given, **(fields or {})})

    def hand_in(self, content: bytes = listing(), name: str = "list.csv"):
        return self.post("/frame", {"file": (content, name)})

    def states(self) -> list[str]:
        text = self.get().text
        return re.findall(r'id="step-(\w+)">(?:<strong[^>]*>)?([^<]+)', text)


def ready(office: Office, listed: bool = True) -> tuple[Preparing, bytes]:
    """Everything is done but the opening; the key holder's file."""
    work = Preparing(office)
    work.begin(audience="listed" if listed else "anyone")
    if listed:
        work.hand_in()
        work.post("/strata", {"carry": "region"})
    work.post("/texts", TEXTS)
    key = ceremony(office)
    work.post("/test")
    return work, key


def ceremony(office: Office) -> bytes:
    holder = Preparing(office, "key_holder")
    key = holder.post("/key/make", page="/key").data
    assert holder.post("/key/rehearse", {"key": (key, "tiny-2.key")}, page="/key").status_code == 303
    return key


# ── works ────────────────────────────────────────────────────────────────────


def test_a_wave_is_opened_from_the_list_to_the_first_answer(office: Office):
    work, key = ready(office)
    assert dict(work.states())["check"] == "Not yet done"
    done = work.post("/open", {"typed": "tiny-2"}, page="/check")
    assert (done.status_code, done.location) == (303, "/staff/surveys/tiny/waves/tiny-2")
    wave = campaigning.status(office.db, "tiny-2").wave
    assert (wave.kind, wave.key_place) == ("listed", "holder")
    assert (wave.carry, wave.cells) == (("region",), {"North": 20, "South": 20})
    assert (wave.service, wave.contact) == ("Team survey", "office@example.org")
    assert (wave.colour, wave.closes_on) == ("#0b5563", "2012-03-01")
    headings = ("https://survey.example.org", "Team surveys <surveys@example.org>")
    assert writing.headings(office.db, "tiny-2") == headings
    assert writing.rule_kept(office.db, "tiny-2") == (7, 14)
    assert [part.days for part in retaining.kept_of(office.db, "tiny-2").parts] == [20, 30, 60, 30]
    for _, code in campaigning.invite(office.db, "tiny-2", TODAY)[:20]:
        send(office.db, code, make_answers())
    campaigning.close_wave(office.db, "tiny-2", TODAY)
    assert reporting.open_tray(office.db, "tiny-2", privacy.read_key_file(key.decode())[1]).released == 20


def test_a_wave_is_opened_to_anyone_with_the_key_on_the_server(office: Office):
    work = Preparing(office)
    work.begin(audience="anyone")
    assert [name for name, _ in work.states()] == ["questionnaire", "texts", "key", "test", "check"]
    work.post("/texts", TEXTS)
    work.post("/key/here", page="/key")
    work.post("/test")
    assert work.post("/open", {"typed": "tiny-2"}, page="/check").status_code == 303
    wave = campaigning.status(office.db, "tiny-2").wave
    assert (wave.kind, wave.key_place) == ("open", "server")
    assert privacy.read_key_file(office.home.wave_key("tiny-2").read_text())[0] == "tiny-2"


def test_a_preparation_is_left_and_found_again_by_a_colleague(office: Office):
    Preparing(office).begin()
    office.ids["other"] = staffing.add_account(
        office.db, "other@example.org", "Other", {"tiny": frozenset({MANAGER})}, TODAY
    ).id
    other = Preparing(office, "other")
    assert "tiny-2" in other.at.get(other.base).text
    assert other.states() == [
        ("questionnaire", "Completed"),
        ("frame", "Not yet done"),
        ("strata", "Cannot start yet"),
        ("texts", "Not yet done"),
        ("key", "Not yet done"),
        ("test", "Cannot start yet"),
        ("check", "Cannot start yet"),
    ]


def test_nothing_can_be_opened_before_every_step_is_done(office: Office):
    work = Preparing(office)
    work.begin()
    work.hand_in()
    refused = work.post("/open", {"typed": "tiny-2"}, page="")
    assert refused.status_code == 400
    for step in ("Strata that go with the answers", "Texts, days and letters", "The key of the tray"):
        assert f"“{step}” is not done" in refused.text
    assert campaigning.names(office.db) == ["tiny-1"]


def test_the_name_must_be_typed_to_open_it(office: Office):
    work, _ = ready(office)
    refused = work.post("/open", {"typed": "tiny-1"}, page="/check")
    assert refused.status_code == 400
    assert "This is not the name of the wave; type tiny-2" in refused.text
    assert campaigning.names(office.db) == ["tiny-1"]


def test_the_list_is_erased_from_the_preparation_when_the_wave_opens_and_when_it_is_thrown_away(office: Office):
    mark = listing().replace(b"Team 7,", b"Team Hedgehog,")
    work = Preparing(office)
    work.begin()
    work.hand_in(mark)
    assert b"Hedgehog" in everything(office.db)
    assert work.post("/throw-away", {"typed": "tiny-1"}, page="").status_code == 400
    assert b"Hedgehog" in everything(office.db)
    work.post("/throw-away", {"typed": "tiny-2"}, page="")
    assert b"Hedgehog" not in everything(office.db)
    work, _ = ready(office)
    work.post("/open", {"typed": "tiny-2"}, page="/check")
    assert preparing.listed(office.db, "tiny") == []
    assert rows(office.db, "SELECT * FROM preparation") == []


def test_a_preparation_that_nobody_touches_is_erased_after_thirty_days(office: Office):
    Preparing(office).begin()
    retaining.run(office.db, office.home, TODAY + timedelta(days=30))
    assert len(preparing.listed(office.db, "tiny")) == 1
    retaining.run(office.db, office.home, TODAY + timedelta(days=31))
    assert preparing.listed(office.db, "tiny") == []


def test_a_change_that_somebody_overtook_is_refused(office: Office):
    work = Preparing(office)
    work.begin()
    seen = revision(work.get("/texts").text)
    work.post("/texts", TEXTS)
    stale = work.at.post(f"{work.base}/tiny-2/texts", {**TEXTS, "service": "Other", "revision": seen})
    assert (stale.status_code, title(stale)) == (409, "Somebody else changed this")
    assert preparing.texts(preparing.found(office.db, "tiny", "tiny-2")).service == "Team survey"


def test_what_was_changed_since_the_last_look_is_not_opened(office: Office):
    work, _ = ready(office)
    seen = revision(work.get("/check").text)
    work.post("/texts", TEXTS | {"service": "Changed"})
    stale = work.at.post(f"{work.base}/tiny-2/open", {"typed": "tiny-2", "revision": seen})
    assert stale.status_code == 409
    assert campaigning.names(office.db) == ["tiny-1"]


# ── the list ─────────────────────────────────────────────────────────────────


def test_every_problem_of_a_list_is_shown_with_sheet_and_cell(office: Office):
    lines = [["unit", "name", "email"], ["U1", "One", "not-an-address"], ["U1", "", "b@example.org"]]
    work = Preparing(office)
    work.begin()
    assert work.hand_in(workbook(("Teams", lines)), "list.xlsx").status_code == 303
    page = unescape(work.get("/frame").text)
    assert "3 problems in the file" in page
    for place in ("Teams!C2", "Teams!A3", "Teams!B3"):
        assert place in page
    assert dict(work.states())["frame"] == "There is a problem"


def test_columns_are_named_and_left_out_and_a_sheet_is_chosen(office: Office):
    lines = [["Kürzel", "Who", "Post", "Head"], ["U1", "One", "a@example.org", "Ann"], ["U2", "Two", "", "Bob"]]
    other = [["x"], ["y"]]
    work = Preparing(office)
    work.begin()
    work.hand_in(workbook(("Teams", lines), ("Notes", other)), "list.xlsx")
    assert "say below which it is" in work.get("/frame").text
    work.post("/frame/reading", {"sheet": "Teams"}, page="/frame")
    assert "the column “unit” is missing" in unescape(work.get("/frame").text).replace('"unit"', "“unit”")
    how = {"sheet": "Teams", "unit": "Kürzel", "name": "Who", "email": "Post", "left_out": "Head"}
    work.post("/frame/reading", how, page="/frame")
    page = work.get("/frame").text
    assert "2 organisations, 1 with an address" in page
    assert "Ann" not in page


def test_a_value_that_looks_like_a_slip_is_asked_about_and_accepted(office: Office):
    content = listing().replace(b"team0@example.org,North", b"team0@example.org,north")
    work = Preparing(office)
    work.begin()
    work.hand_in(content)
    page = work.get("/frame").text
    assert "if it is another one, say so below" in page
    assert 'name="accepted" type="checkbox" value="north"' in page
    work.post("/frame/reading", {"accepted": "north"}, page="/frame")
    assert "40 organisations" in work.get("/frame").text


def test_a_sample_is_drawn_with_a_seed_that_is_noted(office: Office):
    work = Preparing(office)
    work.begin()
    work.hand_in(listing(units=80))
    work.post("/frame/sample", {"how": "each", "number": "12", "by": "region", "seed": "oak"}, page="/frame")
    assert "24 are in the sample" in work.get("/frame").text
    work.post("/strata", {"carry": "region"})
    work.post("/texts", TEXTS)
    ceremony(office)
    work.post("/test")
    work.post("/open", {"typed": "tiny-2"}, page="/check")
    wave = campaigning.status(office.db, "tiny-2").wave
    assert wave.sample_seed == "oak (12 of each region)"
    assert wave.issued == 24


def test_a_sample_that_cannot_be_drawn_is_told(office: Office):
    work = Preparing(office)
    work.begin()
    work.hand_in()
    for fields, words in (
        ({"how": "size", "number": "999"}, "only 40 units"),
        ({"how": "size"}, "Say how many"),
        ({"how": "each", "number": "5"}, "Choose the strata"),
    ):
        refused = work.post("/frame/sample", fields, page="/frame")
        assert (refused.status_code, words in refused.text) == (400, True)


# ── strata ───────────────────────────────────────────────────────────────────


def test_cells_that_are_too_small_are_shown_with_a_merge_that_would_do(office: Office):
    work = Preparing(office)
    work.begin()
    work.hand_in(listing("North,North,North,North,South,South,South,South,East,West", 40))
    refused = work.post("/strata", {"carry": "region"})
    assert refused.status_code == 400
    assert "2 cells are too small" in refused.text
    assert "“East” becomes “East, North and West”" in unescape(refused.text)
    work.post("/strata/merge", page="/strata")
    assert work.post("/strata", {"carry": "region"}).status_code == 303
    found = preparing.strata(office.db, preparing.found(office.db, "tiny", "tiny-2"))
    assert found.sizes == {"East, North and West": (24, 24), "South": (16, 16)}
    work.post("/strata/unmerge", page="/strata")
    assert dict(work.states())["strata"] == "There is a problem"


def test_strata_may_be_left_out_altogether(office: Office):
    work = Preparing(office)
    work.begin()
    work.hand_in(listing("North,South,East,West,Far", 40))
    assert work.post("/strata", {}).status_code == 303
    assert dict(work.states())["strata"] == "Completed"


# ── texts and letter ─────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("colour", "red", "colour"),
        ("closes", "2011-12-01", "is over"),
        ("closes", "soon", "Not a valid date"),
        ("rule", "20,10", "is no list of days"),
        ("sender", "nobody", "not an e-mail address"),
        ("address", "javascript:x", "not the address of a site"),
        ("drafts", "99999", "days cannot be kept"),
        ("service", "x" * 200, "shorten it to 100"),
    ],
)
def test_texts_that_will_not_do_are_told_at_their_field_and_what_was_typed_stays(office, field, value, words):
    work = Preparing(office)
    work.begin()
    refused = work.post("/texts", TEXTS | {field: value})
    assert refused.status_code == 400
    assert words in refused.text
    assert f'id="{field}--error"' in refused.text
    assert "Team surveys &lt;surveys@example.org&gt;" in refused.text or field == "sender"


def test_the_letter_is_shown_and_sent_to_oneself_with_a_code_that_opens_nothing(office: Office):
    work = Preparing(office)
    work.begin()
    work.hand_in()
    work.post("/texts", TEXTS)
    page = work.get("/test").text
    assert "ABCDE-12345-FGHJK-67890" in page
    assert "1 March 2012" in page
    assert work.post("/test/letter", page="/test").status_code == 303
    (letter,) = (office.home.outbox / "test").glob("*.eml")
    assert b"manager@example.org" in letter.read_bytes()
    assert rows(office.db, "SELECT count(*) FROM letter") == [(0,)]


# ── the key ceremony ─────────────────────────────────────────────────────────


def test_the_private_key_is_in_the_download_and_nowhere_else(office: Office, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.DEBUG)
    work, key = ready(office)
    work.post("/open", {"typed": "tiny-2"}, page="/check")
    private = privacy.read_key_file(key.decode())[1]
    files = [path for path in office.home.path.rglob("*") if path.is_file()]
    assert office.home.database in files
    for path in files:
        content = path.read_bytes()
        for secret in (private, private.hex().encode(), key):
            assert secret not in content, path
    assert private.hex() not in caplog.text
    for table in ("job", "act", "preparation", "wave"):
        assert private.hex() not in repr(rows(office.db, f"SELECT * FROM {table}"))


def test_the_download_is_a_file_that_nobody_keeps(office: Office):
    Preparing(office).begin()
    made = Preparing(office, "key_holder").post("/key/make", page="/key")
    assert made.headers["Content-Disposition"] == 'attachment; filename="tiny-2.key"'
    assert made.headers["Cache-Control"] == "no-store"


def test_a_key_that_was_not_brought_back_is_no_good(office: Office):
    work = Preparing(office)
    work.begin()
    Preparing(office, "key_holder").post("/key/make", page="/key")
    assert dict(work.states())["key"] == "Not yet done"


def test_another_key_makes_the_one_before_void(office: Office):
    Preparing(office).begin()
    holder = Preparing(office, "key_holder")
    first = holder.post("/key/make", page="/key").data
    holder.post("/key/rehearse", {"key": (first, "tiny-2.key")}, page="/key")
    second = holder.post("/key/make", page="/key").data
    assert "not been brought back yet" in holder.get("/key").text
    refused = holder.post("/key/rehearse", {"key": (first, "tiny-2.key")}, page="/key")
    assert refused.status_code == 400
    assert "This key is void" in refused.text
    assert holder.post("/key/rehearse", {"key": (second, "tiny-2.key")}, page="/key").status_code == 303
    assert "with key_holder@example.org" in holder.get("/key").text


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is not a key file"),
        (b"\xff" * 5000, "is not a key file"),
        (privacy.key_file("other", b"k" * 32).encode(), "the key of other"),
        (privacy.key_file("tiny-2", b"k" * 32).encode(), "is void"),
    ],
)
def test_a_file_that_is_not_the_key_is_refused(office: Office, content: bytes, words: str):
    Preparing(office).begin()
    holder = Preparing(office, "key_holder")
    holder.post("/key/make", page="/key")
    refused = holder.post("/key/rehearse", {"key": (content, "tiny-2.key")}, page="/key")
    assert refused.status_code == 400
    assert words in refused.text or not content


def test_the_manager_never_gets_the_key_and_the_key_holder_never_sees_the_list(office: Office):
    work = Preparing(office)
    work.begin()
    work.hand_in()
    assert work.post("/key/make", page="/key").status_code == 403
    holder = Preparing(office, "key_holder")
    assert holder.get("/frame").status_code == 403
    assert "Team 1" not in holder.at.get(holder.base).text + holder.get("/key").text


def test_the_trail_names_the_wave_and_nothing_of_the_list(office: Office):
    work, key = ready(office)
    work.post("/open", {"typed": "tiny-2"}, page="/check")
    acts = rows(office.db, "SELECT what, object FROM act")
    assert ("key-make", "tiny-2") in acts
    assert ("wave-open", "tiny-2") in acts
    trail = repr(rows(office.db, "SELECT * FROM act"))
    assert "Team 1" not in trail
    assert "example.org,North" not in trail
    assert key.decode().split()[-1] not in trail


# ── wrong survey, hostile text, bad input ────────────────────────────────────


@pytest.mark.parametrize("step", PAGES)
def test_a_preparation_of_another_survey_is_not_there(office: Office, step: str):
    Preparing(office).begin()
    stranger = office.enter("stranger")
    assert stranger.get(f"/surveys/other/preparations/tiny-2{step}").status_code == 404
    assert stranger.get(f"/surveys/tiny/preparations/tiny-2{step}").status_code == 404


@pytest.mark.parametrize("name", ["", "Tiny", "../x", "a b", "tiny-1", "x" * 60, "<b>"])
def test_a_name_that_will_not_do_is_told(office: Office, name: str):
    work = Preparing(office)
    refused = work.begin(name=name)
    assert refused.status_code == 400
    assert 'id="name--error"' in refused.text
    assert preparing.listed(office.db, "tiny") == []


def test_a_wave_is_prepared_once(office: Office):
    work = Preparing(office)
    work.begin()
    assert "is being prepared already" in work.begin().text


def test_hostile_text_of_a_list_shows_as_text(office: Office):
    evil = b'unit,name,email,<img src=x>\nU1,"<script>alert(1)</script>",a@example.org,"<b>x</b>"\n'
    work = Preparing(office)
    work.begin()
    work.hand_in(evil, "<i>list</i>.csv")
    page = work.get("/frame").text
    for raw in ("<script>alert", "<img src", "<b>x", "<i>list"):
        assert raw not in page
    assert "&lt;script&gt;" in page


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04rubbish", b"%PDF-1.4", b"\0\0\0", b"unit;name;email\n"])
def test_a_file_that_is_no_list_is_told_and_not_a_fault(office: Office, content: bytes):
    work = Preparing(office)
    work.begin()
    name = "list.xlsx" if content.startswith(b"PK") else "list.csv"
    assert work.hand_in(content, name).status_code in {303, 400}
    assert work.get("/frame").status_code == 200
    assert work.get("/strata").status_code == 400
    assert work.get("/test").status_code == 200


def test_a_retired_version_cannot_be_chosen(office: Office):
    publishing.publish(office.db, json.dumps(make_document(version="2")).encode(), TODAY)
    publishing.retire(office.db, "tiny", "2", TODAY)
    work = Preparing(office)
    assert work.begin(version="2").status_code == 400
    assert work.begin(version="1").status_code == 303


def test_whoever_opens_twice_opens_once(office: Office):
    ready(office)
    seen = preparing.found(office.db, "tiny", "tiny-2")
    hand = Hand("manager@example.org", TODAY)
    preparing.open_wave(office.db, office.home, seen, "tiny-2", hand)
    with pytest.raises(Exception, match="wave tiny-2 already"):
        preparing.open_wave(office.db, office.home, seen, "tiny-2", hand)
    assert campaigning.names(office.db) == ["tiny-1", "tiny-2"]
