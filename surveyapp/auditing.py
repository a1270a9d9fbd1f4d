"""Audit: the known attacks, run on this installation's own files; what an insider of each kind could learn.

Each attack looks at bytes, as the insider would, and says what it found. "holds" means that nothing was to be had;
"known" that something can be learnt which respondents are told or the manual names; "fails" that something can be
learnt which nobody was told. The channels (A1 …) are those of `docs/anonymity.md`.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from textwrap import wrap
from typing import Any, Literal

from surveyapp import privacy, roles
from surveyapp.acting import needs
from surveyapp.config import Home, read_file
from surveyapp.problems import SurveyError
from surveyapp.storage import forensics, waves
from surveyapp.storage.database import Connection, Database
from surveyapp.storage.forensics import Place, Store
from surveyapp.storage.waves import Wave

PEOPLE = ("organisation", "invitation", "draft", "letter", "preparation", "listing")
CODED = ("coding", "settled", "quotation", "finished")
ANSWERS = ("tray", "response", "verbatim", *CODED)
SHARED = ("version", "wave", "loading", "codeframe", "publication", "alembic_version")
STAFF = (
    *("account", "duty", "staff_session", "link", "attempt", "token", "asking"),
    *("act", "job", "sitting", "upload"),
)
PAPERS = ("manuscript", "table_plan")
"""Unpublished questionnaires, and plans of tables: what staff write, like versions."""

FILES = "File reader: every file of this folder, but no key that is kept elsewhere"
BACKUPS = "Backup holder: copies of the database from several days"
MANAGER = "Survey manager: the list of organisations and who has answered"
ANALYST = "Analyst: released answers, and the tables and files made of them"
MAIL = "Mail server: every letter on its way"
LOGS = "Web log reader: every line that was logged"
ROLES = (FILES, BACKUPS, MANAGER, ANALYST, MAIL, LOGS)

Verdict = Literal["holds", "known", "fails"]
Found = tuple[Verdict, str, str]
"""The verdict, what was found, and what to do about it."""


@dataclass(frozen=True)
class Scene:
    """What the attacks are run on: the files, and what is known of this store.

    `of` is the wave whose answers are looked at. `drafts` are (hash of the code, salt, box) of all waves, `used`
    the hashes of the codes that have been used, `days` how many days of answering the wave keeps. `boxes` are
    sealed boxes of the wave, `sizes` how many lengths boxes may have in the whole store. `in_field` says whether
    anybody has come to a wave that is still open. `released` are (version, cell) of the wave's answers. `spoken`
    says of a column whether it holds what respondents said themselves. `units` are the names, `addresses` the
    e-mail addresses of organisations. `waiting` letters hold a code each. `cookie` seals a cookie.
    """

    store: Store
    of: Wave
    in_field: bool
    settings: Mapping[str, Any]
    sizes: int
    drafts: tuple[tuple[bytes, bytes, bytes], ...] = field(repr=False)
    used: frozenset[bytes] = field(repr=False)
    days: int
    boxes: tuple[bytes, ...] = field(repr=False)
    released: tuple[tuple[str, str], ...]
    spoken: Callable[[str], bool]
    units: frozenset[bytes] = field(repr=False)
    addresses: frozenset[bytes] = field(repr=False)
    waiting: int
    logs: tuple[Path, ...]
    cookie: Callable[[bytes, bytes], bytes] = privacy.seal_cookie

    @property
    def of_answers(self) -> tuple[str, ...]:
        """The tables of released answers: those of the answer side without the tray and what coders made of it."""
        return tuple(table for table in self.store.answers if table not in {"tray", *CODED})


@dataclass(frozen=True)
class Attack:
    """One attack: who could try it, by which channel, in which words, and how."""

    role: str
    channel: str
    tried: str
    run: Callable[[Scene], Found]

    @property
    def name(self) -> str:
        """How scripts call it."""
        return self.run.__name__.strip("_")


@dataclass(frozen=True)
class Outcome:
    """What an attack came to."""

    attack: Attack
    verdict: Verdict
    found: str
    do: str


ATTACKS: list[Attack] = []
"""All of them, in the order in which they are printed."""


@needs(roles.MANAGER, roles.KEY_HOLDER)
def audit(home: Home, db: Database, name: str, logs: Sequence[Path] = ()) -> list[Outcome]:
    """Run every attack on an installation, for one wave. `logs` are files beside those in the folder.

    Raises `NotFound` for an unknown wave.
    """
    return examine(scene(home, db, name, logs))


def examine(seen: Scene) -> list[Outcome]:
    """Every attack on a scene, whatever store it is of."""
    return [Outcome(attack, *attack.run(seen)) for attack in ATTACKS]


def failed(outcomes: Iterable[Outcome]) -> bool:
    """Whether any attack succeeded that nobody was told of."""
    return any(outcome.verdict == "fails" for outcome in outcomes)


def as_json(name: str, promise: Sequence[str], outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """The outcomes for scripts."""
    entries = [
        {
            "role": outcome.attack.role.partition(":")[0],
            "attack": outcome.attack.name,
            "channel": outcome.attack.channel,
            "tried": outcome.attack.tried,
            "found": outcome.found,
            "verdict": outcome.verdict,
            "do": outcome.do,
        }
        for outcome in outcomes
    ]
    return {"wave": name, "passed": not failed(outcomes), "promise": list(promise), "attacks": entries}


# ── printing ─────────────────────────────────────────────────────────────────

TRIED, FOUND = 34, 36
"""Characters of the first two columns; with the verdict a line has 79."""


def printed(name: str, promise: Sequence[str], outcomes: Sequence[Outcome]) -> str:
    """The outcomes as a table that 80 columns hold, then what to do, then what respondents are told."""
    lines = [f"Attacks on the files of this installation, for the wave {name}", ""]
    for role in ROLES:
        lines += [*wrap(role, 79), "-" * 79]
        for outcome in outcomes:
            if outcome.attack.role == role:
                lines += _row(f"{outcome.attack.channel:<4}{outcome.attack.tried}", outcome.found, outcome.verdict)
        lines.append("")
    lines += _to_do(outcomes)
    lines += ["What respondents of this wave are promised:", *_listed(promise), "", _sum(outcomes)]
    return "\n".join(lines)


def _row(tried: str, found: str, verdict: str) -> list[str]:
    left, right = wrap(tried, TRIED, subsequent_indent="    "), wrap(found, FOUND)
    height = max(len(left), len(right))
    left, right = left + [""] * (height - len(left)), right + [""] * (height - len(right))
    marks = [verdict, *[""] * (height - 1)]
    return [f"{a:<{TRIED}}  {b:<{FOUND}}  {mark}".rstrip() for a, b, mark in zip(left, right, marks, strict=True)]


def _to_do(outcomes: Iterable[Outcome]) -> list[str]:
    lines = []
    for verdict, title in (("fails", "What to do now:"), ("known", "What to know:")):
        remedies = [f"{o.attack.channel} {o.do}".removeprefix("-- ") for o in outcomes if o.verdict == verdict]
        if remedies:
            lines += [title, *_listed(remedies), ""]
    return lines


def _listed(sentences: Iterable[str]) -> list[str]:
    return [
        line
        for sentence in sentences
        for line in wrap(sentence, 79, initial_indent="- ", subsequent_indent="  ", break_on_hyphens=False)
    ]


def _sum(outcomes: Sequence[Outcome]) -> str:
    count = Counter(outcome.verdict for outcome in outcomes)
    return f"{len(outcomes)} attacks: {count['holds']} hold, {count['known']} known, {count['fails']} fail"


# ── the scene ────────────────────────────────────────────────────────────────


@needs(roles.MANAGER, roles.KEY_HOLDER)
def scene(home: Home, db: Database, name: str, logs: Sequence[Path] = ()) -> Scene:
    """Everything that the attacks need, from the files of an installation."""
    with db.reading() as connection:
        wave = waves.wave_named(connection, name)
        every = waves.waves(connection)
        spoken = _spoken(connection, every)
    path = forensics.look(db)
    store = Store(home.path, path, PEOPLE, ANSWERS, _public(path), _secrets(home))
    invitations = forensics.rows(path, "invitation", "code_hash", "salt", "wave", "state", "completed_on")
    salts = {code: salt for code, salt, *_ in invitations}
    return Scene(
        store=store,
        of=wave,
        in_field=_in_field(every, invitations),
        settings=forensics.settings_of(db),
        sizes=len({other.box_size for other in every}),
        drafts=tuple((code, salts[code], box) for code, box in forensics.rows(path, "draft", "code_hash", "box")),
        used=frozenset(code for code, _, _, state, _ in invitations if state == "done"),
        days=sum(of == name and day is not None for _, _, of, _, day in invitations),
        boxes=tuple(box for of, box in forensics.rows(path, "tray", "wave", "box") if of == name),
        released=tuple(
            (v, cell) for of, v, cell in forensics.rows(path, "response", "wave", "version", "cell") if of == name
        ),
        spoken=spoken,
        units=_distinct(path, "name"),
        addresses=_distinct(path, "email"),
        waiting=sum(code is not None for (code,) in forensics.rows(path, "letter", "code")),
        logs=(*_logs(store), *logs),
    )


def _in_field(every: Iterable[Wave], invitations: Iterable[tuple[Any, ...]]) -> bool:
    """Whether somebody has answered in a wave that is still open."""
    still = {wave.name for wave in every if wave.state == "open"}
    return any(wave in still and state == "done" for _, _, wave, state, _ in invitations)


def _public(database: Place) -> frozenset[bytes]:
    """What both sides may hold: all that stands in the tables known to both, and the parts of a crossed cell."""
    found = {value for values in forensics.columns(database, SHARED).values() for value in values}
    return frozenset(found | {part for value in found for part in value.split(b" / ")})


def _secrets(home: Home) -> tuple[bytes, ...]:
    """The secrets of the server, and the private keys that lie with them."""
    files = sorted(path for path in home.keys.glob("*") if path.is_file())
    return (*_plain_keys(files), *_private_keys(files))


def _plain_keys(files: Iterable[Path]) -> Iterator[bytes]:
    for path in files:
        with suppress(SurveyError):
            yield from (key.secret for key in privacy.read_keys(path.read_bytes(), 0))


def _private_keys(files: Iterable[Path]) -> list[bytes]:
    found = []
    for path in files:
        if path.stat().st_size < 1000:
            try:
                found.append(privacy.read_key_file(path.read_bytes().decode(errors="replace"))[1])
            except SurveyError:
                continue
    return found


def _spoken(connection: Connection, every: Iterable[Wave]) -> Callable[[str], bool]:
    """Whether a column holds what respondents said: open answers, and the answers to questions that were asked."""
    asked: set[str] = set()
    for survey, version in {(wave.survey, wave.version) for wave in every}:
        instrument = waves.published(connection, survey, version)
        asked |= set(instrument.questions) | {page.id for page in instrument.pages}

    def spoken(column: str) -> bool:
        place, _, key = column.partition(":")
        question = re.split(r"[.@]", key)[0]
        return place in {"verbatim.text", "quotation.words"} or (place == "response.answers" and question in asked)

    return spoken


def _distinct(database: Place, column: str) -> frozenset[bytes]:
    """The values of a column of the list of organisations that are long enough to be known again."""
    return frozenset(
        value.encode()
        for (value,) in forensics.rows(database, "organisation", column)
        if len(value) >= forensics.SHORTEST
    )


def _logs(store: Store) -> list[Path]:
    return [path for path in store.paths if path.suffix == ".log" or path.parent.name == "logs"]


# ── attacks ──────────────────────────────────────────────────────────────────


def _attack(role: str, channel: str, tried: str) -> Callable[[Callable[[Scene], Found]], Callable[[Scene], Found]]:
    def enter(run: Callable[[Scene], Found]) -> Callable[[Scene], Found]:
        ATTACKS.append(Attack(role, channel, tried, run))
        return run

    return enter


def _found(wrong: Iterable[str], nothing: str, do: str) -> Found:
    """A failure that names what was found, in order; else that nothing was."""
    listed = sorted(wrong)
    if not listed:
        return "holds", nothing, ""
    more = f" and {len(listed) - 4} more" if len(listed) > 4 else ""
    return "fails", ", ".join(listed[:4]) + more, do


def _n(count: int, thing: str, many: str = "") -> str:
    return f"{count:,} {thing if count == 1 else many or thing + 's'}"


@_attack(FILES, "A1", "a value on both sides: plain, hashed, or hashed with a key of the server")
def _shared_values(seen: Scene) -> Found:
    found = forensics.shared_values(seen.store)
    links = {f"{one} = {other} ({how})" for one, other, how in found if how != "plain" or not seen.spoken(other)}
    return _found(links, "no value in common", "Do not pass this file on; the store has been altered: compare it.")


@_attack(FILES, "A2", "a number that counts the rows of answers")
def _hidden_counters(seen: Scene) -> Found:
    found = forensics.hidden_counters(seen.store)
    return _found(
        found, "rows have random ids alone", "Bring the schema to that of the programme: rows are counted."
    )


@_attack(FILES, "A10", "a day, an hour or an id made by a clock among the answers")
def _times(seen: Scene) -> Found:
    found = {name for name in forensics.times(seen.store) if not seen.spoken(name)}
    return _found(found, "none", "Bring the schema to that of the programme: answers have a time.")


@_attack(FILES, "A3", "the order of arrival in the place of released answers on the disk")
def _order_of_answers(seen: Scene) -> Found:
    return _order(seen, seen.of_answers, "Open the tray once more, which writes the file anew.")


@_attack(FILES, "A3", "the order of arrival in the place of sealed boxes")
def _order_of_boxes(seen: Scene) -> Found:
    verdict, found, do = _order(seen, ["tray"], "Open the tray, which writes the file anew.")
    waiting = len(forensics.rows(seen.store.database, "tray", "id"))
    if verdict == "fails" and seen.in_field and "tray" not in forensics.hidden_counters(seen.store):
        do = (
            f"{_n(waiting, 'sealed box lies', 'sealed boxes lie')} in the order of arrival until the wave is "
            "closed. Who has this file, the key and the order of answering could join them: keep it elsewhere."
        )
        return "known", "they lie as they came, sealed", do
    return verdict, found, do


def _order(seen: Scene, among: Iterable[str], do: str) -> Found:
    counted = forensics.hidden_counters(seen.store)
    wrong = []
    rows = 0
    for table in among:
        lies = forensics.layout(seen.store.database, table)
        rows += lies.rows
        if (table in counted and lies.rows) or lies.tells:
            wrong.append(f"{table}: {lies.rows} rows as they came")
    return _found(wrong, f"{_n(rows, 'row')} in the order of random ids", do)


@_attack(FILES, "A5", "what was deleted, on pages that are free now")
def _deleted(seen: Scene) -> Found:
    free = forensics.free_pages(seen.store)
    if not isinstance(seen.store.database, Path):
        return _erased_rows(free)
    legible = forensics.legible_free_pages(seen.store.database)
    do = "Stop the server and run VACUUM on the file with secure_delete=ON; use this programme alone to write it."
    return _found(
        [f"{_n(legible, 'free page')} can be read"] * (legible > 0), f"{_n(free, 'free page')}, empty", do
    )


def _erased_rows(count: int) -> Found:
    if not count:
        return "holds", "no erased row", ""
    do = (
        "PostgreSQL leaves changed and erased rows where they were, sealed drafts among them, until the store is "
        "written anew: whoever looks after the server runs `surveyapp retention run` once a day."
    )
    return "known", _n(count, "erased row"), do


@_attack(FILES, "A5", "drafts of those who have sent their answers")
def _finished_drafts(seen: Scene) -> Found:
    left = sum(code in seen.used for code, _, _ in seen.drafts)
    do = "Delete these drafts: they should have gone when the answers were sent."
    return _found([f"{_n(left, 'draft')} left"] * (left > 0), "none is left", do)


@_attack(FILES, "A6", "journals, logs and half-written files beside the database")
def _leftovers(seen: Scene) -> Found:
    half = [path.name for path in seen.store.paths if path.name.startswith(".")]
    do = "Stop the server, run any command of surveyapp, look again; delete files that begin with a dot."
    if not isinstance(seen.store.database, Path) and not half:
        return "known", seen.store.database.log(), _OF_LOG
    return _found([*forensics.beside(seen.store.database), *half], "none", do)


_OF_LOG = (
    "The server's write-ahead log keeps what was written last in its order, each sealed box beside its "
    "invitation: keep no archive of it, set wal_recycle = off, and keep the key elsewhere."
)


@_attack(FILES, "A9", "how long boxes and drafts are")
def _lengths(seen: Scene) -> Found:
    found = {table: len(forensics.lengths(seen.store.database, table)) for table in ("tray", "draft")}
    wrong = [f"{table}: {n} lengths" for table, n in found.items() if n > seen.sizes]
    return _found(wrong, "all equally long in each wave", "Lengths tell how much was written: pass no copy on.")


@_attack(FILES, "A14", "drafts with the secrets of the server, without an access code")
def _drafts_without_code(seen: Scene) -> Found:
    opened = sum(_opens(seen.store.keys, *draft) for draft in seen.drafts)
    do = "Drafts open without their access code: replace this programme by one that was not altered."
    nothing = f"{_n(len(seen.drafts), 'draft')}, none opens" if seen.drafts else "no draft lies here"
    return _found([f"{_n(opened, 'draft')} opened"] * (opened > 0), nothing, do)


def _opens(secrets: Iterable[bytes], code_hash: bytes, salt: bytes, box: bytes) -> bool:
    """Whether a draft is plain, or opens with a secret by itself or with what stands beside it."""
    if forensics.legible(box):
        return True
    for secret in secrets:
        made = [privacy.draft_key(guess, salt, secret) for guess in ("", code_hash.hex())]
        for key in (secret, *made):
            try:
                privacy.open_draft(key, box, code_hash)
            except (privacy.CannotOpen, ValueError):
                continue
            return True
    return False


@_attack(FILES, "A8", "sealed boxes with the keys that lie here")
def _boxes_with_keys(seen: Scene) -> Found:
    plain = sum(map(forensics.legible, seen.boxes))
    if plain:
        return "fails", f"{_n(plain, 'answer')} not sealed at all", "Answers wait unsealed: take this site down."
    here = any(_fits(key, seen.of.public_key) for key in _keys_anywhere(seen.store))
    if not here:
        return "holds", "the key of this wave is not here", ""
    waiting = f"{len(seen.boxes):,} in the tray" if seen.boxes else "the tray is empty"
    if seen.of.key_place == "holder":
        do = "Respondents were told that the key is kept elsewhere: move it off this server, overwrite it here."
        return "fails", f"the key lies here; {waiting}", do
    do = (
        "The key is on the server: a weaker promise, and respondents are told so. Whoever runs the server can "
        "open sealed answers"
    )
    if seen.of.state == "open" or seen.boxes:
        return "known", f"the key lies here; {waiting}", f"{do}. To keep it elsewhere: wave open --key FILE."
    return "known", f"the key lies here; {waiting}", f"{do} in old copies of the file. Destroy it, and those."


def _keys_anywhere(store: Store) -> list[bytes]:
    keys = store.folder / "keys"
    return _private_keys([*store.paths, *(path for path in keys.glob("*") if path.is_file())])


def _fits(private: bytes, public: bytes) -> bool:
    try:
        privacy.rehearse(private, public)
    except (privacy.CannotOpen, ValueError):
        return False
    return True


@_attack(FILES, "A11", "when the file was last written")
def _file_time(seen: Scene) -> Found:
    if not seen.in_field:
        return "holds", "by a command of staff", ""
    do = "The time of the file is that of the last page saved or sent: it says that somebody was there, not what."
    return "known", "at the last page saved or sent", do


@_attack(FILES, "A16", "tables that keep visits, or that are on neither side")
def _other_tables(seen: Scene) -> Found:
    known = {*seen.store.people, *seen.store.answers, *SHARED, *STAFF, *PAPERS}
    found = forensics.tables(seen.store.database) - known
    return _found(found, "none", "Look at who made these tables; this programme did not.")


_NAMING = frozenset(
    {
        *("organisation.unit", "organisation.name", "organisation.email"),
        *("invitation.id", "invitation.unit", "invitation.code_hash", "invitation.salt"),
        *("draft.code_hash", "draft.box", "tray.id", "tray.box", "response.id"),
        *("verbatim.id", "verbatim.text", "quotation.words"),
    }
)
"""Columns whose values name an organisation, a respondent or an answer, wherever they stand."""


@_attack(FILES, "A16", "respondents and answers in what is kept of the staff's work")
def _respondents_among_staff(seen: Scene) -> Found:
    there = tuple(table for table in STAFF if forensics.names(seen.store.database, table))
    accounts = forensics.columns(seen.store.database, {"account"} & set(there))
    staff = {value for values in accounts.values() for value in values}  # who may be in the frame too
    found = forensics.told(replace(seen.store, public=seen.store.public | staff), _NAMING, there)
    do = "The trail, jobs and accounts must name no organisation and no answer: look at who wrote them there."
    return _found({f"{one} holds {other} ({how})" for one, other, how in found}, "none", do)


@_attack(FILES, "A16", "a respondent's cookie, without the secret of the server")
def _cookies(seen: Scene) -> Found:
    secret = privacy.new_secret()
    contents = (b'{"visitor":{}}', b'{"visitor":{"visit":["a-wave","' + b"f" * 64 + b'"]}}')
    sealed = [seen.cookie(secret, content) for content in contents]
    wrong = ["it can be read"] * any(part in sealed[1] for part in (b"visitor", b"dmlzaXRvc"))
    wrong += ["its length tells how far one is"] * (len(sealed[0]) != len(sealed[1]))
    return _found(wrong, "closed, and always equally long", "Replace this programme by one that was not altered.")


@_attack(FILES, "--", "settings of the store that let something linger")
def _settings(seen: Scene) -> Found:
    do = "Update the sqlite3 library, or set PostgreSQL as the manual says; write the store with surveyapp alone."
    return _found(forensics.amiss(seen.settings), "all as they should be", do)


@_attack(FILES, "--", "files that others on this machine may read")
def _permissions(seen: Scene) -> Found:
    store = seen.store
    folders = [store.folder, *(path for path in store.folder.rglob("*") if path.is_dir())]
    secret = [*(store.folder / "keys").glob("*"), *(path for path in store.paths if path.suffix == ".eml")]
    file = [store.database] if isinstance(store.database, Path) else []
    bare = forensics.open_to_others([*folders, *secret, *file, *forensics.copies(store)])
    do = "Take these rights away: chmod -R go= on the folder. Then look who may have read them."
    return _found({path.name for path in bare}, "none", do)


@_attack(BACKUPS, "A7", "answers that one copy has and the one before has not")
def _differences(seen: Scene) -> Found:
    series: list[Place] = [*forensics.copies(seen.store), seen.store.database]
    few = 0
    for older, newer in pairwise(series):
        try:
            grown = forensics.additions(older, newer, "response", _GROUPS if _grouped(older, newer) else ())
        except Exception as error:  # noqa: BLE001 (whatever SQLite says of a file that is none)
            return "fails", f"{older.name}: {type(error).__name__}", "Look at this file: it cannot be read."
        few += sum(0 < n < privacy.SMALLEST_CELL for n in grown.values())
    do = "A few answers came between two copies: destroy one of the two."
    nothing = f"{_n(len(series) - 1, 'copy', 'copies')}, no small step" if len(series) > 1 else "no copy lies here"
    return _found([f"{_n(few, 'step')} of fewer than {privacy.SMALLEST_CELL} answers"] * (few > 0), nothing, do)


_GROUPS = ("wave", "cell")


def _grouped(*copies: Place) -> bool:
    return all(set(_GROUPS) <= forensics.names(copy, "response") for copy in copies)


@_attack(BACKUPS, "A8", "sealed boxes and drafts in copies from within fieldwork")
def _boxes_in_copies(seen: Scene) -> Found:
    kept = [copy for copy in forensics.copies(seen.store) if forensics.names(copy, "tray")]
    counted = [copy.name for copy in kept if forensics.hidden_counters(_as_store(seen.store, copy))]
    if counted:
        return _found(counted, "", "These copies hold answers in the order of their arrival: destroy them.")
    full = [copy for copy in kept if forensics.rows(copy, "tray", "id")]
    if not full:
        return "holds", "no copy here holds any", ""
    do = (
        "Copies from within fieldwork and the key together give the order of arrival: keep copies for 14 days at "
        "most, away from the key, and destroy the key after the tray is opened."
    )
    return "known", f"{len(full)} of {len(kept)} copies here hold some, sealed", do


def _as_store(store: Store, copy: Path) -> Store:
    there = tuple(table for table in store.answers if forensics.names(copy, table))
    return Store(copy.parent, copy, (), there, frozenset(), ())


@_attack(MANAGER, "A10", "the hour at which an organisation answered")
def _hours(seen: Scene) -> Found:
    found = forensics.hours(seen.store.database, seen.store.people)
    return _found(found, "days are the finest time", "Erase the hours; keep days alone.")


@_attack(MANAGER, "A10", "the days of answering, after the close")
def _days(seen: Scene) -> Found:
    if seen.of.state == "open":
        do = "The day on which an organisation answered is kept until the wave is closed; respondents are told."
        return ("known", _n(seen.days, "day"), do) if seen.days else ("holds", "none yet", "")
    return _found(
        [_n(seen.days, "day")] * (seen.days > 0), "none is kept", "Erase them: closing the wave did not."
    )


@_attack(ANALYST, "A21", "released answers that share their stratum cell with few")
def _small_cells(seen: Scene) -> Found:
    few = _rare(Counter(cell for _, cell in seen.released if cell))
    do = "Do not hand answers on with their cell; these cells single respondents out."
    return _found(few, _smallest(Counter(cell for _, cell in seen.released)), do)


@_attack(ANALYST, "A20", "released answers that share their version with few of their cell")
def _rare_versions(seen: Scene) -> Found:
    of_cells: dict[str, Counter[str]] = {}
    for version, cell in seen.released:
        of_cells.setdefault(cell, Counter())[version or "none"] += 1
    all_of = Counter(version or "none" for version, _ in seen.released)
    few = {rare for counts in [all_of, *of_cells.values()] if len(counts) > 1 for rare in _rare(counts)}
    do = "Hand answers on without their version: a rare one tells who answered before or after the wave was moved."
    return _found(few, _n(len({version for version, _ in seen.released}), "version"), do)


def _rare(counts: Mapping[str, int]) -> list[str]:
    return [f"{name}: {n}" for name, n in counts.items() if n < privacy.SMALLEST_CELL]


def _smallest(counts: Mapping[str, int]) -> str:
    return (
        f"{_n(len(counts), 'cell')}, the smallest of {min(counts.values())}" if counts else "no answer is released"
    )


@_attack(ANALYST, "A22", "open answers joined to the other answers of the same respondent")
def _joined_words(seen: Scene) -> Found:
    found = forensics.references(seen.store.database, "verbatim", "response")
    return _found(
        found, "they have ids of their own", "Bring the schema to that of the programme: words are joined."
    )


@_attack(ANALYST, "A22", "names and addresses of organisations in what respondents wrote")
def _names_in_words(seen: Scene) -> Found:
    written = b"\0".join(
        value
        for name, values in forensics.columns(seen.store.database, seen.of_answers).items()
        if seen.spoken(name)
        for value in values
    )
    named = sum(name in written for name in seen.units | seen.addresses)
    if not named:
        return "holds", "none", ""
    do = "Respondents may name anybody, and were warned. Take names out before words are handed on."
    return "known", f"{_n(named, 'organisation')} named", do


@_attack(ANALYST, "A25", "times, persons and addresses in workbooks and other files made here")
def _exports(seen: Scene) -> Found:
    paths = [path for path in seen.store.paths if path.suffix in {".xlsx", ".docx", ".csv", ".json"}]
    wrong = [f"{path.name} says when or by whom" for path in paths if forensics.stamped(path)]
    wrong += [f"{path.name} holds addresses" for path in paths if forensics.holding(path, seen.addresses)]
    do = "Make the file again as an export of tables and hand that on, not one saved by another programme."
    return _found(wrong, f"{_n(len(paths), 'file')}, none" if paths else "no file lies here", do)


_CODE = rb"(?<![0-9A-Z-])[0-9A-HJKMNP-TV-Z]{5}(?:-[0-9A-HJKMNP-TV-Z]{5}){3}(?![0-9A-Z-])"
_IN_PATH = re.compile(rb"https?://[^\s#]*[/?=&](" + _CODE + rb")")


@_attack(MAIL, "A14", "access codes in letters, and what they open")
def _codes_in_letters(seen: Scene) -> Found:
    codes = {code for letter in _letters(seen.store) for code in re.findall(_CODE, letter)}
    if any(_IN_PATH.search(letter) for letter in _letters(seen.store)):
        do = "Links carry the code before the #: it stands in logs on the way. Issue new codes."
        return "fails", "codes in the address of a link", do
    normal = {privacy.code_hash(privacy.normal_code(code.decode()) or "") for code in codes}
    usable = len(normal - seen.used) + seen.waiting
    if not usable:
        return "holds", f"{_n(len(codes), 'code')}, all used" if codes else "no letter lies here", ""
    do = (
        "Each opens an unfinished draft until the answers are sent, and nothing afterwards; respondents are told. "
        "Delete letters here once they are on their way."
    )
    drafts = sum(code in normal for code, _, _ in seen.drafts)
    return "known", f"{_n(usable, 'usable code')}, {_n(drafts, 'draft')} behind them", do


_DATED = re.compile(rb"^(?:Date|Message-ID):.*?(\d{4}\s+\d\d):\d\d", re.MULTILINE | re.IGNORECASE)


@_attack(MAIL, "A15", "the time of a letter, as the time at which somebody did something")
def _letter_times(seen: Scene) -> Found:
    letters = _letters(seen.store)
    hours = {found[1] for letter in letters if (found := _DATED.search(letter))}
    do = "Letters of a day go out in one batch: look at who writes them one by one."
    wrong = [f"letters of {len(hours)} hours"] * (len(hours) > len({hour[:4] for hour in hours}))
    return _found(wrong, f"{_n(len(letters), 'letter')}, no time of an event", do)


def _letters(store: Store) -> list[bytes]:
    return [forensics.letter(path) for path in store.paths if path.suffix == ".eml"]


_TRACES = {
    "access codes": re.compile(_CODE),
    "addresses of computers": re.compile(rb"(?<![\d./:])(?!0\.0\.0\.0)\d{1,3}(?:\.\d{1,3}){3}(?![\d.:])"),
    "browsers": re.compile(rb"Mozilla/|AppleWebKit"),
    "pages of respondents": re.compile(rb"(?:GET|POST) /(?:answer|open)"),
}


@_attack(LOGS, "A12", "codes, addresses, browsers and pages of respondents")
def _log_lines(seen: Scene) -> Found:
    found = {
        f"{what} in {path.name}"
        for path in seen.logs
        for content in [read_file(path)]
        for what, pattern in _TRACES.items()
        if pattern.search(content)
    }
    do = "Turn the access log off for /answer and /open, and destroy what was written."
    nothing = f"{_n(len(seen.logs), 'log')}, none" if seen.logs else "no log lies here (name others with --log)"
    return _found(found, nothing, do)
