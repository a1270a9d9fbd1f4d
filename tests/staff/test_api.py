"""The API for scripts: what a token opens, what comes back, and that its description is true."""

import json
import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from werkzeug.test import Client, TestResponse

from surveyapp import campaigning, reporting, staffing, working
from surveyapp.roles import ROLES, Member
from surveyapp.storage import accounts
from surveyapp.storage.trail import Sought
from surveyapp.web.staff import api, openapi
from surveyapp.web.staff.doors import ANYONE, PERMISSIONS
from tests.makers import TODAY, change, make_all_types, make_answers, make_wave, rows, send
from tests.staff.conftest import Office, title

DOCUMENT = openapi.document()
UNTIL = TODAY + timedelta(days=30)
SCRIPTS = ("manager", "author", "analyst")


class Script:
    """A programme with a token."""

    def __init__(self, office: Office, token: str) -> None:
        self.client = Client(office.site)
        self.head = {"Authorization": f"Bearer {token}"} if token else {}

    def get(self, path: str, **more: Any) -> TestResponse:
        return self.client.get(f"/staff/api/v1{path}", headers=self.head, **more)

    def post(self, path: str, body: Any = None, **more: Any) -> TestResponse:
        data = body if isinstance(body, bytes) else json.dumps({} if body is None else body)
        return self.client.post(f"/staff/api/v1{path}", headers=self.head, data=data, **more)


def script(office: Office, role: str, survey: str = "tiny") -> Script:
    """A script with a token that the member with this role has made; in the survey "other" the stranger has."""
    who = role if survey == "tiny" else "stranger"
    with office.db.reading() as connection:
        known = accounts.by_email(connection, f"{who}@example.org")
        assert known is not None
        member = Member(known.id, known.email, known.name, accounts.roles_of(connection, known.id))
        number = len(accounts.tokens(connection))
    return Script(office, staffing.make_token(office.db, member, survey, role, f"script {number}", UNTIL, TODAY))


def report(office: Office) -> None:
    """The wave is answered by all, closed and opened."""
    for number, code in enumerate(office.codes.values()):
        send(office.db, code, make_answers(kind="yes" if number % 2 else "no"))
    campaigning.close_wave(office.db, "tiny-1", TODAY)
    reporting.open_tray(office.db, "tiny-1", office.key)


PLAN = {"survey": "tiny", "title": "Two", "tables": [{"id": "1", "question": "kind"}]}

# ── the description ──────────────────────────────────────────────────────────


def test_the_description_is_valid() -> None:
    assert list(OpenAPIV31SpecValidator(DOCUMENT).iter_errors()) == []


def test_every_door_is_described_and_nothing_else(office: Office) -> None:
    staff = office.site.mounts["/staff"]
    doors = {rule.endpoint.removeprefix("api.") for rule in staff.url_map.iter_rules() if "api." in rule.endpoint}
    told = {
        operation["operationId"]: (path, method, operation)
        for path, methods in DOCUMENT["paths"].items()
        for method, operation in methods.items()
    }
    assert set(told) == doors == set(openapi.OPERATIONS)
    for rule in staff.url_map.iter_rules():
        if rule.endpoint.startswith("api."):
            path, method, operation = told[rule.endpoint.removeprefix("api.")]
            assert "/api/v1" + path == re.sub(r"<\w+:(\w+)>", r"{\1}", rule.rule)
            assert method.upper() in (rule.methods or ())
            assert operation["x-roles"] == list(PERMISSIONS[rule.endpoint].roles)
            in_path = [each["name"] for each in operation["parameters"] if each["in"] == "path"]
            assert in_path == re.findall(r"{(\w+)}", path)
            assert any(status.startswith("2") for status in operation["responses"])
            assert "429" in operation["responses"]


def test_the_patterns_are_those_of_the_addresses(office: Office) -> None:
    converters = office.site.mounts["/staff"].url_map.converters
    assert {name: converters[name].regex for name in openapi._CONVERTERS} == openapi._CONVERTERS


