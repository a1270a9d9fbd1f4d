"""Report: the tray is opened, tables are compiled, files are written. Knows no person and no invitation."""

import hashlib
import json
import re
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from threading import Lock
from typing import Any, Literal

from surveyapp import engines, privacy
from surveyapp.acting import needs
from surveyapp.analysis.columns import Part, read_part
from surveyapp.analysis.dataset import Dataset, assemble
from surveyapp.analysis.derived import Derived
from surveyapp.analysis.disclosure.ledger import LedgerEntry
from surveyapp.analysis.large import Legend, Responses, joined
from surveyapp.analysis.microdata import Microdata, Recipe, signature
from surveyapp.analysis.microdata import microdata as microdata_of
from surveyapp.analysis.plans import default_plan, read_plan
from surveyapp.analysis.report import Entered, Published, Report, Source, WaveFacts, compile_report
from surveyapp.analysis.themes.coding import ThemeColumns
from surveyapp.instrument import Instrument, is_open
from surveyapp.problems import NotSaved, SurveyError
from surveyapp.rates import Fieldwork, sorted_by_completeness
from surveyapp.roles import ANALYST, KEY_HOLDER, ROLES
from surveyapp.storage import counted, publications, responses, snapshots, waves
from surveyapp.storage import parts as stored_parts
from surveyapp.storage.database import Connection, Database
from surveyapp.storage.publications import Publication
from surveyapp.storage.responses import Response, Verbatim
from surveyapp.storage.waves import Wave


@dataclass(frozen=True)
class Opened:
    """How many answers left the tray, and how many stay in it."""

    released: int
    waiting: int


@needs(KEY_HOLDER)
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
        waiting = responses.tray_size(connection, name)
    known = _open_all(_boxes(db, name), waiting, private_key, wave, progress)
    with db.transaction() as connection:
        wave = waves.wave_named(connection, name)
        instrument = waves.published(connection, wave.survey, wave.version)
        boxes = responses.tray_ids(connection, name)
        late = [(id_, responses.box(connection, id_)) for id_ in boxes if id_ not in known]  # came in meanwhile
        known |= _open_all(late, len(late), private_key, wave)
        leaving = _release(connection, wave, instrument, {id_: known[id_] for id_ in boxes})
    try:
        db.vacuum()
    except NotSaved as error:
        raise NotSaved(f"{leaving} answers are released, but {error}: open the tray once more") from None
    return Opened(leaving, len(boxes) - leaving)


@needs(ANALYST)
def load(
    db: Database, name: str, kept: Path | None = None, at_hand: "AtHand | None" = None
) -> tuple[Wave, Dataset, WaveFacts]:
    """The released responses of a wave as columns, with the facts printed beside them.

    An answer released without its version is read by the version of the wave. `kept` is the folder where the
    columns of closed waves are kept from one time to the next, `at_hand` what this process has in memory. Raises
    `SurveyError` when answers still wait in the tray of a closed wave, or none have been released.
    """
    with db.reading() as connection:
        known = _known(connection, name)
        mark = responses.fingerprint(connection, name)
        return known[0], _read(db, connection, known, kept, at_hand, mark), known[2]


Known = tuple[Wave, Instrument, WaveFacts]
"""A wave, the questionnaire whose questions are reported, and the facts."""

Counted = tuple[Wave, Responses, WaveFacts]
"""A wave, its responses in memory or with an engine, and the facts."""


def _read(
    db: Database, connection: Connection, known: Known, kept: Path | None, at_hand: "AtHand | None", mark: str
) -> Dataset:
    wave, instrument, facts = known
    folder = kept if wave.state == "closed" else None

    def read() -> Dataset:
        return assemble(instrument, _parts(connection, wave, folder, mark), wave.carry)

    key = (str(db.place), wave.name, mark, facts.version_hash, wave.carry)
    return at_hand.get(key, read) if at_hand is not None else read()


def _known(connection: Connection, name: str) -> Known:
    """A wave whose responses can be read, its questionnaire and its facts. Raises `SurveyError` if they cannot."""
    wave = waves.wave_named(connection, name)
    instrument = waves.published(connection, wave.survey, wave.version)
    _check_released(wave, responses.has_responses(connection, name), responses.tray_size(connection, name))
    return wave, instrument, _facts(wave, waves.published_hash(connection, wave.survey, wave.version))


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


