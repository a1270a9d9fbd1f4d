"""What the fieldwork pages of the staff site cost: `make bench-staff`. Prints; asserts nothing.

One store, built in a folder of its own: a wave in the field with 5,000 organisations, most of whom have answered,
and a wave of 100,000 released responses. The site is asked in this process, without sockets.
"""

import gc
import json
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from statistics import quantiles
from tempfile import TemporaryDirectory

import click
import sqlalchemy as sa

from surveyapp import campaigning, privacy, publishing, staffing
from surveyapp.config import Home, project_file
from surveyapp.fieldwork import Frame, Unit
from surveyapp.instrument import read_instrument
from surveyapp.roles import ROLES
from surveyapp.storage import responses
from surveyapp.storage.database import Database, connect
from surveyapp.storage.responses import Response
from surveyapp.web.staff import create_site
from tests.bench.analysis import answers
from tests.staff.conftest import Colleague

UNITS, RESPONSES = 5_000, 100_000
TIMES = 20
LIMIT = 300
OPENED = date(2012, 1, 9)
TODAY = OPENED + timedelta(25)
NOW = 1_328_260_000
DISPOSITIONS = ["refused"] * 3 + ["undeliverable"] * 2 + ["out-of-scope"] + [""] * 94

WAVES = "/surveys/dat/waves"
PAGES = {
    "the list of waves": WAVES,
    "dashboard, 5,000 organisations": f"{WAVES}/teams",
    "the same, by two strata": f"{WAVES}/teams?by=region&by=kind",
    "the same, by a stratum of 150 values": f"{WAVES}/teams?by=district",
    "dashboard, 100,000 responses": f"{WAVES}/everybody",
    "dashboard, 5,000 of them listed and closed": f"{WAVES}/before",
    "its workbook": f"{WAVES}/teams/response.xlsx?by=region",
    "organisations": f"{WAVES}/teams/organisations",
    "organisations not yet in, a late page": f"{WAVES}/teams/organisations?state=not-yet-in&page=8",
    "organisations sought": f"{WAVES}/teams/organisations?q=team+4321",
    "one organisation": f"{WAVES}/teams/organisations/one?unit=U4321",
    "letters": f"{WAVES}/teams/letters",
    "whom to remind": f"{WAVES}/teams/letters/reminders?when=now&rule=&stage=",
    "settings": f"{WAVES}/teams/settings",
}


# ── the store ────────────────────────────────────────────────────────────────


def make_units(rng: random.Random) -> Iterator[Unit]:
    """Organisations in ten regions, four kinds and 150 districts."""
    for i in range(1, UNITS + 1):
        strata = {"region": f"R{i % 10}", "kind": f"K{rng.randrange(4)}", "district": f"D{i % 150:03}"}
        yield Unit(f"U{i:04}", f"Team {i}", f"team{i}@example.org", "Manager", "en", strata)


def make_listed(db: Database, name: str, rng: random.Random) -> None:
    """A wave with everybody invited and written to, 84 in 100 done, some begun, some refused."""
    settings = {"carry": ["region"], "key_place": "holder", "closes": date(2012, 3, 1), "today": OPENED}
    frame = Frame(tuple(make_units(rng)), ("region", "kind", "district"))
    campaigning.open_wave(db, name, "dat", "2012.1", frame, keep_key=lambda _: None, **settings)
    campaigning.invite(db, name, OPENED)
    with db.transaction() as connection:
        ids = list(connection.execute(_rows("organisation, code_hash", name)))
        _fill(connection, name, ids, rng)


def _rows(columns: str, wave: str) -> sa.TextClause:
    return sa.text(f"SELECT {columns} FROM invitation WHERE wave = :wave").bindparams(wave=wave)


def _fill(connection: sa.Connection, wave: str, ids: list[tuple[bytes, bytes]], rng: random.Random) -> None:
    days = [(OPENED + timedelta(n)).isoformat() for n in range(25)]
    done = "UPDATE invitation SET state = 'done', completed_on = :day WHERE code_hash = :code"
    noted = "UPDATE organisation SET disposition = :noted WHERE id = :id"
    letter = (
        "INSERT INTO letter (id, wave, organisation, kind, state, due_on, done_on) "
        "VALUES (:id, :wave, :unit, :kind, 'sent', :day, :day)"
    )
    drafted = "INSERT INTO draft VALUES (:code, :box, :day)"
    sent, rest = [], []
    for unit, code in ids:
        (sent if rng.random() < 0.84 else rest).append((unit, code))
    connection.execute(sa.text(done), [{"day": rng.choice(days), "code": code} for _, code in sent])
    connection.execute(sa.text(noted), [{"noted": rng.choice(DISPOSITIONS), "id": unit} for unit, _ in rest])
    boxes = [{"code": code, "box": bytes(8000), "day": days[3]} for _, code in rest[::4]]
    connection.execute(sa.text(drafted), boxes)
    written = [(unit, "invitation", days[0]) for unit, _ in ids] + [(u, "reminder", days[10]) for u, _ in rest]
    values = [
        {"id": privacy.new_id(), "wave": wave, "unit": u, "kind": kind, "day": day} for u, kind, day in written
    ]
    connection.execute(sa.text(letter), values)


