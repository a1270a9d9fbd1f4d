"""The screen for paper returns on this machine alone, until there are accounts for staff: `responses enter`.

It serves 127.0.0.1 and nobody else, and lets in whoever has the code that the terminal shows: other users of the
same machine can reach the port, but cannot read that terminal. The code is good until the command ends, so that a
browser that crashed can come back. Every secret of it is made at the start and is never stored.
"""

import hmac
from collections.abc import Callable
from datetime import date

from flask import Blueprint, Flask, g, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import CSRFProtect
from werkzeug.exceptions import HTTPException

from surveyapp import privacy, returning
from surveyapp.config import Home
from surveyapp.keyring import Keys
from surveyapp.problems import SurveyError
from surveyapp.storage.database import connect
from surveyapp.web import brand, keying, languages, packing, safety
from surveyapp.web.app import MAX_FORM, MemoryRequest, serve_static
from surveyapp.web.cookies import SealedCookies
from surveyapp.web.keying import Keyroom
from surveyapp.web.lean import LeanFlask
from surveyapp.web.preview import check_port
from surveyapp.web.server import serve_alone
from surveyapp.web.sittings import Sitting

_REFUSALS = {
    400: "That form could not be read. Go back and try again.",
    403: "The form did not come from these pages.",
    404: "There is no such page.",
    405: "Go back and use the buttons on the page.",
    413: "The form was larger than we accept. Shorten what is typed.",
}


def run(home: Home, wave: str, port: int, today: Callable[[], date], tell: Callable[[str], None]) -> None:
    """Serve the screen until it is stopped; `tell` is given its address.

    Raises `NotFound`, `WaveNotOpen`, or `SurveyError` if the port cannot be had.
    """
    check_port(port)
    db = connect(home.make().store)
    returning.keyed_wave(db, wave)
    db.close()
    code = privacy.new_code()
    tell(f"http://127.0.0.1:{port}/#{code}")
    serve_alone(lambda: create_keyroom(home, wave, code, today), port)


def create_keyroom(home: Home, wave: str, code: str, today: Callable[[], date]) -> Flask:
    """The app: one wave, one sitting, open to whoever has `code`."""
    app = LeanFlask(__name__, static_folder=None)
    app.request_class = MemoryRequest
    app.logger.disabled = True
    app.config.update(
        SECRET_KEY=privacy.new_secret(),
        MAX_CONTENT_LENGTH=MAX_FORM,
        MAX_FORM_MEMORY_SIZE=MAX_FORM,
        MAX_FORM_PARTS=10_000,
        WTF_CSRF_TIME_LIMIT=None,
        WTF_CSRF_SSL_STRICT=False,
    )
    app.session_interface = SealedCookies(Keys(privacy.new_secret()), secure=False, name="keying")
    safety.guard(app, secure=False)
    packing.pack_pages(app)
    CSRFProtect(app)
    languages.install(app)
    db, sitting = connect(home.store), Sitting()
    keyroom = Keyroom(db, today, lambda: wave, lambda: sitting, lambda name: url_for(f"keying.{name}"))
    app.extensions["surveyapp"] = app.extensions["keyroom"] = keyroom
    brand.install(app)
    _install_door(app, code)
    _explain(app)
    app.register_blueprint(_pages(keyroom), url_prefix="/returns")
    serve_static(app)
    shown = {"wave_name": wave, "base": keyroom.base, "to": keyroom.to}
    app.context_processor(lambda: {**shown, "csp_nonce": g.get("nonce", "")})
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    return app


def _pages(keyroom: Keyroom) -> Blueprint:
    pages = Blueprint("keying", __name__)
    for method, rule, view in keying.VIEWS:
        pages.add_url_rule(rule, view.__name__, view, methods=[method])

    @pages.before_request
    def _enter() -> None:
        g.keyroom = keyroom

    return pages


def _install_door(app: Flask, code: str) -> None:
    """Ask for the code before anything else; styles and scripts anybody may have."""

    @app.before_request
    def _ask() -> ResponseReturnValue | None:
        if session.get("in") or request.endpoint in {"door", "knock", "brand.stylesheet"}:
            return None
        if request.form.get("then") == "quiet":
            return "", 204
        return redirect(url_for("door"), 303)

    @app.get("/")
    def door() -> ResponseReturnValue:
        return redirect(url_for("keying.home")) if session.get("in") else render_template("keying/door.html")

    @app.post("/")
    def knock() -> ResponseReturnValue:
        typed = privacy.normal_code(request.form.get("code", "")) or ""
        if not hmac.compare_digest(typed, privacy.normal_code(code) or "-"):
            return render_template("keying/door.html", wrong=True), 403
        session["in"] = True
        return redirect(url_for("keying.home"), 303)


def _explain(app: Flask) -> None:
    """Say what went wrong; what a script keeps on the side never takes the page away."""

    @app.errorhandler(Exception)
    def _any(error: Exception) -> ResponseReturnValue:
        if request.form.get("then") == "quiet":
            return "", 204
        if isinstance(error, SurveyError):
            return _message("That could not be done", str(error)), 409
        if isinstance(error, HTTPException) and error.code and error.code < 500:
            if error.code < 400:
                return error.get_response()
            return _message("That is not possible", _REFUSALS.get(error.code, _REFUSALS[400])), error.code
        safety.log_fault(error)
        return _message("Something went wrong", "It is our fault. What was kept before is still there."), 500


def _message(title: str, words: str) -> str:
    return render_template("keying/message.html", title=title, words=words)
