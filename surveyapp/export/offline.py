"""The questionnaire as a workbook to fill in at a desk: written with the answers so far, and read back as a form.

The sheets are for people; a very hidden key sheet says which form field each answer cell stands for, and a hidden
list sheet holds what the drop-downs offer. Reading trusts the key for places only: fields and codes are looked up
in the questionnaire. Our own words are English; the author's come in the language asked for.
"""

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Literal, TypeVar

from openpyxl import Workbook
from openpyxl.cell import Cell
from openpyxl.styles import Alignment, Border, Font, PatternFill, Protection, Side
from openpyxl.workbook.protection import WorkbookProtection
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.worksheet import Worksheet

from surveyapp.export.sheets import clean, fit_height, link, new_sheet, new_workbook, put, stored, to_bytes
from surveyapp.export.uploads import MAX_PROBLEMS, Rows, read_workbook
from surveyapp.instrument import (
    Allocation,
    Answers,
    DateQuestion,
    Form,
    Grid,
    Instrument,
    Item,
    Multiple,
    Note,
    NumberQuestion,
    OpenText,
    Option,
    Page,
    Question,
    Rank,
    Row,
    Single,
    answer_keys,
    choices,
    count_key,
    form_of,
    ordered,
    specify_key,
)
from surveyapp.instrument.answers import MAX_NOTES, MAX_SPECIFY
from surveyapp.instrument.outline import (
    Amount,
    Aside,
    Ask,
    Choice,
    Choices,
    Leaf,
    Line,
    Outline,
    Places,
    Prose,
    Scale,
    Shares,
    outline,
)
from surveyapp.problems import Problem, Refused, say

KEY, LISTS = "surveyapp key", "surveyapp lists"
"""The hidden sheets. No section's sheet is called so: those begin with a number."""

_FORMAT = ("surveyapp form", "1")
_HEADINGS = ("Question", "Your answer")
_WIDE, _ANSWER, _ALONE = 54, 56, 88
"""Widths in letters: of the questions, of the answers, of a column that has the page to itself."""

_MAX_OFFERS, _MAX_LISTED, _MAX_GONE = 200, 10, 20
"""How many options a question may have, a problem names, and how many lost answers are listed."""


@dataclass(frozen=True)
class Returned:
    """What a form holds that came back.

    `form` is what a browser would post; `places` gives the cell of each form field ("2 Funding!B7"), `marks` what
    `write` was given. `blank` are the fields whose cells are empty, `problems` stand at cells; a field with a
    problem is in neither `form` nor `blank`.
    """

    survey: str
    version: str
    language: str
    form: dict[str, list[str]] = field(repr=False)
    places: dict[str, str] = field(repr=False)
    marks: dict[str, str] = field(repr=False)
    problems: tuple[Problem, ...] = ()
    blank: frozenset[str] = frozenset()


def write(
    instrument: Instrument,
    answers: Answers,
    language: str,
    *,
    unit: Mapping[str, str] | None = None,
    marks: Mapping[str, str] | None = None,
    seed: str = "",
) -> bytes:
    """The questionnaire with `answers` (those of a draft, on the route or off it) as an .xlsx file to fill in.

    `unit` holds the facts that texts may name, `marks` a short text for each question that `read` gives back.
    With a `seed` options and rows stand in its order, else in the author's.
    """
    desk = _Desk(instrument, answers, language, MappingProxyType(dict(unit or {})), seed)
    book = new_workbook(desk.paper.title)
    lists, key = _Lists(), _opening(desk, marks or {})
    tabs = [_tab(part.number, part.title) for part in desk.paper.parts]
    _write_read_me(book, desk, tabs)
    for i, tab in enumerate(tabs):
        key += _write_section(book, tab, desk.paper.parts[i].title, tuple(_section(desk, i)), lists)
    _write_hidden(book, LISTS, lists.rows, "hidden")
    _write_hidden(book, KEY, key, "veryHidden")
    _protect(book)
    return to_bytes(book)


def read(name: str, content: bytes, instrument: Instrument) -> Returned:
    """What the .xlsx file `content` that was called `name` answers, and all that cannot be read, cell by cell.

    A form of another version is read as far as its questions still exist. Numbers, days and words are taken as
    typed: `read_answers` judges them. Raises `Refused` for a file that is no form of this survey.
    """
    sheets = read_workbook(name, content).sheets
    key = _read_key(sheets)
    if key.survey != instrument.survey:
        raise _refused(say("it is a form of another survey, “{survey}”", survey=_short(key.survey)))
    return _Reading(key, sheets, instrument).returned()


