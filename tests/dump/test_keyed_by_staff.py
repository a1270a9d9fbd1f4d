"""Returns keyed in the staff site leave no more behind than answers sent online, on the way and in the end."""

import random
import re
from dataclasses import dataclass
from pathlib import Path

import pytest
from werkzeug.test import Client

from surveyapp import campaigning, reporting, staffing
from surveyapp.auditing import ANSWERS, PEOPLE, STAFF
from surveyapp.config import Home, write_once
from surveyapp.roles import MANAGER
from surveyapp.storage import forensics
from surveyapp.storage.database import connect
from surveyapp.web.staff import create_site
from tests.dump import attacks, playing
from tests.dump.attacks import Dump, spearman
from tests.makers import PEPPER, TODAY, make_home, rows

UNITS = 60
BASE = "/staff/surveys/tiny/waves/tiny-1/returns"
NOW = 1_326_700_000
TOO_GOOD = 0.52
"""Four standard deviations of a rank correlation of sixty."""


@dataclass
class Keyer:
    """A manager at the sheet."""

    client: Client

    def post(self, path: str, **fields: str):
        page = self.client.get(f"{BASE}/sheet", follow_redirects=True).text
        hidden = dict(re.findall(r'name="(csrf_token|return)" value="([^"]+)"', page))
        return self.client.post(f"{BASE}{path}", data={**hidden, **fields})

    def key_in(self, n: int) -> None:
        """The return of a unit, kept on the side once as the script does."""
        ticked = " ".join(str(playing.BITS.index(code) + 1) for code in playing.bits(n))
        fields = {"bits": ticked, "issues": playing.mark(n)}
        assert self.post("/find", sought=f"U{n:03}").status_code == 303
        assert self.post("/sheet", **fields, then="quiet").status_code == 204
        assert self.post("/sheet", **fields, agreed="q1").status_code == 303


@dataclass
class Seen:
    """The installation before and after the close, and what was legible on the way."""

    dump: Dump
    legible: set[str]
    shared_on_the_way: set[tuple[str, str, str]]
    acts: list[tuple[str, str, str]]
    lengths: set[int]


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Seen:
    home = make_home(tmp_path_factory.mktemp("keyed"))
    write_once(home.keys / "pepper", PEPPER)
    db = connect(home.database)
    keys: list[bytes] = []
    playing.publish_and_open(db, playing.document(), playing.frame(UNITS), keys.append)
    codes = playing.invited(db, home)
    site = create_site(home, secure=False, today=lambda: TODAY, now=lambda: NOW)
    keyer = sit_down(home, db, site)
    came = playing.arrivals(random.Random(7), UNITS)
    sealed: list[bytes] = []
    legible: set[str] = set()
    lengths: dict[str, set[int]] = {"draft": set(), "tray": set()}
    for place, n in enumerate(came):
        if place % 2:
            sealed += playing.visit(db, codes[f"U{n:03}"], n, lengths, lambda: None)
        else:
            keyer.key_in(n)
        sealed += [box for (box,) in rows(db, "SELECT box FROM sitting")]
        legible |= {playing.mark(n) for path in files(home) if playing.mark(n).encode() in path.read_bytes()}
    lengths["tray"] |= forensics.lengths(home.database, "tray")
    sealed += [box for (box,) in rows(db, "SELECT box FROM tray")]
    on_the_way = forensics.shared_values(dump_of(home, keys, came, sealed))
    campaigning.close_wave(db, "tiny-1", TODAY)
    reporting.open_tray(db, "tiny-1", keys[0])
    acts = rows(db, "SELECT what, object, said FROM act")
    db.close()
    site.mounts["/staff"].extensions["staff"].db.close()
    site.app.extensions["surveyapp"].db.close()
    return Seen(dump_of(home, keys, came, sealed), legible, on_the_way, acts, lengths["tray"])


def sit_down(home: Home, db, site) -> Keyer:
    account = staffing.add_account(db, "manager@example.org", "M", {"tiny": frozenset({MANAGER})}, TODAY)
    token = staffing.begin_session(db, account.id, NOW, second=True)
    staff, client = site.mounts["/staff"], Client(site)
    with staff.test_request_context():
        client.set_cookie("staff", staff.session_interface.seal({"token": token}), path="/staff")
    page = client.get(BASE).text
    form = {"csrf_token": re.search(r'name="csrf_token" value="([^"]+)"', page)[1]}
    assert client.post(f"{BASE}/sitting", data=form).status_code == 303
    return Keyer(client)


def files(home: Home) -> list[Path]:
    return [path for path in home.path.rglob("*") if path.is_file()]


def dump_of(home: Home, keys: list[bytes], came: list[int], sealed: list[bytes]) -> Dump:
    return Dump(
        folder=home.path,
        database=home.database,
        people=(*PEOPLE, *STAFF),
        answers=ANSWERS,
        public=frozenset({b"tiny-1", b"1", b"tiny", b"North", b"South"}),
        keys=(PEPPER, *keys),
        arrivals=tuple(playing.mark(n) for n in came),
        closed=tuple(playing.closed_row(n) for n in came),
        sealed=tuple(sealed),
    )


def test_nothing_that_was_keyed_could_be_read_on_the_way(seen: Seen):
    assert seen.legible == set()
    assert seen.shared_on_the_way == set()


def test_every_box_is_as_long_as_one_from_a_page(seen: Seen):
    assert len(seen.lengths) == 1


def test_in_the_end_no_value_stands_on_both_sides(seen: Seen):
    assert forensics.shared_values(seen.dump) == set()


def test_no_sitting_no_draft_and_no_box_is_left(seen: Seen):
    assert attacks.remains(seen.dump) == {}


@pytest.mark.parametrize("way", ["byte", "page, newest lowest", "page, by key", "as read"])
def test_no_order_in_the_file_is_that_of_arrival(seen: Seen, way: str):
    for marks in (seen.dump.arrivals, seen.dump.closed):
        assert abs(spearman(attacks.orders(seen.dump, marks)[way], range(UNITS))) < TOO_GOOD


def test_the_trail_says_that_a_sitting_began_and_no_more(seen: Seen):
    assert seen.acts == [("sitting-begin", "tiny-1", "")]
