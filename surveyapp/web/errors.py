"""Where the errors of the trade become pages: one table, nothing else decides a status."""

from datetime import date

from flask import Flask, make_response, render_template
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError
from gunicorn.http.errors import ParseException
from werkzeug.exceptions import BadHost, HTTPException, MethodNotAllowed

from surveyapp import problems
from surveyapp.problems import say
from surveyapp.web import brand
from surveyapp.web.languages import translated
from surveyapp.web.safety import log, log_fault

RECEIVED = say("Answers received")
_AGAIN = say("Enter your access code again. What you had saved is still there.")

PAGES: dict[type[Exception], tuple[int, str, list[str]]] = {
    problems.AlreadyReceived: (
        410,
        RECEIVED,
        [say("The answers for this access code have been received. There is nothing more to do.")],
    ),
    problems.WavePaused: (
        403,
        say("This survey is paused"),
        [
            say("This survey is paused. What you have saved is still there."),
            say("Come back later and use the same access code to go on."),
        ],
    ),
    problems.WaveNotOpen: (403, say("This survey has closed"), [say("It no longer takes answers.")]),
    problems.UnknownCode: (403, say("Your visit has ended"), [_AGAIN]),
    problems.NotFound: (404, say("Page not found"), [say("Check the address, or begin again on the first page.")]),
    problems.NoLongerAsked: (
        409,
        say("That page is not asked any more"),
        [
            say("An earlier answer has been changed, by a colleague or by you in another window."),
            say("What you entered on that page was not saved. Everything else is still there."),
        ],
    ),
    problems.Refused: (
        400,
        say("That form could not be read"),
        [say("Your browser sent something that our pages do not send. Go back and try again.")],
    ),
    problems.NotSaved: (
        503,
        say("Your answers were not saved"),
        [say("The service is busy. What you saved before is still there. Go back and try again in a minute.")],
    ),
    ParseException: (400, say("That request could not be read"), [say("Go back and try again.")]),
    CSRFError: (400, say("Your visit has timed out"), [_AGAIN]),
    problems.SurveyError: (  # what is left: the store cannot be read, a draft does not open
        503,
        say("The service is not available"),
        [say("It is our fault. What you saved before is still there. Try again in a minute.")],
    ),
}
"""By kind, the particular ones first."""

STATUSES: dict[int, tuple[str, list[str]]] = {
    400: (say("That request could not be read"), [say("Go back and try again.")]),
    403: (
        say("That is not possible"),
        [say("The form did not come from this site. Begin again on the first page.")],
    ),
    404: (say("Page not found"), [say("Check the address, or begin again on the first page.")]),
    405: (say("That is not possible"), [say("Go back and use the buttons on the page.")]),
    413: (say("That is too long"), [say("The form was larger than we accept. Go back and shorten your answers.")]),
}

_FAULT: tuple[str, list[str]] = (
    say("Something went wrong"),
    [say("It is our fault. What you saved before is still there. Try again in a minute.")],
)


def handle(app: Flask) -> None:
    """Install the pages of all errors on an app."""

    @app.errorhandler(Exception)
    def _any(error: Exception) -> ResponseReturnValue:
        for kind, (status, title, paragraphs) in PAGES.items():
            if isinstance(error, kind):
                log_fault(error) if kind is problems.SurveyError else log.info("refused %s", kind.__name__)
                if isinstance(error, problems.WaveNotOpen):
                    paragraphs = _closing(error, paragraphs)
                return _page(status, title, paragraphs)
        if isinstance(error, HTTPException) and error.code and error.code < 500:
            if error.code < 400:
                return error.get_response()
            log.info("refused %s", error.code)
            return _refusal(error, error.code)
        log_fault(getattr(error, "original_exception", None) or error)  # Flask wraps what fails late
        return _page(500, *_FAULT)


def _closing(error: problems.WaveNotOpen, paragraphs: list[str]) -> list[str]:
    """On which day a wave closed and whom to ask, as far as it is known. The page wears what the wave has."""
    brand.wear(error)
    whom: list[str] = [say("Contact: {contact}", contact=error.contact)] if error.contact else []
    if error.closed_on is None:
        return [*paragraphs, *whom]
    day = date.fromisoformat(error.closed_on)
    return [say("It closed on {day} and takes no more answers.", day=day), *whom]


def _refusal(error: HTTPException, status: int) -> ResponseReturnValue:
    if isinstance(error, BadHost):  # no address can be built, so no page either
        return "The name of this site could not be read.\n", status, {"Content-Type": "text/plain"}
    response = make_response(_page(status, *STATUSES.get(status, STATUSES[400])))
    if isinstance(error, MethodNotAllowed):
        response.allow.update(error.valid_methods or ())
    return response


def _page(status: int, title: str, paragraphs: list[str]) -> ResponseReturnValue:
    said = [translated(paragraph) for paragraph in paragraphs]
    body = render_template("message.html", title=translated(title), paragraphs=said, working=status == 409)
    headers = {"Retry-After": "30"} if status == 503 else {}
    return body, status, headers
