"""The token that proves that a form came from our page: flask-wtf's guard, with a token that needs no signature.

flask-wtf signs its tokens because Flask's own cookie can be read. Ours is sealed, so what lies in it is a secret
without that: drawn once a visit, put into every form, compared with what comes back.
"""

import hmac

from flask import Flask, g, request, session
from flask_wtf import CSRFProtect

from surveyapp import privacy

NAME = "csrf_token"


class Tokens(CSRFProtect):  # type: ignore[misc]
    """flask-wtf's guard of all posts; which views ask for themselves, and what a refusal is, are its own."""

    def init_app(self, app: Flask) -> None:
        """Guard an app, and give its templates `csrf_token()`."""
        super().init_app(app)
        app.context_processor(lambda: {NAME: token})

    def protect(self, apply_exemptions: bool = False) -> None:
        """Refuse a post without this visitor's token with `CSRFError`."""
        if request.method in {"GET", "HEAD", "OPTIONS"} or (apply_exemptions and self._passed_over()):
            return
        given, held = request.form.get(NAME, ""), session.get(NAME, "")
        if not held or not hmac.compare_digest(given.encode(errors="replace"), held.encode()):
            self._error_response("the form bears no token of this visitor")

    def _passed_over(self) -> bool:
        """Whether there is no such page, or its view asks for itself."""
        return not request.endpoint or bool(self._is_exempt())


def token() -> str:
    """The token of this visitor."""
    held = session.get(NAME)
    if held is None:
        held = session[NAME] = privacy.new_token()
    g.csrf_token = held
    return str(held)
