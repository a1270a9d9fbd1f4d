"""Somebody who opens every page of a site and sends every form on it, full of what hurts."""

import os
import random
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, quote_plus, urlsplit

from werkzeug.test import Client, TestResponse

from surveyapp.web import safety
from tests.attack.forms import Fields, Form, Page
from tests.attack.hostile import BYTES, FILES, MARK, TEXTS

SEED = int(os.environ.get("SURVEYAPP_SEED", "1"))
_WISH = os.environ.get("SURVEYAPP_ATTACK", "")
PART = "1/1" if _WISH == "all" else _WISH
ALL = bool(PART)
"""`make attack` sends everything, or the second eighth of it with `2/8`; a run of the suite a share that is drawn.

Something is sent into every form, whichever part it is.
"""

SLOWEST = 20.0
"""Seconds of work for one answer. None takes one; this is the sign of work that grows with what was sent."""

STRANGE: Fields = (
    ("admin", "1"),
    ("role", "admin"),
    ("survey", "other"),
    ("wave", "other"),
    ("_method", "DELETE"),
    ("__proto__", "1"),
)
"""Fields that no form of ours has."""

CODED = "application/x-www-form-urlencoded"


@dataclass(frozen=True)
class Body:
    """What is sent: its kind and bytes, and what to call it in a failure."""

    called: str
    kind: str
    content: bytes
    refused: bool = False


