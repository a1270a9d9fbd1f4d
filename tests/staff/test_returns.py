"""Paper and telephone returns in the staff site: a sitting that one browser alone can open, and files."""

import re
from datetime import timedelta

import pytest
from werkzeug.test import Client

from surveyapp import campaigning, retaining, returning, staffing
from surveyapp.roles import MANAGER
from surveyapp.web.staff import create_site
from tests.makers import TODAY, everything, in_tray, make_answers, make_wave, rows, send
from tests.staff.conftest import Colleague, Office, title

BASE = "/surveys/tiny/waves/tiny-1/returns"
GOOD = {"kind": "1", "sources": "1 3", "partners.police": "1", "partners.health": "3", "issues": "Hedgehogs."}
FILE = b"unit,kind,sources.a,partners.police,issues\nU001,yes,1,more,Hedgehogs.\nU002,no,0,less,\n"


class Keyer:
    """A manager at a sitting of a wave."""

    def __init__(self, office: Office, who: str = "manager", base: str = BASE) -> None:
        self.office, self.base = office, base
        self.at = office.enter(who)

    def begin(self) -> "Keyer":
        self.at.get(self.base)
        assert self.at.post(f"{self.base}/sitting").status_code == 303
        return self

    def get(self, path: str = ""):
        return self.at.get(f"{self.base}{path}")

    def post(self, path: str, fields=None, page: str = ""):
        seen = self.get(page).text
        found = re.search(r'name="return" value="(\w+)"', seen)
        return self.at.post(f"{self.base}{path}", {**({"return": found[1]} if found else {}), **(fields or {})})

    def take(self, unit: str):
        assert self.post("/find", {"sought": unit}).location.endswith("/sheet")
        return self.get("/sheet")

    def key_in(self, fields=GOOD, **more):
        return self.post("/sheet", {**fields, **more}, page="/sheet")

    @property
    def secret(self) -> str:
        cookie = self.at.client.get_cookie("sitting", path=f"/staff{self.base}")
        return cookie.value if cookie else ""


def boxes(office: Office) -> list[dict]:
    return in_tray(office.db, office.key)


# ── a sitting ────────────────────────────────────────────────────────────────


def test_a_return_is_keyed_and_sealed(office: Office):
    keyer = Keyer(office).begin()
    assert title(keyer.take("U001")) == "U001: Team 1"
    assert keyer.key_in().status_code == 303
    assert [(box["cell"], box["answers"]["kind"]) for box in boxes(office)] == [("South", "yes")]
    page = keyer.get().text
    assert "<strong>U001 Team 1</strong> is sealed in the tray" in page
    assert campaigning.status(office.db, "tiny-1").received == 1
    assert keyer.post("/find", {"sought": "U001"}).status_code == 409


def test_without_a_sitting_there_is_nothing_to_key(office: Office):
    keyer = Keyer(office)
    assert "Begin a sitting" in keyer.get().text
    assert keyer.get("/sheet").location.endswith("/returns")
    assert keyer.post("/find", {"sought": "U001"}).location.endswith("/returns")
    assert keyer.post("/sheet", {**GOOD, "then": "quiet"}).status_code == 204
    assert rows(office.db, "SELECT * FROM sitting") == []


def test_a_sitting_goes_on_at_another_node_and_after_a_crash(office: Office):
    keyer = Keyer(office).begin()
    keyer.take("U001")
    keyer.key_in({"kind": "2"}, then="quiet")
    other = create_site(office.home, secure=False, today=lambda: TODAY, now=lambda: office.now)
    there = Client(other)
    there._cookies = keyer.at.client._cookies
    page = there.get(f"/staff{BASE}/sheet").text
    assert 'value="2"' in page
    assert "U001: Team 1" in page
    other.mounts["/staff"].extensions["staff"].db.close()
    other.app.extensions["surveyapp"].db.close()


def test_a_second_keying_waits_in_the_store_and_is_compared(office: Office):
    keyer = Keyer(office).begin()
    keyer.post("/twice", {"twice": "yes"})
    keyer.take("U001")
    keyer.key_in()
    assert boxes(office) == []
    assert "Waiting for their second keying" in keyer.get().text
    keyer.post("/begin", {"again": "U001"})
    keyer.key_in({**GOOD, "kind": "2"})
    page = keyer.get("/differences").text
    assert "The two keyings differ in 1 box" in page
    assert keyer.post("/differences", {"take.kind": "second"}, page="/differences").status_code == 303
    assert [box["answers"]["kind"] for box in boxes(office)] == ["no"]


