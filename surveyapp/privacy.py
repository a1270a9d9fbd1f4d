"""Every secret in one file: access codes, draft keys, sealed boxes, padding, and who may leave the tray.

What this protects. A respondent's answers, from the moment they are typed, against anybody who reads the
files of the installation: a draft opens only with the access code *and* the server's pepper, a submitted box
only with the wave's private key. Nothing here knows of Flask, SQL, files or a clock.

The standards: codes and ids from the operating system's generator; drafts HKDF-SHA256 and AES-256-GCM;
boxes HPKE (RFC 9180: X25519, HKDF-SHA256, ChaCha20-Poly1305).
"""

import hashlib
import hmac
import secrets
import struct
from collections import Counter, defaultdict
from collections.abc import Hashable, Sequence
from typing import TypeVar

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, hpke
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from surveyapp.problems import SurveyError

T = TypeVar("T")

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Base 32 without I, L, O and U: what people read aloud and type back."""

CODE_LENGTH = 20
"""Characters of five bits: 100 bits, beyond any guessing."""

SMALLEST_CELL = 5
"""No setting takes the number of answers that leave or stay together below this."""

_LOOK_ALIKE = str.maketrans({"O": "0", "I": "1", "L": "1", **dict.fromkeys("- \t\r\n\u00a0\u2010\u2011\u2013")})
_SUITE = hpke.Suite(hpke.KEM.X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.CHACHA20_POLY1305)
_NONCE = 12


class CannotOpen(SurveyError):
    """A box, a draft or a cookie does not open with this key: wrong key, or altered bytes."""


# ── ids and access codes ─────────────────────────────────────────────────────


def new_id() -> bytes:
    """128 random bits: no clock, no counter, no order."""
    return secrets.token_bytes(16)


def new_secret() -> bytes:
    """256 random bits for a key file."""
    return secrets.token_bytes(32)


def new_code() -> str:
    """An access code as printed in a letter: twenty characters in fives, `7K4QX-9M2PB-0WDTE-HR63Y`."""
    return printed_code("".join(secrets.choice(ALPHABET) for _ in range(CODE_LENGTH)))


def printed_code(code: str) -> str:
    """A normal code in groups of five."""
    return "-".join(code[i : i + 5] for i in range(0, CODE_LENGTH, 5))


def normal_code(typed: str) -> str | None:
    """The code somebody typed, capital and without gaps, O read as 0, I and L as 1; None if it cannot be one."""
    if len(typed) > 4 * CODE_LENGTH:
        return None
    code = typed.upper().translate(_LOOK_ALIKE)
    return code if len(code) == CODE_LENGTH and set(code) <= set(ALPHABET) else None


def code_hash(code: str) -> bytes:
    """SHA-256 of a normal code: all that is kept of it. 100 bits need no slow hash."""
    return hashlib.sha256(code.encode()).digest()


def printed_hash(code: str) -> bytes:
    """`code_hash` of one of our own codes as it stands in a letter."""
    return code_hash(normal_code(code) or "")


# ── padding: lengths tell nothing ────────────────────────────────────────────


def pad(content: bytes, size: int) -> bytes:
    """`content` filled up to `size` bytes and its own length. Raises `ValueError` if it does not fit."""
    if len(content) > size:
        raise ValueError(f"{len(content)} bytes do not fit into {size}")
    return struct.pack(">I", len(content)) + content + bytes(size - len(content))


def unpad(padded: bytes) -> bytes:
    """What `pad` was given."""
    (length,) = struct.unpack(">I", padded[:4])
    return padded[4 : 4 + length]


# ── drafts: opened by the respondent's code and the server's pepper together ─


def draft_key(code: str, salt: bytes, pepper: bytes) -> bytes:
    """The key of one draft. It is derived again from the code at each visit and never stored."""
    kdf = HKDF(algorithm=hashes.SHA256(), length=32, salt=salt, info=b"surveyapp draft key 1")
    return kdf.derive(pepper + code.encode())


def seal_draft(key: bytes, answers: bytes, size: int, label: bytes) -> bytes:
    """`answers` padded to `size`, encrypted and bound to `label` (the code's hash)."""
    nonce = secrets.token_bytes(_NONCE)
    return nonce + AESGCM(key).encrypt(nonce, pad(answers, size), label)


def open_draft(key: bytes, box: bytes, label: bytes) -> bytes:
    """What `seal_draft` was given. Raises `CannotOpen`."""
    try:
        return unpad(AESGCM(key).decrypt(box[:_NONCE], box[_NONCE:], label))
    except (InvalidTag, ValueError):
        raise CannotOpen("the draft does not open with this access code") from None


# ── boxes: opened by the key holder alone ────────────────────────────────────


def new_key_pair() -> tuple[bytes, bytes]:
    """A wave's private and public key, 32 bytes each."""
    private = X25519PrivateKey.generate()
    return private.private_bytes_raw(), private.public_key().public_bytes_raw()


def seal(public_key: bytes, content: bytes, size: int, info: bytes) -> bytes:
    """A box that only the wave's private key opens; all boxes of one `size` are equally long.

    `info` names wave and version: a box moved elsewhere does not open.
    """
    return _SUITE.encrypt(pad(content, size), X25519PublicKey.from_public_bytes(public_key), info)


def open_box(private_key: bytes, box: bytes, info: bytes) -> bytes:
    """What `seal` was given. Raises `CannotOpen`."""
    try:
        return unpad(_SUITE.decrypt(box, X25519PrivateKey.from_private_bytes(private_key), info))
    except (InvalidTag, ValueError):
        raise CannotOpen("the box does not open with this key") from None


def rehearse(private_key: bytes, public_key: bytes) -> None:
    """Open a test box, so that no wave is fielded with a key that was lost on the way.

    Raises `CannotOpen` if the two halves do not belong together.
    """
    test = secrets.token_bytes(32)
    if open_box(private_key, seal(public_key, test, 64, b"rehearsal"), b"rehearsal") != test:
        raise CannotOpen("the private key does not open what the public key seals")


def key_file(wave: str, private_key: bytes) -> str:
    """The text of the file that the key holder keeps."""
    return f"surveyapp private key 1\nwave {wave}\n{private_key.hex()}\n"


def read_key_file(text: str) -> tuple[str, bytes]:
    """Wave and private key from the key holder's file. Raises `CannotOpen` if it is not one."""
    lines = text.split("\n")
    try:
        if lines[0].strip() != "surveyapp private key 1" or not lines[1].startswith("wave "):
            raise ValueError
        key = bytes.fromhex(lines[2].strip())
        X25519PrivateKey.from_private_bytes(key)
    except (ValueError, IndexError):
        raise CannotOpen("this is not a key file; look for the one that `wave open` wrote") from None
    return lines[1].removeprefix("wave ").strip(), key


# ── files of returns: known again, and not readable ──────────────────────────


def fingerprint(key: bytes, wave: str, content: bytes) -> bytes:
    """What a file of returns is known again by, in one wave: to whoever has `key` and the same file."""
    return hmac.digest(key, b"surveyapp returns 1 " + wave.encode() + b"\0" + content, "sha256")


# ── the respondent's cookie: readable by the server alone ────────────────────

COOKIE_SIZE = 600


def seal_cookie(key: bytes, content: bytes) -> bytes:
    """`content` encrypted for a cookie of constant length."""
    nonce = secrets.token_bytes(_NONCE)
    return nonce + AESGCM(key).encrypt(nonce, pad(content, COOKIE_SIZE), b"surveyapp cookie 1")


def open_cookie(key: bytes, sealed: bytes) -> bytes:
    """What `seal_cookie` was given. Raises `CannotOpen`."""
    try:
        return unpad(AESGCM(key).decrypt(sealed[:_NONCE], sealed[_NONCE:], b"surveyapp cookie 1"))
    except (InvalidTag, ValueError):
        raise CannotOpen("the cookie is not ours or has been altered") from None


# ── letters that wait: the code in them readable by the server alone, until they are sent ─


def seal_code(key: bytes, code: str, letter: bytes) -> bytes:
    """An access code that waits in the outbox, encrypted and bound to the id of its letter."""
    nonce = secrets.token_bytes(_NONCE)
    return nonce + AESGCM(key).encrypt(nonce, code.encode(), b"surveyapp letter 1" + letter)


def open_code(key: bytes, sealed: bytes, letter: bytes) -> str:
    """What `seal_code` was given. Raises `CannotOpen`."""
    try:
        return AESGCM(key).decrypt(sealed[:_NONCE], sealed[_NONCE:], b"surveyapp letter 1" + letter).decode()
    except (InvalidTag, ValueError):
        raise CannotOpen("a waiting letter does not open with the key in keys/outbox; restore that file") from None


# ── who may leave the tray ───────────────────────────────────────────────────


def shuffled(things: Sequence[T]) -> list[T]:
    """The same things in an order that nobody can reproduce."""
    order = list(things)
    secrets.SystemRandom().shuffle(order)
    return order


def leavers(cells: Sequence[Hashable], at_least: int, closed: bool) -> list[int]:
    """Which of the answers in the tray may leave it now, by position, in a random order.

    `cells` gives the stratum cell of each. After the close all may. Before it those of a cell may leave only
    if at least `at_least` go together and at least `at_least` stay behind, so that no newcomer can be told
    from the difference of two looks.
    """
    at_least = max(at_least, SMALLEST_CELL)
    if closed:
        return shuffled(range(len(cells)))
    places: dict[Hashable, list[int]] = defaultdict(list)
    for place, cell in enumerate(cells):
        places[cell].append(place)
    leaving: list[int] = []
    for members in places.values():
        spare = len(members) - at_least
        if spare >= at_least:
            leaving += shuffled(members)[:spare]
    return shuffled(leaving)


def blanked(marks: Sequence[str], at_least: int, before: Sequence[str] = ()) -> list[str]:
    """What answers are marked with, as released: marks that fewer than `at_least` share are blank.

    Such a mark (a stratum cell, a version) would single out. So would being blank, if few were: then the smallest
    other mark is blanked with them, until the blank ones are `at_least` together. `before` are the marks of what
    was released earlier: they count, and stay as they are.
    """
    sizes = Counter([*before, *marks])
    blank = {"", *(mark for mark, size in sizes.items() if size < at_least)}
    kept = sorted({*marks} - blank, key=lambda mark: (sizes[mark], mark))
    while kept and 0 < before.count("") + sum(mark in blank for mark in marks) < at_least:
        blank.add(kept.pop(0))
    return ["" if mark in blank else mark for mark in marks]
