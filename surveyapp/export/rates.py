"""The response of a wave as a workbook: by stratum, by day with a chart, and how evenly the strata answered."""

from fractions import Fraction

from openpyxl import Workbook
from openpyxl.chart import LineChart, Reference
from openpyxl.worksheet.worksheet import Worksheet

from surveyapp.export.layouts import Number as Rounded
from surveyapp.export.layouts import Value
from surveyapp.export.sheets import (
    link,
    new_sheet,
    new_workbook,
    put_table,
    sheet_name,
    to_bytes,
    wrap_column,
)
from surveyapp.fieldwork import printed_day
from surveyapp.rates import COLUMNS, FORMULAS, UNMARKED, Fieldwork, Number, Period, Row, percent

_CHART = (
    "Completed answers, cumulative, by the last day of each period. The numbers are in the table on this sheet."
)
SHARE = "Completed of issued (%)"
_MARKS = {
    "[c]": "confidential: the figure would give a small number back",
    "[x]": "not available: unfinished drafts are erased when a wave closes",
    "[z]": "not applicable: nobody was issued",
}
_ERASED = "The days of answering were erased when the wave closed; only totals are kept."


def rates_workbook(found: Fieldwork) -> bytes:
    """The bytes of an `.xlsx` file; equal content gives equal bytes."""
    book = new_workbook(f"Response: {found.wave}")
    names = _names(found)
    _cover(book, found)
    _contents(book, names)
    for variable, name in zip(found.tables, names, strict=False):
        _by_stratum(book, found, variable, name)
    charts = [_CHART] if _by_day(book, found) else []
    _representativity(book, found)
    _definitions(book)
    _notes(book)
    return to_bytes(book, charts)


def _names(found: Fieldwork) -> dict[str, str]:
    """The sheets after the contents, with what they hold."""
    taken = ["Cover", "Contents", "Notes", "By_day", "Representativity", "Definitions"]
    names: dict[str, str] = {}
    for variable in found.tables or {"": []}:
        name = sheet_name(f"By_{variable}" if variable else "All", [*taken, *names])
        names[name] = f"Response by {_words(variable)}" if variable else "Response"
    by_day = {"By_day": "Completed answers by day"} if found.periods else {}
    return {
        **names,
        **by_day,
        "Representativity": "How evenly the strata answered",
        "Definitions": "What each number is, with formulas",
    }


def _cover(book: Workbook, found: Fieldwork) -> None:
    rows = [
        *([found.note] if found.note else []),
        f"The wave is {found.state}. These are the numbers of organisations on {printed_day(found.today)}.",
        *_response_sentences(found),
        f"What organisations did is printed as a range where it is below {found.minimum}.",
        "Some larger numbers beside it are ranges too, so that the total does not give it away.",
        *([_ERASED] if found.periods is None else [] if found.periods else ["Nobody has sent answers yet."]),
    ]
    title = f"Response to {found.wave}"
    wrap_column(new_sheet(book, "Cover", title, ["Response of the organisations that were asked.", *rows], [84]))


def _response_sentences(found: Fieldwork) -> list[str]:
    numbers = found.whole.numbers
    completed, issued = shown_number(numbers["completed"]), shown_number(numbers["issued"])
    of = f"{completed} of {issued} issued organisations completed it"
    share = f" ({percent(found.whole.share)}%)" if found.whole.share is not None else ""
    if found.rate is None:
        needed = f"they need all answers released, and {found.minimum} of them"
        return [f"{of}{share}.", f"Response rates RR1 and RR2: not available yet; {needed}."]
    rr1, rr2 = percent(found.rate.rr1), percent(found.rate.rr2)
    return [
        f"{of}{share}.",
        f"Response rates of AAPOR: RR1 {rr1}%, RR2 {rr2}%. Definitions says how they are made.",
        *([UNMARKED] if found.unmarked else []),
    ]


def _contents(book: Workbook, names: dict[str, str]) -> None:
    rows = [("Cover", "About these numbers"), ("Notes", "Marks in place of figures"), *names.items()]
    lines = ["This sheet holds one table. Follow a link to go to a sheet."]
    sheet = new_sheet(book, "Contents", "Contents", lines, [24, 80])
    top = put_table(sheet, "contents", ["Sheet", "What it holds"], rows, texts=2)
    for i, (name, _) in enumerate(rows, top + 1):
        link(sheet, i, 1, name)


def _by_stratum(book: Workbook, found: Fieldwork, variable: str, name: str) -> None:
    lines = [
        "This sheet holds one table. Definitions says what each number is.",
        f"Source: wave {found.wave}, {printed_day(found.today)}.",
    ]
    widths = [36, *([17] * len(COLUMNS)), 17]
    sheet = new_sheet(book, name, f"Response by {_words(variable)}", lines, widths)
    header = [_words(variable).capitalize(), *COLUMNS.values(), SHARE]
    rows = [_row(row) for row in [*found.tables[variable], found.whole]]
    put_table(sheet, f"t_{name.lower()}", header, rows)


def _row(row: Row) -> list[Value]:
    return [row.name, *(shown_number(row.numbers[column]) for column in COLUMNS), shown_share(row)]