# ── large waves ──────────────────────────────────────────────────────────────

LARGE = 500_000
"""A closed wave of more responses is left to DuckDB, where that is installed: reading them takes 7 kB each."""

PART, AT_ONCE = 100_000, 20_000
"""Responses in a part of a large wave, and how many of them are read at once: their texts take the memory."""


@dataclass(frozen=True)
class Counting:
    """Who counts the responses of a wave: `memory`, `duckdb`, `dask` (at `scheduler`, else here), or `auto`.

    `progress` is told how many responses are in parts, and of how many.
    """

    engine: str = "auto"
    scheduler: str | None = None
    progress: Callable[[int, int], None] = lambda _done, _of: None


@needs(ANALYST)
def counted_by(
    db: Database,
    name: str,
    kept: Path | None = None,
    at_hand: AtHand | None = None,
    counting: Counting | None = None,
) -> AbstractContextManager[Counted]:
    """What `load` gives; or the wave left where it is, with an engine that counts it until the end of the `with`.

    Raises `SurveyError` for an engine that is not installed, or that is asked for a wave which is not closed.
    """
    return _counted_by(db, name, kept, at_hand, counting)


@contextmanager
def _counted_by(
    db: Database, name: str, kept: Path | None, at_hand: AtHand | None = None, counting: Counting | None = None
) -> Iterator[Counted]:
    """For those too who see only how many there are: `sent`."""
    counting = counting or Counting()
    with db.reading() as connection:
        known = wave, instrument, facts = _known(connection, name)
        mark = responses.fingerprint(connection, name)
        opened = _opener(wave, responses.how_many(mark), counting)
        if opened is None or kept is None:
            here = _read(db, connection, known, kept, at_hand, mark)
    if opened is None or kept is None:
        yield wave, here, facts
        return
    written, legend = parts(db, name, kept, counting.progress)
    with opened(written) as engine:
        yield wave, legend.responses(instrument, wave.carry, engine), facts


def _opener(wave: Wave, n: int, counting: Counting) -> engines.Opener | None:
    """The engine for a wave of so many responses; None for memory."""
    closed = wave.state == "closed"
    if counting.engine == "memory":
        return None
    if counting.engine == "auto":
        return engines.opener("duckdb") if closed and n > LARGE and engines.installed("duckdb") else None
    if not closed:
        raise SurveyError(f"{wave.name} still takes answers, and engines count closed waves; use none")
    return engines.opener(counting.engine, counting.scheduler)


