"""What the table builder costs: `make bench-staff`. 100,000 responses on a frame of 5,000 units; asserts nothing.

Each page is asked for as a browser does, without a server in between, in a process of its own, CPU beside wall
time. The first page is the table that somebody has bookmarked: of a process that has served for three seconds, as
a worker does that has loaded what counts beside its serving; and at once, the worst that anybody meets.
"""

import json
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from surveyapp import campaigning, privacy, staffing
from surveyapp.config import Home, project_file
from surveyapp.fieldwork import Frame, Unit
from surveyapp.instrument import read_instrument
from surveyapp.roles import ANALYST
from surveyapp.storage import responses
from surveyapp.storage.database import connect
from surveyapp.storage.responses import Response
from surveyapp.web.staff import create_site, printing
from tests.bench.analysis import REGIONS, answers
from tests.makers import TODAY, make_wave

RESPONSES, UNITS, LIMIT = 100_000, 5_000, 500
NOW = 1_326_700_000

BUILDER = "/surveys/dat/waves/dat-2012/builder"
TABLES = {
    "form alone": "",
    "one question": "q=staff_time",
    "by region": "q=staff_time&by1=region",
    "by region, margins": "q=staff_time&by1=region&margins=y",
    "nested banner, three columns": "q=staff_time&by1=region&by2=team_type&by3=region&in3=team_type",
    "the same with margins and tests": (
        "q=staff_time&by1=region&by2=team_type&by3=region&in3=team_type&margins=y&tests=y"
    ),
    "filter, net, sorted": "q=staff_time&by1=region&if1=team_type&is1=daat&net1=N&of1=same&sort=descending",
}


def main() -> None:
    """Print one line a page; with a folder, be the process that is measured."""
    if len(sys.argv) > 1:
        _measured(Path(sys.argv[1]), serving=sys.argv[2] == "serving")
        return
    with TemporaryDirectory() as folder:
        _make(Path(folder))
        for state in ("at-once", "at-once", "serving"):
            subprocess.run([sys.executable, "-m", "tests.bench.builder", folder, state], check=True)


def _make(folder: Path) -> None:
    home = Home(folder).make()
    db = connect(home.store)
    document = json.loads(project_file("instruments/dat/2012.1.json").read_bytes())
    units = [
        Unit(f"U{i:05}", f"Team {i}", f"t{i}@example.org", "Manager", "en", {"region": REGIONS[i % len(REGIONS)]})
        for i in range(UNITS)
    ]
    make_wave(db, "dat-2012", document, Frame(tuple(units), ("region",)))
    cells, lines = answers(read_instrument(json.dumps(document)), RESPONSES)
    released = [
        (privacy.new_id(), Response("2012.1", cell, json.loads(line)))
        for cell, line in zip(cells, lines, strict=True)
    ]
    campaigning.close_wave(db, "dat-2012", TODAY)
    with db.transaction() as connection:
        responses.release(connection, "dat-2012", [], released, [])
    staffing.add_account(db, "a@example.org", "Analyst", {"dat": frozenset({ANALYST})}, TODAY)
    db.close()


def _measured(folder: Path, serving: bool) -> None:
    """Ask for the pages in a fresh process, at once or when it has been `serving` for three seconds."""
    from tests.staff.conftest import Colleague

    site = create_site(Home(folder), secure=False, today=lambda: TODAY, now=lambda: NOW)
    staff = site.mounts["/staff"]
    db = staff.extensions["staff"].db
    with db.reading() as connection:
        (account,) = (row[0] for row in connection.exec_driver_sql("SELECT id FROM account"))
    with staff.test_request_context():
        token = staffing.begin_session(db, account, NOW, second=True)
        sealed = staff.session_interface.seal({"token": token})
    colleague = Colleague(site)
    colleague.client.set_cookie("staff", sealed, path="/staff")
    click.echo(f"a fresh process, {'an analyst came in three seconds ago' if serving else 'asked at once'}")
    if serving:
        printing.warm(staff.jinja_env)
        time.sleep(3)
    for name, query in [("first page of the builder here", TABLES["by region"]), *TABLES.items()]:
        _line(name, lambda query=query: colleague.get(f"{BUILDER}?{query}").status_code)
    status = Path("/proc/self/status").read_text().split()
    peak = int(status[status.index("VmHWM:") + 1]) / 1024  # `getrusage` would count what made the wave
    click.echo(f"  largest memory of this process {peak:,.0f} MB")


def _line(name: str, run: object) -> None:
    wall, cpu = time.perf_counter(), time.process_time()
    status = run()  # type: ignore[operator]
    took, spent = 1000 * (time.perf_counter() - wall), 1000 * (time.process_time() - cpu)
    click.echo(f"  {name:40} {status} {took:8.1f} ms wall {spent:8.1f} ms CPU (limit {LIMIT})")


if __name__ == "__main__":
    main()
