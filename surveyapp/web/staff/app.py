"""Building the staff app: its secrets, cookie, rules, rooms and what every page shows."""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import date

from flask import Flask, g, session
from flask_wtf import CSRFProtect
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.routing import BaseConverter

from surveyapp import privacy
from surveyapp.config import Home, secret
from surveyapp.keyring import COOKIE_LIFE, KeyRing
from surveyapp.roles import ANALYST
from surveyapp.storage.database import connect
from surveyapp.web import brand, languages, packing, safety
from surveyapp.web.app import MemoryRequest, Slug, create_app, serve_static
from surveyapp.web.cookies import SealedCookies
from surveyapp.web.lean import LeanFlask
from surveyapp.web.staff import (
    accounts,
    api,
    builder,
    codingroom,
    editor,
    entrance,
    errors,
    exports,
    instruments,
    jobs,
    letters,
    mine,
    opening,
    returns,
    settings,
    tables,
    tokens,
    trail,
    tray,
    units,
    walking,
    waves,
)
from surveyapp.web.staff import home as first
from surveyapp.web.staff.doors import ANY_ROLE, Office, desk
from surveyapp.web.staff.walking import Walks

MOUNT = "/staff"
AWAY = 30 * 60
"""Seconds without a page after which a browser has to sign in again."""

COOKIE_SIZE = 1500
"""Bytes that the cookie holds: a token, a page to come back to, a sentence, recovery codes until they are kept."""


class Edition(BaseConverter):
    """The name of a version in an address, such as 2012.1."""

    regex = "[A-Za-z0-9][A-Za-z0-9._-]{0,39}"


class Hex(BaseConverter):
    """An id of 16 bytes in an address."""

    regex = "[0-9a-f]{32}"


MAX_UPLOAD = 60_000_000
"""Bytes of a frame of 100,000 units with room to spare."""

ROOMS = (
    *(
        entrance,
        mine,
        accounts,
        trail,
        first,
        instruments,
        editor,
        waves,
        letters,
        units,
        settings,
        opening,
        returns,
    ),
    *(tray, tables, builder, exports, codingroom, jobs, tokens, api),
)

AREAS = (
    ("waves.index", "Fieldwork", ANY_ROLE),
    ("instruments.index", "Questionnaires", ANY_ROLE),
    ("tables.index", "Tables", (ANALYST,)),
    ("coding.index", "Open answers", (ANALYST,)),
    ("jobs.index", "Jobs", ANY_ROLE),
    ("trail.of_survey", "Trail", ANY_ROLE),
)
"""The areas of a survey: endpoint, name, and who sees it."""

BESIDE = {
    "waves.index": ("letters", "units", "settings", "opening", "keying", "tray"),
    "instruments.index": ("editor",),
    "tables.index": ("builder", "exports"),
    "jobs.index": ("tokens",),
}
"""Rooms that belong to the area of another."""


def create_site(
    home: Home, secure: bool = True, today: Callable[[], date] = date.today, now: Callable[[], float] = time.time
) -> DispatcherMiddleware:
    """Everything that an installation serves: the respondents' pages, and the staff's under /staff."""
    staff = create_staff(home, secure, today, now)
    walks = Walks(home, secure, today, staff)
    respondents = create_app(home, secure, today)
    site = respondents.extensions["surveyapp"]
    respondents.extensions["surveyapp"] = replace(site, rings=(*site.rings, *staff.extensions["rings"]))
    return DispatcherMiddleware(respondents, {MOUNT: staff, walking.MOUNT: walks})


def create_staff(
    home: Home, secure: bool = True, today: Callable[[], date] = date.today, now: Callable[[], float] = time.time
) -> Flask:
    """The staff app on an installation, to be mounted at /staff, where its cookie goes and nowhere else."""
    home.make()
    app = LeanFlask("surveyapp.web", static_folder=None)
    app.request_class = MemoryRequest  # a frame, a file of returns, a private key: none of it is put on the disk
    app.logger.disabled = True
    app.url_map.converters["slug"] = Slug
    app.url_map.converters["edition"] = Edition
    app.url_map.converters["hex"] = Hex
    form_keys, cookie_keys = (KeyRing(home.keys / name, COOKIE_LIFE) for name in ("staff-forms", "staff-cookie"))
    app.config.update(
        WTF_CSRF_SECRET_KEY=form_keys,
        MAX_CONTENT_LENGTH=MAX_UPLOAD,
        MAX_FORM_MEMORY_SIZE=4_000_000,
        MAX_FORM_PARTS=10_000,
        WTF_CSRF_TIME_LIMIT=None,  # the cookie's lifetime is the limit
        WTF_CSRF_SSL_STRICT=False,  # it looks at the Referer, which our pages forbid; `safety` looks at the Origin
        SESSION_COOKIE_SECURE=secure,
    )
    key = secret(home.keys / "staff", privacy.new_secret)
    app.session_interface = SealedCookies(cookie_keys, secure, "staff", MOUNT, AWAY, COOKIE_SIZE)
    safety.guard(app, secure, fetches=True)
    packing.pack_pages(app)
    CSRFProtect(app).exempt(api.pages)
    languages.install(app)
    brand.install(app)
    errors.handle(app)
    app.extensions["rings"] = (form_keys, cookie_keys)
    app.extensions["staff"] = Office(home, connect(home.store), today, lambda: int(now()), key, secure)
    for room in ROOMS:
        app.register_blueprint(room.pages)
    serve_static(app)
    app.context_processor(_page_context)
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    return app


def _page_context() -> dict[str, object]:
    return {
        "desk": desk(),
        "areas": AREAS,
        "beside": BESIDE,
        "said": session.pop("said", ""),
        "csp_nonce": g.get("nonce", ""),
    }
