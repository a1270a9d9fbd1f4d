"""The respondent's one cookie: encrypted, of constant length, good for two hours, known to nobody else.

Flask's own session is signed but readable; this one holds the key of a draft.
"""

import base64
import json
import time
from typing import Any

from flask import Flask, Request, Response
from flask.sessions import SessionInterface, SessionMixin

from surveyapp import privacy

LIFETIME = 2 * 60 * 60


class Visitor(dict[str, Any], SessionMixin):
    """What the cookie holds: the visit, and the token that proves a form came from our page."""


class SealedCookies(SessionInterface):
    """Reads and writes the cookie. Altered, foreign or old cookies count as none."""

    def __init__(self, key: bytes, secure: bool, name: str = "answer") -> None:
        self.key = key
        self.secure = secure
        self.name = f"__Host-{name}" if secure else name

    def open_session(self, app: Flask, request: Request) -> Visitor:
        """The visitor in the request's cookie, or an empty one."""
        try:
            sealed = base64.urlsafe_b64decode(request.cookies.get(self.name, "").encode())
            content = json.loads(privacy.open_cookie(self.key, sealed))
        except (privacy.CannotOpen, ValueError):
            return Visitor()
        return Visitor(content["visitor"]) if time.time() - content["at"] < LIFETIME else Visitor()

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        """Write the cookie anew, or take it away when there is nothing to remember.

        A response that anybody may keep says nothing of the visitor.
        """
        if response.cache_control.public:
            return
        response.headers.add("Vary", "Cookie")
        if not session:
            response.delete_cookie(self.name, secure=self.secure, httponly=True, samesite="Lax")
            return
        content = json.dumps({"visitor": dict(session), "at": int(time.time())}, separators=(",", ":"))
        sealed = base64.urlsafe_b64encode(privacy.seal_cookie(self.key, content.encode())).decode()
        response.set_cookie(
            self.name, sealed, max_age=LIFETIME, secure=self.secure, httponly=True, samesite="Lax", path="/"
        )