def test_what_is_typed_can_be_read_by_nobody_without_the_cookie(office: Office):
    keyer = Keyer(office).begin()
    keyer.take("U001")
    keyer.key_in({**GOOD, "kind": ""}, then="keep")
    assert "Hedgehogs." in keyer.get("/sheet").text
    content = everything(office.db)
    for secret in (b"Hedgehogs", keyer.secret.encode()):
        assert secret not in content
    ((box, wave, day),) = rows(office.db, "SELECT box, wave, day FROM sitting")
    assert (wave, day, len(box)) == ("tiny-1", "2012-01-16", 2**15 + 4 + 12 + 16)
    for path in (path for path in office.home.path.rglob("*") if path.is_file()):
        assert b"Hedgehogs" not in path.read_bytes(), path


def test_the_length_of_a_sitting_does_not_grow_with_what_is_typed(office: Office):
    keyer = Keyer(office).begin()
    ((empty,),) = rows(office.db, "SELECT length(box) FROM sitting")
    keyer.take("U001")
    keyer.key_in({**GOOD, "kind": ""}, then="keep")
    assert rows(office.db, "SELECT length(box) FROM sitting") == [(empty,)]


def test_another_browser_has_a_sitting_of_its_own(office: Office):
    Keyer(office).begin().take("U001")
    other = Keyer(office)
    assert "Begin a sitting" in other.get().text
    other.begin()
    assert "U001" not in other.get().text


def test_the_cookie_goes_to_these_pages_of_this_wave_alone(office: Office):
    keyer = Keyer(office)
    keyer.at.get(BASE)
    given = keyer.at.post(f"{BASE}/sitting").headers.getlist("Set-Cookie")
    (cookie,) = [line for line in given if line.startswith("sitting=")]
    for word in (f"Path=/staff{BASE}", "HttpOnly", "SameSite=Strict"):
        assert word in cookie


def test_the_cookie_of_one_wave_opens_nothing_at_another(office: Office):
    make_wave(office.db, "tiny-2")
    keyer = Keyer(office).begin()
    keyer.take("U001")
    there = BASE.replace("tiny-1", "tiny-2")
    keyer.at.client.set_cookie("sitting", keyer.secret, path=f"/staff{there}")
    assert "Begin a sitting" in keyer.at.get(there).text


def test_a_stale_window_cannot_bring_back_what_is_sealed(office: Office):
    make_wave(office.db, "tiny-2", anyone=True, carry=None)
    keyer = Keyer(office, base=BASE.replace("tiny-1", "tiny-2")).begin()
    keyer.post("/begin")
    stale = re.search(r'name="return" value="(\w+)"', keyer.get("/sheet").text)[1]
    keyer.key_in()
    keyer.get()
    for then in ("quiet", "", "keep"):
        answer = keyer.at.post(f"{keyer.base}/sheet", {**GOOD, "return": stale, "then": then})
        assert answer.status_code == (204 if then == "quiet" else 409)
    assert campaigning.status(office.db, "tiny-2").tray == 1


def test_two_windows_at_once_never_overwrite_each_other(office: Office):
    place = returning.place("token", "tiny-1", b"p" * 32)
    returning.begin_sitting(office.db, place, b"{}", TODAY)
    read = returning.read_sitting(office.db, place)
    with office.db.transaction() as connection:
        returning.keep_sitting(connection, place, read, b"first", TODAY)
    with pytest.raises(Exception, match="gone on in another window"), office.db.transaction() as connection:
        returning.keep_sitting(connection, place, read, b"second", TODAY)
    assert returning.read_sitting(office.db, place).content == b"first"


def test_a_sitting_is_erased_when_it_ends_when_the_wave_closes_and_after_a_week(office: Office):
    keyer = Keyer(office).begin()
    keyer.post("/end")
    assert rows(office.db, "SELECT * FROM sitting") == []
    assert keyer.secret == ""
    Keyer(office).begin()
    retaining.run(office.db, office.home, TODAY + timedelta(days=7))
    assert len(rows(office.db, "SELECT * FROM sitting")) == 1
    retaining.run(office.db, office.home, TODAY + timedelta(days=8))
    assert rows(office.db, "SELECT * FROM sitting") == []
    Keyer(office).begin()
    campaigning.close_wave(office.db, "tiny-1", TODAY)
    assert rows(office.db, "SELECT * FROM sitting") == []


