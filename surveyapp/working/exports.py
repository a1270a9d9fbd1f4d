"""Exports in the background: tables as a file, which enters the ledger of what was released, and microdata."""

import io
import zipfile
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from surveyapp import watching
from surveyapp.config import ready
from surveyapp.problems import SurveyError
from surveyapp.roles import ANALYST
from surveyapp.working.queue import Task, kind

TABLES, MICRODATA = "export-tables", "export-microdata"

FORMATS: Mapping[str, tuple[str, str, str]] = {
    "workbook": (".xlsx", "published", "Workbook to publish (.xlsx)"),
    "analyst": (".xlsx", "analyst", "Analyst’s workbook: codes, charts, checks, unrounded figures (.xlsx)"),
    "word": (".docx", "published", "Word appendix (.docx)"),
    "charts": (".zip", "published", "Charts as SVG and PNG (.zip)"),
    "json": (".json", "published", "Figures for programmes (.json)"),
}
"""What tables can be exported as: the ending, the edition and its name."""

MICRODATA_FORMATS: Mapping[str, str] = {
    "sav": "SPSS (.sav)",
    "csv": "CSV (.csv)",
    "parquet": "Parquet (.parquet)",
    "xlsx": "Excel (.xlsx)",
    "zip": "Whole deposit: data, codebook, questionnaire, DDI, checksums (.zip)",
}
"""What microdata can be exported as."""


@kind(TABLES, "Tables", ANALYST)
def export_tables(task: Task) -> str:
    """The tables of a plan as a file, entered in the ledger.

    Settings: `plan` (its name), `document` (its JSON as it was when asked for, "" for every question), `format`,
    for Word also `charts` and `annotated`.
    """
    from surveyapp import coding, reporting  # here, for numbers are slow to load

    settings, wave = task.job.settings, task.job.wave
    ending, edition, _ = FORMATS[settings["format"]]
    document = settings["document"].encode() if settings["document"] else None
    task.tell("counting")
    asked = partial(watching.asked, task.db, wave, task.today)
    compiled = reporting.report(task.db, wave, document, asked, coding.coded(task.db, wave), task.home.released)
    name = f"{wave}-{settings['plan']}{'-analyst' if edition == 'analyst' else ''}{ending}"
    content = reporting.file_of(
        compiled,
        ending,
        _steps(task, len(compiled.tables)),
        edition,
        bool(settings.get("charts")),
        bool(settings.get("annotated")),
    )
    reporting.publish(task.db, compiled, ready({task.place(name): content}, private=True))
    return name


def _steps(task: Task, of: int) -> Callable[[str], None]:
    """Progress a table; what comes beside the tables counts as the last of them."""
    places: Iterator[int] = iter(range(1, of + 1))
    return lambda _: task.tell("writing", next(places, of), of)


@kind(MICRODATA, "Microdata", ANALYST)
def export_microdata(task: Task) -> str:
    """The answers of a closed wave, a row a response, with their codebook; their columns enter the ledger.

    Settings: `format`, `values`, `together`, `beside`, and those of the recipe (`recipe_of`). Several files go
    into one zip.
    """
    from surveyapp import reporting

    settings, wave = task.job.settings, task.job.wave
    task.tell("checking")
    data, facts = reporting.microdata(task.db, wave, recipe_of(settings), task.home.released)
    files = reporting.microdata_files(
        data,
        facts,
        f"{wave}.{settings['format']}",
        settings.get("values") or "codes",
        bool(settings.get("together")),
        lambda done, of: task.tell("writing", done, of),
    )
    name, content = _one_file(wave, settings["format"], files)
    written = ready({task.place(name): content}, private=True)
    reporting.give_out(task.db, data, facts, written, bool(settings.get("beside")))
    return name


def recipe_of(settings: Mapping[str, Any]) -> Any:
    """The recipe in settings: `leave_out`, `bands` by variable, `identifying` (None for the usual ones)."""
    from surveyapp.analysis.microdata import Recipe

    return Recipe(settings.get("leave_out") or (), settings.get("bands") or {}, settings.get("identifying"))


def _one_file(wave: str, ending: str, files: Mapping[str, bytes]) -> tuple[str, bytes]:
    """The only file, or all of them in a zip whose bytes know no clock."""
    from surveyapp.export.archive import undated

    if len(files) == 1:
        return next(iter(files.items()))
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return f"{wave}-{ending}.zip", undated(packed.getvalue())


def read_bands(typed: str) -> dict[str, list[list[str]]]:
    """Bands as they are typed, a line each: `kind=csp+other,dat`. Raises `SurveyError` for a line that is none."""
    found = {}
    for line in filter(None, (line.strip() for line in typed.splitlines())):
        name, _, groups = (part.strip() for part in line.partition("="))
        if not name or not groups:
            raise SurveyError(
                f"“{line[:60]}” is no band: write variable=code+code, or variable=0,1000 for a number"
            )
        found[name] = [[code.strip() for code in group.split("+")] for group in groups.split(",")]
    return found
