"""How time and memory grow: `make bench-scale`. With respondents, with organisations, with questions; prints.

Each figure is of a process of its own on a store that was made beforehand: CPU seconds, and the megabytes that the
work takes beside the programme itself. Between the two largest sizes the growth is written as a power: time ~ n^a,
where 0 is "does not notice" and 1 is "twice as many, twice as long". What grows faster than its number is flagged.
Sizes are options: `python -m tests.bench.scale --respondents 61,1000 --units 142 --questions 10,100`.
"""

import gc
import json
import math
import multiprocessing
import random
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import cycle, islice
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import click
import sqlalchemy as sa

import surveyapp.export.codebook
import surveyapp.export.microdata
from surveyapp import campaigning, framing, privacy, publishing, reporting, staffing, writing
from surveyapp.analysis.microdata import Recipe
from surveyapp.config import Home, project_file
from surveyapp.instrument import Instrument, prune, read_instrument, route
from surveyapp.mail import Folder
from surveyapp.roles import ROLES
from surveyapp.storage import backups, people, responses, submission, waves
from surveyapp.storage.database import Database, connect
from surveyapp.storage.responses import Response
from surveyapp.web import create_app
from surveyapp.writing import Desk
from tests import server as postgres
from tests.bench import staff
from tests.bench.analysis import answers
from tests.bench.frames import write_csv
from tests.bench.instrument import make_large
from tests.bench.web import Answers, InProcess, children, measured
from tests.makers import TODAY

RESPONDENTS, TRAY = (61, 10_000, 100_000, 1_000_000), (61, 1_000, 10_000)
UNITS, LETTERS = (142, 10_000, 100_000), (142, 2_000)
QUESTIONS = (10, 100, 500)
WALKS, AT_ONCE = 12, 100_000
WORSE, NOTICED = 1.25, 0.01
"""From which power on, and from how many seconds, a growth is worth a word."""

PLAIN: dict[str, Any] = {"carry": None, "key_place": "holder", "closes": None, "today": TODAY}
DAT = "instruments/dat/2012.1.json"

LOADED = (surveyapp.export.codebook, surveyapp.export.microdata)
"""What a process loads once is no part of a figure."""

Figures = dict[str, tuple[float, float]]
"""CPU and wall seconds by what was done."""


@dataclass
class Store:
    """An installation of one size, with what its makers left for those who measure."""

    home: Home
    document: Mapping[str, Any]
    n: int
    left: dict[str, Any] = field(default_factory=dict)

    @property
    def instrument(self) -> Instrument:
        return read_instrument(json.dumps(self.document))

    def opened(self) -> Database:
        return connect(self.home.make().store)


Part = Callable[[Store, Figures], None]


# ── what is made beforehand ──────────────────────────────────────────────────


def published(store: Store) -> None:
    """The questionnaire in the store, and somebody with every role."""
    db = store.opened()
    survey = publishing.publish(db, json.dumps(store.document).encode(), TODAY).instrument.survey
    store.left |= {"survey": survey, "account": _account(db, survey)}
    db.close()


def _account(db: Database, survey: str) -> bytes:
    return staffing.add_account(db, "m@example.org", "M", {survey: frozenset(ROLES)}, TODAY).id


def opened_to_anyone(db: Database, store: Store, name: str) -> bytes:
    """A wave open to anyone; its private key."""
    keys: list[bytes] = []
    version = str(store.document["version"])
    campaigning.open_wave(db, name, store.left["survey"], version, None, keep_key=keys.append, **PLAIN)
    return keys[0]


