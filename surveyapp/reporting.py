"""Report: the tray is opened, tables are compiled, files are written. Knows no person and no invitation."""

import hashlib
import json
import re
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any, Literal

from surveyapp import privacy
from surveyapp.analysis.columns import Part, read_part
from surveyapp.analysis.dataset import Dataset, assemble
from surveyapp.analysis.derived import Derived
from surveyapp.analysis.disclosure.ledger import LedgerEntry
from surveyapp.analysis.microdata import Microdata, Recipe, signature
from surveyapp.analysis.microdata import microdata as microdata_of
from surveyapp.analysis.plans import default_plan, read_plan
from surveyapp.analysis.report import Published, Report, Source, WaveFacts, compile_report
from surveyapp.analysis.themes.coding import ThemeColumns
from surveyapp.instrument import Instrument, is_open
from surveyapp.problems import NotSaved, SurveyError
from surveyapp.rates import Fieldwork, sorted_by_completeness
from surveyapp.storage import counted, publications, responses, snapshots, waves
from surveyapp.storage.database import Connection, Database
from surveyapp.storage.publications import Publication
from surveyapp.storage.responses import Response, Verbatim
from surveyapp.storage.waves import Wave


@dataclass(frozen=True)
class Opened:
    """How many answers left the tray, and how many stay in it."""

    released: int
    waiting: int


def open_tray(
    db: Database, name: str, private_key: bytes, progress: Callable[[int, int], None] = lambda _done, _of: None
) -> Opened:
    """Release what may leave the tray of a wave: all after the close, before it only batches that hide each one.

    Every box is opened in memory first, while others go on writing; if one does not open, nothing leaves.
    `progress` is told how many boxes are open, and of how many; it may raise to stop here. Answers get fresh
    random ids and are stored in the order of these; the file is then written anew. Raises `SurveyError` for a
    wrong key or a damaged box, with their number, `NotFound` for an unknown wave, and `NotSaved` if the disk
    refuses.
    """
    with db.reading() as connection:
        wave = waves.wave_named(connection, name)
        before = responses.tray(connection, name)
    known = _open_all(before, private_key, wave, progress)
    with db.transaction() as connection:
        wave = waves.wave_named(connection, name)
        instrument = waves.published(connection, wave.survey, wave.version)
        boxes = responses.tray(connection, name)
        known |= _open_all([box for box in boxes if box[0] not in known], private_key, wave)  # came in meanwhile
        leaving = _release(connection, wave, instrument, {id_: known[id_] for id_, _ in boxes})
    try:
        db.vacuum()
    except NotSaved as error:
        raise NotSaved(f"{leaving} answers are released, but {error}: open the tray once more") from None
    return Opened(leaving, len(boxes) - leaving)


def load(
    db: Database, name: str, kept: Path | None = None, at_hand: "AtHand | None" = None
) -> tuple[Wave, Dataset, WaveFacts]:
    """The released responses of a wave as columns, with the facts printed beside them.

    An answer released without its version is read by the version of the wave. `kept` is the folder where the
    columns of closed waves are kept from one time to the next, `at_hand` what this process has in memory. Raises
    `SurveyError` when answers still wait in the tray of a closed wave, or none have been released.
    """
    with db.reading() as connection:
        wave = waves.wave_named(connection, name)
        instrument = waves.published(connection, wave.survey, wave.version)
        _check_released(wave, responses.response_count(connection, name), responses.tray_size(connection, name))
        mark = responses.fingerprint(connection, name)
        facts = _facts(wave, waves.published_hash(connection, wave.survey, wave.version))
        folder = kept if wave.state == "closed" else None

        def read() -> Dataset:
            return assemble(instrument, _parts(connection, wave, folder, mark), wave.carry)

        key = (str(db.place), name, mark, facts.version_hash, wave.carry)
        data = at_hand.get(key, read) if at_hand is not None else read()
    return wave, data, facts


MOST_AT_HAND = 2
"""Datasets that a process keeps in memory."""