def test_the_description_is_served_to_anyone_and_kept_with_the_manual(office: Office) -> None:
    answer = Script(office, "").get("/openapi.json")
    assert answer.json == DOCUMENT
    kept = Path(__file__).parents[2] / "docs" / "openapi.json"
    assert json.loads(kept.read_text(encoding="utf-8")) == DOCUMENT, "run `make schemas`"


def test_the_manual_names_every_address() -> None:
    manual = (Path(__file__).parents[2] / "docs" / "api.md").read_text(encoding="utf-8")
    for path in DOCUMENT["paths"]:
        short = path.removeprefix("/surveys/{survey}")
        known = re.sub(r"{(\w+)}", lambda found: {"job": "ID"}.get(found[1], found[1].upper()), short)
        assert known in manual, "write it into docs/api.md"


def fits(answer: TestResponse, view: str) -> Any:
    """The JSON of an answer, which must be as its operation says for its status."""
    methods = next(m for m in DOCUMENT["paths"].values() for o in m.values() if o["operationId"] == view)
    operation = next(o for o in methods.values() if o["operationId"] == view)
    told = operation["responses"][str(answer.status_code)]
    if "$ref" in told:
        told = DOCUMENT["components"]["responses"][told["$ref"].rpartition("/")[2]]
    schema = told["content"]["application/json"]["schema"]
    whole = jsonschema.Draft202012Validator(_inlined(schema))
    errors = [error.message for error in whole.iter_errors(answer.json)]
    assert errors == []
    return answer.json


def _inlined(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A schema that can stand alone: the shapes beside it under $defs."""
    text = json.dumps({**schema, "$defs": DOCUMENT["components"]["schemas"]})
    found: dict[str, Any] = json.loads(text.replace("#/components/schemas/", "#/$defs/"))
    return found


# ── who may what ─────────────────────────────────────────────────────────────


def walk() -> list[tuple[str, str, tuple[str, ...]]]:
    """Method, address and roles of each door but the description's."""
    values = {"survey": "tiny", "wave": "tiny-1", "version": "1", "job": "0" * 32}
    return [
        (
            method,
            re.sub(r"<\w+:(\w+)>", lambda found: values[found[1]], rule),
            PERMISSIONS[f"api.{name}"].roles,
        )
        for method, rule, name in api.door.rules
        if PERMISSIONS[f"api.{name}"].roles != (ANYONE,)
    ]


def ask(who: Script, method: str, path: str) -> TestResponse:
    return who.get(path) if method == "GET" else who.post(path, b"{}")


@pytest.mark.parametrize("role", SCRIPTS)
def test_a_token_does_what_its_role_may_in_its_survey(office: Office, role: str) -> None:
    who = script(office, role)
    for method, path, roles in walk():
        status = ask(who, method, path).status_code
        assert status < 500, path
        assert (status == 403) == (role not in roles), (path, status)
        assert status != 401


@pytest.mark.parametrize("role", SCRIPTS)
def test_a_token_of_another_survey_finds_nothing(office: Office, role: str) -> None:
    who = script(office, role, "other")
    for method, path, _ in walk():
        assert ask(who, method, path).status_code == 404, path


@pytest.mark.parametrize("role", SCRIPTS)
def test_the_wave_of_another_survey_is_not_there_by_token(office: Office, role: str) -> None:
    change(
        office.db, "INSERT INTO version SELECT 'other', version, hash, document, published_on, NULL FROM version"
    )
    change(office.db, "UPDATE wave SET survey = 'other'")
    who = script(office, role)
    for method, path, roles in walk():
        if "/waves/" in path and role in roles:
            assert ask(who, method, path).status_code == 404, path


@pytest.mark.parametrize("token", ["", "nonsense", "0" * 43, "é", "a b c"])
def test_without_a_good_token_nothing_opens(office: Office, token: str) -> None:
    for method, path, _ in walk():
        answer = ask(Script(office, token.encode().decode("latin-1")), method, path)
        assert answer.status_code == 401, path
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert answer.json is not None
        assert set(answer.json) == {"error", "message", "problems"}


def test_a_cookie_is_no_token(office: Office) -> None:
    analyst = office.enter("analyst")
    assert analyst.get("/api/v1/surveys/tiny/waves").status_code == 401
    assert analyst.client.post("/staff/api/v1/surveys/tiny/versions", data=b"{}").status_code == 401


def test_a_token_is_no_cookie(office: Office) -> None:
    who = script(office, "analyst")
    assert who.client.get("/staff/surveys/tiny/tables", headers=who.head).status_code == 302


def test_asking_changes_nothing(office: Office) -> None:
    scripts = [script(office, role) for role in SCRIPTS]
    tables = [name for (name,) in rows(office.db, "SELECT name FROM sqlite_master WHERE type = 'table'")]
    tables.remove("asking")  # how often each token has asked within this minute
    before = {name: rows(office.db, f"SELECT * FROM {name}") for name in tables}
    for who in scripts:
        for method, path, _ in walk():
            if method == "GET":
                who.get(path)
        who.post("/surveys/tiny/waves/tiny-1/tables", PLAN)
    assert {name: rows(office.db, f"SELECT * FROM {name}") for name in tables} == before


@pytest.mark.parametrize("path", ["/nonsense", "/surveys/tiny/nonsense", "/surveys/tiny/versions/<x>"])
def test_what_is_not_there_says_so_as_json(office: Office, path: str) -> None:
    answer = script(office, "author").get(path)
    assert (answer.status_code, answer.mimetype) == (404, "application/json")


def test_a_method_that_there_is_not_is_refused_as_json(office: Office) -> None:
    who = script(office, "author")
    answer = who.client.delete("/staff/api/v1/surveys/tiny/waves", headers=who.head)
    assert (answer.status_code, answer.mimetype) == (405, "application/json")


def test_who_asks_too_often_waits(office: Office) -> None:
    who, other = script(office, "author"), script(office, "author")
    for _ in range(60):
        assert who.get("/surveys/tiny/waves").status_code == 200
    answer = who.get("/surveys/tiny/waves")
    fits(answer, "waves")
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, str(60 - office.now % 60))
    assert other.get("/surveys/tiny/waves").status_code == 200, "another token has minutes of its own"
    office.now += 60
    assert who.get("/surveys/tiny/waves").status_code == 200