def released(store: Store) -> None:
    """A closed wave of `n` released responses, and beside it one in the field, with some codes of it."""
    db = store.opened()
    for name in ("done", "live"):
        opened_to_anyone(db, store, name)
    campaigning.close_wave(db, "done", TODAY)
    _, lines = answers(store.instrument, min(store.n, 2_000))
    given, ids = cycle([json.loads(line) for line in lines]), sorted(privacy.new_id() for _ in range(store.n))
    entered = sa.text(
        "INSERT INTO invitation (code_hash, wave, salt, state) VALUES (:code, 'done', :salt, 'done')"
    )
    for first in range(0, store.n, AT_ONCE):
        some = ids[first : first + AT_ONCE]
        with db.transaction() as connection:
            codes = [{"code": id_ * 2, "salt": id_} for id_ in some]
            connection.execute(entered, codes)
            version = str(store.document["version"])
            responses.release(connection, "done", [], ((i, Response(version, "", next(given))) for i in some), [])
    store.left["codes"] = _codes(db, "live", 3 * WALKS)
    db.close()


def _codes(db: Database, wave: str, number: int) -> list[str]:
    """Access codes of a wave open to anyone, as of people who have begun."""
    codes = [privacy.new_code() for _ in range(number)]
    with db.transaction() as connection:
        people.add_invitations(
            connection, wave, [(privacy.printed_hash(c), None, privacy.new_id()) for c in codes]
        )
    return codes


def sealed(store: Store) -> None:
    """A closed wave with `n` boxes in its tray. Few are different: each takes as long to open as any other."""
    db = store.opened()
    store.left["key"] = opened_to_anyone(db, store, "sealed")
    campaigning.close_wave(db, "sealed", TODAY)
    instrument, rng = store.instrument, random.Random(1)
    lines = answers(instrument, 20)[1]
    with db.reading() as connection:
        wave = waves.wave_named(connection, "sealed")
    boxes = [submission.sealed(wave, instrument, route(instrument, json.loads(line)), {}) for line in lines]
    put = sa.text("INSERT INTO tray (id, wave, box) VALUES (:id, 'sealed', :box)")
    with db.transaction() as connection:
        connection.execute(put, [{"id": privacy.new_id(), "box": rng.choice(boxes)} for _ in range(store.n)])
    store.left["box"] = len(boxes[0])
    db.close()


# ── what is measured, each in a process of its own ───────────────────────────


def pages(store: Store, found: Figures) -> None:
    """Whole surveys, page by page, at the application itself."""
    inside = InProcess(create_app(store.home, secure=False, today=lambda: TODAY))
    given = _given(store.instrument)
    visits: Iterator[tuple[str, Answers]] = iter([(code, given) for code in store.left["codes"]])
    measured(inside, lambda: inside.spent, list(islice(visits, 2)))
    seen = measured(inside, lambda: inside.spent, list(islice(visits, WALKS)))
    said = {"show": "a page view", "save": "a save", "check": "the check page", "send": "sending"}
    for kind, name in said.items():
        found[name] = (median(seen.cpu[kind]), median(seen.wall[kind]))


def _given(instrument: Instrument) -> Answers:
    """One respondent's answers, as fields of forms."""
    known = prune(instrument, json.loads(answers(instrument, 1)[1][0]))
    return {key: answer for key, answer in known.items() if answer}


def dashboard(store: Store, found: Figures) -> None:
    """The page on a wave: the first time, when everything is read, and afterwards."""
    with staff.served(store.home, store.left["account"]) as colleague:
        path = f"/surveys/{store.left['survey']}/waves/{store.left.get('shown', 'done')}"
        first, walls, cpus = staff.measured(colleague, path)
        found["the dashboard, first"] = (first / 1e3, first / 1e3)
        found["the dashboard"] = (median(cpus) / 1e3, median(walls) / 1e3)


def tables(store: Store, found: Figures) -> None:
    """Every closed question as a table, from the store; again, from kept columns."""
    db, kept = store.opened(), store.home.path / "released"
    for name in ("all tables, first", "all tables, again"):
        with timed(found, name):
            reporting.report(db, "done", None, kept=kept)
    db.close()


def workbook(store: Store, found: Figures) -> None:
    """The appendix, written from a report that is there."""
    db = store.opened()
    report = reporting.report(db, "done", None, kept=store.home.path / "released")
    with timed(found, "appendix workbook"):
        reporting.file_of(report, ".xlsx")
    db.close()


