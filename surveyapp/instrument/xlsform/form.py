"""From an XLSForm (the survey, choices and settings sheets of KoBo and ODK) to the JSON of an instrument.

Pure: rows in, a document out, with a list of what was not carried over, each with its cell. The document is one
that `read_instrument` accepts; a form that cannot become one is refused with every reason.

Sections and pages: a top-level group becomes a section, what stands outside groups a section "Questions". A group
of the appearance field-list or table-list becomes one page, and so does a repeat. Any other question has a page of
its own, as in the form, with the notes before it; the label of the group around it is the page's title.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from surveyapp.instrument.checking import read_instrument
from surveyapp.instrument.formatting import json_text
from surveyapp.instrument.xlsform.logic import together
from surveyapp.instrument.xlsform.questions import (
    MOST_IN_SCALE,
    Names,
    Questions,
    Words,
    type_of,
    unbraced,
    with_condition,
)
from surveyapp.instrument.xlsform.sheets import (
    SHEETS,
    Group,
    Line,
    Report,
    Rows,
    Table,
    read_table,
    settle_languages,
    shown,
    tree,
)
from surveyapp.problems import Problem, Refused

Json = dict[str, Any]
Node = Line | Group

MOST_REPEATS = 20


@dataclass(frozen=True)
class Imported:
    """An instrument's document, and in the order of the form what is not in it, or not as it was."""

    document: Json
    left_out: tuple[Problem, ...]


def import_xlsform(sheets: Mapping[str, Rows], survey: str = "", version: str = "") -> Imported:
    """The instrument that an XLSForm asks, from its sheets by name.

    `survey` and `version` go before those of the settings. Raises `Refused` with every problem and its cell.
    """
    report, faults = Report(), Report()
    form = _read_form(sheets, report, faults)
    nodes = tree(form.survey.lines, faults)
    _stop_at(faults)
    layout = _Layout(Questions(form.languages, form.choices.lines, report, faults))
    document = _document(form, layout.sections(nodes), survey, version, report)
    if not (document["sections"] or faults.found):
        faults.add(("survey", 0, 0), "it asks nothing that can be carried over", "add a question")
    _report_columns(form, report)
    _stop_at(faults)
    _make_valid(document, layout.questions)
    return Imported(document, tuple(report.problems))


def _stop_at(faults: Report) -> None:
    if faults.found:
        raise Refused(faults.problems)


# ── the three sheets ─────────────────────────────────────────────────────────


@dataclass
class _Form:
    survey: Table
    choices: Table
    settings: Table
    languages: list[str]

    def setting(self, name: str) -> str:
        """A setting, or ""."""
        return self.settings.lines[0][name] if self.settings.lines else ""


_NEEDED = {"survey": ("type", "name"), "choices": ("list_name", "name"), "settings": ()}


def _read_form(sheets: Mapping[str, Rows], report: Report, faults: Report) -> _Form:
    by_name = {name.strip().lower(): rows for name, rows in reversed(list(sheets.items()))}
    if "survey" not in by_name:
        raise Refused([Problem("survey", "there is no such sheet", "call the sheet with the questions “survey”")])
    survey, choices, settings = (read_table(n, by_name.get(n, ()), _NEEDED[n], faults) for n in SHEETS)
    form = _Form(survey, choices, settings, [])
    found = settle_languages([survey, choices], form.setting("default_language"), report, faults)
    form.languages = found or ["en"]
    return form


_KNOWN_COLUMNS = {
    "survey": {
        "type", "name", "required", "relevant", "constraint", "appearance", "repeat_count", "choice_filter",
        "parameters", "disabled", "kobo--score-choices", "kobo--rank-items", "kobo--matrix_list",
    },
    "choices": {"list_name", "name", "order"},
    "settings": {"form_title", "form_id", "version", "default_language", "style"},
}  # fmt: skip


def _report_columns(form: _Form, report: Report) -> None:
    """Columns that hold something and have no counterpart; those of calculations are reported with their lines."""
    for table in (form.survey, form.choices, form.settings):
        for column, position in table.columns.items():
            if column in _KNOWN_COLUMNS[table.name] or column.startswith(("$", "label::", "hint::")):
                continue
            cells = sum(bool(line[column]) for line in table.lines if line["type"].lower() != "calculate")
            if cells:
                what = f"the column “{shown(column)}” is not carried over ({cells} cell{'s' * (cells != 1)})"
                report.add((table.name, table.header_row, position), what, "look whether you need what it says")


# ── pages and sections ───────────────────────────────────────────────────────


@dataclass(frozen=True)
class _Around:
    """What a group gives to the pages in it."""

    group: Group | None = None
    title: Any = None
    show_if: Json | None = None


