"""A questionnaire to print and pass round before one person types: as a page of HTML, or as a Word document.

Both follow the outline from top to bottom. Texts are escaped where HTML elements are made, so none is markup. As a
workbook it is the offline form, without answers.
"""

from collections.abc import Callable, Iterable, Sequence
from html import escape
from itertools import chain

from docx.document import Document as Paper
from docx.table import _Cell
from docx.text.paragraph import Paragraph

from surveyapp.export import offline, word
from surveyapp.export.archive import legible
from surveyapp.instrument import Instrument
from surveyapp.instrument.outline import (
    Amount,
    Aside,
    Ask,
    Choice,
    Choices,
    Day,
    Leaf,
    Line,
    Outline,
    Part,
    Places,
    Prose,
    Ruled,
    Scale,
    Shares,
    Variable,
    listed,
    outline,
)
from surveyapp.problems import SurveyError

WIDE, MAX_COLUMNS, MAX_ROWS = 6, 7, 17
"""A scale with so many points takes the whole width; with more than `MAX_COLUMNS` it is a list under each row; a
table of more than `MAX_ROWS` rows may be divided between pages."""

_SPECIFY, _ALONE = " (please say which)", " (tick no other)"
_PROBES, _NOTES = "Probes", "Interviewer’s notes"
_DAY = (("Day", 2), ("Month", 2), ("Year", 4))
_ANNEX = "Annex: variables and codes"
_ANNEX_WORDS = (
    "For those who work with the data. In data files a multiple has a variable for each option, named by question "
    "and code with a point between: 1 ticked, 0 not. Where a name has @n, it is answered several times."
)
_ANNEX_HEAD = ("Question", "Variable", "Type", "Codes and limits")


def blank(instrument: Instrument, ending: str) -> bytes:
    """The blank questionnaire as a `.html`, `.docx` or `.xlsx` file. Raises `SurveyError` for any other ending."""
    writers: dict[str, Callable[[Instrument], bytes]] = {
        ".html": lambda instrument: _page(outline(instrument)),
        ".docx": lambda instrument: _document(outline(instrument)),
        ".xlsx": lambda instrument: offline.write(instrument, {}, instrument.languages[0]),
    }
    if ending not in writers:
        raise SurveyError(
            f"{ending or 'no ending'} is not a kind of file; end the name in {listed([*writers], 'or')}"
        )
    return writers[ending](instrument)


def _locale(language: str) -> str:
    return "en-GB" if language == "en" else language


# ── HTML ─────────────────────────────────────────────────────────────────────


class _Html(str):
    """Markup that we made. Any other string is text, and is escaped where it goes in."""

    __slots__ = ()


def _el(tag: str, *inside: str, **attributes: str) -> _Html:
    """An element. `class_` and the like lose their underscore."""
    named = "".join(f' {name.rstrip("_")}="{escape(value)}"' for name, value in attributes.items())
    return _Html(f"<{tag}{named}>{_joined(inside)}</{tag}>")


def _joined(inside: Iterable[str]) -> _Html:
    return _Html("".join(part if isinstance(part, _Html) else escape(legible(part)) for part in inside))


def _page(paper: Outline) -> bytes:
    front = _el("header", *_front(paper), class_="front")
    body = _el("main", front, *(_section(part) for part in paper.parts), _end(paper), _annex(paper.annex))
    style = _Html(f"<style>{_STYLE.replace('NAME', paper.name)}</style>")
    head = _el("head", _Html('<meta charset="utf-8">'), _el("title", paper.title), style)
    return f"<!DOCTYPE html>\n{_el('html', head, _el('body', body), lang=_locale(paper.language))}\n".encode()


def _front(paper: Outline) -> Iterable[_Html]:
    yield _el("h1", paper.title)
    yield _el("p", "Questionnaire", class_="subtitle")
    yield _el("dl", *(_el("div", _el("dt", name), _el("dd", fact)) for name, fact in paper.facts))
    yield _titled(paper.front)


def _titled(blocks: Sequence[tuple[str, Prose]]) -> _Html:
    return _joined(
        chain.from_iterable((_el("h2", title, class_="plain"), _prose(words)) for title, words in blocks)
    )


def _prose(words: Prose) -> _Html:
    return _joined(_bullets(block) if isinstance(block, tuple) else _el("p", block) for block in words)


def _bullets(items: Sequence[str]) -> _Html:
    return _el("ul", *(_el("li", item) for item in items), class_="bullets")


