"""Draft: a questionnaire is written as a manuscript, by one or several authors, until it is published.

A manuscript is the text of a JSON document, kept byte for byte as its author typed it, with faults or without.
"""

import difflib
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date

from surveyapp import publishing
from surveyapp.acting import needs
from surveyapp.documents import MAX_BYTES, VERSION
from surveyapp.instrument import Instrument, splicing
from surveyapp.instrument.checking import Examined, examine
from surveyapp.instrument.comparing import Comparison, compare
from surveyapp.instrument.model import choices
from surveyapp.problems import NotFound, Problem, Refused
from surveyapp.publishing import Consequences, Published
from surveyapp.roles import AUTHOR
from surveyapp.storage import papers, waves
from surveyapp.storage.database import Connection, Database
from surveyapp.storage.papers import MANUSCRIPT, Overtaken, Paper

MOST_LINES = 20_000
"""Texts with more lines are not compared line by line."""

Edit = Callable[[str, Examined], str]


class TwoTexts(Overtaken):
    """Somebody else saved first. `theirs` is what is kept, `mine` what was not saved; nobody's text is lost."""

    def __init__(self, message: str, mine: str, theirs: Paper) -> None:
        self.mine, self.theirs = mine, theirs
        super().__init__(message)

    @property
    def lines(self) -> list[str]:
        """The lines that differ, with some around them: "-" before theirs, "+" before mine."""
        theirs, mine = self.theirs.document.splitlines(), self.mine.splitlines()
        if max(len(theirs), len(mine)) > MOST_LINES:
            return []
        return [line.rstrip("\n") for line in difflib.unified_diff(theirs, mine, n=2, lineterm="")][2:]


# ── the manuscripts of a survey ──────────────────────────────────────────────


@needs(AUTHOR)
def manuscripts(db: Database, survey: str) -> list[tuple[Paper, int]]:
    """The manuscripts of a survey by name, each with the number of its problems."""
    with db.reading() as connection:
        found = papers.papers(connection, MANUSCRIPT, survey)
    return [(paper, len(examine(paper.document).problems)) for paper in found]


@needs(AUTHOR)
def manuscript(db: Database, survey: str, name: str) -> Paper:
    """One manuscript. Raises `NotFound`."""
    with db.reading() as connection:
        return _paper(connection, survey, name)


@needs(AUTHOR)
def is_in_hand(db: Database, survey: str, name: str) -> bool:
    """Whether there is a manuscript of this name."""
    with db.reading() as connection:
        return papers.paper(connection, MANUSCRIPT, survey, name) is not None


@needs(AUTHOR)
def begin(db: Database, survey: str, name: str, text: str, who: str, today: date) -> Paper:
    """A new manuscript. Raises `Refused` for a name that is none or is taken, for a text that cannot be kept."""
    faults = _name_faults(name) + _text_faults(text)
    with db.transaction() as connection:
        if not faults and papers.paper(connection, MANUSCRIPT, survey, name):
            faults = [Problem("name", f"there is a manuscript {name} already", "choose another name, or open it")]
        if faults:
            raise Refused(faults)
        new = Paper(survey, name, text, who, today.isoformat())
        return papers.save(connection, MANUSCRIPT, new)


@needs(AUTHOR)
def from_version(db: Database, survey: str, version: str) -> str:
    """The text of a published version with the name of the next one in it, nothing else changed."""
    text = publishing.text(db, survey, version).decode()
    return splicing.put(text, "/version", next_version(db, survey, version))


def from_file(content: bytes) -> str:
    """The text of a file, with whatever faults. Raises `Refused` for what is no text in UTF-8."""
    if len(content) > MAX_BYTES:
        raise Refused([Problem("file", f"the file has {len(content):,} bytes", f"keep it under {MAX_BYTES:,}")])
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Refused(
            [Problem("file", "this is no JSON file in UTF-8", "save it as UTF-8, and choose it again")]
        ) from None
    if not text.strip():
        raise Refused([Problem("file", "the file is empty", "choose the questionnaire’s JSON file")])
    return text


def from_nothing(survey: str, title: str, version: str) -> str:
    """The text of a questionnaire with one question, to begin with."""
    text = splicing.put(_EMPTY, "/survey", survey)
    return splicing.put(splicing.put(text, "/version", version), "/title", title.strip() or "A new survey")


