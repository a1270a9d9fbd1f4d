"""What is said above a table and on the cover: bases, percentages, weights, limits, tests, the census.

Sentences hold no figure that the tables hide: of weights nothing is said that gives the size of a small group.
"""

from collections.abc import Iterator
from math import isfinite

from surveyapp.analysis.disclosure.policy import PERSONS_HIDDEN, PERSONS_ROUNDED
from surveyapp.analysis.estimation.significance import LEAST_BASE
from surveyapp.analysis.estimation.weights import Design
from surveyapp.analysis.report import Report
from surveyapp.analysis.tables import BREAK, CONFIDENTIAL, LOW, MARKS, UNRELIABLE, Base, Table
from surveyapp.export.layouts import (
    bases,
    first_group,
    has_letters,
    has_limits,
    is_amounts,
    is_banner,
    is_weighted,
    on_its_side,
    own_bases,
    shape,
)

SILENT = "Those who did not answer may differ from those who did: that is the main risk in these figures."

_WEIGHTED = {
    "stratify": "Weighted: the answers of each stratum count as a sample of that stratum, by {names}.",
    "poststratify": "Weighted: post-stratified to the frame by {names}.",
    "rake": "Weighted: raked to the frame by {names}.",
}

_WHO = {
    "frame": "all {n} {unit} of the frame, whether they answered or not",
    "issued": "all {n} {unit} that could be written to, whether they answered or not",
    "responded": "all {n} {unit} that sent answers",
    "complete": "{n} {unit} with complete answers (80% or more of the closed items that applied to them)",
    "asked": "{n} {unit} that were asked the question",
    "answered": "{n} {unit} that answered the question",
    "answers": "{n} answers given; each of the {unit} could give several",
}

_OF_ROWS = {"asked": "were asked the row", "responded": "sent answers", "answered": "answered the row"}


# ── above a table ────────────────────────────────────────────────────────────


def sentences(table: Table, report: Report, notes: str = "") -> list[str]:
    """Everything that is said between the title of a sheet and its table. `notes` are marks such as `[note 1]`."""
    return ["This sheet holds one table." + (f" Notes: {notes}" if notes else ""), *about_table(table, report)]


def about_table(table: Table, report: Report) -> list[str]:
    """What a reader of a table must know: base, filter, question, what adds up, weights, limits, tests, source."""
    return [
        base_sentence(table, report.unit),
        *([f"Filter: only answers where {table.where}."] if table.where else []),
        f"Question: {' '.join(_wording(table, report).split())}",
        *_adds(table),
        *_nets(table),
        *_weighting(table, report.design),
        *_interval(table, report),
        *_letters(table, report.level),
        *whole_tests(table),
        *_flags(table),
        f"Source: wave {report.facts.wave}, variable {table.variable}, {_sources(table, report)}.",
    ]


def _wording(table: Table, report: Report) -> str:
    """What was asked: of themes, the open question."""
    asked = report.instrument.questions.get(table.variable) if table.kind == "coded" else None
    return table.wording if asked is None else str(asked.text)


def _sources(table: Table, report: Report) -> str:
    frame = report.codeframes.get(table.id)
    return f"questionnaire {report.instrument.name}" + (f", codeframe {frame.name}" if frame is not None else "")


def base_sentence(table: Table, unit: str) -> str:
    """Who is counted."""
    if table.kind == "trend":
        return f"Base: {unit} that answered in each wave; the first row gives it."
    if table.base.mark:
        return f"Base: {table.base.mark}, confidential."
    if own_bases(table):
        return _base_of_rows(table, unit)
    if on_its_side(table):
        return f"Base: {unit} that answered the item; the first row gives it."
    if shape(table) == "crossed" and first_group(table) != "all":
        return f"Base: {unit} that answered the question, each column by itself; the first row gives it."
    said = f"Base: {_who(table, unit)}"
    return f"{said}; those of the columns stand in the first row." if shape(table) == "crossed" else f"{said}."


def _base_of_rows(table: Table, unit: str) -> str:
    sizes = [row.base for row in table.rows if not row.mark]
    spread = f"{min(sizes)} to {max(sizes)}" if sizes and min(sizes) < max(sizes) else str(max(sizes, default=0))
    did = _OF_ROWS.get(table.base.name, "answered the row")
    column = f"Base of {first_group(table)}" if shape(table) == "crossed" else "Base"
    return f"Base: {unit} that {did}, {spread}; it stands in the column {column}."


def _who(table: Table, unit: str) -> str:
    base = table.base
    words = dict(_WHO)
    if table.kind == "coded":
        words["answered"] = "{n} {unit} that wrote something"
    who = words.get(base.name, "{n} {unit}").format(n=base.n, unit=unit)
    return who + _missing(table, base)