def at_cells(problems: Iterable[Problem], returned: Returned) -> list[Problem]:
    """The same problems at the cells where the answers stand; one that has no cell keeps its place."""
    return [replace(problem, at=_place(problem.at, returned.places)) for problem in problems]


def _place(key: str, places: Mapping[str, str]) -> str:
    """A date and a rank have fields below their key."""
    below = (place for name, place in places.items() if name.startswith(f"{key}."))
    return places.get(key) or next(below, key)


def _refused(what: str) -> Refused:
    return Refused(
        [Problem("the file", what, say("download the Excel form of this survey again, and fill in that"))]
    )


# ── what stands on a sheet ───────────────────────────────────────────────────

_Offers = tuple[tuple[str, str], ...]
"""What a drop-down offers: labels with their codes."""


@dataclass(frozen=True)
class _Entry:
    """One answer cell: its form field, what it holds, and what it offers as labels with their codes.

    `code` is the option that a tick is for; `longest` limits the characters of words.
    """

    field: str
    value: str = ""
    code: str = ""
    offers: _Offers = ()
    longest: int = 0


@dataclass(frozen=True)
class _Row:
    """A text, and perhaps an answer cell beside it."""

    text: str
    look: str = "text"
    entry: _Entry | None = None


@dataclass(frozen=True)
class _Desk:
    """What is written: a questionnaire and what is known of its answers."""

    instrument: Instrument
    answers: Answers
    language: str
    unit: Mapping[str, str]
    seed: str
    paper: Outline = field(init=False)

    def __post_init__(self) -> None:
        """The outline is wanted in many places."""
        object.__setattr__(self, "paper", outline(self.instrument, self.language, self.answers, self.unit))

    def leaf(self, section: int, page: int, number: int) -> Leaf:
        """A page in words; item `number` of a repeated one reads the answers about the same thing."""
        found = self.instrument.sections[section].pages[page]
        known = _of_item(found, self.answers, number) if number else {}
        paper = (
            outline(self.instrument, self.language, {**self.answers, **known}, self.unit) if known else self.paper
        )
        return paper.parts[section].leaves[page]

    def shown(self, item: Question, number: int) -> Question:
        """A question under its id of this item, its options and rows in order."""
        copy = _numbered(item, number)
        shown = ordered(copy, self.seed) if self.seed else copy
        return copy if isinstance(shown, Note) else shown


def _numbered(question: Question, number: int) -> Question:
    return question.model_copy(update={"id": f"{question.id}@{number}"}) if number else question


def _of_item(page: Page, answers: Answers, number: int) -> dict[str, str | Sequence[str]]:
    """The answers about one thing of a repeated page, as the page's own texts name them; none if no text does."""
    if not any("{answers." in text for item in page.questions for text in _texts(item)):
        return {}
    ids = {question.id for question in page.asked}
    split = ((key, *key.partition(".")) for key in answers)
    own = ((key, name.removesuffix(f"@{number}"), dot + rest) for key, name, dot, rest in split if "@" in name)
    return {name + rest: answers[key] for key, name, rest in own if name in ids}


def _texts(item: Item) -> Iterator[str]:
    """Where an author can name an earlier answer."""
    yield item.text
    if not isinstance(item, Note):
        yield from (item.hint or "", *item.probes)


def _tab(number: int, title: str) -> str:
    """A name that every programme takes: letters, digits and spaces, told apart by the number."""
    words = "".join(c if c.isalnum() and c <= "\uffff" else " " for c in re.sub("['’]", "", title))
    return " ".join(f"{number} {words}".split())[:31].strip()


def _section(desk: _Desk, index: int) -> Iterator[_Row]:
    part = desk.paper.parts[index]
    yield from (_Row(direction, "route") for direction in part.directions)
    for i, page in enumerate(desk.instrument.sections[index].pages):
        for number in range(1, page.repeat.max + 1) if page.repeat else (0,):
            yield from _page(desk, page, desk.leaf(index, i, number), number)


def _page(desk: _Desk, page: Page, leaf: Leaf, number: int) -> Iterator[_Row]:
    if number < 2:
        if leaf.title:
            yield _Row(leaf.title, "page")
        yield from (_Row(_without_copies(direction), "route") for direction in leaf.directions)
    if page.repeat and number:
        yield _Row(_nth(page.repeat.item.in_language(desk.language), number, desk.language), "page")
    for item, said in zip(page.questions, leaf.items, strict=True):
        yield from _item(desk, item, said, number)


def _without_copies(direction: str) -> str:
    """Paper is copied for each further thing; here there is room for all."""
    head, copies, _ = direction.partition(" Use a copy of these questions")
    return f"{head} Leave blank those that you do not need." if copies else direction