def shown_share(row: Row) -> Value:
    """Completed of issued as a whole percentage, or the mark in its place."""
    if row.numbers["issued"] == 0:
        return "[z]"
    return "[c]" if row.share is None else percent(row.share)


def shown_number(number: Number) -> Value:
    """A number as it stands in a sheet: itself, a range in words, or the mark of what was erased."""
    if number is None:
        return "[x]"
    return number if isinstance(number, int) else str(number)


def _by_day(book: Workbook, found: Fieldwork) -> bool:
    """The sheet of the days, where they are known. Returns whether a chart stands beside its table."""
    if not found.periods:
        return False
    drawn = all(isinstance(period.cumulative, int) for period in found.periods)
    lines = [
        f"This sheet holds one table{', and beside it a chart of its last column but one' if drawn else ''}.",
        f"Days are put together until {found.minimum} organisations completed it; both days are included.",
    ]
    sheet = new_sheet(book, "By_day", "Completed answers by day", lines, [20, 20, 14, 14, 16])
    rows = [_period(period, found) for period in found.periods]
    header = ["From", "To", "Completed", "Cumulative", "Cumulative of issued (%)"]
    top = put_table(sheet, "by_day", header, rows, texts=2)
    if drawn:
        _chart(sheet, top, len(rows))
    return drawn


def _period(period: Period, found: Fieldwork) -> list[Value]:
    issued, so_far = found.whole.numbers["issued"], period.cumulative
    share: Value = "[c]"
    if isinstance(so_far, int) and isinstance(issued, int) and issued:
        share = percent(Fraction(so_far, issued))
    days = [printed_day(period.first), printed_day(period.last)]
    return [*days, shown_number(period.completed), shown_number(so_far), share]


def _chart(sheet: Worksheet, top: int, rows: int) -> None:
    chart = LineChart()
    chart.title = "Completed answers, cumulative"
    chart.x_axis.title, chart.y_axis.title = "Until", "Organisations"
    chart.x_axis.delete = chart.y_axis.delete = False
    chart.y_axis.scaling.min = 0
    chart.y_axis.number_format = "0"
    chart.legend = None
    chart.width, chart.height = 18, 9
    chart.add_data(Reference(sheet, min_col=4, min_row=top, max_row=top + rows), titles_from_data=True)
    chart.set_categories(Reference(sheet, min_col=2, min_row=top + 1, max_row=top + rows))
    (line,) = chart.series
    line.graphicalProperties.line.solidFill = "0B5563"
    line.marker.symbol, line.marker.size = "circle", 7
    line.marker.graphicalProperties.solidFill = "0B5563"
    line.smooth = False
    sheet.add_chart(chart, f"G{top}")


def _representativity(book: Workbook, found: Fieldwork) -> None:
    spread = found.representativity
    strata = " and ".join(_words(variable) for variable in spread.partial) or "no stratum"
    lines = [
        "This sheet holds one table. Read it with the response of the strata, never alone.",
        f"Over {strata}: {spread.cells} cells. 1 is an even response, 0 the most uneven one.",
        "R = 1 − 2·S(ρ̂). ρ̂ is the response propensity of a cell: completed, divided by sampled.",
        "S is the standard deviation of ρ̂ over the units of the frame.",
        "Partial indicator of a variable: the standard deviation between its strata; 0 is none.",
        "Cells of a few organisations vary by chance alone, which pushes R down.",
        "Source of R: Schouten, Cobben and Bethlehem 2009, Survey Methodology 35.",
        "Source of the partial indicators: Schouten, Shlomo and Skinner 2011, Journal of Official Statistics 27.",
    ]
    sheet = new_sheet(book, "Representativity", "How evenly the strata answered", lines, [60, 16])
    rows = [["R-indicator", _indicator(spread.r)]]
    rows += [
        [f"Partial indicator of {_words(name)}", _indicator(found_)] for name, found_ in spread.partial.items()
    ]
    put_table(sheet, "representativity", ["Indicator", "Value"], rows)


def _indicator(value: float | None) -> Value:
    return "[c]" if value is None else Rounded(value, 2)


def _definitions(book: Workbook) -> None:
    lines = ["This sheet holds one table: what each number is."]
    sheet = new_sheet(book, "Definitions", "What each number is", lines, [26, 90])
    put_table(sheet, "definitions", ["Number", "Meaning"], [*FORMULAS.items()], texts=2)


def _notes(book: Workbook) -> None:
    """The marks that are used somewhere, on the third sheet."""
    used = {value for sheet in book for row in sheet.iter_rows(values_only=True) for value in row}
    rows = [(mark, said) for mark, said in _MARKS.items() if mark in used]
    lines = ["This sheet holds one table: the marks that stand in place of a figure."]
    sheet = new_sheet(book, "Notes", "Marks in place of figures", lines, [18, 90])
    put_table(sheet, "notes", ["Mark", "Meaning"], rows or [("none", "No mark is used.")], texts=2)
    book.move_sheet(sheet, 2 - book.index(sheet))


def _words(variable: str) -> str:
    return variable.replace("_", " ")
