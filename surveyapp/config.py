"""Where an installation keeps its things, and how a file is written without ever being half there."""

import fcntl
import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from errno import EISDIR
from pathlib import Path
from tempfile import NamedTemporaryFile

from surveyapp.problems import NotFound, SurveyError

# Our matrices are small. Threads of the library for numbers only spin beside each other: on a busy machine a table
# with tests took ten times as long. It reads this when numpy is first imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# pyarrow would keep a heap of its own, in pieces of two megabytes of which one after the other comes into use: for
# an hour and more a process that serves would seem to grow.
os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")

PACKAGE = Path(__file__).resolve().parent

SETTINGS: Mapping[str, str] = {
    "SURVEYAPP_HOME": "the folder of the installation; else ./instance",
    "SURVEYAPP_DATABASE_URL": "a PostgreSQL database in place of the file in that folder",
    "SURVEYAPP_SMTP": "the mail server; without it letters are written to outbox/",
    "SURVEYAPP_SMTP_PASSWORD_FILE": "the file with its password",
    "SURVEYAPP_ADDRESS": "the address of the site, for letters to staff",
    "SURVEYAPP_SENDER": "the sender of letters to staff",
    "SURVEYAPP_PLAIN_HTTP": "1 lets wsgi.py serve without TLS in front, for trials",
}
"""Every setting from the environment, and what it is for. Secrets are in files, never in the environment."""


@dataclass(frozen=True)
class Home:
    """The directory of one installation: database, keys, outbox. Readable by its owner alone.

    `address` is that of a PostgreSQL database in place of the file, "" if there is none.
    """

    path: Path
    address: str = field(default="", repr=False)

    @property
    def database(self) -> Path:
        """The SQLite file."""
        return self.path / "surveyapp.db"

    @property
    def store(self) -> Path | str:
        """What the database is opened by: the file, or the address."""
        return self.address or self.database

    @property
    def keys(self) -> Path:
        """Secrets of the server, and private keys of waves whose key the server holds."""
        return self.path / "keys"

    @property
    def outbox(self) -> Path:
        """Letters as `.eml` files, one folder a wave."""
        return self.path / "outbox"

    @property
    def backups(self) -> Path:
        """Copies of the database, each with its hash beside it."""
        return self.path / "backups"

    @property
    def released(self) -> Path:
        """Released answers of closed waves as columns, kept for speed; made anew when deleted."""
        return self.path / "released"

    @property
    def previews(self) -> Path:
        """Installations in which questionnaires are walked through, a folder each, for some hours."""
        return self.path / "previews"

    @property
    def jobs(self) -> Path:
        """What jobs made, a folder each, until it is thrown away."""
        return self.path / "jobs"

    def job(self, id_: str) -> Path:
        """The folder of one job, by its id in hexadecimal."""
        return self.jobs / id_

    @property
    def outbox_key(self) -> Path:
        """The secret under which access codes wait in letters that are not sent yet."""
        return self.keys / "outbox"

    def wave_key(self, wave: str) -> Path:
        """The key file of a wave whose private key stays on the server."""
        return self.keys / f"{wave}.key"

    def make(self) -> "Home":
        """The same home, with its directories on the disk. Raises `SurveyError` if that cannot be."""
        try:
            for folder in (self.path, self.keys, self.outbox):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                folder.chmod(0o700)
        except OSError as error:
            raise SurveyError(
                f"{self.path} cannot be used: {error.strerror}; choose another with --home"
            ) from None
        return self


def home(given: str | None = None) -> Home:
    """The installation named by `given`, else by SURVEYAPP_HOME, else ./instance.

    SURVEYAPP_DATABASE_URL puts a PostgreSQL database in place of its file.
    """
    path = Path(given or os.environ.get("SURVEYAPP_HOME") or "instance").resolve()
    return Home(path, os.environ.get("SURVEYAPP_DATABASE_URL", ""))


def surroundings(home: Home) -> dict[str, str]:
    """What a process of ours on the same installation is started with."""
    return {**os.environ, "SURVEYAPP_HOME": str(home.path), "SURVEYAPP_DATABASE_URL": home.address}


def project_file(name: str) -> Path:
    """A file that comes with the product (`instruments/…`, `exports/…`, `migrations`), from checkout or wheel."""
    for root in (PACKAGE.parent, PACKAGE / "project"):
        if (root / name).exists():
            return root / name
    raise NotFound(f"{name} is missing from this installation; install surveyapp again")


def read_file(path: Path) -> bytes:
    """The bytes of a file that somebody named. Raises `NotFound` with the reason if it cannot be read."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise NotFound(f"there is no file {path}; check the path") from None
    except IsADirectoryError:
        raise NotFound(f"{path} is a folder; name a file in it") from None
    except OSError as error:
        raise NotFound(f"{path} cannot be read: {error.strerror}") from None


def write_aside(path: Path, content: bytes, private: bool = False) -> None:
    """Write `content` beside `path`, then rename it into place: the old file stays until the new one is whole.

    `private` files are readable by their owner alone. Raises `SurveyError` if the disk refuses.
    """
    _put(path, content, 0o600 if private else 0o644, Path.replace)


@contextmanager
def ready(files: Mapping[Path, bytes], private: bool = False) -> Iterator[Callable[[], None]]:
    """Files on the disk beside their places; what this gives puts them there, in the order of `files`.

    What must come first, such as an entry that says that they exist, is done in between: if it fails, nothing of
    them is left. `private` as in `write_aside`. Raises `SurveyError` if the disk refuses.
    """
    with ExitStack() as stack:
        mode = 0o600 if private else 0o644
        asides = {path: stack.enter_context(_beside(path, content, mode)) for path, content in files.items()}
        for path in files:
            with _writing(path):
                if path.is_dir():
                    raise IsADirectoryError(EISDIR, "Is a directory")

        def into_place() -> None:
            for path, aside in asides.items():
                with _writing(path):
                    aside.replace(path)
                    _settle(path.parent)

        yield into_place


def write_once(path: Path, content: bytes) -> None:
    """Write a private file that must not replace another, whoever else tries at the same moment.

    Raises `SurveyError` if there is one.
    """
    _put(path, content, 0o600, place_once)


def secret(path: Path, make: Callable[[], bytes]) -> bytes:
    """The secret in a file, made at its first use; of several processes that begin at once, all get the same."""
    if not path.exists():
        with suppress(AlreadyThere):
            write_once(path, make())
    return read_file(path)


class InUse(SurveyError):
    """Somebody else is at work with the same file."""


@contextmanager
def alone(path: Path, refusal: str) -> Iterator[None]:
    """Nobody else is inside with the same file; the system lets go of it however a process ends.

    Raises `InUse` with `refusal` if somebody is.
    """
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InUse(refusal) from None
        if not os.path.samestat(os.fstat(file.fileno()), path.stat()):  # it was replaced just now
            raise InUse(refusal)
        yield


def given_settings() -> list[str]:
    """The settings of ours that the environment gives, by name; their values are nobody's business."""
    return [name for name in SETTINGS if os.environ.get(name)]


def unknown_settings() -> list[str]:
    """Names in the environment that look like settings of ours and are none."""
    return sorted(name for name in os.environ if name.startswith("SURVEYAPP_") and name not in SETTINGS)


def mail_settings() -> tuple[str, str]:
    """The address of the mail server and its password, "" where there is none.

    From SURVEYAPP_SMTP, and from the file that SURVEYAPP_SMTP_PASSWORD_FILE names.
    """
    file = os.environ.get("SURVEYAPP_SMTP_PASSWORD_FILE", "")
    password = read_file(Path(file)).decode(errors="replace").strip("\r\n") if file else ""
    return os.environ.get("SURVEYAPP_SMTP", ""), password


def site_settings() -> tuple[str, str]:
    """The address of this site and the sender of its letters to staff, "" where they are not set.

    From SURVEYAPP_ADDRESS and SURVEYAPP_SENDER; what a browser says of the address is never believed.
    """
    address = os.environ.get("SURVEYAPP_ADDRESS", "").strip().rstrip("/")
    if address and not re.fullmatch(r"https?://[^\s/#?{}<>\"]+(/[^\s#?{}<>\"]*)?", address):
        raise SurveyError("SURVEYAPP_ADDRESS is not the address of a site; write https://survey.example.org")
    return address, os.environ.get("SURVEYAPP_SENDER", "").strip()


class AlreadyThere(SurveyError):
    """A file that must not be replaced exists."""


def _put(path: Path, content: bytes, mode: int, into_place: Callable[[Path, Path], object]) -> None:
    """Write beside `path`, onto the disk, then into place."""
    with _beside(path, content, mode) as aside, _writing(path):
        into_place(aside, path)
        _settle(path.parent)


@contextmanager
def _beside(path: Path, content: bytes, mode: int) -> Iterator[Path]:
    """A file with this content on the disk beside `path`, under a name of its own; gone again in the end."""
    with _writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile(dir=path.parent, prefix=f".{path.name[:80]}.", delete=False) as aside:
            name = Path(aside.name)
            try:
                aside.write(content)
                aside.flush()
                os.fsync(aside.fileno())
                name.chmod(mode)
            except BaseException:
                name.unlink(missing_ok=True)
                raise
    try:
        yield name
    finally:
        with suppress(OSError):
            name.unlink()


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    """Turn what the disk refuses into words."""
    try:
        yield
    except OSError as error:
        raise SurveyError(f"{path} cannot be written: {error.strerror}") from None


def place_once(aside: Path, path: Path) -> None:
    """Give the finished file its name, unless something has that name: the file system decides who is first.

    Raises `AlreadyThere`. Where there are no second names, the file loses the one that it had.
    """
    try:
        try:
            path.hardlink_to(aside)
        except FileExistsError:
            raise
        except OSError:  # a memory stick knows no second names: take the name first, then fill it
            path.touch(0o600, exist_ok=False)
            aside.replace(path)
    except FileExistsError:
        raise AlreadyThere(f"{path} exists already; move it away or name another file") from None


def _settle(folder: Path) -> None:
    """Make the new name itself last through a loss of power."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
