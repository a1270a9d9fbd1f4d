"""Imports in the background: a newer frame, a file of returns, the list of a wave that is being prepared.

What is handed in is kept sealed in the store, so that a worker on any machine can read it, and is read by a job.
Nothing is changed by that: what the file holds stands on a page, with every fault and its place. Only what is then
confirmed is stored, by a second job, whose last transaction stores it, erases the file and says that the job is
done. All three happen or none, so a job that is taken up again after a crash takes nothing in twice. A file that
is refused is erased at once.

A small file is read while the page waits, by the same functions, and leaves no job behind. The rows of jobs name
nobody: what a file is called, how it is read and what was found in it are sealed with it.
"""

import io
import json
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from surveyapp import framing, preparing, privacy, retaining, returning
from surveyapp.acting import check_may, needs
from surveyapp.config import Home, read_file, secret
from surveyapp.frames import changes
from surveyapp.framing import Moved, Plan, Reading
from surveyapp.keyring import KeyRing
from surveyapp.problems import NotFound, NotSaved, Problem, Refused, SurveyError
from surveyapp.returning import Loaded
from surveyapp.roles import MANAGER
from surveyapp.storage import jobs, uploads
from surveyapp.storage.database import Connection, Database
from surveyapp.storage.jobs import DONE, Job
from surveyapp.storage.papers import Preparation
from surveyapp.working.queue import KINDS, Stopped, Task, begin_here, carry_out, kind, listed

LOOK_AT_FRAME, LOAD_FRAME = "frame-look", "frame-load"
LOOK_AT_RETURNS, LOAD_RETURNS = "returns-look", "returns-load"
READ_LIST = "list-read"

_LOOKS = {
    LOOK_AT_FRAME: LOOK_AT_FRAME,
    LOAD_FRAME: LOOK_AT_FRAME,
    LOOK_AT_RETURNS: LOOK_AT_RETURNS,
    LOAD_RETURNS: LOOK_AT_RETURNS,
}
"""The kind of job that read a file, by the kind that is at work on it."""

AT_ONCE = 200_000
"""Bytes of a text that are read while the page waits: some two thousand rows, under a second."""

AT_ONCE_UNPACKED = 600_000
"""Bytes that a workbook may unpack to, to be read at once: its rows are longer and slower, and as many."""

UNREAD, READY, NOTHING, REFUSED, LOADED = "unread", "ready", "nothing", "refused", "loaded"
"""How an upload stands: NOTHING would change nothing, REFUSED has faults and is erased, LOADED is taken in."""

GONE = "the file is not here any more: it was thrown away, or its days were over. Hand it in again"


@dataclass(frozen=True)
class Clerk:
    """Who hands something in for a wave: where it goes, on which day, and the clock."""

    db: Database
    home: Home
    survey: str
    wave: str
    who: str
    today: date
    now: Callable[[], int]


@dataclass(frozen=True)
class File:
    """A file as it was handed in: its name, its bytes, and how it is to be read, in plain JSON."""

    name: str
    content: bytes = field(repr=False)
    how: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_small(self) -> bool:
        """Whether it is read while the page waits."""
        return is_small(self.content)


@dataclass(frozen=True)
class Import:
    """What is known of an upload: how it stands, what it was called and how it was read, and what is wrong.

    `kind` is the one of the job that read it. `told` is what a page shows of a file that can be taken in; `look`
    counts how often that was made anew.
    """

    id: bytes
    kind: str = ""
    state: str = UNREAD
    name: str = field(default="", repr=False)
    how: Mapping[str, Any] = field(default_factory=dict, repr=False)
    small: bool = False
    problems: tuple[Problem, ...] = field(default=(), repr=False)
    words: str = field(default="", repr=False)
    told: Mapping[str, Any] = field(default_factory=dict, repr=False)
    look: int = 1


def is_small(content: bytes) -> bool:
    """Whether a file is read while the page waits: by its size, a workbook's by what it unpacks to."""
    if not content.startswith(b"PK\x03\x04"):
        return len(content) <= AT_ONCE
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return sum(entry.file_size for entry in archive.infolist()) <= AT_ONCE_UNPACKED
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        return True  # it is refused soon enough


