"""A disk of its own that is full but for so many bytes, or can only be read. Only where a disk can be mounted."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

SIZE = 8_000_000
PAGE = 4096


@contextmanager
def mounted(folder: Path) -> Iterator[Path]:
    """A small disk in memory. Skips the test where nobody may mount one."""
    folder.mkdir(exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=700", "none", str(folder)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no mount here")
    if done.returncode:
        pytest.skip(f"no disk can be mounted here: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], capture_output=True, check=False)


@contextmanager
def full(disk: Path, room: int) -> Iterator[None]:
    """Fill a disk up, but for so many bytes, rounded to pages."""
    filler = disk / ".filler"
    try:
        with filler.open("wb", buffering=0) as file:
            while (left := os.statvfs(disk).f_bavail * PAGE - room) >= PAGE:
                file.write(bytes(min(left // PAGE * PAGE, 1_000_000)))
        yield
    finally:
        filler.unlink(missing_ok=True)


@contextmanager
def read_only(disk: Path) -> Iterator[None]:
    """A disk that nobody may write to; the system does that by itself when one fails."""
    for how, after in (("ro", True), ("rw", False)):
        done = subprocess.run(["mount", "-o", f"remount,{how}", str(disk)], capture_output=True, check=False)
        if done.returncode:
            pytest.skip("the disk cannot be made read-only here")
        if after:
            try:
                yield
            except BaseException:
                subprocess.run(["mount", "-o", "remount,rw", str(disk)], capture_output=True, check=False)
                raise