def microdata(store: Store, found: Figures) -> None:
    """Rows that may leave, and two files of them."""
    db = store.opened()
    with timed(found, "microdata checked"):
        data, facts = reporting.microdata(db, "done", Recipe(identifying=()), kept=store.home.path / "released")
    for name in ("x.csv", "x.parquet"):
        with timed(found, f"microdata as {name[1:]}"):
            reporting.microdata_files(data, facts, name)
    db.close()


def opening(store: Store, found: Figures) -> None:
    """The tray."""
    db = store.opened()
    with timed(found, "opening the tray"):
        opened = reporting.open_tray(db, "sealed", store.left["key"])
    assert opened.released == store.n, opened
    db.close()


def frame(store: Store, found: Figures) -> None:
    """A list of organisations read, a wave opened on it, a code for each."""
    path = store.home.path / "frame.csv"
    write_csv(path, store.n)
    db = store.opened()
    with timed(found, "reading the frame"):
        read = framing.read(path.name, path.read_bytes()).frame
    settings = PLAIN | {"carry": ["region"] if store.n > 1_000 else []}
    with timed(found, "opening a wave on it"):
        campaigning.open_wave(
            db, "live", store.left["survey"], "2012.1", read, keep_key=lambda _: None, **settings
        )
    with timed(found, "a code for each"):
        codes = [code for _, code in campaigning.invite(db, "live", TODAY)]
    store.left |= {"codes": random.Random(1).sample(codes, 3 * WALKS), "shown": "live"}
    db.close()


def letters(store: Store, found: Figures) -> None:
    """An invitation for each, into the folder."""
    path = store.home.path / "frame.csv"
    write_csv(path, store.n)
    db = store.opened()
    read = framing.read(path.name, path.read_bytes()).frame
    settings = PLAIN | {"carry": []}
    campaigning.open_wave(db, "written", store.left["survey"], "2012.1", read, keep_key=lambda _: None, **settings)
    with timed(found, "letters"):
        writing.invite(Desk(db, store.home.outbox_key, Folder(store.home.outbox / "written"), TODAY), "written")
    db.close()


def backup(store: Store, found: Figures) -> None:
    """A copy of the store."""
    db = store.opened()
    with timed(found, "a backup"):
        backups.back_up(db, store.home.path / "copy.db")
    db.close()


def publishing_it(store: Store, found: Figures) -> None:
    """The questionnaire read and checked."""
    text = json.dumps(store.document)
    with timed(found, "reading and checking it"):
        read_instrument(text)


class timed:  # noqa: N801 (read as a word)
    """Note the seconds of what happens inside."""

    def __init__(self, found: Figures, name: str) -> None:
        self.found, self.name = found, name

    def __enter__(self) -> None:
        gc.collect()
        self.began = (time.process_time(), time.perf_counter())

    def __exit__(self, *_: object) -> None:
        cpu, wall = self.began
        self.found[self.name] = (time.process_time() - cpu, time.perf_counter() - wall)


# ── processes ────────────────────────────────────────────────────────────────


def alone(part: Part, store: Store) -> tuple[Figures, float]:
    """What a part finds in a process of its own, and the megabytes that it takes there."""
    ours, theirs = multiprocessing.get_context("fork").Pipe(duplex=False)
    child = multiprocessing.get_context("fork").Process(target=_alone, args=(part, store, theirs))
    child.start()
    theirs.close()
    try:
        figures, left, megabytes = ours.recv()
    except EOFError:
        raise RuntimeError(f"{part.__name__} of {store.n:,} failed") from None
    finally:
        child.join()
    store.left |= left
    return figures, megabytes


def _alone(part: Part, store: Store, to: Any) -> None:
    before, figures = _peak(), Figures()
    part(store, figures)
    to.send((figures, store.left, _peak() - before))


def _peak() -> float:
    """The most megabytes that this process has held at once; `getrusage` would give a child its parent's."""
    text = Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+)", text)[1]) / 1024  # type: ignore[index]