# ── what a token is worth ────────────────────────────────────────────────────


def test_a_token_is_worth_no_more_than_its_maker(office: Office) -> None:
    who = script(office, "analyst")
    with office.db.transaction() as connection:
        accounts.take(connection, office.ids["analyst"], "tiny", "analyst")
    assert who.get("/surveys/tiny/waves").status_code == 401


def test_a_token_ends_with_its_makers_account(office: Office) -> None:
    who = script(office, "analyst")
    with office.db.transaction() as connection:
        accounts.change(connection, office.ids["analyst"], disabled_on=TODAY.isoformat())
    assert who.get("/surveys/tiny/waves").status_code == 401


def test_a_token_ends_after_its_last_day(office: Office) -> None:
    who = script(office, "analyst")
    for until, status in ((TODAY, 200), (TODAY - timedelta(days=1), 401)):
        change(office.db, f"UPDATE token SET until = '{until}'")
        assert who.get("/surveys/tiny/waves").status_code == status


def test_a_token_is_kept_as_a_hash(office: Office) -> None:
    token = script(office, "analyst").head["Authorization"].removeprefix("Bearer ")
    assert token.encode() not in office.db.path.read_bytes()


# ── waves, tables, microdata ─────────────────────────────────────────────────


def test_waves_are_listed(office: Office) -> None:
    found = fits(script(office, "author").get("/surveys/tiny/waves"), "waves")
    assert found == {
        "waves": [
            {
                "name": "tiny-1",
                "version": "1",
                "kind": "listed",
                "state": "open",
                "opened_on": "2012-01-16",
                "closes_on": None,
                "closed_on": None,
                "paused_on": None,
            }
        ]
    }


