"""The builder: rows, columns, who is counted and how are chosen; the protected table is seen at once, and kept."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import urlencode

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from surveyapp import campaigning, planning
from surveyapp.planning import Json, TablePlan
from surveyapp.problems import NotAllowed, NotFound, Refused, SurveyError
from surveyapp.roles import ANALYST
from surveyapp.web.staff import printing
from surveyapp.web.staff.choosing import (
    COLUMNS,
    FILTERS,
    NETS,
    SCORE,
    Given,
    Offer,
    Subject,
    entry_of,
    fields_of,
    in_the_form,
    offer,
    plan_of,
)
from surveyapp.web.staff.choosing import shown as rows_shown
from surveyapp.web.staff.doors import Desk, Door
from surveyapp.web.staff.pages import go

pages = Blueprint("builder", __name__, url_prefix="/surveys/<slug:survey>/waves/<slug:wave>/builder")
door = Door(pages)

_BASES = (
    ("asked", "Were asked the question"),
    ("responded", "Sent answers"),
    ("complete", "Sent complete answers (themes only)"),
    ("issued", "Could be written to"),
    ("frame", "All of the frame"),
)
_WEIGHTS = (
    ("stratify", "Each group a sample of its own (stratified)"),
    ("poststratify", "To the frame, group by group (post-stratified)"),
    ("rake", "To the frame, one margin after the other (raked)"),
)
_OURS = ("csrf_token", "into", "new_name", "new_title", "table_id", "table_title", "table_notes")
"""Fields of the form that keeps a table, which are not the builder's own."""

_MOST = {"by": COLUMNS, "if": FILTERS, "net": NETS}

Faults = list[tuple[str, str]]


@dataclass
class _Choice:
    """What somebody chose at a wave: the fields, what there is to choose from, the plan that it is within."""

    desk: Desk
    given: Given
    plans: Sequence[TablePlan]
    within: Json
    offered: Offer
    faults: Faults = field(default_factory=list)

    @property
    def subject(self) -> Subject | None:
        """What the table is of."""
        return self.offered.subject(self.given.get("q"))

    def table(self) -> printing.Shown | None:
        """The protected table; None where nothing is chosen yet or something is wrong with it."""
        if not self.given.get("q"):
            return None
        try:
            plan = plan_of(self.given, self.offered, self.desk.survey, self.within)
            report = printing.compiled(self.desk, self.desk.wave.name, plan)
        except Refused as refused:
            self.faults += [in_the_form(problem) for problem in refused.problems]
        except NotAllowed:
            raise
        except SurveyError as error:
            self.faults.append(("weight" if self.given.get("weight") else "", f"{error}"))
        else:
            return printing.shown(report.tables[0], report)
        return None


@door.get("", ANALYST)
def build(desk: Desk) -> ResponseReturnValue:
    """The form, and the table that its fields ask for."""
    printing.check_ready(desk)
    given = Given(dict(request.args.lists()))
    if given.get("table") and not given.get("q"):
        return _opened(desk, given)
    if not given.get("q"):
        printing.take_in(desk)
    choice = _choice(desk, given)
    return _page(choice, choice.table())


@door.post("", ANALYST, act="plan-table", said=("into", "new_name", "table_id"))
def keep(desk: Desk) -> ResponseReturnValue:
    """Save the table that is shown into a plan."""
    printing.check_ready(desk)
    fields = {name: values for name, values in request.form.lists() if name not in _OURS}
    choice = _choice(desk, Given(fields))
    try:
        saved, name = _kept(choice)
    except Refused as refused:
        table = choice.table()
        choice.faults += [_in_keeping(*in_the_form(problem), problem.at) for problem in refused.problems]
        return _page(choice, table)
    return go("tables.plan", f"Table {name} is in the plan.", survey=desk.survey, plan=saved.name)


def _choice(desk: Desk, given: Given) -> _Choice:
    plans = planning.plans(desk.db, desk.survey)
    within = next((plan.json for plan in plans if plan.name == given.get("plan")), {})
    return _Choice(desk, given, plans, within, offer(planning.material(desk.db, desk.wave), within))


def _opened(desk: Desk, given: Given) -> ResponseReturnValue:
    """The way to a table of a plan in the form. Raises `SurveyError` for one that the form has no room for."""
    choice = _choice(desk, given)
    entry = next((table for table in _tables(choice) if table.get("id") == given.get("table")), None)
    if entry is None:
        raise NotFound("there is no such table in the plan")
    fields = fields_of(entry, given.get("plan"), choice.offered)
    if fields is None:
        raise SurveyError("this table has more than the builder has room for; change it in the plan’s JSON")
    there = url_for("builder.build", survey=desk.survey, wave=desk.wave.name)
    return redirect(f"{there}?{urlencode(fields, doseq=True)}")