# ── handing in, looking, confirming ──────────────────────────────────────────


@needs(MANAGER)
def hand_in(at: Clerk, look: str, file: File) -> tuple[bytes, Job]:
    """Keep a file, sealed, and have it read by a job of the kind `look`; the id of the upload, and the job."""
    id_ = privacy.new_id()
    key = secret(_key_file(at.home), privacy.new_secret)
    box = privacy.seal_upload(key, _packed(file), _label(id_, "file"))

    def keep(connection: Connection) -> None:
        retaining.drop_old_uploads(connection, at.today)
        uploads.add(connection, id_, at.wave, box, at.today.isoformat())

    return id_, _asked(at, look, {"upload": id_.hex()}, file.is_small, keep)


@needs(MANAGER)
def found(db: Database, home: Home, wave: str, look: str, id_: bytes) -> Import:
    """How an upload of a wave stands that was to be read by a job of the kind `look`. Raises `NotFound`."""
    with db.reading() as connection:
        upload = uploads.upload(connection, id_)
    known = _opened(home, id_, upload.found) if upload and upload.wave == wave else None
    if known is None or known.kind not in {look, ""}:
        raise NotFound(GONE)
    return known


@needs(MANAGER)
def waiting(db: Database, home: Home, wave: str, look: str) -> list[Import]:
    """The uploads of a wave that were read by a job of the kind `look` and wait to be confirmed."""
    with db.reading() as connection:
        there = uploads.of_wave(connection, wave)
    known = (_opened(home, upload.id, upload.found) for upload in there)
    return [one for one in known if (one.kind, one.state) == (look, READY)]


@needs(MANAGER)
def confirm(at: Clerk, load: str, known: Import, look: int) -> Job | None:
    """Have an upload taken in by a job of the kind `load`, as it was looked at; None if it stands otherwise."""
    if known.state != READY or known.look != look:
        return None
    return _asked(at, load, {"upload": known.id.hex(), "look": look}, known.small)


@needs(MANAGER)
def give_up(db: Database, id_: bytes) -> None:
    """Erase an upload."""
    with db.transaction() as connection:
        uploads.drop(connection, id_)


@needs(MANAGER)
def job_about(db: Database, survey: str, id_: bytes) -> Job | None:
    """The job that reads an upload or takes it in, as long as it is not over."""
    return _going(db, survey, "upload", id_.hex())


@needs(MANAGER)
def read_list(at: Clerk, known: Preparation) -> Job:
    """Have the list of a wave that is being prepared read."""
    return _asked(at, READ_LIST, {"file": preparing.file_of(known)}, is_small(known.frame))


@needs(MANAGER)
def reading_of(db: Database, known: Preparation) -> Job | None:
    """The job that reads the list of a preparation, as long as it is not over."""
    return _going(db, known.survey, "file", preparing.file_of(known))


def _going(db: Database, survey: str, name: str, value: str) -> Job | None:
    return next((job for job in listed(db, survey) if not job.over and job.settings.get(name) == value), None)


def _asked(
    at: Clerk,
    name: str,
    settings: Mapping[str, Any],
    small: bool,
    keep: Callable[[Connection], None] = lambda _connection: None,
) -> Job:
    """Ask for a job; a small one is done here and now, and forgotten once it is done."""
    check_may(KINDS[name].roles, at.survey)
    job = Job(privacy.new_id(), name, at.survey, at.wave, at.who, dict(settings), at=at.now())
    job = begin_here(job, at.now()) if small else job
    with at.db.transaction() as connection:
        keep(connection)
        if known := None if small else jobs.like(connection, job):
            return known
        jobs.add(connection, job)
    if not small:
        return job
    done = carry_out(Task(job, at.db, at.home, at.today, at.now))
    if done.state == DONE:
        with at.db.transaction() as connection:
            jobs.drop(connection, job.id)
    return done


# ── the kinds ────────────────────────────────────────────────────────────────


