"""Letters on their way out: into a folder as `.eml` files, or to a mail server.

Both are a `Transport`: `send` either has sent a letter when it returns, or raises what is known of it. A letter is
the same bytes whenever it is made, and carries no date and no id of its own.
"""

import hashlib
import re
import smtplib
import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import parseaddr
from ipaddress import ip_address
from pathlib import Path
from typing import Protocol, Self
from urllib.parse import parse_qsl, unquote, urlsplit

from surveyapp.config import write_aside
from surveyapp.problems import SurveyError

PER_CONNECTION = 100
"""Letters that go over one connection; some servers end it after a number of their own."""

TIMEOUT = 30.0
_POLICY = SMTP.clone(cte_type="7bit")


@dataclass(frozen=True)
class Letter:
    """One letter to one address; `name` is the file it is kept under. `html` is "" where there is no such part."""

    name: str
    to: str
    subject: str
    text: str = field(repr=False)
    html: str = field(default="", repr=False)


class Declined(SurveyError):
    """A letter that will never be taken. `code` is the server's, such as "550 5.1.1", or "" if it gave none.

    `of_address` says that the address is the reason, and not the letter or the way it was sent.
    """

    def __init__(self, message: str, code: str = "", of_address: bool = False) -> None:
        self.code = code
        self.of_address = of_address
        super().__init__(message)


class NotNow(SurveyError):
    """A letter that was not taken, and may be later; others may go."""

    def __init__(self, message: str, code: str = "") -> None:
        self.code = code
        super().__init__(message)


class Unreachable(SurveyError):
    """Nothing can be sent now; the letter at hand was not."""


class Uncertain(SurveyError):
    """The connection broke when the letter was out and the server had not answered: nobody knows."""


class Transport(Protocol):
    """A way out for letters. Use it in a `with`; entering it raises `Unreachable` if nothing can be sent now."""

    def __enter__(self) -> Self: ...
    def __exit__(self, *_: object) -> None: ...

    def send(self, letter: Letter, sender: str) -> None:
        """Send one letter. Raises `Declined`, `NotNow`, `Unreachable` or `Uncertain`."""

    def has(self, letter: Letter, sender: str) -> bool:
        """Whether it is known that this very letter has been sent."""

    def __str__(self) -> str:
        """Where letters go, for people to read."""


def transport(folder: Path, address: str, password: str) -> Transport:
    """The mail server at `address`, or `folder` where `address` is "". Raises `SurveyError` for a wrong one."""
    return Server(server_at(address, password)) if address else Folder(folder)


def message(letter: Letter, sender: str) -> EmailMessage:
    """The letter as it is sent. Raises `Declined` if a header cannot bear what it is given."""
    made = EmailMessage(policy=_POLICY)
    user, _, domain = letter.to.rpartition("@")
    try:
        made["From"] = sender
        made["To"] = Address(username=user, domain=domain)
        made["Subject"] = " ".join(letter.subject.split())
    except ValueError as error:
        raise Declined(f"{letter.to!r} cannot be written to: {error}; correct it in the frame") from None
    made.set_content(letter.text)
    if letter.html:
        made.add_alternative(letter.html, subtype="html")
        made.set_boundary(hashlib.sha256((letter.text + letter.html).encode()).hexdigest()[:32])
    return made


# ── a folder ─────────────────────────────────────────────────────────────────