def _nth(item: str, number: int, language: str) -> str:
    """`1st contract`, or `contract 1` in other languages."""
    if language != "en":
        return f"{item} {number}"
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th") if number not in {11, 12, 13} else "th"
    return f"{number}{ending} {item}"


def _item(desk: _Desk, item: Item, said: Ask | Aside, number: int) -> Iterator[_Row]:
    if isinstance(said, Aside) or isinstance(item, Note):
        if isinstance(said, Aside):
            yield from _rows("route", said.route)
            yield from _prose(said.words, "note")
        return
    question = desk.shown(item, number)
    form = form_of([question], desk.answers)
    yield _Row(f"{said.number}. {said.text}", "question")
    yield from _rows("route", said.route)
    yield from _rows("hint", said.hint)
    if said.probes:
        yield _Row("Probes", "hint")
        yield from (_Row(f"• {probe}", "hint") for probe in said.probes)
    yield from _space(question, item, said, form)
    if question.notes:
        yield _answer("Interviewer’s notes", f"{question.id}.notes", form, MAX_NOTES)


def _rows(look: str, *texts: str) -> Iterator[_Row]:
    return (_Row(text, look) for text in texts if text)


def _prose(words: Prose, look: str) -> Iterator[_Row]:
    for block in words:
        yield from _rows(look, *([f"• {item}" for item in block] if isinstance(block, tuple) else [block]))


def _space(question: Question, item: Question, said: Ask, form: Form) -> Iterator[_Row]:
    """How to answer, and the cells to do it. `item` is the question in the author's order, as `said` has it."""
    must = " Must be answered." if question.required is True else ""
    match question, item, said.space:
        case Single(), Single(), Choices(options):
            choice = _paired(question.options, item.options, options)
            yield from _single(question, choice, f"Choose one answer from the list.{must}", form)
        case Multiple(), Multiple(), Choices(options):
            yield from _multiple(question, _paired(question.options, item.options, options), must, form)
        case Grid(), Grid(), Scale(rows, points):
            offers = _offers(_paired(question.scale, item.scale, points))
            yield from _grid(question, _paired(question.rows, item.rows, rows), offers, must, form)
        case Allocation(), Allocation(), Shares(rows, _, unit):
            yield _Row(f"Write a number{_in_unit(unit)} in each row. {said.how}", "hint")
            for code, line in _paired(question.rows, item.rows, rows):
                yield _answer(_lettered(line), f"{question.id}.{code}", form)
        case Rank(), Rank(), Places(options, last):
            yield from _rank(question, _paired(question.options, item.options, options), last, said.how, form)
        case NumberQuestion(), _, Amount():
            how = f"Write a number{_in_unit(said.space)}."
            yield _answer(f"{how} {said.how}".strip(), question.id, form)
        case DateQuestion(), _, _:
            day = "/".join(_value(form, f"{question.id}.{part}") for part in ("day", "month", "year")).strip("/")
            yield _Row(
                f"Write the day, month and year, such as 27 3 2012.{must}", "label", _Entry(question.id, day)
            )
        case OpenText(), _, _:
            yield _answer(said.how, question.id, form, question.max_length)


Said = TypeVar("Said")


def _paired(
    shown: Sequence[Option | Row], written: Sequence[Option | Row], said: Sequence[Said]
) -> list[tuple[str, Said]]:
    """Codes in the order shown, each with what the outline says of it; the outline has the author's order."""
    by_code = {part.code: words for part, words in zip(written, said, strict=True)}
    return [(part.code, by_code[part.code]) for part in shown]


def _answer(text: str, name: str, form: Form, longest: int = 0) -> _Row:
    return _Row(text, "label", _Entry(name, _value(form, name), longest=longest))


def _value(form: Form, name: str) -> str:
    return "".join(form.get(name, ())[:1])


def _in_unit(unit: Amount) -> str:
    """Behind "a number": ` in £`, ` (months)`."""
    return f" in {unit.before}" if unit.before else f" ({unit.after})" if unit.after else ""


def _only(route: str) -> str:
    return f" ({route})" if route else ""


def _lettered(line: Line) -> str:
    return f"{line.letter}. {line.label}{_only(line.route)}"


def _single(question: Single, options: Sequence[tuple[str, Choice]], how: str, form: Form) -> Iterator[_Row]:
    offers = _offers([(code, option.label) for code, option in options])
    yield from (_Row(f"“{option.label}”: {option.route}", "hint") for _, option in options if option.route)
    yield _Row(how, "label", _listed(question.id, offers, form))
    for code, option in options:
        if option.specify:
            yield _answer(
                f"If “{option.label}”, please say which", specify_key(question.id, code), form, MAX_SPECIFY
            )