@kind(LOOK_AT_FRAME, "Newer frame: reading", MANAGER)
def look_at_frame(task: Task) -> str:
    """Say what a newer list would change."""

    def look(file: File) -> None:
        plan = framing.preview(task.db, task.job.wave, file.name, file.content, reading_in(file.how), _rows(task))
        _note_plan(task, file, plan, look=1)

    return _worked(task, look)


@kind(LOAD_FRAME, "Newer frame: changing the frame", MANAGER)
def load_frame(task: Task) -> str:
    """Bring the frame to what a newer list says, if that is what was looked at."""
    known = _known(task, LOOK_AT_FRAME)

    def load(file: File) -> None:
        def settle(connection: Connection, plan: Plan) -> None:
            words = f"The frame was changed: {plan.difference}."
            _conclude(task, connection, file, words, state=LOADED, words=words)

        how, seen = reading_in(file.how), known.told["mark"]
        try:
            framing.load(
                task.db, task.job.wave, file.name, file.content, how, _rows(task), seen=seen, settle=settle
            )
        except Moved as moved:
            _note_plan(task, file, moved.plan, look=known.look + 1)

    return _worked(task, load, known)


@kind(LOOK_AT_RETURNS, "File of returns: checking", MANAGER)
def look_at_returns(task: Task) -> str:
    """Say what a file of returns holds, or every problem of it."""

    def look(file: File) -> None:
        checked = returning.check_returns(task.db, task.job.wave, *_of_returns(task, file), **_how(task, file))
        with task.db.transaction() as connection:
            said = "the file can be loaded; nothing is loaded before that is confirmed"
            _conclude(task, connection, file, said, state=READY, told=_shown(checked))

    return _worked(task, look)


@kind(LOAD_RETURNS, "File of returns: loading", MANAGER)
def load_returns(task: Task) -> str:
    """Put every return of a file into the tray, or none."""

    def load(file: File) -> None:
        def settle(connection: Connection, loaded: Loaded) -> None:
            said = "every return of the file is sealed in the tray"  # how many, the job does not keep
            _conclude(task, connection, file, said, state=LOADED, told=_shown(loaded))

        name = task.job.wave
        returning.load_returns(task.db, name, *_of_returns(task, file), **_how(task, file), settle=settle)

    return _worked(task, load, _known(task, LOOK_AT_RETURNS))


@kind(READ_LIST, "List of organisations: reading", MANAGER)
def understand_list(task: Task) -> str:
    """Understand the list of a wave that is being prepared, unless another was taken meanwhile."""
    known = preparing.found(task.db, task.job.survey, task.job.wave)
    if preparing.file_of(known) != task.job.settings["file"]:
        task.last_word("another list was taken meanwhile, or this one is read in another way")
        return ""
    preparing.read_in(task.db, known, _rows(task), task.finish)
    return ""


def reading_in(how: Mapping[str, Any]) -> Reading:
    """The settings by which a list is read."""
    return Reading(how["sheet"], how["named"], how["left_out"], how["accepted"])


def _worked(task: Task, do: Callable[[File], None], known: Import | None = None) -> str:
    """Do something with the file of a job. A refusal is noted, sealed, for its page, and the file is erased.

    A store that is busy is no refusal: the file stays, and the job says so.
    """
    if known is not None and (known.state != READY or known.look != task.job.settings.get("look")):
        task.last_word(_STANDS.get(known.state, "it is to be looked at once more"))
        return ""
    file = _file(task)
    try:
        do(file)
    except (NotSaved, Stopped):
        raise
    except Refused as refused:
        _refuse(task, file, problems=tuple(map(framing.for_page, refused.problems)))
    except SurveyError as error:
        _refuse(task, file, words=str(error))
    return ""


_STANDS = {LOADED: "the file is taken in already", REFUSED: "the file was refused, and is erased"}


def _refuse(task: Task, file: File, problems: tuple[Problem, ...] = (), words: str = "") -> None:
    count = f"it has {len(problems):,} problem{'' if len(problems) == 1 else 's'}; " if problems else ""
    with task.db.transaction() as connection:
        said = f"{count}nothing was stored, and the file is erased. The reasons stand on its page"
        _conclude(task, connection, file, said, state=REFUSED, problems=problems, words=words)


