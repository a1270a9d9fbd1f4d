"""The connection to PostgreSQL breaks at any request of a job: it is whole or undone, and a second try is right.

A connection that breaks after a commit leaves the client without an answer: it says that nothing is certain, and
whoever tries again hears what was done.
"""

import gc
import random
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import event

from surveyapp import campaigning, collecting, reporting, writing
from surveyapp.mail import Folder
from surveyapp.problems import AlreadyReceived, SurveyError
from surveyapp.storage import backups
from surveyapp.storage.database import Database, connect
from surveyapp.writing import Desk
from tests.faults import careless_jobs, jobs, places
from tests.faults.books import assert_books_balance, assert_pages_open
from tests.faults.killing import OF_OTHERS, SEED
from tests.faults.letters import everybody_has_one, letters_are_whole
from tests.faults.places import WAVE, Place, store
from tests.faults.wire import ANSWERED, ASKED, Wire, requests_of, wire
from tests.makers import PEPPER, TODAY, make_answers, opened
from tests.server import Server, name_of

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.filterwarnings("ignore:<psycopg.ServerCursor:ResourceWarning"),  # not closed on a dead connection
]

CUTS = max(OF_OTHERS // 6, 3)
"""How often each job is cut before a request, and as often before its answer; a visit four times as often."""

Step = Callable[..., Any]


@pytest.fixture
def cut(server: Server) -> Iterator[Wire]:
    with wire(server) as made:
        yield made


def _points(made: Wire, job: Callable[[], None], most: int, at_commits: bool) -> list[tuple[int, str]]:
    """Do a job once, and say where it can be cut: so many places by chance, or where a careless one must break."""
    commits: list[int] = []

    def note(_connection: sa.Connection) -> None:
        commits.append(made.asked)

    event.listen(sa.Engine, "commit", note)
    every = requests_of(made, job)
    event.remove(sa.Engine, "commit", note)
    if at_commits:
        return [(at, ANSWERED) for at in commits]
    points = [(at, when) for at in range(every) for when in (ASKED, ANSWERED)]
    return random.Random(SEED).sample(points, min(len(points), most))


# ── saving and sending ───────────────────────────────────────────────────────


@dataclass
class Respondent:
    """Somebody with an access code, and what the pages have said."""

    db: Database
    code: str
    save: Step = collecting.save_page
    submit: Step = collecting.submit
    saved: dict[str, Any] | None = None
    received: bool = False

    def visit(self) -> None:
        """Two pages, then everything is sent."""
        self.saved = self.saved or {}
        try:
            here = collecting.enter(self.db, PEPPER, self.code, TODAY)
            for page, names in jobs.PAGES.items():
                answers = {n: a for n, a in make_answers(issues=self.code).items() if n in names}
                self.save(self.db, here, page, opened(self.db, here, page, answers), TODAY)
                self.saved |= answers
            self.submit(self.db, here, TODAY)
        except AlreadyReceived:
            pass  # the page says so
        self.received = True


def _visits_cut(server: Server, made: Wire, folder: Path, at_commits: bool = False, **how: Step) -> list[str]:
    """Cut visits at requests drawn by chance, or after each commit; what was found, as far as the first of it."""
    place = places.fielded(folder, units=142, address=server.new())
    codes, right = iter(place.codes.values()), store(place.home)
    over = connect(made.over(place.home.address))
    told: list[str] = []
    Respondent(over, next(codes), **how).visit()  # the first makes the connections
    points = _points(made, Respondent(over, next(codes), **how).visit, 8 * CUTS, at_commits)
    try:
        for at, when in points:
            one = Respondent(over, next(codes), **how)
            made.arm(at, when)
            with suppress(SurveyError):  # a connection that breaks between two transactions is replaced
                one.visit()
            assert made.cut.is_set(), "nothing was cut"
            held = assert_books_balance(right, told, WAVE, place.key)
            assert_pages_open(right, [(one.code, one.saved or {})] if one.code not in held else [])
            made.arm()
            one.visit()
            told.append(one.code)
        assert_books_balance(right, told, WAVE, place.key)
    except AssertionError as fault:
        return [str(fault).split("\n")[0]]
    finally:
        over.close()
        right.close()
        server.drop(place.home.address)
    return []


def test_a_visit_that_is_cut_anywhere_loses_nothing_and_is_received_once(
    server: Server, cut: Wire, tmp_path: Path
) -> None:
    assert _visits_cut(server, cut, tmp_path) == []


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"submit": careless_jobs.done_before_the_box}, "flagged done"),
        ({"submit": careless_jobs.box_before_done}, "flagged done"),
        ({"save": careless_jobs.draft_deleted_first}, "saved but lost"),
    ],
    ids=lambda value: next(iter(value.values())).__name__ if isinstance(value, dict) else "",
)
def test_a_careless_visit_that_is_cut_is_caught(
    server: Server, cut: Wire, tmp_path: Path, how: dict[str, Step], words: str
) -> None:
    (found,) = _visits_cut(server, cut, tmp_path, at_commits=True, **how)
    assert words in found


# ── releases, invitations, the close, backups ────────────────────────────────


@dataclass(frozen=True)
class Work:
    """A job over a connection, where it begins, what must hold after a cut, and once it was done again."""

    name: str
    begin: Callable[[Path, str], Place]
    do: Callable[[Database, Place], None]
    holds: Callable[[Place], None]
    ended: Callable[[Place], None]