class _Layout:
    """Sections of pages of questions, from groups."""

    def __init__(self, questions: Questions) -> None:
        self.questions = questions
        self.words, self.report = questions.words, questions.report
        self.section_ids, self.page_ids = Names("s"), Names("p")

    def sections(self, nodes: Sequence[Node]) -> list[Json]:
        """A section for each top-level group, and for each run of what stands outside."""
        sections: list[Json] = []
        loose: list[Node] = []
        for node in nodes:
            if isinstance(node, Group) and node.kind in {"group", "repeat"}:
                sections += self._loose(loose)
                sections += self._section(node)
                loose = []
            else:
                loose.append(node)
        return sections + self._loose(loose)

    def _loose(self, nodes: Sequence[Node]) -> list[Json]:
        pages = self._pages(nodes, _Around())
        if not pages:
            return []
        title = self.words.stock("Questions")
        section = {"id": self.section_ids.give("questions"), "title": title, "pages": pages}
        return [self.questions.made(section, nodes[0].line if isinstance(nodes[0], Group) else nodes[0])]

    def _section(self, group: Group) -> list[Json]:
        section: Json = {
            "id": self.section_ids.give(group.line["name"]),
            "title": self.words.label(group.line, fill=False),
        }
        if group.kind == "repeat":
            pages = self._repeat(group, _Around())
        else:
            with_condition(section, self.questions.relevance(group.line))
            around = _Around(group)
            if _is_one_page(group):
                pages = self._page(self._items(group), around, group.line)
            else:
                pages = self._pages(group.children, around)
        section["pages"] = pages
        return [self.questions.made(section, group.line)] if pages else []

    def _pages(self, nodes: Sequence[Node], around: _Around) -> list[Json]:
        """A page a question, with the notes before it; a page or more for each group."""
        pages: list[Json] = []
        items: list[Json] = []
        for run in _runs(nodes, False):
            if isinstance(run[0], Group):
                pages += self._page(items, around) + self._group_pages(run[0], around)
                items = []
                continue
            for item in self._run(run, around.group):
                items.append(item)
                if item["type"] != "note":
                    pages += self._page(items, around)
                    items = []
        return pages + self._page(items, around)

    def _page(self, items: list[Json], around: _Around, line: Line | None = None) -> list[Json]:
        """The page of these items, named after the `line` of its group or its last item; none for no items."""
        if not items:
            return []
        page: Json = {"id": self.page_ids.give(line["name"] if line else items[-1]["id"])}
        if around.title is not None:
            page["title"] = around.title
        with_condition(page, around.show_if)
        page["questions"] = items
        if line is None:
            line = around.group.line if around.group and around.show_if else self.questions.line_of(items[-1])
        return [self.questions.made(page, line)]

    def _group_pages(self, group: Group, outer: _Around) -> list[Json]:
        if group.kind == "repeat":
            return self._repeat(group, outer)
        show_if = together(outer.show_if, self.questions.relevance(group.line))
        title = None if _is_table(group) else self.words.of(group.line) if group.kind == "group" else outer.title
        if _is_one_page(group):
            return self._page(self._items(group), _Around(group, title, show_if), group.line)
        around = _Around(group, outer.title if title is None else title, show_if)
        return self._pages(group.children, around)

    def _repeat(self, group: Group, outer: _Around) -> list[Json]:
        """A page that is answered several times. What it asks cannot be read afterwards."""
        line, before = group.line, dict(self.questions.known)
        show_if = together(outer.show_if, self.questions.relevance(line))
        page: Json = {"id": self.questions.ids.give(line["name"])}
        self.page_ids.taken.add(page["id"].replace("_", ""))
        page["title"] = self.words.label(line, fill=False)
        with_condition(page, show_if)
        page["repeat"] = {"max": self._times(line), "item": page["title"]}
        page["questions"] = self._items(group)
        self.questions.known.clear()
        self.questions.known.update(before)
        return [self.questions.made(page, line)] if page["questions"] else []

    def _times(self, line: Line) -> int:
        stated = line["repeat_count"]
        times = int(stated) if re.fullmatch("[0-9]{1,6}", stated, re.ASCII) else 0
        if 2 <= times <= MOST_REPEATS:
            return times
        what = f"it is asked for as many as there are, up to {MOST_REPEATS}, not “{shown(stated) or 'any number'}”"
        self.report.add(line.place("repeat_count"), what, 'change "max" in the new file')
        return MOST_REPEATS

    # ── what stands on one page ──

    def _items(self, group: Group) -> list[Json]:
        """All that a group asks, on one page."""
        match group.kind:
            case "score":
                rows = [child for child in group.children if isinstance(child, Line)]
                text, scale = self.words.label(group.line), group.line["kobo--score-choices"]
                grid = self.questions.grid(group.line, text, rows, scale)
                return [grid] if grid else []
            case "rank":
                ranking = self.questions.ranking(group)
                return [ranking] if ranking else []
            case "kobomatrix":
                return list(self._matrix(group))
        items: list[Json] = []
        for run in _runs(group.children, _is_table(group)):
            items += self._inner(run[0], group) if isinstance(run[0], Group) else self._run(run, group)
        return items

    def _inner(self, inner: Group, outer: Group) -> list[Json]:
        """A group on the page of another: its label becomes a note, its condition that of all that it asks."""
        if inner.kind == "repeat":
            what = f"the repeat “{shown(inner.line['name'])}” with all its questions is not carried over"
            self.report.add(inner.line.place("type"), what, "ask it outside of other repeats")
            return []
        if outer.kind == "repeat":
            what = f"the group “{shown(inner.line['name'])}” is dissolved into the repeated page"
            self.report.add(inner.line.place("type"), what, "nothing to do, if it reads well")
        show_if = self.questions.relevance(inner.line)
        heading: list[Json] = []
        if inner.kind == "group" and not _is_table(inner) and (text := self.words.of(inner.line)) is not None:
            note = {"id": self.questions.ids.give(inner.line["name"]), "type": "note", "text": text}
            heading = [self.questions.made(note, inner.line)]
        items = self._items(inner)
        return [with_condition(item, show_if) for item in heading + items] if items else []

    def _run(self, lines: Sequence[Node], group: Group | None) -> list[Json]:
        """Lines that follow each other: a grid where they share a scale, else each by itself."""
        rows = [line for line in lines if isinstance(line, Line)]
        head = rows.pop(0) if len(rows) > 1 and "label" in _looks(rows[0]) else None
        in_table = group is not None and _is_table(group) and bool(_scale(rows[0], True))
        if (head or len(rows) > 1 or in_table) and self._fits(rows[0]):
            grid = self._grid(head, rows, group)
            return [grid] if grid else []
        items = (self.questions.item(line) for line in ([head] if head else []) + rows)
        return [item for item in items if item is not None]

    def _fits(self, row: Line) -> bool:
        """Whether the choices of a row can be the scale of a grid."""
        found = self.questions.lists.get(type_of(row).list)
        if found and len(found.lines) > MOST_IN_SCALE:
            what = f"a grid has at most {MOST_IN_SCALE} points; its rows became questions of their own"
            self.report.add(row.place("type"), what, "shorten the list of choices")
            return False
        return True

    def _grid(self, head: Line | None, rows: Sequence[Line], group: Group | None) -> Json | None:
        lines = [line for line in (head, group.line if group else None) if line]
        texts = (text for line in lines if (text := self.words.of(line)) is not None)
        text = next(texts, None) or self.words.label(lines[0] if lines else rows[0])
        grid = self.questions.grid(lines[0] if lines else rows[0], text, rows, type_of(rows[0]).list)
        if grid and head:
            with_condition(grid, self.questions.relevance(head))
        return grid

    def _matrix(self, group: Group) -> Iterator[Json]:
        """KoBo's matrix: a column of choices is a grid, any other a question a row."""
        found = self.questions.lists.get(group.line["kobo--matrix_list"])
        if found is None:
            place = group.line.place("kobo--matrix_list")
            self.questions.faults.add(place, "there is no such list of rows", "add it to choices")
            return
        rows = [line for line, _ in found.lines]
        for column in group.children:
            if isinstance(column, Line):
                yield from self._matrix_column(column, rows)

    def _matrix_column(self, column: Line, rows: Sequence[Line]) -> Iterator[Json]:
        kind = type_of(column)
        if kind.kind == "single" and not kind.other and self._fits(column):
            grid = self.questions.grid(column, self.words.label(column), rows, kind.list)
            if grid and self.questions.required(column):
                grid["required"] = True
            if grid:
                yield with_condition(grid, self.questions.relevance(column))
            return
        for row in rows:
            item = self.questions.item(_crossed(column, row))
            if item is not None:
                yield item


