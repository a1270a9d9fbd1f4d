"""Where the errors of the trade become pages: one table, nothing else decides a status."""

from flask import Flask, make_response, render_template
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import BadHost, HTTPException, MethodNotAllowed

from surveyapp import problems
from surveyapp.web.safety import log, log_fault

RECEIVED = "Answers received"
_AGAIN = "Enter your access code again. What you had saved is still there."

PAGES: dict[type[Exception], tuple[int, str, list[str]]] = {
    problems.AlreadyReceived: (
        410,
        RECEIVED,
        ["The answers for this access code have been received. There is nothing more to do."],
    ),
    problems.WaveNotOpen: (403, "This survey has closed", ["It no longer takes answers."]),
    problems.UnknownCode: (403, "Your visit has ended", [_AGAIN]),
    problems.NotFound: (404, "Page not found", ["Check the address, or begin again on the first page."]),
    problems.Refused: (
        400,
        "That form could not be read",
        ["Your browser sent something that our pages do not send. Go back and try again."],
    ),
    problems.NotSaved: (
        503,
        "Your answers were not saved",
        ["The service is busy. What you saved before is still there. Go back and try again in a minute."],
    ),
    CSRFError: (400, "Your visit has timed out", [_AGAIN]),
    problems.SurveyError: (  # what is left: the store cannot be read, a draft does not open
        503,
        "The service is not available",
        ["It is our fault. What you saved before is still there. Try again in a minute."],
    ),
}
"""By kind, the particular ones first."""

STATUSES: dict[int, tuple[str, list[str]]] = {
    400: ("That request could not be read", ["Go back and try again."]),
    403: ("That is not possible", ["The form did not come from this site. Begin again on the first page."]),
    404: ("Page not found", ["Check the address, or begin again on the first page."]),
    405: ("That is not possible", ["Go back and use the buttons on the page."]),
    413: ("That is too long", ["The form was larger than we accept. Go back and shorten your answers."]),
}

_FAULT = (
    "Something went wrong",
    ["It is our fault. What you saved before is still there. Try again in a minute."],
)


def handle(app: Flask) -> None:
    """Install the pages of all errors on an app."""

    @app.errorhandler(Exception)
    def _any(error: Exception) -> ResponseReturnValue:
        for kind, (status, title, paragraphs) in PAGES.items():
            if isinstance(error, kind):
                log_fault(error) if kind is problems.SurveyError else log.info("refused %s", kind.__name__)
                return _page(status, title, paragraphs)
        if isinstance(error, HTTPException) and error.code and error.code < 500:
            if error.code < 400:
                return error.get_response()
            log.info("refused %s", error.code)
            return _refusal(error, error.code)
        log_fault(error)
        return _page(500, *_FAULT)


def _refusal(error: HTTPException, status: int) -> ResponseReturnValue:
    if isinstance(error, BadHost):  # no address can be built, so no page either
        return "The name of this site could not be read.\n", status, {"Content-Type": "text/plain"}
    response = make_response(_page(status, *STATUSES.get(status, STATUSES[400])))
    if isinstance(error, MethodNotAllowed):
        response.allow.update(error.valid_methods or ())
    return response


def _page(status: int, title: str, paragraphs: list[str]) -> ResponseReturnValue:
    body = render_template("message.html", title=title, paragraphs=paragraphs, home=True)
    headers = {"Retry-After": "30"} if status == 503 else {}
    return body, status, headers