@pytest.mark.parametrize(
    ("role", "counts"),
    [
        ("manager", {"frame": 40, "issued": 40, "invited": 40, "received": 10, "tray": 10, "released": 0}),
        ("analyst", {"tray": 10, "released": 0}),
        ("author", {}),
    ],
)
def test_a_wave_has_the_counts_that_the_role_may_see(office: Office, role: str, counts: dict[str, int]) -> None:
    for number in range(1, 11):
        send(office.db, office.codes[f"U{number:03}"], make_answers())
    found = fits(script(office, role).get("/surveys/tiny/waves/tiny-1"), "wave")
    assert {name: value for name, value in found.items() if isinstance(value, int)} == counts


@pytest.mark.parametrize("role", ["manager", "analyst"])
def test_who_asks_every_minute_does_not_learn_when_the_first_answers_came(office: Office, role: str) -> None:
    who, seen = script(office, role), []
    for number in range(1, 10):
        send(office.db, office.codes[f"U{number:03}"], make_answers())
        found = fits(who.get("/surveys/tiny/waves/tiny-1"), "wave")
        seen.append({name: found.get(name) for name in ("received", "tray", "released")})
    assert seen == [seen[0]] * 9
    assert seen[0]["tray"] == seen[0]["released"] == {"from": 0, "to": 9}
    assert seen[0]["received"] == ({"from": 1, "to": 9} if role == "manager" else None)


def test_managers_get_rates_as_they_may_be_printed(office: Office) -> None:
    send(office.db, office.codes["U001"], make_answers())
    who = script(office, "manager")
    found = fits(who.get("/surveys/tiny/waves/tiny-1/rates?by=region"), "response_rates")
    assert found["all"]["issued"] == 40
    assert [row["name"] for row in found["strata"]["region"]] == ["North", "South"]
    refused = who.get("/surveys/tiny/waves/tiny-1/rates?by=colour")
    assert fits(refused, "response_rates")["problems"][0]["at"] == "colour"


def test_analysts_get_protected_tables(office: Office) -> None:
    report(office)
    who = script(office, "analyst")
    found = fits(who.get("/surveys/tiny/waves/tiny-1/tables"), "tables")
    assert found["tables"][0]["base"]["n"] == 40
    by_plan = fits(who.post("/surveys/tiny/waves/tiny-1/tables", PLAN), "tables_of")
    assert [table["id"] for table in by_plan["tables"]] == ["1"]
    assert [cell["percent"] for row in by_plan["tables"][0]["rows"] for cell in row["cells"]] == [50.0, 50.0, 0.0]
    assert rows(office.db, "SELECT count(*) FROM publication") == [(0,)], "looking publishes nothing"


def test_a_plan_that_will_not_do_is_refused_with_its_problems(office: Office) -> None:
    report(office)
    who = script(office, "analyst")
    wrong = {**PLAN, "tables": [{"id": "1", "question": "kin"}]}
    answer = who.post("/surveys/tiny/waves/tiny-1/tables", wrong)
    assert answer.status_code == 400
    (problem,) = fits(answer, "tables_of")["problems"]
    assert (problem["at"], problem["line"]) == ("/tables/0/question", 1)
    assert who.get("/surveys/tiny/waves/tiny-1/tables?plan=nonsense").status_code == 404
    assert who.post("/surveys/tiny/waves/tiny-1/tables", b"\xff{").status_code == 400


def test_a_plan_does_not_reach_into_another_survey(office: Office) -> None:
    report(office)
    other = make_all_types(survey="other")
    make_wave(office.db, "other-1", other)
    plan = {**PLAN, "tables": [{"id": "1", "question": "kind", "audiences": ["other-1"]}]}
    who = script(office, "analyst")
    for content in (json.dumps(plan).encode(), b"\xef\xbb\xbf" + json.dumps(plan).encode()):
        assert who.post("/surveys/tiny/waves/tiny-1/tables", content).status_code == 404


def test_tables_of_answers_that_wait_are_refused(office: Office) -> None:
    answer = script(office, "analyst").get("/surveys/tiny/waves/tiny-1/tables")
    assert answer.status_code == 409
    assert "no answers of tiny-1 have been released yet" in fits(answer, "tables")["message"]


