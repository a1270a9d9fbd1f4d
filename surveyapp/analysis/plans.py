"""Plans: files that say which tables make an appendix. Checked like instruments: every problem at once."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from surveyapp.analysis.dataset import tabulated
from surveyapp.analysis.tables import Layout
from surveyapp.documents import nearest, pointer, read_document, read_model
from surveyapp.instrument import Grid, Instrument, Multiple, OpenText, Question, Single, choices
from surveyapp.instrument.model import Id, Part, Text
from surveyapp.problems import Problem, Refused

TableId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_]{0,24}$")]


class Entry(Part):
    """One table of a plan. Without `title` it is called by the question's wording."""

    id: TableId
    question: str = Field(description="A question, or question.row for one row of a grid.")
    title: Text | None = None
    nets: dict[str, Annotated[list[str], Field(min_length=1)]] = Field(default_factory=dict)
    show: Literal["all", "codes", "nets"] = "all"
    sort: Literal["questionnaire", "descending"] = "questionnaire"
    at_least: Annotated[int, Field(ge=0, le=100)] | None = None
    rows: Annotated[list[str], Field(min_length=1)] | None = None
    net_rounding: Literal["unrounded", "sum_of_rounded"] = "unrounded"
    notes: list[Text] = Field(default_factory=list)

    @property
    def layout(self) -> Layout:
        """How the table is arranged."""
        return Layout(
            nets=self.nets,
            show=self.show,
            sort=self.sort,
            at_least=self.at_least,
            rows=self.rows,
            sum_of_rounded=self.net_rounding == "sum_of_rounded",
        )


class Plan(Part):
    """Which tables make a workbook, in their order, and in which style."""

    schema_: str | None = Field(None, alias="$schema")
    survey: Id
    title: Text
    style: Literal["default", "as-printed-2012"] = "default"
    unit: Text = Text("respondents")
    notes: list[Text] = Field(default_factory=list)
    tables: Annotated[list[Entry], Field(min_length=1, max_length=1000)]


def read_plan(content: bytes | str, instrument: Instrument) -> Plan:
    """The plan in a JSON document, fit for `instrument`. Raises `Refused` with every problem."""
    document = read_document(content)
    plan, problems = read_model(Plan, document)
    if plan is not None:
        problems = [document.problem(*fault) for fault in _faults(plan, instrument)]
    if plan is None or problems:
        raise Refused(sorted(problems, key=lambda p: p.line or 0))
    return plan


def default_plan(instrument: Instrument) -> Plan:
    """Every closed question of an instrument in questionnaire order. Raises `Refused` if it has none."""
    closed = tabulated(instrument)
    if not closed:
        raise Refused([Problem("/sections", "there is no closed question", "open questions have no tables yet")])
    entries = [Entry(id=str(i), question=question.id) for i, question in enumerate(closed, 1)]
    return Plan(survey=instrument.survey, title=instrument.title, tables=entries)


def json_schema() -> dict[str, Any]:
    """The JSON Schema of a plan, for editors: the contents of `exports/schema.json`."""
    schema = Plan.model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "surveyapp plan"}


Fault = tuple[str, str, str]


def _faults(plan: Plan, instrument: Instrument) -> Iterator[Fault]:
    if plan.survey != instrument.survey:
        what = f'the plan is for "{plan.survey}", the wave fields "{instrument.survey}"'
        yield "/survey", what, "use a plan of the same survey"
        return
    seen: set[str] = set()
    for i, entry in enumerate(plan.tables):
        at = f"/tables/{i}"
        if entry.id.lower() in seen:
            yield f"{at}/id", f'the table id "{entry.id}" is used twice', "give each table its own"
        seen.add(entry.id.lower())
        yield from _entry_faults(at, entry, instrument)


def _entry_faults(at: str, entry: Entry, instrument: Instrument) -> Iterator[Fault]:
    name, _, row = entry.question.partition(".")
    question = instrument.questions.get(name)
    if question is None:
        yield f"{at}/question", f'there is no question "{name}"', nearest(name, set(instrument.questions))
    elif question not in tabulated(instrument):
        yield (
            f"{at}/question",
            f'"{name}" is {_untabulated(question)}',
            "single, multiple and grid questions have tables",
        )
    elif row and not _has_row(question, row):
        rows = [r.code for r in question.rows] if isinstance(question, Grid) else []
        yield f"{at}/question", f'"{name}" has no row "{row}"', nearest(row, rows)
    else:
        yield from _net_faults(at, entry, question)
        yield from _row_faults(at, entry, question, bool(row))


def _untabulated(question: Question) -> str:
    """What keeps a question from having a table."""
    if isinstance(question, Single | Multiple | Grid):
        return "on a repeated page"
    return "an open question" if isinstance(question, OpenText) else f"a {question.type}"


def _has_row(question: Question, row: str) -> bool:
    return isinstance(question, Grid) and any(r.code == row for r in question.rows)


def _net_faults(at: str, entry: Entry, question: Question) -> Iterator[Fault]:
    known = [option.code for option in choices(question)]
    for label, codes in entry.nets.items():
        place = f"{at}/nets{pointer(label)}"
        for i, code in enumerate(codes):
            if code not in known:
                yield f"{place}/{i}", f'"{entry.question}" has no code "{code}"', nearest(code, known)
        if len(set(codes)) < len(codes):
            yield place, f'the net "{label}" names a code twice', "name each once"
    if entry.show == "nets" and not entry.nets:
        yield f"{at}/show", "there are no nets to show", 'give "nets", or leave "show" out'
    if entry.net_rounding == "sum_of_rounded" and isinstance(question, Multiple):
        yield f"{at}/net_rounding", "percentages of a multiple cannot be added up", "leave it out"


def _row_faults(at: str, entry: Entry, question: Question, one_row: bool) -> Iterator[Fault]:
    grid = isinstance(question, Grid) and not one_row
    known: Sequence[str] = [r.code for r in question.rows] if isinstance(question, Grid) and grid else []
    known = known or [*([] if entry.show == "nets" else [o.code for o in choices(question)]), *entry.nets]
    for i, code in enumerate(entry.rows or []):
        if code not in known:
            yield f"{at}/rows/{i}", f'the table has no row "{code}"', nearest(code, list(known))
    if entry.at_least is not None and entry.rows is not None:
        yield f"{at}/at_least", "rows are picked by name and by threshold", 'leave "rows" or "at_least" out'
