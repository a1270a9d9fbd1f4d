"""The soak for as long as one likes: `make soak`. Wave after wave on one installation of two nodes.

The first node, with the job worker, suffers everything; the second is left alone, so that memory that grows is
seen in processes that live from the beginning to the end. `SURVEYAPP_SOAK_STORE`: `sqlite`, or `postgres` for a
private server, which dies three times a wave. `SURVEYAPP_SOAK_MINUTES` (60), `SURVEYAPP_SEED`, and
`SURVEYAPP_SOAK_PAUSE`: the milliseconds for which each of four visitors reads a page, which say how busy the
machine is.
"""

import os
import random
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean, quantiles
from tempfile import TemporaryDirectory

import click
import psycopg

from surveyapp.web.server import OPTIONS
from tests.bench.web import cpu_clock, memory
from tests.makers import TODAY
from tests.server import Server, running
from tests.soak.fortnight import EVERYTHING, ON_A_SERVER, Fieldwork, finished
from tests.soak.installation import Installation, installed

CLIENTS = 4
EVERY = 5
"""Seconds between two looks at memory."""

WARM = 1200
"""Seconds after which memory must not grow any more; of a shorter soak the first third.

By then each process has been asked for everything once: what it loads for tables, or for a form in Excel, stays.
"""

GROWTH = 2.0
"""Megabytes an hour by which a process may grow."""

STORES: dict[str, Callable[[], AbstractContextManager[Server | None]]] = {
    "sqlite": nullcontext,
    "postgres": running,
}
"""By what SURVEYAPP_SOAK_STORE says."""

KINDS = ("Rss", "Pss", "Anonymous")
"""Resident; with its part of what it shares, which changes when others come and go; its own alone."""


@dataclass
class Watch:
    """What was seen of the processes, seconds and megabytes by `KINDS` each, and of the store."""

    began: float = field(default_factory=time.monotonic)
    seen: dict[tuple[int, int], list[tuple[float, ...]]] = field(default_factory=lambda: defaultdict(list))
    store: list[tuple[float, int]] = field(default_factory=list)

    @property
    def age(self) -> float:
        return time.monotonic() - self.began

    def look(self, at: Installation) -> None:
        """Note how things are."""
        for number, node in enumerate(at.nodes):
            for process in node.processes:
                with suppress(OSError, TypeError):  # it has just died
                    sizes = [memory(process, kind) for kind in KINDS]
                    self.seen[number, process].append((self.age, *sizes))
        self.store.append((self.age, at.size))

    @contextmanager
    def looking(self, at: Installation) -> Iterator[None]:
        """Look again and again."""
        over = threading.Event()

        def watch() -> None:
            while not over.wait(EVERY):
                with suppress(AssertionError, OSError, psycopg.OperationalError):
                    self.look(at)

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            yield
        finally:
            over.set()
            watcher.join()


def growth(points: list[tuple[float, float]]) -> float:
    """Megabytes an hour, by the line of least squares through (seconds, megabytes)."""
    middle, mean = fmean(x for x, _ in points), fmean(y for _, y in points)
    spread = sum((x - middle) ** 2 for x, _ in points)
    return 3600 * sum((x - middle) * (y - mean) for x, y in points) / spread if spread else 0.0


def soaked(at: Installation, watch: Watch, minutes: float, seed: int) -> int:
    """Wave after wave until the time is over; how many."""
    chance, opened, before, number = random.Random(seed), TODAY, finished(at, "soak-0"), 0
    ills = ON_A_SERVER if at.server else EVERYTHING
    while watch.age < 60 * minutes:
        number += 1
        own = random.Random(chance.random())
        wave = Fieldwork(at, f"soak-{number}", own, opened_on=opened, before=before, ills=ills)
        wave.run(CLIENTS)
        before, opened = wave.wave, at.day
        tally = at.site.tally
        click.echo(
            f"{watch.age / 60:5.1f} min  {wave.wave:<9} {tally['completed']:>7,} completed "
            f"{tally['requests']:>9,} requests {at.size / 1e6:6.1f} MB; books balance"
        )
        sys.stdout.flush()
    return number


