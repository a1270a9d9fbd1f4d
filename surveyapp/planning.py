"""Planning: which tables are wanted. Plans come with the product or are saved, and are changed table by table."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any

from surveyapp.acting import needs
from surveyapp.config import project_file, read_file
from surveyapp.documents import read_document
from surveyapp.frames import taken_apart
from surveyapp.instrument import Instrument
from surveyapp.problems import NotFound, Problem, Refused, SurveyError
from surveyapp.roles import ANALYST
from surveyapp.storage import codings, papers, waves
from surveyapp.storage.database import Connection, Database
from surveyapp.storage.papers import PLAN, Paper
from surveyapp.storage.waves import Version, Wave

SUPPLIED, SAVED, GENERATED = "comes with the product", "saved here", "is made of the questionnaire"
"""Where a plan is from."""

EVERY_QUESTION = "every-question"
"""The plan that every survey has: a table of each closed question, in order."""

Json = dict[str, Any]

Edit = Callable[[Json], Json]
"""A change to a plan: takes its value, gives the new one."""

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_WORKINGS = {EVERY_QUESTION, "new", "json"}


@dataclass(frozen=True)
class TablePlan:
    """A plan: its name, its title, where it is from, and its JSON ("" of `EVERY_QUESTION`).

    `who` changed it last, on which day; `revision` counts the changes of one that is saved here.
    """

    name: str
    title: str
    origin: str
    document: str
    who: str = ""
    on: str = ""
    revision: int = 0

    @property
    def is_saved(self) -> bool:
        """Whether it can be changed."""
        return self.origin == SAVED

    @property
    def content(self) -> bytes | None:
        """What `reporting.report` takes."""
        return self.document.encode() if self.document else None

    @property
    def json(self) -> Json:
        """The plan as a value; empty where the document is none."""
        return read_json(self.document)

    @property
    def tables(self) -> list[Json]:
        """Its tables as they were written."""
        return tables_of(self.json)

    @property
    def compared(self) -> list[str]:
        """The waves that its tables compare with."""
        return compared(self.json)


@needs(ANALYST)
def plans(db: Database, survey: str) -> list[TablePlan]:
    """The plans of a survey: those saved here, those that come with the product, one made of the questionnaire."""
    with db.reading() as connection:
        saved = [_of_paper(paper) for paper in papers.papers(connection, PLAN, survey)]
    every = TablePlan(EVERY_QUESTION, "Every closed question, in the order of the questionnaire", GENERATED, "")
    return [*saved, *(_of_file(name, text) for name, text in _supplied(survey).items()), every]


@needs(ANALYST)
def plan(db: Database, survey: str, name: str) -> TablePlan:
    """One plan of a survey. Raises `NotFound`."""
    for found in plans(db, survey):
        if found.name == name:
            return found
    raise NotFound(f"there is no plan {name[:60]!r} for this survey")


@needs(ANALYST)
def save(
    db: Database, survey: str, name: str, document: str, who: str, today: date, revision: int = 0
) -> TablePlan:
    """Save a plan that was read at `revision` (0 is a new one).

    It must fit a published version of the survey. Raises `Refused` with every problem and its line, `Overtaken`
    if somebody else saved it meanwhile.
    """
    with db.transaction() as connection:
        _check_name(connection, survey, name, revision)
        check(connection, survey, document)
        new = Paper(survey, name, document, who, today.isoformat(), revision)
        return _of_paper(papers.save(connection, PLAN, new))


@needs(ANALYST)
def change(db: Database, survey: str, name: str, edit: Edit, who: str, today: date, revision: int) -> TablePlan:
    """Change a saved plan that was read at `revision`. Raises what `save` and `plan` do."""
    found = plan(db, survey, name)
    _check_saved(found)
    return save(db, survey, name, written(edit(found.json)), who, today, revision)


@needs(ANALYST)
def rename(db: Database, survey: str, name: str, new: str, who: str, today: date, revision: int) -> TablePlan:
    """Give a saved plan another name. Raises what `save` does, `SurveyError` for one that is not saved here."""
    found = plan(db, survey, name)
    _check_saved(found)
    with db.transaction() as connection:
        if new == name:
            return found
        _check_name(connection, survey, new, 0)
        _check_revision(connection, survey, name, revision)
        papers.drop(connection, PLAN, survey, name)
        moved = Paper(survey, new, found.document, who, today.isoformat())
        return _of_paper(papers.save(connection, PLAN, moved))


@needs(ANALYST)
def throw_away(db: Database, survey: str, name: str, revision: int) -> None:
    """Throw a saved plan away. Raises `SurveyError` for one that is not saved here, and `Overtaken`."""
    _check_saved(plan(db, survey, name))
    with db.transaction() as connection:
        _check_revision(connection, survey, name, revision)
        papers.drop(connection, PLAN, survey, name)


def check(connection: Connection, survey: str, document: str) -> None:
    """Raise `Refused` with every problem of a plan beside the newest wave, unless it fits another one.

    Without a wave it must fit a published version.
    """
    from surveyapp.analysis.plans import read_plan  # here, for numbers are slow to load

    newest: Refused | None = None
    for version, strata in _fielded(connection, survey):
        try:
            read_plan(document, waves.published(connection, survey, version), strata)
        except Refused as refused:
            newest = newest or Refused(refused.problems, "the plan")
        else:
            return
    if newest is not None:
        raise newest


def _fielded(connection: Connection, survey: str) -> list[tuple[str, Sequence[str] | None]]:
    """The version and the carried strata of each wave, the newest first; then the versions by themselves."""
    fielded = [wave for wave in waves.waves(connection) if wave.survey == survey]
    fielded.sort(key=lambda wave: (wave.opened_on, wave.name), reverse=True)
    alone = [(version.version, None) for version in _versions(connection, survey)]
    return [*((wave.version, wave.carry) for wave in fielded), *alone]


@needs(ANALYST)
def of_every_question(db: Database, survey: str) -> str:
    """The plan of every closed question of the newest version, as JSON. Raises `SurveyError` if there is none."""
    from surveyapp.analysis.plans import default_plan

    with db.reading() as connection:
        newest = _versions(connection, survey)[0]
        made = default_plan(waves.published(connection, survey, newest.version))
    document = made.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    return written({"survey": survey, "title": str(made.title), **document})


def _versions(connection: Connection, survey: str) -> list[Version]:
    """The published versions of a survey, the newest first."""
    found = [version for version in waves.versions(connection) if version.survey == survey]
    if not found:
        raise SurveyError(f"no questionnaire of {survey} is published yet; publish one, then plan its tables")
    return sorted(found, key=lambda each: (each.published_on, each.version), reverse=True)


@dataclass(frozen=True)
class Material:
    """What tables of a wave can be made of: questionnaire, the values of each stratum, questions with themes."""

    instrument: Instrument
    strata: Mapping[str, Sequence[str]]
    coded: Sequence[str]


@needs(ANALYST)
def material(db: Database, wave: Wave) -> Material:
    """What tables of a wave can be made of, known without looking at an answer."""
    with db.reading() as connection:
        instrument = waves.published(connection, wave.survey, wave.version)
        frames = [read_json(text) for text in codings.codeframes(connection, wave.name).values()]
    apart = [values for cell in wave.cells if (values := taken_apart(cell, len(wave.carry)))]
    strata = {name: sorted({values[place] for values in apart}) for place, name in enumerate(wave.carry)}
    named = [str(question) for frame in frames for question in frame.get("questions") or []]
    return Material(instrument, strata, [q for q in dict.fromkeys(named) if q in instrument.questions])


# ── changes to a plan ────────────────────────────────────────────────────────


def taken(name: str) -> Problem:
    """There is a table of this id already."""
    return Problem("/tables/id", f"the plan has a table “{name}” already", "give this one another id")


def with_table(document: Mapping[str, Any], entry: Mapping[str, Any]) -> Json:
    """The plan with one more table, or with this one in place of the table of the same id."""
    tables = tables_of(document)
    ids = [str(table.get("id", "")).lower() for table in tables]
    name = str(entry.get("id", "")).lower()
    changed = [*tables, dict(entry)]
    if name in ids:
        changed = [*tables]
        changed[ids.index(name)] = dict(entry)
    return {**document, "tables": changed}


def without_table(document: Mapping[str, Any], name: str) -> Json:
    """The plan without a table. Raises `NotFound`, and `SurveyError` for the last one."""
    kept = [table for table in tables_of(document) if table.get("id") != name]
    if len(kept) == len(tables_of(document)):
        raise NotFound(f"the plan has no table {name[:60]!r}")
    if not kept:
        raise SurveyError("a plan has at least one table; throw the plan away, or add another table first")
    return {**document, "tables": kept}


def moved(document: Mapping[str, Any], name: str, by: int) -> Json:
    """The plan with a table so many places further down, or up if `by` is below nought."""
    tables = tables_of(document)
    at = next((place for place, table in enumerate(tables) if table.get("id") == name), None)
    if at is None:
        raise NotFound(f"the plan has no table {name[:60]!r}")
    entry = tables.pop(at)
    tables.insert(max(0, at + by), entry)
    return {**document, "tables": tables}


def titled(document: Mapping[str, Any], name: str, title: str) -> Json:
    """The plan with another title for a table; "" leaves it to the question."""

    def new(table: Json) -> Json:
        rest = {key: value for key, value in table.items() if key != "title"}
        return {"id": rest.pop("id"), "title": title, **rest} if title else rest

    if name not in [table.get("id") for table in tables_of(document)]:
        raise NotFound(f"the plan has no table {name[:60]!r}")
    return {**document, "tables": [new(t) if t.get("id") == name else t for t in tables_of(document)]}


def arranged(document: Mapping[str, Any], **settings: Any) -> Json:
    """The plan with other settings of its own (title, unit, style, weights, margins); None takes one away."""
    kept = {key: value for key, value in document.items() if key not in settings and key != "tables"}
    new = {key: value for key, value in settings.items() if value is not None}
    return {**kept, **new, "tables": tables_of(document)}


def tables_of(document: Mapping[str, Any]) -> list[Json]:
    """The tables in a plan as they were written; none where there is no list of them."""
    tables = document.get("tables")
    return [dict(table) for table in tables if isinstance(table, dict)] if isinstance(tables, list) else []


def compared(document: Mapping[str, Any]) -> list[str]:
    """The names of the waves that the tables of a plan compare with."""
    named = [n for table in tables_of(document) for key in ("waves", "audiences") for n in table.get(key) or []]
    return list(dict.fromkeys(str(name) for name in named))


def written(document: Mapping[str, Any]) -> str:
    """A plan as JSON, a line a thing."""
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def read_json(document: str) -> Json:
    """The value of a plan's JSON; empty if it is no object."""
    try:
        value = read_document(document).value if document else {}
    except Refused:
        return {}
    return value if isinstance(value, dict) else {}


