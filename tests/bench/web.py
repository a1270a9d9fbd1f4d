"""What the respondents' pages cost: `make bench-web`. Prints CPU beside wall time; asserts nothing.

The site is served as `surveyapp serve` does it, on SQLite, and walked as browsers walk it: over connections that
are kept alive, page by page, with the forms that the pages themselves hold. The CPU is that of the server's
processes. Beside it stands the same walk in this process, without server and sockets (`--profile FILE` keeps its
profile), and before it what no page can stay below: an empty answer of the server, a draft put onto the disk. Then
1, 4, 16 and 64 answer at once, and the answers of everybody who was thanked are looked for in the tray. With
`--postgres` that is done on a private PostgreSQL too (in memory, if /dev/shm has room).
"""

import cProfile
import gzip
import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from html import unescape
from http.client import HTTPConnection, HTTPException, RemoteDisconnected
from io import BytesIO
from itertools import cycle, islice
from pathlib import Path
from secrets import token_bytes
from statistics import fmean, median, quantiles
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlencode

import click

from surveyapp.collecting import DRAFT_ROOM
from surveyapp.config import Home
from surveyapp.demonstration.reconstruction import read_figures, read_open_answers, reconstruct
from surveyapp.storage import people, waves
from surveyapp.storage.database import connect
from surveyapp.web import create_app
from surveyapp.web.server import OPTIONS
from tests.makers import TODAY, in_tray, make_frame, make_wave
from tests.server import running

KINDS = ("home", "code", "start", "begin", "show", "save", "check", "send", "done")
LIMITS = {"show": 4.0, "save": 3.0}
"""Milliseconds of the server's CPU for a request."""

WHOLE = 25.0
"""The same for a whole survey, from the first page to the thanks."""

POST_95, MEMORY, TIMES_ON_POSTGRES = 80.0, 250.0, 1.5
"""Milliseconds for 95 of 100 posts, megabytes of all processes, both with 16 at once; what PostgreSQL may cost."""

TEAMS, WARM, WALKS = 142, 7, 65
"""In the frame; walked before anything is measured; walked one by one."""

AT_ONCE = {1: 30, 4: 60, 16: 96, 64: 128}
"""How many surveys so many respondents at once complete."""

POSTS = {"code", "begin", "save", "send"}

ROOT = Path(__file__).parents[2]
FIGURES = ROOT / "surveyapp" / "demonstration" / "figures"

Answers = Mapping[str, str | Sequence[str]]


# ── a respondent ─────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Reply:
    """What came back."""

    status: int
    location: str
    cookie: str
    body: str


Send = Callable[[str, str, str, str], Reply]
"""Method, path, cookie and body of a request; the answer to it."""

_TAG = re.compile(r"<(form|input|textarea)\b([^>]*)")
_ATTRIBUTE = re.compile(r'\b(action|type|name|value)="([^"]*)"')


class Walker:
    """One browser without scripts. `seen` is told of each request what kind it was and how long it took."""

    def __init__(self, send: Send, seen: Callable[[str, float], None]) -> None:
        self.send, self.seen = send, seen
        self.cookie = self.path = ""
        self.page = Reply(0, "", "", "")

    def walk(self, code: str, answers: Answers) -> None:
        """A whole survey, from the first page to the thanks."""
        self._ask("home", "GET", "/")
        self._fill("code", {"code": code})
        self._fill("begin", {})
        while self.path.startswith("/answer/page/"):
            self._fill("save", answers)
        self._fill("send", {})
        if self.path != "/answer/done":
            raise RuntimeError(f"the walk ended at {self.path} with status {self.page.status}")

    def _fill(self, kind: str, answers: Answers) -> None:
        """Fill in the form of the page and send it, then open where it leads."""
        action, fields = self.path, {}
        for tag, inside in _TAG.findall(self.page.body):
            given = {name: unescape(value) for name, value in _ATTRIBUTE.findall(inside)}
            if tag == "form":
                action = given["action"]
            elif given.get("type") == "hidden":
                fields[given["name"]] = given["value"]
            elif given.get("name") in answers:
                fields[given["name"]] = answers[given["name"]]
        self._ask(kind, "POST", action, urlencode(fields, doseq=True))
        following = self.page.location
        last = following.rpartition("/")[2]
        self._ask("show" if "/page/" in following else last, "GET", following)

    def _ask(self, kind: str, method: str, path: str, body: str = "") -> None:
        began = time.perf_counter()
        self.page = self.send(method, path, self.cookie, body)
        self.seen(kind, time.perf_counter() - began)
        self.path, self.cookie = path, self.page.cookie or self.cookie
        if self.page.status != (303 if method == "POST" else 200):
            raise RuntimeError(f"{method} {path} gave {self.page.status}")