def test_the_trail_has_a_line_for_the_sitting_and_none_for_a_return(office: Office):
    keyer = Keyer(office).begin()
    for unit in ("U001", "U002", "U003"):
        keyer.take(unit)
        keyer.key_in()
    keyer.post("/end")
    acts = rows(office.db, "SELECT what, object, said FROM act WHERE survey = 'tiny'")
    assert acts == [("sitting-begin", "tiny-1", "")]


def test_an_organisation_that_answers_meanwhile_keeps_its_own_answers(office: Office):
    keyer = Keyer(office).begin()
    keyer.take("U001")
    send(office.db, office.codes["U001"], make_answers(kind="no"))
    answer = keyer.key_in()
    assert answer.status_code == 409
    assert "Its answers have been received" in answer.text
    assert [box["answers"]["kind"] for box in boxes(office)] == ["no"]
    assert "A return is in hand" not in keyer.get().text


def test_a_wave_that_closes_meanwhile_takes_no_more(office: Office):
    keyer = Keyer(office).begin()
    keyer.take("U001")
    campaigning.close_wave(office.db, "tiny-1", TODAY)
    assert keyer.at.post(f"{BASE}/sheet", GOOD).status_code == 409
    assert keyer.get().status_code == 409


def test_words_of_the_keyer_and_the_list_show_as_text(office: Office):
    keyer = Keyer(office).begin()
    assert "&lt;script&gt;" in keyer.post("/find", {"sought": "<script>"}).text
    keyer.take("U001")
    page = keyer.key_in({**GOOD, "kind": "<b>"}).text
    assert "<b>" not in page.replace("<body", "")


@pytest.mark.parametrize("who", ["author", "analyst", "key_holder", "stranger"])
def test_nobody_else_keys(office: Office, who: str):
    keyer = Keyer(office).begin()
    other: Colleague = office.enter(who)
    other.client.set_cookie("sitting", keyer.secret, path=f"/staff{BASE}")
    assert other.get(BASE).status_code in {403, 404}
    assert other.get(f"{BASE}/sheet").status_code in {403, 404}


def test_a_colleague_at_the_same_browser_keys_again(office: Office):
    keyer = Keyer(office).begin()
    keyer.take("U001")
    office.ids["other"] = staffing.add_account(
        office.db, "other@example.org", "Other", {"tiny": frozenset({MANAGER})}, TODAY
    ).id
    other = Keyer(office, "other")
    other.at.client.set_cookie("sitting", keyer.secret, path=f"/staff{BASE}")
    assert "U001" in other.get().text


# ── a file ───────────────────────────────────────────────────────────────────


def handed_in(keyer: Keyer, content: bytes = FILE, name: str = "paper.csv", **fields: str):
    """The page that a file leads to."""
    keyer.get()
    response = keyer.at.post(f"{BASE}/file", {"file": (content, name), "unit_column": "unit", **fields})
    assert response.status_code == 303
    return keyer.at.get(response.location.removeprefix("/staff"))


def loaded(keyer: Keyer, page):
    """The page after what was looked at is confirmed."""
    form = re.search(r'action="/staff([^"]+/load)".*?name="look" value="(\d+)"', page.text, re.DOTALL)
    response = keyer.at.post(form[1], {"look": form[2]})
    assert response.status_code == 303
    return keyer.at.get(response.location.removeprefix("/staff"))


def kept(office: Office) -> list[int]:
    """The lengths of the files that wait."""
    return [length for (length,) in rows(office.db, "SELECT length(box) FROM upload")]


def test_a_file_is_checked_and_nothing_is_loaded_by_that(office: Office):
    page = handed_in(Keyer(office)).text
    assert "The file can be loaded: 2 returns, 2 organisations marked as done. Nothing is loaded yet" in page
    assert boxes(office) == []


def test_a_file_is_loaded_whole_and_erased(office: Office):
    keyer = Keyer(office)
    page = loaded(keyer, handed_in(keyer))
    assert "2 returns sealed in the tray." in page.text
    assert sorted(box["answers"]["kind"] for box in boxes(office)) == ["no", "yes"]
    assert kept(office) == [0]