def _section(part: Part) -> _Html:
    title = _el("h2", f"Section {part.number}: ", part.title, class_="band")
    return _el("section", title, *_routes(part.directions), *(_leaf(leaf) for leaf in part.leaves))


def _routes(directions: Iterable[str]) -> list[_Html]:
    return [_el("p", direction, class_="route") for direction in directions if direction]


def _leaf(leaf: Leaf) -> _Html:
    title = [_el("h3", leaf.title, class_="leaf")] if leaf.title else []
    items = (_item(item, "h4" if leaf.title else "h3") for item in leaf.items)
    return _joined([*title, *_routes(leaf.directions), *items])


def _item(item: Ask | Aside, heading: str) -> _Html:
    if isinstance(item, Aside):
        return _el("div", *_routes([item.route]), _prose(item.words), class_="aside")
    number = _el("span", f"{item.number}.", class_="number")
    parts = [_el(heading, number, " ", _el("span", item.text), class_="question"), *_routes([item.route])]
    parts += [_el("p", item.hint, class_="hint")] if item.hint else []
    parts += [_el("p", _PROBES, class_="label"), _bullets(item.probes)] if item.probes else []
    parts += [_el("p", item.how, class_="how")] if item.how else []
    parts.append(_space(item))
    if item.note_lines:
        parts += [_el("p", _NOTES, class_="label"), _rules(item.note_lines)]
    return _el("div", *parts, class_="item")


def _space(ask: Ask) -> _Html:
    match ask.space:
        case Choices(options, many):
            return _el("ul", *(_option(option) for option in options), class_="squares" if many else "circles")
        case Scale(rows, points):
            return _scale(rows, points)
        case Shares(rows, total, unit):
            lines = [(_row_head(line), _BOX) for line in rows]
            return _boxes("Item", _unit_name(unit), [*lines, (_joined(["Total"]), _joined([total]))])
        case Places(options, _):
            return _boxes("Answer", "Place", [(_labelled(option), _BOX) for option in options])
        case Amount(before, after):
            return _el("p", before, " ", _box(7), " ", after, class_="boxes")
        case Day():
            return _el("p", *(_joined([name, " ", _box(digits), " "]) for name, digits in _DAY), class_="boxes")
        case Ruled(lines):
            return _rules(lines)


def _option(option: Choice) -> _Html:
    rule = [_el("span", class_="write")] if option.specify else []
    return _el("li", _labelled(option), *rule)


def _labelled(option: Choice) -> _Html:
    parts = [_el("span", option.label), *(_el("em", note) for note in _notes_of(option))]
    return _joined(parts)


def _notes_of(option: Choice) -> list[str]:
    """What stands after an option: who it is for, that it goes alone, that words are wanted."""
    notes = [f" ({option.route})"] if option.route else []
    return [*notes, *([_ALONE] if option.alone else []), *([_SPECIFY] if option.specify else [])]


def _row_head(line: Line) -> _Html:
    route = [_el("em", f" ({line.route})")] if line.route else []
    return _joined([_el("span", f"{line.letter}.", class_="letter"), " ", _el("span", line.label), *route])


def _scale(rows: Sequence[Line], points: Sequence[str]) -> _Html:
    if len(points) > MAX_COLUMNS:
        options = _el("ul", *(_el("li", point) for point in points), class_="circles")
        return _joined(_el("div", _el("p", _row_head(line), class_="row"), options) for line in rows)
    head = _el("tr", _el("th", "Item", scope="col"), *(_el("th", point, scope="col") for point in points))
    mark = _el("td", _Html('<span class="circle"></span>'))
    lines = (_el("tr", _el("th", _row_head(line), scope="row"), *([mark] * len(points))) for line in rows)
    return _el("table", _el("thead", head), _el("tbody", *lines), class_=f"scale of{len(points)}")


def _boxes(first: str, second: str, lines: Iterable[tuple[_Html, _Html]]) -> _Html:
    head = _el("tr", _el("th", first, scope="col"), _el("th", second, scope="col"))
    rows = (_el("tr", _el("th", name, scope="row"), _el("td", space)) for name, space in lines)
    return _el("table", _el("thead", head), _el("tbody", *rows), class_="shares")


def _unit_name(unit: Amount) -> str:
    return unit.before or unit.after or "Number"


def _box(digits: int) -> _Html:
    return _el("span", class_=f"box of{digits}")


_BOX = _box(3)


def _rules(lines: int) -> _Html:
    return _el("div", *([_el("div")] * lines), class_="rules", aria_hidden_="true")


def _end(paper: Outline) -> _Html:
    return _el("section", _titled(paper.end), class_="end")