def _crossed(column: Line, row: Line) -> Line:
    """A column of a matrix asked for one row."""
    cells = dict(column.cells) | {"name": f"{column['name']}_{row['name']}"}
    for name in row.cells:
        if name.startswith("label::"):
            cells[name] = f"{row[name]}: {column[name]}" if column[name] else row[name]
    return Line(column.sheet, column.number, cells, column.columns)


def _looks(line: Line) -> set[str]:
    return set(line["appearance"].lower().replace("no-label", "nolabel").split())


def _is_table(group: Group) -> bool:
    return group.kind == "group" and "table-list" in _looks(group.line)


def _is_one_page(group: Group) -> bool:
    """A repeat needs a page of its own, so a group around it is not one page."""
    if group.kind != "group":
        return True
    repeats = any(isinstance(child, Group) and child.kind == "repeat" for child in group.children)
    return bool(_looks(group.line) & {"field-list", "table-list"}) and not repeats


def _scale(line: Line, table: bool) -> str:
    """The list that a line shares with its neighbours in a grid; "" if it stands by itself."""
    kind = type_of(line)
    in_grid = table or _looks(line) & {"label", "list-nolabel"}
    return kind.list if kind.kind == "single" and not kind.other and in_grid else ""


def _runs(nodes: Iterable[Node], table: bool) -> Iterator[list[Node]]:
    """Nodes one by one, but rows of one grid together; a line that shows labels only begins a new one."""
    run: list[Node] = []
    scale = ""
    for node in nodes:
        own = _scale(node, table) if isinstance(node, Line) else ""
        begins = isinstance(node, Line) and bool(_looks(node) & {"label"})
        if run and (not own or own != scale or begins):
            yield run
            run = []
        run.append(node)
        scale = own
    if run:
        yield run