def _multiple(question: Multiple, options: Sequence[tuple[str, Choice]], must: str, form: Form) -> Iterator[_Row]:
    most = f"up to {question.at_most} that apply" if question.at_most else "all that apply"
    yield _Row(f"Choose Yes beside {most}.{must}", "hint")
    ticked = form.get(question.id, ())
    for code, option in options:
        text = f"{option.label}{' (choose no other)' if option.alone else ''}{_only(option.route)}"
        tick = _YES if code in ticked else ""
        yield _Row(text, "label", _Entry(question.id, tick, code, _TICK))
        if option.specify:
            yield _answer(
                f"If “{option.label}”, please say which", specify_key(question.id, code), form, MAX_SPECIFY
            )


_YES = "Yes"
_TICK = ((_YES, "yes"),)


def _grid(
    question: Grid,
    rows: Sequence[tuple[str, Line]],
    offers: _Offers,
    must: str,
    form: Form,
) -> Iterator[_Row]:
    yield _Row(f"Choose one answer in each row.{must}", "hint")
    for code, line in rows:
        yield _Row(_lettered(line), "label", _listed(f"{question.id}.{code}", offers, form))


def _rank(
    question: Rank, options: Sequence[tuple[str, Choice]], last: int, how: str, form: Form
) -> Iterator[_Row]:
    yield _Row(how.replace("boxes", "cells").replace("one box", "one cell"), "hint")
    places = tuple((str(place), str(place)) for place in range(1, last + 1))
    for code, option in options:
        entry = _listed(f"{question.id}.{code}", places, form)
        yield _Row(f"{option.label}{_only(option.route)}", "label", entry)


def _listed(name: str, offers: _Offers, form: Form) -> _Entry:
    code = _value(form, name)
    return _Entry(name, {known: label for label, known in offers}.get(code, code), offers=offers)


def _offers(labels: Iterable[tuple[str, str]]) -> _Offers:
    """Labels as a list shows them, on one line, with their codes. Two that we would read as one get the code."""
    offers: dict[str, tuple[str, str]] = {}
    for code, label in labels:
        line = " ".join(clean(label).split())
        line = f"{line} ({code})" if alike(line) in offers else line
        offers[alike(line)] = (line, code)
    return tuple(offers.values())


def alike(text: str) -> str:
    """What two labels share that are the same but for case, white space and the kind of quotation marks."""
    text = unicodedata.normalize("NFKC", text).translate(_QUOTES)
    return " ".join(text.split()).casefold()


_QUOTES = str.maketrans("‘’“”", "''\"\"")


# ── writing ──────────────────────────────────────────────────────────────────

_BOX = Border(*[Side(style="thin", color="505A5F")] * 4)
_FILL = PatternFill("solid", fgColor="FFF7CC")
_OPEN = Protection(locked=False)
_LINE_HEIGHT, _MAX_HEIGHT = 15.75, 400
_TOP = Alignment(wrap_text=True, vertical="top")
_BOTTOM = Alignment(wrap_text=True, vertical="bottom")
_FONTS = {
    "page": Font(name="Arial", size=14, bold=True),
    "question": Font(name="Arial", size=12, bold=True),
    "route": Font(name="Arial", size=12, italic=True),
    "hint": Font(name="Arial", size=12, color="505A5F"),
}
_SPACE_BEFORE = {"page": 14, "question": 12, "note": 6}


