"""Building the respondent app: settings, secrets, static files, filters on addresses."""

import hashlib
from collections.abc import Callable, Iterable, MutableMapping
from datetime import date
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import IO, Any
from wsgiref.types import StartResponse, WSGIEnvironment

from flask import Flask, Request, g
from flask_babel import gettext
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.routing import BaseConverter
from whitenoise import WhiteNoise

from surveyapp import publishing
from surveyapp.config import Home
from surveyapp.instrument import CURRENCIES
from surveyapp.keyring import COOKIE_LIFE, KeyRing
from surveyapp.storage.database import Database, connect
from surveyapp.web import (
    answering,
    brand,
    entrance,
    errors,
    kept,
    languages,
    offline,
    packing,
    safety,
    sending,
    visits,
)
from surveyapp.web.cookies import SealedCookies
from surveyapp.web.lean import LeanFlask
from surveyapp.web.tokens import Tokens

ROOMS = (entrance, answering, offline, sending)
"""Importing them fills `visits.pages`."""

STATIC = Path(__file__).parent / "static"
MAX_FORM = 400_000
"""Bytes of a posted form. Everything up to this is kept in memory: no answer is spooled to a file."""


class MemoryRequest(Request):
    """A request whose files stay in memory, where werkzeug would put large ones on the disk.

    A body sent in chunks that is longer than allowed is refused, where werkzeug would cut it and read the rest as
    the whole.
    """

    @cached_property
    def stream(self) -> IO[bytes]:
        """The body."""
        most = self.max_content_length
        if "HTTP_TRANSFER_ENCODING" not in self.environ or most is None:
            return super().stream
        body = b""
        while len(body) <= most and (more := self.environ["wsgi.input"].read(65_536)):
            body += more
        if len(body) > most:
            raise RequestEntityTooLarge
        return BytesIO(body)

    def _get_file_stream(self, *_said: Any, **_of_it: Any) -> IO[bytes]:
        return BytesIO()


class Slug(BaseConverter):
    """The names that our addresses hold: pages and waves."""

    regex = "[a-z0-9][a-z0-9_-]{0,45}"


def create_app(
    home: Home,
    secure: bool = True,
    today: Callable[[], date] = date.today,
    preview: bool = False,
    mount: str = "/",
) -> Flask:
    """The respondent app on an installation.

    `secure` says that it is served over TLS, as every real one must be: cookies then travel over TLS only.
    `today` gives the day; nothing finer is ever wanted. `preview` marks every page as one that keeps nothing; its
    cookie has a name of its own, because a browser sends the cookies of 127.0.0.1 to every port. `mount` is where
    the app is mounted: its cookie goes there and nowhere else.
    """
    home.make()
    app = LeanFlask(__name__, static_folder=None)
    app.request_class = MemoryRequest
    app.logger.disabled = True  # Flask's own words name path and exception; `safety.log` has ours
    app.url_map.converters["slug"] = Slug
    cookies = KeyRing(home.keys / "cookie", COOKIE_LIFE)
    app.config.update(
        MAX_CONTENT_LENGTH=MAX_FORM,
        MAX_FORM_MEMORY_SIZE=MAX_FORM,
        MAX_FORM_PARTS=2000,
        SESSION_COOKIE_SECURE=secure,
    )
    app.session_interface = SealedCookies(cookies, secure, "preview" if preview else "answer", mount)
    safety.guard(app, secure)  # before the tokens: a foreign form is refused as foreign, whatever it holds
    packing.pack_pages(app)
    guard = Tokens(app)
    for asks_itself in (answering.save, offline.take, sending.send):  # after what must not wait for it
        guard.exempt(asks_itself)
    languages.install(app)
    brand.install(app)
    errors.handle(app)
    kept.install(app)
    peppers = KeyRing(home.keys / "pepper")
    app.extensions["surveyapp"] = visits.Site(_database(home), peppers, today, (peppers, cookies))
    app.register_blueprint(visits.pages)
    serve_static(app)
    app.context_processor(_page_context)
    app.jinja_env.globals["CURRENCIES"] = CURRENCIES
    app.jinja_env.globals["preview"] = preview
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    return app


def _database(home: Home) -> Database:
    """The store, with every published version verified before the first respondent sees one."""
    db = connect(home.store)
    publishing.versions(db)
    return db


def _page_context() -> dict[str, object]:
    return {"service_name": gettext("State of the sector surveys"), "csp_nonce": g.get("nonce", "")}


def serve_static(app: Flask) -> None:
    """Static files under addresses that change with their content, so that browsers may keep them for a year."""
    prints = {file.name: hashlib.sha256(file.read_bytes()).hexdigest()[:12] for file in STATIC.iterdir()}

    @app.url_defaults
    def _print(endpoint: str, values: dict[str, object]) -> None:
        if endpoint == "static":
            values["v"] = prints[str(values["filename"])]

    app.add_url_rule("/static/<path:filename>", "static", build_only=True)
    pages = app.wsgi_app
    files = WhiteNoise(
        pages,
        root=str(STATIC),
        prefix="static/",
        max_age=31_536_000,
        allow_all_origins=False,
        add_headers_function=_static_headers,
    )

    def _files_or_pages(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Files can only be fetched; WhiteNoise would refuse the rest without our headers and our page."""
        serve = files if environ["REQUEST_METHOD"] in {"GET", "HEAD"} else pages
        return serve(environ, start_response)

    app.wsgi_app = _files_or_pages  # type: ignore[method-assign]


def _static_headers(headers: MutableMapping[str, str], _path: str, _url: str) -> None:
    for name, value in {**safety.HEADERS, "Content-Security-Policy": safety.policy()}.items():
        headers[name] = value
