"""The one cookie of an app: encrypted, of constant length, good for a while, known to nobody else.

Flask's own session is signed but readable; this one holds the key of a draft.
"""

import base64
import json
import time
from collections.abc import Mapping
from typing import Any

from flask import Flask, Request
from flask.sessions import SessionInterface, SessionMixin

from surveyapp import privacy
from surveyapp.keyring import COOKIE_LIFE, Keys
from surveyapp.web.lean import Answer

LIFETIME = COOKIE_LIFE

_VARY = ("Vary", "Cookie")

_written = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


class Visitor(dict[str, Any], SessionMixin):
    """What the cookie holds: the visit, and the token that proves a form came from our page."""


class SealedCookies(SessionInterface):
    """Reads and writes the cookie. Altered, foreign or old cookies count as none."""

    def __init__(
        self,
        keys: Keys,
        secure: bool,
        name: str = "answer",
        path: str = "/",
        lifetime: int = LIFETIME,
        size: int = privacy.COOKIE_SIZE,
    ) -> None:
        """`path` is where the cookie goes to, `lifetime` for how many seconds without a visit it is good.

        `size` is how many bytes it holds. Cookies are sealed with the newest of `keys`, and opened with any.
        """
        self.keys, self.size = keys, size
        self.secure = secure
        self.path, self.lifetime = path, lifetime
        prefix = "__Host-" if path == "/" else "__Secure-"  # browsers hold the first to the whole site
        self.name = f"{prefix}{name}" if secure else name
        self.terms = f"{'Secure; ' if secure else ''}HttpOnly; Max-Age={lifetime}; Path={path}; SameSite=Lax"
        """As werkzeug would write them; of base 64 and these nothing needs its escaping."""

    def open_session(self, app: Flask, request: Request) -> Visitor:
        """The visitor in the request's cookie, or an empty one."""
        try:
            sealed = base64.urlsafe_b64decode(self._sent(request))
            opened = privacy.with_any(self.keys.opening, lambda key: privacy.open_cookie(key, sealed))
            content = json.loads(opened)
        except (privacy.CannotOpen, ValueError):
            return Visitor()
        away = abs(time.time() - content["at"])  # a cookie from a clock ahead is good for no longer than any other
        return Visitor(content["visitor"]) if away < self.lifetime else Visitor()

    def _sent(self, request: Request) -> bytes:
        """The cookie of this name as it was sent. Ours needs none of the unquoting that werkzeug tries on all."""
        ours = f"{self.name}="
        cookies = request.environ.get("HTTP_COOKIE", "").split(";")
        found = (cookie.strip() for cookie in cookies)
        return next((cookie[len(ours) :] for cookie in found if cookie.startswith(ours)), "").encode("latin-1")

    def save_session(self, app: Flask, session: SessionMixin, response: Answer) -> None:  # type: ignore[override]
        """Write the cookie anew, or take it away when there is nothing to remember.

        A response that anybody may keep says nothing of the visitor.
        """
        if response.public:
            return
        if not session:
            response.delete_cookie(self.name, self.path, secure=self.secure, httponly=True, samesite="Lax")
            response.also += (_VARY,)
            return
        response.also += (_VARY, ("Set-Cookie", f"{self.name}={self.seal(session)}; {self.terms}"))

    def seal(self, visitor: Mapping[str, Any]) -> str:
        """The cookie of a visitor, as of now."""
        whole = {"visitor": dict(visitor), "at": int(time.time())}
        content = _written(whole).encode(errors="replace")
        return base64.urlsafe_b64encode(privacy.seal_cookie(self.keys.sealing, content, self.size)).decode()