class Folder:
    """A folder of `.eml` files, which any mail programme can send. A letter's name is its file's."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __enter__(self) -> Self:
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise Unreachable(f"{self.path} cannot be written: {error.strerror}") from None
        return self

    def __exit__(self, *_: object) -> None: ...

    def __str__(self) -> str:
        return str(self.path)

    def send(self, letter: Letter, sender: str) -> None:
        """Write the letter whole or not at all."""
        content = message(letter, sender).as_bytes()
        try:
            write_aside(self._file(letter), content, private=True)
        except SurveyError as error:
            raise Unreachable(str(error)) from None

    def has(self, letter: Letter, sender: str) -> bool:
        """Whether its file is there, with the same bytes."""
        with suppress(OSError, Declined):
            return self._file(letter).read_bytes() == message(letter, sender).as_bytes()
        return False

    def _file(self, letter: Letter) -> Path:
        return self.path / f"{_file_name(letter.name)}.eml"


def post(letters: list[Letter], folder: Path, sender: str) -> int:
    """Write each letter into `folder`; how many were written."""
    with Folder(folder) as out:
        for letter in letters:
            out.send(letter, sender)
    return len(letters)


def _file_name(name: str) -> str:
    """`name` if any disk takes it; else what is safe of it and a hash, so that no two letters share a file."""
    kept = "".join(c if c.isascii() and (c.isalnum() or c in "-_") else "_" for c in name)[:80]
    return kept if kept == name and name else f"{kept}-{hashlib.sha256(name.encode()).hexdigest()[:16]}"


# ── a mail server ────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Settings:
    """A mail server: `security` is "tls" from the first byte, "starttls", or "plain"."""

    host: str
    port: int
    security: str
    user: str = ""
    password: str = field(default="", repr=False)
    timeout: float = TIMEOUT


_HOW = "write smtp://user@host:587?starttls or smtps://user@host, and put the password into a file"


def server_at(address: str, password: str) -> Settings:
    """The settings in `smtp://user@host:587?starttls` or `smtps://user@host:465`.

    `?timeout=60` waits longer; `?plain` allows letters without TLS beyond this machine. Raises `SurveyError`.
    """
    try:
        parts = urlsplit(address)
        port, options = parts.port, dict(parse_qsl(parts.query, keep_blank_values=True))
        timeout = float(options.pop("timeout", TIMEOUT))
    except ValueError:
        raise SurveyError(f"SURVEYAPP_SMTP is not the address of a mail server; {_HOW}") from None
    wrong = parts.scheme not in {"smtp", "smtps"} or not parts.hostname or parts.path.strip("/") or timeout <= 0
    if wrong or options.keys() - {"starttls", "plain"}:
        raise SurveyError(f"SURVEYAPP_SMTP is not the address of a mail server; {_HOW}")
    if parts.password is not None:
        raise SurveyError("SURVEYAPP_SMTP holds a password; name a file in SURVEYAPP_SMTP_PASSWORD_FILE instead")
    security = "tls" if parts.scheme == "smtps" else "starttls" if "starttls" in options else "plain"
    settings = Settings(
        host=parts.hostname or "",
        port=port or {"tls": 465, "starttls": 587, "plain": 25}[security],
        security=security,
        user=unquote(parts.username or ""),
        password=password,
        timeout=timeout,
    )
    _check_privacy(settings, "plain" in options)
    return settings


def _check_privacy(settings: Settings, plain: bool) -> None:
    if settings.user and not settings.password:
        raise SurveyError("the mail server asks for a password: name its file in SURVEYAPP_SMTP_PASSWORD_FILE")
    if settings.security != "plain" or _here(settings.host):
        return
    if settings.user or not plain:
        raise SurveyError(
            f"access codes would travel to {settings.host} for anybody on the way to read; add ?starttls, "
            "or take smtps:// (?plain allows it where there is no password)"
        )


def _here(host: str) -> bool:
    with suppress(ValueError):
        return ip_address(host).is_loopback
    return host == "localhost"


class Server:
    """A mail server, over one connection for many letters; a connection that was ended is made anew."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._smtp: smtplib.SMTP | None = None
        self._sent = 0

    def __enter__(self) -> Self:
        self._connected()
        return self

    def __exit__(self, *_: object) -> None:
        self._hang_up()

    def __str__(self) -> str:
        return f"the mail server {self.settings.host}"

    def has(self, letter: Letter, sender: str) -> bool:  # noqa: ARG002 (a server does not tell)
        """Never: a server does not say what it has taken."""
        return False

    def send(self, letter: Letter, sender: str) -> None:
        """Hand one letter over. If the server hangs up before the letter is out, it is tried once more."""
        content = _lines(message(letter, sender).as_bytes())
        for last in (False, True):
            try:
                self._announce(letter, parseaddr(sender)[1])
            except _HungUp as error:
                self._drop()
                if last:
                    raise Unreachable(f"{self} hung up ({error}); send again later") from None
            else:
                break
        self._hand_over(content)

    def _announce(self, letter: Letter, sender: str) -> None:
        """Sender, recipient, and the leave to send the text; nothing of the letter is out after it."""
        smtp = self._connected()
        with _hanging_up():
            try:
                self._judge(*smtp.mail(sender), 250, f"the sender {sender}")
            except (Declined, NotNow) as refusal:  # it would refuse every letter alike
                raise Unreachable(f"{refusal}; check the sender, or send again later") from None
            self._judge(*smtp.rcpt(letter.to), 250, letter.to, to_recipient=True)
            self._judge(*smtp.docmd("DATA"), 354, letter.to)

    def _hand_over(self, content: bytes) -> None:
        smtp = self._connected()
        try:
            smtp.send(content)
            code, words = smtp.getreply()
        except (OSError, smtplib.SMTPException):
            self._drop()
            raise Uncertain(f"{self} did not say whether it took the letter") from None
        self._sent += 1
        try:
            self._judge(code, words, 250, "the letter")
        except _HungUp as error:
            self._drop()
            raise NotNow(f"{self} did not take the letter ({error})", "421") from None
        if self._sent >= PER_CONNECTION:
            self._hang_up()

    def _judge(self, code: int, words: bytes, wanted: int, what: str, to_recipient: bool = False) -> None:
        """Go on if the answer is the one wanted, or another of success; else say what it means for the letter."""
        if code == wanted or (wanted == 250 and 200 <= code < 300):
            return
        said = words.decode("ascii", "replace")[:200]
        if code == 421:
            raise _HungUp(f"{code} {said}")
        self._begin_anew()
        if code in {530, 535, 538}:
            raise Unreachable(f"{self} wants a user and a password ({code} {said})")
        message, codes = f"{self} refuses {what}: {code} {said}", _codes(code, said)
        if 500 <= code < 600:
            raise Declined(message, codes, _of_address(codes, to_recipient))
        raise NotNow(message, codes)

    def _begin_anew(self) -> None:
        """Forget a letter that was begun, so that the next can be."""
        if self._smtp is None:
            return
        try:
            self._smtp.rset()
        except (OSError, smtplib.SMTPException):
            self._drop()

    def _connected(self) -> smtplib.SMTP:
        if self._smtp is None:
            self._smtp, self._sent = self._connect(), 0
        return self._smtp

    def _connect(self) -> smtplib.SMTP:
        try:
            return _logged_in(self.settings)
        except ssl.SSLCertVerificationError as error:
            raise Unreachable(
                f"the certificate of {self} does not stand the check: {error.verify_message}"
            ) from None
        except ssl.SSLError as error:
            raise Unreachable(f"{self} does not speak TLS on port {self.settings.port}: {error.reason}") from None
        except smtplib.SMTPAuthenticationError as error:
            do = "check the user in SURVEYAPP_SMTP and the file in SURVEYAPP_SMTP_PASSWORD_FILE"
            raise Unreachable(f"{self} refuses the password ({error.smtp_code}); {do}") from None
        except smtplib.SMTPNotSupportedError as error:
            raise Unreachable(f"{self} lacks what is asked of it: {error}") from None
        except (OSError, smtplib.SMTPException) as error:
            if "timed out" in str(error):
                seconds = f"{self.settings.timeout:g} seconds"
                raise Unreachable(f"{self} did not answer on port {self.settings.port} within {seconds}") from None
            raise Unreachable(f"{self} cannot be reached on port {self.settings.port}: {error}") from None

    def _hang_up(self) -> None:
        if self._smtp is not None:
            with suppress(OSError, smtplib.SMTPException):
                self._smtp.quit()
        self._drop()

    def _drop(self) -> None:
        """End the connection without a word to a server that may not be listening."""
        if self._smtp is not None:
            self._smtp.close()
        self._smtp = None