class _Lists:
    """What drop-downs offer: every list once, one below the other."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, str]] = []
        self.spans: dict[_Offers, str] = {}

    def span(self, offers: _Offers) -> str:
        """The rows of a list, as `3:9`."""
        if offers not in self.spans:
            self.spans[offers] = f"{len(self.rows) + 1}:{len(self.rows) + len(offers)}"
            self.rows += offers
        return self.spans[offers]


def _opening(desk: _Desk, marks: Mapping[str, str]) -> list[tuple[str, ...]]:
    """The key before the sheets: what form this is, and the marks."""
    instrument = desk.instrument
    form = [_FORMAT, ("survey", instrument.survey), ("version", instrument.version), ("language", desk.language)]
    return [*form, *(("mark", question, mark) for question, mark in marks.items())]


def _write_section(
    book: Workbook, tab: str, title: str, rows: Sequence[_Row], lists: _Lists
) -> list[tuple[str, ...]]:
    """One sheet; returns its lines of the key."""
    sheet = _new_sheet(book, tab, title, (_WIDE, _ANSWER))
    for column, heading in enumerate(_HEADINGS, 1):
        cell = put(sheet, 2, column, heading)
        cell.font, cell.border = _FONTS["question"], Border(bottom=Side(style="medium"))
    for i, row in enumerate(rows, 3):
        _write_row(sheet, i, row)
    entries = [(i, row.entry) for i, row in enumerate(rows, 3) if row.entry]
    _freeze(sheet, next((i for i, _ in entries), 3))
    _validate(sheet, entries, lists)
    texts = [sheet.cell(i, 1).value for i in range(1, len(rows) + 3)]
    key = [("cell", tab, f"B{i}", e.field, e.code, lists.span(e.offers) if e.offers else "") for i, e in entries]
    return [("sheet", tab, _fingerprint(texts)), *key]


def _new_sheet(book: Workbook, tab: str, title: str, widths: Sequence[int]) -> Worksheet:
    sheet = new_sheet(book, tab, title, (), widths)
    sheet.title = tab
    if len(title) > _TITLE_LINE:
        sheet["A1"].alignment = _TOP
        sheet.row_dimensions[1].height = min(-(-len(title) // (widths[0] * 3 // 4)) * 21, 84)
    sheet.page_margins.left = sheet.page_margins.right = 0.5
    sheet.oddFooter.center.text = "Page &P of &N"
    return sheet


_TITLE_LINE = 75


def _write_row(sheet: Worksheet, i: int, row: _Row) -> None:
    cell = put(sheet, i, 1, row.text)
    if row.look in _FONTS:
        cell.font = _FONTS[row.look]
    cell.alignment = _BOTTOM if row.look in _SPACE_BEFORE else _TOP
    if row.entry:
        _write_entry(put(sheet, i, 2, row.entry.value))
    fit_height(sheet, i, [cell.value, sheet.cell(i, 2).value] if row.entry else [cell.value])
    height = sheet.row_dimensions[i].height + _SPACE_BEFORE.get(row.look, 0) + (4 if row.entry else 0)
    lines = min(-(-row.entry.longest // 100), 8) if row.entry else 0
    sheet.row_dimensions[i].height = min(max(height, lines * _LINE_HEIGHT), _MAX_HEIGHT)


def _write_entry(cell: Cell) -> None:
    """Cells are of the format "text": what is typed stays as typed, no date or share is made of it."""
    if cell.value == "":
        cell.value = None
    cell.fill, cell.border, cell.protection, cell.alignment = _FILL, _BOX, _OPEN, _TOP
    cell.number_format = "@"


def _freeze(sheet: Worksheet, first: int) -> None:
    """The heading stays in sight, and the cursor stands in the first answer cell."""
    sheet.freeze_panes = "A3"
    sheet.print_title_rows = "1:2"
    for selection in sheet.sheet_view.selection:
        selection.activeCell = selection.sqref = f"B{first}"


def _validate(sheet: Worksheet, entries: Sequence[tuple[int, _Entry]], lists: _Lists) -> None:
    """One drop-down for all cells that offer the same, one limit for all words of the same length."""
    rows: dict[tuple[_Offers, int], list[int]] = {}
    for i, entry in entries:
        rows.setdefault((entry.offers, entry.longest), []).append(i)
    for (offers, longest), cells in rows.items():
        where = " ".join(f"B{i}" for i in cells)
        if offers:
            sheet.add_data_validation(_drop_down(lists.span(offers), where, strict=offers != _TICK))
        elif longest:
            sheet.add_data_validation(_limit(longest, where))


def _drop_down(span: str, where: str, strict: bool) -> DataValidation:
    first, last = span.split(":")
    found = DataValidation("list", f"'{LISTS}'!$A${first}:$A${last}", allow_blank=True, sqref=where)
    found.showErrorMessage = strict
    found.errorTitle, found.error = "Not in the list", "Choose one of the answers in the list, or leave it blank."
    return found


def _limit(longest: int, where: str) -> DataValidation:
    found = DataValidation("textLength", str(longest), operator="lessThanOrEqual", allow_blank=True, sqref=where)
    found.showErrorMessage, found.errorStyle = True, "warning"
    found.errorTitle, found.error = "Too long", f"Shorten it to {longest:,} characters before you upload the form."
    return found


def _write_hidden(book: Workbook, name: str, rows: Iterable[Sequence[str]], state: str) -> None:
    sheet = book.create_sheet(name)
    sheet.sheet_state = state
    for i, row in enumerate(rows, 1):
        for column, text in enumerate(row, 1):
            if text:
                sheet.cell(i, column, stored(text)).data_type = "s"


def _protect(book: Workbook) -> None:
    """Against slips, not against anybody: without a password. Rows and columns may be made larger."""
    for sheet in book.worksheets:
        sheet.protection.sheet = True
        sheet.protection.formatRows = sheet.protection.formatColumns = False
    book.security = WorkbookProtection(lockStructure=True)


def _fingerprint(texts: Iterable[object]) -> str:
    """What the first column says, line by line: if a line moves, so have the cells beside it."""
    lines = ("".join(c for c in str(text or "") if c.isalnum()) for text in texts)
    return hashlib.sha256("\n".join(lines).rstrip("\n").encode()).hexdigest()[:16]


# ── the first sheet ──────────────────────────────────────────────────────────


def _write_read_me(book: Workbook, desk: _Desk, tabs: Sequence[str]) -> None:
    sheet = _new_sheet(book, "Read me", desk.paper.title, (_ALONE,))
    rows = [*_what_it_is(desk), *_how_to(desk), _Row("Sections", "page")]
    links = {len(rows) + i: tab for i, tab in enumerate(tabs, 2)}
    rows += [_Row(f"Section {part.number}: {part.title}") for part in desk.paper.parts]
    for title, words in desk.paper.front[:-1]:
        rows += [_Row(title, "page"), *_prose(words, "text")]
    for i, row in enumerate(rows, 2):
        _write_row(sheet, i, row)
    for i, tab in links.items():
        link(sheet, i, 1, tab)


def _what_it_is(desk: _Desk) -> Iterator[_Row]:
    yield _Row("What this is", "page")
    yield _Row("The questionnaire as an Excel form, to fill in away from the website. Each section has a sheet.")
    if any(desk.answers.values()):
        yield _Row(
            "It holds the answers saved so far. Whoever has this file can read them, and those that you add: send "
            "it only to people who may see them, and delete it when you have uploaded it."
        )
    else:
        yield _Row("It holds no answers yet. Whoever has this file can read what you write into it.")
    yield from (_Row(f"{name}: {fact}") for name, fact in desk.paper.facts)


def _how_to(desk: _Desk) -> Iterator[_Row]:
    """Only what this questionnaire needs."""
    kinds = {question.type for question in desk.instrument.questions.values()}
    yield _Row("How to fill it in", "page")
    yield _Row("• Answer in the yellow cells with a border, in column B. All other cells are locked.")
    if kinds & {"single", "grid", "rank", "multiple"}:
        yield _Row(
            "• Where a cell has a list, choose from it: use the arrow beside the cell, or Alt and the down key."
        )
    if "multiple" in kinds:
        yield _Row("• Where several answers can apply, choose Yes beside each of them and leave the others blank.")
    yield _Row(
        f"• “{'Ask' if desk.instrument.mode == 'interviewer' else 'Answer'} only if …” says who a question "
        "is for. Pass over what does not apply."
    )
    yield _Row("• Leave blank what cannot be answered, unless it says “Must be answered”.")
    yield _Row("• To empty a cell, select it and press Delete.")
    yield _Row("How to send it", "page")
    yield _Row("• Save it as an Excel workbook (.xlsx), not as another kind of file.")
    yield _Row("• Go back to the questionnaire online with your access code, and upload the file there.")
    yield _Row("• The answers then stand in your online questionnaire. Nothing is sent until you send it.")


# ── reading ──────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class _Answered:
    """An answer cell as the key names it."""

    sheet: str
    cell: str
    field: str
    code: str
    span: str

    @property
    def place(self) -> str:
        """As problems name it: `2 Funding!B7`."""
        return f"{self.sheet}!{self.cell}"


@dataclass(frozen=True)
class _Key:
    """The key sheet as it came back."""

    survey: str
    version: str
    language: str
    marks: dict[str, str]
    fingerprints: dict[str, str]
    cells: tuple[_Answered, ...]


def _read_key(sheets: Mapping[str, Rows]) -> _Key:
    rows = [tuple(row) + ("",) * (6 - len(row)) for row in sheets.get(KEY, ())]
    if not rows or rows[0][:1] != _FORMAT[:1]:
        raise _refused(say("it is not an Excel form that was downloaded here"))
    if rows[0][1] != _FORMAT[1]:
        raise _refused(say("it was made by another edition of this website"))
    facts = {row[0]: row[1] for row in rows}
    cells = tuple(_Answered(*row[1:6]) for row in rows if row[0] == "cell")
    once = len({(cell.field, cell.code) for cell in cells}) == len(cells)
    if not {"survey", "version", "language", "sheet"} <= set(facts) or not once or not all(map(_is_sound, cells)):
        raise _refused(say("its hidden sheets have been changed"))
    marks = {row[1]: row[2] for row in rows if row[0] == "mark"}
    fingerprints = {row[1]: row[2] for row in rows if row[0] == "sheet"}
    return _Key(facts["survey"], facts["version"], facts["language"], marks, fingerprints, cells)


def _is_sound(cell: _Answered) -> bool:
    sound = re.fullmatch(r"B[1-9]\d{0,5}", cell.cell, re.ASCII)
    return bool(sound and re.fullmatch(r"(\d{1,6}:\d{1,6})?", cell.span, re.ASCII))


@dataclass(frozen=True)
class _Target:
    """What a key's field is in the questionnaire: a kind of cell of one question."""

    kind: Literal["list", "tick", "place", "day", "words"]
    question: Question
    page: Page
    number: int

    def codes(self) -> list[str]:
        """What may be chosen here."""
        if self.kind == "place" and isinstance(self.question, Rank):
            last = min(self.question.top or len(self.question.options), len(self.question.options))
            return [str(place) for place in range(1, last + 1)]
        return [option.code for option in choices(self.question)]

    def by_label(self, language: str) -> dict[str, str]:
        """The codes by label, in any language, that of the form first; a code stands for itself."""
        found: dict[str, str] = {}
        options = choices(self.question) if self.kind == "list" else []
        for said in dict.fromkeys([language, *(name for option in options for name in option.label.translations)]):
            for option in options:
                found.setdefault(alike(option.label.in_language(said)), option.code)
        for code in self.codes():
            found.setdefault(alike(code), code)
        return found