def test_a_data_file_is_asked_for_waited_for_and_fetched(office: Office) -> None:
    report(office)
    who = script(office, "analyst")
    answer = who.post("/surveys/tiny/waves/tiny-1/microdata", {"format": "csv", "identifying": []})
    job = fits(answer, "microdata")
    assert (answer.status_code, job["state"]) == (202, "waiting")
    there = answer.location.removeprefix("/staff/api/v1")
    assert who.get(f"{there}/file").status_code == 404
    working.run_waiting(office.db, office.home, TODAY, lambda: office.now)
    done = fits(who.get(there), "job")
    assert (done["state"], done["said"] and done["state"]) == ("done", "done" if done["said"] else "")
    file = who.get(f"{there}/file", buffered=True)
    assert file.headers["Content-Disposition"].startswith("attachment;")
    assert file.data
    assert fits(who.get("/surveys/tiny/jobs"), "jobs")["jobs"] == [done]
    acts = staffing.acts(office.db, Sought("tiny"))
    assert [(act.what, act.object, "token" in act.who) for _, act in acts] == [("microdata-ask", "tiny-1", True)]


@pytest.mark.parametrize(
    ("body", "at"),
    [
        (b"[]", ""),
        (b"{", ""),
        (b"[" * 100_000, ""),
        ({"format": "exe"}, "/format"),
        ({"formt": "csv"}, "/formt"),
        ({"leave_out": "kind"}, "/leave_out"),
        ({"identifying": [1]}, "/identifying"),
    ],
)
def test_a_wish_that_cannot_be_met_is_refused(office: Office, body: Any, at: str) -> None:
    answer = script(office, "analyst").post("/surveys/tiny/waves/tiny-1/microdata", body)
    assert answer.status_code == 400
    assert [problem["at"] for problem in fits(answer, "microdata")["problems"]] == [at]
    assert working.listed(office.db, "tiny") == []


# ── versions ─────────────────────────────────────────────────────────────────


def test_a_version_is_published_and_read_back_byte_for_byte(office: Office) -> None:
    who = script(office, "author")
    content = json.dumps(make_all_types(version="2"), indent=3).encode()
    answer = who.post("/surveys/tiny/versions", content)
    assert (answer.status_code, fits(answer, "publish")["new"]) == (201, True)
    assert who.get(answer.location.removeprefix("/staff/api/v1")).data == content
    again = who.post("/surveys/tiny/versions", content)
    assert (again.status_code, fits(again, "publish")["new"]) == (200, False)
    listed = fits(who.get("/surveys/tiny/versions"), "versions")["versions"]
    assert [version["version"] for version in listed] == ["1", "2"]
    said = [(act.what, act.who.partition(" ")[0]) for _, act in staffing.acts(office.db, Sought("tiny"))]
    assert said == [("version-publish", "author@example.org")] * 2


def test_a_questionnaire_with_problems_is_refused_with_all_of_them(office: Office) -> None:
    document = make_all_types(version="2")
    document["minuts"], document["sections"][0]["titel"] = 3, "x"
    answer = script(office, "author").post("/surveys/tiny/versions", document)
    assert answer.status_code == 400
    found = fits(answer, "publish")["problems"]
    assert len(found) >= 2
    assert all(problem["line"] for problem in found)
    assert rows(office.db, "SELECT count(*) FROM version") == [(1,)]


def test_other_content_under_a_published_name_is_refused(office: Office) -> None:
    answer = script(office, "author").post("/surveys/tiny/versions", make_all_types(title="Another"))
    assert answer.status_code == 409
    fits(answer, "publish")


def test_a_questionnaire_of_another_survey_is_refused(office: Office) -> None:
    answer = script(office, "author").post("/surveys/tiny/versions", make_all_types(survey="other"))
    assert [problem["at"] for problem in fits(answer, "publish")["problems"]] == ["/survey"]


