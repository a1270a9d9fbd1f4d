"""What the pages of the staff site have in common: a form of ours, and a word on the next page."""

import mimetypes
from typing import Any

from flask import Response, redirect, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from flask_wtf.file import FileField
from werkzeug.datastructures import CombinedMultiDict, MultiDict
from wtforms.fields import Field

from surveyapp.problems import Refused

LONGEST_WORD = 200

MOST_PAGES = 1_000_000
"""Of a list; the stores take no number of any length."""


class Form(FlaskForm):  # type: ignore[misc]
    """A form of the staff site: `staff/forms.html` prints it, with every fault at its field."""

    class Meta(FlaskForm.Meta):  # type: ignore[misc]
        """How the form is read."""

        def wrap_formdata(self, form: "Form", formdata: Any) -> Any:
            """What our pages send: files in the fields for files, words in the others, and no JSON."""
            found = super().wrap_formdata(form, formdata)
            if found is None or found is formdata or found is request.form:
                return found
            places = {field.name for field in form if isinstance(field, FileField)}
            files = [(name, file) for name, file in request.files.items(multi=True) if name in places]
            return CombinedMultiDict((MultiDict(files), request.form))

    def take(self, refused: Refused) -> list[str]:
        """Put the problems of a use case at the fields that they name; the sentences that found no field."""
        left = []
        for problem in refused.problems:
            field: Field | None = self._fields.get(problem.at)
            if field is None:
                left.append(str(problem))
            else:
                field.errors = [*field.errors, f"{_capital(problem.what)}; {problem.do}"]
        return left


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]


def page_asked() -> int:
    """Which page of a list is asked for, counted from 1: the first, if the address holds no such number."""
    return min(max(request.args.get("page", 1, type=int), 1), MOST_PAGES)


def go(endpoint: str, said: str = "", **values: Any) -> ResponseReturnValue:
    """Go to a page after an act; `said` stands on it once, and in a cookie: nothing about a respondent."""
    if said:
        session["said"] = said[:LONGEST_WORD]
    return redirect(url_for(endpoint, **values), 303)


def file_answer(content: bytes, name: str) -> Response:
    """A file to keep: browsers never show it as a page of ours, whatever is in it."""
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    answer = Response(content, mimetype=kind)
    answer.headers.set("Content-Disposition", "attachment", filename=name)
    return answer
