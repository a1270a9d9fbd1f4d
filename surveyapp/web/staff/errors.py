"""Where refusals become pages of the staff site, or JSON for scripts: one table decides the status."""

import logging

from flask import Flask, jsonify, render_template, request
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import BadHost, HTTPException

from surveyapp import problems
from surveyapp.storage.papers import Overtaken
from surveyapp.web.safety import log_fault
from surveyapp.web.staff.doors import NotAdmittedByToken, TooOften

log = logging.getLogger("surveyapp.staff")
"""Faults by type and line. What staff do is in the trail, not here."""

STATUSES: dict[type[Exception], tuple[int, str]] = {
    NotAdmittedByToken: (401, "That token is not good"),
    TooOften: (429, "That was too often"),
    problems.NotAllowed: (403, "You cannot do that"),
    problems.NotAdmitted: (403, "You are not signed in"),
    problems.NotFound: (404, "Page not found"),
    Overtaken: (409, "Somebody else changed this"),
    problems.Refused: (400, "That cannot be done yet"),
    problems.NotSaved: (503, "That was not saved"),
    problems.NotRead: (503, "That cannot be shown now"),
    CSRFError: (400, "That form is too old"),
    problems.SurveyError: (409, "That cannot be done"),
}
"""By kind, the particular ones first."""

_HTTP = {
    400: ("That form could not be read", "Go back and try again."),
    403: ("That is not possible", "The form did not come from this site."),
    404: ("Page not found", "Check the address, or begin again on the first page."),
    405: ("That is not possible", "Go back and use the buttons on the page."),
    413: ("That file is too large", "Choose a smaller file, or use the command line on the server."),
}
_EXPIRED = "You have been away for a while. Go back, open the page again and repeat what you did."
_FAULT = ("Something went wrong", "It is our fault, and it has been noted. What was saved before is still there.")


def handle(app: Flask) -> None:
    """Install the pages of all errors on an app."""

    @app.errorhandler(Exception)
    def _any(error: Exception) -> ResponseReturnValue:
        for kind, (status, title) in STATUSES.items():
            if isinstance(error, kind):
                return _page(status, title, _EXPIRED if kind is CSRFError else str(error), error)
        if isinstance(error, BadHost):
            return "The name of this site could not be read.\n", 400, {"Content-Type": "text/plain"}
        if isinstance(error, HTTPException) and error.code and error.code < 500:
            return (
                error.get_response() if error.code < 400 else _page(error.code, *_HTTP.get(error.code, _HTTP[400]))
            )
        log_fault(getattr(error, "original_exception", None) or error, log)
        return _page(500, *_FAULT)


def _page(status: int, title: str, words: str, error: Exception | None = None) -> ResponseReturnValue:
    found = error.problems if isinstance(error, problems.Refused) else ()
    if request.path.startswith("/api/"):
        listed = [{"at": p.at, "line": p.line, "what": p.what, "do": p.do} for p in found]
        return jsonify(error=title, message=words, problems=listed), status, _advice(status, error)
    words = words[:1].upper() + words[1:]
    body = render_template("staff/refusal.html", title=title, words=words, found=found)
    return body, status, _advice(status, error)


def _advice(status: int, error: Exception | None) -> dict[str, str]:
    """What a programme looks for in the head of a refusal."""
    if status == 401:
        return {"WWW-Authenticate": "Bearer"}
    if isinstance(error, TooOften):
        return {"Retry-After": str(error.seconds)}
    return {"Retry-After": "10"} if status == 503 else {}
