"""Every cell of every workbook, read by libraries that did not write it: calamine always, LibreOffice where it is.

LibreOffice is no part of what `make test` installs. Where it is missing, its tests are skipped and say so.
"""

import io
import math
import shutil
import subprocess
import zipfile
from collections.abc import Callable
from datetime import date, datetime
from functools import cache, partial
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from docx import Document
from openpyxl.utils.escape import unescape
from python_calamine import CalamineWorkbook

from surveyapp.analysis.microdata import Recipe, microdata
from surveyapp.export.appendix import appendix
from surveyapp.export.codebook import sheets as codebook_sheets
from surveyapp.export.microdata import xlsx
from surveyapp.export.rates import rates_workbook
from surveyapp.export.workbook import workbook
from tests.export.makers import make_response, make_rich_report
from tests.export.test_hostile_text import make_data, make_hostile_report
from tests.export.test_microdata_files import make_microdata
from tests.export.test_workbook import HOSTILE, WEIGHTS

Sheets = dict[str, list[list[Any]]]


def hostile_workbook(text: str) -> bytes:
    return workbook(make_hostile_report(text), edition="analyst")


def hostile_microdata(text: str) -> bytes:
    return xlsx(microdata(make_data(text), Recipe()), values="labels")


WRITTEN: dict[str, Callable[[], bytes]] = {
    "published": lambda: workbook(make_rich_report()),
    "published-weighted": lambda: workbook(make_rich_report(weights=WEIGHTS)),
    "published-2012": lambda: workbook(make_rich_report(style="as-printed-2012")),
    "analyst": lambda: workbook(make_rich_report(weights=WEIGHTS), edition="analyst"),
    "rates": lambda: rates_workbook(make_response()),
    "microdata": lambda: xlsx(make_microdata(), codebook_sheets(make_microdata())),
    **{f"hostile-{i}": partial(hostile_workbook, text) for i, text in enumerate(HOSTILE)},
    **{f"hostile-microdata-{i}": partial(hostile_microdata, text) for i, text in enumerate(HOSTILE)},
}
"""Workbooks of every kind, by name."""

made = cache(lambda name: WRITTEN[name]())
every_workbook = pytest.mark.parametrize("name", WRITTEN)
soffice = shutil.which("soffice")
with_libreoffice = pytest.mark.skipif(soffice is None, reason="LibreOffice is not installed on this machine")


def written(content: bytes) -> Sheets:
    """What was put into each cell, without the empty ones at the ends."""
    book = openpyxl.load_workbook(io.BytesIO(content))
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        inline = "xl/sharedStrings.xml" not in archive.namelist()  # openpyxl leaves the codes of these as they are
    return {sheet.title: trimmed([[_value(cell, inline) for cell in row] for row in sheet]) for sheet in book}


def _value(cell: Any, inline: bool) -> Any:
    return unescape(cell.value) if inline and isinstance(cell.value, str) else cell.value


def read(content: bytes) -> Sheets:
    """What calamine reads."""
    book = CalamineWorkbook.from_filelike(io.BytesIO(content))
    rows = {name: book.get_sheet_by_name(name).to_python(skip_empty_area=False) for name in book.sheet_names}
    return {name: trimmed(sheet) for name, sheet in rows.items()}


def trimmed(rows: list[list[Any]]) -> list[list[Any]]:
    """Numbers as floats, nothing as "", and no empty cells or rows at the end."""
    found = []
    for row in rows:
        cells = ["" if cell is None else float(cell) if isinstance(cell, int) else cell for cell in row]
        while cells and cells[-1] == "":
            cells.pop()
        found.append(cells)
    while found and not found[-1]:
        found.pop()
    return found


@every_workbook
def test_another_library_reads_every_cell_as_it_was_written(name: str):
    wanted, found = written(made(name)), read(made(name))
    assert list(found) == list(wanted)
    for sheet in wanted:
        assert found[sheet] == wanted[sheet], sheet
    assert not [
        cell for rows in found.values() for row in rows for cell in row if isinstance(cell, date | datetime)
    ]


# ── LibreOffice ──────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def saved_again(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Each workbook opened by LibreOffice and saved from there, and each Word file as text."""
    folder = tmp_path_factory.mktemp("libreoffice")
    for name in WRITTEN:
        (folder / f"{name}.xlsx").write_bytes(made(name))
    for number, text in enumerate(HOSTILE):
        (folder / f"word-{number}.docx").write_bytes(appendix(make_hostile_report(text)))
    converted(folder, "xlsx", "xlsx")
    converted(folder, "docx", "txt:Text (encoded):UTF8")
    return folder / "out"


def converted(folder: Path, ending: str, to: str) -> None:
    profile = f"-env:UserInstallation={(folder / 'profile').as_uri()}"
    files = sorted(str(path) for path in folder.glob(f"*.{ending}"))
    command = [str(soffice), profile, "--headless", "--convert-to", to, "--outdir", str(folder / "out"), *files]
    subprocess.run(command, check=True, capture_output=True, timeout=300)


def alike(one: list[list[Any]], other: list[list[Any]]) -> bool:
    """Whether they are equal in the 15 digits that spreadsheet programmes keep of a number."""
    pairs = [pair for rows in zip(one, other, strict=True) for pair in zip(*rows, strict=True)]
    return all(
        math.isclose(*pair, rel_tol=1e-14) if isinstance(pair[0], float) else pair[0] == pair[1] for pair in pairs
    )


@with_libreoffice
@every_workbook
def test_libreoffice_has_every_cell_as_it_was_written(name: str, saved_again: Path):
    wanted, found = written(made(name)), read((saved_again / f"{name}.xlsx").read_bytes())
    assert list(found) == list(wanted)
    for sheet in wanted:
        assert alike(wanted[sheet], found[sheet]), sheet


@with_libreoffice
@pytest.mark.parametrize("number", range(len(HOSTILE)))
def test_libreoffice_shows_hostile_text_in_a_word_file_as_it_was_written(number: int, saved_again: Path):
    text = HOSTILE[number]
    shown = (saved_again / f"word-{number}.txt").read_text(encoding="utf-8-sig")
    paper = Document(io.BytesIO(appendix(make_hostile_report(text))))
    assert f"Table 1: {text}" in [paragraph.text for paragraph in paper.paragraphs]
    assert f"\nTable 1: {text}\n" in shown
    assert f"\nNote: {text}\n" in shown