@dataclass
class Crawl:
    """One browser at one site, whose store is put back after every change."""

    client: Client
    store: Path
    afterwards: Callable[[], object] = lambda: None
    share: float = 1.0
    faults: list[str] = field(default_factory=list)
    statuses: dict[int, int] = field(default_factory=dict)
    kept: dict[object, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.rng = random.Random(SEED)
        self.turn, self.turns = (int(number) for number in (PART or "1/1").split("/"))
        self.counted = 0
        self.saved = sqlite3.connect(":memory:")
        self.live = sqlite3.connect(self.store)
        self.keep()

    def keep(self) -> None:
        """Remember the store and the cookies as they are."""
        self.live.backup(self.saved)
        self.version = self._version()
        self.kept = dict(self._cookies)

    def put_back(self) -> bool:
        """The store and the cookies as they were; whether the store had been changed."""
        changed = self._version() != self.version
        if changed:
            self.saved.backup(self.live)
            self.version = self._version()
        self._cookies.clear()
        self._cookies.update(self.kept)
        return changed

    def close(self) -> None:
        """Let go of the store."""
        self.saved.close()
        self.live.close()

    def _version(self) -> tuple[object, object]:
        counter = int.from_bytes(self.store.read_bytes()[24:28], "big")
        return counter, self.store.stat().st_size

    @property
    def _cookies(self) -> dict[object, object]:
        jar: dict[object, object] = self.client._cookies  # type: ignore[assignment]
        return jar

    # ── pages ──

    def open(self, path: str) -> Page:
        """A page, checked, with its forms."""
        return self.looked_at(self.client.get(path, buffered=True), f"GET {path}")

    def ask(self, path: str) -> None:
        """An address with hostile words in it: nothing changes by asking."""
        for called, words in TEXTS.items():
            if self._chosen() and len(words) < 8_000:
                for address in self._addresses(path, quote_plus(words.encode("utf-8", "replace"))):
                    self.looked_at(self.client.get(address, buffered=True), f"GET {path} with {called}")
                if self.put_back():
                    self.faults.append(f"GET {path} with {called} changed the store")

    def _addresses(self, path: str, words: str) -> Iterator[str]:
        bare, _, query = path.partition("?")
        names = [pair.partition("=")[0] for pair in query.split("&") if pair] or ["page", "next", "q", "version"]
        yield f"{bare}?{'&'.join(f'{name}={words}' for name in names)}"
        yield f"{bare}?{words}&{names[0]}={words}&{names[0]}=1"
        yield f"{bare.rstrip('/')}/{words.replace('+', '%20')}"

    # ── forms ──

    def attack(self, form: Form) -> None:
        """Send a form in every way there is, or in a share of them."""
        bodies = list(self._bodies(form))
        chosen = [body for body in bodies if self._chosen()] or [self.rng.choice(bodies)]
        for body in chosen:
            if form.method == "GET":
                self._ask_with(form, body)
            else:
                self._send(form, body)

    def _chosen(self) -> bool:
        self.counted += 1
        return self.counted % self.turns == self.turn % self.turns if ALL else self.rng.random() < self.share

    def _send(self, form: Form, body: Body) -> None:
        began = time.process_time()
        response = self.client.post(form.action, data=body.content, content_type=body.kind, buffered=True)
        what = f"POST {form.action} (on {form.page}) with {body.called}"
        if time.process_time() - began > SLOWEST:
            self.faults.append(f"{what}: slow")
        if body.refused and response.status_code not in {400, 403, 404, 405, 413, 415}:
            self.faults.append(f"{what}: {response.status_code} without our token")
        self.looked_at(response, what)
        if self._version() != self.version:
            try:
                self.afterwards()
            except Exception as error:  # noqa: BLE001 (every way in which it can fail is a finding)
                self.faults.append(f"{what}: afterwards {type(error).__name__} {error}")
        if self.put_back() and body.refused:
            self.faults.append(f"{what}: something was stored")

    def _ask_with(self, form: Form, body: Body) -> None:
        if body.kind == CODED and len(body.content) < 8_000:
            address = f"{urlsplit(form.action).path}?{body.content.decode('ascii')}"
            self.looked_at(self.client.get(address, buffered=True), f"GET {form.action} with {body.called}")
            if self.put_back():
                self.faults.append(f"GET {form.action} with {body.called} changed the store")

    def looked_at(self, response: TestResponse, what: str) -> Page:
        """What holds for every answer; the page that it is."""
        self.statuses[response.status_code] = self.statuses.get(response.status_code, 0) + 1
        wrong = list(_wrong(response))
        text = response.text if response.mimetype == "text/html" else ""
        page = Page(urlsplit(response.request.path).path, text, MARK)
        attached = response.headers.get("Content-Disposition", "").startswith("attachment")
        wrong += [f"let in {smuggled[:200]}" for smuggled in page.smuggled if not attached]
        self.faults += [f"{what}: {fault}" for fault in wrong]
        return page

    # ── what is sent ──

    def _bodies(self, form: Form) -> Iterator[Body]:
        token = next((value for name, value in form.fields if name == "csrf_token"), "")
        own = _with(form, {})
        yield from (
            self._coded(form, f"its button {value}", (*own, (name, value))) for name, value in form.buttons
        )
        yield self._coded(form, "nothing changed", own)
        for name in form.names:
            for called, words in TEXTS.items():
                yield self._coded(form, f"{called} in {name}", _with(form, {name: words}))
            yield self._coded(form, f"{name} twice", (*own, (name, "1"), (name, TEXTS["script"])))
            yield self._coded(form, f"{name} left out", tuple(pair for pair in own if pair[0] != name))
            for called, raw in BYTES.items():
                rest = _encoded(tuple(pair for pair in own if pair[0] != name)).encode()
                yield Body(f"{called} in {name}", CODED, rest + b"&" + quote_plus(name).encode() + b"=" + raw)
        for called, words in TEXTS.items():
            yield self._coded(form, f"{called} in every field", _with(form, dict.fromkeys(form.names, words)))
        for offered in form.choices:
            yield self._coded(form, f"{offered} chosen", (*(p for p in own if p[0] != offered[0]), offered))
        yield self._coded(form, "all choices at once", (*own, *form.choices))
        yield self._coded(form, "fields of nobody", (*own, *STRANGE))
        for name in form.files:
            for called, (file, content) in FILES.items():
                yield _parts(f"file {called} in {name}", own, {name: (file, content)})
        yield _parts(
            "a file for every field", (("csrf_token", token),), dict.fromkeys(form.names, FILES["script"])
        )
        yield Body(
            "no token", CODED, _encoded(tuple(p for p in own if p[0] != "csrf_token")).encode(), refused=True
        )
        yield Body(
            "a wrong token",
            CODED,
            f"{_encoded(own)}&csrf_token=x".replace(quote_plus(token), "x", 1).encode(),
            True,
        )
        yield Body("JSON", "application/json", b'{"csrf_token": ["' + token.encode() + b'"]}', refused=True)
        yield Body("no kind", "", _encoded(own).encode(), refused=True)
        yield Body("a broken boundary", "multipart/form-data; boundary=x", b"--y\r\n\r\n" * 9, refused=True)
        yield Body("no boundary", "multipart/form-data", _encoded(own).encode(), refused=True)
        yield Body("2,000 fields", CODED, f"{_encoded(own)}{'&a=1' * 2_000}".encode())

    def _coded(self, form: Form, called: str, fields: Fields) -> Body:
        if form.multipart:
            return _parts(called, fields, {})
        return Body(called, CODED, _encoded(fields).encode())


def _with(form: Form, changed: Mapping[str, str]) -> Fields:
    """The form as it stands, with other values for some of its fields."""
    same = tuple(pair for pair in form.fields if pair[0] not in changed)
    return (*same, *changed.items())


def _encoded(fields: Fields) -> str:
    pairs = ((name.encode("utf-8", "replace"), value.encode("utf-8", "replace")) for name, value in fields)
    return "&".join(f"{quote_plus(name)}={quote_plus(value)}" for name, value in pairs)


def _parts(called: str, fields: Fields, files: Mapping[str, tuple[str, bytes]]) -> Body:
    whole = b""
    for name, value in fields:
        content = value.encode("utf-8", "replace")
        whole += b'--zq\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % (
            quote(name).encode(),
            content,
        )
    for name, (file, content) in files.items():
        given = file.replace('"', "%22").encode()
        whole += b'--zq\r\nContent-Disposition: form-data; name="%s"; filename="%s"\r\n\r\n%s\r\n' % (
            quote(name).encode(),
            given,
            content,
        )
    return Body(called, "multipart/form-data; boundary=zq", whole + b"--zq--\r\n")


# ── what must hold ───────────────────────────────────────────────────────────

TOLD = (
    "Traceback (most recent call last)",
    "Internal Server Error",
    "sqlalchemy",
    "sqlite3.",
    "werkzeug.exceptions",
    "3703701",
)
"""What no answer says: how the machine is made, and what a template would have counted."""


def _wrong(response: TestResponse) -> Iterator[str]:
    if response.status_code >= 500:
        yield f"{response.status_code}"
    if response.mimetype.startswith(("text/", "application/json")):
        yield from (f"it says {word}" for word in TOLD if word in response.text)
    headers = response.headers
    for name, value in safety.HEADERS.items():
        if headers.get(name) != value:
            yield f"{response.status_code} without {name}"
    policy = headers.get("Content-Security-Policy", "")
    if "default-src 'none'" not in policy or "unsafe" in policy:
        yield f"{response.status_code} with the policy {policy!r}"
    led = headers.get("Location", "/").removeprefix("http://localhost")
    if not led.startswith("/") or led.startswith(("//", "/\\")) or MARK in urlsplit(led).path:
        yield f"leads to {led}"
    if any(
        MARK in value
        for name, value in headers.items()
        if name not in {"Location", "Content-Disposition", "Set-Cookie"}
    ):
        yield "hostile words in a header"
