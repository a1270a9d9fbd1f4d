"""Sending: the check page, a copy for the file, and the one moment at which the answers leave."""

from functools import cache

from flask import current_app, make_response, redirect, render_template, session, url_for
from flask.typing import ResponseReturnValue

from surveyapp import collecting
from surveyapp.instrument import ordered
from surveyapp.problems import Unfinished, UnknownCode
from surveyapp.web import kept, languages, parts, visits
from surveyapp.web.lean import quoted
from surveyapp.web.safety import log
from surveyapp.web.showing import changed_questions, check_parts, filled, giveaways
from surveyapp.web.visits import pages, site


@pages.get("/answer/check")
def check() -> ResponseReturnValue:
    """Show all answers before they are sent."""
    desk = visits.desk()
    language = languages.language()

    steps = desk.route.steps
    divided = {step.name: parts.parts(ordered(item, desk.seed) for item in step.items) for step in steps}

    @cache
    def part_address(step: str, part: int) -> str:
        return url_for(".page", page=step, part=part if part > 1 else None, to="check")

    def address(step: str, field: str) -> str:
        part = divided[step].part_of(field.replace("-", ".", 1)) if divided[step].count > 1 else 1
        return f"{part_address(step, part)}#{quoted(field)}"

    return render_template(
        "check.html",
        sections=check_parts(desk, address, language),
        changed=changed_questions(desk, address, language),
        unread=[
            (step.name, filled(desk, step.page.title or step.section.title, language))
            for step in desk.route.steps
            if step.name in desk.typed
        ],
        giveaways=giveaways(desk, collecting.giveaways(site().db, desk), address, language),
        left=[entry.section for entry in desk.progress if entry.section.id in desk.notes],
        action=url_for(".send"),
        back_url=url_for(".page", page=desk.route.pages[-1]),
    )


@pages.get("/answer/copy")
def copy() -> ResponseReturnValue:
    """Show the answers for printing. Nothing of the copy is kept."""
    return _copy("copy.html")


@pages.get("/answer/copy/file")
def copy_file() -> ResponseReturnValue:
    """Give the answers as a file that needs nothing else."""
    response = make_response(_copy("copy_file.html"))
    response.headers["Content-Disposition"] = 'attachment; filename="answers.html"'
    return response


def _copy(template: str) -> str:
    desk = visits.desk()
    sections = check_parts(desk, lambda _step, _field: "", languages.language())
    return render_template(template, instrument=desk.instrument, sections=sections, unit=desk.unit.get("name"))


@pages.post("/answer/send")
def send() -> ResponseReturnValue:
    """Send the answers, once. A second click that comes after the first was answered is told the same."""
    if "sent" in session:
        return redirect(url_for(".done"), 303)
    visit = visits.visit()
    current_app.extensions["csrf"].protect()
    try:
        collecting.submit(site().db, visit, site().today())
    except Unfinished as unfinished:
        return redirect(url_for(".page", page=unfinished.page, to="check", open=1), 303)
    languages.forget_all_else()
    session["sent"] = visit.wave
    log.info("received")
    return redirect(url_for(".done"), 303)


@pages.get("/answer/done")
def done() -> ResponseReturnValue:
    """Say thank you, and leave nothing on the machine."""
    wave = session.get("sent")
    if wave is None:
        raise UnknownCode("nothing was sent in this visit")
    fielded, instrument = collecting.questionnaire(site().db, wave)
    visits.dress(fielded, instrument)
    page = kept.page("done.html", kept.Same(instrument), lambda: {"instrument": instrument})
    response = make_response(page)
    response.headers["Clear-Site-Data"] = '"cache", "storage"'
    return response
