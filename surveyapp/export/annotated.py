"""The questionnaire as it was asked, with the results printed beside the answers.

Results are those of the report's own one-way tables, as protected: a question that has none there, or one of other
respondents than all, stands without figures.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from docx.document import Document as Paper

from surveyapp.analysis.report import Report
from surveyapp.analysis.tables import MARKS, Table
from surveyapp.export import layouts, word, wordtables
from surveyapp.export.layouts import caption_number
from surveyapp.export.sentences import base_sentence, meaning
from surveyapp.export.wordtables import Print, are_limits, chosen, on_paper, shortened
from surveyapp.instrument import Grid, Multiple, OpenText, Option, Question, Rank, choices
from surveyapp.instrument.outline import Aside, Ask, Choices, Line, Part, Places, Ruled, Scale, Shares, outline

_WITHOUT = "No table of this appendix has all the answers to this question."
_OWN_WORDS = "Answered in respondents’ own words."


def write(paper: Paper, report: Report) -> None:
    """Every section, question and answer in the order of the questionnaire."""
    questions = list(report.instrument.questions.values())
    said = "Beside each answer stand the figures of the tables of this appendix; what they say holds here too."
    word.write(paper, said, "Normal")
    for part in outline(report.instrument).parts:
        _part(paper, part, questions, report)


def _part(paper: Paper, part: Part, questions: Sequence[Question], report: Report) -> None:
    word.write(paper, f"Section {part.number}: {shortened(part.title)}", "Heading 2")
    for direction in filter(None, part.directions):
        word.write(paper, shortened(direction), "Route")
    for leaf in part.leaves:
        for direction in filter(None, leaf.directions):
            word.write(paper, shortened(direction), "Route")
        for item in leaf.items:
            if isinstance(item, Aside):
                _aside(paper, item)
            else:
                _ask(paper, item, questions[item.number - 1], report)


def _aside(paper: Paper, aside: Aside) -> None:
    for block in aside.words:
        word.write(paper, shortened(block if isinstance(block, str) else "; ".join(block)), "Hint")


def _ask(paper: Paper, ask: Ask, question: Question, report: Report) -> None:
    """One question: its words, who it is for, its answers with figures if a table has them."""
    paragraph = word.write(paper, f"{ask.number}.\t", "Question")
    word.add(paragraph, shortened(ask.text))
    for line, style in ((ask.route, "Route of question"), (ask.hint, "Hint"), (ask.how, "How")):
        if line:
            word.write(paper, shortened(line), style)
    table = one_way(question, report)
    if table is not None:
        _with_figures(paper, table, question, report)
    else:
        _without(paper, ask, question)
    for other in _also(question, report, table):
        word.write(paper, other, "Below table").paragraph_format.keep_with_next = False


def one_way(question: Question, report: Report) -> Table | None:
    """The first table of the report that has every answer to a question, of all who answered it."""
    for protected in report.tables:
        if _is_whole(protected.table, question):
            return protected.table
    return None


def _is_whole(table: Table, question: Question) -> bool:
    if table.variable != question.id or table.kind in {"coded", "trend"} or table.where:
        return False
    if table.base.name not in {"answered", "asked"} or layouts.shape(table) == "crossed":
        return False
    rows, columns = {row.code for row in table.rows}, {column.code for column in table.columns}
    if isinstance(question, Grid):
        return {row.code for row in question.rows} <= rows and {o.code for o in question.scale} <= columns
    return {option.code for option in _options(question)} <= rows


def _options(question: Question) -> Sequence[Option]:
    if isinstance(question, Multiple | Rank):
        return question.options
    return choices(question)


def _with_figures(paper: Paper, table: Table, question: Question, report: Report) -> None:
    """The table without its nets, in the order of the questionnaire, and who it is of.

    Limits of a grid are left to the table of the appendix: beside each answer they would fill the page.
    """
    body = on_paper(table, report)
    answers, bases = _places(table, body, question)
    nets = {place for (_, place), (_, c) in body.figures.items() if table.columns[c].net}
    columns = [c for c in range(len(body.header)) if c not in nets and (c not in body.words or c == 0)]
    columns = [c for c in columns if not are_limits(body.header[c])]
    shown = chosen(body, [*answers, *bases], columns)
    for n, part in enumerate(Print(table, shown).parts(word.WIDTH)):
        if n:
            word.write(paper, "", "Small", keep=True)
        wordtables.put(paper, replace(part, title=str(question.text), strong=()))
    used = {str(value) for row in shown.rows for value in row if value in MARKS}
    marks = [f"{mark} {meaning(mark)}." for mark in MARKS if mark in used]
    word.write(paper, " ".join([base_sentence(table, report.unit), *marks]), "Below table", keep=True)


def _places(table: Table, body: layouts.Body, question: Question) -> tuple[list[int], list[int]]:
    """The rows of the answers in the order of the questionnaire, and those of bases."""
    of_row = {i: table.rows[r] for (i, _), (r, _) in body.figures.items()}
    order = [o.code for o in (question.rows if isinstance(question, Grid) else choices(question))]
    place = {code: i for i, code in enumerate(order)}
    answers = [i for i, row in sorted(of_row.items()) if not row.net]
    answers.sort(key=lambda i: place.get(of_row[i].code, len(place)))
    return answers, [i for i in range(len(body.rows)) if i not in of_row]


def _without(paper: Paper, ask: Ask, question: Question) -> None:
    style = "Squares" if isinstance(ask.space, Choices) and ask.space.many else "Circles"
    for label in _labels(ask):
        word.write(paper, shortened(label), style)
    if isinstance(question, OpenText) or isinstance(ask.space, Ruled):
        word.write(paper, _OWN_WORDS, "Hint")
    else:
        word.write(paper, _WITHOUT, "Hint")


def _labels(ask: Ask) -> Iterator[str]:
    match ask.space:
        case Choices(options=options) | Places(options=options):
            yield from (option.label for option in options)
        case Scale(rows=rows, points=points):
            yield from (_row(row) for row in rows)
            yield f"Scale: {', '.join(points)}"
        case Shares(rows=rows):
            yield from (_row(row) for row in rows)


def _row(row: Line) -> str:
    return f"{row.letter}. {row.label}"


def _also(question: Question, report: Report, shown: Table | None) -> Iterator[str]:
    """Where else the answers stand: tables of themes, breakdowns, comparisons."""
    others = [
        caption_number(p.table)
        for p in report.tables
        if p.table.variable.partition(".")[0] == question.id and p.table is not shown
    ]
    if shown is not None:
        yield f"From {caption_number(shown)}." + (f" See also {', '.join(others)}." if others else "")
    elif others:
        yield f"See {', '.join(others)}."
