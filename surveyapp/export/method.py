"""How a survey was done, in words made of the facts of its wave: nobody writes them by hand for each report."""

from collections.abc import Iterator

from docx.document import Document as Paper

from surveyapp.analysis.disclosure.policy import PERSONS_HIDDEN, PERSONS_ROUNDED, Policy
from surveyapp.analysis.report import Report
from surveyapp.export import word
from surveyapp.export.sentences import about_figures
from surveyapp.export.wordtables import shortened
from surveyapp.export.workbook import about_response
from surveyapp.fieldwork import printed_day
from surveyapp.rates import FORMULAS


def facts(report: Report) -> list[tuple[str, str]]:
    """What stands under the title: name and fact."""
    about = report.facts
    until = printed_day(about.closed_on) if about.closed_on else "still open"
    rate = report.response.rate if report.response is not None else None
    answered = f"{report.responses:,} {report.unit}"
    return [
        ("Wave", about.wave),
        ("Fieldwork", f"{printed_day(about.opened_on)} to {until}"),
        ("Answers", f"{answered} of {rate.issued:,} invited" if rate is not None else answered),
        ("Questionnaire", f"{report.instrument.name}, content {about.version_hash[:16]}"),
    ]


def write(paper: Paper, report: Report) -> None:
    """The method note, under a heading of its own."""
    word.bookmark(word.write(paper, "How the survey was done", "Heading 1"), "method", 3)
    for title, sentences in sections(report):
        word.write(paper, title, "Heading 2")
        for sentence in sentences:
            word.write(paper, shortened(sentence), "Bullets")


def sections(report: Report) -> Iterator[tuple[str, list[str]]]:
    """The headings of the note, each with its sentences."""
    if report.facts.note:
        yield "Read this first", [report.facts.note]
    yield "Fieldwork and response", list(_fieldwork(report))
    yield "Figures", [*report.notes, *about_figures(report)]
    yield "What is not printed", list(disclosure(report))
    yield "Questionnaire", list(_questionnaire(report))


def _fieldwork(report: Report) -> Iterator[str]:
    about = report.facts
    until = f"to {printed_day(about.closed_on)}" if about.closed_on else "and goes on"
    yield f"Fieldwork ran from {printed_day(about.opened_on)} {until}."
    if about.listed:
        yield f"The list had {sum(about.cells.values()):,} {report.unit}; {about.issued:,} could be written to."
    yield from about_response(report)
    if report.response is not None and report.response.rate is not None:
        yield f"RR1 is {_after_colon(FORMULAS['RR1'])}"
        yield f"RR2 is {_after_colon(FORMULAS['RR2'])}"
        yield f"Definitions: {FORMULAS['Source']}"


def _after_colon(formula: str) -> str:
    return formula.partition(": ")[2]


def disclosure(report: Report) -> Iterator[str]:
    """The rules that hide figures, in plain words."""
    settings = report.instrument.disclosure
    policy = Policy(settings.policy, settings.minimum_base)
    yield f"No table is printed on fewer than {policy.smallest_base(True)} answers."
    yield f"In a breakdown, nothing is printed of a group with fewer than {policy.smallest_base(False)} answers."
    if policy.name == "persons":
        yield f"Numbers from 1 to {PERSONS_HIDDEN} are hidden; others are rounded to {PERSONS_ROUNDED}."
    else:
        yield (
            f"In a breakdown, figures that stand for 1 to {policy.minimum_cell - 1} answers are hidden "
            f"(1 to {policy.sensitive_cell - 1} where a question is sensitive)."
        )
    yield "Where a hidden figure could be worked out from others, in the same table or another, more are hidden."
    yield "Totals and means of amounts are hidden where fewer than 3 gave one, or where two make nearly all of it."
    if policy.name != "persons":
        yield f"Groups with fewer than {policy.reliable} answers are printed with a mark."
    yield "All tables of this appendix were protected together, and with those published of this wave before."


def _questionnaire(report: Report) -> Iterator[str]:
    questions = report.instrument.questions
    yield f"Version {report.instrument.name} was in the field. It has {len(questions):,} questions."
    yield f"The hash of its content is {report.facts.version_hash}."