def _targets(instrument: Instrument) -> dict[str, _Target]:
    """Every field that a key may name."""
    found: dict[str, _Target] = {}
    for page in instrument.pages:
        for number in range(1, page.repeat.max + 1) if page.repeat else (0,):
            for question in (_numbered(question, number) for question in page.asked):
                for key in answer_keys(question):
                    kind = _kind(question, key)
                    names = [f"{key}.{o.code}" for o in choices(question)] if kind == "place" else [key]
                    found |= {name: _Target(kind, question, page, number) for name in names}
    return found


def _kind(question: Question, key: str) -> Literal["list", "tick", "place", "day", "words"]:
    own = key == question.id
    match question:
        case Single() if own:
            return "list"
        case Grid() if key.partition(".")[2] in {row.code for row in question.rows}:
            return "list"
        case Multiple() if own:
            return "tick"
        case Rank() if own:
            return "place"
        case DateQuestion() if own:
            return "day"
    return "words"


class _Reading:
    """One form that came back: what could be read, and what is wrong."""

    def __init__(self, key: _Key, sheets: Mapping[str, Rows], instrument: Instrument) -> None:
        self.key, self.sheets, self.targets = key, sheets, _targets(instrument)
        self.form: dict[str, list[str]] = {}
        self.places: dict[str, str] = {}
        self.filled: set[str] = set()
        self.faulty: set[str] = set()
        self.problems: list[Problem] = []
        self.gone: list[Problem] = []
        self.labels: dict[tuple[str, str], dict[str, str]] = {}
        self._read()
        self._order_ticks()

    def returned(self) -> Returned:
        """All of it."""
        form = {name: values for name, values in self.form.items() if name not in self.faulty}
        return Returned(
            self.key.survey,
            self.key.version,
            self.key.language,
            form,
            self.places,
            self.key.marks,
            (*self.problems[:MAX_PROBLEMS], *_capped(self.gone)),
            frozenset(self.places.keys() - self.filled),
        )

    def _read(self) -> None:
        moved = {sheet for sheet, found in self.key.fingerprints.items() if not self._is_as_written(sheet, found)}
        for sheet in self.key.fingerprints:
            if sheet in moved:
                what = say("its rows have been moved or its questions changed, so its answers were not read")
                what = what if sheet in self.sheets else say("the sheet is missing")
                do = say("download the Excel form again, and copy the answers of this sheet into it")
                self.problems.append(Problem(sheet, what, do))
        for cell in self.key.cells:
            if cell.sheet in self.key.fingerprints and cell.sheet not in moved:
                self._take(cell)

    def _is_as_written(self, sheet: str, fingerprint: str) -> bool:
        return _fingerprint(row[0] if row else "" for row in self.sheets.get(sheet, ())) == fingerprint

    def _typed(self, cell: _Answered) -> str:
        rows, i = self.sheets[cell.sheet], int(cell.cell[1:]) - 1
        return rows[i][1] if i < len(rows) and len(rows[i]) > 1 else ""

    def _take(self, cell: _Answered) -> None:
        typed = self._typed(cell)
        target = self.targets.get(cell.field)
        if target is None or (cell.code not in target.codes() if target.kind == "tick" else cell.code):
            if typed.strip():
                do = say("nothing to do; the answer “{typed}” is not carried over", typed=_short(typed))
                self.gone.append(Problem(cell.place, say("the questionnaire does not ask this any more"), do))
            return
        fields = _fields(cell.field, target)
        for name in fields:
            self.places.setdefault(name, cell.place)
        if typed.strip():
            self.filled.update(fields)
            self._count(target)
            self._read_cell(cell, target, typed)

    def _count(self, target: _Target) -> None:
        """How many things a repeated page is about: up to the last one that anything is said of."""
        if target.number:
            key = count_key(target.page)
            self.form[key] = [str(max(target.number, int(self.form.get(key, ["1"])[0])))]

    def _read_cell(self, cell: _Answered, target: _Target, typed: str) -> None:
        match target.kind:
            case "words":
                self.form[cell.field] = [typed]
            case "day":
                self.form |= {f"{cell.field}.{name}": [part] for name, part in _day(typed).items()}
            case "tick":
                self._tick(cell, typed)
            case "list" | "place":
                if code := self._code(cell, target, alike(typed)):
                    self.form[cell.field] = [code]
                else:
                    self._not_listed(cell, typed, self._offered(cell, target))

    def _tick(self, cell: _Answered, typed: str) -> None:
        word = alike(typed)
        if word in _TICKED:
            ticks = self.form.setdefault(cell.field, [])
            ticks += [cell.code] if cell.code not in ticks else []
        elif word not in _NOT_TICKED:
            self.faulty.add(cell.field)
            do = say("choose Yes, or leave the cell blank")
            self.problems.append(
                Problem(cell.place, say("“{typed}” is neither yes nor no", typed=_short(typed)), do)
            )

    def _code(self, cell: _Answered, target: _Target, word: str) -> str | None:
        """First by the list of the form, which another version may have worded otherwise, then as it is now."""
        key = (target.question.id, cell.span)
        if key not in self.labels:
            known = set(target.codes())
            written = {alike(label): code for label, code in self._list(cell.span) if code in known}
            self.labels[key] = target.by_label(self.key.language) | written
        return self.labels[key].get(word)

    def _list(self, span: str) -> list[tuple[str, str]]:
        first, _, last = span.partition(":")
        rows = self.sheets.get(LISTS, ())[int(first) - 1 : int(last)][:_MAX_OFFERS] if span else ()
        return [(row[0], row[1]) for row in rows if len(row) == 2]

    def _offered(self, cell: _Answered, target: _Target) -> list[str]:
        known = set(target.codes())
        return [label for label, code in self._list(cell.span) if code in known] or target.codes()

    def _not_listed(self, cell: _Answered, typed: str, offered: Sequence[str]) -> None:
        self.faulty.add(cell.field)
        labels = ", ".join(offered[:_MAX_LISTED]) + (" …" if len(offered) > _MAX_LISTED else "")
        what = say("“{typed}” is not one of the answers", typed=_short(typed))
        self.problems.append(Problem(cell.place, what, say("choose from the list: {labels}", labels=labels)))

    def _order_ticks(self) -> None:
        """Options may have stood in another order than the author's."""
        for name in self.filled & self.form.keys() & self.targets.keys():
            target = self.targets[name]
            if target.kind == "tick":
                self.form[name] = [code for code in target.codes() if code in self.form[name]]


