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
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from typing import Any, TypeVar

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
    return "-".join(code[i : i + 5] for i in range(0, len(code), 5))


def normal_code(typed: str, length: int = CODE_LENGTH) -> str | None:
    """The code somebody typed, capital and without gaps, O read as 0, I and L as 1; None if it cannot be one."""
    if len(typed) > 4 * length:
        return None
    code = typed.upper().translate(_LOOK_ALIKE)
    return code if len(code) == length and set(code) <= set(ALPHABET) else None


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


# ── sittings at paper returns: opened by the keyer's cookie and the server's pepper together ─

_SMALLEST_SITTING = 1 << 15


def sitting_key(token: str, wave: str, pepper: bytes) -> bytes:
    """The key of what somebody keys into a wave. It is derived anew from the cookie's token and never stored."""
    kdf = HKDF(algorithm=hashes.SHA256(), length=32, salt=wave.encode(), info=b"surveyapp sitting key 1")
    return kdf.derive(pepper + token.encode())


def seal_sitting(key: bytes, content: bytes, label: bytes) -> bytes:
    """What is keyed so far, encrypted and bound to `label`; its length says little, for it doubles in steps."""
    return seal_draft(key, content, max(_SMALLEST_SITTING, 1 << (len(content) - 1).bit_length()), label)


def open_sitting(key: bytes, box: bytes, label: bytes) -> bytes:
    """What `seal_sitting` was given. Raises `CannotOpen`."""
    return open_draft(key, box, label)


# ── files that staff have handed in: opened by the server alone, until they are taken in or refused ─


def seal_upload(secret: bytes, content: bytes, label: bytes) -> bytes:
    """A file that waits, or what was found in it, encrypted and bound to `label`."""
    nonce = secrets.token_bytes(_NONCE)
    return nonce + AESGCM(keyed_hash(secret, "upload")).encrypt(nonce, content, label)


def open_upload(secret: bytes, box: bytes, label: bytes) -> bytes:
    """What `seal_upload` was given. Raises `CannotOpen`."""
    try:
        return AESGCM(keyed_hash(secret, "upload")).decrypt(box[:_NONCE], box[_NONCE:], label)
    except (InvalidTag, ValueError):
        raise CannotOpen("the file does not open with the key in keys/staff; hand it in again") from None


# ── boxes: opened by the key holder alone ────────────────────────────────────


def new_key_pair() -> tuple[bytes, bytes]:
    """A wave's private and public key, 32 bytes each."""
    private = X25519PrivateKey.generate()
    return private.private_bytes_raw(), private.public_key().public_bytes_raw()


def public_half(private: bytes) -> bytes:
    """The public key that belongs to a wave's private one."""
    return X25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()


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


# ── keys that are changed: the newest seals, older ones still open ───────────

SETTLING = 60
"""Seconds for which a new key opens and does not seal yet: by then every process that shares its file knows it."""

_KEYS = "surveyapp keys 1"


@dataclass(frozen=True)
class Key:
    """One key of a file, and when it was made, in seconds."""

    made: int
    secret: bytes = field(repr=False)


def read_keys(content: bytes, made: int) -> tuple[Key, ...]:
    """The keys of a file, the newest first; a file of 32 bytes is one key, made at `made`. Raises `CannotOpen`."""
    if len(content) == 32:
        return (Key(made, content),)
    first, *lines = content.decode(errors="replace").removesuffix("\n").split("\n")
    try:
        keys = tuple(Key(int(at), bytes.fromhex(text)) for at, text in (line.split(" ") for line in lines))
    except ValueError:
        keys = ()
    if first != _KEYS or not keys or any(len(key.secret) != 32 for key in keys):
        raise CannotOpen("this is no file of keys; put it back from where keys are kept")
    return keys


def keys_file(keys: Sequence[Key]) -> bytes:
    """The content of a file with these keys."""
    return "".join([f"{_KEYS}\n", *(f"{key.made} {key.secret.hex()}\n" for key in keys)]).encode()


def in_turn(keys: Sequence[Key], now: float) -> tuple[bytes, ...]:
    """The secrets by which something may be sealed, the one that seals now first, the others the newest first."""
    first = next((key for key in keys if key.made + SETTLING <= now), keys[-1])
    return (first.secret, *(key.secret for key in keys if key is not first))


def still_good(keys: Sequence[Key], now: float, life: int) -> tuple[Key, ...]:
    """The keys without those under which nothing is alive that lives for `life` seconds from its sealing."""
    return tuple(
        key
        for newer, key in zip((None, *keys), keys, strict=False)
        if newer is None or newer.made + SETTLING + life > now
    )


def with_any(keys: Sequence[bytes], opening: Callable[[bytes], T]) -> T:
    """What one of several keys opens. Raises `CannotOpen` if none does."""
    for key in keys[:-1]:
        with suppress(CannotOpen):
            return opening(key)
    return opening(keys[-1])


# ── the respondent's cookie: readable by the server alone ────────────────────

COOKIE_SIZE = 600


def seal_cookie(key: bytes, content: bytes, size: int = COOKIE_SIZE) -> bytes:
    """`content` encrypted for a cookie of constant length."""
    nonce = secrets.token_bytes(_NONCE)
    return nonce + AESGCM(key).encrypt(nonce, pad(content, size), b"surveyapp cookie 1")


