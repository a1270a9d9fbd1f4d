"""What holds for every request: headers, the proof that a form is ours, silent addresses, harmless GETs."""

import hashlib
import re

import pytest

from surveyapp import collecting
from tests.web.conftest import MakeSite, Site, Visitor, refused

STATUSES = {
    200: ("GET", "/"),
    302: ("GET", "/answer/page/nothing"),
    400: ("POST", "/answer"),
    403: ("GET", "/answer/done"),
    404: ("GET", "/nothing"),
    405: ("DELETE", "/"),
    413: ("POST", "/answer/start"),
    500: ("GET", "/health"),
}


def answer_with(site: Site, status: int, monkeypatch: pytest.MonkeyPatch):
    method, path = STATUSES[status]
    visitor = site.visitor("U001")
    if status == 500:
        monkeypatch.setattr(collecting, "in_the_field", lambda *_: 1 / 0)
    data = {"x": "x" * 1_000_000} if status == 413 else None
    answer = visitor.client.open(path, method=method, data=data)
    assert answer.status_code == status
    return answer


def assert_guarded(answer) -> None:
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "form-action 'self'" in policy
    assert "base-uri 'none'" in policy
    assert "unsafe" not in policy
    assert "'nonce-'" not in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert "Server" not in answer.headers


@pytest.mark.parametrize("status", STATUSES)
def test_every_status_carries_the_headers(site: Site, status, monkeypatch):
    answer = answer_with(site, status, monkeypatch)
    assert_guarded(answer)
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Strict-Transport-Security" not in answer.headers


def test_behind_tls_the_browser_is_told_to_stay_there(make_site: MakeSite):
    answer = make_site(secure=True).visitor().get("/nothing")
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"


def test_static_files_carry_them_too_and_may_be_kept(site: Site):
    visitor = site.visitor()
    found = re.findall(r'(?:href|src)="(/static/[^"]+)"', visitor.get("/").text)
    assert len(found) == 3
    for address in found:
        with visitor.client.get(address) as answer:
            assert answer.status_code == 200
            assert_guarded(answer)
            assert "max-age=31536000" in answer.headers["Cache-Control"]
            assert "Access-Control-Allow-Origin" not in answer.headers
            assert "Set-Cookie" not in answer.headers
            assert re.search(r"\?v=[0-9a-f]{12}$", address)


def test_a_static_file_that_is_known_already_is_not_sent_again(site: Site):
    with site.visitor().client.get("/static/app.css") as first:
        tag = first.headers["ETag"]
    with site.visitor().client.get("/static/app.css", headers={"If-None-Match": tag}) as again:
        assert (again.status_code, again.data) == (304, b"")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_static_files_can_only_be_fetched(site: Site, method):
    answer = site.visitor().client.open("/static/app.css", method=method)
    assert answer.status_code in {404, 405}
    assert_guarded(answer)


def test_each_page_has_a_nonce_of_its_own(site: Site):
    found = []
    for _ in range(2):
        page = site.visitor().get("/")
        nonce = re.search(r"'nonce-([^']+)'", page.headers["Content-Security-Policy"])
        assert nonce
        assert f'nonce="{nonce[1]}"' in page.text
        found.append(nonce[1])
    assert found[0] != found[1]


# ── the proof that a form comes from our own page ────────────────────────────

FOREIGN = [
    {"Origin": "https://evil.example"},
    {"Origin": "http://localhost.evil.example"},
    {"Origin": "https://localhost"},
    {"Origin": "http://localhost:8080"},
    {"Origin": "null"},
    {"Origin": ""},
    {"Origin": "null", "Sec-Fetch-Site": "none"},
    {"Origin": "null", "Sec-Fetch-Site": "cross-site"},
    {"Origin": "http://localhost", "Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "none"},
    {"Sec-Fetch-Site": ""},
]

OURS = [
    {"Origin": "http://localhost"},
    {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"},
    {"Origin": "null", "Sec-Fetch-Site": "same-origin"},
    {"Sec-Fetch-Site": "same-origin"},
    {},
]


@pytest.mark.parametrize("headers", FOREIGN)
def test_a_form_from_elsewhere_is_refused_even_with_our_token(site: Site, headers):
    visitor = site.visitor("U001")
    visitor.get("/answer/page/p1")
    refused(visitor.post("/answer/page/p1", {"kind": "yes"}, headers=headers), 403, "That is not possible")
    assert site.draft("U001") == {}


@pytest.mark.parametrize("headers", OURS)
def test_a_form_of_ours_is_taken(site: Site, headers):
    visitor = site.visitor("U001")
    visitor.get("/answer/page/p1")
    assert visitor.post("/answer/page/p1", {"kind": "yes"}, headers=headers).status_code == 303


def test_a_form_from_elsewhere_without_token_is_refused_as_foreign(site: Site):
    answer = site.visitor().client.post("/answer", headers={"Origin": "https://evil.example"})
    refused(answer, 403, "That is not possible")
    assert_guarded(answer)


@pytest.mark.parametrize(("origin", "status"), [("https://localhost", 303), ("http://localhost", 403)])
def test_behind_tls_our_origin_is_https_whatever_the_proxy_speaks(make_site: MakeSite, origin, status):
    site = make_site(secure=True)
    visitor = Visitor(site.app)
    visitor.get("/", base_url="https://localhost")
    environ = {"wsgi.url_scheme": "http"}
    headers = {"Origin": origin, "Cookie": f"__Host-answer={visitor.client.get_cookie('__Host-answer').value}"}
    answer = site.app.test_client(use_cookies=False).post(
        "/answer",
        data={"csrf_token": visitor.token, "code": site.codes["U001"]},
        headers=headers,
        environ_overrides=environ,
    )
    assert answer.status_code == status


# ── addresses and GETs ───────────────────────────────────────────────────────


def test_no_address_ever_holds_the_code(site: Site):
    visitor = site.visitor()
    code = site.codes["U001"]
    seen = [visitor.get("/"), visitor.post("/answer", {"code": code})]
    seen += [visitor.get("/answer/start"), visitor.post("/answer/start")]
    seen += [visitor.save("p1", {"kind": "yes", "then": "later"}), visitor.get("/answer/saved")]
    seen += [visitor.save("p2", {}), visitor.get("/answer/check"), visitor.post("/answer/send")]
    seen += [visitor.get("/answer/done")]
    for answer in seen:
        for form in (code, code.replace("-", ""), code.lower()):
            assert form not in answer.text
            assert form not in str(answer.headers)


def test_reading_every_page_changes_nothing_in_the_store(make_site: MakeSite):
    site = make_site()
    make_site(name="all-2012", anyone=True)
    visitor = site.filled("U001")

    def contents() -> dict[str, str]:
        files = (path for path in site.home.path.rglob("*") if path.is_file())
        return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}

    before, walked = contents(), 0
    for rule in site.app.url_map.iter_rules():
        if "GET" in (rule.methods or ()) and not rule.build_only:
            for value in ("p1", "p2", "all-2012", "nothing"):
                for query in ("", "?to=check&open=1&then=later", "?kind=no&code=x"):
                    address = re.sub(r"<[^>]+>", value, rule.rule) + query
                    assert visitor.get(address).status_code < 500
                    assert visitor.client.head(address).status_code < 500
                    walked += 1
    assert walked > 50
    assert contents() == before