_TICKED = {"yes", "y", "x", "1", "true", "ie", "✓", "✔", "☑", "☒"}
_NOT_TICKED = {"no", "n", "0", "false", "na", "☐"}


def _fields(name: str, target: _Target) -> list[str]:
    """The form fields of a cell."""
    return [f"{name}.{part}" for part in ("day", "month", "year")] if target.kind == "day" else [name]


def _capped(gone: Sequence[Problem]) -> Iterator[Problem]:
    yield from gone[:_MAX_GONE]
    if (more := len(gone) - _MAX_GONE) > 0:
        yield Problem("the file", say("and {n} more", n=more), say("nothing to do; they are not carried over"))


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 60 else f"{line[:60]}…"


_ISO = re.compile(r"(?P<year>\d{4})-(?P<month>\d\d)-(?P<day>\d\d)(?: 00:00:00)?", re.ASCII)
_WRITTEN = re.compile(
    r"(?P<day>\d{1,2})(?:st|nd|rd|th)?[\s./-]+(?P<month>\d{1,2}|[a-z]{3,9})[\s.,/-]+(?P<year>\d{4})",
    re.ASCII | re.IGNORECASE,
)


def _day(typed: str) -> dict[str, str]:
    """Day, month and year of a date in a cell; what is no date goes on as typed, to be judged like any other."""
    found = _ISO.fullmatch(typed.strip()) or _WRITTEN.fullmatch(typed.strip())
    if found is None:
        return {"day": typed, "month": "", "year": ""}
    name = found["month"].lower()
    month = next((i for i, known in enumerate(_MONTHS, 1) if len(name) > 2 and known.startswith(name)), 0)
    number = str(month) if month else name
    return {"day": found["day"].lstrip("0"), "month": number.lstrip("0"), "year": found["year"]}


_MONTHS = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip
