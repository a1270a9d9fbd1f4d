"""What holds for every request: headers, the proof that a post comes from our own page, and a silent log."""

import logging
import secrets

from flask import Flask, abort, g, request

from surveyapp.problems import fault_place
from surveyapp.web.lean import Answer

_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'{nonce}; img-src 'self'{connect}; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}

log = logging.getLogger("surveyapp.respondent")
"""Event names only: no path, no address, no browser, no text of an exception."""


def guard(app: Flask, secure: bool, fetches: bool = False) -> None:
    """Install the rules on an app. `secure`: it is served over TLS; `fetches`: its scripts ask for our pages."""

    @app.before_request
    def _prepare() -> None:
        g.nonce = secrets.token_urlsafe(16)
        if request.method not in {"GET", "HEAD", "OPTIONS"} and not _from_our_page(secure):
            abort(403)

    always = tuple({**HEADERS, **({"Strict-Transport-Security": "max-age=31536000"} if secure else {})}.items())

    @app.after_request
    def _finish(response: Answer) -> Answer:
        nonce = None if response.public else g.get("nonce")
        rules = (*always, ("Content-Security-Policy", policy(nonce, fetches)))
        if not response.public:
            response.headers.remove("Cache-Control")  # what is sent as a file brings one
            rules = (*rules, _NOT_KEPT)
        response.also += rules
        return response


_NOT_KEPT = ("Cache-Control", "no-store")


def policy(nonce: str | None = None, fetches: bool = False) -> str:
    """The Content-Security-Policy of a response, with the nonce of its page if it has one."""
    connect = "; connect-src 'self'" if fetches else ""
    return _POLICY.format(nonce=f" 'nonce-{nonce}'" if nonce else "", connect=connect)


def _from_our_page(secure: bool) -> bool:
    """Whether the browser says that this post comes from our own origin.

    Under `no-referrer` browsers send `Origin: null` even from our own forms; then `Sec-Fetch-Site` must vouch.
    Programmes that send neither header are stopped by the form's token. Behind a proxy that speaks TLS for us
    our origin is `https`, whatever reaches this process.
    """
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    if site is not None and site != "same-origin":
        return False
    if origin == "null":
        return site == "same-origin"
    return origin is None or origin == f"{'https' if secure else request.scheme}://{request.host}"


def log_fault(error: Exception, to: logging.Logger = log) -> None:
    """Note an unforeseen error by type and line: its text could hold an answer."""
    to.error("fault %s", fault_place(error))