class AtHand:
    """The datasets that this process read last, for those who build one table after the other.

    The key says all that a dataset is made of, so one that is found is as good as one read anew.
    """

    def __init__(self) -> None:
        self._known: OrderedDict[object, Dataset] = OrderedDict()
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._known)

    def get(self, key: object, read: Callable[[], Dataset]) -> Dataset:
        """The dataset under a key, read if it is not at hand. Of those that ask at once only one reads."""
        with self._lock:
            if key not in self._known:
                while len(self._known) >= MOST_AT_HAND:
                    self._known.popitem(last=False)
                self._known[key] = read()
            self._known.move_to_end(key)
            return self._known[key]


AT_HAND = AtHand()
"""For whoever asks for one table after the other in one process."""


def _parts(connection: Connection, wave: Wave, folder: Path | None, mark: str) -> list[Part]:
    """The answers of a wave by version, as kept under a mark or from the database."""

    def version(name: str) -> Instrument:
        return waves.published(connection, wave.survey, name or wave.version)

    known = snapshots.kept(folder, wave.name, mark) if folder is not None else None
    if known is not None:
        return [Part(version(name), table) for name, table in known.items()]
    lines = responses.lines(connection, wave.name)
    parts = {name: read_part(version(name), cells, texts) for name, (cells, texts) in lines.items()}
    if folder is not None:
        snapshots.keep(folder, wave.name, mark, {name: part.table for name, part in parts.items()})
    return list(parts.values())


def sent(db: Database, name: str, kept: Path | None = None) -> dict[str, int] | None:
    """How many responses are "complete", "partial" and "breakoff" by AAPOR's rule; None while any is sealed."""
    with db.reading() as connection:
        if responses.tray_size(connection, name):
            return None
        if not responses.response_count(connection, name):
            return sorted_by_completeness([])
        mark = responses.fingerprint(connection, name)
    if kept is not None and (known := counted.kept(kept, name, mark)) is not None:
        return known
    found = sorted_by_completeness(load(db, name, kept)[1].completeness)
    if kept is not None:
        counted.keep(kept, name, mark, found)
    return found


def report(
    db: Database,
    name: str,
    plan: bytes | None,
    asked: Callable[[Mapping[str, int] | None], Fieldwork | None] | None = None,
    themes: Mapping[str, ThemeColumns] | None = None,
    kept: Path | None = None,
    at_hand: AtHand | None = None,
) -> Report:
    """The report of a wave by a plan's JSON, or with every closed question and coded open one in order.

    `asked` says of the organisations what `watching` does, given what `sent` says: reporting knows none of them.
    Without it nothing is said of them. `themes` are the coded answers by question, from `coding`; `kept` and
    `at_hand` are as in `load`. Raises `Refused` with every problem of the plan, and what `load` raises.
    """
    wave, data, facts = load(db, name, kept, at_hand)
    coded = themes or {}
    if plan is None:
        chosen = default_plan(data.instrument, list(coded))
    else:
        chosen = read_plan(plan, data.instrument, wave.carry, list(coded))
    named = {other for entry in chosen.tables for other in [*(entry.waves or []), *(entry.audiences or [])]}
    others = {other: Source(*load(db, other, kept, at_hand)[1:]) for other in sorted(named)}
    with db.reading() as connection:
        earlier = [_published(each) for each in publications.publications(connection, name)]
        sealed = responses.tray_size(connection, name)
    response = asked(None if sealed else sorted_by_completeness(data.completeness)) if asked else None
    return compile_report(chosen, data, facts, response, coded, others, earlier)


def publish(db: Database, compiled: Report, write: Callable[[], None]) -> None:
    """`write` the file of a report and enter it in the ledger: later releases are checked against it.

    Nothing is entered if the file cannot be written.
    """
    entries = "\n".join(sorted(entry.to_json() for entry in compiled.entries))
    declared = [each.model_dump(mode="json", by_alias=True, exclude_none=True) for each in compiled.derived]
    derived = json.dumps(declared, ensure_ascii=False)
    digest = hashlib.sha256(f"{derived}\n{entries}".encode()).hexdigest()
    name = f"{compiled.title} ({digest[:8]})"
    with db.transaction() as connection:
        publications.publish(connection, compiled.facts.wave, Publication(name, derived, entries))
        write()


def _published(publication: Publication) -> Published:
    derived = tuple(Derived.model_validate(each) for each in json.loads(publication.derived))
    entries = tuple(LedgerEntry.from_json(line) for line in publication.entries.splitlines())
    return Published(publication.name, derived, entries)


Writer = Callable[[Report, Callable[[str], None]], bytes]


