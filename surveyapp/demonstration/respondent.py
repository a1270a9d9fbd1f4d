"""A scripted respondent: reads our pages as a browser without scripts does, and sends their forms over HTTP."""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from html.parser import HTMLParser
from http.cookiejar import CookieJar
from urllib.error import HTTPError
from urllib.parse import urlencode, urljoin
from urllib.request import HTTPCookieProcessor, OpenerDirector, build_opener

from flask import Flask
from werkzeug.serving import WSGIRequestHandler, make_server

from surveyapp.problems import SurveyError

Answers = Mapping[str, str | Sequence[str]]
_MOST_PAGES = 200


class _Quiet(WSGIRequestHandler):
    def log_request(self, code: object = "-", size: object = "-") -> None:
        """Say nothing about a request."""


@contextmanager
def answering_over_http(app: Flask) -> Iterator[Callable[[str, Answers], None]]:
    """Serve `app` on this machine while the block lasts; gives a function that sends one set of answers."""
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Quiet)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield lambda code, answers: Respondent(f"http://127.0.0.1:{server.port}/").answer(code, answers)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Respondent:
    """One browser: its cookies and the page it is on."""

    def __init__(self, address: str) -> None:
        self.opener: OpenerDirector = build_opener(HTTPCookieProcessor(CookieJar()))
        self.page = self._get(address)

    def answer(self, code: str, answers: Answers) -> None:
        """Type the code, fill in page after page, check, send. Raises `SurveyError` where the pages refuse."""
        self._post({"code": [code]})
        self._post({})
        for _ in range(_MOST_PAGES):
            if self.page.address.endswith("/answer/check"):
                break
            fields = {name: _values(answers.get(name)) for name in self.page.names}
            self._post({**fields, **self.page.hidden})
        self._post({})
        if not self.page.address.endswith("/answer/done"):
            raise SurveyError(f"the pages did not take the answers; they ended at {self.page.address}")

    def _get(self, address: str) -> "_Page":
        with self.opener.open(address, timeout=30) as response:
            return _Page(response.url, response.read().decode())

    def _post(self, fields: Mapping[str, Sequence[str]]) -> None:
        token = {"csrf_token": [self.page.token]}
        pairs = [(name, value) for name, values in {**token, **fields}.items() for value in values]
        target = urljoin(self.page.address, self.page.action)
        try:
            with self.opener.open(target, urlencode(pairs).encode(), timeout=30) as response:
                self.page = _Page(response.url, response.read().decode())
        except HTTPError as error:
            raise SurveyError(f"the pages answered {error.code} at {target}") from None


class _Page(HTMLParser):
    """The form of a page: where it goes, its token, what else it carries, the names of its fields."""

    def __init__(self, address: str, text: str) -> None:
        super().__init__()
        self.address, self.action, self.token = address, "", ""
        self.names: set[str] = set()
        self.hidden: dict[str, list[str]] = {}
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect forms and fields."""
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.action = given.get("action", "")
        elif tag in {"input", "textarea"} and given.get("name") == "csrf_token":
            self.token = given["value"]
        elif tag == "input" and given.get("type") == "hidden":
            self.hidden.setdefault(given.get("name", ""), []).append(given.get("value", ""))
        elif tag in {"input", "textarea"}:
            self.names.add(given.get("name", ""))


def _values(answer: str | Sequence[str] | None) -> Sequence[str]:
    if answer is None:
        return []
    return [answer] if isinstance(answer, str) else answer
