"""The cookie by which a browser proves that it has come in to an account before (OWASP's device cookie).

It opens nothing. Failures to sign in are counted apart for such a browser, so that nobody who guesses from
elsewhere shuts it out. It holds, sealed, a random name of the browser for each of the last accounts, and no more.
"""

import base64
import json

from flask import Response, after_this_request, request

from surveyapp import privacy
from surveyapp.admitting import Porch
from surveyapp.web.staff.doors import Office

DAYS = 180
MOST_ACCOUNTS = 5
"""Accounts that one browser is remembered for: what the cookie holds."""


def porch(office: Office) -> Porch:
    """What the door works with, and what this browser brings along."""
    return Porch(office.db, office.key, office.now(), _read(office))


def remember(office: Office, account: bytes) -> None:
    """Give this browser the proof, with the response to this request."""
    known = _read(office)
    name = known.pop(account.hex(), None) or privacy.new_id().hex()
    kept = dict([*known.items(), (account.hex(), name)][-MOST_ACCOUNTS:])
    content = json.dumps({"devices": kept, "at": office.now()}, separators=(",", ":"))
    sealed = base64.urlsafe_b64encode(privacy.seal_cookie(_key(office), content.encode())).decode()

    @after_this_request
    def _give(response: Response) -> Response:
        response.set_cookie(
            cookie(office),
            sealed,
            max_age=DAYS * 24 * 60 * 60,
            path="/staff",
            secure=office.secure,
            httponly=True,
            samesite="Lax",
        )
        return response


def cookie(office: Office) -> str:
    """The name of the cookie."""
    return f"{'__Secure-' if office.secure else ''}staff-device"


def _read(office: Office) -> dict[str, str]:
    """The accounts that this browser has come in to, each with its name; altered and old ones are none."""
    try:
        sealed = base64.urlsafe_b64decode(request.cookies.get(cookie(office), "").encode())
        content = json.loads(privacy.open_cookie(_key(office), sealed))
    except (privacy.CannotOpen, ValueError):
        return {}
    fresh = office.now() - content["at"] < DAYS * 24 * 60 * 60
    return dict(content["devices"]) if fresh else {}


def _key(office: Office) -> bytes:
    """A key of its own: this cookie can never stand in for that of a session."""
    return privacy.keyed_hash(office.key, "devices")