def _missing(table: Table, base: Base) -> str:
    """Who is missing from the base, or without an answer in it."""
    if base.name in {"frame", "issued", "complete"}:
        return ""
    if base.missing_mark:
        return f"; who gave no reply or was not asked: {base.missing_mark}, confidential"
    blank = "wrote nothing" if table.kind == "coded" else "gave no reply"
    counts = [(base.no_reply, blank), (base.not_asked, "were not asked")]
    return "".join(f"; {n} {words}" for n, words in counts if n)


def _adds(table: Table) -> Iterator[str]:
    """What the figures are of, and whether they add up."""
    if is_amounts(table):
        yield from _of_amounts(table)
        return
    rounded = "Percentages are rounded and may not add to 100."
    several = "Respondents could {} more than one {}, so percentages can add to more than 100."
    said = {
        "multiple": several.format("choose", "answer"),
        "coded": several.format("give", "theme"),
        "grid": "Each row has its own base. Percentages are of the row, are rounded, and may not add to 100.",
        "rank": "Each row has its own base. Respondents put several in order: percentages do not add to 100.",
    }
    if shape(table) == "crossed":
        yield from _of_crossed(table, said.get(table.kind, rounded))
    else:
        yield (
            "Percentages are of all answers given."
            if table.base.name == "answers"
            else said.get(table.kind, rounded)
        )


def _of_amounts(table: Table) -> Iterator[str]:
    if table.kind == "allocation":
        yield "Figures are mean shares; each row has its own base."
    else:
        yield "Figures are amounts as given; the mean and the quartiles are of those who gave one."


def _of_crossed(table: Table, otherwise: str) -> Iterator[str]:
    if table.kind == "grid":
        yield from _of_grid(table)
    elif table.kind == "rank":
        yield "Percentages are of those who were put it in order: how many put it first."
    elif table.percent_of == "row":
        yield "Percentages are of each row: of all with that answer (Number), how many are in each column."
    elif table.percent_of == "total":
        yield "Percentages are of the total: of all in the base of the first column."
    elif table.kind == "trend":
        yield "Percentages are of the column, rounded. Changes are later less earlier, from unrounded figures."
    else:
        yield f"Percentages are of the column. {otherwise.replace('Percentages', 'They')}"


def _of_grid(table: Table) -> Iterator[str]:
    if not is_banner(table):
        yield "Each column has its own base. Percentages are of the column, are rounded, and may not add to 100."
    elif table.nets:
        yield f"Each row has its own base. Percentages are of those who gave “{table.nets[0].label}”."
    else:
        yield "Figures are mean scores; each row has its own base."


def _nets(table: Table) -> Iterator[str]:
    in_grid = table.kind == "grid" and is_banner(table)
    if not in_grid and not (any(c.net for c in table.columns) or any(r.net for r in table.rows)):
        return
    for net in table.nets[: 1 if in_grid else None]:
        yield f"Counted as one: {net.label} = {' + '.join(net.parts)}."
    if any(net.sum_of_rounded for net in table.nets):
        yield "Figures counted as one add up rounded percentages."


def _weighting(table: Table, design: Design | None) -> Iterator[str]:
    if not is_weighted(table):
        return
    bases_of_columns = [column.base for column in table.columns if column.base is not None]
    if table.kind == "trend" and any(base.weighted_n is None for base in bases_of_columns):
        yield "Columns without a weighted base are not weighted."
    names = " and ".join(design.variables).replace("_", " ") if design is not None else "the frame"
    yield (
        _WEIGHTED.get(table.weighting, "Weighted by {names}.").format(names=names)
        + " The base is given unweighted too."
    )


def _interval(table: Table, report: Report) -> Iterator[str]:
    if table.interval == "bounds" and has_limits(table):
        yield "Lower and Upper are bounds that assume nothing; they are no confidence interval."
        yield f"They are the percentage of all {report.unit}, had all the silent ones said no, or all said yes."
    elif table.interval == "confidence" and has_limits(table):
        level = percent_of(table.level or report.level)
        corrected = f"with finite population correction{_of_population(report)}"
        yield f"Lower and Upper are a {level} confidence interval {corrected}."
    elif table.interval and not _is_hidden(table):
        yield _no_limits(table, report)


def percent_of(level: float) -> str:
    """A level of confidence in words: `95%`."""
    return f"{100 * level:g}%"


def _of_population(report: Report) -> str:
    known = population(report)
    return f" (of {known:,.0f})" if known is not None else ""


def population(report: Report) -> float | None:
    """How many units the answers stand for; None where nobody knows."""
    if report.design is not None and isfinite(report.design.population):
        return report.design.population
    return None


def _no_limits(table: Table, report: Report) -> str:
    if table.interval == "bounds":
        return "No bounds are given: it is not known how many there are of these."
    if population(report) is None:
        return "No limits are given: the population is not known."
    return "No limits are given: all have answered, so there is no sampling error, or too few to judge by."


def _is_hidden(table: Table) -> bool:
    return not any(cell.count is not None or cell.value is not None for row in table.rows for cell in row.cells)


