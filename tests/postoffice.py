"""A real mail server for tests, on this machine, that counts what it takes and can be told to misbehave."""

import asyncio
import datetime
import ssl
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from surveyapp import writing
from surveyapp.mail import transport
from surveyapp.storage.database import connect
from surveyapp.writing import Desk
from tests.makers import TODAY

USER, PASSWORD = "office", "open sesame"


@dataclass
class Office:
    """What arrived, as (recipient, bytes), and what to reply to a sender, a recipient or a text instead of yes."""

    taken: list[tuple[str, bytes]] = field(default_factory=list)
    senders: list[str] = field(default_factory=list)
    to_recipient: Callable[[str], str | None] = lambda _to: None
    to_sender: Callable[[str], str | None] = lambda _sender: None
    to_text: Callable[[str], str | None] = lambda _to: None
    slow: float = 0.0
    connections: int = 0
    port: int = 0

    @property
    def count(self) -> Counter[str]:
        """How many letters each recipient has had."""
        return Counter(to for to, _ in self.taken)

    async def handle_EHLO(
        self, server: Any, session: Any, envelope: Any, name: str, replies: list[str]
    ) -> list[str]:
        self.connections += 1
        session.host_name = name
        return replies

    async def handle_MAIL(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        if refusal := self.to_sender(address):
            return refusal
        self.senders.append(address)
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        if refusal := self.to_recipient(address):
            return self._said(server, refusal)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        (to,) = envelope.rcpt_tos
        refusal = self.to_text(to)
        if refusal is None or refusal == "take and hang up":
            self.taken.append((to, envelope.content))
        await asyncio.sleep(self.slow)
        return self._said(server, refusal) if refusal else "250 2.0.0 taken"

    def _said(self, server: Any, refusal: str) -> str:
        if "hang up" in refusal:
            server.transport.abort()
        elif refusal.startswith("421"):
            asyncio.get_event_loop().call_later(0.02, server.transport.close)
        return refusal


@contextmanager
def post_office(
    certificate: ssl.SSLContext | None = None, *, at_once: bool = False, login: bool = False, **how: Any
):
    """A running server. With a certificate it offers STARTTLS, or speaks TLS at once."""
    office = Office(**how)
    more: dict[str, Any] = {"ssl_context": certificate} if at_once else {"tls_context": certificate}
    if login:
        more |= {"authenticator": _check, "auth_required": not at_once, "auth_require_tls": not at_once}
    controller = _Controller(office, hostname="127.0.0.1", port=0, **more)
    controller.start()
    office.port = controller.port
    try:
        yield office
    finally:
        controller.stop(no_assert=True)


class _Controller(Controller):
    """The port is chosen by the system; the trial connection that ends the start goes there."""

    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


def _check(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
    good = isinstance(data, LoginPassword) and data.login == USER.encode() and data.password == PASSWORD.encode()
    return AuthResult(success=good, handled=good)


def make_certificate(folder: Path, name: str = "127.0.0.1") -> tuple[ssl.SSLContext, Path]:
    """A server's context and the file that a client must trust to believe it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    host = x509.IPAddress(ip_address(name)) if name[0].isdigit() else x509.DNSName(name)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([host]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    trusted, own = folder / "trusted.pem", folder / "own.pem"
    trusted.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    own.write_bytes(trusted.read_bytes() + key.private_bytes(pem, pkcs8, serialization.NoEncryption()))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(own)
    return context, trusted


def post_once(path: Path, key_file: Path, port: int) -> None:
    """Invite everybody through the server at `port`: what a process does before it is killed."""
    out = transport(key_file.parent / "out", f"smtp://127.0.0.1:{port}", "")
    desk = Desk(connect(path), key_file, out, TODAY)
    writing.invite(desk, "tiny-1", address="https://x.example", sender="office@example.org")


@contextmanager
def silent_port() -> Iterator[int]:
    """A port that takes a connection and never says a word."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]