@dataclass
class Table:
    """An axis with its sizes: what was found of each."""

    axis: str
    sizes: Sequence[int]
    figures: dict[str, dict[int, tuple[float, float]]] = field(default_factory=dict)
    megabytes: dict[str, dict[int, float]] = field(default_factory=dict)

    def measure(self, store: Store, *parts: Part) -> None:
        """Each part on a store of one size."""
        for part in parts:
            figures, megabytes = alone(part, store)
            for name, seconds in figures.items():
                self.figures.setdefault(name, {})[store.n] = seconds
                self.megabytes.setdefault(name, {})[store.n] = megabytes

    def show(self) -> None:
        """A line for each thing that was done."""
        heads = "".join(f"{size:>12,}" for size in self.sizes)
        click.echo(f"\n{self.axis:<26}{heads}{'wall':>10}{'MB':>8}{'grows as':>10}")
        for name, found in self.figures.items():
            cells = "".join(f"{_seconds(found[size][0]) if size in found else '':>12}" for size in self.sizes)
            largest = max(found)
            power = exponent({size: cpu for size, (cpu, _) in found.items()})
            line = f"{name:<26}{cells}{_seconds(found[largest][1]):>10}{self.megabytes[name][largest]:>8,.0f}"
            flag = "  worse than linear" if power > WORSE and found[largest][0] > NOTICED else ""
            click.echo(f"{line}{f'n^{power:.2f}':>10}{flag}")


def exponent(found: Mapping[int, float]) -> float:
    """The power of growth between the two largest sizes; no less than 0."""
    *_, (small, quick), (large, slow) = [(0, 0.0), *sorted(found.items())]
    if not small or not quick:
        return 0.0
    return max(0.0, math.log(slow / quick) / math.log(large / small))


def _seconds(seconds: float) -> str:
    return f"{1e3 * seconds:.2f} ms" if seconds < 0.1 else f"{seconds:.2f} s"


# ── the three axes ───────────────────────────────────────────────────────────


def with_respondents(folder: Path, sizes: Sequence[int], tray: Sequence[int]) -> None:
    """Released responses of the survey of 2012; boxes in the tray."""
    document = json.loads(project_file(DAT).read_bytes())
    table = Table("respondents", sizes)
    for n in sizes:
        with TemporaryDirectory(dir=folder) as place:
            store = Store(Home(Path(place)), document, n)
            _make(store, published, released)
            table.measure(store, pages, dashboard, tables, workbook, microdata)
            size = store.home.database.stat().st_size
    table.show()
    click.echo(f"{size / sizes[-1]:,.0f} bytes of database for each of {sizes[-1]:,}")
    boxes = Table("boxes in the tray", tray)
    for n in tray:
        with TemporaryDirectory(dir=folder) as place:
            store = Store(Home(Path(place)), document, n)
            _make(store, published, sealed)
            boxes.measure(store, backup, opening)
    boxes.show()
    cpu, wall = boxes.figures["opening the tray"][tray[-1]]
    click.echo(
        f"{tray[-1] / cpu:,.0f} boxes a second of CPU, {tray[-1] / wall:,.0f} a second; "
        f"{store.left['box']:,} bytes each"
    )


def with_units(folder: Path, sizes: Sequence[int], written: Sequence[int]) -> None:
    """Organisations in the frame of a wave in the field."""
    document = json.loads(project_file(DAT).read_bytes())
    table = Table("organisations", sorted({*sizes, *written}))
    for n in table.sizes:
        with TemporaryDirectory(dir=folder) as place:
            store = Store(Home(Path(place)), document, n)
            _make(store, published)
            parts = [frame, pages, dashboard] if n in sizes else []
            table.measure(store, *parts, *([letters] if n in written else []))
    table.show()


def with_questions(folder: Path, sizes: Sequence[int]) -> None:
    """Single choices on pages of ten, each asked on two conditions; 1,000 responses, 1,000 boxes."""
    table = Table("questions", sizes)
    for questions in sizes:
        with TemporaryDirectory(dir=folder) as place:
            store = Store(Home(Path(place)), make_large(questions), 1_000)
            _make(store, published, released, sealed)
            store.n = questions
            table.measure(store, publishing_it, pages, tables, workbook, microdata)
            store.n = 1_000
            figures, megabytes = alone(opening, store)
            table.figures.setdefault("opening 1,000 boxes", {})[questions] = figures["opening the tray"]
            table.megabytes.setdefault("opening 1,000 boxes", {})[questions] = megabytes
    table.show()


