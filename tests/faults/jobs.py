"""What is done while a process is killed: each job is one use case, with its decisive step as an argument.

The step is ours, or a careless one of `careless_jobs`, which must be caught by the same checks.
"""

from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from surveyapp import (
    campaigning,
    collecting,
    drafting,
    privacy,
    reporting,
    retaining,
    returning,
    staffing,
    writing,
)
from surveyapp.analysis.microdata import Microdata
from surveyapp.analysis.report import Report, WaveFacts
from surveyapp.config import Home, ready, write_aside, write_once
from surveyapp.instrument import route
from surveyapp.mail import transport
from surveyapp.problems import AlreadyReceived
from surveyapp.staffing import By
from surveyapp.storage import backups, parts, snapshots
from surveyapp.storage.database import Connection, connect
from surveyapp.working import openings
from surveyapp.working.queue import DOUBT, LEASE, Task, _taken, carry_out
from surveyapp.writing import Desk
from tests.faults import victims
from tests.faults.places import WAVE, store
from tests.makers import PEPPER, TODAY, make_answers, make_frame, opened

Step = Callable[..., Any]

PAGES = {"p1": ("kind", "sources"), "p2": ("partners.police", "partners.health", "issues")}
Files = Mapping[str, bytes]
"""By their names in the installation's folder."""

LATER = TODAY + timedelta(days=100)
NOW = 1_326_700_000
IN_HAND = b"0 sealed, one in hand"
"""What a sitting holds before its return is sealed; what is in it is none of the store's business."""


def visit(
    home: Home, code: str, told: Path, save: Step = collecting.save_page, submit: Step = collecting.submit
) -> None:
    """One respondent: two pages are saved, the answers are sent; what each page said is told."""
    db = store(home)
    try:
        here = collecting.enter(db, PEPPER, code, TODAY)
        for page, names in PAGES.items():
            answers = {name: answer for name, answer in make_answers(issues=code).items() if name in names}
            save(db, here, page, opened(db, here, page, answers), TODAY)
            victims._tell(told, f"saved {code} {page}")
        submit(db, here, TODAY)
    except AlreadyReceived:
        pass  # the page says so, and it is as good as the thanks
    victims._tell(told, f"received {code}")


def release(home: Home, key: bytes, open_tray: Step = reporting.open_tray) -> None:
    """The tray is opened."""
    open_tray(store(home), WAVE, key)


def close(home: Home, close_wave: Step = campaigning.close_wave) -> None:
    """The wave is closed."""
    close_wave(store(home), WAVE, TODAY)


def invite(home: Home, smtp: str = "", run: Step = writing.invite) -> None:
    """Everybody is invited, into the folder of letters or through a mail server."""
    out = transport(home.outbox / WAVE, smtp, "")
    desk = Desk(store(home), home.outbox_key, out, TODAY)
    run(desk, WAVE, address="https://x.example", sender="office@example.org")


def open_wave(home: Home, step: Step = campaigning.open_wave) -> None:
    """A wave is opened whose key stays on the server."""

    def keep(private: bytes) -> None:
        write_once(home.wave_key(WAVE), privacy.key_file(WAVE, private).encode())

    settings = {"carry": ["region"], "key_place": "server", "closes": None, "today": TODAY}
    step(store(home), WAVE, "tiny", "1", make_frame(), keep_key=keep, **settings)


def open_prepared(home: Home, do: Step = openings.open_prepared) -> None:
    """A worker opens a prepared wave, or takes up what one left that is no more."""
    db = store(home)
    for now in (NOW, NOW + LEASE + 1, NOW + LEASE + DOUBT + 3):
        clock: Callable[[], int] = lambda now=now: now  # noqa: E731
        if job := _taken(db, clock):
            carry_out(Task(job, db, home, TODAY, clock), do)


def load(home: Home, content: bytes, load_returns: Step = returning.load_returns) -> None:
    """Returns on paper are loaded from a file."""
    load_returns(store(home), WAVE, "returns.csv", content, TODAY, unit_column="unit")


def write(path: Path, content: bytes, put: Step = write_aside) -> None:
    """A file is written over one that is there already."""
    put(path, content)


def erase(home: Home, run: Step = retaining.run) -> None:
    """What is over is erased."""
    run(store(home), home, LATER)


def copy(home: Home, path: Path, back_up: Step = backups.back_up) -> None:
    """The database is copied."""
    back_up(store(home), path)


def publish_tables(home: Home, compiled: Report, files: Files, publish: Step = reporting.publish) -> None:
    """The tables of a wave are written and enter the ledger."""
    publish(store(home), compiled, ready({home.path / name: content for name, content in files.items()}))


def give_out(home: Home, data: Microdata, facts: WaveFacts, files: Files, step: Step = reporting.give_out) -> None:
    """Microdata are written and enter the ledger."""
    step(store(home), data, facts, ready({home.path / name: content for name, content in files.items()}))


def keep_columns(home: Home, mark: str, table: pa.Table, keep: Step = snapshots.keep) -> None:
    """The columns of a wave are kept in place of older ones."""
    keep(home.released, WAVE, mark, {"1": table})


def keep_parts(home: Home, mark: str, numbers: list[list[int]], keep: Step = parts.keep) -> None:
    """The parts of a large wave are kept in place of older ones."""
    keep(home.released, WAVE, mark, ({"kind": np.array(some)} for some in numbers), {"n": len(numbers)})


def key_return(home: Home, token: str, seal: Step = returning.enter) -> None:
    """The return in hand is sealed into the tray and leaves the sitting, which began on an earlier page."""
    db, at = store(home), returning.place(token, WAVE, PEPPER)
    kept = returning.read_sitting(db, at)
    if kept is None or kept.content != IN_HAND:
        return
    instrument = returning.keyed_wave(db, WAVE)[1]

    def settle(connection: Connection) -> None:
        returning.keep_sitting(connection, at, kept, b"1 sealed", TODAY)

    seal(db, WAVE, "U007", route(instrument, make_answers(issues="U007")), TODAY, settle)


def save_manuscript(home: Home, text: str, save: Step = drafting.save) -> None:
    """An author saves a questionnaire that was read at its first revision."""
    save(store(home), "tiny", "spring", text, 1, "author@example.org", TODAY)


def publish_manuscript(home: Home, publish: Step = drafting.publish) -> None:
    """A questionnaire is published and put away."""
    publish(store(home), "tiny", "spring", 1, "2", TODAY)


def set_roles(home: Home, account: bytes, step: Step = staffing.set_roles) -> None:
    """Somebody is given a role; the trail says so."""
    roles = {"tiny": frozenset({"analyst"})}
    step(store(home), account, roles, By("admin@example.org", 1_326_700_000))


def bring_up(place: Path | str) -> None:
    """The newest schema in a store that holds data."""
    connect(place, older=True).close()


def migrate(home: Home, step: Step = bring_up) -> None:
    """The newest schema is brought about."""
    step(home.store)


def restore(home: Home, copy: Path, step: Step = backups.restore) -> None:
    """A backup is put where there is no database."""
    step(home.path / copy, home.store)