class _HungUp(Exception):
    """The server ends the connection, and the letter at hand was not taken."""


class _hanging_up:  # noqa: N801 (used like a function)
    """Turns a broken connection into `_HungUp`."""

    def __enter__(self) -> None: ...

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, OSError | smtplib.SMTPException):
            raise _HungUp(str(error) or "no answer") from None


def _logged_in(settings: Settings) -> smtplib.SMTP:
    """A connection that is ready for letters: encrypted and with a checked certificate if that is asked for."""
    context = ssl.create_default_context()
    make: Callable[..., smtplib.SMTP] = smtplib.SMTP
    more = {}
    if settings.security == "tls":
        make, more = smtplib.SMTP_SSL, {"context": context}
    smtp = make(settings.host, settings.port, local_hostname="localhost", timeout=settings.timeout, **more)
    try:
        if settings.security == "starttls":
            smtp.starttls(context=context)
        smtp.ehlo_or_helo_if_needed()
        if settings.user:
            smtp.login(settings.user, settings.password)
    except BaseException:
        smtp.close()
        raise
    return smtp


def _lines(content: bytes) -> bytes:
    """The bytes between DATA and its end: CRLF lines, a dot before each dot that begins one."""
    stuffed = re.sub(rb"(?m)^\.", b"..", content)
    return stuffed + (b"" if stuffed.endswith(b"\r\n") else b"\r\n") + b".\r\n"


_WRONG_ADDRESS = re.compile(r"5\.(1\.(?![78]$)\d+|2\.1|4\.1)$")
"""5.1.7 and 5.1.8 speak of the sender; 5.4.1 is what Exchange says of a mailbox that is not there (RFC 3463)."""


def _of_address(codes: str, to_recipient: bool) -> bool:
    """Whether a refusal for good says that there is no such mailbox: by its enhanced code, else by its code.

    Without an enhanced code only a refusal of the recipient counts, by 550, 551 or 553; 554 may mean anything.
    """
    code, _, enhanced = codes.partition(" ")
    if enhanced and not enhanced.startswith("5.0."):
        return _WRONG_ADDRESS.match(enhanced) is not None
    return to_recipient and code in {"550", "551", "553"}


def _codes(code: int, said: str) -> str:
    """The server's codes without its words, which may hold anything: `550 5.1.1`."""
    enhanced = re.match(r"[245]\.\d{1,3}\.\d{1,3}(?!\d)", said)
    return f"{code} {enhanced[0]}" if enhanced else str(code)
