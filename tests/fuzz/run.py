"""Feed one reader, or one after the other, for some seconds: `python -m tests.fuzz.run [NAME …]`.

SURVEYAPP_FUZZ_SECONDS is the time for each (60). What broke is left as a file whose path is printed, and shown in
base64, to be written out as a test.
"""

import os
import shutil
import subprocess
import sys
from base64 import b64encode
from collections.abc import Sequence
from pathlib import Path
from tempfile import mkdtemp

import atheris

SECONDS = os.environ.get("SURVEYAPP_FUZZ_SECONDS", "60")
SLOWEST = 5
"""Seconds for one piece of input; instrumented code takes several times as long as in service."""

CORPUS = "SURVEYAPP_FUZZ_CORPUS"
"""Names the folder of seeds to the process that feeds one reader."""


def main(names: list[str]) -> int:
    """Each of these readers, or all; 1 if something broke."""
    from tests.fuzz.harnesses import HARNESSES

    wanted = names or list(HARNESSES)
    broken = [name for name in wanted if _fed(name, HARNESSES[name].seeds())]
    _tell(f"broken: {', '.join(broken)}" if broken else "nothing was broken")
    return bool(broken)


def feed(name: str, corpus: Path) -> None:
    """Feed one reader in this process, which ends with it."""
    with atheris.instrument_imports(include=["surveyapp"], enable_loader_override=False):
        from tests.fuzz.harnesses import HARNESSES
    HARNESSES[name].feed(b"")  # what is made once is not counted as time of the first input
    limits = [f"-max_total_time={SECONDS}", f"-timeout={SLOWEST}", "-rss_limit_mb=2048", "-max_len=4096"]
    atheris.Setup([name, *limits, f"-artifact_prefix={corpus.parent}/{name}-", str(corpus)], HARNESSES[name].feed)
    atheris.Fuzz()


def _fed(name: str, seeds: Sequence[bytes]) -> int:
    """Feed it in a process of its own; what it says is shown only if something breaks."""
    corpus = Path(mkdtemp(prefix="surveyapp-fuzz-")) / name
    corpus.mkdir()
    for number, seed in enumerate(seeds):
        (corpus / str(number)).write_bytes(seed)
    command = [sys.executable, "-m", "tests.fuzz.run", name]
    done = subprocess.run(command, env={**os.environ, CORPUS: str(corpus)}, capture_output=True, check=False)
    lines = (done.stdout + done.stderr).decode(errors="replace").splitlines()
    said = [line for line in lines if "Instrumenting" not in line]
    _tell(f"{name}: {next((line for line in reversed(said) if line.startswith(('#', 'Done'))), 'no word')}")
    if done.returncode:
        _tell("\n".join(said[-60:]))
    for file in sorted(corpus.parent.glob(f"{name}-*")):
        _tell(f"{file}\n{b64encode(file.read_bytes()).decode()}")
    if not done.returncode:
        shutil.rmtree(corpus.parent)
    return done.returncode


def _tell(words: str) -> None:
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    if place := os.environ.get(CORPUS):
        feed(sys.argv[1], Path(place))
    else:
        sys.exit(main(sys.argv[1:]))