def file_of(
    compiled: Report,
    suffix: str,
    progress: Callable[[str], None] = lambda _: None,
    edition: str = "published",
    with_charts: bool = False,
    with_questionnaire: bool = False,
) -> bytes:
    """The report as a file: `.xlsx`, `.docx`, `.json`, or `.zip` of charts.

    `edition` is that of the workbook: published, or analyst; the others are of the Word document. Raises
    `SurveyError` for any other ending or a full disk.
    """
    from surveyapp import export  # here, for what writes spreadsheets and documents is slow to load

    in_word = partial(export.appendix, with_charts=with_charts, with_questionnaire=with_questionnaire)
    writers: dict[str, Writer] = {
        ".xlsx": partial(export.workbook, edition=edition),
        ".docx": in_word,
        ".json": export.figures,
        ".zip": export.charts,
    }
    if suffix not in writers:
        raise SurveyError(f"{suffix or 'no ending'} is not a kind of file; end the name in {' or '.join(writers)}")
    try:
        return writers[suffix](compiled, progress)
    except Exception as error:
        # A workbook is put together in the folder for temporary files; lxml, where it is there, has its own word.
        if not isinstance(error, OSError) and type(error).__name__ != "SerialisationError":
            raise
        raise SurveyError(f"the tables cannot be written: {error}; make room for temporary files") from None


def without_chart(compiled: Report) -> list[str]:
    """A sentence for each table that has no chart, with the reason."""
    from surveyapp.export.charts import left_out

    return [f"{said}." for said in left_out(compiled)]


def manifest_of(compiled: Report, name: str, content: bytes, plan: bytes | None, edition: str) -> bytes:
    """The hashes of a file that `file_of` gave, of what it was made of, and of each table, as JSON."""
    from surveyapp import export

    return export.manifest(compiled, name, content, plan, edition)


# ── microdata ────────────────────────────────────────────────────────────────


def microdata(
    db: Database,
    name: str,
    recipe: Recipe | None = None,
    kept: Path | None = None,
    at_hand: AtHand | None = None,
) -> tuple[Microdata, WaveFacts]:
    """The released responses of a closed wave as rows that may leave, with the facts for their description.

    Raises `Refused` with every reason if they may not, `SurveyError` for a wave that is still open (from two files
    of a growing wave the newcomers could be told), and what `load` raises.
    """
    wave, data, facts = load(db, name, kept, at_hand)
    if wave.state != "closed":
        raise SurveyError(f"{name} still takes answers; close it first: surveyapp wave close {name}")
    return microdata_of(data, recipe), facts


def give_out(
    db: Database, data: Microdata, facts: WaveFacts, write: Callable[[], None], beside: bool = False
) -> None:
    """`write` the files of microdata and enter their columns in the ledger.

    Two files with different columns can be put together over those that they share. So a second one raises
    `SurveyError`, unless it goes `beside` the first. Nothing is entered if the files cannot be written.
    """
    with db.transaction() as connection:
        _check_alone(connection, data, facts, beside)
        publications.publish(connection, facts.wave, Publication(_entry(data), "[]", ""))
        write()


def check_given_out(db: Database, data: Microdata, facts: WaveFacts, beside: bool = False) -> None:
    """Raise what `give_out` does where an earlier file stands in the way."""
    with db.reading() as connection:
        _check_alone(connection, data, facts, beside)


def _check_alone(connection: Connection, data: Microdata, facts: WaveFacts, beside: bool) -> None:
    known = {each.name for each in publications.publications(connection, facts.wave)} - {_entry(data)}
    if not beside and any(re.fullmatch(f"{_MICRODATA}[0-9a-f]{{16}}", each) for each in known):
        raise SurveyError(
            f"microdata of {facts.wave} with other columns or bands exist, and the two could be put together; "
            "write the same ones again, or say that the earlier file went to nobody (--beside-earlier)"
        )


def _entry(data: Microdata) -> str:
    """What stands in the ledger for a file of microdata."""
    return f"{_MICRODATA}{signature(data)[:16]}"


_MICRODATA = "microdata: "

MICRODATA_FILES = (".csv", ".sav", ".parquet", ".xlsx", ".zip")


