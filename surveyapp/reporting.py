"""Report: the tray is opened, tables are compiled, files are written. Knows no person and no invitation."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from surveyapp import export, privacy
from surveyapp.analysis.dataset import Dataset, Row, dataset
from surveyapp.analysis.plans import Plan, default_plan, read_plan
from surveyapp.analysis.report import Report, WaveFacts, compile_report
from surveyapp.instrument import Instrument, is_open
from surveyapp.problems import NotSaved, SurveyError
from surveyapp.rates import sorted_by_completeness
from surveyapp.storage import responses, waves
from surveyapp.storage.database import Connection, Database
from surveyapp.storage.responses import Response, Verbatim
from surveyapp.storage.waves import Wave


@dataclass(frozen=True)
class Opened:
    """How many answers left the tray, and how many stay in it."""

    released: int
    waiting: int


def open_tray(db: Database, name: str, private_key: bytes) -> Opened:
    """Release what may leave the tray of a wave: all after the close, before it only batches that hide each one.

    Every box is opened in memory first; if one does not open, nothing leaves. Answers get fresh random ids and
    are stored in the order of these; the file is then written anew. Raises `SurveyError` for a wrong key or a
    damaged box, with their number, `NotFound` for an unknown wave, and `NotSaved` if the disk refuses.
    """
    with db.transaction() as connection:
        wave = waves.wave_named(connection, name)
        instrument = waves.published(connection, wave.survey, wave.version)
        boxes = responses.tray(connection, name)
        leaving = _release(connection, wave, instrument, boxes, private_key)
    try:
        db.vacuum()
    except NotSaved as error:
        raise NotSaved(f"{leaving} answers are released, but {error}: open the tray once more") from None
    return Opened(leaving, len(boxes) - leaving)


def load(db: Database, name: str) -> tuple[Wave, Dataset, WaveFacts]:
    """The released responses of a wave as columns, with the facts printed beside them.

    Raises `SurveyError` when answers still wait in the tray of a closed wave, or none have been released.
    """
    with db.reading() as connection:
        wave = waves.wave_named(connection, name)
        instrument = waves.published(connection, wave.survey, wave.version)
        released = responses.responses(connection, name)
        _check_released(wave, len(released), responses.tray_size(connection, name))
        versions = {r.version: waves.published(connection, wave.survey, r.version) for r in released}
        facts = _facts(wave, waves.published_hash(connection, wave.survey, wave.version))
    rows = (Row(r.version, r.cell, r.answers) for r in released)
    return wave, dataset(instrument, versions, rows), facts


def sent(db: Database, name: str) -> dict[str, int] | None:
    """How many responses are "complete", "partial" and "breakoff" by AAPOR's rule; None while any is sealed."""
    with db.reading() as connection:
        if responses.tray_size(connection, name):
            return None
        if not responses.response_count(connection, name):
            return sorted_by_completeness([])
    return sorted_by_completeness(load(db, name)[1].completeness)


def report(db: Database, name: str, plan: bytes | None) -> Report:
    """The report of a wave by a plan's JSON, or with every closed question in order.

    Raises `Refused` with every problem of the plan, and what `load` raises.
    """
    _, data, facts = load(db, name)
    chosen: Plan = read_plan(plan, data.instrument) if plan is not None else default_plan(data.instrument)
    return compile_report(chosen, data, facts)


def file_of(compiled: Report, suffix: str, progress: Callable[[str], None] = lambda _: None) -> bytes:
    """The report as a file: `.xlsx` or `.json`. Raises `SurveyError` for any other ending or a full disk."""
    writers = {".xlsx": export.workbook, ".json": export.figures}
    if suffix not in writers:
        raise SurveyError(f"{suffix or 'no ending'} is not a kind of file; end the name in {' or '.join(writers)}")
    try:
        return writers[suffix](compiled, progress)
    except Exception as error:
        # A workbook is put together in the folder for temporary files; lxml, where it is there, has its own word.
        if not isinstance(error, OSError) and type(error).__name__ != "SerialisationError":
            raise
        raise SurveyError(f"the tables cannot be written: {error}; make room for temporary files") from None


# ── opening the tray ─────────────────────────────────────────────────────────


def _release(
    connection: Connection, wave: Wave, instrument: Instrument, boxes: Sequence[tuple[bytes, bytes]], key: bytes
) -> int:
    contents = _open_all(boxes, key, wave)
    cells = [content["cell"] for content in contents]
    closed = wave.state == "closed"
    leaving = privacy.leavers(cells, instrument.disclosure.minimum_base, closed)
    cells = _released_cells(connection, wave, [cells[i] for i in leaving])
    parts = [_parted(contents[i], cell, instrument) for i, cell in zip(leaving, cells, strict=True)]
    responses.release(
        connection,
        wave.name,
        [boxes[i][0] for i in leaving],
        [(privacy.new_id(), response) for response, _ in parts],
        [(privacy.new_id(), verbatim) for _, verbatims in parts for verbatim in verbatims],
    )
    return len(leaving)


def _released_cells(connection: Connection, wave: Wave, cells: Sequence[str]) -> list[str]:
    """Cells too small to carry are blanked; a cell that was released before with enough answers may stay."""
    before = [response.cell for response in responses.responses(connection, wave.name)]
    blanked = privacy.blanked([*before, *cells], privacy.SMALLEST_CELL)
    return blanked[len(before) :]


def _open_all(boxes: Sequence[tuple[bytes, bytes]], key: bytes, wave: Wave) -> list[dict[str, Any]]:
    contents: list[dict[str, Any]] = []
    broken = 0
    for _, box in boxes:
        try:
            contents.append(json.loads(privacy.open_box(key, box, wave.seal_info)))
        except privacy.CannotOpen:
            broken += 1
    if broken:
        reason = "the key is not the one of this wave" if broken == len(boxes) else "those boxes are damaged"
        raise SurveyError(f"{broken} of {len(boxes)} boxes do not open: {reason}; nothing was released")
    return contents


def _parted(content: dict[str, Any], cell: str, instrument: Instrument) -> tuple[Response, list[Verbatim]]:
    """Closed answers and open ones go separate ways."""
    answers = content["answers"]
    words = {key for key in answers if is_open(instrument, key)}
    closed = {key: answer for key, answer in answers.items() if key not in words}
    return Response(content["version"], cell, closed), [Verbatim(key, cell, answers[key]) for key in words]


# ── loading ──────────────────────────────────────────────────────────────────


def _check_released(wave: Wave, released: int, waiting: int) -> None:
    if wave.state == "closed" and waiting:
        raise SurveyError(
            f"{waiting} answers of {wave.name} wait in the tray; run first: surveyapp tray open {wave.name}"
        )
    if not released:
        raise SurveyError(f"no answers of {wave.name} have been released yet; close the wave and open the tray")


def _facts(wave: Wave, digest: str) -> WaveFacts:
    return WaveFacts(
        wave=wave.name,
        listed=wave.kind == "listed",
        opened_on=wave.opened_on,
        closed_on=wave.closed_on,
        carry=wave.carry,
        cells=wave.cells,
        issued=wave.issued,
        version_hash=digest,
        note=wave.note,
    )