def open_cookie(key: bytes, sealed: bytes) -> bytes:
    """What `seal_cookie` was given. Raises `CannotOpen`."""
    try:
        return unpad(AESGCM(key).decrypt(sealed[:_NONCE], sealed[_NONCE:], b"surveyapp cookie 1"))
    except (InvalidTag, ValueError):
        raise CannotOpen("the cookie is not ours or has been altered") from None


# ── staff: passwords, second factors, tokens ─────────────────────────────────

SHORTEST_PASSWORD, LONGEST_PASSWORD = 12, 200
"""Characters. Length is all that is asked: rules about signs make passwords that people write down. Whoever would
send megabytes to be hashed is stopped by the other one."""

_STEP = 30
"""Seconds for which a code of the second factor is shown (RFC 6238)."""


@cache
def _argon2() -> Any:
    """Argon2id as OWASP advises: 19 MiB, twice, one lane; about 50 ms."""
    from argon2 import PasswordHasher  # here, for a respondent's page needs no such library

    return PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)


def password_hash(password: str) -> str:
    """What is kept of a password: argon2id, salted."""
    return str(_argon2().hash(_plain(password)))


def password_fits(kept: str, password: str) -> bool:
    """Whether a password is the one kept as `kept`. Without one ("") it takes as long, and does not fit."""
    from argon2.exceptions import InvalidHashError, VerificationError

    nobody, short = _nobody(), len(password) <= LONGEST_PASSWORD
    try:
        return bool(_argon2().verify(kept or nobody, _plain(password) if short else "")) and bool(kept) and short
    except (VerificationError, InvalidHashError):
        return False


def password_is_dated(kept: str) -> bool:
    """Whether a password is kept by other numbers than those of today: it is hashed anew when it is next used."""
    return bool(_argon2().check_needs_rehash(kept))


@cache
def _nobody() -> str:
    """The hash of a password that nobody has."""
    return str(_argon2().hash(secrets.token_urlsafe(32)))


def _plain(password: str) -> str:
    """The same letters however a keyboard puts them together (RFC 8265)."""
    return unicodedata.normalize("NFC", password)


def new_second() -> str:
    """The secret of a second factor, in base 32 as authenticator apps take it."""
    import pyotp

    return str(pyotp.random_base32())


def second_address(secret: str, email: str, site: str) -> str:
    """What an authenticator app reads from a picture: the secret, whose it is, and for which site."""
    import pyotp

    return str(pyotp.TOTP(secret).provisioning_uri(name=email, issuer_name=site))


def second_code(secret: str, at: int) -> str:
    """The code that an app shows at a time in seconds."""
    import pyotp

    return str(pyotp.TOTP(secret).at(at))


def second_step(secret: str, typed: str, at: int) -> int | None:
    """The time step whose code `typed` is, of the one at `at` and those beside it; None if it is no such code.

    Whoever accepts a code keeps the step and refuses it and earlier ones from then on.
    """
    code = "".join(typed.split())
    for step in (at // _STEP + drift for drift in (0, -1, 1)):
        if hmac.compare_digest(second_code(secret, step * _STEP).encode(), code.encode()):
            return step
    return None


SPARES = 8
"""Recovery codes of an account."""

_SPARE_LENGTH = 10


def new_spares() -> list[str]:
    """Recovery codes, each good for once in place of a second factor: ten characters, 50 bits, `7K4QX-9M2PB`."""
    return [printed_code("".join(secrets.choice(ALPHABET) for _ in range(_SPARE_LENGTH))) for _ in range(SPARES)]


def spare_hash(key: bytes, account: bytes, typed: str) -> str:
    """What is kept of a recovery code: a hash under the server's key, for 50 bits alone could be tried out."""
    code = normal_code(typed, _SPARE_LENGTH) or ""
    return keyed_hash(key, "spare", account.hex(), code).hex() if code else ""


def new_token() -> str:
    """256 random bits as text for a cookie, a link or a script."""
    return secrets.token_urlsafe(32)


def token_hash(token: str) -> bytes:
    """SHA-256 of a token: all that is kept of it. 256 bits need no slow hash."""
    return hashlib.sha256(token.encode()).digest()


def keyed_hash(key: bytes, *parts: str) -> bytes:
    """What stands for something in a table that must not name it: to whoever has `key` and the same thing.

    Under another first part it is also a key of its own, that shares nothing with `key`.
    """
    return hmac.digest(key, b"surveyapp staff 1 " + "\0".join(parts).encode(errors="replace"), "sha256")


def seal_text(key: bytes, text: str, label: bytes) -> bytes:
    """A short text (the secret of a second factor) encrypted and bound to `label`."""
    nonce = secrets.token_bytes(_NONCE)
    return nonce + AESGCM(key).encrypt(nonce, text.encode(), b"surveyapp text 1" + label)


def open_text(key: bytes, sealed: bytes, label: bytes) -> str:
    """What `seal_text` was given. Raises `CannotOpen`."""
    try:
        return AESGCM(key).decrypt(sealed[:_NONCE], sealed[_NONCE:], b"surveyapp text 1" + label).decode()
    except (InvalidTag, ValueError):
        raise CannotOpen("a kept secret does not open with the key in keys/staff; restore that file") from None


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
