"""Installations in which something is about to happen, ready to be copied once for each death.

The only place of these tests that knows what an installation is made of: its folder holds everything.
"""

import json
import shutil
from dataclasses import dataclass, field, replace
from pathlib import Path

from surveyapp import campaigning, collecting, privacy, publishing, reporting, writing
from surveyapp.config import Home, write_once
from surveyapp.mail import Folder
from surveyapp.storage.database import Database, connect
from surveyapp.writing import Desk
from tests.makers import (
    PEPPER,
    TODAY,
    as_form,
    make_all_types,
    make_answers,
    make_frame,
    make_home,
    make_wave,
    send,
)

WAVE = "tiny-1"


@dataclass(frozen=True)
class Place:
    """An installation: the wave's private key, the access codes, and who has sent the answers or saved some."""

    home: Home
    key: bytes = field(repr=False)
    codes: dict[str, str] = field(default_factory=dict, repr=False)
    sent: tuple[str, ...] = ()
    saved: tuple[str, ...] = ()

    def copied(self, to: Path) -> "Place":
        """The same in a folder of its own, in place of what was there."""
        shutil.rmtree(to, ignore_errors=True)
        shutil.copytree(self.home.path, to)
        return replace(self, home=replace(self.home, path=to))

    @property
    def told(self) -> Path:
        """The file of what respondents were told."""
        return self.home.path / "told"


def store(home: Home) -> Database:
    """The store of an installation: its file, or the server that it names."""
    return connect(home.store)


def empty(path: Path, address: str = "") -> Place:
    """A published questionnaire, and no wave."""
    home = replace(make_home(path), address=address)
    db = store(home)
    publishing.publish(db, json.dumps(make_all_types()).encode(), TODAY)
    db.close()
    return Place(home, b"")


def uninvited(path: Path, address: str = "", reachable: int = 8) -> Place:
    """An open wave of forty, nobody invited yet; so many of them can be written to."""
    place = empty(path, address)
    db = store(place.home)
    units = [unit if n < reachable else replace(unit, email="") for n, unit in enumerate(make_frame().units)]
    keys: list[bytes] = []
    settings = {"carry": ["region"], "key_place": "holder", "closes": None, "today": TODAY}
    frame = replace(make_frame(), units=tuple(units))
    campaigning.open_wave(db, WAVE, "tiny", "1", frame, keep_key=keys.append, **settings)
    db.close()
    return replace(place, key=keys[0])


def fielded(path: Path, units: int = 40, sent: int = 0, saved: int = 0, address: str = "") -> Place:
    """A wave in the field: so many have sent their answers, as many more have saved a draft.

    Each leaves the access code in an open answer, by which the answers are known again. `address` puts a server in
    place of the file; such a place cannot be copied.
    """
    home = replace(make_home(path), address=address)
    write_once(home.keys / "pepper", PEPPER)
    db = store(home)
    _, key, codes = make_wave(db, frame=make_frame(units))
    every = list(codes.values())
    for code in every[:sent]:
        send(db, code, make_answers(issues=code))
    for code in every[sent : sent + saved]:
        visit = collecting.enter(db, PEPPER, code, TODAY)
        collecting.save_all(db, visit, as_form(make_answers(issues=code)), TODAY)
    db.close()
    return Place(home, key, codes, tuple(every[:sent]), tuple(every[sent : sent + saved]))


def released(path: Path) -> Place:
    """A wave that is over: closed, its tray opened, its key and its letters still on the server."""
    home = make_home(path)
    write_once(home.keys / "pepper", PEPPER)
    db = store(home)
    _, key, codes = make_wave(db, key_place="server")
    write_once(home.wave_key(WAVE), privacy.key_file(WAVE, key).encode())
    for code in list(codes.values())[:20]:
        send(db, code, make_answers(issues=code))
    desk = Desk(db, home.outbox_key, Folder(home.outbox / WAVE), TODAY)
    writing.new_code(desk, WAVE, "U040", address="https://x.example", sender="office@example.org")
    campaigning.close_wave(db, WAVE, TODAY)
    reporting.open_tray(db, WAVE, key)
    db.close()
    return Place(home, key, codes, tuple(codes.values())[:20])