# ── where plans are ──────────────────────────────────────────────────────────


@lru_cache(maxsize=32)
def _supplied(survey: str) -> dict[str, str]:
    """The plans that come with the product, by name."""
    try:
        files = sorted(project_file("exports").glob("*.json"))
    except NotFound:
        return {}
    texts = {file.stem: read_file(file).decode() for file in files if file.stem != "schema"}
    return {name: text for name, text in texts.items() if read_json(text).get("survey") == survey}


def _of_file(name: str, text: str) -> TablePlan:
    return TablePlan(name, title_of(read_json(text)), SUPPLIED, text)


def _of_paper(paper: Paper) -> TablePlan:
    title = title_of(read_json(paper.document)) or paper.name
    return TablePlan(paper.name, title, SAVED, paper.document, paper.who, paper.on, paper.revision)


def title_of(document: Mapping[str, Any]) -> str:
    """The title of a plan, or of one of its tables, in English if it is in several languages."""
    title = document.get("title") or ""
    if isinstance(title, dict):
        title = title.get("en") or next(iter(title.values()), "")
    return str(title)


def _check_name(connection: Connection, survey: str, name: str, revision: int) -> None:
    if not _NAME.fullmatch(name):
        what = "this is no name for a plan"
        raise Refused([Problem("name", what, "use up to 40 small letters, digits and hyphens, such as by-region")])
    if name in _WORKINGS or name in _supplied(survey):
        raise Refused([Problem("name", f"“{name}” is the name of a plan that comes with the product", _ANOTHER)])
    if not revision and papers.paper(connection, PLAN, survey, name):
        raise Refused([Problem("name", f"there is a plan “{name}” already", _ANOTHER)])


_ANOTHER = "choose another name"


def _check_saved(found: TablePlan) -> None:
    if not found.is_saved:
        raise SurveyError(
            f"the plan {found.name} {found.origin} and is never changed; save a copy under another name"
        )


def _check_revision(connection: Connection, survey: str, name: str, revision: int) -> None:
    known = papers.paper(connection, PLAN, survey, name)
    if known is None or known.revision != revision:
        by = f" by {known.who}" if known and known.who else ""
        raise papers.Overtaken(f"{name} has been changed{by} since you opened it; open it again and repeat that")
