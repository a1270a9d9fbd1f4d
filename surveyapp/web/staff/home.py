"""The first page: the surveys in which somebody has a part, with what is in the field."""

from flask import Blueprint, current_app, render_template
from flask.typing import ResponseReturnValue

from surveyapp import campaigning, working
from surveyapp.roles import ANALYST
from surveyapp.web.staff import printing
from surveyapp.web.staff.doors import SIGNED_IN, Desk, Door
from surveyapp.web.staff.jobs import shown

pages = Blueprint("home", __name__)
door = Door(pages)


@door.get("/", SIGNED_IN)
def index(desk: Desk) -> ResponseReturnValue:
    """The surveys of a member. An analyst's first table is a page or two away: what makes it is loaded beside."""
    if any(desk.member.has(survey, ANALYST) for survey in desk.member.surveys):
        printing.warm(current_app.jinja_env)
    waves = {survey: campaigning.waves_of(desk.db, survey) for survey in desk.member.surveys}
    return render_template("staff/home.html", waves=waves, jobs=_at_work(desk))


def _at_work(desk: Desk) -> dict[str, list[dict[str, object]]]:
    """The jobs by survey that this member has asked for and that are not over."""
    listed = {survey: working.listed(desk.db, survey) for survey in desk.member.surveys}
    mine = desk.member.email
    return {
        survey: [shown(job) for job in found if job.who == mine and not job.over]
        for survey, found in listed.items()
    }