def _note_plan(task: Task, file: File, plan: Plan, look: int) -> None:
    lines = changes(plan.difference)
    told = {
        "lines": lines[:-1],
        "counts": lines[-1],
        "notes": [str(framing.for_page(note)) for note in plan.notes],
        "left": list(plan.left),
        "mark": plan.mark,
    }
    state = READY if plan.difference else NOTHING
    words = "The frame was changed while you looked at it: look at this once more." if look > 1 else ""
    with task.db.transaction() as connection:
        said = f"{lines[-1]}; nothing is changed before that is confirmed"
        _conclude(task, connection, file, said, state=state, words=words, told=told, look=look)


def _conclude(task: Task, connection: Connection, file: File, said: str, **values: Any) -> None:
    """Note what was found and that the job is done, in one transaction; only a file that waits is kept."""
    id_ = _id(task)
    known = Import(id_, _LOOKS[task.job.kind], name=file.name, how=file.how, small=file.is_small, **values)
    if not uploads.note(connection, id_, _sealed(task.home, known), keep=known.state == READY):
        raise Stopped("the file was thrown away")
    task.finish(connection, said)


def _of_returns(task: Task, file: File) -> tuple[str, bytes, date]:
    return file.name, file.content, task.today


def _how(task: Task, file: File) -> dict[str, Any]:
    """How a file of returns is read. Its progress is told in hundredths: a job does not keep how many it holds."""

    def read(done: int, of: int) -> None:
        task.tell("reading the returns", 50 + 50 * done // of, 100)

    place: Path = task.home.keys / "returns"
    return {
        **file.how,
        "keys": lambda: KeyRing(place).opening,
        "opening": lambda done, of: task.tell("reading the workbook", 50 * done // of, 100),
        "progress": read,
    }


def _rows(task: Task) -> Callable[[int, int], None]:
    return lambda done, of: task.tell("reading rows", done, of)


def _shown(loaded: Loaded) -> dict[str, Any]:
    """What a page shows of a file of returns."""
    counts = {name: getattr(loaded, name) for name in ("returns", "marked", "partial", "known_again")}
    return {**counts, **{name: [str(each) for each in getattr(loaded, name)] for name in ("gaps", "notes")}}


# ── what is sealed ───────────────────────────────────────────────────────────


def _known(task: Task, look: str) -> Import:
    return found(task.db, task.home, task.job.wave, look, _id(task))


def _file(task: Task) -> File:
    """The file that a job is about. Raises `SurveyError` if it is erased."""
    with task.db.reading() as connection:
        box = uploads.box(connection, _id(task))
    if not box:
        raise SurveyError(GONE)
    content = privacy.open_upload(_key(task.home), box, _label(_id(task), "file"))
    head, _, rest = content.partition(b"\n")
    return File(content=rest, **json.loads(head))


def _packed(file: File) -> bytes:
    return json.dumps({"name": file.name[:100], "how": dict(file.how)}).encode() + b"\n" + file.content


def _sealed(home: Home, known: Import) -> bytes:
    kept = {name: value for name, value in known.__dict__.items() if name != "id"}
    kept["problems"] = [(p.at, p.what, p.do, p.line) for p in known.problems]
    content = json.dumps({**kept, "how": dict(known.how), "told": dict(known.told)}).encode()
    return privacy.seal_upload(_key(home), content, _label(known.id, "found"))


def _opened(home: Home, id_: bytes, box: bytes) -> Import:
    if not box:
        return Import(id_)
    kept = json.loads(privacy.open_upload(_key(home), box, _label(id_, "found")))
    kept["problems"] = tuple(Problem(*problem) for problem in kept["problems"])
    return Import(id_, **kept)


def _key(home: Home) -> bytes:
    """The key of the installation. A worker on a machine that has it not must not make another."""
    return read_file(_key_file(home))


def _key_file(home: Home) -> Path:
    return home.keys / "staff"


def _label(id_: bytes, what: str) -> bytes:
    return what.encode() + id_


def _id(task: Task) -> bytes:
    return bytes.fromhex(task.job.settings["upload"])
