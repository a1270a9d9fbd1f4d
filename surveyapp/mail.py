"""Letters: as `.eml` files in an outbox folder, which any mail programme can send."""

import hashlib
from dataclasses import dataclass, field
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

from surveyapp.config import write_aside
from surveyapp.problems import SurveyError


@dataclass(frozen=True)
class Letter:
    """One letter to one address; `name` is the file it is kept under."""

    name: str
    to: str
    subject: str
    text: str = field(repr=False)


def post(letters: list[Letter], folder: Path, sender: str) -> int:
    """Write each letter into `folder`; how many were written. No letter carries a date or an id of its own."""
    for letter in letters:
        write_aside(folder / f"{_file_name(letter.name)}.eml", _message(letter, sender).as_bytes(), private=True)
    return len(letters)


def _message(letter: Letter, sender: str) -> EmailMessage:
    message = EmailMessage(policy=SMTP)
    user, _, domain = letter.to.rpartition("@")
    try:
        message["From"] = sender
        message["To"] = Address(username=user, domain=domain)
        message["Subject"] = " ".join(letter.subject.split())
    except ValueError as error:
        raise SurveyError(f"{letter.to!r} cannot be written to: {error}; correct it in the frame") from None
    message.set_content(letter.text)
    return message


def _file_name(name: str) -> str:
    """`name` if any disk takes it; else what is safe of it and a hash, so that no two letters share a file."""
    kept = "".join(c if c.isascii() and (c.isalnum() or c in "-_") else "_" for c in name)[:80]
    return kept if kept == name and name else f"{kept}-{hashlib.sha256(name.encode()).hexdigest()[:16]}"
