"""Answering away from the site: the questionnaire as a spreadsheet, out and in again."""

from flask import Response, current_app, render_template, request, url_for
from flask.typing import ResponseReturnValue

from surveyapp import collecting
from surveyapp.collecting import Taken
from surveyapp.problems import Problem, Refused, say
from surveyapp.web import languages, visits
from surveyapp.web.safety import log
from surveyapp.web.showing import versions
from surveyapp.web.visits import pages, site

MAX_FILE = 5_000_000
"""Bytes of a spreadsheet that comes back: forms of the largest questionnaires have a tenth of that."""

_KIND = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@pages.get("/answer/form")
def form() -> ResponseReturnValue:
    """Give the questionnaire with the answers so far as an Excel form."""
    found = visits.desk()
    content = collecting.offline_form(site().db, visits.visit(), languages.language(), site().today())
    name = f"{found.instrument.survey}-{found.instrument.version}.xlsx"
    return Response(content, mimetype=_KIND, headers={"Content-Disposition": f'attachment; filename="{name}"'})


@pages.get("/answer/upload")
def upload() -> ResponseReturnValue:
    """Ask for the form that was filled in."""
    visits.desk()
    return _asked([])


@pages.post("/answer/upload")
def take() -> ResponseReturnValue:
    """Fill the draft from the form, and say what could not be read and what differs."""
    request.max_content_length = MAX_FILE
    visit = visits.visit()
    current_app.extensions["csrf"].protect()
    sent = request.files.get("form")
    if sent is None or not sent.filename:
        visits.desk()
        return _asked([Problem("form", say("Select the form that you have filled in"), "")]), 422
    try:
        taken = collecting.take_form(site().db, visit, sent.filename, sent.read(), site().today())
    except Refused as refused:
        visits.desk()
        log.info("form refused")
        return _asked([Problem("form", problem.what, problem.do) for problem in refused.problems[:20]]), 422
    log.info("form taken")
    visits.dressed(taken.desk)
    return _told(taken)


def _asked(problems: list[Problem]) -> str:
    return render_template("upload.html", problems=problems)


def _told(taken: Taken) -> str:
    desk, language = taken.desk, languages.language()
    steps = {question.id: step.name for step in desk.route.steps for question in step.questions}
    return render_template(
        "uploaded.html",
        wrong=taken.problems,
        clashes=[
            (
                versions(desk, clash, language),
                url_for(".page", page=steps[clash.question.id], _anchor=clash.question.id),
            )
            for clash in taken.clashes
        ],
    )