def make_everybody(db: Database, rng: random.Random) -> None:
    """A wave open to anyone, with 100,000 released responses."""
    settings = {"carry": None, "key_place": "holder", "closes": None, "today": OPENED}
    campaigning.open_wave(db, "everybody", "dat", "2012.1", None, keep_key=lambda _: None, **settings)
    codes = [{"code": privacy.new_id() * 2, "salt": privacy.new_id()} for _ in range(RESPONSES)]
    entered = "INSERT INTO invitation (code_hash, wave, salt, state) VALUES (:code, 'everybody', :salt, 'done')"
    with db.transaction() as connection:
        connection.execute(sa.text(entered), codes)
        _release(connection, "everybody", RESPONSES)


def _release(connection: sa.Connection, wave: str, number: int) -> None:
    instrument = read_instrument(project_file("instruments/dat/2012.1.json").read_bytes())
    given = (json.loads(text) for text in answers(instrument, number)[1])
    found = ((privacy.new_id(), Response("2012.1", "", each)) for each in given)
    responses.release(connection, wave, [], found, [])


def make_closed(db: Database, rng: random.Random) -> None:
    """A listed wave that is closed, with every answer released."""
    make_listed(db, "before", rng)
    campaigning.close_wave(db, "before", TODAY)
    with db.transaction() as connection:
        number = connection.scalar(
            sa.text("SELECT count(*) FROM invitation WHERE wave = 'before' AND state = 'done'")
        )
        _release(connection, "before", number or 0)


def make_store(home: Home) -> bytes:
    """Everything; the account of somebody with every role."""
    rng = random.Random(1)
    db = connect(home.make().store)
    try:
        publishing.publish(db, project_file("instruments/dat/2012.1.json").read_bytes(), OPENED)
        make_listed(db, "teams", rng)
        make_everybody(db, rng)
        make_closed(db, rng)
        return staffing.add_account(db, "m@example.org", "M", {"dat": frozenset(ROLES)}, OPENED).id
    finally:
        db.close()


# ── measuring ────────────────────────────────────────────────────────────────


@contextmanager
def served(home: Home, account: bytes) -> Iterator[Colleague]:
    """A browser of somebody who is signed in."""
    site = create_site(home, secure=False, today=lambda: TODAY, now=lambda: NOW)
    staff = site.mounts["/staff"]
    try:
        db = staff.extensions["staff"].db
        token = staffing.begin_session(db, account, NOW, second=True)
        colleague = Colleague(site)
        with staff.test_request_context():
            colleague.client.set_cookie("staff", staff.session_interface.seal({"token": token}), path="/staff")
        yield colleague
    finally:
        staff.extensions["staff"].db.close()
        site.app.extensions["surveyapp"].db.close()


def measured(colleague: Colleague, path: str) -> tuple[float, list[float], list[float]]:
    """Milliseconds of the first page, and of the following: wall and CPU."""
    walls, cpus = [], []
    gc.collect()
    gc.freeze()  # a worker has no pandas in memory, through which the collector would have to go
    for _ in range(TIMES + 1):
        wall, cpu = time.perf_counter(), time.process_time()
        response = colleague.client.get(f"/staff{path}")
        walls.append(1e3 * (time.perf_counter() - wall))
        cpus.append(1e3 * (time.process_time() - cpu))
        if response.status_code != 200:
            raise RuntimeError(f"{path} gave {response.status_code}")
    return walls[0], walls[1:], cpus[1:]


@click.command()
@click.option("--home", "folder", type=click.Path(path_type=Path), help="Build the store here, or use it.")
def main(folder: Path | None) -> None:
    """The figures that the dashboard must hold."""
    with TemporaryDirectory(dir=Path.cwd()) as name:
        home = Home(folder or Path(name) / "home")
        kept = home.path / "account"
        if not kept.exists():
            account = make_store(home)
            kept.write_bytes(account)
        with served(home, kept.read_bytes()) as colleague:
            click.echo(f"{'milliseconds':<46}{'first':>8}{'wall p50':>10}{'p95':>8}{'CPU p50':>10}{'p95':>8}")
            for what, path in PAGES.items():
                first, walls, cpus = measured(colleague, path)
                wall, cpu = quantiles(walls, n=20), quantiles(cpus, n=20)
                verdict = "pass" if wall[18] <= LIMIT else f"over {LIMIT}"
                figures = f"{first:8.1f}{wall[9]:10.1f}{wall[18]:8.1f}{cpu[9]:10.1f}{cpu[18]:8.1f}"
                click.echo(f"{what:<46}{figures}  {verdict}")


if __name__ == "__main__":
    main()
