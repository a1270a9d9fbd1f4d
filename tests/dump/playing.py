"""Fieldworks played through the use cases in a known order of arrival, and what was seen on the way."""

import json
import random
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from surveyapp import campaigning, collecting, publishing, reporting, writing
from surveyapp.auditing import ANSWERS, PEOPLE
from surveyapp.config import Home, write_once
from surveyapp.fieldwork import Frame, Unit
from surveyapp.mail import Folder
from surveyapp.storage import forensics
from surveyapp.storage.database import Database, connect
from surveyapp.writing import Desk
from tests.dump import attacks
from tests.dump.attacks import Dump, spearman
from tests.makers import PEPPER, TODAY, as_form, make_document, make_frame, make_question

UNITS = 142
BITS = "abcdefgh"


@dataclass(frozen=True)
class Played:
    """A fieldwork after the tray was opened: the dump, and what was seen on the way."""

    dump: Dump
    folders_seen: frozenset[tuple[str, ...]]
    boxes: frozenset[int]
    drafts: frozenset[int]
    left_after_sending: Mapping[str, int]
    shared_before_opening: set[tuple[str, str, str]]
    order_of_boxes: tuple[float, float]


def play(home: Home, chance: random.Random, units: int = UNITS) -> Played:
    """One fieldwork through the use cases: everybody saves twice and sends, the tray is opened."""
    write_once(home.keys / "pepper", PEPPER)
    db = connect(home.database)
    keys: list[bytes] = []
    publish_and_open(db, document(), frame(units), keys.append)
    codes = invited(db, home)
    came = arrivals(chance, units)
    seen, sealed, boxes = {_listing(home)}, [], []
    lengths: dict[str, set[int]] = {"draft": set(), "tray": set()}
    for n in came:
        sealed += visit(db, codes[f"U{n:03}"], n, lengths, lambda: seen.add(_listing(home)))
        boxes += [box for (box,) in _rows(db, "SELECT box FROM tray") if box not in boxes]
    gone = _dump(home, keys, came, sealed)
    left, shared = attacks.remains(gone), forensics.shared_values(gone)
    sealed += boxes
    before = _order_of_boxes(db, boxes)
    campaigning.close_wave(db, "tiny-1", TODAY)
    order = (before, _order_of_boxes(db, boxes))
    seen.add(_listing(home))
    reporting.open_tray(db, "tiny-1", keys[0])
    seen.add(_listing(home))
    db.close()
    dump = _dump(home, keys, came, sealed)
    return Played(
        dump, frozenset(seen), frozenset(lengths["tray"]), frozenset(lengths["draft"]), left, shared, order
    )


def visit(db: Database, code: str, n: int, lengths: dict[str, set[int]], look: Callable[[], None]) -> list[bytes]:
    """One respondent; the bytes of the drafts that lay there in between."""
    visit = collecting.enter(db, PEPPER, code, TODAY)
    look()
    drafts = []
    for page, answers in (("p1", {}), ("p2", {"bits": bits(n), "issues": f"{mark(n)} {'w' * (n % 90)}"})):
        collecting.save_page(db, visit, page, as_form(answers), TODAY)
        look()
        drafts += [box for (box,) in _rows(db, "SELECT box FROM draft")]
        lengths["draft"] |= forensics.lengths(db.path, "draft")
    collecting.submit(db, visit, TODAY)
    look()
    lengths["tray"] |= forensics.lengths(db.path, "tray")
    return drafts


def publish_and_open(
    db: Database, document: Mapping[str, Any], frame: Frame, keep_key: Callable[[bytes], None]
) -> None:
    publishing.publish(db, json.dumps(document).encode(), TODAY)
    campaigning.open_wave(
        db,
        "tiny-1",
        *("tiny", "1"),
        frame,
        carry=["region"],
        key_place="holder",
        closes=None,
        today=TODAY,
        keep_key=keep_key,
    )


def invited(db: Database, home: Home) -> dict[str, str]:
    """Everybody invited by letter; the code of each, as read from the outbox."""
    outbox = home.outbox / "tiny-1"
    desk = Desk(db, home.outbox_key, Folder(outbox), TODAY)
    assert writing.invite(desk, "tiny-1", address="https://x.example", sender="office@example.org").sent > 0
    letters = {path.stem: path.read_text() for path in outbox.iterdir()}
    return {unit: text.partition("/#")[2][:23] for unit, text in letters.items()}


def _dump(home: Home, keys: Sequence[bytes], arrivals: Sequence[int], sealed: Sequence[bytes]) -> Dump:
    return Dump(
        folder=home.path,
        database=home.database,
        people=PEOPLE,
        answers=ANSWERS,
        public=frozenset({b"tiny-1", b"1", b"North", b"South"}),
        keys=(PEPPER, *keys),
        arrivals=tuple(mark(n) for n in arrivals),
        closed=tuple(closed_row(n) for n in arrivals),
        sealed=tuple(sealed),
    )


def document() -> dict[str, Any]:
    bits = [{"code": c, "label": f"Option {c}"} for c in BITS]
    second = [make_question("multiple", "bits", options=bits), make_question("text", "issues", max_length=300)]
    return make_document([make_question()], second)


def frame(units: int = UNITS) -> Frame:
    """Units whose names and addresses would be known again anywhere."""
    teams = tuple(
        Unit(u.unit, f"Drug Action Team of {u.unit}", u.email, "Manager", "en", u.strata)
        for u in make_frame(units).units
    )
    return Frame(teams, ("region",))


def arrivals(chance: random.Random, units: int = UNITS) -> list[int]:
    return chance.sample(range(1, units + 1), units)


def mark(n: int) -> str:
    return f"CANARY-{n:03}"


def bits(n: int) -> list[str]:
    """The options that unit `n` ticks: its number in binary, so that its closed answers are known again."""
    return [code for i, code in enumerate(BITS) if n >> i & 1]


def closed_row(n: int) -> str:
    return json.dumps({"bits": bits(n)}, separators=(",", ":"))


def _listing(home: Home) -> tuple[str, ...]:
    return tuple(sorted(path.name for path in home.path.iterdir() if path.is_file()))


def _order_of_boxes(db: Database, boxes: Sequence[bytes]) -> float:
    """How well the places of the boxes in the file tell the order in which they came."""
    content = db.path.read_bytes()
    return spearman([content.index(box[-60:]) for box in boxes], range(len(boxes)))


def _rows(db: Database, query: str) -> list[Any]:
    with closing(sqlite3.connect(db.path)) as connection:
        return connection.execute(query).fetchall()