@needs(*ROLES)
def parts(
    db: Database, name: str, folder: Path, progress: Callable[[int, int], None] = lambda _done, _of: None
) -> tuple[list[Path], Legend]:
    """The Parquet parts of a closed wave in a folder, written if they are not there, and how to read them.

    Never more than a part is in memory, and the database is free between one reading and the next. Raises what
    `load` does, and `SurveyError` if the disk refuses.
    """
    with db.reading() as connection:
        wave, instrument, facts = _known(connection, name)
        found = responses.fingerprint(connection, name)
    of, mark = responses.how_many(found), f"{found} {facts.version_hash}"
    if (known := stored_parts.kept(folder, name, mark)) is not None:
        return known[0], Legend(**known[1])
    legend = Legend()

    def columns() -> Iterator[stored_parts.Columns]:
        read = (legend.columns(instrument, some) for some in _batches(db, wave))
        while some := list(islice(read, max(1, PART // AT_ONCE))):
            yield joined(some)
            progress(legend.n, of)

    return stored_parts.keep(folder, name, mark, columns(), vars(legend)), legend


def _batches(db: Database, wave: Wave) -> Iterator[list[Part]]:
    """The responses of a wave by version, a few at a time."""
    last = b""
    while True:
        with db.reading() as connection:
            lines, last = responses.some_lines(connection, wave.name, last, min(PART, AT_ONCE))
            known = {name: waves.published(connection, wave.survey, name or wave.version) for name in lines}
        if not lines:
            return
        yield [read_part(known[name], cells, texts) for name, (cells, texts) in lines.items()]


# ── tables ───────────────────────────────────────────────────────────────────


@needs(*ROLES)
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
    with _counted_by(db, name, kept) as (_, data, _):
        found = sorted_by_completeness(data.completeness)
    if kept is not None:
        counted.keep(kept, name, mark, found)
    return found


@needs(ANALYST)
def report(
    db: Database,
    name: str,
    plan: bytes | None,
    asked: Callable[[Mapping[str, int] | None], Fieldwork | None] | None = None,
    themes: Mapping[str, ThemeColumns] | None = None,
    kept: Path | None = None,
    at_hand: AtHand | None = None,
    counting: Counting | None = None,
) -> Report:
    """The report of a wave by a plan's JSON, or with every closed question and coded open one in order.

    `asked` says of the organisations what `watching` does, given what `sent` says: reporting knows none of them.
    Without it nothing is said of them. `themes` are the coded answers by question, from `coding`; `kept` and
    `at_hand` are as in `load`, `counting` says who counts. Raises `Refused` with every problem of the plan, and
    what `counted_by` raises.
    """
    with ExitStack() as opened:

        def source(of: str) -> tuple[Wave, Responses, WaveFacts]:
            return opened.enter_context(counted_by(db, of, kept, at_hand, counting))

        wave, data, facts = source(name)
        coded = themes or {}
        if plan is None:
            chosen = default_plan(data.instrument, list(coded))
        else:
            chosen = read_plan(plan, data.instrument, wave.carry, list(coded))
        named = {other for entry in chosen.tables for other in [*(entry.waves or []), *(entry.audiences or [])]}
        others = {other: Source(*source(other)[1:], _published(db, other)) for other in sorted(named)}
        earlier = _published(db, name)
        # All were out only if the wave was closed when the answers were read; by now the rest may have followed.
        response = asked(_all_sent(wave, data)) if asked else None
        return compile_report(chosen, data, facts, response, coded, others, earlier)


def _all_sent(wave: Wave, data: Responses) -> dict[str, int] | None:
    """What `sent` says, of answers that are in memory with the wave as it was then."""
    return sorted_by_completeness(data.completeness) if wave.state == "closed" else None


Files = AbstractContextManager[Callable[[], None]]
"""Files that are ready, and what puts them into place."""


@needs(ANALYST)
def publish(db: Database, compiled: Report, files: Files) -> None:
    """Enter a report in the ledger, against which later releases are checked, then put its files into place.

    What it prints of other waves is entered in theirs. The files are ready by then (`config.ready`): if they
    cannot be written nothing is entered. Wherever a process is killed, no file is in its place that the ledger
    does not know. Raises `SurveyError` if another release was entered since this one was worked out: it was not
    checked against that.
    """
    with files as put_into_place:
        with db.transaction() as connection:
            for entered in compiled.entered:
                _enter(connection, compiled.title, entered)
        put_into_place()


def _enter(connection: Connection, title: str, entered: Entered) -> None:
    entries = "\n".join(sorted(entry.to_json() for entry in entered.entries))
    declared = [each.model_dump(mode="json", by_alias=True, exclude_none=True) for each in entered.derived]
    derived = json.dumps(declared, ensure_ascii=False)
    digest = hashlib.sha256(f"{derived}\n{entries}".encode()).hexdigest()
    name = f"{title} ({digest[:8]})"
    _check_up_to_date(connection, entered, name)
    publications.publish(connection, entered.wave, Publication(name, derived, entries))


def _check_up_to_date(connection: Connection, entered: Entered, name: str) -> None:
    """Of two reports that are worked out at once the second is checked against the first, by being made again."""
    known = {each.name for each in publications.publications(connection, entered.wave) if each.entries}
    if known - entered.checked - {name}:
        raise SurveyError(
            f"other tables of {entered.wave} were released while these were worked out; make them again"
        )


def _published(db: Database, wave: str) -> list[Published]:
    """What was published of a wave, for the ledger."""
    with db.reading() as connection:
        return [_as_published(each) for each in publications.publications(connection, wave)]


def _as_published(publication: Publication) -> Published:
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
    # here, for what writes spreadsheets and documents is slow to load
    from surveyapp.export.appendix import appendix
    from surveyapp.export.charts import charts
    from surveyapp.export.figures import figures
    from surveyapp.export.workbook import workbook

    in_word = partial(appendix, with_charts=with_charts, with_questionnaire=with_questionnaire)
    writers: dict[str, Writer] = {
        ".xlsx": partial(workbook, edition=edition),
        ".docx": in_word,
        ".json": figures,
        ".zip": charts,
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
    from surveyapp.export.manifest import manifest

    return manifest(compiled, name, content, plan, edition)


# ── microdata ────────────────────────────────────────────────────────────────


@needs(ANALYST)
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
        raise SurveyError(f"{name} still takes answers; close it first")
    return microdata_of(data, recipe), facts


@needs(ANALYST)
def give_out(db: Database, data: Microdata, facts: WaveFacts, files: Files, beside: bool = False) -> None:
    """Enter the columns of microdata in the ledger, then put their files into place, as `publish` does.

    Two files with different columns can be put together over those that they share. So a second one raises
    `SurveyError`, unless it goes `beside` the first. Nothing is entered if the files cannot be written.
    """
    with files as put_into_place:
        with db.transaction() as connection:
            _check_alone(connection, data, facts, beside)
            publications.publish(connection, facts.wave, Publication(_entry(data), "[]", ""))
        put_into_place()


@needs(ANALYST)
def check_given_out(db: Database, data: Microdata, facts: WaveFacts, beside: bool = False) -> None:
    """Raise what `give_out` does where an earlier file stands in the way."""
    with db.reading() as connection:
        _check_alone(connection, data, facts, beside)


def _check_alone(connection: Connection, data: Microdata, facts: WaveFacts, beside: bool) -> None:
    known = {each.name for each in publications.publications(connection, facts.wave)} - {_entry(data)}
    if not beside and any(re.fullmatch(f"{_MICRODATA}[0-9a-f]{{16}}", each) for each in known):
        raise SurveyError(
            f"microdata of {facts.wave} with other columns or bands exist, and the two could be put together; "
            "write the same ones again, or say that the earlier file went to nobody"
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


def _release(connection: Connection, wave: Wave, instrument: Instrument, opened: Mapping[bytes, bytes]) -> int:
    boxes, contents = list(opened), list(opened.values())
    inside = [(content["cell"], content["version"]) for content in map(json.loads, contents)]
    closed = wave.state == "closed"
    leaving = privacy.leavers([cell for cell, _ in inside], instrument.disclosure.minimum_base, closed)
    before = responses.responses(connection, wave.name)
    marks = _released_marks(before, [inside[i] for i in leaving])

    def parts() -> Iterator[tuple[Response, list[Verbatim]]]:
        for i, mark in zip(leaving, marks, strict=True):
            yield _parted(json.loads(contents[i]), mark, instrument)

    responses.release(
        connection,
        wave.name,
        [boxes[i] for i in leaving],
        ((privacy.new_id(), response) for response, _ in parts()),
        ((privacy.new_id(), verbatim) for _, verbatims in parts() for verbatim in verbatims),
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


_AT_ONCE = 500
"""Boxes that are fetched together: one has 20 to 100 times the length of what is in it."""


def _boxes(db: Database, name: str) -> Iterator[tuple[bytes, bytes]]:
    """Every box of a wave; the store is free for others between some of them and the next."""
    last = b""
    while True:
        with db.reading() as connection:
            some = responses.tray_part(connection, name, last, _AT_ONCE)
        yield from some
        if len(some) < _AT_ONCE:
            return
        last = some[-1][0]


def _open_all(
    boxes: Iterable[tuple[bytes, bytes]],
    of: int,
    key: bytes,
    wave: Wave,
    progress: Callable[[int, int], None] = lambda _done, _of: None,
) -> dict[bytes, bytes]:
    """What is in the boxes, as JSON: parsed it would take five times the memory."""
    contents: dict[bytes, bytes] = {}
    seen = broken = 0
    for id_, box in boxes:
        if seen % 100 == 0:
            progress(seen, max(of, seen))
        seen += 1
        try:
            contents[id_] = privacy.open_box(key, box, wave.seal_info)
        except privacy.CannotOpen:
            broken += 1
    if broken:
        reason = "the key is not the one of this wave" if broken == seen else "those boxes are damaged"
        raise SurveyError(f"{broken} of {seen} boxes do not open: {reason}; nothing was released")
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


def _check_released(wave: Wave, released: bool, waiting: int) -> None:
    if wave.state == "closed" and waiting:
        raise SurveyError(f"{waiting} answers of {wave.name} wait in the tray; open the tray first")
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
