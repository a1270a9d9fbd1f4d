"""Files of keys that can be changed while the site runs: a process that runs on learns of it within seconds.

A file holds one key as 32 bytes, until it is changed for the first time; then several, the newest first. Sealing
and opening with them is in `privacy`.
"""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from surveyapp import config, privacy
from surveyapp.privacy import CannotOpen, Key
from surveyapp.problems import SurveyError

COOKIE_LIFE = 2 * 60 * 60
"""Seconds for which the longest-lived cookie that carries a visit is good, counted from the last page."""

EVERY = 5
"""Seconds after which a process looks at a file again: no page waits for more than a glance at its date."""


class Keys:
    """Keys to seal and open with; here one that never changes."""

    def __init__(self, *secrets: bytes) -> None:
        self._secrets = secrets

    @property
    def sealing(self) -> bytes:
        """The key to seal with."""
        return self.opening[0]

    @property
    def opening(self) -> Sequence[bytes]:
        """All keys by which something may be sealed, the one to seal with first."""
        return self._secrets

    @property
    def readable(self) -> bool:
        """Whether these are the keys that ought to be used."""
        return True

    def __iter__(self) -> Iterator[bytes]:
        """The one to seal with last, as the library that signs forms takes them."""
        return reversed(self.opening)


@dataclass
class _Seen:
    """What a process has read: the keys, how the file looked, when to look again, whether it could be read."""

    keys: tuple[Key, ...] = field(default=(), repr=False)
    stamp: tuple[int, ...] = ()
    again: float = 0
    readable: bool = True


class KeyRing(Keys):
    """The keys in a file, which is made at its first use and looked at again every few seconds.

    While the file is missing or damaged, what was read before is used. `life` is for how many seconds something
    sealed is good: older keys open nothing after that; without it they do as long as they are in the file.
    """

    def __init__(self, path: Path, life: int | None = None, clock: Callable[[], float] = time.time) -> None:
        self.path, self.life, self.clock = path, life, clock
        config.secret(path, privacy.new_secret)
        self._seen = _Seen()
        self._seen = _read(path)

    @property
    def opening(self) -> Sequence[bytes]:
        """All keys that are good now, the one to seal with first."""
        keys = self._looked().keys
        if len(keys) == 1:
            return (keys[0].secret,)
        now = self.clock()
        return privacy.in_turn(keys if self.life is None else privacy.still_good(keys, now, self.life), now)

    @property
    def readable(self) -> bool:
        """Whether the file was whole when it was looked at last."""
        return self._looked().readable

    def _looked(self) -> _Seen:
        seen = self._seen
        if time.monotonic() < seen.again:
            return seen
        seen.again = time.monotonic() + EVERY  # before the file is asked: the other threads need not ask too
        try:
            if _stamp(self.path) != seen.stamp:
                self._seen = _read(self.path)
            seen.readable = True
        except (SurveyError, OSError):
            seen.readable = False
        return self._seen


def keys_in(path: Path) -> tuple[Key, ...]:
    """The keys in a file, the newest first. Raises `SurveyError` if it is missing or damaged."""
    try:
        return _read(path).keys
    except OSError as error:
        raise SurveyError(f"{path} cannot be read: {error.strerror}") from None


def change(path: Path, now: int, life: int | None = None, at_once: bool = False) -> int:
    """Put a new key at the head of a file; how many are in it now.

    Keys under which nothing lives are left out, if it is known for how long things live; with `at_once` all others
    are, and nothing that was sealed before opens any more. The file is replaced whole or not at all. Raises
    `SurveyError`.
    """
    held = keys_in(path)
    kept = () if at_once else held if life is None else privacy.still_good(held, now, life)
    return _write(path, (Key(now, privacy.new_secret()), *kept), erase=len(kept) < len(held))


def leave_out(path: Path, out: Sequence[Key]) -> int:
    """Take keys out of a file; how many are left. The newest stays."""
    return _write(path, [key for key in keys_in(path) if key not in out], erase=True)


def _write(path: Path, keys: Sequence[Key], erase: bool) -> int:
    """Replace the file; to `erase`, what it held before is overwritten where it lay, once it has no name."""
    try:
        with path.open("r+b") as before:
            config.write_aside(path, privacy.keys_file(keys), private=True)
            size = before.seek(0, os.SEEK_END) if erase else 0
            before.seek(0)
            before.write(bytes(size))
    except OSError as error:
        raise SurveyError(f"{path} cannot be written: {error.strerror}") from None
    return len(keys)


def _read(path: Path) -> _Seen:
    stamp = _stamp(path)  # before the content: what is written in between is seen at the next look
    try:
        keys = privacy.read_keys(config.read_file(path), stamp[0] // 1_000_000_000)
    except CannotOpen as fault:
        if _stamp(path) != stamp:  # it was replaced, and the old one overwritten while we read
            return _read(path)
        raise CannotOpen(f"{path}: {fault}") from None
    return _Seen(keys, stamp, time.monotonic() + EVERY)


def _stamp(path: Path) -> tuple[int, ...]:
    status = path.stat()
    return status.st_mtime_ns, status.st_ino, status.st_size