def _tables(choice: _Choice) -> list[Json]:
    return planning.tables_of(choice.within)


def _kept(choice: _Choice) -> tuple[TablePlan, str]:
    """Put the table into the plan that is named. Raises `Refused`."""
    desk, form = choice.desk, request.form
    name = form.get("table_id", "").strip() or "1"
    entry = entry_of(choice.given, choice.offered, name, form.get("table_title", "").strip())
    notes = [line.strip() for line in form.get("table_notes", "").splitlines() if line.strip()]
    entry |= {"notes": notes} if notes else {}
    if into := form.get("into", ""):
        known = planning.plan(desk.db, desk.survey, into)
        old = next((table for table in known.tables if str(table.get("id")) == name), {})
        if old and choice.given.get("table") != name:
            raise Refused([planning.taken(name)])
        if old and _lines(old) is None:  # no box has room for these notes: they stay as they are
            entry["notes"] = old["notes"]

        def put(document: Json) -> Json:
            return planning.with_table(document, entry)

        saved = planning.change(desk.db, desk.survey, into, put, desk.member.email, desk.today, known.revision)
        return saved, name
    document = plan_of(choice.given, choice.offered, desk.survey, choice.within)
    title = form.get("new_title", "").strip() or planning.title_of(choice.within) or "Tables"
    document |= {"title": title, "tables": [entry]}
    new = form.get("new_name", "").strip()
    written = planning.written(document)
    return planning.save(desk.db, desk.survey, new, written, desk.member.email, desk.today), name


def _in_keeping(place: str, words: str, at: str) -> tuple[str, str]:
    """Where a problem of keeping is: at the name of the plan, the id of the table, or a field of the form."""
    if at == "name":
        return "new_name", words
    return ("table_id" if at.endswith("/id") else place), words


def _page(choice: _Choice, table: printing.Shown | None) -> ResponseReturnValue:
    desk, given, form = choice.desk, choice.given, request.form
    at: dict[str, list[str]] = {}
    for place, words in choice.faults:
        at.setdefault(place, []).append(words)
    page = render_template(
        "staff/builder.html",
        given=given,
        kept=[(name, given.getlist(name)) for name in given.fields],
        subject=choice.subject,
        rows=_grouped(choice.offered.rows),
        columns=_grouped(choice.offered.columns),
        filters=_grouped(choice.offered.filters),
        chosen_filters={i: choice.offered.filter(given.get(f"if{i}")) for i in range(1, FILTERS + 1)},
        strata=[(name, name.replace("_", " ").capitalize()) for name in choice.offered.strata],
        bases=_BASES,
        weights=_WEIGHTS,
        plans=[(plan.name, plan.title) for plan in choice.plans if plan.document],
        saved=[(plan.name, plan.title) for plan in choice.plans if plan.is_saved],
        into=form.get("into", given.get("plan")),
        new_name=form.get("new_name", ""),
        new_title=form.get("new_title", ""),
        table_id=form.get("table_id", given.get("table") or "1"),
        table_title=form.get("table_title", planning.title_of(_old(choice))),
        table_notes=form.get("table_notes", "\n".join(_lines(_old(choice)) or [])),
        fixed_notes=_lines(_old(choice)) is None,
        count={kind: rows_shown(given, kind) for kind in _MOST},
        most=_MOST,
        score=SCORE,
        earlier=_others(desk, [desk.survey]),
        others=_others(desk, [survey for survey in desk.member.surveys if survey != desk.survey]),
        table=table,
        faults=choice.faults,
        wrong=bool(choice.faults),
        at=at,
        told=f"The table is shown: {table.above[0]}" if table else "",
    )
    return page, 400 if choice.faults else 200


def _old(choice: _Choice) -> Json:
    """The table that is being changed, as its plan has it."""
    name = choice.given.get("table")
    return next((table for table in _tables(choice) if table.get("id") == name), {})


def _lines(table: Json) -> list[str] | None:
    """The notes of a table, one a line; None for notes in several languages or with lines of their own."""
    notes = table.get("notes") or []
    return notes if all(isinstance(note, str) and "\n" not in note for note in notes) else None


def _others(desk: Desk, surveys: Sequence[str]) -> list[tuple[str, str]]:
    """The other waves of surveys in which the member is an analyst."""
    may = [survey for survey in surveys if desk.member.has(survey, ANALYST)]
    found = [wave for survey in may for wave in campaigning.waves_of(desk.db, survey)]
    return [(wave.name, f"{wave.name} ({wave.survey})") for wave in found if wave.name != desk.wave.name]


def _grouped(subjects: Sequence[Subject]) -> list[tuple[str, list[Subject]]]:
    """Subjects under the names of their groups, in the order in which they come."""
    found: dict[str, list[Subject]] = {}
    for each in subjects:
        found.setdefault(each.group, []).append(each)
    return list(found.items())
