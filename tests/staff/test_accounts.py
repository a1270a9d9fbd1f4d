"""Accounts: who is added, with which roles, who is disabled; and who may not be."""

import pytest

from surveyapp import privacy, staffing
from surveyapp.problems import NotFound, SurveyError
from surveyapp.roles import ADMIN, ANALYST, AUTHOR, MANAGER, Member, sees_both
from surveyapp.staffing import By
from surveyapp.storage import accounts
from tests.makers import TODAY, rows
from tests.staff.conftest import NOW, Office, title

HOSTILE = '<script>alert(1)</script>"&'
BY = By("office", NOW)


def at(office: Office, who: str) -> str:
    """The address of an account's page."""
    return f"/accounts/{office.ids[who].hex()}"


def roles(office: Office, who: str) -> dict[str, frozenset[str]]:
    with office.db.reading() as connection:
        return dict(accounts.roles_of(connection, office.ids[who]))


def said(office: Office) -> list[tuple[str, str, str, str, str]]:
    return [(act.who, act.what, act.object, act.survey, act.said) for _, act in reversed(staffing.acts(office.db))]


# ── the list ─────────────────────────────────────────────────────────────────


def test_the_list_has_everybody_with_roles_and_state(office: Office) -> None:
    page = office.enter("admin").get("/accounts").text
    assert "7 of 7 accounts" in page
    assert "tiny: key holder" in page
    assert "other: analyst, author, key holder, manager" in page
    assert "(sees organisations and answers in other)" in page
    assert "invited, letter has run out" in page


@pytest.mark.parametrize(
    ("query", "number"),
    [
        ("find=ANAL", 1),
        ("find=example.org", 7),
        ("survey=tiny", 4),
        ("survey=other", 1),
        ("state=invited", 7),
        ("state=disabled", 0),
        ("find=%25", 0),
        ("find='%20OR%201=1", 0),
        ("survey=tiny&find=manager", 1),
    ],
)
def test_the_list_can_be_searched(office: Office, query: str, number: int) -> None:
    page = office.enter("admin").get(f"/accounts?{query}").text
    assert f"{number} of 7 accounts" in page if number else "No account fits" in page


def test_hostile_text_shows_as_text(office: Office) -> None:
    admin = office.enter("admin")
    admin.get(at(office, "analyst"))
    admin.post(f"{at(office, 'analyst')}/name", {"name": HOSTILE})
    for path in ("/accounts", at(office, "analyst"), f"/accounts?find={HOSTILE}"):
        page = admin.get(path).text
        assert "<script>alert" not in page
        assert "&lt;script&gt;" in page


# ── adding ───────────────────────────────────────────────────────────────────