def on_both_stores(folder: Path) -> None:
    """Whole surveys on SQLite and on PostgreSQL: the CPU of our own process, and of the server's."""
    document = json.loads(project_file(DAT).read_bytes())
    click.echo(f"\n{'a whole survey':<26}{'ours':>12}{'the server':>12}{'wall':>10}{'writes':>8}")
    with TemporaryDirectory(dir=folder) as place, postgres.running() as server:
        for name, address in (("on SQLite", ""), ("on PostgreSQL", server.new())):
            store = Store(Home(Path(place) / name, address), document, WALKS)
            published(store)
            db = store.opened()
            opened_to_anyone(db, store, "live")
            store.left["codes"] = _codes(db, "live", 2 * WALKS)
            db.close()
            click.echo(f"{name:<26}{_whole_surveys(store, server.folder / 'data' / 'postmaster.pid')}")


def _whole_surveys(store: Store, pid: Path) -> str:
    inside = InProcess(create_app(store.home, secure=False, today=lambda: TODAY))
    given, server = _given(store.instrument), int(pid.read_text().split()[0])
    visits = [(code, given) for code in store.left["codes"]]
    measured(inside, lambda: inside.spent, visits[:WALKS])
    before = _spent(server)
    seen = measured(inside, lambda: inside.spent, visits[WALKS:])
    theirs = (_spent(server) - before) / WALKS
    writes = (len(seen.cpu["save"]) + len(seen.cpu["send"])) // WALKS
    return f"{_seconds(median(seen.whole)):>12}{_seconds(theirs):>12}{_seconds(median(seen.walls)):>10}{writes:>8}"


def _spent(parent: int) -> float:
    """CPU seconds of a server's processes, in hundredths; of those that have ended too."""
    fields = [
        Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        for process in (parent, *children(parent))
    ]
    own = sum(int(field) for found in fields for field in found[11:13])
    return (own + sum(map(int, fields[0][13:15]))) / 100


def _make(store: Store, *makers: Callable[[Store], None]) -> None:
    """Make a store in a process of its own: nothing of the making is in the memory of those who measure."""
    for maker in makers:
        alone(lambda store, _, maker=maker: maker(store), store)


class Sizes(click.ParamType):
    """Numbers with commas between."""

    name = "n,n,…"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        if isinstance(value, tuple):
            return value
        return tuple(sorted(int(each) for each in value.split(",") if each))


@click.command()
@click.option("--respondents", type=Sizes(), default=RESPONDENTS)
@click.option("--tray", type=Sizes(), default=TRAY, help="Boxes in the tray.")
@click.option("--units", type=Sizes(), default=UNITS, help="Organisations in the frame.")
@click.option("--letters", "written", type=Sizes(), default=LETTERS, help="Organisations that are written to.")
@click.option("--questions", type=Sizes(), default=QUESTIONS)
@click.option("--stores/--no-stores", default=True, help="Whole surveys on SQLite and on PostgreSQL.")
def main(
    stores: bool,
    respondents: Sequence[int],
    tray: Sequence[int],
    units: Sequence[int],
    written: Sequence[int],
    questions: Sequence[int],
) -> None:
    """Print the tables."""
    began = time.perf_counter()
    with TemporaryDirectory(dir=Path.cwd(), prefix=".scale-") as folder:
        if questions:
            with_questions(Path(folder), questions)
        if stores:
            on_both_stores(Path(folder))
        if units or written:
            with_units(Path(folder), units, written)
        if respondents:
            with_respondents(Path(folder), respondents, tray)
    click.echo(
        "\nCPU: medians of pages, single runs of the rest; wall and MB are of the largest size. Up to n^1.2 is"
    )
    click.echo("the price of memory: caches that are too small, and the collector's walks through what is there.")
    click.echo(f"{time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()
