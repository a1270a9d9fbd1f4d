"""Previewing a questionnaire: a wave of its own in a private folder, on the pages that respondents see.

The folder lives as long as the preview. The wave's private key is thrown away as it is made, so that nothing
sent in a preview can be opened by anybody, even while the folder is there.
"""

import os
import shutil
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from tempfile import mkdtemp

from surveyapp import campaigning, publishing
from surveyapp.config import Home
from surveyapp.frames import MAX_UNITS, Frame, Unit
from surveyapp.instrument import Instrument
from surveyapp.problems import SurveyError
from surveyapp.storage.database import Database, connect
from surveyapp.web.server import serve

WAVE = "preview"
HOST = "127.0.0.1"

_OF_UNIT = {"name": "Preview organisation", "unit": "PREVIEW", "language": ""}
"""What every organisation has, and what the invented one is called where no fact says otherwise."""


@dataclass(frozen=True)
class Ready:
    """A questionnaire ready to be looked at: its installation, and the path of its start page.

    `unseen` are the facts that no text of the questionnaire can show.
    """

    home: Home
    instrument: Instrument
    path: str
    unseen: tuple[str, ...]


def run(
    content: bytes, facts: Mapping[str, str], today: date, port: int, tell: Callable[[Ready, str], None]
) -> None:
    """Serve a preview on this machine alone until it is stopped; `tell` is given its address.

    Raises `Refused` with every problem of the document, `SurveyError` if the port cannot be had.
    """
    check_port(port)
    with _leaving_when_told(), prepared(content, facts, today) as ready:
        tell(ready, f"http://{HOST}:{port}{ready.path}")
        serve(ready.home, port, HOST, preview=True)


@contextmanager
def prepared(content: bytes, facts: Mapping[str, str], today: date) -> Iterator[Ready]:
    """A questionnaire in the field of an installation of its own, which is erased in the end.

    Without `facts` the wave is open to anyone. With some it is listed, and invites one invented organisation that
    has them: its name, its unit, its language, its strata. Raises `Refused` with every problem of the document.
    """
    with _private_home() as home:
        yield prepare(home, content, facts, today)


def prepare(home: Home, content: bytes, facts: Mapping[str, str], today: date) -> Ready:
    """As `prepared`, in an installation that somebody else erases."""
    db = connect(home.database)
    try:
        instrument = publishing.publish(db, content, today).instrument
        path = _open(db, instrument, facts, today)
    finally:
        db.close()
    shown = {*_OF_UNIT, *instrument.disclosure.carry}
    return Ready(home, instrument, path, tuple(name for name in facts if name not in shown))


@contextmanager
def _leaving_when_told() -> Iterator[None]:
    """Until the server has its own answers to these signals, they too end what is begun, and do not cut it off."""
    endings = (signal.SIGTERM, signal.SIGHUP)
    before = {ending: signal.signal(ending, lambda number, _frame: sys.exit(128 + number)) for ending in endings}
    try:
        yield
    finally:
        for ending, handler in before.items():
            signal.signal(ending, handler)


@contextmanager
def _private_home() -> Iterator[Home]:
    """An installation in a folder that only its owner can read.

    The server's workers are forked inside the block and leave it too: the folder is not theirs to erase.
    """
    owner = os.getpid()
    folder = Path(mkdtemp(prefix="surveyapp-preview-"))
    try:
        yield Home(folder).make()
    finally:
        if os.getpid() == owner:
            shutil.rmtree(folder)


def _open(db: Database, instrument: Instrument, facts: Mapping[str, str], today: date) -> str:
    """Open the wave; the path that leads into it. The code stands after `#`, as in a letter."""
    campaigning.open_wave(
        db,
        WAVE,
        instrument.survey,
        instrument.version,
        _invented(facts, instrument.disclosure.minimum_base) if facts else None,
        carry=(),
        key_place="holder",
        closes=None,
        today=today,
        keep_key=lambda _private: None,
    )
    if not facts:
        return f"/open/{WAVE}"
    ((_, code),) = campaigning.invite(db, WAVE, today)
    return f"/#{code}"


def _invented(facts: Mapping[str, str], minimum_base: int) -> Frame:
    """An organisation with these facts, and as many without an address as the smallest frame must have."""
    of_unit = {name: facts.get(name, usual) for name, usual in _OF_UNIT.items()}
    strata = {name: value for name, value in facts.items() if name not in _OF_UNIT}
    others = (
        Unit(f"{of_unit['unit']} {i}", "", strata=strata) for i in range(2, min(minimum_base, MAX_UNITS) + 1)
    )
    first = Unit(**of_unit, email="preview@example.org", strata=strata, sampled=True)
    return Frame((first, *others), tuple(strata))


def check_port(port: int) -> None:
    """Ask for the port as the server will, which would try for five seconds and say less. Raises `SurveyError`."""
    try:
        socket.create_server((HOST, port)).close()
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        raise SurveyError(f"port {port} cannot be used: {reason}; choose another with --port") from None
