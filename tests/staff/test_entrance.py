"""Coming in: passwords, second factors, letters, doors that shut, sessions that end."""

import re
from pathlib import Path
from typing import Any

import pytest
import time_machine

from surveyapp import admitting, privacy, staffing, working
from surveyapp.admitting import Porch, Post
from surveyapp.mail import Server, Settings
from surveyapp.problems import NotAdmitted, NotAllowed, Refused, SurveyError
from surveyapp.roles import MANAGER
from surveyapp.staffing import By
from surveyapp.storage import accounts
from surveyapp.storage.database import Database
from surveyapp.web.staff import create_site, postroom
from surveyapp.web.staff.doors import PERMISSIONS
from surveyapp.working import queue, resets
from tests.makers import TODAY, change, everything, rows
from tests.staff.conftest import NOW, Colleague, Office, title

PASSWORD = "three unlikely words"
OTHER = "another four of them"


@pytest.fixture
def staffed(office: Office) -> Office:
    """Everybody of the cast has the same password; the manager has a second factor too."""
    kept = privacy.password_hash(PASSWORD)
    with office.db.transaction() as connection:
        for id_ in office.ids.values():
            accounts.change(connection, id_, password=kept)
    return office


def secret_of(office: Office, who: str) -> str:
    """Give somebody a second factor; its secret."""
    secret, id_ = privacy.new_second(), office.ids[who]
    with office.db.transaction() as connection:
        sealed = privacy.seal_text(key(office), secret, id_)
        accounts.change(connection, id_, second=sealed)
    return secret


def key(office: Office) -> bytes:
    return (office.home.keys / "staff").read_bytes()


def sign_in(office: Office, who: str, password: str = PASSWORD, then: str = "") -> tuple[Colleague, Any]:
    """A new browser at the form of sign-in, and what it gets for address and password."""
    colleague = Colleague(office.site)
    return colleague, again(colleague, who, password, then)


def again(colleague: Colleague, who: str, password: str = PASSWORD, then: str = "") -> Any:
    colleague.get("/sign-in")
    email = who if "@" in who else f"{who}@example.org"
    return colleague.post("/sign-in", {"email": email, "password": password, "then": then})


def token(colleague: Colleague) -> str:
    cookie = colleague.client.get_cookie("staff", path="/staff")
    return cookie.value if cookie else ""


def trail(office: Office) -> list[tuple[str, str]]:
    return [(act.who, act.what) for _, act in reversed(staffing.acts(office.db))]


# ── address and password ─────────────────────────────────────────────────────


def test_somebody_without_guarded_roles_comes_in_with_a_password(staffed: Office) -> None:
    analyst, response = sign_in(staffed, "analyst")
    assert (response.status_code, response.location) == (303, "/staff/")
    assert title(analyst.get("/")) == "Your surveys"
    assert trail(staffed) == [("analyst@example.org", "signed-in")]


def test_the_address_may_be_typed_in_any_case_and_with_blanks(staffed: Office) -> None:
    assert sign_in(staffed, " Analyst@Example.ORG ")[1].status_code == 303


@pytest.mark.parametrize(
    ("who", "password"), [("analyst", "wrong"), ("nobody", PASSWORD), ("analyst", "x" * 100_000)]
)
def test_a_wrong_password_and_an_unknown_address_get_the_same_page(
    staffed: Office, who: str, password: str
) -> None:
    _, response = sign_in(staffed, who, password)
    assert response.status_code == 403
    assert "The address or the password is wrong" in response.text
    assert trail(staffed) == [], "a line a failure would let anybody fill the disk"