def test_somebody_is_added_with_roles_and_a_letter(office: Office) -> None:
    admin = office.enter("admin")
    admin.get("/accounts/new")
    fields = {"email": " New@Example.org", "name": "New  Body", "survey": "dat", "new": "analyst"}
    response = admin.post("/accounts/new", fields | {"duty": "tiny:author"})
    assert response.status_code == 303
    page = admin.get(response.location.removeprefix("/staff"))
    assert title(page) == "New Body"
    assert "The account was added. A letter with a link" in page.text
    (kept,) = (office.home.outbox / "staff").glob("*.eml")
    assert "To: new@example.org" in kept.read_text()
    with office.db.reading() as connection:
        account = accounts.by_email(connection, "new@example.org")
        assert account
        held = accounts.roles_of(connection, account.id)
    assert held == {"dat": frozenset({ANALYST}), "tiny": frozenset({AUTHOR})}
    assert said(office) == [
        ("admin@example.org", "account-add", "new@example.org", "", ""),
        ("admin@example.org", "roles-change", "new@example.org", "dat", "gave analyst"),
        ("admin@example.org", "roles-change", "new@example.org", "tiny", "gave author"),
        ("admin@example.org", "invitation-make", "new@example.org", "", ""),
    ]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"email": ""}, "Enter the e-mail address"),
        ({"email": "nonsense"}, "This is not an e-mail address"),
        ({"email": "a@b.example\nBcc: c@d.example"}, "This is not an e-mail address"),
        ({"email": "analyst@example.org"}, "There is an account with this address"),
        ({"email": "x@example.org", "survey": "dat"}, "No role is ticked for the other survey"),
        ({"email": "x@example.org", "new": "analyst"}, "The name of the other survey is missing"),
        ({"email": "x@example.org", "survey": "../x", "new": "analyst"}, "cannot be the name of a survey"),
        ({"email": "x@example.org", "survey": HOSTILE, "new": "analyst"}, "cannot be the name of a survey"),
        ({"email": "x@example.org", "duty": "tiny:emperor"}, "emperor is no role here"),
        ({"email": "x@example.org", "duty": "tiny:admin"}, "admin is no role here"),
        ({"email": "x@example.org", "name": "x" * 201}, "The name is too long"),
        ({"email": "x@example.org", "name": "a\x1b[31mb"}, "The name is too long"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_added(office: Office, fields: dict[str, str], words: str) -> None:
    admin = office.enter("admin")
    admin.get("/accounts/new")
    response = admin.post("/accounts/new", fields)
    assert response.status_code == 400
    assert words in response.text
    assert rows(office.db, "SELECT count(*) FROM account") == [(7,)]
    assert "<script>alert" not in response.text


def test_what_was_ticked_stays_ticked(office: Office) -> None:
    admin = office.enter("admin")
    admin.get("/accounts/new")
    page = admin.post("/accounts/new", {"email": "nonsense", "duty": "tiny:author", "admin": "y"}).text
    assert 'value="tiny:author" checked' in page
    assert 'name="admin" type="checkbox" value="y" checked' in page


def test_a_letter_that_cannot_leave_is_told_and_the_account_stays(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SURVEYAPP_SMTP", "smtp://127.0.0.1:1")
    admin = office.enter("admin")
    admin.get("/accounts/new")
    response = admin.post("/accounts/new", {"email": "new@example.org"})
    page = admin.get(response.location.removeprefix("/staff")).text
    assert "The letter was not sent: letters to staff need the address of this site" in page
    assert "Send the invitation again" in page


def test_an_invitation_is_sent_again_only_to_who_has_not_come_in(office: Office) -> None:
    admin = office.enter("admin")
    admin.get(at(office, "analyst"))
    admin.post(f"{at(office, 'analyst')}/invitation")
    assert "the link in the letter still works" in admin.get(at(office, "analyst")).text
    with office.db.transaction() as connection:
        accounts.change(connection, office.ids["analyst"], password="$argon2id$x")
    admin.post(f"{at(office, 'analyst')}/invitation")
    page = admin.get(at(office, "analyst")).text
    assert "The letter was not sent: analyst@example.org has a password" in page


def test_an_invitation_needs_an_account(office: Office) -> None:
    with pytest.raises(NotFound, match="there is no account 'x@example"):
        staffing.invitation(office.db, "x@example.org", NOW)


# ── roles ────────────────────────────────────────────────────────────────────


def test_roles_are_given_and_taken_and_the_trail_of_each_survey_says_so(office: Office) -> None:
    admin = office.enter("admin")
    admin.get(at(office, "analyst"))
    response = admin.post(
        f"{at(office, 'analyst')}/roles", {"duty": "tiny:author", "survey": "dat", "new": "analyst"}
    )
    assert response.status_code == 303
    assert roles(office, "analyst") == {"tiny": frozenset({AUTHOR}), "dat": frozenset({ANALYST})}
    assert said(office) == [
        ("admin@example.org", "roles-change", "analyst@example.org", "dat", "gave analyst"),
        ("admin@example.org", "roles-change", "analyst@example.org", "tiny", "gave author, took analyst"),
    ]


def test_who_would_see_frame_and_answers_is_warned_of(office: Office) -> None:
    with office.db.transaction() as connection:
        accounts.give(connection, office.ids["analyst"], "tiny", MANAGER)
    page = office.enter("admin").get(at(office, "analyst")).text
    assert "In tiny this person is manager and analyst, and sees both who was asked and what was answered" in page
    assert "manager and analyst, and sees both" not in office.enter("admin").get(at(office, "manager")).text


def test_seeing_both_is_a_matter_of_one_survey() -> None:
    assert sees_both({"a": frozenset({MANAGER}), "b": frozenset({ANALYST})}) == []
    assert sees_both({"b": frozenset({MANAGER, ANALYST}), "a": frozenset({MANAGER, ANALYST, AUTHOR})}) == [
        "a",
        "b",
    ]


def test_roles_work_at_once(office: Office) -> None:
    author = office.enter("author")
    assert author.get("/surveys/other/trail").status_code == 404
    staffing.set_roles(office.db, office.ids["author"], {"other": frozenset({AUTHOR})}, BY)
    assert author.get("/surveys/other/trail").status_code == 200
    assert author.get("/surveys/tiny/trail").status_code == 404


def test_the_last_administrator_stays(office: Office) -> None:
    admin = office.enter("admin")
    admin.get(at(office, "admin"))
    for act in ("roles", "disabled"):
        response = admin.post(f"{at(office, 'admin')}/{act}")
        assert response.status_code == 409
        assert "make another administrator first" in response.text
    staffing.set_roles(office.db, office.ids["author"], {"": frozenset({ADMIN})}, BY)
    admin.get(at(office, "admin"))
    assert admin.post(f"{at(office, 'admin')}/disabled").status_code == 303


def test_a_disabled_administrator_does_not_count(office: Office) -> None:
    staffing.set_roles(office.db, office.ids["author"], {"": frozenset({ADMIN})}, BY)
    staffing.disable(office.db, office.ids["author"], TODAY, BY)
    with pytest.raises(SurveyError, match="last account that keeps the accounts"):
        staffing.disable(office.db, office.ids["admin"], TODAY, BY)


# ── disabling ────────────────────────────────────────────────────────────────


def test_a_disabled_account_is_out_at_once_and_comes_back_with_its_roles(office: Office) -> None:
    analyst, admin = office.enter("analyst"), office.enter("admin")
    admin.get(at(office, "analyst"))
    admin.post(f"{at(office, 'analyst')}/disabled")
    assert "/sign-in" in analyst.get("/").location
    assert "Disabled since 2012-01-16" in admin.get(at(office, "analyst")).text
    admin.post(f"{at(office, 'analyst')}/enabled")
    assert roles(office, "analyst") == {"tiny": frozenset({ANALYST})}
    assert office.enter("analyst").get("/").status_code == 200
    assert [what for _, what, *_ in said(office)] == ["account-disable", "account-enable"]


# ── a lost second factor ─────────────────────────────────────────────────────


def with_second(office: Office, who: str) -> None:
    with office.db.transaction() as connection:
        sealed = privacy.seal_text(bytes(32), "A" * 32, office.ids[who])
        accounts.change(connection, office.ids[who], second=sealed, recovery="ab cd")


def test_a_lost_second_factor_is_taken_away_and_sessions_end(office: Office) -> None:
    with_second(office, "manager")
    manager, admin = office.enter("manager"), office.enter("admin")
    admin.get(at(office, "manager"))
    wrong = admin.post(f"{at(office, 'manager')}/second", {"typed": "somebody@example.org"})
    assert wrong.status_code == 400
    assert "type manager@example.org to confirm" in wrong.text
    assert manager.get("/").status_code == 200
    admin.post(f"{at(office, 'manager')}/second", {"typed": " Manager@example.org"})
    assert "/sign-in" in manager.get("/").location
    assert rows(office.db, "SELECT length(second), recovery FROM account WHERE name = 'Manager'") == [(0, "")]
    assert said(office)[-1] == ("admin@example.org", "second-take", "manager@example.org", "", "")


def test_the_form_for_it_is_there_only_where_there_is_one(office: Office) -> None:
    admin = office.enter("admin")
    assert "A lost second factor" not in admin.get(at(office, "manager")).text
    with_second(office, "manager")
    assert "A lost second factor" in admin.get(at(office, "manager")).text


# ── who may ──────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("who", ["manager", "author", "analyst", "key_holder", "stranger", "newcomer"])
def test_only_administrators_keep_accounts(office: Office, who: str) -> None:
    colleague = office.enter(who)
    colleague.get("/")
    assert colleague.get("/accounts").status_code == 403
    assert colleague.post(f"{at(office, who)}/roles", {"admin": "y"}).status_code == 403
    assert not Member(b"", "", "", roles(office, who)).is_admin


def test_an_account_that_is_not_there_is_not_found(office: Office) -> None:
    admin = office.enter("admin")
    assert title(admin.get(f"/accounts/{'0' * 32}")) == "Page not found"
    for act in ("name", "roles", "invitation", "disabled", "enabled", "second"):
        assert admin.post(f"/accounts/{'0' * 32}/{act}").status_code == 404