def test_two_versions_are_compared(office: Office) -> None:
    who = script(office, "author")
    document = make_all_types(version="2")
    document["sections"][0]["pages"][0]["questions"][0]["options"][0]["code"] = "aye"
    who.post("/surveys/tiny/versions", document)
    found = fits(who.get("/surveys/tiny/versions/2/diff?since=1"), "difference")
    assert (found["old"], found["new"], found["breaks"]) == ("1", "2", ["kind"])
    assert who.get("/surveys/tiny/versions/2/diff").status_code == 400
    assert who.get("/surveys/tiny/versions/2/diff?since=9").status_code == 404


# ── the page of tokens ───────────────────────────────────────────────────────


def test_a_token_is_made_shown_once_and_works(office: Office) -> None:
    analyst = office.enter("analyst")
    assert "You have no token" in analyst.get("/surveys/tiny/tokens").text
    page = analyst.post(
        "/surveys/tiny/tokens", {"label": "weekly tables", "role": "analyst", "until": "2012-03-01"}
    )
    found = re.search(r'aria-label="The token">([\w-]{43})<', page.text)
    assert found
    assert Script(office, found[1]).get("/surveys/tiny/waves").status_code == 200
    listed = analyst.get("/surveys/tiny/tokens").text
    assert "weekly tables" in listed
    assert found[1] not in listed
    (_, act) = staffing.acts(office.db, Sought("tiny"))[0]
    assert (act.who, act.what) == ("analyst@example.org", "token-make")
    assert act.said == "label: weekly tables, role: analyst, until: 2012-03-01"


def test_a_token_is_taken_back_by_its_maker_alone(office: Office) -> None:
    who = script(office, "analyst")
    (token,) = staffing.tokens(office.db, "tiny", office.ids["analyst"])
    for other, survey in (("manager", "tiny"), ("stranger", "other")):
        colleague = office.enter(other)
        colleague.get(f"/surveys/{survey}/tokens")
        answer = colleague.post(f"/surveys/{survey}/tokens/{token.token.hex()[:32]}/take-back")
        assert answer.status_code == 404
    analyst = office.enter("analyst")
    analyst.get("/surveys/tiny/tokens")
    analyst.post(f"/surveys/tiny/tokens/{token.token.hex()[:32]}/take-back")
    assert who.get("/surveys/tiny/waves").status_code == 401


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"label": ""}, "Say what the script is for"),
        ({"label": "x" * 41}, "1 to 40 characters"),
        ({"label": "two\nlines"}, "1 to 40 characters"),
        ({"role": "manager"}, "Not a valid choice"),
        ({"role": "key_holder"}, "Not a valid choice"),
        ({"role": ""}, "Choose what the script may do"),
        ({"until": "2012-01-15"}, "the last day is over"),
        ({"until": "2013-01-16"}, "more than a year off"),
        ({"until": "31/02/2012"}, "Not a valid date"),
        ({"until": ""}, "Enter the last day"),
    ],
)
def test_a_wrong_token_is_not_made(office: Office, fields: dict[str, str], words: str) -> None:
    analyst = office.enter("analyst")
    analyst.get("/surveys/tiny/tokens")
    given = {"label": "tables", "role": "analyst", "until": "2012-03-01", **fields}
    answer = analyst.post("/surveys/tiny/tokens", given)
    assert answer.status_code == 400
    assert words.lower() in answer.text.lower()
    assert title(answer) == "Tokens for scripts"
    assert rows(office.db, "SELECT count(*) FROM token") == [(0,)]


def test_a_name_of_a_token_is_text(office: Office) -> None:
    analyst = office.enter("analyst")
    analyst.get("/surveys/tiny/tokens")
    hostile = {"label": "<script>alert(1)</script>", "role": "analyst", "until": "2012-03-01"}
    assert "<script>alert" not in analyst.post("/surveys/tiny/tokens", hostile).text
    assert "&lt;script&gt;alert" in analyst.get("/surveys/tiny/tokens").text


def test_every_role_of_a_script_is_one_of_the_roles() -> None:
    assert set(SCRIPTS) == set(staffing.TOKEN_ROLES) < set(ROLES)