def microdata_files(
    data: Microdata,
    facts: WaveFacts,
    name: str,
    values: Literal["codes", "labels", "numbers"] = "codes",
    together: bool = False,
    progress: Callable[[int, int], None] = lambda _done, _of: None,
) -> dict[str, bytes]:
    """Microdata as files by name: the data as `name`, the codebook beside it. A `.zip` holds a whole deposit.

    `values` says what stands for an answer in CSV, Parquet and Excel, `together` that the options of a multiple
    share a cell there. Raises `SurveyError` for a name with any other ending.
    """
    from surveyapp.export import codebook, deposit, microdata

    writers: dict[str, Callable[[], bytes]] = {
        ".csv": lambda: microdata.csv(data, values, together),
        ".sav": lambda: microdata.sav(data),
        ".parquet": lambda: microdata.parquet(data, values, together),
        ".xlsx": lambda: microdata.xlsx(data, codebook.sheets(data), values, together, progress),
        ".zip": lambda: deposit.deposit(data, facts),
    }
    ending = Path(name).suffix
    if ending not in writers:
        kinds = ", ".join(MICRODATA_FILES[:-1])
        raise SurveyError(f"{ending or 'no ending'} is not a kind of file; end the name in {kinds} or .zip")
    stem = name.removesuffix(ending)
    about = {} if ending == ".zip" else codebook.files(data, facts, stem)
    return {**about, name: writers[ending]()}


# ── opening the tray ─────────────────────────────────────────────────────────


def _release(
    connection: Connection, wave: Wave, instrument: Instrument, opened: Mapping[bytes, dict[str, Any]]
) -> int:
    boxes, contents = list(opened), list(opened.values())
    cells = [content["cell"] for content in contents]
    closed = wave.state == "closed"
    leaving = privacy.leavers(cells, instrument.disclosure.minimum_base, closed)
    before = responses.responses(connection, wave.name)
    marks = _released_marks(before, [(cells[i], contents[i]["version"]) for i in leaving])
    parts = [_parted(contents[i], mark, instrument) for i, mark in zip(leaving, marks, strict=True)]
    responses.release(
        connection,
        wave.name,
        [boxes[i] for i in leaving],
        [(privacy.new_id(), response) for response, _ in parts],
        [(privacy.new_id(), verbatim) for _, verbatims in parts for verbatim in verbatims],
    )
    return len(leaving)


def _released_marks(before: Sequence[Response], marks: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Cell and version of answers as released: blank where fewer than the smallest cell would share them.

    A version must be shared within its cell: it says whether somebody answered before or after the wave was moved.
    """
    least = privacy.SMALLEST_CELL
    cells = privacy.blanked([cell for cell, _ in marks], least, [response.cell for response in before])
    versions = [version for _, version in marks]
    for cell in set(cells):
        places = [i for i, other in enumerate(cells) if other == cell]
        earlier = [response.version for response in before if response.cell == cell]
        shown = privacy.blanked([versions[i] for i in places], least, earlier)
        for i, version in zip(places, shown, strict=True):
            versions[i] = version
    return list(zip(cells, versions, strict=True))


def _open_all(
    boxes: Sequence[tuple[bytes, bytes]],
    key: bytes,
    wave: Wave,
    progress: Callable[[int, int], None] = lambda _done, _of: None,
) -> dict[bytes, dict[str, Any]]:
    contents: dict[bytes, dict[str, Any]] = {}
    broken = 0
    for done, (id_, box) in enumerate(boxes):
        if done % 100 == 0:
            progress(done, len(boxes))
        try:
            contents[id_] = json.loads(privacy.open_box(key, box, wave.seal_info))
        except privacy.CannotOpen:
            broken += 1
    if broken:
        reason = "the key is not the one of this wave" if broken == len(boxes) else "those boxes are damaged"
        raise SurveyError(f"{broken} of {len(boxes)} boxes do not open: {reason}; nothing was released")
    return contents


def _parted(
    content: dict[str, Any], mark: tuple[str, str], instrument: Instrument
) -> tuple[Response, list[Verbatim]]:
    """Closed answers and open ones go separate ways; `mark` is the cell and the version as released."""
    cell, version = mark
    answers = content["answers"]
    words = {key for key in answers if is_open(instrument, key)}
    closed = {key: answer for key, answer in answers.items() if key not in words}
    return Response(version, cell, closed), [Verbatim(key, cell, answers[key]) for key in words]


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