def print_table(at: Installation, watch: Watch, cpu: float) -> bool:
    """What the soak came to; whether memory is flat."""
    seconds, tally, waits = watch.age, at.site.tally, quantiles(at.site.waits, n=20)
    click.echo(f"\n{seconds / 60:.0f} minutes")
    for what, n in sorted(tally.items()):
        click.echo(f"{n:>10,} {what}")
    click.echo(f"{tally['requests'] / seconds:10.1f} requests a second")
    click.echo(f"{1e3 * waits[9]:10.0f} ms wall for a post, median; {1e3 * waits[18]:.0f} ms p95")
    click.echo(
        f"{cpu / seconds:10.2f} cores for the second node, {1e3 * cpu / tally['requests']:.2f} ms a request of all"
    )
    first, last = watch.store[0][1], watch.store[-1][1]
    click.echo(f"{last / 1e6:10.1f} MB of database at the end, {first / 1e6:.1f} at the beginning")
    per = (last - first) / max(tally["completed"], 1)
    click.echo(f"{per:10.0f} bytes of it for each completed, with drafts, letters and invitations")
    return print_memory(watch)


def print_memory(watch: Watch) -> bool:
    """A line for each process that lived through all of it; whether none grows."""
    warm = min(WARM, watch.age / 3)
    times = f"{'start':>9}{f'{warm / 60:.0f} min':>8}{'end':>8}"
    click.echo(f"\n{'megabytes':<18}{'resident':>25}{'proportional':>25}{'its own':>25}{'own, an hour':>14}")
    click.echo(f"{'lived through':<18}{times * len(KINDS)}")
    flat = True
    for (node, process), points in sorted(watch.seen.items()):
        if points[0][0] > warm or points[-1][0] < watch.age - 60:
            continue
        after = [point for point in points if point[0] >= warm] or points[-1:]
        figures = "".join(
            f"{points[0][n]:9.1f}{after[0][n]:8.1f}{points[-1][n]:8.1f}" for n, _ in enumerate(KINDS, 1)
        )
        grows = growth([(point[0], point[-1]) for point in after])
        flat &= grows < GROWTH
        click.echo(
            f"{f'node {node + 1}, {process}':<18}{figures}{grows:9.2f} {'flat' if grows < GROWTH else 'GROWS'}"
        )
    lives = sum(1 for (node, _) in watch.seen if node == 0)
    click.echo(f"{lives} processes of the first node came and went.")
    return flat


def main() -> None:
    """Soak, print, and fail if memory grows or anything is lost."""
    minutes = float(os.environ.get("SURVEYAPP_SOAK_MINUTES", "60"))
    pause = float(os.environ.get("SURVEYAPP_SOAK_PAUSE", "30")) / 1e3
    seed = int(os.environ.get("SURVEYAPP_SEED") or random.SystemRandom().randrange(10**6))
    store = os.environ.get("SURVEYAPP_SOAK_STORE", "sqlite")
    if store not in STORES:
        raise SystemExit(f"SURVEYAPP_SOAK_STORE is {' or '.join(STORES)}, not {store}")
    click.echo(f"{minutes:g} minutes on {store}, seed {seed}")
    click.echo(f"{CLIENTS} visitors at once who read for {1e3 * pause:.0f} ms")
    with (
        TemporaryDirectory(dir=Path.cwd(), prefix=".soak-") as folder,
        STORES[store]() as server,
        installed(Path(folder), 2, pause, server) as at,
    ):
        watch = Watch()
        while len(at.nodes[1].processes) <= OPTIONS["workers"]:  # the port is open before they are there
            time.sleep(0.1)
        clock = cpu_clock(at.nodes[1].processes)
        spent = clock()
        watch.look(at)
        try:
            with watch.looking(at):
                waves = soaked(at, watch, minutes, seed)
        finally:
            flat = print_table(at, watch, clock() - spent)
        click.echo(f"{waves} waves, and the books of each balance.")
    raise SystemExit(0 if flat else "memory grows")


if __name__ == "__main__":
    main()