def test_a_file_that_is_confirmed_twice_is_loaded_once(office: Office):
    keyer = Keyer(office)
    page = handed_in(keyer)
    for _ in range(2):
        assert "2 returns sealed in the tray." in loaded(keyer, page).text
    assert len(boxes(office)) == 2


def test_every_problem_of_a_file_is_listed_and_nothing_is_loaded(office: Office):
    bad = FILE.replace(b"U002,no", b"U999,<b>maybe</b>")
    refused = handed_in(Keyer(office), bad)
    assert "2 problems in the file" in refused.text
    assert "<b>maybe" not in refused.text
    assert boxes(office) == []
    assert kept(office) == [0]


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04x", b"\0\0", b"unit\n"])
def test_a_file_that_is_none_is_told(office: Office, content: bytes):
    assert "Nothing was loaded" in handed_in(Keyer(office), content, "x.xlsx").text


def test_without_a_file_the_field_says_so(office: Office):
    keyer = Keyer(office)
    keyer.get()
    answer = keyer.at.post(f"{BASE}/file", {"unit_column": "unit"})
    assert (answer.status_code, "Choose the file" in answer.text) == (400, True)


def test_a_file_that_answers_twice_is_refused(office: Office):
    send(office.db, office.codes["U001"], make_answers())
    assert "have been received" in handed_in(Keyer(office)).text
    assert len(boxes(office)) == 1


def test_an_organisation_that_answers_before_the_file_is_confirmed_keeps_its_own_answers(office: Office):
    keyer = Keyer(office)
    page = handed_in(keyer)
    send(office.db, office.codes["U001"], make_answers())
    assert "Nothing was loaded" in loaded(keyer, page).text
    assert len(boxes(office)) == 1
    assert kept(office) == [0]


def test_a_file_that_waits_is_found_again_and_can_be_thrown_away(office: Office):
    handed_in(Keyer(office))
    keyer = Keyer(office)
    link = re.search(r'href="/staff([^"]+)">paper.csv</a>', keyer.get().text)
    assert link
    keyer.at.get(link[1])
    keyer.at.post(f"{link[1]}/throw-away")
    assert keyer.at.get(link[1]).status_code == 404
    assert kept(office) == []


def test_what_waits_can_be_read_by_nobody_without_the_key_of_the_server(office: Office):
    """Neither the file nor its name, nor what is wrong with it."""
    handed_in(Keyer(office), name="CANARY.csv")
    handed_in(Keyer(office), FILE.replace(b"U002,no", b"U999,maybe"))
    assert len(kept(office)) == 2
    for path in (path for path in office.home.path.rglob("*") if path.is_file()):
        content = path.read_bytes()
        assert not [word for word in (b"Hedgehogs", b"CANARY", b"maybe", b"U999") if word in content], path


def test_nothing_of_a_file_stays_on_the_disk(office: Office):
    keyer = Keyer(office)
    page = handed_in(keyer)
    [(box,)] = rows(office.db, "SELECT box FROM upload")
    loaded(keyer, page)
    for path in (path for path in office.home.path.rglob("*") if path.is_file()):
        assert b"Hedgehogs" not in path.read_bytes(), path
        assert box[:200] not in path.read_bytes(), path


def test_a_file_that_nobody_confirms_is_erased(office: Office):
    handed_in(Keyer(office))
    retaining.run(office.db, office.home, TODAY + timedelta(days=1))
    assert len(kept(office)) == 1
    retaining.run(office.db, office.home, TODAY + timedelta(days=2))
    assert kept(office) == []
    handed_in(Keyer(office))
    campaigning.close_wave(office.db, "tiny-1", TODAY)
    assert kept(office) == []


def test_the_trail_says_that_a_file_came_and_never_what_was_in_it(office: Office):
    keyer = Keyer(office)
    loaded(keyer, handed_in(keyer, name="CANARY.csv"))
    acts = rows(office.db, "SELECT what, object, said FROM act WHERE what LIKE 'returns%'")
    assert [what for what, *_ in acts] == ["returns-hand-in", "returns-load"]
    assert "CANARY" not in str(acts)
    assert "2 return" not in str(acts)