def _unpacked(content: bytes) -> str:
    return (gzip.decompress(content) if content.startswith(b"\x1f\x8b") else content).decode()


def over_http(port: int) -> Send:
    """Requests over a connection that is kept alive; opened again when the server has closed it."""
    connection = HTTPConnection("127.0.0.1", port, timeout=60)

    def send(method: str, path: str, cookie: str, body: str) -> Reply:
        headers = {"Cookie": cookie, "Accept-Encoding": "gzip"}
        headers |= {"Content-Type": "application/x-www-form-urlencoded"} if body else {}
        try:
            connection.request(method, path, body or None, headers)
            answer = connection.getresponse()
        except (RemoteDisconnected, ConnectionResetError, BrokenPipeError):
            connection.close()
            connection.request(method, path, body or None, headers)
            answer = connection.getresponse()
        content = _unpacked(answer.read())
        cookie = (answer.getheader("Set-Cookie") or "").partition(";")[0]
        return Reply(answer.status, answer.getheader("Location") or "", cookie, content)

    return send


class InProcess:
    """Requests to the application itself; `spent` counts its CPU seconds, without the browser's."""

    def __init__(self, app: Callable[..., Iterable[bytes]]) -> None:
        self.app, self.spent = app, 0.0

    def __call__(self, method: str, path: str, cookie: str, body: str) -> Reply:
        given: list[tuple[str, list[tuple[str, str]]]] = []
        environ = _environ(method, path, cookie, body)
        before = time.process_time()
        answer = self.app(environ, lambda status, headers, _error=None: given.append((status, headers)))
        content = b"".join(answer)
        self.spent += time.process_time() - before
        named = dict(given[0][1])
        cookie = named.get("Set-Cookie", "").partition(";")[0]
        return Reply(int(given[0][0][:3]), named.get("Location", ""), cookie, _unpacked(content))


def _environ(method: str, path: str, cookie: str, body: str) -> dict[str, object]:
    place, _, query = path.partition("#")[0].partition("?")
    form = {"CONTENT_TYPE": "application/x-www-form-urlencoded", "CONTENT_LENGTH": str(len(body))} if body else {}
    return {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": place,
        "QUERY_STRING": query,
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": "127.0.0.1",
        "HTTP_COOKIE": cookie,
        "HTTP_ACCEPT_ENCODING": "gzip",
        "wsgi.input": BytesIO(body.encode()),
        "wsgi.errors": sys.stderr,
        "wsgi.url_scheme": "http",
        "wsgi.version": (1, 0),
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
        **form,
    }


# ── measuring ────────────────────────────────────────────────────────────────


@dataclass
class Figures:
    """Seconds by kind of request, and of whole surveys."""

    wall: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    cpu: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    whole: list[float] = field(default_factory=list)
    walls: list[float] = field(default_factory=list)


def measured(send: Send, clock: Callable[[], float], visits: Iterable[tuple[str, Answers]]) -> Figures:
    """Walk the visits one after another. What the server still does after an answer counts to that request."""
    found = Figures()
    for code, answers in visits:
        spent: list[tuple[str, float]] = []

        def seen(kind: str, wall: float, spent: list[tuple[str, float]] = spent) -> None:
            found.wall[kind].append(wall)
            spent.append((kind, clock()))

        began, before = time.perf_counter(), clock()
        Walker(send, seen).walk(code, answers)
        found.walls.append(time.perf_counter() - began)
        found.whole.append(clock() - before)
        for kind, after in spent:
            found.cpu[kind].append(after - before)
            before = after
    return found


def cpu_clock(processes: Sequence[int]) -> Callable[[], float]:
    """The CPU seconds of some processes, all their threads, to the nanosecond: as clock_getcpuclockid(3) asks."""
    return lambda: sum(time.clock_gettime((~process << 3) | 2) for process in processes)


def settled(clock: Callable[[], float]) -> None:
    """Wait, but not for ever, until processes do nothing: what they load beside their work is no page's cost."""
    for _ in range(60):
        before = clock()
        time.sleep(0.5)
        if clock() - before < 0.02:
            return