def _release(step: Step = reporting.open_tray) -> Callable[[Database, Place], None]:
    return lambda db, place: step(db, WAVE, place.key)


def _invite(step: Step = writing.invite) -> Callable[[Database, Place], None]:
    headings = {"address": "https://x.example", "sender": "office@example.org"}

    def invite(db: Database, place: Place) -> None:
        out = Folder(place.home.outbox / WAVE)
        step(Desk(db, place.home.outbox_key, out, TODAY), WAVE, **headings)

    return invite


def _copy(db: Database, place: Place) -> None:
    """Under a new name each time, as every backup of the installation's own."""
    backups.back_up(db, backups.new_name(place.home.backups, TODAY))


def _closed(path: Path, address: str) -> Place:
    place = places.fielded(path, sent=40, address=address)
    _look(place, lambda db: campaigning.close_wave(db, WAVE, TODAY))
    return place


def _look(place: Place, look: Callable[[Database], Any]) -> Any:
    db = store(place.home)
    try:
        return look(db)
    finally:
        db.close()


def _sent_are_held(place: Place) -> None:
    _look(place, lambda db: assert_books_balance(db, place.sent, WAVE, place.key))


def _all_are_out(place: Place) -> None:
    _sent_are_held(place)
    status = _look(place, lambda db: campaigning.status(db, WAVE))
    assert (status.released, status.tray) == (40, 0)


def _is_closed(place: Place) -> None:
    _sent_are_held(place)
    assert _look(place, lambda db: campaigning.status(db, WAVE)).wave.state == "closed"


def _copies_are_whole(place: Place) -> None:
    """Whatever bears the name of a backup, with its hash, can be restored."""
    _sent_are_held(place)
    for number, copy in enumerate(backups.backups(place.home.backups)):
        if backups._sum_file(copy.path).exists():
            back = replace(place.home, path=place.home.path / f"back-{number}", address="").make()
            back.database.unlink(missing_ok=True)
            backups.restore(copy.path, back.database)
            _sent_are_held(replace(place, home=back))


WORKS = (
    Work("opening the tray", _closed, _release(), _sent_are_held, _all_are_out),
    Work("inviting", places.uninvited, _invite(), letters_are_whole, everybody_has_one),
    Work(
        "closing",
        lambda path, address: places.fielded(path, sent=20, saved=10, address=address),
        lambda db, _place: campaigning.close_wave(db, WAVE, TODAY),
        _sent_are_held,
        _is_closed,
    ),
    Work(
        "backing up",
        lambda path, address: places.fielded(path, sent=20, address=address),
        _copy,
        _copies_are_whole,
        _copies_are_whole,
    ),
)


def _cut_again_and_again(
    work: Work, server: Server, made: Wire, folder: Path, at_commits: bool = False
) -> list[str]:
    """Cut work at requests drawn by chance, or after each commit; what was found, as far as the first of it."""
    begun = work.begin(folder / "begun", server.new())
    first = _again(begun, server, folder / "counted")
    points = _over(made, first, lambda db: _points(made, lambda: work.do(db, first), 2 * CUTS, at_commits))
    found: list[str] = []
    for at, when in points:
        here = _again(begun, server, folder / "here")
        try:
            _over(made, here, lambda db, here=here, at=at, when=when: _one_cut(work, made, db, here, at, when))
            work.ended(here)
        except AssertionError as fault:
            found.append(f"{str(fault).splitlines()[0]} (cut at {at}, {when})")
        server.drop(here.home.address)
        if found:
            break
    return found


def _one_cut(work: Work, made: Wire, db: Database, here: Place, at: int, when: str) -> None:
    made.arm(at, when)
    with suppress(SurveyError):
        work.do(db, here)
    assert made.cut.is_set(), "nothing was cut"
    work.holds(here)
    made.arm()
    with suppress(SurveyError):  # closed already
        work.do(db, here)


def _again(begun: Place, server: Server, to: Path) -> Place:
    """The same once more, with a store of its own."""
    here = begun.copied(to)
    return replace(here, home=replace(here.home, address=server.new(name_of(begun.home.address))))


def _over(made: Wire, place: Place, do: Callable[[Database], Any]) -> Any:
    """Over a wire whose connections are there already."""
    db = connect(made.over(place.home.address))
    try:
        return do(db)
    finally:
        db.close()


@pytest.mark.parametrize("work", WORKS, ids=lambda work: work.name)
def test_work_that_is_cut_anywhere_is_whole_or_undone(work: Work, server: Server, cut: Wire, folder: Path) -> None:
    assert _cut_again_and_again(work, server, cut, folder) == []
    gc.collect()


@pytest.mark.parametrize(
    ("work", "do", "words"),
    [
        (WORKS[0], _release(careless_jobs.emptied_before_released), "told but lost"),
        (WORKS[1], _invite(careless_jobs.codes_before_letters), "somebody has a code and no letter"),
    ],
    ids=["tray emptied before it is released", "codes before letters"],
)
def test_careless_work_that_is_cut_is_caught(
    work: Work, do: Any, words: str, server: Server, cut: Wire, folder: Path
) -> None:
    (found,) = _cut_again_and_again(replace(work, do=do), server, cut, folder, at_commits=True)
    assert words in found