def _letters(table: Table, level: float) -> Iterator[str]:
    if has_letters(table):
        yield "Letters name the columns under the same heading that a figure is significantly higher than."
        level_and_base = f"{percent_of(level)} level, bases of {LEAST_BASE} or more"
        yield f"Compared at the {level_and_base}, with Holm's correction within each row."


def whole_tests(table: Table) -> tuple[str, ...]:
    """Tests of the whole table, unless some of it is hidden: a test is made of every figure."""
    hidden = any(cell.mark == CONFIDENTIAL for row in table.rows for cell in row.cells)
    return () if hidden else table.tests


def _flags(table: Table) -> Iterator[str]:
    flags = {column.flag for column in table.columns}
    if UNRELIABLE in flags:
        yield f"Columns marked {UNRELIABLE} have a base under {LEAST_BASE}: read them with care."
    if BREAK in {*flags, *marks(table)}:
        yield f"{BREAK}: the question or its answers changed, so there is no change to print. The notes say how."


def marks(table: Table) -> set[str]:
    """The marks that the figures, rows, columns and bases of a table carry."""
    cells = {cell.mark for row in table.rows for cell in row.cells}
    rows = {row.mark for row in table.rows}
    columns = {column.flag for column in table.columns} | {base.mark for base in bases(table)}
    return (cells | rows | columns) & MARKS.keys()


def meaning(mark: str) -> str:
    """What a mark says, on the sheet of notes."""
    more = {"[z]": "not applicable: nobody was asked, or there is no such figure", LOW: MARKS[LOW]}
    return more.get(mark, MARKS[mark])


# ── on the cover ─────────────────────────────────────────────────────────────


def about_figures(report: Report) -> Iterator[str]:
    """How the figures of a report are made."""
    yield "Each table names its base: the number of answers that its percentages are of."
    yield "Percentages are rounded once, half up, from the counts. They may not add to 100; none is adjusted."
    if report.instrument.disclosure.policy == "persons":
        yield f"Numbers from 1 to {PERSONS_HIDDEN} are not printed."
        yield f"Other numbers are rounded to the nearest {PERSONS_ROUNDED}; percentages are of these."
    yield f"Nothing is printed on fewer than {report.instrument.disclosure.minimum_base} answers."
    yield from census(report)
    yield from _about_limits(report)
    yield from about_weights(report)


def census(report: Report) -> Iterator[str]:
    """Whether all were asked or a sample of them."""
    if not report.facts.listed:
        return
    frame = sum(report.facts.cells.values())
    sampled = report.response.whole.numbers["sampled"] if report.response is not None else None
    if isinstance(sampled, int) and sampled < frame:
        yield f"A sample was asked: {sampled:,} of {frame:,} {report.unit} of the frame."
    else:
        yield (
            f"All {frame:,} {report.unit} of the frame were to be invited: this is a census, not a sample. "
            "What may be wrong with the figures comes from silence."
        )


def _about_limits(report: Report) -> Iterator[str]:
    kinds = {protected.table.interval for protected in report.tables if has_limits(protected.table)}
    if "confidence" in kinds:
        corrected = f"with finite population correction{_of_population(report)}"
        yield f"Lower and upper limits are {percent_of(report.level)} confidence intervals {corrected}."
        yield "Limits treat those who answered as a random part of all: they allow for no silence with a reason."
    if "bounds" in kinds:
        yield "Bounds say what is possible whatever the silent ones would have answered. They assume nothing."


# ── weights ──────────────────────────────────────────────────────────────────


def about_weights(report: Report) -> Iterator[str]:
    """How answers are weighted, by what, how far, and what that costs."""
    design = report.design
    if not any(protected.table.weighting for protected in report.tables):
        yield "The figures are not weighted."
    elif design is not None:
        names = " and ".join(design.variables).replace("_", " ")
        yield _WEIGHTED.get(design.method, "Weighted by {names}.").format(names=names)
        yield from _spread(report, design)
    if design is not None:
        yield from (str(note) for note in design.notes)


def _spread(report: Report, design: Design) -> Iterator[str]:
    """Largest and smallest weight and the design effect, where no small group can be worked out from them."""
    small = small_groups(design, report.instrument.disclosure.minimum_base)
    if small:
        yield "The smallest and the largest weight are not printed: they would tell how few answered in a group."
    else:
        smallest, largest = float(design.relative.min()), float(design.relative.max())
        yield f"Weights run from {smallest:.2f} to {largest:.2f}, where 1 is the average."
    if tells_design_effect(report):
        yield (
            f"The design effect of weighting is {design.deff:.2f}: {design.n:,} answers tell as much as "
            f"{design.effective_n:,.0f} of equal weight (the effective number)."
        )


def tells_design_effect(report: Report) -> bool:
    """Whether the design effect is printed: not where it would give one or two small groups away."""
    design = report.design
    return design is None or small_groups(design, report.instrument.disclosure.minimum_base) not in {1, 2}


def small_groups(design: Design, minimum: int) -> int:
    """How many groups of equal weight have some answers, but fewer than `minimum`."""
    return int(((design.sizes > 0) & (design.sizes < minimum)).sum())