def children(parent: int) -> list[int]:
    """The processes that a process has begun."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            words = entry.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(words[1]) == parent:
            found.append(int(entry.parent.name))
    return found


def memory(process: int, what: str) -> float:
    """Megabytes of a process: `Rss` with what it shares, `Pss` with its part of that."""
    text = Path(f"/proc/{process}/smaps_rollup").read_text()
    return int(re.search(rf"^{what}:\s+(\d+)", text, re.MULTILINE)[1]) / 1024


@dataclass
class Load:
    """What clients at once saw and cost. `told` are the answers of whom the site has thanked."""

    clients: int
    told: list[Answers] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    posts: list[float] = field(default_factory=list)
    pages: list[float] = field(default_factory=list)
    seconds: float = 0.0
    cpu: float = 0.0
    store: float = 0.0
    memory: float = 0.0
    lost: int = 0

    @property
    def requests(self) -> int:
        """How many were answered."""
        return len(self.posts) + len(self.pages)


def loaded(clients: int, port: int, visits: Iterable[tuple[str, Answers]]) -> Load:
    """Whole surveys from many clients at once, until nobody is left. Whoever meets an error gives up."""
    load, waiting, turn = Load(clients), iter(visits), threading.Lock()

    def seen(kind: str, wall: float) -> None:
        (load.posts if kind in POSTS else load.pages).append(wall)

    def client() -> None:
        walker = Walker(over_http(port), seen)
        while visit := _next(waiting, turn):
            walker.cookie = ""
            try:
                walker.walk(*visit)
                load.told.append(visit[1])
            except (RuntimeError, OSError, HTTPException) as error:
                load.errors.append(str(error))

    began = time.perf_counter()
    threads = [threading.Thread(target=client) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    load.seconds = time.perf_counter() - began
    return load


def _next(visits: Iterator[tuple[str, Answers]], turn: threading.Lock) -> tuple[str, Answers] | None:
    with turn:
        return next(visits, None)


def not_in_tray(site: "Site", told: Iterable[Answers]) -> int:
    """How many of those whom the site has thanked have no box with just their answers."""
    db = connect(site.home.store)
    try:
        received = Counter(_plain(box["answers"]) for box in in_tray(db, site.key, "bench"))
    finally:
        db.close()
    return (Counter(map(_plain, told)) - received).total()


def _plain(answers: Mapping[str, Any]) -> str:
    """Answers as one text, whatever the order of boxes that were ticked."""
    words = {
        key: " ".join(value.split()) if isinstance(value, str) else sorted(value)
        for key, value in answers.items()
        if value
    }
    return json.dumps(words, sort_keys=True)


# ── the site ─────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Site:
    """An installation with a wave of the survey of 2012: its private key, and codes with reconstructed answers."""

    home: Home
    key: bytes
    visits: Sequence[tuple[str, Answers]]


def make_site(home: Home) -> Site:
    """An installation whose wave `bench` is in the field."""
    document = json.loads((ROOT / "instruments/dat/2012.1.json").read_text())
    figures = read_figures((FIGURES / "dat-2012.json").read_bytes())
    words = read_open_answers((FIGURES / "open-answers.json").read_bytes())
    db = connect(home.make().store)
    try:
        _, key, codes = make_wave(db, "bench", document, make_frame(TEAMS), today=TODAY)
    finally:
        db.close()
    return Site(home, key, list(zip(codes.values(), cycle(reconstruct(figures, words, 2012)), strict=False)))


def nothing(_environ: object, begin: Callable[[str, list[tuple[str, str]]], object]) -> list[bytes]:
    """An application that answers at once."""
    begin("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "3")])
    return [b"ok\n"]


def site_command(home: Home) -> Sequence[str]:
    """`surveyapp serve`, but for the port."""
    return ["surveyapp", "--home", str(home.path), "serve", "--port"]


NOTHING = [
    "gunicorn",
    "--workers=2",
    "--threads=4",
    "--worker-class=surveyapp.web.server.Worker",
    "--log-level=error",
]
NOTHING += ["--no-control-socket", "tests.bench.web:nothing", "--bind"]


@contextmanager
def serving(
    command: Sequence[str], place: str = "{port}", store: Path | str = ""
) -> Iterator[tuple[int, list[int], int]]:
    """A server on a free port: the port, its worker processes, and the process that began them."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    programme = Path(sys.executable).with_name(command[0])
    where = {**os.environ, **({"SURVEYAPP_DATABASE_URL": store} if isinstance(store, str) and store else {})}
    server = subprocess.Popen(
        [programme, *command[1:], place.format(port=port)], stdout=subprocess.DEVNULL, env=where
    )
    try:
        while len(children(server.pid)) < OPTIONS["workers"] or not _answers(port):
            if server.poll() is not None:
                raise RuntimeError("the server did not start")
            time.sleep(0.1)
        yield port, children(server.pid), server.pid
    finally:
        server.terminate()
        server.wait(30)


def _answers(port: int) -> bool:
    try:
        return over_http(port)("GET", "/health", "", "").status == 200
    except OSError:
        return False