def _annex(variables: Sequence[Variable]) -> _Html:
    head = _el("tr", *(_el("th", name, scope="col") for name in _ANNEX_HEAD))
    rows = (
        _el(
            "tr",
            _el("td", variable.place or "–"),
            _el("th", variable.name, scope="row"),
            _el("td", variable.type),
            _el("td", *(_el("div", line) for line in _code_lines(variable))),
        )
        for variable in variables
    )
    table = _el("table", _el("thead", head), _el("tbody", *rows), class_="annex")
    return _el("section", _el("h2", _ANNEX, class_="band"), _el("p", _ANNEX_WORDS), table, class_="annex")


def _code_lines(variable: Variable) -> list[str]:
    lines = [f"{code} = {label}" for code, label in variable.codes]
    return [*lines, *([variable.remark] if variable.remark else [])] or ["–"]


_STYLE = """
@page { size: A4; margin: 18mm 20mm 20mm;
  @bottom-left { content: "NAME"; font: 8.5pt Arial, sans-serif; }
  @bottom-right { content: "Page " counter(page) " of " counter(pages); font: 8.5pt Arial, sans-serif; } }
* { box-sizing: border-box; }
html { background: #fff; color: #000; font: 10.5pt/1.35 Arial, "Liberation Sans", sans-serif; }
body { margin: 0 auto; max-width: 170mm; }
h1 { color: #0b4553; font-size: 26pt; line-height: 1.15; margin: 0 0 1mm; }
h2, h3, h4 { break-after: avoid; break-inside: avoid; line-height: 1.25; }
h2 { color: #0b4553; font-size: 14pt; margin: 9mm 0 3mm; }
h2.plain { font-size: 12pt; margin: 6mm 0 2mm; }
h2.band { background: #e6eef0; border-top: 1.5pt solid #0b4553; padding: 1.5mm 2mm; }
h3.leaf { color: #0b4553; font-size: 12pt; margin: 6mm 0 2mm; }
.question { font-size: 10.5pt; margin: 0 0 1mm; padding-left: 9mm; text-indent: -9mm; white-space: pre-line; }
.number { display: inline-block; text-indent: 0; width: 8mm; }
p { margin: 0 0 2mm; white-space: pre-line; }
dl { border-bottom: .75pt solid #404040; border-top: .75pt solid #404040; margin: 5mm 0; padding: 1mm 0; }
dl div { display: flex; padding: 1mm 0; }
dt { flex: 0 0 45mm; font-weight: bold; }
dd { margin: 0; }
.subtitle { font-size: 14pt; }
.item { break-inside: avoid; margin: 5mm 0; }
.item > :not(.question) { margin-left: 9mm; }
.item > table.scale { width: calc(100% - 9mm); }
.item > table.of6, .item > table.of7 { margin-left: 0; width: 100%; }
.item p { break-after: avoid; }
.aside { background: #f4f6f6; border-left: 2.5pt solid #0b4553; margin: 4mm 0; padding: 2mm 3mm .5mm; }
.route { break-after: avoid; color: #0b4553; font-size: 9.5pt; font-style: italic; font-weight: bold; }
.how { font-size: 9.5pt; font-style: italic; margin-bottom: 1mm; }
.label { font-size: 9.5pt; font-weight: bold; margin: 2mm 0 1mm; }
em { font-size: 9pt; }
ul { margin: 0 0 2mm; padding: 0; }
ul.bullets { padding-left: 5mm; }
ul.circles, ul.squares { list-style: none; }
ul.circles > li, ul.squares > li { break-inside: avoid; display: flex; flex-wrap: wrap; padding: .9mm 0 .9mm 8mm;
  position: relative; white-space: pre-wrap; }
ul.circles > li::before, ul.squares > li::before { border: .9pt solid #202020; content: ""; height: 4mm; left: 1mm;
  position: absolute; top: 1.1mm; width: 4mm; }
ul.circles > li::before, .circle { border-radius: 50%; }
.circle { border: .9pt solid #202020; display: inline-block; height: 4mm; vertical-align: middle; width: 4mm; }
.write { border-bottom: .75pt solid #404040; flex: 1; margin-left: 2mm; min-width: 40mm; }
.boxes { align-items: center; margin: 2mm 0; }
.box { border: .9pt solid #202020; display: inline-block; height: 8mm; margin: 0 1mm; vertical-align: middle; }
.box.of2 { width: 13mm; } .box.of3 { width: 17mm; } .box.of4 { width: 24mm; } .box.of7 { width: 45mm; }
td .box { display: block; margin: 0 auto; }
.rules div { border-bottom: .6pt solid #404040; height: 8.5mm; }
table { border-bottom: .75pt solid #404040; border-collapse: collapse; border-top: .75pt solid #404040;
  width: 100%; }
table.shares { width: auto; }
thead { display: table-header-group; }
tr { break-inside: avoid; }
th, td { border-bottom: .5pt solid #b0b0b0; padding: 1.2mm 2mm; text-align: left; vertical-align: middle; }
th { font-size: 9.5pt; font-weight: normal; }
thead th { background: #e6eef0; font-size: 9pt; font-weight: bold; vertical-align: bottom; }
.scale td, .scale thead th + th, .shares td, .shares thead th + th { padding: 1.2mm 1mm; text-align: center; }
.scale.of2 thead th + th, .scale.of3 thead th + th, .scale.of4 thead th + th { width: 24mm; }
.scale.of5 thead th + th { width: 21mm; } .scale.of6 thead th + th { width: 19mm; }
.scale.of7 thead th + th { width: 16.5mm; }
.letter { display: inline-block; min-width: 5mm; }
section.end { break-inside: avoid; }
section.annex { font-size: 8.5pt; }
table.annex { table-layout: fixed; }
table.annex th:nth-child(1) { width: 16mm; } table.annex thead th:nth-child(2) { width: 56mm; }
table.annex th:nth-child(3) { width: 18mm; }
table.annex th, table.annex td { font-size: 8.5pt; overflow-wrap: anywhere; padding: .8mm 1.5mm;
  vertical-align: top; }
@media screen { body { padding: 10mm 5mm; } }
@media print { .front { break-after: page; } section.annex { break-before: page; } }
"""


