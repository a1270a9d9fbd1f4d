"""A table of attack × ours × chance × a careless store: `python -m tests.dump.table`, `pytest -s tests/dump`."""

import random
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from tempfile import TemporaryDirectory

from surveyapp import auditing
from surveyapp.auditing import Outcome, Scene
from surveyapp.storage import forensics
from surveyapp.storage.database import connect
from tests.dump import careless, playing
from tests.dump.attacks import Dump, joined, orders, remains, spearman
from tests.dump.playing import Played
from tests.makers import make_home


def table(ours: Sequence[Outcome], careless: Sequence[Outcome]) -> str:
    """One line an attack: its channel and name, and the verdict on each store."""
    lines = [f"{'':<4} {'attack':<24} {'ours':<8} careless"]
    for one, other in zip(ours, careless, strict=True):
        lines.append(f"{one.attack.channel:<4} {one.attack.name:<24} {one.verdict:<8} {other.verdict}")
    return "\n".join(lines)


@dataclass(frozen=True)
class Line:
    """One attack on the bytes: what our stores gave, what chance would, what a careless store gave."""

    channel: str
    attack: str
    ours: str
    chance: str
    careless: str


def measured(runs: Sequence[Played], twin: Dump) -> list[Line]:
    """The attacks that only somebody can judge who knows the order of arrival, over several fieldworks.

    What is merely counted is counted in two of them: looking for pieces of all there ever was takes seconds.
    """
    dumps = [run.dump for run in runs]
    return [
        *(Line(*names, _most(dumps[:2], count), "0", str(count(twin))) for names, count in _COUNTED.items()),
        *_in_order(dumps, twin, "words"),
        *_in_order(dumps, twin, "closed answers"),
        _boxes(runs),
        Line("A9", "lengths of boxes", f"{max(len(run.boxes) for run in runs)}", "1", _lengths(twin)),
    ]


def printed(lines: Sequence[Line]) -> str:
    """The lines under a heading."""
    rows = [Line("", "attack", "ours", "by chance", "careless"), *lines]
    return "\n".join(
        f"{r.channel:<4} {r.attack:<60} {r.ours:<14} {r.chance:<14} {r.careless}".rstrip() for r in rows
    )


_COUNTED: dict[tuple[str, str], Callable[[Dump], int]] = {
    ("A1", "values on both sides, plain, hashed or keyed"): lambda dump: len(forensics.shared_values(dump)),
    ("A2", "tables whose rows are counted"): lambda dump: len(forensics.hidden_counters(dump)),
    ("A5", "drafts and boxes of which pieces remain"): lambda dump: sum(remains(dump).values()),
    ("A5", "free pages"): forensics.free_pages,
    ("A6", "journals and logs beside the database"): lambda dump: len(forensics.beside(dump.database)),
    ("A10", "columns that hold a time"): lambda dump: len(forensics.times(dump)),
}


def _most(dumps: Sequence[Dump], count: Callable[[Dump], int]) -> str:
    return str(max(map(count, dumps)))


def _in_order(dumps: Sequence[Dump], twin: Dump, what: str) -> Iterator[Line]:
    """By each way to put the file in order: how well it tells the arrival, how many it puts to their own."""
    units = len(twin.arrivals)
    found = [orders(dump, _marks(dump, what)) for dump in dumps]
    rest = orders(twin, _marks(twin, what))
    for way, ranks in rest.items():
        told = [spearman(ranks_of[way], range(units)) for ranks_of in found]
        right = [joined(ranks_of[way]) for ranks_of in found]
        ours = f"{max(map(abs, told)):.2f}, {mean(told):+.2f}"
        chance = f"0.00 ± {1 / (units - 1) ** 0.5:.2f}"
        yield Line(
            "A3", f"order of {what}, by {way}: most, mean", ours, chance, f"{spearman(ranks, range(units)):.2f}"
        )
        yield Line("A3", f"{what} joined to units, by {way}: most", str(max(right)), "1 ± 1", str(joined(ranks)))


def _marks(dump: Dump, what: str) -> Sequence[str]:
    return dump.arrivals if what == "words" else dump.closed


def _boxes(runs: Sequence[Played]) -> Line:
    before, after = zip(*(run.order_of_boxes for run in runs), strict=True)
    ours = f"{max(map(abs, after)):.2f}, {mean(after):+.2f}"
    chance = f"0.00 ± {1 / (len(runs[0].dump.arrivals) - 1) ** 0.5:.2f}"
    return Line("A3", "order of boxes after the close: most, mean", ours, chance, f"{mean(before):.2f} before it")


def _lengths(dump: Dump) -> str:
    return str(len(forensics.lengths(dump.database, "tray")))


def main(units: int = 142) -> None:
    """Play both fieldworks and print."""
    with TemporaryDirectory() as folder:
        home = make_home(Path(folder, "ours"))
        played = playing.play(home, random.Random(0), units)
        db = connect(home.database)
        ours = auditing.scene(home, db, "tiny-1")
        came = playing.arrivals(random.Random(0), units)
        Path(folder, "careless").mkdir()
        marks, closed = [playing.mark(n) for n in came], [playing.closed_row(n) for n in came]
        dump, connection = careless.fieldwork(Path(folder, "careless"), marks, closed)
        known = printed(measured([played], dump))
        other: Scene = careless.litter(dump, connection)
        sys.stdout.write(f"{table(auditing.examine(ours), auditing.examine(other))}\n{known}\n")
        connection.close()
        db.close()


if __name__ == "__main__":
    main()