# ── printing ─────────────────────────────────────────────────────────────────


def verdict(cpu: float, limit: float | None) -> str:
    """A figure against its limit."""
    return "" if limit is None else f"{limit:8.1f}  {'pass' if cpu <= limit else f'over by {cpu - limit:.1f}'}"


def best(seconds: Sequence[float]) -> float:
    """What one in ten falls below: on a machine that others use, the nearest to the cost itself."""
    return quantiles(seconds, n=10)[0]


def print_table(served: Figures, inside: Figures) -> None:
    """One line a kind of request, then the whole survey."""
    click.echo(
        f"{'milliseconds':<14}{'times':>6}{'wall':>8}{'CPU':>8}{'at best':>9}{'in process':>12}{'limit':>8}"
    )
    for kind in KINDS:
        print_line(kind, served.wall[kind], served.cpu[kind], inside.cpu[kind], LIMITS.get(kind))
    print_line("whole survey", served.walls, served.whole, inside.whole, WHOLE)
    requests = sum(len(walls) for walls in served.wall.values()) // len(served.walls)
    click.echo(f"A survey is {requests} requests, {1e3 * fmean(served.whole) / requests:.2f} ms of CPU each.")
    click.echo(
        "Wall: median. CPU: the mean of the server's processes, and what the best tenth stays below, as does"
    )
    click.echo(
        "the same in this process, without server and sockets. Other work on the machine can double the CPU.\n"
    )


def print_line(
    kind: str, wall: Sequence[float], cpu: Sequence[float], alone: Sequence[float], limit: float | None
) -> None:
    """One kind of request, in milliseconds."""
    figures = f"{1e3 * median(wall):8.2f}{1e3 * fmean(cpu):8.2f}{1e3 * best(cpu):9.2f}{1e3 * best(alone):12.2f}"
    click.echo(f"{kind:<14}{len(cpu):>6}{figures}{verdict(1e3 * fmean(cpu), limit)}")


def print_floor(home: Home) -> None:
    """What nothing costs: an empty answer of the same server, and one draft of this survey put onto the disk."""
    with serving(NOTHING, "127.0.0.1:{port}") as (port, workers, _):
        clock, send, spent = cpu_clock(workers), over_http(port), []
        for _ in range(500):
            before = clock()
            send("GET", "/", "", "")
            time.sleep(0.002)  # a browser does not ask back to back either
            spent.append(clock() - before)
    click.echo(f"\nan empty answer of the same server {1e3 * fmean(spent):15.2f}{1e3 * best(spent):9.2f}")
    kept = drafts_kept(home, 200)
    click.echo(f"a draft put onto the disk {1e3 * fmean(kept):24.2f}{1e3 * best(kept):9.2f}\n")


def drafts_kept(home: Home, times: int) -> list[float]:
    """CPU seconds of SQLite alone for a transaction that keeps one draft, as long as this survey's are."""
    db, spent = connect(home.database), []
    try:
        with db.reading() as connection:
            size = waves.wave_named(connection, "bench").box_size + DRAFT_ROOM
            code = connection.scalar(people.invitation_table.select().limit(1))
        for _ in range(times):
            box, before = token_bytes(size), time.process_time()
            with db.transaction() as connection:
                people.keep_draft(connection, code, box, TODAY.isoformat())
            spent.append(time.process_time() - before)
        with db.transaction() as connection:
            people.drop_drafts(connection, "bench")
    finally:
        db.close()
    return spent


def print_loads(loads: Sequence[Load], store: str) -> None:
    """One line for each number of clients, then what the limits say of them."""
    click.echo(f"{store}: whole surveys from many at once, on this machine too")
    click.echo(
        f"{'at once':>7}{'surveys':>9}{'a second':>9}{'pages':>7}{'post p50':>10}{'p95':>6}{'CPU a page':>12}"
        f"{'a survey':>10}{'of store':>10}{'MB':>6}{'errors':>8}{'lost':>6}"
    )
    for load in loads:
        print_one_load(load)
    for load in loads:
        for what, limit, unit in limits(load):
            word = "pass" if what <= limit else f"over by {what - limit:.1f}"
            click.echo(f"  at {load.clients}: {what:.1f} {unit}, limit {limit}: {word}")
    click.echo("Surveys, and pages with posts, a second; posts in ms of wall time; CPU in ms; memory of all our")
    click.echo("processes, what they share counted once; lost are thanked for answers that are not in the tray.\n")