# ── the document ─────────────────────────────────────────────────────────────


def _document(form: _Form, sections: list[Json], survey: str, version: str, report: Report) -> Json:
    """The whole: what a form does not say is written in plain words, and reported."""
    title = unbraced(form.setting("form_title") or form.setting("form_id") or "Questionnaire")
    asked = sum(item["type"] != "note" for s in sections for page in s["pages"] for item in page["questions"])
    stock = Words(form.languages, {}, report).stock
    what = "a form has no introduction, thanks, respondent and length; plain English ones were written"
    report.add(("settings", 0, 0), what, "write your own into intro, thanks, respondent and minutes")
    return {
        "$schema": "../schema.json",
        "survey": survey or Names("s").give(form.setting("form_id") or title),
        "version": version or re.sub("[^0-9A-Za-z._-]+", "-", form.setting("version")).strip("._-")[:40] or "1",
        "title": stock(title),
        "languages": form.languages,
        "respondent": stock("one answer for each organisation"),
        "minutes": min(max(-(-asked // 3), 1), 240),
        "intro": stock(title),
        "thanks": stock("Thank you. We have your answers."),
        "sections": sections,
    }


def _make_valid(document: Json, questions: Questions) -> None:
    """Take out conditions that `read_instrument` refuses; whatever else it refuses is refused with its cell."""
    while True:
        try:
            read_instrument(json_text(document))
        except Refused as refused:
            taken = [problem for problem in refused.problems if _take_condition(document, problem, questions)]
            if not taken:
                raise Refused([_in_the_form(document, p, questions) for p in refused.problems]) from None
        else:
            return


def _take_condition(document: Json, problem: Problem, questions: Questions) -> bool:
    """Whether the problem lay in a condition; then that is gone, and reported."""
    path = problem.at.split("/")[1:]
    if "show_if" not in path:
        return False
    *_, (holder, line) = _along(document, path[: path.index("show_if")], questions)
    if not holder.pop("show_if", None):
        return False
    if line:
        questions.report_condition(line, problem.what)
    return True


def _in_the_form(document: Json, problem: Problem, questions: Questions) -> Problem:
    """A problem of the document at the cell that it came from."""
    path = problem.at.split("/")[1:]
    places = [(line, i) for i, (_, line) in enumerate(_along(document, path, questions)) if line]
    if not places:
        return Problem("settings", f"{problem.at}: {problem.what}", problem.do)
    line, i = places[-1]
    column = _COLUMNS.get(path[i] if i < len(path) else "", "type")
    if column in {"label", "hint"}:
        column = f"{column}::{questions.words.languages[0]}"
    report = Report()
    report.add(line.place(column), problem.what, problem.do)
    return report.problems[0]


_COLUMNS = {"text": "label", "title": "label", "label": "label", "item": "label", "hint": "hint", "id": "name"} | {
    "code": "name", "min": "constraint", "max": "constraint", "max_length": "constraint", "at_most": "constraint",
}  # fmt: skip


def _along(document: Json, path: Sequence[str], questions: Questions) -> Iterator[tuple[Any, Line | None]]:
    """Every value on the way down a JSON pointer, with the line that it came from."""
    value: Any = document
    yield value, None
    for part in path:
        value = (
            value[int(part)] if isinstance(value, list) else value.get(part) if isinstance(value, dict) else None
        )
        yield value, questions.origin.get(id(value), (None, None))[1]