# ── Word ─────────────────────────────────────────────────────────────────────


def _document(blank: Outline) -> bytes:
    paper = word.new_paper(blank.title, _locale(blank.language), f"{blank.title} · {blank.name}")
    word.write(paper, blank.title, "Title")
    word.write(paper, "Questionnaire", "Subtitle")
    _write_facts(paper, blank.facts)
    _write_titled(paper, blank.front)
    for part in blank.parts:
        heading = _write_heading(paper, f"Section {part.number}: ", part.title)
        heading.paragraph_format.page_break_before = True if part.number == 1 else None
        _write_all(paper, part.directions, "Route")
        for leaf in part.leaves:
            _write_leaf(paper, leaf)
    _write_titled(paper, blank.end)
    _write_annex(paper, blank.annex)
    return word.to_bytes(paper)


def _write_heading(paper: Paper, before: str, title: str) -> Paragraph:
    heading = word.write(paper, before, "Heading 1")
    word.add(heading, title)
    return heading


def _write_facts(paper: Paper, facts: Sequence[tuple[str, str]]) -> None:
    for name, fact in facts:
        paragraph = word.write(paper, "", "Fact")
        word.add(paragraph, name).bold = True
        word.add(paragraph, f"\t{fact}")


def _write_titled(paper: Paper, blocks: Sequence[tuple[str, Prose]]) -> None:
    for title, words in blocks:
        word.write(paper, title, "Heading 2")
        _write_prose(paper, words)


def _write_prose(paper: Paper, words: Prose) -> None:
    for block in words:
        if isinstance(block, tuple):
            _write_all(paper, block, "Bullets")
        else:
            word.write(paper, block, "Normal")


def _write_all(paper: Paper, texts: Iterable[str], style: str) -> None:
    for text in filter(None, texts):
        word.write(paper, text, style)


def _write_leaf(paper: Paper, leaf: Leaf) -> None:
    if leaf.title:
        word.write(paper, leaf.title, "Heading 2")
    _write_all(paper, leaf.directions, "Route")
    for item in leaf.items:
        if isinstance(item, Aside):
            _write_all(paper, [item.route], "Route")
            _write_prose(paper, item.words)
        else:
            _write_ask(paper, item, "Question" if leaf.title else "Question of section")


def _write_ask(paper: Paper, ask: Ask, style: str) -> None:
    word.add(word.write(paper, f"{ask.number}.\t", style), ask.text)
    _write_all(paper, [ask.route], "Route of question")
    _write_all(paper, [ask.hint], "Hint")
    if ask.probes:
        word.write(paper, _PROBES, "Label")
        _write_all(paper, ask.probes, "Probes")
    _write_all(paper, [ask.how], "How")
    _write_space(paper, ask)
    if ask.note_lines:
        word.write(paper, _NOTES, "Label")
        _write_rules(paper, ask.note_lines)