def test_an_unknown_address_is_hashed_for_as_well(staffed: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both verify one argon2 hash, which takes the time; the rest is the same statements."""
    verified = []
    hasher = privacy._argon2()
    real = type(hasher).verify
    monkeypatch.setattr(
        type(hasher), "verify", lambda self, kept, text: verified.append(kept) or real(self, kept, text)
    )
    for who in ("analyst", "nobody-at-all"):
        sign_in(staffed, who, "wrong")
    assert [kept.split("$")[1:4] for kept in verified] == [["argon2id", "v=19", "m=19456,t=2,p=1"]] * 2


def test_what_was_typed_stands_in_the_form_but_never_the_password(staffed: Office) -> None:
    _, response = sign_in(staffed, '"><script>x</script>@example.org', "hunter2hunter2")
    assert "&lt;script&gt;" in response.text
    assert "<script>x" not in response.text
    assert "hunter2" not in response.text


@pytest.mark.parametrize("fields", [{}, {"email": "a@example.org"}, {"password": "x"}])
def test_an_empty_field_is_named(staffed: Office, fields: dict[str, str]) -> None:
    colleague = Colleague(staffed.site)
    colleague.get("/sign-in")
    response = colleague.post("/sign-in", fields)
    assert response.status_code == 400
    assert "There is a problem" in response.text


def test_an_old_hash_is_made_anew_at_the_next_sign_in(staffed: Office) -> None:
    from argon2 import PasswordHasher

    weak = PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1).hash(PASSWORD)
    with staffed.db.transaction() as connection:
        accounts.change(connection, staffed.ids["analyst"], password=weak)
    assert sign_in(staffed, "analyst")[1].status_code == 303
    (kept,) = rows(staffed.db, "SELECT password FROM account WHERE email = 'analyst@example.org'")[0]
    assert kept.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert sign_in(staffed, "analyst")[1].status_code == 303


def test_a_password_may_be_composed_in_either_way(staffed: Office) -> None:
    with staffed.db.transaction() as connection:
        kept = privacy.password_hash("un café très noir")
        accounts.change(connection, staffed.ids["analyst"], password=kept)
    assert sign_in(staffed, "analyst", "un cafe\u0301 tre\u0300s noir")[1].status_code == 303


def test_a_disabled_account_gets_the_same_page_as_a_wrong_password(staffed: Office) -> None:
    staffing.disable(staffed.db, staffed.ids["analyst"], TODAY, By("x", NOW))
    _, response = sign_in(staffed, "analyst")
    assert response.status_code == 403
    assert "The address or the password is wrong" in response.text


def test_an_account_without_a_password_lets_nobody_in(office: Office) -> None:
    for password in ("", " ", "x" * 12):
        assert sign_in(office, "analyst", password)[1].status_code in {400, 403}


def test_signing_in_changes_the_session_so_that_nobody_can_foist_one(staffed: Office) -> None:
    colleague = staffed.enter("analyst")
    before = token(colleague)
    again(colleague, "author")
    assert token(colleague) != before
    assert "Author" in colleague.get("/").text
    fresh = Colleague(staffed.site)
    fresh.client.set_cookie("staff", before, path="/staff")
    assert "Author" not in fresh.get("/").text


# ── the page that was asked for ──────────────────────────────────────────────


def test_signing_in_leads_to_the_page_that_was_asked_for(staffed: Office) -> None:
    colleague = Colleague(staffed.site)
    asked = colleague.get("/surveys/tiny/trail?who=a")
    assert asked.status_code == 302
    page = colleague.get(asked.location.removeprefix("/staff"))
    (then,) = re.findall(r'name="then" value="([^"]*)"', page.text)
    assert then == "/surveys/tiny/trail?who=a"
    assert sign_in(staffed, "analyst", then=then)[1].location == "/staff/surveys/tiny/trail?who=a"


@pytest.mark.parametrize(
    "then",
    [
        "//evil.example",
        "///evil.example",
        "////evil.example/x",
        "/\\evil.example",
        "\\\\evil.example",
        "https://evil.example",
        "https:evil.example",
        "https:///evil.example",
        "javascript:alert(1)",
        "evil.example",
        "@evil.example",
        "//[",
        "http://[::1",
        "/x\r\nSet-Cookie: a=b",
        "/x\tevil",
        "/\x00",
        "/\u2028evil",
        "/" + "x" * 5000,
    ],
)
def test_no_page_of_others_is_gone_to(staffed: Office, then: str) -> None:
    _, response = sign_in(staffed, "analyst", then=then)
    assert (response.status_code, response.location) == (303, "/staff/")
    assert 'name="then" value="/"' in Colleague(staffed.site).get("/sign-in", query_string={"then": then}).text


# ── a new site ───────────────────────────────────────────────────────────────


def test_a_site_without_accounts_says_how_to_make_the_first(home: Any) -> None:
    site = create_site(home, secure=False, today=lambda: TODAY)
    page = Colleague(site).get("/sign-in").text
    assert "surveyapp staff add name@example.org --role admin" in page
    site.mounts["/staff"].extensions["staff"].db.close()
    site.app.extensions["surveyapp"].db.close()


def test_a_site_with_accounts_does_not(office: Office) -> None:
    assert "staff add" not in Colleague(office.site).get("/sign-in").text


# ── the door shuts on who guesses ────────────────────────────────────────────


def test_ten_failures_shut_out_unknown_browsers_for_a_quarter_of_an_hour(staffed: Office) -> None:
    for _ in range(10):
        assert sign_in(staffed, "analyst", "wrong")[1].status_code == 403
    _, response = sign_in(staffed, "analyst")
    assert response.status_code == 429
    assert "nothing more is tried from here for 15 minutes" in response.text
    assert trail(staffed) == [("analyst@example.org", "door-shut")]
    staffed.now += 15 * 60
    assert sign_in(staffed, "analyst")[1].status_code == 303


def test_whoever_guesses_does_not_shut_out_the_browser_that_its_owner_uses(staffed: Office) -> None:
    owner, _ = sign_in(staffed, "analyst")
    for _ in range(11):
        sign_in(staffed, "analyst", "wrong")
    assert sign_in(staffed, "analyst")[1].status_code == 429
    assert again(owner, "analyst").status_code == 303


def test_a_known_browser_has_ten_attempts_of_its_own(staffed: Office) -> None:
    owner, _ = sign_in(staffed, "analyst")
    for _ in range(10):
        assert again(owner, "analyst", "wrong").status_code == 403
    assert again(owner, "analyst").status_code == 429
    assert sign_in(staffed, "analyst")[1].status_code == 303, "others are counted apart"


def test_the_proof_of_one_account_is_none_for_another(staffed: Office) -> None:
    colleague, _ = sign_in(staffed, "analyst")
    for _ in range(10):
        sign_in(staffed, "author", "wrong")
    assert again(colleague, "author").status_code == 429


def test_one_browser_is_known_to_several_accounts(staffed: Office) -> None:
    shared, _ = sign_in(staffed, "analyst")
    again(shared, "author")
    for who in ("analyst", "author"):
        for _ in range(10):
            sign_in(staffed, who, "wrong")
        assert again(shared, who).status_code == 303


def test_an_unknown_address_shuts_like_a_known_one_and_leaves_no_line(staffed: Office) -> None:
    answers = [sign_in(staffed, "nobody-here", "wrong")[1].status_code for _ in range(11)]
    assert answers == [403] * 10 + [429]
    assert trail(staffed) == []


def test_a_success_ends_the_count(staffed: Office) -> None:
    for _ in range(3):
        for _ in range(6):
            sign_in(staffed, "analyst", "wrong")
        assert sign_in(staffed, "analyst")[1].status_code == 303


def test_failures_long_apart_do_not_add_up(staffed: Office) -> None:
    for _ in range(15):
        assert sign_in(staffed, "analyst", "wrong")[1].status_code == 403
        staffed.now += 2 * 60


def test_the_proof_of_a_browser_is_sealed_and_goes_to_the_staff_pages_alone(staffed: Office) -> None:
    _, response = sign_in(staffed, "analyst")
    (given,) = [c for c in response.headers.getlist("Set-Cookie") if c.startswith("staff-device=")]
    assert "Path=/staff" in given
    assert "HttpOnly" in given
    assert "SameSite=Lax" in given
    assert f"Max-Age={180 * 24 * 3600}" in given
    assert staffed.ids["analyst"].hex() not in given


def test_behind_tls_both_cookies_are_secure(staffed: Office) -> None:
    site = create_site(staffed.home, secure=True, today=lambda: TODAY, now=lambda: NOW)
    client = Colleague(site).client
    page = client.get("/staff/sign-in", base_url="https://x.example").text
    data = {"csrf_token": re.findall(r'csrf_token" value="([^"]+)"', page)[0], "password": PASSWORD}
    response = client.post(
        "/staff/sign-in", data=data | {"email": "analyst@example.org"}, base_url="https://x.example"
    )
    given = response.headers.getlist("Set-Cookie")
    assert sorted(cookie.partition("=")[0] for cookie in given) == ["__Secure-staff", "__Secure-staff-device"]
    assert all("; Secure" in cookie for cookie in given)
    site.mounts["/staff"].extensions["staff"].db.close()
    site.app.extensions["surveyapp"].db.close()


@pytest.mark.parametrize("forged", ["", "x", "e30=", "A" * 900])
def test_an_altered_proof_is_none(staffed: Office, forged: str) -> None:
    for _ in range(10):
        sign_in(staffed, "analyst", "wrong")
    colleague = Colleague(staffed.site)
    colleague.client.set_cookie("staff-device", forged, path="/staff")
    assert again(colleague, "analyst").status_code == 429


def test_a_session_is_no_proof_and_a_proof_no_session(staffed: Office) -> None:
    known, _ = sign_in(staffed, "analyst")
    session = known.client.get_cookie("staff", path="/staff")
    proof = known.client.get_cookie("staff-device", path="/staff")
    assert session
    assert proof
    swapped = Colleague(staffed.site)
    swapped.client.set_cookie("staff", proof.value, path="/staff")
    swapped.client.set_cookie("staff-device", session.value, path="/staff")
    assert swapped.get("/").status_code == 302
    assert again(swapped, "analyst").status_code == 303


def test_no_address_and_no_machine_is_kept_of_who_tries(staffed: Office) -> None:
    colleague = Colleague(staffed.site)
    colleague.get("/sign-in")
    fields = {"email": "somebody@evil.example", "password": "guess-guess-guess"}
    colleague.post("/sign-in", fields, environ_overrides={"REMOTE_ADDR": "192.0.2.77"})
    content = b"".join(path.read_bytes() for path in staffed.home.path.rglob("*") if path.is_file())
    for trace in (b"somebody@evil.example", b"192.0.2.77", b"guess-guess-guess"):
        assert trace not in content


def test_many_attempts_at_once_are_no_way_around_the_limit(staffed: Office) -> None:
    """Each is counted before its password is looked at."""
    porch = Porch(staffed.db, key(staffed), NOW)
    numbers = [admitting._begin_attempt(porch, "password", "analyst@example.org", None).number for _ in range(10)]
    assert numbers == list(range(1, 11))
    with pytest.raises(admitting.ShutOut):
        admitting.enter(porch, "analyst@example.org", PASSWORD)


# ── the second factor ────────────────────────────────────────────────────────


def test_a_manager_shows_a_code_after_the_password(staffed: Office) -> None:
    secret = secret_of(staffed, "manager")
    manager, response = sign_in(staffed, "manager", then="/surveys/tiny")
    assert response.location == "/staff/second"
    before = token(manager)
    manager.get("/second")
    shown = manager.post("/second", {"code": privacy.second_code(secret, NOW)})
    assert (shown.status_code, shown.location) == (303, "/staff/surveys/tiny")
    assert token(manager) != before
    assert title(manager.get("/")) == "Your surveys"
    assert trail(staffed) == [("manager@example.org", "signed-in")]


@pytest.mark.parametrize(("who", "way"), [("manager", "/staff/second"), ("key_holder", "/staff/second/set-up")])
def test_after_the_password_alone_nothing_else_can_be_opened_or_done(staffed: Office, who: str, way: str) -> None:
    secret_of(staffed, "manager")
    colleague, _ = sign_in(staffed, who)
    colleague.get(way.removeprefix("/staff"))
    staff = staffed.site.mounts["/staff"]
    meant = {"/second", "/second/recovery"} if who == "manager" else {"/second/set-up"}
    for rule in staff.url_map.iter_rules():
        permission = PERMISSIONS.get(rule.endpoint)
        if permission is None or permission.roles == ("anyone",) or rule.rule in {*meant, "/sign-out"}:
            continue
        if rule.endpoint.startswith("api."):
            continue
        path = re.sub(r"<hex:\w+>", "0" * 32, rule.rule).replace("<slug:survey>", "tiny")
        path = re.sub(r"<int:\w+>", "1", path).replace("<slug:wave>", "tiny-1")
        path = re.sub(r"<[^>]+>", "none", path)
        response = colleague.post(path) if "POST" in (rule.methods or ()) else colleague.get(path)
        assert (response.status_code, response.location) == (303, way) or response.status_code == 404, rule.rule
        if response.status_code == 404:
            assert "app-areas" not in response.text


def test_who_has_a_second_factor_shows_it_whatever_the_roles(staffed: Office) -> None:
    secret_of(staffed, "analyst")
    analyst, response = sign_in(staffed, "analyst")
    assert response.location == "/staff/second"
    assert analyst.get("/me").location == "/staff/second"


def test_a_code_is_good_for_once(staffed: Office) -> None:
    secret = secret_of(staffed, "manager")
    code = privacy.second_code(secret, NOW)
    for expected in (303, 403):
        manager, _ = sign_in(staffed, "manager")
        manager.get("/second")
        assert manager.post("/second", {"code": code}).status_code == expected
    staffed.now += 30
    assert manager.post("/second", {"code": privacy.second_code(secret, staffed.now)}).status_code == 303


@pytest.mark.parametrize(("late", "expected"), [(-60, 403), (-30, 303), (30, 303), (60, 403)])
def test_a_clock_may_be_half_a_minute_wrong(staffed: Office, late: int, expected: int) -> None:
    secret = secret_of(staffed, "manager")
    manager, _ = sign_in(staffed, "manager")
    manager.get("/second")
    assert manager.post("/second", {"code": privacy.second_code(secret, NOW + late)}).status_code == expected


def test_an_older_code_is_not_taken_after_a_newer_one(staffed: Office) -> None:
    secret = secret_of(staffed, "manager")
    for late, expected in ((30, 303), (0, 403), (30, 403)):
        manager, _ = sign_in(staffed, "manager")
        manager.get("/second")
        assert manager.post("/second", {"code": privacy.second_code(secret, NOW + late)}).status_code == expected


@pytest.mark.parametrize("code", ["", "000000", "12345", "abcdef", "１２３４５６", "x" * 10_000, "é"])
def test_what_is_no_code_is_refused(staffed: Office, code: str) -> None:
    secret_of(staffed, "manager")
    manager, _ = sign_in(staffed, "manager")
    manager.get("/second")
    assert manager.post("/second", {"code": code}).status_code in {400, 403}
    assert manager.get("/").location == "/staff/second"


def test_codes_are_not_guessed_without_end(staffed: Office) -> None:
    secret = secret_of(staffed, "manager")
    manager, _ = sign_in(staffed, "manager")
    manager.get("/second")
    answers = [manager.post("/second", {"code": "000000"}).status_code for _ in range(10)]
    assert answers == [403] * 10
    assert manager.post("/second", {"code": privacy.second_code(secret, NOW)}).status_code == 429
    manager.get("/second/recovery")
    assert manager.post("/second/recovery", {"code": "7K4QX-9M2PB"}).status_code == 429, "the same count"
    assert trail(staffed) == [("manager@example.org", "door-shut")]


def test_the_secret_lies_sealed_and_bound_to_its_account(staffed: Office) -> None:
    secret = secret_of(staffed, "manager")
    content = b"".join(path.read_bytes() for path in staffed.home.path.rglob("*") if path.is_file())
    assert secret.encode() not in content
    change(
        staffed.db, "UPDATE account SET second = (SELECT second FROM account WHERE email = 'manager@example.org')"
    )
    analyst, _ = sign_in(staffed, "analyst")
    analyst.get("/second")
    response = analyst.post("/second", {"code": privacy.second_code(secret, NOW)})
    assert response.status_code == 409
    assert "restore that file" in response.text


# ── setting it up ────────────────────────────────────────────────────────────


def set_up(colleague: Colleague, office: Office, **more: str) -> tuple[str, Any]:
    """Go through the page with an app that has read the key; the key, and the answer."""
    page = colleague.get("/second/set-up").text
    secret = re.findall(r'app-secret">([A-Z2-7 ]+)<', page)[0].replace(" ", "")
    fields = {"code": privacy.second_code(secret, office.now)} | more
    return secret, colleague.post("/second/set-up", fields)


def test_a_guarded_role_sets_up_a_second_factor_at_the_first_sign_in(staffed: Office) -> None:
    admin, response = sign_in(staffed, "admin")
    assert response.location == "/staff/second"
    assert admin.get("/second").location == "/staff/second/set-up"
    secret, done = set_up(admin, staffed)
    assert done.location == "/staff/second/recovery-codes"
    codes = re.findall(r"<code[^>]*>([0-9A-Z-]{11})</code>", admin.get("/second/recovery-codes").text)
    assert len(set(codes)) == 8
    assert admin.post("/second/recovery-codes").location == "/staff/"
    assert "7K" not in codes
    assert not re.findall(r"<code[^>]*>[0-9A-Z-]{11}</code>", admin.get("/second/recovery-codes").text), (
        "shown once"
    )
    assert admin.get("/accounts").status_code == 200
    assert trail(staffed) == [("admin@example.org", "second-set"), ("admin@example.org", "signed-in")]
    staffed.now += 60
    later, _ = sign_in(staffed, "admin")
    later.get("/second")
    assert later.post("/second", {"code": privacy.second_code(secret, staffed.now)}).status_code == 303


def test_the_picture_is_made_of_attributes_alone_and_says_the_same_as_the_text(staffed: Office) -> None:
    admin, _ = sign_in(staffed, "admin")
    page = admin.get("/second/set-up").text
    svg = re.findall(r"<svg.*?</svg>", page, re.DOTALL)[0]
    assert "style" not in svg
    assert svg.count("h1v1h-1z") > 300
    assert re.findall(r"app-secret", page)


def test_looking_at_the_page_twice_shows_the_same_key(staffed: Office) -> None:
    admin, _ = sign_in(staffed, "admin")
    keys = {re.findall(r'app-secret">([A-Z2-7 ]+)<', admin.get("/second/set-up").text)[0] for _ in range(2)}
    assert len(keys) == 1


def test_a_wrong_code_sets_up_nothing(staffed: Office) -> None:
    admin, _ = sign_in(staffed, "admin")
    _, response = set_up(admin, staffed, code="000000")
    assert response.status_code == 400
    assert "The code does not fit" in response.text
    assert admin.get("/accounts").location == "/staff/second/set-up"


def test_who_has_come_in_types_the_password_again(staffed: Office) -> None:
    analyst, _ = sign_in(staffed, "analyst")
    _, refused = set_up(analyst, staffed, password="wrong")
    assert refused.status_code == 400
    assert "This is not your password" in refused.text
    _, done = set_up(analyst, staffed, password=PASSWORD)
    assert done.location == "/staff/second/recovery-codes"


def test_a_password_alone_does_not_replace_the_second_factor(staffed: Office) -> None:
    secret_of(staffed, "manager")
    manager, _ = sign_in(staffed, "manager")
    assert manager.get("/second/set-up").location == "/staff/second"
    porch = Porch(staffed.db, key(staffed), NOW)
    begun = admitting.enter(porch, "manager@example.org", PASSWORD)
    with pytest.raises(NotAllowed):
        admitting.set_up(porch, begun.token, privacy.new_second(), "000000", PASSWORD)


def test_another_second_factor_ends_the_other_sessions(staffed: Office) -> None:
    elsewhere = staffed.enter("analyst")
    analyst, _ = sign_in(staffed, "analyst")
    set_up(analyst, staffed, password=PASSWORD)
    assert elsewhere.get("/").status_code == 302
    assert analyst.get("/").status_code == 200


# ── recovery codes ───────────────────────────────────────────────────────────


def with_spares(office: Office) -> list[str]:
    colleague = office.enter("key_holder")
    set_up(colleague, office)
    return re.findall(r"<code[^>]*>([0-9A-Z-]{11})</code>", colleague.get("/second/recovery-codes").text)


def test_a_recovery_code_lets_in_once(staffed: Office) -> None:
    spares = with_spares(staffed)
    for expected in (303, 403):
        colleague, _ = sign_in(staffed, "key_holder")
        colleague.get("/second/recovery")
        assert colleague.post("/second/recovery", {"code": spares[0].lower()}).status_code == expected
    assert ("key_holder@example.org", "spare-use") in trail(staffed)
    assert colleague.post("/second/recovery", {"code": spares[1]}).status_code == 303
    assert "You have 6 recovery codes left" in colleague.get("/").text


def test_recovery_codes_are_kept_as_hashes_under_the_servers_key(staffed: Office) -> None:
    spares = with_spares(staffed)
    content = staffed.home.database.read_bytes()
    assert not [
        spare for spare in spares if spare.encode() in content or spare.replace("-", "").encode() in content
    ]


def test_new_recovery_codes_end_the_old_ones(staffed: Office) -> None:
    old = with_spares(staffed)
    colleague = staffed.enter("key_holder")
    colleague.get("/me/recovery-codes")
    assert colleague.post("/me/recovery-codes", {"password": "wrong"}).status_code == 400
    assert colleague.post("/me/recovery-codes", {"password": PASSWORD}).status_code == 303
    new = re.findall(r"<code[^>]*>([0-9A-Z-]{11})</code>", colleague.get("/second/recovery-codes").text)
    assert not set(old) & set(new)
    fresh, _ = sign_in(staffed, "key_holder")
    fresh.get("/second/recovery")
    assert fresh.post("/second/recovery", {"code": old[0]}).status_code == 403
    assert fresh.post("/second/recovery", {"code": new[0]}).status_code == 303


# ── links in letters ─────────────────────────────────────────────────────────


def letter(office: Office) -> str:
    """The newest letter to staff."""
    office.site.mounts["/staff"].extensions["staff"].letters.wait()
    letters = sorted((office.home.outbox / "staff").glob("*.eml"), key=lambda path: path.stat().st_mtime)
    return letters[-1].read_text() if letters else ""


def code_in(text: str) -> str:
    return re.findall(r"/staff/welcome#([0-9A-Z-]+)", text)[0]


def ask(office: Office, email: str) -> Any:
    colleague = Colleague(office.site)
    colleague.get("/forgotten")
    return colleague.post("/forgotten", {"email": email})


def choose(office: Office, code: str, password: str, name: str = "") -> tuple[Colleague, Any]:
    colleague = Colleague(office.site)
    colleague.get("/welcome")
    if (shown := colleague.post("/welcome", {"code": code})).status_code != 303:
        return colleague, shown
    colleague.get("/welcome/password")
    return colleague, colleague.post("/welcome/password", {"name": name, "password": password})


def test_an_invitation_sets_name_and_password_and_lets_in(office: Office) -> None:
    code = staffing.invitation(office.db, "analyst@example.org", NOW)
    colleague, response = choose(office, code, PASSWORD, "Ann Alyst")
    assert (response.status_code, response.location) == (303, "/staff/")
    assert "Ann Alyst" in colleague.get("/").text
    assert choose(office, code, OTHER)[1].status_code == 400, "once"
    assert sign_in(office, "analyst")[1].status_code == 303


def test_whoever_needs_a_second_factor_sets_it_up_after_the_invitation(office: Office) -> None:
    code = staffing.invitation(office.db, "manager@example.org", NOW)
    colleague, response = choose(office, code, PASSWORD)
    assert response.location == "/staff/second"
    assert colleague.get("/").location == "/staff/second/set-up"


def test_an_invitation_is_good_for_a_week_and_a_newer_one_ends_it(office: Office) -> None:
    old = staffing.invitation(office.db, "analyst@example.org", NOW)
    new = staffing.invitation(office.db, "analyst@example.org", NOW)
    assert choose(office, old, PASSWORD)[1].status_code == 400
    office.now += 7 * 24 * 3600
    assert "That code is not known" in choose(office, new, PASSWORD)[1].text


@pytest.mark.parametrize("code", ["", "x", "7K4QX-9M2PB-0WDTE-HR63Y", "x" * 10_000, "'; DROP TABLE link; --"])
def test_what_is_no_code_of_a_letter_is_refused(office: Office, code: str) -> None:
    assert choose(office, code, PASSWORD)[1].status_code == 400


def test_the_page_behind_the_code_cannot_be_opened_without_it(office: Office) -> None:
    assert Colleague(office.site).get("/welcome/password").location == "/staff/welcome"


def test_a_forgotten_password_is_set_by_a_letter(staffed: Office) -> None:
    elsewhere = staffed.enter("analyst")
    ask(staffed, "Analyst@example.org ")
    text = letter(staffed)
    assert "To: analyst@example.org" in text
    assert "http://127.0.0.1:8000/staff/welcome#" in text
    _, response = choose(staffed, code_in(text), OTHER)
    assert response.location == "/staff/sign-in"
    assert elsewhere.get("/").status_code == 302, "its sessions end"
    assert sign_in(staffed, "analyst")[1].status_code == 403
    assert sign_in(staffed, "analyst", OTHER)[1].status_code == 303
    assert choose(staffed, code_in(text), PASSWORD)[1].status_code == 400, "once"
    acts = [("analyst@example.org", what) for what in ("reset-ask", "password-set", "signed-in")]
    assert trail(staffed) == acts


def test_the_answer_is_the_same_whether_or_not_there_is_such_an_account(staffed: Office) -> None:
    answers = set()
    for email in ("analyst@example.org", "nobody@example.org"):
        response = ask(staffed, email)
        answers.add((response.status_code, response.location))
    assert answers == {(303, "/staff/sign-in")}
    letter(staffed)
    assert len(list((staffed.home.outbox / "staff").glob("*.eml"))) == 1


def test_only_what_is_the_same_for_everybody_is_done_before_the_answer(staffed: Office) -> None:
    """Until the answer nothing is looked up, so nothing takes longer."""
    waiting: list[Any] = []
    staffed.site.mounts["/staff"].extensions["staff"].letters.put = waiting.append
    before = rows(staffed.db, "SELECT * FROM link")
    for email in ("analyst@example.org", "nobody@example.org"):
        ask(staffed, email)
    assert len(waiting) == 2
    assert rows(staffed.db, "SELECT * FROM link") == before
    del staffed.site.mounts["/staff"].extensions["staff"].letters.put


@pytest.fixture
def cut_off(staffed: Office) -> Office:
    """Analyst and a stranger have asked for a letter, and the process ends before it sends one."""
    staffed.site.mounts["/staff"].extensions["staff"].letters.put = lambda _work: None
    for email in ("analyst@example.org", "hedgehog@example.org"):
        ask(staffed, email)
    return staffed


def test_a_letter_that_waited_when_the_process_ended_is_sent_by_a_worker(cut_off: Office) -> None:
    later = NOW + queue.LEASE + 1
    working.run_waiting(cut_off.db, cut_off.home, TODAY, lambda: later)  # the jobs are doubted first
    working.run_waiting(cut_off.db, cut_off.home, TODAY, lambda: later + queue.DOUBT + 1)
    (sent,) = (cut_off.home.outbox / "staff").glob("*.eml")
    assert choose(cut_off, code_in(sent.read_text()), OTHER)[1].location == "/staff/sign-in"
    assert rows(cut_off.db, "SELECT * FROM job") == []


def test_while_a_letter_waits_the_store_has_neither_its_code_nor_a_typed_address(cut_off: Office) -> None:
    assert len(rows(cut_off.db, "SELECT * FROM job")) == 2
    assert rows(cut_off.db, "SELECT * FROM link") == []
    assert b"hedgehog" not in everything(cut_off.db)


def test_a_letter_that_is_sent_or_fails_leaves_nothing_in_the_store(
    staffed: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(staffed, "analyst@example.org")
    assert letter(staffed)
    assert rows(staffed.db, "SELECT * FROM job") == []
    monkeypatch.setenv("SURVEYAPP_SMTP", "smtp://127.0.0.1:1")
    ask(staffed, "analyst@example.org")
    letter(staffed)
    assert rows(staffed.db, "SELECT * FROM job") == []


def test_strangers_cannot_fill_the_queue(staffed: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resets, "MOST_WAITING", 2)
    staffed.site.mounts["/staff"].extensions["staff"].letters.put = lambda _work: None
    for number in range(4):
        ask(staffed, f"x{number}@example.org")
    assert len(rows(staffed.db, "SELECT * FROM job")) == 2


def test_a_reset_link_is_good_for_an_hour(staffed: Office) -> None:
    ask(staffed, "analyst@example.org")
    code = code_in(letter(staffed))
    staffed.now += 60 * 60
    assert choose(staffed, code, OTHER)[1].status_code == 400


def test_a_reset_does_not_get_around_the_second_factor(staffed: Office) -> None:
    secret_of(staffed, "manager")
    ask(staffed, "manager@example.org")
    colleague, response = choose(staffed, code_in(letter(staffed)), OTHER)
    assert response.location == "/staff/sign-in"
    assert again(colleague, "manager", OTHER).location == "/staff/second"
    assert colleague.get("/").location == "/staff/second"


def test_a_reset_opens_the_door_to_a_browser_that_was_shut_out(staffed: Office) -> None:
    for _ in range(10):
        sign_in(staffed, "analyst", "wrong")
    ask(staffed, "analyst@example.org")
    colleague, _ = choose(staffed, code_in(letter(staffed)), OTHER)
    assert again(colleague, "analyst", OTHER).status_code == 303
    assert sign_in(staffed, "analyst", OTHER)[1].status_code == 429


def test_nobody_is_sent_more_than_three_letters_an_hour(staffed: Office) -> None:
    for _ in range(5):
        ask(staffed, "analyst@example.org")
    letter(staffed)
    assert trail(staffed) == [("analyst@example.org", "reset-ask")] * 3


def test_a_disabled_account_is_sent_nothing_and_its_links_are_void(staffed: Office) -> None:
    ask(staffed, "analyst@example.org")
    code = code_in(letter(staffed))
    staffing.disable(staffed.db, staffed.ids["analyst"], TODAY, By("x", NOW))
    assert choose(staffed, code, OTHER)[1].status_code == 400
    ask(staffed, "analyst@example.org")
    assert code_in(letter(staffed)) == code, "no newer one"


@pytest.mark.parametrize(
    ("password", "said"),
    [
        ("short words", "fewer than 12 characters"),
        ("password1234", "one of those that are tried first"),
        ("Password1234", "one of those that are tried first"),
        ("aaaaaaaaaaaaaaa", "one of those that are tried first"),
        ("analyst@example.org", "made of your own address or name"),
        ("AnalystExampleOrg", "made of your own address or name"),
        ("Ann Alyst 2012", "made of your own address or name"),
        ("x" * 201, "more than 200 characters"),
    ],
)
def test_a_poor_password_is_refused_with_the_remedy(office: Office, password: str, said: str) -> None:
    code = staffing.invitation(office.db, "analyst@example.org", NOW)
    _, response = choose(office, code, password, "Ann Alyst")
    assert response.status_code == 400
    assert said in response.text
    assert choose(office, code, PASSWORD, "Ann Alyst")[1].status_code == 303, "the link was not used up"


@pytest.mark.parametrize(
    "password", ["three unlikely words", "ÆØÅ æøå ÆØÅ æøå", "            x y z  ", "correct 🐎 battery"]
)
def test_any_signs_will_do(office: Office, password: str) -> None:
    code = staffing.invitation(office.db, "analyst@example.org", NOW)
    assert choose(office, code, password, "Ann")[1].status_code == 303
    assert sign_in(office, "analyst", password)[1].status_code == 303


def test_links_name_the_address_that_is_set_and_not_what_a_browser_says(
    staffed: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SURVEYAPP_ADDRESS", "https://survey.example.org/")
    colleague = Colleague(staffed.site)
    colleague.get("/forgotten", headers={"Host": "evil.example"})
    colleague.post("/forgotten", {"email": "analyst@example.org"}, headers={"Host": "evil.example"})
    text = letter(staffed)
    assert "https://survey.example.org/staff/welcome#" in text
    assert "evil.example" not in text


def test_letters_leave_the_machine_only_with_an_address_and_a_sender(staffed: Office) -> None:
    server = Server(Settings("127.0.0.1", 1, "plain"))
    with pytest.raises(SurveyError, match="SURVEYAPP_ADDRESS"):
        admitting.send_reset(staffed.db, Post(server), "analyst@example.org", NOW)
    assert rows(staffed.db, "SELECT * FROM link") == []


@pytest.mark.parametrize(
    "address", ["survey.example.org", "ftp://x.example", "https://x y", "https://x.example/#a"]
)
def test_a_wrong_address_of_the_site_is_refused(home: Any, monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("SURVEYAPP_ADDRESS", address)
    with pytest.raises(SurveyError, match=r"write https://survey\.example\.org"):
        resets.post(home)


def test_a_letter_that_fails_does_not_end_the_post_room(tmp_path: Path) -> None:
    room, done = postroom.PostRoom(), []

    def fail() -> None:
        raise SurveyError("no")

    for work in (fail, lambda: 1 / 0, lambda: done.append(1)):
        room.put(work)
    room.wait()
    assert done == [1]


# ── sessions ─────────────────────────────────────────────────────────────────


def test_a_session_is_over_after_twelve_hours_however_busy(staffed: Office) -> None:
    analyst, _ = sign_in(staffed, "analyst")
    staffed.now += 12 * 3600 - 1
    assert analyst.get("/").status_code == 200
    staffed.now += 1
    assert "/sign-in" in analyst.get("/").location


def test_a_session_is_over_after_half_an_hour_without_a_page(staffed: Office) -> None:
    with time_machine.travel(NOW, tick=False) as clock:
        analyst, _ = sign_in(staffed, "analyst")
        for _ in range(4):
            clock.shift(29 * 60)
            assert analyst.get("/").status_code == 200
        clock.shift(30 * 60)
        assert "/sign-in" in analyst.get("/").location


def test_a_cookie_is_worth_nothing_after_signing_out(staffed: Office) -> None:
    analyst, _ = sign_in(staffed, "analyst")
    analyst.get("/")
    kept = token(analyst)
    assert analyst.post("/sign-out").location == "/staff/sign-in"
    analyst.client.set_cookie("staff", kept, path="/staff")
    assert analyst.get("/").status_code == 302


def test_the_other_sessions_can_be_ended(staffed: Office) -> None:
    elsewhere, _ = sign_in(staffed, "analyst")
    analyst, _ = sign_in(staffed, "analyst")
    assert analyst.get("/me").text.count("<li>Since ") == 2
    analyst.post("/me/sessions")
    assert elsewhere.get("/").status_code == 302
    assert analyst.get("/me").text.count("<li>Since ") == 1


def test_a_changed_password_ends_every_other_session(staffed: Office) -> None:
    elsewhere, _ = sign_in(staffed, "analyst")
    analyst, _ = sign_in(staffed, "analyst")
    analyst.get("/me")
    kept = token(analyst)
    done = analyst.post("/me/password", {"present": PASSWORD, "password": OTHER})
    assert done.location == "/staff/me"
    assert elsewhere.get("/").status_code == 302
    assert analyst.get("/me").status_code == 200
    assert token(analyst) != kept
    assert sign_in(staffed, "analyst", OTHER)[1].status_code == 303
    assert ("analyst@example.org", "password-change") in trail(staffed)


@pytest.mark.parametrize(
    ("present", "password", "said"),
    [
        ("wrong", OTHER, "This is not your password"),
        (PASSWORD, "short", "fewer than 12"),
        ("", "", "not your password"),
    ],
)
def test_a_password_is_changed_only_by_who_knows_it(
    staffed: Office, present: str, password: str, said: str
) -> None:
    analyst, _ = sign_in(staffed, "analyst")
    analyst.get("/me")
    response = analyst.post("/me/password", {"present": present, "password": password})
    assert response.status_code == 400
    assert said in response.text
    assert sign_in(staffed, "analyst")[1].status_code == 303


def test_ones_own_page_takes_no_roles_and_no_other_account(staffed: Office) -> None:
    analyst, _ = sign_in(staffed, "analyst")
    analyst.get("/me")
    fields = {
        "name": "<b>Ann</b>",
        "role": "admin",
        "admin": "y",
        "duty": "tiny:manager",
        "email": "x@example.org",
    }
    analyst.post("/me/name", fields)
    page = analyst.get("/me").text
    assert "&lt;b&gt;Ann&lt;/b&gt;" in page
    assert analyst.get("/accounts").status_code == 403
    with staffed.db.reading() as connection:
        assert MANAGER not in accounts.roles_of(connection, staffed.ids["analyst"])["tiny"]


def test_new_guarded_roles_end_the_sessions_of_who_has_no_second_factor(staffed: Office) -> None:
    analyst = staffed.enter("analyst")
    roles = {"tiny": frozenset({"analyst", "manager"})}
    staffing.set_roles(staffed.db, staffed.ids["analyst"], roles, By("x", NOW))
    assert "/sign-in" in analyst.get("/").location


# ── below the web, on both stores ────────────────────────────────────────────


@pytest.mark.stores
def test_the_whole_way_on_each_store(db: Database) -> None:
    staff_key = bytes(32)
    account = staffing.add_account(
        db, "m@example.org", "M", {"s": frozenset({MANAGER})}, TODAY, by=By("office", NOW)
    )
    porch = Porch(db, staff_key, NOW)
    begun = admitting.use_link(porch, staffing.invitation(db, "m@example.org", NOW), "Em", PASSWORD)
    assert begun
    assert not begun.done
    secret = privacy.new_second()
    entered, spares = admitting.set_up(porch, begun.token, secret, privacy.second_code(secret, NOW), "")
    assert entered.done
    later = Porch(db, staff_key, NOW + 60)
    with pytest.raises(NotAdmitted):
        admitting.enter(later, "m@example.org", "wrong")
    token = admitting.enter(later, "m@example.org", PASSWORD).token
    shown = admitting.show_second(later, token, privacy.second_code(secret, NOW + 60))
    assert staffing.member(db, token, NOW + 60) is None
    member = staffing.member(db, shown.token, NOW + 60)
    assert member
    assert (member.name, member.second, member.is_through) == ("Em", True, True)
    token = admitting.enter(later, "m@example.org", PASSWORD).token
    assert admitting.show_spare(later, token, spares[3])[1] == 7
    staffing.take_second(db, account.id, "m@example.org", By("office", NOW))
    assert staffing.member(db, shown.token, NOW + 60) is None
    assert staffing.broken(db) is None
    assert [act.what for _, act in reversed(staffing.acts(db))] == [
        "account-add",
        "roles-change",
        "password-set",
        "second-set",
        "signed-in",
        "signed-in",
        "spare-use",
        "signed-in",
        "second-take",
    ]


def test_an_account_can_be_made_with_a_password_but_with_no_poor_one(db: Database) -> None:
    staffing.add_account(db, "a@example.org", "", {}, TODAY, password=PASSWORD)
    with pytest.raises(Refused, match="tried first"):
        staffing.add_account(db, "b@example.org", "", {}, TODAY, password="password1234")
    with pytest.raises(Refused, match="there is an account with this address"):
        staffing.add_account(db, "A@example.org", "", {}, TODAY)