def print_one_load(load: Load) -> None:
    """What so many at once saw and cost."""
    done, cuts = max(len(load.told), 1), quantiles(load.posts, n=20)
    click.echo(
        f"{load.clients:>7}{len(load.told):>9}{done / load.seconds:>9.1f}{load.requests / load.seconds:>7.0f}"
        f"{1e3 * median(load.posts):>10.1f}{1e3 * cuts[18]:>6.0f}{1e3 * load.cpu / load.requests:>12.2f}"
        f"{1e3 * load.cpu / done:>10.1f}{1e3 * load.store / done:>10.1f}{load.memory:>6.0f}"
        f"{len(load.errors):>8}{load.lost:>6}"
    )


def limits(load: Load) -> Iterator[tuple[float, float, str]]:
    """What must not be more than what, in which unit."""
    if load.clients == 16:
        yield 1e3 * quantiles(load.posts, n=20)[18], POST_95, "ms for 95 of 100 posts"
        yield load.memory, MEMORY, "MB"
    yield len(load.errors) + load.lost, 0, "errors and lost answers"


@click.command()
@click.option("--profile", type=click.Path(path_type=Path), help="Keep the profile of the walk in process here.")
@click.option("--inside", is_flag=True, help="Only the walk in process.")
@click.option("--postgres", is_flag=True, help="On a private PostgreSQL too, whose CPU is counted apart.")
def main(profile: Path | None, inside: bool, postgres: bool) -> None:
    """The figures that the pages must hold."""
    with TemporaryDirectory() as folder:
        alone = walked_inside(Home(Path(folder) / "inside"), profile)
        if inside:
            print_table(alone, alone)
            return
        walked(Home(Path(folder) / "served"), alone)
        loads = [under_load(Home(Path(folder) / f"{clients}"), clients, lambda: 0.0) for clients in AT_ONCE]
        print_loads(loads, "SQLite")
        if postgres:
            on_postgres(Path(folder), loads[0].cpu / max(len(loads[0].told), 1))


def walked(home: Home, alone: Figures) -> None:
    """Print what one respondent after another costs."""
    site = make_site(home)
    print_floor(home)
    with serving(site_command(home), store=home.store) as (port, workers, _):
        clock, visits = cpu_clock(workers), iter(site.visits)
        measured(over_http(port), clock, islice(visits, WARM))
        settled(clock)
        found = measured(over_http(port), clock, islice(visits, WALKS))
    print_table(found, alone)


def under_load(home: Home, clients: int, store: Callable[[], float]) -> Load:
    """So many at once, at a site of their own. `store` tells the CPU seconds of the store's processes."""
    site = make_site(home)
    with serving(site_command(home), store=home.store) as (port, workers, first):
        clock = cpu_clock([first, *workers])
        warm = loaded(4, port, site.visits[:WARM])
        settled(clock)
        cpu, of_store = clock(), store()
        load = loaded(clients, port, site.visits[WARM : WARM + AT_ONCE[clients]])
        load.cpu, load.store = clock() - cpu, store() - of_store
        load.memory = sum(memory(process, "Pss") for process in (first, *workers))
    load.lost = not_in_tray(site, [*warm.told, *load.told])
    load.errors += warm.errors
    return load


def on_postgres(folder: Path, sqlite: float) -> None:
    """The same on PostgreSQL, whose own processes count to what a survey costs."""
    with running() as server:
        postmaster = int((server.folder / "data" / "postmaster.pid").read_text().split()[0])

        def spent() -> float:
            return cpu_clock(children(postmaster))()

        loads = [under_load(Home(folder / f"pg-{n}", server.new()), n, spent) for n in AT_ONCE]
    print_loads(loads, "PostgreSQL")
    one = loads[0]
    whole = 1e3 * (one.cpu + one.store) / max(len(one.told), 1)
    most = TIMES_ON_POSTGRES * 1e3 * sqlite
    click.echo(f"  a survey on PostgreSQL: {whole:.1f} ms, {TIMES_ON_POSTGRES} times SQLite's {most:.1f}:")
    click.echo(f"  {'pass' if whole <= most else 'over'}")


def walked_inside(home: Home, profile: Path | None) -> Figures:
    """The walk without a server: the application in this process."""
    visits = iter(make_site(home).visits)
    app = create_app(home, secure=False, today=lambda: TODAY)
    try:
        send = InProcess(app)
        measured(send, lambda: send.spent, islice(visits, WARM))
        found = measured(send, lambda: send.spent, islice(visits, WALKS))
        if profile:
            profiler = cProfile.Profile(time.process_time)
            profiler.runcall(measured, send, lambda: send.spent, visits)
            profiler.dump_stats(profile)
        return found
    finally:
        app.extensions["surveyapp"].db.close()


if __name__ == "__main__":
    main()
