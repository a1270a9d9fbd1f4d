"""Walking through a questionnaire as a respondent would, on the real pages, which keep nothing.

Each walk is an installation of its own in `previews/`, under an address that nobody can guess, so that any process
of the site can serve it. Its wave's private key was thrown away as it was made. Walks are erased after some hours.
"""

import shutil
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import date
from threading import Lock
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from flask import Flask

from surveyapp import privacy
from surveyapp.acting import acting
from surveyapp.config import Home
from surveyapp.web.app import create_app
from surveyapp.web.preview import prepare

MOUNT = "/staff/preview"
MOST_AT_ONCE = 8
MOST_KEPT = 200
"""Walks that there are at a time, a third of a megabyte each: whoever begins one after another fills no disk."""

HOURS = 12


def begin(home: Home, content: bytes, facts: Mapping[str, str], today: date, now: float) -> str:
    """Begin a walk; its address, below the site's own. With `facts` an invented organisation that has them walks.

    Raises `Refused` with every problem of the document.
    """
    _sweep(home, now)
    name = privacy.new_id().hex()
    walk = Home(home.previews / name).make()
    try:
        with acting(None):
            return f"{MOUNT}/{name}{prepare(walk, content, facts, today).path}"
    except BaseException:
        shutil.rmtree(walk.path)
        raise


def _sweep(home: Home, now: float) -> None:
    """Erase walks that began long ago, and the oldest where there are too many."""
    begun = []
    for folder in home.previews.glob("*"):
        with suppress(OSError):
            begun.append((folder.stat().st_mtime, folder))
    for place, (at, folder) in enumerate(sorted(begun, reverse=True), 1):
        if place >= MOST_KEPT or now - at > HOURS * 3600:
            with suppress(OSError):
                shutil.rmtree(folder)


class Walks:
    """Serves every walk below `MOUNT`; what is none goes to `otherwise`, which says that there is no such page."""

    def __init__(self, home: Home, secure: bool, today: Callable[[], date], otherwise: WSGIApplication) -> None:
        self.home, self.secure, self.today, self.otherwise = home, secure, today, otherwise
        self._apps: OrderedDict[str, Flask] = OrderedDict()
        self._lock = Lock()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Serve a request whose path begins with the name of a walk."""
        name, slash, rest = environ["PATH_INFO"].removeprefix("/").partition("/")
        if not self._exists(name):
            elsewhere = {"SCRIPT_NAME": MOUNT.rpartition("/")[0], "PATH_INFO": "/preview/"}
            return self.otherwise({**environ, **elsewhere}, start_response)
        within = {"SCRIPT_NAME": f"{environ['SCRIPT_NAME']}/{name}", "PATH_INFO": slash + rest or "/"}
        return self._app(name)({**environ, **within}, start_response)

    def _exists(self, name: str) -> bool:
        plain = len(name) == 32 and set(name) <= set("0123456789abcdef")
        return plain and (self.home.previews / name / "surveyapp.db").exists()

    def _app(self, name: str) -> Flask:
        with self._lock:
            if name not in self._apps:
                folder = Home(self.home.previews / name)
                mount = f"{MOUNT}/{name}"
                self._apps[name] = create_app(folder, self.secure, self.today, preview=True, mount=mount)
            self._apps.move_to_end(name)
            while len(self._apps) > MOST_AT_ONCE:
                self._apps.popitem(last=False)[1].extensions["surveyapp"].db.close()
            return self._apps[name]
