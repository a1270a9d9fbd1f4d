"""What lasts while waves come and go: the folder, the store, the nodes that serve it, somebody in the office."""

import json
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from surveyapp import privacy, publishing, staffing
from surveyapp.config import Home, secret, write_once
from surveyapp.instrument import Instrument
from surveyapp.roles import ROLES
from surveyapp.storage.database import Database, connect
from surveyapp.web.staff import create_site
from tests.makers import PEPPER, TODAY
from tests.server import Server, name_of
from tests.soak import survey
from tests.soak.respondents import Browser, Site
from tests.soak.serving import Node


@dataclass
class Installation:
    """A folder, its store, the nodes that serve it, the day that all of them live in, and one member of staff.

    `server` is the PostgreSQL server of the store, None if that is a file. The first node has the job worker.
    """

    home: Home
    db: Database
    nodes: list[Node]
    site: Site
    log: Path
    day_file: Path
    account: bytes
    instrument: Instrument
    server: Server | None = None

    @property
    def day(self) -> date:
        return date.fromisoformat(self.day_file.read_text())

    def set_day(self, day: date) -> None:
        aside = self.day_file.with_suffix(".new")
        aside.write_text(day.isoformat())
        aside.replace(self.day_file)

    @property
    def size(self) -> int:
        """Bytes of the database."""
        if self.server is None:
            return self.home.database.stat().st_size
        ((size,),) = self.server.ask(f"SELECT pg_database_size('{name_of(self.home.address)}')")
        return int(str(size))

    def colleague(self, chance: random.Random) -> Browser:
        """A browser of the member of staff, signed in this moment."""
        now = int(time.time())
        token = staffing.begin_session(self.db, self.account, now, second=True)
        site = create_site(self.home, secure=False)
        try:
            staff = site.mounts["/staff"]
            with staff.test_request_context():
                sealed = staff.session_interface.seal({"token": token, "since": now})
        finally:
            site.mounts["/staff"].extensions["staff"].db.close()
            site.app.extensions["surveyapp"].db.close()
        browser = Browser(self.site, chance)
        browser.cookie = f"staff={sealed}"
        return browser


@contextmanager
def installed(
    folder: Path, nodes: int = 1, pause: float = 0.0, server: Server | None = None, works: bool = True
) -> Iterator[Installation]:
    """An installation that is served, with a published questionnaire and no wave.

    `works` says that the first node has a job worker; `server` holds the store in place of a file.
    """
    home = Home(folder / "home", server.new() if server else "").make()
    write_once(home.keys / "pepper", PEPPER)
    secret(home.keys / "cookie", privacy.new_secret)  # two nodes that start at once share all keys
    db = connect(home.store)
    published = publishing.publish(db, json.dumps(survey.document()).encode(), TODAY)
    account = staffing.add_account(db, "m@example.org", "M", {"soak": frozenset(ROLES)}, TODAY).id
    log, day = folder / "server.log", folder / "day"
    day.write_text(TODAY.isoformat())
    served = [Node(home, day, log, works=works and number == 0) for number in range(nodes)]
    site = Site([node.port for node in served], pause)
    try:
        for node in served:
            node.start()
        yield Installation(home, db, served, site, log, day, account, published.instrument, server)
    finally:
        for node in served:
            node.end()
        db.close()
