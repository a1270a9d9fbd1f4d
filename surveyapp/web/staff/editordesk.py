"""What the halves of the editor share: address, manuscript, and the page that a text makes for a respondent."""

from collections.abc import Sequence
from dataclasses import dataclass

from flask import Blueprint, current_app, request
from flask.blueprints import BlueprintSetupState

from surveyapp import drafting
from surveyapp.instrument import CURRENCIES, Instrument, Item, Note, Page, Text, fill
from surveyapp.instrument.checking import Examined
from surveyapp.instrument.editing import languages, page_at, part_at, place_at
from surveyapp.instrument.outline import conditions_in_words
from surveyapp.problems import NotFound
from surveyapp.storage.papers import Paper
from surveyapp.web.staff.doors import Desk, Door

pages = Blueprint("editor", __name__, url_prefix="/surveys/<slug:survey>/manuscripts")
door = Door(pages)


@pages.record_once
def _teach(setup: BlueprintSetupState) -> None:
    """What the respondents' pages know of, the preview of one needs too."""
    setup.app.jinja_env.globals["CURRENCIES"] = CURRENCIES


@dataclass(frozen=True)
class Preview:
    """A page as a respondent sees it, as a document of its own; "" where there is none yet.

    `where` names the page, `focus` is the question under the cursor, `when` says who is asked what.
    """

    html: str = ""
    where: str = ""
    focus: str = ""
    when: tuple[str, ...] = ()


def preview(examined: Examined, line: int, language: str) -> Preview:
    """The page that a line of a text belongs to."""
    if examined.document is None or not isinstance(examined.document.value, dict):
        return Preview()
    value = examined.document.value
    place = place_at(examined.document, line)
    language = language if language in languages(value) else languages(value)[0]
    page = page_at(examined, place)
    if page is None:
        return _front(value, language)
    section = part_at(value, place.partition("-")[0])
    html = _document(
        page=page,
        items=[_printed(item, examined.instrument, language) for item in page.questions],
        title=_filled(page.title, examined.instrument, language),
        section=_words(section.get("title"), language),
        language=language,
    )
    return Preview(html, f"Page {page.id}", _focus(value, place), _when(examined, page, language))


def _document(**more: object) -> str:
    """The preview, made without what staff pages know: the word said on the next of them is not said here."""
    return current_app.jinja_env.get_template("staff/editor_preview.html").render(more)


def _front(value: dict[str, object], language: str) -> Preview:
    """The words before and after the questions."""
    front = {name: _words(value.get(name), language) for name in ("title", "intro", "privacy", "thanks")}
    html = _document(page=None, front=front, language=language)
    return Preview(html, "The words before and after the questions")


def _words(said: object, language: str) -> str:
    """A text of a document that may be none yet."""
    if isinstance(said, dict):
        return str(said.get(language) or next(iter(said.values()), ""))
    return str(said or "")


def _printed(item: Item, instrument: Instrument | None, language: str) -> Item:
    """An item as nobody has answered anything yet."""
    changes: dict[str, object] = {"text": Text(_filled(item.text, instrument, language))}
    if not isinstance(item, Note) and item.hint:
        changes["hint"] = Text(_filled(item.hint, instrument, language))
    printed: Item = item.model_copy(update=changes)
    return printed


def _filled(text: Text | None, instrument: Instrument | None, language: str) -> str:
    words = text.in_language(language) if text else ""
    return fill(words, instrument, {}, {}, language) if instrument else words


def _focus(value: dict[str, object], place: str) -> str:
    try:
        return str(part_at(value, place).get("id", "")) if place.count("-") == 2 else ""
    except NotFound:
        return ""


def _when(examined: Examined, page: Page, language: str) -> tuple[str, ...]:
    """Who is asked what, in words; only of a questionnaire without problems can that be said."""
    if examined.instrument is None or examined.problems:
        return ()
    said = conditions_in_words(examined.instrument, language)
    section = examined.instrument.section_of(page.id)
    shown: Sequence[tuple[str, object]] = [
        ("The section", section.show_if),
        ("The page", page.show_if),
        *((f"“{item.text.in_language(language)}”", item.show_if) for item in page.questions),
    ]
    return tuple(f"{name} is shown {said(condition)}." for name, condition in shown if condition)  # type: ignore[arg-type]


def revision() -> int:
    """The revision that a posted form was made from."""
    given = request.form.get("revision", "")
    return int(given) if given.isascii() and given.isdecimal() and len(given) < 10 else -1


def opened(desk: Desk, manuscript: str) -> tuple[Paper, Examined]:
    """A manuscript and what it says. Raises `Refused` for one that forms cannot change."""
    paper = drafting.manuscript(desk.db, desk.survey, manuscript)
    return paper, drafting.readable(paper.document)


def value_of(examined: Examined) -> dict[str, object]:
    """The document as a value; empty where it is no object."""
    value = examined.document.value if examined.document else {}
    return value if isinstance(value, dict) else {}


def change(desk: Desk, manuscript: str, edit: drafting.Edit) -> Paper:
    """Change a manuscript by the form that was posted. Raises what `drafting.edit` does."""
    return drafting.edit(desk.db, desk.survey, manuscript, revision(), edit, desk.member.email, desk.today)


def said_of(saved: Paper) -> str:
    """What the next page says once a form is saved."""
    count = len(drafting.readable(saved.document).problems)
    if not count:
        return "Saved."
    return f"Saved. {count} problem{'s' * (count > 1)} in the questionnaire now, to be mended before publishing."


def typed() -> dict[str, str]:
    """The posted fields, with plain ends of lines."""
    return {name: value.replace("\r\n", "\n") for name, value in request.form.items()}