@needs(AUTHOR)
def next_version(db: Database, survey: str, version: str = "") -> str:
    """A name for the next version after one (or the newest, or the year's first) that is not published yet."""
    with db.reading() as connection:
        taken = [v for v in waves.versions(connection) if v.survey == survey]
    names = {v.version for v in taken}
    newest = max(taken, key=lambda v: (v.published_on, v.version)).version if taken else ""
    stem, number = _numbered(version or newest or "1")
    if not names:
        return f"{stem}{number}"
    return next(f"{stem}{n}" for n in range(number + 1, number + 10_000) if f"{stem}{n}" not in names)


def _numbered(version: str) -> tuple[str, int]:
    """`2012.1` as "2012." and 1; `final` as "final." and 1."""
    found = re.fullmatch(r"(.*?)(\d{1,6})", version, re.ASCII)
    return (found[1], int(found[2])) if found else (f"{version[:36]}.", 1)


# ── writing ──────────────────────────────────────────────────────────────────


@needs(AUTHOR)
def save(db: Database, survey: str, name: str, text: str, revision: int, who: str, today: date) -> Paper:
    """Save a text that was begun at `revision`; the same text again changes nothing.

    If the manuscript has been published or thrown away since, it is in hand again. Raises
    `TwoTexts` if somebody else has saved another text since, `Refused` for a text that cannot be kept.
    """
    with db.transaction() as connection:
        known = papers.paper(connection, MANUSCRIPT, survey, name)
        if known is None and revision > 0 and text.strip():
            known, revision = Paper(survey, name, "", who, ""), 0
        elif known is None:
            known = _paper(connection, survey, name)
        new = _with_lines_of(known.document, text)
        if new == known.document:
            return known
        if faults := _text_faults(new):
            raise Refused(faults)
        paper = Paper(survey, name, new, who, today.isoformat(), revision)
        try:
            return papers.save(connection, MANUSCRIPT, paper)
        except Overtaken as overtaken:
            raise TwoTexts(str(overtaken), new, known) from None


@needs(AUTHOR)
def edit(db: Database, survey: str, name: str, revision: int, change: Edit, who: str, today: date) -> Paper:
    """Change a manuscript by a form: `change` gets its text and what it says, and gives the new text.

    Raises `Overtaken` if somebody else has saved since, `Refused` if the text is no JSON that a form could change.
    """
    with db.transaction() as connection:
        known = _paper(connection, survey, name)
        if known.revision != revision:
            raise Overtaken(
                f"{name} has been changed by {known.who} since you opened it; open it again and repeat your change"
            )
        try:
            new = change(known.document, readable(known.document))
        except LookupError:  # something stands where a part is expected
            what = "a form cannot change this part as long as it has faults"
            raise Refused([Problem("/", what, "mend it in the JSON first", 1)]) from None
        if new == known.document:
            return known
        paper = replace(known, document=new, who=who, on=today.isoformat())
        return papers.save(connection, MANUSCRIPT, paper)


def readable(text: str) -> Examined:
    """What a text says. Raises `Refused` if it is no JSON object that a form could change."""
    examined = examine(text)
    if examined.document is None:
        raise Refused(examined.problems)
    if not isinstance(examined.document.value, dict):
        raise Refused([Problem("/", "this is no questionnaire", "write a JSON object: { … }", 1)])
    return examined


@needs(AUTHOR)
def throw_away(db: Database, survey: str, name: str) -> None:
    """Throw a manuscript away. Raises `NotFound`."""
    with db.transaction() as connection:
        _paper(connection, survey, name)
        papers.drop(connection, MANUSCRIPT, survey, name)


def _paper(connection: Connection, survey: str, name: str) -> Paper:
    paper = papers.paper(connection, MANUSCRIPT, survey, name)
    if paper is None:
        raise NotFound("there is no such manuscript; it may have been published or thrown away")
    return paper


def _with_lines_of(kept: str, typed: str) -> str:
    """Browsers send every end of a line as CR LF: here it is again what the kept text has."""
    plain = typed.replace("\r\n", "\n").replace("\r", "\n")
    return plain.replace("\n", "\r\n") if "\r\n" in kept else plain


def _name_faults(name: str) -> list[Problem]:
    if re.fullmatch(VERSION, name, re.ASCII):
        return []
    do = "use letters, digits, dots, _ and - (at most 40, a letter or digit first)"
    return [Problem("name", "this cannot be the name of a manuscript", do)]


def _text_faults(text: str) -> list[Problem]:
    if len(text.encode()) > MAX_BYTES:
        return [Problem("document", "the text is too long", f"keep it under {MAX_BYTES:,} bytes")]
    if "\0" in text:
        return [Problem("document", "the text holds a character that cannot be kept (NUL)", "remove it")]
    return []


