"""A table of attack × our store × a careless one: `python -m tests.dump.table`, or `pytest -s tests/dump`."""

import random
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from surveyapp import auditing
from surveyapp.auditing import Outcome, Scene
from surveyapp.storage.database import connect
from tests.dump import careless, playing
from tests.dump.attacks import Dump, orders, remains, spearman
from tests.makers import make_home


def table(ours: Sequence[Outcome], careless: Sequence[Outcome]) -> str:
    """One line an attack: its channel and name, and the verdict on each store."""
    lines = [f"{'':<4} {'attack':<24} {'ours':<8} careless"]
    for one, other in zip(ours, careless, strict=True):
        lines.append(f"{one.attack.channel:<4} {one.attack.name:<24} {one.verdict:<8} {other.verdict}")
    return "\n".join(lines)


def with_arrivals(ours: Dump, careless: Dump) -> str:
    """The attacks that only somebody can judge who knows the order of arrival."""
    lines = [
        f"A5   {'pieces of what is gone':<24} {sum(remains(ours).values()):<8} {sum(remains(careless).values())}"
    ]
    for way, ranks in orders(ours, ours.arrivals).items():
        rest = orders(careless, careless.arrivals)[way]
        found = [spearman(r, range(len(r))) for r in (ranks, rest)]
        lines.append(f"A3   {way:<24} {found[0]:<8.2f} {found[1]:.2f}")
    return "\n".join(lines)


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
        known = with_arrivals(played.dump, dump)
        other: Scene = careless.litter(dump, connection)
        sys.stdout.write(f"{table(auditing.examine(ours), auditing.examine(other))}\n{known}\n")
        connection.close()
        db.close()


if __name__ == "__main__":
    main()
