"""The languages of a questionnaire in hand: what is not yet written in each, one more, one fewer."""

from flask import render_template, request
from flask.typing import ResponseReturnValue

from surveyapp.instrument import editing, translating
from surveyapp.problems import Problem, Refused
from surveyapp.roles import AUTHOR
from surveyapp.web.staff.doors import Desk
from surveyapp.web.staff.editordesk import change, door, opened, said_of, value_of
from surveyapp.web.staff.pages import go

MOST_LISTED = 200
"""Wordings that are listed of each language; the others come when these are written."""


@door.get("/<edition:manuscript>/languages", AUTHOR)
def languages(desk: Desk, manuscript: str) -> ResponseReturnValue:
    """The languages, with every wording that is missing in one of them."""
    return _languages(desk, manuscript)


def _languages(desk: Desk, manuscript: str, refused: Refused | None = None) -> str:
    paper, examined = opened(desk, manuscript)
    value = value_of(examined)
    spoken = editing.languages(value)
    missing = {language: translating.missing(value, language) for language in spoken}
    faults: dict[str, list[str]] = {}
    for problem in refused.problems if refused else ():
        faults.setdefault(problem.at, []).append(f"{problem.what}; {problem.do}")
    return render_template(
        "staff/editor_languages.html",
        paper=paper,
        spoken=spoken,
        missing=missing,
        wordings={each.at: editing.wording_of(each.said, value) for found in missing.values() for each in found},
        most=MOST_LISTED,
        form=request.form,
        faults=faults,
    )


@door.post("/<edition:manuscript>/languages/add", AUTHOR, act="manuscript-save", said=("language",))
def add_language(desk: Desk, manuscript: str) -> ResponseReturnValue:
    """Add a language, begun with the words of the first one or with none."""
    language = request.form.get("language", "").strip().lower()
    copied = request.form.get("begin") == "copied"
    try:
        saved = change(
            desk, manuscript, lambda text, found: translating.added(text, value_of(found), language, copied)
        )
    except Refused as refused:
        return _languages(desk, manuscript, refused), 400
    return go("editor.languages", said_of(saved), survey=desk.survey, manuscript=manuscript)


@door.post("/<edition:manuscript>/languages/remove", AUTHOR, act="manuscript-save", said=("language",))
def remove_language(desk: Desk, manuscript: str) -> ResponseReturnValue:
    """Remove a language whose letters were typed, with all that is written in it."""
    language = request.form.get("language", "")
    try:
        if request.form.get("named", "").strip().lower() != language:
            raise Refused([Problem("named", "those are not its letters", f"type {language[:2]} to remove it")])
        saved = change(desk, manuscript, lambda text, found: translating.removed(text, value_of(found), language))
    except Refused as refused:
        return _languages(desk, manuscript, refused), 400
    return go("editor.languages", said_of(saved), survey=desk.survey, manuscript=manuscript)