# ── publishing ───────────────────────────────────────────────────────────────


@needs(AUTHOR)
def published_names(db: Database, survey: str) -> dict[str, frozenset[str]]:
    """The questions of all published versions of a survey, each with the codes that it ever had."""
    found: dict[str, frozenset[str]] = {}
    with db.reading() as connection:
        for version in [v.version for v in waves.versions(connection) if v.survey == survey]:
            for question in waves.published(connection, survey, version).questions.values():
                rows = [row.code for row in getattr(question, "rows", ())]
                codes = {*rows, *(option.code for option in choices(question))}
                found[question.id] = found.get(question.id, frozenset()) | codes
    return found


@needs(AUTHOR)
def trend(db: Database, survey: str, examined: Examined) -> Comparison | None:
    """What a questionnaire does to the trend from the newest published version; None where that cannot be said.

    It cannot as long as there are problems, or if nothing is published yet.
    """
    new = examined.instrument
    with db.reading() as connection:
        others = [v for v in waves.versions(connection) if v.survey == survey]
        if not others or new is None or examined.problems or new.survey != survey:
            return None
        newest = max(others, key=lambda v: (v.published_on, v.version)).version
        return compare(waves.published(connection, survey, newest), new)


def named(text: str, version: str) -> str:
    """The text with this version's name in it."""
    examined = readable(text)
    value = examined.document.value if examined.document else {}
    return text if value.get("version") == version else splicing.put(text, "/version", version)


@needs(AUTHOR)
def wanted_version(db: Database, survey: str, text: str) -> str:
    """The version that a text calls itself, or the next free one if that is published with another text."""
    document = examine(text).document
    value = document.value.get("version") if document and isinstance(document.value, dict) else None
    mine = value if isinstance(value, str) else ""
    with db.reading() as connection:
        taken = {v.version for v in waves.versions(connection) if v.survey == survey}
    return next_version(db, survey, mine) if mine in taken or not mine else mine


@needs(AUTHOR)
def consequences(db: Database, survey: str, text: str, version: str, before: str = "") -> Consequences:
    """What publishing a text under this name would do. Raises `Refused` with every problem, as `publish` would."""
    new = named(text, version)
    _checked(examine(new), survey)
    return publishing.consequences(db, new.encode(), before)


@needs(AUTHOR)
def publish(db: Database, survey: str, name: str, revision: int, version: str, today: date) -> Published:
    """Publish a manuscript under the name of a version, and put it away.

    Raises `Overtaken` if somebody else has saved since `revision`, `Refused` with every problem, `SurveyError` if
    the version is published with other content.
    """
    paper = manuscript(db, survey, name)
    if paper.revision != revision:
        raise Overtaken(f"{name} has been changed by {paper.who} since you looked; look at it again, then publish")
    new = named(paper.document, version)
    instrument = _checked(examine(new), survey)
    with db.transaction() as connection:
        if _paper(connection, survey, name).revision != revision:
            raise Overtaken(f"{name} has been changed meanwhile; look at it again, then publish")
        published = publishing.put_in_force(connection, instrument, new.encode(), today)
        papers.drop(connection, MANUSCRIPT, survey, name)
    return published


def _checked(examined: Examined, survey: str) -> Instrument:
    """What can be published: an author of one survey publishes nothing in another."""
    if examined.problems:
        raise Refused(examined.problems)
    if examined.instrument is None or examined.instrument.survey != survey:
        what = "this is a questionnaire of another survey"
        line = examined.document.lines.get("/survey", 1) if examined.document else 1
        raise Refused([Problem("/survey", what, f'write "survey": "{survey}"', line)])
    return examined.instrument


_EMPTY = """{
  "survey": "SURVEY",
  "version": "VERSION",
  "title": "TITLE",
  "languages": ["en"],
  "respondent": "one answer for each organisation",
  "minutes": 10,
  "intro": "We want to know how organisations like yours are doing.",
  "thanks": "Thank you. We have your answers.",
  "sections": [
    {
      "id": "section_1",
      "title": "Your organisation",
      "pages": [
        {
          "id": "page_1",
          "questions": [
            {
              "id": "question_1",
              "type": "single",
              "text": "What kind of organisation do you work in?",
              "options": [
                {"code": "public", "label": "Public body"},
                {"code": "charity", "label": "Charity"},
                {"code": "other", "label": "Another kind", "specify": true}
              ]
            }
          ]
        }
      ]
    }
  ]
}
"""