def _write_space(paper: Paper, ask: Ask) -> None:
    match ask.space:
        case Choices(options, many):
            _write_options(paper, options, "Squares" if many else "Circles")
        case Scale(rows, points):
            _write_scale(paper, rows, points)
        case Shares(rows, total, unit):
            _write_shares(paper, rows, total, unit)
        case Places(options, _):
            _write_places(paper, options)
        case Amount(before, after):
            paragraph = word.write(paper, f"{before} ".lstrip(), "Answer")
            word.add_box(paragraph, 7)
            word.add(paragraph, f" {after}")
        case Day():
            _write_day(paper)
        case Ruled(lines):
            _write_rules(paper, lines)


def _write_options(paper: Paper, options: Sequence[Choice], style: str) -> None:
    for i, option in enumerate(options, 1):
        paragraph = word.write(paper, option.label, style, keep=i < len(options))
        _add_notes(paragraph, option)
        if option.specify:
            word.add_line_to_write_on(paragraph)


def _add_notes(paragraph: Paragraph, option: Choice) -> None:
    for note in _notes_of(option):
        word.add(paragraph, note, italic=True, size=9)


def _write_scale(paper: Paper, rows: Sequence[Line], points: Sequence[str]) -> None:
    if len(points) > MAX_COLUMNS:
        for line in rows:
            _add_row(word.write(paper, "", "Answer", keep=True), line)
            _write_options(paper, [Choice(point) for point in points], "Circles")
        return
    column = max(1.75, min(2.4, 10.8 / len(points)))
    width = word.WIDTH - (word.INDENT if len(points) < WIDE else 0)
    widths = [width - column * len(points), *([column] * len(points))]
    together = len(rows) if len(rows) <= MAX_ROWS else 3
    table = word.new_table(paper, ("Item", *points), len(rows), widths)
    for i, (row, line) in enumerate(zip(table.rows[1:], rows, strict=True), 1):
        first, *marks = row.cells
        _add_row(word.fill_cell(first, "", "Cell", keep=i < together), line)
        for cell in marks:
            word.fill_cell(cell, "○", "Mark")


def _add_row(paragraph: Paragraph, line: Line) -> None:
    word.add(paragraph, f"{line.letter}.  ")
    word.add(paragraph, line.label)
    if line.route:
        word.add(paragraph, f" ({line.route})", italic=True, size=8.5)


def _write_shares(paper: Paper, rows: Sequence[Line], total: str, unit: Amount) -> None:
    table = word.new_table(paper, ("Item", _unit_name(unit)), len(rows) + 1, (10.5, 3))
    lines = table.rows[1:]
    for row, line in zip(lines, rows, strict=False):
        name, space = row.cells
        _add_row(word.fill_cell(name, "", "Cell", keep=True), line)
        _box_in(space)
    name, space = lines[-1].cells
    word.fill_cell(name, "Total", "Head")
    word.fill_cell(space, total, "Head of column")


def _write_places(paper: Paper, options: Sequence[Choice]) -> None:
    table = word.new_table(paper, ("Answer", "Place"), len(options), (10.5, 3))
    for i, (row, option) in enumerate(zip(table.rows[1:], options, strict=True), 1):
        name, space = row.cells
        _add_notes(word.fill_cell(name, option.label, "Cell", keep=i < len(options)), option)
        _box_in(space)


def _box_in(cell: _Cell) -> None:
    word.add_box(word.fill_cell(cell, "", "Boxed"), 3)


def _write_day(paper: Paper) -> None:
    paragraph = word.write(paper, "", "Answer")
    for name, digits in _DAY:
        word.add(paragraph, f"{name} ")
        word.add_box(paragraph, digits)
        word.add(paragraph, "   ")


def _write_rules(paper: Paper, lines: int) -> None:
    for i in range(1, lines + 1):
        word.write(paper, "", "Ruled", keep=i < lines)
    word.write(paper, "", "After rules")


def _write_annex(paper: Paper, variables: Sequence[Variable]) -> None:
    _write_heading(paper, _ANNEX, "").paragraph_format.page_break_before = True
    word.write(paper, _ANNEX_WORDS, "Normal")
    table = word.new_table(paper, _ANNEX_HEAD, len(variables), (1.7, 5.5, 1.8, 8.0), "Codes")
    for row, variable in zip(table.rows[1:], variables, strict=True):
        lines = "\n".join(_code_lines(variable))
        for cell, text in zip(
            row.cells, (variable.place or "–", variable.name, variable.type, lines), strict=True
        ):
            word.fill_cell(cell, text, "Small")
