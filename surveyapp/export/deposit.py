"""Everything that an archive wants of a wave in one zip: data, labels, description, questionnaire, checksums."""

import hashlib
import io
import zipfile
from collections.abc import Mapping

from surveyapp.analysis.microdata import Microdata
from surveyapp.analysis.report import WaveFacts
from surveyapp.export.archive import legible
from surveyapp.export.blank import blank
from surveyapp.export.codebook import codebook_csv, codebook_json, r_setup, spss_setup
from surveyapp.export.ddi import ddi
from surveyapp.export.microdata import csv, sav
from surveyapp.export.triples import triples

_DATA = (("data.csv", "Comma-separated values, UTF-8"), ("data.sav", "SPSS"))

_LICENCE = """LICENCE: NOT CHOSEN YET

Whoever deposits these data writes here on what conditions others may use them, and takes this paragraph out.
Rows are single answers: ask users to undertake not to try to find out who gave them.
"""

_WHAT = {
    "data.csv": "the answers, a row each, as numbers; text in it cannot become a formula",
    "data.sav": "the same for SPSS, with labels and missing values",
    "setup.sps": "reads and labels data.csv in SPSS or PSPP",
    "setup.R": "reads and labels data.csv in R",
    "codebook.csv": "what each column and each number means, with counts",
    "codebook.json": "the same for programs",
    "triples.sss": "Triple-S 2.0: describes triples.csv for survey packages",
    "triples.csv": "its data: a multiple in one field, every kind of missing blank",
    "ddi.xml": "the description for an archive, DDI-Codebook 2.5",
    "questionnaire.html": "the questionnaire as it was asked, blank",
    "LICENCE.txt": "to be filled in by the depositor",
    "SHA256SUMS": "checksums: sha256sum --check SHA256SUMS",
}


def deposit(data: Microdata, facts: WaveFacts) -> bytes:
    """A zip with every file of a deposit. Equal microdata give equal bytes."""
    files = {
        "data.csv": csv(data, "numbers"),
        "data.sav": sav(data),
        "setup.sps": spss_setup(data),
        "setup.R": r_setup(data),
        "codebook.csv": codebook_csv(data),
        "codebook.json": codebook_json(data, facts),
        **triples(data),
        "ddi.xml": ddi(data, facts, _DATA),
        "questionnaire.html": blank(data.instrument, ".html"),
        "README.txt": _readme(data, facts).encode(),
        "LICENCE.txt": _LICENCE.encode(),
    }
    files["SHA256SUMS"] = _sums(files)
    return _zipped(files)


def _zipped(files: Mapping[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in files.items():
            info = zipfile.ZipInfo(name, date_time=(2000, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, content)
    return out.getvalue()


def _sums(files: Mapping[str, bytes]) -> bytes:
    return "".join(f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in files.items()).encode()


def _readme(data: Microdata, facts: WaveFacts) -> str:
    days = f"{facts.opened_on} to {facts.closed_on or 'now'}"
    checked = ", ".join(data.identifying) or "none in this file"
    lines = [
        legible(data.instrument.title),
        "",
        f"Wave {facts.wave}, {days}; questionnaire {data.instrument.name} (SHA-256 {facts.version_hash}).",
        f"{data.n:,} responses, {len(data.fields)} columns. {legible(facts.note)}".strip(),
        "",
        *(f"{name:20}{what}" for name, what in _WHAT.items()),
        "",
        "Missing answers are told apart, and are never a blank cell: -9 no reply, -8 not asked, -7 not in the",
        "version that was answered; amounts that reach these numbers have others, which the codebook names.",
        "The options of a multiple response are a column each: 1 selected, 0 not.",
        "Rows lie in the order of their content, so their order says nothing of who answered when.",
        f"Columns that describe the organisation: {checked}. {data.minimum} responses or more share each",
        "combination of values of these that occurs. Whoever has other columns of the same answers can undo that:",
        "publish one such file of a wave, not several with different columns.",
        "In .csv files a text that a spreadsheet could take for a formula has a ' before it, and so has one that",
        "begins with ' itself: take one away and the text is what it was.",
        *(["", "No column:"] if data.left_out else []),
        *(f"- {name}: {why}" for name, why in data.left_out.items()),
        *(["", "Changed for anonymity:"] if any(column.changed for column in data.fields) else []),
        *(f"- {column.name}: {column.changed}" for column in data.fields if column.changed),
    ]
    return "\n".join(lines) + "\n"
