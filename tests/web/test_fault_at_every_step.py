"""A fault in any function that handles answers, its words full of them, leaves a type and a line in the log."""

import logging
import re
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import event
from werkzeug import Response

import surveyapp
from surveyapp import collecting
from surveyapp.problems import AlreadyReceived
from surveyapp.storage import desks
from surveyapp.web import errors
from surveyapp.web.safety import log
from surveyapp.web.server import Worker
from tests.makers import TODAY
from tests.web.conftest import Site, Visitor

OURS = str(Path(surveyapp.__file__).parent)
WORDS = "CANARY, what somebody wrote"

Request = Callable[[Visitor], Any]
REQUESTS: dict[str, Request] = {
    "sending": lambda visitor: visitor.post("/answer/send"),
    "saving a page": lambda visitor: visitor.post("/answer/page/p2", {"issues": WORDS}),
    "the check page": lambda visitor: visitor.get("/answer/check"),
}

STATEMENTS = {"sending": 4, "saving a page": 2}
"""Both read once; the first then marks the invitation, puts in the box and erases the draft, the second saves."""


class Fault(Exception):
    """One that says everything it should not."""


class Trip:
    """Notes the functions of ours that are entered, and raises in one of them."""

    def __init__(self, at: int | None) -> None:
        self.at = at
        self.entered: list[CodeType] = []

    def __call__(self, frame: FrameType, kind: str, _argument: object) -> None:
        if kind != "call" or not frame.f_code.co_filename.startswith(OURS):
            return
        self.entered.append(frame.f_code)
        if len(self.entered) - 1 == self.at:
            sys.setprofile(None)
            raise Fault(WORDS, frame.f_locals)

    def over(self, request: Request, visitor: Visitor) -> Any:
        """The answer to a request that goes over it. What the app lets out goes to the server's last resort."""
        sys.setprofile(self)
        try:
            return request(visitor)
        except Exception as fault:  # noqa: BLE001 (the page that says sorry may fail too)
            ours, theirs = socket.socketpair()
            with ours, theirs:
                Worker.handle_error(None, None, ours, ("127.0.0.1", 1), fault)
                return Response(theirs.recv(9000).decode().partition("\r\n\r\n")[2], 500)
        finally:
            sys.setprofile(None)


def first_calls(entered: list[CodeType]) -> list[int]:
    """The number of the first call of each function."""
    return [entered.index(code) for code in dict.fromkeys(entered)]


def seasoned(site: Site, unit: str) -> Visitor:
    """A visitor who has saved all pages and reads the check page; the words are among the answers."""
    visitor = site.visitor(unit)
    visitor.save("p1", {"kind": "yes"})
    visitor.save("p2", {"issues": WORDS})
    visitor.get("/answer/check")
    return visitor


@pytest.mark.parametrize("what", REQUESTS)
def test_a_fault_in_any_function_is_logged_by_type_and_line(
    site: Site, what: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
):
    caplog.set_level(logging.DEBUG)
    units, request = iter(site.codes), REQUESTS[what]
    taken = Trip(None)
    taken.over(request, seasoned(site, next(units)))
    visitor = seasoned(site, unit := next(units))
    sprung = 0
    for at in first_calls(taken.entered):
        caplog.clear()
        trip = Trip(at)
        answer = trip.over(request, visitor)
        if len(trip.entered) > at:  # some functions are called at the first request alone
            sprung += 1
            written = caplog.text + "".join(capfd.readouterr())
            assert answer.status_code == 500
            assert re.search(r"fault Fault (at \w+\.(py|html):\d+|in the server)", written), (
                "type and line, or nothing"
            )
            assert leaks(written, site.codes[unit]) == []
            assert "CANARY" not in answer.get_data(as_text=True)
        if what == "sending" and was_received(site, unit):
            visitor = seasoned(site, unit := next(units))
    assert sprung > 60


@pytest.mark.parametrize("what", ["sending", "saving a page"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_fault_of_any_statement_is_logged_without_its_values(
    site: Site, what: str, when: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
):
    """The errors of SQLAlchemy print the statement with all its values."""
    caplog.set_level(logging.DEBUG)
    visitor, engine = seasoned(site, "U001"), site.app.extensions["surveyapp"].db.engine
    for at in range(100):
        caplog.clear()
        failing = _fail_at(at)
        event.listen(engine, f"{when}_cursor_execute", failing)
        answer = REQUESTS[what](visitor)
        event.remove(engine, f"{when}_cursor_execute", failing)
        if answer.status_code == 303:
            break
        written = caplog.text + "".join(capfd.readouterr())
        assert answer.status_code == 500
        assert "fault IntegrityError at " in written
        assert leaks(written, site.codes["U001"]) == []
    assert at == STATEMENTS[what], "every statement has failed once"


@pytest.mark.parametrize("what", REQUESTS)
def test_a_careless_log_would_be_found(
    site: Site, what: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setattr(errors, "log_fault", lambda error: log.error("fault", exc_info=error))
    visitor, taken = seasoned(site, "U001"), Trip(None)
    taken.over(REQUESTS[what], seasoned(site, "U002"))
    caplog.clear()
    Trip(taken.entered.index(desks.laid.__code__)).over(REQUESTS[what], visitor)
    assert "CANARY" in leaks(caplog.text, site.codes["U001"])


def leaks(written: str, code: str) -> list[str]:
    """What of a respondent stands in what was written."""
    traces = ("CANARY", code, code.replace("-", ""), "/answer", "U001", "127.0.0.1", "issues")
    return [trace for trace in traces if trace in written]


def was_received(site: Site, unit: str) -> bool:
    try:
        collecting.enter(site.db, site.pepper, site.codes[unit], TODAY)
    except AlreadyReceived:
        return True
    return False


def _fail_at(number: int) -> Callable[..., None]:
    """A listener that fails at the statement with this number."""
    seen = iter(range(10_000))

    def fail(_connection: Any, _cursor: Any, statement: str, values: Any, *_: Any) -> None:
        if next(seen) == number:
            raise sa.exc.IntegrityError(statement, [WORDS, *map(repr, [values])], Exception(WORDS))

    return fail
